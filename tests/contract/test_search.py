"""TicketSearch and its traps: what it finds, and what it ignores so that everything comes back."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.contract.behind import Behind
from tests.contract.requests import ARTICLE, call_field, created, found
from tests.contract.wire import Server


async def test_a_call_is_found_by_its_field(otrs: Server, call_id: str) -> None:
    first = await created(otrs, DynamicField=call_field(call_id))
    second = await created(otrs, DynamicField=call_field(f"x{call_id}"))

    def by_field(**operators: Any) -> dict[str, Any]:
        return {"DynamicField": {"Name": "AsteriskUniqueID", **operators}}

    old_form = {"DynamicField_AsteriskUniqueID": {"Equals": call_id}}
    both_forms = {**by_field(Equals=call_id), **old_form}
    assert await found(otrs, **by_field(Equals=call_id)) == [first]
    assert await found(otrs, **old_form) == [first]
    assert await found(otrs, **both_forms, TicketCreateTimeNewerMinutes="60", Limit="2") == [first]
    assert await found(otrs, **by_field(Equals=f"X{call_id}")) == [second]
    assert await found(otrs, **by_field(Equals=[call_id, f"x{call_id}", "1"]), Limit="1") in ([first], [second])
    # Tickets of one second come in any order.
    assert sorted(await found(otrs, **by_field(Like=f"*{call_id}"))) == sorted([first, second])
    assert await found(otrs, **by_field(Equals=f"{call_id[:-1]}*")) == []
    assert await found(otrs, **by_field(Equals=call_id), Title="other") == []


@pytest.mark.parametrize(
    ("window", "is_in"),
    [
        ({"TicketCreateTimeNewerMinutes": "60"}, True),
        ({"TicketCreateTimeOlderMinutes": "60"}, False),
        ({"TicketCreateTimeNewerMinutes": "-5"}, False),
        ({"TicketCreateTimeNewerDate": "2020-01-01 00:00:00"}, True),
        ({"TicketCreateTimeNewerDate": "2099-01-01 00:00:00"}, False),
        ({"TicketCreateTimeOlderDate": "2020-01-01 00:00:00"}, False),
        ({"TicketCreateTimeNewerDate": "2020-01-01"}, False),
        ({"TicketCreateTimeNewerDate": "2020-01-01T00:00:00"}, False),
        ({"Limit": "0"}, True),
        ({"Limit": "-1"}, False),
        ({"Limit": "x"}, False),
    ],
)
async def test_windows_and_limits(otrs: Server, call_id: str, window: dict[str, str], is_in: bool) -> None:
    ticket_id = await created(otrs, DynamicField=call_field(call_id))

    by_field = {"Name": "AsteriskUniqueID", "Equals": call_id}
    assert await found(otrs, DynamicField=by_field, **window) == ([ticket_id] if is_in else [])


@pytest.mark.parametrize("character", list("+()%_&|'\"\\/[]!?"))
async def test_no_character_of_a_call_id_misleads_the_search(otrs: Server, call_id: str, character: str) -> None:
    odd = f"{call_id}{character}{character}1"
    ticket_id = await created(otrs, DynamicField=call_field(odd))

    assert await found(otrs, DynamicField={"Name": "AsteriskUniqueID", "Equals": odd}) == [ticket_id]
    assert await found(otrs, DynamicField={"Name": "AsteriskUniqueID", "Equals": f"{call_id}221"}) == []


@pytest.mark.parametrize(
    "criterion",
    [
        {"DynamicField": {"Name": "NoSuchField", "Equals": "x"}},
        {"DynamicField": {"Name": "asteriskuniqueid", "Equals": "x"}},
        {"DynamicField_NoSuchField": {"Equals": "x"}},
        {"DynamicField": {"Name": "AsteriskUniqueID", "Equals": ""}},
        {"DynamicField": {"Name": "AsteriskUniqueID", "Equals": "*"}},
        {"DynamicField": {"Name": "AsteriskUniqueID"}},
        {"DynamicField_AsteriskUniqueID": "x"},
        {"NoSuchCriterion": "x"},
        {"Title": ""},
        {},
    ],
)
async def test_what_is_ignored_so_that_everything_comes_back(otrs: Server, criterion: dict[str, Any]) -> None:
    made = {await created(otrs), await created(otrs)}

    assert made <= set(await found(otrs, **criterion, TicketCreateTimeNewerMinutes="2"))
    assert len(await found(otrs, **criterion, Limit="1")) == 1


async def test_a_fresh_otrs_has_a_ticket_already(otrs: Server) -> None:
    assert await found(otrs, TicketID="1") == ["1"]


async def test_a_title_is_an_expression(otrs: Server, call_id: str) -> None:
    title = f"Call from +7 (916) 122-96-24 [{call_id}]"
    ticket_id = await created(otrs, ticket={"Title": title})

    for expression in (
        f"*{call_id}*",
        f"%{call_id}%",
        f"CALL FROM*{call_id}]",
        f"*{call_id}*+Call*",
        f"(*{call_id}*)&&!Mail*",
        f"Mail {call_id}||*{call_id}*",
        f'"{title}"',
        f"*\\(916\\) 122-96-24 [{call_id}]",
    ):
        assert await found(otrs, Title=expression) == [ticket_id], expression
    for expression in (
        call_id,
        title,
        title.replace("+", "\\+").replace("(", "\\(").replace(")", "\\)"),
        f"*(916) 122-96-24 [{call_id}]",
        f"*{call_id}*&&Mail*",
        f"*{call_id[:-3]}_*",
    ):
        assert await found(otrs, Title=expression) == [], expression


async def test_every_text_is_searched_for_a_part_of_it(otrs: Server, call_id: str) -> None:
    titled = await created(otrs, ticket={"Title": f"a [{call_id}] b"})
    noted = await created(otrs, article={"Body": f"a [{call_id}] b"})

    assert set(await found(otrs, Fulltext=call_id)) == {titled, noted}
    assert await found(otrs, Fulltext=f"{call_id}0") == []


async def test_open_tickets_of_a_customer_are_found(otrs: Server) -> None:
    stranger = f"{uuid.uuid4().hex}@phone.example.org"
    new = await created(otrs, ticket={"CustomerUser": stranger})
    opened = await created(otrs, ticket={"CustomerUser": stranger, "State": "open", "Queue": "Raw"})
    closed = await created(otrs, ticket={"CustomerUser": stranger, "State": "closed successful"})

    async def of_stranger(**criteria: Any) -> set[str]:
        return set(await found(otrs, CustomerUserLogin=stranger, **criteria))

    assert await of_stranger() == {new, opened, closed}
    assert await of_stranger(StateType=["open", "new"]) == {new, opened}
    assert await of_stranger(StateType="open") == {opened}
    assert await of_stranger(StateType="Open") == {opened}
    assert await of_stranger(States="closed successful") == {closed}
    assert await of_stranger(States=["New", "open"]) == {new, opened}
    assert await of_stranger(States=["open", "no such state"]) == set()
    assert await of_stranger(States="", Queues="") == {new, opened, closed}
    assert await of_stranger(StateType=["open", "new"], Queues="HelpDesk") == {new}
    assert await of_stranger(Queues=["HelpDesk", "Raw"]) == {new, opened, closed}
    assert await of_stranger(Queues="helpdesk") == set()
    assert await of_stranger(Queues=["HelpDesk", "No such queue"]) == set()
    assert len(await of_stranger(Limit="1")) == 1


@pytest.mark.parametrize(
    ("login", "bare"),
    [
        ("a.b-c_d", True),
        ("Иван Петров", True),
        ("a'b;c#d,e/f?g[h]", True),
        ("a&b|c!d", True),
        ("a*b%c", True),
        ('a"b', True),
        ("a+b", False),
        ("a&&b", False),
        ("a||b", False),
        ("a AND b", False),
        ("a OR b", False),
        ("a(b)c", False),
        ("a(b", False),
        ("a\\b", False),
        ("a\\\\b", False),
        ('"a" b', False),
    ],
)
async def test_a_login_is_an_expression_and_none_is_one_between_quotes(
    otrs: Server, behind: Behind, login: str, bare: bool
) -> None:
    whole = uuid.uuid4().hex + login
    ticket_id, _ = await created(otrs), await created(otrs)
    behind.give(ticket_id, whole)

    for expression in (whole, whole.upper()):
        assert await found(otrs, CustomerUserLogin=expression, Limit="2") == ([ticket_id] if bare else [])
    quoted = '"{}"'.format(whole.replace('"', "*"))
    assert await found(otrs, CustomerUserLogin=quoted) == [ticket_id]
    assert await found(otrs, CustomerUserLogin=f'{quoted[:-2]}*x"') == []


async def test_several_numbers_make_one_expression(otrs: Server) -> None:
    ids = [await created(otrs) for _ in range(3)]
    shown = await otrs.call("TicketGet", {"TicketID": ids})
    first, second, _ = shown.texts("TicketNumber")

    assert set(await found(otrs, TicketNumber=[first, second])) == set(ids[:2])
    assert set(await found(otrs, TicketNumber=f'"{first}"||"{second}"')) == set(ids[:2])
    assert await found(otrs, TicketNumber=f'"{first}"') == ids[:1]
    assert await found(otrs, TicketNumber=f'"{first[:-1]}"') == []


async def test_a_ticket_is_changed_by_an_article(otrs: Server, behind: Behind) -> None:
    stranger = f"{uuid.uuid4().hex}@phone.example.org"
    early, late = [await created(otrs, ticket={"CustomerUser": stranger}) for _ in range(2)]
    behind.let_pass(early, 60)
    behind.let_pass(late, 40)

    async def of_stranger(**criteria: str) -> list[str]:
        return await found(otrs, CustomerUserLogin=stranger, **criteria)

    for time in ("TicketChangeTime", "TicketLastChangeTime"):
        assert await of_stranger(**{f"{time}NewerMinutes": "50"}) == [late]
        assert await of_stranger(**{f"{time}NewerMinutes": "30"}) == []
        assert await of_stranger(**{f"{time}OlderMinutes": "50"}) == [early]
        assert await of_stranger(**{f"{time}NewerDate": "2099-01-01 00:00:00"}) == []
        assert await of_stranger(**{f"{time}NewerDate": "2020-01-01"}) == []
    for order in ({}, {"OrderBy": "Down"}, {"SortBy": "Changed"}, {"SortBy": "Age", "OrderBy": "Down"}):
        assert await of_stranger(**order) == [late, early]
    for order in ({"OrderBy": "Up"}, {"SortBy": "Changed", "OrderBy": "Up"}):
        assert await of_stranger(**order) == [early, late]
    for order in ({"SortBy": "Last"}, {"SortBy": "Changed", "OrderBy": "down"}):
        assert await of_stranger(**order) == []

    assert (await otrs.call("TicketUpdate", {"TicketID": early, "Article": ARTICLE})).error == ("", "")

    assert await of_stranger(SortBy="Changed", OrderBy="Down") == [early, late]
    assert await of_stranger(SortBy="Changed", Limit="1") == [early]
    assert await of_stranger(SortBy="Created") == [late, early]
    assert await of_stranger(TicketChangeTimeNewerMinutes="30") == [early]
    assert await of_stranger(TicketLastChangeTimeNewerMinutes="30") == [early]
    assert await of_stranger(TicketCreateTimeNewerMinutes="30") == []
    assert await of_stranger(TicketChangeTimeOlderMinutes="50") == [early]
    assert await of_stranger(TicketLastChangeTimeOlderMinutes="50") == []
