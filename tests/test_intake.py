"""The script `ticket` on a real listener and journal, with a help desk that does as the test says."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from agi_server.asterisk.client import CallReport, Ending, place_call, request_block
from agi_server.asterisk.fastagi import FastAgiServer
from agi_server.asterisk.request import Request, read_request
from agi_server.call import NOBODY, Call, Created, Doubt, Match, Recognition, Refused, Trouble
from agi_server.call import Ending as Told
from agi_server.delivery import Delivery
from agi_server.intake import STATUS_OF, Intake, call_of, variables
from agi_server.journal import Entry, Journal, JournalError, State
from agi_server.numbers import Numbering
from agi_server.repeat import Repeat
from agi_server.rules import Route
from agi_server.ticket import Composer, Form
from tests.ports import IVANOV, KNOWN, OWNER, Desk, People

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PATIENCE = 1.0
FORM = Form("{{ call.number }}", "s", "b", "Raw", "new", "3 normal", "stranger", wishes=("queue",))
ROUTES = (
    Route("routes item 1", dialled=("666",), ending=Told.REJECTED),
    Route("routes item 2", dialled=("777",), ending=Told.NO_TICKET),
)
ENTRY = Entry(
    1,
    Call("1.1", NOW),
    State.DONE,
    NOW,
    NOW,
    attempts=1,
    failures=0,
    began=NOW,
    doubt=Doubt.NONE,
    ticket=Created("50", "T50"),
    recognition=KNOWN,
    reason="",
    ending=Told.CREATED,
)
OWNED = Created("50", "T50", "ivanova")
CALLER = {
    "HELPDESK_MATCH": "exact",
    "HELPDESK_CUSTOMER": "ivanov",
    "HELPDESK_CUSTOMER_ID": "ROMASHKA",
    "HELPDESK_NAME": "Иван Иванов",
}
"""What is told of whoever is surely known."""


class House:
    """A listener with our script, on a journal and a help desk."""

    def __init__(self, folder: Path, *, repeat: bool = True) -> None:
        self.desk = Desk()
        self.journal = Journal(make_url(f"sqlite:///{folder}/calls.db"))
        self.delivery = Delivery(
            self.journal,
            People(),
            self.desk,
            Composer(FORM, ROUTES),
            places=2,
            settle=120.0,
            give_up=timedelta(days=7),
            repeat=Repeat(timedelta(minutes=30), "customer", ("new", "open"), same_queue=True) if repeat else None,
        )
        self.intake = Intake(
            self.journal,
            self.delivery,
            Numbering("RU", "495"),
            patience=PATIENCE,
            zoom_url=lambda ticket: "",
            extensions={OWNER: "4507"},
        )
        self.server = FastAgiServer(
            {"ticket": self.intake.ticket}, unknown=self.intake.unknown, allow=[ip_network("127.0.0.0/8")]
        )

    async def call(self, **options: Any) -> CallReport:
        values = {"number": "89161229624", "unique_id": "1.1", **options}
        return await place_call("127.0.0.1", self.server.port, **values)


@asynccontextmanager
async def running(house: House) -> AsyncIterator[House]:
    await house.journal.open()
    await house.delivery.start()
    await house.server.start("127.0.0.1", 0)
    yield house
    house.desk.go_on.set()
    await house.server.stop(1.0)
    await house.intake.stop()
    await house.delivery.stop(1.0)
    await house.journal.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running(House(tmp_path)) as house:
        yield house


@pytest.fixture
async def at_once(tmp_path: Path) -> AsyncIterator[House]:
    """A house where each call is a ticket of its own, so that its attempt begins in the write that keeps it."""
    async with running(House(tmp_path, repeat=False)) as house:
        yield house


def request(**options: Any) -> Request:
    block = request_block(**{"number": "89161229624", "unique_id": "1.1", **options})
    read = read_request(block.split(b"\n")[:-1])
    assert read is not None
    return read


def test_what_asterisk_told_becomes_a_call() -> None:
    call = call_of(request(name="Иван", query="queue=Sales&x=1", arguments=["one", "two"]), Numbering(), NOW)
    assert call == Call(
        unique_id="1.1",
        time=NOW,
        number="89161229624",
        canonical="+79161229624",
        lookup="+79161229624",
        name="Иван",
        dialled="4509",
        dnid="84956693308",
        context="otrs",
        channel="SIP/84956693308-0000039a",
        language="en",
        arguments=("one", "two"),
        wishes={"queue": "Sales", "x": "1"},
    )


def test_a_call_without_an_extension_of_digits_was_to_the_number_dialled() -> None:
    assert call_of(request(dialled="s"), Numbering(), NOW).dialled == "84956693308"
    assert call_of(request(dialled="s", dnid=""), Numbering(), NOW).dialled == "s"


def test_who_withholds_his_number_keeps_his_name_too() -> None:
    call = call_of(request(name="Иван", presentation=32), Numbering(), NOW)
    assert (call.number, call.canonical, call.name, call.withheld) == ("", "", "", True)


def test_of_a_forged_request_only_what_is_genuine_is_taken() -> None:
    call = call_of(request(number="4917\nagi_dnid: 666", name="x"), Numbering(), NOW)
    assert call.unreadable
    assert (call.number, call.canonical, call.name) == ("", "", "")
    assert (call.dialled, call.unique_id, call.context) == ("4509", "1.1", "otrs")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            ENTRY,
            {
                **CALLER,
                "HELPDESK_TICKET": "T50",
                "HELPDESK_TICKET_ID": "50",
                "HELPDESK_TICKET_URL": "http://o/50",
                "HELPDESK_STATUS": "created",
            },
        ),
        *(
            (replace(ENTRY, state=state, ticket=ticket, ending=None), {**CALLER, "HELPDESK_STATUS": status})
            for state, status in STATUS_OF.items()
            for ticket in (None, OWNED)  # that an article may be on it says nothing yet
        ),
        *(
            (
                replace(ENTRY, state=state, ticket=OWNED, ending=Told.UPDATED),
                {
                    **CALLER,
                    "HELPDESK_TICKET": "T50",
                    "HELPDESK_TICKET_ID": "50",
                    "HELPDESK_TICKET_URL": "http://o/50",
                    "HELPDESK_OPERATOR": "ivanova",
                    "HELPDESK_OPERATOR_EXTENSION": "4507",
                    "HELPDESK_STATUS": "updated",
                },
            )
            for state in (State.DONE, State.WAITING)  # of which the latter waits for its minute
        ),
        *(
            (replace(ENTRY, state=State.DROPPED, ticket=None, ending=told), {**CALLER, "HELPDESK_STATUS": told.value})
            for told in (Told.REJECTED, Told.NO_TICKET)
        ),
        (None, {**CALLER, "HELPDESK_STATUS": "error"}),
    ],
)
def test_variables(entry: Entry | None, expected: dict[str, str]) -> None:
    found = variables(entry, KNOWN, lambda ticket: f"http://o/{ticket.ticket_id}", {"ivanova": "4507"})
    assert found == expected
    assert list(found)[-1] == "HELPDESK_STATUS"


def test_an_operator_without_a_known_extension() -> None:
    entry = replace(ENTRY, ticket=OWNED, ending=Told.UPDATED)
    found = variables(entry, KNOWN, lambda ticket: "", {"petrova": "4508"})
    assert found["HELPDESK_OPERATOR"] == "ivanova"
    assert "HELPDESK_OPERATOR_EXTENSION" not in found


def test_of_a_stranger_only_status_and_match() -> None:
    told = variables(None, NOBODY, lambda ticket: "", {})
    assert told == {"HELPDESK_MATCH": "none", "HELPDESK_STATUS": "error"}


def test_of_several_customers_the_one_chosen_or_none() -> None:
    several = Recognition(Match.SEVERAL, None, (IVANOV, replace(IVANOV, login="petrov")), Match.EXACT)
    told = variables(None, several, lambda ticket: "", {})
    assert told == {"HELPDESK_MATCH": "several", "HELPDESK_STATUS": "error"}
    told = variables(None, replace(several, customer=IVANOV), lambda ticket: "", {})
    assert told == {**CALLER, "HELPDESK_MATCH": "several", "HELPDESK_STATUS": "error"}


async def test_a_call_is_a_ticket_when_the_dialplan_goes_on(house: House) -> None:
    report = await house.call(query="queue=Sales")
    assert report.variables["HELPDESK_STATUS"] == "created"
    assert report.variables["HELPDESK_TICKET"] == "T1"
    assert [(ticket.queue, ticket.customer_user) for ticket in house.desk.tickets] == [("Sales", "ivanov")]


async def test_the_dialplan_calling_twice_gets_the_same_ticket(house: House) -> None:
    first = await house.call()
    second = await house.call()
    assert first.variables == second.variables
    assert len(house.desk.tickets) == 1


async def test_who_rings_again_is_told_the_open_ticket_and_whose_it_is(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await house.call()
    report = await house.call(unique_id="1.2")
    assert report.variables["HELPDESK_STATUS"] == "updated"
    assert (report.variables["HELPDESK_TICKET"], report.variables["HELPDESK_TICKET_ID"]) == ("T1", "1")
    assert report.variables["HELPDESK_OPERATOR"] == "ivanova"
    assert report.variables["HELPDESK_OPERATOR_EXTENSION"] == "4507"
    assert "from 89161229624 to 4509: updated, ticket T1; customer ivanov (exact)" in caplog.text
    again = await house.call(unique_id="1.2")
    assert (again.variables["HELPDESK_STATUS"], again.variables["HELPDESK_TICKET"]) == ("updated", "T1")
    assert len(house.desk.looked_for) == 2


@pytest.mark.parametrize(("dialled", "status"), [("666", "rejected"), ("777", "no_ticket")])
async def test_what_a_rule_wants_no_ticket_of(house: House, dialled: str, status: str) -> None:
    for _ in range(2):
        report = await house.call(dialled=dialled)
        assert report.variables["HELPDESK_STATUS"] == status
        assert report.variables["HELPDESK_CUSTOMER"] == "ivanov"
        assert "HELPDESK_TICKET" not in report.variables
    assert (house.desk.opened, house.desk.looked_for) == ([], [])
    assert house.intake.calls == {(status, "exact"): 2}


NO_TICKET_YET = {"number": "89161229624", "reason": "", "ticket": "", "queue": "Raw", "match": "exact", "seconds": 0.25}


@pytest.mark.parametrize(
    ("outcome", "asked", "expected", "told"),
    [
        (
            None,
            {},
            "from 89161229624 to 4509: created, ticket T1; customer ivanov (exact); queue Raw; 0.250 s",
            {"dialled": "4509", "status": "created", "ticket": "T1", "customer": "ivanov"},
        ),
        (
            None,
            {"dialled": "666"},
            "from 89161229624 to 666: rejected (routes item 1); customer ivanov (exact); 0.250 s",
            {"dialled": "666", "status": "rejected", "reason": "routes item 1", "queue": "", "customer": "ivanov"},
        ),
        (
            Refused("TicketCreate.InvalidParameter", "Queue"),
            {"number": "84950000000"},
            "from 84950000000 to 4509: parked (TicketCreate.InvalidParameter: Queue); customer nobody known (none);"
            " queue Raw; 0.250 s",
            {
                "number": "84950000000",
                "dialled": "4509",
                "status": "parked",
                "reason": "TicketCreate.InvalidParameter: Queue",
                "customer": "",
                "match": "none",
            },
        ),
    ],
)
async def test_each_call_is_one_line_that_has_all_that_matters(
    house: House,
    caplog: pytest.LogCaptureFixture,
    outcome: Refused | None,
    asked: dict[str, str],
    expected: str,
    told: dict[str, object],
) -> None:
    caplog.set_level(logging.INFO)
    told = NO_TICKET_YET | told
    house.desk.script = [outcome] if outcome else []
    house.intake._stopwatch = iter((0.0, 1.0, 1.25, 2.0)).__next__
    await house.call(**asked)
    [line] = [record for record in caplog.records if record.name == "agi_server.intake"]
    assert line.getMessage() == expected
    assert {name: getattr(line, name) for name in told} == told
    assert set(vars(line)) - set(vars(logging.makeLogRecord({}))) == {*told, "message"}


async def test_what_a_caller_waits_is_told_apart_at_his_patience(house: House) -> None:
    house.intake._stopwatch = iter((0.0, 0.0, 0.0, PATIENCE, 1.0, 1.0, 1.0, 1.0 + PATIENCE + 0.001)).__next__
    await house.call()
    await house.call(unique_id="1.2", number="")
    assert dict(house.intake.steps.within())[PATIENCE] == 1
    assert house.intake.steps.within()[-1][1] == 2


async def test_two_calls_of_one_id_are_two_tickets(house: House, caplog: pytest.LogCaptureFixture) -> None:
    first = await house.call()
    second = await house.call(number="+79219876543")
    assert (first.variables["HELPDESK_TICKET"], second.variables["HELPDESK_TICKET"]) == ("T1", "T2")
    assert [ticket.call_id for ticket in house.desk.tickets] == ["1.1", "1.1~2"]
    assert "has each Asterisk its systemname?" in caplog.text


async def test_without_patience_a_call_is_queued_and_safe(house: House) -> None:
    house.intake.patience = 0.0
    assert (await house.call()).variables["HELPDESK_STATUS"] == "queued"
    await house.desk.arrivals(1)


@pytest.mark.parametrize("unique_id", ["", " ", "\t"])
def test_a_call_without_an_id_gets_one(unique_id: str) -> None:
    fields = {**request().fields, "agi_uniqueid": unique_id}
    assert call_of(Request(fields), Numbering(), NOW).unique_id.startswith("no-id-")


def test_an_id_is_bounded() -> None:
    assert len(call_of(request(unique_id="1" * 5000), Numbering(), NOW).unique_id) == 150


async def test_who_is_refused_is_parked(house: House) -> None:
    house.desk.script = [Refused("TicketCreate.InvalidParameter", "Queue")]
    assert (await house.call()).variables["HELPDESK_STATUS"] == "parked"


async def test_patience_ends_and_the_ticket_comes_all_the_same(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house.desk.go_on.clear()
    report = await house.call()
    assert report.variables["HELPDESK_STATUS"] == "queued"
    assert report.variables["HELPDESK_NAME"] == "Иван Иванов"
    assert PATIENCE <= report.seconds < PATIENCE + 2
    house.desk.go_on.set()
    entry = await house.journal.get("1.1")
    assert entry is not None
    hand = house.delivery._in_hand.get(entry.id)
    assert hand is not None
    await hand.task
    assert (await house.call()).variables["HELPDESK_TICKET"] == "T1"
    assert "created, ticket T1, after the caller went on" in caplog.text


async def test_in_trouble_nobody_waits_for_otrs(house: House) -> None:
    house.desk.script = [Trouble("refused"), Trouble("refused")]
    await house.call()
    house.desk.go_on.clear()
    report = await house.call(unique_id="1.2")
    assert report.variables["HELPDESK_STATUS"] == "queued"
    assert report.variables["HELPDESK_CUSTOMER"] == "ivanov"
    assert report.seconds < PATIENCE


async def test_a_hangup_ends_the_waiting_and_not_the_work(house: House) -> None:
    house.desk.go_on.clear()
    house.intake.patience = 30.0
    report = await house.call(hang_up_after=0.05)
    assert report.outcome is Ending.HANGUP
    assert report.seconds < 5
    house.desk.go_on.set()
    assert (await house.call()).variables["HELPDESK_STATUS"] == "created"
    assert len(house.desk.tickets) == 1


async def test_a_connection_that_breaks_ends_neither_the_work(house: House) -> None:
    house.desk.go_on.clear()
    report = await house.call(reset_after=0.05)
    assert report.outcome is Ending.RESET
    await house.desk.arrivals(1)
    house.desk.go_on.set()
    assert (await house.call()).variables["HELPDESK_STATUS"] == "created"
    assert len(house.desk.tickets) == 1


async def test_without_a_journal_the_call_goes_on_and_the_log_has_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.journal.close()
    report = await house.call(name="Иван")
    assert report.variables["HELPDESK_STATUS"] == "error"
    assert report.variables["HELPDESK_NAME"] == "Иван Иванов"
    assert "NOT in the journal: the journal is closed" in caplog.text
    assert "89161229624" in caplog.text


async def test_an_unknown_script_is_an_error_and_the_call_goes_on(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    report = await house.call(script="tickets")
    assert report.variables == {"HELPDESK_STATUS": "error"}
    assert house.intake.calls == {("error", "none"): 1}
    assert "tickets" in caplog.text


async def test_an_error_of_our_own_is_told_to_the_dialplan(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> Entry:
        raise ZeroDivisionError

    monkeypatch.setattr(house.journal, "add", broken)
    assert (await house.call()).variables == {"HELPDESK_STATUS": "error"}
    assert "nobody foresaw" in caplog.text
    assert house.intake.calls == {("error", "none"): 1}
    assert house.intake.steps.within()[-1][1] == 1


async def test_a_call_that_could_not_be_kept_is_kept_as_soon_as_it_can_be(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add = house.journal.add
    failures = 3

    async def full(call: Call, now: datetime) -> Entry:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise JournalError("disk full")
        return await add(call, now)

    monkeypatch.setattr(house.journal, "add", full)
    monkeypatch.setattr("agi_server.intake.TRY_AGAIN", 0.01)
    assert (await house.call()).variables["HELPDESK_STATUS"] == "error"
    await house.desk.arrivals(1)
    assert "in the journal after all" in caplog.text
    assert (await house.call()).variables["HELPDESK_STATUS"] == "created"
    assert len(house.desk.tickets) == 1


async def test_a_call_that_could_not_be_kept_is_kept_at_the_last_moment(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add = house.journal.add

    async def full(*_: object) -> Entry:
        raise JournalError("disk full")

    monkeypatch.setattr(house.journal, "add", full)
    assert (await house.call()).variables["HELPDESK_STATUS"] == "error"
    monkeypatch.setattr(house.journal, "add", add)
    await house.intake.stop()
    assert await house.journal.get("1.1")
    assert "no tickets" not in caplog.text


async def test_calls_that_cannot_be_kept_do_not_fill_the_memory(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> Entry:
        raise JournalError("disk full")

    monkeypatch.setattr(house.journal, "add", full)
    monkeypatch.setattr("agi_server.intake.MOST_UNKEPT", 2)
    for number in range(4):
        await house.call(unique_id=f"1.{number}")
    assert len(house.intake._unkept) == 2
    await house.intake.stop()
    assert "2 calls could not be kept" in caplog.text


async def test_a_journal_that_hangs_costs_the_caller_his_patience_at_most(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hanging(*_: object) -> Entry:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(house.journal, "add", hanging)
    monkeypatch.setattr("agi_server.intake.JOURNAL_LIMIT", 0.1)
    report = await house.call()
    assert report.variables["HELPDESK_STATUS"] == "error"
    assert report.seconds < PATIENCE + 2


async def test_when_the_disk_hangs_the_caller_goes_on_and_his_ticket_comes_once(
    at_once: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agi_server.intake.JOURNAL_LIMIT", 0.1)
    monkeypatch.setattr("agi_server.intake.TRY_AGAIN", 0.01)
    at_once.intake.patience = 0.1
    with closing(sqlite3.connect(tmp_path / "calls.db")) as other:
        other.execute("BEGIN IMMEDIATE")  # nobody else can write now
        report = await at_once.call()
    assert (report.variables["HELPDESK_STATUS"], report.variables["HELPDESK_NAME"]) == ("error", "Иван Иванов")
    await at_once.desk.arrivals(1)
    await asyncio.wait(at_once.intake._unkept)
    at_once.intake.patience = PATIENCE
    assert (await at_once.call()).variables["HELPDESK_STATUS"] == "created"
    assert "NOT in the journal: no answer in time" in caplog.text
    assert "in the journal after all" in caplog.text
    assert at_once.desk.opened == ["1.1"]


async def test_a_hangup_ends_no_work_that_began_when_the_call_was_kept(at_once: House) -> None:
    at_once.desk.go_on.clear()
    at_once.intake.patience = 30.0
    report = await at_once.call(hang_up_after=0.05)
    assert (report.outcome, report.seconds < 5) == (Ending.HANGUP, True)
    at_once.desk.go_on.set()
    assert (await at_once.call()).variables["HELPDESK_STATUS"] == "created"
    assert at_once.desk.opened == ["1.1"]


async def test_one_call_placed_twice_at_the_same_moment_is_one_ticket(at_once: House) -> None:
    reports = await asyncio.gather(*(at_once.call() for _ in range(5)))
    assert {report.variables["HELPDESK_TICKET"] for report in reports} == {"T1"}
    assert at_once.desk.opened == ["1.1"]


async def test_a_hundred_calls_at_once_are_a_hundred_tickets(house: House) -> None:
    reports = await asyncio.gather(*(house.call(unique_id=f"1.{n}", number=f"8916{n:07}") for n in range(100)))
    assert {report.outcome for report in reports} == {Ending.SUCCESS}
    await asyncio.gather(*house.delivery._in_hand.tasks)
    assert len({ticket.call_id for ticket in house.desk.tickets}) == 100 == len(house.desk.tickets)
