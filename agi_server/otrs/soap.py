"""SOAP as OTRS's Ticket Connector speaks it: values to bytes, bytes to a verdict.

No sockets, no clock, no logging. `build` makes the request of an operation; what cannot stand in
XML never leaves us. `read` makes the answer, whatever it is, a value: the fields that OTRS gave
back, or Refused, or Trouble. Nothing in an answer is believed before the whole of it is well-formed.
Who sends and receives the bytes is `exchange`'s business, what the fields mean is `connector`'s.

What came back                                              becomes
<OperationResponse>, also with xsi:nil                      its fields
<Error> AuthFail, MissingParameter, InvalidParameter,       Refused: OTRS checks these before it
  AccessDenied                                              does anything
<Error> with any other code                                 Trouble, ENDED
a Fault, or a plain line, that OTRS gives before it looks   Trouble, NONE: the web service is set up
  for the operation (`_BEFORE_THE_OPERATION`)               wrongly, and all calls wait till it is not
any other Fault ("Article could not be created" leaves a    Trouble, ENDED
  ticket behind)
no SOAP: a redirect, or a status with which a web server    Trouble, NONE
  turns a request away (`_TURNED_AWAY`, and 413)
no SOAP: above 500 (a proxy has lost OTRS, or given it up)  Trouble, RUNNING
no SOAP: all else, also 403 (a firewall may have blocked    Trouble, ENDED
  the answer), 200 with a web page, XML that is cut short
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from agi_server.call import Created, Doubt, Refused, Trouble

NAMESPACE = "http://www.otrs.org/TicketConnector/"
"""OTRS's own default; the administrator may have given the web service another."""

MAX_ANSWER = 1024 * 1024
"""Bytes. An answer to any of our requests is some kilobytes."""
MAX_DEPTH = 16
"""OTRS nests eight elements; what lies deeper than this is not looked at."""
MAX_WORDS = 160
"""Characters of somebody else's text in a reason: it is one line of a log."""


@dataclass(frozen=True, slots=True)
class File:
    """Content that stands in a file: it is read, and put into base64, as it is sent."""

    path: str


@dataclass(frozen=True, slots=True, eq=False)
class TooLarge(Trouble):
    """The request is longer than OTRS, or a web server before it, takes."""


Leaf: TypeAlias = "str | bytes | File | Values"
"""Bytes and files go out in base64."""
Value: TypeAlias = "Leaf | Sequence[Leaf]"
Values: TypeAlias = Mapping[str, Value]
"""What goes out: element names and their content; a sequence repeats the element."""
Content: TypeAlias = dict[str, Value]
"""An operation's, to be changed by whoever made it."""
Parts: TypeAlias = tuple[bytes | File, ...]
"""A whole request: bytes, and between them the files that stand there in base64."""
Fields: TypeAlias = dict[str, list["str | Fields"]]
"""What came in: by local name, all elements of that name in their order. Empty and nil are ""."""

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
# The production Char of XML 1.0, section 2.2. Four-byte characters may pass: OTRS stores U+FFFD for
# them itself where its database is utf8mb3, and keeps them where it is utf8mb4.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

SECRETS = frozenset({"Password", "SessionID"})
MASK = "***"
_SECRET = re.compile(
    rf"((?:<|&lt;)(?:[\w.-]+:)?(?:{'|'.join(sorted(SECRETS))})\b(?:(?!>|&gt;).)*(?:>|&gt;)).*?(?=<|&lt;|\Z)", re.DOTALL
)

_PLACE = re.compile(rb"<\?file ([A-Za-z0-9+/=]+)\?>")
"""Where a file goes. No text can hold this: what it has of markup is escaped."""

_REFUSALS = frozenset({"AuthFail", "MissingParameter", "InvalidParameter", "AccessDenied"})
_BEFORE_THE_OPERATION = (
    "Got no OperationType!",  # the web service does not have this operation
    "SOAPAction ",
    "Invalid SOAPAction ",  # OTRS 4 and before
    "Namespace from SOAPAction ",
    "Operation from SOAP data ",
    "Error deserializing message",
)
_TURNED_AWAY = frozenset({400, 401, 404, 405, 407, 411, 414, 415, 426, 429, 431})
_BY_A_PROXY = 501
"""From here on it is not OTRS that answers, nor the server that runs it: 502, 503 and 504 all come as well when a
proxy has waited long enough, and so do the 520s that some have of their own."""
_HINTS = {
    401: " (the web server itself wants a login)",
    403: " (the web server forbids it: see its access rules)",
    404: " (is otrs.url right?)",
}


def masked(text: str) -> str:
    """The text without what stands in elements that are secret, be they cut short or quoted in a web page."""
    return _SECRET.sub(rf"\1{MASK}", text)


