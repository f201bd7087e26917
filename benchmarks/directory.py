"""Who rings, among a million? `python -m benchmarks.directory [--customers 1000000]`.

Beside what stands behind it, in turn: the whole table read and indexed, beside a bare client that reads it and forgets
it; a look for what has changed, beside the one SELECT that this takes; callers looked up by each grade of likeness,
beside `SELECT ... WHERE phone =` for a number exactly as it was typed, without an index, as OTRS's table is, and with
one, as it isn't. Whom each of them finds is checked. Each figure is the median of the rounds. On a machine that has
others to serve look at the processor's time as well. Without the lab (`make lab`) nothing is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Engine

from agi_server.call import Match
from benchmarks.customers import INDEXED, KINDS, TABLE, Place, filled, nobodys, typed
from benchmarks.loading import WHO, Loaded, Read, bare, load, skim
from benchmarks.machine import memory_mb
from benchmarks.report import FOLDER, Cell, Report
from tests.lab import lab

SIZES = (10_000, 100_000)
ROUNDS = 3
LOAD_S, START_S, LOOKUP_MS, MEMORY_MB = 120.0, 2.0, 1.0, 150.0
"""The goals, for a million customers; a lookup's is for 99 of 100."""
LOOKUPS, SELECTS = 2_000, {TABLE: 20, INDEXED: 500}
"""Of each kind in a round."""
LOADS_ROWS = 300_000
"""So many are read in all rounds of loading together, if that is more than one."""
CHANGED = 500
"""Customers between two looks."""
LOOKS_APART_S = 1.1
"""A caller who is not found has the table looked at no more often than once a second."""
BESIDE = {TABLE: "SELECT WHERE phone =, no index", INDEXED: "SELECT WHERE phone =, index"}

T = TypeVar("T")


@dataclass(slots=True)
class Times:
    """Milliseconds; a list for each round."""

    clock: list[list[float]] = field(default_factory=list)
    processor: list[list[float]] = field(default_factory=list)
    """Of this thread."""

    def row(self, name: str) -> dict[str, Cell]:
        """The medians of the rounds' percentiles."""
        clock = [statistics.quantiles(one, n=100) for one in self.clock]
        processor = [statistics.quantiles(one, n=100) for one in self.processor]
        return {
            "": name,
            "p50 ms": statistics.median(one[49] for one in clock),
            "p99 ms": statistics.median(one[98] for one in clock),
            "p50 CPU ms": statistics.median(one[49] for one in processor),
            "p99 CPU ms": statistics.median(one[98] for one in processor),
            "of": sum(map(len, self.clock)),
        }


async def measure(times: Times, do: Callable[[str], Awaitable[T]], numbers: Iterable[str]) -> list[T]:
    """One round: how long each of them takes; what came of them."""
    clock: list[float] = []
    processor: list[float] = []
    found = []
    for number in numbers:
        began, worked = time.perf_counter(), time.thread_time()
        found.append(await do(number))
        clock.append((time.perf_counter() - began) * 1000)
        processor.append((time.thread_time() - worked) * 1000)
        await asyncio.sleep(0)
    times.clock.append(clock)
    times.processor.append(processor)
    return found


@dataclass(slots=True)
class Served:
    """What came of a later start."""

    start_s: float
    """Until the first caller was known."""
    memory_mb: float = 0.0
    queries: int = 0
    """Sent to the database for callers whom the index knows for certain."""
    lookups: dict[str, Times] = field(default_factory=dict)
    looks: dict[str, list[float]] = field(default_factory=dict)
    """Milliseconds."""


