"""`agi-server otrs ...` as an administrator runs it: on the stand-in, and once on Znuny."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agi_server.sandbox import Sandbox
from tests.lab import facts
from tests.lab.lab import require
from tests.program import agi_server, write_config

PASSWORD = "sandbox-secret"
TICKET = (
    "--Title", "Звонок", "--Queue", "HelpDesk", "--State", "new", "--Priority", "3 normal", "--CustomerUser", "ivanov",
    "--Subject", "Звонок с 89161229624", "--Body", "Первая\nВторая", "--ContentType", "text/plain; charset=utf8",
)  # fmt: skip


class Desk:
    """The commands, with the configuration of one OTRS."""

    def __init__(self, config: Path) -> None:
        self._config = str(config)

    async def run(self, name: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The command's end, while the stand-in goes on serving in our loop."""
        environ = {"AGI_SERVER_CONFIG": self._config, **environ}
        return await asyncio.to_thread(lambda: agi_server("otrs", name, *arguments, **environ))

    async def done(self, name: str, *arguments: str, **environ: str) -> str:
        """What it printed, once it went well."""
        ended = await self.run(name, *arguments, **environ)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    async def json(self, name: str, *arguments: str) -> Any:
        return json.loads(await self.done(name, *arguments, "--json"))


def configured(folder: Path, url: str, user: str, password: str, **options: Any) -> Desk:
    otrs = {"url": url, "user": user, "password": password, **options}
    customers = {"database": f"sqlite+aiosqlite:///{folder}/customer_user.db"}
    return Desk(write_config(folder, {"otrs": otrs, "customers": customers}))


@pytest.fixture
async def otrs(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path, password=PASSWORD) as otrs:
        yield otrs


@pytest.fixture
def desk(tmp_path: Path, otrs: Sandbox) -> Desk:
    return configured(tmp_path, otrs.url, "agi-server", PASSWORD)


