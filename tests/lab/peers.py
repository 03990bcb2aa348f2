"""The real peers: freerdp-shadow and xrdp as servers, xfreerdp as client."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

import certificates
import namespaces

HERE = pathlib.Path(__file__).parent
USER, PASSWORD = "alice", "Lab-Passw0rd"
# Two labs that take turns must not share screens.
_FIRST_DISPLAY = 1000 + 2 * (os.getpid() % 10_000)
SERVER_DISPLAY, CLIENT_DISPLAY = f":{_FIRST_DISPLAY}", f":{_FIRST_DISPLAY + 1}"
_screens = []


# RC4 for Standard RDP Security; nothing else asks for it.
_LEGACY = {"OPENSSL_CONF": str(HERE / "openssl-legacy.cnf")}


class Peer:
    """A process of ours in a namespace, with its own home and key log."""

    def __init__(self, namespace, folder, name, command, environment=None, tls=None, cwd=None):
        self.home = folder / name
        self.home.mkdir(parents=True, exist_ok=True)
        self.keys = folder / f"{name}.keys"
        self.log = folder / f"{name}.log"
        variables = dict(os.environ, HOME=str(self.home), LAB_KEYLOG=str(self.keys),
                         LD_PRELOAD=str(HERE / ".build/keylog.so"), **(environment or {}))
        if tls:
            variables["LAB_TLS"] = tls
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command], env=variables, cwd=cwd,
            stdin=subprocess.DEVNULL, stdout=open(self.log, "w"), stderr=subprocess.STDOUT,
            start_new_session=True)

    def signal(self, number):
        """To the process and all that it forked: they share a process group."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(1.5)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def wait(self, seconds):
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False


def screens():
    """A small X display for each side, started once."""
    if _screens:
        return
    for display in (SERVER_DISPLAY, CLIENT_DISPLAY):
        lock = pathlib.Path(f"/tmp/.X{display[1:]}-lock")
        if lock.exists() and not pathlib.Path(f"/proc/{lock.read_text().strip()}").exists():
            lock.unlink()
        _screens.append(subprocess.Popen(
            # Without -noreset it begins anew, deaf for a while, whenever its last client goes;
            # freerdp-shadow goes and comes back at once.
            ["Xvfb", display, "-screen", "0", "320x240x24", "-nolisten", "tcp", "-noreset"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        _wait(lambda: pathlib.Path(f"/tmp/.X11-unix/X{display[1:]}").exists(), "Xvfb")


def close_screens():
    for screen in _screens:
        screen.terminate()
        screen.wait()
    _screens.clear()


def shadow(folder, *, security="nla", tls="1.3", certificate="valid", extra=()):
    """freerdp-shadow, serving the server's display."""
    screens()
    home = folder / "server"
    store = home / ".config/freerdp/shadow"
    store.mkdir(parents=True)
    made = certificates.make(certificate)
    shutil.copy(made.certificate, store / "shadow.crt")
    shutil.copy(made.key, store / "shadow.key")
    sam = home / "sam"
    digest = subprocess.run(["winpr-hash", "-u", USER, "-p", PASSWORD, "-f", "sam"],
                            capture_output=True, text=True, check=True).stdout
    sam.write_text(digest)
    command = ["freerdp-shadow-cli", "/port:3389", f"/sam-file:{sam}", f"/sec:{security}",
               "-auth" if security != "nla" else "+auth", *extra]
    peer = Peer(namespaces.SERVER, folder, "server", command,
                {"DISPLAY": SERVER_DISPLAY}, tls)
    _wait_listening()
    return peer


_XRDP = """[Globals]
ini_version=1
fork=true
port={port}
tcp_nodelay=true
tcp_keepalive=true
security_layer={security}
crypt_level={crypt}
certificate={certificate}
key_file={key}
ssl_protocols={protocols}
autorun=
allow_channels=true
allow_multimon=false
bitmap_cache=true
bitmap_compression=true
bulk_compression=true
max_bpp=16
new_cursors=false
use_fastpath=both
ls_title=lab
ls_width=200
ls_height=160
[Logging]
LogFile={log}
LogLevel=DEBUG
EnableSyslog=false
[Channels]
[Xorg]
name=Xorg
lib=libxup.so
username=ask
password=ask
port=-1
"""


def xrdp(folder, *, security="tls", tls="1.3", certificate="valid", crypt="none", port=3389):
    """xrdp, which draws its own login window: an active session needs no sesman."""
    home = folder / "server"
    home.mkdir()
    made = certificates.make(certificate) if certificate else None
    configuration = home / "xrdp.ini"
    configuration.write_text(_XRDP.format(
        port=port, security=security, crypt=crypt,
        certificate=made.certificate if made else "/nonexistent.pem",
        key=made.key if made else "/nonexistent.pem",
        protocols=f"TLSv{tls}", log=home / "xrdp.log"))
    peer = Peer(namespaces.SERVER, folder, "server",
                ["xrdp", "--nodaemon", "--config", str(configuration)], _LEGACY)
    _wait_listening(port)
    return peer


def xfreerdp(folder, target=namespaces.SERVER_IP, *, security=None, tls=None, password=PASSWORD,
             certificate="ignore", name="client", extra=()):
    screens()
    environment = {"DISPLAY": CLIENT_DISPLAY}
    if security == "rdp":
        environment.update(_LEGACY, LAB_PLAIN_MAC="1")
    host = f"[{target}]" if ":" in target else target
    command = ["xfreerdp", f"/v:{host}", f"/u:{USER}", f"/p:{password}", f"/cert:{certificate}",
               "/w:200", "/h:160", "/bpp:16", "-wallpaper", "-themes", "-clipboard",
               "/log-level:INFO", *extra]
    if security:
        command.append(f"/sec:{security}")
    return Peer(namespaces.CLIENT, folder, name, command, environment, tls)


def _wait_listening(port=3389):
    wanted = f":{port:04X}"

    def listening():
        with namespaces.inside(namespaces.SERVER):
            tables = "".join(pathlib.Path(f"/proc/thread-self/net/{name}").read_text()
                             for name in ("tcp", "tcp6"))
        return any(words[1].endswith(wanted) and words[3] == "0A"
                   for words in (line.split() for line in tables.splitlines()))
    _wait(listening, f"a listener on {port}")


def _wait(condition, what, seconds=10):
    deadline = time.time() + seconds
    while not condition():
        if time.time() > deadline:
            raise TimeoutError(f"no {what} within {seconds} s")
        time.sleep(0.02)
