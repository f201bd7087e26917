"""SOAP: whatever OTRS, a proxy or a stranger answers has one verdict, and a ticket is believed only when it is whole.

An input's first line is the operation and the HTTP status (`TicketCreate 200`), what follows is the answer's body.
"""

from __future__ import annotations

import re
from datetime import timedelta
from xml.parsers import expat

from agi_server.call import Created, Doubt, Refused, Trouble
from agi_server.helpdesk import OpenTickets
from agi_server.otrs import shown, soap

_FIRST_LINE = re.compile(rb"([A-Za-z]{1,20}) ([1-9][0-9]{2})")
_LONGEST_REASON = 300
_FIELD = "AsteriskUniqueID"
_WANTED = OpenTickets(states=("new", "open"), within=timedelta(minutes=30), customer_user="ivanov")


def check(data: bytes) -> None:
    """All that holds of these bytes."""
    first, _, body = data.partition(b"\n")
    asked = _FIRST_LINE.fullmatch(first)
    operation, status = (asked[1].decode(), int(asked[2])) if asked else ("TicketCreate", 200)
    reply = soap.read(operation, status, body)
    match reply:
        case Refused(code, words):
            _check_words(code)
            _check_words(words)
            assert code.rpartition(".")[2] in {"AuthFail", "MissingParameter", "InvalidParameter", "AccessDenied"}
        case Trouble(reason, doubt):
            _check_words(reason)
            assert doubt is not Doubt.RUNNING or status > 500
            assert doubt is not Doubt.NONE or _turned_away(status, body)
        case dict():
            _check_fields(reply, soap.MAX_DEPTH)
    if not isinstance(reply, Trouble):
        _check_whole(operation, status, body)
    if isinstance(reply, dict):
        _check_meaning(reply)


def _check_words(words: str) -> None:
    assert words.isprintable()
    assert len(words) <= _LONGEST_REASON


def _turned_away(status: int, body: bytes) -> bool:
    """What may be told as `surely nothing was done`: a web server's no, or one of OTRS's words before the operation."""
    early = ("OperationType", "SOAPAction", "Operation from SOAP data", "Error deserializing message")
    page = body.decode(errors="replace")
    shown = soap.one_line(page, len(page)) + _unescaped(page)
    return 300 <= status < 500 or any(words in shown for words in early)


def _unescaped(page: str) -> str:
    """The text on one line, without what XML may put between its letters."""
    page = re.sub(r"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[|\]\]>|<[^>]*>", "", page, flags=re.DOTALL)
    page = re.sub(r"&#(x?)([0-9A-Fa-f]{1,6});", lambda found: chr(int(found[2], 16 if found[1] else 10)), page)
    return soap.one_line(page, len(page))


def _check_fields(fields: soap.Fields, depth: int) -> None:
    assert depth >= 0
    for name, values in fields.items():
        assert name
        assert values
        for value in values:
            if not isinstance(value, str):
                _check_fields(value, depth - 1)


def _check_meaning(fields: soap.Fields) -> None:
    """What is made of the fields never raises; a ticket has an id and a number."""
    outcome = soap.opened(fields)
    created = bool(soap.text(fields, "TicketID") and soap.text(fields, "TicketNumber"))
    assert isinstance(outcome, Created if created else Trouble)
    for ticket in (fields, *soap.records(fields, "Ticket")):
        shown.has_field(ticket, _FIELD)
        assert not shown.carries(ticket, "", _FIELD)
        if shown.is_wanted(ticket, _WANTED, _FIELD):
            assert soap.text(ticket, "CustomerUserID").casefold() == _WANTED.customer_user
            assert soap.text(ticket, "State").casefold() in _WANTED.states
        if isinstance(shown.seen(ticket, "agent"), Created):
            assert shown.change(ticket)[1] > (0, "")
        if shown.tells_of(ticket, "1.1"):
            assert soap.records(ticket, "Article")


def _check_whole(operation: str, status: int, body: bytes) -> None:
    """Another parser finds it whole too, and cut before its end it is not believed."""
    end = _end_of_root(body)
    for length in {0, end // 3, end // 2, end * 9 // 10, *range(max(0, end - 60), end)}:
        assert isinstance(soap.read(operation, status, body[:length]), Trouble), body[:length]


def _end_of_root(body: bytes) -> int:
    """Where the last tag begins, by a parser that is not ours; it raises where the XML is not well-formed.

    It knows an older edition of XML with fewer letters in names, and so is shown a letter for each that is not ASCII.
    """
    parser = expat.ParserCreate("utf-8")
    end = 0

    def closed(_: str) -> None:
        nonlocal end
        end = parser.CurrentByteIndex

    parser.EndElementHandler = closed
    parser.Parse(re.sub(b"[\x80-\xff]", b"a", body), True)
    return end