@pytest.fixture(params=["stand-in", pytest.param("znuny", marks=pytest.mark.lab)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """The commands on the stand-in, or on the lab's Znuny."""
    if request.param == "stand-in":
        desk: Desk = request.getfixturevalue("desk")
        return desk
    require()
    return configured(tmp_path, facts.WEB_SERVICE_URL, facts.AGENT, facts.AGENT_PASSWORD)


async def test_a_ticket_from_its_making_to_its_end(tmp_path: Path, either: Desk) -> None:
    leaflet = tmp_path / "лист.txt"
    leaflet.write_text("content", encoding="utf-8")
    fields = ("--DynamicField", "CallTopics=billing", "--DynamicField", "CallTopics=other")

    made = await either.run("ticket-create", *TICKET, *fields, "--Attachment", str(leaflet), "--json")

    assert made.returncode == 0, made.stderr
    ticket_id, number = (json.loads(made.stdout)[name] for name in ("TicketID", "TicketNumber"))
    assert made.stderr == f"OTRS has made ticket {number}\n"
    assert await either.done("ticket-search", "--TicketNumber", number) == f"{ticket_id}\n"
    assert await either.json("ticket-search", "--TicketNumber", number) == {"TicketID": [ticket_id]}
    by_field = ("--DynamicField", "CallTopics:Like=bill*", "--TicketCreateTimeNewerMinutes", "2h", "--SortBy", "Age")
    assert ticket_id in (await either.done("ticket-search", *by_field)).split()

    changed = await either.run(
        "ticket-update", "--TicketID", ticket_id, "--State", "pending reminder", "--PendingTime", "2030-01-02 03:04"
    )
    assert changed.stderr == f"OTRS has changed ticket {number}\n"

    shown = ("ticket-get", "--TicketID", ticket_id, "--AllArticles", "--DynamicFields", "--Attachments")
    lines = (await either.done(*shown)).splitlines()
    for line in (
        "  Title: Звонок",
        "  State: pending reminder",
        "  RealTillTimeNotUsed: 1893553440",
        "  DynamicField CallTopics: billing, other",
        "    Body: Первая",
        "          Вторая",
        "      Filename: лист.txt",
        "      ContentType: text/plain",
    ):
        assert line in lines
    assert "  SLAID: " not in lines
    (ticket,) = (await either.json(*shown))["Ticket"]
    (article,) = ticket["Article"]
    assert article["Subject"] == "Звонок с 89161229624"
    assert [file["Content"] for file in article["Attachment"]] == ["Y29udGVudA=="]
    assert {field["Name"]: field["Value"] for field in ticket["DynamicField"]}["CallTopics"] == ["billing", "other"]

    await either.done("ticket-update", "--TicketNumber", number, "--State", "closed successful")
    closed = ("--TicketNumber", number, "--StateType", "closed", "--TicketCloseTimeNewerMinutes", "10")
    assert await either.done("ticket-search", *closed) == f"{ticket_id}\n"


async def test_a_session_serves_the_others(otrs: Sandbox, desk: Desk) -> None:
    session = (await desk.json("session-create"))["SessionID"]

    assert await desk.done("ticket-search", "--SessionID", session) == "1\n"
    otrs.expire_sessions()
    ended = await desk.run("ticket-search", "--SessionID", session)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "TicketSearch.AuthFail" in ended.stderr


async def test_another_login_is_tried_with_a_password_that_stands_on_no_command_line(otrs: Sandbox, desk: Desk) -> None:
    right = await desk.run("session-create", "--UserLogin", "agi-server", OTRS_PASSWORD=PASSWORD)
    wrong = await desk.run("session-create", "--UserLogin", "agi-server", OTRS_PASSWORD="wrong")

    assert re.fullmatch(r"SessionID: \w{32}\n", right.stdout)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith(
        "OTRS refuses: SessionCreate.AuthFail: SessionCreate: Authorization failing!\n  (is it"
    )
    assert "--Password" not in await desk.done("session-create", "--help")
    login = await desk.run("ticket-search", "--UserLogin", "nobody", OTRS_PASSWORD=PASSWORD)
    assert "TicketSearch.AuthFail" in login.stderr
    nobody_there = await desk.run("ticket-search", "--UserLogin", "nobody", OTRS_PASSWORD="")
    assert (nobody_there.returncode, nobody_there.stdout) == (2, "")
    assert nobody_there.stderr.endswith("there is no terminal to ask for it, and $OTRS_PASSWORD is not set\n")


async def test_the_xml_is_shown_without_secrets_and_without_long_content(
    tmp_path: Path, otrs: Sandbox, desk: Desk
) -> None:
    file = tmp_path / "long.bin"
    file.write_bytes(b"x" * 5000)

    made = await desk.run("ticket-create", *TICKET, "--Attachment", str(file), "--show-xml")
    ticket_id = re.findall(r"(?m)^TicketID: (\d+)$", made.stdout)[0]
    got = await desk.run("ticket-get", "--TicketID", ticket_id, "--AllArticles", "--Attachments", "--show-xml")

    assert otrs.tickets[0].articles[0].attachments[0].content == b"x" * 5000
    assert made.stderr.count("--- request ---") == made.stderr.count("--- response ---") == 2
    assert "<UserLogin>agi-server</UserLogin>" in made.stderr
    assert f"<Content>[content of {file}]</Content>" in made.stderr
    assert "      <Ticket>\n        <Title>Звонок</Title>\n" in made.stderr
    assert re.search(r"<Content>(eHh4){15}… \[6668 characters\]</Content>", got.stderr)
    assert re.search(r"(?m)^ +Content: (eHh4){15}… \[6668 characters\]$", got.stdout)
    for said in (made.stderr, got.stderr):
        assert said.count("<SessionID>***</SessionID>") == 2
        assert said.count("<Password>***</Password>") == 1
        assert PASSWORD not in said
        assert not re.search("[0-9a-f]{32}", said)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("ticket-update", "--TicketID", "1", "--Queue", "Raw", "--QueueID", "2"),
            "not sent: Queue: either this or QueueID",
        ),
        (("ticket-get", "--TicketID", "x"), "not sent: TicketID: an ID is expected, not 'x'"),
        (("ticket-create", *TICKET, "--MimeType", "text/plain"), "not sent: MimeType: only together with Charset"),
        (("ticket-create", *TICKET, "--State", "pending reminder"), "not sent: PendingTime: it is needed"),
        (("ticket-create", "--Tittle", "x"), "Did you mean one of: '--State', '--Title'?"),
        (("ticket-create", "--Attachment", "/nowhere/x"), "'/nowhere/x' does not exist"),
        (("ticket-create", "--DynamicField", "x"), "'x' is not NAME=VALUE"),
        (("ticket-create", "--PendingTime", "soon"), "'soon' is not a time such as '2026-11-22 17:30'"),
        (("ticket-create", "--PendingTime", "2y"), "'2y' is not a number with s, m, h or d behind it"),
        (("ticket-create", "--NoAgentNotify", "perhaps"), "'perhaps' is not a valid boolean"),
        (("ticket-search", "--DynamicField", "X:Is=1"), "'Is' is no operator"),
        (("ticket-search", "--OrderBy", "Sideways"), "'Sideways' is not one of 'Down', 'Up'"),
        (("ticket-search", "--TicketCreateTimeNewerMinutes", "x"), "'x' is not a number with s, m, h or d"),
        (("ticket-search", "--TicketCreateTimeNewerDate", "0001-01-01"), "keeps times from 1970 to 2037"),
        (("ticket-get", "--TicketID", "9" * 5000), "not sent: TicketID: an ID is expected"),
        (("ticket-create", "--Attachment", "/dev/null"), "not sent: null could not be attached: it is no file"),
        (("session-create", "--url", "nonsense"), "'nonsense' is not an http or https address"),
        (("session-create", "--url", "http://agent:secret@127.0.0.1/x"), "is not an address without user and password"),
    ],
)
async def test_what_is_wrong_is_told_before_anything_is_asked(
    otrs: Sandbox, desk: Desk, arguments: tuple[str, ...], words: str
) -> None:
    ended = await desk.run(*arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert otrs.tickets == []
    assert not any(
        otrs.received(operation) for operation in ("TicketCreate", "TicketUpdate", "TicketGet", "TicketSearch")
    )


async def test_a_refusal_and_what_may_mend_it(otrs: Sandbox, desk: Desk) -> None:
    ended = await desk.run("ticket-update", "--TicketID", "1", "--Queue", "nope")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "OTRS refuses: TicketUpdate.InvalidParameter: "
        "TicketUpdate: Ticket->QueueID or Ticket->Queue parameter is invalid!\n"
        "  (does OTRS have what is named so, is it valid, and may the agent or customer use it?)\n"
    )


