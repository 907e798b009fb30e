//! `exposure of ...`: who from elsewhere gets at workloads, and what they send outside.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use netpol_core::model::{Direction, Verdict};
use netpol_core::reach::{AskedPorts, ControllerEnd, End, Hops, Level, Selection};

use super::Engine;
use super::answer::{Asked, Body, Endpoint, Row, Warning};
use super::ends::Names;
use super::pairs::Wanted;
use super::warnings;
use crate::lower::ExposurePlan;

/// How some workloads are exposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposure {
    /// What was asked.
    pub asked: Asked,
    /// The workloads, by namespace and name.
    pub workloads: Vec<Exposed>,
}

/// How one workload, or one pod of it, is exposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposed {
    /// It.
    pub endpoint: Arc<Endpoint>,
    /// Whether some policy isolates every pod of it, by direction: ingress, then egress.
    pub protected: [bool; 2],
    /// What may connect to it from outside the set.
    pub inbound: Vec<Row>,
    /// What it may connect to outside the cluster.
    pub outbound: Vec<Row>,
    /// The least number of hops from the internet; `None` where there is no way.
    pub internet_hops: Option<u64>,
    /// The least number of hops from the ingress controller, which carries what Ingress and Route objects let in.
    pub ingress_hops: Option<u64>,
    /// Whether, where no way is told, there is certainly none: no hop on the way is in doubt, and the search ended.
    pub certain: bool,
}

impl Exposure {
    /// Tells whether every workload is protected in a direction.
    pub fn is_protected(&self, direction: Direction) -> bool {
        self.workloads.iter().all(|w| w.protected[at(direction)])
    }

    /// Lists the rows of all workloads.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.workloads.iter().flat_map(|w| w.inbound.iter().chain(&w.outbound))
    }
}

const fn at(direction: Direction) -> usize {
    match direction {
        Direction::Ingress => 0,
        Direction::Egress => 1,
    }
}

/// How far some source is from ends.
struct Far {
    hops: HashMap<End, u64>,
    /// Ends to which a way leads if what is in doubt is allowed.
    possible: HashSet<End>,
    stopped: bool,
}

impl Far {
    fn is_certain(&self, end: &End) -> bool {
        self.hops.contains_key(end) || !self.stopped && !self.possible.contains(end)
    }
}

impl Engine<'_> {
    /// Answers `exposure of`.
    pub(super) fn exposure(&self, plan: &ExposurePlan, warnings: &mut Vec<Warning>) -> Body {
        let explain = self.settings.explain || self.settings.page;
        let wanted = Wanted { explain, denied: false, level: Level::Workload };
        let (inward, outward) = (self.ask(&plan.inward, wanted), self.ask(&plan.outward, wanted));
        warnings.extend(warnings::of_table(self, &plan.inward, &inward.rows, Verdict::Allow));
        warnings.extend(warnings::of_table(self, &plan.outward, &outward.rows, Verdict::Allow));
        let allowed = |mut rows: Vec<netpol_core::reach::Row>| {
            rows.retain(|row| row.verdict == Verdict::Allow);
            self.rows(rows)
        };
        let mut inbound = by_end(allowed(inward.rows), |row| row.dst.id());
        let mut outbound = by_end(allowed(outward.rows), |row| row.src.id());
        let internet = Selection::addresses(plan.internet.clone());
        let internet = self.hops_from(internet, plan, warnings);
        let controller =
            Selection { ingress_controller: ControllerEnd::WhereItLeads, ..Selection::default() };
        let ingress = self.hops_from(controller, plan, warnings);
        let mut names = Names::new(self.snapshot.cluster());
        let mut ends = self.ends(&plan.inward.to);
        ends.retain(|end| matches!(end, End::Workload(_) | End::Pod(_)));
        let mut exposed = |end: &End| {
            let endpoint = names.end(end);
            let id = endpoint.id();
            Exposed {
                endpoint,
                protected: [Direction::Ingress, Direction::Egress]
                    .map(|direction| self.is_protected(end, direction)),
                inbound: inbound.remove(&id).unwrap_or_default(),
                outbound: outbound.remove(&id).unwrap_or_default(),
                internet_hops: internet.hops.get(end).copied(),
                ingress_hops: ingress.hops.get(end).copied(),
                certain: internet.is_certain(end) && ingress.is_certain(end),
            }
        };
        let mut workloads: Vec<Exposed> = ends.iter().map(&mut exposed).collect();
        workloads.sort_by_cached_key(|w| super::ends::order_key(&w.endpoint));
        Body::Exposure(Exposure { asked: self.asked(&plan.inward), workloads })
    }

    fn is_protected(&self, end: &End, direction: Direction) -> bool {
        let cluster = self.snapshot.cluster();
        let isolated = |pod| !self.snapshot.isolating_policies(pod, direction).is_empty();
        match end {
            End::Pod(pod) => isolated(*pod),
            End::Workload(id) => cluster.workload(*id).pods.iter().all(|p| isolated(*p)),
            _ => true,
        }
    }

    /// Finds the least number of hops from some source to every end of the set.
    fn hops_from(&self, from: Selection, plan: &ExposurePlan, warnings: &mut Vec<Warning>) -> Far {
        let question = Hops {
            to: plan.inward.parts(),
            ..Hops::between(from, Selection::default(), AskedPorts::all())
        };
        let closure = self.snapshot.eventual_destinations(&question);
        super::hops::warn(warnings, closure.stopped, closure.doubtful);
        let possible = (closure.doubtful > 0).then(|| {
            let doubtful = Hops { doubtful: true, ..question };
            self.snapshot.eventual_destinations(&doubtful)
        });
        let stopped = closure.stopped || possible.as_ref().is_some_and(|p| p.stopped);
        let possible = possible.map(|p| p.arrivals.into_iter().map(|a| a.end).collect());
        let hops = closure.arrivals.into_iter().map(|a| (a.end, a.way.len() as u64)).collect();
        Far { hops, possible: possible.unwrap_or_default(), stopped }
    }
}

fn by_end(rows: Vec<Row>, end: fn(&Row) -> String) -> HashMap<String, Vec<Row>> {
    let mut found: HashMap<String, Vec<Row>> = HashMap::new();
    rows.into_iter().for_each(|row| found.entry(end(&row)).or_default().push(row));
    found
}
