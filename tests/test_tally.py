"""Durations are told apart by their bounds, and none is lost."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from agi_server.tally import Durations


def test_a_duration_counts_for_each_bound_that_it_is_within() -> None:
    durations = Durations([2.5, 0.1])
    for seconds in (0.05, 0.1, 0.2, 2.5, 2.501, 60.0):
        durations.add(seconds)
    assert durations.within() == [(0.1, 2), (2.5, 4), (math.inf, 6)]
    assert durations.total == 0.05 + 0.1 + 0.2 + 2.5 + 2.501 + 60.0


def test_there_may_be_none_yet() -> None:
    assert Durations([1.0, 1.0]).within() == [(1.0, 0), (math.inf, 0)]


@given(st.lists(st.floats(0, 100)), st.lists(st.floats(0.001, 100), max_size=5))
def test_it_agrees_with_counting_them_one_by_one(took: list[float], bounds: list[float]) -> None:
    durations = Durations(bounds)
    for seconds in took:
        durations.add(seconds)
    assert durations.within() == [(bound, sum(one <= bound for one in took)) for bound in durations.bounds]
