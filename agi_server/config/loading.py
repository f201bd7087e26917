"""From the file to the whole `Config`, or to every mistake in it, in an administrator's words.

Three steps: read the YAML, put in what comes from the environment and from secret files, check
every option. A mistake in one step does not hide those of the next, but one value is never
complained of twice. No error repeats a secret, nor a value that the environment gave.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from agi_server.config.describing import OPTIONS, in_words, kind_of, name_kind_of
from agi_server.config.document import Document, Tree, parse
from agi_server.config.mistakes import ConfigError, Place, label, nearest, quoted, shown_name
from agi_server.config.options import SECTIONS, Config, option_at, section_of
from agi_server.config.section import Section
from agi_server.config.sources import expand, read_file, read_secret
from agi_server.config.tickets import CONDITIONS, Route
from agi_server.config.values import Contradiction, Kind, Unfit
from agi_server.logs import printable


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration. Raises ConfigError, whose text is all mistakes, one a line."""
    text, everybody = read_file(path)
    document = parse(text)
    if not document.readable:
        raise ConfigError(path, document.mistakes)
    if not isinstance(document.tree, dict):
        found = "nothing" if document.tree == "" else "no options"
        document.blame((), f"found {found} in the file, expected the sections {', '.join(Config.model_fields)}")
        raise ConfigError(path, document.mistakes)
    options = _filled_in(document, document.tree, environ)
    _take_secrets(document, options, path.parent)
    _tell_of_taker(document, options.get("routes"))
    try:
        config = Config.model_validate(options)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            _complain(document, options, details)
    if document.mistakes:
        raise ConfigError(path, document.mistakes)
    config._warnings = tuple(_exposed(path, document.tree, config)) if everybody else ()
    return config


def _filled_in(document: Document, written: dict[str, Tree], environ: Mapping[str, str]) -> dict[str, Tree]:
    """The options with the environment's values in them; a section all of whose options are comments is empty."""

    def value(tree: Tree, place: Place) -> Tree:
        if tree == "" and (empty := _empty_section(place)) is not None:
            return empty
        if isinstance(tree, dict):
            return {name: value(inner, (*place, name)) for name, inner in tree.items()}
        if isinstance(tree, list):
            return [value(inner, (*place, number)) for number, inner in enumerate(tree)]
        try:
            expanded = expand(tree, environ)
        except ValueError as error:
            document.blame(place, str(error))
            return ""
        return tree if expanded == tree else expanded

    return {name: value(tree, (name,)) for name, tree in written.items()}


def _empty_section(place: Place) -> Tree | None:
    """What an empty text stands for where options do."""
    _, field, within = option_at(place)
    if field is None or within or section_of(field) is None:
        return None
    return [] if get_origin(field.annotation) is tuple else {}


def _take_secrets(document: Document, options: dict[str, Tree], folder: Path) -> None:
    """Put the secrets in whose files are named; `password_file` gives way to `password`."""
    for section, model in SECTIONS.items():
        inner = options.get(section)
        for name in _secrets(model):
            if isinstance(inner, dict) and f"{name}_file" in inner:
                _take_secret(document, inner, (section, name), folder)


def _take_secret(document: Document, options: dict[str, Tree], place: tuple[str, str], folder: Path) -> None:
    section, name = place
    source = (section, f"{name}_file")
    file = options.pop(source[1])
    if name in options:
        document.blame(source, f"found beside {section}.{name}, expected one of the two")
        return
    if not isinstance(file, str) or not file:
        words = "found no file's name, expected the path of a file that holds the secret"
    else:
        try:
            options[name] = read_secret(folder / file, _file_name(folder, file, _at(document.tree, source)))
        except ValueError as error:
            words = str(error)
        else:
            return
    document.faulty.add(place)  # it is not missing, it can't be had
    if not document.blamed(source):
        document.blame(source, words)


def _file_name(folder: Path, file: str, written: Tree | None) -> str:
    """A file's name as an error may repeat it: `${NAME}` may stand for the secret itself, put there by mistake."""
    if written == file:
        return printable(str(folder / file))
    return f"{printable(str(written))} (filled in from the environment)"


