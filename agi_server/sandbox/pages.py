"""The agent's pages: the list of tickets, and one ticket. Whatever a caller chose is escaped by Jinja2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agi_server.sandbox.tickets import Ticket

SHOWN = 200
TIME_FORMAT = "%Y-%m-%d %H:%M:%S UTC"
ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def dashboard(tickets: Sequence[Ticket]) -> str:
    """The newest tickets, newest first."""
    return _page(ticket=None, tickets=tickets[::-1][:SHOWN], count=len(tickets))


def zoom(ticket: Ticket) -> str:
    """One ticket with its articles."""
    return _page(ticket=ticket, tickets=None, count=0)


def missing() -> str:
    """There is no such ticket."""
    return _page(ticket=None, tickets=None, count=0)


def _page(**shown: object) -> str:
    return ENVIRONMENT.get_template("pages.html").render(**shown, time_format=TIME_FORMAT)
