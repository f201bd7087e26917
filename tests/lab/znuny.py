"""Znuny from Debian's package, unpacked under LAB_DIR and served by Apache with mod_perl.

The package's own set-up is not run: no file outside LAB_DIR, no cron job, no site of Apache's. Its
Apache file is used as it is shipped, with the paths changed, so that answers come as they do from a
real installation. Tests stop and start Apache here and read tickets straight from the database.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from . import facts, mariadb, packages
from .daemon import Daemon
from .steps import Log, StepError, unfinished_folder, wait_until
from .tickets import Article, Ticket, count_tickets, ticket, ticket_by_call, tickets_by_call

__all__ = [
    "Article", "Ticket", "count_tickets", "start", "stop", "ticket", "ticket_by_call", "tickets_by_call", "url",
]  # fmt: skip

url = facts.WEB_SERVICE_URL
HOME = facts.LAB_DIR / "znuny"
PACKAGED_HOME = "/usr/share/otrs"
CONTENT_SCRIPT = Path(__file__).with_name("content.pl")
STAMPS = """\
CREATE DATABASE IF NOT EXISTS lab;
CREATE TABLE IF NOT EXISTS lab.stamp (name VARCHAR(50) PRIMARY KEY, value TEXT);
"""
"""What has been done to this database is written in it: it cannot outlive it."""
FILL_DIR = facts.LAB_DIR / "fill"
APACHE_CONFIG = facts.LAB_DIR / "apache.conf"
DAEMON = Daemon("apache", facts.APACHE_PORT)

CONFIG_PM = f"""\
package Kernel::Config;
use strict;
use warnings;
use utf8;
use Kernel::Config::Defaults;
use parent qw(Kernel::Config::Defaults);

sub Load {{
    my $Self = shift;
    $Self->{{DatabaseHost}} = '{facts.HOST}';
    $Self->{{Database}}     = '{facts.DATABASE}';
    $Self->{{DatabaseUser}} = '{facts.DATABASE_USER}';
    $Self->{{DatabasePw}}   = '{facts.DATABASE_PASSWORD}';
    $Self->{{DatabaseDSN}}  = 'DBI:mysql:database={facts.DATABASE};host={facts.HOST};port={facts.MARIADB_PORT};';
    $Self->{{Home}}         = '{HOME}';
    $Self->{{SecureMode}}   = 1;
    $Self->{{FQDN}}         = '{facts.HOST}:{facts.APACHE_PORT}';
    $Self->{{HttpType}}     = 'http';
    $Self->{{CheckMXRecord}}     = 0;
    $Self->{{SendmailModule}}    = 'Kernel::System::Email::DoNotSendEmail';
    $Self->{{LogModule}}         = 'Kernel::System::Log::File';
    $Self->{{'LogModule::LogFile'}} = '{facts.LOG_DIR}/znuny.log';
    $Self->{{'SOAP::User'}}     = '{facts.RPC_USER}';
    $Self->{{'SOAP::Password'}} = '{facts.RPC_PASSWORD}';
    return 1;
}}

1;
"""

MODULES_DIR = Path("/usr/lib/apache2/modules")
APACHE_MODULES = "mpm_prefork authz_core alias mime dir env filter deflate headers perl"
APACHE_TEXT = f"""\
ServerRoot {facts.LAB_DIR}
ServerName {facts.HOST}
Listen {facts.HOST}:{facts.APACHE_PORT}
PidFile {facts.RUN_DIR}/apache.httpd.pid
DefaultRuntimeDir {facts.RUN_DIR}
Mutex file:{facts.RUN_DIR} default
ErrorLog {facts.LOG_DIR}/apache-error.log
TypesConfig /dev/null
DocumentRoot {HOME}/var/httpd/htdocs
AddType text/css .css
AddType text/javascript .js
AddType image/svg+xml .svg
StartServers 4
MinSpareServers 4
MaxSpareServers 8
MaxRequestWorkers 12
{{modules}}
Include {HOME}/apache2.conf
PerlModule DBD::mysql
PerlModule Kernel::GenericInterface::Provider
PerlModule Kernel::GenericInterface::Transport::HTTP::SOAP
PerlModule Kernel::GenericInterface::Operation::Ticket::TicketCreate
PerlModule Kernel::GenericInterface::Operation::Ticket::TicketSearch
"""


def unpack() -> None:
    """Unpack the package, once, into a tree of our account's own."""
    if HOME.exists():
        return
    unfinished = unfinished_folder(HOME)
    whole = unfinished / "package"
    whole.mkdir(parents=True)
    log = Log.of("znuny-unpack")
    log.run(["dpkg-deb", "-x", packages.download(packages.ZNUNY_PACKAGE), whole])
    home = unfinished / "home"
    (whole / PACKAGED_HOME[1:]).rename(home)
    (home / "var").unlink()
    (whole / "var/lib/otrs").rename(home / "var")
    for name in ("Files", "Backups"):
        (home / "Kernel/Config" / name).unlink()
        (home / "Kernel/Config" / name).symlink_to(f"../../var/Config/{name}")
    (home / "Kernel/Config/GenericAgent.pm").unlink()
    for name in ("run", "spool"):
        (home / "var" / name).unlink()
        (home / "var" / name).mkdir()
    (home / "Kernel/Config.pm").unlink()
    (home / "Kernel/Config.pm").write_text(CONFIG_PM)
    startup = home / "scripts/apache2-perl-startup.pl"
    startup.write_text(_our_paths(startup.read_text()))
    (home / "apache2.conf").write_text(_our_paths((whole / "etc/apache2/conf-available/otrs2.conf").read_text()))
    log.run(["chown", "-R", f"{facts.ACCOUNT}:{facts.ACCOUNT}", home])
    home.rename(HOME)
    shutil.rmtree(unfinished)


