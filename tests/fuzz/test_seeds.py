"""The seeds of the fuzzer: each holds what its target promises. Found ones stay, so that nothing breaks twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import fuzz_agi, fuzz_config, fuzz_numbers, fuzz_soap

FOLDER = Path(__file__).parents[1] / "data" / "fuzz"
CHECKS = {"agi": fuzz_agi.check, "config": fuzz_config.check, "numbers": fuzz_numbers.check, "soap": fuzz_soap.check}
SEEDS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*"))


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name: str) -> None:
    CHECKS[Path(name).parent.name]((FOLDER / name).read_bytes())


@pytest.mark.parametrize("target", CHECKS)
def test_each_target_has_seeds(target: str) -> None:
    assert sum(name.startswith(f"{target}/") for name in SEEDS) >= 5
