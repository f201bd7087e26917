"""Asterisk in a root of its own under LAB_DIR (Debian 12 has no package), with the host's network.

Makes the root, starts and stops the server; calls are placed by asterisk.py. The suite
(LAB_ASTERISK_SUITE) chooses the version: sid has 22, bullseye 16.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

from . import facts, packages, pbx_config
from .daemon import Daemon, listening, require_free
from .steps import Log, StepError, environment, output, wait_until

SUITE = facts.ASTERISK_SUITE
ROOT = facts.LAB_DIR / f"asterisk-{SUITE}"
UNFINISHED = facts.LAB_DIR / f"asterisk-{SUITE}.part"
LOG_FILE = ROOT / pbx_config.LOG_FILE[1:]
STARTED_WITH = facts.RUN_DIR / "asterisk.config"
DAEMON = Daemon("asterisk")


def make_root() -> None:
    """Make the root, once; what an interrupted run left is thrown away."""
    if ROOT.exists():
        return
    _remove_tree(UNFINISHED)
    mirror = packages.mirror()
    lines = [mirror.line(SUITE, "main")]
    if SUITE == "bullseye":
        lines.append(packages.mirror(security=True).line("bullseye-security", "main"))
    options = ['APT::Install-Recommends "false";', 'Acquire::Check-Valid-Until "false";', *_machines_apt_options()]
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--include=asterisk,asterisk-modules"]
    command += [f"--aptopt={option}" for option in options]
    Log.of(f"asterisk-{SUITE}-root").run([*command, "--dpkgopt=force-unsafe-io", SUITE, UNFINISHED, *lines])
    UNFINISHED.rename(ROOT)


def start() -> None:
    """Start it; one that runs already stays, unless it was told otherwise than this clone says."""
    found = sorted(ROOT.glob("usr/lib/*/asterisk/modules"))
    if not found:
        raise StepError(f"{ROOT} has no Asterisk in it: remove the folder and try again")
    files = pbx_config.files("/" + str(found[0].relative_to(ROOT)))
    wanted = hashlib.sha256(repr((SUITE, files)).encode()).hexdigest()
    if DAEMON.pid() is not None and STARTED_WITH.exists() and STARTED_WITH.read_text() == wanted:
        return
    stop()
    require_free(facts.AMI_PORT, "Asterisk's manager")
    folder = ROOT / pbx_config.CONFIG_DIR[1:]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    # Without these Asterisk asks a name server for its own name while calls wait for it.
    (ROOT / "etc/hosts").write_text(f"{facts.HOST} localhost {socket.gethostname()}\n")
    (ROOT / "etc/resolv.conf").write_text("")
    (ROOT / "run/asterisk").mkdir(parents=True, exist_ok=True)
    Log.of("asterisk").run(["chroot", ROOT, "chown", "-R", "asterisk:asterisk", "/run/asterisk"])
    LOG_FILE.unlink(missing_ok=True)
    command = ["chroot", str(ROOT), "/usr/sbin/asterisk", "-f", "-n", "-U", "asterisk", "-G", "asterisk"]
    DAEMON.start([*command, "-C", f"{pbx_config.CONFIG_DIR}/asterisk.conf"])
    wait_until("Asterisk answers", _answers, timeout_s=30, log=DAEMON.log)
    STARTED_WITH.write_text(wanted)


def stop() -> None:
    """Stop it."""
    DAEMON.stop(grace_s=5)


def console(command: str) -> str:
    """Run one command on Asterisk's console and return what it says."""
    return output([*_remote(), command])


def version() -> str:
    """The first line of `core show version`."""
    return console("core show version").strip()


def _remote() -> list[str]:
    return ["chroot", str(ROOT), "/usr/sbin/asterisk", "-C", f"{pbx_config.CONFIG_DIR}/asterisk.conf", "-rx"]


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


def _remove_tree(folder: Path) -> None:
    """Remove a half made root: what is still mounted inside it first."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((name for name in mounts if name.startswith(f"{folder}{os.sep}")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
    if folder.exists():
        shutil.rmtree(folder)
