"""Which stage a connection reached, read by tshark out of the decrypted capture.

The lab never asks rdpwhy: tshark decrypts with the key log and names the messages,
and this file only knows which message begins which stage.
"""

import re
import subprocess

ORDER = ["tcp", "x224", "tls", "credssp", "mcs", "licensing", "activation", "active"]

# What tshark calls the first message of a stage, in its protocol path or its info column.
_BEGINS = [
    ("tls", re.compile(r"Client Hello")),
    ("credssp", re.compile(r"\bcredssp\b")),
    ("mcs", re.compile(r"ClientData")),
    ("licensing", re.compile(r"ClientInfo")),
    ("activation", re.compile(r"Demand Active")),
    ("active", re.compile(r"FontMap")),
]
CLOSE_NOTIFY = "close-notify"
_CLOSES = re.compile(r"Close Notify")


def first_frames(pcap, keys, encrypted, port=3389):
    """{frame: [stages begun in it]} for every frame in which a stage begins (tcp and x224 aside).

    A frame with TLS's orderly good-bye has CLOSE_NOTIFY in its list.
    """
    command = ["tshark", "-r", str(pcap), "-o", "tcp.reassemble_out_of_order:TRUE",
               "-T", "fields", "-e", "frame.number", "-e", "frame.protocols", "-e", "_ws.col.Info"]
    if encrypted:
        # Without this, tshark takes TLS on the RDP port for TPKT and decrypts nothing.
        command += _over_tls(port)
        if port != 3389:
            command += ["-d", f"tls.port=={port},tpkt"]
    elif port != 3389:
        command += ["-d", f"tcp.port=={port},tpkt"]
    if keys.exists():
        command += ["-o", f"tls.keylog_file:{keys}"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    begun = {}
    for line in listing.splitlines():
        number, rest = line.split("\t", 1)
        stages = [stage for stage, pattern in _BEGINS if pattern.search(rest)]
        stages += [CLOSE_NOTIFY] * bool(_CLOSES.search(rest))
        if stages:
            begun[int(number)] = stages
    return begun


def _over_tls(port):
    # Behind an HTTP proxy, tshark goes by the port that the proxy is asked for.
    return [word for known in {port, 3389} for word in ("-d", f"tcp.port=={known},tls")]


_VERSIONS = {"0x0304": "1.3", "0x0303": "1.2", "0x0302": "1.1", "0x0301": "1.0"}


def tls_versions(pcap, port=3389):
    """The versions that ServerHellos in a capture chose, as tshark reads them."""
    listing = subprocess.run(
        ["tshark", "-r", str(pcap), *_over_tls(port), "-Y", "tls.handshake.type==2",
         "-T", "fields", "-e", "tls.handshake.version",
         "-e", "tls.handshake.extensions.supported_version"],
        capture_output=True, text=True, check=True).stdout
    found = set()
    for line in listing.splitlines():
        legacy, _, extension = line.partition("\t")
        found.add(_VERSIONS[(extension or legacy).split(",")[0]])
    return found


def certificate_validity(pcap, keys, port=3389):
    """(first day, last day) of the first server certificate, as tshark reads them; () if none."""
    command = ["tshark", "-r", str(pcap), *_over_tls(port),
               "-o", f"tls.keylog_file:{keys}", "-Y", "tls.handshake.certificate",
               "-T", "fields", "-e", "x509af.utcTime"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        days = [day[:10] for day in line.split(",")]
        if len(days) >= 2:
            return days[0], days[1]
    return ()


def is_connection_request(payload):
    return len(payload) >= 7 and payload[:2] == b"\x03\x00" and payload[5] == 0xE0
