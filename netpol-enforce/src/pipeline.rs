//! What happens to a frame: a pure function of the frame, the policies, the tables and the time.

use std::net::{IpAddr, Ipv6Addr};

use crate::flow::{
    Advance, Arrival, Decided, Direction, Fate, FlowId, FlowLimits, FlowTable, FragId, FragKey,
    FragLimits, FragTable, NewFlow, Start, Tuple,
};
use crate::policies::{End, Policies};
use crate::wire::{
    Arp, Content, Ip, Mac, Neighbour, Packet, Quoted, ReadLimits, SctpStep, Transport, read,
};
use crate::{DropReason, Frame, PortId, Tick};

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It leaves by a port.
    Forward {
        /// The port.
        out: PortId,
        /// What let it pass.
        why: Why,
        /// The connection it belongs to.
        flow: Option<FlowId>,
    },
    /// It is dropped.
    Drop {
        /// What stopped it.
        why: DropReason,
    },
}

/// What lets a frame pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Why {
    /// It is ARP or neighbour discovery.
    Neighbour,
    /// The policies allow it: it begins a connection.
    Policy,
    /// It belongs to a connection.
    Established,
    /// It is an ICMP error about a connection.
    Related,
    /// Its datagram's first fragment passed.
    Fragment,
}

impl Why {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Neighbour, Self::Policy, Self::Established, Self::Related, Self::Fragment];

    /// Returns the name in machine formats.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Neighbour => "NEIGHBOUR",
            Self::Policy => "POLICY",
            Self::Established => "ESTABLISHED",
            Self::Related => "RELATED",
            Self::Fragment => "FRAGMENT",
        }
    }
}

/// What becomes of a connection that was allowed when it began, once policies deny it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Established {
    /// Its next packet is dropped.
    #[default]
    Revoke,
    /// It goes on to its end.
    Keep,
}

/// What becomes of a TCP segment from the midst of a connection that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MidStream {
    /// It is judged as the first of one, in the direction it travels: a restart cuts no connection that is allowed.
    #[default]
    Pickup,
    /// It is dropped.
    Drop,
}

/// How frames are judged beside the policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What the reader lets through.
    pub read: ReadLimits,
    /// What becomes of connections that are denied later.
    pub established: Established,
    /// What becomes of segments from the midst of unknown connections.
    pub mid_stream: MidStream,
    /// How many ARP and neighbour discovery packets a port may bring in a second.
    pub neighbours: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            read: ReadLimits::default(),
            established: Established::default(),
            mid_stream: MidStream::default(),
            neighbours: 1_000,
        }
    }
}

/// Everything that is remembered between frames: of fixed size.
#[derive(Debug)]
pub struct Tables {
    /// Connections.
    pub flows: FlowTable,
    /// Datagrams in fragments.
    pub fragments: FragTable,
    neighbours: [Bucket; 2],
    /// The number of the policies that were followed last; the first are number 1.
    followed: u32,
}

/// How many packets came in since a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    since: Tick,
    count: u32,
}

impl Bucket {
    fn admits(&mut self, limit: u32, now: Tick) -> bool {
        if now.since(self.since) >= Tick::of_seconds(1) {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= limit
    }
}

impl Tables {
    /// Makes empty tables; their memory is reserved here and does not grow.
    pub fn new(flows: FlowLimits, fragments: FragLimits) -> Self {
        Self {
            flows: FlowTable::new(flows),
            fragments: FragTable::new(fragments),
            neighbours: [Bucket::default(); 2],
            followed: 1,
        }
    }

    /// Forgets what belongs to addresses that are others' now.
    ///
    /// Policies know what moved since those just before them: where some were passed over, every flow is forgotten, so that
    /// no address inherits one.
    pub fn follow(&mut self, policies: &Policies) {
        let since = policies.epoch().wrapping_sub(self.followed);
        self.followed = policies.epoch();
        if since > 1 {
            self.flows.purge(|_| false);
        } else if since == 1 && policies.has_any_moved() {
            self.flows.purge(|flow| {
                let Tuple { source, destination, .. } = flow.original;
                policies.is_still_at(source, flow.original_port)
                    && policies.is_still_at(destination, flow.reply_port)
            });
        }
    }

