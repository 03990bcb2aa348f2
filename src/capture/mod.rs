//! Floor 1: bytes → packets.
//!
//! Everything that can hold packets (saved captures in their formats and
//! compressions, a pipe) becomes one stream of [`Packet`]s in time order.
//! This floor reads files; it does not know what is inside a packet.

mod packet;

pub use packet::Packet;
