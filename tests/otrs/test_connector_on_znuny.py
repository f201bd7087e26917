"""connector on the lab's real Znuny: what is opened, found, refused and rehearsed is so in its database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from agi_server.call import Created, NotFound, Refused, Trouble
from agi_server.helpdesk import Article, OpenTickets, Update
from agi_server.otrs import soap
from agi_server.otrs.connector import Connector
from agi_server.otrs.elements import at_fault, passed_rehearsal, rehearsal
from agi_server.otrs.exchange import Answer, Exchange
from tests.contract.behind import BehindZnuny
from tests.lab import facts, mariadb
from tests.lab.lab import require
from tests.otrs.desk import ticket

pytestmark = pytest.mark.lab


@pytest.fixture(name="call_id")
def new_call_id() -> str:
    return f"{uuid4().hex}.42"


@asynccontextmanager
async def real(password: str = facts.AGENT_PASSWORD, **options: Any) -> AsyncIterator[Connector]:
    require()
    async with Connector(facts.WEB_SERVICE_URL, facts.AGENT, password, **options) as connector:
        yield connector


def in_database(statement: str) -> list[dict[str, Any]]:
    return list(mariadb.sql(statement, database=facts.DATABASE))


def sessions() -> set[str]:
    rows = in_database(f"SELECT session_id FROM sessions WHERE data_key = 'UserLogin' AND data_value = '{facts.AGENT}'")
    return {row["session_id"] for row in rows}


def articles_of(ticket_id: str) -> list[dict[str, Any]]:
    return in_database(
        "SELECT c.name AS channel, s.name AS sender, a.is_visible_for_customer AS visible, m.a_subject, m.a_body"
        " FROM article a JOIN article_data_mime m ON m.article_id = a.id"
        " JOIN communication_channel c ON c.id = a.communication_channel_id"
        f" JOIN article_sender_type s ON s.id = a.article_sender_type_id WHERE a.ticket_id = {ticket_id}"
    )


@pytest.mark.parametrize("call_field", [facts.CALL_FIELD, ""])
async def test_ticket_is_opened_and_found(call_id: str, call_field: str) -> None:
    began = datetime.now(UTC)
    asked = ticket(call_id=call_id, title="Звонок <&>\n" + "x" * 300, article={"body": "a\r\nb \x07\ud800 ]]>&amp;"})
    async with real(call_field=call_field) as connector:
        assert await connector.find(call_id, began) == NotFound()
        opened = await connector.open(asked)
        assert isinstance(opened, Created)
        assert await connector.find(call_id, began) == opened
        assert await connector.find(call_id[:-1], began) == NotFound()
    (row,) = in_database(f"SELECT tn, title, customer_id, customer_user_id FROM ticket WHERE id = {opened.ticket_id}")
    assert row["tn"] == opened.ticket_number
    assert row["customer_user_id"] == "ivanov"
    assert row["customer_id"] == "ROMASHKA"
    assert row["title"].startswith("Звонок <&> xxx")
    assert row["title"].endswith("x…" if call_field else f"x… [{call_id}]")
    assert len(row["title"]) == 255
    (article,) = articles_of(opened.ticket_id)
    assert article == {
        "channel": "Phone", "sender": "customer", "visible": "0",
        "a_subject": "Звонок", "a_body": "a\nb \ufffd\ufffd ]]>&amp;",
    }  # fmt: skip


async def test_oldest_of_two_is_found(call_id: str) -> None:
    async with real() as connector:
        first, _ = await connector.open(ticket(call_id=call_id)), await connector.open(ticket(call_id=call_id))
        assert await connector.find(call_id, datetime.now(UTC)) == first


async def test_wrong_password(call_id: str) -> None:
    async with real("wrong") as connector:
        refused = Refused("SessionCreate.AuthFail", "SessionCreate: Authorization failing!")
        assert await connector.sign_in() == refused
        assert await connector.open(ticket(call_id=call_id)) == Trouble(f"OTRS does not let us in: {refused.words}")


async def test_session_that_znuny_has_forgotten(call_id: str, caplog: pytest.LogCaptureFixture) -> None:
    async with real() as connector:
        before = sessions()
        assert await connector.sign_in() is None
        for session in sessions() - before:
            in_database(f"DELETE FROM sessions WHERE session_id = '{session}'")
        with caplog.at_level(logging.DEBUG, "agi_server.otrs"):
            assert isinstance(await connector.open(ticket(call_id=call_id)), Created)
    steps = [record.getMessage().split(" after ")[0] for record in caplog.records if record.name == "agi_server.otrs"]
    assert len(steps) == 3
    assert steps[0].startswith("TicketCreate: Refused(code='TicketCreate.AuthFail'")
    assert steps[1:] == ["SessionCreate: answered", "TicketCreate: answered"]


async def test_call_field(call_id: str) -> None:
    async with real() as connector:
        assert await connector.call_field_exists() is True
    async with real(call_field="NoSuchField") as connector:
        assert await connector.call_field_exists() is False
        assert await connector.find(call_id, datetime.now(UTC)) == NotFound()
        made = await connector.open(ticket(call_id=call_id))
        assert isinstance(made, Created)
        assert await connector.find(call_id, datetime.now(UTC)) == made
    async with real() as connector:
        assert await connector.find(call_id, datetime.now(UTC)) == made


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"dynamic_fields": {facts.CALL_FIELD: "1"}}, None),
        ({"title": " "}, "title"),
        ({"customer_user": "nobody-at-all"}, "customer_user"),
        ({"queue": "No such queue"}, "queue"),
        ({"queue": facts.CLOSED_QUEUE}, "queue"),
        ({"lock": "half"}, "lock"),
        ({"type": "No such type"}, "type"),
        ({"service": "No such service"}, "service"),
        ({"sla": "No such SLA"}, "sla"),
        ({"state": "no such state"}, "state"),
        ({"priority": "9 now"}, "priority"),
        ({"owner": "nobody-at-all"}, "owner"),
        ({"responsible": "nobody-at-all"}, "responsible"),
        ({"article": {"subject": ""}}, "subject"),
        ({"article": {"body": ""}}, "body"),
        ({"article": {"auto_response": "no such type"}}, "auto_response"),
        ({"article": {"sender_type": "nobody"}}, "sender_type"),
        ({"article": {"history_type": "NoSuchType"}}, "history_type"),
        ({"dynamic_fields": {"NoSuchField": "1"}}, "dynamic_fields"),
    ],
)
async def test_rehearsal_makes_no_ticket(call_id: str, changes: dict[str, Any], expected: str | None) -> None:
    for call_field in (facts.CALL_FIELD, ""):
        async with real(call_field=call_field) as connector:
            asked = ticket(call_id=call_id, **{"title": f"Rehearsal {call_id}", **changes})
            objection = await connector.rehearse(asked)
            if expected == "title" and not call_field:
                assert objection is None  # the call's id stands in the title then
            else:
                assert (at_fault(objection) if isinstance(objection, Refused) else objection) == expected
    assert in_database(f"SELECT id FROM ticket WHERE title LIKE '%{call_id}%'") == []
    assert in_database(f"SELECT id FROM dynamic_field_value WHERE value_text = '{call_id}'") == []


@pytest.mark.parametrize("dropped", ["Attachment", "DynamicField"])
async def test_either_mistake_of_a_rehearsal_is_enough(call_id: str, dropped: str) -> None:
    require()
    login = {"UserLogin": facts.AGENT, "Password": facts.AGENT_PASSWORD}
    rehearsed = rehearsal(ticket(call_id=call_id), "")
    del rehearsed[dropped]
    async with Exchange(facts.WEB_SERVICE_URL, connections=1, max_answer=soap.MAX_ANSWER) as exchange:
        request = soap.build("TicketCreate", {**login, **rehearsed})
        answer = await exchange.post(request, {}, asyncio.get_running_loop().time() + 60)
    assert isinstance(answer, Answer)
    refused = soap.read("TicketCreate", answer.status, answer.body)
    assert isinstance(refused, Refused)
    assert passed_rehearsal(refused)
    assert ("Attachment" in refused.words) is (dropped == "DynamicField")


async def test_customer_gets_no_mail_unless_asked_for() -> None:
    """And never one for an article that is added: that is our agent's, and his name is no address."""
    require()
    queue = "(SELECT id FROM queue WHERE name = 'Misc')"
    forget = f"DELETE FROM queue_auto_response WHERE queue_id = {queue}"
    in_database(forget)
    in_database("DELETE FROM ticket_loop_protection")  # 40 mails a day go to one address, then none
    # The types 1 and 3 of auto responses are `auto reply` and `auto follow up`.
    in_database(
        "INSERT INTO queue_auto_response (queue_id, auto_response_id, create_time, create_by, change_time, change_by)"
        f" SELECT {queue}, MIN(id), NOW(), 1, NOW(), 1 FROM auto_response WHERE type_id IN (1, 3) GROUP BY type_id"
    )
    mails = {}
    try:
        async with real() as connector:
            for kinds in (("auto reply", "auto follow up"), ("", "")):
                opened = await connector.open(
                    ticket(call_id=uuid4().hex, queue="Misc", article={"auto_response": kinds[0]})
                )
                assert isinstance(opened, Created)
                again = Update(opened.ticket_id, ("1.1",), Article("Again", "b", auto_response=kinds[1]))
                assert await connector.update(again) == opened
                rows = in_database(
                    "SELECT t.name FROM ticket_history h JOIN ticket_history_type t ON t.id = h.history_type_id"
                    f" WHERE h.ticket_id = {opened.ticket_id} AND t.name LIKE 'SendAuto%' ORDER BY h.id"
                )
                mails[kinds[0]] = [row["name"] for row in rows]
    finally:
        in_database(forget)
    assert mails == {"auto reply": ["SendAutoReply"], "": []}


