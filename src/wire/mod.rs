//! Floor 1: bytes → fields.
//!
//! Stateless decoders, one file a protocol. Each decodes what is there and
//! says why it stopped; none of them judges.

pub mod link;
pub mod segment;

pub mod der;
pub mod fast_path;
pub mod gcc;
pub mod mcs;
pub mod negotiation;

pub mod tls;
pub mod tpkt;
pub mod x224;

#[cfg(test)]
mod samples;

pub use link::decode;
pub use segment::{Decoded, IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions};
