"""The program under measurement, in a process of its own: all of it, its log included, as `agi-server run` has it.

With the instant stand-in everything happens that happens in life except the request to OTRS: it is answered at
once. Each call is recognised, kept, tried and settled; who measures reads in the journal that it was.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from agi_server import app, logs, process
from agi_server.asterisk.client import request_block
from agi_server.asterisk.request import read_request
from agi_server.call import Created, Customer, Match, Outcome, Recognition
from agi_server.config import Config
from agi_server.config.options import Fastagi
from agi_server.demo import demo_config
from agi_server.helpdesk import Ticket
from agi_server.intake import call_of
from agi_server.numbers import Numbering
from agi_server.otrs.connector import Connector
from agi_server.sandbox.otrs import Sandbox
from benchmarks.callers import ID_MARK, NUMBER
from benchmarks.processes import Pipe

NOBODY = 9
"""A port where nobody listens: its configuration names an OTRS that is never asked."""
MOST_SESSIONS = 2_000
MOST_PLACES = 32
"""As many as may be configured: an OTRS that answers at once can bear them."""
LONGEST_SETTLING_S = 120.0
LOOK_AGAIN_S = 0.02


class InstantDesk(Connector):
    """A help desk that has made every ticket before it is asked; nothing leaves the process."""

    def __init__(self) -> None:
        super().__init__(f"http://127.0.0.1:{NOBODY}/", "nobody", "")
        self._made = 0

    async def open(self, ticket: Ticket) -> Outcome:
        self._made += 1
        return Created(str(self._made), f"20261122{self._made:08}")


def journal(folder: Path) -> Path:
    """Where `serve` keeps its calls."""
    return folder / "calls.db"


def config(folder: Path, patience: float, otrs_port: int = 0, sessions: int = MOST_SESSIONS) -> Config:
    """The demo's configuration, with this patience, sessions for all callers, and at the instant OTRS all places."""
    neighbour = Sandbox(folder, port=otrs_port or NOBODY)  # not entered: it is asked for its addresses only
    made = demo_config(neighbour, folder, 0)
    fastagi = Fastagi(port=0, patience=patience, max_sessions=sessions)
    otrs = made.otrs if otrs_port else made.otrs.model_copy(update={"connections": MOST_PLACES})
    return made.model_copy(update={"fastagi": fastagi, "otrs": otrs})


def ticket(config: Config) -> Ticket:
    """The one that this program asks for when a customer of the stand-in's and the lab's calls; its id is `ID_MARK`."""
    request = read_request(request_block(number=NUMBER, unique_id=ID_MARK).splitlines())
    assert request is not None
    call = call_of(request, Numbering("RU"), datetime.now(UTC))
    ivanov = Customer("ivanov", "ROMASHKA", "Иван", "Иванов")
    ticket = app.composer(config).compose(call, Recognition(Match.EXACT, ivanov, (ivanov,), Match.EXACT))
    assert isinstance(ticket, Ticket)
    return ticket


def serve(pipe: Pipe, folder: Path, patience: float, otrs_port: int, sessions: int = MOST_SESSIONS) -> None:
    """The program on the stand-in that listens on this port; 0: on the instant one."""

    def connector(config: Config, clock: Callable[[], datetime]) -> Connector:
        return InstantDesk()

    async def work() -> None:
        if not otrs_port:
            people = Sandbox(folder).people
            await people.fill()
            await people.close()
        async with app.App(config(folder, patience, otrs_port, sessions)) as running:
            process.settle()
            await pipe.ready(running.server.port)

    logs.configure("info", "text", False)
    if otrs_port:
        process.run(work())
    else:
        with patch.object(app, "connector", connector):
            process.run(work())


def serve_otrs(pipe: Pipe, folder: Path, delay: float) -> None:
    """The stand-in behind HTTP, which takes so many seconds for an answer."""

    async def work() -> None:
        async with Sandbox(folder, delay=delay) as otrs:
            await pipe.ready(otrs.port)

    process.run(work())


def in_journal(folder: Path) -> dict[str, int]:
    """How many calls it has, by their state."""
    with closing(sqlite3.connect(f"file:{journal(folder)}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM calls GROUP BY state"))


def settled(folder: Path, least: int) -> float:
    """Wait until all calls in the journal are done, so many at least; the seconds that took.

    AssertionError if that is never so.
    """
    began = time.perf_counter()
    while (found := in_journal(folder)).keys() != {"done"} or found["done"] < least:
        assert time.perf_counter() - began < LONGEST_SETTLING_S, f"{found}, not {least} done"
        time.sleep(LOOK_AGAIN_S)
    return time.perf_counter() - began
