"""Which of the customers who share a number is the caller.

Pure. One company's customers: its main contact, if the administrator has named one of them, else who
called last from a number of his own, else who was changed last. Customers of different companies are
not told apart: the call is a stranger's, with all of them listed, as far as a reader can take them in.
"""

from __future__ import annotations

from collections.abc import Mapping

from agi_server.call import NOBODY, Customer, Hits, Match, Recognition

MOST_LISTED = 50
"""Candidates that an article has to name; a switchboard's number may be thousands'."""


def rivals(hits: Hits, main_contacts: Mapping[str, str]) -> tuple[str, ...]:
    """The logins of which it has to be known who called last, or nothing where that decides nothing."""
    if _one_company(hits) and len(hits.customers) > 1 and _main_contact(hits, main_contacts) is None:
        return tuple(customer.login for customer in hits.customers)
    return ()


def choose(hits: Hits, main_contacts: Mapping[str, str], called_last: str = "") -> Recognition:
    """Who rang. `main_contacts` are logins by `customer_id`; `called_last` is one of the `rivals`, or nothing."""
    if not hits.customers:
        return NOBODY
    if len(hits.customers) == 1:
        return Recognition(hits.grade, hits.customers[0], hits.customers, hits.grade)
    chosen = None
    if _one_company(hits):
        last = next((customer for customer in hits.customers if customer.login == called_last), None)
        chosen = _main_contact(hits, main_contacts) or last or hits.customers[0]
    listed = hits.customers[:MOST_LISTED]
    if chosen is not None and chosen not in listed:
        listed = (chosen, *listed[:-1])
    return Recognition(Match.SEVERAL, chosen, listed, hits.grade)


def _one_company(hits: Hits) -> bool:
    """Do they share a `customer_id`? An empty one is nobody's company."""
    companies = {customer.customer_id for customer in hits.customers}
    return len(companies) == 1 and "" not in companies


def _main_contact(hits: Hits, main_contacts: Mapping[str, str]) -> Customer | None:
    wanted = main_contacts.get(hits.customers[0].customer_id)
    return next((customer for customer in hits.customers if customer.login == wanted), None)
