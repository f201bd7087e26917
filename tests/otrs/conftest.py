"""Tables of customers to test with: `table` is on SQLite and on the lab's MariaDB, `small` and `server` on one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.lab.lab import require
from tests.otrs.customer_user import CustomerUser, in_mariadb, in_sqlite, scratch_database
from tests.otrs.directory import IVANOV, Stopwatch


@pytest.fixture(scope="session")
def scratch() -> Iterator[str]:
    require()
    with scratch_database() as name:
        yield name


@pytest.fixture(name="table", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.lab)])
async def on_each_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CustomerUser]:
    if request.param == "sqlite":
        async with in_sqlite(tmp_path) as table:
            yield table
    else:
        async with in_mariadb(request.getfixturevalue("scratch")) as table:
            yield table


@pytest.fixture(name="server")
async def on_mariadb(scratch: str) -> AsyncIterator[CustomerUser]:
    async with in_mariadb(scratch) as table:
        yield table


@pytest.fixture(name="watch")
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture(name="small")
async def in_a_file(tmp_path: Path) -> AsyncIterator[CustomerUser]:
    async with in_sqlite(tmp_path) as table:
        await table.add(IVANOV)
        yield table
