//! pcapng: draft-ietf-opsawg-pcapng, whose section numbers stand below.
//!
//! Blocks are walked here rather than by `pcap-parser` (which the tests use as
//! the oracle): it decodes the option values of big-endian sections as
//! little-endian and refuses every binary time resolution, and a damaged
//! option must not cost the block that holds it.

mod described;
mod options;
mod resolution;
mod run;
#[cfg(test)]
mod tests;
mod writer;

use std::io;

use options::Options;
use resolution::Resolution;
pub use writer::{InterfaceNotes, PacketToWrite, PcapngWriter, SectionNotes};

use super::info::{CaptureInfo, INTERFACE_UNKNOWN, TIME_MISSING};
use super::record::{Order, Record};
use super::resync::resync;
use super::window::{MAX_RECORD, Window};
use crate::base::{CaptureId, CaptureTime, Frame, LinkType};

/// Interfaces of one section that packets may name. An Interface Description
/// Block takes 20 bytes, so a hostile file could hold millions.
const MAX_INTERFACES: usize = 65_536;

/// The largest block that is believed while searching after damage.
const MAX_SEARCHED_BLOCK: u32 = 1024 * 1024;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const SYSTEMD_JOURNAL: u32 = 9;
const DECRYPTION_SECRETS: u32 = 10;
const CUSTOM: u32 = 0xbad;
const CUSTOM_NO_COPY: u32 = 0x4000_0bad;

/// The walker of a pcapng's blocks.
#[derive(Debug)]
pub(super) struct Pcapng {
    id: CaptureId,
    order: Order,
    /// The interfaces of the current section.
    interfaces: Vec<Source>,
    /// Where the first of them stands in [`CaptureInfo::interfaces`].
    first_listed: usize,
    /// The number of the frame that comes next.
    number: u64,
    last_time: CaptureTime,
    /// Losses by the statistics of all interfaces.
    counted: Option<u64>,
    /// Losses by what packets tell.
    lost: Option<u64>,
}

/// What a packet needs to know of its interface.
#[derive(Clone, Copy, Debug)]
struct Source {
    link: LinkType,
    snap_len: u32,
    resolution: Resolution,
    /// When its counters were last told.
    counted_at: Option<CaptureTime>,
}

/// Where a block of a given type and length stands: at the start of the window.
#[derive(Clone, Copy)]
struct Block {
    kind: u32,
    len: usize,
    order: Order,
}

impl Pcapng {
    pub(super) const fn new(id: CaptureId) -> Self {
        Self {
            id,
            order: Order::Little,
            interfaces: Vec::new(),
            first_listed: 0,
            number: 1,
            last_time: CaptureTime::from_nanos(0),
            counted: None,
            lost: None,
        }
    }

    /// Puts the next packet `into` its place; `false` at the end of what can be
    /// read.
    pub(super) fn next(&mut self, window: &mut Window, info: &mut CaptureInfo, into: &mut Record) -> io::Result<bool> {
        loop {
            let Some(block) = self.next_block(window, info)? else { return Ok(false) };
            let record = match block.kind {
                ENHANCED_PACKET => self.enhanced_packet(window, block, info),
                SIMPLE_PACKET => self.simple_packet(window, block, info),
                PACKET => self.packet(window, block, info),
                _ => {
                    self.describe(window, block, info);
                    None
                }
            };
            window.skip(block.len);
            if let Some(record) = record {
                self.last_time = record.time;
                self.number = self.number.saturating_add(1);
                *into = record;
                return Ok(true);
            }
        }
    }