async def test_a_failure_that_may_have_done_something_says_so(otrs: Sandbox, desk: Desk) -> None:
    ended = await desk.run("ticket-update", "--TicketID", "1", "--Title", "Ж" * 256)

    assert ended.returncode == 1
    assert "OperationObject returned an error" in ended.stderr
    assert "look in OTRS before you repeat it" in ended.stderr


async def test_nobody_there(tmp_path: Path, otrs: Sandbox, desk: Desk) -> None:
    for url, words in (("http://127.0.0.1:1/x", "Connection refused"), (f"{otrs.url}x", "no such web service")):
        ended = await desk.run("ticket-get", "--TicketID", "1", "--url", url)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert words in ended.stderr
        assert "(is OTRS running, and is the web service imported" in ended.stderr


async def test_nothing_found_is_no_failure(desk: Desk) -> None:
    ended = await desk.run("ticket-search", "--Title", "no such title")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "no ticket fits\n")


@pytest.mark.parametrize("dialect", ["auto", "6"])
async def test_a_duration_is_a_time_where_a_difference_may_be_refused(
    tmp_path: Path, otrs: Sandbox, dialect: str
) -> None:
    desk = configured(tmp_path, otrs.url, "agi-server", PASSWORD, dialect=dialect)

    made = await desk.run("ticket-create", *TICKET, "--State", "pending reminder", "--PendingTime", "2h", "--show-xml")

    assert made.returncode == 0, made.stderr
    (ticket,) = otrs.tickets
    assert ticket.pending_until is not None
    assert 115 < (ticket.pending_until - ticket.created).total_seconds() / 60 <= 120
    assert ("<Diff>120</Diff>" in made.stderr) is (dialect == "6")


@pytest.mark.parametrize("zone", ["", "Asia/Tokyo"])
async def test_a_time_is_told_in_the_zone_of_otrs(tmp_path: Path, zone: str) -> None:
    """Its clock goes three hours before UTC, as in Moscow."""
    until = f"{datetime.now(ZoneInfo(zone)) + timedelta(hours=2):%Y-%m-%dT%H:%M%z}" if zone else "2h"
    async with Sandbox(tmp_path, password=PASSWORD, now=lambda: datetime.now(UTC) + timedelta(hours=3)) as otrs:
        desk = configured(tmp_path, otrs.url, "agi-server", PASSWORD)

        pending = ("--State", "pending reminder", "--PendingTime", until)
        made = await desk.run("ticket-create", *TICKET, *pending, "--show-xml")

        assert made.returncode == 0, made.stderr
        (ticket,) = otrs.tickets
        assert ticket.pending_until is not None
        assert 115 < (ticket.pending_until - ticket.created).total_seconds() / 60 <= 120
        assert made.stderr.count("--- request ---") == 2


async def test_rpc_pl_is_another_thing(tmp_path: Path) -> None:
    desk = configured(tmp_path, "http://127.0.0.1:1/otrs/rpc.pl", "x", "y", interface="rpc")

    ended = await desk.run("ticket-search")

    assert ended.returncode == 2
    assert ended.stderr.endswith("otrs.interface is rpc: these commands are for the Ticket Connector\n")


async def test_help_names_every_word_below_its_heading(desk: Desk) -> None:
    for name in ("session-create", "ticket-create", "ticket-get", "ticket-search", "ticket-update"):
        assert name in agi_server("otrs", "--help").stdout
    shown = await desk.done("ticket-create", "--help")
    headings = re.findall(r"(?m)^(\S.*):$", shown)

    assert headings == ["Login (else the configuration's)", "Ticket", "Article", "Options"]
    assert "a real one, each time" in shown
    assert shown.endswith("taken from $OTRS_PASSWORD.\n")
    for option in ("--QueueID ID", "--PendingTime TIME|2h", "--DynamicField NAME=VALUE", "--Attachment FILE"):
        assert option in shown
    assert not re.search(r"\w\.\.\.$", agi_server("otrs", "--help").stdout, re.MULTILINE)


async def test_check_points_here_where_the_web_service_fails(tmp_path: Path, otrs: Sandbox) -> None:
    configured(tmp_path, f"{otrs.url}x", "agi-server", PASSWORD)

    ended = await asyncio.to_thread(
        lambda: agi_server("check", "--connect", "--config", str(tmp_path / "agi-server.yaml"))
    )

    assert ended.returncode == 1
    assert "agi-server otrs session-create --show-xml" in ended.stderr
