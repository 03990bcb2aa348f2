//! Classic pcap: draft-ietf-opsawg-pcap, and the variants that Wireshark knows
//! by their magic.
//!
//! The records are walked here rather than by `pcap-parser`: a record header
//! is four numbers, walking it in place costs a third less, and only a walker
//! that sees raw offsets can find its way again after damage.

use std::io;

use super::info::{CaptureInfo, Format, Interface};
use super::packet::{Packet, Taker};
use super::record::{MAX_PACKET, Order, Origin, Record, Run};
use super::resync::resync;
use super::window::{MAX_RECORD, Window};
use crate::base::{CaptureTime, LinkType};

/// Headers in a row that prove that records begin here. Three random ones pass
/// the checks once in 2^60.
const PROOF: usize = 3;

/// Packets of one capture are expected within this many seconds of each other:
/// a year.
const PLAUSIBLE_SECONDS: u32 = 366 * 86_400;

/// The walker of a pcap's records.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in the unit of the second time field.
    unit: u32,
    header_len: usize,
    max_packet: u32,
    link: LinkType,
    /// The seconds of the first and the last packet. Both: after damage, the
    /// last may have been read out of the middle of another.
    seconds: Option<(u32, u32)>,
}

/// The first four fields of a record header; every variant has them.
#[derive(Clone, Copy)]
struct Header {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl Pcap {
    /// Reads the file header; `None` when it is cut short.
    pub(super) fn begin(window: &mut Window, format: Format, info: &mut CaptureInfo) -> io::Result<Option<Self>> {
        let header_len = if format == Format::PcapIxia { 28 } else { 24 };
        if !window.ensure(header_len)? {
            return Ok(None);
        }
        let Some(&[magic, m1, m2, m3, _, _, _, _, _, _, _, _, _, _, _, _, s0, s1, s2, s3, l0, l1, l2, l3]) =
            window.unread().first_chunk::<24>()
        else {
            return Ok(None);
        };
        let order = if matches!(magic, 0xa1 | 0x1c) { Order::Big } else { Order::Little };
        let snap_len = order.u32([s0, s1, s2, s3]);
        // The upper bits tell the length of a frame check sequence, which no
        // reader of IP needs: lengths inside the packet delimit it.
        let link = LinkType(order.u32([l0, l1, l2, l3]) & 0xffff);
        let hardware_ixia = format == Format::PcapIxia && [magic, m1, m2, m3].contains(&0xac);
        let unit = if format == Format::PcapNanoseconds || hardware_ixia { 1 } else { 1_000 };
        window.skip(header_len);
        // 0 and 2^31 - 1 both stand for "all".
        let limited = (1..=MAX_PACKET).contains(&snap_len);
        info.interface(Interface { snap_len: limited.then_some(snap_len), ..Interface::new(link) });
        let mut walker = Self {
            order,
            unit,
            header_len: if format == Format::PcapModified { 24 } else { 16 },
            max_packet: snap_len.min(MAX_RECORD as u32 / 2).max(MAX_PACKET),
            link,
            seconds: None,
        };
        if walker.find_variant(window)? {
            info.format = Format::PcapModified;
        }
        Ok(Some(walker))
    }

    /// Patched libpcaps of the nineties (Red Hat 6.1, SuSE 6.3) and Nokia's
    /// firewalls wrote longer record headers under the usual magics. Whether
    /// this file is of those: asked only of files, since a pipe would have to
    /// wait for its third packet.
    fn find_variant(&mut self, window: &mut Window) -> io::Result<bool> {
        if window.source().position().1.is_none() || self.is_proven(window)? {
            return Ok(false);
        }
        let usual = self.header_len;
        for longer in [usual.saturating_add(4), usual.saturating_add(8)] {
            self.header_len = longer;
            if self.is_proven(window)? {
                return Ok(true);
            }
        }
        self.header_len = usual;
        Ok(false)
    }

