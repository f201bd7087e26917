"""Options that hold addresses: networks and hosts, web addresses, databases.

Like `values`, and with the care that addresses need: a password may stand in one, so an error
repeats of them only what can't be one.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from agi_server.config.mistakes import quoted
from agi_server.config.values import Kind, Unfit, bounded, template_names


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_interface(text)
    except ValueError as error:
        raise Unfit from error
    raise Unfit(f"{meant.network} (the network it is in), or {meant.ip} (this address only)")


NETWORK = Kind("a network such as 10.0.0.0/8, or one address", _network)


def _host(text: str) -> str:
    try:
        ip_address(text)
    except ValueError as error:
        label = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
        # A name does not end in a number: 127.0.0.256 is an address written wrong.
        if len(text) > 253 or not re.fullmatch(rf"({label}\.)*(?![0-9]+$){label}", text, re.IGNORECASE):
            raise Unfit from error
    return text


HOST = Kind("an IP address or a host name, without a port", _host)


def is_loopback(host: str) -> bool:
    """Is this an address that only this machine reaches? Of names, only `localhost` surely is."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_user(text: str) -> str:
    """What stands before an @ may be a password."""
    return quoted(re.sub(r"(?s)^(https?://)?.*@", r"\1…@", text))


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:  # brackets or a port that are none
        raise Unfit from error
    if parts.username is not None or parts.password is not None:
        raise Unfit("an address without user and password in it")
    if not usable or not text.isprintable() or " " in text:
        raise Unfit
    if not parts.path.strip("/"):
        raise Unfit("an address with a path, such as …/nph-genericinterface.pl/Webservice/NAME")
    return bounded(text)


ADDRESS = Kind("an http or https address", _address, show=_without_user)


def _address_template(text: str) -> str:
    if text == "":
        return text
    names = template_names(bounded(text))
    if not re.match(r"https?://[^/\s]", text) or not text.isprintable():
        raise Unfit
    if not names or not names <= {"ticket_id", "ticket_number"}:
        raise Unfit
    return text


ADDRESS_TEMPLATE = Kind(
    "an http or https address with {{ ticket_id }} or {{ ticket_number }}, or empty",
    _address_template,
    show=_without_user,
)


def database(*drivers: str) -> Kind:
    """A database's address for SQLAlchemy; never shown but for its beginning, as it may hold a password."""
    *first, last = (_DATABASES[driver] for driver in drivers)
    words = "a database address: " + (f"{', '.join(first)} or {last}" if first else last)

    def read(text: str) -> URL:
        try:
            url = make_url(text)
        except (ArgumentError, ValueError) as error:
            raise Unfit from error
        if url.drivername not in drivers:
            near = [driver for driver in drivers if driver.startswith(url.drivername.split("+")[0])]
            raise Unfit(f"{near[0]}:// at its beginning" if near else "")
        if url.drivername.startswith("sqlite"):
            if not PurePosixPath(url.database or "").is_absolute() or url != URL.create(
                url.drivername, database=url.database
            ):
                raise Unfit("four slashes and a file's full path: " + _DATABASES["sqlite+aiosqlite"])
            return url
        if not (url.database and (url.host or url.query.keys() & {"unix_socket", "host"})):
            raise Unfit
        if url.query.keys() & {"password", "passwd"}:  # SQLAlchemy would show it
            raise Unfit("no password behind the question mark")
        try:
            url.get_dialect()().create_connect_args(url)
        except (ArgumentError, ValueError) as error:
            raise Unfit("options of the driver behind the question mark, such as connect_timeout=5") from error
        return url

    return Kind(words, read, show=_beginning)


_DATABASES = {
    "mysql+aiomysql": "mysql+aiomysql://USER@HOST:3306/DATABASE",
    "postgresql+asyncpg": "postgresql+asyncpg://USER@HOST:5432/DATABASE",
    "sqlite+aiosqlite": "sqlite+aiosqlite:////FOLDER/FILE",
}


def _beginning(text: str) -> str:
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://", text)
    return f"'{scheme[0]}…'" if scheme else "a value that is not shown"
