//! RDP inside somebody else's connection: behind a proxy, where it is looked
//! through to, and behind a gateway, where it cannot be.

use super::opening::BarePacket;
use super::table::Endpoint;
use crate::base::{BySide, NoticeKind};
use crate::wire::preamble::Preamble;
use crate::wire::{Segment, TcpFlags};

/// No proxy is told more than this, a page of HTTP headers with a ticket for
/// a directory service included, before it connects.
const MAX_PREAMBLE: u32 = 1 << 16;

/// Connections to a Remote Desktop Gateway.
pub const GATEWAY: NoticeKind = NoticeKind("rd-gateway");

/// What can be said of them.
pub const GATEWAY_SAYS: &str = "requests to a Remote Desktop Gateway (MS-TSGU) in clear HTTP: the RDP inside cannot be followed here; capture between the gateway and the session host to see it";

/// A proxy's own exchange before RDP. What is called the server then is the
/// proxy: nothing here shows the computer behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// Which protocol it is, where the first packet was seen and known.
    pub kind: Option<Preamble>,
    /// The bytes of it that each side sent.
    pub bytes: BySide<u32>,
}

/// The bytes that each side sent on the connection before RDP began with
/// `request`, where the opening shows that there were some.
pub fn bytes_before(request: &Segment<'_>, client: &Endpoint, opening: &[BarePacket]) -> Option<BySide<u32>> {
    let begins = |from_client: bool| {
        let syn =
            opening.iter().find(|p| p.tcp().flags.has(TcpFlags::SYN) && (p.source() == *client) == from_client)?;
        Some(syn.tcp().seq.wrapping_add(1))
    };
    let client_bytes = request.tcp.seq.wrapping_sub(begins(true)?);
    let server_bytes = begins(false).map_or(0, |begins| request.tcp.ack.wrapping_sub(begins));
    let bytes = BySide { client: client_bytes, server: server_bytes };
    ((1..=MAX_PREAMBLE).contains(&bytes.client) && bytes.server <= MAX_PREAMBLE).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side;
    use crate::base::{At, CaptureTime, Frame};
    use crate::flow::table::{Finished, Table};
    use crate::flow::testing::{A, Line, Log, S, packet, segment};

    const REQUEST: &[u8] = &[3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0];
    const CONFIRM: &[u8] = &[3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0, 2, 0, 0, 0];

    /// Plays lines at a port that is not RDP's.
    fn at_port(port: u16, lines: &[Line]) -> Vec<Finished<Log>> {
        let mut table = Table::<Log>::default();
        for (i, line) in lines.iter().enumerate() {
            let at = At { frame: Frame::new(0, i as u64 + 1), time: CaptureTime::from_nanos((line.ms * 1e6) as i64) };
            let mut segment = segment(line);
            let (theirs, _) = match line.from {
                Side::Client => (&mut segment.tcp.destination_port, ()),
                Side::Server => (&mut segment.tcp.source_port, ()),
            };
            *theirs = port;
            let (source, destination) = (segment.tcp.source_port, segment.tcp.destination_port);
            if table.concerns((source, destination), segment.tcp.flags, || segment.payload) {
                table.segment(&segment, at, 0);
            }
        }
        table.finish();
        table.drain().collect()
    }

    /// A handshake, an exchange with a proxy, and the two X.224 messages.
    fn through(exchange: &[(Side, &[u8])]) -> Vec<Line> {
        let mut lines = vec![
            packet(0.0, Side::Client, S, 0, 0, b""),
            packet(10.0, Side::Server, S | A, 0, 1, b""),
            packet(10.1, Side::Client, A, 1, 1, b""),
        ];
        let (mut client, mut server, mut ms) = (1, 1, 11.0);
        for (side, bytes) in exchange.iter().chain(&[(Side::Client, REQUEST), (Side::Server, CONFIRM)]) {
            let len = bytes.len() as u32;
            match side {
                Side::Client => {
                    lines.push(packet(ms, Side::Client, A, client, server, bytes));
                    client += len;
                }
                Side::Server => {
                    lines.push(packet(ms, Side::Server, A, server, client, bytes));
                    server += len;
                }
            }
            ms += 10.0;
        }
        lines
    }

    fn looked_through(port: u16, exchange: &[(Side, &[u8])]) -> (Option<Preamble>, BySide<u32>) {
        let mut all = at_port(port, &through(exchange));
        assert_eq!(all.len(), 1);
        let Finished { tcp, consumer, .. } = all.remove(0);
        assert_eq!((consumer.bytes.client.as_slice(), consumer.bytes.server.as_slice()), (REQUEST, CONFIRM));
        assert_eq!(consumer.gaps, [], "what the proxy was told is not missing");
        assert_eq!((tcp.directions.client.gaps, tcp.directions.server.gaps), (0, 0));
        assert_eq!(tcp.handshake.syns, 1);
        assert!(tcp.handshake.round_trip.server.is_some(), "the handshake is still there");
        let proxied = tcp.proxied.unwrap();
        (proxied.kind, proxied.bytes)
    }

    #[test]
    fn socks_is_looked_through() {
        let five: [(Side, &[u8]); 4] = [
            (Side::Client, &[5, 1, 0]),
            (Side::Server, &[5, 0]),
            (Side::Client, b"\x05\x01\x00\x03\x0brdp.example\x0d\x3d"),
            (Side::Server, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ];
        assert_eq!(looked_through(1080, &five), (Some(Preamble::Socks5), BySide { client: 21, server: 12 }));
        let four: [(Side, &[u8]); 2] =
            [(Side::Client, b"\x04\x01\x0d\x3d\x0a\0\0\x02\0"), (Side::Server, &[0, 90, 0, 0, 0, 0, 0, 0])];
        assert_eq!(looked_through(9050, &four), (Some(Preamble::Socks4), BySide { client: 9, server: 8 }));
    }

    #[test]
    fn http_connect_is_looked_through() {
        let exchange: [(Side, &[u8]); 2] = [
            (Side::Client, b"CONNECT rdp.example:3389 HTTP/1.1\r\nHost: rdp.example\r\n\r\n"),
            (Side::Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
        ];
        assert_eq!(looked_through(8080, &exchange).0, Some(Preamble::HttpConnect));
    }

    #[test]
    fn what_is_not_known_by_name_is_looked_through_as_well() {
        assert_eq!(looked_through(4000, &[(Side::Client, b"ticket 9\n")]), (None, BySide { client: 9, server: 0 }));
    }

    #[test]
    fn rdp_without_a_proxy_has_none() {
        let all = at_port(4000, &through(&[]));
        assert_eq!(all[0].tcp.proxied, None);
    }

    #[test]
    fn a_proxy_that_connects_elsewhere_is_nobody_of_ours() {
        let mut lines = through(&[(Side::Client, b"CONNECT www.example:443 HTTP/1.1\r\n\r\n")]);
        lines.truncate(4);
        assert!(at_port(8080, &lines).is_empty());
    }

    #[test]
    fn the_port_of_a_proxy_is_not_learned_as_that_of_a_server() {
        let socks: [(Side, &[u8]); 2] = [(Side::Client, &[5, 1, 0]), (Side::Server, &[5, 0])];
        let mut lines = through(&socks);
        let mut web = through(&socks);
        web.truncate(5);
        for line in &mut web {
            line.ms += 90_000.0;
            line.seq += 70_000;
        }
        lines.extend(web);
        assert_eq!(at_port(1080, &lines).len(), 1);
    }

    #[test]
    fn a_gateway_is_named() {
        let mut table = Table::<Log>::default();
        let line = packet(0.0, Side::Client, A, 1, 1, b"RDG_OUT_DATA /remoteDesktopGateway/ HTTP/1.1\r\n");
        let mut segment = segment(&line);
        segment.tcp.destination_port = 443;
        assert!(table.concerns((segment.tcp.source_port, 443), segment.tcp.flags, || segment.payload));
        table.segment(&segment, At { frame: Frame::new(0, 1), time: CaptureTime::from_nanos(0) }, 0);
        assert_eq!(table.notices()[0].kind, GATEWAY);
    }
}
