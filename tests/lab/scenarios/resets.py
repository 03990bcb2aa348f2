"""Resets: those that a device in the middle builds, and those that the hosts mean."""

import signal
import time

import forge
import namespaces
import peers
import rules
import scripted
import x11
from bridge import Path
from flows import C2S

from truth import ANY, AUTO

from . import scenario, without

_INJECTED = dict(kind="fault", must=["injected-reset"], verdict="injected-reset",
                 must_not=without("injected-reset", "middlebox") + ["host-reset"])


def inject(name, title, builder, moment, *, tls="1.3", security="nla", stage, active=False,
           pass_on=False, dark=True, one_sided=True, linger=1.2,
           target=namespaces.SERVER_IP, **fields):
    """A scenario in which the bridge answers a moment with a builder's resets.

    `dark`: the device lets nothing of that connection pass afterwards. `one_sided`: the builder
    resets the client only, so that the server's own capture shows no forged packet.
    """
    if one_sided:
        fields.setdefault("from_server", dict(must=[], must_not=["injected-reset"], verdict=AUTO))
        fields.setdefault("cannot", {"server": ["injected-reset"]})
    merged = dict(_INJECTED)
    merged.update(fields)

    @scenario(name, title, tls=tls, stage=stage, **merged)
    def run(lab):
        _start_server(lab, security, tls)
        if not active:
            _arm(lab, builder, moment, pass_on, dark)
        with lab.capture():
            client = lab.xfreerdp(target, security=security)
            if active:
                lab.until_active(client)
                _arm(lab, builder, moment, pass_on, dark)
                _type()
            client.wait(6)
            time.sleep(linger)


def _start_server(lab, security, tls):
    if security == "nla":
        lab.shadow(tls=tls)
    else:
        lab.xrdp(security=security, tls=tls if tls != "none" else "1.2", crypt="none")


def _arm(lab, builder, moment, pass_on=False, dark=False):
    lab.rule(rules.Inspector(moment, builder, pass_on, dark))


def _type():
    """The client sends an input event."""
    x11.move_pointer(peers.CLIENT_DISPLAY)


def _data_from_client(packet):
    return packet.direction == C2S and packet.payload


# One builder after the other, each at a stage that suits it.

inject("injected-suricata-tls", "a Suricata reject answers the ClientHello in the server's name, "
       "drops it and blocks the flow", forge.suricata_reject, rules.client_hello, stage="tls")
inject("injected-suricata-tls-peer-goes-on", "a Suricata reject answers the ClientHello in the "
       "server's name but lets it pass, and the server answers after its own supposed reset",
       forge.suricata_reject, rules.client_hello, stage="tls", pass_on=True, dark=False)
inject("injected-suricata-both-x224", "a Suricata rejectboth answers the Connection Request on "
       "both sides and drops it", forge.suricata_rejectboth, rules.connection_request,
       stage="x224", dark=False, one_sided=False)
inject("injected-suricata-both-credssp", "a Suricata rejectboth answers the NTLM authenticate leg "
       "on both sides", forge.suricata_rejectboth, rules.client_leg("credssp-auth", "1.3"),
       stage="credssp", dark=False, one_sided=False)
inject("injected-suricata-both-active", "a Suricata rejectboth ends an active session on both "
       "sides at an input event", forge.suricata_rejectboth, _data_from_client, stage="active",
       active=True, dark=False, one_sided=False)
inject("injected-snort-tls", "Snort strafes both ends of the flow at the ClientHello, with copied "
       "TTLs", forge.snort_strafe, rules.client_hello, stage="tls", tls="1.2", dark=False,
       one_sided=False)
inject("injected-snort-credssp", "Snort strafes both ends of the flow at the first CredSSP leg, "
       "with copied TTLs", forge.snort_strafe, rules.client_leg("credssp", "1.2"), tls="1.2",
       stage="credssp", dark=False, one_sided=False)
inject("injected-snort-licensing", "Snort strafes both ends of the flow at the Client Info of an "
       "xrdp session", forge.snort_strafe, rules.client_leg("licensing", "1.3", "xrdp"),
       security="tls", stage="licensing", dark=False, one_sided=False)
inject("injected-zeek-stride-credssp", "zeek-aux rst strides through both directions at the "
       "NTLM authenticate leg, TTL 255", forge.zeek_stride,
       rules.client_leg("credssp-auth", "1.3"), stage="credssp", dark=False, one_sided=False)
inject("injected-zeek-stride-x224", "zeek-aux rst strides through both directions at the "
       "Connection Request, TTL 255", forge.zeek_stride, rules.connection_request, stage="x224",
       dark=False, one_sided=False)
