"""Connections in which somebody falls silent."""

import signal
import time

import rules
from flows import C2S, S2C
from truth import ANY

from . import FAILURES, scenario, stall, without

_LONG = 12          # seconds of silence: long enough to be told from a slow answer
_THOUGHT = 16       # and this much more, where a person might be thinking
_SILENT = dict(unterminated={"client": "silence", "server": "silence"})
_STALLED = dict(kind="fault", must=["stalled-negotiation"], verdict="stalled-negotiation",
                must_not=without("stalled-negotiation", "service-silent"), subject=0, **_SILENT)


def stop_server(name, title, moment, owed, *, stage, tls="1.3", security="nla", **fields):
    """The server process is stopped (SIGSTOP) when a packet arrives; its kernel still ACKs."""
    @scenario(name, title, stage=stage, tls=tls, stall=stall("server", both=("server", owed)),
              **{**_STALLED, **fields})
    def run(lab):
        server = _serve(lab, security, tls)
        lab.rule(_signal_at(moment, server, signal.SIGSTOP))
        with lab.capture(goes_on=True):
            lab.xfreerdp(security=security).wait(_LONG)


def dark(name, title, moment, *, stage, tls="1.3", security="nla", ways=(C2S, S2C), after=False,
         watched=4, **fields):
    """The path goes dark at a packet: nothing passes any more.

    The client gives up after 9 s; who still waits is `watched` for so long after that.
    """
    merged = {**_STALLED, **fields}

    @scenario(name, title, stage=stage, tls=tls, **merged)
    def run(lab):
        _serve(lab, security, tls)
        lab.rule(rules.Dark(moment, ways=ways, after=after))
        with lab.capture(goes_on=True):
            lab.xfreerdp(security=security).wait(_LONG)
            time.sleep(watched)


def _serve(lab, security, tls):
    if security == "nla":
        return lab.shadow(tls=tls)
    return lab.xrdp(security=security, tls="1.2" if tls == "none" else tls, crypt="none")


def _signal_at(moment, peer, number):
    # The signal arrives well before the packet does: it has the rest of the path to go.
    return rules.Once(moment, lambda packet, bridge: peer.signal(number))


stop_server("stalled-server-serverhello", "the server stops when the ClientHello reaches it: the "
            "kernel ACKs, no ServerHello comes", rules.client_hello, "the ServerHello", stage="tls")
stop_server("stalled-server-serverhello-tls12", "the same under TLS 1.2, server TTL 64",
            rules.client_hello, "the ServerHello", stage="tls", tls="1.2", server_ttl=64)
stop_server("stalled-server-credssp", "the server stops at the first CredSSP leg",
            rules.client_leg("credssp", "1.3"), "the second CredSSP message", stage="credssp")
stop_server("stalled-server-credssp-auth-tls12", "the server stops at the NTLM authenticate leg, "
            "as one does that waits for its domain controller",
            rules.client_leg("credssp-auth", "1.2"), "the fourth CredSSP message",
            stage="credssp", tls="1.2")
stop_server("stalled-server-client-info", "xrdp stops at the Client Info",
            rules.client_leg("licensing", "1.3", "xrdp"), "the licence reply", stage="licensing",
            security="tls")
stop_server("stalled-server-client-info-standard", "xrdp stops at the Client Info of a Standard "
            "RDP Security session", rules.mcs_client_info, "the licence reply", stage="licensing",
            security="rdp", tls="none")


@scenario("service-silent", "the server's process is stopped before the client comes: its kernel "
          "accepts and ACKs the Connection Request, nobody confirms", "fault", tls="none",
          stage="x224", must=["service-silent"], verdict="service-silent", subject=0,
          stall=stall("server", both=("server", "the X.224 Connection Confirm")),
          must_not=without("service-silent", "stalled-negotiation"), **_SILENT)
def _(lab):
    server = lab.shadow()
    server.signal(signal.SIGSTOP)
    with lab.capture(goes_on=True):
        lab.xfreerdp(security="nla").wait(_LONG)


dark("dark-x224", "the path goes dark at the Connection Request, which is never ACKed",
     rules.connection_request, stage="x224", tls="none", must=["service-silent"],
     verdict="service-silent",
     # The second try finds the path dark from its SYN on.
     must_not=without("service-silent", "stalled-negotiation", "no-answer"),
     stall=stall("path", client=("server", "the X.224 Connection Confirm"),
                 server=("client", "the X.224 Connection Request")),
     from_server=dict(must=[], must_not=["injected-reset"], verdict=""),
     cannot={"server": ["service-silent"]},
     unterminated={"client": "silence"})
dark("dark-tls", "the path goes dark at the ClientHello", rules.client_hello, stage="tls",
     stall=stall("path", client=("server", "the ServerHello"), server=("client", "the ClientHello")),
     from_server=dict(must=[], must_not=["injected-reset"], verdict=""),
     unterminated={"client": "silence"}, must=["stalled-negotiation", "retransmission-burst"])
