"""The program, but one that kills itself (SIGKILL: no farewell, nothing flushed) at a step of the nth call.

`python -m tests.faults.dying STEP NTH run --config FILE`. The program knows nothing of it: the step is wrapped here.
With the step `never` it lives on. Either way the minute between two articles on a ticket is short.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from agi_server import repeat
from agi_server.asterisk.fastagi import Session
from agi_server.callers import Callers
from agi_server.cli import main
from agi_server.journal import Journal
from agi_server.otrs.connector import Connector

MEANWHILE_S = 0.03


@dataclass(frozen=True, slots=True)
class Step:
    """When to die: before a method, after it, while it is at work, or a moment later without it ever having been."""

    room: type
    method: str
    when: Literal["before", "meanwhile", "after", "instead"]


STEPS_IN_A_QUEUE = {
    "before-add": Step(Journal, "add", "before"),
    "after-add": Step(Journal, "add", "after"),
    "before-begin": Step(Journal, "begin", "before"),
    "after-begin": Step(Journal, "begin", "after"),
}
"""Of calls that find no place: they are kept first, and begun when it is their turn."""
STEPS = {
    **STEPS_IN_A_QUEUE,
    "after-find": Step(Callers, "find", "after"),
    "before-add-begun": Step(Journal, "add_begun", "before"),
    "in-add-begun": Step(Journal, "add_begun", "meanwhile"),
    "after-add-begun": Step(Journal, "add_begun", "after"),
    "in-open": Step(Connector, "open", "meanwhile"),
    "after-open": Step(Connector, "open", "after"),
    "instead-of-done": Step(Journal, "done", "instead"),
    "after-done": Step(Journal, "done", "after"),
    "in-variables": Step(Session, "set_variables", "after"),
    "before-search": Step(Connector, "find", "before"),
    "after-search": Step(Connector, "find", "after"),
    "after-later": Step(Journal, "later", "after"),
    "after-recover": Step(Journal, "recover", "after"),
}
"""Of calls that become tickets."""
REPEATED_STEPS = {
    "after-find-open": Step(Connector, "find_open", "after"),
    "before-gather": Step(Journal, "gather", "before"),
    "after-gather": Step(Journal, "gather", "after"),
    "before-begin-together": Step(Journal, "begin_together", "before"),
    "after-begin-together": Step(Journal, "begin_together", "after"),
    "in-update": Step(Connector, "update", "meanwhile"),
    "after-update": Step(Connector, "update", "after"),
    "before-done": Step(Journal, "done", "before"),
    "after-done": Step(Journal, "done", "after"),
    "before-find-update": Step(Connector, "find_update", "before"),
    "after-find-update": Step(Connector, "find_update", "after"),
    "before-release": Step(Journal, "release", "before"),
    "after-release": Step(Journal, "release", "after"),
}
"""Of those that are added to open tickets."""
NEVER = "never"
GATHER = timedelta(seconds=0.5)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: Step, nth: int) -> None:
    """From now on the nth run of this step is the last thing we do."""
    method: Callable[..., Awaitable[Any]] = getattr(step.room, step.method)
    runs = 0

    @functools.wraps(method)
    async def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal runs
        if step.when != "after":
            runs += 1
            if runs == nth:
                if step.when == "before":
                    die()
                asyncio.get_running_loop().call_later(MEANWHILE_S, die)
            if step.when == "instead" and runs >= nth:
                await asyncio.get_running_loop().create_future()  # never
        result = await method(*arguments, **options)
        if step.when == "after":
            runs += 1
            if runs == nth:
                die()
        return result

    setattr(step.room, step.method, wrapped)


if __name__ == "__main__":
    setattr(repeat, "GATHER", GATHER)  # noqa: B010 -- it is a constant to all others
    if sys.argv[1] != NEVER:
        arm({**STEPS, **REPEATED_STEPS}[sys.argv[1]], int(sys.argv[2]))
    main(sys.argv[3:])
