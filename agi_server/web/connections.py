"""The web's connections: so few that no crowd of them leaves Asterisk without one, and what the log says of them.

Whoever reaches the port may send what is no HTTP. That is no fault of ours, and no way to fill our log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MOST = 256
"""Browsers open six at most; of these one stays for each page."""
IDLE = 60.0
"""Seconds for which a connection may ask nothing."""


def bounded(server: web.Server) -> Callable[[], asyncio.Protocol]:
    """What asyncio makes of each connection: one of the server's, or, if it has enough, nothing."""
    return lambda: server() if len(server.connections) < MOST else _Closed()


class Faults(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp tells of requests: a fault of ours with its traceback, one of who sends them at debug only."""

    def log(self, level: int, msg: object, *args: Any, exc_info: Any = None, **kwargs: Any) -> None:
        if isinstance(exc_info, HttpProcessingError | web.RequestPayloadError | ConnectionError):
            super().log(logging.DEBUG, f"{msg}: %s", *args, exc_info, **kwargs)
        else:
            super().log(level, msg, *args, exc_info=exc_info, **kwargs)


class _Closed(asyncio.Protocol):
    """Closes at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()
