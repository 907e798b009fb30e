//! Why rows are as they are now: the reasons of the state after, for as many rows as are read.

use netpol_core::model::Cluster;
use netpol_core::reach::{ControllerEnd, Level, Question, Selection, Snapshot};

use super::accept::pods_of;
use super::{ChangeRow, Changes};
use crate::execute::{Endpoint, Names, Reason};

/// So many rows say why.
const MOST_EXPLAINED: usize = 500;

impl Changes {
    /// Finds the reasons of rows, the gravest first, as far as a bound goes.
    pub fn explain(&mut self, after: &Snapshot) {
        let mut rows: Vec<&mut ChangeRow> = self.rows.iter_mut().collect();
        rows.sort_by_key(|row| row.risk());
        rows.into_iter().take(MOST_EXPLAINED).for_each(|row| row.reasons = reasons(row, after));
    }
}

/// Asks about the ports that became others; where an end is gone there is nothing to ask.
fn reasons(row: &ChangeRow, after: &Snapshot) -> Vec<Reason> {
    let cluster = after.cluster();
    let (Some(from), Some(to)) = (selection(&row.src, cluster), selection(&row.dst, cluster))
    else {
        return Vec::new();
    };
    let ports = row.opened().union(&row.closed()).into();
    let question =
        Question { from, to, ports, level: Level::Workload, explain: true, denied: true };
    let mut names = Names::new(cluster);
    let mut found: Vec<Reason> = Vec::new();
    for asked in after.ask(&question).rows {
        for reason in names.row(asked).reasons {
            if !found.contains(&reason) {
                found.push(reason);
            }
        }
    }
    found
}

pub(super) fn selection(end: &Endpoint, cluster: &Cluster) -> Option<Selection> {
    match end {
        Endpoint::External { ranges } => Some(Selection::addresses(ranges.clone())),
        Endpoint::IngressController => {
            let ingress_controller = ControllerEnd::WhereItLeads;
            Some(Selection { ingress_controller, ..Selection::default() })
        }
        end => pods_of(cluster, end).map(|pods| Selection { pods, ..Selection::default() }),
    }
}
