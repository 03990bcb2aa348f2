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
fn options(bytes: &[u8]) -> TcpOptions {
    let mut options = TcpOptions::default();
    let mut c = Cursor::new("tcp", bytes);
    while let Ok(Some((kind, value))) = option(&mut c) {
        match (kind, value) {
            (NO_OPERATION, _) => {}
            (MAXIMUM_SEGMENT_SIZE, &[a, b]) => options.mss = Some(u16::from_be_bytes([a, b])),
            (WINDOW_SCALE, &[shift]) => options.window_scale = Some(shift),
            (SACK_PERMITTED, []) => options.sack_permitted = true,
            (SACK, blocks) => {
                for (block, slot) in blocks.chunks_exact(8).zip(&mut options.sack) {
                    if let Some(edges) = pair(block) {
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

/// The next option's kind and value; `None` at the end of the list.
fn option<'a>(c: &mut Cursor<'a>) -> Result<Option<(u8, &'a [u8])>, ParseError> {
    match c.u8("kind")? {
        END_OF_LIST => Ok(None),
        NO_OPERATION => Ok(Some((NO_OPERATION, &[]))),
        kind => match usize::from(c.u8("length")?).checked_sub(2) {
            Some(len) => Ok(Some((kind, c.take(len, "value")?))),
            None => Err(c.malformed("length")),
        },
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
