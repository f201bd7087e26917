"""All that a ticket may hold, on the lab's real Znuny: sent in both ways, and there in its database and its answers."""

from __future__ import annotations

import os
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agi_server.call import Created, Refused
from agi_server.helpdesk import Attachment, Update
from agi_server.otrs import attachments, soap
from agi_server.otrs.connector import Connector
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.elements import at_fault
from tests.lab import facts
from tests.otrs.desk import ticket
from tests.otrs.test_connector_on_znuny import in_database, real

pytestmark = pytest.mark.lab
BOTH = pytest.mark.parametrize("dialect", [None, Dialect.V6])


async def shown(connector: Connector, ticket_id: str, **more: object) -> soap.Fields:
    reply = await connector.ask("TicketGet", {"TicketID": int(ticket_id), "DynamicFields": True, **more})
    assert isinstance(reply, dict), reply
    return soap.records(reply, "Ticket")[0]


def ids() -> dict[str, int]:
    """The IDs of what the tickets below are made of."""
    tables = {
        "queue": "queue WHERE name = 'Misc'",
        "state": "ticket_state WHERE name = 'pending reminder'",
        "priority": "ticket_priority WHERE name = '4 high'",
        "owner": f"users WHERE login = '{facts.ADMIN}'",
        "lock": "ticket_lock_type WHERE name = 'lock'",
        "sender_type": "article_sender_type WHERE name = 'system'",
        "communication_channel": "communication_channel WHERE name = 'Email'",
        "type": "ticket_type WHERE name = 'Unclassified'",
    }
    return {name: int(in_database(f"SELECT id FROM {table}")[0]["id"]) for name, table in tables.items()}


@BOTH
async def test_by_ids(dialect: Dialect | None) -> None:
    async with real(dialect=dialect) as connector:
        known = ids()
        article = {name: known.pop(name) for name in ("sender_type", "communication_channel")}
        asked = ticket(
            call_id=uuid4().hex, **known, responsible=known["owner"],
            pending_time=timedelta(hours=3), article={**article, "time_unit": "2.5"},
        )  # fmt: skip
        assert await connector.rehearse(asked) is None
        opened = await connector.open(asked)
        assert isinstance(opened, Created)
        made = await shown(connector, opened.ticket_id, AllArticles=True)
    names = ("Queue", "State", "Priority", "Owner", "Responsible", "Lock", "Type", "TimeUnit")
    assert {name: soap.text(made, name) for name in names} == {
        "Queue": "Misc", "State": "pending reminder", "Priority": "4 high", "Owner": facts.ADMIN,
        "Responsible": facts.ADMIN, "Lock": "lock", "Type": "Unclassified", "TimeUnit": "2.5",
    }  # fmt: skip
    assert 3 * 3600 - 90 < int(soap.text(made, "UntilTime")) <= 3 * 3600
    (written,) = soap.records(made, "Article")
    assert soap.text(written, "SenderType") == "system"


@BOTH
async def test_dynamic_fields_of_one_and_of_many_values(dialect: Dialect | None) -> None:
    fields = {"CallTopics": ("billing", "other"), "CallerNumber": "+79161229624"}
    async with real(dialect=dialect) as connector:
        opened = await connector.open(ticket(call_id=uuid4().hex, dynamic_fields=fields))
        assert isinstance(opened, Created)
        made = await shown(connector, opened.ticket_id)
        refused = await connector.rehearse(ticket(dynamic_fields={"CallTopics": ("billing", "weather")}))
    found = {soap.text(field, "Name"): soap.texts(field, "Value") for field in soap.records(made, "DynamicField")}
    assert found["CallTopics"] == ["billing", "other"]
    assert found["CallerNumber"] == ["+79161229624"]
    assert isinstance(refused, Refused)
    assert refused.words == "TicketCreate: DynamicField->Value parameter is invalid!"


@BOTH
async def test_service_and_sla(dialect: Dialect | None) -> None:
    async with real(dialect=dialect) as connector:
        opened = await connector.open(ticket(call_id=uuid4().hex, service=facts.SERVICE, sla=facts.SLA))
        assert isinstance(opened, Created)
        made = await shown(connector, opened.ticket_id)
    assert (soap.text(made, "Service"), soap.text(made, "SLA")) == (facts.SERVICE, facts.SLA)


