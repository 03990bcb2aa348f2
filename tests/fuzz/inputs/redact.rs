use core::net::IpAddr;

use rdpwhy::report::redact::Redactor;

/// The first byte is the key; then addresses and a name. What is hidden has its
/// size and comes back, and equal things stay equal.
pub fn redact(data: &[u8]) {
    let Some((&key, rest)) = data.split_first() else { return };
    let redactor = Redactor::new([key; 32]);
    if let Some((four, rest)) = rest.split_first_chunk::<8>() {
        let (a, b) = (
            u32::from_be_bytes([four[0], four[1], four[2], four[3]]),
            u32::from_be_bytes([four[4], four[5], four[6], four[7]]),
        );
        let hidden = [a, b].map(|bits| redactor.address(IpAddr::V4(bits.into())));
        for (bits, hidden) in [a, b].into_iter().zip(hidden) {
            assert_eq!(redactor.reveal_address(hidden), IpAddr::V4(bits.into()));
        }
        assert_eq!(a == b, hidden[0] == hidden[1]);
        six_bytes(&redactor, rest);
    }
    let name = String::from_utf8_lossy(rest);
    let hidden = redactor.name(&name);
    assert_eq!(hidden.len(), name.len(), "{name:?} became {hidden:?}");
    assert_eq!(hidden, redactor.name(&name));
    if name.is_ascii() && name.parse::<IpAddr>().is_err() && hidden.parse::<IpAddr>().is_err() {
        assert_eq!(redactor.reveal_name(&hidden), name.to_ascii_lowercase());
    }
    let text = redactor.device_text(&name);
    assert!(!name.is_ascii() || text.len() == name.len());
    let _ = redactor.sentence(&name);
}

fn six_bytes(redactor: &Redactor, rest: &[u8]) {
    if let Some(mac) = rest.first_chunk::<6>() {
        assert_eq!(redactor.reveal_mac(redactor.mac(*mac)), *mac);
    }
    if let Some(bytes) = rest.first_chunk::<16>() {
        let ip = IpAddr::V6((*bytes).into());
        assert_eq!(redactor.reveal_address(redactor.address(ip)), ip);
        let mut scrambled = *bytes;
        redactor.scramble(&mut scrambled);
        let mut again = *bytes;
        redactor.scramble(&mut again);
        assert_eq!(scrambled, again);
    }
}
