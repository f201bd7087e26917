"""One OTRS's rpc.pl: one method at a time, and what its silence means.

Every request carries SOAP::User and SOAP::Password, and ends by its deadline. rpc.pl answers nil when the
method found nothing, when it refused, when the login is wrong and when the database is away: `why_silent`
tells these apart by questions whose answers are known, none of which OTRS answers from a cache. A nil that
is to mean `no` is believed only after it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import replace
from typing import Self

from agi_server.call import Doubt, Trouble
from agi_server.otrs import rpc_messages, soap
from agi_server.otrs.exchange import Exchange
from agi_server.otrs.rpc_messages import Parameters, Returned
from agi_server.otrs.rpc_requests import NO_TICKET
from agi_server.otrs.session import BOUNDS
from agi_server.tally import Durations

_WRITING = frozenset({"TicketCreate", "ArticleCreate", "TicketPendingTimeSet"})
"""Only what changes something in OTRS can leave a doubt behind."""
SHUT_OUT = "OTRS does not let us in: otrs.user and otrs.password must be its SOAP::User and SOAP::Password"
AWAY = "OTRS answers, but not from its database"
_HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": rpc_messages.ACTION}
_log = logging.getLogger("agi_server.otrs")


class RpcDesk:
    """Calls methods. An async context manager."""

    def __init__(self, url: str, user: str, password: str, *, timeout: float, connections: int) -> None:
        self._login = (user, password)
        self._timeout = timeout
        self._exchange = Exchange(url, connections=connections, max_answer=soap.MAX_ANSWER)
        self.requests: defaultdict[tuple[str, str], Durations] = defaultdict(lambda: Durations(BOUNDS))
        """What each took, by method and by what came of it: `answered`, `refused` (nil) or `trouble`."""

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exchange.__aexit__()

    def deadline(self) -> float:
        """When what is begun now has to be over, by the loop's time."""
        return asyncio.get_running_loop().time() + self._timeout

    async def call(self, subject: str, method: str, deadline: float, parameters: Parameters) -> Returned | Trouble:
        """What the method of this object (`Ticket`, `User`) returned."""
        started = asyncio.get_running_loop().time()
        request = rpc_messages.build(*self._login, f"{subject}Object", method, parameters)
        answer = await self._exchange.post(request, _HEADERS, deadline)
        took = asyncio.get_running_loop().time() - started
        returned = answer if isinstance(answer, Trouble) else rpc_messages.read(answer.status, answer.body)
        outcome = "trouble" if isinstance(returned, Trouble) else "answered" if any(returned) else "refused"
        self.requests[method, outcome].add(took)
        _log.debug("%s: %s after %.0f ms", method, outcome if isinstance(returned, tuple) else returned, took * 1000)
        if isinstance(returned, Trouble) and method not in _WRITING:
            return replace(returned, doubt=Doubt.NONE)
        return returned

    async def one(self, subject: str, method: str, deadline: float, parameters: Parameters) -> str | Trouble:
        """The one thing that the method returned; empty: nil, whatever that means."""
        return _first(await self.call(subject, method, deadline, parameters))

    async def sure(self, subject: str, method: str, deadline: float, parameters: Parameters) -> str | Trouble:
        """The same; empty: it means `no`."""
        return _first(await self.sure_of_all(subject, method, deadline, parameters))

    async def sure_of_all(
        self, subject: str, method: str, deadline: float, parameters: Parameters
    ) -> Returned | Trouble:
        """All that it returned; nothing: it is asked twice, and in between OTRS is well, so there is nothing."""
        returned = await self.call(subject, method, deadline, parameters)
        if isinstance(returned, Trouble) or any(returned):
            return returned
        return await self.why_silent(deadline) or await self.call(subject, method, deadline, parameters)

    async def ticket_id(self, number: str, deadline: float) -> str | Trouble:
        """The ticket with this number, empty if there is surely none: TicketIDLookup's `no` is not its silence."""
        returned = await self.call("Ticket", "TicketIDLookup", deadline, {"TicketNumber": number})
        if isinstance(returned, Trouble):
            return returned
        return returned[0] or "" if returned else await self._silence(deadline)

    async def why_silent(self, deadline: float) -> Trouble | None:
        """After nil: is OTRS well, and has it let us in? None: yes, so it means nil."""
        found = await self.ticket_id(NO_TICKET, deadline)
        return found if isinstance(found, Trouble) else None

    async def _silence(self, deadline: float) -> Trouble:
        """It answered nothing where it answers something if all is well."""
        time = await self.one("Time", "SystemTime", deadline, {})  # needs no database
        if isinstance(time, Trouble):
            return time
        return Trouble(AWAY if time else SHUT_OUT)


def _first(returned: Returned | Trouble) -> str | Trouble:
    return returned if isinstance(returned, Trouble) else next(iter(returned), "") or ""
