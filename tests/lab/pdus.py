"""RDP messages for scripted peers, with the sizes that mstsc and Windows servers send.

They are well formed as far as a reader of the wire goes; nobody here checks a proof.
"""

import random
import struct

_random = random.Random(20)


def tpkt(body):
    return struct.pack("!BBH", 3, 0, len(body) + 4) + body


def data(body):
    return tpkt(b"\x02\xf0\x80" + body)


def connection_request(requested, cookie="alice", token=None):
    """With a cookie that names the user, or with the routing token of a redirection."""
    body = (token or f"Cookie: mstshash={cookie}\r\n").encode() if token or cookie else b""
    body += struct.pack("<BBHI", 1, 0, 8, requested)
    return tpkt(bytes([6 + len(body), 0xE0, 0, 0, 0, 0, 0]) + body)


def connection_confirm(selected):
    return tpkt(bytes([14, 0xD0, 0, 0, 0x12, 0x34, 0]) + struct.pack("<BBHI", 2, 0x1F, 8, selected))


# CredSSP.


def _der(tag, body):
    size = len(body)
    length = bytes([size]) if size < 128 else \
        b"\x81" + bytes([size]) if size < 256 else b"\x82" + struct.pack("!H", size)
    return bytes([tag]) + length + body


def ts_request(size, token=b"", field=1):
    """A TSRequest of exactly `size` bytes with one blob: 1 negoTokens, 2 authInfo, 3 pubKeyAuth."""
    for filler in range(size):
        blob = token + _random.randbytes(max(0, filler - len(token)))
        inner = _der(0x04, blob)
        if field == 1:
            inner = _der(0x30, _der(0x30, _der(0xA0, inner)))
        whole = _der(0x30, _der(0xA0, b"\x02\x01\x06") + _der(0xA0 + field, inner))
        if len(whole) == size:
            return whole
    raise ValueError(f"no TSRequest has {size} bytes")


def ts_error(status):
    """The 15 bytes of a refusal."""
    return _der(0x30, _der(0xA0, b"\x02\x01\x06")
                + _der(0xA4, b"\x02\x04" + struct.pack("!I", status)))


def ntlm(kind):
    return b"NTLMSSP\0" + struct.pack("<I", kind)


# MCS and what it carries.


def _per(size):
    return bytes([size]) if size < 128 else struct.pack("!H", 0x8000 | size)


def _ber(tag, body):
    return tag + (bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack("!H", len(body))) \
        + body


_DOMAIN = _ber(b"\x30", b"".join(_ber(b"\x02", value) for value in (
    b"\x22", b"\x03", b"\x00", b"\x01", b"\x00", b"\x01", b"\xff\xff", b"\x02")))


def connect_initial(size=462, channels=("rdpdr", "rdpsnd", "cliprdr", "drdynvc")):
    for filler in range(size):
        whole = _connect_initial(filler, channels)
        if len(whole) == size:
            return whole
    raise ValueError(size)


def _connect_initial(filler, channels):
    core = struct.pack("<IHHHHIII", 0x00080011, 1024, 768, 0xCA01, 0xAA03, 0x407, 22621, 0)
    core = core[:24] + "LAB-PC".encode("utf-16-le").ljust(32, b"\0") \
        + struct.pack("<III", 4, 0, 12) + b"\0" * 64 + struct.pack("<HHIHHH", 0xCA01, 1, 0, 24, 7,
                                                                  0x0F2F) + b"\0" * 64 \
        + struct.pack("<BBI", 6, 0, 11)
    blocks = struct.pack("<HH", 0xC001, 4 + len(core)) + core
    blocks += struct.pack("<HHII", 0xC004, 12, 0x15, 0)
    blocks += struct.pack("<HHII", 0xC002, 12, 0, 0)
    blocks += struct.pack("<HHI", 0xC003, 8 + 12 * len(channels), len(channels))
    for name in channels:
        blocks += name.encode().ljust(8, b"\0") + struct.pack("<I", 0x80800000)
    if filler >= 4:
        blocks += struct.pack("<HH", 0xC006, filler) + b"\0" * (filler - 4)
    user = b"\x00\x08\x00\x10\x00\x01\xc0\x00Duca" + struct.pack("!H", 0x8000 | len(blocks)) + blocks
    gcc = b"\x00\x05\x00\x14\x7c\x00\x01" + struct.pack("!H", 0x8000 | len(user)) + user
    return data(_ber(b"\x7f\x65", b"\x04\x01\x01\x04\x01\x01\x01\x01\xff" + _DOMAIN * 3
                     + _ber(b"\x04", gcc)))


