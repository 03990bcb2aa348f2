//! What the kernel lets through: RDP, and what concerns it.

/// RDP over TCP and UDP (MS-RDPBCGR §2.1), fragments (of which only the first
/// has ports), and ICMP errors that quote a packet of RDP: the quoted header
/// begins behind the 8 bytes of ICMP.
const RDP: &str = "tcp port 3389 or udp port 3389 \
    or ip[6:2] & 0x1fff != 0 or ip6 proto 44 \
    or (icmp and (icmp[((icmp[8] & 0xf) << 2) + 8 : 2] = 3389 or icmp[((icmp[8] & 0xf) << 2) + 10 : 2] = 3389)) \
    or (icmp6 and (icmp6[48:2] = 3389 or icmp6[50:2] = 3389))";

/// For those that want less, or more: RDP on its well-known port, and ICMP
/// errors about it, also behind one or two VLAN tags (each `vlan` moves all
/// that follows it in the expression).
#[must_use]
pub fn default_filter() -> String {
    format!("({RDP}) or (vlan and ({RDP})) or (vlan and ({RDP}))")
}

/// The same where an interface knows no tags, such as `any`, whose frames come
/// without them.
pub(super) fn without_tags() -> String {
    RDP.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap::{Capture, Linktype};

    fn passes(link: Linktype, filter: &str, frame: &[u8]) -> bool {
        Capture::dead(link).unwrap().compile(filter, true).unwrap().filter(frame)
    }

    /// Ethernet with `tags`, IPv4, and `rest` as protocol `protocol`.
    fn frame(tags: usize, protocol: u8, rest: &[u8]) -> Vec<u8> {
        let mut frame = vec![2; 12];
        for _ in 0..tags {
            frame.extend([0x81, 0x00, 0, 7]);
        }
        frame.extend([0x08, 0x00, 0x45, 0, 0, 60, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend(rest);
        frame.resize(100, 0);
        frame
    }

    fn ports(source: u16, destination: u16) -> Vec<u8> {
        [source.to_be_bytes(), destination.to_be_bytes()].concat()
    }

    #[test]
    fn rdp_passes_with_and_without_tags_and_the_rest_does_not() {
        for tags in 0..=2 {
            for protocol in [6, 17] {
                assert!(passes(Linktype::ETHERNET, &default_filter(), &frame(tags, protocol, &ports(50_000, 3389))));
                assert!(passes(Linktype::ETHERNET, &default_filter(), &frame(tags, protocol, &ports(3389, 50_000))));
                assert!(!passes(Linktype::ETHERNET, &default_filter(), &frame(tags, protocol, &ports(443, 50_000))));
            }
        }
    }

    #[test]
    fn icmp_errors_pass_when_they_quote_rdp() {
        let error = |port| {
            let mut icmp =
                vec![3, 1, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 60, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            icmp.extend(ports(50_000, port));
            frame(0, 1, &icmp)
        };
        assert!(passes(Linktype::ETHERNET, &default_filter(), &error(3389)));
        assert!(!passes(Linktype::ETHERNET, &default_filter(), &error(443)));
    }

    #[test]
    fn later_fragments_pass() {
        let mut fragment = frame(0, 6, &[0; 40]);
        fragment[20] = 0x00;
        fragment[21] = 0xb9;
        assert!(passes(Linktype::ETHERNET, &default_filter(), &fragment));
        assert!(passes(Linktype::ETHERNET, &without_tags(), &fragment));
    }
}
