"""What `/metrics` shows, read as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from agi_server.app import App

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""By name and labels."""


async def scrape(app: App) -> str:
    """The text."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"http://127.0.0.1:{app.web.port}/metrics") as answer,
    ):
        return await answer.text()


def read(text: str) -> Figures:
    """The figures in it; each must be there once."""
    found: Figures = {}
    for name, labels, value in _samples(text):
        assert (name, labels) not in found
        found[name, labels] = value
    return found


def _samples(text: str) -> Iterator[tuple[str, frozenset[tuple[str, str]], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, frozenset(sample.labels.items()), sample.value


class Shown:
    """The figures of one answer."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.all = read(text)

    def __call__(self, name: str, **labels: str) -> float:
        """One of ours; fails if it is not shown."""
        return self.all[f"agi_server_{name}", frozenset(labels.items())]

    def has(self, name: str, **labels: str) -> bool:
        """Is it shown?"""
        return (f"agi_server_{name}", frozenset(labels.items())) in self.all
