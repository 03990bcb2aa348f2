//! The packets that prove a report, and nothing else: a small pcapng for the
//! ticket.
//!
//! [`Selection`] says which packets concern the attempts that are asked for,
//! [`Evidence`] keeps them as they come by and writes them with comments. What
//! is written of a packet: its headers; of its payload what was negotiated in
//! the clear, and the framing of what was not. What people typed and saw, and
//! everything inside TLS, is zeros, or cut off where there is much of it. The
//! framing is what an analysis reads, so that analysing the evidence comes to
//! the same verdict.

mod certificate;
mod comments;
mod handshake;
mod messages;
mod rebuild;
mod selection;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::document::{Report, Time};
use super::escape;
use super::redact::Redactor;
use super::words::file_name;
use crate::base::{CaptureTime, Frame, LinkType, Notices, Side};
use crate::capture::{InterfaceNotes, Packet, PacketToWrite, PcapngWriter, SectionNotes};
use crate::flow::fragments::Fragments;
use crate::wire::{self, Datagram, Decoded, Segment, TcpFlags};
use comments::Comments;
use messages::Policy;
use rebuild::Rebuilt;
pub use selection::Selection;
use selection::{Concern, Flow};
use stream::Streams;

/// Captured bytes held for one evidence file. A failed attempt takes kilobytes;
/// this is an hour of a busy session that died.
const MAX_HELD: usize = 512 * 1024 * 1024;

/// Bytes kept of a datagram of the UDP side channel: its RDPUDP_FEC_HEADER
/// (MS-RDPEUDP 2.2.2.1).
const KEPT_OF_DATAGRAM: usize = 8;

/// How to write evidence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Packets as they were captured, payload and all. Without effect where
    /// they are redacted.
    pub full: bool,
    /// Rewrites addresses and names; the report given along must have been
    /// redacted by the same.
    pub redactor: Option<&'a Redactor>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Packets.
    pub packets: u64,
    /// Packets that were left out because more than a limit would have been
    /// held.
    pub left_out: u64,
}

/// Packets kept until they are written.
#[derive(Debug)]
pub struct Evidence {
    selection: Selection,
    fragments: Fragments,
    held: Vec<Held>,
    bytes: usize,
    left_out: u64,
}

/// A packet that outlives the buffer it came in.
#[derive(Debug)]
struct Held {
    frame: Frame,
    time: CaptureTime,
    link: LinkType,
    interface: u32,
    data: Box<[u8]>,
    original_len: u32,
    concern: Concern,
}

/// What is written of a packet.
struct Shown<'a> {
    link: LinkType,
    data: Cow<'a, [u8]>,
    original_len: u32,
}

impl Evidence {
    /// Keeps what `selection` selects.
    #[must_use]
    pub fn new(selection: Selection) -> Self {
        Self { selection, fragments: Fragments::default(), held: Vec::new(), bytes: 0, left_out: 0 }
    }

    /// Captures that hold connections which are taken from another here: the
    /// same, from another point of view.
    #[must_use]
    pub fn leaves_views_out(&self) -> bool {
        !self.selection.seen_elsewhere().is_empty()
    }

    /// Packets kept so far.
    #[must_use]
    pub const fn packets(&self) -> usize {
        self.held.len()
    }

    /// Looks at a packet, and keeps it where it belongs here. The packets of
    /// the captures that the selection was made from, in the same order.
    pub fn push(&mut self, packet: &Packet<'_>) {
        let decoded = wire::decode(packet.link, packet.data, packet.original_len);
        if let Decoded::Fragment(fragment) = &decoded {
            // What fragments say is known once they are together. They are kept
            // as the packet that they were.
            let mut fragments = core::mem::take(&mut self.fragments);
            let whole = fragments.push(fragment, packet.frame, packet.time, &mut Notices::default());
            if let Some(whole) = whole {
                let decoded = wire::decode_reassembled(whole.ip, whole.protocol, whole.bytes, whole.len);
                let concern = self.selection.concern(&decoded, packet);
                if let (Some(concern), Some(rebuilt)) = (concern, whole_packet(&decoded)) {
                    self.hold(packet, rebuilt.link, &rebuilt.data, rebuilt.original_len, concern);
                }
            }
            self.fragments = fragments;
        } else if let Some(concern) = self.selection.concern(&decoded, packet) {
            self.hold(packet, packet.link, packet.data, packet.original_len, concern);
        }
    }

