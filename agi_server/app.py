"""The program: built from its configuration, started and stopped in a written order.

Start: journal, OTRS, customers, delivery, and last the listener, so that no call comes in before
it can be kept. Stop: the listener first, then calls in hand end within their patience and attempts
within `STOPPING` seconds; the rest is safe in the journal. Signals, flags and printing belong to `cli`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from agi_server.asterisk.fastagi import FastAgiServer, Limits
from agi_server.call import Ending
from agi_server.config import Config
from agi_server.delivery import Delivery
from agi_server.intake import Intake
from agi_server.journal import Journal, JournalError
from agi_server.journal.reading import Reading
from agi_server.links import Links
from agi_server.numbers import Numbering
from agi_server.otrs.connector import Connector
from agi_server.otrs.customers import Customers
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.rpc import Rpc
from agi_server.otrs.session import Witness
from agi_server.repeat import Repeat
from agi_server.rules import Route
from agi_server.ticket import Composer, Form
from agi_server.web.access import Access
from agi_server.web.house import House
from agi_server.web.server import WebServer

log = logging.getLogger("agi_server.app")

STOPPING = 5.0
"""Seconds for attempts in hand when the program stops, and for calls beyond their patience."""
SETTLE = 3
"""Time-outs after which no request of an attempt runs in OTRS any more: it leaves within the first, for there may
be a login before it, and has two more to end in."""
FAREWELL = 30.0
"""Seconds for a session beyond its patience: to set the variables."""
PRUNING = 3600.0
"""Seconds between two rounds of forgetting old calls."""


class StartError(Exception):
    """A part of the program can't start; says which, and why."""


class App:
    """agi-server; an async context manager that serves while it is entered."""

    def __init__(
        self,
        config: Config,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        listener: socket.socket | None = None,
    ) -> None:
        """`listener`: a socket that listens already, in place of the configured address."""
        self._config = config
        self._clock = clock
        self._listener = listener
        self._stack = AsyncExitStack()
        self.journal = Journal(config.journal.database)
        self.help_desk = help_desk(config, clock)
        self.customers = customers(config)
        self.delivery = Delivery(
            self.journal,
            self.customers,
            self.help_desk,
            composer(config),
            places=config.otrs.connections,
            settle=SETTLE * config.otrs.timeout,
            give_up=timedelta(days=config.otrs.give_up_days),
            repeat=repeat(config),
            main_contacts=config.customers.main_contacts,
            clock=clock,
        )
        self.intake = Intake(
            self.journal,
            self.delivery,
            numbering(config),
            patience=config.fastagi.patience,
            zoom_url=links(config).ticket,
            extensions=config.repeat.extensions,
            clock=clock,
        )
        self.server = FastAgiServer(
            {"ticket": self.intake.ticket},
            unknown=self.intake.unknown,
            allow=config.fastagi.allow,
            limits=Limits(
                sessions=config.fastagi.max_sessions,
                request_seconds=config.fastagi.request_timeout,
                session_seconds=config.fastagi.patience + FAREWELL,
            ),
        )

        house = House(self.journal, self.customers, self.help_desk, self.delivery, self.intake, self.server)
        self.web = WebServer(
            house,
            reading=Reading(config.journal.database),
            access=Access(
                config.web.token.get_secret_value(),
                user_header=config.web.user_header,
                trusted_proxies=config.web.trusted_proxies,
            ),
            links=links(config),
            zone=config.ticket.time_zone,
            clock=clock,
        )

    async def __aenter__(self) -> Self:
        """Start; raises JournalError or StartError if it can't."""
        async with AsyncExitStack() as stack:
            await self.journal.open()
            stack.push_async_callback(self.journal.close)
            await stack.enter_async_context(self.help_desk)
            stack.push_async_callback(self.customers.close)
            try:
                await self.customers.start()
            except OSError as error:
                raise StartError(f"customers.index can't be used: {error}") from error
            await self.delivery.start()
            stack.push_async_callback(self.delivery.stop, STOPPING)
            stack.push_async_callback(self.intake.stop)
            pruning = asyncio.create_task(self._prune_for_ever(), name="pruning")
            stack.callback(pruning.cancel)
            host, port = self._config.fastagi.host, self._config.fastagi.port
            try:
                await self.server.start(host, port, self._listener)
            except OSError as error:
                raise StartError(f"can't listen on {host}:{port}: {error.strerror or error}") from error
            stack.push_async_callback(self.server.stop, self._config.fastagi.patience + STOPPING)
            await self._start_web()
            stack.push_async_callback(self.web.stop)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start_web(self) -> None:
        """Calls are served without it, too."""
        host, port = self._config.web.host, self._config.web.port
        try:
            await self.web.start(host, port)
        except OSError as error:
            log.error("no health and metrics: can't listen on %s:%d: %s", host, port, error.strerror or error)
        except JournalError as error:
            log.error("no health and metrics: %s", error)
        else:
            log.info("the operator's page is on http://%s:%d/, for %s", host, self.web.port, self.web.admits)

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until told to stop; raises JournalError or RuntimeError if that is not possible any more."""
        assert self.delivery.loop is not None
        stopped, damaged = asyncio.create_task(stop.wait()), asyncio.create_task(self.journal.damaged.wait())
        done, _ = await asyncio.wait({stopped, damaged, self.delivery.loop}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        damaged.cancel()
        if self.delivery.loop in done:
            raise RuntimeError("the loop of retries has died") from self.delivery.loop.exception()
        if damaged in done:
            raise JournalError("the journal is damaged: the next start sets it aside and begins a new one")

    async def _prune_for_ever(self) -> None:
        while True:
            pruned = 0
            try:
                pruned = await self.journal.prune(self._clock() - timedelta(days=self._config.journal.keep_days))
            except JournalError as error:
                log.error("old calls stay: %s", error)
            await asyncio.sleep(1.0 if pruned else PRUNING)


def help_desk(config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Connector | Rpc:
    """The door to OTRS's tickets that is configured."""
    return rpc(config, clock) if config.otrs.interface == "rpc" else connector(config, clock)


