//! System calls behind safe functions: descriptors that own themselves, batches that own their buffers.
//!
//! The only file with unsafe code. It knows no policy and no packet: bytes, lengths, descriptors. Sources: `packet(7)`,
//! `recvmmsg(2)`, `sendmmsg(2)`, `netlink(7)`, `capabilities(7)`, `linux/if_packet.h`.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::ptr;

use libc::{c_int, c_void, socklen_t};

/// Opens a packet socket that receives nothing until it is bound: its protocol is 0 (`packet(7)`).
pub(crate) fn packet_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointer is passed.
    owned(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })
}

/// Opens a socket to the kernel's link and address tables, subscribed to groups (`RTMGRP_…`).
///
/// It is connected to the kernel, so that no other process can put messages into it. With groups it does not block.
pub(crate) fn route_socket(groups: u32) -> io::Result<OwnedFd> {
    let blocking = if groups == 0 { 0 } else { libc::SOCK_NONBLOCK };
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | blocking;
    // SAFETY: no pointer is passed.
    let socket = owned(unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) })?;
    // SAFETY: every field is an integer, for which zero is a value.
    let mut address: libc::sockaddr_nl = unsafe { mem::zeroed() };
    address.nl_family = family(libc::AF_NETLINK);
    address.nl_groups = groups;
    let length = length_of::<libc::sockaddr_nl>();
    let raw = socket.as_raw_fd();
    // SAFETY: the address lives through the call and the length is its size.
    done(unsafe { libc::bind(raw, ptr::from_ref(&address).cast(), length) })?;
    address.nl_groups = 0;
    // SAFETY: as above.
    done(unsafe { libc::connect(raw, ptr::from_ref(&address).cast(), length) })?;
    Ok(socket)
}

/// Binds a packet socket to an interface and a protocol (`ETH_P_…`): from now on frames arrive.
pub(crate) fn bind_packet(socket: BorrowedFd<'_>, ifindex: i32, protocol: u16) -> io::Result<()> {
    // SAFETY: every field is an integer or an array of them, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = family(libc::AF_PACKET);
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = ifindex;
    let length = length_of::<libc::sockaddr_ll>();
    // SAFETY: the address lives through the call and the length is its size.
    done(unsafe { libc::bind(socket.as_raw_fd(), ptr::from_ref(&address).cast(), length) })
}

/// Sets an option whose value is a number.
pub(crate) fn set_option(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    value: c_int,
) -> io::Result<()> {
    let (value, length) = (ptr::from_ref(&value), length_of::<c_int>());
    // SAFETY: the value lives through the call and the length is its size.
    done(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.cast(), length) })
}

/// Returns an option whose value is a number.
pub(crate) fn option(socket: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut length = length_of::<c_int>();
    let (to, room) = (ptr::from_mut(&mut value).cast(), ptr::from_mut(&mut length));
    // SAFETY: both live through the call; the length is the size of the value.
    done(unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, to, room) })?;
    Ok(value)
}

/// Makes the interface take frames for every address as long as the socket is open (`PACKET_ADD_MEMBERSHIP`).
pub(crate) fn join_promiscuous(socket: BorrowedFd<'_>, ifindex: i32) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: ifindex,
        mr_type: u16::try_from(libc::PACKET_MR_PROMISC).unwrap_or_default(),
        mr_alen: 0,
        mr_address: [0; 8],
    };
    let name = libc::PACKET_ADD_MEMBERSHIP;
    let (value, length) = (ptr::from_ref(&request), length_of::<libc::packet_mreq>());
    // SAFETY: the request lives through the call and the length is its size.
    done(unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, name, value.cast(), length)
    })
}

/// Returns how many frames the kernel dropped for want of room since it was last asked: asking clears the count.
pub(crate) fn take_drops(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // `tpacket_stats`: tp_packets, which includes the drops, and tp_drops.
    let mut stats = [0_u32; 2];
    let mut length = length_of::<[u32; 2]>();
    let (to, room) = (ptr::from_mut(&mut stats).cast(), ptr::from_mut(&mut length));
    let name = libc::PACKET_STATISTICS;
    // SAFETY: both live through the call; the length is the size of the value.
    done(unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_PACKET, name, to, room) })?;
    Ok(stats[1])
}

/// Waits until a descriptor is ready, at most for so many milliseconds; negative descriptors are passed over.
///
/// Returns how many are ready.
pub(crate) fn poll(entries: &mut [libc::pollfd], timeout_ms: c_int) -> io::Result<usize> {
    let count = libc::nfds_t::try_from(entries.len()).unwrap_or_default();
    // SAFETY: the pointer is to so many entries, which nobody else holds.
    let ready = unsafe { libc::poll(entries.as_mut_ptr(), count, timeout_ms) };
    counted(ready)
}

