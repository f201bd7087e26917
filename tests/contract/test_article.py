"""What an article can be given besides its text: time units, who is told, by whom and to whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.requests import ARTICLE, created, creation, shown
from tests.contract.wire import Server


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"TimeUnit": "x"}, "TimeUnit parameter is invalid!"),
        ({"TimeUnit": "-1"}, "TimeUnit parameter is invalid!"),
        ({"TimeUnit": "1.5.5"}, "TimeUnit parameter is invalid!"),
        ({"HistoryType": "x", "TimeUnit": "x"}, "HistoryType parameter is invalid!"),
        ({"TimeUnit": "x", "NoAgentNotify": "2"}, "TimeUnit parameter is invalid!"),
        ({"NoAgentNotify": "2", "ForceNotificationToUserID": "99"}, "NoAgent parameter is invalid!"),
        ({"ForceNotificationToUserID": ["1", "99"]}, "ForceNotificationToUserID UserID=99 parameter is invalid!"),
        ({"ForceNotificationToUserID": {"x": "1"}}, "ForceNotificationToUserID parameter is invalid!"),
        ({"ExcludeNotificationToUserID": "x"}, "ExcludeNotificationToUserID UserID=x parameter is invalid!"),
        (
            {"ExcludeMuteNotificationToUserID": ["99", "98"]},
            "ExcludeMuteNotificationToUserID UserID=99 parameter is invalid!",
        ),
        ({"ExcludeMuteNotificationToUserID": ""}, "ExcludeMuteNotificationToUserID UserID= parameter is invalid!"),
        ({"SenderTypeID": "9"}, "SenderTypeID or Ticket->SenderType parameter is invalid!"),
        (
            {"ArticleSend": "1"},
            "To parameter must be a valid email address when Article->ArticleSend is set!",
        ),
    ],
)
async def test_what_is_refused(otrs: Server, sent: dict[str, Any], words: str) -> None:
    answer = await otrs.call("TicketCreate", creation(article=sent))

    assert answer.error == ("TicketCreate.InvalidParameter", f"TicketCreate: Article->{words}")


@pytest.mark.parametrize(
    "sent",
    [
        {"NoAgentNotify": "1"},
        {"NoAgentNotify": "0"},
        {"ForceNotificationToUserID": "1"},
        {"ForceNotificationToUserID": ["1", "2"], "ExcludeNotificationToUserID": "2"},
        {"ExcludeMuteNotificationToUserID": "2"},
        {"AutoResponseType": "auto reject"},
        {"HistoryComment": "Звонок"},
        {"ArticleType": "phone"},
        {"ArticleType": "no such type"},
    ],
)
async def test_what_is_taken(otrs: Server, sent: dict[str, Any]) -> None:
    assert (await otrs.call("TicketCreate", creation(article=sent))).error == ("", "")


@pytest.mark.parametrize(
    ("sent", "shown_as"), [("5", "5"), ("1,5", "1.5"), ("1.25", "1.25"), ("10", "10"), ("0", "0"), ("", "0")]
)
async def test_time_units(otrs: Server, sent: str, shown_as: str) -> None:
    ticket = await shown(otrs, await created(otrs, article={"TimeUnit": sent}))

    assert ticket.text("Ticket/Article/TimeUnit") == shown_as
    assert ticket.text("Ticket/TimeUnit") == shown_as


async def test_a_ticket_s_time_units_are_those_of_its_articles(otrs: Server) -> None:
    ticket_id = await created(otrs, article={"TimeUnit": "3"})

    await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Article": {**ARTICLE, "TimeUnit": "4.5"}})

    ticket = await shown(otrs, ticket_id)
    assert ticket.text("Ticket/TimeUnit") == "7.5"
    assert ticket.texts("TimeUnit").count("4.5") == 1


@pytest.mark.parametrize(
    ("sent", "sender", "recipient"),
    [
        ({}, "Asterisk Calls", ""),
        ({"From": "x@y.example", "To": "z@y.example"}, "x@y.example", "z@y.example"),
        ({"CommunicationChannel": "Email"}, "Asterisk Calls", "ivanov"),
    ],
)
async def test_from_whom_and_to_whom_an_added_article_is(
    otrs: Server, sent: dict[str, Any], sender: str, recipient: str
) -> None:
    ticket_id = await created(otrs)

    await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Article": {**ARTICLE, **sent}})

    ticket = await shown(otrs, ticket_id)
    assert (ticket.texts("From")[1], ticket.texts("To")[1]) == (sender, recipient)


@pytest.mark.parametrize(
    ("wanted", "subjects"), [("agent", ["2"]), (["agent", "customer"], ["2", "1"]), ("x", []), ("system", [])]
)
async def test_articles_by_who_wrote_them(otrs: Server, wanted: str | list[str], subjects: list[str]) -> None:
    ticket_id = await created(otrs, article={"Subject": "1", "SenderType": "customer"})
    await otrs.call(
        "TicketUpdate", {"TicketID": ticket_id, "Article": {**ARTICLE, "Subject": "2", "SenderType": "agent"}}
    )

    answer = await otrs.call("TicketGet", {"TicketID": ticket_id, "AllArticles": "1", "ArticleSenderType": wanted})

    assert answer.texts("Subject") == subjects
