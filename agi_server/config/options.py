"""The whole configuration: every option with its default and its help, here and nowhere else.

Those of tickets and routes stand in `tickets`. The text below an option is its help in the README;
what it may hold stands in `values`, `addresses` and `conditions`. The sample configuration and the
README are tested against these modules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import Field, PlainSerializer, PrivateAttr, SecretStr, ValidationInfo
from pydantic import field_validator as check
from pydantic.fields import FieldInfo
from sqlalchemy import URL, make_url

from agi_server.config import addresses, values
from agi_server.config.mistakes import Place
from agi_server.config.section import NOTHING_IS_NONE, Section
from agi_server.config.tickets import Repeat, Route, Ticket
from agi_server.config.values import Unfit

Network = Annotated[IPv4Network | IPv6Network, addresses.NETWORK]
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
Column = Annotated[str, values.COLUMN]
Hidden = PlainSerializer(str)
"""A URL's text has no password in it; as the tuple that it is it would be dumped with it."""


class Fastagi(Section):
    """The door for Asterisk."""

    host: Annotated[str, addresses.HOST] = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, values.whole(0, 65535)] = 4573
    """TCP port to listen on; 0 asks the system for a free one."""
    allow: tuple[Network, ...] = Field(default=LOOPBACK, min_length=1)
    """Networks whose Asterisk servers may connect; all others are closed at once."""
    patience: Annotated[float, values.seconds(0, 60)] = 2.5
    """Seconds that a caller waits for his ticket at most; after them the call goes on and the ticket follows."""
    max_sessions: Annotated[int, values.whole(1, 10_000)] = 2000
    """Calls in hand at once; more are sent on without a ticket."""
    request_timeout: Annotated[float, values.seconds(0.1, 60)] = 5.0
    """Seconds for Asterisk to send the whole of its request."""


