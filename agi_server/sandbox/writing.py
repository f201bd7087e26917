"""TicketCreate and TicketUpdate: a request is checked whole, in OTRS's order, then carried out.

A request that is refused changes nothing, save for what OTRS notices only while it works: there a
`FaultError` or a refusal leaves behind what was done before. Left out: e-mail (auto-responses,
notifications, articles that are sent), HTML to text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from agi_server.sandbox import attachments, checks, pending, stock
from agi_server.sandbox.articles import Letter, article, checked
from agi_server.sandbox.checks import given
from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.envelope import Output, Struct, stripped, struct, structs, text
from agi_server.sandbox.fields import Fields, check_texts, chosen_fields
from agi_server.sandbox.people import Person
from agi_server.sandbox.refusals import NO_ACCESS, FaultError, RefusalError
from agi_server.sandbox.tickets import TITLE_CHARACTERS, Store, Texts, Ticket, storable

AGENT_NAME = "Asterisk Calls"
"""`From` of an article that TicketUpdate adds."""
NOT_STORED = "OperationObject returned an error, cancelling Request"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the operations work on, and with what."""

    store: Store
    user: str
    """The agent in whose name tickets are made."""
    agents: Mapping[int, str]
    fields: Fields
    dialect: Dialect
    now: Callable[[], datetime]

    def sees(self, ticket: Ticket) -> bool:
        """May the agent look at it? His own he may in any queue; but a search does not bring it."""
        return ticket.queue not in stock.CLOSED_QUEUES or ticket.owner == self.user


def create(desk: Desk, data: Struct, person: Person | None) -> dict[str, Output]:
    """A new ticket; `person` is the customer whom it names, if he is known."""
    letters = structs(data, "Article")
    if not letters or (desk.dialect.one_article and len(letters) > 1):
        raise RefusalError("MissingParameter", "Article parameter is missing or not valid!")
    if not struct(data, "Ticket"):
        raise RefusalError("MissingParameter", "Ticket parameter is missing or not valid!")
    _check_forms(data)
    asked = stripped(struct(data, "Ticket"))
    for name in ("Title", "CustomerUser"):
        if not given(asked, name):
            raise RefusalError("MissingParameter", f"Ticket->{name} parameter is missing!")
    _check_customer(asked, person)
    values = checks.check_ticket(asked, desk.agents, desk.dialect, whole=True)
    if values["Queue"] in stock.CLOSED_QUEUES or not _may_create(asked):
        raise RefusalError("AccessDenied", "Can not create tickets in given Queue or QueueID!")
    notes = [checked(sent, Letter("auto reply", "NewTicket", "Create"), desk.agents, desk.dialect) for sent in letters]
    chosen = chosen_fields(data, desk.fields, desk.dialect, "DynamicField->{}  parameter is missing!")
    enclosed = _attachments(data, desk.dialect, "Attachment->{}  parameter is missing!")
    if checks.queue_is_misspelt(asked):
        raise FaultError("Ticket could not be created, please contact the system administrator")

    ticket = _new(desk, asked, values, person)
    _set_fields(ticket, chosen, desk.fields)
    sender = f'"{person.name}" <{person.email}>' if person else text(asked, "CustomerUser")
    return _done(desk, ticket, notes, sender, text(asked, "Queue") or ticket.queue, enclosed)


def update(desk: Desk, data: Struct, person: Person | None) -> dict[str, Output]:
    """Changes to a ticket, which is named by number or else by ID; an article, dynamic fields."""
    if given(data, "TicketNumber"):
        ticket = desk.store.numbered(text(data, "TicketNumber"))
    else:
        ticket = desk.store.get(text(data, "TicketID"))
    if ticket is None or not desk.sees(ticket):
        raise RefusalError("AccessDenied", NO_ACCESS)
    for name in ("Ticket", "Article"):  # Znuny 6.5 takes one article here, and no more
        if name in data and not (isinstance(data[name], dict) and data[name]):
            raise RefusalError("InvalidParameter", f"{name} parameter is not valid!")
    _check_forms(data)
    asked = stripped(struct(data, "Ticket"))
    if given(asked, "CustomerUser"):
        _check_customer(asked, person)
    values = checks.check_ticket(asked, desk.agents, desk.dialect, whole=False, service=ticket.service)
    letter = Letter("auto follow up", "AddNote", "Note")
    notes = [checked(sent, letter, desk.agents, desk.dialect) for sent in structs(data, "Article")]
    chosen = chosen_fields(data, desk.fields, desk.dialect, "DynamicField->{} parameter is missing!")
    if structs(data, "Attachment") and not notes:
        raise RefusalError("MissingParameter", "To create an attachment an article is needed!")
    enclosed = _attachments(data, desk.dialect, "Attachment->{} parameter is missing!")

    ticket.changed = desk.now()
    _change(desk, ticket, asked, values, person)
    recipient = next((_recipient(ticket, note) for note in notes), "")
    made = _done(desk, ticket, notes, AGENT_NAME, recipient, enclosed)
    _set_fields(ticket, chosen, desk.fields)
    return made


def _check_forms(data: Struct) -> None:
    for name in ("DynamicField", "Attachment"):
        if name in data and not structs(data, name):
            raise RefusalError("MissingParameter", f"{name} parameter is missing or not valid!")


