//! What may be shown of a message: default is nothing but its framing.

use super::handshake::{self, Handshakes};
use crate::report::redact::Redactor;
use crate::wire::negotiation;
use crate::wire::tls::ContentType;
use crate::wire::tls::record;
use crate::wire::{fast_path, mcs, preconnection, security, share, tpkt, x224};

/// How much of what is in the clear is shown.
#[derive(Clone, Copy)]
pub(super) enum Policy<'a> {
    /// What was negotiated, byte for byte.
    AsNegotiated,
    /// The same with other names and no keys.
    Redacted(&'a Redactor),
}

/// Bytes to be shown at a place of a run.
pub(super) struct Part {
    pub(super) at: usize,
    pub(super) bytes: Vec<u8>,
}

/// Reads one side's stream, run by run.
pub(super) struct Reader<'a> {
    policy: Policy<'a>,
    is_under_way: bool,
    /// It is known where the next message begins.
    is_in_step: bool,
    /// A ChangeCipherSpec went by: what follows is encrypted.
    is_protected: bool,
    /// What is left of a message that the run before broke off in.
    left: u64,
    handshakes: Handshakes,
}

#[derive(Clone, Copy)]
enum Kind {
    Tpkt,
    Record(u8),
    FastPath(usize),
    Preconnection,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(policy: Policy<'a>) -> Self {
        let handshakes = Handshakes::new();
        Self { policy, is_under_way: false, is_in_step: true, is_protected: false, left: 0, handshakes }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, len: u64) {
        self.handshakes.gap();
        match self.left.checked_sub(len) {
            Some(left) => self.left = left,
            None => (self.left, self.is_in_step) = (0, false),
        }
    }

    /// What may be shown of bytes that follow one another.
    pub(super) fn run(&mut self, run: &[u8]) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut at = usize::try_from(self.left).unwrap_or(usize::MAX).min(run.len());
        self.left = self.left.saturating_sub(at as u64);
        while let Some(rest) = run.get(at..).filter(|rest| !rest.is_empty()) {
            if !self.is_in_step {
                match (0..rest.len()).find(|from| rest.get(*from..).is_some_and(is_front)) {
                    Some(from) => at = at.saturating_add(from),
                    None => break,
                }
                (self.is_in_step, self.is_under_way) = (true, true);
                continue;
            }
            let Some((kind, len)) = front(rest, self.is_under_way) else {
                if !self.is_under_way {
                    parts.push(Part { at, bytes: foreign(rest) });
                    self.left = u64::MAX;
                    break;
                }
                self.is_in_step = false;
                at = at.saturating_add(1);
                continue;
            };
            self.is_under_way = true;
            if let (Kind::Record(22), Policy::Redacted(redactor), false) = (kind, self.policy, self.is_protected) {
                let flight = self.handshakes.read(rest, redactor);
                self.left = flight.left;
                parts.extend(
                    flight.records.into_iter().map(|(from, bytes)| Part { at: at.saturating_add(from), bytes }),
                );
                at = at.saturating_add(flight.len);
                continue;
            }
            let message = rest.get(..len).unwrap_or(rest);
            parts.push(Part { at, bytes: self.show(kind, message, message.len() == len) });
            self.left = len.saturating_sub(message.len()) as u64;
            at = at.saturating_add(message.len());
        }
        parts
    }

    fn show(&mut self, kind: Kind, message: &[u8], is_whole: bool) -> Vec<u8> {
        let kept = |len: usize| message.get(..len).unwrap_or(message).to_vec();
        match kind {
            Kind::FastPath(header) => kept(header),
            Kind::Preconnection => kept(preconnection::FIXED_LEN),
            Kind::Tpkt => tpkt_frame(message, self.policy),
            Kind::Record(content_type) => {
                let body = message.get(record::HEADER_LEN..).unwrap_or_default();
                match ContentType(content_type) {
                    // An alert in the clear has two bytes, an encrypted one more.
                    ContentType::ALERT if body.len() == 2 => message.to_vec(),
                    ContentType::CHANGE_CIPHER_SPEC => {
                        self.is_protected = true;
                        kept(record::HEADER_LEN + 1)
                    }
                    ContentType::HANDSHAKE if !self.is_protected || is_hello(body) => {
                        let mut message = message.to_vec();
                        if let Policy::Redacted(redactor) = self.policy {
                            let body = message.get_mut(record::HEADER_LEN..).unwrap_or_default();
                            handshake::messages(body, is_whole, redactor);
                        }
                        message
                    }
                    _ => kept(record::HEADER_LEN),
                }
            }
        }
    }
}

/// After a HelloRetryRequest hellos follow in the clear behind a
/// ChangeCipherSpec (RFC 8446 appendix D.4).
fn is_hello(body: &[u8]) -> bool {
    match *body {
        [1 | 2, a, b, c, ..] => u32::from_be_bytes([0, a, b, c]) as usize == body.len().saturating_sub(4),
        _ => false,
    }
}

