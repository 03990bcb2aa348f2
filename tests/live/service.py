#!/usr/bin/env python3
"""Tries the package and its service under a systemd that boots in a container.

    just deb && tests/live/service.py target/debian/rdpwhy_*.deb

Needs root, debootstrap, systemd-nspawn, and a Debian mirror for the first run:
the container's files stay in SERVICE_ROOT (target/service-root, some 300 MiB).
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = Path(os.environ.get("SERVICE_ROOT", ROOT / "target/service-root"))
PACKAGES = "systemd,systemd-sysv,dbus,iproute2,procps,python3-minimal,libpcap0.8,libcap2-bin"
CASES = ROOT / "fixtures/cases"
STATE = "/var/lib/rdpwhy"


def boot():
    """The container, and the process that is its systemd."""
    if not (FILES / "etc/debian_version").exists():
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", FILES], check=True)
    landlock = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
    command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot"]
    command += ["--console=pipe", f"--system-call-filter={landlock}", "-D", FILES]
    machine = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
    )
    for _ in range(100):
        time.sleep(0.3)
        children = Path(f"/proc/{machine.pid}/task/{machine.pid}/children").read_text().split()
        if children and "running" in inside(children[0], "systemctl is-system-running", check=False):
            return machine, children[0]
    raise AssertionError("the container did not boot")


def inside(init, command, check=True):
    words = ["nsenter", "-t", init, "-m", "-u", "-i", "-n", "-p", "-C", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    done = subprocess.run([*words, "bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0 or not check, (command, done.stdout, done.stderr)
    return done.stdout + done.stderr


def trial(package, run):
    shutil.copy(package, FILES / "srv/rdpwhy.deb")
    for name, file in (("wire.py", Path(__file__).with_name("wire.py")), *cases()):
        shutil.copy(file, FILES / "srv" / name)
    run("ip link add watch0 type veth peer name play0; for i in watch0 play0; do"
        " sysctl -qw net.ipv6.conf.$i.disable_ipv6=1; ip link set $i mtu 9000 up; done")
    run("apt-get install -y /srv/rdpwhy.deb")
    assert "cap_net_raw=ep" in run("getcap /usr/bin/rdpwhy")
    assert "-rwxr-x--- 1 root rdpwhy" in run("ls -l /usr/bin/rdpwhy")
    assert "inactive" in run("systemctl is-active rdpwhy", check=False), "nobody asked for it yet"
    run("systemctl enable --now rdpwhy")
    time.sleep(3)
    fail(run, "one")
    names = run(f"ls {STATE}").split()
    assert sorted(name.rsplit(".", 1)[1] for name in names) == ["json", "pcapng", "prom", "txt"], names
    assert "injected-reset" in run(f"cat {STATE}/*.txt")
    status = run("cat /proc/$(pgrep -x rdpwhy)/status")
    for line in ("CapEff:\t0000000000002000", "CapBnd:\t0000000000002000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status, status
    run("systemctl reload rdpwhy")
    run("systemctl is-active rdpwhy")
    print("  " + run("systemd-analyze security rdpwhy --no-pager").strip().splitlines()[-1])
    # An upgrade goes on with the new program.
    before = run("systemctl show -p MainPID --value rdpwhy")
    run("apt-get install -y --reinstall /srv/rdpwhy.deb")
    time.sleep(2)
    assert "active" in run("systemctl is-active rdpwhy") and run("systemctl show -p MainPID --value rdpwhy") != before
    fail(run, "other")
    began = time.monotonic()
    run("systemctl stop rdpwhy")
    took = time.monotonic() - began
    assert took < 2, took
    said = run("journalctl -u rdpwhy --no-pager -b")
    assert said.count("injected-reset (likely)") == 2 and "whose packets and report were written: 1" in said, said
    assert "Landlock" not in said and "Deactivated successfully" in said, said
    run("apt-get remove -y rdpwhy")
    assert "injected-reset" in run(f"ls {STATE}"), "evidence stays"
    run("apt-get purge -y rdpwhy")
    left = run("find /etc /usr /var/lib /run -xdev -name '*rdpwhy*' -not -path '/var/lib/systemd/*'")
    assert not left, left
    assert "0 loaded units" in run("systemctl list-units --failed --no-pager")
    print(f"  stopped within {took:.1f} s; nothing is left after the purge")


def cases():
    yield "one.pcap", CASES / "injected-suricata-tls/client.pcap"
    yield "other.pcap", CASES / "injected-v6-suricata-tls/client.pcap"


def fail(run, which):
    run(f"python3 /srv/wire.py play /srv/{which}.pcap 4 play0")
    # A connection is over 5 s after its reset.
    time.sleep(7)


def main(package):
    machine, init = boot()
    try:
        trial(package, lambda command, check=True: inside(init, command, check))
        print("service: ok")
    finally:
        os.kill(int(init), signal.SIGRTMIN + 4)
        machine.wait(timeout=30)


if __name__ == "__main__":
    if os.geteuid() != 0 or len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
