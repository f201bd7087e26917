"""The index's file: what is written and found in it, and in what state it may be met."""

from __future__ import annotations

import logging
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agi_server.call import Match
from agi_server.numbers import Number
from agi_server.otrs.customer_table import Row
from agi_server.otrs.number_index import NumberIndex, open_index, peek
from agi_server.otrs.number_lookup import NOTHING
from tests.otrs.customer_user import MONDAY, SECOND

LAST = 2**63 - 1


def numbers_of(row: Row) -> list[Number]:
    """In these tests the second fact is numbers with blanks between them; `!` stands for a fault of ours."""
    if row.facts[1] == "!":
        raise ZeroDivisionError
    return [Number.of(text) for text in row.facts[1].split()]


def row(id_: int, numbers: str, *, changed: int = 0, valid: bool = True, name: str = "Иванов") -> Row:
    return Row(id_, valid, MONDAY + changed * SECOND, (name, numbers))


@pytest.fixture(name="path")
def in_folder(tmp_path: Path) -> Path:
    return tmp_path / "customers.db"


@pytest.fixture(name="index", params=["before it was complete", "complete"])
def in_both_ages(request: pytest.FixtureRequest, path: Path) -> Iterator[NumberIndex]:
    with closing(open_index(path, "settings", numbers_of)) as index:
        if request.param == "complete":
            index.reached(MONDAY)
        yield index


def found(index: NumberIndex, number: str) -> list[tuple[str, ...]]:
    return index.find(Number.of(number))[1]


def ids(index: NumberIndex, number: str) -> list[str]:
    if index.horizon is None:
        index.reached(MONDAY)
    return [facts[1] for facts in found(index, number)]


def test_rows_are_found_by_each_number(index: NumberIndex) -> None:
    index.merge([row(1, "11 12"), row(2, "21"), row(3, "")], 0, LAST)
    assert (index.customers, index.numbers) == (3, 3)
    assert ids(index, "12") == ["11 12"]
    assert found(index, "11") == found(index, "12") == [("Иванов", "11 12")]
    assert found(index, "21") == [("Иванов", "21")]
    assert found(index, "") == found(index, "1") == []


def test_a_number_may_have_an_extension(index: NumberIndex) -> None:
    index.merge([row(1, "+74957770011;ext=12 +74957770011")], 0, LAST)
    assert (index.customers, index.numbers) == (1, 2)
    index.merge([row(1, "+74957770011;ext=12", changed=1), row(2, "+74957770011;ext=13")], 0, LAST)
    assert (index.customers, index.numbers) == (2, 2)
    assert ids(index, "+74957770011;ext=12") == ["+74957770011;ext=12"]
    assert index.find(Number.of("+74957770011")) == (
        Match.WITHOUT_EXTENSION, [("Иванов", "+74957770011;ext=12"), ("Иванов", "+74957770011;ext=13")],
    )  # fmt: skip


def test_the_one_changed_last_comes_first(index: NumberIndex) -> None:
    index.merge([row(1, "7 1"), row(2, "7 2", changed=9), row(3, "7 3"), Row(4, True, None, ("", "7 4"))], 0, LAST)
    assert ids(index, "7") == ["7 2", "7 3", "7 1", "7 4"]


def test_a_merge_removes_what_the_table_has_no_longer(index: NumberIndex) -> None:
    index.merge([row(number, str(number)) for number in range(1, 10)], 0, LAST)
    index.merge([row(4, "4"), row(6, "6", valid=False)], 3, 7)
    assert [number for number in range(1, 10) if ids(index, str(number))] == [1, 2, 3, 4, 8, 9]
    assert (index.customers, index.numbers) == (6, 6)


def test_changed_rows_are_taken_over(index: NumberIndex) -> None:
    index.merge([row(1, "11 12"), row(2, "21"), row(3, "31")], 0, LAST)
    index.apply([row(1, "12 13"), row(2, "21", valid=False), row(4, "41"), row(5, "51", valid=False)])
    assert [number for number in ("11", "12", "13", "21", "31", "41", "51") if ids(index, number)] == [
        "12", "13", "31", "41",
    ]  # fmt: skip
    assert (index.customers, index.numbers) == (3, 4)


