"""Addresses of OTRS's pages."""

from __future__ import annotations

import http.cookiejar
import urllib.parse
import urllib.request

import pytest
from lxml import html

from agi_server.call import Created
from agi_server.links import Links
from tests import lab
from tests.lab import facts

INDEX = "https://h/otrs/index.pl"
LINKS = Links(f"{INDEX}?Action=AgentTicketZoom;TicketID={{{{ ticket_id }}}}")
ODD = "a;b&c=d+e f%g/Иван"
"""A login may be any text; a parameter ends at a `;` as well as at a `&`."""


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
    assert Links(template).mistake() is None
    assert Links(template).ticket(Created("50", "2026")) == expected


@pytest.mark.parametrize("template", ["http://o/{{ ticket_id.foo }}", "http://o/{{ ticket_id + 1 }}"])
def test_an_address_that_fails_is_told_by_check_and_left_out_for_calls(template: str) -> None:
    assert Links(template).ticket(Created("50", "2026")) == ""
    mistake = Links(template).mistake()
    assert mistake is not None
    assert mistake.option == "otrs.zoom_url"


def test_the_pages_of_customers() -> None:
    assert LINKS.customer("ivanov") == f"{INDEX}?Action=AgentCustomerUserInformationCenter;CustomerUserID=ivanov"
    assert LINKS.new_customer("79161229624") == (
        f"{INDEX}?Action=AdminCustomerUser;Nav=Agent;Subaction=Add;UserLogin=79161229624"
    )


def test_a_login_is_one_value_whatever_is_in_it() -> None:
    for address in (LINKS.customer(ODD), LINKS.new_customer(ODD)):
        parameters = dict(part.split("=") for part in address.partition("?")[2].split(";"))
        assert urllib.parse.unquote_plus(list(parameters.values())[-1]) == ODD
        assert address.isascii()
        assert "&" not in address


@pytest.mark.parametrize("zoom_url", ["", "http://o/tickets/{{ ticket_id }}", "http://o/{{ ticket_id }}/index.pl?a=b"])
def test_without_a_page_of_otrs_s_there_are_none(zoom_url: str) -> None:
    assert Links(zoom_url).customer("ivanov") == Links(zoom_url).new_customer("1") == ""


def test_without_a_login_there_are_none() -> None:
    assert LINKS.customer("") == LINKS.new_customer("") == ""


@pytest.mark.lab
def test_znuny_shows_these_pages() -> None:
    lab.require()
    links = Links(f"{facts.ZNUNY_URL}/index.pl?Action=AgentTicketZoom;TicketID={{{{ ticket_id }}}}")
    agent = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    login = {"Action": "Login", "User": facts.ADMIN, "Password": facts.ADMIN_PASSWORD}
    agent.open(f"{facts.ZNUNY_URL}/index.pl", urllib.parse.urlencode(login).encode(), timeout=60).close()

    def page(address: str) -> html.HtmlElement:
        with agent.open(address, timeout=60) as answer:
            return html.fromstring(answer.read().decode())

    known = page(links.customer("ivanov"))
    assert "ivanov@romashka.example" in known.findtext(".//h1/a[@id='CustomerUserInformationCenterHeading']", "")
    for text in ("79161229624", ODD):
        [field] = page(links.new_customer(text)).xpath("//input[@name='UserLogin']")
        assert field.get("value") == text
