//! One piece of text into objects: the fast way by the serde reader where it can be trusted, else by the tree.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize as _;

use super::deserialize::FromNode;
use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use super::documents::{Inherited, Piece};
use super::findings::Findings;
use super::header::{self, Header};
use super::kinds::{self, Dispatch, Kind, Mistake};
use super::mirrors::{Claim, Text};
use super::objects::{self, Identity, Mirror, Problem, Record};
use super::steps::{Step, Steps};
use super::tree::{Entry, Node, clip};
use super::yaml::{self, ReadError};
use super::{LoadOptions, Loaded};
use super::{agree, documents, helm, json, parallel, policies, slice};
use crate::model::Position;

/// What is the same for all objects of a file.
#[derive(Clone, Debug)]
pub(super) struct Setting<'a> {
    /// The file's name.
    pub(super) file: Arc<str>,
    /// How to read.
    pub(super) options: &'a LoadOptions,
    /// Whether every object is read whole, by its tree: slow, and what the fast ways are compared with.
    pub(super) whole: bool,
}

impl Setting<'_> {
    /// Returns the namespace of objects that name none.
    pub(super) fn namespace(&self) -> &str {
        self.options.namespace.as_deref().unwrap_or("default")
    }

    /// Returns a position in the file.
    pub(super) fn at(&self, line: u32) -> Position {
        Position { file: Arc::clone(&self.file), line }
    }
}

/// What was found in a piece, a file, or all of them.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The objects that are used.
    pub(super) records: Vec<Record>,
    /// The kinds that are not used, with the number of their objects.
    pub(super) skipped: BTreeMap<Box<str>, usize>,
    /// What there is to say.
    pub(super) findings: Findings,
    /// Whether a piece that cannot be read is a template.
    pub(super) is_template: bool,
    /// The files among the input that are snapshots.
    pub(super) snapshots: Vec<Archived>,
}

/// A snapshot file and what it holds.
#[derive(Debug)]
pub(super) struct Archived {
    pub(super) file: Arc<str>,
    pub(super) loaded: Loaded,
}

impl Parsed {
    /// Adds what was found later in the input.
    pub(super) fn append(&mut self, mut later: Self) {
        self.records.append(&mut later.records);
        for (kind, count) in later.skipped {
            *self.skipped.entry(kind).or_default() += count;
        }
        self.findings.append(later.findings);
        self.is_template |= later.is_template;
        self.snapshots.append(&mut later.snapshots);
    }

    /// Refuses snapshot files where they are not the only input: what they hold cannot be told apart from the rest.
    pub(super) fn refuse_snapshots(&mut self) {
        for Archived { file, .. } in std::mem::take(&mut self.snapshots) {
            self.findings.push(Diagnostic {
                severity: Severity::Error,
                code: DiagnosticCode::InvalidValue,
                message: "a snapshot file holds a whole cluster, so it is not read together with \
                          other files"
                    .to_owned(),
                object: None,
                position: Some(Position { file, line: 0 }),
                help: Some("read it alone, and `apply` the other files to it".to_owned()),
            });
        }
    }

    /// Holds one object that is not used.
    pub(super) fn skipped(kind: &str) -> Self {
        Self { skipped: [(kind.into(), 1)].into(), ..Self::default() }
    }

    /// Holds one finding about the text.
    pub(super) fn finding(
        setting: &Setting<'_>,
        (severity, code): (Severity, DiagnosticCode),
        line: u32,
        message: impl Into<String>,
        help: &str,
    ) -> Self {
        let diagnostic = Diagnostic {
            severity,
            code,
            message: message.into(),
            object: None,
            position: Some(setting.at(line)),
            help: (!help.is_empty()).then(|| help.to_owned()),
        };
        Self { findings: diagnostic.into(), ..Self::default() }
    }

    fn refused(setting: &Setting<'_>, error: ReadError) -> Self {
        let help = match error.code {
            DiagnosticCode::Limit => "split the document or remove what is not needed",
            _ => "mend the YAML; the rest of this document was not read",
        };
        Self::finding(setting, (Severity::Error, error.code), error.line, error.message, help)
    }
}

