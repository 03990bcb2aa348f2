//! Handshake messages: RFC 5246 section 7.4, RFC 8446 section 4.

use super::hello::{ClientHello, ServerHello};
use crate::base::{Cursor, ParseError, open_enum};

/// Bytes of a message header: the type and a length of three bytes.
pub const HEADER_LEN: usize = 4;

/// The longest message that is worth putting together, in bytes without the
/// header. Certificate chains are the longest; Windows refuses them above 64
/// kB, and the length field would allow a stranger to have 16 MB kept.
pub const MAX_MESSAGE_LEN: usize = 1 << 16;

/// The most certificates of a chain that are handed out; more is no chain.
pub const MAX_CHAIN: usize = 16;

pub(super) const LAYER: &str = "tls handshake";

open_enum! {
    /// The kind of a handshake message.
    pub struct HandshakeType(u8) {
        /// The server asks for a renegotiation.
        hello_request = 0,
        /// The client's offer.
        client_hello = 1,
        /// The server's choice.
        server_hello = 2,
        /// A ticket for resumption.
        new_session_ticket = 4,
        /// TLS 1.3: the end of early data.
        end_of_early_data = 5,
        /// TLS 1.3, encrypted.
        encrypted_extensions = 8,
        /// A certificate chain; encrypted in TLS 1.3.
        certificate = 11,
        /// The server's key share, up to TLS 1.2.
        server_key_exchange = 12,
        /// The server asks for a client certificate.
        certificate_request = 13,
        /// The end of the server's flight, up to TLS 1.2.
        server_hello_done = 14,
        /// Proof of the private key.
        certificate_verify = 15,
        /// The client's key share, up to TLS 1.2.
        client_key_exchange = 16,
        /// The end of the handshake, always encrypted.
        finished = 20,
        /// An OCSP response.
        certificate_status = 22,
        /// TLS 1.3: new keys.
        key_update = 24,
    }
}

/// A message header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The kind of the message.
    pub kind: HandshakeType,
    /// Bytes of the body behind the header; see [`MAX_MESSAGE_LEN`].
    pub length: usize,
}

impl Header {
    /// Bytes of the whole message.
    #[must_use]
    pub const fn message_len(self) -> usize {
        self.length.saturating_add(HEADER_LEN)
    }

    /// Whether a message of an RDP handshake in the clear could begin like
    /// this. It keeps most encrypted messages out, not all: after
    /// ChangeCipherSpec nothing is in the clear.
    ///
    /// hello_request is not let through although it exists: no server begins
    /// with it, and the nonce with which Windows begins an encrypted Finished
    /// is eight zeros, which would read as two of it.
    #[must_use]
    pub const fn is_plausible(self) -> bool {
        match self.kind {
            HandshakeType::server_hello_done => self.length == 0,
            HandshakeType::client_hello
            | HandshakeType::server_hello
            | HandshakeType::new_session_ticket
            | HandshakeType::certificate
            | HandshakeType::server_key_exchange
            | HandshakeType::certificate_request
            | HandshakeType::certificate_verify
            | HandshakeType::client_key_exchange
            | HandshakeType::certificate_status => self.length <= MAX_MESSAGE_LEN,
            _ => false,
        }
    }
}

/// Decodes the header of the message that `bytes` starts with; several messages
/// may share a record, and one may span several.
///
/// # Errors
/// Fewer than four bytes.
pub fn header(bytes: &[u8]) -> Result<Header, ParseError> {
    let mut fields = Cursor::new(LAYER, bytes);
    let kind = HandshakeType(fields.u8("msg_type")?);
    Ok(Header { kind, length: usize::try_from(fields.u24_be("length")?).unwrap_or(usize::MAX) })
}

/// What a handshake message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// The client's offer.
    ClientHello(ClientHello),
    /// The server's choice, or its wish for another ClientHello.
    ServerHello(ServerHello),
    /// A certificate chain in the form of TLS 1.2 and before.
    Certificate(Chain<'a>),
    /// A message of which the kind is all that matters.
    Other(HandshakeType),
}

/// The certificates of a chain, the peer's own first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// DER, undecoded; at most [`MAX_CHAIN`].
    pub certificates: Vec<&'a [u8]>,
    /// Why the list is shorter than the message says, where it is.
    pub stopped: Option<ParseError>,
}

/// Decodes a message that was sent in the clear, header included. Its end may
/// be missing: a chain keeps the certificates that are whole, a hello the
/// extensions that are.
///
/// # Errors
/// The header is cut short, or a hello is, or contradicts itself.
pub fn decode(message: &[u8]) -> Result<Message<'_>, ParseError> {
    let Header { kind, length } = header(message)?;
    let captured = message.get(HEADER_LEN..).unwrap_or_default();
    let body = captured.get(..length).unwrap_or(captured);
    // A hello that makes no sense because its end is missing is not malformed.
    let blame = |error: ParseError| match body.len() {
        have if have < length => ParseError::short(LAYER, error.field, HEADER_LEN, length, have),
        _ => error,
    };
    Ok(match kind {
        HandshakeType::client_hello => Message::ClientHello(ClientHello::decode(body).map_err(blame)?),
        HandshakeType::server_hello => Message::ServerHello(ServerHello::decode(body).map_err(blame)?),
        HandshakeType::certificate => Message::Certificate(chain(body)),
        other => Message::Other(other),
    })
}

