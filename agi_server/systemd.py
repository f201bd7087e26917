"""What passes between us and systemd: states and the watchdog out, a socket that it listens on for us in.

See sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3). All of it comes by the environment; without that nothing
happens here. The watchdog is fed only while we are alive, which is asked each time: a timer alone proves nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from agi_server.logs import printable

log = logging.getLogger("agi_server.systemd")

FIRST_SOCKET = 3
"""The file descriptor of the first socket handed over (SD_LISTEN_FDS_START)."""
TELLING_SECONDS = 1.0
"""For systemd to take a message; it never needs that long, unless it hangs itself."""
AGAIN = 10
"""Who was found dead is asked so many times as often, for it may be one connection that was lost."""


class SocketError(Exception):
    """What systemd handed over is not what we can listen on; says what was expected."""


class Systemd:
    """Our supervisor, if we have it."""

    def __init__(self, environ: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        """Variables that were meant for another process, `pid` not being theirs, are left alone."""
        self._address = environ.get("NOTIFY_SOCKET", "")
        pid = os.getpid() if pid is None else pid
        watched = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        self.watchdog = int(environ.get("WATCHDOG_USEC", "0")) / 1e6 if watched else 0.0
        """Seconds within which it wants to hear that we are alive; 0: it does not."""
        self._sockets = int(environ.get("LISTEN_FDS", "0")) if environ.get("LISTEN_PID") == str(pid) else 0

    def tell(self, **states: str) -> None:
        """Say this: READY="1", STATUS="some words"."""
        if not self._address:
            return
        message = "\n".join(f"{name}={printable(value)}" for name, value in states.items())
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.settimeout(TELLING_SECONDS)
                notify.connect(address)
                notify.sendall(message.encode())
        except OSError as error:
            log.error("can't tell systemd %s: %s", message, error)

    def listener(self) -> socket.socket | None:
        """The socket that it listens on for us, once; None if it does not. Raises SocketError."""
        if not self._sockets:
            return None
        if self._sockets > 1:
            raise SocketError(f"systemd hands over {self._sockets} sockets, expected one: that of FastAGI")
        try:
            ours = socket.socket(fileno=FIRST_SOCKET)
        except OSError as error:
            raise SocketError(f"systemd hands over no socket, expected one: {error.strerror}") from error
        ours.set_inheritable(False)
        if (
            ours.family not in (socket.AF_INET, socket.AF_INET6)
            or ours.type != socket.SOCK_STREAM
            or not ours.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        ):
            ours.close()
            raise SocketError("systemd hands over another kind of socket, expected ListenStream= with a TCP port")
        return ours

    @contextlib.asynccontextmanager
    async def watching(self, alive: Callable[[], Awaitable[bool]], status: Callable[[], str]) -> AsyncIterator[None]:
        """We are ready, and from the block's end on we stop; in between it hears that we are alive, and how we are."""
        self.tell(READY="1", STATUS=status())
        feeding = asyncio.create_task(self._feed(alive, status), name="watchdog") if self.watchdog else None
        try:
            yield
        finally:
            self.tell(STOPPING="1")
            if feeding is not None:
                feeding.cancel()

    async def _feed(self, alive: Callable[[], Awaitable[bool]], status: Callable[[], str]) -> None:
        """Twice within its time, as sd_watchdog_enabled(3) wants it."""
        interval = self.watchdog / 2
        while True:
            if await alive():
                self.tell(WATCHDOG="1", STATUS=status())
                await asyncio.sleep(interval)
            else:
                log.error("FastAGI takes no connections: if that lasts, systemd will start us again")
                await asyncio.sleep(interval / AGAIN)
