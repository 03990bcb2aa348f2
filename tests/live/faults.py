"""What may go wrong on a machine, done on purpose."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import wire
from watcher import ROOT, Watcher, analyze, folder, play, watch_command

CASES = ROOT / "fixtures/cases"
FAULT = CASES / "injected-suricata-tls/client.pcap"
# The same packets again would be the same connection, sent again.
OTHER_FAULT = CASES / "injected-v6-suricata-tls/client.pcap"


def fail(capture=FAULT):
    """A failing connection on the wire: one that a device resets."""
    play(capture, 4).wait()


def privileges(program, home, _):
    out = folder(home, "privileges")
    watcher = Watcher(program, "--out", out)
    net_raw = 1 << 13
    for field in ("CapEff", "CapPrm"):
        assert int(watcher.status(field), 16) == net_raw, (field, watcher.status(field))
    for field in ("CapInh", "CapAmb"):
        assert int(watcher.status(field), 16) == 0, field
    for thread in Path(f"/proc/{watcher.process.pid}/task").iterdir():
        text = (thread / "status").read_text()
        assert "NoNewPrivs:\t1" in text and f"CapEff:\t{net_raw:016x}" in text, text
    fail()
    watcher.wait_for(lambda: list(out.glob("*.txt")))
    watcher.end()
    # As root it keeps no more than that.
    command = ["ip", "netns", "exec", wire.WATCH, str(program), "live", "-i", wire.WATCH_IF]
    root = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(2)
    text = Path(f"/proc/{root.pid}/status").read_text()
    for field in ("CapEff", "CapPrm", "CapBnd"):
        assert f"{field}:\t{net_raw:016x}" in text, text
    root.send_signal(signal.SIGTERM)
    root.communicate(timeout=5)
    # Without the capability it says what to do, and ends with 5.
    bare = home / "bare"
    shutil.copyfile(program, bare)
    bare.chmod(0o755)
    done = subprocess.run(
        ["ip", "netns", "exec", wire.WATCH, "setpriv", "--reuid", "nobody", "--clear-groups", "--regid", "nogroup", bare, "live"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 5 and "setcap cap_net_raw" in done.stderr, done


def unwritable(program, home, _):
    """A folder of somebody else's is refused at the start, also by root."""
    theirs, ours = folder(home, "theirs"), home / "roots"
    ours.mkdir(mode=0o755)
    for option in ("--out", "--ring"):
        done = subprocess.run(
            watch_command(program, "live", option, str(ours)), capture_output=True, text=True, timeout=10
        )
        assert done.returncode == 5 and "must be writable" in done.stderr, done
        command = ["ip", "netns", "exec", wire.WATCH, str(program), "live", option, str(theirs)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        assert done.returncode == 5 and "root gives up" in done.stderr, done


def wanted(program, home, _):
    """Only what is asked for is written, and no more of it than that."""
    out = folder(home, "trigger")
    watcher = Watcher(program, "--out", out, "--trigger", "no-answer,injected-reset", "--format", "ndjson")
    play(CASES / "refused-port/client.pcap").wait()
    fail()
    watcher.wait_for(lambda: list(out.glob("*.txt")))
    lines, said, _ = watcher.end()
    assert {line["verdict"]["finding"] for line in lines} == {"connection-refused", "injected-reset"}, lines
    assert [path.stem.split("Z-")[1] for path in out.glob("*.pcapng")] == ["injected-reset"], said
    out = folder(home, "keep")
    watcher = Watcher(program, "--out", out, "--keep", 1, "--format", "ndjson")
    fail()
    watcher.wait_for(lambda: list(out.glob("*.txt")))
    (first,) = out.glob("*.txt")
    fail(OTHER_FAULT)
    watcher.wait_for(lambda: [path for path in out.glob("*.txt") if path != first])
    _, said, _ = watcher.end()
    assert len(list(out.iterdir())) == 3 and not first.exists() and "removed to make room: 1" in said, said


def signals(program, home, _):
    out = folder(home, "signals")
    lines = out / "lines.ndjson"
    watcher = Watcher(program, "-o", lines, "--format", "ndjson", "--metrics", out / "rdpwhy.prom")
    fail()
    watcher.wait_for(lambda: lines.exists() and lines.stat().st_size > 0)
    moved = out / "lines.1"
    lines.rename(moved)
    watcher.process.send_signal(signal.SIGHUP)
    watcher.wait_for(lines.exists)
    fail(OTHER_FAULT)
    watcher.wait_for(lambda: lines.stat().st_size > 0)
    watcher.process.send_signal(signal.SIGUSR1)
    time.sleep(1)
    _, said, code = watcher.end()
    assert said.count("of watching") == 2, said
    assert code == 1, code
    for file in (lines, moved):
        (line,) = map(json.loads, file.read_text().splitlines())
        assert line["verdict"]["finding"] == "injected-reset", line
    assert 'rdpwhy_failures_total{cause="injected-reset"} 2' in (out / "rdpwhy.prom").read_text()


def interface_down_and_up(program, home, _):
    watcher = Watcher(program, "--format", "ndjson")
    wire.ip("-n", wire.WATCH, "link", "set", wire.WATCH_IF, "down")
    time.sleep(2)
    wire.ip("-n", wire.WATCH, "link", "set", wire.WATCH_IF, "up")
    time.sleep(4)
    fail()
    time.sleep(1)
    lines, said, _ = watcher.end()
    assert "it is listened to again" in said and "back after" in said, said
    assert [line["verdict"]["finding"] for line in lines] == ["injected-reset"], (lines, said)


def stopped_reader(program, home, _):
    """The reader of standard output sleeps: the capture goes on, and ends in time."""
    reader, writer = os.pipe()
    watcher = Watcher(program, "--format", "ndjson", stdout=writer)
    os.close(writer)
    # More than a pipe holds.
    subprocess.run(["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__, "flood", "20000"], check=True)
    fail()
    time.sleep(1)
    watcher.process.send_signal(signal.SIGUSR1)
    time.sleep(1)
    began = time.monotonic()
    watcher.process.send_signal(signal.SIGTERM)
    code = watcher.process.wait(timeout=10)
    took = time.monotonic() - began
    said = watcher.said()
    os.close(reader)
    assert took < 2.5 and code == 3, (took, code, said)
    assert "1 injected-reset" in said and "not everything could be written" in said, said
    # The reader of the remarks sleeps: the lines go on.
    reader, writer = os.pipe()
    os.write(writer, b"x" * 65536)
    watcher = Watcher(program, "--format", "ndjson", stderr=writer)
    watcher.process.send_signal(signal.SIGUSR1)
    time.sleep(1)
    fail()
    time.sleep(1)
    began = time.monotonic()
    watcher.process.send_signal(signal.SIGTERM)
    out, _ = watcher.process.communicate(timeout=10)
    took = time.monotonic() - began
    os.close(reader)
    os.close(writer)
    assert took < 2.5 and json.loads(out)["verdict"]["finding"] == "injected-reset", (took, out)
    # And one that goes away is no error.
    reader, writer = os.pipe()
    watcher = Watcher(program, "--format", "ndjson", stdout=writer)
    os.close(writer)
    os.close(reader)
    fail()
    assert watcher.process.wait(timeout=10) == 0


def disk_full(program, home, _):
    out = folder(home, "full")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs", out], check=True)
    try:
        ballast = out / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)
        watcher = Watcher(program, "--out", out, "--format", "ndjson")
        fail()
        # A connection is over 5 s after its reset.
        time.sleep(6)
        names = [path.name for path in out.iterdir()]
        assert names == ["ballast"], names
        ballast.unlink()
        fail(OTHER_FAULT)
        watcher.wait_for(lambda: list(out.glob("*.txt")))
        lines, said, code = watcher.end()
        assert len(lines) == 2 and "No space left" in said and code == 3, (said, code)
        (file,) = out.glob("*.pcapng")
        assert analyze(program, file)[0]["verdict"]["finding"] == "injected-reset"
    finally:
        subprocess.run(["umount", out], check=True)


def folder_removed(program, home, _):
    out = folder(home, "removed")
    watcher = Watcher(program, "--out", out, "--format", "ndjson")
    shutil.rmtree(out)
    fail()
    fail(OTHER_FAULT)
    time.sleep(1)
    lines, said, code = watcher.end()
    assert len(lines) == 2 and "evidence was not written" in said and code == 3, (said, code)


def killed_while_writing(program, home, _):
    """SIGKILL at any moment leaves whole files, and what had been begun is
    removed by the next run."""
    out = folder(home, "kill")
    dice = random.Random(11)
    for _ in range(12):
        watcher = Watcher(program, "--out", out, "--format", "ndjson")
        player = play(FAULT, 8)
        player.wait()
        # A connection is over 5 s after its reset; evidence is written then.
        time.sleep(4.7 + dice.random() * 0.8)
        watcher.process.kill()
        watcher.process.communicate()
    files = [path for path in out.iterdir() if not path.name.startswith(".")]
    assert files
    for file in files:
        if file.suffix == ".pcapng":
            assert analyze(program, file)[0]["verdict"]["finding"] == "injected-reset", file
        elif file.suffix == ".json":
            json.loads(file.read_text())
        else:
            assert file.read_text().endswith("\n"), file
    torn = len(list(out.glob(".*.part")))
    watcher = Watcher(program, "--out", out)
    watcher.end()
    assert not list(out.glob(".*.part"))
    print(f"  12 kills: {len(files)} whole files, {torn} begun ones removed")


def flood(program, home, _):
    out = folder(home, "flood")
    watcher = Watcher(program, "--out", out, "--format", "ndjson", stdout=subprocess.DEVNULL)
    subprocess.run(["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__, "flood", "1000000"], check=True)
    fail()
    time.sleep(8)
    peak = watcher.rss(peak=True)
    _, said, _ = watcher.end()
    print(f"  1,000,000 SYNs from random sources: peak resident memory {peak // 1024} MiB")
    print("  " + said.strip().replace("\n", "\n  "))
    assert peak < 700 * 1024, peak
    assert "1 injected-reset" in said, said
