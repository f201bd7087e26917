"""The command as an administrator meets it: exit codes, stdout and stderr, signals."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agi_server import __version__
from agi_server.sandbox.otrs import Sandbox
from tests.program import COMMAND, Program, agi_server, write_config

PASSWORD = "sandbox"


@pytest.fixture
async def otrs(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path, password=PASSWORD) as otrs:
        yield otrs


def configured(folder: Path, stand_in: Sandbox, /, **sections: dict[str, Any] | list[Any]) -> Path:
    options: dict[str, Any] = {
        "customers": {"database": stand_in.database},
        "otrs": {"url": stand_in.url, "user": "agi-server", "password": PASSWORD, "zoom_url": stand_in.zoom_url},
    }
    for section, values in sections.items():
        options[section] = {**options.get(section, {}), **values} if isinstance(values, dict) else values
    return write_config(folder, options)


async def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command while the stand-in goes on serving in our loop."""
    return await asyncio.to_thread(lambda: agi_server(*arguments, **environ))


def test_version_and_help() -> None:
    assert __version__ in agi_server("--version").stdout
    assert agi_server("run", "--help").returncode == 0


def test_each_command_is_listed_with_a_whole_sentence() -> None:
    assert not re.search(r"\w\.\.\.$", agi_server("--help").stdout, re.MULTILINE)


