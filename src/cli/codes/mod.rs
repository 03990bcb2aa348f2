//! Every code that a person can read off a dialog, a log or a capture: what it
//! means, and what it does not.

mod about;
mod extended;
mod reasons;
mod spoken;

pub(super) use about::About;

/// A code with its meaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    /// The number.
    pub number: u32,
    /// Its name in the documentation.
    pub name: &'static str,
    /// What it says, in a sentence or two.
    pub says: &'static str,
    /// What stands behind it.
    pub about: &'static About,
}

/// Where a code is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// The first number of the client's dialog.
    Reason,
    /// The second one; Set Error Info on the wire.
    Extended,
    /// RDP_NEG_FAILURE.
    Negotiation,
    /// ERROR_ALERT of licensing.
    Licence,
    /// Early User Authorization Result.
    Authorization,
    /// The errorCode of CredSSP, and the Status of event 4625.
    Status,
    /// TLS alerts.
    Alert,
}

const fn code(number: u32, name: &'static str, says: &'static str, about: &'static About) -> Code {
    Code { number, name, says, about }
}

impl Family {
    /// All, the likeliest meaning of a bare number first.
    pub(super) const ALL: [Self; 7] = [
        Self::Reason,
        Self::Extended,
        Self::Negotiation,
        Self::Licence,
        Self::Authorization,
        Self::Status,
        Self::Alert,
    ];

    /// The word that asks for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Extended => "extended",
            Self::Negotiation => "negotiation",
            Self::Licence => "licence",
            Self::Authorization => "authorization",
            Self::Status => "ntstatus",
            Self::Alert => "alert",
        }
    }

    /// What one of its codes is called.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Reason => "Error code",
            Self::Extended => "Extended error code",
            Self::Negotiation => "Negotiation failure",
            Self::Licence => "Licence error",
            Self::Authorization => "Early User Authorization Result",
            Self::Status => "CredSSP status",
            Self::Alert => "TLS alert",
        }
    }

    /// Where the code is documented.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::Reason => "IMsTscAxEvents::OnDisconnected, Microsoft Learn",
            Self::Extended => "[MS-RDPBCGR] 2.2.5.1.1; ExtendedDisconnectReasonCode, Microsoft Learn",
            Self::Negotiation => "[MS-RDPBCGR] 2.2.1.2.2",
            Self::Licence => "[MS-RDPBCGR] 2.2.1.12.1.3",
            Self::Authorization => "[MS-RDPBCGR] 2.2.10.2",
            Self::Status => "[MS-CSSP] 2.2.1; [MS-ERREF] 2.1 and 2.3",
            Self::Alert => "RFC 8446 section 6; for CredSSP [MS-RDPBCGR] 5.4.5.2.2",
        }
    }

    /// The code with this number.
    pub(super) fn find(self, number: u32) -> Option<Code> {
        match self {
            Self::Reason => reasons::REASONS.iter().find(|code| code.number == number).copied(),
            Self::Extended => extended::find(number),
            Self::Negotiation => spoken::negotiation(number),
            Self::Licence => spoken::licence(number),
            Self::Authorization => spoken::authorization(number),
            Self::Status => spoken::status(number),
            Self::Alert => spoken::alert(number),
        }
    }

    /// The family that `word` asks for.
    pub(super) fn asked(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.word().eq_ignore_ascii_case(word))
    }
}

/// The code with this name, as documentation or rdpwhy's report writes it.
pub(super) fn named(name: &str) -> Option<(Family, Code)> {
    // The longest table ends below 0x1200; the status codes are far above.
    let small = (0..0x2300).flat_map(|number| Family::ALL.map(|family| (family, number)));
    let statuses = rdpwhy::wire::nt_status::NtStatus::NAMED.iter().map(|status| (Family::Status, status.0));
    small
        .chain(statuses)
        .filter_map(|(family, number)| Some((family, family.find(number)?)))
        .find(|(_, code)| code.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdpwhy::findings;
    use rdpwhy::wire::{credssp, error_info, licence, negotiation, nt_status, tls};

    /// Every code that the readers of the wire know by name, and the client's.
    fn everything() -> Vec<(Family, u32)> {
        let mut all: Vec<(Family, u32)> = Vec::new();
        all.extend(reasons::REASONS.iter().map(|code| (Family::Reason, code.number)));
        all.extend(extended::NAMED_BY_CLIENT.iter().map(|code| (Family::Extended, code.number)));
        all.extend(error_info::ErrorInfo::NAMED.iter().map(|code| (Family::Extended, code.0)));
        all.extend(negotiation::FailureCode::NAMED.iter().map(|code| (Family::Negotiation, code.0)));
        all.extend(licence::ErrorCode::NAMED.iter().map(|code| (Family::Licence, code.0)));
        all.extend(credssp::AuthorizationResult::NAMED.iter().map(|code| (Family::Authorization, code.0)));
        all.extend(nt_status::NtStatus::NAMED.iter().map(|code| (Family::Status, code.0)));
        all.extend(tls::alert::AlertDescription::NAMED.iter().map(|code| (Family::Alert, u32::from(code.0))));
        all
    }

    #[test]
    fn every_code_has_a_meaning_a_background_and_a_way_to_be_asked_for() {
        let findings: Vec<&str> = findings::pages().map(|page| page.id).collect();
        let all = everything();
        assert!(all.len() > 250);
        for (family, number) in all {
            let code = family.find(number).unwrap_or_else(|| panic!("{family:?} {number:#x} is not explained"));
            assert!(!code.name.is_empty() && code.says.ends_with('.'), "{code:?}");
            let About { not, wire, findings: named, check } = code.about;
            assert!(not.ends_with('.') && wire.ends_with('.') && !check.is_empty(), "{code:?}");
            assert!(check.iter().all(|step| step.ends_with(['.', '?'])), "{code:?}");
            assert!(named.iter().all(|id| findings.contains(id)), "{named:?}");
            let (_, same_name) = named_code(code.name);
            assert_eq!(same_name.name, code.name);
        }
        assert_eq!(Family::Reason.find(2308).unwrap().name, "AtClientWinsockFDCLOSE");
        assert!(Family::Reason.find(0x516).is_none() && Family::Alert.find(300).is_none());
    }

    fn named_code(name: &str) -> (Family, Code) {
        named(name).unwrap_or_else(|| panic!("{name} is not found by its name"))
    }

    /// What weakens security says so in the same breath.
    #[test]
    fn no_advice_weakens_security_in_silence() {
        for (family, number) in everything() {
            for step in family.find(number).unwrap().about.check {
                for bait in ["switch", "Setting the server to less", "administrator for good", "Vulnerable"] {
                    let harmless = step.contains("channels") || step.contains("certificate");
                    let warned = step.contains("weaken") || step.contains("Do not") || harmless;
                    assert!(!step.contains(bait) || warned, "{step}");
                }
            }
        }
    }

    #[test]
    fn the_tables_are_in_order() {
        for table in [reasons::REASONS, extended::NAMED_BY_CLIENT] {
            assert!(table.is_sorted_by(|a, b| a.number < b.number));
        }
    }
}
