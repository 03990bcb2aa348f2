#!/usr/bin/env python3
"""rdpwhy beside the programs that people use on captures, on generated traffic.

    benches/compare.py [--size 128MiB] [--rounds 3] [heavy mixed small scan …]
    benches/compare.py --growth [--size 256MiB] [--plot FILE.svg]

Each file is put into the page cache in the same way, then all programs take
turns on it, several rounds: so a machine that slows down slows down all of
them. CPU (user and system), wall time and peak memory are the kernel's own
account of each process; what is printed is the median, and its ratio to
tcpdump's filtered read. Programs that are not installed are left out; GNU time
is needed (Debian: time).

With --growth: what a packet costs as captures and the number of connections
grow, as a table and a plot for benches/README.md. Each of five captures has an
eighth of the bytes of the next; every size is measured before it is measured
again, and the least of the rounds counts, since other work only adds to it. What
a run over a capture without packets takes is left out.
"""

import argparse
import math
import os
import shutil
import statistics
import struct
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
        "tcptrace": ["tcptrace", "-n", "-b", file],
        "argus": ["argus", "-r", file, "-w", DISCARD],
        "ndpiReader": ["ndpiReader", "-q", "-i", file],
        "tshark": ["tshark", "-r", file, "-q", "-z", "conv,tcp"],
    }


def measure(command, expected=(0,)):
    """CPU seconds, wall seconds and peak MiB of one run."""
    with open(DISCARD, "w") as sink, tempfile.NamedTemporaryFile("r") as peak:
        begun = time.monotonic()
        process = subprocess.Popen([GNU_TIME, "-f", "%M", "-o", peak.name, *command], stdout=sink, stderr=sink)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in expected:
            sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
        # GNU time says first how the command ended, where it did not end well.
        return usage.ru_utime + usage.ru_stime, wall, int(peak.read().split()[-1]) / 1024


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


def growth(rdpwhy, generator, size, rounds, folder, plot):
    unit = "".join(c for c in size if c.isalpha())
    largest = int(size.removesuffix(unit))
    print("| capture | packets | connections | CPU, ns a packet | peak MiB |\n|---|---|---|---|---|")
    # 4: no RDP in it, as in the empty one and now and then in a small mixed one.
    analysed = (0, 4)
    # The header of a classic pcap, and nothing behind it.
    empty = Path(folder) / "empty.pcap"
    empty.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    start = min(measure(programs(rdpwhy, str(empty))["rdpwhy"], analysed)[0] for _ in range(5 * rounds))
    lines = {}
    for kind in KINDS:
        made, runs = {}, {}
        for part in [8**4, 8**3, 8**2, 8, 1]:
            file = f"{folder}/{kind}-{part}.pcap"
            # In KiB, so that the smallest can be less than one MiB.
            thousandth = {"KiB": 1, "MiB": 1024, "GiB": 1024 * 1024}[unit]
            made[file] = generate(generator, kind, f"{largest * thousandth // part}KiB", file)
        for _ in range(rounds):
            for file in made:
                warm(file)
                runs.setdefault(file, []).append(measure(programs(rdpwhy, file)["rdpwhy"], analysed))
        lines[kind] = []
        for file, of in made.items():
            cpu, peak = min(run[0] for run in runs[file]), max(run[2] for run in runs[file])
            each = max(cpu - start, 0) / of["packets"] * 1e9
            lines[kind].append((of["packets"], of["connections"], each))
            print(f"| {kind} | {of['packets']:,} | {of['connections']:,} | {each:.0f} | {peak:.0f} |", flush=True)
            os.unlink(file)
    Path(plot).write_text(svg(lines))


def svg(lines):
    """Two panels with the same lines: over packets and over connections."""
    colours = dict(zip(KINDS, ["#1b6ca8", "#3a7d44", "#b5651d", "#8e3b8a"]))
    costs = [max(each, 1) for points in lines.values() for _, _, each in points]
    bottom, top = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 300" font-family="sans-serif" font-size="12">',
        '<rect width="760" height="300" fill="white"/>',
    ]
    for left, column, title in [(60, 0, "packets in the capture"), (430, 1, "connections in the capture")]:
        numbers = [max(point[column], 1) for points in lines.values() for point in points]
        low, high = math.floor(math.log10(min(numbers))), math.ceil(math.log10(max(numbers)))

        def x(number):
            return left + 290 * (math.log10(max(number, 1)) - low) / max(high - low, 1)

        def y(each):
            return 240 - 190 * (math.log10(max(each, 1)) - bottom) / max(top - bottom, 1)

        parts.append(f'<path d="M{left} 40V240H{left + 290}" fill="none" stroke="#888"/>')
        parts.append(f'<text x="{left + 145}" y="285" text-anchor="middle">{title}</text>')
        for power in range(low, high + 1):
            short = ["1", "10", "100", "1k", "10k", "100k", "1M", "10M", "100M"][power]
            parts.append(f'<text x="{x(10**power):.0f}" y="258" text-anchor="middle">{short}</text>')
        for power in range(bottom, top + 1):
            parts.append(f'<text x="{left - 6}" y="{y(10**power) + 4:.0f}" text-anchor="end">{10**power:,}</text>')
        for kind, points in lines.items():
            path = " ".join(f"{x(point[column]):.1f},{y(point[2]):.1f}" for point in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colours[kind]}" stroke-width="2"/>')
            for point in points:
                parts.append(f'<circle cx="{x(point[column]):.1f}" cy="{y(point[2]):.1f}" r="3" fill="{colours[kind]}"/>')
    parts.append('<text x="60" y="24">CPU for each packet, ns (level: cost grows as the capture does)</text>')
    for i, kind in enumerate(lines):
        parts.append(f'<text x="{520 + 60 * i}" y="24" fill="{colours[kind]}">{kind}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("kinds", nargs="*", metavar="KIND", help="heavy, mixed, small, scan; all by default")
    arguments.add_argument("--size", help="of each capture (default: 128MiB; with --growth, of the largest: 256MiB)")
    arguments.add_argument("--rounds", type=int, default=3, help="runs of each program (default: 3)")
    arguments.add_argument("--growth", action="store_true", help="what a packet costs as captures grow")
    arguments.add_argument("--plot", default=ROOT / "benches" / "growth.svg", help="where --growth draws it")
    asked = arguments.parse_args()
    if unknown := set(asked.kinds) - set(KINDS):
        arguments.error(f"no such traffic: {', '.join(unknown)}")
    build = ["cargo", "build", "--locked", "--release", "--quiet", "--bin", "rdpwhy", "--example", "generate"]
    subprocess.run(build, check=True, cwd=ROOT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    rdpwhy, generator = str(target / "rdpwhy"), str(target / "examples" / "generate")
    with tempfile.TemporaryDirectory() as folder:
        if asked.growth:
            growth(rdpwhy, generator, asked.size or "256MiB", asked.rounds, folder, asked.plot)
        else:
            beside(rdpwhy, generator, asked.kinds or KINDS, asked.size or "128MiB", asked.rounds, folder)


if __name__ == "__main__":
    main()
