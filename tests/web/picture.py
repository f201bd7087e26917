"""`python -m tests.web.picture FILE.png [dark] [ru]`: the operator's page as README shows it, of invented calls."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import expect

from agi_server.sandbox import Sandbox
from tests.web import chromium
from tests.web.scene import Scene

CALLS = (
    (0, "8 (495) 777-00-11", "", "4510"),
    (95, "8 921 987-65-43", "SIDOROV P", "4509"),
    (160, "+33 1 42 68 53 00", "DUPONT", "4509"),
    (305, "", "", "4509"),
    (421, "8 499 555-01-20", "", "4510"),
    (502, "89161229624", "", "4509"),
    (533, "8-495-669-33-08", "", "4509"),
    (640, "+1 212 555 0147", "ACME CORP", "4510"),
    (702, "+7 921 987-65-43", "SIDOROV P", "4509"),
    (811, "8 812 309-11-33", "", "4509"),
)
"""Seconds, number, name, and where it came in."""
PARKED_AT = 5
OPTIONS: dict[str, dict[str, Any]] = {
    "ticket": {"queue": "{{ 'Misc' if call.dialled == '4510' else 'Raw' }}"},
    "repeat": {"within": timedelta(minutes=30)},
}


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 6, 41, 7, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def draw(path: Path, *, dark: bool, language: str) -> None:
    """Place the calls, one of which OTRS refuses, and take the picture."""
    clock = Clock()
    began = clock.now
    with TemporaryDirectory() as folder:
        async with Sandbox(Path(folder), now=clock) as otrs, chromium.started() as browser:
            scene = Scene(otrs, Path(folder))
            async with scene.open(clock, **OPTIONS):
                for place, (second, number, name, dialled) in enumerate(CALLS):
                    clock.now = began + timedelta(seconds=second)
                    await (scene.parked if place == PARKED_AT else scene.call)(number, name, dialled)
                page = await browser.new_page(
                    viewport={"width": 1280, "height": 800},
                    color_scheme="dark" if dark else "light",
                    locale=language,
                    reduced_motion="reduce",
                )
                await page.goto(scene.url)
                await expect(page.locator("#link")).to_have_class("link live")
                await page.screenshot(path=path)


if __name__ == "__main__":
    file, *words = sys.argv[1:]
    asyncio.run(draw(Path(file), dark="dark" in words, language="ru-RU" if "ru" in words else "en-GB"))
