"""How a browser gives the token, and how it takes its leave."""

from __future__ import annotations

import logging

from aiohttp import web

from agi_server.web.access import SHIFT, Access, Denied
from agi_server.web.views import Views
from agi_server.web.visit import Visit, form_of, page
from agi_server.web.words import words_for

log = logging.getLogger("agi_server.web")

COOKIE = "agi-server"
LONGEST_BACK = 500


class Login:
    """Serves the form; only where there is a token."""

    def __init__(self, access: Access, views: Views) -> None:
        self._access = access
        self._views = views

    async def form(self, request: web.Request) -> web.Response:
        """The form."""
        return self._form(request, request.query.get("back", ""), "")

    async def log_in(self, request: web.Request) -> web.Response:
        """A token: the right one is exchanged for a cookie."""
        form = await form_of(request)
        back, given = form.get("back", ""), form.get("token", "")
        denied = self._access.try_token(request.remote or "", given)
        if denied is Denied.TOO_OFTEN:
            return self._form(request, back, "too_often", 429)
        if denied is not None:
            log.warning("a wrong token from %s", request.remote)
            return self._form(request, back, "wrong_token", 403)
        response = web.Response(status=303, headers={"Location": _within(back)})
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(
            COOKIE, self._access.cookie(), max_age=SHIFT, path="/", httponly=True, samesite="Strict", secure=secure
        )
        return response

    async def log_out(self, _: Visit) -> web.Response:
        """Forget the cookie."""
        response = web.Response(status=303, headers={"Location": "/login"})
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return response

    def _form(self, request: web.Request, back: str, mistake: str, status: int = 200) -> web.Response:
        words = words_for(request.headers.get("Accept-Language", ""))
        return page(self._views.render("login.html", words, back=_within(back), mistake=mistake), status)


def _within(back: str) -> str:
    """Where to go after the login: an address of our own, and no other."""
    safe = back.startswith("/?") and back.isascii() and back.isprintable() and len(back) <= LONGEST_BACK
    return back if safe else "/"
