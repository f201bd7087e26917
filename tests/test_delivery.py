"""Delivery on a real journal, with a help desk that fails as the script of each test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agi_server.attempt import ENDED, ended
from agi_server.call import (
    NOBODY,
    Created,
    Doubt,
    Ending,
    Hits,
    Match,
    NotFound,
    Outcome,
    Recognition,
    Refused,
    Trouble,
)
from agi_server.helpdesk import Ticket
from agi_server.journal import Entry, JournalError, State
from agi_server.outcomes import UNEXPLAINED_FOR
from agi_server.rules import Route
from agi_server.ticket import Composer
from tests.delivering import CALL, FORM, GARBLED, NOW, REFUSED, TIMEOUT, House, ids, many
from tests.ports import IVANOV, KNOWN, Desk

REJECT = Route("routes item 2", dialled=("4509",), ending=Ending.REJECTED)
LOOKUP_ONLY = Route("routes item 3", dialled=("4509",), ending=Ending.NO_TICKET)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await house.journal.open()
    await house.delivery.start()
    yield house
    await house.delivery.stop(1.0)
    await house.journal.close()


async def test_a_call_becomes_a_ticket_of_its_customer(house: House) -> None:
    entry = await house.live()
    assert (entry.state, entry.ticket) == (State.DONE, Created("1", "T1"))
    [ticket] = house.desk.tickets
    assert (ticket.customer_user, ticket.customer_id, ticket.article.body) == ("ivanov", "ROMASHKA", "ivanov")
    assert house.desk.searches == 0


async def test_the_queue_that_the_ticket_is_asked_for_in_is_kept(house: House) -> None:
    entry = await house.live()
    assert entry.queue == "Raw"
    assert await house.journal.get(CALL.unique_id) == entry


async def test_while_otrs_is_in_trouble_it_is_kept_who_rings_and_for_which_queue(house: House) -> None:
    house.desk.script = [REFUSED]
    await house.live(many(1)[0])
    assert house.delivery.troubled
    entry = await house.live()
    assert (entry.state, entry.attempts, entry.recognition, entry.queue) == (State.WAITING, 0, KNOWN, "Raw")
    assert await house.journal.get(CALL.unique_id) == entry
    last = (await house.journal.history(entry))[-1]
    assert (last.event, last.words) == ("recognised", "ivanov")


async def test_a_call_is_left_to_wait_though_it_cannot_be_kept_who_rings(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise JournalError("disk full")

    house.desk.script = [REFUSED]
    await house.live(many(1)[0])
    monkeypatch.setattr(house.journal, "recognised", full)
    entry = await house.live()
    assert (entry.state, entry.failures, entry.recognition) == (State.WAITING, 0, None)


async def test_who_rings_is_kept_also_of_a_call_that_a_template_parks(house: House) -> None:
    house.delivery._attempts._composer = Composer(replace(FORM, title="{{ call.nothing }}"))
    assert (await house.live()).recognition == KNOWN


@pytest.mark.parametrize(
    ("about", "value"),
    [
        ("queue", " (queue 'Raw')"),
        ("history_type", " (history_type 'PhoneCallCustomer')"),
        ("priority", " (priority ID 99)"),
        ("force_notification_to", " (force_notification_to ID 4 or 5)"),
        ("dynamic_fields", " (dynamic_fields Floor or Topics)"),
        ("owner", ""),
        ("no_agent_notify", ""),
        ("exclude_notification_to", ""),
        ("attachments", ""),
        ("", ""),
    ],
)
async def test_the_reason_names_the_value_that_is_refused(house: House, about: str, value: str) -> None:
    form = replace(FORM, priority=99, no_agent_notify=True, force_notification_to_user_id=[4, 5])
    form = replace(form, dynamic_fields={"Floor": "2", "Topics": ["a", "b"]})
    house.delivery._attempts._composer = Composer(form)
    house.desk.script = [Refused("TicketCreate.InvalidParameter", "no such thing", about)]
    assert (await house.live()).reason == f"TicketCreate.InvalidParameter: no such thing{value}"


async def test_refused_is_parked_and_not_repeated(house: House) -> None:
    house.desk.script = [Refused("TicketCreate.InvalidParameter", "Queue is invalid")]
    entry = await house.live()
    assert (entry.state, entry.doubt) == (State.PARKED, Doubt.NONE)
    assert not house.delivery.troubled
    assert house.desk.opened == [CALL.unique_id]


async def test_a_template_that_fails_parks_the_call(house: House) -> None:
    house.delivery._attempts._composer = Composer(replace(FORM, title="{{ call.nothing }}"))
    entry = await house.live()
    assert entry.state is State.PARKED
    assert entry.reason.startswith("template: ticket.title: ")
    assert house.desk.opened == []


@pytest.mark.parametrize("route", [REJECT, LOOKUP_ONLY])
async def test_what_a_rule_declines_ends_without_otrs(house: House, route: Route) -> None:
    await house.restart(routes=[route])
    entry = await house.live()
    assert (entry.state, entry.ending, entry.recognition) == (State.DROPPED, route.ending, KNOWN)
    assert await house.journal.get(CALL.unique_id) == entry
    assert (house.desk.opened, house.desk.searches) == ([], 0)
    last = (await house.journal.history(entry))[-1]
    assert (last.event, last.words) == (route.ending, route.name)


async def test_a_caller_is_rejected_though_otrs_is_in_trouble_and_no_place_is_free(house: House) -> None:
    await house.restart(routes=[Route("routes item 1", dialled=("666",), ending=Ending.REJECTED)])
    house.desk.go_on.clear()
    calls = [asyncio.create_task(house.live(call)) for call in many(5)]
    await house.desk.arrivals(4)
    house.now += timedelta(seconds=11)
    assert house.delivery.troubled
    assert (await house.live(replace(CALL, unique_id="unwanted", dialled="666"))).ending is Ending.REJECTED
    house.desk.go_on.set()
    await asyncio.gather(*calls)


async def test_a_ticket_that_is_there_wins_over_a_rule_made_later(house: House) -> None:
    house.desk.script, house.desk.made_all_the_same = [TIMEOUT], True
    await house.live()
    await house.restart(routes=[REJECT])
    await house.until(State.DONE)
    entry = await house.journal.get(CALL.unique_id)
    assert entry is not None
    assert (entry.ending, entry.ticket) == (Ending.CREATED, Created("1", "T1"))


async def test_a_rule_made_later_declines_what_surely_is_no_ticket(house: House) -> None:
    house.desk.script = [TIMEOUT]
    await house.live()
    await house.restart(routes=[REJECT])
    await house.until(State.DROPPED)
    assert house.desk.opened == [CALL.unique_id]
    assert house.now >= NOW + timedelta(seconds=120)


async def test_trouble_that_surely_made_nothing_is_repeated_without_a_search(house: House) -> None:
    house.desk.script = [REFUSED]
    assert (await house.live()).state is State.WAITING
    await house.until(State.DONE)
    assert (len(house.desk.tickets), house.desk.searches) == (1, 0)


@pytest.mark.parametrize("trouble", [GARBLED, TIMEOUT])
async def test_a_ticket_made_behind_a_lost_answer_is_found_and_not_made_again(house: House, trouble: Trouble) -> None:
    house.desk.script, house.desk.made_all_the_same = [trouble], True
    assert (await house.live()).state is State.WAITING
    await house.until(State.DONE)
    assert len(house.desk.tickets) == 1
    entry = await house.journal.get(CALL.unique_id)
    assert entry is not None
    assert [event.event for event in await house.journal.history(entry)] == ["added", "begun", "trouble", "found"]


async def test_an_ended_request_that_made_nothing_is_repeated_at_once(house: House) -> None:
    house.desk.script = [GARBLED]
    await house.live()
    await house.until(State.DONE)
    assert (len(house.desk.tickets), house.desk.searches) == (1, 1)
    assert house.now < NOW + timedelta(seconds=120)


async def test_a_request_that_may_still_run_is_not_repeated_until_it_is_settled(house: House) -> None:
    house.desk.script = [TIMEOUT]
    await house.live()
    await house.until(State.DONE)
    assert len(house.desk.tickets) == 1
    assert house.desk.searches > 2
    assert house.now >= NOW + timedelta(seconds=120)


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_settles_nothing_early_and_holds_nothing_up(house: House, hours: int) -> None:
    house.desk.script = [TIMEOUT]
    await house.live()
    house.set_by = timedelta(hours=hours)
    await house.until(State.DONE)
    assert len(house.desk.tickets) == 1
    assert timedelta(seconds=120) <= house.now - NOW < timedelta(seconds=400)


async def test_a_clock_that_was_set_while_we_were_down_settles_nothing_early(house: House) -> None:
    entry = await house.journal.add(CALL, NOW)
    await house.journal.begin(entry, NOBODY, NOW)
    await house.delivery.stop(1.0)
    house.delivery = house.build()
    house.set_by = timedelta(hours=1)
    await house.delivery.start()
    await house.until(State.DONE)
    assert house.now - NOW >= timedelta(seconds=120)


async def test_a_ticket_that_appears_late_is_found(house: House) -> None:
    house.desk.script = [TIMEOUT]
    house.desk.search_script = [NotFound(), NotFound(), Created("7", "T7")]
    await house.live()
    await house.until(State.DONE)
    assert (house.desk.tickets, house.desk.opened) == ([], [CALL.unique_id])


async def test_a_search_that_fails_decides_nothing(house: House) -> None:
    house.desk.script = [GARBLED]
    house.desk.search_script = [REFUSED, TIMEOUT, GARBLED]
    await house.live()
    await house.until(State.DONE)
    assert (len(house.desk.tickets), house.desk.searches) == (1, 4)


async def test_a_search_that_is_refused_parks_the_call_in_its_doubt(house: House) -> None:
    house.desk.script = [TIMEOUT]
    house.desk.search_script = [Refused("TicketSearch.AuthFail", "no")]
    await house.live()
    await house.until(State.PARKED)
    entry = await house.journal.get(CALL.unique_id)
    assert entry is not None
    assert entry.doubt is Doubt.RUNNING


async def test_after_a_week_of_trouble_a_person_must_look(house: House) -> None:
    house.desk.script = [GARBLED] * 1000
    await house.live()
    house.now += timedelta(days=6, hours=23)
    house.delivery.wake()
    await house.desk.arrivals(2)
    house.now += timedelta(hours=2)
    await house.until(State.PARKED)
    entry = await house.journal.get(CALL.unique_id)
    assert entry is not None
    assert entry.reason == f"gave up: {entry.failures + 1} failures in 7 days; the last: HTTP 500"
    assert entry.doubt is Doubt.ENDED


async def test_after_a_crash_the_ticket_is_searched_for_first(house: House) -> None:
    entry = await house.journal.add(CALL, NOW)
    await house.journal.begin(entry, NOBODY, NOW)
    await house.desk.open(Ticket(CALL.unique_id, "t", "q", "s", "p", "c", "", None))  # type: ignore[arg-type]
    await house.delivery.stop(1.0)
    house.delivery = house.build()
    await house.delivery.start()
    await house.until(State.DONE)
    assert len(house.desk.tickets) == 1


async def test_stopping_ends_what_has_begun_and_begins_nothing_more(house: House) -> None:
    house.desk.go_on.clear()
    calls = [replace(CALL, unique_id=f"live.{n}") for n in range(6)]
    tasks = [house.delivery.take(call).attempt for call in calls]
    await house.desk.arrivals(4)
    stopping = asyncio.create_task(house.delivery.stop(10.0))
    await asyncio.sleep(0)
    house.desk.go_on.set()
    await stopping
    left = [task.result() for task in tasks]
    assert [entry and entry.state for entry in left] == [State.DONE] * 4 + [State.WAITING] * 2
    assert len(house.desk.opened) == 4


async def test_stopping_cuts_an_attempt_off_and_the_next_life_finds_its_ticket(house: House) -> None:
    house.desk.go_on.clear()
    task = house.delivery.take(CALL).attempt
    await house.desk.arrivals(1)
    await house.delivery.stop(0.01)
    assert task.cancelled()
    house.desk.go_on.set()
    house.delivery = house.build()
    await house.delivery.start()
    await house.until(State.DONE)
    assert len(house.desk.tickets) == 1


async def test_the_same_call_twice_shares_one_attempt(house: House) -> None:
    house.desk.go_on.clear()
    both = [house.delivery.take(CALL) for _ in range(2)]
    await asyncio.wait({live.kept for live in both})
    house.desk.go_on.set()
    first, second = [await live.attempt for live in both]
    assert first is second
    assert len(house.desk.tickets) == 1


async def test_of_a_call_that_waits_for_nothing_the_attempt_begins_in_the_write_that_keeps_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unused(*_: object) -> Entry:
        raise ZeroDivisionError

    monkeypatch.setattr(house.journal, "add", unused)
    monkeypatch.setattr(house.journal, "begin", unused)
    live = house.delivery.take(CALL)
    await house.desk.arrivals(1)
    kept = live.kept.result()
    assert isinstance(kept, Entry)
    assert (kept.state, kept.doubt, kept.attempts, kept.queue) == (State.SENDING, Doubt.RUNNING, 1, "Raw")
    entry = await live.attempt
    assert entry is not None
    assert (entry.state, await house.journal.get(CALL.unique_id)) == (State.DONE, entry)
    assert [event.event for event in await house.journal.history(entry)] == ["added", "begun", "created"]


async def test_a_call_whose_caller_is_looked_up_is_kept_meanwhile(house: House) -> None:
    live = house.delivery.take(replace(CALL, canonical="+79219876543"))
    house.people.find_again.clear()
    await asyncio.wait({live.kept})
    kept = live.kept.result()
    assert isinstance(kept, Entry)
    assert (kept.state, kept.attempts, live.who.done()) == (State.WAITING, 0, False)
    house.people.find_again.set()
    entry = await live.attempt
    assert entry is not None
    assert (entry.state, entry.recognition) == (State.DONE, NOBODY)


async def test_an_error_in_what_tells_who_rings_or_makes_the_ticket_keeps_no_call_from_being_kept(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(house.people, "recall", broken)
        assert (await house.live()).state is State.DONE
        patched.setattr(house.delivery._attempts, "wanted", broken)
        assert (await house.live(replace(CALL, unique_id="next"))).state is State.WAITING
    assert "an error that nobody foresaw" in caplog.text
    await house.until(State.DONE, 2)


@pytest.mark.parametrize("reserves", [False, True])
async def test_while_the_journal_can_not_be_written_no_call_has_a_place(house: House, reserves: bool) -> None:
    await house.journal._ask(lambda sql: sql.exec_driver_sql("PRAGMA query_only=ON"))
    house.desk.reserves = reserves
    for call in many(10):
        live = house.delivery.take(call)
        assert await live.attempt is None
        assert str(live.kept.result()).endswith("attempt to write a readonly database")
    assert house.desk.opened == []
    await house.journal._ask(lambda sql: sql.exec_driver_sql("PRAGMA query_only=OFF"))
    assert {(await house.live(call)).state for call in many(10)} == {State.DONE}
    assert sorted(house.desk.opened) == ids(10)


async def test_a_call_that_is_stopped_while_it_is_kept_is_searched_for_in_the_next_life(house: House) -> None:
    live = house.delivery.take(CALL)
    await asyncio.sleep(0)  # now the write has been asked for
    await house.delivery.stop(0.0)
    assert live.attempt.cancelled()
    house.delivery = house.build()
    await house.delivery.start()
    entry = await house.journal.get(CALL.unique_id)
    assert entry is not None
    assert (entry.state, entry.doubt) == (State.WAITING, Doubt.RUNNING)
    await house.until(State.DONE)
    assert (house.desk.opened, len(house.desk.tickets)) == ([CALL.unique_id], 1)
    assert house.desk.searches > 0


async def test_no_more_requests_at_once_than_places(house: House) -> None:
    house.desk.go_on.clear()
    calls = [asyncio.create_task(house.live(call)) for call in many(40)]
    await house.desk.arrivals(4)
    house.desk.go_on.set()
    await asyncio.gather(*calls)
    assert house.desk.most_at_work == 4
    assert len(house.desk.tickets) == 40


async def test_in_trouble_live_calls_wait_on_disk_and_one_at_a_time_asks(house: House) -> None:
    house.desk.script = [REFUSED] * 3
    await house.live()
    assert house.delivery.troubled
    house.desk.go_on.clear()
    for call in many(20):
        assert (await house.live(call)).state is State.WAITING
    assert house.desk.most_at_work == 1
    house.desk.go_on.set()
    await house.until(State.DONE, 21)
    assert not house.delivery.troubled
    assert sorted(ticket.call_id for ticket in house.desk.tickets) == sorted([CALL.unique_id, *ids(20)])
    assert house.desk.most_at_work <= 2


async def test_when_otrs_is_back_the_calls_go_in_the_order_in_which_they_came(house: House) -> None:
    house.delivery = house.build(places=1, pause=lambda failures: 500.0)
    await house.delivery.start()
    house.desk.script = [REFUSED]
    await house.live(replace(CALL, unique_id="first"))
    house.desk.go_on.clear()
    for call in many(10):
        assert (await house.live(call)).state is State.WAITING
    house.desk.go_on.set()
    await house.until(State.DONE, 11)
    assert [ticket.call_id for ticket in house.desk.tickets] == ["call.0", "first", *ids(10)[1:]]
    await house.delivery.stop(1.0)


async def test_live_calls_go_before_retries(house: House) -> None:
    house.desk.go_on.clear()
    for call in many(6):  # as a restart would find them
        await house.journal.add(call, NOW - timedelta(hours=1))
    house.delivery.wake()
    await house.desk.arrivals(2)
    calls = [replace(CALL, unique_id=f"live.{n}") for n in range(4)]
    tasks = [house.delivery.take(call).attempt for call in calls]
    await house.desk.arrivals(4)
    assert house.desk.opened == ["call.0", "call.1", "live.0", "live.1"]
    house.desk.go_on.set()
    await asyncio.gather(*tasks)
    assert house.desk.opened[4:6] == ["live.2", "live.3"]
    await house.until(State.DONE, 10)


async def test_a_call_that_always_fails_does_not_make_otrs_look_troubled(house: House) -> None:
    class Poisoned(Desk):
        async def open(self, ticket: Ticket) -> Outcome:
            return GARBLED if ticket.call_id == CALL.unique_id else await super().open(ticket)

    house.delivery._attempts._help_desk = Poisoned()
    await house.live()
    assert house.delivery.troubled
    while (entry := await house.journal.get(CALL.unique_id)) and entry.failures < 3:
        house.now += timedelta(seconds=1)
        house.delivery.wake()
        await asyncio.sleep(0.005)
    house.delivery._pulse.answered()
    while (entry := await house.journal.get(CALL.unique_id)) and entry.failures < 6:
        house.now += timedelta(seconds=1)
        house.delivery.wake()
        await asyncio.sleep(0.005)
        assert not house.delivery.troubled
    assert (await house.live(replace(CALL, unique_id="another"))).state is State.DONE


async def test_a_directory_that_does_not_answer_makes_the_caller_a_stranger(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def recall(self, number: str) -> Hits | None:
            return None

        async def find(self, number: str) -> Hits:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr("agi_server.callers.LOOKUP_LIMIT", 0.01)
    house.delivery._callers._directory = Silent()
    entry = await house.live()
    assert (entry.state, entry.recognition) == (State.DONE, NOBODY)
    assert house.desk.tickets[0].customer_user == "stranger"


COLLEAGUES = (IVANOV, replace(IVANOV, login="petrov"), replace(IVANOV, login="sidorov"))


async def test_of_colleagues_on_one_number_the_one_who_called_last_rings(house: House) -> None:
    house.people.hits["+74950000000"] = Hits(Match.EXACT, COLLEAGUES)
    house.people.hits["+79160000000"] = Hits(Match.EXACT, COLLEAGUES[1:2])
    shared = replace(CALL, unique_id="shared", canonical="+74950000000")
    expected = Recognition(Match.SEVERAL, IVANOV, COLLEAGUES, Match.EXACT)
    assert await house.delivery._callers.find(shared) == expected
    await house.live(replace(CALL, canonical="+79160000000"))
    assert await house.delivery._callers.find(shared) == replace(expected, customer=COLLEAGUES[1])
    await house.live(shared)  # as petrov: but that was a guess, and does not count
    await house.live(replace(CALL, unique_id="from his own"))
    assert await house.delivery._callers.find(shared) == expected


@pytest.mark.parametrize("hangs", [False, True])
async def test_without_the_journal_of_colleagues_the_one_changed_last_rings(
    house: House, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(logins: object) -> str:
        if hangs:
            await asyncio.Event().wait()
        raise JournalError("disk full")

    monkeypatch.setattr("agi_server.callers.LOOKUP_LIMIT", 0.01)
    monkeypatch.setattr(house.journal, "called_last", broken)
    house.people.hits[CALL.canonical] = Hits(Match.EXACT, COLLEAGUES)
    assert (await house.delivery._callers.find(CALL)).customer == IVANOV


async def test_the_number_that_is_looked_up_may_be_less_than_a_whole_one(house: House) -> None:
    house.people.hits["~1229624"] = Hits(Match.SUFFIX, (IVANOV,))
    found = await house.delivery._callers.find(replace(CALL, canonical="", lookup="~1229624"))
    assert found == Recognition(Match.SUFFIX, IVANOV, (IVANOV,), Match.SUFFIX)
    assert await house.delivery._callers.find(replace(CALL, canonical="", lookup="")) == NOBODY


async def test_a_customer_whom_otrs_knows_no_more_gets_a_ticket_as_a_stranger(house: House) -> None:
    house.desk.script = [Refused("TicketCreate.InvalidParameter", "Ticket->CustomerUser", "customer_user")]
    entry = await house.live()
    assert (entry.state, entry.attempts) == (State.DONE, 1)
    assert [ticket.customer_user for ticket in house.desk.tickets] == ["stranger"]


async def test_who_is_refused_as_a_stranger_too_is_parked(house: House) -> None:
    refused = Refused("TicketCreate.InvalidParameter", "Ticket->CustomerUser", "customer_user")
    house.desk.script = [refused, refused]
    assert (await house.live()).state is State.PARKED
    assert len(house.desk.opened) == 2


async def test_while_otrs_is_silent_nobody_else_waits_for_it(house: House) -> None:
    house.desk.go_on.clear()
    first = house.delivery.take(CALL).attempt
    await house.desk.arrivals(1)
    assert not house.delivery.troubled
    house.now += timedelta(seconds=11)
    call = replace(CALL, unique_id="another")
    assert (await house.live(call)).state is State.WAITING
    house.desk.go_on.set()
    await first
    assert not house.delivery.troubled
    await house.until(State.DONE, 2)


async def test_a_wish_that_is_not_allowed_is_named_in_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.live(replace(CALL, wishes={"quueue": "Sales"}))
    assert "ticket.wishes does not allow: quueue" in caplog.text


async def test_an_error_that_nobody_foresaw_is_repeated_with_a_search(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Desk):
        async def open(self, ticket: Ticket) -> Outcome:
            self.tickets.append(ticket)
            raise ZeroDivisionError

    house.delivery._attempts._help_desk = broken = Broken()
    entry = await house.live()
    assert (entry.state, entry.doubt) == (State.WAITING, Doubt.RUNNING)
    await house.until(State.DONE)
    assert len(broken.tickets) == 1
    assert "nobody foresaw" in caplog.text
    assert house.delivery.attempts == {"error": 1, "created": 1}


async def test_how_each_attempt_ended_is_counted(house: House) -> None:
    house.desk.script = [REFUSED, Refused("TicketCreate.InvalidParameter", "Queue")]
    await house.live()
    await house.until(State.PARKED)
    await house.live(replace(CALL, unique_id="next"))
    assert house.delivery.attempts == {"trouble": 1, "parked": 1, "created": 1}
    await house.restart(routes=[REJECT])
    await house.live(replace(CALL, unique_id="unwanted"))
    assert house.delivery.attempts == {"rejected": 1}


@pytest.mark.parametrize(
    ("state", "ending", "word"),
    [
        (State.DONE, Ending.CREATED, "created"),
        (State.DONE, Ending.UPDATED, "updated"),
        (State.DROPPED, Ending.REJECTED, "rejected"),
        (State.DROPPED, Ending.NO_TICKET, "no_ticket"),
        (State.DROPPED, None, "rejected"),
        (State.PARKED, None, "parked"),
        (State.WAITING, None, "trouble"),
        (State.WAITING, Ending.UPDATED, "gathered"),
        (State.SENDING, None, "gathered"),
    ],
)
def test_how_an_attempt_ended_is_told_by_what_it_left(state: State, ending: Ending | None, word: str) -> None:
    entry = Entry(1, CALL, state, NOW, NOW, 1, 0, NOW, Doubt.NONE, None, KNOWN, "", ending)
    assert ended(entry) == word
    assert word in ENDED


async def test_that_otrs_fails_holds_until_it_answers(house: House) -> None:
    await house.restart(pause=lambda failures: 7200.0)
    house.desk.script = [REFUSED]
    await house.live()
    house.now += timedelta(hours=1)
    assert (house.delivery.troubled, house.delivery.otrs_fails) == (False, True)
    await house.live(replace(CALL, unique_id="next"))
    assert not house.delivery.otrs_fails


async def test_that_otrs_fails_is_said_once_and_so_is_that_it_answers_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.desk.script = [REFUSED] * 3
    await house.live()
    await house.until(State.DONE)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "OTRS is in trouble: connection refused; calls wait in the journal"),
        ("WARNING", "OTRS answers again"),
    ]


async def test_what_came_of_an_attempt_is_written_however_long_that_takes_and_said_once(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    park, failures = house.journal.park, 3

    async def full(*arguments: Any) -> Entry | None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise JournalError("disk full")
        return await park(*arguments)

    monkeypatch.setattr(house.journal, "park", full)
    house.desk.script = [Refused("TicketCreate.InvalidParameter", "Queue")]
    assert (await house.live()).state is State.PARKED
    assert failures == -1
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "not in the journal yet: disk full"),
        ("WARNING", "parked, a person must look: TicketCreate.InvalidParameter: Queue"),
    ]


async def test_a_reserved_number_is_on_disk_before_the_ticket_is_asked_for_and_is_kept_through_trouble(
    house: House,
) -> None:
    house.desk.reserves = True
    house.desk.script = [GARBLED]
    first = await house.live()
    assert (first.state, first.reserved) == (State.WAITING, "T1")
    assert await house.journal.get(CALL.unique_id) == first
    await house.until(State.DONE)
    assert (house.desk.reserved, [ticket.number for ticket in house.desk.tickets]) == (1, ["T1"])
    assert house.desk.numbers_looked_for == ["T1"]


@pytest.mark.parametrize(("answer", "state"), [(REFUSED, State.WAITING), (Refused("x", "y"), State.PARKED)])
async def test_without_a_number_no_ticket_is_asked_for(house: House, answer: Trouble | Refused, state: State) -> None:
    house.desk.reserves = True
    house.desk.reserve_script = [answer]
    entry = await house.live()
    assert (entry.state, entry.attempts, house.desk.opened) == (state, 0, [])


async def test_where_somebody_else_has_the_number_another_is_reserved(house: House) -> None:
    house.desk.reserves = True
    house.desk.script = [Refused("NumberTaken", "T1 is another's", about="number")]
    assert (await house.live()).reserved == ""
    await house.until(State.DONE)
    assert [ticket.number for ticket in house.desk.tickets] == ["T2"]


async def test_who_is_a_stranger_to_otrs_keeps_the_number(house: House) -> None:
    house.desk.reserves = True
    house.desk.script = [Refused("UnknownCustomer", "ivanov", about="customer_user")]
    await house.live()
    assert [(ticket.customer_user, ticket.number) for ticket in house.desk.tickets] == [("stranger", "T1")]


async def test_whose_number_has_a_ticket_later_on_waits_for_a_person(house: House) -> None:
    """It may be its own, half made, with a title that somebody has changed since."""
    house.desk.reserves = True
    house.desk.script = [REFUSED, Refused("NumberTaken", "T1 is another's", about="number")]
    await house.live()
    await house.until(State.PARKED)
    [parked] = await house.journal.entries([State.PARKED], NOW - timedelta(days=1))
    assert parked.reason == (
        "NumberTaken: T1 is another's: if it is this call's, drop the call; retried, it gets a ticket of its own"
    )
    assert await house.journal.retry(parked, house.now)
    await house.until(State.DONE)
    assert [ticket.number for ticket in house.desk.tickets] == ["T2"]


async def test_what_was_begun_with_a_number_is_looked_for_where_none_is_reserved(house: House) -> None:
    house.desk.reserves = True
    house.desk.script = [Refused("Unknown", "no such article type", about="article_type")]
    parked = await house.live()
    assert (parked.state, parked.doubt, parked.reserved) == (State.PARKED, Doubt.NONE, "T1")
    house.desk.reserves = False
    house.desk.search_script = [Created("1", "T1")]
    assert await house.journal.retry(parked, house.now)
    await house.until(State.DONE)
    assert house.desk.tickets == []


@pytest.mark.parametrize(
    ("otherwise", "left"),
    [
        (Trouble("OTRS is away"), State.WAITING),
        (Trouble("OTRS says nothing else", attempts=2), State.WAITING),
        (Trouble("OTRS answered nil", attempts=2), State.PARKED),
    ],
    ids=["outage", "another silence", "the same"],
)
async def test_only_what_stays_unexplained_all_the_time_is_parked(
    house: House, otherwise: Trouble, left: State
) -> None:
    unexplained = Trouble("OTRS answered nil", attempts=2)
    house.desk.script = [*[unexplained] * 3, otherwise, *[unexplained] * 2]
    await house.restart(pause=lambda failures: UNEXPLAINED_FOR.total_seconds() / 5)
    await house.live()
    async with asyncio.timeout(20):
        for attempts in range(2, 7):
            house.now += UNEXPLAINED_FOR / 5
            house.delivery.wake()
            await house.desk.arrivals(attempts)
            while (await house.journal.counts())[State.SENDING]:  # noqa: ASYNC110 -- nobody sets an event
                await asyncio.sleep(0.005)
    entry = await house.journal.get(CALL.unique_id)
    assert entry is not None
    assert entry.state is left


async def test_what_otrs_does_not_explain_is_parked_after_some_attempts_and_does_not_look_like_an_outage(
    house: House,
) -> None:
    house.desk.script = [Trouble("OTRS answered nil", Doubt.NONE, attempts=2)] * 10_000
    first = await house.live()
    assert (first.state, house.delivery.troubled) == (State.WAITING, False)
    house.now += UNEXPLAINED_FOR
    await house.until(State.PARKED)
    parked = await house.journal.get(CALL.unique_id)
    assert parked is not None
    assert parked.reason == "unexplained: OTRS answered nil"


async def test_what_otrs_has_made_is_told_before_it_is_on_disk_and_holds_up_no_other_request(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, go_on = house.journal.done, asyncio.Event()

    async def slowly(left: Entry, now: datetime, event: str) -> Entry | None:
        await go_on.wait()
        return await done(left, now, event)

    monkeypatch.setattr(house.journal, "done", slowly)
    house.delivery = house.build(places=1)
    first, second = map(house.delivery.take, many(2))
    told = [await live.left for live in (first, second)]
    assert [entry and (entry.state, entry.ticket) for entry in told] == [
        (State.DONE, Created("1", "T1")),
        (State.DONE, Created("2", "T2")),
    ]
    assert (await house.journal.counts())[State.SENDING] == 2
    stopping = asyncio.create_task(house.delivery.stop(10.0))
    await asyncio.sleep(0)
    assert not first.attempt.done()
    go_on.set()
    await stopping
    assert [live.attempt.result() for live in (first, second)] == told
    assert [await house.journal.get(call.unique_id) for call in many(2)] == told
