"""Who rings, among a million? `python -m benchmarks.directory [--customers 100000]`.

The table is on the lab's MariaDB, in a database of its own, or in SQLite where there is no lab. One process
reads all of it; a second one starts with the index that the first has left, and looks callers up: known ones
by each grade of likeness, then unknown ones. The last line is what a server without an index would do, in
the same run: `SELECT ... WHERE phone =`. The exit code tells whether all targets were kept. On a machine that
has others to serve look at the processor's time as well: so long it would take on one that has not.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import multiprocessing
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlalchemy import URL, event, select
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine

from agi_server.call import Match
from agi_server.numbers import Numbering
from agi_server.otrs.customers import Customers
from agi_server.sandbox.people import customer_user
from benchmarks.report import MISSED
from tests.lab import facts, lab
from tests.otrs.customer_user import MONDAY, in_sqlite, on_server, scratch_on_mariadb

LOAD_S, START_S, LOOKUP_MS, MEMORY_MB = 120.0, 2.0, 1.0, 150.0
"""The targets, for a million customers; a lookup's is for 99 of 100."""
LOOKUPS = 5_000
"""For each line of the table."""
SELECTS = 30
CHANGES_APART = timedelta(minutes=1)
BATCH = 10_000
NEVER = 1e9
"""Seconds: while we measure, the server looks at the table for no reason of its own."""

T = TypeVar("T")


def digits(customer: int, width: int) -> str:
    """His own, spread over all that there are."""
    return f"{customer * 7_368_787 % 10**width:0{width}}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One customer of ten has his number written like this."""

    remainder: int
    """Of his number in the table, divided by ten."""
    typed: Callable[[int], str]
    heard: Callable[[int], str]
    grade: Match


def _parted(number: str) -> str:
    return f"{number[:-4]}-{number[-4:-2]}-{number[-2:]}"


KINDS = (
    Kind(1, lambda one: f"8 9{_parted(digits(one, 9))}", lambda one: f"+79{digits(one, 9)}", Match.EXACT),
    Kind(
        3,
        lambda one: f"8 (49{digits(one, 8)[0]}) {_parted(digits(one, 8)[1:])} доб. 12",
        lambda one: f"+749{digits(one, 8)}",
        Match.WITHOUT_EXTENSION,
    ),
    Kind(5, lambda one: f"0171 {digits(one, 7)}", lambda one: f"+49171{digits(one, 7)}", Match.NATIONAL),
    Kind(7, lambda one: f"2{_parted(digits(one, 6))}", lambda one: f"+74952{digits(one, 6)}", Match.SUFFIX),
)
"""The first is that of all other customers as well."""


