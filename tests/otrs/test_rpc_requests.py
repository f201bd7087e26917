"""What rpc.pl's methods are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_server.call import Created
from agi_server.helpdesk import Article, OpenTickets
from agi_server.otrs import rpc_requests
from agi_server.otrs.rpc_messages import Parameters
from agi_server.otrs.rpc_requests import People
from tests.otrs.desk import ticket

WHOLE = People("ROMASHKA", "Иван Иванов", 7, 8)


def test_a_ticket() -> None:
    assert rpc_requests.ticket(ticket(number="2026112210000031"), People("ROMASHKA"), 3) == {
        "TN": "2026112210000031",
        "Title": "Call from +79161229624 [1700000000.42]",
        "Queue": "HelpDesk",
        "State": "new",
        "Priority": "3 normal",
        "Lock": "unlock",
        "CustomerID": "ROMASHKA",
        "CustomerUser": "ivanov",
        "OwnerID": 3,
        "UserID": 3,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"queue": 5, "state": 1, "priority": 3}, {"QueueID": 5, "StateID": 1, "PriorityID": 3}),
        ({"queue": "5"}, {"Queue": "5"}),
        ({"type": "Incident", "service": 2, "sla": "Gold"}, {"Type": "Incident", "ServiceID": 2, "SLA": "Gold"}),
        ({"owner": "ivanova"}, {"OwnerID": 7, "ResponsibleID": 8, "Lock": "lock", "UserID": 1}),
        ({"owner": "ivanova", "lock": "unlock"}, {"OwnerID": 7, "Lock": "unlock"}),
        ({"lock": 2}, {"LockID": 2}),
    ],
)
def test_what_a_ticket_has_besides(changes: dict[str, Any], expected: Parameters) -> None:
    parameters = rpc_requests.ticket(ticket(**changes), WHOLE, 1)
    assert {name: parameters.get(name) for name in expected} == expected


def test_a_title_too_long_keeps_its_mark() -> None:
    title = rpc_requests.ticket(ticket(title="Я" * 300), People(), 1)["Title"]
    assert isinstance(title, str)
    assert len(title) == 255
    assert title.endswith("… [1700000000.42]")


def test_an_article() -> None:
    wanted = Article("Звонок\nс утра", "Тело\nещё", no_agent_notify=True, force_notification_to=(4, 5))
    assert rpc_requests.article(wanted, ("1.2", "3.4"), Created("17", "2026"), 1, sender="Иван", to="Raw") == {
        "TicketID": "17",
        "ArticleType": "phone",
        "SenderType": "customer",
        "From": "Иван",
        "To": "Raw",
        "NoAgentNotify": 1,
        "ForceNotificationToUserID": (4, 5),
        "Subject": "Звонок с утра [1.2] [3.4]",
        "Body": "Тело\nещё",
        "MessageID": "<1.2+3.4@2026.agi-server>",
        "ContentType": "text/plain; charset=utf8",
        "HistoryType": "PhoneCallCustomer",
        "HistoryComment": "Phone call through Asterisk",
        "UserID": 1,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"article_type": 8, "sender_type": 1}, {"ArticleTypeID": 8, "SenderTypeID": 1}),
        ({"from_address": "a@b.ru"}, {"From": "a@b.ru"}),
        ({"auto_response": "auto reply"}, {"AutoResponseType": "auto reply"}),
        ({"history_comment": ""}, {"HistoryComment": "PhoneCallCustomer"}),
    ],
)
def test_what_an_article_has_besides(changes: dict[str, Any], expected: Parameters) -> None:
    parameters = rpc_requests.article(
        ticket(article=changes).article, ("1.2",), Created("17", "2026"), 1, sender="x", to=""
    )
    assert {name: parameters.get(name) for name in expected} == expected


@given(st.lists(st.text(max_size=12), min_size=1, max_size=3), st.lists(st.text(max_size=12), min_size=1, max_size=3))
def test_other_calls_have_another_message_id(some: list[str], others: list[str]) -> None:
    one, other = rpc_requests.message_id(some, "2026"), rpc_requests.message_id(others, "2026")
    assert (one == other) == (some == others)
    assert one != rpc_requests.message_id(some, "2027")
    assert one.isascii()
    assert one.isprintable()


def test_a_count_finds_the_mark_and_no_more() -> None:
    assert rpc_requests.article_count("2026", rpc_requests.mark_search("pbx-1 1.4*"), 3) == {
        "Result": "COUNT",
        "TicketNumber": "2026",
        "Subject": "*[pbx-1*1.4*]*",
        "UserID": 3,
    }


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (OpenTickets(("new",), HOUR), None),
        (OpenTickets(("new",), HOUR, ticket_numbers=("",)), None),
        (OpenTickets((), HOUR, customer_user="ivanov"), None),
        (OpenTickets(("new",), HOUR, customer_user='i"v'), {"CustomerUserLogin": '"i*v"', "States": ("new",)}),
        (OpenTickets(("new",), HOUR, ticket_numbers=("1", "2")), {"TicketNumber": '"1"||"2"'}),
        (OpenTickets(("new",), HOUR, "a", queue="Raw"), {"Queues": ["Raw"], "QueueIDs": None}),
        (
            OpenTickets(("new",), timedelta(seconds=61), "a", queue=5),
            {"QueueIDs": [5], "TicketChangeTimeNewerMinutes": 2},
        ),
    ],
)
def test_a_search_for_open_tickets(wanted: OpenTickets, expected: Parameters | None) -> None:
    parameters = rpc_requests.open_search(wanted, 10, 1)
    assert (parameters is None) == (expected is None)
    if parameters is not None and expected is not None:
        assert {name: parameters.get(name) for name in expected} == expected


NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pending_time", "expected"),
    [
        (None, None),
        (HOUR, NOW.timestamp() + 3600),
        (datetime(2026, 11, 22, 15, 0, tzinfo=timezone(HOUR * 3)), NOW.timestamp()),
    ],
)
def test_until_when_it_is_pending(pending_time: timedelta | datetime | None, expected: float | None) -> None:
    assert rpc_requests.pending_until(ticket(pending_time=pending_time), NOW) == expected
