"""What happens to tickets without the web service: time passes, an administrator is at work."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Protocol

from agi_server.sandbox import Sandbox
from agi_server.sandbox.tickets import Ticket
from tests.lab import facts, mariadb, znuny


class Behind(Protocol):
    """The back door of an OTRS."""

    def let_pass(self, ticket_id: str, minutes: int) -> None:
        """All that has happened to the ticket is so much longer ago."""

    def give(self, ticket_id: str, login: str) -> None:
        """It is this customer's, whether he exists or not."""

    def hide(self, ticket_id: str) -> None:
        """It is in a queue in which our agent has no rights."""


class BehindSandbox:
    """Where the stand-in keeps its tickets."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def let_pass(self, ticket_id: str, minutes: int) -> None:
        ticket = self._ticket(ticket_id)
        ticket.created -= timedelta(minutes=minutes)
        ticket.changed -= timedelta(minutes=minutes)

    def give(self, ticket_id: str, login: str) -> None:
        self._ticket(ticket_id).customer_user = login

    def hide(self, ticket_id: str) -> None:
        self._ticket(ticket_id).queue = facts.CLOSED_QUEUE

    def _ticket(self, ticket_id: str) -> Ticket:
        return next(ticket for ticket in self._sandbox.tickets if str(ticket.id) == ticket_id)


class BehindZnuny:
    """Znuny's database; and the cache, which would go on showing the ticket as it was."""

    CACHE = znuny.HOME / "var/tmp/CacheFileStorable/Ticket"

    def let_pass(self, ticket_id: str, minutes: int) -> None:
        for table, key in (("ticket", "id"), ("ticket_history", "ticket_id")):
            earlier = ", ".join(
                f"{time} = {time} - INTERVAL {minutes} MINUTE" for time in ("create_time", "change_time")
            )
            self._do(f"UPDATE {table} SET {earlier} WHERE {key} = {ticket_id}")

    def give(self, ticket_id: str, login: str) -> None:
        self._do(f"UPDATE ticket SET customer_user_id = {mariadb.quote(login)} WHERE id = {ticket_id}")

    def hide(self, ticket_id: str) -> None:
        queue = f"(SELECT id FROM queue WHERE name = '{facts.CLOSED_QUEUE}')"
        self._do(f"UPDATE ticket SET queue_id = {queue} WHERE id = {ticket_id}")

    def _do(self, statement: str) -> None:
        mariadb.sql(statement)
        shutil.rmtree(self.CACHE, ignore_errors=True)
