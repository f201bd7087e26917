"""Pending states and PendingTime: as a date, as a difference, and what OTRS makes of half a date."""

from __future__ import annotations

import pytest

from tests.contract.requests import ARTICLE, created, creation, shown
from tests.contract.wire import Node, Server

DATE = {"Year": "2030", "Month": "1", "Day": "2", "Hour": "3", "Minute": "4"}
UNIX = "1893553440"
PENDING = {"State": "pending reminder"}


@pytest.mark.parametrize(
    "sent",
    [
        "x",
        {"Diff": "x"},
        {"Diff": "-1"},
        {"Diff": "60", "Year": "2030"},
        {**DATE, "Month": "13"},
        {**DATE, "Month": "2", "Day": "30"},
        {**DATE, "Minute": ""},
        {"Year": "2030", "Month": "1"},
    ],
)
@pytest.mark.parametrize("state", ["pending reminder", "new"])
async def test_a_pending_time_that_is_refused(otrs: Server, sent: Node | str, state: str) -> None:
    answer = await otrs.call("TicketCreate", creation(ticket={"State": state, "PendingTime": sent}))

    assert answer.error == (
        "TicketCreate.InvalidParameter",
        "TicketCreate: Ticket->PendingTime parameter is invalid!",
    )


async def test_it_is_the_last_that_is_looked_at_in_a_ticket(otrs: Server) -> None:
    wrong = {**PENDING, "PendingTime": "x"}

    answer = await otrs.call("TicketCreate", creation(ticket={**wrong, "Responsible": "x"}))
    assert answer.error[1] == "TicketCreate: Ticket->ResponsibleID or Ticket->Responsible parameter is invalid!"

    answer = await otrs.call("TicketCreate", creation(ticket={**wrong, "Queue": "Management"}))
    assert answer.error[1] == "TicketCreate: Ticket->PendingTime parameter is invalid!"


@pytest.mark.parametrize(
    ("ticket", "until"),
    [
        ({**PENDING, "PendingTime": DATE}, UNIX),
        ({"State": "pending auto close+", "PendingTime": DATE}, UNIX),
        ({**PENDING, "PendingTime": {name: f" {value} " for name, value in DATE.items()}}, UNIX),
        ({**PENDING, "PendingTime": {**DATE, "Second": "9", "Weekday": "1"}}, UNIX),
        ({**PENDING, "PendingTime": {**DATE, "Hour": "0", "Minute": "0"}}, "1893542400"),
        ({**PENDING, "PendingTime": {**DATE, "Year": "2020"}}, "1577934240"),
        # A ticket that is pending for ever, without a word.
        (PENDING, "0"),
        ({**PENDING, "PendingTime": {"Diff": "0"}}, "0"),
        ({**PENDING, "PendingTime": {"Year": "2030", "Month": "1", "Day": "2", "Hour": "3"}}, "0"),
        ({"State": "open", "PendingTime": DATE}, "0"),
        ({"State": "closed successful", "PendingTime": {"Diff": "60"}}, "0"),
    ],
)
async def test_until_when_a_new_ticket_is_pending(otrs: Server, ticket: Node, until: str) -> None:
    answer = await shown(otrs, await created(otrs, ticket=ticket))

    assert answer.text("Ticket/RealTillTimeNotUsed") == until


async def test_a_difference_is_in_minutes_from_now(otrs: Server) -> None:
    answer = await shown(otrs, await created(otrs, ticket={**PENDING, "PendingTime": {"Diff": "60"}}))

    assert 3500 < int(answer.text("Ticket/UntilTime")) <= 3600


async def test_a_change_to_a_pending_state_needs_a_time_and_without_one_stops_half_way(otrs: Server) -> None:
    ticket_id = await created(otrs)
    changes = {**PENDING, "Title": "changed", "Queue": "Raw", "Priority": "5 very high"}

    answer = await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Ticket": changes, "Article": ARTICLE})

    words = "Can't set a ticket on a pending state without pendig time!"
    assert answer.error == ("TicketUpdate.MissingParameter", words)
    ticket = await shown(otrs, ticket_id)
    assert [ticket.text(f"Ticket/{name}") for name in ("Title", "Queue", "State", "Priority")] == [
        "changed",
        "Raw",
        "new",
        "3 normal",
    ]
    assert len(ticket.texts("ArticleID")) == 1


async def test_a_change_with_a_time_that_cannot_be_set_ends_in_a_fault(otrs: Server) -> None:
    ticket_id = await created(otrs)

    answer = await otrs.call(
        "TicketUpdate", {"TicketID": ticket_id, "Ticket": {**PENDING, "PendingTime": {"Diff": "0"}}}
    )

    assert answer.text("faultstring") == "OperationObject returned an error, cancelling Request"


async def test_a_state_that_is_not_pending_ends_the_waiting(otrs: Server) -> None:
    ticket_id = await created(otrs)

    async def until_after(**changes: object) -> str:
        assert (await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Ticket": changes})).error == ("", "")
        return (await shown(otrs, ticket_id)).text("Ticket/RealTillTimeNotUsed")

    assert await until_after(State="pending reminder", PendingTime=DATE) == UNIX
    assert await until_after(Priority="4 high") == UNIX
    assert await until_after(PendingTime={"Diff": "5"}) == UNIX
    assert await until_after(State="open") == "0"
