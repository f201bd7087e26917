"""Does rpc.pl let us in, does it still make articles, and does it know what our tickets name?

It is asked for nothing that it could make. Also what is configured though rpc.pl can do nothing with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import chain

from agi_server import app
from agi_server.call import Trouble
from agi_server.check.finding import Finding
from agi_server.check.tickets import check_states, check_tickets
from agi_server.config import Config
from agi_server.otrs.rpc import Rpc
from agi_server.otrs.rpc_desk import AWAY, SHUT_OUT

OF_THE_CONNECTOR = ("namespace", "call_field", "dialect", "time_zone")
"""Options of `otrs` that only the Ticket Connector has a use for."""
OUT_OF_REACH = ("attachments", "communication_channel", "dynamic_fields", "time_unit", "visible_for_customer")
"""Options of `ticket` that rpc.pl has no method for, or none that was seen at work."""


async def check_rpc(config: Config) -> AsyncIterator[Finding]:
    """One thing after another; who is not let in can't ask for more."""
    async with app.rpc(config) as rpc:
        signed_in = await _check_sign_in(config, rpc)
        yield signed_in
        if not signed_in.good:
            return
        articles = await rpc.makes_articles()
        if isinstance(articles, Trouble):
            yield Finding(None, "otrs.interface", articles.reason)
        elif articles:
            yield Finding(True, "otrs.interface", "OTRS makes articles over rpc.pl")
        else:
            hint = "set otrs.interface to ticket-connector, and otrs.url to the web service's address"
            yield Finding(False, "otrs.interface", "this is OTRS 6 or Znuny, whose rpc.pl makes no articles", hint)
            return
        agent = await rpc.lacks_agent()
        if isinstance(agent, Trouble):
            yield Finding(None, "otrs.user_id", agent.reason)
        elif agent is not None:
            yield Finding(False, "otrs.user_id", agent.words, "name an agent who may read the queues of the calls")
            return
        async for finding in check_tickets(config, rpc):
            yield finding
        if config.repeat.within:
            async for finding in check_states(config, rpc):
                yield finding


async def _check_sign_in(config: Config, rpc: Rpc) -> Finding:
    trouble = await rpc.sign_in()
    if trouble is None:
        return Finding(True, "otrs.user", f"OTRS lets {config.otrs.user} in, and has its database")
    if trouble.reason == SHUT_OUT:
        hint = "set both, as they are in OTRS's SysConfig under Framework, Core::SOAP; they are empty at first"
        return Finding(
            False, "otrs.user, otrs.password", f"OTRS refuses {config.otrs.user}, or has no SOAP::User", hint
        )
    if trouble.reason == AWAY:
        return Finding(False, "otrs.url", trouble.reason, "is OTRS's database running?")
    return Finding(False, "otrs.url", trouble.reason, "is OTRS running, and does the address end in /otrs/rpc.pl?")


def without_effect(config: Config) -> Iterator[str]:
    """What is set though it means nothing with the chosen interface."""
    is_rpc, url = config.otrs.interface == "rpc", config.otrs.url
    if is_rpc != url.endswith("/rpc.pl"):
        yield f"otrs.interface: is {config.otrs.interface}, but otrs.url is {'not ' * is_rpc}that of an rpc.pl"
    unused = OF_THE_CONNECTOR if is_rpc else ("user_id",)
    for name in sorted(config.otrs.model_fields_set.intersection(unused)):
        yield f"otrs.{name}: means nothing with otrs.interface: {config.otrs.interface}"
    if not is_rpc:
        return
    routes = ((f"routes item {number}.ticket", route.ticket) for number, route in enumerate(config.routes, start=1))
    for label, options in chain([("ticket", config.ticket)], routes):
        if options is not None:
            for name in sorted(options.model_fields_set.intersection(OUT_OF_REACH)):
                yield f"{label}.{name}: means nothing with otrs.interface: rpc"
