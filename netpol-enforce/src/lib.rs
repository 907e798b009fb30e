//! Network policies on real frames: what arrives on one port is judged and leaves on the other, or is dropped with a
//! reason.
//!
//! [`wire`] reads frames, [`flow`] remembers connections, [`device`] brings frames in and out. Nothing that cannot be
//! read, looked up or stored is forwarded. On Linux `afpacket` is the device on real interfaces, and `preflight` looks
//! for what would make it pointless.

#[cfg(target_os = "linux")]
pub mod afpacket;
pub mod binding;
pub mod device;
pub mod drop_log;
pub mod flow;
pub mod forwarder;
mod frame;
pub mod metrics;
mod owners;
pub mod pipeline;
pub mod policies;
#[cfg(target_os = "linux")]
pub mod preflight;
mod reason;
pub mod replay;
pub mod report;
pub mod wire;

pub use crate::frame::{Csum, Frame, FrameMeta, Gso, GsoKind, PortId, Tick, Vlan};
pub use crate::reason::DropReason;
