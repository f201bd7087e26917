"""Debian packages: what the lab needs from apt, and where apt gets it.

Only programs and libraries are installed (no Debian service, no database, no web site: the lab
starts each server itself, with its own configuration). Znuny's package is unpacked under LAB_DIR
instead, see znuny.py; only what it depends on is installed; and promtool is taken out of its package.
The machine's own sources stay as they are: the component non-free comes from a list of ours, with the
address that apt already uses.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import facts
from .steps import Log, StepError, output, unfinished_folder, wait_until

APT_DIR = facts.LAB_DIR / "apt"
SOURCES = APT_DIR / "sources.list"
STAMP = APT_DIR / "installed"
DPKG_LOCK = Path("/var/lib/dpkg/lock-frontend")
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_SAVED = APT_DIR / "policy-rc.d.saved"
POLICY_TEXT = "#!/bin/sh\n# agi-server-lab: no service starts while the lab installs packages\nexit 101\n"
CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
CLUSTERS_DEFAULT = Path("/usr/share/postgresql-common/createcluster.conf")
CLUSTERS_TEXT = "# agi-server-lab: no database is made while the lab installs packages\ncreate_main_cluster = false\n"

ROOT_MAKER = "mmdebstrap"
PROGRAMS = (
    "mariadb-server-core", "mariadb-client-core", "postgresql-15", "apache2-bin", "libapache2-mod-perl2",
    "libapache2-reload-perl", "libdbd-mysql-perl", "libsoap-lite-perl", "libxml-parser-lite-perl", "libwww-perl",
    "libjson-xs-perl", "sip-tester", "chromium", "systemd",
)  # fmt: skip
ZNUNY_PACKAGE = "otrs2"
PROMTOOL_PACKAGE = "prometheus"
PROMTOOL = facts.LAB_DIR / "promtool"
"""Checks alert rules; the server that its package is about is not installed."""
ONLY_FOR_DEBIANS_SETUP = {"apache2", "dbconfig-common", "debconf", "ucf", "adduser"}
"""What otrs2 depends on only for being set up by its maintainer scripts, which the lab does not run."""
POSTGRESQL = Path("/usr/lib/postgresql/15/bin")
PROOFS = (
    Path("/usr/sbin/mariadbd"), Path("/usr/bin/mariadb"), POSTGRESQL / "postgres", Path("/usr/sbin/apache2"),
    Path("/usr/bin/sipp"), Path("/usr/lib/apache2/modules/mod_perl.so"), Path("/usr/bin/mmdebstrap"),
    Path("/usr/bin/chromium"), Path("/usr/bin/systemd-analyze"), PROMTOOL,
)  # fmt: skip


@dataclass(frozen=True)
class Mirror:
    """An archive that this machine uses."""

    address: str
    signed_by: str

    def line(self, suite: str, components: str) -> str:
        """One line of sources.list."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by.startswith("/") else ""
        return f"deb {options}{self.address} {suite} {components}"


def installed() -> bool:
    """Were the packages installed by an earlier run, and are they still there?"""
    return STAMP.exists() and all(path.exists() for path in PROOFS)


def mirror(*, security: bool = False) -> Mirror:
    """The archive of Debian itself (or of its security updates), as this machine's apt knows it."""
    found = output(
        ["apt-get", "indextargets", "--format", "$(RELEASE)\t$(REPO_URI)\t$(SIGNED_BY)", "Identifier: Packages"]
    )
    release = _release()
    wanted = f"{release}-security" if security else release
    for line in found.splitlines():
        name, address, signed_by = [*line.split("\t"), "", ""][:3]
        if name == wanted:
            return Mirror(address, signed_by)
    raise StepError(f"apt on this machine has no source for {wanted} (component main): the lab needs Debian 12")


def refresh() -> None:
    """Update apt's lists, non-free included, and install what makes Asterisk's root."""
    log = Log.of("packages")
    APT_DIR.mkdir(parents=True, exist_ok=True)
    _restore_policy()
    SOURCES.write_text(_machines_own_list())
    _update(log)
    lines = [_machines_own_list(), mirror().line(_release(), "non-free"), ""]
    SOURCES.write_text("\n".join(lines))
    _update(log)
    _mend(log)
    if shutil.which(ROOT_MAKER) is None:
        _install(log, [ROOT_MAKER])


def install() -> None:
    """Install programs, and the libraries that Znuny depends on, in one transaction."""
    _install(Log.of("packages"), [*PROGRAMS, *_znuny_depends()])
    unpack_promtool()
    STAMP.write_text(time.strftime("%F %T\n"))


def download(package: str) -> Path:
    """Fetch a .deb that is not installed (once)."""
    found = sorted(APT_DIR.glob(f"{package}_*.deb"))
    if not found:
        Log.of("packages").run(["apt-get", *_options(), "download", package], cwd=APT_DIR)
        found = sorted(APT_DIR.glob(f"{package}_*.deb"))
    if not found:
        raise StepError(f"apt did not bring {package}", Log.of("packages").path)
    return found[-1]


