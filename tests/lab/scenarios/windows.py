"""Windows-shaped peers: mstsc and a Windows server, played by scripts over a TCP of our own."""

import itertools
import threading
import time

import forge
import namespaces
import pdus
import plays
import rules
from flows import C2S
from packets import ACK, RST
from plays import Line
from rawtcp import Shape
from truth import ANY, AUTO

from . import FAILURES, scenario, stall, without

CLIENT, SERVER = namespaces.SCRIPTED_CLIENT_IP, namespaces.SCRIPTED_SERVER_IP
CLIENT6, SERVER6 = namespaces.SCRIPTED_CLIENT_IP6, namespaces.SCRIPTED_SERVER_IP6
_KINDS = dict(healthy=dict(stage="active", must_not=FAILURES),
              benign=dict(must_not=FAILURES), fault={})


def windows(name, title, kind, *connections, rule=None, v6=False, tls="1.2", certificate="valid",
            gap=0.4, tail=0.3, port=3389, ports=None, server_shape=None, goes_on=False,
            **fields):
    """A scenario of one or more plays after one another, from one port of the client each."""
    ports = list(itertools.islice(ports or itertools.count(50101, 7), len(connections)))

    @scenario(name, title, kind, tls=tls, port=port, **{**_KINDS[kind], **fields})
    def run(lab):
        if rule:
            for made in rule():
                lab.rule(made)
        shapes = Shape(), server_shape or Shape()
        client, server = (CLIENT6, SERVER6) if v6 else (CLIENT, SERVER)
        with lab.capture(goes_on):
            for number, lines in enumerate(connections):
                stage = plays.Stage(lab.folder, lines, (client, ports[number]),
                                    (server, port), tls="1.2" if tls == "none" else tls,
                                    certificate=certificate, client_shape=shapes[0],
                                    server_shape=shapes[1], seed=10 * number + 1)
                lab.keep(stage)
                stage.play()
                time.sleep(gap if number + 1 < len(connections) else tail)


_NTLM, _KERBEROS = plays.windows(), plays.windows(kerberos=True)
_CLIENT_RESET = Line("client", "leaves", action="reset", pause=0.001)

# Healthy.

windows("windows-nla-ntlm-tls12", "mstsc logs on with NLA (NTLM) over TLS 1.2 and resets the "
        "connection after the server's ultimatum", "healthy", _NTLM)
windows("windows-nla-ntlm-tls13", "mstsc logs on with NLA (NTLM) over TLS 1.3 and resets the "
        "connection after the server's ultimatum", "healthy", _NTLM, tls="1.3")
windows("windows-nla-kerberos-tls12", "mstsc logs on with NLA (Kerberos) over TLS 1.2", "healthy",
        _KERBEROS)
windows("windows-nla-kerberos-tls13", "mstsc logs on with NLA (Kerberos) over TLS 1.3", "healthy",
        _KERBEROS, tls="1.3")
windows("windows-tls-only", "mstsc reaches the logon screen over TLS without NLA", "healthy",
        plays.windows(nla=False))
windows("windows-standard", "mstsc with Standard RDP Security without encryption", "healthy",
        plays.windows(nla=False, tls=False), tls="none")
windows("windows-licensing-full", "a session host negotiates a licence in several messages, then "
        "all goes well", "healthy", plays.windows(licensing="full"))
windows("windows-v6", "mstsc logs on with NLA over IPv6", "healthy", _NTLM, v6=True)
windows("windows-old-client-fin", "an older client leaves with a FIN after the ultimatum and the "
        "server answers with a reset", "healthy",
        plays.until(_NTLM, "ultimatum", Line("client", "leaves", action="fin"),
                    Line("server", "resets", action="reset", pause=0.01)))
windows("windows-ca-certificate", "a server with a certificate chain of more than one segment",
        "healthy", _NTLM, certificate="large")

# Benign: it looks bad and is not.

