"""The journal's file: its lock, its settings, and what is done when it is damaged.

Callers' numbers and names are nobody else's business, so the file is its owner's alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from agi_server.journal.records import OPEN_STATES, UNSURE, calls, metadata
from agi_server.journal.writer import JournalDamagedError, JournalError

WAL_PAGES = 4000
"""Pages of 4 kB in the log until they go into the file. One call waits for that; of SQLite's 1,000 one in a hundred."""


class JournalBusyError(JournalError):
    """Another process has this journal open; two would double calls."""


def take_lock(path: Path) -> int:
    """Hold a lock file beside the database as long as we live; the system frees it, however we end."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise JournalBusyError(
            f"the journal {path} is in use by another agi-server: stop that one, or give this one its own"
        ) from None
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite gives its side files the same mode
    return lock


def prepare(connection: sa.Connection) -> None:
    """See that the file is sound, and has our tables."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise JournalDamagedError(" ".join(str(found).split()))
    metadata.create_all(connection)
    if _missing(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # all of it or nothing, and by one of us
        _bring_up_to_date(connection)


def _missing(connection: sa.Connection) -> list[sa.Column[Any]]:
    """The columns of `calls` that the file lacks: a former version of ours has made it."""
    there = {column["name"] for column in sa.inspect(connection).get_columns(calls.name)}
    return [column for column in calls.columns if column.name not in there]


def _bring_up_to_date(connection: sa.Connection) -> None:
    for column in _missing(connection):
        definition = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {calls.name} ADD COLUMN {definition}")
    for index in calls.indexes:
        index.create(connection, checkfirst=True)
    fill_in(connection)


def fill_in(connection: sa.Connection) -> None:
    """What the rows of a former version say of the columns that it did not have."""
    number, login = _kept("call", "canonical"), _kept("recognition", "customer", "login")
    sure = _kept("recognition", "match").not_in(UNSURE)
    for column, value, where in (
        (calls.c.number, number, number.is_not(None)),
        (calls.c.customer, login, sure & login.is_not(None)),
    ):
        connection.execute(calls.update().where(where, column == "").values({column: value}))


def _kept(column: str, *path: str) -> sa.ColumnElement[Any]:
    """What a column of JSON has at this place; nothing if it can't be read."""
    text = calls.c[column]
    return sa.case((sa.func.json_valid(text) == 1, sa.func.json_extract(text, ".".join(("$", *path)))))


def set_pragmas(connection: Any, _record: Any) -> None:
    """WAL with full sync: a committed call survives a power cut (sqlite.org/pragma.html#pragma_synchronous)."""
    cursor = connection.cursor()
    checkpoint = f"wal_autocheckpoint={WAL_PAGES}"
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", checkpoint):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def set_aside(path: Path) -> Path:
    """Keep a damaged file for a person, under another name."""
    aside = Path(f"{path}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    for end in ("", "-wal", "-shm"):
        if (file := Path(f"{path}{end}")).exists():
            file.rename(f"{aside}{end}")
    aside.chmod(0o600)
    return aside


def open_rows(aside: Path) -> list[dict[str, Any]]:
    """What can still be read there of the calls that are no tickets yet: rows of `calls`, as far as they go."""
    rows: list[dict[str, Any]] = []
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(aside)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT * FROM calls NOT INDEXED")
        rows.extend(dict(row) for row in found if row["state"] in OPEN_STATES)  # keeps what came before an error
    return rows
