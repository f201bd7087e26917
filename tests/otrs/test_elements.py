"""elements: what tickets, articles and searches are in OTRS's words, and what OTRS objects to."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agi_server.call import Refused
from agi_server.helpdesk import Article, Attachment, OpenTickets, Ticket, Update
from agi_server.otrs import elements, soap
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.elements import (
    ANY,
    NOT_SENT,
    TEXT_LENGTH,
    TITLE_LENGTH,
    Hearer,
    at_fault,
    creation,
    fits,
    open_search,
    passed_rehearsal,
    refusal,
    rehearsal,
    search,
    updating,
)
from agi_server.otrs.wording import Mistake, request
from tests.otrs.desk import TICKET, ticket
from tests.otrs.recorded import NAMES, answer, is_http

FIELD = "AsteriskUniqueID"
CUT = "…"
WANTED = OpenTickets(states=("new", "open"), within=timedelta(minutes=30), customer_user="ivanov")
LONGEST_ID = "x" * 150
"""What intake cuts ids to."""


def created(asked: Ticket, call_field: str, hearer: Hearer = ANY) -> dict[str, Any]:
    return creation(asked, call_field, hearer)


def test_whole_ticket() -> None:
    full = ticket(
        type="Incident", service="Phone", sla="Gold", owner="agent1", responsible="agent2", lock="lock",
        dynamic_fields={"CallerNumber": "+79161229624", "Empty": "", FIELD: "ours goes before"},
        article={"visible_for_customer": True, "auto_response": "auto reply"},
    )  # fmt: skip
    assert created(full, FIELD) == {
        "Ticket": {
            "Title": "Call from +79161229624",
            "Queue": "HelpDesk",
            "State": "new",
            "Priority": "3 normal",
            "CustomerUser": "ivanov",
            "CustomerID": "ROMASHKA",
            "Type": "Incident",
            "Service": "Phone",
            "SLA": "Gold",
            "Owner": "agent1",
            "Responsible": "agent2",
            "Lock": "lock",
        },
        "Article": {
            "CommunicationChannel": "Phone",
            "ArticleType": "phone",
            "IsVisibleForCustomer": "1",
            "SenderType": "customer",
            "Subject": "Звонок",
            "Body": "Звонил абонент\n  с +79161229624",
            "ContentType": "text/plain; charset=utf8",
            "HistoryType": "PhoneCallCustomer",
            "HistoryComment": "Phone call through Asterisk",
            "AutoResponseType": "auto reply",
        },
        "DynamicField": [
            {"Name": "CallerNumber", "Value": "+79161229624"},
            {"Name": FIELD, "Value": "1700000000.42"},
        ],
    }


def test_what_is_empty_is_left_out() -> None:
    sent = created(ticket(customer_id="", customer_user="", article={"history_comment": ""}), "")
    assert sent["Ticket"] == {
        "Title": "Call from +79161229624 [1700000000.42]",
        "Queue": "HelpDesk",
        "State": "new",
        "Priority": "3 normal",
    }
    assert "HistoryComment" not in sent["Article"]
    assert sent["Article"]["IsVisibleForCustomer"] == "0"
    assert sent["DynamicField"] == []


def test_without_a_word_about_it_the_customer_gets_no_mail() -> None:
    assert created(TICKET, FIELD)["Article"]["AutoResponseType"] == "auto remove"


@pytest.mark.parametrize(
    ("title", "call_field", "expected"),
    [
        ("x" * 255, FIELD, "x" * 255),
        ("x" * 256, FIELD, "x" * 254 + CUT),
        (" a\r\n\tb\u2028c ", FIELD, "a b c"),
        ("", FIELD, None),
        (" \n ", FIELD, None),
        ("x" * 239, "", "x" * 239 + " [1700000000.42]"),
        ("x" * 240, "", "x" * 238 + CUT + " [1700000000.42]"),
        ("a\nb", "", "a b [1700000000.42]"),
    ],
)
def test_title(title: str, call_field: str, expected: str | None) -> None:
    sent = created(ticket(title=title), call_field)["Ticket"]
    assert isinstance(sent, dict)
    assert sent.get("Title") == expected
    assert expected is None or len(expected) <= TITLE_LENGTH


def test_subject_is_one_line_and_long_texts_are_cut_visibly() -> None:
    long = "y" * (TEXT_LENGTH + 1)
    sent = created(ticket(article={"subject": f"a\r\nb{long}"}, dynamic_fields={"X": long}), "")
    assert sent["Article"]["Subject"] == "a b" + "y" * (TEXT_LENGTH - 4) + CUT
    assert sent["DynamicField"] == [{"Name": "X", "Value": "y" * (TEXT_LENGTH - 1) + CUT}]


@pytest.mark.parametrize(
    ("call_id", "call_field", "expected"),
    [
        (
            "pbx-1700000000.42",
            FIELD,
            {
                "DynamicField": [{"Name": FIELD, "Equals": "pbx-1700000000.42"}],
                f"DynamicField_{FIELD}": {"Equals": "pbx-1700000000.42"},
            },
        ),
        ("pbx-1700000000.42", "", {"Title": "*[pbx-1700000000.42]*"}),
        ("АТС 1+(2)&&!\"'|_%", "", {"Title": f"*[{'*' * 4}1**2{'*' * 9}]*"}),
    ],
)
def test_search(call_id: str, call_field: str, expected: dict[str, Any]) -> None:
    assert search(call_id, call_field, None) == expected
    window = {"TicketCreateTimeNewerMinutes": "91"}
    assert search(call_id, call_field, timedelta(minutes=90, seconds=1)) == {**expected, **window}


def test_article_for_two_calls() -> None:
    assert updating(Update("7", ("1.1", "1.2"), TICKET.article)) == {
        "TicketID": "7",
        "Article": {**created(TICKET, FIELD)["Article"], "Subject": "Звонок [1.1] [1.2]"},
    }


@pytest.mark.parametrize(
    ("subject", "call_ids", "expected"),
    [
        ("a\nb", ("1.1",), "a b [1.1]"),
        ("", ("1.1",), "[1.1]"),
        ("y" * TEXT_LENGTH, ("1.1", "1.2"), "y" * (TEXT_LENGTH - 13) + CUT + " [1.1] [1.2]"),
        ("y" * (TEXT_LENGTH - 12), ("1.1", "1.2"), "y" * (TEXT_LENGTH - 12) + " [1.1] [1.2]"),
        ("yy", (LONGEST_ID,) * 24, "yy" + f" [{LONGEST_ID}]" * 24),
    ],
)
def test_subject_ends_in_the_ids_of_all_calls(subject: str, call_ids: tuple[str, ...], expected: str) -> None:
    sent = updating(Update("7", call_ids, replace(TICKET.article, subject=subject)))["Article"]
    assert isinstance(sent, dict)
    assert sent["Subject"] == expected
    assert len(expected) <= TEXT_LENGTH


@pytest.mark.parametrize(
    ("call_ids", "expected"), [((), True), ((LONGEST_ID,) * 24, True), ((LONGEST_ID,) * 25, False)]
)
def test_as_many_calls_as_fit(call_ids: tuple[str, ...], *, expected: bool) -> None:
    assert fits(call_ids) is expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (WANTED, {"CustomerUserLogin": '"ivanov"'}),
        (replace(WANTED, customer_user='a"*+(b)&&c\\d'), {"CustomerUserLogin": '"a**+(b)&&c\\d"'}),
        (replace(WANTED, ticket_numbers=("2026",)), {"CustomerUserLogin": '"ivanov"'}),
        (replace(WANTED, customer_user="", ticket_numbers=("2026", "", "2027")), {"TicketNumber": '"2026"||"2027"'}),
        (replace(WANTED, queue="Help::Desk"), {"CustomerUserLogin": '"ivanov"', "Queues": "Help::Desk"}),
        (
            replace(WANTED, within=timedelta(minutes=1, seconds=1)),
            {"CustomerUserLogin": '"ivanov"', "TicketChangeTimeNewerMinutes": "2"},
        ),
    ],
)
def test_search_for_open_tickets(wanted: OpenTickets, expected: dict[str, Any]) -> None:
    always = {
        "States": ["new", "open"], "TicketChangeTimeNewerMinutes": "30", "SortBy": "Changed", "OrderBy": "Down",
    }  # fmt: skip
    assert open_search(wanted) == {**always, **expected}


@pytest.mark.parametrize(
    "wanted",
    [
        replace(WANTED, customer_user=""),
        replace(WANTED, customer_user="", ticket_numbers=("",)),
        replace(WANTED, states=()),
    ],
)
def test_search_that_would_find_the_tickets_of_anybody(wanted: OpenTickets) -> None:
    assert open_search(wanted) is None


@pytest.mark.parametrize("call_field", [FIELD, ""])
def test_rehearsal_is_the_same_ticket_with_two_mistakes_at_its_end(call_field: str) -> None:
    asked = ticket(dynamic_fields={"CallerNumber": "1"})
    real = created(asked, call_field)
    rehearsed: dict[str, Any] = rehearsal(asked, call_field)
    assert list(rehearsed) == ["Ticket", "Article", "DynamicField", "Attachment"]
    assert rehearsed["Ticket"] == real["Ticket"]
    assert rehearsed["Article"] == real["Article"]
    assert isinstance(rehearsed["DynamicField"], list)
    assert rehearsed["DynamicField"][:-1] == real["DynamicField"]
    assert "Value" not in rehearsed["DynamicField"][-1]
    assert not {"Content", "Filename"} & set(rehearsed["Attachment"])


def test_rehearsal_passes_only_on_its_own_mistakes() -> None:
    refusals = [soap.read("TicketCreate", *answer(name)) for name in NAMES if is_http(name)]
    passed = {refused.words for refused in refusals if isinstance(refused, Refused) and passed_rehearsal(refused)}
    assert passed == {"TicketCreate: DynamicField->Value parameter is missing!"}
    assert passed_rehearsal(Refused("", "TicketCreate: Attachment->Content parameter is missing!"))
    assert not passed_rehearsal(Refused("", "TicketCreate: DynamicField->Value parameter is invalid!"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("40-TicketCreate-title-missing", "title"),
        ("33-TicketCreate-customer-missing", "customer_user"),
        ("30-TicketCreate-customer-unknown-login", "customer_user"),
        ("41-TicketCreate-queue-missing", "queue"),
        ("42-TicketCreate-queue-unknown", "queue"),
        ("43-TicketCreate-queue-no-right", "queue"),
        ("45-TicketCreate-state-unknown", "state"),
        ("46-TicketCreate-priority-missing", "priority"),
        ("47-TicketCreate-priority-unknown", "priority"),
        ("48-TicketCreate-type-unknown", "type"),
        ("50-TicketCreate-owner-unknown", "owner"),
        ("61-TicketCreate-subject-missing", "subject"),
        ("63-TicketCreate-body-empty", "body"),
        ("70-TicketCreate-sendertype-unknown", "sender_type"),
        ("74-TicketCreate-historytype-unknown", "history_type"),
        ("80-TicketCreate-df-unknown", "dynamic_fields"),
        ("65-TicketCreate-contenttype-no-charset", "content_type"),
        ("20-TicketCreate-bad-password", ""),
        ("4/43-TicketCreate-queue-no-right", "queue"),
        ("3.1/42-TicketCreate-queue-unknown", "queue"),
        ("3.1/17-TicketCreate-pending", "pending_time"),
        ("4/17-TicketCreate-pending", "pending_time"),
        ("3.1/16-TicketCreate-ok-attachment", "attachments"),
        ("71-TicketCreate-from-name-only", "from_address"),
        ("4/610-TicketCreate-contenttype-utf-8", "content_type"),
        ("163-TicketUpdate-unknown-ticket", "ticket_id"),
        ("164-TicketUpdate-bad-password", ""),
    ],
)
def test_what_otrs_objects_to(name: str, expected: str) -> None:
    refused = soap.read(name.split("-")[1], *answer(name))
    assert isinstance(refused, Refused)
    assert at_fault(refused) == expected
    names = [name for kind in (Ticket, Update, type(TICKET.article)) for name in kind.__dataclass_fields__]
    assert expected in {*names, ""}


def test_right_to_read_a_ticket_but_not_to_write_on_it() -> None:
    refused = Refused("TicketUpdate.AccessDenied", "TicketUpdate: Does not have permissions to create new articles!")
    assert at_fault(refused) == "ticket_id"


EVERYTHING = ticket(
    queue=5, state=2, priority=3, type=4, service=6, sla=7, owner=8, responsible=9, lock=2,
    pending_time=timedelta(hours=2),
    dynamic_fields={"Topics": ("a", "", "b"), "Floor": "2", "None": ()},
    article={
        "sender_type": 3,
        "communication_channel": 1,
        "article_type": 5,
        "from_address": "Ivan\n<ivanov@lab.example>",
        "content_type": "text/html; charset=utf-8",
        "time_unit": "2,5",
        "no_agent_notify": True,
        "force_notification_to": (1, 2),
        "exclude_notification_to": (3,),
        "exclude_mute_notification_to": (4,),
        "attachments": (Attachment("a.txt", "text/plain", b"x"),),
    },
)  # fmt: skip
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TWO_O_CLOCK = {"Year": "2026", "Month": "11", "Day": "22", "Hour": "14", "Minute": "0"}
BY_ID = {
    "QueueID": "5", "StateID": "2", "PriorityID": "3", "CustomerUser": "ivanov", "TypeID": "4", "ServiceID": "6",
    "SLAID": "7", "OwnerID": "8", "ResponsibleID": "9", "LockID": "2",
}  # fmt: skip
NOTE = {
    "SenderTypeID": "3",
    "From": "Ivan <ivanov@lab.example>",
    "Subject": "Звонок",
    "Body": "Звонил абонент\n  с +79161229624",
    "HistoryType": "PhoneCallCustomer",
    "HistoryComment": "Phone call through Asterisk",
    "AutoResponseType": "auto remove",
    "TimeUnit": "2,5",
    "NoAgentNotify": "1",
    "ForceNotificationToUserID": ["1", "2"],
    "ExcludeNotificationToUserID": ["3"],
    "ExcludeMuteNotificationToUserID": ["4"],
}
OLD, NEW = {"ArticleTypeID": "5"}, {"CommunicationChannelID": "1", "IsVisibleForCustomer": "0"}
HTML, HTML_OF_6 = {"ContentType": "text/html; charset=utf8"}, {"ContentType": "text/html; charset=utf-8"}
TITLE, MARKED = {"Title": "Call from +79161229624"}, {"Title": "Call from +79161229624 [1700000000.42]"}
COMPANY = {"CustomerID": "ROMASHKA"}


@pytest.mark.parametrize(
    ("dialect", "of_ticket", "of_article", "file_type"),
    [
        (None, TITLE | COMPANY | {"PendingTime": TWO_O_CLOCK}, OLD | NEW | HTML, "text/plain"),
        (Dialect.V3_1, MARKED | {"PendingTime": TWO_O_CLOCK}, OLD | HTML, "text/plain; charset=utf8"),
        (Dialect.V4, TITLE | COMPANY | {"PendingTime": TWO_O_CLOCK}, OLD | HTML, "text/plain"),
        (Dialect.V6, TITLE | COMPANY | {"PendingTime": {"Diff": "120"}}, NEW | HTML_OF_6, "text/plain"),
    ],
)
def test_everything_in_every_dialect(
    dialect: Dialect | None, of_ticket: dict[str, Any], of_article: dict[str, str], file_type: str
) -> None:
    assert created(EVERYTHING, FIELD, Hearer(dialect, now=NOON)) == {
        "Ticket": BY_ID | of_ticket,
        "Article": NOTE | of_article,
        "DynamicField": [
            {"Name": "Topics", "Value": ["a", "b"]},
            {"Name": "Floor", "Value": "2"},
            {"Name": FIELD, "Value": "1700000000.42"},
        ],
        "Attachment": [{"Content": b"x", "ContentType": file_type, "Filename": "a.txt"}],
    }


def test_an_article_that_is_added_has_all_of_it_too() -> None:
    sent = updating(Update("7", (), EVERYTHING.article), Hearer(Dialect.V6))
    assert sent["Article"] == NOTE | NEW | HTML_OF_6
    assert "Attachment" in sent


@pytest.mark.parametrize("zone", [ZoneInfo("Europe/Moscow"), timezone(timedelta(hours=3))])
def test_times_are_in_otrs_s_time_zone(zone: tzinfo) -> None:
    for pending in (timedelta(hours=2), NOON + timedelta(hours=2)):
        sent = created(replace(EVERYTHING, pending_time=pending), FIELD, Hearer(Dialect.V4, zone, NOON))
        assert sent["Ticket"]["PendingTime"] == TWO_O_CLOCK | {"Hour": "17"}


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (Dialect.V6, {"DynamicField": [{"Name": FIELD, "Equals": "1.4"}], "TicketCreateTimeNewerMinutes": "5"}),
        (Dialect.V4, {f"DynamicField_{FIELD}": {"Equals": "1.4"}, "TicketCreateTimeNewerMinutes": "5"}),
        (Dialect.V3_1, {}),
    ],
)
def test_search_in_every_dialect(dialect: Dialect, expected: dict[str, Any]) -> None:
    """3.1 searches by no field and no age: who asks it has to ask for a title."""
    assert search("1.4", FIELD, timedelta(minutes=5), Hearer(dialect)) == expected


def test_open_search_in_3_1_and_by_id() -> None:
    assert open_search(replace(WANTED, queue=5), Hearer(Dialect.V3_1)) == {
        "CustomerUserLogin": '"ivanov"', "States": ["new", "open"], "QueueIDs": "5",
        "SortBy": "Changed", "OrderBy": "Down",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "about"),
    [
        ({"QueueID": 0}, "queue"),
        ({"State": "pending auto close+"}, "pending_time"),
        ({"TimeUnit": "x"}, "time_unit"),
        ({"ForceNotificationToUserID": [0]}, "force_notification_to"),
        ({"ExcludeMuteNotificationToUserID": [0]}, "exclude_mute_notification_to"),
        ({"DynamicField": {"A": 1}}, "dynamic_fields"),
        ({"Attachment": Attachment("a", "b")}, "attachments"),
        ({"CommunicationChannelID": "Phone"}, "communication_channel"),
        ({"ArticleTypeID": 0}, "article_type"),
        ({"Charset": "utf8"}, ""),
    ],
)
def test_what_we_object_to_ourselves(values: dict[str, Any], about: str) -> None:
    with pytest.raises(Mistake) as caught:
        request("TicketCreate", values)
    refused = refusal("TicketCreate", caught.value)
    assert refused.code == NOT_SENT
    assert refused.words.endswith(caught.value.words)
    assert at_fault(refused) == about


def test_what_can_be_objected_to_is_a_field_of_the_house() -> None:
    fields = {field.name for kind in (Ticket, Article, Update) for field in dataclass_fields(kind)}
    assert {field for field in elements._OBJECTIONS.values() if field not in fields} == set()
