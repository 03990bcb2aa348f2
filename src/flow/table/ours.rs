//! Which connections are ours: those to the port of RDP, to servers known to
//! speak it on another, and those that begin with its first message.

use super::{Consumer, Conversation, Endpoint, FlowKey, RDP_PORT, RolesFrom, State, Table};
use crate::base::{At, BySide, NoticeKind, Side};
use crate::flow::candidates::{Candidate, MAX_CANDIDATES};
use crate::flow::opening::Opening;
use crate::flow::proxied::{GATEWAY, GATEWAY_SAYS, Proxied, bytes_before};
use crate::wire::negotiation::looks_like_connection_request;
use crate::wire::{Hint, Segment, TcpFlags, preamble};

/// Servers on other ports whose connections are followed from the SYN.
const MAX_KNOWN_SERVERS: usize = 4096;

/// More servers on other ports than are remembered.
pub const SERVERS_FULL: NoticeKind = NoticeKind("server-limit-reached");

/// The beginning of a connection on another port was kept, and had to make room.
pub const OPENINGS_FORGOTTEN: NoticeKind = NoticeKind("openings-not-remembered");

/// What begins in its middle may be what is left of a connection that is over.
pub const ENDS_FORGOTTEN: NoticeKind = NoticeKind("ends-not-remembered");

/// Something came for a connection that was over.
pub const STRAY: NoticeKind = NoticeKind("late-packets");

impl<C: Consumer + Default> Table<C> {
    /// Whether a TCP packet can concern us at all: the cheap question that
    /// spares everything else most of the work.
    #[must_use]
    #[inline]
    pub fn concerns<'a>(&self, ports: (u16, u16), flags: TcpFlags, payload: impl FnOnce() -> &'a [u8]) -> bool {
        if self.watches(ports) || flags.has(TcpFlags::SYN) {
            return true;
        }
        let payload = payload();
        payload.first().is_some_and(|first| may_open(*first)) && opens(payload)
    }

    /// Whether [`concerns`](Self::concerns) says so without looking at the payload.
    #[must_use]
    #[inline(always)]
    pub fn concerns_surely(&self, hint: Hint<'_>) -> bool {
        // One branch for both.
        self.watches(hint.ports) | hint.flags.has(TcpFlags::SYN)
    }

    /// Whether the payload needs to be looked at for that: hardly ever.
    #[must_use]
    #[inline(always)]
    pub fn may_concern(hint: Hint<'_>) -> bool {
        may_open(hint.first())
    }

    /// Whether one of two ports is that of RDP, or of a server known to speak it.
    #[must_use]
    #[inline]
    pub fn watches(&self, (one, other): (u16, u16)) -> bool {
        let watched = |port: u16| self.watched_ports.get(usize::from(port)).copied().unwrap_or(false);
        // One branch for both.
        watched(one) | watched(other)
    }

    /// Makes a connection of its first packet, if it concerns us, and gives it
    /// that packet.
    pub(super) fn open(&mut self, key: FlowKey, segment: &Segment<'_>, source_is_low: bool, at: At) {
        let flags = segment.tcp.flags;
        let source = Endpoint { ip: segment.ip.src, port: segment.tcp.source_port };
        let destination = Endpoint { ip: segment.ip.dst, port: segment.tcp.destination_port };
        let is_request = looks_like_connection_request(segment.payload);
        let known = |e: &Endpoint| e.port == RDP_PORT || self.known_servers.contains(e);
        if !known(&source) && !known(&destination) && !is_request {
            if segment.payload_len == 0 {
                let begins = flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK);
                self.candidates.remember(key, segment, at, begins);
            } else if let Some(preamble) = preamble::recognise(segment.payload) {
                self.candidates.note(&key, preamble);
            } else if preamble::opens_gateway(segment.payload) {
                self.notices.add(GATEWAY, Some(at.frame), || GATEWAY_SAYS.to_owned());
            }
            return;
        }
        if !flags.has(TcpFlags::SYN) && !is_request && self.tombstones.contains(&key) {
            self.notices.add(STRAY, Some(at.frame), || {
                "packets of connections that were already over (repetitions into the void) were left out".to_owned()
            });
            return;
        }
        if !flags.has(TcpFlags::SYN) && !is_request && self.tombstones.may_have_forgotten(&key) {
            self.notices.add(ENDS_FORGOTTEN, Some(at.frame), || {
                "so many connections ended that the first of them are not remembered: one that begins here in its middle may be made of packets that came late for one of those".to_owned()
            });
        }
        if Opening::is_begun_by(segment) {
            let opening = self.spare.begin(segment, at);
            self.insert(key, source_is_low, State::Opening(opening), at.time);
            return;
        }
        let (side, roles_from) = if flags.has(TcpFlags::SYN) {
            (if flags.has(TcpFlags::ACK) { Side::Server } else { Side::Client }, RolesFrom::Handshake)
        } else if is_request {
            (Side::Client, RolesFrom::Negotiation)
        } else if known(&destination) && !(known(&source) && source.port < destination.port) {
            (Side::Client, RolesFrom::Port)
        } else {
            (Side::Server, RolesFrom::Port)
        };
        let mut endpoints = BySide { client: source, server: destination };
        if side == Side::Server {
            endpoints.swap();
        }
        let Candidate { packets, preamble } =
            if is_request { self.candidates.take(&key) } else { Candidate::default() };
        let is_elsewhere = is_request && !known(&source) && !known(&destination);
        if is_elsewhere && packets.is_empty() && self.candidates.has_forgotten() {
            self.notices.add(OPENINGS_FORGOTTEN, Some(at.frame), || {
                format!(
                    "more than {MAX_CANDIDATES} connections on other ports than {RDP_PORT} began in between: the handshake of an RDP connection there may be in the capture, and was forgotten before it was known for one"
                )
            });
        }
        let before = bytes_before(segment, &source, &packets);
        if is_request && before.is_some() {
            // The port of a proxy leads to everything; others of its
            // connections are no RDP because of this one.
            self.watch_port(endpoints.server.port);
        } else if is_request && endpoints.server.port != RDP_PORT {
            self.learn_server(endpoints.server);
        }
        let (roles_from, begun) = match packets.first() {
            Some(first) => (RolesFrom::Handshake, first.at),
            None => (roles_from, at),
        };
        let mut conversation = Conversation::new(endpoints, roles_from, begun, C::default());
        conversation.trace = self.traces.begin();
        if conversation.trace.is_none() && self.traces.is_wanted() {
            self.note_untraced(at);
        }
        if let Some(bytes) = before {
            conversation.came_through(Proxied { kind: preamble, bytes });
        }
        let client_is_low = source_is_low == (side == Side::Client);
        let slot = self.insert(key, client_is_low, State::Followed(Box::new(conversation)), begun.time);
        for packet in packets {
            let packet = match before {
                Some(bytes) if packet.tcp().flags.has(TcpFlags::SYN) => packet.later(packet.source() == source, bytes),
                // What answers the proxy's own exchange.
                Some(_) => continue,
                None => packet,
            };
            let segment = packet.segment();
            let (_, source_is_low) = FlowKey::of(&segment, key.vantage());
            self.give(slot, &segment, source_is_low, packet.at);
        }
        self.give(slot, segment, source_is_low, at);
    }

    fn watch_port(&mut self, port: u16) {
        if let Some(watched) = self.watched_ports.get_mut(usize::from(port)) {
            *watched = true;
        }
    }

    fn learn_server(&mut self, server: Endpoint) {
        if self.known_servers.len() < MAX_KNOWN_SERVERS {
            self.known_servers.insert(server);
            self.watch_port(server.port);
        } else if !self.known_servers.contains(&server) {
            self.notices.add(SERVERS_FULL, None, || {
                format!(
                    "more than {MAX_KNOWN_SERVERS} servers on other ports than {RDP_PORT}; connections to later ones may be seen in part"
                )
            });
        }
    }
}

