//! Captures judged by policies: which connections they would have dropped, and why.
//!
//! Every frame goes through [`decide`], as on a wire, with [`Sides::None`](crate::policies::Sides::None). What a capture
//! holds beyond what a wire would carry is looked after here: the rest of connections that the policies would have
//! stopped at their first packet (`stopped`), and the midst of connections that began before the capture (`midway`).

mod annotated;
mod book;
mod copies;
mod midway;
mod stopped;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use netpol_core::model::{Flow, Step, Verdict};

pub use self::annotated::{Annotated, Judged, Said};
pub use crate::device::CaptureError;

use self::book::{Book, Place};
use self::copies::Copies;
use self::midway::Picked;
use self::stopped::Stopped;
use crate::device::{Capture, Clock, Device as _, Seen};
use crate::flow::{FlowLimits, FragLimits, Start, Tuple};
use crate::pipeline::{Decision, Established, MidStream, Rules, Tables, Why, decide};
use crate::policies::Policies;
use crate::wire::{Content, Ip, Packet, ReadLimits, Transport, read};
use crate::{DropReason, Frame, FrameMeta, PortId, Tick};

/// All frames are judged as if they came in by one port: a capture has no sides.
const PORT: PortId = PortId(0);

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many flows are told apart; frames of more are counted in [`LeftOut`].
    pub flows: usize,
    /// How many connections that pass are known at a time, and how many that do not.
    pub connections: u32,
    /// How many fragmented datagrams are known at a time.
    pub fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { flows: 65_536, connections: FlowLimits::CAPACITY, fragments: 8_192 }
    }
}

/// What the policies say of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// They were asked.
    Judged(Verdict),
    /// Its frames are dropped before anybody asks them.
    NotJudged(DropReason),
}

/// The connections from one address to a port of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRow {
    /// Who begins them.
    pub source: IpAddr,
    /// Who is called.
    pub destination: IpAddr,
    /// The transport protocol (IANA number).
    pub protocol: u8,
    /// The port that is called; 0 for protocols without ports.
    pub port: u16,
    /// What the policies say.
    pub outcome: Outcome,
    /// The question that the policies were asked.
    pub question: Flow,
    /// The steps that decided.
    pub steps: Vec<Step>,
    /// Frames in both directions.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// How many connections there were: each has a source port of its own.
    pub connections: u64,
    /// How many of them began before the capture.
    pub midway: u64,
    /// When the first frame came, since the first of the capture.
    pub first: Duration,
    /// When the last frame came.
    pub last: Duration,
    /// The interfaces it was seen on, by their place among those of the report.
    pub interfaces: Vec<usize>,
}

/// Frames of flows that there was no room to tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Frames that are allowed.
    pub allowed: u64,
    /// Frames that are denied.
    pub denied: u64,
    /// Frames whose verdict is in doubt.
    pub doubtful: u64,
    /// Frames that are not judged.
    pub not_judged: u64,
}

impl LeftOut {
    /// Returns how many frames there are.
    pub const fn frames(&self) -> u64 {
        self.allowed + self.denied + self.doubtful + self.not_judged
    }
}

/// What came of captures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The flows: by source, destination, protocol, port and outcome.
    pub rows: Vec<FlowRow>,
    /// The names of interfaces, in the order in which the captures declare them.
    pub interfaces: Vec<String>,
    /// How many frames there were.
    pub frames: u64,
    /// How many of them were judged by their beginning, which is all that the capture keeps.
    pub cut: u64,
    /// How many were ARP and neighbour discovery.
    pub neighbours: u64,
    /// How many were not judged, by reason; those of rows are among them.
    pub not_judged: BTreeMap<DropReason, u64>,
    /// Frames of flows that have no row.
    pub left_out: LeftOut,
    /// Connections that are denied and could not be remembered: their answers may be judged as connections of their own.
    pub forgotten: u64,
    /// The time from the first frame to the last.
    pub duration: Duration,
}

/// Captures that are being judged.
#[derive(Debug)]
pub struct Replay<'p> {
    policies: &'p Policies,
    rules: Rules,
    tables: Tables,
    stopped: Stopped,
    copies: Copies,
    book: Book<'p>,
    clock: Clock,
    report: Report,
}

impl<'p> Replay<'p> {
    /// Makes ready to judge captures by policies, which ought to have no sides.
    pub fn new(policies: &'p Policies, limits: Limits) -> Self {
        let Limits { flows, connections, fragments } = limits;
        // A quota protects pods from one another on a wire; here it would only hide connections.
        let all = FlowLimits::new(connections, 1);
        let quota = all.capacity.saturating_add(1);
        let all = FlowLimits { quota, embryonic: all.capacity, ..all };
        Self {
            policies,
            rules: Self::RULES,
            tables: Tables::new(all, FragLimits::shared(fragments)),
            stopped: Stopped::new(all.capacity, fragments),
            copies: Copies::new(fragments),
            book: Book::new(policies, flows),
            clock: Clock::default(),
            report: Report::default(),
        }
    }

    /// What is legal is what is legal on a wire, but for limits that protect hosts from floods.
    const RULES: Rules = Rules {
        read: ReadLimits { vlan_depth: 2, dhcp: false },
        established: Established::Revoke,
        mid_stream: MidStream::Pickup,
        neighbours: u32::MAX,
    };

    /// Judges a capture to its end. Several are judged as one that goes on, in the order in which they are given.
    ///
    /// # Errors
    ///
    /// [`CaptureError`] if it is none or damaged: what was found until then is not the whole.
    pub fn run<R: Read>(&mut self, reader: R) -> Result<(), CaptureError> {
        self.run_before(reader, &mut |_| {})
    }

