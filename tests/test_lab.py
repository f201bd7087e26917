"""The lab itself: real calls through the sample dialplan, real tickets in Znuny, and their going away."""

from __future__ import annotations

import re
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from xml.sax.saxutils import escape

import asyncpg
import pytest

from tests import lab
from tests.lab import dialplan, facts
from tests.lab.steps import StepError

pytestmark = pytest.mark.lab

TICKET_CREATE = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<TicketCreate xmlns="{namespace}"><UserLogin>{agent}</UserLogin><Password>{password}</Password>
<Ticket><Title>{title}</Title><CustomerUser>ivanov</CustomerUser><Queue>{queue}</Queue><State>new</State>
<Priority>2 low</Priority></Ticket>
<Article><CommunicationChannel>Phone</CommunicationChannel><IsVisibleForCustomer>1</IsVisibleForCustomer>
<SenderType>customer</SenderType><HistoryType>PhoneCallCustomer</HistoryType><HistoryComment>call</HistoryComment>
<Subject>{title}</Subject><Body>Звонок\nс номера</Body><ContentType>text/plain; charset=utf8</ContentType></Article>
<DynamicField><Name>{field}</Name><Value>{unique_id}</Value></DynamicField>
</TicketCreate></soapenv:Body></soapenv:Envelope>"""


class Responder:
    """A tiny AGI server: reads the request, sets variables, closes."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self.requests: list[str] = []
        self._listener = socket.create_server((facts.HOST, facts.AGI_PORT))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and wait for the thread."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                request = b""
                while (line := stream.readline()).strip():
                    request += line
                self.requests.append(request.decode("utf-8", "replace"))
                for name, value in self.variables.items():
                    stream.write(f'SET VARIABLE {name} "{value}"\n'.encode())
                    stream.flush()
                    stream.readline()


@pytest.fixture(scope="module", autouse=True)
def _lab() -> None:
    lab.require()


@pytest.fixture
def responder() -> Iterator[Responder]:
    """An AGI server that made a ticket."""
    server = Responder(
        {"HELPDESK_TICKET": "2026010110000042", "HELPDESK_NAME": "Иван Иванов", "HELPDESK_STATUS": "created"}
    )
    yield server
    server.close()


