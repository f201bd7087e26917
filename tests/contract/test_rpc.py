"""rpc.pl of OTRS 6: the stand-in and the lab's Znuny answer alike, and their databases hold the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agi_server.otrs import rpc_messages
from agi_server.otrs.rpc_messages import Returned
from agi_server.sandbox import Sandbox
from tests.contract.rpc_shapes import Shape, post, shape, texts
from tests.lab import facts, znuny
from tests.lab.lab import require

PASSWORD = "soap-secret"


class Door(NamedTuple):
    """An rpc.pl."""

    port: int
    user: str
    password: str
    sandbox: Sandbox | None

    async def ask(self, subject: str, method: str, password: str = "", /, **parameters: Any) -> tuple[int, bytes]:
        body = rpc_messages.build(self.user, password or self.password, subject, method, parameters)
        return await asyncio.to_thread(post, self.port, body)

    async def returned(self, subject: str, method: str, **parameters: Any) -> Returned:
        return texts(*await self.ask(subject, method, **parameters))

    def stored(self, ticket_id: str) -> dict[str, object]:
        """What the ticket is, past the interface."""
        names = ("title", "queue", "state", "priority", "owner", "lock", "customer_id")
        if self.sandbox is None:
            there = znuny.ticket(int(ticket_id))
            assert there is not None
            return {name: dict(there)[name] or "" for name in names} | {"customer": there["customer_user_id"] or ""}
        ticket = next(one for one in self.sandbox.tickets if str(one.id) == ticket_id)
        return {name: getattr(ticket, name) for name in names} | {"customer": ticket.customer_user}


@pytest.fixture(params=["stand-in", pytest.param("znuny", marks=pytest.mark.lab)])
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    if request.param == "znuny":
        require()
        yield Door(facts.APACHE_PORT, facts.RPC_USER, facts.RPC_PASSWORD, None)
        return
    async with Sandbox(tmp_path, user="soapuser", password=PASSWORD, dialect="6") as sandbox:
        yield Door(sandbox.port, "soapuser", PASSWORD, sandbox)


NOWHERE = "no ticket has this number"
ASKED: list[tuple[str, str, dict[str, Any], Shape]] = [
    ("TimeObject", "SystemTime", {}, ["int"]),
    ("TimeObject", "SystemTime2TimeStamp", {"SystemTime": 1795327012}, ["string"]),
    ("TicketObject", "TicketCreateNumber", {}, ["long"]),
    ("TicketObject", "TicketIDLookup", {"TicketNumber": NOWHERE}, ["nil"]),
    ("TicketObject", "TicketIDLookup", {}, "nil"),
    ("TicketObject", "TicketNumberLookup", {"TicketID": 99999999}, ["nil"]),
    ("TicketObject", "TicketGet", {"TicketID": 99999999, "UserID": 1}, "nil"),
    ("TicketObject", "TicketSearch", {"Result": "COUNT", "UserID": 1, "TicketNumber": NOWHERE}, ["int"]),
    ("TicketObject", "TicketSearch", {"Result": "ARRAY", "UserID": 1, "TicketNumber": NOWHERE}, "nil"),
    ("TicketObject", "TicketSearch", {"Result": "ARRAY", "UserID": 1, "States": ["new", "no state"]}, "nil"),
    ("TicketObject", "TicketSearch", {"Result": "COUNT", "TicketNumber": NOWHERE}, "nil"),
    ("TicketObject", "TicketStateList", {"QueueID": 1, "UserID": 1}, ["int", "string"] * 9),
    ("TicketObject", "TicketStateList", {"QueueID": 1}, "nil"),
    ("TicketObject", "TicketPriorityList", {"QueueID": 1, "UserID": 1}, ["int", "string"] * 5),
    ("TicketObject", "TicketTypeList", {"QueueID": 1, "UserID": 1}, ["int", "string"]),
    ("TicketObject", "TicketPendingTimeSet", {"Diff": 5}, "nil"),
    ("TicketObject", "ArticleCreate", {}, "Can't locate object"),
    ("TicketObject", "ArticleGetTicketIDOfMessageID", {"MessageID": "<x>"}, "Can't locate object"),
    ("TicketObject", "ArticleTypeLookup", {"ArticleType": "phone"}, "Can't locate object"),
    ("QueueObject", "QueueLookup", {"Queue": "Raw"}, ["int"]),
    ("QueueObject", "QueueLookup", {"QueueID": 2}, ["string"]),
    ("QueueObject", "QueueLookup", {"Queue": "Sails"}, "nil"),
    ("UserObject", "UserLookup", {"UserID": 1}, ["string"]),
    ("UserObject", "UserLookup", {"UserLogin": "ROOT@localhost"}, ["int"]),
    ("UserObject", "UserLookup", {"UserID": 999}, "nil"),
    ("UserObject", "UserLookup", {"UserLogin": "nobody"}, "nil"),
    ("CustomerUserObject", "CustomerName", {"UserLogin": "IVANOV"}, ["base64Binary"]),
    ("CustomerUserObject", "CustomerName", {"UserLogin": "nobody"}, "nil"),
    ("CustomerUserObject", "CustomerIDs", {"User": "ivanov"}, ["string"]),
    ("CustomerUserObject", "CustomerIDs", {"User": "nobody"}, "nil"),
    ("CustomerUserObject", "NoSuchMethod", {}, "Can't locate object"),
    ("NoObject", "X", {}, ["string"]),
]


@pytest.mark.parametrize(("subject", "method", "parameters", "expected"), ASKED)
async def test_answers(door: Door, subject: str, method: str, parameters: dict[str, Any], expected: Shape) -> None:
    assert shape(*await door.ask(subject, method, **parameters)) == expected


async def test_a_wrong_password_is_silence(door: Door) -> None:
    assert shape(*await door.ask("TimeObject", "SystemTime", "wrong")) == "nil"


async def test_what_is_no_call(door: Door) -> None:
    assert shape(*await asyncio.to_thread(post, door.port, b"<soap:Envelope>")) == "Application failed during"
    body = rpc_messages.build("u", "p", "TimeObject", "SystemTime", {})
    assert (
        shape(*await asyncio.to_thread(post, door.port, body, '"http://other/Core#Dispatch"'))
        == "SOAPAction shall match"
    )


def wanted(**changes: Any) -> dict[str, Any]:
    """TicketCreate's parameters."""
    ticket = {"Title": "Звонок", "Queue": "Raw", "State": "new", "Priority": "3 normal", "Lock": "unlock"}
    return {**ticket, "CustomerUser": "ivanov", "OwnerID": 1, "UserID": 1, **changes}


