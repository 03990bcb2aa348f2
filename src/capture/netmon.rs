//! Microsoft Network Monitor 2.x, as its 3.4 help file describes it ("Network
//! Monitor capture file format"): a table at the end of the file says where
//! each frame lies, and each frame may be of another media type.

use std::io;

use super::info::{CaptureInfo, Interface, TIME_ZONE_UNKNOWN};
use super::record::{MAX_PACKET, Order, Record};
use super::window::Window;
use crate::base::{CaptureTime, LinkType};

/// The largest NetMon capture that is taken into memory, from a pipe or a
/// compression. NetMon's own default is 20 MB, and it warns above 500 MB.
pub(super) const MAX_IN_MEMORY: usize = 512 * 1024 * 1024;

/// Entries of the frame table that are held at once.
const TABLE_CHUNK: usize = 16 * 1024;

/// How often the file may be read over, before its table is called hostile:
/// one that makes us jump to and fro for every frame is never written.
const MAX_REREADS: u64 = 16;

const FILE_HEADER: usize = 128;
const FRAME_HEADER: usize = 16;

/// 100 ns intervals from 1601, where FILETIME begins, to 1970.
const FILETIME_EPOCH: i64 = 116_444_736_000_000_000;

/// Link types that the tcpdump registry does not have: NetMon's media type
/// above everything that the registry can hold.
const MEDIA_TYPE: u32 = 0x1_0000;

/// The walker of a NetMon file's frames.
#[derive(Debug)]
pub(super) struct NetMon {
    minor: u8,
    media_type: u16,
    start: CaptureTime,
    table: Table,
    number: u64,
}

/// Where the next frame lies.
#[derive(Debug)]
enum Table {
    /// Offset of the entries not yet read, how many, and those that were.
    Listed { at: u64, left: u32, entries: std::vec::IntoIter<u32> },
    /// The file was cut before its table: frame follows frame.
    Lost { next: u64 },
}

impl NetMon {
    /// Reads the file header; `None` when it is cut short.
    pub(super) fn begin(window: &mut Window, info: &mut CaptureInfo) -> io::Result<Option<Self>> {
        if !window.ensure(FILE_HEADER)? {
            return Ok(None);
        }
        let bytes = window.unread();
        let (Some(&[minor, _]), Some(media_type)) =
            (bytes.get(4..).and_then(|b| b.first_chunk::<2>()), Order::Little.u16_at(bytes, 6))
        else {
            return Ok(None);
        };
        let at = u64::from(Order::Little.u32_at(bytes, 24).unwrap_or_default());
        let left = Order::Little.u32_at(bytes, 28).unwrap_or_default() / 4;
        let start = start_time(bytes).unwrap_or_default();
        if minor < 3 {
            info.notices.add(TIME_ZONE_UNKNOWN, None, || {
                "this version of NetMon's format stores local time without its zone; it is shown as UTC".to_owned()
            });
        }
        let table = if left > 0 && window.source().stored().and_then(|s| s.total).is_none_or(|total| at < total) {
            Table::Listed { at, left, entries: Vec::new().into_iter() }
        } else {
            info.cut_short(window, at, "the table of frames");
            Table::Lost { next: FILE_HEADER as u64 }
        };
        Ok(Some(Self { minor, media_type, start, table, number: 0 }))
    }

    /// Puts the next packet `into` its place; `false` at the end of what can be
    /// read.
    pub(super) fn next(&mut self, window: &mut Window, info: &mut CaptureInfo, into: &mut Record) -> io::Result<bool> {
        while let Some(offset) = self.next_offset(window, info)? {
            if !window.go_to(offset)? || !window.ensure(FRAME_HEADER)? {
                self.unreadable(offset, info);
                continue;
            }
            let field = |at| Order::Little.u32_at(window.unread(), at).unwrap_or_default();
            let (original, captured) = (field(8), field(12));
            let trailer = FRAME_HEADER.saturating_add(captured as usize);
            let whole = trailer.saturating_add(self.trailer_len());
            if captured > MAX_PACKET || !window.ensure(whole)? {
                self.unreadable(offset, info);
                continue;
            }
            if let Table::Lost { next } = &mut self.table {
                *next = offset.saturating_add(whole as u64);
            }
            let (link, header) = match self.media(window.unread().get(trailer..).unwrap_or_default()) {
                Media::Packets(link) => (link, 0),
                // Network Monitor's own header before an 802.11 frame: a
                // version byte, then its length.
                Media::Wireless => {
                    let data = window.unread().get(FRAME_HEADER..trailer).unwrap_or_default();
                    (LinkType::IEEE802_11, usize::from(Order::Little.u16_at(data, 1).unwrap_or_default()))
                }
                Media::Counted => {
                    self.number = self.number.saturating_add(1);
                    continue;
                }
                Media::NotCounted => continue,
            };
            let time = self.time(window.unread(), trailer);
            let header = header.min(captured as usize);
            let place = window.locate(FRAME_HEADER.saturating_add(header), (captured as usize).saturating_sub(header));
            window.skip(whole);
            self.number = self.number.saturating_add(1);
            if !info.link_types.contains(&link) {
                info.interface(Interface::new(link));
            }
            *into = Record {
                number: self.number,
                time,
                link,
                interface: 0,
                packet_id: None,
                place,
                original_len: original.max(captured).saturating_sub(header as u32),
            };
            return Ok(true);
        }
        Ok(false)
    }

