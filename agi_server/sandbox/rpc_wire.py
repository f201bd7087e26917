"""SOAP as rpc.pl's SOAP::Lite reads and writes it: positional values, guessed types, nil for nothing.

Pure. What was recorded from OTRS 3.1 and 4 is what comes out here, but for the order of attributes, which
changes from answer to answer there. An answer's numbers may be any; here they count as in a new process.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from xml.sax.saxutils import escape

from lxml import etree

NAMESPACE = "http://localhost/Core"
Value: TypeAlias = str | list[str]
"""What a request holds; a list is an array."""
Result: TypeAlias = Sequence[str | int | None]
"""What a method returns: a Perl list. An empty one is not the same as one `undef`."""

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_TYPES = (
    (re.compile(r"0[0-9]+"), "string"),
    (re.compile(r"[+-]?[0-9]{1,9}"), "int"),
    (re.compile(r"[+-]?[0-9]{10,18}"), "long"),
    (re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"), "float"),
)
"""What SOAP::Lite takes a text for."""
_LARGEST_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Call:
    """A method's call."""

    user: str
    password: str
    subject: str
    method: str
    parameters: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, always as text/xml in UTF-8."""

    status: int
    body: bytes


class UnreadableError(Exception):
    """SOAP::Lite answers this with a Fault: its words."""


def parse(body: bytes, action: str) -> Call:
    """The call that came in; raises UnreadableError."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError as error:
        raise UnreadableError("Application failed during request deserialization: \nnot well-formed") from error
    content = next((child for child in root.iter() if etree.QName(child).localname.endswith("Dispatch")), None)
    if content is None:
        words = "Failed to access class (Core): Can't locate Core.pm in @INC"
        raise UnreadableError(words)
    expected = f"{etree.QName(content).namespace}#Dispatch"
    if action.strip('"') not in ("", expected):
        raise UnreadableError(f"SOAPAction shall match 'uri#method' if present (got '{action}', expected '{expected}'")
    values = [_value(child) for child in content]
    user, password, subject, method = (*(one if isinstance(one, str) else "" for one in values[:4]), *[""] * 4)[:4]
    names = [name if isinstance(name, str) else "" for name in values[4::2]]
    return Call(user, password, subject, method, dict(zip(names, values[5::2], strict=False)))


def returned(result: Result) -> Answer:
    """What a method returned."""
    if not result:
        return _envelope(200, f'<DispatchResponse xsi:nil="true" xmlns="{NAMESPACE}" />')
    elements = "".join(_element(3 + 2 * place, value) for place, value in enumerate(result))
    return _envelope(200, f'<DispatchResponse xmlns="{NAMESPACE}">{elements}</DispatchResponse>')


def fault(code: str, words: str) -> Answer:
    """It died: `Server` in the method, `Client` before it."""
    content = f"<faultcode>soap:{code}</faultcode><faultstring>{escape(words)}\n</faultstring>"
    return _envelope(500, f"<soap:Fault>{content}</soap:Fault>")


def _value(element: etree._Element) -> Value:
    if len(element) or any(str(name).endswith("arrayType") for name in element.attrib):
        return [value for child in element if isinstance(value := _value(child), str)]
    text = element.text or ""
    if element.get(f"{{{_XSI}}}type", "").endswith(":base64Binary"):
        return base64.b64decode(text).decode("utf-8", "replace")
    return text


def _element(number: int, value: str | int | None) -> str:
    name = f"s-gensym{number}"
    if value is None:
        return f'<{name} xsi:nil="true" />'
    text = str(value)
    if not text:
        return f'<{name} xsi:type="xsd:string" />'
    if not text.isascii():
        coded = base64.b64encode(text.encode()).decode()
        return f'<{name} xsi:type="xsd:base64Binary">{coded}</{name}>'
    kind = next((kind for pattern, kind in _TYPES if pattern.fullmatch(text)), "string")
    if kind == "long" and abs(int(text)) <= _LARGEST_INT:
        kind = "int"
    return f'<{name} xsi:type="xsd:{kind}">{escape(text)}</{name}>'


def _envelope(status: int, content: str) -> Answer:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><soap:Envelope '
        f'xmlns:xsi="{_XSI}" xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
        'soap:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">'
        f"<soap:Body>{content}</soap:Body></soap:Envelope>"
    )
    return Answer(status, body.encode())
