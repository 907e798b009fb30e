//! The ingress controller as a source: it connects to pods to which an Ingress or Route leads, on those ports.

use std::collections::BTreeMap;

use super::ask::{Asker, CONTROLLER, PODS};
use super::cells::{Cell, Cells};
use super::question::ControllerEnd;
use super::table::{EndKey, Pairs};
use crate::evaluate::Decision;
use crate::model::{Direction, Family, Peer, PodId, PortRange, PortSet};

/// Asks about the ingress controller and every pod of a selection.
pub(super) fn ask(asker: &mut Asker<'_>, to: &Cells) {
    let mode = asker.question.from.ingress_controller;
    if mode == ControllerEnd::Absent || asker.evaluator.cluster.ingresses().is_empty() {
        return;
    }
    for cell in &to.cells {
        for led in by_lead(asker, cell) {
            ask_pods(asker, cell, &led, mode);
        }
    }
}

/// Pods of a cell to which the same ports lead.
struct Led {
    pods: Vec<PodId>,
    /// The asked ports.
    asked: PortSet,
    /// The ports to which an Ingress or Route leads.
    ports: PortSet,
}

fn by_lead(asker: &Asker<'_>, cell: &Cell) -> Vec<Led> {
    let mut parts: BTreeMap<(Vec<PortRange>, Vec<PortRange>), Led> = BTreeMap::new();
    for pod in &cell.pods {
        let (asked, ports) = (asker.ports_on(*pod), asker.evaluator.cluster.lead_ports(*pod));
        let key = (asked.ranges().collect(), ports.ranges().collect());
        parts.entry(key).or_insert(Led { pods: Vec::new(), asked, ports }).pods.push(*pod);
    }
    parts.into_values().collect()
}

fn ask_pods(asker: &mut Asker<'_>, cell: &Cell, led: &Led, mode: ControllerEnd) {
    let Some(first) = led.pods.first().map(|pod| Peer::Pod(*pod)) else { return };
    let asked = match mode {
        ControllerEnd::Everywhere => led.asked.clone(),
        ControllerEnd::WhereItLeads | ControllerEnd::Absent => led.asked.intersection(&led.ports),
    };
    if asked.is_empty() && mode != ControllerEnd::Everywhere {
        return;
    }
    let (src, dst) = (EndKey(CONTROLLER, 0), EndKey(PODS, cell.end));
    let count = led.pods.len() as u64;
    let families = asker.evaluator.program.groups.group(cell.group).families;
    let judged = |f: &Family| asker.evaluator.has_family(&Peer::IngressController, *f);
    let families: Vec<Family> = families.iter().filter(judged).collect();
    if families.is_empty() {
        asker.add_no_family(&Pairs { src, dst, family: None, count }, &asked);
        return;
    }
    let decided: Vec<(Family, Decision)> =
        families.into_iter().map(|family| (family, decide(asker, cell, led, family))).collect();
    asker.add_families(&decided, (src, dst, count), &asked, &|evaluator, family, ports| {
        evaluator.explain(&Peer::IngressController, &first, family, ports, false)
    });
}

fn decide(asker: &Asker<'_>, cell: &Cell, led: &Led, family: Family) -> Decision {
    if led.ports.is_empty() {
        return Decision::default();
    }
    let evaluator = asker.evaluator;
    let candidates = evaluator.candidates(&Peer::IngressController, family);
    let other = evaluator.other(&Peer::IngressController, family, &candidates);
    let rules = evaluator.decide(Direction::Ingress, cell.group, &other, family, &PortSet::all());
    rules.and(&Decision::allow(led.ports.clone()))
}
