//! Fragments of datagrams, in every order.

use std::net::IpAddr;

use netpol_enforce::flow::{Arrival, Decided, Fate, FragCounters, FragKey, FragLimits, FragTable};
use netpol_enforce::wire::{Fragment, Ip, Transport};
use netpol_enforce::{DropReason, PortId, Tick};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use crate::common::{FixedHash, at, host};

type Table = FragTable<FixedHash>;

const FORWARD: Decided =
    Decided { fate: Fate::Forward { out: PortId(1) }, flow: None, epoch: 3, owner: 0 };
const DENY: Decided =
    Decided { fate: Fate::Drop(DropReason::Policy), flow: None, epoch: 3, owner: 0 };

const OVERLAP: Result<(), DropReason> = Err(DropReason::FragmentOverlap);
const NO_FIRST: Result<(), DropReason> = Err(DropReason::FragmentNoFirst);

fn table(capacity: u32) -> Table {
    FragTable::with_hasher(FragLimits::shared(capacity), FixedHash::default())
}

fn ip(source: IpAddr, destination: IpAddr, protocol: u8) -> Ip {
    Ip { source, destination, protocol, fragment: None, transport: Transport::Later }
}

fn part(id: u32, offset: u32, length: u32, more: bool) -> Fragment {
    let header_end = if offset == 0 { length.min(8) } else { 0 };
    Fragment { id, offset, length, more, header_end }
}

fn key(fragment: &Fragment) -> FragKey {
    FragKey::of(&ip(host(1), host(2), 17), fragment, 0, PortId(0))
}

fn v6(fragment: &Fragment, protocol: u8) -> FragKey {
    let ip = ip("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap(), protocol);
    FragKey::of(&ip, fragment, 0, PortId(0))
}

/// Lets a fragment come; a first one is decided so. Returns whether it may pass as decided.
fn come(
    table: &mut Table,
    key: &FragKey,
    part: &Fragment,
    decided: Decided,
    now: Tick,
) -> Result<(), DropReason> {
    match table.accept(key, part, now)? {
        Arrival::First => table.insert(key, part, decided, now).map(|_| ()),
        Arrival::Known(_, known) => {
            assert_eq!(known, decided);
            Ok(())
        }
    }
}

/// Lets fragments of one allowed datagram come and compares what becomes of each.
fn check(parts: &[(u32, u32, bool, Result<(), DropReason>)]) -> FragCounters {
    let mut table = table(4);
    for (number, (offset, length, more, expected)) in parts.iter().enumerate() {
        let part = part(1, *offset, *length, *more);
        let found = come(&mut table, &key(&part), &part, FORWARD, Tick(0));
        assert_eq!(found, *expected, "fragment {number}: {part:?}");
    }
    table.counters()
}

#[test]
fn fragments_follow_the_first_one_in_any_order_and_the_datagram_is_forgotten_when_all_have_come() {
    let parts = [(16, 16, true, Ok(())), (32, 8, true, Ok(())), (40, 3, false, Ok(()))];
    let expected = FragCounters { inserted: 1, completed: 1, ..FragCounters::default() };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let first = (0, 16, true, Ok(()));
        let parts = [first, parts[order[0]], parts[order[1]], parts[order[2]]];
        assert_eq!(check(&parts), expected);
        // Whatever comes afterwards has no first fragment; its identification can be used again.
        let after = [&parts[..], &[(16, 16, true, NO_FIRST)]].concat();
        check(&after);
        assert_eq!(check(&[parts, parts].concat()).completed, 2);
    }
}

#[test]
fn a_later_fragment_without_the_first_is_dropped() {
    let counters = check(&[
        (16, 16, true, NO_FIRST),
        (0, 16, true, Ok(())),
        (16, 16, true, Ok(())),
        (32, 8, false, Ok(())),
    ]);
    assert_eq!((counters.completed, counters.held), (1, 0));
}

#[test]
fn a_fragment_that_comes_twice_is_dropped_alone() {
    let counters = check(&[
        (0, 16, true, Ok(())),
        (0, 16, true, OVERLAP),
        (32, 8, true, Ok(())),
        (48, 4, false, Ok(())),
        (48, 4, false, OVERLAP),
        (32, 8, true, OVERLAP),
        (16, 16, true, Ok(())),
        (40, 8, true, Ok(())),
    ]);
    assert_eq!((counters.duplicates, counters.condemned, counters.completed), (3, 0, 1));
}

