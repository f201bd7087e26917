"""OTRS's table `customer_user`, read in pages through SQLAlchemy; nothing is ever written to it.

A page is at most `PAGE_ROWS` rows in the order of their ids, so that a table of a million rows takes
neither our memory nor a long query of OTRS's database. No caller's word goes into a query: what is
asked for is ids and times. Every query has a time limit, and whatever goes wrong is a
`TableError`, whose words an administrator can act on and which never hold the password.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import URL, Column, DateTime, Integer, MetaData, Select, String, Table, func, make_url, select
from sqlalchemy.ext.asyncio import create_async_engine

PAGE_ROWS = 250
"""Drivers unpack a page in one go, in the event loop: so many rows hold up calls by some 3 ms."""
CONNECT_S = 5.0
QUERY_S = 30.0
VALID = 1
"""OTRS's `valid_id` of what is in use."""
FACTS = ("login", "customer_id", "first_name", "last_name", "email", "phone", "mobile")
"""The columns that `Customer` is made of, in its order."""


class Row(NamedTuple):
    """One row of the table."""

    id: int
    valid: bool
    changed: datetime | None
    facts: tuple[str, ...]
    """The values of the table's `columns`."""


class TableError(Exception):
    """The table could not be read: why, and what mends it."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class CustomerTable:
    """The door to `customer_user`."""

    def __init__(
        self,
        database: str | URL,
        *,
        password: str | None,
        table: str,
        number_columns: Sequence[str],
    ) -> None:
        """`table` may have a schema before it (`otrs.customer_user`)."""
        url = make_url(database)
        if password is not None:
            url = url.set(password=password)
        if url.get_backend_name() in ("mysql", "mariadb") and "charset" not in url.query:
            # Without it the server sends Cyrillic names as question marks.
            url = url.update_query_dict({"charset": "utf8mb4"})
        self._url = url
        # A connection is tested before use, and no transaction stays open on OTRS's database.
        self._engine = create_async_engine(
            url, pool_size=1, max_overflow=1, pool_pre_ping=True, isolation_level="AUTOCOMMIT"
        )
        schema, _, name = table.rpartition(".")
        self.columns = FACTS + tuple(column for column in dict.fromkeys(number_columns) if column not in FACTS)
        """The columns whose values are a row's facts."""
        self._table = Table(
            name,
            MetaData(),
            Column("id", Integer),
            Column("valid_id", Integer),
            Column("change_time", DateTime),
            *(Column(column, String) for column in self.columns),
            schema=schema or None,
        )
        self.address = f"{url.get_backend_name()}://{url.host or ''}:{url.port or ''}/{url.database or ''} {table}"
        """Which table this is, without login and password."""

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def page(self, after: int, since: datetime | None = None) -> list[Row]:
        """The next rows with greater ids: all, or those changed at that time or later. In use or not."""
        ids, change_time = self._table.c.id, self._table.c.change_time
        # No condition on valid_id: MySQL would take that index instead of the primary key, and
        # walk through all earlier rows for each page.
        query = select(self._table).where(ids > after).order_by(ids).limit(PAGE_ROWS)
        rows = await self._fetch(query if since is None else query.where(change_time >= since))
        return [
            Row(id_, valid_id == VALID, _time(changed), tuple("" if fact is None else str(fact) for fact in facts))
            for id_, valid_id, changed, *facts in rows
        ]

    async def newest(self, until: datetime) -> datetime | None:
        """When a row was last changed, later times than `until` left out; None if there is no row."""
        change_time = self._table.c.change_time
        rows = await self._fetch(select(func.max(change_time)).where(change_time <= until))
        return _time(rows[0][0])

    async def count(self) -> int:
        """How many customers are in use."""
        rows = await self._fetch(select(func.count()).where(self._table.c.valid_id == VALID))
        return int(rows[0][0])

    async def _fetch(self, query: Select[Any]) -> Sequence[Sequence[Any]]:
        try:
            async with asyncio.timeout(CONNECT_S) as limit, self._engine.connect() as connection:
                limit.reschedule(asyncio.get_running_loop().time() + QUERY_S)
                rows: Sequence[Sequence[Any]] = (await connection.execute(query)).all()
                return rows
        except Exception as error:  # drivers raise anything when what answers is no database
            raise explain(error, self._url, self._table.fullname) from error


def _time(value: object) -> datetime | None:
    """MySQL's zero date comes as a text or as nothing."""
    return value if isinstance(value, datetime) else None


_GRANT = "in the database GRANT SELECT ON {path} TO '{user}'@'<this host>', or correct "
_NO_TABLE = ("there is no table {table}", "correct customers.table, or the database's name in customers.database")
_NO_COLUMN = ("a column is missing in {table}", "correct customers.number_columns, or customers.table")
_NO_SERVER = ("no connection to {place}", "is the database server running, and does it listen on that address?")
_BROKEN = ("the connection to {place} broke", "look at the database server's log")
_SILENT = ("{place} does not answer", "is it a database server, and not overloaded, and no firewall in between?")
_UNKNOWN = ("the database objects", "look at customers.database, and at the database server's log")
_BY_CODE: dict[int, tuple[str, str]] = {
    1044: ("{user} may not use the database {database}", _GRANT + "the name in customers.database"),
    1045: ("access denied for {user}", "correct user and password: customers.database, customers.password"),
    1049: ("there is no database {database}", "correct the name at the end of customers.database"),
    1054: _NO_COLUMN,
    1142: ("{user} may not read {table}", _GRANT + "customers.table"),
    1143: ("{user} may not read a column of {table}", _GRANT + "customers.number_columns"),
    1146: _NO_TABLE,
    2003: _NO_SERVER,
    2006: _BROKEN,
    2013: _BROKEN,
}
"""MySQL's and MariaDB's error codes (mysqld_error.h, errmsg.h)."""
_BY_START: dict[str, tuple[str, str]] = {
    "no such table": _NO_TABLE,
    "no such column": _NO_COLUMN,
    "unable to open database file": ("cannot open {database}", "correct the path in customers.database"),
}
"""SQLite's words."""


def explain(error: Exception, url: URL, table: str) -> TableError:
    """A driver's error in an administrator's words."""
    cause = getattr(error, "orig", None) or error
    code, said = _code_and_words(cause)
    known = _BY_CODE.get(code) or next((words for start, words in _BY_START.items() if said.startswith(start)), None)
    if known is None:
        known = _SILENT if isinstance(cause, TimeoutError) else _NO_SERVER if isinstance(cause, OSError) else _UNKNOWN
    names = {
        "user": url.username or "nobody",
        "database": url.database or "",
        "table": table,
        "path": table if "." in table else f"{url.database}.{table}",
        "place": f"{url.host}:{url.port}" if url.port else str(url.host or url.database),
    }
    reason, hint = (words.format(**names) for words in known)
    if said:
        reason += f" ({said})"
    if url.password:
        reason = reason.replace(url.password, "***")
    return TableError(reason, hint)


def _code_and_words(cause: BaseException) -> tuple[int, str]:
    """PyMySQL's errors are a code and a text, all others a text; on one line."""
    match cause.args:
        case (int(code), *_, words):
            pass
        case _:
            code, words = 0, str(cause)
    if not code and not isinstance(cause, sqlite3.Error | OSError):
        words = f"{type(cause).__name__}: {words}".rstrip(": ")
    return code, " ".join(str(words).split())
