"""Resets as real devices build them, header field for header field.

Each builder takes the packet that provoked the device and returns what the device
sends: a list of (packet bytes, direction, delay). A field that the device draws at
random comes from the bridge's seeded generator. TTLs are as they leave the device.
"""

from flows import C2S, S2C
from packets import ACK, RST, build_tcp


def _back(trigger):
    return S2C if trigger.direction == C2S else C2S


def _to_source(trigger, seq, ack, flags, **fields):
    """A packet in the name of the trigger's destination."""
    raw = build_tcp(trigger.dst, trigger.src, trigger.dport, trigger.sport, seq, ack, flags,
                    **fields)
    return raw, _back(trigger)


def _to_target(trigger, seq, ack, flags, **fields):
    """A packet in the name of the trigger's sender."""
    raw = build_tcp(trigger.src, trigger.dst, trigger.sport, trigger.dport, seq, ack, flags,
                    **fields)
    return raw, trigger.direction


def netfilter_reject(trigger, rng):
    """iptables/nft REJECT with tcp-reset: RFC 793 numbers, TTL 64, IP id 0, DF, window 0."""
    fields = dict(ttl=64, ident=0, dont_fragment=True, window=0)
    if trigger.flags & ACK:
        return [(*_to_source(trigger, trigger.ack, 0, RST, **fields), 0)]
    return [(*_to_source(trigger, 0, trigger.seq + trigger.seq_length, RST | ACK, **fields), 0)]


def suricata_reject(trigger, rng, both=False):
    """Suricata's reject: TTL 64, IP id 0, no DF, and the trigger's own raw window.

    Towards the target it uses the start of the trigger as sequence number, not its end.
    """
    fields = dict(ttl=64, ident=0, dont_fragment=False, window=trigger.window)
    built = [(*_to_source(trigger, trigger.ack, trigger.seq + len(trigger.payload), RST | ACK,
                          **fields), 0)]
    if both:
        built.append((*_to_target(trigger, trigger.seq, trigger.ack, RST | ACK, **fields), 0))
    return built


def suricata_rejectboth(trigger, rng):
    return suricata_reject(trigger, rng, both=True)


