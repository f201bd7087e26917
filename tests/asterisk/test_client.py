"""Placing a call: the block as Asterisk writes it, and every way in which AGI() can end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agi_server.asterisk.client import Ending, place_call, request_block
from tests.asterisk.recordings import connections, split

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[int]:
    """A server of its own for each test; what it finds wrong fails the test."""
    served: list[asyncio.Future[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done = asyncio.get_running_loop().create_future()
        served.append(done)
        try:
            await reader.readuntil(b"\n\n")
            await serve(reader, writer)
            done.set_result(None)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - passed on
            done.set_exception(error)
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with listening, asyncio.timeout(10):
        yield listening.sockets[0].getsockname()[1]
        await asyncio.gather(*served)


async def call(port: int, **how: Any) -> Any:
    return await place_call("127.0.0.1", port, **{"number": "89161229624", "timeout": 10.0, **how})


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: bytes) -> bytes:
    writer.write(command)
    return await reader.readline()


def test_the_block_is_asterisks_own() -> None:
    recorded = split(connections()["h01-plain"])[0]
    ours = request_block(
        number="491711234567",
        name="Max Muster",
        dialled="4513",
        dnid="4513",
        query="queue=Raw",
        unique_id="1795321753.0",
        address="127.0.0.1:4573",
        channel="PJSIP/trunk-00000000",
        version="22.10.1+dfsg+~cs6.17.60671434-1",
    )
    changing = (b"agi_priority", b"agi_threadid")
    assert [line for line in ours.splitlines() if not line.startswith(changing)] == [
        line for line in recorded.splitlines() if not line.startswith(changing)
    ]
    assert [line.partition(b":")[0] for line in ours.splitlines()] == [
        line.partition(b":")[0] for line in recorded.splitlines()
    ]


def test_arguments_come_last_and_an_empty_script_has_no_line() -> None:
    block = request_block(number="", unique_id="1.1", script="", arguments=["one", ""])
    assert block.endswith(b"agi_threadid: -1251619952\nagi_arg_1: one\nagi_arg_2: \n\n")
    assert b"agi_network: yes\nagi_request: agi://127.0.0.1/\nagi_channel" in block
    assert b"agi_callerid: unknown\nagi_calleridname: unknown\n" in block
    assert b"agi_callerid: \xff\n" in request_block(number="\udcff", unique_id="1.1")


async def test_the_server_asks_sets_and_closes() -> None:
    lines: list[tuple[str, str]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await ask(reader, writer, b"GET VARIABLE EXTEN\n") == b"200 result=1 (4510)\n"
        assert await ask(reader, writer, b'SET VARIABLE A "x \\"y\\""\n') == b"200 result=1\n"

    async with server(serve) as port:
        report = await call(port, dialled="4510", on_line=lambda direction, line: lines.append((direction, line)))
    assert report.outcome is Ending.SUCCESS
    assert report.variables == {"A": 'x "y"'}
    assert report.dialogue == lines
    assert lines[0] == (">", "agi_network: yes")
    assert lines[-2:] == [("<", 'SET VARIABLE A "x \\"y\\""'), (">", "200 result=1")]
    assert 0 < report.seconds < 10


async def test_each_call_has_its_unique_id() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    async with server(serve) as port:
        one, two = await call(port), await call(port)
    ids = [next(line for _, line in report.dialogue if "uniqueid" in line) for report in (one, two)]
    assert ids[0] != ids[1]


async def test_commands_sent_together_are_executed_when_the_server_has_closed() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await ask(reader, writer, b"SET VARIABLE A 1\nSET VARIABLE B 2\nSET VARIABLE C 3") == b"200 result=1\n"

    async with server(serve) as port:
        report = await call(port)
    assert report.variables == {"A": "1", "B": "2", "C": "3"}


async def test_after_a_hangup_the_server_is_waited_for() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"HANGUP\n"
        assert (await ask(reader, writer, b"CHANNEL STATUS\n")).startswith(b"511 ")
        await ask(reader, writer, b"SET VARIABLE A late\n")

    async with server(serve) as port:
        report = await call(port, hang_up_after=0.0)
    assert report.outcome is Ending.HANGUP
    assert report.variables == {"A": "late"}


async def test_a_reset_is_a_reset() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises(ConnectionResetError):
            await reader.read()

    async with server(serve) as port:
        report = await call(port, reset_after=0.0)
    assert report.outcome is Ending.RESET


@pytest.mark.parametrize("answering", [True, False])
async def test_a_server_that_does_not_close_is_given_up(answering: bool) -> None:
    answers: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers.append(await ask(reader, writer, b"NOOP\n"))
        await reader.read()

    async with server(serve) as port:
        report = await call(port, timeout=0.1, answering=answering)
    assert report.outcome is Ending.TIMEOUT
    assert ("<", "NOOP") in report.dialogue
    assert answers == ([b"200 result=0\n"] if answering else [b""])


async def test_nobody_listens() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    async with server(serve) as port:
        pass
    report = await call(port)
    assert report.outcome is Ending.FAILURE
    assert report.dialogue == []
