//! From a captured frame to the connection that it is about: most are about none.

use super::Analyzer;
use crate::base::{At, NoticeKind};
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
            self.take_hinted(*packet);
            return true;
        }
        Table::<Session>::may_concern(hint) && self.look_at(*packet)
    }

    /// Packets were captured: what did not come until then did not come.
    pub fn passed(&mut self, passed: Passed) {
        self.watched.passed(passed);
    }

    /// The same for a packet whose ports or control bits make it ours.
    #[inline(never)]
    fn take_hinted(&mut self, packet: Packet<'_>) {
        self.take_ours(&packet, Plain::hinted(packet.data).as_ref());
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

    #[inline]
    fn take_ours(&mut self, packet: &Packet<'_>, plain: Option<&Plain<'_>>) {
        // Nearly every packet that is ours is plain.
        let is_taken = plain.is_some_and(|plain| self.take_plain(plain, packet));
        if !is_taken {
            let at = At { frame: packet.frame, time: packet.time };
            let decoded = wire::decode(packet.link, packet.data, packet.original_len);
            self.decoded(&decoded, at, packet.vantage);
        }
        self.explain_finished();
    }

    /// The same for a frame of the plain shape; `false` where its lengths
    /// contradict each other.
    #[inline(always)]
    fn take_plain(&mut self, plain: &Plain<'_>, packet: &Packet<'_>) -> bool {
        let (at, vantage) = (At { frame: packet.frame, time: packet.time }, packet.vantage);
        let is_outlined = if plain.is_v4() {
            self.table.plain::<{ wire::V4 }>(plain, at, vantage)
        } else {
            self.table.plain::<{ wire::V6 }>(plain, at, vantage)
        };
        if !is_outlined {
            let Some(parts) = plain.parts(packet.original_len) else { return false };
            self.table.segment(&plain.read(parts), at, vantage);
        }
        true
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
