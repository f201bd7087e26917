"""connector: calls that are added to an open ticket, on an OTRS that answers by script and on the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agi_server.call import Created, Doubt, Findings, NotFound, Outcome, Refused, Trouble
from agi_server.helpdesk import Article, OpenTickets, Update
from agi_server.otrs.connector import ARTICLE_LIMIT, OPEN_LIMIT, Connector
from agi_server.otrs.exchange import TooLong
from agi_server.sandbox import Sandbox, faults
from agi_server.sandbox.faults import Fault
from agi_server.sandbox.stock import OPERATOR
from agi_server.sandbox.tickets import Ticket
from tests.otrs.desk import GONE, NOT_HTTP, ticket
from tests.otrs.peer import Act, http, recorded, reset, silent, soap
from tests.otrs.scripted import FIELD, NO_ACCESS, NOTHING, PASSWORD, SESSION, SHUT_OUT, USER, desk, hits, operations

UPDATE = Update("7", ("1.1", "1.2"), Article("Звонок", "Звонил ещё раз"))
WANTED = OpenTickets(states=("new", "open"), within=timedelta(minutes=30), customer_user="ivanov")
UPDATED = recorded("160-TicketUpdate-article")
THE_TICKET = Created("1261", "2026112210012662")
NO_UPDATE = Refused("TicketUpdate.AccessDenied", "TicketUpdate: User does not have access to the ticket!")
SHORT_OF_ARTICLE = "<TicketID>7</TicketID><TicketNumber>20260007</TicketNumber>"
TOO_LONG = http(200, b" " * (2**20 + 1))


def seen(ticket_id: int, changed: str = "2026-11-22 12:00:00", **elements: str) -> str:
    """A call's open ticket as TicketGet of OTRS 4 shows it."""
    shown = {
        "TicketID": str(ticket_id), "TicketNumber": f"2026{ticket_id:04}", "CustomerUserID": "Ivanov",
        "Queue": "HelpDesk", "State": "new", "StateType": "new", "Owner": "petrova", "Age": "60",
        "Created": changed, "Changed": changed, f"DynamicField_{FIELD}": "1700000000.42", **elements,
    }  # fmt: skip
    return f"<Ticket>{''.join(f'<{name}>{value}</{name}>' for name, value in shown.items())}</Ticket>"


def with_articles(*subjects: str) -> Act:
    """The ticket with these articles."""
    articles = "".join(f"<Article><Subject>{subject}</Subject><Body>1.9</Body></Article>" for subject in subjects)
    return soap("TicketGet", f"<Ticket>{articles}{SHORT_OF_ARTICLE}<Owner>petrova</Owner></Ticket>")


def owner_of(findings: Findings) -> str:
    assert isinstance(findings, Created)
    return findings.owner


@pytest.mark.parametrize(
    ("act", "expected", "about"),
    [
        (UPDATED, THE_TICKET, ""),
        (recorded("163-TicketUpdate-unknown-ticket"), NO_UPDATE, "ticket_id"),
        (
            recorded("165-TicketUpdate-no-ticket-id"),
            Refused("TicketUpdate.MissingParameter", "TicketUpdate: TicketID or TicketNumber is required!"),
            "",
        ),
        (soap("TicketUpdate", SHORT_OF_ARTICLE), Trouble("OTRS answered without an article", Doubt.ENDED), ""),
        (
            soap("TicketUpdate", "<ArticleID>1</ArticleID>"),
            Trouble("OTRS answered without a ticket", Doubt.ENDED),
            "",
        ),
        (recorded("320-db-down-modperl"), Trouble(NOT_HTTP, Doubt.ENDED), ""),
        (recorded("321-db-down-cgi"), Trouble(GONE, Doubt.RUNNING), ""),
        (recorded("101-operation-unknown"), Trouble("OTRS answered 500: Got no OperationType!"), ""),
        (reset, Trouble("the connection to OTRS broke before an answer", Doubt.RUNNING), ""),
    ],
)
async def test_update(act: Act, expected: Outcome, about: str) -> None:
    async with desk({"TicketUpdate": [act]}) as (connector, peer):
        outcome = await connector.update(UPDATE)
    assert outcome == expected
    assert not isinstance(outcome, Refused) or outcome.about == about
    sent = peer.requests[-1].values
    assert sorted(sent) == ["Article", "SessionID", "TicketID"]
    assert (sent["SessionID"], sent["TicketID"]) == (SESSION, "7")
    article = sent["Article"]
    assert isinstance(article, dict)
    assert (article["Subject"], article["Body"]) == ("Звонок [1.1] [1.2]", "Звонил ещё раз")


