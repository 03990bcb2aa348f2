//! What stands behind codes, by subject: what they do not mean, what they look
//! like on the wire, which findings fit, what to check.

/// The background that several codes share.
#[derive(Debug)]
pub(in crate::cli) struct About {
    /// What people read into it, and is not there.
    pub not: &'static str,
    /// What a capture shows.
    pub wire: &'static str,
    /// Findings that may stand behind it, most likely first.
    pub findings: &'static [&'static str],
    /// What to check, step by step.
    pub check: &'static [&'static str],
}

pub(super) const ORDINARY: About = About {
    not: "It is no failure: somebody, or a rule that somebody set, ended the session on purpose.",
    wire: "The server's Set Error Info and its MCS Disconnect Provider Ultimatum, then the end of the connection. A \
           reset at that point is how the client of Windows closes.",
    findings: &[],
    check: &["Who did it: on the server, TerminalServices-LocalSessionManager/Operational, events 23 (logoff), 24 \
         (disconnect), 39 and 40 (disconnected by whom, with a reason code)."],
};

pub(super) const LIMITS: About = About {
    not: "It is no fault of the network: a time limit of the server ran out, and the server said so.",
    wire: "A session in progress, Set Error Info, Disconnect Provider Ultimatum, close.",
    findings: &[],
    check: &[
        "The session time limits: gpresult /h report.html, then Remote Desktop Session Host / Session Time Limits; on \
         the host, Get-ItemProperty 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services'.",
        "If the capture shows no such message and the connection dies after a round number of minutes, a firewall's \
         idle timer is likelier: see state-expired in the report.",
    ],
};

pub(super) const NAMES: About = About {
    not: "It says nothing about the server, its firewall or its service: the client never sent it a packet.",
    wire: "DNS queries without an answer, or with NXDOMAIN or SERVFAIL, and no SYN to port 3389. A capture of port \
           3389 is empty.",
    findings: &[],
    check: &[
        "Resolve-DnsName NAME on the client; ipconfig /displaydns shows what is remembered.",
        "On a VPN: which DNS server and which suffix does the client use (Get-DnsClientNrptPolicy)?",
        "Does it work by address? Then name resolution is all there is to mend.",
    ],
};

pub(super) const NOT_REACHED: About = About {
    not: "It says nothing about certificates, licences or passwords: there was no connection over which they could \
          matter.",
    wire: "SYNs that nobody answers, or a RST or an ICMP error in answer to the SYN.",
    findings: &["no-answer", "connection-refused", "connection-limit"],
    check: &[
        "Test-NetConnection SERVER -Port 3389 from the client.",
        "On the server: Get-NetTCPConnection -LocalPort 3389 -State Listen; Get-Service TermService; qwinsta shows \
         whether rdp-tcp listens.",
        "On the server: Get-NetFirewallRule -DisplayGroup 'Remote Desktop'; open it for the networks that need it, \
         not for every address.",
        "Capture at both ends: SYNs that leave the client and do not reach the server are lost on the way.",
    ],
};

pub(super) const CLOSED: About = About {
    not: "It names no cause and no culprit. The client's socket was closed or broken, and the client knows no more: a \
          firewall's reset, a server that gave up, a lost path and a refused certificate all end like this.",
    wire: "A connection that ends, by FIN, RST or silence, at any stage between TCP and the desktop, without a reason \
           that the client could read.",
    findings: &[
        "injected-reset",
        "stalled-negotiation",
        "retransmission-burst",
        "host-reset",
        "early-close",
        "hello-rejected",
        "negotiation-refused",
        "tls-alert",
        "session-denied",
        "licensing-incomplete",
    ],
    check: &[
        "Capture while it happens, at the client and if possible at the server (rdpwhy capture-advice), and let \
         rdpwhy analyze FILE tell the stage and the cause.",
        "On the server at that time: Schannel 36870, 36871, 36874 and 36888 (System log), RemoteConnectionManager \
         1057 and 1058, RdpCoreTS/Operational.",
        "On the client: TerminalServices-RDPClient/Operational, events 1026 and 226.",
    ],
};