    /// Makes the next whole block available (§3.1): one whose two lengths agree.
    #[inline]
    fn next_block(&mut self, window: &mut Window, info: &mut CaptureInfo) -> io::Result<Option<Block>> {
        loop {
            if !window.ensure(12)? {
                if window.len() > 0 {
                    info.cut_short(window, window.offset(), "a block");
                    window.skip(window.len());
                }
                return Ok(None);
            }
            if let Some(block) = self.block(window.unread(), MAX_RECORD as u32)
                && window.ensure(block.len)?
                && block.lengths_agree(window.unread())
            {
                self.order = block.order;
                return Ok(Some(block));
            }
            let length = self.order.u32_at(window.unread(), 4).unwrap_or_default();
            let may_be_cut = (12..=MAX_RECORD as u32).contains(&length) && length as usize > window.len();
            let found = resync(window, info, "a block", may_be_cut, |window| {
                let block = self.block(window.unread(), MAX_SEARCHED_BLOCK).filter(|block| block.is_known());
                let Some(block) = block else { return Ok(false) };
                Ok(window.ensure(block.len)? && block.lengths_agree(window.unread()))
            })?;
            if !found {
                return Ok(None);
            }
        }
    }

    /// The block that begins at `bytes`. A section header (§4.1), whose type
    /// reads the same in both byte orders, brings its own.
    #[inline]
    fn block(&self, bytes: &[u8], max: u32) -> Option<Block> {
        let &[t0, t1, t2, t3, l0, l1, l2, l3, o0, o1, o2, o3] = bytes.first_chunk::<12>()?;
        let order = match ([t0, t1, t2, t3], [o0, o1, o2, o3]) {
            ([0x0a, 0x0d, 0x0d, 0x0a], [0x4d, 0x3c, 0x2b, 0x1a]) => Order::Little,
            ([0x0a, 0x0d, 0x0d, 0x0a], [0x1a, 0x2b, 0x3c, 0x4d]) => Order::Big,
            ([0x0a, 0x0d, 0x0d, 0x0a], _) => return None,
            _ => self.order,
        };
        let (kind, len) = (order.u32([t0, t1, t2, t3]), order.u32([l0, l1, l2, l3]));
        (12..=max).contains(&len).then_some(Block { kind, len: len as usize, order })
    }

    /// Enhanced Packet Block (§4.3).
    #[inline]
    fn enhanced_packet(&mut self, window: &Window, block: Block, info: &mut CaptureInfo) -> Option<Record> {
        let bytes = window.unread().get(..block.len)?;
        let &[_, _, _, _, _, _, _, _, i0, i1, i2, i3, h0, h1, h2, h3, t0, t1, t2, t3, c0, c1, c2, c3, w0, w1, w2, w3] =
            bytes.first_chunk::<28>()?;
        let order = self.order;
        let interface = order.u32([i0, i1, i2, i3]);
        let ticks = u64::from(order.u32([h0, h1, h2, h3])) << 32 | u64::from(order.u32([t0, t1, t2, t3]));
        let captured = order.u32([c0, c1, c2, c3]);
        let len = self.believed(captured, 28, block, window, info);
        let mut packet_id = None;
        let options = 28_usize.saturating_add(len.saturating_add(3) & !3);
        if options.saturating_add(8) <= block.len {
            let source = self.interfaces.get(interface as usize);
            let time = source.map_or(self.last_time, |source| source.resolution.time(ticks));
            packet_id = self.packet_options(bytes.get(options..block.len.saturating_sub(4))?, time, info);
        }
        let source = self.source(interface, window, info)?;
        Some(Record {
            number: self.number,
            time: source.resolution.time(ticks),
            link: source.link,
            interface,
            packet_id,
            place: window.locate(28, len),
            original_len: order.u32([w0, w1, w2, w3]).max(len as u32),
        })
    }

    /// Simple Packet Block (§4.4): the first interface's, and without a time.
    fn simple_packet(&mut self, window: &Window, block: Block, info: &mut CaptureInfo) -> Option<Record> {
        let original_len = self.order.u32_at(window.unread(), 8)?;
        let source = self.source(0, window, info)?;
        let limit = if source.snap_len == 0 { u32::MAX } else { source.snap_len };
        let room = block.len.saturating_sub(16);
        let len = room.min(original_len.min(limit) as usize);
        let frame = Frame { capture: self.id, number: self.number };
        let says = || "simple packet blocks hold no time: each was given that of the packet before".to_owned();
        info.notices.add(TIME_MISSING, Some(frame), says);
        Some(Record {
            number: self.number,
            time: self.last_time,
            link: source.link,
            interface: 0,
            packet_id: None,
            place: window.locate(12, len),
            original_len: original_len.max(len as u32),
        })
    }

