"""What a page shows of a call, as a table of what the journal may hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from agi_server.call import NOBODY, Call, Created, Customer, Doubt, Ending, Match, Recognition
from agi_server.journal import Entry, State
from agi_server.links import Links
from agi_server.web.rows import Person, row_of
from agi_server.web.words import ENGLISH

NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
CALL = Call("1.1", NOW, "89161229624", "+79161229624", name="Ivan", dialled="4509")
IVANOV = Customer("ivanov", "ROMASHKA", "Иван", "Иванов", company="ООО «Ромашка»")
PETROVA = Customer("petrova", "ROMASHKA", "Анна", "Петрова")
KNOWN = Recognition(Match.EXACT, IVANOV, (IVANOV,), Match.EXACT)
TICKET = Created("42", "2026112210000042")
ENTRY = Entry(7, CALL, State.WAITING, NOW, NOW, 0, 0, None, Doubt.NONE, None, None, "")
LINKS = Links("https://otrs.example.org/index.pl?Action=AgentTicketZoom;TicketID={{ ticket_id }}")


@pytest.mark.parametrize(
    ("entry", "state", "detail"),
    [
        (ENTRY, "waiting", ""),
        (replace(ENTRY, failures=1), "waiting", "again"),
        (replace(ENTRY, attempts=1, doubt=Doubt.RUNNING), "waiting", "perhaps"),
        (replace(ENTRY, ending=Ending.UPDATED, ticket=TICKET), "to_add", "to_add_detail"),
        (replace(ENTRY, state=State.SENDING), "opening", ""),
        (replace(ENTRY, state=State.SENDING, ticket=TICKET), "adding", ""),
        (replace(ENTRY, state=State.PARKED), "parked", ""),
        (replace(ENTRY, state=State.DONE, ending=Ending.CREATED), "created", ""),
        (replace(ENTRY, state=State.DONE, ending=Ending.UPDATED), "added", ""),
        (replace(ENTRY, state=State.DONE), "created", ""),
        (replace(ENTRY, state=State.DROPPED, ending=Ending.REJECTED), "rejected", ""),
        (replace(ENTRY, state=State.DROPPED, ending=Ending.NO_TICKET), "no_ticket", ""),
    ],
)
def test_each_state_has_a_name_and_words(entry: Entry, state: str, detail: str) -> None:
    row = row_of(entry, LINKS, None)
    assert (row.state, row.detail) == (state, detail)
    assert ENGLISH[state]
    assert not detail or ENGLISH[detail]


def test_every_grade_has_words() -> None:
    assert {f"match_{match.value}" for match in Match} <= set(ENGLISH)


@pytest.mark.parametrize(
    ("call", "number", "unnumbered"),
    [
        (CALL, "+7 916 122-96-24", "no_number"),
        (replace(CALL, canonical="+4930123456"), "+49 30 123456", "no_number"),
        (replace(CALL, canonical="201", number="201"), "201", "no_number"),
        (replace(CALL, canonical="", number="1229624"), "1229624", "no_number"),
        (replace(CALL, canonical="+000", number="000"), "000", "no_number"),
        (replace(CALL, canonical="", number="", withheld=True), "", "withheld"),
        (replace(CALL, canonical="+79161229624", number="", withheld=True), "", "withheld"),
        (replace(CALL, canonical="", number="", unreadable=True), "", "unreadable"),
        (replace(CALL, canonical="", number=""), "", "no_number"),
    ],
)
def test_the_number_as_people_read_it(call: Call, number: str, unnumbered: str) -> None:
    row = row_of(replace(ENTRY, call=call), LINKS, None)
    assert (row.number, row.unnumbered) == (number, unnumbered)


def test_a_known_customer_leads_to_his_page() -> None:
    row = row_of(replace(ENTRY, recognition=KNOWN), LINKS, None)
    address = "https://otrs.example.org/index.pl?Action=AgentCustomerUserInformationCenter;CustomerUserID=ivanov"
    assert row.people == (Person("Иван Иванов", "ООО «Ромашка»", address),)
    assert (row.match, row.new_customer_url, row.caller) == ("exact", "", "Иван Иванов · +7 916 122-96-24 · Ivan")


def test_of_several_the_first_are_named() -> None:
    people = tuple(replace(PETROVA, login=f"login{number}", first_name="", last_name="") for number in range(5))
    row = row_of(replace(ENTRY, recognition=Recognition(Match.SEVERAL, None, people, Match.EXACT)), LINKS, None)
    assert [person.name for person in row.people] == ["login0", "login1", "login2"]
    assert (row.more_people, row.match) == (2, "several")


def test_of_several_the_chosen_one_is_named() -> None:
    several = Recognition(Match.SEVERAL, PETROVA, (IVANOV, PETROVA), Match.EXACT)
    [person] = row_of(replace(ENTRY, recognition=several), LINKS, None).people
    assert (person.name, person.company) == ("Анна Петрова", "ROMASHKA")


def test_a_stranger_can_be_made_a_customer_where_otrs_has_a_page_for_it() -> None:
    entry = replace(ENTRY, recognition=NOBODY)
    assert row_of(entry, LINKS, None).new_customer_url.endswith("UserLogin=79161229624")
    assert row_of(entry, Links(), None).new_customer_url == ""
    assert row_of(ENTRY, LINKS, None).new_customer_url == ""
    withheld = replace(entry, call=replace(CALL, number="", withheld=True))
    assert row_of(withheld, LINKS, None).new_customer_url == ""


def test_whether_it_is_known_yet_who_rings() -> None:
    assert not row_of(ENTRY, LINKS, None).looked_up
    assert row_of(replace(ENTRY, recognition=NOBODY), LINKS, None).looked_up
    assert row_of(replace(ENTRY, state=State.PARKED), LINKS, None).looked_up


def test_times_are_those_of_the_house() -> None:
    row = row_of(ENTRY, LINKS, timezone(timedelta(hours=3)))
    assert f"{row.at:%d %H:%M} {row.due:%H:%M}" == "23 01:30 01:30"


def test_the_ticket_and_its_address() -> None:
    row = row_of(replace(ENTRY, state=State.DONE, ticket=TICKET), LINKS, None)
    assert (row.ticket, row.ticket_url) == (
        "2026112210000042",
        "https://otrs.example.org/index.pl?Action=AgentTicketZoom;TicketID=42",
    )
    assert row_of(replace(ENTRY, ticket=TICKET), Links(), None).ticket_url == ""


@pytest.mark.parametrize("state", State)
def test_what_waits_or_is_parked_can_be_changed(state: State) -> None:
    assert row_of(replace(ENTRY, state=state), LINKS, None).can_be_changed == (state in ("waiting", "parked"))
