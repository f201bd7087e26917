"""One fault's scene: an OTRS stand-in, one journal, the lives that the program leads on it, and the calls placed.

At the end every call that was promised a ticket (it is in the journal, or its dialplan was told so) is looked for
in the stand-in, and the fault is entered into the campaign's table.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from agi_server.asterisk.client import CallReport, place_call
from agi_server.config import load
from agi_server.sandbox.otrs import Sandbox
from tests.faults.campaign import Tally, calls_on, count
from tests.program import COMMAND, Program, write_config

PASSWORD = "sandbox"
PATIENCE_S = 2.0
OTRS_TIMEOUT_S = 1
"""Twice as long no call in doubt is tried again: what is uncertain settles in 2 s."""
SETTLING_S = 45.0
"""For all calls to be settled in the end; in the end they need less than 10 s."""


class Scene:
    """Use `scene` to make one."""

    def __init__(self, folder: Path, otrs: Sandbox, options: dict[str, dict[str, Any]]) -> None:
        self.folder = folder
        self.otrs = otrs
        self.reports: dict[str, CallReport] = {}
        """How AGI() ended, by unique id."""
        self._options: dict[str, dict[str, Any]] = {
            "fastagi": {"patience": PATIENCE_S},
            "customers": {"database": otrs.database},
            "otrs": {"url": otrs.url, "user": "agi-server", "password": PASSWORD, "timeout": OTRS_TIMEOUT_S},
        }
        for section, values in options.items():
            self._options[section] = {**self._options.get(section, {}), **values}
        self.config = write_config(folder, self._options)
        self._journal = load(self.config).journal.database.database
        self._ids = (f"1700000000.{number}" for number in itertools.count(1))

    @asynccontextmanager
    async def life(self, command: Sequence[str] = COMMAND) -> AsyncIterator[Program]:
        """The program from start to SIGTERM, or to its own end if that comes first; the stand-in serves meanwhile."""
        program = await asyncio.to_thread(Program(self.config, command).__enter__)
        try:
            yield program
        finally:
            await asyncio.to_thread(program.stop)

    async def place(self, port: int, calls: int = 1, **how: Any) -> list[CallReport]:
        """So many calls at once, each a new one, from a known customer."""

        async def one(unique_id: str) -> CallReport:
            values = {"number": "89161229624", "timeout": 15.0, **how}
            self.reports[unique_id] = await place_call("127.0.0.1", port, unique_id=unique_id, **values)
            return self.reports[unique_id]

        return await asyncio.gather(*(one(next(self._ids)) for _ in range(calls)))

    async def settled(self) -> None:
        """Wait until no call waits in the journal any more."""
        async with asyncio.timeout(SETTLING_S):
            while self.journal("state in ('waiting', 'sending')"):  # noqa: ASYNC110 -- it is another process's
                await asyncio.sleep(0.02)

    def journal(self, which: str = "1") -> set[str]:
        """The unique ids of these calls in the journal's file."""
        with closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True, timeout=10)) as database:
            return {unique_id for (unique_id,) in database.execute(f"SELECT unique_id FROM calls WHERE {which}")}

    def statuses(self) -> set[str]:
        """What the dialplans were told."""
        return {status_of(report) for report in self.reports.values()}

    def tickets(self) -> list[str]:
        """The call ids of all tickets, and of their further articles."""
        return calls_on(self.otrs.tickets)

    def promised(self) -> list[str]:
        """The calls that must be tickets in the end."""
        told = {unique_id for unique_id, report in self.reports.items() if status_of(report) not in ("", "error")}
        return sorted(told | self.journal())

    def tally(self, fault: str) -> Tally:
        """Enter the fault into the table; every promised call must be one ticket."""
        promised = self.promised()
        unkept = len(self.reports) - len(promised)
        tally = count(
            f"{fault} ({unkept} never kept)" if unkept else fault, promised, self.reports.values(), self.tickets()
        )
        assert (tally.lost, tally.doubled) == (0, 0), tally
        assert tally.bridged == len(self.reports), tally
        return tally


def status_of(report: CallReport) -> str:
    """HELPDESK_STATUS, empty if it was not set."""
    return report.variables.get("HELPDESK_STATUS", "")


@asynccontextmanager
async def scene(folder: Path, delay_s: float = 0.0, /, **options: dict[str, Any]) -> AsyncIterator[Scene]:
    """A scene with a stand-in that answers after `delay_s`, and the program's options besides the usual ones."""
    async with Sandbox(folder, password=PASSWORD, delay=delay_s) as otrs:
        yield Scene(folder, otrs, options)
