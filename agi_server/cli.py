"""The command `agi-server`: signals, flags, printing, exit codes.

Results go to stdout, talk to stderr. Exit 0: done; 1: failed; 2: usage or configuration.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import sys
from contextlib import aclosing
from datetime import datetime
from pathlib import Path

import click

from agi_server import __version__, calling, cli_calls, cli_otrs, health, logs, process, sample_files
from agi_server.app import App, StartError
from agi_server.asterisk.fastagi import Limits
from agi_server.check import check_connections, check_form, warnings
from agi_server.command import DEFAULT_CONFIG, FAILED, MISCONFIGURED, config_option, fail, load_config
from agi_server.config import Config
from agi_server.demo import demonstrate
from agi_server.dry_run import CallFacts
from agi_server.journal import JournalBusyError, JournalError
from agi_server.systemd import SocketError, Systemd
from agi_server.web import connections

log = logging.getLogger("agi_server.cli")

FILES_OF_OUR_OWN = 64 + connections.MOST
"""Files that are open beside those of sessions and of connections that are silent yet."""

ASKS_OTRS = ("otrs.", "ticket", "routes", "repeat")
"""How what `check --connect` asks the web service is called."""

PORT = click.IntRange(0, 65535)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="agi-server")
def main() -> None:
    """Between Asterisk and OTRS: a HelpDesk call is a ticket before the operator's phone rings."""


@main.command()
@config_option
def run(path: Path) -> None:
    """Serve Asterisk until SIGTERM or Ctrl-C."""
    config = load_config(path)
    logs.configure(config.log.level, config.log.format, config.log.mask_numbers)
    if mistakes := check_form(config):
        fail("\n".join(map(str, mistakes)), MISCONFIGURED)
    _warn(config)
    _allow_files(config.fastagi.max_sessions)
    faulthandler.enable()  # says where we hang, when the watchdog ends us
    try:
        process.run(_serve(config, Systemd()))
    except (JournalBusyError, SocketError) as error:
        fail(str(error), MISCONFIGURED)
    except (JournalError, StartError) as error:
        fail(str(error), FAILED)


@main.command()
@config_option
@click.option("--connect", is_flag=True, help="Also ask OTRS, its database and the system. Changes nothing there.")
def check(path: Path, connect: bool) -> None:
    """Say whether the configuration is right. All mistakes at once."""
    config = load_config(path)
    _warn(config)
    if findings := check_form(config):
        for finding in findings:
            click.echo(finding)
        sys.exit(MISCONFIGURED)
    click.echo(f"ok   {path}: no mistakes")
    if connect:
        logs.configure("error", "text", False)
        sys.exit(FAILED if asyncio.run(_check_connections(config)) else 0)


@main.command("health")
@config_option
def health_(path: Path) -> None:
    """Ask the running server whether it can take calls. Exit code 0 if so, be it degraded, else 1."""
    web = load_config(path).web
    if web.port == 0:
        raise click.UsageError("the configuration leaves web.port to the system: nobody knows where to ask")
    found = health.ask(_reachable(web.host), web.port, web.token.get_secret_value(), web.user_header)
    click.echo(found.words)
    sys.exit(0 if found.ready else FAILED)


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write over files that are there and differ.")
def install_samples(folder: Path, force: bool) -> None:
    """Write the sample files into DIR, such as /etc/agi-server. For us, Asterisk, OTRS, systemd and monitoring."""
    try:
        for fate, file in sample_files.install(folder, sample_files.command(), force=force):
            click.echo(f"{fate:5} {file}{': differs from ours, --force writes over it' * (fate == 'kept')}")
    except OSError as error:
        fail(f"can't write {error.filename or folder}: {error.strerror or error}", FAILED)
    config = folder / sample_files.CONFIG
    named = "" if config == Path(DEFAULT_CONFIG) else f" --config {config}"
    click.echo(f"Next: in {config} set what stands there without a #, then run: agi-server check --connect{named}")


@main.command(short_help="Show it all on a small OTRS of its own.")
@click.option(
    "--port", type=PORT, default=0, show_default="a free one", help="Where the demo's FastAGI server listens."
)
def demo(port: int) -> None:
    """Show it all on a small OTRS of its own: one call, its ticket, and more if you like. Ctrl-C ends it."""
    logs.configure("warning", "text", False)
    try:
        process.run(_demonstrate(port))
    except (StartError, OSError) as error:
        fail(f"the demo can't start: {error}", FAILED)


