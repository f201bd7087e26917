"""Ourselves as the fault: killed at every step, told to stop in the middle, started twice on one journal."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest

from agi_server.asterisk.client import Ending
from agi_server.sandbox.faults import ERROR
from tests.faults.dying import STEPS, STEPS_IN_A_QUEUE
from tests.faults.scene import PATIENCE_S, scene, status_of
from tests.program import agi_server

AT_ONCE = 25
"""Calls in each life, of which there are four."""
EARLY = ("before-add", "after-add", "after-find", "before-add-begun", "in-add-begun", "after-add-begun")
"""Steps that all calls at once take in the same moment: there the calls come in waves."""
WAVES = 5
DIES_AT: dict[str, list[tuple[str, int]]] = {
    **{step: [(step, nth) for nth in (1, 8, 15, 22)] for step in STEPS},
    # Of each wave the first call has the place.
    **{step: [(step, nth) for nth in (1, 6, 11, 16)] for step in ("before-add", "after-add")},
    # OTRS is in trouble: no more calls fail than are on their way at the same time.
    "after-later": [("after-later", nth) for nth in (1, 2, 3, 4)],
    # What was cut off is searched for, or taken up, in the life after.
    **{
        step: [one for nth in (3, 12, 20, 7) for one in (("after-open", nth), (step, 1 + nth % 2))]
        for step in ("before-search", "after-search")
    },
    "after-recover": [
        *(("after-open", 3), ("after-recover", 1), ("after-open", 12), ("after-recover", 1)),
        *(("after-add-begun", 9), ("after-done", 9)),
    ],
}
"""In each life the step, and how often it is taken before the program dies of it."""
AT_START = ("after-recover", "before-search", "after-search")
"""Steps of what an earlier life left: they may be taken before the program is ready for calls."""
QUICK = ("after-add", "after-add-begun", "after-open")
STRANGER = "+4915112345678"
"""Whoever is known is told from memory, and not looked for."""


def dying(step: str, nth: int) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.faults.dying", step, str(nth))


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=() if step in QUICK else pytest.mark.slow) for step in STEPS]
)
async def test_killed_at_a_step_and_started_again_at_once(step: str, tmp_path: Path) -> None:
    caller = {"number": STRANGER} if step == "after-find" else {}
    places = 1 if step in STEPS_IN_A_QUEUE else AT_ONCE
    async with scene(tmp_path, 0.05, otrs={"connections": places}) as stage:
        for what, nth in DIES_AT[step]:
            stage.otrs.faults.always = ERROR if what == "after-later" else None
            if what in AT_START:
                run = await asyncio.create_subprocess_exec(*dying(what, nth), "run", "--config", str(stage.config))
                assert await run.wait() == -signal.SIGKILL
                continue
            async with stage.life(dying(what, nth)) as program:
                for _ in range(WAVES if step in EARLY else 1):
                    await stage.place(program.port, AT_ONCE // (WAVES if step in EARLY else 1), **caller)
                assert await asyncio.to_thread(program.ended) == -signal.SIGKILL
        stage.otrs.faults.always = None
        async with stage.life():
            await stage.settled()
        stage.tally(f"kill -9 {step}")


async def test_killed_before_it_is_on_disk_what_dialplans_have_been_told(tmp_path: Path) -> None:
    """Their tickets are there, and are not made again."""
    told: set[str] = set()
    async with scene(tmp_path, 0.05, otrs={"connections": AT_ONCE}) as stage:
        for nth in (1, 8, 15, 22):
            async with stage.life(dying("instead-of-done", nth)) as program:
                await stage.place(program.port, AT_ONCE)
                assert await asyncio.to_thread(program.ended) == -signal.SIGKILL
            unwritten = stage.journal("state = 'sending'")
            told |= {one for one in unwritten if status_of(stage.reports[one]) == "created"}
        assert told
        async with stage.life():
            await stage.settled()
        for unique_id in told:
            [ticket] = stage.otrs.tickets_of(unique_id)
            assert ticket.number == stage.reports[unique_id].variables["HELPDESK_TICKET"]
        stage.tally("kill -9 after the dialplan was told")


@pytest.mark.slow
async def test_killed_at_any_moment(tmp_path: Path) -> None:
    chance = random.Random(1)
    async with scene(tmp_path, 0.05) as stage:
        for _ in range(8):
            async with stage.life() as program:
                calls = asyncio.create_task(stage.place(program.port, AT_ONCE))
                await asyncio.wait([calls], timeout=chance.uniform(0.0, 0.5))
                program.kill()
                await calls
        async with stage.life():
            await stage.settled()
        stage.tally("kill -9 at any moment")


async def test_stopped_in_the_middle_of_calls(tmp_path: Path) -> None:
    """Who is in hand is served to the end, nobody else is let in, and the rest is safe."""
    async with scene(tmp_path, 0.12) as stage:
        async with stage.life() as program:
            calls = asyncio.create_task(stage.place(program.port, 100))
            await stage.otrs.made(10)
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(program.stop)
            assert asyncio.get_running_loop().time() - began < 2 * PATIENCE_S
            await calls
            [late] = await stage.place(program.port)
        assert late.outcome is Ending.FAILURE
        assert stage.statuses() == {"", "created", "queued"}
        assert len(stage.journal()) == 100
        assert "Traceback" not in program.log()
        async with stage.life():
            await stage.settled()
        stage.tally("SIGTERM in the middle of calls")


async def test_a_second_program_on_the_same_journal(tmp_path: Path) -> None:
    """It says so and ends with 2; the first one does not notice."""
    async with scene(tmp_path) as stage:
        async with stage.life() as program:
            for _ in range(2):
                calls = asyncio.create_task(stage.place(program.port, 50))
                second = await asyncio.to_thread(agi_server, "run", "--config", str(stage.config))
                assert second.returncode == 2
                assert "is in use by another agi-server" in second.stderr
                assert "Traceback" not in second.stderr
                await calls
            await stage.settled()
        assert stage.statuses() == {"created"}
        stage.tally("a second program on the journal")
