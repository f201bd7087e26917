"""A directory of customers on a test's own table, and who is in the table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agi_server.numbers import Numbering
from agi_server.otrs.customer_table import CustomerTable
from agi_server.otrs.customers import Customers
from tests.otrs.customer_user import CustomerUser

MOSCOW = Numbering("RU", "495")
IVANOV: dict[str, Any] = {
    "login": "ivanov",
    "customer_id": "ROMASHKA",
    "first_name": "Иван",
    "last_name": "Иванов",
    "email": "ivanov@romashka.example",
    "phone": "8 495 123-45-67",
    "mobile": "+7 (916) 122-96-24",
}
PETROVA = {"login": "petrova", "phone": "8-495-669-33-08"}
QUIET = 3600.0
"""Seconds between two looks in tests that cause each look themselves."""
BRISK = 0.02
"""In tests of what happens without a caller."""


class Stopwatch:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def table_of(customer_user: CustomerUser, **options: Any) -> CustomerTable:
    """What reads it."""
    settings = {"password": customer_user.password, "table": "customer_user", "number_columns": ("phone", "mobile")}
    return CustomerTable(**{"database": customer_user.url} | settings | options)


def customers_of(customer_user: CustomerUser, folder: Path, **options: Any) -> Customers:
    """One that looks at the table when a caller is not found, and waits until that is done."""
    settings: dict[str, Any] = {
        "refresh": QUIET,
        "query_timeout": 10.0,
        "numbering": MOSCOW,
        "password": customer_user.password,
    }
    return Customers(customer_user.url, **{"index": folder / "customers.db"} | settings | options)


@asynccontextmanager
async def started(table: CustomerUser, folder: Path, **options: Any) -> AsyncIterator[Customers]:
    """One that follows the table."""
    customers = customers_of(table, folder, **options)
    await customers.start()
    try:
        yield customers
    finally:
        await customers.close()


async def login(customers: Customers, number: str) -> str | None:
    """Whose number it is: of several, who was changed last."""
    found = await customers.find(number)
    return found.customers[0].login if found.customers else None


async def until(true: Callable[[], bool]) -> None:
    """Wait for what nobody tells us of."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.005)
