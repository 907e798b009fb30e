//! A history of ten commits, each of another kind: what each is said to change, and why.

use super::{BEFORE, Repository, rows};

/// What a commit is said to do.
struct Said<'a> {
    headline: &'a str,
    rows: &'a [(&'a str, &'a str)],
}

/// Checks the last commit.
fn check(repository: &Repository, what: &str, said: &Said<'_>) {
    let args = ["diff", "--base", "git:HEAD~1:k8s", "--head", "git:HEAD"];
    let json = repository.run(&[&args[..], &["-o", "json"]].concat());
    let found = rows(&json.json());
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(found, said.rows, "{what}");
    let comment = repository.run(&[&args[..], &["-o", "markdown"]].concat());
    assert_eq!((json.code, comment.code), (1, 1), "{what}: {}", json.err);
    let headline = comment.out.lines().nth(1).unwrap();
    assert_eq!(headline, format!("### Network policy: {}", said.headline), "{what}");
}

/// Checks that the last commit changes nothing: nothing is printed in any form for people.
fn silent(repository: &Repository, what: &str) {
    for form in ["text", "markdown"] {
        let ran =
            repository.run(&["diff", "--base", "git:HEAD~1:k8s", "--head", "git:HEAD", "-o", form]);
        assert_eq!((ran.code, &*ran.out, &*ran.err), (0, "", ""), "{what}");
    }
}

#[test]
fn ten_commits_are_told_by_what_they_open_and_close_and_by_what_made_it() {
    let Some(repository) = Repository::new(&BEFORE) else { return };
    let [namespaces, workloads, policies] = BEFORE.map(|(path, _)| path);

    let open = "    - from: [{podSelector: {matchLabels: {app: web}}}]\n";
    let pay = "    - from: [{podSelector: {matchLabels: {app: web}}}, {namespaceSelector: {matchLabels: {team: pay}}}]\n";
    repository.edit(policies, open, pay);
    repository.commit("1 a policy lets another namespace in");
    check(
        &repository,
        "policy",
        &Said {
            headline: "1 opened · 0 closed · 3 unchanged",
            rows: &[(
                "added pay/deployment/gateway > shop/statefulset/db",
                "shop/networkpolicy/db modified k8s/policies.yaml:2",
            )],
        },
    );

    repository.edit(
        workloads,
        "    metadata: {labels: {app: web}}",
        "    metadata: {labels: {app: front}}",
    );
    repository.commit("2 a workload is labelled otherwise");
    check(
        &repository,
        "label",
        &Said { headline: "2 opened · 0 closed · 1 changed · 2 unchanged", rows: &[] },
    );
}
