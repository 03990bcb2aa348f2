//! TLS records and the CredSSP inside them, behind a negotiation that chose
//! them. The same bytes in other pieces must give the same facts.

use rdpwhy::base::{At, CaptureTime, Frame, Side};
use rdpwhy::session::{Session, SessionFacts};

/// Connection Request for NLA, and its confirmation.
const REQUEST: &[u8] = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0";
const CONFIRM: &[u8] = b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0";

/// The first byte is the size of the pieces; then operations of four bytes:
/// how (1 for the server, 2 with the body from the input, 4 as a handshake
/// message, 8 with a header that lies), type, and length.
pub fn records(data: &[u8]) {
    let Some((&size, rest)) = data.split_first() else { return };
    let mut sent = vec![(Side::Client, REQUEST.to_vec()), (Side::Server, CONFIRM.to_vec())];
    let mut rest = rest;
    while let Some((&[how, kind, high, low], after)) = rest.split_first_chunk::<4>() {
        rest = after;
        let claimed = usize::from(u16::from_be_bytes([high, low]));
        let mut body = if how & 2 == 0 {
            // Nothing reads what is encrypted; its length tells.
            vec![0xee; claimed % 17_000]
        } else {
            let (body, after) = rest.split_at(rest.len().min(claimed));
            rest = after;
            body.to_vec()
        };
        if how & 4 != 0 {
            let length = (body.len() as u32).to_be_bytes();
            body = [&[kind][..], &length[1..], &body].concat();
        }
        let content = if how & 4 != 0 { 22 } else { kind };
        let length = if how & 8 == 0 { body.len() as u16 } else { claimed as u16 };
        let record = [&[content, 3, 3][..], &length.to_be_bytes(), &body].concat();
        sent.push((if how & 1 == 0 { Side::Client } else { Side::Server }, record));
    }
    let whole = facts(&sent, usize::MAX);
    let pieces = facts(&sent, usize::from(size) + 1);
    assert_eq!(whole, pieces, "in pieces of {}", usize::from(size) + 1);
}

fn facts(sent: &[(Side, Vec<u8>)], piece: usize) -> SessionFacts {
    let mut session = Session::new();
    for (number, (side, bytes)) in (1..).zip(sent) {
        let time = CaptureTime::from_nanos(i64::from(number) * 1_000_000);
        let at = At { frame: Frame::new(0, u64::from(number as u32)), time };
        for piece in bytes.chunks(piece) {
            session.bytes(*side, piece, at);
        }
    }
    session.into_facts()
}
