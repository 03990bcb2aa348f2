//! The TLS handshake, as far as it is in the clear, and what can be told of the
//! rest by record types and sizes: RFC 5246 section 7.3, RFC 8446 section 2.

use super::records::{RecordShape, Records};
use super::shapes::{Dull, Shapes};
use super::transcript::Transcript;
use super::{At, Doubt, Message};
use crate::base::{BySide, Seen, Side, Visibility};
use crate::wire::tls::handshake::{self, HandshakeType};
use crate::wire::tls::record::{self, Header};
use crate::wire::tls::suite::Protection;
use crate::wire::tls::{Alert, Certificate, CipherSuite, ClientHello, ContentType, ServerHello, Version};
use crate::wire::tls::{alert, certificate};

/// The most clear alerts that are kept; two would be one from each side. Later ones
/// are steps, and blame nobody.
const MAX_ALERTS: usize = 4;

/// How many protected records a TLS 1.3 client may send before its Finished:
/// a certificate and its proof, where the server asks for one.
const MAX_BEFORE_FINISHED: u8 = 3;

/// The facts of a TLS handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// The client's (first) offer.
    pub client_hello: Option<Seen<ClientHello>>,
    /// The server asked for another ClientHello.
    pub hello_retry_request: Option<Seen<()>>,
    /// The server's choice.
    pub server_hello: Option<Seen<ServerHello>>,
    /// The server's own certificate, up to TLS 1.2.
    pub certificate: Option<Seen<Certificate>>,
    /// How many certificates the server sent, its own included.
    pub chain_len: usize,
    /// The server asked for a client certificate, up to TLS 1.2.
    pub certificate_request: Option<Seen<()>>,
    /// The session was resumed: no certificate, up to TLS 1.2.
    pub resumed: bool,
    /// Finished of each side; in TLS 1.3 the client's says that the server's came.
    pub finished: BySide<Option<Seen<()>>>,
    /// Alerts in the clear, with who sent them; at most four.
    pub alerts: Vec<Seen<(Side, Alert)>>,
    /// The first alert of each side whose content is encrypted. A harmless
    /// close_notify looks the same.
    pub encrypted_alert: BySide<Option<At>>,
}

impl TlsFacts {
    /// The negotiated version.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        Some(self.server_hello.as_ref()?.value.version())
    }

    /// Whether both sides have finished the handshake.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.finished.client.is_some() && self.finished.server.is_some()
    }
}

/// The TLS machine of a conversation.
#[derive(Debug, Default)]
pub(super) struct Tls {
    /// TLS 1.3 is known at the ServerHello, or at a HelloRetryRequest.
    version: Option<Version>,
    suite: Option<CipherSuite>,
    /// What the suite does to lengths: asked of every record, so looked up once.
    protection: Option<Protection>,
    sides: BySide<Half>,
    shapes: Shapes,
}

#[derive(Debug, Default)]
struct Half {
    /// A handshake message whose rest is in the next record. INVARIANT: at most
    /// [`handshake::MAX_MESSAGE_LEN`] and one record.
    partial: Vec<u8>,
    protected: bool,
    finished: bool,
    before_finished: u8,
    /// Messages of the handshake may be missing from the capture.
    has_gaps: bool,
}

impl Tls {
    /// Records of `side` are protected.
    pub(super) const fn is_protected(&self, side: Side) -> bool {
        self.sides.of(side).protected
    }

    /// Messages may be missing between the last record and the next.
    pub(super) fn gap(&mut self, side: Side, t: &mut Transcript, at: At) {
        let half = self.sides.of_mut(side);
        half.partial = Vec::new();
        half.has_gaps = true;
        if self.sides.client.finished && self.sides.server.finished {
            self.shapes.gap(t, at);
        }
    }

