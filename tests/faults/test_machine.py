"""The machine as the fault: no room on the disk, a journal that can't be written or is damaged, a clock that is set."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agi_server.app import App
from agi_server.config import load
from agi_server.sandbox.faults import Fault
from tests.faults.scene import OTRS_TIMEOUT_S, PATIENCE_S, Scene, scene, status_of

HOUR = 3600
DISK_BYTES = 16_000_000
SLACK_S = 1.0
"""Over patience, for a machine that has other things to do."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here: that needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


async def kept(stage: Scene) -> None:
    """Wait until every call is in the journal, and none waits there."""
    async with asyncio.timeout(20):
        while stage.journal() != set(stage.reports):  # noqa: ASYNC110 -- it is another process's
            await asyncio.sleep(0.05)
    await stage.settled()


async def test_the_disk_is_full_for_a_while(disk: Path, tmp_path: Path) -> None:
    options = {
        "customers": {"index": f"{disk}/customers.db"},
        "journal": {"database": f"sqlite+aiosqlite:///{disk}/calls.db"},
    }
    async with scene(tmp_path, **options) as stage, stage.life() as program:
        before = await stage.place(program.port, 10)
        filler = fill(disk)
        during = await stage.place(program.port, 80)
        filler.unlink()
        await kept(stage)
        after = await stage.place(program.port, 10)
        assert {status_of(report) for report in [*before, *after]} == {"created"}
        assert "error" in {status_of(report) for report in during}
        assert max(report.seconds for report in during) < PATIENCE_S + SLACK_S
        assert "CRITICAL" in program.log()
        assert "NOT in the journal: the journal" in program.log()
        assert "in the journal after all" in program.log()
        assert "Traceback" not in program.log()
        stage.tally("disk full")


@pytest.mark.slow
async def test_the_disk_has_room_again_just_before_a_stop(disk: Path, tmp_path: Path) -> None:
    options = {"journal": {"database": f"sqlite+aiosqlite:///{disk}/calls.db"}}
    async with scene(tmp_path, **options) as stage:
        async with stage.life() as program:
            filler = fill(disk)
            await stage.place(program.port, 100)
            filler.unlink()
        async with stage.life():
            await kept(stage)
        stage.tally("disk full until SIGTERM")


async def test_the_journal_is_read_only_for_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SQLite's own switch: no system lets a disk become read-only under a file that is open for writing."""
    monkeypatch.setattr("agi_server.intake.TRY_AGAIN", 0.5)
    async with scene(tmp_path) as stage, App(load(stage.config)) as app:
        port = app.server.port

        async def query_only(on: bool) -> None:
            assert app.journal._writer is not None
            await app.journal._writer.do(lambda connection: connection.exec_driver_sql(f"PRAGMA query_only={on}"))

        await stage.place(port, 10)
        await query_only(True)
        during = await stage.place(port, 80)
        assert {status_of(report) for report in during} == {"error"}
        assert {report.variables["HELPDESK_NAME"] for report in during} == {"Иван Иванов"}
        assert "NOT in the journal" in caplog.text
        assert "attempt to write a readonly database" in caplog.text
        await query_only(False)
        await kept(stage)
        assert "in the journal after all" in caplog.text
        assert {status_of(report) for report in await stage.place(port, 10)} == {"created"}
        stage.tally("journal read-only")


@pytest.mark.parametrize("where", [0, pytest.param(4096, marks=pytest.mark.slow)])
async def test_the_journal_is_damaged_when_we_start(where: int, tmp_path: Path) -> None:
    async with scene(tmp_path) as stage:
        async with stage.life() as program:
            await stage.place(program.port, 50)
        journal = tmp_path / "calls.db"
        damaged = bytearray(journal.read_bytes())
        damaged[where : where + 2048] = b"\xff" * 2048
        journal.write_bytes(damaged)
        async with stage.life() as program:
            await stage.place(program.port, 50)
            await stage.settled()
            assert "CRITICAL" in program.log()
            assert "the journal is damaged" in program.log()
        assert [kept.read_bytes() for kept in tmp_path.glob("calls.db.damaged-*")] == [damaged]  # noqa: ASYNC240
        assert stage.statuses() == {"created"}
        stage.tally(f"journal damaged at start, byte {where}")


@pytest.mark.slow
async def test_the_journal_is_damaged_while_we_run(tmp_path: Path) -> None:
    async with scene(tmp_path) as stage:
        async with stage.life() as program:
            await stage.place(program.port, 50)
            for end in ("", "-wal", "-shm"):
                file = tmp_path / f"calls.db{end}"
                with file.open("r+b") as opened:
                    opened.write(b"\xff" * file.stat().st_size)
            await stage.place(program.port, 50)
            assert await asyncio.to_thread(program.ended) == 1
            assert "the journal is damaged: the next start sets it aside and begins a new one" in program.log()
            assert "Traceback" not in program.log()
        async with stage.life() as program:
            assert "it is kept as" in program.log()
            await stage.place(program.port, 50)
            await stage.settled()
        stage.tally("journal damaged while we run")


@pytest.mark.slow
async def test_the_clock_is_set_while_calls_are_in_doubt(tmp_path: Path) -> None:
    """By an hour forth and back, and forth again while we are down. OTRS is late, but works."""
    clock = tmp_path / "clock"

    def set_clock(error_s: int) -> None:
        new = tmp_path / "clock.new"
        new.write_text(str(error_s))
        new.replace(clock)

    set_clock(0)
    command = (sys.executable, "-m", "tests.faults.clocked", str(clock))
    late = Fault(before=1.9 * OTRS_TIMEOUT_S)
    async with scene(tmp_path) as stage:
        async with stage.life(command) as program:
            for error_s in (0, HOUR, -HOUR):
                stage.otrs.faults.add(late, "TicketCreate")
                stage.otrs.faults.add(late, "TicketCreate")
                calls = asyncio.create_task(stage.place(program.port, 25))
                await stage.otrs.arrival("TicketCreate")
                set_clock(error_s)
                await calls
            await stage.settled()
            for _ in range(4):
                stage.otrs.faults.add(late, "TicketCreate")
            calls = asyncio.create_task(stage.place(program.port, 25))
            await stage.otrs.arrival("TicketCreate", stage.otrs.received("TicketCreate") + 2)
            program.kill()
            await calls
        set_clock(HOUR)
        async with stage.life(command):
            await stage.settled()
        stage.tally("clock set by an hour")
