"""What an administrator is told when customers cannot be read; the words are the lab's servers' and their drivers'."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from asyncpg import PostgresError
from sqlalchemy import URL, make_url
from sqlalchemy.exc import OperationalError

from agi_server.otrs.customer_table import CustomerTable
from agi_server.otrs.table_error import TableError, explain
from tests.lab import facts
from tests.lab.postgresql import run_script
from tests.otrs.customer_user import CustomerUser
from tests.otrs.directory import table_of, until

NOON = make_url("mysql+aiomysql://asterisk:s3cret@db.example:3306/otrs")


async def trouble(reader: CustomerTable) -> TableError:
    with pytest.raises(TableError) as raised:
        await reader.page(0)
    await reader.close()
    return raised.value


def address(table: CustomerUser, options: dict[str, Any]) -> URL:
    """The table's, with what of the options belongs into it; that is taken out of them."""
    changes = {"username": options.pop("user", None), "database": options.pop("database", None)}
    url = table.url.set(**{name: value for name, value in changes.items() if value})
    return url.update_query_dict({"ssl": options.pop("ssl")}) if "ssl" in options else url


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
            {"user": "root", "password": facts.MARIADB_ROOT_PASSWORD, "table": "customer_usr"},
            "there is no table customer_usr (Table '{database}.customer_usr' doesn't exist)",
            "correct customers.table, or the database's name in customers.database",
        ),
        (
            {"number_columns": ["phone", "handy"]},
            "a column is missing in customer_user (Unknown column 'customer_user.handy' in 'SELECT')",
            "correct customers.number_columns, or customers.table",
        ),
        (
            {"columns": ["city", "birthday"]},
            "a column is missing in customer_user (Unknown column 'customer_user.birthday' in 'SELECT')",
            "correct customers.columns, or customers.table",
        ),
    ],
)
async def test_what_mariadb_objects_to(mariadb: CustomerUser, options: dict[str, Any], reason: str, hint: str) -> None:
    error = await trouble(table_of(mariadb, database=address(mariadb, options), **options))
    assert error.reason == reason.format(database=mariadb.url.database)
    assert error.hint == hint


@pytest.mark.lab
@pytest.mark.parametrize(
    ("options", "reason", "hint"),
    [
        (
            {"password": "wrong-s3cret"},
            'access denied for asterisk (password authentication failed for user "asterisk")',
            "correct user and password: customers.database, customers.password",
        ),
        (
            {"database": "otrx"},
            'there is no database otrx (database "otrx" does not exist)',
            "correct the name at the end of customers.database",
        ),
        (
            {"table": "customer_usr"},
            'there is no table customer_usr (relation "customer_usr" does not exist)',
            "correct customers.table, or the database's name in customers.database",
        ),
        (
            {"table": "otrs.customer_user"},
            'there is no table otrs.customer_user (relation "otrs.customer_user" does not exist)',
            "correct customers.table, or the database's name in customers.database",
        ),
        (
            {"number_columns": ["phone", "handy"], "columns": ["handy"]},
            "a column is missing in customer_user (column customer_user.handy does not exist)",
            "correct customers.columns, or customers.number_columns, or customers.table",
        ),
        (
            {"columns": ["phones"]},
            "a column is missing in customer_user (column customer_user.phones does not exist"
            ' HINT: Perhaps you meant to reference the column "customer_user.phone".)',
            "correct customers.columns, or customers.table",
        ),
        (
            {"table": "pg_settings"},
            "a column is missing in pg_settings (column pg_settings.id does not exist)",
            "correct customers.table",
        ),
        (
            {"ssl": "require"},
            'no TLS with 127.0.0.1:{port} (PostgreSQL server at "127.0.0.1:{port}" rejected SSL upgrade)',
            "correct ssl in customers.database, or the database server's certificate",
        ),
    ],
)
async def test_what_postgresql_objects_to(
    postgresql: CustomerUser, options: dict[str, Any], reason: str, hint: str
) -> None:
    error = await trouble(table_of(postgresql, database=address(postgresql, options), **options))
    assert error.reason == reason.format(port=postgresql.url.port)
    assert error.hint == hint


@pytest.mark.lab
async def test_a_server_that_is_not_there(mariadb: CustomerUser, postgresql: CustomerUser) -> None:
    for server, words in (
        (mariadb, "Can't connect to MySQL server on '127.0.0.1'"),
        (postgresql, f"Connect call failed ('127.0.0.1', {postgresql.url.port})"),
    ):
        await server.go_away()
        error = await trouble(table_of(server))
        assert error.reason == f"no connection to 127.0.0.1:{server.url.port} ({words})"
        assert error.hint == "is the database server running, and does it listen on that address?"


@pytest.mark.lab
async def test_a_server_that_breaks_off(mariadb: CustomerUser) -> None:
    assert mariadb.relay is not None
    mariadb.relay.silence()
    reading = asyncio.create_task(trouble(table_of(mariadb)))
    await mariadb.relay.met.wait()
    await mariadb.relay.close()
    error = await reading
    assert error.reason.startswith(f"the connection to 127.0.0.1:{mariadb.url.port} broke (Lost connection to MySQL")


@pytest.mark.lab
async def test_a_server_that_ends_while_it_is_asked(postgresql: CustomerUser) -> None:
    reader = table_of(postgresql)
    await reader.page(0)
    async with postgresql.locked():
        reading = asyncio.create_task(trouble(reader))
        end = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            f" WHERE datname = '{postgresql.url.database}' AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(10):
            while await asyncio.to_thread(run_script, end) == "0":
                pass  # he does not wait for the table yet
        error = await reading
    assert error.reason.startswith(f"the connection to 127.0.0.1:{postgresql.url.port} broke (")
    assert "terminating connection due to administrator command" in error.reason


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


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`asyncpg` comes with an extra, which whoever has PostgreSQL may have forgotten."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    reader = CustomerTable(
        "postgresql+asyncpg://db.example/otrs", password=None, table="customer_user", number_columns=()
    )
    error = asyncio.run(trouble(reader))
    assert error.reason == "asyncpg is not installed: pip install 'agi-server[postgresql]'"
    assert error.hint == "install it, or correct customers.database"


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
        (ssl.SSLError(1, "wrong version"), "no TLS with db.example:3306 (wrong version)"),
        (PostgresError.new({"C": "28000", "M": "no entry"}), "access denied for asterisk (no entry)"),
        (PostgresError.new({"C": "08006", "M": "failure"}), "the connection to db.example:3306 broke (failure)"),
        (PostgresError.new({"C": "57P03", "M": "starting up"}), "no connection to db.example:3306 (starting up)"),
        (PostgresError.new({"C": "22012", "M": "by zero"}), "the database objects (by zero)"),
    ],
)
def test_other_errors(cause: Exception, reason: str) -> None:
    for error in (cause, OperationalError("SELECT 1", {}, cause)):
        assert explain(error, NOON, "customer_user", "customers.table", {}).reason == reason
