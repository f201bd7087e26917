"""What the server costs that has little to do: `python -m benchmarks.idle`.

From the start of the process to its line that it is ready, the median of several starts; then the memory of the last
one, and the processor's time that it takes while nothing happens but its own rounds; in turn with a process that does
nothing but listen on uvloop. At last 1,000 callers who wait for a ticket, and what each of them costs, beside 1,000 who
wait for the first command of a server that only sets variables. The OTRS stand-in is another process. The figures hold
for the first start after an installation only once Python has written its bytecode.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import uvloop
import yaml

from agi_server.asterisk.client import Ending, place_call, request_block
from agi_server.demo import PASSWORD, USER
from agi_server.process import allow_files
from agi_server.sandbox.otrs import Sandbox
from benchmarks import machine, ours, rivals
from benchmarks.callers import HOST, ID_MARK, NUMBER
from benchmarks.processes import process
from benchmarks.report import FOLDER, Cell, Report

READY_S, MEMORY_MB, CPU_S_A_MINUTE, SESSION_KB = 1.0, 60.0, 0.3, 40.0
"""At most: until it is ready, memory of its own, the processor's time at rest, memory of a session."""
RESTING_S = 20.0
SETTLING_S = 2.0
"""After which nothing of the start is under way any more."""
PATIENCE = 60.0
"""The longest there is, so that all sessions are open at once."""
LISTENER = """
import asyncio, uvloop
async def main():
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    print("is ready", flush=True)
    await server.serve_forever()
uvloop.run(main())
"""
BARE_LISTENER = (sys.executable, "-c", LISTENER)
"""The least that a server in Python is."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What a server costs that nobody calls."""

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
def running(command: Sequence[str]) -> Iterator[tuple[int, float]]:
    """The server's process id, and the seconds that it took to be ready."""
    began = time.perf_counter()
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
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


async def hold_bare(pid: int, port: int, sessions: int) -> tuple[float, float]:
    """So many callers who don't answer the first command; the memory and the open files that each of them costs."""

    async def one() -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(request_block(number=NUMBER, unique_id=ID_MARK))
        assert await reader.readline()
        return writer

    async with asyncio.timeout(PATIENCE):
        waiting = [await one()]  # all is loaded
        before, files = machine.memory_mb(pid), machine.open_files(pid)
        waiting += await asyncio.gather(*(one() for _ in range(sessions)))
    held = (machine.memory_mb(pid) - before) / sessions, (machine.open_files(pid) - files) / sessions
    for writer in waiting:
        writer.close()
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


def bare_sessions_cost(serve: Callable[..., None], runs: rivals.Run, sessions: int) -> tuple[float, float]:
    """The same of a server that only sets variables."""
    allow_files(sessions)
    with (
        NamedTemporaryFile(dir=FOLDER) as log,  # panoramisk's server writes a page about each caller who goes
        process(serve, runs, len(rivals.VARIABLES), log=Path(log.name)) as (pid, port),
    ):
        mb, files = asyncio.run(hold_bare(pid, port, sessions))
    return mb * 1024, files


def measure_rest(starts: int, command: Sequence[str] = (), resting_s: float = RESTING_S) -> Rest:
    """Start it so often, and leave the last one alone for a while; without a command it is the program."""
    seconds, work = [], []
    with TemporaryDirectory(dir=FOLDER) as name, process(ours.serve_otrs, Path(name), 0.0) as (_, otrs_port):
        config = str(write_config(Path(name), otrs_port))
        command = command or (sys.executable, "-m", "agi_server", "run", "--config", config)
        with running(command):  # Python writes its bytecode
            pass
        for start in range(starts):
            with running(command) as (pid, taken):
                seconds.append(taken)
                work.append(machine.cpu_s(pid))
                if start == starts - 1:
                    time.sleep(SETTLING_S)
                    resident, own = machine.memory_mb(pid), machine.memory_mb(pid, "RssAnon")
                    before = machine.cpu_s(pid)
                    time.sleep(resting_s)
                    idle = (machine.cpu_s(pid) - before) * 60 / resting_s
    return Rest(statistics.median(seconds), statistics.median(work), resident, own, idle)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5, help="starts to take the median of")
    parser.add_argument("--sessions", type=int, default=1_000, help="that are open at once")
    options = parser.parse_args()
    report = Report("idle")
    rest, bare = measure_rest(options.starts), measure_rest(options.starts, BARE_LISTENER)
    rows: list[dict[str, Cell]] = [
        {"": "ready after, s", "agi-server": rest.ready_s, "bare listener": bare.ready_s},
        {"": "  of it the processor's, s", "agi-server": rest.start_cpu_s, "bare listener": bare.start_cpu_s},
        {"": "memory resident, MB", "agi-server": rest.resident_mb, "bare listener": bare.resident_mb},
        {"": "memory of its own, MB", "agi-server": rest.own_mb, "bare listener": bare.own_mb},
        {"": "processor in a minute, s", "agi-server": rest.cpu_s_a_minute, "bare listener": bare.cpu_s_a_minute},
    ]
    report.table(f"at rest; medians of {options.starts} starts", rows)
    ours_kb, ours_files = sessions_cost(options.sessions)
    rows = [{"": "agi-server, OTRS silent", "kB each": ours_kb, "files each": ours_files}]
    for who, serve, runs in (
        ("raw uvloop", rivals.null, uvloop.run),
        ("panoramisk, asyncio", rivals.panoramisk, asyncio.run),
        ("our listener alone, uvloop", rivals.listener, uvloop.run),
    ):
        kilobytes, files = bare_sessions_cost(serve, runs, options.sessions)
        rows.append({"": who, "kB each": kilobytes, "files each": files})
    report.table(f"{options.sessions} open sessions", rows)
    report.goal("ready after, s", rest.ready_s, READY_S)
    report.goal("memory of its own, MB", rest.own_mb, MEMORY_MB)
    report.goal("processor in a minute of rest, s", rest.cpu_s_a_minute, CPU_S_A_MINUTE)
    report.goal("each open session, kB", ours_kb, SESSION_KB)
    report.end()
