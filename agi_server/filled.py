"""What a template has given, made into what its option needs: a line, a time, a file's name, a file's path.

Pure. A text that can't be that is a ValueError, which says what the template gives. Part of such a text may
be what a caller said: he can neither name a file in another folder nor give an attachment a strange name.
"""

from __future__ import annotations

import mimetypes
import re
from datetime import datetime, tzinfo

LONGEST_NAME = 200
"""Characters of an attachment's name; OTRS's column has 250."""
TEXT = "text/plain; charset=utf8"
OCTETS = "application/octet-stream"
YEARS = range(1970, 2038)
"""Of the times that OTRS can keep: its columns have 32 bits."""
_MARK = re.compile(r"\{[{%#]")


def one_line(text: str) -> str:
    """The text on one line, without needless space."""
    return " ".join(text.split())


def pending_until(text: str, zone: tzinfo | None) -> datetime | None:
    """The time that it names, in this zone (None: the machine's own) if it names none; empty: there is none."""
    text = one_line(text)
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"gives {text[:60]!r}, which is no time such as 2026-11-23 18:00") from None
    if time.year not in YEARS:
        raise ValueError(f"gives {text[:60]!r}, and OTRS keeps times from {YEARS[0]} to {YEARS[-1]} only")
    if time.tzinfo is not None:
        return time
    return time.replace(tzinfo=zone) if zone is not None else time.astimezone()


def file_name(text: str) -> str:
    """An attachment's name, without what would be a folder and what can't be seen; a long one keeps its end."""
    name = "".join("_" if one in "/\\" or not one.isprintable() else one for one in one_line(text)).strip(" .")
    if not name:
        raise ValueError(f"gives {text[:60]!r}, which is no file's name")
    stem, dot, suffix = name.rpartition(".")
    room = LONGEST_NAME - len(dot + suffix)
    return f"{stem[:room]}{dot}{suffix}" if room > 0 else name[:LONGEST_NAME]


def folder_of(template: str) -> str:
    """The folder before the first name in a path's template; empty: it has no names."""
    mark = _MARK.search(template)
    return template[: template.rfind("/", 0, mark.start()) + 1] if mark else ""


def path_within(text: str, folder: str) -> str:
    """The path of a file, if it is in this folder or below it (empty: in any). Empty: there is none."""
    path, folder = text.strip(), folder or "/"
    if not path:
        return ""
    if not path.startswith(folder) or not path.isprintable() or ".." in path.split("/") or not last_part(path):
        raise ValueError(f"gives {text[:60]!r}, which is no file in {folder}")
    return path


def last_part(path: str) -> str:
    """The file's own name, as an attachment has it; empty if that is none."""
    return path.rpartition("/")[2].strip(" .") and file_name(path.rpartition("/")[2])


def content_type(name: str, other: str) -> str:
    """What a file of this name holds, as far as its end tells; else it is the other."""
    _, dot, end = name.rpartition(".")
    known = mimetypes.types_map.get(dot + end.lower(), other)
    return f"{known}; charset=utf8" if known.startswith("text/") and known != other else known
