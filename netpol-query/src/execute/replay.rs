//! `replay`: what the policies say of the flows of captures, with names and reasons.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use netpol_core::model::{self, Flow, PolicyId, PortSet, ReasonCode, Step, Verdict};
use netpol_core::reach::{End, Selection, Snapshot};
use netpol_enforce::replay::{FlowRow, Outcome, Report};

use super::{ContractStatus, Endpoint, Exit, Names, Row, Warning};
use crate::error::{ErrorCode, QueryError};
use crate::lower::{Ask, ClaimPlan};
use crate::syntax::ast::Quantifier;

/// What came of captures.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What was asked, as it would be typed.
    pub query: String,
    /// The flows: objects by namespace and name, then addresses.
    pub rows: Vec<ReplayRow>,
    /// What they come to.
    pub summary: ReplaySummary,
    /// The expectations that were checked.
    pub contracts: Vec<ReplayContract>,
    /// What the reader should know beside it.
    pub warnings: Vec<Warning>,
}

/// A flow: the connections from one end to a port of another.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayRow {
    /// The ends, the verdict and the reasons; where a flow is not judged there are no reasons.
    pub row: Row,
    /// The flow as it was captured.
    pub flow: FlowRow,
    /// The names of the interfaces it was seen on.
    pub interfaces: Vec<String>,
    /// The contracts that forbid it, by their place in the list.
    pub breaks: Vec<usize>,
}

/// How many flows and frames were treated how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplaySummary {
    /// Flows that are allowed.
    pub allowed: u64,
    /// Flows that would have been dropped.
    pub denied: u64,
    /// Flows whose verdict the input does not tell.
    pub unknown: u64,
    /// Flows about which policies of equal priority disagree.
    pub ambiguous: u64,
    /// Flows that are no matter of policies.
    pub not_judged: u64,
    /// All frames.
    pub frames: u64,
    /// Frames that were judged by their beginning.
    pub cut: u64,
    /// Frames of ARP and neighbour discovery.
    pub neighbours: u64,
    /// Frames that are no matter of policies, by reason.
    pub reasons: Vec<(&'static str, u64)>,
    /// Frames of flows that there was no room for: allowed, denied, in doubt, not judged.
    pub left_out: [u64; 4],
    /// The time from the first frame to the last, in milliseconds.
    pub duration_ms: u64,
}

/// An expectation on policies, and what the captured flows have to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayContract {
    /// The sentence as written.
    pub sentence: String,
    /// The file.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// How it fares on the policies.
    pub status: ContractStatus,
    /// Whether it only warns.
    pub warns: bool,
    /// What was found instead of what was expected.
    pub found: String,
    /// The flows that it forbids, by their place among the rows.
    pub broken_by: Vec<usize>,
}

/// What an expectation forbids.
pub(crate) struct Forbidden {
    /// The pairs.
    ask: Ask,
    /// Whether on all ports but those that are said.
    other_ports: bool,
}

/// Returns the flow that a claim forbids by its own words; none where it forbids none.
pub(crate) fn forbidden(claim: ClaimPlan) -> Option<Forbidden> {
    match claim {
        // That some cannot does not say which.
        ClaimPlan::Reach { quantifier: Some(Quantifier::Some), .. } => None,
        ClaimPlan::Reach { ask, negated: true, .. } | ClaimPlan::Only { others: ask, .. } => {
            Some(Forbidden { ask: *ask, other_ports: false })
        }
        ClaimPlan::Reach { ask, exactly: true, .. } => {
            Some(Forbidden { ask: *ask, other_ports: true })
        }
        ClaimPlan::NoFlows(ask, Verdict::Allow) => {
            Some(Forbidden { ask: *ask, other_ports: false })
        }
        _ => None,
    }
}

impl Forbidden {
    /// Tells whether a flow is what is forbidden. Expectations are about ports, so that one without is none of theirs.
    fn covers(&self, snapshot: &Snapshot, flow: &Flow) -> bool {
        if flow.port == 0 || !holds(&self.ask.from, &flow.src) {
            return false;
        }
        let mut parts = self.ask.parts().into_iter().filter(|(to, _)| holds(to, &flow.dst));
        if self.other_ports {
            let mut parts = parts.peekable();
            return parts.peek().is_some() && !parts.any(|(_, ports)| asks(snapshot, &ports, flow));
        }
        parts.any(|(_, ports)| asks(snapshot, &ports, flow))
    }
}

