"""Faults to order: what the stand-in does wrong with the requests to come.

A `Fault` says when to dawdle, whether OTRS does its work all the same, and what goes back in place of the
honest answer. `Faults` is a queue: each fault strikes one request, of the operation that is named or any.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from agi_server.sandbox import envelope
from agi_server.sandbox.dialects import DIALECTS
from agi_server.sandbox.refusals import RefusalError

Pause = float | asyncio.Event | None
"""Seconds, or until somebody sets the event."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One request that goes wrong."""

    before: Pause = None
    """Waits before OTRS works on the request."""
    works: bool = True
    """OTRS does what was asked: the ticket is there, whatever is answered."""
    after: Pause = None
    """Waits between the work and the answer."""
    answer: bytes | None = None
    """Sent raw in place of the answer, then the connection is closed; empty: closed without a byte."""


def _http(status: str, body: bytes, kind: str = "text/plain") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=UTF-8\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + body


CLOSED = Fault(works=False, answer=b"")
"""Closed with no byte, nothing done: plain CGI with the database down."""
HTML = Fault(
    works=False,
    answer=b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n'
    b"<html><head>\n<title>500 Internal Server Error</title>\n</head><body>\n<h1>Internal Server Error</h1>\n"
    b"</body></html>\n",
)
"""Apache's page without a status line: mod_perl with the database down."""
ERROR = Fault(works=False, answer=_http("500 Internal Server Error", b"Internal error"))
"""HTTP 500 with one plain line, nothing done."""
REFUSED_TICKET = Fault(
    works=False,
    answer=_http(
        "500 Internal Server Error",
        envelope.fault("Ticket could not be created, please contact the system administrator", DIALECTS["6"]).body,
    ),
)
"""A Fault, and no ticket: the database is read-only."""
LOST = Fault(answer=b"")
"""The ticket is made, then the connection is closed without a byte."""
FAULT_AFTER = Fault(
    answer=_http(
        "500 Internal Server Error",
        envelope.fault("Article could not be created, please contact the system administrator", DIALECTS["6"]).body,
    )
)
"""A Fault, though the ticket was made and stays behind."""


def refusal(operation: str, code: str, words: str) -> Fault:
    """OTRS says no, for a reason of its own, and has done nothing."""
    answer = envelope.error(operation, RefusalError(code, words), DIALECTS["6"])
    return Fault(works=False, answer=_http("200 OK", answer.body, answer.content_type))


class Faults:
    """The faults to come, first in, first out."""

    def __init__(self) -> None:
        self.always: Fault | None = None
        """Strikes every request that none of the queue strikes, until it is None again."""
        self._queue: deque[tuple[str, Fault]] = deque()

    def add(self, fault: Fault, operation: str = "") -> None:
        """Let it strike the next request, or the next of this operation."""
        self._queue.append((operation, fault))

    def take(self, operation: str) -> Fault:
        """What happens to this request."""
        for place, (wanted, fault) in enumerate(self._queue):
            if wanted in ("", operation):
                del self._queue[place]
                return fault
        return self.always or Fault()


async def pause(length: Pause) -> None:
    """Wait as the fault says."""
    if isinstance(length, asyncio.Event):
        await length.wait()
    elif length:
        await asyncio.sleep(length)
