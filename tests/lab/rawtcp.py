"""A TCP of our own on a raw socket, shaped like Windows.

No Windows host can stand in the lab; what an analyser sees of one is its headers:
TTL 128, an IP id that counts packets, no timestamps, a RST+ACK with window 0 instead
of a FIN. The endpoint lives on an address that no kernel owns.
"""

import itertools
import random
import socket
import threading
import time
from dataclasses import dataclass, field

import namespaces
import packets
from packets import ACK, FIN, PSH, RST, SYN

MTU = 1500


# Two hosts whose IP ids run side by side would look like one device copying the other's.
_starts = random.Random(4)


@dataclass
class Shape:
    """The habits of one host. Its IP id counter runs across all its connections."""
    ttl: int = 128
    window: int = 64240
    scale: int = 8
    first_rto: float = 0.3      # Windows 10 and later; 5 tries, doubling
    retries: int = 5
    abort_flags: int = RST | ACK
    refuses: bool = False       # no listener: every SYN is answered with a RST
    idents: itertools.count = field(
        default_factory=lambda: itertools.count(_starts.randrange(1, 60000)))


_PLACES = {
    "client": (namespaces.CLIENT, "c0", namespaces.CLIENT_MAC, namespaces.MIDDLE_CLIENT_MAC),
    "server": (namespaces.SERVER, "s0", namespaces.SERVER_MAC, namespaces.MIDDLE_SERVER_MAC),
}


class Reset(Exception):
    """The other side, or somebody in its name, reset the connection."""


