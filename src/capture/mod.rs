//! Floor 1: bytes → packets.
//!
//! Everything that can hold packets (saved captures in their formats and
//! compressions, a pipe) becomes one stream of [`Packet`]s in time order.
//! This floor reads files; it does not know what is inside a packet.
//!
//! [`open`] or [`from_reader`] look at the first bytes (never at the name),
//! undo compressions, and give a [`Capture`]: one buffer, and a walker that
//! knows where in it the next packet lies. Packets are borrowed from the
//! buffer. What a file is when it is no capture stands in [`OpenError`], with
//! the command that gets further; what is damaged in one that is stands in
//! [`CaptureInfo::notices`], and reading goes on behind it. A [`Timeline`] merges
//! several captures, and whole folders of them, by time. A [`PcapngWriter`] writes
//! packets, with comments, to anything that takes bytes.

mod beside;
mod clock;
mod error;
mod expand;
mod info;
#[cfg(test)]
mod laws;
#[cfg(feature = "live")]
mod live;
mod netmon;
mod packet;
mod pcap;
mod pcapng;
mod recognise;
mod record;
mod resync;
mod saved;
mod snoop;
mod source;
mod timeline;
mod window;
#[cfg(test)]
mod written;

pub use clock::{CLOCK_SET_BACK, SetBack};
pub use error::{OpenError, OpenReason, ReadError, behind_name, without_commands};
pub use info::{
    CAPTURE_DETAILS_LIMIT, CaptureInfo, Comment, Compression, EXPANSION_LIMIT, FILE_CUT_SHORT, FILE_DAMAGED, Format,
    INTERFACE_UNKNOWN, Interface, Loss, Secrets, SecretsKind, TIME_MISSING, TIME_ZONE_UNKNOWN,
};
#[cfg(feature = "live")]
pub use live::{NetworkInterface, network_interfaces};
#[cfg(all(feature = "live", unix))]
pub use live::{Tap, TapCounters, TapError, TapOptions, default_filter, wait};
pub use packet::{Packet, Passed, Taker};
pub use pcapng::{InterfaceNotes, PacketToWrite, PcapngWriter, SectionNotes};
pub use recognise::Foreign;
pub use saved::{Capture, CaptureOptions, Progress, from_reader, open};
pub use timeline::{FILE_PASSED_OVER, FILE_REPEATED, PassedOver, Problem, Source, TIMELINE_LIMIT, Timeline};
