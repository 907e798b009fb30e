//! Which addresses stand behind which port: configuration, never learned from frames.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use crate::PortId;
use crate::wire::Mac;

/// Where an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The port it stands behind.
    pub port: PortId,
    /// The only Ethernet address that may send from it, where that is known.
    pub mac: Option<Mac>,
}

/// What a binding binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A pod, by all its addresses.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Every pod with an address in a block; the longest block that holds an address counts. What [`Bindings::of_other`]
    /// says of addresses that are no pod's.
    Block(IpNet),
}

/// A binding that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}`: {why}; expected NAMESPACE/POD=PORT[,MAC] or CIDR=PORT[,MAC]")]
pub struct BindingError {
    /// What was written.
    pub text: String,
    /// What is wrong.
    pub why: String,
}

/// All bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings {
    pods: BTreeMap<(String, String), Place>,
    /// The longest first.
    blocks: Vec<(IpNet, Place)>,
    external: Vec<PortId>,
}

impl Bindings {
    /// Reads `POD|CIDR=PORT[,MAC]` and adds it; ports are named as in `ports`.
    ///
    /// # Errors
    ///
    /// [`BindingError`] if it is none, names a port that is not there, or binds what is bound elsewhere.
    pub fn add(&mut self, text: &str, ports: &[&str]) -> Result<(), BindingError> {
        let wrong = |why: String| BindingError { text: text.to_owned(), why };
        let (bound, place) =
            text.rsplit_once('=').ok_or_else(|| wrong("there is no `=`".into()))?;
        let (port, mac) = match place.split_once(',') {
            Some((port, mac)) => {
                let mac = read_mac(mac.trim());
                (port, Some(mac.ok_or_else(|| wrong("the MAC address is none".into()))?))
            }
            None => (place, None),
        };
        let place = Place { port: port_named(port.trim(), ports).map_err(wrong)?, mac };
        let bound = read_bound(bound.trim())
            .ok_or_else(|| wrong("this is neither a pod nor a CIDR".into()))?;
        self.bind(bound, place).map_err(wrong)
    }

    /// Adds a binding.
    fn bind(&mut self, bound: Bound, place: Place) -> Result<(), String> {
        let before = match bound {
            Bound::Pod { namespace, name } => {
                let key = (namespace, name);
                let known = self.pods.get(&key).copied();
                self.pods.entry(key).or_insert(place);
                known
            }
            Bound::Block(block) => {
                let known =
                    self.blocks.iter().find(|(net, _)| *net == block).map(|(_, place)| *place);
                if known.is_none() {
                    self.blocks.push((block, place));
                    self.blocks.sort_by_key(|(net, _)| std::cmp::Reverse(net.prefix_len()));
                }
                known
            }
        };
        match before {
            Some(other) if other != place => Err("it is bound to another place already".into()),
            _ => Ok(()),
        }
    }

    /// Reads a file of bindings, one a line; `#` begins a comment.
    ///
    /// # Errors
    ///
    /// The line, counted from 1, and what is wrong with it.
    pub fn add_lines(&mut self, text: &str, ports: &[&str]) -> Result<(), (usize, BindingError)> {
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                self.add(line, ports).map_err(|error| (at + 1, error))?;
            }
        }
        Ok(())
    }

    /// Lets a port carry outside addresses.
    ///
    /// # Errors
    ///
    /// What is wrong, if there is no such port.
    pub fn add_external(&mut self, port: &str, ports: &[&str]) -> Result<(), String> {
        let port = port_named(port, ports)?;
        if !self.external.contains(&port) {
            self.external.push(port);
        }
        Ok(())
    }

    /// Tells whether a port carries outside addresses.
    pub fn is_external(&self, port: PortId) -> bool {
        self.external.contains(&port)
    }

    /// Returns where an address of a pod stands.
    pub fn of_pod(&self, namespace: &str, name: &str, address: IpAddr) -> Option<Place> {
        self.place(namespace, name, address, true)
    }

    /// Returns where an address stands that a pod has: one of its own, or that of its node.
    pub(crate) fn place(
        &self,
        namespace: &str,
        name: &str,
        address: IpAddr,
        is_own: bool,
    ) -> Option<Place> {
        let key = (namespace.to_owned(), name.to_owned());
        let by_name = self.pods.get(&key).copied();
        let by_address = || if is_own { self.of_block(address) } else { self.of_this(address) };
        by_name.or_else(by_address)
    }

    /// Returns where the longest block stands that holds an address.
    pub fn of_block(&self, address: IpAddr) -> Option<Place> {
        self.block_of(address).map(|(_, place)| place)
    }

    /// Returns where an address stands that is no pod's, as far as bindings say.
    ///
    /// A block is about pods: were everything in it believed, a pod could get past its policies by sending from an address
    /// of its block that nobody has. So the port must carry outside addresses, or the binding be of this one address.
    pub fn of_other(&self, address: IpAddr) -> Option<Place> {
        let place = self.of_block(address)?;
        self.of_this(address).or_else(|| self.is_external(place.port).then_some(place))
    }

    /// Returns where an address stands that a binding names alone.
    ///
    /// Nothing less says so of a node: pods must let in their node, so that a block, or a port that carries outside
    /// addresses, would let everybody behind it past all policies.
    pub fn of_this(&self, address: IpAddr) -> Option<Place> {
        let (block, place) = self.block_of(address)?;
        (block.prefix_len() == block.max_prefix_len()).then_some(place)
    }

    fn block_of(&self, address: IpAddr) -> Option<(IpNet, Place)> {
        self.blocks.iter().find(|(net, _)| net.contains(&address)).copied()
    }

    /// Lists the pods that are bound by name, in order.
    pub fn pods(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pods.keys().map(|(namespace, name)| (namespace.as_str(), name.as_str()))
    }
}

