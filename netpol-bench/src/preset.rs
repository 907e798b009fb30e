//! The shapes of clusters, by their fixed names.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A shape of cluster; each can be made at any number of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Namespaces of 50 pods in 5 workloads, 8 policies each; pods have addresses, and no block cuts pod space.
    Enterprise,
    /// Namespaces of 10 pods numbered by one label, 22 policies each with remote peers, ranges and /16 blocks.
    KubeBurner,
    /// 240 namespaces of 10 pods, 20 policies each with many peers, ports, ranges and blocks.
    Redhat240,
    /// Namespaces of 3 000 pods in 600 workloads, 3 000 policies each with one egress peer.
    CiliumNetpol,
    /// 25 000 namespaces of 4 pods, 3 policies each.
    AntreaXl,
    /// One namespace, as many policies as pods, each selecting all of them.
    AntreaOneNs,
    /// One pod and one policy in each namespace, 15 labels a pod, some of them unique.
    CalicoSaas,
    /// One namespace of pods with unstructured labels, 1 000 policies that draw labels at random.
    KanoRandom,
    /// `enterprise` with blocks that cut pod space, one of them a /24 for each namespace, and host-network pods.
    Live,
    /// `enterprise` with policies in every second namespace alone.
    Open,
    /// `enterprise` as templates: no pods, so no addresses and no nodes.
    Templates,
    /// `enterprise` in two address families.
    Dual,
    /// `enterprise` with 40 policies of kind ClusterNetworkPolicy in both tiers, 25 rules each.
    Admin,
}

impl Preset {
    /// Every preset, in the order of the help text.
    pub const ALL: [Self; 13] = [
        Self::Enterprise,
        Self::KubeBurner,
        Self::Redhat240,
        Self::CiliumNetpol,
        Self::AntreaXl,
        Self::AntreaOneNs,
        Self::CalicoSaas,
        Self::KanoRandom,
        Self::Live,
        Self::Open,
        Self::Templates,
        Self::Dual,
        Self::Admin,
    ];

    /// Returns the fixed name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::KubeBurner => "kube-burner",
            Self::Redhat240 => "redhat-240",
            Self::CiliumNetpol => "cilium-netpol",
            Self::AntreaXl => "antrea-xl",
            Self::AntreaOneNs => "antrea-one-ns",
            Self::CalicoSaas => "calico-saas",
            Self::KanoRandom => "kano-random",
            Self::Live => "live",
            Self::Open => "open",
            Self::Templates => "templates",
            Self::Dual => "dual",
            Self::Admin => "admin",
        }
    }

    /// Returns the most pods that the shape is measured at, and why there are no more.
    pub const fn most_pods(self) -> (u32, &'static str) {
        match self {
            Self::Redhat240 => (2_400, "the shape has a fixed size of 240 namespaces"),
            Self::AntreaXl => (100_000, "the shape has a fixed size of 25 000 namespaces"),
            Self::AntreaOneNs => (10_000, "the shape has a fixed size of 10 000 policies"),
            Self::KanoRandom => (
                100_000,
                "nearly every pair of labels is its own class; the shape is known up to 100 000 pods",
            ),
            _ => (u32::MAX, ""),
        }
    }

    /// Returns the number of pods where none is asked for: the size under which the shape is known.
    pub const fn default_pods(self) -> u32 {
        match self {
            Self::Redhat240 => 2_400,
            Self::CiliumNetpol => 3_000,
            Self::AntreaXl => 100_000,
            _ => 10_000,
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a text names no preset.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no preset is called `{name}`; presets: {known}")]
pub struct UnknownPreset {
    /// The text.
    pub name: String,
    /// The names that exist, separated by commas.
    pub known: String,
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|p| p.as_str() == name);
        found.ok_or_else(|| UnknownPreset { name: name.into(), known: known() })
    }
}