    /// A record is complete. `head` begins with its header and holds what was
    /// kept; `is_damaged` where it ends early.
    pub(super) fn record(
        &mut self,
        side: Side,
        header: Header,
        head: &[u8],
        is_damaged: bool,
        at: At,
        t: &mut Transcript,
    ) {
        let fragment = head.get(record::HEADER_LEN..).unwrap_or_default();
        let protected = self.sides.of(side).protected;
        match header.content_type {
            ContentType::HANDSHAKE if !protected => self.handshake(side, fragment, is_damaged, at, t),
            ContentType::HANDSHAKE => self.finished(side, at, t),
            // In TLS 1.3 it means nothing (RFC 8446 appendix D.4), and the
            // second ClientHello after a retry follows in the clear.
            ContentType::CHANGE_CIPHER_SPEC if !self.is_1_3() => {
                self.sides.of_mut(side).protected = true;
                let is_full = t.facts.steps.find(Message::ServerHelloDone).is_some();
                if side == Side::Server && !self.sides.client.protected && !is_full {
                    facts(t).resumed = !self.sides.server.has_gaps;
                }
            }
            ContentType::ALERT => match alert::decode(fragment).filter(|_| !protected) {
                Some(alert) => {
                    let alerts = &mut facts(t).alerts;
                    if alerts.len() < MAX_ALERTS {
                        alerts.push(at.seen((side, alert)));
                    }
                    t.recognise(Message::Alert, side, at, Visibility::Clear);
                }
                None => {
                    self.keep_shape(side, header, at, t);
                    self.encrypted_alert(side, at, t);
                }
            },
            ContentType::APPLICATION_DATA => self.application_data(side, header, at, t),
            _ => {}
        }
    }

    /// Whether records of application data are those of a session: what
    /// [`session_record`](Self::session_record) is for.
    pub(super) fn reads_a_session(&self) -> bool {
        let is_set_up = |half: &Half| half.protected && half.finished;
        is_set_up(&self.sides.client) && is_set_up(&self.sides.server) && self.shapes.is_active()
    }

    /// The same as [`record`](Self::record) for a record of application data in
    /// a session, of which there are many. Returns whether the session goes on.
    #[inline]
    pub(super) fn session_record(&mut self, side: Side, length: u16, at: At, t: &mut Transcript) -> bool {
        let header = Header { content_type: ContentType::APPLICATION_DATA, version: Version::TLS_1_2, length };
        let shape = self.keep_shape(side, header, at, t);
        let is_alert = shape.may_be_alert();
        if is_alert {
            self.encrypted_alert(side, at, t);
        } else {
            self.shapes.session_record(side, shape.plaintext, at, t);
        }
        !is_alert
    }

    /// Which records of a session say nothing, so that they are only counted:
    /// where no end is in sight, all that are not as long as what shows one.
    pub(super) fn dull(&self, t: &Transcript) -> BySide<Dull> {
        BySide { client: self.dull_of(Side::Client, t), server: self.dull_of(Side::Server, t) }
    }

    fn dull_of(&self, side: Side, t: &Transcript) -> Dull {
        if !self.shapes.sees_no_end(side, t) {
            return Dull::default();
        }
        let protection = self.protection.filter(|_| self.version.is_some());
        match (protection, self.shapes.overhead()) {
            (Some(Protection::Fixed { overhead }), _) => Dull::beside_signs(side, overhead.into()),
            // The initialisation vector, the MAC, and all that may be padding.
            (Some(Protection::Cbc { block, mac }), _) => Dull::beyond_signs(u16::from(block) * 2 + u16::from(mac)),
            (Some(Protection::Unknown) | None, Some(overhead)) => Dull::beside_signs(side, overhead),
            (Some(Protection::Unknown) | None, None) => Dull::all(),
        }
    }

    fn is_1_3(&self) -> bool {
        self.version == Some(Version::TLS_1_3)
    }

