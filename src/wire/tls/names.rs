//! Whether a certificate bears the name that a client asked for: RFC 9525
//! section 6.

use core::net::IpAddr;

use super::Certificate;

/// Whether `certificate` is for `name`, which is what the user typed: Remote
/// Desktop clients send even an address as server name. `None` where names of
/// the certificate were left out and none of the rest fits.
///
/// A certificate without alternative names is judged by its common name, as
/// clients did before RFC 6125.
#[must_use]
pub fn bears_name(certificate: &Certificate, name: &str) -> Option<bool> {
    let name = name.trim_end_matches('.');
    let address: Option<IpAddr> = name.parse().ok();
    let has_alternatives = !certificate.dns_names.is_empty() || !certificate.ip_addresses.is_empty();
    let fits = match address {
        Some(address) if certificate.ip_addresses.contains(&address) => true,
        _ if has_alternatives => address.is_none() && certificate.dns_names.iter().any(|known| is_for(known, name)),
        _ => certificate.common_name.as_ref().is_some_and(|known| is_for(known, name)),
    };
    match fits {
        false if certificate.names_omitted > 0 => None,
        fits => Some(fits),
    }
}

/// A wildcard stands for the whole first label and nothing else (section 6.3).
fn is_for(known: &str, name: &str) -> bool {
    match known.strip_prefix("*.") {
        Some(domain) => {
            name.split_once('.').is_some_and(|(host, rest)| !host.is_empty() && rest.eq_ignore_ascii_case(domain))
        }
        None => known.eq_ignore_ascii_case(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CaptureTime;

    fn certificate(common_name: &str, dns_names: &[&str], addresses: &[&str]) -> Certificate {
        Certificate {
            subject: format!("CN={common_name}"),
            common_name: Some(common_name.to_owned()),
            issuer: String::new(),
            serial: String::new(),
            not_before: CaptureTime::from_nanos(0),
            not_after: CaptureTime::from_nanos(0),
            is_self_issued: false,
            key_algorithm: String::new(),
            key_bits: None,
            signature_algorithm: String::new(),
            dns_names: dns_names.iter().map(ToString::to_string).collect(),
            ip_addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            sha256: [0; 32],
            names_omitted: 0,
        }
    }

    #[test]
    fn names_wildcards_and_addresses() {
        let of = |dns: &[&str], ip: &[&str], name| bears_name(&certificate("host", dns, ip), name).unwrap();
        assert!(of(&[], &[], "HOST") && of(&[], &[], "host."));
        assert!(!of(&[], &[], "host.example"), "the short name is another name");
        assert!(of(&["rdp.example"], &[], "RDP.example"));
        assert!(!of(&["rdp.example"], &[], "host"), "alternative names overrule the common name");
        assert!(of(&["*.example"], &[], "a.example"));
        for other in ["example", ".example", "a.b.example"] {
            assert!(!of(&["*.example"], &[], other), "{other}");
        }
        assert!(of(&["rdp.example"], &["10.0.0.1"], "10.0.0.1"));
        assert!(!of(&["rdp.example"], &["10.0.0.1"], "10.0.0.2"));
    }

    #[test]
    fn what_was_left_out_may_have_been_the_name() {
        let certificate = Certificate { names_omitted: 3, ..certificate("host", &["a.example"], &[]) };
        assert_eq!(bears_name(&certificate, "b.example"), None);
        assert_eq!(bears_name(&certificate, "a.example"), Some(true));
    }
}
