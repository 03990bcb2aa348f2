"""What the kernel dropped is told, and what is said of that time is less certain."""

import signal
import subprocess
import time

import wire
from faults import CASES
from load import made
from watcher import Watcher, analyze, folder, play

# Its verdict rests on what did not come.
ABSENCE = CASES / "stalled-server-serverhello/client.pcap"
STEPS = ["possible", "likely", "proven"]


def drops(program, home, _):
    """The program is stopped while more comes than its buffer holds: once before
    the connection begins, once while it is open."""
    heavy = made(home, "heavy", "8MiB")
    certainty = {}
    for when in ("never", "before", "meanwhile"):
        out = folder(home, f"drops-{when}")
        watcher = Watcher(program, "--buffer-size", 1, "--out", out, "--format", "ndjson")
        if when == "before":
            overrun(watcher, heavy)
            time.sleep(2)
        player = play(ABSENCE)
        if when == "meanwhile":
            # Its beginning is read, and the silence is what counts.
            time.sleep(3)
            overrun(watcher, heavy)
        player.wait()
        time.sleep(1)
        lines, said, _ = watcher.end(within=None)
        (line,) = [line for line in lines if line["client"]["port"] == port(program)]
        found = line["verdict"]
        certainty[when] = found["finding"], found["certainty"]
        dropped = line["captures"][0]["dropped"]
        assert (dropped > 0) == (when != "never"), (when, line["captures"])
        assert ("packets are being dropped" in said) == (when != "never"), said
        assert (line.get("not_captured", 0) > 0) == (when == "meanwhile"), (when, line.get("not_captured"))
        # The evidence says so, too.
        again = [line for file in out.glob("*.pcapng") for line in analyze(program, file)]
        (again,) = [line for line in again if line["client"]["port"] == port(program)]
        assert again["verdict"] and (again["verdict"]["finding"], again["verdict"]["certainty"]) == certainty[when], (when, again["verdict"])
    name, sure = certainty["never"]
    assert certainty["before"] == (name, sure), certainty
    assert certainty["meanwhile"] == (name, STEPS[STEPS.index(sure) - 1]), certainty
    print(f"  {name}: {sure}; {certainty['meanwhile'][1]} where packets were dropped meanwhile")


def port(program):
    (line,) = analyze(program, ABSENCE)
    return line["client"]["port"]


def overrun(watcher, heavy):
    watcher.process.send_signal(signal.SIGSTOP)
    inside = ["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__]
    subprocess.run([*inside, "rate", str(heavy), "20000", "1"], check=True, capture_output=True)
    watcher.process.send_signal(signal.SIGCONT)
    # The counters are read twice a second.
    time.sleep(1.2)
