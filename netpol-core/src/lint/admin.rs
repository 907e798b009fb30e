//! Admin policies: ties that disagree (AT2), what a tier cannot do (AT3 to AT6), rules that never decide (AT7, AT8), named
//! ports toward networks (AT9 comes from the reader), policies without rules (AT12).

use std::net::IpAddr;

use super::context::{Context, Pods};
use super::finding::Finding;
use super::view::{PeerView, PolicyView, RuleView};
use crate::model::{
    Action, AdminPolicySpec, Direction, Families, Family, Flow, IpSet, Peer, PortSet, Protocol,
    Selector, Tier, Verdict,
};

/// Checks admin policies, and NetworkPolicies behind them.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let admins: Vec<Admin<'_, '_>> =
        context.policies.iter().filter_map(|view| Some((view, view.admin()?))).collect();
    for (at, (view, spec)) in admins.iter().enumerate() {
        let check = Check { context, view, spec };
        check.shape(findings);
        check.never_first(&admins, findings);
        if spec.tier == Tier::Baseline {
            check.believed(findings);
            check.behind_network_policies(findings);
        }
        let later = admins.iter().skip(at + 1);
        for (other, _) in later.filter(|(_, o)| {
            spec.priority.is_some() && (o.tier, o.priority) == (spec.tier, spec.priority)
        }) {
            findings.extend(check.tie(other));
        }
    }
    if !admins.is_empty() {
        overridden(context, &admins, findings);
    }
}

