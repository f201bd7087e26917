"""What `check --connect` asks OTRS about routes, and makes of the answer; the rest is tested as a command."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from agi_server.check import check_connections, check_form, warnings
from agi_server.check.tickets import MOST_REHEARSED
from agi_server.config import load
from agi_server.sandbox.faults import ERROR
from agi_server.sandbox.otrs import Sandbox
from tests.program import write_config

PASSWORD = "sandbox"


@pytest.fixture
async def otrs(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path / "otrs", password=PASSWORD) as otrs:
        yield otrs


async def found(folder: Path, otrs: Sandbox, ticket: dict[str, Any], *routes: dict[str, Any]) -> list[str]:
    """What is said of the ticket and the routes."""
    options: dict[str, Any] = {
        "customers": {"database": otrs.database},
        "otrs": {"url": otrs.url, "user": "agi-server", "password": PASSWORD},
        "ticket": {"unknown_customer": "unknown-caller", **ticket},
        "routes": list(routes),
    }
    config = load(write_config(folder, options), {})
    assert check_form(config) == []
    findings = [finding async for finding in check_connections(config)]
    return [str(finding) for finding in findings if finding.subject.startswith(("ticket", "routes"))]


TAKEN = "OTRS would take it: queue 'Raw', state 'new', priority '3 normal'"
STRANGER = "ok   ticket.unknown_customer: OTRS takes 'unknown-caller' for 89161229624"


async def test_a_service_may_be_for_the_routes_own_customers(tmp_path: Path, otrs: Sandbox) -> None:
    told = await found(tmp_path, otrs, {}, {"customer_id": "X", "ticket": {"service": "Nothing"}})
    assert told[:2] == [f"ok   ticket: {TAKEN}", STRANGER]
    [doubt] = told[2:]
    assert doubt.startswith("?    routes item 1.ticket.service: OTRS refuses 'Nothing': ")
    assert doubt.endswith(" -- it may be right for its own customers, and we know none of them")


async def test_a_service_that_strangers_get_has_to_be_theirs(tmp_path: Path, otrs: Sandbox) -> None:
    told = await found(tmp_path, otrs, {}, {"dialled": "4510", "ticket": {"service": "Nothing"}})
    assert told[2].startswith("FAIL routes item 1.ticket.service: OTRS refuses 'Nothing': ")


async def test_an_unknown_customer_whom_nobody_needs(tmp_path: Path, otrs: Sandbox) -> None:
    told = await found(tmp_path, otrs, {"unknown_customer": "nobody"}, {"match": "none", "reject": True})
    assert [line.partition(":")[0] for line in told] == ["FAIL ticket.unknown_customer"]  # customers of two companies
    no_strangers = {"match": ["none", "several"], "reject": True}
    [doubt] = await found(tmp_path, otrs, {"unknown_customer": "nobody"}, no_strangers)
    assert doubt.startswith("?    ticket.unknown_customer: OTRS refuses 'nobody': ")


async def test_a_form_that_no_call_is_left_for_is_not_asked_about(tmp_path: Path, otrs: Sandbox) -> None:
    told = await found(tmp_path, otrs, {"queue": "{{ nowhere }}"}, {"ticket": {"queue": "Raw"}})
    assert told == [f"ok   routes item 1.ticket: {TAKEN}", STRANGER]


async def test_otrs_is_asked_about_so_many_tickets_and_no_more(tmp_path: Path, otrs: Sandbox) -> None:
    routes = [{"dialled": str(number), "ticket": {"title": f"{number}"}} for number in range(MOST_REHEARSED + 5)]
    told = await found(tmp_path, otrs, {}, *routes)
    assert told[-2].startswith(f"ok   routes item {MOST_REHEARSED - 1}.ticket: ")
    assert told[-1] == f"?    routes: only the first {MOST_REHEARSED} of {MOST_REHEARSED + 6} tickets were asked about"
    assert otrs.received("TicketCreate") == MOST_REHEARSED


async def test_trouble_is_told_once(tmp_path: Path, otrs: Sandbox) -> None:
    otrs.faults.add(ERROR, "TicketCreate")
    told = await found(tmp_path, otrs, {}, {"dialled": "1", "ticket": {"title": "x"}})
    assert len(told) == 1
    assert told[0].startswith("?    ticket: ")


async def test_a_main_contact_is_one_of_his_company(tmp_path: Path, otrs: Sandbox) -> None:
    options: dict[str, Any] = {
        "customers": {"database": otrs.database, "main_contacts": {"ROMASHKA": "ivanov", "VECTOR": "ivanof"}},
        "otrs": {"url": otrs.url, "user": "agi-server", "password": PASSWORD},
    }
    findings = [str(finding) async for finding in check_connections(load(write_config(tmp_path, options), {}))]
    assert [finding for finding in findings if "main_contacts" in finding] == [
        "?    customers.main_contacts.VECTOR: ivanof is no valid customer of VECTOR"
        " -- name one by his login, written as in OTRS"
    ]


async def test_a_database_without_customers_is_hardly_the_right_one(tmp_path: Path, otrs: Sandbox) -> None:
    with contextlib.closing(sqlite3.connect(make_url(otrs.database).database or "")) as table:
        table.execute("DELETE FROM customer_user")
        table.commit()
    options: dict[str, Any] = {
        "customers": {"database": otrs.database},
        "otrs": {"url": otrs.url, "user": "agi-server", "password": PASSWORD},
    }
    findings = [str(one) async for one in check_connections(load(write_config(tmp_path, options), {}))]
    assert (
        "?    customers.database: customer_user has 0 valid customers"
        " -- nobody will be known: is this the database of OTRS?"
    ) in findings


async def repeats_found(folder: Path, otrs: Sandbox, **repeat: Any) -> list[str]:
    """What is said of repeated calls."""
    options: dict[str, Any] = {
        "customers": {"database": otrs.database},
        "otrs": {"url": otrs.url, "user": "agi-server", "password": PASSWORD},
        "repeat": repeat,
    }
    findings = [finding async for finding in check_connections(load(write_config(folder, options), {}))]
    return [str(finding) for finding in findings if finding.subject.startswith("repeat")]


async def test_repeated_calls_need_open_states_and_updates(tmp_path: Path, otrs: Sandbox) -> None:
    assert await repeats_found(tmp_path, otrs, within="0") == []
    taken = "ok   repeat.within: OTRS takes articles on open tickets"
    assert await repeats_found(tmp_path, otrs, within="30m") == [taken]
    told = await repeats_found(tmp_path, otrs, within="30m", states=["new", "opened"])
    assert told[0] == taken
    assert told[1].startswith("FAIL repeat.states: OTRS refuses 'opened': ")
    otrs.faults.add(ERROR, "TicketUpdate")
    [failed] = await repeats_found(tmp_path, otrs, within="30m")
    assert failed.startswith("FAIL repeat.within: ")
    assert failed.endswith("import config/otrs/GenericTicketConnector.yml anew")
    assert otrs.tickets == []


@pytest.mark.parametrize(
    ("ticket", "words"),
    [
        ({"queue": 99}, "FAIL ticket.queue: OTRS refuses the ID 99: "),
        ({"owner": "nobody"}, "FAIL ticket.owner: OTRS refuses 'nobody': "),
        ({"owner": "{{ call.dialled }}"}, "?    ticket.owner: OTRS refuses '4509': "),
        ({"history_type": "Call"}, "FAIL ticket.history_type: OTRS refuses 'Call': "),
        ({"from_address": "4509"}, "FAIL ticket.from_address: OTRS refuses '4509': "),
        ({"communication_channel": "Fax"}, "FAIL ticket.communication_channel: OTRS refuses 'Fax': "),
        (
            {"force_notification_to_user_id": [1, 99]},
            "FAIL ticket.force_notification_to_user_id: OTRS refuses the ID 1 or 99: ",
        ),
        ({"dynamic_fields": {"A": "a", "B": ["b"]}}, "FAIL ticket.dynamic_fields: OTRS refuses A or B: "),
    ],
)
async def test_what_otrs_refuses_is_told_by_its_option(
    tmp_path: Path, otrs: Sandbox, ticket: dict[str, Any], words: str
) -> None:
    [told] = await found(tmp_path, otrs, ticket)
    assert told.startswith(words)
    [routed] = (await found(tmp_path, otrs, {}, {"dialled": "1", "ticket": ticket}))[2:]
    assert routed.startswith(words.replace("ticket.", "routes item 1.ticket."))


@pytest.mark.parametrize(
    ("form", "route", "told"),
    [
        (
            {"state": "pending reminder", "pending_time": "2h"},
            {"pending_time": ""},
            "FAIL routes item 1.ticket.pending_time: "
            "Ticket->PendingTime: it is needed with the state 'pending reminder'"
            " -- a state of the type pending needs it, such as that of ticket.state",
        ),
        (
            {},
            {"state": 7},
            "FAIL ticket.pending_time: "
            "Ticket->PendingTime: it is needed with the state 7, one of OTRS's own pending ones"
            " -- a state of the type pending needs it, such as that of routes item 1.ticket.state",
        ),
        (
            {"sla": "Gold"},
            {},
            "FAIL ticket.sla: Ticket->SLA: only together with Service -- set what it needs, or leave it out",
        ),
        ({}, {"service": "Telephony", "sla": "Gold"}, ""),
    ],
)
def test_what_would_never_be_sent_is_told_before_otrs_is_asked(
    tmp_path: Path, form: dict[str, Any], route: dict[str, Any], told: str
) -> None:
    options: dict[str, Any] = {
        "customers": {"database": "sqlite+aiosqlite:////nowhere"},
        "otrs": {"url": "http://127.0.0.1:1/otrs", "user": "agi-server", "password": PASSWORD},
        "ticket": {"unknown_customer": "unknown-caller", **form},
        "routes": [{"dialled": "1", "ticket": route}],
    }
    config = load(write_config(tmp_path, options), {})
    assert [str(finding) for finding in check_form(config)] == [told] * bool(told)


def test_files_that_tickets_would_go_without_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "leaflet.pdf").write_bytes(b"%PDF")
    (tmp_path / "folder").mkdir()
    there = [f"{tmp_path}/leaflet.pdf", f"{tmp_path}/folder/{{{{ match }}}}.pdf"]
    missing = [f"{tmp_path}/none.pdf", f"{tmp_path}/folder", f"{tmp_path}/leaflet.pdf/{{{{ match }}}}"]
    options: dict[str, Any] = {
        "customers": {"database": "sqlite+aiosqlite:////srv/otrs.db"},
        "otrs": {"url": "http://127.0.0.1/x", "user": "u", "password": PASSWORD},
        "ticket": {"attachments": [{"file": path} for path in there]},
        "routes": [{"dialled": "1", "ticket": {"attachments": [{"file": path} for path in (*there, *missing)]}}],
    }
    config = load(write_config(tmp_path, options), {})
    assert check_form(config) == []
    told = [line for line in warnings(config) if "attachments" in line]
    assert told == [
        f"routes item 1.ticket.attachments item {item}.file: tickets go without it, for {tmp_path}/{words}"
        for item, words in (
            (3, "none.pdf is not there, or we may not read it"),
            (4, "folder is no file"),
            (5, "leaflet.pdf/ is not there, or we may not read it"),
        )
    ]


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ({}, ["ok   otrs.dialect: this is OTRS 6 or Znuny; its times are taken to be in UTC"]),
        (
            {"dialect": "4"},
            ["FAIL otrs.dialect: set to 4, but this is OTRS 6 or Znuny -- leave it to `auto`"],
        ),
        (
            {"dialect": "6", "time_zone": "Asia/Tokyo"},
            [
                "ok   otrs.dialect: this is OTRS 6 or Znuny; its times are taken to be in Asia/Tokyo",
                "?    otrs.time_zone: set to Asia/Tokyo, but OTRS's newest ticket was made +0 hours from UTC"
                " -- set it to OTRS's own time zone, not to that of its users",
            ],
        ),
        (
            {"time_zone": "Atlantic/Reykjavik"},
            ["ok   otrs.dialect: this is OTRS 6 or Znuny; its times are taken to be in Atlantic/Reykjavik"],
        ),
    ],
)
async def test_which_otrs_it_is(tmp_path: Path, otrs: Sandbox, told: dict[str, str], lines: list[str]) -> None:
    options: dict[str, Any] = {
        "customers": {"database": otrs.database},
        "otrs": {"url": otrs.url, "user": "agi-server", "password": PASSWORD, **told},
    }
    findings = [finding async for finding in check_connections(load(write_config(tmp_path, options), {}))]
    assert [str(one) for one in findings if one.subject in ("otrs.dialect", "otrs.time_zone")] == lines


async def test_which_otrs_it_is_can_t_always_be_told(tmp_path: Path, otrs: Sandbox) -> None:
    for operation in ("TicketSearch", "TicketCreate", "TicketGet"):
        otrs.faults.add(ERROR, operation)
    options: dict[str, Any] = {
        "customers": {"database": otrs.database},
        "otrs": {"url": otrs.url, "user": "agi-server", "password": PASSWORD},
    }
    findings = [str(one) async for one in check_connections(load(write_config(tmp_path, options), {}))]
    assert (
        "?    otrs.dialect: can't tell which OTRS it is: it is spoken to as all understand -- set it, if you know"
        in (findings)
    )
