"""Turns a finished run into truth.toml.

Sources: the bridge's log (what was forged and dropped), the two captures (who
closed), tshark with the keys (stages), and the scenario's own statement (what
that amounts to). Where two sources must agree, they are compared, and a run in
which they do not is thrown away.
"""

import json
import time as clock
from dataclasses import dataclass, field

import packets
import stages

SIDES = ("client", "server")
ANY = "any"     # a verdict that nobody can demand of this capture
AUTO = "auto"   # in a scenario: ANY if the connection failed in this capture, else no failure


class Disagreement(Exception):
    """The run did not do what the scenario says it does."""


@dataclass
class Seen:
    """A connection as one capture shows it."""
    packets: list
    stage: str = "tcp"
    ended_how: str = "capture-end"
    ended_by: str = "unknown"
    outcome: str = "unknown"
    forged: list = field(default_factory=list)
    lost: list = field(default_factory=list)
    goodbye: packets.Packet | None = None   # the first close_notify


def write(folder, scenario, run):
    """Judge the run in `folder` and write its truth.toml. Returns the stage seen by each side."""
    sides = {side: _side(folder, side, scenario, run.log) for side in SIDES}
    if not run.translated:
        _every_stranger_is_forged(sides, scenario.kernel_forger)
    names = _in_order(sides, run)
    for number, name in enumerate(names):
        is_subject = number == scenario.subject % len(names)
        for side in SIDES:
            seen = sides[side].get(run.translated.get(name, name) if side == "server" else name)
            if seen:
                _judge_end(seen, side, scenario, is_subject)
                seen.outcome = scenario.outcomes.get(number, seen.outcome)
    wanted = {entry["key"] for entry in run.log if entry["what"] == "forged"}
    if wanted and not any(seen.forged for side in SIDES for seen in sides[side].values()):
        raise Disagreement("forged packets are in neither capture")
    if scenario.certificate:
        _check_certificate(folder, scenario)
    if scenario.negotiation:
        _check_negotiation(sides["server"][names[scenario.subject]], scenario)
    _check_aim(scenario, sides, names)
    tls = _tls(folder, scenario, sides)
    (folder / "truth.toml").write_text(_toml(scenario, tls, run, sides, names))
    return {side: [sides[side][name].stage for name in names if name in sides[side]]
            for side in SIDES}


def _side(folder, side, scenario, log):
    """{connection: Seen} of one capture."""
    everything = packets.read_packets(folder / f"{side}.pcap")
    begun = {encrypted: stages.first_frames(folder / f"{side}.pcap", folder / "keys.txt",
                                            encrypted, scenario.port)
             for encrypted in {False, scenario.tls != "none"}}
    connections = _connections(everything, scenario.port)
    forged, lost = _frames_of(everything, log, side)
    for name, members in connections.items():
        seen = connections[name] = Seen(members)
        reached = {"tcp"}
        # A crowd may have connections with TLS and without.
        hellos = any(packet.payload[:2] == b"\x16\x03" for packet in members)
        begun_here = begun[hellos and scenario.tls != "none"]
        for packet in members:
            labels = begun_here.get(packet.frame, [])
            if stages.CLOSE_NOTIFY in labels and seen.goodbye is None:
                seen.goodbye = packet
            reached.update(label for label in labels if label != stages.CLOSE_NOTIFY)
            if stages.is_connection_request(packet.payload):
                reached.add("x224")
        seen.stage = max(reached, key=stages.ORDER.index)
        numbers = {packet.frame for packet in members}
        seen.forged = sorted(forged & numbers)
        seen.lost = sorted(lost & numbers)
    return connections


def _connections(everything, port):
    """Packets by connection, named (client, port, server, port, how many times reused)."""
    current, connections = {}, {}
    for packet in everything:
        if not packet.is_tcp:
            continue
        if packet.dport == port:
            ends = (packet.src, packet.sport, packet.dst, packet.dport)
        else:
            ends = (packet.dst, packet.dport, packet.src, packet.sport)
        fresh = packet.flags & packets.SYN and not packet.flags & packets.ACK
        if ends not in current:
            current[ends] = (0, packet.seq if fresh else None)
        elif fresh and current[ends][1] not in (None, packet.seq):
            current[ends] = (current[ends][0] + 1, packet.seq)
        connections.setdefault((*ends, current[ends][0]), []).append(packet)
    return connections


