"""session: one login for all, renewed when OTRS has forgotten it; seen through the connector that asks in it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from agi_server.call import Created, Doubt, Outcome, Refused, Trouble
from agi_server.otrs.connector import Connector
from tests.otrs.desk import GONE, NOT_HTTP, TICKET
from tests.otrs.peer import Act, FakeOtrs, Peer, http, recorded, reset, silent, soap
from tests.otrs.scripted import (
    CREATED,
    DEAD_SESSION,
    NOW,
    PASSWORD,
    SESSION,
    SHUT_OUT,
    THE_TICKET,
    USER,
    desk,
    hits,
    operations,
    shown,
)


async def test_all_share_one_login() -> None:
    async with desk({"TicketCreate": [CREATED]}) as (connector, peer):
        assert await asyncio.gather(*(connector.open(TICKET) for _ in range(9))) == [THE_TICKET] * 9
    assert operations(peer).count("SessionCreate") == 1


async def test_forgotten_session_is_renewed_and_the_request_repeated_once() -> None:
    renewed = recorded("05-SessionCreate-customer")
    acts = {"SessionCreate": [recorded("01-SessionCreate-ok"), renewed], "TicketCreate": [DEAD_SESSION, CREATED]}
    async with desk(acts) as (connector, peer):
        assert await connector.open(TICKET) == THE_TICKET
        assert await connector.open(TICKET) == THE_TICKET
    assert operations(peer) == ["SessionCreate", "TicketCreate", "SessionCreate", "TicketCreate", "TicketCreate"]
    sessions = [request.values["SessionID"] for request in peer.requests if request.operation == "TicketCreate"]
    assert sessions == [SESSION, "0I1165V5vfGRXKDsBlcDgEbtzYfu70Wf", "0I1165V5vfGRXKDsBlcDgEbtzYfu70Wf"]


async def test_session_that_many_find_dead_is_renewed_once() -> None:
    acts = {
        "SessionCreate": [recorded("01-SessionCreate-ok"), recorded("05-SessionCreate-customer")],
        "TicketCreate": [DEAD_SESSION, DEAD_SESSION, DEAD_SESSION, CREATED],
    }
    async with desk(acts) as (connector, peer):
        assert await asyncio.gather(*(connector.open(TICKET) for _ in range(3))) == [THE_TICKET] * 3
    assert operations(peer).count("SessionCreate") == 2


async def test_session_that_dies_at_once_is_trouble_for_all_calls_and_not_a_refusal_of_this_one() -> None:
    async with desk({"TicketCreate": [DEAD_SESSION]}) as (connector, peer):
        assert await connector.open(TICKET) == Trouble(
            "OTRS does not let us in: TicketCreate: User could not be authenticated!"
        )
    assert operations(peer) == ["SessionCreate", "TicketCreate"] * 2


async def test_session_that_cannot_be_renewed() -> None:
    acts = {
        "SessionCreate": [recorded("01-SessionCreate-ok"), recorded("02-SessionCreate-bad-password")],
        "TicketCreate": [DEAD_SESSION],
    }
    async with desk(acts) as (connector, peer):
        assert await connector.open(TICKET) == SHUT_OUT
    assert operations(peer) == ["SessionCreate", "TicketCreate", "SessionCreate"]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (recorded("02-SessionCreate-bad-password"), SHUT_OUT),
        (
            recorded("3.1/02-SessionCreate-bad-password"),
            Trouble("OTRS does not let us in: SessionIDGet: Authorization failing!"),
        ),
        (recorded("300-webservice-unknown-modperl"), Trouble(GONE)),
        (recorded("322-db-down-session"), Trouble(NOT_HTTP)),
        (http(504, b"Gateway Timeout"), Trouble("OTRS answered 504, not SOAP: Gateway Timeout")),
        (soap("SessionCreate", ""), Trouble("OTRS answered SessionCreate without a session")),
    ],
)
async def test_without_a_session_no_ticket_is_asked_for(act: Act, expected: Outcome) -> None:
    async with desk({"SessionCreate": [act]}) as (connector, peer):
        assert await connector.open(TICKET) == expected
        assert isinstance(await connector.sign_in(), Refused if "let us in" in str(expected) else Trouble)
        assert await connector.find("1.2", NOW) == expected
    assert operations(peer) == ["SessionCreate"] * 3


async def test_leaving_without_having_come_in() -> None:
    async with Connector("http://127.0.0.1:1/", USER, PASSWORD):
        pass


async def test_signing_in() -> None:
    async with desk({}) as (connector, _):
        assert await connector.sign_in() is None


async def test_login_that_does_not_end_in_time() -> None:
    async with desk({"SessionCreate": [silent()]}, timeout=0.2) as (connector, _):
        outcome = await connector.open(TICKET)
        assert isinstance(outcome, Trouble)
        assert outcome.doubt is Doubt.NONE


async def test_one_who_gives_up_does_not_take_the_login_from_the_others() -> None:
    go_on = asyncio.Event()

    async def slow(request: Any, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await recorded("01-SessionCreate-ok")(request, writer)

    async with desk({"SessionCreate": [slow], "TicketCreate": [CREATED]}) as (connector, peer):
        impatient, patient = (asyncio.create_task(connector.open(TICKET)) for _ in range(2))
        await peer.requests_are(1)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        go_on.set()
        assert await patient == THE_TICKET
    assert operations(peer) == ["SessionCreate", "TicketCreate"]


async def test_leaving_in_the_middle_of_a_login() -> None:
    async with Peer(FakeOtrs({"SessionCreate": [silent()]})) as peer:
        async with Connector(peer.url, USER, PASSWORD) as connector:
            opening = asyncio.create_task(connector.open(TICKET))
            await peer.requests_are(1)
            opening.cancel()
            await asyncio.wait({opening})
        assert await connector.open(TICKET) == Trouble("the connection to OTRS is not open")


async def test_forgotten_session_in_the_middle_of_a_search() -> None:
    acts = {
        "TicketSearch": [recorded("150-TicketSearch-bad-password"), hits(7)],
        "TicketGet": [recorded("135-TicketGet-bad-password"), soap("TicketGet", shown(7, "1.2"))],
    }
    async with desk(acts) as (connector, _):
        assert await connector.find("1.2", NOW) == Created("7", "20260007")


async def test_log_holds_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    acts: dict[str, list[Act]] = {
        "TicketCreate": [DEAD_SESSION, CREATED],
        "TicketSearch": [hits(7)],
        "TicketGet": [reset],
    }
    with caplog.at_level(logging.DEBUG):
        async with desk(acts) as (connector, _):
            await connector.open(TICKET)
            await connector.find("1.2", NOW)
    assert "TicketGet: Trouble" in caplog.text
    assert PASSWORD not in caplog.text
    assert SESSION not in caplog.text
    assert {record.levelno for record in caplog.records if record.name == "agi_server.otrs"} == {logging.DEBUG}


async def test_how_long_each_request_took_is_kept_by_what_came_of_it() -> None:
    refused = recorded("42-TicketCreate-queue-unknown")
    acts: dict[str, list[Act]] = {"TicketCreate": [CREATED, DEAD_SESSION, refused, reset]}
    async with desk(acts) as (connector, peer):
        for _ in range(3):
            await connector.open(TICKET)
    numbers = {key: durations.within()[-1][1] for key, durations in connector.requests.items()}
    assert numbers == {
        ("SessionCreate", "answered"): 2,
        ("TicketCreate", "answered"): 1,
        ("TicketCreate", "refused"): 2,
        ("TicketCreate", "trouble"): 1,
    }
    assert sum(numbers.values()) == len(peer.requests)
    assert all(durations.total > 0 for durations in connector.requests.values())
