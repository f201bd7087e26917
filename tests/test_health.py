"""`agi-server health` against the whole program, and against what is not it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agi_server import health
from agi_server.cli import main
from agi_server.sandbox.otrs import Sandbox
from tests.program import Program, write_config


def options(stand_in: Sandbox, **web: object) -> dict[str, dict[str, object]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "customers": {"database": stand_in.database},
        "otrs": {"url": stand_in.url, "user": "agi-server", "password": "sandbox"},
        "web": {"port": port, **web},
    }


async def asked(path: Path) -> Result:
    """What the command says, while our own loop serves."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["health", "--config", str(path)])


WAYS_IN = [
    {},
    {"host": "0.0.0.0", "token": "a long token"},
    {"token": "не латинскими буквами"},
    {"user_header": "X-Forwarded-User"},
    {"user_header": "X-Forwarded-User", "trusted_proxies": ["192.0.2.7/32"], "token": "a long token"},
]


@pytest.mark.parametrize("web", WAYS_IN)
async def test_a_server_that_takes_calls(tmp_path: Path, web: dict[str, object]) -> None:
    async with Sandbox(tmp_path, password="sandbox") as otrs:
        path = write_config(tmp_path, options(otrs, **web))
        program = await asyncio.to_thread(Program(path).__enter__)
        try:
            done = await asked(path)
        finally:
            await asyncio.to_thread(program.stop)
        assert (done.exit_code, done.output.splitlines()[0]) == (0, "status: ready")
        assert "journal: ok" in done.output
        done = await asked(path)
        assert (done.exit_code, done.output.startswith("no answer from 127.0.0.1:")) == (1, True)


async def test_a_port_that_the_system_chose_and_no_configuration(tmp_path: Path) -> None:
    async with Sandbox(tmp_path) as otrs:
        assert (await asked(write_config(tmp_path, options(otrs, port=0)))).exit_code == 2
    assert (await asked(tmp_path / "none.yaml")).exit_code == 2


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answered, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("answer", "ready", "words"),
    [
        (http("200 OK", '{"status": "degraded", "otrs": "in trouble"}'), True, "status: degraded\notrs: in trouble"),
        (http("503 No", '{"status": "not ready", "journal": "full"}'), False, "status: not ready\njournal: full"),
        (http("401 Unauthorized", ""), False, "says 401 Unauthorized: is `web` the running server's?"),
        (http("200 OK", "<html>"), False, "another program answers on"),
        (http("200 OK", "[1]"), False, "another program answers on"),
        (b"220 mail.example.org ESMTP\r\n", False, "no answer from"),
        (b"", False, "no answer from"),
        (http("200 OK", '{"status": "ready"}')[:-3], False, "another program answers on"),
    ],
)
async def test_whatever_answers_is_told_in_words(answer: bytes, ready: bool, words: str) -> None:
    async with answering(answer) as port:
        found = await asyncio.to_thread(health.ask, "127.0.0.1", port, "")
    assert found.ready is ready
    assert words in found.words


async def test_a_silent_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = await asyncio.to_thread(health.ask, "127.0.0.1", silent.getsockname()[1], "")
    assert not found.ready
    assert "timed out" in found.words
