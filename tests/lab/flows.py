"""What the bridge remembers of each connection: enough to time a fault and to forge a reset."""

import packets

C2S, S2C = "client-to-server", "server-to-client"


class Direction:
    def __init__(self):
        self.next_seq = None        # one past the highest byte sent
        self.last = None            # the last packet
        self.first = None
        self.application_records = 0
        self._record_at = None      # sequence number where the next TLS record begins

    def take(self, packet):
        self.first, self.last = self.first or packet, packet
        end = packet.seq + packet.seq_length
        if self.next_seq is None or _after(end, self.next_seq):
            self.next_seq = end & 0xFFFFFFFF
        packet.records = self._records(packet)

    def _records(self, packet):
        """TLS records that begin in this packet, as (type, length, number of its kind).

        Only records that begin at or after the expected place count, so that a
        retransmission counts nothing twice.
        """
        found, payload = [], packet.payload
        if not payload:
            return found
        if self._record_at is None:
            if payload[0] not in (0x16, 0x15):
                return found
            self._record_at = packet.seq
        at = (self._record_at - packet.seq) & 0xFFFFFFFF
        while at + 5 <= len(payload):
            kind, length = payload[at], int.from_bytes(payload[at + 3:at + 5], "big")
            self.application_records += kind == 0x17
            found.append((kind, length, self.application_records if kind == 0x17 else 0))
            at += 5 + length
            self._record_at = (packet.seq + at) & 0xFFFFFFFF
        return found


class Flow:
    def __init__(self):
        self.ways = {C2S: Direction(), S2C: Direction()}

    def toward_server(self):
        return self.ways[C2S]


class Flows:
    def __init__(self):
        self._flows = {}

    def all(self):
        return list(self._flows.values())

    def take(self, packet, direction):
        ends = ((packet.src, packet.sport), (packet.dst, packet.dport))
        name = ends if direction == C2S else ends[::-1]
        fresh = packet.flags & packets.SYN and not packet.flags & packets.ACK
        known = self._flows.get(name)
        first = known and known.ways[C2S].first
        if known is None or (fresh and first and first.seq != packet.seq):
            known = self._flows[name] = Flow()
        known.ways[direction].take(packet)
        packet.flow = known
        packet.direction = direction


def _after(a, b):
    return 0 < ((a - b) & 0xFFFFFFFF) < 0x80000000
