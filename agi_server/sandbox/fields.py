"""Dynamic fields: which there are, and what may be put into them.

Pure. A field is a text, or a multiselect with its possible values. A text that is given several values is
noticed by OTRS only when it stores them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.envelope import Struct, Value, structs, text
from agi_server.sandbox.refusals import FaultError, RefusalError
from agi_server.sandbox.tickets import Texts, storable

Fields = Mapping[str, frozenset[str]]
"""All fields; a text has no possible values."""


def chosen_fields(data: Struct, fields: Fields, dialect: Dialect, missing: str) -> dict[str, Texts]:
    """What is asked for, checked; `missing` are OTRS's words for an element that is not there."""
    found: dict[str, Texts] = {}
    for sent in structs(data, "DynamicField"):
        for name in ("Name", "Value"):
            if not _is_there(sent.get(name), dialect):
                raise RefusalError("MissingParameter", missing.format(name))
        field = text(sent, "Name").strip()
        if field not in fields:
            raise RefusalError("InvalidParameter", "DynamicField->Name parameter is invalid!")
        found[field] = _texts(sent["Value"])
        if (chosen := set(_each(found[field]))) and fields[field] and not chosen <= fields[field]:
            raise RefusalError("InvalidParameter", "DynamicField->Value parameter is invalid!")
    return found


def check_texts(asked: Mapping[str, Texts], fields: Fields) -> None:
    """End as OTRS ends where a text is given several values."""
    for name, value in asked.items():
        if isinstance(value, tuple) and not fields[name]:
            raise FaultError(f"Dynamic Field {name} could not be set, please contact the system administrator")


def _is_there(value: Value | None, dialect: Dialect) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and (dialect.empty_field or value.strip() != ""))


def _texts(value: Value) -> Texts:
    if isinstance(value, list):
        return tuple(storable(one) for one in value if isinstance(one, str))
    return storable(value.strip()) if isinstance(value, str) else ""


def _each(value: Texts) -> Iterable[str]:
    """Its values; an empty text is none."""
    return value if isinstance(value, tuple) else filter(None, [value])
