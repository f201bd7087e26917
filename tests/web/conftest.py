"""A program on an OTRS of its own, for tests of what it shows of itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agi_server.app import App
from agi_server.demo import demo_config
from agi_server.sandbox import Sandbox


@pytest.fixture
async def otrs(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path) as otrs:
        yield otrs


@pytest.fixture
async def app(otrs: Sandbox, tmp_path: Path) -> AsyncIterator[App]:
    async with App(demo_config(otrs, tmp_path, 0)) as app:
        yield app
