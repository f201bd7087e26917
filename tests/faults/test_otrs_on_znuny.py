"""Faults between the program, as an administrator runs it, and the lab's real Znuny; some under a real Asterisk.

What the fault does is done at a gate, so that neither server has to be stopped. Tickets are counted in
Znuny's database.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agi_server.asterisk.client import CallReport, Ending, place_call
from tests import lab
from tests.faults.campaign import MARK, count
from tests.faults.dying import NEVER
from tests.faults.gate import Gate, call_id
from tests.faults.house import SLACK_S, assert_let_go, assert_told, ids
from tests.lab import asterisk, facts, mariadb
from tests.lab.asterisk import CallResult, Phone
from tests.otrs.peer import Act, Request, raw, reset, silent
from tests.program import COMMAND, Program, write_config

pytestmark = [pytest.mark.lab, pytest.mark.slow]

CALLS = 20
AT_ONCE = 4
PATIENCE_S = 1.0
TIMEOUT_S = 5.0
closed = raw(b"")


@pytest.fixture(autouse=True)
def _lab() -> None:
    lab.require()


@asynccontextmanager
async def running(
    folder: Path, gate: Gate, port: int = 0, *, command: Sequence[str] = COMMAND, **more: dict[str, Any]
) -> AsyncIterator[Program]:
    """The program in a process of its own, on the lab's OTRS behind the gate; more options by section."""
    options: dict[str, dict[str, Any]] = {
        "fastagi": {"port": port, "patience": PATIENCE_S},
        "customers": {"database": facts.CUSTOMERS_URL, "password": facts.CUSTOMERS_PASSWORD},
        "otrs": {"url": gate.url, "user": facts.AGENT, "password": facts.AGENT_PASSWORD, "timeout": TIMEOUT_S},
        "web": {"port": 0},
        **more,
    }
    program = Program(write_config(folder, options), command)
    await asyncio.to_thread(program.__enter__)
    try:
        yield program
    finally:
        await asyncio.to_thread(program.stop)


def ticketed(calls: list[str]) -> list[str]:
    """The call's id on each ticket that Znuny has of these calls."""
    wanted = ", ".join(mariadb.quote(call) for call in calls)
    rows = mariadb.sql(
        "SELECT v.value_text AS call_id FROM dynamic_field_value v JOIN dynamic_field f ON f.id = v.field_id"
        f" WHERE f.name = {mariadb.quote(facts.CALL_FIELD)} AND v.value_text IN ({wanted})"
    )
    return [row["call_id"] or "" for row in rows]


def updated(calls: list[str]) -> list[str]:
    """The call's id on each article that Znuny has of these calls."""
    like = " OR ".join(f"a_subject LIKE {mariadb.quote(f'%[{call}]%')}" for call in calls)
    rows = mariadb.sql(f"SELECT a_subject AS subject FROM article_data_mime WHERE {like}")
    return [call for row in rows for call in MARK.findall(row["subject"] or "")]


async def all_ticketed(calls: list[str], gate: Gate, within_s: float = 90.0) -> list[str]:
    """What Znuny has when each call has a ticket or an article, and all requests have ended."""
    async with asyncio.timeout(within_s):
        while set(await asyncio.to_thread(found_of, calls)) != set(calls):  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.5)
    await gate.idle()
    return found_of(calls)


def found_of(calls: list[str]) -> list[str]:
    """The call's id on each ticket and each article."""
    return ticketed(calls) + updated(calls)


async def test_whatever_is_lost_of_an_answer_each_call_has_one_ticket(tmp_path: Path) -> None:
    calls = ids(f"lost-{uuid4().hex[:8]}", 50)
    struck: set[str] = set()
    async with Gate(facts.WEB_SERVICE_URL) as gate:

        def strikes(request: Request) -> Act | None:
            call = call_id(request)
            if not call or call in struck:
                return None
            struck.add(call)
            return gate.cut(len(struck) / (len(calls) + 1), reset if len(struck) % 2 else closed)

        gate.strikes = strikes
        async with running(tmp_path, gate) as program:

            async def one(place: int, call: str) -> CallReport:
                await asyncio.sleep(place / 10)
                return await place_call("127.0.0.1", program.port, number="89161229624", unique_id=call)

            reports = await asyncio.gather(*(one(*numbered) for numbered in enumerate(calls)))
            found = await all_ticketed(calls, gate)
    tally = count("Znuny's answers are lost, byte by byte", calls, reports, found)
    assert_let_go(reports, PATIENCE_S)
    assert_told(reports, "queued", "created")
    assert struck == set(calls)
    assert (tally.tickets, tally.lost, tally.doubled) == (50, 0, 0)


