//! One direction of one pair, and the verdict about one flow.

use std::net::{IpAddr, Ipv4Addr};

use super::decision::Decision;
use super::other::{Candidates, Other, OtherKind, Scenario, assumptions, controller_assumptions};
use super::verdicts::{PodRow, Pods, VerdictTable};
use super::walk::{Algebra as _, Matcher, Outcome, stage_outcome};
use crate::compile::{
    AddressClasses, NETWORK, PortKey, ProfileId, Program, Rule, StageProfile, address_number,
    address_of, pieces, port_key,
};
use crate::index::GroupId;
use crate::model::{
    AddressRange, Cluster, Dialect, Direction, DomainName, Family, Flow, IcmpMode, IpSet, NodeId,
    Peer, PodId, PortSet, Protocol, Verdict,
};

/// Where a walk takes place: whose rules, in which direction, and what is assumed of the other end.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) direction: Direction,
    pub(super) profile: ProfileId,
    pub(super) subject: GroupId,
    pub(super) family: Family,
    pub(super) scenario: Scenario<'a>,
}

/// Evaluates a program on the facts that it was compiled from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluator<'a> {
    /// The facts.
    pub(crate) cluster: &'a Cluster,
    /// The dialect.
    pub(crate) dialect: Dialect,
    /// The policies.
    pub(crate) program: &'a Program,
}