inject("injected-tcpkill-tls", "dsniff's tcpkill resets the client at the ClientHello and the "
       "server goes on", forge.tcpkill, rules.client_hello, stage="tls", tls="1.2",
       pass_on=True, dark=False)
inject("injected-tcpkill-active", "dsniff's tcpkill resets the client of an active session and the "
       "server goes on", forge.tcpkill, _data_from_client, stage="active", tls="1.2", active=True,
       pass_on=True, dark=False)
inject("injected-cisco-x224", "an old Cisco device answers the Connection Request with a reset of "
       "TTL 255 that quotes its data", forge.cisco_quote, rules.connection_request, stage="x224")
inject("injected-gfw1-x224", "a national filter of the first kind answers the Connection Request "
       "with three bare resets of IP id 64", forge.gfw_type_1, rules.connection_request,
       stage="x224")
inject("injected-gfw2-tls", "a national filter of the second kind resets both ends at the "
       "ClientHello, IP id a function of the window", forge.gfw_type_2, rules.client_hello,
       stage="tls", dark=False, one_sided=False)
inject("injected-sandvine-mcs", "two resets each way, 12503 bytes apart, at the MCS Connect "
       "Initial", forge.sandvine_pair, rules.client_leg("mcs", "1.3"), stage="mcs", dark=False,
       one_sided=False)
inject("injected-websense-x224", "a proxy filter answers the Connection Request with a bare reset "
       "of ack 0 and TTL 128", forge.websense, rules.connection_request, stage="x224",
       server_ttl=64)
inject("injected-bigip-active", "a BIG-IP ends an active session on both sides and says why in "
       "the reset", forge.bigip_cause, _data_from_client, stage="active", active=True, dark=False,
       one_sided=False)
inject("injected-zeek-stride-tls-passive", "a zeek sensor beside the road strides through both "
       "directions after it has seen the ClientHello pass", forge.zeek_stride, rules.client_hello,
       stage="tls", tls="1.2", pass_on=True, dark=False, one_sided=False)
inject("injected-gfw2-credssp-passive", "a national filter beside the road resets both ends after "
       "it has seen the NTLM authenticate leg pass", forge.gfw_type_2,
       rules.client_leg("credssp-auth", "1.3"), stage="credssp", pass_on=True, dark=False,
       one_sided=False)
inject("injected-snort-active-passive", "a Snort sensor beside the road strafes both ends of an "
       "active session after an input event has passed", forge.snort_strafe, _data_from_client,
       stage="active", active=True, pass_on=True, dark=False, one_sided=False)
inject("injected-netfilter-licensing", "a firewall three hops before a Linux server rejects at the "
       "Client Info as netfilter does; only the hops and the haste tell", forge.netfilter_reject,
       rules.client_leg("licensing", "1.3"), stage="licensing", server_ttl=64,
       path=Path(client_hops=1, server_hops=3))
inject("injected-netfilter-standard", "a firewall rejects the Client Info of a Standard RDP "
       "Security session as netfilter does", forge.netfilter_reject, rules.mcs_client_info,
       security="rdp", tls="none", stage="licensing", server_ttl=128)
inject("injected-v6-suricata-tls", "a Suricata reject answers the ClientHello over IPv6",
       forge.suricata_reject, rules.client_hello, security="tls", stage="tls",
       target=namespaces.SERVER_IP6)
inject("injected-v6-zeek-mcs", "zeek-aux rst strides through an IPv6 connection at the MCS Connect "
       "Initial, hop limit 255", forge.zeek_stride, rules.client_leg("mcs", "1.2", "xrdp"),
       tls="1.2", security="tls", stage="mcs", dark=False, one_sided=False,
       target=namespaces.SERVER_IP6)


def _real_netfilter(match):
    def run(lab):
        lab.shadow()
        namespaces.firewall_rule("-p", "tcp", "--dport", "3389", *match, "-j", "REJECT",
                                 "--reject-with", "tcp-reset")
        with lab.capture(goes_on=True):
            lab.xfreerdp(security="nla").wait(5)
            time.sleep(12)      # what the server still waits for will not come any more
    return run


_NETFILTER = dict(kernel_forger=True,
                  from_server=dict(must=[], must_not=["injected-reset"], verdict=AUTO),
                  cannot={"server": ["injected-reset"]})
scenario("injected-real-netfilter-tls", "the forwarding kernel of a firewall next to the server "
         "rejects the ClientHello with its own REJECT target", stage="tls",
         **_NETFILTER, **_INJECTED)(
    _real_netfilter(["-m", "string", "--algo", "bm", "--hex-string", "|160301|"]))