async def test_update_in_a_session_that_has_died() -> None:
    dead = recorded("164-TicketUpdate-bad-password")
    async with desk({"TicketUpdate": [dead, UPDATED]}) as (connector, peer):
        assert await connector.update(UPDATE) == THE_TICKET
    assert operations(peer) == ["SessionCreate", "TicketUpdate"] * 2


async def test_more_calls_than_one_subject_carries() -> None:
    async with desk({}) as (connector, peer):
        refused = await connector.update(replace(UPDATE, call_ids=("x" * 150,) * 25))
    assert refused == Refused("TooManyCalls", "one article cannot carry the ids of 25 calls")
    assert operations(peer) == []


async def test_without_a_session_nothing_is_asked_for() -> None:
    async with desk({"SessionCreate": [recorded("02-SessionCreate-bad-password")]}) as (connector, peer):
        assert await connector.update(UPDATE) == SHUT_OUT
        assert await connector.find_open(WANTED) == SHUT_OUT
        assert await connector.find_update("7", "1.1") == SHUT_OUT
    assert operations(peer) == ["SessionCreate"] * 3


@pytest.mark.parametrize("operation", ["TicketUpdate", "TicketSearch", "TicketGet"])
async def test_silence_ends_in_time_and_only_writing_leaves_a_doubt(operation: str) -> None:
    acts = {"TicketSearch": [hits(7)], operation: [silent()]}
    async with desk(acts, timeout=0.3) as (connector, _):
        asked = connector.update(UPDATE) if operation == "TicketUpdate" else connector.find_open(WANTED)
        doubt = Doubt.RUNNING if operation == "TicketUpdate" else Doubt.NONE
        assert await asked == Trouble("no answer from OTRS in time", doubt)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([seen(7)], Created("7", "20260007")),
        ([seen(7, CustomerUserID="sidorov")], NotFound()),
        ([seen(7, State="closed successful", StateType="closed")], NotFound()),
        ([seen(7, Age="7200")], NotFound()),
        ([seen(7, CustomerUserID="sidorov"), seen(8)], Created("8", "20260008")),
        ([seen(7, "2026-11-22 12:00:01"), seen(8), seen(9)], Created("7", "20260007")),
        ([seen(9), seen(10)], Created("10", "20260010")),
        ([], Trouble("OTRS does not show all the tickets that it finds")),
    ],
)
async def test_find_open(shown: list[str], expected: Findings) -> None:
    found = hits(*range(max(1, len(shown))))
    async with desk({"TicketSearch": [found], "TicketGet": [soap("TicketGet", "".join(shown))]}) as (connector, peer):
        assert await connector.find_open(WANTED) == expected
    assert operations(peer) == ["SessionCreate", "TicketSearch", "TicketGet"]


@pytest.mark.parametrize(
    ("search", "get", "expected"),
    [
        (NOTHING, None, NotFound()),
        (recorded("321-db-down-cgi"), None, Trouble(GONE)),
        (hits(7), recorded("321-db-down-cgi"), Trouble(GONE)),
        (hits(7), recorded("133-TicketGet-unknown"), NO_ACCESS),
        (
            recorded("150-TicketSearch-bad-password"),
            None,
            Trouble("OTRS does not let us in: TicketSearch: Authorization failing!"),
        ),
    ],
)
async def test_find_open_where_there_is_nothing_to_look_at(search: Act, get: Act | None, expected: Findings) -> None:
    async with desk({"TicketSearch": [search], **({"TicketGet": [get]} if get else {})}) as (connector, _):
        assert await connector.find_open(WANTED) == expected


async def test_what_a_search_for_open_tickets_asks() -> None:
    acts = {"TicketSearch": [hits(*range(50, 0, -1))], "TicketGet": [soap("TicketGet", "")]}
    async with desk(acts) as (connector, peer):
        await connector.find_open(replace(WANTED, customer_user='Ivan "I" (1)', queue="HelpDesk"))
    _, search, get = peer.requests
    assert search.values == {
        "SessionID": SESSION,
        "CustomerUserLogin": '"Ivan *I* (1)"',
        "States": ["new", "open"],
        "Queues": "HelpDesk",
        "TicketChangeTimeNewerMinutes": "30",
        "SortBy": "Changed",
        "OrderBy": "Down",
        "Limit": str(OPEN_LIMIT),
    }
    assert get.values["TicketID"] == [str(number) for number in range(50, 50 - OPEN_LIMIT, -1)]
    assert get.values["DynamicFields"] == "1"