/// Whether one of the payloads that [`opens`] knows begins with `first`: of what
/// is none of ours, hardly any does.
#[inline]
const fn may_open(first: u8) -> bool {
    // TPKT and SOCKS; PROXY, CONNECT, and the verbs of a gateway.
    matches!(first, 3 | 4 | 5 | b'\r' | b'C' | b'G' | b'P' | b'R')
}

/// Whether a payload opens a connection of ours, or a way to one.
#[cold]
fn opens(payload: &[u8]) -> bool {
    looks_like_connection_request(payload) || preamble::recognise(payload).is_some() || preamble::opens_gateway(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_opens_is_known_by_its_first_byte(start in prop::sample::select(openings()), cut: prop::sample::Index) {
            let payload = &start[..cut.index(start.len() + 1)];
            prop_assert!(payload.first().is_some_and(|first| may_open(*first)) || !opens(payload), "{payload:02x?}");
        }
    }

    fn openings() -> Vec<Vec<u8>> {
        let request = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";
        let texts: [&[u8]; 6] = [
            b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 3389\r\n",
            b"CONNECT 10.0.0.1:3389 HTTP/1.1\r\n\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0",
            b"RDG_OUT_DATA /remoteDesktopGateway/ HTTP/1.1\r\n",
            b"get /remoteDesktopGateway/ HTTP/1.1\r\n",
            b"GET /remoteDesktopGateway/ HTTP/1.1\r\n",
        ];
        let mut all = vec![request.to_vec(), vec![5, 1, 0], vec![4, 1, 0x0d, 0x3d, 10, 0, 0, 1, 0]];
        all.extend(texts.map(<[u8]>::to_vec));
        assert!(all.iter().filter(|payload| opens(payload)).count() == all.len() - 1, "all but the one in lower case");
        all.extend((0..=u8::MAX).map(|byte| [&[byte], &request[1..]].concat()));
        all
    }
}
