"""Tables of customers to test with: `table` is on each database, `server` on each that is a server, others on one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.lab.lab import require
from tests.otrs.customer_user import CustomerUser, in_sqlite, on_server, scratch_on_mariadb, scratch_on_postgresql
from tests.otrs.directory import IVANOV, Stopwatch

SERVERS = [pytest.param(name, marks=pytest.mark.lab) for name in ("mariadb", "postgresql")]


@pytest.fixture(scope="session")
def on_mariadb() -> Iterator[URL]:
    require()
    with scratch_on_mariadb() as owner:
        yield owner


@pytest.fixture(scope="session")
def on_postgresql() -> Iterator[URL]:
    require()
    with scratch_on_postgresql() as owner:
        yield owner


@pytest.fixture(name="table", params=["sqlite", *SERVERS])
async def on_each_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CustomerUser]:
    if request.param == "sqlite":
        async with in_sqlite(tmp_path) as table:
            yield table
    else:
        async with on_server(request.getfixturevalue(f"on_{request.param}")) as table:
            yield table


@pytest.fixture(name="server", params=SERVERS)
async def on_each_server(request: pytest.FixtureRequest) -> AsyncIterator[CustomerUser]:
    async with on_server(request.getfixturevalue(f"on_{request.param}")) as table:
        yield table


@pytest.fixture
async def mariadb(on_mariadb: URL) -> AsyncIterator[CustomerUser]:
    async with on_server(on_mariadb) as table:
        yield table


@pytest.fixture
async def postgresql(on_postgresql: URL) -> AsyncIterator[CustomerUser]:
    async with on_server(on_postgresql) as table:
        yield table


@pytest.fixture(name="watch")
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture(name="small")
async def in_a_file(tmp_path: Path) -> AsyncIterator[CustomerUser]:
    async with in_sqlite(tmp_path) as table:
        await table.add(IVANOV)
        yield table