    /// Forgets some of what is over.
    pub fn expire(&mut self, now: Tick) {
        self.flows.expire(now);
        self.fragments.expire(now);
    }
}

/// Decides about a frame.
pub fn decide(
    policies: Option<&Policies>,
    rules: Rules,
    tables: &mut Tables,
    frame: &Frame<'_>,
) -> Decision {
    match packet_of(policies, rules, tables, frame) {
        Ok(Passes { out, why, flow }) => Decision::Forward { out, why, flow },
        Err(why) => Decision::Drop { why },
    }
}

/// How a frame passes.
#[derive(Clone, Copy)]
struct Passes {
    out: PortId,
    why: Why,
    flow: Option<FlowId>,
}

#[inline]
fn packet_of(
    policies: Option<&Policies>,
    rules: Rules,
    tables: &mut Tables,
    frame: &Frame<'_>,
) -> Result<Passes, DropReason> {
    // Looked at where it was read: it is large, and copies of what was written just now are waited for.
    let packet = read(frame, &rules.read);
    let packet = match &packet {
        Ok(packet) => packet,
        Err(why) => return Err(*why),
    };
    let (arrival, now) = (frame.meta.port, frame.meta.at);
    let neighbour = |tables: &mut Tables| {
        let bucket = tables.neighbours.get_mut(usize::from(arrival.0));
        let admits = bucket.is_some_and(|bucket| bucket.admits(rules.neighbours, now));
        let out = opposite(policies, arrival);
        let passes = Passes { out, why: Why::Neighbour, flow: None };
        admits.then_some(passes).ok_or(DropReason::NeighbourRate)
    };
    match &packet.content {
        Content::Arp(arp) => {
            policies.map_or(Ok(()), |p| check_arp(p, arp, packet.source_mac, arrival))?;
            neighbour(tables)
        }
        Content::Neighbour(message) => {
            policies.map_or(Ok(()), |p| check_neighbour(p, message, packet.source_mac, arrival))?;
            neighbour(tables)
        }
        Content::Ip(ip) => {
            let policies = policies.ok_or(DropReason::NoSnapshot)?;
            let out = opposite(Some(policies), arrival);
            Judge { policies, rules, tables, packet, ip, arrival, out, now }.fragment()
        }
    }
}

/// The other of two ports; a capture has no other side.
fn opposite(policies: Option<&Policies>, arrival: PortId) -> PortId {
    match policies {
        Some(policies) if !policies.has_sides() => arrival,
        _ => PortId(u8::from(arrival.0 == 0)),
    }
}

/// An ARP packet speaks for its sender, who must stand behind the port (RFC 826).
///
/// A probe has no sender yet (RFC 5227) and speaks for the address that it is about: whoever asks so for the address of
/// another, while that one makes sure of it, would talk him out of it.
fn check_arp(policies: &Policies, arp: &Arp, mac: Mac, arrival: PortId) -> Result<(), DropReason> {
    if !policies.has_sides() {
        return Ok(());
    }
    let invalid = |_: DropReason| DropReason::ArpInvalid;
    if arp.sender_mac != mac {
        return Err(DropReason::ArpInvalid);
    }
    let sender = IpAddr::V4(if arp.sender.is_unspecified() { arp.target } else { arp.sender });
    policies.check_source((sender, &policies.end(sender)), arrival, mac).map_err(invalid)
}

/// A neighbour discovery message speaks for its source, and an advertisement for its target: both must stand behind the
/// port. Without a source (RFC 4862, 5.4) it speaks for its target as an ARP probe does.
fn check_neighbour(
    policies: &Policies,
    message: &Neighbour,
    mac: Mac,
    arrival: PortId,
) -> Result<(), DropReason> {
    const ADVERTISEMENT: u8 = 136;
    if !policies.has_sides() {
        return Ok(());
    }
    let belongs = |address: Ipv6Addr| {
        if address.is_unicast_link_local() {
            return policies.check_link_local(address, arrival, mac);
        }
        let address = IpAddr::V6(address);
        policies.check_source((address, &policies.end(address)), arrival, mac)
    };
    let link_is_own = message.link.is_none_or(|link| link == mac);
    let target = if message.kind == ADVERTISEMENT { belongs(message.target) } else { Ok(()) };
    let speaker = match (message.source.is_unspecified(), message.target.is_unspecified()) {
        (false, _) => belongs(message.source),
        (true, false) => belongs(message.target),
        // It asks for routers.
        (true, true) => policies.check_mac(mac, arrival),
    };
    match speaker.and(target) {
        Ok(()) if link_is_own => Ok(()),
        _ => Err(DropReason::NdInvalid),
    }
}

/// One IP packet before its policies.
struct Judge<'a> {
    policies: &'a Policies,
    rules: Rules,
    tables: &'a mut Tables,
    packet: &'a Packet,
    ip: &'a Ip,
    arrival: PortId,
    out: PortId,
    now: Tick,
}

