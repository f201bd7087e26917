"""The lab as a whole: up, down, status, running, and the gate for tests that need it.

`up` may be run at any time: what is installed is not installed again, what runs is left running,
what an earlier run left half done is done anew. Two `up` at the same time wait for each other.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn

from . import facts, mariadb, packages, pbx, postgresql, znuny
from .daemon import Daemon
from .steps import StepError, clear_unfinished, say, step

DAEMONS: tuple[Daemon, ...] = (mariadb.DAEMON, postgresql.DAEMON, znuny.DAEMON, pbx.DAEMON)
NOT_RUNNING = "the lab is not running: make lab"


def running() -> bool:
    """Is all of it up? Quick: a few small files are read, nothing is asked."""
    return facts.READY_FILE.exists() and all(daemon.pid() is not None for daemon in DAEMONS)


def require() -> None:
    """For tests: skip without the lab, but fail where LAB=required."""
    if not running():
        _do_without(NOT_RUNNING)


def promtool() -> str:
    """For tests: Prometheus's checker, which needs no lab that runs; without it as `require` without the lab."""
    found = packages.PROMTOOL if packages.PROMTOOL.exists() else shutil.which("promtool")
    return str(found or _do_without("promtool is not here: make lab"))


def _do_without(words: str) -> NoReturn:
    import pytest

    if os.environ.get("LAB") == "required":
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


def up() -> None:
    """Install what is missing, start what does not run."""
    began = time.monotonic()
    with _alone():
        if not running():  # a lab that runs stays ready for those who use it
            facts.READY_FILE.unlink(missing_ok=True)
        _make_account()
        clear_unfinished()
        if packages.installed():
            _together(_asterisk_root, _znuny)
        else:
            with step("apt's lists, mmdebstrap"):
                packages.refresh()
            _together(_asterisk_root, _packages_and_znuny)
        with step(f"Asterisk ({facts.ASTERISK_SUITE})"):
            pbx.start(facts.ASTERISK_SUITE)
        facts.READY_FILE.write_text(time.strftime("%F %T\n"))
    say(f"up in {time.monotonic() - began:.1f} s")


def down() -> None:
    """Stop what the lab started; what is installed stays."""
    with _alone():
        facts.READY_FILE.unlink(missing_ok=True)
        for name, stop in (
            ("Asterisk", pbx.stop), ("Apache", znuny.stop), ("PostgreSQL", postgresql.stop), ("MariaDB", mariadb.stop),
        ):  # fmt: skip
            with step(f"stop {name}"):
                stop()


def status() -> Iterator[str]:
    """One line a server."""
    for daemon in DAEMONS:
        pid = daemon.pid()
        yield f"{daemon.name:10} {f'running, pid {pid}' if pid is not None else 'not running'}"
    yield f"{'lab':10} {'ready' if running() else 'not ready'} ({facts.LAB_DIR})"


def _packages_and_znuny() -> None:
    with step("Debian packages"):
        packages.install()
    _znuny()


def _znuny() -> None:
    with step("MariaDB"):
        mariadb.prepare()
        mariadb.start()
    with step("Znuny unpacked"):
        znuny.unpack()
    with step("Znuny's tables"):
        znuny.load_schema()
        mariadb.grant_customers()
    with step("PostgreSQL"):
        postgresql.prepare()
        postgresql.start()
        postgresql.load_tables()
    with step("Znuny's content"):
        znuny.fill()
    with step("Znuny (Apache)"):
        znuny.configure_apache()
        znuny.start()


def _asterisk_root() -> None:
    with step(f"Asterisk's root ({facts.ASTERISK_SUITE})"):
        pbx.make_root(facts.ASTERISK_SUITE)


def _together(*parts: Callable[[], None]) -> None:
    """Run parts side by side; when all have ended, the first failure is raised."""
    with ThreadPoolExecutor(len(parts)) as threads:
        futures: list[Future[None]] = [threads.submit(part) for part in parts]
    for future in futures:
        future.result()


def _make_account() -> None:
    """The folders, and the account that servers run as."""
    facts.LAB_DIR.mkdir(parents=True, exist_ok=True)
    facts.LAB_DIR.chmod(0o755)
    if subprocess.run(["id", "-u", facts.ACCOUNT], capture_output=True, check=False).returncode != 0:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        done = subprocess.run([*command, facts.ACCOUNT], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StepError(f"useradd: {done.stderr.strip()}")
    for folder in (facts.LOG_DIR, facts.RUN_DIR):
        folder.mkdir(exist_ok=True)
        shutil.chown(folder, facts.ACCOUNT, facts.ACCOUNT)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lab's lock: one up or down at a time on this machine."""
    facts.LAB_DIR.mkdir(parents=True, exist_ok=True)
    with (facts.LAB_DIR / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  another up or down is at work: waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
