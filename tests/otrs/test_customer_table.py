"""Reading `customer_user` and companies' names, on each database."""

from __future__ import annotations

import asyncio
import logging

import pytest
from sqlalchemy import make_url

from agi_server.otrs.customer_table import PAGE_ROWS, CustomerTable
from agi_server.otrs.table_error import TableError
from tests.lab import facts
from tests.otrs.customer_user import MONDAY, SECOND, CustomerUser, Queries
from tests.otrs.directory import IVANOV, PETROVA, table_of


async def test_a_row_as_it_is(table: CustomerUser) -> None:
    await table.add(IVANOV, {"login": "bare", "valid_id": 2, "change_time": MONDAY + SECOND})
    reader = table_of(table, number_columns=("mobile", "fax"))
    assert reader.columns == (
        "login", "customer_id", "first_name", "last_name", "email", "phone", "mobile", "fax",
    )  # fmt: skip
    ivanov, bare = await reader.page(0)
    assert ivanov[1:] == (True, MONDAY, (*IVANOV.values(), "", ""))
    assert bare[1:] == (False, MONDAY + SECOND, ("bare", "", "", "", "bare@customers.example", "", "", "", ""))
    await reader.close()


async def test_pages_follow_each_other(table: CustomerUser) -> None:
    rows = 2 * PAGE_ROWS + 1
    await table.add(*({"login": f"user{number}"} for number in range(rows)))
    reader, found, sizes, after = table_of(table), list[str](), list[int](), 0
    while page := await reader.page(after):
        found += [row.facts[0] for row in page]
        sizes.append(len(page))
        after = page[-1].id
    assert found == [f"user{number}" for number in range(rows)]
    assert sizes == [PAGE_ROWS, PAGE_ROWS, 1]
    await reader.close()


async def test_changed_rows_only(table: CustomerUser) -> None:
    await table.add(*({"login": f"user{n}", "valid_id": n % 3, "change_time": MONDAY + n * SECOND} for n in range(9)))
    reader = table_of(table)
    rows = await reader.page(0, MONDAY + 5 * SECOND)
    assert [row.facts[0] for row in rows] == ["user5", "user6", "user7", "user8"]
    assert [row.facts[0] for row in await reader.page(rows[1].id, MONDAY + 5 * SECOND)] == ["user7", "user8"]
    await reader.close()


async def test_counts_and_times(table: CustomerUser) -> None:
    reader = table_of(table)
    assert await reader.newest(MONDAY) is None
    assert await reader.count() == 0
    await table.add(*({"login": f"user{n}", "valid_id": n % 3, "change_time": MONDAY + n * SECOND} for n in range(9)))
    assert await reader.newest(MONDAY + 100 * SECOND) == MONDAY + 8 * SECOND
    assert await reader.newest(MONDAY + 4 * SECOND) == MONDAY + 4 * SECOND
    assert await reader.count() == 3
    await reader.close()


@pytest.mark.lab
async def test_a_zero_date_is_no_time(mariadb: CustomerUser) -> None:
    await mariadb.add(IVANOV)
    await mariadb.do("SET STATEMENT sql_mode = '' FOR UPDATE customer_user SET change_time = '0000-00-00 00:00:00'")
    reader = table_of(mariadb)
    (row,) = await reader.page(0)
    assert row.changed is None
    assert await reader.newest(MONDAY) is None
    await reader.close()


@pytest.mark.lab
async def test_tables_in_another_schema(mariadb: CustomerUser) -> None:
    await mariadb.add(IVANOV)
    await mariadb.name_companies(ROMASHKA="Ромашка")
    reader = table_of(
        mariadb,
        database=mariadb.url.set(database=facts.DATABASE),
        table=f"{mariadb.url.database}.customer_user",
        company_table="customer_company",
    )
    assert [(row.facts[0], row.facts[-1]) for row in await reader.page(0)] == [("ivanov", "Ромашка")]
    await reader.close()


@pytest.mark.lab
async def test_the_schema_that_postgresql_calls_public(postgresql: CustomerUser) -> None:
    await postgresql.add(IVANOV)
    await postgresql.name_companies(ROMASHKA="Ромашка")
    reader = table_of(postgresql, table="public.customer_user", company_table="public.customer_company")
    assert [(row.facts[0], row.facts[-1]) for row in await reader.page(0)] == [("ivanov", "Ромашка")]
    await reader.close()


@pytest.mark.lab
async def test_a_connection_that_broke_is_replaced(server: CustomerUser) -> None:
    await server.add(IVANOV)
    reader = table_of(server)
    await reader.page(0)
    await server.go_away()
    await server.come_back()
    assert len(await reader.page(0)) == 1
    await reader.close()


