"""What differs between the ages of the Ticket Connector: one row for each.

As recorded from OTRS 3.1 (March 2012) and 4.0.10, and seen on Znuny 6.5. Pure; the stand-in asks here wherever
they part. 4 stands for 5 too, and 6 for OTRS 6 and every Znuny.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One age; what is not said is as it is today."""

    name: str
    content_type: str = "text/xml"
    """Of an answer that is no failure."""
    says_close: bool = True
    """The answer has the header `Connection: close`."""
    prefix: str = ""
    """Of the response's element; without one it declares its namespace."""
    session: str = "SessionCreate"
    """The operation's name in its refusals."""
    system_id: str = ""
    """What a session's id begins with."""
    whole_action: bool = True
    """SOAPAction is held against the request; else only its form is looked at."""
    takes_chunks: bool = True
    """A request may come in chunks, without its length."""
    default_type: str = "Unclassified"
    article_types: bool = False
    """An article has an ArticleType, and no channel."""
    one_article: bool = False
    """TicketCreate takes no second article."""
    utf_8: bool = True
    """The charset `utf-8` is known, not only `utf8`."""
    empty_field: bool = True
    """A dynamic field may be given an empty value."""
    pending: str = "PendingTime"
    """What a refused pending time is called."""
    pending_diff: bool = True
    """It may be given as a difference."""
    attachment: str = "Attachment"
    """What an attachment of a wrong type is called."""
    attachment_charset: bool = False
    """An attachment's type needs a charset."""
    takes_customer_id: bool = True
    """TicketCreate stores a CustomerID other than the customer's own."""
    takes_addresses: bool = True
    """A CustomerUser that is an address becomes the ticket's customer; else only a login does."""
    flat_tickets: bool = False
    """TicketGet: dynamic fields are elements of their own, and an article repeats its ticket's."""
    zero: str = "0"
    """How TicketGet writes a time that there is not."""
    unknown_ticket: tuple[str, str] = ("AccessDenied", "User does not have access to the ticket!")
    """TicketGet's refusal."""
    ignored: str = "(?!)"
    """The criteria of TicketSearch that are not known, and so bring everything: an expression of their names."""
    article_criteria: str = "MIMEBase_"
    """What stands before Subject, Body ... in TicketSearch."""
    fulltext_title: bool = True
    """TicketSearch: Fulltext looks at the title, too."""
    several_numbers: bool = True
    """TicketSearch: TicketNumber may be repeated; else all of them are ignored."""

    def called(self, operation: str) -> str:
        """The operation's name in refusals."""
        return self.session if operation == "SessionCreate" else operation

    def knows_charset(self, name: str) -> bool:
        """Is it one of the encodings' names?"""
        if name == "utf-8-strict":
            return True
        try:
            codecs.lookup(name)
        except LookupError:
            return False
        return self.utf_8 or name != "utf-8"


_OF_4 = Dialect(
    "4",
    content_type="application/soap+xml",
    whole_action=False,
    takes_chunks=False,
    article_types=True,
    one_article=True,
    utf_8=False,
    empty_field=False,
    pending_diff=False,
    takes_addresses=False,
    flat_tickets=True,
    ignored="DynamicField",
    article_criteria="",
    fulltext_title=False,
)
DIALECTS = {
    "3.1": Dialect(
        "3.1",
        says_close=False,
        prefix="namesp1",
        session="SessionIDGet",
        system_id="10",
        whole_action=False,
        takes_chunks=False,
        default_type="default",
        article_types=True,
        one_article=True,
        utf_8=False,
        empty_field=False,
        pending="PendingTimne",
        pending_diff=False,
        attachment="Attahcment",
        attachment_charset=True,
        takes_customer_id=False,
        takes_addresses=False,
        flat_tickets=True,
        zero="",
        unknown_ticket=(
            "NotValidTicketID",
            "Could not get Ticket data in Kernel::GenericInterface::Operation::Ticket::TicketGet::Run()",
        ),
        ignored=r"DynamicField\w*|Limit|TicketID|CustomerIDRaw|\w+(Minutes|Date)",
        article_criteria="",
        fulltext_title=False,
        several_numbers=False,
    ),
    "4": _OF_4,
    "6": Dialect("6"),
}
