"""A burst: 1,000 calls in 2 s, and an OTRS that makes 15 tickets a second. `python -m benchmarks.burst`.

Does every caller go on in time, does every call become a ticket, how long does that take beside the time that OTRS
needs for so many, and how much memory do calls in hand cost? The program, the stand-in and the callers have a
process each.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from agi_server.asterisk.client import CallReport, Ending, place_call
from benchmarks import machine, ours
from benchmarks.callers import HOST
from benchmarks.processes import process
from benchmarks.report import FOLDER, Report

PATIENCE = 2.5
PLACES = 4
"""The default of `otrs.connections`."""
MORE_WAITING_S = 0.5
SLOWER_THAN_OTRS = 1.1
MEMORY_KB = 40.0
"""The goals: beyond patience for the unluckiest caller, for all tickets beside OTRS alone, for each call."""


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of one."""

    waits: list[float]
    """Of the callers, in seconds."""
    created: int
    """Callers whose ticket was there in time."""
    last_ticket_s: float
    """After the first call."""
    memory_before_mb: float
    memory_most_mb: float
    cpu_s: float


async def place_all(port: int, calls: int, over_s: float) -> list[CallReport]:
    """Each from a number of its own, evenly over the time."""

    async def one(number: int) -> CallReport:
        await asyncio.sleep(number / calls * over_s)
        return await place_call(HOST, port, number=f"8916{number:07d}", unique_id=f"{time.time():.0f}.{number}")

    return await asyncio.gather(*(one(number) for number in range(calls)))


def run(calls: int, over_s: float, a_second: float) -> Burst:
    """The burst, until the last call has its ticket."""
    with TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        with (
            process(ours.serve_otrs, folder, PLACES / a_second) as (_, otrs_port),
            process(ours.serve, folder, PATIENCE, otrs_port, log=folder / "log") as (pid, port),
        ):
            asyncio.run(place_all(port, 1, 0.0))  # everything has been loaded
            before, worked = machine.memory_mb(pid), machine.cpu_s(pid)
            began = time.perf_counter()
            reports = asyncio.run(place_all(port, calls, over_s))
            ours.settled(folder, calls)
            took = time.perf_counter() - began
            assert all(report.outcome is Ending.SUCCESS for report in reports)
            statuses = [report.variables["HELPDESK_STATUS"] for report in reports]
            assert set(statuses) <= {"created", "queued"}, set(statuses)
            return Burst(
                [report.seconds for report in reports],
                statuses.count("created"),
                took,
                before,
                machine.memory_mb(pid, "VmHWM"),
                machine.cpu_s(pid) - worked,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--over", type=float, default=2.0, help="seconds in which they come in")
    parser.add_argument("--tickets", type=float, default=15.0, help="that OTRS makes in a second")
    options = parser.parse_args()
    report = Report("burst")
    burst = run(options.calls, options.over, options.tickets)
    alone = (options.calls - PLACES) / options.tickets
    report.table(
        f"{options.calls} calls in {options.over:g} s, OTRS makes {options.tickets:g} a second",
        [
            {"": "longest wait of a caller, s", "found": max(burst.waits)},
            {"": "median wait, s", "found": statistics.median(burst.waits)},
            {"": "callers with a ticket in time", "found": burst.created},
            {"": "last ticket after, s", "found": burst.last_ticket_s},
            {"": "OTRS alone would take, s", "found": alone},
            {"": "memory before, MB", "found": burst.memory_before_mb},
            {"": "memory at most, MB", "found": burst.memory_most_mb},
            {"": "processor of all of it, s", "found": burst.cpu_s},
        ],
    )
    report.goal("longest wait beyond patience, s", max(burst.waits) - PATIENCE, MORE_WAITING_S)
    report.goal("last ticket beside OTRS alone", burst.last_ticket_s / alone, SLOWER_THAN_OTRS)
    held = (burst.memory_most_mb - burst.memory_before_mb) * 1024 / options.calls
    report.goal("memory for each call of the burst, kB", held, MEMORY_KB)
    report.end()
