//! Endpoints and the sets that are made of them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netpol_core::model::Selector;

use super::path::{Path, print_selector};
use crate::syntax::span::Spanned;

/// A set of endpoints, and where it stands.
pub type Endpoints = Spanned<Set>;

/// A set of endpoints.
#[derive(Clone, Debug, PartialEq)]
pub enum Set {
    /// What one endpoint names.
    One(Endpoint),
    /// `a, b` and `a or b`.
    Union(Vec<Endpoints>),
    /// `a and b`.
    Intersection(Vec<Endpoints>),
    /// `a except b`: the first without all others.
    Difference(Vec<Endpoints>),
    /// `not a`.
    Complement(Box<Endpoints>),
    /// `a in ns/b`.
    Within(Box<Endpoints>, Box<Endpoints>),
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Endpoint {
    /// `$name`.
    Variable(String),
    /// A word such as `internet`, with the selectors that narrow it.
    Word(Word, Vec<Spanned<Selector>>),
    /// `fqdn:api.example.com`.
    Domain(String),
    /// A CIDR.
    Net(IpNet),
    /// Two addresses of one family and all between.
    Range(IpAddr, IpAddr),
    /// One address.
    Address(IpAddr),
    /// `shop/deploy/frontend`.
    Path(Path),
}

/// The words for sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Everything: all pods and all that is outside.
    Any,
    /// Every pod.
    Pods,
    /// Every address that is no pod and no node.
    External,
    /// External without the private ranges.
    Internet,
    /// The private ranges outside the cluster.
    Private,
    /// Host-network pods and the addresses of nodes.
    Nodes,
    /// The pods behind the cluster's DNS service.
    Dns,
    /// The address of the cloud's metadata service.
    Metadata,
    /// The unknown pods that Ingress and Route objects stand for.
    IngressController,
}

impl Word {
    /// All words.
    pub const ALL: [Self; 9] = [
        Self::Any,
        Self::Pods,
        Self::External,
        Self::Internet,
        Self::Private,
        Self::Nodes,
        Self::Dns,
        Self::Metadata,
        Self::IngressController,
    ];

    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Pods => "pods",
            Self::External => "external",
            Self::Internet => "internet",
            Self::Private => "private",
            Self::Nodes => "nodes",
            Self::Dns => "dns",
            Self::Metadata => "metadata",
            Self::IngressController => "ingress-controller",
        }
    }
}

impl Set {
    /// How tightly it binds when printed: what binds less tightly than its surroundings needs parentheses.
    const fn level(&self) -> u8 {
        match self {
            Self::Difference(_) => 0,
            Self::Union(_) => 1,
            Self::Intersection(_) => 2,
            Self::Complement(_) => 3,
            Self::Within(..) => 4,
            Self::One(_) => 5,
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, least: u8) -> fmt::Result {
        if self.level() < least { write!(f, "({self})") } else { write!(f, "{self}") }
    }

    fn is_scope(&self) -> bool {
        matches!(self, Self::One(Endpoint::Variable(_) | Endpoint::Path(Path { port: None, .. })))
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(endpoint) => endpoint.fmt(f),
            Self::Union(sets) => print_operands(f, ", ", sets, 2),
            Self::Intersection(sets) => print_operands(f, " and ", sets, 3),
            Self::Difference(sets) => print_operands(f, " except ", sets, 1),
            Self::Complement(set) => {
                f.write_str("not ")?;
                set.node.print(f, 4)
            }
            Self::Within(set, scope) => {
                set.node.print(f, 5)?;
                f.write_str(" in ")?;
                if scope.node.is_scope() { scope.fmt(f) } else { write!(f, "({scope})") }
            }
        }
    }
}

fn print_operands(
    f: &mut fmt::Formatter<'_>,
    between: &str,
    sets: &[Endpoints],
    least: u8,
) -> fmt::Result {
    for (i, set) in sets.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { between })?;
        set.node.print(f, least)?;
    }
    Ok(())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${name}"),
            Self::Word(word, selectors) => {
                f.write_str(word.as_str())?;
                selectors.iter().try_for_each(|s| print_selector(f, &s.node))
            }
            Self::Domain(name) => write!(f, "fqdn:{name}"),
            Self::Net(net) => net.fmt(f),
            Self::Range(from, to) => write!(f, "{from}-{to}"),
            Self::Address(address) => address.fmt(f),
            Self::Path(path) => path.fmt(f),
        }
    }
}