@BOTH
async def test_pending_time_that_is_a_date(dialect: Dialect | None) -> None:
    until = (datetime.now(UTC) + timedelta(days=2)).replace(second=0, microsecond=0)
    async with real(dialect=dialect) as connector:
        opened = await connector.open(ticket(call_id=uuid4().hex, state="pending reminder", pending_time=until))
    assert isinstance(opened, Created)
    (row,) = in_database(f"SELECT until_time FROM ticket WHERE id = {opened.ticket_id}")
    assert datetime.fromtimestamp(int(row["until_time"]), UTC) == until


@BOTH
async def test_files_of_any_content_arrive_whole(tmp_path: Path, dialect: Dialect | None) -> None:
    contents = [os.urandom(300_001), "Звонил абонент\n".encode(), b"x"]
    paths = [tmp_path / name for name in ("запись.wav", "call.txt")]
    for path, content in zip(paths, contents, strict=False):
        path.write_bytes(content)
    files = (
        Attachment("запись.wav", "audio/x-wav", file=str(paths[0])),
        Attachment("call.txt", "text/plain; charset=utf8", file=str(paths[1])),
        Attachment("<&>.bin", "application/octet-stream", contents[2]),
        Attachment("gone.pdf", "application/pdf", file=str(tmp_path / "gone.pdf")),
    )
    async with real(dialect=dialect) as connector:
        opened = await connector.open(ticket(call_id=uuid4().hex, article={"attachments": files}))
        assert isinstance(opened, Created)
        update = Update(opened.ticket_id, ("1.1",), replace(ticket().article, attachments=files[1:2]))
        assert await connector.update(update) == opened
        made = await shown(connector, opened.ticket_id, AllArticles=True, Attachments=True)
    first, second = soap.records(made, "Article")
    got = {
        soap.text(one, "Filename"): b64decode(soap.text(one, "Content")) for one in soap.records(first, "Attachment")
    }
    assert set(got.values()) == set(contents)
    assert got["запись.wav"] == contents[0]
    assert soap.text(first, "Body").endswith("gone.pdf could not be attached: No such file or directory")
    assert [soap.text(one, "Filename") for one in soap.records(second, "Attachment")] == ["call.txt"]