windows("windows-certificate-prompt", "the client drops the connection after the server's proof to "
        "ask about the certificate, and comes back 5 s later", "benign",
        plays.until(_NTLM, "server proof", Line("client", "leaves", action="fin", pause=0.2),
                    Line("server", "resets", action="reset", pause=0.01)),
        plays.windows(prompt=0.3), gap=5, stage="active", outcomes={0: "abandoned"})
windows("windows-fallback", "the server refuses TLS, mstsc asks the person and comes back with "
        "Standard RDP Security", "benign",
        [Line("client", "request", pdus.connection_request(1)),
         Line("server", "refusal", bytes.fromhex("030000130ed000001234000300080002000000"), 0.004),
         _CLIENT_RESET],
        plays.windows(nla=False, tls=False), gap=1.1, tls="none", stage="active",
        must_not=without("negotiation-refused"))
windows("windows-slow-logon", "the server takes 6 s from the licence to Demand Active, as one with "
        "a slow disk or profile does", "benign", plays.slowed(_NTLM, "demand active", 6.0),
        stage="active", must=["slow-server"],
        stall=stall("server", both=("server", "Demand Active")))
windows("windows-prompt-12s", "the person takes 12 s for the credentials", "benign",
        plays.windows(prompt=12), stage="active")
windows("windows-cancelled", "the person cancels at the credentials prompt: mstsc resets after the "
        "Connection Confirm", "benign", plays.until(_NTLM, "confirm",
        Line("client", "leaves", action="reset", pause=4.0)), stage="x224", tls="none",
        ends={"client": {"outcome": "abandoned"}, "server": {"outcome": "abandoned"}})
windows("windows-loss-10", "10 % of all packets are lost in a session of Windows-shaped peers",
        "benign", _NTLM, rule=lambda: [rules.Lose(0.1, seed=5)], stage="active")
windows("windows-capture-stops", "the capture ends in the middle of an active session", "benign",
        plays.until(_NTLM, "mouse 2"), stage="active")
windows("windows-capture-stops-early", "the capture ends in the middle of the channel joins",
        "benign", plays.until(_NTLM, "joined 1003"), stage="mcs", tls="1.3")

windows("windows-ttl-wobble", "packets take two roads of differing length by turns, so that TTLs vary "
        "by one, that of the last reset too", "benign", _NTLM, rule=lambda: [rules.wobble()],
        stage="active")
windows("windows-idle-20s", "nothing is sent for 20 s in an active session, then it goes on",
        "benign", plays.slowed(_NTLM, "mouse 1", 20.0), stage="active")
windows("windows-other-port", "mstsc logs on to a server on port 33890", "healthy", _NTLM,
        port=33890)
windows("windows-port-reuse", "two good sessions in a row from the same port of the client: the "
        "second SYN comes 1 s after the first session's reset", "healthy", _NTLM,
        plays.windows(prompt=0.3), ports=itertools.repeat(50101), gap=1.0)
windows("windows-standard-encrypted", "mstsc with Standard RDP Security at level High; the server's "
        "ultimatum, a FIN and a reset end it", "healthy", plays.standard_encrypted(), tls="none",
        # tshark has no key for RC4: the play itself knows that it reached the desktop.
        ends={side: {"stage": "active", "outcome": "active"} for side in ("client", "server")})

# Refusals.

def refused(name, title, finding, stage, *connections, must_not=None, **fields):
    windows(name, title, "fault", *connections, stage=stage, subject=0, must=[finding],
            verdict=finding, must_not=without(finding) if must_not is None else must_not, **fields)


_RETRY = [Line("client", "request", pdus.connection_request(1)),
          Line("server", "refusal", bytes.fromhex("030000130ed000001234000300080005000000"), 0.004),
          _CLIENT_RESET]
refused("windows-wrong-password", "the server refuses the NTLM proof with a 15-byte error, mstsc "
        "resets and tries TLS, which the server refuses too", "credentials-rejected", "credssp",
        plays.until(_NTLM, "ntlm authenticate",
                    Line("server", "error", pdus.ts_error(0xC000006D), 1.0), _CLIENT_RESET), _RETRY,
        must_not=without("credentials-rejected", "negotiation-refused"))
