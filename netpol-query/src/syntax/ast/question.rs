//! Questions about a cluster.

use std::fmt;

use netpol_core::model::{Direction, Verdict};

use super::endpoint::Endpoints;
use super::part;
use super::path::Path;
use super::port::Ports;
use crate::syntax::span::Spanned;

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// `can A reach B on P`, `is B reachable from A`, `A -> B`.
    Can {
        /// `all` or `some`.
        quantifier: Option<Quantifier>,
        /// Who connects.
        from: Endpoints,
        /// To whom.
        to: Endpoints,
        /// On which ports.
        on: Option<Ports>,
    },
    /// `why can't A reach B on P`, `explain A -> B`.
    Why {
        /// Whether the asker takes it for denied.
        negated: bool,
        /// Who connects.
        from: Endpoints,
        /// To whom.
        to: Endpoints,
        /// On which ports.
        on: Option<Ports>,
    },
    /// `who can reach B`.
    Who {
        /// Whether over several hops.
        eventually: bool,
        /// To whom.
        to: Endpoints,
        /// On which ports.
        on: Option<Ports>,
        /// Of whom; absent: of everything.
        from: Option<Endpoints>,
    },
    /// `what can A reach`.
    What {
        /// Whether over several hops.
        eventually: bool,
        /// Who connects.
        from: Endpoints,
        /// On which ports.
        on: Option<Ports>,
        /// `in SCOPE`; absent: everything.
        within: Option<Endpoints>,
    },
    /// `paths from A to B max 4 hops`.
    Paths {
        /// Where they begin.
        from: Endpoints,
        /// Where they end.
        to: Endpoints,
        /// Which of them.
        options: PathOptions,
    },
    /// `blast radius of A`.
    Blast {
        /// Where it begins.
        of: Endpoints,
        /// How far.
        options: PathOptions,
    },
    /// `exposure of A`.
    Exposure {
        /// Of what.
        of: Endpoints,
        /// On which ports.
        on: Option<Ports>,
    },
    /// `matrix from A to B by namespace`.
    Matrix {
        /// Who connects; absent: everything.
        from: Option<Endpoints>,
        /// To whom; absent: everything.
        to: Option<Endpoints>,
        /// On which ports.
        on: Option<Ports>,
        /// How pods are summed up.
        by: Option<LevelWord>,
    },
    /// `policies for A ingress`, `policies allowing A -> B`.
    Policies {
        /// How the policies relate to the endpoints.
        relation: Relation,
        /// The endpoints, or where the flow begins.
        of: Endpoints,
        /// Where the flow ends.
        to: Option<Endpoints>,
        /// In which direction.
        direction: Option<Direction>,
        /// On which ports.
        on: Option<Ports>,
    },
    /// `pods of netpol/x`.
    PodsOf(Spanned<Path>),
    /// `resolve A`.
    Resolve(Endpoints),
    /// `list pods`, `flows`, `list unprotected`.
    List(Listable),
    /// `count ...`.
    Count(Listable),
}

/// Whether all pairs or some pair is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// Every pair.
    All,
    /// At least one pair.
    Some,
}

/// Which paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathOptions {
    /// Only the shortest.
    pub shortest: bool,
    /// The most hops.
    pub max_hops: Option<u32>,
    /// What they pass.
    pub via: Option<Endpoints>,
    /// What they do not pass.
    pub avoiding: Option<Endpoints>,
    /// On which ports each hop goes.
    pub on: Option<Ports>,
}

/// How pods are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelWord {
    /// Pod by pod.
    Pod,
    /// By workload.
    Workload,
    /// By namespace.
    Namespace,
}

/// How policies relate to endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They select or mention them.
    For,
    /// They select them.
    Selecting,
    /// They allow the flow.
    Allowing,
    /// They stand in its way.
    Blocking,
}

/// What can be listed and counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Listable {
    /// Flows.
    Flows(FlowsOf),
    /// Objects.
    Objects {
        /// Which.
        noun: Spanned<Noun>,
        /// `in SCOPE`.
        within: Option<Endpoints>,
        /// For `unprotected`.
        direction: Option<Spanned<Direction>>,
    },
}

/// Flows with a verdict between two sets.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowsOf {
    /// The verdict.
    pub verdict: Verdict,
    /// Who connects; absent: everything.
    pub from: Option<Endpoints>,
    /// To whom; absent: everything.
    pub to: Option<Endpoints>,
    /// On which ports.
    pub on: Option<Ports>,
}

/// Kinds of objects that can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    /// Pods.
    Pods,
    /// Workloads.
    Workloads,
    /// Namespaces.
    Namespaces,
    /// Services.
    Services,
    /// Policies of every family.
    Policies,
    /// Workloads that nothing isolates.
    Unprotected,
    /// Nodes.
    Nodes,
}

