//! Gives up what the datapath does not need once its ports are open.

use std::io;

use super::sys;

/// Capabilities of `linux/capability.h`.
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
/// No kernel knows one above (the sets have 64 bits).
const CAPABILITIES: u32 = 64;

/// What is kept beside `CAP_NET_RAW`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: a port can be opened again, and that is all.
    NetRaw,
    /// `CAP_NET_ADMIN`: the kernel's own path can be closed again for an interface that is made anew.
    NetRawAndAdmin,
}

impl Keep {
    fn bits(self) -> u64 {
        match self {
            Self::NetRaw => 1 << CAP_NET_RAW,
            Self::NetRawAndAdmin => 1 << CAP_NET_RAW | 1 << CAP_NET_ADMIN,
        }
    }
}

/// Drops every capability of the calling thread but those that are kept, and forbids it to gain any.
///
/// Threads started afterwards inherit this; those that run already do not, so call it before any is started, and after
/// the ports are open. Where `CAP_SETPCAP` is there the bounding set is emptied too (`capabilities(7)`, `prctl(2)`).
///
/// # Errors
///
/// When the kernel refuses, or does not do what it was asked.
pub fn drop_privileges(keep: Keep) -> io::Result<()> {
    let kept = keep.bits() & sys::effective_capabilities()?;
    sys::forbid_new_privileges()?;
    sys::clear_ambient_set()?;
    for capability in (0..CAPABILITIES).filter(|capability| kept >> capability & 1 == 0) {
        // EINVAL behind the last one that this kernel knows, EPERM without CAP_SETPCAP.
        if sys::drop_from_bounding_set(capability).is_err() {
            break;
        }
    }
    sys::set_capabilities(kept)?;
    if sys::effective_capabilities()? == kept {
        Ok(())
    } else {
        Err(io::Error::other("capabilities are left that were dropped"))
    }
}

/// Returns whether the calling thread may change the network (`CAP_NET_ADMIN`).
pub(crate) fn may_change_the_network() -> bool {
    sys::effective_capabilities().is_ok_and(|bits| bits >> CAP_NET_ADMIN & 1 == 1)
}
