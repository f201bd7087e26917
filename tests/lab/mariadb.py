"""MariaDB with a data folder of its own under LAB_DIR, on 127.0.0.1:MARIADB_PORT.

Serves Znuny's database and, to agi-server, its tables of customers. Tests stop and start it and run
SQL on it as root; what the tables hold is znuny.py's duty.
"""

from __future__ import annotations

import re
import shutil
import subprocess

from . import facts
from .daemon import Daemon, listening
from .steps import Log, StepError, environment, unfinished_folder, wait_until

DATA_DIR = facts.LAB_DIR / "mariadb"
CONFIG = facts.LAB_DIR / "mariadb.cnf"
DAEMON = Daemon("mariadb", facts.MARIADB_PORT)

OPTIONS = f"""\
[mariadbd]
bind-address = {facts.HOST}
port = {facts.MARIADB_PORT}
socket = {facts.MARIADB_SOCKET}
skip-name-resolve
character-set-server = utf8mb3
collation-server = utf8mb3_general_ci
max_allowed_packet = 64M
max_connections = 200
innodb_log_file_size = 256M
innodb_buffer_pool_size = 256M
# Safe when the process is killed; only a crash of the whole machine could lose the last second.
innodb_flush_log_at_trx_commit = 2
"""

USERS = f"""\
CREATE DATABASE IF NOT EXISTS {facts.DATABASE} CHARACTER SET utf8mb3;
CREATE USER IF NOT EXISTS 'root'@'{facts.HOST}';
ALTER USER 'root'@'{facts.HOST}' IDENTIFIED BY '{facts.MARIADB_ROOT_PASSWORD}';
GRANT ALL ON *.* TO 'root'@'{facts.HOST}' WITH GRANT OPTION;
CREATE OR REPLACE USER '{facts.DATABASE_USER}'@'{facts.HOST}' IDENTIFIED BY '{facts.DATABASE_PASSWORD}';
GRANT ALL ON {facts.DATABASE}.* TO '{facts.DATABASE_USER}'@'{facts.HOST}';
CREATE OR REPLACE USER '{facts.CUSTOMERS_USER}'@'{facts.HOST}' IDENTIFIED BY '{facts.CUSTOMERS_PASSWORD}';
"""

ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


def prepare() -> None:
    """Make the data folder, once; a folder left half made is made again."""
    CONFIG.write_text(OPTIONS)
    if DATA_DIR.exists():
        return
    unfinished = unfinished_folder(DATA_DIR)
    unfinished.mkdir(mode=0o750)
    shutil.chown(unfinished, facts.ACCOUNT, facts.ACCOUNT)
    Log.of("mariadb-install").run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={unfinished}", "--skip-test-db", "--skip-name-resolve",
         "--auth-root-authentication-method=normal", "--innodb-log-file-size=256M"],
        user=facts.ACCOUNT, cwd=facts.LAB_DIR,
    )  # fmt: skip
    unfinished.rename(DATA_DIR)


def start(*, timeout_s: float = 60) -> None:
    """Start it, if it does not run, and wait until it answers."""
    if DAEMON.pid() is None:
        command = ["/usr/sbin/mariadbd", f"--defaults-file={CONFIG}", f"--datadir={DATA_DIR}"]
        DAEMON.start(command, user=facts.ACCOUNT)
    wait_until("MariaDB answers", _answers, timeout_s=timeout_s, log=DAEMON.log)


def stop() -> None:
    """Stop it in order."""
    DAEMON.stop(grace_s=30)


def kill() -> None:
    """Stop it as a crash would."""
    DAEMON.kill()


def create_users() -> None:
    """The database and its logins; rights on tables come when the tables are there."""
    run_script(USERS)


def grant_customers() -> None:
    """What agi-server's login may do: read customers and their companies, nothing else."""
    for table in ("customer_user", "customer_company"):
        sql(f"GRANT SELECT ON {facts.DATABASE}.{table} TO '{facts.CUSTOMERS_USER}'@'{facts.HOST}'")


def sql(statement: str, *, database: str = facts.DATABASE) -> list[dict[str, str | None]]:
    """Run SQL as root; a row is a dict of texts, NULL is None (a text that reads NULL is None as well)."""
    lines = _client(statement.encode(), ["--batch", "--column-names", database]).decode("utf-8", "replace")
    rows = [[_value(text) for text in line.split("\t")] for line in lines.splitlines()]
    names = [name or "NULL" for name in rows[0]] if rows else []
    return [dict(zip(names, row, strict=False)) for row in rows[1:]]


def run_script(text: str, *, database: str | None = None) -> None:
    """Run many statements as root; the first that fails ends it."""
    _client(text.encode(), [database] if database else [])


def quote(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _client(text: bytes, arguments: list[str]) -> bytes:
    command = [
        "/usr/bin/mariadb", "--no-defaults", f"--socket={facts.MARIADB_SOCKET}", "--user=root",
        "--default-character-set=utf8mb4", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, input=text, capture_output=True, env=environment(), timeout=120, check=False)
    if done.returncode != 0:
        raise StepError(f"MariaDB refuses: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def _value(text: str) -> str | None:
    if text == "NULL":
        return None
    return re.sub(r"\\([nt0\\])", lambda found: ESCAPES[found[1]], text)


def _answers() -> bool:
    if DAEMON.pid() is None:
        raise StepError("MariaDB ended at its start", DAEMON.log)
    if not listening(facts.MARIADB_PORT):
        return False
    try:
        _client(b"SELECT 1", [])
    except StepError:
        return False
    return True
