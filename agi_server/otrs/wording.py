"""One operation's elements, given as plain values by their names, as this OTRS wants them written.

Pure. `request` tells what is wrong before anything leaves: a word that OTRS does not know, a value
that an element can't hold, two forms of one thing, one half of a pair, what this dialect refuses or
ignores. Whether OTRS has such a queue or such a customer only OTRS can tell. What may be left out
because a dialect lacks it is for `elements` to decide.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

from agi_server.helpdesk import Attachment
from agi_server.otrs import soap
from agi_server.otrs.dialect import WAYS, Dialect, Way
from agi_server.otrs.vocabulary import OPERATORS, VOCABULARY, Element, Holds, Place

Values: TypeAlias = Mapping[str, object]
"""By the elements' names; what `Holds` says, a list or a tuple where an element is repeated."""
_Leaf: TypeAlias = "str | soap.Values"

_PENDING = re.compile("pending", re.IGNORECASE)
"""How OTRS's own pending states begin; one that an administrator has added may be called otherwise."""
_PENDING_IDS = range(6, 9)
"""The IDs of these, in every OTRS from 3.1 on."""
YEARS = range(1970, 2038)
"""OTRS keeps seconds since 1970 in 32 bits: of a later pending time 6.5 makes a ticket that is due since 1970."""
_MEDIA_TYPE = re.compile("[A-Za-z0-9_]+/[A-Za-z0-9_]")
"""What OTRS takes for one: it looks no further."""
_DECIMAL = re.compile("-?[0-9]+([.,][0-9]+)?")
_HYPHEN = re.compile("""(charset=["']?utf|^utf)-(8)""", re.IGNORECASE)


class Mistake(ValueError):  # noqa: N818 - somebody's mistake is no error of the program
    """What is wrong with a request, and the element that it is about."""

    def __init__(self, element: str, words: str) -> None:
        super().__init__(f"{element}: {words}")
        self.element = element
        self.words = words


def request(operation: str, values: Values, dialect: Dialect | None = None, zone: tzinfo = UTC) -> soap.Content:
    """The operation's content for an OTRS of this dialect (None: for any), in whose time zone times are written.

    Raises Mistake.
    """
    known = VOCABULARY.get(operation)
    if known is None:
        raise Mistake(operation, f"there are {', '.join(VOCABULARY)}")
    way = WAYS[dialect]
    _check_pending(values)
    top: soap.Content = {}
    ticket: soap.Content = {}
    article: soap.Content = {}
    places = {Place.TOP: top, Place.TICKET: ticket, Place.ARTICLE: article}
    for name, value in values.items():
        element = known.get(name) or _unknown(name, known)
        _check_company(element, value, values, dialect)
        if element.holds is Holds.CRITERIA:
            top.update(_criteria(name, value, way, zone))
        elif element.holds is not Holds.ARTICLES:
            places[element.place][name] = _written(element, value, way, zone)
    content: soap.Content = {}
    if ticket:
        content["Ticket"] = ticket
    if "Article" in values:
        content["Article"] = [article, *_further(values["Article"], known, dialect, zone)]
    elif article:
        content["Article"] = article
    return {**content, **top}


def _unknown(name: str, known: Mapping[str, Element]) -> Element:
    nearest = difflib.get_close_matches(name, known, 1)
    raise Mistake(name, f"OTRS knows no such element; {nearest[0]}?" if nearest else "OTRS knows no such element")


def _check_company(element: Element, value: object, values: Values, dialect: Dialect | None) -> None:
    """May it be said here, and beside what else is said?"""
    if dialect is not None and dialect not in element.dialects:
        raise Mistake(element.name, f"OTRS {dialect} does not know it")
    if element.twin in values:
        raise Mistake(element.name, f"either this or {element.twin}")
    if element.needs and value is not False and not {element.needs, f"{element.needs}ID"} & values.keys():
        raise Mistake(element.name, f"only together with {element.needs}")


