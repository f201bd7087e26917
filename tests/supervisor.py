"""systemd as our process meets it: the end of the notify socket that is not ours."""

from __future__ import annotations

import asyncio
import socket

WATCHDOG_S = 0.2


class Supervisor:
    """systemd's end of the notify socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        shown = address.replace("\0", "@", 1)
        self.environ = {"NOTIFY_SOCKET": shown, "WATCHDOG_USEC": f"{WATCHDOG_S * 1e6:.0f}"}

    def close(self) -> None:
        self._socket.close()

    async def told(self) -> dict[str, str]:
        """The next message."""
        message = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._socket, 4096), 10)
        return dict(line.split("=", 1) for line in message.decode().splitlines())

    def waiting(self) -> list[bytes]:
        """What has come and was not read."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096))
            except BlockingIOError:
                return messages
