"""tcpdump on both ends of the road."""

import signal
import subprocess
import time

import namespaces

# The kernel's own neighbour and multicast chatter is no part of a case.
_FILTER = "tcp or udp or icmp or (icmp6 and ip6[40] < 128)"
# The last packets take this long from the wire to the file.
_SETTLE = 0.25


class Capture:
    """Both captures of one run; a context manager."""

    def __init__(self, folder):
        self._folder = folder
        self._running = []

    def __enter__(self):
        for namespace, interface, name in ((namespaces.CLIENT, "c0", "client"),
                                           (namespaces.SERVER, "s0", "server")):
            process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, "tcpdump", "-i", interface, "-U", "-s", "0",
                 "--immediate-mode", "-Z", "root", "--time-stamp-precision=micro",
                 "-w", str(self._folder / f"{name}.pcap"), _FILTER],
                stderr=subprocess.PIPE, text=True)
            for line in process.stderr:
                if "listening on" in line:
                    break
            self._running.append(process)
        return self

    def __exit__(self, *_):
        time.sleep(_SETTLE)
        for process in self._running:
            process.send_signal(signal.SIGINT)
        for process in self._running:
            process.stderr.read()
            process.wait()