    /// Puts the next packet `into` its place; `false` at the end of what can be
    /// read.
    #[inline]
    pub(super) fn next(&mut self, window: &mut Window, info: &mut CaptureInfo, into: &mut Record) -> io::Result<bool> {
        if let Some((_, last)) = self.seconds
            && let Some((header, _)) = self.beyond_doubt(window.unread(), last)
        {
            self.take(header, window, info, into);
            return Ok(true);
        }
        self.next_in_doubt(window, info, into)
    }

    /// Gives `taker` the next packets, where they are whole in the window, beyond
    /// doubt and no later than `until`, for as long as it wants more: nearly all
    /// packets, without a step back to whoever asks for them. `None`: there was
    /// no such packet.
    // A loop of its own, whose registers nothing else wants.
    #[inline(never)]
    pub(super) fn run(
        &mut self,
        window: &mut Window,
        info: &CaptureInfo,
        until: CaptureTime,
        from: Origin,
        taker: &mut impl Taker,
    ) -> Option<Run> {
        let (first, mut last_second) = self.seconds?;
        let (unread, header_len, link) = (window.unread(), self.header_len, self.link);
        let Origin { before, vantage } = from;
        let (mut at, mut frame, mut run) = (0_usize, before, Run::begin(info));
        while let Some((header, record)) = unread.get(at..).and_then(|bytes| self.beyond_doubt(bytes, last_second)) {
            let time = self.time(header);
            let Some(data) = record.get(header_len..) else { break };
            if time > until {
                break;
            }
            at = at.wrapping_add(record.len());
            last_second = header.seconds;
            let original_len = header.original.max(header.captured);
            frame.number = frame.number.wrapping_add(1);
            run.add(data.len(), original_len, time, frame.number);
            taker.expect(unread.get(at.wrapping_add(header_len)..).unwrap_or_default(), vantage);
            let packet = Packet { frame, time, link, interface: 0, vantage, packet_id: None, data, original_len };
            if !taker.take(&packet) {
                break;
            }
        }
        run.packets = frame.number.wrapping_sub(before.number);
        if run.packets == 0 {
            return None;
        }
        self.seconds = Some((first, last_second));
        window.skip(at);
        Some(run)
    }

    /// The record that `bytes` begin with, and its header, where it is whole and
    /// fits what came before, in second `last`: of nearly every one.
    #[inline]
    fn beyond_doubt<'a>(&self, bytes: &'a [u8], last: u32) -> Option<(Header, &'a [u8])> {
        let header = self.header(bytes)?;
        let record = bytes.get(..self.header_len.wrapping_add(header.captured as usize))?;
        // As few branches as there are: the seconds may wrap, and of a packet
        // without bytes more is asked.
        let from_a_year_before = header.seconds.wrapping_sub(last).wrapping_add(PLAUSIBLE_SECONDS);
        let is_near = from_a_year_before <= 2 * PLAUSIBLE_SECONDS;
        let has_bytes = header.captured.wrapping_sub(1) < self.max_packet;
        (is_near && has_bytes && has_fraction(header)).then_some((header, record))
    }

    #[cold]
    fn next_in_doubt(&mut self, window: &mut Window, info: &mut CaptureInfo, into: &mut Record) -> io::Result<bool> {
        loop {
            if !window.ensure(self.header_len)? {
                if window.len() > 0 {
                    info.cut_short(window, window.offset(), "a record");
                    window.skip(window.len());
                }
                return Ok(false);
            }
            let Some(header) = self.header(window.unread()) else { return Ok(false) };
            let captured = header.captured as usize;
            let possible = self.is_possible(header);
            if !possible || !window.ensure(self.header_len.saturating_add(captured))? {
                // Cut short, unless records follow: then the length lied.
                if resync(window, info, "a record", possible, |window| self.is_proven(window))? {
                    continue;
                }
                return Ok(false);
            }
            if self.is_far(header) && !self.leads_on(window, captured)? {
                if resync(window, info, "a record", false, |window| self.is_proven(window))? {
                    continue;
                }
                return Ok(false);
            }
            self.take(header, window, info, into);
            return Ok(true);
        }
    }