def test_other_facts_with_the_same_numbers(index: NumberIndex) -> None:
    index.merge([row(1, "7")], 0, LAST)
    index.apply([row(1, "7", name="Петрова")])
    assert ids(index, "7") == ["7"]
    assert found(index, "7") == [("Петрова", "7")]
    assert (index.customers, index.numbers) == (1, 1)


def test_a_later_change_without_another_fact(index: NumberIndex) -> None:
    index.merge([row(1, "7 1"), row(2, "7 2")], 0, LAST)
    index.apply([row(1, "7 1", changed=1)])
    assert ids(index, "7") == ["7 1", "7 2"]


def test_a_page_is_written_whole_or_not_at_all(index: NumberIndex) -> None:
    index.merge([row(1, "11")], 0, LAST)
    with pytest.raises(ZeroDivisionError):
        index.merge([row(1, "12"), row(2, "21"), row(3, "!")], 0, LAST)
    assert (index.customers, index.numbers) == (1, 1)
    assert ids(index, "11") == ["11"]
    assert ids(index, "12") == ids(index, "21") == []
    index.merge([row(1, "12")], 0, LAST)
    assert ids(index, "12") == ["12"]


def test_before_it_is_complete_nobody_is_found(path: Path) -> None:
    with closing(open_index(path, "settings", numbers_of)) as index:
        index.merge([row(1, "7 1")], 0, 1)
        assert found(index, "7") == []
        index.merge([row(2, "7 2")], 1, LAST)
        index.reached(MONDAY)
        assert len(found(index, "7")) == 2


@pytest.mark.parametrize("complete", [False, True])
def test_all_of_it_outlives_a_restart(path: Path, complete: bool) -> None:
    with closing(open_index(path, "settings", numbers_of)) as index:
        index.merge([row(1, "11 12"), row(2, "21")], 0, LAST)
        if complete:
            index.reached(MONDAY)
            index.reached(MONDAY + SECOND)
    with closing(open_index(path, "settings", numbers_of)) as index:
        assert (index.customers, index.numbers) == (2, 3)
        assert index.horizon == (MONDAY + SECOND if complete else None)
        assert found(index, "12") == ([("Иванов", "11 12")] if complete else [])
        assert ids(index, "12") == ["11 12"]


def test_with_other_settings_it_is_made_anew(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for setting in ("one", "two"):
        with closing(open_index(path, setting, numbers_of)) as index:
            assert (index.customers, index.numbers, index.horizon) == (0, 0, None)
            index.merge([row(1, "7")], 0, LAST)
            index.reached(MONDAY)
            assert len(found(index, "7")) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"{path} was made with other settings; it is made anew"
    ]


def test_of_another_schema_it_is_made_anew(path: Path) -> None:
    with closing(open_index(path, "settings", numbers_of)) as index:
        index.merge([row(1, "7")], 0, LAST)
    with closing(sqlite3.connect(path)) as later:
        later.executescript("DROP TABLE about; DROP TABLE numbers; CREATE TABLE numbers (tail TEXT);")
    with closing(open_index(path, "settings", numbers_of)) as index:
        assert index.customers == 0
        index.merge([row(1, "7")], 0, LAST)
        assert ids(index, "7") == ["7"]


def not_a_database(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)


def cut_short(path: Path) -> None:
    with closing(open_index(path, "settings", numbers_of)) as index:
        index.merge([row(number, str(number)) for number in range(1, 2000)], 0, LAST)
        index.reached(MONDAY)
    path.write_bytes(path.read_bytes()[:20_000])


@pytest.mark.parametrize("damage", [not_a_database, cut_short])
def test_a_damaged_file_is_set_aside(
    path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(path)
    before = path.read_bytes()
    path.with_name("customers.db-wal").write_bytes(b"of the damaged one")
    with closing(open_index(path, "settings", numbers_of)) as index:
        index.merge([row(1, "7")], 0, LAST)
        assert ids(index, "7") == ["7"]
    assert path.with_name("customers.db.damaged").read_bytes() == before
    assert f"{path} is damaged" in caplog.text


def test_nobody_else_s_database_is_touched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as theirs:
        theirs.executescript("CREATE TABLE calls (id INTEGER); INSERT INTO calls VALUES (42);")
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="is another program's database"):
        open_index(path, "settings", numbers_of)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["customers.db"]


