"""Call + customer + the configured form and routes -> the ticket to open, or the article to add.

Pure: no clock, no input or output. The first route that fits a call sets its own options over the form's, or
wants no ticket at all; what the dialplan wishes for goes over both, as far as the form allows it. A template that
fails is a `Refused`: a person must mend it, and the call waits for that.
Names in templates: `call`, `customer` (false if nobody is known), `candidates`, `match`; for an update
also `calls`; `customer_url(login)` and `new_customer_url(digits)`. A number that was withheld is in none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any

from agi_server.call import Article, Call, Customer, Declined, Recognition, Refused, Ticket
from agi_server.links import Links
from agi_server.rules import Route, first_match
from agi_server.samples import samples
from agi_server.templates import FormError, Templates, fill_in


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
    repeat_subject: str = ""
    repeat_body: str = ""
    """Of the article that repeated calls add to an open ticket."""


TEMPLATES = (
    *("title", "subject", "body", "queue", "state", "priority", "unknown_customer", "type", "service", "sla"),
    *("owner", "responsible", "lock", "history_comment"),
)
"""The form's options that are templates."""
REPEATED = {"repeat_subject": "repeat.subject", "repeat_body": "repeat.body"}
"""Those of an article that is added, by their names in the configuration."""


class _NobodyKnown(Customer):
    """Stands for `customer` in templates when nobody is known: false, and all its texts are empty."""

    def __bool__(self) -> bool:
        return False


class Composer:
    """Fills in the form. Raises FormError at once if a template can't be read."""

    def __init__(
        self, form: Form, routes: Sequence[Route] = (), links: Links | None = None, columns: Collection[str] = ()
    ) -> None:
        """`links` are for the templates; `columns` are what else of a customer's row there is."""
        self._form = form
        self._routes = tuple(routes)
        self.columns = columns
        templates = Templates((links or Links()).functions)
        nobody = _NobodyKnown(login="", columns=dict.fromkeys(columns, ""))
        self._plain = Sheet(form, templates, nobody)
        self._changed = {
            route.name: Sheet(form, templates, nobody, route) for route in self._routes if route.ending is None
        }

    def compose(self, call: Call, recognition: Recognition) -> Ticket | Declined | Refused:
        """The ticket for this call, if there is to be one."""
        route = self.route_of(call, recognition)
        if route is not None and route.ending is not None:
            return Declined(route.ending, route.name)
        try:
            return self._sheet(route).ticket(call, recognition)
        except FormError as mistake:
            return Refused("template", str(mistake))

    def compose_update(self, calls: Sequence[Call], recognition: Recognition) -> Article | Refused:
        """The article about these calls, the oldest first, for a ticket that is open."""
        try:
            return self._sheet(self.route_of(calls[-1], recognition)).article(calls, recognition)
        except FormError as mistake:
            return Refused("template", str(mistake))

    def route_of(self, call: Call, recognition: Recognition) -> Route | None:
        """The route that decides about this call; None: the form as it is."""
        return first_match(self._routes, call, recognition, self._form.time_zone)

    def ignored_wishes(self, call: Call) -> list[str]:
        """What the dialplan wished for, and may not or misspelled."""
        return sorted(set(call.wishes) - set(self._form.wishes))

    def mistakes(self) -> list[FormError]:
        """What goes wrong when the form is filled in for callers of each kind: for `check`."""
        found: dict[str, FormError] = {}
        for call, recognition in samples(self.columns):
            for sheet in self.sheets_for(call, recognition):
                for mistake in sheet.mistakes(call, recognition):
                    found.setdefault(mistake.option, mistake)
        return list(found.values())

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """All there are: the form as it is, then as each route changes it."""
        return self._plain, *self._changed.values()

    def sheets_for(self, call: Call, recognition: Recognition) -> Iterator[Sheet]:
        """All that may be filled in for callers of this one's kind, in the routes' order."""
        for route in self._routes:
            if route.fits_kind(call, recognition):
                if route.ending is None:
                    yield self._changed[route.name]
                if route.takes_all_of_a_kind:
                    return
        yield self._plain

    def _sheet(self, route: Route | None) -> Sheet:
        return self._plain if route is None else self._changed.get(route.name, self._plain)