def unpack_promtool() -> None:
    """Take the one program that we need out of Prometheus's package (once)."""
    if PROMTOOL.exists():
        return
    unfinished = unfinished_folder(PROMTOOL)
    Log.of("packages").run(["dpkg-deb", "-x", download(PROMTOOL_PACKAGE), unfinished])
    (unfinished / "usr/bin/promtool").rename(PROMTOOL)
    shutil.rmtree(unfinished)


def _release() -> str:
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r"^VERSION_CODENAME=(\w+)", text, re.MULTILINE)
    if found is None:
        raise StepError("/etc/os-release names no VERSION_CODENAME: the lab needs Debian 12")
    return found[1]


def _machines_own_list() -> str:
    """/etc/apt/sources.list, which our list stands in for (sources.list.d is read all the same)."""
    own = Path("/etc/apt/sources.list")
    return own.read_text(encoding="utf-8") if own.exists() else ""


def _options() -> list[str]:
    return [
        "-q", "-y", "-o", f"Dir::Etc::SourceList={SOURCES}", "-o", "DPkg::Lock::Timeout=300",
        "-o", "Dpkg::Options::=--force-unsafe-io", "-o", "Dpkg::Options::=--force-confold",
        "-o", "Acquire::Retries=3", "-o", "APT::Install-Recommends=false",
    ]  # fmt: skip


def _update(log: Log) -> None:
    """apt-get update; again if another apt holds the lists' lock, which knows no waiting."""
    tries = 5
    for turn in range(1, tries + 1):
        try:
            log.run(["apt-get", *_options(), "update"])
        except StepError:
            if turn == tries:
                raise
            time.sleep(3)
        else:
            return


def _mend(log: Log) -> None:
    """Finish what an interrupted installation (ours or another) left half done."""
    wait_until("dpkg is free", _dpkg_free, timeout_s=300, log=log.path)
    if not output(["dpkg", "--audit"]).strip():
        return
    states = output(["dpkg-query", "--show", "--showformat", "${db:Status-Eflag} ${binary:Package}\\n"])
    torn = [line.split()[1] for line in states.splitlines() if line.startswith("reinstreq ")]
    with _no_services():
        if torn:
            log.run(["apt-get", *_options(), "install", "--reinstall", *torn], timeout_s=900)
        log.run(["dpkg", "--configure", "-a"], timeout_s=900)
        log.run(["apt-get", *_options(), "--fix-broken", "install"], timeout_s=900)


def _dpkg_free() -> bool:
    """Does no other apt or dpkg work on this machine, such as one that an interrupted run left behind?"""
    with DPKG_LOCK.open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _install(log: Log, relations: list[str]) -> None:
    with _no_services(), _no_cluster():
        log.run(["apt-get", *_options(), "satisfy", ", ".join(relations)], timeout_s=900)


def _znuny_depends() -> list[str]:
    """What Znuny's package depends on, relation by relation."""
    stanza = output(["apt-cache", "-o", f"Dir::Etc::SourceList={SOURCES}", "show", "--no-all-versions", ZNUNY_PACKAGE])
    found = re.search(r"^Depends: (.*)$", stanza, re.MULTILINE)
    if found is None:
        raise StepError(f"apt knows no package {ZNUNY_PACKAGE} (component non-free)", Log.of("packages").path)
    relations = [relation.strip() for relation in found[1].split(",")]
    return [relation for relation in relations if re.split(r"[ :]", relation)[0] not in ONLY_FOR_DEBIANS_SETUP]


@contextmanager
def _no_services() -> Iterator[None]:
    """Forbid that packages start services; afterwards policy-rc.d is again what it was."""
    if POLICY.exists():
        shutil.copy2(POLICY, POLICY_SAVED)
    POLICY.write_text(POLICY_TEXT)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        _restore_policy()


@contextmanager
def _no_cluster() -> Iterator[None]:
    """Forbid that PostgreSQL's package makes a database of its own; afterwards its file is what it would have been."""
    ours = not CLUSTERS.exists()
    if ours:
        CLUSTERS.parent.mkdir(exist_ok=True)
        CLUSTERS.write_text(CLUSTERS_TEXT)
    try:
        yield
    finally:
        if ours and CLUSTERS_DEFAULT.exists():
            shutil.copyfile(CLUSTERS_DEFAULT, CLUSTERS)


def _restore_policy() -> None:
    """Put the machine's policy-rc.d back, also after a run that was killed in between."""
    if not POLICY.exists() or POLICY.read_text(errors="replace") != POLICY_TEXT:
        return
    if POLICY_SAVED.exists():
        shutil.copy2(POLICY_SAVED, POLICY)
        POLICY_SAVED.unlink()
    else:
        POLICY.unlink()