dark("dark-tls-server-flight", "the path to the client goes dark at the ServerHello: the "
     "ClientHello has arrived, the answer has not", rules.server_hello, stage="tls", tls="1.2",
     ways=(S2C,), must=["stalled-negotiation", "retransmission-burst"],
     stall=stall("path", client=("server", "the ServerHello"),
                 server=("client", "the client's TLS key exchange")),
     from_client=dict(must=["stalled-negotiation"], must_not=without("stalled-negotiation"),
                      verdict="stalled-negotiation"))
dark("dark-credssp", "the path goes dark at the NTLM authenticate leg",
     rules.client_leg("credssp-auth", "1.3"), stage="credssp",
     stall=stall("path", client=("server", "the fourth CredSSP message"),
                 server=("client", "the third CredSSP message")),
     watched=_THOUGHT, must=["stalled-negotiation", "retransmission-burst"],
     from_server=dict(must=[], must_not=["injected-reset"], verdict="stalled-negotiation"))
dark("dark-licensing", "the path goes dark at the Client Info",
     rules.client_leg("licensing", "1.2"), stage="licensing", tls="1.2",
     stall=stall("path", client=("server", "the licence reply"),
                 server=("client", "the next MCS Channel Join Request or the Client Info")),
     watched=_THOUGHT, must=["stalled-negotiation", "retransmission-burst"],
     from_server=dict(must=[], must_not=["injected-reset"], verdict="stalled-negotiation"))
dark("no-answer", "the SYN of the client is dropped on the way, and every other one after it",
     rules.is_syn, stage="tcp", tls="none", must=["no-answer"], verdict="no-answer",
     must_not=without("no-answer"),
     from_server=dict(must=[], must_not=[], verdict=""), unterminated={"client": "silence"})
dark("no-answer-synack-lost", "the SYN arrives, the SYN-ACKs are dropped on the way back",
     lambda packet: packet.direction == S2C, stage="tcp", tls="none", ways=(S2C,),
     must=["no-answer"], verdict="no-answer", must_not=without("no-answer"),
     from_server=dict(must=[], must_not=["injected-reset", "connection-refused"], verdict=ANY),
     unterminated={"client": "silence", "server": "silence"})


@scenario("client-gives-up", "the server stops at the ClientHello and the person closes the client "
          "after 8 s", "fault", stage="tls", subject=0, must=["stalled-negotiation"],
          stall=stall("server", both=("server", "the ServerHello")),
          verdict="stalled-negotiation", must_not=without("stalled-negotiation"))
def _(lab):
    server = lab.shadow()
    lab.rule(_signal_at(rules.client_hello, server, signal.SIGSTOP))
    with lab.capture():
        client = lab.xfreerdp(security="nla")
        client.wait(8)
        client.kill()
        time.sleep(0.3)


# Pauses that end well.


def pause(name, title, moment, who, seconds, must, step="", *, stage="active", tls="1.3",
          kind="benign"):
    waited = stall(who, both=(who, step)) if step else {}

    @scenario(name, title, kind, stage=stage, tls=tls, must=must, must_not=FAILURES, stall=waited)
    def run(lab):
        server = lab.shadow(tls=tls)
        with lab.capture():
            client = lab.xfreerdp(security="nla")
            peer = server if who == "server" else client
            held = lab.rule(_signal_at(moment, peer, signal.SIGSTOP))
            lab.until(lambda: held.fired, "moment of the pause")
            time.sleep(seconds)
            peer.signal(signal.SIGCONT)
            lab.session(client)


pause("pause-server-tls", "the server thinks for 4 s about the ClientHello, then all goes well",
      rules.client_hello, "server", 4, ["slow-server"], "ServerHello")
pause("pause-server-credssp", "the server thinks for 5 s about the NTLM authenticate leg, then all "
      "goes well", rules.client_leg("credssp-auth", "1.2"), "server", 5, ["slow-server"],
      "CredSSP message 4", tls="1.2")
pause("pause-server-licensing", "the server thinks for 3 s about the Client Info, then all goes "
      "well", rules.client_leg("licensing", "1.3"), "server", 3, ["slow-server"], "end of licensing")
pause("prompt-client", "the person takes 4 s to type the password between the Connection Confirm "
      "and the ClientHello", rules.connection_confirm, "client", 4, [], kind="healthy")
pause("prompt-client-long", "the person takes 20 s to type the password, then all goes well",
      rules.connection_confirm, "client", 20, [], tls="1.2", kind="healthy")


@scenario("prompt-cancelled", "the person cancels the password prompt: the client leaves after the "
          "Connection Confirm", "benign", stage="x224", tls="none",
          must_not=FAILURES,
          ends={"client": {"outcome": "abandoned"}, "server": {"outcome": "abandoned"}})
def _(lab):
    lab.shadow()
    with lab.capture():
        client = lab.xfreerdp(security="nla")
        held = lab.rule(_signal_at(rules.connection_confirm, client, signal.SIGSTOP))
        lab.until(lambda: held.fired, "prompt")
        time.sleep(3)
        client.kill()
        time.sleep(0.3)
