//! Floor 2: segments → ordered bytes with provenance.
//!
//! A [`Table`] finds the conversation of each segment; a conversation orders
//! the bytes of its two directions and hands them to a [`Consumer`] in three
//! different calls (bytes, gap, end); and on the way it notes what the headers
//! tell: handshake, round trips, retransmissions, resets, habits of each
//! sender. What the bytes mean is the next floor's business.

mod awaited;
mod bare;
mod burst;
mod candidates;
mod conversation;
mod direction;
mod direction_facts;
mod duplicates;
mod flights;
pub mod fragments;
mod gathering;
mod habits;
mod hold;
mod key;
#[cfg(test)]
mod laws;
mod leap;
mod loss;
mod opening;
mod order;
mod proxied;
mod queues;
mod reset;
mod rtt;
mod sender;
mod seq;
mod side_channel;
mod stall;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trace;
mod triggers;

pub use conversation::{Consumer, Conversation, End, EndKind, Glimpse, Handshake, RolesFrom, TcpFacts};
pub use direction_facts::{DirectionFacts, Skip};
pub use flights::Flights;
pub use proxied::Proxied;

pub use awaited::Awaited;
pub use bare::Bare;
pub use burst::{Backoff, Burst, BurstOutcome};
pub use habits::{Habits, IpIdMode};
pub use leap::Leap;
pub use loss::{LossEvent, LossFacts, Needless, Place, SegmentClass};
pub use opening::BarePacket;
pub use reset::{Afterlife, ResetFacts, SequenceFit};
pub use rtt::Rtt;
pub use seq::Seq;
pub use side_channel::{SideChannel, SideChannels};
pub use stall::{Stall, StallCause, Stalls};
pub use table::{Endpoint, Finished, Over, RDP_PORT, Table};
pub use trace::{Trace, Traced};
pub use triggers::Answerable;