/// Reads a file's text.
pub(super) fn text(setting: &Setting<'_>, text: &str) -> Parsed {
    let named_json = setting.file.to_ascii_lowercase().ends_with(".json");
    if named_json || text.trim_start().starts_with(['{', '[']) {
        let (parsed, is_json) = json::read_text(setting, text);
        // Else it is a flow-style YAML document, or a template.
        if is_json || named_json {
            return parsed;
        }
    }
    let pieces = documents::split(text)
        .into_iter()
        .flat_map(|d| documents::split_list(&d).unwrap_or_else(|| vec![d]));
    let all = gather(text.len(), pieces, |p| p.text.len(), |p| piece(setting, p));
    if all.is_template {
        let code = (Severity::Note, DiagnosticCode::HelmTemplate);
        let message = "this is a Helm template, it was skipped";
        let help = "render it with `helm template` and read the result";
        return Parsed::finding(setting, code, 1, message, help);
    }
    all
}

/// So many pieces are read at once, or fewer of more than so many bytes in all.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 1 << 18;
/// Less text than this is read by one thread, mostly beside other files.
const ALONE_BYTES: usize = 1 << 19;

/// Reads pieces on all cores while they are being cut, and puts what was found in their order.
pub(super) fn gather<T: Sync + Send>(
    bytes: usize,
    pieces: impl Iterator<Item = T> + Send,
    size: impl Fn(&T) -> usize + Send,
    read: impl Fn(&T) -> Parsed + Sync + Send,
) -> Parsed {
    let mut pieces = pieces;
    let batches = std::iter::from_fn(move || {
        let (mut batch, mut bytes) = (Vec::with_capacity(BATCH), 0);
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(piece) = pieces.next() else { break };
            bytes += size(&piece);
            batch.push(piece);
        }
        (!batch.is_empty()).then_some(batch)
    });
    let read_all = |batch: Vec<T>| {
        let mut all = Parsed::default();
        for piece in &batch {
            all.append(read(piece));
        }
        all
    };
    let parsed: Vec<Parsed> = if bytes < ALONE_BYTES {
        batches.map(read_all).collect()
    } else {
        parallel::stream(batches, read_all)
    };
    let mut all = Parsed::default();
    all.records.reserve_exact(parsed.iter().map(|p| p.records.len()).sum());
    for parsed in parsed {
        all.append(parsed);
    }
    all
}

/// Reads a piece of YAML.
pub(super) fn piece(setting: &Setting<'_>, piece: &Piece<'_>) -> Parsed {
    let mut steps = Vec::new();
    if let Some(parsed) = fast(setting, piece, &mut steps) {
        return parsed;
    }
    let of_subset = if setting.whole { None } else { plain_tree(piece, &mut steps) };
    let mut parsed = match of_subset {
        Some(node) => objects_of(setting, &node, piece.item_of.as_deref()),
        None => by_tree(setting, piece),
    };
    parsed.is_template |= parsed.findings.has_error() && helm::is_template(piece.text);
    parsed
}

fn by_tree(setting: &Setting<'_>, piece: &Piece<'_>) -> Parsed {
    match yaml::read(piece.text, piece.line) {
        Err(error) => Parsed::refused(setting, error),
        Ok(None) => Parsed::default(),
        Ok(Some(node)) => match agree::disagreement(&node, piece.text) {
            Some((line, message)) => {
                Parsed::refused(setting, ReadError { code: DiagnosticCode::Syntax, line, message })
            }
            None => objects_of(setting, &node, piece.item_of.as_deref()),
        },
    }
}

/// The tree of a text on which readers do not differ.
fn plain_tree<'t>(piece: &Piece<'t>, steps: &mut Vec<Step<'t>>) -> Option<Node> {
    if piece.text.len() > MAX_PLAIN_BYTES {
        return None;
    }
    slice::whole(piece.text, piece.line, steps)?;
    let mut steps = Steps::new(steps);
    steps.node().filter(|_| steps.is_at_end())
}

