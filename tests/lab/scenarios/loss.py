"""Packets lost, late, twice or out of order."""

import time

import rules
from bridge import Path
from flows import C2S

from . import FAILURES, scenario, stall, without

_SURVIVED = dict(kind="benign", stage="active", must_not=FAILURES)


def rough(name, title, *, path=None, rule=None, tls="1.3", security="nla", **fields):
    """A session on a bad road that still reaches the desktop."""
    @scenario(name, title, tls=tls, path=path or Path(), **{**_SURVIVED, **fields})
    def run(lab):
        if security == "nla":
            lab.shadow(tls=tls)
        else:
            lab.xrdp(security=security, tls="1.2" if tls == "none" else tls, crypt="none")
        if rule:
            lab.rule(rule())
        with lab.capture():
            client = lab.xfreerdp(security=security)
            lab.until_active(client, seconds=60)
            lab.leave(client)


rough("rough-jitter-reorder", "40 ± 30 ms of jitter, packets overtake one another",
      path=Path(client_delay=0.005, server_delay=0.005, jitter=0.06, reorder=True),
      must=["jitter"])
rough("rough-jitter-reorder-tls12", "40 ± 30 ms of jitter, packets overtake one another, TLS 1.2",
      tls="1.2", path=Path(client_delay=0.005, server_delay=0.005, jitter=0.06, reorder=True,
                           seed=5), must=["jitter"])
rough("rough-latency-300ms", "300 ms round trips", path=Path(client_delay=0.05, server_delay=0.1),
      must=["high-latency"])
rough("rough-latency-600ms-standard", "600 ms round trips under Standard RDP Security",
      path=Path(client_delay=0.1, server_delay=0.2), security="rdp", tls="none",
      must=["high-latency"])
rough("rough-duplicates", "a third of all packets arrives twice",
      rule=lambda: rules.duplicates(0.33))
rough("rough-loss-10", "10 % of all packets are lost, both ways", rule=lambda: rules.Lose(0.1),
      must=["packet-loss"])
rough("rough-loss-10-tls-xrdp", "10 % of all packets are lost in a session with xrdp",
      rule=lambda: rules.Lose(0.1, seed=11), security="tls")
rough("rough-ack-loss", "half of the client's pure ACKs are lost",
      rule=lambda: rules.Lose(0.5, lambda p: p.direction == C2S and p.is_tcp and not p.seq_length,
                              seed=2))
rough("rough-tail-loss", "the server's TLS flight is lost once and comes again",
      rule=lambda: rules.Count(rules.server_hello, 1, label="flight lost once"),
      must=[])
rough("rough-syn-lost", "the first SYN is lost", rule=lambda: rules.Count(rules.is_syn, 1,
                                                                          label="first SYN lost"))
rough("rough-delay-spike", "the server's flight is held back for 1.2 s: it is sent again though "
      "nothing was lost",
      rule=lambda: rules.Count(rules.server_hello, 1, ("delay", 1.2), label="delay spike"))
rough("rough-outage-3s", "nothing passes for 3 s from the NTLM authenticate leg on, then it goes on",
      rule=lambda: rules.Dark(rules.client_leg("credssp-auth", "1.3"), seconds=3,
                              label="outage of 3 s"), must=["retransmission-burst"],
      stall=stall("path"),
      from_server=dict(must=[], must_not=FAILURES, verdict=""))
rough("rough-outage-3s-x224", "nothing passes for 3 s from the Connection Request on, then it goes "
      "on", tls="1.2", rule=lambda: rules.Dark(rules.connection_request, seconds=3,
                                               label="outage of 3 s"),
      stall=stall("path"), must=["retransmission-burst"], from_server=dict(must=[], must_not=FAILURES, verdict=""))
rough("rough-everything", "300 ms round trips with jitter, packets that overtake one another, and 10 % "
      "of all packets lost both ways", path=Path(client_delay=0.05, server_delay=0.07, jitter=0.06,
                                                 reorder=True),
      rule=lambda: rules.Lose(0.1, seed=8), must=["high-latency", "packet-loss"])
rough("rough-rate", "the road carries 6 kB/s", path=Path(rate=6000.0))


rough("loss-burst-40", "40 % of all packets are lost in the first 6 s; it is slow and works",
      rule=lambda: rules.Lose(0.4, seed=21, seconds=6), must=["retransmission-burst"])


def _hopeless(seed, tls):
    def run(lab):
        lab.shadow(tls=tls)
        lab.rule(rules.Lose(0.75, lambda packet: packet.is_tcp and packet.payload, seed=seed))
        with lab.capture():
            client = lab.xfreerdp(security="nla")
            client.wait(12)
            client.kill()
            time.sleep(0.4)
    return run


for _seed, _tls in ((36, "1.3"), (32, "1.2")):
    scenario(f"loss-75-gives-up-tls{_tls.replace('.', '')}", "three of four packets with data are "
             "lost, and the person gives up after 12 s", "fault", tls=_tls, subject=0,
             must=["retransmission-burst"], verdict="retransmission-burst", stall=stall("path"),
             must_not=without("stalled-negotiation", "service-silent"))(_hopeless(_seed, _tls))


_HOLE = dict(kind="fault", must=["path-mtu-black-hole"], verdict="path-mtu-black-hole", subject=0,
             must_not=without("path-mtu-black-hole", "stalled-negotiation"),
             unterminated={"client": "silence", "server": "silence"})


def _hole(tls):
    def run(lab):
        lab.shadow(tls=tls, certificate="large")
        lab.rule(rules.black_hole(1300))
        with lab.capture(goes_on=True):
            lab.xfreerdp(security="nla").wait(12)
    return run


for _tls in ("1.2", "1.3"):
    scenario(f"black-hole-certificate-tls{_tls.replace('.', '')}", f"packets above 1300 bytes "
             f"vanish: the server's certificate flight never arrives, TLS {_tls}", tls=_tls,
             stage="tls", stall=stall("path", client=("server", "the ServerHello"), server=(
                 "client", "the client's TLS key exchange" if _tls == "1.2" else "the TLS Finished")),
             from_client=dict(must=[], must_not=without(
                 "path-mtu-black-hole", "stalled-negotiation"), verdict="stalled-negotiation"),
             cannot={"client": ["path-mtu-black-hole"]}, **_HOLE)(_hole(_tls))
