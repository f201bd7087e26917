"""OTRS's table `customer_user`, read in pages through SQLAlchemy; nothing is ever written to it.

A page is at most `PAGE_ROWS` rows in the order of their ids, so that a table of a million rows takes
neither our memory nor a long query of OTRS's database. Companies' names come along where they may be
read. No caller's word goes into a query: what is asked for is ids and times. Every query has a time
limit, and whatever goes wrong is a `TableError`, whose words an administrator can act on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    URL,
    Column,
    DateTime,
    Engine,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    create_engine,
    func,
    make_url,
    select,
)
from sqlalchemy.util import greenlet_spawn

from agi_server.otrs.table_error import TableError, explain, without_driver

PAGE_ROWS = 250
"""Drivers unpack a page in one go, in the event loop: so many rows hold up calls by some 3 ms."""
CONNECT_S = 5.0
QUERY_S = 30.0
VALID = 1
"""OTRS's `valid_id` of what is in use."""
FACTS = ("login", "customer_id", "first_name", "last_name", "email", "phone", "mobile")
"""The columns that `Customer` is made of, in its order."""

_log = logging.getLogger("agi_server.otrs.customers")


class Row(NamedTuple):
    """One row of the table."""

    id: int
    valid: bool
    changed: datetime | None
    facts: tuple[str, ...]
    """The values of the table's `columns`, and at the end the company's name."""


class CustomerTable:
    """The door to `customer_user`, and to the companies' names."""

    def __init__(
        self,
        database: str | URL,
        *,
        password: str | None,
        table: str,
        number_columns: Sequence[str],
        columns: Sequence[str] = (),
        company_table: str = "",
    ) -> None:
        """A table may have a schema before it (`otrs.customer_user`); companies are in that of the customers."""
        url = make_url(database)
        if password is not None:
            url = url.set(password=password)
        if url.get_backend_name() in ("mysql", "mariadb") and "charset" not in url.query:
            # Without it the server sends Cyrillic names as question marks.
            url = url.update_query_dict({"charset": "utf8mb4"})
        self._url = url
        self._engine = _engine(url)
        self._named = {"customers.columns": frozenset(columns), "customers.number_columns": frozenset(number_columns)}
        self.columns = tuple(dict.fromkeys([*FACTS, *number_columns, *columns]))
        """The columns whose values are a row's facts."""
        schema, _, name = table.rpartition(".")
        own = (Column("id", Integer), Column("valid_id", Integer), Column("change_time", DateTime))
        others = (Column(column, String) for column in self.columns if column not in {one.name for one in own})
        self._table = Table(name, MetaData(), *own, *others, schema=schema or None)
        own_schema, _, name = company_table.rpartition(".")
        self._companies = Table(
            name, MetaData(), Column("customer_id", String), Column("name", String), schema=own_schema or schema or None
        )
        self._names_wanted = self._ask_for_names = bool(company_table)
        self.no_names: TableError | None = None
        """Why companies' names cannot be read; None if they can, or are not wanted."""
        self.address = f"{url.get_backend_name()}://{url.host or ''}:{url.port or ''}/{url.database or ''} {table}"
        """Which table this is, without login and password."""

    async def close(self) -> None:
        """Close all connections."""
        if isinstance(self._engine, Engine):
            await greenlet_spawn(self._engine.dispose)

    def retry_names(self) -> None:
        """From the next page on ask for companies' names again, though they could not be read."""
        self._ask_for_names = self._names_wanted

    async def page(self, after: int, since: datetime | None = None) -> list[Row]:
        """The next rows with greater ids: all, or those changed at that time or later. In use or not."""
        columns = self._table.c
        # No condition on valid_id: MySQL would take that index instead of the primary key, and
        # walk through all earlier rows for each page.
        facts = (columns[column] for column in self.columns)
        query = select(columns.id, columns.valid_id, columns.change_time, *facts).where(columns.id > after)
        if since is not None:
            query = query.where(columns.change_time >= since)
        rows = await self._page_with_names(query.order_by(columns.id).limit(PAGE_ROWS))
        return [
            Row(id_, valid_id == VALID, _time(changed), tuple("" if value is None else str(value) for value in values))
            for id_, valid_id, changed, *values in rows
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

    async def companies_of(self, logins: Collection[str]) -> dict[str, str]:
        """The `customer_id` of each of these who is in use, by login."""
        columns = self._table.c
        of_these = select(columns.login, columns.customer_id).where(columns.login.in_(logins))
        rows = await self._fetch(of_these.where(columns.valid_id == VALID))
        return {login: customer_id or "" for login, customer_id in rows}

    async def _page_with_names(self, query: Select[Any]) -> Sequence[Sequence[Any]]:
        """The rows, each with its company's name at the end; without names rather than not at all."""
        refused = None
        if self._ask_for_names:
            names = self._companies.c
            his = self._table.c.customer_id == names.customer_id
            joined = query.outerjoin_from(self._table, self._companies, his).add_columns(names.name)
            try:
                rows = await self._fetch(joined, self._companies, "customers.company_table")
            except TableError as error:
                if not error.objection:
                    raise
                refused = error
            else:
                self.no_names = None
                return rows
        rows = await self._fetch(query)
        if refused is not None:  # and this query was not, so it is about the names
            if self.no_names is None:
                _log.info("customers come without their company's name: %s; %s", refused.reason, refused.hint)
            self._ask_for_names, self.no_names = False, refused
        return [(*row, None) for row in rows]

    async def _fetch(
        self, query: Select[Any], about: Table | None = None, option: str = "customers.table"
    ) -> Sequence[Sequence[Any]]:
        """All rows of an answer; if there is none, the words are about that table, which that option names."""
        if isinstance(self._engine, ModuleNotFoundError):
            raise without_driver(self._engine.name) from self._engine

        def ask(engine: Engine) -> Sequence[Sequence[Any]]:
            with engine.connect() as connection:
                limit.reschedule(asyncio.get_running_loop().time() + QUERY_S)
                return connection.execute(query).all()

        try:
            async with asyncio.timeout(CONNECT_S) as limit:
                return await greenlet_spawn(ask, self._engine)
        except Exception as error:  # drivers raise anything when what answers is no database
            table = self._table if about is None else about
            raise explain(error, self._url, table.fullname, option, self._named) from error


def _engine(url: URL) -> Engine | ModuleNotFoundError:
    """The door; or that its driver is not installed, which is no reason not to take calls.

    It waits only within `greenlet_spawn`. SQLAlchemy's own AsyncEngine is the same, and imports its whole ORM: 7 MB.
    """
    # A connection is tested before use, and no transaction stays open on OTRS's database.
    try:
        return create_engine(url, pool_size=1, max_overflow=1, pool_pre_ping=True, isolation_level="AUTOCOMMIT")
    except ModuleNotFoundError as error:
        return error


def _time(value: object) -> datetime | None:
    """MySQL's zero date comes as a text or as nothing."""
    return value if isinstance(value, datetime) else None
