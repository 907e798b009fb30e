//! Policies of every family into one [`Program`] of stages; the only place where the API's defaults are applied.

mod address_classes;
mod peers;
mod ports;
mod profiles;
mod program;
mod stages;

pub(crate) use address_classes::{AddressClasses, pieces};
pub(crate) use peers::{AddressTerm, PeerSet};
pub(crate) use ports::{PortKey, PortMatch, port_key};
pub(crate) use profiles::{Profile, ProfileId, StageProfile};
pub(crate) use program::{DirectionProgram, NETWORK, Program};
pub(crate) use stages::{CompiledPolicy, Rule, Stage, Unmatched};
