"""The SOAP of OTRS's Ticket Connector, seen from the server: bytes to a request, an answer to bytes.

Written from the recordings and on purpose without a line of `agi_server.otrs`: a mistake in one reading
of them must not hide in the other. Pure. Data has the shape that OTRS gives it: an element with
children is a `Struct`, one without is a text, one that is repeated is a list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union
from xml.sax.saxutils import escape

from lxml import etree

from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.refusals import RefusalError

NAMESPACE = "http://www.otrs.org/TicketConnector/"

Struct = dict[str, "Value"]
Value = Union[str, Struct, list["Value"]]  # noqa: UP007 - a recursive alias; `|` cannot take the forward name
Output = Union[str, Mapping[str, "Output"], Sequence["Output"]]  # noqa: UP007


@dataclass(frozen=True, slots=True)
class Request:
    """One operation with what was sent for it."""

    operation: str
    data: Struct


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as OTRS gives it."""

    body: bytes
    status: int = 200
    content_type: str = "text/xml"


class UnreadableError(Exception):
    """The request is not XML, or not an envelope; the text is what OTRS writes back."""


class MismatchError(Exception):
    """The header SOAPAction does not fit; the text is the Fault's."""


def text(struct: Struct, name: str) -> str:
    """The text of this name; empty if there is none, or something else than a text."""
    value = struct.get(name, "")
    return value if isinstance(value, str) else ""


def struct(parent: Struct, name: str) -> Struct:
    """The structure of this name; the first if it is repeated, empty if there is none."""
    return next(iter(structs(parent, name)), {})


def structs(parent: Struct, name: str) -> list[Struct]:
    """All structures of this name."""
    return [value for value in each(parent, name) if isinstance(value, dict) and value]


def texts(parent: Struct, name: str) -> list[str]:
    """All texts of this name that are not empty."""
    return [value for value in each(parent, name) if isinstance(value, str) and value]


def stripped(sent: Struct) -> Struct:
    """Without white space around its texts, which OTRS takes away."""
    return {name: value.strip() if isinstance(value, str) else value for name, value in sent.items()}


def each(parent: Struct, name: str) -> list[Value]:
    """All values of this name."""
    value = parent.get(name, [])
    return value if isinstance(value, list) else [value]


def parse(body: bytes) -> Request:
    """The request in an envelope, of whatever namespaces: OTRS looks at local names only."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise UnreadableError(f"Error deserializing message:\n{error.msg} at line {line}, column {column}") from None
    envelope = _value(root)
    content = struct(envelope, "Body") if isinstance(envelope, dict) else {}
    if not content:
        raise UnreadableError("Got no result body from deserialized content")
    operation = min(content)
    return Request(operation, struct(content, operation))


def _value(element: etree._Element) -> Value:
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return element.text or ""
    found: Struct = {}
    for child in children:
        name, value = etree.QName(child).localname, _value(child)
        before = found.get(name)
        if before is None:
            found[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            found[name] = [before, value]
    return found


def check_action(header: str, operation: str, dialect: Dialect) -> None:
    """Hold the header SOAPAction against the request; an error if OTRS would refuse it."""
    action = header.strip().strip("\"'")
    if not action:
        return
    if not dialect.whole_action:
        if not re.search(r".[#/]", action):
            raise UnreadableError(f"Invalid SOAPAction '{action}'")
        return
    parts = re.fullmatch(r"(.+?)[#/]([^#/]+)", action)
    if parts and parts[1] != NAMESPACE:
        raise MismatchError(
            f"Namespace from SOAPAction '{parts[1]}' does not match namespace from configuration '{NAMESPACE}'"
        )
    named = parts[2] if parts else action
    if named != operation:
        raise MismatchError(
            f"Operation from SOAP data '{operation}' does not match operation from SOAPAction '{named}'"
        )
    if not parts:
        raise MismatchError(f"SOAPAction '{action}' does not match expected result '{NAMESPACE}#{operation}'")


def success(operation: str, data: Mapping[str, Output], dialect: Dialect) -> Answer:
    """What the operation found or made; nothing at all is `xsi:nil`."""
    return Answer(_envelope(f"{operation}Response", data, dialect), content_type=dialect.content_type)


def error(operation: str, refusal: RefusalError, dialect: Dialect) -> Answer:
    """OTRS understood and says no: HTTP 200 all the same."""
    name = dialect.called(operation)
    words = f"{name}: {refusal.words}" if refusal.named else refusal.words
    return success(operation, {"Error": {"ErrorCode": f"{name}.{refusal.code}", "ErrorMessage": words}}, dialect)


def fault(words: str, dialect: Dialect) -> Answer:
    """HTTP 500, XML that is labelled as plain text, and a Fault in the connector's namespace."""
    return Answer(_envelope("Fault", {"faultcode": "Server", "faultstring": words}, dialect), 500, "text/plain")


def line(status: int, words: str) -> Answer:
    """One plain line."""
    return Answer(words.encode(), status, "text/plain")


def _children(data: Mapping[str, Output]) -> str:
    return "".join(_element(name, data[name]) for name in sorted(data))


def _element(name: str, value: Output) -> str:
    if isinstance(value, str):
        content = escape(value)
    elif isinstance(value, Mapping):
        content = _children(value)
    else:
        return "".join(_element(name, one) for one in value)
    return f"<{name}>{content}</{name}>" if content else f"<{name} />"


def _envelope(name: str, data: Mapping[str, Output], dialect: Dialect) -> bytes:
    if dialect.prefix:
        outer, inner, name = f' xmlns:{dialect.prefix}="{NAMESPACE}"', "", f"{dialect.prefix}:{name}"
    else:
        outer, inner = "", f' xmlns="{NAMESPACE}"'
    content = f">{_children(data)}</{name}>" if data else ' xsi:nil="true" />'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soap:Envelope soap:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'
        ' xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"{outer}>'
        f"<soap:Body><{name}{inner}{content}</soap:Body></soap:Envelope>"
    ).encode()
