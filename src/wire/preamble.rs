//! What stands before RDP on a connection that a proxy passes on: SOCKS 4 and
//! 5 (RFC 1928), HTTP CONNECT (RFC 9110 section 9.3.6), and the PROXY protocol
//! of load balancers, version 1 and 2. RDP inside is looked through to; this
//! names what it is inside of.

/// The kind of a preamble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preamble {
    /// SOCKS version 4 or 4a.
    Socks4,
    /// SOCKS version 5.
    Socks5,
    /// HTTP CONNECT.
    HttpConnect,
    /// The PROXY protocol, which tells a server whom a load balancer speaks
    /// for.
    ProxyProtocol,
}

/// The signature of version 2 of the PROXY protocol.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The beginning of version 1.
const VERSION_1: &[u8] = b"PROXY ";

/// The longest line of version 1, its line break included.
const MAX_LINE: usize = 107;

/// Version 2: signature, version and command, family, length.
const VERSION_2_FIXED: usize = 16;

/// More methods than any SOCKS client offers.
const MAX_METHODS: u8 = 16;

/// What a PROXY protocol header at the front of a stream takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSize {
    /// The bytes may become one.
    NeedMore,
    /// It has so many bytes.
    Size(usize),
    /// There is none.
    None,
}

/// Which preamble the first bytes that a client sends are, if one. Asked of
/// packets of all kinds, and therefore strict where the form allows it.
#[must_use]
pub fn recognise(payload: &[u8]) -> Option<Preamble> {
    match *payload {
        [5, methods @ 1..=MAX_METHODS, ref offered @ ..] if offered.len() == usize::from(methods) => {
            Some(Preamble::Socks5)
        }
        // CONNECT, a port, an address, a user name that ends in 0.
        [4, 1, high, low, _, _, _, _, .., 0] if (high, low) != (0, 0) => Some(Preamble::Socks4),
        [b'C', ..] => payload.starts_with(b"CONNECT ").then_some(Preamble::HttpConnect),
        [b'P' | b'\r', ..] => match proxy_header(payload) {
            HeaderSize::Size(_) => Some(Preamble::ProxyProtocol),
            _ => None,
        },
        _ => None,
    }
}

/// The size of the PROXY protocol header at the front of `bytes`.
#[must_use]
pub fn proxy_header(bytes: &[u8]) -> HeaderSize {
    let is_beginning_of = |whole: &[u8]| bytes.len() < whole.len() && whole.starts_with(bytes);
    if is_beginning_of(VERSION_1) || is_beginning_of(SIGNATURE) {
        return HeaderSize::NeedMore;
    }
    if bytes.starts_with(SIGNATURE) {
        return match bytes.get(SIGNATURE.len()..VERSION_2_FIXED) {
            Some(&[version, _, high, low]) if version >> 4 == 2 => {
                HeaderSize::Size(VERSION_2_FIXED.saturating_add(u16::from_be_bytes([high, low]).into()))
            }
            Some(_) => HeaderSize::None,
            None => HeaderSize::NeedMore,
        };
    }
    if bytes.starts_with(VERSION_1) {
        let line = bytes.get(..MAX_LINE).unwrap_or(bytes);
        return match line.windows(2).position(|pair| pair == b"\r\n") {
            Some(end) => HeaderSize::Size(end.saturating_add(2)),
            None if line.len() < MAX_LINE => HeaderSize::NeedMore,
            None => HeaderSize::None,
        };
    }
    HeaderSize::None
}

/// Whether a client's first bytes open a Remote Desktop Gateway channel in
/// clear HTTP, as behind something that ends TLS: the HTTP transport
/// ([MS-TSGU] 3.3.5.1) or RPC over HTTP ([MS-RPCH] 2.1.2.1). In TLS, as usual,
/// nothing shows it.
#[must_use]
pub fn opens_gateway(payload: &[u8]) -> bool {
    match payload {
        [b'R', ..] => {
            let verbs: [&[u8]; 4] = [b"RDG_OUT_DATA ", b"RDG_IN_DATA ", b"RPC_OUT_DATA /rpc/", b"RPC_IN_DATA /rpc/"];
            verbs.iter().any(|verb| payload.starts_with(verb))
        }
        [b'G', ..] => {
            let target: &[u8] = b"GET /remoteDesktopGateway";
            payload.get(..target.len()).is_some_and(|start| start.eq_ignore_ascii_case(target))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::damage;

    const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\xc3\x50\x0d\x3d";

    #[test]
    fn preambles_are_named() {
        assert_eq!(recognise(&[5, 1, 0]), Some(Preamble::Socks5));
        assert_eq!(recognise(&[5, 2, 0, 2]), Some(Preamble::Socks5));
        assert_eq!(recognise(b"\x04\x01\x0d\x3d\x0a\0\0\x02me\0"), Some(Preamble::Socks4));
        assert_eq!(recognise(b"\x04\x01\x0d\x3d\0\0\0\x01\0host.example\0"), Some(Preamble::Socks4), "4a");
        assert_eq!(recognise(b"CONNECT rdp.example:3389 HTTP/1.1\r\n"), Some(Preamble::HttpConnect));
        assert_eq!(recognise(b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 3389\r\n\x03"), Some(Preamble::ProxyProtocol));
        assert_eq!(recognise(V2), Some(Preamble::ProxyProtocol));
    }

    #[test]
    fn near_misses_are_not() {
        for other in [
            &[5u8, 1][..],
            &[5, 2, 0],
            &[5, 0],
            &[4, 2, 13, 61, 10, 0, 0, 2, 0],
            &[4, 1, 0, 0, 10, 0, 0, 2, 0],
            b"CONN",
        ] {
            assert_eq!(recognise(other), None, "{other:?}");
        }
        assert_eq!(recognise(b"PROXYING"), None);
        assert_eq!(recognise(b"PUT / HTTP/1.1\r\n\r\n"), None);
        assert_eq!(recognise(&[3, 0, 0, 19, 14, 0xe0]), None);
    }

    #[test]
    fn a_header_has_a_size_as_soon_as_it_can() {
        assert_eq!(proxy_header(V2), HeaderSize::Size(28));
        assert_eq!(proxy_header(&V2[..15]), HeaderSize::NeedMore);
        assert_eq!(proxy_header(b"PROXY UNKNOWN\r\n"), HeaderSize::Size(15));
        assert_eq!(proxy_header(b"PROXY UNKNOWN"), HeaderSize::NeedMore);
        assert_eq!(proxy_header(&[b"PROXY ".as_slice(), &[b'x'; 120]].concat()), HeaderSize::None, "no such line");
        assert_eq!(proxy_header(b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c"), HeaderSize::None, "version 3");
        damage(V2, |bytes| matches!(proxy_header(bytes), HeaderSize::Size(_)));
        damage(b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 3389\r\n", |bytes| recognise(bytes).is_some());
    }

    #[test]
    fn gateways_are_known_by_their_verbs_and_their_path() {
        assert!(opens_gateway(b"RDG_OUT_DATA /remoteDesktopGateway/ HTTP/1.1\r\n"));
        assert!(opens_gateway(b"RPC_IN_DATA /rpc/rpcproxy.dll?localhost:3388 HTTP/1.1\r\n"));
        assert!(opens_gateway(b"GET /remotedesktopgateway/ HTTP/1.1\r\nUpgrade: websocket\r\n"));
        assert!(!opens_gateway(b"GET / HTTP/1.1\r\n"));
        assert!(!opens_gateway(b"RPC_IN_DATA /other/ HTTP/1.1\r\n"));
        assert!(!opens_gateway(b"RDG"));
    }
}
