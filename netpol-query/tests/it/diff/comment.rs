//! The comment on a pull request.

use std::fmt::Write as _;

use super::{BEFORE, Repository};

/// Makes manifests of many workloads, each with its own port so that rows do not fold, closed or open to one another.
fn many(count: usize, open: bool) -> String {
    let mut text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n".to_owned();
    for i in 0..count {
        write!(
            text,
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}, namespace: a, labels: {{n: n{i}}}}}\n\
             spec: {{containers: [{{name: c, image: i}}]}}\n\
             ---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{i}, namespace: a}}\n\
             spec: {{podSelector: {{matchLabels: {{n: n{i}}}}}, ingress: [{}]}}\n",
            if open { format!("{{ports: [{{port: {}}}]}}", 1000 + i) } else { String::new() }
        )
        .unwrap();
    }
    text
}

/// Returns the rows of the tables of a comment.
fn listed(comment: &str) -> usize {
    comment.lines().filter(|line| line.starts_with("| ➕") || line.starts_with("| ➖")).count()
}

#[test]
fn a_comment_is_never_longer_than_one_may_be_and_says_what_it_leaves_out() {
    let folder = Repository::folder(&[
        ("old/all.yaml", &many(60, false)),
        ("new/all.yaml", &many(60, true)),
    ]);
    let run = || folder.run(&["diff", "--base", "old", "--head", "new", "-o", "markdown"]);
    let comment = run().out;
    assert!(comment.chars().count() <= 65_000 && comment.chars().count() > 60_000);
    let total =
        folder.run(&["diff", "--base", "old", "--head", "new", "-o", "csv"]).out.lines().count()
            - 1;
    assert_eq!(total, 60 * 60);
    let more = format!("… and {} more rows than a comment can hold", total - listed(&comment));
    assert!(comment.contains(&more), "{}", &comment[comment.len() - 600..]);
    assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
    assert!(
        comment
            .starts_with("<!-- netpol-query:diff -->\n### Network policy: 3600 opened · 0 closed")
    );
    assert_eq!(comment, run().out);
}

#[test]
fn few_rows_are_all_there_and_those_beyond_ten_are_folded() {
    let folder =
        Repository::folder(&[("old/all.yaml", &many(5, false)), ("new/all.yaml", &many(5, true))]);
    let comment = folder.run(&["diff", "--base", "old", "--head", "new", "-o", "markdown"]).out;
    assert_eq!(listed(&comment), 25, "{comment}");
    assert!(comment.contains("#### Opened inside a namespace (20)"), "{comment}");
    assert!(comment.contains("<details><summary>10 more</summary>\n\n| | from |"), "{comment}");
    assert!(!comment.contains("… and"), "{comment}");
}

#[test]
fn rows_are_ordered_by_risk() {
    let folder = Repository::folder(&BEFORE);
    folder.write(
        "new/all.yaml",
        &BEFORE
            .map(|(_, text)| text.trim_end())
            .join("\n---\n")
            // The gateway is open to everybody, and may leave the cluster.
            .replace("  podSelector: {}\n  policyTypes: [Ingress, Egress]\n  egress:\n    - to: [{namespaceSelector: {matchLabels: {team: shop}}}]", "  podSelector: {matchLabels: {app: none}}")
            // The web server reaches the database no more, and the database the web server.
            .replace("    - to: [{podSelector: {matchLabels: {app: db}}}]", "    - to: [{podSelector: {matchLabels: {app: none}}}]\n  ingress:\n    - from: [{podSelector: {matchLabels: {app: db}}}]")
            .replace("      ports: [{port: pg}]", "      ports: [{port: pg}]\n  egress: [{}]"),
    );
    let comment = folder.run(&["diff", "--base", "k8s", "--head", "new", "-o", "markdown"]).out;
    let sections: Vec<&str> = comment
        .lines()
        .filter_map(|line| line.strip_prefix("#### "))
        .map(|line| line.split(" (").next().unwrap())
        .collect();
    let expected = [
        "Opened from outside",
        "Opened to the outside",
        "Opened across namespaces",
        "Opened inside a namespace",
        "Closed, behind a Service",
    ];
    assert_eq!(sections, expected, "{comment}");
    assert!(comment.contains("behind `shop/svc/db`"), "{comment}");
    assert!(comment.contains("**How far it reaches now**"), "{comment}");
}

#[test]
fn names_are_shown_and_never_obeyed() {
    let folder = Repository::folder(&BEFORE);
    let hostile = "new/a|b @team `x` <img src=x> [l](http___x) #1.yaml";
    folder.write(
        hostile,
        &BEFORE
            .map(|(_, text)| text.trim_end())
            .join("\n---\n")
            .replace("{port: pg}", "{port: pg}, {port: 22}"),
    );
    folder.write(
        "c|@x.npq",
        "expect gateway can reach db because \"`</details>` @team | ![x](y)\"\n",
    );
    let ran = folder.run(&[
        "diff",
        "--base",
        "k8s",
        "--head",
        "new",
        "--contract",
        "c|@x.npq",
        "-o",
        "markdown",
    ]);
    let row = ran.out.lines().find(|line| line.starts_with("| ✏️")).unwrap();
    // Six bars bound five cells; all others are escaped.
    let bars = row.char_indices().filter(|(at, c)| *c == '|' && !row[..*at].ends_with('\\'));
    assert_eq!(bars.count(), 6, "{row}");
    // What is not in code is escaped.
    for line in ran.out.lines() {
        let outside = without_code(line);
        for text in ["@team", "<img", "</details>", "![x]", "@x"] {
            assert!(!outside.contains(text), "{text} in {outside}");
        }
    }
}

/// Leaves out what stands in backticks, as many of them as began it.
fn without_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let fence = rest[at..].chars().take_while(|c| *c == '`').count();
        let inner = &rest[at + fence..];
        let mut end = None;
        let mut from = 0;
        while let Some(found) = inner[from..].find('`') {
            let run = inner[from + found..].chars().take_while(|c| *c == '`').count();
            if run == fence {
                end = Some(from + found + run);
                break;
            }
            from += found + run;
        }
        match end {
            Some(end) => rest = &inner[end..],
            None => {
                out.push_str(&rest[at..at + fence]);
                rest = inner;
            }
        }
    }
    out + rest
}

#[test]
fn every_form_of_review_is_well_formed() {
    let folder =
        Repository::folder(&[("old/all.yaml", &many(4, false)), ("new/all.yaml", &many(4, true))]);
    let run = |form: &str| folder.run(&["diff", "--base", "old", "--head", "new", "-o", form]);
    let sarif = run("sarif").json();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(results.len() >= 8, "{results:?}");
    let gitlab = run("gitlab").json();
    assert_eq!(gitlab.as_array().unwrap().len(), results.len());
    let junit = run("junit").out;
    assert_eq!(junit.matches("<failure").count(), results.len(), "{junit}");
    let github = run("github").out;
    assert!(github.contains("::error file=new/all.yaml,line="), "{github}");
    let html = run("html").out;
    assert!(html.contains("Changed objects (4)") && html.contains("Opened from outside"), "{html}");
    let csv = run("csv").out;
    assert!(csv.starts_with("change,src,dst,before,after,"), "{csv}");
    let jsonl = run("jsonl").out;
    assert_eq!(jsonl.lines().count(), 1);
    let json = run("json").json();
    assert_eq!(json["summary"]["added"], 16);
    assert!(
        json["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| !row["reasons"].as_array().unwrap().is_empty())
    );
}