scenario("injected-real-netfilter-credssp", "the forwarding kernel of a firewall next to the server "
         "rejects a session after 12 packets with its own REJECT target", stage="credssp",
         **_NETFILTER, **_INJECTED)(
    _real_netfilter(["-m", "connbytes", "--connbytes", "7:", "--connbytes-dir", "original",
                     "--connbytes-mode", "packets"]))
scenario("injected-real-netfilter-x224", "the forwarding kernel of a firewall next to the server "
         "rejects the Connection Request with its own REJECT target", stage="x224",
         **_NETFILTER, **_INJECTED)(
    _real_netfilter(["-m", "string", "--algo", "bm", "--string", "mstshash"]))


@scenario("injected-netfilter-beside-server", "a firewall on the server's own segment, with the "
          "server's TTL, rejects the ClientHello: nothing in the client's capture tells it from "
          "the server", "fault", stage="tls", server_ttl=64,
          path=Path(client_delay=0.01, server_delay=0.0, client_hops=3, server_hops=0),
          must=[], must_not=without("reset-undetermined", "hello-rejected"),
          verdict="reset-undetermined",
          from_server=dict(must=[], must_not=["injected-reset"], verdict=AUTO),
          cannot={"client": ["injected-reset"], "server": ["injected-reset"]})
def _(lab):
    lab.shadow()
    _arm(lab, forge.netfilter_reject, rules.client_hello, dark=True)
    with lab.capture():
        lab.xfreerdp(security="nla").wait(5)
        time.sleep(1)


@scenario("injected-server-only", "a device resets the server at the ClientHello in the client's "
          "name; the client only meets the genuine reset of a server that has forgotten it",
          "fault", stage="tls", must=["injected-reset"], verdict="injected-reset",
          must_not=["host-reset"],
          from_client=dict(must=[], must_not=["injected-reset"], verdict=ANY),
          cannot={"client": ["injected-reset"]})
def _(lab):
    lab.shadow()

    def towards_server(trigger, rng):
        return [built for built in forge.suricata_rejectboth(trigger, rng) if built[1] == C2S]
    # Behind the ClientHello its number would be an old one, and the server would not obey.
    lab.rule(rules.Inspector(rules.client_hello, towards_server, pass_on=True, behind=0))
    with lab.capture():
        lab.xfreerdp(security="nla").wait(5)
        time.sleep(0.5)


@scenario("forged-but-ignored", "a device resets the client of an active session too late: the "
          "sequence numbers lie before the window, the hosts ignore them and go on", "benign",
          stage="active", must_not=without("injected-reset", "middlebox"),
          ends={side: {"ended_how": "fin", "ended_by": "client"} for side in ("client", "server")})
def _(lab):
    lab.shadow()
    with lab.capture():
        client = lab.xfreerdp(security="nla")
        lab.until_active(client)
        _arm(lab, forge.stale, _data_from_client, pass_on=True)
        _type()
        time.sleep(0.5)
        lab.leave(client)


def _idle(builder, name, title, seconds, at_timer, **fields):
    @scenario(name, title, stage="active", **{**_INJECTED, **fields, "must_not": without(
        "injected-reset", "middlebox", "state-expired") + ["host-reset"]})
    def run(lab):
        lab.shadow()
        with lab.capture():
            client = lab.xfreerdp(security="nla")
            lab.until_active(client)
            if at_timer:
                time.sleep(seconds)
                flow = next(iter(lab.bridge.flows.all()))
                trigger = flow.toward_server().last
                for raw, direction, delay in builder(trigger, lab.bridge.random):
                    lab.bridge.forge(raw, direction, builder.__name__, delay)
            else:
                time.sleep(seconds)
                _arm(lab, builder, _data_from_client)
                _type()
            client.wait(5)
            time.sleep(0.6)


_idle(forge.balancer_idle, "injected-balancer-idle", "a load balancer resets both ends of a session "
      "that was idle for 10 s", 10, at_timer=True)
_idle(forge.header_clone, "injected-header-clone-idle", "a firewall without state answers the first "
      "input after 10 s of idleness with its own header turned round", 10, at_timer=False,
      from_server=dict(must=[], must_not=["injected-reset"], verdict=AUTO),
      cannot={"server": ["injected-reset"]})


# What the hosts themselves do.

# The client's second try finds nobody listening; the first connection is the subject.
_GENUINE = dict(kind="fault", must=["host-reset"], verdict="host-reset", subject=0,
                must_not=without("stalled-negotiation", "connection-refused"))


@scenario("server-killed-credssp", "the server process is killed before it answers the NTLM "
          "authenticate leg: its kernel closes with data unread", stage="credssp", **_GENUINE)
