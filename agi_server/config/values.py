"""What an option of the configuration may hold: each kind in words, and how it is read from text.

Every value arrives as the text that stands in the file, so `NO` is Norway, `08` is no octal and
`1:30` no number of minutes: only the option's own kind decides what a text means. A kind reads a
text or raises `Unfit`; it knows neither files nor lines nor the names of options.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from jinja2 import TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from agi_server.config.mistakes import nearest, quoted
from agi_server.logs import printable

LONGEST_LINE = 500
LONGEST_TEXT = 20_000
"""Characters; of a template."""


class Unfit(ValueError):  # noqa: N818 -- a value's own error, never raised beyond this module and `config`
    """A text that its option can't hold; says what would be right, or nothing if the kind's words do."""


class Contradiction(Unfit):
    """Options that don't go together: says what was found and expected of the section that they stand in."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an option may hold."""

    words: str
    read: Callable[[str], object]
    show: Callable[[str], str] = quoted
    """How an error repeats a wrong value."""
    secret: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.take, handler(source))

    def take(self, value: object) -> object:
        """The value, read if it is a text; one that was made in code is left to pydantic."""
        if isinstance(value, list | dict):
            raise Unfit
        return self.read(value) if isinstance(value, str) else value


def bounded(text: str, longest: int = LONGEST_LINE) -> str:
    """The text, if it is not too long."""
    if len(text) > longest:
        raise Unfit(f"at most {longest} characters")
    return text


def line(words: str = "a text of one line", *, empty: bool = False, like: str = "") -> Kind:
    """One line of text; `like` is a regular expression for the whole of it."""

    def read(text: str) -> str:
        if text == "" and empty:
            return ""
        if not text.strip() or not text.isprintable() or (like and not re.fullmatch(like, text)):
            raise Unfit
        return bounded(text)

    return Kind(words + (", or empty" if empty else ""), read)


def whole(low: int, high: int) -> Kind:
    words = f"a whole number from {low} to {high}"

    def read(text: str) -> int:
        if not re.fullmatch(r"(0|[1-9][0-9]{0,9})", text):
            raise Unfit(f"{words}, without leading zeros" if re.fullmatch(r"0[0-9]+", text) else "")
        if not low <= int(text) <= high:
            raise Unfit
        return int(text)

    return Kind(words, read)


def seconds(low: float, high: float) -> Kind:
    def read(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not low <= float(text) <= high:
            raise Unfit
        return float(text)

    return Kind(f"a number of seconds from {low:g} to {high:g}", read)


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST_DURATION = timedelta(days=365)


def _duration(text: str) -> timedelta:
    if text == "0":
        return timedelta(0)
    found = re.fullmatch(r"([0-9]{1,20})([smhd]?)", text)
    if not found or not found[1].strip("0"):
        raise Unfit
    if not found[2]:
        raise Unfit("a unit behind the number: s, m, h or d")
    duration = timedelta(**{_UNITS[found[2]]: int(found[1])}) if int(found[1]) < 10**8 else timedelta.max
    if duration > _LONGEST_DURATION:
        raise Unfit(f"at most {_LONGEST_DURATION.days}d")
    return duration


DURATION = Kind("a time such as 90s, 30m, 2h or 1d, or 0", _duration)


def one_of(*names: str) -> Kind:
    words = "one of " + ", ".join(names)

    def read(text: str) -> str:
        if text not in names:
            raise Unfit(words + nearest(text, names))
        return text

    return Kind(words, read)


def _switch(text: str) -> bool:
    word = text.lower()
    if word not in {"true", "yes", "on", "false", "no", "off"}:
        raise Unfit
    return word in {"true", "yes", "on"}


SWITCH = Kind("true or false", _switch)


def template(*, lines: bool = False, empty: bool = False) -> Kind:
    """A text that is filled in for each call; here only its grammar is tested, not the names in it."""
    words = ("a text" if lines else "a text of one line") + " that may hold {{ names }}"

    def read(text: str) -> str:
        if text == "" and empty:
            return ""
        if not text.strip() or (not lines and "\n" in text.strip()):
            raise Unfit
        template_names(bounded(text, LONGEST_TEXT))
        return text

    return Kind(words + (", or empty" if empty else ""), read)


def template_names(text: str) -> set[str]:
    """The names that the template takes from outside; Unfit if it is none."""
    try:
        return meta.find_undeclared_variables(ImmutableSandboxedEnvironment().parse(text))
    except TemplateError as error:
        where = f"line {getattr(error, 'lineno', 1)} of the text: " if "\n" in text.strip() else ""
        raise Unfit(f"a Jinja2 template ({where}{printable(error.message or 'this is none').rstrip('.')})") from error
    except (ValueError, ArithmeticError, RecursionError) as error:  # numbers too long, brackets too deep
        raise Unfit("a Jinja2 template of a reasonable size") from error


def _secret(text: str) -> str:
    if not text or not text.isprintable():
        raise Unfit
    return bounded(text)


def _secret_or_none(text: str) -> str:
    return text and _secret(text)


def _hidden(_: str) -> str:
    return "a value that is not shown"


SECRET = Kind("a text of one line", _secret, show=_hidden, secret=True)
SECRET_OR_NONE = Kind("a text of one line, or empty", _secret_or_none, show=_hidden, secret=True)

_NAME = "[A-Za-z_][A-Za-z0-9_]{0,63}"
COLUMN = line("a column's name", like=_NAME)
TABLE = line("a table's name, with its schema if needed: schema.table", like=rf"({_NAME}\.)?{_NAME}")
TABLE_OR_NONE = line(TABLE.words, empty=True, like=rf"({_NAME}\.)?{_NAME}")
FIELD = "[A-Za-z0-9]{1,200}"
"""OTRS allows only letters and digits in the name of a dynamic field."""
FIELD_OR_NONE = line("a dynamic field's name (letters and digits)", empty=True, like=FIELD)
FIELD_NAME = line("letters and digits", like=FIELD)
CUSTOMER_ID = line("a customer_id")
LOGIN = line("a login")
EXTENSION = line("an extension (letters, digits and *#+._-)", like=r"[A-Za-z0-9*#+._-]{1,79}")
"""Asterisk's extensions have at most 79 characters."""
HEADER_OR_NONE = line("a header's name (letters, digits and -)", empty=True, like="[A-Za-z][A-Za-z0-9-]{0,63}")
AREA_CODE = line("at most six digits", empty=True, like="[0-9]{1,6}")


def _path(text: str) -> str:
    if not text.isprintable() or not PurePosixPath(text).is_absolute():
        raise Unfit
    return bounded(text)


FILE = Kind("a file's full path, from / on", _path)


def _region(text: str) -> str:
    if text.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise Unfit
    return text.upper()


REGION = Kind("a country of two letters, such as RU or DE", _region)


def _pattern(text: str) -> re.Pattern[str]:
    if not bounded(text):
        raise Unfit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python warns of patterns whose meaning is about to change
            return re.compile(text, re.ASCII)
    except re.error as error:
        raise Unfit(f"a regular expression ({error})") from error
    except (Warning, ValueError, OverflowError, RecursionError) as error:
        raise Unfit from error


PATTERN = Kind("a regular expression", _pattern)


def _zone(text: str) -> ZoneInfo | None:
    if text == "":
        return None
    try:
        return ZoneInfo(text)
    except (ValueError, LookupError, OSError) as error:  # a name that is a path, that nobody knows, a folder
        none = "time zones on this machine, which has none (package tzdata)"
        raise Unfit("" if available_timezones() else none) from error


ZONE = Kind("a time zone such as Europe/Moscow, or empty for the machine's own", _zone)