impl Evaluator<'_> {
    /// Returns the verdict about one flow of which some end is no pod.
    pub(crate) fn verdict(&self, flow: &Flow) -> Verdict {
        if !self.families_match(flow) || !self.is_led(flow) {
            return Verdict::Deny;
        }
        if self.is_waved_through(flow) {
            return Verdict::Allow;
        }
        let egress = self.direction_verdict(Direction::Egress, &flow.src, &flow.dst, flow);
        if egress == Verdict::Deny || self.is_own_node(&flow.src, &flow.dst) {
            return egress;
        }
        egress.and(self.direction_verdict(Direction::Ingress, &flow.dst, &flow.src, flow))
    }

    /// Tells whether a flow has no ports and the dialect asks no policy about such.
    fn is_waved_through(&self, flow: &Flow) -> bool {
        flow.port == 0 && self.dialect.icmp == IcmpMode::Allow
    }

    /// Tells whether a flow of the ingress controller, if it is one, goes where an Ingress or Route leads.
    fn is_led(&self, flow: &Flow) -> bool {
        match (&flow.src, &flow.dst) {
            (_, Peer::IngressController) => false,
            (Peer::IngressController, Peer::Pod(pod)) => {
                let mut leads = self.cluster.leads(*pod).iter();
                leads.any(|lead| lead.ports.contains(flow.protocol, flow.port))
            }
            (Peer::IngressController, _) => false,
            _ => true,
        }
    }

    /// Returns the verdict about one flow between two pods; it allocates nothing. The table is `fresh` where it was made of
    /// this very program, not of one that this was changed from.
    #[inline]
    pub(crate) fn pods_verdict(
        &self,
        (table, fresh): (&VerdictTable, bool),
        (src, dst): (PodId, PodId),
        flow: &Flow,
    ) -> Verdict {
        if src == dst {
            return Verdict::Allow;
        }
        let Pods::Rows(from, to) = table.pods(src, dst, flow.family) else {
            return Verdict::Deny;
        };
        if self.is_waved_through(flow) {
            return Verdict::Allow;
        }
        let asked = (port_key(flow.protocol, flow.port), flow.family);
        let judge = |direction, subject: PodRow, other| {
            let profile = subject.profile(self.program, fresh, direction);
            let (key, family) = asked;
            let said = table.direction(self.program, direction, (profile, other), key, family);
            said.unwrap_or_else(|| self.pod_walk(table, direction, (subject.group(), other), asked))
        };
        let egress = judge(Direction::Egress, from, dst);
        if egress == Verdict::Deny || from.is_host() && self.is_own_node(&flow.src, &flow.dst) {
            return egress;
        }
        egress.and(judge(Direction::Ingress, to, src))
    }

    /// Returns what the rules of the source alone say of one flow between two different pods.
    pub(crate) fn pods_egress(
        &self,
        table: &VerdictTable,
        (src, dst): (PodId, PodId),
        flow: &Flow,
    ) -> Verdict {
        match table.pods(src, dst, flow.family) {
            Pods::Rows(from, _) => {
                let asked = (port_key(flow.protocol, flow.port), flow.family);
                self.pod_direction(table, Direction::Egress, (from.group(), dst), asked)
            }
            Pods::Apart => Verdict::Deny,
        }
    }

    /// Judges one direction of a group and a pod of another one: from the table where it tells, else by a walk.
    #[inline]
    pub(crate) fn pod_direction(
        &self,
        table: &VerdictTable,
        direction: Direction,
        (group, other): (GroupId, PodId),
        (key, family): (PortKey, Family),
    ) -> Verdict {
        let profile = self.program.profile(direction, group);
        let said = table.direction(self.program, direction, (profile, other), key, family);
        said.unwrap_or_else(|| self.pod_walk(table, direction, (group, other), (key, family)))
    }

    /// Walks the rules of one direction of two pods.
    #[inline(never)]
    fn pod_walk(
        &self,
        table: &VerdictTable,
        direction: Direction,
        (subject, other): (GroupId, PodId),
        (key, family): (PortKey, Family),
    ) -> Verdict {
        let profile = self.program.profile(direction, subject);
        let cut = self.program.direction(direction).profiles[profile as usize].cut[family as usize];
        let group = self.program.groups.of(other);
        // A block of every address cuts nothing, yet may mean the addresses of nodes alone.
        let host = self.program.groups.group(group).host_network;
        let kind = if host { OtherKind::Host } else { OtherKind::Pod };
        let own = self.program.addresses.of_pod(other, family);
        let judge = |address, candidates| {
            let other = Other { group: Some(group), kind, name: None, candidates };
            let scenario = Scenario { address, assumed: &[] };
            let site = Site { direction, profile, subject, family, scenario };
            verdict_of(&self.walk_flow(site, &other, key))
        };
        if let (true, None) = (cut, own) {
            let set = table.candidates(host, family);
            let maps = self.program.class_maps(direction, profile, family);
            let mut all: Option<Verdict> = None;
            for address in first_of_pieces(family, set, maps) {
                let now = judge(address, Candidates::Among(set));
                if all.is_some_and(|before| before != now) {
                    return Verdict::Unknown;
                }
                all = Some(now);
            }
            return all.unwrap_or(Verdict::Allow);
        }
        // Where no rule cuts the addresses of this family, any will do.
        let address = own.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        judge(address, Candidates::Known(address))
    }

    fn families_match(&self, flow: &Flow) -> bool {
        self.has_family(&flow.src, flow.family) && self.has_family(&flow.dst, flow.family)
    }

    /// Tells whether an end can talk in a family.
    pub(crate) fn has_family(&self, peer: &Peer, family: Family) -> bool {
        match peer {
            Peer::Pod(pod) => {
                self.program.groups.group(self.program.groups.of(*pod)).families.contains(family)
            }
            Peer::Address(address) => {
                Family::of(*address) == family && !(self.dialect.ipv4_only && family == Family::V6)
            }
            Peer::Name(_) => !(self.dialect.ipv4_only && family == Family::V6),
            Peer::IngressController => {
                let judged = !(self.dialect.ipv4_only && family == Family::V6);
                judged && !self.cluster.ingresses().is_empty()
            }
        }
    }

    /// Tells whether traffic comes from the node of the pod that it goes to (networkpolicy-v1, section 6.2).
    pub(crate) fn is_own_node(&self, src: &Peer, dst: &Peer) -> bool {
        let Peer::Pod(dst) = dst else { return false };
        let Some(node) = self.cluster.pod(*dst).node.filter(|_| self.dialect.own_node_exempt)
        else {
            return false;
        };
        match src {
            Peer::Pod(src) => self.is_node_traffic(*src, node),
            Peer::Address(address) => self.cluster.node(node).addresses.contains(address),
            Peer::Name(_) | Peer::IngressController => false,
        }
    }

    /// Tells whether a pod is node traffic, which no selector and no name of a port matches.
    pub(super) fn is_of_node(&self, pod: PodId) -> bool {
        self.dialect.host_network == crate::model::HostNetwork::Node
            && self.cluster.pod(pod).host_network
    }

    fn is_node_traffic(&self, src: PodId, node: NodeId) -> bool {
        let pod = self.cluster.pod(src);
        pod.host_network && pod.node == Some(node)
    }

    fn direction_verdict(
        &self,
        direction: Direction,
        subject: &Peer,
        other: &Peer,
        flow: &Flow,
    ) -> Verdict {
        let Peer::Pod(pod) = subject else { return Verdict::Allow };
        let group = self.program.groups.of(*pod);
        let profile = self.program.profile(direction, group);
        if profile == 0 {
            return Verdict::Allow;
        }
        let candidates = self.candidates(other, flow.family);
        let other = self.other(other, flow.family, &candidates);
        let asked = (port_key(flow.protocol, flow.port), flow.family);
        self.judge(direction, group, &other, asked)
    }

    /// Returns the verdict of one direction on one port.
    pub(crate) fn judge(
        &self,
        direction: Direction,
        subject: GroupId,
        other: &Other<'_>,
        (key, family): (PortKey, Family),
    ) -> Verdict {
        let profile = self.program.profile(direction, subject);
        let mut verdict = None;
        let tried = self.for_each_scenario(direction, profile, other, family, &mut |scenario| {
            let site = Site { direction, profile, subject, family, scenario };
            let outcome = self.walk_flow(site, other, key);
            let now = verdict_of(&outcome);
            verdict = Some(if verdict.is_none_or(|v| v == now) { now } else { Verdict::Unknown });
        });
        if tried { verdict.unwrap_or(Verdict::Allow) } else { Verdict::Unknown }
    }

    /// Returns the ports of one direction by verdict, within `full`.
    pub(crate) fn decide(
        &self,
        direction: Direction,
        subject: GroupId,
        other: &Other<'_>,
        family: Family,
        full: &PortSet,
    ) -> Decision {
        let profile = self.program.profile(direction, subject);
        if profile == 0 {
            return Decision::allow(full.clone());
        }
        let mut all: Option<Decision> = None;
        let tried = self.for_each_scenario(direction, profile, other, family, &mut |scenario| {
            let site = Site { direction, profile, subject, family, scenario };
            let now = Decision::of(self.walk_ports(site, other, full));
            all = Some(
                all.as_ref().map_or_else(|| now.clone(), |before| before.or_unknown(&now, full)),
            );
        });
        if tried {
            all.unwrap_or_default()
        } else {
            Decision { unknown: full.clone(), ..Decision::default() }
        }
    }

    /// Calls `visit` for every distinct way in which what is not known about the other end may be; false where these are
    /// too many, so that nobody can tell what holds.
    pub(crate) fn for_each_scenario(
        &self,
        direction: Direction,
        profile: ProfileId,
        other: &Other<'_>,
        family: Family,
        visit: &mut dyn FnMut(Scenario<'_>),
    ) -> bool {
        let Some(assumed) = self.assumptions(direction, profile, other) else { return false };
        let mut each = |address: IpAddr| {
            if assumed.is_empty() {
                visit(Scenario { address, assumed: &[] });
            }
            assumed.iter().for_each(|assumed| visit(Scenario { address, assumed }));
        };
        match other.candidates {
            Candidates::Known(address) => each(address),
            Candidates::Among(set) | Candidates::Each(set) => {
                let maps = self.program.class_maps(direction, profile, family);
                let mut seen: Vec<[u32; 3]> = Vec::new();
                for piece in pieces(family, set, &maps) {
                    let classes = maps.map(|m| m.class(piece.from));
                    if !seen.contains(&classes) {
                        seen.push(classes);
                        each(piece.from);
                    }
                }
            }
        }
        true
    }

    /// Lists what may be assumed of the other end beside its address; empty where nothing is open.
    fn assumptions(
        &self,
        direction: Direction,
        profile: ProfileId,
        other: &Other<'_>,
    ) -> Option<Vec<Vec<u32>>> {
        if other.kind == OtherKind::IngressController {
            let (mut admin, mut network) = (Vec::new(), Vec::new());
            for (at, rule) in self.program.staged_rules(direction, profile) {
                let list = if at == NETWORK { &mut network } else { &mut admin };
                list.extend_from_slice(other.open_of(&self.program.peers[rule.peer as usize]));
            }
            for list in [&mut admin, &mut network] {
                list.sort_unstable();
                list.dedup();
            }
            return controller_assumptions(&admin, &network);
        }
        let names = self.open_names(direction, profile, other);
        Some(if names.is_empty() { Vec::new() } else { assumptions(&names) })
    }

    /// An outside address may belong to any domain name for which no addresses were declared.
    fn open_names(&self, direction: Direction, profile: ProfileId, other: &Other<'_>) -> Vec<u32> {
        if self.program.unmapped.is_empty()
            || other.kind != OtherKind::Outside
            || other.name.is_some()
        {
            return Vec::new();
        }
        let rules = self.program.rules(direction, profile);
        let mut names: Vec<u32> = rules
            .flat_map(|rule| self.program.peers[rule.peer as usize].unmapped.iter().copied())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Walks the stages for one port.
    fn walk_flow(&self, site: Site<'_>, other: &Other<'_>, key: PortKey) -> Outcome<bool> {
        self.walk(site, other, true, |pair| FlowMatcher { pair, key })
    }

    /// Walks the stages for all ports of `full`.
    fn walk_ports(&self, site: Site<'_>, other: &Other<'_>, full: &PortSet) -> Outcome<PortSet> {
        self.walk(site, other, full.clone(), |pair| PortsMatcher { pair })
    }

    fn walk<'s, M: Matcher>(
        &'s self,
        site: Site<'s>,
        other: &'s Other<'s>,
        full: M::Set,
        matcher: impl Fn(Pair<'s>) -> M,
    ) -> Outcome<M::Set> {
        let program = self.program.direction(site.direction);
        let stages = program.profiles[site.profile as usize].stages;
        let mut live = full;
        let mut out: Option<Outcome<M::Set>> = None;
        for (stage, at) in program.stages.iter().zip(stages) {
            let profile = &stage.profiles[at as usize];
            if profile.policies.is_empty() {
                continue;
            }
            let matcher = matcher(self.pair(site, profile, other));
            let result = stage_outcome(stage, profile, live, &matcher);
            live = result.next;
            match &mut out {
                None => out = Some(Outcome { allow: result.allow, deny: result.deny }),
                Some(out) => {
                    out.allow.unite(&result.allow);
                    out.deny.unite(&result.deny);
                }
            }
            if live.is_empty() {
                break;
            }
        }
        match out {
            None => {
                let mut deny = live.clone();
                deny.subtract(&live);
                Outcome { allow: live, deny }
            }
            Some(mut out) => {
                out.allow.unite(&live);
                out
            }
        }
    }

    pub(super) fn pair<'s>(
        &'s self,
        site: Site<'s>,
        profile: &'s StageProfile,
        other: &'s Other<'s>,
    ) -> Pair<'s> {
        let egress = site.direction == Direction::Egress;
        let destination = if egress { other.group } else { Some(site.subject) };
        let named = destination.map_or(&[][..], |g| &self.program.groups.group(g).named_ports);
        let classes: &AddressClasses = profile.classes(site.family);
        let held = if classes.is_trivial() {
            classes.terms(0)
        } else {
            classes.terms(classes.class(site.scenario.address))
        };
        Pair { program: self.program, other, held, assumed: site.scenario.assumed, named }
    }

    /// Describes an end as the peers of a rule see it.
    pub(crate) fn other<'s>(
        &self,
        peer: &'s Peer,
        family: Family,
        candidates: &'s IpSet,
    ) -> Other<'s> {
        let among = Candidates::Among(candidates);
        match peer {
            Peer::Pod(pod) => {
                let facts = self.cluster.pod(*pod);
                let kind = if facts.host_network { OtherKind::Host } else { OtherKind::Pod };
                let candidates = facts.address(family).map_or(among, Candidates::Known);
                Other { group: Some(self.program.groups.of(*pod)), kind, name: None, candidates }
            }
            Peer::Address(address) => Other {
                group: None,
                kind: OtherKind::Outside,
                name: None,
                candidates: Candidates::Known(*address),
            },
            Peer::IngressController => {
                let kind = OtherKind::IngressController;
                Other { group: None, kind, name: None, candidates: among }
            }
            Peer::Name(name) => {
                let declared = !self.declared_addresses(name, family).is_empty();
                let candidates = if declared { Candidates::Each(candidates) } else { among };
                Other { group: None, kind: OtherKind::Outside, name: Some(name), candidates }
            }
        }
    }

    /// Returns the addresses that an end may have, where its address is not known; empty where it is.
    pub(crate) fn candidates(&self, peer: &Peer, family: Family) -> IpSet {
        match peer {
            Peer::Pod(pod) if self.cluster.pod(*pod).address(family).is_none() => {
                self.cluster.candidate_addresses(self.cluster.pod(*pod).host_network, family)
            }
            Peer::Pod(_) | Peer::Address(_) => IpSet::none(),
            Peer::IngressController => self.cluster.candidate_addresses(false, family),
            Peer::Name(name) => {
                let declared = self.declared_addresses(name, family);
                if declared.is_empty() { IpSet::family(family) } else { declared }
            }
        }
    }

    /// The addresses that were declared for a name.
    fn declared_addresses(&self, name: &str, family: Family) -> IpSet {
        let given = |known: &str| DomainName(known.into()).matches(name);
        let declared = self.cluster.domain_addresses().iter().filter(|(known, _)| given(known));
        let addresses = declared.flat_map(|(_, a)| a).filter(|a| Family::of(**a) == family);
        addresses.map(|a| AddressRange { from: *a, to: *a }).collect()
    }
}

