//! TLS as it looks from outside: hello messages and a certificate in the clear,
//! then records of the right length around noise.

use super::dice::Dice;

const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
const APPLICATION_DATA: u8 = 23;
/// RFC 8446, 5.1.
const MAX_PLAINTEXT: usize = 16_384;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// With `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
    Tls12,
    /// With `TLS_AES_256_GCM_SHA384`.
    Tls13,
}

impl Version {
    /// What a record is longer than its plaintext.
    fn overhead(self) -> usize {
        match self {
            // Explicit nonce and tag (RFC 5288, 3).
            Self::Tls12 => 8 + 16,
            // Content type and tag (RFC 8446, 5.2).
            Self::Tls13 => 1 + 16,
        }
    }

    /// Appends `plaintext` bytes as application data.
    pub fn data(self, plaintext: usize, dice: &mut Dice, out: &mut Vec<u8>) {
        let mut left = plaintext;
        while left > 0 {
            let part = left.min(MAX_PLAINTEXT);
            noise_record(APPLICATION_DATA, part + self.overhead(), dice, out);
            left -= part;
        }
    }

    /// The ClientHello. `name`: for the server name extension, which mstsc
    /// sends only when the server was named and not numbered.
    pub fn client_hello(self, name: Option<&str>, dice: &mut Dice) -> Vec<u8> {
        let mut extensions = Vec::new();
        if let Some(name) = name {
            let mut entry = vec![0];
            vector16(name.as_bytes(), &mut entry);
            extension(0, &prefixed16(&entry), &mut extensions);
        }
        extension(10, &[0, 6, 0, 29, 0, 23, 0, 24], &mut extensions);
        extension(11, &[1, 0], &mut extensions);
        extension(13, &[0, 12, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 2, 1], &mut extensions);
        extension(23, &[], &mut extensions);
        if self == Self::Tls13 {
            extension(43, &[4, 3, 4, 3, 3], &mut extensions);
            let mut share = vec![0, 36, 0, 29, 0, 32];
            dice.noise(32, &mut share);
            extension(51, &share, &mut extensions);
        }
        let mut body = vec![3, 3];
        dice.noise(32, &mut body);
        if self == Self::Tls13 {
            body.push(32);
            dice.noise(32, &mut body);
        } else {
            body.push(0);
        }
        let suites =
            [0x1302_u16, 0x1301, 0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc028, 0xc027, 0xc014, 0xc013, 0x009d, 0x009c];
        let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        vector16(&suites, &mut body);
        body.extend_from_slice(&[1, 0]);
        vector16(&extensions, &mut body);
        let mut out = Vec::new();
        record(HANDSHAKE, &handshake(1, &body), &mut out);
        out
    }

    /// All that the server answers to the ClientHello.
    pub fn server_flight(self, name: &str, dice: &mut Dice) -> Vec<u8> {
        let mut hello = vec![3, 3];
        dice.noise(32, &mut hello);
        hello.push(32);
        dice.noise(32, &mut hello);
        let mut out = Vec::new();
        match self {
            Self::Tls12 => {
                hello.extend_from_slice(&[0xc0, 0x30, 0, 0, 5, 0xff, 1, 0, 1, 0]);
                let mut messages = handshake(2, &hello);
                let certificate = certificate(name, dice);
                let mut list = Vec::new();
                vector24(&certificate, &mut list);
                let mut message = Vec::new();
                vector24(&list, &mut message);
                messages.extend(handshake(11, &message));
                // Named curve x25519, the point, rsa_pss_rsae_sha256, signature.
                let mut exchange = vec![3, 0, 29, 32];
                dice.noise(32, &mut exchange);
                exchange.extend_from_slice(&[8, 4, 1, 0]);
                dice.noise(256, &mut exchange);
                messages.extend(handshake(12, &exchange));
                messages.extend(handshake(14, &[]));
                record(HANDSHAKE, &messages, &mut out);
            }
            Self::Tls13 => {
                hello.extend_from_slice(&[0x13, 0x02, 0]);
                let mut extensions = Vec::new();
                extension(43, &[3, 4], &mut extensions);
                let mut share = vec![0, 29, 0, 32];
                dice.noise(32, &mut share);
                extension(51, &share, &mut extensions);
                vector16(&extensions, &mut hello);
                record(HANDSHAKE, &handshake(2, &hello), &mut out);
                record(CHANGE_CIPHER_SPEC, &[1], &mut out);
                // EncryptedExtensions, Certificate, CertificateVerify, Finished.
                for plaintext in [6, 13 + certificate(name, dice).len(), 264, 52] {
                    self.data(plaintext, dice, &mut out);
                }
            }
        }
        out
    }

