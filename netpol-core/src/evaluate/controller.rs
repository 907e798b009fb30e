//! Why the ingress controller may connect to a pod: where Ingress and Route objects lead, then the pod's ingress rules.

use super::describe::{end_name, ports_name};
use super::evaluator::Evaluator;
use super::explain::{Explained, plain};
use crate::model::{
    Cluster, Direction, Family, IngressId, IngressKind, Lead, Peer, PodId, PortSet, Reason,
    ReasonCode, Verdict,
};

impl Evaluator<'_> {
    /// Explains what the ingress controller may do on ports of an end. Its own egress is not restricted: no policy is
    /// known to select it.
    pub(super) fn explain_controller(
        &self,
        dst: &Peer,
        family: Family,
        ports: &PortSet,
    ) -> Vec<Explained> {
        let Peer::Pod(pod) = *dst else {
            let message =
                "the ingress controller connects to pods, and is no destination".to_owned();
            let reasons =
                vec![plain(ReasonCode::NoIngressBackend, Some(Direction::Egress), message)];
            return vec![Explained { verdict: Verdict::Deny, ports: ports.clone(), reasons }];
        };
        let led = self.cluster.lead_ports(pod);
        let (inside, outside) = (ports.intersection(&led), ports.difference(&led));
        let mut parts = Vec::new();
        if !inside.is_empty() {
            let ingress = Direction::Ingress;
            let source = Peer::IngressController;
            for mut part in self.explain_direction(ingress, dst, &source, family, &inside) {
                let leads = self.cluster.leads(pod).iter();
                let leads = leads.filter(|lead| !lead.ports.is_disjoint(&part.ports));
                let mut reasons: Vec<Reason> = leads.map(|lead| self.leads_here(lead)).collect();
                reasons.append(&mut part.reasons);
                parts.push(Explained { reasons, ..part });
            }
        }
        if !outside.is_empty() {
            let reasons = vec![self.leads_nowhere(pod, &led)];
            parts.push(Explained { verdict: Verdict::Deny, ports: outside, reasons });
        }
        parts
    }

    fn leads_here(&self, lead: &Lead) -> Reason {
        let service = &self.cluster.service(lead.service).name;
        let name = ingress_name(self.cluster, lead.ingress);
        let message = format!("{name} leads to svc/{service}, {} here", ports_name(&lead.ports));
        let reason = plain(ReasonCode::IngressBackend, Some(Direction::Egress), message);
        let line = Some(self.cluster.ingress(lead.ingress).position.line);
        Reason { ingress: Some(lead.ingress), line, ..reason }
    }

    fn leads_nowhere(&self, pod: PodId, led: &PortSet) -> Reason {
        let name = end_name(self.cluster, &Peer::Pod(pod));
        let message = if led.is_empty() {
            format!("no Ingress or Route leads to {name}")
        } else {
            format!("to {name}, Ingress and Route objects lead only on {}", ports_name(led))
        };
        plain(ReasonCode::NoIngressBackend, Some(Direction::Egress), message)
    }
}

/// Names an Ingress or Route as a person types it.
fn ingress_name(cluster: &Cluster, id: IngressId) -> String {
    let ingress = cluster.ingress(id);
    let short = match ingress.kind {
        IngressKind::Ingress => "ing",
        IngressKind::Route => "route",
    };
    format!("{short}/{}", ingress.name)
}
