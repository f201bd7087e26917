"""connector: tickets opened, found and rehearsed, on an OTRS that answers by script."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agi_server.call import Created, Doubt, Findings, HelpDesk, NotFound, Outcome, Refused, Trouble
from agi_server.otrs.connector import Connector
from agi_server.otrs.exchange import TooLong
from agi_server.otrs.finder import SEARCH_LIMIT
from agi_server.sandbox import Sandbox
from tests.otrs.desk import GONE, NOT_HTTP, TICKET
from tests.otrs.peer import Act, http, raw, recorded, reset, silent, soap
from tests.otrs.scripted import (
    CREATED,
    FIELD,
    NO_ACCESS,
    NOTHING,
    NOW,
    PASSWORD,
    SESSION,
    THE_TICKET,
    USER,
    desk,
    hits,
    operations,
    shown,
)

ALL_TICKETS = Trouble("OTRS does not search by what was asked: it finds more tickets than can be looked at")
BAD_QUEUE = Refused(
    "TicketCreate.InvalidParameter", "TicketCreate: Ticket->QueueID or Ticket->Queue parameter is invalid!"
)
NO_RIGHT = Refused("TicketCreate.AccessDenied", "TicketCreate: Can not create tickets in given Queue or QueueID!")


NOT_SEARCHED = f"OTRS has the field {FIELD}, but does not search by it: bin/otrs.Console.pl Maint::Cache::Delete"


def refusal(words: str) -> Act:
    """TicketUpdate's, as OTRS 6 words it."""
    code = "AccessDenied" if "access" in words else "InvalidParameter"
    words = words.replace(">", "&gt;")
    error = f"<ErrorCode>TicketUpdate.{code}</ErrorCode><ErrorMessage>TicketUpdate: {words}</ErrorMessage>"
    return soap("TicketUpdate", f"<Error>{error}</Error>")


def test_it_is_the_port() -> None:
    desk: HelpDesk = Connector("http://127.0.0.1:1/", USER, PASSWORD)
    assert PASSWORD not in repr(desk)


@pytest.mark.parametrize("name", ["Call Field", "a_b", "DynamicField_X-", "Поле"])
def test_call_field_that_otrs_could_not_have(name: str) -> None:
    with pytest.raises(ValueError, match="no dynamic field"):
        Connector("http://127.0.0.1:1/", USER, PASSWORD, call_field=name)


async def test_ticket_is_opened_in_a_session() -> None:
    async with desk({"TicketCreate": [CREATED]}, namespace="urn:desk") as (connector, peer):
        assert await connector.open(TICKET) == THE_TICKET
        assert await connector.open(TICKET) == THE_TICKET
    assert operations(peer) == ["SessionCreate", "TicketCreate", "TicketCreate"]
    login, create, _ = peer.requests
    assert login.values == {"UserLogin": USER, "Password": PASSWORD}
    assert b"urn:desk" in create.body
    assert b"\r\nContent-Type: text/xml; charset=utf-8\r\n" in create.head
    values = create.values
    assert values.pop("SessionID") == SESSION
    assert sorted(values) == ["Article", "DynamicField", "Ticket"]
    assert values["DynamicField"] == {"Name": FIELD, "Value": TICKET.call_id}


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (recorded("42-TicketCreate-queue-unknown"), BAD_QUEUE),
        (recorded("43-TicketCreate-queue-no-right"), NO_RIGHT),
        (recorded("101-operation-unknown"), Trouble("OTRS answered 500: Got no OperationType!", Doubt.NONE)),
        (
            recorded("302-not-found-script"),
            Trouble("OTRS answered 404, not SOAP: 404 Not Found (is otrs.url right?)", Doubt.NONE),
        ),
        (
            recorded("325-article-table-missing"),
            Trouble(
                "OTRS answered 500: Article could not be created, please contact the system administrator", Doubt.ENDED
            ),
        ),
        (recorded("320-db-down-modperl"), Trouble(NOT_HTTP, Doubt.ENDED)),
        (recorded("321-db-down-cgi"), Trouble(GONE, Doubt.RUNNING)),
        (reset, Trouble("the connection to OTRS broke before an answer", Doubt.RUNNING)),
        (http(502, b"Bad Gateway"), Trouble("OTRS answered 502, not SOAP: Bad Gateway", Doubt.RUNNING)),
        (
            http(307, b"", "Location: http://127.0.0.1:1/"),
            Trouble("OTRS answered 307, not SOAP: nothing (a redirect: is otrs.url right?)", Doubt.NONE),
        ),
        (http(200, b" " * 2**20), Trouble("OTRS answered 200, not SOAP: nothing", Doubt.ENDED)),
        (http(200, b" " * 10**7), TooLong("OTRS answered more than 1048576 bytes", Doubt.ENDED)),
        (
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 554\r\n\r\n<?xml"),
            Trouble("OTRS's answer was cut short", Doubt.ENDED),
        ),
        (
            raw(b"HTTP/1.1 200 OK\r\n\r\n<?xml version='1.0'?><a>"),
            Trouble("OTRS answered 200, not SOAP: broken XML", Doubt.ENDED),
        ),
        (
            recorded("141-TicketSearch-df-equals-none"),
            Trouble("OTRS answered 200 with TicketSearchResponse to TicketCreate", Doubt.ENDED),
        ),
    ],
)
async def test_ticket_that_is_not_opened(act: Act, expected: Outcome) -> None:
    async with desk({"TicketCreate": [act]}) as (connector, peer):
        assert await connector.open(TICKET) == expected
    assert operations(peer) == ["SessionCreate", "TicketCreate"]


