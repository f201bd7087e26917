"""Every contract test runs against the stand-in, and against the lab's Znuny where that is up."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agi_server.sandbox import Sandbox
from tests.contract.behind import Behind, BehindSandbox, BehindZnuny
from tests.contract.wire import Server
from tests.lab import facts
from tests.lab.lab import require


@pytest.fixture(params=["stand-in", pytest.param("znuny", marks=pytest.mark.lab)])
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Server, Behind]]:
    """A web service, and the way to its tickets that does not lead through it."""
    if request.param == "znuny":
        require()
        yield Server("znuny", facts.APACHE_PORT, facts.AGENT, facts.AGENT_PASSWORD), BehindZnuny()
        return
    async with Sandbox(tmp_path, password="pass") as sandbox:
        yield Server("stand-in", sandbox.port, "agi-server", "pass"), BehindSandbox(sandbox)


@pytest.fixture
def otrs(running: tuple[Server, Behind]) -> Server:
    """The web service to ask."""
    return running[0]


@pytest.fixture
def behind(running: tuple[Server, Behind]) -> Behind:
    """What happens without it."""
    return running[1]


@pytest.fixture
def call_id() -> str:
    """A call's unique id that no ticket has yet."""
    return f"{uuid.uuid4().int % 10**10}.{uuid.uuid4().int % 1000}"