/// Sends a message on a connected socket.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    let (from, length) = (bytes.as_ptr().cast::<c_void>(), bytes.len());
    // SAFETY: the pointer is to so many bytes.
    let sent = unsafe { libc::send(socket.as_raw_fd(), from, length, 0) };
    counted(sent).map(drop)
}

/// Receives a message and returns its true length, which is more than the buffer's when it was cut.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let (to, room) = (buffer.as_mut_ptr().cast::<c_void>(), buffer.len());
    // SAFETY: the pointer is to so many bytes, which nobody else holds.
    let length = unsafe { libc::recv(socket.as_raw_fd(), to, room, libc::MSG_TRUNC) };
    counted(length)
}

/// What the kernel says of a frame beside its bytes: `tpacket_auxdata`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aux {
    /// Bits `TP_STATUS_…`.
    pub(crate) status: u32,
    /// The length of the frame when it came, without the tag that was taken off.
    pub(crate) length: u32,
    /// The tag that was taken off.
    pub(crate) vlan_tci: u16,
    /// Its protocol.
    pub(crate) vlan_tpid: u16,
}

/// A message that was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    /// Its true length, which is more than the room when it was cut.
    pub(crate) length: usize,
    /// `PACKET_HOST` and the like.
    pub(crate) packet_type: u8,
    /// What stands beside it; nothing if the kernel gave no such thing.
    pub(crate) aux: Option<Aux>,
}

/// Room for control messages: one auxiliary datum is 36 bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 64]);

/// Buffers for messages that are received together.
pub(crate) struct ReceiveBatch {
    /// Bytes of each buffer.
    stride: usize,
    /// Where in its buffer a message begins.
    start: usize,
    arena: Box<[u8]>,
    control: Box<[Control]>,
    names: Box<[libc::sockaddr_ll]>,
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
}

// SAFETY: the pointers in `vectors` and `headers` are to the other fields, are made anew before each call and are not
// used after it.
unsafe impl Send for ReceiveBatch {}

impl std::fmt::Debug for ReceiveBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiveBatch")
            .field("capacity", &self.headers.len())
            .finish_non_exhaustive()
    }
}

impl ReceiveBatch {
    /// Makes `capacity` buffers of `stride` bytes, in which messages begin at `start`.
    pub(crate) fn new(capacity: usize, stride: usize, start: usize) -> Self {
        Self {
            stride,
            start,
            arena: vec![0; capacity * stride].into_boxed_slice(),
            control: vec![Control([0; 64]); capacity].into_boxed_slice(),
            names: zeroed_names(capacity),
            vectors: vec![no_vector(); capacity].into_boxed_slice(),
            headers: vec![zeroed_header(); capacity].into_boxed_slice(),
        }
    }

    /// Receives what is there, without waiting, and returns how many messages that is.
    ///
    /// What was received before is gone.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.prepare();
        let count = u32::try_from(self.headers.len()).unwrap_or_default();
        let (raw, to) = (socket.as_raw_fd(), self.headers.as_mut_ptr());
        // The type of the flags is not the same in every C library.
        let flags = (libc::MSG_DONTWAIT | libc::MSG_TRUNC) as _;
        // SAFETY: `prepare` has just made so many headers point to buffers, names and control messages of the lengths
        // they state; all are owned by `self`, which nobody else holds.
        let received = unsafe { libc::recvmmsg(raw, to, count, flags, ptr::null_mut()) };
        counted(received)
    }

    /// Returns a message of the last call.
    pub(crate) fn message(&self, index: usize) -> Option<Message> {
        let header = self.headers.get(index)?;
        let length = usize::try_from(header.msg_len).ok()?;
        let packet_type = self.names.get(index)?.sll_pkttype;
        // The type is not the same in every C library.
        let used: usize = header.msg_hdr.msg_controllen as _;
        let control = self.control.get(index)?;
        let aux = control.0.get(..used).and_then(find_aux);
        Some(Message { length, packet_type, aux })
    }

    /// Returns a whole buffer, its headroom included.
    pub(crate) fn buffer(&self, index: usize) -> &[u8] {
        let start = index * self.stride;
        self.arena.get(start..start + self.stride).unwrap_or_default()
    }

    /// Returns a whole buffer, to be written to.
    pub(crate) fn buffer_mut(&mut self, index: usize) -> &mut [u8] {
        let start = index * self.stride;
        self.arena.get_mut(start..start + self.stride).unwrap_or_default()
    }

    /// Points every header to its buffer and sets what the last call has written over.
    fn prepare(&mut self) {
        let buffers = self.arena.chunks_exact_mut(self.stride);
        let beside = self.control.iter_mut().zip(&mut self.names);
        let heads = self.vectors.iter_mut().zip(&mut self.headers);
        for ((buffer, (control, name)), (vector, header)) in buffers.zip(beside).zip(heads) {
            let room = buffer.get_mut(self.start..).unwrap_or_default();
            *vector = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
            header.msg_len = 0;
            let message = &mut header.msg_hdr;
            message.msg_name = ptr::from_mut(name).cast();
            message.msg_namelen = length_of::<libc::sockaddr_ll>();
            message.msg_iov = vector;
            message.msg_iovlen = 1;
            message.msg_control = control.0.as_mut_ptr().cast();
            // The type is not the same in every C library.
            message.msg_controllen = control.0.len() as _;
            message.msg_flags = 0;
        }
    }
}

