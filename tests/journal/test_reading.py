"""The journal as the page reads it, beside the one that serves calls: on one real file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from agi_server.call import Call, Created, Customer, Doubt, Match, Recognition, Refused
from agi_server.journal import Entry, Journal, JournalError, State
from agi_server.journal.reading import MOST_CHANGES, Reading
from agi_server.journal.records import calls
from agi_server.journal.wanted import Wanted

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SEMYONOV = Customer("semyonov", "MEGA", "Пётр", "Семёнов", company="ООО «МегаФон»")
KNOWN = Recognition(Match.EXACT, SEMYONOV, (SEMYONOV,), Match.EXACT)
EVERYTHING = Wanted()


def call(number: int, name: str = "", dialled: str = "4509") -> Call:
    return Call(f"1795323819.{number}", NOW, "89161229624", "+79161229624", name=name, dialled=dialled)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(sa.make_url(f"sqlite+aiosqlite:///{tmp_path}/calls.db"))
    await journal.open()
    yield journal
    await journal.close()


@pytest.fixture
async def reading(journal: Journal, tmp_path: Path) -> AsyncIterator[Reading]:
    reading = Reading(sa.make_url(f"sqlite+aiosqlite:///{tmp_path}/calls.db"))
    await reading.open(serving=False)
    yield reading
    await reading.close()


async def done(journal: Journal, call: Call, ticket: str = "2026112210000042") -> Entry:
    begun = await journal.begin(await journal.add(call, NOW), KNOWN, NOW)
    assert begun is not None
    ended = await journal.done(begun.with_ticket(Created("42", ticket)), NOW)
    assert ended is not None
    return ended


async def test_the_newest_come_first_and_then_page_by_page(journal: Journal, reading: Reading) -> None:
    for number in range(5):
        await journal.add(call(number), NOW)
    first = await reading.newest(EVERYTHING, 2)
    assert [entry.call.unique_id[-1] for entry in first] == ["4", "3"]
    second = await reading.newest(EVERYTHING, 9, before=first[-1].id)
    assert [entry.call.unique_id[-1] for entry in second] == ["2", "1", "0"]


FOUND = {
    "Семёнов": True,
    "семенов": True,
    "ПЁТР": True,
    "петр мегафон": True,
    "ООО «мега": True,
    "semyonov": True,
    "Reception": True,
    "rECEPTION": True,
    "x%": True,
    'q"\\': True,
    "89161229624": True,
    "8 (916) 122-96-24": True,
    "+79161229624": True,
    "79161229624": True,
    "1229624": True,
    "2026112210000042": True,
    "#2026112210000042": True,
    "10000042": True,
    "1795323819.0": True,
    "": True,
    "Семёнова": False,
    "семенов иван": False,
    "y%": False,
    "x_": False,
    "89161229625": False,
    "2026112210000043": False,
    "canonical": False,
    "ё": True,
    "straße": False,
    "İ": False,
}


@pytest.mark.parametrize(("text", "found"), FOUND.items(), ids=FOUND)
async def test_a_call_is_found_by_what_one_knows_of_it(
    journal: Journal, reading: Reading, text: str, found: bool
) -> None:
    entry = await done(journal, call(0, name='Reception x% q"\\'))
    wanted = Wanted(text)
    assert [one.id for one in await reading.newest(wanted, 10)] == ([entry.id] if found else [])
    assert wanted.holds(entry) == found


async def test_what_is_held_is_never_kept_back_by_the_clauses(journal: Journal, reading: Reading) -> None:
    """The two must agree, whatever letters: each of these is a caller's name, and looked for in several ways."""
    names = ["Straße", "İstanbul", "ǅ", "Ёлка", "ﬁne", "Ω", "a\\u0438b", "100%", "_", "!", "'", "\t", "😀 Ωmega", "ß"]
    for number, name in enumerate(names):
        await journal.add(call(number, name=name), NOW)
    everything = await reading.newest(EVERYTHING, 100)
    for name in names:
        for text in (name, name.lower(), name.upper(), name.casefold(), name.title()):
            wanted = Wanted(text)
            found = await reading.newest(wanted, 100)
            assert [entry.id for entry in found] == [entry.id for entry in everything if wanted.holds(entry)], text


async def test_a_number_that_was_withheld_is_not_found_out_by_a_search(journal: Journal, reading: Reading) -> None:
    await journal.add(replace(call(1), number="", withheld=True), NOW)
    assert await reading.newest(Wanted("9161229624"), 10) == []


