"""The directory of customers, on each database: who is found, what a check finds, and a look without a start."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from agi_server.call import Customer, Hits, Match
from agi_server.numbers import Numbering
from agi_server.otrs.customers import Readable, Unreadable
from tests.otrs.customer_user import MONDAY, SECOND, CustomerUser, Queries
from tests.otrs.directory import BRISK, IVANOV, MOSCOW, PETROVA, Stopwatch, customers_of, login, started

NO_NUMBERS = (
    "' OR 1=1 --",
    "+7'; DROP TABLE customer_user; --",
    "%",
    "+7495%",
    "\x00",
    "+7916122962٤",
    "x" * 100_000,
    "9" * 100_000,
    "+",
    "~",
    "\udcff",
    "Иванов",
    "+79161229624\n",
    "+79161229624;ext=",
    "+79161229624;ext=" + "1" * 100,
)


async def test_a_customer_is_found_by_each_of_his_numbers(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV, PETROVA)
    async with started(table, tmp_path) as customers:
        assert await customers.find("+79161229624") == Hits(Match.EXACT, (Customer(**IVANOV),))
        assert await login(customers, "+74951234567") == "ivanov"
        petrova = Customer("petrova", email="petrova@customers.example", phone="8-495-669-33-08")
        assert await customers.find("+74956693308") == Hits(Match.EXACT, (petrova,))


async def test_a_caller_without_a_number_is_nobody(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV, {"login": "nophone", "phone": ""}, {"login": "null"}, {"login": "words", "phone": "нет"})
    async with started(table, tmp_path, clock=watch) as customers:
        assert await customers.find("+79160000000") == Hits()
        watch.seconds += 1
        with Queries() as queries:
            assert await customers.find("") == Hits()
        assert queries.sent == []


async def test_customers_out_of_use_are_not_found(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV | {"valid_id": 2}, PETROVA | {"valid_id": 3})
    async with started(table, tmp_path) as customers:
        assert await login(customers, "+79161229624") is None
        assert await login(customers, "+74956693308") is None
        assert customers.status().customers == 0


async def test_of_several_the_one_changed_last_comes_first(table: CustomerUser, tmp_path: Path) -> None:
    phone = "8 495 777-00-11"
    await table.add(
        {"login": "old", "phone": phone},
        {"login": "new", "mobile": f"{phone}, 84957770012", "change_time": MONDAY + SECOND},
        {"login": "as old", "phone": phone},
    )
    async with started(table, tmp_path) as customers:
        found = await customers.find("+74957770011")
        assert found.grade is Match.EXACT
        assert [one.login for one in found.customers] == ["new", "as old", "old"]
        assert await login(customers, "+74957770012") == "new"


async def test_numbers_come_from_the_columns_that_are_named(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV | {"fax": "84957770099"})
    async with started(table, tmp_path, number_columns=("fax",)) as customers:
        assert await customers.find("+74957770099") == Hits(Match.EXACT, (Customer(**IVANOV),))
        assert await login(customers, "+79161229624") is None


async def test_internal_numbers_are_found(table: CustomerUser, tmp_path: Path) -> None:
    await table.add({"login": "colleague", "phone": "201"}, {"login": "company", "phone": "84957770011 доб. 202"})
    async with started(table, tmp_path) as customers:
        assert await login(customers, MOSCOW.heard("201").canonical) == "colleague"
        assert await login(customers, MOSCOW.heard("202").canonical) is None


async def test_what_is_no_number_is_nobody_s(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        watch.seconds += 2
        with Queries() as queries:
            for words in NO_NUMBERS:
                assert await customers.find(words) == Hits()
                assert await customers.peek(words) == Hits()
        assert queries.sent == []
        assert customers.status().trouble is None


async def test_no_caller_s_number_reaches_the_database(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    numbers = ("+74950000001", "~0000002", "0003")
    async with started(table, tmp_path, clock=watch) as customers:
        with Queries() as queries:
            for number in numbers:
                watch.seconds += 2
                assert await customers.find(number) == Hits()
        assert queries.looks() > 1
        everything = "".join(statement + parameters for statement, parameters in queries.sent)
        assert not [number for number in numbers if number.strip("+~") in everything]


async def test_what_templates_may_want_to_know(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV | {"city": "Москва", "comments": None})
    await table.name_companies(ROMASHKA="ООО «Ромашка»")
    async with started(table, tmp_path, columns=("city", "comments", "phone", "id", "change_time")) as customers:
        (ivanov,) = (await customers.find("+79161229624")).customers
        assert ivanov == Customer(**IVANOV, company="ООО «Ромашка»", columns=ivanov.columns)
        assert (ivanov["city"], ivanov["comments"], ivanov["phone"]) == ("Москва", "", IVANOV["phone"])
        assert ivanov["id"].isdigit()
        assert ivanov["change_time"] == str(MONDAY)


async def test_a_company_s_new_name_comes_with_the_next_load(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV)
    await table.name_companies(ROMASHKA="ООО «Ромашка»")
    async with started(table, tmp_path, refresh=BRISK, full=0.0) as customers:
        assert (await customers.find("+79161229624")).customers[0].company == "ООО «Ромашка»"
        await table.name_companies(ROMASHKA="АО «Василёк»")
        async with asyncio.timeout(10):
            while (await customers.find("+79161229624")).customers[0].company != "АО «Василёк»":  # noqa: ASYNC110
                await asyncio.sleep(BRISK)


async def test_a_guess_has_the_table_looked_at_too(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    """The caller may have been entered a moment ago; whom we know for certain costs no look."""
    await table.add({"login": "local", "phone": "122-96-24"}, {"login": "national", "phone": "0171 1234567"})
    async with started(table, tmp_path, clock=watch, numbering=Numbering("RU")) as customers:
        assert await customers.find("+79161229624") == await customers.find("~9161229624")
        assert (await customers.find("+79161229624")).grade is Match.SUFFIX
        await table.add(IVANOV | {"change_time": MONDAY + SECOND})
        watch.seconds += 2
        found = await customers.find("+79161229624")
        assert (found.grade, [one.login for one in found.customers]) == (Match.EXACT, ["ivanov"])
        watch.seconds += 2
        with Queries() as queries:
            assert (await customers.find("~9161229624")).grade is Match.NATIONAL
            assert (await customers.find("+79161229624;ext=12")).grade is Match.WITHOUT_EXTENSION
        assert queries.sent == []


async def test_a_check_counts(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV, PETROVA, {"login": "words", "phone": "нет"}, {"login": "gone", "valid_id": 2})
    customers = customers_of(table, tmp_path)
    assert await customers.check() == Readable(customers=3, examined=3, with_number=2)
    assert not (tmp_path / "customers.db").exists()
    await customers.close()


async def test_a_check_finds_main_contacts_who_are_none(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(
        IVANOV, PETROVA | {"customer_id": "VECTOR"}, {"login": "gone", "customer_id": "SEVER", "valid_id": 2}
    )
    customers = customers_of(table, tmp_path)
    contacts = {IVANOV["customer_id"]: "ivanov", "STROY": "petrova", "SEVER": "gone", "ACME": "ivanof"}
    found = await customers.check(contacts)
    assert isinstance(found, Readable)
    assert found.without_contact == ("STROY", "SEVER", "ACME")
    await customers.close()


async def test_a_check_tells_why_it_cannot_count(small: CustomerUser, tmp_path: Path) -> None:
    customers = customers_of(small, tmp_path, number_columns=("phone", "handy"))
    found = await customers.check()
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("a column is missing in customer_user")
    assert found.hint == "correct customers.number_columns, or customers.table"
    await customers.close()


async def test_a_check_tells_why_companies_have_no_names(small: CustomerUser, tmp_path: Path) -> None:
    customers = customers_of(small, tmp_path, company_table="companies")
    found = await customers.check()
    assert isinstance(found, Readable)
    assert found.no_companies == Unreadable(
        "there is no table companies (no such table: companies)",
        "correct customers.company_table, or the database's name in customers.database",
    )
    await customers.close()


# ---------------------------------------------------------------------- without a start


async def test_a_peek_without_a_server_reads_the_table(
    table: CustomerUser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await table.add(IVANOV, PETROVA)
    (tmp_path / "index").mkdir()
    customers = customers_of(table, tmp_path, index=tmp_path / "index" / "customers.db")
    assert await customers.peek("+79161229624") == Hits(Match.EXACT, (Customer(**IVANOV),))
    assert await customers.peek("~1229624") == Hits(Match.SUFFIX, (Customer(**IVANOV),))
    assert await customers.peek("+79160000000") == Hits()
    assert list((tmp_path / "index").iterdir()) == []
    assert "2 customers read in 0." in caplog.text
    await customers.close()


async def test_a_peek_sees_what_the_running_server_knows(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path) as running:
        await running.find("+79161229624")
        await table.add(PETROVA)
        customers = customers_of(table, tmp_path)
        with Queries() as queries:
            assert await customers.peek("+79161229624") == Hits(Match.EXACT, (Customer(**IVANOV),))
            assert await customers.peek("+74956693308") == Hits()
        assert queries.sent == []
        otherwise = customers_of(table, tmp_path, numbering=Numbering("RU", "812"))
        petrova = await otherwise.peek("+74956693308")
        assert isinstance(petrova, Hits)
        assert petrova.grade is Match.EXACT
        await customers.close()
        await otherwise.close()


async def test_a_peek_tells_why_the_table_cannot_be_read(
    small: CustomerUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers = customers_of(small, tmp_path, table="customer_usr")
    found = await customers.peek("+79161229624")
    assert isinstance(found, Unreadable)
    assert found.reason == "there is no table customer_usr (no such table: customer_usr)"
    await customers.close()
    customers = customers_of(small, tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    found = await customers.peek("+79161229624")
    assert isinstance(found, Unreadable)
    assert found.hint == "make room in the folder TMPDIR"
    await customers.close()


async def test_how_long_lookups_took_is_kept(table: CustomerUser, tmp_path: Path) -> None:
    async with started(table, tmp_path) as customers:
        for number in ("+79161229624", "+79161229624", "no number"):
            await customers.find(number)
    assert customers.lookups.within()[-1][1] == 2
    assert customers.lookups.total > 0
