"""The facts of a call, and the two ports through which the house reaches OTRS.

Pure: no input or output, no clock. What Asterisk told us is a `Call`, who rang is a
`Recognition`, what we ask OTRS for is `helpdesk`'s, and what became of the asking is an
`Outcome`. `asterisk/` and `otrs/` know these types; they don't know each other.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from agi_server.helpdesk import OpenTickets, Ticket, Update


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the HelpDesk, as Asterisk told it; what we keep until it is a ticket."""

    unique_id: str
    """Asterisk's `agi_uniqueid`; identifies the call in the journal and in OTRS."""
    time: datetime
    """When the call reached us; aware, UTC."""
    number: str = ""
    """The caller's number as heard, cleaned of what cannot be shown; empty if there is none."""
    canonical: str = ""
    """The whole number (`+79161229624`, or an extension's digits); empty if it cannot be told."""
    lookup: str = ""
    """What the customer is looked up by, as `numbers.Number` writes it; empty: he is not."""
    name: str = ""
    """The caller's name as Asterisk gave it; empty if there is none."""
    withheld: bool = False
    """The caller did not want his number to be seen."""
    unreadable: bool = False
    """The request block was tampered with; nothing that came from the caller is believed."""
    dialled: str = ""
    """The number called: `agi_extension`, or `agi_dnid` where the extension is no number."""
    dnid: str = ""
    """`agi_dnid`: the number that the caller dialled, whatever the dialplan made of it."""
    context: str = ""
    channel: str = ""
    language: str = ""
    arguments: tuple[str, ...] = ()
    """`agi_arg_1` ... as the dialplan gave them."""
    wishes: Mapping[str, str] = field(default_factory=dict)
    """The query string after the script's name: what the dialplan wants for this call."""

    @property
    def digits(self) -> str:
        """The number's digits only, without a plus."""
        return "".join(c for c in self.canonical or self.number if c in "0123456789")


@dataclass(frozen=True, slots=True)
class Customer:
    """One valid row of OTRS's `customer_user`."""

    login: str
    customer_id: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    mobile: str = ""
    company: str = ""
    """The name in `customer_company`, where that may be read."""
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What else of his row the administrator asked for."""

    def __getitem__(self, column: str) -> str:
        return self.columns[column]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Match(enum.StrEnum):
    """How sure we are who rang (`HELPDESK_MATCH`); of two grades of likeness the earlier is the surer."""

    EXACT = "exact"
    WITHOUT_EXTENSION = "without-extension"
    """The same line, but not the same extension behind it, or none."""
    NATIONAL = "national"
    """The same number but for the country code, which one of the two lacks."""
    SUFFIX = "suffix"
    """One of the two is the end of the other, seven digits at least."""
    SEVERAL = "several"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Hits:
    """The customers whose number is most like the caller's, the one changed last first."""

    grade: Match = Match.NONE
    """How like: never `SEVERAL`; `NONE` if there are none."""
    customers: tuple[Customer, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognition:
    """Who rang: the customer the ticket belongs to, and all who could have been meant."""

    match: Match = Match.NONE
    customer: Customer | None = None
    candidates: tuple[Customer, ...] = ()
    grade: Match = Match.NONE
    """How like their numbers and the caller's are, however many they are."""


NOBODY = Recognition()


class Ending(enum.StrEnum):
    """What became of a call that waits no more; its HELPDESK_STATUS."""

    CREATED = "created"
    UPDATED = "updated"
    """An article on a ticket that was open."""
    REJECTED = "rejected"
    """No ticket, by a rule or by a person's decision."""
    NO_TICKET = "no_ticket"
    """A rule wanted the lookup only."""


@dataclass(frozen=True, slots=True)
class Declined:
    """By a rule this call makes no ticket."""

    ending: Ending
    """`REJECTED` or `NO_TICKET`."""
    rule: str
    """Which, in the configuration's words: `routes item 2`."""


class Doubt(enum.StrEnum):
    """After Trouble: may OTRS have made the ticket all the same?"""

    NONE = "none"
    """No: the request did not reach OTRS, or OTRS said that it did nothing."""
    ENDED = "ended"
    """Perhaps; but OTRS is through with the request, so a search tells the truth now."""
    RUNNING = "running"
    """Perhaps, and OTRS may still be at work on it: a search may come too early."""


@dataclass(frozen=True, slots=True)
class Created:
    """The ticket is there."""

    ticket_id: str
    ticket_number: str
    owner: str = field(default="", compare=False)
    """Login of the agent whose ticket it is, where that was asked for."""


@dataclass(frozen=True, slots=True)
class Refused:
    """OTRS understood and said no: a person must look. Repeating changes nothing."""

    code: str
    """OTRS's `ErrorCode` (`TicketCreate.InvalidParameter`), or a short name of ours."""
    words: str
    about: str = field(default="", compare=False)
    """The field of `Ticket`, `Update` or `Article` that it is about, where that can be told."""

    @property
    def reason(self) -> str:
        """Both, as the journal and a person have it."""
        return f"{self.code}: {self.words}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """It did not work now and may work later. An error that nobody foresaw is Trouble too."""

    reason: str
    doubt: Doubt = Doubt.NONE
    attempts: int = 0
    """So many in a row may fail so, then a person must look: OTRS answers, but does not say why. 0: it is away."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """OTRS looked and has nothing of the kind."""


Outcome = Created | Refused | Trouble
Findings = Created | NotFound | Refused | Trouble


class Directory(Protocol):
    """The port to `customer_user`."""

    def recall(self, number: str) -> Hits | None:
        """Who has this number (`Call.lookup`), from memory; None: `find` may know better. Never raises."""

    async def find(self, number: str) -> Hits:
        """Who has this number (`Call.lookup`). Answers from what it knows if the database is away; never raises."""


class HelpDesk(Protocol):
    """The port to OTRS's tickets. No method raises, save for cancellation."""

    reserves: bool
    """A ticket's number is taken before the ticket is made, so that it can't be made twice."""

    async def reserve(self) -> str | Refused | Trouble:
        """A number for a ticket to come, to be kept on disk before `open`. Only asked for where it `reserves`."""

    async def open(self, ticket: Ticket) -> Outcome:
        """Make the ticket, or what is missing of one that was begun. May take as long as the configured timeout.

        Refused about `number`: the ticket that has it is somebody else's as it seems, so another has to be reserved.
        """

    async def find(self, call_id: str, since: datetime, number: str = "") -> Findings:
        """The ticket made for this call at or after `since` (aware), whole, verified to be this call's.

        `number` is the one that was reserved for it.
        """

    async def find_open(self, wanted: OpenTickets) -> Findings:
        """Of these tickets the one that was changed last, with its owner, verified by TicketGet."""

    async def update(self, update: Update) -> Outcome:
        """Add the article. Neither atomic nor idempotent either: what is in doubt is looked for first."""

    async def find_update(self, ticket_id: str, call_id: str) -> Findings:
        """The ticket, if it has an article about this call."""
