//! Whatever one owner does, the table stays within its limits and the others have what they had.

use netpol_enforce::flow::Direction::{Original, Reply};
use netpol_enforce::flow::{Class, FlowCounters, FlowLimits, State};
use netpol_enforce::{DropReason, PortId, Tick};

use crate::common::{
    Connection, FIN, RST, SYN, Table, at, establish, find, from, insert, pass, table,
};

/// What must hold for the counters of any table.
fn check_sums(table: &Table) {
    let c = table.counters();
    let gone =
        c.replaced + c.evicted_embryonic + c.evicted_closing + c.expired + c.removed + c.purged;
    assert_eq!(c.inserted, u64::from(c.held()) + gone, "{c:?}");
    assert!(c.held() <= table.limits().capacity, "{c:?}");
    assert!(c.embryonic <= table.limits().embryonic, "{c:?}");
    assert_eq!(table.len(), c.held() as usize);
    assert_eq!(c.held(), c.of(Class::Embryonic) + c.of(Class::Established) + c.of(Class::Closing));
}

#[test]
fn a_pod_that_asks_and_is_answered_is_never_refused() {
    // Three hundred look-ups a second for ten minutes, each from a port of its own, as a resolver makes them.
    let mut table = table(FlowLimits::new(FlowLimits::CAPACITY, 8));
    let assured: Vec<_> =
        (0..100).map(|port| establish(&mut table, from(0, port), Tick(0)).unwrap()).collect();
    for number in 0..300 * 600_u32 {
        let now = at(number / 300);
        let asked = from(0, u16::try_from(1_000 + number % 60_000).unwrap());
        insert(&mut table, asked.udp(Original), now).unwrap();
        pass(&mut table, &[asked.udp(Reply)], now);
        table.expire(now);
    }
    assert!(assured.iter().all(|id| table.get(*id).is_some()));
    let counters = table.counters();
    assert_eq!((counters.refused_quota, counters.refused_full), (0, 0), "{counters:?}");
    check_sums(&table);
}

#[test]
fn a_syn_flood_of_one_owner_recycles_its_own_flows() {
    let mut table = table(FlowLimits::new(1_000, 8));
    let assured: Vec<_> =
        (0..100).map(|port| establish(&mut table, from(1, port), Tick(0)).unwrap()).collect();
    let mut others = Vec::new();
    for number in 0..50_000_u32 {
        let now = Tick(number / 1_000);
        let port = u16::try_from(number).unwrap();
        insert(&mut table, from(0, port).tcp(Original, SYN), now).unwrap();
        if number % 500 == 0 {
            others.push(establish(&mut table, from(2, port), now).unwrap());
        }
        assert!(table.len() <= 125 + 100 + others.len());
        check_sums(&table);
    }
    assert!(assured.iter().chain(&others).all(|id| table.get(*id).is_some()));
    let expected = FlowCounters {
        embryonic: 125,
        established: 200,
        inserted: 50_200,
        evicted_embryonic: 49_875,
        ..FlowCounters::default()
    };
    assert_eq!(table.counters(), expected);
}

#[test]
fn a_syn_flood_of_all_owners_at_once_leaves_assured_flows_and_room_for_new_ones() {
    let mut table = table(FlowLimits::new(1_000, 8));
    let assured: Vec<_> =
        (0..50).map(|port| establish(&mut table, from(1, port), Tick(0)).unwrap()).collect();
    for number in 0..50_000_u32 {
        let (owner, port) =
            (u8::try_from(number % 7).unwrap(), 1_000 + u16::try_from(number / 7).unwrap());
        insert(&mut table, from(owner, port).tcp(Original, SYN), Tick(number / 1_000)).unwrap();
    }
    let id = establish(&mut table, from(7, 1), Tick(50)).unwrap();
    assert!(table.get(id).is_some());
    assert!(assured.iter().all(|id| table.get(*id).is_some()));
    // The flow that was established last has made place.
    assert_eq!(table.counters().embryonic, 499);
    check_sums(&table);
}

