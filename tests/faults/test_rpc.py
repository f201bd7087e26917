"""The promises over rpc.pl, where a ticket takes several requests: each call is one ticket with one article.

Faults strike at a gate before a stand-in of OTRS 4, so that what is lost has really been made.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from itertools import count as numbers
from pathlib import Path

import pytest
from lxml import etree

from agi_server.asterisk.client import CallReport
from agi_server.journal import State
from agi_server.sandbox import faults, rpc_wire
from agi_server.sandbox.otrs import Sandbox
from tests.faults.campaign import MARK, count
from tests.faults.dying_rpc import STEPS
from tests.faults.gate import Gate
from tests.faults.house import (
    AFTER_5_S,
    AFTER_30_S,
    AFTER_90_S,
    House,
    assert_let_go,
    assert_told,
    house,
    ids,
    make_time_short,
)
from tests.faults.scene import PASSWORD, Scene
from tests.otrs.peer import Act, Request, http, raw, reset, silent

CALLS = 60
OF_OTRS_4 = {"dialect": "4"}
RPC = {"interface": "rpc"}
TICKET, ARTICLE = "TicketCreate", "ArticleCreate"
WRITES = (TICKET, ARTICLE)
nil = http(200, rpc_wire.returned([]).body)
closed = raw(b"")
slow = pytest.mark.slow


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    make_time_short(monkeypatch)
    monkeypatch.setattr("agi_server.repeat.GATHER", timedelta(seconds=0.5))


def parameters(request: Request) -> list[str]:
    """All of a call by its places: user, password, object, method, name, value ..."""
    return [child.text or "" for child in etree.fromstring(request.body)[0][0]]


def method(request: Request) -> str:
    return parameters(request)[3]


def call_id(request: Request) -> str:
    """The call that is in a title or a subject."""
    return "".join(MARK.findall(" ".join(parameters(request)[4:]))[:1])


def strike(act: Act, *methods: str) -> Callable[[Request], Act | None]:
    """This happens to these methods, or to all."""
    return lambda request: act if not methods or method(request) in methods else None


def assert_one_each(one: House, fault: str, calls: list[str], reports: list[CallReport]) -> None:
    """Every call has its ticket, and every ticket its article, once."""
    tally = count(f"rpc.pl {fault}", calls, reports, one.tickets())
    assert (tally.tickets, tally.lost, tally.doubled) == (len(calls), 0, 0)
    assert {len(ticket.articles) for ticket in one.otrs.tickets} == {1}


FAULTS = [
    pytest.param("refuses connections", Gate.refuse, id="refuses"),
    pytest.param("accepts and is silent", lambda gate: strike(silent()), id="silent", marks=slow),
    pytest.param("answers after 5 s", lambda gate: strike(gate.late(AFTER_5_S)), id="5 s", marks=slow),
    pytest.param("answers after 30 s", lambda gate: strike(gate.late(AFTER_30_S)), id="30 s", marks=slow),
    pytest.param("makes tickets after 90 s", lambda gate: strike(gate.late(AFTER_90_S), TICKET), id="90 s", marks=slow),
    pytest.param("makes articles after 90 s", lambda gate: strike(gate.late(AFTER_90_S), ARTICLE), id="article 90 s"),
    pytest.param("nil for all: no database", lambda gate: strike(nil), id="nil"),
    pytest.param("nil for tickets", lambda gate: strike(nil, TICKET), id="nil ticket"),
    pytest.param("nil for articles", lambda gate: strike(nil, ARTICLE), id="nil article", marks=slow),
    pytest.param("nil, made all the same", lambda gate: strike(gate.done_but(nil), *WRITES), id="nil made"),
    pytest.param("reset, ticket made", lambda gate: strike(gate.done_but(reset), TICKET), id="reset"),
    pytest.param("reset, article made", lambda gate: strike(gate.done_but(reset), ARTICLE), id="article reset"),
    pytest.param("HTML", lambda gate: strike(raw(faults.HTML.answer or b"")), id="HTML", marks=slow),
    pytest.param("answer cut in the middle", lambda gate: strike(gate.cut(0.5, closed)), id="cut"),
    pytest.param("10 MB", lambda gate: strike(gate.done_but(http(200, b"<a/>" * 2_500_000)), *WRITES), id="10 MB"),
]


@pytest.mark.parametrize(("fault", "how"), FAULTS)
async def test_the_call_goes_on_and_becomes_one_ticket(
    tmp_path: Path, fault: str, how: Callable[[Gate], Callable[[Request], Act | None] | None]
) -> None:
    async with house(tmp_path, sandbox=OF_OTRS_4, otrs=RPC) as one:
        calls = ids(f"rpc {fault}", CALLS)
        reports = await one.calls(calls[:5])
        assert_told(reports, "created")
        strikes = how(one.gate)
        if strikes is not None:
            one.gate.strikes = strikes
        reports += await one.calls(calls[5:35])
        reports += await one.calls(calls[35:])
        await one.well_again()
        if fault.startswith("nil for"):  # unexplained for too long
            await one.retry_parked()
            await one.settled()
        assert_one_each(one, fault, calls, reports)
        assert await one.entries(State.PARKED) == []
    assert_let_go(reports)


async def test_whatever_is_lost_of_an_answer_each_of_200_calls_has_one_ticket(tmp_path: Path) -> None:
    """Of each call the ticket's or the article's answer is lost, at another byte; a ninth of all questions fail."""
    async with house(tmp_path, sandbox=OF_OTRS_4, otrs=RPC) as one:
        calls = ids("rpc lost", 200)
        struck: set[str] = set()
        chance = random.Random(200)  # in turn they would strike the last call's attempts at the same question for ever

        def strikes(request: Request) -> Act | None:
            if method(request) not in WRITES:
                return {0: nil, 9: closed}.get(chance.randrange(18))
            call = call_id(request)
            if call in struck or (method(request) == TICKET) is bool(int(call.rpartition(".")[2]) % 2):
                return None
            struck.add(call)
            return one.gate.cut(len(struck) / (len(calls) + 1), reset if len(struck) % 2 else closed)

        one.gate.strikes = strikes
        reports = await one.calls(calls, over_s=3.0)
        await one.settled()
        await one.gate.heal()
        await one.retry_parked()
        await one.settled()
        assert len(struck) > 0.9 * len(calls)  # a few were parked before
        assert_one_each(one, "loses each answer, byte by byte", calls, reports)
    assert_let_go(reports)


@slow
async def test_a_bad_minute_in_which_otrs_is_now_silent_now_away_parks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agi_server.outcomes.UNEXPLAINED_FOR", timedelta(seconds=60))  # the bad minute is one of 6 s
    async with house(tmp_path, sandbox=OF_OTRS_4, otrs=RPC) as one:
        calls = ids("rpc bad minute", 50)
        chance = random.Random(50)

        def strikes(request: Request) -> Act | None:
            if method(request) in WRITES:
                return nil
            return closed if chance.random() < 0.01 else None

        one.gate.strikes = strikes
        reports = await one.calls(calls, over_s=6.0)
        await one.well_again()
        assert await one.entries(State.PARKED) == []
        assert_one_each(one, "is silent and away by turns", calls, reports)
    assert_let_go(reports)


async def test_repeated_calls_whose_articles_are_lost(tmp_path: Path) -> None:
    repeat = {"within": timedelta(minutes=30), "match": "number"}
    async with house(tmp_path, sandbox=OF_OTRS_4, otrs=RPC, repeat=repeat) as one:
        calls = [f"1700000000.{number}" for number in range(60)]  # a title tells by such that a call made it
        reports = await one.calls(calls[:5])
        await one.settled()
        struck = numbers()

        def strikes(request: Request) -> Act | None:
            lost = method(request) == ARTICLE and next(struck) % 2 == 0
            return one.gate.done_but(closed) if lost else None

        one.gate.strikes = strikes
        reports += await one.calls(calls[5:], over_s=2.0)
        await one.well_again()
        tally = count("rpc.pl loses answers, repeated calls", calls, reports, one.tickets())
        assert (tally.tickets, tally.lost, tally.doubled) == (len(calls), 0, 0)
        assert len(one.otrs.tickets) < len(calls) / 3
    assert_let_go(reports)


async def test_what_otrs_does_not_know_parks_calls_until_it_is_mended(tmp_path: Path) -> None:
    async with house(tmp_path, sandbox=OF_OTRS_4, otrs=RPC, ticket={"queue": "Sails"}) as one:
        calls = ids("rpc queue", 20)
        reports = await one.calls(calls, over_s=1.0)
        await one.settled()
        assert {entry.reason for entry in await one.entries(State.PARKED)} == {
            "Unknown: OTRS has no such queue (queue 'Sails')"
        }
        assert one.otrs.tickets == []
        await one.restart(ticket={"queue": "Raw"})
        await one.retry_parked()
        await one.settled()
        assert_one_each(one, "unknown queue, then mended", calls, reports)
    assert_let_go(reports)


AT_ONCE = 20
QUICK = ("between", "after-article")


@pytest.mark.parametrize("step", [pytest.param(step, marks=() if step in QUICK else slow) for step in STEPS])
async def test_killed_at_a_step_and_started_again_at_once(step: str, tmp_path: Path) -> None:
    async with Sandbox(tmp_path, password=PASSWORD, delay=0.02, dialect="4") as otrs:
        stage = Scene(tmp_path, otrs, {"otrs": {"interface": "rpc", "url": otrs.rpc_url}})
        for nth in (1, 8, 3):
            if step == "after-find" and nth > 1:  # what was cut off is searched for in the life after
                run = await asyncio.create_subprocess_exec(*dying(step, 1), "run", "--config", str(stage.config))
                assert await run.wait() == -signal.SIGKILL
                continue
            async with stage.life(dying("between" if step == "after-find" else step, nth)) as program:
                await stage.place(program.port, AT_ONCE)
                assert await asyncio.to_thread(program.ended) == -signal.SIGKILL
        async with stage.life():
            await stage.settled()
        stage.tally(f"kill -9 {step}, rpc.pl")
        assert {len(ticket.articles) for ticket in otrs.tickets} == {1}


def dying(step: str, nth: int) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.faults.dying_rpc", step, str(nth))
