//! Frames by packet sockets: a [`Device`] on interfaces of Linux, without shared memory.
//!
//! Frames come in and go out in batches (`recvmmsg(2)`, `sendmmsg(2)`) with the vnet header of `linux/virtio_net.h`, so
//! that superframes and checksums which the sender left to its hardware are passed on as they are. It takes frames
//! beside the kernel, not from it: what keeps the kernel from forwarding them too is checked and installed by
//! [`preflight`](crate::preflight).

mod links;
pub(crate) mod netlink;
mod options;
mod outgoing;
mod port;
pub(crate) mod privileges;
mod sctp;
mod slot;
mod sys;
mod vnet;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

pub use self::options::{Admission, Clock, OpenError, OpenOptions};
pub use self::privileges::{Keep, drop_privileges};

use self::netlink::LinkWatch;
use self::outgoing::Outgoing;
use self::port::{Port, Settings, info_of};
use self::slot::{Skipped, Slot};
use self::vnet::VnetHeader;
use crate::device::{Device, DeviceError, FlushReport, Inject, PortInfo, PortStats, is_sendable};
use crate::{Csum, Frame, PortId, Tick};

/// How long a wait lasts at most, in milliseconds, so that drops are counted and links looked after.
const LONGEST_WAIT_MS: u128 = 500;
/// Ticks between two readings of the kernel's drops: less than a second.
const STATISTICS_TICKS: u32 = 15;
/// Ticks between two looks at the interfaces: half a second.
const LINK_TICKS: u32 = 7;
/// How many warnings wait to be taken.
const MOST_WARNINGS: usize = 64;
/// Bytes of an Ethernet header and one tag, which the MTU leaves out.
const LINK_HEADER: u32 = 14 + 4;

/// Ports on interfaces.
///
/// An interface that is deleted, or changed so that it is no longer admitted, leaves its port closed, until one of that
/// name is there again and is admitted; the other ports go on.
pub struct AfPacket {
    settings: Settings,
    clock: Clock,
    admission: Admission,
    wake: Option<File>,
    watch: LinkWatch,
    ports: Vec<Port>,
    infos: Vec<PortInfo>,
    stats: Vec<PortStats>,
    /// The frames at hand.
    slots: Vec<Slot>,
    outgoing: Outgoing,
    /// Frames that were to be forwarded since the last flush, and never reached a queue.
    refused: u32,
    polled: Vec<libc::pollfd>,
    warnings: Vec<String>,
    statistics_at: Tick,
    links_at: Tick,
}

impl AfPacket {
    /// Opens a port on each interface; the order gives the numbers.
    ///
    /// Nothing is checked but that frames can be received and sent: that the kernel does not forward them too is for
    /// [`preflight`](crate::preflight), before this.
    pub fn open(names: &[&str], options: OpenOptions) -> Result<Self, OpenError> {
        check_names(names)?;
        // Subscribed before the links are asked for, so that no change falls between.
        let watch = LinkWatch::open().map_err(|error| {
            let (port, doing) = (String::new(), "watch the links");
            OpenError::Io { port, doing, error }
        })?;
        let settings = Settings {
            batch: options.batch.clamp(1, 1024),
            buffer: options.receive_buffer,
            promiscuous: options.promiscuous,
        };
        let mut warnings = Vec::new();
        let (mut ports, mut infos) = (Vec::new(), Vec::new());
        for name in names {
            let (port, info) = open_port(name, settings, &mut warnings)?;
            ports.push(port);
            infos.push(info);
        }
        let now = (options.clock)();
        Ok(Self {
            settings,
            clock: options.clock,
            admission: options.admission,
            wake: options.wake.map(File::from),
            watch,
            stats: vec![PortStats::default(); ports.len()],
            slots: Vec::with_capacity(ports.len() * settings.batch),
            outgoing: Outgoing::new(ports.len(), settings.batch),
            refused: 0,
            polled: Vec::with_capacity(ports.len() + 2),
            ports,
            infos,
            warnings,
            statistics_at: now,
            links_at: now,
        })
    }

    /// Takes the warnings since it was last asked: buffers that the kernel cut, interfaces that went away, are no longer
    /// admitted or are used again.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Returns whether a port is open: its interface is there and admitted, though it may be switched off.
    pub fn is_open(&self, port: PortId) -> bool {
        self.ports.get(usize::from(port.0)).is_some_and(|port| port.socket().is_some())
    }

    /// Warns about a port, unless the same was said last.
    fn warn_once(&mut self, number: usize, what: &str) {
        let Some(port) = self.ports.get_mut(number) else { return };
        if port.said == what || self.warnings.len() >= MOST_WARNINGS {
            return;
        }
        what.clone_into(&mut port.said);
        let name = self.infos.get(number).map_or("", |info| info.name.as_str());
        self.warnings.push(format!("interface `{name}`: {what}"));
    }