type Admin<'a, 'c> = (&'c PolicyView<'a>, &'c AdminPolicySpec);

struct Check<'a, 'c> {
    context: &'c Context<'a>,
    view: &'c PolicyView<'a>,
    spec: &'c AdminPolicySpec,
}

impl Check<'_, '_> {
    fn finding(&self, id: &'static str, line: u32, message: String, fix: &str) -> Finding {
        self.context.finding(id, (self.view.id, line), message, fix)
    }

    fn shape(&self, findings: &mut Vec<Finding>) {
        if self.view.rules.is_empty() {
            let message = "no rules: it has no effect".to_owned();
            findings.push(self.finding("AT12", 0, message, "add rules, or remove the policy"));
        }
        for rule in &self.view.rules {
            self.domain_names(rule, findings);
            findings.extend(self.cuts_off_pods(rule));
        }
    }

    fn domain_names(&self, rule: &RuleView<'_>, findings: &mut Vec<Finding>) {
        if !rule.peers.iter().any(|p| matches!(p, PeerView::Names)) {
            return;
        }
        if rule.action != Action::Allow {
            let message = format!(
                "{}: domainNames go with Accept alone, this rule does not accept",
                rule.path()
            );
            let fix = "name networks instead: a name that cannot be looked up would deny nothing";
            findings.push(self.finding("AT4", rule.line, message, fix));
        }
        if self.spec.tier == Tier::Baseline {
            let message = format!(
                "{}: domainNames in the Baseline tier: sources disagree on whether that is allowed",
                rule.path()
            );
            findings.push(self.finding(
                "AT5",
                rule.line,
                message,
                "move the rule to the Admin tier",
            ));
        }
    }

    /// A deny of all networks also cuts off pods, unless an earlier rule lets them pass.
    fn cuts_off_pods(&self, rule: &RuleView<'_>) -> Option<Finding> {
        let all = |set: &IpSet| Family::ALL.into_iter().any(|f| IpSet::family(f).is_subset(set));
        let denies_all = rule.action == Action::Deny
            && rule.peers.iter().any(|p| matches!(p, PeerView::Networks(set) if all(set)));
        if !denies_all {
            return None;
        }
        let before = |r: &&RuleView<'_>| r.direction == rule.direction && r.index < rule.index;
        let lets_pods =
            |r: &RuleView<'_>| r.action != Action::Deny && r.pod_peers().next().is_some();
        if self.view.rules.iter().filter(before).any(lets_pods) {
            return None;
        }
        let message = format!(
            "{}: every address is denied, and so is every pod: networks match pods too",
            rule.path()
        );
        let fix = "add an earlier rule that Passes or Accepts `namespaces: {}`";
        Some(self.finding("AT6", rule.line, message, fix))
    }

    /// Baseline ingress rules name pods alone, so that they keep nobody outside out.
    fn believed(&self, findings: &mut Vec<Finding>) {
        let everyone = |peer: &PeerView<'_>| match peer {
            PeerView::Pods(peer) => peer.namespaces.is_some_and(Selector::is_everything),
            _ => false,
        };
        for rule in self.view.rules_in(Direction::Ingress) {
            if rule.action != Action::Deny || !rule.peers.iter().any(everyone) {
                continue;
            }
            let exposed = self.exposed();
            if exposed.is_empty() {
                continue;
            }
            let message = format!(
                "{}: it denies pods alone, and {} can be reached from outside: no Baseline rule names who comes from there",
                rule.path(),
                self.context.names(&exposed)
            );
            let fix = "isolate these pods with a NetworkPolicy";
            let finding = self.finding("AT3", rule.line, message, fix);
            findings.push(finding.about(self.context.ids(&exposed)));
        }
    }

    /// The governed pods behind Services for outside clients that no NetworkPolicy isolates.
    fn exposed(&self) -> Pods {
        let cluster = self.context.cluster;
        let mut exposed = Pods::new();
        for view in self.context.services.iter().flatten() {
            if matches!(&*cluster.service(view.id).service_type, "LoadBalancer" | "NodePort") {
                exposed |= &view.pods & &self.view.subject;
            }
        }
        let is_open = |g: &u32| self.context.isolating(Direction::Ingress, *g).is_empty();
        exposed.iter().filter(is_open).collect()
    }

    /// Rules that an earlier rule of the same or an earlier policy always decides before.
    fn never_first(&self, admins: &[Admin<'_, '_>], findings: &mut Vec<Finding>) {
        for rule in self.view.rules.iter().filter(|r| matches_something(r)) {
            let own = self.view.rules.iter().find(|earlier| {
                earlier.direction == rule.direction
                    && earlier.index < rule.index
                    && earlier.covers(rule)
            });
            let (wide, of) = match own {
                Some(wide) => (wide.path(), "whatever policies there are".to_owned()),
                None => match self.earlier(admins, rule) {
                    Some((view, wide)) => {
                        let name = &view.policy.name;
                        (
                            format!("{} of {name}", wide.path()),
                            "with the pods of this input".to_owned(),
                        )
                    }
                    None => continue,
                },
            };
            let message = format!("{}: {wide} always decides before it, {of}", rule.path());
            findings.push(self.finding("AT7", rule.line, message, "move it up, or remove it"));
        }
    }

    fn earlier<'v>(
        &self,
        admins: &[Admin<'v, 'v>],
        rule: &RuleView<'_>,
    ) -> Option<(&'v PolicyView<'v>, &'v RuleView<'v>)> {
        let own = self.spec.priority?;
        let before = |spec: &AdminPolicySpec| {
            spec.tier == self.spec.tier && spec.priority.is_some_and(|p| p < own)
        };
        admins
            .iter()
            .filter(|(view, spec)| before(spec) && self.view.subject.is_subset(&view.subject))
            .find_map(|(view, _)| {
                let wide =
                    view.rules.iter().find(|r| r.direction == rule.direction && r.covers(rule))?;
                Some((*view, wide))
            })
    }

    /// Rules of the Baseline tier in a direction in which NetworkPolicies isolate every pod.
    fn behind_network_policies(&self, findings: &mut Vec<Finding>) {
        for direction in Direction::ALL {
            let Some(first) = self.view.rules_in(direction).next() else { continue };
            let isolated = |g: u32| !self.context.isolating(direction, g).is_empty();
            if self.view.subject.is_empty() || !self.view.subject.iter().all(isolated) {
                continue;
            }
            let message = format!(
                "spec.{direction}: NetworkPolicies isolate every pod that it governs, so that no rule of it is ever asked: {}",
                self.context.names(&self.view.subject)
            );
            let fix = "remove the rules, unless other pods are still to come";
            findings.push(self.finding("AT8", first.line, message, fix));
        }
    }

    /// Two policies of one priority that decide some connection differently, as the evaluator sees it.
    fn tie(&self, other: &PolicyView<'_>) -> Option<Finding> {
        let both: Pods = &self.view.subject & &other.subject;
        if both.is_empty() {
            return None;
        }
        for mine in &self.view.rules {
            let theirs = other.rules.iter().filter(|r| r.direction == mine.direction);
            for theirs in theirs.filter(|r| r.action != mine.action) {
                if let Some(flow) = self.disagreement(&both, mine, theirs) {
                    return Some(self.ambiguous(other, (mine, theirs), &flow));
                }
            }
        }
        None
    }

    fn ambiguous(
        &self,
        other: &PolicyView<'_>,
        (mine, theirs): (&RuleView<'_>, &RuleView<'_>),
        flow: &Flow,
    ) -> Finding {
        let name = |peer: &Peer| match peer {
            Peer::Pod(pod) => {
                let pods = [self.context.groups.of(*pod)].into_iter().collect();
                self.context.names(&pods)
            }
            Peer::Address(address) => address.to_string(),
            _ => String::new(),
        };
        let message = format!(
            "{}: {} of {} has the same priority and decides otherwise, such as from {} to {} on {}/{}",
            mine.path(),
            theirs.path(),
            other.policy.name,
            name(&flow.src),
            name(&flow.dst),
            flow.protocol.as_str().to_ascii_lowercase(),
            flow.port
        );
        let fix = "give the two policies different priorities";
        let finding = self.finding("AT2", mine.line, message, fix);
        finding.about([self.context.policy_id(other.policy)])
    }

    /// Finds a connection that both rules match and that the evaluator calls ambiguous.
    fn disagreement(
        &self,
        subjects: &Pods,
        mine: &RuleView<'_>,
        theirs: &RuleView<'_>,
    ) -> Option<Flow> {
        let ports = self.common_ports(mine, theirs)?;
        let others = common_peers(self.context, mine, theirs);
        for group in subjects.iter().take(MOST_TRIED) {
            for other in &others {
                for (protocol, port) in &ports {
                    let flow = self.flow(mine.direction, group, other, (*protocol, *port))?;
                    if self.context.snapshot.verdict(&flow) == Verdict::Ambiguous {
                        return Some(flow);
                    }
                }
            }
        }
        None
    }

    fn flow(
        &self,
        direction: Direction,
        group: u32,
        other: &Peer,
        (protocol, port): (Protocol, u16),
    ) -> Option<Flow> {
        let pods = self.context.groups.pods(group);
        // A pod to itself is no connection that a policy decides.
        let pod = pods.iter().find(|p| *other != Peer::Pod(**p)).or(pods.first())?;
        let subject = Peer::Pod(*pod);
        let families: Families = self.context.snapshot.families(&subject, other);
        let family = Family::ALL.into_iter().find(|f| families.contains(*f)).unwrap_or(Family::V4);
        let (src, dst) = match direction {
            Direction::Egress => (subject, other.clone()),
            Direction::Ingress => (other.clone(), subject),
        };
        Some(Flow { src, dst, protocol, port, family })
    }

    fn common_ports(
        &self,
        mine: &RuleView<'_>,
        theirs: &RuleView<'_>,
    ) -> Option<Vec<(Protocol, u16)>> {
        let named = |rule: &RuleView<'_>| {
            let all = self.context.groups.iter().flat_map(|(g, _)| self.context.declared(g));
            let names = &rule.ports.names;
            let of = all.filter(|c| names.iter().any(|(_, n)| c.name.as_deref() == Some(n)));
            of.fold(rule.ports.numbers.clone(), |set, c| {
                set.union(&PortSet::single(c.protocol, c.number))
            })
        };
        let both = named(mine).intersection(&named(theirs));
        let ports: Vec<(Protocol, u16)> =
            both.ranges().take(MOST_TRIED).map(|r| (r.protocol, r.from)).collect();
        (!ports.is_empty()).then_some(ports)
    }
}

