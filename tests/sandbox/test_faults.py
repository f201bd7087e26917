"""Faults to order: what strikes, what was done all the same, and who is struck."""

from __future__ import annotations

import asyncio

import pytest

from agi_server.sandbox import Sandbox, faults
from agi_server.sandbox.faults import Fault
from tests.contract.requests import call_field, created, creation
from tests.contract.wire import Server


@pytest.mark.parametrize(
    ("fault", "begins", "tickets"),
    [
        (faults.CLOSED, b"", 0),
        (faults.LOST, b"", 1),
        (faults.HTML, b"<!DOCTYPE HTML", 0),
        (faults.ERROR, b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain", 0),
        (faults.REFUSED_TICKET, b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain", 0),
        (faults.FAULT_AFTER, b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain", 1),
        (Fault(before=0.001, after=0.001), b"HTTP/1.1 200 OK", 1),
    ],
)
async def test_a_fault_strikes_once(sandbox: Sandbox, otrs: Server, fault: Fault, begins: bytes, tickets: int) -> None:
    sandbox.faults.add(fault)

    answer = await otrs.call("TicketCreate", creation(DynamicField=call_field("1.1")))

    assert answer.raw[: len(begins) or None] == begins
    assert len(sandbox.tickets_of("1.1")) == tickets
    await created(otrs)
    assert sandbox.received("TicketCreate") == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.REFUSED_TICKET, "Ticket could not be created, please contact the system administrator"),
        (faults.FAULT_AFTER, "Article could not be created, please contact the system administrator"),
    ],
)
async def test_a_soap_fault_is_otrs_s_own(sandbox: Sandbox, otrs: Server, fault: Fault, words: str) -> None:
    sandbox.faults.add(fault)

    answer = await otrs.call("TicketCreate", creation())

    assert answer.text("faultstring") == words
    assert f"Content-Length: {len(answer.body.encode())}" in answer.head


async def test_a_fault_waits_for_its_operation_and_its_turn(sandbox: Sandbox, otrs: Server) -> None:
    sandbox.faults.add(faults.CLOSED, "TicketSearch")
    sandbox.faults.add(faults.LOST, "TicketCreate")
    sandbox.faults.add(faults.HTML)

    assert (await otrs.call("TicketCreate", creation())).raw == b""
    assert (await otrs.call("TicketCreate", creation())).raw.startswith(b"<!DOCTYPE")
    assert (await otrs.call("TicketSearch", {})).raw == b""
    assert len(sandbox.tickets) == 1


async def test_a_lasting_fault_strikes_until_it_is_taken_away(sandbox: Sandbox, otrs: Server) -> None:
    sandbox.faults.always = faults.CLOSED
    sandbox.faults.add(faults.HTML)

    assert (await otrs.call("TicketSearch", {})).raw.startswith(b"<!DOCTYPE")
    assert (await otrs.call("TicketSearch", {})).raw == b""
    assert (await otrs.call("TicketSearch", {})).raw == b""
    sandbox.faults.always = None
    assert (await otrs.call("TicketSearch", {})).error == ("", "")


async def test_otrs_works_on_when_the_client_has_gone(sandbox: Sandbox, otrs: Server) -> None:
    locked = asyncio.Event()
    sandbox.faults.add(Fault(before=locked))
    client = asyncio.create_task(otrs.call("TicketCreate", creation()))
    await sandbox.arrival("TicketCreate")
    assert sandbox.tickets == []

    client.cancel()
    with pytest.raises(asyncio.CancelledError):
        await client
    locked.set()

    await sandbox.made(1)
    assert sandbox.tickets[0].customer_user == "ivanov"


async def test_a_request_held_for_ever_does_not_hold_the_stand_in(sandbox: Sandbox, otrs: Server) -> None:
    sandbox.faults.add(Fault(after=asyncio.Event()))
    client = asyncio.create_task(otrs.call("TicketCreate", creation()))
    await sandbox.arrival("TicketCreate")

    await sandbox.__aexit__(None, None, None)

    assert (await client).raw == b""


async def test_waiting_for_a_request_that_never_comes_ends(sandbox: Sandbox) -> None:
    with pytest.raises(TimeoutError):
        await sandbox.arrival("TicketCreate", within=0.01)
    with pytest.raises(TimeoutError):
        await sandbox.made(within=0.01)