@main.command(short_help="Place a call from NUMBER as Asterisk would, or say what would become of it.")
@config_option
@click.argument("number")
@click.option("--name", default="", help="The caller's name.")
@click.option("--dialled", default="4509", show_default=True, help="The number called.")
@click.option("--context", default="otrs", show_default=True, help="The dialplan's context.")
@click.option("--script", default="ticket", show_default=True, help="Script and query: `ticket?queue=Sales`.")
@click.option("--argument", "arguments", multiple=True, help="An argument of the script's; more than once if you like.")
@click.option("--withheld", is_flag=True, help="The caller does not want his number to be seen.")
@click.option("--server", metavar="HOST:PORT", help="A running agi-server; without it the configuration's.")
@click.option("--dry-run", is_flag=True, help="Only say what the server would do, and why. Asks OTRS for nothing.")
@click.option(
    "--at",
    metavar="'YYYY-MM-DD HH:MM'",
    type=click.DateTime(["%Y-%m-%d %H:%M"]),
    help="With --dry-run: when, in ticket.time_zone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def call(
    path: Path,
    number: str,
    name: str,
    dialled: str,
    context: str,
    script: str,
    arguments: tuple[str, ...],
    withheld: bool,
    server: str | None,
    dry_run: bool,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Place a call from NUMBER as Asterisk would, and show what comes of it.

    It is a real call for the server: with OTRS behind it, a real ticket is opened. With --dry-run nothing is
    done, and no server has to run: the call is only thought through.
    """
    base, _, query = script.partition("?")
    facts: CallFacts = {
        "number": number,
        "name": name,
        "dialled": dialled,
        "context": context,
        "query": query,
        "arguments": arguments,
        "presentation": calling.PROHIBITED if withheld else 0,
    }
    if dry_run:
        if server:
            raise click.UsageError("--dry-run asks no server: leave --server out")
        if base != "ticket":
            raise click.UsageError(f"agi-server has no script {base!r}, only `ticket`")
        config = load_config(path)
        if mistakes := check_form(config):
            fail("\n".join(map(str, mistakes)), MISCONFIGURED)
        _warn(config)
        done = process.run(calling.think_through(config, facts, at, as_json=as_json))
    else:
        if at:
            raise click.UsageError("--at needs --dry-run: a real call comes now")
        host, port = _address(server) if server else _address_of(load_config(path))
        if port == 0:
            raise click.UsageError("the configuration leaves the port to the system: name it with --server HOST:PORT")
        done = process.run(calling.place(host, port, base, facts, as_json=as_json))
    sys.exit(0 if done else FAILED)


main.add_command(cli_calls.main)
main.add_command(cli_otrs.main)


async def _serve(config: Config, systemd: Systemd) -> None:
    stop = process.stop_on_signals()
    async with App(config, listener=systemd.listener()) as app:
        process.settle()
        click.echo(f"agi-server {__version__} is ready: {_status(app)}")
        async with systemd.watching(app.server.accepts, lambda: _status(app)):
            await app.serve(stop)


def _status(app: App) -> str:
    """How we are, in one line."""
    host, port = app.server.address
    words = [f"FastAGI on {host}:{port}"]
    if app.journal.failing:
        words.append(f"the journal fails: {app.journal.failing}")
    if app.delivery.troubled:
        words.append("OTRS is in trouble, calls wait for it")
    if trouble := app.customers.status().trouble:
        words.append(f"customers are known as of the last look: {trouble}")
    return "; ".join(words)


async def _demonstrate(port: int) -> None:
    await demonstrate(port, process.stop_on_signals(), click.echo)


async def _check_connections(config: Config) -> bool:
    """Print each finding as it comes, and at the end how to look further; is there a bad one?"""
    bad: list[str] = []
    async with aclosing(check_connections(config)) as findings:
        async for finding in findings:
            click.echo(finding)
            if finding.good is False:
                bad.append(finding.subject)
    if config.otrs.interface != "rpc" and any(subject.startswith(ASKS_OTRS) for subject in bad):
        click.echo("see what OTRS is asked and what it answers: agi-server otrs session-create --show-xml", err=True)
    return bool(bad)


def _allow_files(sessions: int) -> None:
    """Without a file for it, a connection can't even be refused."""
    wanted = sessions + Limits().waiting + FILES_OF_OUR_OWN
    if (allowed := process.allow_files(wanted)) < wanted:
        log.warning("fastagi.max_sessions is %d, but only %d files may be open: raise LimitNOFILE", sessions, allowed)


def _warn(config: Config) -> None:
    for warning in warnings(config):
        click.echo(f"warning: {warning}", err=True)


def _address_of(config: Config) -> tuple[str, int]:
    """Where the configured server is reached from this machine."""
    return _reachable(config.fastagi.host), config.fastagi.port


def _reachable(host: str) -> str:
    """Where what listens there is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- not bound to


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.BadParameter(f"{server!r} is not HOST:PORT", param_hint="--server")
    return host.strip("[]"), int(port)
