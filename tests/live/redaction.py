"""`--redact`: nothing that the packets say of hosts and people leaves the program."""

import os
import pty
import select
import socket
import time

import wire
from faults import CASES, FAULT
from watcher import Watcher, play

# With a user's name, a certificate's, and the text of a load balancer.
TELLING = [FAULT, CASES / "dark-licensing/client.pcap", CASES / "injected-bigip-active/client.pcap"]
NAMES = [b"alice", b"labserver", b"2c3f9a1", b"10.77.", wire.WATCH_IF.encode()]


def redact(program, home, _):
    secrets = NAMES + [secret for capture in TELLING for secret in addresses(capture)]
    for form in ("ndjson", "log", "table"):
        out = home / f"redact-{form}"
        out.mkdir(mode=0o777)
        out.chmod(0o777)
        ours, theirs = pty.openpty()
        words = ["--redact", "--format", form, "--out", out, "--metrics", out / "metrics"]
        words += ["--redact-key", out / "the.key"] if form == "ndjson" else []
        watcher = Watcher(program, *words, stdout=theirs)
        players = [play(capture, 2) for capture in TELLING]
        shown = b""
        while any(player.poll() is None for player in players):
            shown += read(ours, 0.2)
        # The last is over five seconds after its reset.
        end = time.monotonic() + 6
        while time.monotonic() < end:
            shown += read(ours, 0.2)
        watcher.process.terminate()
        while watcher.process.poll() is None:
            shown += read(ours, 0.2)
        shown += read(ours, 0.2)
        said = watcher.said()
        os.close(ours)
        os.close(theirs)
        assert b"injected-reset" in shown, (form, shown, said)
        files = list(out.iterdir())
        assert sum(file.suffix == ".pcapng" for file in files) >= 2, (files, said)
        written = {file.name: file.read_bytes() for file in files if file.suffix != ".key"}
        told = {"shown": shown, "said": said.encode(), "names": "\n".join(written).encode()} | written
        # The table's first line names the interface to whoever watches.
        known = [secret for secret in secrets if form != "table" or secret != wire.WATCH_IF.encode()]
        for where, text in told.items():
            for secret in known if where == "shown" else secrets:
                assert secret not in text, (form, where, secret)
    print(f"  {len(secrets)} names and addresses sought in lines, log, table, remarks, metrics and {len(files)} files")


def addresses(capture):
    """Hardware addresses as bytes, IPv4 addresses as bytes and as text."""
    found = set()
    for _, frame in wire.frames(capture):
        found |= {frame[:6], frame[6:12]}
        if frame[12:14] == b"\x08\x00":
            for address in (frame[26:30], frame[30:34]):
                found |= {address, socket.inet_ntoa(address).encode()}
    return found - {bytes(6)}


def read(terminal, seconds):
    text = b""
    while select.select([terminal], [], [], seconds)[0]:
        try:
            more = os.read(terminal, 65536)
        except OSError:
            break
        if not more:
            break
        text, seconds = text + more, 0
    return text