    /// The obsolete Packet Block (appendix A).
    fn packet(&mut self, window: &Window, block: Block, info: &mut CaptureInfo) -> Option<Record> {
        let (order, bytes) = (self.order, window.unread().get(..block.len)?);
        let interface = u32::from(order.u16_at(bytes, 8)?);
        let lost = order.u16_at(bytes, 10)?;
        let ticks = u64::from(order.u32_at(bytes, 12)?) << 32 | u64::from(order.u32_at(bytes, 16)?);
        let captured = order.u32_at(bytes, 20)?;
        let original = order.u32_at(bytes, 24)?;
        let len = self.believed(captured, 28, block, window, info);
        let source = self.source(interface, window, info)?;
        if lost != 0xffff {
            self.lost(u64::from(lost), source.resolution.time(ticks), info);
        }
        Some(Record {
            number: self.number,
            time: source.resolution.time(ticks),
            link: source.link,
            interface,
            packet_id: None,
            place: window.locate(28, len),
            original_len: original.max(len as u32),
        })
    }

    /// The captured length, or what room the block leaves for it.
    #[inline]
    fn believed(&self, captured: u32, header: usize, block: Block, window: &Window, info: &mut CaptureInfo) -> usize {
        let room = block.len.saturating_sub(header).saturating_sub(4);
        if captured as usize > room {
            info.damaged(window.offset(), 0, true, "the length of a packet in its block");
        }
        room.min(captured as usize)
    }

    #[inline]
    fn source(&self, interface: u32, window: &Window, info: &mut CaptureInfo) -> Option<Source> {
        let source = self.interfaces.get(interface as usize).copied();
        if source.is_none() {
            info.incomplete = true;
            info.notices.add(INTERFACE_UNKNOWN, None, || {
                format!(
                    "the packet at byte {} names interface {interface}, its section describes {}: passed over",
                    window.offset(),
                    self.interfaces.len()
                )
            });
        }
        source
    }

    /// Options of an Enhanced Packet Block: comment 1, drop count 4, packet id 5.
    fn packet_options(&mut self, bytes: &[u8], time: CaptureTime, info: &mut CaptureInfo) -> Option<u64> {
        let mut packet_id = None;
        let order = self.order;
        for (code, value) in Options::new(order, bytes) {
            match code {
                1 => info.comment(Some(Frame { capture: self.id, number: self.number }), value),
                4 => self.lost(order.u64_at(value, 0).unwrap_or_default(), time, info),
                5 => packet_id = order.u64_at(value, 0),
                _ => {}
            }
        }
        packet_id
    }
}

impl Block {
    /// Whether the length that ends the block is the one that began it.
    #[inline]
    fn lengths_agree(self, bytes: &[u8]) -> bool {
        let behind = self.order.u32_at(bytes, self.len.saturating_sub(4));
        behind.is_some_and(|len| len as usize == self.len)
    }

    /// Whether its type is one that exists; a search after damage accepts only
    /// those.
    const fn is_known(self) -> bool {
        matches!(
            self.kind,
            SECTION_HEADER
                | INTERFACE_DESCRIPTION
                | PACKET
                | SIMPLE_PACKET
                | NAME_RESOLUTION
                | INTERFACE_STATISTICS
                | ENHANCED_PACKET
                | SYSTEMD_JOURNAL
                | DECRYPTION_SECRETS
                | CUSTOM
                | CUSTOM_NO_COPY
        ) && self.len.is_multiple_of(4)
    }
}
