"""Why OTRS's table of customers cannot be read, in an administrator's words, and what mends it.

Pure. Drivers tell their troubles by number (MySQL's, MariaDB's), by SQLSTATE (PostgreSQL's) or in words
alone (SQLite's); each that an administrator can cause has a sentence here, and all others are shown
as the driver said them. The password is never among the words.
"""

from __future__ import annotations

import re
import sqlite3
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import URL

EXTRAS = {"asyncpg": "postgresql"}
"""Drivers that are not installed with us, and the extra that brings them."""


class TableError(Exception):
    """The table could not be read: why, and what mends it."""

    def __init__(self, reason: str, hint: str, *, objection: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.objection = objection
        """The database understood and will not: another query may please it."""


@dataclass(frozen=True, slots=True)
class _Words:
    reason: str
    hint: str
    objection: bool = False
    """As in `TableError`."""


_WHERE = "customers.database"
_GRANT_MYSQL = "in the database GRANT SELECT ON {path} TO '{user}'@'<this host>', or correct "
_GRANT_POSTGRESQL = "in the database GRANT SELECT ON {table} TO {user}, or correct {option}"
_NO_DATABASE = _Words("there is no database {database}", f"correct the name at the end of {_WHERE}")
_NO_TABLE = _Words("there is no table {table}", f"correct {{option}}, or the database's name in {_WHERE}", True)
_NO_COLUMN = _Words("a column is missing in {table}", "correct {options}", True)
_NO_RIGHT = "{user} may not read {table}"
_NO_ENTRY = _Words("access denied for {user}", f"correct user and password: {_WHERE}, customers.password")
_NO_SERVER = _Words("no connection to {place}", "is the database server running, and does it listen on that address?")
_NO_TLS = _Words("no TLS with {place}", f"correct ssl in {_WHERE}, or the database server's certificate")
_BROKEN = _Words("the connection to {place} broke", "look at the database server's log")
_SILENT = _Words("{place} does not answer", "is it a database server, and not overloaded, and no firewall in between?")
_UNKNOWN = _Words("the database objects", f"look at {_WHERE}, and at the database server's log", True)

_BY_NUMBER: dict[int, _Words] = {
    1044: _Words("{user} may not use the database {database}", f"{_GRANT_MYSQL}the name in {_WHERE}"),
    1045: _NO_ENTRY,
    1049: _NO_DATABASE,
    1054: _NO_COLUMN,
    1142: _Words(_NO_RIGHT, f"{_GRANT_MYSQL}{{option}}", True),
    1143: _Words("{user} may not read a column of {table}", f"{_GRANT_MYSQL}{{options}}", True),
    1146: _NO_TABLE,
    2003: _NO_SERVER,
    2006: _BROKEN,
    2013: _BROKEN,
}
"""MySQL's and MariaDB's error codes (mysqld_error.h, errmsg.h)."""
_BY_STATE: dict[str, _Words] = {
    "08": _BROKEN,
    "28000": _Words("access denied for {user}", f"correct {_WHERE}, or pg_hba.conf on the database server"),
    "28P01": _NO_ENTRY,
    "3D000": _NO_DATABASE,
    "42501": _Words(_NO_RIGHT, _GRANT_POSTGRESQL, True),
    "42703": _NO_COLUMN,
    "42P01": _NO_TABLE,
    "53300": _NO_SERVER,
    "57P01": _BROKEN,
    "57P02": _BROKEN,
    "57P03": _NO_SERVER,
}
"""PostgreSQL's SQLSTATEs, or the class that their first two characters are (its manual, appendix A)."""
_BY_WORDS: dict[str, _Words] = {
    "no such table": _NO_TABLE,
    "no such column": _NO_COLUMN,
    "unable to open database file": _Words("cannot open {database}", f"correct the path in {_WHERE}"),
    "rejected SSL upgrade": _NO_TLS,
}
"""SQLite's words, and asyncpg's own."""


def explain(error: Exception, url: URL, table: str, option: str, named: Mapping[str, Collection[str]]) -> TableError:
    """A driver's error in an administrator's words.

    `option` is where the table is named; `named` are the columns that each other option names.
    """
    cause = getattr(error, "orig", None) or error
    if getattr(cause, "sqlstate", None) and cause.__cause__:
        cause = cause.__cause__  # what asyncpg said, before SQLAlchemy put its own words before it
    number, said = _number_and_words(cause)
    words = _known(cause, number, said)
    spoken = set(re.findall(r"\w+", said.partition(" HINT: ")[0]))
    names = {
        "user": url.username or "nobody",
        "database": url.database or "",
        "table": table,
        "path": table if "." in table else f"{url.database}.{table}",
        "place": f"{url.host}:{url.port}" if url.port else str(url.host or url.database),
        "option": option,
        "options": ", or ".join(
            [*(other for other, columns in named.items() if not spoken.isdisjoint(columns)), option]
        ),
    }
    reason, hint = words.reason.format(**names), words.hint.format(**names)
    if said:
        reason += f" ({said})"
    if url.password:
        reason = reason.replace(str(url.password), "***")
    return TableError(reason, hint, objection=words.objection)


def without_driver(module: str | None) -> TableError:
    """The database's driver is not installed here."""
    wanted = f"agi-server[{EXTRAS[module]}]" if module in EXTRAS else module
    return TableError(f"{module} is not installed: pip install '{wanted}'", f"install it, or correct {_WHERE}")


def _known(cause: BaseException, number: int, said: str) -> _Words:
    state = str(getattr(cause, "sqlstate", None) or "")
    for words in (_BY_NUMBER.get(number), _BY_STATE.get(state), _BY_STATE.get(state[:2])):
        if words is not None:
            return words
    for part, words in _BY_WORDS.items():
        if part in said:
            return words
    if isinstance(cause, TimeoutError):
        return _SILENT
    if isinstance(cause, ssl.SSLError):
        return _NO_TLS
    return _NO_SERVER if isinstance(cause, OSError) else _UNKNOWN


def _number_and_words(cause: BaseException) -> tuple[int, str]:
    """PyMySQL's errors are a number and a text, all others a text; on one line."""
    match cause.args:
        case (int(number), *_, words):
            pass
        case _:
            number, words = 0, str(cause)
    if not (number or getattr(cause, "sqlstate", None) or isinstance(cause, sqlite3.Error | OSError)):
        words = f"{type(cause).__name__}: {words}".rstrip(": ")
    return number, " ".join(str(words).split())
