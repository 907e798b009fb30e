//! Which groups may reach which on some port at all: searches over many hops leave out at once what is surely denied.

use super::ask::hopes_of;
use crate::compile::Program;
use crate::index::{DenseSet, GroupId, GroupSet, Lists, Union, both};
use crate::model::Direction;

/// An upper bound of all rows on all ports, for both directions.
#[derive(Debug)]
pub(super) struct MayReach {
    egress: Rows,
    ingress: Rows,
}

/// The bounds of one direction.
#[derive(Debug)]
struct Rows {
    /// By profile: the groups that it may allow.
    rows: Vec<GroupSet>,
    /// The profiles that may allow everyone.
    open: DenseSet,
    /// The other profiles by the groups that they may allow.
    by_group: Option<Lists>,
}

/// Longer lists are not kept: every row is looked at instead.
const MOST_ENTRIES: u64 = 1 << 25;

impl MayReach {
    /// Bounds the rows of a program.
    pub(super) fn of(program: &Program) -> Self {
        let rows = |direction| Rows::of(program, direction);
        let (egress, ingress) = both(|| rows(Direction::Egress), || rows(Direction::Ingress));
        Self { egress, ingress }
    }

    /// Returns those of `others` that may have a connection with some group of `part`, which stands on the side of `own`:
    /// egress where the part opens them.
    pub(super) fn partners(
        &self,
        program: &Program,
        own: Direction,
        part: &[GroupId],
        others: &[GroupId],
    ) -> Vec<GroupId> {
        let (near, far, opposite) = match own {
            Direction::Egress => (&self.egress, &self.ingress, Direction::Ingress),
            Direction::Ingress => (&self.ingress, &self.egress, Direction::Egress),
        };
        let mut allowed = Union::none(program.groups.len());
        for group in part {
            allowed.insert_set(&near.rows[program.profile(own, *group) as usize]);
            if allowed.is_whole() {
                break;
            }
        }
        let allowed = allowed.finish();
        let allowing = far.allowing(part);
        let is_partner = |group: &GroupId| {
            allowed.contains(*group) && allowing.contains(program.profile(opposite, *group))
        };
        others.iter().copied().filter(is_partner).collect()
    }
}

impl Rows {
    fn of(program: &Program, direction: Direction) -> Self {
        let len = program.groups.len();
        let count = u32::try_from(program.direction(direction).profiles.len()).unwrap_or(u32::MAX);
        let rows: Vec<GroupSet> =
            (0..count).map(|profile| hopes_of(program, direction, profile)).collect();
        Self::from_rows(rows, len)
    }

    /// Sorts rows over `len` groups.
    fn from_rows(rows: Vec<GroupSet>, len: u32) -> Self {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let mut open = DenseSet::none(count);
        let whole = (0u32..).zip(&rows).filter(|(_, row)| **row == GroupSet::whole(len));
        whole.for_each(|(profile, _)| open.insert(profile));
        let by_group = by_group(&rows, &open, len);
        Self { rows, open, by_group }
    }

    /// Returns the profiles that may allow some group of `part`.
    fn allowing(&self, part: &[GroupId]) -> DenseSet {
        let mut allowing = self.open.clone();
        let Some(by_group) = &self.by_group else {
            let some = |row: &GroupSet| part.iter().any(|group| row.contains(*group));
            let rows = (0u32..).zip(&self.rows).filter(|(_, row)| some(row));
            rows.for_each(|(profile, _)| allowing.insert(profile));
            return allowing;
        };
        for group in part {
            by_group.list(*group).iter().for_each(|profile| allowing.insert(*profile));
        }
        allowing
    }
}

/// Sorts the profiles whose rows are not open by the groups that they may allow; `None` where that takes too much memory.
fn by_group(rows: &[GroupSet], open: &DenseSet, len: u32) -> Option<Lists> {
    let closed = || (0u32..).zip(rows).filter(|(profile, _)| !open.contains(*profile));
    if closed().map(|(_, row)| u64::from(row.size())).sum::<u64>() > MOST_ENTRIES {
        return None;
    }
    Some(Lists::of(len as usize, |visit| {
        closed().for_each(|(profile, row)| row.for_each(|group| visit(group, profile)));
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEN: u32 = 20;

    proptest! {
        #[test]
        fn the_profiles_that_allow_a_part_are_those_whose_rows_meet_it(
            rows in prop::collection::vec(prop_oneof![any::<u32>(), Just(u32::MAX), Just(0)], 1..12),
            part in prop::collection::btree_set(0..LEN, 0..5),
        ) {
            let row = |bits: &u32| {
                let mut row = Union::none(LEN);
                (0..LEN).filter(|group| bits >> group & 1 == 1).for_each(|g| row.insert_range(g, g + 1));
                row.finish()
            };
            let mut sorted = Rows::from_rows(rows.iter().map(row).collect(), LEN);
            let part: Vec<GroupId> = part.into_iter().collect();
            // Profiles that allow everyone need no part.
            let meets = |bits: &u32| *bits & 0xF_FFFF == 0xF_FFFF || part.iter().any(|g| bits >> g & 1 == 1);
            let expected: Vec<bool> = rows.iter().map(meets).collect();
            let found = |sorted: &Rows| -> Vec<bool> {
                let allowing = sorted.allowing(&part);
                (0u32..).zip(&rows).map(|(profile, _)| allowing.contains(profile)).collect()
            };
            prop_assert_eq!(&found(&sorted), &expected);
            sorted.by_group = None;
            prop_assert_eq!(&found(&sorted), &expected);
        }
    }
}
