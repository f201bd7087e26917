"""What the server costs that nobody calls: `python -m benchmarks.idle`.

From the start of the process to its line that it is ready, the median of several starts; then the memory of the last
one, and the processor's time that it takes while nothing happens but its own rounds. The OTRS stand-in is another
process. The figures hold for the first start after an installation only once Python has written its bytecode.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from agi_server.demo import PASSWORD, USER
from agi_server.sandbox.otrs import Sandbox
from benchmarks.memory import process, serve_otrs

READY_S, MEMORY_MB, CPU_MS = 1.0, 60.0, 50.0
"""At most: until it is ready, memory of its own, the processor's time in ten seconds of rest."""
TEN_SECONDS = 10.0
SETTLING_S = 2.0
"""After which nothing of the start is under way any more."""


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


def memory_mb(pid: int) -> tuple[float, float]:
    """Its resident memory, and how much of that is its own: the rest are files, such as libraries, that it maps."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["RssAnon"].split()[0]) / 1024


def cpu_ms(pid: int) -> float:
    """The processor's time that it has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1000


def run(starts: int) -> bool:
    """Measure, print, and tell whether it is as little as it should be."""
    seconds, work = [], []
    with TemporaryDirectory() as name, process(serve_otrs, Path(name)) as (_, otrs_port):
        config = write_config(Path(name), otrs_port)
        with running(config):  # Python writes its bytecode
            pass
        for start in range(starts):
            with running(config) as (pid, taken):
                seconds.append(taken)
                work.append(cpu_ms(pid) / 1000)
                if start == starts - 1:
                    time.sleep(SETTLING_S)
                    resident, own = memory_mb(pid)
                    before = cpu_ms(pid)
                    time.sleep(TEN_SECONDS)
                    idle = cpu_ms(pid) - before
    wall = f"{statistics.median(work):.2f} s of it the processor's; median of {starts}"
    figures = (
        ("ready after", statistics.median(seconds), READY_S, "s", wall),
        ("memory of its own", own, MEMORY_MB, "MB", f"{resident:.1f} MB resident, with libraries and other files"),
        ("processor in 10 s of rest", idle, CPU_MS, "ms", ""),
    )
    for what, found, most, unit, more in figures:
        verdict = "" if found <= most else "TOO MUCH  "
        print(f"{what:28}{found:8.2f} {unit:3} of {most:g}   {verdict}{more}".rstrip())
    return all(found <= most for _, found, most, _, _ in figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5, help="starts to take the median of")
    sys.exit(0 if run(parser.parse_args().starts) else 1)
