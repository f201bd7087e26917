"""Every field that `ticket` can set, from the configuration through a call to OTRS, and as OTRS shows it then.

On the stand-in, and on the lab's real Znuny, which both know the same queues, services and fields by the same IDs.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from agi_server import app
from agi_server.app import App
from agi_server.asterisk.client import place_call
from agi_server.check import check_form, warnings
from agi_server.config import Config, load
from agi_server.otrs import soap
from agi_server.sandbox.otrs import Sandbox
from tests.lab import facts
from tests.lab.lab import require
from tests.program import write_config

BYTES = bytes(range(256)) * 1000
TEXT = "Звонок от {{ call.name }} на {{ call.dialled }}\n{{ customer.email }} {{ match }}\n"
TICKET: dict[str, Any] = {
    "title": "Поля {{ call.unique_id }}",
    "queue": 5,
    "state": "pending reminder",
    "pending_time": "2h",
    "priority": 4,
    "type": "Unclassified",
    "service": "{{ 'Telephony' }}",
    "sla": 1,
    "owner": "root@localhost",
    "responsible": 2,
    "lock": "lock",
    "dynamic_fields": {"CallerNumber": "{{ call.canonical }}", "CallTopics": ["{{ 'outage' }}", "billing"]},
    "sender_type": 1,
    "from_address": "{{ customer.email }}",
    "visible_for_customer": True,
    "communication_channel": 3,
    "body": TEXT,
    "time_unit": "1.5",
    "history_type": "AddNote",
    "history_comment": "Подробно: {{ match }}",
    "auto_response": "auto reply",
    "no_agent_notify": True,
    "force_notification_to_user_id": [1, 2],
    "exclude_notification_to_user_id": [1],
    "exclude_mute_notification_to_user_id": [2],
}


@pytest.fixture(params=["stand-in", pytest.param("Znuny", marks=pytest.mark.lab)])
async def neighbours(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """OTRS and its customers, for the configuration."""
    if request.param == "stand-in":
        async with Sandbox(tmp_path / "otrs", password="sandbox") as otrs:
            yield {
                "customers": {"database": otrs.database},
                "otrs": {"url": otrs.url, "user": "agi-server", "password": "sandbox"},
            }
    else:
        require()
        yield {
            "customers": {"database": facts.CUSTOMERS_URL, "password": facts.CUSTOMERS_PASSWORD},
            "otrs": {"url": facts.WEB_SERVICE_URL, "user": facts.AGENT, "password": facts.AGENT_PASSWORD},
        }


def configured(folder: Path, neighbours: dict[str, Any], **sections: Any) -> Config:
    config = load(write_config(folder, {**neighbours, **sections}), {})
    assert check_form(config) == []
    return config


async def called(config: Config, later: timedelta = timedelta(), status: str = "created", **call: Any) -> soap.Fields:
    """The ticket that this call makes, or is added to, as OTRS shows it."""
    async with App(config, lambda: datetime.now(UTC) + later) as program:
        report = await place_call("127.0.0.1", program.server.port, unique_id=f"{uuid4().hex}.1", **call)
    assert report.variables["HELPDESK_STATUS"] == status
    wanted = {"TicketID": int(report.variables["HELPDESK_TICKET_ID"])}
    async with app.connector(config) as connector:
        shown = await connector.ask(
            "TicketGet", {**wanted, "DynamicFields": True, "AllArticles": True, "Attachments": True}
        )
    assert isinstance(shown, dict), shown
    [ticket] = several(shown, "Ticket")
    return ticket


def several(fields: soap.Fields, name: str) -> list[soap.Fields]:
    return [one for one in fields.get(name, []) if isinstance(one, dict)]


PLAIN_TICKET = {
    "Queue": "HelpDesk",
    "State": "pending reminder",
    "Priority": "4 high",
    "Type": "Unclassified",
    "Service": "Telephony",
    "SLA": "Within the hour",
    "Owner": "root@localhost",
    "Responsible": "agi-server",
    "Lock": "lock",
    "CustomerUserID": "ivanov",
    "CustomerID": "ROMASHKA",
    "TimeUnit": "1.5",
}
PLAIN_ARTICLE = {
    "SenderType": "agent",
    "From": "ivanov@romashka.example",
    "IsVisibleForCustomer": "1",
    "CommunicationChannelID": "3",
    "ContentType": "text/plain; charset=utf8",
    "Subject": "Phone call from +79161229624",
    "Body": "Звонок от <i>Иван на 4509\nivanov@romashka.example exact",
    "TimeUnit": "1.5",
}


async def test_every_field_is_as_the_configuration_has_it(tmp_path: Path, neighbours: dict[str, Any]) -> None:
    config = configured(tmp_path, neighbours, ticket=TICKET)
    ticket = await called(config, number="+79161229624", name="<i>Иван")
    [article] = several(ticket, "Article")
    assert plain(ticket, PLAIN_TICKET) == PLAIN_TICKET
    assert plain(article, PLAIN_ARTICLE) == PLAIN_ARTICLE
    fields = {str(field["Name"][0]): field["Value"] for field in several(ticket, "DynamicField")}
    assert (fields["CallerNumber"], fields["CallTopics"]) == (["+79161229624"], ["outage", "billing"])
    assert 7000 < int(plain(ticket, ["UntilTime"])["UntilTime"]) <= 7200


async def test_a_pending_time_may_be_a_time_in_the_tickets_zone(tmp_path: Path, neighbours: dict[str, Any]) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    pending = f"{{{{ '{tomorrow.astimezone(ZoneInfo('Europe/Moscow')):%Y-%m-%d %H:%M}' }}}}"
    options = {"state": "pending auto close+", "pending_time": pending, "time_zone": "Europe/Moscow"}
    ticket = await called(configured(tmp_path, neighbours, ticket=options), number="+79161229624")
    assert abs(int(plain(ticket, ["UntilTime"])["UntilTime"]) - 24 * 3600) < 120


async def test_a_route_sets_them_too(tmp_path: Path, neighbours: dict[str, Any]) -> None:
    config = configured(tmp_path, neighbours, routes=[{"dialled": "4509", "ticket": TICKET}])
    ticket = await called(config, number="+79161229624", name="<i>Иван")
    [article] = several(ticket, "Article")
    assert plain(ticket, PLAIN_TICKET) == PLAIN_TICKET
    assert plain(article, PLAIN_ARTICLE) == PLAIN_ARTICLE


async def test_attachments_arrive_as_they_are(tmp_path: Path, neighbours: dict[str, Any]) -> None:
    attachments = [
        {"filename": "call {{ call.unique_id }}.txt", "content": TEXT},
        {"filename": "empty.txt", "content": "{% if not customer %}A stranger{% endif %}"},
        {"file": f"{tmp_path}/{{{{ match }}}}.pdf", "filename": "Наши часы.pdf"},
    ]
    (tmp_path / "exact.pdf").write_bytes(BYTES)
    config = configured(tmp_path, neighbours, ticket={"attachments": attachments})
    assert [line for line in warnings(config) if "attachments" in line] == []
    ticket = await called(config, number="+79161229624", name="Иван")
    [article] = several(ticket, "Article")
    text, leaflet = several(article, "Attachment")
    assert str(text["Filename"][0]).startswith("call ")
    assert str(text["ContentType"][0]).startswith("text/plain; charset=")
    assert content(text).decode() == "Звонок от Иван на 4509\nivanov@romashka.example exact\n"
    assert (leaflet["Filename"], leaflet["ContentType"]) == (["Наши часы.pdf"], ["application/pdf"])
    assert content(leaflet) == BYTES


async def test_an_article_about_a_repeated_call_has_them_as_well(tmp_path: Path, neighbours: dict[str, Any]) -> None:
    attachment = {"filename": "call.txt", "content": "{{ call.name }}"}
    article = {name: TICKET[name] for name in ("sender_type", "from_address", "communication_channel", "time_unit")}
    ticket = {**article, "title": uuid4().hex, "visible_for_customer": True, "attachments": [attachment]}
    config = configured(tmp_path, neighbours, ticket=ticket, repeat={"within": "10m", "match": "number", "body": TEXT})
    caller: dict[str, Any] = {"number": "+79161229624", "name": "Пётр"}
    first = await called(config, **caller)
    again = await called(config, **caller, later=timedelta(minutes=2), status="updated")
    assert again["TicketID"] == first["TicketID"]
    _, added = several(again, "Article")
    expected = {**PLAIN_ARTICLE, "Body": PLAIN_ARTICLE["Body"].replace("<i>Иван", "Пётр")}
    del expected["Subject"]
    assert plain(added, expected) == expected
    assert [content(one).decode() for one in several(added, "Attachment")] == ["Пётр"]


async def test_a_file_that_is_not_there_costs_no_ticket(tmp_path: Path, neighbours: dict[str, Any]) -> None:
    config = configured(tmp_path, neighbours, ticket={"attachments": [{"file": f"{tmp_path}/none.pdf"}]})
    [warning] = [line for line in warnings(config) if "attachments" in line]
    assert f"{tmp_path}/none.pdf is not there" in warning
    [article] = several(await called(config, number="+79161229624"), "Article")
    assert several(article, "Attachment") == []
    assert "none.pdf" in plain(article, ["Body"])["Body"]


async def test_in_html_a_callers_name_is_text(tmp_path: Path, neighbours: dict[str, Any]) -> None:
    html = {"body": "<p>A call from <b>{{ call.name }}</b></p>", "content_type": "text/html; charset=utf8"}
    [article] = several(await called(configured(tmp_path, neighbours, ticket=html), number="1", name="<i>"), "Article")
    assert plain(article, ["Body"])["Body"].strip() in ("A call from <i>", "<p>A call from <b>&lt;i&gt;</b></p>")


def plain(fields: soap.Fields, names: Iterable[str]) -> dict[str, str]:
    """Of those that stand there once."""
    return {name: str(fields[name][0]) for name in names}


def content(attachment: soap.Fields) -> bytes:
    return base64.b64decode(str(attachment["Content"][0]))
