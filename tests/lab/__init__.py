"""Real Asterisk, MariaDB, PostgreSQL and Znuny on loopback, for tests and by hand (`python3 -m tests.lab up`).

Tests call `require()` first, then use `asterisk.call`, `znuny.ticket_by_call`, `mariadb.sql` and the
`stop` and `start` of each; addresses, logins and numbers are in `facts`. Standard library only.
"""

from . import asterisk, facts, mariadb, postgresql, znuny
from .lab import promtool, require, running

__all__ = ["asterisk", "facts", "mariadb", "postgresql", "promtool", "require", "running", "znuny"]
