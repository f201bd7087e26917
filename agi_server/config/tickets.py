"""The options that decide what becomes of a call: the ticket, the routes, and what a repeated call is.

Like `options`: each with its default and its help, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo
from pydantic import field_validator as check

from agi_server.call import Match
from agi_server.config import conditions, ticket_values, values
from agi_server.config.conditions import OneOrMore
from agi_server.config.section import NOTHING_IS_NONE, Section
from agi_server.config.ticket_values import NAME, NAME_OR_NONE, PLAIN_NAME, SENDER
from agi_server.config.values import Contradiction

Line = Annotated[str, values.template()]
LineOrNone = Annotated[str, values.template(empty=True)]
Text = Annotated[str, values.template(lines=True)]
WISHES = ("title", "queue", "state", "priority", "type", "service", "sla", "owner", "responsible", "lock")
"""The ticket's texts that the dialplan may be allowed to set; the customer is not among them."""
Wish = Annotated[str, values.one_of(*WISHES)]
FieldTexts = Annotated[
    str | tuple[str, ...], OneOrMore(values.template(empty=True), lambda read: tuple(read) if read[1:] else read[0])
]
Agents = tuple[Annotated[int, ticket_values.ID], ...]
TextOrTexts = Annotated[tuple[str, ...], OneOrMore(values.line())]
NumberOrNumbers = Annotated[tuple[str, ...], OneOrMore(conditions.NUMBER)]


class Attachment(Section):
    """A file that goes with an article: one that is made of a template, or one that is there."""

    filename: Annotated[str, ticket_values.FILE_NAME] = ""
    """What it is called in the ticket; needed with `content`, else that of the file."""
    content: Annotated[str, values.template(lines=True)] = ""
    """Its text, a template as `body` is; if that gives nothing, there is no such attachment."""
    content_type: Annotated[str, ticket_values.FILE_TYPE] = ""
    """What it is; empty: what its name's end tells."""
    file: Annotated[str, ticket_values.FILE] = Field(default="", validate_default=True)
    """Instead of `content`, a file's full path; names may stand in its end only, and lead out of no folder."""

    @check("file")
    @classmethod
    def _one_source(cls, file: str, info: ValidationInfo) -> str:
        # What is not in `data` is given, and wrong: that is told elsewhere.
        content, filename = info.data.get("content", "?"), info.data.get("filename", "?")
        if bool(file) == bool(content):
            found = "content and file" if file else "neither content nor file"
            raise Contradiction(f"found {found}, expected one of the two")
        if content and not filename:
            raise Contradiction("found content without filename, expected both")
        content_type = info.data.get("content_type", "")
        if content and "charset" in content_type and not content_type.lower().endswith(("utf8", "utf-8")):
            raise Contradiction("found content in another charset, expected utf8, which it is sent in")
        return file


