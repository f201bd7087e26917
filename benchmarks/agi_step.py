"""Our own share of the AGI step, OTRS out of the picture: `python -m benchmarks.agi_step`.

The whole program, each call durable in its journal, beside servers that only speak: the limit on bare transports
and panoramisk's. All set as many variables: eight where the caller waits for his ticket, five where `patience` is 0.
They take turns, so that the machine's moods meet them all alike; each figure is the median of all rounds. After each
turn of ours every call that was placed has to be `done` in the journal, or nothing is reported. `settled/s` counts the
time until then as well: where nobody waits, the work goes on behind the callers. `otrs.connections` is 32: with the
usual 4 most of 32 callers would queue for places, of which an OTRS that answers at once has no need.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections import defaultdict
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from benchmarks import ours, rivals
from benchmarks.callers import PROCESSES, Callers, Placed
from benchmarks.machine import cpu_s
from benchmarks.processes import process
from benchmarks.report import FOLDER, Cell, Report

CALLERS = (1, 32, 256)
PATIENCE = 2.5
LIMIT, LIMIT_OF_FIVE = "raw uvloop", "raw uvloop, 5 variables"
OURS, OURS_AT_ONCE = "agi-server, patience 2.5", "agi-server, patience 0"
PANORAMISK = "panoramisk, asyncio"
OTHER_CALLERS = {"one process": (1, False), "one process on asyncio's streams": (1, True)}
"""How many processes, and are they heavier: what becomes of the comparison with others than two light ones."""
BESIDE_OTHER_CALLERS = (LIMIT, PANORAMISK, OURS)
RATIO_OF_LIMIT, MORE_P99_MS = 0.6, 3.0
"""The goals."""


@dataclass(frozen=True, slots=True)
class Server:
    """One that is measured."""

    name: str
    pid: int
    port: int
    variables: int
    status: str
    folder: Path | None = None
    """Where its journal is, if it is ours."""


@dataclass(slots=True)
class Turns:
    """Figures of one server with so many callers, one a turn."""

    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    callers_cpu: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    """Calls a second until all of them were `done`; as `rate` for who keeps nothing."""


Figures = dict[tuple[str, int], Turns]


def start_all(stack: ExitStack, folder: Path, only: Collection[str] = ()) -> list[Server]:
    """All servers, or only those with these names, each in its process."""
    servers = []
    for name, serve, runs, variables in (
        (LIMIT, rivals.null, uvloop.run, 8),
        ("raw asyncio", rivals.null, asyncio.run, 8),
        (PANORAMISK, rivals.panoramisk, asyncio.run, 8),
        ("panoramisk, uvloop", rivals.panoramisk, uvloop.run, 8),
        ("our listener alone, uvloop", rivals.listener, uvloop.run, 8),
        (LIMIT_OF_FIVE, rivals.null, uvloop.run, 5),
    ):
        if not only or name in only:
            pid, port = stack.enter_context(process(serve, runs, variables))
            servers.append(Server(name, pid, port, variables, "created"))
    for name, patience, variables, status in ((OURS, PATIENCE, 8, "created"), (OURS_AT_ONCE, 0.0, 5, "queued")):
        if not only or name in only:
            place = folder / status
            place.mkdir()
            pid, port = stack.enter_context(process(ours.serve, place, patience, 0, log=place / "log"))
            servers.append(Server(name, pid, port, variables, status, place))
    return servers


def take_turn(server: Server, callers: Callers, at_once: int, seconds: float, turns: Turns) -> None:
    """Place calls for so long, and see that each was served."""
    already = sum(ours.in_journal(server.folder).values()) if server.folder else 0
    worked = cpu_s(server.pid)
    placed = callers.place(server.port, at_once, seconds=seconds)
    number = len(placed.took)
    assert placed.statuses == {server.status: number}, f"{server.name}: {placed.statuses}"
    assert placed.variables == server.variables * number, f"{server.name}: {placed.variables / number} variables"
    behind = ours.settled(server.folder, already + number) if server.folder else 0.0
    turns.settled.append(number / (placed.elapsed + behind))
    note(turns, placed, cpu_s(server.pid) - worked)


def note(turns: Turns, placed: Placed, worked: float) -> None:
    """The figures of one turn."""
    number, hundredths = len(placed.took), statistics.quantiles(placed.took, n=100)
    turns.rate.append(number / placed.elapsed)
    for percentile, place in ((turns.p50, 49), (turns.p95, 94), (turns.p99, 98)):
        percentile.append(hundredths[place] * 1000)
    turns.server_cpu.append(worked / number * 1000)
    turns.callers_cpu.append(placed.cpu_s / number * 1000)


def measure(
    rounds: int,
    seconds: float,
    levels: tuple[int, ...] = CALLERS,
    *,
    processes: int = PROCESSES,
    streams: bool = False,
    only: Collection[str] = (),
) -> Figures:
    """All servers in turn, round by round, after one to warm up in; in each round another one begins."""
    figures: Figures = defaultdict(Turns)
    callers = Callers(processes, streams=streams)
    with TemporaryDirectory(dir=FOLDER) as name, ExitStack() as stack, callers:
        servers = start_all(stack, Path(name), only)
        for server in servers:
            take_turn(server, callers, 32, min(0.5, seconds), Turns())
        for turn in range(rounds):
            first = turn % len(servers)
            for at_once in levels:
                for server in servers[first:] + servers[:first]:
                    take_turn(server, callers, at_once, seconds, figures[server.name, at_once])
    return {(server.name, at_once): figures[server.name, at_once] for at_once in levels for server in servers}


def row(figures: Figures, name: str, at_once: int) -> dict[str, Cell]:
    """The medians."""
    turns = figures[name, at_once]
    limit = LIMIT_OF_FIVE if name in (LIMIT_OF_FIVE, OURS_AT_ONCE) else LIMIT
    return {
        "": name,
        "calls/s": statistics.median(turns.rate),
        "of limit": of_limit(figures, name, limit, at_once),
        "p50 ms": statistics.median(turns.p50),
        "p95 ms": statistics.median(turns.p95),
        "p99 ms": statistics.median(turns.p99),
        "server CPU ms": statistics.median(turns.server_cpu),
        "callers CPU ms": statistics.median(turns.callers_cpu),
        "settled/s": statistics.median(turns.settled),
    }


def tabulate(report: Report, figures: Figures) -> None:
    """A table for each number of callers."""
    for at_once in sorted({level for _, level in figures}):
        rows = [row(figures, name, level) for name, level in figures if level == at_once]
        rounds = len(figures[LIMIT, at_once].rate)
        report.table(f"{at_once} at once, medians of {rounds} rounds", rows)


def tabulate_others(report: Report, rounds: int, seconds: float) -> None:
    """What other callers make of it, at 32."""
    rows: list[dict[str, Cell]] = []
    for kind, (processes, streams) in OTHER_CALLERS.items():
        figures = measure(rounds, seconds, (32,), processes=processes, streams=streams, only=BESIDE_OTHER_CALLERS)
        rows += [row(figures, name, 32) | {"": f"{kind}: {name}"} for name, _ in figures]
    report.table(f"32 at once, with other callers, medians of {rounds} rounds", rows)


def of_limit(figures: Figures, ours: str, limit: str, at_once: int) -> float:
    """Calls a second beside the limit's in the same round; the median."""
    pairs = zip(figures[ours, at_once].rate, figures[limit, at_once].rate, strict=True)
    return statistics.median(one / most for one, most in pairs)


def more_p99(figures: Figures, ours: str, limit: str) -> float:
    """Milliseconds that a single caller's p99 is longer than the limit's in the same round; the median."""
    pairs = zip(figures[ours, 1].p99, figures[limit, 1].p99, strict=True)
    return statistics.median(one - least for one, least in pairs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn; there are 24 in a round")
    parser.add_argument("--other-callers", action="store_true", help="also what becomes of it with heavier callers")
    options = parser.parse_args()
    report = Report("agi_step")
    found = measure(options.rounds, options.seconds)
    tabulate(report, found)
    if options.other_callers:
        tabulate_others(report, options.rounds, options.seconds)
    for who, limit in ((OURS, LIMIT), (OURS_AT_ONCE, LIMIT_OF_FIVE)):
        report.goal(f"{who}: of the limit at 32", of_limit(found, who, limit, 32), least=RATIO_OF_LIMIT)
        report.goal(f"{who}: p99 of one more than the limit, ms", more_p99(found, who, limit), MORE_P99_MS)
    report.goal(f"{OURS}: beside {PANORAMISK} at 32", of_limit(found, OURS, PANORAMISK, 32), least=1.0)
    report.end()
