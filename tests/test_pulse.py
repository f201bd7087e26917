"""How OTRS is: a table of what it did, and what we think of it."""

from __future__ import annotations

import pytest

from agi_server.pulse import MOMENT, SILENCE, Pulse


class Time:
    """A stopwatch that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_trouble_begins_once_and_ends_once(time: Time) -> None:
    pulse = Pulse(time)
    assert not pulse.answered()
    assert [pulse.failed(time.now), pulse.failed(time.now)] == [True, False]
    assert pulse.troubled
    assert [pulse.answered(), pulse.answered()] == [True, False]
    assert not pulse.troubled


def test_a_failure_is_forgotten_if_nobody_asks_again(time: Time) -> None:
    pulse = Pulse(time)
    pulse.failed(time.now)
    time.now += MOMENT + 1
    assert not pulse.troubled
    with pulse.asking():
        assert pulse.troubled
    assert pulse.failing


def test_a_failure_of_what_began_before_the_last_answer_tells_nothing(time: Time) -> None:
    pulse = Pulse(time)
    with pulse.asking() as began:
        time.now += 5
        pulse.answered()
    assert not pulse.failed(began)
    assert not pulse.troubled


def test_silence_is_trouble_until_anyone_is_answered(time: Time) -> None:
    pulse = Pulse(time)
    with pulse.asking():
        time.now += SILENCE
        assert not pulse.troubled
        time.now += 1
        assert pulse.troubled
        pulse.answered()
        assert not pulse.troubled