pub(super) const TIMEOUT: About = About {
    not: "It does not say whether the path or the server was slow.",
    wire: "TCP is up, and then somebody owes the next message and does not send it. Servers give up after 60 s \
           ([MS-RDPBCGR] 3.3.6.1), clients after 300 s (3.2.6.1) or sooner.",
    findings: &["stalled-negotiation", "service-silent", "no-answer", "retransmission-burst", "path-mtu-black-hole"],
    check: &[
        "Was the last request acknowledged? Then it arrived, and the host is slow; otherwise look at the path. rdpwhy \
         tells which.",
        "On the server: CPU, disk and memory at that time; can it reach its domain controller (nltest /sc_verify:DOMAIN)?",
        "On a VPN: packet size, ping -f -l 1372 SERVER.",
    ],
};

pub(super) const CERTIFICATE: About = About {
    not: "An expired certificate does not by itself end a connection: many clients only warn, and with Kerberos the \
          certificate is not what vouches for the server.",
    wire: "The client leaves after the server's certificate. Up to TLS 1.2 the certificate and its dates are in the \
           clear; in TLS 1.3 they are not.",
    findings: &["expired-certificate", "certificate-not-yet-valid", "certificate-rejected", "tls-alert"],
    check: &[
        "On the server: Get-ChildItem 'Cert:\\LocalMachine\\Remote Desktop' | Format-List Subject, NotBefore, NotAfter, \
         HasPrivateKey.",
        "Which one is used: Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TSGeneralSetting | Select-Object \
         SSLCertificateSHA1Hash.",
        "Renew it instead of switching the warning off: that would weaken security for every connection. A self-signed \
         one is made anew when TermService restarts; if not, events 1057 and 1058 say why.",
        "Are the clocks of both ends right (w32tm /query /status)?",
    ],
};

pub(super) const NO_CERTIFICATE: About = About {
    not: "It does not mean that the certificate has expired: the server has none that it can use. Missing, without its \
          private key, or out of the service's reach look the same.",
    wire: "A Connection Confirm with failure code 3, or a server that closes at the ClientHello.",
    findings: &["negotiation-refused", "hello-rejected", "protocol-not-offered"],
    check: &[
        "On the server: RemoteConnectionManager events 1057 and 1058, Schannel 36870 (key not accessible).",
        "Get-ChildItem 'Cert:\\LocalMachine\\Remote Desktop'; does NETWORK SERVICE have read access to the key under \
         C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys? Give it to that account alone.",
        "winmgmt /verifyrepository: the setting of the certificate lives in WMI.",
    ],
};

pub(super) const SECURITY_LAYER: About = About {
    not: "It is no certificate error and no wrong password: client and server are set to security protocols that do \
          not meet.",
    wire: "A Connection Confirm with RDP_NEG_FAILURE, in the clear; clients then close, and often try again with \
           another protocol.",
    findings: &["negotiation-refused", "protocol-not-offered"],
    check: &[
        "On the server: Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TSGeneralSetting | Select-Object \
         SecurityLayer, UserAuthenticationRequired.",
        "Use a client that does TLS and Network Level Authentication. Setting the server to less (security layer 0, \
         no NLA) weakens security: passwords and sessions are then protected badly or not at all.",
    ],
};

pub(super) const LOGON: About = About {
    not: "Network, certificate and TLS were fine. It does not say that the password is wrong unless its name does.",
    wire: "CredSSP ends with an error-only message of the server (15 bytes inside TLS) or an encrypted alert.",
    findings: &["credentials-rejected", "authorization-denied"],
    check: &[
        "On the server, or the domain controller: event 4625 (Security log); Status and Sub Status name the reason. For \
         domain accounts also 4771 and 4776 on the domain controller.",
        "The state of the account: Get-ADUser NAME -Properties LockedOut, Enabled, PasswordExpired, AccountExpirationDate.",
        "Do not switch Network Level Authentication off to get past it: that exposes the logon screen to everybody who \
         reaches the port.",
    ],
};

