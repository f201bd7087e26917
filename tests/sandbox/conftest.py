"""A stand-in of one's own for each test, and a client that only knows how to post a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agi_server.sandbox import Sandbox
from tests.contract.wire import Server

PASSWORD = "pass"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path / "sandbox", password=PASSWORD) as running:
        yield running


@pytest.fixture
def otrs(sandbox: Sandbox) -> Server:
    """The stand-in's web service, in the words of the contract tests."""
    return Server("stand-in", sandbox.port, "agi-server", PASSWORD)