#[test]
fn any_other_overlap_condemns_the_datagram() {
    for (offset, length, more) in [
        // Over the first, inside another, around it, from its beginning, up to its end, over two.
        (8, 16, true),
        (40, 8, true),
        (24, 40, true),
        (32, 8, true),
        (48, 8, true),
        (32, 40, true),
        (0, 24, true),
        (0, 8, true),
        // The place of another, but as the last one, or with another end.
        (32, 24, false),
        (32, 23, false),
    ] {
        let counters = check(&[
            (0, 16, true, Ok(())),
            (32, 24, true, Ok(())),
            (64, 8, true, Ok(())),
            (offset, length, more, OVERLAP),
            (16, 16, true, OVERLAP),
            (0, 16, true, OVERLAP),
            (80, 8, false, OVERLAP),
        ]);
        let expected =
            FragCounters { held: 1, inserted: 1, condemned: 1, ..FragCounters::default() };
        assert_eq!(counters, expected, "{offset} {length} {more}");
    }
}

#[test]
fn bytes_beyond_the_end_and_a_second_end_condemn_the_datagram() {
    let first = (0, 16, true, Ok(()));
    let last = (32, 8, false, Ok(()));
    let table = [
        // Beyond a known end; a second end, nearer or farther; an end before what has come.
        [first, last, (40, 8, true, OVERLAP)],
        [first, last, (48, 8, false, OVERLAP)],
        [first, last, (24, 8, false, OVERLAP)],
        [first, (32, 8, true, Ok(())), (24, 8, false, OVERLAP)],
        // The last one again, with others after it.
        [first, last, (32, 8, true, OVERLAP)],
        [first, (32, 7, false, Ok(())), (32, 8, true, OVERLAP)],
    ];
    for parts in table {
        assert_eq!(check(&parts).condemned, 1, "{parts:?}");
    }
}

#[test]
fn nothing_is_written_over_the_transport_header() {
    let tiny = Err(DropReason::FragmentTiny);
    let mut table = table(4);
    // The header is not all there.
    let short = Fragment { header_end: 20, ..part(1, 0, 16, true) };
    assert_eq!(come(&mut table, &key(&short), &short, FORWARD, Tick(0)), tiny);
    assert!(table.is_empty());
    // It is, and a later fragment begins inside it.
    let whole = Fragment { header_end: 20, ..part(1, 0, 24, true) };
    assert_eq!(come(&mut table, &key(&whole), &whole, FORWARD, Tick(0)), Ok(()));
    let inside = part(1, 8, 24, true);
    assert_eq!(come(&mut table, &key(&inside), &inside, FORWARD, Tick(0)), tiny);
    let next = part(1, 24, 8, true);
    assert_eq!(come(&mut table, &key(&next), &next, FORWARD, Tick(0)), OVERLAP);
}

#[test]
fn a_datagram_of_65_535_bytes_passes_and_no_longer_one() {
    let (v4, v6_limit) = (65_535 - 20, 65_535);
    let last = |limit: u32, offset: u32| part(1, offset, limit - offset, false);
    let mut table = table(4);
    for (limit, reason) in [(v4, DropReason::Ipv4Header), (v6_limit, DropReason::Ipv6Length)] {
        let key = |part: &Fragment| if limit == v4 { key(part) } else { v6(part, 17) };
        let mut offset = 0;
        while offset + 1_480 < limit {
            let part = part(1, offset, 1_480, true);
            assert_eq!(come(&mut table, &key(&part), &part, FORWARD, Tick(0)), Ok(()));
            offset += 1_480;
        }
        let long = Fragment { length: limit - offset + 1, ..last(limit, offset) };
        assert_eq!(come(&mut table, &key(&long), &long, FORWARD, Tick(0)), Err(reason));
        let huge = Fragment { length: u32::MAX, ..long };
        assert_eq!(come(&mut table, &key(&huge), &huge, FORWARD, Tick(0)), Err(reason));
        let last = last(limit, offset);
        assert_eq!(come(&mut table, &key(&last), &last, FORWARD, Tick(0)), Ok(()));
    }
    assert_eq!((table.len(), table.counters().completed), (0, 2));
}

