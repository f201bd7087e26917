"""What templates give, made into what their options need; whatever a caller said is a part of it."""

from __future__ import annotations

import contextlib
import posixpath
from datetime import UTC, tzinfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agi_server.filled import (
    LONGEST_NAME,
    OCTETS,
    TEXT,
    content_type,
    file_name,
    folder_of,
    last_part,
    one_line,
    path_within,
    pending_until,
)


@pytest.mark.parametrize(("text", "line"), [("", ""), (" a\n\t b ", "a b"), ("a\u2028b\xa0c", "a b c")])
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("template", "folder"),
    [
        ("/srv/a.pdf", ""),
        ("/srv/{{ match }}.pdf", "/srv/"),
        ("/srv/leaflets-{{ match }}/{{ call.name }}", "/srv/"),
        ("/srv/leaflets/{% if customer %}a{% endif %}", "/srv/leaflets/"),
        ("/srv/{# a folder #}a", "/srv/"),
        ("/{{ call.name }}", "/"),
        ("{{ call.name }}", ""),
    ],
)
def test_the_folder_before_the_first_name(template: str, folder: str) -> None:
    assert folder_of(template) == folder


@given(st.text() | st.text(alphabet="./a\\\n\x00", max_size=12))
@example("../a")
@example("a/../../b")
@example("//etc/passwd")
def test_no_text_leads_out_of_the_folder(said: str) -> None:
    path = "/srv/a/none"
    with contextlib.suppress(ValueError):
        path = path_within(f"/srv/a/{said}", "/srv/a/")
    assert posixpath.normpath(path).startswith("/srv/a/")
    assert path.isprintable()
    assert last_part(path)


@pytest.mark.parametrize("path", ["srv/a", "/srv/ab", "/srv", "/srv/a/", "/srv/a/..", "/srv/a/ .", "/etc/passwd"])
def test_a_path_is_one_of_a_file_in_its_folder(path: str) -> None:
    with pytest.raises(ValueError, match=r"which is no file in /srv/a/$"):
        path_within(path, "/srv/a/")


def test_a_path_without_names_may_be_any_and_an_empty_one_is_none() -> None:
    assert (path_within("/etc/motd", ""), path_within(" \n", "/srv/a/"), path_within("", "")) == ("/etc/motd", "", "")
    with pytest.raises(ValueError, match=r"gives 'motd', which is no file in /$"):
        path_within("motd", "")


@given(st.text() | st.text(alphabet="./a\\\n", max_size=12) | st.text(min_size=LONGEST_NAME))
def test_an_attachments_name_is_one_of_a_file(text: str) -> None:
    name = "none"
    with contextlib.suppress(ValueError):
        name = file_name(text)
    assert len(name) <= LONGEST_NAME
    assert name.isprintable()
    assert not {*name} & {*"/\\"}
    assert name.strip(" .")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", TEXT),
        ("A.TXT", TEXT),
        ("a.tar.pdf", "application/pdf"),
        ("a.html", "text/html; charset=utf8"),
        ("pdf", "other"),
        ("a.", "other"),
        ("", "other"),
        ("a.what-is-this", "other"),
    ],
)
def test_what_a_file_holds_is_told_by_the_end_of_its_name(name: str, kind: str) -> None:
    assert content_type(name, "other") == kind
    assert content_type(name, OCTETS) == (OCTETS if kind == "other" else kind)


@pytest.mark.parametrize("zone", [None, UTC])
@pytest.mark.parametrize("text", ["0001-01-01", "1969-12-31", "2038-01-01", "9999-12-31T23:59-12:00"])
def test_a_time_that_otrs_can_t_keep_is_none(text: str, zone: tzinfo | None) -> None:
    with pytest.raises(ValueError, match="OTRS keeps times from 1970 to 2037 only"):
        pending_until(text, zone)
