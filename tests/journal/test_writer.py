"""What is held back, and what goes with what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from agi_server.journal.writer import Writer


class Ledger:
    """A writer, what it was told to write, and how often it was synced."""

    def __init__(self, folder: Path) -> None:
        engine = sa.create_engine(f"sqlite:///{folder}/ledger.db")
        sa.event.listen(engine, "commit", lambda _: self.transactions.append(tuple(self._lines)))
        self.writer = Writer(engine)
        self.transactions: list[tuple[str, ...]] = []
        """What was written at the end of each."""
        self._lines: list[str] = []

    async def write(self, line: str, *, urgent: bool) -> None:
        await self.writer.do(lambda _: self._lines.append(line), urgent=urgent)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger(tmp_path)
    yield ledger
    await ledger.writer.close()


async def test_what_is_not_urgent_goes_with_what_is_and_before_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agi_server.journal.writer.GATHERING", 60.0)
    slow = [asyncio.create_task(ledger.write(line, urgent=False)) for line in ("one", "two")]
    await asyncio.sleep(0)
    assert ledger.transactions == []
    await ledger.write("three", urgent=True)
    await asyncio.gather(*slow)
    assert ledger.transactions[-1] == ("one", "two", "three")


async def test_what_is_not_urgent_is_written_though_nothing_else_is(ledger: Ledger) -> None:
    await asyncio.gather(*(ledger.write(line, urgent=False) for line in ("one", "two")))
    await ledger.write("three", urgent=False)
    assert ledger.transactions[-1] == ("one", "two", "three")


async def test_what_is_held_back_is_written_at_the_end(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.journal.writer.GATHERING", 60.0)
    slow = asyncio.create_task(ledger.write("one", urgent=False))
    await asyncio.sleep(0)
    await ledger.writer.close()
    await slow
    assert ledger.transactions == [("one",)]
