//! Packets for the tests of this floor.
//!
//! The packets themselves were captured from Linux 6 talking to itself; the link
//! and tunnel headers around them follow the specifications, and the oracle test
//! asks tshark whether it reads them as we do.

use crate::base::LinkType;

/// A frame and what must be found in it: always the same Connection Request.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) link: LinkType,
    pub(super) frame: Vec<u8>,
    pub(super) tunnels: u8,
    pub(super) vlan: Option<u16>,
    pub(super) source_mac: Option<[u8; 6]>,
}

/// The payload of both packets: an RDP Connection Request of 19 bytes.
pub(super) const CONNECTION_REQUEST: [u8; 19] = *b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";

/// The Connection Request in IPv4: 39954 → 3389, timestamps.
pub(super) fn ipv4() -> Vec<u8> {
    hex("45000047 83c64000 4006b8e8 7f000001 7f000001
         9c120d3d adf84f71 b905db09 80180040 fe3b0000 0101080a 13d3c102 595ccd02
         03000013 0ee00000 00000001 00080003 000000")
}

/// The Connection Request in IPv6: 41680 → 3389, timestamps.
pub(super) fn ipv6() -> Vec<u8> {
    hex("60095d67 00330640 00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000001
         a2d00d3d ba7aca26 e8242c24 80180040 003b0000 0101080a e8cb6096 4dc66374
         03000013 0ee00000 00000001 00080003 000000")
}

/// A SYN with every option that Linux sends.
pub(super) fn syn() -> Vec<u8> {
    hex("4500003c 83c44000 4006b8f5 7f000001 7f000001
         9c120d3d adf84f70 00000000 a002ffd7 fe300000 0204ffd7 0402080a 13d3c102 00000000 0103030a")
}

/// ICMP port unreachable about the UDP datagram 51378 → 3389.
pub(super) fn icmp_v4() -> Vec<u8> {
    hex("45c0003b e34c0000 400198b3 7f000001 7f000001 0303467e 00000000
         4500001f 9bee4000 4011a0dd 7f000001 7f000001 c8b20d3d 000bfe1e 726470")
}

/// ICMPv6 port unreachable about the UDP datagram 40184 → 3389.
pub(super) fn icmp_v6() -> Vec<u8> {
    hex("600ec1a3 003b3a40 00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000001
         0104a1bf 00000000
         60055eaf 000b1140 00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000001
         9cf80d3d 000b001e 726470")
}

/// A Connection Request in Linux's VXLAN, whole: 41372 → 3389.
pub(super) fn vxlan_frame() -> Vec<u8> {
    hex("9e7259df 638736d4 89b17411 0800
         45000079 97ac0000 4011cec5 0a000001 0a000002 b53712b5 00651f98 08000000 00002a00
         9a97372a 1de7ca79 3c9f6268 0800
         45000047 93904000 400617cd c0a80701 c0a80702
         a19c0d3d 396bdb70 2e1cf5d4 80180040 8f8d0000 0101080a 69dadee9 d35a13a2
         03000013 0ee00000 00000001 00080003 000000")
}

/// Source address of [`ether`]'s frames.
pub(super) const MAC: [u8; 6] = [0x36, 0xd4, 0x89, 0xb1, 0x74, 0x11];

/// An Ethernet frame.
pub(super) fn ether(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&hex("9e7259df6387"), &MAC, &ether_type.to_be_bytes(), payload])
}

/// An IPv4 packet without options; the checksum stays 0.
pub(super) fn ipv4_with(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    join(&[&[0x45, 0], &len, &hex("00004000 40"), &[protocol], &hex("0000 0a000001 0a000002"), payload])
}

/// An IPv6 packet.
pub(super) fn ipv6_with(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let addresses = hex("20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002");
    join(&[&hex("60000000"), &len, &[next_header, 64], &addresses, payload])
}

/// A UDP datagram from port 50000.
pub(super) fn udp(destination_port: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    join(&[&50000_u16.to_be_bytes(), &destination_port.to_be_bytes(), &len, &[0, 0], payload])
}

/// The Connection Request in everything that we take apart.
pub(super) fn all() -> Vec<Sample> {
    let (v4, v6) = (ipv4(), ipv6());
    let v6_payload = &v6[40..];
    let (frame_v4, frame_v6) = (ether(0x0800, &v4), ether(0x86dd, &v6));
    let in_gre = |header: &str, inner: &[u8]| ether(0x0800, &ipv4_with(47, &join(&[&hex(header), inner])));
    let in_udp = |port: u16, header: &str, inner: &[u8]| {
        ether(0x0800, &ipv4_with(17, &udp(port, &join(&[&hex(header), inner]))))
    };
    let extended = |next: u8, header: &str| ether(0x86dd, &ipv6_with(next, &join(&[&hex(header), v6_payload])));
    let mpls = |header: &str, inner: &[u8]| ether(0x8847, &join(&[&hex(header), inner]));
    let pppoe = |header: &str, inner: &[u8]| join(&[&hex(header), inner]);
    let llc = |inner: &[u8]| {
        let len = u16::try_from(8 + inner.len()).unwrap();
        ether(len, &join(&[&hex("aaaa0300 00000800"), inner]))
    };
    let wifi = |header: &str, inner: &[u8]| join(&[&hex(header), &hex("aaaa0300 00000800"), inner]);
    let sll2_v4 = "0800 0000 00000001 0304 00 06 000000000000 0000";
    let sll2_v6 = "86dd 0000 00000001 0304 00 06 000000000000 0000";
    let wifi_to_ds = "0801 0000 020000000001 36d489b17411 020000000003 0000";

    let mac = Some(MAC);
    let none = Some([0; 6]);
    let plain = |name, link, source_mac, frame| Sample { name, link, frame, tunnels: 0, vlan: None, source_mac };
    let tagged = |name, vlan, frame| Sample { vlan, ..plain(name, LinkType::ETHERNET, mac, frame) };
    let tunnel = |name, tunnels, frame| Sample { tunnels, ..plain(name, LinkType::ETHERNET, mac, frame) };
    let eth = |name, frame| plain(name, LinkType::ETHERNET, mac, frame);
    vec![
        eth("ethernet, IPv4", frame_v4.clone()),
        eth("ethernet, IPv6", frame_v6.clone()),
        eth("ethernet, trailer", join(&[&frame_v4, &[0xde, 0xad, 0xbe, 0xef]])),
        eth("802.3, LLC/SNAP", llc(&v4)),
        tagged("802.1Q", Some(5), ether(0x8100, &join(&[&hex("6005 0800"), &v4]))),
        tagged("802.1Q, priority only", None, ether(0x8100, &join(&[&hex("a000 0800"), &v4]))),
        tagged("802.1ad, 802.1Q", Some(7), ether(0x88a8, &join(&[&hex("0064 8100 0007 86dd"), &v6]))),
        tagged("QinQ 9100", Some(7), ether(0x9100, &join(&[&hex("0064 8100 0007 0800"), &v4]))),
        plain("SLL", LinkType::LINUX_SLL, none, join(&[&hex("0000 0304 0006 0000000000000000 0800"), &v4])),
        plain("SLL, no address", LinkType::LINUX_SLL, None, join(&[&hex("0000 fffe 0000 0000000000000000 86dd"), &v6])),
        plain(
            "SLL, LLC/SNAP",
            LinkType::LINUX_SLL,
            mac,
            join(&[&hex("0000 0001 0006 36d489b174110000 0004 aaaa0300 00000800"), &v4]),
        ),
        plain("SLL2, IPv4", LinkType::LINUX_SLL2, none, join(&[&hex(sll2_v4), &v4])),
        plain("SLL2, IPv6", LinkType::LINUX_SLL2, none, join(&[&hex(sll2_v6), &v6])),
        plain("raw, IPv4", LinkType::RAW, None, v4.clone()),
        plain("raw, IPv6", LinkType::RAW_OLD, None, v6.clone()),
        plain("raw, OpenBSD", LinkType::RAW_OPENBSD, None, v4.clone()),
        plain("only IPv4", LinkType::IPV4, None, v4.clone()),
        plain("only IPv6", LinkType::IPV6, None, v6.clone()),
        plain("NULL, little-endian", LinkType::NULL, None, join(&[&hex("02000000"), &v4])),
        plain("NULL, big-endian", LinkType::NULL, None, join(&[&hex("00000002"), &v4])),
        plain("NULL, NetBSD IPv6", LinkType::NULL, None, join(&[&hex("18000000"), &v6])),
        plain("NULL, FreeBSD IPv6", LinkType::NULL, None, join(&[&hex("1c000000"), &v6])),
        plain("NULL, macOS IPv6", LinkType::NULL, None, join(&[&hex("1e000000"), &v6])),
        plain("LOOP", LinkType::LOOP, None, join(&[&hex("00000002"), &v4])),
        eth("PPPoE", ether(0x8864, &pppoe("1100 0001 0049 0021", &v4))),
        eth("PPPoE, compressed protocol", ether(0x8864, &pppoe("1100 0001 0048 21", &v4))),
        plain("PPP_ETHER, IPv6", LinkType::PPP_ETHER, None, pppoe("1100 0001 005d 0057", &v6)),
        plain("802.11, to the access point", LinkType::IEEE802_11, mac, wifi(wifi_to_ds, &v4)),
        plain(
            "802.11, QoS, from the access point",
            LinkType::IEEE802_11,
            mac,
            wifi("8802 0000 020000000001 020000000002 36d489b17411 0000 0000", &v4),
        ),
        plain(
            "802.11, four addresses, HT control",
            LinkType::IEEE802_11,
            mac,
            wifi("8883 0000 020000000001 020000000002 020000000003 0000 36d489b17411 0000 00000000", &v4),
        ),
        plain(
            "radiotap",
            LinkType::IEEE802_11_RADIOTAP,
            mac,
            join(&[&hex("0000 0a00 00000000 0000"), &wifi(wifi_to_ds, &v4)]),
        ),
        eth("802.11 labelled Ethernet", wifi(wifi_to_ds, &v4)),
        eth("IPv6, hop-by-hop", extended(0, "0600 0104 00000000")),
        eth("IPv6, routing", extended(43, "0602 0400 00000000 20010db8000000000000000000000002")),
        eth("IPv6, two destination options", extended(60, "3c00 0104 00000000 0600 0104 00000000")),
        eth("IPv6, atomic fragment", extended(44, "0600 0000 12345678")),
        eth("IPv6, authentication header", extended(51, "0604 0000 00000001 00000001 000000000000000000000000")),
        eth("IPv4, options", ether(0x0800, &with_ipv4_options(&v4))),
        eth("IPv4, total length 0", ether(0x0800, &with_ipv4_length(&v4, 0))),
        eth("IPv6, payload length 0", ether(0x86dd, &with_ipv6_length(&v6, 0))),
        tunnel("VXLAN, 4789", 1, in_udp(4789, "08000000 00002a00", &frame_v4)),
        tunnel("VXLAN, 8472, group policy", 1, in_udp(8472, "88080001 00002a00", &frame_v6)),
        tunnel("GENEVE", 1, in_udp(6081, "00006558 00002a00", &frame_v4)),
        tunnel("GENEVE, options, IPv4", 1, in_udp(6081, "02000800 00002a00 01020301 00000000", &v4)),
        tunnel("GRE, IPv4", 1, in_gre("00000800", &v4)),
        tunnel("GRE, checksum, key, sequence, IPv6", 1, in_gre("b00086dd 00000000 0000002a 00000001", &v6)),
        tunnel("GRE, Ethernet", 1, in_gre("20006558 0000002a", &frame_v4)),
        tunnel("GRE, MPLS", 2, in_gre("00008847 00064140", &v4)),
        tunnel("ERSPAN I", 1, in_gre("000088be", &frame_v4)),
        tunnel("ERSPAN II", 1, in_gre("100088be 00000001 10000007 00000000", &frame_v4)),
        tunnel("ERSPAN III", 1, in_gre("100022eb 00000001 20000007 00000000 00000000", &frame_v4)),
        tunnel(
            "ERSPAN III, subheader",
            1,
            in_gre("100022eb 00000001 20000007 00000000 00000001 0000000000000000", &frame_v4),
        ),
        tunnel("IPv4 in IPv4", 1, ether(0x0800, &ipv4_with(4, &v4))),
        tunnel("IPv6 in IPv4", 1, ether(0x0800, &ipv4_with(41, &v6))),
        tunnel("IPv4 in IPv6", 1, ether(0x86dd, &ipv6_with(4, &v4))),
        tunnel("MPLS, two labels, IPv4", 1, mpls("00064040 00065140", &v4)),
        tunnel("MPLS, IPv6", 1, mpls("00065140", &v6)),
        tunnel("MPLS, pseudowire, control word", 1, mpls("00065140 00000000", &frame_v4)),
        tunnel("MPLS, pseudowire", 1, mpls("00065140", &frame_v4)),
        tunnel(
            "VXLAN in ERSPAN",
            2,
            in_gre("100088be 00000001 10000007 00000000", &in_udp(4789, "08000000 00002a00", &frame_v4)),
        ),
    ]
}

/// Frames that end elsewhere: a SYN, UDP, ICMP, fragments, a VXLAN frame as captured.
pub(super) fn others() -> Vec<(&'static str, LinkType, Vec<u8>)> {
    let datagram = |port| ether(0x0800, &ipv4_with(17, &udp(port, b"datagram")));
    let (mut first, mut last) = (ipv4(), ipv4());
    first[6..8].copy_from_slice(&[0x20, 0x00]);
    last[6..8].copy_from_slice(&[0x00, 0x03]);
    let fragment_v6 = ipv6_with(44, &hex("0600 0001 12345678 9c120d3d adf84f71"));
    let eth = LinkType::ETHERNET;
    vec![
        ("SYN", eth, ether(0x0800, &syn())),
        ("UDP", eth, datagram(3389)),
        ("UDP to the port of VXLAN", eth, datagram(4789)),
        ("UDP in IPv6", eth, ether(0x86dd, &ipv6_with(17, &udp(3389, b"datagram")))),
        ("first fragment", eth, ether(0x0800, &first)),
        ("last fragment", eth, ether(0x0800, &last)),
        ("fragment in IPv6", eth, ether(0x86dd, &fragment_v6)),
        ("VXLAN from Linux", eth, vxlan_frame()),
        ("ICMP", LinkType::RAW, icmp_v4()),
        ("ICMPv6", LinkType::RAW, icmp_v6()),
    ]
}

/// The same packet with four bytes of options.
fn with_ipv4_options(packet: &[u8]) -> Vec<u8> {
    let mut packet = with_ipv4_length(packet, u16::try_from(packet.len() + 4).unwrap());
    packet[0] = 0x46;
    packet.splice(20..20, [1, 1, 1, 0]);
    packet
}

/// The same packet with another total length.
pub(super) fn with_ipv4_length(packet: &[u8], len: u16) -> Vec<u8> {
    join(&[&packet[..2], &len.to_be_bytes(), &packet[4..]])
}

/// The same packet with another payload length.
fn with_ipv6_length(packet: &[u8], len: u16) -> Vec<u8> {
    join(&[&packet[..4], &len.to_be_bytes(), &packet[6..]])
}

/// The pieces in one.
pub(super) fn join(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}

/// Hex digits, white space ignored.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter_map(|c| c.to_digit(16)).map(|d| u8::try_from(d).unwrap()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
