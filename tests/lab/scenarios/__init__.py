"""Every scenario of the lab. A module here holds those of one kind of trouble."""

from dataclasses import dataclass, field
from typing import Callable

from bridge import Path

# Everything that says a connection was cut or failed: what a healthy case must not report.
FAILURES = [
    "no-answer", "connection-refused", "service-silent", "not-rdp", "negotiation-refused",
    "protocol-not-offered", "hello-rejected", "tls-alert", "expired-certificate",
    "certificate-not-yet-valid", "certificate-rejected", "credentials-rejected",
    "authorization-denied", "licensing-incomplete", "session-denied", "stalled-negotiation",
    "injected-reset", "reset-undetermined", "state-expired", "path-mtu-black-hole",
    "connection-limit", "middlebox", "early-close",
]


@dataclass
class Scenario:
    """What is done (`run`) and what that amounts to. See tests/lab/README.md for each field."""
    name: str
    title: str
    kind: str
    run: Callable
    tls: str = "1.3"
    stage: str | None = None
    stage_at_server: str | None = None
    must: list = field(default_factory=list)
    must_not: list = field(default_factory=list)
    verdict: str = ""
    from_client: dict = field(default_factory=dict)
    from_server: dict = field(default_factory=dict)
    ends: dict = field(default_factory=dict)
    outcomes: dict = field(default_factory=dict)
    cannot: dict = field(default_factory=dict)
    stall: dict = field(default_factory=dict)   # see `stall()` below
    unterminated: dict = field(default_factory=dict)
    path: Path = field(default_factory=Path)
    server_ttl: int = 128
    client_ttl: int = 128
    port: int = 3389
    certificate: str = ""
    negotiation: tuple = ()     # ("failure", code) or ("selected", protocol), as the server says
    subject: int = -1
    listed: list | None = None
    kernel_forger: bool = False

    @property
    def expect(self):
        return {"must": self.must, "must_not": self.must_not, "verdict": self.verdict}

    @property
    def expect_from(self):
        return {"client": self.from_client, "server": self.from_server}


def stall(fault, *, client=None, server=None, both=None):
    """Who kept whom waiting, and for what.

    `fault`: "path", or the side whose host had what it was to answer. What was owed, as (side,
    message), is seen from each end: who never got the question does not know that an answer is due.
    """
    return {"fault": fault, "client": client or both, "server": server or both}


_all = {}


def scenario(name, title, kind, **fields):
    """Registers the decorated function as what the scenario does."""
    def register(run):
        add(Scenario(name, title, kind, run, **fields))
        return run
    return register


def add(made):
    assert made.name not in _all, made.name
    _all[made.name] = made


def every():
    from . import (crowds, detours, healthy, loss, refusals, resets,  # noqa: F401  (they register)
                   stalls, windows)
    return dict(_all)


def without(*names):
    """FAILURES less those that the case may or must report."""
    return [name for name in FAILURES if name not in names]
