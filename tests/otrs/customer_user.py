"""A `customer_user` of a test's own: in an SQLite file, or in a scratch database of the lab's MariaDB.

Both have OTRS's columns; the second is made LIKE Znuny's own table, is read by a login that may only
read, and through a `Relay` that can be closed or fall silent as a database server does.
"""

from __future__ import annotations

import asyncio
import contextlib
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

from agi_server.sandbox.people import customer_user, metadata
from tests.lab import facts, mariadb

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
    async def locked(self) -> AsyncIterator[None]:
        """Whoever reads the table has to wait; MariaDB only."""
        async with self._engine.connect() as connection:
            await connection.execute(text("LOCK TABLES customer_user WRITE"))
            yield
            await connection.execute(text("UNLOCK TABLES"))

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


@contextmanager
def scratch_database() -> Iterator[str]:
    """A database of our own in the lab's MariaDB, with an empty table in it."""
    name = f"agi_test_{os.getpid()}"
    reader = f"'{facts.CUSTOMERS_USER}'@'{facts.HOST}'"
    mariadb.run_script(
        f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb3;"
        f"CREATE TABLE {name}.customer_user LIKE {facts.DATABASE}.customer_user;"
        f"GRANT SELECT ON {name}.* TO {reader};"
    )
    try:
        yield name
    finally:
        mariadb.run_script(f"REVOKE SELECT ON {name}.* FROM {reader}; DROP DATABASE {name};")


@asynccontextmanager
async def in_mariadb(database: str) -> AsyncIterator[CustomerUser]:
    """The table of that scratch database, emptied."""
    root = URL.create(
        "mysql+aiomysql", "root", facts.MARIADB_ROOT_PASSWORD, facts.HOST, facts.MARIADB_PORT, database,
        {"charset": "utf8mb4"},
    )  # fmt: skip
    engine = create_async_engine(root)
    relay = Relay(facts.MARIADB_PORT)
    await relay.open()
    url = URL.create("mysql+aiomysql", facts.CUSTOMERS_USER, None, facts.HOST, relay.port, database)
    table = CustomerUser(engine, url, facts.CUSTOMERS_PASSWORD, relay)
    try:
        await table.do("TRUNCATE TABLE customer_user")
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
