"""The service as systemd runs it: its unit is sound, closed, and says the same as the code; a restart loses no call."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from configparser import RawConfigParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, ProcessCollector

from agi_server import app, cli, intake, systemd
from agi_server.asterisk import fastagi, knock
from agi_server.asterisk.client import CallReport, Ending, place_call
from agi_server.cli import main
from agi_server.command import DEFAULT_CONFIG, MISCONFIGURED
from agi_server.config import Fastagi, describe
from agi_server.sandbox.otrs import Sandbox
from agi_server.web import server as web
from tests.program import COMMAND, Program, write_config
from tests.supervisor import WATCHDOG_S, Supervisor

UNITS = Path(__file__).parent.parent / "config" / "systemd"
BROKEN = sorted((Path(__file__).parent / "data" / "config" / "broken").glob("*.yaml"))
EXPOSURE = 2.0
"""The most that `systemd-analyze security` may say."""
UNITS_OF_TIME = {"": 1, "s": 1, "min": 60}


def read(name: str) -> RawConfigParser:
    unit = RawConfigParser(strict=False, comment_prefixes="#")
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / name, encoding="utf-8")
    return unit


SERVICE = read("agi-server.service")["Service"]
SOCKET = read("agi-server.socket")["Socket"]


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd about our units; the program that they start is another one, for ours is not installed."""
    if shutil.which("systemd-analyze") is None:
        words = "systemd-analyze is not here: install systemd (Debian: apt-get install systemd)"
        (pytest.fail if os.environ.get("LAB") == "required" else pytest.skip)(words)
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("/opt/agi-server/bin/agi-server", "/bin/true")
        (folder / unit.name).write_text(text, encoding="utf-8")
    return subprocess.run(
        ["systemd-analyze", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    done = analyze(tmp_path, "verify", "./agi-server.service", "./agi-server.socket")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_service_can_do_little_beside_its_work(tmp_path: Path) -> None:
    done = analyze(tmp_path, "security", "--offline=yes", "--no-pager", "./agi-server.service")
    found = re.search(r"Overall exposure level for agi-server\.service: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= EXPOSURE, done.stdout


def test_metrics_may_read_what_the_figures_of_our_process_are_made_of() -> None:
    registry = CollectorRegistry()
    ProcessCollector(proc="/nowhere", registry=registry)
    assert list(registry.collect()) == [], "then ProcSubset=pid, which hides /proc/stat, does no harm any more"
    assert "ProcSubset" not in SERVICE


def seconds(option: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(\w*)", SERVICE[option]).groups()  # type: ignore[union-attr]
    return int(number) * UNITS_OF_TIME[unit]


def test_the_unit_leaves_us_the_time_and_the_files_that_we_need() -> None:
    assert seconds("WatchdogSec") / 2 > knock.SECONDS + seconds("WatchdogSec") / 2 / systemd.AGAIN
    longest_patience = 60
    assert f"fastagi.patience ({longest_patience} s at most)" in (UNITS / "agi-server.service").read_text()
    with pytest.raises(ValueError, match="patience"):
        Fastagi.model_validate({"patience": str(longest_patience + 1)})
    stopping = web.CLOSING + longest_patience + app.STOPPING + fastagi.CLOSING_SECONDS + intake.LAST_TRY + app.STOPPING
    assert stopping < seconds("TimeoutStopSec")
    assert int(SERVICE["LimitNOFILE"]) > 10_000 + fastagi.Limits().waiting + cli.FILES_OF_OUR_OWN
    with pytest.raises(ValueError, match="max_sessions"):
        Fastagi.model_validate({"max_sessions": "10001"})


def test_a_port_that_systemd_keeps_for_who_cannot_start_is_given_up() -> None:
    slow_start_s = 5
    assert int(SOCKET["TriggerLimitBurst"]) * slow_start_s < int(SOCKET["TriggerLimitIntervalSec"])


def test_the_units_say_what_the_code_says() -> None:
    defaults = {option.name: option.default for option in describe()}
    assert SOCKET["ListenStream"] == f"{defaults['fastagi.host']}:{defaults['fastagi.port']}"
    assert int(SOCKET["Backlog"]) == fastagi.BACKLOG
    folder = f"/var/lib/{SERVICE['StateDirectory']}/"
    assert defaults["customers.index"].startswith(folder)
    assert f"sqlite+aiosqlite:///{folder}" in defaults["journal.database"]
    assert f"=agi-server.yaml:{DEFAULT_CONFIG}\n" in (UNITS / "agi-server.service").read_text()
    assert (SERVICE["Type"], SERVICE["Restart"]) == ("notify", "always")
    assert int(SERVICE["RestartPreventExitStatus"]) == MISCONFIGURED


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_no_mistake_in_the_configuration_lets_it_be_started_again(path: Path) -> None:
    environ = {"AGI_SECRET_WORD": "geheim", "AGI_EMPTY": "", "AGI_BROKEN": "geheim\nx"}
    done = CliRunner().invoke(main, ["run", "--config", str(path)], env=environ)
    assert (done.exit_code, done.stdout) == (MISCONFIGURED, ""), done.output


@pytest.mark.parametrize("arguments", [["run", "--confg"], ["run", "--config", "/nowhere/agi-server.yaml"], ["rum"]])
def test_neither_does_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == MISCONFIGURED


@pytest.fixture
async def otrs(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path, password="sandbox") as otrs:
        yield otrs


def config(folder: Path, stand_in: Sandbox) -> Path:
    """Passwords beside the configuration, as the unit wants them."""
    (folder / "otrs-password").write_text("sandbox\n")
    return write_config(
        folder,
        {
            "customers": {"database": stand_in.database},
            "otrs": {"url": stand_in.url, "user": "agi-server", "password_file": "otrs-password"},
        },
    )


HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Restarted(Program):
    """The program on a port that somebody keeps for it, as systemd hands it over: as file 3, with our process id."""

    def __init__(self, config: Path, kept: socket.socket) -> None:
        command = (sys.executable, "-c", HAND_OVER, str(kept.fileno()), *COMMAND)
        super().__init__(config, command, pass_fds=[kept.fileno()])


def call(port: int, number: int) -> asyncio.Task[CallReport]:
    return asyncio.create_task(place_call("127.0.0.1", port, number=f"8916000000{number}", unique_id=f"1.{number}"))


async def test_the_program_is_ready_when_it_says_so_and_fed_while_it_lives(
    tmp_path: Path, otrs: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(str(tmp_path / "notify"))
    for name, value in supervisor.environ.items():
        monkeypatch.setenv(name, value)
    program = Program(config(tmp_path, otrs))
    entering = asyncio.create_task(asyncio.to_thread(program.__enter__))
    try:
        ready = await supervisor.told()
        found = re.fullmatch(r"FastAGI on 127\.0\.0\.1:(\d+)", ready["STATUS"])
        assert ready["READY"] == "1"
        assert found is not None
        assert (await call(int(found[1]), 1)).variables["HELPDESK_STATUS"] == "created"
        await entering
        assert (await supervisor.told())["WATCHDOG"] == "1"
        program.send(signal.SIGSTOP)  # as dead as can be
        await asyncio.sleep(WATCHDOG_S / 4)
        supervisor.waiting()
        await asyncio.sleep(2 * WATCHDOG_S)
        assert supervisor.waiting() == []
        program.send(signal.SIGCONT)
        assert (await supervisor.told())["WATCHDOG"] == "1"
        program.send(signal.SIGTERM)
        while "WATCHDOG" in (last := await supervisor.told()):
            pass
        assert last == {"STOPPING": "1"}
        assert await asyncio.to_thread(program.ended) == 0
    finally:
        await asyncio.to_thread(program.kill)
        supervisor.close()


async def test_a_program_that_the_watchdog_ends_says_where_it_was(tmp_path: Path, otrs: Sandbox) -> None:
    program = Program(config(tmp_path, otrs))
    await asyncio.to_thread(program.__enter__)
    program.send(signal.SIGABRT)
    ended = await asyncio.to_thread(program.ended)
    assert "Fatal Python error: Aborted" in program.log()
    # All threads are told of, while the others run on: seldom that breaks off in the middle, and ends it all the same.
    if ended != -signal.SIGSEGV:
        assert ended == -signal.SIGABRT
        assert re.search(r"  File .*/agi_server/", program.log())


async def test_a_restart_loses_no_connection_to_a_port_that_systemd_keeps(tmp_path: Path, otrs: Sandbox) -> None:
    path = config(tmp_path, otrs)
    with socket.create_server(("127.0.0.1", 0)) as kept:
        port = kept.getsockname()[1]
        early = call(port, 1)  # before the first start
        program = Restarted(path, kept)
        await asyncio.to_thread(program.__enter__)
        try:
            assert program.port == port
            assert (await early).variables["HELPDESK_STATUS"] == "created"
            assert (await call(port, 2)).variables["HELPDESK_STATUS"] == "created"
            await asyncio.to_thread(program.stop)
            between = [call(port, number) for number in (3, 4, 5)]
            await asyncio.sleep(0.1)
            assert not any(one.done() for one in between)
            await asyncio.to_thread(program.__enter__)
            for report in await asyncio.gather(*between):
                assert report.outcome is Ending.SUCCESS
                assert report.variables["HELPDESK_STATUS"] == "created"
        finally:
            await asyncio.to_thread(program.stop)
    assert len(otrs.tickets) == 5


async def test_a_socket_that_we_cannot_use_is_not_tried_again(tmp_path: Path, otrs: Sandbox) -> None:
    path = config(tmp_path, otrs)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wrong:
        program = Restarted(path, wrong)
        with pytest.raises(AssertionError, match="expected ListenStream= with a TCP port"):
            await asyncio.to_thread(program.__enter__)
    assert program.ended() == MISCONFIGURED
