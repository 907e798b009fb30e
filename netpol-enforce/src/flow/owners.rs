//! What each owner has in the table.

use super::Class;
use super::entry::{ByOwner, Entry};
use super::list::List;
use super::slab::Slab;

/// The flows of each owner.
#[derive(Clone, Debug)]
pub(super) struct Owners(Vec<Owner>);

#[derive(Clone, Copy, Debug)]
struct Owner {
    held: u32,
    embryonic: List,
    closing: List,
}

impl Owner {
    const fn list_mut(&mut self, class: Class) -> Option<&mut List> {
        match class {
            Class::Embryonic => Some(&mut self.embryonic),
            Class::Closing => Some(&mut self.closing),
            // Never given up: nobody looks for the oldest.
            Class::Established => None,
        }
    }
}

impl Owners {
    pub(super) fn new(owners: u32) -> Self {
        let nothing = Owner { held: 0, embryonic: List::EMPTY, closing: List::EMPTY };
        Self(vec![nothing; owners as usize])
    }

    fn get_mut(&mut self, owner: u32) -> Option<&mut Owner> {
        self.0.get_mut(owner as usize)
    }

    /// Returns how many flows an owner has; none if there is no such owner.
    pub(super) fn held(&self, owner: u32) -> Option<u32> {
        self.0.get(owner as usize).map(|owner| owner.held)
    }

    /// Returns the flow that an owner gives up first: its oldest closing one, else its oldest embryonic one.
    pub(super) fn spare(&self, owner: u32) -> Option<u32> {
        let owner = self.0.get(owner as usize)?;
        owner.closing.first().or_else(|| owner.embryonic.first())
    }

    pub(super) fn link(&mut self, slab: &mut Slab<Entry>, index: u32) {
        let Some((owner, class)) = place(slab, index) else { return };
        let Some(owner) = self.get_mut(owner) else { return };
        owner.held += 1;
        if let Some(list) = owner.list_mut(class) {
            list.push::<ByOwner>(slab, index);
        }
    }

    pub(super) fn unlink(&mut self, slab: &mut Slab<Entry>, index: u32) {
        let Some((owner, class)) = place(slab, index) else { return };
        let Some(owner) = self.get_mut(owner) else { return };
        owner.held -= 1;
        if let Some(list) = owner.list_mut(class) {
            list.unlink::<ByOwner>(slab, index);
        }
    }
}

fn place(slab: &Slab<Entry>, index: u32) -> Option<(u32, Class)> {
    slab.get(index).map(|entry| (entry.owner, entry.stage.state.class()))
}
