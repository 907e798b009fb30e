//! Verdicts about two pods from one flat table: what a verdict reads lies close together.
//!
//! A pod is one number: its group and what has to be known of it. A profile says where each of its stages stands. A stage is
//! cut at the ports at which its rules change, and each stretch of ports leads to the peers that are matched there, so that
//! neither the number of policies nor that of their rules matters. Groups of the subject's own namespace are numbered from the
//! first of that namespace, and what is written alike is written once, as most namespaces of a cluster are: so the table stays
//! small enough to lie near. What does not fit is left to the walk over the program, which judges
//! everything: pods of unknown address or on the network of their node where rules name addresses, policies in lanes, and
//! profiles that came after the table was made.

mod classes;
mod make;

use self::classes::{AskedPort, PortClasses};
use crate::compile::{ADMIN, BASELINE, NETWORK, PortKey, ProfileId, Program, port_key};
use crate::index::{Group, GroupId};
use crate::model::{Action, Direction, Family, IpSet, PodId, Protocol, Verdict};

/// Everything that verdicts about pods need of a program, but for the profiles of its groups, which may change.
#[derive(Debug)]
pub(crate) struct VerdictTable {
    pods: Box<[PodRow]>,
    /// The IPv4 address of every pod; 0 where it is not known.
    addresses: Box<[u32]>,
    /// The groups of host-network pods.
    hosts: Box<[GroupId]>,
    /// The groups of pods whose addresses are not known.
    unknown: Box<[GroupId]>,
    /// The addresses that such a pod may have, by whether it is on the network of its node, then by family.
    candidates: [[IpSet; 2]; 2],
    egress: [Box<[ProfileRow]>; 2],
    ingress: [Box<[ProfileRow]>; 2],
    pools: Pools,
}

/// What stages lead to.
#[derive(Debug, Default)]
struct Pools {
    /// For each way to cut ports: where its stretches stand by class of ports, the number of stretches, the first port of
    /// each, then where the entries of each begin behind the first entry of the stage, and where they end.
    cuts: Vec<u32>,
    classes: PortClasses,
    entries: Vec<Entry>,
    /// Half-open ranges of groups and inclusive ranges of addresses.
    ranges: Vec<(u32, u32)>,
    /// Bitsets over groups.
    words: Vec<u64>,
}

/// A pod, with the profiles that it had when the table was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodRow {
    facts: PodFacts,
    egress: ProfileId,
    ingress: ProfileId,
}

impl PodRow {
    /// Returns the pod's group.
    pub(super) fn group(self) -> GroupId {
        self.facts.group()
    }

    /// Tells whether the pod is on the network of its node.
    pub(super) fn is_host(self) -> bool {
        self.facts.is_host()
    }

    /// Returns the pod's profile in a direction; `fresh` where the program is the one that the table was made of.
    #[inline]
    pub(super) fn profile(self, program: &Program, fresh: bool, direction: Direction) -> ProfileId {
        match direction {
            _ if !fresh => program.profile(direction, self.group()),
            Direction::Egress => self.egress,
            Direction::Ingress => self.ingress,
        }
    }
}

/// A pod's group and what there is to know of the group.
#[derive(Clone, Copy, Debug)]
struct PodFacts(u32);

/// There are at most 2^24 pods, and so groups.
const GROUP_BITS: u32 = 24;
const TALKS: [u32; 2] = [1 << GROUP_BITS, 2 << GROUP_BITS];
const HOST: u32 = 4 << GROUP_BITS;
const ADDRESS_UNKNOWN: u32 = 8 << GROUP_BITS;

impl PodFacts {
    fn new(id: GroupId, group: &Group) -> Self {
        let mark = |holds: bool, bit: u32| if holds { bit } else { 0 };
        let [v4, v6] = TALKS;
        Self(
            id | mark(group.families.v4, v4)
                | mark(group.families.v6, v6)
                | mark(group.host_network, HOST)
                | mark(group.address_unknown, ADDRESS_UNKNOWN),
        )
    }

    fn group(self) -> GroupId {
        self.0 & ((1 << GROUP_BITS) - 1)
    }

    fn is_host(self) -> bool {
        self.0 & HOST != 0
    }

    /// Tells whether it is an ordinary pod whose address is known.
    fn has_own_address(self) -> bool {
        self.0 & (HOST | ADDRESS_UNKNOWN) == 0
    }
}

