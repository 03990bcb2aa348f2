//! More than is remembered: the report says what was forgotten, and one less is
//! remembered whole.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::{CLIENT, CLIENT_ISN, Pcap, REQUEST, SERVER, SERVER_ISN, Survived, data, survives};
use crate::generator::traffic::{Container, Kind, Plan, write};
use crate::inputs::frame::{self, ACK, Endpoint, Ip, RST, SYN, Tcp};

const MINUTE: u64 = 60_000_000;

fn client(number: u32) -> Endpoint {
    Endpoint { ip: IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number)), ..CLIENT }
}

const fn syn() -> Tcp<'static> {
    Tcp { flags: SYN, ack: 0, ..data(CLIENT_ISN, 0, &[]) }
}

/// So many clients are refused; a minute later more packets of the last one come,
/// while the connections end some at a time, and then one of the first.
fn refused(clients: u32) -> Survived {
    survives(48, |out| {
        let mut pcap = Pcap::begin(out)?;
        for number in 0..clients {
            pcap.tcp(10, &client(number), &SERVER, &syn())?;
            let refusal = Tcp { flags: RST | ACK, ..data(0, CLIENT_ISN.wrapping_add(1), &[]) };
            pcap.tcp(10, &SERVER, &client(number), &refusal)?;
        }
        let late = data(CLIENT_ISN.wrapping_add(1), 1, b"late");
        for wait in [MINUTE; 500] {
            pcap.tcp(wait, &client(clients - 1), &SERVER, &late)?;
        }
        pcap.tcp(10, &client(0), &SERVER, &late)
    })
}

#[test]
fn more_hosts_and_more_ends_than_are_remembered() {
    let few = refused(14_000);
    assert_eq!((few.noticed("hosts-not-remembered"), few.noticed("ends-not-remembered")), (0, 0));
    assert!(few.noticed("late-packets") > 0, "the first is remembered");
    let many = refused(28_700);
    assert!(many.noticed("hosts-not-remembered") >= 64, "{}", many.report["notices"]);
    assert_eq!(many.noticed("ends-not-remembered"), 1);
}

#[test]
fn more_openings_elsewhere_than_are_remembered() {
    let elsewhere = Endpoint { port: 4_000, ..SERVER };
    let asks = |which: u32| {
        survives(16, move |out| {
            let mut pcap = Pcap::begin(out)?;
            for number in 0..4_100 {
                pcap.tcp(10, &client(number), &elsewhere, &syn())?;
            }
            pcap.tcp(10, &client(which), &elsewhere, &data(CLIENT_ISN.wrapping_add(1), 1, REQUEST))
        })
    };
    assert_eq!(asks(4_099).noticed("openings-not-remembered"), 0);
    assert_eq!(asks(0).noticed("openings-not-remembered"), 1);
}

#[test]
fn more_resets_of_one_connection_than_are_looked_at() {
    let strafed = |resets: u32| {
        survives(16, move |out| {
            let mut pcap = Pcap::begin(out)?;
            pcap.handshake()?;
            for number in 1..=resets {
                let reset = Tcp { flags: RST, ..data(SERVER_ISN + 1 + number, 0, &[]) };
                pcap.tcp(10_000, &SERVER, &CLIENT, &reset)?;
            }
            Ok(())
        })
    };
    assert_eq!(strafed(16).noticed("connection-details-limit"), 0);
    has_more(&strafed(17), "resets than the first 16");
}

/// The report says that a connection has more of something than is looked at.
#[track_caller]
fn has_more(survived: &Survived, what: &str) {
    assert_eq!(survived.noticed("connection-details-limit"), 1);
    let says = survived.report["notices"][0]["says"].as_str().unwrap();
    assert!(says.contains(what), "{says}");
}

/// A router says that the way to the server is closed to the client's `seq`
/// (RFC 792, RFC 1812 §5.2.7.1).
fn prohibited(seq: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::tcp(&mut bytes, &CLIENT, &SERVER, Ip { ttl: 64, id: 1 }, &data(seq, 1, &[]));
    let about = bytes[14..14 + 28].to_vec();
    bytes.truncate(14 + 20);
    bytes[16..18].copy_from_slice(&56_u16.to_be_bytes());
    bytes[23] = 1;
    bytes[26..34].copy_from_slice(&[10, 0, 0, 9, 10, 0, 0, 1]);
    [&bytes[..], &[3, 13, 0, 0, 0, 0, 0, 0], &about].concat()
}

