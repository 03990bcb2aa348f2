//! One captured frame.

use crate::base::{CaptureId, CaptureTime, Frame, LinkType};

/// A frame as the capture holds it, borrowed from the read buffer.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its number in its capture file.
    pub frame: Frame,
    /// When it was captured.
    pub time: CaptureTime,
    /// What kind of frame `data` begins with.
    pub link: LinkType,
    /// The interface it was captured on, as counted by its section; 0 where
    /// the format knows no interfaces.
    pub interface: u32,
    /// The point of view: captures that follow one another (the files of a
    /// ring) share one, captures that overlap in time do not.
    pub vantage: u16,
    /// Windows packet monitor's id: the same packet seen by several
    /// components carries the same one (pcapng `epb_packetid`).
    pub packet_id: Option<u64>,
    /// The captured bytes.
    pub data: &'a [u8],
    /// The length of the frame on the wire; at least `data.len()`.
    pub original_len: u32,
}

/// Who takes packets as they are read.
///
/// A closure will do. Whoever wants the loop over packets as tight as it can be
/// writes the trait's method, and has it inlined.
pub trait Taker {
    /// Takes the next packet; whether more are wanted for now.
    fn take(&mut self, packet: &Packet<'_>) -> bool;

    /// Will be given a packet that begins with these bytes after the next one, most
    /// likely: what is known of it may be brought near. Nothing may depend on it.
    #[inline(always)]
    fn expect(&self, _bytes: &[u8], _vantage: u16) {}

    /// Hears of the packets that it was given since it last heard of some.
    fn passed(&mut self, _passed: Passed) {}
}

/// Packets of one capture that were given in one go.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// How many; one at least.
    pub packets: u64,
    /// Their capture.
    pub capture: CaptureId,
    /// Its point of view, as in [`Packet::vantage`].
    pub vantage: u16,
    /// When the last of them was captured.
    pub last: CaptureTime,
    /// The latest time among them: the clock may have run back.
    pub latest: CaptureTime,
}

impl Passed {
    /// A single packet.
    #[must_use]
    pub const fn one(packet: &Packet<'_>) -> Self {
        let Packet { frame, vantage, time, .. } = *packet;
        Self { packets: 1, capture: frame.capture, vantage, last: time, latest: time }
    }
}

impl<F: FnMut(&Packet<'_>) -> bool> Taker for F {
    fn take(&mut self, packet: &Packet<'_>) -> bool {
        self(packet)
    }
}
