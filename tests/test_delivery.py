"""Delivery on a real journal, with a help desk that fails as the script of each test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from agi_server.call import (
    NOBODY,
    Call,
    Created,
    Doubt,
    Hits,
    NotFound,
    Outcome,
    Recognition,
    Refused,
    Ticket,
    Trouble,
)
from agi_server.delivery import Delivery
from agi_server.journal import Entry, Journal, State
from agi_server.ticket import Composer, Form
from tests.ports import Desk, People

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CALL = Call(unique_id="1795323819.0", time=NOW, number="89161229624", canonical="+79161229624", dialled="4509")
FORM = Form(
    title="Call from {{ call.number }}",
    subject="call",
    body="{{ customer.login }}",
    queue="Raw",
    state="new",
    priority="3 normal",
    unknown_customer="stranger",
)
TIMEOUT = Trouble("no answer within 60 s", Doubt.RUNNING)
REFUSED = Trouble("connection refused", Doubt.NONE)
GARBLED = Trouble("HTTP 500", Doubt.ENDED)


class House:
    """Journal, delivery and the time that a test tells."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.set_by = timedelta()
        """By how much somebody has set the clock."""
        self.desk = Desk()
        self.journal = Journal(make_url(f"sqlite+aiosqlite:///{folder}/calls.db"))
        self.delivery = self.build()

    def build(self, places: int = 4, pause: Callable[[int], float] = lambda failures: 0.01) -> Delivery:
        return Delivery(
            self.journal,
            People(),
            self.desk,
            Composer(FORM),
            places=places,
            settle=120.0,
            give_up=timedelta(days=7),
            clock=lambda: self.now + self.set_by,
            stopwatch=lambda: self.now.timestamp(),
            pause=pause,
        )

    async def live(self, call: Call = CALL) -> Entry:
        """A live call, until its attempt has ended."""
        entry = await self.journal.add(call, self.now)
        return await self.delivery.deliver(entry, self.who(call))

    def who(self, call: Call) -> asyncio.Task[Recognition]:
        return asyncio.create_task(self.delivery.recognise(call))

    async def until(self, state: State, number: int = 1) -> None:
        """Wait until so many calls are in this state; the clock runs 1 s each time we look."""
        async with asyncio.timeout(20):
            while (await self.journal.counts())[state] < number:
                self.now += timedelta(seconds=1)
                self.delivery._wake.set()
                await asyncio.sleep(0.005)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await house.journal.open()
    await house.delivery.start()
    yield house
    await house.delivery.stop(1.0)
    await house.journal.close()


def many(number: int) -> list[Call]:
    return [replace(CALL, unique_id=f"call.{n}") for n in range(number)]


def ids(number: int) -> list[str]:
    return [call.unique_id for call in many(number)]


async def test_a_call_becomes_a_ticket_of_its_customer(house: House) -> None:
    entry = await house.live()
    assert (entry.state, entry.ticket) == (State.DONE, Created("1", "T1"))
    [ticket] = house.desk.tickets
    assert (ticket.customer_user, ticket.customer_id, ticket.article.body) == ("ivanov", "ROMASHKA", "ivanov")
    assert house.desk.searches == 0


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
    house.delivery._wake.set()
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
    tasks = [house.delivery.deliver(await house.journal.add(call, NOW), house.who(call)) for call in calls]
    await house.desk.arrivals(4)
    stopping = asyncio.create_task(house.delivery.stop(10.0))
    await asyncio.sleep(0)
    house.desk.go_on.set()
    await stopping
    assert [task.result().state for task in tasks] == [State.DONE] * 4 + [State.WAITING] * 2
    assert len(house.desk.opened) == 4


async def test_stopping_cuts_an_attempt_off_and_the_next_life_finds_its_ticket(house: House) -> None:
    house.desk.go_on.clear()
    entry = await house.journal.add(CALL, NOW)
    task = house.delivery.deliver(entry, house.who(CALL))
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
    first = await house.journal.add(CALL, NOW)
    second = await house.journal.add(CALL, NOW)
    tasks = [house.delivery.deliver(entry, house.who(CALL)) for entry in (first, second)]
    assert tasks[0] is tasks[1]
    house.desk.go_on.set()
    await tasks[0]
    assert len(house.desk.tickets) == 1


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
    house.delivery._wake.set()
    await house.desk.arrivals(2)
    calls = [replace(CALL, unique_id=f"live.{n}") for n in range(4)]
    tasks = [house.delivery.deliver(await house.journal.add(call, NOW), house.who(call)) for call in calls]
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
        house.delivery._wake.set()
        await asyncio.sleep(0.005)
    house.delivery._pulse.answered()
    while (entry := await house.journal.get(CALL.unique_id)) and entry.failures < 6:
        house.now += timedelta(seconds=1)
        house.delivery._wake.set()
        await asyncio.sleep(0.005)
        assert not house.delivery.troubled
    assert (await house.live(replace(CALL, unique_id="another"))).state is State.DONE


async def test_a_directory_that_does_not_answer_makes_the_caller_a_stranger(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        async def find(self, number: str) -> Hits:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr("agi_server.delivery.LOOKUP_LIMIT", 0.01)
    house.delivery._directory = Silent()
    entry = await house.live()
    assert (entry.state, entry.recognition) == (State.DONE, NOBODY)
    assert house.desk.tickets[0].customer_user == "stranger"


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
    entry = await house.journal.add(CALL, house.now)
    first = house.delivery.deliver(entry, house.who(CALL))
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
