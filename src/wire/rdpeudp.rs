//! The first datagrams of the UDP side channel: [MS-RDPEUDP] 2.2. All else in
//! it is TLS or DTLS, and a session lives without it.

use crate::base::{Cursor, ParseError, open_enum, open_flags};

open_flags! {
    /// uFlags of the FEC header, [MS-RDPEUDP] 2.2.2.1.
    pub struct Flags(u16, "none") {
        /// The first datagram of each side.
        RDPUDP_FLAG_SYN = 0x0001,
        /// The end; reserved.
        RDPUDP_FLAG_FIN = 0x0002,
        /// An acknowledgement is there.
        RDPUDP_FLAG_ACK = 0x0004,
        /// Data are there.
        RDPUDP_FLAG_DATA = 0x0008,
        /// Forward error correction is there.
        RDPUDP_FLAG_FEC = 0x0010,
        /// Congestion was noticed.
        RDPUDP_FLAG_CN = 0x0020,
        /// The congestion window was reset.
        RDPUDP_FLAG_CWR = 0x0040,
        /// Not used.
        RDPUDP_FLAG_SACK_OPTION = 0x0080,
        /// An acknowledgement of acknowledgements is there.
        RDPUDP_FLAG_ACK_OF_ACKS = 0x0100,
        /// The client wants the lossy mode.
        RDPUDP_FLAG_SYNLOSSY = 0x0200,
        /// The acknowledgement was delayed.
        RDPUDP_FLAG_ACKDELAYED = 0x0400,
        /// A correlation id is there.
        RDPUDP_FLAG_CORRELATION_ID = 0x0800,
        /// Versions are there.
        RDPUDP_FLAG_SYNEX = 0x1000,
    }
}

open_enum! {
    /// uUdpVer, [MS-RDPEUDP] 2.2.2.9.
    pub struct UdpVersion(u16) {
        /// Windows 8.
        RDPUDP_PROTOCOL_VERSION_1 = 0x0001,
        /// Windows 8.1.
        RDPUDP_PROTOCOL_VERSION_2 = 0x0002,
        /// RDP-UDP2, from Windows 10 1809 on.
        RDPUDP_PROTOCOL_VERSION_3 = 0x0101,
    }
}

/// Whose first datagram it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The client's SYN.
    Syn,
    /// The server's SYN with ACK.
    SynAck,
}

/// A SYN or SYN+ACK datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syn {
    /// Whose it is.
    pub step: Step,
    /// All its flags.
    pub flags: Flags,
    /// snInitialSequenceNumber, by which an answer is matched: the server
    /// acknowledges the client's in [`Syn::acknowledged`].
    pub initial_sequence: u32,
    /// snSourceAck; all ones in a SYN.
    pub acknowledged: u32,
    /// The largest datagrams upstream and downstream, in bytes.
    pub mtu: (u16, u16),
    /// The version in the SYNEX payload, where there is one.
    pub version: Option<UdpVersion>,
}

/// Decodes a UDP payload that is an RDP-UDP SYN or SYN+ACK; strict, so that
/// other protocols on the port are not taken for it.
///
/// # Errors
/// The header is cut short; the flags are another datagram's; the MTUs are
/// outside the 1132 to 1232 bytes that [MS-RDPEUDP] 2.2.2.5 allows.
pub fn decode(payload: &[u8]) -> Result<Syn, ParseError> {
    const LAYER: &str = "rdpudp";
    const NO_ACK: u32 = u32::MAX;
    const CORRELATION_ID_LEN: usize = 32;
    let mut fields = Cursor::new(LAYER, payload);
    let acknowledged = fields.u32_be("snSourceAck")?;
    fields.skip(2, "uReceiveWindowSize")?;
    let flags = Flags(fields.u16_be("uFlags")?);
    let is_answer = flags.contains(Flags::RDPUDP_FLAG_ACK);
    let carries_data = flags.0 & (Flags::RDPUDP_FLAG_DATA.0 | Flags::RDPUDP_FLAG_FEC.0) != 0;
    if !flags.contains(Flags::RDPUDP_FLAG_SYN) || carries_data || flags.unnamed().0 != 0 {
        return Err(ParseError::malformed(LAYER, "uFlags", 6));
    }
    if !is_answer && acknowledged != NO_ACK {
        return Err(ParseError::malformed(LAYER, "snSourceAck", 0));
    }
    let initial_sequence = fields.u32_be("snInitialSequenceNumber")?;
    let mtu = (fields.u16_be("uUpStreamMtu")?, fields.u16_be("uDownStreamMtu")?);
    let allowed = 1132..=1232;
    if !allowed.contains(&mtu.0) || !allowed.contains(&mtu.1) {
        return Err(ParseError::malformed(LAYER, "uUpStreamMtu", 12));
    }
    let mut version = || -> Option<UdpVersion> {
        if flags.contains(Flags::RDPUDP_FLAG_CORRELATION_ID) {
            fields.skip(CORRELATION_ID_LEN, "uCorrelationId").ok()?;
        }
        let has_versions = flags.contains(Flags::RDPUDP_FLAG_SYNEX);
        let is_valid = has_versions && fields.u16_be("uSynExFlags").ok()? & 1 != 0;
        if is_valid { fields.u16_be("uUdpVer").ok().map(UdpVersion) } else { None }
    };
    let version = version();
    let step = if is_answer { Step::SynAck } else { Step::Syn };
    Ok(Syn { step, flags, initial_sequence, acknowledged, mtu, version })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use proptest::prelude::*;

    fn syn() -> Vec<u8> {
        let front = hex("ffffffff 0040 1801 11223344 04d0 04d0");
        [front, vec![9; 32], hex("0001 0101"), vec![0; 100]].concat()
    }

    #[test]
    fn both_first_datagrams_are_recognised() {
        let client = decode(&syn()).unwrap();
        assert_eq!((client.step, client.initial_sequence, client.mtu), (Step::Syn, 0x1122_3344, (1232, 1232)));
        assert_eq!(client.version, Some(UdpVersion::RDPUDP_PROTOCOL_VERSION_3));
        let server = decode(&hex("11223344 0040 1005 0f94ea0b 04d0 04d0 0001 0002")).unwrap();
        assert_eq!((server.step, server.acknowledged), (Step::SynAck, client.initial_sequence));
        assert_eq!(server.version, Some(UdpVersion::RDPUDP_PROTOCOL_VERSION_2));
        assert_eq!(decode(&hex("ffffffff 0040 0201 11223344 04d0 04d0")).unwrap().version, None);
    }

    #[test]
    fn other_datagrams_are_not() {
        for (other, field) in [
            // Data of the same channel.
            ("0f94ea0b 0400 000c 00000000 0b127f16 0b127f16", "uFlags"),
            // A SYN that acknowledges, an MTU out of range, a flag without a name.
            ("00000001 0040 0001 11223344 04d0 04d0", "snSourceAck"),
            ("ffffffff 0040 0001 11223344 05dc 04d0", "uUpStreamMtu"),
            ("ffffffff 0040 8001 11223344 04d0 04d0", "uFlags"),
            ("ffffffff 0040 0001 11223344 04d0", "uDownStreamMtu"),
            // DTLS, DNS.
            ("16feff0000000000000000003b010000", "uFlags"),
            ("1234010000010000000000000377777706", "uFlags"),
        ] {
            assert_eq!(decode(&hex(other)).unwrap_err().field, field, "{other}");
        }
        damage(&syn()[..60], |bytes| decode(bytes).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
            let _ = decode(&[&hex("ffffffff00401801")[..], &bytes].concat());
        }
    }
}
