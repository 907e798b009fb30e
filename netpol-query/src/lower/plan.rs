//! What is to be executed: names are ids here.

use netpol_core::model::{Direction, IpSet, PodId, PolicyId, PortSet, ServiceId, Verdict};
use netpol_core::reach::{AskedPorts, Selection};

use super::hops::HopsPlan;
use super::lint::LintPlan;
use super::region::Region;
use super::scope::Value;
use crate::syntax::ast::{
    Comparison, ExpectSeverity, Exported, LevelWord, Noun, Pipe, Quantifier, Relation,
};
use crate::syntax::{Span, Spanned};

/// What a sentence asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// `can`, `is`, `A -> B`.
    Can {
        /// The pairs.
        ask: Ask,
        /// `all` or `some`.
        quantifier: Option<Quantifier>,
    },
    /// `why` and `explain`.
    Why {
        /// The pairs.
        ask: Ask,
        /// Whether the asker takes it for denied.
        negated: bool,
    },
    /// `who can reach`.
    Who(Ask),
    /// `what can ... reach`.
    What(Ask),
    /// `flows`.
    Flows {
        /// The pairs.
        ask: Ask,
        /// The verdict of the rows that are listed.
        verdict: Verdict,
    },
    /// `matrix`.
    Matrix {
        /// The pairs.
        ask: Ask,
        /// How pods are summed up; `None` where the sentence does not say.
        by: Option<LevelWord>,
    },
    /// `count`.
    Count(CountPlan),
    /// `list`.
    List(ListPlan),
    /// `resolve`.
    Resolve(Region),
    /// `pods of`.
    PodsOf(PolicyId),
    /// `policies for` and the like.
    Policies(Box<PoliciesPlan>),
    /// `paths`, `eventually`, `blast radius`.
    Hops(Box<HopsPlan>),
    /// `exposure of`.
    Exposure(Box<ExposurePlan>),
    /// `lint`.
    Lint(Box<LintPlan>),
    /// `expect` and `warn`.
    Expect(Box<ExpectPlan>),
    /// `export`.
    Export(Box<ExportPlan>),
    /// `let`.
    Define {
        /// The name, without `$`.
        name: String,
        /// What it stands for.
        value: Value,
    },
    /// `use namespace`; `None` for no current namespace.
    UseNamespace(Option<String>),
}

/// All pairs of two sets on some ports.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Who connects.
    pub from: Selection,
    /// To whom.
    pub to: Selection,
    /// The ports that were said; `None` without `on`.
    pub on: Option<AskedPorts>,
    /// The Service's port through which `to` was named.
    pub through: Option<Translation>,
    /// The two ends as they were typed; `None` where nothing was said.
    pub said: (Option<String>, Option<String>),
    /// Where the question stands, for errors about it as a whole.
    pub span: Option<Span>,
}

impl Ask {
    /// Returns the ports that are asked: all, where none were said.
    pub fn ports(&self) -> AskedPorts {
        self.on.clone().unwrap_or_else(AskedPorts::all)
    }

    /// Returns the destinations by the ports on which they are asked about: through a Service's port they differ by pod.
    pub fn parts(&self) -> Vec<(Selection, AskedPorts)> {
        let Some(through) = &self.through else { return vec![(self.to.clone(), self.ports())] };
        let reached = through.parts.iter().filter(|(ports, _)| !ports.is_empty());
        let part = |(ports, pods): &(PortSet, Vec<PodId>)| {
            let pods = pods.iter().map(|p| p.0).collect();
            (Selection { pods, ..Selection::default() }, ports.clone().into())
        };
        reached.map(part).collect()
    }
}

/// A Service's port, and what it means on the pods behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Translation {
    /// The Service.
    pub service: ServiceId,
    /// Its port as typed: a number or a name.
    pub port: String,
    /// The pods by the container ports that they are reached on.
    pub parts: Vec<(PortSet, Vec<PodId>)>,
}

/// Whose exposure is asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct ExposurePlan {
    /// From everything else to the set.
    pub inward: Ask,
    /// From the set to addresses outside the cluster.
    pub outward: Ask,
    /// What counts as the internet.
    pub internet: IpSet,
}

/// What is counted.
#[derive(Clone, Debug, PartialEq)]
pub enum CountPlan {
    /// Ordered workload pairs with a row of this verdict.
    Flows(Box<Ask>, Verdict),
    /// Objects.
    Objects(ListPlan),
}

/// Which objects are listed.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPlan {
    /// Of which kind.
    pub noun: Noun,
    /// Where; `None` for everywhere.
    pub within: Option<Region>,
    /// The direction, for `unprotected`.
    pub direction: Direction,
}

/// Which policies are listed.
#[derive(Clone, Debug, PartialEq)]
pub struct PoliciesPlan {
    /// How they relate to the endpoints.
    pub relation: Relation,
    /// The endpoints, for `for` and `selecting`.
    pub of: Region,
    /// The flow, for `allowing` and `blocking`.
    pub flow: Option<Ask>,
    /// In which direction; `None` for both.
    pub direction: Option<Direction>,
}

/// What is written where.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportPlan {
    /// What.
    pub what: Exported,
    /// The file; `None` for standard output.
    pub path: Option<String>,
    /// The form, as a word of `as`.
    pub form: &'static str,
    /// Everything.
    pub ask: Ask,
}

impl ExportPlan {
    /// Tells whether a snapshot file is to be written, which can be loaded again.
    pub fn is_file(&self) -> bool {
        self.form == SNAPSHOT_FORM
    }
}

/// The form of snapshot files: their extension, and no word of `as`.
pub(super) const SNAPSHOT_FORM: &str = "snapshot";

/// What ought to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectPlan {
    /// What ought to hold.
    pub claim: ClaimPlan,
    /// What a breach amounts to.
    pub severity: ExpectSeverity,
    /// Whether sets may be empty.
    pub if_any: bool,
    /// Why it ought to hold.
    pub because: Option<String>,
}

/// A claim.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimPlan {
    /// Pairs can be reached, or not.
    Reach {
        /// The pairs.
        ask: Box<Ask>,
        /// `all` or `some`.
        quantifier: Option<Quantifier>,
        /// Whether they ought not to.
        negated: bool,
        /// Whether on no other ports.
        exactly: bool,
    },
    /// Only some can reach something.
    Only {
        /// Those who may.
        inside: Box<Ask>,
        /// All others, who ought not to.
        others: Box<Ask>,
    },
    /// No flow has a verdict.
    NoFlows(Box<Ask>, Verdict),
    /// There is no way over several hops.
    NoPath(Box<HopsPlan>),
    /// Pairs can be reached over several hops.
    Eventually {
        /// The pairs.
        plan: Box<HopsPlan>,
        /// `all` or `some`.
        quantifier: Option<Quantifier>,
    },
    /// Only some can reach something over several hops.
    OnlyEventually {
        /// Those who may.
        inside: Box<HopsPlan>,
        /// All others, who ought not to.
        others: Box<HopsPlan>,
    },
    /// No mistake is found.
    NoLint(Box<LintPlan>),
    /// No object is listed.
    None(ListPlan),
    /// A count compares with a number.
    Count(CountPlan, Comparison, u64),
}

/// A step of a pipe; a format is not a step but a property of the output.
pub type PipeStep = Spanned<Pipe>;
