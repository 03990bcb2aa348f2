"""A wire between two network namespaces, and captures played onto it.

Frames go out as they were captured, with the pauses that lay between them
(divided by a speed), through an AF_PACKET socket on one end of a veth pair.
"""

import os
import socket
import struct
import subprocess
import time

# Two runs at a time need two wires: LIVE_WIRE=soak names another one.
NAME = os.environ.get("LIVE_WIRE", "live")
WATCH, PLAY = f"rdpwhy-{NAME}-w", f"rdpwhy-{NAME}-p"
WATCH_IF, PLAY_IF = "watch0", "play0"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def down():
    for name in (WATCH, PLAY):
        subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)


def up():
    """Both namespaces, the pair between them, and nothing else on the wire."""
    down()
    for name in (WATCH, PLAY):
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
    ip("link", "add", WATCH_IF, "netns", WATCH, "type", "veth", "peer", "name", PLAY_IF, "netns", PLAY)
    for name, interface in ((WATCH, WATCH_IF), (PLAY, PLAY_IF)):
        subprocess.run(
            ["ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1"], check=True
        )
        # A jumbo frame of a capture with offloads must pass, too.
        ip("-n", name, "link", "set", interface, "mtu", "9000", "up")


def lane(number):
    """A further pair: watch1 and play1, …"""
    watch, play = f"watch{number + 1}", f"play{number + 1}"
    ip("link", "add", watch, "netns", WATCH, "type", "veth", "peer", "name", play, "netns", PLAY)
    for name, interface in ((WATCH, watch), (PLAY, play)):
        subprocess.run(
            ["ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1"], check=True
        )
        ip("-n", name, "link", "set", interface, "mtu", "9000", "up")


def frames(path):
    """Time in seconds and bytes of every frame of a classic pcap (Ethernet)."""
    data = open(path, "rb").read()
    magic = struct.unpack_from("<I", data)[0]
    unit = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}[magic]
    link = struct.unpack_from("<I", data, 20)[0]
    if link != 1:
        raise ValueError(f"{path}: link type {link}; only Ethernet can be played")
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, captured, original = struct.unpack_from("<IIII", data, at)
        if captured < original:
            raise ValueError(f"{path}: holds frames that were cut short")
        yield seconds + fraction * unit, data[at + 16 : at + 16 + captured]
        at += 16 + captured


def play(path, speed=1.0, interface=PLAY_IF):
    """Plays a capture; returns how many frames went out. To be called inside
    the namespace PLAY."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    began, first, count = time.monotonic(), None, 0
    for at, frame in frames(path):
        first = at if first is None else first
        wait = (at - first) / speed - (time.monotonic() - began)
        if wait > 0:
            time.sleep(wait)
        out.send(frame.ljust(60, b"\0"))
        count += 1
    return count


def stranger(interface):
    """A frame that is nobody's business (an ethertype for experiments): who
    captures everything shows by it until when."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    out.send(bytes.fromhex("ffffffffffff" "020000000009" "88b5").ljust(60, b"\0"))


def flood(packets):
    """SYNs from random sources, in random order of ports, as fast as they go."""
    import random

    dice = random.Random(7)
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((PLAY_IF, 0))
    head = bytes.fromhex("020000000002" "020000000001" "0800")
    for n in range(packets):
        ipv4 = struct.pack("!BBHHHBBHII", 0x45, 0, 40, n & 0xFFFF, 0x4000, 64, 6, 0, dice.getrandbits(32), 0x0A4D0202)
        tcp = struct.pack("!HHIIBBHHH", dice.randrange(1024, 65536), 3389, dice.getrandbits(32), 0, 0x50, 2, 64240, 0, 0)
        out.send((head + ipv4 + tcp).ljust(60, b"\0"))


def at_rate(path, rate, seconds):
    """The frames of a capture, over and over, `rate` of them a second; a round
    opens the same connections anew. Returns how many went out, and in what
    time."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    out.bind((PLAY_IF, 0))
    all_frames = [frame.ljust(60, b"\0") for _, frame in frames(path)]
    send, clock = out.send, time.monotonic
    began, sent = clock(), 0
    total = int(rate * seconds)
    while sent < total and clock() - began < 2 * seconds:
        due = min(int((clock() - began) * rate) + 1, total)
        while sent < due:
            try:
                send(all_frames[sent % len(all_frames)])
            except OSError:
                continue
            sent += 1
        time.sleep(0.0005)
    return sent, clock() - began


def moved(frame, to):
    """The frame of another client: a byte of its address changed. (Checksums
    are as wrong as those of a host that leaves them to its card.)"""
    v6 = frame[12:14] == b"\x86\xdd"
    ports = 54 if v6 else 14 + (frame[14] & 15) * 4
    (source_port,) = struct.unpack_from("!H", frame, ports)
    # The client is who does not send from 3389.
    at = (22 + 6 if v6 else 26 + 1) + ((16 if v6 else 4) if source_port == 3389 else 0)
    return frame[:at] + bytes([frame[at] ^ to]) + frame[at + 1 :]


def steady(paths, rate, seconds):
    """The frames of captures, one after the other, over and over, `rate` of them
    a second; a round is another client's than the three before it, and ends what
    was still open of the fourth. Returns how many went out."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((PLAY_IF, 0))
    all_frames = [frame.ljust(60, b"\0") for path in paths for _, frame in frames(path)]
    began, sent = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        while sent < now * rate:
            around, n = divmod(sent, len(all_frames))
            out.send(moved(all_frames[n], around % 4))
            sent += 1
        time.sleep(0.01)
    return sent


if __name__ == "__main__":
    import sys

    if sys.argv[1] == "play":
        speed = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
        print(play(sys.argv[2], speed, sys.argv[4] if len(sys.argv) > 4 else PLAY_IF))
    elif sys.argv[1] == "stranger":
        stranger(sys.argv[2])
    elif sys.argv[1] == "rate":
        print(*at_rate(sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
    elif sys.argv[1] == "steady":
        print(steady(sys.argv[4:], float(sys.argv[2]), float(sys.argv[3])))
    elif sys.argv[1] == "flood":
        flood(int(sys.argv[2]))
    else:
        {"up": up, "down": down}[sys.argv[1]]()