@pytest.mark.parametrize("wanted", [replace(WANTED, customer_user=""), replace(WANTED, states=())])
async def test_for_what_would_find_the_tickets_of_anybody_otrs_is_not_asked(wanted: OpenTickets) -> None:
    async with desk({}) as (connector, peer):
        assert await connector.find_open(wanted) == NotFound()
    assert operations(peer) == []


@pytest.mark.parametrize(("owner", "expected"), [("petrova", "petrova"), (USER, ""), ("", "")])
async def test_owner_of_what_is_found(owner: str, expected: str) -> None:
    shown = soap("TicketGet", seen(7, Owner=owner))
    async with desk({"TicketSearch": [hits(7)], "TicketGet": [shown]}) as (connector, _):
        assert owner_of(await connector.find_open(WANTED)) == expected


@pytest.mark.parametrize(
    ("act", "call_id", "expected"),
    [
        (with_articles("Звонок [1.1] [1.2]", "other"), "1.2", Created("7", "20260007")),
        (with_articles("other", "Звонок [1.1]"), "1.1", Created("7", "20260007")),
        (with_articles("Звонок [1.11]", "1.1"), "1.1", NotFound()),
        (with_articles("other"), "1.9", NotFound()),
        (with_articles(), "1.1", NotFound()),
        (soap("TicketGet", ""), "1.1", Trouble("OTRS answered without the ticket")),
        (recorded("131-TicketGet-articles-dynamicfields"), "1.1", NotFound()),
        (recorded("4/635-TicketGet-after-create"), "1.1", NotFound()),
        (recorded("3.1/635-TicketGet-after-create"), "1.1", NotFound()),
        (recorded("133-TicketGet-unknown"), "1.1", NO_ACCESS),
        (recorded("321-db-down-cgi"), "1.1", Trouble(GONE)),
    ],
)
async def test_find_update(act: Act, call_id: str, expected: Findings) -> None:
    async with desk({"TicketGet": [act]}) as (connector, peer):
        assert await connector.find_update("7", call_id) == expected
    assert peer.requests[-1].values == {
        "SessionID": SESSION,
        "TicketID": "7",
        "AllArticles": "1",
        "ArticleOrder": "DESC",
        "ArticleLimit": str(ARTICLE_LIMIT),
    }


async def test_of_articles_that_are_too_long_fewer_are_looked_at() -> None:
    died = recorded("135-TicketGet-bad-password")
    acts = [TOO_LONG, died, TOO_LONG, with_articles("Звонок [1.1]")]
    async with desk({"TicketGet": acts}) as (connector, peer):
        assert owner_of(await connector.find_update("7", "1.1")) == "petrova"
    limits = [request.values["ArticleLimit"] for request in peer.requests if request.operation == "TicketGet"]
    assert limits == ["50", "25", "25", "12"]


async def test_newest_article_that_is_too_long_by_itself() -> None:
    async with desk({"TicketGet": [TOO_LONG]}) as (connector, peer):
        assert await connector.find_update("7", "1.1") == TooLong("OTRS answered more than 1048576 bytes")
    limits = [request.values["ArticleLimit"] for request in peer.requests if request.operation == "TicketGet"]
    assert limits == ["50", "25", "12", "6", "3", "1"]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (recorded("165-TicketUpdate-no-ticket-id"), None),
        (recorded("101-operation-unknown"), Trouble("OTRS answered 500: Got no OperationType!")),
        (recorded("163-TicketUpdate-unknown-ticket"), NO_UPDATE),
        (UPDATED, Trouble("OTRS took an update that was wrong on purpose", Doubt.ENDED)),
    ],
)
async def test_web_service_takes_updates(act: Act, expected: Refused | Trouble | None) -> None:
    async with desk({"TicketUpdate": [act]}) as (connector, peer):
        assert await connector.takes_updates() == expected
    assert list(peer.requests[-1].values) == ["SessionID"]


class Desk:
    """The stand-in with a ticket that a call has made, and the connector to it."""

    def __init__(self, otrs: Sandbox, connector: Connector, opened: Created) -> None:
        self.otrs = otrs
        self.connector = connector
        self.update = replace(UPDATE, ticket_id=opened.ticket_id)

    @property
    def ticket(self) -> Ticket:
        return self.otrs.tickets[-1]

    @property
    def subjects(self) -> list[str]:
        return [article.subject for article in self.ticket.articles]


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Desk]:
    async with (
        Sandbox(tmp_path, password=PASSWORD) as otrs,
        Connector(otrs.url, "agi-server", PASSWORD, timeout=5) as connector,
    ):
        opened = await connector.open(ticket())
        assert isinstance(opened, Created)
        yield Desk(otrs, connector, opened)