async def test_otrs_that_is_silent_may_still_be_at_work() -> None:
    async with desk({"TicketCreate": [silent()]}, timeout=0.3) as (connector, _):
        started = asyncio.get_running_loop().time()
        assert await connector.open(TICKET) == Trouble("no answer from OTRS in time", Doubt.RUNNING)
        assert asyncio.get_running_loop().time() - started < 0.6


@pytest.mark.parametrize(
    ("search", "get", "expected"),
    [
        (recorded("141-TicketSearch-df-equals-none"), None, NotFound()),
        (hits(7), soap("TicketGet", shown(7, "1700000000.42")), Created("7", "20260007")),
        (hits(7), soap("TicketGet", shown(7, "1700000000.4")), NotFound()),
        (hits(7, 8), soap("TicketGet", shown(7, "") + shown(8, "")), NotFound()),
        (
            hits(11, 9),
            soap("TicketGet", shown(11, "1700000000.42") + shown(9, "1700000000.42")),
            Created("9", "20260009"),
        ),
        (hits(9, 8), soap("TicketGet", shown(9, "1700000000.42") + shown(8, "")), Created("9", "20260009")),
        (hits(*range(10)), soap("TicketGet", "".join(shown(n, "") for n in range(10))), ALL_TICKETS),
        (hits(*range(99)), soap("TicketGet", "".join(shown(n, "") for n in range(10))), ALL_TICKETS),
        (hits(7, 8), soap("TicketGet", shown(7, "")), Trouble("OTRS does not show all the tickets that it finds")),
        (hits(7), recorded("133-TicketGet-unknown"), NO_ACCESS),
        (hits(7), recorded("321-db-down-cgi"), Trouble(GONE)),
        (recorded("321-db-down-cgi"), None, Trouble(GONE)),
        (http(504, b""), None, Trouble("OTRS answered 504, not SOAP: nothing")),
    ],
)
async def test_find(search: Act, get: Act | None, expected: Findings) -> None:
    acts = {"TicketSearch": [search, NOTHING], **({"TicketGet": [get]} if get else {})}
    async with desk(acts) as (connector, peer):
        assert await connector.find(TICKET.call_id, NOW) == expected
    by_title = ["TicketSearch"] if expected == NotFound() else []
    assert operations(peer) == ["SessionCreate", "TicketSearch", *(["TicketGet"] if get else []), *by_title]


async def test_without_its_dynamic_field_the_call_is_in_the_title(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Sandbox(tmp_path, password=PASSWORD, dynamic_fields=()) as otrs,
        Connector(otrs.url, "agi-server", PASSWORD) as connector,
    ):
        first = await connector.open(TICKET)
        second = await connector.open(replace(TICKET, call_id="1700000000.43"))
        assert isinstance(first, Created)
        assert isinstance(second, Created)
        assert [ticket.title for ticket in otrs.tickets] == [
            f"{TICKET.title} [1700000000.42]",
            f"{TICKET.title} [1700000000.43]",
        ]
        assert otrs.received("TicketCreate") == 3
        since = datetime.now(UTC)
        assert await connector.find("1700000000.43", since) == second
        assert await connector.find("1700000000.4", since) == NotFound()
    async with (
        Sandbox(tmp_path, password=PASSWORD) as otrs,
        Connector(otrs.url, "agi-server", PASSWORD, call_field="") as before,
        Connector(otrs.url, "agi-server", PASSWORD) as after,
    ):
        made = await before.open(TICKET)
        assert await after.find(TICKET.call_id, datetime.now(UTC)) == made
    assert caplog.text.count("OTRS has no dynamic field AsteriskUniqueID") == 1


