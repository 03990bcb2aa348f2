//! snoop (RFC 1761): Solaris and its appliances.

use std::io;

use super::info::{CaptureInfo, Interface};
use super::record::{MAX_PACKET, Order, Record};
use super::resync::resync;
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

    /// Puts the next packet `into` its place; `false` at the end of what can be
    /// read.
    pub(super) fn next(&self, window: &mut Window, info: &mut CaptureInfo, into: &mut Record) -> io::Result<bool> {
        loop {
            if !window.ensure(RECORD_HEADER)? {
                if window.len() > 0 {
                    info.cut_short(window, window.offset(), "a record");
                    window.skip(window.len());
                }
                return Ok(false);
            }
            let header = Header::read(window.unread(), 0).filter(Header::is_plausible);
            let (record, captured) = header.as_ref().map_or((0, 0), |h| (h.record as usize, h.captured as usize));
            // The padding of the last record may be missing.
            let whole = window.ensure(record)? || window.ensure(RECORD_HEADER.saturating_add(captured))?;
            let Some(header) = header.as_ref().filter(|_| whole) else {
                if resync(window, info, "a record", header.is_some(), is_proven)? {
                    continue;
                }
                return Ok(false);
            };
            let place = window.locate(RECORD_HEADER, captured);
            window.skip(record);
            // Cumulative, as RFC 1761 has it.
            let before = info.dropped.unwrap_or_default();
            let time =
                CaptureTime::from_parts(i64::from(header.seconds), i64::from(header.micros).saturating_mul(1_000));
            info.dropped = Some(u64::from(header.drops).max(before));
            info.loss(u64::from(header.drops).saturating_sub(before), info.last_time.unwrap_or(time), time);
            *into = Record {
                number: info.packets.saturating_add(1),
                time,
                link: self.link,
                interface: 0,
                packet_id: None,
                place,
                original_len: header.original.max(header.captured),
            };
            return Ok(true);
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

/// Whether records begin at the next byte: one, and another behind it or the
/// end of the file. A header holds both a length and what it follows from.
fn is_proven(window: &mut Window) -> io::Result<bool> {
    window.ensure(RECORD_HEADER)?;
    let Some(first) = Header::read(window.unread(), 0).filter(Header::is_plausible) else { return Ok(false) };
    let next = first.record as usize;
    if !window.ensure(next.saturating_add(RECORD_HEADER))? {
        return Ok(window.len() == next);
    }
    Ok(first.captured > 0 && Header::read(window.unread(), next).is_some_and(|h| h.is_plausible()))
}

#[cfg(test)]
mod tests {
    use crate::capture::written::{expected, notices, packets, read, snoop};

    #[test]
    fn packets_and_losses_are_read() {
        let sent = packets(10);
        let (got, info) = read(&snoop(&sent));
        assert_eq!(got, expected(&sent));
        assert_eq!((info.dropped, info.incomplete), (Some(7), false));
    }

    #[test]
    fn a_hole_costs_only_what_it_covers() {
        let sent = packets(40);
        let at = 16 + sent[..12].iter().map(|p| 24 + p.data.len().next_multiple_of(4)).sum::<usize>();
        for fill in [0, 0xff, 0x41] {
            let mut bytes = snoop(&sent);
            bytes[at..at + 200].fill(fill);
            let (got, info) = read(&bytes);
            assert_eq!(got[..12], expected(&sent)[..12]);
            assert_eq!(got.last().unwrap().5, sent[39].data);
            assert!(got.len() >= 36);
            assert_eq!(notices(&info), ["file-damaged"]);
        }
    }

    #[test]
    fn a_cut_gives_all_before_it() {
        let sent = packets(6);
        let whole = snoop(&sent);
        for cut in 17..whole.len() {
            let (got, info) = read(&whole[..cut]);
            assert!(expected(&sent).starts_with(&got), "cut at {cut}");
            assert!(info.notices.is_empty() || notices(&info) == ["file-cut-short"], "cut at {cut}");
        }
        assert_eq!(read(&whole[..whole.len() - 1]).0.len(), 6, "padding is no loss");
        assert_eq!(read(&whole[..whole.len() - 5]).0.len(), 5);
    }
}