def connect_response(channels=4, encrypted=False):
    blocks = struct.pack("<HHIII", 0x0C01, 16, 0x00080011, 11, 6)
    if encrypted:
        # 128-bit, level High, a server random and what stands in for a certificate.
        secrets = _random.randbytes(32) + struct.pack("<III", 1, 1, 1) + _random.randbytes(172)
        blocks += struct.pack("<HHIIII", 0x0C02, 20 + len(secrets), 2, 3, 32, len(secrets) - 32) \
            + secrets
    else:
        blocks += struct.pack("<HHII", 0x0C02, 12, 0, 0)
    blocks += struct.pack("<HHHH", 0x0C03, 8 + 2 * channels, 1003, channels)
    blocks += b"".join(struct.pack("<H", 1004 + n) for n in range(channels))
    user = b"\x14\x76\x0a\x01\x01\x00\x01\xc0\x00McDn" + _per(len(blocks)) + blocks
    gcc = b"\x00\x05\x00\x14\x7c\x00\x01" + _per(len(user)) + user
    return data(_ber(b"\x7f\x66", b"\x0a\x01\x00\x02\x01\x00" + _DOMAIN + _ber(b"\x04", gcc)))


ERECT_DOMAIN = data(b"\x04\x01\x00\x01\x00")
ATTACH_USER = data(b"\x28")
ATTACH_CONFIRM = data(b"\x2e\x00\x00\x06")
ULTIMATUM = data(b"\x21\x80")


def join_request(channel):
    return data(b"\x38" + struct.pack("!HH", 6, channel))


def join_confirm(channel):
    return data(b"\x3e\x00" + struct.pack("!HHH", 6, channel, channel))


def _send(choice, body):
    return data(bytes([choice]) + struct.pack("!HHB", 6, 1003, 0x70) + _per(len(body)) + body)


def from_client(body):
    return _send(0x64, body)


def from_server(body):
    return _send(0x68, body)


def client_info(size=420):
    body = struct.pack("<HHII", 0x40, 0, 0x407, 0x33) + struct.pack("<HHHHH", 6, 10, 20, 0, 0)
    for text in ("LAB", "alice", "not-a-secr", "", ""):
        body += text.encode("utf-16-le") + b"\0\0"
    return from_client(body.ljust(size - 15, b"\0"))


def security_exchange():
    """The client's random, under the server's public key."""
    return from_client(struct.pack("<HHI", 1, 0, 72) + _random.randbytes(64) + b"\0" * 8)


def sealed(wrap, flags, size):
    """Flags in the clear, then a signature and bytes that nobody on the road can read."""
    return wrap(struct.pack("<HH", flags, 0) + _random.randbytes(8 + size))


def licence_valid():
    """ERROR_ALERT with STATUS_VALID_CLIENT: 34 bytes, the success of licensing."""
    return from_server(struct.pack("<HH", 0x80, 0) + struct.pack("<BBHIIHH", 0xFF, 3, 16, 7, 2, 4, 0))


def licence_request(size=539):
    body = struct.pack("<HH", 0x80, 0) + struct.pack("<BBH", 1, 3, size - 19)
    return from_server(body + _random.randbytes(size - 15 - len(body)))


def licence_answer(size=363):
    body = struct.pack("<HH", 0x80, 0) + struct.pack("<BBH", 0x13, 3, size - 19)
    return from_client(body + _random.randbytes(size - 15 - len(body)))


def _control(kind, body):
    return struct.pack("<HHH", len(body) + 6, 0x10 | kind, 0x03EA) + body


def _share(kind, body):
    head = struct.pack("<IBBHBBH", 0x000103EA, 0, 1, len(body) + 4, kind, 0, 0)
    return _control(7, head + body)


