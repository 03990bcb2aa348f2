//! From a captured frame to the connection that it is about: most are about none.

use super::Analyzer;
use crate::base::{At, CaptureId, CaptureTime, Frame, LinkType, NoticeKind};
use crate::capture::{Packet, Passed};
use crate::flow::{SideChannels, Table};
use crate::session::Session;
use crate::wire::{self, Decoded, Glance, Hint, Plain};

/// Packets that were passed over because their headers made no sense.
const NOT_DECODED: NoticeKind = NoticeKind("packets-not-decoded");

impl Analyzer {
    /// Takes the next packet. Packets come in the order in which they were
    /// captured; those of several captures in the order of time. Returns whether
    /// the packet is about an RDP connection, or may be.
    pub fn push(&mut self, packet: &Packet<'_>) -> bool {
        self.passed(Passed::one(packet));
        self.push_of_run(packet)
    }

    /// The same for one of many packets, of which [`passed`](Self::passed) tells
    /// together that they were captured.
    // Into the loop over packets, which then puts together only what is looked at.
    #[inline(always)]
    pub fn push_of_run(&mut self, packet: &Packet<'_>) -> bool {
        let Some(hint) = Hint::of(packet.link, packet.data) else { return self.look_at(*packet) };
        if self.table.concerns_surely(hint) {
            let Packet { frame: Frame { capture, number }, time, vantage, data, original_len, .. } = *packet;
            self.take_hinted(data, time, number, (capture, vantage), original_len);
            return true;
        }
        Table::<Session>::may_concern(hint) && self.look_at(*packet)
    }

    /// As [`Taker::expect`](crate::capture::Taker::expect).
    #[inline(always)]
    pub fn expect(&self, bytes: &[u8], vantage: u16) {
        self.table.expect(bytes, vantage);
    }

    /// Packets were captured: what did not come until then did not come.
    pub fn passed(&mut self, passed: Passed) {
        self.watched.passed(passed);
    }

    /// Takes a packet whose ports or control bits make it ours, and of which there
    /// was a hint. Each part by itself, since together they would be written to
    /// memory and read again.
    #[inline(never)]
    fn take_hinted(
        &mut self,
        data: &[u8],
        time: CaptureTime,
        number: u64,
        (capture, vantage): (CaptureId, u16),
        original_len: u32,
    ) {
        let at = At { frame: Frame { capture, number }, time };
        let plain = Plain::hinted(data);
        if !plain.is_some_and(|plain| self.table.plain::<{ wire::V4 }>(&plain, at, vantage)) {
            self.take_plain(data, at, vantage, original_len);
        }
        self.explain_finished();
    }

    /// The same for a packet that may be ours: of most captures, few may.
    #[inline(never)]
    fn look_at(&mut self, packet: Packet<'_>) -> bool {
        let plain = Plain::of(packet.link, packet.data);
        let is_ours = match &plain {
            Some(plain) => self.table.concerns(plain.ports(), plain.flags(), || plain.payload()),
            None => self.concerns(&packet),
        };
        if is_ours {
            self.take_ours(&packet, plain.as_ref());
        }
        is_ours
    }

    fn take_ours(&mut self, packet: &Packet<'_>, plain: Option<&Plain<'_>>) {
        let at = At { frame: packet.frame, time: packet.time };
        match plain {
            Some(plain) if self.table.plain::<{ wire::V6 }>(plain, at, packet.vantage) => {}
            Some(_) => self.take_plain(packet.data, at, packet.vantage, packet.original_len),
            None => self.decode(packet.link, packet.data, packet.original_len, at, packet.vantage),
        }
        self.explain_finished();
    }

    /// Takes a frame of the plain shape by itself.
    #[inline(never)]
    fn take_plain(&mut self, frame: &[u8], at: At, vantage: u16, original_len: u32) {
        let plain = Plain::of(LinkType::ETHERNET, frame);
        match plain.as_ref().and_then(|plain| Some((plain, plain.parts(original_len)?))) {
            Some((plain, parts)) => self.table.segment(&plain.read(parts), at, vantage),
            // Its lengths contradict each other.
            None => self.decode(LinkType::ETHERNET, frame, original_len, at, vantage),
        }
    }

    fn decode(&mut self, link: LinkType, data: &[u8], original_len: u32, at: At, vantage: u16) {
        let decoded = wire::decode(link, data, original_len);
        self.decoded(&decoded, at, vantage);
    }

    /// Whether a packet, on whatever port, can be about RDP.
    #[inline]
    fn concerns(&self, packet: &Packet<'_>) -> bool {
        match wire::peek(packet.link, packet.data) {
            Glance::Tcp { source_port, destination_port, flags, payload } => {
                self.table.concerns((source_port, destination_port), flags, || payload)
            }
            Glance::Udp { source_port, destination_port } => SideChannels::concerns(source_port, destination_port),
            Glance::Unclear => true,
        }
    }

    pub(super) fn decoded(&mut self, decoded: &Decoded<'_>, at: At, vantage: u16) {
        match decoded {
            Decoded::Tcp(segment) => self.table.segment(segment, at, vantage),
            Decoded::Udp(datagram) => self.side_channels.datagram(datagram, at, vantage, &mut self.notices),
            Decoded::IcmpError(error) => self.table.icmp_error(error, at, vantage),
            Decoded::Fragment(fragment) => {
                let mut fragments = core::mem::take(&mut self.fragments);
                if let Some(whole) = fragments.push(fragment, at.frame, at.time, &mut self.notices) {
                    let decoded = wire::decode_reassembled(whole.ip, whole.protocol, whole.bytes, whole.len);
                    if !matches!(decoded, Decoded::Fragment(_)) {
                        self.decoded(&decoded, at, vantage);
                    }
                }
                self.fragments = fragments;
            }
            Decoded::Failed(error) => {
                self.notices.add(NOT_DECODED, Some(at.frame), || {
                    format!("packets whose headers could not be read; the first: {error}")
                });
            }
            Decoded::Other => {}
        }
    }
}
