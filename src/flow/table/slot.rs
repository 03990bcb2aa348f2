//! What the table keeps of one connection.

use super::{Consumer, Conversation, FlowKey, Kind};
use crate::base::{CaptureTime, Side};
use crate::flow::opening::{Opening, Spare};
use crate::flow::trace::Room;

/// One connection.
// In this order: what is asked of every packet lies together.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Slot<C> {
    // Boxed: a slot that is free, or moved when the table grows, is small.
    pub(super) state: State<C>,
    /// The client is the lower of the two ends.
    pub(super) client_is_low: bool,
    pub(super) kind: Kind,
    pub(super) key: FlowKey,
}

impl<C> Slot<C> {
    /// Which side sent a packet.
    #[inline]
    pub(super) const fn side(&self, source_is_low: bool) -> Side {
        side(source_is_low, self.client_is_low)
    }
}

/// Who sent a packet.
#[inline]
pub(super) const fn side(source_is_low: bool, client_is_low: bool) -> Side {
    if source_is_low == client_is_low { Side::Client } else { Side::Server }
}

/// How much is known of a connection.
#[derive(Debug)]
pub(super) enum State<C> {
    /// Its SYNs are kept.
    Opening(Box<Opening>),
    /// It is followed.
    Followed(Box<Conversation<C>>),
}

impl<C: Consumer + Default> State<C> {
    /// Segments that its trace holds.
    pub(super) fn traced(&self) -> usize {
        match self {
            Self::Followed(conversation) => conversation.trace.as_ref().map_or(0, |trace| trace.len()),
            Self::Opening(_) => 0,
        }
    }

    /// The conversation, begun now where it was an opening.
    pub(super) fn follow(&mut self, traces: &Room, spare: &mut Spare) -> Option<&mut Conversation<C>> {
        if let Self::Opening(opening) = self {
            let followed = Self::Followed(opening.follow(traces.begin()));
            if let Self::Opening(opening) = core::mem::replace(self, followed) {
                spare.take_back(opening);
            }
        }
        match self {
            Self::Followed(conversation) => Some(conversation),
            Self::Opening(_) => None,
        }
    }
}

impl<C: Consumer> State<C> {
    /// When its first packet passed.
    pub(super) fn first_seen(&self) -> CaptureTime {
        match self {
            Self::Opening(opening) => opening.glimpse().first.time,
            Self::Followed(conversation) => conversation.glimpse().first.time,
        }
    }

    /// Whether more is known of it than how it was opened.
    pub(super) fn is_past_opening(&self) -> bool {
        match self {
            Self::Opening(opening) => opening.kind() == Kind::Closed,
            Self::Followed(_) => true,
        }
    }

    /// When its last packet passed.
    pub(super) fn last_seen(&self) -> CaptureTime {
        match self {
            Self::Opening(opening) => opening.last_seen(),
            Self::Followed(conversation) => conversation.last_seen(),
        }
    }
}
