#!/usr/bin/env python3
"""rdpwhy beside the programs that people use on captures, on generated traffic.

    benches/compare.py [--size 128MiB] [--rounds 3] [heavy mixed small scan …]
    benches/compare.py --growth [--size 64MiB]

Each file is put into the page cache in the same way, then all programs take
turns on it, several rounds: so a machine that slows down slows down all of
them. CPU (user and system), wall time and peak memory are the kernel's own
account of each process; what is printed is the median, and its ratio to
tcpdump's filtered read. Programs that are not installed are left out; GNU time
is needed (Debian: time).

With --growth: what a packet costs as captures and the number of connections
grow, as a table for benches/README.md.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ["heavy", "mixed", "small", "scan"]
BASE = "tcpdump"
DISCARD = "/dev/null"
# Asks for the peak: a process begins with that of whoever started it, and this
# interpreter is larger than some of the programs.
GNU_TIME = "/usr/bin/time"


def programs(rdpwhy, file):
    """Name and command of everything that reads `file`."""
    analyze = [rdpwhy, "analyze", "--exit-zero", "--no-progress", "--sha256=never", "--format=json"]
    return {
        "cat": ["cat", file],
        "tcpdump": ["tcpdump", "-r", file, "-w", DISCARD, "tcp port 3389"],
        "rdpwhy": [*analyze, file],
        "tcptrace": ["tcptrace", "-b", file],
        "argus": ["argus", "-r", file, "-w", DISCARD],
        "ndpiReader": ["ndpiReader", "-q", "-i", file],
        "tshark": ["tshark", "-r", file, "-q", "-z", "conv,tcp"],
    }


def measure(command):
    """CPU seconds, wall seconds and peak MiB of one run."""
    with open(DISCARD, "w") as sink, tempfile.NamedTemporaryFile("r") as peak:
        begun = time.monotonic()
        process = subprocess.Popen([GNU_TIME, "-f", "%M", "-o", peak.name, *command], stdout=sink, stderr=sink)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
        return usage.ru_utime + usage.ru_stime, wall, int(peak.read()) / 1024


def generate(generator, kind, size, file):
    """The generator's own account: bytes, packets, connections."""
    told = subprocess.run([generator, kind, size, file], check=True, capture_output=True, text=True).stderr
    numbers = [int(word) for word in told.split(":")[-1].replace("(", "").split() if word.isdigit()]
    return {"packets": numbers[1], "connections": numbers[4]}


def warm(file):
    """Pages that came into the cache in another way are read at another speed."""
    os.sync()
    subprocess.run(["dd", f"if={file}", "iflag=nocache", "count=0"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["cat", file], check=True, stdout=subprocess.DEVNULL)


def beside(rdpwhy, generator, kinds, size, rounds, folder):
    for kind in kinds:
        for container in ["pcap", "pcapng"]:
            file = f"{folder}/{kind}.{container}"
            made = generate(generator, kind, size, file)
            warm(file)
            commands = {n: c for n, c in programs(rdpwhy, file).items() if shutil.which(c[0])}
            runs = {name: [] for name in commands}
            for _ in range(rounds):
                for name, command in commands.items():
                    runs[name].append(measure(command))
            medians = {name: [statistics.median(column) for column in zip(*some)] for name, some in runs.items()}
            print(f"\n{kind}.{container}: {size}, {made['packets']:,} packets, {made['connections']:,} connections\n")
            print(f"| program | CPU s | ratio | wall s | ratio | peak MiB |\n|---|---|---|---|---|---|")
            base = medians.get(BASE)
            for name, (cpu, wall, peak) in medians.items():
                ratios = [f"{a / b:.2f}" if base and b else "" for a, b in zip((cpu, wall), base or (0, 0))]
                print(f"| {name} | {cpu:.2f} | {ratios[0]} | {wall:.2f} | {ratios[1]} | {peak:.0f} |", flush=True)
            os.unlink(file)


def growth(rdpwhy, generator, size, rounds, folder):
    unit = "".join(c for c in size if c.isalpha())
    largest = int(size.removesuffix(unit))
    print("| capture | packets | connections | CPU, ns a packet | peak MiB |\n|---|---|---|---|---|")
    for kind in KINDS:
        for part in [64, 16, 4, 1]:
            file = f"{folder}/{kind}.pcap"
            made = generate(generator, kind, f"{max(largest // part, 1)}{unit}", file)
            warm(file)
            command = programs(rdpwhy, file)["rdpwhy"]
            runs = [measure(command) for _ in range(rounds)]
            cpu, _, peak = (statistics.median(column) for column in zip(*runs))
            each = cpu / made["packets"] * 1e9
            print(f"| {kind} | {made['packets']:,} | {made['connections']:,} | {each:.0f} | {peak:.0f} |", flush=True)
            os.unlink(file)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("kinds", nargs="*", metavar="KIND", help="heavy, mixed, small, scan; all by default")
    arguments.add_argument("--size", default="128MiB", help="of each capture (default: 128MiB)")
    arguments.add_argument("--rounds", type=int, default=3, help="runs of each program (default: 3)")
    arguments.add_argument("--growth", action="store_true", help="what a packet costs as captures grow")
    asked = arguments.parse_args()
    if unknown := set(asked.kinds) - set(KINDS):
        arguments.error(f"no such traffic: {', '.join(unknown)}")
    build = ["cargo", "build", "--locked", "--release", "--quiet", "--bin", "rdpwhy", "--example", "generate"]
    subprocess.run(build, check=True, cwd=ROOT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    rdpwhy, generator = str(target / "rdpwhy"), str(target / "examples" / "generate")
    with tempfile.TemporaryDirectory() as folder:
        if asked.growth:
            growth(rdpwhy, generator, asked.size, asked.rounds, folder)
        else:
            beside(rdpwhy, generator, asked.kinds or KINDS, asked.size, asked.rounds, folder)


if __name__ == "__main__":
    main()
