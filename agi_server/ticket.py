"""Call + customer + the configured form -> the ticket to open.

Pure: no clock, no input or output. Every text and value of the form is a Jinja2 template, run
in a sandbox; what a caller chose reaches a template as a value only, never as template text.
A template that fails is a `Refused`: a person must mend it, and the call waits for that.
Names in templates: `call`, `customer` (false if nobody is known), `candidates`, `match`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agi_server.call import NOBODY, Article, Call, Created, Customer, Match, Recognition, Refused, Ticket

TEXT_LIMIT = 64 * 1024
"""Characters that a template may give; a body of more is a template that ran away."""


@dataclass(frozen=True)
class Form:
    """The configured ticket. Each text is a template, but for what TicketCreate takes from a fixed list."""

    title: str
    subject: str
    body: str
    queue: str
    state: str
    priority: str
    unknown_customer: str
    """CustomerUser for callers whom nobody knows: a login, or an e-mail."""
    type: str = ""
    service: str = ""
    sla: str = ""
    owner: str = ""
    responsible: str = ""
    lock: str = ""
    dynamic_fields: Mapping[str, str] = field(default_factory=dict)
    sender_type: str = "customer"
    visible_for_customer: bool = False
    history_type: str = "PhoneCallCustomer"
    history_comment: str = ""
    auto_response: str = ""
    wishes: Collection[str] = ()
    """What the dialplan's query string may set."""
    time_zone: tzinfo | None = None
    """Of `call.time` in templates; None is the machine's own."""


TEMPLATES = (
    *("title", "subject", "body", "queue", "state", "priority", "unknown_customer", "type", "service", "sla"),
    *("owner", "responsible", "lock", "history_comment"),
)
"""The form's options that are templates."""


class _NobodyKnown(Customer):
    """Stands for `customer` in templates when nobody is known: false, and all its texts are empty."""

    def __bool__(self) -> bool:
        return False


_NOBODY_KNOWN = _NobodyKnown(login="")


class FormError(Exception):
    """A template can't be read or filled in; says which option and why."""

    def __init__(self, option: str, words: str) -> None:
        super().__init__(f"{option}: {words}")
        self.option = option
        self.words = words


class Composer:
    """Fills in the form. Raises FormError at once if a template can't be read."""

    def __init__(self, form: Form) -> None:
        self._form = form
        environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=_finalize
        )
        texts = {name: getattr(form, name) for name in TEMPLATES}
        texts |= {f"dynamic_fields.{name}": text for name, text in form.dynamic_fields.items()}
        self._templates = {option: _read(environment.from_string, option, text) for option, text in texts.items()}

    def compose(self, call: Call, recognition: Recognition) -> Ticket | Refused:
        """The ticket for this call."""
        try:
            return self._compose(call, recognition)
        except FormError as mistake:
            return Refused("template", str(mistake))

    def ignored_wishes(self, call: Call) -> list[str]:
        """What the dialplan wished for, and may not or misspelled."""
        return sorted(set(call.wishes) - set(self._form.wishes))

    def mistakes(self) -> list[FormError]:
        """What goes wrong when the form is filled in for callers of each kind: for `check`."""
        found: dict[str, FormError] = {}
        for call, recognition in SAMPLES:
            try:
                ticket = self._compose(call, recognition)
            except FormError as mistake:
                found.setdefault(mistake.option, mistake)
                continue
            if not ticket.customer_user or ticket.customer_user.startswith("@"):
                kind = "whose number is withheld" if call.withheld else "who is unknown"
                words = f"gives {ticket.customer_user!r} for a caller {kind}: OTRS would refuse the ticket"
                found.setdefault("unknown_customer", FormError("unknown_customer", words))
        return list(found.values())

    def _compose(self, call: Call, recognition: Recognition) -> Ticket:
        names = {
            "call": replace(call, time=call.time.astimezone(self._form.time_zone).replace(microsecond=0)),
            "customer": recognition.customer or _NOBODY_KNOWN,
            "candidates": recognition.candidates,
            "match": recognition.match.value,
        }

        def text(option: str) -> str:
            if option in self._form.wishes and (wish := " ".join(call.wishes.get(option, "").split())):
                return wish
            return _fill_in(self._templates[option], option, names)

        def line(option: str) -> str:
            return " ".join(text(option).split())

        def some(words: str) -> str:
            # OTRS takes a text of spaces, or of a lone 0, for a missing one, and refuses the ticket.
            return words if words.strip() not in ("", "0") else f"Call {call.unique_id}"

        customer = recognition.customer
        return Ticket(
            call_id=call.unique_id,
            title=some(line("title")),
            queue=line("queue"),
            state=line("state"),
            priority=line("priority"),
            customer_user=customer.login if customer else line("unknown_customer"),
            customer_id=customer.customer_id if customer else "",
            article=Article(
                subject=some(line("subject")),
                body=some(text("body")),
                sender_type=self._form.sender_type,
                visible_for_customer=self._form.visible_for_customer,
                history_type=self._form.history_type,
                history_comment=line("history_comment"),
                auto_response=self._form.auto_response,
            ),
            type=line("type"),
            service=line("service"),
            sla=line("sla"),
            owner=line("owner"),
            responsible=line("responsible"),
            lock=line("lock"),
            dynamic_fields={name: text(f"dynamic_fields.{name}") for name in self._form.dynamic_fields},
        )


