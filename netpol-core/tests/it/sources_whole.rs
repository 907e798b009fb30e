//! What is dropped before it is read changes nothing: the fast ways of loading against the slow one.

use std::path::{Path, PathBuf};

use netpol_core::sources::LoadOptions;
use netpol_core::sources::whole::{both_ways, is_sliced};
use proptest::prelude::*;

fn manifests(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if path.is_dir() {
            manifests(&path, files);
        } else if ["yaml", "yml", "json"].contains(&extension) {
            files.push(path);
        }
    }
}

/// Compares each file as a whole, and each of its documents alone; the numbers of documents, and of those that are sliced.
fn compare(folder: &Path) -> (usize, usize) {
    let mut files = Vec::new();
    manifests(folder, &mut files);
    let (mut documents, mut sliced) = (0, 0);
    for path in &files {
        let text = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
        let name = path.to_string_lossy();
        let mut texts = vec![text.as_str()];
        texts.extend(text.split("\n---\n").filter(|document| document.len() < text.len()));
        for text in texts {
            let (fast, whole) = both_ways(&name, text, &LoadOptions::default());
            assert_eq!(fast, whole, "{name}\n{text}");
            documents += 1;
            sliced += usize::from(is_sliced(text));
        }
    }
    (documents, sliced)
}

#[test]
fn slicing_changes_nothing_in_the_manifests_of_this_repository() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for (folder, most) in [("tests", 300), ("../examples", 100), ("../netpol-query/tests", 300)] {
        let (documents, sliced) = compare(&root.join(folder));
        eprintln!("{folder}: {documents} documents, {sliced} of them sliced");
        assert!(documents > 0 && documents < 100 * most, "{documents} documents in {folder}");
    }
}

#[test]
fn slicing_changes_nothing_in_real_manifests() {
    let inputs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/inputs");
    if !inputs.is_dir() {
        eprintln!("SKIPPED: 1 test needs {}", inputs.display());
        return;
    }
    let (documents, sliced) = compare(&inputs);
    eprintln!("{documents} documents, {sliced} of them sliced");
    assert!(sliced * 2 > documents, "only {sliced} of {documents} documents were sliced");
}

const SEEDS: [&str; 7] = [
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    env: x\n    app: 'w''x'\n  annotations:\n    a: |\n      \
     kind: Other\n\n        b: [\n    c: \"q\\n\"\nspec:\n  containers:\n  - env:\n    - name: X\n      value: y\n    ports:\n    - \
     containerPort: 80\n      hostPort: 81\n  hostNetwork: false\n  nodeName: n\nstatus:\n  podIP: 10.0.0.1\n",
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  annotations:\n    \
     netpol-query/lint-ignore: |\n      E01\n      E02\n    b: |-\n      x\n\nspec:\n  podSelector:\n    matchLabels: {app: a}\n  \
     ingress:\n  - from:\n    - podSelector: {}\n    - ipBlock:\n        cidr: 10.0.0.0/8\n        except:\n        - 10.1.0.0/16\n    \
     ports:\n    - port: 80\n      protocol: TCP\n  - {}\n  policyTypes: [Ingress, Egress]\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: d\n    namespace: s\n  spec:\n    \
     replicas: 2\n    template:\n      metadata:\n        labels:\n          app: d\n      spec:\n        containers:\n        - \
     name: c\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: c\n  data:\n    k: v\n",
    "%YAML 1.2\n---\n# text\napiVersion: v1\nkind: Service\nmetadata:\n  name: s\nspec:\n  selector:\n    app: a\n  ports:\n  - port: 80\n    \
     targetPort: http\n  clusterIP: None\n...\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n",
    r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"env":"\\\"]"}}},
 {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}},{"kind":"X","apiVersion":"y/v1"}],"metadata":{}}"#,
    r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"},"spec":{"containers":[{"ports":[{"containerPort":1}]}]}}]}
{"items":[{"metadata":{"name":"b"}}],"kind":"PodList","apiVersion":"v1"} {"items":[],"kind":"List"}"#,
    "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: c\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          \
     initContainers:\n          - restartPolicy: Always\n            ports:\n            - containerPort: 0100\n",
];

proptest! {
    #![proptest_config(netpol_core::testing::cases(2000))]

    #[test]
    fn slicing_changes_nothing_in_what_it_takes(
        seed in prop::sample::select(SEEDS.to_vec()),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), "[ \\-:#'\"\\[{|>,&*!}\n\r\tae0~]{0,3}", 0..3_usize), 0..4),
    ) {
        let mut text = seed.to_owned();
        for (at, insert, remove) in edits {
            let start = at.index(text.len() + 1);
            text.replace_range(start..(start + remove).min(text.len()), &insert);
        }
        let is_json = text.trim_start().starts_with(['{', '[']);
        if is_json || is_sliced(&text) {
            let (fast, whole) = both_ways("-", &text, &LoadOptions::default());
            prop_assert_eq!(fast, whole, "{}", text);
        }
    }
}
