"""One request of somebody who may see the pages: who he is, what he reads, what he chose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from agi_server.web.access import Visitor
from agi_server.web.words import Words


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that was let in."""

    request: web.Request
    visitor: Visitor
    words: Words
    form_token: str
    """What his forms must bring back."""
    form: Mapping[str, str]
    """What he sent, surely from a page of ours; empty if he only looks."""


Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


def page(text: str, status: int = 200) -> web.Response:
    """An answer of HTML."""
    return web.Response(text=text, content_type="text/html", status=status)
