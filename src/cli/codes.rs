//! What the Remote Desktop client's error codes mean, and what they do not.
//!
//! Sources: the disconnect reasons of `IMsTscAxEvents::OnDisconnected`, the
//! values of `ExtendedDisconnectReasonCode`, and MS-RDPBCGR 2.2.5.1.1, whose
//! error numbers are the same as the extended codes.

/// A code with its meaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    /// The number.
    pub(super) number: u32,
    /// Microsoft's name.
    pub(super) name: &'static str,
    /// What it says, in a sentence.
    pub(super) says: &'static str,
    /// Findings that may stand behind it, most likely first.
    pub(super) findings: &'static [&'static str],
}

const fn code(number: u32, name: &'static str, says: &'static str, findings: &'static [&'static str]) -> Code {
    Code { number, name, says, findings }
}

/// The reason with this number.
pub(super) fn reason(number: u32) -> Option<&'static Code> {
    REASONS.iter().find(|c| c.number == number)
}

/// The extended reason with this number.
pub(super) fn extended(number: u32) -> Option<&'static Code> {
    EXTENDED.iter().find(|c| c.number == number)
}

/// Causes that end at a closed socket before the desktop.
const CLOSED: &[&str] = &[
    "injected-reset",
    "stalled-negotiation",
    "retransmission-burst",
    "host-reset",
    "negotiation-refused",
    "tls-alert",
];
const NOT_REACHED: &[&str] = &["no-answer", "connection-refused"];
const SLOW: &[&str] = &["stalled-negotiation", "service-silent", "no-answer"];
const CERTIFICATE: &[&str] = &["expired-certificate", "tls-alert"];

/// `disconnectReason`: the code that the client shows first.
pub(super) const REASONS: &[Code] = &[
    code(0x0, "NoInfo", "No information.", &[]),
    code(0x1, "LocalNotError", "The user disconnected. Not an error.", &[]),
    code(0x2, "RemoteByUser", "Another user or an administrator disconnected the session.", &[]),
    code(0x3, "ByServer", "The server disconnected the session, and said so. Not an error.", &[]),
    code(
        0x104,
        "DNSLookupFailed",
        "The name of the server could not be resolved. No packet was sent to the server.",
        &[],
    ),
    code(0x106, "OutOfMemory", "The client ran out of memory.", &[]),
    code(0x108, "ConnectionTimedOut", "The connection was not made in time.", SLOW),
    code(
        0x204,
        "SocketConnectFailed",
        "No TCP connection to the server: nobody answered, or somebody refused. The host is off, Remote Desktop is \
         off, or something on the path blocks the port.",
        NOT_REACHED,
    ),
    code(0x206, "OutOfMemory2", "The client ran out of memory.", &[]),
    code(0x208, "HostNotFound", "The name of the server could not be resolved.", &[]),
    code(0x304, "WinsockSendFailed", "The client could not send: its TCP connection was gone.", CLOSED),
    code(0x306, "OutOfMemory3", "The client ran out of memory.", &[]),
    code(0x308, "InvalidIPAddr", "The address of the server is not valid.", &[]),
    code(0x404, "SocketRecvFailed", "The client could not receive: its TCP connection was gone.", CLOSED),
    code(0x406, "InvalidSecurityData", "The security data of the server is not valid.", &[]),
    code(0x408, "InternalError", "An internal error of the client.", &[]),
    code(0x506, "InvalidEncryption", "The encryption method is not valid.", &[]),
    code(0x508, "DNSLookupFailed2", "The name of the server could not be resolved.", &[]),
    code(0x604, "GetHostByNameFailed", "The name of the server could not be resolved.", &[]),
    code(0x606, "InvalidServerSecurityInfo", "The security data of the server is not valid.", &[]),
    code(0x608, "TimerError", "An internal error of the client's timers.", &[]),
    code(0x704, "TimeoutOccurred", "Something took too long.", SLOW),
    code(0x706, "ServerCertificateUnpackErr", "The certificate of Standard RDP Security could not be read.", &[]),
    code(0x804, "InvalidIP", "The address of the server is not valid.", &[]),
    code(0x807, "SSL_ERR_LOGON_FAILURE", "The logon failed: user name or password.", &[]),
    code(0x808, "LicensingFailed", "Licensing failed.", &[]),
    code(
        0x904,
        "AtClientWinsockFDCLOSE",
        "The socket closed: the TCP connection ended and no other reason had been given. The code says that it \
         ended, not who ended it, at which stage, or why. Only a packet capture shows that.",
        CLOSED,
    ),
    code(0x906, "InternalSecurityError", "An internal security error of the client.", &[]),
    code(0x908, "LicensingTimeout", "Licensing took too long.", &[]),
    code(0xa06, "InternalSecurityError2", "An internal security error of the client.", &[]),
    code(0xa07, "SSL_ERR_NO_SUCH_USER", "The logon failed: no such user.", &[]),
    code(0xb06, "EncryptionError", "The client could not encrypt.", &[]),
    code(0xb07, "SSL_ERR_ACCOUNT_DISABLED", "The account is disabled.", &[]),
    code(0xc06, "DecryptionError", "The client could not decrypt what it received.", &[]),
    code(0xc07, "SSL_ERR_ACCOUNT_RESTRICTION", "A restriction of the account forbids the logon.", &[]),
    code(0xc08, "ClientDecompressionError", "The client could not decompress what it received.", &[]),
    code(0xd07, "SSL_ERR_ACCOUNT_LOCKED_OUT", "The account is locked.", &[]),
    code(0xe07, "SSL_ERR_ACCOUNT_EXPIRED", "The account has expired.", &[]),
    code(0xf07, "SSL_ERR_PASSWORD_EXPIRED", "The password has expired.", &[]),
    code(0x1207, "SSL_ERR_PASSWORD_MUST_CHANGE", "The password must be changed before the first logon.", &[]),
    code(0x1607, "SSL_ERR_DELEGATION_POLICY", "A policy forbids to send these credentials to this server.", &[]),
    code(0x1707, "SSL_ERR_POLICY_NTLM_ONLY", "A policy forbids to send these credentials with NTLM.", &[]),
    code(0x1807, "SSL_ERR_NO_AUTHENTICATING_AUTHORITY", "No domain controller could be reached for the logon.", &[]),
    code(0x1b07, "SSL_ERR_CERT_EXPIRED", "The server's certificate has expired.", CERTIFICATE),
    code(0x1c07, "SSL_ERR_SMARTCARD_WRONG_PIN", "The PIN of the smart card was wrong.", &[]),
    code(0x2107, "FRESH_CRED_REQUIRED_BY_SERVER", "The server does not take saved credentials; type them in.", &[]),
    code(0x2207, "SSL_ERR_SMARTCARD_CARD_BLOCKED", "The smart card is blocked.", &[]),
];

