"""PendingTime: how long a pending state lasts, as a date or as so many minutes from now.

Pure. What OTRS lets through and then cannot set (no hour, a difference of 0) is no time at all.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.envelope import Struct, struct, text

DATE, TIME = ("Year", "Month", "Day"), ("Hour", "Minute")


def is_valid(ticket: Struct, dialect: Dialect) -> bool:
    """Would OTRS take this ticket's PendingTime?"""
    sent = struct(ticket, "PendingTime")
    if "Diff" in sent:
        return dialect.pending_diff and len(sent) == 1 and re.fullmatch(r"[0-9]+", text(sent, "Diff")) is not None
    if not sent or "" in sent.values():
        return False
    return _date(sent) is not None


def until(ticket: Struct, now: datetime) -> datetime | None:
    """The time that a valid PendingTime stands for; None if OTRS cannot set it."""
    sent = struct(ticket, "PendingTime")
    if minutes := int(text(sent, "Diff") or "0"):
        return now + timedelta(minutes=minutes)
    return _date(sent) if all(name in sent for name in TIME) else None


def _date(sent: Struct) -> datetime | None:
    """The date; hour and minute are 0 where they are not given."""
    try:
        year, month, day, hour, minute = (int(text(sent, name) or "0") for name in (*DATE, *TIME))
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
