"""TicketUpdate and TicketGet: what changes, what is refused, what ends in a Fault."""

from __future__ import annotations

import pytest

from tests.contract.behind import Behind
from tests.contract.requests import ARTICLE, TICKET, call_field, created, field_of, found, shown
from tests.contract.wire import Node, Server

INVALID, MISSING = "InvalidParameter", "MissingParameter"


async def test_a_ticket_is_changed(otrs: Server, call_id: str) -> None:
    ticket_id = await created(otrs)
    changes = {"Title": "Другой", "State": "closed successful", "Queue": "Raw", "Priority": "4 high"}

    answer = await otrs.call(
        "TicketUpdate",
        {"TicketID": ticket_id, "Ticket": changes, "Article": ARTICLE, "DynamicField": call_field(call_id)},
    )

    assert [element.tag.rpartition("}")[2] for element in answer.content] == ["ArticleID", "TicketID", "TicketNumber"]
    ticket = await shown(otrs, ticket_id)
    assert {name: ticket.text(f"Ticket/{name}") for name in changes} == changes
    assert field_of(ticket) == call_id
    assert len(ticket.texts("ArticleID")) == 2
    assert ticket.texts("From")[1] == "Asterisk Calls"
    by_number = {"TicketNumber": answer.text("TicketNumber"), "Ticket": {"State": "open"}}
    assert (await otrs.call("TicketUpdate", by_number)).text("TicketID") == ticket_id
    assert (await shown(otrs, ticket_id)).text("Ticket/State") == "open"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"CustomerUser": "sidorov"}, {"CustomerUserID": "sidorov", "CustomerID": "VECTOR"}),
        ({"CustomerUser": "sidorov", "CustomerID": "X"}, {"CustomerUserID": "sidorov", "CustomerID": "X"}),
        ({"CustomerUser": "7@a.example"}, {"CustomerUserID": "7@a.example", "CustomerID": ""}),
        # Unlike TicketCreate, an address is not looked up, and a customer ID alone leaves nobody.
        (
            {"CustomerUser": "petrova@romashka.example"},
            {"CustomerUserID": "petrova@romashka.example", "CustomerID": ""},
        ),
        ({"CustomerID": "X"}, {"CustomerUserID": "", "CustomerID": "X"}),
        ({"Owner": "root@localhost"}, {"Owner": "root@localhost", "Lock": "unlock"}),
        ({"Lock": "lock"}, {"Lock": "lock"}),
        ({"LockID": "2", "OwnerID": "1"}, {"Lock": "lock", "Owner": "root@localhost"}),
        ({"QueueID": "2", "StateID": "4", "PriorityID": "5"}, {"Queue": "Raw", "State": "open", "PriorityID": "5"}),
        ({"Queue": "Raw", "Lock": "lock"}, {"Queue": "Raw", "Lock": "lock"}),
        ({"ResponsibleID": "2", "TypeID": "1"}, {"ResponsibleID": "2", "TypeID": "1"}),
        ({"Service": "Telephony", "SLA": "Within the hour"}, {"Service": "Telephony", "SLA": "Within the hour"}),
        ({"State": "closed successful", "Lock": "lock"}, {"StateType": "closed", "Lock": "unlock"}),
        ({"Title": ""}, {"Title": TICKET["Title"]}),
        ({"Title": "0"}, {"Title": "0"}),
    ],
)
async def test_what_a_change_leaves(otrs: Server, sent: Node, stored: dict[str, str]) -> None:
    ticket_id = await created(otrs)

    await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Ticket": sent})

    ticket = await shown(otrs, ticket_id)
    assert {name: ticket.text(f"Ticket/{name}") for name in stored} == stored


@pytest.mark.parametrize(
    ("changes", "lock"), [({"Queue": "Raw"}, "unlock"), ({"Queue": "HelpDesk"}, "lock"), ({"State": "open"}, "lock")]
)
async def test_a_ticket_that_is_moved_is_unlocked(otrs: Server, changes: Node, lock: str) -> None:
    ticket_id = await created(otrs, ticket={"Lock": "lock"})

    await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Ticket": changes})

    assert (await shown(otrs, ticket_id)).text("Ticket/Lock") == lock


