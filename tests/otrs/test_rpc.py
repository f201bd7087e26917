"""The port HelpDesk over rpc.pl, on the stand-in: one ticket with one article, whatever is lost or silent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agi_server.call import Created, Doubt, NotFound, Outcome, Refused, Trouble
from agi_server.helpdesk import Article, OpenTickets, Update
from agi_server.otrs.rpc import Rpc
from agi_server.otrs.rpc_desk import AWAY, SHUT_OUT
from agi_server.otrs.rpc_tickets import UNEXPLAINED
from agi_server.sandbox import rpc_wire
from agi_server.sandbox.faults import CLOSED, LOST, Fault
from agi_server.sandbox.otrs import Sandbox
from tests.otrs.desk import GONE, ticket
from tests.otrs.rpc_desk import DIED, DOWN, PASSWORD, SILENT, SILENT_AFTER, USER, desk, numbered, raw

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CALL = "1700000000.42"


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Rpc, Sandbox]]:
    async with desk(tmp_path) as pair:
        yield pair


@pytest.fixture
def rpc(both: tuple[Rpc, Sandbox]) -> Rpc:
    return both[0]


@pytest.fixture
def otrs(both: tuple[Rpc, Sandbox]) -> Sandbox:
    return both[1]


def assert_whole(otrs: Sandbox, outcome: object) -> None:
    """It is the one ticket there is, with one article about the call."""
    [ticket] = otrs.tickets
    assert outcome == Created(str(ticket.id), ticket.number)
    assert [article.subject for article in ticket.articles] == [f"Звонок [{CALL}]"]


async def test_a_ticket_and_its_article(rpc: Rpc, otrs: Sandbox) -> None:
    wanted = await numbered(rpc, article={"article_type": "webrequest"})
    outcome = await rpc.open(wanted)
    assert_whole(otrs, outcome)
    [ticket] = otrs.tickets
    assert (ticket.number, ticket.title) == (wanted.number, f"Call from +79161229624 [{CALL}]")
    assert (ticket.queue, ticket.state, ticket.priority, ticket.lock) == ("Raw", "new", "3 normal", "unlock")
    assert (ticket.customer_user, ticket.customer_id, ticket.owner) == ("ivanov", "ROMASHKA", "root@localhost")
    [article] = ticket.articles
    assert (article.channel, article.sender_type, article.sender) == ("webrequest", "customer", "Иван Иванов")
    assert (article.recipient, article.body) == ("Raw", "Звонил абонент\n  с +79161229624")
    assert (article.history_type, article.history_comment) == ("PhoneCallCustomer", "Phone call through Asterisk")


async def test_in_an_agents_name_and_with_people(tmp_path: Path) -> None:
    async with desk(tmp_path, user_id=2) as (rpc, otrs):
        assert isinstance(await rpc.open(await numbered(rpc, responsible="operator")), Created)
        assert isinstance(await rpc.open(await numbered(rpc, call_id="1.2", owner="Operator")), Created)
        assert isinstance(await rpc.open(await numbered(rpc, call_id="1.3", owner=3, responsible=2)), Created)
        assert [(one.owner, one.responsible, one.lock) for one in otrs.tickets] == [
            (USER, "operator", "unlock"),
            ("operator", "root@localhost", "lock"),
            ("operator", USER, "lock"),
        ]


@pytest.mark.parametrize(
    ("customer", "given", "expected"),
    [
        ("ivanov", "", ("ivanov", "ROMASHKA")),
        ("ivanov", "OTHER", ("ivanov", "OTHER")),
        ("unknown-caller", "", ("unknown-caller", "UNKNOWN")),
        ("+79161229624@phone.example.org", "", ("+79161229624@phone.example.org", "")),
    ],
)
async def test_the_customer_and_his_id(
    rpc: Rpc, otrs: Sandbox, customer: str, given: str, expected: tuple[str, str]
) -> None:
    assert isinstance(await rpc.open(await numbered(rpc, customer_user=customer, customer_id=given)), Created)
    [ticket] = otrs.tickets
    assert (ticket.customer_user, ticket.customer_id) == expected


async def test_silence_about_the_customers_id_is_asked_again(rpc: Rpc, otrs: Sandbox) -> None:
    otrs.faults.add(SILENT, "CustomerIDs")
    assert isinstance(await rpc.open(await numbered(rpc, customer_id="")), Created)
    assert otrs.tickets[0].customer_id == "ROMASHKA"


async def test_a_pending_time_by_otrss_own_clock(tmp_path: Path) -> None:
    async with desk(tmp_path, clock=lambda: NOW) as (rpc, otrs):
        wanted = await numbered(rpc, state="pending reminder", pending_time=timedelta(hours=2))
        assert_whole(otrs, await rpc.open(wanted))
        assert otrs.tickets[0].pending_until == NOW + timedelta(hours=2)


async def test_opened_twice_it_is_one(rpc: Rpc, otrs: Sandbox) -> None:
    wanted = await numbered(rpc)
    first, second = await rpc.open(wanted), await rpc.open(wanted)
    assert first == second
    assert_whole(otrs, second)


@pytest.mark.parametrize("method", ["TicketCreate", "ArticleCreate", "TicketPendingTimeSet"])
@pytest.mark.parametrize(
    ("fault", "doubt"),
    [(LOST, Doubt.RUNNING), (CLOSED, Doubt.RUNNING), (DIED, Doubt.ENDED)],
    ids=["answer lost", "nothing done", "died after it"],
)
async def test_what_was_begun_is_completed(rpc: Rpc, otrs: Sandbox, method: str, fault: Fault, doubt: Doubt) -> None:
    wanted = await numbered(rpc, state="pending reminder", pending_time=timedelta(hours=2))
    otrs.faults.add(fault, method)
    outcome = await rpc.open(wanted)
    assert isinstance(outcome, Trouble)
    assert (outcome.doubt, outcome.attempts) == (doubt, 0)
    there = method == "ArticleCreate" and fault is not CLOSED
    found = await rpc.find(CALL, NOW, wanted.number)
    assert isinstance(found, Created if there else NotFound)
    again = await rpc.open(wanted)
    assert_whole(otrs, again)
    assert await rpc.find(CALL, NOW, wanted.number) == again
    assert otrs.tickets[0].pending_until is not None


@pytest.mark.parametrize("method", ["TicketCreate", "ArticleCreate"])
async def test_silence_after_the_work_was_done_is_no_refusal(rpc: Rpc, otrs: Sandbox, method: str) -> None:
    """OTRS makes it, and loses its database before it knows the ID."""
    otrs.faults.add(SILENT_AFTER, method)
    assert_whole(otrs, await rpc.open(await numbered(rpc)))


async def test_silence_about_an_article_is_no_no(rpc: Rpc, otrs: Sandbox) -> None:
    """Too many connections to the database: one question in some is met with silence."""
    wanted = await numbered(rpc)
    otrs.faults.add(LOST, "ArticleCreate")
    await rpc.open(wanted)
    asked: list[Callable[[], Awaitable[object]]] = [
        partial(rpc.find, CALL, NOW, wanted.number),
        partial(rpc.open, wanted),
    ]
    for ask in asked:
        otrs.faults.add(SILENT, "ArticleGetTicketIDOfMessageID")
        assert_whole(otrs, await ask())
        for method in ("ArticleGetTicketIDOfMessageID", "TicketSearch"):
            otrs.faults.add(SILENT, method)
            otrs.faults.add(SILENT, method)
        outcome = await ask()
        assert isinstance(outcome, Trouble)
        assert outcome.attempts == UNEXPLAINED
    assert len(otrs.tickets[0].articles) == 1


async def test_a_search_that_minds_no_subject_misleads_nobody(rpc: Rpc, otrs: Sandbox) -> None:
    """As from OTRS 6 on, where every ticket would seem to have the article."""
    wanted = await numbered(rpc)
    otrs.faults.add(CLOSED, "ArticleCreate")
    await rpc.open(wanted)
    for _ in range(2):
        otrs.faults.add(Fault(works=False, answer=raw(rpc_wire.returned([1]))), "TicketSearch")
    outcome = await rpc.open(wanted)
    assert outcome == Trouble("OTRS does not search by an article's subject", Doubt.ENDED, UNEXPLAINED)
    assert_whole(otrs, await rpc.open(wanted))


HONEST = Fault()
MOST_REQUESTS = 10
"""That one `open` takes, and more."""


@pytest.mark.parametrize("place", range(MOST_REQUESTS))
@pytest.mark.parametrize(
    "fault", [CLOSED, LOST, DIED, SILENT, SILENT_AFTER], ids=["closed", "lost", "died", "silent", "silent after"]
)
@pytest.mark.parametrize("begun", ["", "TicketCreate", "ArticleCreate"])
async def test_whichever_request_fails_it_is_one_ticket_with_one_article(
    rpc: Rpc, otrs: Sandbox, begun: str, fault: Fault, place: int
) -> None:
    """On a ticket that is new, that lacks its article, or is whole."""
    wanted = await numbered(rpc, owner="operator", state="pending reminder", pending_time=timedelta(hours=2))
    if begun:
        otrs.faults.add(LOST, begun)
        assert isinstance(await rpc.open(wanted), Trouble)
    for _ in range(place):
        otrs.faults.add(HONEST)
    otrs.faults.add(fault)
    await rpc.open(wanted)
    found = await rpc.find(CALL, NOW, wanted.number)
    for _ in range(4):  # until the fault has surely struck
        outcome = await rpc.open(wanted)
    assert_whole(otrs, outcome)
    assert found == outcome or isinstance(found, NotFound | Trouble)
    assert otrs.tickets[0].pending_until is not None


async def test_a_number_for_a_ticket_is_taken_for_no_id(rpc: Rpc, otrs: Sandbox) -> None:
    otrs.faults.add(Fault(works=False, answer=raw(rpc_wire.returned(["HASH(0x1)"]))), "TicketCreate")
    assert await rpc.open(await numbered(rpc)) == Trouble("OTRS answered TicketCreate with 'HASH(0x1)'", Doubt.ENDED)
    otrs.faults.add(Fault(works=False, answer=raw(rpc_wire.returned(["root"]))), "UserLookup")
    assert await rpc.open(await numbered(rpc, owner="operator")) == Trouble("OTRS answered UserLookup with 'root'")


async def test_somebody_elses_number(rpc: Rpc, otrs: Sandbox) -> None:
    theirs = await numbered(rpc, call_id="1.1")
    await rpc.open(theirs)
    ours = replace(theirs, call_id=CALL)
    assert await rpc.find(CALL, NOW, ours.number) == NotFound()
    outcome = await rpc.open(ours)
    assert isinstance(outcome, Refused)
    assert (outcome.about, outcome.code) == ("number", "NumberTaken")
    assert len(otrs.tickets) == 1


async def test_an_agent_may_have_changed_the_title(rpc: Rpc, otrs: Sandbox) -> None:
    wanted = await numbered(rpc)
    await rpc.open(wanted)
    otrs.tickets[0].title = "Printer"
    assert_whole(otrs, await rpc.find(CALL, NOW, wanted.number))
    assert_whole(otrs, await rpc.open(wanted))


UNKNOWN: list[tuple[dict[str, Any], str]] = [
    ({"queue": "Sails"}, "queue"),
    ({"queue": 99}, "queue"),
    ({"state": "brand new"}, "state"),
    ({"state": 99}, "state"),
    ({"priority": "high"}, "priority"),
    ({"type": "Riddle"}, "type"),
    ({"owner": "nobody"}, "owner"),
    ({"owner": 99}, "owner"),
    ({"responsible": "nobody"}, "responsible"),
    ({"customer_user": "nobody"}, "customer_user"),
    ({"article": {"article_type": "letter"}}, "article_type"),
    ({"article": {"sender_type": "ghost"}}, "sender_type"),
]


@pytest.mark.parametrize(("changes", "field"), UNKNOWN)
async def test_what_otrs_does_not_know_is_told_by_its_field(
    rpc: Rpc, otrs: Sandbox, changes: dict[str, Any], field: str
) -> None:
    wanted = await numbered(rpc, **changes)
    rehearsed = await rpc.rehearse(wanted)
    assert otrs.tickets == []
    outcome = await rpc.open(wanted)
    assert isinstance(rehearsed, Refused)
    assert isinstance(outcome, Refused)
    assert (outcome, outcome.about, rehearsed.about) == (rehearsed, field, field)
    whats = {"customer_user": "customer"}
    assert outcome.words == f"OTRS has no such {whats.get(field, field.replace('_', ' '))}"


async def test_once_mended_a_ticket_without_its_article_is_completed(rpc: Rpc, otrs: Sandbox) -> None:
    wanted = await numbered(rpc, article={"article_type": "letter"})
    assert isinstance(await rpc.open(wanted), Refused)
    assert otrs.tickets[0].articles == []
    assert_whole(otrs, await rpc.open(replace(wanted, article=replace(wanted.article, article_type="phone"))))


async def test_a_ticket_that_otrs_knows_all_of(rpc: Rpc, otrs: Sandbox) -> None:
    assert await rpc.rehearse(await numbered(rpc, type="Unclassified")) is None
    assert otrs.tickets == []


async def test_an_agent_who_is_not_there_is_everybodys_trouble(tmp_path: Path) -> None:
    async with desk(tmp_path, user_id=99) as (rpc, otrs):
        expected = Trouble("OTRS has no agent with the ID 99 (otrs.user_id)")
        assert await rpc.open(await numbered(rpc)) == expected
        assert otrs.tickets == []


@pytest.mark.parametrize(("words_only", "missing"), [(False, ("1", "700000000.4")), (True, ())])
async def test_calls_that_share_an_article(tmp_path: Path, words_only: bool, missing: tuple[str, ...]) -> None:
    """Where OTRS searches an index of words there are no brackets, so a part of another call's id is found there."""
    async with desk(tmp_path, words_only=words_only) as (rpc, _):
        made = await rpc.open(await numbered(rpc))
        assert isinstance(made, Created)
        await rpc.update(Update(made.ticket_id, ("1.5", "pbx-1.7"), Article("Again", "twice")))
        for call_id in ("1.5", "pbx-1.7", CALL):
            assert await rpc.find_update(made.ticket_id, call_id) == made
        for call_id in ("1.6", *missing):
            assert await rpc.find_update(made.ticket_id, call_id) == NotFound()


