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
from agi_server.config import conditions, values
from agi_server.config.conditions import OneOrMore
from agi_server.config.section import NOTHING_IS_NONE, Section
from agi_server.config.values import Contradiction

Line = Annotated[str, values.template()]
LineOrNone = Annotated[str, values.template(empty=True)]
Text = Annotated[str, values.template(lines=True)]
WISHES = ("title", "queue", "state", "priority", "type", "service", "sla", "owner", "responsible", "lock")
"""The ticket's texts that the dialplan may be allowed to set; the customer is not among them."""
Wish = Annotated[str, values.one_of(*WISHES)]
TextOrTexts = Annotated[tuple[str, ...], OneOrMore(values.line())]
NumberOrNumbers = Annotated[tuple[str, ...], OneOrMore(conditions.NUMBER)]


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
    queue: Line = "Raw"
    """Queue by its full name (`Parent::Child`)."""
    state: Line = "new"
    """State by its name."""
    priority: Line = "3 normal"
    """Priority by its name."""
    unknown_customer: Line
    """Customer for callers whom nobody knows: a login that OTRS has, or an e-mail as a template."""
    sender_type: Annotated[Literal["agent", "system", "customer"], values.one_of("agent", "system", "customer")] = (
        "customer"
    )
    """Who wrote the article, for OTRS."""
    history_type: Annotated[str, values.line()] = "PhoneCallCustomer"
    """Type of the entry in the ticket's history."""
    history_comment: Line = "Phone call through Asterisk"
    """Text of the entry in the ticket's history."""
    auto_response: Annotated[str, values.line(empty=True)] = ""
    """What OTRS mails to the customer (`auto reply`); empty: nothing."""
    visible_for_customer: Annotated[bool, values.SWITCH] = False
    """Does the customer see the article in his portal?"""
    type: LineOrNone = ""
    """Type by its name; empty: OTRS's default."""
    service: LineOrNone = ""
    """Service by its full name; empty: none."""
    sla: LineOrNone = ""
    """Service level agreement by its name; empty: none."""
    owner: LineOrNone = ""
    """Login of the ticket's owner, which also locks it; empty: the agent of `otrs.user`, unlocked."""
    responsible: LineOrNone = ""
    """Login of the agent responsible; empty: none."""
    lock: LineOrNone = ""
    """`lock` or `unlock`; empty: OTRS's default."""
    dynamic_fields: Annotated[Mapping[Annotated[str, values.FIELD_NAME], LineOrNone], NOTHING_IS_NONE] = {}
    """Further dynamic fields, each with its text. OTRS refuses the ticket if it has no such field."""


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
