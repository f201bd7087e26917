"""One request of somebody who may see the pages: who he is, what he reads, what he chose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

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


FORM_LIMIT = 10.0
"""Seconds for a form to come in."""
Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


async def form_of(request: web.Request) -> dict[str, str]:
    """What our forms send; of anything else nothing is a field. Raises 408 or 400 if it does not come whole."""
    try:
        async with asyncio.timeout(FORM_LIMIT):
            sent = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, ConnectionError):
        raise web.HTTPBadRequest from None
    return dict(parse_qsl(sent.decode("utf-8", "replace"), keep_blank_values=True))


def page(text: str, status: int = 200) -> web.Response:
    """An answer of HTML."""
    return web.Response(text=text, content_type="text/html", status=status)
