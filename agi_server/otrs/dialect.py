"""The three generations of OTRS's Ticket Connector: what differs in them, and how an answer tells them apart.

Pure. What they say differently stands in one table, `WAYS`; which words each knows, with the words
in `vocabulary`. While it is not known which OTRS answers, `WAYS[None]` works on all three. A dialect
is believed only where an answer can come from no other; who asks for it changes nothing by asking.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from agi_server.call import Refused, Trouble
from agi_server.otrs import soap


class Dialect(enum.StrEnum):
    """Which OTRS it is, as far as the Ticket Connector differs."""

    V3_1 = "3.1"
    V4 = "4"
    """OTRS 4 and 5."""
    V6 = "6"
    """OTRS 6, and all that came of it: Znuny and the others."""

    @property
    def product(self) -> str:
        return {"3.1": "OTRS 3.1", "4": "OTRS 4 or 5", "6": "OTRS 6 or Znuny"}[self]


@dataclass(frozen=True, slots=True)
class Way:
    """How one dialect says what the others say otherwise."""

    difference: bool
    """PendingTime may be a difference from now."""
    empty_values: bool
    """A dynamic field may be emptied."""
    hyphen: bool
    """UTF-8 may be called `utf-8`; else that is refused as invalid, and it has to be `utf8`."""
    attachment_charset: bool
    """An attachment's type needs a charset, of whatever type it is."""
    fields_by_name: bool
    """A search for a dynamic field is `<DynamicField><Name>`."""
    fields_flat: bool
    """A search for a dynamic field is `<DynamicField_X>`."""
    title_carries: bool
    """The call's id goes into the title in any case: nothing else can be searched for."""


WAYS = {
    None: Way(
        difference=False, empty_values=False, hyphen=False, attachment_charset=False,
        fields_by_name=True, fields_flat=True, title_carries=False,
    ),
    Dialect.V3_1: Way(
        difference=False, empty_values=False, hyphen=False, attachment_charset=True,
        fields_by_name=False, fields_flat=False, title_carries=True,
    ),
    Dialect.V4: Way(
        difference=False, empty_values=False, hyphen=False, attachment_charset=False,
        fields_by_name=False, fields_flat=True, title_carries=False,
    ),
    Dialect.V6: Way(
        difference=True, empty_values=True, hyphen=True, attachment_charset=False,
        fields_by_name=True, fields_flat=False, title_carries=False,
    ),
}  # fmt: skip
"""From the recordings of 3.1, 4.0 and 6.5; None is an OTRS that is not known (yet)."""


def by_session(session: str) -> Dialect | None:
    """3.1 makes a session's id of its SystemID and an MD5; later ones of 32 letters and digits."""
    return Dialect.V3_1 if re.fullmatch("[0-9]{2,}[0-9a-f]{32}", session) else None


def by_limit(found: int, limit: int) -> Dialect | None:
    """How many tickets a search brings that asked for so many: 3.1 knows no Limit."""
    return Dialect.V3_1 if found > limit else None


def by_empty_creation(reply: soap.Fields | Refused | Trouble) -> Dialect | None:
    """What TicketCreate says of a request with neither ticket nor article.

    Since OTRS 6 takes a list of articles it looks for them first. Before, and in the first 6.0, the ticket came first.
    """
    first = isinstance(reply, Refused) and "Article parameter is missing" in reply.words
    return Dialect.V6 if first else None


def by_action(reply: soap.Fields | Refused | Trouble) -> Dialect | None:
    """What is said of a SOAPAction without a namespace; the OTRS is none of 3.1. Only 5 and before say this."""
    return Dialect.V4 if isinstance(reply, Trouble) and "Invalid SOAPAction " in reply.reason else None


def by_ticket(ticket: soap.Fields) -> Dialect | None:
    """A ticket as TicketGet shows it with its dynamic fields; the OTRS is none of 3.1.

    OTRS 6 has given up CreateTimeUnix, and has a field of its own in each ticket, which it shows by its name.
    """
    if "CreateTimeUnix" in ticket:
        return Dialect.V4
    return Dialect.V6 if any(soap.text(field, "Name") for field in soap.records(ticket, "DynamicField")) else None
