//! The other end of a direction, as the peers of a rule see it.

use std::net::IpAddr;

use crate::compile::{PeerSet, Program, TermKind};
use crate::index::GroupId;
use crate::model::IpSet;

/// What the other end is, as far as address peers are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OtherKind {
    /// An ordinary pod.
    Pod,
    /// A host-network pod: its address is its node's.
    Host,
    /// The ingress controller: a pod of which nothing more is known.
    IngressController,
    /// An address that is no pod's, or a domain name.
    Outside,
}

/// The other end of a direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Other<'a> {
    /// Its group, if it is a pod.
    pub(crate) group: Option<GroupId>,
    /// What it is.
    pub(crate) kind: OtherKind,
    /// The domain name by which it was asked for.
    pub(crate) name: Option<&'a str>,
    /// Where it may be.
    pub(crate) candidates: Candidates<'a>,
}

/// The addresses that an end may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Candidates<'a> {
    /// Its address is known.
    Known(IpAddr),
    /// It has one of these.
    Among(&'a IpSet),
    /// It has all of these: the declared addresses of a domain name.
    Each(&'a IpSet),
}

/// One way in which what is not known may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario<'a> {
    /// The address.
    pub(crate) address: IpAddr,
    /// The domain names that are assumed to lead to the address, or the selectors that are assumed to match the ingress
    /// controller: by their numbers in the program, ascending.
    pub(crate) assumed: &'a [u32],
}

impl Other<'_> {
    /// Tells whether a peer set matches in one scenario; `held` are the address terms that hold its address.
    pub(crate) fn matches(
        &self,
        peer: &PeerSet,
        program: &Program,
        held: &[u32],
        assumed: &[u32],
    ) -> bool {
        peer.any
            || self.group.is_some_and(|g| peer.groups.contains(g))
            || self.matches_address(peer, program, held)
            || self.name.is_some_and(|name| peer.matches_name(name))
            || self.kind == OtherKind::IngressController && peer.controller
            || !assumed.is_empty()
                && self.open_of(peer).iter().any(|n| assumed.binary_search(n).is_ok())
    }

    /// What of a peer is open toward this end: domain names, or selectors.
    pub(crate) fn open_of<'p>(&self, peer: &'p PeerSet) -> &'p [u32] {
        match self.kind {
            OtherKind::IngressController => &peer.open_selectors,
            _ => &peer.unmapped,
        }
    }

    fn matches_address(&self, peer: &PeerSet, program: &Program, held: &[u32]) -> bool {
        peer.terms
            .iter()
            .any(|term| held.binary_search(term).is_ok() && self.is_meant(program, *term))
    }

    fn is_meant(&self, program: &Program, term: u32) -> bool {
        let term = &program.terms[term as usize];
        let known = !matches!(self.candidates, Candidates::Among(_));
        let may_be_node = known || self.on_unknown_node(program);
        let meant = match self.kind {
            OtherKind::Pod | OtherKind::IngressController => term.pods,
            OtherKind::Host => term.hosts,
            OtherKind::Outside => true,
        };
        meant
            && match term.kind {
                TermKind::Networks => true,
                TermKind::Nodes => may_be_node,
                TermKind::Names => self.name.is_none(),
            }
    }

    /// A host-network pod whose node is not known may have any node's address.
    fn on_unknown_node(&self, program: &Program) -> bool {
        self.kind == OtherKind::Host
            && self.group.is_some_and(|g| program.groups.group(g).node.is_none())
    }
}

/// At most so many domain names are tried in every combination.
const MOST_COMBINED: usize = 8;

/// Lists the combinations of names that may lead to an address: all of them for few names, else none, each alone and all.
pub(crate) fn assumptions(names: &[u32]) -> Vec<Vec<u32>> {
    if names.len() <= MOST_COMBINED {
        let chosen = |mask: usize| {
            let picked = names.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
            picked.map(|(_, n)| *n).collect()
        };
        return (0..1usize << names.len()).map(chosen).collect();
    }
    let alone = names.iter().map(|n| vec![*n]);
    [Vec::new(), names.to_vec()].into_iter().chain(alone).collect()
}

/// Above so many open selectors of admin rules, what they come to is not worked out.
const MOST_OPEN: usize = 32;

/// Lists the combinations of selectors that may match the ingress controller; `None` where they are too many to try.
///
/// Rules of NetworkPolicies only ever allow: none of their selectors and all of them are the extremes. One outcome of the
/// admin tiers hangs on one rule of the Admin and one of the Baseline tier, so that for many selectors pairs will do.
pub(crate) fn controller_assumptions(admin: &[u32], network: &[u32]) -> Option<Vec<Vec<u32>>> {
    if admin.len() > MOST_OPEN {
        return None;
    }
    let mut chosen = assumptions(admin);
    if admin.len() > MOST_COMBINED {
        let pairs = admin.iter().enumerate();
        chosen.extend(pairs.flat_map(|(i, a)| admin.iter().skip(i + 1).map(|b| vec![*a, *b])));
    }
    let others: Vec<u32> =
        network.iter().copied().filter(|n| admin.binary_search(n).is_err()).collect();
    if !others.is_empty() {
        let widened = chosen.iter().map(|some| {
            let mut all = [&some[..], &others[..]].concat();
            all.sort_unstable();
            all
        });
        let widened: Vec<Vec<u32>> = widened.collect();
        chosen.extend(widened);
    }
    Some(chosen)
}