fn front(bytes: &[u8], is_under_way: bool) -> Option<(Kind, usize)> {
    match bytes {
        [3, ..] => match tpkt::frame_size(bytes) {
            tpkt::FrameSize::Size(len) => Some((Kind::Tpkt, len)),
            _ => cut_header(bytes, 4),
        },
        [kind @ 21..=23, ..] | [kind @ (20 | 24), 3, ..] => match record::frame_size(bytes) {
            record::FrameSize::Size(len) => Some((Kind::Record(*kind), len)),
            _ => cut_header(bytes, record::HEADER_LEN),
        },
        _ if is_under_way => match fast_path::frame_size(bytes) {
            fast_path::FrameSize::Size(len) => {
                let header = if bytes.get(1).is_some_and(|len| len & 0x80 != 0) { 3 } else { 2 };
                Some((Kind::FastPath(header), len))
            }
            _ => cut_header(bytes, 3),
        },
        _ => preconnection::decode(bytes).ok().map(|pdu| (Kind::Preconnection, pdu.size)),
    }
}

/// The stream stops inside a header: it is shown.
fn cut_header(bytes: &[u8], len: usize) -> Option<(Kind, usize)> {
    (bytes.len() < len).then_some((Kind::FastPath(bytes.len()), bytes.len()))
}

/// Whether a message begins here that can hardly be chance: its first bytes fit,
/// and so do those of the next.
fn is_front(bytes: &[u8]) -> bool {
    let len = match *bytes {
        [20..=23, 3, 1..=3, ..] => match record::frame_size(bytes) {
            record::FrameSize::Size(len) => len,
            _ => return false,
        },
        [3, 0, high, low, 2, 0xf0, ..] => usize::from(u16::from_be_bytes([high, low])),
        _ => return false,
    };
    match bytes.get(len..) {
        None | Some([]) => true,
        Some(next) => matches!(next, [20..=23, 3, ..] | [20..=23 | 3] | [3, 0, ..]),
    }
}

/// What a reset carries: load balancers write its cause into it (RFC 1122
/// section 4.2.2.12), which is text; anything else is zeros.
pub(super) fn in_reset(payload: &[u8], redactor: Option<&Redactor>) -> Vec<u8> {
    let len = payload.iter().take_while(|byte| matches!(byte, b' '..=b'~')).count();
    let text = payload.get(..len).unwrap_or_default();
    let mut shown = match (redactor, std::str::from_utf8(text)) {
        (Some(redactor), Ok(text)) => redactor.device_text(text).into_bytes(),
        _ => text.to_vec(),
    };
    // Stray content of a connection is no text, but for its first bytes.
    if len.saturating_mul(10) < payload.len().saturating_mul(8) {
        shown.clear();
    }
    shown.resize(payload.len(), 0);
    shown
}

/// What is no Remote Desktop is named by its first bytes, where these are words
/// that everybody uses.
fn foreign(bytes: &[u8]) -> Vec<u8> {
    const NAME: usize = 8;
    const WORDS: [&[u8]; 8] = [b"SSH-", b"RFB ", b"HTTP/", b"GET ", b"POST ", b"HEAD ", b"CONNECT", b"OPTIONS"];
    let known = WORDS.iter().find(|word| bytes.starts_with(word));
    let mut name = known.map_or_else(Vec::new, |word| word.to_vec());
    // Zeros could be the beginning of a Preconnection PDU.
    name.resize(bytes.len().min(NAME), b'.');
    name
}

fn tpkt_frame(message: &[u8], policy: Policy<'_>) -> Vec<u8> {
    let kept = |len: usize| message.get(..len).unwrap_or(message).to_vec();
    let Ok(tpdu) = tpkt::decode(message).and_then(|frame| x224::decode(frame.tpdu)) else { return kept(tpkt::MIN_LEN) };
    match tpdu {
        x224::Tpdu::ConnectionRequest(connection) => match policy {
            Policy::AsNegotiated => message.to_vec(),
            Policy::Redacted(redactor) => request(message, connection.variable.len(), redactor),
        },
        x224::Tpdu::ConnectionConfirm(_) => kept(19),
        x224::Tpdu::Data(data) => {
            let front = message.len().saturating_sub(data.len());
            match mcs::decode(data) {
                Ok(mcs::Pdu::ConnectInitial { user_data } | mcs::Pdu::ConnectResponse { user_data, .. }) => {
                    match policy {
                        Policy::AsNegotiated => message.to_vec(),
                        Policy::Redacted(_) => conference(message, user_data.len()),
                    }
                }
                Ok(mcs::Pdu::SendDataRequest(data) | mcs::Pdu::SendDataIndication(data)) => {
                    let before = message.len().saturating_sub(data.user_data.len());
                    kept(before.saturating_add(headers_of(data.user_data, data.declared_len)))
                }
                // The other PDUs are a dozen bytes.
                Ok(_) => kept(front.saturating_add(16)),
                Err(_) => kept(front.saturating_add(2)),
            }
        }
        _ => kept(tpkt::MIN_LEN + 6),
    }
}