class Endpoint:
    """One end of one connection. Receiving and retransmitting have a thread each."""

    def __init__(self, place, local, remote, shape=None, seed=1):
        namespace, interface, mac, router = _PLACES[place]
        self.local, self.remote = local, remote         # (address, port); remote port 0 = listen
        self.shape = shape or Shape()
        self.mss = MTU - (60 if ":" in local[0] else 40)
        kind = b"\x86\xdd" if ":" in local[0] else b"\x08\x00"
        self._link = bytes.fromhex((router + mac).replace(":", "")) + kind
        self._random = random.Random(f"{seed} {local}")
        self.next = self._sent = self._random.randrange(1 << 32)
        self.expected = 0                               # the next byte of the other side
        self._inbound, self._early = bytearray(), {}
        self._unacked = []                              # [seq, flags, data, sent at, tries]
        self.peer_window, self.peer_closed, self.was_reset = 65535, False, False
        self.window = self.shape.window
        self.established, self.dead = False, False
        self._news = threading.Condition()
        with namespaces.inside(namespace):
            self._port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._port.bind((interface, 0))
        self._port.settimeout(0.1)
        self._running = True
        for loop in (self._receive, self._retransmit):
            threading.Thread(target=loop, daemon=True).start()

    # For scripts.

    def connect(self, seconds=10):
        self._send(SYN, options=self._syn_options(), keep=True)
        self.next += 1
        self._await(lambda: self.established, seconds)

    def accept(self, seconds=20):
        self._await(lambda: self.established, seconds)

    def send(self, data):
        if self.was_reset:
            raise Reset()
        while data and not self.dead:
            part, data = data[:self.mss], data[self.mss:]
            self._send(ACK | (0 if data else PSH), part, keep=True)
            self.next = (self.next + len(part)) & 0xFFFFFFFF

    def receive(self, count, seconds=30):
        """Exactly `count` bytes."""
        self._await(lambda: len(self._inbound) >= count, seconds)
        with self._news:
            data = bytes(self._inbound[:count])
            del self._inbound[:count]
        return data

    def receive_any(self, seconds=30):
        self._await(lambda: self._inbound or self.peer_closed, seconds)
        with self._news:
            data = bytes(self._inbound)
            self._inbound.clear()
        return data

    def fin(self):
        self._send(FIN | ACK, keep=True)
        self.next = (self.next + 1) & 0xFFFFFFFF

    def reset(self):
        """The Windows abort: RST+ACK, exactly in sequence, window 0."""
        self.dead = True
        # What waits for a closed window was never sent and does not count.
        self._transmit(self._sent, self.shape.abort_flags, window=0)

    def advertise(self, window):
        """Open or close the receive window, and say so."""
        self.window = window
        self._transmit(self.next, ACK)

    def wait_for_end(self, seconds):
        """True when the other side has closed or reset within the time."""
        try:
            self._await(lambda: self.peer_closed, seconds)
            return True
        except Reset:
            return True
        except TimeoutError:
            return False

    def stop(self):
        self._running = False
        self.dead = True

    # The machine.

    def _await(self, condition, seconds):
        deadline = time.time() + seconds
        with self._news:
            while not condition():
                if self.was_reset:
                    raise Reset()
                left = deadline - time.time()
                if left <= 0 or self.dead:
                    raise TimeoutError("the other side did not come")
                self._news.wait(min(left, 0.1))

    def _syn_options(self):
        return b"\x02\x04" + self.mss.to_bytes(2, "big") + b"\x01\x03\x03" + bytes([self.shape.scale]) \
            + b"\x01\x01\x04\x02"

    def _send(self, flags, data=b"", options=b"", keep=False):
        if keep:
            self._unacked.append([self.next, flags, data, options, time.time(), 0])
        if self.peer_window or not data:
            self._transmit(self.next, flags, data, options)

    def _transmit(self, seq, flags, data=b"", options=b"", window=None, dont_fragment=True):
        if window is None:
            window = self.window if flags & SYN else self.window >> self.shape.scale
        if flags & SYN and not flags & ACK:
            ack = 0
        else:
            ack = self.expected
        end = (seq + len(data) + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        if 0 < (end - self._sent) & 0xFFFFFFFF < 1 << 31:
            self._sent = end
        raw = packets.build_tcp(self.local[0], self.remote[0], self.local[1], self.remote[1], seq,
                                ack, flags, window=min(window, 65535), payload=data,
                                options=options, ttl=self.shape.ttl,
                                dont_fragment=dont_fragment,
                                ident=next(self.shape.idents) & 0xFFFF)
        self._port.send(self._link + raw)

    def _receive(self):
        while self._running:
            try:
                frame, address = self._port.recvfrom(65535)
            except TimeoutError:
                continue
            packet = packets.parse(frame[14:]) if address[2] != 4 else None
            if packet and packet.is_tcp and (packet.dst, packet.dport) == self.local:
                if self.remote[1] in (0, packet.sport):
                    with self._news:
                        self._take(packet)
                        self._news.notify_all()

    def _take(self, packet):
        if self.dead:
            return
        if packet.flags & RST:
            # RFC 5961: only a reset at exactly the next byte kills; before that, one that acks.
            exact = packet.seq == self.expected or not self.established
            self.was_reset = self.dead = exact
            return
        if packet.flags & SYN:
            self._take_syn(packet)
            return
        if packet.flags & ACK:
            self._take_ack(packet)
        if packet.payload or packet.flags & FIN:
            self._take_data(packet)

    def _take_syn(self, packet):
        if packet.flags & ACK:
            self.expected = (packet.seq + 1) & 0xFFFFFFFF
            self._take_ack(packet)
            self.established = True
            self._transmit(self.next, ACK)
        elif not self.established:
            self.remote = (packet.src, packet.sport)
            self.expected = (packet.seq + 1) & 0xFFFFFFFF
            if self.shape.refuses:
                # Windows leaves DF out of this one reset, and out of no other.
                self._transmit(0, RST | ACK, window=0, dont_fragment=False)
            elif not self._unacked:
                self._send(SYN | ACK, options=self._syn_options(), keep=True)
                self.next = (self.next + 1) & 0xFFFFFFFF

    def _take_ack(self, packet):
        opened = not self.peer_window and packet.window
        self.peer_window = packet.window
        self._unacked = [segment for segment in self._unacked
                         if 0 < ((segment[0] + max(len(segment[2]), 1)) - packet.ack) & 0xFFFFFFFF
                         < 1 << 31]
        self.established = self.established or packet.ack == self.next
        if opened:
            for segment in self._unacked:
                self._transmit(*segment[:4])

    def _take_data(self, packet):
        if self.window:
            self._early[packet.seq] = packet
        while self.expected in self._early:
            segment = self._early.pop(self.expected)
            self._inbound += segment.payload
            self.expected = (self.expected + segment.seq_length) & 0xFFFFFFFF
            self.peer_closed = self.peer_closed or bool(segment.flags & FIN)
        self._transmit(self.next, ACK)

    def _retransmit(self):
        while self._running:
            time.sleep(0.02)
            with self._news:
                if not self._unacked or self.dead:
                    continue
                segment = self._unacked[0]
                seq, flags, data, options, sent, tries = segment
                first = 1.0 if flags & SYN else self.shape.first_rto
                if time.time() - sent < first * 2 ** min(tries, self.shape.retries):
                    continue
                if tries == self.shape.retries and self.peer_window:
                    self.dead = True
                    self._transmit(self._sent, RST | ACK, window=0)
                    self._news.notify_all()
                    continue
                segment[4], segment[5] = time.time(), tries + 1
                # Into a closed window goes one byte, to hear whether it has opened.
                self._transmit(seq, flags, data if self.peer_window else data[:1], options)
