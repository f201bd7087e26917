"""TicketCreate: what it refuses, in which order, and how it stores what it takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.requests import ARTICLE, TICKET, call_field, created, creation, field_of, found, shown
from tests.contract.wire import Node, Server, recorded_answer

INVALID, MISSING, DENIED = "InvalidParameter", "MissingParameter", "AccessDenied"
CUSTOMER = "Ticket->CustomerUser parameter is invalid!"
CHANNEL = "Article->CommunicationChannel or Article->CommunicationChannelID parameter is invalid or not supported!"


@pytest.mark.parametrize(
    ("ticket", "code", "words"),
    [
        ({"Title": "0"}, MISSING, "Ticket->Title parameter is missing!"),
        ({"Title": " \n "}, MISSING, "Ticket->Title parameter is missing!"),
        ({"QueueID": "99999"}, INVALID, "Ticket->QueueID or Ticket->Queue parameter is invalid!"),
        ({"QueueID": "x"}, INVALID, "Ticket->QueueID or Ticket->Queue parameter is invalid!"),
        ({"StateID": "99"}, INVALID, "Ticket->StateID or Ticket->State parameter is invalid!"),
        ({"Priority": "3 Normal"}, INVALID, "Ticket->PriorityID or Ticket->Priority parameter is invalid!"),
        ({"Lock": "shut"}, INVALID, "Ticket->LockID or Ticket->Lock parameter is invalid!"),
        ({"Service": "x"}, INVALID, "Ticket->ServiceID or Ticket->Service parameter is invalid!"),
        ({"SLA": "x"}, INVALID, "Ticket->SLAID or Ticket->SLA parameter is invalid!"),
        ({"Responsible": "x"}, INVALID, "Ticket->ResponsibleID or Ticket->Responsible parameter is invalid!"),
        ({"CustomerUser": "@phone.example.org"}, INVALID, CUSTOMER),
        ({"CustomerUser": "a b@phone.example.org"}, INVALID, CUSTOMER),
        ({"CustomerUser": "a..b@phone.example.org"}, INVALID, CUSTOMER),
        ({"CustomerUser": "иван@phone.example.org"}, INVALID, CUSTOMER),
        ({"CustomerUser": "7916@localhost"}, INVALID, CUSTOMER),
        ({"CustomerUser": "7916@EXAMPLE.org"}, INVALID, CUSTOMER),
        ({"CustomerUser": "nobody", "Queue": "x"}, INVALID, CUSTOMER),
        ({"Queue": "Management", "State": "x"}, INVALID, "Ticket->StateID or Ticket->State parameter is invalid!"),
        ({"Queue": "management"}, DENIED, "Can not create tickets in given Queue or QueueID!"),
        ({"QueueID": "5", "Queue": "x"}, DENIED, "Can not create tickets in given Queue or QueueID!"),
        ({"SLA": "Within the hour"}, INVALID, "Ticket->SLAID or Ticket->SLA parameter is invalid!"),
        ({"TypeID": "2"}, INVALID, "Ticket->TypeID or Ticket->Type parameter is invalid!"),
        ({"OwnerID": "99"}, INVALID, "Ticket->OwnerID or Ticket->Owner parameter is invalid!"),
    ],
)
async def test_a_ticket_that_is_refused(otrs: Server, ticket: Node, code: str, words: str) -> None:
    answer = await otrs.call("TicketCreate", creation(ticket=ticket))

    assert answer.error == (f"TicketCreate.{code}", f"TicketCreate: {words}")


@pytest.mark.parametrize(
    ("article", "code", "words"),
    [
        ({"Subject": "0"}, MISSING, "Article->Subject parameter is missing!"),
        ({"AutoResponseType": "shout"}, INVALID, "Article->AutoResponseType parameter is invalid!"),
        ({"CommunicationChannel": "Chat"}, INVALID, CHANNEL),
        ({"SenderType": "Customer"}, INVALID, "Article->SenderTypeID or Ticket->SenderType parameter is invalid!"),
        ({"ContentType": "text/plain; charset=klingon"}, INVALID, "Article->ContentType is invalid!"),
        ({"ContentType": "text/plain; charset = utf8"}, INVALID, "Article->ContentType is invalid!"),
        ({"ContentType": None, "MimeType": "text/plain"}, MISSING, "Article->Charset is required!"),
        ({"ContentType": None, "Charset": "utf-8"}, MISSING, "Article->MimeType is required!"),
        ({"ContentType": None, "Charset": "utf-8", "MimeType": "text"}, INVALID, "Article->MimeType is invalid!"),
        ({"ContentType": None, "Charset": "x", "MimeType": "text/plain"}, INVALID, "Article->Charset is invalid!"),
        ({"NoAgentNotify": "yes"}, INVALID, "Article->NoAgent parameter is invalid!"),
    ],
)
async def test_an_article_that_is_refused(otrs: Server, article: Node, code: str, words: str) -> None:
    answer = await otrs.call("TicketCreate", creation(article=article))

    assert answer.error == (f"TicketCreate.{code}", f"TicketCreate: {words}")


@pytest.mark.parametrize(
    ("field", "code", "words"),
    [
        ("", MISSING, "DynamicField parameter is missing or not valid!"),
        ({"Name": "AsteriskUniqueID"}, MISSING, "DynamicField->Value  parameter is missing!"),
        ({"Value": "x"}, MISSING, "DynamicField->Name  parameter is missing!"),
        ({"Name": "asteriskuniqueid", "Value": "x"}, INVALID, "DynamicField->Name parameter is invalid!"),
    ],
)
async def test_a_dynamic_field_that_is_refused(otrs: Server, field: str | Node, code: str, words: str) -> None:
    answer = await otrs.call("TicketCreate", creation(DynamicField=field))

    assert answer.error == (f"TicketCreate.{code}", f"TicketCreate: {words}")


async def test_the_right_to_the_queue_comes_before_the_article_and_that_before_the_fields(otrs: Server) -> None:
    unknown_field = {"Name": "NoSuchField", "Value": "x"}
    denied = creation(ticket={"Queue": "Management"}, article={"HistoryType": "x"}, DynamicField=unknown_field)
    invalid = creation(article={"HistoryType": "x"}, DynamicField=unknown_field)

    assert (await otrs.call("TicketCreate", denied)).error[0] == "TicketCreate.AccessDenied"
    expected = "TicketCreate: Article->HistoryType parameter is invalid!"
    assert (await otrs.call("TicketCreate", invalid)).error[1] == expected


async def test_a_queue_in_other_letters_case_is_found_valid_and_ends_in_a_fault(otrs: Server) -> None:
    answer = await otrs.call("TicketCreate", creation(ticket={"Queue": "helpdesk"}))

    assert answer.head[:2] == ["HTTP/1.1 500 Internal Server Error", "Content-Type: text/plain; charset=UTF-8"]
    assert answer.text("faultstring") == "Ticket could not be created, please contact the system administrator"


async def test_a_ticket_is_stored_as_it_was_sent(otrs: Server, call_id: str) -> None:
    ticket = await shown(otrs, await created(otrs, DynamicField=call_field(call_id)))

    expected = {
        **{name: TICKET[name] for name in ("Title", "Queue", "State", "Priority")},
        "StateType": "new",
        "CustomerUserID": "ivanov",
        "CustomerID": "ROMASHKA",
        "Owner": otrs.user,
        "Lock": "unlock",
        "Type": "Unclassified",
    }
    assert {name: ticket.text(f"Ticket/{name}") for name in expected} == expected
    expected = {
        **{name: ARTICLE[name] for name in ("Subject", "Body", "ContentType", "SenderType", "IsVisibleForCustomer")},
        "CommunicationChannelID": "2",
        "MimeType": "text/plain",
        "Charset": "utf8",
        "From": '"Иван Иванов" <ivanov@romashka.example>',
        "To": "HelpDesk",
    }
    assert {name: ticket.text(f"Ticket/Article/{name}") for name in expected} == expected
    assert field_of(ticket) == call_id


async def test_ticket_get_shows_the_recorded_elements(otrs: Server) -> None:
    ticket = await shown(otrs, await created(otrs))

    recorded = {element.tag for element in recorded_answer("131-TicketGet-articles-dynamicfields").content.iter()}
    assert {element.tag for element in ticket.content.iter()} == recorded


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("Title", "Я" * 300, "Я" * 255),
        ("Title", "Звонок \U0001f4de", "Звонок \ufffd"),
        ("Title", "  вокруг  ", "вокруг"),
        ("Title", "одна\r\nдве\rтри", "одна\nдве\nтри"),
        ("Subject", "одна\r\nдве\nтри\rчетыре", "однадветричетыре"),
        ("Subject", "С" * 300, "С" * 300),
        ("Body", "тело \U0001f4de конец", "тело \ufffd конец"),
        ("Body", "  одна\r\nдве\n\n  три\t4\rпять  ", "одна\nдве\n\n  три\t4\nпять"),
        ("Body", "&amp; <i> \"'\\ %s {{ x }} ]]>", "&amp; <i> \"'\\ %s {{ x }} ]]>"),
        ("Body", "\u00a0\u2028\u200b\u0301 e\u0301", "\u200b\u0301 e\u0301"),
        ("DynamicField", " 1.2 \U0001f4de ", "1.2 \ufffd"),
        ("DynamicField", "ы" * 3000, "ы" * 3000),
    ],
)
async def test_how_texts_are_stored(otrs: Server, name: str, sent: str, stored: str) -> None:
    changes: dict[str, Any] = {
        "Title": {"ticket": {name: sent}},
        "Subject": {"article": {name: sent}},
        "Body": {"article": {name: sent}},
        "DynamicField": {name: call_field(sent)},
    }[name]

    ticket = await shown(otrs, await created(otrs, **changes))

    path = "Ticket/Title" if name == "Title" else f"Ticket/Article/{name}"
    assert (field_of(ticket) if name == "DynamicField" else ticket.text(path)) == stored


IVANOV = '"Иван Иванов" <ivanov@romashka.example>'
PETROVA = '"Анна Петрова" <petrova@romashka.example>'


@pytest.mark.parametrize(
    ("sent", "login", "customer_id", "sender"),
    [
        ({"CustomerUser": "IVANOV"}, "ivanov", "ROMASHKA", IVANOV),
        ({"CustomerUser": "petrova@romashka.example"}, "petrova", "ROMASHKA", PETROVA),
        ({"CustomerUser": "ivanov", "CustomerID": "OTHER"}, "ivanov", "OTHER", IVANOV),
        ({"CustomerUser": "7916@phone.example.org"}, "7916@phone.example.org", "", "7916@phone.example.org"),
        ({"CustomerUser": "+7@a.example", "CustomerID": "X"}, "+7@a.example", "X", "+7@a.example"),
        ({"CustomerUser": "former@romashka.example"}, "former@romashka.example", "", "former@romashka.example"),
    ],
)
async def test_whose_ticket_it_becomes(otrs: Server, sent: Node, login: str, customer_id: str, sender: str) -> None:
    ticket = await shown(otrs, await created(otrs, ticket=sent))

    assert ticket.text("Ticket/CustomerUserID") == login
    assert ticket.text("Ticket/CustomerID") == customer_id
    assert ticket.text("Ticket/Article/From") == sender


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"Owner": "root@localhost"}, {"Owner": "root@localhost", "Lock": "lock"}),
        ({"Owner": "root@localhost", "Lock": "unlock"}, {"Owner": "root@localhost", "Lock": "unlock"}),
        ({"Lock": "lock"}, {"Lock": "lock"}),
        ({"State": "closed successful", "Lock": "lock"}, {"StateType": "closed", "Lock": "unlock"}),
        ({"State": "closed successful", "Owner": "root@localhost"}, {"StateType": "closed", "Lock": "lock"}),
        ({"Responsible": "root@localhost"}, {"Responsible": "root@localhost"}),
        ({"Queue": None, "QueueID": "2"}, {"Queue": "Raw", "QueueID": "2"}),
        ({"State": "OPEN"}, {"State": "open", "StateType": "open"}),
        ({"State": None, "StateID": "4"}, {"State": "open", "StateType": "open"}),
        ({"PriorityID": "5"}, {"Priority": "5 very high"}),
        ({"QueueID": "5", "Queue": "Raw"}, {"Queue": "HelpDesk", "Article/To": "Raw"}),
        ({"OwnerID": "1"}, {"Owner": "root@localhost", "Lock": "lock"}),
        ({"ResponsibleID": "2"}, {"ResponsibleID": "2", "Owner": "agi-server"}),
        ({"LockID": "2", "TypeID": "1"}, {"Lock": "lock", "Type": "Unclassified"}),
        ({"Service": "telephony"}, {"Service": "Telephony", "ServiceID": "1", "SLA": "", "SLAID": ""}),
        ({"ServiceID": "1", "SLA": "Within the hour"}, {"Service": "Telephony", "SLA": "Within the hour"}),
        ({"Service": "Telephony", "SLAID": "1"}, {"SLA": "Within the hour", "SLAID": "1"}),
        ({}, {"Service": "", "ServiceID": "", "SLAID": ""}),
    ],
)
async def test_what_else_a_ticket_can_be_given(otrs: Server, sent: Node, stored: dict[str, str]) -> None:
    ticket = await shown(otrs, await created(otrs, ticket=sent))

    assert {name: ticket.text(f"Ticket/{name}") for name in stored} == stored


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"CommunicationChannel": "phone"}, {"CommunicationChannelID": "2"}),
        ({"CommunicationChannel": None, "CommunicationChannelID": "1"}, {"CommunicationChannelID": "1"}),
        ({"CommunicationChannelID": "3"}, {"CommunicationChannelID": "2"}),
        ({"SenderType": None, "SenderTypeID": "2"}, {"SenderType": "system"}),
        ({"SenderType": None}, {"SenderType": "agent"}),
        ({"IsVisibleForCustomer": None}, {"IsVisibleForCustomer": "1"}),
        ({"IsVisibleForCustomer": ""}, {"IsVisibleForCustomer": "0"}),
        ({"From": "Иван <i@host.example>"}, {"From": "Иван <i@host.example>"}),
        ({"HistoryType": "phonecallcustomer"}, {"SenderType": "customer"}),
        ({"ContentType": 'Text/Plain; charset="UTF-8"; x=y'}, {"MimeType": "text/plain", "Charset": "utf-8"}),
        (
            {"ContentType": None, "MimeType": "Text/Plain", "Charset": "UTF-8"},
            {"ContentType": "text/plain; charset=utf-8"},
        ),
    ],
)
async def test_what_else_an_article_can_be_given(otrs: Server, sent: Node, stored: dict[str, str]) -> None:
    ticket = await shown(otrs, await created(otrs, article=sent))

    assert {name: ticket.text(f"Ticket/Article/{name}") for name in stored} == stored


async def test_the_number_has_its_check_digit(otrs: Server) -> None:
    answer = await otrs.call("TicketCreate", creation())
    number = answer.text("TicketNumber")
    weighed = sum(int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(number[:-1]))

    assert len(number) == 16
    assert number[8:10] == "10"
    assert int(number[-1]) == (10 - weighed % 10 if weighed % 10 else 1)
    assert await found(otrs, TicketNumber=number) == [answer.text("TicketID")]
