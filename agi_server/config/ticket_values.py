"""What only options of tickets hold: names or IDs, pending times, files to attach.

Like `values`. OTRS knows much by a name and by an ID; a number that stands in the file without quotes is an ID,
as in YAML, and with quotes the name of what is called so. What the environment gives is a name.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from agi_server.config.document import Bare
from agi_server.config.values import DURATION, Kind, Unfit, line, one_of, template
from agi_server.filled import LONGEST_NAME, file_name, folder_of, last_part
from agi_server.helpdesk import Named

_ID = "[1-9][0-9]{0,8}"
LEAST_WAIT = timedelta(minutes=1)


def _id(text: str) -> int:
    if not re.fullmatch(_ID, text):
        raise Unfit
    return int(text)


ID = Kind("an ID (a whole number from 1 on)", _id)


def _or_id(names: Kind) -> Kind:
    """A name as this kind has it, or an ID."""

    def read(text: str) -> Named:
        if not isinstance(text, Bare) or not re.fullmatch(r"[+-]?[0-9]+", text):
            return str(names.read(text))
        if not re.fullmatch(_ID, text):
            raise Unfit("an ID from 1 on without leading zeros, or quotes around what is a name")
        return int(text)

    return Kind(f"{names.words}, or an ID without quotes", read)


_LINE = template()
NAME = Annotated[Named, _or_id(_LINE)]
NAME_OR_NONE = Annotated[Named, _or_id(template(empty=True))]
PLAIN_NAME = Annotated[Named, _or_id(line())]
SENDER = Annotated[Named, _or_id(one_of("agent", "system", "customer"))]


def _pending(text: str) -> timedelta | str:
    if not text:
        return ""
    if "{{" in text or "{%" in text:
        return str(_LINE.read(text))
    wait = DURATION.read(text)
    if not isinstance(wait, timedelta) or wait < LEAST_WAIT:
        raise Unfit("at least 1m")
    return wait


PENDING_TIME = Kind("a time such as 90m, 2h or 1d, or a {{ template }} of a date and time, or empty", _pending)

TIME_UNIT = line("a number such as 5 or 1.5", empty=True, like=r"[0-9]{1,6}(\.[0-9]{1,2})?")
BODY_TYPE = line(
    "text/plain or text/html, and its charset: text/plain; charset=utf8", like="text/(plain|html); ?charset=utf-?8"
)
FILE_TYPE = line(
    "a type such as application/pdf, of a text with its charset: text/plain; charset=utf8",
    empty=True,
    like=r"(?!text/)[a-z]+/[a-z0-9.+-]+|text/[a-z0-9.+-]+; ?charset=[A-Za-z0-9._-]+",
)


def _file_name(text: str) -> str:
    _LINE.read(text)
    if "{" not in text:
        try:
            same = file_name(text) == text
        except ValueError as error:
            raise Unfit from error
        if not same:
            raise Unfit(f"a file's name without a folder, at most {LONGEST_NAME} characters")
    return text


FILE_NAME = Kind("a file's name that may hold {{ names }}", _file_name)


def _file(text: str) -> str:
    """A name may not be able to choose any file of this machine, for a caller may have given it."""
    if not text:
        return ""
    _LINE.read(text)
    if not text.startswith("/"):
        raise Unfit
    folder = folder_of(text)
    if ".." in text.split("/"):
        raise Unfit("a path without ..")
    if folder == "/":
        raise Unfit("a folder before the first of the {{ names }}, which no name leads out of")
    if not folder and not last_part(text):
        raise Unfit("a file's name at its end")
    return text


FILE = Kind("a file's full path, from / on, whose end may hold {{ names }}", _file)
