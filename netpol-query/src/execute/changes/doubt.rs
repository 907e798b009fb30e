//! Rows that are in doubt: what they had may still be there, or what they have may have been there before.

use std::collections::HashSet;

use netpol_core::model::{PortSet, Verdict};
use netpol_core::reach::{Level, Question, Snapshot};

use super::reasons::selection;
use super::{ChangeRow, Changes};
use crate::execute::Endpoint;

impl Changes {
    /// Looks up whether what rows opened or closed is in doubt on the other side.
    pub(super) fn doubt(&mut self, before: &Snapshot, after: &Snapshot) {
        let doubtful: HashSet<[String; 2]> =
            self.doubtful.iter().map(|(src, dst)| pair(src, dst)).collect();
        for row in &mut self.rows {
            if doubtful.contains(&pair(&row.src, &row.dst)) {
                row.doubt_before = doubt_of(row, &row.opened(), before);
                row.doubt_after = doubt_of(row, &row.closed(), after);
            }
        }
    }
}

/// Returns what is the same about two ends, whichever addresses stand outside.
pub(super) fn pair(src: &Endpoint, dst: &Endpoint) -> [String; 2] {
    [src, dst].map(|end| match end {
        Endpoint::External { .. } => "external".to_owned(),
        end => end.id(),
    })
}

fn doubt_of(row: &ChangeRow, ports: &PortSet, snapshot: &Snapshot) -> Option<Verdict> {
    let cluster = snapshot.cluster();
    let (from, to) = (selection(&row.src, cluster)?, selection(&row.dst, cluster)?);
    if ports.is_empty() {
        return None;
    }
    let ports = ports.clone().into();
    let question =
        Question { from, to, ports, level: Level::Workload, explain: false, denied: false };
    let verdicts = snapshot.ask(&question).rows.into_iter().filter_map(|asked| {
        let same = row.family.is_none() || asked.family.is_none() || row.family == asked.family;
        same.then_some(asked.verdict)
    });
    let verdicts: Vec<Verdict> = verdicts.collect();
    [Verdict::Unknown, Verdict::Ambiguous].into_iter().find(|v| verdicts.contains(v))
}
