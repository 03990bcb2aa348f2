//! Frames of the plain shape, and the short way to their connection.

use super::near::Found;
use super::slot::{self, Slot, State};
use super::{Consumer, FlowKey, Table};
use crate::base::At;
use crate::wire::{Plain, Segment};

impl<C: Consumer + Default> Table<C> {
    /// The same for a frame of the plain shape, where it has an outline.
    #[inline(always)]
    pub fn plain<const HEADERS: usize>(&mut self, plain: &Plain<'_>, at: At, vantage: u16) -> bool {
        let Some(outline) = plain.outline::<HEADERS>() else { return false };
        self.advance(at.time);
        let found = self.index.find(&outline, vantage, || name(plain, vantage));
        let is_gathered = if let Some(Found { slot, source_is_low }) = found
            && let Some(Some(Slot { state: State::Followed(conversation), client_is_low, .. })) =
                self.slots.get_mut(slot as usize)
        {
            conversation.gather(&outline, slot::side(source_is_low, *client_is_low), at)
        } else {
            false
        };
        if !is_gathered {
            self.take_alone(found, plain, at, vantage);
        }
        true
    }

    /// Takes the segment of an outline, whose connection was looked for.
    #[inline(never)]
    fn take_alone(&mut self, found: Option<Found>, plain: &Plain<'_>, at: At, vantage: u16) {
        let Some(segment) = outlined(plain) else { return };
        match found {
            Some(Found { slot, source_is_low }) => self.give(slot, &segment, source_is_low, at),
            None => {
                let (key, source_is_low) = FlowKey::of(&segment, vantage);
                self.may_begin(None, key, &segment, source_is_low, at);
            }
        }
    }
}

/// The segment of a frame that has an outline: its own header tells its length.
fn outlined<'a>(plain: &Plain<'a>) -> Option<Segment<'a>> {
    plain.segment(0)
}

/// The name of the connection of a frame that has an outline.
#[inline(never)]
fn name(plain: &Plain<'_>, vantage: u16) -> Option<(FlowKey, bool)> {
    Some(FlowKey::of(&outlined(plain)?, vantage))
}
