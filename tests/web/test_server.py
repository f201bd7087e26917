"""Health and metrics of the whole program on the stand-in, asked for over HTTP."""

from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from agi_server.app import App
from agi_server.asterisk.client import place_call
from agi_server.config import Config, Web
from agi_server.demo import demo_config
from agi_server.journal import JournalError
from agi_server.sandbox import Sandbox
from agi_server.sandbox.faults import CLOSED

TOKEN = "a long token"


def with_token(config: Config) -> Config:
    return config.model_copy(update={"web": Web(port=0, token=SecretStr(TOKEN))})


async def get(app: App, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{app.web.port}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def call(app: App, unique_id: str = "1.1") -> None:
    await place_call("127.0.0.1", app.server.port, number="89161229624", unique_id=unique_id)


async def test_ready_and_alive(app: App) -> None:
    assert await get(app, "/healthz") == (200, "ok\n")
    status, text = await get(app, "/readyz")
    assert (status, '"status": "ready"' in text) == (200, True)


async def test_otrs_in_trouble_is_degraded_and_not_unready(app: App, otrs: Sandbox) -> None:
    otrs.faults.always = CLOSED
    await call(app)
    status, text = await get(app, "/readyz")
    assert status == 200
    assert '"status": "degraded"' in text
    assert '"otrs": "in trouble' in text


async def test_without_a_journal_we_are_not_ready(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> None:
        raise JournalError("disk full")

    monkeypatch.setattr(app.journal._writer, "do", full)
    status, text = await get(app, "/readyz")
    assert status == 503
    assert '"status": "not ready"' in text
    assert '"journal": "disk full"' in text
    monkeypatch.undo()
    assert (await get(app, "/readyz"))[0] == 200


async def test_with_a_token_nobody_sees_anything_without_it(otrs: Sandbox, tmp_path: Path) -> None:
    async with App(with_token(demo_config(otrs, tmp_path, 0))) as app:
        assert (await get(app, "/healthz"))[0] == 200
        for path in ("/readyz", "/metrics"):
            assert (await get(app, path))[0] == 401
            assert (await get(app, path, Authorization="Bearer another"))[0] == 401
            assert (await get(app, path, Authorization=f"Bearer {TOKEN}"))[0] == 200


async def test_calls_are_served_though_the_port_is_taken(
    otrs: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        web = Web(port=taken.getsockname()[1])
        config = demo_config(otrs, tmp_path, 0).model_copy(update={"web": web})
        async with App(config) as app:
            await call(app)
    assert len(otrs.tickets) == 1
    assert "no health and metrics: can't listen on 127.0.0.1" in caplog.text