#[test]
fn an_owner_with_its_quota_in_assured_flows_is_refused_and_others_are_not() {
    let mut table = table(FlowLimits::new(64, 3));
    for port in 0..8 {
        establish(&mut table, from(0, port), Tick(0)).unwrap();
    }
    let more = from(0, 100).tcp(Original, SYN);
    assert_eq!(insert(&mut table, more, Tick(1)), Err(DropReason::PodQuota));
    establish(&mut table, from(1, 100), Tick(1)).unwrap();
    assert_eq!(table.counters().refused_quota, 1);
    // Who is nobody has no quota.
    assert_eq!(
        insert(&mut table, from(3, 1).tcp(Original, SYN), Tick(1)),
        Err(DropReason::PodQuota)
    );
    // A flow that ends makes room again.
    pass(&mut table, &[from(0, 3).tcp(Reply, RST)], Tick(2));
    insert(&mut table, more, Tick(2)).unwrap();
    assert_eq!(find(&mut table, from(0, 3).tcp(Original, SYN), Tick(2)), None);
    check_sums(&table);
}

#[test]
fn an_owner_at_its_quota_gives_up_closing_flows_before_embryonic_ones() {
    let mut table = table(FlowLimits::new(32, 2));
    // Embryonic, assured, closing twice.
    insert(&mut table, from(0, 1).tcp(Original, SYN), Tick(0)).unwrap();
    establish(&mut table, from(0, 2), Tick(1)).unwrap();
    for (port, tick) in [(3, 2), (4, 3)] {
        establish(&mut table, from(0, port), Tick(tick)).unwrap();
        pass(
            &mut table,
            &[from(0, port).tcp(Original, FIN), from(0, port).tcp(Reply, FIN)],
            Tick(tick),
        );
    }
    // Refreshed: the second one is now the older.
    pass(&mut table, &[from(0, 3).tcp(Original, FIN)], Tick(4));
    for (new, lost) in [(5, 4), (6, 3), (7, 1), (8, 5)] {
        insert(&mut table, from(0, new).tcp(Original, SYN), Tick(5)).unwrap();
        assert_eq!(find(&mut table, from(0, lost).tcp(Original, SYN), Tick(5)), None, "{lost}");
        assert_eq!(table.len(), 4);
    }
    let c = table.counters();
    assert_eq!((c.evicted_closing, c.evicted_embryonic), (2, 2));
    check_sums(&table);
}

/// Returns a table of eight flows of as many owners: three closing, two embryonic, three assured.
fn full() -> Table {
    let mut table = table(FlowLimits { quota: 8, embryonic: 8, ..FlowLimits::new(8, 20) });
    for (owner, tick) in [(0, 6), (1, 1), (2, 2), (3, 0), (4, 0), (5, 3)] {
        establish(&mut table, from(owner, 1), Tick(tick)).unwrap();
    }
    pass(&mut table, &[from(0, 1).tcp(Reply, RST)], Tick(7));
    pass(&mut table, &[from(1, 1).tcp(Original, FIN), from(1, 1).tcp(Reply, FIN)], Tick(8));
    pass(&mut table, &[from(2, 1).tcp(Original, RST)], Tick(9));
    insert(&mut table, from(6, 1).udp(Original), Tick(10)).unwrap();
    insert(&mut table, from(7, 1).tcp(Original, SYN), Tick(11)).unwrap();
    table
}

#[test]
fn a_full_table_gives_up_the_oldest_closing_flow_then_the_oldest_embryonic_one() {
    let mut table = full();
    for (owner, lost) in [(10, 0), (11, 1), (12, 2), (13, 6), (14, 7)] {
        establish(&mut table, from(owner, 1), Tick(12)).unwrap();
        let old = [from(lost, 1).tcp(Original, SYN), from(lost, 1).udp(Original)];
        assert!(old.iter().all(|old| find(&mut table, *old, Tick(12)).is_none()), "{lost}");
        assert_eq!(table.len(), 8);
    }
    let new = from(15, 1).tcp(Original, SYN);
    assert_eq!(insert(&mut table, new, Tick(12)), Err(DropReason::FlowTableFull));
    let c = table.counters();
    assert_eq!((c.evicted_closing, c.evicted_embryonic, c.refused_full), (3, 2, 1));
    check_sums(&table);
}

#[test]
fn a_full_table_gives_up_what_is_over_before_anything_else() {
    let mut table = full();
    let now = Tick(at(30).0 + 10);
    insert(&mut table, from(10, 1).tcp(Original, SYN), now).unwrap();
    // The SYN of owner 7 and the RST ones are over as well, the datagram of owner 6 just so.
    let c = table.counters();
    assert_eq!((c.expired, c.evicted_closing, c.evicted_embryonic), (1, 0, 0));
    assert_eq!(table.expire(now), 3);
    assert_eq!(table.len(), 5);
    check_sums(&table);
}

