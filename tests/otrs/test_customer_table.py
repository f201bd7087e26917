"""Reading `customer_user`, and what an administrator is told when that fails; codes as the lab's MariaDB sends them."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from agi_server.otrs.customer_table import PAGE_ROWS, CustomerTable, TableError, explain
from tests.lab import facts
from tests.otrs.customer_user import MONDAY, SECOND, CustomerUser
from tests.otrs.directory import IVANOV, until

NOON = make_url("mysql+aiomysql://asterisk:s3cret@db.example:3306/otrs")


def table_of(customer_user: CustomerUser, **options: Any) -> CustomerTable:
    settings = {"password": customer_user.password, "table": "customer_user", "number_columns": ("phone", "mobile")}
    return CustomerTable(**{"database": customer_user.url} | settings | options)


async def test_a_row_as_it_is(table: CustomerUser) -> None:
    await table.add(IVANOV, {"login": "bare", "valid_id": 2, "change_time": MONDAY + SECOND})
    reader = table_of(table, number_columns=("mobile", "fax"))
    assert reader.columns == (
        "login", "customer_id", "first_name", "last_name", "email", "phone", "mobile", "fax",
    )  # fmt: skip
    ivanov, bare = await reader.page(0)
    assert ivanov[1:] == (True, MONDAY, (*IVANOV.values(), ""))
    assert bare[1:] == (False, MONDAY + SECOND, ("bare", "", "", "", "bare@customers.example", "", "", ""))
    await reader.close()


async def test_pages_follow_each_other(table: CustomerUser) -> None:
    rows = 2 * PAGE_ROWS + 1
    await table.add(*({"login": f"user{number}"} for number in range(rows)))
    reader, found, sizes, after = table_of(table), list[str](), list[int](), 0
    while page := await reader.page(after):
        found += [row.facts[0] for row in page]
        sizes.append(len(page))
        after = page[-1].id
    assert found == [f"user{number}" for number in range(rows)]
    assert sizes == [PAGE_ROWS, PAGE_ROWS, 1]
    await reader.close()


async def test_changed_rows_only(table: CustomerUser) -> None:
    await table.add(*({"login": f"user{n}", "valid_id": n % 3, "change_time": MONDAY + n * SECOND} for n in range(9)))
    reader = table_of(table)
    rows = await reader.page(0, MONDAY + 5 * SECOND)
    assert [row.facts[0] for row in rows] == ["user5", "user6", "user7", "user8"]
    assert [row.facts[0] for row in await reader.page(rows[1].id, MONDAY + 5 * SECOND)] == ["user7", "user8"]
    await reader.close()


async def test_counts_and_times(table: CustomerUser) -> None:
    reader = table_of(table)
    assert await reader.newest(MONDAY) is None
    assert await reader.count() == 0
    await table.add(*({"login": f"user{n}", "valid_id": n % 3, "change_time": MONDAY + n * SECOND} for n in range(9)))
    assert await reader.newest(MONDAY + 100 * SECOND) == MONDAY + 8 * SECOND
    assert await reader.newest(MONDAY + 4 * SECOND) == MONDAY + 4 * SECOND
    assert await reader.count() == 3
    await reader.close()


@pytest.mark.lab
async def test_a_zero_date_is_no_time(server: CustomerUser) -> None:
    await server.add(IVANOV)
    await server.do("SET STATEMENT sql_mode = '' FOR UPDATE customer_user SET change_time = '0000-00-00 00:00:00'")
    reader = table_of(server)
    (row,) = await reader.page(0)
    assert row.changed is None
    assert await reader.newest(MONDAY) is None
    await reader.close()


@pytest.mark.lab
async def test_a_table_in_another_schema(server: CustomerUser) -> None:
    await server.add(IVANOV)
    reader = table_of(
        server, database=server.url.set(database=facts.DATABASE), table=f"{server.url.database}.customer_user"
    )
    assert [row.facts[0] for row in await reader.page(0)] == ["ivanov"]
    await reader.close()


@pytest.mark.lab
async def test_a_connection_that_broke_is_replaced(server: CustomerUser) -> None:
    await server.add(IVANOV)
    reader = table_of(server)
    await reader.page(0)
    await server.go_away()
    await server.come_back()
    assert len(await reader.page(0)) == 1
    await reader.close()


@pytest.mark.lab
async def test_an_answer_may_take_longer_than_a_greeting(server: CustomerUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.otrs.customer_table.CONNECT_S", 0.1)
    await server.add(IVANOV)
    reader = table_of(server)
    async with server.locked():
        reading = asyncio.create_task(reader.page(0))
        assert not (await asyncio.wait({reading}, timeout=0.3))[0]
    assert len(await reading) == 1
    await reader.close()


@pytest.mark.lab
async def test_an_answer_that_does_not_come(server: CustomerUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.otrs.customer_table.QUERY_S", 0.1)
    await server.add(IVANOV)
    reader = table_of(server)
    async with server.locked():
        with pytest.raises(TableError, match=r"^127\.0\.0\.1:\d+ does not answer$"):
            await reader.page(0)
    monkeypatch.undo()
    assert len(await reader.page(0)) == 1
    await reader.close()


async def trouble(reader: CustomerTable) -> TableError:
    with pytest.raises(TableError) as raised:
        await reader.page(0)
    await reader.close()
    return raised.value


@pytest.mark.lab
@pytest.mark.parametrize(
    ("options", "reason", "hint"),
    [
        (
            {"password": "wrong-s3cret"},
            "access denied for asterisk (Access denied for user 'asterisk'@'127.0.0.1' (using password: YES))",
            "correct user and password: customers.database, customers.password",
        ),
        (
            {"password": None},
            "access denied for asterisk (Access denied for user 'asterisk'@'127.0.0.1' (using password: NO))",
            "correct user and password: customers.database, customers.password",
        ),
        (
            {"user": "root", "password": facts.MARIADB_ROOT_PASSWORD, "database": "otrx"},
            "there is no database otrx (Unknown database 'otrx')",
            "correct the name at the end of customers.database",
        ),
        (
            {"database": "mysql"},
            "asterisk may not use the database mysql"
            " (Access denied for user 'asterisk'@'127.0.0.1' to database 'mysql')",
            "in the database GRANT SELECT ON mysql.customer_user TO 'asterisk'@'<this host>',"
            " or correct the name in customers.database",
        ),
        (
            {"database": "otrs", "table": "otrs.users"},
            "asterisk may not read otrs.users"
            " (SELECT command denied to user 'asterisk'@'127.0.0.1' for table `otrs`.`users`)",
            "in the database GRANT SELECT ON otrs.users TO 'asterisk'@'<this host>', or correct customers.table",
        ),
        (
            {"table": "customer_usr"},
            "there is no table customer_usr (Table '{database}.customer_usr' doesn't exist)",
            "correct customers.table, or the database's name in customers.database",
        ),
        (
            {"number_columns": ["phone", "handy"]},
            "a column is missing in customer_user (Unknown column 'customer_user.handy' in 'SELECT')",
            "correct customers.number_columns, or customers.table",
        ),
    ],
)
async def test_what_mariadb_objects_to(server: CustomerUser, options: dict[str, Any], reason: str, hint: str) -> None:
    url = server.url.set(
        username=options.pop("user", server.url.username), database=options.pop("database", server.url.database)
    )
    error = await trouble(table_of(server, database=url, **options))
    assert error.reason == reason.format(database=server.url.database)
    assert error.hint == hint


@pytest.mark.lab
async def test_a_server_that_is_not_there(server: CustomerUser) -> None:
    await server.go_away()
    error = await trouble(table_of(server))
    place = f"127.0.0.1:{server.url.port}"
    assert error.reason == f"no connection to {place} (Can't connect to MySQL server on '127.0.0.1')"
    assert error.hint == "is the database server running, and does it listen on that address?"


@pytest.mark.lab
async def test_a_server_that_breaks_off(server: CustomerUser) -> None:
    assert server.relay is not None
    server.relay.silence()
    reading = asyncio.create_task(trouble(table_of(server)))
    await server.relay.met.wait()
    await server.relay.close()
    error = await reading
    assert error.reason.startswith(f"the connection to 127.0.0.1:{server.url.port} broke (Lost connection to MySQL")


@pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")
async def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.otrs.customer_table.CONNECT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = NOON.set(host="127.0.0.1", port=port)
        began = time.monotonic()
        error = await trouble(CustomerTable(url, password=None, table="customer_user", number_columns=()))
    assert error.reason == f"127.0.0.1:{port} does not answer"
    assert time.monotonic() - began < 5
    del error
    gc.collect()  # aiomysql leaves it to its finalizer to close a connection that was given up in the handshake


async def test_what_is_no_database_server() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as smtp:
        url = NOON.set(host="127.0.0.1", port=smtp.sockets[0].getsockname()[1])
        error = await trouble(CustomerTable(url, password=None, table="customer_user", number_columns=()))
    assert error.hint


async def test_a_file_that_cannot_be(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/missing/customer_user.db"
    error = await trouble(CustomerTable(url, password=None, table="customer_user", number_columns=()))
    assert error.reason == f"cannot open {tmp_path}/missing/customer_user.db (unable to open database file)"
    assert error.hint == "correct the path in customers.database"
    # aiosqlite's thread has a last word to our loop; the loop must still be there.
    await until(lambda: not any("_connection_worker" in thread.name for thread in threading.enumerate()))


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (TimeoutError(), "db.example:3306 does not answer"),
        (ConnectionRefusedError(111, "refused"), "no connection to db.example:3306 (refused)"),
        (IndexError("list index\nout of range"), "the database objects (IndexError: list index out of range)"),
        (RuntimeError(), "the database objects (RuntimeError)"),
        (RuntimeError(7, "seven"), "the database objects (seven)"),
        (RuntimeError("six", "seven"), "the database objects (RuntimeError: ('six', 'seven'))"),
        (ValueError("no s3cret, please"), "the database objects (ValueError: no ***, please)"),
    ],
)
def test_other_errors(cause: Exception, reason: str) -> None:
    assert explain(cause, NOON, "customer_user").reason == reason
    wrapped = OperationalError("SELECT 1", {}, cause)
    assert explain(wrapped, NOON, "customer_user").reason == reason


def test_the_address_has_no_login_in_it() -> None:
    table = CustomerTable(NOON, password="other-s3cret", table="customer_user", number_columns=())
    assert table.address == "mysql://db.example:3306/otrs customer_user"
