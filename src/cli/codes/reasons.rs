//! `disconnectReason`: the code that the client shows first. The low byte tells
//! the layer (4 the socket, 6 Standard RDP Security, 7 TLS and CredSSP, 8 the
//! rest), the high one counts; that is read off the table, not documented.
//!
//! Source: `IMsTscAxEvents::OnDisconnected`, Microsoft Learn.

use super::about::*;
use super::{Code, code};

/// All that are documented, and two that are merely seen.
pub(super) const REASONS: &[Code] = &[
    code(0x0, "NoInfo", "No information: the client gives no reason.", &CLOSED),
    code(0x1, "LocalNotError", "The user disconnected. Not an error.", &ORDINARY),
    code(0x2, "RemoteByUser", "Another user or an administrator disconnected the session.", &ORDINARY),
    code(0x3, "ByServer", "The server disconnected the session, and said so. Not an error.", &ORDINARY),
    code(
        0x104,
        "DNSLookupFailed",
        "The name of the server could not be resolved. No packet was sent to the server.",
        &NAMES,
    ),
    code(0x106, "OutOfMemory", "The client ran out of memory.", &LOCAL),
    code(0x108, "ConnectionTimedOut", "The connection was not made in time.", &TIMEOUT),
    code(
        0x204,
        "SocketConnectFailed",
        "No TCP connection to the server: nobody answered, or somebody refused. The host is off, Remote Desktop is off, or something on the path blocks the port.",
        &NOT_REACHED,
    ),
    code(0x206, "OutOfMemory2", "The client ran out of memory.", &LOCAL),
    code(0x208, "HostNotFound", "The name of the server could not be resolved.", &NAMES),
    code(0x304, "WinsockSendFailed", "The client could not send: its TCP connection was gone.", &CLOSED),
    code(0x306, "OutOfMemory3", "The client ran out of memory.", &LOCAL),
    code(0x308, "InvalidIPAddr", "The address of the server is not valid.", &NAMES),
    code(0x404, "SocketRecvFailed", "The client could not receive: its TCP connection was gone.", &CLOSED),
    code(0x406, "InvalidSecurityData", "The security data of the server is not valid.", &OLD_SECURITY),
    code(0x408, "InternalError", "An internal error of the client.", &LOCAL),
    code(0x506, "InvalidEncryption", "The encryption method is not valid.", &OLD_SECURITY),
    code(0x508, "DNSLookupFailed2", "The name of the server could not be resolved.", &NAMES),
    code(0x604, "GetHostByNameFailed", "The name of the server could not be resolved.", &NAMES),
    code(0x606, "InvalidServerSecurityInfo", "The security data of the server is not valid.", &OLD_SECURITY),
    code(0x608, "TimerError", "An internal error of the client's timers.", &LOCAL),
    code(0x704, "TimeoutOccurred", "Something took too long.", &TIMEOUT),
    code(
        0x706,
        "ServerCertificateUnpackErr",
        "The certificate of Standard RDP Security could not be read.",
        &OLD_SECURITY,
    ),
    code(0x804, "InvalidIP", "The address of the server is not valid.", &NAMES),
    code(0x807, "SSL_ERR_LOGON_FAILURE", "The logon failed: user name or password.", &LOGON),
    code(0x808, "LicensingFailed", "Licensing failed.", &LICENSING),
    code(
        0x904,
        "AtClientWinsockFDCLOSE",
        "The socket closed: the TCP connection ended and no other reason had been given. The code says that it ended, not who ended it, at which stage, or why. Only a packet capture shows that.",
        &CLOSED,
    ),
    code(0x906, "InternalSecurityError", "An internal security error of the client.", &OLD_SECURITY),
    code(0x908, "LicensingTimeout", "Licensing took too long.", &LICENSING),
    code(0xa06, "InternalSecurityError2", "An internal security error of the client.", &OLD_SECURITY),
    code(0xa07, "SSL_ERR_NO_SUCH_USER", "The logon failed: no such user.", &LOGON),
    code(0xb06, "EncryptionError", "The client could not encrypt.", &OLD_SECURITY),
    code(0xb07, "SSL_ERR_ACCOUNT_DISABLED", "The account is disabled.", &LOGON),
    code(
        0xb08,
        "UserClosedSession",
        "Not documented; seen where a user closes the window of a session. Not an error.",
        &ORDINARY,
    ),
    code(0xc06, "DecryptionError", "The client could not decrypt what it received.", &OLD_SECURITY),
    code(0xc07, "SSL_ERR_ACCOUNT_RESTRICTION", "A restriction of the account forbids the logon.", &LOGON),
    code(0xc08, "ClientDecompressionError", "The client could not decompress what it received.", &LOCAL),
    code(0xd06, "ProtocolError", "Not documented; seen with errors of the protocol.", &PROTOCOL),
    code(0xd07, "SSL_ERR_ACCOUNT_LOCKED_OUT", "The account is locked.", &LOGON),
    code(0xe07, "SSL_ERR_ACCOUNT_EXPIRED", "The account has expired.", &LOGON),
    code(0xf07, "SSL_ERR_PASSWORD_EXPIRED", "The password has expired.", &LOGON),
    code(0x1207, "SSL_ERR_PASSWORD_MUST_CHANGE", "The password must be changed before the first logon.", &LOGON),
    code(0x1607, "SSL_ERR_DELEGATION_POLICY", "A policy forbids to send these credentials to this server.", &POLICY),
    code(0x1707, "SSL_ERR_POLICY_NTLM_ONLY", "A policy forbids to send these credentials with NTLM.", &POLICY),
    code(
        0x1807,
        "SSL_ERR_NO_AUTHENTICATING_AUTHORITY",
        "No domain controller could be reached for the logon.",
        &AUTHORITY,
    ),
    code(0x1b07, "SSL_ERR_CERT_EXPIRED", "The server's certificate has expired.", &CERTIFICATE),
    code(0x1c07, "SSL_ERR_SMARTCARD_WRONG_PIN", "The PIN of the smart card was wrong.", &SMART_CARD),
    code(0x2107, "FRESH_CRED_REQUIRED_BY_SERVER", "The server does not take saved credentials; type them in.", &LOGON),
    code(0x2207, "SSL_ERR_SMARTCARD_CARD_BLOCKED", "The smart card is blocked.", &SMART_CARD),
];
