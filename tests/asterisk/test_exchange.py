"""Commands in lock-step, without a socket."""

from __future__ import annotations

import asyncio

import pytest

from agi_server.asterisk.agi import LocalError, Reply
from agi_server.asterisk.exchange import Exchange

YES, NO = Reply(200, "1"), Reply(520, text="No.")


class Line:
    """Keeps what was sent, and why nothing more is to be sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.given_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def exchange(self, *commands: bytes, seconds: float = 5.0) -> Exchange:
        return Exchange(commands, self.sent.append, seconds, self.given_up.set_result)


async def test_each_is_sent_after_the_answer_to_the_one_before() -> None:
    line = Line()
    exchange = line.exchange(b"A", b"B")
    assert line.sent == [b"A"]
    exchange.take(YES)
    assert line.sent == [b"A"]
    exchange.go_on()
    assert line.sent == [b"A", b"B"]
    exchange.take(NO)
    exchange.go_on()
    assert line.sent == [b"A", b"B"]
    assert await exchange.answered == [YES, NO]
    exchange.fail(EOFError())  # too late
    exchange.close()


async def test_after_its_failure_nothing_is_sent_and_who_waits_learns_why() -> None:
    line = Line()
    exchange = line.exchange(b"A", b"B")
    exchange.take(YES)
    exchange.fail(EOFError())
    exchange.go_on()
    assert line.sent == [b"A"]
    with pytest.raises(EOFError):
        await exchange.answered
    exchange.close()


async def test_nothing_is_sent_for_who_waits_no_more() -> None:
    line = Line()
    exchange = line.exchange(b"A", b"B")
    exchange.answered.cancel()
    exchange.take(YES)
    exchange.go_on()
    assert line.sent == [b"A"]
    exchange.close()


async def test_an_answer_is_late_by_its_own_time() -> None:
    line = Line()
    loop = asyncio.get_running_loop()
    exchange = line.exchange(b"A", b"B", seconds=0.2)
    await asyncio.sleep(0.1)
    exchange.take(YES)
    exchange.go_on()
    began = loop.time()
    assert await line.given_up == "no answer within 0.2 s"
    assert loop.time() - began >= 0.19  # uvloop's clock has milliseconds
    exchange.close()


async def test_who_has_no_leave_to_send_starts_no_timer() -> None:
    line = Line()

    def send(command: bytes) -> None:
        raise LocalError

    with pytest.raises(LocalError):
        Exchange([b"A"], send, 0.0, line.given_up.set_result)
    await asyncio.sleep(0.01)
    assert not line.given_up.done()
