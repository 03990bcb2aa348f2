//! TLS handshake messages in the clear, under pseudonyms.
//!
//! A record may hold several messages, and a message may take several records
//! (RFC 8446 section 5.1): those of one flight are read together, rewritten, and
//! put back into the records that they came in.

use super::certificate;
use crate::report::redact::Redactor;
use crate::wire::tls::record::{self, FrameSize};

/// The content type of a record with handshake messages.
const HANDSHAKE: u8 = 22;
/// A message's type and length.
const HEADER_LEN: usize = 4;
/// Types of messages that pass in the clear (RFC 5246 section 7.4, RFC 5077,
/// RFC 6066), among them those of TLS 1.3 that never do.
const KNOWN: [u8; 14] = [0, 1, 2, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 22];

/// The handshake messages of one side.
pub(super) struct Handshakes {
    /// It is known that a message begins where the next record does.
    is_in_step: bool,
}

/// Records that hold whole messages together, or the last that there are.
pub(super) struct Flight {
    /// Where each begins, and what may be shown of it.
    pub(super) records: Vec<(usize, Vec<u8>)>,
    /// How many bytes they are.
    pub(super) len: usize,
    /// What is missing of the last one.
    pub(super) left: u64,
}

impl Handshakes {
    pub(super) const fn new() -> Self {
        Self { is_in_step: true }
    }

    /// Bytes are missing: what comes next may be the middle of a message.
    pub(super) const fn gap(&mut self) {
        self.is_in_step = false;
    }

    /// Reads `rest`, which begins with a handshake record.
    pub(super) fn read(&mut self, rest: &[u8], redactor: &Redactor) -> Flight {
        let mut records: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut bodies: Vec<u8> = Vec::new();
        // Where the message ends that is not known to be whole yet.
        let (mut len, mut left, mut boundary) = (0_usize, 0_u64, 0_usize);
        while let Some(record @ [HANDSHAKE, ..]) = rest.get(len..) {
            let FrameSize::Size(size) = record::frame_size(record) else { break };
            let bytes = record.get(..size).unwrap_or(record);
            records.push((len, bytes.to_vec()));
            bodies.extend_from_slice(bytes.get(record::HEADER_LEN..).unwrap_or_default());
            len = len.saturating_add(bytes.len());
            left = size.saturating_sub(bytes.len()) as u64;
            while let Some(end) = end_of_message(&bodies, boundary) {
                boundary = end;
            }
            if boundary == bodies.len() || left > 0 {
                break;
            }
        }
        let is_whole = boundary == bodies.len() && left == 0;
        if self.is_in_step || (is_whole && are_known(&bodies)) {
            messages(&mut bodies, left == 0, redactor);
        } else {
            bodies.fill(0);
        }
        self.is_in_step = is_whole && (self.is_in_step || are_known(&bodies));
        let mut shown = bodies.as_slice();
        for (_, record) in &mut records {
            let body = record.get_mut(record::HEADER_LEN..).unwrap_or_default();
            let (own, behind) = shown.split_at_checked(body.len()).unwrap_or((shown, &[]));
            for (place, byte) in body.iter_mut().zip(own) {
                *place = *byte;
            }
            shown = behind;
        }
        Flight { records, len, left }
    }
}

/// Where the message that begins at `from` ends, where it is whole.
fn end_of_message(bodies: &[u8], from: usize) -> Option<usize> {
    let header = bodies.get(from..)?.first_chunk::<HEADER_LEN>()?;
    let end = from.checked_add(HEADER_LEN)?.checked_add(len_in(*header))?;
    (end <= bodies.len()).then_some(end)
}

fn len_in([_, a, b, c]: [u8; HEADER_LEN]) -> usize {
    u32::from_be_bytes([0, a, b, c]) as usize
}

/// Whether `bodies` read as messages of known types from end to end.
fn are_known(bodies: &[u8]) -> bool {
    let mut at = 0;
    while let Some(kind) = bodies.get(at) {
        match end_of_message(bodies, at) {
            Some(end) if KNOWN.contains(kind) => at = end,
            _ => return false,
        }
    }
    true
}

