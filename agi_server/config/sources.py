"""Where the configuration comes from: its file, the files of secrets, the environment.

Files are bounded and must be files, so that nothing here waits or grows without end. Each
failure is told in words that say what to do.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from agi_server.config.mistakes import ConfigError, Mistake
from agi_server.logs import printable

LARGEST_FILE = 256 * 1024
LARGEST_SECRET = 4 * 1024


def read_file(path: Path) -> tuple[str, bool]:
    """The file's text, and whether everybody on this machine may read it."""
    try:
        content, everybody = _read_bytes(path, LARGEST_FILE)
    except FileNotFoundError as error:
        words = "there is no such file; name yours with --config FILE, or let agi-server install-samples write one"
        raise ConfigError(path, [Mistake(0, "", words)]) from error
    except (OSError, ValueError) as error:
        raise ConfigError(path, [Mistake(0, "", f"can't be read: {_why(error)}")]) from error
    try:
        return content.decode("utf-8-sig"), everybody
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        words = "found bytes that are not UTF-8, expected a text file saved as UTF-8"
        raise ConfigError(path, [Mistake(line, "", words)]) from error


def read_secret(path: Path, name: str) -> str:
    """The secret that a file holds, without the line break at its end. ValueError: why not, in words.

    `name` is the file's as an error may repeat it.
    """
    try:
        content, _ = _read_bytes(path, LARGEST_SECRET)
        secret = re.sub(r"\r?\n\Z", "", content.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"found bytes in {name} that are not UTF-8, expected one line of text") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"can't read {name}: {_why(error)}") from error
    if not secret or not secret.isprintable():
        what = "several lines or control characters" if secret else "nothing"
        raise ValueError(f"found {what} in {name}, expected the secret on one line")
    return secret


def _read_bytes(path: Path, largest: int) -> tuple[bytes, bool]:
    if not path.is_file():  # a pipe would let us wait for ever; what is not there raises here
        path.stat()
        raise ValueError("this is not a file")
    with path.open("rb") as file:
        content = file.read(largest + 1)
        mode = os.fstat(file.fileno()).st_mode
    if len(content) > largest:
        raise ValueError(f"it is larger than {largest // 1024} KiB")
    return content, bool(mode & stat.S_IROTH)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


_VARIABLE = re.compile(r"(?P<escaped>\$\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<broken>\$\{)")
_STRANGE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters but for tab and line break, and halves of characters, as undecodable bytes give them."""


def expand(text: str, environ: Mapping[str, str]) -> str:
    """The text with each `${NAME}` replaced from the environment. ValueError: why not, in words."""
    unset: list[str] = []

    def value(found: re.Match[str]) -> str:
        if found["broken"]:
            raise ValueError(
                "found ${ without a name and }, expected ${NAME}; $${ stands for the characters themselves"
            )
        if found["escaped"]:
            return "${"
        if found["name"] not in environ:
            unset.append(found["name"])
        return environ.get(found["name"], "")

    expanded = _VARIABLE.sub(value, text)
    if unset:
        names = list(dict.fromkeys(unset))
        many = "s" if names[1:] else ""
        raise ValueError(f"environment variable{many} {' and '.join(names)} {'are' if many else 'is'} not set")
    strange = re.search(_STRANGE, expanded)
    if strange:
        raise ValueError(f"found the character {printable(strange[0])}, expected text without control characters")
    return expanded