/// Reads the object of a document, or that of a block list with one item.
fn objects_of(setting: &Setting<'_>, node: &Node, item_of: Option<&Inherited>) -> Parsed {
    let Some(inherited) = item_of else { return object(setting, node, None) };
    let mut all = Parsed::default();
    for item in node.items().unwrap_or_default() {
        all.append(object(setting, item, Some(inherited)));
    }
    all
}

/// Larger documents are left to the reader that bounds what a tree may hold.
const MAX_PLAIN_BYTES: usize = 4 << 20;

/// The way without a tree; `None` where anything is in doubt.
fn fast<'t>(setting: &Setting<'_>, piece: &Piece<'t>, steps: &mut Vec<Step<'t>>) -> Option<Parsed> {
    if setting.whole {
        return None;
    }
    let header = header::look(piece)?;
    let (api_version, kind) = inherit(header.api_version, header.kind, piece.item_of.as_deref());
    let used = match kinds::dispatch(&api_version, &kind) {
        Dispatch::Use(Kind::Policy(_)) => return None,
        Dispatch::Use(kind) => Some(kind),
        Dispatch::Skip if !kind.ends_with("List") => None,
        _ => return None,
    };
    let is_item = piece.item_of.is_some();
    let is_sliced = slice::slice(piece.text, piece.line, used, steps).is_some();
    if !(is_sliced || header::is_bounded(piece.text)) {
        return None;
    }
    let Some(used) = used else {
        let claim = if is_sliced {
            sliced(steps, is_item, |steps| Claim::deserialize(steps).ok())
        } else {
            read_claim(piece.text, is_item)
        };
        let of = |t: Option<Text>| t.map(|t| t.0).unwrap_or_default();
        let claim = claim.map(|c| (of(c.api_version), of(c.kind)))?;
        same_claim(&header, (&claim.0, &claim.1)).then_some(())?;
        return Some(Parsed::skipped(&kind));
    };
    let mirror = if is_sliced {
        sliced(steps, is_item, |steps| Mirror::read(used, steps)?.ok())?
    } else if header::is_suspicious(piece.text) {
        return None;
    } else {
        read_mirror(used, piece.text, is_item)?
    };
    same_claim(&header, mirror.claim()).then_some(())?;
    let record = objects::convert(setting, used, mirror, header.line).ok()?;
    Some(Parsed { records: vec![record], ..Parsed::default() })
}

/// Reads one object, or that of a block list with one item, from all of its parts.
fn sliced<'t, 's, T>(
    steps: &'s [Step<'t>],
    is_item: bool,
    read: impl FnOnce(&mut Steps<'t, 's>) -> Option<T>,
) -> Option<T> {
    let mut steps = Steps::new(steps);
    if is_item {
        steps.enter_list()?;
    }
    let value = read(&mut steps)?;
    if is_item {
        steps.leave()?;
    }
    steps.is_at_end().then_some(value)
}

fn same_claim(header: &Header<'_>, claim: (&str, &str)) -> bool {
    (header.api_version, header.kind) == claim
}

fn read_mirror(kind: Kind, text: &str, is_item: bool) -> Option<Mirror> {
    let reader = serde_yaml::Deserializer::from_str(text);
    if is_item { Mirror::read_item(kind, reader)?.ok() } else { Mirror::read(kind, reader)?.ok() }
}

fn read_claim(text: &str, is_item: bool) -> Option<Claim> {
    let reader = serde_yaml::Deserializer::from_str(text);
    if is_item {
        <(Claim,)>::deserialize(reader).ok().map(|c| c.0)
    } else {
        Claim::deserialize(reader).ok()
    }
}

/// Fills what an item does not say from its list.
pub(super) fn inherit(
    api_version: &str,
    kind: &str,
    inherited: Option<&Inherited>,
) -> (String, String) {
    let Some(list) = inherited else { return (api_version.into(), kind.into()) };
    let or = |own: &str, list: &str| if own.is_empty() { list.into() } else { own.to_owned() };
    // A plain List says nothing about its items: its own `v1` is not theirs.
    if list.kind.is_empty() {
        return (api_version.into(), kind.into());
    }
    (or(api_version, &list.api_version), or(kind, &list.kind))
}

