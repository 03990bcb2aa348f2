//! What kind of frame a capture holds: read by `capture`, understood by `wire`.

use super::open_enum;

open_enum! {
    /// A `LINKTYPE_` value of the tcpdump registry, as pcap and pcapng carry it.
    pub struct LinkType(u32) {
        /// BSD loopback; protocol family in the host's byte order.
        NULL = 0,
        /// Ethernet.
        ETHERNET = 1,
        /// Raw IP, the value of older captures.
        RAW_OLD = 12,
        /// Raw IP, OpenBSD's value.
        RAW_OPENBSD = 14,
        /// PPP over Ethernet.
        PPP_ETHER = 51,
        /// Raw IP.
        RAW = 101,
        /// IEEE 802.11.
        IEEE802_11 = 105,
        /// OpenBSD loopback; protocol family in network byte order.
        LOOP = 108,
        /// Linux cooked capture, version 1.
        LINUX_SLL = 113,
        /// 802.11 with a radiotap header.
        IEEE802_11_RADIOTAP = 127,
        /// Raw IPv4.
        IPV4 = 228,
        /// Raw IPv6.
        IPV6 = 229,
        /// systemd journal entries: no packets.
        SYSTEMD_JOURNAL = 239,
        /// Linux cooked capture, version 2.
        LINUX_SLL2 = 276,
    }
}
