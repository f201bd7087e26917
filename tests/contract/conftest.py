"""Every contract test runs against the stand-in, and against the lab's Znuny where that is up."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agi_server.sandbox import Sandbox
from tests.contract.wire import Server
from tests.lab import facts
from tests.lab.lab import require


@pytest.fixture(params=["stand-in", pytest.param("znuny", marks=pytest.mark.lab)])
async def otrs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    """The web service to ask."""
    if request.param == "znuny":
        require()
        yield Server("znuny", facts.APACHE_PORT, facts.AGENT, facts.AGENT_PASSWORD)
        return
    async with Sandbox(tmp_path, password="pass") as sandbox:
        yield Server("stand-in", sandbox.port, "agi-server", "pass")


@pytest.fixture
def call_id() -> str:
    """A call's unique id that no ticket has yet."""
    return f"{uuid.uuid4().int % 10**10}.{uuid.uuid4().int % 1000}"
