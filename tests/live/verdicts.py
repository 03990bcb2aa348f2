"""The lab's faults on a live wire give the verdicts of the capture that tcpdump
saves on that wire in the same run, and the evidence that is written gives them
once more. (Against the lab's own capture they are not held: what is played is
late by milliseconds on a busy machine, and some resets are told by those.)"""

import concurrent.futures
import os
import subprocess
import time

import wire
from watcher import ROOT, Watcher, analyze, folder, play, verdict

LANES = 6
LONGEST = 40.0
# Another port than 3389 has to be asked for.
PORTS = {"other-port": 33890, "proxy-http-connect": 8080, "proxy-socks5": 1080}
# Its truth is that it was badly captured: cut, gapped, or not Ethernet.
SPOILED = "damage-"


def verdicts(program, home, _):
    cases = []
    for case in sorted((ROOT / "fixtures/cases").iterdir()):
        capture = case / "client.pcap"
        if case.name.startswith(SPOILED) or not capture.exists():
            continue
        if os.environ.get("LIVE_ONLY", "") not in case.name:
            continue
        try:
            times = [at for at, _ in wire.frames(capture)]
        except ValueError:
            continue
        if times and times[-1] - times[0] <= LONGEST:
            cases.append((times[-1] - times[0], case.name, capture))
    for lane in range(LANES):
        wire.lane(lane)
    # A part of them is quicker: LIVE_EVERY=4 plays every fourth, LIVE_ONLY=loss
    # those with such a name.
    cases = cases[:: int(os.environ.get("LIVE_EVERY", "1"))]
    # The longest first, so that no lane ends long after the others.
    cases.sort(reverse=True)
    free = list(range(LANES))

    def one(job):
        _, name, capture = job
        lane = free.pop()
        try:
            return name, trial(program, folder(home, name), capture, lane)
        except Exception as error:
            return name, repr(error)
        finally:
            free.append(lane)

    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        results = list(pool.map(one, cases))
    wrong = [f"{name}: {what}" for name, what in results if isinstance(what, str)]
    connections = sum(what[0] for _, what in results if not isinstance(what, str))
    evidence = sum(what[1] for _, what in results if not isinstance(what, str))
    print(f"  {len(results)} cases, {connections} connections as in the saved capture, {evidence} files of evidence as well")
    assert not wrong, "\n".join(wrong)
    assert evidence > 0 or "LIVE_ONLY" in os.environ


def trial(program, out, capture, lane):
    same = out / "tcpdump.pcap"
    beside = ["ip", "netns", "exec", wire.WATCH, "tcpdump", "-Z", "root", "-U", "--immediate-mode", "-i", f"watch{lane + 1}", "-w", str(same)]
    tcpdump = subprocess.Popen(beside, stderr=subprocess.DEVNULL)
    more = [word for name, port in PORTS.items() if name in out.name for word in ("--filter", f"tcp port {port}")]
    watcher = Watcher(program, "--out", out, "--format", "ndjson", *more, interface=f"watch{lane + 1}")
    time.sleep(1)
    play(capture, 1.0, f"play{lane + 1}").wait()
    time.sleep(1.5)
    # The saved capture must show that it went on as long as live did.
    inside = ["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__]
    subprocess.run([*inside, "stranger", f"play{lane + 1}"], check=True)
    time.sleep(0.2)
    tcpdump.terminate()
    tcpdump.wait()
    lines, said, _ = watcher.end(within=None)
    saved = sorted(map(verdict, analyze(program, same)), key=repr)
    live = sorted(map(verdict, lines), key=repr)
    if live != saved:
        return f"\n  live  {live}\n  saved {saved}\n{said}"
    # A file is about an attempt; the last of its lines says how that turned out.
    outcomes = {line["attempt"]: line["attempt_outcome"] for line in lines}
    failed = [line for line in lines if outcomes[line["attempt"]] == "failed"]
    files = sorted(out.glob("*.pcapng"))
    if len(files) != len({line["attempt"] for line in failed}):
        return f"{len(failed)} connections of failed attempts, {len(files)} files: {said}"
    again = sorted((verdict(line) for file in files for line in analyze(program, file)), key=repr)
    # Alone, an attempt has no others of its host to be judged by: certainty may
    # be lower, the cause is the same.
    cause = lambda v: (*v[:4], v[4] and v[4][0])
    if sorted(map(cause, again), key=repr) != sorted((cause(verdict(line)) for line in failed), key=repr):
        return f"\n  live     {[verdict(line) for line in failed]}\n  evidence {again}"
    return len(lines), len(files)
