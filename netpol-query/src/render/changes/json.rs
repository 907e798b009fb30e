//! Changes as JSON.

use netpol_core::model::Verdict;
use serde::Serialize;

use crate::execute::{
    Acceptance, ChangeRow, ChangeSummary, ChangedObject, Changes, Contract, ContractStatus,
    EmptiedService, ReachChange, Reached,
};
use crate::render::json::{
    EndpointRowView, EndpointView, PairsView, PortsView, ReasonView, endpoint_row, reason,
};

/// What stands beside the rows.
#[derive(Serialize)]
pub(in crate::render) struct ChangesView<'a> {
    summary: SummaryView,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_revision: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_revision: Option<&'a str>,
    objects: Vec<ObjectView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unprotected: Vec<EndpointRowView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    newly_protected: Vec<EndpointRowView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    services_without_pods: Vec<ServiceView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    doubtful: Vec<PairView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    done: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reach: Vec<ReachView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    contracts: Vec<ContractView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    accepted: Vec<AcceptanceView<'a>>,
}

#[derive(Serialize)]
struct SummaryView {
    added: u64,
    removed: u64,
    changed: u64,
    unchanged: u64,
}

#[derive(Serialize)]
struct ObjectView<'a> {
    object: &'a str,
    change: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aspects: &'a [&'static str],
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Serialize)]
struct ServiceView<'a> {
    service: EndpointView<'a>,
    selector: &'a str,
}

#[derive(Serialize)]
struct PairView<'a> {
    src: EndpointView<'a>,
    dst: EndpointView<'a>,
}

#[derive(Serialize)]
struct ReachView<'a> {
    source: EndpointView<'a>,
    before: ReachedView,
    after: ReachedView,
    gained: Vec<EndpointView<'a>>,
}

#[derive(Serialize)]
struct ReachedView {
    workloads: u64,
    outside: bool,
    complete: bool,
}

#[derive(Serialize)]
struct ContractView<'a> {
    sentence: &'a str,
    file: &'a str,
    line: u32,
    result: &'static str,
    before: Option<&'static str>,
    found: &'a str,
}

#[derive(Serialize)]
struct AcceptanceView<'a> {
    sentence: &'a str,
    because: Option<&'a str>,
    file: &'a str,
    line: u32,
    rows: u64,
}

impl<'a> ChangesView<'a> {
    /// Looks at changes.
    pub(in crate::render) fn new(changes: &'a Changes) -> Self {
        let ChangeSummary { added, removed, changed, unchanged } = changes.summary();
        let review = &changes.review;
        let pair = |(src, dst): &'a (_, _)| PairView { src: end(src), dst: end(dst) };
        Self {
            summary: SummaryView { added, removed, changed, unchanged },
            base: changes.sides.as_ref().map(|s| s.base.as_str()),
            head: changes.sides.as_ref().map(|s| s.head.as_str()),
            base_revision: changes.sides.as_ref().and_then(|s| s.base_revision.as_deref()),
            head_revision: changes.sides.as_ref().and_then(|s| s.head_revision.as_deref()),
            objects: changes.objects.iter().map(object).collect(),
            unprotected: changes.unprotected.iter().map(endpoint_row).collect(),
            newly_protected: changes.newly_protected.iter().map(endpoint_row).collect(),
            services_without_pods: changes.services_without_pods.iter().map(service).collect(),
            doubtful: changes.doubtful.iter().map(pair).collect(),
            done: &changes.done,
            notes: &changes.notes,
            reach: review.reach.iter().map(reach).collect(),
            contracts: review.contracts.iter().map(contract).collect(),
            accepted: review.acceptances.iter().map(acceptance).collect(),
        }
    }
}

fn end(end: &std::sync::Arc<crate::execute::Endpoint>) -> EndpointView<'_> {
    EndpointView(end)
}

fn object(object: &ChangedObject) -> ObjectView<'_> {
    ObjectView {
        object: &object.id,
        change: object.became.of_object(),
        aspects: &object.aspects,
        file: object.file.as_deref(),
        line: object.line,
    }
}

