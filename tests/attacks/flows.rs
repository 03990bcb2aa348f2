//! Packets: floods, crumbs, lies about numbers.

use std::net::{IpAddr, Ipv4Addr};

use super::{CLIENT, CLIENT_ISN, CONFIRM, Pcap, REQUEST, SERVER, SERVER_ISN, data, survives};
use crate::inputs::frame::{self, ACK, Endpoint, SYN, Tcp};

/// Many and different, the same on every run.
fn scattered(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1) ^ number >> 15
}

#[test]
fn a_syn_flood_from_random_sources() {
    let syns = 80_000;
    // Nobody's answer is waited for: 65,536 openings, and what is told of each.
    let survived = survives(96, |out| {
        let mut pcap = Pcap::begin(out)?;
        for number in 0..syns {
            let ip = IpAddr::V4(Ipv4Addr::from_bits(scattered(number) | 0x0100_0000));
            let from = Endpoint { ip, port: 1_024 + scattered(!number) as u16 % 60_000, ..CLIENT };
            let syn = Tcp { seq: scattered(number), ack: 0, flags: SYN, window: 1_024, options: &[], payload: &[] };
            pcap.tcp(10, &from, &SERVER, &syn)?;
        }
        Ok(())
    });
    assert_eq!(survived.packets(), u64::from(syns));
    assert!(survived.noticed("connection-limit-reached") > 0, "{}", survived.report["notices"]);
    assert!(survived.noticed("hosts-not-listed") > 0, "nor is each source listed");
    let listed = survived.connections().len() as u64;
    let counted =
        survived.report["counted"].as_array().unwrap().iter().map(|kind| kind["connections"].as_u64().unwrap());
    assert!((500..=1_000).contains(&listed), "{listed} are listed");
    assert_eq!(listed + counted.sum::<u64>(), u64::from(syns), "every connection is told of");
}

#[test]
fn one_byte_segments() {
    let survived = survives(16, |out| {
        let mut pcap = Pcap::begin(out)?;
        pcap.handshake()?;
        for (offset, byte) in (0..).zip(REQUEST) {
            pcap.client(offset, &[*byte])?;
        }
        for (offset, byte) in (0..).zip(CONFIRM) {
            pcap.server(offset, 19, &[*byte])?;
        }
        // Records of one byte, a byte at a time.
        for (offset, byte) in (19..).zip([23, 3, 3, 0, 1, 0xee].iter().cycle().take(60_000)) {
            pcap.client(offset, &[*byte])?;
        }
        Ok(())
    });
    let connection = &survived.connections()[0];
    assert_eq!(connection["bytes"]["client"], 60_019);
    assert_eq!(connection["negotiation"]["selected"], "PROTOCOL_HYBRID", "{}", connection["negotiation"]);
    survived.accuses_nobody();
}

#[test]
fn one_byte_segments_last_first() {
    // Each is in front of all that wait.
    let bytes = 60_000;
    let survived = survives(16, |out| {
        let mut pcap = Pcap::begin(out)?;
        pcap.handshake()?;
        for offset in (1..bytes).rev() {
            pcap.client(offset, &[3])?;
        }
        pcap.client(0, &[3])
    });
    assert!(survived.noticed("reassembly-limit-reached") > 0, "{}", survived.report["notices"]);
    survived.accuses_nobody();
}

#[test]
fn overlapping_segments_that_disagree() {
    // An insertion: the first copy is a request, the second would be another
    // protocol. What arrived first stands, as at most receivers.
    let survived = survives(16, |out| {
        let mut pcap = Pcap::begin(out)?;
        pcap.handshake()?;
        for round in 0..20_000 {
            pcap.client(0, REQUEST)?;
            pcap.client(round % 19, b"SSH-2.0-something else than was sent before\r\n")?;
        }
        pcap.server(0, 19, CONFIRM)
    });
    let connection = &survived.connections()[0];
    assert_eq!(connection["stage"], "x224", "{connection}");
    assert!(connection["verdict"]["finding"] != "injected-reset");
    assert_eq!(survived.noticed("segments-disagree"), 1, "once for this side of the connection");
}

#[test]
fn sequence_numbers_that_wrap_and_jump() {
    let survived = survives(16, |out| {
        let mut pcap = Pcap::begin(out)?;
        pcap.handshake()?;
        pcap.client(0, REQUEST)?;
        pcap.server(0, 19, CONFIRM)?;
        // Through 2^32, then anywhere, with every flag there is.
        for offset in (19..).step_by(1_000).take(1_000) {
            pcap.client(offset, &[0x17; 1_000])?;
        }
        for number in 0..50_000_u32 {
            let flags = ACK | (scattered(number) >> 24 & 0x38) as u8;
            let jump = Tcp { flags, ..data(scattered(number), scattered(!number), &[0x16; 40]) };
            pcap.tcp(100, &CLIENT, &SERVER, &jump)?;
        }
        Ok(())
    });
    let connection = &survived.connections()[0];
    assert_eq!(connection["negotiation"]["selected"], "PROTOCOL_HYBRID", "{connection}");
    assert_eq!(survived.noticed("sequence-numbers-leap"), 1, "{}", survived.report["notices"]);
    let sent = connection["bytes"]["client"].as_u64().unwrap();
    assert!(sent < 40_000_000, "{sent} bytes: few of those numbers are believed");
    survived.accuses_nobody();
}

