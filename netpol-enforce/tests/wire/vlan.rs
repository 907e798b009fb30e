//! Tags: the outer id is the zone, whatever its protocol.

use netpol_enforce::wire::build::{Link, tcp};

use crate::{A4, B4, ETHERNET, IPV4, Input};

fn tagged(tags: &[(u16, u16)]) -> Input {
    let link = tags.iter().fold(Link::default(), |link, (tpid, tci)| link.tag(*tpid, *tci));
    link.send(A4.into(), B4.into(), &tcp(5000, 80, 2, b"")).into()
}

#[track_caller]
fn check_zone(tags: &[(u16, u16)], zone: u16) {
    let packet = tagged(tags).depth(2).read().unwrap();
    assert_eq!(packet.zone, zone);
    assert_eq!(packet.content, tagged(&[]).read().unwrap().content);
    assert_eq!(packet.destination_mac, [2, 0, 0, 0, 0, 2]);
    assert_eq!(packet.source_mac, [2, 0, 0, 0, 0, 1]);
}

#[test]
fn without_a_tag_the_zone_is_0() {
    check_zone(&[], 0);
}

#[test]
fn the_zone_is_the_vlan_id_without_priority() {
    check_zone(&[(0x8100, 7)], 7);
    check_zone(&[(0x8100, 0xEFFE)], 4094);
    check_zone(&[(0x88A8, 7)], 7);
}

#[test]
fn the_zone_of_two_tags_is_that_of_the_outer_one() {
    check_zone(&[(0x88A8, 100), (0x8100, 7)], 100);
    check_zone(&[(0x8100, 100), (0x8100, 7)], 100);
}

#[test]
fn a_priority_tag_has_no_zone() {
    check_zone(&[(0x8100, 0xA000)], 0);
    check_zone(&[(0x88A8, 0), (0x8100, 7)], 0);
}

#[test]
fn a_checksum_to_be_written_counts_the_tags() {
    for tags in [&[][..], &[(0x8100, 7)], &[(0x88A8, 100), (0x8100, 7)]] {
        let start = ETHERNET + 4 * tags.len() + IPV4;
        let partial = |start| tagged(tags).depth(2).partial(start, 16);
        assert!(partial(start).read().is_ok());
        assert!(partial(start - 4).read().is_err());
    }
}
