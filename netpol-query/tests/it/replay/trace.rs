//! The captures: traffic of the example's cluster, in files of every kind.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use netpol_enforce::wire::Arp;
use netpol_enforce::wire::build::{Link, Message, arp, echo_request, tcp, udp};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, Endianness, TsResolution};

pub(super) const FRONTEND: &str = "10.244.1.10";
pub(super) const API: &str = "10.244.1.20";
pub(super) const DATABASE: &str = "10.244.1.30";
const DNS: &str = "10.244.1.2";
const BACKUP: &str = "10.244.2.40";
const PROMETHEUS: &str = "10.244.1.50";
const STORE: &str = "203.0.113.7";

pub(super) const SYN: u8 = 2;
const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// A frame from one end to another.
pub(super) fn frame(from: &str, to: &str, message: &Message) -> Vec<u8> {
    let [from, to]: [IpAddr; 2] = [from, to].map(|address| address.parse().unwrap());
    Link::default().send(from, to, message)
}

/// The frames of a TCP connection: handshake, a question and its answer.
pub(super) fn connection(from: &str, to: &str, ports: (u16, u16)) -> Vec<Vec<u8>> {
    let (own, called) = ports;
    let ask = |flags, text: &[u8]| frame(from, to, &tcp(own, called, flags, text));
    let answer = |flags, text: &[u8]| frame(to, from, &tcp(called, own, flags, text));
    vec![
        ask(SYN, &[]),
        answer(SYN | ACK, &[]),
        ask(ACK, &[]),
        ask(ACK, b"question"),
        answer(ACK, b"the answer"),
    ]
}

/// Ten seconds in the life of the example's cluster.
pub(super) fn frames() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let (sender, target) = (API.parse().unwrap(), DATABASE.parse().unwrap());
    let asked = Arp { sender_mac: [2, 0, 0, 0, 0, 1], sender, target };
    frames.push(Link::default().to([0xFF; 6]).arp(&arp(1, &asked)));
    // A connection that began before.
    frames.push(frame(DATABASE, API, &tcp(5432, 39_000, ACK, b"rows")));
    frames.extend(connection(API, DATABASE, (40_000, 5432)));
    frames.extend(connection(API, DATABASE, (40_001, 5432)));
    frames.extend(connection(FRONTEND, API, (41_000, 8080)));
    frames.extend(connection(FRONTEND, API, (41_001, 8080)));
    frames.push(frame(FRONTEND, DATABASE, &tcp(42_000, 5432, SYN, &[])));
    frames.push(frame(FRONTEND, DATABASE, &tcp(42_000, 5432, SYN, &[])));
    frames.push(frame(DATABASE, DNS, &udp(43_000, 53, b"where is the store?")));
    frames.push(frame(DNS, DATABASE, &udp(53, 43_000, b"at 203.0.113.7")));
    frames.extend(connection(DATABASE, STORE, (44_000, 443)));
    frames.push(frame(DATABASE, STORE, &tcp(44_001, 80, SYN, &[])));
    frames.extend(connection(BACKUP, DATABASE, (45_000, 5432)));
    frames.extend(connection(PROMETHEUS, API, (46_000, 9090)));
    frames.push(frame(FRONTEND, DATABASE, &echo_request(7, b"are you there?")));
    frames.push(frame(API, FRONTEND, &tcp(9999, 47_000, RST, &[])));
    frames
}

fn time(at: usize) -> Duration {
    let millis = u64::try_from(at).unwrap() * 250;
    Duration::from_secs(1_700_000_000) + Duration::from_millis(millis)
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

/// Writes a file of libpcap; of each frame so many bytes are kept.
pub(super) fn pcap(header: PcapHeader, frames: &[Vec<u8>], kept: usize) -> Vec<u8> {
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for (at, frame) in frames.iter().enumerate() {
        let bytes = &frame[..frame.len().min(kept)];
        writer.write_packet(&PcapPacket::new(time(at), length(frame), bytes)).unwrap();
    }
    writer.into_writer()
}

pub(super) fn header(datalink: DataLink) -> PcapHeader {
    let (endianness, ts_resolution) = (Endianness::Little, TsResolution::MicroSecond);
    PcapHeader { datalink, endianness, ts_resolution, snaplen: 262_144, ..PcapHeader::default() }
}

/// The trace as a file of libpcap.
pub(super) fn classic() -> Vec<u8> {
    pcap(header(DataLink::ETHERNET), &frames(), usize::MAX)
}

/// The trace as a file of pcapng, its frames on two interfaces by turns.
pub(super) fn blocks() -> Vec<u8> {
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), Endianness::Big).unwrap();
    for name in ["veth-a", "veth-b"] {
        let options = vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed(name)),
            InterfaceDescriptionOption::IfTsResol(9),
        ];
        let block = InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: 0, options };
        writer.write_pcapng_block(block).unwrap();
    }
    for (at, frame) in frames().iter().enumerate() {
        let block = EnhancedPacketBlock {
            interface_id: u32::try_from(at % 2).unwrap(),
            timestamp: time(at),
            original_len: length(frame),
            data: Cow::Borrowed(frame),
            options: Vec::new(),
        };
        writer.write_pcapng_block(block).unwrap();
    }
    writer.into_inner()
}
