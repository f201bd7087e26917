"""When to try again: tables, no loop."""

from __future__ import annotations

import pytest

from agi_server.timetable import LONGEST_PAUSE, next_search, pause


def test_pauses_double_and_stay_within_their_bounds() -> None:
    assert [pause(failures, lambda: 0.5) for failures in (1, 2, 3, 8, 9, 10_000)] == [2, 4, 8, 256, 300, 300]
    assert pause(1, lambda: 0.0) == pytest.approx(1.6)
    assert pause(50, lambda: 1.0) == pytest.approx(LONGEST_PAUSE * 1.2)


@pytest.mark.parametrize(
    ("age", "wait"),
    [(0, 2), (1, 2), (3, 3), (50, 50), (100, 20), (119.5, 0.5), (120, None), (4000, None), (-3600, 2)],
)
def test_searches_for_a_ticket_in_the_making_thin_out_until_it_is_settled(age: float, wait: float | None) -> None:
    assert next_search(age, 120.0) == wait
