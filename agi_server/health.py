"""`agi-server health`: can the running server take calls? For who watches a container, or only wants to know.

Its own `/readyz` is asked, over HTTP. Degraded is well: calls are taken, and their tickets follow.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass

SECONDS = 3.0
"""For the answer; it takes some milliseconds."""
LARGEST = 64 * 1024
READY, NOT_READY = 200, 503


@dataclass(frozen=True, slots=True)
class Health:
    """What the server says of itself."""

    ready: bool
    words: str


def ask(host: str, port: int, token: str, user_header: str = "") -> Health:
    """Ask the web server there, as one who has the token, or as the proxy would that names users in this header."""
    headers = {"Authorization": f"Bearer {token}".encode()} if token else {}
    if user_header and not token:
        headers = {user_header: b"agi-server health"}
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", "/readyz", headers=headers)
        answer = connection.getresponse()
        body = answer.read(LARGEST)
    except (OSError, http.client.HTTPException) as error:
        return Health(False, f"no answer from {host}:{port}: {error}")
    finally:
        connection.close()
    if answer.status not in (READY, NOT_READY):
        return Health(False, f"{host}:{port} says {answer.status} {answer.reason}: is `web` the running server's?")
    try:
        parts = dict(json.loads(body))
    except (ValueError, TypeError):
        return Health(False, f"another program answers on {host}:{port}")
    return Health(answer.status == READY, "\n".join(f"{part}: {words}" for part, words in parts.items()))
