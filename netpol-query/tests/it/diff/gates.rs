//! Gates: what fails, what was accepted, and what contracts say.

use super::{BEFORE, Ran, Repository};

const POLICIES: &str = "k8s/policies.yaml";

/// Two directories: `k8s`, and `new` with other policies.
fn changed(edits: &[(&str, &str)]) -> Repository {
    let folder = Repository::folder(&BEFORE);
    for (path, text) in BEFORE {
        folder.write(&path.replace("k8s", "new"), text);
    }
    for (from, to) in edits {
        folder.edit("new/policies.yaml", from, to);
    }
    folder
}

fn diff(folder: &Repository, args: &[&str]) -> Ran {
    folder.run(&[&["diff", "--base", "k8s", "--head", "new"], args].concat())
}

const WEB: &str = "from: [{podSelector: {matchLabels: {app: web}}}]";
const EGRESS: &str = "    - to: [{podSelector: {matchLabels: {app: db}}}]";

#[test]
fn the_gate_fails_on_what_it_is_told_to() {
    let nothing = changed(&[]);
    let opened = changed(&[(
        WEB,
        "from: [{podSelector: {matchLabels: {app: web}}}, {namespaceSelector: {}}]",
    )]);
    let closed = changed(&[(EGRESS, "    - to: [{podSelector: {matchLabels: {app: none}}}]")]);
    let wider = changed(&[("{port: pg}", "{port: pg}, {port: 22}")]);
    let narrower = changed(&[("{port: pg}", "{port: pg, endPort: null}")]);
    let private = changed(&[(
        WEB,
        "from: [{podSelector: {matchLabels: {app: web}}}, {ipBlock: {cidr: 10.0.0.0/8}}]",
    )]);
    let internet = changed(&[(
        WEB,
        "from: [{podSelector: {matchLabels: {app: web}}}, {ipBlock: {cidr: 0.0.0.0/0}}]",
    )]);
    for (name, folder, codes) in [
        ("nothing", &nothing, [0, 0, 0, 0, 0]),
        ("opened", &opened, [1, 1, 0, 0, 0]),
        ("closed", &closed, [1, 0, 1, 0, 0]),
        ("wider", &wider, [1, 1, 0, 0, 0]),
        ("the same", &narrower, [0, 0, 0, 0, 0]),
        ("private", &private, [1, 1, 0, 0, 0]),
        ("internet", &internet, [1, 1, 0, 1, 0]),
    ] {
        for (gate, code) in ["any", "added", "removed", "from-internet", "none"].iter().zip(codes) {
            let ran = diff(folder, &["--pod-cidr", "10.244.0.0/16", "--fail-on", gate]);
            assert_eq!(ran.code, code, "{name} {gate}: {}{}", ran.out, ran.err);
        }
    }
}

#[test]
fn accepted_changes_do_not_fail_the_gate_and_are_shown() {
    let folder = changed(&[
        (WEB, "from: [{podSelector: {matchLabels: {app: web}}}, {namespaceSelector: {}}]"),
        ("{port: pg}", "{port: pg}, {port: 22}"),
    ]);
    for (sentences, code) in [
        ("expect pay/gateway can reach shop/db on 22,5432\nexpect web can reach db on 22", 0),
        (
            "allow pay/gateway -> shop/db on pg\nallow pay/gateway -> shop/db on tcp/22\nallow web can reach db on 1-1000",
            0,
        ),
        (
            "let $in = pods in ns/pay\nexpect $in can reach pods in ns/shop because \"a reason\"\nexpect web can reach svc/db\nexpect web can reach db on 22",
            0,
        ),
        ("expect any can reach any", 0),
        // A port is left over, or a row.
        ("expect pay/gateway can reach shop/db on 5432\nexpect web can reach db on 22", 1),
        ("expect pay/gateway can reach shop/db", 1),
        // What is opened is not accepted by what accepts closing.
        ("expect any cannot reach any", 1),
    ] {
        folder.write("accepted.npq", sentences);
        let ran = diff(&folder, &["--allow", "accepted.npq"]);
        assert_eq!(ran.code, code, "{sentences}: {}{}", ran.out, ran.err);
    }
    folder.write("accepted.npq", "# talked about\nexpect pay/gateway can reach shop/db because \"payments\"\nexpect db can reach web\n");
    let ran = diff(&folder, &["--allow", "accepted.npq"]);
    assert!(
        ran.out.contains("accepted: expect pay/gateway can reach shop/db because \"payments\""),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("accepted.npq:2"), "{}", ran.out);
    assert!(
        ran.err.contains("accepted.npq:3: `expect db can reach web` covers no change"),
        "{}",
        ran.err
    );
    let json = diff(&folder, &["--allow", "accepted.npq", "-o", "json"]).json();
    assert_eq!(json["rows"][0]["accepted"], true);
    assert_eq!(json["accepted"][0]["because"], "payments");
    let comment = diff(&folder, &["--allow", "accepted.npq", "-o", "markdown"]).out;
    assert!(comment.contains("<summary>1 flow accepted</summary>"), "{comment}");
}