async def test_two_asterisks_that_count_alike(rpc: Rpc, otrs: Sandbox) -> None:
    """Their calls have one id, but not one ticket."""
    others = await rpc.open(await numbered(rpc))
    ours = await numbered(rpc)
    otrs.faults.add(CLOSED, "ArticleCreate")
    await rpc.open(ours)
    assert await rpc.find(CALL, NOW, ours.number) == NotFound()
    assert await rpc.open(ours) != others
    assert [len(ticket.articles) for ticket in otrs.tickets] == [1, 1]


@pytest.mark.parametrize(
    ("method", "reason", "doubt"),
    [
        ("TicketCreate", "OTRS makes no ticket and does not say why", Doubt.NONE),
        ("ArticleCreate", "OTRS makes no article and does not say why", Doubt.ENDED),
        ("TicketPendingTimeSet", "OTRS does not set the pending time", Doubt.ENDED),
    ],
)
async def test_what_stays_unexplained_a_person_sees_in_the_end(
    rpc: Rpc, otrs: Sandbox, method: str, reason: str, doubt: Doubt
) -> None:
    otrs.faults.add(SILENT, method)
    wanted = await numbered(rpc, state="pending reminder", pending_time=timedelta(hours=2))
    assert await rpc.open(wanted) == Trouble(reason, doubt, UNEXPLAINED)
    assert_whole(otrs, await rpc.open(wanted))


