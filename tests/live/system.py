"""What a machine does around a program that runs for long."""

import ctypes
import json
import os
import struct
import subprocess
import time
from pathlib import Path

import wire
from faults import FAULT, OTHER_FAULT, fail
from load import made
from watcher import Watcher, analyze, folder, play, verdict


def idle(program, home, _):
    """Nothing comes: next to no CPU time."""
    watcher = Watcher(program, "--out", folder(home, "idle"), "--format", "ndjson")
    before, began = watcher.cpu(), time.monotonic()
    time.sleep(30)
    used, took = watcher.cpu() - before, time.monotonic() - began
    watcher.end()
    print(f"  {used:.2f} s of CPU in {took:.0f} s: {100 * used / took:.2f} %")
    assert used / took < 0.01, used


def interfaces(program, home, _):
    """Several interfaces, and all of them."""
    wire.lane(0)
    watcher = Watcher(program, "--format", "ndjson", interface="watch0 watch1")
    fail()
    play(OTHER_FAULT, 4, "play1").wait()
    time.sleep(1)
    lines, said, _ = watcher.end()
    seen = {(line["captures"][0]["path"], line["verdict"]["finding"]) for line in lines}
    assert seen == {("live:watch0", "injected-reset"), ("live:watch1", "injected-reset")}, (seen, said)
    watcher = Watcher(program, "--format", "ndjson", interface="any")
    fail()
    play(OTHER_FAULT, 4, "play1").wait()
    time.sleep(1)
    lines, said, _ = watcher.end()
    assert [line["verdict"]["finding"] for line in lines] == ["injected-reset"] * 2, (lines, said)
    assert all(line["captures"] == [{"index": 0, "path": "live:any", "dropped": 0}] for line in lines), lines


def interface_gone(program, home, _):
    """An interface is removed and made anew while another is listened to."""
    wire.lane(0)
    watcher = Watcher(program, "--format", "ndjson", interface="watch0 watch1")
    wire.ip("-n", wire.WATCH, "link", "delete", "watch1")
    fail()
    time.sleep(2)
    wire.lane(0)
    time.sleep(5)
    play(OTHER_FAULT, 4, "play1").wait()
    time.sleep(1)
    lines, said, _ = watcher.end()
    assert "watch1: " in said and "it is listened to again" in said and "watch1: back after" in said, said
    by_interface = {line["captures"][0]["path"]: line for line in lines}
    assert set(by_interface) == {"live:watch0", "live:watch1"}, (lines, said)
    # Nobody counted what passed while it was away: the other one's connection is
    # of that time.
    assert by_interface["live:watch0"].get("not_captured") == 0, by_interface["live:watch0"]
    assert "not_captured" not in by_interface["live:watch1"]


