//! Files and directories, and the manifests of the shared folder.

use std::fs;
use std::path::{Path, PathBuf};

use netpol_core::sources::{LoadOptions, Loaded, Source, load};

use crate::sources::said;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sources").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn pod(name: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n")
}

fn load_paths(paths: &[&Path]) -> Loaded {
    let sources: Vec<Source> = paths.iter().map(|p| Source::Path((*p).to_owned())).collect();
    load(&sources, &LoadOptions::default())
}

fn pods(loaded: &Loaded) -> Vec<&str> {
    loaded.cluster.pods().iter().map(|p| &*p.name).collect()
}

#[test]
fn a_directory_is_read_in_byte_order_of_its_paths() {
    let root = folder("order");
    fs::create_dir_all(root.join("b/c")).unwrap();
    for (file, name) in [
        ("b.yaml", "one"),
        ("b/c/x.yml", "four"),
        ("b-a.json", "zero"),
        ("Z.YAML", "first"),
        ("b/a.yaml", "three"),
    ] {
        let text = match name {
            "zero" => {
                r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "zero"}}"#.to_owned()
            }
            _ => pod(name),
        };
        fs::write(root.join(file), text).unwrap();
    }
    fs::write(root.join("notes.txt"), "kind: Pod").unwrap();
    let loaded = load_paths(&[&root]);
    assert!(said(&loaded).is_empty(), "{:#?}", said(&loaded));
    assert_eq!(pods(&loaded), ["first", "zero", "one", "three", "four"]);
    let file = &loaded.cluster.pods()[3].position.file;
    assert_eq!(**file, *root.join("b/a.yaml").to_string_lossy());
}

#[test]
fn what_cannot_be_read_is_one_error_each_and_the_rest_is_read() {
    let root = folder("unreadable");
    fs::write(root.join("a.yaml"), pod("a")).unwrap();
    fs::write(root.join("bad.yaml"), b"kind: Pod\nname: \xff\n").unwrap();
    let json = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}}\n{\n\"kind\": }";
    fs::write(root.join("z.json"), json).unwrap();
    let loaded = load_paths(&[&root.join("gone.yaml"), &root]);
    let found = said(&loaded);
    let at = |file: &str| format!("{}", root.join(file).display());
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found[0].starts_with(&format!("Error UNREADABLE {}: cannot be read: ", at("gone.yaml"))),
        "{found:#?}"
    );
    assert!(found[1].starts_with(&format!(
        "Error UNREADABLE {}:2: the text is not valid UTF-8",
        at("bad.yaml")
    )));
    assert!(found[2].starts_with(&format!("Error SYNTAX {}:3: expected value", at("z.json"))));
    assert_eq!(pods(&loaded), ["a", "b"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_loops_are_errors() {
    use std::os::unix::fs::symlink;
    let root = folder("links");
    fs::create_dir_all(root.join("real/deep")).unwrap();
    fs::write(root.join("real/a.yaml"), pod("a")).unwrap();
    symlink("..", root.join("real/deep/up")).unwrap();
    symlink("real", root.join("same")).unwrap();
    symlink("real/a.yaml", root.join("zz.yaml")).unwrap();
    symlink("nowhere", root.join("dangling.yaml")).unwrap();
    symlink("me.yaml", root.join("me.yaml")).unwrap();
    let loaded = load_paths(&[&root]);
    let found = said(&loaded);
    assert_eq!(pods(&loaded), ["a"]);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].contains("dangling.yaml: cannot be read"), "{found:#?}");
    assert!(found[1].contains("me.yaml: cannot be read"), "{found:#?}");
    assert!(found[2].contains("real/deep/up: a symbolic link leads back to"), "{found:#?}");
}

#[test]
fn what_has_no_end_is_read_up_to_a_limit() {
    let zero = Path::new("/dev/zero");
    if !zero.exists() {
        eprintln!("SKIPPED: no /dev/zero here");
        return;
    }
    let found = said(&load_paths(&[zero]));
    assert_eq!(found, ["Error LIMIT /dev/zero: the file is larger than 256 MiB"]);
}

/// Returns a folder that is shared with the project; says so where it is absent.
fn shared(name: &str) -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent);
    let folder = project.map(|p| p.join("shared").join(name)).filter(|f| f.exists());
    if folder.is_none() {
        eprintln!("SKIPPED: ../shared/{name} is absent");
    }
    folder
}

#[test]
fn the_real_manifests_load_without_an_error() {
    let Some(inputs) = shared("inputs") else { return };
    for (name, pods, policies, services) in [
        ("online-boutique", 12, 13, 12),
        ("sock-shop", 14, 13, 14),
        ("argo-cd", 14, 8, 12),
        ("kube-prometheus", 7, 8, 8),
    ] {
        let loaded = load_paths(&[&inputs.join(name)]);
        assert_eq!(loaded.errors().count(), 0, "{name}: {:#?}", said(&loaded));
        let cluster = &loaded.cluster;
        let found = (cluster.pods().len(), cluster.policies().len(), cluster.services().len());
        assert_eq!(found, (pods, policies, services), "{name}");
    }
}

#[test]
fn the_analyzers_test_folders_are_read_but_for_those_that_are_wrong_on_purpose() {
    let Some(root) = shared("conformance/np-guard") else { return };
    let cases = fs::File::open(root.join("cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_reader(cases).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    let bad =
        |folder: &str| cases.iter().find(|c| c["suite"] == "np-guard-bad" && c["dir"] == folder);
    let options = LoadOptions { np_guard: true, ..LoadOptions::default() };
    let mut folders: Vec<&str> = cases
        .iter()
        .flat_map(|c| ["dir", "dir1", "dir2", "base", "head"].map(|k| c[k].as_str()))
        .flatten()
        .collect();
    folders.sort_unstable();
    folders.dedup();
    assert!(folders.len() > 100);
    for folder in folders {
        let loaded = load(&[Source::Path(root.join(folder))], &options);
        let expected = bad(folder).map_or("answer", |c| c["expect"].as_str().unwrap());
        let names = |name: &serde_json::Value| {
            let name = name.as_str().unwrap().to_lowercase();
            loaded.diagnostics.iter().any(|d| d.object.as_ref().is_some_and(|o| o.contains(&name)))
        };
        if expected != "answer" {
            let case = bad(folder).unwrap();
            assert!(
                case["names"].as_array().unwrap().iter().any(names),
                "{folder}: {:#?}",
                said(&loaded)
            );
        }
        assert_eq!(
            loaded.errors().count() > 0,
            expected == "error",
            "{folder}: {:#?}",
            said(&loaded)
        );
    }
}
