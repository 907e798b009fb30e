//! Policies of every family: what their objects have in common (metadata, M1 to M6).

use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use super::kinds::Kind;
use super::objects::{Body, Identity, Record};
use super::read::Setting;
use super::tree::{Node, clip};
use super::walker::{Nulls, Path, Walker};
use super::{admin_policy, names, network_policy, selectors};
use crate::model::{PolicyKind, PolicySpec};

const METADATA: [&str; 16] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "selfLink",
    "clusterName",
];
const MAX_ANNOTATION_BYTES: usize = 256 * 1024;

/// Reads a policy object; what is wrong with it is in the diagnostics, and then there is no record.
pub(super) fn read(
    setting: &Setting<'_>,
    kind: PolicyKind,
    node: &Node,
    line: u32,
) -> (Option<Record>, Vec<Diagnostic>) {
    let identity = Identity::of(setting, Kind::Policy(kind), node);
    let nulls = match kind {
        PolicyKind::NetworkPolicy => Nulls::Absent,
        _ => Nulls::Refused,
    };
    let mut walker = Walker::new(&setting.file, identity.to_string(), nulls);
    walker.refuse_duplicates(node, &Path::ROOT);
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let fields = walker.fields(node, &Path::ROOT, &known);
    metadata(&mut walker, kind, node, setting.options.np_guard);
    if kind == PolicyKind::NetworkPolicy && setting.options.namespace.is_none() {
        note_no_namespace(&mut walker, node);
    }
    let path = Path::ROOT.field("spec");
    let spec = match fields.and_then(|f| f.get("spec")) {
        Some(spec) if kind == PolicyKind::NetworkPolicy => {
            network_policy::read(&mut walker, spec, &path).map(PolicySpec::Network)
        }
        Some(spec) => {
            admin_policy::read(&mut walker, kind, spec, setting.options).map(PolicySpec::Admin)
        }
        // A NetworkPolicy without a spec is valid: it denies all ingress to its namespace.
        None if kind == PolicyKind::NetworkPolicy => {
            let fields = fields.and_then(|f| f.written("spec"));
            Some(PolicySpec::Network(network_policy::absent(&mut walker, fields.unwrap_or(node))))
        }
        None => {
            walker.required(node, &path, "a policy says nothing without it");
            None
        }
    };
    let (diagnostics, valid) = walker.finish();
    let record = spec.filter(|_| valid).map(|spec| Record {
        position: setting.at(line),
        body: Body::Policy(kind, spec),
        identity,
    });
    (record, diagnostics)
}

/// The annotation with findings of `lint` that are accepted.
const LINT_IGNORE: &str = "netpol-query/lint-ignore";

fn note_no_namespace(walker: &mut Walker<'_>, object: &Node) {
    let Some(metadata) = object.get("metadata") else { return };
    if metadata.get("namespace").is_none_or(Node::is_null) {
        let message =
            "metadata.namespace: there is none, so the policy is read as one of `default`";
        walker.note_for_lint(DiagnosticCode::NoNamespace, metadata.line, message.into());
    }
}

fn metadata(walker: &mut Walker<'_>, kind: PolicyKind, object: &Node, lenient: bool) {
    let path = Path::ROOT.field("metadata");
    let node = object.get("metadata").unwrap_or(object);
    let fields = match object.get("metadata") {
        // The metadata of CRD objects is that of every kind: null is absent.
        Some(node) if !node.is_null() => walker.fields(node, &path, &METADATA),
        _ => None,
    };
    let Some(fields) = fields else {
        if node.is_null() || object.get("metadata").is_none() {
            walker.required(node, &path.field("name"), "name or generateName is required");
        }
        return;
    };
    name(walker, kind, node, lenient);
    if let Some(namespace) = fields.get("namespace") {
        let path = path.field("namespace");
        if let Some(text) = walker.text(namespace, &path)
            && let (PolicyKind::NetworkPolicy, Err(fault)) = (kind, names::dns_label(text))
        {
            let fault = format!("invalid namespace `{}`: {fault}", clip(text));
            walker.invalid(namespace, &path, fault);
        }
    }
    if let Some(labels) = fields.get("labels") {
        selectors::labels_of(walker, labels, &path.field("labels"));
    }
    if let Some(annotations) = fields.get("annotations") {
        check_annotations(walker, annotations, &path.field("annotations"));
    }
}

fn name(walker: &mut Walker<'_>, kind: PolicyKind, metadata: &Node, lenient: bool) {
    let path = Path::ROOT.field("metadata");
    let path = &path;
    let name = metadata.get("name").filter(|n| !n.is_null() && n.as_text() != Some(""));
    let prefix = metadata.get("generateName").filter(|n| !n.is_null() && n.as_text() != Some(""));
    if let Some(name) = name {
        let path = path.field("name");
        let Some(text) = walker.text(name, &path) else { return };
        if let Err(fault) = names::subdomain(text) {
            let fault = format!("invalid name `{}`: {fault}", clip(text));
            if lenient {
                walker.warn(DiagnosticCode::Lenient, name.line, format!("{path}: {fault}"));
            } else {
                walker.invalid(name, &path, fault);
            }
        } else if kind == PolicyKind::BaselineAdminNetworkPolicy && text != "default" {
            let fault =
                format!("invalid name `{text}`: must be `default`, there is one in a cluster");
            walker.invalid(name, &path, fault);
        }
    } else if let Some(prefix) = prefix {
        let path = path.field("generateName");
        let Some(text) = walker.text(prefix, &path) else { return };
        if let Err(fault) = names::subdomain(&format!("{}x", text.trim_end_matches('-'))) {
            walker.invalid(prefix, &path, format!("invalid name `{}`: {fault}", clip(text)));
        }
    } else {
        walker.required(metadata, &path.field("name"), "name or generateName is required");
    }
}

fn check_annotations(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) {
    let mut total = 0;
    for entry in walker.mapping(node, path).unwrap_or_default() {
        selectors::annotation_key(walker, entry, path);
        let value = walker.text(&entry.value, &path.field(&entry.key.text));
        if let (LINT_IGNORE, Some(value)) = (&*entry.key.text, value) {
            let line = entry.value.line;
            walker.note_for_lint(DiagnosticCode::LintIgnore, line, value.to_owned());
        }
        total += entry.key.text.len() + value.map_or(0, str::len);
    }
    if total > MAX_ANNOTATION_BYTES {
        let fault = format!("too long: may not be more than {MAX_ANNOTATION_BYTES} bytes");
        walker.add(
            (Severity::Error, DiagnosticCode::InvalidValue),
            node.line,
            format!("{path}: {fault}"),
            None,
        );
    }
}
