"""One run of one scenario: its bridge, its peers, its captures, and its clean-up."""

import json
import pathlib
import time

import bridge
import capture
import namespaces
import peers
import x11


class Record:
    """What a run left in its bridge.jsonl."""

    def __init__(self, folder):
        path = folder / "bridge.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        entries = [json.loads(line) for line in lines]
        self.log = [{**entry, "key": tuple(entry["key"])} for entry in entries if "key" in entry]
        self.translated = {tuple(entry["inside"]): tuple(entry["outside"])
                           for entry in entries if entry["what"] == "translated"}
        self.verdicts = {entry["port"]: entry["verdict"]
                         for entry in entries if entry["what"] == "verdict"}


class Run:
    """What a scenario works with. Everything that it starts is ended by `close`."""

    def __init__(self, folder, scenario):
        self.folder = folder
        self.scenario = scenario
        self.translated = {}        # connection at the client → the same behind a NAT
        self.verdicts = {}          # client port → verdict, where connections of a run differ
        self._peers = []
        namespaces.build(server_ttl=scenario.server_ttl, client_ttl=scenario.client_ttl,
                         firewall=scenario.kernel_forger)
        self.bridge = bridge.Bridge(scenario.path, scenario.name)
        self.bridge.start()

    def rule(self, rule):
        self.bridge.add_rule(rule)
        return rule

    def shadow(self, **options):
        return self._keep(peers.shadow(self.folder, **options))

    def xrdp(self, **options):
        return self._keep(peers.xrdp(self.folder, **options))

    def xfreerdp(self, *words, **options):
        return self._keep(peers.xfreerdp(self.folder, *words, **options))

    def keep(self, peer):
        """Have a scripted peer ended with the run."""
        return self._keep(peer)

    def capture(self, goes_on=False):
        return capture.Capture(self.folder, goes_on)

    def until_active(self, client, linger=0.5, seconds=20):
        """Wait for the desktop, then a little longer for its first picture."""
        self.until(lambda: "Remote framebuffer format" in client.log.read_text(errors="replace"),
                   "desktop", seconds)
        time.sleep(linger)

    def until(self, condition, what, seconds=20):
        deadline = time.time() + seconds
        while not condition():
            if time.time() > deadline:
                raise TimeoutError(f"no {what} within {seconds} s")
            time.sleep(0.02)

    def session(self, client, linger=0.5):
        """A whole healthy session: to the desktop, a look at it, and a click on the cross."""
        self.until_active(client, linger)
        self.leave(client)

    def leave(self, client):
        """A click on the cross, and the time for the last packets to cross the road."""
        x11.close_windows(peers.CLIENT_DISPLAY)
        client.wait(4)
        path = self.bridge.path
        time.sleep(0.2 + 2 * (path.client_delay + path.server_delay + path.jitter))

    def save(self, path):
        """Write down what the bridge did and what else truth needs; Record reads it."""
        entries = list(self.bridge.log)
        entries += [{"what": "translated", "inside": inside, "outside": outside}
                    for inside, outside in self.translated.items()]
        entries += [{"what": "verdict", "port": port, "verdict": verdict}
                    for port, verdict in self.verdicts.items()]
        path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))

    def close(self):
        for peer in reversed(self._peers):
            peer.stop()
        self.bridge.stop()
        self._gather_keys()

    def _keep(self, peer):
        self._peers.append(peer)
        return peer

    def _gather_keys(self):
        lines = set()
        for path in pathlib.Path(self.folder).glob("*.keys"):
            lines.update(path.read_text().splitlines())
        if lines:
            (self.folder / "keys.txt").write_text("\n".join(sorted(lines)) + "\n")