/// Reads an object from its tree.
pub(super) fn object(setting: &Setting<'_>, node: &Node, inherited: Option<&Inherited>) -> Parsed {
    if node.items().is_some() || node.entries().is_empty() {
        let what = format!("{} is no Kubernetes object, it was skipped", node.describe());
        return Parsed::finding(setting, NOT_KUBERNETES, node.line, what, "");
    }
    if let Some(parsed) = doubtful_claim(setting, node) {
        return parsed;
    }
    let text = |key: &str| node.get(key).and_then(Node::as_text).unwrap_or_default();
    let (api_version, kind) = inherit(text("apiVersion"), text("kind"), inherited);
    let line = node.get("kind").map_or(node.line, |k| k.line);
    if let (Some(items), Some(item_kind)) = (node.get("items"), kind.strip_suffix("List")) {
        let inherited = Inherited { api_version, kind: item_kind.into() };
        return list(setting, items, &inherited);
    }
    match kinds::dispatch(&api_version, &kind) {
        Dispatch::Use(Kind::Policy(policy)) => {
            let (record, diagnostics) = policies::read(setting, policy, node, line);
            let findings = diagnostics.into();
            Parsed { records: record.into_iter().collect(), findings, ..Parsed::default() }
        }
        Dispatch::Use(kind) => typed(setting, kind, node, line),
        Dispatch::Skip => Parsed::skipped(&kind),
        Dispatch::Foreign(kind) => foreign(setting, kind, &api_version, node, line),
        Dispatch::Refuse(kind, mistake) => refuse(setting, kind, mistake, node, &api_version),
        Dispatch::NotKubernetes => not_kubernetes(setting, node, &api_version),
    }
}

/// The most findings about one object.
const MOST_PROBLEMS: usize = 100;

const NOT_KUBERNETES: (Severity, DiagnosticCode) = (Severity::Note, DiagnosticCode::NotKubernetes);

/// Two keys of one name, or a claim that is no text, leave open what the object is.
fn doubtful_claim(setting: &Setting<'_>, node: &Node) -> Option<Parsed> {
    for key in ["apiVersion", "kind", "items"] {
        let mut entries = node.entries().iter().filter(|e| *e.key.text == *key);
        let first = entries.next();
        if let Some(second) = entries.next() {
            let code = (Severity::Error, DiagnosticCode::DuplicateKey);
            let message = format!("{key}: this key stands here twice");
            return Some(Parsed::finding(setting, code, second.value.line, message, "keep one"));
        }
        let is_wrong = |e: &&Entry| e.value.as_text().is_none() && !e.value.is_null();
        let wrong = first.filter(|_| key != "items").filter(is_wrong);
        if let Some(entry) = wrong {
            let code = (Severity::Error, DiagnosticCode::InvalidValue);
            let message = format!("{key}: expected text, found {}", entry.value.describe());
            return Some(Parsed::finding(setting, code, entry.value.line, message, ""));
        }
    }
    None
}

fn list(setting: &Setting<'_>, items: &Node, inherited: &Inherited) -> Parsed {
    let mut all = Parsed::default();
    if items.is_null() {
        return all;
    }
    let Some(nodes) = items.items() else {
        let code = (Severity::Error, DiagnosticCode::InvalidValue);
        let message = format!("items: expected a list, found {}", items.describe());
        return Parsed::finding(setting, code, items.line, message, "");
    };
    for node in nodes {
        all.append(object(setting, node, Some(inherited)));
    }
    all
}