pub(super) const POLICY: About = About {
    not: "The password was not even looked at: a policy forbids this way of using it.",
    wire: "CredSSP breaks off: after the client's first message (NTLM refused), after the server's first one (the \
           client will not), or with an error-only message.",
    findings: &["credentials-rejected"],
    check: &[
        "Connect by the full DNS name: with an address there is no Kerberos, only NTLM.",
        "NTLM: Get-ItemProperty HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\MSV1_0, and the NTLM/Operational log. Is \
         the account in Protected Users?",
        "CredSSP: are client and server both updated since May 2018 (CVE-2018-0886)? Update the older one. The policy \
         'Encryption Oracle Remediation: Vulnerable' would let them connect and weakens security.",
        "Delegation: gpedit.msc, System / Credentials Delegation.",
    ],
};

pub(super) const AUTHORITY: About = About {
    not: "It says nothing about the server or the password: nobody could be asked.",
    wire: "Unanswered Kerberos (port 88), LDAP (389) or DNS queries of the client between Connection Confirm and \
           ClientHello, or a long wait of the server before its CredSSP answer.",
    findings: &["stalled-negotiation", "credentials-rejected"],
    check: &[
        "nltest /dsgetdc:DOMAIN on the client and on the server; klist get TERMSRV/SERVER on the client.",
        "On a VPN: are DNS, port 88 and port 389 to a domain controller open?",
        "Clocks: w32tm /query /status; Kerberos takes five minutes of difference at most.",
    ],
};

pub(super) const AUTHORIZATION: About = About {
    not: "User name and password were right.",
    wire: "An Early User Authorization Result after which the client leaves, or a Set Error Info once the channels are \
           joined.",
    findings: &["authorization-denied", "session-denied"],
    check: &[
        "On the server: Get-LocalGroupMember 'Remote Desktop Users'; secpol.msc, the rights to allow and to deny logon \
         through Remote Desktop Services.",
        "Event 4825 (Security log) names the user. Give that user the one right, not administrator's rights.",
    ],
};

pub(super) const DENIED: About = About {
    not: "Beside 0x904 it proves nothing: it is reported also for connections that were cut before a server could have \
          said it. It is not the 7 of licensing (STATUS_VALID_CLIENT), which is success.",
    wire: "A genuine one is a Set Error Info after the MCS Connect Initial, behind TLS, followed by the server's \
           disconnect.",
    findings: &["session-denied", "authorization-denied", "connection-limit", "injected-reset"],
    check: &[
        "qwinsta on the server: how many sessions are there, and how many may there be (policy Limit number of \
         connections; two without the Session Host role)?",
        "change logon /query: is the host in drain mode?",
        "TerminalServices-LocalSessionManager and RemoteConnectionManager, Operational, at that time.",
    ],
};

pub(super) const LICENSING: About = About {
    not: "It is not the network by default, and not the 7 that licensing sends when all is well.",
    wire: "After the Client Info: licence request, answer, and no grant; then an error or the end. Servers that need no \
           licence grant in a single message.",
    findings: &["licensing-incomplete", "stalled-negotiation"],
    check: &[
        "On the session host: lsdiag.msc; RemoteConnectionManager events 1128, 1129 and 1130; is the grace period over?",
        "On the licence server: licmgr.exe, licences left of the right kind; can the host reach it?",
        "On the client: HKLM\\SOFTWARE\\Microsoft\\MSLicensing must be writable once. Working as administrator for good \
         would weaken security.",
    ],
};

pub(super) const LICENSED: About = About {
    not: "It is no error, although it comes in an error message: licensing is done. It is not the 7 that clients show as \
          an extended code.",
    wire: "One licensing message of the server, 34 bytes inside TLS; the Demand Active follows.",
    findings: &[],
    check: &["Nothing; licensing is not the cause."],
};

