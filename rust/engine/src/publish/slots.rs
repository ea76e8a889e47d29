//! Slot numbers of ids.

use std::collections::HashMap;

use crate::snapshot::Slot;

/// Gives each id a number, the same for the life of the process: a reference to an id that does
/// not exist yet is to the slot that it will fill.
#[derive(Debug, Default)]
pub(super) struct Slots(HashMap<Box<str>, Slot>);

impl Slots {
    /// The slot of `id`.
    pub(super) fn of(&mut self, id: &str) -> Slot {
        if let Some(slot) = self.0.get(id) {
            return *slot;
        }
        let slot = self.0.len() as Slot;
        self.0.insert(id.into(), slot);
        slot
    }

    /// Every id with its slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Slot)> {
        self.0.iter().map(|(id, slot)| (&**id, *slot))
    }
}
