"""The directory of customers, on SQLite and on the lab's MariaDB: who is found, and what a check finds."""

from __future__ import annotations

from pathlib import Path

from agi_server.call import NOBODY, Customer, Match
from agi_server.otrs.customers import Readable, Unreadable
from tests.otrs.customer_user import MONDAY, SECOND, CustomerUser, Queries
from tests.otrs.directory import IVANOV, MOSCOW, PETROVA, Stopwatch, customers_of, login, started

INJECTIONS = (
    "' OR 1=1 --",
    '" OR ""="',
    "+7'; DROP TABLE customer_user; --",
    "%",
    "_",
    "+7495%",
    "*",
    "\\",
    "\x00",
    "{}",
    "%s",
    ":number",
    "x" * 100_000,
    "\udcff",
    "Иванов",
)


async def test_a_customer_is_found_by_each_of_his_numbers(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV, PETROVA)
    async with started(table, tmp_path) as customers:
        found = await customers.find("+79161229624")
        assert found.match is Match.EXACT
        assert found.customer == Customer(**IVANOV)
        assert found.candidates == (found.customer,)
        assert await login(customers, "+74951234567") == "ivanov"
        petrova = await customers.find("+74956693308")
        assert petrova.customer == Customer("petrova", email="petrova@customers.example", phone="8-495-669-33-08")


async def test_a_caller_without_a_number_is_nobody(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV, {"login": "nophone", "phone": ""}, {"login": "null"}, {"login": "words", "phone": "нет"})
    async with started(table, tmp_path, clock=watch) as customers:
        assert await customers.find("+79160000000") == NOBODY
        watch.seconds += 1
        with Queries() as queries:
            assert await customers.find("") == NOBODY
        assert queries.sent == []


async def test_customers_out_of_use_are_not_found(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV | {"valid_id": 2}, PETROVA | {"valid_id": 3})
    async with started(table, tmp_path) as customers:
        assert await login(customers, "+79161229624") is None
        assert await login(customers, "+74956693308") is None
        assert customers.status().customers == 0


async def test_of_several_the_one_changed_last_is_meant(table: CustomerUser, tmp_path: Path) -> None:
    phone = "8 495 777-00-11"
    await table.add(
        {"login": "old", "phone": phone},
        {"login": "new", "mobile": f"{phone}, 84957770012", "change_time": MONDAY + SECOND},
        {"login": "as old", "phone": phone},
    )
    async with started(table, tmp_path) as customers:
        found = await customers.find("+74957770011")
        assert found.match is Match.SEVERAL
        assert [one.login for one in found.candidates] == ["new", "as old", "old"]
        assert found.customer == found.candidates[0]
        assert await login(customers, "+74957770012") == "new"


async def test_numbers_come_from_the_columns_that_are_named(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV | {"fax": "84957770099"})
    async with started(table, tmp_path, number_columns=("fax",)) as customers:
        found = await customers.find("+74957770099")
        assert found.customer == Customer(**IVANOV)
        assert await login(customers, "+79161229624") is None


async def test_internal_numbers_are_found(table: CustomerUser, tmp_path: Path) -> None:
    await table.add({"login": "colleague", "phone": "201"}, {"login": "company", "phone": "84957770011 доб. 202"})
    async with started(table, tmp_path) as customers:
        assert await login(customers, MOSCOW.heard("201").canonical) == "colleague"
        assert await login(customers, MOSCOW.heard("202").canonical) is None


async def test_no_word_of_a_caller_reaches_the_database(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        with Queries() as queries:
            for words in INJECTIONS:
                watch.seconds += 2
                assert await customers.find(words) == NOBODY
        assert queries.looks() > 5
        everything = "".join(statement + parameters for statement, parameters in queries.sent)
        assert not [words for words in INJECTIONS if len(words) > 5 and words in everything]
        assert await login(customers, "+79161229624") == "ivanov"
        assert customers.status().trouble is None


async def test_a_check_counts(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV, PETROVA, {"login": "words", "phone": "нет"}, {"login": "gone", "valid_id": 2})
    customers = customers_of(table, tmp_path)
    assert await customers.check() == Readable(customers=3, examined=3, with_number=2)
    assert not (tmp_path / "customers.db").exists()
    await customers.close()


async def test_a_check_tells_why_it_cannot_count(small: CustomerUser, tmp_path: Path) -> None:
    customers = customers_of(small, tmp_path, number_columns=("phone", "handy"))
    found = await customers.check()
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("a column is missing in customer_user")
    assert found.hint == "correct customers.number_columns, or customers.table"
    await customers.close()