#[test]
fn embryonic_flows_have_half_of_the_table() {
    let mut table = table(FlowLimits::new(80, 20));
    for number in 0..60_u8 {
        insert(&mut table, from(number % 20, u16::from(number)).udp(Original), Tick(number.into()))
            .unwrap();
    }
    assert_eq!((table.counters().embryonic, table.counters().evicted_embryonic), (40, 20));
    let there = |table: &mut Table, number: u8| {
        find(table, from(number % 20, u16::from(number)).udp(Original), Tick(60)).is_some()
    };
    assert!((0..60).all(|number| there(&mut table, number) == (number >= 20)));
    check_sums(&table);
}

#[test]
fn expiry_is_bounded_and_frees_every_place() {
    let mut table =
        table(FlowLimits { quota: 1_000, embryonic: 1_000, ..FlowLimits::new(1_000, 1) });
    for port in 0..1_000 {
        insert(&mut table, from(0, port).udp(Original), Tick(0)).unwrap();
    }
    assert_eq!(table.expire(Tick(at(30).0 - 1)), 0);
    let mut calls = Vec::new();
    while !table.is_empty() {
        calls.push(table.expire(at(30)));
    }
    assert_eq!(calls, [128, 128, 128, 128, 128, 128, 128, 104]);
    assert_eq!(table.counters().expired, 1_000);
    for port in 0..1_000 {
        insert(&mut table, from(0, port).udp(Original), at(30)).unwrap();
    }
    assert_eq!(table.counters().evicted_embryonic, 0);
}

#[test]
fn purging_removes_what_is_not_to_be_kept_and_nothing_else() {
    let mut table = table(FlowLimits::new(100, 4));
    for owner in 0..4 {
        for port in 0..3 {
            insert(&mut table, from(owner, port).udp(Original), Tick(0)).unwrap();
        }
        establish(&mut table, from(owner, 9), Tick(0)).unwrap();
    }
    assert_eq!(table.purge(|flow| flow.owner != 2 || flow.state == State::TcpEstablished), 3);
    assert_eq!(table.purge(|flow| flow.original.source_port != 9), 4);
    assert_eq!((table.len(), table.counters().purged), (9, 7));
    assert!(find(&mut table, from(2, 1).udp(Original), Tick(1)).is_none());
    assert!(find(&mut table, from(1, 1).udp(Original), Tick(1)).is_some());
    check_sums(&table);
}

#[test]
fn an_assured_flow_keeps_its_ends_and_others_are_replaced() {
    let mut table = table(FlowLimits::new(64, 2));
    let assured = establish(&mut table, from(0, 1), Tick(0)).unwrap();
    // From another port: it is not found there, and does not take the place of the one that is.
    let syn = from(0, 1).tcp(Original, SYN);
    assert_eq!(table.find(&syn.tuple(), PortId(50), Tick(1)), None);
    let moved = netpol_enforce::flow::NewFlow { original_port: PortId(50), ..syn.begins() };
    assert_eq!(table.insert(&moved, Tick(1)), Err(DropReason::NoFlow));
    assert!(table.get(assured).is_some());
    // Half closed and embryonic ones make place.
    pass(&mut table, &[from(0, 1).tcp(Original, FIN)], Tick(2));
    let second = table.insert(&moved, Tick(3)).unwrap();
    let third = table.insert(&moved, Tick(4)).unwrap();
    assert!(table.get(assured).is_none() && table.get(second).is_none());
    assert_eq!(table.get(third).unwrap().original_port, PortId(50));
    let c = table.counters();
    assert_eq!((c.refused_taken, c.replaced, table.len()), (1, 2, 1));
    check_sums(&table);
}

#[test]
fn an_id_finds_nothing_once_its_place_is_used_again() {
    let mut table = table(FlowLimits::new(8, 2));
    let first = insert(&mut table, from(0, 1).udp(Original), Tick(0)).unwrap();
    assert!(table.remove(first) && !table.remove(first));
    let second =
        insert(&mut table, Connection { client: 1, server: 2, port: 3 }.udp(Original), Tick(0))
            .unwrap();
    assert_eq!((table.get(first), table.epoch(first)), (None, None));
    assert!(!table.renew(first, 2, 2) && !table.grandfather(first, 2) && !table.remove(first));
    assert!(!table.allow_icmp_error(first, Tick(0)));
    assert!(table.get(second).is_some());
    assert_eq!(table.counters().removed, 1);
}