async def each(rpc: Rpc) -> list[Outcome | NotFound | str]:
    """What every method says."""
    wanted = OpenTickets(("new",), timedelta(hours=1), customer_user="ivanov")
    return [
        await rpc.reserve(),
        await rpc.open(ticket(number="1", queue="Raw")),
        await rpc.find(CALL, NOW, "1"),
        await rpc.find_open(wanted),
        await rpc.update(Update("2", ("1.5",), Article("s", "b"))),
        await rpc.find_update("2", "1.5"),
    ]


async def test_a_wrong_password_is_told_from_a_database_that_is_away(rpc: Rpc, otrs: Sandbox) -> None:
    async with Rpc(otrs.rpc_url, USER, "wrong", timeout=10.0) as stranger:
        assert {str(outcome) for outcome in await each(stranger)} == {str(Trouble(SHUT_OUT))}
        assert await stranger.sign_in() == Trouble(SHUT_OUT)
    for method in DOWN:
        for _ in range(3 * len(DOWN)):
            otrs.faults.add(SILENT, method)
    assert {str(outcome) for outcome in await each(rpc)} == {str(Trouble(AWAY))}
    assert await rpc.sign_in() == Trouble(AWAY)
    assert otrs.tickets == []


async def test_what_cannot_be_reached(rpc: Rpc, otrs: Sandbox) -> None:
    otrs.faults.always = CLOSED
    outcomes = await each(rpc)
    assert {str(outcome) for outcome in outcomes} == {str(Trouble(GONE))}