/// Tells whether an end is among those that are meant.
fn holds(selection: &Selection, peer: &model::Peer) -> bool {
    match peer {
        model::Peer::Pod(pod) => selection.pods.contains(pod.0),
        model::Peer::Address(address) => selection.addresses.contains(*address),
        model::Peer::Name(_) | model::Peer::IngressController => false,
    }
}

/// Tells whether the port of a flow is asked about, by number or by the name that its destination gives it.
fn asks(snapshot: &Snapshot, ports: &netpol_core::reach::AskedPorts, flow: &Flow) -> bool {
    if ports.numbers.contains(flow.protocol, flow.port) {
        return true;
    }
    let model::Peer::Pod(pod) = flow.dst else { return false };
    let declared = snapshot.cluster().pod(pod).ports.iter();
    let mut own = declared.filter(|p| p.number == flow.port && p.protocol == flow.protocol);
    own.any(|port| port.name.as_ref().is_some_and(|name| ports.names.contains(name)))
}

/// Why a flow is no matter of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJudged {
    /// The word of machine formats.
    pub code: &'static str,
    /// A sentence for people.
    pub message: &'static str,
}

impl NotJudged {
    /// Two ends outside are never a pair.
    const NO_POD: Self = Self { code: "NO_POD", message: "Neither end is a pod of the input" };
}

impl From<netpol_enforce::DropReason> for NotJudged {
    fn from(why: netpol_enforce::DropReason) -> Self {
        Self { code: why.code(), message: why.describe() }
    }
}

/// Returns what the policies say of a flow, or why they say nothing.
pub(crate) fn judged(flow: &FlowRow) -> Result<Verdict, NotJudged> {
    match flow.outcome {
        Outcome::NotJudged(why) => Err(why.into()),
        Outcome::Judged(_) if !touches_pod(flow) => Err(NotJudged::NO_POD),
        Outcome::Judged(verdict) => Ok(verdict),
    }
}

/// Tells whether an end of a flow is a pod of the input.
fn touches_pod(flow: &FlowRow) -> bool {
    let is_address = |peer: &model::Peer| matches!(peer, model::Peer::Address(_));
    !(is_address(&flow.question.src) && is_address(&flow.question.dst))
}

/// Refuses captures of another cluster, or of another time: they have flows, and none is of a pod of the input.
pub(crate) fn of_this_cluster(report: &Report) -> Result<(), QueryError> {
    if report.rows.is_empty() || report.left_out.frames() > 0 || report.rows.iter().any(touches_pod)
    {
        return Ok(());
    }
    let message = "no frame of the capture is of a pod of the input: are the manifests of the cluster and the time \
                   of the capture?";
    Err(QueryError::new(ErrorCode::Input, message)
        .help("pods are known by `status.podIPs`; a cluster that was restarted has others"))
}

impl ReplayRow {
    /// Returns what the policies say of it; nothing where they were not asked.
    pub fn verdict(&self) -> Option<Verdict> {
        judged(&self.flow).ok()
    }

    /// Returns what became of the flow, in the word of machine formats.
    pub fn outcome(&self) -> &'static str {
        self.verdict().map_or("NOT_JUDGED", Verdict::as_str)
    }

    /// Tells whether its frames would have been dropped by policies, for certain or perhaps.
    pub fn is_stopped(&self) -> bool {
        self.verdict().is_some_and(|verdict| verdict != Verdict::Allow)
    }

    /// Returns why it was not judged.
    pub fn not_judged(&self) -> Option<NotJudged> {
        judged(&self.flow).err()
    }

    /// Returns the name of its protocol.
    pub fn protocol(&self) -> String {
        match self.flow.protocol {
            1 => "ICMP".to_owned(),
            6 => "TCP".to_owned(),
            17 => "UDP".to_owned(),
            58 => "ICMPv6".to_owned(),
            132 => "SCTP".to_owned(),
            number => format!("protocol {number}"),
        }
    }
}

