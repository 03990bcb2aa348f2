//! The Preconnection PDU, which may stand before everything else: [MS-RDPEPS]
//! 2.2.1. Hyper-V and some brokers want it.

use crate::base::{Cursor, ParseError};

/// Bytes of the first version, and of the fixed part of the second.
pub const FIXED_LEN: usize = 16;

/// The longest PDU: the fixed part, a length, and 65535 UTF-16 units.
const MAX_LEN: u32 = 16 + 2 + 2 * 65_535;

/// A Preconnection PDU. Its text, which names a virtual machine, is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preconnection {
    /// Bytes of the whole PDU.
    pub size: usize,
    /// 1, or 2 where a text follows.
    pub version: u32,
    /// Which source of RDP the client wants.
    pub id: u32,
}

/// Decodes the PDU that `bytes` starts with; strict, since nothing else marks
/// it: a connection that does not begin with it begins with TPKT or TLS.
///
/// # Errors
/// The fixed part is cut short, or its sizes and version do not fit together.
pub fn decode(bytes: &[u8]) -> Result<Preconnection, ParseError> {
    const LAYER: &str = "rdp preconnection";
    let mut fields = Cursor::new(LAYER, bytes);
    let size = fields.u32_le("cbSize")?;
    if fields.u32_le("Flags")? != 0 {
        return Err(ParseError::malformed(LAYER, "Flags", 4));
    }
    let version = fields.u32_le("Version")?;
    let id = fields.u32_le("Id")?;
    match version {
        1 if size == 16 => {}
        2 if (18..=MAX_LEN).contains(&size) => {
            let text_len = u32::from(fields.u16_le("cchPCB")?).saturating_mul(2);
            if text_len > size.saturating_sub(18) {
                return Err(ParseError::malformed(LAYER, "cchPCB", FIXED_LEN));
            }
        }
        1 | 2 => return Err(ParseError::malformed(LAYER, "cbSize", 0)),
        _ => return Err(ParseError::malformed(LAYER, "Version", 8)),
    }
    Ok(Preconnection { size: usize::try_from(size).unwrap_or(usize::MAX), version, id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::damage;
    use ironrdp_pdu::ironrdp_core::encode_vec;
    use ironrdp_pdu::pcb::{PcbVersion, PreconnectionBlob};
    use proptest::prelude::*;

    const FIRST: [u8; 16] = [16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0];

    #[test]
    fn what_else_opens_a_connection_is_not_it() {
        assert_eq!(decode(&FIRST), Ok(Preconnection { size: 16, version: 1, id: 7 }));
        assert_eq!(decode(&FIRST[..15]).unwrap_err().field, "Id");
        for (at, value, field) in [(0, 17, "cbSize"), (4, 1, "Flags"), (8, 3, "Version"), (8, 2, "cbSize")] {
            let mut other = FIRST;
            other[at] = value;
            assert_eq!(decode(&other).unwrap_err().field, field);
        }
        assert!(decode(b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03").is_err());
        assert!(decode(b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03abcde").is_err());
        damage(&FIRST, |bytes| decode(bytes).is_ok());
    }

    proptest! {
        #[test]
        fn ironrdp_writes_what_is_read(id: u32, text in proptest::option::of("[a-zA-Z0-9-]{0,40}")) {
            let version = if text.is_some() { PcbVersion::V2 } else { PcbVersion::V1 };
            let bytes = encode_vec(&PreconnectionBlob { version, id, v2_payload: text }).unwrap();
            prop_assert_eq!(decode(&bytes), Ok(Preconnection { size: bytes.len(), version: version.0, id }));
        }
    }
}