def test_no_command_and_wrong_usage() -> None:
    assert agi_server("serve").returncode == 2
    assert agi_server("call").returncode == 2
    for wrong, words in (
        (("--dry-run", "--server", "127.0.0.1:4573"), "leave --server out"),
        (("--dry-run", "--script", "tikcet"), "no script 'tikcet'"),
        (("--dry-run", "--at", "noon"), "does not match the format"),
        (("--at", "2026-11-20 12:30"), "--at needs --dry-run"),
    ):
        done = agi_server("call", "1", *wrong)
        assert (done.returncode, words in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("name", ["run", "check"])
def test_a_configuration_that_is_not_there(tmp_path: Path, name: str) -> None:
    done = agi_server(name, "--config", str(tmp_path / "none.yaml"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.yaml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["run", "check"])
async def test_every_mistake_with_its_line(tmp_path: Path, otrs: Sandbox, name: str) -> None:
    path = configured(tmp_path, otrs, fastagi={"port": 70000, "patient": 2})
    done = await command(name, "--config", str(path))
    assert done.returncode == 2
    assert re.search(r"agi-server\.yaml:\d+: fastagi\.port: found .*70000", done.stderr)
    assert "did you mean 'patience'?" in done.stderr
    assert PASSWORD not in done.stderr.replace(otrs.url, "")


async def test_a_template_that_cannot_be_filled_in(tmp_path: Path, otrs: Sandbox) -> None:
    path = configured(tmp_path, otrs, ticket={"title": "{{ call.nubmer }}"})
    for name in ("run", "check"):
        done = await command(name, "--config", str(path))
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
        assert "ticket.title: " in done.stdout + done.stderr
        assert "nubmer" in done.stdout + done.stderr


async def test_a_template_of_a_route_that_cannot_be_filled_in(tmp_path: Path, otrs: Sandbox) -> None:
    routes = [{"dialled": "1", "reject": True}, {"dialled": "2", "ticket": {"queue": "{{ cal.number }}"}}]
    path = str(configured(tmp_path, otrs, routes=routes))
    for arguments in (("run",), ("check",), ("call", "1", "--dry-run")):
        done = await command(*arguments, "--config", path)
        assert done.returncode == 2
        assert "routes item 2.ticket.queue: 'cal' is undefined -- mend the template" in done.stdout + done.stderr


async def test_a_route_that_decides_about_no_call_is_warned_of(tmp_path: Path, otrs: Sandbox) -> None:
    path = configured(
        tmp_path, otrs, routes=[{"withheld": False, "no_ticket": True}, {"withheld": False, "reject": True}]
    )
    warning = "warning: routes item 2: decides about no call, for routes item 1 takes all of them before it\n"
    for arguments in (("check",), ("call", "1", "--dry-run")):
        done = await command(*arguments, "--config", str(path))
        assert (done.returncode, done.stderr) == (0, warning)
    program = await asyncio.to_thread(Program(path).__enter__)
    await asyncio.to_thread(program.stop)
    assert warning in program.log()


async def test_extensions_that_are_all_numbers_are_warned_of(tmp_path: Path, otrs: Sandbox) -> None:
    path = configured(tmp_path, otrs, numbers={"extensions": "[0-9]+"})
    done = await command("check", "--config", str(path))
    assert done.returncode == 0
    words = "takes 83011234567 for an internal telephone, and so nobody outside is known"
    assert done.stderr == f"warning: numbers.extensions: {words}\n"


async def test_a_token_that_can_be_guessed_is_warned_of(tmp_path: Path, otrs: Sandbox) -> None:
    for token, said in (("a" * 15, True), ("a" * 16, False)):
        path = configured(tmp_path, otrs, web={"host": "0.0.0.0", "token": token})
        done = await command("check", "--config", str(path))
        assert (done.returncode, "warning: web.token: so short" in done.stderr) == (0, said)


async def test_check_finds_nothing_wrong(tmp_path: Path, otrs: Sandbox) -> None:
    done = await command("check", "--connect", AGI_SERVER_CONFIG=str(configured(tmp_path, otrs)))
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()[1:]] == [
        "ok   journal.database",
        "ok   customers.index",
        "ok   fastagi.port",
        "ok   customers.database",
        "ok   otrs.user",
        "ok   otrs.dialect",
        "ok   otrs.call_field",
        "ok   ticket",
        "ok   ticket.unknown_customer",
    ]
    assert otrs.tickets == []


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        (
            {"otrs": {"password": "wrong"}},
            r"^FAIL otrs\.user, otrs\.password: OTRS refuses agi-server: .* -- set",
        ),
        ({"otrs": {"url": "http://127.0.0.1:1/otrs"}}, r"^FAIL otrs\.url: .* -- is OTRS running"),
        ({"otrs": {"call_field": "Nothing"}}, r"^FAIL otrs\.call_field: OTRS has no dynamic field Nothing"),
        ({"ticket": {"queue": "Nowhere"}}, r"^FAIL ticket\.queue: OTRS refuses 'Nowhere': .* -- write it as OTRS"),
        ({"ticket": {"state": "odd"}}, r"^FAIL ticket\.state: OTRS refuses 'odd'"),
        ({"ticket": {"priority": "9"}}, r"^FAIL ticket\.priority: OTRS refuses '9'"),
        ({"ticket": {"unknown_customer": "nobody"}}, r"^FAIL ticket\.unknown_customer: OTRS refuses 'nobody'"),
        (
            {"routes": [{"customer_id": "X", "reject": True}, {"customer_id": "Y", "ticket": {"queue": "Nowhere"}}]},
            r"^FAIL routes item 2\.ticket\.queue: OTRS refuses 'Nowhere': .* -- write it as OTRS",
        ),
        (
            {"ticket": {"queue": "Nowhere"}, "routes": [{"dialled": "1", "ticket": {"priority": "5 very high"}}]},
            r"^FAIL ticket\.queue: OTRS refuses 'Nowhere'",
        ),
        (
            {"routes": [{"match": "none", "ticket": {"unknown_customer": "nobody"}}]},
            r"^FAIL routes item 1\.ticket\.unknown_customer: OTRS refuses 'nobody'",
        ),
        ({"customers": {"table": "customers"}}, r"^FAIL customers\.database: .*customers"),
        ({"customers": {"index": "/nowhere/index.db"}}, r"^FAIL customers\.index: the folder /nowhere does not exist"),
        ({"customers": {"index": "/tmp"}}, r"^FAIL customers\.index: /tmp is a folder"),
        ({"fastagi": {"host": "192.0.2.1"}}, r"^FAIL fastagi\.port: can't listen on 192\.0\.2\.1:0"),
        ({"journal": {"database": "sqlite+aiosqlite:////nowhere/calls.db"}}, r"^FAIL journal\.database: the folder"),
    ],
)
async def test_check_tells_what_is_wrong_in_one_line(
    tmp_path: Path, otrs: Sandbox, sections: dict[str, dict[str, Any] | list[Any]], line: str
) -> None:
    done = await command("check", "--connect", "--config", str(configured(tmp_path, otrs, **sections)))
    assert done.returncode == 1
    [failed] = [found for found in done.stdout.splitlines() if found.startswith("FAIL")]
    assert re.search(line, failed), failed
    assert "Traceback" not in done.stderr
    assert otrs.tickets == []


async def test_check_asks_for_each_route_s_ticket_once(tmp_path: Path, otrs: Sandbox) -> None:
    routes = [
        {"dialled": "1", "ticket": {"queue": "{{ call.context }}"}},
        {"dialled": "2", "ticket": {"queue": "Junk"}},
        {"dialled": "3", "reject": True},
        {"dialled": "4", "ticket": {"queue": "Junk"}},
        {"customer_id": "X", "ticket": {"priority": "5 very high"}},
        {"withheld": True, "ticket": {"title": "{{ call.context }}"}},
    ]
    done = await command("check", "--connect", "--config", str(configured(tmp_path, otrs, routes=routes)))
    assert done.returncode == 0, done.stdout
    assert [
        line.split(" -- ")[0] for line in done.stdout.splitlines() if "ticket" in line and "config" not in line
    ] == [
        "ok   ticket: OTRS would take it: queue 'Raw', state 'new', priority '3 normal'",
        "ok   ticket.unknown_customer: OTRS takes 'unknown-caller' for 89161229624",
        "?    routes item 1.ticket.queue: OTRS refuses 'otrs': "
        "TicketCreate: Ticket->QueueID or Ticket->Queue parameter is invalid!",
        "ok   routes item 2.ticket: OTRS would take it: queue 'Junk', state 'new', priority '3 normal'",
        "ok   routes item 5.ticket: OTRS would take it: queue 'Raw', state 'new', priority '5 very high'",
        "ok   routes item 6.ticket: OTRS would take it: queue 'Raw', state 'new', priority '3 normal'",
    ]
    assert otrs.tickets == []


