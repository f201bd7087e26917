"""OTRS's customers by their numbers: the port `Directory`.

A caller is looked up in a number index of our own: the answer takes microseconds and no database,
and no caller's word ever reaches OTRS's. Only a caller who is not found there has `customer_user`
itself looked at for changes, for as long as he can be made to wait, and not while it is away.
How the table is read is customer_table.py's duty, how the index is kept number_index.py's, and
how it follows the table follower.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import phonenumbers
from sqlalchemy import URL

from agi_server.call import NOBODY, Customer, Match, Recognition
from agi_server.numbers import Numbering
from agi_server.otrs.customer_table import FACTS, CustomerTable, Row, TableError
from agi_server.otrs.follower import Follower, Status

SAMPLE_ROWS = 10_000
"""So many customers are read by a check."""


@dataclass(frozen=True, slots=True)
class Readable:
    """The table can be read."""

    customers: int
    """In use."""
    examined: int
    """The first so many of them were read."""
    with_number: int
    """Those among the examined who have a number that we can read."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The table cannot be read: why, and what mends it."""

    reason: str
    hint: str


class Customers:
    """The directory of OTRS's customers. Start it before use; close it in the end."""

    def __init__(
        self,
        database: str | URL,
        *,
        password: str | None,
        numbering: Numbering,
        index: Path,
        table: str = "customer_user",
        number_columns: Sequence[str] = ("phone", "mobile"),
        refresh: float = 60.0,
        full: float = 3600.0,
        query_timeout: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Times in seconds: between looks for changes, between full loads, that a caller waits for a look."""
        self._table = CustomerTable(database, password=password, table=table, number_columns=number_columns)
        self._places = [self._table.columns.index(column) for column in number_columns]
        self._numbering = numbering
        self._query_timeout = query_timeout
        settings = (
            f"{self._table.address}; {self._table.columns}; numbers in {tuple(number_columns)}; "
            f"{numbering}; phonenumbers {phonenumbers.__version__}"
        )
        self._follower = Follower(
            self._table, index, settings, self._numbers_of, refresh=refresh, full=full, clock=clock, now=now
        )

    async def start(self) -> None:
        """Open the index and begin to follow the table, be it there or not.

        Raises OSError if the index's file cannot be used.
        """
        await self._follower.start()

    async def close(self) -> None:
        """Stop following, and let go of index and database."""
        await self._follower.close()
        await self._table.close()

    async def find(self, canonical: str) -> Recognition:
        """Who has this number. Never raises, and never waits longer than `query_timeout`."""
        if not canonical or not canonical.isascii():
            return NOBODY
        found = self._follower.find(canonical)
        if not found:
            await self._follower.look_again(self._query_timeout)
            found = self._follower.find(canonical)
        return _recognition([Customer(*facts[: len(FACTS)]) for facts in found])

    def status(self) -> Status:
        """How well callers can be recognised now; from memory."""
        return self._follower.status()

    async def check(self) -> Readable | Unreadable:
        """Can the table be read, and are there numbers in it? Needs no start, and leaves the index alone."""
        examined = with_number = after = 0
        try:
            customers = await self._table.count()
            while examined < SAMPLE_ROWS and (rows := await self._table.page(after)):
                valid = [row for row in rows if row.valid]
                examined += len(valid)
                with_number += sum(1 for row in valid if self._numbers_of(row))
                after = rows[-1].id
        except TableError as error:
            return Unreadable(error.reason, error.hint)
        return Readable(customers, examined, with_number)

    def _numbers_of(self, row: Row) -> set[str]:
        return {number for place in self._places for number in self._numbering.typed(row.facts[place])}


def _recognition(candidates: Sequence[Customer]) -> Recognition:
    """Who is meant, of those who have the number; the first is the one who was changed last."""
    if not candidates:
        return NOBODY
    return Recognition(Match.EXACT if len(candidates) == 1 else Match.SEVERAL, candidates[0], tuple(candidates))
