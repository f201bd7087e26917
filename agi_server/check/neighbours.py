"""`agi-server check --connect`: our own files and port, OTRS's database, and OTRS.

Nothing is changed anywhere.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

from agi_server import app
from agi_server.check.finding import Finding
from agi_server.check.otrs import check_otrs
from agi_server.check.rpc import check_rpc
from agi_server.config import Config
from agi_server.journal import Journal, JournalError, State
from agi_server.otrs.customers import Readable

PATIENCE = 10.0
"""Seconds for OTRS to answer one question of ours."""


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
    check_tickets = check_rpc if config.otrs.interface == "rpc" else check_otrs
    async for finding in check_tickets(config.model_copy(update={"otrs": patient})):
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
        found = await directory.check(config.customers.main_contacts)
    finally:
        await directory.close()
    if not isinstance(found, Readable):
        yield Finding(False, "customers.database", found.reason, found.hint)
        return
    words = f"{config.customers.table} has {found.customers} valid customers"
    if found.examined:
        words += f"; {found.with_number} of the first {found.examined} have a number that can be read"
    if not found.examined:
        yield Finding(None, "customers.database", words, "nobody will be known: is this the database of OTRS?")
    elif not found.with_number:
        yield Finding(None, "customers.number_columns", words, "are these the columns that hold the numbers?")
    else:
        yield Finding(True, "customers.database", words)
    if found.no_companies is not None:
        yield Finding(None, "customers.company_table", found.no_companies.reason, found.no_companies.hint)
    for company in found.without_contact:
        words = f"{config.customers.main_contacts[company]} is no valid customer of {company}"
        yield Finding(None, f"customers.main_contacts.{company}", words, "name one by his login, written as in OTRS")
