"""Spoils captures of good cases in the ways in which people's captures are spoiled.

Each damage takes the frames of a capture and returns the bytes of a new file, with the
old number of every new frame, so that truth keeps pointing at the right packets.
"""

import random
import shutil
import struct
import tomllib
from dataclasses import dataclass
from typing import Callable

import packets
import truth

_ETHERNET, _RAW, _SLL, _SLL2 = 1, 101, 113, 276


@dataclass
class Spoiled:
    data: bytes
    origin: list        # origin[n] = the number that new frame n + 1 had before
    suffix: str = "pcap"


def _pcap(frames, link=_ETHERNET, snap=262144, nanoseconds=False):
    """frames: (time, bytes kept, original length)."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, snap, link)
    for time, kept, length in frames:
        micros = round(time * 1e6)
        # A nanosecond capture has digits below the microsecond; any will do.
        part = micros % 1_000_000 * 1000 + len(kept) % 1000 if nanoseconds else micros % 1_000_000
        out += struct.pack("<IIII", micros // 1_000_000, part, len(kept), length) + kept
    return out


def _whole(frames):
    return [(time, data, len(data)) for time, data in frames]


def _all(frames):
    return list(range(1, len(frames) + 1))


def snap(length):
    def spoil(frames, side):
        return Spoiled(_pcap([(time, data[:length], len(data)) for time, data in frames],
                             snap=length), _all(frames))
    return spoil


def late_start(skipped):
    def spoil(frames, side):
        return Spoiled(_pcap(_whole(frames[skipped:])), _all(frames)[skipped:])
    return spoil


def _chosen(frames, numbers):
    return Spoiled(_pcap(_whole([frames[n - 1] for n in numbers])), numbers)


def one_direction(keep_client):
    def spoil(frames, side):
        numbers = []
        for number, (_, data) in enumerate(frames, 1):
            packet = packets.parse(data[14:])
            if (packet.dport == 3389) == keep_client:
                numbers.append(number)
        return _chosen(frames, numbers)
    return spoil


def missing(fraction, seed):
    """Frames that the capture lost and the network did not. Connections keep start and end."""
    def spoil(frames, side):
        chance = random.Random(f"{seed} {side}")
        numbers = []
        for number, (_, data) in enumerate(frames, 1):
            packet = packets.parse(data[14:])
            ends = packet.flags & (packets.SYN | packets.FIN | packets.RST)
            if number < 5 or ends or chance.random() >= fraction:
                numbers.append(number)
        return _chosen(frames, numbers)
    return spoil


def twice(frames, side):
    """A mirror port that sees every packet before and after a router."""
    doubled = []
    for number, (time, data) in enumerate(frames, 1):
        packet = packets.parse(data[14:])
        routed = data[:14] + packets.with_ttl(packet.raw, max(packet.ttl - 1, 1))
        doubled += [(time, data, number), (time + 0.000012, routed, number)]
    doubled.sort(key=lambda entry: entry[0])
    return Spoiled(_pcap([(time, data, len(data)) for time, data, _ in doubled]),
                   [number for _, _, number in doubled])


def vlan(*tags):
    """One tag is 802.1Q; of two, the outer is 802.1ad."""
    def spoil(frames, side):
        marks = b"".join(struct.pack("!HH", 0x88A8 if place == 0 and len(tags) == 2 else 0x8100, tag)
                         for place, tag in enumerate(tags))
        return Spoiled(_pcap(_whole([(time, data[:12] + marks + data[12:])
                                     for time, data in frames])), _all(frames))
    return spoil


def _is_outgoing(data, side):
    return (packets.parse(data[14:]).dport == 3389) == (side == "client")


def cooked(frames, side):
    """Linux "any", first version: no addresses of the target, a packet type instead."""
    made = []
    for time, data in frames:
        head = struct.pack("!HHH", 4 if _is_outgoing(data, side) else 0, 1, 6) + data[6:12] \
            + b"\0\0" + data[12:14]
        made.append((time, head + data[14:]))
    return Spoiled(_pcap(_whole(made), _SLL), _all(frames))


def cooked2(frames, side):
    made = []
    for time, data in frames:
        head = data[12:14] + struct.pack("!HIHBB", 0, 2, 1, 4 if _is_outgoing(data, side) else 0,
                                         6) + data[6:12] + b"\0\0"
        made.append((time, head + data[14:]))
    return Spoiled(_pcap(_whole(made), _SLL2), _all(frames))


def nanoseconds(frames, side):
    return Spoiled(_pcap(_whole(frames), nanoseconds=True), _all(frames))


def two_interfaces(frames, side):
    """A pcapng of two interfaces: what leaves, on Ethernet; what comes, on a raw IP tunnel."""
    out = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += _block(1, struct.pack("<HHI", _ETHERNET, 0, 262144))
    # The second interface counts nanoseconds (if_tsresol 9), the first the default, micro.
    out += _block(1, struct.pack("<HHI", _RAW, 0, 65535) + struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0))
    for time, data in frames:
        micros = round(time * 1e6)
        interface = 0 if _is_outgoing(data, side) else 1
        body = data if interface == 0 else data[14:]
        stamp = micros if interface == 0 else micros * 1000
        out += _block(6, struct.pack("<IIIII", interface, stamp >> 32, stamp & 0xFFFFFFFF,
                                     len(body), len(body)) + body + b"\0" * (-len(body) % 4))
    return Spoiled(out, _all(frames), "pcapng")


def _block(kind, body):
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def cut_last(frames, side):
    """The file ends in the middle of the last packet, as when a disk is full."""
    return Spoiled(_pcap(_whole(frames))[:-len(frames[-1][1]) // 2], _all(frames)[:-1])


@dataclass
class Damage:
    name: str
    source: str
    spoil: Callable
    what: str
    must: tuple = ()
    keeps: bool = True      # the source's own findings must still be found
    cannot: tuple = ()


_STAGE = ("stage",)
DAMAGES = [
    Damage("snaplen-96", "healthy-nla-tls12", snap(96), "is cut to 96 bytes a packet",
           ("capture-cut-packets",)),
    Damage("snaplen-96-injected", "injected-zeek-stride-credssp", snap(96),
           "is cut to 96 bytes a packet", ("capture-cut-packets",)),
    Damage("snaplen-96-certificate", "refused-expired-certificate-tls12", snap(96),
           "is cut to 96 bytes a packet: the certificate is gone", ("capture-cut-packets",), False,
           ("expired-certificate",)),
    Damage("snaplen-128-windows", "windows-nla-kerberos-tls12", snap(128),
           "is cut to 128 bytes a packet", ("capture-cut-packets",)),
    Damage("snaplen-128-standard", "healthy-standard", snap(128), "is cut to 128 bytes a packet",
           ("capture-cut-packets",)),
    Damage("late-start", "healthy-nla-tls13", late_start(20), "begins 20 packets late",
           ("capture-late-start",), cannot=_STAGE),
    Damage("late-start-active", "windows-nla-ntlm-tls12", late_start(80),
           "begins in the middle of the active session", ("capture-late-start",), cannot=_STAGE),
    Damage("late-start-injected", "injected-tcpkill-active", late_start(40),
           "begins 40 packets late", ("capture-late-start",), cannot=_STAGE),
    Damage("one-sided-client", "healthy-nla-tls12", one_direction(True),
           "has the client's packets only", ("capture-one-sided",), cannot=_STAGE),
    Damage("one-sided-server", "windows-nla-ntlm-tls12", one_direction(False),
           "has the server's packets only", ("capture-one-sided",), cannot=_STAGE),
    Damage("one-sided-stalled", "stalled-server-serverhello", one_direction(True),
           "has the client's packets only, so that the server's silence means nothing",
           ("capture-one-sided",), False, ("stalled-negotiation", "ended_how", "outcome")),
    Damage("missing-5", "healthy-nla-tls13", missing(0.05, 1), "lacks 5 % of the frames",
           ("capture-gaps",), cannot=_STAGE),
    Damage("missing-5-windows", "windows-nla-ntlm-tls12", missing(0.05, 2),
           "lacks 5 % of the frames", ("capture-gaps",), cannot=_STAGE),
    Damage("missing-5-loss", "rough-loss-10", missing(0.05, 3),
           "lacks 5 % of the frames, beside what the network lost", ("capture-gaps",), False, _STAGE),
    Damage("missing-20-standard", "windows-standard", missing(0.2, 4), "lacks 20 % of the frames",
           ("capture-gaps",), cannot=_STAGE),
    Damage("twice", "healthy-nla-tls13", twice, "has every frame twice, the second with a TTL less "
           "by one", ("capture-duplicates",)),
    Damage("twice-injected", "injected-suricata-tls", twice, "has every frame twice, the second "
           "with a TTL less by one", ("capture-duplicates",)),
    Damage("twice-refused", "refused-password-tls13", twice, "has every frame twice, the second "
           "with a TTL less by one", ("capture-duplicates",)),
    Damage("vlan", "healthy-nla-tls13", vlan(77), "is tagged 802.1Q"),
    Damage("qinq", "windows-nla-ntlm-tls12", vlan(100, 77), "is tagged twice, 802.1ad and 802.1Q"),
    Damage("vlan-injected", "injected-snort-tls", vlan(77), "is tagged 802.1Q"),
    Damage("cooked", "healthy-tls-tls12", cooked, "is of Linux cooked link type, version 1"),
    Damage("cooked2", "refused-expired-certificate-tls12", cooked2,
           "is of Linux cooked link type, version 2"),
    Damage("nanoseconds", "healthy-nla-tls13", nanoseconds, "has nanosecond time stamps"),
    Damage("nanoseconds-injected", "injected-netfilter-licensing", nanoseconds,
           "has nanosecond time stamps"),
    Damage("two-interfaces", "healthy-nla-tls12", two_interfaces,
           "is a pcapng of two interfaces with differing link types and clocks"),
    Damage("two-interfaces-injected", "injected-snort-credssp", two_interfaces,
           "is a pcapng of two interfaces with differing link types and clocks"),
    Damage("cut-last-packet", "healthy-nla-tls12", cut_last, "ends in the middle of a packet"),
    Damage("cut-last-packet-refused", "refused-tls-version", cut_last,
           "ends in the middle of a packet"),
]


def make(cases, replace):
    """Make every damaged case whose source exists; yields the names made."""
    for damage in DAMAGES:
        target = cases / f"damage-{damage.name}"
        if target.exists() and not replace:
            continue
        source = cases / damage.source
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        origins = {side: _spoil_file(source, target, side, damage.spoil) for side in truth.SIDES}
        if (source / "keys.txt").exists():
            shutil.copy(source / "keys.txt", target)
        known = tomllib.loads((source / "truth.toml").read_text())
        (target / "truth.toml").write_text(_truth(known, damage, origins))
        yield target.name


def _spoil_file(source, target, side, spoil):
    frames = packets.read_pcap(source / f"{side}.pcap")
    if not frames:
        shutil.copy(source / f"{side}.pcap", target)
        return []
    spoiled = spoil(frames, side)
    (target / f"{side}.{spoiled.suffix}").write_bytes(spoiled.data)
    return spoiled.origin


def _truth(known, damage, origins):
    value = truth.value
    lines = [f"name = {value('damage-' + damage.name)}",
             f"title = {value(f'the capture of {damage.source} {damage.what}')}",
             'kind = "damage"', f"tls = {value(known['tls'])}", f"source = {value(damage.source)}"]
    for connection in known["connections"]:
        lines += ["", "[[connections]]", f"client = {value(connection['client'])}",
                  f"server = {value(connection['server'])}"]
        for side in truth.SIDES:
            if f"seen_from_{side}" in connection:
                lines += [f"[connections.seen_from_{side}]",
                          *_seen(connection[f"seen_from_{side}"], origins[side], damage.cannot)]
    for table in ("expect", "expect_from_client", "expect_from_server"):
        if table in known:
            expected = dict(known[table])
            kept = expected.get("must", []) if damage.keeps else []
            expected["must"] = [*kept, *damage.must]
            # Of a failure that the damage may hide, no verdict is demanded and none forbidden.
            if not damage.keeps and expected["verdict"]:
                expected["verdict"] = truth.ANY
            lines += ["", f"[{table}]", *truth.expectation(expected)]
    return "\n".join(lines) + "\n"


def _seen(seen, origin, cannot):
    seen = dict(seen)
    for field in ("forged_frames", "lost_frames_hint"):
        old = set(seen[field])
        # Of a packet that the capture has twice, the first copy stands for both.
        seen[field] = sorted(origin.index(was) + 1 for was in old if was in origin)
    unknown = [*seen.pop("cannot", []), *cannot]
    if unknown:
        seen["cannot"] = unknown
    return [f"{field} = {truth.value(content)}" for field, content in seen.items()]
