"""An Asterisk that goes wrong at a step of its AGI dialogue: hangs up, resets, closes half, or falls silent."""

from __future__ import annotations

import asyncio
import enum
import socket
import struct
import time
from collections.abc import Awaitable, Callable

from agi_server.asterisk.channel import Channel
from agi_server.asterisk.client import CallReport, Ending, request_block

LINGER = struct.pack("ii", 1, 0)
LIMIT_S = 10.0
"""For the whole dialogue: then the caller would still be waiting."""


class Step(enum.Enum):
    """When it goes wrong."""

    HALF_A_REQUEST = "half a request"
    REQUEST = "the request"
    WORK = "OTRS at work"
    FIRST = 1
    MIDDLE = 4
    LAST = "the last command"


class Act(enum.StrEnum):
    """What goes wrong."""

    HANGUP = "hangup"
    RESET = "reset"
    HALF_CLOSE = "half-close"
    SILENCE = "silence"


class Caller:
    """One call, placed by `run`."""

    def __init__(self, unique_id: str, act: Act, step: Step, otrs_at_work: Callable[[], Awaitable[None]]) -> None:
        self._block = request_block(number="89161229624", unique_id=unique_id)
        self._act = act
        self._step = step
        self._otrs_at_work = otrs_at_work
        self._channel = Channel({})
        self._acted = False
        self._commands = 0

    async def run(self, port: int) -> CallReport:
        """Place the call against a server on this port."""
        started = time.perf_counter()
        outcome = Ending.SUCCESS
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(LIMIT_S):
                outcome = await self._talk(reader, writer)
        except TimeoutError:
            outcome = Ending.TIMEOUT
        finally:
            writer.transport.abort()
        return CallReport(outcome, self._channel.variables, [], time.perf_counter() - started)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Ending:
        half = self._step is Step.HALF_A_REQUEST
        writer.write(self._block[: len(self._block) // 2] if half else self._block)
        if half or self._step is Step.REQUEST:
            self._go_wrong(writer)
        while not (self._acted and self._act is Act.RESET) and (line := await _line(reader)):
            if line.startswith(b"SET VARIABLE"):
                self._commands += 1
                last = b"HELPDESK_STATUS" in line
                if self._commands == self._step.value or (last and self._step is Step.LAST):
                    self._go_wrong(writer)
            for _, answer in self._channel.receive(line):
                if not self._acted or self._act is Act.HANGUP:
                    writer.write(answer)
            if self._step is Step.WORK and not self._acted:
                await self._otrs_at_work()
                self._go_wrong(writer)
        return {Act.HANGUP: Ending.HANGUP, Act.RESET: Ending.RESET}.get(self._act, Ending.SUCCESS)

    def _go_wrong(self, writer: asyncio.StreamWriter) -> None:
        if self._acted:
            return
        self._acted = True
        match self._act:
            case Act.HANGUP:
                self._channel.dead = True
                writer.write(b"HANGUP\n")
                if self._step is Step.HALF_A_REQUEST:  # not even Asterisk goes on then
                    writer.close()
            case Act.RESET:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
                writer.transport.abort()
            case Act.HALF_CLOSE:
                writer.write_eof()


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionError:
        return b""
