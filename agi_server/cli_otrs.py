"""The commands `agi-server otrs ...`: one operation of the Ticket Connector each, said as an administrator says it.

Their options are made from the vocabulary, and nothing is said that was not given. The result goes to
stdout; what went over the wire, if that is asked for, and why something failed goes to stderr.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import click

from agi_server import app, logs, otrs_options, otrs_told, process
from agi_server.call import Refused, Trouble
from agi_server.command import FAILED, MISCONFIGURED, config_option, fail, load_config
from agi_server.config import Config
from agi_server.config.addresses import ADDRESS
from agi_server.otrs import soap
from agi_server.otrs.elements import NOT_SENT
from agi_server.otrs.vocabulary import VOCABULARY

PASSWORD = "OTRS_PASSWORD"  # noqa: S105 - the name of a variable
"""The environment's variable that holds the password of `--UserLogin` or `--CustomerUserLogin`."""

HELP = {
    "SessionCreate": """Log in, and show the session that OTRS gives.

    With --SessionID it serves the other commands, from this machine only, until it has been idle for two hours.""",
    "TicketCreate": """Make a ticket: a real one, each time.

    Only what is given is sent; nothing is taken from the configuration's `ticket`. OTRS wants at least --Title,
    --Queue, --State, --Priority, --CustomerUser, --Subject, --Body and --ContentType, and where no
    --AutoResponseType is given the customer may get the queue's automatic answer.""",
    "TicketGet": "Show tickets. With --AllArticles all that is written in them.",
    "TicketSearch": """Show the IDs of tickets that fit.

    What OTRS does not know it ignores, and so finds everything: a criterion that is spelt wrong is told here, but a
    dynamic field that it does not have is not.""",
    "TicketUpdate": """Change a ticket, or add an article to it.

    Only what is given is changed.""",
}
DONE = {"TicketCreate": "OTRS has made ticket", "TicketUpdate": "OTRS has changed ticket"}


@click.group("otrs")
def main() -> None:
    """Ask OTRS's web service by hand.

    One operation of its Ticket Connector each, to see what it takes and what it says. With --show-xml all that goes
    over the wire is shown, without passwords and sessions.
    """


def _command(operation: str) -> click.Command:
    def run(path: Path, url: str, as_json: bool, show_xml: bool, **given: Any) -> None:
        config = _configured(path, url)
        values: dict[str, Any] = {**otrs_options.values(operation, given), **_password(operation, given)}
        if isinstance(values.get("PendingTime"), timedelta) and config.otrs.dialect != "6":
            values["PendingTime"] = datetime.now(UTC) + values["PendingTime"]  # 5 and before take no difference
        reply = process.run(_ask(config, operation, values, show_xml=show_xml))
        if isinstance(reply, Refused | Trouble):
            _fail(operation, reply)
        if as_json:
            click.echo(json.dumps(otrs_told.as_record(operation, reply), ensure_ascii=False, indent=1))
        else:
            for line in otrs_told.as_lines(operation, reply):
                click.echo(line)
        if operation in DONE:
            click.echo(f"{DONE[operation]} {soap.text(reply, 'TicketNumber')}", err=True)
        elif operation == "TicketSearch" and not reply:
            click.echo("no ticket fits", err=True)

    command = otrs_options.Headed(
        re.sub(r"(?<=[a-z])(?=[A-Z])", "-", operation).lower(),
        callback=run,
        help=HELP[operation],
        epilog=f"The password of another login is asked for, or taken from ${PASSWORD}.",
        params=list(otrs_options.options(operation)),
    )
    for decorate in (
        click.option("--show-xml", is_flag=True, help="Print what is sent and what comes back, without secrets."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option(
            "--url", callback=_address, default="", help="Address of another web service than the configuration's."
        ),
        config_option,
    ):
        command = decorate(command)
    return command


def _address(context: click.Context, option: click.Parameter, url: str) -> str:
    """As the configuration has it."""
    try:
        return url and str(ADDRESS.read(url))
    except ValueError as error:
        raise click.BadParameter(f"{ADDRESS.show(url)} is not {str(error) or ADDRESS.words}") from error


for _operation in VOCABULARY:
    main.add_command(_command(_operation))


def _configured(path: Path, url: str) -> Config:
    config = load_config(path)
    if config.otrs.interface == "rpc":
        fail("otrs.interface is rpc: these commands are for the Ticket Connector", MISCONFIGURED)
    logs.configure("error", "text", False)
    return config.model_copy(update={"otrs": config.otrs.model_copy(update={"url": url})}) if url else config


def _password(operation: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Of whoever logs in here instead of the configured agent."""
    who = next((value for name, value in given.items() if value and otrs_options.logs_in(operation, name)), "")
    if not who:
        return {}
    password = os.environ.get(PASSWORD)
    if not password and not sys.stdin.isatty():
        fail(f"no password of {who}: there is no terminal to ask for it, and ${PASSWORD} is not set", MISCONFIGURED)
    return {"Password": password or click.prompt(f"Password of {who}", hide_input=True, err=True)}


async def _ask(
    config: Config, operation: str, values: Mapping[str, object], *, show_xml: bool
) -> soap.Fields | Refused | Trouble:
    def show(direction: str, message: bytes) -> None:
        click.echo(f"--- {direction} ---\n{otrs_told.as_xml(message)}", err=True)

    config = await _in_its_zone(config, values)
    async with app.connector(config, witness=show if show_xml else None) as connector:
        return await connector.ask(operation, values)


async def _in_its_zone(config: Config, values: Mapping[str, object]) -> Config:
    """With OTRS's time zone, which has to be known only for a time that has one of its own."""
    times = (value for value in values.values() if isinstance(value, datetime))
    if config.otrs.time_zone is not None or all(time.tzinfo is None for time in times):
        return config
    async with app.connector(config) as connector:
        await connector.recognise()
        return config.model_copy(update={"otrs": config.otrs.model_copy(update={"time_zone": connector.zone})})


def _fail(operation: str, reply: Refused | Trouble) -> NoReturn:
    """What was never sent is wrong usage."""
    if isinstance(reply, Refused) and reply.code == NOT_SENT:
        fail(f"not sent: {reply.words}", MISCONFIGURED)
    fail("\n".join(otrs_told.failure(operation, reply)), FAILED)