    /// Where the next frame lies; `None` at the end.
    fn next_offset(&mut self, window: &mut Window, info: &mut CaptureInfo) -> io::Result<Option<u64>> {
        let (at, left, entries) = match &mut self.table {
            Table::Lost { next } => return Ok(Some(*next).filter(|next| *next < u64::MAX)),
            Table::Listed { at, left, entries } => (at, left, entries),
        };
        if let Some(entry) = entries.next() {
            return Ok(Some(entry.into()));
        }
        let hostile = window.source().stored().is_some_and(|stored| {
            stored.total.is_some_and(|total| stored.read > total.saturating_mul(MAX_REREADS).saturating_add(1 << 24))
        });
        if *left == 0 || hostile {
            if hostile {
                info.damaged(*at, u64::from(*left).saturating_mul(4), false, "the table of frames");
            }
            return Ok(None);
        }
        let wanted = TABLE_CHUNK.min(*left as usize);
        window.go_to(*at)?;
        window.ensure(wanted.saturating_mul(4))?;
        let chunk = window.unread().chunks_exact(4).take(wanted);
        let found: Vec<u32> = chunk.filter_map(|entry| Order::Little.u32_at(entry, 0)).collect();
        if found.len() < wanted {
            info.cut_short(window, *at, "the table of frames");
            if found.is_empty() && self.number == 0 {
                self.table = Table::Lost { next: FILE_HEADER as u64 };
                return Ok(Some(FILE_HEADER as u64));
            }
            *left = 0;
        } else {
            *left = left.saturating_sub(wanted as u32);
        }
        *at = at.saturating_add((wanted as u64).saturating_mul(4));
        *entries = found.into_iter();
        Ok(entries.next().map(u64::from))
    }

    /// A frame that is not there or cannot be: the table leads on to the next.
    fn unreadable(&mut self, offset: u64, info: &mut CaptureInfo) {
        match &mut self.table {
            Table::Listed { .. } => info.damaged(offset, FRAME_HEADER as u64, true, "a frame"),
            Table::Lost { next } => {
                info.incomplete = true;
                *next = u64::MAX;
            }
        }
    }

    /// What follows a frame's bytes, by minor version: media type; process; UTC
    /// time and time zone.
    const fn trailer_len(&self) -> usize {
        match self.minor {
            0 => 0,
            1 => 2,
            2 => 6,
            _ => 15,
        }
    }

    fn media(&self, trailer: &[u8]) -> Media {
        let own = if self.minor == 0 { None } else { Order::Little.u16_at(trailer, 0) };
        match own.unwrap_or(self.media_type) {
            // Network Monitor 3.4 writes 0 for Ethernet frames of a VPN.
            0 | 1 => Media::Packets(LinkType::ETHERNET),
            6 => Media::Wireless,
            7..=9 => Media::Packets(LinkType::RAW),
            0xe080 => Media::Packets(LinkType::IEEE802_11),
            other @ 0xe081..=0xe08a => Media::Packets(LinkType(MEDIA_TYPE | u32::from(other))),
            // Converted from pcap: a link type of the registry.
            pcap @ 0xe000..=0xefff => Media::Packets(LinkType(u32::from(pcap & 0x0fff))),
            // Events, adapters, filters: no packets, but frames to Wireshark.
            0xffe0 | 0xfffb | 0xffff => Media::Counted,
            0xfffc..=0xfffe => Media::NotCounted,
            other => Media::Packets(LinkType(MEDIA_TYPE | u32::from(other))),
        }
    }

    fn time(&self, frame: &[u8], trailer: usize) -> CaptureTime {
        if self.minor >= 3 {
            let filetime = Order::Little.u64_at(frame, trailer.saturating_add(6)).unwrap_or_default();
            let since = i64::try_from(filetime).unwrap_or(i64::MAX).saturating_sub(FILETIME_EPOCH);
            return CaptureTime::from_nanos(since.saturating_mul(100));
        }
        // Microseconds; frames may lie before the nominal start.
        let delta = Order::Little.u64_at(frame, 0).unwrap_or_default().cast_signed();
        CaptureTime::from_nanos(self.start.nanos().saturating_add(delta.saturating_mul(1_000)))
    }
}

