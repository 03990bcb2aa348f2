"""What a bridge can be told to do, and when.

A moment is a predicate on a packet that has passed `Flows.take`; a rule is what
the bridge calls for every packet (see Bridge).
"""

import random
import time

import packets
from flows import C2S, S2C

# Moments.


def connection_request(packet):
    return packet.direction == C2S and _x224(packet, 0xE0)


def connection_confirm(packet):
    return packet.direction == S2C and _x224(packet, 0xD0)


def _x224(packet, code):
    data = packet.payload
    return len(data) > 6 and data[:2] == b"\x03\x00" and data[5] == code


def client_hello(packet):
    return packet.direction == C2S and packet.payload[:1] == b"\x16" and packet.payload[5:6] == b"\1"


def server_hello(packet):
    return packet.direction == S2C and packet.payload[:1] == b"\x16" and packet.payload[5:6] == b"\2"


def client_record(number):
    """The packet in which the client's n-th record of TLS application data begins."""
    return lambda packet: packet.direction == C2S and any(
        record[2] == number for record in packet.records)


def server_record(number):
    return lambda packet: packet.direction == S2C and any(
        record[2] == number for record in packet.records)


def client_leg(stage, tls, peer="shadow"):
    """The client record that begins a stage, with the clients and servers of this lab.

    Under TLS 1.3 the Finished message counts as application data; freerdp-shadow makes
    the client join five channels, xrdp four.
    """
    finished, credssp, joins = (tls == "1.3"), (3 if peer == "shadow" else 0), \
        (5 if peer == "shadow" else 4)
    number = {"credssp": 1, "credssp-auth": 2, "mcs": credssp + 1,
              "licensing": credssp + 1 + 2 + joins + 1,
              "activation": credssp + 1 + 2 + joins + 1 + (1 if peer == "shadow" else 2)}[stage]
    return client_record(finished + number)


def mcs_client_info(packet):
    """The Client Info of a connection without TLS, by its security header."""
    data = packet.payload
    return (packet.direction == C2S and data[:2] == b"\x03\x00" and data[4:8] == b"\x02\xf0\x80\x64"
            and len(data) > 16 and data[15] & 0x40 and data[16] == 0)


# Rules.


class Once:
    """Calls `action(packet, bridge)` at the first packet of a moment, with its verdict."""

    def __init__(self, moment, action, label=None):
        self._moment, self._action, self.fired = moment, action, 0.0
        self.label = label or getattr(action, "label", "once")

    def __call__(self, packet, bridge):
        if not self.fired and packet.is_tcp and self._moment(packet):
            self.fired = time.time()
            return self._action(packet, bridge)
        return None


# A device that only listens is this much behind the packet that it answers, in seconds.
_BEHIND = 0.0006


class Inspector:
    """A device that meets the same moment in every connection with the same forged packets.

    FreeRDP tries a failed connection a second time, and a real device would reset that
    one too. With `block`, nothing of a connection passes after its moment. What is passed on
    arrives `behind` seconds before what answers it; with 0, just after that.
    """

    def __init__(self, moment, builder, pass_on=False, block=False,
                 behind=_BEHIND):
        self._moment, self._builder, self._pass_on, self._block = moment, builder, pass_on, block
        self._behind, self._met = behind if pass_on else 0, set()
        self.label = f"{builder.__name__} swallows its trigger"

    def __call__(self, packet, bridge):
        if not packet.is_tcp:
            return None
        if id(packet.flow) in self._met:
            return "drop" if self._block else None
        if not self._moment(packet):
            return None
        self._met.add(id(packet.flow))
        for raw, direction, delay in self._builder(packet, bridge.random):
            bridge.forge(raw, direction, self._builder.__name__, delay + self._behind)
        return None if self._pass_on else "drop"


class Dark:
    """From a moment on, nothing passes (in `ways`), for `seconds` or for good.

    The packet of the moment itself still passes if `after` is set.
    """

    def __init__(self, moment, ways=(C2S, S2C), seconds=None, after=False, label="path dark"):
        self._moment, self._ways, self._seconds, self._after = moment, ways, seconds, after
        self.label, self.since = label, None

    def __call__(self, packet, bridge):
        if self.since is None:
            if not (packet.is_tcp and self._moment(packet)):
                return None
            self.since = time.time()
            if self._after:
                return None
        if self._seconds is not None and time.time() - self.since > self._seconds:
            return None
        return "drop" if packet.direction in self._ways else None


class Lose:
    """Drops a fraction of what fits, from a fixed seed, until `seconds` after the first packet."""

    def __init__(self, fraction, fits=lambda packet: True, seed=7, seconds=None, start=0.0):
        self._fraction, self._fits, self._random = fraction, fits, random.Random(seed)
        self._seconds, self._start, self._begun = seconds, start, None
        self.label = f"{fraction:.0%} random loss"

    def __call__(self, packet, bridge):
        now = time.time()
        self._begun = self._begun or now
        age = now - self._begun
        if age < self._start or (self._seconds is not None and age > self._seconds):
            return None
        if self._fits(packet) and self._random.random() < self._fraction:
            return "drop"
        return None


class Count:
    """Applies a verdict to the first `number` packets of a moment."""

    def __init__(self, moment, number, verdict="drop", label="counted"):
        self._moment, self._left, self._verdict, self.label = moment, number, verdict, label

    def __call__(self, packet, bridge):
        if self._left and packet.is_tcp and self._moment(packet):
            self._left -= 1
            return self._verdict
        return None


def black_hole(size, ways=(C2S, S2C)):
    """Eats every packet above a size and tells nobody, as a tunnel without ICMP does."""
    def rule(packet, bridge):
        return "drop" if len(packet.raw) > size and packet.direction in ways else None
    rule.label = f"black hole above {size} bytes"
    return rule


def duplicates(fraction, seed=3):
    chance = random.Random(seed)

    def rule(packet, bridge):
        return "duplicate" if chance.random() < fraction else None
    rule.label = "duplicated on the way"
    return rule


def blocked(fits, label):
    def rule(packet, bridge):
        return "drop" if fits(packet) else None
    rule.label = label
    return rule


def is_syn(packet):
    return packet.is_tcp and packet.flags & (packets.SYN | packets.ACK) == packets.SYN


def wobble(seed=6):
    """Two roads of differing length take turns: the TTL of either side varies by one."""
    chance = random.Random(seed)

    def rule(packet, bridge):
        return "replace", packets.with_ttl(packet.raw, packet.ttl - chance.randrange(2))
    rule.label = "two roads"
    return rule


class Translate:
    """A NAT: the client's address and port become the outside's, and back."""

    def __init__(self, outside, first_port=40001):
        self._outside, self._next = outside, first_port
        self._ports, self._inside = {}, {}

    def __call__(self, packet, bridge):
        if not packet.is_tcp:
            return None
        if packet.direction == C2S:
            inside = (packet.src, packet.sport)
            if inside not in self._ports:
                self._ports[inside], self._inside[self._next] = self._next, inside
                self._next += 1
            return "replace", packets.with_addresses(packet, src=self._outside,
                                                     sport=self._ports[inside])
        if packet.dport in self._inside:
            address, port = self._inside[packet.dport]
            return "replace", packets.with_addresses(packet, dst=address, dport=port)
        return None

    def connections(self, server, port=3389):
        """{connection at the client: the same connection at the server}, as truth.py names them."""
        return {(*inside, server, port, 0): (self._outside, outside, server, port, 0)
                for inside, outside in self._ports.items()}
