//! Changes to a cluster, and where manifests come from.

use std::fmt;

use netpol_core::model::Direction;

use super::endpoint::Endpoints;
use super::path::{Path, print_value};
use super::port::Ports;
use super::{part, quote};
use crate::syntax::span::Spanned;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `apply FILE`.
    Apply(Spanned<Source>),
    /// `delete netpol/x`.
    Delete(Endpoints),
    /// `label deploy/x a=b`.
    Label(Endpoints, Vec<(String, String)>),
    /// `unlabel deploy/x a`.
    Unlabel(Endpoints, Vec<String>),
    /// `scale deploy/x to 3`.
    Scale(Endpoints, u32),
    /// `add pod x in ns labels a=b ports tcp/80`.
    Add {
        /// Of which kind.
        kind: AddedKind,
        /// Its name.
        name: Spanned<Path>,
        /// Its namespace.
        namespace: Option<Spanned<Path>>,
        /// Its labels.
        labels: Vec<(String, String)>,
        /// The ports that it declares.
        ports: Option<Ports>,
    },
    /// `allow A -> B on P`.
    Allow {
        /// Who connects.
        from: Endpoints,
        /// To whom.
        to: Endpoints,
        /// On which ports.
        on: Option<Ports>,
    },
    /// `isolate A ingress`.
    Isolate(Endpoints, Option<Direction>),
    /// `compromise A`.
    Compromise(Endpoints),
}

/// What can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedKind {
    /// A pod.
    Pod,
    /// A namespace.
    Namespace,
}

/// Where manifests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A path, or `git:REV`, `dir:PATH`, `file:PATH`, as written.
    Bare(String),
    /// A path between quotes.
    Quoted(String),
}

impl Source {
    /// Returns the text without quotes.
    pub fn text(&self) -> &str {
        match self {
            Self::Bare(text) | Self::Quoted(text) => text,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare(text) => f.write_str(text),
            Self::Quoted(text) => quote(f, text),
        }
    }
}

/// Prints a target: what holds more than one endpoint stands between parentheses.
fn target(f: &mut fmt::Formatter<'_>, set: &Endpoints) -> fmt::Result {
    use super::endpoint::Set;
    match &set.node {
        Set::One(_) | Set::Within(..) | Set::Complement(_) => write!(f, "{set}"),
        Set::Union(_) | Set::Intersection(_) | Set::Difference(_) => write!(f, "({set})"),
    }
}

fn print_labels(f: &mut fmt::Formatter<'_>, labels: &[(String, String)]) -> fmt::Result {
    for (i, (key, value)) in labels.iter().enumerate() {
        write!(f, "{}{key}=", if i == 0 { " " } else { ", " })?;
        print_value(f, value)?;
    }
    Ok(())
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(source) => write!(f, "apply {source}"),
            Self::Delete(set) => {
                f.write_str("delete ")?;
                target(f, set)
            }
            Self::Label(set, labels) => {
                f.write_str("label ")?;
                target(f, set)?;
                print_labels(f, labels)
            }
            Self::Unlabel(set, keys) => {
                f.write_str("unlabel ")?;
                target(f, set)?;
                write!(f, " {}", keys.join(","))
            }
            Self::Scale(set, replicas) => {
                f.write_str("scale ")?;
                target(f, set)?;
                write!(f, " to {replicas}")
            }
            Self::Add { kind, name, namespace, labels, ports } => {
                let word = match kind {
                    AddedKind::Pod => "pod",
                    AddedKind::Namespace => "namespace",
                };
                write!(f, "add {word} {name}")?;
                part(f, "in", namespace.as_ref())?;
                if !labels.is_empty() {
                    f.write_str(" labels")?;
                    print_labels(f, labels)?;
                }
                part(f, "ports", ports.as_ref())
            }
            Self::Allow { from, to, on } => {
                f.write_str("allow ")?;
                target(f, from)?;
                f.write_str(" -> ")?;
                target(f, to)?;
                part(f, "on", on.as_ref())
            }
            Self::Isolate(set, direction) => {
                f.write_str("isolate ")?;
                target(f, set)?;
                direction.map_or(Ok(()), |d| write!(f, " {d}"))
            }
            Self::Compromise(set) => {
                f.write_str("compromise ")?;
                target(f, set)
            }
        }
    }
}
