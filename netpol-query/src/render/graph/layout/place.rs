//! Slots in columns and lanes, and the heights at which they come to rest.

use super::lanes::Lanes;
use super::ranks::Columns;
use super::{APART, BETWEEN, GAP, HEAD, NODE, PADDING, PASSING, Rect, int};

/// Rounds in which slots move towards what they are connected to; in the first ones they may change places.
const ROUNDS: usize = 14;
const ROUNDS_OF_ORDER: usize = 9;

/// A place in a column: a node, or an edge that passes.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) column: usize,
    pub(super) lane: Option<usize>,
    /// With what is left free above and below.
    pub(super) height: i32,
    /// The middle.
    pub(super) y: i32,
    /// Slots of neighbouring columns that it is connected to.
    pub(super) beside: Vec<usize>,
}

/// All slots: those of nodes first, in their order.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) slots: Vec<Slot>,
    /// How many of them are nodes.
    pub(super) nodes: usize,
    pub(super) lanes_of_frames: Vec<usize>,
    lanes: usize,
    unframed: Option<usize>,
    columns: usize,
    widths: Vec<i32>,
    lefts: Vec<i32>,
}

impl Board {
    /// Puts the nodes on the board.
    pub(super) fn new(columns: &Columns, lanes: &Lanes, widths: &[i32]) -> Self {
        let slots = columns.of.iter().zip(&lanes.of).map(|(column, lane)| Slot {
            column: *column,
            lane: *lane,
            height: NODE + GAP,
            y: 0,
            beside: Vec::new(),
        });
        let slots: Vec<Slot> = slots.collect();
        let mut column_widths = vec![0; columns.count];
        for (slot, width) in slots.iter().zip(widths) {
            let column = column_widths.get_mut(slot.column);
            column.into_iter().for_each(|w: &mut i32| *w = (*w).max(*width));
        }
        let mut lefts = Vec::new();
        let mut x = PADDING + APART;
        for width in &column_widths {
            lefts.push(x);
            x += width + BETWEEN;
        }
        Self {
            nodes: slots.len(),
            slots,
            lanes_of_frames: lanes.of_frame.clone(),
            lanes: lanes.count,
            unframed: lanes.unframed,
            columns: columns.count,
            widths: column_widths,
            lefts,
        }
    }

    /// Adds a place for an edge that passes a column.
    pub(super) fn passing(&mut self, column: usize, lane: Option<usize>) -> usize {
        self.slots.push(Slot { column, lane, height: PASSING + PASSING, y: 0, beside: Vec::new() });
        self.slots.len() - 1
    }

    /// Connects two slots.
    pub(super) fn connect(&mut self, a: usize, b: usize) {
        self.slots.get_mut(a).into_iter().for_each(|slot| slot.beside.push(b));
        self.slots.get_mut(b).into_iter().for_each(|slot| slot.beside.push(a));
    }

    /// Returns the box of a slot, as wide as its column.
    pub(super) fn rect(&self, at: usize) -> Rect {
        let Some(slot) = self.slots.get(at) else { return Rect::default() };
        let height = if at < self.nodes { NODE } else { PASSING };
        Rect {
            x: self.lefts.get(slot.column).copied().unwrap_or(0),
            y: slot.y - height / 2,
            w: self.widths.get(slot.column).copied().unwrap_or(0),
            h: height,
        }
    }

    /// Finds the height of every slot.
    pub(super) fn settle(&mut self) {
        let mut groups = self.groups();
        let bounds = self.bounds(&groups);
        for group in &groups {
            self.stack(group, bounds_of(&bounds, group.lane));
        }
        for round in 0..ROUNDS {
            if round % 2 == 1 {
                groups.reverse();
            }
            for group in &mut groups {
                let wanted = self.wanted(group);
                if round < ROUNDS_OF_ORDER {
                    group.slots.sort_by_key(|s| (wanted.get(s).copied().unwrap_or(0), *s));
                }
                self.rest(group, &wanted, bounds_of(&bounds, group.lane));
            }
            if round % 2 == 1 {
                groups.reverse();
            }
        }
        self.raise();
    }

