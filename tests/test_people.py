"""Which of several customers rings: tables, no loop."""

from __future__ import annotations

import pytest

from agi_server.call import NOBODY, Customer, Hits, Match, Recognition
from agi_server.people import MOST_LISTED, choose, rivals

CHIEF = Customer("chief", "ROMASHKA")
CLERK = Customer("clerk", "ROMASHKA")
TENANT = Customer("tenant", "FLAT-1")
LANDLORD = Customer("landlord", "FLAT-2")
LONER = Customer("loner", "")
HERMIT = Customer("hermit", "")
MAIN = {"ROMASHKA": "clerk", "FLAT-1": "tenant", "": "loner"}
OTHER_MAIN = {"ROMASHKA": "director", "FLAT-2": "tenant"}


@pytest.mark.parametrize(
    ("customers", "main_contacts", "called_last", "chosen"),
    [
        ((CHIEF,), {}, "", "chief"),
        ((CHIEF,), MAIN, "", "chief"),
        ((CHIEF,), MAIN, "clerk", "chief"),
        # One company: its main contact, who called last, who was changed last
        ((CHIEF, CLERK), {}, "", "chief"),
        ((CHIEF, CLERK), {}, "clerk", "clerk"),
        ((CHIEF, CLERK), {}, "somebody else", "chief"),
        ((CHIEF, CLERK), MAIN, "", "clerk"),
        ((CHIEF, CLERK), MAIN, "chief", "clerk"),
        ((CHIEF, CLERK), OTHER_MAIN, "", "chief"),
        ((CHIEF, CLERK), OTHER_MAIN, "clerk", "clerk"),
        # Different companies, or none: nobody, whatever else is known
        ((TENANT, LANDLORD), {}, "", None),
        ((TENANT, LANDLORD), MAIN, "landlord", None),
        ((CHIEF, CLERK, TENANT), MAIN, "clerk", None),
        ((LONER, HERMIT), MAIN, "hermit", None),
        ((CHIEF, LONER), MAIN, "chief", None),
    ],
)
def test_who_is_meant(
    customers: tuple[Customer, ...], main_contacts: dict[str, str], called_last: str, chosen: str | None
) -> None:
    found = choose(Hits(Match.NATIONAL, customers), main_contacts, called_last)
    assert (found.customer.login if found.customer else None) == chosen
    assert found.candidates == customers
    assert found.grade is Match.NATIONAL
    assert found.match is (Match.NATIONAL if len(customers) == 1 else Match.SEVERAL)


def test_of_many_the_chosen_one_is_listed() -> None:
    staff = tuple(Customer(str(number), "ROMASHKA") for number in range(200))
    found = choose(Hits(Match.EXACT, staff), {"ROMASHKA": "150"})
    assert found.customer == staff[150]
    assert found.candidates == (staff[150], *staff[: MOST_LISTED - 1])
    assert choose(Hits(Match.EXACT, (*staff, TENANT)), {}).customer is None


def test_nobody_has_the_number() -> None:
    assert choose(Hits(), MAIN, "clerk") == NOBODY
    assert Recognition(Match.NONE, None, (), Match.NONE) == NOBODY


@pytest.mark.parametrize(
    ("customers", "main_contacts", "logins"),
    [
        ((), {}, ()),
        ((CHIEF,), {}, ()),
        ((CHIEF, CLERK), {}, ("chief", "clerk")),
        ((CHIEF, CLERK), OTHER_MAIN, ("chief", "clerk")),
        ((CHIEF, CLERK), MAIN, ()),
        ((TENANT, LANDLORD), {}, ()),
        ((LONER, HERMIT), {}, ()),
    ],
)
def test_who_called_last_is_only_asked_where_it_decides(
    customers: tuple[Customer, ...], main_contacts: dict[str, str], logins: tuple[str, ...]
) -> None:
    assert rivals(Hits(Match.EXACT, customers), main_contacts) == logins
