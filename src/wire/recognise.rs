//! RDP on any port, by the first bytes of a connection.

use super::negotiation::{Token, TokenKind, decode_request};
use super::preamble::{HeaderSize, proxy_header};

/// Whether the first bytes of a connection are an RDP Connection Request, so
/// that RDP is found on any port.
///
/// Strict, because other protocols begin with TPKT and an X.224 CR too (S7 and
/// ICCP on port 102, H.323 on 1720): the lengths must agree, the class must be
/// 0, and something that only RDP sends must follow: a cookie, a routing token
/// of a known form, or RDP_NEG_REQ. A bare CR of 11 bytes is *not* accepted,
/// since every COTP client may send it; RDP clients before 5.2 did, and are
/// found by their port. A request whose end was not captured is accepted once
/// its prefix is there.
#[must_use]
pub fn looks_like_connection_request(payload: &[u8]) -> bool {
    // A load balancer's header may stand before it in the same packet.
    let payload = match payload {
        [b'P' | b'\r', ..] => match proxy_header(payload) {
            HeaderSize::Size(size) => payload.get(size..).unwrap_or_default(),
            HeaderSize::NeedMore | HeaderSize::None => payload,
        },
        _ => payload,
    };
    let &[3, 0, high, low, indicator, 0xe0, 0, 0, _, _, 0, ref variable @ ..] = payload else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let lengths_agree = length == usize::from(indicator).saturating_add(5) && payload.len() <= length;
    if !lengths_agree {
        return false;
    }
    let request = decode_request(variable);
    match (request.negotiation, request.token) {
        (_, Some(Token { kind, .. })) if kind != TokenKind::Other => true,
        (Some(_), _) => payload.len() == length,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use proptest::prelude::*;

    /// [MS-RDPBCGR] 4.1.1.
    const COOKIE: &str = "0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000";

    /// A whole Connection Request around `variable`.
    fn request(variable: &[u8]) -> Vec<u8> {
        let indicator = u8::try_from(variable.len() + 6).unwrap();
        [&[3, 0, 0, indicator + 5, indicator, 0xe0, 0, 0, 0, 0, 0], variable].concat()
    }

    #[test]
    fn connection_requests_are_recognised_on_any_port() {
        let whole = hex(COOKIE);
        assert!(looks_like_connection_request(&whole));
        assert!(looks_like_connection_request(&whole[..30]));
        assert!(looks_like_connection_request(&request(&[1, 0, 8, 0, 11, 0, 0, 0])));
        assert!(looks_like_connection_request(&request(b"Cookie: mstshash=A70707\r\n")));
        let proxied = [b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 3389\r\n", whole.as_slice()].concat();
        assert!(looks_like_connection_request(&proxied));
        assert!(looks_like_connection_request(&request(b"balancer\r\n\x01\x00\x08\x00\x03\x00\x00\x00")));
    }

    #[test]
    fn other_users_of_tpkt_are_not_taken_for_rdp() {
        let cut_before_the_protocols = &request(&[1, 0, 8, 0, 11, 0, 0, 0])[..15];
        let trailing = [hex(COOKIE), vec![0]].concat();
        let mut other_class = hex(COOKIE);
        other_class[10] = 0x40;
        let mut lengths_disagree = hex(COOKIE);
        lengths_disagree[4] -= 1;
        for other in [
            request(b""),
            // S7comm: source TSAP, destination TSAP, TPDU size.
            hex("0300001611e00000000100c1020100c2020102c0010a"),
            // ICCP and MMS: TPDU size, then TSAPs.
            hex("0300001611e00000000300c0010ac1020001c2020001"),
            request(b"some line\r\n"),
            cut_before_the_protocols.to_vec(),
            trailing,
            other_class,
            lengths_disagree,
            hex("030000130ed000001234000200080000000000"),
            hex("0300000902f0802180"),
            b"Cookie: mstshash=a\r\n".to_vec(),
            // H.323: a Q.931 SETUP in TPKT, without X.224.
            hex("0300001508020001050403889 0a57e00000000000000".replace(' ', "").as_str()),
            b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 3389\r\nGET / HTTP/1.1\r\n".to_vec(),
        ] {
            assert!(!looks_like_connection_request(&other), "{other:02x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let front = [3, 0, 0, 91, 86, 0xe0, 0, 0, 0, 0, 0];
            prop_assert!(!looks_like_connection_request(&bytes));
            damage(&[&front[..], &bytes].concat(), looks_like_connection_request);
        }
    }
}
