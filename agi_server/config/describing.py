"""The options in words: for the README's table, for `check`, and for what a mistake says was expected."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo
from sqlalchemy import URL

from agi_server.config.conditions import OneOrMore
from agi_server.config.options import SECTIONS, Config, section_of
from agi_server.config.section import Section
from agi_server.config.values import Kind

OPTIONS = "options (name: value)"


def kind_of(field: FieldInfo) -> Kind:
    """What the option may hold; for lists and names with values, what each of them may."""
    kind = _kind(field.annotation, field.metadata)
    assert kind is not None, "every option says what it may hold"
    return kind


def name_kind_of(field: FieldInfo) -> Kind:
    """For names with values: what may be a name."""
    kind = _kind(*_parts(get_args(field.annotation)[0]))
    assert kind is not None, "every option says what it may hold"
    return kind


def _kind(annotation: Any, metadata: list[Any] | tuple[Any, ...]) -> Kind | None:
    for one in metadata:
        if isinstance(one, Kind | OneOrMore):
            return one if isinstance(one, Kind) else one.kind
    inner = [_kind(*_parts(one)) for one in get_args(annotation) if get_origin(one) is Annotated]
    return inner[-1] if inner else None


def _parts(annotated: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_args(annotated)[0], get_args(annotated)[1:]


class Option(NamedTuple):
    """One option, in words."""

    name: str
    """`log.level`; of a list's items `routes[].dialled`."""
    words: str
    default: str
    """As it would be written in the file; `required`, or empty where there is none."""
    help: str


def describe() -> list[Option]:
    """All options in their order, for the README's table."""
    return [option for name, field in Config.model_fields.items() for option in _section(name, field)]


def _section(name: str, field: FieldInfo) -> Iterator[Option]:
    section = section_of(field)
    assert section is not None, "all options stand in sections"
    if get_origin(field.annotation) is tuple:
        yield Option(name, in_words(field), written(field.default), _help(field))
        yield from _items(name, section)
    else:
        yield from _options(name, section)


def _items(prefix: str, section: type[Section]) -> Iterator[Option]:
    """What each item of a list may say; it stands for nothing until it is there."""
    return (option._replace(default="") for option in _options(f"{prefix}[]", section))


def _options(prefix: str, section: type[Section]) -> Iterator[Option]:
    for name, field in section.model_fields.items():
        words = in_words(field)
        secret = section_of(field) is None and kind_of(field).secret
        default = "required" if field.is_required() else "" if secret else written(field.default)
        yield Option(f"{prefix}.{name}", words, default, _help(field))
        if get_origin(field.annotation) is tuple and (inner := section_of(field)):
            yield from _items(f"{prefix}.{name}", inner)
        if secret:
            words = "a file that holds only the secret; its path may be relative to this file's folder"
            yield Option(f"{prefix}.{name}_file", words, "", f"Instead of `{name}`.")


def _help(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def in_words(field: FieldInfo) -> str:
    """What the option may hold."""
    is_list = get_origin(field.annotation) is tuple
    if section := section_of(field):
        if is_list:
            return "a list, each item options behind a dash (- name: value)"
        required = ", ".join(name for name, inner in section.model_fields.items() if inner.is_required())
        whole = "a section" if section in SECTIONS.values() else OPTIONS
        return f"{whole} with {required}" if required else whole
    words = kind_of(field).words
    is_mapping = get_origin(field.annotation) is Mapping
    metadata = _parts(get_args(field.annotation)[1])[1] if is_mapping else field.metadata
    if any(isinstance(one, OneOrMore) for one in metadata):
        words, is_list = f"{words}; or a list of such", False
    if is_mapping:
        return f"name: value, each name {name_kind_of(field).words}, each value {words}"
    return f"a list, each item {words}" if is_list else words


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
        case timedelta():
            return f"{value.total_seconds():g}s" if value else "0"
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z0-9/]([A-Za-z0-9_ ./+-]|:(?! ))*", text)
    return text if plain else json.dumps(text, ensure_ascii=False)