    fn handshake(&mut self, side: Side, fragment: &[u8], is_damaged: bool, at: At, t: &mut Transcript) {
        let mut held = core::mem::take(&mut self.sides.of_mut(side).partial);
        let mut rest = fragment;
        if !held.is_empty() {
            held.extend_from_slice(fragment);
            rest = &held;
        }
        while let Ok(header) = handshake::header(rest) {
            if !header.is_plausible() {
                let error = crate::base::ParseError::malformed("tls handshake", "msg_type", 0);
                t.facts.undecoded(side, error, at);
                return;
            }
            match rest.split_at_checked(header.message_len()) {
                Some((message, after)) => {
                    self.message(side, header.kind, message, at, t);
                    rest = after;
                }
                // The end of it will not come: its front is all there is.
                None if is_damaged => return self.message(side, header.kind, rest, at, t),
                None => break,
            }
        }
        if !is_damaged && !rest.is_empty() {
            self.sides.of_mut(side).partial = rest.to_vec();
        }
    }

    fn message(&mut self, side: Side, kind: HandshakeType, message: &[u8], at: At, t: &mut Transcript) {
        let recognised = match kind {
            HandshakeType::client_hello => Message::ClientHello,
            HandshakeType::server_hello => Message::ServerHello,
            HandshakeType::certificate if side == Side::Server => Message::Certificate,
            HandshakeType::server_hello_done => Message::ServerHelloDone,
            HandshakeType::client_key_exchange => Message::ClientKeyExchange,
            HandshakeType::certificate_request => {
                facts(t).certificate_request.get_or_insert(at.seen(()));
                return;
            }
            _ => return,
        };
        let decoded = match handshake::decode(message) {
            Ok(decoded) => decoded,
            Err(error) => {
                t.facts.undecoded(side, error, at);
                t.recognise(recognised, side, at, Visibility::Clear);
                return;
            }
        };
        let recognised = match &decoded {
            handshake::Message::ServerHello(hello) if hello.is_hello_retry_request => Message::HelloRetryRequest,
            _ => recognised,
        };
        if !t.recognise(recognised, side, at, Visibility::Clear) {
            return;
        }
        match decoded {
            handshake::Message::ClientHello(hello) => {
                facts(t).client_hello.get_or_insert(at.seen(hello));
            }
            handshake::Message::ServerHello(hello) => {
                self.version = Some(hello.version());
                self.shapes.version(hello.version());
                self.suite = Some(hello.suite);
                self.protection = Some(hello.suite.protection());
                if hello.is_hello_retry_request {
                    facts(t).hello_retry_request = Some(at.seen(()));
                } else {
                    facts(t).server_hello = Some(at.seen(hello));
                }
            }
            handshake::Message::Certificate(chain) => {
                let leaf = chain.certificates.first().map(|der| certificate::decode(der));
                facts(t).chain_len = chain.certificates.len();
                if let Some(error) = chain.stopped {
                    t.facts.undecoded(side, error, at);
                }
                match leaf {
                    Some(Ok(leaf)) => facts(t).certificate = Some(at.seen(leaf)),
                    Some(Err(error)) => t.facts.undecoded(side, error, at),
                    None => {}
                }
            }
            handshake::Message::Other(_) => {}
        }
    }

    /// Finished of `side` came, and with it, up to TLS 1.2, the first protected
    /// record; later ones of that type are a renegotiation.
    fn finished(&mut self, side: Side, at: At, t: &mut Transcript) {
        if self.sides.of(side).finished {
            return;
        }
        self.sides.of_mut(side).finished = true;
        facts(t).finished.of_mut(side).get_or_insert(at.seen(()));
        t.context.tls_done = self.sides.client.finished && self.sides.server.finished;
        t.recognise(Message::Finished, side, at, Visibility::Clear);
    }

