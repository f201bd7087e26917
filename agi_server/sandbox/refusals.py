"""How OTRS says no: the two ways in which a request of the web service ends badly."""

from __future__ import annotations

NO_ACCESS = "User does not have access to the ticket!"


class RefusalError(Exception):
    """The last part of its ErrorCode, and its words without the operation's name, which stands before most of them."""

    def __init__(self, code: str, words: str, *, named: bool = True) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.named = named


class FaultError(Exception):
    """OTRS understood, and then could not: HTTP 500 with these words."""
