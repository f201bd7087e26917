"""Dynamic fields: texts and multiselects, one value and several, in a ticket and in a search."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.contract.requests import created, creation, found, shown
from tests.contract.wire import Answer, Node, Server

INVALID, MISSING = "InvalidParameter", "MissingParameter"


def topics(*values: str) -> Node:
    return {"Name": "CallTopics", "Value": list(values) if len(values) != 1 else values[0]}


def number(value: object) -> dict[str, Any]:
    return {"Name": "CallerNumber", "Value": value}


def values(ticket: Answer, name: str) -> list[str]:
    """What TicketGet shows of this field."""
    for field in ticket.content.iterfind("{*}Ticket/{*}DynamicField"):
        if field.findtext("{*}Name") == name:
            return [element.text or "" for element in field.iterfind("{*}Value")]
    return []


@pytest.mark.parametrize(
    ("field", "code", "words"),
    [
        (topics("nope"), INVALID, "DynamicField->Value parameter is invalid!"),
        (topics("billing", "nope"), INVALID, "DynamicField->Value parameter is invalid!"),
        (topics("", ""), INVALID, "DynamicField->Value parameter is invalid!"),
        (number({"x": "y"}), MISSING, "DynamicField->Value  parameter is missing!"),
        ({"Name": ["a", "b"], "Value": "x"}, INVALID, "DynamicField->Name parameter is invalid!"),
        ([number("1"), topics("x")], INVALID, "DynamicField->Value parameter is invalid!"),
    ],
)
async def test_a_value_that_is_refused(otrs: Server, field: Node, code: str, words: str) -> None:
    answer = await otrs.call("TicketCreate", creation(DynamicField=field))

    assert answer.error == (f"TicketCreate.{code}", f"TicketCreate: {words}")


@pytest.mark.parametrize(
    ("sent", "name", "stored"),
    [
        (topics("billing"), "CallTopics", ["billing"]),
        (topics(" billing "), "CallTopics", ["billing"]),
        (topics("billing", "outage"), "CallTopics", ["billing", "outage"]),
        (topics("outage", "billing"), "CallTopics", ["outage", "billing"]),
        (topics("billing", "billing"), "CallTopics", ["billing", "billing"]),
        (topics(""), "CallTopics", [""]),
        ({"Name": " CallerNumber ", "Value": "x"}, "CallerNumber", ["x"]),
        ([number("1"), topics("other")], "CallerNumber", ["1"]),
        ([number("1"), number("2")], "CallerNumber", ["2"]),
    ],
)
async def test_what_is_stored(otrs: Server, sent: Node, name: str, stored: list[str]) -> None:
    ticket = await shown(otrs, await created(otrs, DynamicField=sent))

    assert values(ticket, name) == stored
    assert values(ticket, "AsteriskUniqueID") == [""]


async def test_several_values_for_a_text_leave_a_ticket_without_an_article(otrs: Server) -> None:
    title = uuid.uuid4().hex

    answer = await otrs.call("TicketCreate", creation(ticket={"Title": title}, DynamicField=number(["a", "b"])))

    words = "Dynamic Field CallerNumber could not be set, please contact the system administrator"
    assert answer.text("faultstring") == words
    (left,) = await found(otrs, Title=title)
    assert (await shown(otrs, left)).texts("ArticleID") == []


async def test_a_field_is_changed(otrs: Server) -> None:
    ticket_id = await created(otrs, DynamicField=[number("1"), topics("other")])

    await otrs.call("TicketUpdate", {"TicketID": ticket_id, "DynamicField": topics("billing", "outage")})

    ticket = await shown(otrs, ticket_id)
    assert (values(ticket, "CallTopics"), values(ticket, "CallerNumber")) == (["billing", "outage"], ["1"])


async def test_how_fields_are_searched_for(otrs: Server) -> None:
    stranger = f"{uuid.uuid4().hex}@phone.example.org"

    async def made(*fields: Node) -> str:
        more = {"DynamicField": list(fields)} if fields else {}
        return await created(otrs, ticket={"CustomerUser": stranger}, **more)

    a, b, c = (
        await made(topics("billing", "outage"), number("100")),
        await made(topics("other"), number("20")),
        await made(),
    )
    names = {a: "a", b: "b", c: "c"}

    async def search(name: str, **operator: object) -> str:
        ids = await found(otrs, CustomerUserLogin=stranger, DynamicField={"Name": name, **operator})
        return "".join(sorted(names[one] for one in ids))

    assert await search("CallTopics", Equals="billing") == "a"
    assert await search("CallTopics", Equals=["outage", "other"]) == "ab"
    assert await search("CallTopics", Like="OUT*") == "a"
    assert await search("CallTopics", Equals="nope") == ""
    # Texts, not numbers.
    assert await search("CallerNumber", GreaterThan="100") == "b"
    assert await search("CallerNumber", GreaterThanEquals="100") == "ab"
    assert await search("CallerNumber", SmallerThan="20") == "a"
    assert await search("CallerNumber", SmallerThanEquals="20") == "ab"
    assert await search("CallerNumber", Empty="1") == "c"
    assert await search("CallerNumber", Empty="0") == "ab"
    assert await search("CallerNumber", NoSuchOperator="1") == ""
    both = [{"Name": "CallTopics", "Equals": "billing"}, {"Name": "CallerNumber", "Equals": "20"}]
    assert await found(otrs, CustomerUserLogin=stranger, DynamicField=both) == []
    order = {"SortBy": "DynamicField_CallerNumber", "OrderBy": "Up"}
    assert await found(otrs, CustomerUserLogin=stranger, **order) == [c, a, b]