def _check_pending(values: Values) -> None:
    """OTRS would make a ticket that has been due since 1970."""
    if "PendingTime" in values:
        return
    name, number = values.get("State"), values.get("StateID")
    if isinstance(name, str) and _PENDING.match(name):
        raise Mistake("PendingTime", f"it is needed with the state {name!r}")
    if str(number) in map(str, _PENDING_IDS):
        raise Mistake("PendingTime", f"it is needed with the state {number}, one of OTRS's own pending ones")


def _further(
    articles: object, known: Mapping[str, Element], dialect: Dialect | None, zone: tzinfo
) -> list[soap.Content]:
    """The articles beside the first."""
    found = []
    for article in _all(articles):
        if not isinstance(article, Mapping):
            raise Mistake("Article", "a mapping of an article's elements is expected")
        written: soap.Content = {}
        for name, value in article.items():
            element = known.get(name)
            if element is None or element.place is not Place.ARTICLE:
                raise Mistake(str(name), "an article has no such element")
            _check_company(element, value, article, dialect)
            written[name] = _written(element, value, WAYS[dialect], zone)
        found.append(written)
    return found


def _written(element: Element, value: object, way: Way, zone: tzinfo) -> soap.Value:
    """The element's content: one, or a list of them."""
    name = element.name
    if element.holds is Holds.FIELDS:
        return [_field(field, content, way) for field, content in _mapping(name, value).items()]
    write = _WRITERS[element.holds]
    if element.repeats and isinstance(value, (list, tuple)):
        return [_chosen(element, write(name, one, way, zone)) for one in value]
    return _chosen(element, write(name, value, way, zone))