impl Replayed {
    /// Names what a report holds, says why, and tells which flows the contracts forbid.
    pub(crate) fn new(
        query: String,
        report: Report,
        snapshot: &Snapshot,
        (contracts, warnings): (Vec<(ReplayContract, Option<Forbidden>)>, Vec<Warning>),
    ) -> Self {
        let mut summary = ReplaySummary::new(&report);
        let mut names = Names::new(snapshot.cluster());
        let rows = report.rows.into_iter().map(|flow| {
            let interfaces = flow.interfaces.iter().filter_map(|at| report.interfaces.get(*at));
            let interfaces = interfaces.cloned().collect();
            let row = names.row(replay_row(snapshot, &flow));
            ReplayRow { row, flow, interfaces, breaks: Vec::new() }
        });
        let mut rows: Vec<ReplayRow> = rows.collect();
        let ranks = names.ranks();
        let rank = |end: &Arc<Endpoint>| ranks.get(&Arc::as_ptr(end));
        rows.sort_by_key(|row| (rank(&row.row.src), rank(&row.row.dst)));
        let mut checked = Vec::new();
        for (at, (mut contract, forbidden)) in contracts.into_iter().enumerate() {
            if let Some(forbidden) = forbidden {
                for (place, row) in rows.iter_mut().enumerate() {
                    let is_flow = row.verdict().is_some();
                    if is_flow && forbidden.covers(snapshot, &row.flow.question) {
                        row.breaks.push(at);
                        contract.broken_by.push(place);
                    }
                }
            }
            checked.push(contract);
        }
        summary.count(&rows);
        Self { query, rows, summary, contracts: checked, warnings }
    }

    /// Returns how the run ends: a wrong contract, then what would have been dropped or is broken, then doubt.
    pub fn exit(&self) -> Exit {
        let is = |status| self.contracts.iter().any(|c| c.status == status);
        let [_, left_denied, left_doubtful, _] = self.summary.left_out;
        let broken = |c: &ReplayContract| !c.warns && !c.broken_by.is_empty();
        if is(ContractStatus::Error) {
            Exit::Wrong
        } else if self.summary.denied + left_denied > 0
            || is(ContractStatus::Fail)
            || self.contracts.iter().any(broken)
        {
            Exit::No
        } else if self.summary.unknown + self.summary.ambiguous + left_doubtful > 0
            || is(ContractStatus::Unknown)
        {
            Exit::Unknown
        } else {
            Exit::Yes
        }
    }
}

impl ReplaySummary {
    fn new(report: &Report) -> Self {
        let left = report.left_out;
        Self {
            frames: report.frames,
            cut: report.cut,
            neighbours: report.neighbours,
            reasons: report.not_judged.iter().map(|(why, n)| (why.code(), *n)).collect(),
            left_out: [left.allowed, left.denied, left.doubtful, left.not_judged],
            duration_ms: u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX),
            ..Self::default()
        }
    }

    fn count(&mut self, rows: &[ReplayRow]) {
        let strange = rows.iter().filter(|row| row.not_judged() == Some(NotJudged::NO_POD));
        match strange.map(|row| row.flow.packets).sum() {
            0 => {}
            frames => self.reasons.push((NotJudged::NO_POD.code, frames)),
        }
        for row in rows {
            *match row.verdict() {
                Some(Verdict::Allow) => &mut self.allowed,
                Some(Verdict::Deny) => &mut self.denied,
                Some(Verdict::Unknown) => &mut self.unknown,
                Some(Verdict::Ambiguous) => &mut self.ambiguous,
                None => &mut self.not_judged,
            } += 1;
        }
    }

    /// Returns the number of flows.
    pub const fn flows(&self) -> u64 {
        self.allowed + self.denied + self.unknown + self.ambiguous + self.not_judged
    }
}

