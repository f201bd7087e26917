"""OTRS fails in every way that was seen of it: the call goes on in time, and becomes one ticket.

Faults strike at a gate before the stand-in, so a ticket whose answer is lost has really been made;
times are those of house.py. The same on a real Asterisk and Znuny is in test_otrs_on_znuny.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count as numbers
from pathlib import Path

import pytest

from agi_server.journal import State
from agi_server.sandbox import faults
from tests.faults.campaign import count
from tests.faults.gate import Gate, call_id
from tests.faults.house import (
    AFTER_5_S,
    AFTER_30_S,
    AFTER_90_S,
    TIMEOUT_S,
    assert_let_go,
    assert_told,
    house,
    ids,
    make_time_short,
)
from tests.otrs.peer import Act, Request, http, raw, recorded, reset, silent

CALLS = 100
CREATE = "TicketCreate"
FIND = ("TicketSearch", "TicketGet")
closed = raw(b"")
slow = pytest.mark.slow


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    make_time_short(monkeypatch)


def answered(fault: faults.Fault) -> Act:
    """With the bytes of this fault."""
    assert fault.answer is not None
    return raw(fault.answer)


def on_all(act: Act) -> Callable[[Gate], None]:
    """This happens to every request."""
    return lambda gate: gate.always(act)


def on_create(make: Callable[[Gate], Act]) -> Callable[[Gate], None]:
    """This happens to every TicketCreate; OTRS can be searched meanwhile."""
    return lambda gate: gate.always(make(gate), CREATE)


def unavailable(gate: Gate) -> Act:
    """A proxy has lost OTRS, which goes on with the request."""

    async def act(request: Request, writer: asyncio.StreamWriter) -> None:
        await http(503, b"Service Unavailable")(request, writer)
        writer.close()
        await asyncio.sleep(AFTER_90_S)
        await gate.ask(request)

    return act


TEN_MEGABYTES = http(200, b"<a/>" * 2_500_000)
FAULTS = [
    pytest.param("refuses connections", Gate.refuse, id="refuses connections"),
    pytest.param("accepts and is silent", on_all(silent()), id="silent", marks=slow),
    pytest.param("answers after 5 s", lambda gate: gate.always(gate.late(AFTER_5_S)), id="5 s"),
    pytest.param("answers after 30 s", lambda gate: gate.always(gate.late(AFTER_30_S)), id="30 s", marks=slow),
    pytest.param("answers after 90 s", lambda gate: gate.always(gate.late(AFTER_90_S)), id="90 s", marks=slow),
    pytest.param(
        "makes tickets after 90 s", on_create(lambda gate: gate.late(AFTER_90_S)), id="create 90 s", marks=slow
    ),
    pytest.param("closes with 0 bytes", on_all(closed), id="0 bytes", marks=slow),
    pytest.param("HTML without a status line", on_all(answered(faults.HTML)), id="HTML", marks=slow),
    pytest.param("HTTP 500, plain text", on_all(answered(faults.ERROR)), id="500"),
    pytest.param("502 from a proxy", on_all(http(502, b"<h1>Bad Gateway</h1>")), id="502", marks=slow),
    pytest.param("502, ticket made", on_create(lambda gate: gate.done_but(http(502, b"Bad Gateway"))), id="502 made"),
    pytest.param("503, ticket made late", on_create(unavailable), id="503 late", marks=slow),
    pytest.param("Fault, nothing made", on_create(lambda gate: answered(faults.REFUSED_TICKET)), id="Fault"),
    pytest.param(
        "Fault, ticket made", on_create(lambda gate: gate.done_but(answered(faults.FAULT_AFTER))), id="Fault made"
    ),
    pytest.param("answer cut in the middle", lambda gate: gate.always(gate.cut(0.5, closed)), id="cut"),
    pytest.param("reset, ticket made", on_create(lambda gate: gate.done_but(reset)), id="reset made"),
    pytest.param("10 MB of answer", on_create(lambda gate: gate.done_but(TEN_MEGABYTES)), id="10 MB"),
]


@pytest.mark.parametrize(("fault", "strike"), FAULTS)
async def test_the_call_goes_on_and_becomes_one_ticket(
    tmp_path: Path, fault: str, strike: Callable[[Gate], None]
) -> None:
    async with house(tmp_path) as one:
        calls = ids(fault, CALLS)
        before = await one.calls(["before"])  # so that there is a session
        strike(one.gate)
        reports = await one.calls(calls[:60])
        reports += await one.calls(calls[60:])
        await one.well_again()
        tally = count(f"OTRS {fault}", calls, reports, one.tickets())
    assert_told(before, "created")
    assert_let_go(reports)
    assert_told(reports, "queued", "created")
    assert (tally.tickets, tally.lost, tally.doubled) == (CALLS, 0, 0)


async def test_a_session_that_expires_in_the_middle_costs_nobody_anything(tmp_path: Path) -> None:
    async with house(tmp_path, fastagi={"patience": 2.5}, otrs={"connections": 4}) as one:
        calls = ids("session", CALLS)
        struck: set[str] = set()

        async def expire(request: Request, writer: asyncio.StreamWriter) -> None:
            """With each tenth call; a session is never dead twice for the same request."""
            call = call_id(request)
            if call.endswith("5") and call not in struck:
                struck.add(call)
                one.otrs.expire_sessions()
            await one.gate.honest(request, writer)

        one.gate.always(expire, CREATE)
        reports = await one.calls(calls, over_s=2.0)
        await one.settled()
        tally = count("OTRS session expires", calls, reports, one.tickets())
        assert one.otrs.received("SessionCreate") > CALLS // 20
    assert_let_go(reports, 2.5)
    assert_told(reports, "created", "queued")
    assert (tally.tickets, tally.lost, tally.doubled) == (CALLS, 0, 0)


async def test_with_a_wrong_password_calls_wait_until_it_is_mended(tmp_path: Path) -> None:
    async with house(tmp_path) as one:
        calls = ids("password", CALLS)
        one.gate.always(recorded("02-SessionCreate-bad-password"), "SessionCreate")
        reports = await one.calls(calls, over_s=1.0)
        assert one.tickets() == []
        await one.well_again()
        tally = count("OTRS wrong password", calls, reports, one.tickets())
    assert_let_go(reports)
    assert_told(reports, "queued")
    assert (tally.tickets, tally.lost, tally.doubled) == (CALLS, 0, 0)


async def test_with_an_unknown_queue_calls_are_parked_until_it_is_mended(tmp_path: Path) -> None:
    async with house(tmp_path, ticket={"queue": "Sails"}) as one:
        calls = ids("queue", CALLS)
        reports = await one.calls(calls, over_s=2.0)
        await one.settled()
        assert one.tickets() == []
        assert {entry.reason for entry in await one.entries(State.PARKED)} == {
            "TicketCreate.InvalidParameter: TicketCreate: Ticket->QueueID or Ticket->Queue parameter is invalid!"
            " (queue 'Sails')"
        }
        await one.restart(ticket={"queue": "Raw"})
        await one.retry_parked()
        await one.settled()
        tally = count("OTRS unknown queue, then mended", calls, reports, one.tickets())
    assert_let_go(reports)
    assert_told(reports, "parked", "queued")
    assert (tally.tickets, tally.lost, tally.doubled) == (CALLS, 0, 0)


@pytest.mark.parametrize("known_before", [True, pytest.param(False, marks=slow)])
async def test_without_the_call_field_a_search_that_finds_everything_misleads_nobody(
    tmp_path: Path, known_before: bool
) -> None:
    async with house(tmp_path, sandbox={"dynamic_fields": ()}) as one:
        calls = ids(f"field {known_before}", CALLS + 12)
        reports = await one.calls(calls[:12]) if known_before else []
        await one.settled()
        one.gate.always(one.gate.done_but(closed), CREATE)
        reports += await one.calls(calls[len(reports) :])
        await one.well_again()
        tally = count("OTRS has no such field" + known_before * ", as we know", calls, reports, one.tickets())
    assert_let_go(reports)
    assert_told(reports, "queued", "created")
    assert (tally.tickets, tally.lost, tally.doubled) == (len(calls), 0, 0)


async def test_whatever_is_lost_of_an_answer_each_of_500_calls_has_one_ticket(tmp_path: Path) -> None:
    """Every call's ticket is made and its answer lost, each at another byte; a third of the searches fail as well."""
    async with house(tmp_path) as one:
        calls = ids("lost", 500)
        struck: set[str] = set()
        searches = numbers()

        def strikes(request: Request) -> Act | None:
            if request.operation in FIND:
                return closed if next(searches) % 3 == 0 else None
            call = call_id(request)
            if not call or call in struck:
                return None
            struck.add(call)
            return one.gate.cut(len(struck) / (len(calls) + 1), reset if len(struck) % 2 else closed)

        one.gate.strikes = strikes
        reports = await one.calls(calls, over_s=2.0)
        await one.settled()
        tally = count("OTRS loses each answer, byte by byte", calls, reports, one.tickets())
        assert struck == set(calls)
    assert_let_go(reports)
    assert_told(reports, "queued", "created")
    assert (tally.tickets, tally.lost, tally.doubled) == (500, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "login_s", "made_after_s", "doubled"),
    [
        ("makes tickets within two timeouts", 0.0, AFTER_90_S, 0),
        ("makes tickets within two timeouts, slow login", 0.8 * TIMEOUT_S, AFTER_90_S, 0),
        ("makes tickets after that (see README)", 0.0, 3.6 * TIMEOUT_S, CALLS),
    ],
    ids=["in time", "in time after a slow login", "too late"],
)
async def test_a_request_may_end_in_otrs_long_after_we_gave_it_up(
    tmp_path: Path, fault: str, login_s: float, made_after_s: float, doubled: int
) -> None:
    """Each first request is at work for so long, and searches are answered at once all the while.

    Until twice the timeout has passed since it left, it is searched for and not repeated. OTRS has no
    means to tell whether it is still at work after that: so that no call is lost, it is repeated then.
    """
    async with house(tmp_path, otrs={"connections": CALLS}) as one:
        calls = ids(fault, CALLS)
        struck: set[str] = set()

        def strikes(request: Request) -> Act | None:
            call = call_id(request)
            if request.operation == "SessionCreate":
                return one.gate.late(login_s)
            if not call or call in struck:
                return None
            struck.add(call)
            return one.gate.late(made_after_s)

        one.gate.strikes = strikes
        reports = await one.calls(calls)
        await one.settled()
        tally = count(f"OTRS {fault}", calls, reports, one.tickets())
    assert_let_go(reports)
    assert_told(reports, "queued", "created")
    assert (tally.lost, tally.doubled) == (0, doubled)
