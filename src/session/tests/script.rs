//! Conversations as text: one segment a line, the sender first.
//!
//! ```text
//! C cr:0b                a Connection Request for protocols 0x0b
//! S cc:08                a Connection Confirm that selects 0x08
//! C hello                a ClientHello
//! S sh12 cert done       one flight
//! C 57                   a protected record with 57 bytes of plaintext
//! S gap:100              100 bytes are missing
//! S +5000 295            five seconds later
//! C tls13                from here on records are those of TLS 1.3
//! ```

use crate::base::{CaptureTime, Frame, Gap, GapCause, Side, Span};
use crate::session::{At, Session};

/// How the records of a script are protected.
#[derive(Clone, Copy, Debug)]
enum Protection {
    Gcm,
    Tls13,
    /// AES-CBC with HMAC-SHA-1; whether the initialisation vector is sent.
    Cbc {
        iv: bool,
    },
}

/// What a line does.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Bytes(Side, Vec<u8>),
    Gap(Side, u64, GapCause),
    End(Side),
    Swap,
}

/// A line: when, and what.
pub(crate) type Timed = (At, Event);

/// The events of a script.
pub(crate) fn events(script: &str) -> Vec<Timed> {
    let mut events = Vec::new();
    let mut protection = Protection::Gcm;
    let mut time = CaptureTime::from_nanos(0);
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    for (number, line) in (1..).zip(lines) {
        let mut words = line.split_whitespace();
        let side = match words.next().unwrap() {
            "C" => Side::Client,
            "S" => Side::Server,
            other => panic!("who is {other}?"),
        };
        time = time + Span::from_millis(1);
        let mut bytes = Vec::new();
        let mut other = Vec::new();
        for word in words {
            let (word, argument) = word.split_once(':').unwrap_or((word, ""));
            match word {
                "gap" => other.push(Event::Gap(side, argument.parse().unwrap(), GapCause::NotCaptured)),
                "late" => other.push(Event::Gap(side, 0, GapCause::LateStart)),
                "end" => other.push(Event::End(side)),
                "swap" => other.push(Event::Swap),
                _ if word.starts_with('+') => time = time + Span::from_millis(word[1..].parse().unwrap()),
                _ => bytes.extend(item(word, argument, &mut protection)),
            }
        }
        let at = At { frame: Frame::new(0, number), time };
        if !bytes.is_empty() {
            events.push((at, Event::Bytes(side, bytes)));
        }
        events.extend(other.into_iter().map(|event| (at, event)));
    }
    events
}

/// A session after `events`.
pub(super) fn play(events: &[Timed]) -> Session {
    let mut session = Session::new();
    for (at, event) in events {
        match event {
            Event::Bytes(side, bytes) => session.bytes(*side, bytes, *at),
            Event::Gap(side, bytes, cause) => {
                session.gap(*side, Gap { bytes: *bytes, cause: *cause, frame: at.frame, time: at.time });
            }
            Event::End(side) => session.end(*side, *at),
            Event::Swap => session.swap_sides(),
        }
    }
    session
}

