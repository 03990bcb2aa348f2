#!/usr/bin/env python3
"""Tries `rdpwhy live` on a wire, as an unprivileged user with CAP_NET_RAW alone.

    tests/live/live.py                 everything but the long ones
    tests/live/live.py verdicts flood  some
    tests/live/live.py load            highest rate without drops, beside tcpdump and dumpcap
    tests/live/live.py soak 3600       a steady rate for so many seconds

Needs root for namespaces and setcap; RDPWHY names another program to try.
"""

import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import faults
import load
import missed
import redaction
import system
import verdicts
import wire
from watcher import install

TRIALS = {
    "verdicts": verdicts.verdicts,
    "privileges": faults.privileges,
    "unwritable": faults.unwritable,
    "wanted": faults.wanted,
    "signals": faults.signals,
    "redact": redaction.redact,
    "drops": missed.drops,
    "interface": faults.interface_down_and_up,
    "reader": faults.stopped_reader,
    "disk": faults.disk_full,
    "folder": faults.folder_removed,
    "kill": faults.killed_while_writing,
    "flood": faults.flood,
    "idle": system.idle,
    "interfaces": system.interfaces,
    "gone": system.interface_gone,
    "clock": system.clock,
    "landlock": system.no_landlock,
    "loud": system.loud,
    "ring": system.ring,
    "ring-full": system.ring_disk_full,
}
LONG = {"load": load.load, "soak": load.soak}


def main(words):
    names = [word for word in words if word in TRIALS or word in LONG] or list(TRIALS)
    seconds = next((int(word) for word in words if word.isdigit()), 3600)
    home = Path(tempfile.mkdtemp(prefix="rdpwhy-live-"))
    # The user who watches must reach the program and write below.
    home.chmod(0o755)
    failed = []
    try:
        program = install(home)
        for name in names:
            began = time.monotonic()
            wire.up()
            try:
                (TRIALS | LONG)[name](program, home, seconds)
                result = "ok"
            except Exception:
                traceback.print_exc()
                failed.append(name)
                result = "FAILED"
            print(f"{name}: {result} ({time.monotonic() - began:.0f} s)", flush=True)
    finally:
        wire.down()
        shutil.rmtree(home, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("namespaces and setcap need root")
    sys.exit(main(sys.argv[1:]))