refused("windows-wrong-password-tls13", "the server refuses the NTLM proof over TLS 1.3, mstsc "
        "resets", "credentials-rejected", "credssp",
        plays.until(_NTLM, "ntlm authenticate",
                    Line("server", "error", pdus.ts_error(0xC000006D), 1.0), _CLIENT_RESET),
        tls="1.3")
refused("windows-ntlm-blocked", "the server refuses NTLM at its first leg", "credentials-rejected",
        "credssp", plays.until(_NTLM, "ntlm negotiate",
                               Line("server", "error", pdus.ts_error(0x80090302)), _CLIENT_RESET))
refused("windows-not-authorized", "the Early User Authorization Result denies access: the user is "
        "not in Remote Desktop Users", "authorization-denied", "credssp",
        plays.until(_NTLM, "credentials", Line("server", "authorization", b"\5\0\0\0"),
                    _CLIENT_RESET))
refused("windows-session-denied", "the server denies the connection (Set Error Info 7) after the "
        "licence", "session-denied", "licensing",
        plays.until(_NTLM, "licence", Line("server", "denies", pdus.set_error_info(7), 0.1),
                    Line("server", "ultimatum", pdus.ULTIMATUM), _CLIENT_RESET))
refused("windows-licensing-incomplete", "the server ends the connection in the middle of the "
        "licence negotiation", "licensing-incomplete", "licensing",
        plays.until(plays.windows(licensing="full"), "licence answer",
                    Line("server", "leaves", action="reset", pause=0.3)),
        must_not=without("licensing-incomplete"))
refused("windows-hello-reset", "a Windows server without an accessible key resets at the "
        "ClientHello", "hello-rejected", "tls",
        plays.until(_NTLM, "confirm",
                    Line("client", "hello", pdus.client_hello(), 3.0),
                    Line("server", "leaves", action="reset", pause=0.01)))
refused("windows-closed-at-request", "what listens closes at the Connection Request, as a "
        "forwarder does with nothing behind it", "early-close", "x224",
        [Line("client", "request", pdus.connection_request(11)),
         Line("server", "leaves", action="fin", pause=0.02), _CLIENT_RESET], tls="none")
refused("windows-closed-at-client-info", "the server closes at the Client Info, without a word",
        "early-close", "licensing",
        plays.until(_NTLM, "client info", Line("server", "leaves", action="fin", pause=0.2),
                    _CLIENT_RESET))

# Stalls.

_SILENT = dict(unterminated={"client": "silence", "server": "silence"})
_STALLED = dict(must=["stalled-negotiation"], verdict="stalled-negotiation",
                must_not=without("stalled-negotiation"))
windows("windows-server-60s", "nobody answers the credentials prompt: the server closes 60 s after "
        "the first byte", "fault", plays.until(_NTLM, "confirm", Line(
            "server", "leaves", action="reset", pause=60.0)), stage="x224", tls="none",
        stall=stall("client", both=("client", "the ClientHello")), **_STALLED)
windows("windows-stalled-client-info", "the server never answers the Client Info, and mstsc gives up",
        "fault", plays.until(_NTLM, "client info", Line("client", "leaves", action="reset",
                                                        pause=15.0)), stage="licensing",
        stall=stall("server", both=("server", "the licence reply")), **_STALLED)
windows("windows-stalled-connect-initial", "the server never answers the MCS Connect Initial",
        "fault", plays.until(_NTLM, "connect initial", Line("server", "silent", action="silence",
                                                            pause=12.0)), stage="mcs", tls="1.3",
        stall=stall("server", both=("server", "the MCS Connect Response")),
        goes_on=True, **{**_STALLED, **_SILENT})
windows("windows-gave-up-mcs", "the path goes dark in the channel joins: mstsc sends one again five "
        "times and resets", "fault", _NTLM, stage="mcs", goes_on=True,
        stall=stall("path", client=("server", "the MCS Channel Join Confirm"),
                    server=("client", "the next MCS Channel Join Request or the Client Info")),
        rule=lambda: [rules.Dark(rules.client_record(8))], **{
            **_STALLED, "must": ["retransmission-burst"],
            "from_server": dict(must=[], must_not=["injected-reset"], verdict="stalled-negotiation"),
            "unterminated": {"server": "silence"}})