def rpc(config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Rpc:
    """The door of before, through rpc.pl."""
    otrs = config.otrs
    return Rpc(
        otrs.url,
        otrs.user,
        otrs.password.get_secret_value(),
        user_id=otrs.user_id,
        timeout=otrs.timeout,
        connections=otrs.connections,
        clock=clock,
    )


def connector(
    config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC), witness: Witness | None = None
) -> Connector:
    """The door through the Ticket Connector."""
    otrs = config.otrs
    return Connector(
        otrs.url,
        otrs.user,
        otrs.password.get_secret_value(),
        namespace=otrs.namespace,
        timeout=otrs.timeout,
        connections=otrs.connections,
        call_field=otrs.call_field,
        dialect=dialect(config),
        zone=otrs.time_zone,
        # Who watches is shown only what he asked for.
        recognise=witness is None and (otrs.dialect == "auto" or otrs.time_zone is None),
        clock=clock,
        witness=witness,
    )


def dialect(config: Config) -> Dialect | None:
    """The OTRS that there is; None: that has to be found out."""
    return None if config.otrs.dialect == "auto" else Dialect(config.otrs.dialect)


def customers(config: Config) -> Customers:
    """The door to OTRS's customers."""
    return Customers(
        config.customers.url,
        password=None,
        numbering=numbering(config),
        index=Path(config.customers.index),
        table=config.customers.table,
        number_columns=config.customers.number_columns,
        columns=config.customers.columns,
        company_table=config.customers.company_table,
        refresh=config.customers.refresh,
    )


def numbering(config: Config) -> Numbering:
    """How numbers are read here."""
    numbers = config.numbers
    return Numbering(numbers.country, numbers.area_code, numbers.extensions.pattern, numbers.match_withheld)


def composer(config: Config) -> Composer:
    """What makes tickets of calls. Raises FormError if a template can't be read."""
    return Composer(form(config), routes(config), links(config), config.customers.columns)


def repeat(config: Config) -> Repeat | None:
    """What becomes of repeated calls; None: every call is a ticket of its own."""
    how = config.repeat
    return Repeat(how.within, how.match, how.states, how.same_queue) if how.within else None


def links(config: Config) -> Links:
    """Addresses of OTRS's pages. Raises FormError if `otrs.zoom_url` can't be read."""
    return Links(config.otrs.zoom_url)


def form(config: Config) -> Form:
    """The configured ticket."""
    options = {name: getattr(config.ticket, name) for name in type(config.ticket).model_fields}
    return Form(**options, repeat_subject=config.repeat.subject, repeat_body=config.repeat.body)


def routes(config: Config) -> tuple[Route, ...]:
    """The configured rules. A caller's number is his however it is dialled, so the whole one goes with it."""
    spoken = numbering(config)

    def callers(listed: tuple[str, ...]) -> tuple[str, ...]:
        plain = (text for text in listed if not text.startswith("_"))
        return tuple(dict.fromkeys((*listed, *filter(None, (spoken.heard(text).canonical for text in plain)))))

    return tuple(
        Route(
            name=f"routes item {number}",
            dialled=route.dialled,
            contexts=route.context,
            arguments=route.argument,
            callers=callers(route.caller),
            customer_ids=route.customer_id,
            matches=frozenset(route.match),
            withheld=route.withheld,
            weekdays=route.weekdays,
            hours=route.hours,
            time_zone=route.time_zone,
            ticket=route.ticket.given if route.ticket else {},
            ending=Ending.REJECTED if route.reject else Ending.NO_TICKET if route.no_ticket else None,
        )
        for number, route in enumerate(config.routes, start=1)
    )
