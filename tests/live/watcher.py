"""The program on trial, run as nobody with one capability."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import wire

ROOT = Path(__file__).parents[2]
USER = "nobody"


def install(home):
    """A copy that has the capability, as a package would set it."""
    program = home / "rdpwhy"
    shutil.copy(os.environ.get("RDPWHY", ROOT / "target/debug/rdpwhy"), program)
    program.chmod(0o755)
    subprocess.run(["setcap", "cap_net_raw=ep", program], check=True)
    return program


def folder(home, name):
    """A folder that the watcher may write to."""
    path = home / name
    path.mkdir()
    shutil.chown(path, USER)
    return path


def watch_command(program, *words):
    inside = ["ip", "netns", "exec", wire.WATCH]
    return [*inside, "setpriv", "--reuid", USER, "--regid", "nogroup", "--clear-groups", str(program), *words]


class Watcher:
    """`rdpwhy live` while it runs."""

    def __init__(self, program, *words, interface=wire.WATCH_IF, stdout=None, stderr=None, before=()):
        interfaces = [word for name in interface.split() for word in ("-i", name)]
        command = watch_command(program, "live", *interfaces, *map(str, words))
        self.errors = stderr or tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*before, *command], stdout=stdout or subprocess.PIPE, stderr=self.errors, text=True, cwd="/"
        )
        self.wait_for(lambda: self.status("NoNewPrivs") == "1")
        # What was locked in is listening; the first poll is a moment later.
        time.sleep(0.3)

    def wait_for(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"it ended: {self.said()}")
            if time.monotonic() > end:
                raise AssertionError("waited in vain")
            time.sleep(0.05)

    def said(self):
        """What it has written to standard error so far."""
        self.errors.seek(0)
        return self.errors.read().decode()

    def status(self, field):
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
        except FileNotFoundError:
            return None
        return next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith(field + ":")), None)

    def rss(self, peak=False):
        """Resident memory in KiB."""
        return int(self.status("VmHWM" if peak else "VmRSS").split()[0])

    def cpu(self):
        """Seconds of CPU time."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ")[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def end(self, how=signal.SIGTERM, within=2.0):
        """Ends it; its lines, what it said, and its exit code."""
        began = time.monotonic()
        self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=30)
        took = time.monotonic() - began
        if within is not None:
            assert took < within, f"it took {took:.1f} s to end"
        lines = [json.loads(line) for line in (out or "").splitlines()]
        return lines, self.said(), self.process.returncode


def play(path, speed=1.0, interface=wire.PLAY_IF):
    script = Path(wire.__file__)
    command = ["ip", "netns", "exec", wire.PLAY, "python3", str(script), "play", str(path), str(speed), interface]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def analyze(program, path):
    """What the saved capture says."""
    done = subprocess.run(
        [program, "analyze", path, "--format", "ndjson", "--exit-zero", "-q"], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def verdict(line):
    """What is compared: who talked, how it turned out, and why."""
    found = line["verdict"]
    ports = (line["client"]["port"], line["server"]["port"])
    return (*ports, line["stage"], line["outcome"], found and (found["finding"], found["certainty"]))
