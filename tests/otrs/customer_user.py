"""A `customer_user` of a test's own: in an SQLite file, or in a scratch database of the lab's servers.

All have OTRS's columns. On MariaDB and PostgreSQL it is a copy of Znuny's own table, read by a login that
may only read, and through a `Relay` that can be closed or fall silent as a database server does.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import URL, delete, event, insert, make_url, text, update
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from agi_server.sandbox.people import customer_company, customer_user, metadata
from tests.lab import facts, mariadb, postgresql

MONDAY = datetime(2026, 11, 2, 12, 0, 0)  # noqa: DTZ001 - change_time has no zone
"""When all rows were changed last, if nothing else is said."""
SECOND = timedelta(seconds=1)


class Relay:
    """A TCP port that leads to another one, until it is closed or told to be silent."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._carriers: set[asyncio.Task[None]] = set()
        self._speaking = asyncio.Event()
        self._speaking.set()
        self.port = 0
        self.met = asyncio.Event()
        """Set when somebody has connected."""

    async def open(self) -> None:
        """Take connections, on the same port as before."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def silence(self) -> None:
        """From now on nothing is carried, neither way; connections stay open."""
        self._speaking.clear()

    async def close(self) -> None:
        """Refuse connections and break those that there are."""
        if self._server is not None:
            self._server.close()
            for carrier in self._carriers:
                carrier.cancel()
            await asyncio.gather(*self._carriers, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrier = asyncio.create_task(self._carry(reader, writer))
        self._carriers.add(carrier)
        carrier.add_done_callback(self._carriers.discard)
        self.met.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.ExitStack() as ends:
            ends.callback(writer.transport.abort)
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            ends.callback(far_writer.transport.abort)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._speaking.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


class CustomerUser:
    """The table, as OTRS writes it."""

    def __init__(self, engine: AsyncEngine, url: URL, password: str | None, relay: Relay | None = None) -> None:
        self._engine = engine
        self.url = url
        """Where agi-server reads it."""
        self.password = password
        self.relay = relay
        """What stands between; None for SQLite."""

    async def add(self, *rows: dict[str, Any]) -> None:
        """New customers; whatever a row does not say is empty, and he is valid."""
        await self._do(insert(customer_user), [_whole(row) for row in rows])

    async def name_companies(self, **names: str) -> None:
        """The companies' names by their `customer_id`; those that had one have a new one."""
        ids = customer_company.c.customer_id
        await self._do(delete(customer_company).where(ids.in_(names)))
        made = {"valid_id": 1, "create_time": MONDAY, "create_by": 1, "change_time": MONDAY, "change_by": 1}
        await self._do(insert(customer_company), [{"customer_id": one, "name": names[one]} | made for one in names])

    async def change(self, login: str, when: datetime, **columns: Any) -> None:
        """Other values in a customer's row."""
        await self._do(update(customer_user).where(customer_user.c.login == login).values(change_time=when, **columns))

    async def remove(self, login: str) -> None:
        """A row that goes without a trace, as OTRS never does but administrators do."""
        await self._do(delete(customer_user).where(customer_user.c.login == login))

    async def do(self, sql: str) -> None:
        """Any statement."""
        await self._do(text(sql))

    @asynccontextmanager
    async def with_companies(self, table: str, like: str = "", *, readable: bool = True) -> AsyncIterator[None]:
        """A further table of companies with Ivanov's in it, for a while; `like` is how it compares texts."""
        reader = facts.CUSTOMERS_USER
        if self.url.get_backend_name() == "mysql":
            reader = f"'{reader}'@'{facts.HOST}'"
        granted = readable and self.relay is not None
        await self.do(f"CREATE TABLE {table} (customer_id VARCHAR(150), name VARCHAR(200)) {like}")
        try:
            await self.do(f"INSERT INTO {table} VALUES ('ROMASHKA', 'Ромашка')")
            if granted:
                await self.do(f"GRANT SELECT ON {table} TO {reader}")
            yield
        finally:
            if granted:
                await self.do(f"REVOKE SELECT ON {table} FROM {reader}")
            await self.do(f"DROP TABLE {table}")

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Whoever reads the table has to wait; on a server."""
        lock, unlock = "LOCK TABLES customer_user WRITE", "UNLOCK TABLES"
        if self.url.get_backend_name() == "postgresql":
            lock, unlock = "LOCK TABLE customer_user", "COMMIT"
        async with self._engine.connect() as connection:
            await connection.execute(text(lock))
            yield
            await connection.execute(text(unlock))

    async def go_away(self) -> None:
        """The database is out of reach; where there is no server, the table is gone."""
        if self.relay is not None:
            await self.relay.close()
        else:
            await self.do("ALTER TABLE customer_user RENAME TO away")

    async def come_back(self) -> None:
        """As it was before."""
        if self.relay is not None:
            await self.relay.open()
        else:
            await self.do("ALTER TABLE away RENAME TO customer_user")

    async def _do(self, statement: Any, rows: Sequence[dict[str, Any]] | None = None) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(statement, rows)


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    login = row["login"]
    defaults = {
        "email": f"{login}@customers.example",
        "customer_id": "",
        "first_name": "",
        "last_name": "",
        "phone": None,
        "fax": None,
        "mobile": None,
        "valid_id": 1,
        "create_time": MONDAY,
        "create_by": 1,
        "change_time": MONDAY,
        "change_by": 1,
    }
    return defaults | row


@asynccontextmanager
async def in_sqlite(folder: Path) -> AsyncIterator[CustomerUser]:
    """An empty table in a file."""
    url = make_url(f"sqlite+aiosqlite:///{folder / 'customer_user.db'}")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    try:
        yield CustomerUser(engine, url, None)
    finally:
        await engine.dispose()


_numbers = itertools.count(1)
TABLES = ("customer_user", "customer_company")


def _scratch() -> str:
    """The name of a database of our own on the lab's servers; a test that runs beside another has a second one."""
    return f"agi_test_{os.getpid()}_{next(_numbers)}"


