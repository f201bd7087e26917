"""PostgreSQL with a data folder of its own under LAB_DIR, on 127.0.0.1:POSTGRESQL_PORT.

OTRS runs on it as well, so agi-server reads customers there too. It holds Znuny's own tables of
customers, empty, for tests to fill; Znuny itself runs on MariaDB.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

from . import facts, packages, znuny
from .daemon import Daemon, listening
from .steps import Log, StepError, environment, unfinished_folder, wait_until

DATA_DIR = facts.LAB_DIR / "postgresql"
CONFIG = facts.LAB_DIR / "postgresql.conf"
ACCESS = facts.LAB_DIR / "pg_hba.conf"
DAEMON = Daemon("postgresql", facts.POSTGRESQL_PORT)
TABLES = ("customer_user", "customer_company")
UNFINISHED = f"{facts.DATABASE}_part"
"""The database's name until it is whole."""

OPTIONS = f"""\
listen_addresses = '{facts.HOST}'
port = {facts.POSTGRESQL_PORT}
unix_socket_directories = '{facts.RUN_DIR}'
hba_file = '{ACCESS}'
max_connections = 50
# Containers may be without a /dev/shm that we may write to.
dynamic_shared_memory_type = mmap
# Safe when the process is killed; only a crash of the whole machine could lose data.
fsync = off
"""
ACCESS_RULES = f"local all postgres trust\nhost all all {facts.HOST}/32 scram-sha-256\n"
USERS = f"""\
DROP DATABASE IF EXISTS {UNFINISHED};
DROP USER IF EXISTS {facts.CUSTOMERS_USER};
DROP USER IF EXISTS {facts.DATABASE_USER};
CREATE USER {facts.CUSTOMERS_USER} PASSWORD '{facts.CUSTOMERS_PASSWORD}';
CREATE USER {facts.DATABASE_USER} PASSWORD '{facts.DATABASE_PASSWORD}';
"""


def prepare() -> None:
    """Make the data folder, once; a folder left half made is made again."""
    CONFIG.write_text(OPTIONS)
    ACCESS.write_text(ACCESS_RULES)
    if DATA_DIR.exists():
        return
    unfinished = unfinished_folder(DATA_DIR)
    unfinished.mkdir(mode=0o750)
    shutil.chown(unfinished, facts.ACCOUNT, facts.ACCOUNT)
    Log.of("postgresql-install").run(
        [packages.POSTGRESQL / "initdb", f"--pgdata={unfinished}", "--username=postgres", "--encoding=UTF8",
         "--locale=C.UTF-8", "--auth=reject", "--no-sync"],
        user=facts.ACCOUNT, cwd=facts.LAB_DIR,
    )  # fmt: skip
    unfinished.rename(DATA_DIR)


def start(*, timeout_s: float = 60) -> None:
    """Start it, if it does not run, and wait until it answers."""
    if DAEMON.pid() is None:
        command: list[str | Path] = [packages.POSTGRESQL / "postgres", "-D", DATA_DIR, "-c", f"config_file={CONFIG}"]
        DAEMON.start(command, user=facts.ACCOUNT)
    wait_until("PostgreSQL answers", _answers, timeout_s=timeout_s, log=DAEMON.log)


def stop() -> None:
    """Stop it in order, whoever is connected."""
    DAEMON.signal(signal.SIGINT)  # at TERM it would wait for its clients
    DAEMON.stop(grace_s=30)


def load_tables() -> None:
    """Logins, the database, and in it Znuny's tables of customers, once; a half filled one is filled anew."""
    if run_script(f"SELECT 1 FROM pg_database WHERE datname = '{facts.DATABASE}'"):
        return
    run_script(USERS)
    make_database(UNFINISHED)
    run_script(f"ALTER DATABASE {UNFINISHED} RENAME TO {facts.DATABASE}")


def make_database(name: str) -> None:
    """A database with Znuny's tables of customers, empty; agi-server may read them."""
    schema = (znuny.HOME / "scripts/database/schema.postgresql.sql").read_text(encoding="utf-8")
    tables = [_creation(table, schema) for table in TABLES]
    grant = f"GRANT SELECT ON {', '.join(TABLES)} TO {facts.CUSTOMERS_USER};"
    run_script(f"CREATE DATABASE {name} OWNER {facts.DATABASE_USER}")
    run_script("\n".join([f"SET ROLE {facts.DATABASE_USER};", *tables, grant]), database=name)


def run_script(text: str, *, database: str = "postgres") -> str:
    """Run statements as the superuser, each by itself; the first that fails ends it. What they answer."""
    command: list[str | Path] = [
        packages.POSTGRESQL / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
        f"--host={facts.RUN_DIR}", f"--port={facts.POSTGRESQL_PORT}", "--username=postgres", f"--dbname={database}",
    ]  # fmt: skip
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env=environment(), timeout=120, check=False
    )
    if done.returncode != 0:
        raise StepError(f"PostgreSQL refuses: {done.stderr.strip()}")
    return str(done.stdout).strip()


def _creation(table: str, schema: str) -> str:
    found = re.search(rf"^CREATE TABLE {table} \(.*?^\);", schema, re.MULTILINE | re.DOTALL)
    if found is None:
        raise StepError(f"Znuny's schema for PostgreSQL has no table {table}")
    return found[0]


def _answers() -> bool:
    if DAEMON.pid() is None:
        raise StepError("PostgreSQL ended at its start", DAEMON.log)
    if not listening(facts.POSTGRESQL_PORT):
        return False
    try:
        run_script("SELECT 1")
    except StepError:
        return False
    return True
