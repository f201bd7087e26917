"""Calls come far faster than OTRS makes tickets: every caller is let go in time, and all tickets arrive.

Who called first has his ticket first; old calls, which wait from before, give way to those whose
caller is on the line.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agi_server.asterisk.client import CallReport
from agi_server.journal import State
from tests.faults.campaign import count
from tests.faults.house import SLACK_S, assert_let_go, assert_told, house, ids, statuses

PLACES = 4
"""Requests that OTRS has at once; the tickets of so many calls may be made in any order."""
KNOWN = "89161229624"


@pytest.mark.parametrize(
    ("number", "over_s", "a_second", "patience_s"),
    [
        pytest.param(150, 1.5, 50, 1.0, id="quick"),
        pytest.param(500, 5.0, 15, 2.5, id="500 calls in 5 s at 15 a second", marks=pytest.mark.slow),
    ],
)
async def test_a_burst(tmp_path: Path, number: int, over_s: float, a_second: float, patience_s: float) -> None:
    sandbox = {"delay": PLACES / a_second}
    options = {"fastagi": {"patience": patience_s}, "otrs": {"connections": PLACES, "timeout": 60.0}}
    async with house(tmp_path, sandbox=sandbox, **options) as one:
        old, live = ids("old", 30), ids("burst", number)
        one.gate.refuse()
        before = await one.calls(old, number=KNOWN)
        assert_told(before, "queued")
        await one.gate.heal()
        await one.restart()  # and so OTRS is not thought to be in trouble any more
        reports = await one.calls(live, over_s=over_s, number=KNOWN)
        behind = await one.waiting()
        await one.settled()
        made = one.tickets()
        tally = count(f"{number} calls in {over_s:g} s, OTRS makes {a_second}/s", old + live, before + reports, made)
        assert await one.entries(State.PARKED) == []
    assert_let_go(reports, patience_s)
    assert set(statuses(reports)) == {"created", "queued"}
    assert behind > number // 4
    assert (tally.lost, tally.doubled) == (0, 0)
    assert out_of_place([call for call in made if call in set(live)], live) <= 2 * PLACES
    assert out_of_place([call for call in made if call in set(old)], old) <= 2 * PLACES
    early = [call for call in made[: made.index(live[-1])] if call in set(old)]
    assert len(early) <= PLACES
    assert_waiting_is_fair(reports, patience_s)


def out_of_place(found: list[str], order: list[str]) -> int:
    """By how many places is the worst one away from where it should be?"""
    place = {call: place for place, call in enumerate(order)}
    return max(abs(place[call] - where) for where, call in enumerate(found))


def assert_waiting_is_fair(reports: list[CallReport], patience_s: float) -> None:
    """Who was let go without his ticket had waited as long as he could be asked to, and no longer."""
    queued = [report.seconds for report in reports if report.variables["HELPDESK_STATUS"] == "queued"]
    assert patience_s * 0.9 < min(queued) <= max(queued) < patience_s + SLACK_S
