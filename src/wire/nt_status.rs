//! The numbers with which Windows says why a logon failed: [MS-ERREF] 2.3, and
//! the `SEC_E_` codes of 2.1 that CredSSP carries in the same field.

use crate::base::open_enum;

open_enum! {
    /// errorCode of a TSRequest.
    pub struct NtStatus(u32) {
        /// No error.
        STATUS_SUCCESS = 0,
        /// A parameter was not valid.
        STATUS_INVALID_PARAMETER = 0xc000_000d,
        /// Access denied.
        STATUS_ACCESS_DENIED = 0xc000_0022,
        /// No domain controller answers.
        STATUS_NO_LOGON_SERVERS = 0xc000_005e,
        /// No such user.
        STATUS_NO_SUCH_USER = 0xc000_0064,
        /// The password is wrong.
        STATUS_WRONG_PASSWORD = 0xc000_006a,
        /// User name or password is wrong.
        STATUS_LOGON_FAILURE = 0xc000_006d,
        /// A restriction of the account, such as an empty password or Protected Users.
        STATUS_ACCOUNT_RESTRICTION = 0xc000_006e,
        /// Outside the hours of the account.
        STATUS_INVALID_LOGON_HOURS = 0xc000_006f,
        /// Not from this computer.
        STATUS_INVALID_WORKSTATION = 0xc000_0070,
        /// The password has expired.
        STATUS_PASSWORD_EXPIRED = 0xc000_0071,
        /// The account is disabled.
        STATUS_ACCOUNT_DISABLED = 0xc000_0072,
        /// Not supported: often a CredSSP version that the server no longer takes.
        STATUS_NOT_SUPPORTED = 0xc000_00bb,
        /// No such domain.
        STATUS_NO_SUCH_DOMAIN = 0xc000_00df,
        /// The clocks of server and domain controller differ too much.
        STATUS_TIME_DIFFERENCE_AT_DC = 0xc000_0133,
        /// The user may not log on in this way.
        STATUS_LOGON_TYPE_NOT_GRANTED = 0xc000_015b,
        /// The server has no account in the domain.
        STATUS_NO_TRUST_SAM_ACCOUNT = 0xc000_018b,
        /// The trust between the domains failed.
        STATUS_TRUSTED_DOMAIN_FAILURE = 0xc000_018c,
        /// The trust between server and domain failed.
        STATUS_TRUSTED_RELATIONSHIP_FAILURE = 0xc000_018d,
        /// The Netlogon service is not running.
        STATUS_NETLOGON_NOT_STARTED = 0xc000_0192,
        /// The account has expired.
        STATUS_ACCOUNT_EXPIRED = 0xc000_0193,
        /// The password has to be changed first.
        STATUS_PASSWORD_MUST_CHANGE = 0xc000_0224,
        /// The account is locked out.
        STATUS_ACCOUNT_LOCKED_OUT = 0xc000_0234,
        /// The PIN of the smart card is wrong.
        STATUS_SMARTCARD_WRONG_PIN = 0xc000_0380,
        /// The smart card is blocked.
        STATUS_SMARTCARD_CARD_BLOCKED = 0xc000_0381,
        /// A weaker protocol than both sides have.
        STATUS_DOWNGRADE_DETECTED = 0xc000_0388,
        /// Selective authentication keeps the account out.
        STATUS_AUTHENTICATION_FIREWALL_FAILED = 0xc000_0413,
        /// NTLM is switched off.
        STATUS_NTLM_BLOCKED = 0xc000_0418,
        /// The function is not supported: NTLM blocked, or CredSSP remediation.
        SEC_E_UNSUPPORTED_FUNCTION = 0x8009_0302,
        /// The target is not known.
        SEC_E_TARGET_UNKNOWN = 0x8009_0303,
        /// An error inside the security package.
        SEC_E_INTERNAL_ERROR = 0x8009_0304,
        /// No such security package.
        SEC_E_SECPKG_NOT_FOUND = 0x8009_0305,
        /// A token that makes no sense.
        SEC_E_INVALID_TOKEN = 0x8009_0308,
        /// The logon was denied.
        SEC_E_LOGON_DENIED = 0x8009_030c,
        /// The credentials are not known to the package.
        SEC_E_UNKNOWN_CREDENTIALS = 0x8009_030d,
        /// There are no credentials.
        SEC_E_NO_CREDENTIALS = 0x8009_030e,
        /// A message was changed on its way.
        SEC_E_MESSAGE_ALTERED = 0x8009_030f,
        /// A message came out of sequence.
        SEC_E_OUT_OF_SEQUENCE = 0x8009_0310,
        /// No authority could be reached for authentication.
        SEC_E_NO_AUTHENTICATING_AUTHORITY = 0x8009_0311,
        /// The target's name is not the expected one.
        SEC_E_WRONG_PRINCIPAL = 0x8009_0322,
        /// The clocks of client and server differ too much.
        SEC_E_TIME_SKEW = 0x8009_0324,
        /// The certificate's issuer is not trusted.
        SEC_E_UNTRUSTED_ROOT = 0x8009_0325,
        /// The certificate has expired.
        SEC_E_CERT_EXPIRED = 0x8009_0328,
        /// Decryption failed.
        SEC_E_DECRYPT_FAILURE = 0x8009_0330,
        /// The channel bindings do not match.
        SEC_E_BAD_BINDINGS = 0x8009_0346,
        /// A policy forbids the delegation of credentials.
        SEC_E_DELEGATION_POLICY = 0x8009_035e,
        /// A policy allows delegation with NTLM only.
        SEC_E_POLICY_NLTM_ONLY = 0x8009_035f,
        /// The server could not prove who it is.
        SEC_E_MUTUAL_AUTH_FAILED = 0x8009_0363,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_a_name_is_shown_as_windows_shows_it() {
        assert_eq!(NtStatus(0xc000_006d).to_string(), "STATUS_LOGON_FAILURE");
        assert_eq!(NtStatus(0xc000_0001).to_string(), "0xc0000001");
    }
}
