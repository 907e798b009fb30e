//! What is on its way out: frames at hand and copies, port by port, sent in batches.
//!
//! A batch ends at the first frame that is refused; that frame alone is counted and passed over.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use super::sys::{self, SendBatch};
use super::vnet::{self, VnetHeader};
use crate::Frame;
use crate::device::FlushReport;

/// How long a full queue of the kernel may hold everything up, in milliseconds.
const PATIENCE_MS: i32 = 1;
/// How many copies may wait: beyond that the caller has forgotten to flush.
const MOST_COPIES: usize = 1024;

/// Where the bytes of a frame are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// Among the frames at hand.
    AtHand(usize),
    /// Among the copies.
    Copy(usize),
}

/// What is on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    queues: Vec<Vec<Origin>>,
    copies: Copies,
    batch: SendBatch,
}

/// Copies of frames that did not come in here; their room is kept.
#[derive(Debug, Default)]
struct Copies {
    messages: Vec<Vec<u8>>,
    used: usize,
}

impl Outgoing {
    /// Makes an empty queue for each port.
    pub(super) fn new(ports: usize, batch: usize) -> Self {
        let queues = (0..ports).map(|_| Vec::with_capacity(ports * batch)).collect();
        Self { queues, copies: Copies::default(), batch: SendBatch::new(batch) }
    }

    /// Puts a frame at hand into the queue of a port. Returns whether there is such a port.
    pub(super) fn push(&mut self, out: usize, index: usize) -> bool {
        self.queue(out, Origin::AtHand(index))
    }

    /// Puts a copy of a frame into the queue of a port. Returns whether there is such a port, and room.
    pub(super) fn push_copy(&mut self, out: usize, frame: &Frame<'_>) -> bool {
        let index = self.copies.used;
        if index >= MOST_COPIES || !self.queue(out, Origin::Copy(index)) {
            return false;
        }
        self.copies.push(frame);
        true
    }

    /// Returns whether something is queued for a port.
    pub(super) fn has_pending(&self, out: usize) -> bool {
        self.queues.get(out).is_some_and(|queue| !queue.is_empty())
    }

    /// Returns whether something is queued at all.
    pub(super) fn is_pending(&self) -> bool {
        self.queues.iter().any(|queue| !queue.is_empty())
    }

    /// Sends what is queued for a port, and empties its queue.
    pub(super) fn send<'s, 'a: 's>(
        &'s mut self,
        out: usize,
        socket: Option<BorrowedFd<'_>>,
        at_hand: impl Fn(usize) -> &'a [u8],
    ) -> FlushReport {
        let Some(queue) = self.queues.get_mut(out) else { return FlushReport::default() };
        let report = match socket {
            Some(socket) => {
                let copies = &self.copies;
                let bytes = |origin: &Origin| match *origin {
                    Origin::AtHand(index) => at_hand(index),
                    Origin::Copy(index) => copies.message(index),
                };
                send_all(&mut self.batch, socket, queue, bytes)
            }
            None => FlushReport { sent: 0, errors: count(queue.len()) },
        };
        queue.clear();
        report
    }

    /// Forgets the copies, which were sent.
    pub(super) fn forget_copies(&mut self) {
        self.copies.used = 0;
    }

    fn queue(&mut self, out: usize, origin: Origin) -> bool {
        let queue = self.queues.get_mut(out);
        queue.map(|queue| queue.push(origin)).is_some()
    }
}

impl Copies {
    fn push(&mut self, frame: &Frame<'_>) {
        if self.used == self.messages.len() {
            self.messages.push(Vec::new());
        }
        if let Some(message) = self.messages.get_mut(self.used) {
            message.clear();
            message.reserve(vnet::LENGTH + frame.bytes.len());
            message.extend(VnetHeader::of(frame.meta.csum, frame.meta.gso).bytes());
            message.extend(frame.bytes);
            self.used += 1;
        }
    }

    fn message(&self, index: usize) -> &[u8] {
        self.messages.get(index).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Sends messages in batches.
///
/// A queue of the kernel that is full is waited for once; an error is one of the first message that was not sent.
fn send_all<'a>(
    batch: &mut SendBatch,
    socket: BorrowedFd<'_>,
    queue: &[Origin],
    bytes: impl Fn(&Origin) -> &'a [u8],
) -> FlushReport {
    let mut report = FlushReport::default();
    let mut has_waited = false;
    let mut rest = queue;
    while !rest.is_empty() {
        let passed = match batch.send(socket, rest.iter().map(&bytes)) {
            Ok(sent) if sent > 0 => {
                report.sent += count(sent);
                sent
            }
            Err(error) if is_full(&error) && !has_waited => {
                has_waited = true;
                wait_for_room(socket);
                continue;
            }
            Ok(_) | Err(_) => {
                report.errors += 1;
                1
            }
        };
        rest = rest.get(passed..).unwrap_or_default();
    }
    report
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EAGAIN))
}

/// Waits a little; whether it helped is seen on sending.
fn wait_for_room(socket: BorrowedFd<'_>) {
    let mut entry = [libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 }];
    drop(sys::poll(&mut entry, PATIENCE_MS));
}

fn count(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}
