"""The figures that Prometheus reads: taken from the house when it asks, kept nowhere else.

Names end as Prometheus's own conventions say; no figure tells who called.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from agi_server import __version__
from agi_server.web.house import House, Journalled


def render(house: House, journalled: Journalled | None) -> bytes:
    """All figures in Prometheus's text format; those of the journal only if it could be read."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(house, journalled))
    return generate_latest(registry)


class _Figures:
    """A collector for one answer."""

    def __init__(self, house: House, journalled: Journalled | None) -> None:
        self._house = house
        self._journalled = journalled

    def collect(self) -> Iterable[Metric]:
        """The figures, one family after the other."""
        house, customers = self._house, self._house.customers.status()
        yield _gauge("build_info", "The version, as a label", {__version__: 1.0}, "version")
        yield _counter("calls", "Calls by HELPDESK_STATUS", house.intake.statuses, "status")
        yield _gauge("unkept_calls", "Calls in memory, because the journal can't be written", house.intake.unkept)
        yield _gauge("sessions", "AGI sessions open now", house.server.sessions)
        yield _counter("rejected_connections", "Connections that were no call", house.server.rejected, "reason")
        yield _gauge("otrs_troubled", "1 while OTRS fails, and calls wait for it", house.delivery.troubled)
        yield _gauge("customers", "Customers in the number index", customers.customers)
        if customers.age_s is not None:
            yield _gauge("customers_age_seconds", "Since the index agreed with the table", customers.age_s)
        yield _gauge("journal_failing", "1 while the journal can't be written", house.journal.failing is not None)
        if self._journalled is not None:
            states = {state.value: number for state, number in self._journalled.counts.items()}
            yield _gauge("journal_calls", "Calls in the journal by state", states, "state")
            oldest = self._journalled.oldest
            age = 0.0 if oldest is None else max(0.0, time.time() - oldest.timestamp())
            yield _gauge("journal_oldest_open_seconds", "Age of the oldest call that is waiting or parked", age)


def _gauge(name: str, help: str, value: float | Mapping[str, float], label: str = "") -> Metric:
    family = GaugeMetricFamily(f"agi_server_{name}", help, labels=[label] if label else None)
    for key, number in _labelled(value):
        family.add_metric(key, number)
    return family


def _counter(name: str, help: str, value: Mapping[str, float], label: str) -> Metric:
    family = CounterMetricFamily(f"agi_server_{name}", help, labels=[label])
    for key, number in _labelled(value):
        family.add_metric(key, number)
    return family


def _labelled(value: float | Mapping[str, float]) -> Iterable[tuple[list[str], float]]:
    if isinstance(value, Mapping):
        return [([key], number) for key, number in sorted(value.items())]
    return [([], float(value))]