async def test_request_that_is_too_long_loses_its_files_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a web service whose MaxLength is less than ours."""
    monkeypatch.setattr(attachments, "ROOM", 2 * attachments.MAX_REQUEST)
    (tmp_path / "a.bin").write_bytes(b"x" * 7_600_000)
    long = Attachment("a.bin", "application/octet-stream", file=str(tmp_path / "a.bin"))
    async with real() as connector:
        opened = await connector.open(ticket(call_id=uuid4().hex, article={"attachments": (long,)}))
        assert isinstance(opened, Created)
        made = await shown(connector, opened.ticket_id, AllArticles=True)
    (article,) = soap.records(made, "Article")
    assert soap.text(article, "Body").endswith("a.bin could not be attached: OTRS takes no request as long as this")


async def test_who_is_told_and_who_is_not() -> None:
    (row,) = in_database(f"SELECT id FROM users WHERE login = '{facts.ADMIN}'")
    article = {
        "no_agent_notify": True,
        "force_notification_to": (int(row["id"]),),
        "exclude_notification_to": (int(row["id"]),),
        "exclude_mute_notification_to": (int(row["id"]),),
    }
    async with real() as connector:
        assert isinstance(await connector.open(ticket(call_id=uuid4().hex, article=article)), Created)
        for name in ("force_notification_to", "exclude_notification_to", "exclude_mute_notification_to"):
            refused = await connector.rehearse(ticket(article={name: (999_999,)}))
            assert isinstance(refused, Refused)


@pytest.mark.parametrize(
    ("changes", "about"),
    [
        ({"article": {"communication_channel": "Chat"}}, "communication_channel"),
        ({"article": {"content_type": "text/plain"}}, "content_type"),
        ({"article": {"from_address": "nobody"}}, "from_address"),
        ({"article": {"force_notification_to": (999_999,)}}, "force_notification_to"),
        ({"article": {"exclude_notification_to": (999_999,)}}, "exclude_notification_to"),
        ({"article": {"exclude_mute_notification_to": (999_999,)}}, "exclude_mute_notification_to"),
        ({"article": {"history_type": "Nothing"}}, "history_type"),
        ({"queue": 999_999}, "queue"),
        ({"service": 999_999}, "service"),
        ({"owner": 999_999}, "owner"),
        ({"responsible": "nobody"}, "responsible"),
        ({"lock": 999_999}, "lock"),
    ],
)
async def test_rehearsal_tells_what_is_at_fault(changes: dict[str, Any], about: str) -> None:
    async with real() as connector:
        refused = await connector.rehearse(ticket(**changes))
    assert isinstance(refused, Refused)
    assert at_fault(refused) == about


async def test_znuny_is_recognised() -> None:
    async with real() as connector:
        assert await connector.recognise() == (Dialect.V6, timedelta())


async def test_znuny_that_shows_no_ticket_is_recognised_too() -> None:
    """By what it says of a ticket without anything."""
    async with real() as connector:
        reply = await connector.ask("TicketCreate", {})
    assert isinstance(reply, Refused)
    assert "Article parameter is missing" in reply.words


async def test_every_operation_can_be_asked() -> None:
    title = uuid4().hex
    login = {"UserLogin": facts.AGENT, "Password": facts.AGENT_PASSWORD}
    article = {"Subject": "Звонок", "Body": "b", "MimeType": "text/plain", "Charset": "utf-8", "SenderType": "agent"}
    async with real(dialect=Dialect.V6) as connector:
        assert isinstance(await connector.ask("SessionCreate", login), dict)
        session = await connector.ask("SessionCreate", {})
        assert isinstance(session, dict)
        token = soap.text(session, "SessionID")
        created = await connector.ask(
            "TicketCreate",
            {
                **login, "Title": title, "Queue": facts.QUEUE, "State": "new", "Priority": "3 normal",
                "CustomerUser": "ivanov", **article, "DynamicField": {facts.CALL_FIELD: title},
                "Article": [{**article, "Subject": "Second", "IsVisibleForCustomer": True}],
            },
        )  # fmt: skip
        assert isinstance(created, dict), created
        assert len(soap.texts(created, "ArticleID")) == 2
        ticket_id = soap.text(created, "TicketID")
        for criteria in (
            {"Title": title},
            {"DynamicField": {facts.CALL_FIELD: title}},
            {"DynamicField": {facts.CALL_FIELD: {"Like": f"{title[:-1]}*"}}},
            {"Title": [f"{title}x", title], "States": ["new", "open"], "Queues": facts.QUEUE, "Limit": 5},
            {"TicketID": int(ticket_id), "CreatedStates": "new", "TicketCreateTimeNewerMinutes": timedelta(minutes=5)},
            {"Title": title, "TicketCreateTimeNewerDate": datetime.now(UTC) - timedelta(minutes=5), "SortBy": "Age"},
            {
                "Title": title, "ChangeTimeSearchType": "TimePoint", "TicketChangeTimePoint": 5,
                "TicketChangeTimePointFormat": "minute", "TicketChangeTimePointStart": "Last",
            },
        ):  # fmt: skip
            found = await connector.ask("TicketSearch", {"SessionID": token, **criteria})
            assert found == {"TicketID": [ticket_id]}, criteria
        nothing = await connector.ask(
            "TicketSearch", {"Title": title, "TicketCreateTimeOlderMinutes": timedelta(minutes=5)}
        )
        assert nothing == {}
        number = soap.text(created, "TicketNumber")
        updated = await connector.ask("TicketUpdate", {"TicketNumber": number, "State": "open", "Priority": "4 high"})
        assert isinstance(updated, dict)
        made = await shown(connector, ticket_id, AllArticles=True, ArticleOrder="DESC", ArticleLimit=1, Extended=True)
    assert (soap.text(made, "State"), soap.text(made, "Priority")) == ("open", "4 high")
    (article_shown,) = soap.records(made, "Article")
    assert soap.text(article_shown, "Subject") == "Second"