/// What a frame's media type stands for.
enum Media {
    Packets(LinkType),
    Wireless,
    /// No packet; Wireshark gives it a frame number.
    Counted,
    /// No packet, and no frame to Wireshark.
    NotCounted,
}

/// The SYSTEMTIME in the file header: year, month, day of the week, day, hour,
/// minute, second, millisecond.
fn start_time(header: &[u8]) -> Option<CaptureTime> {
    let field = |index: usize| Order::Little.u16_at(header, 8_usize.saturating_add(index.saturating_mul(2)));
    let small = |index| field(index).and_then(|value| i8::try_from(value).ok());
    let year = i16::try_from(field(0)?).ok()?;
    let millis = i32::from(field(7)?).min(999);
    let date = jiff::civil::Date::new(year, small(1)?, small(3)?).ok()?;
    let time = jiff::civil::Time::new(small(4)?, small(5)?, small(6)?, millis.saturating_mul(1_000_000)).ok()?;
    let start = jiff::tz::TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    Some(CaptureTime::from_parts(start.as_second(), start.subsec_nanosecond().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::written::{expected, netmon, notices, packets, read};

    /// Where the table of frames begins.
    fn table_at(bytes: &[u8]) -> usize {
        u32::from_le_bytes(bytes[24..28].try_into().unwrap()) as usize
    }

    #[test]
    fn the_table_tells_the_order() {
        let sent = packets(3);
        let mut bytes = netmon(&sent);
        let at = table_at(&bytes);
        let (first, last) = (bytes[at..at + 4].to_vec(), bytes[at + 8..at + 12].to_vec());
        bytes[at..at + 4].copy_from_slice(&last);
        bytes[at + 8..at + 12].copy_from_slice(&first);
        let (got, info) = read(&bytes);
        let data: Vec<_> = got.iter().map(|p| &p.5).collect();
        assert_eq!(data, [&sent[2].data, &sent[1].data, &sent[0].data]);
        assert!(!info.incomplete);
    }

    #[test]
    fn a_lost_table_costs_nothing_but_a_notice() {
        let sent = packets(8);
        let bytes = netmon(&sent);
        for cut in [table_at(&bytes), table_at(&bytes) - 3, table_at(&bytes) + 3] {
            let (got, info) = read(&bytes[..cut]);
            let whole = if cut < table_at(&bytes) { 7 } else { 8 };
            assert_eq!(got, expected(&sent)[..whole], "cut at {cut}");
            assert_eq!(notices(&info), ["file-cut-short"]);
        }
    }

    #[test]
    fn each_frame_has_its_media_type() {
        let sent = packets(5);
        let mut bytes = netmon(&sent);
        let mut at = 128;
        for (packet, media) in sent.iter().zip([9_u16, 0xe071, 0xffe0, 0xfffd, 0xe083]) {
            at += 16 + packet.data.len();
            bytes[at..at + 2].copy_from_slice(&media.to_le_bytes());
            at += 15;
        }
        let links: Vec<_> = read(&bytes).0.iter().map(|p| (p.0, p.2)).collect();
        let expected = [(1, LinkType::RAW.0), (2, LinkType::LINUX_SLL.0), (4, 0x1_e083)];
        assert_eq!(links, expected, "events are frames, lists of adapters are not");
    }

    #[test]
    fn older_versions_count_from_the_start_of_the_capture() {
        let sent = packets(2);
        let mut bytes = netmon(&sent);
        bytes[4] = 0;
        // 2026-10-14 00:26:40.000
        for (i, field) in [2026_u16, 10, 3, 14, 0, 26, 40, 0].into_iter().enumerate() {
            bytes[8 + i * 2..10 + i * 2].copy_from_slice(&field.to_le_bytes());
        }
        bytes[128..136].copy_from_slice(&1_500_i64.to_le_bytes());
        let (got, info) = read(&bytes);
        assert_eq!(got[0].1, 1_791_937_600_001_500_000);
        assert_eq!(notices(&info), ["time-zone-unknown"]);
    }

    #[test]
    fn a_hostile_table_is_not_followed_for_ever() {
        // Two frames, far apart, named in turns a hundred thousand times.
        let sent = packets(2);
        let mut bytes = netmon(&sent);
        let second = 128 + 16 + sent[0].data.len() + 15;
        let (head, tail) = bytes.split_at(second);
        let far = [head, &[0; 600_000], &tail[..tail.len() - 8]].concat();
        bytes = far;
        let at = bytes.len() as u32;
        bytes[24..28].copy_from_slice(&at.to_le_bytes());
        bytes[28..32].copy_from_slice(&800_000_u32.to_le_bytes());
        for _ in 0..100_000 {
            bytes.extend(128_u32.to_le_bytes());
            bytes.extend((second as u32 + 600_000).to_le_bytes());
        }
        let (got, info) = read(&bytes);
        assert!(got.len() < 50_000, "{}", got.len());
        assert!(info.incomplete);
    }
}
