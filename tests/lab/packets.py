"""IP and TCP headers as bytes: reading, building, checksums, and classic pcap files."""

import socket
import struct
from dataclasses import dataclass, field

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass
class Packet:
    """One IP packet. `raw` is the whole of it, without the link header."""
    raw: bytes
    time: float = 0.0
    version: int = 4
    src: str = ""
    dst: str = ""
    ttl: int = 0
    tos: int = 0
    ident: int = 0          # IPv4 identification; 0 in IPv6
    protocol: int = 0
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    payload: bytes = b""
    options: bytes = field(default=b"", repr=False)
    frame: int = 0          # number within a capture, from 1

    @property
    def is_tcp(self):
        return self.protocol == 6

    @property
    def seq_length(self):
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)

    def key(self):
        """What names this very packet, as against a retransmission of it."""
        return (self.src, self.sport, self.dst, self.dport, self.seq, self.ack,
                self.flags, self.window, self.ident, self.ttl, len(self.payload))


def parse(raw, time=0.0):
    """An IP packet, or None for what is not IP or is cut short."""
    if len(raw) < 20:
        return None
    packet = Packet(raw=raw, time=time, version=raw[0] >> 4)
    if packet.version == 4:
        header = (raw[0] & 15) * 4
        total = struct.unpack_from("!H", raw, 2)[0]
        packet.tos, packet.ttl, packet.protocol = raw[1], raw[8], raw[9]
        packet.ident = struct.unpack_from("!H", raw, 4)[0]
        packet.src, packet.dst = socket.inet_ntoa(raw[12:16]), socket.inet_ntoa(raw[16:20])
    elif packet.version == 6 and len(raw) >= 40:
        header, total = 40, 40 + struct.unpack_from("!H", raw, 4)[0]
        packet.protocol, packet.ttl = raw[6], raw[7]
        packet.tos = (struct.unpack_from("!H", raw, 0)[0] >> 4) & 0xFF
        packet.src = socket.inet_ntop(socket.AF_INET6, raw[8:24])
        packet.dst = socket.inet_ntop(socket.AF_INET6, raw[24:40])
    else:
        return None
    # Ethernet pads short frames; the padding is not part of the packet.
    raw = packet.raw = raw[:total]
    if packet.protocol == 6 and len(raw) >= header + 20:
        (packet.sport, packet.dport, packet.seq, packet.ack, offset, packet.flags,
         packet.window) = struct.unpack_from("!HHIIBBH", raw, header)
        data = header + (offset >> 4) * 4
        packet.options, packet.payload = raw[header + 20:data], raw[data:]
    elif packet.protocol == 17 and len(raw) >= header + 8:
        packet.sport, packet.dport = struct.unpack_from("!HH", raw, header)
        packet.payload = raw[header + 8:]
    return packet


def build_tcp(src, dst, sport, dport, seq, ack, flags, *, window=0, payload=b"", options=b"",
              ttl=64, ident=0, dont_fragment=True, tos=0):
    """One TCP segment in an IP packet, every header field as asked."""
    options += b"\0" * (-len(options) % 4)
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                      (5 + len(options) // 4) << 4, flags, window, 0, 0) + options + payload
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    addresses = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
    if family == socket.AF_INET6:
        pseudo = addresses + struct.pack("!IHBB", len(tcp), 0, 0, 6)
        ip = struct.pack("!IHBB", 6 << 28 | tos << 20, len(tcp), 6, ttl) + addresses
    else:
        pseudo = addresses + struct.pack("!BBH", 0, 6, len(tcp))
        ip = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(tcp), ident,
                         0x4000 if dont_fragment else 0, ttl, 6, 0) + addresses
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return ip + tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]


def with_ttl(raw, ttl):
    """The same packet with another TTL and a right header checksum."""
    if raw[0] >> 4 == 6:
        return raw[:7] + bytes([ttl]) + raw[8:]
    header = bytearray(raw[:(raw[0] & 15) * 4])
    header[8] = ttl
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return bytes(header) + raw[len(header):]


def with_addresses(packet, src=None, dst=None, sport=None, dport=None):
    """The same TCP segment under other addresses, as a NAT would pass it on."""
    header = 40 if packet.version == 6 else (packet.raw[0] & 15) * 4
    fragment = struct.unpack_from("!H", packet.raw, 6)[0] if packet.version == 4 else 0
    rebuilt = build_tcp(src or packet.src, dst or packet.dst, sport or packet.sport,
                        dport or packet.dport, packet.seq, packet.ack, packet.flags,
                        window=packet.window, payload=packet.payload, options=packet.options,
                        ttl=packet.ttl, ident=packet.ident, tos=packet.tos,
                        dont_fragment=bool(fragment & 0x4000))
    assert len(rebuilt) == len(packet.raw) or header != 20
    return rebuilt


def read_pcap(path):
    """The frames of a little-endian microsecond Ethernet pcap: (time, bytes)."""
    data = path.read_bytes()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    if magic != 0xA1B2C3D4 or link != 1:
        raise ValueError(f"{path}: not the lab's own kind of pcap")
    frames, at = [], 24
    while at + 16 <= len(data):
        seconds, micros, kept, _ = struct.unpack_from("<IIII", data, at)
        frames.append((seconds + micros / 1e6, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    return frames


def read_packets(path):
    """The IP packets of a pcap, each with its frame number."""
    packets = []
    for number, (time, frame) in enumerate(read_pcap(path), 1):
        packet = parse(frame[14:], time)
        if packet:
            packet.frame = number
            packets.append(packet)
    return packets