@pytest.mark.parametrize(
    ("fault", "doubt", "made"),
    [
        (faults.CLOSED, Doubt.RUNNING, False),
        (faults.LOST, Doubt.RUNNING, True),
        (faults.HTML, Doubt.ENDED, False),
        (faults.ERROR, Doubt.ENDED, False),
        (faults.REFUSED_TICKET, Doubt.ENDED, False),
        (faults.FAULT_AFTER, Doubt.ENDED, True),
        (Fault(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<?xml"), Doubt.ENDED, True),
    ],
)
async def test_article_whose_answer_is_lost_is_found_if_it_was_made(
    real: Desk, fault: Fault, doubt: Doubt, made: bool
) -> None:
    real.otrs.faults.add(fault, "TicketUpdate")

    outcome = await real.connector.update(real.update)

    assert isinstance(outcome, Trouble)
    assert outcome.doubt is doubt
    assert real.subjects[1:] == (["Звонок [1.1] [1.2]"] if made else [])
    for call_id in ("1.1", "1.2"):
        findings = await real.connector.find_update(real.update.ticket_id, call_id)
        assert findings == (Created(real.update.ticket_id, real.ticket.number) if made else NotFound())
    assert await real.connector.find_update(real.update.ticket_id, "1.3") == NotFound()


async def test_article_is_found_behind_many_others(real: Desk) -> None:
    await real.connector.update(real.update)
    for number in range(ARTICLE_LIMIT):
        assert isinstance(await real.connector.find_update(real.update.ticket_id, "1.1"), Created)
        await real.connector.update(replace(real.update, call_ids=(f"2.{number}",)))
    assert await real.connector.find_update(real.update.ticket_id, "1.1") == NotFound()


@pytest.mark.parametrize(("before", "behind", "found"), [(6, 1, True), (0, 9, False)])
async def test_article_is_found_among_long_ones_but_not_behind_many(
    real: Desk, before: int, behind: int, found: bool
) -> None:
    long = replace(real.update, article=replace(real.update.article, body="Ж" * 120_000), call_ids=("2.1",))
    for update in (*[long] * before, real.update, *[long] * behind):
        assert isinstance(await real.connector.update(update), Created)
    findings = await real.connector.find_update(real.update.ticket_id, "1.1")
    assert isinstance(findings, Created if found else NotFound)
    assert real.otrs.received("TicketGet") == 5  # 50, 25, 12, 6, 3


async def test_ticket_stays_the_open_one_until_it_is_none(real: Desk) -> None:
    expected = Created(real.update.ticket_id, real.ticket.number)
    by_number = replace(WANTED, customer_user="", ticket_numbers=("1", real.ticket.number))
    for wanted in (WANTED, by_number, replace(WANTED, queue="HelpDesk")):
        assert await real.connector.find_open(wanted) == expected
    assert await real.connector.find_open(replace(WANTED, queue="Raw")) == NotFound()

    real.ticket.owner = OPERATOR
    assert owner_of(await real.connector.find_open(WANTED)) == OPERATOR
    real.ticket.created -= timedelta(hours=1)
    real.ticket.changed -= timedelta(hours=1)
    assert await real.connector.find_open(WANTED) == NotFound()
    await real.connector.update(real.update)
    assert await real.connector.find_open(WANTED) == expected
    real.ticket.state = "closed successful"
    assert await real.connector.find_open(replace(WANTED, states=("new", "closed successful"))) == NotFound()


async def test_whether_updates_are_taken_changes_nothing(real: Desk) -> None:
    assert await real.connector.takes_updates() is None
    assert len(real.otrs.tickets) == len(real.subjects) == 1


async def test_ticket_that_no_call_has_made_is_left_alone(real: Desk) -> None:
    del real.ticket.dynamic_fields[FIELD]
    assert await real.connector.find_open(WANTED) == NotFound()
    real.ticket.title += " [1700000000.42]"
    assert isinstance(await real.connector.find_open(WANTED), Created)


async def test_customer_whose_login_is_an_expression(real: Desk) -> None:
    await real.connector.open(ticket(call_id="1700000000.43", customer_user="sidorov"))
    first = real.otrs.tickets[0]
    for login in ("a+b", "!ivanov", "ivanov||sidorov", '"ivanov"', "*", "***", "a(b", "a\\b", "%"):
        assert await real.connector.find_open(replace(WANTED, customer_user=login)) == NotFound()
        first.customer_user = login
        assert await real.connector.find_open(replace(WANTED, customer_user=login)) == Created("2", first.number)