async def test_many_who_find_the_field_missing_at_once_all_have_their_tickets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Sandbox(tmp_path, password=PASSWORD, dynamic_fields=()) as otrs,
        Connector(otrs.url, "agi-server", PASSWORD, connections=12) as connector,
    ):
        tickets = [replace(TICKET, call_id=f"1.{number}") for number in range(30)]
        opened = await asyncio.gather(*map(connector.open, tickets))
        assert {type(outcome) for outcome in opened} == {Created}
        assert [await connector.find(ticket.call_id, datetime.now(UTC)) for ticket in tickets] == opened
    assert caplog.text.count("OTRS has no dynamic field AsteriskUniqueID") == caplog.text.count("no dynamic") == 1


async def test_opening_ends_in_time_with_all_that_it_takes() -> None:
    """The ticket is refused late, and whether the field exists is not answered: no second request leaves."""

    async def late(request: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        await recorded("80-TicketCreate-df-unknown")(request, writer)

    async with desk({"TicketCreate": [late], "TicketSearch": [silent()]}, timeout=0.6) as (connector, peer):
        began = asyncio.get_running_loop().time()
        assert await connector.open(TICKET) == Trouble("no answer from OTRS in time")
        assert asyncio.get_running_loop().time() - began < 0.85
    assert operations(peer) == ["SessionCreate", "TicketCreate", "TicketSearch"]


@pytest.mark.parametrize(
    ("answers", "findings"),
    [
        (["DynamicField->Value parameter is missing!"], Trouble(NOT_SEARCHED)),
        (["DynamicField->Name parameter is invalid!"], NotFound()),
        (["User does not have access to the ticket!", "DynamicField->Name parameter is invalid!"], NotFound()),
        (["User does not have access to the ticket!"] * 2, Trouble(NOT_SEARCHED)),
    ],
    ids=["taken", "lacking", "lacking, as the second ticket tells", "no ticket tells"],
)
async def test_field_that_is_not_shown_decides_nothing_if_otrs_takes_it(answers: list[str], findings: Findings) -> None:
    both = soap("TicketGet", shown(7, "", name="Other") + shown(8, "", name="Other"))
    refusals = [refusal(why) for why in answers]
    async with desk({"TicketSearch": [hits(7, 8)], "TicketGet": [both], "TicketUpdate": refusals}) as (connector, _):
        assert await connector.find("1.2", NOW) == findings


async def test_field_that_otrs_has_refused_is_not_asked_for_again() -> None:
    forgetful = soap("TicketGet", shown(7, "", name="Other"))
    acts = {
        "TicketCreate": [recorded("80-TicketCreate-df-unknown"), CREATED],
        "TicketSearch": [hits(7)],
        "TicketGet": [forgetful],
        "TicketUpdate": [refusal("User does not have access to the ticket!")],
    }
    async with desk(acts) as (connector, _):
        assert await connector.open(TICKET) == THE_TICKET
        assert await connector.find("1.2", NOW) == NotFound()


async def test_another_field_that_otrs_lacks_is_refused(tmp_path: Path) -> None:
    async with (
        Sandbox(tmp_path, password=PASSWORD) as otrs,
        Connector(otrs.url, "agi-server", PASSWORD) as connector,
    ):
        await connector.open(TICKET)
        refused = await connector.open(replace(TICKET, dynamic_fields={"Nothing": "x"}))
        assert isinstance(refused, Refused)
        assert len(otrs.tickets) == 1


@pytest.mark.parametrize(
    ("call_id", "call_field", "expected"),
    [
        ("1795327221.36", FIELD, Created("84", "2026112210000906")),
        ("1795327221.3", FIELD, NotFound()),
        ("1795327221.36", "", Created("84", "2026112210000906")),
        ("1795327221.3", "", NotFound()),
    ],
)
async def test_find_on_otrs_4(call_id: str, call_field: str, expected: Findings) -> None:
    acts = {
        "TicketSearch": [recorded("4/602-TicketSearch-df-both-forms")],
        "TicketGet": [recorded("4/635-TicketGet-after-create")],
    }
    async with desk(acts, call_field=call_field) as (connector, _):
        assert await connector.find(call_id, NOW) == expected


async def test_otrs_3_1_finds_all_tickets_whatever_it_is_asked() -> None:
    """But the search by title, for a desk without a call field, it understands."""
    ten = soap("TicketGet", "".join(shown(number, "") for number in range(10)))
    acts = {"TicketSearch": [recorded("3.1/603-TicketSearch-df-both-forms-none")], "TicketGet": [ten]}
    async with desk(acts) as (connector, _):
        assert await connector.find("1.2", NOW) == ALL_TICKETS
    async with desk({"TicketSearch": [recorded("3.1/633-TicketSearch-title-none")]}, call_field="") as (connector, _):
        assert await connector.find("1.2", NOW) == NotFound()


@pytest.mark.parametrize(
    ("since", "minutes"),
    [
        (NOW, "120"),
        (NOW - timedelta(seconds=1), "121"),
        (NOW - timedelta(days=3), str(3 * 1440 + 120)),
        (NOW + timedelta(hours=1), "120"),
        (NOW.astimezone(), "120"),
    ],
)
async def test_what_a_search_asks(since: datetime, minutes: str) -> None:
    async with desk({"TicketSearch": [hits(7)], "TicketGet": [soap("TicketGet", shown(7, "1.2"))]}) as (
        connector,
        peer,
    ):
        await connector.find("1.2", since)
    _, search, get = peer.requests
    assert search.values == {
        "SessionID": SESSION,
        "DynamicField": {"Name": FIELD, "Equals": "1.2"},
        f"DynamicField_{FIELD}": {"Equals": "1.2"},
        "TicketCreateTimeNewerMinutes": minutes,
        "Limit": str(SEARCH_LIMIT),
    }
    assert get.values == {"SessionID": SESSION, "TicketID": "7", "DynamicFields": "1"}


async def test_of_too_many_hits_the_first_are_looked_at() -> None:
    async with desk({"TicketSearch": [hits(*range(50, 0, -1))], "TicketGet": [soap("TicketGet", "")]}) as (
        connector,
        peer,
    ):
        await connector.find("1.2", NOW)
    assert peer.requests[-1].values["TicketID"] == [str(number) for number in range(50, 40, -1)]


@pytest.mark.parametrize(
    ("searches", "get", "expected"),
    [
        ([hits(), hits(1)], None, True),
        ([hits(), hits()], None, None),
        ([hits(1)], soap("TicketGet", shown(1, "", name="Other")), False),
        (
            [hits(1)],
            soap("TicketGet", shown(1, "")),
            Refused("SearchIgnored", f"OTRS has the field {FIELD}, but does not search by it"),
        ),
        ([hits(1)], recorded("133-TicketGet-unknown"), NO_ACCESS),
        ([recorded("320-db-down-modperl")], None, Trouble(NOT_HTTP)),
        ([hits(), recorded("321-db-down-cgi")], None, Trouble(GONE)),
    ],
)
async def test_call_field_exists(
    searches: list[Act], get: Act | None, expected: bool | Refused | Trouble | None
) -> None:
    async with desk({"TicketSearch": searches, **({"TicketGet": [get]} if get else {})}) as (connector, peer):
        assert await connector.call_field_exists() == expected
    assert all(request.values["Limit"] == "1" for request in peer.requests if request.operation == "TicketSearch")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (recorded("4/82-TicketCreate-df-empty-value"), None),
        (recorded("42-TicketCreate-queue-unknown"), BAD_QUEUE),
        (recorded("321-db-down-cgi"), Trouble(GONE, Doubt.RUNNING)),
        (CREATED, Trouble("OTRS made ticket 2026112210012662 of a request that was wrong on purpose", Doubt.ENDED)),
    ],
)
async def test_rehearse(act: Act, expected: Refused | Trouble | None) -> None:
    async with desk({"TicketCreate": [act]}) as (connector, peer):
        assert await connector.rehearse(TICKET) == expected
    assert "Attachment" in peer.requests[-1].values
