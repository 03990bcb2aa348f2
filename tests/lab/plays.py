"""Dialogues between two scripted peers: the same script in the hands of both sides.

A play is a list of lines. The side that has a line sends it, the other reads as many
bytes. What happens instead (a reset, a silence) is a line too, so that a scenario is
a healthy play cut short and given another end.
"""

import ssl
import threading
import time
from dataclasses import dataclass

import certificates
import pdus
from rawtcp import Endpoint, Reset


_PATIENCE = 30      # seconds longer than the other side means to take


@dataclass
class Line:
    side: str               # "client" or "server"
    name: str
    data: bytes = b""
    pause: float = 0.002    # what its side takes to think
    action: str = "send"    # send | tls | fin | reset | silence | shut | open


class Talk:
    """An endpoint, with or without TLS over it."""

    def __init__(self, endpoint, keys):
        self.endpoint, self._keys, self._tls = endpoint, keys, None

    def start_tls(self, side, version, certificate):
        if side == "server":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made = certificates.make(certificate)
            context.load_cert_chain(made.certificate, made.key)
            context.num_tickets = 1     # Schannel sends one where OpenSSL sends two
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.options |= ssl.OP_NO_TICKET if version == "1.2" else 0
        context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
        context.minimum_version = context.maximum_version = {
            "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        context.keylog_filename = str(self._keys)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=side == "server")
        self._pump(self._tls.do_handshake)

    def send(self, data):
        if self._tls:
            self._tls.write(data)
            data = self._out.read()
        self.endpoint.send(data)

    def receive(self, count):
        if not self._tls:
            return self.endpoint.receive(count)
        data = b""
        while len(data) < count:
            data += self._pump(lambda: self._tls.read(count - len(data)))
        return data

    def _pump(self, step):
        while True:
            try:
                result = step()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                part = self.endpoint.receive_any()
                if not part:
                    raise Reset() from None
                self._in.write(part)

    def _flush(self):
        waiting = self._out.read()
        if waiting:
            self.endpoint.send(waiting)


class Actor(threading.Thread):
    """One side playing its lines. `done` when its part is over, for whatever reason."""

    def __init__(self, side, talk, lines, tls, certificate="valid"):
        super().__init__(daemon=True)
        self._side, self._talk, self._lines = side, talk, lines
        self._tls, self._certificate = tls, certificate

    def run(self):
        endpoint = self._talk.endpoint
        try:
            if self._side == "client":
                endpoint.connect()
            else:
                endpoint.accept()
            for line in self._lines:
                self._play(line, endpoint)
        except (Reset, TimeoutError, ssl.SSLError):
            pass    # the other side, or somebody in the middle, ended the play early

    def _play(self, line, endpoint):
        mine = line.side == self._side
        if line.action == "tls":
            if mine:
                time.sleep(line.pause)
            self._talk.start_tls(self._side, self._tls, self._certificate)
        elif line.action == "silence":
            # Both wait; the one that owes nothing hopes in vain.
            endpoint.wait_for_end(line.pause)
        elif line.action in ("shut", "open"):
            if mine:
                time.sleep(line.pause)
                endpoint.advertise(endpoint.shape.window if line.action == "open" else 0)
        elif not mine:
            if line.action == "send":
                self._talk.receive(len(line.data))
            else:
                endpoint.wait_for_end(line.pause + _PATIENCE)
        else:
            time.sleep(line.pause)
            if line.action == "send":
                self._talk.send(line.data)
            elif line.action == "fin":
                endpoint.fin()
            elif line.action == "reset":
                endpoint.reset()


class Stage:
    """The two endpoints of one play on the lab's wires."""

    def __init__(self, folder, lines, client, server, *, tls="1.2", certificate="valid",
                 client_shape=None, server_shape=None, seed=1):
        keys = folder / "scripted.keys"
        self.server = Endpoint("server", server, (client[0], 0), server_shape, seed)
        self.client = Endpoint("client", client, server, client_shape, seed + 1)
        self.actors = [Actor("server", Talk(self.server, keys), lines, tls, certificate),
                       Actor("client", Talk(self.client, keys), lines, tls)]

    def play(self, seconds=120, linger=1.5):
        """Until the client is through; the server gets a little longer."""
        for actor in self.actors:
            actor.start()
        server, client = self.actors
        client.join(seconds)
        server.join(linger)

    def stop(self):
        self.client.stop()
        self.server.stop()


# The healthy plays of mstsc and a Windows server, by what was measured of them.

NTLM_LEGS = [("client", "ntlm negotiate", lambda: pdus.ts_request(57, pdus.ntlm(1))),
             ("server", "ntlm challenge", lambda: pdus.ts_request(295, pdus.ntlm(2))),
             ("client", "ntlm authenticate", lambda: pdus.ts_request(702, pdus.ntlm(3))),
             ("server", "server proof", lambda: pdus.ts_request(94, field=3)),
             ("client", "credentials", lambda: pdus.ts_request(183, field=2))]
KERBEROS_LEGS = [("client", "tgt request", lambda: pdus.ts_request(175)),
                 ("server", "tgt reply", lambda: pdus.ts_request(1351)),
                 ("client", "ap request", lambda: pdus.ts_request(1887)),
                 ("server", "ap reply", lambda: pdus.ts_request(227)),
                 ("client", "client proof", lambda: pdus.ts_request(191, field=3)),
                 ("server", "server proof", lambda: pdus.ts_request(103, field=3)),
                 ("client", "credentials", lambda: pdus.ts_request(183, field=2))]


def windows(*, nla=True, kerberos=False, tls=True, prompt=3.2, rounds=3, licensing="valid"):
    """From the Connection Request to a few pictures and mstsc's orderly end."""
    requested, selected = (0x0B, 8) if nla else (1, 1) if tls else (0, 0)
    lines = [Line("client", "request", pdus.connection_request(requested)),
             Line("server", "confirm", pdus.connection_confirm(selected), 0.004)]
    if tls:
        lines.append(Line("client", "tls", action="tls", pause=prompt if nla else 0.002))
    if nla:
        lines += [Line(side, name, make(), 0.004)
                  for side, name, make in (KERBEROS_LEGS if kerberos else NTLM_LEGS)]
        lines.append(Line("server", "authorization", b"\0\0\0\0"))
    lines += _mcs() + _licensing(licensing) + _activation() + _pictures(rounds) + leave()
    return lines


def _mcs(channels=4):
    lines = [Line("client", "connect initial", pdus.connect_initial()),
             Line("server", "connect response", pdus.connect_response(channels), 0.006),
             Line("client", "erect domain", pdus.ERECT_DOMAIN),
             Line("client", "attach user", pdus.ATTACH_USER),
             Line("server", "attach confirm", pdus.ATTACH_CONFIRM)]
    for channel in (1007, 1003, *range(1004, 1004 + channels)):
        lines += [Line("client", f"join {channel}", pdus.join_request(channel)),
                  Line("server", f"joined {channel}", pdus.join_confirm(channel))]
    return lines


def _licensing(kind):
    lines = [Line("client", "client info", pdus.client_info())]
    if kind == "full":
        lines += [Line("server", "licence request", pdus.licence_request()),
                  Line("client", "licence answer", pdus.licence_answer())]
    return lines + [Line("server", "licence", pdus.licence_valid())]


def _activation():
    client, server = pdus.from_client, pdus.from_server
    return [Line("server", "demand active", pdus.demand_active(), 0.04),
            Line("client", "confirm active", pdus.confirm_active(), 0.01),
            Line("client", "synchronize", pdus.synchronize(client)),
            Line("client", "cooperate", pdus.control(client, 4)),
            Line("client", "request control", pdus.control(client, 1)),
            Line("client", "font list", pdus.font_list()),
            Line("server", "synchronized", pdus.synchronize(server)),
            Line("server", "cooperates", pdus.control(server, 4)),
            Line("server", "grants control", pdus.control(server, 2)),
            Line("server", "font map", pdus.font_map())]


def _pictures(rounds):
    lines = []
    for n in range(rounds):
        lines += [Line("server", f"picture {n}", pdus.graphics(900 + 400 * n), 0.03),
                  Line("client", f"mouse {n}", pdus.mouse(), 0.05)]
    return lines


def leave():
    """How 9 of 9 measured mstsc sessions ended: error info, ultimatum, RST by the client."""
    return [Line("server", "error info", pdus.set_error_info(0x0C), 0.05),
            Line("server", "ultimatum", pdus.ULTIMATUM),
            Line("client", "leaves", action="reset", pause=0.001)]


def standard_encrypted():
    """Standard RDP Security at level High: after MCS only the security headers are readable."""
    lines = [Line("client", "request", pdus.connection_request(0)),
             Line("server", "confirm", pdus.connection_confirm(0), 0.004)] + _mcs()
    lines[3].data = pdus.connect_response(4, encrypted=True)
    sealed = pdus.sealed
    lines += [Line("client", "security exchange", pdus.security_exchange()),
              Line("client", "client info", sealed(pdus.from_client, 0x48, 320)),
              Line("server", "licence", sealed(pdus.from_server, 0x88, 20), 0.005),
              Line("server", "demand active", sealed(pdus.from_server, 8, 380), 0.04),
              Line("client", "confirm active", sealed(pdus.from_client, 8, 480), 0.01)]
    lines += [Line("client", name, sealed(pdus.from_client, 8, size)) for name, size in (
        ("synchronize", 22), ("cooperate", 26), ("request control", 26), ("font list", 26))]
    lines += [Line("server", name, sealed(pdus.from_server, 8, size)) for name, size in (
        ("synchronized", 22), ("cooperates", 26), ("grants control", 26), ("font map", 26))]
    lines += [Line("server", f"picture {n}", sealed(pdus.from_server, 8, 700 + 300 * n), 0.03)
              for n in range(3)]
    return lines + [Line("server", "ultimatum", pdus.ULTIMATUM, 0.1),
                    Line("client", "leaves", action="fin", pause=0.001),
                    Line("server", "resets", action="reset", pause=0.01)]


def until(lines, name, *ending):
    """The play up to and with the line of that name, then another ending."""
    last = max(n for n, line in enumerate(lines) if line.name == name)
    return lines[:last + 1] + list(ending)


def before(lines, name, *ending):
    first = next(n for n, line in enumerate(lines) if line.name == name)
    return lines[:first] + list(ending)


def slowed(lines, name, seconds):
    """The same play, in which one line takes its side so long."""
    return [Line(line.side, line.name, line.data, seconds, line.action) if line.name == name
            else line for line in lines]
