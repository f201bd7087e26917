"""How long something took, counted where it happens, so that whoever wants to know may read it there.

Pure. A room that keeps such a tally need not know who reads it; `web.metrics` tells Prometheus. A tally is a
histogram: how many took at most so long, for bounds that are fixed when it is made, so it never grows.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate


class Durations:
    """Of one kind of work, in seconds."""

    def __init__(self, bounds: Iterable[float]) -> None:
        """`bounds` are what can be told apart afterwards, from infinity down."""
        self.bounds = tuple(sorted({*bounds, math.inf}))
        self._numbers = [0] * len(self.bounds)
        self.total = 0.0
        """All of them together."""

    def add(self, seconds: float) -> None:
        """It took so long this time."""
        self._numbers[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def within(self) -> list[tuple[float, int]]:
        """For each bound how many took so long or less; the last is how many there were."""
        return list(zip(self.bounds, accumulate(self._numbers), strict=True))
