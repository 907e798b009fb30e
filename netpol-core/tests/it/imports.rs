//! Modules import only what the table of the architecture lets them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each module with the modules of this crate that it may import, in reading order.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("sources", &["model"]),
    ("index", &["model"]),
    ("compile", &["model", "index"]),
    ("evaluate", &["model", "index", "compile"]),
    ("reach", &["model", "index", "compile", "evaluate"]),
    ("change", &["model", "sources", "index", "compile", "evaluate", "reach"]),
    ("lint", &["model", "sources", "index", "compile", "evaluate", "reach", "change"]),
    ("testing", &["model", "sources", "index", "compile", "evaluate", "reach", "change", "lint"]),
];

/// Narrower than the table of modules: the oracle shares nothing with what it checks.
const MAY_IMPORT_BELOW: &[(&str, &[&str])] = &[("evaluate/reference", &["model"])];

fn source_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Lists the modules of this crate that a source text names: after `crate::`, singly or in braces.
fn imported_modules(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
    let mut modules = BTreeSet::new();
    for (at, found) in code.match_indices("crate::") {
        let is_whole_word =
            !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_$".contains(c));
        if is_whole_word {
            modules.extend(heads(&code[at + found.len()..]));
        }
    }
    modules
}

fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Returns the first segment of a path, or of each path in braces.
fn heads(path: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let (mut depth, mut heads, mut start) = (0_u32, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(word(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// Returns the path below `src`, with slashes.
fn place(file: &Path) -> String {
    let below = file.strip_prefix(source_folder()).unwrap();
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn module_of(place: &str) -> &str {
    let first = place.split('/').next().unwrap_or(place);
    first.strip_suffix(".rs").unwrap_or(first)
}

#[test]
fn every_module_imports_only_what_the_architecture_lets_it() {
    let mut files = Vec::new();
    rust_files(&source_folder(), &mut files);
    let mut wrong = Vec::new();
    for file in files.iter().filter(|f| place(f) != "lib.rs") {
        let place = place(file);
        let module = module_of(&place);
        let (_, allowed) = MAY_IMPORT
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{place}: the architecture knows no module `{module}`"));
        let narrower = MAY_IMPORT_BELOW.iter().find(|(prefix, _)| place.starts_with(prefix));
        let allowed = narrower.map_or(*allowed, |(_, allowed)| *allowed);
        for imported in imported_modules(&std::fs::read(file).map(text).unwrap()) {
            let is_own = imported == module && narrower.is_none();
            if !is_own && !allowed.contains(&imported.as_str()) {
                wrong.push(format!("{place} imports `{imported}`; it may import {allowed:?}"));
            }
        }
    }
    assert!(files.len() > 10, "the sources were not found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[expect(clippy::needless_pass_by_value, reason = "takes what `Result::map` gives")]
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn imports_are_found_in_braces_inline_and_never_in_comments() {
    let text = "use crate::model::{A, b::C};\nuse crate::{index, compile::{X, Y}, reach};\n\
                fn f() -> crate::lint::Finding { other_crate::g() } // crate::sources";
    let found: Vec<_> = imported_modules(text).into_iter().collect();
    assert_eq!(found, ["compile", "index", "lint", "model", "reach"]);
}
