//! Standard RDP Security, byte for byte.

use super::script::{events, play};
use super::*;
use crate::base::Visibility;
use crate::wire::licence::ErrorCode;

/// X.224 up to the attached user; the settings are left out.
const ATTACHED: &str = "
C cr:00
S cc:00
C x:0300000c02f0807f65820000
S x:0300000c02f0807f66820000
C x:0300000c02f0800401000100
C x:0300000802f08028
S x:0300000b02f0802e000006
C x:0300000c02f08038000603ef
S x:0300000f02f0803e00000603ef03ef
";
const INFO: &str = "C x:0300001a02f08064000603eb700c480000001122334455667788\n";
/// [MS-RDPBCGR] 4.1.12.
const LICENSED: &str = "S x:0300002202f08068000103eb701480000000ff031000070000000200000004000000\n";

/// A Send Data PDU of `side` with user data.
fn data(side: char, user_data: &[u8]) -> String {
    let choice = if side == 'C' { 0x64 } else { 0x68 };
    let length = u16::try_from(user_data.len()).unwrap() | 0x8000;
    let pdu = [&[2, 0xf0, 0x80, choice, 0, 1, 3, 0xeb, 0x70][..], &length.to_be_bytes(), user_data].concat();
    let hex: String = script::tpkt(&pdu).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{side} x:{hex}\n")
}

fn share(side: char, kind: u8, kind2: u8, body: &[u8]) -> String {
    let length = u16::try_from(18 + body.len()).unwrap().to_le_bytes();
    let header = [length[0], length[1], 0x10 | kind, 0, 0xea, 3, 1, 0, 1, 0, 0, 1, 0, 0, kind2, 0, 0, 0];
    data(side, &[&header, body].concat())
}

#[test]
fn the_sequence_in_the_clear() {
    let to_info = "x224 mcs licensing; server owes the licence reply; 2 not decoded";
    let facts = play(&events(&[ATTACHED, INFO].concat())).into_facts();
    assert!(summary(&facts).starts_with(to_info), "{}", summary(&facts));
    assert_eq!(facts.mcs.as_ref().map(|mcs| (mcs.joins_requested, mcs.joins_confirmed)), Some((1, 1)));
    let facts = play(&events(&[ATTACHED, INFO, LICENSED].concat())).into_facts();
    assert_eq!(facts.licensing.alert.unwrap().value.code, ErrorCode::STATUS_VALID_CLIENT);
    assert_eq!(facts.licensing.granted.unwrap().value, Visibility::Clear);
    let activation = [
        share('S', 1, 0, &[0; 300]),
        share('C', 3, 0, &[0; 400]),
        share('C', 7, 0x1f, &[0; 4]),
        share('C', 7, 0x27, &[0; 8]),
        share('S', 7, 0x28, &[0; 8]),
    ]
    .concat();
    let facts = play(&events(&[ATTACHED, INFO, LICENSED, &activation].concat())).into_facts();
    assert!(summary(&facts).starts_with("x224 mcs licensing activation active; 2 not decoded"), "{}", summary(&facts));
    assert!(facts.stages.list().iter().all(|fact| fact.visibility == Visibility::Clear));
}

#[test]
fn licensing_errors_are_read() {
    let refused = data('S', &script::hex("80000000ff0310000600000001000000 04000000"));
    let facts = play(&events(&[ATTACHED, INFO, &refused].concat())).into_facts();
    assert_eq!(facts.licensing.alert.unwrap().value.code, ErrorCode::ERR_NO_LICENSE_SERVER);
    assert!(facts.licensing.granted.is_none());
    let asked = data('S', &script::hex("8000000001031000aabbccdd"));
    let encrypted = data('S', &[&[0x88, 2, 0, 0][..], &[0x5a; 300]].concat());
    for request in [asked, encrypted] {
        let facts = play(&events(&[ATTACHED, INFO, &request].concat())).into_facts();
        assert!(summary(&facts).contains("client owes the client's licence answer"), "{}", summary(&facts));
    }
}

#[test]
fn encrypted_activation_is_read_by_its_sizes() {
    let sealed =
        |side: char, plaintext: usize| data(side, &[&[8, 0, 0, 0][..], &vec![0x5a; plaintext - 15 + 12 - 4]].concat());
    let mut script = [ATTACHED, INFO, LICENSED].concat();
    for (side, sizes) in [('S', &[309][..]), ('C', &[507, 37, 41, 41, 41]), ('S', &[37, 41, 41, 41])] {
        for size in sizes {
            script += &sealed(side, *size);
        }
    }
    let facts = play(&events(&script)).into_facts();
    assert!(summary(&facts).starts_with("x224 mcs licensing activation active; 2"), "{}", summary(&facts));
    assert_eq!(facts.stages.list().last().unwrap().visibility, Visibility::Inferred);
}

#[test]
fn a_session_shows_itself_and_its_end() {
    let desktop = [ATTACHED, INFO, LICENSED, &share('S', 1, 0, &[0; 300])].concat();
    let facts = play(&events(&[&desktop, "S x:0007 x:0102030405\n"].concat())).into_facts();
    assert!(summary(&facts).starts_with("x224 mcs licensing activation active"), "{}", summary(&facts));
    // [MS-RDPBCGR] 4.5.1 and 4.1.
    let told = share('S', 7, 0x2f, &[0x0b, 0, 0, 0]);
    let facts = play(&events(&[&desktop, &told, "S x:0300000902f0802180\n"].concat())).into_facts();
    assert_eq!(facts.error_info.unwrap().value.code.unwrap().0, 0x0b);
    let ultimatum = facts.disconnect_ultimatum.unwrap().value;
    assert_eq!((ultimatum.reason.unwrap().0, ultimatum.visibility), (3, Visibility::Clear));
}

#[test]
fn a_session_that_began_before_the_capture() {
    let facts = play(&events(&["S late\nC late\n", &share('S', 7, 2, &[0; 40]), "S x:0007 x:0102030405\n"].concat()))
        .into_facts();
    assert_eq!(summary(&facts).split(';').next().unwrap(), "mcs active at least (LateStart at 1)");
}
