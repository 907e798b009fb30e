//! Rows with reasons for a page: all of them where they are few, else those of the first sources.

use netpol_core::reach::{End, Level, Row as CoreRow, Selection};

use super::Engine;
use super::answer::Row;
use super::pairs::Wanted;
use crate::lower::Ask;

/// A page explains at most about so many rows.
pub(super) const MOST_EXPLAINED: usize = 2000;

impl Engine<'_> {
    /// Returns the rows that are wanted, by source; and how many of them, from the first, carry reasons.
    pub(super) fn evidence(
        &self,
        ask: &Ask,
        wanted: Wanted,
        keep: impl Fn(&CoreRow) -> bool,
    ) -> (Vec<Row>, usize) {
        let mut plain = self.ask(ask, Wanted { explain: false, ..wanted }).rows;
        plain.retain(|row| keep(row));
        let explained = Wanted { explain: true, ..wanted };
        if plain.len() <= MOST_EXPLAINED {
            let mut rows = self.ask(ask, explained).rows;
            rows.retain(|row| keep(row));
            let rows = self.rows(rows);
            let count = rows.len();
            return (rows, count);
        }
        let mut rows = Vec::new();
        let mut at = 0;
        while let Some(first) = plain.get(at) {
            let same = plain.iter().skip(at).take_while(|r| r.src == first.src).count();
            if at + same > MOST_EXPLAINED {
                break;
            }
            let Some(from) = self.selected(&first.src, &ask.from, wanted.level) else { break };
            let part = Ask { from, ..ask.clone() };
            rows.extend(self.ask(&part, explained).rows.into_iter().filter(&keep));
            at += same;
        }
        let count = rows.len();
        let mut named = self.rows(rows);
        named.extend(self.rows(plain.split_off(at)));
        (named, count)
    }

    /// Returns the part of a selection that an end stands for; `None` for what is no pod.
    fn selected(&self, end: &End, of: &Selection, level: Level) -> Option<Selection> {
        let cluster = self.snapshot.cluster();
        let mut pods = of.pods.clone();
        match (end, level) {
            (End::Pod(id), _) => return Some(Selection::pod(*id)),
            (End::Workload(id), _) => {
                pods &= cluster
                    .workload(*id)
                    .pods
                    .iter()
                    .map(|p| p.0)
                    .collect::<roaring::RoaringBitmap>();
            }
            _ => return None,
        }
        Some(Selection { pods, ..Selection::default() })
    }
}