async def test_check_says_what_keeps_the_companies_from_us(tmp_path: Path, otrs: Sandbox) -> None:
    path = configured(tmp_path, otrs, customers={"company_table": "nowhere"})
    done = await command("check", "--connect", "--config", str(path))
    assert done.returncode == 0
    assert re.search(r"^\?    customers\.company_table: .*nowhere.* -- ", done.stdout, re.MULTILINE)


async def test_a_call_that_is_only_thought_through(tmp_path: Path, otrs: Sandbox) -> None:
    night = [{"hours": "22:00-06:00", "argument": "vip", "context": "trunk", "ticket": {"queue": "Junk"}}]
    path = configured(tmp_path, otrs, ticket={"time_zone": "Asia/Tokyo"}, routes=night)
    arguments = ("--argument", "vip", "--argument", "x", "--context", "trunk", "--dry-run", "--config", str(path))
    shown = await command("call", "89161229624", "--at", "2026-11-20 05:59", *arguments)
    assert shown.returncode == 0, shown.stderr
    assert "route:        routes item 1\n" in shown.stdout
    assert "  Queue: Junk\n" in shown.stdout
    assert "    Phone call on 2026-11-20 at 05:59:00\n" in shown.stdout
    at_six = await command("call", "89161229624", "--at", "2026-11-20 06:00", "--json", "--withheld", *arguments)
    record = json.loads(at_six.stdout)
    assert (record["route"], record["withheld"], record["status"]) == ("", True, "created")
    assert otrs.received("TicketCreate") == 0
    assert not (tmp_path / "calls.db").exists()


async def test_a_thought_that_lacks_the_customers(tmp_path: Path, otrs: Sandbox) -> None:
    path = configured(tmp_path, otrs, customers={"table": "customers"})
    done = await command("call", "89161229624", "--dry-run", "--config", str(path))
    assert done.returncode == 1
    assert "customers can't be looked up: " in done.stderr
    assert "customer:     nobody known\n" in done.stdout
    assert "Traceback" not in done.stderr


async def test_run_serves_a_call_and_stops_cleanly(tmp_path: Path, otrs: Sandbox) -> None:
    path = configured(tmp_path, otrs)
    program = await asyncio.to_thread(Program(path).__enter__)
    try:
        done = await command("call", "89161229624", "--name", "Иван", "--server", f"127.0.0.1:{program.port}")
        assert done.returncode == 0, done.stderr
        assert "HELPDESK_STATUS=created" in done.stdout
        assert "SET VARIABLE HELPDESK_STATUS" in done.stderr
        [ticket] = otrs.tickets
        assert ticket.customer_user == "ivanov"
        arguments = ("call", "89161229624", "--script", "nothing", "--json", "--server", f"127.0.0.1:{program.port}")
        unknown = await command(*arguments)
        assert (unknown.returncode, json.loads(unknown.stdout)["variables"]) == (1, {"HELPDESK_STATUS": "error"})
        withheld = await command("call", "89161229624", "--withheld", *arguments[4:])
        assert json.loads(withheld.stdout)["variables"]["HELPDESK_MATCH"] == "none"
        busy = await command("check", "--connect", "--config", str(path))
        assert "is in use by the running agi-server" in busy.stdout
        second = await command("run", "--config", str(path))
        assert second.returncode == 2
        assert "in use by another agi-server" in second.stderr
    finally:
        await asyncio.to_thread(program.stop)
    assert f"to 4509: created, ticket {ticket.number}; customer ivanov (exact)" in program.log()
    assert "Traceback" not in program.log()


