"""The HTTP listener: `/healthz`, `/readyz`, `/metrics`.

`/healthz` says only that we live, to everybody. The rest is open on loopback, and elsewhere for
who has the token (`Authorization: Bearer ...`).
"""

from __future__ import annotations

import hmac
import ipaddress

from aiohttp import web

from agi_server.web import metrics
from agi_server.web.house import NEEDED, House

CLOSING = 1.0
"""Seconds for answers under way when we stop."""
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class WebServer:
    """Serves what `House` shows."""

    def __init__(self, house: House, *, token: str) -> None:
        """Without a token only this machine is answered."""
        self._house = house
        self._token = token
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen; raises OSError if that is not possible. Port 0 asks the system for one."""
        app = web.Application(client_max_size=0)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSING)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError:
            await self.stop()
            raise

    @property
    def port(self) -> int:
        """The port that we listen on."""
        assert self._runner is not None, "not started"
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        """503 if no call can be taken; OTRS or its database away is degraded, and said."""
        self._admit(request)
        health = self._house.health(await self._house.journalled())
        ready = all(health[part] == "ok" for part in NEEDED)
        degraded = any(words != "ok" for words in health.values())
        status = "not ready" if not ready else "degraded" if degraded else "ready"
        return web.json_response({"status": status, **health}, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        self._admit(request)
        body = metrics.render(self._house, await self._house.journalled())
        return web.Response(body=body, headers={"Content-Type": PROMETHEUS})

    def _admit(self, request: web.Request) -> None:
        """Raises 401 for who may not see it."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._token:
            if hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token.encode()):
                return
        elif request.remote is not None and ipaddress.ip_address(request.remote).is_loopback:
            return
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"}, text="the token of web.token is needed\n")
