//! The ports of a rule: numbers, and names that each destination resolves for itself.

use crate::index::Mentions;
use crate::model::{AdminPort, NetworkPolicyPort, PortRange, PortReference, PortSet, Protocol};

/// A protocol and a port in one number, ordered by protocol.
pub(crate) type PortKey = u32;

/// A named port of a group: name number, protocol, port.
pub(crate) type NamedPort = (u32, Protocol, u16);

/// Makes the key of a port.
pub(crate) const fn port_key(protocol: Protocol, port: u16) -> PortKey {
    (protocol as u32) << 16 | port as u32
}

/// What a rule says about the destination port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PortMatch {
    /// The ports given by number.
    numbers: PortSet,
    /// The same as inclusive ranges of keys, for look-ups.
    keys: Box<[(PortKey, PortKey)]>,
    /// Names, with the protocol they need; `None` means any.
    names: Box<[(u32, Option<Protocol>)]>,
    /// Set where the rule says nothing about ports: it matches protocols without ports too.
    is_silent: bool,
}

impl PortMatch {
    fn new(numbers: PortSet, mut names: Vec<(u32, Option<Protocol>)>) -> Self {
        names.sort_unstable();
        names.dedup();
        let keys = numbers
            .ranges()
            .map(|r| (port_key(r.protocol, r.from), port_key(r.protocol, r.to)))
            .collect();
        Self { numbers, keys, names: names.into(), is_silent: false }
    }

    /// Every port of every protocol, and protocols without ports.
    pub(crate) fn all() -> Self {
        Self { is_silent: true, ..Self::new(PortSet::all(), Vec::new()) }
    }

    /// Compiles the `ports` of a NetworkPolicy rule; an absent protocol is TCP (networkpolicy-v1, section 2).
    pub(crate) fn of_network_policy(ports: &[NetworkPolicyPort], mentions: &Mentions) -> Self {
        if ports.is_empty() {
            return Self::all();
        }
        let (mut numbers, mut names) = (Vec::new(), Vec::new());
        for entry in ports {
            let protocol = entry.protocol.unwrap_or(Protocol::Tcp);
            match &entry.port {
                None => numbers.push(PortRange { protocol, from: 1, to: u16::MAX }),
                Some(PortReference::Number(n)) => {
                    numbers.push(PortRange { protocol, from: *n, to: *n });
                }
                Some(PortReference::Range(from, to)) => {
                    numbers.push(PortRange { protocol, from: *from, to: *to });
                }
                Some(PortReference::Name(name)) => {
                    names.extend(mentions.port_name(name).map(|n| (n, Some(protocol))));
                }
            }
        }
        Self::new(numbers.into_iter().collect(), names)
    }

    /// Compiles the ports of an admin rule; a name takes any protocol (admin-tiers, section 3).
    pub(crate) fn of_admin(ports: &[AdminPort], mentions: &Mentions) -> Self {
        if ports.is_empty() {
            return Self::all();
        }
        let (mut numbers, mut names) = (Vec::new(), Vec::new());
        for entry in ports {
            match entry {
                AdminPort::Number(protocol, n) => {
                    numbers.push(PortRange { protocol: *protocol, from: *n, to: *n });
                }
                AdminPort::Range(protocol, from, to) => {
                    numbers.push(PortRange { protocol: *protocol, from: *from, to: *to });
                }
                AdminPort::Name(name) => names.extend(mentions.port_name(name).map(|n| (n, None))),
            }
        }
        Self::new(numbers.into_iter().collect(), names)
    }

    /// Lists the ports given by number, as inclusive ranges.
    pub(crate) fn key_ranges(&self) -> impl Iterator<Item = (PortKey, PortKey)> + '_ {
        self.keys.iter().copied()
    }

    /// Tells whether some port is given by name.
    pub(crate) fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// Lists the ports given by number as inclusive ranges of keys, ascending.
    pub(crate) fn keys(&self) -> &[(PortKey, PortKey)] {
        &self.keys
    }

    /// Lists what is matched whatever the destination declares, as inclusive ranges of keys: as [`keys`](Self::keys), and
    /// port 0, which stands for protocols without ports, where the rule says nothing about ports.
    pub(crate) fn verdict_keys(&self) -> impl Iterator<Item = (PortKey, PortKey)> + '_ {
        let before = u32::from(self.is_silent);
        self.keys.iter().map(move |(from, to)| (from - before, *to))
    }

    /// Lists the names of ports, with the protocol they need; `None` means any.
    pub(crate) fn names(&self) -> &[(u32, Option<Protocol>)] {
        &self.names
    }

    /// Tells whether a port is matched on a destination that declares `named`.
    pub(crate) fn contains(&self, key: PortKey, named: &[NamedPort]) -> bool {
        self.contains_number(key)
            || !self.names.is_empty()
                && self.resolved(named).any(|(protocol, port)| port_key(protocol, port) == key)
    }

    /// Tells whether a port is matched whatever the destination declares.
    pub(crate) fn contains_number(&self, key: PortKey) -> bool {
        self.is_silent || self.keys.iter().any(|(from, to)| *from <= key && key <= *to)
    }

    /// Tells whether some port of a set may be matched, whatever the destination declares.
    pub(crate) fn may_overlap(&self, ports: &PortSet) -> bool {
        let overlaps = |range: PortRange| {
            let (from, to) =
                (port_key(range.protocol, range.from), port_key(range.protocol, range.to));
            self.keys.iter().any(|(first, last)| *first <= to && from <= *last)
        };
        self.has_names() || ports.ranges().any(overlaps)
    }

    /// Returns the ports that are matched on a destination that declares `named`.
    pub(crate) fn on(&self, named: &[NamedPort]) -> PortSet {
        if self.names.is_empty() {
            return self.numbers.clone();
        }
        let extra = self.resolved(named).map(|(protocol, port)| PortRange {
            protocol,
            from: port,
            to: port,
        });
        self.numbers.union(&extra.collect())
    }

    /// Lists the ports of the names on a destination that declares `named`.
    pub(crate) fn resolved<'a>(
        &'a self,
        named: &'a [NamedPort],
    ) -> impl Iterator<Item = (Protocol, u16)> + 'a {
        let wanted = |entry: &NamedPort| {
            self.names
                .iter()
                .any(|(name, protocol)| *name == entry.0 && protocol.is_none_or(|p| p == entry.1))
        };
        named.iter().filter(move |entry| wanted(entry)).map(|entry| (entry.1, entry.2))
    }
}
