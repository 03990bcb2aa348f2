//! Floor 1: bytes → fields.
//!
//! Stateless decoders, one file a protocol. Each decodes what is there and
//! says why it stopped; none of them judges.

pub mod link;
pub mod segment;

// Frames, outside in.
mod ether;
mod extension;
mod extent;
mod geneve;
mod gre;
mod icmp;
mod ip;
mod ipv4;
mod ipv6;
mod mpls;
mod peek;
mod plain;
mod ppp;
mod sll;
mod tcp;
mod tunnel;
mod udp;
mod vlan;
mod vxlan;
mod wifi;

// Streams: RDP, TLS, CredSSP.
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
pub mod preamble;
pub mod preconnection;
pub mod rdpeudp;
mod recognise;
pub mod security;
pub mod share;
pub mod tls;
pub mod tpkt;
pub mod x224;

#[cfg(test)]
mod frame_samples;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracles;
#[cfg(test)]
mod samples;

pub use link::{decode, decode_reassembled};
pub use peek::{Glance, peek};
pub use plain::{Hint, Look, Outline, Plain, V4, V6};
pub use segment::{Datagram, Decoded, Fragment, IcmpError, IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions};
pub use tunnel::MAX_TUNNELS;