windows("windows-black-hole-kerberos", "client packets above 1300 bytes vanish: only the large "
        "Kerberos leg is lost", "fault", _KERBEROS, stage="credssp",
        stall=stall("path", client=("server", "the fourth CredSSP message"),
                    server=("client", "the third CredSSP message")),
        rule=lambda: [rules.black_hole(1300, ways=(C2S,))], must=["path-mtu-black-hole"],
        verdict="path-mtu-black-hole", must_not=without("path-mtu-black-hole", "stalled-negotiation"),
        from_server=dict(must=[], must_not=["injected-reset"], verdict="stalled-negotiation"))

# Resets in their name.

_INJECTED = dict(must=["injected-reset"], verdict="injected-reset",
                 must_not=without("injected-reset", "middlebox") + ["host-reset"])
_CLIENT_ONLY = dict(from_server=dict(must=[], must_not=["injected-reset"], verdict=AUTO),
                    cannot={"server": ["injected-reset"]})


def _completes_handshake(packet):
    return packet.direction == C2S and not packet.payload and packet.flags == ACK


def injected(name, title, builder, moment, lines=_NTLM, *, one_sided=True, block=False, **fields):
    windows(name, title, "fault", lines,
            rule=lambda: [rules.Inspector(moment, builder, block=block)],
            **{**_INJECTED, **(_CLIENT_ONLY if one_sided else {}), **fields})


injected("windows-injected-suricata-tls", "a Suricata reject answers mstsc's ClientHello",
         forge.suricata_reject, rules.client_hello, stage="tls", block=True)
injected("windows-injected-suricata-both-tcp", "a Suricata rejectboth answers the ACK that completes "
         "the handshake", forge.suricata_rejectboth, _completes_handshake,
         plays.slowed(_NTLM, "request", 0.5), stage="tcp", one_sided=False, tls="none")
injected("windows-injected-suricata-both-mcs", "a Suricata rejectboth answers the MCS Connect "
         "Initial", forge.suricata_rejectboth, rules.client_record(4), stage="mcs",
         one_sided=False)
injected("windows-injected-snort-credssp", "Snort strafes a Kerberos leg with copied TTLs and "
         "random IP ids", forge.snort_strafe, rules.client_record(1), _KERBEROS, stage="credssp",
         one_sided=False)
injected("windows-injected-netfilter-x224", "a firewall rejects mstsc's Connection Request as "
         "netfilter does", forge.netfilter_reject, rules.connection_request, stage="x224",
         block=True, tls="none")
injected("windows-injected-tcpkill-licensing", "tcpkill resets mstsc at the Client Info",
         forge.tcpkill, rules.client_record(13), stage="licensing", block=True)
injected("windows-injected-header-clone", "after 8 s of idleness a firewall turns the header of the "
         "next input round: the reset carries the client's own IP id and window",
         forge.header_clone, rules.client_record(20),
         plays.slowed(plays.windows(rounds=3), "mouse 1", 8.0), stage="active", block=True,
         must_not=without("injected-reset", "middlebox", "state-expired") + ["host-reset"])
injected("windows-injected-zeek-v6", "zeek-aux rst strides through an IPv6 session at the NTLM "
         "authenticate leg", forge.zeek_stride, rules.client_record(2), stage="credssp",
         one_sided=False, v6=True)
injected("windows-injected-gfw2-active", "a national filter resets both ends of an active session",
         forge.gfw_type_2, rules.client_record(20), stage="active", one_sided=False)
injected("windows-injected-bigip-credssp", "a BIG-IP resets both ends in CredSSP and says why",
         forge.bigip_cause, rules.client_record(2), stage="credssp", one_sided=False)