def _judge_end(seen, side, scenario, is_subject):
    """The first FIN or RST ends a connection, unless the scenario knows better.

    Both sides' FINs may cross on the way; then the close_notify before them tells who began.
    """
    client = seen.packets[0].src if seen.packets[0].dport == scenario.port \
        else seen.packets[0].dst
    for packet in seen.packets:
        if packet.flags & (packets.RST | packets.FIN):
            seen.ended_how = "reset" if packet.flags & packets.RST else "fin"
            ender = packet.src
            if seen.ended_how == "fin" and seen.goodbye and seen.goodbye.frame <= packet.frame:
                ender = seen.goodbye.src
            if packet.frame in seen.forged:
                seen.ended_by = "other-device"
            else:
                seen.ended_by = "client" if ender == client else "server"
            break
    else:
        retried = _unacknowledged_retries(seen.packets)
        declared = scenario.unterminated.get(side, "capture-end") if is_subject else "capture-end"
        seen.ended_how = "silence" if retried else declared
    cut = seen.ended_how == "silence" or seen.ended_by in ("other-device", "server")
    if seen.stage == "active" and not (scenario.kind == "fault" and cut and is_subject):
        seen.outcome = "active"
    elif seen.ended_how == "capture-end":
        seen.outcome = "open"
    else:
        seen.outcome = "failed"
    for attribute, value in scenario.ends.get(side, {}).items():
        setattr(seen, attribute, value)


def _unacknowledged_retries(members):
    """Did somebody send the same bytes again and never hear of them? Then the path fell silent."""
    sent, acked = {}, {}
    for packet in members:
        if packet.seq_length:
            sent.setdefault(packet.src, []).append((packet.seq, packet.seq_length))
        if packet.flags & packets.ACK:
            acked[packet.dst] = packet.ack
    for sender, segments in sent.items():
        seq, length = segments[-1]
        lacking = sender not in acked or (seq + length - acked[sender]) & 0xFFFFFFFF < 1 << 31
        if segments.count((seq, length)) > 1 and lacking and acked.get(sender) != seq + length:
            return True
    return False


def _frames_of(everything, log, side):
    """The frames of one capture that the bridge forged, and those that it dropped later."""
    by_key = {}
    for packet in everything:
        by_key.setdefault(packet.key(), []).append(packet)
    towards = "server-to-client" if side == "client" else "client-to-server"
    forged, lost = set(), set()
    for entry in log:
        candidates = by_key.get(entry["key"], [])
        if entry["what"] == "forged" and entry["direction"] == towards:
            forged.update(_nearest(candidates, entry["time"], forged, later=True))
        elif entry["what"] == "dropped" and entry["direction"] != towards:
            lost.update(_nearest(candidates, entry["time"], lost, later=False))
    return forged, lost


def _nearest(candidates, moment, taken, later):
    """The one frame that fits: a packet's identity can recur in keep-alives and plain ACKs."""
    fitting = [packet for packet in candidates if packet.frame not in taken
               and (packet.time >= moment - 0.002 if later else packet.time <= moment + 0.002)]
    if not fitting:
        return set()
    return {min(fitting, key=lambda packet: abs(packet.time - moment)).frame}


def _every_stranger_is_forged(sides, kernel_forger):
    """A packet that its sender's own capture does not have was built in the middle, and no other.

    The bridge keeps a log to compare with; of a forwarding kernel that rejects, the
    strangers are all there is to know.
    """
    for side, other in (SIDES, SIDES[::-1]):
        for name, seen in sides[side].items():
            if name not in sides[other]:
                continue
            sender = name[2] if side == "client" else name[0]
            sent = {_without_ttl(packet) for packet in sides[other][name].packets}
            strangers = {packet.frame for packet in seen.packets
                         if packet.src == sender and _without_ttl(packet) not in sent}
            if kernel_forger:
                seen.forged = sorted(strangers)
            elif strangers != set(seen.forged):
                raise Disagreement(f"{side}: not sent by the peer {sorted(strangers)}, "
                                   f"forged by the bridge {seen.forged}")


def _without_ttl(packet):
    return packet.key()[:9] + packet.key()[10:]


def _in_order(sides, run):
    """Every connection of the run by its first packet, the client's view first."""
    first = {}
    for side in SIDES:
        for name, seen in sides[side].items():
            if side == "server" and run.translated:
                continue
            first.setdefault(name, seen.packets[0].time)
    return sorted(first, key=first.get)


def _check_aim(scenario, sides, names):
    for side, aim in (("client", scenario.stage), ("server", scenario.stage_at_server)):
        if aim is None or not names:
            continue
        name = names[scenario.subject]
        if name in sides[side] and sides[side][name].stage != aim:
            raise Disagreement(f"meant to end in {aim}, ended in {sides[side][name].stage} "
                               f"as seen from the {side}")


def _check_negotiation(seen, scenario):
    for packet in seen.packets:
        data = packet.payload
        if packet.sport == scenario.port and len(data) == 19 and data[5] == 0xD0:
            found = ({2: "selected", 3: "failure"}[data[11]],
                     int.from_bytes(data[15:19], "little"))
            break
    else:
        found = ()
    if found != scenario.negotiation:
        raise Disagreement(f"the server's answer was {found}, not {scenario.negotiation}")


