"""What rpc.pl's methods make of their parameters, and of the lists that OTRS has by name and ID.

Pure. A parameter that is missing is empty; one that is no number is 0, as Perl has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from agi_server.sandbox.rpc_wire import Result, Value

Asked = Mapping[str, Value]
"""A method's parameters."""


def text(asked: Asked, name: str) -> str:
    """One text."""
    value = asked.get(name, "")
    return value if isinstance(value, str) else ""


def texts(asked: Asked, name: str) -> list[str]:
    """Those of an array; OTRS takes nothing else for one."""
    value = asked.get(name, [])
    return value if isinstance(value, list) else []


def number(asked: Asked, name: str) -> int:
    """A number: the digits at the beginning."""
    found = re.match("-?[0-9]{1,18}", text(asked, name))
    return int(found[0]) if found else 0


def named(values: Mapping[int, str], asked: Asked, name: str) -> str | None:
    """One of these, by its ID or else by its name."""
    if text(asked, f"{name}ID"):
        return values.get(number(asked, f"{name}ID"))
    return next((value for value in values.values() if value == text(asked, name)), None)


def looked_up(values: Mapping[int, str], asked: Asked, name: str) -> Result:
    """A Lookup: the ID of a name, or the name of an ID; nothing if there is none."""
    if text(asked, f"{name}ID"):
        return [value for key, value in values.items() if key == number(asked, f"{name}ID")]
    return [key for key, value in values.items() if value == text(asked, name)]


def listed(values: Mapping[int, str], asked: Asked) -> Result:
    """A List: all of them, for whoever says in whose name he asks, and for which queue."""
    return flat(values) if text(asked, "UserID") and text(asked, "QueueID") else []


def flat(pairs: Mapping[int, str] | Mapping[str, str] | Mapping[str, str | int]) -> Result:
    """A Perl hash as it is returned: names and values in turn."""
    return [part for pair in pairs.items() for part in pair]


def stamp(moment: datetime) -> str:
    """A time as OTRS shows it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
