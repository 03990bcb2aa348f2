"""Sessions in which nothing is wrong, or nothing that matters."""

import socket
import time

import namespaces
import rules
from bridge import Path

from . import FAILURES, scenario

_HEALTHY = dict(kind="healthy", stage="active", must_not=FAILURES)


def _nla(tls):
    def run(lab):
        lab.shadow(tls=tls)
        with lab.capture():
            lab.session(lab.xfreerdp(security="nla"))
    return run


def _old_tls(lab):
    lab.shadow(tls="1.0")
    with lab.capture():
        lab.session(lab.xfreerdp(security="nla", tls="1.0"))


def _suite(suite):
    def run(lab):
        lab.shadow(tls="1.2")
        with lab.capture():
            lab.session(lab.xfreerdp(security="nla", extra=[f"/tls-ciphers:{suite}"]))
    return run


scenario("healthy-nla-tls12-cbc", "NLA over TLS 1.2 with a CBC suite, encrypt-then-MAC", tls="1.2",
         **_HEALTHY)(_suite("ECDHE-RSA-AES256-SHA384"))
scenario("healthy-nla-tls12-chacha", "NLA over TLS 1.2 with ChaCha20-Poly1305", tls="1.2",
         **_HEALTHY)(_suite("ECDHE-RSA-CHACHA20-POLY1305"))
scenario("healthy-nla-tls10", "an old server with NLA over TLS 1.0, whose CBC records are padded",
         tls="1.0", **_HEALTHY)(_old_tls)


def _xrdp(security, **options):
    def run(lab):
        lab.xrdp(security=security, **options)
        with lab.capture():
            lab.session(lab.xfreerdp(security=security))
    return run


scenario("healthy-nla-tls13", "xfreerdp logs on to freerdp-shadow with NLA over TLS 1.3 and "
         "leaves by closing the window", tls="1.3", **_HEALTHY)(_nla("1.3"))
scenario("healthy-nla-tls12", "xfreerdp logs on to freerdp-shadow with NLA over TLS 1.2 and "
         "leaves by closing the window", tls="1.2", **_HEALTHY)(_nla("1.2"))
scenario("healthy-tls-tls13", "xfreerdp reaches xrdp's login window over TLS 1.3 without NLA",
         tls="1.3", **_HEALTHY)(_xrdp("tls", tls="1.3"))
scenario("healthy-tls-tls12", "xfreerdp reaches xrdp's login window over TLS 1.2 without NLA",
         tls="1.2", **_HEALTHY)(_xrdp("tls", tls="1.2"))
scenario("healthy-standard", "xfreerdp reaches xrdp's login window with Standard RDP Security "
         "(encryption level none)", tls="none", **_HEALTHY)(_xrdp("rdp", crypt="none"))
# tshark has no key for RC4; that the client drew the desktop is waited for, and is how it is known.
_SEEN = {side: {"stage": "active", "outcome": "active"} for side in ("client", "server")}
for _level, _what in (("high", "RC4 with 128 bits both ways"),
                      ("low", "RC4 with 40 bits, the client's side only")):
    scenario(f"healthy-standard-rc4-{_level}", "xfreerdp reaches xrdp's login window with Standard "
             f"RDP Security: {_what}", tls="none", ends=_SEEN, **{**_HEALTHY, "stage": None})(
                 _xrdp("rdp", crypt=_level))


@scenario("healthy-v6-tls", "xfreerdp reaches xrdp's login window over TLS 1.3 and IPv6", **_HEALTHY)
def _(lab):
    lab.xrdp(security="tls")
    with lab.capture():
        lab.session(lab.xfreerdp(namespaces.SERVER_IP6, security="tls"))


@scenario("healthy-nat", "a NAT gives the client another address and port", **_HEALTHY)
def _(lab):
    lab.shadow()
    nat = lab.rule(rules.Translate("10.77.9.9"))
    with lab.capture():
        lab.session(lab.xfreerdp(security="nla"))
    lab.translated = nat.connections(namespaces.SERVER_IP)


@scenario("healthy-ttl64-many-hops", "a Linux server with TTL 64, 14 hops away, TLS 1.2",
          server_ttl=64, client_ttl=64, tls="1.2",
          path=Path(client_delay=0.012, server_delay=0.02, client_hops=4, server_hops=10),
          **_HEALTHY)
def _(lab):
    lab.shadow(tls="1.2")
    with lab.capture():
        lab.session(lab.xfreerdp(security="nla"))


@scenario("healthy-udp-blocked", "the client probes the UDP side channel on port 3389 and nobody "
          "answers; the session is fine", **{**_HEALTHY, "kind": "benign", "must": ["udp-blocked"],
                                     "from_server": dict(must=[], must_not=FAILURES, verdict="")})
def _(lab):
    lab.shadow()
    lab.rule(rules.blocked(lambda packet: packet.protocol == 17, "UDP blocked"))
    # An RDP-UDP SYN: no acknowledgement yet, a receive window, the flag SYN, padded to the MTU.
    syn = bytes.fromhex("ffffffff00400001") + bytes.fromhex("1a2b3c4d04d004d0")
    with lab.capture():
        client = lab.xfreerdp(security="nla")
        lab.until_active(client)
        with namespaces.inside(namespaces.CLIENT):
            prober = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(3):
            prober.sendto(syn.ljust(1232, b"\0"), (namespaces.SERVER_IP, 3389))
            time.sleep(0.8)
        prober.close()
        lab.leave(client)


@scenario("healthy-reconnect", "the same person logs on twice, half a second apart", **_HEALTHY)
def _(lab):
    lab.shadow()
    with lab.capture():
        for name in ("first", "second"):
            lab.session(lab.xfreerdp(security="nla", name=name), linger=0.3)
            time.sleep(0.5)
