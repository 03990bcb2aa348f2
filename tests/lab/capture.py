"""tcpdump on both ends of the road."""

import signal
import socket
import subprocess
import time

import namespaces

# The kernel's own neighbour and multicast chatter is no part of a case.
_FILTER = "tcp or udp or icmp or (icmp6 and ip6[40] < 128)"
# The last packets take this long from the wire to the file.
_SETTLE = 0.25


class Capture:
    """Both captures of one run; a context manager.

    A file ends with its last packet, and not with the end of the capture. With `goes_on`, either
    host looks up a name at the end, so that a silence before it is seen to be one.
    """

    def __init__(self, folder, goes_on=False):
        self._folder = folder
        self._goes_on = goes_on
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
        if self._goes_on:
            for namespace in (namespaces.CLIENT, namespaces.SERVER):
                _look_up_a_name(namespace)
        time.sleep(_SETTLE)
        for process in self._running:
            process.send_signal(signal.SIGINT)
        for process in self._running:
            process.stderr.read()
            process.wait()


# Nobody lives there (RFC 5737).
_NAME_SERVER = ("192.0.2.53", 53)
_QUESTION = bytes.fromhex("5a170100000100000000000003777777076578616d706c65047465737400"
                          "00010001")


def _look_up_a_name(namespace):
    with namespaces.inside(namespace):
        port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with port:
        port.sendto(_QUESTION, _NAME_SERVER)