class TicketOptions(Section):
    """What can be said of the ticket to open, for all calls or in a route for some."""

    title: Line = "Call from {{ call.number or 'a withheld number' }}{% if customer %} ({{ customer.name }}){% endif %}"
    """The ticket's title."""
    subject: Line = "Phone call from {{ call.number or 'a withheld number' }}"
    """Subject of its first article."""
    body: Text = (
        "Phone call on {{ call.time.strftime('%Y-%m-%d at %H:%M:%S') }}\n"
        "From: {{ call.number or 'number withheld' }}{% if call.name %} ({{ call.name }}){% endif %}\n"
        "To: {{ call.dialled }}\n"
        "Customer: {% if customer %}{{ customer.name }} ({{ customer.login }}){% else %}not known{% endif %}\n"
        "{% if candidates|length > 1 -%}\n"
        "Customers with this number:\n"
        "{% for one in candidates -%}\n"
        "- {{ one.name }} ({{ one.login }}), {{ one.company or one.customer_id }} {{ customer_url(one.login) }}\n"
        "{% endfor -%}\n"
        "{% elif not customer and new_customer_url(call.digits) -%}\n"
        "New customer: {{ new_customer_url(call.digits) }}\n"
        "{% endif -%}\n"
        "Call: {{ call.unique_id }}\n"
    )
    """Text of its first article."""
    queue: NAME = "Raw"
    """Queue by its full name (`Parent::Child`), or by its ID: a number without quotes."""
    state: NAME = "new"
    """State by its name or ID."""
    pending_time: Annotated[timedelta | str, ticket_values.PENDING_TIME] = ""
    """How long a state of the type `pending` lasts (`2h`), or a template of its end; empty for other states."""
    priority: NAME = "3 normal"
    """Priority by its name or ID."""
    unknown_customer: Line
    """Customer for callers whom nobody knows: a login that OTRS has, or an e-mail as a template."""
    type: NAME_OR_NONE = ""
    """Type by its name or ID; empty: OTRS's default."""
    service: NAME_OR_NONE = ""
    """Service by its full name or ID; empty: none."""
    sla: NAME_OR_NONE = ""
    """Service level agreement by its name or ID; empty: none."""
    owner: NAME_OR_NONE = ""
    """Login or ID of the ticket's owner, which also locks it; empty: the agent of `otrs.user`, unlocked."""
    responsible: NAME_OR_NONE = ""
    """Login or ID of the agent responsible; empty: none."""
    lock: NAME_OR_NONE = ""
    """`lock` or `unlock`, or its ID; empty: OTRS's default."""
    dynamic_fields: Annotated[Mapping[Annotated[str, values.FIELD_NAME], FieldTexts], NOTHING_IS_NONE] = {}
    """Further dynamic fields, each with its text or a list of them. OTRS refuses the ticket if it has no such field."""
    sender_type: SENDER = "customer"
    """Who wrote the article, for OTRS: `agent`, `system`, `customer`, or an ID."""
    from_address: LineOrNone = ""
    """The article's `From`, an e-mail address; empty: OTRS takes the customer's."""
    visible_for_customer: Annotated[bool, values.SWITCH] = False
    """Does the customer see the article in his portal?"""
    communication_channel: PLAIN_NAME = "Phone"
    """The article's channel in OTRS 6 and after: `Phone`, `Email`, `Internal`, or an ID."""
    article_type: PLAIN_NAME = "phone"
    """The article's type in OTRS 5 and before, by its name or ID."""
    content_type: Annotated[str, ticket_values.BODY_TYPE] = "text/plain; charset=utf8"
    """What the body is; in one of `text/html; charset=utf8` what the names stand for is escaped."""
    time_unit: Annotated[str, ticket_values.TIME_UNIT] = ""
    """Time units that the article accounts for; empty: none."""
    history_type: Annotated[str, values.line()] = "PhoneCallCustomer"
    """Type of the entry in the ticket's history."""
    history_comment: Line = "Phone call through Asterisk"
    """Text of the entry in the ticket's history."""
    auto_response: Annotated[str, values.line(empty=True)] = ""
    """What OTRS mails to the customer (`auto reply`); empty: nothing."""
    no_agent_notify: Annotated[bool, values.SWITCH] = False
    """`true`: OTRS tells no agent of the article."""
    force_notification_to_user_id: Agents = ()
    """IDs of agents whom OTRS tells of it in any case."""
    exclude_notification_to_user_id: Agents = ()
    """IDs of agents whom it does not tell."""
    exclude_mute_notification_to_user_id: Agents = ()
    """IDs of agents whom it does not tell, nor says so in the ticket's history."""
    attachments: tuple[Attachment, ...] = ()
    """Files that go with the article."""


class Ticket(TicketOptions):
    """The ticket to open. Texts are Jinja2 templates over `call`, `customer`, `candidates` and `match`."""

    wishes: tuple[Wish, ...] = ("queue", "priority")
    """Options that the dialplan may set for a call: `agi://host/ticket?queue=Sales`."""
    time_zone: Annotated[ZoneInfo | None, values.ZONE] = None
    """Time zone of `call.time`; empty: this machine's."""