@contextmanager
def scratch_on_mariadb() -> Iterator[URL]:
    """Copies of Znuny's tables on the lab's MariaDB; the address and login that may write them."""
    scratch = _scratch()
    reader = f"'{facts.CUSTOMERS_USER}'@'{facts.HOST}'"
    mariadb.run_script(f"DROP DATABASE IF EXISTS {scratch}; CREATE DATABASE {scratch} CHARACTER SET utf8mb3;")
    for table in TABLES:
        mariadb.run_script(
            f"CREATE TABLE {scratch}.{table} LIKE {facts.DATABASE}.{table};"
            f"GRANT SELECT ON {scratch}.{table} TO {reader};"
        )
    try:
        yield URL.create(
            "mysql+aiomysql", "root", facts.MARIADB_ROOT_PASSWORD, facts.HOST, facts.MARIADB_PORT, scratch,
            {"charset": "utf8mb4"},
        )  # fmt: skip
    finally:
        for table in TABLES:
            mariadb.run_script(f"REVOKE SELECT ON {scratch}.{table} FROM {reader};")
        mariadb.run_script(f"DROP DATABASE {scratch};")


@contextmanager
def scratch_on_postgresql() -> Iterator[URL]:
    """Znuny's tables on the lab's PostgreSQL; the address and login that may write them."""
    scratch = _scratch()
    drop = f"DROP DATABASE IF EXISTS {scratch} WITH (FORCE)"
    postgresql.run_script(drop)
    postgresql.make_database(scratch)
    try:
        yield URL.create(
            "postgresql+asyncpg", facts.DATABASE_USER, facts.DATABASE_PASSWORD, facts.HOST, facts.POSTGRESQL_PORT,
            scratch,
        )  # fmt: skip
    finally:
        postgresql.run_script(drop)


@asynccontextmanager
async def on_server(owner: URL) -> AsyncIterator[CustomerUser]:
    """The tables of that scratch database, emptied."""
    assert owner.port is not None
    engine = create_async_engine(owner)
    relay = Relay(owner.port)
    await relay.open()
    url = URL.create(owner.drivername, facts.CUSTOMERS_USER, None, facts.HOST, relay.port, owner.database)
    table = CustomerUser(engine, url, facts.CUSTOMERS_PASSWORD, relay)
    try:
        for name in TABLES:
            await table.do(f"TRUNCATE TABLE {name}")
        yield table
    finally:
        await relay.close()
        await engine.dispose()


class Queries:
    """All that is sent to a database in this process, as long as it is the current context."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        """Statements and their parameters."""

    def looks(self) -> int:
        """How often was asked for changes? Once for each page."""
        return sum("change_time >=" in statement for statement, _ in self.sent)

    def __enter__(self) -> Queries:
        event.listen(Engine, "before_cursor_execute", self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        event.remove(Engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        self.sent.append((statement, repr(parameters)))
