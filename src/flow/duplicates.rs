//! The same packet captured twice is one packet.
//!
//! Mirror ports that see both directions of a router, Linux's `any`, several
//! components of Windows' packet monitor: all of them write copies. A copy
//! must never become a retransmission, a second reset, or another TTL.

use crate::base::{CaptureTime, Span};
use crate::wire::Segment;

/// Copies with the same non-zero IP identification may be this far apart: a
/// router's two mirrored legs, or a component that held the packet.
pub(super) const SAME_ID_WINDOW: Span = Span::from_millis(500);

/// Without an identification, equal headers within this time are a copy; no
/// stack retransmits this soon.
const SAME_HEADER_WINDOW: Span = Span::from_millis(1);

/// Packets remembered in each direction: copies arrive within a few packets.
const REMEMBERED: usize = 8;

/// What makes two packets of one direction the same packet. TTL is left out:
/// a copy from behind a router has lost some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Likeness {
    seq: u32,
    ack: u32,
    window: u16,
    flags: u8,
    id: u16,
    payload_len: u32,
    timestamps: Option<(u32, u32)>,
}

impl Likeness {
    /// Equal for equal packets, different for nearly all others.
    const fn mark(&self) -> u32 {
        let numbers = self.seq.wrapping_mul(0x9e37_79b1) ^ self.ack.rotate_left(13);
        numbers ^ ((self.id as u32) << 16) ^ self.payload_len ^ ((self.flags as u32) << 8)
    }
}

/// The last packets of one direction.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// A digest of each remembered packet. Almost no packet is a copy, and to
    /// find that out eight numbers are compared, not eight packets.
    marks: [u32; REMEMBERED],
    seen: [(Likeness, CaptureTime); REMEMBERED],
    packets: u64,
}

impl Recent {
    /// Whether `segment` is a copy of a packet seen shortly before; remembers it.
    ///
    /// `counts_ids`: the sender is known to number its packets. For a sender
    /// whose identification never changes an equal one says nothing.
    #[inline]
    pub fn is_copy(&mut self, segment: &Segment<'_>, time: CaptureTime, counts_ids: impl FnOnce() -> bool) -> bool {
        let likeness = Likeness {
            seq: segment.tcp.seq,
            ack: segment.tcp.ack,
            window: segment.tcp.window,
            flags: segment.tcp.flags.0,
            id: segment.ip.id.unwrap_or(0),
            payload_len: segment.payload_len,
            timestamps: segment.tcp.options.timestamps,
        };
        let mark = likeness.mark();
        // Without a branch for each, so that they are compared at once.
        let marked = self.marks.iter().fold(false, |any, known| any | (*known == mark));
        if marked {
            let window = if likeness.id != 0 && counts_ids() { SAME_ID_WINDOW } else { SAME_HEADER_WINDOW };
            if self.knows(&likeness, time, window) {
                return true;
            }
        }
        let slot = (self.packets % REMEMBERED as u64) as usize;
        if let (Some(seen), Some(known)) = (self.seen.get_mut(slot), self.marks.get_mut(slot)) {
            *seen = (likeness, time);
            *known = mark;
        }
        self.packets += 1;
        false
    }

    #[cold]
    fn knows(&self, likeness: &Likeness, time: CaptureTime, window: Span) -> bool {
        let filled = self.packets.min(REMEMBERED as u64) as usize;
        self.seen.iter().take(filled).any(|(known, at)| known == likeness && time.since(*at).abs() <= window)
    }
}
