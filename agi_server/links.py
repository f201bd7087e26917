"""Addresses of OTRS's pages for agents: a ticket's, a customer's, the form for a new customer.

Pure. All are made of one template, `otrs.zoom_url`; where it is not set there are none. In OTRS's addresses
`;` stands between the parameters, so it and whatever else means something is encoded within a value.
The forms of the addresses are those of Znuny 6.5; OTRS 5 and before have no page for a single customer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from agi_server.call import Created
from agi_server.templates import FormError, Templates, fill_in

_OPTION = "otrs.zoom_url"


class Links:
    """The addresses that can be told of tickets and customers; empty where there are none."""

    def __init__(self, zoom_url: str = "") -> None:
        """`zoom_url` is a template over `ticket_id` and `ticket_number`. Raises FormError if it can't be read."""
        self._ticket = Templates().read(_OPTION, zoom_url)
        page, mark, _ = zoom_url.partition("?")
        self._page = page if mark and "{" not in page else ""
        """OTRS's index.pl, as far as the zoom URL tells it."""

    def ticket(self, ticket: Created) -> str:
        """A ticket's page. Nothing if the template fails: a call does not go without its other variables for that."""
        try:
            return self._fill_in(ticket)
        except FormError:
            return ""

    def customer(self, login: str) -> str:
        """The page with all of a customer's tickets."""
        return self._address("Action=AgentCustomerUserInformationCenter;CustomerUserID", login)

    def new_customer(self, login: str) -> str:
        """The form for a new customer with the login filled in, the only field that OTRS takes from an address."""
        return self._address("Action=AdminCustomerUser;Nav=Agent;Subaction=Add;UserLogin", login)

    @property
    def functions(self) -> Mapping[str, Callable[[str], str]]:
        """For templates, by their names there."""
        return {"customer_url": self.customer, "new_customer_url": self.new_customer}

    def mistake(self) -> FormError | None:
        """What goes wrong when a ticket's address is filled in: for `check`."""
        try:
            self._fill_in(Created("50", "2011082310000050"))
        except FormError as mistake:
            return mistake
        return None

    def _address(self, query: str, value: str) -> str:
        return f"{self._page}?{query}={quote(value, safe='')}" if self._page and value else ""

    def _fill_in(self, ticket: Created) -> str:
        return fill_in(self._ticket, _OPTION, {"ticket_id": ticket.ticket_id, "ticket_number": ticket.ticket_number})
