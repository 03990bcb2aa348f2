"""The middle of the lab: a user-space router that can misbehave.

Every packet takes the access delay of its side, meets the rules at the middle,
and takes the delay of the other side. A forged packet starts at the middle, so
it is as early, and as many hops away, as one from a real device there would be.
Whatever the bridge does to a packet is written to its log; truth is made of that.
"""

import heapq
import itertools
import random
import select
import socket
import threading
import time
from dataclasses import dataclass

import namespaces
import packets
from flows import C2S, S2C, Flows

_OUTGOING = 4  # PACKET_OUTGOING: our own transmissions seen again


@dataclass
class Path:
    """What the road is like when nothing is wrong. Delays are one way, in seconds."""
    client_delay: float = 0.004
    server_delay: float = 0.006
    client_hops: int = 1
    server_hops: int = 2
    jitter: float = 0.0
    reorder: bool = False       # jitter may let packets overtake one another
    rate: float = 0.0           # bytes per second through the middle, 0 = unlimited
    seed: int = 1


class Bridge(threading.Thread):
    """Forwards between the client and the server until `stop`.

    A rule is a callable `rule(packet, bridge)`. It returns None to let the packet
    pass, or one of "drop", ("delay", seconds), "duplicate", ("replace", bytes).
    """

    def __init__(self, path, name):
        super().__init__(daemon=True)
        self.path = path
        self.rules = []
        self.log = []
        self.flows = Flows()
        self.random = random.Random(f"{self.path.seed} {name}")
        self._queue, self._order = [], itertools.count()
        self._running = True
        self._lock = threading.Lock()
        self._last_exit = {C2S: 0.0, S2C: 0.0}
        with namespaces.inside(namespaces.MIDDLE):
            self._ports = {C2S: _raw_socket("m0"), S2C: _raw_socket("m1")}

    # What rules and scenarios may call.

    def forge(self, raw, direction, why, delay=0.0):
        """Send a packet of the bridge's own making towards the end of `direction`."""
        hops, wait = self._leg(direction == S2C)
        ttl = max(packets.parse(raw).ttl - hops, 1)
        raw = packets.with_ttl(raw, ttl)
        self.note("forged", packets.parse(raw), direction, why)
        self._at(time.time() + delay + wait, self._transmit, raw, direction)

    def note(self, what, packet, direction, why):
        self.log.append({"time": time.time(), "what": what, "direction": direction, "why": why,
                         "key": getattr(packet, "captured_key", packet.key())})

    def later(self, seconds, action):
        """Run `action()` on the bridge's own clock."""
        self._at(time.time() + seconds, action)

    def add_rule(self, rule):
        self.rules = self.rules + [rule]

    def stop(self):
        self._running = False
        self.join()
        for port in self._ports.values():
            port.close()

    # The loop.

    def run(self):
        sockets = {port: direction for direction, port in self._ports.items()}
        while self._running:
            due = self._queue[0][0] - time.time() if self._queue else 0.05
            readable, _, _ = select.select(list(sockets), [], [], min(max(due, 0), 0.05))
            for port in readable:
                frame, address = port.recvfrom(65535)
                if address[2] != _OUTGOING:
                    self._arrive(frame[14:], sockets[port])
            now = time.time()
            while self._queue and self._queue[0][0] <= now:
                with self._lock:
                    _, _, action, arguments = heapq.heappop(self._queue)
                action(*arguments)

    def _at(self, when, action, *arguments):
        with self._lock:
            heapq.heappush(self._queue, (when, next(self._order), action, arguments))

    def _arrive(self, raw, direction):
        packet = packets.parse(raw, time.time())
        # Only the lab's own traffic: neighbour discovery and the like stay local.
        if packet and packet.protocol in (1, 6, 17):
            hops, wait = self._leg(direction == C2S)
            here = packets.parse(packets.with_ttl(packet.raw, max(packet.ttl - hops, 1)),
                                 packet.time)
            # The sender's own capture has it with the TTL that it started with.
            here.captured_key = packet.key()
            self._at(time.time() + wait, self._judge, here, direction)

    def _judge(self, packet, direction):
        copies, extra, raw = 1, 0.0, packet.raw
        packet.direction = direction
        if packet.is_tcp:
            self.flows.take(packet, direction)
        for rule in self.rules:
            verdict = rule(packet, self)
            if verdict is None:
                continue
            if verdict == "drop":
                self.note("dropped", packet, direction, _name(rule))
                return
            if verdict == "duplicate":
                self.note("duplicated", packet, direction, _name(rule))
                copies += 1
            elif verdict[0] == "delay":
                self.note("delayed", packet, direction, f"{_name(rule)} {verdict[1]:.3f} s")
                extra += verdict[1]
            elif verdict[0] == "replace":
                raw = verdict[1]
        hops, _ = self._leg(direction == S2C)
        raw = packets.with_ttl(raw, max(packets.parse(raw).ttl - hops, 1))
        when = self._exit_time(direction, len(raw), extra)
        for copy in range(copies):
            self._at(when + 0.0002 * copy, self._transmit, raw, direction)

    def _leg(self, of_client):
        """(hops, delay) between the middle and one of the ends."""
        if of_client:
            return self.path.client_hops, self.path.client_delay
        return self.path.server_hops, self.path.server_delay

    def _exit_time(self, direction, size, extra):
        when = time.time() + self._leg(direction == S2C)[1] + extra
        if self.path.jitter:
            when += self.random.uniform(0, self.path.jitter)
        last = self._last_exit[direction]
        if self.path.rate:
            when = max(when, last + size / self.path.rate)
        elif not self.path.reorder and not extra:
            when = max(when, last)
        if not extra:
            self._last_exit[direction] = when
        return when

    def _transmit(self, raw, direction):
        # Packets going to the server leave by m1 and the other way round.
        leave, source, target = (
            (S2C, namespaces.MIDDLE_SERVER_MAC, namespaces.SERVER_MAC) if direction == C2S
            else (C2S, namespaces.MIDDLE_CLIENT_MAC, namespaces.CLIENT_MAC))
        kind = b"\x86\xdd" if raw[0] >> 4 == 6 else b"\x08\x00"
        frame = _mac(target) + _mac(source) + kind + raw
        self._ports[leave].send(frame)


def _raw_socket(interface):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    port.bind((interface, 0))
    return port


def _mac(text):
    return bytes.fromhex(text.replace(":", ""))


def _name(rule):
    return getattr(rule, "label", None) or getattr(rule, "__name__", type(rule).__name__)
