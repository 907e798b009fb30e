//! Pods in groups that no policy can tell apart, and bitmaps over these groups for label selectors.

mod group_set;
mod groups;
mod lists;
mod mentions;
mod parallel;
mod selectors;
mod words;

pub(crate) use group_set::{DenseSet, GroupSet, Union};
pub(crate) use groups::{Group, GroupId, Groups};
pub(crate) use lists::Lists;
pub(crate) use mentions::Mentions;
pub(crate) use parallel::{both, map};
pub(crate) use selectors::{Bitmaps, SelectorIndex};
