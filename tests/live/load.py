"""How much comes through: the highest rate without drops, beside tcpdump and
dumpcap on the same wire, and memory under a steady rate."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import wire
from watcher import ROOT, Watcher, folder

# Frames are sent by the kernel's packet generator's poor cousin: one process
# that writes prepared frames as fast as the rate says.
SECONDS = 5
# Packets a second of the steady rate: some 700 connections a minute.
SOAK_RATE = 1_000
RATES = [10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000, 160_000, 200_000]


def made(home, kind, size):
    """RDP traffic, as the benches measure it."""
    path = home / f"{kind}.pcap"
    if not path.exists():
        command = ["cargo", "run", "--quiet", "--locked", "--example", "generate", "--", kind, size, str(path), "7"]
        subprocess.run(command, check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    return path


def send(path, rate, seconds):
    """Frames a second that really went out."""
    inside = ["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__, "rate", str(path), str(rate), str(seconds)]
    done = subprocess.run(inside, capture_output=True, text=True, check=True)
    sent, took = done.stdout.split()
    return int(sent), float(took)


def ours(program, path, rate):
    watcher = Watcher(program, "--format", "ndjson", stdout=subprocess.DEVNULL)
    before = watcher.cpu()
    sent, took = send(path, rate, SECONDS)
    time.sleep(1)
    cpu = watcher.cpu() - before
    _, said, _ = watcher.end(within=None)
    packets, dropped = map(int, re.search(r"watching: (\d+) packets, (\d+) dropped", said).groups())
    return sent, took, packets, dropped, cpu


def tcpdump(path, rate, out):
    command = ["ip", "netns", "exec", wire.WATCH, "tcpdump", "-i", wire.WATCH_IF, "-B", "16384", "-w", str(out), "port", "3389"]
    return other(command, path, rate, r"(\d+) packets captured", r"(\d+) packets dropped by kernel")


def dumpcap(path, rate, out):
    command = ["ip", "netns", "exec", wire.WATCH, "dumpcap", "-q", "-i", wire.WATCH_IF, "-B", "16", "-f", "port 3389", "-w", str(out)]
    return other(command, path, rate, r"received/dropped on interface '\w+': (\d+)/", r"received/dropped on interface '\w+': \d+/(\d+)")


def other(command, path, rate, captured, dropped):
    # Started as root, each may drop privileges and must still write.
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=os.setpgrp)
    time.sleep(1.5)
    before = cpu(process.pid)
    sent, took = send(path, rate, SECONDS)
    time.sleep(1)
    used = cpu(process.pid) - before
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    find = lambda pattern: int(re.search(pattern, said).group(1))
    return sent, took, find(captured), find(dropped), used


def cpu(pid):
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(") ")[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def load(program, home, _):
    path = made(home, "heavy", "64MiB")
    out = home / "other.pcap"
    out.touch()
    home.chmod(0o777)
    out.chmod(0o666)
    best = {}
    for rate in RATES:
        rows = [("rdpwhy", *ours(program, path, rate)), ("tcpdump", *tcpdump(path, rate, out)), ("dumpcap", *dumpcap(path, rate, out))]
        for name, sent, took, packets, dropped, used in rows:
            achieved = sent / took
            print(f"  asked {rate:>7}/s  {name:<8} sent {achieved:>9.0f}/s  captured {packets:>8} of {sent:>8}  dropped {dropped:>7}  cpu {used:.2f} s", flush=True)
            if dropped == 0 and packets >= sent * 0.999:
                best[name] = max(best.get(name, 0), achieved)
        if all(row[4] > 0 for row in rows) or all(row[1] / row[2] < 0.8 * rate for row in rows):
            break
    print("  highest rate without drops:", ", ".join(f"{name} {rate:.0f}/s" for name, rate in best.items()))
    assert "rdpwhy" in best


def soak(program, home, seconds):
    """Connections open and close at a steady rate, and some fail; memory stays
    where it is."""
    paths = [made(home, "heavy", "8MiB"), made(home, "scan", "256KiB")]
    out = folder(home, "soak")
    watcher = Watcher(program, "--out", out, "--keep", "200", "--format", "ndjson", stdout=subprocess.DEVNULL)
    inside = ["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__]
    sender = subprocess.Popen([*inside, "steady", str(SOAK_RATE), str(seconds), *map(str, paths)], stdout=subprocess.DEVNULL)
    began, sizes = time.monotonic(), []
    while sender.poll() is None:
        time.sleep(min(30, max(1, seconds / 20)))
        sizes.append(watcher.rss())
        print(f"  {time.monotonic() - began:6.0f} s  resident {sizes[-1] / 1024:.1f} MiB  cpu {watcher.cpu():.1f} s", flush=True)
    _, said, _ = watcher.end(within=2)
    print("  " + said.strip().replace("\n", "\n  "))
    half = sizes[len(sizes) // 2]
    assert sizes[-1] <= half * 1.1 + 4096, sizes
