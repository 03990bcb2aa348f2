"""The network namespaces of the lab and the wires between them.

    client (10.77.1.2) --c0====m0-- middle --m1====s0-- (10.77.2.2) server

Where a scenario wants the resets of the real netfilter, a fourth namespace with a
forwarding kernel, the firewall, stands between the middle and the server:

    middle --m1====f0-- firewall --f1====s0-- server

The middle has no addresses: the user-space bridge is its only forwarding plane,
so that nothing but the bridge can alter, delay or invent a packet.
Neighbours are permanent entries, because the bridge does not speak ARP or ND.
"""

import contextlib
import ctypes
import os
import subprocess

CLIENT, MIDDLE, SERVER = "rdplab-client", "rdplab-middle", "rdplab-server"
FIREWALL = "rdplab-firewall"

CLIENT_MAC, MIDDLE_CLIENT_MAC = "02:77:00:00:01:02", "02:77:00:00:01:01"
SERVER_MAC, MIDDLE_SERVER_MAC = "02:77:00:00:02:02", "02:77:00:00:02:01"

CLIENT_IP, SERVER_IP = "10.77.1.2", "10.77.2.2"
CLIENT_IP6, SERVER_IP6 = "fd77:1::2", "fd77:2::2"
# Addresses that no kernel owns: scripted peers live here with their own TCP.
SCRIPTED_CLIENT_IP, SCRIPTED_SERVER_IP = "10.77.1.20", "10.77.2.20"
SCRIPTED_CLIENT_IP6, SCRIPTED_SERVER_IP6 = "fd77:1::20", "fd77:2::20"

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def _ip(*words):
    subprocess.run(["ip", *words], check=True)


def _in(namespace, *words):
    subprocess.run(["ip", "netns", "exec", namespace, *words], check=True,
                   stdout=subprocess.DEVNULL)


def build(server_ttl=128, client_ttl=128, firewall=False):
    """Make the namespaces afresh."""
    destroy()
    for namespace in (CLIENT, MIDDLE, SERVER, *[FIREWALL] * firewall):
        _ip("netns", "add", namespace)
        # No router solicitations or duplicate-address probes in the captures.
        for knob in ("accept_ra=0", "accept_dad=0", "router_solicitations=0"):
            _in(namespace, "sysctl", "-q", "-w", f"net.ipv6.conf.default.{knob}",
                f"net.ipv6.conf.all.{knob}")
    _ip("link", "add", "c0", "netns", CLIENT, "address", CLIENT_MAC, "type", "veth",
        "peer", "name", "m0", "netns", MIDDLE, "address", MIDDLE_CLIENT_MAC)
    if firewall:
        _build_firewall()
    else:
        _ip("link", "add", "s0", "netns", SERVER, "address", SERVER_MAC, "type", "veth",
            "peer", "name", "m1", "netns", MIDDLE, "address", MIDDLE_SERVER_MAC)
    for interface in ("m0", "m1"):
        _in(MIDDLE, "sysctl", "-q", "-w", f"net.ipv6.conf.{interface}.disable_ipv6=1")
        _up(MIDDLE, interface)
    _endpoint(CLIENT, "c0", CLIENT_IP, CLIENT_IP6, MIDDLE_CLIENT_MAC, client_ttl)
    _endpoint(SERVER, "s0", SERVER_IP, SERVER_IP6,
              _FIREWALL_MAC if firewall else MIDDLE_SERVER_MAC, server_ttl)


_FIREWALL_MAC = "02:77:00:00:03:02"


def _build_firewall():
    # The side towards the bridge has the server's MAC, so that the bridge need not know of it.
    _ip("link", "add", "f0", "netns", FIREWALL, "address", SERVER_MAC, "type", "veth",
        "peer", "name", "m1", "netns", MIDDLE, "address", MIDDLE_SERVER_MAC)
    _ip("link", "add", "s0", "netns", SERVER, "address", SERVER_MAC, "type", "veth",
        "peer", "name", "f1", "netns", FIREWALL, "address", _FIREWALL_MAC)
    for interface, address, network, beyond, mac in (
            ("f0", "10.77.3.1/24", "10.77.1.0/24", "10.77.3.2", MIDDLE_SERVER_MAC),
            ("f1", "10.77.2.1/24", None, SERVER_IP, SERVER_MAC)):
        _up(FIREWALL, interface)
        _in(FIREWALL, "ip", "addr", "add", address, "dev", interface)
        _in(FIREWALL, "ip", "neigh", "add", beyond, "lladdr", mac, "nud", "permanent",
            "dev", interface)
        if network:
            _in(FIREWALL, "ip", "route", "add", network, "via", beyond)
    _in(FIREWALL, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")


def firewall_rule(*words):
    """Append a rule to what the firewall does with packets that it forwards."""
    _in(FIREWALL, "iptables", "-A", "FORWARD", *words)


def _up(namespace, interface):
    # Offloads would hand the bridge 64 kB super-segments with unfinished checksums.
    _in(namespace, "ethtool", "-K", interface, "tx", "off", "rx", "off", "sg", "off",
        "tso", "off", "gso", "off", "gro", "off")
    _in(namespace, "ip", "link", "set", interface, "up")


def _endpoint(namespace, interface, address, address6, router_mac, ttl):
    _up(namespace, interface)
    _in(namespace, "ip", "link", "set", "lo", "up")
    _in(namespace, "ip", "addr", "add", f"{address}/24", "dev", interface)
    _in(namespace, "ip", "-6", "addr", "add", f"{address6}/64", "dev", interface, "nodad")
    router, router6 = address.rsplit(".", 1)[0] + ".1", address6.rsplit("::", 1)[0] + "::1"
    _in(namespace, "ip", "neigh", "add", router, "lladdr", router_mac,
        "nud", "permanent", "dev", interface)
    _in(namespace, "ip", "-6", "neigh", "add", router6, "lladdr", router_mac,
        "nud", "permanent", "dev", interface)
    _in(namespace, "ip", "route", "add", "default", "via", router)
    _in(namespace, "ip", "-6", "route", "add", "default", "via", router6)
    _in(namespace, "sysctl", "-q", "-w",
        f"net.ipv4.ip_default_ttl={ttl}",
        f"net.ipv6.conf.all.hop_limit={ttl}", f"net.ipv6.conf.{interface}.hop_limit={ttl}",
        # A saved metric (ssthresh, RTT) from one run must not shape the next.
        "net.ipv4.tcp_no_metrics_save=1",
        "net.ipv4.tcp_congestion_control=reno")


def destroy():
    present = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for namespace in (CLIENT, MIDDLE, SERVER, FIREWALL):
        if namespace in present.split():
            _ip("netns", "del", namespace)


@contextlib.contextmanager
def inside(namespace):
    """Run the body in a namespace. A socket made there stays there for good."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    away = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        _setns(away)
        yield
    finally:
        _setns(home)
        os.close(away)
        os.close(home)


def _setns(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
