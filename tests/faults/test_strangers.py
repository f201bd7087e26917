"""Strangers as the fault: whatever they do at our door, calls get in and are served as fast as without them.

Quiet and noisy rounds alternate, so that both see the same machine; of each round the slowest call counts, and the
median of the rounds is compared. A machine that is busy with other things may need more rounds to tell.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.scene import scene
from tests.faults.strangers import KINDS

CALLS = 20
"""In one round; the slowest of them stands for the 99th percentile."""
ROUNDS = 5
MOST_ROUNDS = 15
FLOOR_S = 0.005
"""Added to twice the quiet time: what a scheduler may take when another process wants the same core."""


class Crowd:
    """Strangers of one kind, who come and go when they are told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def turn(self) -> None:
        """Let them come, or go."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        assert await self._process.stdout.readline() == b"done\n"


@asynccontextmanager
async def crowd(kind: str, port: int) -> AsyncIterator[Crowd]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.strangers", kind, str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Crowd(process)
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """What many systems give a process at its start."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, limits[0]), limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("few_descriptors")
@pytest.mark.parametrize(
    "kind", [kind if kind == "idle" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
async def test_strangers_cost_calls_nothing(kind: str, tmp_path: Path) -> None:
    allow = {"fastagi": {"allow": ["127.0.0.1/32"]}}
    async with scene(tmp_path, **allow) as stage, stage.life() as program, crowd(kind, program.port) as strangers:

        async def slowest() -> float:
            return max([(await stage.place(program.port))[0].seconds for _ in range(CALLS)])

        await slowest()  # the first calls find everything cold
        quiet: list[float] = []
        noisy: list[float] = []
        while len(quiet) < ROUNDS or (len(quiet) < MOST_ROUNDS and not as_fast(quiet, noisy)):
            quiet.append(await slowest())
            await strangers.turn()
            noisy.append(await slowest())
            await strangers.turn()
        print(f"{kind}: quiet {shown(quiet)} ms, noisy {shown(noisy)} ms")
        assert as_fast(quiet, noisy), f"slowest of {CALLS} calls: quiet {shown(quiet)} ms, noisy {shown(noisy)} ms"
        assert stage.statuses() == {"created"}
        said = [line for line in program.log().splitlines() if "intake [" not in line]
        assert len(said) < 10, said
        stage.tally(f"strangers: {kind}")


def as_fast(quiet: list[float], noisy: list[float]) -> bool:
    """Is the 99th percentile with strangers at most twice that without?"""
    return statistics.median(noisy) <= 2 * statistics.median(quiet) + FLOOR_S


def shown(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f} ({' '.join(f'{1000 * one:.0f}' for one in seconds)})"
