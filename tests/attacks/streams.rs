//! Messages: lengths that lie, certificates without end.

use serde_json::{Value, json};

use super::{CONFIRM, Pcap, REQUEST, survives};

/// Sends `bytes` from the server in segments, after a negotiation that chose
/// TLS and `hello` of the client.
fn serve(out: &mut dyn std::io::Write, bytes: &[u8]) -> std::io::Result<()> {
    let mut pcap = Pcap::begin(out)?;
    pcap.handshake()?;
    pcap.client(0, REQUEST)?;
    pcap.server(0, 19, CONFIRM)?;
    let hello = b"\x16\x03\x01\0\x2f\x01\0\0\x2b\x03\x0300000000000000000000000000000000\0\0\x02\xc0\x30\x01\0\0\0";
    pcap.client(19, hello)?;
    for (number, part) in (0..).zip(bytes.chunks(1_400)) {
        pcap.server(19 + number * 1_400, 19 + hello.len() as u32, part)?;
    }
    Ok(())
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

/// A handshake message in as many records as it takes.
fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat();
    message.chunks(16_384).flat_map(|part| record(22, part)).collect()
}

fn server_hello() -> Vec<u8> {
    handshake(2, b"\x03\x0300000000000000000000000000000000\0\xc0\x30\0")
}

fn length(bytes: &[u8]) -> [u8; 3] {
    let [_, rest @ ..] = (bytes.len() as u32).to_be_bytes();
    rest
}

#[test]
fn record_lengths_that_lie() {
    // Empty records by the thousand, then lengths that no record may have.
    let mut bytes = server_hello();
    bytes.extend(record(23, &[]).repeat(50_000));
    for claimed in [0xffff_u16, 0x4001, 0x8000, 1, 0] {
        bytes.extend([23, 3, 3]);
        bytes.extend(claimed.to_be_bytes());
        bytes.extend([0xee; 300]);
    }
    let survived = survives(16, |out| serve(out, &bytes));
    let connection = &survived.connections()[0];
    assert_eq!((&connection["stage"], &connection["stage_is_lower_bound"]), (&json!("tls"), &json!(true)));
    assert_eq!(survived.noticed("messages-not-understood"), 1, "{}", survived.report["notices"]);
    survived.accuses_nobody();
}

#[test]
fn frame_lengths_that_lie() {
    // TPKT lengths of 0 to 4 (RFC 1006 allows none below 7), and the longest.
    for claimed in [0_u16, 3, 4, 0xffff] {
        let survived = survives(16, |out| {
            let mut pcap = Pcap::begin(out)?;
            pcap.handshake()?;
            pcap.client(0, REQUEST)?;
            let lie = [&[3, 0][..], &claimed.to_be_bytes(), &[0x0e, 0xd0, 0, 0, 0x12, 0x34, 0]].concat();
            for number in 0..20_000 {
                pcap.server(number * 11, 19, &lie)?;
            }
            Ok(())
        });
        let connection = &survived.connections()[0];
        assert_eq!(connection["stage"], "x224", "{claimed}");
        // Either this is no server of RDP, and no more than that may be said, or
        // one that sends nonsense, which is said of its messages.
        let verdict = &connection["verdict"];
        if claimed == 0xffff {
            let nonsense = ["messages-not-decoded", "messages-not-understood"].map(|kind| survived.noticed(kind));
            assert_eq!((verdict, nonsense), (&Value::Null, [1, 1]), "{}", survived.report["notices"]);
        } else {
            assert_eq!(verdict["finding"], "not-rdp", "{claimed}: {verdict}");
        }
    }
}

#[test]
fn certificates_of_64_kib() {
    // One entry as long as can be, behind one whose own lengths (DER, four
    // bytes of them) claim four gigabytes.
    for certificate in [vec![0x30; 65_530], [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..], &[0x30; 65_000]].concat()] {
        let list = [&length(&certificate)[..], &certificate].concat();
        let body = [&length(&list)[..], &list].concat();
        let bytes = [server_hello(), handshake(11, &body)].concat().repeat(40);
        let survived = survives(16, |out| serve(out, &bytes));
        let connection = &survived.connections()[0];
        assert_eq!(connection["tls"]["suite"], "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "{}", connection["tls"]);
        assert_eq!(connection["tls"]["certificate"], Value::Null);
        assert_eq!(survived.noticed("messages-not-decoded"), 1, "{}", survived.report["notices"]);
        survived.accuses_nobody();
    }
}

#[test]
fn a_chain_of_more_certificates_than_are_read() {
    let certificate = [&[0, 0, 4][..], &[0x30, 2, 5, 0]].concat();
    let noticed = |links: usize| {
        let list = certificate.repeat(links);
        let bytes = [server_hello(), handshake(11, &[&length(&list)[..], &list].concat())].concat();
        let survived = survives(16, |out| serve(out, &bytes));
        survived.report["notices"].to_string().contains("certificate_list")
    };
    // Of two complaints, the chain and what is in it, the first is told.
    assert!(noticed(17) && !noticed(16));
}

#[test]
fn handshake_messages_of_16_mib() {
    // The length field allows it; nobody waits for it.
    let mut bytes = server_hello();
    for _ in 0..20_000 {
        bytes.extend(record(22, &[11, 0xff, 0xff, 0xff, 0, 0, 0]));
    }
    let survived = survives(16, |out| serve(out, &bytes));
    assert_eq!(survived.connections()[0]["stage"], "tls");
    assert_eq!(survived.noticed("messages-not-decoded"), 1, "{}", survived.report["notices"]);
    survived.accuses_nobody();
}
