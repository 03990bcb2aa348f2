//! Certificates, as far as they explain a failed connection: RFC 5280.

use core::fmt::Write as _;
use core::net::IpAddr;

use sha2::{Digest, Sha256};
use x509_parser::certificate::X509CertificateParser;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser as _;
use x509_parser::objects::{oid_registry, oid2abbrev, oid2sn};
use x509_parser::oid_registry::Oid;
use x509_parser::oid_registry::asn1_rs::{FromDer as _, Tag};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

use crate::base::{CaptureTime, ParseError, at_most, lossy_at_most};

/// The longest certificate that is decoded, in bytes; real ones have one or two
/// thousand.
pub const MAX_LEN: usize = 1 << 16;

/// The most alternative names that are kept; a wildcard certificate of a large
/// site has about a hundred.
pub const MAX_NAMES: usize = 128;

/// The longest text that is kept of a name, in bytes; what is cut ends in `[...]`.
pub const MAX_TEXT_LEN: usize = 1024;

/// The longest object identifier that is written out, in bytes: longer ones
/// turn into decimal numbers in quadratic time.
const MAX_OID_LEN: usize = 32;

/// The longest serial number that is kept, in bytes; RFC 5280 allows 20, and what
/// is cut ends in `[...]`.
const MAX_SERIAL_LEN: usize = 40;

/// A certificate. All text in it was written by a stranger and is kept as it
/// is, control characters included: who prints it must escape it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject, such as `CN=rdp.example, O=Example`.
    pub subject: String,
    /// The subject's first common name.
    pub common_name: Option<String>,
    /// The issuer, in the form of the subject.
    pub issuer: String,
    /// The serial number in lower-case hex.
    pub serial: String,
    /// The first moment of its validity; times after 2262 saturate.
    pub not_before: CaptureTime,
    /// The last moment of its validity.
    pub not_after: CaptureTime,
    /// Whether issuer and subject are the same: self-signed, in practice. The
    /// signature is not verified.
    pub is_self_issued: bool,
    /// The kind of the public key: `RSA`, `EC`, or the name of another.
    pub key_algorithm: String,
    /// The size of the public key in bits, where it is known.
    pub key_bits: Option<u32>,
    /// The registry's name of the signature algorithm, or its identifier.
    pub signature_algorithm: String,
    /// DNS names among the alternative names, at most [`MAX_NAMES`].
    pub dns_names: Vec<String>,
    /// Addresses among the alternative names, at most [`MAX_NAMES`].
    pub ip_addresses: Vec<IpAddr>,
    /// SHA-256 of the certificate: the same certificate met again is known by it.
    pub sha256: [u8; 32],
    /// Alternative names that were left out: of another kind, or too many.
    pub names_omitted: usize,
}

/// Decodes a certificate from DER.
///
/// # Errors
/// It is longer than [`MAX_LEN`], or not a certificate.
pub fn decode(der: &[u8]) -> Result<Certificate, ParseError> {
    const INVALID: ParseError = ParseError::malformed("x509", "certificate", 0);
    if der.len() > MAX_LEN {
        return Err(INVALID);
    }
    // Extensions are taken as they are: the one that matters is decoded below,
    // and a damaged other one must not cost the validity.
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    let (_, parsed) = parser.parse(der).map_err(|_| INVALID)?;
    let (key_algorithm, key_bits) = key(parsed.public_key());
    let mut certificate = Certificate {
        subject: name(parsed.subject()),
        common_name: parsed.subject().iter_common_name().next().map(value),
        issuer: name(parsed.issuer()),
        serial: serial(parsed.raw_serial()),
        not_before: time(parsed.validity().not_before),
        not_after: time(parsed.validity().not_after),
        is_self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
        key_algorithm,
        key_bits,
        signature_algorithm: algorithm(&parsed.signature_algorithm.algorithm),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        sha256: Sha256::digest(der).into(),
        names_omitted: 0,
    };
    for extension in parsed.extensions() {
        if extension.oid == x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME {
            certificate.learn_names(extension.value);
        }
    }
    Ok(certificate)
}

impl Certificate {
    fn learn_names(&mut self, extension: &[u8]) {
        let Ok((_, names)) = SubjectAlternativeName::from_der(extension) else { return };
        for name in names.general_names {
            let kept = self.dns_names.len().saturating_add(self.ip_addresses.len());
            match name {
                GeneralName::DNSName(name) if kept < MAX_NAMES => self.dns_names.push(at_most(name, MAX_TEXT_LEN)),
                GeneralName::IPAddress(bytes) if kept < MAX_NAMES => match address(bytes) {
                    Some(address) => self.ip_addresses.push(address),
                    None => self.names_omitted = self.names_omitted.saturating_add(1),
                },
                _ => self.names_omitted = self.names_omitted.saturating_add(1),
            }
        }
    }
}