#[test]
fn fragments_that_say_nonsense_are_dropped_and_change_nothing() {
    let header = Err(DropReason::Ipv4Header);
    let counters = check(&[
        (0, 12, true, header),
        (0, 16, true, Ok(())),
        (16, 12, true, header),
        (16, 0, true, header),
        (16, 0, false, header),
        (20, 8, true, header),
        (16, 8, true, Ok(())),
        (24, 5, false, Ok(())),
    ]);
    assert_eq!((counters.completed, counters.condemned), (1, 0));
}

#[test]
fn datagrams_are_told_apart_by_all_that_is_in_their_key() {
    let mut table = table(16);
    let (first, later) = (part(1, 0, 16, true), part(1, 16, 8, false));
    let base = ip(host(1), host(2), 17);
    let one = FragKey::of(&base, &first, 0, PortId(0));
    table.insert(&one, &first, FORWARD, Tick(0)).unwrap();
    let other = part(2, 16, 8, false);
    for key in [
        FragKey::of(&base, &later, 1, PortId(0)),
        FragKey::of(&base, &later, 0, PortId(1)),
        FragKey::of(&base, &other, 0, PortId(0)),
        FragKey::of(&ip(host(3), host(2), 17), &later, 0, PortId(0)),
        FragKey::of(&ip(host(1), host(3), 17), &later, 0, PortId(0)),
        FragKey::of(&ip(host(1), host(2), 6), &later, 0, PortId(0)),
    ] {
        assert_eq!(
            table.accept(&key, &later, Tick(0)),
            Err(DropReason::FragmentNoFirst),
            "{key:?}"
        );
    }
    assert!(table.accept(&one, &later, Tick(0)).is_ok());
    // In IPv6 a later fragment may name the extension header that the first one has before its transport header.
    table.insert(&v6(&first, 17), &first, FORWARD, Tick(0)).unwrap();
    assert!(table.accept(&v6(&later, 60), &later, Tick(0)).is_ok());
}

#[test]
fn what_was_denied_stays_denied() {
    let mut table = table(4);
    for part in [part(1, 0, 16, true), part(1, 16, 16, true), part(1, 32, 8, false)] {
        assert_eq!(come(&mut table, &key(&part), &part, DENY, Tick(0)), Ok(()));
    }
    assert_eq!(table.counters().completed, 1);
}

#[test]
fn epochs_are_kept_for_the_caller() {
    let mut table = table(4);
    let (first, second, third) = (part(1, 0, 16, true), part(1, 16, 8, true), part(1, 24, 8, true));
    let id = table.insert(&key(&first), &first, FORWARD, Tick(0)).unwrap();
    assert!(table.renew(id, 9));
    let renewed = Decided { epoch: 9, ..FORWARD };
    assert_eq!(table.accept(&key(&second), &second, Tick(1)), Ok(Arrival::Known(id, renewed)));
    assert!(table.remove(id) && !table.remove(id) && !table.renew(id, 10));
    assert_eq!(table.accept(&key(&third), &third, Tick(1)), Err(DropReason::FragmentNoFirst));
    assert_eq!(table.counters().removed, 1);
}

#[test]
fn a_datagram_has_fifteen_seconds_from_its_first_fragment() {
    let mut table = table(4);
    let (first, second, third) = (part(1, 0, 16, true), part(1, 16, 8, true), part(1, 24, 8, true));
    table.insert(&key(&first), &first, FORWARD, at(100)).unwrap();
    let end = at(100).0 + Tick::of_seconds(15);
    assert!(table.accept(&key(&second), &second, Tick(end - 1)).is_ok());
    assert_eq!(table.clone().expire(Tick(end - 1)), 0);
    assert_eq!(table.clone().expire(Tick(end)), 1);
    assert_eq!(table.accept(&key(&third), &third, Tick(end)), Err(DropReason::FragmentNoFirst));
    // Nothing of it is left: it can begin anew.
    for part in [first, second, third] {
        assert_eq!(come(&mut table, &key(&part), &part, FORWARD, Tick(end)), Ok(()));
    }
}