@pytest.mark.lab
async def test_an_answer_may_take_longer_than_a_greeting(server: CustomerUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.otrs.customer_table.CONNECT_S", 0.1)
    await server.add(IVANOV)
    reader = table_of(server)
    async with server.locked():
        reading = asyncio.create_task(reader.page(0))
        assert not (await asyncio.wait({reading}, timeout=0.3))[0]
    assert len(await reading) == 1
    await reader.close()


@pytest.mark.lab
async def test_an_answer_that_does_not_come(server: CustomerUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.otrs.customer_table.QUERY_S", 0.1)
    await server.add(IVANOV)
    reader = table_of(server)
    async with server.locked():
        with pytest.raises(TableError, match=r"^127\.0\.0\.1:\d+ does not answer$"):
            await reader.page(0)
    monkeypatch.undo()
    assert len(await reader.page(0)) == 1
    await reader.close()


# ---------------------------------------------------------------------- companies' names


async def names(reader: CustomerTable) -> list[str]:
    return [row.facts[-1] for row in await reader.page(0)]


async def test_companies_names_come_along(table: CustomerUser) -> None:
    await table.add(IVANOV, PETROVA | {"customer_id": "NOBODY"}, {"login": "private"})
    await table.name_companies(ROMASHKA="ООО «Ромашка»", VECTOR="АО «Вектор»")
    reader = table_of(table, company_table="customer_company")
    assert await names(reader) == ["ООО «Ромашка»", "", ""]
    assert [row.facts[-1] for row in await reader.page(0, MONDAY)] == ["ООО «Ромашка»", "", ""]
    assert reader.no_names is None
    await reader.close()


async def test_nobody_asks_for_names_that_are_not_wanted(table: CustomerUser) -> None:
    await table.add(IVANOV)
    await table.name_companies(ROMASHKA="ООО «Ромашка»")
    reader = table_of(table, company_table="")
    with Queries() as queries:
        assert await names(reader) == [""]
        reader.retry_names()
        assert await names(reader) == [""]
    assert not [statement for statement, _ in queries.sent if "compan" in statement]
    assert reader.no_names is None
    await reader.close()


async def test_without_a_table_of_companies_customers_come_all_the_same(
    table: CustomerUser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await table.add(IVANOV)
    reader = table_of(table, company_table="companies")
    with Queries() as queries:
        for _ in range(3):
            assert await names(reader) == [""]
    assert sum("companies" in statement for statement, _ in queries.sent) == 1
    assert reader.no_names is not None
    reader.retry_names()
    assert await names(reader) == [""]
    (line,) = (record for record in caplog.records if record.name.startswith("agi_server"))
    assert line.levelno == logging.INFO
    assert line.getMessage().startswith("customers come without their company's name: ")
    assert "correct customers.company_table" in line.getMessage()
    async with table.with_companies("companies"):
        assert await names(reader) == [""]
        reader.retry_names()
        assert await names(reader) == ["Ромашка"]
        assert reader.no_names is None
    await reader.close()


@pytest.mark.lab
async def test_what_would_give_a_right_is_said(
    mariadb: CustomerUser, postgresql: CustomerUser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for table in (mariadb, postgresql):
        await table.add(IVANOV)
        async with table.with_companies("secret", readable=False):
            reader = table_of(table, company_table="secret")
            assert await names(reader) == [""]
            await reader.close()
    on_mariadb, on_postgresql = (record.getMessage() for record in caplog.records if record.name.startswith("agi"))
    assert on_mariadb == (
        "customers come without their company's name: asterisk may not read secret (SELECT command denied to user"
        f" 'asterisk'@'127.0.0.1' for table `{mariadb.url.database}`.`secret`); in the database GRANT SELECT ON"
        f" {mariadb.url.database}.secret TO 'asterisk'@'<this host>', or correct customers.company_table"
    )
    assert on_postgresql == (
        "customers come without their company's name: asterisk may not read secret (permission denied for table"
        " secret); in the database GRANT SELECT ON secret TO asterisk, or correct customers.company_table"
    )


@pytest.mark.lab
async def test_names_that_do_not_compare_are_no_reason_to_fail(mariadb: CustomerUser) -> None:
    """Databases that have seen many versions of OTRS may have tables of different collations."""
    await mariadb.add(IVANOV)
    async with mariadb.with_companies("companies", "COLLATE utf8mb3_unicode_ci"):
        reader = table_of(mariadb, company_table="companies")
        assert await names(reader) == [""]
        assert "Illegal mix of collations" in str(reader.no_names)
        await reader.close()


async def test_a_database_that_is_away_is_not_asked_twice(table: CustomerUser) -> None:
    reader = table_of(table, company_table="customer_company")
    await reader.page(0)
    await table.go_away()
    with pytest.raises(TableError):
        await reader.page(0)
    assert reader.no_names is None
    await table.come_back()
    await table.add(IVANOV)
    await table.name_companies(ROMASHKA="Ромашка")
    assert await names(reader) == ["Ромашка"]
    await reader.close()


def test_the_address_has_no_login_in_it() -> None:
    address = make_url("mysql+aiomysql://asterisk:s3cret@db.example:3306/otrs")
    table = CustomerTable(address, password="other-s3cret", table="customer_user", number_columns=())
    assert table.address == "mysql://db.example:3306/otrs customer_user"
