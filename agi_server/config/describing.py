"""The options in words: for the README's table, for `check`, and for what a mistake says was expected."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo
from sqlalchemy import URL

from agi_server.config.options import SECTIONS, Section
from agi_server.config.values import Kind


def kind_of(field: FieldInfo) -> Kind:
    """What the option may hold; for lists and names with values, what each of them may."""
    kind = _kind(field.annotation, field.metadata)
    assert kind is not None, "every option says what it may hold"
    return kind


def _kind(annotation: Any, metadata: list[Any] | tuple[Any, ...]) -> Kind | None:
    if found := next((one for one in metadata if isinstance(one, Kind)), None):
        return found
    inner = [_kind(get_args(one)[0], get_args(one)[1:]) for one in get_args(annotation) if get_origin(one) is Annotated]
    return inner[-1] if inner else None


class Option(NamedTuple):
    """One option, in words."""

    name: str
    words: str
    default: str
    """As it would be written in the file; `required`, or empty where there is none."""
    help: str


def describe() -> list[Option]:
    """All options in their order, for the README's table."""
    return [option for section, model in SECTIONS.items() for option in _describe(section, model)]


def _describe(section: str, model: type[Section]) -> Iterator[Option]:
    for name, field in model.model_fields.items():
        words = in_words(field)
        secret = kind_of(field).secret
        default = "required" if field.is_required() else "" if secret else written(field.default)
        yield Option(f"{section}.{name}", words, default, " ".join((field.description or "").split()))
        if secret:
            words = "a file that holds only the secret; its path may be relative to this file's folder"
            yield Option(f"{section}.{name}_file", words, "", f"Instead of `{name}`.")


def in_words(field: FieldInfo) -> str:
    """What the option may hold."""
    words = kind_of(field).words
    if get_origin(field.annotation) is tuple:
        return f"a list, each item {words}"
    return f"name: value, each value {words}" if get_origin(field.annotation) is Mapping else words


def written(value: object) -> str:
    """The value as it would be written in the file."""
    match value:
        case None:
            return '""'
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case URL():
            return value.render_as_string()
        case tuple():
            return f"[{', '.join(written(item) for item in value)}]"
        case dict():
            return "{}"
        case re.Pattern():
            return written(value.pattern)
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z0-9/]([A-Za-z0-9_ ./+-]|:(?! ))*", text)
    return text if plain else json.dumps(text, ensure_ascii=False)
