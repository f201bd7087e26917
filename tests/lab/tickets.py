"""Tickets as Znuny's database has them, for tests that must not trust the web service."""

from __future__ import annotations

import json
from typing import TypedDict, cast

from . import facts, mariadb


class Article(TypedDict):
    """One article; history_type is that of the history line it was made with."""

    id: int
    subject: str
    body: str
    content_type: str
    sender_type: str
    channel: str
    visible: bool
    history_type: str | None


class Ticket(TypedDict):
    """One ticket with its articles, the oldest first, and its dynamic fields by name."""

    id: int
    tn: str
    title: str
    queue: str
    state: str
    priority: str
    owner: str
    lock: str
    customer_id: str | None
    customer_user_id: str | None
    articles: list[Article]
    dynamic_fields: dict[str, str]


TICKET = """
SELECT JSON_OBJECT('id', t.id, 'tn', t.tn, 'title', t.title, 'queue', q.name, 'state', s.name,
    'priority', p.name, 'owner', u.login, 'lock', l.name, 'customer_id', t.customer_id,
    'customer_user_id', t.customer_user_id) AS json
FROM ticket t JOIN queue q ON q.id = t.queue_id JOIN ticket_state s ON s.id = t.ticket_state_id
    JOIN ticket_priority p ON p.id = t.ticket_priority_id JOIN users u ON u.id = t.user_id
    JOIN ticket_lock_type l ON l.id = t.ticket_lock_id
WHERE t.id = {id}
"""

ARTICLES = """
SELECT JSON_OBJECT('id', a.id, 'subject', m.a_subject, 'body', m.a_body, 'content_type', m.a_content_type,
    'sender_type', st.name, 'channel', c.name, 'visible', a.is_visible_for_customer, 'history_type',
    (SELECT ht.name FROM ticket_history h JOIN ticket_history_type ht ON ht.id = h.history_type_id
     WHERE h.article_id = a.id ORDER BY h.id LIMIT 1)) AS json
FROM article a JOIN article_data_mime m ON m.article_id = a.id
    JOIN article_sender_type st ON st.id = a.article_sender_type_id
    JOIN communication_channel c ON c.id = a.communication_channel_id
WHERE a.ticket_id = {id} ORDER BY a.id
"""

FIELDS = """
SELECT JSON_OBJECT('name', f.name, 'value', v.value_text) AS json
FROM dynamic_field_value v JOIN dynamic_field f ON f.id = v.field_id
WHERE f.object_type = 'Ticket' AND v.object_id = {id} ORDER BY v.id
"""

OF_CALL = """
SELECT v.object_id AS id FROM dynamic_field_value v JOIN dynamic_field f ON f.id = v.field_id
WHERE f.name = {field} AND f.object_type = 'Ticket' AND v.value_text = {value} ORDER BY v.object_id
"""


def tickets_by_call(unique_id: str) -> list[Ticket]:
    """Every ticket whose call field has this unique id: more than one is a doubled call."""
    rows = mariadb.sql(OF_CALL.format(field=mariadb.quote(facts.CALL_FIELD), value=mariadb.quote(unique_id)))
    return [ticket(int(row["id"] or 0)) for row in rows]


def ticket_by_call(unique_id: str) -> Ticket | None:
    """The ticket of this call, or None; LookupError if there are several."""
    found = tickets_by_call(unique_id)
    if len(found) > 1:
        raise LookupError(f"call {unique_id} has {len(found)} tickets: {[one['tn'] for one in found]}")
    return found[0] if found else None


def ticket(ticket_id: int) -> Ticket:
    """One ticket by its ID."""
    found = _objects(TICKET.format(id=ticket_id))
    if not found:
        raise LookupError(f"there is no ticket {ticket_id}")
    articles = [{**article, "visible": bool(article["visible"])} for article in _objects(ARTICLES.format(id=ticket_id))]
    fields = {str(field["name"]): field["value"] for field in _objects(FIELDS.format(id=ticket_id))}
    return cast(Ticket, {**found[0], "articles": articles, "dynamic_fields": fields})


def count_tickets(where: str = "1") -> int:
    """How many tickets there are; `where` is SQL on the table `ticket`."""
    return int(mariadb.sql(f"SELECT COUNT(*) AS n FROM ticket WHERE {where}")[0]["n"] or 0)


def _objects(statement: str) -> list[dict[str, object]]:
    return [json.loads(row["json"] or "null") for row in mariadb.sql(statement)]
