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

HERE = Path(__file__).parent
# A trial takes eight seconds; three programs at ten rates take four minutes.
SECONDS = float(os.environ.get("LOAD_SECONDS", "5"))
RATES = [int(rate) for rate in os.environ.get("LOAD_RATES", "25000 50000 100000 150000 200000 300000 400000 500000 700000 1000000").split()]
# Of what was sent, so much must be captured: a packet may still be under way.
ALL = 0.9999
# Packets a second of the steady rate: some 700 connections a minute.
SOAK_RATE = 1_000


def made(home, kind, size):
    """RDP traffic, as the benches measure it."""
    path = home / f"{kind}.pcap"
    if not path.exists():
        command = ["cargo", "run", "--quiet", "--locked", "--example", "generate", "--", kind, size, str(path), "7"]
        subprocess.run(command, check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    return path


class Sender:
    def __init__(self, home):
        self.program = home / "sender"
        subprocess.run(["cc", "-O2", "-o", self.program, HERE / "sender.c"], check=True)
        self.path = made(home, "heavy", "64MiB")

    def send(self, rate):
        """Frames that went out, and how many a second."""
        inside = ["ip", "netns", "exec", wire.PLAY, self.program, wire.PLAY_IF, self.path, str(rate), str(SECONDS)]
        sent, took = subprocess.run(inside, capture_output=True, text=True, check=True).stdout.split()
        return int(sent), int(sent) / float(took)


def ours(program, sender, rate, _):
    watcher = Watcher(program, "--format", "ndjson", stdout=subprocess.DEVNULL)
    before = watcher.cpu()
    sent, achieved = sender.send(rate)
    time.sleep(1)
    used = watcher.cpu() - before
    _, said, _ = watcher.end(within=None)
    packets, dropped = map(int, re.search(r"watching: (\d+) packets, (\d+) dropped", said).groups())
    return sent, achieved, packets, dropped, used


def tcpdump(_, sender, rate, out):
    command = ["tcpdump", "-i", wire.WATCH_IF, "-B", "16384", "-w", out, "port", "3389"]
    return other(command, sender, rate, r"(\d+) packets captured", r"(\d+) packets dropped by kernel")


def dumpcap(_, sender, rate, out):
    command = ["dumpcap", "-q", "-i", wire.WATCH_IF, "-B", "16", "-f", "port 3389", "-w", out]
    counts = r"received/dropped on interface '\w+': "
    return other(command, sender, rate, counts + r"(\d+)/", counts + r"\d+/(\d+)")


def other(command, sender, rate, captured, dropped):
    # Started as root, each may drop privileges and must still write.
    inside = ["ip", "netns", "exec", wire.WATCH, *map(str, command)]
    process = subprocess.Popen(inside, stderr=subprocess.PIPE, text=True, preexec_fn=os.setpgrp)
    time.sleep(1.5)
    before = cpu(process.pid)
    sent, achieved = sender.send(rate)
    time.sleep(1)
    used = cpu(process.pid) - before
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    find = lambda pattern: int(re.search(pattern, said).group(1))
    return sent, achieved, find(captured), find(dropped), used


def cpu(pid):
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(") ")[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def load(program, home, _):
    sender = Sender(home)
    # A disk in memory: a slow one would be measured with those that write.
    out = home / "memory"
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3g,mode=777", "tmpfs", out], check=True)
    try:
        table, best = measure(program, sender, out / "capture")
    finally:
        subprocess.run(["umount", out], check=True)
    print(table)
    if os.environ.get("LOAD_WRITE"):
        write("load", table)
    assert "rdpwhy" in best


def write(name, table):
    """Replaces a table of the README beside this."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    page = HERE / "README.md"
    before, rest = page.read_text().split(begin)
    page.write_text(before + begin + table + end + rest.split(end, 1)[1])


def measure(program, sender, out):
    programs = {"rdpwhy": ours, "tcpdump": tcpdump, "dumpcap": dumpcap}
    lines = ["| sent, packets/s | " + " | ".join(f"{name}: dropped, CPU" for name in programs) + " |", "|---" * 4 + "|"]
    best, failed = {}, set()
    for rate in RATES:
        cells, rates = [], []
        for name, run in programs.items():
            out.unlink(missing_ok=True)
            sent, achieved, packets, dropped, used = run(program, sender, rate, out)
            missing = max(dropped, sent - packets)
            rates.append(achieved)
            # Else what is compared are not the programs, but who else was busy.
            assert min(rates) > max(rates) / 2, f"a busy machine: at {rate}/s it sent {rates[0]:.0f}, then {achieved:.0f}"
            cells.append(f"{100 * missing / sent:.2f} %, {100 * used / SECONDS:.0f} %")
            print(f"  asked {rate:>7}/s  {name:<8} sent {achieved:>9.0f}/s  captured {packets:>8} of {sent:>8}  dropped {dropped:>7}  cpu {used:.2f} s", flush=True)
            if dropped or packets < sent * ALL:
                failed.add(name)
            elif name not in failed:
                best[name] = achieved
        lines.append(f"| {sum(rates) / len(rates):,.0f} | " + " | ".join(cells) + " |")
        if max(rates) < 0.8 * rate:
            break  # That is all that can be sent here.
    without = ", ".join(f"{name} {rate:,.0f}" for name, rate in best.items())
    lines += ["", f"Highest rate below the first drop, packets a second: {without}."]
    return "\n".join(lines) + "\n", best


def soak(program, home, seconds):
    """Connections open and close at a steady rate, and some fail; memory stays
    where it is."""
    paths = [made(home, "heavy", "8MiB"), made(home, "scan", "256KiB")]
    out = folder(home, "soak")
    metrics = out / "rdpwhy.prom"
    watcher = Watcher(
        program, "--out", out, "--keep", "200", "--metrics", metrics, "--format", "ndjson", stdout=subprocess.DEVNULL
    )
    inside = ["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__]
    sender = subprocess.Popen(
        [*inside, "steady", str(SOAK_RATE), str(seconds), *map(str, paths)], stdout=subprocess.DEVNULL
    )
    began, samples = time.monotonic(), []
    while sender.poll() is None:
        time.sleep(min(30, max(1, seconds / 20)))
        said = dict(line.rsplit(" ", 1) for line in metrics.read_text().splitlines() if line[0] != "#")
        held, still_open = int(said["rdpwhy_recorder_bytes"]), said["rdpwhy_connections_open"]
        samples.append((time.monotonic() - began, watcher.rss(), held, watcher.cpu()))
        print("  %6.0f s  resident %.1f MiB, held %.1f MiB, cpu %.1f s" % scaled(samples[-1]), f"open {still_open}", flush=True)
    _, said, _ = watcher.end(within=2)
    print("  " + said.strip().replace("\n", "\n  "))
    if os.environ.get("LOAD_WRITE"):
        write("soak", soak_table(samples))
    # What has a fixed size has filled up by the last quarter.
    sizes = [size for _, size, _, _ in samples]
    settled = max(sizes[: len(sizes) * 3 // 4])
    assert max(sizes) <= settled * 1.05, sizes


def scaled(sample):
    at, resident, held, used = sample
    return at, resident / 1024, held / 1024**2, used


def soak_table(samples):
    lines = ["| after | resident | of that, packets held | CPU so far |", "|---|---|---|---|"]
    end = samples[-1][0]
    for due in [30, 300, 600, 900, *range(1200, int(end) - 60, 600), end]:
        at, resident, held, used = scaled(min(samples, key=lambda sample: abs(sample[0] - due)))
        lines.append(f"| {at // 60:.0f} min {at % 60:02.0f} s | {resident:.1f} MiB | {held:.1f} MiB | {used:.1f} s |")
    return "\n".join(lines) + "\n"
