"""The figures of the whole program on the stand-in, as Prometheus reads them over HTTP."""

from __future__ import annotations

import asyncio
import platform
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import prometheus_client
import pytest

from agi_server import __version__
from agi_server.app import App
from agi_server.asterisk.client import place_call
from agi_server.call import NOBODY, Call, Doubt, Match, Refused
from agi_server.demo import demo_config
from agi_server.journal import JournalError
from agi_server.otrs.follower import Status
from agi_server.sandbox import Sandbox
from agi_server.sandbox.faults import CLOSED
from tests.lab import promtool
from tests.web.figures import Shown, scrape

NUMBER = "89161229624"
STATES = ("waiting", "sending", "parked")


async def shown(app: App) -> Shown:
    return Shown(await scrape(app))


async def call(app: App, unique_id: str = "1.1", script: str = "ticket") -> None:
    await place_call("127.0.0.1", app.server.port, number=NUMBER, unique_id=unique_id, script=script)


async def test_calls_and_what_they_took(app: App) -> None:
    await call(app)
    await call(app, "1.2")
    await call(app, script="tickets")
    found = await shown(app)
    assert found("calls_total", status="created", match="exact") == 2
    assert found("calls_total", status="error", match="none") == 1
    assert found("agi_step_seconds_count") == found("agi_step_seconds_bucket", le="+Inf") == 2
    assert 0 < found("agi_step_seconds_sum") < 2 * found("patience_seconds") == 5.0
    assert found("agi_step_seconds_bucket", le="2.5") == 2  # fastagi.patience is a bound, though not one of the usual
    assert found("lookup_seconds_count") == 2
    assert found("attempts_total", outcome="created") == 2
    assert found("otrs_request_seconds_count", operation="TicketCreate", outcome="answered") == 2
    assert found("otrs_request_seconds_bucket", operation="TicketCreate", outcome="answered", le="60.0") == 2
    assert found("build_info", version=__version__, python=platform.python_version()) == 1
    assert found("listening") == 1
    assert found("sessions") == 0


async def test_nothing_tells_who_called(app: App) -> None:
    await call(app)
    assert NUMBER[1:] not in (await shown(app)).text


async def test_what_may_happen_is_there_before_it_has(app: App) -> None:
    """Prometheus sees no increase in what was not there."""
    found = await shown(app)
    for reason in ("stranger", "full", "crowd", "slow", "malformed", "closed"):
        assert found("rejected_connections_total", reason=reason) == 0
    for outcome in ("created", "updated", "rejected", "no_ticket", "parked", "gathered", "trouble", "error"):
        assert found("attempts_total", outcome=outcome) == 0
    for status in ("created", "updated", "queued", "parked", "rejected", "no_ticket", "error"):
        for match in Match:
            assert found("calls_total", status=status, match=match) == 0
    for state in ("waiting", "sending", "parked"):
        assert found("journal_calls", state=state) == found("journal_oldest_call_seconds", state=state) == 0
    assert found("agi_step_seconds_count") == found("lookup_seconds_count") == found("unkept_calls") == 0


async def test_otrs_in_trouble(app: App, otrs: Sandbox) -> None:
    assert (await shown(app))("otrs_failing") == 0
    otrs.faults.always = CLOSED
    await call(app)
    found = await shown(app)
    assert found("otrs_failing") == 1
    assert found("calls_total", status="queued", match="exact") == 1
    assert found("attempts_total", outcome="trouble") >= 1
    assert found("otrs_request_seconds_count", operation="SessionCreate", outcome="trouble") >= 1
    assert found("journal_calls", state="waiting") + found("journal_calls", state="sending") == 1


async def test_connections_that_are_no_calls(app: App) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
    assert (await shown(app))("sessions") == 1
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await writer.drain()
    writer.close()
    await app.server.admission.nobody.wait()
    assert (await shown(app))("rejected_connections_total", reason="malformed") == 1


async def test_the_journal_s_calls_and_their_age(app: App) -> None:
    await app.delivery.stop(1.0)  # it would take up what waits
    now = datetime.now(UTC)
    parked = await app.journal.add(Call("1.1", now), now - timedelta(hours=2))
    await app.journal.park(parked, Refused("code", "words"), Doubt.NONE, now)
    later = await app.journal.add(Call("1.2", now), now - timedelta(minutes=5))
    await app.journal.later(later, now + timedelta(hours=1), Doubt.NONE, "trouble", now)
    ahead = await app.journal.add(Call("1.3", now), now + timedelta(hours=1))  # the clock was set back since
    begun = await app.journal.begin(ahead, NOBODY, now)
    assert begun is not None
    found = await shown(app)
    assert {state: found("journal_calls", state=state) for state in STATES} == dict.fromkeys(STATES, 1)
    ages = [found("journal_oldest_call_seconds", state=state) for state in STATES]
    assert ages == [pytest.approx(300, abs=30), 0, pytest.approx(7200, abs=30)]


async def test_a_journal_that_cannot_be_written_is_told_and_the_rest_is_there(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise JournalError("disk full")

    assert (await shown(app))("journal_failing") == 0
    monkeypatch.setattr(app.journal._writer, "do", full)
    await call(app)
    found = await shown(app)
    assert found("journal_failing") == found("unkept_calls") == 1
    assert found("calls_total", status="error", match="exact") == 1
    assert not found.has("journal_calls", state="waiting")
    monkeypatch.undo()
    assert (await shown(app))("journal_failing") == 0


async def test_a_journal_that_hangs_holds_up_nobody_who_asks(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, asked = asyncio.Event(), 0

    async def hangs() -> None:
        nonlocal asked
        asked += 1
        await go_on.wait()

    monkeypatch.setattr("agi_server.web.house.JOURNAL_LIMIT", 0.05)
    monkeypatch.setattr(app.journal, "prove", hangs)
    for found in await asyncio.gather(*(shown(app) for _ in range(3))):
        assert found("journal_failing") == 1
    assert (await shown(app))("journal_failing") == 1
    assert asked == 1
    go_on.set()
    assert (await shown(app))("journal_failing") == 0


async def test_how_well_callers_are_known(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    await call(app)  # which has waited for the index
    found = await shown(app)
    status = app.customers.status()
    assert (found("index_customers"), found("index_numbers")) == (status.customers, status.numbers)
    assert found("index_customers") > 10
    assert found("index_failing") == 0
    assert 0 <= found("index_age_seconds") < 60
    monkeypatch.setattr(app.customers, "status", lambda: Status(7, 9, complete=True, age_s=None, trouble="gone"))
    found = await shown(app)
    assert (found("index_customers"), found("index_numbers"), found("index_failing")) == (7, 9, 1)
    assert not found.has("index_age_seconds")


async def test_two_houses_in_one_process_count_for_themselves(app: App, tmp_path: Path) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    async with Sandbox(other_folder) as otrs, App(demo_config(otrs, other_folder, 0)) as other:
        await call(app)
        for house, number in ((app, 1), (other, 0)):
            assert (await shown(house))("calls_total", status="created", match="exact") == number
    assert not [one for one in prometheus_client.REGISTRY.collect() if one.name.startswith("agi_server")]


async def test_names_and_units_are_as_prometheus_wants_them(app: App) -> None:
    await call(app)
    done = await asyncio.to_thread(
        subprocess.run,
        [promtool(), "check", "metrics"],
        input=await scrape(app),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
