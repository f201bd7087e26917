"""The whole road to a ticket on the lab's real Znuny: `python -m benchmarks.whole_road`.

At 1, 4 and 8 callers at once: the bare TicketCreate (`bare`), a call through us, and a call in the way of 2011
(`way_of_2011.pl`: SOAP::Lite and DBI in a child process for each call, forked from one that has loaded them, and
started anew). They take turns; each figure is the median of all rounds. Time is OTRS's for the most part, and noisy;
the processor's time that the operating system has noted for each of the servers, and for their children, is not.
Without the lab (`make lab`) nothing is measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from sqlalchemy import make_url

from agi_server import logs, process
from agi_server.app import App
from agi_server.config import Config
from agi_server.config.options import Customers, Otrs
from benchmarks import bare, ours
from benchmarks.callers import LONGEST_CALL_S, Callers, Placed
from benchmarks.machine import children, cpu_s
from benchmarks.processes import Pipe
from benchmarks.processes import process as in_process
from benchmarks.report import FOLDER, Cell, Report
from tests.lab import facts, lab

CALLERS = (1, 4, 8)
TICKETS = {1: 10, 4: 24, 8: 32}
"""In a turn."""
VARIABLES = 8
"""Of a call with a ticket; all ways set as many."""
MAY_LACK = 0.1
"""Of its calls each way the ticket, when the caller is let go; the table tells. Znuny may give two tickets that are
made at once the same number: the second fails, with status 500. We make it a moment later, the others lose it."""
PATIENCE = 60.0
"""Callers wait for their tickets, so that the AGI step is the whole road."""
SCRIPT = Path(__file__).with_name("way_of_2011.pl")
BARE, OURS, FORKED, EXECUTED = "bare TicketCreate", "agi-server", "2011, forked", "2011, started anew"
OUR_SHARE, TIMES_LESS_CPU = 0.05, 50.0
"""The goals."""


def config(folder: Path) -> Config:
    """The lab's, with places for all callers."""
    customers = Customers(
        database=make_url(facts.CUSTOMERS_URL),
        password=SecretStr(facts.CUSTOMERS_PASSWORD),
        index=str(folder / "customers.db"),
    )
    otrs = Otrs(
        url=facts.WEB_SERVICE_URL,
        user=facts.AGENT,
        password=SecretStr(facts.AGENT_PASSWORD),
        zoom_url=f"{facts.ZNUNY_URL}/index.pl?Action=AgentTicketZoom;TicketID={{{{ ticket_id }}}}",
        connections=max(CALLERS),
    )
    return ours.config(folder, PATIENCE, 0).model_copy(update={"customers": customers, "otrs": otrs})


def serve(pipe: Pipe, folder: Path) -> None:
    """The program on the lab's Znuny."""

    async def work() -> None:
        async with App(config(folder)) as running:
            process.settle()
            await pipe.ready(running.server.port)

    logs.configure("info", "text", False)
    process.run(work())


@contextmanager
def perl(*arguments: str) -> Iterator[tuple[int, int]]:
    """The server of 2011: its id and its port."""
    settings = {
        "DB": f"DBI:mysql:database={facts.DATABASE};host={facts.HOST};port={facts.MARIADB_PORT}",
        "DB_USER": facts.CUSTOMERS_USER,
        "DB_PASSWORD": facts.CUSTOMERS_PASSWORD,
        "OTRS_URL": facts.WEB_SERVICE_URL,
        "OTRS_NAMESPACE": facts.NAMESPACE,
        "OTRS_USER": facts.AGENT,
        "OTRS_PASSWORD": facts.AGENT_PASSWORD,
        "CALL_FIELD": facts.CALL_FIELD,
        "ZOOM_URL": f"{facts.ZNUNY_URL}/index.pl?Action=AgentTicketZoom;TicketID=",
    }
    command = ["perl", str(SCRIPT), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **settings}) as server:  # noqa: S603 -- our own
        assert server.stdout is not None
        try:
            yield server.pid, int(server.stdout.readline())
        finally:
            server.terminate()


def await_children(pid: int) -> None:
    """Until it has waited for all of them: their processor's time counts no sooner."""
    began = time.perf_counter()
    while children(pid):
        assert time.perf_counter() - began < LONGEST_CALL_S, "a child process does not end"
        time.sleep(0.01)


@dataclass(slots=True)
class Turns:
    """Figures of one way with so many callers, one a turn."""

    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    lacking: int = 0
    """Calls without a ticket when the caller was let go, in all turns."""

    def note(self, placed: Placed, worked: float) -> None:
        """One turn; how long the processor worked for it, in seconds."""
        number = len(placed.took)
        lacking = number - placed.statuses["created"]
        assert lacking <= number * MAY_LACK, placed.statuses
        self.rate.append(number / placed.elapsed)
        self.p50.append(statistics.median(placed.took) * 1000)
        self.cpu.append(worked / number * 1000)
        self.lacking += lacking


