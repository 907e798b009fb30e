//! Which fields of each kind are read.

use super::kinds::Kind;
use crate::model::IngressKind;

/// What is read of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Nothing.
    Nothing,
    /// All of it.
    All,
    /// These fields of it, or of its items.
    Only(&'static [(&'static str, Want)]),
}

impl Want {
    /// Returns what is read of a field.
    pub(super) fn field(self, key: &str) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::All => Self::All,
            Self::Only(fields) => fields.iter().find(|f| f.0 == key).map_or(Self::Nothing, |f| f.1),
        }
    }
}

/// Returns what is read of an object of a kind; of one that is not used, only what it claims to be.
pub(super) fn of(kind: Option<Kind>) -> Want {
    Want::Only(match kind {
        None => CLAIM,
        Some(Kind::Namespace) => NAMESPACE,
        Some(Kind::Node) => NODE,
        Some(Kind::Pod) => POD,
        Some(Kind::Service) => SERVICE,
        Some(Kind::Workload(_)) => WORKLOAD,
        Some(Kind::Ingress(IngressKind::Ingress)) => INGRESS,
        Some(Kind::Ingress(IngressKind::Route)) => ROUTE,
        Some(Kind::Policy(_)) => return Want::All,
    })
}

type Fields = &'static [(&'static str, Want)];

const fn only(fields: Fields) -> Want {
    Want::Only(fields)
}

const CLAIM: Fields = &[("apiVersion", Want::All), ("kind", Want::All)];

const METADATA: Want = only(&[
    ("name", Want::All),
    ("generateName", Want::All),
    ("namespace", Want::All),
    ("labels", Want::All),
    (
        "ownerReferences",
        only(&[("kind", Want::All), ("name", Want::All), ("controller", Want::All)]),
    ),
]);

const NAMESPACE: Fields = &[("apiVersion", Want::All), ("kind", Want::All), ("metadata", METADATA)];

const NODE: Fields = &[
    ("apiVersion", Want::All),
    ("kind", Want::All),
    ("metadata", METADATA),
    ("spec", only(&[("podCIDR", Want::All), ("podCIDRs", Want::All)])),
    ("status", only(&[("addresses", only(&[("address", Want::All)]))])),
];

const CONTAINERS: Want = only(&[
    ("ports", only(&[("name", Want::All), ("containerPort", Want::All), ("protocol", Want::All)])),
    ("restartPolicy", Want::All),
]);

const POD_SPEC: Want = only(&[
    ("containers", CONTAINERS),
    ("initContainers", CONTAINERS),
    ("hostNetwork", Want::All),
    ("nodeName", Want::All),
]);

const POD_STATUS: Want = only(&[
    ("phase", Want::All),
    ("podIP", Want::All),
    ("podIPs", Want::All),
    ("hostIP", Want::All),
    ("hostIPs", Want::All),
]);

const POD: Fields = &[
    ("apiVersion", Want::All),
    ("kind", Want::All),
    ("metadata", METADATA),
    ("spec", POD_SPEC),
    ("status", POD_STATUS),
];

const TEMPLATE: Want = only(&[("metadata", METADATA), ("spec", POD_SPEC)]);

const WORKLOAD: Fields = &[
    ("apiVersion", Want::All),
    ("kind", Want::All),
    ("metadata", METADATA),
    (
        "spec",
        only(&[
            ("replicas", Want::All),
            ("template", TEMPLATE),
            ("jobTemplate", only(&[("spec", only(&[("template", TEMPLATE)]))])),
        ]),
    ),
    ("status", only(&[("conditions", only(&[("type", Want::All), ("status", Want::All)]))])),
];

const SERVICE: Fields = &[
    ("apiVersion", Want::All),
    ("kind", Want::All),
    ("metadata", METADATA),
    (
        "spec",
        only(&[
            ("type", Want::All),
            ("selector", Want::All),
            ("clusterIP", Want::All),
            ("clusterIPs", Want::All),
            ("ports", Want::All),
        ]),
    ),
];

const BACKEND: Want = only(&[
    (
        "service",
        only(&[("name", Want::All), ("port", only(&[("number", Want::All), ("name", Want::All)]))]),
    ),
    ("resource", only(&[("kind", Want::All), ("name", Want::All)])),
]);

const INGRESS: Fields = &[
    ("apiVersion", Want::All),
    ("kind", Want::All),
    ("metadata", METADATA),
    (
        "spec",
        only(&[
            ("defaultBackend", BACKEND),
            ("rules", only(&[("http", only(&[("paths", only(&[("backend", BACKEND)]))]))])),
        ]),
    ),
];

const ROUTE_TARGET: Want = only(&[("kind", Want::All), ("name", Want::All)]);

const ROUTE: Fields = &[
    ("apiVersion", Want::All),
    ("kind", Want::All),
    ("metadata", METADATA),
    (
        "spec",
        only(&[
            ("to", ROUTE_TARGET),
            ("alternateBackends", ROUTE_TARGET),
            ("port", only(&[("targetPort", Want::All)])),
        ]),
    ),
];