fn port_named(name: &str, ports: &[&str]) -> Result<PortId, String> {
    let at = ports.iter().position(|port| *port == name);
    let id = at.and_then(|at| u8::try_from(at).ok()).map(PortId);
    id.ok_or_else(|| format!("there is no port `{name}`, the ports are {}", ports.join(" and ")))
}

fn read_bound(text: &str) -> Option<Bound> {
    if let Ok(block) = text.parse::<IpNet>() {
        return Some(Bound::Block(block.trunc()));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Bound::Block(address.into()));
    }
    let (namespace, name) = text.split_once('/')?;
    let is_name = |text: &str| !text.is_empty() && !text.contains(['/', ' ', ':']);
    // A namespace is a DNS label, which tells it from an address.
    (is_name(namespace) && !namespace.contains('.') && is_name(name))
        .then(|| Bound::Pod { namespace: namespace.into(), name: name.into() })
}

/// Reads six bytes in hexadecimal, with colons between them.
fn read_mac(text: &str) -> Option<Mac> {
    let mut mac = Mac::default();
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: [&str; 2] = ["veth0", "veth1"];

    fn bindings(lines: &str) -> Bindings {
        let mut bindings = Bindings::default();
        bindings.add_lines(lines, &PORTS).unwrap();
        bindings
    }

    #[test]
    fn a_pod_counts_before_a_block_and_a_long_block_before_a_short_one() {
        let bindings = bindings(
            "# who stands where\n10.0.0.0/8=veth0\n10.1.0.0/16=veth1 # the second rack\n\
             shop/web=veth0,02:00:00:00:00:07\nfd00::7=veth1\n",
        );
        let port = |place: Option<Place>| place.map(|place| place.port.0);
        assert_eq!(port(bindings.of_block([10, 2, 0, 1].into())), Some(0));
        assert_eq!(port(bindings.of_block([10, 1, 0, 1].into())), Some(1));
        assert_eq!(port(bindings.of_block([192, 0, 2, 1].into())), None);
        assert_eq!(port(bindings.of_block("fd00::7".parse().unwrap())), Some(1));
        let web = bindings.of_pod("shop", "web", [10, 1, 0, 1].into()).unwrap();
        assert_eq!(web, Place { port: PortId(0), mac: Some([2, 0, 0, 0, 0, 7]) });
        assert_eq!(port(bindings.of_pod("shop", "db", [10, 1, 0, 2].into())), Some(1));
    }

    #[test]
    fn what_is_no_binding_says_why() {
        let mut bindings = Bindings::default();
        for (text, why) in [
            ("shop/web", "no `=`"),
            ("shop/web=eth9", "no port `eth9`, the ports are veth0 and veth1"),
            ("web=veth0", "neither a pod nor a CIDR"),
            ("10.0.0.0/33=veth0", "neither a pod nor a CIDR"),
            ("10.0.0.1=veth0,02:00", "MAC"),
            ("10.0.0.1=veth0,02:00:00:00:00:00:00", "MAC"),
        ] {
            let error = bindings.add(text, &PORTS).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        bindings.add("10.0.0.1=veth0", &PORTS).unwrap();
        bindings.add("10.0.0.1/32=veth0", &PORTS).unwrap();
        assert!(bindings.add("10.0.0.1=veth1", &PORTS).unwrap_err().why.contains("already"));
        bindings.add("shop/web=veth0", &PORTS).unwrap();
        assert!(bindings.add("shop/web=veth1", &PORTS).unwrap_err().why.contains("already"));
        // What is refused changes nothing.
        let address = [10, 0, 0, 1].into();
        let found = [bindings.of_pod("shop", "web", address), bindings.of_block(address)];
        assert_eq!(found.map(|place| place.map(|place| place.port)), [Some(PortId(0)); 2]);
        let (line, _) = bindings.add_lines("\n\nshop/=veth0", &PORTS).unwrap_err();
        assert_eq!(line, 3);
    }
}