async def test_whatever_is_lost_of_an_answer_each_repeated_call_is_on_one_article(tmp_path: Path) -> None:
    calls = ids(f"again-{uuid4().hex[:8]}", 24)
    caller = f"+7495{uuid4().int % 10**7:07}"
    struck: set[str] = set()
    async with Gate(facts.WEB_SERVICE_URL) as gate:

        def strikes(request: Request) -> Act | None:
            article = request.values.get("Article")
            if request.operation != "TicketUpdate" or not isinstance(article, dict) or article["Subject"] in struck:
                return None
            struck.add(str(article["Subject"]))
            return gate.cut(len(struck) / len(calls), reset if len(struck) % 2 else closed)

        gate.strikes = strikes
        hasty = (sys.executable, "-m", "tests.faults.dying", NEVER, "1")
        async with running(tmp_path, gate, command=hasty, repeat={"within": "30m"}) as program:

            async def one(place: int, call: str) -> CallReport:
                await asyncio.sleep(place / 4)
                return await place_call("127.0.0.1", program.port, number=caller, unique_id=call)

            reports = await asyncio.gather(*(one(*numbered) for numbered in enumerate(calls)))
            found = await all_ticketed(calls, gate)
    tally = count("Znuny's answers to updates are lost, byte by byte", calls, reports, found)
    assert_let_go(reports, PATIENCE_S)
    assert (tally.tickets, tally.lost, tally.doubled) == (24, 0, 0)
    assert len(ticketed(calls)) == 1
    assert struck


def dropped(gate: Gate) -> None:
    """The ticket is made, and the connection breaks."""
    gate.always(gate.done_but(reset), "TicketCreate")


@pytest.mark.parametrize(
    ("fault", "strike"),
    [
        ("refuses connections", Gate.refuse),
        ("is silent", lambda gate: gate.always(silent())),
        ("makes the ticket, and the connection breaks", dropped),
    ],
    ids=["refuses", "silent", "breaks"],
)
async def test_asterisk_bridges_the_call_and_it_becomes_one_ticket(
    tmp_path: Path, fault: str, strike: Callable[[Gate], None]
) -> None:
    async with Gate(facts.WEB_SERVICE_URL) as gate, running(tmp_path, gate, facts.AGI_PORT):
        strike(gate)
        results = await bridged_calls()
        await gate.heal()
        calls = [result.unique_id or "" for result in results]
        found = await all_ticketed(calls, gate)
    reports = [report_of(result) for result in results]
    tally = count(f"Znuny {fault}; Asterisk", calls, reports, found)
    assert all(result.bridged for result in results)
    assert_let_go(reports, PATIENCE_S + SLACK_S)  # until the operator has answered
    assert_told(reports, "queued", "created")
    assert (tally.calls, tally.tickets, tally.lost, tally.doubled) == (CALLS, CALLS, 0, 0)


async def bridged_calls() -> list[CallResult]:
    """Calls through Asterisk, some at a time."""
    turn = asyncio.Semaphore(AT_ONCE)
    phone = Phone()
    await asyncio.to_thread(phone.__enter__)

    async def one(place: int) -> CallResult:
        async with turn:
            return await asyncio.to_thread(asterisk.call, f"+74957654{place:03}", phone=phone)

    try:
        return await asyncio.gather(*map(one, range(CALLS)))
    finally:
        await asyncio.to_thread(phone.__exit__, None, None, None)


def report_of(result: CallResult) -> CallReport:
    """As the other tests of the campaign have it; the time is that until the operator answered."""
    ending = Ending.SUCCESS if result.bridged else Ending.TIMEOUT
    return CallReport(ending, result.variables, [], (result.answered_ms or 0.0) / 1000)
