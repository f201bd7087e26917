"""The commands `agi-server calls ...` as they are written; what they do stands in `calls`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from agi_server import calls
from agi_server.command import config_option, load_config
from agi_server.journal import State


@click.group("calls")
def main() -> None:
    """See what became of the calls, and decide about them."""


@main.command("list")
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
        load_config(path), lambda journal: calls.show_list(journal, [*map(State, states)], since, as_json=as_json)
    )


@main.command("show")
@config_option
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def calls_show(path: Path, id: str, as_json: bool) -> None:
    """One call, and each thing that happened to it."""
    calls.with_journal(load_config(path), lambda journal: calls.show_one(journal, id, as_json=as_json))


@main.command("retry")
@config_option
@click.argument("ids", nargs=-1)
@click.option("--parked", is_flag=True, help="All that are parked.")
def calls_retry(path: Path, ids: tuple[str, ...], parked: bool) -> None:
    """Try calls again now: after their reason is mended."""
    if not ids and not parked:
        raise click.UsageError("name the calls, or --parked")
    calls.with_journal(load_config(path), lambda journal: calls.retry(journal, ids, parked=parked))


@main.command("drop")
@config_option
@click.argument("id")
@click.option("--why", required=True, help="Kept in the call's history.")
def calls_drop(path: Path, id: str, why: str) -> None:
    """Decide that a call shall be no ticket."""
    if not why.strip():
        raise click.UsageError("--why needs words: they are all that will be known of it")
    calls.with_journal(load_config(path), lambda journal: calls.drop(journal, id, why))
