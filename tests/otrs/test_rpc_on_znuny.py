"""Rpc on the lab's Znuny 6.5, whose rpc.pl does all but articles."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agi_server.call import Created, NotFound, Refused, Trouble
from agi_server.helpdesk import OpenTickets, Ticket
from agi_server.otrs.rpc import Rpc
from agi_server.otrs.rpc_desk import SHUT_OUT
from agi_server.otrs.rpc_messages import NoMethod
from tests.lab import facts, znuny
from tests.lab.lab import require
from tests.otrs.desk import ticket

pytestmark = pytest.mark.lab


@pytest.fixture
async def rpc() -> AsyncIterator[Rpc]:
    require()
    async with Rpc(facts.RPC_URL, facts.RPC_USER, facts.RPC_PASSWORD, timeout=60.0) as rpc:
        yield rpc


@pytest.fixture
async def wanted(rpc: Rpc) -> Ticket:
    number = await rpc.reserve()
    assert isinstance(number, str)
    call_id = f"{uuid.uuid4().int % 10**10:010}.{uuid.uuid4().int % 1000}"
    title = "Звонок \N{TELEPHONE RECEIVER} <b> & co"
    return replace(ticket(title=title, customer_id="", owner=facts.AGENT), number=number, call_id=call_id)


async def test_who_is_let_in(rpc: Rpc) -> None:
    assert await rpc.sign_in() is None
    assert await rpc.makes_articles() is False
    async with Rpc(facts.RPC_URL, facts.RPC_USER, "wrong", timeout=60.0) as stranger:
        assert await stranger.sign_in() == Trouble(SHUT_OUT)
    async with Rpc(f"{facts.RPC_URL}.not", facts.RPC_USER, "wrong", timeout=60.0) as nowhere:
        trouble = await nowhere.sign_in()
    assert trouble is not None
    assert trouble.reason.startswith("OTRS answered 404, not SOAP: ")


async def test_a_ticket_once_and_no_article(rpc: Rpc, wanted: Ticket) -> None:
    wanted = replace(wanted, state="pending reminder", pending_time=timedelta(hours=2))
    for _ in range(2):
        outcome = await rpc.open(wanted)
        assert isinstance(outcome, NoMethod)
    made = OpenTickets(("pending reminder",), timedelta(hours=1), ticket_numbers=(wanted.number,))
    found = await rpc.find_open(made)
    assert isinstance(found, Created)
    assert (found.ticket_number, found.owner) == (wanted.number, facts.AGENT)
    stored = znuny.ticket(int(found.ticket_id))
    assert stored is not None
    assert stored["title"] == f"Звонок \ufffd <b> & co [{wanted.call_id}]"
    assert (stored["customer_user_id"], stored["customer_id"]) == ("ivanov", "ROMASHKA")
    assert (stored["lock"], stored["queue"], stored["articles"]) == ("lock", facts.QUEUE, [])
    assert znuny.count_tickets(f"tn = '{wanted.number}'") == 1
    assert await rpc.find_open(replace(made, queue="Raw")) == NotFound()
    assert await rpc.find_open(replace(made, states=("pending reminder", "no state"))) == NotFound()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"queue": "Sails"}, "queue"),
        ({"queue": 999}, "queue"),
        ({"state": "brand new"}, "state"),
        ({"priority": "high"}, "priority"),
        ({"type": "Riddle"}, "type"),
        ({"customer_user": "nobody"}, "customer_user"),
        ({"owner": "nobody"}, "owner"),
        ({"responsible": 999}, "responsible"),
    ],
)
async def test_what_it_does_not_know(rpc: Rpc, wanted: Ticket, changes: dict[str, Any], field: str) -> None:
    outcome = await rpc.open(replace(wanted, **changes))
    assert isinstance(outcome, Refused)
    assert outcome.about == field
    assert await rpc.find(wanted.call_id, datetime.now(UTC), wanted.number) == NotFound()