@scenario("windows-idle-240s-balancer", "a cloud load balancer resets both ends of a session after "
          "4 minutes of idleness", "fault", tls="1.2", stage="active",
          must=["injected-reset", "state-expired"], verdict=ANY, must_not=without("injected-reset", "middlebox", "state-expired")
          + ["host-reset"])
def _(lab):
    stage = _idle_stage(lab)
    with lab.capture():
        stage.play(seconds=5, linger=0.1)
        time.sleep(239)
        flow = lab.bridge.flows.all()[0]
        for raw, direction, delay in forge.balancer_idle(flow.toward_server().last,
                                                         lab.bridge.random):
            lab.bridge.forge(raw, direction, "balancer_idle", delay)
        time.sleep(0.5)


@scenario("windows-idle-240s-silent", "a cloud load balancer forgets a session after 4 minutes of "
          "idleness and drops the next input in silence; mstsc sends it again, in vain", "fault",
          tls="1.2", stage="active", must=["state-expired"], verdict="state-expired",
          must_not=without("state-expired"),
          from_server=dict(must=[], must_not=["injected-reset"], verdict=""))
def _(lab):
    stage = _idle_stage(lab, Line("client", "late mouse", pdus.mouse(), 241))
    with lab.capture():
        threading.Timer(238, lambda: lab.rule(rules.Dark(lambda packet: True,
                                                         label="forgotten state"))).start()
        stage.play(seconds=246, linger=0.1)
        time.sleep(11)


def _idle_stage(lab, *then):
    lines = plays.until(plays.windows(prompt=0.5, rounds=2), "mouse 1",
                        *then, Line("server", "idle", action="silence", pause=300))
    stage = plays.Stage(lab.folder, lines, (CLIENT, 50101), (SERVER, 3389))
    lab.keep(stage)
    return stage


# Resets and closes of their own in an active session.

windows("windows-abrupt-server-reset", "the server host resets an active session without an "
        "ultimatum", "fault", plays.until(_NTLM, "mouse 2", Line("server", "leaves", action="reset",
                                                                 pause=0.1)),
        stage="active", must=["abrupt-close"], verdict="abrupt-close",
        must_not=without())


windows("windows-xp-reset", "an old Windows host resets with an acknowledgement number and no ACK "
        "flag: odd, and its own", "fault", plays.until(_NTLM, "confirm", Line(
            "client", "hello", pdus.client_hello(), 1.0),
            Line("server", "leaves", action="reset", pause=0.01)),
        server_shape=Shape(abort_flags=RST), stage="tls", must=["hello-rejected"],
        verdict="hello-rejected", must_not=without("hello-rejected"))
windows("windows-refused-port", "a Windows host without a listener refuses the SYN: RST+ACK, "
        "sequence number 0, no DF, and an IP id that counts", "fault",
        [], server_shape=Shape(refuses=True), stage="tcp", tls="none", tail=1.0,
        must=["connection-refused"], verdict="connection-refused",
        cannot={"client": ["ended_by"]},
        must_not=without("connection-refused"))

# A receiver that closes its window.

_SHUT = Line("server", "shuts its window", action="shut", pause=0.05)
windows("windows-zero-window", "the server closes its receive window for 6 s in an active session",
        "benign", plays.until(_NTLM, "picture 0", _SHUT,
                              Line("server", "opens its window", action="open", pause=6.0),
                              Line("client", "mouse", pdus.mouse(), 0.4), *plays.leave()),
        stage="active", must=["zero-window"], stall=stall("server"))
windows("windows-zero-window-stall", "the server closes its receive window before the Client Info "
        "and never opens it; mstsc gives up after 14 s", "fault",
        plays.until(_NTLM, "joined 1007", _SHUT, Line("client", "join", pdus.join_request(1003), 0.4),
                    Line("client", "leaves", action="reset", pause=14.0)),
        stage="mcs", must=["zero-window", "stalled-negotiation"], verdict="stalled-negotiation",
        stall=stall("server", both=(
            "client", "the next MCS Channel Join Request or the Client Info")),
        must_not=without("stalled-negotiation"))
