"""One HTTP exchange with OTRS: bytes and files out, bytes in, or Trouble.

Every wait ends at the deadline, every answer has a bound, nothing is followed and no proxy of the
environment is used. Whatever goes wrong is Trouble whose doubt is how far the exchange had come:
nothing was sent (NONE), the request was on its way (RUNNING: OTRS may be at work on it), or an
answer had begun (ENDED: OTRS answers when it is through). The length is always told before: OTRS 4 and
before take no chunks. What the bytes mean is left to others.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import SimpleNamespace
from typing import Self

import aiohttp

from agi_server.call import Doubt, Trouble
from agi_server.otrs import soap
from agi_server.otrs.attachments import Upload

CONNECT_S = 10.0
"""Seconds for name resolution, TCP and TLS. OTRS takes connections at once even when it is busy."""
AT_ONCE = 2**20
"""Bytes; what is longer is written in pieces, between which others have their turn."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever it is."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, eq=False)
class TooLong(Trouble):
    """There was more of an answer than is read: whoever can ask for less may have it."""


@dataclass(frozen=True, slots=True, eq=False)
class FileLost(Trouble):
    """A file that goes with the request could not be read to its end, so that OTRS never got the whole of it."""


class Exchange:
    """POSTs to one address, over at most `connections` connections at a time."""

    def __init__(self, url: str, *, connections: int, max_answer: int) -> None:
        self._url = url
        self._connections = connections
        self._max_answer = max_answer
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_note_sending)
        self._session = aiohttp.ClientSession(
            # OTRS closes after each answer. A connection that is never used twice cannot be found dead.
            connector=aiohttp.TCPConnector(limit=self._connections, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "agi-server"},
            auto_decompress=False,
            trust_env=False,
            trace_configs=[trace],
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, body: bytes | soap.Parts, headers: Mapping[str, str], deadline: float) -> Answer | Trouble:
        """The answer to this body, by the loop's time `deadline`. Raises nothing but cancellation."""
        whole = body if isinstance(body, bytes) else body[0] if len(body) == 1 else None
        if isinstance(whole, bytes):
            return await self._post(whole if len(whole) <= AT_ONCE else BytesIO(whole), headers, deadline)
        assert isinstance(body, tuple)
        try:
            async with asyncio.timeout_at(deadline):
                upload = await Upload.of(body)
        except OSError as error:
            return FileLost(f"a file that goes with it can't be read: {error.strerror or 'not in time'}")
        with upload:
            answer = await self._post(upload.chunks(), {**headers, "Content-Length": str(upload.length)}, deadline)
        return FileLost(f"a file that goes with it {upload.lost}") if upload.lost else answer

    async def _post(
        self, body: bytes | BytesIO | AsyncIterator[bytes], headers: Mapping[str, str], deadline: float
    ) -> Answer | Trouble:
        if self._session is None or self._session.closed:
            return Trouble("the connection to OTRS is not open")
        progress = _Progress()
        try:
            async with (
                asyncio.timeout_at(deadline),
                self._session.post(
                    self._url,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                    trace_request_ctx=progress,
                ) as response,
            ):
                progress.doubt = Doubt.ENDED
                return await self._answer(response)
        except aiohttp.ClientResponseError:
            return Trouble("OTRS answered something that is not HTTP (is its database down?)", Doubt.ENDED)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Trouble(_reason(error, progress.doubt), progress.doubt)

    async def _answer(self, response: aiohttp.ClientResponse) -> Answer | Trouble:
        body = bytearray()
        while chunk := await response.content.read(self._max_answer + 1 - len(body)):
            body += chunk
            if len(body) > self._max_answer:
                return TooLong(f"OTRS answered more than {self._max_answer} bytes", Doubt.ENDED)
        return Answer(response.status, bytes(body))


@dataclass(slots=True)
class _Progress:
    """How far one exchange has come, as the doubt that its failure would leave."""

    doubt: Doubt = Doubt.NONE


async def _note_sending(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    context.trace_request_ctx.doubt = Doubt.RUNNING


def _reason(error: Exception, doubt: Doubt) -> str:
    """One line for a person. Never the words of the error itself: they may hold what we sent."""
    late = isinstance(error, TimeoutError)
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the host {error.host} of OTRS has no address"
        case aiohttp.ClientSSLError():
            return f"no TLS with OTRS: {type(error).__name__}"
        case aiohttp.ClientConnectorError():
            return f"no connection to OTRS at {error.host}:{error.port}: {os.strerror(error.os_error.errno or 0)}"
        case _ if doubt is Doubt.ENDED:
            return "OTRS's answer did not end in time" if late else "OTRS's answer was cut short"
        case aiohttp.ServerDisconnectedError():
            # Nothing proves that OTRS is through: a proxy in between that dies does this as well.
            return "OTRS closed the connection without an answer (no such web service, or no database?)"
        case _ if doubt is Doubt.RUNNING:
            return "no answer from OTRS in time" if late else "the connection to OTRS broke before an answer"
    return "no connection to OTRS in time" if late else f"no connection to OTRS: {type(error).__name__}"
