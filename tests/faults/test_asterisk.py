"""Asterisk as the fault: it goes wrong at each step of the dialogue, or tells of the same call twice.

In the lab a real one: the caller hangs up while we work, and we die while it waits for us.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agi_server.app import App
from agi_server.asterisk.client import CallReport, Ending, place_call
from agi_server.config import load
from tests import lab
from tests.faults.caller import Act, Caller, Step
from tests.faults.campaign import count
from tests.faults.scene import PATIENCE_S, Scene, scene, status_of
from tests.lab import asterisk, facts

AT_EACH_STEP = 20
MINUTE_S = 0.5
"""What an Asterisk that is silent for a minute is given: request and replies have 5 s in earnest."""
LAB_CALLS = 20
LAB_AT_ONCE = 5
KILLS = 3


@asynccontextmanager
async def impatient(stage: Scene) -> AsyncIterator[App]:
    """The program in our own process, with less time for Asterisk's requests and replies."""
    async with App(load(stage.config)) as app:
        app.server.limits = replace(app.server.limits, request_seconds=MINUTE_S, reply_seconds=MINUTE_S)
        yield app


@pytest.mark.parametrize("act", Act)
async def test_asterisk_goes_wrong_at_each_step(act: Act, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with scene(tmp_path, 0.02) as stage, impatient(stage) as app:
        for step in Step:
            asked = stage.otrs.received("TicketCreate")
            ids = [f"{step.name}.{number}" for number in range(AT_EACH_STEP)]
            at_work = lambda asked=asked: stage.otrs.arrival("TicketCreate", asked + 1)  # noqa: E731
            callers = [Caller(unique_id, act, step, at_work) for unique_id in ids]
            reports = await asyncio.gather(*(caller.run(app.server.port) for caller in callers))
            stage.reports |= dict(zip(ids, reports, strict=True))
            assert max(report.seconds for report in reports) < PATIENCE_S + MINUTE_S + 1
            after = await place_call("127.0.0.1", app.server.port, number="89161229624", unique_id=f"{step.name}.after")
            assert status_of(after) == "created"
        await stage.settled()
        assert {call.split(".")[0] for call in stage.journal()} == {step.name for step in Step}
        assert len(stage.journal()) == (len(Step) - 1) * AT_EACH_STEP + len(Step)
        assert "Traceback" not in caplog.text
        stage.tally(f"{act} at each step")


@pytest.mark.slow
async def test_the_same_unique_id_at_the_same_time_and_later(tmp_path: Path) -> None:
    """One ticket, and the same variables each time: at once, a moment later, after a restart."""
    ids = [f"1700000000.{number}" for number in range(34)]
    reports: list[list[CallReport]] = [[] for _ in ids]
    async with scene(tmp_path) as stage:

        async def all_at_once(port: int, times: int) -> None:
            each = [
                asyncio.gather(
                    *(place_call("127.0.0.1", port, number="89161229624", unique_id=one) for _ in range(times))
                )
                for one in ids
            ]
            for place, new in enumerate(await asyncio.gather(*each)):
                reports[place] += new

        async with stage.life() as program:
            await all_at_once(program.port, 3)
            await all_at_once(program.port, 1)
        async with stage.life() as program:
            await all_at_once(program.port, 2)
        for same in reports:
            assert status_of(same[0]) == "created"
            assert [report.variables for report in same] == [same[0].variables] * 6
        tally = count("the same unique id six times", ids, (one for same in reports for one in same), stage.tickets())
        assert (tally.tickets, tally.lost, tally.doubled) == (len(ids), 0, 0)


async def lab_calls(
    phone: asterisk.Phone, stage: Scene, numbers: Iterable[int] = range(LAB_CALLS), hang_up_after_ms: int = 30_000
) -> list[asterisk.CallResult]:
    """Calls through the real Asterisk, some at a time; enters them into the scene."""

    def one(number: int) -> asterisk.CallResult:
        return asterisk.call(f"8916122{number:04}", phone=phone, hang_up_after_ms=hang_up_after_ms)

    with ThreadPoolExecutor(LAB_AT_ONCE) as threads:
        loop = asyncio.get_running_loop()
        results = await asyncio.gather(*(loop.run_in_executor(threads, one, number) for number in numbers))
    for result in results:
        assert result.unique_id is not None
        ending = Ending.SUCCESS if result.bridged else Ending.HANGUP if hang_up_after_ms < 1000 else Ending.TIMEOUT
        stage.reports[result.unique_id] = CallReport(ending, result.variables, [], (result.answered_ms or 0) / 1000)
    return results


@pytest.mark.lab
@pytest.mark.slow
async def test_real_callers_hang_up_while_we_work(tmp_path: Path) -> None:
    lab.require()
    with asterisk.Phone(behaviour="ring") as phone:
        async with scene(tmp_path, 0.3, fastagi={"port": facts.AGI_PORT}) as stage, stage.life():
            results = await lab_calls(phone, stage, hang_up_after_ms=20)
            await stage.settled()
            assert len(stage.journal()) == LAB_CALLS
            stage.tally("real Asterisk: hangup")
    assert not any(result.bridged for result in results)


@pytest.mark.lab
@pytest.mark.slow
async def test_we_die_while_a_real_asterisk_waits_for_us(tmp_path: Path) -> None:
    lab.require()
    results: list[asterisk.CallResult] = []
    with asterisk.Phone() as phone:
        async with scene(tmp_path, 0.3, fastagi={"port": facts.AGI_PORT}) as stage:
            for life in range(KILLS):
                async with stage.life() as program:
                    calls = asyncio.create_task(
                        lab_calls(phone, stage, range(life * LAB_AT_ONCE, (life + 1) * LAB_AT_ONCE))
                    )
                    await stage.otrs.arrival("TicketCreate", stage.otrs.received("TicketCreate") + 2)
                    program.kill()
                    results += await calls
            async with stage.life():
                results += await lab_calls(phone, stage, range(KILLS * LAB_AT_ONCE, LAB_CALLS))
                await stage.settled()
            assert all(result.bridged for result in results)
            assert len(results) == LAB_CALLS
            assert stage.statuses() == {"", "created"}
            stage.tally("real Asterisk: we are killed")
