//! Packets and tables in few words.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use netpol_enforce::flow::{Advance, Direction, FlowId, FlowLimits, FlowTable, NewFlow, Tuple};
use netpol_enforce::wire::{Ip, SctpStep, TcpFlags, Transport};
use netpol_enforce::{DropReason, PortId, Tick};

/// A hash that is the same in every run.
pub(crate) type FixedHash = BuildHasherDefault<DefaultHasher>;
pub(crate) type Table = FlowTable<FixedHash>;

pub(crate) const SYN: u8 = TcpFlags::SYN;
pub(crate) const SYN_ACK: u8 = TcpFlags::SYN | TcpFlags::ACK;
pub(crate) const ACK: u8 = TcpFlags::ACK;
pub(crate) const FIN: u8 = TcpFlags::FIN | TcpFlags::ACK;
pub(crate) const RST: u8 = TcpFlags::RST;

pub(crate) fn table(limits: FlowLimits) -> Table {
    FlowTable::with_hasher(limits, FixedHash::default())
}

/// Returns the tick in which so many seconds have passed.
pub(crate) fn at(seconds: u32) -> Tick {
    Tick::at(Duration::from_secs(seconds.into()))
}

pub(crate) fn host(number: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, number).into()
}

/// A packet from one host to another; each host is behind the port of its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) from: u8,
    pub(crate) to: u8,
    pub(crate) transport: Transport,
}

impl Packet {
    pub(crate) fn ip(&self) -> Ip {
        let protocol = match self.transport {
            Transport::Tcp { .. } => 6,
            Transport::Udp { .. } => 17,
            Transport::Sctp { .. } => 132,
            Transport::Echo { .. } | Transport::Error(_) => 1,
            Transport::Other | Transport::Later => 47,
        };
        let (source, destination) = (host(self.from), host(self.to));
        Ip { source, destination, protocol, fragment: None, transport: self.transport }
    }

    pub(crate) fn tuple(&self) -> Tuple {
        Tuple::of(&self.ip(), 0)
    }

    /// Returns the flow it begins, owned by the number of its source.
    pub(crate) fn begins(&self) -> NewFlow {
        NewFlow {
            tuple: self.tuple(),
            original_port: PortId(self.from),
            reply_port: PortId(self.to),
            owner: self.from.into(),
            epoch: 1,
            rule: 7,
            transport: self.transport,
        }
    }
}

/// A connection from a client with this port to port 80 of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) client: u8,
    pub(crate) server: u8,
    pub(crate) port: u16,
}

impl Connection {
    fn packet(self, way: Direction, transport: impl Fn(u16, u16) -> Transport) -> Packet {
        let Self { client, server, port } = self;
        match way {
            Direction::Original => {
                Packet { from: client, to: server, transport: transport(port, 80) }
            }
            Direction::Reply => Packet { from: server, to: client, transport: transport(80, port) },
        }
    }

    pub(crate) fn tcp(self, way: Direction, flags: u8) -> Packet {
        let flags = TcpFlags(flags);
        self.packet(way, |source, destination| Transport::Tcp { source, destination, flags })
    }

    pub(crate) fn udp(self, way: Direction) -> Packet {
        self.packet(way, |source, destination| Transport::Udp { source, destination })
    }

    pub(crate) fn sctp(self, way: Direction, step: SctpStep) -> Packet {
        self.packet(way, |source, destination| Transport::Sctp { source, destination, step })
    }

    pub(crate) fn echo(self, way: Direction) -> Packet {
        let (request, id) = (way == Direction::Original, self.port);
        self.packet(way, |_, _| Transport::Echo { request, id })
    }

    pub(crate) fn other(self, way: Direction) -> Packet {
        self.packet(way, |_, _| Transport::Other)
    }
}

/// Returns a connection from a client to host 99.
pub(crate) fn from(client: u8, port: u16) -> Connection {
    Connection { client, server: 99, port }
}

pub(crate) fn insert(table: &mut Table, packet: Packet, now: Tick) -> Result<FlowId, DropReason> {
    table.insert(&packet.begins(), now)
}

pub(crate) fn find(table: &mut Table, packet: Packet, now: Tick) -> Option<(FlowId, Direction)> {
    table.find(&packet.tuple(), PortId(packet.from), now)
}

/// Lets packets of flows that are known pass.
pub(crate) fn pass(table: &mut Table, packets: &[Packet], now: Tick) {
    for packet in packets {
        let (id, way) = find(table, *packet, now).unwrap();
        assert_eq!(table.advance(id, way, &packet.transport, now), Advance::Pass, "{packet:?}");
    }
}

/// Establishes a TCP connection.
pub(crate) fn establish(
    table: &mut Table,
    connection: Connection,
    now: Tick,
) -> Result<FlowId, DropReason> {
    use Direction::{Original, Reply};
    let id = insert(table, connection.tcp(Original, SYN), now)?;
    pass(table, &[connection.tcp(Reply, SYN_ACK), connection.tcp(Original, ACK)], now);
    Ok(id)
}
