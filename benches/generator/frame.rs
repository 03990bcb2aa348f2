//! Ethernet frames with IP and TCP or UDP inside, checksums right.

use std::net::IpAddr;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

/// Shortest frame on a wire without its check sequence; shorter ones are padded.
const MIN_FRAME: usize = 60;
const ETHERNET: usize = 14;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;

/// An address with the card behind it.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    pub mac: [u8; 6],
    pub ip: IpAddr,
    pub port: u16,
}

/// What an IP stack puts into its headers.
#[derive(Clone, Copy, Debug)]
pub struct Ip {
    pub ttl: u8,
    pub id: u16,
}

/// A TCP header and what it carries.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub options: &'a [u8],
    pub payload: &'a [u8],
}

/// Writes the frame into `out`, which is emptied first.
pub fn tcp(out: &mut Vec<u8>, from: &Endpoint, to: &Endpoint, ip: Ip, tcp: &Tcp<'_>) {
    let header = 20 + tcp.options.len();
    begin(out, from, to, ip, PROTOCOL_TCP, header + tcp.payload.len());
    let start = out.len();
    ports(out, from, to);
    out.extend_from_slice(&tcp.seq.to_be_bytes());
    out.extend_from_slice(&tcp.ack.to_be_bytes());
    out.extend_from_slice(&[(header as u8 / 4) << 4, tcp.flags]);
    out.extend_from_slice(&tcp.window.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(tcp.options);
    out.extend_from_slice(tcp.payload);
    finish(out, from, to, PROTOCOL_TCP, start, 16);
}

/// Writes the frame into `out`, which is emptied first.
pub fn udp(out: &mut Vec<u8>, from: &Endpoint, to: &Endpoint, ip: Ip, payload: &[u8]) {
    let length = 8 + payload.len();
    begin(out, from, to, ip, PROTOCOL_UDP, length);
    let start = out.len();
    ports(out, from, to);
    out.extend_from_slice(&(length as u16).to_be_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(payload);
    finish(out, from, to, PROTOCOL_UDP, start, 6);
}

fn begin(out: &mut Vec<u8>, from: &Endpoint, to: &Endpoint, ip: Ip, protocol: u8, length: usize) {
    out.clear();
    out.extend_from_slice(&to.mac);
    out.extend_from_slice(&from.mac);
    match (from.ip, to.ip) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            out.extend_from_slice(&[0x08, 0x00, 0x45, 0x00]);
            out.extend_from_slice(&((20 + length) as u16).to_be_bytes());
            out.extend_from_slice(&ip.id.to_be_bytes());
            out.extend_from_slice(&[0x40, 0x00, ip.ttl, protocol, 0, 0]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
            let sum = checksum(&out[ETHERNET..], 0);
            out[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&sum.to_be_bytes());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            out.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
            out.extend_from_slice(&(length as u16).to_be_bytes());
            out.extend_from_slice(&[protocol, ip.ttl]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        _ => unreachable!("both ends of a connection speak the same IP"),
    }
}

fn ports(out: &mut Vec<u8>, from: &Endpoint, to: &Endpoint) {
    out.extend_from_slice(&from.port.to_be_bytes());
    out.extend_from_slice(&to.port.to_be_bytes());
}

/// Puts the checksum `at` bytes into the header that begins at `start`.
fn finish(out: &mut Vec<u8>, from: &Endpoint, to: &Endpoint, protocol: u8, start: usize, at: usize) {
    let length = out.len() - start;
    let pseudo = u64::from(protocol) + length as u64 + address_sum(from.ip) + address_sum(to.ip);
    let sum = checksum(&out[start..], pseudo);
    out[start + at..start + at + 2].copy_from_slice(&sum.to_be_bytes());
    if out.len() < MIN_FRAME {
        out.resize(MIN_FRAME, 0);
    }
}

fn address_sum(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => add(&ip.octets()),
        IpAddr::V6(ip) => add(&ip.octets()),
    }
}

/// RFC 1071, 1.
fn checksum(bytes: &[u8], pseudo: u64) -> u16 {
    let mut sum = pseudo + add(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Adds words of four bytes; folded later, the sum is that of words of two
/// (RFC 1071, 2.C).
fn add(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum::<u64>() + u64::from(u32::from_be_bytes(last))
}
