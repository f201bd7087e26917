"""Does the server wear out? `python -m benchmarks.soak [--calls 200000]`.

The whole program in one process, the OTRS stand-in in a second, and the callers in this one, 32 at a time. Each call
has an id, a number and a name of its own, so that whatever is kept per call shows; some callers hang up at once and
some connections break. A line after each tenth of the calls tells what the server's process holds, what a call took of
the processor and how long callers waited; the goals are that none of it changes. The same callers then meet a server
that only sets variables: how long they wait there is the machine's mood. The first tenth doesn't count: caches fill,
and the allocator finds its size.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from agi_server.asterisk.client import place_call
from benchmarks import machine, ours, rivals
from benchmarks.callers import HOST
from benchmarks.processes import process
from benchmarks.report import FOLDER, Cell, Report

AT_ONCE = 32
PATIENCE = 2.5
TENTHS = 10
BARE_CALLS = 1_000
"""At most, after each tenth; no more than the tenth has."""
HANGS_UP, BREAKS = 50, 97
"""Of so many callers one hangs up at once; of so many connections one breaks."""
FLAT_BYTES = 52.0
"""What the server may grow for each call between the second tenth and the last. An id that is kept by mistake takes 65,
and more in its container."""
FLAT_FILES = 8
"""Descriptors more: connections to OTRS come and go."""
FLAT_RATIO = 1.5
"""The processor's time, waiting, and journal for each call: at the end beside at first."""
COMPARED = 3
"""So many tenths at each end; the median of their waiting, since one may meet a bad moment of the machine's."""


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the curve."""

    calls: int
    rate: float
    """Of this tenth."""
    rss_mb: float
    files: int
    journal_mb: float
    cpu_ms: float
    """The server's, for each of the tenth's calls."""
    p50_ms: float
    p99_ms: float
    bare_ms: float
    """The median at the server that only sets variables; its p99 is all noise."""

    def row(self) -> dict[str, Cell]:
        """As a line of the table."""
        return {
            "calls": self.calls,
            "calls/s": self.rate,
            "RSS MB": self.rss_mb,
            "files": self.files,
            "journal MB": self.journal_mb,
            "CPU ms": self.cpu_ms,
            "p50 ms": self.p50_ms,
            "p99 ms": self.p99_ms,
            "bare p50 ms": self.bare_ms,
        }


async def place(port: int, numbers: range, statuses: Counter[str]) -> list[float]:
    """Place these calls, `AT_ONCE` at a time; the AGI steps of those who waited, in seconds."""
    waiting = iter(numbers)
    seconds: list[float] = []

    async def caller() -> None:
        for number in waiting:
            hangs_up, breaks = number % HANGS_UP == 0, number % BREAKS == 0
            report = await place_call(
                HOST,
                port,
                number=f"8916{number:07d}",
                name=f"Caller {number}",
                unique_id=f"{time.time():.0f}.{number}",
                hang_up_after=0.001 if hangs_up else None,
                reset_after=0.001 if breaks else None,
            )
            if not hangs_up and not breaks:
                seconds.append(report.seconds)
                statuses[report.variables.get("HELPDESK_STATUS", f"none: {report.outcome}")] += 1

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return seconds


def run(calls: int) -> tuple[list[Point], Counter[str]]:
    """Place all calls; the curve, and what callers who waited were told."""
    statuses: Counter[str] = Counter()
    curve: list[Point] = []
    with TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        with (
            process(rivals.null, uvloop.run, len(rivals.VARIABLES)) as (_, bare_port),
            process(ours.serve_otrs, folder, 0.0) as (_, otrs_port),
            process(ours.serve, folder, PATIENCE, otrs_port, log=folder / "log") as (pid, port),
        ):
            for tenth in range(TENTHS):
                numbers = range(calls * tenth // TENTHS + 1, calls * (tenth + 1) // TENTHS + 1)
                began, worked = time.perf_counter(), machine.cpu_s(pid)
                steps = statistics.quantiles(asyncio.run(place(port, numbers, statuses)), n=100)
                took, cpu = time.perf_counter() - began, machine.cpu_s(pid) - worked
                bare = asyncio.run(place(bare_port, range(min(BARE_CALLS, len(numbers))), Counter()))
                curve.append(
                    Point(
                        numbers[-1],
                        len(numbers) / took,
                        machine.memory_mb(pid),
                        machine.open_files(pid),
                        sum(path.stat().st_size for path in folder.glob("calls.db*")) / 2**20,
                        cpu / len(numbers) * 1000,
                        steps[49] * 1000,
                        steps[98] * 1000,
                        statistics.median(bare) * 1000,
                    )
                )
            ours.settled(folder, statuses.total())
    return curve, statuses


@dataclass(frozen=True, slots=True)
class Wear:
    """From the second tenth to the last."""

    bytes_a_call: float
    files: int
    cpu: float
    """The processor's time of the last tenths beside that of the first ones that count."""
    p50: float
    """The same of the waiting, as many times as long as at the bare server."""
    p99: float
    journal: float


def wear(curve: list[Point]) -> Wear:
    """What has changed."""

    def change(figure: Callable[[Point], float]) -> float:
        first, end = (statistics.median(map(figure, some)) for some in (curve[1 : 1 + COMPARED], curve[-COMPARED:]))
        return end / first

    second, before, last = curve[1], curve[-1 - COMPARED], curve[-1]
    grown = (last.rss_mb - second.rss_mb) * 2**20 / (last.calls - second.calls)
    filled = (last.journal_mb - before.journal_mb) / (last.calls - before.calls)
    average = (last.journal_mb - second.journal_mb) / (last.calls - second.calls)
    return Wear(
        grown,
        last.files - second.files,
        change(lambda point: point.cpu_ms),
        change(lambda point: point.p50_ms / point.bare_ms),
        change(lambda point: point.p99_ms / point.bare_ms),
        filled / average,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200_000, help="fewer than 20,000 tell only how caches fill")
    report = Report("soak")
    points, told = run(parser.parse_args().calls)
    report.table("after each tenth of the calls", [point.row() for point in points])
    print(f"callers who waited were told: {', '.join(f'{status} {count}' for status, count in told.most_common())}")
    found = wear(points)
    report.goal("memory for each call more, bytes", found.bytes_a_call, FLAT_BYTES)
    report.goal("files more", found.files, FLAT_FILES)
    report.goal("processor's time, last tenths to first ones", found.cpu, FLAT_RATIO)
    report.goal("p50 beside the bare server's median, last tenths to first ones", found.p50, FLAT_RATIO)
    report.goal("p99 beside the bare server's median, last tenths to first ones", found.p99, FLAT_RATIO)
    report.goal("journal for each call, last tenths to average", found.journal, FLAT_RATIO)
    report.end()
