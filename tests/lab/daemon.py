"""One server process of the lab: started detached, found again by its pid file, stopped by its pid.

A pid file holds the pid and the process's start time, so that a stale file (a reboot, a number used
again) is never taken for ours. Nothing is ever ended by name.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import facts
from .steps import Log, StepError, environment, wait_until


@dataclass(frozen=True)
class Daemon:
    """A server by its name: LAB_DIR/run/<name>.pid, LAB_DIR/log/<name>.log."""

    name: str
    port: int
    """The TCP port that it listens on."""

    @property
    def pid_file(self) -> Path:
        return facts.RUN_DIR / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        return facts.LOG_DIR / f"{self.name}.log"

    def pid(self) -> int | None:
        """The running process, or None if there is none of ours."""
        pid, started = self._recorded()
        return pid if pid and _start_time(pid) == started else None

    def _recorded(self) -> tuple[int, str]:
        try:
            pid, started = self.pid_file.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return 0, ""
        return (int(pid), started) if pid.isdigit() else (0, "")

    def _end_orphans(self) -> None:
        """End the children of a server that died: they are still in its session, and hold its port."""
        pid, _ = self._recorded()
        if not pid or _start_time(pid):
            return  # it runs; or its number is somebody else's now, who could not have it while orphans had the session
        for folder in Path("/proc").glob("[0-9]*"):
            if _stat(int(folder.name))[3:4] == [str(pid)]:
                os.kill(int(folder.name), signal.SIGKILL)

    def start(self, command: Sequence[str | Path], *, user: str | None = None, cwd: Path = Path("/")) -> None:
        """Start it in a session of its own and write its pid file; it outlives us."""
        facts.RUN_DIR.mkdir(parents=True, exist_ok=True)
        self._end_orphans()
        wait_until(f"port {self.port} is free for {self.name} (another process holds it)", self._port_free, timeout_s=3)
        log = Log.of(self.name)
        with log.path.open("ab") as out:
            try:
                process = subprocess.Popen(
                    [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                    cwd=cwd, env=environment(), start_new_session=True, user=user, group=user,
                    extra_groups=[] if user else None,
                )  # fmt: skip
            except OSError as error:
                raise StepError(f"{command[0]} cannot be started: {error}", log.path) from None
        self.pid_file.write_text(f"{process.pid} {_start_time(process.pid)}", encoding="ascii")
        process.returncode = 0  # it is not ours to wait for: no warning when this object goes

    def _port_free(self) -> bool:
        return not listening(self.port)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it runs."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, number)

    def stop(self, *, grace_s: float = 20) -> None:
        """End it: TERM, then KILL after the grace; its pid file goes too."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            if not self._gone(pid, grace_s):
                os.kill(pid, signal.SIGKILL)
                self._gone(pid, 10)
        self._end_orphans()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it without warning, as a crash would."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self._gone(pid, 10)
        self._end_orphans()
        self.pid_file.unlink(missing_ok=True)

    def _gone(self, pid: int, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            _reap(pid)
            time.sleep(0.02)
        return True


def _stat(pid: int) -> list[str]:
    """/proc/PID/stat behind the name: state, parent, group, session, ...; nothing if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _start_time(pid: int) -> str:
    """The process's start time in clock ticks; empty for none or a zombie."""
    fields = _stat(pid)
    return "" if not fields or fields[0] in "ZX" else fields[19]


def _reap(pid: int) -> None:
    """Collect it if it is our own child; it may just as well be init's."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def listening(port: int, host: str = facts.HOST) -> bool:
    """Does anyone accept TCP connections there?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
