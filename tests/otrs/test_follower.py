"""The index follows its table, on SQLite and on the lab's MariaDB; and what callers see while it cannot."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agi_server.call import Directory, Hits, Match
from agi_server.numbers import Number, Numbering
from agi_server.otrs.customer_table import PAGE_ROWS, CustomerTable, Row
from agi_server.otrs.follower import LONG_AGO, OVERLAP, Follower, Horizon
from agi_server.otrs.number_lookup import CANDIDATES
from tests.otrs.customer_user import MONDAY, SECOND, CustomerUser, Queries, in_sqlite
from tests.otrs.directory import BRISK, IVANOV, PETROVA, QUIET, Stopwatch, customers_of, login, started, until


def said(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


# ---------------------------------------------------------------------- following the table


async def test_a_miss_has_the_table_looked_at(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        assert await login(customers, "+79161229624") == "ivanov"
        watch.seconds += 1
        await table.add(PETROVA | {"change_time": MONDAY + SECOND})
        assert await login(customers, "+74956693308") == "petrova"


async def test_a_new_number_replaces_the_old_one(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        watch.seconds += 1
        await table.change("ivanov", MONDAY + SECOND, mobile="8 916 000 00 01")
        assert await login(customers, "+79160000001") == "ivanov"
        assert await login(customers, "+74951234567") == "ivanov"
        assert await login(customers, "+79161229624") is None
        assert customers.status().numbers == 2


async def test_who_goes_out_of_use_is_no_longer_found(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV, PETROVA)
    async with started(table, tmp_path, clock=watch) as customers:
        assert await login(customers, "+79161229624") == "ivanov"
        watch.seconds += 1
        await table.change("ivanov", MONDAY + SECOND, valid_id=2)
        await customers.find("+70000000000")
        assert await login(customers, "+79161229624") is None
        watch.seconds += 1
        await table.change("ivanov", MONDAY + 2 * SECOND, valid_id=1)
        await customers.find("+70000000000")
        assert await login(customers, "+79161229624") == "ivanov"


async def test_a_second_change_within_the_same_second_is_seen(
    table: CustomerUser, tmp_path: Path, watch: Stopwatch
) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        for digit in "123":
            watch.seconds += 1
            await table.change("ivanov", MONDAY, mobile=f"8 916 000 00 0{digit}")
            assert await login(customers, f"+7916000000{digit}") == "ivanov"


async def test_a_change_that_a_slower_clock_dated_is_seen(
    table: CustomerUser, tmp_path: Path, watch: Stopwatch
) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        for minute in range(1, 4):
            watch.seconds += 60
            seen = MONDAY + timedelta(minutes=minute)
            await table.change("ivanov", seen, mobile=f"8 916 000 0{minute} 00")
            assert await login(customers, f"+79160000{minute}00") == "ivanov"
            watch.seconds += 2
            await table.change("ivanov", seen - 5 * SECOND, mobile=f"8 916 000 0{minute} 01")
            assert await login(customers, f"+79160000{minute}01") == "ivanov"


async def test_a_row_from_the_future_does_not_blind_us(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV, PETROVA | {"change_time": MONDAY.replace(year=2099)})
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        for digit in "123":
            watch.seconds += 1
            await table.change("ivanov", MONDAY + int(digit) * SECOND, mobile=f"8 916 000 00 0{digit}")
            assert await login(customers, f"+7916000000{digit}") == "ivanov"


async def test_what_an_import_changed_at_once_is_not_read_for_ever(
    table: CustomerUser, tmp_path: Path, watch: Stopwatch
) -> None:
    await table.add(*({"login": f"user{number}"} for number in range(600)))
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        looks = []
        for _ in range(3):
            watch.seconds += 60
            with Queries() as queries:
                await customers.find("+79161229624")
            looks.append(queries.looks())
        assert looks == [3, 1, 1]


async def test_changes_are_seen_without_a_caller(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, refresh=BRISK) as customers:
        await customers.find("+79161229624")
        await table.add(PETROVA | {"change_time": MONDAY + SECOND})
        await until(lambda: customers.status().customers == 2)
        age = customers.status().age_s
        assert age is not None
        assert age < 10


async def test_a_full_load_finds_deleted_rows(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV, PETROVA)
    async with started(table, tmp_path, refresh=BRISK, full=0.0) as customers:
        assert await login(customers, "+79161229624") == "ivanov"
        await table.remove("ivanov")
        await until(lambda: customers.status().customers == 1)
        assert await login(customers, "+79161229624") is None
        assert await login(customers, "+74956693308") == "petrova"


async def test_a_table_of_many_pages(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    rows = 20_000
    await table.add(*({"login": f"user{n}", "phone": f"8 (495) 7{n:06}"} for n in range(rows)))
    async with started(table, tmp_path, clock=watch) as customers:
        assert await login(customers, "+74957019999") == "user19999"
        status = customers.status()
        assert (status.customers, status.numbers, status.complete) == (rows, rows, True)
        watch.seconds += 1
        await table.do("UPDATE customer_user SET mobile = '89160000001', change_time = '2026-11-02 12:00:01'")
        found = await customers.find("+79160000001")
        assert found.grade is Match.EXACT
        assert len(found.customers) == CANDIDATES
        assert customers.status().numbers == 2 * rows


# ---------------------------------------------------------------------- when the table is asked


async def test_fifty_strangers_at_once_cause_one_look(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        watch.seconds += 1
        await table.add(PETROVA | {"change_time": MONDAY + SECOND})
        with Queries() as queries:
            numbers = [f"+7916000{n:04}" for n in range(49)] + ["+74956693308"]
            found = await asyncio.gather(*(customers.find(number) for number in numbers))
        assert [one.grade for one in found] == [Match.NONE] * 49 + [Match.EXACT]
        assert queries.looks() == 1


async def test_strangers_cause_one_look_a_second(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        watch.seconds += 1
        with Queries() as queries:
            for _ in range(20):
                await customers.find("+74956693308")
                watch.seconds += 0.2
        assert queries.looks() == 4


async def test_known_callers_cause_none(table: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        with Queries() as queries:
            for _ in range(20):
                await customers.find("+79161229624")
                watch.seconds += 1
        assert queries.sent == []


# ---------------------------------------------------------------------- the database is away


async def test_the_database_may_be_away_at_the_start(
    table: CustomerUser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await table.add(IVANOV)
    await table.go_away()
    async with started(table, tmp_path, refresh=BRISK) as customers:
        await until(lambda: customers.status().trouble is not None)
        async with asyncio.timeout(1):
            assert await customers.find("+79161229624") == Hits()
        assert customers.status().complete is False
        assert customers.status().age_s is None
        await table.come_back()
        await until(lambda: customers.status().complete)
        assert await login(customers, "+79161229624") == "ivanov"
        await until(lambda: customers.status().trouble is None)


async def test_while_the_database_is_away_the_index_answers_at_once(
    table: CustomerUser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await table.add(IVANOV)
    async with started(table, tmp_path, refresh=BRISK) as customers:
        assert await login(customers, "+79161229624") == "ivanov"
        await table.go_away()
        await until(lambda: customers.status().trouble is not None)
        with Queries() as queries:
            for number in range(100):
                assert await login(customers, f"+7495000{number:04}") is None
            assert await login(customers, "+79161229624") == "ivanov"
        assert queries.sent == []
        trouble = customers.status().trouble
        assert trouble is not None
        assert trouble.startswith("OTRS's customers cannot be read: ")
        await table.come_back()
        await table.add(PETROVA | {"change_time": MONDAY + SECOND})
        await until(lambda: customers.status().customers == 2)
        await until(lambda: customers.status().trouble is None)
        assert await login(customers, "+74956693308") == "petrova"
    *gone, back = said(caplog, logging.WARNING)
    # A server that stops may first break a connection and then refuse the next: two reasons, no more.
    assert 1 <= len(gone) <= 2
    assert back == "OTRS's customers can be read again"


async def test_the_log_says_what_mends_it(
    small: CustomerUser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(small, tmp_path, columns=("town",), refresh=BRISK) as customers:
        await until(lambda: customers.status().trouble is not None)
    [words] = said(caplog, logging.WARNING)
    assert words.endswith(
        "Callers are looked up among the customers known so far: 0 -- correct customers.columns, or customers.table"
    )


async def test_a_miss_finds_out_that_the_database_is_away(
    table: CustomerUser, tmp_path: Path, watch: Stopwatch
) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        await table.go_away()
        watch.seconds += 1
        assert await customers.find("+74956693308") == Hits()
        assert customers.status().trouble is not None
        assert await login(customers, "+79161229624") == "ivanov"


async def test_a_restart_without_the_database_keeps_the_customers(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV)
    async with started(table, tmp_path) as customers:
        await customers.find("+79161229624")
    await table.go_away()
    async with started(table, tmp_path) as customers:
        assert await login(customers, "+79161229624") == "ivanov"
        await until(lambda: customers.status().trouble is not None)
        assert await login(customers, "+79161229624") == "ivanov"
        status = customers.status()
        assert (status.customers, status.numbers, status.complete, status.age_s) == (1, 2, True, None)


async def test_a_restart_finds_what_changed_in_between(table: CustomerUser, tmp_path: Path) -> None:
    await table.add(IVANOV, PETROVA)
    async with started(table, tmp_path) as customers:
        await customers.find("+79161229624")
    await table.change("ivanov", MONDAY + SECOND, mobile="89160000001")
    await table.remove("petrova")
    async with started(table, tmp_path) as customers:
        assert await login(customers, "+79160000001") == "ivanov"
        await until(lambda: customers.status().customers == 1)


@pytest.mark.lab
async def test_a_silent_server_holds_nobody_up(server: CustomerUser, tmp_path: Path, watch: Stopwatch) -> None:
    await server.add(IVANOV)
    assert server.relay is not None
    async with started(server, tmp_path, clock=watch, query_timeout=0.2) as customers:
        await customers.find("+79161229624")
        await until(lambda: customers.status().complete)
        server.relay.silence()
        watch.seconds += 1
        clock = asyncio.get_running_loop().time
        began = clock()
        assert await customers.find("+74956693308") == Hits()
        assert 0.15 < clock() - began < 1
        watch.seconds += 1  # the look still waits; nobody waits for it any more, and no second one begins
        began = clock()
        with Queries() as queries:
            assert await customers.find("+74956693308") == Hits()
        assert clock() - began < 0.1
        assert queries.sent == []
        assert await login(customers, "+79161229624") == "ivanov"


@pytest.mark.lab
async def test_nobody_waits_for_a_server_that_is_known_to_be_silent(
    server: CustomerUser, tmp_path: Path, watch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agi_server.otrs.customer_table.CONNECT_S", 0.3)
    await server.add(IVANOV)
    assert server.relay is not None
    async with started(server, tmp_path, clock=watch) as customers:
        assert await login(customers, "+79161229624") == "ivanov"
        server.relay.silence()
        watch.seconds += 1
        assert await customers.find("+74956693308") == Hits()
        assert "does not answer" in (customers.status().trouble or "")
        clock = asyncio.get_running_loop().time
        began = clock()
        for _ in range(5):
            watch.seconds += 1
            assert await customers.find("+74956693308") == Hits()
        assert clock() - began < 0.2


@pytest.mark.lab
async def test_a_caller_who_gives_up_does_not_end_the_look(
    server: CustomerUser, tmp_path: Path, watch: Stopwatch
) -> None:
    await server.add(IVANOV)
    async with started(server, tmp_path, clock=watch) as customers:
        await customers.find("+79161229624")
        watch.seconds += 1
        await server.add(PETROVA | {"change_time": MONDAY + SECOND})
        first = asyncio.create_task(customers.find("+74956693308"))
        second = asyncio.create_task(customers.find("+74956693308"))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await second).grade is Match.EXACT


# ---------------------------------------------------------------------- the index's file


async def test_other_settings_make_the_index_anew(
    small: CustomerUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small.add({"login": "local", "phone": "777-00-11"})
    async with started(small, tmp_path) as customers:
        assert await login(customers, "+74957770011") == "local"
    async with started(small, tmp_path, numbering=Numbering("RU", "812")) as customers:
        assert await login(customers, "+78127770011") == "local"
        assert await login(customers, "+74957770011") is None
    monkeypatch.setattr("phonenumbers.__version__", "later")
    await small.go_away()
    async with started(small, tmp_path, numbering=Numbering("RU", "812")) as customers:
        assert await login(customers, "+78127770011") is None


async def test_an_index_that_breaks_is_made_anew(
    small: CustomerUser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(small, tmp_path) as customers:
        await customers.find("+79161229624")
    damage_numbers(tmp_path / "customers.db")
    await small.go_away()
    async with started(small, tmp_path, refresh=BRISK) as customers:
        await until(lambda: customers.status().trouble is not None)
        assert await customers.find("+79161229624") == Hits()
        assert "malformed" in said(caplog, logging.WARNING)[-1]
        await small.come_back()
        await until(lambda: customers.status().complete)
        assert await login(customers, "+79161229624") == "ivanov"
        await until(lambda: customers.status().trouble is None)
    assert (tmp_path / "customers.db.damaged").exists()


async def test_an_index_that_cannot_be_set_aside_is_tried_again(
    small: CustomerUser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(small, tmp_path) as customers:
        await customers.find("+79161229624")
    damage_numbers(tmp_path / "customers.db")
    in_the_way = tmp_path / "customers.db.damaged"
    in_the_way.mkdir()
    async with started(small, tmp_path, refresh=BRISK) as customers:
        assert await customers.find("+79161229624") == Hits()
        await until(lambda: "Is a directory" in (customers.status().trouble or ""))
        in_the_way.rmdir()
        await until(lambda: customers.status().trouble is None)
        assert await login(customers, "+79161229624") == "ivanov"


async def test_while_the_index_cannot_be_written_it_is_read(
    small: CustomerUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agi_server.otrs.number_index.WRITER_WAIT_S", 0.01)
    async with started(small, tmp_path, refresh=BRISK) as customers:
        assert await login(customers, "+79161229624") == "ivanov"
        with closing(sqlite3.connect(tmp_path / "customers.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await small.add(PETROVA | {"change_time": MONDAY + SECOND})
            await until(lambda: "database is locked" in (customers.status().trouble or ""))
            assert await login(customers, "+79161229624") == "ivanov"
            assert await login(customers, "+74956693308") is None
        await until(lambda: customers.status().trouble is None)
        assert await login(customers, "+74956693308") == "petrova"


def damage_numbers(index: Path) -> None:
    """Overwrite the page that the table `numbers` begins with."""
    connection = sqlite3.connect(index)
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'numbers'").fetchone()
    connection.close()
    with index.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


async def test_an_index_that_cannot_be_is_told_at_the_start(small: CustomerUser, tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "customers.db", tmp_path, tmp_path / "customer_user.db"):
        customers = customers_of(small, tmp_path, index=path)
        with pytest.raises(OSError, match=str(path)):
            await customers.start()
        await customers.close()


async def test_without_a_start_nobody_is_known(small: CustomerUser, tmp_path: Path) -> None:
    directory: Directory = customers_of(small, tmp_path, query_timeout=0.01)
    assert await directory.find("+79161229624") == Hits()


async def test_after_the_end_nobody_is_looked_up(small: CustomerUser, tmp_path: Path) -> None:
    async with started(small, tmp_path) as customers:
        assert await login(customers, "+79161229624") == "ivanov"
    assert await customers.find("+79161229624") == Hits()
    assert customers.status().trouble is None


async def test_a_long_load_says_how_far_it_is(
    small: CustomerUser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await small.add(*({"login": f"user{number}"} for number in range(PAGE_ROWS)))
    async with started(small, tmp_path, clock=itertools.count(0, 11).__next__, query_timeout=1000) as customers:
        await customers.find("+79161229624")
    first, second, last = said(caplog, logging.INFO)[:3]
    assert first == f"{PAGE_ROWS} customers read so far"
    assert second == f"{PAGE_ROWS + 1} customers read so far"
    assert last.startswith(f"{PAGE_ROWS + 1} customers read in ")


async def test_a_load_can_be_ended(small: CustomerUser, tmp_path: Path) -> None:
    rows = 20 * PAGE_ROWS
    await small.add(*({"login": f"user{number}"} for number in range(rows)))
    customers = customers_of(small, tmp_path)
    await customers.start()
    await until(lambda: customers.status().customers > 0)
    await customers.close()
    async with started(small, tmp_path) as customers:
        assert 0 < customers.status().customers < rows
        assert await login(customers, "+79161229624") == "ivanov"
        assert customers.status().customers == rows + 1


async def test_a_fault_of_ours_does_not_end_the_following(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with in_sqlite(tmp_path) as table:
        await table.add(IVANOV)
        faults = [ZeroDivisionError("ours")]

        def numbers_of(row: Row) -> list[Number]:
            if faults:
                raise faults.pop()
            return [Number("201")]

        reader = CustomerTable(table.url, password=None, table="customer_user", number_columns=["mobile"])
        follower = Follower(
            reader, tmp_path / "customers.db", "test", numbers_of,
            refresh=BRISK, full=QUIET, clock=time.monotonic, now=lambda: datetime.now(UTC),
        )  # fmt: skip
        await follower.start()
        await until(lambda: follower.status().complete)
        assert [facts[0] for facts in follower.find(Number("201"))[1]] == ["ivanov"]
        await follower.close()
        await reader.close()
    assert "unforeseen: ZeroDivisionError('ours')" in said(caplog, logging.WARNING)[0]


# ---------------------------------------------------------------------- the horizon


@pytest.mark.parametrize(
    ("began", "ended", "newest", "time"),
    [
        (100.0, 100.1, LONG_AGO, MONDAY),  # at once, and nothing new
        (160.0, 160.1, MONDAY, MONDAY + 60 * SECOND),  # time passes for the table as well
        (160.0, 160.0, MONDAY + 90 * SECOND, MONDAY + 90 * SECOND),  # its clock was later than we could know
        (160.0, 190.0, MONDAY + 100 * SECOND, MONDAY + 70 * SECOND),  # what changed during a long look
    ],
)
def test_the_horizon_moves(began: float, ended: float, newest: datetime, time: datetime) -> None:
    assert Horizon(MONDAY, 100.0).moved(began, ended, newest) == Horizon(time, began)


def test_the_horizon_overlaps_by_whole_seconds() -> None:
    assert Horizon(MONDAY + timedelta(seconds=60.9), 0.0).since == MONDAY + 60 * SECOND - OVERLAP