/// A name as RFC 4514 writes it, but in the order of the certificate and
/// without its escapes. Not by `X509Name`'s `Display`, which fails, and with it
/// every `to_string`, on a string type that it does not know.
fn name(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    for attribute in name.iter_attributes() {
        if out.len() > MAX_TEXT_LEN {
            break;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        let kind = attribute.attr_type();
        match oid2abbrev(kind, oid_registry()) {
            Ok(abbreviation) => out.push_str(abbreviation),
            Err(_) => out.push_str(&identifier(kind)),
        }
        out.push('=');
        out.push_str(&value(attribute));
    }
    at_most(&out, MAX_TEXT_LEN)
}

/// The value of an attribute: BMPString is UTF-16, everything else is close
/// enough to UTF-8.
fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::BmpString => {
            let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
            let decoded = char::decode_utf16(units.take(MAX_TEXT_LEN + 1));
            let decoded: String = decoded.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            at_most(&decoded, MAX_TEXT_LEN)
        }
        _ => lossy_at_most(bytes, MAX_TEXT_LEN),
    }
}

fn serial(bytes: &[u8]) -> String {
    let digits = bytes.iter().skip_while(|byte| **byte == 0).take(MAX_SERIAL_LEN + 1);
    let hex = digits.fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    at_most(&hex, MAX_SERIAL_LEN * 2)
}

fn time(time: ASN1Time) -> CaptureTime {
    CaptureTime::from_parts(time.timestamp(), 0)
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> (String, Option<u32>) {
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let modulus = rsa.modulus.iter().position(|byte| *byte != 0).and_then(|first| rsa.modulus.get(first..));
            let bits = modulus.and_then(|digits| {
                let unused = digits.first()?.leading_zeros();
                u32::try_from(digits.len()).ok()?.checked_mul(8)?.checked_sub(unused)
            });
            ("RSA".to_owned(), bits)
        }
        Ok(PublicKey::EC(_)) => ("EC".to_owned(), info.algorithm.parameters.as_ref().and_then(|p| curve_bits(p.data))),
        _ => (algorithm(&info.algorithm.algorithm), None),
    }
}

/// The size of a named curve, from the content of its identifier (RFC 5480
/// section 2.1.1.1).
const fn curve_bits(identifier: &[u8]) -> Option<u32> {
    match identifier {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => Some(256),
        [0x2b, 0x81, 0x04, 0x00, 0x22] => Some(384),
        [0x2b, 0x81, 0x04, 0x00, 0x23] => Some(521),
        _ => None,
    }
}

fn algorithm(oid: &Oid<'_>) -> String {
    oid2sn(oid, oid_registry()).map_or_else(|_| identifier(oid), str::to_owned)
}