impl Noun {
    /// All nouns.
    pub const ALL: [Self; 7] = [
        Self::Pods,
        Self::Workloads,
        Self::Namespaces,
        Self::Services,
        Self::Policies,
        Self::Unprotected,
        Self::Nodes,
    ];

    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Workloads => "workloads",
            Self::Namespaces => "namespaces",
            Self::Services => "services",
            Self::Policies => "policies",
            Self::Unprotected => "unprotected",
            Self::Nodes => "nodes",
        }
    }
}

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// The graph of flows.
    Graph,
    /// The matrix.
    Matrix,
    /// The policies.
    Policies,
    /// A report.
    Report,
    /// The cluster.
    Snapshot,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// Returns the word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Finds what a word stands for; case does not count.
            pub fn of_word(word: &str) -> Option<Self> {
                [$(Self::$variant),+].into_iter().find(|x| x.as_str().eq_ignore_ascii_case(word))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(Quantifier { All = "all", Some = "some" });
words!(LevelWord { Pod = "pod", Workload = "workload", Namespace = "namespace" });
words!(Relation {
    For = "for",
    Selecting = "selecting",
    Allowing = "allowing",
    Blocking = "blocking",
});
words!(Exported {
    Graph = "graph",
    Matrix = "matrix",
    Policies = "policies",
    Report = "report",
    Snapshot = "snapshot",
});

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Can { quantifier, from, to, on } => {
                f.write_str("can ")?;
                quantifier.map_or(Ok(()), |q| write!(f, "{q} "))?;
                write!(f, "{from} reach {to}")?;
                part(f, "on", on.as_ref())
            }
            Self::Why { negated, from, to, on } => {
                let verb = if *negated { "can't" } else { "can" };
                // `not` after the verb would be the verb's.
                let said = from.to_string();
                if said.starts_with("not ") {
                    write!(f, "why {verb} ({said}) reach {to}")?;
                } else {
                    write!(f, "why {verb} {said} reach {to}")?;
                }
                part(f, "on", on.as_ref())
            }
            Self::Who { eventually, to, on, from } => {
                write!(f, "who can {}reach {to}", if *eventually { "eventually " } else { "" })?;
                part(f, "on", on.as_ref())?;
                part(f, "from", from.as_ref())
            }
            Self::What { eventually, from, on, within } => {
                let adverb = if *eventually { " eventually" } else { "" };
                write!(f, "what can {from}{adverb} reach")?;
                part(f, "on", on.as_ref())?;
                part(f, "in", within.as_ref())
            }
            Self::Paths { from, to, options } => write!(f, "paths from {from} to {to}{options}"),
            Self::Blast { of, options } => write!(f, "blast radius of {of}{options}"),
            Self::Exposure { of, on } => {
                write!(f, "exposure of {of}")?;
                part(f, "on", on.as_ref())
            }
            Self::Matrix { from, to, on, by } => {
                f.write_str("matrix")?;
                part(f, "from", from.as_ref())?;
                part(f, "to", to.as_ref())?;
                part(f, "on", on.as_ref())?;
                part(f, "by", by.as_ref())
            }
            Self::Policies { relation, of, to, direction, on } => {
                write!(f, "policies {relation} {of}")?;
                part(f, "->", to.as_ref())?;
                direction.map_or(Ok(()), |d| write!(f, " {d}"))?;
                part(f, "on", on.as_ref())
            }
            Self::PodsOf(policy) => write!(f, "pods of {policy}"),
            Self::Resolve(set) => write!(f, "resolve {set}"),
            Self::List(what @ Listable::Flows(_)) => what.fmt(f),
            Self::List(what) => write!(f, "list {what}"),
            Self::Count(what) => write!(f, "count {what}"),
        }
    }
}

impl fmt::Display for PathOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shortest {
            f.write_str(" shortest")?;
        }
        if let Some(hops) = self.max_hops {
            write!(f, " max {hops} hops")?;
        }
        part(f, "via", self.via.as_ref())?;
        part(f, "avoiding", self.avoiding.as_ref())?;
        part(f, "on", self.on.as_ref())
    }
}

impl fmt::Display for Listable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flows(flows) => flows.fmt(f),
            Self::Objects { noun, within, direction } => {
                noun.fmt(f)?;
                part(f, "in", within.as_ref())?;
                direction.as_ref().map_or(Ok(()), |d| write!(f, " {d}"))
            }
        }
    }
}

impl fmt::Display for FlowsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Allow => "flows",
            Verdict::Deny => "denied flows",
            Verdict::Unknown => "unknown flows",
            Verdict::Ambiguous => "ambiguous flows",
        })?;
        part(f, "from", self.from.as_ref())?;
        part(f, "to", self.to.as_ref())?;
        part(f, "on", self.on.as_ref())
    }
}
