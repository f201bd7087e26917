"""The files that an administrator starts from, which the package brings along: where they are, and writing them out.

In the repository they stand once, in `config/` and `asterisk/`; `share/` leads there, and a built package has them in
it. What a person may have changed is never written over unless he says so.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

SHARE = Path(__file__).parent / "share"
FOLDERS = {"config": "", "asterisk": "asterisk"}
"""The folders in `share`, and where their files are written."""
CONFIG = Path("agi-server.yaml")
"""Ours and our group's only: passwords may come to stand in it."""
UNIT = Path("systemd/agi-server.service")
COMMAND = "/opt/agi-server/bin/agi-server"
"""The program as the unit has it; another path is put in its place where the program is another one."""


class Fate(StrEnum):
    """What became of one file."""

    WRITTEN = "wrote"
    SAME = "same"
    KEPT = "kept"


def samples() -> Mapping[Path, Path]:
    """Each file's place below the folder to write to, and where it is."""
    return {
        Path(place) / path.relative_to(SHARE / name): path
        for name, place in FOLDERS.items()
        for path in sorted((SHARE / name).rglob("*"))
        if path.is_file()
    }


def install(folder: Path, command: str, *, force: bool) -> Iterator[tuple[Fate, Path]]:
    """Write all files below this folder; one that is there and differs is kept, unless forced. May raise OSError."""
    for place, source in samples().items():
        content = source.read_bytes()
        if place == UNIT:
            content = content.replace(COMMAND.encode(), command.encode())
        target = folder / place
        if target.exists() and target.read_bytes() == content:
            yield Fate.SAME, target
        elif target.exists() and not force:
            yield Fate.KEPT, target
        else:
            _write(target, content, private=place == CONFIG)
            yield Fate.WRITTEN, target


def command() -> str:
    """The program that belongs to this installation, as a unit can start it."""
    ours = Path(sysconfig.get_path("scripts")) / "agi-server"
    return str(ours) if ours.exists() else COMMAND


def _write(target: Path, content: bytes, *, private: bool) -> None:
    """The whole file or none of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f"{target.name}.new")
    new.unlink(missing_ok=True)
    new.touch(0o600, exist_ok=False)
    new.write_bytes(content)
    if private:
        os.chown(new, -1, target.parent.stat().st_gid)
    new.chmod(0o640 if private else 0o644)
    new.replace(target)