def _secrets(model: type[Section]) -> list[str]:
    return [name for name, field in model.model_fields.items() if not section_of(field) and kind_of(field).secret]


def _tell_of_taker(document: Document, routes: Tree | None) -> None:
    """A route without a condition takes every call that comes to it."""
    for number, route in enumerate(routes[:-1] if isinstance(routes, list) else []):
        if isinstance(route, dict) and route and route.keys() <= Route.model_fields.keys() - CONDITIONS:
            words = "found no condition, expected one: no call comes to the routes behind it"
            document.note(("routes", number), words)
            return


def _complain(document: Document, options: dict[str, Tree], details: ErrorDetails) -> None:
    """One of pydantic's errors in our words, unless its value has been complained of."""
    place = details["loc"]
    if isinstance(place[-1], int) and not isinstance(_at(options, place[:-1]), list):
        place = place[:-1]  # one text, where a list of them may stand
    error = details.get("ctx", {}).get("error")
    section, field, within = option_at(place)
    if isinstance(error, Contradiction):
        document.note(place[:-1], str(error))
        return
    if details["type"] == "too_short" and _at(options, place):
        return  # the list has items, but wrong ones
    if field is None:
        words = _unknown(section, place)
    elif details["type"] == "missing":
        words = _missing(place, field)
    elif section_of(field):
        words = f"found {_found(options, place)}, expected {OPTIONS if within else in_words(field)}"
    else:
        words = _sentence(document, options, place, field, str(error) if isinstance(error, Unfit) else "")
    if place[-1] == "[key]":
        place = place[:-1]
    if not document.blamed(place):
        document.blame(place, words)


def _unknown(section: type[Section], place: Place) -> str:
    name = shown_name(str(place[-1]))
    known = [*section.model_fields, *(f"{secret}_file" for secret in _secrets(section))]
    words = "unknown section" if section is Config else "unknown option"
    return words + (nearest(name, known) or f", expected one of {', '.join(known)}")


def _missing(place: Place, field: FieldInfo) -> str:
    secret = not section_of(field) and kind_of(field).secret
    return f"missing, expected {in_words(field)}" + (f", or {place[-1]}_file" if secret else "")


def _sentence(document: Document, options: dict[str, Tree], place: Place, field: FieldInfo, hint: str) -> str:
    """What was found in this option, and what was expected."""
    kind = kind_of(field)
    if place[-1] == "[key]":
        return f"found the name {quoted(str(place[-2]))}, expected {name_kind_of(field).words}"
    expected = hint or (kind.words if option_at(place)[2] else in_words(field))
    return f"found {_found(options, place, kind, _at(document.tree, place))}, expected {expected}"


def _found(options: Tree, place: Place, kind: Kind | None = None, written: Tree | None = None) -> str:
    """The value as an error may repeat it: as it is written, and not at all where it may be a secret."""
    value = _at(options, place)
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "options"
    source = " (filled in from the environment)" if isinstance(written, str) and written != value else ""
    if not value:
        return f"nothing{source}"
    return kind.show(written if isinstance(written, str) else value) + source if kind else "a text"


def _at(tree: Tree | None, place: Place) -> Tree | None:
    for part in place:
        if isinstance(tree, dict):
            tree = tree.get(str(part))
        elif isinstance(tree, list):
            tree = tree[int(part)]
    return tree


def _exposed(path: Path, written: Tree, config: Config) -> Iterator[str]:
    """A warning if the file, which everybody may read, holds a secret itself."""
    options = [(section, name) for section, model in SECTIONS.items() for name in _secrets(model)]
    if config.customers.database.password is not None:
        options.append(("customers", "database"))
    places = [place for place in options if isinstance(text := _at(written, place), str) and text and "${" not in text]
    if places:
        names = " and ".join(label(place) for place in places)
        yield f"{printable(str(path))}: holds {names}, and every user of this machine may read it: chmod o-r"