    /// Does what [`run`](Self::run) does, and shows each frame to a witness once it is judged.
    ///
    /// # Errors
    ///
    /// As `run`.
    pub fn run_before<R: Read>(
        &mut self,
        reader: R,
        witness: &mut dyn FnMut(&Judged<'_>),
    ) -> Result<(), CaptureError> {
        let mut capture = Capture::new(reader, self.clock)?;
        let mut places: Vec<usize> = Vec::new();
        loop {
            let count = capture.advance()?;
            for port in capture.ports().iter().skip(places.len()) {
                places.push(place_of(&mut self.report.interfaces, &port.name));
            }
            for index in 0..count {
                let frame = capture.frame(index);
                let place = places.get(usize::from(frame.meta.port.0)).copied();
                let sight = Sight { seen: capture.seen(index), place };
                let said = match self.frame(&frame, &sight) {
                    Found::Neighbour => Said::Neighbour,
                    Found::NotJudged(why) => Said::NotJudged(why),
                    Found::Flow(place) => Said::of(place, self.book.rows()),
                };
                witness(&Judged::new(said, &frame, &sight, &self.report.interfaces));
            }
            self.clock = capture.clock();
            if count == 0 {
                return Ok(());
            }
        }
    }

    /// Returns what came of it.
    pub fn finish(self) -> Report {
        let Self { mut report, book, stopped, .. } = self;
        (report.rows, report.left_out) = book.close();
        report.forgotten = stopped.forgotten();
        report
    }

    fn frame(&mut self, frame: &Frame<'_>, sight: &Sight) -> Found {
        let frame = Frame { meta: FrameMeta { port: PORT, ..frame.meta }, ..*frame };
        self.report.frames += 1;
        self.report.cut += u64::from(sight.seen.is_cut);
        self.report.duration = sight.seen.since;
        self.tables.expire(frame.meta.at);
        match read(&frame, &self.rules.read) {
            Err(why) => self.not_judged(why),
            Ok(packet) => match &packet.content {
                Content::Ip(ip) => Found::Flow(self.packet(&frame, &packet, ip, sight)),
                Content::Arp(_) | Content::Neighbour(_) => match self.decide(&frame) {
                    Decision::Forward { .. } => {
                        self.report.neighbours += 1;
                        Found::Neighbour
                    }
                    Decision::Drop { why } => self.not_judged(why),
                },
            },
        }
    }

    fn decide(&mut self, frame: &Frame<'_>) -> Decision {
        decide(Some(self.policies), self.rules, &mut self.tables, frame)
    }

    fn not_judged(&mut self, why: DropReason) -> Found {
        *self.report.not_judged.entry(why).or_default() += 1;
        Found::NotJudged(why)
    }

    /// Judges an IP packet, and returns where it is written down.
    fn packet(&mut self, frame: &Frame<'_>, packet: &Packet, ip: &Ip, sight: &Sight) -> Place {
        let now = frame.meta.at;
        let tuple = Tuple::of(ip, packet.zone);
        if let Some((place, begins)) = self.stopped.find(ip, packet.zone, now) {
            self.book.count(place, sight);
            if begins {
                self.book.connection(place, false);
            }
            return place;
        }
        let midway = match self.pick_up(&tuple, ip, frame, sight) {
            Picked::Stopped(place) => {
                self.book.count(place, sight);
                return place;
            }
            Picked::Passes { midway } => midway,
        };
        match self.decide(frame) {
            Decision::Forward { why, flow, .. } => {
                let flow = flow.and_then(|id| self.tables.flows.get(id));
                let original = flow.map_or(tuple, |flow| flow.original);
                let place = self.book.place(&original, Outcome::Judged(Verdict::Allow), sight);
                self.book.count(place, sight);
                self.copies.insert(ip, packet.zone, place, now);
                if why == Why::Policy {
                    self.book.connection(place, midway);
                }
                place
            }
            Decision::Drop { why: DropReason::Policy } if ip.transport != Transport::Later => {
                let place = self.stop(&tuple, ip, now, sight);
                self.book.count(place, sight);
                self.book.connection(place, midway);
                place
            }
            Decision::Drop { why } => {
                if let Some(place) = self.copies.find(ip, packet.zone, now) {
                    self.book.count(place, sight);
                    return place;
                }
                self.not_judged(why);
                let tuple = Self::oriented(&tuple, ip);
                let place = self.book.place(&tuple, Outcome::NotJudged(why), sight);
                self.book.count(place, sight);
                place
            }
        }
    }

    /// Remembers a connection that the policies do not let pass, and returns where it is written down.
    fn stop(&mut self, tuple: &Tuple, ip: &Ip, now: Tick, sight: &Sight) -> Place {
        let place = self.book.find(tuple).unwrap_or_else(|| {
            let (verdict, _) = self.policies.explain(tuple);
            self.book.place(tuple, Outcome::Judged(verdict), sight)
        });
        self.stopped.insert(tuple, ip, place, now);
        place
    }

    /// Returns the tuple of a packet that belongs to nothing, so that both directions of it share a row: the end with
    /// the lower port is the one that is called.
    fn oriented(tuple: &Tuple, ip: &Ip) -> Tuple {
        let may_be_answer = Start::of(&ip.transport) != Start::Opens;
        if may_be_answer && tuple.source_port < tuple.destination_port {
            tuple.reversed()
        } else {
            *tuple
        }
    }
}

/// What a frame was found to be.
enum Found {
    Neighbour,
    NotJudged(DropReason),
    Flow(Place),
}

/// A frame as it was seen.
#[derive(Clone, Copy, Debug)]
struct Sight {
    seen: Seen,
    /// The interface, among those of the report.
    place: Option<usize>,
}

/// Returns the place of a name, which is added if it is new.
fn place_of(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}
