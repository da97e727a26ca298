"""The figures of ``/metrics``, as CloudWatch takes them from a function's log.

A function has no page that could be read, so each call ends with a line of JSON for every figure
that changed: CloudWatch's embedded metric format, under the same names and labels, in the
namespace ``Atalaia/<env>``. Counters tell what was added since the last call of this container;
of a histogram each new observation is told as the upper bound of its bucket.

Reference: Amazon CloudWatch, "Specification: Embedded metric format" (2019-02).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import msgspec
from prometheus_client.metrics_core import Metric

from atalaia.metrics import Metrics

MOST_VALUES = 100
"""Observations of one figure in a line; of more, evenly chosen ones stand for all."""

WATCHED = frozenset(
    {
        "atalaia_payloads_total",
        "atalaia_waiting_seconds",
        "atalaia_consumer_lag",
        "atalaia_budget_calls_left",
    }
)
"""Figures that alarms of ``infra/watch`` look at."""

_Key = tuple[str, tuple[tuple[str, str], ...]]
_Figure = tuple[str, dict[str, str], float | list[float]]
"""Its name, its labels, and what is new of it."""


class Figures:
    """Figures of one container. `lines` gives what is new since it was called last.

    is_all    else those alone that alarms look at: CloudWatch takes 0.30 US$ a month for each
    """

    def __init__(self, namespace: str, metrics: Metrics, *, is_all: bool = True) -> None:
        self.metrics = metrics
        self._namespace = namespace
        self._is_all = is_all
        self._told: dict[_Key, float] = {}

    def lines(self, now: float) -> Iterator[bytes]:
        """A line of JSON for each figure and set of labels that changed; `now` in Unix seconds."""
        for family in self.metrics.families():
            for name, labels, value in self._new(family):
                if not (self._is_all or name in WATCHED):
                    continue
                yield self._line(name, labels, value, now)

    def _new(self, family: Metric) -> Iterator[_Figure]:
        if family.type == "histogram":
            return self._observed(family)
        return self._added(family) if family.type == "counter" else self._set(family)

    def _added(self, family: Metric) -> Iterator[_Figure]:
        for sample in family.samples:
            added = self._since(sample.name, sample.labels, sample.value)
            if added:
                yield sample.name, sample.labels, added

    def _set(self, family: Metric) -> Iterator[_Figure]:
        for sample in family.samples:
            # One without labels is 0 until it is set, which few functions do.
            if self._since(sample.name, sample.labels, sample.value) or sample.labels:
                yield sample.name, sample.labels, sample.value

    def _observed(self, family: Metric) -> Iterator[_Figure]:
        new: dict[tuple[tuple[str, str], ...], list[float]] = {}
        below, bound = 0.0, 0.0
        for sample in family.samples:  # buckets hold what those below them hold
            if not sample.name.endswith("_bucket"):
                below = 0.0
                continue
            le = float(sample.labels["le"])
            bound = bound if le == float("inf") else le
            added = self._since(sample.name, sample.labels, sample.value)
            labels = tuple((k, v) for k, v in sample.labels.items() if k != "le")
            new.setdefault(labels, []).extend([bound] * int(added - below))
            below = 0.0 if le == float("inf") else added
        for labels, values in new.items():
            if values:
                every = -(-len(values) // MOST_VALUES)
                yield family.name, dict(labels), values[::every]

    def _since(self, name: str, labels: dict[str, str], value: float) -> float:
        key = (name, tuple(labels.items()))
        before = self._told.get(key, 0.0)
        self._told[key] = value
        return value - before

    def _line(
        self, name: str, labels: dict[str, str], value: float | list[float], now: float
    ) -> bytes:
        about = {
            "Namespace": self._namespace,
            "Dimensions": [list(labels)],
            "Metrics": [{"Name": name, "Unit": "Seconds" if "seconds" in name else "Count"}],
        }
        head = {"Timestamp": int(now * 1000), "CloudWatchMetrics": [about]}
        return msgspec.json.encode({"_aws": head, **labels, name: value})

    def tell(self) -> None:
        """Write what is new into the function's log: at the end of a call."""
        for line in self.lines(time.time()):
            sys.stdout.write(line.decode() + "\n")
        sys.stdout.flush()
