//! Ports.

use netpol_core::model::Protocol;

use super::{Pair, Result, child, has, required, span, variable_name};
use crate::syntax::ast::{PortItem, Ports};
use crate::syntax::error::SyntaxError;
use crate::syntax::parser::Rule;
use crate::syntax::span::Spanned;

/// Builds what follows `on`.
pub(super) fn on(pair: &Pair<'_>) -> Result<Ports> {
    ports(&required(pair, Rule::ports)?)
}

/// Builds a list of ports: a number without a protocol has that of the item before it, else TCP.
pub(super) fn ports(pair: &Pair<'_>) -> Result<Ports> {
    let mut protocol = Protocol::Tcp;
    let mut items = Vec::new();
    for part in pair.clone().into_inner() {
        let item = match part.as_rule() {
            Rule::any_port => PortItem::Any,
            Rule::protocol_port => {
                protocol = protocol_of(&part)?;
                of_protocol(&part, protocol)?
            }
            Rule::port_range => range(&part, protocol)?,
            Rule::variable => PortItem::Variable(variable_name(&part)),
            Rule::port_name => name(&part)?,
            _ => continue,
        };
        items.push(Spanned::new(item, span(&part)));
    }
    Ok(Ports { items })
}

fn protocol_of(pair: &Pair<'_>) -> Result<Protocol> {
    let word = required(pair, Rule::protocol)?;
    super::word(&word, |w| w.to_ascii_uppercase().parse().ok())
}

fn of_protocol(pair: &Pair<'_>, protocol: Protocol) -> Result<PortItem> {
    if let Some(name) = child(pair, Rule::port_name) {
        let message = format!(
            "`{}`: a named port has the protocol that its container declares",
            pair.as_str()
        );
        let help = format!("write `on {}`", name.as_str());
        return Err(SyntaxError::new(span(pair), message).help(help));
    }
    match child(pair, Rule::port_range) {
        Some(numbers) => range(&numbers, protocol),
        None if has(pair, Rule::all_ports) => Ok(PortItem::Protocol(protocol)),
        None => Ok(PortItem::Protocol(protocol)),
    }
}

fn range(pair: &Pair<'_>, protocol: Protocol) -> Result<PortItem> {
    let text = pair.as_str();
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (port(pair, from)?, port(pair, to)?);
    if from > to {
        let message = format!("the range `{text}` ends before it begins");
        return Err(SyntaxError::new(span(pair), message).help(format!("write `{to}-{from}`")));
    }
    Ok(PortItem::Range(protocol, from, to))
}

fn port(pair: &Pair<'_>, text: &str) -> Result<u16> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
        SyntaxError::new(span(pair), format!("`{text}` is no port: ports are 1 to 65535"))
    })
}

fn name(pair: &Pair<'_>) -> Result<PortItem> {
    let text = pair.as_str();
    if text.len() > 15 {
        let message = format!("`{text}` is no port name: those have at most 15 characters");
        return Err(SyntaxError::new(span(pair), message));
    }
    Ok(PortItem::Name(text.to_owned()))
}
