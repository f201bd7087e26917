"""A journal, delivery and the time that a test tells, with the ports of `tests.ports`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from agi_server.call import Call, Doubt, Trouble
from agi_server.delivery import Delivery
from agi_server.journal import Entry, Journal, State
from agi_server.repeat import Repeat
from agi_server.rules import Route
from agi_server.ticket import Composer, Form
from tests.ports import Desk, People

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CALL = Call(unique_id="1795323819.0", time=NOW, number="89161229624", canonical="+79161229624", dialled="4509")
SETTLE_S = 120.0
MAIN_CONTACTS = {"ROMASHKA": "chief"}
FORM = Form(
    title="Call from {{ call.number }}",
    subject="call",
    body="{{ customer.login }}",
    queue="Raw",
    state="new",
    priority="3 normal",
    unknown_customer="stranger",
    repeat_subject="{{ calls|length }} calls",
    repeat_body="{{ calls|map(attribute='unique_id')|join(' ') }}",
)
TIMEOUT = Trouble("no answer within 60 s", Doubt.RUNNING)
REFUSED = Trouble("connection refused", Doubt.NONE)
GARBLED = Trouble("HTTP 500", Doubt.ENDED)


class House:
    """Journal, delivery and the time that a test tells."""

    def __init__(self, folder: Path, repeat: Repeat | None = None) -> None:
        self.now = NOW
        self.repeat = repeat
        self.set_by = timedelta()
        """By how much somebody has set the clock."""
        self.people = People()
        self.desk = Desk()
        self.journal = Journal(make_url(f"sqlite+aiosqlite:///{folder}/calls.db"))
        self.delivery = self.build()

    def build(
        self, places: int = 4, pause: Callable[[int], float] = lambda failures: 0.01, routes: Sequence[Route] = ()
    ) -> Delivery:
        return Delivery(
            self.journal,
            self.people,
            self.desk,
            Composer(FORM, routes),
            places=places,
            settle=SETTLE_S,
            give_up=timedelta(days=7),
            repeat=self.repeat,
            main_contacts=MAIN_CONTACTS,
            clock=lambda: self.now + self.set_by,
            stopwatch=lambda: self.now.timestamp(),
            pause=pause,
        )

    async def live(self, call: Call = CALL) -> Entry:
        """A live call, until its attempt has ended."""
        left = await self.delivery.take(call).attempt
        assert left is not None
        return left

    async def restart(self, **options: Any) -> None:
        """A new life on the same journal."""
        await self.delivery.stop(0.0)
        self.delivery = self.build(**options)
        await self.delivery.start()

    async def until(self, state: State, number: int = 1) -> None:
        """Wait until so many calls are in this state; the clock runs 1 s each time we look."""
        async with asyncio.timeout(20):
            while (await self.journal.counts())[state] < number:
                self.now += timedelta(seconds=1)
                self.delivery._wake.set()
                await asyncio.sleep(0.005)


def many(number: int) -> list[Call]:
    return [replace(CALL, unique_id=f"call.{n}") for n in range(number)]


def ids(number: int) -> list[str]:
    return [call.unique_id for call in many(number)]