/// RFC 5246 section 7.4.2: a list of certificates, each behind its length.
///
/// Split here and not by tls-parser, which gives nothing of a chain whose end
/// is missing, while the leaf at its front is what everybody asks for.
fn chain(body: &[u8]) -> Chain<'_> {
    let mut certificates = Vec::new();
    let mut fields = Cursor::new(LAYER, body);
    let mut next = || -> Result<bool, ParseError> {
        if fields.position() == 0 {
            fields.skip(3, "certificate_list length")?;
        }
        if fields.is_empty() {
            return Ok(false);
        }
        if certificates.len() == MAX_CHAIN {
            return Err(fields.malformed("certificate_list"));
        }
        let length = usize::try_from(fields.u24_be("certificate length")?).unwrap_or(usize::MAX);
        certificates.push(fields.take(length, "certificate")?);
        Ok(true)
    };
    let stopped = loop {
        match next() {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
    };
    Chain { certificates, stopped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::damage;
    use proptest::prelude::*;

    fn certificate(list: &[&[u8]]) -> Vec<u8> {
        let u24 = |n: usize| [0, (n >> 8) as u8, n as u8];
        let list: Vec<u8> = list.iter().flat_map(|c| [&u24(c.len())[..], c].concat()).collect();
        [&[11][..], &u24(list.len() + 3), &u24(list.len()), &list].concat()
    }

    fn chain_of(message: &[u8]) -> Chain<'_> {
        match decode(message) {
            Ok(Message::Certificate(chain)) => chain,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn headers_are_four_bytes() {
        let header = header(&[14, 0, 0, 0, 22, 3]).unwrap();
        assert_eq!((header.kind, header.length, header.message_len()), (HandshakeType::server_hello_done, 0, 4));
        assert!(header.is_plausible());
        let encrypted = super::header(&[0x51, 0x3c, 0x87, 0x02]).unwrap();
        assert!(!encrypted.is_plausible());
        for other in [[11, 1, 0, 1], [14, 0, 0, 1], [0, 0, 0, 0], [20, 0, 0, 12]] {
            assert!(!super::header(&other).unwrap().is_plausible(), "{other:?}");
        }
        assert_eq!(decode(&[14, 0, 0, 0]), Ok(Message::Other(HandshakeType::server_hello_done)));
        assert_eq!(decode(&[77, 0, 0, 0]), Ok(Message::Other(HandshakeType(77))));
    }

    #[test]
    fn a_chain_is_split_and_survives_its_end() {
        let message = certificate(&[b"leaf", b"issuer"]);
        assert_eq!(chain_of(&message), Chain { certificates: vec![b"leaf", b"issuer"], stopped: None });
        let cut = chain_of(&message[..message.len() - 1]);
        assert_eq!(cut.certificates, [b"leaf"]);
        assert_eq!(cut.stopped, Some(ParseError::short(LAYER, "certificate", 13, 6, 5)));
        assert_eq!(chain_of(&[11, 0, 0, 3, 0, 0, 0]), Chain { certificates: vec![], stopped: None });
        damage(&message, |bytes| decode(bytes).is_ok());
    }

    #[test]
    fn a_cut_hello_is_cut_and_not_malformed() {
        let fixed_part = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0xc0, 0x30, 1, 0]].concat();
        let hello = [&[1, 0, 0, 47][..], &fixed_part, &[0, 4, 0, 0x17, 0, 0]].concat();
        for end in HEADER_LEN..=hello.len() {
            match decode(&hello[..end]) {
                Ok(Message::ClientHello(offer)) => assert_eq!(offer.suites.len(), 1),
                Err(error) => assert_eq!(error, ParseError::short(LAYER, "ClientHello", 4, 47, end - 4)),
                other => panic!("{other:?}"),
            }
        }
        let malformed = decode(&[2, 0, 0, 2, 9, 9]);
        assert_eq!(malformed, Err(ParseError::malformed(LAYER, "ServerHello", 0)));
    }

    #[test]
    fn a_chain_without_end_is_bounded() {
        let message = certificate(&[&b"x"[..]; MAX_CHAIN + 1]);
        let chain = chain_of(&message);
        assert_eq!(chain.certificates.len(), MAX_CHAIN);
        assert_eq!(chain.stopped.unwrap().field, "certificate_list");
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(kind in 0_u8..25, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let length = bytes.len() as u8;
            let _ = decode(&[&[kind, 0, 0, length][..], &bytes].concat());
            let _ = decode(&bytes);
        }
    }
}
