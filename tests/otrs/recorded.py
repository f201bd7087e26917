"""What real OTRS servers were asked and what they answered: tests/data/otrs, exact bytes.

Without a folder in its name a recording is Znuny 6.5.1's, under `4/` OTRS 4.0.10's, under `3.1/`
that of OTRS 3.1 as of March 2012.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "otrs"
NAMES = sorted(str(path.relative_to(FOLDER)).removesuffix(".response.http") for path in FOLDER.rglob("*.response.http"))


def response(name: str) -> bytes:
    """The bytes that came back, from the status line (where there was one) to the end."""
    return (FOLDER / f"{name}.response.http").read_bytes()


def answer(name: str) -> tuple[int, bytes]:
    """Status and body of a recording that is HTTP."""
    head, _, body = response(name).partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


def is_http(name: str) -> bool:
    """Not all are: a dead database makes mod_perl answer without a status line, and CGI with nothing."""
    return response(name).startswith(b"HTTP/")