async def serve(place: Place, rounds: int) -> Served:
    """Start with the index that there is; callers come in while the table is compared with it, and after."""
    before, began, loaded = memory_mb(os.getpid()), time.perf_counter(), Loaded()
    directory = place.directory()
    await directory.start()
    first = await directory.find(KINDS[0].heard(1))
    served = Served(time.perf_counter() - began)
    assert first.grade is Match.EXACT
    heard = [KINDS[0].heard(one) for one in place.some(1, LOOKUPS // 2, 0)]
    meanwhile = served.lookups["exact, while all is read again"] = Times()
    assert {hits.grade for hits in await measure(meanwhile, directory.find, heard)} == {Match.EXACT}
    await loaded.wait()
    served.memory_mb = memory_mb(os.getpid(), "VmHWM") - before
    names = [*(kind.grade for kind in KINDS), "nobody's", *BESIDE.values()]
    served.lookups |= {name: Times() for name in names}
    sent: list[object] = []
    event.listen(Engine, "before_cursor_execute", lambda *_: sent.append(None))
    async with bare(place) as cursor:
        for turn in range(rounds):
            for kind in KINDS:
                ones = place.some(kind.remainder, LOOKUPS, turn)
                sent.clear()
                found = await measure(served.lookups[kind.grade], directory.find, map(kind.heard, ones))
                assert all(hits.grade is kind.grade for hits in found)
                if kind.grade is not Match.SUFFIX:  # no more than a guess, so the table is looked at once a second
                    served.queries += len(sent)
            nobody = await measure(served.lookups["nobody's"], directory.find, map(nobodys, range(LOOKUPS)))
            assert {hits.grade for hits in nobody} == {Match.NONE}
            for table, name in BESIDE.items():
                await select(place, cursor, table, served.lookups[name], turn)
            await look(place, directory.find, cursor, served.looks, turn)
    await directory.close()
    return served


async def select(place: Place, cursor: Any, table: str, times: Times, turn: int) -> None:
    """One round of asking this table for numbers as they were typed."""

    async def ask(number: str) -> list[tuple[object, ...]]:
        await cursor.execute(f"{WHO} {table} WHERE phone = %s", (number,))
        return list(await cursor.fetchall())

    ones = place.some(1, SELECTS[table], turn)
    found = await measure(times, ask, map(typed, ones))
    assert all(f"customer{one}" in {row[1] for row in rows} for one, rows in zip(ones, found, strict=True))


async def look(
    place: Place, find: Callable[[str], Awaitable[Any]], cursor: Any, looks: dict[str, list[float]], turn: int
) -> None:
    """One round of looking for what has changed: nothing, and so many customers."""

    async def timed(name: str, work: Awaitable[T]) -> T:
        began = time.perf_counter()
        found = await work
        looks.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        return found

    async def ask(since: str) -> int:
        await cursor.execute(f"{WHO} {TABLE} WHERE change_time >= %s", (since,))
        return len(await cursor.fetchall())

    await asyncio.sleep(LOOKS_APART_S)
    await timed("nothing changed", find(nobodys(0)))
    since = f"{datetime.now(UTC) + timedelta(minutes=turn + 1):%Y-%m-%d %H:%M:%S}"
    assert await timed("SELECT WHERE change_time >=, nothing", ask(since)) == 0
    await cursor.execute(
        f"UPDATE {TABLE} SET mobile = CONCAT('+7 4012 ', LPAD(id, 6, '0')), change_time = %s"  # noqa: S608 -- our own
        " WHERE id > %s AND id <= %s",
        (since, CHANGED * turn, CHANGED * (turn + 1)),
    )
    await asyncio.sleep(LOOKS_APART_S)
    await timed(f"{CHANGED} changed", find(nobodys(0)))
    assert (await find(f"+74012{CHANGED * (turn + 1):06}")).grade is Match.EXACT
    assert await timed(f"SELECT WHERE change_time >=, {CHANGED}", ask(since)) == CHANGED


def _run(work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
    return asyncio.run(work(*arguments))


async def alone(work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
    """In a process of its own, so that memory is its own too."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return await asyncio.get_running_loop().run_in_executor(process, _run, work, *arguments)


def reading(name: str, found: list[Read]) -> dict[str, Cell]:
    """The medians."""
    return {
        "": name,
        "s": statistics.median(one.seconds for one in found),
        "CPU s": statistics.median(one.cpu_s for one in found),
        "memory MB": statistics.median(one.memory_mb for one in found),
    }


async def run(report: Report, customers: int, rounds: int) -> tuple[Read, Served]:
    """Measure and tabulate; the first reading, and what was served afterwards."""
    with TemporaryDirectory(dir=FOLDER) as name:
        async with filled(Path(name), customers) as place:
            loads, skims = [], []
            for turn in range(max(1, min(rounds, LOADS_ROWS // customers))):
                loads.append(await alone(load, replace(place, index=place.index.with_suffix(f".{turn}"))))
                skims.append(await alone(skim, place))
            read_before = replace(place, index=place.index.with_suffix(".0"))
            served = await alone(serve, read_before, rounds)
            report.table(
                f"{customers} customers read, medians of {len(loads)} rounds",
                [reading("read and indexed", loads), reading("bare client, forgets them", skims)],
            )
            index_mb = read_before.index.stat().st_size / 2**20
    report.table(
        f"{customers} customers: a later start",
        [
            {"": "the index on disk, MB", "found": index_mb},
            {"": "start with it, until the first caller is known, s", "found": served.start_s},
            {"": "memory for serving and reading all again, MB", "found": served.memory_mb},
        ],
    )
    looks: list[dict[str, Cell]] = [{"": name, "ms": statistics.median(took)} for name, took in served.looks.items()]
    report.table(f"{customers} customers: a look for what has changed, medians of {rounds} rounds", looks)
    lookups = [times.row(name) for name, times in served.lookups.items()]
    report.table(f"{customers} customers: lookups, medians of {rounds} rounds", lookups)
    return loads[0], served


def judge(report: Report, customers: int, first: Read, served: Served) -> None:
    """The goals for a million, at this size."""
    of = f"{customers} customers: "
    report.goal(f"{of}all of them read, s", first.seconds, LOAD_S)
    report.goal(f"{of}memory, MB", max(first.memory_mb, served.memory_mb), MEMORY_MB)
    report.goal(f"{of}start with an index, s", served.start_s, START_S)
    ours = [times.row(name) for name, times in served.lookups.items() if name not in BESIDE.values()]
    report.goal(f"{of}p99 of the slowest kind of lookup, ms", max(float(row["p99 ms"]) for row in ours), LOOKUP_MS)
    report.goal(f"{of}queries for callers known for certain", served.queries, 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    if not lab.running():
        print(lab.NOT_RUNNING)
        sys.exit(0)
    whole = Report("directory")
    measured = {size: asyncio.run(run(whole, size, options.rounds)) for size in options.customers}
    for size, found in measured.items():
        judge(whole, size, *found)
    whole.end()
