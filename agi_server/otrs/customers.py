"""OTRS's customers by their numbers: the port `Directory`.

A caller is looked up in a number index of our own: the answer takes microseconds and no database,
and no caller's word ever reaches OTRS's. Only a caller who is not found there, or by a mere guess, has
`customer_user` itself looked at for changes, for as long as he can be made to wait, and not while it
is away. How the table is read is customer_table.py's duty, how the index is kept number_index.py's, and
how it follows the table follower.py's; which of several customers is meant is people.py's.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import phonenumbers
from sqlalchemy import URL

from agi_server.call import Customer, Hits, Match
from agi_server.numbers import Number, Numbering
from agi_server.otrs.customer_table import CustomerTable, Row
from agi_server.otrs.follower import Follower, Status
from agi_server.otrs.number_index import peek
from agi_server.otrs.number_lookup import Found
from agi_server.otrs.table_error import TableError
from agi_server.tally import Durations

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0)
"""Seconds of a lookup that can be told apart: the index takes some 0.0002, a look at the table has 1 at most."""
SAMPLE_ROWS = 10_000
"""So many customers are read by a check."""
GUESSES = frozenset({Match.NONE, Match.SUFFIX})
"""With these the table is looked at once more: the caller may just have been entered into it. The other grades are
as good as certain, and at a company with extensions they are every call's."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The table cannot be read: why, and what mends it."""

    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class Readable:
    """The table can be read."""

    customers: int
    """In use."""
    examined: int
    """The first so many of them were read."""
    with_number: int
    """Those among the examined who have a number that we can read."""
    no_companies: Unreadable | None = None
    """Why companies' names cannot be read; None if they can, or are not wanted."""
    without_contact: tuple[str, ...] = ()
    """Companies, by `customer_id`, whose main contact is none of their customers in use."""


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
        columns: Sequence[str] = (),
        company_table: str = "customer_company",
        refresh: float = 60.0,
        full: float = 3600.0,
        query_timeout: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Times in seconds: between looks for changes, between full loads, that a caller waits for a look."""
        self._table = CustomerTable(
            database,
            password=password,
            table=table,
            number_columns=number_columns,
            columns=columns,
            company_table=company_table,
        )
        self._places = [self._table.columns.index(column) for column in number_columns]
        self._extra = {column: self._table.columns.index(column) for column in columns}
        self._numbering = numbering
        self._query_timeout = query_timeout
        self._index = index
        self._settings = (
            f"{self._table.address}; {self._table.columns}; numbers in {tuple(number_columns)}; "
            f"{numbering}; phonenumbers {phonenumbers.__version__}"
        )
        self._timing = {"refresh": refresh, "full": full}
        self._clock, self._now = clock, now
        self._follower = self._follow(index)
        self.lookups = Durations(BOUNDS)
        """What finding a caller took."""

    async def start(self) -> None:
        """Open the index and begin to follow the table, be it there or not.

        Raises OSError if the index's file cannot be used.
        """
        await self._follower.start()

    async def close(self) -> None:
        """Stop following, and let go of index and database."""
        await self._follower.close()
        await self._table.close()

    def recall(self, number: str) -> Hits | None:
        """Who has this number (`Call.lookup`), where a look into the table can't change that. Never raises."""
        wanted = Number.of(number)
        if not wanted:
            return Hits()
        began = self._clock()
        found = self._follower.find(wanted)
        if found[0] in GUESSES:
            return None
        self.lookups.add(self._clock() - began)
        return self._hits(found)

    async def find(self, number: str) -> Hits:
        """Who has this number (`Call.lookup`). Never raises, and never waits longer than `query_timeout`."""
        wanted = Number.of(number)
        if not wanted:
            return Hits()
        began = self._clock()
        found = self._follower.find(wanted)
        if found[0] in GUESSES and await self._follower.look_again(self._query_timeout):
            found = self._follower.find(wanted)
        self.lookups.add(self._clock() - began)
        return self._hits(found)

    async def peek(self, number: str) -> Hits | Unreadable:
        """Who has this number, without a start: as the running server knows it, else from the table itself.

        Nothing is changed. Reading all of the table may take minutes; the log says how far it is.
        """
        wanted = Number.of(number)
        if not wanted:
            return Hits()
        if (found := await asyncio.to_thread(peek, self._index, self._settings, wanted)) is not None:
            return self._hits(found)
        try:
            with TemporaryDirectory(prefix="agi-server-") as folder:
                return self._hits(await self._find_in_table(wanted, Path(folder) / "customers.db"))
        except TableError as error:
            return Unreadable(error.reason, error.hint)
        except (sqlite3.Error, OSError) as error:
            return Unreadable(f"there is no place to sort the customers in: {error}", "make room in the folder TMPDIR")

    def status(self) -> Status:
        """How well callers can be recognised now; from memory."""
        return self._follower.status()

    async def check(self, main_contacts: Mapping[str, str] | None = None) -> Readable | Unreadable:
        """Can the table be read, and are there numbers in it? Needs no start, and leaves the index alone.

        `main_contacts` are logins by `customer_id`.
        """
        contacts = main_contacts or {}
        examined = with_number = after = 0
        try:
            customers = await self._table.count()
            while examined < SAMPLE_ROWS and (rows := await self._table.page(after)):
                valid = [row for row in rows if row.valid]
                examined += len(valid)
                with_number += sum(1 for row in valid if self._numbers_of(row))
                after = rows[-1].id
            companies = await self._table.companies_of(contacts.values()) if contacts else {}
        except TableError as error:
            return Unreadable(error.reason, error.hint)
        nameless = self._table.no_names
        no_companies = None if nameless is None else Unreadable(nameless.reason, nameless.hint)
        wrong = tuple(company for company, login in contacts.items() if companies.get(login) != company)
        return Readable(customers, examined, with_number, no_companies, wrong)

    async def _find_in_table(self, number: Number, index: Path) -> Found:
        """By an index made for this once. Raises TableError, `sqlite3.Error` or OSError."""
        follower = self._follow(index)
        try:
            await follower.load()
            return follower.find(number)
        finally:
            await follower.close()

    def _follow(self, index: Path) -> Follower:
        return Follower(
            self._table, index, self._settings, self._numbers_of, **self._timing, clock=self._clock, now=self._now
        )

    def _numbers_of(self, row: Row) -> set[Number]:
        return {number for place in self._places for number in self._numbering.typed(row.facts[place])}

    def _hits(self, found: Found) -> Hits:
        grade, customers = found
        return Hits(grade, tuple(self._customer(facts) for facts in customers))

    def _customer(self, facts: Sequence[str]) -> Customer:
        login, customer_id, first_name, last_name, email, phone, mobile, *_, company = facts
        columns = {column: facts[place] for column, place in self._extra.items()}
        return Customer(login, customer_id, first_name, last_name, email, phone, mobile, company, columns)
