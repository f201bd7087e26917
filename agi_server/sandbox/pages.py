"""The agent's pages: the list of tickets, and one ticket. Everything shown is escaped by Jinja2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .tickets import Ticket

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
SHOWN = 200


def dashboard(tickets: Sequence[Ticket]) -> str:
    """The newest tickets, newest first."""
    return ENVIRONMENT.get_template("dashboard.html").render(
        tickets=list(reversed(tickets))[:SHOWN], count=len(tickets)
    )


def zoom(ticket: Ticket, call_field: str) -> str:
    """One ticket with its articles."""
    return ENVIRONMENT.get_template("zoom.html").render(ticket=ticket, call_field=call_field)


def missing() -> str:
    """There is no such ticket."""
    return ENVIRONMENT.get_template("missing.html").render()