    fn hold(&mut self, packet: &Packet<'_>, link: LinkType, data: &[u8], original_len: u32, concern: Concern) {
        let bytes = self.bytes.saturating_add(data.len()).saturating_add(size_of::<Held>());
        if bytes > MAX_HELD {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        let Packet { frame, time, interface, .. } = *packet;
        self.held.push(Held { frame, time, link, interface, data: data.into(), original_len, concern });
    }

    /// Writes what was kept, with what `report` says of it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, report: &Report, options: Options<'_>, out: &mut dyn io::Write) -> io::Result<Written> {
        let is_full = options.full && options.redactor.is_none();
        let policy = options.redactor.map_or(Policy::AsNegotiated, Policy::Redacted);
        let streams = if is_full { Streams::default() } else { self.streams(policy) };
        let shown: Vec<(&Held, Shown<'_>)> = self
            .held
            .iter()
            .filter_map(|held| {
                let shown = if is_full { held.whole() } else { self.show(held, &streams, options.redactor)? };
                Some((held, shown))
            })
            .collect();
        let frames: Vec<Frame> = shown.iter().map(|(held, _)| held.frame).collect();
        let comments = Comments::new(report, &self.selection, &frames, self.left_out);
        let section = comments.section(is_full, options.redactor.is_some());
        let application = format!("rdpwhy {}", env!("CARGO_PKG_VERSION"));
        let notes =
            SectionNotes { comment: Some(&section), application: Some(&application), ..SectionNotes::default() };
        let mut writer = PcapngWriter::new(out, &notes)?;
        let interfaces = describe(&mut writer, report, &shown)?;
        for (held, shown) in &shown {
            let Some(&interface) = interfaces.get(&(held.frame.capture.0, held.interface, shown.link.0)) else {
                continue;
            };
            let comments = comments.of(held.frame);
            let (time, data, original_len) = (held.time, &*shown.data, shown.original_len);
            writer.packet(&PacketToWrite { interface, time, data, original_len, comments })?;
        }
        // What the captures lost casts the same doubt on what is left of them,
        // and until when they ran shows what did not come.
        let last = shown.iter().map(|(held, _)| held.time).max().unwrap_or_default();
        let until = self.watched_until(report).map_or(last, |until| until.max(last));
        for capture in &report.captures {
            let first = interfaces.range((capture.index, 0, 0)..(capture.index.saturating_add(1), 0, 0)).next();
            if let Some((_, &interface)) = first {
                writer.statistics(interface, until, None, capture.dropped)?;
            }
        }
        writer.flush()?;
        Ok(Written { packets: shown.len() as u64, left_out: self.left_out })
    }

    /// Until when every point of view that something was taken from was watched.
    fn watched_until(&self, report: &Report) -> Option<CaptureTime> {
        let mut ends: BTreeMap<u16, Time> = BTreeMap::new();
        for capture in &report.captures {
            if let (Some(vantage), Some(last)) = (self.selection.vantage(capture.index), capture.last_time) {
                let end = ends.entry(vantage).or_insert(last);
                *end = last.max(*end);
            }
        }
        let taken: BTreeSet<u16> =
            self.held.iter().filter_map(|held| self.selection.vantage(held.frame.capture.0)).collect();
        taken.iter().filter_map(|vantage| ends.get(vantage)).min().map(|end| CaptureTime::from(*end))
    }

    /// What each side of each connection said, as far as it may be shown.
    fn streams<'a>(&'a self, policy: Policy<'_>) -> Streams {
        let mut collected = stream::Collected::<'a>::default();
        for held in &self.held {
            if let (Concern::Tcp(flow, side), Decoded::Tcp(segment)) = (held.concern, held.decoded()) {
                collected.add(flow, side, &segment, self.selection.begins_at(flow, side));
            }
        }
        collected.show(policy)
    }

