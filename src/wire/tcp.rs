//! The TCP header (RFC 9293 §3.1) and its options.
//!
//! Read with the cursor and not with etherparse, because a header that the snap
//! length cut is as welcome as a whole one, and because an option that nobody
//! knows must not hide the next.

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions};
use crate::base::{Cursor, ParseError};

/// Length of the header without options.
pub(super) const HEADER_LEN: usize = 20;

/// A TCP segment. Everything up to the window must have been captured; a window
/// that nobody saw must not pass for one of 0.
pub(super) fn decode<'a>(ip: IpFacts, body: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let ((mut tcp, header_len), _) = body.read("tcp", header)?;
    let payload = body.after(header_len);
    if u32::try_from(header_len).unwrap_or(u32::MAX) > body.len() {
        return Err(ParseError::malformed("tcp", "hdr_len", 12));
    }
    let captured = body.bytes().get(..header_len).unwrap_or(body.bytes());
    tcp.options = options(captured.get(HEADER_LEN..).unwrap_or_default());
    tcp.options.cut_short = captured.len() < header_len;
    let Envelope { source_mac, vlan, tunnels } = envelope;
    let (payload, payload_len) = (payload.bytes(), payload.len());
    Ok(Decoded::Tcp(Segment { ip, source_mac, vlan, tunnels, tcp, payload, payload_len }))
}

/// The header up to the window, and its length in bytes with options.
fn header(c: &mut Cursor<'_>) -> Result<(TcpHeader, usize), ParseError> {
    let (source_port, destination_port) = (c.u16_be("srcport")?, c.u16_be("dstport")?);
    let (seq, ack) = (c.u32_be("seq")?, c.u32_be("ack")?);
    let header_len = usize::from(c.u8("hdr_len")? >> 4).saturating_mul(4);
    if header_len < HEADER_LEN {
        return Err(ParseError::malformed("tcp", "hdr_len", 12));
    }
    let flags = TcpFlags(c.u8("flags")?);
    let window = c.u16_be("window_size")?;
    let options = TcpOptions::default();
    Ok((TcpHeader { source_port, destination_port, seq, ack, flags, window, options }, header_len))
}

/// The options that matter to us. One whose length contradicts itself ends the
/// list, as it does for the receiver.
pub(super) fn options(bytes: &[u8]) -> TcpOptions {
    let mut options = TcpOptions::default();
    let mut rest = bytes;
    while let Some((kind, value, after)) = option(rest) {
        rest = after;
        match (kind, value) {
            (MAXIMUM_SEGMENT_SIZE, &[a, b]) => options.mss = Some(u16::from_be_bytes([a, b])),
            (WINDOW_SCALE, &[shift]) => options.window_scale = Some(shift),
            (SACK_PERMITTED, []) => options.sack_permitted = true,
            (SACK, blocks) => {
                for edges in blocks.chunks_exact(8).filter_map(pair) {
                    if let Some(slot) = options.sack.get_mut(usize::from(options.sack_count)) {
                        *slot = edges;
                        options.sack_count = options.sack_count.saturating_add(1);
                    }
                }
            }
            (TIMESTAMPS, value) if value.len() == 8 => options.timestamps = pair(value),
            _ => {}
        }
    }
    options
}

/// The next option's kind and value, and what comes after it; `None` at the end
/// of the list.
#[inline]
fn option(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    match bytes {
        [] | [END_OF_LIST, ..] => None,
        [NO_OPERATION, after @ ..] => Some((NO_OPERATION, &[], after)),
        [kind, length, after @ ..] => {
            let (value, after) = after.split_at_checked(usize::from(*length).checked_sub(2)?)?;
            Some((*kind, value, after))
        }
        [_] => None,
    }
}

fn pair(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut c = Cursor::new("tcp", bytes);
    Some((c.u32_be("first").ok()?, c.u32_be("second").ok()?))
}