#[test]
fn thousands_of_sack_holes() {
    let survived = survives(16, |out| {
        let mut pcap = Pcap::begin(out)?;
        pcap.handshake()?;
        pcap.client(0, REQUEST)?;
        pcap.server(0, 19, CONFIRM)?;
        // Every second segment never passes; the receiver reports any four of
        // the others.
        for number in 0..40_000_u32 {
            pcap.client(19 + number * 20, &[0x17; 10])?;
            let mut options = vec![1, 1, 5, 34];
            for block in 0..4 {
                let left = CLIENT_ISN.wrapping_add(20 + scattered(number + block) % (number + 1) * 20);
                options.extend(left.to_be_bytes());
                options.extend(left.wrapping_add(10).to_be_bytes());
            }
            let ack = Tcp {
                flags: ACK,
                options: &options,
                ..data(SERVER_ISN.wrapping_add(20), CLIENT_ISN.wrapping_add(20), &[])
            };
            pcap.tcp(100, &SERVER, &CLIENT, &ack)?;
        }
        Ok(())
    });
    assert!(survived.noticed("reassembly-limit-reached") > 0, "{}", survived.report["notices"]);
    survived.accuses_nobody();
}

#[test]
fn a_hundred_thousand_flows_that_each_leave_a_hole() {
    // Every one of them has a full buffer waiting behind a byte that never
    // comes: together far more than may be held.
    let survived = survives(512, |out| {
        let mut pcap = Pcap::begin(out)?;
        for flow in 0..800_u32 {
            let from = Endpoint { ip: IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + flow)), ..CLIENT };
            pcap.tcp(10, &from, &SERVER, &Tcp { flags: SYN, ack: 0, ..data(0, 0, &[]) })?;
            for part in 0..100 {
                pcap.tcp(10, &from, &SERVER, &data(2 + part * 1_400, 1, &[0x17; 1_400]))?;
            }
        }
        Ok(())
    });
    assert!(survived.noticed("reassembly-limit-reached") > 0, "{}", survived.report["notices"]);
}

/// Eight bytes of the packet with this identification, at this offset
/// in blocks, and more to come.
fn fragment(id: u16, offset: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::tcp(&mut bytes, &CLIENT, &SERVER, frame::Ip { ttl: 64, id }, &data(1, 1, &[0; 64]));
    bytes[16..18].copy_from_slice(&28_u16.to_be_bytes());
    bytes[20..22].copy_from_slice(&(offset | 0x2000).to_be_bytes());
    bytes.truncate(14 + 28);
    bytes
}

#[test]
fn a_fragment_flood() {
    // Each is of another packet, and at its far end.
    let survived = survives(32, |out| {
        let mut pcap = Pcap::begin(out)?;
        (0..50_000).try_for_each(|number| pcap.frame(10, &fragment(number, 0x1ffc)))
    });
    assert!(survived.noticed("fragments-evicted") > 40_000, "{}", survived.report["notices"]);
}

#[test]
fn a_packet_in_crumbs() {
    let survived = survives(32, |out| {
        let mut pcap = Pcap::begin(out)?;
        (0..50_000).try_for_each(|number| pcap.frame(10, &fragment(1, number % 8_000)))
    });
    assert!(survived.noticed("fragments-too-many") > 40_000, "{}", survived.report["notices"]);
}

#[test]
fn tunnels_in_tunnels() {
    let survived = survives(16, |out| {
        let mut pcap = Pcap::begin(out)?;
        for depth in 1..300 {
            let mut inner = Vec::new();
            frame::tcp(&mut inner, &CLIENT, &SERVER, frame::Ip { ttl: 64, id: 1 }, &data(1, 1, REQUEST));
            let mut packet = inner[14..].to_vec();
            for _ in 0..depth {
                // GRE in IPv4 in GRE in IPv4 …
                let mut outer = inner[14..34].to_vec();
                outer[2..4].copy_from_slice(&((packet.len() + 24) as u16).to_be_bytes());
                outer[9] = 47;
                packet = [&outer[..], &[0, 0, 8, 0], &packet].concat();
            }
            pcap.frame(10, &[&inner[..14], &packet].concat())?;
            // As many VLAN tags, and as many labels.
            let tags = [0x81, 0x00, 0x00, 0x05].repeat(depth);
            pcap.frame(10, &[&inner[..12], &tags, &inner[12..]].concat())?;
            let labels = [&[0x88, 0x47][..], &[0, 1, 0, 64].repeat(depth), &[0, 1, 1, 64]].concat();
            pcap.frame(10, &[&inner[..12], &labels, &inner[14..]].concat())?;
        }
        Ok(())
    });
    assert_eq!(survived.packets(), 299 * 3);
    assert!(survived.noticed("packets-not-decoded") > 0, "{}", survived.report["notices"]);
}