/// The stages of a profile in one family; half a line of a cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
struct ProfileRow {
    stages: [StageRow; 3],
    /// The first group of the namespace whose NetworkPolicies govern.
    origin: GroupId,
    /// What the other end has to be.
    needs: Needs,
}

/// Where a stage stands.
#[derive(Clone, Copy, Debug, Default)]
struct StageRow {
    /// How ports are cut; 0 where no policy of the stage governs.
    cut: u32,
    /// Its first entry.
    base: u32,
}

/// What the rules of a profile look at beside groups and port numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Needs(u8);

impl Needs {
    /// Addresses, of which it is known what they hold of the pods that have one of their own.
    const ADDRESSES: Self = Self(1);
    /// Addresses that hold some of these pods and not others.
    const OWN_ADDRESS: Self = Self(2);
    /// Names of ports of the destination.
    const NAMES: Self = Self(4);
    /// More than fits here.
    const WALK: Self = Self(8);
    /// Nothing of the other end, but it is not the stage of NetworkPolicies alone that governs.
    const STAGES: Self = Self(16);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Adds a need where it is there.
    fn add(&mut self, need: Self, is_there: bool) {
        if is_there {
            *self = self.or(need);
        }
    }

    /// Tells whether some of `needs` is there.
    const fn any_of(self, needs: Self) -> bool {
        self.0 & needs.0 != 0
    }
}

/// Some peers of one rule, or of all rules where their order does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Entry {
    kind: EntryKind,
    action: EntryAction,
    /// Policies of one block may be asked in any order.
    block: u16,
    /// The policy, then the rule, in the order in which they are asked.
    place: u32,
    from: u32,
    to: u32,
}

/// What `from` and `to` of an entry are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum EntryKind {
    /// The range of all groups.
    Any,
    /// A half-open range of groups.
    Span,
    /// The same, counted from the first group of the subject's namespace.
    Near,
    /// Where such ranges stand, ascending.
    Ranges,
    /// Where a bitset over groups begins.
    Dense,
    /// Where inclusive ranges of IPv4 addresses stand, ascending.
    Block,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum EntryAction {
    Allow,
    Deny,
    Pass,
}

impl From<Action> for EntryAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Allow => Self::Allow,
            Action::Deny => Self::Deny,
            Action::Pass => Self::Pass,
        }
    }
}

impl Entry {
    fn policy(&self) -> u32 {
        self.place >> 16
    }
}

/// Keys of port names lie above those of numbers.
const NAME_KEYS: PortKey = 1 << 20;

/// The other end and the port, as the peers of a rule see them.
#[derive(Clone, Copy)]
struct Asked {
    group: GroupId,
    /// The same, counted from the first group of the subject's namespace; far beyond it where the group stands before.
    near: GroupId,
    address: u32,
    port: AskedPort,
    /// The name of the port on the destination, where it has one and names matter.
    name: Option<PortKey>,
}

/// What one direction says, or that the walk has to be asked.
pub(super) type Said = Option<Verdict>;

/// What two pods come to before any rule is asked.
pub(super) enum Pods {
    /// They share no family.
    Apart,
    /// The two.
    Rows(PodRow, PodRow),
}

impl VerdictTable {
    /// Looks two pods up.
    pub(super) fn pods(&self, src: PodId, dst: PodId, family: Family) -> Pods {
        let (a, b) = (self.pods[src.index()], self.pods[dst.index()]);
        if a.facts.0 & b.facts.0 & TALKS[family as usize] == 0 {
            return Pods::Apart;
        }
        Pods::Rows(a, b)
    }

    /// Returns the addresses that a pod of unknown address may have.
    pub(super) fn candidates(&self, host_network: bool, family: Family) -> &IpSet {
        &self.candidates[usize::from(host_network)][family as usize]
    }

