//! More than is remembered: the report says what was forgotten, and one less is
//! remembered whole.

use std::net::{IpAddr, Ipv4Addr};

use super::{CLIENT, CLIENT_ISN, Pcap, REQUEST, SERVER, SERVER_ISN, Survived, data, survives};
use crate::inputs::frame::{ACK, Endpoint, RST, SYN, Tcp};

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
    let cut = strafed(17);
    assert_eq!(cut.noticed("connection-details-limit"), 1);
    let says = cut.report["notices"][0]["says"].as_str().unwrap();
    assert!(says.contains("more resets than the first 16"), "{says}");
}