/// Messages one after another; `is_whole`: what is missing at the end belongs to
/// a later record, and was not lost.
pub(super) fn messages(bodies: &mut [u8], is_whole: bool, redactor: &Redactor) {
    let mut rest = bodies;
    while let Some(&header) = rest.first_chunk::<HEADER_LEN>() {
        let len = len_in(header);
        let (_, behind) = rest.split_at_mut(HEADER_LEN);
        if len > behind.len() {
            // It goes on in another record, or was not captured.
            behind.fill(0);
            return;
        }
        let (message, next) = behind.split_at_mut(len);
        match header {
            [1, ..] if is_whole => hello(message, true, redactor),
            [2, ..] if is_whole => hello(message, false, redactor),
            [11, ..] => chain(message, redactor),
            _ => message.fill(0),
        }
        rest = next;
    }
    rest.fill(0);
}

/// ClientHello and ServerHello: the extensions that say nothing about whose
/// they are stay; server names become others; the content of the rest is
/// zeros.
fn hello(message: &mut [u8], is_client: bool, redactor: &Redactor) {
    const FIXED: usize = 34;
    /// Groups, formats, algorithms, ALPN, encrypt-then-MAC, extended master
    /// secret, versions, renegotiation.
    const HARMLESS: [u16; 9] = [5, 10, 11, 13, 16, 22, 23, 43, 0xff01];
    const SERVER_NAME: u16 = 0;
    let mut at = FIXED;
    let byte = |message: &[u8], at: usize| message.get(at).copied().map(usize::from);
    let pair =
        |message: &[u8], at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at.saturating_add(1))?]));
    let extensions = (|| {
        at = at.checked_add(1)?.checked_add(byte(message, at)?)?;
        if is_client {
            at = at.checked_add(2)?.checked_add(pair(message, at)?.into())?;
            at = at.checked_add(1)?.checked_add(byte(message, at)?)?;
        } else {
            at = at.checked_add(3)?;
        }
        at.checked_add(2)
    })();
    let Some(mut at) = extensions else {
        message.get_mut(FIXED..).unwrap_or_default().fill(0);
        return;
    };
    while let (Some(kind), Some(len)) = (pair(message, at), pair(message, at.saturating_add(2))) {
        let start = at.saturating_add(4);
        let end = start.saturating_add(len.into()).min(message.len());
        let content = message.get_mut(start..end).unwrap_or_default();
        match kind {
            SERVER_NAME => names(content, redactor),
            // The shares themselves are keys of an hour; which group stays.
            51 => zero_behind(content, 6),
            kind if HARMLESS.contains(&kind) => {}
            _ => content.fill(0),
        }
        at = end;
    }
    message.get_mut(at..).unwrap_or_default().fill(0);
}

/// A server_name extension (RFC 6066 section 3): list length, then type,
/// length, name.
fn names(content: &mut [u8], redactor: &Redactor) {
    let mut rest = content.get_mut(2..).unwrap_or_default();
    while let Some(&[_, high, low]) = rest.first_chunk() {
        let (_, behind) = rest.split_at_mut(3);
        let len = usize::from(u16::from_be_bytes([high, low])).min(behind.len());
        let (name, next) = behind.split_at_mut(len);
        certificate::text(name, redactor);
        rest = next;
    }
    rest.fill(0);
}

/// A Certificate message of TLS 1.2 and before: length, then each certificate
/// behind its own.
fn chain(message: &mut [u8], redactor: &Redactor) {
    let mut rest = message.get_mut(3..).unwrap_or_default();
    while let Some(&[a, b, c]) = rest.first_chunk() {
        let (_, behind) = rest.split_at_mut(3);
        let len = (u32::from_be_bytes([0, a, b, c]) as usize).min(behind.len());
        let (der, next) = behind.split_at_mut(len);
        certificate::rewrite(der, redactor);
        rest = next;
    }
    rest.fill(0);
}

fn zero_behind(bytes: &mut [u8], kept: usize) {
    bytes.get_mut(kept..).unwrap_or_default().fill(0);
}
