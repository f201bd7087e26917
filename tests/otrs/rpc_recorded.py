"""What rpc.pl of real servers was asked and what it answered: tests/data/otrs-rpc, exact bytes, by version."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "otrs-rpc"
NAMES = sorted(str(path.relative_to(FOLDER)).removesuffix(".response.http") for path in FOLDER.rglob("*.response.http"))


def answer(name: str) -> tuple[int, bytes]:
    """Status and body of what came back; a recording may be named by its number, `4/208`."""
    head, _, body = _read(name, "response").partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    return status, _whole(body) if b"chunked" in head else body


def request(name: str) -> tuple[str, bytes]:
    """SOAPAction and body of what was asked."""
    head, _, body = _read(name, "request").partition(b"\r\n\r\n")
    actions = [line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.startswith(b"SOAPAction")]
    return b"".join(actions).decode(), body


def _read(name: str, which: str) -> bytes:
    version, _, number = name.partition("/")
    [path] = (FOLDER / version).glob(f"{number[:3]}-*.{which}.http")
    return path.read_bytes()


def _whole(chunked: bytes) -> bytes:
    """Its chunks in a row."""
    whole = b""
    while True:
        size, _, chunked = chunked.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return whole
        whole, chunked = whole + chunked[:length], chunked[length + 2 :]