def test_a_locked_file_is_not_taken_for_a_damaged_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.otrs.number_index.WRITER_WAIT_S", 0.01)
    with closing(open_index(path, "settings", numbers_of)) as index, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            index.merge([row(1, "7")], 0, LAST)
        assert (index.customers, found(index, "7")) == (0, [])
        other.execute("ROLLBACK")
        index.merge([row(1, "7")], 0, LAST)
        assert ids(index, "7") == ["7"]


def test_the_files_are_for_their_owner_only(index: NumberIndex, path: Path) -> None:
    index.merge([row(1, "7")], 0, LAST)
    files = list(path.parent.iterdir())
    assert {file.name for file in files} == {"customers.db", "customers.db-wal", "customers.db-shm"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


# ---------------------------------------------------------------------- a look into the running server's


def test_another_process_looks_into_it_and_leaves_no_trace(path: Path) -> None:
    with closing(open_index(path, "settings", numbers_of)) as index:
        index.merge([row(1, "7")], 0, LAST)
        assert peek(path, "settings", Number("7")) is None  # not complete
        index.reached(MONDAY)
        before = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".db-shm"}
        assert peek(path, "settings", Number("7")) == (Match.EXACT, [("Иванов", "7")])
        assert peek(path, "settings", Number("8")) == NOTHING
        assert peek(path, "other settings", Number("7")) is None
        assert {file.name: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".db-shm"} == before
        index.apply([row(1, "8")])
        assert peek(path, "settings", Number("8")) == (Match.EXACT, [("Иванов", "8")])


def test_nobody_looks_into_what_no_server_keeps_up_to_date(path: Path) -> None:
    assert peek(path, "settings", Number("7")) is None
    with closing(open_index(path, "settings", numbers_of)) as index:
        index.merge([row(1, "7")], 0, LAST)
        index.reached(MONDAY)
    assert peek(path, "settings", Number("7")) is None
    assert [file.name for file in path.parent.iterdir()] == ["customers.db"]


def test_a_look_into_something_else_finds_nothing(path: Path) -> None:
    not_a_database(path)
    path.with_name("customers.db-wal").touch()
    assert peek(path, "settings", Number("7")) is None
    with closing(sqlite3.connect(path.with_name("theirs.db"))) as theirs:
        theirs.executescript("PRAGMA journal_mode = WAL; CREATE TABLE calls (id INTEGER);")
        assert peek(path.with_name("theirs.db"), "settings", Number("7")) is None


FEW = st.sets(st.sampled_from("123456789"), max_size=3).map(" ".join)
ROWS = st.dictionaries(st.integers(1, 12), st.tuples(FEW, st.booleans()), max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(steps=st.lists(st.tuples(st.sampled_from(["merge", "apply", "reached"]), ROWS), max_size=6))
def test_it_says_what_the_table_said(tmp_path: Path, steps: list[tuple[str, dict[int, tuple[str, bool]]]]) -> None:
    path = tmp_path / "any.db"
    path.unlink(missing_ok=True)
    table: dict[int, str] = {}
    with closing(open_index(path, "settings", numbers_of)) as index:
        for step, changes in steps:
            rows = [row(id_, numbers, valid=valid) for id_, (numbers, valid) in sorted(changes.items())]
            if step == "merge":
                index.merge(rows, 0, LAST)
                table = {}
            elif step == "apply":
                index.apply(rows)
            else:
                index.reached(MONDAY)
                continue
            table = {id_: numbers for id_, numbers in table.items() if id_ not in changes}
            table |= {id_: numbers for id_, (numbers, valid) in changes.items() if valid}
        assert index.customers == len(table)
        assert index.numbers == sum(len(numbers.split()) for numbers in table.values())
        for number in "123456789":
            assert sorted(ids(index, number)) == sorted(n for n in table.values() if number in n)
