"""The command `agi-server call`: a call placed on a server, or only thought through.

Either way the result goes to stdout and the talk to stderr, and who asked is told whether it went well.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime

import click

from agi_server import logs
from agi_server.asterisk.client import Ending, place_call
from agi_server.call import Refused
from agi_server.config import Config
from agi_server.demo import SPEAKERS, describe
from agi_server.dry_run import CallFacts, imagine_call, make_plan
from agi_server.dry_run_told import as_lines, as_record

PROHIBITED = 0x20
"""`agi_callingpres` of a caller who does not want his number to be seen."""


async def place(host: str, port: int, script: str, facts: CallFacts, *, as_json: bool) -> bool:
    """Place the call as Asterisk would, and show what comes of it."""

    def show(direction: str, line: str) -> None:
        if not as_json:
            click.echo(f"{SPEAKERS[direction]} {line}", err=True)

    unique_id = f"{time.time():.0f}.{os.getpid()}"
    dnid = facts["dialled"]
    report = await place_call(host, port, unique_id=unique_id, script=script, dnid=dnid, on_line=show, **facts)
    if report.outcome is not Ending.SUCCESS:
        click.echo(f"no answer from agi-server on {host}:{port}: {report.outcome}. Is it running?", err=True)
        return False
    if as_json:
        record = {"id": unique_id, "seconds": round(report.seconds, 3), "variables": report.variables}
        click.echo(json.dumps(record, ensure_ascii=False))
    else:
        click.echo(describe(report))
    return report.variables.get("HELPDESK_STATUS", "error") != "error"


async def think_through(config: Config, facts: CallFacts, at: datetime | None, *, as_json: bool) -> bool:
    """Show what would come of the call if it came now, or at this time in the ticket's time zone."""
    logs.configure("info", "text", False)
    zone = config.ticket.time_zone
    now = datetime.now(UTC) if at is None else (at.replace(tzinfo=zone) if zone else at.astimezone()).astimezone(UTC)
    plan = await make_plan(config, imagine_call(config, now, **facts))
    click.echo(json.dumps(as_record(plan), ensure_ascii=False, indent=1) if as_json else "\n".join(as_lines(plan)))
    for trouble in plan.troubles:
        click.echo(trouble, err=True)
    return not plan.troubles and not isinstance(plan.end, Refused)
