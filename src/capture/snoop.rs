//! snoop (RFC 1761): Solaris and its appliances.

use std::io;

use super::info::{CaptureInfo, Interface};
use super::record::{MAX_PACKET, Order, Record, search};
use super::window::Window;
use crate::base::{CaptureTime, LinkType};

const FILE_HEADER: usize = 16;
const RECORD_HEADER: usize = 24;

/// Bytes of padding that a record may end with. RFC 1761 asks for up to 3;
/// Shomiti's analyzers append a trailer.
const MAX_PADDING: u32 = 64;

/// The walker of a snoop file's records.
#[derive(Debug)]
pub(super) struct Snoop {
    link: LinkType,
}

/// The six fields of a record header.
struct Header {
    original: u32,
    captured: u32,
    record: u32,
    drops: u32,
    seconds: u32,
    micros: u32,
}

impl Snoop {
    /// Reads the file header; `None` when it is cut short.
    pub(super) fn begin(window: &mut Window, info: &mut CaptureInfo) -> io::Result<Option<Self>> {
        if !window.ensure(FILE_HEADER)? {
            return Ok(None);
        }
        let kind = Order::Big.u32_at(window.unread(), 12).unwrap_or_default();
        let link = match kind {
            // 802.3 and Ethernet differ in nothing that a header would tell.
            0 | 4 => LinkType::ETHERNET,
            0x8000_0001 => LinkType::IPV4,
            0x8000_0002 => LinkType::IPV6,
            // Outside the registry, so that nobody takes it for a known one.
            other => LinkType(other | 0x4000_0000),
        };
        window.skip(FILE_HEADER);
        info.interface(Interface::new(link));
        Ok(Some(Self { link }))
    }

    /// The next packet; `None` at the end of what can be read.
    pub(super) fn next(&self, window: &mut Window, info: &mut CaptureInfo) -> io::Result<Option<Record>> {
        loop {
            if !window.ensure(RECORD_HEADER)? {
                if window.len() > 0 {
                    info.cut_short(window.offset(), "a record header");
                    window.skip(window.len());
                }
                return Ok(None);
            }
            let header = Header::read(window.unread(), 0).filter(Header::is_plausible);
            let Some(header) = header else { if find_next(window, info)? { continue } else { return Ok(None) } };
            let (record, captured) = (header.record as usize, header.captured as usize);
            if !window.ensure(record)? && !window.ensure(RECORD_HEADER.saturating_add(captured))? {
                info.cut_short(window.offset(), "a packet");
                window.skip(window.len());
                return Ok(None);
            }
            let place = window.locate(RECORD_HEADER, captured);
            window.skip(record);
            // Cumulative, as RFC 1761 has it.
            info.dropped = Some(u64::from(header.drops).max(info.dropped.unwrap_or_default()));
            return Ok(Some(Record {
                number: info.packets.saturating_add(1),
                time: CaptureTime::from_parts(
                    i64::from(header.seconds),
                    i64::from(header.micros).saturating_mul(1_000),
                ),
                link: self.link,
                interface: 0,
                packet_id: None,
                place,
                original_len: header.original.max(header.captured),
            }));
        }
    }
}

impl Header {
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let field = |index: usize| Order::Big.u32_at(bytes, at.checked_add(index.checked_mul(4)?)?);
        Some(Self {
            original: field(0)?,
            captured: field(1)?,
            record: field(2)?,
            drops: field(3)?,
            seconds: field(4)?,
            micros: field(5)?,
        })
    }

    fn is_plausible(&self) -> bool {
        let least = self.captured.saturating_add(RECORD_HEADER as u32);
        self.captured <= MAX_PACKET
            && self.micros < 1_000_000
            && (least..=least.saturating_add(MAX_PADDING)).contains(&self.record)
    }
}

#[cold]
fn find_next(window: &mut Window, info: &mut CaptureInfo) -> io::Result<bool> {
    let from = window.offset();
    let found = search(window, |window| {
        window.ensure(RECORD_HEADER)?;
        let Some(first) = Header::read(window.unread(), 0).filter(Header::is_plausible) else { return Ok(false) };
        let next = first.record as usize;
        if !window.ensure(next.saturating_add(RECORD_HEADER))? {
            return Ok(window.len() == next);
        }
        Ok(first.captured > 0 && Header::read(window.unread(), next).is_some_and(|h| h.is_plausible()))
    })?;
    if !found {
        window.skip(window.len());
    }
    info.damaged(from, window.offset().saturating_sub(from), "a record header");
    Ok(found)
}
