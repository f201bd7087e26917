"""Would OTRS take the tickets that the form and the routes make?

Asked of whichever help desk is configured, which makes none of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from agi_server import app
from agi_server.call import Refused, Trouble
from agi_server.check.finding import Finding
from agi_server.config import Config
from agi_server.helpdesk import Ticket
from agi_server.otrs.connector import Connector
from agi_server.otrs.elements import NOT_SENT, at_fault
from agi_server.otrs.rpc import Rpc
from agi_server.samples import STRANGER, Sample, samples
from agi_server.sheet import Sheet
from agi_server.templates import FormError
from agi_server.ticket import Composer

MOST_REHEARSED = 50
"""Tickets that OTRS is asked about: each route may have one of its own."""


async def check_tickets(
    config: Config, help_desk: Connector | Rpc, *, field_missing: bool = False
) -> AsyncIterator[Finding]:
    """Would OTRS take the ticket of a caller whom nobody knows, and those of the routes?"""
    told: list[Finding] = []
    asked = rehearsals(app.composer(config))
    for rehearsal in asked[:MOST_REHEARSED]:
        ticket = rehearsal.ticket
        objection = await help_desk.rehearse(ticket)
        if field_missing and isinstance(objection, Refused) and at_fault(objection) == "dynamic_fields":
            objection = None  # dynamic fields are looked at last, and that one is missing has been told
        match objection:
            case None:
                summary = f"queue {ticket.queue!r}, state {ticket.state!r}, priority {ticket.priority!r}"
                findings = [Finding(True, rehearsal.sheet.name, f"OTRS would take it: {summary}")]
                if not told:
                    words = f"OTRS takes {ticket.customer_user!r} for {STRANGER[0].number}"
                    findings.append(Finding(True, "ticket.unknown_customer", words))
            case Trouble():
                findings = [Finding(None, rehearsal.sheet.name, objection.reason)]
            case Refused():
                findings = [objection_to(rehearsal, objection)]
        for finding in findings:
            if finding not in told:  # what the form has wrong, each route has wrong that does not set it
                yield finding
        told += findings
        if isinstance(objection, Trouble):
            return
    if len(asked) > MOST_REHEARSED:
        yield Finding(None, "routes", f"only the first {MOST_REHEARSED} of {len(asked)} tickets were asked about")


async def check_states(config: Config, help_desk: Connector | Rpc) -> AsyncIterator[Finding]:
    """Are the states known in which a repeated call's ticket is open?"""
    ticket = app.composer(config).sheets[0].ticket(*STRANGER)
    for state in config.repeat.states:
        refused = await help_desk.rehearse(replace(ticket, state=state))
        if isinstance(refused, Refused) and (refused.about or at_fault(refused)) == "state":
            words = f"OTRS refuses {state!r}: {refused.words}"
            yield Finding(
                False, "repeat.states", words, "write it as OTRS has it: one wrong state, and no ticket is found"
            )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A ticket that OTRS is asked about."""

    sheet: Sheet
    ticket: Ticket
    known: bool
    """No stranger comes to it. Our samples' customers are not OTRS's, so a stranger's stands in for them."""


def rehearsals(composer: Composer) -> list[Rehearsal]:
    """The ticket by the form, then each that a route makes of it."""
    found: list[Rehearsal] = []
    for sheet in composer.sheets:
        sample = _sample_for(composer, sheet)
        known = sample[1].customer is not None
        try:
            ticket = sheet.ticket(*sample)
            if known:
                stranger = composer.sheets[0].ticket(*STRANGER)
                ticket = replace(ticket, customer_user=stranger.customer_user, customer_id="")
        except FormError:  # of a form that no call is left for: `check_form` has told the others
            continue
        if all(ticket != earlier.ticket for earlier in found):
            found.append(Rehearsal(sheet, ticket, known))
    return found


def _sample_for(composer: Composer, sheet: Sheet) -> Sample:
    """A caller for whom it may be filled in: somebody whom nobody knows, if it can be one."""
    callers = (STRANGER, *sorted(samples(composer.columns), key=lambda caller: caller[1].customer is not None))
    return next((caller for caller in callers if sheet in composer.sheets_for(*caller)), STRANGER)


_OPTIONS = {"customer_user": "unknown_customer"} | {
    field: f"{field}_user_id"
    for field in ("force_notification_to", "exclude_notification_to", "exclude_mute_notification_to")
}
"""Fields of tickets and articles whose options are called otherwise."""
_HINTS = {
    "unknown_customer": "make this customer in OTRS, or name one that it has",
    "from_address": "an e-mail address whose domain has a mail server (OTRS looks: CheckMXRecord), or nothing",
}
"""For others than those that OTRS has a list of."""


def objection_to(rehearsal: Rehearsal, refused: Refused) -> Finding:
    """By the option that it is about, with what mends it."""
    sheet, ticket, field = rehearsal.sheet, rehearsal.ticket, refused.about or at_fault(refused)
    option = _OPTIONS.get(field, field)
    shown = _shown(getattr(ticket, field, None) or getattr(ticket.article, field, None), refused)
    if rehearsal.known and option in ("unknown_customer", "service", "sla"):
        return Finding(
            None, sheet.label(option), shown, "it may be right for its own customers, and we know none of them"
        )
    if field and option != "unknown_customer" and sheet.is_template(field):
        return Finding(None, sheet.label(field), shown, "it depends on the call, and this one was made up")
    hint = _HINTS.get(option, "write it as OTRS has it")
    if refused.code == NOT_SENT:
        hint = "set what it needs, or leave it out"
    if option == "pending_time":
        hint = f"a state of the type pending needs it, such as that of {sheet.label('state')}"
    if option not in _HINTS and "AccessDenied" in refused.code:
        hint = "give the agent `rw` on this queue's group, or choose another queue"
    return Finding(False, sheet.label(option) if option else sheet.name, shown, hint)


def _shown(value: object, refused: Refused) -> str:
    """What OTRS says, and of what; of several things it does not say which."""
    if refused.code == NOT_SENT:
        return refused.words
    match value:
        case str():
            what = f"refuses {value!r}"
        case int() if not isinstance(value, bool):
            what = f"refuses the ID {value}"
        case Mapping():
            what = f"refuses {' or '.join(value)}"
        case tuple() if all(isinstance(one, int) for one in value):
            what = f"refuses the ID {' or '.join(map(str, value))}"
        case _:
            what = "says"
    return f"OTRS {what}: {refused.words}"
