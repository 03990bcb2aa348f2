//! The first bytes of a message: which kind begins, and how long it is.

use crate::base::Cause;
use crate::wire::preamble::{HeaderSize, proxy_header};
use crate::wire::tls::record::{self, Header};
use crate::wire::{fast_path, preconnection, tpkt, x224};

/// The kinds of message that RDP streams are made of, and what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Kind {
    Preconnection,
    /// A header of the PROXY protocol: a load balancer names its client.
    ProxyHeader,
    Tpkt,
    FastPath,
    Record(Header),
    /// The first bytes of a side that speaks something else.
    Foreign,
    /// No message begins where one should; the next one is searched for.
    Confused,
}

/// What begins at the front of some bytes.
pub(super) enum Front {
    NeedMore,
    Message(Kind, u64),
    Nothing,
}

/// What begins at the front of `bytes`; `is_under_way` where they are not the
/// first of their stream.
pub(super) fn front(bytes: &[u8], is_under_way: bool) -> Front {
    let front = match bytes {
        [3, ..] => match tpkt::frame_size(bytes) {
            tpkt::FrameSize::NeedMore => Front::NeedMore,
            // Other protocols may begin with a 3, too; then nothing ever completes
            // what would be a frame, and the side seems to be silent.
            tpkt::FrameSize::Size(size) => match x224_code(bytes) {
                None if !is_under_way => Front::NeedMore,
                Some(code) if !is_under_way && !x224::is_class_0(code) => Front::Nothing,
                _ => Front::Message(Kind::Tpkt, size as u64),
            },
            tpkt::FrameSize::NotTpkt => Front::Nothing,
        },
        // As fast-path frames, 20 and 24 with this length would have more
        // events than bytes.
        [21..=23, ..] | [20 | 24, 3, ..] => match (record::frame_size(bytes), record::decode(bytes)) {
            (record::FrameSize::Size(size), Ok(header)) => Front::Message(Kind::Record(header), size as u64),
            (record::FrameSize::NotTls, _) => Front::Nothing,
            _ => Front::NeedMore,
        },
        // A session in progress; nothing begins with a fast-path frame.
        [_, ..] if is_under_way => match fast_path::frame_size(bytes) {
            fast_path::FrameSize::NeedMore => Front::NeedMore,
            fast_path::FrameSize::Size(size) => Front::Message(Kind::FastPath, size as u64),
            fast_path::FrameSize::NotFastPath => Front::Nothing,
        },
        _ => Front::Nothing,
    };
    match front {
        Front::Nothing if !is_under_way => first_front(bytes),
        front => front,
    }
}

/// The code of the TPDU in a TPKT frame, where it has come.
fn x224_code(frame: &[u8]) -> Option<u8> {
    frame.get(tpkt::HEADER_LEN..)?.get(1).copied()
}

/// What begins a stream, where it is neither TPKT nor TLS.
fn first_front(bytes: &[u8]) -> Front {
    match proxy_header(bytes) {
        HeaderSize::Size(size) => return Front::Message(Kind::ProxyHeader, size as u64),
        HeaderSize::NeedMore => return Front::NeedMore,
        HeaderSize::None => {}
    }
    match preconnection::decode(bytes) {
        Ok(pdu) => Front::Message(Kind::Preconnection, pdu.size as u64),
        // At most the 18 bytes of its fixed part.
        Err(error) if error.cause == Cause::NotSeen => Front::NeedMore,
        Err(_) => Front::Nothing,
    }
}

/// Whether `bytes` are the front of a TLS record or of a TPKT frame with an
/// X.224 Data, Connection Request or Connection Confirm TPDU; `None` while they
/// may become it. Stricter than framing: it is asked at every byte.
pub(super) fn sync_word(bytes: &[u8]) -> Option<bool> {
    match *bytes {
        [] | [3 | 20..=23] | [3, 0] | [3, 0, _] | [3, 0, _, _] | [3, 0, _, _, _] => None,
        [20..=23, 3] | [20..=23, 3, 1..=3] | [20..=23, 3, 1..=3, 0..=0x48] => None,
        [20..=23, 3, 1..=3, high, low] => {
            let length = u16::from_be_bytes([high, low]);
            Some((1..=record::MAX_FRAGMENT_LEN).contains(&length))
        }
        [3, 0, high, low, indicator, code] => {
            let length = u16::from_be_bytes([high, low]);
            let is_data = indicator == 2 && code == 0xf0 && length > 7;
            let is_connection = matches!(code, 0xd0 | 0xe0) && length == u16::from(indicator).saturating_add(5);
            Some(is_data || is_connection)
        }
        _ => Some(false),
    }
}
