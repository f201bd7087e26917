"""The command `agi-server`: signals, flags, printing, exit codes.

Results go to stdout, talk to stderr. Exit 0: done; 1: failed; 2: usage or configuration.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Coroutine
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from agi_server import __version__, calls, logs
from agi_server.app import App, StartError
from agi_server.asterisk.client import Ending, place_call
from agi_server.asterisk.fastagi import Limits
from agi_server.check import check_connections, check_form
from agi_server.config import Config, ConfigError, load
from agi_server.demo import SPEAKERS, demonstrate, describe
from agi_server.journal import JournalBusyError, JournalError, State

DEFAULT_CONFIG = "/etc/agi-server/agi-server.yaml"
T = TypeVar("T")

log = logging.getLogger("agi_server.cli")

FILES_OF_OUR_OWN = 64
"""Files that are open beside those of sessions and of connections that are silent yet."""
FAILED = 1
MISCONFIGURED = 2

PORT = click.IntRange(0, 65535)
config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, readable=False),
    envvar="AGI_SERVER_CONFIG",
    default=DEFAULT_CONFIG,
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="agi-server")
def main() -> None:
    """Between Asterisk and OTRS: a HelpDesk call is a ticket before the operator's phone rings."""


@main.command()
@config_option
def run(path: Path) -> None:
    """Serve Asterisk until SIGTERM or Ctrl-C."""
    config = _load(path)
    logs.configure(config.log.level, config.log.format, config.log.mask_numbers)
    for warning in config.warnings:
        click.echo(f"warning: {warning}", err=True)
    if mistakes := check_form(config):
        _fail("\n".join(map(str, mistakes)), MISCONFIGURED)
    _allow_files(config.fastagi.max_sessions)
    try:
        _run(_serve(config))
    except JournalBusyError as error:
        _fail(str(error), MISCONFIGURED)
    except (JournalError, StartError) as error:
        _fail(str(error), FAILED)


@main.command()
@config_option
@click.option("--connect", is_flag=True, help="Also ask OTRS, its database and the system. Changes nothing there.")
def check(path: Path, connect: bool) -> None:
    """Say whether the configuration is right: all mistakes at once."""
    config = _load(path)
    for warning in config.warnings:
        click.echo(f"warning: {warning}", err=True)
    if findings := check_form(config):
        for finding in findings:
            click.echo(finding)
        sys.exit(MISCONFIGURED)
    click.echo(f"ok   {path}: no mistakes")
    if connect:
        logs.configure("error", "text", False)
        sys.exit(FAILED if asyncio.run(_check_connections(config)) else 0)


@main.command(short_help="Show it all on a small OTRS of its own.")
@click.option(
    "--port", type=PORT, default=0, show_default="a free one", help="Where the demo's FastAGI server listens."
)
def demo(port: int) -> None:
    """Show it all on a small OTRS of its own: one call, its ticket, and more if you like. Ctrl-C ends it."""
    logs.configure("warning", "text", False)
    try:
        _run(_demonstrate(port))
    except (StartError, OSError) as error:
        _fail(f"the demo can't start: {error}", FAILED)


