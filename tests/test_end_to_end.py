"""The whole road in the lab: sipp calls 4509 through Asterisk, a ticket is in Znuny, 4507 answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import lab
from tests.lab import asterisk, facts, mariadb, znuny
from tests.lab.asterisk import CallResult
from tests.lab.tickets import Ticket, ticket_by_call
from tests.program import Program, write_config

pytestmark = pytest.mark.lab

PATIENCE = 1.0


@pytest.fixture(scope="module", autouse=True)
def _lab() -> None:
    lab.require()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(
        tmp_path_factory.mktemp("agi-server"),
        {
            "fastagi": {"port": facts.AGI_PORT, "patience": PATIENCE},
            "customers": {"database": facts.CUSTOMERS_URL, "password": facts.CUSTOMERS_PASSWORD},
            "otrs": {
                "url": facts.WEB_SERVICE_URL,
                "user": facts.AGENT,
                "password": facts.AGENT_PASSWORD,
                "zoom_url": f"{facts.ZNUNY_URL}/index.pl?Action=AgentTicketZoom;TicketID={{{{ ticket_id }}}}",
            },
            "ticket": {
                "title": "Заявка с номера {{ call.number or 'неизвестно' }}",
                "body": "Звонил {{ call.name }} в {{ call.time }}\nНомер: {{ call.number }}",
                "priority": "2 low",
            },
        },
    )


@pytest.fixture(scope="class")
def program(config: Path) -> Iterator[Program]:
    with Program(config) as program:
        yield program


def ticket_of(call: CallResult, within_s: float = 0.0) -> Ticket:
    """The call's one ticket; waits for it so long."""
    assert call.unique_id is not None
    end = time.monotonic() + within_s
    while (ticket := ticket_by_call(call.unique_id)) is None and time.monotonic() < end:
        time.sleep(0.1)
    assert ticket is not None, f"no ticket for call {call.unique_id}"
    return ticket


