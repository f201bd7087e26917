"""`agi-server check --connect`: is each neighbour there, and does it take what we would send?

Nothing is changed anywhere: the ticket that OTRS is asked about is one that it can't make. Each
finding is one line, and one that is not good says what mends it.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agi_server import app
from agi_server.call import Refused, Ticket, Trouble
from agi_server.config import Config
from agi_server.journal import Journal, JournalError, State
from agi_server.otrs.connector import Connector
from agi_server.otrs.customers import Readable
from agi_server.otrs.elements import at_fault
from agi_server.rules import never_reached
from agi_server.samples import STRANGER, Sample, samples
from agi_server.templates import FormError
from agi_server.ticket import Composer, Sheet

PATIENCE = 10.0
"""Seconds for OTRS to answer one question of ours."""
MOST_REHEARSED = 50
"""Tickets that OTRS is asked about: each route may have one of its own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing."""

    good: bool | None
    """None: it can't be known."""
    subject: str
    """The option that it is about."""
    words: str
    hint: str = ""
    """What mends it."""

    def __str__(self) -> str:
        mark = {True: "ok  ", False: "FAIL", None: "?   "}[self.good]
        return f"{mark} {self.subject}: {self.words}{f' -- {self.hint}' if self.hint else ''}"


def check_form(config: Config) -> list[Finding]:
    """Can the templates be filled in, those of the ticket and of each route for callers of each kind?"""
    try:
        mistakes = app.composer(config).mistakes()
        if (wrong := app.links(config).mistake()) is not None:
            mistakes.append(wrong)
    except FormError as mistake:
        mistakes = [mistake]
    hints = {"otrs.zoom_url": "use {{ ticket_id }} or {{ ticket_number }}"}
    return [Finding(False, one.option, one.words, hints.get(one.option, "mend the template")) for one in mistakes]


def warnings(config: Config) -> Iterator[str]:
    """What is not wrong but should be mended."""
    yield from config.warnings
    for route, taker in never_reached(app.routes(config)):
        yield f"{route.name}: decides about no call, for {taker.name} takes all of them before it"


async def check_connections(config: Config) -> AsyncGenerator[Finding, None]:
    """Each neighbour in turn."""
    running, journal = _check_journal(config)
    yield journal
    if journal.good and Path(config.journal.database.database or "").exists():  # noqa: ASYNC240 -- nobody waits
        async for finding in _check_parked(config):
            yield finding
    yield _check_file("customers.index", Path(config.customers.index))
    yield await _check_listener(config, running)
    async for finding in _check_customers(config):
        yield finding
    patient = config.otrs.model_copy(update={"timeout": min(config.otrs.timeout, PATIENCE)})
    async with app.connector(config.model_copy(update={"otrs": patient})) as connector:
        signed_in = await _check_sign_in(config, connector)
        yield signed_in
        if signed_in.good:
            field = await _check_call_field(config, connector)
            yield field
            async for finding in _check_ticket(config, connector, field_missing=field.good is False):
                yield finding


def _check_journal(config: Config) -> tuple[bool, Finding]:
    """Also: is an agi-server running on it?"""
    path = Path(config.journal.database.database or "")
    if path == Path(config.customers.index):
        return False, Finding(False, "journal.database", f"{path} is customers.index too", "give each its own file")
    finding = _check_file("journal.database", path)
    lock = Path(f"{path}.lock")
    if finding.good and lock.exists():
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True, Finding(True, "journal.database", f"{path} is in use by the running agi-server")
    return False, finding


def _check_file(subject: str, path: Path) -> Finding:
    """Can we write this file, or make it?"""
    if not path.parent.is_dir():
        return Finding(False, subject, f"the folder {path.parent} does not exist", "make it, owned by our user")
    if path.is_dir():
        return Finding(False, subject, f"{path} is a folder", "name a file in it")
    wanted = [one for one in (path, Path(f"{path}.lock")) if one.exists()] or [path.parent]
    if not all(os.access(one, os.R_OK | os.W_OK) for one in wanted):
        return Finding(False, subject, f"no right to write {path}", "run this as the service's user, or chown it")
    return Finding(True, subject, f"{path} can be written")


async def _check_parked(config: Config) -> AsyncIterator[Finding]:
    """Do calls wait for a person?"""
    journal = Journal(config.journal.database)
    parked = 0
    try:
        await journal.open(serving=False)
        parked = (await journal.counts())[State.PARKED]
    except JournalError as error:
        yield Finding(False, "journal.database", str(error), "agi-server sets a damaged file aside when it starts")
    finally:
        await journal.close()
    if parked:
        yield Finding(
            None, "calls", f"{parked} are parked, OTRS refuses them", "see agi-server calls list --state parked"
        )


