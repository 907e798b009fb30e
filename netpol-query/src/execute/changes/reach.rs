//! How far the sources of what was opened reach over any number of hops, before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netpol_core::model::IpSet;
use netpol_core::reach::{AskedPorts, Closure, ControllerEnd, End, Hops, Selection, Snapshot};

use super::accept::pods_of;
use super::{ChangeRow, Changes, ReachChange, Reached};
use crate::execute::{Endpoint, Names};

/// At most so many sources are looked at: those that most was opened to.
const MOST_SOURCES: usize = 10;
/// Each of them with so much work.
const MOST_WORK: u64 = Hops::MOST_WORK / 4;
/// At most so many workloads that are gained are named.
const MOST_GAINED: usize = 50;

impl Changes {
    /// Looks how far the sources of what was opened reach now. Objects that gain no more than their own rows say are left out.
    pub fn measure_reach(&mut self, before: &Snapshot, after: &Snapshot) {
        let mut counts: BTreeMap<String, (&ChangeRow, usize)> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| !row.opened().is_empty()) {
            let key = match &*row.src {
                // All addresses count as one source.
                Endpoint::External { .. } => "external".to_owned(),
                end => end.id(),
            };
            counts.entry(key).or_insert((row, 0)).1 += 1;
        }
        let mut sources: Vec<(&ChangeRow, usize)> = counts.into_values().collect();
        sources
            .sort_by_key(|(row, count)| (row.src.namespace().is_some(), std::cmp::Reverse(*count)));
        let ends: Vec<Arc<Endpoint>> =
            sources.iter().take(MOST_SOURCES).map(|(row, _)| self.source(row)).collect();
        let changes = ends.into_iter().map(|source| change(source, before, after));
        let direct: BTreeSet<(String, String)> =
            self.rows.iter().map(|row| (row.src.id(), row.dst.id())).collect();
        let further = |c: &ReachChange, end: &Arc<Endpoint>| {
            c.source.namespace().is_none() || !direct.contains(&(c.source.id(), end.id()))
        };
        let gains = |c: &ReachChange| c.gained.iter().any(|end| further(c, end));
        let reach = changes.filter(gains).collect();
        self.review.reach_is_partial = sources.len() > MOST_SOURCES;
        self.review.reach = reach;
    }

    /// Returns the source of a row; of addresses all that something was opened to.
    fn source(&self, row: &ChangeRow) -> Arc<Endpoint> {
        if !matches!(*row.src, Endpoint::External { .. }) {
            return Arc::clone(&row.src);
        }
        let opened = self.rows.iter().filter(|row| !row.opened().is_empty());
        let ranges = opened.fold(IpSet::none(), |all, row| match &*row.src {
            Endpoint::External { ranges } => all.union(ranges),
            _ => all,
        });
        Arc::new(Endpoint::External { ranges })
    }
}

fn change(source: Arc<Endpoint>, before: &Snapshot, after: &Snapshot) -> ReachChange {
    let (old, had) = reached(&source, before);
    let (new, has) = reached(&source, after);
    let known: BTreeSet<String> = had.iter().map(|e| e.id()).collect();
    let mut gained: Vec<Arc<Endpoint>> =
        has.into_iter().filter(|e| !known.contains(&e.id())).collect();
    gained.sort_by_cached_key(|e| e.id());
    // Where the search before stopped it is not known what is gained.
    gained.truncate(if old.stopped { 0 } else { MOST_GAINED });
    ReachChange { source, before: old, after: new, gained }
}

/// Returns how far a source reaches in a state, and the workloads there.
fn reached(source: &Endpoint, snapshot: &Snapshot) -> (Reached, Vec<Arc<Endpoint>>) {
    let Some(from) = selection(source, snapshot) else { return Default::default() };
    let everyone = Selection { ingress_controller: ControllerEnd::Absent, ..snapshot.everyone() };
    let hops = Hops { most_work: MOST_WORK, ..Hops::between(from, everyone, AskedPorts::all()) };
    let Closure { arrivals, stopped, .. } = snapshot.eventual_destinations(&hops);
    let mut names = Names::new(snapshot.cluster());
    let mut found = Vec::new();
    let mut outside = false;
    for arrival in &arrivals {
        match &arrival.end {
            End::Workload(_) | End::Pod(_) => found.push(names.end(&arrival.end)),
            // Addresses do not get to addresses.
            _ => outside = !matches!(source, Endpoint::External { .. }),
        }
    }
    (Reached { workloads: found.len() as u64, outside, stopped }, found)
}

fn selection(source: &Endpoint, snapshot: &Snapshot) -> Option<Selection> {
    match source {
        Endpoint::External { ranges } => Some(Selection::addresses(ranges.clone())),
        Endpoint::IngressController => {
            let there = !snapshot.cluster().ingresses().is_empty();
            there.then(Selection::ingress_controller)
        }
        end => {
            let pods = pods_of(snapshot.cluster(), end)?;
            Some(Selection { pods, ..Selection::default() })
        }
    }
}
