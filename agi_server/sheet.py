"""One sheet of the form: it as it is, or as one route changes it, with its templates read once for all calls.

Pure. What doesn't depend on the call is made ready when the sheet is. A template that can't be read, or that
gives what its option can't hold, is a FormError, which names the option where it is written. In a text of HTML
what the names stand for is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from agi_server import filled
from agi_server.call import Call, Customer, Recognition
from agi_server.form import LINES, REPEATED, Enclosure, Form, attachment_parts, field_texts, templates
from agi_server.helpdesk import Article, Attachment, Ticket
from agi_server.rules import Route
from agi_server.templates import FormError, Template, Templates, fill_in

UNNAMED = "unnamed"
"""An attachment for which a call gives no name."""


@dataclass(frozen=True, slots=True)
class _Blank:
    """A text that is filled in."""

    label: str
    template: Template
    fit: Callable[[str], object]
    """Makes of it what its option needs; a ValueError says why it can't."""

    def fill_in(self, names: Mapping[str, object]) -> object:
        text = fill_in(self.template, self.label, names)
        try:
            return self.fit(text)
        except ValueError as error:
            raise FormError(self.label, str(error)) from error


class Sheet:
    """What the tickets and articles of some calls are made from."""

    def __init__(self, form: Form, reader: Templates, nobody: Customer, route: Route | None = None) -> None:
        """`nobody` stands for the customer in templates if he isn't known. Raises FormError."""
        self.name = "ticket" if route is None else f"{route.name}.ticket"
        """The section that it stands for, in the configuration's words."""
        own = {} if route is None else route.ticket
        self._own = {*own, *dict(templates(own))}
        self._form = form.changed(own)
        self._nobody = nobody
        self._enclosed = [
            (attachment_parts(number, one), _content_type(one)) for number, one in enumerate(self._form.attachments)
        ]
        self._ready: dict[str, Any] = {}
        """What is the same for every call."""
        self._blanks: dict[str, _Blank] = {}
        html = self._html()
        for option, written in templates(vars(self._form)):
            if not isinstance(written, str):
                self._ready[option] = written
                continue
            template = reader.read(self.label(option), _escaping(written) if option in html else written)
            blank = _Blank(self.label(option), template, self._fit(option, written))
            if isinstance(template, str):
                self._ready[option] = blank.fill_in({})
            else:
                self._blanks[option] = blank

    def label(self, option: str) -> str:
        """The option by its whole name in the configuration, where it is set."""
        if option in self._own:
            return f"{self.name}.{option}"
        return REPEATED.get(option, f"ticket.{option}")

    def is_template(self, option: str) -> bool:
        """Does what it gives depend on the call?"""
        return option in self._blanks

    @property
    def files(self) -> Iterator[tuple[str, str]]:
        """The files that go with its articles, each with its option; of a path that depends on the call the folder."""
        for number, one in enumerate(self._form.attachments):
            if option := attachment_parts(number, one).get("file"):
                yield self.label(option), filled.folder_of(one.file) or one.file

    def ticket(self, call: Call, recognition: Recognition) -> Ticket:
        """The ticket for this call; raises FormError."""
        names = self._names(call, recognition)
        form, customer = self._form, recognition.customer
        wished = {name: wish for name in form.wishes if (wish := filled.one_line(call.wishes.get(name, "")))}

        def value(option: str) -> Any:
            return wished.get(option) or self._value(option, names)

        return Ticket(
            call_id=call.unique_id,
            title=_some(value("title"), call),
            queue=value("queue"),
            state=value("state"),
            priority=value("priority"),
            customer_user=customer.login if customer else value("unknown_customer"),
            customer_id=customer.customer_id if customer else "",
            article=self._article(value("subject"), value("body"), call, names),
            type=value("type"),
            service=value("service"),
            sla=value("sla"),
            owner=value("owner"),
            responsible=value("responsible"),
            lock=value("lock"),
            pending_time=value("pending_time"),
            dynamic_fields={name: self._field(name, written, names) for name, written in form.dynamic_fields.items()},
        )

    def article(self, calls: Sequence[Call], recognition: Recognition) -> Article:
        """The article about these calls; raises FormError."""
        names = self._names_of_all(calls, recognition)
        subject, body = self._value("repeat_subject", names), self._value("repeat_body", names)
        return self._article(subject, body, calls[-1], names)

    def mistakes(self, call: Call, recognition: Recognition) -> Iterator[FormError]:
        """What goes wrong with this caller, each template by itself."""
        ticket, repeated = self._names(call, recognition), self._names_of_all((call, call), recognition)
        failed = set()
        for option, blank in self._blanks.items():
            try:
                blank.fill_in(repeated if option in REPEATED else ticket)
            except FormError as mistake:
                failed.add(option)
                yield mistake
        if recognition.customer is None and "unknown_customer" not in failed:
            login = self._value("unknown_customer", ticket)
            if not login or login.startswith("@"):
                kind = "is unknown" if call.number else "withholds his number" if call.withheld else "has no number"
                words = f"gives {login!r} for a caller who {kind}: OTRS would refuse the ticket"
                yield FormError(self.label("unknown_customer"), words)

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
        if call.withheld:  # a channel may be named after the number
            return replace(call, time=local, number="", canonical="", lookup="", name="", channel="")
        return replace(call, time=local)

    def _value(self, option: str, names: Mapping[str, object]) -> Any:
        blank = self._blanks.get(option)
        return self._ready[option] if blank is None else blank.fill_in(names)

    def _field(self, name: str, written: str | Sequence[str], names: Mapping[str, object]) -> str | tuple[str, ...]:
        texts = [self._value(option, names) for option in field_texts(name, written)]
        return texts[0] if isinstance(written, str) else tuple(filter(None, texts))

    def _article(self, subject: str, body: str, call: Call, names: Mapping[str, object]) -> Article:
        form = self._form
        return Article(
            subject=_some(subject, call),
            body=_some(body, call),
            sender_type=form.sender_type,
            visible_for_customer=form.visible_for_customer,
            history_type=form.history_type,
            history_comment=self._value("history_comment", names),
            auto_response=form.auto_response,
            from_address=self._value("from_address", names),
            content_type=form.content_type,
            communication_channel=form.communication_channel,
            article_type=form.article_type,
            time_unit=form.time_unit,
            no_agent_notify=form.no_agent_notify,
            force_notification_to=tuple(form.force_notification_to_user_id),
            exclude_notification_to=tuple(form.exclude_notification_to_user_id),
            exclude_mute_notification_to=tuple(form.exclude_mute_notification_to_user_id),
            attachments=tuple(self._attachments(names)),
        )

    def _attachments(self, names: Mapping[str, object]) -> Iterator[Attachment]:
        """Those that there are for this call; one whose content or file is empty, there is not.

        A caller who calls himself `../..` costs nobody the ticket: what is no file in its folder, there is not either,
        and what has got no name is called `unnamed`. Where all callers would get that, `mistakes` tells.
        """
        for parts, content_type in self._enclosed:
            content = self._value(parts["content"], names) if "content" in parts else ""
            file = self._value_or(parts["file"], names, "") if "file" in parts else ""
            if content.strip() or file:
                named = "filename" in parts
                name = self._value_or(parts["filename"], names, UNNAMED) if named else filled.last_part(file)
                yield Attachment(name, content_type, content.encode(errors="replace"), file)

    def _value_or(self, option: str, names: Mapping[str, object], otherwise: str) -> str:
        """What the option gives, if it gives what it should."""
        try:
            return str(self._value(option, names))
        except FormError:
            return otherwise

    def _html(self) -> set[str]:
        """The texts that are HTML."""
        found = {"body", "repeat_body"} if _is_html(self._form.content_type) else set()
        return found | {parts["content"] for parts, kind in self._enclosed if "content" in parts and _is_html(kind)}

    def _fit(self, option: str, written: str) -> Callable[[str], object]:
        """What makes of an option's text what it needs."""
        whole, _, part = option.rpartition(".")
        if whole.startswith("attachments "):
            path = partial(filled.path_within, folder=filled.folder_of(written))
            fits: dict[str, Callable[[str], object]] = {"filename": filled.file_name, "file": path, "content": str}
            return fits[part]
        if option == "pending_time":
            return partial(filled.pending_until, zone=self._form.time_zone)
        return filled.one_line if option in LINES else str


def _content_type(one: Enclosure) -> str:
    """What it holds, as it is written or as its name tells."""
    return one.content_type or filled.content_type(
        one.filename or one.file, filled.TEXT if one.content else filled.OCTETS
    )


def _is_html(content_type: str) -> bool:
    return "html" in content_type.lower()


def _escaping(text: str) -> str:
    """The template with what its names stand for escaped."""
    return f"{{% autoescape true %}}{text}{{% endautoescape %}}" if "{" in text else text


def _some(words: str, call: Call) -> str:
    """OTRS takes a text of spaces, or of a lone 0, for a missing one, and refuses the ticket."""
    return words if words.strip() not in ("", "0") else f"Call {call.unique_id}"
