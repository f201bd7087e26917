"""What a person sees of a call in one line, and as a record; the commands themselves are in test_cli.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agi_server.call import Call, Created, Doubt, Ending
from agi_server.calls import as_line, as_record
from agi_server.journal import Entry, State
from tests.ports import KNOWN

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE = NOW + timedelta(minutes=1)
ENTRY = Entry(
    1,
    Call("1700000000.1", NOW, number="89161229624"),
    State.WAITING,
    MINUTE,
    NOW,
    attempts=1,
    failures=1,
    began=NOW,
    doubt=Doubt.NONE,
    ticket=None,
    recognition=KNOWN,
    reason="HTTP 500",
)
T50 = Created("50", "T50")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (ENTRY, "waiting  89161229624      HTTP 500"),
        (replace(ENTRY, ticket=T50), "waiting  89161229624      HTTP 500"),
        (
            replace(ENTRY, ticket=T50, doubt=Doubt.ENDED),
            "waiting  89161229624      HTTP 500 (perhaps on ticket T50)",
        ),
        (
            replace(ENTRY, ticket=T50, reason="", ending=Ending.UPDATED),
            f"waiting  89161229624      updates ticket T50 at {MINUTE.astimezone():%H:%M:%S}",
        ),
        (
            replace(ENTRY, state=State.DONE, ticket=T50, ending=Ending.UPDATED),
            "done     89161229624      updated ticket T50",
        ),
        (
            replace(ENTRY, state=State.DONE, ticket=T50, ending=Ending.CREATED),
            "done     89161229624      ticket T50",
        ),
        (replace(ENTRY, state=State.PARKED, reason="code: words"), "parked   89161229624      code: words"),
        (
            replace(ENTRY, state=State.DROPPED, reason="routes item 2", ending=Ending.NO_TICKET),
            "dropped  89161229624      no_ticket: routes item 2",
        ),
    ],
)
def test_a_call_in_one_line(entry: Entry, expected: str) -> None:
    assert as_line(entry).endswith(f"1700000000.1       {expected}")


def test_a_record_tells_the_ending_and_the_ticket() -> None:
    record = as_record(replace(ENTRY, state=State.DONE, ticket=T50, ending=Ending.UPDATED))
    assert (record["state"], record["ending"], record["ticket"]) == ("done", "updated", "T50")
    assert as_record(ENTRY)["ending"] == ""
