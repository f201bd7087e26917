"""The journal on a real SQLite file: nothing lost, nothing doubled, whatever stops in between."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator, Collection
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, make_url

from agi_server.call import (
    NOBODY,
    Call,
    Created,
    Customer,
    Declined,
    Doubt,
    Ending,
    Match,
    Recognition,
    Refused,
)
from agi_server.journal import OPEN_STATES, Entry, Journal, JournalBusyError, JournalError, State
from agi_server.journal.questions import Open

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CALL = Call(
    unique_id="1795323819.0",
    time=NOW,
    number="89161229624",
    canonical="+79161229624",
    name="Иван «Ваня»",
    dialled="4509",
    context="otrs",
    arguments=("one", "два"),
    wishes={"queue": "Raw"},
)
IVANOV = Customer("ivanov", "ROMASHKA", "Иван", "Иванов")
KNOWN = Recognition(Match.EXACT, IVANOV, (IVANOV,))


def url(folder: Path) -> URL:
    return make_url(f"sqlite+aiosqlite:///{folder}/calls.db")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(url(tmp_path))
    await journal.open()
    yield journal
    await journal.close()


async def reopened(journal: Journal, folder: Path) -> Journal:
    await journal.close()
    journal = Journal(url(folder))
    await journal.open()
    return journal


async def due(journal: Journal, now: datetime, limit: int, skip: Collection[int] = ()) -> list[Entry]:
    return await journal.due(now, now + timedelta(hours=1), limit, skip)


async def begun(journal: Journal, call: Call = CALL) -> Entry:
    entry = await journal.begin(await journal.add(call, NOW), KNOWN, NOW)
    assert entry is not None
    return entry


async def test_a_call_comes_back_as_it_was_given(journal: Journal, tmp_path: Path) -> None:
    added = await journal.add(CALL, NOW)
    assert (added.call, added.state, added.attempts, added.doubt) == (CALL, State.WAITING, 0, Doubt.NONE)
    journal = await reopened(journal, tmp_path)
    try:
        assert await due(journal, NOW, 10) == [added]
    finally:
        await journal.close()


async def test_the_same_call_twice_is_one_entry(journal: Journal) -> None:
    first, second = await asyncio.gather(journal.add(CALL, NOW), journal.add(replace(CALL, dialled="1"), NOW))
    assert first == second
    assert (await journal.counts())[State.WAITING] == 1


@pytest.mark.parametrize("other", [{"number": "+79219876543"}, {"channel": "SIP/trunk-00000001"}])
async def test_another_call_with_the_same_id_is_another_entry(journal: Journal, other: dict[str, Any]) -> None:
    call = replace(CALL, **other)
    entries = [await journal.add(one, NOW) for one in (CALL, call, CALL, call, replace(call, channel="third"))]
    ids = [entry.call.unique_id for entry in entries]
    assert ids == ["1795323819.0", "1795323819.0~2", "1795323819.0", "1795323819.0~2", "1795323819.0~3"]


async def test_the_file_is_its_owners_alone(journal: Journal, tmp_path: Path) -> None:
    await journal.add(CALL, NOW)
    assert modes_of(tmp_path) == {0o600}


async def test_the_whole_life_of_a_call_that_becomes_a_ticket(journal: Journal) -> None:
    entry = await begun(journal)
    assert (entry.state, entry.attempts, entry.doubt, entry.recognition) == (State.SENDING, 1, Doubt.RUNNING, KNOWN)
    assert await due(journal, NOW, 10) == []
    done = await journal.done(entry.with_ticket(Created("50", "2026112210000050")), NOW)
    assert done is not None
    assert (done.state, done.ticket, done.doubt) == (State.DONE, Created("50", "2026112210000050"), Doubt.NONE)
    assert [event.event for event in await journal.history(done)] == ["added", "begun", "created"]
    assert await journal.add(CALL, NOW) == done


async def test_trouble_makes_it_wait_and_keeps_the_doubt(journal: Journal) -> None:
    entry = await begun(journal)
    later = await journal.later(entry, NOW + timedelta(seconds=5), Doubt.RUNNING, "time-out", NOW)
    assert later is not None
    assert (later.state, later.failures, later.doubt, later.reason) == (State.WAITING, 1, Doubt.RUNNING, "time-out")
    assert await due(journal, NOW, 10) == []
    assert await journal.next_due() == NOW + timedelta(seconds=5)
    assert await due(journal, NOW + timedelta(seconds=5), 10) == [later]
    await journal.hasten(NOW)
    assert [one.id for one in await due(journal, NOW, 10)] == [later.id]


async def test_refused_is_parked_with_the_words(journal: Journal) -> None:
    entry = await begun(journal)
    words = Refused("TicketCreate.InvalidParameter", "Ticket->Queue parameter is invalid!")
    parked = await journal.park(entry, words, Doubt.NONE, NOW)
    assert parked is not None
    assert parked.state is State.PARKED
    assert parked.reason == "TicketCreate.InvalidParameter: Ticket->Queue parameter is invalid!"
    assert await journal.next_due() is None


async def test_only_one_of_two_may_begin(journal: Journal) -> None:
    entry = await journal.add(CALL, NOW)
    both = await asyncio.gather(journal.begin(entry, NOBODY, NOW), journal.begin(entry, NOBODY, NOW))
    assert [one is None for one in both] == [False, True]


T50 = Created("50", "T50")


async def gathered(journal: Journal, unique_id: str, ticket: Created = T50) -> Entry:
    added = await journal.add(replace(CALL, unique_id=unique_id), NOW)
    entry = await journal.gather(added, ticket, KNOWN, NOW + timedelta(minutes=1), NOW)
    assert entry is not None
    return entry


async def test_a_call_that_waits_for_its_ticket_is_told_so_and_not_hastened(journal: Journal) -> None:
    entry = await gathered(journal, "1.1")
    assert (entry.state, entry.ending, entry.ticket, entry.recognition) == (State.WAITING, Ending.UPDATED, T50, KNOWN)
    await journal.hasten(NOW)
    assert await journal.get("1.1") == entry
    assert await due(journal, NOW + timedelta(seconds=59), 10) == []
    assert await due(journal, NOW + timedelta(seconds=60), 10) == [entry]


async def test_only_those_that_wait_for_a_ticket_without_a_doubt_begin_together(journal: Journal) -> None:
    [first, leader, late] = [await gathered(journal, f"1.{n}") for n in range(3)]
    await gathered(journal, "elsewhere", Created("51", "T51"))
    await journal.add(CALL, NOW)
    dropped, in_doubt = await gathered(journal, "dropped"), await gathered(journal, "in doubt")
    assert await journal.drop(dropped, "why", NOW)
    [sent] = await journal.begin_together(in_doubt, T50, KNOWN, NOW, 1)
    assert await journal.later(sent, NOW, Doubt.RUNNING, "time-out", NOW)
    begun = await journal.begin_together(leader, T50, NOBODY, NOW, 10)
    assert [one.call.unique_id for one in begun] == ["1.0", "1.1", "1.2"]
    assert {(one.state, one.doubt, one.ending, one.ticket) for one in begun} == {
        (State.SENDING, Doubt.RUNNING, None, T50)
    }
    assert [await journal.get(one.call.unique_id) for one in begun] == begun
    assert await journal.begin_together(leader, T50, KNOWN, NOW, 10) == []
    assert await journal.begin(first, KNOWN, NOW) is None
    done = await journal.done(begun[2].with_ticket(T50), NOW, "updated")
    assert done is not None
    assert (done.id, done.ending) == (late.id, Ending.UPDATED)


async def test_what_an_open_ticket_refuses_is_as_if_it_had_never_been_meant_for_it(journal: Journal) -> None:
    [entry] = await journal.begin_together(await gathered(journal, "1.1"), T50, KNOWN, NOW, 10)
    released = await journal.release(entry, Refused("TicketUpdate.AccessDenied", "no"), NOW)
    assert released is not None
    assert (released.state, released.ticket, released.doubt, released.failures) == (State.WAITING, None, Doubt.NONE, 0)
    assert await due(journal, NOW, 1) == [released]


@pytest.mark.parametrize("ending", [Ending.REJECTED, Ending.NO_TICKET])
async def test_what_a_rule_declines_is_dropped_with_the_rules_name(journal: Journal, ending: Ending) -> None:
    entry = await journal.add(CALL, NOW)
    dropped = await journal.decline(entry, Declined(ending, "routes item 2"), KNOWN, NOW)
    assert dropped is not None
    assert (dropped.state, dropped.ending, dropped.recognition) == (State.DROPPED, ending, KNOWN)
    last = (await journal.history(dropped))[-1]
    assert (last.event, last.words) == (ending, "routes item 2")


async def test_who_called_last_is_told_only_of_those_who_were_surely_known(journal: Journal) -> None:
    petrov = replace(IVANOV, login="petrov")
    logins = ("ivanov", "petrov", "sidorov")
    assert await journal.called_last(logins) == ""
    await begun(journal, replace(CALL, unique_id="1"))
    await journal.begin(
        await journal.add(replace(CALL, unique_id="2"), NOW), Recognition(Match.SUFFIX, petrov, (petrov,)), NOW
    )
    assert await journal.called_last(logins) == "petrov"
    guessed = Recognition(Match.SEVERAL, IVANOV, (IVANOV, petrov))
    await journal.begin(await journal.add(replace(CALL, unique_id="3"), NOW), guessed, NOW)
    assert await journal.called_last(logins) == "petrov"
    assert await journal.called_last(("ivanov",)) == "ivanov"


async def test_the_tickets_that_a_number_had(journal: Journal) -> None:
    for number in range(14):
        entry = await begun(journal, replace(CALL, unique_id=f"1.{number}"))
        await journal.done(
            entry.with_ticket(Created(f"{number // 2}", f"T{number // 2}")), NOW + timedelta(minutes=number)
        )
    other = await begun(journal, replace(CALL, unique_id="2", canonical="+79219876543"))
    await journal.done(other.with_ticket(Created("90", "T90")), NOW)
    await begun(journal, replace(CALL, unique_id="3"))
    assert await journal.tickets_of(CALL.canonical, NOW) == ("T6", "T5", "T4", "T3", "T2", "T1", "T0")
    assert await journal.tickets_of(CALL.canonical, NOW + timedelta(minutes=11)) == ("T6", "T5")
    assert await journal.tickets_of("~1229624", NOW) == ()
    assert await journal.last_on("5") == NOW + timedelta(minutes=11)
    assert await journal.last_on("91") is None


async def test_of_the_tickets_of_a_number_the_newest_ten(journal: Journal) -> None:
    for number in range(12):
        entry = await begun(journal, replace(CALL, unique_id=f"1.{number}"))
        await journal.done(entry.with_ticket(Created(f"{number}", f"T{number}")), NOW + timedelta(minutes=number))
    found = await journal.tickets_of(CALL.canonical, NOW)
    assert found == tuple(f"T{number}" for number in range(11, 1, -1))


async def test_a_recognition_comes_back_as_it_was(journal: Journal) -> None:
    customer = replace(IVANOV, company="Ромашка", columns={"room": "12"})
    recognition = Recognition(Match.SEVERAL, customer, (customer, IVANOV), Match.NATIONAL)
    entry = await journal.begin(await journal.add(CALL, NOW), recognition, NOW)
    assert entry is not None
    assert entry.recognition == recognition
    assert await journal.get(CALL.unique_id) == entry


FORMER = """
CREATE TABLE calls (
    id INTEGER NOT NULL, unique_id VARCHAR(200) NOT NULL, state VARCHAR(10) NOT NULL, due FLOAT NOT NULL,
    since FLOAT NOT NULL, attempts INTEGER NOT NULL, failures INTEGER NOT NULL, began FLOAT, doubt VARCHAR(10) NOT NULL,
    added FLOAT NOT NULL, ended FLOAT, call TEXT NOT NULL, recognition TEXT, ticket_id VARCHAR(40) NOT NULL,
    ticket_number VARCHAR(60) NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (unique_id)
);
CREATE INDEX calls_due ON calls (state, due);
CREATE INDEX calls_ended ON calls (state, ended);
CREATE TABLE history (
    id INTEGER NOT NULL, call_id INTEGER NOT NULL, at FLOAT NOT NULL, event VARCHAR(20) NOT NULL,
    words TEXT NOT NULL, PRIMARY KEY (id)
);
CREATE INDEX ix_history_call_id ON history (call_id);
"""
"""The tables before calls had a customer, a number and an ending of their own."""
FORMER_CALL = (
    '{"unique_id": "%s", "time": "2026-11-22T09:00:00+00:00", "number": "89161229624", "canonical": "%s", "name": "",'
    ' "withheld": false, "unreadable": false, "dialled": "4509", "context": "otrs", "channel": "", "language": "en",'
    ' "arguments": [], "wishes": {}}'
)
FORMER_IVANOV = (
    '{"login": "ivanov", "customer_id": "ROMASHKA", "first_name": "", "last_name": "", "email": "", "phone": "",'
    ' "mobile": ""}'
)
FORMER_ROWS: dict[str, tuple[str, str, str | None, str]] = {
    "done": (
        "done",
        "+79161229624",
        f'{{"match": "exact", "customer": {FORMER_IVANOV}, "candidates": [{FORMER_IVANOV}]}}',
        "50",
    ),
    "several": (
        "done",
        "+79161229624",
        f'{{"match": "several", "customer": null, "candidates": [{FORMER_IVANOV}]}}',
        "51",
    ),
    "dropped": ("dropped", "", None, ""),
    "waiting": ("waiting", "201", '{"match": "none", "customer": null, "candidates": []}', ""),
}
"""By unique id: state, canonical number, recognition, ticket."""


def former(folder: Path) -> None:
    """A journal as a former version left it."""
    with closing(sqlite3.connect(folder / "calls.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")  # as all of ours
        database.executescript(FORMER)
    former_calls(folder)


def former_calls(folder: Path) -> None:
    """What a former version wrote into it."""
    at = NOW.timestamp()
    with closing(sqlite3.connect(folder / "calls.db")) as database:
        for unique_id, (state, canonical, recognition, ticket) in FORMER_ROWS.items():
            call = FORMER_CALL % (unique_id, canonical)
            columns = (unique_id, state, at, at, 1, 0, at, "none", at, at, call, recognition, ticket, ticket, "")
            database.execute(
                "INSERT INTO calls (unique_id, state, due, since, attempts, failures, began, doubt, added, ended, call,"
                f" recognition, ticket_id, ticket_number, reason) VALUES ({', '.join('?' * len(columns))})",
                columns,
            )
        database.commit()


@pytest.mark.parametrize("serving", [True, False])
async def test_a_file_of_the_former_version_is_brought_up_to_date(tmp_path: Path, serving: bool) -> None:
    former(tmp_path)
    for _ in range(2):
        journal = Journal(url(tmp_path))
        await journal.open(serving=serving)
        entries = {name: await journal.get(name) for name in FORMER_ROWS}
        endings = {name: entry and entry.ending for name, entry in entries.items()}
        created = Ending.CREATED
        assert endings == {"done": created, "several": created, "dropped": Ending.REJECTED, "waiting": None}
        done, several = entries["done"], entries["several"]
        assert done is not None
        assert done.recognition is not None
        assert (done.recognition.grade, done.recognition.match) == (Match.EXACT, Match.EXACT)
        assert several is not None
        assert several.recognition is not None
        assert (several.recognition.grade, several.recognition.match) == (Match.EXACT, Match.SEVERAL)
        assert await journal.called_last(("ivanov",)) == "ivanov"
        assert await journal.tickets_of(CALL.canonical, NOW) == ("51", "50")
        assert [one.call.unique_id for one in await due(journal, NOW, 10, ())] == ["waiting"]
        assert await journal.due(NOW, NOW, 10, (), {"201"}) == []
        await journal.close()
    columns, indexes = tables(tmp_path)
    assert {"customer", "number", "ending", "queue"} <= columns
    assert {"calls_customer", "calls_number", "calls_ticket"} <= indexes


def tables(folder: Path) -> tuple[set[str], set[str]]:
    with closing(sqlite3.connect(folder / "calls.db")) as database:
        columns = {row[1] for row in database.execute("PRAGMA table_info(calls)")}
        indexes = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    return columns, indexes


async def test_a_former_version_may_have_had_the_file_in_between(journal: Journal, tmp_path: Path) -> None:
    former_calls(tmp_path)
    journal = await reopened(journal, tmp_path)
    endings = {name: entry and entry.ending for name in FORMER_ROWS for entry in [await journal.get(name)]}
    await journal.close()
    created = Ending.CREATED
    assert endings == {"done": created, "several": created, "dropped": Ending.REJECTED, "waiting": None}


async def test_two_who_bring_it_up_to_date_at_once_are_not_in_each_others_way(tmp_path: Path) -> None:
    former(tmp_path)
    both = [Journal(url(tmp_path)), Journal(url(tmp_path))]
    await asyncio.gather(*(journal.open(serving=not place) for place, journal in enumerate(both)))
    for journal in both:
        assert await journal.called_last(("ivanov",)) == "ivanov"
        await journal.close()


async def test_a_call_that_cannot_be_read_keeps_no_file_from_being_brought_up_to_date(tmp_path: Path) -> None:
    former(tmp_path)
    with closing(sqlite3.connect(tmp_path / "calls.db")) as database:
        database.execute("UPDATE calls SET call = '{', recognition = '}' WHERE unique_id = 'dropped'")
        database.commit()
    journal = Journal(url(tmp_path))
    await journal.open()
    assert await journal.tickets_of(CALL.canonical, NOW) == ("51", "50")
    await journal.close()


async def test_open_calls_in_a_damaged_file_of_the_former_version_are_taken_over(tmp_path: Path) -> None:
    former(tmp_path)
    path = tmp_path / "calls.db"
    with closing(sqlite3.connect(path)) as database:
        [page] = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'calls_ended'").fetchone()
    overwrite(path, last_page_from=(page - 1) * 4096)
    journal = Journal(url(tmp_path))
    await journal.open()
    [taken] = await due(journal, NOW, 10)
    assert taken.call.unique_id == "waiting"
    assert await journal.due(NOW, NOW, 10, (), {"201"}) == []
    await journal.close()


async def test_who_knows_an_old_entry_changes_nothing(journal: Journal) -> None:
    old = await journal.add(CALL, NOW)
    entry = await begun(journal)
    await journal.later(entry, NOW, Doubt.RUNNING, "time-out", NOW)
    assert await journal.begin(old, NOBODY, NOW) is None
    assert await journal.done(old.with_ticket(Created("1", "1")), NOW) is None


async def test_after_a_crash_what_was_sending_waits_in_doubt(journal: Journal, tmp_path: Path) -> None:
    entry = await begun(journal)
    journal = await reopened(journal, tmp_path)
    try:
        assert await journal.recover(NOW) == 1
        assert await journal.recover(NOW) == 0
        [recovered] = await due(journal, NOW, 10)
        assert (recovered.id, recovered.doubt, recovered.began) == (entry.id, Doubt.RUNNING, NOW)
    finally:
        await journal.close()


async def test_longest_waiting_first_and_what_is_in_hand_left_out(journal: Journal) -> None:
    entries = [await journal.add(replace(CALL, unique_id=f"1.{n}"), NOW + timedelta(seconds=n)) for n in range(3)]
    late = NOW + timedelta(minutes=1)
    assert [entry.call.unique_id for entry in await due(journal, late, 2)] == ["1.0", "1.1"]
    in_hand = {entries[0].id}
    assert [entry.call.unique_id for entry in await due(journal, late, 2, in_hand)] == ["1.1", "1.2"]
    assert await journal.next_due(in_hand) == NOW + timedelta(seconds=1)


async def test_a_write_goes_on_when_who_asked_is_cancelled(journal: Journal) -> None:
    task = asyncio.create_task(journal.add(CALL, NOW))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    entry = await journal.add(replace(CALL, unique_id="another"), NOW)
    assert [one.call.unique_id for one in await due(journal, NOW, 10)] == [CALL.unique_id, entry.call.unique_id]


async def test_many_writes_share_few_syncs_and_all_arrive(journal: Journal) -> None:
    calls = [replace(CALL, unique_id=f"1.{n}") for n in range(500)]
    entries = await asyncio.gather(*(journal.add(call, NOW) for call in calls))
    assert [entry.call for entry in entries] == calls
    assert (await journal.counts())[State.WAITING] == 500


async def test_one_bad_write_does_not_take_its_neighbours_down(journal: Journal) -> None:
    bad = replace(CALL, unique_id="lone surrogate \ud800")
    results = await asyncio.gather(
        *(journal.add(call, NOW) for call in (CALL, bad, replace(CALL, unique_id="good"))), return_exceptions=True
    )
    assert isinstance(results[1], JournalError)
    assert [one.call.unique_id for one in await due(journal, NOW, 10)] == [CALL.unique_id, "good"]


async def test_a_second_process_is_told_so(journal: Journal, tmp_path: Path) -> None:
    second = Journal(url(tmp_path))
    with pytest.raises(JournalBusyError, match="in use by another agi-server"):
        await second.open()
    await journal.add(CALL, NOW)


def modes_of(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("calls.db*")}


def kept_aside(folder: Path) -> Path:
    [aside] = [path for path in folder.glob("calls.db.damaged-*") if path.suffix.startswith(".damaged")]
    return aside


async def test_after_the_clock_was_set_back_nothing_waits_for_it(journal: Journal) -> None:
    entry = await begun(journal)
    later = await journal.later(entry, NOW + timedelta(hours=1), Doubt.NONE, "trouble", NOW)
    assert await due(journal, NOW, 10) == []
    assert await due(journal, NOW - timedelta(seconds=1), 10) == [later]


def overwrite(path: Path, *, last_page_from: int) -> None:
    content = bytearray(path.read_bytes())
    content[last_page_from : last_page_from + 2048] = b"\xff" * 2048
    path.write_bytes(content)


async def test_open_calls_that_can_be_read_in_a_damaged_file_are_taken_over(journal: Journal, tmp_path: Path) -> None:
    for number in range(100):
        await journal.add(replace(CALL, unique_id=f"1.{number}"), NOW)
    done = await begun(journal, replace(CALL, unique_id="done"))
    await journal.done(done.with_ticket(Created("1", "1")), NOW)
    await journal.close()
    path = tmp_path / "calls.db"
    overwrite(path, last_page_from=path.stat().st_size - 4096)
    journal = Journal(url(tmp_path))
    await journal.open()
    try:
        taken = await due(journal, NOW, 200)
        assert 50 < len(taken) <= 100
        assert taken[0].call == replace(CALL, unique_id="1.0")
        assert [event.event for event in await journal.history(taken[0])] == ["salvaged"]
        assert await journal.get("done") is None
    finally:
        await journal.close()


@pytest.mark.parametrize("where", [0, 4096])
async def test_a_damaged_file_is_set_aside_and_kept(
    journal: Journal, tmp_path: Path, where: int, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        await journal.add(replace(CALL, unique_id=f"1.{number}"), NOW)
    await journal.close()
    path = tmp_path / "calls.db"
    damaged = bytearray(path.read_bytes())
    damaged[where : where + 2048] = b"\xff" * 2048
    path.write_bytes(damaged)
    journal = Journal(url(tmp_path))
    await journal.open()
    try:
        assert await journal.get("1.1") is None
        assert await journal.add(CALL, NOW)
    finally:
        await journal.close()
    aside = kept_aside(tmp_path)
    assert aside.read_bytes() == damaged
    assert f"it is kept as {aside}" in caplog.text


async def test_who_only_looks_on_sets_nothing_aside(tmp_path: Path) -> None:
    (tmp_path / "calls.db").write_bytes(b"this is no database, however long one looks at it" * 100)
    journal = Journal(url(tmp_path))
    with pytest.raises(JournalError, match=r"can't open the journal .*calls\.db: file is not a database"):
        await journal.open(serving=False)
    with pytest.raises(JournalError, match="the journal is closed"):
        await journal.add(CALL, NOW)


async def test_a_write_that_fails_says_why_and_leaves_nothing_behind(journal: Journal, tmp_path: Path) -> None:
    await journal.add(CALL, NOW)
    with sqlite3.connect(tmp_path / "calls.db") as other:
        other.execute("DROP TABLE history")
    with pytest.raises(JournalError, match="no such table: history"):
        await journal.add(replace(CALL, unique_id="lost?"), NOW)
    other.close()
    assert (await journal.get("lost?")) is None


async def test_full_sync_is_on(journal: Journal) -> None:
    def modes(connection: Connection) -> list[object]:
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]

    assert await journal._do(modes) == ["wal", 2]


async def test_who_only_looks_on_makes_no_file_and_needs_no_lock(journal: Journal, tmp_path: Path) -> None:
    entry = await journal.add(CALL, NOW)
    beside = Journal(url(tmp_path))
    await beside.open(serving=False)
    assert await beside.get(CALL.unique_id) == entry
    await beside.close()
    nowhere = Journal(url(tmp_path / "nowhere"))
    with pytest.raises(JournalError, match="has agi-server run with this configuration"):
        await nowhere.open(serving=False)
    assert not (tmp_path / "nowhere").exists()


async def test_a_person_may_retry_or_drop_what_waits_or_is_parked_and_nothing_else(journal: Journal) -> None:
    entry = await begun(journal)
    assert await journal.retry(entry, NOW) is None
    assert await journal.drop(entry, "why", NOW) is None
    parked = await journal.park(entry, Refused("code", "words"), Doubt.NONE, NOW)
    assert parked is not None
    late = NOW + timedelta(hours=1)
    waiting = await journal.retry(parked, late)
    assert waiting is not None
    assert await due(journal, late, 1) == [waiting]
    assert (waiting.failures, waiting.since) == (0, late)
    dropped = await journal.drop(waiting, "a test call", late)
    assert dropped is not None
    assert await journal.entries([State.DROPPED], NOW) == [dropped]
    assert await journal.entries([State.DROPPED], late) == []
    assert (await journal.history(dropped))[-1].words == "a test call"


async def test_old_finished_calls_are_forgotten_in_small_steps(journal: Journal) -> None:
    for n in range(5):
        entry = await begun(journal, replace(CALL, unique_id=f"done.{n}"))
        await journal.done(entry.with_ticket(Created("1", "1")), NOW)
    waiting = await journal.add(CALL, NOW)
    assert await journal.prune(NOW, 3) == 0
    late = NOW + timedelta(days=1)
    assert [await journal.prune(late, 3) for _ in range(3)] == [3, 2, 0]
    assert await due(journal, NOW, 10) == [waiting]
    assert len(await journal.history(waiting)) == 1


async def forbid_writing(journal: Journal, *, forbidden: bool) -> None:
    await journal._ask(lambda sql: sql.exec_driver_sql(f"PRAGMA query_only={int(forbidden)}"))


async def test_that_it_cannot_be_written_is_said_once_and_so_is_that_it_can_be_again(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    await journal.prove()
    await forbid_writing(journal, forbidden=True)
    for _ in range(2):
        with pytest.raises(JournalError, match="attempt to write a readonly database"):
            await journal.prove()
        with pytest.raises(JournalError):
            await journal.add(CALL, NOW)
        assert await journal.get(CALL.unique_id) is None  # it can be read, which says nothing
        assert journal.failing == "attempt to write a readonly database"
    await forbid_writing(journal, forbidden=False)
    await journal.prove()
    assert journal.failing is None
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the journal can't be written: attempt to write a readonly database; calls are held in memory"),
        ("WARNING", "the journal can be written again"),
    ]


async def test_the_proof_that_it_can_be_written_is_on_disk_and_changes_nothing(
    journal: Journal, tmp_path: Path
) -> None:
    await journal.add(CALL, NOW)
    with closing(sqlite3.connect(tmp_path / "calls.db")) as onlooker:
        onlooker.execute("PRAGMA user_version = 7")
        before, written = list(onlooker.iterdump()), (tmp_path / "calls.db-wal").stat().st_size
        await journal.prove()
        assert (tmp_path / "calls.db-wal").stat().st_size > written
        assert list(onlooker.iterdump()) == before
        assert onlooker.execute("PRAGMA user_version").fetchone() == (7,)


async def test_calls_that_are_no_tickets_yet_are_counted_with_the_oldest_of_each_state(journal: Journal) -> None:
    assert await journal.still_open() == dict.fromkeys(OPEN_STATES, Open(0, None))
    times = [NOW + timedelta(seconds=number) for number in range(5)]
    entries = [await journal.add(replace(CALL, unique_id=f"1.{n}"), at) for n, at in enumerate(times)]
    await journal.begin(entries[0], KNOWN, NOW)
    await journal.park(entries[3], Refused("code", "words"), Doubt.NONE, NOW)
    begun = await journal.begin(entries[4], KNOWN, NOW)
    assert begun is not None
    await journal.done(begun.with_ticket(Created("1", "T1")), NOW)
    assert await journal.still_open() == {
        State.WAITING: Open(2, times[1]),
        State.SENDING: Open(1, times[0]),
        State.PARKED: Open(1, times[3]),
    }
