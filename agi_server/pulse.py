"""How OTRS is, judged by what it last did.

It is in trouble when the last request failed, or when one has been without an answer for long and
none was answered since. Pure: the time comes in as a stopwatch; what follows is `delivery`'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOMENT = 30.0
"""Seconds for which a failure counts if nobody asks again meanwhile."""
SILENCE = 10.0
"""Seconds without an answer after which nobody else is made to wait for one; a busy OTRS took 14 once."""


class Pulse:
    """One neighbour's."""

    def __init__(self, stopwatch: Callable[[], float]) -> None:
        self._stopwatch = stopwatch
        self._asked: list[float] = []
        """When the requests began that are not answered yet."""
        self._answered_at = -math.inf
        self._failed_at: float | None = None

    @contextmanager
    def asking(self) -> Iterator[float]:
        """While a request is under way; gives when it began."""
        began = self._stopwatch()
        self._asked.append(began)
        try:
            yield began
        finally:
            self._asked.remove(began)

    def answered(self) -> bool:
        """A request was answered. True: the trouble is over."""
        self._answered_at = self._stopwatch()
        recovered, self._failed_at = self._failed_at is not None, None
        return recovered

    def failed(self, began: float) -> bool:
        """A request failed that began then. True: trouble begins. If others were answered since, it tells nothing."""
        if began < self._answered_at:
            return False
        first, self._failed_at = self._failed_at is None, self._stopwatch()
        return first

    @property
    def failing(self) -> bool:
        """The last request failed."""
        return self._failed_at is not None

    @property
    def troubled(self) -> bool:
        """Nobody should wait for an answer now."""
        now = self._stopwatch()
        if self._failed_at is not None and (self._asked or now - self._failed_at < MOMENT):
            return True
        return any(now - began > SILENCE and began >= self._answered_at for began in self._asked)
