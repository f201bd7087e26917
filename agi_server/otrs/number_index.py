"""Whose number is this: a copy of the customers and their numbers in an SQLite file of our own.

It outlives a restart and the absence of OTRS's database. It can always be made again from
`customer_user`, so a file that is damaged is set aside, and one that was made by other settings is
emptied. One thread writes, in short transactions, by `merge` and `apply`; the event loop's thread
reads, by `find`: in WAL mode neither waits for the other, and a reader sees each write whole.
How a caller's number is looked up in it is number_lookup.py's duty; where rows come from is not known here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from agi_server.numbers import Number
from agi_server.otrs.customer_table import Row
from agi_server.otrs.number_lookup import Found, find

SCHEMA = 2
"""Raised when the tables below, or what is kept in them, change their meaning."""
APPLICATION_ID = 0x61676931
"""Marks the file as ours (SQLite's header field for that), so that nobody else's is ever emptied."""
BREATH_ROWS = 50
"""After so many rows, 2 ms, a writer lets the event loop's thread run, which else waits 5 ms for the interpreter.
More often would be dear: on a busy machine each time costs as much again."""
READER_WAIT_S = 0.05
WRITER_WAIT_S = 5.0
"""Both wait only where a second agi-server was given the same file, or a person looks into it."""
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE customers (id INTEGER PRIMARY KEY, changed TEXT NOT NULL, facts TEXT NOT NULL, numbers TEXT NOT NULL);
CREATE TABLE numbers (
    tail TEXT NOT NULL, extension TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tail, extension, id)
) WITHOUT ROWID;
"""

_Number = tuple[str, str]
"""Its tail and its extension."""
_dumped = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_log = logging.getLogger("agi_server.otrs.customers")


class _Kept(NamedTuple):
    """A customer as he is written down."""

    changed: str
    facts: str
    numbers: str


class NumberIndex:
    """An open index. `find` is for the thread of the event loop, all else for the one that opened it."""

    def __init__(self, path: Path, settings: str, numbers_of: Callable[[Row], Iterable[Number]]) -> None:
        """Raises `sqlite3.Error`; `FileExistsError` if the file is a database of somebody else."""
        self._numbers_of = numbers_of
        self.customers = 0
        """How many customers are in it."""
        self.numbers = 0
        """How many pairs of a number and its customer."""
        self.horizon: datetime | None = None
        """What `reached` was told last; None while the index has never been complete."""
        path.touch(mode=0o600)  # names and numbers are nobody else's business; SQLite copies the mode
        self._writer = sqlite3.connect(path, timeout=WRITER_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(path, settings)
            self._reader = sqlite3.connect(path, timeout=READER_WAIT_S, isolation_level=None, check_same_thread=False)
        except Exception:
            self._writer.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        self._writer.close()

    def find(self, number: Number) -> Found:
        """The customers whose number is most like this one, and how like it is."""
        return find(self._reader, number)

    def merge(self, rows: Sequence[Row], after: int, upto: int) -> None:
        """Make the index agree with the table on ids above `after` up to `upto`; what agrees is not written."""
        self._write(rows, "id > ? AND id <= ?", (after, upto), gone=True)

    def apply(self, rows: Sequence[Row]) -> None:
        """Take over rows that were changed in the table."""
        self._write(rows, f"id IN ({', '.join('?' * len(rows))})", [row.id for row in rows], gone=False)

    def reached(self, horizon: datetime) -> None:
        """The index is complete, and holds all changes up to this time of the table."""
        with self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            if self.horizon is None:
                # In their order and at once: a million single insertions would rewrite each page hundreds of times.
                self._writer.execute(
                    "INSERT INTO numbers"
                    " SELECT json_extract(number.value, '$[0]'), json_extract(number.value, '$[1]'), customers.id"
                    " FROM customers, json_each(customers.numbers) AS number ORDER BY 1, 2, 3"
                )
            self._writer.execute("INSERT OR REPLACE INTO about VALUES ('horizon', ?)", (horizon.isoformat(),))
        self.horizon = horizon

    def _prepare(self, path: Path, settings: str) -> None:
        ours = self._writer.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        tables = [name for (name,) in self._writer.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if tables and not ours:
            raise FileExistsError(f"{path} is another program's database, not an index of customers")
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = NORMAL")
        self._writer.execute("PRAGMA journal_size_limit = 16777216")
        self._writer.execute("PRAGMA cache_size = -16384")
        settings = _with_schema(settings)
        about = _about(self._writer)
        if tables and about.get("settings") != settings:
            _log.info("%s was made with other settings; it is made anew", path)
        if about.get("settings") != settings:
            drops = "".join(f"DROP TABLE {name};" for name in tables)
            self._writer.executescript(f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; {drops} {_TABLES}")
            self._writer.execute("INSERT INTO about VALUES ('settings', ?)", (settings,))
            self._writer.execute("COMMIT")
        elif horizon := about.get("horizon"):
            self.horizon = datetime.fromisoformat(horizon)
        (self.customers,) = self._writer.execute("SELECT count(*) FROM customers").fetchone()
        (self.numbers,) = self._writer.execute(
            "SELECT ifnull(sum(json_array_length(numbers)), 0) FROM customers"
        ).fetchone()

    def _write(self, rows: Sequence[Row], where: str, ids: Sequence[int], *, gone: bool) -> None:
        """Bring the rows into that part of the index; are others that it has there `gone`?"""
        counted = self.customers, self.numbers
        try:
            with self._writer:  # commits, or rolls back
                self._writer.execute("BEGIN IMMEDIATE")
                query = f"SELECT id, changed, facts, numbers FROM customers WHERE {where}"  # noqa: S608 - our own
                known = {id_: _Kept(*kept) for id_, *kept in self._writer.execute(query, ids)}
                left = set(known) if gone else set()
                for count, row in enumerate(rows):
                    left.discard(row.id)
                    if row.valid:
                        known[row.id] = self._put(row, known.get(row.id))
                    elif row.id in known:
                        self._drop(row.id, known.pop(row.id))
                    if count % BREATH_ROWS == 0:
                        time.sleep(0)
                for id_ in left:
                    self._drop(id_, known[id_])
        except Exception:
            self.customers, self.numbers = counted
            raise

    def _put(self, row: Row, known: _Kept | None) -> _Kept:
        changed = row.changed.isoformat() if row.changed else ""
        facts = _dumped(row.facts)
        if known and known.changed == changed and known.facts == facts:
            return known
        numbers = {(number.tail, number.extension) for number in self._numbers_of(row)}
        former = _numbers(known.numbers) if known else set()
        self._replace_numbers(row.id, former - numbers, numbers - former)
        new = _Kept(changed, facts, _dumped(sorted(numbers)))
        self._writer.execute("INSERT OR REPLACE INTO customers VALUES (?, ?, ?, ?)", (row.id, *new))
        self.customers += not known
        return new

    def _drop(self, id_: int, known: _Kept) -> None:
        self._replace_numbers(id_, _numbers(known.numbers), set())
        self._writer.execute("DELETE FROM customers WHERE id = ?", (id_,))
        self.customers -= 1

    def _replace_numbers(self, id_: int, gone: set[_Number], new: set[_Number]) -> None:
        self.numbers += len(new) - len(gone)
        if self.horizon is not None:  # before, `reached` will see to it
            one = "DELETE FROM numbers WHERE tail = ? AND extension = ? AND id = ?"
            self._writer.executemany(one, [(*number, id_) for number in gone])
            self._writer.executemany("INSERT OR IGNORE INTO numbers VALUES (?, ?, ?)", [(*one, id_) for one in new])


def _with_schema(settings: str) -> str:
    return f"schema {SCHEMA}; {settings}"


def _about(index: sqlite3.Connection) -> dict[str, str]:
    with contextlib.suppress(sqlite3.OperationalError):  # no such table
        return dict(index.execute("SELECT name, value FROM about"))
    return {}


def _numbers(written: str) -> set[_Number]:
    return {(tail, extension) for tail, extension in json.loads(written)}


def open_index(path: Path, settings: str, numbers_of: Callable[[Row], Iterable[Number]]) -> NumberIndex:
    """The index in this file; a new one, if there is none or it is damaged."""
    try:
        return NumberIndex(path, settings, numbers_of)
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
        _log.warning("%s is damaged (%s); it is set aside and made anew", path, error)
        set_aside(path)
        return NumberIndex(path, settings, numbers_of)


def peek(path: Path, settings: str, number: Number) -> Found | None:
    """`find` in the index of a server that runs now; None if there is none that is complete and of these settings.

    The file's companion is there only while somebody has it open, so it is not yesterday's, and nothing is written.
    """
    if not path.with_name(f"{path.name}-wal").exists():
        return None
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=READER_WAIT_S)
        ) as reader:
            about = _about(reader)
            known = about.get("settings") == _with_schema(settings) and "horizon" in about
            return find(reader, number) if known else None
    except (sqlite3.Error, ValueError):
        return None


def damaged(error: sqlite3.Error) -> bool:
    """Does the error mean that the file is beyond repair?"""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED


def set_aside(path: Path) -> None:
    """Rename a damaged index, which nobody has open, so that a person can look at it."""
    path.replace(path.with_name(f"{path.name}.damaged"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