def _(lab):
    server = lab.shadow()
    lab.rule(_signal_at(rules.client_leg("credssp", "1.3"), server, signal.SIGSTOP))
    lab.rule(rules.Once(rules.client_leg("credssp", "1.3"),
                        lambda packet, bridge: bridge.later(0.4, server.kill)))
    with lab.capture():
        lab.xfreerdp(security="nla").wait(5)
        time.sleep(0.3)


def _signal_at(moment, peer, number):
    return rules.Once(moment, lambda packet, bridge: peer.signal(number))


@scenario("server-killed-tls", "the server process is stopped and killed with the ClientHello "
          "unread: on the wire, a server that rejects it", "fault", stage="tls", tls="1.2",
          must=["hello-rejected"], verdict="hello-rejected", subject=0,
          must_not=without("hello-rejected", "stalled-negotiation", "connection-refused"))
def _(lab):
    server = lab.shadow(tls="1.2")
    lab.rule(_signal_at(rules.client_hello, server, signal.SIGSTOP))
    lab.rule(rules.Once(rules.client_hello,
                        lambda packet, bridge: bridge.later(0.4, server.kill)))
    with lab.capture():
        lab.xfreerdp(security="nla").wait(5)
        time.sleep(0.3)


@scenario("server-killed-active", "the server process is killed in an active session: its kernel "
          "closes with a FIN", "fault", stage="active", must=["abrupt-close"],
          must_not=without(), verdict="abrupt-close")
def _(lab):
    server = lab.shadow()
    with lab.capture():
        client = lab.xfreerdp(security="nla")
        lab.until_active(client)
        server.kill()
        client.wait(4)
        time.sleep(0.3)


@scenario("client-killed-active", "the client process is killed in an active session: its kernel "
          "closes, and answers what still comes with resets", "benign", stage="active",
          must_not=without())
def _(lab):
    lab.shadow()
    with lab.capture():
        client = lab.xfreerdp(security="nla")
        lab.until_active(client)
        client.kill()
        time.sleep(0.6)


@scenario("client-killed-credssp", "the client process is killed while the server's challenge is "
          "on its way to it", "benign", stage="credssp", must_not=without(),
          ends={"client": {"outcome": "abandoned"},
                                      "server": {"outcome": "abandoned"}})
def _(lab):
    lab.shadow()
    with lab.capture():
        client = lab.xfreerdp(security="nla")
        lab.rule(_signal_at(rules.server_record(7), client, signal.SIGKILL))
        client.wait(5)
        time.sleep(0.6)


@scenario("reset-unread-request", "a server process ends with the Connection Request unread: its "
          "kernel closes with a RST+ACK", "fault", stage="x224", tls="none", must=["host-reset"],
          verdict="host-reset", must_not=without("service-silent"))
def _(lab):
    def script(connection):
        time.sleep(0.3)
        connection.close()
    lab.keep(scripted.Listener(lab.folder, script))
    with lab.capture():
        lab.xfreerdp(security="nla").wait(5)
        time.sleep(0.3)


@scenario("refused-port", "nothing listens on the server's port: its kernel refuses the SYN",
          "fault", stage="tcp", tls="none", must=["connection-refused"],
          must_not=without("connection-refused"), verdict="connection-refused",
          cannot={"client": ["ended_by"]})
def _(lab):
    with lab.capture():
        lab.xfreerdp(security="nla").wait(5)


@scenario("refused-port-ttl64", "nothing listens on the port of a server with TTL 64", "fault",
          stage="tcp", tls="none", server_ttl=64, must=["connection-refused"],
          must_not=without("connection-refused"), verdict="connection-refused",
          cannot={"client": ["ended_by"]})
def _(lab):
    with lab.capture():
        lab.xfreerdp(security="nla").wait(5)


@scenario("refused-by-firewall", "a firewall in the middle answers the SYN with a reset", "fault",
          stage="tcp", tls="none", must=["connection-refused"], verdict="connection-refused",
          must_not=without("connection-refused", "injected-reset", "middlebox"),
          cannot={"client": ["ended_by", "forged_frames"]},
          from_server=dict(must=[], must_not=[], verdict=""))
def _(lab):
    lab.shadow()
    _arm(lab, forge.netfilter_reject, rules.is_syn)
    with lab.capture():
        lab.xfreerdp(security="nla").wait(5)


@scenario("reset-after-fin", "the client leaves an active session with a FIN while the server still "
          "draws, and resets what comes after", "benign", stage="active", must_not=without(),
          path=Path(client_delay=0.02, server_delay=0.03))
def _(lab):
    lab.shadow()
    with lab.capture():
        lab.session(lab.xfreerdp(security="nla"), linger=0.3)