def _check_certificate(folder, scenario):
    validity = stages.certificate_validity(folder / "server.pcap", folder / "keys.txt",
                                           scenario.port)
    today = clock.strftime("%Y-%m-%d", clock.gmtime())
    if not validity:
        found = "none"
    else:
        first, last = validity
        found = "expired" if last < today else "not-yet-valid" if first > today else "valid"
    if found != scenario.certificate:
        raise Disagreement(f"certificate is {found} {validity}, not {scenario.certificate}")


def _tls(folder, scenario, sides):
    """The version that was agreed on; "unknown" after a ClientHello only, "none" before it."""
    if scenario.tls != "none":
        agreed = set().union(*(stages.tls_versions(folder / f"{side}.pcap", scenario.port)
                               for side in SIDES))
        if agreed:
            if agreed != {scenario.tls}:
                raise Disagreement(f"TLS {agreed}, not {scenario.tls}")
            return scenario.tls
        if any(stages.ORDER.index(seen.stage) >= stages.ORDER.index("tls")
               for side in SIDES for seen in sides[side].values()):
            return "unknown"
    return "none"


def _toml(scenario, tls, run, sides, names):
    lines = [f"name = {value(scenario.name)}", f"title = {value(scenario.title)}",
             f"kind = {value(scenario.kind)}", f"tls = {value(tls)}"]
    listed = [names[n] for n in scenario.listed] if scenario.listed is not None else names
    if len(listed) < len(names):
        lines.append(f"unlisted_connections = {len(names) - len(listed)}")
    for name in listed:
        lines += ["", "[[connections]]", f"client = {value(_address(name[0], name[1]))}",
                  f"server = {value(_address(name[2], name[3]))}"]
        behind = run.translated.get(name)
        if behind:
            lines.append(f"client_behind_nat = {value(_address(behind[0], behind[1]))}")
        if name[1] in run.verdicts:
            lines.append(f"verdict = {value(run.verdicts[name[1]])}")
        for side in SIDES:
            seen = sides[side].get(run.translated.get(name, name) if side == "server" else name)
            if seen is None:
                continue
            lines += [f"[connections.seen_from_{side}]",
                      f"stage = {value(seen.stage)}",
                      f"ended_how = {value(seen.ended_how)}",
                      f"ended_by = {value(seen.ended_by)}",
                      f"outcome = {value(seen.outcome)}",
                      f"forged_frames = {value(seen.forged)}",
                      f"lost_frames_hint = {value(seen.lost)}"]
            if scenario.stall and name == names[scenario.subject]:
                lines += _stall(scenario.stall, side, run.log, sides[side][name])
            if scenario.cannot.get(side):
                lines.append(f"cannot = {value(scenario.cannot[side])}")
    must_not = _without_genuine(scenario.must_not, sides)
    lines += ["", "[expect]", *expectation({**scenario.expect, "must_not": must_not})]
    for side in SIDES:
        if scenario.expect_from.get(side):
            expected = dict(scenario.expect_from[side])
            if expected["verdict"] == AUTO:
                expected["verdict"] = _verdict_of_bystander(sides[side], names, scenario)
            lines += ["", f"[expect_from_{side}]", *expectation(expected)]
    return "\n".join(lines) + "\n"


def _stall(stall, side, log, seen):
    """Who kept whom waiting, as the scenario says and the bridge's log confirms."""
    dropped = [entry for entry in log if entry["what"] == "dropped"]
    if (stall["fault"] == "path") != bool(dropped):
        raise Disagreement(f"the fault lies with the {stall['fault']}, and the bridge dropped "
                           f"{len(dropped)} packets")
    lines = [f"stall_fault = {value(stall['fault'])}"]
    if stall[side]:
        owed_by, step = stall[side]
        lines += [f"stall_owed_by = {value(owed_by)}", f"stall_step = {value(step)}"]
    return lines


def _without_genuine(must_not, sides):
    """A host that really sends a reset, if only in answer to a stray packet, may be said to."""
    genuine = any(packet.flags & packets.RST and packet.frame not in seen.forged
                  for side in SIDES for seen in sides[side].values() for packet in seen.packets)
    return [finding for finding in must_not if not (genuine and finding == "host-reset")]


def _verdict_of_bystander(seen_by_name, names, scenario):
    """What a capture on the side that was spared can say: nothing, or no more than a guess."""
    seen = seen_by_name.get(names[scenario.subject])
    return ANY if seen and seen.outcome == "failed" else ""


def expectation(expect):
    return [f"{key} = {value(expect[key])}" for key in ("must", "must_not", "verdict")
            if key in expect]


def _address(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def value(value):
    # TOML strings and arrays of these types are written as JSON writes them.
    return json.dumps(value, ensure_ascii=False)