impl Program {
    /// Lists the rules of a profile in the order in which they are asked.
    pub(crate) fn rules(
        &self,
        direction: Direction,
        profile: ProfileId,
    ) -> impl Iterator<Item = &Rule> {
        self.staged_rules(direction, profile).map(|(_, rule)| rule)
    }

    /// Lists the rules of a profile with the positions of their stages.
    fn staged_rules(
        &self,
        direction: Direction,
        profile: ProfileId,
    ) -> impl Iterator<Item = (usize, &Rule)> {
        let program = self.direction(direction);
        let stages = program.stages.iter().zip(program.profiles[profile as usize].stages);
        stages.enumerate().flat_map(|(at, (stage, profile))| {
            let policies = stage.profiles[profile as usize].policies.iter();
            let rules = policies.flat_map(|p| &stage.policies[*p as usize].rules);
            rules.map(move |rule| (at, rule))
        })
    }
}

/// Lists the first address of each piece into which class maps cut a set, without storing them.
fn first_of_pieces<'a>(
    family: Family,
    set: &'a IpSet,
    maps: [&'a AddressClasses; 3],
) -> impl Iterator<Item = IpAddr> + 'a {
    let next_cut = move |after: u128| {
        let cut = |map: &AddressClasses| {
            let starts = map.starts();
            starts.get(starts.partition_point(|start| *start <= after)).copied()
        };
        maps.into_iter().filter_map(cut).min()
    };
    set.ranges().flat_map(move |range| {
        let last = address_number(range.to);
        let next = move |from: &u128| next_cut(*from).filter(|cut| *cut <= last);
        std::iter::successors(Some(address_number(range.from)), next)
            .map(move |number| address_of(family, number))
    })
}

