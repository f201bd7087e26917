"""Asterisk in a root of its own under LAB_DIR (Debian 12 has no package), with the host's network.

Makes the root, starts and stops the server; calls are placed by asterisk.py. The suite
(LAB_ASTERISK_SUITE) chooses the version: sid has 22, bullseye 16.
"""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
from pathlib import Path

from . import facts, packages, pbx_config
from .daemon import Daemon, listening
from .steps import Log, StepError, environment, output, unfinished_folder, wait_until

STARTED_WITH = facts.RUN_DIR / "asterisk.started"
"""Suite and print of the configuration that Asterisk was last started with."""
DAEMON = Daemon("asterisk", facts.AMI_PORT)


def suite() -> str:
    """The suite of the Asterisk that was started last, which is the one that tests meet."""
    return _started_with()[0] or facts.ASTERISK_SUITE


def root(of: str) -> Path:
    """The root of a suite's Asterisk."""
    return facts.LAB_DIR / f"asterisk-{of}"


def log_file() -> Path:
    """Asterisk's log, verbose 3."""
    return root(suite()) / pbx_config.LOG_FILE[1:]


def make_root(of: str) -> None:
    """Make a suite's root, once; what interrupted runs left is thrown away."""
    if root(of).exists():
        return
    unfinished = unfinished_folder(root(of))
    lines = [packages.mirror().line(of, "main")]
    if of == "bullseye":
        lines.append(packages.mirror(security=True).line("bullseye-security", "main"))
    options = ['APT::Install-Recommends "false";', 'Acquire::Check-Valid-Until "false";', *_machines_apt_options()]
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--include=asterisk,asterisk-modules"]
    command += [f"--aptopt={option}" for option in options]
    Log.of(f"asterisk-{of}-root").run([*command, "--dpkgopt=force-unsafe-io", of, unfinished, *lines])
    unfinished.rename(root(of))


def start(of: str | None = None) -> None:
    """Start it; one that runs already stays, unless it was told otherwise than this clone says."""
    of = of or suite()
    files = pbx_config.files(_modules_dir(of))
    wanted = (of, hashlib.sha256(repr(files).encode()).hexdigest())
    if DAEMON.pid() is not None and _started_with() == wanted:
        return
    stop()
    _configure(root(of), files)
    STARTED_WITH.write_text(" ".join(wanted))
    log_file().unlink(missing_ok=True)
    command = ["chroot", str(root(of)), "/usr/sbin/asterisk", "-f", "-n", "-U", "asterisk", "-G", "asterisk"]
    DAEMON.start([*command, "-C", f"{pbx_config.CONFIG_DIR}/asterisk.conf"])
    wait_until("Asterisk answers", _answers, timeout_s=30, log=DAEMON.log)


def stop() -> None:
    """Stop it."""
    DAEMON.stop(grace_s=5)


def console(command: str) -> str:
    """Run one command on Asterisk's console and return what it says."""
    return output([*_remote(), command])


def version() -> str:
    """The first line of `core show version`."""
    return console("core show version").strip()


def _started_with() -> tuple[str, str]:
    try:
        name, _, configuration = STARTED_WITH.read_text().partition(" ")
    except OSError:
        return "", ""
    return name, configuration


def _modules_dir(of: str) -> str:
    """Where a suite's Asterisk has its modules, as seen from inside its root."""
    found = [*root(of).glob("usr/lib/asterisk/modules"), *root(of).glob("usr/lib/*/asterisk/modules")]
    if not found:
        raise StepError(f"{root(of)} has no Asterisk in it: remove the folder and try again")
    return "/" + str(found[0].relative_to(root(of)))


def _configure(into: Path, files: dict[str, str]) -> None:
    folder = into / pbx_config.CONFIG_DIR[1:]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    # Without these Asterisk asks a name server for its own name while calls wait for it.
    (into / "etc/hosts").write_text(f"{facts.HOST} localhost {socket.gethostname()}\n")
    (into / "etc/resolv.conf").write_text("")
    (into / "run/asterisk").mkdir(parents=True, exist_ok=True)
    Log.of("asterisk").run(["chroot", into, "chown", "-R", "asterisk:asterisk", "/run/asterisk"])


def _remote() -> list[str]:
    return ["chroot", str(root(suite())), "/usr/sbin/asterisk", "-C", f"{pbx_config.CONFIG_DIR}/asterisk.conf", "-rx"]


def _answers() -> bool:
    if DAEMON.pid() is None:
        raise StepError("Asterisk ended at its start", DAEMON.log)
    if not listening(facts.AMI_PORT):
        return False
    asked = subprocess.run(
        [*_remote(), "core waitfullybooted"], capture_output=True, text=True, env=environment(), timeout=30, check=False
    )
    return "fully booted" in asked.stdout


def _machines_apt_options() -> list[str]:
    """How this machine's apt reaches its mirrors and judges dates: mmdebstrap's own apt does not read that."""
    names = [f"Acquire::{name}" for name in ("http::Proxy", "https::Proxy", "Check-Date")]
    return output(["apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', *names]).splitlines()