pub(super) const BROKER: About = About {
    not: "The host that the client spoke to is well: the Connection Broker could not send it on.",
    wire: "Set Error Info before the desktop, or a Server Redirection followed by a new connection elsewhere.",
    findings: &["session-denied"],
    check: &[
        "On the Connection Broker: TerminalServices-SessionBroker/Operational, Get-RDSessionCollection, Get-RDUserSession.",
        "Are the hosts of the collection up, and do they take logons (change logon /query)?",
    ],
};

pub(super) const SERVER_FAILED: About = About {
    not: "It is neither the network nor the password: a part of Windows on the server failed.",
    wire: "Set Error Info, then the server's disconnect.",
    findings: &["session-denied", "abrupt-close"],
    check: &[
        "On the server: Application log 1000 and 1001 (crashes), System log, display driver and its version.",
        "Memory: Get-Counter '\\Memory\\Available MBytes'.",
    ],
};

pub(super) const PROTOCOL: About = About {
    not: "It is no limit and no right: the server did not understand, or did not like, a message of the client. Damage \
          on the way is hardly it, TLS would notice.",
    wire: "Set Error Info after the message in question, then the server's disconnect.",
    findings: &["session-denied", "abrupt-close"],
    check: &[
        "Client and its version: does another client work with the same server?",
        "Third-party channels, drivers and printers in the session; switch them off one by one.",
        "On the server: RdpCoreTS/Operational at that time.",
    ],
};

pub(super) const OLD_SECURITY: About = About {
    not: "It has nothing to do with the TLS certificate: these codes belong to Standard RDP Security or to the client's \
          own processing.",
    wire: "Standard RDP Security (no TLS), or a session that the client ends by itself.",
    findings: &["host-reset", "protocol-not-offered"],
    check: &[
        "Does the server take TLS and Network Level Authentication? Use them: Standard RDP Security protects badly.",
        "Update the client; compare with another client.",
    ],
};

pub(super) const LOCAL: About = About {
    not: "It is not the server's doing and not the network's.",
    wire: "Nothing in particular: the client closes.",
    findings: &[],
    check: &[
        "On the client: TerminalServices-RDPClient/Operational and the Application log at that time; update the client.",
    ],
};

pub(super) const SMART_CARD: About = About {
    not: "The server and the network are fine.",
    wire: "CredSSP ends after the client's part, or never begins.",
    findings: &["credentials-rejected"],
    check: &["certutil -scinfo on the client; events of the issuing authority and 4771 on the domain controller."],
};

pub(super) const TLS_PARAMETERS: About = About {
    not: "It does not say that the certificate has expired.",
    wire: "An alert in the clear before encryption begins; behind it the end of the connection.",
    findings: &["tls-alert", "hello-rejected"],
    check: &[
        "On the server: Schannel 36874 (no common cipher suite), 36871 (no common version), 36888 (alert sent).",
        "Get-TlsCipherSuite and the protocols under HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL on \
         both ends. Update the older end; switching old versions or suites back on weakens security.",
        "Does a device on the way inspect TLS? A capture at both ends shows whether both see the same handshake.",
    ],
};

pub(super) const TLS_DAMAGE: About = About {
    not: "It does not say who damaged it: either end, or a device in between that changes TLS.",
    wire: "An alert, in the clear only before encryption begins.",
    findings: &["tls-alert"],
    check: &[
        "Capture at both ends and compare the handshake byte for byte.",
        "Update both ends; look for a proxy or an inspecting firewall.",
    ],
};

pub(super) const TLS_CLOSE: About = About {
    not: "It is no error.",
    wire: "The last record of a side before its FIN or RST; encrypted, and known by its size.",
    findings: &[],
    check: &["Look at who said it first: that side ended the connection."],
};
