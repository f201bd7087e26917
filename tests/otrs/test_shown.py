"""shown: what a ticket's elements, as TicketGet gives them, are worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agi_server.call import Created, Doubt, Trouble
from agi_server.helpdesk import OpenTickets
from agi_server.otrs import shown, soap
from tests.otrs.recorded import answer

FIELD = "AsteriskUniqueID"
WANTED = OpenTickets(states=("new", "open"), within=timedelta(minutes=30), customer_user="ivanov")


def recorded_ticket(name: str) -> soap.Fields:
    fields = soap.read("TicketGet", *answer(name))
    assert isinstance(fields, dict)
    return soap.records(fields, "Ticket")[0]


def open_ticket(**changes: str) -> soap.Fields:
    """A call's ticket, made 20 minutes ago and changed 10 minutes ago; an element that is empty is not there."""
    elements = {
        "TicketID": "7",
        "TicketNumber": "20260007",
        "Title": "Call",
        "CustomerUserID": "ivanov",
        "Queue": "HelpDesk",
        "State": "new",
        "StateType": "new",
        "Owner": "petrova",
        "Age": "1200",
        "Created": "2026-11-22 12:00:00",
        "Changed": "2026-11-22 12:10:00",
        f"DynamicField_{FIELD}": "1700000000.42",
        **changes,
    }
    return {name: [value] for name, value in elements.items() if value}


@pytest.mark.parametrize(
    ("name", "call_id", "call_field", "expected"),
    [
        ("4/635-TicketGet-after-create", "1795327221.36", FIELD, True),
        ("4/635-TicketGet-after-create", "1795327221.3", FIELD, False),
        ("4/635-TicketGet-after-create", "1795327221.36", "", True),
        ("4/635-TicketGet-after-create", "1795327221.3", "", False),
        ("4/635-TicketGet-after-create", "1795327221.36", "CallerNumber", False),
        ("3.1/635-TicketGet-after-create", "1795327217.73", FIELD, True),
        ("3.1/635-TicketGet-after-create", "1795327217.73", "", True),
        ("131-TicketGet-articles-dynamicfields", "1700000000.42", FIELD, False),
        ("131-TicketGet-articles-dynamicfields", "", FIELD, False),
        ("130-TicketGet-ok", "1700000000.42", FIELD, False),
    ],
)
def test_recorded_ticket_carries_the_call(name: str, call_id: str, call_field: str, *, expected: bool) -> None:
    assert shown.carries(recorded_ticket(name), call_id, call_field) is expected


def test_ticket_carries_one_of_many_values() -> None:
    """A field that an administrator has made a list of."""
    listed: soap.Fields = {
        "DynamicField": [{"Name": [FIELD], "Value": ["1.1", " 1.2 "]}, {"Name": ["B"], "Value": ["2"]}]
    }
    assert shown.carries(listed, "1.2", FIELD)
    assert not shown.carries(listed, "2", FIELD)


@pytest.mark.parametrize(
    ("name", "call_field", "expected"),
    [
        ("131-TicketGet-articles-dynamicfields", FIELD, True),
        ("131-TicketGet-articles-dynamicfields", "NoSuchField", False),
        ("4/635-TicketGet-after-create", FIELD, True),
        ("4/635-TicketGet-after-create", "NoSuchField", False),
        ("3.1/635-TicketGet-after-create", FIELD, True),
    ],
)
def test_recorded_ticket_has_field(name: str, call_field: str, *, expected: bool) -> None:
    assert shown.has_field(recorded_ticket(name), call_field) is expected


@pytest.mark.parametrize(
    ("changes", "wanted", "expected"),
    [
        ({}, WANTED, True),
        # Whose
        ({}, replace(WANTED, customer_user="IVANOV"), True),
        ({"CustomerUserID": "Ivanov"}, WANTED, True),
        ({"CustomerUserID": "ivanova"}, WANTED, False),
        ({"CustomerUserID": ""}, WANTED, False),
        ({}, replace(WANTED, customer_user="", ticket_numbers=("1", "20260007")), True),
        ({}, replace(WANTED, customer_user="", ticket_numbers=("1", "2026000")), False),
        ({}, replace(WANTED, ticket_numbers=("1",)), True),
        ({"CustomerUserID": "", "TicketNumber": ""}, replace(WANTED, customer_user=""), False),
        # In which state
        ({"State": "open", "StateType": "open"}, WANTED, True),
        ({"State": "Open", "StateType": "open"}, WANTED, True),
        ({"State": "pending reminder", "StateType": "pending reminder"}, WANTED, False),
        ({"State": ""}, WANTED, False),
        ({"State": "done", "StateType": "closed"}, replace(WANTED, states=("done",)), False),
        ({"State": "merged", "StateType": "merged"}, replace(WANTED, states=("merged",)), False),
        ({"State": "removed", "StateType": "removed"}, replace(WANTED, states=("removed",)), False),
        # In which queue
        ({}, replace(WANTED, queue="HelpDesk"), True),
        ({}, replace(WANTED, queue="HelpDesk::Calls"), False),
        ({"Queue": ""}, replace(WANTED, queue="HelpDesk"), False),
        # Changed when: no time zone has a part in it, and who says nothing is believed
        ({}, replace(WANTED, within=timedelta(minutes=10)), True),
        ({}, replace(WANTED, within=timedelta(minutes=8)), False),
        ({"Age": "86400", "Changed": "2026-11-23 11:45:00"}, WANTED, True),
        ({"Age": "86400", "Changed": "2026-11-23 11:25:00"}, WANTED, False),
        ({"Age": ""}, replace(WANTED, within=timedelta()), True),
        ({"Age": "9" * 30}, WANTED, True),
        ({"Changed": "yesterday"}, replace(WANTED, within=timedelta()), True),
        ({"Changed": "2026-11-22T12:10:00Z"}, replace(WANTED, within=timedelta()), True),
        # Made by a call
        ({f"DynamicField_{FIELD}": ""}, WANTED, False),
        ({f"DynamicField_{FIELD}": "", "Title": "Call [1700000000.42]"}, WANTED, True),
        ({f"DynamicField_{FIELD}": "", "Title": "Call [pbx-1700000000.42~2]"}, WANTED, True),
        ({f"DynamicField_{FIELD}": "", "Title": "Call [no-id-6f1c] (moved)"}, WANTED, True),
        ({f"DynamicField_{FIELD}": "", "Title": "Call 1700000000.42"}, WANTED, False),
        ({f"DynamicField_{FIELD}": "", "Title": "Re: [Ticket#2026112210000042] version [2.1]"}, WANTED, False),
    ],
)
def test_wanted(changes: dict[str, str], wanted: OpenTickets, *, expected: bool) -> None:
    assert shown.is_wanted(open_ticket(**changes), wanted, FIELD) is expected