def _read(from_string: Callable[[str], Template], option: str, text: str) -> Template | str:
    """The template; a plain text, as most values are, stays one, for it needs no filling in."""
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return text
    try:
        return from_string(text)
    except TemplateError as error:
        raise FormError(option, f"not a template: {error}") from error


def _fill_in(template: Template | str, option: str, names: Mapping[str, object]) -> str:
    if isinstance(template, str):
        return template
    pieces: list[str] = []
    length = 0
    try:
        for piece in template.generate(names):
            pieces.append(piece)
            length += len(piece)
            if length > TEXT_LIMIT:
                break
    except Exception as error:  # a template may raise whatever the values' own methods raise
        raise FormError(option, f"{error}" or type(error).__name__) from error
    if length > TEXT_LIMIT:
        raise FormError(option, f"gives more than {TEXT_LIMIT} characters")
    return "".join(pieces)


def _finalize(value: object) -> object:
    return "" if value is None else value


_KNOWN = Customer("ivanov", "ROMASHKA", "Иван", "Иванов", "ivanov@romashka.example", "8 916 122-96-24", "")
_HEARD = Call(
    unique_id="1314075508.1094",
    time=datetime(2011, 8, 23, 4, 58, 28, tzinfo=UTC),
    number="89161229624",
    canonical="+79161229624",
    name="Иван",
    dialled="4509",
    context="otrs",
    channel="SIP/84956693308-0000039a",
    language="en",
)
SAMPLES: tuple[tuple[Call, Recognition], ...] = (
    (_HEARD, Recognition(Match.EXACT, _KNOWN, (_KNOWN,))),
    (_HEARD, NOBODY),
    (replace(_HEARD, number="", canonical="", name="", withheld=True), NOBODY),
)
"""A known caller, an unknown one, and one who withholds his number."""


class ZoomUrl:
    """The address of a ticket's page, by a template over `ticket_id` and `ticket_number`."""

    def __init__(self, template: str) -> None:
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        self._template = _read(environment.from_string, "zoom_url", template)

    def __call__(self, ticket: Created) -> str:
        """Nothing if the template fails: a call does not go without its other variables for that."""
        try:
            return self._fill_in(ticket)
        except FormError:
            return ""

    def mistake(self) -> FormError | None:
        """What goes wrong when it is filled in: for `check`."""
        try:
            self._fill_in(Created("50", "2011082310000050"))
        except FormError as mistake:
            return mistake
        return None

    def _fill_in(self, ticket: Created) -> str:
        return _fill_in(
            self._template, "zoom_url", {"ticket_id": ticket.ticket_id, "ticket_number": ticket.ticket_number}
        )