/// At most so many pods, peers and ports are tried for an example.
const MOST_TRIED: usize = 8;

fn common_peers(context: &Context<'_>, mine: &RuleView<'_>, theirs: &RuleView<'_>) -> Vec<Peer> {
    let both: Pods = &mine.pods & &theirs.pods;
    let pods = both.iter().take(MOST_TRIED).flat_map(|g| context.groups.pods(g).iter().take(2));
    let mut peers: Vec<Peer> = pods.map(|p| Peer::Pod(*p)).collect();
    let addresses = mine.addresses.intersection(&theirs.addresses);
    let first: Option<IpAddr> = addresses.first();
    peers.extend(first.map(Peer::Address));
    // Networks match pods too.
    for (pods, set) in [(&mine.pods, &theirs.addresses), (&theirs.pods, &mine.addresses)] {
        let known = pods.iter().take(MOST_TRIED).filter_map(|g| context.groups.pods(g).first());
        let inside =
            known.filter(|p| context.cluster.pod(**p).addresses.iter().any(|a| set.contains(*a)));
        peers.extend(inside.map(|p| Peer::Pod(*p)));
    }
    peers
}

fn matches_something(rule: &RuleView<'_>) -> bool {
    let told = |peer: &PeerView<'_>| !matches!(peer, PeerView::Nodes | PeerView::Names);
    rule.peers.iter().all(told) && (!rule.pods.is_empty() || !rule.addresses.is_empty())
}