async def test_a_silent_otrs_costs_the_timeout_and_no_more(tmp_path: Path) -> None:
    async with desk(tmp_path, timeout=0.2) as (rpc, otrs):
        never = asyncio.Event()
        otrs.faults.always = Fault(before=never)
        outcome = await asyncio.wait_for(rpc.find(CALL, NOW, "1"), 5)
        never.set()
    assert outcome == Trouble("no answer from OTRS in time")


async def test_otrs_6_makes_no_articles(tmp_path: Path) -> None:
    async with desk(tmp_path, version="6") as (rpc, _):
        assert await rpc.sign_in() is None
        assert await rpc.makes_articles() is False
        outcome = await rpc.open(await numbered(rpc))
    assert isinstance(outcome, Trouble)
    assert outcome.reason == "this OTRS has no ArticleCreate in its rpc.pl: see otrs.interface"


async def test_otrs_5_makes_them(rpc: Rpc, otrs: Sandbox) -> None:
    assert await rpc.makes_articles() is True
    assert otrs.tickets == []


async def test_a_call_begun_over_another_interface_is_a_persons(rpc: Rpc) -> None:
    refused = await rpc.find(CALL, NOW)
    assert isinstance(refused, Refused)
    assert refused.code == "OtherInterface"


async def test_an_article_about_several_calls_is_found_by_each(rpc: Rpc, otrs: Sandbox) -> None:
    opened = await rpc.open(await numbered(rpc))
    assert isinstance(opened, Created)
    update = Update(opened.ticket_id, ("1.2", "1.3"), Article("Again", "twice"))
    assert await rpc.update(update) == opened
    for call_id in update.call_ids:
        assert await rpc.find_update(opened.ticket_id, call_id) == opened
    assert await rpc.find_update(opened.ticket_id, "1.4") == NotFound()
    assert [article.subject for article in otrs.tickets[0].articles][1:] == ["Again [1.2] [1.3]"]


