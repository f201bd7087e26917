"""Does OTRS let us in, and would it take our tickets and what is added to them?

The tickets that it is asked about are such as it can't make, and the update names no ticket.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from agi_server import app
from agi_server.call import Refused, Trouble
from agi_server.check.finding import Finding
from agi_server.check.tickets import check_states, check_tickets
from agi_server.config import Config
from agi_server.otrs.connector import Connector

HOUR = timedelta(hours=1)
SUMMER = HOUR
"""By so much may the newest ticket and now differ."""


async def check_otrs(config: Config) -> AsyncIterator[Finding]:
    """One thing after another; who is not let in can't ask for more."""
    async with app.connector(config) as connector:
        signed_in = await _check_sign_in(config, connector)
        yield signed_in
        if signed_in.good:
            async for finding in _check_dialect(config, connector):
                yield finding
            field = await _check_call_field(config, connector)
            yield field
            async for finding in check_tickets(config, connector, field_missing=field.good is False):
                yield finding
            if config.repeat.within:
                async for finding in _check_repeat(config, connector):
                    yield finding


async def _check_sign_in(config: Config, connector: Connector) -> Finding:
    answer = await connector.sign_in()
    match answer:
        case None:
            return Finding(True, "otrs.user", f"OTRS lets {config.otrs.user} in")
        case Refused():
            hint = "set otrs.user and otrs.password to those of a valid agent in OTRS"
            return Finding(False, "otrs.user, otrs.password", f"OTRS refuses {config.otrs.user}: {answer.words}", hint)
        case Trouble():
            hint = "is OTRS running, and is the web service imported, valid, and named as at the end of the address?"
            return Finding(False, "otrs.url", answer.reason, hint)


async def _check_dialect(config: Config, connector: Connector) -> AsyncIterator[Finding]:
    """Which OTRS is it, and does it agree with what has been set?"""
    told, zone = config.otrs.dialect, config.otrs.time_zone
    found, offset = await connector.recognise()
    if found is None:
        hint = "set it, if you know" if told == "auto" else ""
        yield Finding(None, "otrs.dialect", "can't tell which OTRS it is: it is spoken to as all understand", hint)
    elif told not in ("auto", found):
        yield Finding(False, "otrs.dialect", f"set to {told}, but this is {found.product}", "leave it to `auto`")
    else:
        yield Finding(True, "otrs.dialect", f"this is {found.product}; its times are taken to be in {connector.zone}")
    expected = datetime.now(zone).utcoffset()
    if zone and offset is not None and expected is not None and abs(expected - offset) > SUMMER:
        words = f"set to {zone}, but OTRS's newest ticket was made {offset / HOUR:+g} hours from UTC"
        yield Finding(None, "otrs.time_zone", words, "set it to OTRS's own time zone, not to that of its users")


async def _check_call_field(config: Config, connector: Connector) -> Finding:
    name = config.otrs.call_field
    if not name:
        words = "not set: the call's id goes into the title instead"
        return Finding(None, "otrs.call_field", words, "a dynamic field is surer: see the README")
    exists = await connector.call_field_exists()
    match exists:
        case True:
            return Finding(True, "otrs.call_field", f"OTRS has the dynamic field {name}")
        case False:
            hint = "make it in OTRS (Admin, Dynamic Fields: Text, for tickets), or set otrs.call_field to nothing"
            return Finding(False, "otrs.call_field", f"OTRS has no dynamic field {name}", hint)
        case None:
            hint = "the agent needs `ro` on the ticket's queue, or calls whose end is unknown can't be searched for"
            return Finding(None, "otrs.call_field", f"can't tell: OTRS shows {config.otrs.user} no ticket", hint)
        case Refused():
            return Finding(False, "otrs.call_field", exists.reason)
        case Trouble():
            return Finding(None, "otrs.call_field", exists.reason)


async def _check_repeat(config: Config, connector: Connector) -> AsyncIterator[Finding]:
    """Can repeated calls be added to open tickets?"""
    objection = await connector.takes_updates()
    if isinstance(objection, Trouble):
        hint = "the web service needs the operation TicketUpdate: import config/otrs/GenericTicketConnector.yml anew"
        yield Finding(False, "repeat.within", objection.reason, hint)
    elif objection is not None:
        yield Finding(None, "repeat.within", objection.reason)
    else:
        yield Finding(True, "repeat.within", "OTRS takes articles on open tickets")
    async for finding in check_states(config, connector):
        yield finding
