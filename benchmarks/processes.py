"""Servers of a benchmark, each in a process of its own, as in life.

What they do is theirs to say: `serve` gets a pipe, sends what others have to know (its port), and ends when
something comes back. What it writes to stderr goes to a file, as a service's log does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

LONGEST_START_S = 60.0
LONGEST_STOP_S = 30.0


class Pipe:
    """A server's end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ready(self, port: int) -> None:
        """Tell where we listen, and come back when we are to stop."""
        self._connection.send(port)
        with suppress(EOFError):
            await asyncio.to_thread(self._connection.recv)


@contextmanager
def process(serve: Callable[..., None], *arguments: Any, log: Path | None = None) -> Iterator[tuple[int, int]]:
    """Its id and its port. `serve` is called with a `Pipe` and these arguments."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_begin, args=(serve, theirs, log, arguments))
    child.start()
    theirs.close()
    try:
        yield child.pid or 0, _port(ours, log)
    finally:
        with suppress(BrokenPipeError):  # it has ended by itself
            ours.send(None)
        child.join(LONGEST_STOP_S)
        if child.is_alive():
            child.kill()
            child.join()


def _port(pipe: Connection, log: Path | None) -> int:
    try:
        if pipe.poll(LONGEST_START_S):
            return int(pipe.recv())
    except EOFError:
        pass
    raise RuntimeError(f"the server is not ready: {log.read_text(encoding='utf-8')[-2000:] if log else 'see above'}")


def _begin(serve: Callable[..., None], pipe: Connection, log: Path | None, arguments: tuple[Any, ...]) -> None:
    if log is not None:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, 2)
    serve(Pipe(pipe), *arguments)