async def test_a_ticket_that_is_deleted_has_no_article(rpc: Rpc) -> None:
    assert await rpc.find_update("77", "1.2") == NotFound()


@pytest.mark.parametrize(("fault", "doubt"), [(LOST, Doubt.RUNNING), (DIED, Doubt.ENDED)])
async def test_the_answer_to_an_update_is_lost(rpc: Rpc, otrs: Sandbox, fault: Fault, doubt: Doubt) -> None:
    opened = await rpc.open(await numbered(rpc))
    assert isinstance(opened, Created)
    otrs.faults.add(fault, "ArticleCreate")
    outcome = await rpc.update(Update(opened.ticket_id, ("1.2",), Article("s", "b")))
    assert isinstance(outcome, Trouble)
    assert outcome.doubt is doubt
    assert await rpc.find_update(opened.ticket_id, "1.2") == opened


async def test_updates_that_otrs_can_not_make(rpc: Rpc, otrs: Sandbox) -> None:
    article = Article("s", "b")
    gone = await rpc.update(Update("99", ("1.2",), article))
    assert isinstance(gone, Refused)
    assert (gone.about, gone.words) == ("ticket_id", "OTRS has no ticket with the ID 99")
    opened = await rpc.open(await numbered(rpc))
    assert isinstance(opened, Created)
    letter = await rpc.update(Update(opened.ticket_id, ("1.2",), replace(article, article_type="letter")))
    assert isinstance(letter, Refused)
    assert letter.about == "article_type"
    many = await rpc.update(Update(opened.ticket_id, tuple("x" * 150 for _ in range(30)), article))
    assert isinstance(many, Refused)
    assert many.code == "TooManyCalls"
    assert len(otrs.tickets[0].articles) == 1


