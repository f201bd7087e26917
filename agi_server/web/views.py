"""The pages as HTML: templates filled in with rows, health and words.

Whatever callers chose is escaped here, all of it and always: Jinja2 does it for every value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agi_server.call import Created
from agi_server.journal import Entry
from agi_server.journal.wanted import Wanted
from agi_server.links import Links
from agi_server.web.health import Part
from agi_server.web.rows import Row, row_of
from agi_server.web.words import Words

HERE = Path(__file__).parent
SHOWN = 100
"""Calls on a page; the live list grows to twice as many."""
PARKED_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Choice:
    """What a page shows, as its address says it."""

    wanted: Wanted
    before: int | None = None
    """Only calls before this entry: a page of older ones."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        """From the address's query; what makes no sense there is not there."""
        before = query.get("before", "")
        return cls(
            Wanted(*(query.get(name, "").strip() for name in ("q", "dialled", "queue"))),
            int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None,
        )

    @property
    def address(self) -> str:
        """The query of the live list's address."""
        return urlencode({name: value for name, value in self._given() if value})

    def older(self, last: int) -> str:
        """The query of the address of those before this entry."""
        return urlencode({name: value for name, value in (*self._given(), ("before", str(last))) if value})

    def _given(self) -> tuple[tuple[str, str], ...]:
        return (("q", self.wanted.text), ("dialled", self.wanted.dialled), ("queue", self.wanted.queue))


class Views:
    """Renders."""

    def __init__(self, links: Links, zone: tzinfo | None) -> None:
        """`zone` is that of the times shown; None is the machine's own."""
        self._links = links
        self._zone = zone
        self.has_links = bool(links.ticket(Created("1", "1")))
        """Do tickets have addresses here?"""
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, template: str, words: Words, **values: object) -> str:
        """A page, or a piece of one."""
        return self._environment.get_template(template).render(words=words, **values)

    def row(self, entry: Entry) -> Row:
        """The call as it is shown."""
        return row_of(entry, self._links, self._zone)

    def line(self, row: Row, words: Words) -> str:
        """One line of the list."""
        return self.render("line.html", words, row=row)

    def decision(self, row: Row, words: Words, form_token: str) -> str:
        """One call that waits for a person."""
        return self.render("decision.html", words, row=row, form_token=form_token)

    def health(self, parts: Sequence[Part], words: Words) -> str:
        """The house's parts."""
        return self.render("health.html", words, parts=parts)
