//! One interface: its packet socket, opened in the order that lets nothing in unprepared.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use super::netlink::Link;
use super::slot;
use super::sys::{self, ReceiveBatch};
use crate::device::PortInfo;

/// Every protocol (`ETH_P_ALL`).
const ETH_P_ALL: u16 = 3;

/// A buffer of a socket and how it is sized (`socket(7)`).
struct Buffer {
    what: &'static str,
    option: libc::c_int,
    /// Goes beyond the limit, with `CAP_NET_ADMIN` in the first user namespace.
    forced: libc::c_int,
    limit: &'static str,
}

const BUFFERS: [Buffer; 2] = [
    Buffer {
        what: "receive buffer",
        option: libc::SO_RCVBUF,
        forced: libc::SO_RCVBUFFORCE,
        limit: "net.core.rmem_max",
    },
    Buffer {
        what: "send buffer",
        option: libc::SO_SNDBUF,
        forced: libc::SO_SNDBUFFORCE,
        limit: "net.core.wmem_max",
    },
];

/// How each socket is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Messages in one system call.
    pub(super) batch: usize,
    /// Bytes of both buffers.
    pub(super) buffer: usize,
    /// Frames for every address.
    pub(super) promiscuous: bool,
}

/// What was refused, and by which error.
pub(super) type Refused = (&'static str, io::Error);

/// A port and its socket.
#[derive(Debug)]
pub(super) struct Port {
    /// The number of the interface, as long as the socket is open.
    pub(super) index: i32,
    /// Nothing while the interface is away, or not admitted.
    socket: Option<OwnedFd>,
    /// Whether it was switched on when it was last told.
    pub(super) is_up: bool,
    /// Its interface as it was last told.
    pub(super) told: Link,
    /// What it receives.
    pub(super) batch: ReceiveBatch,
    /// The last warning about it.
    pub(super) said: String,
}

impl Port {
    /// Opens a port on an interface.
    pub(super) fn open(
        link: &Link,
        settings: Settings,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Refused> {
        let socket = open_socket(link, settings, warnings)?;
        let batch = ReceiveBatch::new(settings.batch, slot::STRIDE, slot::MESSAGE_START);
        let (index, is_up, told) = (link.index, link.is_up(), link.clone());
        Ok(Self { index, socket: Some(socket), is_up, told, batch, said: String::new() })
    }

    /// Opens it again, on an interface that was made anew, or is admitted again.
    pub(super) fn reopen(
        &mut self,
        link: &Link,
        settings: Settings,
        warnings: &mut Vec<String>,
    ) -> Result<(), Refused> {
        self.socket = Some(open_socket(link, settings, warnings)?);
        (self.index, self.is_up, self.told) = (link.index, link.is_up(), link.clone());
        self.said.clear();
        Ok(())
    }

    /// Closes it, until its interface is there and admitted again.
    pub(super) fn close(&mut self) {
        self.socket = None;
        self.is_up = false;
    }

    /// Returns its socket; nothing while the interface is away.
    pub(super) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(OwnedFd::as_fd)
    }

    /// Returns the number of its socket for `poll(2)`, which passes a negative one over.
    pub(super) fn raw(&self) -> i32 {
        self.socket.as_ref().map_or(-1, OwnedFd::as_raw_fd)
    }

    /// Receives what is there; nothing while the interface is away.
    pub(super) fn receive(&mut self) -> io::Result<usize> {
        match &self.socket {
            Some(socket) => self.batch.receive(socket.as_fd()),
            None => Ok(0),
        }
    }
}

/// Returns what is told of a port.
pub(super) fn info_of(link: &Link) -> PortInfo {
    PortInfo { name: link.name.clone(), mtu: link.mtu, mac: link.mac }
}

/// Opens a socket that receives what comes in by an interface, from now on and with nothing missing.
fn open_socket(
    link: &Link,
    settings: Settings,
    warnings: &mut Vec<String>,
) -> Result<OwnedFd, Refused> {
    let owned = sys::packet_socket().map_err(doing("open a packet socket (needs CAP_NET_RAW)"))?;
    let socket = owned.as_fd();
    let set = |name| sys::set_option(socket, libc::SOL_PACKET, name, 1);
    // Without it every checksum that the sender left to its hardware arrives wrong.
    set(libc::PACKET_VNET_HDR).map_err(doing("ask for the vnet header"))?;
    // Without it what is sent comes back, and is sent again for ever.
    set(libc::PACKET_IGNORE_OUTGOING).map_err(doing("leave out what goes out (Linux 4.20)"))?;
    // Without it a VLAN tag is lost.
    set(libc::PACKET_AUXDATA).map_err(doing("ask for auxiliary data"))?;
    for buffer in &BUFFERS {
        warnings.extend(size_buffer(socket, buffer, settings.buffer, &link.name));
    }
    if settings.promiscuous {
        sys::join_promiscuous(socket, link.index).map_err(doing("become promiscuous"))?;
    }
    sys::bind_packet(socket, link.index, ETH_P_ALL).map_err(doing("bind"))?;
    Ok(owned)
}

/// Sets the size of a buffer and returns a warning if the kernel gave less.
fn size_buffer(
    socket: BorrowedFd<'_>,
    buffer: &Buffer,
    bytes: usize,
    port: &str,
) -> Option<String> {
    let asked = i32::try_from(bytes).unwrap_or(i32::MAX / 2);
    let is_given = |option| {
        let set = sys::set_option(socket, libc::SOL_SOCKET, option, asked);
        set.is_ok() && given(socket, buffer.option) >= i64::from(asked)
    };
    if is_given(buffer.option) || is_given(buffer.forced) {
        return None;
    }
    let (what, limit, bytes) = (buffer.what, buffer.limit, given(socket, buffer.option));
    Some(format!(
        "interface `{port}`: the {what} has {bytes} bytes instead of {asked}, frames will be lost under load: sysctl -w \
         {limit}={asked}"
    ))
}

/// Returns the bytes that a buffer holds: the kernel says twice as many, the other half is for its own use.
fn given(socket: BorrowedFd<'_>, name: libc::c_int) -> i64 {
    sys::option(socket, libc::SOL_SOCKET, name).map_or(0, |bytes| i64::from(bytes) / 2)
}

fn doing(what: &'static str) -> impl FnOnce(io::Error) -> Refused {
    move |error| (what, error)
}