const END_OF_LIST: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Cause, LinkType};
    use crate::wire::decode;
    use crate::wire::frame_samples::{hex, ipv4_with, join, syn};

    fn segment(packet: &[u8]) -> Segment<'_> {
        match decode(LinkType::RAW, packet, u32::try_from(packet.len()).unwrap()) {
            Decoded::Tcp(segment) => segment,
            other => panic!("{other:?}"),
        }
    }

    /// An ACK with these options, which must be a multiple of four bytes.
    fn with_options(options: &str) -> TcpOptions {
        let options = hex(options);
        let offset = u8::try_from(5 + options.len() / 4).unwrap() << 4;
        let header = join(&[&hex("9c120d3d adf84f71 b905db09"), &[offset, 0x10], &hex("0040 0000 0000"), &options]);
        segment(&ipv4_with(6, &header)).tcp.options
    }

    #[test]
    fn a_syn_with_all_its_options() {
        let packet = syn();
        let Segment { ip, tcp, payload, payload_len, .. } = segment(&packet);
        assert_eq!((tcp.source_port, tcp.destination_port), (39954, 3389));
        assert_eq!((tcp.seq, tcp.ack, tcp.window), (0xadf8_4f70, 0, 65495));
        assert_eq!(tcp.flags, TcpFlags(TcpFlags::SYN));
        assert_eq!((payload, payload_len), (&[][..], 0));
        let expected = TcpOptions {
            mss: Some(65495),
            window_scale: Some(10),
            sack_permitted: true,
            timestamps: Some((332_644_610, 0)),
            ..TcpOptions::default()
        };
        assert_eq!(tcp.options, expected);
        assert_eq!((ip.ttl, ip.id, ip.dont_fragment, ip.total_len), (64, Some(0x83c4), true, 60));
    }

    #[test]
    fn an_unknown_option_does_not_hide_the_next() {
        // MD5 signature (19), an experiment (254), then the MSS.
        let options = with_options("1312 00112233445566778899aabbccddeeff fe06 f9890000 0204 05b4 0000 0000");
        assert_eq!(options.mss, Some(1460));
    }

    #[test]
    fn selective_acknowledgments() {
        let one = with_options("0101 050a 00000001 00000002");
        assert_eq!((one.sack_count, one.sack[0]), (1, (1, 2)));
        let four = with_options("0101 0522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008");
        assert_eq!((four.sack_count, four.sack[3]), (4, (7, 8)));
        // Two such options are odd, but both are true.
        let twice = with_options("050a 00000001 00000002 050a 00000003 00000004");
        assert_eq!((twice.sack_count, twice.sack), (2, [(1, 2), (3, 4), (0, 0), (0, 0)]));
    }

    #[test]
    fn options_of_a_wrong_length_are_no_options() {
        assert_eq!(with_options("0203 05 01 0302 0101 080a 00000001 00000002 0101").mss, None);
        assert_eq!(with_options("0203 05 01 0302 0101 080a 00000001 00000002 0101").timestamps, Some((1, 2)));
        // A length of 0 or 1 ends the list, and so does one beyond the end.
        for hopeless in ["0200 05b4 0204 05b4", "fe01 0101 0204 05b4", "02ff 05b4 0204 05b4", "00 02 04 05 b4 00 00 00"]
        {
            assert_eq!(with_options(hopeless), TcpOptions::default(), "{hopeless}");
        }
    }

    #[test]
    fn a_header_that_lies_about_its_length_is_malformed() {
        for header in ["9c120d3d adf84f71 b905db09 4010 0040 00000000", "9c120d3d adf84f71 b905db09 6010 0040 00000000"]
        {
            let packet = ipv4_with(6, &hex(header));
            let decoded = decode(LinkType::RAW, &packet, 40);
            let Decoded::Failed(error) = decoded else { panic!("{decoded:?}") };
            assert_eq!((error.cause, error.field), (Cause::Malformed, "hdr_len"));
        }
    }
}
