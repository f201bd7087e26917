"""The configured ticket: every option that it may have, and which of their texts are templates.

Pure. Here they are as they are written; `sheet` reads and fills in the templates, for the form as it is
and for what each route makes of it. What an option may hold and its help stand in `config.tickets`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo
from typing import Any, Protocol

from agi_server.helpdesk import Named


class Enclosure(Protocol):
    """A configured attachment: either its `content`, whose `filename` has to be told, or a `file`."""

    @property
    def filename(self) -> str: ...
    @property
    def content(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def content_type(self) -> str: ...


@dataclass(frozen=True)
class Form:
    """The options. Each text is a template, but for what OTRS takes from a fixed list; a number is an ID."""

    title: str
    subject: str
    body: str
    queue: Named
    state: Named
    priority: Named
    unknown_customer: str
    """CustomerUser for callers whom nobody knows: a login, or an e-mail."""
    pending_time: timedelta | str = ""
    type: Named = ""
    service: Named = ""
    sla: Named = ""
    owner: Named = ""
    responsible: Named = ""
    lock: Named = ""
    dynamic_fields: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    sender_type: Named = "customer"
    from_address: str = ""
    visible_for_customer: bool = False
    communication_channel: Named = "Phone"
    article_type: Named = "phone"
    content_type: str = "text/plain; charset=utf8"
    time_unit: str = ""
    history_type: str = "PhoneCallCustomer"
    history_comment: str = ""
    auto_response: str = ""
    no_agent_notify: bool = False
    force_notification_to_user_id: Sequence[int] = ()
    exclude_notification_to_user_id: Sequence[int] = ()
    exclude_mute_notification_to_user_id: Sequence[int] = ()
    attachments: Sequence[Enclosure] = ()
    wishes: Collection[str] = ()
    """What the dialplan's query string may set."""
    time_zone: tzinfo | None = None
    """Of `call.time` in templates; None is the machine's own."""
    repeat_subject: str = ""
    repeat_body: str = ""
    """Of the article that repeated calls add to an open ticket."""

    def changed(self, options: Mapping[str, Any]) -> Form:
        """With a route's options in it; dynamic fields are added."""
        fields = {**self.dynamic_fields, **options.get("dynamic_fields", {})}
        return replace(self, **{**options, "dynamic_fields": fields})


LINES = (
    *("title", "subject", "queue", "state", "priority", "unknown_customer", "type", "service", "sla", "owner"),
    *("responsible", "lock", "from_address", "history_comment", "repeat_subject"),
)
"""The options that are templates of one line each."""
REPEATED = {"repeat_subject": "repeat.subject", "repeat_body": "repeat.body"}
"""Those of an article that is added, by their names in the configuration."""


def templates(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The options that are templates, each text of a dynamic field and each part of an attachment by itself."""
    yield from ((name, options[name]) for name in (*LINES, "body", "repeat_body", "pending_time") if name in options)
    for name, value in options.get("dynamic_fields", {}).items():
        yield from zip(field_texts(name, value), [value] if isinstance(value, str) else value, strict=True)
    for number, one in enumerate(options.get("attachments", ())):
        yield from ((option, getattr(one, part)) for part, option in attachment_parts(number, one).items())


def field_texts(name: str, value: str | Sequence[str]) -> list[str]:
    """What the texts of a dynamic field are called: it has one, or several."""
    option = f"dynamic_fields.{name}"
    return [option] if isinstance(value, str) else [f"{option} item {number}" for number in range(1, len(value) + 1)]


def attachment_parts(number: int, one: Enclosure) -> dict[str, str]:
    """What those parts of an attachment are called that it has."""
    return {
        part: f"attachments item {number + 1}.{part}" for part in ("filename", "content", "file") if getattr(one, part)
    }