    fn application_data(&mut self, side: Side, header: Header, at: At, t: &mut Transcript) {
        let shape = self.keep_shape(side, header, at, t);
        let is_alert = shape.may_be_alert();
        if self.is_1_3() && !self.sides.client.finished {
            match side {
                Side::Server => return self.flight(header, at, t),
                Side::Client if is_alert => return self.encrypted_alert(side, at, t),
                Side::Client if self.is_finished_sized(header.length) => return self.client_finished(at, t),
                Side::Client if !self.sides.client.has_gaps => return self.before_finished(at, t),
                // Finished is missing from the capture.
                Side::Client => {}
            }
        }
        // Where the handshake, or its end, is missing from the capture, it is
        // over all the same: nobody sends data before.
        let both = self.is_1_3();
        for half in Side::BOTH.into_iter().filter(|half| both || *half == side) {
            let half = self.sides.of_mut(half);
            half.protected = true;
            half.finished = true;
        }
        t.context.tls_done = self.sides.client.finished && self.sides.server.finished;
        if is_alert {
            self.encrypted_alert(side, at, t);
        } else {
            self.shapes.record(side, shape.plaintext, header.length, at, t);
        }
    }

    /// The server's flight in TLS 1.3 after its ServerHello.
    fn flight(&mut self, header: Header, at: At, t: &mut Transcript) {
        /// Longer than EncryptedExtensions, with which servers begin that
        /// protect each message on its own.
        const ALL_IN_ONE: u16 = 600;
        let is_first = t.facts.steps.find(Message::EncryptedFlight).is_none();
        let is_last = self.is_finished_sized(header.length) || (is_first && header.length >= ALL_IN_ONE);
        let was_open = core::mem::replace(&mut t.context.flight_open, !is_last);
        if is_first {
            t.recognise(Message::EncryptedFlight, Side::Server, at, Visibility::Inferred);
        } else if was_open && is_last {
            t.wait(Message::EncryptedFlight, Side::Server, at);
        } else {
            t.context.flight_open = was_open;
        }
    }

    /// A protected record of a TLS 1.3 client before its Finished: its
    /// certificate, where the server asks for one.
    fn before_finished(&mut self, at: At, t: &mut Transcript) {
        let count = &mut self.sides.client.before_finished;
        *count = count.saturating_add(1);
        if *count > MAX_BEFORE_FINISHED {
            t.facts.doubt(Doubt::NotUnderstood, at);
            self.client_finished(at, t);
        }
    }

    fn client_finished(&mut self, at: At, t: &mut Transcript) {
        for half in [&mut self.sides.client, &mut self.sides.server] {
            half.finished = true;
            half.protected = true;
        }
        let seen = at.seen(());
        facts(t).finished = BySide { client: Some(seen), server: Some(seen) };
        t.context.tls_done = true;
        t.recognise(Message::Finished, Side::Client, at, Visibility::Inferred);
    }

    /// Whether a TLS 1.3 record has the size of a Finished message: a header, a
    /// hash of the suite's length, a content type and a tag (RFC 8446 section 4.4.4).
    fn is_finished_sized(&self, length: u16) -> bool {
        const SHA_256: u16 = 4 + 32 + 1 + 16;
        const SHA_384: u16 = 4 + 48 + 1 + 16;
        const TLS_AES_256_GCM_SHA384: CipherSuite = CipherSuite(0x1302);
        length == if self.suite == Some(TLS_AES_256_GCM_SHA384) { SHA_384 } else { SHA_256 }
    }

    fn encrypted_alert(&mut self, side: Side, at: At, t: &mut Transcript) {
        facts(t).encrypted_alert.of_mut(side).get_or_insert(at);
        t.recognise(Message::EncryptedAlert, side, at, Visibility::Inferred);
        self.shapes.over();
    }

    fn keep_shape(&self, side: Side, header: Header, at: At, t: &mut Transcript) -> RecordShape {
        let Header { content_type, length, .. } = header;
        let known = self.version.zip(self.protection);
        let known = known.and_then(|(version, protection)| protection.plaintext_range(version, length.into()));
        let plaintext = known.or_else(|| self.shapes.learned(length));
        let shape = RecordShape { content_type, length, plaintext };
        let records = t.facts.records.get_or_insert_with(Box::<Records>::default);
        records.add(side, length, shape.may_be_alert().then_some(at));
        shape
    }
}

fn facts(t: &mut Transcript) -> &mut TlsFacts {
    t.facts.tls.get_or_insert_default()
}
