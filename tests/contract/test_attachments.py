"""Attachments: what is refused, how they are stored, and what TicketGet shows of them."""

from __future__ import annotations

import pytest

from tests.contract.requests import ARTICLE, created, creation
from tests.contract.wire import Answer, Node, Server

INVALID, MISSING = "InvalidParameter", "MissingParameter"
SOUND = {"Content": "UklGRi4uLi5XQVZF", "ContentType": "audio/x-wav", "Filename": "запись.wav"}
LEAFLET = {"Content": "aGk=", "ContentType": "application/pdf", "Filename": "a.pdf"}


async def shown(otrs: Server, ticket_id: str, **how: str) -> Answer:
    return await otrs.call("TicketGet", {"TicketID": ticket_id, "AllArticles": "1", "Attachments": "1", **how})


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        ("", MISSING, "Attachment parameter is missing or not valid!"),
        ("x", MISSING, "Attachment parameter is missing or not valid!"),
        ({"ContentType": "text/plain"}, MISSING, "Attachment->Content  parameter is missing!"),
        ({**SOUND, "Content": ""}, MISSING, "Attachment->Content  parameter is missing!"),
        ({"Content": "aGk=", "Filename": "a"}, MISSING, "Attachment->ContentType  parameter is missing!"),
        ({"Content": "aGk=", "ContentType": "a/b"}, MISSING, "Attachment->Filename  parameter is missing!"),
        ({**SOUND, "ContentType": "wav"}, INVALID, "Attachment->ContentType is invalid!"),
        ({**SOUND, "ContentType": "text/plain; charset=klingon"}, INVALID, "Attachment->ContentType is invalid!"),
        ([SOUND, {**SOUND, "Filename": " "}], MISSING, "Attachment->Filename  parameter is missing!"),
    ],
)
async def test_an_attachment_that_is_refused(otrs: Server, sent: Node, code: str, words: str) -> None:
    answer = await otrs.call("TicketCreate", creation(Attachment=sent))

    assert answer.error == (f"TicketCreate.{code}", f"TicketCreate: {words}")


async def test_it_is_looked_at_after_the_dynamic_fields(otrs: Server) -> None:
    answer = await otrs.call("TicketCreate", creation(Attachment={"x": "y"}, DynamicField={"Name": "x", "Value": "x"}))
    assert answer.error[1] == "TicketCreate: DynamicField->Name parameter is invalid!"

    answer = await otrs.call("TicketCreate", creation(Attachment="", ticket={"Title": None}))
    assert answer.error[1] == "TicketCreate: Attachment parameter is missing or not valid!"


async def test_attachments_are_shown_by_name_with_all_that_belongs_to_them(otrs: Server) -> None:
    ticket_id = await created(otrs, Attachment=[SOUND, LEAFLET])

    answer = await shown(otrs, ticket_id)

    first, second = answer.content.findall("{*}Ticket/{*}Article/{*}Attachment")
    assert {element.tag.rpartition("}")[2]: element.text or "" for element in second} == {
        **SOUND,
        "ContentAlternative": "",
        "ContentID": "",
        "Disposition": "attachment",
        "FileID": "2",
        "FilesizeRaw": "12",
    }
    assert first.findtext("{*}Content") == "aGk="


@pytest.mark.parametrize(
    ("how", "contents"),
    [
        ({"GetAttachmentContents": "0"}, [""]),
        ({"GetAttachmentContents": "1"}, ["aGk="]),
        ({"Attachments": "0"}, []),
        ({"AllArticles": "0"}, []),
    ],
)
async def test_their_contents_come_only_if_they_are_wanted(
    otrs: Server, how: dict[str, str], contents: list[str]
) -> None:
    ticket_id = await created(otrs, Attachment=LEAFLET)

    answer = await shown(otrs, ticket_id, **how)

    assert answer.texts("Content") == contents
    assert answer.texts("Filename") == ["a.pdf"] * len(contents)


@pytest.mark.parametrize(
    ("element", "sent", "stored"),
    [
        ("Content", "aG\nk=", "aGk="),
        ("Content", "YWI=YWI=", "YWI="),
        ("Content", "0", ""),
        ("Content", "!!!", ""),
        ("ContentType", "Text/Plain; charset=UTF8", "text/plain; charset=utf8"),
        ("ContentType", "image/svg+xml", "image/svg+xml"),
        ("Filename", " x y.txt ", "x y.txt"),
        ("Filename", "../a/b:c.txt", "/a/b:c.txt"),
        ("ContentID", "<1@x>", "<1@x>"),
        ("Disposition", "inline", "inline"),
    ],
)
async def test_how_an_attachment_is_stored(otrs: Server, element: str, sent: str, stored: str) -> None:
    ticket_id = await created(otrs, Attachment={**SOUND, element: sent})

    shown_again = await shown(otrs, ticket_id)

    assert shown_again.text(f"Ticket/Article/Attachment/{element}") == stored


async def test_a_name_that_is_there_gets_a_number(otrs: Server) -> None:
    ticket_id = await created(
        otrs, Attachment=[SOUND, SOUND, {**SOUND, "Filename": "без"}, {**SOUND, "Filename": "без"}]
    )

    answer = await shown(otrs, ticket_id)

    assert sorted(answer.texts("Filename")) == sorted(["запись.wav", "запись-1.wav", "без", "без-1"])


async def test_every_article_gets_them_and_one_s_own_are_ignored(otrs: Server) -> None:
    article = {**ARTICLE, "Attachment": {**SOUND, "Filename": "x.wav"}}
    answer = await otrs.call("TicketCreate", {**creation(Attachment=LEAFLET), "Article": [article, article]})
    assert (await shown(otrs, answer.text("TicketID"))).texts("Filename") == ["a.pdf", "a.pdf"]


async def test_only_an_article_can_bring_an_attachment(otrs: Server) -> None:
    ticket_id = await created(otrs)

    async def update(**sent: object) -> tuple[str, str]:
        return (await otrs.call("TicketUpdate", {"TicketID": ticket_id, **sent})).error

    words = "TicketUpdate: To create an attachment an article is needed!"
    assert await update(Attachment=SOUND) == ("TicketUpdate.MissingParameter", words)
    words = "TicketUpdate: Attachment->Content parameter is missing!"
    assert await update(Attachment={"x": "y"}, Article=ARTICLE) == ("TicketUpdate.MissingParameter", words)
    assert await update(Attachment=SOUND, Article=ARTICLE) == ("", "")
    assert (await shown(otrs, ticket_id)).texts("Filename") == ["запись.wav"]