/// `extendedDisconnectReason`: the code that the client shows second.
pub(super) const EXTENDED: &[Code] = &[
    code(0x0, "NoInfo", "Nothing more is known.", &[]),
    code(0x1, "APIInitiatedDisconnect", "An administrator's tool disconnected the session.", &[]),
    code(0x2, "APIInitiatedLogoff", "An administrator's tool logged the user off.", &[]),
    code(0x3, "ServerIdleTimeout", "The session was idle for longer than the server allows.", &[]),
    code(0x4, "ServerLogonTimeout", "The session was active for longer than the server allows.", &[]),
    code(0x5, "ReplacedByOtherConnection", "The same user connected from elsewhere and took the session over.", &[]),
    code(0x6, "OutOfMemory", "The server ran out of memory.", &[]),
    code(
        0x7,
        "ServerDeniedConnection",
        "The server denied the connection. The server can say this only in a message after the logon, inside the \
         encrypted session; clients also show 7 where nothing of the kind was ever received. Take it as a hint and \
         not as a cause.",
        &[],
    ),
    code(0x8, "ServerDeniedConnectionFips", "The server demands FIPS encryption.", &[]),
    code(0x9, "ServerInsufficientPrivileges", "The user may not log on by Remote Desktop.", &[]),
    code(0xa, "ServerFreshCredsRequired", "The server does not take saved credentials; type them in.", &[]),
    code(0xb, "RpcInitiatedDisconnectByUser", "The user disconnected the session, from within it.", &[]),
    code(0xc, "LogoffByUser", "The user logged off.", &[]),
    code(0xf, "ERRINFO_CLOSE_STACK_ON_DRIVER_NOT_READY", "The server's display driver was not ready in time.", &[]),
    code(0x10, "ERRINFO_SERVER_DWM_CRASH", "The server's window manager (DWM) crashed.", &[]),
    code(0x11, "ERRINFO_CLOSE_STACK_ON_DRIVER_FAILURE", "The server's display driver failed.", &[]),
    code(0x12, "ERRINFO_CLOSE_STACK_ON_DRIVER_IFACE_FAILURE", "The server's display driver failed.", &[]),
    code(0x17, "ERRINFO_SERVER_WINLOGON_CRASH", "Winlogon crashed on the server.", &[]),
    code(0x18, "ERRINFO_SERVER_CSRSS_CRASH", "CSRSS crashed on the server.", &[]),
    code(0x19, "ERRINFO_SERVER_SHUTDOWN", "The server is shutting down.", &[]),
    code(0x1a, "ERRINFO_SERVER_REBOOT", "The server is restarting.", &[]),
    code(0x100, "LicenseInternal", "Licensing failed within the server.", &[]),
    code(0x101, "LicenseNoLicenseServer", "The server found no licence server.", &[]),
    code(0x102, "LicenseNoLicense", "No client access licence was left.", &[]),
    code(0x103, "LicenseErrClientMsg", "The server did not understand the client's licensing message.", &[]),
    code(0x104, "LicenseHwidDoesntMatchLicense", "The client's stored licence belongs to another computer.", &[]),
    code(0x105, "LicenseErrClientLicense", "The client's stored licence is not valid.", &[]),
    code(0x106, "LicenseCantFinishProtocol", "Licensing could not be finished; Microsoft names network problems.", &[]),
    code(0x107, "LicenseClientEndedProtocol", "The client ended licensing.", &[]),
    code(0x108, "LicenseErrClientEncryption", "The client's licensing message was not encrypted as expected.", &[]),
    code(0x109, "LicenseCantUpgradeLicense", "The client's licence could not be upgraded.", &[]),
    code(0x10a, "LicenseNoRemoteConnections", "The server takes no remote connections by its licence.", &[]),
    code(0x10b, "LicenseCreatingLicStoreAccDenied", "The client may not write its licence store (registry).", &[]),
    code(0x300, "RdpEncInvalidCredentials", "The credentials are not valid.", &[]),
    code(0x400, "ERRINFO_CB_DESTINATION_NOT_FOUND", "The Connection Broker does not know the destination.", &[]),
    code(0x402, "ERRINFO_CB_LOADING_DESTINATION", "The Connection Broker still prepares the destination.", &[]),
    code(0x404, "ERRINFO_CB_REDIRECTING_TO_DESTINATION", "The Connection Broker redirects the client.", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_and_say_something() {
        for table in [REASONS, EXTENDED] {
            assert!(table.is_sorted_by(|a, b| a.number < b.number));
            assert!(table.iter().all(|c| c.says.ends_with('.') && !c.name.is_empty()));
        }
        assert_eq!(reason(2308).unwrap().name, "AtClientWinsockFDCLOSE");
    }
}