async def _check_listener(config: Config, running: bool) -> Finding:
    host, port = config.fastagi.host, config.fastagi.port
    place = f"{host}:{port}"
    try:
        server = await asyncio.start_server(lambda _, writer: writer.close(), host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and running:
            return Finding(True, "fastagi.port", f"{place} is in use, by the running agi-server as it seems")
        hint = {
            errno.EADDRINUSE: "another program listens there: stop it, or choose another port",
            errno.EADDRNOTAVAIL: "this machine has no such address: choose one of its own",
            errno.EACCES: "choose a port above 1023",
        }.get(error.errno or 0, "choose another address or port")
        return Finding(False, "fastagi.port", f"can't listen on {place}: {error.strerror or error}", hint)
    server.close()
    await server.wait_closed()
    return Finding(True, "fastagi.port", f"{place} is free")


async def _check_customers(config: Config) -> AsyncIterator[Finding]:
    directory = app.customers(config)
    try:
        found = await directory.check()
    finally:
        await directory.close()
    if not isinstance(found, Readable):
        yield Finding(False, "customers.database", found.reason, found.hint)
        return
    share = f"{found.with_number} of the first {found.examined} have a number that can be read"
    words = f"{config.customers.table} has {found.customers} valid customers; {share}"
    if found.examined and not found.with_number:
        yield Finding(None, "customers.number_columns", words, "are these the columns that hold the numbers?")
    else:
        yield Finding(True, "customers.database", words)
    if found.no_companies is not None:
        yield Finding(None, "customers.company_table", found.no_companies.reason, found.no_companies.hint)


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
            return Finding(False, "otrs.call_field", f"{exists.code}: {exists.words}")
        case Trouble():
            return Finding(None, "otrs.call_field", exists.reason)


async def _check_ticket(config: Config, connector: Connector, *, field_missing: bool) -> AsyncIterator[Finding]:
    """Would OTRS take the ticket of a caller whom nobody knows, and those of the routes?"""
    told: list[Finding] = []
    rehearsals = _rehearsals(app.composer(config))
    for rehearsal in rehearsals[:MOST_REHEARSED]:
        ticket = rehearsal.ticket
        objection = await connector.rehearse(ticket)
        if field_missing and isinstance(objection, Refused) and at_fault(objection) == "dynamic_fields":
            objection = None  # dynamic fields are looked at last, and that one is missing has been told
        match objection:
            case None:
                summary = f"queue {ticket.queue!r}, state {ticket.state!r}, priority {ticket.priority!r}"
                findings = [Finding(True, rehearsal.sheet.name, f"OTRS would take it: {summary}")]
                if not told:
                    words = f"OTRS takes {ticket.customer_user!r} for {STRANGER[0].number}"
                    findings.append(Finding(True, "ticket.unknown_customer", words))
            case Trouble():
                findings = [Finding(None, rehearsal.sheet.name, objection.reason)]
            case Refused():
                findings = [_objection(rehearsal, objection)]
        for finding in findings:
            if finding not in told:  # what the form has wrong, each route has wrong that does not set it
                yield finding
        told += findings
        if isinstance(objection, Trouble):
            return
    if len(rehearsals) > MOST_REHEARSED:
        yield Finding(None, "routes", f"only the first {MOST_REHEARSED} of {len(rehearsals)} tickets were asked about")


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    """A ticket that OTRS is asked about."""

    sheet: Sheet
    ticket: Ticket
    known: bool
    """No stranger comes to it. Our samples' customers are not OTRS's, so a stranger's stands in for them."""


def _rehearsals(composer: Composer) -> list[_Rehearsal]:
    """The ticket by the form, then each that a route makes of it."""
    found: list[_Rehearsal] = []
    for sheet in composer.sheets:
        sample = _sample_for(composer, sheet)
        known = sample[1].customer is not None
        try:
            ticket = sheet.ticket(*sample)
            if known:
                stranger = composer.sheets[0].ticket(*STRANGER)
                ticket = replace(ticket, customer_user=stranger.customer_user, customer_id="")
        except FormError:  # of a form that no call is left for: `check_form` has told the others
            continue
        if all(ticket != earlier.ticket for earlier in found):
            found.append(_Rehearsal(sheet, ticket, known))
    return found


def _sample_for(composer: Composer, sheet: Sheet) -> Sample:
    """A caller for whom it may be filled in: somebody whom nobody knows, if it can be one."""
    callers = (STRANGER, *sorted(samples(composer.columns), key=lambda caller: caller[1].customer is not None))
    return next((caller for caller in callers if sheet in composer.sheets_for(*caller)), STRANGER)


def _objection(rehearsal: _Rehearsal, refused: Refused) -> Finding:
    sheet, ticket, field = rehearsal.sheet, rehearsal.ticket, at_fault(refused)
    option = "unknown_customer" if field == "customer_user" else field
    value = getattr(ticket, field, None) or getattr(ticket.article, field, None)
    shown = f"OTRS refuses {value!r}: {refused.words}" if isinstance(value, str) else f"OTRS says: {refused.words}"
    if rehearsal.known and option in ("unknown_customer", "service", "sla"):
        return Finding(
            None, sheet.label(option), shown, "it may be right for its own customers, and we know none of them"
        )
    if field and option != "unknown_customer" and sheet.is_template(field):
        return Finding(None, sheet.label(field), shown, "it depends on the call, and this one was made up")
    hint = "write it as OTRS has it"
    if option == "unknown_customer":
        hint = "make this customer in OTRS, or name one that it has"
    elif "AccessDenied" in refused.code:
        hint = "give the agent `rw` on this queue's group, or choose another queue"
    return Finding(False, sheet.label(option) if option else sheet.name, shown, hint)
