//! Files that are whole: bytes, times, interfaces.

use std::time::Duration;

use netpol_enforce::device::{Capture, Clock, Device as _, DeviceError};
use netpol_enforce::wire::build::{Link, tcp};
use netpol_enforce::wire::{ReadLimits, read};
use netpol_enforce::{DropReason, Frame, GsoKind, PortId, Tick};
use pcap_file::pcap::PcapHeader;
use pcap_file::{DataLink, Endianness, TsResolution};

use crate::{Packet, ethernet, header, pcap, pcapng, read_all};

fn frame(payload: usize) -> Vec<u8> {
    let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|a| a.parse().unwrap());
    Link::default().send(a, b, &tcp(40_000, 80, 2, &vec![7; payload]))
}

#[test]
fn either_byte_order_and_either_clock_is_read() {
    for endianness in [Endianness::Big, Endianness::Little] {
        for ts_resolution in [TsResolution::MicroSecond, TsResolution::NanoSecond] {
            let header = PcapHeader { endianness, ts_resolution, ..header(DataLink::ETHERNET) };
            let packets = [Packet::new(0, frame(1)), Packet::new(1_500, frame(2))];
            let found = read_all(&pcap(header, &packets)).unwrap();
            assert_eq!(found.len(), 2);
            for ((found, seen), packet) in found.iter().zip(&packets) {
                assert_eq!(found.bytes, packet.bytes);
                let since = Duration::from_millis(packet.at_ms);
                assert_eq!((seen.since, found.meta.at), (since, Tick::at(since)));
            }
        }
    }
}

#[test]
fn interfaces_of_pcapng_are_ports_with_names() {
    for endianness in [Endianness::Big, Endianness::Little] {
        let interfaces = [(DataLink::ETHERNET, "eth0"), (DataLink::RAW, "tun0")];
        let raw = frame(3)[14..].to_vec();
        let packets = [(0, Packet::new(5, frame(1))), (1, Packet::new(9, raw))];
        let file = pcapng(endianness, &interfaces, &packets);
        let found = read_all(&file).unwrap();
        let ports: Vec<PortId> = found.iter().map(|(frame, _)| frame.meta.port).collect();
        assert_eq!(ports, [PortId(0), PortId(1)]);
        assert_eq!(found[1].0.bytes[14..], frame(3)[14..]);
        assert_eq!(found[1].1.since, Duration::from_millis(4));
        let mut capture = Capture::new(&file[..], Clock::default()).unwrap();
        capture.advance().unwrap();
        let names: Vec<&str> = capture.ports().iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names, ["eth0", "tun0"]);
    }
}

#[test]
fn a_second_section_declares_its_own_interfaces() {
    let packets = |at| [(0, Packet::new(at, frame(1)))];
    let one = pcapng(Endianness::Little, &[(DataLink::ETHERNET, "eth0")], &packets(0));
    let two = pcapng(Endianness::Big, &[(DataLink::ETHERNET, "eth1")], &packets(7));
    let found = read_all(&[one, two].concat()).unwrap();
    let seen: Vec<_> = found.iter().map(|(f, s)| (f.meta.port, s.since.as_millis())).collect();
    assert_eq!(seen, [(PortId(0), 0), (PortId(1), 7)]);
}

#[test]
fn blocks_that_are_not_packets_are_skipped_and_simple_packets_have_no_time() {
    let mut file = pcapng(
        Endianness::Little,
        &[(DataLink::ETHERNET, "eth0")],
        &[(0, Packet::new(3, frame(1)))],
    );
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    file.extend(words(&[0x0000_0BAD, 20, 1, 2, 20]));
    let bytes = frame(2);
    assert_eq!(bytes.len() % 4, 0);
    let length = u32::try_from(bytes.len()).unwrap();
    file.extend(words(&[3, length + 16, length]));
    file.extend(&bytes);
    file.extend(words(&[length + 16]));
    let found = read_all(&file).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((&found[1].0.bytes, found[1].1.since), (&bytes, Duration::ZERO));
}

#[test]
fn many_packets_come_in_batches_and_then_no_more() {
    let packets: Vec<Packet> = (0..100).map(|at| Packet::new(at, frame(1))).collect();
    let file = ethernet(&packets);
    let mut capture = Capture::new(&file[..], Clock::default()).unwrap();
    let mut counts = Vec::new();
    let end = loop {
        match capture.receive(Duration::ZERO) {
            Ok(count) => counts.push(count),
            Err(error) => break error,
        }
    };
    assert_eq!(counts, [32, 32, 32, 4]);
    assert!(matches!(end, DeviceError::Ended));
    assert_eq!(capture.stats()[0].received, 100);
}