@pytest.mark.parametrize("call_field", [facts.CALL_FIELD, ""])
async def test_call_is_added_to_the_ticket_that_is_open(call_id: str, call_field: str) -> None:
    stranger = f"{call_id}@phone.example.org"
    wanted = OpenTickets(states=("new", "open"), within=timedelta(minutes=30), customer_user=stranger)
    mine = {"customer_user": stranger, "customer_id": ""}
    async with real(call_field=call_field) as connector:
        assert await connector.find_open(wanted) == NotFound()
        earlier = await connector.open(ticket(call_id=f"{call_id[:16]}-1700000000.1", **mine))
        opened = await connector.open(ticket(call_id=f"{call_id[:16]}-1700000000.2", queue="Raw", **mine))
        assert isinstance(earlier, Created)
        assert isinstance(opened, Created)
        BehindZnuny().let_pass(earlier.ticket_id, 10)
        BehindZnuny().let_pass(opened.ticket_id, 5)
        for found in (
            wanted,
            replace(wanted, customer_user=stranger.upper()),
            replace(wanted, queue="Raw"),
            replace(wanted, customer_user="", ticket_numbers=("1", earlier.ticket_number, opened.ticket_number)),
        ):
            assert await connector.find_open(found) == opened
        assert await connector.find_open(replace(wanted, queue="HelpDesk")) == earlier
        assert await connector.find_open(replace(wanted, queue="HelpDesk", within=timedelta(minutes=9))) == NotFound()
        assert await connector.find_open(replace(wanted, states=("open",))) == NotFound()
        assert await connector.find_open(replace(wanted, queue="Misc")) == NotFound()

        update = Update(earlier.ticket_id, ("1.1", call_id), Article("Снова <&>\n" + "x" * 4000, "a ]]>&amp;"))
        assert await connector.find_update(earlier.ticket_id, call_id) == NotFound()
        assert await connector.update(update) == earlier
        assert await connector.find_update(earlier.ticket_id, call_id) == earlier
        assert await connector.find_update(earlier.ticket_id, "1.1") == earlier
        assert await connector.find_update(earlier.ticket_id, call_id[:-1]) == NotFound()
        assert await connector.find_update(opened.ticket_id, call_id) == NotFound()
        assert await connector.find_open(wanted) == earlier
    _, article = articles_of(earlier.ticket_id)
    assert article["a_subject"].startswith("Снова <&> xxx")
    assert article["a_subject"].endswith(f"x… [1.1] [{call_id}]")
    assert len(article["a_subject"]) == 3800
    assert {**article, "a_subject": ""} == {
        "channel": "Phone", "sender": "customer", "visible": "0", "a_subject": "", "a_body": "a ]]>&amp;",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({"owner": facts.ADMIN}, facts.ADMIN),
        ({"state": "closed successful"}, None),
        ({"state": "merged"}, None),
        ({"state": "removed"}, None),
    ],
)
async def test_ticket_is_open_or_not_and_has_an_owner(call_id: str, changes: dict[str, str], owner: str | None) -> None:
    """And whatever its state, an article can be added, as happens when it is closed while we look at it."""
    stranger = f"{call_id}@phone.example.org"
    states = ("new", "open", "closed successful", "merged", "removed")
    async with real() as connector:
        opened = await connector.open(ticket(call_id=call_id, customer_user=stranger, customer_id="", **changes))
        assert isinstance(opened, Created)
        found = await connector.find_open(OpenTickets(states, timedelta(minutes=5), stranger))
        assert (found.owner if isinstance(found, Created) else None) == owner
        assert await connector.update(Update(opened.ticket_id, ("1.1",), Article("a", "b"))) == opened
        assert await connector.find_update(opened.ticket_id, "1.1") == opened


