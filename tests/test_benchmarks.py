"""The benchmarks in a minute: a gross regression fails, a noisy machine does not.

Only what was measured in the same run is compared, and the bounds are several times what was seen. The figures
themselves are those of `make bench`; see `benchmarks/README.md`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as suite
from benchmarks import agi_step, burst, idle, soak, whole_road
from benchmarks.report import FOLDER
from tests.lab.lab import require

pytestmark = pytest.mark.timeout(300)
TIMES = 4
"""So much worse than seen is gross."""


@pytest.fixture(autouse=True)
def _folder() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)


def test_the_agi_step_beside_bare_servers() -> None:
    figures = agi_step.measure(rounds=2, seconds=0.4, levels=(1, 32))
    for ours, limit in ((agi_step.OURS, agi_step.LIMIT), (agi_step.OURS_AT_ONCE, agi_step.LIMIT_OF_FIVE)):
        assert agi_step.of_limit(figures, ours, limit, 32) > 0.04 / TIMES
        assert agi_step.more_p99(figures, ours, limit) < 25 * TIMES
        worked, least = (min(figures[name, 32].server_cpu) for name in (ours, limit))
        assert worked / least < 50 * TIMES


def test_a_burst_beside_otrs_alone() -> None:
    calls, a_second = 120, 60.0
    found = burst.run(calls, 0.25, a_second)
    assert max(found.waits) < burst.PATIENCE + 2
    assert found.last_ticket_s < calls / a_second * TIMES


def test_nothing_wears_out() -> None:
    curve, statuses = soak.run(5_000)
    assert statuses.keys() <= {"created", "queued"}
    worn = soak.wear(curve)
    assert worn.bytes_a_call < 1_500 * TIMES  # caches still fill
    assert worn.files <= soak.FLAT_FILES * TIMES
    assert worn.waiting < soak.FLAT_RATIO * TIMES
    assert worn.journal < soak.FLAT_RATIO


def test_open_sessions_are_cheap() -> None:
    kilobytes, files = idle.sessions_cost(300)
    assert kilobytes < 20 * TIMES
    assert files == pytest.approx(1, abs=0.1)


@pytest.mark.lab
def test_the_whole_road_beside_the_bare_request_and_the_way_of_2011() -> None:
    require()
    figures = whole_road.measure(rounds=1, levels=(4,))
    bare, ours = (max(figures[way, 4].rate) for way in (whole_road.BARE, whole_road.OURS))
    assert ours > bare / TIMES
    assert whole_road.cpu(figures, whole_road.OURS) * 2 < whole_road.cpu(figures, whole_road.FORKED)
    assert whole_road.cpu(figures, whole_road.OURS) * 3 < whole_road.cpu(figures, whole_road.EXECUTED)


def test_the_suite_runs_every_benchmark() -> None:
    modules = Path(suite.__file__).parent.glob("[!_]*.py")
    runnable = {path.stem for path in modules if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")}
    assert {name for name, *_ in suite.ALL} == runnable
