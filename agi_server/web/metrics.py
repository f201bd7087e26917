"""The figures that Prometheus reads: taken from the rooms when it asks, kept nowhere else.

Names and units are as Prometheus's own conventions say; no label has more values than are listed in the
code, and no figure tells who called. What can be told beforehand to happen some day stands there as 0 from
the start, for Prometheus sees no increase in what was not there.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from agi_server import __version__
from agi_server.asterisk.admission import LEVELS
from agi_server.attempt import ENDED
from agi_server.call import Match
from agi_server.intake import STATUSES
from agi_server.tally import Durations
from agi_server.web.house import House, Journalled

Labels = TypeVar("Labels", bound=tuple[str, ...])
"""Values of a family's labels, in the labels' order."""


def render(house: House, journalled: Journalled) -> bytes:
    """All figures in Prometheus's text format; those of the journal only if it could be asked."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(house, journalled))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Figures:
    """A collector for one answer."""

    def __init__(self, house: House, journalled: Journalled) -> None:
        self._house = house
        self._journalled = journalled

    def collect(self) -> Iterator[Metric]:
        """The figures, one family after the other."""
        about = {(__version__, platform.python_version()): 1.0}
        yield _gauges("build_info", "The program's version and Python's", ("version", "python"), about)
        yield from self._calls()
        yield from self._otrs()
        yield from self._journal()
        yield from self._customers()

    def _calls(self) -> Iterator[Metric]:
        intake, server = self._house.intake, self._house.server
        calls = {(status, match.value): intake.calls[status, match] for status in STATUSES for match in Match}
        yield _counters("calls", "Calls by HELPDESK_STATUS and HELPDESK_MATCH", ("status", "match"), calls)
        step = "From a call's request to the last of its channel variables"
        yield _histograms("agi_step_seconds", step, (), {(): intake.steps})
        yield _gauge("patience_seconds", "What a caller waits for his ticket at most", intake.patience)
        yield _gauge("unkept_calls", "Calls in memory, because the journal can't be written", intake.unkept)
        yield _gauge("listening", "1 while Asterisk can connect", server.listening)
        yield _gauge("sessions", "AGI connections open now", server.sessions)
        rejected = {(reason,): server.rejected[reason] for reason in LEVELS}
        yield _counters("rejected_connections", "Connections that were no call", ("reason",), rejected)

    def _otrs(self) -> Iterator[Metric]:
        delivery = self._house.delivery
        yield _gauge("otrs_failing", "1 while OTRS fails or is silent, and calls wait for it", delivery.otrs_fails)
        took = "What OTRS needed for a request; refused: it said no, trouble: it gave no answer, or not in time"
        labels = ("operation", "outcome")
        yield _histograms("otrs_request_seconds", took, labels, self._house.help_desk.requests)
        attempts = {(how,): delivery.attempts[how] for how in ENDED}
        yield _counters("attempts", "Attempts to bring a call to OTRS, by how they ended", ("outcome",), attempts)

    def _journal(self) -> Iterator[Metric]:
        journalled = self._journalled
        yield _gauge("journal_failing", "1 while the journal can't be written", isinstance(journalled, str))
        if isinstance(journalled, str):
            return
        numbers = {(state.value,): calls.number for state, calls in journalled.items()}
        yield _gauges("journal_calls", "Calls that are no tickets yet", ("state",), numbers)
        ages = {(state.value,): _age(calls.oldest) for state, calls in journalled.items()}
        yield _gauges("journal_oldest_call_seconds", "Since the oldest of them came; 0: none", ("state",), ages)

    def _customers(self) -> Iterator[Metric]:
        status = self._house.customers.status()
        yield _gauge("index_customers", "Customers in the index of numbers", status.customers)
        yield _gauge("index_numbers", "Numbers in it; those of two customers count twice", status.numbers)
        yield _gauge("index_failing", "1 while the index can't follow OTRS's customers", status.trouble is not None)
        if status.age_s is not None:
            yield _gauge("index_age_seconds", "Since the index agreed with OTRS's customers", status.age_s)
        yield _histograms("lookup_seconds", "To find a caller", (), {(): self._house.customers.lookups})


def _age(came: datetime | None) -> float:
    return 0.0 if came is None else max(0.0, time.time() - came.timestamp())


def _gauge(name: str, help: str, value: float) -> Metric:
    return _gauges(name, help, (), {(): value})


def _gauges(name: str, help: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    return _filled(GaugeMetricFamily(f"agi_server_{name}", help, labels=labels), values)


def _counters(name: str, help: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    return _filled(CounterMetricFamily(f"agi_server_{name}", help, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[Labels, float]) -> Metric:
    for key, number in values.items():
        family.add_metric(key, number)
    return family


def _histograms(name: str, help: str, labels: Sequence[str], values: Mapping[Labels, Durations]) -> Metric:
    family = HistogramMetricFamily(f"agi_server_{name}", help, labels=labels)
    for key, durations in values.items():
        buckets = [("+Inf" if bound == math.inf else str(bound), number) for bound, number in durations.within()]
        family.add_metric(key, buckets, durations.total)
    return family
