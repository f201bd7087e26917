"""The Ticket Connector's words as options of a command, named as OTRS names them and made from the vocabulary.

What is written becomes the values that `wording.request` takes; whether they fit together is told
there. A password is no option: whoever lists processes would read it.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from agi_server.calls import Since
from agi_server.helpdesk import Attachment
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.vocabulary import OPERATORS, VOCABULARY, Element, Holds, Place

UNKNOWN_TYPE = "application/octet-stream"


class Moment(click.ParamType[datetime]):
    """`2026-11-22 17:30`, in OTRS's time zone if it names none."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time; naive if it names no zone."""
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time such as '2026-11-22 17:30' or 2026-11-22T17:30+03:00", param, ctx)


class Until(click.ParamType[datetime | timedelta]):
    """A time, or how long from now on."""

    name = "time or duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | timedelta:
        """The time, or the duration."""
        return (Since() if re.fullmatch(r"\d+[a-z]?", value) else Moment()).convert(value, param, ctx)


class Minutes(click.ParamType[str | timedelta]):
    """`90`, or a duration such as 2h."""

    name = "minutes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | timedelta:
        """As it is, or the duration."""
        return f"{value}" if re.fullmatch(r"-?\d{1,9}", value) else Since().convert(value, param, ctx)


class Pair(click.ParamType[tuple[str, str]]):
    """`Name=Value`; the value may be empty and may hold further `=`."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Both."""
        name, sign, content = value.partition("=")
        if not name or not sign:
            self.fail(f"{value!r} is not {self.name}", param, ctx)
        return name, content


class Criterion(Pair):
    """`Name=Value`, or `Name:Like=Value` for another operator than Equals."""

    name = "NAME[:OPERATOR]=VALUE"


class Word(click.Option):
    """The option for one element, and the heading below which it stands. A switch alone says yes."""

    def __init__(self, element: Element, operation: str) -> None:
        switch: dict[str, Any] = {"is_flag": False, "flag_value": "yes"} if element.holds is Holds.SWITCH else {}
        super().__init__(
            [element.name, f"--{element.name}"],
            type=_type(element),
            multiple=element.repeats or element.holds is Holds.KEY,
            help=f"{element.help}.{_KNOWN_TO.get(element.dialects, '')}",
            default=None,
            metavar=_METAVARS.get(element.holds),
            **switch,
        )
        self.heading = _heading(element, operation)


class Headed(click.Command):
    """A command whose options stand below headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each heading where the first of its options stands."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            if record := option.get_help_record(ctx):
                headings.setdefault(getattr(option, "heading", "Options"), []).append(record)
        for heading, records in headings.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def options(operation: str) -> Iterator[click.Option]:
    """An option for each word that can be said on a command line."""
    for element in VOCABULARY[operation].values():
        if element.name != "Password" and element.holds is not Holds.ARTICLES:
            yield Word(element, operation)


def logs_in(operation: str, name: str) -> bool:
    """Does the word say in whose name it is done, together with a password?"""
    return VOCABULARY[operation][name].needs == "Password"


def values(operation: str, given: Mapping[str, Any]) -> dict[str, object]:
    """What was said, by the elements' names, as `wording.request` takes it."""
    said = {name: value for name, value in given.items() if value is not None and value != ()}
    return {name: _READERS.get(VOCABULARY[operation][name].holds, _as_it_is)(value) for name, value in said.items()}


def _type(element: Element) -> click.ParamType[Any] | type:
    if element.choices:
        return click.Choice(element.choices)
    return _TYPES.get(element.holds, str)


_TYPES: Mapping[Holds, click.ParamType[Any]] = {
    Holds.SWITCH: click.BOOL,
    Holds.TIME: Moment(),
    Holds.PENDING: Until(),
    Holds.MINUTES: Minutes(),
    Holds.FIELDS: Pair(),
    Holds.CRITERIA: Criterion(),
    Holds.KEY: Pair(),
    Holds.ATTACHMENTS: click.Path(exists=True, dir_okay=False, readable=True),
}


_METAVARS = {
    Holds.SWITCH: "[yes|no]",
    Holds.ID: "ID",
    Holds.NUMBER: "NUMBER",
    Holds.MINUTES: "MINUTES|2h",
    Holds.PENDING: "TIME|2h",
    Holds.ATTACHMENTS: "FILE",
}
_KNOWN_TO = {
    frozenset({Dialect.V6}): "  [OTRS 6 and Znuny]",
    frozenset({Dialect.V3_1, Dialect.V4}): "  [OTRS 5 and before]",
    frozenset({Dialect.V4, Dialect.V6}): "  [not OTRS 3.1]",
}


def _heading(element: Element, operation: str) -> str:
    if element.name == "SessionID" or logs_in(operation, element.name):
        return "Login (else the configuration's)"
    if element.place is not Place.TOP:
        return str(element.place.value)
    match operation:
        case "TicketSearch":
            return "Times" if "Time" in element.name else "Criteria"
        case "TicketGet":
            return "What is shown"
    return {"DynamicField": "Ticket", "Attachment": "Article"}.get(element.name, "Which ticket")


def _as_it_is(value: object) -> object:
    return value


def _fields(pairs: tuple[tuple[str, str], ...]) -> dict[str, object]:
    """A field that is named again has several values."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: of[0] if len(of) == 1 else of for name, of in found.items()}


def _criteria(pairs: tuple[tuple[str, str], ...]) -> dict[str, object]:
    """By field, by operator; what `Empty` is given is yes or no."""
    found: dict[str, dict[str, object]] = {}
    for (name, operator), value in ((_operator(name), value) for name, value in pairs):
        of = found.setdefault(name, {})
        if operator == "Empty":
            of[operator] = value.lower() in {"1", "yes", "true"}
        else:
            said = of.setdefault(operator, [])
            if isinstance(said, list):
                said.append(value)
    return dict(found)


def _operator(name: str) -> tuple[str, str]:
    field, _, operator = name.partition(":")
    return field, operator or OPERATORS[0]


def _attachments(paths: tuple[str, ...]) -> list[Attachment]:
    return [
        Attachment(re.sub(r".*/", "", path), mimetypes.guess_type(path)[0] or UNKNOWN_TYPE, file=path) for path in paths
    ]


_READERS: Mapping[Holds, Callable[[Any], object]] = {
    Holds.FIELDS: _fields,
    Holds.CRITERIA: _criteria,
    Holds.ATTACHMENTS: _attachments,
    Holds.KEY: dict,
}