    /// Lists groups as ascending ranges: whomever a pod's rules let in on a port, and those of which the table does not
    /// tell, host-network pods and pods of unknown address. `None` where it tells of nobody.
    pub(crate) fn let_in(
        &self,
        program: &Program,
        subject: GroupId,
        key: PortKey,
        family: Family,
    ) -> Option<Vec<(GroupId, GroupId)>> {
        let profile = program.profile(Direction::Ingress, subject);
        let row = self.ingress[family as usize].get(profile as usize)?;
        let [admin, stage, _] = row.stages;
        let beyond = Needs::WALK.or(Needs::OWN_ADDRESS).or(Needs::NAMES);
        if admin.cut != 0 || stage.cut == 0 || row.needs.any_of(beyond) {
            return None;
        }
        let unknown = if row.needs.any_of(Needs::ADDRESSES) { &self.unknown[..] } else { &[] };
        let odd = self.hosts.iter().chain(unknown);
        let mut ranges: Vec<_> = odd.map(|group| (*group, *group + 1)).collect();
        for entry in self.pools.at(stage, self.pools.classes.port(key)) {
            self.pools.add_groups(entry, (row.origin, program.groups.len()), &mut ranges);
        }
        ranges.sort_unstable();
        ranges.dedup_by(|next, last| {
            let joins = next.0 <= last.1;
            if joins {
                last.1 = last.1.max(next.1);
            }
            joins
        });
        Some(ranges)
    }

    /// Judges one direction of a pair, by the profile of the pod whose rules are asked; `None` where the table does not tell.
    #[inline]
    pub(super) fn direction(
        &self,
        program: &Program,
        direction: Direction,
        (profile, other): (ProfileId, PodId),
        key: PortKey,
        family: Family,
    ) -> Said {
        if profile == 0 {
            return Some(Verdict::Allow);
        }
        let rows = match direction {
            Direction::Egress => &self.egress[family as usize],
            Direction::Ingress => &self.ingress[family as usize],
        };
        let row = rows.get(profile as usize)?;
        let group = self.pods[other.index()].facts.group();
        let near = group.wrapping_sub(row.origin);
        let port = self.pools.classes.port(key);
        let mut asked = Asked { group, near, address: 0, port, name: None };
        if row.needs != Needs::default() && !self.meet(row.needs, program, &mut asked, other) {
            return None;
        }
        if row.needs.any_of(Needs::STAGES) {
            return Some(self.pools.walk(&row.stages, &asked));
        }
        let allows = self.pools.matches_any(row.stages[NETWORK], &asked);
        Some(if allows { Verdict::Allow } else { Verdict::Deny })
    }

    /// Finds out what else a profile needs of the other end; false where that is not known here.
    fn meet(&self, needs: Needs, program: &Program, asked: &mut Asked, other: PodId) -> bool {
        let addresses = needs.any_of(Needs::ADDRESSES);
        if needs.any_of(Needs::WALK)
            || addresses && !self.pods[other.index()].facts.has_own_address()
        {
            return false;
        }
        if needs.any_of(Needs::OWN_ADDRESS) {
            asked.address = self.addresses[other.index()];
            if asked.address == 0 {
                return false;
            }
        }
        if !needs.any_of(Needs::NAMES) {
            return true;
        }
        let named = &program.groups.group(asked.group).named_ports;
        let mut here = named.iter().filter(|(_, p, n)| port_key(*p, *n) == asked.port.key);
        asked.name = here.next().map(|(name, protocol, _)| name_key(*name, *protocol));
        here.next().is_none()
    }
}

/// Makes the key of a port's name.
const fn name_key(name: u32, protocol: Protocol) -> PortKey {
    NAME_KEYS + name * 4 + protocol as u32
}

/// What a tier says.
#[derive(Default)]
struct TierSays {
    allow: bool,
    deny: bool,
    pass: bool,
}

impl TierSays {
    fn is_silent(&self) -> bool {
        !(self.allow || self.deny || self.pass)
    }
}

impl Pools {
    /// Walks the stages: the first that decides ends the walk, and what none decides is allowed.
    fn walk(&self, stages: &[StageRow; 3], asked: &Asked) -> Verdict {
        let (mut allow, mut deny) = (false, false);
        for at in [ADMIN, NETWORK, BASELINE] {
            let stage = stages[at];
            if stage.cut == 0 {
                continue;
            }
            let goes_on = if at == NETWORK {
                let matched = self.matches_any(stage, asked);
                allow |= matched;
                deny |= !matched;
                false
            } else {
                let says = self.tier(stage, asked);
                allow |= says.allow;
                deny |= says.deny;
                says.pass || says.is_silent()
            };
            if !goes_on {
                return verdict(allow, deny);
            }
        }
        verdict(true, deny)
    }

    /// Returns the entries that speak of a port, or of a name.
    fn at(&self, stage: StageRow, port: AskedPort) -> &[Entry] {
        let (from, to) = self.classes.span(&self.cuts, stage.cut, port);
        let base = stage.base as usize;
        &self.entries[base.wrapping_add(from as usize)..base.wrapping_add(to as usize)]
    }