async def test_the_open_ticket_that_was_changed_last(rpc: Rpc, otrs: Sandbox) -> None:
    hour = timedelta(hours=1)
    older = await rpc.open(await numbered(rpc, call_id="1700000000.1"))
    newer = await rpc.open(await numbered(rpc, call_id="1700000000.2", owner="operator", queue="Misc"))
    await rpc.open(await numbered(rpc, call_id="1700000000.3", state="closed successful"))
    await rpc.open(await numbered(rpc, call_id="1700000000.4", customer_user="petrova"))
    assert isinstance(older, Created)
    assert isinstance(newer, Created)
    ours = OpenTickets(("new", "open"), hour, customer_user="IVANOV")
    found = await rpc.find_open(ours)
    assert found == newer
    assert isinstance(found, Created)
    assert found.owner == "operator"
    by_hand = otrs.tickets[0]
    by_hand.changed = otrs.tickets[-1].changed + timedelta(seconds=30)
    assert await rpc.find_open(ours) == older
    assert await rpc.find_open(replace(ours, queue="Misc")) == newer
    assert await rpc.find_open(replace(ours, queue=2)) == older
    assert await rpc.find_open(replace(ours, states=("new", "opened"))) == NotFound()
    assert await rpc.find_open(replace(ours, states=())) == NotFound()
    by_number = OpenTickets(("new",), hour, ticket_numbers=(older.ticket_number, "17"))
    assert await rpc.find_open(by_number) == older
    by_hand.title = "made by hand"
    assert await rpc.find_open(by_number) == NotFound()


async def test_a_ticket_that_is_found_and_not_shown(rpc: Rpc, otrs: Sandbox) -> None:
    await rpc.open(await numbered(rpc))
    otrs.faults.add(SILENT, "TicketGet")
    wanted = OpenTickets(("new",), timedelta(hours=1), customer_user="ivanov")
    assert await rpc.find_open(wanted) == Trouble("OTRS does not show all the tickets that it finds")


@pytest.mark.parametrize("number", ["", "x" * 51, "1\n2"])
async def test_a_number_that_is_none(rpc: Rpc, otrs: Sandbox, number: str) -> None:
    returned = rpc_wire.returned([number] if number else [])
    for _ in range(2):
        otrs.faults.add(Fault(works=False, answer=raw(returned)), "TicketCreateNumber")
    outcome = await rpc.reserve()
    assert isinstance(outcome, Trouble)
    assert outcome.attempts == UNEXPLAINED


async def test_the_password_is_in_no_log(rpc: Rpc, otrs: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    otrs.faults.add(DIED, "ArticleCreate")
    outcome = await rpc.open(await numbered(rpc))
    assert "ArticleCreate" in caplog.text
    assert PASSWORD not in caplog.text + str(outcome)


async def test_requests_are_counted(rpc: Rpc, otrs: Sandbox) -> None:
    await rpc.open(await numbered(rpc))
    counted = {key: took.within()[-1][1] for key, took in rpc.requests.items()}
    assert counted == {
        ("TicketCreateNumber", "answered"): 1,
        ("CustomerName", "answered"): 1,
        ("TicketCreate", "answered"): 1,
        ("ArticleCreate", "answered"): 1,
    }
