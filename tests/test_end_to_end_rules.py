"""The whole road in the lab, for callers who share a number, for rules, and for who rings again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import pytest

from tests import lab
from tests.lab import asterisk, facts, mariadb
from tests.lab.asterisk import CallResult, Phone
from tests.lab.tickets import Ticket, ticket, ticket_by_call
from tests.program import Program, write_config

pytestmark = pytest.mark.lab

GATHERING_S = 75
"""Calls in one minute make one article, which comes when the minute is over."""

RUN = f"{secrets.randbelow(10**5):05d}"
"""In the numbers and names of this run, whose callers have no open tickets of an earlier one."""
ROUTED, SHARED, TENANTS, PARTNERS, IMPORTANT, AGAIN = (f"921{RUN}{number:02d}" for number in range(6))
BLOCKED = "+79210000666"
GUEST, STRANGER = f"30{RUN}123", f"+49151{RUN}678"

PEOPLE = {
    # login: customer_id, phone
    "chief": ("TWINS", f"+7{SHARED}"),
    "clerk": ("TWINS", f"8 ({SHARED[:3]}) {SHARED[3:]}, доб. 12"),
    "tenant": ("FLAT-1", f"+7{TENANTS}"),
    "landlord": ("FLAT-2", f"8 {TENANTS[:3]} {TENANTS[3:]}"),
    "partner-a": ("PARTNERS", f"+7 {PARTNERS}"),
    "partner-b": ("PARTNERS", f"+7 {PARTNERS}"),
    "guest": ("HOTEL", f"0{GUEST[:2]} / {GUEST[2:]}"),
    "important": ("IMPORTANT", f"8{IMPORTANT}"),
    "again": ("AGAIN", f"8{AGAIN}"),
}


def name(one: str) -> str:
    """The login, or the company, of this run."""
    return f"{one}-{RUN}"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    lab.require()
    for login, (customer_id, phone) in PEOPLE.items():
        mariadb.sql(
            "INSERT INTO customer_user (login, email, customer_id, first_name, last_name, phone, valid_id,"
            " create_time, create_by, change_time, change_by)"
            f" VALUES ('{name(login)}', '{name(login)}@customers.example', '{name(customer_id)}', 'Имя',"
            f" '{name(login)}', '{phone}', 1,"
            " utc_timestamp(), 1, utc_timestamp(), 1)"
        )
    config = write_config(
        tmp_path_factory.mktemp("agi-server"),
        {
            "fastagi": {"port": facts.AGI_PORT},
            "customers": {
                "database": facts.CUSTOMERS_URL,
                "password": facts.CUSTOMERS_PASSWORD,
                "main_contacts": {name("PARTNERS"): name("partner-a")},
            },
            "otrs": {
                "url": facts.WEB_SERVICE_URL,
                "user": facts.AGENT,
                "password": facts.AGENT_PASSWORD,
                "zoom_url": f"{facts.ZNUNY_URL}/index.pl?Action=AgentTicketZoom;TicketID={{{{ ticket_id }}}}",
            },
            "routes": [
                {"caller": BLOCKED, "reject": True},
                {"caller": f"_+7{ROUTED[:-2]}00", "dialled": facts.HELPDESK_NUMBER, "no_ticket": True},
                {"withheld": True, "ticket": {"queue": facts.QUEUE, "priority": "1 very low"}},
                {
                    "customer_id": name("IMPORTANT"),
                    "ticket": {
                        "queue": facts.QUEUE,
                        "priority": "5 very high",
                        "title": "Важный звонок: {{ customer.name }}",
                        "owner": facts.ADMIN,
                    },
                },
            ],
            "repeat": {"within": "30m", "extensions": {facts.ADMIN: "4508"}},
        },
    )
    with Program(config) as program:
        yield program


def ticket_of(call: CallResult) -> Ticket:
    assert call.unique_id is not None
    found = ticket_by_call(call.unique_id)
    assert found is not None, f"no ticket for call {call.unique_id}"
    return found


@pytest.mark.usefixtures("program")
class TestWhoRings:
    def test_a_number_without_extension_is_the_chiefs(self) -> None:
        call = asterisk.call(f"8{SHARED}")
        assert (call.variables["HELPDESK_MATCH"], call.variables["HELPDESK_CUSTOMER"]) == ("exact", name("chief"))
        assert ticket_of(call)["customer_user_id"] == name("chief")

    def test_customers_of_two_companies_are_a_strangers_call_with_both_listed(self) -> None:
        call = asterisk.call(f"+7{TENANTS}")
        made = ticket_of(call)
        assert (call.variables["HELPDESK_MATCH"], call.variables["HELPDESK_CUSTOMER"]) == ("several", "")
        assert made["customer_user_id"] == "unknown-caller"
        body = made["articles"][0]["body"]
        assert name("tenant") in body
        assert name("landlord") in body
        assert f"{facts.ZNUNY_URL}/index.pl?" in body

    def test_of_one_companys_customers_the_main_contact_is_meant(self) -> None:
        call = asterisk.call(f"8{PARTNERS}")
        assert (call.variables["HELPDESK_MATCH"], call.variables["HELPDESK_CUSTOMER"]) == ("several", name("partner-a"))
        assert name("partner-b") in ticket_of(call)["articles"][0]["body"]

    def test_a_number_written_within_its_own_country_is_found_by_the_whole_one(self) -> None:
        call = asterisk.call(f"+49{GUEST}")
        assert (call.variables["HELPDESK_MATCH"], call.variables["HELPDESK_CUSTOMER"]) == ("national", name("guest"))

    def test_a_stranger_can_be_made_a_customer_by_a_link(self) -> None:
        body = ticket_of(asterisk.call(STRANGER))["articles"][0]["body"]
        assert "AdminCustomerUser" in body
        assert STRANGER[1:] in body


@pytest.mark.usefixtures("program")
class TestRules:
    def test_who_is_blocked_makes_no_ticket(self) -> None:
        call = asterisk.call(BLOCKED)
        assert call.bridged  # the sample puts him through; an administrator writes Hangup there
        assert call.variables["HELPDESK_STATUS"] == "rejected"
        assert call.unique_id is not None
        assert ticket_by_call(call.unique_id) is None

    def test_the_lookup_only(self) -> None:
        call = asterisk.call(f"+7{ROUTED}")
        assert (call.variables["HELPDESK_STATUS"], call.variables["HELPDESK_TICKET"]) == ("no_ticket", "")
        assert call.unique_id is not None
        assert ticket_by_call(call.unique_id) is None

    def test_who_withholds_his_number_has_a_queue_of_his_own(self) -> None:
        made = ticket_of(asterisk.call("anonymous", "Anonymous", asserted=f"+7{IMPORTANT}", private=True))
        assert (made["queue"], made["priority"], made["customer_user_id"]) == (
            facts.QUEUE,
            "1 very low",
            "unknown-caller",
        )

    def test_an_important_customer_and_who_has_his_ticket_when_he_rings_again(self) -> None:
        first = asterisk.call(f"+7{IMPORTANT}")
        made = ticket_of(first)
        assert (made["queue"], made["priority"], made["owner"]) == (facts.QUEUE, "5 very high", facts.ADMIN)
        assert made["title"] == f"Важный звонок: Имя {name('important')}"
        with Phone("4508") as phone:
            again = asterisk.call(f"+7{IMPORTANT}", context="otrs-operator", phone=phone)
        assert again.bridged
        assert (again.variables["HELPDESK_STATUS"], again.variables["HELPDESK_TICKET"]) == ("updated", made["tn"])
        assert again.variables["HELPDESK_OPERATOR"] == facts.ADMIN
        assert again.variables["HELPDESK_OPERATOR_EXTENSION"] == "4508"
        assert again.ran("Called PJSIP/4508")


@pytest.mark.timeout(200)
def test_who_rings_again_and_again_has_one_ticket_and_one_article_more(program: Program) -> None:
    calls = [asterisk.call(f"8{AGAIN}") for _ in range(3)]
    made = ticket_of(calls[0])
    assert [call.variables["HELPDESK_STATUS"] for call in calls] == ["created", "updated", "updated"]
    assert {call.variables["HELPDESK_TICKET"] for call in calls} == {made["tn"]}
    end = time.monotonic() + GATHERING_S
    while len(ticket(made["id"])["articles"]) < 2 and time.monotonic() < end:
        time.sleep(1)
    assert len(ticket(made["id"])["articles"]) == 2, program.log()
    article = ticket(made["id"])["articles"][1]
    for call in calls[1:]:
        assert f"[{call.unique_id}]" in article["subject"]
    assert "2 calls" in article["subject"]
    assert (article["sender_type"], article["channel"], article["history_type"]) == (
        "customer",
        "Phone",
        "PhoneCallCustomer",
    )
