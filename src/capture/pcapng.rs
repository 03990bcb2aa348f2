//! pcapng: draft-ietf-opsawg-pcapng, whose section numbers stand below.
//!
//! Blocks are walked here rather than by `pcap-parser` (which the tests use as
//! the oracle): it decodes the option values of big-endian sections as
//! little-endian and refuses every binary time resolution, and a damaged
//! option must not cost the block that holds it.

use std::io;

use super::info::{CaptureInfo, INTERFACE_UNKNOWN, Interface, SecretsKind, TIME_MISSING, text};
use super::options::Options;
use super::record::{Order, Record, search};
use super::resolution::Resolution;
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

    /// The next packet; `None` at the end of what can be read.
    pub(super) fn next(&mut self, window: &mut Window, info: &mut CaptureInfo) -> io::Result<Option<Record>> {
        loop {
            let Some(block) = self.next_block(window, info)? else { return Ok(None) };
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
                return Ok(Some(record));
            }
        }
    }

    /// Makes the next whole block available (§3.1): one whose two lengths agree.
    #[inline]
    fn next_block(&mut self, window: &mut Window, info: &mut CaptureInfo) -> io::Result<Option<Block>> {
        loop {
            if !window.ensure(12)? {
                if window.len() > 0 {
                    info.cut_short(window.offset(), "a block");
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
            if !self.find_next(window, info)? {
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

    /// Searches behind a block that cannot be read for the next that can;
    /// `false` when there is none, and the file ends here for us.
    #[cold]
    fn find_next(&self, window: &mut Window, info: &mut CaptureInfo) -> io::Result<bool> {
        let from = window.offset();
        let length = self.order.u32_at(window.unread(), 4).unwrap_or_default();
        let may_be_cut = (12..=MAX_RECORD as u32).contains(&length) && length as usize > window.len();
        let found = search(window, |window| {
            let block = self.block(window.unread(), MAX_SEARCHED_BLOCK).filter(|block| block.is_known());
            let Some(block) = block else { return Ok(false) };
            Ok(window.ensure(block.len)? && block.lengths_agree(window.unread()))
        })?;
        if !found {
            window.skip(window.len());
        }
        if found || !may_be_cut {
            info.damaged(from, window.offset().saturating_sub(from), "a block");
        } else {
            info.cut_short(from, "a block");
        }
        Ok(found)
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
            packet_id = self.packet_options(bytes.get(options..block.len.saturating_sub(4))?, info);
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
            self.lost(u64::from(lost), info);
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
            info.damaged(window.offset(), 0, "the length of a packet");
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
    fn packet_options(&mut self, bytes: &[u8], info: &mut CaptureInfo) -> Option<u64> {
        let mut packet_id = None;
        let order = self.order;
        for (code, value) in Options::new(order, bytes) {
            match code {
                1 => info.comment(Some(Frame { capture: self.id, number: self.number }), value),
                4 => self.lost(order.u64_at(value, 0).unwrap_or_default(), info),
                5 => packet_id = order.u64_at(value, 0),
                _ => {}
            }
        }
        packet_id
    }

    /// Blocks without a packet.
    fn describe(&mut self, window: &Window, block: Block, info: &mut CaptureInfo) {
        let Some(bytes) = window.unread().get(..block.len.saturating_sub(4)) else { return };
        match block.kind {
            SECTION_HEADER => self.section_header(bytes, info),
            INTERFACE_DESCRIPTION => self.interface_description(bytes, info),
            INTERFACE_STATISTICS => self.interface_statistics(bytes, info),
            DECRYPTION_SECRETS => self.decryption_secrets(bytes, info),
            // Wireshark shows these as frames of their own and counts them.
            SYSTEMD_JOURNAL | CUSTOM | CUSTOM_NO_COPY => self.number = self.number.saturating_add(1),
            _ => {}
        }
    }

    /// Section Header Block (§4.1).
    fn section_header(&mut self, bytes: &[u8], info: &mut CaptureInfo) {
        self.interfaces.clear();
        self.first_listed = info.interfaces.len();
        let (mut hardware, mut system, mut program) = (None, None, None);
        for (code, value) in Options::new(self.order, bytes.get(24..).unwrap_or_default()) {
            match code {
                1 => info.comment(None, value),
                2 => hardware = Some(text(value)),
                3 => system = Some(text(value)),
                4 => program = Some(text(value)),
                _ => {}
            }
        }
        info.written_by = info.written_by.take().or(program).or(system).or(hardware);
    }

    /// Interface Description Block (§4.2).
    fn interface_description(&mut self, bytes: &[u8], info: &mut CaptureInfo) {
        let order = self.order;
        let link = LinkType(order.u16_at(bytes, 8).unwrap_or_default().into());
        let snap_len = order.u32_at(bytes, 12).unwrap_or_default();
        let mut listed = Interface { snap_len: Some(snap_len).filter(|len| *len > 0), ..Interface::new(link) };
        let (mut exponent, mut offset) = (6, 0);
        for (code, value) in Options::new(order, bytes.get(16..).unwrap_or_default()) {
            match code {
                1 => info.comment(None, value),
                2 => listed.name = Some(text(value)),
                3 => listed.description = Some(text(value)),
                9 => exponent = value.first().copied().unwrap_or(6),
                14 => offset = order.u64_at(value, 0).unwrap_or_default().cast_signed(),
                _ => {}
            }
        }
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(Source { link, snap_len, resolution: Resolution::new(exponent, offset) });
        } else {
            info.limit("interfaces in a section", MAX_INTERFACES);
        }
        info.interface(listed);
    }

    /// Interface Statistics Block (§4.6): received 4, dropped by the interface
    /// 5, by the operating system 7. The counters only grow; the last one counts.
    fn interface_statistics(&mut self, bytes: &[u8], info: &mut CaptureInfo) {
        let order = self.order;
        let index = order.u32_at(bytes, 8).map(|i| self.first_listed.saturating_add(i as usize));
        let Some(listed) = index.and_then(|i| info.interfaces.get_mut(i)) else { return };
        let mut dropped: Option<u64> = None;
        for (code, value) in Options::new(order, bytes.get(20..).unwrap_or_default()) {
            let Some(count) = order.u64_at(value, 0) else { continue };
            match code {
                4 => listed.received = Some(count),
                5 | 7 => dropped = Some(dropped.unwrap_or_default().saturating_add(count)),
                _ => {}
            }
        }
        if let Some(dropped) = dropped {
            let before = listed.dropped.replace(dropped).unwrap_or_default();
            let others = self.counted.unwrap_or_default().saturating_sub(before);
            self.counted = Some(others.saturating_add(dropped));
            info.dropped = self.counted;
        }
    }

    /// Packets tell of losses too; that counts only where no statistics do.
    fn lost(&mut self, more: u64, info: &mut CaptureInfo) {
        let lost = self.lost.unwrap_or_default().saturating_add(more);
        self.lost = Some(lost);
        if self.counted.is_none() {
            info.dropped = self.lost;
        }
    }

    /// Decryption Secrets Block (§4.7).
    fn decryption_secrets(&self, bytes: &[u8], info: &mut CaptureInfo) {
        let Some(kind) = self.order.u32_at(bytes, 8) else { return };
        let len = self.order.u32_at(bytes, 12).unwrap_or_default() as usize;
        let Some(data) = bytes.get(16..) else { return };
        info.secret(SecretsKind(kind), data.get(..len).unwrap_or(data));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::written::{Got, In, Sent, expected, notices, packets, read};

    const LITTLE: In = In { big: false };
    const BIG: In = In { big: true };

    #[test]
    fn both_byte_orders_give_the_same_packets() {
        let sent = packets(20);
        for order in [LITTLE, BIG] {
            let (got, info) = read(&order.pcapng(&sent));
            assert_eq!(got, expected(&sent));
            assert!(!info.incomplete && info.notices.is_empty());
        }
    }

    #[test]
    fn sections_and_interfaces_differ_in_everything() {
        let sent = packets(4);
        let offset = 1_000_000_000_i64;
        let earlier = Sent { nanos: sent[3].nanos - offset * 1_000_000_000, ..sent[3].clone() };
        let mut bytes = LITTLE.section(&LITTLE.option(4, b"etl2pcapng"));
        bytes.extend(LITTLE.interface(1, 0, &LITTLE.option(2, b"eth0")));
        bytes.extend(LITTLE.interface(101, 96, &LITTLE.option(9, &[9])));
        bytes.extend(LITTLE.enhanced(1, 1, &sent[0], &[]));
        bytes.extend(LITTLE.enhanced(0, 1_000, &sent[1], &[]));
        bytes.extend(BIG.section(&[]));
        bytes.extend(BIG.interface(276, 0, &BIG.option(9, &[3])));
        let mut options = BIG.option(14, &BIG.u64(offset as u64));
        options.extend(BIG.option(3, b"second"));
        bytes.extend(BIG.interface(0, 0, &options));
        bytes.extend(BIG.enhanced(0, 1_000_000, &sent[2], &[]));
        bytes.extend(BIG.enhanced(1, 1_000, &earlier, &[]));
        let (got, info) = read(&bytes);
        let seen: Vec<_> = got.iter().map(|p| (p.1, p.2, p.3)).collect();
        let times: Vec<_> = sent.iter().map(|p| p.nanos).collect();
        assert_eq!(seen, [(times[0], 101, 1), (times[1], 1, 0), (times[2], 276, 0), (times[3], 0, 1)]);
        assert_eq!(info.link_types, [LinkType::RAW, LinkType::ETHERNET, LinkType::LINUX_SLL2, LinkType::NULL]);
        assert_eq!(info.written_by.as_deref(), Some("etl2pcapng"));
        let names: Vec<_> = info.interfaces.iter().map(|i| (i.name.as_deref(), i.snap_len)).collect();
        assert_eq!(names, [(Some("eth0"), None), (None, Some(96)), (None, None), (None, None)]);
        assert_eq!(info.interfaces[3].description.as_deref(), Some("second"));
    }

    #[test]
    fn every_kind_of_block_is_read_or_passed_over() {
        let sent = packets(4);
        let o = LITTLE;
        let mut bytes = o.section(&o.option(1, b"from the branch office"));
        bytes.extend(o.interface(1, 50, &[]));
        let mut options = o.option(1, b"PID=4");
        options.extend(o.option(5, &o.u64(0xfeed)));
        options.extend(o.option(4, &o.u64(3)));
        bytes.extend(o.enhanced(0, 1_000, &sent[0], &options));
        // Name resolution, an unknown block, secrets.
        bytes.extend(o.block(4, &[0; 8]));
        bytes.extend(o.block(0x7777, &[1, 2, 3]));
        let log = b"CLIENT_RANDOM 00 11\n";
        let mut secrets = o.u32(0x544c_534b).to_vec();
        secrets.extend(o.u32(log.len() as u32));
        secrets.extend(log);
        bytes.extend(o.block(10, &secrets));
        // A simple packet, cut to the snap length.
        let long = Sent { data: vec![7; 50], original: 1_514, ..sent[1].clone() };
        let mut simple = o.u32(1_514).to_vec();
        simple.extend(&long.data);
        bytes.extend(o.block(3, &simple));
        // The obsolete packet block, with two losses.
        let ticks = (sent[2].nanos / 1_000) as u64;
        let mut old = [0, 0, 2, 0].to_vec();
        old.extend(o.u32((ticks >> 32) as u32));
        old.extend(o.u32(ticks as u32));
        old.extend(o.u32(sent[2].data.len() as u32));
        old.extend(o.u32(sent[2].original));
        old.extend(&sent[2].data);
        bytes.extend(o.block(2, &old));
        let (got, info) = read(&bytes);
        let simple: Got = (2, sent[0].nanos, 1, 0, None, long.data, 1_514);
        let mut expected = expected(&sent[..3]);
        expected[0].4 = Some(0xfeed);
        expected[1] = simple;
        assert_eq!(got, expected);
        assert_eq!(notices(&info), ["time-missing"]);
        assert_eq!(info.secrets[0].kind, SecretsKind::TLS_KEY_LOG);
        assert_eq!(info.secrets[0].data.expose(), log);
        assert!(!format!("{info:?}").contains("CLIENT_RANDOM"));
        let comments: Vec<_> = info.comments.iter().map(|c| (c.frame, c.text.as_str())).collect();
        assert_eq!(comments, [(None, "from the branch office"), (Some(Frame::new(0, 1)), "PID=4")]);
        assert_eq!((info.dropped, info.cut_packets), (Some(5), 2));
    }

    #[test]
    fn statistics_count_losses_and_the_last_ones_count() {
        let statistics = |interface, options: &[u8]| {
            let mut body = BIG.u32(interface).to_vec();
            body.extend([0; 8]);
            body.extend(options);
            BIG.block(5, &body)
        };
        let count = |code, n: u64| BIG.option(code, &BIG.u64(n));
        let mut bytes = BIG.pcapng(&packets(1));
        bytes.extend(BIG.interface(1, 0, &[]));
        bytes.extend(statistics(0, &[count(4, 100), count(5, 7)].concat()));
        bytes.extend(statistics(1, &count(5, 1)));
        bytes.extend(statistics(0, &[count(4, 200), count(5, 8), count(7, 2)].concat()));
        bytes.extend(statistics(9, &count(5, 1_000)));
        let (_, info) = read(&bytes);
        assert_eq!(info.dropped, Some(11));
        assert_eq!((info.interfaces[0].received, info.interfaces[0].dropped), (Some(200), Some(10)));
    }

    #[test]
    fn a_cut_anywhere_gives_all_before_it() {
        let sent = packets(5);
        let whole = BIG.pcapng(&sent);
        let mut ends = vec![28, 48];
        for packet in &sent {
            ends.push(ends.last().unwrap() + 32 + packet.data.len().next_multiple_of(4));
        }
        for cut in 28..whole.len() {
            let (got, info) = read(&whole[..cut]);
            let complete = ends.iter().filter(|end| **end <= cut).count().saturating_sub(2);
            assert_eq!(got, expected(&sent)[..complete], "cut at {cut}");
            assert_eq!(info.incomplete, !ends.contains(&cut), "cut at {cut}");
            if info.incomplete {
                assert_eq!(notices(&info), ["file-cut-short"], "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_hole_costs_only_what_it_covers() {
        let sent = packets(40);
        for fill in [0, 0xff, 6] {
            let mut bytes = LITTLE.pcapng(&sent);
            bytes[1_001..1_300].fill(fill);
            let (got, info) = read(&bytes);
            assert_eq!(notices(&info), ["file-damaged"]);
            assert_eq!(
                got[..9].iter().map(|p| &p.5).collect::<Vec<_>>(),
                sent[..9].iter().map(|p| &p.data).collect::<Vec<_>>()
            );
            assert_eq!(got.last().unwrap().5, sent[39].data);
            assert!(got.len() >= 34, "{}", got.len());
        }
    }

    #[test]
    fn hostile_lengths_neither_allocate_nor_loop() {
        let sent = packets(2);
        for len in [0, 4, 11, 12, 13, 0x7fff_fffc, u32::MAX] {
            let mut bytes = LITTLE.pcapng(&sent[..1]);
            bytes.extend(LITTLE.u32(6));
            bytes.extend(LITTLE.u32(len));
            bytes.resize(bytes.len() + 64, 0xee);
            bytes.extend(LITTLE.enhanced(0, 1_000, &sent[1], &[]));
            let (got, info) = read(&bytes);
            assert_eq!(got, expected(&sent), "{len}");
            assert!(info.incomplete);
        }
    }

    #[test]
    fn a_packet_longer_than_its_block_gives_what_is_there() {
        let mut bytes = LITTLE.pcapng(&packets(1));
        let at = 48 + 20;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let (got, info) = read(&bytes);
        assert_eq!((got.len(), got[0].5.len()), (1, 40));
        assert!(info.incomplete);
    }

    #[test]
    fn a_packet_of_no_interface_is_passed_over() {
        let sent = packets(2);
        let mut bytes = LITTLE.pcapng(&[]);
        bytes.extend(LITTLE.enhanced(3, 1_000, &sent[0], &[]));
        bytes.extend(LITTLE.enhanced(0, 1_000, &sent[1], &[]));
        let (got, info) = read(&bytes);
        assert_eq!(got.len(), 1);
        assert_eq!(notices(&info), ["interface-unknown"]);
    }

    #[test]
    fn a_million_interfaces_stay_within_bounds() {
        let mut bytes = LITTLE.section(&[]);
        for _ in 0..70_000 {
            bytes.extend(LITTLE.interface(1, 0, &[]));
        }
        bytes.extend(LITTLE.enhanced(65_535, 1_000, &packets(1)[0], &[]));
        let (got, info) = read(&bytes);
        assert_eq!((got.len(), info.interfaces.len()), (1, 1_024));
        assert_eq!(notices(&info), ["capture-details-limit"]);
    }
}
