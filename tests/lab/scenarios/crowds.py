"""Many connections at once: limits, scanners, and a busy wire."""

import random
import socket
import threading
import time

import forge
import namespaces
import packets
import pdus
import plays
import rules
import scripted
from plays import Line
from rawtcp import Shape
from truth import ANY, AUTO

from . import scenario, without

_LIMIT = 30


def _half_done(lab):
    """One connection from the client that stops after the Connection Confirm."""
    with namespaces.inside(namespaces.CLIENT):
        plain = socket.create_connection((namespaces.SERVER_IP, 3389), timeout=5)
    plain.sendall(pdus.connection_request(0x0B, cookie=None))
    lab.keep(_Socket(plain))
    return plain


class _Socket:
    def __init__(self, plain):
        self._plain = plain

    def stop(self):
        self._plain.close()


def _accept_up_to(limit, at_limit):
    accepted = []

    def script(connection):
        connection.read_packet()
        accepted.append(connection)
        if len(accepted) > limit:
            connection.wait_for_end(30)
            return
        connection.send(pdus.connection_confirm(8))
        if len(accepted) == limit:
            at_limit()
        connection.wait_for_end(60)
    return script


@scenario("crowd-limit-refused", "30 connections stand half done; the server stops listening and "
          "refuses the 31st", "fault", tls="none", stage="tcp",
          must=["connection-refused", "connection-limit"], verdict="connection-refused",
          must_not=without("connection-refused", "connection-limit", "stalled-negotiation"))
def _(lab):
    listener = lab.keep(scripted.Listener(
        lab.folder, _accept_up_to(_LIMIT, lambda: listener.stop_listening())))
    with lab.capture():
        for _ in range(_LIMIT):
            _half_done(lab)
            time.sleep(0.02)
        time.sleep(0.3)
        lab.xfreerdp(security="nla").wait(3)


@scenario("crowd-limit-silent", "30 connections stand half done; the 31st is accepted by the kernel "
          "and never confirmed", "fault", tls="none", stage="x224",
          must=["service-silent", "connection-limit"], verdict="service-silent",
          must_not=without("service-silent", "connection-limit", "stalled-negotiation"),
          unterminated={"client": "silence", "server": "silence"})
def _(lab):
    lab.keep(scripted.Listener(lab.folder, _accept_up_to(_LIMIT, lambda: None)))
    with lab.capture(goes_on=True):
        for _ in range(_LIMIT):
            _half_done(lab)
            time.sleep(0.02)
        time.sleep(0.3)
        _half_done(lab)
        time.sleep(12)


@scenario("crowd-syn-probes", "a scanner sends 500 SYNs to the port and resets every SYN-ACK",
          "benign", tls="none", stage="tcp", must_not=without(), listed=[0],
          ends={side: {"outcome": "abandoned"} for side in ("client", "server")})
def _(lab):
    lab.keep(scripted.Listener(lab.folder, lambda connection: connection.wait_for_end(20)))
    prober = _Prober()
    with lab.capture():
        for number in range(500):
            prober.probe(30000 + number)
            time.sleep(0.004)
        time.sleep(0.4)
    prober.stop()


class _Prober(threading.Thread):
    """Half-open scanning, as masscan does it: SYNs from a raw socket, a RST for every answer."""

    _ADDRESS = "10.77.1.30"

    def __init__(self):
        super().__init__(daemon=True)
        self._link = bytes.fromhex((namespaces.MIDDLE_CLIENT_MAC
                                    + namespaces.CLIENT_MAC).replace(":", "") + "0800")
        with namespaces.inside(namespaces.CLIENT):
            self._port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._port.bind(("c0", 0))
        self._port.settimeout(0.2)
        self._running = True
        self.start()

    def probe(self, sport):
        self._send(sport, 7_000_000 + sport, packets.SYN, 1024)

    def run(self):
        while self._running:
            try:
                frame, address = self._port.recvfrom(65535)
            except TimeoutError:
                continue
            packet = packets.parse(frame[14:]) if address[2] != 4 else None
            if packet and packet.dst == self._ADDRESS and packet.flags & packets.SYN:
                self._send(packet.dport, packet.ack, packets.RST, 0)

    def stop(self):
        self._running = False
        self.join()

    def _send(self, sport, seq, flags, window):
        self._port.send(self._link + packets.build_tcp(
            self._ADDRESS, namespaces.SERVER_IP, sport, 3389, seq, 0, flags, window=window,
            ttl=255, ident=54321, dont_fragment=False))


_GOOD = plays.windows(prompt=0.2, rounds=1)