fn item(word: &str, argument: &str, protection: &mut Protection) -> Vec<u8> {
    let number = || u32::from_str_radix(argument, 16).unwrap();
    match word {
        "x" => hex(argument),
        "cr" if argument.is_empty() => tpkt(&[6, 0xe0, 0, 0, 0, 0, 0]),
        "cr" => {
            let variable = [b"Cookie: mstshash=eve\r\n", &[1, 0, 8, 0][..], &number().to_le_bytes()].concat();
            tpkt(&[&[variable.len() as u8 + 6, 0xe0, 0, 0, 0, 0, 0], &variable[..]].concat())
        }
        "cc" if argument.is_empty() => tpkt(&[6, 0xd0, 0, 0, 0x12, 0x34, 0]),
        "cc" => tpkt(&[&[14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0][..], &number().to_le_bytes()].concat()),
        "fail" => tpkt(&[&[14, 0xd0, 0, 0, 0x12, 0x34, 0, 3, 0, 8, 0][..], &number().to_le_bytes()].concat()),
        "hello" => record(22, &client_hello()),
        "tls13" => {
            *protection = Protection::Tls13;
            Vec::new()
        }
        "hrr" => record(22, &server_hello(0x1302, true, true)),
        "sh13" => {
            *protection = Protection::Tls13;
            record(22, &server_hello(0x1302, true, false))
        }
        "sh12" => record(22, &server_hello(0xc030, false, false)),
        "sh12cbc" => {
            *protection = Protection::Cbc { iv: true };
            record(22, &server_hello(0xc014, false, false))
        }
        "sh10" => {
            *protection = Protection::Cbc { iv: false };
            let mut hello = server_hello(0x002f, false, false);
            hello[5] = 1;
            record(22, &hello)
        }
        "unknown" => record(22, &server_hello(0xfafa, false, false)),
        "cert" => record(22, &handshake(11, &[0; 3])),
        "done" => record(22, &handshake(14, &[])),
        "cke" => record(22, &handshake(16, &[7; 66])),
        "ccs" => record(20, &[1]),
        "fin" => match protection {
            Protection::Gcm => record(22, &[0xee; 40]),
            Protection::Tls13 => record(23, &[0xee; 69]),
            Protection::Cbc { .. } => record(22, &[0xee; 48]),
        },
        // The encrypted flight of a TLS 1.3 server that protects each message alone.
        "flight" => [6, 703, 264, 52].map(|len| record(23, &vec![0xee; len + 17])).concat(),
        "alert" if argument.is_empty() => match protection {
            Protection::Tls13 => record(23, &[0xee; 19]),
            Protection::Gcm => record(21, &[0xee; 26]),
            Protection::Cbc { .. } => record(21, &[0xee; 32]),
        },
        "alert" => record(21, &[2, argument.parse().unwrap()]),
        plaintext => record(23, &vec![0xee; protected(plaintext.parse().unwrap(), *protection)]),
    }
}

/// RFC 5246 section 6.2.3 and RFC 8446 section 5.2, once more and apart from
/// the code under test.
fn protected(plaintext: usize, protection: Protection) -> usize {
    match protection {
        Protection::Gcm => 8 + plaintext + 16,
        Protection::Tls13 => plaintext + 1 + 16,
        Protection::Cbc { iv } => usize::from(iv) * 16 + (plaintext + 20 + 1).div_ceil(16) * 16,
    }
}

pub(super) fn tpkt(tpdu: &[u8]) -> Vec<u8> {
    [&[3, 0][..], &(tpdu.len() as u16 + 4).to_be_bytes(), tpdu].concat()
}

pub(super) fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(fragment.len() as u16).to_be_bytes(), fragment].concat()
}

pub(super) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

pub(super) fn client_hello() -> Vec<u8> {
    let suites = [0x13, 0x02, 0xc0, 0x30, 0xc0, 0x14, 0x00, 0x2f];
    let versions = [0, 0x2b, 0, 5, 4, 3, 4, 3, 3];
    let body = [&[3, 3][..], &[0x5a; 32], &[0], &[0, 8], &suites, &[1, 0], &[0, versions.len() as u8], &versions];
    handshake(1, &body.concat())
}

fn server_hello(suite: u16, tls13: bool, retry: bool) -> Vec<u8> {
    // RFC 8446 section 4.1.3: SHA-256 of "HelloRetryRequest".
    let retry_random = hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
    let random = if retry { retry_random } else { vec![0xa5; 32] };
    let extensions: &[u8] = if tls13 { &[0, 6, 0, 0x2b, 0, 2, 3, 4] } else { &[] };
    handshake(2, &[&[3, 3][..], &random, &[0], &suite.to_be_bytes(), &[0], extensions].concat())
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
