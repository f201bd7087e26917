"""Repeated calls under faults: each is in exactly one ticket or exactly one article, whatever is lost or killed.

The minute between two articles on a ticket is short here, or none at all.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from itertools import count as numbers
from pathlib import Path
from typing import Any

import pytest

from agi_server.journal import State
from agi_server.sandbox.faults import refusal
from tests.faults.campaign import count
from tests.faults.dying import NEVER, REPEATED_STEPS
from tests.faults.house import (
    AFTER_90_S,
    NUMBERS,
    House,
    assert_let_go,
    assert_told,
    house,
    ids,
    make_time_short,
)
from tests.faults.scene import scene
from tests.otrs.peer import Act, Request, http, raw, recorded, reset

UPDATE = "TicketUpdate"
FIND = ("TicketSearch", "TicketGet")
REPEAT: dict[str, dict[str, Any]] = {"repeat": {"within": timedelta(minutes=30)}}
BY_NUMBER: dict[str, dict[str, Any]] = {"repeat": {"within": timedelta(minutes=30), "match": "number"}}
CUSTOMERS = len(NUMBERS) - 1
"""One of them has two phones; what he says on both at the same moment may be two tickets."""
closed = raw(b"")
slow = pytest.mark.slow


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    make_time_short(monkeypatch)
    gather(monkeypatch, 0.5)


def gather(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr("agi_server.repeat.GATHER", timedelta(seconds=seconds))


async def settled(one: House, fault: str, calls: list[str], reports: list[Any]) -> None:
    """All calls are tickets or articles, once each; most are articles."""
    await one.well_again()
    tally = count(fault, calls, reports, one.tickets())
    assert (tally.tickets, tally.lost, tally.doubled) == (len(calls), 0, 0)
    assert await one.entries(State.PARKED) == []
    assert_let_go(reports)


@pytest.mark.parametrize("options", [REPEAT, BY_NUMBER], ids=["customer", "number"])
async def test_callers_who_ring_again_and_again(tmp_path: Path, options: dict[str, dict[str, Any]]) -> None:
    async with house(tmp_path, **options) as one:
        match = options["repeat"].get("match", "customer")
        calls = ids(f"again {match}", 50)
        reports = await one.calls(calls, over_s=2.0)
        await settled(one, f"repeated calls, by {match}", calls, reports)
        assert CUSTOMERS <= len(one.otrs.tickets) <= len(NUMBERS)
        assert one.otrs.received(UPDATE) < len(calls) / 2
    assert_told(reports, "updated", "created", "queued")


async def test_otrs_is_down_while_five_callers_ring_five_times_each(tmp_path: Path) -> None:
    async with house(tmp_path, **REPEAT) as one:
        calls = ids("down", 25)
        one.gate.refuse()
        reports = await one.calls(calls, over_s=1.0)
        await settled(one, "OTRS is down, repeated calls wait", calls, reports)
        assert CUSTOMERS <= len(one.otrs.tickets) <= len(NUMBERS)
        assert one.otrs.received(UPDATE) <= 2 * len(NUMBERS)
    assert_told(reports, "queued")


FAULTS = [
    pytest.param("reset, article added", lambda gate: gate.done_but(reset), id="reset made"),
    pytest.param("502, article added", lambda gate: gate.done_but(http(502, b"Bad Gateway")), id="502 made"),
    pytest.param("HTTP 500, nothing added", lambda gate: http(500, b"Internal error"), id="500"),
    pytest.param("refuses articles", lambda gate: recorded("163-TicketUpdate-unknown-ticket"), id="refused"),
    pytest.param("adds articles after 90 s", lambda gate: gate.late(AFTER_90_S), id="90 s", marks=slow),
]


@pytest.mark.parametrize(("fault", "strike"), FAULTS)
@pytest.mark.parametrize("minute_s", [0.0, 0.5], ids=["one by one", "together"])
async def test_updates_that_fail(
    tmp_path: Path, fault: str, strike: Any, minute_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather(monkeypatch, minute_s)
    async with house(tmp_path, **REPEAT) as one:
        calls = ids(f"{fault} {minute_s}", 40)
        reports = await one.calls(calls[:5])
        await one.settled()
        one.gate.always(strike(one.gate), UPDATE)
        reports += await one.calls(calls[5:], over_s=1.5)
        await settled(one, f"update: {fault}" + ", calls together" * bool(minute_s), calls, reports)


async def test_whatever_is_lost_of_an_answer_each_call_is_on_one_article(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every first answer to an update is lost, each at another byte; a third of the searches fail as well."""
    gather(monkeypatch, 0.0)
    async with house(tmp_path, **REPEAT) as one:
        calls = ids("lost update", 100)
        struck: set[str] = set()
        searches = numbers()

        def strikes(request: Request) -> Act | None:
            if request.operation in FIND:
                return closed if next(searches) % 3 == 0 else None
            article = request.values.get("Article")
            if request.operation != UPDATE or not isinstance(article, dict) or article["Subject"] in struck:
                return None
            struck.add(str(article["Subject"]))
            return one.gate.cut(len(struck) / (len(calls) + 1), reset if len(struck) % 2 else closed)

        one.gate.strikes = strikes
        reports = await one.calls(calls, over_s=3.0)
        await one.settled()
        await settled(one, "OTRS loses each answer to an update, byte by byte", calls, reports)
    assert len(struck) > 50


