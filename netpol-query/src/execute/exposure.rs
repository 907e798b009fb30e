//! `exposure of ...`: who from elsewhere gets at workloads, and what they send outside.

use std::collections::HashMap;
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

impl Engine<'_> {
    /// Answers `exposure of`.
    pub(super) fn exposure(&self, plan: &ExposurePlan, warnings: &mut Vec<Warning>) -> Body {
        let explain = self.settings.explain || self.settings.page;
        let wanted = Wanted { explain, denied: false, level: Level::Workload };
        let (inward, outward) = (self.ask(&plan.inward, wanted), self.ask(&plan.outward, wanted));
        warnings.extend(warnings::of_table(self, &plan.inward, &inward.rows, Verdict::Allow));
        let allowed = |mut rows: Vec<netpol_core::reach::Row>| {
            rows.retain(|row| row.verdict == Verdict::Allow);
            self.rows(rows)
        };
        let (inward, outward) = (allowed(inward.rows), allowed(outward.rows));
        let internet = Selection::addresses(plan.internet.clone());
        let hops = self.hops_from(internet, plan, warnings);
        let controller =
            Selection { ingress_controller: ControllerEnd::WhereItLeads, ..Selection::default() };
        let ingress = self.hops_from(controller, plan, warnings);
        let mut names = Names::new(self.snapshot.cluster());
        let mut ends = self.ends(&plan.inward.to);
        ends.retain(|end| matches!(end, End::Workload(_) | End::Pod(_)));
        let mut workloads: Vec<Exposed> = ends
            .iter()
            .map(|end| {
                let endpoint = names.end(end);
                Exposed {
                    protected: Direction::ALL.map(|_| true),
                    inbound: inward.iter().filter(|r| r.dst == endpoint).cloned().collect(),
                    outbound: outward.iter().filter(|r| r.src == endpoint).cloned().collect(),
                    internet_hops: hops.get(end).copied(),
                    ingress_hops: ingress.get(end).copied(),
                    endpoint,
                }
            })
            .collect();
        for (workload, end) in workloads.iter_mut().zip(&ends) {
            for direction in Direction::ALL {
                workload.protected[at(direction)] = self.is_protected(end, direction);
            }
        }
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
    fn hops_from(
        &self,
        from: Selection,
        plan: &ExposurePlan,
        warnings: &mut Vec<Warning>,
    ) -> HashMap<End, u64> {
        let question = Hops {
            to: plan.inward.parts(),
            ..Hops::between(from, Selection::default(), AskedPorts::all())
        };
        let closure = self.snapshot.eventual_destinations(&question);
        if closure.stopped && !warnings.contains(&super::hops::search_stopped()) {
            warnings.push(super::hops::search_stopped());
        }
        closure.arrivals.into_iter().map(|a| (a.end, a.way.len() as u64)).collect()
    }
}
