//! Every evaluator gives the verdicts of every case in `tests/corpus`.

use std::path::PathBuf;

use netpol_core::evaluate::reference;
use netpol_core::model::{Cluster, Dialect, Flow, Verdict};
use netpol_core::reach::Snapshot;
use netpol_core::testing::{Case, Oracle};

const ORACLES: &[Oracle] = &[
    Oracle { name: "reference", verdict: reference::verdict },
    Oracle { name: "snapshot", verdict: snapshot_verdict },
    Oracle { name: "explanation", verdict: explained_verdict },
];

fn snapshot_verdict(cluster: &Cluster, dialect: Dialect, flow: &Flow) -> Verdict {
    Snapshot::new(cluster.clone(), dialect).verdict(flow)
}

fn explained_verdict(cluster: &Cluster, dialect: Dialect, flow: &Flow) -> Verdict {
    Snapshot::new(cluster.clone(), dialect).explain(flow).verdict
}

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn cases() -> Vec<(PathBuf, Case)> {
    let mut all = Vec::new();
    for file in files() {
        let text = std::fs::read(&file).unwrap();
        let cases = Case::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        all.extend(cases.into_iter().map(|case| (file.clone(), case)));
    }
    all
}

#[test]
fn every_oracle_gives_the_verdicts_of_every_case() {
    let mut failures = Vec::new();
    for (file, case) in cases() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        failures.extend(case.check(ORACLES).into_iter().map(|f| format!("{name}: {f}")));
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_case_has_a_name_of_its_own_and_says_something() {
    let mut names = std::collections::BTreeSet::new();
    for (file, case) in cases() {
        let says = !(case.flows.is_empty() && case.matrices.is_empty() && case.errors.is_empty());
        assert!(says, "{}: {} expects nothing", file.display(), case.name);
        assert!(names.insert(case.name.clone()), "{} is twice", case.name);
    }
    assert!(names.len() > 50, "only {} cases were found", names.len());
}
