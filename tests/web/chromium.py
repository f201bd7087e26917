"""A real Chromium for tests of the pages: Debian's own, that speaks to nobody but us."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

PROGRAM = Path("/usr/bin/chromium")
MISSING = f"there is no {PROGRAM}: make lab, or apt-get install chromium"
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def require() -> None:
    """Skip without it, but fail where LAB=required."""
    if PROGRAM.exists():
        return
    if os.environ.get("LAB") == "required":
        pytest.fail(MISSING, pytrace=False)
    pytest.skip(MISSING)


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    """A browser, without a window."""
    require()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=PROGRAM, args=QUIET)
        try:
            yield browser
        finally:
            await browser.close()