#[test]
fn a_full_table_forgets_what_is_over_then_what_is_dropped_and_never_what_is_forwarded() {
    let mut table = table(3);
    let first = |id| part(id, 0, 16, true);
    let mut begin = |id, decided, now| come(&mut table, &key(&first(id)), &first(id), decided, now);
    assert_eq!(begin(1, FORWARD, at(0)), Ok(()));
    assert_eq!(begin(2, DENY, at(1)), Ok(()));
    assert_eq!(begin(3, FORWARD, at(2)), Ok(()));
    // The denied one makes room, then the one that is over.
    assert_eq!(begin(4, FORWARD, at(3)), Ok(()));
    assert_eq!(begin(5, FORWARD, at(4)), Err(DropReason::FragmentTableFull));
    assert_eq!(begin(5, FORWARD, at(15)), Ok(()));
    assert_eq!(begin(6, DENY, at(15)), Err(DropReason::FragmentTableFull));
    let c = table.counters();
    assert_eq!((c.held, c.inserted, c.evicted, c.expired, c.refused_full), (3, 5, 1, 1, 2));
    let later = |id| part(id, 16, 8, true);
    let there =
        [1, 2, 3, 4, 5].map(|id| table.accept(&key(&later(id)), &later(id), at(15)).is_ok());
    assert_eq!(there, [false, false, true, true, true]);
}

#[test]
fn expiry_is_bounded() {
    let mut table = table(300);
    for id in 0..300 {
        let first = part(id, 0, 16, true);
        let decided = if id % 2 == 0 { FORWARD } else { DENY };
        table.insert(&key(&first), &first, decided, Tick(0)).unwrap();
    }
    assert_eq!([0; 4].map(|_: u8| table.expire(at(15))), [128, 128, 44, 0]);
}

/// A datagram as a plain list of the fragments that were forwarded.
#[derive(Default)]
struct Plain {
    parts: Vec<(u32, u32, bool)>,
    condemned: bool,
}

impl Plain {
    fn come(&mut self, offset: u32, length: u32, more: bool) -> Result<(), DropReason> {
        let new = (offset, length, more);
        if self.condemned {
            return OVERLAP;
        }
        if self.parts.is_empty() {
            if offset != 0 {
                return NO_FIRST;
            }
        } else if self.parts.contains(&new) {
            return OVERLAP;
        } else if self.parts.iter().any(|part| contradict(*part, new)) {
            self.condemned = true;
            return OVERLAP;
        }
        self.parts.push(new);
        let bytes: u32 = self.parts.iter().map(|part| part.1).sum();
        if self.parts.iter().any(|(offset, length, more)| !more && offset + length == bytes) {
            self.parts.clear();
        }
        Ok(())
    }
}

/// Returns whether two fragments share bytes, or one lies beyond the end that the other says.
fn contradict(one: (u32, u32, bool), other: (u32, u32, bool)) -> bool {
    let (one_end, other_end) = (one.0 + one.1, other.0 + other.1);
    let overlap = one.0 < other_end && other.0 < one_end;
    let beyond = (!one.2 && other_end > one_end) || (!other.2 && one_end > other_end);
    overlap || beyond || (!one.2 && !other.2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn what_passes_of_a_datagram_is_what_a_plain_list_lets_pass(
        parts in vec((0..12_u32, 1..6_u32, 0..4_u8, 0..8_u32), 1..60)
    ) {
        let (mut table, mut plain) = (table(1), Plain::default());
        for (unit, units, last, cut) in parts {
            let (offset, more) = (unit * 8, last != 0);
            let length = if more { units * 8 } else { units * 8 - cut };
            let part = part(1, offset, length, more);
            let found = come(&mut table, &key(&part), &part, FORWARD, Tick(0));
            prop_assert_eq!(found, plain.come(offset, length, more), "{:?}", part);
            prop_assert_eq!(table.is_empty(), plain.parts.is_empty());
            let c = table.counters();
            prop_assert!(c.inserted == u64::from(c.held) + c.completed);
        }
    }
}
