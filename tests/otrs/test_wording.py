"""wording: plain values as each OTRS wants them written, and the words for what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_server.helpdesk import Attachment
from agi_server.otrs import soap
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.wording import Mistake, request

MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 11, 22, 12, 5, 59, tzinfo=UTC)
EACH = [None, *Dialect]


def test_a_ticket_and_its_article() -> None:
    written = request(
        "TicketCreate",
        {
            "Title": "Call",
            "QueueID": 5,
            "SenderType": "customer",
            "NoAgentNotify": True,
            "TimeUnit": 2.5,
            "ForceNotificationToUserID": [1, 2],
            "ExcludeNotificationToUserID": 3,
            "DynamicField": {"Floor": "2", "Topics": ["a", "b"]},
            "SessionID": "x",
        },
    )
    assert written == {
        "Ticket": {"Title": "Call", "QueueID": "5"},
        "Article": {
            "SenderType": "customer",
            "NoAgentNotify": "1",
            "TimeUnit": "2.5",
            "ForceNotificationToUserID": ["1", "2"],
            "ExcludeNotificationToUserID": "3",
        },
        "DynamicField": [{"Name": "Floor", "Value": "2"}, {"Name": "Topics", "Value": ["a", "b"]}],
        "SessionID": "x",
    }


def test_nothing_is_nothing() -> None:
    assert request("TicketUpdate", {}) == {}


@pytest.mark.parametrize(
    ("dialect", "given", "written"),
    [
        (Dialect.V6, timedelta(hours=2), {"Diff": "120"}),
        (Dialect.V6, timedelta(seconds=61), {"Diff": "2"}),
        (Dialect.V6, timedelta(), {"Diff": "1"}),
        *((each, NOON, {"Year": "2026", "Month": "11", "Day": "22", "Hour": "15", "Minute": "5"}) for each in EACH),
        (None, NOON.replace(tzinfo=None), {"Year": "2026", "Month": "11", "Day": "22", "Hour": "12", "Minute": "5"}),
    ],
)
def test_pending_time(dialect: Dialect | None, given: object, written: object) -> None:
    assert request("TicketUpdate", {"PendingTime": given}, dialect, MOSCOW) == {"Ticket": {"PendingTime": written}}


@pytest.mark.parametrize(
    ("name", "given", "written"),
    [
        ("TicketCreateTimeNewerDate", NOON, "2026-11-22 15:05:59"),
        ("TicketCreateTimeOlderDate", NOON.replace(tzinfo=None), "2026-11-22 12:05:59"),
        ("TicketCreateTimeNewerMinutes", timedelta(seconds=61), "2"),
        ("TicketEscalationTimeNewerMinutes", -60, "-60"),
        ("States", "new", "new"),
        ("States", ("new", "open"), ["new", "open"]),
        ("OwnerIDs", [1, "2"], ["1", "2"]),
        ("Limit", 3, "3"),
        ("OrderBy", ["Down", "Up"], ["Down", "Up"]),
        ("UseSubQueues", False, "0"),
    ],
)
def test_search(name: str, given: object, written: object) -> None:
    assert request("TicketSearch", {name: given}, Dialect.V6, MOSCOW) == {name: written}


NESTED = {"DynamicField": [{"Name": "Floor", "Equals": "2"}]}
FLAT = {"DynamicField_Floor": {"Equals": "2"}}


@pytest.mark.parametrize(("dialect", "written"), [(None, NESTED | FLAT), (Dialect.V4, FLAT), (Dialect.V6, NESTED)])
def test_search_by_dynamic_field(dialect: Dialect | None, written: object) -> None:
    assert request("TicketSearch", {"DynamicField": {"Floor": "2"}}, dialect) == written


def test_operators() -> None:
    wanted = {"Like": ["2*", "3*"], "GreaterThan": NOON, "Empty": False}
    assert request("TicketSearch", {"DynamicField": {"Floor": wanted}}, Dialect.V4, MOSCOW) == {
        "DynamicField_Floor": {"Like": ["2*", "3*"], "GreaterThan": "2026-11-22 15:05:59", "Empty": "0"}
    }


WAV = Attachment("call.wav", "audio/x-wav", b"RIFF")
LEAFLET = Attachment("leaflet.txt", 'text/plain; charset="UTF-8"', file="/srv/leaflet.txt")


@pytest.mark.parametrize(
    ("dialect", "sound", "text"),
    [
        (None, "audio/x-wav", 'text/plain; charset="UTF8"'),
        (Dialect.V3_1, "audio/x-wav; charset=utf8", 'text/plain; charset="UTF8"'),
        (Dialect.V4, "audio/x-wav", 'text/plain; charset="UTF8"'),
        (Dialect.V6, "audio/x-wav", 'text/plain; charset="UTF-8"'),
    ],
)
def test_attachments(dialect: Dialect | None, sound: str, text: str) -> None:
    assert request("TicketCreate", {"Attachment": (WAV, LEAFLET)}, dialect) == {
        "Attachment": [
            {"Content": b"RIFF", "ContentType": sound, "Filename": "call.wav"},
            {"Content": soap.File("/srv/leaflet.txt"), "ContentType": text, "Filename": "leaflet.txt"},
        ]
    }


@pytest.mark.parametrize(
    ("dialect", "written"), [(Dialect.V3_1, "utf8"), (Dialect.V4, "utf8"), (Dialect.V6, "utf-8"), (None, "utf8")]
)
def test_charset(dialect: Dialect | None, written: str) -> None:
    given = {"MimeType": "text/plain", "Charset": "utf-8"}
    assert request("TicketUpdate", given, dialect) == {"Article": {"MimeType": "text/plain", "Charset": written}}
    content_type = request("TicketUpdate", {"ContentType": "text/plain; charset=utf-8"}, dialect)
    assert content_type == {"Article": {"ContentType": f"text/plain; charset={written}"}}


def test_several_articles() -> None:
    values = {"Subject": "First", "Article": [{"Subject": "Second", "IsVisibleForCustomer": True}]}
    assert request("TicketCreate", values, Dialect.V6) == {
        "Article": [{"Subject": "First"}, {"Subject": "Second", "IsVisibleForCustomer": "1"}]
    }


def test_an_e_mail_that_is_signed() -> None:
    key = {"Type": "PGP", "SubType": "Detached", "Key": "81877F5E"}
    values = {"ArticleSend": True, "To": "a@lab.example", "Sign": key}
    assert request("TicketCreate", values, Dialect.V6) == {
        "Article": {"ArticleSend": "1", "To": "a@lab.example", "Sign": key}
    }


MISTAKES: list[tuple[str, dict[str, Any], Dialect | None, str]] = [
    ("TicketCreate", {"Qeue": "Raw"}, None, "Qeue: OTRS knows no such element; Queue?"),
    ("TicketGet", {"Xyzzy": "1"}, None, "Xyzzy: OTRS knows no such element"),
    (
        "TicketMove", {}, None,
        "TicketMove: there are SessionCreate, TicketCreate, TicketUpdate, TicketGet, TicketSearch",
    ),
    ("TicketCreate", {"Queue": "Raw", "QueueID": 5}, None, "Queue: either this or QueueID"),
    ("TicketUpdate", {"TicketNumber": "1", "TicketID": 1}, None, "TicketNumber: either this or TicketID"),
    ("TicketSearch", {"QueueIDs": [5], "Queues": ["Raw"]}, None, "QueueIDs: either this or Queues"),
    ("TicketCreate", {"MimeType": "text/plain"}, None, "MimeType: only together with Charset"),
    ("TicketCreate", {"SLA": "Gold"}, None, "SLA: only together with Service"),
    ("TicketCreate", {"ArticleSend": True}, None, "ArticleSend: only together with To"),
    ("SessionCreate", {"UserLogin": "a"}, None, "UserLogin: only together with Password"),
    (
        "TicketSearch", {"TicketChangeTimePoint": 5}, None,
        "TicketChangeTimePoint: only together with ChangeTimeSearchType",
    ),
    (
        "TicketCreate", {"State": "pending reminder"}, None,
        "PendingTime: it is needed with the state 'pending reminder'",
    ),
    (
        "TicketUpdate", {"State": "Pending auto close+"}, None,
        "PendingTime: it is needed with the state 'Pending auto close+'",
    ),
    (
        "TicketCreate", {"StateID": 6}, None,
        "PendingTime: it is needed with the state 6, one of OTRS's own pending ones",
    ),
    (
        "TicketUpdate", {"StateID": "8"}, None,
        "PendingTime: it is needed with the state 8, one of OTRS's own pending ones",
    ),
    (
        "TicketCreate", {"PendingTime": datetime(2038, 1, 1, tzinfo=UTC)}, None,
        "PendingTime: OTRS keeps times from 1970 to 2037 only",
    ),
    (
        "TicketSearch", {"TicketCreateTimeNewerDate": datetime.min.replace(tzinfo=MOSCOW)}, None,
        "TicketCreateTimeNewerDate: OTRS keeps times from 1970 to 2037 only",
    ),
    ("TicketCreate", {"PendingTime": timedelta(1)}, None, "PendingTime: this OTRS wants a time, not a difference"),
    (
        "TicketCreate", {"PendingTime": timedelta(1)}, Dialect.V4,
        "PendingTime: this OTRS wants a time, not a difference",
    ),
    (
        "TicketCreate", {"PendingTime": "tomorrow"}, None,
        "PendingTime: a time or a duration is expected, not 'tomorrow'",
    ),
    ("TicketCreate", {"ArticleType": "phone"}, Dialect.V6, "ArticleType: OTRS 6 does not know it"),
    ("TicketCreate", {"CommunicationChannel": "Phone"}, Dialect.V4, "CommunicationChannel: OTRS 4 does not know it"),
    ("TicketSearch", {"DynamicField": {"A": "1"}}, Dialect.V3_1, "DynamicField: OTRS 3.1 does not know it"),
    ("TicketSearch", {"Limit": 1}, Dialect.V3_1, "Limit: OTRS 3.1 does not know it"),
    ("TicketCreate", {"Article": [{"Subject": "x"}]}, Dialect.V4, "Article: OTRS 4 does not know it"),
    ("TicketCreate", {"Article": [{"Title": "x"}]}, None, "Title: an article has no such element"),
    ("TicketCreate", {"Article": ["x"]}, None, "Article: a mapping of an article's elements is expected"),
    ("TicketCreate", {"QueueID": "Raw"}, None, "QueueID: an ID is expected, not 'Raw'"),
    ("TicketCreate", {"QueueID": 0}, None, "QueueID: an ID is expected, not 0"),
    ("TicketCreate", {"QueueID": "9" * 5000}, None, f"QueueID: an ID is expected, not '{'9' * 5000}'"),
    ("TicketCreate", {"QueueID": "٣"}, None, "QueueID: an ID is expected, not '٣'"),
    ("TicketCreate", {"QueueID": True}, None, "QueueID: an ID is expected, not True"),
    ("TicketCreate", {"Queue": 5}, None, "Queue: a text is expected, not 5"),
    ("TicketCreate", {"Title": ["a", "b"]}, None, "Title: a text is expected, not ['a', 'b']"),
    ("TicketCreate", {"TimeUnit": "many"}, None, "TimeUnit: a number is expected, not 'many'"),
    ("TicketCreate", {"TimeUnit": float("nan")}, None, "TimeUnit: a number is expected, not nan"),
    ("TicketCreate", {"NoAgentNotify": 1}, None, "NoAgentNotify: yes or no is expected, not 1"),
    ("TicketCreate", {"Attachment": [b"x"]}, None, "Attachment: attachments is expected, not b'x'"),
    (
        "TicketCreate", {"Attachment": Attachment("a.bin", "binary", b"x")}, None,
        "Attachment a.bin: 'binary' is no type of a file, as text/plain is",
    ),
    ("TicketCreate", {"DynamicField": "A=1"}, None, "DynamicField: a mapping of names to values is expected"),
    ("TicketCreate", {"DynamicField": {"A": 1}}, None, "DynamicField A: a text is expected, not 1"),
    ("TicketCreate", {"DynamicField": {"A": ""}}, Dialect.V4, "DynamicField A: this OTRS takes no empty value"),
    ("TicketCreate", {"DynamicField": {"A": ["1", ""]}}, None, "DynamicField A: this OTRS takes no empty value"),
    (
        "TicketSearch", {"TicketCreateTimeNewerDate": "x"}, None,
        "TicketCreateTimeNewerDate: a time is expected, not 'x'",
    ),
    ("TicketSearch", {"OrderBy": "Sideways"}, None, "OrderBy: Down or Up is expected, not 'Sideways'"),
    (
        "TicketSearch", {"DynamicField": {"A": {"Is": "1"}}}, None,
        "DynamicField A: 'Is' is no operator; "
        "there are Equals, Like, GreaterThan, GreaterThanEquals, SmallerThan, SmallerThanEquals, Empty",
    ),
    (
        "TicketCreate", {"ArticleSend": True, "To": "a@lab.example", "Sign": {"Kind": "PGP"}}, None,
        "Sign: a key is expected, not {'Kind': 'PGP'}",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "values", "dialect", "words"), MISTAKES, ids=[row[3] for row in MISTAKES])
def test_mistake(operation: str, values: dict[str, Any], dialect: Dialect | None, words: str) -> None:
    with pytest.raises(Mistake) as caught:
        request(operation, values, dialect)
    assert str(caught.value) == words
    assert words == f"{caught.value.element}: {caught.value.words}"


def test_what_is_not_sent_needs_no_company() -> None:
    assert request("TicketCreate", {"ArticleSend": False}, Dialect.V6) == {"Article": {"ArticleSend": "0"}}
    assert request("TicketCreate", {"SLA": "Gold", "ServiceID": 1}) == {"Ticket": {"SLA": "Gold", "ServiceID": "1"}}
    assert request("TicketUpdate", {"SLA": "Gold"}) == {"Ticket": {"SLA": "Gold"}}


@given(
    st.dictionaries(st.sampled_from(["Title", "QueueID", "NoAgentNotify", "DynamicField", "?"]), st.none() | st.text())
)
def test_only_a_mistake_is_raised(values: dict[str, object]) -> None:
    try:
        soap.build("TicketCreate", request("TicketCreate", values))
    except Mistake:
        pass