def demand_active(size=472):
    source = b"RDP\0"
    capabilities = size - 15 - 6 - 4 - 2 - 2 - len(source) - 4 - 4
    sets = struct.pack("<HH", 9, 8) + struct.pack("<HH", 0x3EA, 0)
    sets += struct.pack("<HH", 0x1D, capabilities - len(sets)) + b"\0" * (capabilities - len(sets) - 4)
    body = struct.pack("<IHH", 0x000103EA, len(source), len(sets) + 4) + source \
        + struct.pack("<HH", 2, 0) + sets + struct.pack("<I", 0)
    return from_server(_control(1, body))


def confirm_active(size=611):
    source = b"MSTSC\0"
    fixed = 15 + 6 + 4 + 2 + 2 + 2 + len(source) + 4
    capabilities = size - fixed
    sets = struct.pack("<HH", 0x1D, capabilities) + b"\0" * (capabilities - 4)
    body = struct.pack("<IHHH", 0x000103EA, 0x03EA, len(source), len(sets) + 4) + source \
        + struct.pack("<HH", 1, 0) + sets
    return from_client(_control(3, body))


def synchronize(wrap):
    return wrap(_share(0x1F, struct.pack("<HH", 1, 1003)))


def control(wrap, action):
    return wrap(_share(0x14, struct.pack("<HHI", action, 0, 0)))


def font_list():
    return from_client(_share(0x27, struct.pack("<HHHH", 0, 0, 3, 50)))


def font_map():
    return from_server(_share(0x28, struct.pack("<HHHH", 0, 0, 3, 4)))


def set_error_info(code):
    return from_server(_share(0x2F, struct.pack("<I", code)))


def _redirection(address, token):
    """RDP_SERVER_REDIRECTION_PACKET ([MS-RDPBCGR] 2.2.13.1): address, token, user and domain."""
    fields = [("target", 0x1, address.encode("utf-16-le") + b"\0\0"), ("token", 0x2, token.encode()),
              ("user", 0x4, "alice".encode("utf-16-le") + b"\0\0"),
              ("domain", 0x8, "LAB".encode("utf-16-le") + b"\0\0")]
    body = struct.pack("<II", 7, sum(flag for _, flag, _ in fields))
    body += b"".join(struct.pack("<I", len(value)) + value for _, _, value in fields) + b"\0" * 8
    return struct.pack("<HH", 0x0400, len(body) + 4) + body


def redirection_standard(address, token):
    """Behind a security header with SEC_REDIRECTION_PKT (2.2.13.2.1)."""
    return from_server(struct.pack("<HH", 0x0400, 0) + _redirection(address, token))


def redirection_enhanced(address, token):
    """In a share control header of its own type (2.2.13.3.1)."""
    return from_server(_control(0xA, b"\0\0" + _redirection(address, token)))


def graphics(size):
    """A fast-path update: a surface command in 16-bit length form."""
    return struct.pack("!BH", 0, 0x8000 | size) + b"\x04" + struct.pack("<H", size - 6) \
        + _random.randbytes(size - 6)


def mouse():
    return bytes([0x04, 9, 0x20, 0, 8, 40, 0, 50, 0])


def client_hello():
    """A plausible ClientHello for a server that will not answer it."""
    suites = bytes.fromhex("c02cc02bc030c02f009f009ec024c023c028c027009d009c")
    groups, schemes = bytes.fromhex("001d00170018"), bytes.fromhex("0804080508060401050102010403")
    extensions = b"".join(struct.pack("!HH", kind, len(body)) + body for kind, body in (
        (0, b"\0\x0d\0\0\x0a10.77.2.20"), (10, struct.pack("!H", len(groups)) + groups),
        (11, b"\1\0"), (13, struct.pack("!H", len(schemes)) + schemes), (23, b""),
        (0xFF01, b"\0")))
    body = b"\3\3" + _random.randbytes(32) + b"\0" + struct.pack("!H", len(suites)) + suites \
        + b"\1\0" + struct.pack("!H", len(extensions)) + extensions
    handshake = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack("!H", len(handshake)) + handshake
