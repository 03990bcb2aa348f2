"""Every message of the connection sequence, read by tshark out of the decrypted capture.

    python3 tests/lab/steps.py fixtures/cases/*

writes `steps.toml` beside each `keys.txt`: what the records that rdpwhy can only judge
by their size really were. rdpwhy is never asked.
"""

import re
import subprocess
import sys
from pathlib import Path

import damage
import packets

SIDES = ("client", "server")

# What tshark writes into its info column.
_NAMED = [(re.compile(pattern), name) for pattern, name in [
    (r"Client Hello", "ClientHello"),
    (r"Hello Retry Request", "HelloRetryRequest"),
    (r"Server Hello(?! Done)", "ServerHello"),
    (r"ClientData", "MCS Connect Initial"),
    (r"ServerData", "MCS Connect Response"),
    (r"erectDomainRequest", "MCS Erect Domain Request"),
    (r"attachUserRequest", "MCS Attach User Request"),
    (r"attachUserConfirm", "MCS Attach User Confirm"),
    (r"channelJoinRequest", "MCS Channel Join Request"),
    (r"channelJoinConfirm", "MCS Channel Join Confirm"),
    (r"disconnectProviderUltimatum", "MCS Disconnect Provider Ultimatum"),
]]
# Damages after which tshark cannot decrypt: what is missing, or cut, it would need.
_BLIND = ("missing-", "one-sided-", "late-start", "snaplen-")
_CREDSSP = "credssp"
# What travels in MCS Send Data; tshark shows it as bytes, and names only some of it.
_SEND_DATA = "t124.userData"
_SHARE = {1: "Demand Active", 3: "Confirm Active"}
_SHARE_DATA = {0x1F: "Synchronize", 0x14: "Control", 0x27: "Font List", 0x28: "Font Map",
               0x2F: "Set Error Info"}
_LICENSING = {0x01: "licensing message of the server", 0x02: "licensing message of the server",
              0x03: "end of licensing", 0x04: "end of licensing", 0xFF: "end of licensing",
              0x12: "licensing message of the client", 0x13: "licensing message of the client",
              0x15: "licensing message of the client"}
_AT_THE_END = ("Set Error Info", "MCS Disconnect Provider Ultimatum")
# Tells an error from a leg: a TSRequest without tokens.
_ERROR = "credssp.errorCode"


def steps(pcap, keys, port):
    """{"client address:port": ["frame C|S message", ...]} of one capture."""
    columns = ["frame.number", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport",
               "frame.protocols", _SEND_DATA, _ERROR, "_ws.col.Info"]
    command = ["tshark", "-r", str(pcap), "-o", "tcp.reassemble_out_of_order:TRUE",
               "-d", f"tcp.port=={port},tls", "-o", f"tls.keylog_file:{keys}", "-T", "fields"]
    if port != 3389:
        command += ["-d", f"tls.port=={port},tpkt"]
    for column in columns:
        command += ["-e", column]
    # A file that ends in a packet is read up to there, and then complained about.
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    if not listing:
        raise ValueError(f"tshark reads nothing in {pcap}")
    found, legs, after_credssp, running = {}, {}, {}, set()
    for line in listing.splitlines():
        frame, *addresses, protocols, sent, error, info = line.split("\t")
        source = _endpoint(addresses[:3])
        is_client = addresses[2] != str(port)
        client = source if is_client else _endpoint(addresses[3:])
        names = []
        if _CREDSSP in protocols.split(":"):
            # More than one record in a frame is more than one leg; tshark names the protocol once for each.
            for _ in range(protocols.split(":").count(_CREDSSP)):
                if error:
                    names.append("CredSSP error")
                else:
                    legs[client] = legs.get(client, 0) + 1
                    names.append(f"CredSSP message {legs[client]}")
            after_credssp[client] = True
        names += [name for _, name in sorted(
            (match.start(), name) for pattern, name in _NAMED for match in pattern.finditer(info))]
        names += filter(None, map(_share_name, sent.split(",")))
        if after_credssp.get(client) and not is_client and not names and protocols.endswith("tls:tpkt"):
            names.append("Early User Authorization Result")
            after_credssp[client] = False
        if "MCS Connect Initial" in names:
            after_credssp[client] = False
        # Behind the Font Map, data of channels look like anything.
        if client in running:
            names = [name for name in names if name in _AT_THE_END]
        elif "Font Map" in names:
            names = names[:names.index("Font Map") + 1]
            running.add(client)
        for name in names:
            found.setdefault(client, []).append(f"{frame} {'C' if is_client else 'S'} {name}")
    return found


def _share_name(text):
    """The name of an RDP message without its MCS header ([MS-RDPBCGR] 2.2.8.1.1 and 2.2.1.12)."""
    # The user data of the Connect messages is a count.
    if len(text) < 12 or text.startswith("0x"):
        return None
    data = bytes.fromhex(text)
    if int.from_bytes(data[:2], "little") == len(data):
        kind = data[2] & 0x0F
        return _SHARE_DATA.get(data[14]) if kind == 7 and len(data) > 14 else _SHARE.get(kind)
    flags = int.from_bytes(data[:2], "little")
    if flags & 0x3000 and len(data) < 60:
        return "auto-detection"
    if flags & 0x0080:
        return _LICENSING.get(data[4])
    return "Client Info" if flags & 0x0040 and len(data) > 60 else None


def _endpoint(parts):
    v4, v6, port = parts
    return f"{v4}:{port}" if v4 else f"[{v6}]:{port}"


def write(folder):
    """Writes `steps.toml` of a case, where there are keys."""
    keys, port = folder / "keys.txt", _port(folder)
    if not keys.exists():
        return
    text = "# What tshark reads with the keys (tests/lab/steps.py): frame, side, message.\n"
    for side in SIDES:
        text += f"\n[{side}]\n"
        source = _whole(folder)
        found = steps(_capture(source, side), keys, port)
        if source != folder:
            found = _renumbered(found, _capture(source, side), _capture(folder, side))
        for client, messages in found.items():
            text += f'"{client}" = [\n' + "".join(f'  "{message}",\n' for message in messages) + "]\n"
    (folder / "steps.toml").write_text(text)


def _capture(folder, side):
    return next(path for path in (folder / f"{side}.pcap", folder / f"{side}.pcapng") if path.exists())


def _whole(folder):
    """The case whose packets these are: tshark cannot decrypt where some are missing."""
    for spoilt in damage.DAMAGES:
        if folder.name == f"damage-{spoilt.name}" and spoilt.name.startswith(_BLIND):
            return folder.parent / spoilt.source
    return folder


def _renumbered(found, whole, spoilt):
    """The messages whose packets are left, with the frame numbers that these have now."""
    left = {packet.time: packet.frame for packet in packets.read_packets(spoilt)}
    now = {packet.frame: left.get(packet.time) for packet in packets.read_packets(whole)}
    kept = {}
    for client, messages in found.items():
        pairs = [message.split(" ", 1) for message in messages]
        kept[client] = [f"{now[int(frame)]} {rest}" for frame, rest in pairs if now[int(frame)]]
    return kept


def _port(folder):
    """The server's port, as the truth has it."""
    return int(re.search(r'^server = ".*:(\d+)"', (folder / "truth.toml").read_text(), re.MULTILINE).group(1))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write(Path(argument))
