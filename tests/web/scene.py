"""The whole program on the stand-in, with calls placed as Asterisk places them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from agi_server.app import App
from agi_server.asterisk.client import CallReport, place_call
from agi_server.call import Ending
from agi_server.config import Config
from agi_server.demo import demo_config
from agi_server.sandbox import Sandbox
from agi_server.sandbox.faults import Fault, refusal

NUMBER = "89161229624"
"""Иван Иванов's."""
REASON = "Ticket->QueueID or Ticket->Queue parameter is invalid!"


class Scene:
    """One house, which may be left and entered again."""

    def __init__(self, otrs: Sandbox, folder: Path) -> None:
        self.otrs = otrs
        self._folder = folder
        self._calls = 0
        self._app: App | None = None
        self.web_port = 0

    @property
    def app(self) -> App:
        assert self._app is not None, "the house is closed"
        return self._app

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/"

    @asynccontextmanager
    async def open(
        self, clock: Callable[[], datetime] | None = None, **options: Mapping[str, Any]
    ) -> AsyncIterator[App]:
        """agi-server runs, with these options by section; its pages keep their address when it runs again."""
        config = changed(demo_config(self.otrs, self._folder, 0), {"web": {"port": self.web_port}, **options})
        async with App(config, clock) if clock else App(config) as app:
            self._app, self.web_port = app, self.web_port or app.web.port
            yield app
        self._app = None

    async def call(self, number: str = NUMBER, name: str = "", dialled: str = "4509", **more: Any) -> CallReport:
        """A call comes in; if it is a ticket at once that is on disk, too."""
        self._calls += 1
        unique_id = f"1795323819.{self._calls}"
        report = await place_call(
            "127.0.0.1", self.app.server.port, number=number, unique_id=unique_id, name=name, dialled=dialled, **more
        )
        if report.variables.get("HELPDESK_STATUS") in (Ending.CREATED, Ending.UPDATED):
            entry = await self.app.journal.get(unique_id)
            hand = entry and self.app.delivery._in_hand.get(entry.id)
            if hand:
                await asyncio.wait([hand.task])
        return report

    async def parked(self, number: str = NUMBER, name: str = "", dialled: str = "4509") -> CallReport:
        """A call that OTRS refuses, this once."""
        self.otrs.faults.add(REFUSED, "TicketCreate")
        report = await self.call(number, name, dialled)
        assert report.variables["HELPDESK_STATUS"] == "parked"
        return report

    def slow(self, gate: asyncio.Event) -> Fault:
        """OTRS waits for the gate before it makes the ticket."""
        return Fault(before=gate)

    def ticket_url(self, report: CallReport) -> str:
        """Where its ticket is to be seen."""
        return report.variables["HELPDESK_TICKET_URL"]


def changed(config: Config, options: Mapping[str, Mapping[str, Any]]) -> Config:
    """The configuration with other values for some of its options."""
    sections = {name: getattr(config, name).model_copy(update=dict(values)) for name, values in options.items()}
    return config.model_copy(update=sections)


REFUSED = refusal("TicketCreate", "InvalidParameter", REASON)
"""OTRS says no, as it does for a queue that it does not have."""
