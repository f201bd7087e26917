"""OTRS's customers by the thousand, for `directory`: their numbers as people type them, and as callers bring them.

The table is a copy of Znuny's own in a scratch database of the lab's MariaDB, which goes when we go; a second copy has
the indexes that OTRS's table lacks, and that are not ours to give it.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from agi_server.call import Match
from agi_server.numbers import Numbering
from agi_server.otrs.customers import Customers
from tests.lab import facts
from tests.otrs.customer_user import MONDAY, on_server, scratch_on_mariadb

TABLE, INDEXED = "customer_user", "customer_user_indexed"
CHANGES_APART = timedelta(minutes=1)
BATCH = 10_000
NEVER = 1e9
"""Seconds: while we measure, the directory looks at the table for no reason of its own."""
LONGEST_LOOK_S = 60.0
"""A caller would wait a second at most."""


def digits(customer: int, width: int) -> str:
    """His own, spread over all that there are."""
    return f"{customer * 7_368_787 % 10**width:0{width}}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One customer of ten has his number written like this."""

    remainder: int
    """Of his number in the table, divided by ten."""
    typed: Callable[[int], str]
    heard: Callable[[int], str]
    grade: Match


def _parted(number: str) -> str:
    return f"{number[:-4]}-{number[-4:-2]}-{number[-2:]}"


KINDS = (
    Kind(1, lambda one: f"8 9{_parted(digits(one, 9))}", lambda one: f"+79{digits(one, 9)}", Match.EXACT),
    Kind(
        3,
        lambda one: f"8 (49{digits(one, 8)[0]}) {_parted(digits(one, 8)[1:])} доб. 12",
        lambda one: f"+749{digits(one, 8)}",
        Match.WITHOUT_EXTENSION,
    ),
    Kind(5, lambda one: f"0171 {digits(one, 7)}", lambda one: f"+49171{digits(one, 7)}", Match.NATIONAL),
    Kind(7, lambda one: f"2{_parted(digits(one, 6))}", lambda one: f"+74952{digits(one, 6)}", Match.SUFFIX),
)
"""The first is that of all other customers as well."""
_TYPED = {kind.remainder: kind.typed for kind in KINDS}


def typed(one: int) -> str:
    """His number as it stands in the table."""
    return _TYPED.get(one % 10, KINDS[0].typed)(one)


def nobodys(one: int) -> str:
    """A number that no customer has, nor the end of it."""
    return f"+73{one % 100:02}3{digits(one, 6)}"


def rows(customers: int) -> Iterator[dict[str, Any]]:
    """The table; every second customer has a mobile telephone too."""
    for one in range(customers):
        yield {
            "login": f"customer{one}",
            "customer_id": f"COMPANY{one // 20}",
            "first_name": f"Имя{one % 1000}",
            "last_name": f"Фамилия{one}",
            "phone": typed(one),
            "mobile": f"+7 8{digits(one, 9)}" if one % 2 == 0 else None,
            "change_time": MONDAY - one * CHANGES_APART,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where the table is, and the index."""

    database: URL
    """As agi-server reads it."""
    password: str | None
    owner: URL
    """For who may write it."""
    index: Path
    customers: int

    def directory(self) -> Customers:
        """As the server has it."""
        return Customers(
            self.database,
            password=self.password,
            numbering=Numbering("RU"),
            index=self.index,
            refresh=NEVER,
            full=NEVER,
            query_timeout=LONGEST_LOOK_S,
        )

    def some(self, remainder: int, number: int, turn: int) -> list[int]:
        """So many customers of this kind from everywhere in the table, others in each turn if there are enough."""
        kind = range(remainder, self.customers, 10)
        step = max(1, len(kind) // number)
        return list(itertools.islice(itertools.cycle(kind[turn % step :: step]), number))


@asynccontextmanager
async def filled(folder: Path, customers: int) -> AsyncIterator[Place]:
    """Both tables with so many customers."""
    with scratch_on_mariadb() as owner:
        async with on_server(owner) as table:
            waiting = rows(customers)
            while batch := list(itertools.islice(waiting, BATCH)):
                await table.add(*batch)
            await table.do(f"CREATE TABLE {INDEXED} LIKE {TABLE}")
            await table.do(f"INSERT INTO {INDEXED} SELECT * FROM {TABLE}")  # noqa: S608 -- our own names
            await table.do(f"ALTER TABLE {INDEXED} ADD INDEX (phone), ADD INDEX (change_time)")
            await table.do(f"ANALYZE TABLE {TABLE}, {INDEXED}")
            url = table.url.set(port=facts.MARIADB_PORT)  # nothing in between
            yield Place(url, table.password, owner, folder / "index.db", customers)
