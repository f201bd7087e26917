"""The configured form, filled in: tables, no loop."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agi_server.call import NOBODY, Article, Call, Created, Customer, Match, Recognition, Refused, Ticket
from agi_server.config import Ticket as TicketOptions
from agi_server.ticket import SAMPLES, TEXT_LIMIT, Composer, Form, FormError, ZoomUrl

CALL = Call(
    unique_id="1314075508.1094",
    time=datetime(2011, 8, 23, 4, 58, 28, 123456, tzinfo=UTC),
    number="89161229624",
    canonical="+79161229624",
    name="Иван",
    dialled="4509",
    context="otrs",
)
IVANOV = Customer("ivanov", "ROMASHKA", "Иван", "Иванов", "ivanov@romashka.example")
KNOWN = Recognition(Match.EXACT, IVANOV, (IVANOV,))
FORM = Form(
    title="Заявка с номера {{ call.number }}",
    subject="call",
    body="{{ call.time }}",
    queue="Raw",
    state="new",
    priority="2 low",
    unknown_customer="{{ call.digits }}@phone.example.org",
    time_zone=ZoneInfo("Europe/Moscow"),
)


def compose(form: Form = FORM, call: Call = CALL, recognition: Recognition = KNOWN) -> Ticket:
    ticket = Composer(form).compose(call, recognition)
    assert isinstance(ticket, Ticket)
    return ticket


def test_the_recipe_of_2011() -> None:
    assert compose() == Ticket(
        call_id="1314075508.1094",
        title="Заявка с номера 89161229624",
        queue="Raw",
        state="new",
        priority="2 low",
        customer_user="ivanov",
        customer_id="ROMASHKA",
        article=Article(subject="call", body="2011-08-23 08:58:28+04:00", history_comment=""),
    )


def test_a_stranger_gets_the_configured_customer_and_no_customer_id() -> None:
    ticket = compose(recognition=NOBODY)
    assert (ticket.customer_user, ticket.customer_id) == ("79161229624@phone.example.org", "")


@pytest.mark.parametrize(
    ("text", "known", "stranger"),
    [
        ("{{ customer.name }}", "Иван Иванов", ""),
        ("{% if customer %}yes{% else %}no{% endif %}", "yes", "no"),
        ("{{ match }}", "exact", "none"),
        ("{{ candidates | length }}", "1", "0"),
        ("{{ call.number }} {{ call.canonical }} {{ call.digits }}", "89161229624 +79161229624 79161229624", None),
        ("{{ call.time.strftime('%d.%m.%Y %H:%M') }}", "23.08.2011 08:58", None),
        ("{{ call.dialled }} {{ call.context }} {{ call.unique_id }}", "4509 otrs 1314075508.1094", None),
        ("{{ call.withheld }}", "False", None),
        ("{{ none }}", "", None),
        ("two\n  lines", "two lines", None),
        ("{ no template }", "{ no template }", None),
    ],
)
def test_names_in_templates(text: str, known: str, stranger: str | None) -> None:
    form = replace(FORM, title=f"={text}")
    assert compose(form).title == f"={known}"
    assert compose(form, recognition=NOBODY).title == f"={known if stranger is None else stranger}"


def test_a_body_keeps_its_lines() -> None:
    assert compose(replace(FORM, body="one\n\n  two\n")).article.body == "one\n\n  two\n"


@pytest.mark.parametrize("words", ["", "  ", "\n", "0", " 0 "])
def test_a_text_that_otrs_would_take_for_missing_names_the_call(words: str) -> None:
    ticket = compose(
        replace(FORM, title="{{ call.name }}", subject="{{ call.name }}", body=words), replace(CALL, name=words)
    )
    assert {ticket.title, ticket.article.subject, ticket.article.body} == {"Call 1314075508.1094"}


def test_what_a_caller_chose_is_never_a_template() -> None:
    call = replace(CALL, name="{{ 7 * 7 }}", number="{% for x in y %}")
    form = replace(FORM, title="{{ call.name }} {{ call.number }}")
    assert compose(form, call).title == "{{ 7 * 7 }} {% for x in y %}"


@pytest.mark.parametrize(
    ("wishes", "queue", "priority"),
    [
        ({"queue": "Sales"}, "Sales", "2 low"),
        ({"queue": ""}, "Raw", "2 low"),
        ({"queue": " \t "}, "Raw", "2 low"),
        ({"queue": "{{ call.name }}"}, "{{ call.name }}", "2 low"),
        ({"priority": "5 very high"}, "Raw", "2 low"),
        ({"customer_user": "boss", "nonsense": "x"}, "Raw", "2 low"),
    ],
)
def test_the_dialplan_may_wish_for_what_is_allowed(wishes: dict[str, str], queue: str, priority: str) -> None:
    ticket = compose(replace(FORM, wishes=("queue",)), replace(CALL, wishes=wishes))
    assert (ticket.queue, ticket.priority, ticket.customer_user) == (queue, priority, "ivanov")


def test_wishes_that_nobody_grants_are_named() -> None:
    wishes = {"queue": "Sales", "quueue": "Sales", "state": "open"}
    assert Composer(replace(FORM, wishes=("queue",))).ignored_wishes(replace(CALL, wishes=wishes)) == [
        "quueue",
        "state",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ call.nubmer }}", "has no attribute 'nubmer'"),
        ("{{ cal.number }}", "'cal' is undefined"),
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% for i in range(99999) %}xx{% endfor %}", f"more than {TEXT_LIMIT} characters"),
    ],
)
def test_a_template_that_fails_is_refused_with_its_option(text: str, words: str) -> None:
    refused = Composer(replace(FORM, queue=text)).compose(CALL, KNOWN)
    assert isinstance(refused, Refused)
    assert refused.code == "template"
    assert refused.words.startswith("queue: ")
    assert words in refused.words
    assert [mistake.option for mistake in Composer(replace(FORM, queue=text)).mistakes()] == ["queue"]


def test_a_template_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(FormError, match=r"dynamic_fields\.X: not a template: unexpected '}'"):
        Composer(replace(FORM, dynamic_fields={"X": "{{ call.number }"}))


def test_an_unknown_customer_that_can_be_nobody_is_a_mistake() -> None:
    [mistake] = Composer(FORM).mistakes()
    assert str(mistake) == (
        "unknown_customer: gives '@phone.example.org' for a caller whose number is withheld: "
        "OTRS would refuse the ticket"
    )


def test_the_defaults_are_without_mistakes() -> None:
    options = TicketOptions(unknown_customer="nobody")
    form = Form(**{name: getattr(options, name) for name in TicketOptions.model_fields})
    assert Composer(form).mistakes() == []
    titles = [compose(form, *sample).title for sample in SAMPLES]
    assert titles == ["Call from 89161229624 (Иван Иванов)", "Call from 89161229624", "Call from a withheld number"]


def test_each_option_of_the_ticket_is_one_of_the_form() -> None:
    assert set(TicketOptions.model_fields) == {field.name for field in fields(Form)}


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("", ""),
        ("http://o/index.pl?Action=AgentTicketZoom;TicketID={{ ticket_id }}", None),
        ("http://o/{{ ticket_number }}", "http://o/2026"),
    ],
)
def test_the_address_of_a_ticket(template: str, url: str | None) -> None:
    expected = "http://o/index.pl?Action=AgentTicketZoom;TicketID=50" if url is None else url
    assert ZoomUrl(template).mistake() is None
    assert ZoomUrl(template)(Created("50", "2026")) == expected


@pytest.mark.parametrize("template", ["http://o/{{ ticket_id.foo }}", "http://o/{{ ticket_id + 1 }}"])
def test_an_address_that_fails_is_told_by_check_and_left_out_for_calls(template: str) -> None:
    assert ZoomUrl(template)(Created("50", "2026")) == ""
    mistake = ZoomUrl(template).mistake()
    assert mistake is not None
    assert mistake.option == "zoom_url"