/// How much of some user data is headers, and codes that say why.
fn headers_of(user_data: &[u8], declared_len: usize) -> usize {
    const SECURITY: usize = 4;
    const SHARE_CONTROL: usize = 6;
    const SHARE_DATA: usize = 18;
    let of_share = |bytes: &[u8]| match share::decode(bytes) {
        Ok(share::Pdu { data: Some(data), .. }) => {
            // A Set Error Info says why; a Control says what for.
            let says = data.error_info().is_some() || data.control_action().is_some();
            SHARE_DATA + if says { 4 } else { 0 }
        }
        Ok(_) => SHARE_CONTROL,
        Err(_) => 0,
    };
    match *user_data {
        [low, high, kind, 0, ..] if kind >> 4 == 1 && usize::from(u16::from_le_bytes([low, high])) == declared_len => {
            of_share(user_data)
        }
        _ => match security::decode(user_data) {
            Ok(secured) if secured.flags.contains(security::SecurityFlags::SEC_LICENSE_PKT) => {
                // The preamble, and of an error its code and what follows from it.
                SECURITY + if matches!(secured.data, [0xff, ..]) { 16 } else { 4 }
            }
            Ok(secured) if secured.flags.0 == 0 => SECURITY.saturating_add(of_share(secured.data)),
            Ok(_) => SECURITY,
            Err(_) => 0,
        },
    }
}

/// A Connection Request whose cookie names somebody else.
fn request(message: &[u8], variable_len: usize, redactor: &Redactor) -> Vec<u8> {
    let mut out = message.to_vec();
    let before = message.len().saturating_sub(variable_len);
    let variable = message.get(before..).unwrap_or_default();
    let request = negotiation::decode_request(variable);
    let Some(token) = request.token else {
        // Without negotiation data it is not known what this is.
        if request.negotiation.is_none() {
            out.truncate(before);
        } else {
            blank_correlation(&mut out, request.has_correlation_id);
        }
        return out;
    };
    let value = *token.value.expose();
    let start = value.as_ptr().addr().saturating_sub(message.as_ptr().addr());
    let text: String = value.iter().map(|byte| char::from(*byte)).collect();
    // One byte a character, as it was read; letters beyond ASCII become several.
    let hidden: Vec<u8> = text.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect::<String>().into_bytes();
    let hidden = redactor.name(&String::from_utf8_lossy(&hidden)).into_bytes();
    for (place, byte) in out.get_mut(start..).unwrap_or_default().iter_mut().zip(hidden).take(value.len()) {
        *place = byte;
    }
    blank_correlation(&mut out, request.has_correlation_id);
    out
}

/// RDP_NEG_CORRELATION_INFO names the connection in the logs of a gateway.
fn blank_correlation(message: &mut [u8], is_there: bool) {
    const ID_AND_RESERVED: usize = 32;
    if is_there {
        let from = message.len().saturating_sub(ID_AND_RESERVED);
        message.get_mut(from..).unwrap_or_default().fill(0);
    }
}

/// An MCS Connect PDU: the settings blocks by their headers, and of those that
/// hold no names what an analysis reads ([MS-RDPBCGR] 2.2.1.3 and 2.2.1.4).
fn conference(message: &[u8], user_data_len: usize) -> Vec<u8> {
    const BLOCK_HEADER: usize = 4;
    let before = message.len().saturating_sub(user_data_len);
    let mut out = message.to_vec();
    let user_data = out.get_mut(before..).unwrap_or_default();
    let key = user_data.windows(4).take(40).position(|four| four == b"Duca" || four == b"McDn");
    let Some(key) = key else {
        user_data.fill(0);
        return out;
    };
    // Behind the key the length of all blocks, in one or two bytes.
    let long = user_data.get(key.saturating_add(4)).is_some_and(|byte| byte & 0x80 != 0);
    let mut at = key.saturating_add(if long { 6 } else { 5 });
    while let Some(&[kind_low, kind_high, low, high]) = user_data.get(at..).and_then(|rest| rest.first_chunk()) {
        let len = usize::from(u16::from_le_bytes([low, high])).max(BLOCK_HEADER);
        let end = at.saturating_add(len).min(user_data.len());
        let kept: &[(usize, usize)] = match u16::from_le_bytes([kind_low, kind_high]) {
            // Client core: version, size, colours, layout, build; then no name;
            // keyboard; colours and flags; no serial number and product id; the
            // protocol.
            0xc001 => &[(4, 24), (56, 68), (132, 136), (140, 146), (210, 216)],
            0xc002 | 0xc004 | 0xc00a | 0xc006 | 0x0c01 | 0x0c03 | 0x0c04 | 0x0c08 => &[(0, usize::MAX)],
            // How many channels, not which; method and level, no certificate.
            0xc003 => &[(0, 8)],
            0x0c02 => &[(0, 20)],
            _ => &[],
        };
        let block = user_data.get_mut(at..end).unwrap_or_default();
        for (n, byte) in block.iter_mut().enumerate().skip(BLOCK_HEADER) {
            if !kept.iter().any(|(from, upto)| (*from..*upto).contains(&n)) {
                *byte = 0;
            }
        }
        at = end;
    }
    out
}