class Customers(Section):
    """OTRS's customers, by whose numbers callers are recognised. They are only read."""

    database: Annotated[URL, addresses.database("mysql+aiomysql", "postgresql+asyncpg", "sqlite+aiosqlite"), Hidden]
    """Address of OTRS's database; a user who may only read is enough. PostgreSQL needs the extra `postgresql`."""
    password: Annotated[SecretStr | None, values.SECRET] = None
    """The database user's password, if it is not in the address."""
    table: Annotated[str, values.TABLE] = "customer_user"
    """Table of the customers, with its schema if needed."""
    number_columns: tuple[Column, ...] = Field(default=("phone", "mobile"), min_length=1)
    """Columns that hold phone numbers."""
    columns: tuple[Column, ...] = ()
    """Further columns for templates: with `[city]` there is `{{ customer.city }}`."""
    company_table: Annotated[str, values.TABLE_OR_NONE] = "customer_company"
    """Table of the companies, for `{{ customer.company }}`, where it may be read; empty: it is never asked."""
    main_contacts: Annotated[
        Mapping[Annotated[str, values.CUSTOMER_ID], Annotated[str, values.LOGIN]], NOTHING_IS_NONE
    ] = {}
    """Of a company's customers who share a number, the one who is meant: `{ROMASHKA: ivanov}`, by `customer_id`."""
    refresh: Annotated[float, values.seconds(1, 86_400)] = 60.0
    """Seconds between two looks for changed customers."""
    index: Annotated[str, values.FILE] = "/var/lib/agi-server/customers.db"
    """File in which the numbers are kept, so that callers are known while the database is away."""

    @check("password")
    @classmethod
    def _one_password(cls, password: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        database = info.data.get("database")
        if password is not None and database is not None and database.password is not None:
            raise Unfit("one password, either this or in customers.database")
        if password is not None and database is not None and database.get_backend_name() == "sqlite":
            raise Unfit("none, as a file of SQLite has no password")
        return password

    @property
    def url(self) -> URL:
        """The database's address, with the password in it; shown as text it hides it."""
        return self.database.set(password=self.password.get_secret_value()) if self.password else self.database


class Numbers(Section):
    """How phone numbers are read."""

    country: Annotated[str, values.REGION] = "RU"
    """Country whose numbers are dialled without a country code."""
    area_code: Annotated[str, values.AREA_CODE] = ""
    """Area code of numbers dialled without one."""
    extensions: Annotated[re.Pattern[str], values.PATTERN] = re.compile(r"^[1-9]\d{2,3}$", re.ASCII)
    """Regular expression of internal extensions, which are no numbers of the outside world."""
    match_withheld: Annotated[bool, values.SWITCH] = False
    """Find the customer also by a withheld number, where the trunk tells it all the same; it is never shown."""


class Otrs(Section):
    """OTRS's web service, through which tickets are opened."""

    interface: Annotated[Literal["ticket-connector", "rpc"], values.one_of("ticket-connector", "rpc")] = (
        "ticket-connector"
    )
    """What answers at `url`: the Ticket Connector; or rpc.pl, only for an OTRS up to 5 that has no Ticket Connector."""
    url: Annotated[str, addresses.ADDRESS]
    """Its address: `.../nph-genericinterface.pl/Webservice/GenericTicketConnectorSOAP`, or `.../rpc.pl`."""
    user: Annotated[str, values.line()]
    """Login of the agent who opens the tickets; for rpc.pl what OTRS has as `SOAP::User`."""
    password: Annotated[SecretStr, values.SECRET]
    """The agent's password; for rpc.pl `SOAP::Password`."""
    user_id: Annotated[int, values.whole(1, 2**31 - 1)] = 1
    """For rpc.pl the ID of the agent in whose name tickets are made."""
    namespace: Annotated[str, values.line()] = "http://www.otrs.org/TicketConnector/"
    """The web service's name space, as OTRS's administrator sees it there."""
    timeout: Annotated[float, values.seconds(1, 600)] = 60.0
    """Seconds for OTRS to answer one request; a caller never waits for it."""
    connections: Annotated[int, values.whole(1, 32)] = 4
    """Requests to OTRS at once; more than 4 gained nothing where it was measured."""
    call_field: Annotated[str, values.FIELD_OR_NONE] = "AsteriskUniqueID"
    """Dynamic field of tickets for the call's unique id; empty: OTRS has no such field."""
    dialect: Annotated[Literal["auto", "3.1", "4", "6"], values.one_of("auto", "3.1", "4", "6")] = "auto"
    """Which OTRS's elements are spoken: `3.1`, `4` (4 and 5), `6` (OTRS 6, Znuny); `auto` finds out."""
    time_zone: Annotated[
        ZoneInfo | None, values.Kind("a time zone such as Europe/Moscow, or empty", values.ZONE.read)
    ] = None
    """Time zone in which OTRS takes times; empty: what its newest ticket shows, or UTC."""
    give_up_days: Annotated[int, values.whole(1, 365)] = 7
    """Days for which a ticket is tried again; then the call is parked, and a person decides."""
    zoom_url: Annotated[str, addresses.ADDRESS_TEMPLATE] = ""
    """Address of a ticket's page, with `{{ ticket_id }}` or `{{ ticket_number }}`, for HELPDESK_TICKET_URL."""


class Journal(Section):
    """Where calls are kept until they are tickets."""

    database: Annotated[URL, addresses.database("sqlite+aiosqlite"), Hidden] = make_url(
        "sqlite+aiosqlite:////var/lib/agi-server/calls.db"
    )
    """Address of the journal's file, on a local disk."""
    keep_days: Annotated[int, values.whole(1, 3650)] = 90
    """Days for which settled calls are kept; open ones stay."""


class Web(Section):
    """The operator's page, health and metrics over HTTP."""

    host: Annotated[str, addresses.HOST] = "127.0.0.1"
    """Address to listen on; one that other machines reach needs `token` or `user_header`."""
    port: Annotated[int, values.whole(0, 65535)] = 8573
    """TCP port to listen on; 0 asks the system for a free one."""
    user_header: Annotated[str, values.HEADER_OR_NONE] = ""
    """Header in which a proxy that asks for passwords names the user (`X-Forwarded-User`); empty: none is believed."""
    trusted_proxies: tuple[Network, ...] = Field(default=LOOPBACK, min_length=1)
    """Networks of the proxies whose `user_header` is believed; they must take it away from what browsers send."""
    token: Annotated[SecretStr, values.SECRET_OR_NONE] = Field(default=SecretStr(""), validate_default=True)
    """What browsers are asked for, others send as `Authorization: Bearer ...`; empty: only this machine is answered."""

    @check("token")
    @classmethod
    def _needed_elsewhere(cls, token: SecretStr, info: ValidationInfo) -> SecretStr:
        host = info.data.get("host", "127.0.0.1")
        if not token.get_secret_value() and not info.data.get("user_header") and not addresses.is_loopback(host):
            raise Unfit(f"a token (or web.user_header), for other machines can reach {host}")
        return token


class Log(Section):
    """What is written to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], values.one_of("debug", "info", "warning", "error")
    ] = "info"
    """The least that is written."""
    format: Annotated[Literal["text", "json"], values.one_of("text", "json")] = "text"
    """Lines for people, or one JSON object a line."""
    mask_numbers: Annotated[bool, values.SWITCH] = False
    """Show only the last 3 digits of phone numbers."""


class Config(Section):
    """The whole configuration."""

    fastagi: Fastagi = Fastagi()
    customers: Customers
    numbers: Numbers = Numbers()
    otrs: Otrs
    ticket: Ticket
    routes: tuple[Route, ...] = ()
    """Rules for some of the calls: the first of them whose conditions all hold decides."""
    repeat: Repeat = Repeat()
    journal: Journal = Journal()
    web: Web = Web()
    log: Log = Log()
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not wrong but should be mended: for the log and for `check`."""
        return self._warnings


def section_of(field: FieldInfo) -> type[Section] | None:
    """The options that stand in this one, or in each item of its list; None: it is one that holds a value."""
    annotation = field.annotation
    within = (annotation, *(get_args(annotation) if get_origin(annotation) is not Mapping else ()))
    return next((one for one in within if isinstance(one, type) and issubclass(one, Section)), None)


def option_at(place: Place, section: type[Section] = Config) -> tuple[type[Section], FieldInfo | None, Place]:
    """In which section what stands there is, as which option (None: there is none such), and where within its value."""
    names = [number for number, part in enumerate(place) if isinstance(part, str)]
    field, within = section.model_fields.get(str(place[names[0]])), place[names[0] + 1 :]
    inner = section_of(field) if field else None
    return option_at(within, inner) if inner and names[1:] else (section, field, within)


SECTIONS: dict[str, type[Section]] = {
    name: section
    for name, field in Config.model_fields.items()
    if isinstance(section := field.annotation, type) and issubclass(section, Section)
}
"""The sections by their names, but for the list of routes."""
