"""The program as an administrator runs it: a process of its own, a configuration file, signals."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

COMMAND = (sys.executable, "-m", "agi_server")
PATIENCE_S = 20.0
"""For the program to start or to end; it needs less than a second."""


def agi_server(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environ},
    )


def write_config(folder: Path, options: Mapping[str, dict[str, Any] | list[Any]]) -> Path:
    """A configuration file with these options; what the program keeps is in the same folder."""
    whole: dict[str, Any] = {
        "fastagi": {"port": 0},
        "web": {"port": 0},
        "customers": {"index": str(folder / "customers.db")},
        "journal": {"database": f"sqlite+aiosqlite:///{folder}/calls.db"},
        "ticket": {"unknown_customer": "unknown-caller"},
    }
    for section, values in options.items():
        whole[section] = {**whole.get(section, {}), **values} if isinstance(values, dict) else values
    path = folder / "agi-server.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    path.chmod(0o600)
    return path


class Program:
    """`agi-server run`, ready to take calls while the `with` block lasts."""

    def __init__(self, config: Path, command: Sequence[str] = COMMAND, pass_fds: Sequence[int] = ()) -> None:
        self._config = config
        self._command = command
        self._pass_fds = pass_fds
        self._log = config.parent / "agi-server.log"
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*self._command, "run", "--config", str(self._config)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=self._pass_fds,
            )
        found = re.search(r"is ready: FastAGI on \S+:(\d+)", self._first_line())
        if found is None:
            self._end(signal.SIGKILL)
            raise AssertionError(f"the program did not become ready:\n{self.log()}")
        self.port = int(found[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """As systemd stops it."""
        if self._process is not None and self._process.poll() is None:
            assert self._end(signal.SIGTERM) == 0, self.log()

    def kill(self) -> None:
        """As a crash ends it."""
        self._end(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send it this."""
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end, which is its own doing; returns the exit code, or less than 0 for a signal."""
        return self._end(None)

    def log(self) -> str:
        """What it has written to stderr."""
        return self._log.read_text(encoding="utf-8")

    def _end(self, number: signal.Signals | None) -> int:
        assert self._process is not None
        if number is not None:
            self._process.send_signal(number)
        code = self._process.wait(PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def _first_line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            return self._process.stdout.readline() if selector.select(PATIENCE_S) else ""
