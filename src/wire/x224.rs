//! X.224 class 0, as RDP uses it: ITU-T X.224 section 13, [MS-RDPBCGR] 2.2.1.1
//! and 2.2.1.2.

use crate::base::{Cursor, ParseError};

/// A transport protocol data unit, by its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tpdu<'a> {
    /// CR: the client asks for a connection.
    ConnectionRequest(Connection<'a>),
    /// CC: the server agrees, or says in its negotiation data why not.
    ConnectionConfirm(Connection<'a>),
    /// DT: the user data that it carries.
    Data(&'a [u8]),
    /// DR: the connection is refused or ended, with the reason of X.224 13.5.3.
    DisconnectRequest(u8),
    /// ER: a TPDU was rejected, with the cause of X.224 13.12.3.
    Error(u8),
    /// Another code; classes above 0 use them, RDP does not.
    Other(u8),
}

/// The fields that CR and CC have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// Length of the header without the byte that holds it.
    pub length_indicator: u8,
    /// DST-REF: 0 in a CR.
    pub destination_reference: u16,
    /// SRC-REF. In a CC it hints at the server: Windows and xrdp send 0x1234,
    /// FreeRDP's server 0.
    pub source_reference: u16,
    /// Class in the high half, options in the low one; 0 in RDP.
    pub class: u8,
    /// Everything behind the fixed part: cookie and negotiation data. It runs to
    /// the end of the frame whatever the length indicator says, because class 0
    /// carries no user data in CR and CC, and one byte cannot count a long
    /// routing token.
    pub variable: &'a [u8],
}

/// Decodes the TPDU inside a TPKT frame.
///
/// # Errors
/// The fixed part of the TPDU is not all there, or a Data TPDU's length
/// indicator is not 2.
pub fn decode(tpdu: &[u8]) -> Result<Tpdu<'_>, ParseError> {
    let mut fields = Cursor::new("x224", tpdu);
    let length_indicator = fields.u8("length indicator")?;
    let code = fields.u8("code")?;
    Ok(match code {
        0xe0..=0xef => Tpdu::ConnectionRequest(connection(length_indicator, fields)?),
        0xd0..=0xdf => Tpdu::ConnectionConfirm(connection(length_indicator, fields)?),
        0xf0 | 0xf1 if length_indicator == 2 => {
            fields.skip(1, "EOT")?;
            Tpdu::Data(fields.rest())
        }
        0xf0 | 0xf1 => return Err(ParseError::malformed("x224", "length indicator", 0)),
        0x80 => {
            fields.skip(4, "references")?;
            Tpdu::DisconnectRequest(fields.u8("reason")?)
        }
        0x70 => {
            fields.skip(2, "DST-REF")?;
            Tpdu::Error(fields.u8("reject cause")?)
        }
        other => Tpdu::Other(other),
    })
}

/// Whether class 0 has TPDUs with that code.
#[must_use]
pub const fn is_class_0(code: u8) -> bool {
    matches!(code, 0xd0..=0xef | 0xf0 | 0xf1 | 0x80 | 0x70)
}

fn connection(length_indicator: u8, mut fields: Cursor<'_>) -> Result<Connection<'_>, ParseError> {
    Ok(Connection {
        length_indicator,
        destination_reference: fields.u16_be("DST-REF")?,
        source_reference: fields.u16_be("SRC-REF")?,
        class: fields.u8("class")?,
        variable: fields.rest(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::damage;
    use proptest::prelude::*;

    #[test]
    fn every_code_that_rdp_meets_is_told_apart() {
        let confirm = decode(&[6, 0xd0, 0, 0, 0x12, 0x34, 0]).unwrap();
        let Tpdu::ConnectionConfirm(confirm) = confirm else { panic!("{confirm:?}") };
        assert_eq!((confirm.source_reference, confirm.class, confirm.variable), (0x1234, 0, &[][..]));
        let request = decode(&[14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 11, 0, 0, 0]).unwrap();
        assert!(matches!(request, Tpdu::ConnectionRequest(Connection { variable: [1, 0, 8, 0, 11, 0, 0, 0], .. })));
        assert_eq!(decode(&[2, 0xf0, 0x80, 0x28]), Ok(Tpdu::Data(&[0x28])));
        assert_eq!(decode(&[6, 0x80, 0, 0, 0, 0, 0x80]), Ok(Tpdu::DisconnectRequest(0x80)));
        assert_eq!(decode(&[4, 0x70, 0, 0, 2]), Ok(Tpdu::Error(2)));
        assert_eq!(decode(&[4, 0x60, 0, 0, 2]), Ok(Tpdu::Other(0x60)));
        assert!([0xd0, 0xe0, 0xf0, 0x80, 0x70].into_iter().all(is_class_0));
        assert!(![0x60, 3, 0].into_iter().any(is_class_0));
    }

    #[test]
    fn a_failure_has_an_address() {
        assert_eq!(decode(&[6, 0xd0, 0, 0, 0x12]), Err(ParseError::short("x224", "SRC-REF", 4, 2, 1)));
        assert_eq!(decode(&[3, 0xf0, 0x80]), Err(ParseError::malformed("x224", "length indicator", 0)));
        damage(&[14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 11, 0, 0, 0], |bytes| decode(bytes).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