async def test_tickets_closed_while_calls_wait_to_be_added(tmp_path: Path) -> None:
    async with house(tmp_path, **REPEAT) as one:
        calls = ids("closed", 25)
        reports = await one.calls(calls[:5])
        await one.settled()
        first = one.otrs.tickets
        reports += await one.calls(calls[5:], over_s=0.2)
        for ticket in first:
            ticket.state = "closed successful"
        await settled(one, "tickets are closed while calls wait for them", calls, reports)
        assert 2 * CUSTOMERS <= len(one.otrs.tickets) <= 2 * len(NUMBERS)
        assert all(len(ticket.articles) == 1 for ticket in first)


NO_RIGHT = refusal(UPDATE, "AccessDenied", "User does not have access to the ticket!")
DIES_AT = {
    **{step: [(step, nth) for nth in (1, 2)] for step in REPEATED_STEPS},
    **{
        step: [one for nth in (1, 2) for one in (("after-update", nth), (step, nth))]
        for step in ("before-find-update", "after-find-update")
    },
    # The first two are tickets; then come those of an article, several at once.
    **{step: [(step, nth) for nth in (4, 6)] for step in ("before-done", "after-done")},
}
"""In each life the step, and how often it is taken before the program dies of it."""
AT_START = ("before-find-update", "after-find-update")
CALLERS = ("89161229624", "+7 (812) 309-11-22")
QUICK = ("after-begin-together", "after-update")


def command(step: str, nth: int = 1) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.faults.dying", step, str(nth))


@pytest.mark.parametrize("step", [pytest.param(step, marks=() if step in QUICK else slow) for step in REPEATED_STEPS])
async def test_killed_at_a_step_and_started_again_at_once(step: str, tmp_path: Path) -> None:
    async with scene(tmp_path, 0.01, repeat={"within": "30m"}) as stage:
        for what, nth in DIES_AT[step]:
            if what in AT_START:
                run = await asyncio.create_subprocess_exec(*command(what, nth), "run", "--config", str(stage.config))
                assert await run.wait() == -signal.SIGKILL
                continue
            if "release" in step:
                stage.otrs.faults.add(NO_RIGHT, UPDATE)
                stage.otrs.faults.add(NO_RIGHT, UPDATE)
            async with stage.life(command(what, nth)) as program:
                for _ in range(2):
                    await asyncio.gather(*(stage.place(program.port, 4, number=number) for number in CALLERS))
                assert await asyncio.to_thread(program.ended) == -signal.SIGKILL
        async with stage.life(command(NEVER)):
            await stage.settled()
        stage.tally(f"kill -9 {step}, repeated calls")
        assert any(len(ticket.articles) > 1 for ticket in stage.otrs.tickets)
