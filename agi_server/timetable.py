"""When to try again. Pure: seconds in, seconds out."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_PAUSE = 2.0
"""Seconds after the first failure; each further one doubles it."""
LONGEST_PAUSE = 300.0
LONGEST_WRITE_PAUSE = 10.0
"""Seconds at most between two tries to write down what came of an attempt."""


def pause(failures: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds until the next attempt after so many failures, spread by 20 % each way."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 16)) * (0.8 + 0.4 * chance())


def next_search(age: float, settle: float) -> float | None:
    """Seconds until the next search for a ticket whose request began `age` seconds ago and may still be at work.

    None: it is not, so what was not found does not exist.
    """
    return None if age >= settle else min(settle - age, max(FIRST_PAUSE, age))