class TestWhileWeServe:
    """One running server for them all."""

    @pytest.mark.parametrize(
        ("number", "context"),
        [("89161229624", "otrs"), ("+79161229624", "otrs"), ("9161229624", "otrs"), ("8-916-122-96-24", "otrs-open")],
    )
    def test_a_known_caller_has_his_ticket_before_the_phone_rings(
        self, program: Program, number: str, context: str
    ) -> None:
        call = asterisk.call(number, "Иван", context=context)
        assert call.bridged
        assert call.answered_ms is not None
        ticket = ticket_of(call)
        assert (ticket["customer_user_id"], ticket["customer_id"]) == ("ivanov", "ROMASHKA")
        assert (ticket["queue"], ticket["state"], ticket["priority"]) == ("Raw", "new", "2 low")
        assert ticket["title"] == f"Заявка с номера {number}"
        assert ticket["dynamic_fields"] == {facts.CALL_FIELD: call.unique_id}
        [article] = ticket["articles"]
        assert (article["sender_type"], article["channel"], article["visible"]) == ("customer", "Phone", 0)
        assert article["history_type"] == "PhoneCallCustomer"
        assert article["body"].startswith("Звонил Иван в 2")
        assert call.variables["HELPDESK_STATUS"] == "created"
        assert call.variables["HELPDESK_TICKET"] == ticket["tn"]
        assert call.variables["HELPDESK_TICKET_ID"] == str(ticket["id"])
        assert call.variables["HELPDESK_TICKET_URL"].endswith(f"AgentTicketZoom;TicketID={ticket['id']}")
        assert call.variables["HELPDESK_CUSTOMER"] == "ivanov"
        assert call.variables["HELPDESK_CUSTOMER_ID"] == "ROMASHKA"
        assert call.variables["HELPDESK_NAME"] == "Иван Иванов"
        assert call.variables["HELPDESK_MATCH"] == "exact"
        assert call.operator_display == f"#{ticket['tn']} Иван Иванов"

    def test_an_unknown_caller(self, program: Program) -> None:
        call = asterisk.call("+4915112345678", "Max")
        ticket = ticket_of(call)
        assert call.bridged
        assert (ticket["customer_user_id"], ticket["title"]) == ("unknown-caller", "Заявка с номера +4915112345678")
        assert call.variables["HELPDESK_MATCH"] == "none"
        assert call.variables["HELPDESK_CUSTOMER"] == ""

    def test_a_withheld_number_is_neither_matched_nor_shown(self, program: Program) -> None:
        call = asterisk.call("anonymous", "Anonymous", asserted="+79161229624", private=True)
        ticket = ticket_of(call)
        assert call.bridged
        assert (ticket["customer_user_id"], ticket["title"]) == ("unknown-caller", "Заявка с номера неизвестно")
        assert "9161229624" not in str(ticket)
        assert call.variables["HELPDESK_MATCH"] == "none"

    def test_a_name_in_a_broken_encoding(self, program: Program) -> None:
        call = asterisk.call("89161229624", "Müller".encode("latin-1"))
        assert call.bridged
        body = ticket_of(call)["articles"][0]["body"]
        assert body.startswith("Звонил M")
        assert "ller в 2" in body

    def test_a_forged_line_in_the_number_makes_a_ticket_all_the_same(self, program: Program) -> None:
        number = "4917%0Aagi_network_script%3A%20evil%3Fqueue=Junk"
        call = asterisk.call(number, "x", context="otrs-open")
        ticket = ticket_of(call)
        assert call.bridged
        assert (ticket["queue"], ticket["customer_user_id"]) == ("Raw", "unknown-caller")
        assert "was tampered with" in program.log()

    def test_the_dialplan_wishes_for_a_queue(self, program: Program) -> None:
        call = asterisk.call("89219876543", context="otrs-queue")
        assert (ticket_of(call)["queue"], ticket_of(call)["customer_user_id"]) == (facts.QUEUE, "sidorov")

    def test_who_hangs_up_while_we_work_has_a_ticket_all_the_same(self, program: Program) -> None:
        call = asterisk.call("+74956693308", hang_up_after_ms=20, operator="ring")
        assert not call.bridged
        assert ticket_of(call, within_s=10)["customer_user_id"] == "petrova"

    def test_with_otrs_down_the_call_goes_on_and_its_ticket_follows(self, program: Program) -> None:
        znuny.stop()
        try:
            call = asterisk.call("89161229624")
        finally:
            znuny.start()
        assert call.bridged
        assert call.answered_ms is not None
        assert call.answered_ms < (PATIENCE + 1) * 1000
        assert call.variables["HELPDESK_STATUS"] == "queued"
        assert call.operator_display == "TICKET FOLLOWS Иван Иванов"
        assert ticket_of(call, within_s=30)["customer_user_id"] == "ivanov"

    def test_with_its_database_down_too_the_customer_is_known_from_the_index(self, program: Program) -> None:
        mariadb.stop()
        try:
            call = asterisk.call("89219876543")
        finally:
            mariadb.start()
        assert call.bridged
        assert (call.variables["HELPDESK_STATUS"], call.variables["HELPDESK_CUSTOMER"]) == ("queued", "sidorov")
        assert ticket_of(call, within_s=60)["customer_user_id"] == "sidorov"


@pytest.mark.parametrize("end", [Program.stop, Program.kill])
def test_what_waits_when_we_end_is_a_ticket_after_the_next_start(config: Path, end: Callable[[Program], None]) -> None:
    with Program(config) as program:
        znuny.stop()
        try:
            call = asterisk.call("89161229624")
            end(program)
        finally:
            znuny.start()
    assert call.unique_id is not None
    assert ticket_by_call(call.unique_id) is None
    with Program(config):
        assert ticket_of(call, within_s=30)["customer_user_id"] == "ivanov"


def test_with_our_server_down_the_call_is_bridged() -> None:
    call = asterisk.call("89161229624")
    assert call.bridged
    assert (call.variables["HELPDESK_STATUS"], call.variables["AGISTATUS"]) == ("", "FAILURE")
    assert call.operator_display is not None
    assert call.operator_display.startswith("NO TICKET")
