"""OTRS's tables `customer_user` and `customer_company` in an SQLite file, filled from a CSV file.

Columns and types are OTRS's, and agi-server reads them through SQLAlchemy as it reads the real ones. Tests add
and change rows; `change_time` (UTC, whole seconds) moves with each change, as OTRS moves it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, DateTime, Integer, MetaData, SmallInteger, String, Table, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CUSTOMERS = Path(__file__).with_name("customers.csv")

Cell = str | int | None


def _kept() -> tuple[Column[Any], ...]:
    """The columns at the end of most of OTRS's tables."""
    return (
        Column("comments", String(250)),
        Column("valid_id", SmallInteger, nullable=False),
        Column("create_time", DateTime, nullable=False),
        Column("create_by", Integer, nullable=False),
        Column("change_time", DateTime, nullable=False),
        Column("change_by", Integer, nullable=False),
    )


metadata = MetaData()
customer_user = Table(
    "customer_user",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("login", String(200), nullable=False, unique=True),
    Column("email", String(150), nullable=False),
    Column("customer_id", String(150), nullable=False),
    Column("pw", String(128)),
    Column("title", String(50)),
    Column("first_name", String(100), nullable=False),
    Column("last_name", String(100), nullable=False),
    *(Column(name, String(150)) for name in ("phone", "fax", "mobile", "street")),
    *(Column(name, String(200)) for name in ("zip", "city", "country")),
    *_kept(),
)
customer_company = Table(
    "customer_company",
    metadata,
    Column("customer_id", String(150), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    *(Column(name, String(200)) for name in ("street", "zip", "city", "country", "url")),
    *_kept(),
)


@dataclass(frozen=True, slots=True)
class Person:
    """What TicketCreate needs to know of a customer."""

    login: str
    customer_id: str
    name: str
    email: str
    valid: bool


class People:
    """The customers of one stand-in."""

    def __init__(self, database: str, now: Callable[[], datetime]) -> None:
        self._engine: AsyncEngine = create_async_engine(database)
        self._now = now

    async def fill(self) -> None:
        """Make the tables and put the stock customers into them; tables that are there stay as they are."""
        async with self._engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            if not await connection.scalar(select(func.count()).select_from(customer_user)):
                stock = list(_stock())
                companies = {columns["customer_id"]: columns.pop("company") for columns in stock}
                made = {"valid_id": 1, **self._made()}
                await connection.execute(insert(customer_user), [self._row(**columns) for columns in stock])
                await connection.execute(
                    insert(customer_company),
                    [{"customer_id": one, "name": name, **made} for one, name in companies.items()],
                )

    async def close(self) -> None:
        """Let the file go."""
        await self._engine.dispose()

    async def add(self, login: str, **columns: Cell) -> None:
        """A new customer; whatever is not given is empty, and he is valid."""
        async with self._engine.begin() as connection:
            await connection.execute(insert(customer_user), self._row(login=login, **columns))

    async def change(self, login: str, **columns: Cell) -> None:
        """Other values in a customer's row."""
        changed = update(customer_user).where(customer_user.c.login == login)
        async with self._engine.begin() as connection:
            done = await connection.execute(changed.values(change_time=self._whole_second(), **columns))
        if done.rowcount != 1:
            raise KeyError(login)

    async def find(self, name: str) -> Person | None:
        """The customer with this login, valid or not, else a valid one with this e-mail address."""
        by_login = func.lower(customer_user.c.login) == name.lower()
        by_email = (func.lower(customer_user.c.email) == name.lower()) & (customer_user.c.valid_id == 1)
        async with self._engine.connect() as connection:
            for condition in (by_login, by_email):
                row = (await connection.execute(select(customer_user).where(condition).limit(1))).mappings().first()
                if row:
                    return Person(
                        login=row["login"],
                        customer_id=row["customer_id"],
                        name=f"{row['first_name']} {row['last_name']}",
                        email=row["email"],
                        valid=row["valid_id"] == 1,
                    )
        return None

    def _row(self, **columns: Cell) -> dict[str, object]:
        empty: dict[str, object] = {
            "email": f"{columns['login']}@customers.example",
            "customer_id": "",
            "first_name": "",
            "last_name": "",
            "valid_id": 1,
        }
        return {**empty, **self._made(), **columns}

    def _made(self) -> dict[str, object]:
        now = self._whole_second()
        return {"create_time": now, "create_by": 1, "change_time": now, "change_by": 1}

    def _whole_second(self) -> datetime:
        return self._now().replace(tzinfo=None, microsecond=0)


def _stock() -> Iterator[dict[str, Cell]]:
    with CUSTOMERS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            columns: dict[str, Cell] = {name: value or None for name, value in row.items()}
            yield {**columns, "valid_id": int(row["valid_id"])}
