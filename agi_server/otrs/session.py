"""One session of OTRS's own, and all requests in it.

SessionCreate gives one session, which serves all requests; when OTRS has forgotten it, there is a
new one and the request is repeated once, which is safe: AuthFail means that nothing was done.
Every request ends by its deadline and raises nothing but cancellation. What is asked and what the
answers mean is `connector`'s business; the bytes are `soap`'s and `exchange`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Self, TypeAlias

from agi_server.call import Doubt, Refused, Trouble
from agi_server.otrs import soap
from agi_server.otrs.exchange import Exchange
from agi_server.tally import Durations

Reply: TypeAlias = soap.Fields | Refused | Trouble
Witness: TypeAlias = Callable[[str, bytes], None]
"""Is shown each `request` and each `response`, with the session or the password in it, but without files' content."""

BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds that can be told apart: a healthy OTRS takes 0.15 for a ticket, a busy one took 14 once."""
_READING = frozenset({"SessionCreate", "TicketSearch", "TicketGet"})
_HEADERS = {"Content-Type": "text/xml; charset=utf-8"}
_log = logging.getLogger("agi_server.otrs")


class Session:
    """A login at one OTRS's web service. An async context manager."""

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        namespace: str,
        timeout: float,
        connections: int,
        witness: Witness | None = None,
    ) -> None:
        self.login = {"UserLogin": user, "Password": password}
        self._namespace = namespace
        self._timeout = timeout
        self._witness = witness
        self._exchange = Exchange(url, connections=connections, max_answer=soap.MAX_ANSWER)
        self._login: asyncio.Task[str | Refused | Trouble] | None = None
        self.requests: defaultdict[tuple[str, str], Durations] = defaultdict(lambda: Durations(BOUNDS))
        """What each took, by operation and by what came of it: `answered`, `refused` or `trouble`."""
        self.troubled = False
        """Something has gone wrong, or our session has ended: it may be another OTRS that answers the next time.

        Whoever looks sets it back. OTRS ends each session after some hours, idle or not."""

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._login is not None:
            self._login.cancel()
            await asyncio.wait({self._login})
            self._login = None
        await self._exchange.__aexit__()

    def deadline(self) -> float:
        """When what is begun now has to be over, by the loop's time."""
        return asyncio.get_running_loop().time() + self._timeout

    async def sign_in(self, deadline: float) -> Refused | Trouble | None:
        """Does OTRS let us in? None: yes."""
        session = await self._session(deadline)
        return None if isinstance(session, str) else session

    @property
    def token(self) -> str:
        """OTRS's id of our session; empty while there is none."""
        login = self._login
        session = login.result() if login is not None and login.done() else ""
        return session if isinstance(session, str) else ""

    async def request(self, operation: str, values: soap.Values, deadline: float) -> Reply:
        """One operation in our session; once more in a new one when OTRS has forgotten it."""
        return await self._in_session(operation, values, deadline, action="", counted=True)

    async def probe(self, operation: str, values: soap.Values, deadline: float, action: str = "") -> Reply:
        """The same for what is not done for a call, and is in no statistics; with this as SOAPAction."""
        return await self._in_session(operation, values, deadline, action=action, counted=False)

    async def send(
        self, operation: str, values: soap.Values, deadline: float, *, action: str = "", counted: bool = True
    ) -> Reply:
        """One operation just as it is, with a login of its own."""
        started = asyncio.get_running_loop().time()
        request = soap.build(operation, values, self._namespace)
        if self._witness is not None:
            self._witness("request", request)
        headers = {**_HEADERS, "SOAPAction": f'"{action}"'} if action else _HEADERS
        answer = await self._exchange.post(soap.parts(request), headers, deadline)
        if self._witness is not None and not isinstance(answer, Trouble):
            self._witness("response", answer.body)
        took = asyncio.get_running_loop().time() - started
        reply = answer if isinstance(answer, Trouble) else soap.read(operation, answer.status, answer.body)
        outcome = "answered" if isinstance(reply, dict) else "refused" if isinstance(reply, Refused) else "trouble"
        if counted:
            self.requests[operation, outcome].add(took)
            self.troubled |= isinstance(reply, Trouble)
        _log.debug("%s: %s after %.0f ms", operation, outcome if isinstance(reply, dict) else reply, took * 1000)
        # Only what changes something in OTRS can leave a doubt behind.
        return replace(reply, doubt=Doubt.NONE) if isinstance(reply, Trouble) and operation in _READING else reply

    async def _in_session(
        self, operation: str, values: soap.Values, deadline: float, *, action: str, counted: bool
    ) -> Reply:
        session = await self._session(deadline)
        if not isinstance(session, str):
            return session
        values_in = {"SessionID": session, **values}
        reply = await self.send(operation, values_in, deadline, action=action, counted=counted)
        if isinstance(reply, Refused) and soap.is_auth_failure(reply):
            self._forget(session)
            session = await self._session(deadline)
            if not isinstance(session, str):
                return session
            values_in = {**values_in, "SessionID": session}
            reply = await self.send(operation, values_in, deadline, action=action, counted=counted)
        return reply

    async def _session(self, deadline: float) -> str | Refused | Trouble:
        """OTRS's id of our session. All who ask while there is none share one login."""
        if token := self.token:
            return token
        login = self._login
        if login is None or (login.done() and not isinstance(login.result(), str)):
            login = self._login = asyncio.create_task(self._sign_in())
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(login)
        except TimeoutError:
            return Trouble("no session from OTRS in time")

    def _forget(self, session: str) -> None:
        """The next request logs in; unless somebody else has done so already."""
        login = self._login
        self.troubled = True
        if login is not None and login.done() and login.result() == session:
            self._login = None

    async def _sign_in(self) -> str | Refused | Trouble:
        reply = await self.send("SessionCreate", self.login, self.deadline())
        if not isinstance(reply, dict):
            return reply
        return soap.text(reply, "SessionID") or Trouble("OTRS answered SessionCreate without a session")