    /// Waits until a port, the links or the waker have something to say.
    fn wait(&mut self, wait: Duration) -> io::Result<usize> {
        let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        self.polled.clear();
        self.polled.extend(self.ports.iter().map(|port| entry(port.raw())));
        self.polled.push(entry(self.watch.socket().as_raw_fd()));
        self.polled.push(entry(self.wake.as_ref().map_or(-1, File::as_raw_fd)));
        // Rounded up: a short wait is not a busy one.
        let milliseconds = wait.as_nanos().div_ceil(1_000_000).min(LONGEST_WAIT_MS);
        let milliseconds = i32::try_from(milliseconds).unwrap_or_default();
        match sys::poll(&mut self.polled, milliseconds) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.polled.iter_mut().for_each(|entry| entry.revents = 0);
                Ok(0)
            }
            other => other,
        }
    }

    fn is_ready(&self, entry: usize) -> bool {
        self.polled.get(entry).is_some_and(|entry| entry.revents != 0)
    }

    /// Reads away what was written to wake us.
    fn silence_waker(&mut self) {
        if let Some(mut wake) = self.wake.as_ref() {
            drop(wake.read(&mut [0; 64]));
        }
    }

    /// Receives a batch from a port.
    fn receive_from(&mut self, number: usize, at: Tick) {
        let Ok(id) = u8::try_from(number).map(PortId) else { return };
        let (Some(port), Some(stats)) = (self.ports.get_mut(number), self.stats.get_mut(number))
        else {
            return;
        };
        let received = receive_readable(port, stats, self.settings.batch);
        for index in 0..received {
            let Some(message) = port.batch.message(index) else { continue };
            match Slot::read(port.batch.buffer_mut(index), index, &message, id, at) {
                Ok(slot) => {
                    self.slots.push(slot);
                    stats.received += 1;
                }
                Err(Skipped::Unreadable) => stats.unreadable += 1,
                Err(Skipped::Outgoing) => {}
            }
        }
    }

    /// Does what is due from time to time.
    fn look_after(&mut self, now: Tick) {
        if now.since(self.statistics_at) >= STATISTICS_TICKS {
            self.statistics_at = now;
            self.count_all_drops();
        }
        if now.since(self.links_at) >= LINK_TICKS {
            self.links_at = now;
            self.look_at_links();
        }
    }

    fn count_all_drops(&mut self) {
        (0..self.ports.len()).for_each(|number| self.count_drops(number));
    }

    /// Adds what the kernel dropped since it was last asked.
    fn count_drops(&mut self, number: usize) {
        let socket = self.ports.get(number).and_then(Port::socket);
        match (socket.map(sys::take_drops), self.stats.get_mut(number)) {
            (Some(Ok(drops)), Some(stats)) => stats.overflow += u64::from(drops),
            (Some(Err(error)), _) => {
                self.warn_once(
                    number,
                    &format!("the kernel does not tell what it dropped: {error}"),
                );
            }
            _ => {}
        }
    }

    /// Makes a frame at hand ready to be sent. Returns whether it can be.
    fn prepare(&mut self, index: usize, out: usize) -> bool {
        let Some(slot) = self.slots.get_mut(index) else { return false };
        let Some(port) = self.ports.get_mut(usize::from(slot.meta.port.0)) else { return false };
        let frame = slot.frame(port.batch.buffer(slot.buffer));
        let mtu = self.infos.get(out).map_or(0, |info| info.mtu);
        if !is_sendable(&frame) || !fits_segments(&frame, mtu) {
            return false;
        }
        !sctp::is_partial(slot.meta.csum) || complete_sctp(slot, port)
    }
}