fn service(emptied: &EmptiedService) -> ServiceView<'_> {
    ServiceView { service: EndpointView(&emptied.service), selector: &emptied.selector }
}

fn reach(reach: &ReachChange) -> ReachView<'_> {
    let far = |r: Reached| ReachedView {
        workloads: r.workloads,
        outside: r.outside,
        complete: !r.stopped,
    };
    ReachView {
        source: end(&reach.source),
        before: far(reach.before),
        after: far(reach.after),
        gained: reach.gained.iter().map(end).collect(),
    }
}

fn contract(contract: &Contract) -> ContractView<'_> {
    ContractView {
        sentence: &contract.sentence,
        file: &contract.file,
        line: contract.line,
        result: contract.status.as_str(),
        before: contract.before.map(ContractStatus::as_str),
        found: &contract.found,
    }
}

fn acceptance(accepted: &Acceptance) -> AcceptanceView<'_> {
    AcceptanceView {
        sentence: &accepted.sentence,
        because: accepted.because.as_deref(),
        file: &accepted.file,
        line: accepted.line,
        rows: accepted.rows,
    }
}

/// A row of changes: a row of the contract, and what became of it.
#[derive(Serialize)]
pub(in crate::render) struct ChangeRowView<'a> {
    src: EndpointView<'a>,
    dst: EndpointView<'a>,
    verdict: &'static str,
    ports: PortsView<'a>,
    pairs: PairsView,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<ReasonView<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
    change: &'static str,
    /// The verdict on what was opened or closed, on the side where it is in doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<DoubtView>,
    before: PortsView<'a>,
    after: PortsView<'a>,
    because: Vec<BecauseView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<bool>,
}

#[derive(Serialize)]
struct DoubtView {
    before: Option<&'static str>,
    after: Option<&'static str>,
}

#[derive(Serialize)]
struct BecauseView<'a> {
    #[serde(flatten)]
    object: ObjectView<'a>,
    /// The objects without which it does not do.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    together_with: Vec<&'a str>,
}

/// Shows a row; what is closed is a `DENY` on the ports that it had, unless the input does not tell.
pub(in crate::render) fn change_row<'a>(
    row: &'a ChangeRow,
    changes: &'a Changes,
) -> ChangeRowView<'a> {
    let closed = row.after.is_empty();
    ChangeRowView {
        src: EndpointView(&row.src),
        dst: EndpointView(&row.dst),
        verdict: match row.doubt_after.filter(|_| closed) {
            Some(doubt) => doubt.as_str(),
            None if closed => "DENY",
            None => "ALLOW",
        },
        ports: PortsView(if closed { &row.before } else { &row.after }),
        pairs: PairsView { matching: row.matching, total: row.total },
        reasons: (!row.reasons.is_empty()).then(|| row.reasons.iter().map(reason).collect()),
        family: row.family.map(netpol_core::model::Family::as_str),
        change: row.became().of_row(),
        doubt: row.is_in_doubt().then(|| DoubtView {
            before: row.doubt_before.map(Verdict::as_str),
            after: row.doubt_after.map(Verdict::as_str),
        }),
        before: PortsView(&row.before),
        after: PortsView(&row.after),
        because: because(row, changes),
        accepted: (!changes.review.acceptances.is_empty()).then_some(row.accepted.is_some()),
    }
}

fn because<'a>(row: &'a ChangeRow, changes: &'a Changes) -> Vec<BecauseView<'a>> {
    let all = |objects: &'a [usize]| objects.iter().filter_map(|at| changes.objects.get(*at));
    let mut seen = std::collections::BTreeSet::new();
    let causes = row.because.iter().flat_map(|c| c.objects.iter().map(move |at| (c, *at)));
    let mut views = Vec::new();
    for (cause, at) in causes {
        if let (true, Some(it)) = (seen.insert(at), changes.objects.get(at)) {
            let others = all(&cause.objects).filter(|o| o.id != it.id);
            let together_with = others.map(|o| o.id.as_str()).collect();
            views.push(BecauseView { object: object(it), together_with });
        }
    }
    views
}
