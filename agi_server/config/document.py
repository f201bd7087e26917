"""The configuration file as it is written: YAML in, plain texts and their lines out.

Pure, and reads no meaning into a value: `values` does. What YAML has beyond options, lists and
texts (anchors, aliases, tags) is refused: nobody needs it here, a password that begins with
`*`, `&` or `!` would vanish in it, and so no small file unfolds into a giant. Depth is bounded.
PyYAML's own words never get out, for they may quote a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from agi_server.config.mistakes import Mistake, Place, label
from agi_server.logs import printable

DEEPEST = 8
"""Levels of options and lists within each other; the program has no option so deep."""

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"


class Bare(str):
    """A text that stands in the file without quotes: an ID, where an option may hold one beside a name."""

    __slots__ = ()


@dataclass(slots=True)
class Document:
    """What stands in the file. An empty value is an empty text; so is an empty file."""

    tree: Tree = ""
    readable: bool = True
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    faulty: set[Place] = field(default_factory=set)
    """Values that have been complained of, so that nothing more is to be said about them."""

    def line(self, place: Place) -> int:
        """The line of this value, or of what it would stand in."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def blamed(self, place: Place) -> bool:
        """Has this value, or what it stands in, been complained of?"""
        return any(place[:length] in self.faulty for length in range(1, len(place) + 1))

    def blame(self, place: Place, words: str) -> None:
        """Note what is wrong with this value, of which nothing more is to be said."""
        self.note(place, words)
        self.faulty.add(place)

    def note(self, place: Place, words: str) -> None:
        """Note what is wrong here; there may be more within."""
        self.mistakes.append(Mistake(self.line(place), label(place), words))


def parse(text: str) -> Document:
    """Read the YAML. Where it can't be read it ends, as nothing after is certain."""
    document = Document()
    try:
        document.tree = _Reader(document, yaml.parse(text, Loader=yaml.SafeLoader)).read()
    except _UnreadableError as error:
        mistake = Mistake(error.line, "", error.words)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = printable(chr(int(error.character)))
        mistake = Mistake(line, "", f"found the character {character}, expected text without control characters")
    except yaml.MarkedYAMLError as error:
        mistake = _yaml_mistake(error)
    except (ValueError, OverflowError):  # PyYAML on "\UFFFFFFFF" and on %YAML 1.(thousands of digits)
        last = max(document.lines.values(), default=1)
        mistake = Mistake(last, "", "found a number too large for YAML in an escape or directive, expected plain text")
    else:
        return document
    document.readable = False
    document.mistakes.append(mistake)
    return document


class _UnreadableError(Exception):
    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line
        self.words = words


class _Reader:
    """Builds the tree from YAML's events."""

    def __init__(self, document: Document, events: Iterator[yaml.Event]) -> None:
        self._document = document
        self._events = events

    def read(self) -> Tree:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return ""
        tree = self._value(next(self._events), ())
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _UnreadableError(_line(event), "found a second document (---), expected one")
        return tree

    def _value(self, event: yaml.Event, place: Place) -> Tree:
        self._document.lines.setdefault(place, _line(event))
        if len(place) > DEEPEST:
            raise _UnreadableError(
                _line(event), f"found more than {DEEPEST} levels, expected sections, options and lists"
            )
        self._refuse_extras(event, place)
        if isinstance(event, yaml.ScalarEvent):
            empty = event.implicit[0] and event.value in {"", "~", "null", "Null", "NULL"}
            return "" if empty else Bare(event.value) if event.implicit[0] else str(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(place)
        if isinstance(event, yaml.MappingStartEvent):
            return self._options(place)
        return ""  # an alias, which has been blamed

    def _list(self, place: Place) -> Tree:
        items: list[Tree] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*place, len(items))))
        return items

    def _options(self, place: Place) -> Tree:
        options: dict[str, Tree] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _UnreadableError(
                    _line(event), "found { or [ for a name, expected quotes around a text that begins so"
                )
            name = str(event.value)
            self._refuse_extras(event, (*place, name))
            if name in options:
                first = self._document.line((*place, name))
                words = f"found a second time, expected once (line {first} has it)"
                self._document.mistakes.append(Mistake(_line(event), label((*place, name)), words))
            self._document.lines.setdefault((*place, name), _line(event))
            options.setdefault(name, self._value(next(self._events), (*place, name)))
        return options

    def _refuse_extras(self, event: yaml.Event, place: Place) -> None:
        is_alias = isinstance(event, yaml.AliasEvent)
        for mark, what, present in (
            ("*", "an alias", is_alias),
            ("&", "an anchor", not is_alias and getattr(event, "anchor", None) is not None),
            ("!", "a tag", getattr(event, "tag", None) is not None),
        ):
            if present:
                words = f"found {what} of YAML ({mark}…), expected quotes around a text that begins with {mark}"
                self._document.mistakes.append(Mistake(_line(event), label(place), words))
                if not isinstance(event, yaml.CollectionStartEvent):
                    self._document.faulty.add(place)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


_BACKSLASH = ("a \\ that means nothing in double quotes", "single quotes around a text with \\ in it")
_YAML_MISTAKES = (
    ("mapping values are not", "a second ': ' in one value, or a wrong indentation", "quotes around a text with ': '"),
    (r"character '\\t'", "a tab", "spaces (YAML indents by spaces only)"),
    ("cannot start any token", "a value that begins with %, @ or `", "quotes around it"),
    ("unknown escape character", *_BACKSLASH),
    ("escape sequence", *_BACKSLASH),
    ("while scanning a quoted scalar", "a quote that is not closed", "another at the text's end"),
    ("while parsing a flow", "a bracket that is not closed, or a comma missing", "[a, b] or {a: b}"),
    ("expected <block end>", "a wrong indentation, or text behind a closed quote", "a section's options in one column"),
    ("could not find expected ':'", "a line without ': '", "name: value"),
    ("", "something that is not YAML", "options as name: value, indented by spaces"),
)
"""What is in PyYAML's words (context and problem), what was found, what was expected."""


def _yaml_mistake(error: yaml.MarkedYAMLError) -> Mistake:
    said = f"{error.context}: {error.problem}"
    found, expected = next((found, expected) for pattern, found, expected in _YAML_MISTAKES if re.search(pattern, said))
    opened = "scanning a quoted" in said or "parsing a flow" in said
    mark = (error.context_mark if opened else None) or error.problem_mark or error.context_mark
    return Mistake(mark.line + 1 if mark else 1, "", f"found {found}, expected {expected}")
