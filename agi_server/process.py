"""The process among its neighbours: signals, the system's limits, the event loop.

Nothing here knows what the program does.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it on uvloop where that can be had."""
    try:
        import uvloop
    except ImportError:
        runner = asyncio.run
    else:
        runner = uvloop.run
    return runner(work)


def settle() -> None:
    """Leave what is loaded by now out of garbage collection: it stays as long as we do.

    It is some 100,000 objects, nearly all of them modules', and with them a whole collection stops every call for
    0.1 s, each few thousand calls; without them for 5 ms.
    """
    gc.freeze()


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM and Ctrl-C; the next one ends us at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard(number: int) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard, number)
    return stop


def allow_files(wanted: int) -> int:
    """Let us have as many files open as we may; returns how many that are, or `wanted` if there is no limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return wanted if most == resource.RLIM_INFINITY else most
