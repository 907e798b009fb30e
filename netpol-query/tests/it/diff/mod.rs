//! `netpol-query diff` as a script sees it: on directories, and in repositories that the tests make with git.

mod comment;
mod doubt;
mod gates;
mod history;
mod origins;
mod repository;
mod review;

use serde_json::Value;

pub(crate) use repository::{Ran, Repository};

/// The cluster before any change: a web server, a database behind it, and a gateway in another namespace.
pub(crate) const BEFORE: [(&str, &str); 3] = [
    ("k8s/namespaces.yaml", include_str!("namespaces.yaml")),
    ("k8s/workloads.yaml", include_str!("workloads.yaml")),
    ("k8s/policies.yaml", include_str!("policies.yaml")),
];

/// Returns the change, source, destination and causes of each row.
pub(crate) fn rows(json: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |row: &Value| {
        let [src, dst] = ["src", "dst"].map(|end| text(&row[end]["id"]));
        let because = row["because"].as_array().unwrap().iter();
        let because: Vec<String> = because
            .map(|b| {
                format!(
                    "{} {} {}:{}",
                    text(&b["object"]),
                    text(&b["change"]),
                    text(&b["file"]),
                    b["line"]
                )
            })
            .collect();
        (format!("{} {src} > {dst}", text(&row["change"])), because.join(", "))
    };
    json["rows"].as_array().unwrap().iter().map(row).collect()
}
