"""What `check --connect` finds out about rpc.pl, and what `check` says is set to no effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agi_server.check import check_connections, warnings
from agi_server.config import Config, load
from agi_server.sandbox.faults import CLOSED
from agi_server.sandbox.otrs import Sandbox
from tests.otrs.rpc_desk import DOWN, SILENT
from tests.program import write_config

PASSWORD = "soap-secret"


def configured(folder: Path, standing_in: Sandbox, /, **options: dict[str, Any]) -> Config:
    """On this stand-in's rpc.pl."""
    whole: dict[str, dict[str, Any]] = {
        "customers": {"database": standing_in.database},
        "otrs": {"interface": "rpc", "url": standing_in.rpc_url, "user": "agi-server", "password": PASSWORD},
        "ticket": {"unknown_customer": "unknown-caller"},
    }
    for section, values in options.items():
        whole[section] = {**whole.get(section, {}), **values}
    return load(write_config(folder, whole), {})


async def found(config: Config) -> list[str]:
    """What is said of OTRS."""
    about = ("otrs", "ticket", "repeat", "routes")
    return [str(finding) async for finding in check_connections(config) if finding.subject.startswith(about)]


async def test_all_is_well(tmp_path: Path) -> None:
    async with Sandbox(tmp_path, password=PASSWORD, dialect="3.1") as otrs:
        assert await found(configured(tmp_path, otrs, repeat={"within": "1h"})) == [
            "ok   otrs.user: OTRS lets agi-server in, and has its database",
            "ok   otrs.interface: OTRS makes articles over rpc.pl",
            "ok   ticket: OTRS would take it: queue 'Raw', state 'new', priority '3 normal'",
            "ok   ticket.unknown_customer: OTRS takes 'unknown-caller' for 89161229624",
        ]
        assert otrs.tickets == []


async def test_otrs_6_has_lost_its_articles(tmp_path: Path) -> None:
    async with Sandbox(tmp_path, password=PASSWORD, dialect="6") as otrs:
        told = await found(configured(tmp_path, otrs))
    assert len(told) == 2
    assert told[1] == (
        "FAIL otrs.interface: this is OTRS 6 or Znuny, whose rpc.pl makes no articles"
        " -- set otrs.interface to ticket-connector, and otrs.url to the web service's address"
    )


async def test_who_is_not_let_in(tmp_path: Path) -> None:
    async with Sandbox(tmp_path, password="another", dialect="4") as otrs:
        [refused] = await found(configured(tmp_path, otrs))
    assert refused.startswith("FAIL otrs.user, otrs.password: OTRS refuses agi-server, or has no SOAP::User -- ")


async def test_nobody_is_there(tmp_path: Path) -> None:
    async with Sandbox(tmp_path, password=PASSWORD, dialect="4") as otrs:
        [nothing] = await found(configured(tmp_path, otrs, otrs={"url": otrs.rpc_url.replace("rpc.pl", "rpx.pl")}))
        for _ in range(5):
            for method in DOWN:
                otrs.faults.add(SILENT, method)
        [away] = await found(configured(tmp_path, otrs))
    assert nothing.startswith("FAIL otrs.url: OTRS answered 404, not SOAP: 404: Not Found (is otrs.url right?) -- ")
    assert away == "FAIL otrs.url: OTRS answers, but not from its database -- is OTRS's database running?"


async def test_an_agent_without_rights(tmp_path: Path) -> None:
    async with Sandbox(tmp_path, password=PASSWORD, dialect="4") as otrs:
        for _ in range(2):
            otrs.faults.add(SILENT, "TicketSearch")
        told = await found(configured(tmp_path, otrs))
    assert told[2:] == [
        "FAIL otrs.user_id: OTRS does not search for agent 1 (otrs.user_id): has he the right to read?"
        " -- name an agent who may read the queues of the calls"
    ]