    /// The slots of each column and lane, from left to right.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut order: Vec<usize> = (0..self.slots.len()).collect();
        let key = |s: &usize| self.slots.get(*s).map(|slot| (slot.column, slot.lane));
        order.sort_by_key(|s| (key(s), *s));
        for slot in order {
            let Some((column, lane)) = key(&slot) else { continue };
            match groups.last_mut().filter(|g| g.column == column && g.lane == lane) {
                Some(group) => group.slots.push(slot),
                None => groups.push(Group { column, lane, slots: vec![slot] }),
            }
        }
        groups
    }

    /// Top and bottom of each lane: below those before it that share a column; last, those of the whole picture.
    fn bounds(&self, groups: &[Group]) -> Vec<(i32, i32)> {
        let mut skyline = vec![APART; self.columns];
        let mut bounds = Vec::new();
        for lane in 0..self.lanes {
            let own: Vec<&Group> = groups.iter().filter(|g| g.lane == Some(lane)).collect();
            let height = own.iter().map(|g| self.height(g)).max().unwrap_or(0);
            let head = if self.unframed == Some(lane) { PADDING } else { HEAD };
            let first = own.iter().map(|g| g.column).min().unwrap_or(0);
            let last = own.iter().map(|g| g.column).max().unwrap_or(0);
            let span = skyline.get_mut(first..=last);
            let top = span.as_ref().and_then(|s| s.iter().max().copied()).unwrap_or(APART);
            bounds.push((top + head, top + head + height));
            let below = top + head + height + PADDING + APART;
            span.into_iter().flatten().for_each(|s| *s = below);
        }
        let outside = groups.iter().filter(|g| g.lane.is_none()).map(|g| self.height(g)).max();
        let bottom = skyline.iter().max().copied().unwrap_or(0) - APART;
        bounds.push((APART, bottom.max(APART + outside.unwrap_or(0))));
        bounds
    }

    fn height(&self, group: &Group) -> i32 {
        let heights = group.slots.iter().filter_map(|s| self.slots.get(*s)).map(|s| s.height);
        heights.sum::<i32>()
    }

    fn stack(&mut self, group: &Group, (top, bottom): (i32, i32)) {
        let mut y = top + (bottom - top - self.height(group)) / 2;
        for slot in &group.slots {
            if let Some(slot) = self.slots.get_mut(*slot) {
                slot.y = y + slot.height / 2;
                y += slot.height;
            }
        }
    }

    fn wanted(&self, group: &Group) -> std::collections::BTreeMap<usize, i32> {
        let middle = |s: &usize| {
            let slot = self.slots.get(*s)?;
            let beside = slot.beside.iter().filter_map(|b| self.slots.get(*b)).map(|b| b.y);
            let count = int(slot.beside.len());
            Some((*s, if count == 0 { slot.y } else { beside.sum::<i32>() / count }))
        };
        group.slots.iter().filter_map(middle).collect()
    }

    /// Puts the slots of a group as near to where they want to be as their order and their lane let them.
    fn rest(
        &mut self,
        group: &Group,
        wanted: &std::collections::BTreeMap<usize, i32>,
        (top, bottom): (i32, i32),
    ) {
        let heights: Vec<i32> =
            group.slots.iter().map(|s| self.slots.get(*s).map_or(0, |s| s.height)).collect();
        let goals: Vec<i32> =
            group.slots.iter().map(|s| wanted.get(s).copied().unwrap_or(top)).collect();
        let down = pushed(&goals, &heights);
        let turned = |list: &[i32]| list.iter().rev().copied().collect::<Vec<_>>();
        let up = pushed(&turned(&goals).iter().map(|y| -y).collect::<Vec<_>>(), &turned(&heights));
        let up: Vec<i32> = up.iter().rev().map(|y| -y).collect();
        let mut ys: Vec<i32> = down.iter().zip(&up).map(|(a, b)| i32::midpoint(*a, *b)).collect();
        let mut floor = bottom;
        for (y, height) in ys.iter_mut().zip(&heights).rev() {
            *y = (*y).min(floor - height / 2);
            floor = *y - height / 2;
        }
        let mut ceiling = top;
        for (y, height) in ys.iter_mut().zip(&heights) {
            *y = (*y).max(ceiling + height / 2);
            ceiling = *y + height / 2;
        }
        for (slot, y) in group.slots.iter().zip(ys) {
            self.slots.get_mut(*slot).into_iter().for_each(|s| s.y = y);
        }
    }

    /// Moves everything up to where the picture begins.
    fn raise(&mut self) {
        let top = self.slots.iter().map(|s| s.y - s.height / 2).min().unwrap_or(0);
        let by = top - APART - HEAD;
        self.slots.iter_mut().for_each(|slot| slot.y -= by);
    }
}

struct Group {
    column: usize,
    lane: Option<usize>,
    slots: Vec<usize>,
}

fn bounds_of(bounds: &[(i32, i32)], lane: Option<usize>) -> (i32, i32) {
    lane.map_or_else(|| bounds.last(), |lane| bounds.get(lane)).copied().unwrap_or_default()
}

/// Moves middles on so that boxes of these heights do not overlap.
fn pushed(goals: &[i32], heights: &[i32]) -> Vec<i32> {
    let mut free = i32::MIN / 2;
    goals
        .iter()
        .zip(heights)
        .map(|(goal, height)| {
            let y = (*goal).max(free + height / 2);
            free = y + height / 2;
            y
        })
        .collect()
}