def rows(customers: int) -> Iterator[dict[str, Any]]:
    """The table; every second customer has a mobile telephone too."""
    typed = {kind.remainder: kind.typed for kind in KINDS}
    for one in range(customers):
        yield {
            "login": f"customer{one}",
            "customer_id": f"COMPANY{one // 20}",
            "first_name": f"Имя{one % 1000}",
            "last_name": f"Фамилия{one}",
            "phone": typed.get(one % 10, KINDS[0].typed)(one),
            "mobile": f"+7 8{digits(one, 9)}" if one % 2 == 0 else None,
            "change_time": MONDAY - one * CHANGES_APART,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where the table is, and the index."""

    database: URL
    password: str | None
    index: Path
    customers: int

    def directory(self) -> Customers:
        """As the server has it."""
        return Customers(
            self.database,
            password=self.password,
            numbering=Numbering("RU"),
            index=self.index,
            refresh=NEVER,
            full=NEVER,
        )

    def callers(self, kind: Kind) -> Iterator[str]:
        """The numbers of such customers from everywhere in the table."""
        step = max(1, self.customers // 10 // LOOKUPS) * 10
        ones = itertools.cycle(range(kind.remainder, self.customers, step))
        return (kind.heard(one) for one in itertools.islice(ones, LOOKUPS))


class Loaded(logging.Handler):
    """Set when the log says that all of the table was read."""

    def __init__(self) -> None:
        super().__init__()
        self._said = asyncio.Event()
        self.wait = self._said.wait
        log = logging.getLogger("agi_server.otrs.customers")
        log.setLevel(logging.INFO)
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Is it this line?"""
        if "customers read in" in record.getMessage():
            self._said.set()


def memory_mb(name: str) -> float:
    """Of this process: VmRSS now, VmHWM at most."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


@dataclass(slots=True)
class Times:
    """Milliseconds of some lookups."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    """Of this thread."""


async def times(do: Callable[[str], Awaitable[object]], numbers: Iterable[str]) -> Times:
    """How long each of them takes."""
    found = Times()
    for number in numbers:
        began, worked = time.perf_counter(), time.thread_time()
        await do(number)
        found.clock.append((time.perf_counter() - began) * 1000)
        found.processor.append((time.thread_time() - worked) * 1000)
        await asyncio.sleep(0)
    return found


async def load(place: Place) -> tuple[float, float, float]:
    """The first start: seconds until all of the table was read, those of our processor's, and the memory it took."""
    before, began, loaded = memory_mb("VmRSS"), time.perf_counter(), Loaded()
    directory = place.directory()
    await directory.start()
    await loaded.wait()
    took = time.perf_counter() - began
    assert directory.status().customers == place.customers
    await directory.close()
    return took, time.process_time(), memory_mb("VmHWM") - before


@dataclass(frozen=True, slots=True)
class Served:
    """What came of a later start."""

    start_s: float
    """Until the first caller was known."""
    lookups: dict[str, Times]
    queries: int
    """Sent to the database for callers whom the index knows for certain."""
    memory_mb: float


async def serve(place: Place) -> Served:
    """Start with the index that there is; callers come in while the table is compared with it, and after."""
    before, began, loaded = memory_mb("VmRSS"), time.perf_counter(), Loaded()
    directory = place.directory()
    await directory.start()
    first = await directory.find(KINDS[0].heard(1))
    start_s = time.perf_counter() - began
    assert first.grade is Match.EXACT
    lookups = {"exact, while all is read again": await times(directory.find, place.callers(KINDS[0]))}
    await loaded.wait()
    sent: list[object] = []
    event.listen(Engine, "before_cursor_execute", lambda *_: sent.append(None))
    queries = 0
    for kind in KINDS:
        for number in place.callers(kind):
            assert (await directory.find(number)).grade is kind.grade, number
        lookups[kind.grade] = await times(directory.find, place.callers(kind))
        if kind.grade is not Match.SUFFIX:  # it is no more than a guess, so the table is looked at once a second
            queries = len(sent)
    lookups["nobody's"] = await times(directory.find, (f"+73{digits(one, 9)}" for one in range(LOOKUPS)))
    await directory.close()
    return Served(start_s, lookups, queries, memory_mb("VmHWM") - before)


async def ask(place: Place) -> Times:
    """Lookups in the table itself, which has no index of numbers."""
    engine = create_async_engine(place.database.set(password=place.password), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        phone = customer_user.c.phone
        found = await times(
            lambda number: connection.execute(select(customer_user).where(phone == number)),
            (row["phone"] for row in itertools.islice(rows(place.customers), SELECTS)),
        )
    await engine.dispose()
    return found


@asynccontextmanager
async def filled(folder: Path, customers: int) -> AsyncIterator[tuple[str, Place]]:
    """The table, on the best database that there is, and that one's name."""
    with ExitStack() as stack:
        served = lab.running()
        async with on_server(stack.enter_context(scratch_on_mariadb())) if served else in_sqlite(folder) as table:
            waiting = rows(customers)
            while batch := list(itertools.islice(waiting, BATCH)):
                await table.add(*batch)
            url = table.url.set(port=facts.MARIADB_PORT) if served else table.url  # nothing in between
            yield url.get_backend_name(), Place(url, table.password, folder / "index.db", customers)


def _run(work: Callable[[Place], Coroutine[Any, Any, T]], place: Place) -> T:
    return asyncio.run(work(place))


async def in_process(work: Callable[[Place], Coroutine[Any, Any, T]], place: Place) -> T:
    """In a process of its own, so that memory is its own too."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return await asyncio.get_running_loop().run_in_executor(process, _run, work, place)


def say(name: str, figure: float, unit: str, target: float) -> bool:
    """Print it; was the target kept?"""
    kept = figure <= target
    print(f"{name:42}{figure:>10.2f} {unit:4}{'' if kept else '  NOT'}  at most {target:g}", flush=True)
    return kept


def say_lookups(name: str, found: Times, target: float | None = LOOKUP_MS) -> bool:
    """Print them; was the target kept?"""
    clock, processor = statistics.quantiles(found.clock, n=100), statistics.quantiles(found.processor, n=100)
    kept = target is None or clock[98] <= target
    words = "" if target is None else f"{'' if kept else '  NOT'}  p99 at most {target:g}"
    print(f"{name:42}{clock[49]:>10.3f} {clock[98]:>10.3f} {processor[98]:>10.3f} ms{words}", flush=True)
    return kept


async def run(customers: int) -> bool:
    """Measure, print, and tell whether all targets were kept."""
    with TemporaryDirectory() as name:
        async with filled(Path(name), customers) as (database, place):
            print(f"{customers} customers on {database}")
            load_s, cpu_s, load_mb = await in_process(load, place)
            kept = [say("all of the table read", load_s, "s", LOAD_S)]
            print(f"{'  processor time of it, start included':42}{cpu_s:>10.2f} s")
            kept.append(say("memory for it", load_mb, "MB", MEMORY_MB))
            print(f"{'the index':42}{place.index.stat().st_size / 2**20:>10.2f} MB")
            served = await in_process(serve, place)
            kept.append(say("start with an index, until the first hit", served.start_s, "s", START_S))
            kept.append(say("memory, serving and reading all again", served.memory_mb, "MB", MEMORY_MB))
            print(f"{'lookups':42}{'p50':>10} {'p99':>10} {'p99 proc.':>10}")
            for found_by, found in served.lookups.items():
                kept.append(say_lookups(f"  {found_by}", found))
            kept.append(say("queries for callers known for certain", served.queries, "", 0))
            say_lookups("SELECT ... WHERE phone =", await in_process(ask, place), None)
    return all(kept)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000, help="the targets are those for a million")
    sys.exit(0 if asyncio.run(run(parser.parse_args().customers)) else MISSED)