fn identifier(oid: &Oid<'_>) -> String {
    if oid.as_bytes().len() > MAX_OID_LEN { "unknown".to_owned() } else { oid.to_id_string() }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use proptest::prelude::*;

    /// RSA 1024, self-signed, with two names and two addresses.
    const RSA: &str = "
        30820293308201fca00302010202103dde271223f54fa148cca5d217d88b33300d06092a864886f70d01010b0500303d311e301c
        06035504030c1557494e2d524450312e636f72702e6578616d706c65311b3019060355040a0c124578616d706c6520224f726722
        2c204c7464301e170d3236313132333232353935325a170d3237303532323232353935325a303d311e301c06035504030c155749
        4e2d524450312e636f72702e6578616d706c65311b3019060355040a0c124578616d706c6520224f7267222c204c746430819f30
        0d06092a864886f70d010101050003818d0030818902818100bc2b298a86658f8a86d97fa7ace4cc6802872ce918f53606a02d4a
        c62fff48bc3e528489c6abece02b8d67e48998f98e6f75f0a99ad112aa60a03dafa7532534d074e5ddfcfebaaa8e9e942400778d
        65d65fd3becd5812f6f49e5aa1dfc3283c51735364738e380aa47b15d1353552b3819c949c7a860ea9d5b06da23e3be12b020301
        0001a38193308190301d0603551d0e041604148023fd236ab297beedf5e4443c2a11a2fe5fec8c301f0603551d23041830168014
        8023fd236ab297beedf5e4443c2a11a2fe5fec8c300f0603551d130101ff040530030101ff303d0603551d110436303482155749
        4e2d524450312e636f72702e6578616d706c6582037264708704c0000207871020010db8000000000000000000000007300d0609
        2a864886f70d01010b050003818100403e06846a869a05ae3c9fed2149091bec0a8b337889bc64f116147a0f824fba075e313309
        52855aca5e61bbc451cdb06f5fddd9f831eff0a39a03370c3f7b2c23cb23d97da39cb98c816270dd872f3055317f9c9b2ceeacee
        24d5c1cf91aaac28cbd8bb9276d71df31b669f39a737853248b675b85d76c5eb0e4e004d66361f";
    /// P-256, self-signed.
    const EC: &str = "
        3082018030820125a003020102021460fb2d434e0a84b81296da9edf98683291a44a10300a06082a8648ce3d0403023015311330
        1106035504030c0a65632e6578616d706c65301e170d3236313132333232353935325a170d3236313232333232353935325a3015
        3113301106035504030c0a65632e6578616d706c653059301306072a8648ce3d020106082a8648ce3d03010703420004f0427801
        c90869412fe93751b5ab0936e39cf36ef04f4228bc2406f5c8a85b5ea097044043a67cfcc94946b58351ef29d82994696416f5a7
        3ded50d8fd9e79eda3533051301d0603551d0e0416041482be45965e57e5bb5c0e19c028129185ef9071cf301f0603551d230418
        3016801482be45965e57e5bb5c0e19c028129185ef9071cf300f0603551d130101ff040530030101ff300a06082a8648ce3d0403
        020349003046022100b6cdccf7dea067dcdaf8dfa0fa2be9f85ee5d25a6975c0f3cc172941abf42023022100be98e47d5f1c49b1
        7c423df455950ebcf96d7be35f91497adc0a789c1f24e0b1";

    #[test]
    fn a_self_signed_server_certificate() {
        let certificate = decode(&hex(RSA)).unwrap();
        assert_eq!(certificate.subject, "CN=WIN-RDP1.corp.example, O=Example \"Org\", Ltd");
        assert_eq!(certificate.common_name.as_deref(), Some("WIN-RDP1.corp.example"));
        assert!(certificate.is_self_issued && certificate.issuer == certificate.subject);
        assert_eq!(certificate.serial, "3dde271223f54fa148cca5d217d88b33");
        // 2026-11-23 22:59:52 and 180 days later.
        assert_eq!(certificate.not_before, CaptureTime::from_parts(1_795_474_792, 0));
        assert_eq!(certificate.not_after, CaptureTime::from_parts(1_811_026_792, 0));
        assert_eq!((certificate.key_algorithm.as_str(), certificate.key_bits), ("RSA", Some(1024)));
        assert_eq!(certificate.signature_algorithm, "sha256WithRSAEncryption");
        assert_eq!(certificate.dns_names, ["WIN-RDP1.corp.example", "rdp"]);
        let addresses: [IpAddr; 2] = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        assert_eq!((certificate.ip_addresses, certificate.names_omitted), (addresses.to_vec(), 0));
    }

    #[test]
    fn an_elliptic_curve_certificate() {
        let certificate = decode(&hex(EC)).unwrap();
        assert_eq!((certificate.key_algorithm.as_str(), certificate.key_bits), ("EC", Some(256)));
        assert_eq!(certificate.signature_algorithm, "ecdsa-with-SHA256");
        assert_eq!((certificate.subject.as_str(), certificate.dns_names.len()), ("CN=ec.example", 0));
    }

    #[test]
    fn hostile_names_are_kept_as_they_are() {
        let mut der = hex(EC);
        let at = der.windows(10).rposition(|w| w == b"ec.example").unwrap();
        // Tag and length stand before the name: UTF8String becomes BMPString.
        der[at - 2] = 0x1e;
        der[at..at + 10].copy_from_slice(b"\x00e\x00\x1b\x00[\xd8\x00\x00x");
        assert_eq!(decode(&der).unwrap().common_name.as_deref(), Some("e\u{1b}[\u{fffd}x"));
        der[at - 2] = 0x0c;
        assert_eq!(decode(&der).unwrap().common_name.as_deref(), Some("\0e\0\u{1b}\0[\u{fffd}\0\0x"));
        assert!(!decode(&der).unwrap().is_self_issued);
    }

    /// A name of one common name with this content.
    fn named(tag: u8, content: &[u8]) -> Vec<u8> {
        let wrapped = |tag: u8, inner: &[u8]| [&[tag, 0x82], &(inner.len() as u16).to_be_bytes()[..], inner].concat();
        let value = wrapped(tag, content);
        wrapped(0x30, &wrapped(0x31, &wrapped(0x30, &[&b"\x06\x03\x55\x04\x03"[..], &value].concat())))
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_where_one_can_see_it() {
        for (tag, letter) in [(0x0c, &b"x"[..]), (0x1e, b"\0x")] {
            let told = |letters: usize| name(&X509Name::from_der(&named(tag, &letter.repeat(letters))).unwrap().1);
            let whole = MAX_TEXT_LEN - "CN=".len();
            assert_eq!(told(whole), format!("CN={}", "x".repeat(whole)));
            assert_eq!(told(whole + 1), format!("CN={}[...]", "x".repeat(whole)));
            assert_eq!(told(9_000), told(whole + 1));
        }
        assert_eq!(serial(&[0x11; MAX_SERIAL_LEN]), "11".repeat(MAX_SERIAL_LEN));
        assert_eq!(serial(&[0x11; 99]), "11".repeat(MAX_SERIAL_LEN) + "[...]");
    }

    #[test]
    fn damaged_certificates_are_refused_or_decoded() {
        damage(&hex(RSA), |bytes| decode(bytes).is_ok());
        damage(&hex(EC), |bytes| decode(bytes).is_ok());
        assert!(decode(&vec![0x30; MAX_LEN + 1]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(
            at in 0_usize..400,
            change in proptest::collection::vec(any::<u8>(), 1..20),
        ) {
            let mut der = hex(RSA);
            let at = at.min(der.len());
            let end = der.len().min(at + change.len());
            der.splice(at..end, change);
            let _ = decode(&der);
        }
    }
}
