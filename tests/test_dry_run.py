"""What the server would make of a call: the same as it makes of a real one, and nothing of it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agi_server.app import App
from agi_server.asterisk.client import place_call
from agi_server.call import Call, Created, Customer, Match, Recognition
from agi_server.config import Config, load
from agi_server.dry_run import CallFacts, Plan, imagine_call, make_plan
from agi_server.dry_run_told import as_lines, as_record
from agi_server.journal import Journal
from agi_server.sandbox.otrs import Sandbox
from tests.program import write_config

PASSWORD = "sandbox"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
"""A Friday, 12:30 in Moscow."""


@pytest.fixture
async def otrs(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path / "otrs", password=PASSWORD, dynamic_fields=("AsteriskUniqueID", "Phone")) as otrs:
        yield otrs


def configured(folder: Path, otrs: Sandbox, /, **sections: Any) -> Config:
    options: dict[str, Any] = {
        "customers": {"database": otrs.database},
        "otrs": {"url": otrs.url, "user": "agi-server", "password": PASSWORD, "zoom_url": otrs.zoom_url},
        "ticket": {"time_zone": "Europe/Moscow"},
    }
    for section, values in sections.items():
        options[section] = {**options.get(section, {}), **values} if isinstance(values, dict) else values
    return load(write_config(folder, options), {})


def facts(number: str = "89161229624", **others: Any) -> CallFacts:
    told: CallFacts = {
        "number": number,
        "name": "",
        "dialled": "4509",
        "context": "otrs",
        "query": "",
        "arguments": (),
        "presentation": 0,
    }
    told.update(others)  # type: ignore[typeddict-item]
    return told


async def plan(config: Config, number: str = "89161229624", **others: Any) -> Plan:
    return await make_plan(config, imagine_call(config, NOW, **facts(number, **others)))


async def test_a_known_caller_in_full(tmp_path: Path, otrs: Sandbox) -> None:
    config = configured(
        tmp_path,
        otrs,
        ticket={"body": "{{ call.time }}\n\nFrom {{ call.name }} in {{ call.context }}\n"},
        routes=[{"dialled": "4510", "reject": True}, {"customer_id": "ROMASHKA", "ticket": {"queue": "HelpDesk"}}],
        repeat={"within": "30m"},
    )
    found = await plan(config, "8 (916) 122-96-24", name="Иван", query="queue=Sales&state=open")
    assert "\n".join(as_lines(found)) == (
        """\
number:       8 (916) 122-96-24
canonical:    +79161229624
looked up by: +79161229624 (whole)
match:        exact
customer:     ivanov, Иван Иванов, ROMASHKA (ООО «Ромашка»)
route:        routes item 2
wishes:       not allowed by ticket.wishes: state
repeat:       first OTRS is asked for an open ticket of ivanov, in queue Sales, in state new or open, changed within \
30 minutes
status:       created, or updated if there is one

Ticket:
  Title: Call from 8 (916) 122-96-24 (Иван Иванов)
  Queue: Sales
  State: new
  Priority: 3 normal
  CustomerUser: ivanov
  CustomerID: ROMASHKA
Article:
  CommunicationChannel: Phone
  ArticleType: phone
  SenderType: customer
  Subject: Phone call from 8 (916) 122-96-24
  Body:
    2026-11-20 12:30:00+03:00

    From Иван in otrs
  ContentType: text/plain; charset=utf8
  HistoryType: PhoneCallCustomer
  HistoryComment: Phone call through Asterisk
  AutoResponseType: auto remove
  IsVisibleForCustomer: 0