async def test_an_sla_fits_the_service_that_the_ticket_has(otrs: Server) -> None:
    ticket_id = await created(otrs)

    async def update(**changes: str) -> tuple[str, str]:
        return (await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Ticket": changes})).error

    words = "TicketUpdate: Ticket->SLAID or Ticket->SLA parameter is invalid!"
    assert await update(SLA="Within the hour") == ("TicketUpdate.InvalidParameter", words)
    assert await update(Service="Telephony") == ("", "")
    assert await update(SLA="Within the hour") == ("", "")
    assert (await shown(otrs, ticket_id)).text("Ticket/SLA") == "Within the hour"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"Ticket": {"Queue": "x"}}, INVALID, "Ticket->QueueID or Ticket->Queue parameter is invalid!"),
        ({"Ticket": {"CustomerUser": "x"}}, INVALID, "Ticket->CustomerUser parameter is invalid!"),
        ({"Ticket": ""}, INVALID, "Ticket parameter is not valid!"),
        ({"Article": {"Subject": "x"}}, MISSING, "Article->Body parameter is missing!"),
        ({"Article": ""}, INVALID, "Article parameter is not valid!"),
        ({"Article": [ARTICLE, ARTICLE]}, INVALID, "Article parameter is not valid!"),
        ({"DynamicField": {"Name": "x", "Value": "x"}}, INVALID, "DynamicField->Name parameter is invalid!"),
        ({"DynamicField": {"Name": "AsteriskUniqueID"}}, MISSING, "DynamicField->Value parameter is missing!"),
    ],
)
async def test_a_change_that_is_refused(otrs: Server, changes: Node, code: str, words: str) -> None:
    ticket_id = await created(otrs)

    answer = await otrs.call("TicketUpdate", {"TicketID": ticket_id, **changes})

    assert answer.error == (f"TicketUpdate.{code}", f"TicketUpdate: {words}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Title": "Ж" * 256}, "OperationObject returned an error, cancelling Request"),
        ({"Queue": "Management"}, "Ticket queue could not be updated, please contact system administrator!"),
        ({"Queue": "raw"}, "Ticket queue could not be updated, please contact system administrator!"),
    ],
)
async def test_a_change_that_ends_in_a_fault(otrs: Server, changes: Node, words: str) -> None:
    ticket_id = await created(otrs)

    sent = {"TicketID": ticket_id, "Ticket": {**changes, "State": "open"}, "Article": ARTICLE}
    answer = await otrs.call("TicketUpdate", sent)

    assert answer.head[0] == "HTTP/1.1 500 Internal Server Error"
    assert answer.text("faultstring") == words
    ticket = await shown(otrs, ticket_id)
    assert [ticket.text(f"Ticket/{name}") for name in ("Title", "Queue", "State")] == [
        TICKET[name] for name in ("Title", "Queue", "State")
    ]
    assert len(ticket.texts("ArticleID")) == 1


@pytest.mark.parametrize(
    "ticket",
    [
        {"State": "new"},
        {"State": "open", "Owner": "root@localhost", "Lock": "lock"},
        {"State": "closed successful"},
        {"State": "merged"},
        {"State": "removed"},
    ],
)
@pytest.mark.parametrize("sender", ["customer", "agent"])
async def test_an_article_leaves_the_ticket_as_it_is_and_no_state_prevents_it(
    otrs: Server, ticket: dict[str, str], sender: str
) -> None:
    ticket_id = await created(otrs, ticket=ticket)

    answer = await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Article": {**ARTICLE, "SenderType": sender}})

    after = await shown(otrs, ticket_id)
    assert {name: after.text(f"Ticket/{name}") for name in ticket} == ticket
    assert after.texts("ArticleID")[1:] == [answer.text("ArticleID")]


async def test_a_ticket_where_our_agent_has_no_rights_is_no_ticket_save_his_own(otrs: Server, behind: Behind) -> None:
    others, own = await created(otrs, ticket={"Owner": "root@localhost"}), await created(otrs)
    behind.hide(others)
    behind.hide(own)

    for operation in ("TicketGet", "TicketUpdate"):
        answer = await otrs.call(operation, {"TicketID": others, "Article": ARTICLE})
        assert answer.error == (
            f"{operation}.AccessDenied",
            f"{operation}: User does not have access to the ticket!",
        )
        assert (await otrs.call(operation, {"TicketID": own, "Article": ARTICLE})).error == ("", "")
    assert await found(otrs, TicketID=[others, own]) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "1234"),
        ({"ArticleOrder": "DESC"}, "1234"),
        ({"ArticleOrder": "DESC", "ArticleLimit": "2"}, "43"),
        ({"ArticleOrder": "DESC", "ArticleLimit": "4"}, "4321"),
        ({"ArticleOrder": "DESC", "ArticleLimit": "50"}, "4321"),
        ({"ArticleOrder": "DESC", "ArticleLimit": "0"}, "1234"),
        ({"ArticleOrder": "desc", "ArticleLimit": "2"}, "12"),
        ({"ArticleOrder": "ASC", "ArticleLimit": "1"}, "1"),
        ({"ArticleLimit": "3"}, "123"),
        ({"AllArticles": "0", "ArticleLimit": "3"}, ""),
    ],
)
async def test_only_a_limit_makes_otrs_mind_the_order_of_articles(
    otrs: Server, asked: dict[str, str], expected: str
) -> None:
    ticket_id = await created(otrs, article={"Subject": "1"})
    for subject in "234":
        await otrs.call("TicketUpdate", {"TicketID": ticket_id, "Article": {**ARTICLE, "Subject": subject}})

    answer = await otrs.call("TicketGet", {"TicketID": ticket_id, "AllArticles": "1", **asked})

    assert "".join(answer.texts("Subject")) == expected
    assert answer.texts("ArticleNumber") == answer.texts("Subject")


async def test_several_tickets_are_got_at_once(otrs: Server) -> None:
    first, second = await created(otrs), await created(otrs)

    for wanted in ([first, second], f"{first}, {second}"):
        answer = await otrs.call("TicketGet", {"TicketID": wanted})
        assert answer.texts("TicketID") == [first, second]
        assert answer.texts("Article") == answer.texts("DynamicField") == []


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        ("0", MISSING, "TicketID parameter is missing!"),
        ({"x": "1"}, "WrongStructure", "Structure for TicketID is not correct!"),
        ("x", "AccessDenied", "User does not have access to the ticket!"),
        ("1,999999", "AccessDenied", "User does not have access to the ticket!"),
    ],
)
async def test_a_ticket_that_cannot_be_got(otrs: Server, wanted: str | Node, code: str, words: str) -> None:
    answer = await otrs.call("TicketGet", {"TicketID": wanted})

    assert answer.error == (f"TicketGet.{code}", f"TicketGet: {words}")