/// Says what reading captures left out.
pub(crate) fn replay_warnings(report: &Report) -> Vec<Warning> {
    let warning = |code: &str, message: String| Warning {
        code: code.to_owned(),
        message,
        object: None,
        file: None,
        line: None,
    };
    let mut warnings = Vec::new();
    match report.left_out.frames() {
        0 => {}
        n => warnings.push(warning(
            "FLOWS_LEFT_OUT",
            format!(
                "there are more flows than {}: {n} frames of the others are counted and have no row",
                report.rows.len()
            ),
        )),
    }
    match report.rows.iter().filter(|row| judged(row) == Err(NotJudged::NO_POD)).count() {
        0 => {}
        n => {
            let (s, have) = if n == 1 { ("", "has") } else { ("s", "have") };
            let message =
                format!("{n} flow{s} {have} no pod of the input at either end: not judged");
            warnings.push(warning("NO_POD", message));
        }
    }
    match report.forgotten {
        0 => {}
        n => warnings.push(warning(
            "CONNECTIONS_FORGOTTEN",
            format!("{n} denied connections were too many to remember; answers to them may stand in rows of their own"),
        )),
    }
    warnings
}

/// Warns of flows to addresses of Services: the policies are asked about pods, so that what was captured before the
/// translation is judged as if it went outside.
pub(crate) fn service_warnings(snapshot: &Snapshot, report: &Report) -> Vec<Warning> {
    let cluster = snapshot.cluster();
    let mut services: HashMap<IpAddr, String> = HashMap::new();
    for service in cluster.services() {
        let name = format!("{}/svc/{}", cluster.namespace(service.namespace).name, service.name);
        services.extend(service.cluster_ips.iter().map(|address| (*address, name.clone())));
    }
    let mut found: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for row in &report.rows {
        let ends = [row.source, row.destination];
        for address in ends.into_iter().filter(|address| services.contains_key(address)) {
            *found.entry(address).or_default() += 1;
        }
    }
    let warning = |(address, flows): (IpAddr, u64)| {
        let name = services.get(&address).cloned().unwrap_or_default();
        let s = if flows == 1 { "" } else { "s" };
        Warning {
            code: "SERVICE_ADDRESS".to_owned(),
            message: format!(
                "{flows} flow{s} with {address}, the address of {name}: judged as an address outside; capture where packets \
                 have the addresses of pods"
            ),
            object: Some(name),
            file: None,
            line: None,
        }
    };
    found.into_iter().map(warning).collect()
}

/// Returns a flow as a row of questions about pairs.
pub(crate) fn replay_row(snapshot: &Snapshot, flow: &FlowRow) -> netpol_core::reach::Row {
    let end = |peer: &model::Peer| match peer {
        model::Peer::Pod(pod) => End::Pod(*pod),
        model::Peer::Address(address) => End::External((*address).into()),
        model::Peer::Name(name) => End::Name(Arc::clone(name)),
        model::Peer::IngressController => End::IngressController,
    };
    let question = &flow.question;
    let ports = match question.port {
        0 => PortSet::none(),
        port => PortSet::single(question.protocol, port),
    };
    let (verdict, reasons) = match judged(flow) {
        Ok(verdict) if question.port == 0 => {
            (verdict, flow.steps.iter().map(|step| portless(snapshot, *step)).collect())
        }
        Ok(verdict) => (verdict, snapshot.reasons(question)),
        Err(_) => (Verdict::Unknown, Vec::new()),
    };
    netpol_core::reach::Row {
        src: end(&question.src),
        dst: end(&question.dst),
        family: None,
        verdict,
        ports,
        matching: 1,
        total: 1,
        reasons,
    }
}

/// Puts a step of a flow without ports in words, which the evaluator has none for.
fn portless(snapshot: &Snapshot, step: Step) -> model::Reason {
    let Step { code, direction, policy, ingress, rule, line } = step;
    let way = direction.map_or("", model::Direction::as_str);
    let name = |id: PolicyId| {
        let policy = snapshot.cluster().policy(id);
        format!("{}/{}", policy.kind.short(), policy.name)
    };
    let message = match (policy.map(name), code) {
        (Some(policy), ReasonCode::NoRuleMatches) => {
            format!("{policy} isolates on {way}, and no rule of it without ports matches")
        }
        (Some(policy), _) => match rule {
            Some(rule) => format!("{policy} {way}[{rule}] decides about what has no ports"),
            None => format!("{policy} decides on {way}"),
        },
        (None, ReasonCode::NotIsolated) => format!("no policy isolates on {way}"),
        (None, code) => code.as_str().to_ascii_lowercase().replace('_', " "),
    };
    model::Reason { code, direction, ports: PortSet::none(), policy, ingress, rule, line, message }
}