#[test]
fn more_icmp_errors_of_one_connection_than_are_looked_at() {
    let reported = |errors: u32| {
        survives(16, move |out| {
            let mut pcap = Pcap::begin(out)?;
            pcap.handshake()?;
            (0..errors).try_for_each(|_| pcap.frame(10_000, &prohibited(CLIENT_ISN.wrapping_add(1))))
        })
    };
    assert_eq!(reported(8).noticed("connection-details-limit"), 0);
    has_more(&reported(9), "ICMP errors than the first 8");
}

#[test]
fn more_messages_out_of_place_than_are_told_apart() {
    // [MS-RDPBCGR] 2.2.1.1, 2.2.1.2, 2.2.1.2.2, 2.2.1.5 to 2.2.1.9.
    const REQUEST: &[u8] = &[14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0];
    const CONFIRM: &[u8] = &[14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 0, 0, 0, 0];
    const FAILURE: &[u8] = &[14, 0xd0, 0, 0, 0x12, 0x34, 0, 3, 0, 8, 0, 5, 0, 0, 0];
    const ERECT_DOMAIN: &[u8] = &[2, 0xf0, 0x80, 4, 1, 0, 1, 0, 1];
    const ATTACH_USER: &[u8] = &[2, 0xf0, 0x80, 0x28];
    const ATTACHED: &[u8] = &[2, 0xf0, 0x80, 0x2e, 0, 0, 6];
    const JOIN: &[u8] = &[2, 0xf0, 0x80, 0x38, 0, 6, 3, 0xeb];
    const JOINED: &[u8] = &[2, 0xf0, 0x80, 0x3e, 0, 0, 6, 3, 0xeb, 3, 0xeb];
    let confused = |last: &'static [u8]| {
        survives(16, move |out| {
            let mut pcap = Pcap::begin(out)?;
            pcap.handshake()?;
            let (mut sent, mut got) = (0, 0);
            // From the fourth on, each is one that its side cannot send there.
            for (is_client, tpdu) in [
                (true, REQUEST),
                (false, CONFIRM),
                (true, ERECT_DOMAIN),
                (true, CONFIRM),
                (true, FAILURE),
                (true, ATTACHED),
                (true, JOINED),
                (false, ATTACH_USER),
                (false, JOIN),
                (false, REQUEST),
                (false, ERECT_DOMAIN),
                (false, last),
            ] {
                let frame = [&[3, 0, 0, tpdu.len() as u8 + 4], tpdu].concat();
                if is_client {
                    pcap.client(sent, &frame)?;
                    sent += frame.len() as u32;
                } else {
                    pcap.server(got, sent, &frame)?;
                    got += frame.len() as u32;
                }
            }
            Ok(())
        })
    };
    assert_eq!(confused(ATTACH_USER).noticed("connection-details-limit"), 0);
    has_more(&confused(FAILURE), "kinds of messages out of place than the first 8");
}

/// Records of a pcap, each with its frame.
fn frames(pcap: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
    let mut rest = pcap.get_mut(24..);
    std::iter::from_fn(move || {
        let (header, after) = rest.take()?.split_at_mut_checked(16)?;
        let len = u32::from_le_bytes(*header.last_chunk::<8>()?.first_chunk()?);
        let (frame, after) = after.split_at_mut_checked(len as usize)?;
        rest = Some(after);
        Some(frame)
    })
}

#[test]
fn more_certificates_of_one_server_than_are_listed() {
    // Servers of the generator have certificates of their own; now they are one.
    let plan = Plan { kind: Kind::Heavy, container: Container::Pcap, bytes: 12 << 20, seed: 7 };
    let mut bytes = Vec::new();
    write(&plan, &mut bytes).unwrap();
    let rdp = 3389_u16.to_be_bytes();
    for frame in frames(&mut bytes) {
        if frame[12..14] == [8, 0] {
            if frame[34..36] == rdp {
                frame[26..30].copy_from_slice(&[10, 0, 0, 2])
            }
            if frame[36..38] == rdp {
                frame[30..34].copy_from_slice(&[10, 0, 0, 2])
            }
        }
    }
    let survived = survives(64, |out| out.write_all(&bytes));
    let of = |server: &Value| server["certificates"].as_array().map_or(0, Vec::len);
    let listed = survived.report["servers"].as_array().unwrap().iter().map(of).max();
    assert_eq!(listed, Some(16));
    assert!(survived.noticed("certificates-not-listed") > 0, "{}", survived.report["notices"]);
}