impl fmt::Debug for AfPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfPacket")
            .field("settings", &self.settings)
            .field("ports", &self.ports)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl Device for AfPacket {
    fn ports(&self) -> &[PortInfo] {
        &self.infos
    }

    /// Waits half a second at most, even if `wait` is longer, and less if the waker is written to.
    ///
    /// What was forwarded and not flushed is flushed.
    fn receive(&mut self, wait: Duration) -> Result<usize, DeviceError> {
        if self.outgoing.is_pending() {
            self.flush();
        }
        self.slots.clear();
        let ready = self.wait(wait).map_err(|error| {
            let doing = "wait for frames".to_owned();
            DeviceError::Io { doing, error }
        })?;
        let now = (self.clock)();
        if ready > 0 {
            let ports = self.ports.len();
            // First, so that nothing more is taken from a port that is to be closed.
            if self.is_ready(ports) {
                self.follow_links();
            }
            for number in 0..ports {
                if self.is_ready(number) {
                    self.receive_from(number, now);
                }
            }
            if self.is_ready(ports + 1) {
                self.silence_waker();
            }
        }
        self.look_after(now);
        Ok(self.slots.len())
    }

    fn frame(&self, index: usize) -> Frame<'_> {
        let slot = &self.slots[index];
        let port = &self.ports[usize::from(slot.meta.port.0)];
        slot.frame(port.batch.buffer(slot.buffer))
    }

    fn forward(&mut self, index: usize, out: PortId) {
        let out_number = usize::from(out.0);
        if self.prepare(index, out_number) && self.outgoing.push(out_number, index) {
            return;
        }
        refuse(&mut self.stats, &mut self.refused, out);
    }

    fn flush(&mut self) -> FlushReport {
        let mut whole = FlushReport { sent: 0, errors: std::mem::take(&mut self.refused) };
        let (slots, ports) = (&self.slots, &self.ports);
        let message = |index: usize| {
            let slot: Option<&Slot> = slots.get(index);
            let port =
                slot.and_then(|slot| ports.get(usize::from(slot.meta.port.0)).map(|p| (slot, p)));
            port.map(|(slot, port)| slot.message(port.batch.buffer(slot.buffer)))
                .unwrap_or_default()
        };
        for (out, (port, stats)) in ports.iter().zip(&mut self.stats).enumerate() {
            if !self.outgoing.has_pending(out) {
                continue;
            }
            let report = self.outgoing.send(out, port.socket(), message);
            stats.sent += u64::from(report.sent);
            stats.tx_errors += u64::from(report.errors);
            whole.sent += report.sent;
            whole.errors += report.errors;
        }
        self.outgoing.forget_copies();
        whole
    }

    fn stats(&mut self) -> &[PortStats] {
        self.count_all_drops();
        &self.stats
    }
}

impl Inject for AfPacket {
    fn inject(&mut self, out: PortId, frame: &Frame<'_>) {
        if is_sendable(frame) && self.outgoing.push_copy(usize::from(out.0), frame) {
            return;
        }
        refuse(&mut self.stats, &mut self.refused, out);
    }
}

fn check_names(names: &[&str]) -> Result<(), OpenError> {
    if names.is_empty() || names.len() > usize::from(u8::MAX) {
        return Err(OpenError::PortCount(names.len()));
    }
    let twice =
        names.iter().enumerate().find(|(i, name)| names.iter().take(*i).any(|n| n == *name));
    match twice {
        Some((_, name)) => Err(OpenError::Duplicate { port: (*name).to_owned() }),
        None => Ok(()),
    }
}

fn open_port(
    name: &str,
    settings: Settings,
    warnings: &mut Vec<String>,
) -> Result<(Port, PortInfo), OpenError> {
    let port = || name.to_owned();
    let refused = |(doing, error)| OpenError::Io { port: port(), doing, error };
    let link = netlink::link_by_name(name).map_err(|error| refused(("look it up", error)))?;
    let link = link.ok_or_else(|| OpenError::NoInterface { port: port() })?;
    if !link.is_ethernet() {
        return Err(OpenError::NotEthernet { port: port() });
    }
    let opened = Port::open(&link, settings, warnings).map_err(refused)?;
    Ok((opened, info_of(&link)))
}

/// Receives a batch, passing over frames that the kernel cannot represent: they are gone, and counted.
fn receive_readable(port: &mut Port, stats: &mut PortStats, tries: usize) -> usize {
    for _ in 0..tries.max(1) {
        match port.receive() {
            Ok(received) => return received,
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => stats.unreadable += 1,
            // Nothing there, or ENETDOWN once when the link goes down: the links tell more.
            Err(_) => return 0,
        }
    }
    0
}

/// Returns whether the segments of a superframe fit the MTU, which the kernel does not check.
fn fits_segments(frame: &Frame<'_>, mtu: u32) -> bool {
    match (frame.meta.gso, frame.meta.csum) {
        (Some(gso), Csum::Partial { .. }) => {
            u32::from(gso.hdr_len) + u32::from(gso.size) <= mtu.saturating_add(LINK_HEADER)
        }
        _ => true,
    }
}

/// Completes an SCTP checksum in the frame's own buffer. Returns whether that was possible.
fn complete_sctp(slot: &mut Slot, port: &mut Port) -> bool {
    let (Csum::Partial { start, .. }, None) = (slot.meta.csum, slot.meta.gso) else { return false };
    let message = slot.message_mut(port.batch.buffer_mut(slot.buffer));
    let Some((header, frame)) = message.split_first_chunk_mut() else { return false };
    if sctp::complete(frame, start).is_none() {
        return false;
    }
    *header = VnetHeader::read(*header).with_complete_checksum().bytes();
    slot.meta.csum = Csum::Complete;
    true
}

/// Counts a frame that is not sent.
fn refuse(stats: &mut [PortStats], refused: &mut u32, out: PortId) {
    *refused += 1;
    if let Some(stats) = stats.get_mut(usize::from(out.0)) {
        stats.tx_errors += 1;
    }
}