/// Rules of NetworkPolicies that the Admin tier denies before they are asked.
fn overridden(context: &Context<'_>, admins: &[Admin<'_, '_>], findings: &mut Vec<Finding>) {
    let mut tier: Vec<&Admin<'_, '_>> =
        admins.iter().filter(|(_, spec)| spec.tier == Tier::Admin).collect();
    tier.sort_by_key(|(view, spec)| (spec.priority, view.id));
    for view in context.policies.iter().filter(|v| v.is_network() && !v.subject.is_empty()) {
        for direction in Direction::ALL {
            for rule in view.rules_in(direction).filter(|r| matches_something(r) || r.any) {
                if let Some((by, deny)) = denied_before(&tier, view, rule) {
                    let message = format!(
                        "{}: {} of {} denies all of it first, for {}",
                        rule.path(),
                        deny.path(),
                        by.policy.name,
                        context.names(&view.subject)
                    );
                    let fix = "remove the rule, or let the Admin tier Pass it on";
                    let finding = context.finding("AT8", (view.id, rule.line), message, fix);
                    findings.push(finding.about([context.policy_id(by.policy)]));
                }
            }
        }
    }
}

/// Finds the Admin rule that denies all that a rule allows, before any other has a say in it.
fn denied_before<'v>(
    tier: &[&'v Admin<'v, 'v>],
    view: &PolicyView<'_>,
    rule: &RuleView<'_>,
) -> Option<(&'v PolicyView<'v>, &'v RuleView<'v>)> {
    for (admin, _) in tier.iter().copied() {
        for earlier in admin.rules_in(rule.direction) {
            let touches = !admin.subject.is_disjoint(&view.subject)
                && earlier.ports.overlaps(&rule.ports)
                && may_overlap(earlier, rule);
            if !touches {
                continue;
            }
            let all = view.subject.is_subset(&admin.subject) && earlier.covers(rule);
            match earlier.action {
                Action::Deny if all => return Some((admin, earlier)),
                Action::Deny => {}
                Action::Allow | Action::Pass => return None,
            }
        }
    }
    None
}

fn may_overlap(earlier: &RuleView<'_>, rule: &RuleView<'_>) -> bool {
    let untold = |r: &RuleView<'_>| {
        r.any
            || !r.addresses.is_empty()
            || r.peers.iter().any(|p| matches!(p, PeerView::Nodes | PeerView::Names))
    };
    untold(earlier) || untold(rule) || !earlier.pods.is_disjoint(&rule.pods)
}
