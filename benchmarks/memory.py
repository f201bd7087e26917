"""Does the server grow? `python -m benchmarks.memory [--calls 100000]`.

The whole program in one process, the OTRS stand-in in a second, and the callers in this one, 32 at a time. Each call
has an id, a number and a name of its own, so that whatever is kept per call shows; some callers hang up at once and
some connections break. A line after each tenth of the calls tells what the server's process holds, the last line
whether its memory is flat. The first two tenths don't count: caches fill, and the allocator finds its size.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from agi_server.app import App
from agi_server.asterisk.client import place_call
from agi_server.demo import demo_config
from agi_server.sandbox.otrs import Sandbox

HOST = "127.0.0.1"
AT_ONCE = 32
TENTHS = 10
FLAT_MB = 4.0
"""What the server may grow between the second tenth and the last: over the 80,000 calls between them in a full run
these are 52 bytes a call. An id that is kept by mistake takes 65, and more in its container."""
HANGS_UP, BREAKS = 50, 97
"""Of so many callers one hangs up at once; of so many connections one breaks."""

Serve = Callable[[Connection, Path, int], None]


def serve_otrs(pipe: Connection, folder: Path, _: int) -> None:
    """The stand-in, in a process of its own, until the pipe's other end says so."""

    async def serve() -> None:
        async with Sandbox(folder) as otrs:
            pipe.send(otrs.port)
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())


def serve_calls(pipe: Connection, folder: Path, otrs_port: int) -> None:
    """The program, in a process of its own, until the pipe's other end says so."""

    async def serve() -> None:
        neighbour = Sandbox(folder, port=otrs_port)  # not entered: it is asked for its addresses only
        async with App(demo_config(neighbour, folder, 0)) as app:
            pipe.send(app.server.port)
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())


@contextmanager
def process(serve: Serve, folder: Path, port: int = 0) -> Iterator[tuple[int, int]]:
    """Its id and its port."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, folder, port))
    child.start()
    theirs.close()
    try:
        yield child.pid or 0, ours.recv()
    finally:
        with suppress(BrokenPipeError):  # it has ended by itself
            ours.send(None)
        child.join()


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the curve."""

    calls: int
    seconds: float
    rss_mb: float
    files: int
    journal_mb: float
    p99_ms: float

    def __str__(self) -> str:
        return (
            f"{self.calls:>8}{self.calls / self.seconds:>8.0f}{self.rss_mb:>9.1f}{self.files:>7}"
            f"{self.journal_mb:>12.1f}{self.p99_ms:>10.1f}"
        )


HEAD = f"{'calls':>8}{'calls/s':>8}{'RSS MB':>9}{'files':>7}{'journal MB':>12}{'p99 ms':>10}"


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
    """What the server's process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return Point(
        calls,
        seconds,
        pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        sum(path.stat().st_size for path in folder.glob("calls.db*")) / 2**20,
        statistics.quantiles(steps, n=100)[-1] * 1000,
    )


def run(calls: int) -> bool:
    """Place all calls, print the curve, and tell whether it is flat."""
    statuses: Counter[str] = Counter()
    curve: list[Point] = []
    with (
        TemporaryDirectory() as name,
        process(serve_otrs, Path(name)) as (_, otrs_port),
        process(serve_calls, Path(name), otrs_port) as (pid, port),
    ):
        print(HEAD)
        began = time.perf_counter()
        for tenth in range(TENTHS):
            numbers = range(calls * tenth // TENTHS + 1, calls * (tenth + 1) // TENTHS + 1)
            steps = asyncio.run(place(port, numbers, statuses))
            curve.append(look(pid, Path(name), numbers[-1], time.perf_counter() - began, steps))
            print(curve[-1], flush=True)
    print(f"callers who waited were told: {', '.join(f'{status} {count}' for status, count in statuses.most_common())}")
    growth = curve[-1].rss_mb - curve[1].rss_mb
    flat = growth <= FLAT_MB
    print(f"{'flat' if flat else 'NOT flat'}: {growth:+.1f} MB since the second tenth, at most {FLAT_MB:+g} is flat")
    return flat


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000, help="fewer than 20,000 tell only how caches fill")
    sys.exit(0 if run(parser.parse_args().calls) else 1)
