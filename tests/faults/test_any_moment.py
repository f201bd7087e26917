"""Anything at any moment: kill -9 of the program while OTRS loses answers, over each interface and age of OTRS."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agi_server import calls as commands
from agi_server.config import load
from agi_server.journal import Journal, State
from agi_server.sandbox import rpc_wire
from agi_server.sandbox.otrs import Sandbox
from tests.faults.gate import Gate
from tests.faults.scene import PASSWORD, Scene
from tests.otrs.peer import Act, Request, http, raw, reset

LIVES = 8
AT_ONCE = 25
CONTENT = "{{ call.unique_id }} " + "x" * 5000
nil = http(200, rpc_wire.returned([]).body)
closed = raw(b"")


def at_random(gate: Gate, chance: random.Random, *, over_rpc: bool) -> Callable[[Request], Act | None]:
    """One exchange in twelve loses its answer in the middle, one in 25 never reaches OTRS; over rpc.pl some are nil."""

    def strikes(_: Request) -> Act | None:
        dice = chance.random()
        if dice < 0.08:
            return gate.cut(chance.random(), chance.choice((reset, closed)))
        if dice < 0.12:
            return closed
        if dice < 0.16 and over_rpc:
            return chance.choice((nil, gate.done_but(nil)))
        return None

    return strikes


async def retry_all(config: Path) -> None:
    """As a person does who does not want to wait: their pauses have become long."""
    journal = Journal(load(config).journal.database)
    await journal.open(serving=False)
    try:
        left = await journal.entries([State.WAITING, State.PARKED], datetime.fromtimestamp(0, UTC))
        await commands.retry(journal, [entry.call.unique_id for entry in left], parked=False)
    finally:
        await journal.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("interface", "dialect"),
    [("rpc", "3.1"), ("rpc", "4"), ("ticket-connector", "3.1"), ("ticket-connector", "4"), ("ticket-connector", "6")],
)
async def test_killed_at_any_moment_while_answers_are_lost(interface: str, dialect: str, tmp_path: Path) -> None:
    chance, over_rpc = random.Random(1), interface == "rpc"
    ticket: dict[str, Any] = {} if over_rpc else {"attachments": [{"filename": "call.txt", "content": CONTENT}]}
    async with AsyncExitStack() as stack:
        otrs = await stack.enter_async_context(Sandbox(tmp_path, password=PASSWORD, delay=0.02, dialect=dialect))
        gate = await stack.enter_async_context(Gate(otrs.rpc_url if over_rpc else otrs.url))
        stage = Scene(tmp_path, otrs, {"otrs": {"interface": interface, "url": gate.url}, "ticket": ticket})
        gate.strikes = at_random(gate, chance, over_rpc=over_rpc)
        for _ in range(LIVES):
            async with stage.life() as program:
                calls = asyncio.create_task(stage.place(program.port, AT_ONCE))
                await asyncio.wait([calls], timeout=chance.uniform(0.0, 1.0))
                program.kill()
                await calls
        await gate.heal()
        await retry_all(stage.config)
        async with stage.life():
            await stage.settled()
            await gate.idle()
        stage.tally(f"kill -9 and lost answers, {interface} of {dialect}")
        assert stage.journal("state = 'parked'") == set()
        assert {len(one.articles) for one in otrs.tickets} == {1}
        assert "Traceback" not in (tmp_path / "agi-server.log").read_text()
        if not over_rpc:
            assert all("x" * 5000 in str(one.articles[0].attachments[0].content) for one in otrs.tickets)
