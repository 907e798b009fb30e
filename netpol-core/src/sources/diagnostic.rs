//! What loading has to say about the input.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Position;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// The object or file is not part of the cluster; the program exits with 2.
    Error,
    /// It was used, but probably does not mean what its author thinks.
    Warning,
    /// Worth knowing.
    Note,
}

/// The stable codes of input diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DiagnosticCode {
    /// A file or directory cannot be read.
    Unreadable,
    /// Broken YAML or JSON.
    Syntax,
    /// A limit on size, depth or aliases was hit.
    Limit,
    /// A mapping has a key twice.
    DuplicateKey,
    /// A policy has a field that the API does not know.
    UnknownField,
    /// A field has a value that the API server rejects.
    InvalidValue,
    /// A scalar means something else in YAML 1.1.
    YamlTrap,
    /// A null element in a list of rules or ports.
    NullElement,
    /// An admin policy in the shape of an old release.
    OldShape,
    /// A later object replaces an earlier one of the same name.
    DuplicateObject,
    /// A namespace is only referenced.
    NamespaceSynthesised,
    /// A pod has ended and was left out.
    CompletedPod,
    /// A workload with zero replicas stands for one pod.
    ZeroReplicas,
    /// Kinds that the program does not use were skipped.
    SkippedKinds,
    /// A kind of a known name in another API group was skipped.
    ForeignKind,
    /// A document is no Kubernetes object.
    NotKubernetes,
    /// A file is a Helm template.
    HelmTemplate,
    /// Something was read leniently.
    Lenient,
    /// A named port toward peers that are no pods never matches.
    NamedPortWithAddresses,
    /// Admin policies of both API versions in one input.
    MixedVersions,
    /// A selector on a label that a controller adds, which templates do not carry.
    ControllerLabel,
    /// A backend of an Ingress or Route leads nowhere, or was read leniently.
    IngressBackend,
    /// A CIDR that the API server reads, but that is not canonical.
    CidrSpelling,
    /// A port entry of an admin policy that the schema lets pass, but that can match nothing.
    AdminPort,
    /// A named port toward nodes or domain names.
    NamedPortRefused,
    /// For `lint` alone: a selector or its `matchLabels` is written without a value.
    NullSelector,
    /// For `lint` alone: `egress` is written without a rule, and `policyTypes` is not written.
    EmptyEgress,
    /// For `lint` alone: a NetworkPolicy names no namespace.
    NoNamespace,
    /// For `lint` alone: kinds that were skipped and from which operators make pods.
    PodMakers,
    /// For `lint` alone: an annotation with findings that are accepted; the message is its value.
    LintIgnore,
}

impl DiagnosticCode {
    /// Tells whether nobody but `lint` has a use for it.
    pub const fn is_for_lint(self) -> bool {
        matches!(
            self,
            Self::NullSelector
                | Self::EmptyEgress
                | Self::NoNamespace
                | Self::PodMakers
                | Self::LintIgnore
        )
    }

    /// Returns the code of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "UNREADABLE",
            Self::Syntax => "SYNTAX",
            Self::Limit => "LIMIT",
            Self::DuplicateKey => "DUPLICATE_KEY",
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::InvalidValue => "INVALID_VALUE",
            Self::YamlTrap => "YAML_TRAP",
            Self::NullElement => "NULL_ELEMENT",
            Self::OldShape => "OLD_SHAPE",
            Self::DuplicateObject => "DUPLICATE_OBJECT",
            Self::NamespaceSynthesised => "NAMESPACE_SYNTHESISED",
            Self::CompletedPod => "COMPLETED_POD",
            Self::ZeroReplicas => "ZERO_REPLICAS",
            Self::SkippedKinds => "SKIPPED_KINDS",
            Self::ForeignKind => "FOREIGN_KIND",
            Self::NotKubernetes => "NOT_KUBERNETES",
            Self::HelmTemplate => "HELM_TEMPLATE",
            Self::Lenient => "LENIENT",
            Self::NamedPortWithAddresses => "NAMED_PORT_WITH_ADDRESSES",
            Self::MixedVersions => "MIXED_VERSIONS",
            Self::ControllerLabel => "CONTROLLER_LABEL",
            Self::IngressBackend => "INGRESS_BACKEND",
            Self::CidrSpelling | Self::AdminPort | Self::NamedPortRefused => "INVALID_VALUE",
            Self::NullSelector => "NULL_SELECTOR",
            Self::EmptyEgress => "EMPTY_EGRESS",
            Self::NoNamespace => "NO_NAMESPACE",
            Self::PodMakers => "POD_MAKERS",
            Self::LintIgnore => "LINT_IGNORE",
        }
    }
}

/// One thing that loading found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// What kind of finding.
    pub code: DiagnosticCode,
    /// What is wrong and what was expected: one line, lower case, no full stop, field path included.
    pub message: String,
    /// The object, such as `shop/networkpolicy/db` or `clusternetworkpolicy/guardrails`.
    pub object: Option<String>,
    /// Where it stands.
    pub position: Option<Position>,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = &self.position {
            write!(f, "{position}: ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.message)
    }
}