def _attachments(data: Struct, dialect: Dialect, missing: str) -> tuple[attachments.Attachment, ...]:
    sent = [stripped(one) for one in structs(data, "Attachment")]
    for one in sent:
        attachments.check(one, dialect, missing)
    return attachments.stored(sent)


def _may_create(asked: Struct) -> bool:
    """OTRS looks at the rights in the queue that is named, even where an ID is what counts."""
    return not given(asked, "Queue") or checks.QUEUE.named(text(asked, "Queue")) not in {None, *stock.CLOSED_QUEUES}


def _new(desk: Desk, asked: Struct, values: Mapping[str, str], person: Person | None) -> Ticket:
    asked_login = text(asked, "CustomerUser")
    login, theirs = (person.login, person.customer_id) if person else (asked_login, "")
    if not desk.dialect.takes_addresses and not (person and person.login.lower() == asked_login.lower()):
        login, theirs = "", ""
    other = text(asked, "CustomerID") if desk.dialect.takes_customer_id else ""
    ticket = desk.store.add(
        title=text(asked, "Title"),
        queue=values["Queue"],
        state=values["State"],
        priority=values["Priority"],
        customer_user=login,
        customer_id=other or theirs,
        owner=values.get("Owner", desk.user),
        now=desk.now(),
    )
    ticket.lock = values.get("Lock", "unlock")
    _enter_state(desk, ticket, pending.until(asked, ticket.created))
    if "Owner" in values and "Lock" not in values:
        ticket.lock = "lock"
    ticket.type = values.get("Type", desk.dialect.default_type)
    ticket.service = values.get("Service", "")
    ticket.sla = values.get("SLA", "")
    ticket.responsible = values.get("Responsible", ticket.responsible)
    return ticket


def _change(desk: Desk, ticket: Ticket, asked: Struct, values: Mapping[str, str], person: Person | None) -> None:
    """The attributes one after another, up to the first that OTRS cannot store."""
    title = storable(text(asked, "Title"))
    if len(title) > TITLE_CHARACTERS:
        raise FaultError(NOT_STORED)
    ticket.title = title or ticket.title
    if values.get("Queue") in stock.CLOSED_QUEUES or checks.queue_is_misspelt(asked):
        raise FaultError("Ticket queue could not be updated, please contact system administrator!")
    if values.get("Queue", ticket.queue) != ticket.queue:
        ticket.lock = "unlock"
    _take(ticket, values, "Queue", "Lock", "Type")
    if "State" in values:
        until = pending.until(asked, desk.now())
        if _is_pending(values["State"]):
            if "PendingTime" not in asked:
                words = "Can't set a ticket on a pending state without pendig time!"
                raise RefusalError("MissingParameter", words, named=False)
            if until is None:
                raise FaultError(NOT_STORED)
        ticket.state = values["State"]
        _enter_state(desk, ticket, until)
    _take(ticket, values, "Service", "SLA", "Priority", "Owner", "Responsible")
    if given(asked, "CustomerUser") or given(asked, "CustomerID"):
        # Taken as written, an address too; and a customer ID alone leaves the ticket without a customer.
        ticket.customer_user = text(asked, "CustomerUser")
        by_login = person is not None and person.login.lower() == ticket.customer_user.lower()
        ticket.customer_id = text(asked, "CustomerID") or (person.customer_id if person and by_login else "")


def _take(ticket: Ticket, values: Mapping[str, str], *names: str) -> None:
    for name in names:
        if name in values:
            setattr(ticket, name.lower(), values[name])


def _enter_state(desk: Desk, ticket: Ticket, until: datetime | None) -> None:
    """What its state brings with it."""
    closed = stock.STATE_TYPES[ticket.state] == "closed"
    ticket.lock = "unlock" if closed else ticket.lock
    ticket.closed = desk.now() if closed else None
    ticket.pending_until = until if _is_pending(ticket.state) else None


def _is_pending(state: str) -> bool:
    return stock.STATE_TYPES[state].startswith("pending")


def _recipient(ticket: Ticket, note: Struct) -> str:
    """An e-mail is the customer's if it does not say whose it is."""
    is_mail = text(note, "CommunicationChannel") == "Email"
    return text(note, "To") or (ticket.customer_user if is_mail else "")


def _set_fields(ticket: Ticket, asked: Mapping[str, Texts], known: Fields) -> None:
    check_texts(asked, known)
    ticket.dynamic_fields.update(asked)


def _done(
    desk: Desk,
    ticket: Ticket,
    notes: list[Struct],
    sender: str,
    recipient: str,
    enclosed: tuple[attachments.Attachment, ...],
) -> dict[str, Output]:
    """Add the articles, and say what was made."""
    made: dict[str, Output] = {"TicketID": str(ticket.id), "TicketNumber": ticket.number}
    added = [article(desk.store, note, sender, recipient, desk.now(), desk.dialect, enclosed) for note in notes]
    ticket.articles += added
    if added:
        made["ArticleID"] = [str(one.id) for one in added]
    return made


def _check_customer(asked: Struct, person: Person | None) -> None:
    """A known customer must be valid; anybody else needs an e-mail address."""
    valid = person.valid if person else checks.is_address(text(asked, "CustomerUser"))
    if not valid:
        raise RefusalError("InvalidParameter", "Ticket->CustomerUser parameter is invalid!")