def configure_apache() -> None:
    """Write Apache's configuration."""
    modules = "\n".join(f"LoadModule {name}_module {MODULES_DIR}/mod_{name}.so" for name in APACHE_MODULES.split())
    APACHE_CONFIG.write_text(APACHE_TEXT.format(modules=modules))


def load_schema() -> None:
    """Fill the database with Znuny's own tables and rows, once; a half filled one is filled anew."""
    mariadb.run_script(STAMPS)
    if _stamp("schema"):
        return
    mariadb.run_script(f"DROP DATABASE IF EXISTS {facts.DATABASE}")
    mariadb.create_users()
    for name in ("schema", "initial_insert", "schema-post"):
        text = (HOME / f"scripts/database/{name}.mysql.sql").read_text(encoding="utf-8")
        mariadb.run_script(f"SET autocommit=0;\n{text}\nCOMMIT;", database=facts.DATABASE)
    _set_stamp("schema", "loaded")


def fill() -> None:
    """Web service, call field, agent, queues, customers: as this clone's files say, when they changed."""
    with facts.CUSTOMERS_FILE.open(encoding="utf-8", newline="") as lines:
        customers = list(csv.DictReader(lines))
    content = json.dumps({
        "admin": facts.ADMIN, "admin_password": facts.ADMIN_PASSWORD, "agent": facts.AGENT,
        "agent_password": facts.AGENT_PASSWORD, "queue": facts.QUEUE, "closed_queue": facts.CLOSED_QUEUE,
        "service": facts.SERVICE, "sla": facts.SLA, "dynamic_fields": facts.DYNAMIC_FIELDS,
        "web_service": facts.WEB_SERVICE, "web_service_yaml": facts.WEB_SERVICE_FILE.read_text(encoding="utf-8"),
        "customers": customers,
    }).encode()  # fmt: skip
    script = facts.CALL_FIELD_SCRIPT.read_text(encoding="utf-8")
    unpacked = str(HOME.stat().st_ino)
    sources = [content, CONTENT_SCRIPT.read_bytes(), script.encode(), CONFIG_PM.encode(), unpacked.encode()]
    print_of_all = hashlib.sha256(b"\0".join(sources)).hexdigest()
    if _stamp("content") == print_of_all:
        return
    log = Log.of("znuny-fill")
    (HOME / "Kernel/Config.pm").write_text(CONFIG_PM)
    if _stamp("configuration") != unpacked:
        log.run([HOME / "bin/otrs.Console.pl", "Maint::Config::Rebuild"], user=facts.ACCOUNT, cwd=HOME)
        _set_stamp("configuration", unpacked)
    for name, text, arguments in (
        ("content.pl", CONTENT_SCRIPT.read_text(encoding="utf-8"), [str(HOME)]),
        ("add-call-field.pl", script, ["--home", str(HOME), "--name", facts.CALL_FIELD]),
    ):
        copy = FILL_DIR / name  # our account may not be able to read the clone
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text, encoding="utf-8")
        log.run(["perl", copy, *arguments], stdin=content, user=facts.ACCOUNT, cwd=HOME)
    _set_stamp("content", print_of_all)


def start(*, timeout_s: float = 60) -> None:
    """Start Apache, if it does not run, and wait until the web service's script answers."""
    if DAEMON.pid() is None:
        (facts.RUN_DIR / "apache.httpd.pid").unlink(missing_ok=True)
        DAEMON.start(["/usr/sbin/apache2", "-f", APACHE_CONFIG, "-D", "FOREGROUND"], user=facts.ACCOUNT)
    wait_until("Znuny answers", _answers, timeout_s=timeout_s, log=facts.LOG_DIR / "apache-error.log")


def stop() -> None:
    """Stop Apache: connections are refused from then on."""
    DAEMON.stop(grace_s=10)


def _answers() -> bool:
    if DAEMON.pid() is None:
        raise StepError("Apache ended at its start", DAEMON.log)
    try:
        urllib.request.urlopen(url, timeout=30)
    except urllib.error.HTTPError as answer:
        return answer.code == 411
    except OSError:
        return False
    return False


def _our_paths(text: str) -> str:
    return re.sub(re.escape(PACKAGED_HOME) + r"\b", str(HOME), text)


def _stamp(name: str) -> str | None:
    rows = mariadb.sql(f"SELECT value FROM stamp WHERE name = {mariadb.quote(name)}", database="lab")
    return rows[0]["value"] if rows else None


def _set_stamp(name: str, value: str) -> None:
    mariadb.sql(f"REPLACE INTO stamp VALUES ({mariadb.quote(name)}, {mariadb.quote(value)})", database="lab")
