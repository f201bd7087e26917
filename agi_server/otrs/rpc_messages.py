"""SOAP as OTRS's older rpc.pl speaks it: a method's call to bytes, bytes to what it returned.

Pure. Everything goes by its place: user, password, object, method, then names and values in turn; what a
Perl method returns comes back as so many elements in a row, and an `undef` or an empty list as nil. OTRS
guesses types (a call's id returns as xsd:float) and sends as base64 what is not ASCII: here each value is
the text that was stored. What nil means is `rpc`'s business: nearly every mistake is nil, with status 200.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from agi_server.call import Doubt, Trouble
from agi_server.otrs import soap

NAMESPACE = "http://localhost/Core"
"""What every recipe for rpc.pl says; OTRS only looks at its last part."""
ACTION = f'"{NAMESPACE}#Dispatch"'

Value: TypeAlias = str | int | Sequence[str] | Sequence[int]
"""What goes out. A sequence is an array in Perl."""
Parameters: TypeAlias = dict[str, Value]
Returned: TypeAlias = tuple[str | None, ...]
"""What came back: nothing at all (`()`), one `undef` (`(None,)`), or texts."""


@dataclass(frozen=True, slots=True, eq=False)
class NoMethod(Trouble):
    """This OTRS does not have the method; from 6 on there is none for articles."""


_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_SCHEMA = "http://www.w3.org/2001/XMLSchema"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_TYPE, _NIL = f"{{{_INSTANCE}}}type", f"{{{_INSTANCE}}}nil"
_WIDE = re.compile("[\U00010000-\U0010ffff]")
_NO_OBJECT = re.compile(r"No such Object \w+!")
_NO_METHOD = re.compile(r"Can't locate object method \"(\w{1,50})\"")
_NOTHING_DONE = (
    "Application failed during request deserialization",
    "SOAPAction shall match",
    "Failed to access class",
    "Denied access to method",
)
"""How Faults begin that come before the method."""
_TRUE = frozenset({"true", "1"})


def build(user: str, password: str, subject: str, method: str, parameters: Parameters) -> bytes:
    """The call of this method of an object (`TicketObject`)."""
    envelope = etree.Element(
        f"{{{_ENVELOPE}}}Envelope",
        nsmap={"soap": _ENVELOPE, "soapenc": _ENCODING, "xsd": _SCHEMA, "xsi": _INSTANCE, "core": NAMESPACE},
    )
    envelope.set(f"{{{_ENVELOPE}}}encodingStyle", _ENCODING)
    body = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
    dispatch = etree.SubElement(body, f"{{{NAMESPACE}}}Dispatch")
    named = [part for pair in parameters.items() for part in pair]
    for place, value in enumerate((user, password, subject, method, *named)):
        _add(dispatch, f"{{{NAMESPACE}}}c-gensym{place}", value)
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def read(status: int, body: bytes) -> Returned | Trouble:
    """What an HTTP answer says that the method returned. Total: no bytes make it raise."""
    content = soap.payload(body)
    if content is None:
        return soap.not_soap(status, body)
    name = soap.local_name(content)
    if name == "Fault":
        words = next((child.text or "" for child in content if soap.local_name(child) == "faultstring"), "")
        if method := _NO_METHOD.match(words):
            return NoMethod(f"this OTRS has no {method[1]} in its rpc.pl: see otrs.interface")
        doubt = Doubt.NONE if words.startswith(_NOTHING_DONE) else Doubt.ENDED
        return Trouble(f"OTRS answered {status}: {soap.one_line(words) or 'a Fault without words'}", doubt)
    if name != "DispatchResponse":
        return Trouble(f"OTRS answered {status} with {soap.one_line(name)} to Dispatch", Doubt.ENDED)
    returned = tuple(map(_text, content))
    if len(returned) == 1 and _NO_OBJECT.fullmatch(returned[0] or ""):
        return Trouble(f"OTRS answered: {returned[0]}")
    return returned


def pairs(returned: Returned) -> soap.Fields:
    """A returned Perl hash: names and values in turn, as the Ticket Connector's fields are."""
    names, values = returned[::2], returned[1::2]
    return {name: [value or ""] for name, value in zip(names, values, strict=False) if name}


def is_id(text: str) -> bool:
    """Can it be the ID of anything in OTRS, or a count?"""
    return re.fullmatch("[0-9]{1,10}", text) is not None


def plain(text: str) -> str:
    """The text as OTRS 5 and before can keep it: their tables have no characters of four bytes.

    ArticleCreate looks for its article by the subject and so on after it has made it, and returns nil if they
    were stored otherwise than sent.
    """
    return _WIDE.sub("\ufffd", soap.clean(text))


def _add(parent: etree._Element, name: str, value: Value) -> None:
    child = etree.SubElement(parent, name)
    if isinstance(value, str):
        child.set(_TYPE, "xsd:string")
        child.text = plain(value)
    elif isinstance(value, int):
        child.set(_TYPE, "xsd:int")
        child.text = str(value)
    else:
        kind = "xsd:int" if value and isinstance(value[0], int) else "xsd:string"
        child.set(_TYPE, "soapenc:Array")
        child.set(f"{{{_ENCODING}}}arrayType", f"{kind}[{len(value)}]")
        for one in value:
            _add(child, "item", one)


def _text(element: etree._Element) -> str | None:
    """One value; of what is nested nothing is wanted."""
    if element.get(_NIL) in _TRUE:
        return None
    text = "" if len(element) else element.text or ""
    if not element.get(_TYPE, "").endswith(":base64Binary"):
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return text