DynamicField:
  AsteriskUniqueID: 1795167000.0"""
    )
    assert found.troubles == []


MUCH: dict[str, Any] = {
    "queue": 5,
    "state": "pending reminder",
    "pending_time": "2h",
    "owner": 1,
    "dynamic_fields": {"CallTopics": ["outage", "{{ match }}"]},
    "force_notification_to_user_id": [1, 2],
}


async def test_all_that_a_ticket_may_have(tmp_path: Path, otrs: Sandbox) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    text = {"filename": "call.txt", "content": "{{ call.name }}\n{{ call.number }}\n"}
    files = [text, {"file": f"{tmp_path}/a.pdf"}, {"file": f"{tmp_path}/none-{{{{ match }}}}.pdf"}]
    config = configured(
        tmp_path, otrs, otrs={"dialect": 6, "time_zone": "Asia/Tokyo"}, ticket={**MUCH, "attachments": files}
    )
    found = await plan(config, name="Иван\x1b")
    shown = list(as_lines(found))
    assert [line.strip() for line in shown if line.startswith("  QueueID") or "Notif" in line or "Topics" in line] == [
        "QueueID: 5",
        "ForceNotificationToUserID: 1",
        "ForceNotificationToUserID: 2",
        "CallTopics: outage",
        "CallTopics: exact",
    ]
    assert shown[shown.index("  PendingTime:") + 1] == "    Diff: 120"
    assert shown[shown.index("Attachment:") : shown.index("DynamicField:")] == [
        *["Attachment:", "  Content:", "    Иван", "    89161229624"],
        *["  ContentType: text/plain; charset=utf8", "  Filename: call.txt"],
        *["Attachment:", f"  Content: file://{tmp_path}/a.pdf", "  ContentType: application/pdf", "  Filename: a.pdf"],
        *["Attachment:", f"  Content: file://{tmp_path}/none-exact.pdf", "  ContentType: application/pdf"],
        "  Filename: none-exact.pdf",
    ]
    assert found.troubles == [f"{tmp_path}/none-exact.pdf can't be read, so the ticket goes without it"]
    record = as_record(found)["ticket"]
    assert record["DynamicField"] == {"CallTopics": ["outage", "exact"], "AsteriskUniqueID": found.call.unique_id}
    assert record["Ticket"]["PendingTime"] == {"Diff": "120"}
    assert [one["Filename"] for one in record["Attachment"]] == ["call.txt", "a.pdf", "none-exact.pdf"]


async def test_an_older_otrs_is_told_the_time(tmp_path: Path, otrs: Sandbox) -> None:
    config = configured(tmp_path, otrs, otrs={"dialect": 4, "time_zone": "Asia/Tokyo"}, ticket=MUCH)
    ticket = as_record(await plan(config))["ticket"]
    time = {"Year": "2026", "Month": "11", "Day": "20", "Hour": "20", "Minute": "30"}
    assert ticket["Ticket"]["PendingTime"] == time
    assert not ticket["Article"].keys() & {"CommunicationChannel", "IsVisibleForCustomer"}


async def test_what_would_not_even_be_sent_parks_the_call(tmp_path: Path, otrs: Sandbox) -> None:
    found = await plan(configured(tmp_path, otrs, ticket={"state": "pending reminder"}))
    assert as_record(found)["ticket"] is None
    reason = "Ticket->PendingTime: it is needed with the state 'pending reminder'"
    assert list(as_lines(found))[-2:] == ["status:       parked", f"              {reason}"]


@pytest.mark.parametrize(
    ("number", "presentation", "lines"),
    [
        (
            "+79161229624",
            0,
            ["number:       +79161229624", "looked up by: +79161229624 (whole)", "match:        exact"],
        ),
        ("201", 0, ["canonical:    201", "looked up by: 201 (internal)", "customer:     nobody known"]),
        ("1229624", 0, ["canonical:", "looked up by: ~1229624 (incomplete, as it is dialled nearby)"]),
        (
            "Anonymous",
            0,
            ["number:       withheld", "looked up by: nothing, so nobody is matched", "match:        none"],
        ),
        ("89161229624", 0x20, ["number:       withheld", "looked up by: nothing, so nobody is matched"]),
        ("", 0, ["number:       none", "looked up by: nothing, so nobody is matched"]),
        ("bob", 0, ["number:       bob", "looked up by: nothing, so nobody is matched"]),
        ("8916\x1b[2J", 0, ["number:       8916 [2J", "looked up by: nothing, so nobody is matched"]),
        ("8916\nagi_callerid: 1", 0, ["number:       none", "looked up by: nothing, so nobody is matched"]),
    ],
)
async def test_forms_of_the_number(
    tmp_path: Path, otrs: Sandbox, number: str, presentation: int, lines: list[str]
) -> None:
    shown = list(as_lines(await plan(configured(tmp_path, otrs), number, presentation=presentation)))
    assert [line for line in lines if line not in shown] == []


async def test_a_withheld_number_that_is_matched_all_the_same(tmp_path: Path, otrs: Sandbox) -> None:
    found = await plan(configured(tmp_path, otrs, numbers={"match_withheld": True}), presentation=0x20)
    shown = list(as_lines(found))
    assert shown[0] == "number:       withheld"
    assert shown[2] == "looked up by: +79161229624 (whole), for numbers.match_withheld"
    assert found.recognition.customer is not None
    assert "9161229624" not in "\n".join(shown[3:])


# Several customers

BELOV = "belov", "ROMASHKA"
CHERNOV = "chernov", "ROMASHKA"
KRASNOV = "krasnov", "VECTOR"


async def share(otrs: Sandbox, *people: tuple[str, str]) -> None:
    for login, customer_id in people:
        await otrs.people.add(login, customer_id=customer_id, phone="+7 921 100-00-01")


@pytest.mark.parametrize(
    ("people", "main_contact", "called_last", "lines"),
    [
        (
            (BELOV, CHERNOV),
            "belov",
            "",
            ["customer:     chernov, ROMASHKA", "              belov, ROMASHKA: is the main contact of ROMASHKA"],
        ),
        (
            (BELOV, CHERNOV),
            "",
            "belov",
            ["customer:     chernov, ROMASHKA", "              belov, ROMASHKA: called last"],
        ),
        (
            (BELOV, CHERNOV),
            "",
            "",
            ["customer:     chernov, ROMASHKA: was changed last", "              belov, ROMASHKA"],
        ),
        (
            (BELOV, KRASNOV),
            "belov",
            "belov",
            [
                "customer:     krasnov, VECTOR",
                "              belov, ROMASHKA",
                "              they are not all of one company, so it is a stranger's call",
            ],
        ),
    ],
)
async def test_who_of_several_was_chosen_and_why(
    tmp_path: Path,
    otrs: Sandbox,
    people: tuple[tuple[str, str], ...],
    main_contact: str,
    called_last: str,
    lines: list[str],
) -> None:
    await share(otrs, *people)
    main = {"main_contacts": {"ROMASHKA": main_contact}} if main_contact else {}
    config = configured(tmp_path, otrs, customers={**main, "company_table": ""})
    if called_last:
        await remember(config, "1.1", called_last, "+79211000009")
    shown = list(as_lines(await plan(config, "89211000001")))
    none = "route:        none, the ticket is as `ticket` says"
    assert shown[3 : 5 + len(lines)] == ["match:        several (exact)", *lines, none]


async def remember(config: Config, unique_id: str, login: str, number: str) -> None:
    """A call that became a ticket half an hour before, of a customer who was surely recognised."""
    customer = Customer(login, "ROMASHKA")
    journal = Journal(config.journal.database)
    await journal.open()
    try:
        at = NOW - timedelta(minutes=20)
        entry = await journal.add(Call(unique_id, at, number, number, number), at)
        begun = await journal.begin(entry, Recognition(Match.EXACT, customer, (customer,), Match.EXACT), at)
        assert begun is not None
        assert await journal.done(begun.with_ticket(Created("7", "2026112000000007")), at)
    finally:
        await journal.close()


# Rules and repeated calls


@pytest.mark.parametrize(
    ("others", "route", "status"),
    [
        ({}, "none, the ticket is as `ticket` says", "created"),
        ({"dialled": "4510"}, "routes item 1", "rejected"),
        ({"context": "branch"}, "routes item 2", "no_ticket"),
        ({"arguments": ("x", "vip")}, "routes item 3", "created"),
        ({"presentation": 0x20}, "routes item 4", "created"),
    ],
)
async def test_the_route_that_decides(
    tmp_path: Path, otrs: Sandbox, others: dict[str, Any], route: str, status: str
) -> None:
    rules = [
        {"dialled": "_451X", "reject": True},
        {"context": "branch", "no_ticket": True},
        {"argument": "vip", "ticket": {"priority": "5 very high"}},
        {"withheld": True, "ticket": {"priority": "1 very low"}},
    ]
    found = await plan(configured(tmp_path, otrs, routes=rules), **others)
    shown = list(as_lines(found))
    assert f"route:        {route}" in shown
    assert f"status:       {status}" in shown
    assert ("Ticket:" in shown) == (status == "created")


async def test_a_template_that_fails_parks_the_call(tmp_path: Path, otrs: Sandbox) -> None:
    found = await plan(configured(tmp_path, otrs, ticket={"title": "{{ 1 / (call.context | length - 4) }}"}))
    assert list(as_lines(found))[-2:] == ["status:       parked", "              ticket.title: division by zero"]
    record = as_record(found)
    assert (record["status"], record["reason"]) == ("parked", "ticket.title: division by zero")
    assert record["ticket"] is None


@pytest.mark.parametrize(
    ("number", "repeat", "words"),
    [
        ("89161229624", {"within": "1h"}, "of ivanov, in queue Raw, in state new or open, changed within 60 minutes"),
        (
            "89161229624",
            {"within": "90s", "same_queue": False, "states": ["open"]},
            "of ivanov, in state open, changed within 1.5 minutes",
        ),
        (
            "+79211000009",
            {"within": "1h", "match": "number"},
            "among 2026112000000007, in queue Raw, in state new or open, changed within 60 minutes",
        ),
        ("+79211000009", {"within": "1h"}, "among 2026112000000007, in queue Raw, in state new or open"),
        ("+79211000009", {"within": "10m"}, None),
        ("89161229624", {"within": "1h", "match": "number"}, None),
        ("Anonymous", {"within": "1h"}, None),
        ("89161229624", {}, None),
    ],
)
async def test_the_open_tickets_that_otrs_would_be_asked_for(
    tmp_path: Path, otrs: Sandbox, number: str, repeat: dict[str, Any], words: str | None
) -> None:
    config = configured(tmp_path, otrs, repeat=repeat)
    await remember(config, "1.1", "somebody", "+79211000009")
    [*told] = [line for line in as_lines(await plan(config, number)) if line.startswith("repeat:")]
    assert len(told) == (words is not None)
    assert words is None or told[0].startswith(f"repeat:       first OTRS is asked for an open ticket {words}")


# What it does and what not


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_nothing_is_done(tmp_path: Path, otrs: Sandbox) -> None:
    await share(otrs, BELOV, CHERNOV)
    config = configured(tmp_path, otrs, repeat={"within": "1h", "match": "number"})
    before = content(tmp_path)
    for number in ("89161229624", "89211000001", "Anonymous"):
        assert (await plan(config, number)).troubles == []
    assert content(tmp_path) == before
    assert [otrs.received(operation) for operation in ("SessionCreate", "TicketSearch", "TicketCreate")] == [0, 0, 0]


async def test_what_cannot_be_known_is_told_and_the_rest_shown(tmp_path: Path, otrs: Sandbox) -> None:
    config = configured(tmp_path, otrs, customers={"table": "customers"}, repeat={"within": "1h", "match": "number"})
    (tmp_path / "calls.db").write_bytes(b"no database" * 1000)
    found = await plan(config)
    customers, journal = found.troubles
    assert customers.startswith("customers can't be looked up: ")
    assert journal.startswith("earlier calls are not known: ")
    assert found.status == "created"
    assert as_record(found)["troubles"] == [customers, journal]


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"number": "+4915112345678", "name": "Max", "dialled": "4510"},
        {"number": "Anonymous"},
        {"arguments": ["vip"], "context": "branch", "query": "priority=1%20very%20low"},
    ],
)
async def test_it_is_what_the_server_does(tmp_path: Path, otrs: Sandbox, others: dict[str, Any]) -> None:
    config = configured(
        tmp_path,
        otrs,
        ticket={
            "body": "From {{ call.number }} {{ call.name }} ({{ customer.name }}) in {{ call.context }}: {{ match }}"
        },
        routes=[
            {"argument": "vip", "ticket": {"queue": "HelpDesk", "title": "VIP {{ customer.name }}"}},
            {"dialled": "4510", "ticket": {"queue": "HelpDesk", "dynamic_fields": {"Phone": "{{ call.digits }}"}}},
        ],
    )
    told = facts(**others)
    foreseen = as_record(await make_plan(config, imagine_call(config, NOW, **told)))
    async with App(config) as app:
        report = await place_call("127.0.0.1", app.server.port, unique_id="1795167000.0", **told)
    assert report.variables["HELPDESK_STATUS"] == foreseen["status"] == "created"
    assert report.variables["HELPDESK_MATCH"] == foreseen["match"]
    [made] = otrs.tickets
    ticket, article = foreseen["ticket"]["Ticket"], foreseen["ticket"]["Article"]
    assert (made.title, made.queue, made.priority, made.customer_user) == (
        ticket["Title"],
        ticket["Queue"],
        ticket["Priority"],
        ticket["CustomerUser"],
    )
    assert made.articles[0].body == article["Body"]
    assert made.dynamic_fields == foreseen["ticket"]["DynamicField"]


@pytest.mark.parametrize("listed", ["89161229624", "9161229624", "+79161229624", "0079161229624"])
@pytest.mark.parametrize("heard", ["+79161229624", "79161229624", "8 916 122-96-24"])
async def test_a_rule_knows_a_caller_however_he_is_dialled(
    tmp_path: Path, otrs: Sandbox, listed: str, heard: str
) -> None:
    config = configured(tmp_path, otrs, routes=[{"caller": listed, "reject": True}])
    assert (await plan(config, heard)).status == "rejected"


async def test_over_rpc_it_is_what_its_methods_would_be_given(tmp_path: Path, otrs: Sandbox) -> None:
    ticket = {
        "owner": "operator",
        "state": "pending reminder",
        "pending_time": "2h",
        "attachments": [{"file": "/none"}],
    }
    rpc = {"interface": "rpc", "url": otrs.rpc_url, "user_id": 3}
    told = await plan(configured(tmp_path, otrs, otrs=rpc, ticket=ticket | {"unknown_customer": "unknown-caller"}))
    assert (told.status, told.troubles) == ("created", [])
    record = as_record(told)["ticket"]
    assert list(record) == ["TicketCreate", "TicketPendingTimeSet", "ArticleCreate"]
    assert record["TicketPendingTimeSet"] == {"String": "2026-11-20 11:30:00 UTC"}
    created, article = record["TicketCreate"], record["ArticleCreate"]
    assert created["Title"].endswith(f"[{told.call.unique_id}]")
    assert {name: created[name] for name in ("TN", "CustomerUser", "CustomerID", "OwnerID", "Lock", "UserID")} == {
        "TN": "a new number",
        "CustomerUser": "ivanov",
        "CustomerID": "ROMASHKA",
        "OwnerID": "that of operator",
        "Lock": "lock",
        "UserID": "3",
    }
    assert (article["From"], article["To"], article["ArticleType"]) == ("Иван Иванов", "Raw", "phone")
    assert otrs.tickets == []
    assert "TicketCreate:" in list(as_lines(told))