@pytest.mark.parametrize(("title", "expected"), [("Call", False), ("Call [1700000000.42]", True)])
def test_without_a_call_field_the_title_tells_that_a_call_made_it(title: str, *, expected: bool) -> None:
    ticket = open_ticket(Title=title, DynamicField_="1700000000.42")
    ticket["DynamicField"] = [{"Value": ["1700000000.42"]}]
    assert shown.is_wanted(ticket, WANTED, "") is expected


@pytest.mark.parametrize(
    ("name", "queue", "expected"),
    [
        ("131-TicketGet-articles-dynamicfields", "Support", False),
        ("4/635-TicketGet-after-create", "Support", True),
        ("3.1/635-TicketGet-after-create", "Support", True),
        ("4/635-TicketGet-after-create", "Raw", False),
    ],
)
def test_recorded_ticket_is_wanted(name: str, queue: str, *, expected: bool) -> None:
    ticket = recorded_ticket(name)
    wanted = replace(WANTED, customer_user=soap.text(ticket, "CustomerUserID"), queue=queue)
    assert shown.is_wanted(ticket, wanted, FIELD) is expected


@pytest.mark.parametrize(
    ("owner", "expected"), [("petrova", "petrova"), ("agi-server", ""), ("AGI-Server", ""), ("", "")]
)
def test_owner_is_seen_unless_it_is_our_own_agent(owner: str, expected: str) -> None:
    seen = shown.seen(open_ticket(Owner=owner), "agi-server")
    assert isinstance(seen, Created)
    assert (seen.ticket_id, seen.ticket_number, seen.owner) == ("7", "20260007", expected)


def test_ticket_without_a_number_is_trouble() -> None:
    trouble = Trouble("OTRS answered without a ticket", Doubt.ENDED)
    assert shown.seen(open_ticket(TicketNumber=""), "agi-server") == trouble


def test_of_several_the_one_changed_last_is_the_greatest() -> None:
    tickets = [
        open_ticket(TicketID="9", Changed="2026-11-22 12:10:00"),
        open_ticket(TicketID="8", Changed="2026-11-22 12:11:00"),
        open_ticket(TicketID="10", Changed="2026-11-22 12:10:00"),
    ]
    assert [soap.text(ticket, "TicketID") for ticket in sorted(tickets, key=shown.change)] == ["9", "10", "8"]
    assert soap.text(min(tickets, key=shown.number), "TicketID") == "8"


@pytest.mark.parametrize(
    ("call_id", "expected"),
    [("1700000000.42", True), ("1700000000.4", False), ("1700000000.43", True), ("1700000000.44", False)],
)
@pytest.mark.parametrize("name", ["131-TicketGet-articles-dynamicfields", "4/635-TicketGet-after-create"])
def test_ticket_tells_of_a_call(name: str, call_id: str, *, expected: bool) -> None:
    ticket = recorded_ticket(name)
    assert not shown.tells_of(ticket, call_id)
    ticket["Article"] += [{"Subject": ["Call again [1700000000.42] [1700000000.43]"], "Body": ["[1700000000.44]"]}]
    assert shown.tells_of(ticket, call_id) is expected


NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        ({"Created": "2026-11-22 10:59:00", "Age": "3700"}, 0),
        ({"Created": "2026-11-22 13:58:20", "Age": "3700"}, 3),
        ({"Created": "2026-11-22 16:28:20", "Age": "3700"}, 5.5),
        ({"Created": "2026-11-21 22:58:20", "Age": "3700"}, -12),
        ({"Created": "2026-11-22 13:00:01", "CreateTimeUnix": "1795341601", "Age": "0"}, 3),
        ({"Created": "2026-11-24 13:00:01", "Age": "3700"}, None),
        ({"Created": "2026-11-22 13:00:01"}, None),
        ({"Created": "yesterday", "Age": "3700"}, None),
        ({"Created": "2026-11-22 13:00:01", "CreateTimeUnix": "9" * 30}, None),
        ({"Age": "3700"}, None),
    ],
)
def test_time_zone_that_a_ticket_shows(fields: dict[str, str], hours: float | None) -> None:
    ticket: soap.Fields = {name: [value] for name, value in fields.items()}
    assert shown.offset(ticket, NOON) == (None if hours is None else timedelta(hours=hours))