/// Headers for messages that are sent together.
pub(crate) struct SendBatch {
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
}

// SAFETY: the pointers are made anew in each call and are not used after it.
unsafe impl Send for SendBatch {}

impl std::fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendBatch").field("capacity", &self.headers.len()).finish_non_exhaustive()
    }
}

impl SendBatch {
    /// Makes headers for so many messages.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            vectors: vec![no_vector(); capacity].into_boxed_slice(),
            headers: vec![zeroed_header(); capacity].into_boxed_slice(),
        }
    }

    /// Sends messages, as many as there are headers, and returns how many were sent.
    ///
    /// # Errors
    ///
    /// Of the first message; an error of a later one ends the call, and is returned for it when it is sent again.
    pub(crate) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        messages: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<usize> {
        let mut count = 0;
        let heads = self.vectors.iter_mut().zip(&mut self.headers);
        for ((vector, header), bytes) in heads.zip(messages) {
            *vector =
                libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            count += 1;
        }
        let (raw, from) = (socket.as_raw_fd(), self.headers.as_mut_ptr());
        // The type of the flags is not the same in every C library.
        let flags = libc::MSG_DONTWAIT as _;
        // SAFETY: `count` headers point to bytes that live through the call, which only reads them; names and control
        // messages are absent.
        let sent = unsafe { libc::sendmmsg(raw, from, count, flags) };
        counted(sent)
    }
}

/// Forbids this thread and what it starts to gain privileges (`PR_SET_NO_NEW_PRIVS`).
pub(crate) fn forbid_new_privileges() -> io::Result<()> {
    // SAFETY: no pointer is passed.
    done(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
}

/// Takes a capability out of the bounding set of this thread.
///
/// # Errors
///
/// EINVAL behind the last capability that the kernel knows, EPERM without `CAP_SETPCAP`.
pub(crate) fn drop_from_bounding_set(capability: u32) -> io::Result<()> {
    let capability = libc::c_ulong::from(capability);
    // SAFETY: no pointer is passed.
    done(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) })
}

/// Empties the ambient set of this thread.
pub(crate) fn clear_ambient_set() -> io::Result<()> {
    let clear = libc::PR_CAP_AMBIENT_CLEAR_ALL;
    // SAFETY: no pointer is passed.
    done(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, clear, 0, 0, 0) })
}

/// The version of the capability interface with 64 bits (`_LINUX_CAPABILITY_VERSION_3`).
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// `__user_cap_header_struct`, for the calling thread.
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

/// Effective, permitted and inheritable capabilities, the low 32 of each and then the high 32
/// (`__user_cap_data_struct`).
type CapabilitySets = [[u32; 3]; 2];

/// Returns the effective capabilities of this thread, one bit each.
pub(crate) fn effective_capabilities() -> io::Result<u64> {
    let mut header = CapabilityHeader { version: CAPABILITY_VERSION_3, pid: 0 };
    let mut sets: CapabilitySets = [[0; 3]; 2];
    let (head, to) = (ptr::from_mut(&mut header), ptr::from_mut(&mut sets));
    // SAFETY: both live through the call and have the layout of this version.
    let result = unsafe { libc::syscall(libc::SYS_capget, head, to) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::from(sets[0][0]) | u64::from(sets[1][0]) << 32)
}