def clock(program, home, _):
    """The clock is set by an hour while a connection is open, either way.

    Only the program's own: a library before its own shifts its clock and the
    times of its packets alike. (That needs a program without file capabilities.)
    """
    shim, step = home / "clock.so", home / "step"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    bare = home / "as-root"
    bare.write_bytes(program.read_bytes())
    bare.chmod(0o755)
    for hour in (3600, -3600):
        step.write_text("0")
        command = ["ip", "netns", "exec", wire.WATCH, "env", f"LD_PRELOAD={shim}", f"STEP={step}", bare]
        command += ["live", "-i", wire.WATCH_IF, "--format", "ndjson"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(2)
        # Some 95 ms of the case take two seconds.
        player = play(FAULT, 0.05)
        time.sleep(1.2)
        step.write_text(str(hour))
        player.wait()
        time.sleep(1)
        process.terminate()
        out, said = process.communicate(timeout=10)
        (line,) = map(json.loads, out.splitlines())
        assert line["verdict"]["finding"] == "injected-reset", (line["verdict"], said)
        assert "clock was stepped by" in said and "the system's clock was stepped: 1" in said, said


def seccomp(errno):
    """Makes Landlock's calls fail, as where the kernel has none or a container
    forbids them."""
    load, jump, ret = 0x20, 0x15, 0x06
    code = [(load, 0, 0, 0)]
    code += [(jump, 3 - n, 0, 444 + n) for n in range(3)]
    code += [(ret, 0, 0, 0x7FFF0000), (ret, 0, 0, 0x00050000 | errno)]
    # Jumps count from the next instruction: to the last one.
    program = b"".join(struct.pack("HBBI", *line) for line in code)
    buffer = ctypes.create_string_buffer(program)
    filter = struct.pack("HxxxxxxP", len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(22, 2, filter) == 0, os.strerror(ctypes.get_errno())


def no_landlock(program, home, _):
    """Where Landlock is refused, that is said, and the rest goes on."""
    for errno in (38, 1):  # ENOSYS, EPERM
        command = ["ip", "netns", "exec", wire.WATCH, "setpriv", "--reuid", "nobody", "--regid", "nogroup"]
        command += ["--clear-groups", program, "live", "-i", wire.WATCH_IF, "--format", "ndjson"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: seccomp(errno)
        )
        time.sleep(2)
        fail()
        time.sleep(1)
        process.terminate()
        out, said = process.communicate(timeout=10)
        (line,) = map(json.loads, out.splitlines())
        assert line["verdict"]["finding"] == "injected-reset"
        assert "Landlock is missing" in said, said
        assert process.returncode == 1, process.returncode


def loud(program, home, _):
    """Without its sandbox it says so loudly."""
    command = ["ip", "netns", "exec", wire.WATCH, program, "live", "-i", wire.WATCH_IF]
    done = subprocess.run([*command, "--no-sandbox", "--duration", "1s"], capture_output=True, text=True)
    assert "WARNING: --no-sandbox" in done.stderr, done.stderr


def ring(program, home, _):
    """Everything that passes is in the ring, also after SIGKILL; the oldest files go."""
    out = folder(home, "ring")
    watcher = Watcher(program, "--ring", out, "--ring-files", 3, "--ring-file-size", 1, "--format", "ndjson")
    fail()
    fail(OTHER_FAULT)
    time.sleep(1)
    lines, said, _ = watcher.end()
    (file,) = out.glob("*.pcapng")
    saved = sorted(map(verdict, analyze(program, file)))
    assert saved == sorted(map(verdict, lines)) and "ring: " in said, (saved, lines, said)
    # Killed: what had been handed to the disk is there after the next start.
    watcher = Watcher(program, "--ring", out, "--ring-files", 3, "--ring-file-size", 1, "--format", "ndjson")
    fail()
    time.sleep(2.5)
    watcher.process.kill()
    watcher.process.communicate()
    assert len(list(out.glob("*.pcapng"))) == 1 and len(list(out.glob(".*.part"))) == 1
    watcher = Watcher(program, "--ring", out, "--ring-files", 3, "--ring-file-size", 1, "--format", "ndjson")
    assert len(list(out.glob("*.pcapng"))) == 2 and not list(out.glob(".*.part"))
    last = max(out.glob("*.pcapng"))
    assert [verdict(line)[4][0] for line in analyze(program, last)] == ["injected-reset"]
    # Ten MiB in files of one.
    inside = ["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__]
    subprocess.run([*inside, "rate", str(made(home, "heavy", "8MiB")), "4000", "5"], check=True, capture_output=True)
    _, said, code = watcher.end()
    files = sorted(out.glob("*.pcapng"))
    sizes = [file.stat().st_size for file in files]
    assert len(files) == 3 and all(size < 1.3 * 2**20 for size in sizes) and "files there: 3" in said, (sizes, said)
    print("  " + next(line for line in said.splitlines() if "ring: " in line))


def ring_disk_full(program, home, _):
    """A full disk: the oldest go, and nothing is torn."""
    out = folder(home, "ring-full")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=777", "tmpfs", out], check=True)
    try:
        watcher = Watcher(program, "--ring", out, "--ring-files", 9, "--ring-file-size", 1, "--format", "ndjson")
        inside = ["ip", "netns", "exec", wire.PLAY, "python3", wire.__file__]
        subprocess.run([*inside, "rate", str(made(home, "heavy", "8MiB")), "4000", "4"], check=True, capture_output=True)
        fail()
        time.sleep(1)
        _, said, _ = watcher.end()
        files = sorted(out.glob("*.pcapng"))
        assert files and not list(out.glob(".*.part")), said
        subprocess.run([program, "analyze", out, "--format", "json", "--exit-zero", "-q"], check=True, stdout=subprocess.DEVNULL)
        found = [verdict(line)[4] for line in analyze(program, files[-1])]
        assert any(found and found[0] == "injected-reset" for found in found), (found, said)
        print("  " + next(line for line in said.splitlines() if "ring: " in line))
    finally:
        subprocess.run(["umount", out], check=True)