#[test]
fn what_is_closed_is_accepted_by_cannot() {
    let folder = changed(&[(EGRESS, "    - to: [{podSelector: {matchLabels: {app: none}}}]")]);
    for (sentence, code) in [
        ("expect web cannot reach db", 0),
        ("expect shop/web cannot reach shop/db on 5432", 0),
        ("expect web cannot reach db on 80", 1),
        ("expect web can reach db", 1),
    ] {
        folder.write("accepted.npq", sentence);
        let ran = diff(&folder, &["--allow", "accepted.npq"]);
        assert_eq!(ran.code, code, "{sentence}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_sentence_that_accepts_nothing_that_is_known_is_an_error() {
    let folder = changed(&[("{port: pg}", "{port: pg}, {port: 22}")]);
    for (sentence, said) in [
        ("expect nobody can reach db", "no workload, pod or service is called `nobody`"),
        ("can web reach db", "the sentence accepts no change"),
        ("expect only web can reach db", "the sentence accepts no change"),
        ("delete netpol/db", "the sentence accepts no change"),
        ("expect web can raech db", "accepted.npq:2"),
    ] {
        folder.write("accepted.npq", &format!("# a comment\n{sentence}\n"));
        let ran = diff(&folder, &["--allow", "accepted.npq"]);
        assert_eq!((ran.code, &*ran.out), (2, ""), "{sentence}: {}", ran.err);
        assert!(
            ran.err.contains(said) && ran.err.contains("accepted.npq:2"),
            "{sentence}: {}",
            ran.err
        );
    }
    assert_eq!(diff(&folder, &["--allow", "nowhere.npq"]).code, 2);
}

#[test]
fn contracts_tell_what_the_change_broke() {
    let folder = changed(&[(EGRESS, "    - to: [{podSelector: {matchLabels: {app: none}}}]")]);
    folder.write("contract.npq", "expect web can reach db on 5432\nexpect external cannot reach db\nexpect gateway can reach db\n");
    let ran = diff(&folder, &["--contract", "contract.npq", "--fail-on", "none"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.contains("FAIL contract.npq:1 expect web can reach db on 5432 (held before)"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("FAIL contract.npq:3 expect gateway can reach db\n"), "{}", ran.out);
    assert!(ran.out.contains("contracts: 1 of 3 hold\n"), "{}", ran.out);
    let comment = diff(&folder, &["--contract", "contract.npq", "-o", "markdown"]).out;
    assert!(comment.contains("**Contracts:** 1 of 3 hold"), "{comment}");
    let sarif = diff(&folder, &["--contract", "contract.npq", "-o", "sarif"]).json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.iter().filter(|r| r["ruleId"] == "contract").count(), 2);
    folder.write("empty.npq", "# nothing\n");
    let ran = diff(&folder, &["--contract", "empty.npq"]);
    assert!(ran.code == 2 && ran.out.contains("the file expects nothing"), "{}", ran.out);
    // Nothing changed, but something does not hold.
    let same =
        folder.run(&["diff", "--base", "new", "--head", "new", "--contract", "contract.npq"]);
    assert!(same.code == 1 && same.out.contains("FAIL contract.npq:1"), "{}", same.out);
    assert!(!same.out.contains("held before"), "{}", same.out);
    let _ = POLICIES;
}
