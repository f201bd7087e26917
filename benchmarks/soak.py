"""Does the server wear out? `python -m benchmarks.soak [--calls 200000]`.

The whole program in one process, the OTRS stand-in in a second, and the callers in this one, 32 at a time. Each call
has an id, a number and a name of its own, so that whatever is kept per call shows; some callers hang up at once and
some connections break. A line after each tenth of the calls tells what the server's process holds and how long
callers waited; the goals are that neither changes. The first two tenths don't count: caches fill, and the
allocator finds its size.
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

from agi_server.asterisk.client import place_call
from benchmarks import machine, ours
from benchmarks.callers import HOST
from benchmarks.processes import process
from benchmarks.report import FOLDER, Cell, Report

AT_ONCE = 32
PATIENCE = 2.5
TENTHS = 10
HANGS_UP, BREAKS = 50, 97
"""Of so many callers one hangs up at once; of so many connections one breaks."""
FLAT_BYTES = 52.0
"""What the server may grow for each call between the second tenth and the last. An id that is kept by mistake takes 65,
and more in its container."""
FLAT_FILES = 8
"""Descriptors more: connections to OTRS come and go."""
FLAT_RATIO = 1.5
"""Waiting, and journal for each call: what there is at the end beside what was at first."""
COMPARED = 3
"""So many tenths at each end; the median of their waiting, since one may meet a bad moment of the machine's."""


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the curve."""

    calls: int
    seconds: float
    rss_mb: float
    files: int
    journal_mb: float
    p50_ms: float
    p99_ms: float

    def row(self) -> dict[str, Cell]:
        """As a line of the table."""
        return {
            "calls": self.calls,
            "calls/s": self.calls / self.seconds,
            "RSS MB": self.rss_mb,
            "files": self.files,
            "journal MB": self.journal_mb,
            "p50 ms": self.p50_ms,
            "p99 ms": self.p99_ms,
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


def look(pid: int, folder: Path, calls: int, seconds: float, steps: list[float]) -> Point:
    """What the server's process holds now, and how long these callers waited."""
    return Point(
        calls,
        seconds,
        machine.memory_mb(pid),
        machine.open_files(pid),
        sum(path.stat().st_size for path in folder.glob("calls.db*")) / 2**20,
        statistics.median(steps) * 1000,
        statistics.quantiles(steps, n=100)[-1] * 1000,
    )


def run(calls: int) -> tuple[list[Point], Counter[str]]:
    """Place all calls; the curve, and what callers who waited were told."""
    statuses: Counter[str] = Counter()
    curve: list[Point] = []
    with TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        with (
            process(ours.serve_otrs, folder, 0.0) as (_, otrs_port),
            process(ours.serve, folder, PATIENCE, otrs_port, log=folder / "log") as (pid, port),
        ):
            began = time.perf_counter()
            for tenth in range(TENTHS):
                numbers = range(calls * tenth // TENTHS + 1, calls * (tenth + 1) // TENTHS + 1)
                steps = asyncio.run(place(port, numbers, statuses))
                curve.append(look(pid, folder, numbers[-1], time.perf_counter() - began, steps))
            ours.settled(folder, statuses.total())
    return curve, statuses


@dataclass(frozen=True, slots=True)
class Wear:
    """From the second tenth to the last."""

    bytes_a_call: float
    files: int
    p50: float
    """Of the last tenths beside the first that count."""
    p99: float
    journal: float


def wear(curve: list[Point]) -> Wear:
    """What has changed."""
    second, before, last = curve[1], curve[-2], curve[-1]
    grown = (last.rss_mb - second.rss_mb) * 2**20 / (last.calls - second.calls)
    filled = (last.journal_mb - before.journal_mb) / (last.calls - before.calls)
    average = (last.journal_mb - second.journal_mb) / (last.calls - second.calls)
    first, end = curve[1 : 1 + COMPARED], curve[-COMPARED:]
    p50 = statistics.median(point.p50_ms for point in end) / statistics.median(point.p50_ms for point in first)
    p99 = statistics.median(point.p99_ms for point in end) / statistics.median(point.p99_ms for point in first)
    return Wear(grown, last.files - second.files, p50, p99, filled / average)


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
    report.goal("callers' p50, last tenths to first ones", found.p50, FLAT_RATIO)
    report.goal("callers' p99, last tenths to first ones", found.p99, FLAT_RATIO)
    report.goal("journal for each call, last tenth to average", found.journal, FLAT_RATIO)
    report.end()