async def test_a_port_that_is_taken(tmp_path: Path, otrs: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = await command("run", "--config", str(configured(tmp_path, otrs, fastagi={"port": port})))
    assert done.returncode == 1
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


async def test_an_index_that_cannot_be(tmp_path: Path, otrs: Sandbox) -> None:
    done = await command("run", "--config", str(configured(tmp_path, otrs, customers={"index": "/nowhere/index.db"})))
    assert done.returncode == 1
    assert "customers.index can't be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_call_without_a_server() -> None:
    done = agi_server("call", "1", "--server", "127.0.0.1:1")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
    for server in ("nonsense", "127.0.0.1:99999", "127.0.0.1:0", ":4573"):
        assert agi_server("call", "1", "--server", server).returncode == 2
    assert agi_server("demo", "--port", "99999").returncode == 2


async def test_a_broken_notify_socket_stops_nobody(tmp_path: Path, otrs: Sandbox) -> None:
    path = configured(tmp_path, otrs)
    program = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("run", "--config", str(path)),
        env={**os.environ, "NOTIFY_SOCKET": "/nowhere/notify"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    assert b"is ready" in await program.stdout.readline()
    program.send_signal(signal.SIGTERM)
    _, talk = await program.communicate()
    assert program.returncode == 0
    assert b"can't tell systemd" in talk


async def test_a_damaged_journal_is_told_by_check(tmp_path: Path, otrs: Sandbox) -> None:
    (tmp_path / "calls.db").write_bytes(b"no database" * 1000)
    done = await command("check", "--connect", "--config", str(configured(tmp_path, otrs)))
    assert done.returncode == 1
    assert re.search(r"^FAIL journal\.database: .*not a database -- agi-server sets", done.stdout, re.MULTILINE)


async def test_systemd_is_told_when_we_are_ready(tmp_path: Path, otrs: Sandbox) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(20)
        program = await asyncio.create_subprocess_exec(
            *COMMAND,
            *("run", "--config", str(configured(tmp_path, otrs))),
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
            stdout=subprocess.DEVNULL,
        )
        assert (await asyncio.to_thread(notify.recv, 100)).startswith(b"READY=1\nSTATUS=FastAGI on 127.0.0.1:")
        program.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(notify.recv, 100) == b"STOPPING=1"
        assert await program.wait() == 0


async def test_the_person_on_duty_sees_retries_and_drops_calls(tmp_path: Path, otrs: Sandbox) -> None:
    path = configured(tmp_path, otrs, ticket={"queue": "Nowhere"})
    none = await command("calls", "list", "--config", str(path))
    assert (none.returncode, none.stderr.count("has agi-server run")) == (1, 1)
    with_wrong_queue = await asyncio.to_thread(Program(path).__enter__)
    try:
        for number in ("89161229624", "+4915112345678"):
            await command("call", number, "--server", f"127.0.0.1:{with_wrong_queue.port}")
        listed = await command("calls", "list", "--json", "--config", str(path))
        [stranger, known] = json.loads(listed.stdout)
        assert (known["state"], known["customer"], known["number"]) == ("parked", "ivanov", "89161229624")
        assert "Queue parameter is invalid" in known["reason"]
        shown = await command("calls", "show", known["id"], "--config", str(path))
        assert re.search(r"parked +TicketCreate\.InvalidParameter", shown.stdout)
        checked = await command("check", "--connect", "--config", str(path))
        assert "?    calls: 2 are parked, OTRS refuses them -- see agi-server calls list" in checked.stdout
        dropped = await command("calls", "drop", stranger["id"], "--why", "a test", "--config", str(path))
        assert dropped.returncode == 0
    finally:
        await asyncio.to_thread(with_wrong_queue.stop)
    configured(tmp_path, otrs)
    assert (await command("calls", "retry", "--parked", "--config", str(path))).returncode == 0
    mended = await asyncio.to_thread(Program(path).__enter__)
    try:
        async with asyncio.timeout(20):
            await otrs.made(1)
    finally:
        await asyncio.to_thread(mended.stop)
    assert [ticket.customer_user for ticket in otrs.tickets] == ["ivanov"]
    lines = (await command("calls", "list", "--state", "done", "--state", "dropped", "--config", str(path))).stdout
    assert re.search(rf"{known['id']} +done .*ticket {otrs.tickets[0].number}", lines)
    assert re.search(rf"{stranger['id']} +dropped .*a test", lines)
    late = await command("calls", "drop", known["id"], "--why", "too late", "--config", str(path))
    assert (late.returncode, late.stderr.count("only a call that waits or is parked")) == (1, 1)
    assert (await command("calls", "drop", known["id"], "--why", " ", "--config", str(path))).returncode == 2
    assert (await command("calls", "show", "nothing", "--config", str(path))).returncode == 1
    assert (await command("calls", "list", "--since", "soon", "--config", str(path))).returncode == 2


def test_the_demo_shows_a_call_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen([*COMMAND, "demo"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout:
        lines = []
        for line in demo.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 0
    shown = "".join(lines)
    assert "agi_callerid: 89161229624" in shown
    assert "HELPDESK_STATUS=created" in shown
    assert re.search(r"ticket \d{16}: Call from 89161229624 \(Иван Иванов\)", shown)
    assert "AgentTicketZoom;TicketID=" in shown
    assert list(tmp_path.iterdir()) == []
