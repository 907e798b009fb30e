//! What was seen, flow by flow.

use std::collections::HashMap;
use std::net::IpAddr;

use netpol_core::model::Verdict;

use super::{FlowRow, LeftOut, Outcome, Sight};
use crate::flow::Tuple;
use crate::policies::Policies;

/// The protocols whose ports tell flows apart (IANA).
const PORTED: [u8; 3] = [6, 17, 132];

/// What tells a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    port: u16,
    /// Frames that are not judged stand apart.
    outcome: Option<Outcome>,
}

impl Key {
    fn judged(tuple: &Tuple) -> Self {
        let Tuple { source, destination, protocol, .. } = *tuple;
        let port = if PORTED.contains(&protocol) { tuple.destination_port } else { 0 };
        Self { source, destination, protocol, port, outcome: None }
    }

    fn of(tuple: &Tuple, outcome: Outcome) -> Self {
        let apart = matches!(outcome, Outcome::NotJudged(_)).then_some(outcome);
        Self { outcome: apart, ..Self::judged(tuple) }
    }
}

/// Where a flow is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a row.
    Row(usize),
    /// Nowhere: there was no room.
    LeftOut(Outcome),
}

/// Rows by what tells them apart.
#[derive(Debug)]
pub(super) struct Book<'p> {
    policies: &'p Policies,
    limit: usize,
    places: HashMap<Key, usize>,
    rows: Vec<FlowRow>,
    left_out: LeftOut,
}

impl<'p> Book<'p> {
    pub(super) fn new(policies: &'p Policies, limit: usize) -> Self {
        let (places, rows, left_out) = (HashMap::new(), Vec::new(), LeftOut::default());
        Self { policies, limit, places, rows, left_out }
    }

    /// Returns where the judged flow of a tuple is written down, if it is.
    pub(super) fn find(&self, tuple: &Tuple) -> Option<Place> {
        self.places.get(&Key::judged(tuple)).copied().map(Place::Row)
    }

    /// Returns where a flow is written down; it is begun if it is new and if there is room.
    pub(super) fn place(&mut self, tuple: &Tuple, outcome: Outcome, sight: &Sight) -> Place {
        let key = Key::of(tuple, outcome);
        if let Some(place) = self.places.get(&key) {
            return Place::Row(*place);
        }
        if self.rows.len() >= self.limit {
            return Place::LeftOut(outcome);
        }
        let steps = match outcome {
            Outcome::Judged(_) => self.policies.explain(tuple).1,
            Outcome::NotJudged(_) => Vec::new(),
        };
        let Key { source, destination, protocol, port, .. } = key;
        let question = self.policies.flow(tuple);
        let (first, last) = (sight.seen.since, sight.seen.since);
        self.places.insert(key, self.rows.len());
        self.rows.push(FlowRow {
            source,
            destination,
            protocol,
            port,
            outcome,
            question,
            steps,
            packets: 0,
            bytes: 0,
            connections: 0,
            midway: 0,
            first,
            last,
            interfaces: Vec::new(),
        });
        Place::Row(self.rows.len() - 1)
    }

    /// Counts a frame.
    pub(super) fn count(&mut self, place: Place, sight: &Sight) {
        let row = match place {
            Place::Row(row) => self.rows.get_mut(row),
            Place::LeftOut(outcome) => {
                let left = &mut self.left_out;
                *match outcome {
                    Outcome::Judged(Verdict::Allow) => &mut left.allowed,
                    Outcome::Judged(Verdict::Deny) => &mut left.denied,
                    Outcome::Judged(Verdict::Unknown | Verdict::Ambiguous) => &mut left.doubtful,
                    Outcome::NotJudged(_) => &mut left.not_judged,
                } += 1;
                None
            }
        };
        let Some(row) = row else { return };
        row.packets += 1;
        row.bytes += u64::from(sight.seen.length);
        row.last = sight.seen.since;
        if let Some(place) = sight.place
            && let Err(at) = row.interfaces.binary_search(&place)
        {
            row.interfaces.insert(at, place);
        }
    }

    /// Counts a connection.
    pub(super) fn connection(&mut self, place: Place, midway: bool) {
        if let Place::Row(row) = place
            && let Some(row) = self.rows.get_mut(row)
        {
            row.connections += 1;
            row.midway += u64::from(midway);
        }
    }

    /// Returns the rows in the order in which they were begun.
    pub(super) fn rows(&self) -> &[FlowRow] {
        &self.rows
    }

    /// Returns the rows in their order, and what has none.
    pub(super) fn close(mut self) -> (Vec<FlowRow>, LeftOut) {
        self.rows
            .sort_by_key(|row| (row.source, row.destination, row.protocol, row.port, row.outcome));
        (self.rows, self.left_out)
    }
}
