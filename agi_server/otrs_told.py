"""What the Ticket Connector answered, in words, as JSON, and as the XML that went over the wire.

Pure. Passwords and sessions are masked wherever they stand in XML, and long content is cut; what OTRS
says is shown without control characters.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import TypeAlias

from lxml import etree

from agi_server.call import Doubt, Refused, Trouble
from agi_server.logs import printable
from agi_server.otrs import soap
from agi_server.otrs.exchange import TooLong

LONGEST_CONTENT = 60
"""Characters that are shown of what may be a file."""
LONGEST_ANSWER = 20_000
"""Characters that are shown of an answer that is no XML."""
REPEATED = frozenset({"Ticket", "Article", "DynamicField", "Attachment"})
"""What is a list in JSON, be there one or many; and TicketSearch's TicketID."""

_WRITES = frozenset({"TicketCreate", "TicketUpdate"})
_HINTS = {
    "AuthFail": "is it the login of a valid agent, and is the session still alive?",
    "AccessDenied": "does the agent have rights in that queue, and is there such a ticket?",
    "MissingParameter": "--help names all that can be given",
    "InvalidParameter": "does OTRS have what is named so, is it valid, and may the agent or customer use it?",
}

Json: TypeAlias = "str | list[Json] | dict[str, Json]"


def as_lines(operation: str, fields: soap.Fields) -> Iterator[str]:
    """For people: what is empty is left out, and what lies in another is indented."""
    if operation == "TicketSearch":
        return iter(map(_one_line, soap.texts(fields, "TicketID")))
    return _lines(fields, "")


def as_record(operation: str, fields: soap.Fields) -> dict[str, Json]:
    """For JSON."""
    if operation == "TicketSearch":
        return {"TicketID": list(soap.texts(fields, "TicketID"))}
    return {name: _json(name, values) for name, values in fields.items()}


def failure(operation: str, reply: Refused | Trouble) -> Iterator[str]:
    """Why nothing came of it, and what may mend it."""
    if isinstance(reply, Refused):
        yield f"OTRS refuses: {reply.reason}"
        if hint := _HINTS.get(reply.code.rpartition(".")[2]):
            yield f"  ({hint})"
        return
    yield reply.reason
    if operation in _WRITES and reply.doubt is not Doubt.NONE:
        yield "  (it may be done all the same: look in OTRS before you repeat it)"
    elif "Got no OperationType!" in reply.reason:
        yield f"  (the web service has no {operation}: import config/otrs/GenericTicketConnector.yml anew)"
    elif isinstance(reply, TooLong):
        yield "  (ask for less: with --GetAttachmentContents no, or --ArticleLimit 1)"
    elif not reply.reason.startswith("OTRS answered"):
        yield "  (is OTRS running, and is the web service imported, valid, and named as at the end of the address?)"


def as_xml(message: bytes) -> str:
    """A request or an answer, indented, without its secrets."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=True
    )
    try:
        root = etree.fromstring(message, parser)
    except etree.XMLSyntaxError:
        return _printable(soap.masked(message[:LONGEST_ANSWER].decode("utf-8", "replace")))
    for element in list(root.iter()):  # what is shortened loses an element, behind which `iter` would see nothing more
        if not isinstance(element.tag, str):
            continue
        name = soap.local_name(element)
        if name in soap.SECRETS and element.text:
            element.text = soap.MASK
        elif name == "Content":
            _shorten(element)
    etree.indent(root)
    return _printable(etree.tostring(root, encoding="unicode"))


def _shorten(element: etree._Element) -> None:
    """A file's place says which file; other content is cut."""
    place = next(iter(element), None)
    if isinstance(place, etree._ProcessingInstruction):
        path = b64decode(place.text or "").decode("utf-8", "replace")
        element.remove(place)
        element.text = f"[content of {path}]"
    elif element.text and len(element.text) > LONGEST_CONTENT:
        element.text = f"{element.text[:LONGEST_CONTENT]}… [{len(element.text)} characters]"


def _printable(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))


def _lines(fields: soap.Fields, margin: str) -> Iterator[str]:
    for name, values in fields.items():
        for value in values:
            if name == "DynamicField" and isinstance(value, dict):
                shown = ", ".join(filter(None, soap.texts(value, "Value")))
                yield from _named(f"{name} {_one_line(soap.text(value, 'Name'))}", shown, margin)
            elif isinstance(value, dict):
                yield f"{margin}{name}"
                yield from _lines(value, f"{margin}  ")
            else:
                yield from _named(name, value, margin)


def _named(name: str, value: str, margin: str) -> Iterator[str]:
    """Further lines stand below the first."""
    if not value.strip():
        return
    if name == "Content" and len(value) > LONGEST_CONTENT:
        value = f"{value[:LONGEST_CONTENT]}… [{len(value)} characters]"
    first, *more = value.splitlines()
    yield f"{margin}{name}: {printable(first)}"
    yield from (f"{margin}{' ' * (len(name) + 2)}{printable(line)}" for line in more)


def _json(name: str, values: list[str | soap.Fields]) -> Json:
    shown: list[Json] = [
        value if isinstance(value, str) else {inner: _json(inner, of) for inner, of in value.items()}
        for value in values
    ]
    return shown if name in REPEATED or len(shown) != 1 else shown[0]


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
