"""Coverage-guided fuzzing: `python -m tests.fuzz TARGET --seconds N`; needs `pip install -e '.[fuzz]'`.

Starts from the seeds in tests/data/fuzz/TARGET and keeps what it finds in build/fuzz/TARGET; an input that breaks a
promise is kept there too, with its name printed. `--keep` fuzzes nothing: it takes over into the seeds what reaches
lines of ours that no seed reaches. The seeds themselves are replayed by every `make test`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

import agi_server

ROOT = Path(__file__).parents[2]
TARGETS = {
    "agi": ("agi_server.asterisk",),
    "soap": ("agi_server.otrs.soap", "agi_server.otrs.shown"),
    "numbers": ("agi_server.numbers", "agi_server.plan", "agi_server.notation", "agi_server.likeness"),
    "config": ("agi_server.config", "yaml"),
}
"""What is fuzzed, and the modules whose coverage guides it."""
LONGEST_INPUT = {"agi": 3_000, "soap": 4_000, "numbers": 300, "config": 3_000}
SLOW_SECONDS = 5

Step = tuple[str, int, int]


def fuzz(target: str, seconds: int, seeds: Path, work: Path) -> None:
    """Run libFuzzer in this process; it ends the process itself."""
    import atheris  # only here: the rest of the tests does without

    with atheris.instrument_imports(include=list(TARGETS[target])):
        check = _check_of(target)
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST_INPUT[target],
        "timeout": SLOW_SECONDS,
        "print_final_stats": 1,
        "artifact_prefix": f"{work}/broken-",
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    corpus = work / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *arguments, str(corpus), str(seeds)], check)
    atheris.Fuzz()


def keep(target: str, seeds: Path, work: Path) -> int:
    """Take over, smallest first, each input that takes a step through our code which no seed takes."""
    check = _check_of(target)
    known: set[Step] = set()
    for path in sorted(seeds.iterdir()):
        known |= steps(check, path.read_bytes())
    kept = 0
    for path in sorted((work / "corpus").iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        data = path.read_bytes()
        if new := steps(check, data) - known:
            known |= new
            (seeds / f"found-{sha256(data).hexdigest()[:12]}").write_bytes(data)
            kept += 1
    return kept


def steps(check: Callable[[bytes], None], data: bytes) -> set[Step]:
    """The steps from line to line that the check takes through our package."""
    package = str(Path(agi_server.__file__).parent)
    taken: set[Step] = set()

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        name = frame.f_code.co_filename
        if not name.startswith(package):
            return None
        last = frame.f_lineno

        def line(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            nonlocal last
            taken.add((name, last, frame.f_lineno))
            last = frame.f_lineno
            return line

        return line

    sys.settrace(trace)
    try:
        check(data)
    finally:
        sys.settrace(None)
    return taken


def _check_of(target: str) -> Callable[[bytes], None]:
    check: Callable[[bytes], None] = importlib.import_module(f"tests.fuzz.fuzz_{target}").check
    return check


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    seeds, work = ROOT / "tests/data/fuzz" / arguments.target, ROOT / "build/fuzz" / arguments.target
    if arguments.keep:
        print(f"{keep(arguments.target, seeds, work)} inputs taken over into {seeds.relative_to(ROOT)}")
    else:
        fuzz(arguments.target, arguments.seconds, seeds, work)


if __name__ == "__main__":
    main()
