//! Classes of ports: those that no way to cut ports tells apart. With them the stretch of a port is looked up, not searched.

use crate::compile::{PortKey, port_key};
use crate::model::Protocol;

/// Keys of ports lie below.
const KEYS: PortKey = port_key(Protocol::Udp, u16::MAX) + 1;
/// At most so many stretches are written by class; above, they are searched.
const MOST_SPANS: usize = 1 << 18;

/// A port or the name of one, and the class of ports it is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedPort {
    pub(super) key: PortKey,
    /// None for names, and where ports have no classes.
    class: Option<u16>,
}

impl AskedPort {
    /// What has no class: it is searched.
    pub(super) fn searched(key: PortKey) -> Self {
        Self { key, class: None }
    }
}

/// The classes of ports.
#[derive(Debug, Default)]
pub(super) struct PortClasses {
    /// The class of each port by its key; empty where there would be too many.
    of: Box<[u16]>,
    /// For each way to cut ports, by class: where the entries begin and end behind the first of the stage.
    spans: Vec<(u32, u32)>,
}

/// A way to cut ports: the first port of each stretch, and where the entries of each begin and those of the last end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'c> {
    starts: &'c [PortKey],
    ends: &'c [u32],
}

impl<'c> Cut<'c> {
    /// Reads the way to cut ports that stands at a position.
    pub(super) fn at(cuts: &'c [u32], position: u32) -> Self {
        let (head, rest) = cuts[position as usize..].split_at(2);
        let (starts, rest) = rest.split_at(head[1] as usize);
        Self { starts, ends: &rest[..=starts.len()] }
    }

    /// Returns where the entries of a port or a name begin and end.
    fn search(self, key: PortKey) -> (u32, u32) {
        // The first stretch begins at 0.
        let at = self.starts.partition_point(|start| *start <= key);
        (self.ends[at - 1], self.ends[at])
    }
}

impl PortClasses {
    /// Finds the classes of ports, and writes at each way to cut ports where its stretches stand.
    pub(super) fn of(cuts: &mut [u32], positions: &[u32]) -> Self {
        let mut starts: Vec<PortKey> = Vec::new();
        for position in positions {
            let own = Cut::at(cuts, *position).starts.iter();
            starts.extend(own.filter(|start| **start < KEYS));
        }
        starts.sort_unstable();
        starts.dedup();
        if starts.len() > usize::from(u16::MAX) || starts.len() * positions.len() > MOST_SPANS {
            return Self::default();
        }
        let mut spans = Vec::with_capacity(starts.len() * positions.len());
        for position in positions {
            let base = u32::try_from(spans.len()).unwrap_or(u32::MAX);
            let cut = Cut::at(cuts, *position);
            spans.extend(starts.iter().map(|start| cut.search(*start)));
            cuts[*position as usize] = base;
        }
        let mut of = Vec::with_capacity(KEYS as usize);
        for (class, from) in (0u16..).zip(&starts) {
            let to = starts.get(usize::from(class) + 1).copied().unwrap_or(KEYS);
            of.resize(to as usize, class);
            debug_assert!(*from < to, "starts ascend");
        }
        Self { of: of.into(), spans }
    }

    /// Returns a port with its class.
    #[inline]
    pub(super) fn port(&self, key: PortKey) -> AskedPort {
        AskedPort { key, class: self.of.get(key as usize).copied() }
    }

    #[inline(never)]
    fn search(cuts: &[u32], position: u32, key: PortKey) -> (u32, u32) {
        Cut::at(cuts, position).search(key)
    }

    /// Returns where the entries of a port begin and end, by the way to cut ports that stands at a position.
    #[inline]
    pub(super) fn span(&self, cuts: &[u32], position: u32, port: AskedPort) -> (u32, u32) {
        match port.class {
            Some(class) => {
                let base = cuts[position as usize] as usize;
                self.spans[base.wrapping_add(usize::from(class))]
            }
            None => Self::search(cuts, position, port.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two ways to cut ports, at positions 1 and 8.
    fn cuts() -> Vec<u32> {
        let http = port_key(Protocol::Tcp, 80);
        let dns = port_key(Protocol::Udp, 53);
        let mut cuts = vec![0];
        cuts.extend([0, 2, 0, http, 10, 11, 12]);
        cuts.extend([0, 4, 0, dns, dns + 1, 1 << 21, 20, 21, 22, 23, 24]);
        cuts
    }

    #[test]
    fn a_stretch_is_the_same_by_class_and_by_search() {
        let mut cuts = cuts();
        let classes = PortClasses::of(&mut cuts, &[1, 8]);
        for key in 0..KEYS {
            let port = classes.port(key);
            assert!(port.class.is_some());
            for position in [1, 8] {
                let span = classes.span(&cuts, position, port);
                assert_eq!(span, classes.span(&cuts, position, AskedPort::searched(key)));
            }
        }
        let name = classes.port(1 << 21);
        assert_eq!(name.class, None);
        assert_eq!(classes.span(&cuts, 8, name), (23, 24));
    }

    #[test]
    fn too_many_classes_leave_the_search() {
        let mut cuts: Vec<u32> = vec![0, 0, 1 << 15];
        cuts.extend(0..1 << 15);
        cuts.extend(0..=1 << 15);
        let positions = [1; 9];
        let classes = PortClasses::of(&mut cuts, &positions);
        assert!(classes.of.is_empty());
        assert_eq!(classes.span(&cuts, 1, classes.port(7)), (7, 8));
    }
}
