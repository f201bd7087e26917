"""Who may be connected, and how many at once: the allow-list, the counts, what is said of those turned away.

A connection waits until its request is whole, then it is a call. The two are counted apart, so that whoever
connects and says nothing takes no call's place: when too many wait, the one that has waited longest gives way,
and Asterisk sends its request at once. Each reason is logged now and then, however often strangers repeat it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger("agi_server.fastagi")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

REMIND_SECONDS = 60.0
"""How often a message is repeated that strangers, or too many calls, could repeat at will."""
LEVELS = {
    "stranger": logging.WARNING,
    "full": logging.WARNING,
    "crowd": logging.WARNING,
    "slow": logging.INFO,
    "malformed": logging.INFO,
    "closed": logging.DEBUG,
}
"""Why a connection did not become a call, and how loudly that is said."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The connection's own facts."""

    number: int
    """Counted from 1 in each listener; stands in every line of the log."""
    host: str
    port: int

    def __str__(self) -> str:
        return f"connection {self.number} from {self.host}"


class Guest(Protocol):
    """A connection, as far as it matters here."""

    def give_up(self, reason: str, kind: str) -> None:
        """Wait no longer for the rest of the request."""

    def end(self) -> None:
        """Close, whatever it is at."""


class Admission:
    """Counts connections in and out."""

    def __init__(self, allow: Sequence[Network], *, calls: int, waiting: int) -> None:
        self.rejected: Counter[str] = Counter()
        """Connections that did not become a call, by the reasons in `LEVELS`."""
        self.no_calls = asyncio.Event()
        self.nobody = asyncio.Event()
        self._allow = tuple(allow)
        self._most_calls = calls
        self._most_waiting = waiting
        self._waiting: dict[Guest, None] = {}  # in the order in which they came
        self._calls: set[Guest] = set()
        self._quiet_until: dict[str, float] = {}
        self._tell()

    @property
    def guests(self) -> list[Guest]:
        """All connections that are open or whose scripts still run."""
        return [*self._waiting, *self._calls]

    def enter(self, guest: Guest, host: str) -> bool:
        """Let a connection wait for its request; False if it may not."""
        if not allowed(host, self._allow):
            self.reject("stranger", "a connection from %s is not allowed", host)
            return False
        if len(self._waiting) >= self._most_waiting:
            longest = next(iter(self._waiting))
            self.leave(longest)
            longest.give_up("too many connections wait for their requests", "crowd")
        self._waiting[guest] = None
        self._tell()
        return True

    def begin(self, guest: Guest) -> bool:
        """Its request is whole; False if it is one call too many."""
        if len(self._calls) >= self._most_calls:
            return False
        self._waiting.pop(guest, None)
        self._calls.add(guest)
        self._tell()
        return True

    def leave(self, guest: Guest) -> None:
        """Count a connection out."""
        self._waiting.pop(guest, None)
        self._calls.discard(guest)
        self._tell()

    def reject(self, kind: str, message: str, *arguments: object) -> None:
        """Count a connection that does not become a call; say so now and then, else to who debugs."""
        self.rejected[kind] += 1
        now = asyncio.get_running_loop().time()
        level = logging.DEBUG
        if now >= self._quiet_until.get(kind, now):
            self._quiet_until[kind] = now + REMIND_SECONDS
            level = LEVELS[kind]
        log.log(level, f"{message} (%d so far)", *arguments, self.rejected[kind])

    def _tell(self) -> None:
        for event, true in ((self.no_calls, not self._calls), (self.nobody, not self._calls and not self._waiting)):
            if true:
                event.set()
            else:
                event.clear()


def allowed(host: str, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks; an IPv4 address may come in IPv6's clothes."""
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
