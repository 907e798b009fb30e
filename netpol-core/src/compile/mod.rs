//! Policies of every family into one [`Program`] of stages; the only place where the API's defaults are applied.

mod address_classes;
mod chunked;
mod grown;
mod peers;
mod ports;
mod profiles;
mod program;
mod stages;
mod update;

pub(crate) use address_classes::{
    AddressClasses, address as address_of, number as address_number, pieces,
};
pub(crate) use peers::{AddressTerm, PeerSet, TermKind};
pub(crate) use ports::{PortKey, PortMatch, port_key};
pub(crate) use profiles::{Profile, ProfileId, StageProfile};
pub(crate) use program::{ADMIN, BASELINE, DirectionProgram, NETWORK, Program, effective_types};
pub(crate) use stages::{CompiledPolicy, Rule, Stage, Unmatched};