    /// The record of `header`, which stands at the next byte and is possible.
    #[inline]
    fn take(&mut self, header: Header, window: &mut Window, info: &CaptureInfo, into: &mut Record) {
        self.seconds = Some((self.seconds.map_or(header.seconds, |(first, _)| first), header.seconds));
        let captured = header.captured as usize;
        let place = window.locate(self.header_len, captured);
        window.skip(self.header_len.saturating_add(captured));
        *into = Record {
            number: info.packets.wrapping_add(1),
            time: self.time(header),
            link: self.link,
            interface: 0,
            packet_id: None,
            place,
            original_len: header.original.max(header.captured),
        };
    }

    #[inline]
    const fn time(&self, header: Header) -> CaptureTime {
        // Below 2^32 seconds and 10^12 nanoseconds: far from 2^63.
        let nanos = (header.seconds as u64).wrapping_mul(1_000_000_000);
        let nanos = nanos.wrapping_add((header.fraction as u64).wrapping_mul(self.unit as u64));
        CaptureTime::from_nanos(nanos.cast_signed())
    }

    #[inline]
    fn header(&self, bytes: &[u8]) -> Option<Header> {
        let &[a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3] = bytes.first_chunk::<16>()?;
        let fields = [[a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3], [d0, d1, d2, d3]];
        // One branch for all four.
        let [seconds, fraction, captured, original] = match self.order {
            Order::Little => fields.map(u32::from_le_bytes),
            Order::Big => fields.map(u32::from_be_bytes),
        };
        Some(Header { seconds, fraction, captured, original })
    }

    /// Whether a header in its place may be believed. Odd but real: captured
    /// more than the snap length, more than the original length, a fraction
    /// beyond its second. A header of zeros is what preallocated files end in.
    #[inline]
    const fn is_possible(&self, header: Header) -> bool {
        header.captured <= self.max_packet
            && has_fraction(header)
            && (header.captured | header.original | header.seconds) != 0
    }

    /// Whether a packet lies a year from those before it. Such captures exist.
    #[inline]
    fn is_far(&self, header: Header) -> bool {
        let near = |seconds: u32| header.seconds.abs_diff(seconds) <= PLAUSIBLE_SECONDS;
        self.seconds.is_some_and(|(first, last)| !near(last) && !near(first))
    }

    /// Whether a possible header follows the record at hand, or nothing: asked
    /// only where it is in doubt, since a pipe has to wait for the answer.
    #[cold]
    fn leads_on(&self, window: &mut Window, captured: usize) -> io::Result<bool> {
        let next = self.header_len.saturating_add(captured);
        if !window.ensure(next.saturating_add(self.header_len))? {
            return Ok(window.len() == next);
        }
        let header = window.unread().get(next..).and_then(|bytes| self.header(bytes));
        Ok(header.is_some_and(|h| self.is_possible(h) && h.captured <= h.original))
    }

    /// Whether bytes found anywhere look like a header that was written.
    fn is_plausible(&self, header: Header) -> bool {
        header.captured > 0
            && header.captured <= header.original
            && header.captured <= MAX_PACKET
            && header.original <= MAX_RECORD as u32
            && header.fraction < 1_000_000_000 / self.unit
            && !self.is_far(header)
    }

    /// Whether records begin at the next byte: [`PROOF`] headers in a row, or
    /// one less before the file ends, or one that ends exactly with it.
    fn is_proven(&self, window: &mut Window) -> io::Result<bool> {
        let mut at = 0_usize;
        for proven in 0..PROOF {
            if !window.ensure(at.saturating_add(self.header_len))? {
                return Ok(proven >= 2 || (proven == 1 && window.len() == at));
            }
            let header = window.unread().get(at..).and_then(|bytes| self.header(bytes));
            let Some(header) = header.filter(|h| self.is_plausible(*h)) else { return Ok(false) };
            at = at.saturating_add(self.header_len).saturating_add(header.captured as usize);
        }
        Ok(true)
    }
}

/// Less than a second, in whichever unit. In microseconds it may be too much: odd
/// but real.
#[inline]
const fn has_fraction(header: Header) -> bool {
    header.fraction < 1_000_000_000
}

#[cfg(test)]
mod tests;