@main.command(short_help="Place a call from NUMBER as Asterisk would.")
@config_option
@click.argument("number")
@click.option("--name", default="", help="The caller's name.")
@click.option("--dialled", default="4509", show_default=True, help="The number called.")
@click.option("--script", default="ticket", show_default=True, help="Script and query: `ticket?queue=Sales`.")
@click.option("--server", metavar="HOST:PORT", help="A running agi-server; without it the configuration's.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def call(path: Path, number: str, name: str, dialled: str, script: str, server: str | None, as_json: bool) -> None:
    """Place a call from NUMBER as Asterisk would, and show what comes of it.

    It is a real call for the server: with OTRS behind it, a real ticket is opened.
    """
    host, port = _address(server) if server else _address_of(_load(path))
    if port == 0:
        raise click.UsageError("the configuration leaves the port to the system: name it with --server HOST:PORT")

    def show(direction: str, line: str) -> None:
        if not as_json:
            click.echo(f"{SPEAKERS[direction]} {line}", err=True)

    base, _, query = script.partition("?")
    unique_id = f"{time.time():.0f}.{os.getpid()}"
    report = _run(
        place_call(
            host,
            port,
            number=number,
            unique_id=unique_id,
            name=name,
            dialled=dialled,
            script=base,
            query=query,
            on_line=show,
        )
    )
    if report.outcome is not Ending.SUCCESS:
        _fail(f"no answer from agi-server on {host}:{port}: {report.outcome}. Is it running?", FAILED)
    if as_json:
        record = {"id": unique_id, "seconds": round(report.seconds, 3), "variables": report.variables}
        click.echo(json.dumps(record, ensure_ascii=False))
    else:
        click.echo(describe(report))
    sys.exit(FAILED if report.variables.get("HELPDESK_STATUS", "error") == "error" else 0)


@main.group("calls")
def calls_() -> None:
    """What became of the calls, and what a person decides of them."""


@calls_.command("list")
@config_option
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in State]),
    help="Only these  [default: all open]",
)
@click.option("--since", type=calls.Since(), help="Only those of the last 15m, 1h, 7d.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def calls_list(path: Path, states: tuple[str, ...], since: timedelta | None, as_json: bool) -> None:
    """Calls that are no tickets yet, or those asked for, newest first."""
    calls.with_journal(
        _load(path), lambda journal: calls.show_list(journal, [*map(State, states)], since, as_json=as_json)
    )


@calls_.command("show")
@config_option
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def calls_show(path: Path, id: str, as_json: bool) -> None:
    """One call, and each thing that happened to it."""
    calls.with_journal(_load(path), lambda journal: calls.show_one(journal, id, as_json=as_json))


@calls_.command("retry")
@config_option
@click.argument("ids", nargs=-1)
@click.option("--parked", is_flag=True, help="All that are parked.")
def calls_retry(path: Path, ids: tuple[str, ...], parked: bool) -> None:
    """Try calls again now: after their reason is mended."""
    if not ids and not parked:
        raise click.UsageError("name the calls, or --parked")
    calls.with_journal(_load(path), lambda journal: calls.retry(journal, ids, parked=parked))


@calls_.command("drop")
@config_option
@click.argument("id")
@click.option("--why", required=True, help="Kept in the call's history.")
def calls_drop(path: Path, id: str, why: str) -> None:
    """Decide that a call shall be no ticket."""
    if not why.strip():
        raise click.UsageError("--why needs words: they are all that will be known of it")
    calls.with_journal(_load(path), lambda journal: calls.drop(journal, id, why))


async def _serve(config: Config) -> None:
    stop = _stop_on_signals()
    async with App(config) as app:
        click.echo(f"agi-server {__version__} is ready: FastAGI on {config.fastagi.host}:{app.server.port}")
        _tell_systemd("READY=1")
        await app.serve(stop)
        _tell_systemd("STOPPING=1")


async def _demonstrate(port: int) -> None:
    await demonstrate(port, _stop_on_signals(), click.echo)


async def _check_connections(config: Config) -> bool:
    """Print each finding as it comes; is there a bad one?"""
    bad = False
    async with aclosing(check_connections(config)) as findings:
        async for finding in findings:
            click.echo(finding)
            bad = bad or finding.good is False
    return bad


def _stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM and Ctrl-C; the next one ends us at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard(number: int) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard, number)
    return stop


def _tell_systemd(state: str) -> None:
    """See sd_notify(3); nothing if we don't run under it."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.connect(f"\0{address[1:]}" if address.startswith("@") else address)
                notify.sendall(state.encode())
        except OSError as error:
            log.error("can't tell systemd %s: %s", state, error)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it on uvloop where that can be had."""
    try:
        import uvloop
    except ImportError:
        runner = asyncio.run
    else:
        runner = uvloop.run
    return runner(work)


def _allow_files(sessions: int) -> None:
    """Let us have as many files open as we may: without one for it, a connection can't even be refused."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most != resource.RLIM_INFINITY and most < sessions + Limits().waiting + FILES_OF_OUR_OWN:
        log.warning("fastagi.max_sessions is %d, but only %d files may be open: raise LimitNOFILE", sessions, most)


def _load(path: Path) -> Config:
    try:
        return load(path)
    except ConfigError as error:
        _fail(str(error), MISCONFIGURED)


def _address_of(config: Config) -> tuple[str, int]:
    """Where the configured server is reached from this machine."""
    host = config.fastagi.host
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), config.fastagi.port  # noqa: S104 -- not bound to


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.BadParameter(f"{server!r} is not HOST:PORT", param_hint="--server")
    return host.strip("[]"), int(port)


def _fail(words: str, code: int) -> NoReturn:
    click.echo(words, err=True)
    sys.exit(code)
