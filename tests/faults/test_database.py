"""OTRS's database fails: callers are known as far as they were before, and nobody waits for it.

The table of customers is one of the test's own, in SQLite and on the lab's servers; OTRS itself is
the stand-in, which does without it or fails with it, as the test says. Here nothing is made short.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import URL

from agi_server.asterisk.client import CallReport
from agi_server.sandbox import faults
from tests.faults.campaign import Tally, count, of_call
from tests.faults.house import House, assert_let_go, assert_told, house, ids
from tests.lab.lab import require
from tests.otrs.customer_user import (
    MONDAY,
    SECOND,
    CustomerUser,
    in_sqlite,
    on_server,
    scratch_on_mariadb,
    scratch_on_postgresql,
)
from tests.otrs.directory import IVANOV, PETROVA, until
from tests.otrs.peer import raw

closed = raw(b"")
CALLS = 100
PATIENCE_S = 2.5
IVANOV_S, PETROVA_S, NOBODY_S = "89161229624", "84956693308", "+4915112345678"


@pytest.fixture(scope="module")
def mariadb() -> Iterator[URL]:
    require()
    with scratch_on_mariadb() as owner:
        yield owner


@pytest.fixture(scope="module")
def postgresql() -> Iterator[URL]:
    require()
    with scratch_on_postgresql() as owner:
        yield owner


@pytest.fixture(params=["sqlite", *(pytest.param(one, marks=pytest.mark.lab) for one in ("mariadb", "postgresql"))])
async def table(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CustomerUser]:
    if request.param == "sqlite":
        async with in_sqlite(tmp_path) as table:
            await table.add(IVANOV, PETROVA)
            yield table
    else:
        async with on_server(request.getfixturevalue(request.param)) as table:
            await table.add(IVANOV, PETROVA)
            yield table


def on(table: CustomerUser, folder: Path) -> AbstractAsyncContextManager[House]:
    """The program with this table."""
    password = SecretStr(table.password) if table.password else None
    customers = {"database": table.url, "password": password, "refresh": 0.2}
    return house(folder, customers=customers, fastagi={"patience": PATIENCE_S})


async def known(one: House) -> None:
    """Wait until the index has the table, and follows it."""
    await until(lambda: one.app.customers.status().complete and one.app.customers.status().trouble is None)


async def missed(one: House) -> None:
    """Wait until it is noticed that the database is away."""
    await until(lambda: one.app.customers.status().trouble is not None)


async def of_three(one: House, fault: str) -> tuple[list[str], list[CallReport]]:
    """A known caller, another, and one whom nobody knows, in turn."""
    calls = ids(fault, CALLS)
    reports: list[CallReport] = []
    for number, part in zip((IVANOV_S, PETROVA_S, NOBODY_S), (calls[:40], calls[40:70], calls[70:]), strict=True):
        reports += await one.calls(part, over_s=0.5, number=number)
    await one.settled()
    return calls, reports


def customers(one: House) -> dict[str, str]:
    """Whose ticket each call became."""
    return {of_call(ticket): ticket.customer_user for ticket in one.otrs.tickets}


def assert_known(one: House, calls: list[str], reports: list[CallReport]) -> None:
    """The known ones were recognised, in the ticket and in the dialplan."""
    logins = ["ivanov"] * 40 + ["petrova"] * 30 + ["unknown-caller"] * 30
    assert [customers(one)[call] for call in calls] == logins
    said = [report.variables.get("HELPDESK_CUSTOMER", "unknown-caller") for report in reports]
    assert said == logins


def assert_kept(fault: str, table: CustomerUser, calls: list[str], reports: list[CallReport], one: House) -> None:
    """In time, nothing lost, nothing doubled."""
    where = {"mysql": ", MariaDB", "postgresql": ", PostgreSQL"}.get(table.url.get_backend_name(), "")
    tally: Tally = count(f"database {fault}{where}", calls, reports, one.tickets())
    assert_let_go(reports, PATIENCE_S)
    assert (tally.tickets, tally.lost, tally.doubled) == (len(calls), 0, 0)


async def test_down_at_our_first_start_all_are_strangers_until_it_is_there(table: CustomerUser, tmp_path: Path) -> None:
    await table.go_away()
    async with on(table, tmp_path) as one:
        await missed(one)
        calls, reports = await of_three(one, "down at start")
        assert_kept("down at our first start", table, calls, reports, one)
        assert set(customers(one).values()) == {"unknown-caller"}
        assert {report.variables["HELPDESK_MATCH"] for report in reports} == {"none"}
        await table.come_back()
        await known(one)
        [report] = await one.calls(["after"], number=IVANOV_S)
        assert report.variables["HELPDESK_CUSTOMER"] == "ivanov"
    assert_told(reports, "created", "queued")


async def test_down_later_callers_are_known_from_the_index(table: CustomerUser, tmp_path: Path) -> None:
    async with on(table, tmp_path) as one:
        await known(one)
        await table.go_away()
        calls, reports = await of_three(one, "down later")
        assert_kept("down later", table, calls, reports, one)
        assert_known(one, calls, reports)
    assert_told(reports, "created", "queued")


async def test_gone_for_good_the_index_serves_after_our_restart_too(table: CustomerUser, tmp_path: Path) -> None:
    async with on(table, tmp_path) as one:
        await known(one)
        await table.go_away()
        await one.restart()
        calls, reports = await of_three(one, "gone")
        assert_kept("gone for good, we restart", table, calls, reports, one)
        assert_known(one, calls, reports)
        assert not one.app.customers.status().age_s
    assert_told(reports, "created", "queued")


async def test_slow_costs_the_known_nothing_and_others_no_more_than_patience(mariadb: URL, tmp_path: Path) -> None:
    """A look into the table takes longer than a caller is held up by it; MariaDB makes who reads it wait."""
    async with on_server(mariadb) as table:
        await table.add(IVANOV, PETROVA)
        async with on(table, tmp_path) as one:
            await known(one)
            async with table.locked():
                calls, reports = await of_three(one, "slow")
            assert_kept("slow", table, calls, reports, one)
            assert_known(one, calls, reports)
    assert_told(reports, "created", "queued")


async def test_down_with_otrs_and_back_with_it(table: CustomerUser, tmp_path: Path) -> None:
    async with on(table, tmp_path) as one:
        await known(one)
        await table.go_away()
        one.gate.always(raw(faults.HTML.answer or b""))
        calls = ids("both", CALLS)
        reports = await one.calls(calls, number=IVANOV_S)
        await table.come_back()
        await one.well_again()
        assert_kept("down, and OTRS with it", table, calls, reports, one)
        assert set(customers(one).values()) == {"ivanov"}
    assert_told(reports, "queued")
    assert {report.variables["HELPDESK_CUSTOMER"] for report in reports} == {"ivanov"}


async def test_customers_who_change_while_their_calls_wait(table: CustomerUser, tmp_path: Path) -> None:
    """A ticket is its customer's at the time when it is made: one is new, one has got another's number."""
    async with on(table, tmp_path) as one:
        await known(one)
        one.gate.always(closed)
        calls = ids("changed", CALLS)
        reports = await one.calls(calls[:50], number=IVANOV_S)
        reports += await one.calls(calls[50:], number=NOBODY_S)
        later = MONDAY + 60 * SECOND
        await table.change("ivanov", later, mobile=None, phone=None)
        await table.change("petrova", later, mobile=IVANOV_S)
        await table.add({"login": "kuznetsova", "mobile": NOBODY_S, "change_time": later})
        await until(lambda: one.app.customers.status().customers == 3)
        await one.gate.requests_are(len(one.gate.requests) + 2)  # an attempt may have begun before
        await one.well_again()
        assert_kept("customers change meanwhile", table, calls, reports, one)
        assert [customers(one)[call] for call in calls] == ["petrova"] * 50 + ["kuznetsova"] * 50
    said: list[Any] = [report.variables.get("HELPDESK_CUSTOMER") for report in reports]
    assert said == ["ivanov"] * 50 + [None] * 50
