"""TicketSearch's criteria by names and IDs, texts of articles, times, and orders."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.contract.requests import created, found
from tests.contract.wire import Server


class Three:
    """Three tickets of one customer, who has no others."""

    def __init__(self, otrs: Server) -> None:
        self.otrs = otrs
        self.stranger = f"{uuid.uuid4().hex}@phone.example.org"
        self.names: dict[str, str] = {}

    async def add(self, name: str, ticket: dict[str, Any], **more: Any) -> None:
        self.names[await created(self.otrs, ticket={"CustomerUser": self.stranger, **ticket}, **more)] = name

    async def found(self, **criteria: Any) -> str:
        ids = await found(self.otrs, CustomerUserLogin=self.stranger, **criteria)
        return "".join(self.names[one] for one in ids)


@pytest.fixture
async def three(otrs: Server) -> Three:
    tickets = Three(otrs)
    await tickets.add(
        "a",
        {"Title": "alpha one", "Priority": "5 very high", "Queue": "Raw"},
        article={"Subject": "subject one", "Body": "a needle in hay", "From": "n@b.example"},
    )
    await tickets.add(
        "b",
        {
            "Title": "beta two",
            "State": "open",
            "Lock": "lock",
            "Owner": "root@localhost",
            "Service": "Telephony",
            "SLA": "Within the hour",
        },
    )
    await tickets.add(
        "c", {"Title": "gamma", "CustomerID": "ZZZ", "State": "pending reminder", "PendingTime": {"Diff": "60"}}
    )
    return tickets


SEARCHES: list[tuple[str, dict[str, Any]]] = [
    ("a", {"QueueIDs": "2"}),
    ("abc", {"QueueIDs": ["2", "5"]}),
    ("", {"QueueIDs": "99"}),
    ("", {"QueueIDs": "x"}),
    ("abc", {"QueueIDs": ""}),
    ("b", {"StateIDs": "4"}),
    ("bc", {"StateTypeIDs": ["2", "4"]}),
    ("c", {"StateType": "pending reminder"}),
    ("a", {"StateType": ["new", "nope"]}),
    ("a", {"Priorities": "5 very high"}),
    ("", {"Priorities": ["5 very high", "x"]}),
    ("a", {"PriorityIDs": "5"}),
    ("b", {"Locks": "lock"}),
    ("", {"Locks": "Lock"}),
    ("b", {"LockIDs": "2"}),
    ("b", {"OwnerIDs": "1"}),
    ("ac", {"OwnerIDs": "2"}),
    ("abc", {"ResponsibleIDs": "1"}),
    ("abc", {"Types": "Unclassified"}),
    ("", {"Types": "unclassified"}),
    ("", {"TypeIDs": "7"}),
    ("b", {"Services": "Telephony"}),
    ("b", {"ServiceIDs": "1"}),
    ("b", {"SLAs": "Within the hour"}),
    ("b", {"SLAIDs": "1"}),
    ("c", {"CustomerID": "zz*"}),
    ("c", {"CustomerIDRaw": "ZZZ"}),
    ("", {"CustomerIDRaw": "Z*"}),
    ("ab", {"Title": ["alpha*", "beta*"]}),
    ("", {"Title": "alpha*", "Queues": "HelpDesk"}),
    ("a", {"MIMEBase_Subject": "subject one"}),
    ("a", {"MIMEBase_Body": "needle"}),
    ("a", {"MIMEBase_Body": "*needle*"}),
    ("a", {"MIMEBase_From": "n@b.example"}),
    ("a", {"MIMEBase_To": "Raw"}),
    ("", {"MIMEBase_Body": "no such text"}),
    # OTRS 5 and before knew these.
    ("abc", {"Body": "needle", "Subject": "x", "From": "x"}),
    ("a", {"Fulltext": "alpha"}),
    ("a", {"Fulltext": "n@b.example"}),
    ("c", {"TicketPendingTimeNewerMinutes": "-50"}),
    ("", {"TicketPendingTimeOlderMinutes": "-50"}),
    ("c", {"TicketPendingTimeOlderMinutes": "-70"}),
    ("c", {"TicketPendingTimeNewerDate": "2020-01-01 00:00:00"}),
    ("", {"TicketCloseTimeNewerMinutes": "5"}),
    ("abc", {"ArticleCreateTimeNewerMinutes": "5"}),
    ("", {"ArticleCreateTimeOlderMinutes": "5"}),
]


async def test_criteria(three: Three) -> None:
    for expected, criteria in SEARCHES:
        assert "".join(sorted(await three.found(**criteria))) == expected, criteria


async def test_orders(three: Three) -> None:
    for order, expected in (("Title", "abc"), ("TicketNumber", "abc"), ("Ticket", "abc"), ("NoSuchOrder", "")):
        assert await three.found(SortBy=order, OrderBy="Up") == expected
        assert await three.found(SortBy=order, OrderBy="Down") == expected[::-1]
    assert (await three.found(SortBy="Queue", OrderBy="Up"))[-1] == "a"
    assert (await three.found(SortBy="Priority", OrderBy="Up"))[-1] == "a"
    assert (await three.found(SortBy="CustomerID", OrderBy="Down"))[0] == "c"


async def test_a_ticket_is_closed(three: Three) -> None:
    ticket_id = next(number for number, name in three.names.items() if name == "b")

    await three.otrs.call("TicketUpdate", {"TicketID": ticket_id, "Ticket": {"State": "closed successful"}})

    assert await three.found(TicketCloseTimeNewerMinutes="5") == "b"
    assert await three.found(TicketCloseTimeOlderMinutes="5") == ""