async def test_a_ticket_is_made_once_for_a_number(door: Door) -> None:
    [number] = await door.returned("TicketObject", "TicketCreateNumber")
    [ticket_id] = await door.returned("TicketObject", "TicketCreate", **wanted(TN=number, CustomerID="ROMASHKA"))
    assert ticket_id is not None
    assert await door.returned("TicketObject", "TicketCreate", **wanted(TN=number)) == ()
    assert await door.returned("TicketObject", "TicketIDLookup", TicketNumber=number) == (ticket_id,)
    assert await door.returned("TicketObject", "TicketNumberLookup", TicketID=ticket_id) == (number,)
    shown = rpc_messages.pairs(await door.returned("TicketObject", "TicketGet", TicketID=ticket_id, UserID=1))
    assert [shown[name][0] for name in ("Title", "TicketNumber", "CustomerUserID", "StateType", "OwnerID")] == [
        *("Звонок", number, "ivanov", "new", "1")
    ]
    assert door.stored(ticket_id) == {
        "title": "Звонок",
        "queue": "Raw",
        "state": "new",
        "priority": "3 normal",
        "owner": "root@localhost",
        "lock": "unlock",
        "customer_id": "ROMASHKA",
        "customer": "ivanov",
    }


@pytest.mark.parametrize(
    "changes",
    [{"Queue": "Sails"}, {"QueueID": 999}, {"State": "x"}, {"Priority": "x"}, {"Type": "x"}, {"OwnerID": 999}]
    + [{name: ""} for name in ("Queue", "State", "Priority", "Lock", "OwnerID", "UserID")],
    ids=str,
)
async def test_what_is_missing_or_unknown_is_silence(door: Door, changes: dict[str, Any]) -> None:
    parameters = {name: value for name, value in wanted(**changes).items() if value != ""}
    if "QueueID" in changes:
        del parameters["Queue"]
    assert await door.returned("TicketObject", "TicketCreate", **parameters) == ()


async def test_it_checks_no_customer(door: Door) -> None:
    [ticket_id] = await door.returned("TicketObject", "TicketCreate", **wanted(CustomerUser="nobody"))
    stored = door.stored(str(ticket_id))
    assert (stored["customer"], stored["customer_id"]) == ("nobody", "")


async def test_searches(door: Door, call_id: str) -> None:
    mark = f"Звонок [{call_id}]"
    ids = [
        (await door.returned("TicketObject", "TicketCreate", **wanted(Title=mark, **more)))[0]
        for more in ({}, {"State": "open"}, {"Queue": "Junk", "CustomerUser": "petrova"})
    ]

    async def found(**criteria: Any) -> list[str | None]:
        asked = {"Result": "ARRAY", "UserID": 1, "Title": f"*[{call_id}]*", **criteria}
        return list(await door.returned("TicketObject", "TicketSearch", **asked))

    assert sorted(map(str, await found())) == sorted(map(str, ids))
    assert await found(States=["open"]) == [ids[1]]
    assert await found(Queues=["Junk"]) == [ids[2]]
    assert await found(QueueIDs=[3]) == [ids[2]]
    assert await found(CustomerUserLogin='"petrova"') == [ids[2]]
    assert len(await found(Subject="*nothing*")) == 3  # it has another name by now
    assert len(await found(TicketChangeTimeNewerMinutes=5)) == 3
    assert len(await found(Nonsense="x", Limit=2)) == 2
    assert await found(Result="COUNT") == ["3"]


async def test_a_pending_time(door: Door) -> None:
    [ticket_id] = await door.returned("TicketObject", "TicketCreate", **wanted(State="pending reminder"))
    [stamp] = await door.returned("TimeObject", "SystemTime2TimeStamp", SystemTime=1795327012)
    done = await door.returned("TicketObject", "TicketPendingTimeSet", String=stamp, TicketID=ticket_id, UserID=1)
    assert done == ("1",)
    shown = rpc_messages.pairs(await door.returned("TicketObject", "TicketGet", TicketID=ticket_id, UserID=1))
    assert shown["RealTillTimeNotUsed"] == ["1795327012"]
