"""Call + customer + the configured form and routes -> the ticket to open, or the article to add.

Pure: no clock, no input or output. The first route that fits a call sets its own options over the form's, or
wants no ticket at all; what the dialplan wishes for goes over both, as far as the form allows it. A template that
fails is a `Refused`: a person must mend it, and the call waits for that.
Names in templates: `call`, `customer` (false if nobody is known), `candidates`, `match`; for an update
also `calls`; `customer_url(login)` and `new_customer_url(digits)`. A number that was withheld is in none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from agi_server.call import Call, Customer, Declined, Recognition, Refused
from agi_server.form import Form
from agi_server.helpdesk import Article, Ticket
from agi_server.links import Links
from agi_server.rules import Route, first_match
from agi_server.samples import samples
from agi_server.sheet import Sheet
from agi_server.templates import FormError, Templates

__all__ = ["Composer", "Form"]


class _NobodyKnown(Customer):
    """Stands for `customer` in templates when nobody is known: false, and all its texts are empty."""

    def __bool__(self) -> bool:
        return False


class Composer:
    """Fills in the form. Raises FormError at once if a template can't be read."""

    def __init__(
        self, form: Form, routes: Sequence[Route] = (), links: Links | None = None, columns: Collection[str] = ()
    ) -> None:
        """`links` are for the templates; `columns` are what else of a customer's row there is."""
        self._form = form
        self._routes = tuple(routes)
        self.columns = columns
        templates = Templates((links or Links()).functions)
        nobody = _NobodyKnown(login="", columns=dict.fromkeys(columns, ""))
        self._plain = Sheet(form, templates, nobody)
        self._changed = {
            route.name: Sheet(form, templates, nobody, route) for route in self._routes if route.ending is None
        }

    def compose(self, call: Call, recognition: Recognition) -> Ticket | Declined | Refused:
        """The ticket for this call, if there is to be one."""
        route = self.route_of(call, recognition)
        if route is not None and route.ending is not None:
            return Declined(route.ending, route.name)
        try:
            return self._sheet(route).ticket(call, recognition)
        except FormError as mistake:
            return Refused("template", str(mistake))

    def compose_update(self, calls: Sequence[Call], recognition: Recognition) -> Article | Refused:
        """The article about these calls, the oldest first, for a ticket that is open."""
        try:
            return self._sheet(self.route_of(calls[-1], recognition)).article(calls, recognition)
        except FormError as mistake:
            return Refused("template", str(mistake))

    def route_of(self, call: Call, recognition: Recognition) -> Route | None:
        """The route that decides about this call; None: the form as it is."""
        return first_match(self._routes, call, recognition, self._form.time_zone)

    def ignored_wishes(self, call: Call) -> list[str]:
        """What the dialplan wished for, and may not or misspelled."""
        return sorted(set(call.wishes) - set(self._form.wishes))

    def mistakes(self) -> list[FormError]:
        """What goes wrong when the form is filled in for callers of each kind: for `check`."""
        found: dict[str, FormError] = {}
        for call, recognition in samples(self.columns):
            for sheet in self.sheets_for(call, recognition):
                for mistake in sheet.mistakes(call, recognition):
                    found.setdefault(mistake.option, mistake)
        return list(found.values())

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """All there are: the form as it is, then as each route changes it."""
        return self._plain, *self._changed.values()

    def sheets_for(self, call: Call, recognition: Recognition) -> Iterator[Sheet]:
        """All that may be filled in for callers of this one's kind, in the routes' order."""
        for route in self._routes:
            if route.fits_kind(call, recognition):
                if route.ending is None:
                    yield self._changed[route.name]
                if route.takes_all_of_a_kind:
                    return
        yield self._plain

    def _sheet(self, route: Route | None) -> Sheet:
        return self._plain if route is None else self._changed.get(route.name, self._plain)
