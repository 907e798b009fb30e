//! A program behind a netfilter queue, as a policy engine in user space is one: it copies 128 bytes, and marks what it
//! accepts, so that the rest of the connection passes by.

use std::fs;
use std::net::IpAddr;
use std::sync::mpsc::channel;
use std::thread;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use netpol_core::reach::Snapshot;
use netpol_enforce::flow::Tuple;
use nfq::{Queue, Verdict};

use crate::datapath::policies;
use crate::tools::{has, run};

const NUMBER: u16 = 100;
const COPIED: u16 = 128;
const WAITING: u32 = 1024;
const MARK: u32 = 0x64;

/// Queues packets until one of the connection was accepted and answered; each is judged by the policies.
pub(crate) fn first_packets(snapshot: &Snapshot, addresses: &[Vec<IpAddr>; 2]) -> u32 {
    tell("-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -m connmark --mark 0x64 -j ACCEPT");
    tell("-A FORWARD -j NFQUEUE --queue-num 100");
    tell("-t mangle -A POSTROUTING -m mark --mark 0x64 -j CONNMARK --save-mark");
    let policies = policies(snapshot, addresses, u32::MAX);
    serve(move |packet| tuple(packet).is_some_and(|tuple| policies.judge(&tuple).is_ok()))
}

/// Queues every packet; all are accepted, for replies cannot be told from first packets without a table.
pub(crate) fn every_packet() -> u32 {
    tell("-A FORWARD -j NFQUEUE --queue-num 100");
    serve(|_| true)
}

fn tell(rule: &str) {
    run("iptables-legacy", rule);
    if has("ip6tables-legacy") {
        run("ip6tables-legacy", rule);
    }
}

/// Serves the queue in a thread, and returns its number.
fn serve(is_allowed: impl Fn(&[u8]) -> bool + Send + 'static) -> u32 {
    let mut queue = Queue::open().unwrap();
    queue.bind(NUMBER).unwrap();
    queue.set_copy_range(NUMBER, COPIED).unwrap();
    queue.set_queue_max_len(NUMBER, WAITING).unwrap();
    queue.set_recv_gso(NUMBER, true).unwrap();
    let (sender, number) = channel();
    thread::spawn(move || {
        sender.send(number_of_thread()).unwrap();
        loop {
            // The socket was full: packets are gone, and counted by the kernel.
            let Ok(mut message) = queue.recv() else { continue };
            let allowed = is_allowed(message.get_payload());
            message.set_nfmark(MARK);
            message.set_verdict(if allowed { Verdict::Accept } else { Verdict::Drop });
            queue.verdict(message).unwrap();
        }
    });
    number.recv().unwrap()
}

fn number_of_thread() -> u32 {
    let path = fs::read_link("/proc/thread-self").unwrap();
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

fn tuple(packet: &[u8]) -> Option<Tuple> {
    let packet = LaxSlicedPacket::from_ip(packet).ok()?;
    let (source, destination): (IpAddr, IpAddr) = match packet.net? {
        LaxNetSlice::Ipv4(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        LaxNetSlice::Ipv6(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let (protocol, source_port, destination_port) = match packet.transport? {
        TransportSlice::Tcp(tcp) => (6, tcp.source_port(), tcp.destination_port()),
        TransportSlice::Udp(udp) => (17, udp.source_port(), udp.destination_port()),
        _ => return None,
    };
    Some(Tuple { source, destination, source_port, destination_port, protocol, zone: 0 })
}

/// How many packets the kernel has lost because the queue or its socket was full.
pub(crate) fn lost() -> f64 {
    let text = fs::read("/proc/net/netfilter/nfnetlink_queue").unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    let fields: Vec<f64> = text.split_whitespace().map(|field| field.parse().unwrap()).collect();
    // queue, port, waiting, copy mode, copied bytes, lost for the queue, lost for the socket
    fields[5] + fields[6]
}