#[test]
fn a_packet_that_was_cut_is_judged_by_its_headers_where_they_are_there() {
    let whole = frame(1_000);
    let kept = |kept| Packet::new(0, whole.clone()).cut(kept);
    let found = read_all(&ethernet(&[kept(96), kept(95), kept(1_054)])).unwrap();
    let cut: Vec<bool> = found.iter().map(|(_, seen)| seen.is_cut).collect();
    assert_eq!(cut, [true, false, false]);
    assert_eq!(found[0].0.bytes.len(), whole.len());
    assert!(found[0].0.bytes[96..].iter().all(|byte| *byte == 0));
    assert_eq!(found[0].1.length, 1_054);
    let read = |at: usize| read(&found[at].0.frame(), &ReadLimits::default());
    assert!(read(0).is_ok() && read(2).is_ok());
    assert_eq!(read(1), Err(DropReason::Truncated));
}

#[test]
fn headers_that_were_cut_away_are_not_made_up() {
    // The transport header is behind a hop-by-hop header of 64 bytes.
    let [a, b] = ["fd00::1", "fd00::2"].map(|a| a.parse::<std::net::Ipv6Addr>().unwrap());
    let mut options = vec![6, 7, 1, 60];
    options.extend([0; 60]);
    let segment = tcp(40_000, 80, 2, &[7; 500]);
    let mut packet = netpol_enforce::wire::build::Ipv6::new(a, b).packet(&segment);
    packet[6] = 0;
    let length = u16::try_from(packet.len() - 40 + 64).unwrap();
    packet[4..6].copy_from_slice(&length.to_be_bytes());
    packet.splice(40..40, options);
    let bytes = Link::default().ipv6(&packet);
    let limits = ReadLimits::default();
    let whole = netpol_enforce::FrameMeta::plain(PortId(0), bytes.len(), Tick(0));
    assert!(read(&Frame { meta: whole, bytes: &bytes }, &limits).is_ok());
    let found = read_all(&ethernet(&[Packet::new(0, bytes).cut(120)])).unwrap();
    assert!(!found[0].1.is_cut);
    assert_eq!(read(&found[0].0.frame(), &limits), Err(DropReason::Truncated));
}

#[test]
fn superframes_without_a_length_end_with_the_frame() {
    let mut bytes = frame(9_000);
    bytes[16..18].fill(0);
    bytes[24..26].fill(0);
    netpol_enforce::wire::build::set_ipv4_checksum(&mut bytes[14..]);
    let mut short = frame(100);
    short[16..18].fill(0);
    netpol_enforce::wire::build::set_ipv4_checksum(&mut short[14..]);
    let found = read_all(&ethernet(&[Packet::new(0, bytes), Packet::new(1, short)])).unwrap();
    assert_eq!(found[0].0.meta.gso.unwrap().kind, GsoKind::Tcp4);
    assert!(read(&found[0].0.frame(), &ReadLimits::default()).is_ok());
    let short = read(&found[1].0.frame(), &ReadLimits::default());
    assert_eq!(short, Err(DropReason::Ipv4Header));
}

#[test]
fn a_superframe_that_was_cut_is_judged_too() {
    let mut bytes = frame(60_000);
    bytes[16..18].fill(0);
    netpol_enforce::wire::build::set_ipv4_checksum(&mut bytes[14..]);
    let found = read_all(&ethernet(&[Packet::new(0, bytes).cut(128)])).unwrap();
    assert!(found[0].1.is_cut);
    assert!(read(&found[0].0.frame(), &ReadLimits::default()).is_ok());
}

#[test]
fn time_goes_on_from_one_capture_to_the_next() {
    let one = ethernet(&[Packet::new(0, frame(1)), Packet::new(100, frame(1))]);
    let two = ethernet(&[Packet::new(40, frame(1)), Packet::new(250, frame(1))]);
    let mut capture = Capture::new(&one[..], Clock::default()).unwrap();
    capture.advance().unwrap();
    let mut capture = Capture::new(&two[..], capture.clock()).unwrap();
    assert_eq!(capture.advance().unwrap(), 2);
    let since = [0, 1].map(|index| capture.seen(index).since.as_millis());
    assert_eq!(since, [100, 250]);
}
