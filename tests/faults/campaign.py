"""What each fault did to the calls: counted the same way everywhere, shown in one table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

from agi_server.asterisk.client import CallReport, Ending


@dataclass(frozen=True, slots=True)
class Tally:
    """One line of the table."""

    fault: str
    calls: int
    bridged: int
    """Whose dialplan went on; a caller who hung up by himself counts as well."""
    longest_wait_s: float
    tickets: int
    lost: int
    """Calls without a ticket in the end."""
    doubled: int
    """Tickets beyond the first of a call."""


tallies: list[Tally] = []
"""All of this run; `conftest` prints them."""


def count(
    fault: str, calls: Sequence[str], reports: Iterable[CallReport], tickets: Iterable[str], *, wanted: bool = True
) -> Tally:
    """Enter a fault into the table: its calls by unique id, how AGI() ended, the call ids of all tickets found.

    `wanted` is false for a fault after which a call need not become a ticket (it was refused, say).
    """
    ended = list(reports)
    found = Counter(tickets)
    tally = Tally(
        fault,
        calls=len(calls),
        bridged=sum(
            report.outcome in (Ending.SUCCESS, Ending.FAILURE, Ending.HANGUP, Ending.RESET) for report in ended
        ),
        longest_wait_s=max((report.seconds for report in ended), default=0.0),
        tickets=sum(found[call] for call in calls),
        lost=sum(not found[call] for call in calls) if wanted else 0,
        doubled=sum(max(0, found[call] - 1) for call in calls),
    )
    tallies.append(tally)
    return tally


def table() -> list[str]:
    """The table's lines."""
    rows = [[field.name for field in fields(Tally)]]
    rows += [[f"{value:.2f}" if isinstance(value, float) else str(value) for value in astuple(one)] for one in tallies]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    ]
