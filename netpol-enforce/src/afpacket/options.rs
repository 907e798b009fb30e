//! How ports are opened, and why they cannot be.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use crate::Tick;

/// Returns the present moment.
pub type Clock = Box<dyn Fn() -> Tick + Send>;

/// Decides whether an interface that was changed or made anew may be a port: its name, and the names of all ports.
///
/// It is asked for every port when something changes on one of them. The text of a refusal becomes a warning.
pub type Admission = Box<dyn FnMut(&str, &[&str]) -> Result<(), String> + Send>;

/// How ports are opened.
pub struct OpenOptions {
    /// How many frames are received, and sent, in one system call.
    pub batch: usize,
    /// Bytes of the receive and of the send buffer of each port, before the kernel doubles them.
    pub receive_buffer: usize,
    /// Whether ports take frames for every address, as they must where pods answer to their own.
    pub promiscuous: bool,
    /// The moment that frames are stamped with.
    pub clock: Clock,
    /// Whether an interface that was changed, or deleted and made anew, is used on.
    pub admission: Admission,
    /// The read end of a pipe or an `eventfd`: what is written there ends a wait, and is read away.
    pub wake: Option<OwnedFd>,
}

impl OpenOptions {
    /// How many frames are received in one system call, unless said otherwise.
    pub const BATCH: usize = 32;
    /// Bytes of the receive buffer, unless said otherwise: with the kernel's own 212 992 a seventh of the frames was lost.
    pub const RECEIVE_BUFFER: usize = 4 << 20;

    /// Returns the usual options, with a clock and with what decides on interfaces that change.
    pub fn new(clock: Clock, admission: Admission) -> Self {
        let (batch, receive_buffer) = (Self::BATCH, Self::RECEIVE_BUFFER);
        Self { batch, receive_buffer, promiscuous: true, clock, admission, wake: None }
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("batch", &self.batch)
            .field("receive_buffer", &self.receive_buffer)
            .field("promiscuous", &self.promiscuous)
            .field("wake", &self.wake)
            .finish_non_exhaustive()
    }
}

/// Why ports cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// No interface, or more than a port number can say.
    PortCount(usize),
    /// An interface is named twice.
    Duplicate {
        /// Its name.
        port: String,
    },
    /// There is no such interface in this network namespace.
    NoInterface {
        /// The name that was given.
        port: String,
    },
    /// It carries no Ethernet frames.
    NotEthernet {
        /// The name of the interface.
        port: String,
    },
    /// The operating system refused.
    Io {
        /// The name of the interface; empty where it is about all.
        port: String,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        error: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortCount(count) => write!(f, "{count} ports: from 1 to 255 can be opened"),
            Self::Duplicate { port } => write!(f, "interface `{port}` is named twice"),
            Self::NoInterface { port } => write!(f, "there is no interface `{port}`"),
            Self::NotEthernet { port } => write!(f, "interface `{port}` carries no Ethernet"),
            Self::Io { port, doing, error } if port.is_empty() => write!(f, "{doing}: {error}"),
            Self::Io { port, doing, error } => write!(f, "interface `{port}`: {doing}: {error}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
