"""How many connections the web may have: so few that no crowd of them leaves Asterisk without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web

MOST = 256
"""Browsers open six at most; of these one stays for each page."""
IDLE = 60.0
"""Seconds for which a connection may ask nothing."""


def bounded(server: web.Server) -> Callable[[], asyncio.Protocol]:
    """What asyncio makes of each connection: one of the server's, or, if it has enough, nothing."""
    return lambda: server() if len(server.connections) < MOST else _Closed()


class _Closed(asyncio.Protocol):
    """Closes at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()
