//! Streams and messages as they may be shown.

use super::messages::{Policy, Reader};
use crate::report::redact::Redactor;

fn shown(policy: Policy<'_>, run: &[u8]) -> Vec<u8> {
    let mut out = vec![0; run.len()];
    for part in Reader::new(policy).run(run) {
        for (place, byte) in out[part.at..].iter_mut().zip(part.bytes) {
            *place = byte;
        }
    }
    out
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3, 0, body.len() as u8][..], body].concat()
}

#[test]
fn what_is_encrypted_keeps_its_headers_alone() {
    let hello = record(22, &[14, 0, 0, 0]);
    let stream =
        [&hello[..], &record(20, &[1]), &record(22, &[7; 40]), &record(23, &[9; 30]), &record(21, &[8; 26])].concat();
    let mut expected = stream.clone();
    for range in [9 + 6 + 5..9 + 6 + 45, 9 + 6 + 45 + 5..9 + 6 + 45 + 35, 9 + 6 + 45 + 35 + 5..stream.len()] {
        expected[range].fill(0);
    }
    assert_eq!(shown(Policy::AsNegotiated, &stream), expected);
}

#[test]
fn a_lost_boundary_shows_nothing_until_one_is_found() {
    let mut reader = Reader::new(Policy::AsNegotiated);
    assert_eq!(reader.run(&record(23, &[5; 9])).len(), 1);
    reader.gap(100);
    let run = [&b"secret"[..], &record(23, b"secret"), &record(23, b"secret")].concat();
    let parts = reader.run(&run);
    assert_eq!(parts.iter().map(|part| (part.at, part.bytes.len())).collect::<Vec<_>>(), [(6, 5), (17, 5)]);
}

#[test]
fn a_cookie_names_somebody_else() {
    let request =
        [&b"\x03\0\0\x2a\x25\xe0\0\0\0\0\0Cookie: mstshash=janedoe\r\n"[..], &[1, 0, 8, 0, 3, 0, 0, 0]].concat();
    assert_eq!(request.len(), 45);
    let mut request = request;
    (request[3], request[4]) = (45, 40);
    let redactor = Redactor::new([4; 32]);
    let told = shown(Policy::Redacted(&redactor), &request);
    let name = redactor.name("janedoe");
    assert!(told.windows(7).any(|w| w == name.as_bytes()) && !told.windows(7).any(|w| w == b"janedoe"));
    assert_eq!((&told[..28], &told[35..]), (&request[..28], &request[35..]));
    assert_eq!(shown(Policy::AsNegotiated, &request), request);
}

#[test]
fn what_is_no_rdp_is_named_and_not_shown() {
    let told = shown(Policy::AsNegotiated, b"GET /secret HTTP/1.1\r\n\r\n");
    assert!(told.starts_with(b"GET ....\0\0\0"));
    let told = shown(Policy::AsNegotiated, b"user jane\r\npass word");
    assert!(told.iter().all(|byte| matches!(byte, 0 | b'.')), "{told:?}");
}

#[test]
fn a_name_asked_for_becomes_another() {
    let redactor = Redactor::new([4; 32]);
    let name = b"srv01.corp.example";
    let mut body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    let sni = [&[0, name.len() as u8 + 3, 0, 0, name.len() as u8][..], name].concat();
    let extensions = [&[0, 0, 0, sni.len() as u8][..], &sni, &[0, 35, 0, 4, 1, 2, 3, 4]].concat();
    body.extend([0, extensions.len() as u8]);
    body.extend(&extensions);
    let hello = record(22, &[&[1, 0, 0, body.len() as u8][..], &body].concat());
    let told = shown(Policy::Redacted(&redactor), &hello);
    let other = redactor.name("srv01.corp.example");
    assert!(told.windows(other.len()).any(|w| w == other.as_bytes()), "{told:?}");
    assert!(told.ends_with(&[0, 35, 0, 4, 0, 0, 0, 0]));
}

/// A ClientHello that asks for `name`, as a message.
fn client_hello(name: &[u8]) -> Vec<u8> {
    let sni = [&[0, name.len() as u8 + 3, 0, 0, name.len() as u8][..], name].concat();
    let extensions = [&[0, 0, 0, sni.len() as u8][..], &sni].concat();
    let mut body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    body.extend([0, extensions.len() as u8]);
    body.extend(&extensions);
    [&[1, 0, 0, body.len() as u8][..], &body].concat()
}

#[test]
fn a_message_over_several_records_is_told_as_in_one() {
    let redactor = Redactor::new([4; 32]);
    let policy = Policy::Redacted(&redactor);
    let messages = [client_hello(b"srv01.corp.example"), vec![14, 0, 0, 0]].concat();
    let whole = shown(policy, &record(22, &messages));
    for cut in 1..messages.len() {
        let (first, second) = messages.split_at(cut);
        let told = shown(policy, &[record(22, first), record(22, second)].concat());
        assert_eq!([&told[5..5 + cut], &told[10 + cut..]].concat(), whole[5..], "{cut}");
    }
    // Without its beginning it might be anything.
    let mut reader = Reader::new(policy);
    reader.run(&record(22, &messages[..20]));
    reader.gap(1_000);
    let rest = [record(22, b"\x0b\0\0\x04corp.example"), record(23, &[1; 9])].concat();
    let parts = reader.run(&rest);
    assert!(parts.iter().all(|part| !part.bytes.windows(4).any(|four| four == b"corp")));
    assert_eq!(parts[0].bytes[..5], rest[..5]);
}
