//! Snapshot files through the program: written by a sentence, loaded wherever manifests are, refused with what to do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use netpol_query::cli::{Streams, Surroundings, run};

use crate::shop::SHOP;

/// What a run left behind; what is printed may be no text.
struct Ran {
    code: u8,
    out: Vec<u8>,
    err: String,
}

impl Ran {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }
}

fn program(args: &[&str], input: &[u8], width: Option<usize>) -> Ran {
    let args = std::iter::once("netpol-query").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let around =
        Surroundings { clock: || Duration::from_micros(7), width, ..Surroundings::default() };
    let mut input = input;
    let mut streams = Streams { input: &mut input, out: &mut out, err: &mut err };
    let code = run(args.collect(), &mut streams, &around);
    Ran { code, out, err: String::from_utf8(err).unwrap() }
}

fn ask(file: &str, args: &[&str]) -> Ran {
    program(&[&["-f", file], args].concat(), b"", None)
}

fn exported(manifests: &str) -> Vec<u8> {
    let ran = ask(manifests, &["export", "snapshot"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Manifests and their snapshot in a folder of their own.
fn shop() -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let manifests = written(folder.path(), "shop.yaml", SHOP.as_bytes());
    let snapshot = written(folder.path(), "shop.snapshot", &exported(&manifests));
    (folder, manifests, snapshot)
}

const QUESTIONS: [&[&str]; 9] = [
    &["flows"],
    &["-o", "json", "--explain", "flows"],
    &["-o", "json", "matrix"],
    &["list policies"],
    &["list pods", "list services", "list namespaces", "list nodes"],
    &["-o", "json", "list unprotected"],
    &["-o", "json", "lint"],
    &["lint"],
    &["-o", "csv", "export snapshot"],
];

const DIALECTS: [&[&str]; 4] = [
    &[],
    &["--dialect", "np-guard"],
    &["--host-network", "policed", "--tie-break", "name"],
    &["--ip-block-pods", "never", "--pod-cidr", "10.0.0.0/8"],
];

fn same_answers(manifests: &str, snapshot: &str) {
    for dialect in DIALECTS {
        for question in QUESTIONS {
            let args = [dialect, question].concat();
            let (of_manifests, of_snapshot) = (ask(manifests, &args), ask(snapshot, &args));
            assert_eq!(of_manifests.text(), of_snapshot.text(), "{args:?}");
            assert_eq!(of_manifests.err, of_snapshot.err, "{args:?}");
            assert_eq!(of_manifests.code, of_snapshot.code, "{args:?}");
        }
    }
}

#[test]
fn every_answer_is_that_of_the_manifests_under_every_dialect() {
    let (_folder, manifests, snapshot) = shop();
    same_answers(&manifests, &snapshot);
}

#[test]
fn answers_about_real_projects_are_the_same() {
    let inputs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/inputs");
    if !inputs.is_dir() {
        eprintln!("SKIPPED: 1 test needs {}", inputs.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["online-boutique", "sock-shop"] {
        let manifests = inputs.join(name);
        let manifests = manifests.to_str().unwrap();
        let snapshot = written(folder.path(), "x.snapshot", &exported(manifests));
        same_answers(manifests, &snapshot);
    }
}

#[test]
fn it_is_loaded_wherever_manifests_are() {
    let (folder, manifests, snapshot) = shop();
    let flows = ask(&manifests, &["count flows"]);
    let bytes = std::fs::read(&snapshot).unwrap();
    let piped = program(&["-f", "-", "count flows"], &bytes, None);
    assert_eq!((piped.text(), piped.code), (flows.text(), 0));
    let other =
        written(folder.path(), "other.yaml", b"kind: Pod\napiVersion: v1\nmetadata: {name: a}\n");
    let used = ask(&other, &[&format!("use \"{snapshot}\""), "count flows"]);
    assert!(used.text().ends_with(flows.text()) && used.code == 0, "{}", used.err);
    for (head, base) in [(&manifests, &snapshot), (&snapshot, &manifests)] {
        let same = ask(head, &["diff", base]);
        assert_eq!((same.text(), same.code), ("no flow changes\n", 0), "{}", same.err);
    }
}

#[test]
fn what_a_session_changed_is_in_the_file() {
    let (folder, manifests, _) = shop();
    let path = folder.path().join("changed.snapshot");
    let export = format!("export snapshot to \"{}\"", path.display());
    let delete = "delete netpol/*";
    let ran = ask(&manifests, &[delete, &export, "count flows"]);
    assert!(ran.err.contains("changed.snapshot (") && ran.err.contains("bytes)"), "{}", ran.err);
    let after = ask(path.to_str().unwrap(), &["count flows"]);
    assert!(ran.text().ends_with(after.text()), "{} {}", ran.text(), after.text());
}

#[test]
fn in_another_form_it_is_a_list() {
    let (folder, manifests, _) = shop();
    let head = "kind,namespace,name,workload,labels,addresses,file,line";
    for args in [&["-o", "csv", "export snapshot"][..], &["export snapshot | as csv"]] {
        let ran = ask(&manifests, args);
        assert!(ran.text().starts_with(head), "{}", ran.text());
    }
    let path = folder.path().join("facts.csv");
    let ran = ask(&manifests, &[&format!("export snapshot to \"{}\"", path.display())]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(std::fs::read(&path).unwrap().starts_with(head.as_bytes()));
    let graph = ask(&manifests, &["export graph to ./g.snapshot"]);
    assert_eq!(graph.code, 2);
    assert!(graph.err.contains("`graph` has no form as .snapshot"), "{}", graph.err);
    let terminal = program(&["-f", &manifests, "export", "snapshot"], b"", Some(80));
    assert_eq!(terminal.code, 2);
    assert!(terminal.err.contains("no text for a terminal"), "{}", terminal.err);
}

#[test]
fn a_file_that_is_damaged_foreign_or_not_alone_is_refused() {
    let (folder, manifests, snapshot) = shop();
    let mut bytes = std::fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let damaged = written(folder.path(), "damaged.snapshot", &bytes);
    let ran = ask(&damaged, &["count flows"]);
    assert_eq!((ran.code, ran.text()), (2, ""));
    assert!(ran.err.contains("damaged.snapshot: the snapshot file is damaged"), "{}", ran.err);
    assert!(ran.err.contains("write it again from the manifests"), "{}", ran.err);
    let used = ask(&manifests, &[&format!("use \"{damaged}\"")]);
    assert_eq!(used.code, 2);
    let foreign = written(folder.path(), "foreign.snapshot", b"\x7fELF\x02\x01\x01\0\xff\xfe");
    assert_eq!(ask(&foreign, &["count flows"]).code, 2);
    let both = program(&["-f", &snapshot, "-f", &manifests, "count flows"], b"", None);
    assert_eq!(both.code, 2);
    assert!(both.err.contains("is not read together with other files"), "{}", both.err);
}