    fn show<'a>(&self, held: &'a Held, streams: &Streams, redactor: Option<&Redactor>) -> Option<Shown<'a>> {
        match held.decoded() {
            Decoded::Tcp(segment) => {
                let Concern::Tcp(flow, side) = held.concern else { return None };
                let payload = self.payload(held, &segment, streams, (flow, side), redactor);
                Some(match redactor {
                    Some(redactor) => Rebuilt::tcp(&segment, &payload, held.destination_mac(), redactor).into(),
                    None => held.with_payload(segment.payload, payload),
                })
            }
            Decoded::Udp(datagram) => {
                let kept = datagram.payload.get(..KEPT_OF_DATAGRAM).unwrap_or(datagram.payload);
                Some(match redactor {
                    Some(redactor) => Rebuilt::udp(&Datagram { payload: kept, ..datagram }, Some(redactor)).into(),
                    None => held.with_payload(datagram.payload, kept.to_vec()),
                })
            }
            // It quotes a packet; what is quoted beyond its ports stays out.
            Decoded::IcmpError(error) => Some(Rebuilt::icmp(&error, redactor).into()),
            _ => None,
        }
    }

    /// The payload as it may be shown: zeros in place of content, and no end
    /// where the session was under way and there is no end of content.
    fn payload(
        &self,
        held: &Held,
        segment: &Segment<'_>,
        streams: &Streams,
        (flow, side): (Flow, Side),
        redactor: Option<&Redactor>,
    ) -> Vec<u8> {
        if segment.tcp.flags.has(TcpFlags::RST) {
            return messages::in_reset(segment.payload, redactor);
        }
        let mut payload = vec![0; segment.payload.len()];
        let kept = streams.copy(flow, side, segment, &mut payload);
        if self.selection.session_since(flow).is_some_and(|since| Time::from(held.time) >= since) {
            payload.truncate(kept);
        }
        payload
    }
}

impl Held {
    fn decoded(&self) -> Decoded<'_> {
        wire::decode(self.link, &self.data, self.original_len)
    }

    fn whole(&self) -> Shown<'_> {
        Shown { link: self.link, data: Cow::Borrowed(&self.data), original_len: self.original_len }
    }

    fn destination_mac(&self) -> Option<[u8; 6]> {
        if self.link == LinkType::ETHERNET { self.data.first_chunk().copied() } else { None }
    }

    /// The frame with another payload, which takes the place of all behind the
    /// headers: what follows a payload is padding or a trailer.
    fn with_payload(&self, was: &[u8], payload: Vec<u8>) -> Shown<'_> {
        let from = was.as_ptr().addr().checked_sub(self.data.as_ptr().addr());
        let headers = from.and_then(|from| self.data.get(..from)).unwrap_or(&self.data);
        let data = if was.is_empty() && self.data.get(headers.len()..).is_some_and(|rest| rest.iter().all(|b| *b == 0))
        {
            Cow::Borrowed(&*self.data)
        } else {
            Cow::Owned([headers, &payload].concat())
        };
        Shown { link: self.link, data, original_len: self.original_len }
    }
}

impl From<Rebuilt> for Shown<'_> {
    fn from(rebuilt: Rebuilt) -> Self {
        let Rebuilt { link, data, original_len } = rebuilt;
        Self { link, data: Cow::Owned(data), original_len }
    }
}

/// A packet that came in fragments.
fn whole_packet(decoded: &Decoded<'_>) -> Option<Rebuilt> {
    match decoded {
        Decoded::Tcp(segment) => Some(Rebuilt::tcp_as_it_was(segment)),
        Decoded::Udp(datagram) => Some(Rebuilt::udp(datagram, None)),
        Decoded::IcmpError(error) => Some(Rebuilt::icmp(error, None)),
        _ => None,
    }
}

/// An interface for each of the captures', and another where its packets begin
/// differently.
fn describe<W: io::Write>(
    writer: &mut PcapngWriter<W>,
    report: &Report,
    shown: &[(&Held, Shown<'_>)],
) -> io::Result<BTreeMap<(u32, u32, u32), u32>> {
    let mut interfaces = BTreeMap::new();
    for (held, shown) in shown {
        let key = (held.frame.capture.0, held.interface, shown.link.0);
        if interfaces.contains_key(&key) {
            continue;
        }
        let capture = report.captures.iter().find(|capture| capture.index == held.frame.capture.0);
        let known = capture.and_then(|capture| capture.interfaces.get(held.interface as usize));
        // Of several files each is told by its name.
        let file = capture.filter(|_| report.captures.len() > 1).map(|capture| file_name(&capture.path));
        // Strangers' words, which programs print as they stand.
        let name = known.and_then(|known| known.name.as_deref()).map(escape::text);
        let description = known.and_then(|known| known.description.as_deref()).map(escape::text).or(file);
        let notes = InterfaceNotes {
            link: shown.link,
            snap_len: 0,
            name: name.as_deref(),
            description: description.as_deref(),
        };
        interfaces.insert(key, writer.interface(&notes)?);
    }
    Ok(interfaces)
}
