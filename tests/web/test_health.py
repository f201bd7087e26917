"""What the person on duty is told of each part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agi_server.journal import State
from agi_server.journal.reading import Figures
from agi_server.otrs.follower import Status
from agi_server.web.health import Facts, Part, parts
from agi_server.web.words import LANGUAGES

STATUS = Status(customers=12345, numbers=1, complete=True, age_s=3.0, trouble=None)
AWAY = "connection refused"
WELL = Facts(
    listening=True,
    sessions=0,
    customers=STATUS,
    otrs_troubled=False,
    figures=Figures(1, {State.WAITING: 2, State.SENDING: 1, State.PARKED: 4}),
    journal_failing=None,
    unkept=0,
)


def told(facts: Facts, name: str) -> Part:
    [found] = [part for part in parts(facts, LANGUAGES["en"]) if part.name == name]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_is_well(language: str) -> None:
    found = parts(WELL, LANGUAGES[language])
    assert [part.name for part in found] == ["listener", "customers", "otrs", "journal"]
    assert all(part.well and part.words and not part.detail for part in found)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (WELL, Part("listener", True, "calls are taken")),
        (replace(WELL, sessions=3), Part("listener", True, "calls are taken", "in hand: 3")),
        (replace(WELL, listening=False, sessions=3), Part("listener", False, "no calls are taken")),
        (WELL, Part("customers", True, "12 345 known")),
        (
            replace(WELL, customers=replace(STATUS, trouble=AWAY, age_s=610.0)),
            Part("customers", False, "12 345 known, as of 10 min ago", "The customers' database: connection refused"),
        ),
        (
            replace(WELL, customers=replace(STATUS, trouble=AWAY, age_s=3.0)),
            Part("customers", False, "12 345 known, as of 1 min ago", "The customers' database: connection refused"),
        ),
        (
            replace(WELL, customers=replace(STATUS, trouble=AWAY, age_s=None)),
            Part(
                "customers", False, "12 345 known, as of an earlier run", "The customers' database: connection refused"
            ),
        ),
        (WELL, Part("otrs", True, "answers")),
        (replace(WELL, otrs_troubled=True), Part("otrs", False, "in trouble: calls wait")),
        (WELL, Part("journal", True, "3 waiting, 4 parked")),
        (replace(WELL, journal_failing="disk full"), Part("journal", False, "can't be read or written", "disk full")),
        (replace(WELL, figures=None), Part("journal", False, "can't be read or written")),
        (
            replace(WELL, unkept=7, journal_failing="disk full"),
            Part("journal", False, "can't be written; calls in memory only: 7", "disk full"),
        ),
        (replace(WELL, unkept=7), Part("journal", False, "can't be written; calls in memory only: 7")),
    ],
)
def test_each_part_says_how_it_is(facts: Facts, expected: Part) -> None:
    assert told(facts, expected.name) == expected
