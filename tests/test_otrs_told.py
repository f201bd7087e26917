"""The Ticket Connector's answers for people, for programs, and as XML without secrets."""

from __future__ import annotations

from typing import Any

import pytest

from agi_server import otrs_told
from agi_server.call import Doubt, Refused, Trouble
from agi_server.otrs import soap
from agi_server.otrs.exchange import TooLong

TICKET: soap.Fields = {
    "Ticket": [
        {
            "Title": ["a\x1b[2J"],
            "SLAID": [""],
            "Body": ["one\ntwo\u202e"],
            "DynamicField": [
                {"Name": ["Topics"], "Value": ["x", "y"]},
                {"Name": ["Empty"], "Value": [""]},
            ],
        }
    ]
}


def test_lines_show_what_is_there_and_nothing_that_moves_a_terminal() -> None:
    assert list(otrs_told.as_lines("TicketGet", TICKET)) == [
        "Ticket",
        "  Title: a\\x1b[2J",
        "  Body: one",
        "        two\\u202e",
        "  DynamicField Topics: x, y",
    ]


def test_a_record_has_lists_where_there_may_be_several() -> None:
    record: Any = otrs_told.as_record("TicketGet", TICKET)
    (ticket,) = record["Ticket"]
    assert ticket["DynamicField"] == [{"Name": "Topics", "Value": ["x", "y"]}, {"Name": "Empty", "Value": ""}]
    assert ticket["Body"] == "one\ntwo\u202e"
    assert otrs_told.as_record("TicketSearch", {}) == {"TicketID": []}


@pytest.mark.parametrize(
    ("operation", "reply", "lines"),
    [
        ("TicketGet", Refused("X.Odd", "words"), ["OTRS refuses: X.Odd: words"]),
        ("TicketCreate", Trouble("why", Doubt.RUNNING), ["why", "  (it may be done all the same: look in OTRS before"]),
        ("TicketCreate", Trouble("why"), ["why", "  (is OTRS running,"]),
        ("TicketGet", Trouble("why", Doubt.ENDED), ["why", "  (is OTRS running,"]),
        ("TicketGet", Trouble("OTRS answered 404"), ["OTRS answered 404"]),
        ("TicketGet", TooLong("too long", Doubt.ENDED), ["too long", "  (ask for less: with --GetAttachmentContents"]),
        (
            "TicketGet",
            Trouble("OTRS answered 500: Got no OperationType!"),
            ["OTRS answered 500: Got no OperationType!", "  (the web service has no TicketGet"],
        ),
    ],
)
def test_failures(operation: str, reply: Refused | Trouble, lines: list[str]) -> None:
    told = list(otrs_told.failure(operation, reply))

    assert len(told) == len(lines)
    assert all(line.startswith(begin) for line, begin in zip(told, lines, strict=True))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (b"<a><n:Password xmlns:n='x'>p</n:Password></a>", '<a>\n  <n:Password xmlns:n="x">***</n:Password>\n</a>'),
        (b"<a><SessionID>s</SessionID><SessionID/></a>", "<a>\n  <SessionID>***</SessionID>\n  <SessionID/>\n</a>"),
        (
            b"<a><Content>" + b"x" * 100 + b"</Content></a>",
            f"<a>\n  <Content>{'x' * 60}… [100 characters]</Content>\n</a>",
        ),
        (b"<a><Content><?file L3RtcC94?></Content></a>", "<a>\n  <Content>[content of /tmp/x]</Content>\n</a>"),
        (b"<a>\xc2\x9b</a>", "<a>\\x9b</a>"),
        (b"<a><Password>p</Password><b>", "<a><Password>***</Password><b>"),
        (b"<n:Password a='b'>p\nq", "<n:Password a='b'>***"),
        (b"<p>&lt;SessionID&gt;p&amp;q&lt;/SessionID&gt;", "<p>&lt;SessionID&gt;***&lt;/SessionID&gt;"),
        (b"no XML\x1b\nat all\xff", "no XML\\x1b\nat all\ufffd"),
        (b"", ""),
    ],
)
def test_xml(message: bytes, shown: str) -> None:
    assert otrs_told.as_xml(message) == shown


def test_a_request_that_soap_makes_is_shown() -> None:
    files: list[soap.Leaf] = [{"Content": soap.File(path)} for path in ("/etc/motd", "/etc/issue")]
    sent: soap.Values = {"SessionID": "secret", "Attachment": files, "Password": "secret"}

    shown = otrs_told.as_xml(soap.build("TicketCreate", sent))

    assert "secret" not in shown
    for path in ("/etc/motd", "/etc/issue"):
        assert f"<Content>[content of {path}]</Content>" in shown