def create_ticket(queue: str, unique_id: str) -> str:
    """A TicketCreate by hand; the answer's text."""
    values = {
        "namespace": facts.NAMESPACE, "agent": facts.AGENT, "password": facts.AGENT_PASSWORD, "queue": queue,
        "title": f"Заявка {unique_id}", "field": facts.CALL_FIELD, "unique_id": unique_id,
    }  # fmt: skip
    body = TICKET_CREATE.format(**{name: escape(value) for name, value in values.items()}).encode()
    request = urllib.request.Request(lab.znuny.url, body, {"Content-Type": "text/xml; charset=utf-8"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def test_a_call_is_bridged_and_the_operator_sees_the_ticket(responder: Responder) -> None:
    call = lab.asterisk.call("+79161229624", "Вася")

    assert call.bridged
    assert call.final_code == 200
    assert call.operator_display == "#2026010110000042 Иван Иванов"
    assert call.operator_number == "+79161229624"
    assert call.variables["HELPDESK_STATUS"] == "created"
    assert call.ringing_ms is not None
    assert call.ringing_ms < 1000
    assert f"agi_uniqueid: {call.unique_id}\n" in responder.requests[0]
    assert "agi_callerid: +79161229624\nagi_calleridname: Вася\n" in responder.requests[0]
    assert "agi_context: otrs\nagi_extension: 4509\n" in responder.requests[0]


@pytest.mark.parametrize(
    ("status", "display"),
    [
        ("created", "#2026010110000042 Иван Иванов"),
        ("updated", "#2026010110000042 Иван Иванов"),
        ("queued", "TICKET FOLLOWS Иван Иванов"),
        ("parked", "TICKET FOLLOWS Иван Иванов"),
        ("rejected", "Caller"),
        ("no_ticket", "Иван Иванов"),
        ("error", "NO TICKET Caller"),
        ("a status of tomorrow", "NO TICKET Caller"),
    ],
)
def test_the_sample_bridges_the_call_whatever_the_status(responder: Responder, status: str, display: str) -> None:
    responder.variables["HELPDESK_STATUS"] = status

    call = lab.asterisk.call(name="Caller")

    assert call.bridged
    assert call.operator_display == display


@pytest.mark.parametrize(("there", "answers"), [("4508", "4508"), ("4507", "4507")])
def test_who_rings_again_reaches_the_agent_who_has_his_ticket_and_else_all(
    responder: Responder, there: str, answers: str
) -> None:
    responder.variables |= {"HELPDESK_STATUS": "updated", "HELPDESK_OPERATOR_EXTENSION": "4508"}

    with lab.asterisk.Phone(there) as phone:
        call = lab.asterisk.call(context="otrs-operator", phone=phone)

    assert call.bridged
    assert call.ran(f"Called PJSIP/{answers}")


def test_without_any_agi_server_the_call_is_still_bridged() -> None:
    call = lab.asterisk.call(name="Caller")

    assert call.bridged
    assert call.operator_display == "NO TICKET Caller"
    assert call.variables["AGISTATUS"] == "FAILURE"
    assert call.variables["HELPDESK_STATUS"] == ""
    assert call.ran(f"HelpDesk call {call.unique_id} without a ticket")


def test_the_sample_takes_forged_lines_out_of_the_number(responder: Responder) -> None:
    forged = "8916%0Aagi_network_script%3A%20evil"

    cured = lab.asterisk.call(forged)
    bare = lab.asterisk.call(forged, context="otrs-open")

    assert cured.bridged
    assert bare.bridged
    assert "agi_callerid: 8916agi_network_scriptevil\n" in responder.requests[0]
    assert "agi_callerid: 8916\nagi_network_script: evil\n" in responder.requests[1]


def test_a_withheld_number_stays_withheld_but_the_ticket_is_shown(responder: Responder) -> None:
    call = lab.asterisk.call("anonymous", "Anonymous", asserted="+79161229624", private=True)

    assert "agi_callerid: +79161229624\n" in responder.requests[0]
    assert "agi_callingpres: 32\n" in responder.requests[0]
    assert call.operator_display == "#2026010110000042 Иван Иванов"
    assert call.operator_number == "anonymous"
    assert call.operator_invite is not None
    assert "79161229624" not in call.operator_invite


def test_a_missing_number_stays_missing(responder: Responder) -> None:
    assert lab.asterisk.call("").bridged
    assert "agi_callerid: unknown\nagi_calleridname: unknown\nagi_callingpres: 67\n" in responder.requests[0]


def test_a_name_in_a_broken_encoding_reaches_the_agi_server(responder: Responder) -> None:
    assert lab.asterisk.call(name="José".encode("latin-1")).bridged
    assert re.search(r"agi_calleridname: Jos.\n", responder.requests[0])


def test_the_query_of_the_sample_and_its_entrance_for_freepbx(responder: Responder) -> None:
    assert lab.asterisk.call(context="otrs-queue").bridged
    assert lab.asterisk.call(context="from-internal-custom").bridged
    assert "agi_network_script: ticket?queue=HelpDesk\n" in responder.requests[0]
    assert "agi_network_script: ticket\n" in responder.requests[1]


def test_a_caller_who_hangs_up(responder: Responder) -> None:
    call = lab.asterisk.call(operator="ring", hang_up_after_ms=200)

    assert not call.bridged
    assert call.final_code == 487
    assert call.variables["DIALSTATUS"] == "CANCEL"


def test_a_busy_operator(responder: Responder) -> None:
    call = lab.asterisk.call(operator="busy")

    assert not call.bridged
    assert call.final_code == 486
    assert call.operator_display == "#2026010110000042 Иван Иванов"


def test_callers_side_by_side(responder: Responder) -> None:
    numbers = [f"+791600000{number:02}" for number in range(6)]

    with lab.asterisk.Phone() as phone, ThreadPoolExecutor(len(numbers)) as threads:
        calls = list(threads.map(lambda number: lab.asterisk.call(number, phone=phone), numbers))

    assert all(call.bridged for call in calls)
    assert [call.operator_number for call in calls] == numbers
    assert len({call.unique_id for call in calls}) == len(numbers)


def test_a_ticket_made_by_hand_is_read_back() -> None:
    unique_id = f"lab-{uuid.uuid4().hex}.1"
    before = lab.znuny.count_tickets()

    answer = create_ticket(facts.QUEUE, unique_id)

    number = re.search(r"<TicketNumber>(\d+)</TicketNumber>", answer)
    assert number is not None, answer
    ticket = lab.znuny.ticket_by_call(unique_id)
    assert ticket is not None
    assert lab.znuny.count_tickets() > before
    assert (ticket["tn"], ticket["title"], ticket["queue"]) == (number[1], f"Заявка {unique_id}", "HelpDesk")
    assert (ticket["state"], ticket["priority"]) == ("new", "2 low")
    assert (ticket["customer_id"], ticket["customer_user_id"]) == ("ROMASHKA", "ivanov")
    assert ticket["dynamic_fields"] == {"AsteriskUniqueID": unique_id}
    assert [(article["subject"], article["body"]) for article in ticket["articles"]] == [
        (f"Заявка {unique_id}", "Звонок\nс номера")
    ]
    article = ticket["articles"][0]
    assert (article["sender_type"], article["channel"], article["visible"]) == ("customer", "Phone", True)
    assert article["history_type"] == "PhoneCallCustomer"


def test_a_doubled_call_is_seen() -> None:
    unique_id = f"lab-{uuid.uuid4().hex}.2"
    create_ticket(facts.QUEUE, unique_id)
    create_ticket(facts.QUEUE, unique_id)

    assert len(lab.znuny.tickets_by_call(unique_id)) == 2
    with pytest.raises(LookupError, match="has 2 tickets"):
        lab.znuny.ticket_by_call(unique_id)


def test_the_agent_has_no_right_to_the_closed_queue() -> None:
    assert "TicketCreate.AccessDenied" in create_ticket(facts.CLOSED_QUEUE, f"lab-{uuid.uuid4().hex}.3")


def test_the_customers_login_reads_customers_and_their_companies_and_nothing_else() -> None:
    grants = [next(iter(row.values())) or "" for row in lab.mariadb.sql("SHOW GRANTS FOR 'asterisk'@'127.0.0.1'")]

    assert sorted(grant for grant in grants if "`otrs`" in grant) == [
        "GRANT SELECT ON `otrs`.`customer_company` TO `asterisk`@`127.0.0.1`",
        "GRANT SELECT ON `otrs`.`customer_user` TO `asterisk`@`127.0.0.1`",
    ]
    assert [grant.split(" IDENTIFIED ")[0] for grant in grants if "*.*" in grant] == [
        "GRANT USAGE ON *.* TO `asterisk`@`127.0.0.1`"
    ]
    rows = lab.mariadb.sql("SELECT first_name, phone, valid_id FROM customer_user WHERE login IN ('lebedev', 'former')")
    assert {"first_name": "Сергей", "phone": "моб. 8 903 100-20-30", "valid_id": "1"} in rows
    assert {row["valid_id"] for row in rows} == {"1", "2"}
    named = lab.mariadb.sql(
        "SELECT name FROM customer_user JOIN customer_company USING (customer_id) WHERE customer_user.city = 'Вологда'"
    )
    assert named == [{"name": "ООО «Север»"}] * 2


def test_postgresql_holds_the_tables_that_znuny_makes_there() -> None:
    columns = (
        "SELECT table_name, string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns"
        " WHERE table_schema = 'public' GROUP BY table_name ORDER BY table_name"
    )
    company, user = lab.postgresql.run_script(columns, database=facts.DATABASE).splitlines()
    assert company.startswith("customer_company|customer_id name street")
    assert user.startswith("customer_user|id login email customer_id")


def test_znuny_goes_away_and_comes_back() -> None:
    began = time.monotonic()
    lab.znuny.stop()
    try:
        assert not lab.running()
        with pytest.raises(urllib.error.URLError):
            create_ticket(facts.QUEUE, "lab-away.1")
    finally:
        lab.znuny.start()
    assert time.monotonic() - began < 6
    assert lab.running()
    assert "<TicketNumber>" in create_ticket(facts.QUEUE, f"lab-{uuid.uuid4().hex}.4")


def test_mariadb_goes_away_and_comes_back() -> None:
    lab.mariadb.stop()
    try:
        with pytest.raises(StepError):
            lab.mariadb.sql("SELECT 1")
    finally:
        lab.mariadb.start()
    assert "<TicketNumber>" in create_ticket(facts.QUEUE, f"lab-{uuid.uuid4().hex}.5")


async def test_postgresql_goes_away_though_it_has_a_client_and_comes_back() -> None:
    client = await asyncpg.connect(
        host=facts.HOST,
        port=facts.POSTGRESQL_PORT,
        user=facts.CUSTOMERS_USER,
        password=facts.CUSTOMERS_PASSWORD,
        database=facts.DATABASE,
    )
    began = time.monotonic()
    lab.postgresql.stop()
    try:
        assert not lab.running()
        with pytest.raises(StepError):
            lab.postgresql.run_script("SELECT 1")
    finally:
        lab.postgresql.start()
    client.terminate()
    assert time.monotonic() - began < 6
    assert lab.running()
    assert lab.postgresql.run_script("SELECT 1") == "1"


def test_a_changed_sample_does_not_fit_any_more() -> None:
    sample = facts.SAMPLE_DIALPLAN.read_text(encoding="utf-8")

    with pytest.raises(StepError, match="0 times, not once"):
        dialplan.compose(sample.replace(dialplan.CURE_LINE, ""))
