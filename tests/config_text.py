"""The text of a configuration file, for tests of single options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agi_server.config.tickets import ENDS

LEAST: dict[str, dict[str, str]] = {
    "customers": {"database": '"mysql+aiomysql://asterisk@127.0.0.1:3306/otrs"'},
    "otrs": {"url": "http://127.0.0.1/otrs/x", "user": "asterisk", "password": "geheim"},
    "ticket": {"unknown_customer": "unknown-caller"},
}
"""The shortest configuration: section, option, and its value as it is written."""


def text_with(changes: Mapping[str, str], without: Iterable[str] = ()) -> str:
    """The shortest configuration with these options set as written, and without those.

    They are called as `describe` does: `section.option`; `routes[].option` is that of one route, and
    `ticket.attachments[].option` that of one attachment, which has what it needs besides.
    """
    sections = {section: dict(options) for section, options in LEAST.items()}
    for name in without:
        section, _, option = name.partition(".")
        del sections[section][option]
    for name, value in changes.items():
        section, _, option = name.partition(".")
        sections.setdefault(section, {})[option] = value
    return "".join(_section(section, options) for section, options in sections.items())


def _section(section: str, options: dict[str, str]) -> str:
    if section.endswith("[]"):
        end = {} if options.keys() & set(ENDS) else {"no_ticket": "yes"}
        lines = "".join(f"    {option}: {value}\n" for option, value in (options | end).items())
        return f"{section[:-2]}:\n  -{lines[3:]}"
    if "" in options:
        return f"{section}: {options['']}\n"
    return f"{section}:\n" + "".join(f"  {_option(option)}: {value}\n" for option, value in options.items())


def _option(name: str) -> str:
    listed, _, option = name.partition("[].")
    if not option:
        return name
    others = {"content": {"filename": "a.txt"}, "filename": {"content": "a"}, "content_type": {"file": "/srv/a"}}
    return f"{listed}:\n   - " + "".join(f"{o}: {v}\n     " for o, v in others.get(option, {}).items()) + option
