"""vocabulary: the words of the five operations, held to the requests that real servers took."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from agi_server.otrs.dialect import Dialect
from agi_server.otrs.vocabulary import VOCABULARY, Holds, Place
from tests.otrs.recorded import FOLDER

INSIDE = {"Ticket": Place.TICKET, "Article": Place.ARTICLE}
WRONG_ON_PURPOSE = {
    (Place.TICKET, "CustomerUserLogin"),
    (Place.TICKET, "Foo"),
    (Place.ARTICLE, "Bar"),
    (Place.TOP, "Quux"),
}
"""In recordings 38 and 79: OTRS ignores what it does not know."""


def local(element: etree._Element) -> str:
    return etree.QName(element).localname


def sent() -> Iterator[tuple[str, Place, str]]:
    """Every element of every request that was recorded: its operation, its place, its name."""
    for path in sorted(FOLDER.rglob("*.request.http")):
        body = path.read_bytes().partition(b"\r\n\r\n")[2]
        if b"<DispatchRequest" in body or b"Body>" not in body:
            continue
        try:
            operation = etree.fromstring(body)[-1][0]
        except (etree.XMLSyntaxError, IndexError):
            continue
        name = local(operation)
        for child in operation if name in VOCABULARY else ():
            if local(child) in INSIDE:
                yield from ((name, INSIDE[local(child)], local(inner)) for inner in child)
            else:
                yield name, Place.TOP, local(child)


def test_all_that_was_recorded_is_known() -> None:
    unknown = {
        (operation, name)
        for operation, place, name in sent()
        if (place, name) not in WRONG_ON_PURPOSE
        and not name.startswith("DynamicField_")
        and getattr(VOCABULARY[operation].get(name), "place", None) is not place
    }
    assert unknown == set()
    assert len(set(sent())) > 60


@pytest.mark.parametrize("operation", VOCABULARY)
def test_every_word_is_whole(operation: str) -> None:
    known = VOCABULARY[operation]
    for name, element in known.items():
        assert element.name == name
        assert element.help, name
        assert element.dialects, name
        assert not element.twin or known[element.twin].twin == name, name
        assert not element.needs or element.needs in known, name
        assert not element.choices or element.holds is Holds.TEXT, name
        assert name.endswith(("ID", "IDs")) or element.holds is not Holds.ID, name


@pytest.mark.parametrize("operation", ["TicketCreate", "TicketUpdate"])
def test_an_article_can_be_written_in_every_dialect(operation: str) -> None:
    channel, kind = VOCABULARY[operation]["CommunicationChannel"], VOCABULARY[operation]["ArticleType"]
    assert channel.dialects | kind.dialects == set(Dialect)
    assert not channel.dialects & kind.dialects
