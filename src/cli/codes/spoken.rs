//! Codes that stand on the wire, with the names and meanings that the readers
//! of the wire have: negotiation failures, licence errors, the status of
//! CredSSP, the Early User Authorization Result, TLS alerts.

use rdpwhy::wire::credssp::AuthorizationResult;
use rdpwhy::wire::licence::ErrorCode;
use rdpwhy::wire::negotiation::FailureCode;
use rdpwhy::wire::nt_status::NtStatus;
use rdpwhy::wire::tls::alert::AlertDescription;

use super::about::*;
use super::{Code, code};

pub(super) fn negotiation(number: u32) -> Option<Code> {
    let failure = FailureCode(number);
    let about = if failure == FailureCode::SSL_CERT_NOT_ON_SERVER { &NO_CERTIFICATE } else { &SECURITY_LAYER };
    Some(code(number, failure.name()?, failure.meaning()?, about))
}

pub(super) fn licence(number: u32) -> Option<Code> {
    let error = ErrorCode(number);
    let about = if error == ErrorCode::STATUS_VALID_CLIENT { &LICENSED } else { &LICENSING };
    Some(code(number, error.name()?, error.meaning()?, about))
}

pub(super) fn authorization(number: u32) -> Option<Code> {
    let result = AuthorizationResult(number);
    Some(code(number, result.name()?, result.meaning()?, &AUTHORIZATION))
}

pub(super) fn status(number: u32) -> Option<Code> {
    let status = NtStatus(number);
    let about = match status {
        NtStatus::STATUS_NO_LOGON_SERVERS
        | NtStatus::STATUS_TIME_DIFFERENCE_AT_DC
        | NtStatus::STATUS_NO_TRUST_SAM_ACCOUNT
        | NtStatus::STATUS_TRUSTED_DOMAIN_FAILURE
        | NtStatus::STATUS_TRUSTED_RELATIONSHIP_FAILURE
        | NtStatus::STATUS_NETLOGON_NOT_STARTED
        | NtStatus::STATUS_NO_SUCH_DOMAIN
        | NtStatus::SEC_E_NO_AUTHENTICATING_AUTHORITY
        | NtStatus::SEC_E_TIME_SKEW
        | NtStatus::SEC_E_TARGET_UNKNOWN => &AUTHORITY,
        NtStatus::STATUS_SMARTCARD_WRONG_PIN | NtStatus::STATUS_SMARTCARD_CARD_BLOCKED => &SMART_CARD,
        NtStatus::STATUS_LOGON_TYPE_NOT_GRANTED | NtStatus::STATUS_AUTHENTICATION_FIREWALL_FAILED => &AUTHORIZATION,
        NtStatus::STATUS_NOT_SUPPORTED
        | NtStatus::STATUS_NTLM_BLOCKED
        | NtStatus::STATUS_DOWNGRADE_DETECTED
        | NtStatus::STATUS_ACCOUNT_RESTRICTION
        | NtStatus::SEC_E_UNSUPPORTED_FUNCTION => &POLICY,
        _ => &LOGON,
    };
    Some(code(number, status.name()?, status.meaning()?, about))
}

pub(super) fn alert(number: u32) -> Option<Code> {
    let alert = AlertDescription(u8::try_from(number).ok()?);
    let about = match alert.0 {
        0 | 90 => &TLS_CLOSE,
        41..=46 | 48 => &CERTIFICATE,
        49 => &LOGON,
        40 | 70 | 71 | 86 | 109..=120 => &TLS_PARAMETERS,
        _ => &TLS_DAMAGE,
    };
    Some(code(number, alert.name()?, alert.meaning()?, about))
}