class RouteTicket(TicketOptions):
    """What a route sets of the ticket. An option that it leaves alone is None."""

    @property
    def given(self) -> Mapping[str, object]:
        """The options that it sets."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


# Made of the ticket's options rather than written again; its fields are copies of theirs.
for _option in RouteTicket.model_fields.values():
    _option.default = None
RouteTicket.model_rebuild(force=True)


class Route(Section):
    """A rule: what becomes of the calls for which all of its conditions hold."""

    dialled: NumberOrNumbers = ()
    """Number called, as extension or DNID; or a pattern of Asterisk's dialplan: `_45XX`."""
    context: TextOrTexts = ()
    """Context of the dialplan that the call is in."""
    argument: TextOrTexts = ()
    """An argument that the dialplan gave the script: `AGI(agi://host/ticket,vip)`."""
    caller: NumberOrNumbers = ()
    """The caller's number, however it is dialled, or a pattern of it as heard or whole: `_+7916.`; not if withheld."""
    customer_id: TextOrTexts = ()
    """Company (`customer_id`) of the customer who rings."""
    match: Annotated[tuple[Match, ...], OneOrMore(conditions.GRADE)] = ()
    """How the caller was found: `exact`, `without-extension`, `national`, `suffix`, `several`, `none`."""
    withheld: Annotated[bool | None, values.SWITCH] = None
    """Has the caller withheld his number?"""
    weekdays: Annotated[frozenset[int], OneOrMore(conditions.WEEKDAYS, conditions.all_days)] = frozenset()
    """Days on which the call comes: `mon-fri`, `sat,sun`."""
    hours: Annotated[tuple[conditions.Span, ...], OneOrMore(conditions.HOURS, conditions.all_hours)] = ()
    """Time at which it comes: `09:00-18:00`; or `18:00-09:00`, whose morning belongs to the weekday that has begun."""
    time_zone: Annotated[ZoneInfo | None, values.ZONE] = None
    """Time zone of `weekdays` and `hours`; empty: that of `ticket.time_zone`."""
    ticket: RouteTicket | None = None
    """Options of `ticket` that are different for these calls, but for `wishes` and `time_zone`."""
    reject: Annotated[bool, values.SWITCH] = False
    """`true`: no ticket, `HELPDESK_STATUS` is `rejected`."""
    no_ticket: Annotated[bool, values.SWITCH] = Field(default=False, validate_default=True)
    """`true`: no ticket, only the customer's channel variables; `HELPDESK_STATUS` is `no_ticket`."""

    @check("no_ticket")
    @classmethod
    def _one_end(cls, no_ticket: bool, info: ValidationInfo) -> bool:
        # What is not in `data` is given, and wrong: that is told elsewhere.
        ends = [name for name in ENDS[:-1] if info.data.get(name, True) not in (None, False)]
        ends += [ENDS[-1]] if no_ticket else []
        if len(ends) != 1:
            found = " and ".join(ends) or "nothing to do"
            raise Contradiction(f"found {found}, expected one of ticket, reject: true, no_ticket: true")
        return no_ticket


ENDS = ("ticket", "reject", "no_ticket")
"""What a route makes of its calls."""
CONDITIONS = Route.model_fields.keys() - {*ENDS, "time_zone"}


class Repeat(Section):
    """What becomes of a call when its caller's last ticket is still open."""

    within: Annotated[timedelta, values.DURATION] = timedelta(0)
    """Time since the caller's open ticket was changed within which a call is added to it; 0: never."""
    match: Annotated[Literal["customer", "number"], values.one_of("customer", "number")] = "customer"
    """Whose ticket: the same customer's, from whichever number he rings; or that of a call from the same number, which
    also holds for strangers and for who shares his number."""
    states: Annotated[tuple[Annotated[str, values.line()], ...], Field(min_length=1)] = ("new", "open")
    """States by their names in which a ticket is open."""
    same_queue: Annotated[bool, values.SWITCH] = True
    """Only a ticket in the queue that the call's own ticket would be in."""
    subject: Line = (
        "Phone call from {{ call.number or 'a withheld number' }}"
        "{% if calls|length > 1 %} ({{ calls|length }} calls){% endif %}"
    )
    """Subject of the article; beside the ticket's names there is `calls`, the oldest first, and `call` is the last."""
    body: Text = (
        "{% for one in calls -%}\n"
        "Phone call on {{ one.time.strftime('%Y-%m-%d at %H:%M:%S') }}\n"
        "From: {{ one.number or 'number withheld' }}{% if one.name %} ({{ one.name }}){% endif %}\n"
        "To: {{ one.dialled }}\n"
        "{% endfor -%}\n"
        "Customer: {% if customer %}{{ customer.name }} ({{ customer.login }}){% else %}not known{% endif %}\n"
        "Call: {{ calls|map(attribute='unique_id')|join(', ') }}\n"
    )
    """Text of the article."""
    extensions: Annotated[Mapping[Annotated[str, values.LOGIN], Annotated[str, values.EXTENSION]], NOTHING_IS_NONE] = {}
    """Extensions of agents by their logins, for HELPDESK_OPERATOR_EXTENSION: `{ivanova: "4507"}`."""
