//! Link layers: what is not Ethernet becomes it, what is not known is refused.

use netpol_enforce::wire::build::{Link, tcp};
use netpol_enforce::wire::{Content, ReadLimits, read};
use pcap_file::DataLink;

use crate::{Packet, header, pcap, read_all};

fn packet(source: &str, destination: &str) -> Vec<u8> {
    let [a, b] = [source, destination].map(|a| a.parse().unwrap());
    Link::default().send(a, b, &tcp(40_000, 80, 2, &[]))[14..].to_vec()
}

fn cooked(ethertype: u16, packet: &[u8]) -> [Vec<u8>; 2] {
    let ethertype = ethertype.to_be_bytes();
    let sll = [&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0][..], &ethertype, packet].concat();
    let rest = [0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0];
    [sll, [&ethertype[..], &rest, packet].concat()]
}

#[test]
fn every_link_layer_gives_the_same_packet() {
    for (source, destination, ethertype) in
        [("10.0.0.1", "10.0.0.2", 0x0800), ("fd00::1", "fd00::2", 0x86DD)]
    {
        let packet = packet(source, destination);
        let [sll, sll2] = cooked(ethertype, &packet);
        let files = [
            (DataLink::RAW, packet.clone()),
            (DataLink::LINUX_SLL, sll),
            (DataLink::LINUX_SLL2, sll2),
        ];
        for (link, bytes) in files {
            let found = read_all(&pcap(header(link), &[Packet::new(0, bytes)])).unwrap();
            let read = read(&found[0].0.frame(), &ReadLimits::default()).unwrap();
            let Content::Ip(ip) = read.content else { panic!("{read:?}") };
            assert_eq!(ip.source.to_string(), source, "{link:?}");
            assert_eq!(ip.destination.to_string(), destination, "{link:?}");
        }
    }
}

#[test]
fn tags_in_cooked_frames_are_read() {
    let packet = packet("10.0.0.1", "10.0.0.2");
    let tagged = [&[0, 7, 0x08, 0x00][..], &packet].concat();
    let [sll, _] = cooked(0x8100, &tagged);
    let found = read_all(&pcap(header(DataLink::LINUX_SLL), &[Packet::new(0, sll)])).unwrap();
    assert_eq!(read(&found[0].0.frame(), &ReadLimits::default()).unwrap().zone, 7);
}

#[test]
fn an_unknown_link_layer_is_an_error_that_says_which_are_known() {
    let file = pcap(header(DataLink::IEEE802_11), &[Packet::new(0, vec![0; 60])]);
    let error = read_all(&file).unwrap_err();
    assert_eq!(error.message, "the capture has link type 105, which cannot be read");
    assert!(error.help.contains("Ethernet (1)"), "{error}");
}