def _all(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else (value,)


def _chosen(element: Element, written: _Leaf) -> _Leaf:
    if element.choices and written not in element.choices:
        raise Mistake(element.name, f"{' or '.join(element.choices)} is expected, not {written!r}")
    return written


def _mapping(name: str, value: object) -> Mapping[str, object]:
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return value
    raise Mistake(name, "a mapping of names to values is expected")


def _text(name: str, value: object, way: Way, _: tzinfo) -> str:
    if not isinstance(value, str):
        raise _misfit(name, value, Holds.TEXT)
    if name in ("ContentType", "Charset") and not way.hyphen:
        return _HYPHEN.sub(r"\1\2", value)
    return value


def _id(name: str, value: object, _: Way, __: tzinfo) -> str:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _misfit(name, value, Holds.ID)
    return str(value)


def _number(name: str, value: object, _: Way, __: tzinfo) -> str:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _misfit(name, value, Holds.NUMBER)
    return str(value) if isinstance(value, int) else f"{value:f}".rstrip("0").rstrip(".")


def _minutes(name: str, value: object, way: Way, zone: tzinfo) -> str:
    if isinstance(value, timedelta):
        return str(math.ceil(value / timedelta(minutes=1)))
    return _number(name, value, way, zone)


def _switch(name: str, value: object, _: Way, __: tzinfo) -> str:
    if not isinstance(value, bool):
        raise _misfit(name, value, Holds.SWITCH)
    return "1" if value else "0"


def _time(name: str, value: object, _: Way, zone: tzinfo) -> str:
    if not isinstance(value, datetime):
        raise _misfit(name, value, Holds.TIME)
    return f"{_local(name, value, zone):%Y-%m-%d %H:%M:%S}"


def _local(name: str, time: datetime, zone: tzinfo) -> datetime:
    if time.year not in YEARS:
        raise Mistake(name, f"OTRS keeps times from {YEARS[0]} to {YEARS[-1]} only")
    return time.astimezone(zone) if time.tzinfo else time


def _pending(name: str, value: object, way: Way, zone: tzinfo) -> soap.Values:
    if isinstance(value, timedelta):
        if not way.difference:
            raise Mistake(name, "this OTRS wants a time, not a difference")
        return {"Diff": str(max(1, math.ceil(value / timedelta(minutes=1))))}
    if not isinstance(value, datetime):
        raise _misfit(name, value, Holds.PENDING)
    time = _local(name, value, zone)
    return {part: str(getattr(time, part.lower())) for part in ("Year", "Month", "Day", "Hour", "Minute")}


def _attachment(name: str, value: object, way: Way, _: tzinfo) -> soap.Values:
    if not isinstance(value, Attachment):
        raise _misfit(name, value, Holds.ATTACHMENTS)
    if not _MEDIA_TYPE.match(value.content_type):
        raise Mistake(f"{name} {value.filename}", f"{value.content_type!r} is no type of a file, as text/plain is")
    content_type = value.content_type if way.hyphen else _HYPHEN.sub(r"\1\2", value.content_type)
    if way.attachment_charset and "charset=" not in content_type.lower():
        content_type += "; charset=utf8"
    return {
        "Content": soap.File(value.file) if value.file else value.content,
        "ContentType": content_type,
        "Filename": value.filename,
    }


def _key(name: str, value: object, _: Way, __: tzinfo) -> soap.Values:
    parts = _mapping(name, value)
    if not parts.keys() <= {"Type", "SubType", "Key"} or not all(isinstance(part, str) for part in parts.values()):
        raise _misfit(name, value, Holds.KEY)
    return {part: str(text) for part, text in parts.items()}


def _field(name: str, value: object, way: Way) -> soap.Values:
    """A dynamic field with its text, or if it is a multiselect its texts."""
    texts = [_text(f"DynamicField {name}", one, way, UTC) for one in _all(value)]
    if not way.empty_values and not all(texts):
        raise Mistake(f"DynamicField {name}", "this OTRS takes no empty value")
    return {"Name": name, "Value": texts if isinstance(value, (list, tuple)) else texts[0]}


def _criteria(name: str, value: object, way: Way, zone: tzinfo) -> soap.Content:
    """What dynamic fields have to hold, in the form or the forms that are understood."""
    wanted = {field: _operators(field, given, way, zone) for field, given in _mapping(name, value).items()}
    content: soap.Content = {}
    if way.fields_by_name:
        content["DynamicField"] = [{"Name": field, **operators} for field, operators in wanted.items()]
    if way.fields_flat:
        content.update({f"DynamicField_{field}": operators for field, operators in wanted.items()})
    return content


def _operators(field: str, given: object, way: Way, zone: tzinfo) -> soap.Content:
    name = f"DynamicField {field}"
    operators = _mapping(name, given) if isinstance(given, Mapping) else {"Equals": given}
    unknown = next((operator for operator in operators if operator not in OPERATORS), None)
    if unknown is not None:
        raise Mistake(name, f"{unknown!r} is no operator; there are {', '.join(OPERATORS)}")
    return {operator: _operand(name, operator, value, way, zone) for operator, value in operators.items()}


def _operand(name: str, operator: str, value: object, way: Way, zone: tzinfo) -> soap.Value:
    if operator == "Empty":
        return _switch(name, value, way, zone)
    texts = [(_time if isinstance(one, datetime) else _text)(name, one, way, zone) for one in _all(value)]
    return texts if isinstance(value, (list, tuple)) else texts[0]


def _misfit(name: str, value: object, holds: Holds) -> Mistake:
    return Mistake(name, f"{holds.value} is expected, not {value!r}")


_WRITERS: Mapping[Holds, Callable[[str, object, Way, tzinfo], _Leaf]] = {
    Holds.TEXT: _text,
    Holds.ID: _id,
    Holds.NUMBER: _number,
    Holds.MINUTES: _minutes,
    Holds.SWITCH: _switch,
    Holds.TIME: _time,
    Holds.PENDING: _pending,
    Holds.ATTACHMENTS: _attachment,
    Holds.KEY: _key,
}