/// Judges the outcome of a walk for one port.
pub(super) fn verdict_of(outcome: &Outcome<bool>) -> Verdict {
    match (outcome.allow, outcome.deny) {
        (true, true) => Verdict::Ambiguous,
        (true, false) => Verdict::Allow,
        (false, _) => Verdict::Deny,
    }
}

/// A subject's rules against one other end in one scenario.
pub(crate) struct Pair<'a> {
    program: &'a Program,
    other: &'a Other<'a>,
    held: &'a [u32],
    assumed: &'a [u32],
    named: &'a [(u32, Protocol, u16)],
}

impl Pair<'_> {
    fn peer_matches(&self, rule: &Rule) -> bool {
        self.other.matches(
            &self.program.peers[rule.peer as usize],
            self.program,
            self.held,
            self.assumed,
        )
    }
}

/// Matches one port.
pub(super) struct FlowMatcher<'a> {
    pub(super) pair: Pair<'a>,
    pub(super) key: PortKey,
}

impl FlowMatcher<'_> {
    pub(super) fn matches(&self, rule: &Rule) -> bool {
        self.pair.program.ports[rule.ports as usize].contains(self.key, self.pair.named)
            && self.pair.peer_matches(rule)
    }
}

impl Matcher for FlowMatcher<'_> {
    type Set = bool;

    fn none(&self) -> bool {
        false
    }

    fn add(&self, rule: &Rule, to: &mut bool) -> bool {
        *to = *to || self.matches(rule);
        *to
    }

    fn within(&self, rule: &Rule, within: &bool) -> bool {
        *within && self.matches(rule)
    }
}

/// Matches all ports of a pair.
struct PortsMatcher<'a> {
    pair: Pair<'a>,
}

impl PortsMatcher<'_> {
    fn ports(&self, rule: &Rule) -> PortSet {
        self.pair.program.ports[rule.ports as usize].on(self.pair.named)
    }
}

impl Matcher for PortsMatcher<'_> {
    type Set = PortSet;

    fn none(&self) -> PortSet {
        PortSet::none()
    }

    fn add(&self, rule: &Rule, to: &mut PortSet) -> bool {
        if self.pair.peer_matches(rule) {
            to.unite(&self.ports(rule));
        }
        false
    }

    fn within(&self, rule: &Rule, within: &PortSet) -> PortSet {
        if self.pair.peer_matches(rule) {
            self.ports(rule).intersection(within)
        } else {
            PortSet::none()
        }
    }
}