@pytest.mark.parametrize("login", ["a+b", "!a", "a||b", '"a" b', "a(b", "a\\b", "a*", "Иван Петров"])
async def test_login_that_could_be_an_expression(call_id: str, login: str) -> None:
    whole = login + call_id
    async with real() as connector:
        opened = [await connector.open(ticket(call_id=f"{call_id}{number}")) for number in range(2)]
        assert isinstance(opened[0], Created)
        BehindZnuny().give(opened[0].ticket_id, whole)
        wanted = OpenTickets(("new",), timedelta(minutes=5), whole)
        assert await connector.find_open(wanted) == opened[0]
        assert await connector.find_open(replace(wanted, customer_user=whole[:-1])) == NotFound()


async def test_update_of_what_cannot_be_updated(call_id: str) -> None:
    article = Article("a", "b")
    async with real() as connector:
        assert await connector.takes_updates() is None
        opened = await connector.open(ticket(call_id=call_id, owner=facts.ADMIN))
        assert isinstance(opened, Created)
        BehindZnuny().hide(opened.ticket_id)
        for ticket_id in (opened.ticket_id, "999999999"):
            refused = await connector.update(Update(ticket_id, (call_id,), article))
            assert refused == Refused(
                "TicketUpdate.AccessDenied", "TicketUpdate: User does not have access to the ticket!"
            )
            assert isinstance(refused, Refused)
            assert refused.about == "ticket_id"
            found = await connector.find_update(ticket_id, call_id)
            assert isinstance(found, Refused)
            assert found.about == "ticket_id"


async def test_long_articles_do_not_hide_the_one_that_is_looked_for() -> None:
    long = Article("long", "Ж" * 200_000)
    async with real() as connector:
        opened = await connector.open(ticket(call_id=uuid4().hex))
        assert isinstance(opened, Created)
        for call_id, article in (("2.1", long), ("2.2", long), ("2.3", long), ("1.1", Article("a", "b"))):
            assert await connector.update(Update(opened.ticket_id, (call_id,), article)) == opened
        assert await connector.find_update(opened.ticket_id, "1.1") == opened
        assert await connector.find_update(opened.ticket_id, "1.2") == NotFound()
