"""The demo: the whole program on the embedded OTRS, one call through it, and what came of it.

Everything it writes is in one folder below the current one, which it takes away at its end.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import SecretStr
from sqlalchemy import make_url

from agi_server.app import App
from agi_server.asterisk.client import CallReport, place_call
from agi_server.config import Config, Customers, Fastagi, Journal, Otrs, Ticket, Web

if TYPE_CHECKING:
    from agi_server.sandbox.otrs import Sandbox

USER = "agi-server"
PASSWORD = "sandbox"  # noqa: S105 -- the stand-in's own

SPEAKERS = {">": "Asterisk   >", "<": "agi-server <"}

Say = Callable[[str], None]


async def demonstrate(port: int, stop: asyncio.Event, say: Say) -> None:
    """Start it all, place one call, say what happens, and serve until told to stop."""
    from agi_server.sandbox.otrs import Sandbox  # the stand-in is nothing that a server should carry along

    with TemporaryDirectory(prefix="agi-server-demo-", dir=Path.cwd()) as name:
        folder = Path(name)
        async with Sandbox(folder, user=USER, password=PASSWORD) as otrs, App(demo_config(otrs, folder, port)) as app:
            place = f"127.0.0.1:{app.server.port}"
            say(f"agi-server listens on {place}, a small OTRS stands behind it. A call comes in:\n")
            report = await place_call(
                "127.0.0.1",
                app.server.port,
                number="89161229624",
                unique_id="1314075508.1094",
                on_line=lambda direction, line: say(f"  {SPEAKERS[direction]} {line}"),
            )
            say(f"\nThe dialplan now has:\n\n{describe(report)}\n")
            for ticket in otrs.tickets:
                say(f"OTRS now has ticket {ticket.number}: {ticket.title}\n")
            say(f"See it:   {report.variables.get('HELPDESK_TICKET_URL', 'no ticket: see the lines above')}")
            say(f"Watch:    http://127.0.0.1:{app.web.port}/ (the operator's page: calls appear there as they come)")
            say(f"Call too: {sys.argv[0]} call '+7 921 987-65-43' --server {place}")
            say("Ctrl-C ends the demo.")
            await app.serve(stop)


def demo_config(otrs: Sandbox, folder: Path, port: int) -> Config:
    """The configuration for the stand-in; all that is not named has its default."""
    return Config(
        fastagi=Fastagi(port=port),
        customers=Customers(database=make_url(otrs.database), index=str(folder / "customers.db")),
        otrs=Otrs(url=otrs.url, user=USER, password=SecretStr(PASSWORD), zoom_url=otrs.zoom_url),
        ticket=Ticket(unknown_customer="unknown-caller"),
        web=Web(port=0),
        journal=Journal(database=make_url(f"sqlite+aiosqlite:///{folder / 'calls.db'}")),
    )


def describe(report: CallReport) -> str:
    """The channel variables as the dialplan has them after the call."""
    lines = [f"  {name}={value}" for name, value in report.variables.items()]
    return "\n".join([*lines, f"  (AGISTATUS={report.outcome}, after {report.seconds:.3f} s)"])