async def test_the_dialled_number_is_one_of_those_of_late(journal: Journal, reading: Reading) -> None:
    for number, dialled in enumerate(("4510", "4509", "", "4510", "45")):
        await journal.add(call(number, dialled=dialled), NOW)
    assert (await reading.places()).dialled == ["45", "4509", "4510"]
    found = await reading.newest(Wanted(dialled="4510"), 10)
    assert [entry.call.unique_id[-1] for entry in found] == ["3", "0"]
    assert [entry.call.dialled for entry in await reading.newest(Wanted(dialled="45"), 10)] == ["45"]


async def test_calls_of_one_queue(journal: Journal, reading: Reading) -> None:
    for number, queue in enumerate(("Raw", "Sales::VIP", "", "Sales::VIP")):
        entry = await journal.add(call(number), NOW)
        assert await journal.begin(replace(entry, queue=queue), KNOWN, NOW)
    assert (await reading.places()).queues == ["Raw", "Sales::VIP"]
    wanted = Wanted(queue="Sales::VIP")
    found = await reading.newest(wanted, 10)
    assert [(entry.call.unique_id[-1], entry.queue) for entry in found] == [("3", "Sales::VIP"), ("1", "Sales::VIP")]
    assert [wanted.holds(entry) for entry in await reading.newest(EVERYTHING, 10)] == [True, False, True, False]


async def test_each_changed_call_is_told_once_as_it_is_now(journal: Journal, reading: Reading) -> None:
    cursor = (await reading.figures()).cursor
    first = await journal.add(call(1), NOW)
    await done(journal, call(2))
    await journal.park(first, Refused("code", "words"), Doubt.NONE, NOW)
    changes = await reading.changed(cursor) or []
    assert [(change.entry.call.unique_id[-1], change.entry.state) for change in changes] == [
        ("2", State.DONE),
        ("1", State.PARKED),
    ]
    assert changes[-1].cursor == (await reading.figures()).cursor
    assert await reading.changed(changes[-1].cursor) == []
    assert [change.entry.id for change in await reading.changed(changes[0].cursor) or []] == [first.id]


async def test_so_many_changes_are_told_one_by_one_and_no_more(journal: Journal, reading: Reading) -> None:
    for number in range(MOST_CHANGES):
        await journal.add(call(number), NOW)
    assert len(await reading.changed(0) or []) == MOST_CHANGES
    await journal.add(call(MOST_CHANGES), NOW)
    assert await reading.changed(0) is None


async def test_what_another_process_changes_is_seen(journal: Journal, reading: Reading, tmp_path: Path) -> None:
    entry = await journal.add(call(1), NOW)
    cursor = (await reading.figures()).cursor
    other = Journal(sa.make_url(f"sqlite+aiosqlite:///{tmp_path}/calls.db"))
    await other.open(serving=False)
    await other.drop(entry, "wrong number", NOW)
    await other.close()
    [change] = await reading.changed(cursor) or []
    assert (change.entry.state, change.entry.reason) == (State.DROPPED, "wrong number")


async def test_the_open_calls_are_counted_and_the_parked_ones_listed(journal: Journal, reading: Reading) -> None:
    assert (await reading.figures()).open == {State.WAITING: 0, State.SENDING: 0, State.PARKED: 0}
    for number in range(3):
        await journal.park(await journal.add(call(number), NOW), Refused("code", "words"), Doubt.NONE, NOW)
    await journal.add(call(3), NOW)
    await done(journal, call(4))
    assert (await reading.figures()).open == {State.WAITING: 1, State.SENDING: 0, State.PARKED: 3}
    assert [entry.call.unique_id[-1] for entry in await reading.parked(2)] == ["2", "1"]


async def test_an_entry_by_its_number(journal: Journal, reading: Reading) -> None:
    entry = await journal.add(call(1), NOW)
    assert await reading.numbered(entry.id) == entry
    assert await reading.numbered(entry.id + 1) is None


async def test_it_can_write_nothing(journal: Journal, reading: Reading) -> None:
    await journal.add(call(1), NOW)
    with pytest.raises(JournalError, match="readonly"):
        await reading._ask(lambda connection: connection.execute(calls.delete()))
    assert len(await reading.newest(EVERYTHING, 10)) == 1


async def test_it_reads_while_a_write_is_under_way(journal: Journal, reading: Reading, tmp_path: Path) -> None:
    await journal.add(call(1), NOW)
    with sqlite3.connect(tmp_path / "calls.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(await reading.newest(EVERYTHING, 10)) == 1
        other.execute("ROLLBACK")
    other.close()


async def test_without_a_journal_there_is_nothing_to_read(tmp_path: Path) -> None:
    reading = Reading(sa.make_url(f"sqlite+aiosqlite:///{tmp_path}/calls.db"))
    with pytest.raises(JournalError, match="there is none yet"):
        await reading.open(serving=False)
    with pytest.raises(JournalError, match="closed"):
        await reading.figures()