    /// How the client concludes the handshake.
    pub fn client_finish(self, dice: &mut Dice) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Tls12 => {
                let mut exchange = vec![32];
                dice.noise(32, &mut exchange);
                record(HANDSHAKE, &handshake(16, &exchange), &mut out);
                record(CHANGE_CIPHER_SPEC, &[1], &mut out);
                noise_record(HANDSHAKE, 40, dice, &mut out);
            }
            Self::Tls13 => {
                record(CHANGE_CIPHER_SPEC, &[1], &mut out);
                self.data(52, dice, &mut out);
            }
        }
        out
    }

    /// How the server concludes it; under TLS 1.3 a session ticket.
    pub fn server_finish(self, dice: &mut Dice) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Tls12 => {
                record(CHANGE_CIPHER_SPEC, &[1], &mut out);
                noise_record(HANDSHAKE, 40, dice, &mut out);
            }
            Self::Tls13 => self.data(233, dice, &mut out),
        }
        out
    }
}

/// A self-signed certificate as Windows makes it for Remote Desktop, valid for
/// the half year around the traffic (RFC 5280, 4.1).
fn certificate(name: &str, dice: &mut Dice) -> Vec<u8> {
    let sha256_with_rsa = der(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0]]);
    let common_name = der(0x30, &[&[6, 3, 0x55, 4, 3], &der(0x0c, &[name.as_bytes()])]);
    let subject = der(0x30, &[&der(0x31, &[&common_name])]);
    let validity = der(0x30, &[&der(0x17, &[b"260101000000Z"]), &der(0x17, &[b"260703000000Z"])]);
    let mut modulus = vec![0, 0xc1];
    dice.noise(255, &mut modulus);
    let rsa_key = der(0x30, &[&der(2, &[&modulus]), &der(2, &[&[1, 0, 1]])]);
    let rsa = der(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]]);
    let key = der(0x30, &[&rsa, &der(3, &[&[0], &rsa_key])]);
    let mut serial = vec![0x5a];
    dice.noise(15, &mut serial);
    let body =
        der(0x30, &[&[0xa0, 3, 2, 1, 2], &der(2, &[&serial]), &sha256_with_rsa, &subject, &validity, &subject, &key]);
    let mut signature = vec![0];
    dice.noise(256, &mut signature);
    der(0x30, &[&body, &sha256_with_rsa, &der(3, &[&signature])])
}

/// Tag, length, and the parts one after another (X.690, 8.1).
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ 0..128 => out.push(short as u8),
        middle @ 128..256 => out.extend_from_slice(&[0x81, middle as u8]),
        long => {
            out.push(0x82);
            out.extend_from_slice(&(long as u16).to_be_bytes());
        }
    }
    out.extend(content);
    out
}

fn record(kind: u8, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[kind, 3, 3]);
    vector16(body, out);
}

fn noise_record(kind: u8, len: usize, dice: &mut Dice, out: &mut Vec<u8>) {
    out.extend_from_slice(&[kind, 3, 3]);
    out.extend_from_slice(&(len as u16).to_be_bytes());
    dice.noise(len, out);
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    vector24(body, &mut out);
    out
}

fn extension(kind: u16, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&kind.to_be_bytes());
    vector16(body, out);
}

fn prefixed16(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    vector16(body, &mut out);
    out
}

fn vector16(body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
}

fn vector24(body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(body);
}