def _short(**options):
    """A good session of the fewest packets: a crowd of them must stay small."""
    spare = ("join 1004", "joined 1004", "join 1005", "joined 1005", "join 1006", "joined 1006")
    return [line for line in plays.windows(prompt=0.2, rounds=0, **options)
            if line.name not in spare]


_PLAIN = _short(nla=False, tls=False)
_CANCELLED = plays.until(_GOOD, "confirm", Line("client", "leaves", action="reset", pause=0.5))
_FAILS = {
    "credentials-rejected": plays.until(
        _GOOD, "ntlm authenticate", Line("server", "error", pdus.ts_error(0xC000006D), 0.3),
        Line("client", "leaves", action="reset")),
    "authorization-denied": plays.until(
        _GOOD, "credentials", Line("server", "authorization", b"\5\0\0\0"),
        Line("client", "leaves", action="reset")),
    "negotiation-refused": plays.until(
        _GOOD, "request", Line("server", "refusal", scripted.negotiation_failure(3), 0.004),
        Line("client", "leaves", action="reset")),
    "session-denied": plays.until(
        _PLAIN, "licence", Line("server", "denies", pdus.set_error_info(7), 0.1),
        Line("server", "ultimatum", pdus.ULTIMATUM), Line("client", "leaves", action="reset")),
}
# "" went well; the person cancelled those of _CANCELLED.
_CROWD = [("", _short()), ("negotiation-refused", None), ("", _PLAIN), ("credentials-rejected", None),
          ("", _CANCELLED), ("session-denied", None), ("", _PLAIN), ("negotiation-refused", None),
          ("authorization-denied", None), ("", _PLAIN), ("negotiation-refused", None),
          ("credentials-rejected", None), ("session-denied", None), ("", _PLAIN),
          ("negotiation-refused", None), ("", _CANCELLED), ("authorization-denied", None),
          ("", _PLAIN), ("session-denied", None), ("negotiation-refused", None)]


@scenario("crowd-mixed", "8 good and 12 bad connections of one client among 2000 packets of other "
          "traffic", "fault", tls="1.2", must=list(_FAILS), verdict=ANY,
          outcomes={number: "abandoned" for number, (_, lines) in enumerate(_CROWD)
                    if lines is _CANCELLED},
          must_not=["injected-reset", "no-answer", "stalled-negotiation"])
def _(lab):
    shapes = Shape(), Shape()
    noise = _Noise()
    with lab.capture():
        noise.start()
        for number, (finding, lines) in enumerate(_CROWD):
            port = 51000 + 3 * number
            lab.verdicts[port] = finding
            stage = plays.Stage(lab.folder, lines or _FAILS[finding],
                                (namespaces.SCRIPTED_CLIENT_IP, port),
                                (namespaces.SCRIPTED_SERVER_IP, 3389), client_shape=shapes[0],
                                server_shape=shapes[1], seed=100 + number)
            lab.keep(stage)
            stage.play(linger=0.2)
        noise.join()


class _Noise(threading.Thread):
    """2000 tiny UDP packets between other hosts, as keep-alives through NATs are."""

    def __init__(self):
        super().__init__(daemon=True)
        self._random = random.Random(9)
        with namespaces.inside(namespaces.CLIENT):
            self._port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def run(self):
        for _ in range(2000):
            self._port.sendto(self._random.randbytes(self._random.randrange(2)),
                              (f"10.77.2.{self._random.randrange(100, 200)}",
                               self._random.choice((53, 123, 443, 4500))))
            time.sleep(0.006)
        self._port.close()


@scenario("crowd-middlebox", "one device resets four connections of one client to two servers, each "
          "at its ClientHello", "fault", tls="1.2", must=["injected-reset", "middlebox"],
          verdict="injected-reset", must_not=without("injected-reset", "middlebox"),
          from_server=dict(must=[], must_not=["injected-reset"], verdict=AUTO),
          cannot={"server": ["injected-reset"]})
def _(lab):
    lab.rule(rules.Inspector(rules.client_hello, forge.suricata_reject, block=True))
    shapes = Shape(), (Shape(), Shape(ttl=64))
    with lab.capture():
        for number in range(4):
            stage = plays.Stage(lab.folder, _GOOD, (namespaces.SCRIPTED_CLIENT_IP, 52001 + number),
                                (f"10.77.2.{21 + number % 2}", 3389), client_shape=shapes[0],
                                server_shape=shapes[1][number % 2], seed=200 + number)
            lab.keep(stage)
            stage.play(linger=0.3)
