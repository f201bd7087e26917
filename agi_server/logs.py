"""How the log is written: one record is one line, whatever a caller put into his name or number.

A record's call stands in front of its message, from `extra={"call": id}` or from `call_id` of the
running task. Line breaks and control characters are escaped, and phone numbers masked if wanted,
here where lines are formatted and nowhere else; a traceback is the only thing of several lines,
and those are indented. Under systemd the journal keeps time and level.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import TextIO

PACKAGE = "agi_server"

call_id: ContextVar[str] = ContextVar("call_id", default="")
"""The unique id of the call that the running task is about."""


def configure(
    level: str,
    format: str,
    mask_numbers: bool,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Write all records to `stream` (standard error); a second time replaces the first.

    `level` is debug, info, warning or error, `format` text or json. Libraries are heard from
    warning on, and fully at debug.
    """
    # What no line of ours has need not be found out for each (logging's HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.name = PACKAGE
    mask = mask_phone_numbers if mask_numbers else str
    journald = is_journal(stream, environ)
    form = JsonLines(mask) if format == "json" else TextLines(mask, times=not journald)
    handler.setFormatter(WithPriority(form) if journald else form)
    root = logging.getLogger()
    for earlier in [one for one in root.handlers if one.name == PACKAGE]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    ours = getattr(logging, level.upper())
    logging.getLogger(PACKAGE).setLevel(ours)
    root.setLevel(ours if ours == logging.DEBUG else max(ours, logging.WARNING))


def printable(text: str) -> str:
    """The text on one line, with all that does not print escaped: `\\n`, `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_KEPT_OR_NUMBER = re.compile(
    rf"""(?x)
    (?<![\w.+]) (?P<kept>
        (?:[A-Za-z]\w*-)? [12]\d{{9}}\.\d{{1,9}} (?![\d.])   # a unique id of Asterisk: system, seconds, counter
      | 20\d{{14}} (?!\d)                                  # a ticket number of OTRS: day, system, counter, checksum
      | 20\d\d-\d\d-\d\d (?!\d)                           # a day
      | (?:{_OCTET}\.){{3}}{_OCTET} (?!\.?\d)              # an IPv4 address
    )
    | (?P<number> \d (?:[\s().\-/~]{{0,3}}\d){{6,}} )
    """
)
SHOWN_DIGITS = 3


def mask_phone_numbers(text: str) -> str:
    """The text with each number of 7 digits or more, however it is written, cut to its last 3 digits.

    Internal extensions are shorter and stay. What else is long and digits, but for the ids that an
    administrator needs to follow a call, is taken for a number: better one mask too many.
    """

    def cut(found: re.Match[str]) -> str:
        if found["kept"]:
            return found["kept"]
        digits = [c for c in found["number"] if c.isdigit()]
        return "***" + "".join(digits[-SHOWN_DIGITS:])

    return _KEPT_OR_NUMBER.sub(cut, text)


class TextLines(logging.Formatter):
    """`2026-11-22 11:20:59.123 INFO  intake [1795323819.0]: message`."""

    def __init__(self, mask: Callable[[str], str], *, times: bool) -> None:
        super().__init__()
        self._mask = mask
        self._times = times

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().replace(tzinfo=None)
        when = f"{time.isoformat(' ', 'milliseconds')} {record.levelname:<5} " if self._times else ""
        call = _call(record)
        about = f" [{printable(call)}]" if call else ""
        lines = [f"{when}{_short(record.name)}{about}: {printable(self._mask(_message(record)))}"]
        # A caller's line break within an exception's text must not begin a line of the log.
        lines += [f"    {printable(line)}" for line in self._mask(_trace(self, record)).splitlines()]
        return "\n".join(lines)


class JsonLines(logging.Formatter):
    """One JSON object a line; what a record carries as `extra` is in it under its own name."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone()
        fields: dict[str, object] = {
            name: self._value(value) for name, value in vars(record).items() if name not in _STANDARD
        }
        fields |= {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": _short(record.name),
            "message": self._mask(_message(record)),
        }
        if call := _call(record):
            fields["call"] = call
        if trace := _trace(self, record):
            fields["traceback"] = self._mask(trace)
        order = ("time", "level", "logger", "call", "message")
        ordered = {name: fields.pop(name) for name in order if name in fields} | fields
        text = json.dumps(ordered, ensure_ascii=False)
        return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)

    def _value(self, value: object) -> object:
        """A number or truth as it is, all else as text; JSON has no word for infinity."""
        text = self._mask(str(value))
        plain = value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        return value if plain and text == str(value) else text


class WithPriority(logging.Formatter):
    """Each line with the level in the form that journald takes off again: `<6>` (sd-daemon(3))."""

    def __init__(self, form: logging.Formatter) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in self._form.format(record).split("\n"))


_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "call"}
"""What every record has, and what has a place of its own."""


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Does the stream lead to journald? It says so as `device:inode` (systemd.exec(5)), which a redirection changes."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file behind it, or closed
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _short(name: str) -> str:
    return printable(name.removeprefix(f"{PACKAGE}."))


def _call(record: logging.LogRecord) -> str:
    return str(getattr(record, "call", "") or call_id.get())


def _message(record: logging.LogRecord) -> str:
    """The record's message; a call of the log that is itself wrong still gives a line."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError) as error:
        return f"{record.msg} {record.args!r} ({error})"


def _trace(form: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [form.formatException(record.exc_info)] if record.exc_info and record.exc_info[1] else []
    return "\n".join([*parts, *([record.stack_info] if record.stack_info else [])])
