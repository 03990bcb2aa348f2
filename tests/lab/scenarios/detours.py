"""Roads that do not lead straight to one server: redirection, farms, proxies.

Windows-shaped peers, as in windows.py; here a client goes to several servers, or asks a proxy
first.
"""

import time

import namespaces
import pdus
import plays
from plays import Line

from . import FAILURES, scenario

CLIENT = namespaces.SCRIPTED_CLIENT_IP
_BROKER, _HOST, _OTHER = "10.77.2.20", "10.77.2.21", "10.77.2.22"
_TOKEN = "Cookie: msts=353257994.15629.0000\r\n"


def detour(name, title, kind, *talks, tls="1.2", port=3389, gap=0.3, **fields):
    """A scenario of plays after one another: (server's address, lines) each."""
    @scenario(name, title, kind, tls=tls, port=port, **{"must_not": FAILURES, **fields})
    def run(lab):
        with lab.capture():
            for number, (server, lines) in enumerate(talks):
                stage = plays.Stage(lab.folder, lines, (CLIENT, 50101 + 7 * number), (server, port),
                                    tls="1.2" if tls == "none" else tls, seed=10 * number + 1)
                lab.keep(stage)
                stage.play()
                time.sleep(gap)


# A broker sends the client to another host, or back to the same address with a token that a load
# balancer reads. The client leaves and connects again at once.

_LEAVES = Line("client", "leaves", action="reset", pause=0.004)


def _sent_on(lines, redirection):
    return plays.until(lines, "licence", Line("server", "redirection", redirection, 0.02), _LEAVES)


def _with_token(lines, requested):
    return [Line("client", "request", pdus.connection_request(requested, token=_TOKEN)), *lines[1:]]


_STANDARD, _NLA = plays.windows(nla=False, tls=False), plays.windows(prompt=0.1)
_REDIRECTED = dict(stage="active", outcomes={0: "abandoned"})
detour("redirected-standard", "a broker redirects the client to another host under Standard RDP "
       "Security", "healthy", (_BROKER, _sent_on(_STANDARD, pdus.redirection_standard(_HOST, _TOKEN))),
       (_HOST, _with_token(_STANDARD, 0)), tls="none", **_REDIRECTED)
detour("redirected-enhanced", "a broker redirects the client to another host inside TLS, where nobody "
       "else can read it", "healthy",
       (_BROKER, _sent_on(_NLA, pdus.redirection_enhanced(_HOST, _TOKEN))),
       (_HOST, _with_token(_NLA, 0x0B)), **_REDIRECTED)
detour("redirected-enhanced-tls13", "a broker redirects the client back to the same address inside TLS "
       "1.3; the token tells the balancer where to go", "healthy",
       (_BROKER, _sent_on(_NLA, pdus.redirection_enhanced(_HOST, _TOKEN))),
       (_BROKER, _with_token(_NLA, 0x0B)), tls="1.3", **_REDIRECTED)

# Servers of a farm that share a certificate.

detour("farm-one-certificate", "three servers of a farm show the same certificate", "healthy",
       (_BROKER, _NLA), (_HOST, _NLA), (_OTHER, _NLA), stage="active")

# A proxy is asked for the server first.


def _through(lines, *preamble):
    return [*preamble, *lines]


detour("proxy-socks5", "the client goes through a SOCKS 5 proxy", "healthy",
       (_BROKER, _through(
           _STANDARD,
           Line("client", "greeting", b"\x05\x01\x00"), Line("server", "method", b"\x05\x00", 0.003),
           Line("client", "connect", b"\x05\x01\x00\x03\x0brdp.example\x0d\x3d"),
           Line("server", "connected", b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 0.02))),
       port=1080, tls="none", stage="active")
detour("proxy-http-connect", "the client goes through an HTTP proxy with CONNECT", "healthy",
       (_BROKER, _through(
           _NLA,
           Line("client", "connect", b"CONNECT rdp.example:3389 HTTP/1.1\r\n"
                                     b"Host: rdp.example:3389\r\n\r\n"),
           Line("server", "connected", b"HTTP/1.1 200 Connection established\r\n\r\n", 0.02))),
       port=8080, stage="active")