Figures = dict[tuple[str, int], Turns]
Way = Callable[[int, int], tuple[Placed, float]]
"""So many at once, so many in all: what came of them, and the processor's seconds."""


def ways(stack: ExitStack, folder: Path) -> dict[str, Way]:
    """All of them, ready."""
    url = facts.WEB_SERVICE_URL
    session = bare.sign_in(url, facts.AGENT, facts.AGENT_PASSWORD)
    template = bare.request(url, session, ours.ticket(config(folder)), facts.CALL_FIELD)
    callers = stack.enter_context(Callers(1))

    def bare_way(at_once: int, number: int) -> tuple[Placed, float]:
        placed = process.run(bare.create(url, template, at_once, number))
        return placed, placed.cpu_s

    def through(pid: int, port: int, end: Callable[[], object]) -> Way:
        def way(at_once: int, number: int) -> tuple[Placed, float]:
            worked = cpu_s(pid, children=True)
            placed = callers.place(port, at_once, most=number)
            assert placed.variables >= VARIABLES * placed.statuses["created"], placed
            end()
            return placed, cpu_s(pid, children=True) - worked

        return way

    def perl_way(*arguments: str) -> Way:
        pid, port = stack.enter_context(perl(*arguments))
        return through(pid, port, lambda: await_children(pid))

    return {
        BARE: bare_way,
        # What is written, or made in the end, behind the callers' backs is ours to do, too.
        OURS: through(
            *stack.enter_context(in_process(serve, folder, log=folder / "log")), lambda: ours.settled(folder, 1)
        ),
        FORKED: perl_way(),
        EXECUTED: perl_way("--exec"),
    }


def measure(rounds: int, levels: tuple[int, ...] = CALLERS) -> Figures:
    """All ways in turn, round by round, after one ticket each to warm up."""
    figures: Figures = defaultdict(Turns)
    with TemporaryDirectory(dir=FOLDER) as name, ExitStack() as stack:
        all_ways = ways(stack, Path(name))
        for way in all_ways.values():
            way(1, 1)
        names = list(all_ways)
        for turn in range(rounds):
            for at_once in levels:
                for who in names[turn % len(names) :] + names[: turn % len(names)]:
                    figures[who, at_once].note(*all_ways[who](at_once, TICKETS[at_once]))
    return figures


def share(figures: Figures, at_once: int) -> float:
    """What of the time to a ticket is ours: the medians of ours and the bare one's of the same round."""
    pairs = zip(figures[OURS, at_once].p50, figures[BARE, at_once].p50, strict=True)
    return statistics.median(1 - alone / whole for whole, alone in pairs)


def cpu(figures: Figures, who: str) -> float:
    """The processor's milliseconds for a call, over all turns: the system counts in tens of milliseconds."""
    turns = {at_once: turns.cpu for (way, at_once), turns in figures.items() if way == who}
    worked = sum(sum(taken) * TICKETS[at_once] for at_once, taken in turns.items())
    return worked / sum(len(taken) * TICKETS[at_once] for at_once, taken in turns.items())


def tabulate(report: Report, figures: Figures) -> None:
    """A table for each number of callers."""
    for at_once in CALLERS:
        rows: list[dict[str, Cell]] = []
        for who in (BARE, OURS, FORKED, EXECUTED):
            turns = figures[who, at_once]
            beside = [one / alone for one, alone in zip(turns.rate, figures[BARE, at_once].rate, strict=True)]
            rows.append(
                {
                    "": who,
                    "calls/s": statistics.median(turns.rate),
                    "beside the bare": statistics.median(beside),
                    "time to ticket ms": statistics.median(turns.p50),
                    "client CPU ms": statistics.mean(turns.cpu),
                    "no ticket": turns.lacking,
                }
            )
        rounds = len(figures[BARE, at_once].rate)
        report.table(f"{at_once} at once, medians of {rounds} rounds of {TICKETS[at_once]} tickets", rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not lab.running():
        print(lab.NOT_RUNNING)
        sys.exit(0)
    report = Report("whole_road")
    found = measure(options.rounds)
    tabulate(report, found)
    for number in CALLERS:
        report.goal(f"our share of the time to a ticket at {number}", share(found, number), OUR_SHARE)
    for who in (EXECUTED, FORKED):
        times = cpu(found, who) / cpu(found, OURS)
        report.goal(f"processor time of {who} beside ours", times, least=TIMES_LESS_CPU)
    report.end()