    #[inline]
    fn matches_any(&self, stage: StageRow, asked: &Asked) -> bool {
        let any = |port| self.at(stage, port).iter().any(|entry| self.matches(entry, asked));
        any(asked.port) || asked.name.is_some_and(|name| any(AskedPort::searched(name)))
    }

    /// The first block with a rule that matches decides, each of its policies by its first such rule (admin-tiers, section 7).
    fn tier(&self, stage: StageRow, asked: &Asked) -> TierSays {
        let mut numbers = self.at(stage, asked.port);
        let mut names =
            asked.name.map_or(&[][..], |name| self.at(stage, AskedPort::searched(name)));
        let mut says = TierSays::default();
        let mut last: Option<&Entry> = None;
        while let Some(entry) = next(&mut numbers, &mut names) {
            if let Some(last) = last {
                if last.block != entry.block {
                    break;
                }
                if last.policy() == entry.policy() {
                    continue;
                }
            }
            if self.matches(entry, asked) {
                match entry.action {
                    EntryAction::Allow => says.allow = true,
                    EntryAction::Deny => says.deny = true,
                    EntryAction::Pass => says.pass = true,
                }
                last = Some(entry);
            }
        }
        says
    }

    #[inline]
    fn matches(&self, entry: &Entry, asked: &Asked) -> bool {
        if entry.kind > EntryKind::Near {
            return self.holds(entry, asked);
        }
        let group = if entry.kind == EntryKind::Near { asked.near } else { asked.group };
        group.wrapping_sub(entry.from) < entry.to.wrapping_sub(entry.from)
    }

    /// Tells whether what an entry points to holds the other end.
    fn holds(&self, entry: &Entry, asked: &Asked) -> bool {
        let group = asked.group;
        match entry.kind {
            EntryKind::Any | EntryKind::Span | EntryKind::Near => false,
            EntryKind::Dense => {
                self.words[(entry.from + group / 64) as usize] >> (group % 64) & 1 == 1
            }
            EntryKind::Ranges => {
                self.range(entry, |from| from <= group).is_some_and(|range| group < range.1)
            }
            EntryKind::Block => {
                let address = asked.address;
                self.range(entry, |from| from <= address).is_some_and(|range| address <= range.1)
            }
        }
    }

    /// Adds the groups that an entry matches.
    fn add_groups(
        &self,
        entry: &Entry,
        (origin, groups): (GroupId, u32),
        ranges: &mut Vec<(GroupId, GroupId)>,
    ) {
        let (from, to) = (entry.from as usize, entry.to as usize);
        match entry.kind {
            EntryKind::Any => ranges.push((0, groups)),
            EntryKind::Span => ranges.push((entry.from, entry.to)),
            EntryKind::Near => ranges.push((origin + entry.from, origin + entry.to)),
            EntryKind::Ranges => ranges.extend_from_slice(&self.ranges[from..to]),
            EntryKind::Dense => {
                for (at, word) in (0u32..).zip(&self.words[from..to]) {
                    let mut rest = *word;
                    while rest != 0 {
                        let group = at * 64 + rest.trailing_zeros();
                        ranges.push((group, group + 1));
                        rest &= rest - 1;
                    }
                }
            }
            // A stage that looks at the addresses of single pods is not asked.
            EntryKind::Block => {}
        }
    }

    /// Returns the last range that begins early enough.
    fn range(&self, entry: &Entry, begins: impl Fn(u32) -> bool) -> Option<(u32, u32)> {
        let ranges = &self.ranges[entry.from as usize..entry.to as usize];
        let after = ranges.partition_point(|range| begins(range.0));
        after.checked_sub(1).map(|at| ranges[at])
    }
}

/// Takes the earlier of the first entries of two lists.
fn next<'a>(a: &mut &'a [Entry], b: &mut &'a [Entry]) -> Option<&'a Entry> {
    let from = match (a.first(), b.first()) {
        (Some(x), Some(y)) if y.place < x.place => b,
        (None, Some(_)) => b,
        _ => a,
    };
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(first)
}

fn verdict(allow: bool, deny: bool) -> Verdict {
    match (allow, deny) {
        (true, true) => Verdict::Ambiguous,
        (true, false) => Verdict::Allow,
        (false, _) => Verdict::Deny,
    }
}
