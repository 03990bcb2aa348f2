//! Frames of the plain shape, and the short way to their connection.

use super::near::Found;
use super::slot::{self, Slot, State};
use super::{Consumer, FlowKey, Table};
use crate::base::{At, LinkType};
use crate::wire::{Outline, Plain, Segment};

impl<C: Consumer + Default> Table<C> {
    /// The same for a frame of the plain shape, where it has an outline.
    #[inline(always)]
    pub fn plain<const HEADERS: usize>(&mut self, plain: &Plain<'_>, at: At, vantage: u16) -> bool {
        let Some(outline) = plain.outline::<HEADERS>() else { return false };
        self.advance(at.time);
        let found = self.index.find(&outline, vantage, || name(plain.frame(), vantage));
        let is_gathered = if let Some(Found { slot, source_is_low }) = found
            && let Some(Some(Slot { state: State::Followed(conversation), client_is_low, .. })) =
                self.slots.get_mut(slot as usize)
        {
            conversation.gather(&outline, slot::side(source_is_low, *client_is_low), at)
        } else {
            false
        };
        if !is_gathered {
            // Read again, so that none of what was read lies in memory for the others.
            self.take_alone(found, plain.frame(), at, vantage);
        }
        true
    }

    /// A frame will come soon that begins with `bytes`: what is known of its
    /// connection is fetched while there is something else to do. Where hundreds of
    /// connections take turns it lies far away, and each of the four steps to it
    /// would be waited for.
    #[inline(always)]
    pub fn expect(&self, bytes: &[u8], vantage: u16) {
        if let Some(outline) = Outline::perhaps(bytes)
            && let Some(Found { slot, source_is_low }) = self.index.known(&outline, vantage)
            && let Some(Some(Slot { state: State::Followed(conversation), client_is_low, .. })) =
                self.slots.get(slot as usize)
        {
            conversation.expect(slot::side(source_is_low, *client_is_low));
        }
    }

    /// Takes the segment of an outline, whose connection was looked for.
    #[inline(never)]
    fn take_alone(&mut self, found: Option<Found>, frame: &[u8], at: At, vantage: u16) {
        let Some(plain) = Plain::of(LinkType::ETHERNET, frame) else { return };
        let Some(segment) = outlined(&plain) else { return };
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
fn name(frame: &[u8], vantage: u16) -> Option<(FlowKey, bool)> {
    Some(FlowKey::of(&outlined(&Plain::of(LinkType::ETHERNET, frame)?)?, vantage))
}