/// Reads an object that is no policy from its tree.
fn typed(setting: &Setting<'_>, kind: Kind, node: &Node, line: u32) -> Parsed {
    let name = Identity::of(setting, kind, node).to_string();
    let traps = RefCell::new(Vec::new());
    let mut parsed = Parsed::default();
    // An Ingress or Route that cannot be read changes no verdict between pods.
    let is_ingress = matches!(kind, Kind::Ingress(_));
    let mut add = |severity, code, line, message| {
        let severity = if is_ingress { Severity::Warning } else { severity };
        parsed.findings.push(Diagnostic {
            severity,
            code,
            message,
            object: Some(name.clone()),
            position: Some(setting.at(line)),
            help: None,
        });
    };
    match Mirror::read(kind, FromNode::new(node, &traps)) {
        None => {}
        Some(Err(error)) => {
            let line = error.line.unwrap_or(node.line);
            add(Severity::Error, error.code(), line, error.to_string());
        }
        Some(Ok(mirror)) => match objects::convert(setting, kind, mirror, line) {
            Ok(record) => parsed.records.push(record),
            Err(problems) => {
                let left_out = problems.len().saturating_sub(MOST_PROBLEMS);
                for Problem { severity, code, path, message } in
                    problems.into_iter().take(MOST_PROBLEMS)
                {
                    add(severity, code, node.line_of(&path), format!("{path}: {message}"));
                }
                if left_out > 0 {
                    let message =
                        format!("{left_out} more findings about this object are left out");
                    add(Severity::Error, DiagnosticCode::Limit, line, message);
                }
            }
        },
    }
    let valid = !parsed.records.is_empty();
    for trap in traps.into_inner().into_iter().filter(|_| valid) {
        parsed.findings.push(Diagnostic {
            severity: Severity::Warning,
            code: DiagnosticCode::YamlTrap,
            message: format!("`{}` is {} in YAML 1.1", clip(&trap.text), trap.value),
            object: Some(name.clone()),
            position: Some(setting.at(trap.line)),
            help: Some(format!("write {}, or quote it if it is text", trap.value)),
        });
    }
    parsed
}

fn foreign(setting: &Setting<'_>, kind: Kind, api_version: &str, node: &Node, line: u32) -> Parsed {
    let message = format!(
        "{} of `{}` is not supported and was skipped; only that of {} is read",
        kind.as_str(),
        clip(api_version),
        kind.api_version()
    );
    let code = (Severity::Warning, DiagnosticCode::ForeignKind);
    let mut parsed = Parsed::finding(setting, code, line, message, "");
    name_object(&mut parsed, setting, kind, node);
    parsed
}

fn refuse(
    setting: &Setting<'_>,
    kind: Kind,
    mistake: Mistake,
    node: &Node,
    api_version: &str,
) -> Parsed {
    let expected = kind.api_version();
    let (field, message) = match mistake {
        Mistake::Version => (
            "apiVersion",
            format!("`{}` has no {}, expected {expected}", clip(api_version), kind.as_str()),
        ),
        Mistake::NoApiVersion => ("apiVersion", format!("required value: {expected}")),
        Mistake::Spelling => ("kind", format!("unknown kind, expected {}", kind.as_str())),
    };
    let code = (Severity::Error, DiagnosticCode::InvalidValue);
    let line = node.line_of(field);
    let mut parsed = Parsed::finding(setting, code, line, format!("{field}: {message}"), "");
    name_object(&mut parsed, setting, kind, node);
    parsed
}

fn name_object(parsed: &mut Parsed, setting: &Setting<'_>, kind: Kind, node: &Node) {
    parsed.findings.name_object(&Identity::of(setting, kind, node).to_string());
}

/// Kustomizations may leave out their kind; an object of a group that is used may not.
fn not_kubernetes(setting: &Setting<'_>, node: &Node, api_version: &str) -> Parsed {
    let file = setting.file.rsplit('/').next().unwrap_or_default();
    let group = api_version.split_once('/').map_or("", |g| g.0);
    if matches!(file, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
        || group == "kustomize.config.k8s.io"
    {
        return Parsed::skipped("Kustomization");
    }
    let used = ["networking.k8s.io", "policy.networking.k8s.io", "apps", "batch"];
    let is_object =
        used.contains(&group) || (api_version == "v1" && node.get("metadata").is_some());
    if is_object && node.get("kind").is_none_or(Node::is_null) {
        let code = (Severity::Error, DiagnosticCode::InvalidValue);
        let message = "kind: required value: what the object is";
        return Parsed::finding(setting, code, node.line, message, "");
    }
    let message = "this document is no Kubernetes object, it was skipped";
    Parsed::finding(setting, NOT_KUBERNETES, node.line, message, "")
}
