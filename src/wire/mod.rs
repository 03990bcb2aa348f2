//! Floor 1: bytes → fields.
//!
//! Stateless decoders, one file a protocol. Each decodes what is there and
//! says why it stopped; none of them judges.

pub mod link;
pub mod segment;

// The bytes of a stream: RDP, TLS, CredSSP.
pub mod credssp;
pub mod der;
pub mod error_info;
pub mod fast_path;
pub mod gcc;
pub mod licence;
pub mod mcs;
pub mod negotiation;
pub mod nt_status;
pub mod ntlm;
pub mod preconnection;
pub mod rdpeudp;
pub mod security;
pub mod share;
pub mod tls;
pub mod tpkt;
pub mod x224;

#[cfg(test)]
mod samples;

pub use link::decode;
pub use segment::{Decoded, IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions};
