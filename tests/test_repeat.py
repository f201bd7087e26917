"""Repeated calls on a real journal: one ticket, articles, and each call's id in exactly one of them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agi_server.call import (
    Call,
    Created,
    Customer,
    Doubt,
    Ending,
    Findings,
    Hits,
    Match,
    NotFound,
    Outcome,
    Refused,
    Trouble,
)
from agi_server.helpdesk import OpenTickets, Ticket, Update
from agi_server.journal import Entry, State
from agi_server.repeat import Repeat, until
from agi_server.ticket import Composer
from tests.delivering import CALL, FORM, GARBLED, NOW, REFUSED, TIMEOUT, House, ids, many
from tests.ports import OWNER, Desk

BY_CUSTOMER = Repeat(timedelta(minutes=30), "customer", ("new", "open"), same_queue=True)
BY_NUMBER = replace(BY_CUSTOMER, match="number")
STRANGER = replace(CALL, number="84957654321", canonical="+74957654321")
FIRST, SECOND, THIRD, FOURTH, FIFTH = many(5)
MINUTE = timedelta(seconds=60)
NO_RIGHT = Refused("TicketUpdate.AccessDenied", "you may not")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path, BY_CUSTOMER)
    await house.journal.open()
    await house.delivery.start()
    yield house
    house.desk.go_on.set()
    await house.delivery.stop(1.0)
    await house.journal.close()


async def known(house: House, call: Call) -> Entry:
    entry = await house.journal.get(call.unique_id)
    assert entry is not None
    return entry


async def events(house: House, call: Call) -> list[str]:
    return [event.event for event in await house.journal.history(await known(house, call))]


def articles(house: House) -> list[tuple[str, tuple[str, ...]]]:
    return [(update.ticket_id, update.call_ids) for update in house.desk.updates]


async def waits_for(house: House, first: Call, *others: Call) -> None:
    """The first has a ticket, the others wait to be added to it."""
    await house.live(first)
    for call in others:
        entry = await house.live(call)
        assert (entry.state, entry.ending, entry.ticket) == (State.WAITING, Ending.UPDATED, Created("1", "T1"))


@pytest.mark.parametrize(
    ("ago", "waits"),
    [(None, None), (60, None), (3600, None), (59, 1), (0, 60), (-3600, 60)],
    ids=["never", "a minute ago", "long ago", "just now", "now", "when the clock was wrong"],
)
def test_a_minute_between_two_articles(ago: int | None, waits: int | None) -> None:
    last = None if ago is None else NOW - timedelta(seconds=ago)
    assert until(last, NOW) == (None if waits is None else NOW + timedelta(seconds=waits))


async def test_who_rings_again_gets_an_article_on_his_open_ticket(house: House) -> None:
    await house.live(FIRST)
    house.now += MINUTE
    entry = await house.live(SECOND)
    assert (entry.state, entry.ending, entry.ticket) == (State.DONE, Ending.UPDATED, Created("1", "T1"))
    assert entry.ticket is not None
    assert entry.ticket.owner == OWNER
    assert await known(house, SECOND) == entry
    [update] = house.desk.updates
    assert (update.ticket_id, update.call_ids) == ("1", ("call.1",))
    assert (update.article.subject, update.article.body) == ("1 calls", "call.1")
    assert await events(house, SECOND) == ["added", "begun", "updated"]
    assert house.desk.opened == ["call.0"]


@pytest.mark.parametrize(
    ("policy", "call", "expected"),
    [
        (BY_CUSTOMER, CALL, {"customer_user": "ivanov", "queue": "Raw"}),
        (replace(BY_CUSTOMER, same_queue=False), CALL, {"customer_user": "ivanov"}),
        (BY_NUMBER, CALL, {"ticket_numbers": ("T2", "T1"), "queue": "Raw"}),
        (BY_CUSTOMER, STRANGER, {"ticket_numbers": ("T3",), "queue": "Raw"}),
        (BY_NUMBER, STRANGER, {"ticket_numbers": ("T3",), "queue": "Raw"}),
        (BY_CUSTOMER, replace(CALL, number="", canonical=""), None),
        (BY_NUMBER, replace(CALL, number="+79219999999", canonical="+79219999999"), None),
    ],
    ids=["customer", "any queue", "number", "stranger", "stranger by number", "no number", "nobody rang before"],
)
async def test_what_is_looked_for(tmp_path: Path, policy: Repeat, call: Call, expected: dict[str, object]) -> None:
    house = House(tmp_path, policy)
    await house.journal.open()
    house.desk.open_script = [NotFound()] * 2
    for earlier in (CALL, CALL, STRANGER):
        await house.live(replace(earlier, unique_id=f"{len(house.desk.tickets)}"))
        house.now += MINUTE
    house.desk.looked_for.clear()
    late = timedelta(minutes=5)
    await house.journal.add(CALL, NOW)
    house.now += late
    await house.live(replace(call, unique_id="again", time=house.now - late))
    within = BY_CUSTOMER.within + late
    wanted = [] if expected is None else [OpenTickets(states=("new", "open"), within=within, **expected)]  # type: ignore[arg-type]
    assert house.desk.looked_for == wanted
    await house.delivery.stop(1.0)
    await house.journal.close()


async def test_by_number_only_tickets_of_the_last_half_hour_are_asked_for(tmp_path: Path) -> None:
    house = House(tmp_path, BY_NUMBER)
    await house.journal.open()
    await house.live(FIRST)
    house.now += timedelta(minutes=31)
    await house.live(replace(SECOND, time=house.now))
    assert (house.desk.looked_for, len(house.desk.tickets)) == ([], 2)
    house.now += timedelta(minutes=29)
    await house.live(replace(THIRD, time=house.now))
    assert [wanted.ticket_numbers for wanted in house.desk.looked_for] == [("T2",)]
    await house.delivery.stop(1.0)
    await house.journal.close()


async def test_calls_within_a_minute_share_one_article(house: House) -> None:
    await house.live(FIRST)
    house.now += timedelta(seconds=20)
    for call in (SECOND, THIRD):
        entry = await house.live(call)
        assert (entry.state, entry.ending, entry.ticket) == (State.WAITING, Ending.UPDATED, Created("1", "T1"))
        assert (entry.due, entry.attempts) == (NOW + MINUTE, 0)
        assert await events(house, call) == ["added", "gathered"]
    assert articles(house) == []
    await house.until(State.DONE, 3)
    assert house.now >= NOW + MINUTE
    assert articles(house) == [("1", ("call.1", "call.2"))]
    assert {(await known(house, call)).ending for call in (SECOND, THIRD)} == {Ending.UPDATED}
    ended = house.now
    assert (await house.live(FOURTH)).due <= ended + MINUTE  # counted from the article now
    await house.until(State.DONE, 4)
    assert articles(house)[1:] == [("1", ("call.3",))]
    assert house.now >= ended + timedelta(seconds=50)


async def test_the_minute_is_over_in_another_life(house: House) -> None:
    await waits_for(house, FIRST, SECOND, THIRD)
    await house.restart()
    await house.until(State.DONE, 3)
    assert articles(house) == [("1", ("call.1", "call.2"))]


async def test_a_clock_that_was_set_back_makes_nobody_wait_for_more_than_a_minute(house: House) -> None:
    await house.live(FIRST)
    house.set_by = timedelta(hours=-1)
    assert (await house.live(SECOND)).due == NOW + house.set_by + MINUTE
    await house.until(State.DONE, 2)
    assert house.now < NOW + 2 * MINUTE


async def test_that_otrs_answers_again_does_not_cut_the_minute_short(house: House) -> None:
    await waits_for(house, FIRST, SECOND)
    house.desk.open_script = [REFUSED]
    assert (await house.live(THIRD)).state is State.WAITING
    await house.live(replace(STRANGER, unique_id="another"))
    await house.until(State.DONE, 4)
    assert house.now >= NOW + MINUTE
    assert articles(house) == [("1", ("call.1", "call.2"))]


async def test_only_so_many_calls_share_an_article(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.repeat.MOST_TOGETHER", 2)
    await waits_for(house, FIRST, SECOND, THIRD, FOURTH)
    await house.until(State.DONE, 4)
    assert articles(house) == [("1", ("call.1", "call.2")), ("1", ("call.3",))]


async def test_who_was_dropped_meanwhile_is_in_no_article(house: House) -> None:
    await waits_for(house, FIRST, SECOND, THIRD)
    dropped = await house.journal.drop(await known(house, THIRD), "a wrong number", house.now)
    assert dropped is not None
    assert (dropped.ending, dropped.ticket) == (Ending.REJECTED, None)
    await house.until(State.DONE, 2)
    assert articles(house) == [("1", ("call.1",))]


@pytest.mark.parametrize("later", [timedelta(), MINUTE], ids=["gathering", "at once"])
async def test_who_is_dropped_while_his_ticket_is_looked_for_is_in_no_article(
    house: House, later: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.live(FIRST)
    house.now += later
    find_open = house.desk.find_open

    async def drop(wanted: OpenTickets) -> Findings:
        assert await house.journal.drop(await known(house, SECOND), "a wrong number", house.now)
        return await find_open(wanted)

    monkeypatch.setattr(house.desk, "find_open", drop)
    assert (await house.live(SECOND)).ending is Ending.REJECTED
    assert (articles(house), house.desk.opened) == ([], ["call.0"])


async def test_a_ticket_closed_meanwhile_lets_its_calls_go(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await waits_for(house, FIRST, SECOND, THIRD, FOURTH)
    house.desk.closed.add("1")
    await house.until(State.DONE, 4)
    assert house.desk.opened == ["call.0", "call.1"]
    assert articles(house) == [("2", ("call.2", "call.3"))]
    assert (await known(house, SECOND)).ending is Ending.CREATED
    assert "which should have had it, is not open any more or was moved" in caplog.text


@pytest.mark.parametrize("group", [False, True])
async def test_a_ticket_that_takes_no_article_lets_its_calls_go(house: House, group: bool) -> None:
    house.desk.update_script = [NO_RIGHT]
    await waits_for(house, FIRST, *([SECOND, THIRD] if group else []))
    house.now += MINUTE
    if not group:
        entry = await house.live(SECOND)
        assert (entry.ending, entry.attempts) == (Ending.CREATED, 2)
    await house.until(State.DONE, 3 if group else 2)
    assert house.desk.opened == ["call.0", "call.1"]
    assert await events(house, SECOND) == [*["added", "gathered"][: 1 + group], "begun", "refused", "begun", "created"]
    assert articles(house) == ([("2", ("call.2",))] if group else [])


@pytest.mark.parametrize("made", [True, False])
async def test_a_crash_after_the_article_was_refused_doubles_nothing(house: House, made: bool) -> None:
    async def refuse(update: Update) -> Outcome:
        house.desk.go_on.clear()
        return NO_RIGHT

    await waits_for(house, FIRST, SECOND, THIRD)
    house.delivery._attempts._repeats._help_desk = refusing = Desk()  # type: ignore[union-attr]
    refusing.tickets, refusing.update = house.desk.tickets, refuse  # type: ignore[method-assign]
    house.now += MINUTE
    house.delivery._wake.set()
    await house.desk.arrivals(2)  # its own ticket is asked for ...
    if made:
        house.desk.tickets.append(replace(house.desk.tickets[0], call_id=house.desk.opened[1]))
    await house.restart()  # ... and we never hear what came of it
    house.desk.go_on.set()
    await house.until(State.DONE, 3)
    assert sorted(house.desk.calls()) == ids(3)


@pytest.mark.parametrize(
    ("trouble", "made"), [(REFUSED, False), (GARBLED, False), (GARBLED, True), (TIMEOUT, False), (TIMEOUT, True)]
)
async def test_an_article_whose_answer_is_lost_is_looked_for_and_not_added_again(
    house: House, trouble: Trouble, made: bool
) -> None:
    await house.live(FIRST)
    house.now += MINUTE
    house.desk.update_script, house.desk.made_all_the_same = [trouble], made
    began = house.now
    entry = await house.live(SECOND)
    assert (entry.state, entry.ending, entry.doubt) == (State.WAITING, None, trouble.doubt)
    assert entry.ticket == Created("1", "T1")
    await house.until(State.DONE, 2)
    assert articles(house) == [("1", ("call.1",))]
    assert house.desk.opened == ["call.0"]
    waited = house.now - began
    assert (waited >= timedelta(seconds=120)) == (trouble is TIMEOUT and not made)
    assert ("found" in await events(house, SECOND)) == made


async def test_an_article_in_doubt_is_settled_by_the_time_since_its_request(house: House) -> None:
    await house.restart(pause=lambda failures: 100.0)
    await house.live(FIRST)
    house.now += MINUTE
    house.desk.update_script, began = [TIMEOUT], house.now
    await house.live(SECOND)
    await house.until(State.DONE, 2)
    assert house.now - began < timedelta(seconds=130)


@pytest.mark.parametrize("made", [True, False])
async def test_in_doubt_each_call_of_an_article_is_looked_for_by_its_own_id(house: House, made: bool) -> None:
    await waits_for(house, FIRST, SECOND, THIRD, FOURTH)
    house.desk.update_script, house.desk.made_all_the_same = [TIMEOUT], made
    await house.until(State.DONE, 4)
    assert sorted(house.desk.calls()) == ids(4)
    assert len(house.desk.tickets) == 1
    assert house.desk.searches >= 3


@pytest.mark.parametrize("made", [True, False])
async def test_cut_off_in_an_article_about_several_calls(house: House, made: bool) -> None:
    await waits_for(house, FIRST, SECOND, THIRD)
    house.now += MINUTE
    house.desk.go_on.clear()
    house.delivery._wake.set()
    await house.until(State.SENDING, 2)
    if made:
        house.desk.updates.append(Update("1", ("call.1", "call.2"), None))  # type: ignore[arg-type]
    await house.restart()
    house.desk.go_on.set()
    assert (await known(house, THIRD)).doubt is Doubt.RUNNING
    await house.until(State.DONE, 3)
    assert sorted(house.desk.calls()) == ids(3)


async def test_the_dialplan_asking_again_while_the_article_is_on_its_way(house: House) -> None:
    await waits_for(house, FIRST, SECOND, THIRD)
    house.now += MINUTE
    house.desk.go_on.clear()
    house.delivery._wake.set()
    await house.until(State.SENDING, 2)
    again = asyncio.create_task(house.live(THIRD))
    await asyncio.sleep(0.05)
    house.desk.go_on.set()
    assert (await again).call == THIRD
    await house.until(State.DONE, 3)
    assert articles(house) == [("1", ("call.1", "call.2"))]
    assert house.desk.searches == 0


async def test_an_error_that_nobody_foresaw_leaves_all_calls_of_the_article_in_doubt(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Desk):
        async def update(self, update: Update) -> Outcome:
            await super().update(update)
            raise ZeroDivisionError

    broken = Broken()
    broken.tickets = house.desk.tickets
    await waits_for(house, FIRST, SECOND, THIRD)
    house.delivery._attempts._help_desk = house.delivery._attempts._repeats._help_desk = broken  # type: ignore[union-attr]
    await house.until(State.DONE, 3)
    assert sorted(broken.calls()) == ids(3)
    assert "nobody foresaw" in caplog.text


async def test_a_mistake_in_the_articles_template_costs_a_ticket_and_no_call(house: House) -> None:
    house.delivery._attempts._repeats._composer = Composer(replace(FORM, repeat_body="{{ call.nothing }}"))  # type: ignore[union-attr]
    await house.live(FIRST)
    house.now += MINUTE
    entry = await house.live(SECOND)
    assert (entry.state, entry.ending) == (State.DONE, Ending.CREATED)
    assert articles(house) == []


async def test_a_search_that_always_fails_holds_no_call_up(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.desk.open_script = [GARBLED] * 50
    assert (await house.live(FIRST)).state is State.WAITING
    await house.until(State.DONE)
    entry = await known(house, FIRST)
    assert (entry.ending, entry.failures) == (Ending.CREATED, 3)
    assert len(house.desk.looked_for) == 4
    assert caplog.text.count("a new ticket, for the caller's open ones can't be looked for: HTTP 500") == 1


async def test_while_otrs_is_down_nobody_is_said_to_get_a_new_ticket(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.desk.open_script = [GARBLED] * 5
    house.desk.script = [GARBLED] * 2
    assert (await house.live(FIRST)).state is State.WAITING
    await house.until(State.DONE)
    assert (await known(house, FIRST)).failures == 5
    assert "a new ticket" not in caplog.text


async def test_a_search_that_is_refused_costs_no_time(house: House) -> None:
    house.desk.open_script = [Refused("TicketSearch.AccessDenied", "no")]
    assert (await house.live(FIRST)).ending is Ending.CREATED


async def test_two_calls_at_once_from_one_number_make_one_ticket(house: House) -> None:
    house.desk.go_on.clear()
    calls = [asyncio.create_task(house.live(call)) for call in (FIRST, SECOND, THIRD)]
    await house.desk.arrivals(1)
    await asyncio.sleep(0.05)
    assert house.desk.opened == ["call.0"]
    house.desk.go_on.set()
    endings = [entry.ending for entry in await asyncio.gather(*calls)]
    assert endings == [Ending.CREATED, Ending.UPDATED, Ending.UPDATED]


async def test_one_slow_caller_holds_nobody_else_up(house: House) -> None:
    house.desk.go_on.clear()
    calls = [asyncio.create_task(house.live(call)) for call in many(10)]
    await house.desk.arrivals(1)
    others = [replace(STRANGER, unique_id=f"other.{n}", canonical=f"+7495765432{n}") for n in range(3)]
    calls += [asyncio.create_task(house.live(call)) for call in others]
    await house.desk.arrivals(4)
    assert house.desk.opened == ["call.0", "other.0", "other.1", "other.2"]
    house.desk.go_on.set()
    await asyncio.gather(*calls)


async def test_those_without_a_number_wait_for_nobody(house: House) -> None:
    house.desk.go_on.clear()
    calls = [asyncio.create_task(house.live(replace(call, number="", canonical=""))) for call in many(4)]
    await house.desk.arrivals(4)
    house.desk.go_on.set()
    assert {entry.ending for entry in await asyncio.gather(*calls)} == {Ending.CREATED}


async def test_retries_of_one_number_take_turns_and_hold_up_no_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    due = house.journal.due

    async def counted(*arguments: object) -> list[Entry]:
        nonlocal looks
        looks += 1
        return await due(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(house.journal, "due", counted)
    house.desk.go_on.clear()
    for call in [*many(5), replace(STRANGER, unique_id="other")]:
        await house.journal.add(call, house.now)
    house.delivery._wake.set()
    await house.desk.arrivals(2)
    assert house.desk.opened == ["call.0", "other"]
    looks = 0
    await asyncio.sleep(0.2)
    assert looks <= 1
    house.desk.go_on.set()
    await house.until(State.DONE, 6)
    assert len(house.desk.tickets) == 2


async def test_a_retry_waits_while_a_live_call_from_its_number_is_in_hand(house: House) -> None:
    house.desk.go_on.clear()
    live = asyncio.create_task(house.live(FIRST))
    await house.desk.arrivals(1)
    await house.journal.add(SECOND, house.now)
    house.delivery._wake.set()
    await asyncio.sleep(0.05)
    assert house.desk.opened == ["call.0"]
    house.desk.go_on.set()
    await live
    async with asyncio.timeout(5):
        while (await known(house, SECOND)).ending is None:  # noqa: ASYNC110 -- nobody sets an event
            await asyncio.sleep(0.005)
    assert (await known(house, SECOND)).ticket == Created("1", "T1")


async def test_five_calls_that_waited_for_otrs_are_one_ticket_and_one_article(house: House) -> None:
    house.desk.open_script = [REFUSED]
    for call in many(5):
        assert (await house.live(call)).state is State.WAITING
    await house.until(State.DONE, 5)
    assert sorted(house.desk.calls()) == ids(5)
    assert (len(house.desk.tickets), len(house.desk.updates)) == (1, 1)


class Moody(Desk):
    """Refuses, fails and closes tickets by chance; what it does in spite of a failure it does at once."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self.well = False

    def _mood(self, *kinds: Outcome) -> Outcome | None:
        return None if self.well or self._chance.random() < 0.5 else self._chance.choice(kinds)

    async def open(self, ticket: Ticket) -> Outcome:
        await asyncio.sleep(0)
        outcome = self._mood(REFUSED, GARBLED, TIMEOUT)
        if outcome is None or (outcome != REFUSED and self._chance.random() < 0.5):
            self.tickets.append(ticket)
        return outcome or self._ticket(len(self.tickets))

    async def update(self, update: Update) -> Outcome:
        await asyncio.sleep(0)
        outcome = self._mood(REFUSED, GARBLED, TIMEOUT, NO_RIGHT)
        if outcome is None or (outcome in (GARBLED, TIMEOUT) and self._chance.random() < 0.5):
            self.updates.append(update)
        return outcome or self._ticket(int(update.ticket_id))

    async def find_open(self, wanted: OpenTickets) -> Findings:
        if self.tickets and not self.well and self._chance.random() < 0.2:
            self.closed.add(str(self._chance.randint(1, len(self.tickets))))
        return self._mood(REFUSED) or await super().find_open(wanted)

    async def find(self, call_id: str, since: datetime, number: str = "") -> Findings:
        return self._mood(REFUSED) or await super().find(call_id, since)

    async def find_update(self, ticket_id: str, call_id: str) -> Findings:
        return self._mood(REFUSED) or await super().find_update(ticket_id, call_id)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_goes_wrong_each_call_is_in_one_ticket_or_one_article(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    house = House(tmp_path, chance.choice([BY_CUSTOMER, BY_NUMBER]))
    house.desk = moody = Moody(chance)
    house.delivery = house.build()
    await house.journal.open()
    await house.delivery.start()
    calls = [replace(chance.choice([CALL, STRANGER]), unique_id=f"call.{n}") for n in range(30)]
    for call in calls:
        await house.delivery.take(replace(call, time=house.now)).kept
        for _ in range(chance.choice([0, 0, 1, 10, 70])):
            house.now += timedelta(seconds=1)
            house.delivery._wake.set()
            await asyncio.sleep(0.001)
        if chance.random() < 0.2:
            await house.restart()
    moody.well = True
    await house.until(State.DONE, len(calls))
    assert sorted(moody.calls()) == sorted(call.unique_id for call in calls)
    assert moody.updates
    await house.delivery.stop(1.0)
    await house.journal.close()


async def test_a_customer_is_known_on_both_of_his_phones(house: House) -> None:
    house.people.hits["+79160000000"] = house.people.hits[CALL.canonical]
    await house.live(FIRST)
    house.now += MINUTE
    entry = await house.live(replace(SECOND, canonical="+79160000000"))
    assert (entry.ending, entry.ticket) == (Ending.UPDATED, Created("1", "T1"))


async def test_who_shares_a_number_is_told_by_it_and_not_by_the_colleague_who_was_chosen(house: House) -> None:
    boss, clerk = Customer("ivanov", "ROMASHKA"), Customer("clerk", "ROMASHKA")
    await house.live(FIRST)  # the boss, from his own phone
    house.people.hits["+74951234567"] = Hits(Match.EXACT, (boss, clerk))
    house.now += MINUTE
    assert (await house.live(replace(SECOND, canonical="+74951234567"))).ending is Ending.CREATED
    house.now += MINUTE
    assert (await house.live(replace(THIRD, canonical="+74951234567"))).ticket == Created("2", "T2")
    assert house.desk.looked_for[-1].ticket_numbers == ("T2",)


async def test_colleagues_on_one_number_have_a_ticket_each_but_by_number(house: House) -> None:
    petrov = Customer("petrov", "OTHER")
    await house.live(FIRST)
    house.people.hits[CALL.canonical] = Hits(Match.EXACT, (petrov,))
    house.now += MINUTE
    assert (await house.live(SECOND)).ending is Ending.CREATED
    house.repeat = BY_NUMBER
    await house.restart()
    house.now += MINUTE
    assert (await house.live(THIRD)).ending is Ending.UPDATED
    assert house.desk.looked_for[-1].ticket_numbers == ("T2", "T1")
