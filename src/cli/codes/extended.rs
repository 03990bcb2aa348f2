//! `extendedDisconnectReason`: the code that the client shows second. It is the
//! number of the server's Set Error Info where one came, and the client has a
//! few more of its own.
//!
//! Sources: `ExtendedDisconnectReasonCode`, Microsoft Learn; [MS-RDPBCGR]
//! 2.2.5.1.1, whose table is that of `wire::error_info`.

use rdpwhy::wire::error_info::{Area, ErrorInfo};

use super::about::*;
use super::{Code, code};

/// The client's own names, and what they say.
pub(super) const NAMED_BY_CLIENT: &[Code] = &[
    code(0x0, "NoInfo", "Nothing more is known.", &CLOSED),
    code(0x1, "APIInitiatedDisconnect", "An administrator's tool disconnected the session.", &ORDINARY),
    code(0x2, "APIInitiatedLogoff", "An administrator's tool logged the user off.", &ORDINARY),
    code(0x3, "ServerIdleTimeout", "The session was idle for longer than the server allows.", &LIMITS),
    code(0x4, "ServerLogonTimeout", "The session was active for longer than the server allows.", &LIMITS),
    code(
        0x5,
        "ReplacedByOtherConnection",
        "The same user connected from elsewhere and took the session over.",
        &ORDINARY,
    ),
    code(0x6, "OutOfMemory", "The server ran out of memory.", &SERVER_FAILED),
    code(
        0x7,
        "ServerDeniedConnection",
        "The server denied the connection. A server says this in a Set Error Info message, which it can send only after \
         the MCS Connect Initial, behind TLS. People report the number also for connections that were simply cut; when \
         the client shows it without such a message is not documented. Take it as a hint and not as a cause.",
        &DENIED,
    ),
    code(0x8, "ServerDeniedConnectionFips", "The server demands FIPS encryption.", &SECURITY_LAYER),
    code(0x9, "ServerInsufficientPrivileges", "The user may not log on by Remote Desktop.", &AUTHORIZATION),
    code(0xa, "ServerFreshCredsRequired", "The server does not take saved credentials; type them in.", &LOGON),
    code(0xb, "RpcInitiatedDisconnectByUser", "The user disconnected the session, from within it.", &ORDINARY),
    code(0xc, "LogoffByUser", "The user logged off.", &ORDINARY),
    code(0x100, "LicenseInternal", "Licensing failed within the server.", &LICENSING),
    code(0x101, "LicenseNoLicenseServer", "The server found no licence server.", &LICENSING),
    code(0x102, "LicenseNoLicense", "No client access licence was left.", &LICENSING),
    code(0x103, "LicenseErrClientMsg", "The server did not understand the client's licensing message.", &LICENSING),
    code(
        0x104,
        "LicenseHwidDoesntMatchLicense",
        "The client's stored licence belongs to another computer.",
        &LICENSING,
    ),
    code(0x105, "LicenseErrClientLicense", "The client's stored licence is not valid.", &LICENSING),
    code(
        0x106,
        "LicenseCantFinishProtocol",
        "Licensing could not be finished; Microsoft names network problems.",
        &LICENSING,
    ),
    code(0x107, "LicenseClientEndedProtocol", "The client ended licensing.", &LICENSING),
    code(
        0x108,
        "LicenseErrClientEncryption",
        "The client's licensing message was not encrypted as expected.",
        &LICENSING,
    ),
    code(0x109, "LicenseCantUpgradeLicense", "The client's licence could not be upgraded.", &LICENSING),
    code(0x10a, "LicenseNoRemoteConnections", "The server takes no remote connections by its licence.", &LICENSING),
    code(
        0x10b,
        "LicenseCreatingLicStoreAccDenied",
        "The client may not write its licence store (registry).",
        &LICENSING,
    ),
    code(0x300, "RdpEncInvalidCredentials", "The credentials are not valid.", &LOGON),
];

/// The extended reason with this number.
pub(super) fn find(number: u32) -> Option<Code> {
    NAMED_BY_CLIENT.iter().find(|code| code.number == number).copied().or_else(|| on_the_wire(ErrorInfo(number)))
}

fn on_the_wire(info: ErrorInfo) -> Option<Code> {
    let about = match (info, info.area()) {
        (ErrorInfo::ERRINFO_SERVER_SHUTDOWN | ErrorInfo::ERRINFO_SERVER_REBOOT, _) => &ORDINARY,
        (_, Area::Licensing) => &LICENSING,
        (_, Area::Broker) => &BROKER,
        (_, Area::Protocol) => &PROTOCOL,
        (_, Area::Session | Area::Other) => &SERVER_FAILED,
    };
    Some(code(info.0, info.name()?, info.meaning()?, about))
}