class Sheet:
    """The form, as it is or as one route changes it, with its templates read."""

    def __init__(self, form: Form, templates: Templates, nobody: Customer, route: Route | None = None) -> None:
        self.name = "ticket" if route is None else f"{route.name}.ticket"
        """The section that it stands for, in the configuration's words."""
        self._own = {} if route is None else _by_name(route.ticket)
        self._form = form if route is None else _changed(form, route.ticket)
        self._nobody = nobody
        texts = _by_name({name: getattr(self._form, name) for name in (*TEMPLATES, "dynamic_fields", *REPEATED)})
        self._templates = {option: templates.read(self.label(option), text) for option, text in texts.items()}

    def label(self, option: str) -> str:
        """The option by its whole name in the configuration, where it is set."""
        if option in self._own:
            return f"{self.name}.{option}"
        return REPEATED.get(option, f"ticket.{option}")

    def is_template(self, option: str) -> bool:
        """Does what it gives depend on the call?"""
        return not isinstance(self._templates.get(option, ""), str)

    def ticket(self, call: Call, recognition: Recognition) -> Ticket:
        """The ticket for this call; raises FormError."""
        names = self._names(call, recognition)
        form, customer = self._form, recognition.customer

        def text(option: str) -> str:
            if option in form.wishes and (wish := " ".join(call.wishes.get(option, "").split())):
                return wish
            return self._text(option, names)

        def line(option: str) -> str:
            return " ".join(text(option).split())

        return Ticket(
            call_id=call.unique_id,
            title=_some(line("title"), call),
            queue=line("queue"),
            state=line("state"),
            priority=line("priority"),
            customer_user=customer.login if customer else line("unknown_customer"),
            customer_id=customer.customer_id if customer else "",
            article=self._article(line("subject"), text("body"), call, names),
            type=line("type"),
            service=line("service"),
            sla=line("sla"),
            owner=line("owner"),
            responsible=line("responsible"),
            lock=line("lock"),
            dynamic_fields={name: text(f"dynamic_fields.{name}") for name in form.dynamic_fields},
        )

    def article(self, calls: Sequence[Call], recognition: Recognition) -> Article:
        """The article about these calls; raises FormError."""
        names = self._names_of_all(calls, recognition)
        subject = " ".join(self._text("repeat_subject", names).split())
        return self._article(subject, self._text("repeat_body", names), calls[-1], names)

    def mistakes(self, call: Call, recognition: Recognition) -> Iterator[FormError]:
        """What goes wrong with this caller, each template by itself."""
        ticket, repeated = self._names(call, recognition), self._names_of_all((call, call), recognition)
        for option in self._templates:
            try:
                text = self._text(option, repeated if option in REPEATED else ticket)
            except FormError as mistake:
                yield mistake
                continue
            nobody = not text.strip() or text.strip().startswith("@")
            if option == "unknown_customer" and recognition.customer is None and nobody:
                kind = "is unknown" if call.number else "withholds his number" if call.withheld else "has no number"
                words = f"gives {text.strip()!r} for a caller who {kind}: OTRS would refuse the ticket"
                yield FormError(self.label(option), words)

    def _names(self, call: Call, recognition: Recognition) -> dict[str, object]:
        return {
            "call": self._shown(call),
            "customer": recognition.customer or self._nobody,
            "candidates": recognition.candidates,
            "match": recognition.match.value,
        }

    def _names_of_all(self, calls: Sequence[Call], recognition: Recognition) -> dict[str, object]:
        return {**self._names(calls[-1], recognition), "calls": tuple(map(self._shown, calls))}

    def _shown(self, call: Call) -> Call:
        """The call as templates see it: in local time, and without what the caller withheld."""
        local = call.time.astimezone(self._form.time_zone).replace(microsecond=0)
        if call.withheld:
            return replace(call, time=local, number="", canonical="", lookup="", name="")
        return replace(call, time=local)

    def _text(self, option: str, names: Mapping[str, object]) -> str:
        template = self._templates[option]
        return template if isinstance(template, str) else fill_in(template, self.label(option), names)

    def _article(self, subject: str, body: str, call: Call, names: Mapping[str, object]) -> Article:
        form = self._form
        return Article(
            subject=_some(subject, call),
            body=_some(body, call),
            sender_type=form.sender_type,
            visible_for_customer=form.visible_for_customer,
            history_type=form.history_type,
            history_comment=" ".join(self._text("history_comment", names).split()),
            auto_response=form.auto_response,
        )


def _changed(form: Form, options: Mapping[str, Any]) -> Form:
    """The form with a route's options in it; dynamic fields are added."""
    fields = {**form.dynamic_fields, **options.get("dynamic_fields", {})}
    return replace(form, **{**options, "dynamic_fields": fields})


def _by_name(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options by their names, each dynamic field by one of its own."""
    by_name = {name: value for name, value in options.items() if name != "dynamic_fields"}
    return by_name | {f"dynamic_fields.{name}": text for name, text in options.get("dynamic_fields", {}).items()}


def _some(words: str, call: Call) -> str:
    """OTRS takes a text of spaces, or of a lone 0, for a missing one, and refuses the ticket."""
    return words if words.strip() not in ("", "0") else f"Call {call.unique_id}"
