"""An article: OTRS's defaults where nothing is asked for, the checks, and how it is stored.

Pure but for the store, which numbers articles.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from agi_server.sandbox import checks
from agi_server.sandbox.attachments import Attachment
from agi_server.sandbox.checks import Agents, given
from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.envelope import Struct, stripped, text
from agi_server.sandbox.tickets import Article, Store, one_line, plain_lines, storable


@dataclass(frozen=True, slots=True)
class Letter:
    """An operation's defaults for an article."""

    auto_response: str
    history_type: str
    history_comment: str


def checked(sent: Struct, defaults: Letter, agents: Agents, dialect: Dialect) -> Struct:
    """A valid article, with OTRS's defaults where nothing is asked for."""
    asked = stripped(sent)
    for name, default in (
        ("AutoResponseType", defaults.auto_response),
        ("HistoryType", defaults.history_type),
        ("HistoryComment", f"%%GenericInterface {defaults.history_comment}"),
    ):
        if not given(asked, name):
            asked[name] = default
    if not checks.CHANNEL.asked(asked):
        asked["CommunicationChannel"] = "Internal"
    if not checks.ARTICLE_TYPE.asked(asked):
        asked["ArticleType"] = "webrequest"
    if not checks.SENDER.asked(asked):
        asked["SenderType"] = "agent"
    asked.setdefault("IsVisibleForCustomer", "1")
    checks.check_article(asked, agents, dialect)
    return asked


def article(
    store: Store,
    asked: Struct,
    sender: str,
    recipient: str,
    now: datetime,
    dialect: Dialect,
    attachments: tuple[Attachment, ...],
) -> Article:
    """A checked article as it is stored; `sender` and `recipient` are who they are unless it says so."""
    return Article(
        id=store.next_article_id(),
        subject=storable(one_line(text(asked, "Subject"))),
        body=storable(plain_lines(text(asked, "Body"))),
        content_type=checks.content_type(asked),
        channel=_channel(asked, dialect),
        sender_type=checks.SENDER.of(asked) or "",
        visible=given(asked, "IsVisibleForCustomer"),
        sender=text(asked, "From") or sender,
        recipient=recipient,
        history_type=text(asked, "HistoryType"),
        history_comment=text(asked, "HistoryComment"),
        created=now,
        time_unit=Decimal(text(asked, "TimeUnit").replace(",", ".") or "0"),
        attachments=attachments,
    )


def _channel(asked: Struct, dialect: Dialect) -> str:
    """The name goes before the ID, if it is one."""
    if dialect.article_types:
        return checks.ARTICLE_TYPE.of(asked) or ""
    return checks.CHANNEL.named(text(asked, "CommunicationChannel")) or checks.CHANNEL.of(asked) or ""