async def test_trouble_in_the_middle(tmp_path: Path) -> None:
    async with Sandbox(tmp_path, password=PASSWORD, dialect="4") as otrs:
        otrs.faults.add(CLOSED, "ArticleCreate")
        otrs.faults.add(CLOSED, "QueueLookup")
        told = await found(configured(tmp_path, otrs))
    assert [line[:5] + line[5:].partition(":")[0] for line in told] == [
        "ok   otrs.user",
        "?    otrs.interface",
        "?    ticket",
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"ticket": {"queue": "Sails"}}, "FAIL ticket.queue: OTRS refuses 'Sails': OTRS has no such queue"),
        ({"ticket": {"state": "brand new"}}, "FAIL ticket.state: OTRS refuses 'brand new': OTRS has no such state"),
        ({"ticket": {"priority": "high"}}, "FAIL ticket.priority: OTRS refuses 'high': OTRS has no such priority"),
        ({"ticket": {"owner": "nobody"}}, "FAIL ticket.owner: OTRS refuses 'nobody': OTRS has no such owner"),
        (
            {"ticket": {"article_type": "letter"}},
            "FAIL ticket.article_type: OTRS refuses 'letter': OTRS has no such article type",
        ),
        (
            {"ticket": {"unknown_customer": "nobody"}},
            "FAIL ticket.unknown_customer: OTRS refuses 'nobody': OTRS has no such customer",
        ),
        (
            {"repeat": {"within": "1h", "states": ["new", "opened"]}},
            "FAIL repeat.states: OTRS refuses 'opened': OTRS has no such state",
        ),
        ({"ticket": {"lock": "locked"}}, "FAIL ticket.lock: OTRS refuses 'locked': OTRS has no such lock"),
        ({"otrs": {"user_id": "77"}}, "FAIL otrs.user_id: OTRS has no agent with the ID 77 (otrs.user_id)"),
    ],
)
async def test_what_otrs_does_not_know(tmp_path: Path, options: dict[str, dict[str, Any]], line: str) -> None:
    async with Sandbox(tmp_path, password=PASSWORD, dialect="4") as otrs:
        told = await found(configured(tmp_path, otrs, **options))
        assert otrs.tickets == []
    assert [one for one in told if one.startswith(line)], told


RPC = {"interface": "rpc", "url": "http://127.0.0.1/otrs/rpc.pl"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"otrs": RPC}, []),
        ({"otrs": {}}, []),
        (
            {"otrs": {**RPC, "url": "http://127.0.0.1/otrs/x"}},
            ["otrs.interface: is rpc, but otrs.url is not that of an rpc.pl"],
        ),
        (
            {"otrs": {"url": "http://127.0.0.1/otrs/rpc.pl"}},
            ["otrs.interface: is ticket-connector, but otrs.url is that of an rpc.pl"],
        ),
        ({"otrs": {"user_id": "2"}}, ["otrs.user_id: means nothing with otrs.interface: ticket-connector"]),
        (
            {"otrs": {**RPC, "call_field": "X", "namespace": "urn:x"}},
            [
                "otrs.call_field: means nothing with otrs.interface: rpc",
                "otrs.namespace: means nothing with otrs.interface: rpc",
            ],
        ),
        (
            {"otrs": RPC, "ticket": {"dynamic_fields": {"A": "x"}, "time_unit": "5"}},
            [
                "ticket.dynamic_fields: means nothing with otrs.interface: rpc",
                "ticket.time_unit: means nothing with otrs.interface: rpc",
            ],
        ),
        (
            {"otrs": RPC, "routes": [{"dialled": "1", "ticket": {"visible_for_customer": "true"}}]},
            ["routes item 1.ticket.visible_for_customer: means nothing with otrs.interface: rpc"],
        ),
        ({"ticket": {"dynamic_fields": {"A": "x"}}}, []),
    ],
)
def test_what_has_no_effect(tmp_path: Path, options: dict[str, Any], expected: list[str]) -> None:
    otrs = {"url": "http://127.0.0.1/otrs/Webservice/X", "user": "u", "password": "p", **options.pop("otrs", {})}
    ticket = {"unknown_customer": "unknown-caller", **options.pop("ticket", {})}
    customers = {"database": "sqlite+aiosqlite:////nowhere/customers.db"}
    config = load(write_config(tmp_path, {"customers": customers, "otrs": otrs, "ticket": ticket, **options}), {})
    assert [line for line in warnings(config) if "interface" in line] == expected