/// Sets the effective and permitted capabilities of this thread, one bit each; the inheritable ones are emptied.
pub(crate) fn set_capabilities(kept: u64) -> io::Result<()> {
    let header = CapabilityHeader { version: CAPABILITY_VERSION_3, pid: 0 };
    let low = u32::try_from(kept & u64::from(u32::MAX)).unwrap_or_default();
    let high = u32::try_from(kept >> 32).unwrap_or_default();
    let sets: CapabilitySets = [[low, low, 0], [high, high, 0]];
    let (head, from) = (ptr::from_ref(&header), ptr::from_ref(&sets));
    // SAFETY: both live through the call and have the layout of this version.
    let result = unsafe { libc::syscall(libc::SYS_capset, head, from) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Returns the auxiliary datum among control messages: walks them as `cmsg(3)` does, by length, level and type.
fn find_aux(control: &[u8]) -> Option<Aux> {
    const HEADER: usize = size_of::<usize>() + 2 * size_of::<c_int>();
    let mut rest = control;
    loop {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::from_ne_bytes(*length);
        let (level, after) = after.split_first_chunk()?;
        let (kind, _) = after.split_first_chunk()?;
        let wanted = (libc::SOL_PACKET, libc::PACKET_AUXDATA);
        if (c_int::from_ne_bytes(*level), c_int::from_ne_bytes(*kind)) == wanted {
            return parse_aux(rest.get(HEADER..length)?);
        }
        // A length below the header's would never end.
        rest = rest.get(length.max(HEADER).checked_next_multiple_of(size_of::<usize>())?..)?;
    }
}

/// Reads `tpacket_auxdata`: status, length, captured length, two offsets, tag, tag protocol.
fn parse_aux(bytes: &[u8]) -> Option<Aux> {
    let (status, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (vlan_tci, rest) = rest.get(8..)?.split_first_chunk()?;
    let (vlan_tpid, _) = rest.split_first_chunk()?;
    Some(Aux {
        status: u32::from_ne_bytes(*status),
        length: u32::from_ne_bytes(*length),
        vlan_tci: u16::from_ne_bytes(*vlan_tci),
        vlan_tpid: u16::from_ne_bytes(*vlan_tpid),
    })
}

fn zeroed_names(count: usize) -> Box<[libc::sockaddr_ll]> {
    // SAFETY: every field is an integer or an array of them, for which zero is a value.
    vec![unsafe { MaybeUninit::<libc::sockaddr_ll>::zeroed().assume_init() }; count]
        .into_boxed_slice()
}

fn zeroed_header() -> libc::mmsghdr {
    // SAFETY: every field is an integer or a pointer, for which zero is a value.
    unsafe { MaybeUninit::<libc::mmsghdr>::zeroed().assume_init() }
}

fn no_vector() -> libc::iovec {
    libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }
}

fn owned(raw: c_int) -> io::Result<OwnedFd> {
    done(raw)?;
    // SAFETY: the kernel has just returned it, so it is open and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Returns the count that a call has returned; a negative one says that it failed.
fn counted(result: impl TryInto<usize>) -> io::Result<usize> {
    result.try_into().map_err(|_negative| io::Error::last_os_error())
}

fn done(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn family(number: c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(number).unwrap_or_default()
}

fn length_of<T>() -> socklen_t {
    socklen_t::try_from(size_of::<T>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Aux, Control, find_aux};

    fn control_message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (16 + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn aux_bytes() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend([1_u32, 60, 60].iter().flat_map(|n| n.to_ne_bytes()));
        bytes.extend([0_u16, 14, 7, 0x88a8].iter().flat_map(|n| n.to_ne_bytes()));
        bytes
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn the_auxiliary_datum_is_found_behind_another_message() {
        let mut bytes = control_message(1, 29, &[0; 13]);
        bytes.extend(control_message(libc::SOL_PACKET, libc::PACKET_AUXDATA, &aux_bytes()));
        let aux = Aux { status: 1, length: 60, vlan_tci: 7, vlan_tpid: 0x88a8 };
        assert_eq!(find_aux(&bytes), Some(aux));
    }

    #[test]
    fn lengths_that_lie_end_the_walk() {
        assert_eq!(find_aux(&[]), None);
        assert_eq!(find_aux(&[0; 64]), None);
        assert_eq!(find_aux(&[0xff; 64]), None);
        let message = control_message(libc::SOL_PACKET, libc::PACKET_AUXDATA, &aux_bytes());
        for length in 0..16 {
            assert_eq!(find_aux(&message[..length]), None);
        }
    }

    #[test]
    fn there_is_room_for_the_auxiliary_datum() {
        assert!(size_of::<Control>() >= 16 + 20);
    }
}
