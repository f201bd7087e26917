"""customer_user and customer_company in SQLite: the tables agi-server reads, and what tests do to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from agi_server.sandbox import Sandbox
from agi_server.sandbox.people import CUSTOMERS
from tests.contract.requests import created
from tests.contract.wire import Server


async def rows(sandbox: Sandbox, query: str) -> list[tuple[object, ...]]:
    """Read the table as agi-server does: through its address alone."""
    engine = create_async_engine(sandbox.database)
    async with engine.connect() as connection:
        found = [tuple(row) for row in await connection.execute(text(query))]
    await engine.dispose()
    return found


async def test_the_table_holds_the_stock_customers(sandbox: Sandbox) -> None:
    query = "SELECT id, login, phone, mobile, valid_id FROM customer_user ORDER BY id"

    found = await rows(sandbox, query)

    assert len(found) == len(CUSTOMERS.read_text(encoding="utf-8").splitlines()) - 1
    assert found[0] == (1, "ivanov", "8 495 123-45-67", "+7 (916) 122-96-24", 1)
    assert found[1] == (2, "petrova", "8-495-669-33-08", None, 1)
    assert [login for _, login, *_, valid in found if valid != 1] == ["former"]


async def test_all_stock_customers_have_a_company(sandbox: Sandbox) -> None:
    query = (
        "SELECT login, customer_user.city, name FROM customer_user"
        " LEFT JOIN customer_company USING (customer_id) ORDER BY customer_user.id"
    )

    found = await rows(sandbox, query)

    assert found[0] == ("ivanov", "Москва", "ООО «Ромашка»")
    assert found[1] == ("petrova", "Москва", "ООО «Ромашка»")
    assert [login for login, _, company in found if not company] == []


async def test_they_have_the_columns_of_otrs(sandbox: Sandbox) -> None:
    made = ["comments", "valid_id", "create_time", "create_by", "change_time", "change_by"]
    columns = {
        table: [row[1] for row in await rows(sandbox, f"PRAGMA table_info({table})")]
        for table in ("customer_user", "customer_company")
    }

    assert columns["customer_user"] == [
        "id", "login", "email", "customer_id", "pw", "title", "first_name", "last_name", "phone", "fax", "mobile",
        "street", "zip", "city", "country", *made,
    ]  # fmt: skip
    assert columns["customer_company"] == ["customer_id", "name", "street", "zip", "city", "country", "url", *made]


async def test_a_change_moves_the_change_time_in_whole_seconds(tmp_path: Path) -> None:
    clock = datetime(2026, 11, 22, 4, 22, 43, 999999, tzinfo=UTC)
    sandbox = Sandbox(tmp_path, now=lambda: clock)
    async with sandbox:
        clock += timedelta(minutes=1)
        await sandbox.people.change("ivanov", mobile="+7 999 000-11-22")
        await sandbox.people.add("new", phone="100", customer_id="X")

        query = "SELECT login, phone, mobile, create_time, change_time FROM customer_user WHERE id IN (1, 2, 15)"
        before, after = "2026-11-22 04:22:43.000000", "2026-11-22 04:23:43.000000"
        assert await rows(sandbox, query) == [
            ("ivanov", "8 495 123-45-67", "+7 999 000-11-22", before, after),
            ("petrova", "8-495-669-33-08", None, before, before),
            ("new", "100", None, after, after),
        ]


async def test_nobody_cannot_be_changed(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError):
        await sandbox.people.change("nobody", phone="1")


async def test_the_web_service_sees_a_change_at_once(sandbox: Sandbox, otrs: Server) -> None:
    await sandbox.people.add(
        "new", customer_id="NEWCO", first_name="Новый", last_name="Клиент", email="n@newco.example"
    )
    await created(otrs, ticket={"CustomerUser": "N@newco.example"})
    await sandbox.people.change("new", valid_id=2)

    answer = await otrs.call("TicketUpdate", {"TicketID": "2", "Ticket": {"CustomerUser": "new"}})

    (ticket,) = sandbox.tickets
    assert (ticket.customer_user, ticket.customer_id) == ("new", "NEWCO")
    assert ticket.articles[0].sender == '"Новый Клиент" <n@newco.example>'
    assert answer.error[0] == "TicketUpdate.InvalidParameter"


async def test_customers_stay_when_the_stand_in_starts_again(tmp_path: Path) -> None:
    for password in ("a", "b"):
        async with Sandbox(tmp_path, password=password) as sandbox:
            known = await sandbox.people.find("new")
            assert (known is not None) is (password == "b")
            if known is None:
                await sandbox.people.add("new")
