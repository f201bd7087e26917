"""Steps with a name and a clock, and the commands that they run.

Each step prints one line when it is done, with its seconds. What its commands say goes to
LOG_DIR/<step>.log; when one fails, StepError carries that path and the log's last lines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from . import facts

T = TypeVar("T")

TAIL_LINES = 25
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root", "TERM": "dumb"}
"""What commands see of our environment: PATH as it is, the rest fixed, so that no dialogue opens."""


class StepError(Exception):
    """A step that could not be done: which, why, and where it is written."""

    def __init__(self, reason: str, log: Path | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log
        self.step = ""

    def report(self) -> str:
        """The failure for a person: one line, the log's path, its tail."""
        lines = [f"FAILED {self.step}: {self.reason}" if self.step else f"FAILED: {self.reason}"]
        if self.log is not None and self.log.exists():
            tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
            lines += [f"  {self.log} ends with:", *(f"  | {line}" for line in tail)]
        return "\n".join(lines)


@dataclass(frozen=True)
class Log:
    """The log file of one step."""

    path: Path

    @classmethod
    def of(cls, name: str) -> Log:
        facts.LOG_DIR.mkdir(parents=True, exist_ok=True)
        return cls(facts.LOG_DIR / f"{name}.log")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        user: str | None = None,
        stdin: bytes | None = None,
        cwd: Path | None = None,
        timeout_s: float = 600,
    ) -> None:
        """Run one command to its end, its output into this log; StepError if it fails."""
        words = [str(word) for word in command]
        with self.path.open("ab") as out:
            out.write(f"$ {' '.join(words)}\n".encode())
            out.flush()
            try:
                done = subprocess.run(
                    words, input=stdin or b"", stdout=out, stderr=subprocess.STDOUT, cwd=cwd, timeout=timeout_s,
                    env=environment(), check=False, user=user, group=user, extra_groups=[] if user else None,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise StepError(f"{words[0]} did not end within {timeout_s:.0f} s", self.path) from None
            except OSError as error:
                raise StepError(f"{words[0]} cannot be run: {error}", self.path) from None
        if done.returncode != 0:
            raise StepError(f"{words[0]} ended with {done.returncode}", self.path)


def environment() -> dict[str, str]:
    """The environment of the lab's commands and servers."""
    path = os.environ.get("PATH", "")
    return {**ENVIRONMENT, "PATH": f"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{path}"}


def output(command: Sequence[str | Path]) -> str:
    """A short command's standard output; StepError with its words if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=60, check=False)
    if done.returncode != 0:
        raise StepError(f"{' '.join(words[:3])} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


_printing = threading.Lock()


def say(text: str) -> None:
    """One line of progress, whole, whichever thread it comes from."""
    with _printing:
        print(text, flush=True, file=sys.stderr)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Time what is inside and print one line; a failure carries the step's name."""
    began = time.monotonic()
    try:
        yield
    except (StepError, OSError, subprocess.SubprocessError) as error:
        failure = error if isinstance(error, StepError) else StepError(f"{type(error).__name__}: {error}")
        failure.step = failure.step or name
        say(f"  {name} ... failed after {time.monotonic() - began:.1f} s")
        raise failure from error
    say(f"  {name} {time.monotonic() - began:.1f} s")


def wait_until(what: str, test: Callable[[], bool], *, timeout_s: float, log: Path | None = None) -> None:
    """Test again and again until it holds; StepError when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not test():
        if time.monotonic() > deadline:
            raise StepError(f"waited {timeout_s:.0f} s in vain until {what}", log)
        time.sleep(0.02)


def unfinished_folder(finished: Path) -> Path:
    """A name beside a folder that is to be made: it gets its own name when it is whole."""
    return finished.with_name(f"{finished.name}.part-{os.getpid()}")


def clear_unfinished() -> None:
    """Remove what interrupted runs left half made."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for left in facts.LAB_DIR.glob("*.part-*"):
        for mount in sorted((name for name in mounts if name.startswith(f"{left}/")), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
        shutil.rmtree(left, ignore_errors=True)  # an orphan may still write in it: then the next run removes it
