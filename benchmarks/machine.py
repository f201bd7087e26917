"""The machine that a benchmark runs on, and what the operating system has written down of a process.

All of it is read from /proc and the processes' clocks: the benchmarks need Linux. A process is asked for nothing,
so that looking costs it nothing.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import NamedTemporaryFile

SYNCS = 50
"""Written and synced to learn how quick the disk is."""
_SCHEDULED = 2
"""CPUCLOCK_SCHED in the kernel's <linux/posix-timers.h>."""
LIBRARIES = ("uvloop", "panoramisk", "SQLAlchemy", "aiohttp")


def describe(folder: Path) -> dict[str, str | int | float]:
    """The machine, as far as it matters to the figures; `folder` is on the disk that journals are written to."""
    cores = os.cpu_count() or 0
    found: dict[str, str | int | float] = {
        "processor": _after(Path("/proc/cpuinfo"), "model name"),
        "cores": cores,
        "memory_gb": round(int(_after(Path("/proc/meminfo"), "MemTotal").split()[0]) / 2**20, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sync_ms": round(sync_ms(folder), 3),
        "load": round(os.getloadavg()[0], 2),
    }
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def sync_ms(folder: Path) -> float:
    """What it takes until 4 kB are on the disk; the median of some."""
    taken = []
    with NamedTemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            os.write(file.fileno(), bytes(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def memory_mb(pid: int, name: str = "VmRSS") -> float:
    """Of this process: VmRSS resident now, VmHWM at most so far, RssAnon without libraries and other files."""
    return int(_after(Path(f"/proc/{pid}/status"), name).split()[0]) / 1024


def cpu_s(pid: int, *, children: bool = False) -> float:
    """The processor's seconds that it has taken, exactly; with those of its children that have ended, in ticks."""
    # The process's clock, all its threads together, as clock_getcpuclockid(3) makes its id.
    own = time.clock_gettime(~pid << 3 | _SCHEDULED)
    if not children:
        return own
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return own + sum(int(field) for field in fields[13:15]) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Processes that it has begun and not yet waited for."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def open_files(pid: int) -> int:
    """Descriptors that it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _after(path: Path, name: str) -> str:
    """The value of the first line `name: value`; empty if there is none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
