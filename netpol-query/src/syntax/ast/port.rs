//! Ports as they are asked for.

use std::fmt;

use netpol_core::model::Protocol;

use super::commas;
use crate::syntax::span::Spanned;

/// What follows `on`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ports {
    /// At least one.
    pub items: Vec<Spanned<PortItem>>,
}

/// One item. A number without a protocol has that of the item before it, else TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortItem {
    /// Every port of every protocol.
    Any,
    /// Every port of one protocol.
    Protocol(Protocol),
    /// Ports by number, both ends included.
    Range(Protocol, u16, u16),
    /// A name that the destination's containers declare.
    Name(String),
    /// `$name`.
    Variable(String),
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        commas(f, &self.items)
    }
}

impl fmt::Display for PortItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |p: &Protocol| p.as_str().to_ascii_lowercase();
        match self {
            Self::Any => f.write_str("any"),
            Self::Protocol(protocol) => f.write_str(&word(protocol)),
            Self::Range(protocol, from, to) if from == to => {
                write!(f, "{}/{from}", word(protocol))
            }
            Self::Range(protocol, from, to) => write!(f, "{}/{from}-{to}", word(protocol)),
            Self::Name(name) => f.write_str(name),
            Self::Variable(name) => write!(f, "${name}"),
        }
    }
}
