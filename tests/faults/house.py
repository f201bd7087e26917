"""The whole program in this process, with the stand-in behind a gate, and time made short.

What lasts seconds here lasts longer in the field, in the same order:

                            in the field    here
a caller's patience              2.5 s      0.6 s
OTRS answers after                 5 s      1.0 s
silence that nobody waits out     10 s      1.2 s
OTRS answers after                30 s      1.8 s
`otrs.timeout`                    60 s      2.2 s
OTRS answers after                90 s      3.3 s
`settle`, three time-outs        180 s      6.6 s
first and longest pause       2, 300 s   0.05, 0.5 s
unexplained for              10 min      1.0 s
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agi_server import calls as commands
from agi_server.app import App
from agi_server.asterisk.client import CallReport, Ending, place_call
from agi_server.config import Config
from agi_server.demo import demo_config
from agi_server.journal import Entry, Journal, State
from agi_server.sandbox.otrs import Sandbox
from tests.faults.campaign import calls_on
from tests.faults.gate import Gate

PATIENCE_S = 0.6
AFTER_5_S, AFTER_30_S, AFTER_90_S = 1.0, 1.8, 3.3
TIMEOUT_S = 2.2
SLACK_S = 1.5
"""For a busy machine. Patience and slack together end before OTRS's time-out, so a caller who waits for that shows."""
SETTLED_S = 60.0
"""For all calls to be tickets, once OTRS is well."""

NUMBERS = ("89161229624", "+7 (812) 309-11-22", "84956693308", "89219876543", "+4915112345678")
"""Callers; nobody knows the last one."""


def make_time_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no option."""
    monkeypatch.setattr("agi_server.timetable.FIRST_PAUSE", 0.05)
    monkeypatch.setattr("agi_server.timetable.LONGEST_PAUSE", 0.5)
    monkeypatch.setattr("agi_server.outcomes.UNEXPLAINED_FOR", timedelta(seconds=1))
    monkeypatch.setattr("agi_server.pulse.MOMENT", 1.5)
    monkeypatch.setattr("agi_server.pulse.SILENCE", 1.2)
    monkeypatch.setattr("agi_server.delivery.LONGEST_REST", 0.3)


@dataclass
class House:
    """OTRS, the gate before it, and the program, which can be started anew."""

    otrs: Sandbox
    gate: Gate
    app: App
    config: Config

    async def calls(self, unique_ids: Sequence[str], over_s: float = 0.0, number: str = "") -> list[CallReport]:
        """Calls with these ids, from one number or several, all at once or spread over some seconds; how they ended."""

        async def one(place: int, unique_id: str) -> CallReport:
            await asyncio.sleep(over_s * place / len(unique_ids))
            who = number or NUMBERS[place % len(NUMBERS)]
            return await place_call("127.0.0.1", self.app.server.port, number=who, unique_id=unique_id)

        return await asyncio.gather(*(one(*numbered) for numbered in enumerate(unique_ids)))

    async def waiting(self) -> int:
        """Calls that are to be tickets yet."""
        counts = await self.app.journal.counts()
        return counts[State.WAITING] + counts[State.SENDING]

    async def well_again(self) -> None:
        """OTRS is as it should be, and all that waited becomes a ticket."""
        await self.gate.heal()
        await self.settled()

    async def settled(self) -> None:
        """Wait until no call waits, and OTRS is through with all that it was asked."""
        async with asyncio.timeout(SETTLED_S):
            while await self.waiting():  # noqa: ASYNC110 - nobody sets an event
                await asyncio.sleep(0.05)
        await self.gate.idle()

    async def entries(self, state: State) -> list[Entry]:
        """The calls in this state."""
        return await self.app.journal.entries([state], datetime.fromtimestamp(0, UTC))

    async def retry_parked(self) -> None:
        """As `agi-server calls retry --parked` does, beside the running program."""
        journal = Journal(self.config.journal.database)
        await journal.open(serving=False)
        try:
            await commands.retry(journal, (), parked=True)
        finally:
            await journal.close()

    async def restart(self, **options: dict[str, Any]) -> None:
        """Stop the program, change options, and start it again on the same journal."""
        await self.app.__aexit__(None, None, None)
        self.config = changed(self.config, options)
        self.app = await App(self.config).__aenter__()

    def tickets(self) -> list[str]:
        """The call's id on each ticket, be it in the call field or in the title, and those on further articles."""
        return calls_on(self.otrs.tickets)


@asynccontextmanager
async def house(
    folder: Path, *, sandbox: dict[str, Any] | None = None, **options: dict[str, Any]
) -> AsyncIterator[House]:
    """The program at work on a stand-in, through `otrs.interface`; options by section."""
    over_rpc = options.get("otrs", {}).get("interface") == "rpc"
    async with AsyncExitStack() as stack:
        otrs = await stack.enter_async_context(Sandbox(folder / "otrs", **sandbox or {}))
        gate = await stack.enter_async_context(Gate(otrs.rpc_url if over_rpc else otrs.url))
        short: dict[str, dict[str, Any]] = {
            "fastagi": {"patience": PATIENCE_S},
            "otrs": {"url": gate.url, "timeout": TIMEOUT_S, "connections": 16},
        }
        config = changed(changed(demo_config(otrs, folder, 0), short), options)
        app = await App(config).__aenter__()
        whole = House(otrs, gate, app, config)
        try:
            yield whole
        finally:
            await whole.app.__aexit__(None, None, None)


def changed(config: Config, options: dict[str, dict[str, Any]]) -> Config:
    """The same configuration with other options; they aren't checked, so that a test may go beyond their limits."""
    sections: dict[str, BaseModel] = {
        name: getattr(config, name).model_copy(update=values) for name, values in options.items()
    }
    return config.model_copy(update=sections)


def ids(fault: str, number: int, first: int = 0) -> list[str]:
    """Unique ids of so many calls."""
    return [f"{fault.replace(' ', '-')}.{place}" for place in range(first, first + number)]


def statuses(reports: Sequence[CallReport]) -> Counter[str]:
    """What the dialplan was told, and how often."""
    return Counter(report.variables.get("HELPDESK_STATUS", "") for report in reports)


def assert_told(reports: Sequence[CallReport], status: str, *others: str) -> None:
    """Nearly all were told this; on a busy machine a few may have been told one of those."""
    told = statuses(reports)
    assert set(told) <= {status, *others}, told
    assert told[status] > 0.8 * len(reports), told


def assert_let_go(reports: Sequence[CallReport], patience_s: float = PATIENCE_S) -> None:
    """Every call's dialplan went on in time."""
    endings = Counter(report.outcome for report in reports)
    assert set(endings) == {Ending.SUCCESS}, endings
    longest = max(report.seconds for report in reports)
    assert longest < patience_s + SLACK_S, longest
