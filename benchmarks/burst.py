"""A burst: 1,000 calls in 2 s, and an OTRS that makes 15 tickets a second. `python -m benchmarks.burst`.

Does every caller go on in time, does every call become a ticket, how long does that take beside a bare client of the
same OTRS, and how much memory do calls in hand cost? How long these callers wait for a server that does nothing is
measured as well: so much of the waiting is their own. The program, the stand-in and the callers have a process each.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from agi_server.asterisk.client import CallReport, place_call
from agi_server.demo import PASSWORD, USER
from agi_server.helpdesk import Ticket
from benchmarks import bare, machine, ours, rivals
from benchmarks.callers import HOST, ID_MARK, NUMBER
from benchmarks.processes import process
from benchmarks.report import FOLDER, Cell, Report

PATIENCE = 2.5
PLACES = 4
"""The default of `otrs.connections`."""
BARE_TICKETS = 90
"""Of the bare client: enough to tell how many a second there are."""
TURNED_AWAY = "turned away"
MORE_WAITING_S = 0.5
SLOWER_THAN_OTRS = 1.1
MEMORY_KB = 40.0
"""The goals: beyond patience for the unluckiest caller, for all tickets beside OTRS alone, for each call."""


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of one."""

    waits: list[float]
    """Of the callers, in seconds."""
    statuses: Counter[str]
    """What they were told."""
    last_ticket_s: float
    """After the first call."""
    memory_before_mb: float
    memory_most_mb: float
    cpu_s: float
    bare_a_second: float
    """Tickets that the bare client had made before."""


async def place_all(port: int, calls: int, over_s: float) -> list[CallReport]:
    """Each from a number of its own, evenly over the time."""

    async def one(number: int) -> CallReport:
        await asyncio.sleep(number / calls * over_s)
        return await place_call(HOST, port, number=f"8916{number:07d}", unique_id=f"{time.time():.0f}.{number}")

    return await asyncio.gather(*(one(number) for number in range(calls)))


def nothing_but_variables(calls: int, over_s: float) -> list[float]:
    """The waits of the same callers at a server that only sets variables."""
    with process(rivals.null, uvloop.run, len(rivals.VARIABLES)) as (_, port):
        asyncio.run(place_call(HOST, port, number=NUMBER, unique_id=ID_MARK))
        return [report.seconds for report in asyncio.run(place_all(port, calls, over_s))]


def bare_rate(url: str, ticket: Ticket, call_field: str) -> float:
    """Tickets in a second by the bare client."""
    template = bare.request(url, bare.sign_in(url, USER, PASSWORD), ticket, call_field)
    placed = asyncio.run(bare.create(url, template, PLACES, BARE_TICKETS))
    assert placed.statuses["created"] == BARE_TICKETS, placed.statuses
    return BARE_TICKETS / placed.elapsed


def run(calls: int, over_s: float, a_second: float, sessions: int = ours.MOST_SESSIONS) -> Burst:
    """The burst, until the last call has its ticket."""
    with TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        with process(ours.serve_otrs, folder, PLACES / a_second) as (_, otrs_port):
            config = ours.config(folder, PATIENCE, otrs_port)
            rate = bare_rate(config.otrs.url, ours.ticket(config), config.otrs.call_field)
            with process(ours.serve, folder, PATIENCE, otrs_port, sessions, log=folder / "log") as (pid, port):
                asyncio.run(place_call(HOST, port, number=NUMBER, unique_id=ID_MARK))  # all has been loaded
                ours.settled(folder, 1)
                before, worked = machine.memory_mb(pid), machine.cpu_s(pid)
                began = time.perf_counter()
                reports = asyncio.run(place_all(port, calls, over_s))
                statuses = Counter(report.variables.get("HELPDESK_STATUS", TURNED_AWAY) for report in reports)
                assert statuses.keys() <= {"created", "queued", TURNED_AWAY}, statuses
                ours.settled(folder, calls + 1 - statuses[TURNED_AWAY])
                return Burst(
                    [report.seconds for report in reports],
                    statuses,
                    time.perf_counter() - began,
                    before,
                    machine.memory_mb(pid, "VmHWM"),
                    machine.cpu_s(pid) - worked,
                    rate,
                )


def line(name: str, found: float, reference: str = "", beside: Cell = "") -> dict[str, Cell]:
    """One of the table."""
    return {"": name, "found": found, "reference": reference, "its": beside}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--over", type=float, default=2.0, help="seconds in which they come in")
    parser.add_argument("--tickets", type=float, default=15.0, help="that OTRS makes in a second")
    parser.add_argument("--sessions", type=int, default=ours.MOST_SESSIONS, help="fastagi.max_sessions")
    options = parser.parse_args()
    report = Report("burst")
    idle_waits = nothing_but_variables(options.calls, options.over)
    burst = run(options.calls, options.over, options.tickets, options.sessions)
    alone = (options.calls - burst.statuses[TURNED_AWAY]) / burst.bare_a_second
    in_time = min(options.calls, (options.over + PATIENCE) * burst.bare_a_second)
    report.table(
        f"{options.calls} calls in {options.over:g} s, OTRS makes {options.tickets:g} a second",
        [
            line("longest wait of a caller, s", max(burst.waits), "only variables", max(idle_waits)),
            line("median wait, s", statistics.median(burst.waits), "only variables", statistics.median(idle_waits)),
            line("callers with a ticket in time", burst.statuses["created"], "patience x rate", in_time),
            line("callers turned away", burst.statuses[TURNED_AWAY]),
            line("last ticket after, s", burst.last_ticket_s, "bare client", alone),
            line("memory before, MB", burst.memory_before_mb),
            line("memory at most, MB", burst.memory_most_mb),
            line("processor of all of it, s", burst.cpu_s),
        ],
    )
    report.goal("longest wait beyond patience, s", max(burst.waits) - PATIENCE, MORE_WAITING_S)
    report.goal("last ticket beside the bare client", burst.last_ticket_s / alone, SLOWER_THAN_OTRS)
    report.goal("callers turned away", burst.statuses[TURNED_AWAY], 0)
    held = (burst.memory_most_mb - burst.memory_before_mb) * 1024 / options.calls
    report.goal("memory for each call of the burst, kB", held, MEMORY_KB)
    report.end()