def snort_strafe(trigger, rng, attempts=6):
    """Snort 3's active response: both ways, the session's TTL copied, growing sequence numbers."""
    size = max(len(trigger.payload), 1)
    steps = [0, size, 3 * size, 5 * size, 9 * size]
    while len(steps) < attempts:
        steps.append(steps[-1] + max(trigger.window // 2, size))
    peer = trigger.flow.ways[_back(trigger)].first
    built = []
    for step in steps[:attempts]:
        common = dict(dont_fragment=False, window=0, tos=trigger.tos)
        built.append((*_to_source(trigger, trigger.ack + step, trigger.seq + len(trigger.payload),
                                  RST | ACK, ttl=peer.ttl if peer else trigger.ttl,
                                  ident=rng.randrange(1, 65536), **common), 0))
        built.append((*_to_target(trigger, trigger.seq + len(trigger.payload) + step, trigger.ack,
                                  RST | ACK, ttl=trigger.ttl, ident=rng.randrange(1, 65536),
                                  **common), 0))
    return built


def zeek_stride(trigger, rng, number=4, stride=1460):
    """zeek-aux rst: TTL 255, IP id 0, no DF, sequence numbers a stride apart, both ways."""
    fields = dict(ttl=255, ident=0, dont_fragment=False, window=0)
    built = []
    for n in range(number):
        built.append((*_to_source(trigger, trigger.ack + n * stride,
                                  trigger.seq + trigger.seq_length, RST | ACK, **fields), 0))
        built.append((*_to_target(trigger, trigger.seq + trigger.seq_length + n * stride,
                                  trigger.ack, RST | ACK, **fields), 0))
    return built


def tcpkill(trigger, rng, number=3):
    """dsniff's tcpkill: bare RST, ack 0, random IP id, one more window each."""
    return [(*_to_source(trigger, trigger.ack + n * trigger.window, 0, RST, ttl=64, window=0,
                         ident=rng.randrange(1, 65536), dont_fragment=False), 0)
            for n in range(number)]


def cisco_quote(trigger, rng):
    """Old IOS and PIX: TTL 255, and the offending data quoted in the reset."""
    return [(*_to_source(trigger, trigger.ack, trigger.seq + len(trigger.payload), RST | ACK,
                         ttl=255, ident=rng.randrange(1, 65536), dont_fragment=False, window=0,
                         payload=trigger.payload[:24]), 0)]


def bigip_cause(trigger, rng):
    """BIG-IP with reset causes switched on: the reason as text in the reset, both ways."""
    text = b"BIG-IP: [0x2c3f9a1:2214] Flow expired (sweeper) (idle timeout)"
    fields = dict(ttl=255, dont_fragment=True, window=0, payload=text)
    return [(*_to_source(trigger, trigger.ack, trigger.seq + trigger.seq_length, RST | ACK,
                         ident=rng.randrange(1, 65536), **fields), 0),
            (*_to_target(trigger, trigger.seq + trigger.seq_length, trigger.ack, RST | ACK,
                         ident=rng.randrange(1, 65536), **fields), 0)]


def header_clone(trigger, rng):
    """A firewall whose state has expired and that turns the very packet round.

    It keeps the packet's IP id and window, and acknowledges what was acknowledged before.
    """
    return [(*_to_source(trigger, trigger.ack, trigger.seq, RST | ACK, ttl=96,
                         ident=trigger.ident, dont_fragment=True, window=trigger.window,
                         tos=trigger.tos), 0)]


def balancer_idle(trigger, rng):
    """A load balancer at its idle time: one reset each way, each exactly in sequence."""
    flow = trigger.flow
    client, server = flow.ways[C2S], flow.ways[S2C]
    first = client.first
    fields = dict(ttl=64, ident=0, dont_fragment=True, window=0)
    return [(build_tcp(first.dst, first.src, first.dport, first.sport, server.next_seq,
                       client.next_seq, RST | ACK, **fields), S2C, 0),
            (build_tcp(first.src, first.dst, first.sport, first.dport, client.next_seq,
                       server.next_seq, RST | ACK, **fields), C2S, 0)]


def gfw_type_1(trigger, rng):
    """A national filter's first kind: bare RSTs, IP id 64, window a multiple of 17, three steps."""
    return [(*_to_source(trigger, trigger.ack + step, 0, RST, ttl=rng.randrange(60, 120), ident=64,
                         dont_fragment=False, window=17 * rng.randrange(50, 900)), 0)
            for step in (0, 1460, 4380)]


def gfw_type_2(trigger, rng):
    """Its second kind: RST+ACK both ways, DF, the IP id a linear function of the window."""
    built = []
    for step in (0, 1460, 4380):
        window = rng.randrange(1, 700)
        fields = dict(ttl=rng.randrange(60, 120), ident=(62753 - 79 * window) % 65536,
                      dont_fragment=True, window=window)
        built.append((*_to_source(trigger, trigger.ack + step, trigger.seq + trigger.seq_length,
                                  RST | ACK, **fields), 0))
        built.append((*_to_target(trigger, trigger.seq + trigger.seq_length + step, trigger.ack,
                                  RST | ACK, **fields), 0))
    return built


def sandvine_pair(trigger, rng):
    """Two resets, the second 12503 bytes further, both ways."""
    built = []
    ident = rng.randrange(1, 60000)
    for n, step in enumerate((0, 12503)):
        fields = dict(ttl=128, ident=ident + n, dont_fragment=False, window=0)
        built.append((*_to_source(trigger, trigger.ack + step, 0, RST, **fields), 0))
        built.append((*_to_target(trigger, trigger.seq + trigger.seq_length + step, 0, RST,
                                  **fields), 0))
    return built


def websense(trigger, rng):
    """A proxy filter: bare RST to the client at the next byte, ack 0, window 0."""
    return [(*_to_source(trigger, trigger.ack, 0, RST, ttl=128, ident=rng.randrange(1, 65536),
                         dont_fragment=True, window=0), 0)]


def stale(trigger, rng):
    """A device that is late: its resets lie before the window, and RFC 5961 hosts ignore them."""
    return [(*_to_source(trigger, trigger.ack - 600 - n, 0, RST, ttl=64, ident=0,
                         dont_fragment=False, window=0), 0) for n in range(2)]
