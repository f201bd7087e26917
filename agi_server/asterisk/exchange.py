"""Commands in lock-step: each is sent as soon as the one before is answered, and one wait is for all the answers.

Asterisk takes one command at a time. Waking a task for each answer costs more than all else that is done with it,
so the next command goes out where the answer comes in, and who asked is woken by the last. Always: no answer is
waited for without a limit, and who waits learns that there will be none.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from agi_server.asterisk.agi import Reply


class Exchange:
    """Commands under way, one at least."""

    def __init__(
        self, commands: Sequence[bytes], send: Callable[[bytes], None], seconds: float, give_up: Callable[[str], None]
    ) -> None:
        """Send the first one, or raise what `send` does; each answer has so many seconds, then `give_up` is told."""
        self._left = deque(commands)
        self._send = send
        self._seconds = seconds
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._replies: list[Reply] = []
        self.answered: asyncio.Future[list[Reply]] = self._loop.create_future()
        self._due = 0.0
        self.go_on()
        self._timer = self._loop.call_later(seconds, self._look)

    def take(self, reply: Reply) -> None:
        """The command sent last is answered so."""
        self._replies.append(reply)
        if not self._left and not self.answered.done():
            self.answered.set_result(self._replies)

    def go_on(self) -> None:
        """Send the next command; not done by `take`, since what else came with the answer may forbid it."""
        if self._left and not self.answered.done():
            self._send(self._left.popleft())
            self._due = self._loop.time() + self._seconds

    def fail(self, error: Exception) -> None:
        """There will be no more answers."""
        if not self.answered.done():
            self.answered.set_exception(error)

    def close(self) -> None:
        """Nobody waits any more."""
        self._timer.cancel()

    def _look(self) -> None:
        """Is an answer late? One timer does for all of them: when it rings, others may have come meanwhile."""
        rest = self._due - self._loop.time()
        if rest > 0:
            self._timer = self._loop.call_later(rest, self._look)
        else:
            self._give_up(f"no answer within {self._seconds:g} s")
