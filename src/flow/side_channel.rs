//! The UDP side channel of RDP (MS-RDPEUDP): who asked, and whether anybody
//! answered. It is optional and never fails the TCP connection.

use foldhash::HashMap;

use super::table::{Endpoint, RDP_PORT};
use core::net::IpAddr;

use crate::base::{At, BySide, CaptureTime, NoticeKind, Notices, Side};
use crate::wire::Datagram;

/// Side channels remembered; a flood from random sources fills no memory.
const MAX_SIDE_CHANNELS: usize = 4096;

/// More side channels than are remembered.
const TOO_MANY: NoticeKind = NoticeKind("side-channel-limit-reached");

/// The port on which Remote Desktop Gateways take UDP ([MS-TSGU] 2.1.2).
const GATEWAY_PORT: u16 = 3391;

/// UDP to or from that port.
const GATEWAY_UDP: NoticeKind = NoticeKind("rd-gateway-udp");

/// What can be said of it.
const GATEWAY_UDP_SAYS: &str = "packets to or from UDP port 3391, which Remote Desktop Gateways use (DTLS): sessions may go through a gateway, inside HTTPS, where they cannot be followed; capture between the gateway and the session host to see them";

/// One UDP conversation on port 3389.
#[derive(Clone, Debug)]
pub struct SideChannel {
    /// Addresses and ports.
    pub endpoints: BySide<Endpoint>,
    /// First and last packet of each side.
    pub first: BySide<Option<At>>,
    /// The last packet of each side.
    pub last: BySide<Option<At>>,
    /// Datagrams of each side.
    pub packets: BySide<u64>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct SideChannels {
    known: HashMap<(Endpoint, Endpoint, u16), SideChannel>,
}

impl SideChannels {
    /// Whether a UDP packet can be part of one.
    #[must_use]
    pub const fn concerns(source_port: u16, destination_port: u16) -> bool {
        matches!(source_port, RDP_PORT | GATEWAY_PORT) || matches!(destination_port, RDP_PORT | GATEWAY_PORT)
    }

    /// Takes a datagram; those that have nothing to do with port 3389 are
    /// passed over.
    pub fn datagram(&mut self, datagram: &Datagram<'_>, at: At, vantage: u16, notices: &mut Notices) {
        let source = Endpoint { ip: datagram.ip.src, port: datagram.source_port };
        let destination = Endpoint { ip: datagram.ip.dst, port: datagram.destination_port };
        if source.port == GATEWAY_PORT || destination.port == GATEWAY_PORT {
            // The port may be anybody's; a DTLS record (RFC 6347) is not.
            if !matches!(datagram.payload, [20..=23, 0xfe, 0xfd | 0xff, ..]) {
                return;
            }
            notices.add(GATEWAY_UDP, Some(at.frame), || GATEWAY_UDP_SAYS.to_owned());
            return;
        }
        let side = if destination.port == RDP_PORT {
            Side::Client
        } else if source.port == RDP_PORT {
            Side::Server
        } else {
            return;
        };
        let endpoints = match side {
            Side::Client => BySide { client: source, server: destination },
            Side::Server => BySide { client: destination, server: source },
        };
        let full = self.known.len() >= MAX_SIDE_CHANNELS;
        let key = (endpoints.client, endpoints.server, vantage);
        if full && !self.known.contains_key(&key) {
            notices.add(TOO_MANY, Some(at.frame), || {
                format!("more than {MAX_SIDE_CHANNELS} UDP conversations on port {RDP_PORT}; later ones are left out")
            });
            return;
        }
        let channel = self.known.entry(key).or_insert_with(|| SideChannel {
            endpoints,
            first: BySide::default(),
            last: BySide::default(),
            packets: BySide::default(),
        });
        channel.first.of_mut(side).get_or_insert(at);
        *channel.last.of_mut(side) = Some(at);
        *channel.packets.of_mut(side) += 1;
    }

    /// Those of a server, or all, in the order of their first packet.
    pub fn of(&self, server: Option<IpAddr>) -> Vec<SideChannel> {
        let wanted = |channel: &&SideChannel| server.is_none_or(|ip| channel.endpoints.server.ip == ip);
        in_order(self.known.values().filter(wanted).cloned().collect())
    }

    /// Forgets those that have been quiet since `then`.
    pub fn forget(&mut self, then: CaptureTime) {
        self.known
            .retain(|_, channel| Side::BOTH.into_iter().any(|s| channel.last.of(s).is_some_and(|at| at.time >= then)));
    }

    /// All side channels, in the order of their first packet.
    #[must_use]
    pub fn finish(self) -> Vec<SideChannel> {
        in_order(self.known.into_values().collect())
    }
}

fn in_order(mut all: Vec<SideChannel>) -> Vec<SideChannel> {
    all.sort_by_key(|c| Side::BOTH.into_iter().filter_map(|s| *c.first.of(s)).map(|at| (at.time, at.frame)).min());
    all
}