impl Judge<'_> {
    /// A fragment is what its datagram is.
    fn fragment(mut self) -> Result<Passes, DropReason> {
        let Some(fragment) = self.ip.fragment else { return self.whole() };
        let (from, _) = self.ends()?;
        let key = FragKey::of(self.ip, &fragment, self.packet.zone, self.arrival);
        match self.tables.fragments.accept(&key, &fragment, self.now)? {
            Arrival::First => {
                let passes = self.whole();
                let (fate, flow) = match passes {
                    Ok(Passes { out, flow, .. }) => (Fate::Forward { out }, flow),
                    Err(why) => (Fate::Drop(why), None),
                };
                let (epoch, owner) = (self.policies.epoch(), from.owner);
                let decided = Decided { fate, flow, epoch, owner };
                let stored = self.tables.fragments.insert(&key, &fragment, decided, self.now);
                passes.and_then(|passes| stored.map(|_| passes))
            }
            Arrival::Known(id, decided) => self.later(id, decided),
        }
    }

    /// A later fragment passes as the first did, as long as policies are the same or agree.
    fn later(&mut self, id: FragId, decided: Decided) -> Result<Passes, DropReason> {
        let out = match decided.fate {
            Fate::Forward { out } => out,
            Fate::Drop(why) => return Err(why),
        };
        let passes = Passes { out, why: Why::Fragment, flow: decided.flow };
        if decided.epoch == self.policies.epoch() {
            return Ok(passes);
        }
        let still = match decided.flow {
            Some(flow) => self.still_allowed(flow),
            None => Err(DropReason::Revoked),
        };
        if still.is_ok() {
            self.tables.fragments.renew(id, self.policies.epoch());
        } else {
            self.tables.fragments.remove(id);
        }
        still.map(|()| passes)
    }

    /// A whole packet, or the first fragment of one.
    fn whole(&mut self) -> Result<Passes, DropReason> {
        match &self.ip.transport {
            Transport::Error(quoted) => self.related(quoted),
            Transport::Later => Err(DropReason::FragmentNoFirst),
            _ => self.connection(),
        }
    }

    /// Looks the two ends up and checks that they stand where the packet says.
    fn ends(&self) -> Result<(End, End), DropReason> {
        let Ip { source, destination, .. } = *self.ip;
        let (from, to) = (self.policies.end(source), self.policies.end(destination));
        self.policies.check_source((source, &from), self.arrival, self.packet.source_mac)?;
        self.policies.check_destination(&to, self.arrival, self.out)?;
        Ok((from, to))
    }

    fn connection(&mut self) -> Result<Passes, DropReason> {
        let zone = self.packet.zone;
        let found = self.tables.flows.find_packet(self.ip, zone, self.arrival, self.now);
        let Some((id, direction)) = found else { return self.begin() };
        // Whoever began it stood where it should, behind the port that was found; the Ethernet address is of each frame.
        if self.policies.knows_macs() {
            self.ends()?;
        }
        self.still_allowed(id)?;
        // What was kept although policies deny it goes on to its end. What opens in its place is new.
        let begins = direction == Direction::Original && opens(&self.ip.transport);
        if begins && self.tables.flows.is_grandfathered(id) {
            return self.begin();
        }
        match self.tables.flows.advance(id, direction, &self.ip.transport, self.now) {
            Advance::Pass => {
                let out = self.tables.flows.out_port(id, direction).ok_or(DropReason::NoFlow)?;
                Ok(Passes { out, why: Why::Established, flow: Some(id) })
            }
            Advance::Reopen => self.begin(),
            Advance::Refused(why) => Err(why),
        }
    }

    /// Judges the first packet of a connection and remembers it.
    #[inline(never)]
    fn begin(&mut self) -> Result<Passes, DropReason> {
        let tuple = Tuple::of(self.ip, self.packet.zone);
        let (from, _) = self.ends()?;
        match (Start::of(&self.ip.transport), self.rules.mid_stream) {
            (Start::Opens, _) | (Start::MidStream, MidStream::Pickup) => {}
            (Start::MidStream, MidStream::Drop) | (Start::Never, _) => {
                return Err(DropReason::NoFlow);
            }
        }
        self.policies.judge(&tuple)?;
        let new = NewFlow {
            tuple,
            original_port: self.arrival,
            reply_port: self.out,
            owner: from.owner,
            epoch: self.policies.epoch(),
            rule: 0,
            transport: self.ip.transport,
        };
        let flow = self.tables.flows.insert(&new, self.now)?;
        Ok(Passes { out: self.out, why: Why::Policy, flow: Some(flow) })
    }

    /// Judges a connection anew where policies have changed since it was judged last, always as it began: a reply is never
    /// judged by its own tuple.
    fn still_allowed(&mut self, id: FlowId) -> Result<(), DropReason> {
        let epoch = self.policies.epoch();
        match self.tables.flows.epoch(id) {
            Some(own) if own == epoch => return Ok(()),
            Some(_) => {}
            None => return Err(DropReason::NoFlow),
        }
        let original = self.tables.flows.get(id).ok_or(DropReason::NoFlow)?.original;
        match (self.policies.judge(&original), self.rules.established) {
            (Ok(()), _) => {
                self.tables.flows.renew(id, epoch, 0);
                Ok(())
            }
            (Err(DropReason::Policy), Established::Keep) => {
                self.tables.flows.grandfather(id, epoch);
                Ok(())
            }
            (Err(DropReason::Policy), Established::Revoke) => {
                self.tables.flows.remove(id);
                Err(DropReason::Revoked)
            }
            (Err(why), _) => Err(why),
        }
    }

    /// An ICMP error passes if it is about a packet of a connection that its destination sent. Where it comes from is free,
    /// since routers send them, but not from a pod that stands elsewhere.
    fn related(&mut self, quoted: &Quoted) -> Result<Passes, DropReason> {
        let Ip { source, destination, .. } = *self.ip;
        if destination != quoted.source {
            return Err(DropReason::IcmpUnrelated);
        }
        let from = self.policies.end(source);
        self.policies.check_router((source, &from), self.arrival, self.packet.source_mac)?;
        let to = self.policies.end(destination);
        self.policies.check_destination(&to, self.arrival, self.out)?;
        let found = self.tables.flows.find_quoted(quoted, self.packet.zone, self.arrival, self.now);
        let Some((id, direction)) = found else { return Err(DropReason::IcmpUnrelated) };
        self.still_allowed(id)?;
        if !self.tables.flows.allow_icmp_error(id, self.now) {
            return Err(DropReason::IcmpRate);
        }
        let out = self.tables.flows.out_port(id, direction.opposite());
        let out = out.ok_or(DropReason::IcmpUnrelated)?;
        Ok(Passes { out, why: Why::Related, flow: Some(id) })
    }
}

/// Tells whether a packet asks for a new connection.
const fn opens(transport: &Transport) -> bool {
    match transport {
        Transport::Tcp { flags, .. } => flags.opens(),
        Transport::Sctp { step, .. } => matches!(step, SctpStep::Init),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_empty_again_after_a_second() {
        let mut bucket = Bucket::default();
        assert!((0..5).all(|_| bucket.admits(5, Tick(1))));
        assert!(!bucket.admits(5, Tick(14)));
        assert!(bucket.admits(5, Tick(15)));
    }
}
