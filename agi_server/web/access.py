"""Who may see the pages, and whether what a page sends us was really sent from it.

Pure but for its clock. Without a token only this machine is answered, and only by a loopback name: a web
site that lets its own name point to 127.0.0.1 stays outside. With a token it is needed everywhere; a browser gives
it once and gets a cookie for a shift, made of the token and not it. A proxy that has let somebody in
is believed if the configuration says so. An address that tries wrong tokens is not listened to for a while.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SHIFT = 12 * 3600
"""Seconds for which a browser is logged in."""
WRONG_AT_MOST = 5
"""Wrong tokens from one address, within"""
WINDOW = 60.0
"""seconds."""
MOST_ADDRESSES = 1000
"""Addresses with wrong tokens that are remembered."""


class Denied(enum.Enum):
    """Why somebody is not let in."""

    UNKNOWN = enum.auto()
    """He gave no token, or a wrong one."""
    TOO_OFTEN = enum.auto()
    WRONG_NAME = enum.auto()
    """The request was meant for another host."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who may see the pages."""

    name: str = ""
    """As the proxy calls him, if there is one that does."""
    key: str = ""
    """What his forms are bound to."""
    cookie: bool = False
    """He can log out."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked with."""

    peer: str
    """The address that it comes from."""
    host: str = ""
    """The header `Host`: a name or an address, with a port or without."""
    authorization: str = ""
    cookie: str = ""
    user: str = ""
    """The header that the proxy sets."""


class Access:
    """The rules of one server."""

    def __init__(
        self,
        token: str,
        *,
        user_header: str = "",
        trusted_proxies: Sequence[Network] = (),
        clock: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        """`user_header` is believed from the proxies only."""
        self._token = token.encode()
        self.user_header = user_header
        self._proxies = tuple(trusted_proxies)
        self._clock = clock
        self._stopwatch = stopwatch
        self._wrong: dict[str, list[float]] = {}
        self._secret = secrets.token_bytes(32)

    @property
    def open(self) -> bool:
        """Is everybody on this machine let in?"""
        return not self._token and not self.user_header

    @property
    def has_login(self) -> bool:
        """Can one log in, with a token?"""
        return bool(self._token)

    @property
    def words(self) -> str:
        """Who is let in, for the log."""
        ways = [f"users that a proxy names in {self.user_header}"] if self.user_header else []
        ways += ["who has web.token"] if self._token else []
        return " and ".join(ways) or "this machine only"

    def admit(self, request: Request) -> Visitor | Denied:
        """Who asks; or why he is not answered."""
        peer = _address(request.peer)
        if self.open:
            if peer is None or not peer.is_loopback:
                return Denied.UNKNOWN
            return Visitor(key="loopback") if is_loopback_name(request.host) else Denied.WRONG_NAME
        if self.user_header and request.user and peer is not None and any(peer in one for one in self._proxies):
            return Visitor(request.user, f"user {request.user}")
        if self._token and self._is_cookie(request.cookie):
            return Visitor(key=f"cookie {request.cookie}", cookie=True)
        scheme, _, given = request.authorization.partition(" ")
        if not self._token or scheme.lower() != "bearer":
            return Denied.UNKNOWN
        return self.try_token(request.peer, given) or Visitor(key="bearer")

    def try_token(self, peer: str, given: str) -> Denied | None:
        """None if it is the right one. Whoever has tried too often is not even heard."""
        wrong = [at for at in self._wrong.get(_house(peer), ()) if self._stopwatch() - at < WINDOW]
        if len(wrong) >= WRONG_AT_MOST:
            return Denied.TOO_OFTEN
        if self._token and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token):
            self._wrong.pop(_house(peer), None)
            return None
        self._wrong.pop(_house(peer), None)
        self._wrong[_house(peer)] = [*wrong, self._stopwatch()]
        if len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
        return Denied.UNKNOWN

    def cookie(self) -> str:
        """For a browser that gave the token."""
        until = str(int(self._clock()) + SHIFT)
        return f"{until}.{self._seal(self._token, f'until {until}')}"

    def form_token(self, visitor: Visitor) -> str:
        """What the visitor's forms must bring; nobody else can know it, and a restart makes it void."""
        return self._seal(self._secret, visitor.key)

    def is_own_form(self, visitor: Visitor, given: str, headers: Origin) -> bool:
        """Was this sent from a page of ours, that this visitor had before him?"""
        return headers.ours() and hmac.compare_digest(_bytes(given), self.form_token(visitor).encode())

    def _is_cookie(self, cookie: str) -> bool:
        until, _, seal = cookie.partition(".")
        if not until.isascii() or not until.isdecimal() or len(until) > 15 or int(until) < self._clock():
            return False
        return hmac.compare_digest(_bytes(seal), self._seal(self._token, f"until {until}").encode())

    @staticmethod
    def _seal(key: bytes, words: str) -> str:
        return hmac.digest(key, _bytes(words), hashlib.sha256).hex()


@dataclass(frozen=True, slots=True)
class Origin:
    """What a browser says of the page that sent a form."""

    host: str
    sec_fetch_site: str | None
    """Browsers since 2023 send it to https and to loopback; no script can change it, no proxy needs to."""
    origin: str | None

    def ours(self) -> bool:
        """Was it a page of this very server?"""
        if self.sec_fetch_site is not None:
            return self.sec_fetch_site == "same-origin"
        if self.origin is not None:
            return self.origin.partition("://")[2] == self.host
        return True  # no browser: nobody's cookie is at stake, and the form's own token is still asked for


def is_loopback_name(host: str) -> bool:
    """Does this `Host` name the machine itself, whatever the network's name servers say?"""
    name, _, port = host.rpartition(":")
    if not port.isdecimal():
        name = host
    if name.lower().rstrip(".") == "localhost":
        return True
    address = _address(name.removeprefix("[").removesuffix("]"))
    return address is not None and address.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _house(peer: str) -> str:
    """The address, or of IPv6 the network: one machine has as many addresses there as it likes."""
    address = _address(peer)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address or peer)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
