"""The configured form and its routes, filled in: tables, no loop."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agi_server.call import NOBODY, Call, Customer, Declined, Ending, Match, Recognition, Refused
from agi_server.config import Ticket as TicketOptions
from agi_server.helpdesk import Article, Attachment, Named, Ticket
from agi_server.links import Links
from agi_server.rules import Route
from agi_server.samples import STRANGER, WITHHELD, samples
from agi_server.templates import TEXT_LIMIT, FormError
from agi_server.ticket import Composer, Form

CALL = Call(
    unique_id="1314075508.1094",
    time=datetime(2011, 8, 23, 4, 58, 28, 123456, tzinfo=UTC),
    number="89161229624",
    canonical="+79161229624",
    name="Иван",
    dialled="4509",
    context="otrs",
)
IVANOV = Customer("ivanov", "ROMASHKA", "Иван", "Иванов", "ivanov@romashka.example", columns={"street": "Мира, 1"})
PETROVA = Customer("petrova", "VASILEK", "Анна", "Петрова")
KNOWN = Recognition(Match.EXACT, IVANOV, (IVANOV,), Match.EXACT)
STRANGERS = Recognition(Match.SEVERAL, None, (IVANOV, PETROVA), Match.EXACT)
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
WORKING = replace(FORM, unknown_customer="nobody")
ZOOM_URL = "https://h/otrs/index.pl?Action=AgentTicketZoom;TicketID={{ ticket_id }}"


def compose(form: Form = FORM, call: Call = CALL, recognition: Recognition = KNOWN, *routes: Route) -> Ticket:
    ticket = Composer(form, routes, Links(ZOOM_URL), ["street"]).compose(call, recognition)
    assert isinstance(ticket, Ticket)
    return ticket


def mistakes(form: Form = FORM, *routes: Route) -> list[str]:
    return [str(mistake) for mistake in Composer(form, routes).mistakes()]


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
        ("{{ customer.company }}{{ customer.street }}", "Мира, 1", ""),
        ("{{ customer['street'] }}", "Мира, 1", ""),
        ("{% for one in candidates %}{{ one.login }} {{ one.street }}{% endfor %}", "ivanov Мира, 1", ""),
        (
            "{{ customer_url(customer.login) }}",
            "https://h/otrs/index.pl?Action=AgentCustomerUserInformationCenter;CustomerUserID=ivanov",
            "",
        ),
        (
            "{{ new_customer_url(call.digits) }}",
            "https://h/otrs/index.pl?Action=AdminCustomerUser;Nav=Agent;Subaction=Add;UserLogin=79161229624",
            None,
        ),
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
        ("{{ customer.strret }}", "has no attribute 'strret'"),
        ("{{ calls }}", "'calls' is undefined"),
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% for i in range(99999) %}xx{% endfor %}", f"more than {TEXT_LIMIT} characters"),
    ],
)
def test_a_template_that_fails_is_refused_with_its_option(text: str, words: str) -> None:
    refused = Composer(replace(FORM, queue=text)).compose(CALL, KNOWN)
    assert isinstance(refused, Refused)
    assert refused.code == "template"
    assert refused.words.startswith("ticket.queue: ")
    assert words in refused.words
    assert [mistake.option for mistake in Composer(replace(WORKING, queue=text)).mistakes()] == ["ticket.queue"]


def test_a_template_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(FormError, match=r"^ticket\.dynamic_fields\.X: not a template: unexpected '}'"):
        Composer(replace(FORM, dynamic_fields={"X": "{{ call.number }"}))


def test_all_mistakes_are_told_at_once() -> None:
    form = replace(WORKING, title="{{ a }}", dynamic_fields={"X": "{{ b }}"}, repeat_body="{{ c }}")
    assert set(mistakes(form)) == {
        "ticket.title: 'a' is undefined",
        "ticket.dynamic_fields.X: 'b' is undefined",
        "repeat.body: 'c' is undefined",
    }


@pytest.mark.parametrize("customer", ["{{ call.digits }}@phone.example.org", " {{ call.digits }} "])
def test_an_unknown_customer_that_can_be_nobody_is_a_mistake(customer: str) -> None:
    [mistake] = mistakes(replace(FORM, unknown_customer=customer))
    gives = "'@phone.example.org'" if "@" in customer else "''"
    assert mistake == (
        f"ticket.unknown_customer: gives {gives} for a caller who withholds his number: OTRS would refuse the ticket"
    )


def test_the_defaults_are_without_mistakes() -> None:
    options = TicketOptions(unknown_customer="nobody")
    form = Form(**{name: getattr(options, name) for name in TicketOptions.model_fields})
    assert Composer(form).mistakes() == []
    titles = [compose(form, *sample).title for sample in (next(samples()), STRANGER, WITHHELD)]
    assert titles == ["Call from 89161229624 (Иван Иванов)", "Call from 89161229624", "Call from a withheld number"]


def test_each_option_of_the_ticket_is_one_of_the_form() -> None:
    assert {*TicketOptions.model_fields, "repeat_subject", "repeat_body"} == {field.name for field in fields(Form)}


# People


def test_customers_of_different_companies_are_listed_and_a_strangers_ticket() -> None:
    text = "{{ match }} {{ customer.login }}:{% for one in candidates %} {{ one.login }}{% endfor %}"
    ticket = compose(replace(FORM, title=text), CALL, STRANGERS)
    assert ticket.title == "several : ivanov petrova"
    assert (ticket.customer_user, ticket.customer_id) == ("79161229624@phone.example.org", "")


def test_a_withheld_number_is_in_no_template_though_its_owner_was_found() -> None:
    call = replace(CALL, withheld=True, number="", canonical="+79161229624", lookup="+79161229624")
    text = (
        "({{ call.number }}{{ call.canonical }}{{ call.digits }}{{ call.lookup }}{{ call.name }}) {{ customer.name }}"
    )
    form = replace(FORM, title=text, repeat_subject="{{ calls[0].canonical }}{{ call.digits }}", repeat_body=text)
    assert compose(form, call).title == "() Иван Иванов"
    article = Composer(form).compose_update([call, call], KNOWN)
    assert isinstance(article, Article)
    assert (article.subject, article.body) == ("Call 1314075508.1094", "() Иван Иванов")


def test_a_column_that_was_not_asked_for_is_a_mistake_for_strangers_too() -> None:
    form = replace(WORKING, title="{{ customer.street }}")
    assert Composer(form, columns=["street"]).mistakes() == []
    assert Composer(form, columns=["city"]).mistakes() != []
    assert isinstance(Composer(form, columns=["city"]).compose(CALL, NOBODY), Refused)


# Routes

SALES: dict[str, Any] = {"queue": "Sales", "title": "For sale: {{ call.number }}", "sender_type": "agent"}


def test_a_route_sets_its_options_and_leaves_the_others() -> None:
    form = replace(FORM, dynamic_fields={"A": "a", "B": "b"}, lock="lock", auto_response="auto reply")
    options = {**SALES, "dynamic_fields": {"B": "{{ match }}", "C": "c"}, "visible_for_customer": True, "lock": ""}
    plain, ticket = compose(form), compose(form, CALL, KNOWN, Route("routes item 1", ticket=options))
    assert ticket == replace(
        plain,
        queue="Sales",
        title="For sale: 89161229624",
        lock="",
        dynamic_fields={"A": "a", "B": "exact", "C": "c"},
        article=replace(plain.article, sender_type="agent", visible_for_customer=True),
    )


def test_only_the_first_route_that_fits_counts() -> None:
    routes = (
        Route("routes item 1", dialled=("4510",), ticket={"queue": "Other"}),
        Route("routes item 2", dialled=("4509",), ticket={"queue": "Sales"}),
        Route("routes item 3", ticket={"queue": "Rest", "priority": "5 very high"}),
    )
    composer = Composer(FORM, routes)
    assert compose(FORM, CALL, KNOWN, *routes) == replace(compose(), queue="Sales")
    assert composer.route_of(CALL, KNOWN) is routes[1]
    assert composer.route_of(replace(CALL, dialled="1"), KNOWN) is routes[2]
    assert Composer(FORM, routes[:2]).route_of(replace(CALL, dialled="1"), KNOWN) is None


def test_what_the_dialplan_wishes_for_wins_over_a_route() -> None:
    form = replace(FORM, wishes=("queue",))
    call = replace(CALL, wishes={"queue": "Wished", "priority": "5 very high"})
    ticket = compose(form, call, KNOWN, Route("routes item 1", ticket={"queue": "Sales", "priority": "1 very low"}))
    assert (ticket.queue, ticket.priority) == ("Wished", "1 very low")


@pytest.mark.parametrize("ending", [Ending.REJECTED, Ending.NO_TICKET])
def test_a_route_may_want_no_ticket(ending: Ending) -> None:
    routes = [Route("routes item 1", dialled=("4510",)), Route("routes item 2", withheld=False, ending=ending)]
    composer = Composer(FORM, routes)
    assert composer.compose(CALL, KNOWN) == Declined(ending, "routes item 2")
    assert isinstance(composer.compose(replace(CALL, withheld=True), NOBODY), Ticket)


def test_the_hours_of_routes_are_those_of_the_form() -> None:
    friday = Route("routes item 1", weekdays=frozenset({4}), ending=Ending.REJECTED)
    call = replace(CALL, time=datetime(2026, 11, 20, 21, 30, tzinfo=UTC))
    assert isinstance(Composer(FORM, [friday]).compose(call, KNOWN), Ticket)  # Saturday in Moscow
    assert isinstance(Composer(replace(FORM, time_zone=UTC), [friday]).compose(call, KNOWN), Declined)


def test_a_mistake_is_told_where_it_is_written() -> None:
    routes = (
        Route("routes item 1", matches=frozenset({Match.SUFFIX}), ticket={"queue": "{{ a }}"}),
        Route("routes item 2", dialled=("1",), ticket={"dynamic_fields": {"X": "{{ b }}"}}),
        Route("routes item 3", withheld=True, ticket={"unknown_customer": "{{ call.digits }}"}),
    )
    assert sorted(mistakes(replace(WORKING, state="{{ c }}"), *routes)) == [
        "routes item 1.ticket.queue: 'a' is undefined",
        "routes item 2.ticket.dynamic_fields.X: 'b' is undefined",
        "routes item 3.ticket.unknown_customer: gives '' for a caller who withholds his number: "
        "OTRS would refuse the ticket",
        "ticket.state: 'c' is undefined",
    ]
    refused = Composer(WORKING, routes).compose(replace(CALL, dialled="1"), KNOWN)
    assert isinstance(refused, Refused)
    assert refused.words == "routes item 2.ticket.dynamic_fields.X: 'b' is undefined"


def test_a_routes_template_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(FormError, match=r"^routes item 7\.ticket\.owner: not a template"):
        Composer(FORM, [Route("routes item 7", ticket={"owner": "{{ call.number }"})])


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        # Who has no number needs a customer too, unless a route takes all of his kind
        ((), ["withholds his number"]),
        ((Route("r1", withheld=True, ending=Ending.REJECTED),), ["has no number"]),
        ((Route("r1", withheld=True, dialled=("1",), ending=Ending.REJECTED),), ["withholds his number"]),
        ((Route("r1", matches=frozenset({Match.NONE}), ending=Ending.NO_TICKET),), []),
        ((Route("r1", customer_ids=("X",), ending=Ending.NO_TICKET),), ["withholds his number"]),
        ((Route("r1", ticket={"unknown_customer": "nobody"}),), []),
    ],
)
def test_what_no_call_comes_to_needs_no_customer(routes: tuple[Route, ...], told: list[str]) -> None:
    found = mistakes(FORM, *routes)
    assert [
        words for words, mistake in zip(told, found, strict=True) if f"for a caller who {words}:" not in mistake
    ] == []


# All that a ticket may have


@dataclass(frozen=True)
class File:
    """An attachment as the configuration has it."""

    filename: str = ""
    content: str = ""
    file: str = ""
    content_type: str = ""


EVERYTHING: dict[str, Any] = {
    "queue": 5,
    "state": 6,
    "priority": 4,
    "pending_time": timedelta(hours=2),
    "type": "{{ match }}",
    "service": 7,
    "sla": "Gold",
    "owner": 2,
    "responsible": "{{ call.dialled }}",
    "lock": 2,
    "dynamic_fields": {"One": "{{ match }}", "Many": ["{{ call.name }}", "", "x"], "None": [""]},
    "sender_type": 3,
    "from_address": " {{ customer.email }}\n",
    "visible_for_customer": True,
    "communication_channel": 1,
    "article_type": "note-internal",
    "content_type": "text/html; charset=utf8",
    "time_unit": "1.5",
    "history_type": "AddNote",
    "history_comment": "{{ match }}",
    "auto_response": "auto reply",
    "no_agent_notify": True,
    "force_notification_to_user_id": [1, 2],
    "exclude_notification_to_user_id": (3,),
    "exclude_mute_notification_to_user_id": (4,),
    "attachments": (File("call-{{ call.unique_id }}.txt", "{{ call.name }}\n"),),
}
ALL_OF_ARTICLE: dict[str, Any] = {
    "sender_type": 3,
    "visible_for_customer": True,
    "history_type": "AddNote",
    "history_comment": "exact",
    "auto_response": "auto reply",
    "from_address": "ivanov@romashka.example",
    "content_type": "text/html; charset=utf8",
    "communication_channel": 1,
    "article_type": "note-internal",
    "time_unit": "1.5",
    "no_agent_notify": True,
    "force_notification_to": (1, 2),
    "exclude_notification_to": (3,),
    "exclude_mute_notification_to": (4,),
    "attachments": (Attachment("call-1314075508.1094.txt", "text/plain; charset=utf8", "Иван\n".encode()),),
}
ALL = Ticket(
    call_id="1314075508.1094",
    title="Заявка с номера 89161229624",
    queue=5,
    state=6,
    priority=4,
    customer_user="ivanov",
    customer_id="ROMASHKA",
    article=Article("call", "2011-08-23 08:58:28+04:00", **ALL_OF_ARTICLE),
    type="exact",
    service=7,
    sla="Gold",
    owner=2,
    responsible="4509",
    lock=2,
    pending_time=timedelta(hours=2),
    dynamic_fields={"One": "exact", "Many": ("Иван", "x"), "None": ()},
)


def test_the_form_and_a_route_can_set_all_of_it() -> None:
    assert compose(replace(FORM, **EVERYTHING)) == ALL
    assert compose(FORM, CALL, KNOWN, Route("routes item 1", ticket=EVERYTHING)) == ALL
    left = {name for name in TicketOptions.model_fields if getattr(FORM, name) == EVERYTHING.get(name)}
    assert left == set()
    of_all_calls = {"title", "subject", "body", "unknown_customer", "wishes", "time_zone"}
    assert TicketOptions.model_fields.keys() - EVERYTHING.keys() == of_all_calls


def test_so_does_an_article_about_repeated_calls() -> None:
    form = replace(FORM, **EVERYTHING, repeat_subject="s", repeat_body="{{ calls|length }}")
    assert Composer(form).compose_update([CALL, CALL], KNOWN) == Article("s", "2", **ALL_OF_ARTICLE)


def test_a_route_replaces_attachments() -> None:
    form = replace(FORM, attachments=(File("a.txt", "a"), File("b.txt", "b")))

    def names(**options: object) -> list[str]:
        ticket = compose(form, CALL, KNOWN, Route("routes item 1", ticket=options))
        return [attachment.filename for attachment in ticket.article.attachments]

    assert (names(), names(attachments=(File("c.txt", "c"),)), names(attachments=())) == (
        ["a.txt", "b.txt"],
        ["c.txt"],
        [],
    )


def test_a_wish_is_a_name_though_the_form_has_an_id() -> None:
    ticket = compose(replace(FORM, queue=5, wishes=("queue",)), replace(CALL, wishes={"queue": "7"}))
    assert ticket.queue == "7"


@pytest.mark.parametrize(
    ("template", "until"),
    [
        (timedelta(minutes=90), timedelta(minutes=90)),
        ("", None),
        ("{% if match == 'none' %}2011-08-24{% endif %}", None),
        ("{{ call.time.replace(hour=18, minute=0) }}", datetime(2011, 8, 23, 14, 0, 28, tzinfo=UTC)),
        ("{{ '2011-08-24' }}", datetime(2011, 8, 23, 20, tzinfo=UTC)),
        (" {{ '2011-08-24 10:30' }}\n", datetime(2011, 8, 24, 6, 30, tzinfo=UTC)),
        ("{{ '2011-08-24T10:30Z' }}", datetime(2011, 8, 24, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_pending_time_lasts_so_long_or_until(template: timedelta | str, until: object) -> None:
    assert compose(replace(FORM, pending_time=template)).pending_time == until


def test_a_pending_time_without_a_zone_is_this_machines_where_none_is_set() -> None:
    until = compose(replace(FORM, pending_time="{{ '2011-08-24 10:30' }}", time_zone=None)).pending_time
    assert until == datetime(2011, 8, 24, 10, 30).astimezone()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        (
            "pending_time",
            "{{ call.name }}",
            "ticket.pending_time: gives 'Иван', which is no time such as 2026-11-23 18:00",
        ),
        ("attachments", [File("a", "{{ a }}")], "ticket.attachments item 1.content: 'a' is undefined"),
        ("dynamic_fields", {"X": ["a", "{{ a }}"]}, "ticket.dynamic_fields.X item 2: 'a' is undefined"),
        ("from_address", "{{ a }}", "ticket.from_address: 'a' is undefined"),
    ],
)
def test_what_a_template_may_not_give_is_refused_with_its_option(option: str, value: object, words: str) -> None:
    options: dict[str, Any] = {option: value}
    form = replace(WORKING, **options)
    refused = Composer(form).compose(CALL, KNOWN)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.words[: len(words)]) == ("template", words)
    [mistake] = mistakes(form)
    assert mistake.startswith(words)
    routed = Composer(WORKING, [Route("routes item 1", ticket=options)]).compose(CALL, KNOWN)
    assert isinstance(routed, Refused)
    assert routed.words.startswith(words.replace("ticket.", "routes item 1.ticket.", 1))


@pytest.mark.parametrize(
    ("written", "names", "words"),
    [
        (File("{{ customer.company }}", "a"), ["unnamed"], "filename: gives '', which is no"),
        (File(". .{{ '' }}", file="/srv/a"), ["unnamed"], "filename: gives '. .', "),
        (File(file="/srv/x/{{ '..' }}/y"), [], "file: gives '/srv/x/../y', which"),
        (File(file="/srv/x{{ '/a' }}/"), [], "file: gives '/srv/x/a/', which is no"),
        (File(file="/srv/{{ 'a\0b' }}"), [], "file: gives '/srv/a\\x00b', which is"),
    ],
)
def test_what_a_caller_is_called_costs_nobody_the_ticket(written: File, names: list[str], words: str) -> None:
    form = replace(WORKING, attachments=[written, File("b.txt", "b")])
    assert [one.filename for one in compose(form).article.attachments] == [*names, "b.txt"]
    [mistake] = mistakes(form)
    assert mistake.startswith(f"ticket.attachments item 1.{words}")


@pytest.mark.parametrize(
    ("written", "filename", "kind"),
    [
        (File("call.txt", "a"), "call.txt", "text/plain; charset=utf8"),
        (File("call.CSV", "a"), "call.CSV", "text/csv; charset=utf8"),
        (File("call", "a"), "call", "text/plain; charset=utf8"),
        (File("{{ call.name }}.html", "a"), "Иван.html", "text/html; charset=utf8"),
        (File("call.txt", "a", content_type="text/x-log; charset=utf-8"), "call.txt", "text/x-log; charset=utf-8"),
        (File(" {{ '../etc' }}/pass\nwd ", "a"), "_etc_pass wd", "text/plain; charset=utf8"),
        (File("{{ 'a\\\\b' }}\u202egpj.zzz", "a"), "a_b_gpj.zzz", "text/plain; charset=utf8"),
        (File("{{ 'я' * 300 }}.txt", "a"), "я" * 196 + ".txt", "text/plain; charset=utf8"),
        (File("a.{{ 'я' * 300 }}", "a"), "a." + "я" * 198, "text/plain; charset=utf8"),
        (File(file="/srv/a/leaflet.pdf"), "leaflet.pdf", "application/pdf"),
        (File("Our hours.pdf", file="/srv/a/{{ match }}.pdf"), "Our hours.pdf", "application/pdf"),
        (File(file="/srv/a/{{ match }}"), "exact", "application/octet-stream"),
        (File(file="/srv/a/{{ match }}", content_type="image/png"), "exact", "image/png"),
    ],
)
def test_an_attachments_name_and_kind(written: File, filename: str, kind: str) -> None:
    [attachment] = compose(replace(FORM, attachments=[written])).article.attachments
    assert (attachment.filename, attachment.content_type) == (filename, kind)
    assert (attachment.content == b"a") == (attachment.file == "") == (written.file == "")


def test_an_attachment_that_would_be_empty_is_none() -> None:
    files = [File("a", "{{ customer.company }} \n"), File("{{ '' }}", "{{ '' }}"), File(file="/srv/{{ '' }}")]
    assert mistakes(replace(WORKING, attachments=files[2:])) != []
    assert compose(replace(FORM, attachments=files[:2])).article.attachments == ()


def test_no_name_leads_out_of_the_folder_of_a_file() -> None:
    form = replace(FORM, attachments=[File(file="/srv/leaflets/{{ call.name }}.pdf")])
    for name, file in (("a", "/srv/leaflets/a.pdf"), ("/etc/passwd", "/srv/leaflets//etc/passwd.pdf")):
        [attachment] = compose(form, replace(CALL, name=name)).article.attachments
        assert attachment.file == file
    for name in ("../a", "a/../../b", "a\n"):
        assert compose(form, replace(CALL, name=name)).article.attachments == ()
    [attachment] = compose(form, replace(CALL, name="..")).article.attachments
    assert attachment.file == "/srv/leaflets/...pdf"


def test_in_html_what_names_stand_for_is_escaped() -> None:
    text = "<b>{{ call.name }}</b>{% if customer %}&amp;{% endif %}"
    call = replace(CALL, name="<i>&")
    html = "text/html; charset=utf8"
    files = [File("a.html", text), File("a.txt", text), File("a.txt", text, content_type=html)]
    form = replace(FORM, title=text, body=text, repeat_body=text, content_type=html, attachments=files)
    ticket, escaped, plain = compose(form, call), "<b>&lt;i&gt;&amp;</b>&amp;", "<b><i>&</b>&amp;"
    assert (ticket.title, ticket.article.body) == (plain, escaped)
    assert [one.content.decode() for one in ticket.article.attachments] == [escaped, plain, escaped]
    assert compose(replace(form, content_type="text/plain; charset=utf8"), call).article.body == plain
    again = Composer(form).compose_update([call], KNOWN)
    assert isinstance(again, Article)
    assert again.body == escaped
    assert compose(replace(form, body="<b>"), call).article.body == "<b>"


# Calls that are added to an open ticket


def test_an_article_about_repeated_calls() -> None:
    form = replace(
        FORM,
        repeat_subject="{{ calls | length }} calls,\n the last from {{ call.number }}",
        repeat_body="{% for one in calls %}{{ one.time.strftime('%H:%M') }}\n{% endfor %}{{ customer.name }}",
        history_comment="again: {{ call.name }}",
        visible_for_customer=True,
    )
    later = replace(CALL, unique_id="2", time=datetime(2011, 8, 23, 5, 10, tzinfo=UTC), number="201", name="Пётр")
    assert Composer(form).compose_update([CALL, later], KNOWN) == Article(
        subject="2 calls, the last from 201",
        body="08:58\n09:10\nИван Иванов",
        history_comment="again: Пётр",
        visible_for_customer=True,
    )


def test_an_article_is_as_the_route_of_the_last_call_has_it() -> None:
    routes = [
        Route("routes item 1", dialled=("1",), ticket={"sender_type": "system"}),
        Route("routes item 2", dialled=("2",), ending=Ending.REJECTED),
    ]
    composer = Composer(replace(FORM, sender_type="agent"), routes)

    def sender(*dialled: str) -> Named:
        article = composer.compose_update([replace(CALL, dialled=number) for number in dialled], KNOWN)
        assert isinstance(article, Article)
        return article.sender_type

    assert [sender("4509", "1"), sender("1", "4509"), sender("2")] == ["system", "agent", "agent"]


def test_an_article_that_fails_is_refused() -> None:
    refused = Composer(replace(FORM, repeat_body="{{ cals }}")).compose_update([CALL], KNOWN)
    assert refused == Refused("template", "repeat.body: 'cals' is undefined")