def clean(text: str) -> str:
    """The text with U+FFFD for every character that XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


def build(operation: str, values: Values, namespace: str = NAMESPACE) -> bytes:
    """The request for an operation. Raises ValueError for a name that is no XML name.

    Where a file's content goes there is its name only, until `parts` and the sender put it in.
    """
    envelope = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"soapenv": _ENVELOPE, "tic": namespace})
    body = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
    _fill(etree.SubElement(body, f"{{{namespace}}}{operation}"), values)
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def parts(request: bytes) -> Parts:
    """The request that `build` made, with its files between."""
    around = _PLACE.split(request)
    files = (File(b64decode(name).decode("utf-8", "surrogateescape")) for name in around[1::2])
    return (around[0], *(part for file, after in zip(files, around[2::2], strict=True) for part in (file, after)))


def _fill(parent: etree._Element, values: Values) -> None:
    for name, value in values.items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            child = etree.SubElement(parent, name)
            if isinstance(one, str):
                child.text = clean(one)
            elif isinstance(one, Mapping):
                _fill(child, one)
            elif isinstance(one, bytes):
                child.text = b64encode(one).decode("ascii")
            else:
                place = b64encode(one.path.encode("utf-8", "surrogateescape")).decode("ascii")
                child.append(etree.ProcessingInstruction("file", place))


def read(operation: str, status: int, body: bytes) -> Fields | Refused | Trouble:
    """What an HTTP answer to that operation says. Total: no bytes make it raise."""
    content = payload(body)
    if content is None:
        return not_soap(status, body)
    name = local_name(content)
    fields = _fields(content, MAX_DEPTH)
    if name == "Fault":
        return _fault(status, text(fields, "faultstring") or "a Fault without words")
    if name != f"{operation}Response":
        return Trouble(f"OTRS answered {status} with {one_line(name)} to {operation}", Doubt.ENDED)
    for error in records(fields, "Error"):
        return _error(text(error, "ErrorCode"), one_line(text(error, "ErrorMessage")))
    return fields


def opened(fields: Fields) -> Created | Trouble:
    """What TicketCreate's fields say."""
    ticket_id, number = text(fields, "TicketID"), text(fields, "TicketNumber")
    if not ticket_id or not number:
        return Trouble("OTRS answered without a ticket", Doubt.ENDED)
    return Created(ticket_id, number)


def is_auth_failure(refused: Refused) -> bool:
    """OTRS does not know the session, or the login. The code's first half differs with the operation."""
    return refused.code.endswith(".AuthFail")


def texts(fields: Fields, name: str) -> list[str]:
    """All texts of that name, without white space around them."""
    return [value.strip() for value in fields.get(name, ()) if isinstance(value, str)]


def text(fields: Fields, name: str) -> str:
    """The first text of that name, or nothing."""
    return next(iter(texts(fields, name)), "")


def records(fields: Fields, name: str) -> list[Fields]:
    """All elements of that name that have elements in them."""
    return [value for value in fields.get(name, ()) if isinstance(value, dict)]


def one_line(words: str, limit: int = MAX_WORDS) -> str:
    """Somebody else's text, fit for a log line: printable, on one line, bounded."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words[: 8 * limit]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def payload(body: bytes) -> etree._Element | None:
    """The element inside Envelope/Body, or None where the bytes are no SOAP message."""
    # Without a DOCTYPE there are no entities to expand and nothing to fetch; OTRS never sends one.
    if len(body) > MAX_ANSWER or b"<!DOCTYPE" in body:
        return None
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return None
    # After an error of name spaces libxml2 no longer looks behind the root, and lxml lets it pass if a warning follows.
    if len(parser.error_log.filter_from_errors()):
        return None
    envelope_body = next((child for child in root if local_name(child) == "Body"), None)
    if local_name(root) != "Envelope" or envelope_body is None:
        return None
    return next(iter(envelope_body), None)


def local_name(element: etree._Element) -> str:
    """Without the namespace: OTRS's own differ, and so do its prefixes (3.1: `namesp1:`)."""
    return str(element.tag).rpartition("}")[2]


def _fields(element: etree._Element, depth: int) -> Fields:
    found: Fields = {}
    if depth:
        for child in element:
            found.setdefault(local_name(child), []).append(_value(child, depth - 1))
    return found


def _value(element: etree._Element, depth: int) -> str | Fields:
    if len(element):
        return _fields(element, depth)
    return "" if element.get(_NIL) in {"true", "1"} else element.text or ""


def _error(code: str, words: str) -> Refused | Trouble:
    if code.rpartition(".")[2] in _REFUSALS:
        return Refused(one_line(code), words)
    return Trouble(f"OTRS answered {one_line(code) or 'an error without a code'}: {words}", Doubt.ENDED)


def _fault(status: int, words: str) -> Trouble:
    nothing_done = words.startswith(_BEFORE_THE_OPERATION)
    return Trouble(f"OTRS answered {status}: {one_line(words)}", Doubt.NONE if nothing_done else Doubt.ENDED)


def not_soap(status: int, body: bytes) -> Trouble:
    words = _first_words(body)
    if words.startswith(_BEFORE_THE_OPERATION):
        return _fault(status, words)
    if status == 413:
        return TooLarge(f"OTRS answered 413, not SOAP: {words}", Doubt.NONE)
    doubt, hint = Doubt.ENDED, _HINTS.get(status, "")
    if 300 <= status < 400:
        doubt, hint = Doubt.NONE, " (a redirect: is otrs.url right?)"
    elif status in _TURNED_AWAY:
        doubt = Doubt.NONE
    elif status >= _BY_A_PROXY:
        doubt = Doubt.RUNNING
    return Trouble(f"OTRS answered {status}, not SOAP: {words}{hint}", doubt)


def _first_words(body: bytes) -> str:
    """What a person would read first in a web page or a plain line."""
    page = masked(body[: 16 * MAX_WORDS].decode("utf-8", "replace"))
    if page.lstrip("\ufeff \r\n\t").startswith("<?xml"):
        return "broken XML"
    title = re.search(r"<title[^>]*>([^<]+)", page, re.IGNORECASE)
    return one_line(title[1] if title else re.sub(r"<[^>]*>?", " ", page)) or "nothing"
