"""What the server costs that has little to do: `python -m benchmarks.idle`.

From the start of the process to its line that it is ready, the median of several starts; then the memory of the last
one, and the processor's time that it takes while nothing happens but its own rounds; at last 1,000 callers who wait
for a ticket, and what each of them costs. The OTRS stand-in is another process. The figures hold for the first start
after an installation only once Python has written its bytecode.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from agi_server.asterisk.client import Ending, place_call
from agi_server.demo import PASSWORD, USER
from agi_server.process import allow_files
from agi_server.sandbox.otrs import Sandbox
from benchmarks import machine, ours
from benchmarks.callers import HOST
from benchmarks.processes import process
from benchmarks.report import FOLDER, Report

READY_S, MEMORY_MB, CPU_S_A_MINUTE, SESSION_KB = 1.0, 60.0, 0.3, 40.0
"""At most: until it is ready, memory of its own, the processor's time at rest, memory of a session."""
RESTING_S = 10.0
SETTLING_S = 2.0
"""After which nothing of the start is under way any more."""
PATIENCE = 60.0
"""The longest there is, so that all sessions are open at once."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What the server costs that nobody calls."""

    ready_s: float
    start_cpu_s: float
    resident_mb: float
    own_mb: float
    cpu_s_a_minute: float


def write_config(folder: Path, otrs_port: int) -> Path:
    """The configuration for the stand-in on this port."""
    neighbour = Sandbox(folder, port=otrs_port)  # not entered: it is asked for its addresses only
    path = folder / "agi-server.yaml"
    options = {
        "fastagi": {"port": 0},
        "customers": {"database": neighbour.database, "index": str(folder / "customers.db")},
        "otrs": {"url": neighbour.url, "user": USER, "password": PASSWORD},
        "ticket": {"unknown_customer": "unknown-caller"},
        "journal": {"database": f"sqlite+aiosqlite:///{folder / 'calls.db'}"},
        "web": {"port": 0},
    }
    path.write_text(yaml.safe_dump(options), encoding="utf-8")
    path.chmod(0o600)
    return path


@contextmanager
def running(config: Path) -> Iterator[tuple[int, float]]:
    """The server's process id, and the seconds that it took to be ready."""
    began = time.perf_counter()
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "agi_server", "run", "--config", str(config)]
    with subprocess.Popen(  # noqa: S603 -- our own
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        seconds = time.perf_counter() - began
        if b"is ready" not in line:
            raise RuntimeError("the server did not become ready")
        try:
            yield server.pid, seconds
        finally:
            server.send_signal(signal.SIGTERM)


async def hold(pid: int, port: int, folder: Path, sessions: int) -> tuple[float, float]:
    """So many callers wait for a ticket, all at once; the memory and the open files that each of them costs."""
    report = await place_call(HOST, port, number="", unique_id="the first one", hang_up_after=0.5)  # all is loaded
    assert report.outcome is Ending.HANGUP
    before, files = machine.memory_mb(pid), machine.open_files(pid)
    waiting = [
        asyncio.create_task(place_call(HOST, port, number=f"8916{one:07d}", unique_id=f"{one}", timeout=PATIENCE))
        for one in range(sessions)
    ]
    async with asyncio.timeout(PATIENCE):
        # Another process's progress is nothing to await.
        while sum(ours.in_journal(folder).values()) <= sessions or machine.open_files(pid) < files + sessions:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    held = (machine.memory_mb(pid) - before) / sessions, (machine.open_files(pid) - files) / sessions
    assert not any(one.done() for one in waiting)
    for one in waiting:
        one.cancel()
    await asyncio.wait(waiting)
    return held


def sessions_cost(sessions: int) -> tuple[float, float]:
    """Memory in kB, and open files, for each caller who waits; OTRS does not answer meanwhile."""
    allow_files(sessions)
    with TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        with (
            process(ours.serve_otrs, folder, 2 * PATIENCE) as (_, otrs_port),
            process(ours.serve, folder, PATIENCE, otrs_port, log=folder / "log") as (pid, port),
        ):
            mb, files = asyncio.run(hold(pid, port, folder, sessions))
    return mb * 1024, files


def measure_rest(starts: int) -> Rest:
    """Start it so often, and leave the last one alone for a while."""
    seconds, work = [], []
    with TemporaryDirectory(dir=FOLDER) as name, process(ours.serve_otrs, Path(name), 0.0) as (_, otrs_port):
        config = write_config(Path(name), otrs_port)
        with running(config):  # Python writes its bytecode
            pass
        for start in range(starts):
            with running(config) as (pid, taken):
                seconds.append(taken)
                work.append(machine.cpu_s(pid))
                if start == starts - 1:
                    time.sleep(SETTLING_S)
                    resident, own = machine.memory_mb(pid), machine.memory_mb(pid, "RssAnon")
                    before = machine.cpu_s(pid)
                    time.sleep(RESTING_S)
                    idle = (machine.cpu_s(pid) - before) * 60 / RESTING_S
    return Rest(statistics.median(seconds), statistics.median(work), resident, own, idle)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5, help="starts to take the median of")
    parser.add_argument("--sessions", type=int, default=1_000, help="that are open at once")
    options = parser.parse_args()
    report = Report("idle")
    rest = measure_rest(options.starts)
    session_kb, session_files = sessions_cost(options.sessions)
    report.table(
        f"at rest; medians of {options.starts} starts",
        [
            {"": "ready after, s", "found": rest.ready_s},
            {"": "  of it the processor's, s", "found": rest.start_cpu_s},
            {"": "memory resident, with libraries and other files, MB", "found": rest.resident_mb},
            {"": "memory of its own, MB", "found": rest.own_mb},
            {"": "processor in a minute of rest, s", "found": rest.cpu_s_a_minute},
            {"": f"each of {options.sessions} open sessions, kB", "found": session_kb},
            {"": "  open files for each", "found": session_files},
        ],
    )
    report.goal("ready after, s", rest.ready_s, READY_S)
    report.goal("memory of its own, MB", rest.own_mb, MEMORY_MB)
    report.goal("processor in a minute of rest, s", rest.cpu_s_a_minute, CPU_S_A_MINUTE)
    report.goal("each open session, kB", session_kb, SESSION_KB)
    report.end()
