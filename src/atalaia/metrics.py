"""What `/metrics` shows: counts since the start, and how things stand. No place, no person."""

from __future__ import annotations

from collections import Counter as Count
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Sent
from atalaia.domain.payload import Payload, Reject

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

MOST_LABELS = 100
"""Values that a label may take: those who push name their own sources."""

OTHER = "other"


class Metrics:
    """The figures of one running watch, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._sources: set[str] = set()
        self._reasons: set[str] = set()
        here = self._registry
        self.payloads = Counter(
            "atalaia_payloads", "Payloads kept in the stream.", ["source", "outcome"], registry=here
        )
        self.readings = Counter("atalaia_readings", "Readings judged.", ["source"], registry=here)
        self.rejects = Counter(
            "atalaia_rejects", "Parts that could not be read.", ["source", "reason"], registry=here
        )
        self.alerts = Counter(
            "atalaia_alerts",
            "Entries of the alert log.",
            ["hazard", "level", "type"],
            registry=here,
        )
        self.incidents_open = Gauge(
            "atalaia_incidents_open", "Incidents that are going on.", ["hazard"], registry=here
        )
        self.last_success = Gauge(
            "atalaia_source_last_success_timestamp_seconds",
            "When a source last answered usefully.",
            ["source"],
            registry=here,
        )
        self.stream_offset = Gauge(
            "atalaia_stream_offset", "Offset of the newest record of the stream.", registry=here
        )
        self.gold_refused = Gauge(
            "atalaia_gold_refused_rows", "Rows that cannot be written to GOLD.", registry=here
        )
        self.consumer_lag = Gauge(
            "atalaia_consumer_lag", "Records not yet consumed.", ["consumer"], registry=here
        )
        self.lag_seconds = Gauge(
            "atalaia_lag_seconds",
            "For how long the oldest record that was not lived through has waited.",
            registry=here,
        )
        self.waiting_seconds = Gauge(
            "atalaia_waiting_seconds",
            "For how long the oldest has waited: an entry of the alert log for fan-out, a message"
            " for its sending, a payload for GOLD.",
            ["what"],
            registry=here,
        )
        self.clock_behind = Gauge(
            "atalaia_clock_behind_seconds",
            "By how much this machine's clock seems to be behind those of most sources.",
            registry=here,
        )
        self.budget_calls_left = Gauge(
            "atalaia_budget_calls_left",
            "Calls that a source allows.",
            ["source", "window"],
            registry=here,
        )
        self.last_message = Gauge(
            "atalaia_subscription_last_message_timestamp_seconds",
            "When a broker last sent something.",
            ["subscription", "broker"],
            registry=here,
        )
        self.received = Gauge(
            "atalaia_subscription_messages",
            "Messages of a broker by what they were, since the home began.",
            ["subscription", "broker", "outcome"],
            registry=here,
        )
        self.gaps = Gauge(
            "atalaia_subscription_gaps",
            "Times of which messages are lost, or may be; the last 50.",
            ["subscription"],
            registry=here,
        )
        self.deliveries = Counter(
            "atalaia_delivery_tries",
            "Tries to send a message, by what they came to.",
            ["channel", "outcome"],
            registry=here,
        )
        self.capped = Counter(
            "atalaia_delivery_capped",
            "Messages that a channel could not send, as what it may send or cost is used up.",
            ["channel"],
            registry=here,
        )
        self.snapshots = Counter(
            "atalaia_recipients_snapshots",
            "Snapshots of who is told, by what became of them.",
            ["outcome"],
            registry=here,
        )
        self.mails_returned = Counter(
            "atalaia_mails_returned",
            "Mails that came back after SES had taken them.",
            ["kind"],
            registry=here,
        )
        self.messages = Gauge(
            "atalaia_messages", "Messages in the outbox.", ["channel", "status"], registry=here
        )
        self.delivery_seconds = Histogram(
            "atalaia_delivery_seconds",
            "From an alert's decision to a provider's yes.",
            ["channel"],
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
            registry=here,
        )
        self.step_seconds = Histogram(
            "atalaia_step_seconds",
            "From reading a batch of the stream to its commit.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=here,
        )

    def kept(self, payloads: Iterable[Payload]) -> None:
        """Payloads that are now in the stream."""
        for payload in payloads:
            source = self._source(payload.source)
            self.payloads.labels(source, _outcome(payload)).inc()
            if _outcome(payload) == "answer":
                self.last_success.labels(source).set(payload.received_at)

    def returned(self, mails: Mapping[str, int]) -> None:
        """So many mails came back, by kind."""
        for kind, n in mails.items():
            self.mails_returned.labels(kind).inc(n)

    def left(self, source: str, calls: Mapping[str, int]) -> None:
        """So many calls a source still allows, by window."""
        for window, n in calls.items():
            self.budget_calls_left.labels(source, window).set(n)

    def heard(
        self, subscription: str, broker: str, heard_at: int, counts: Mapping[str, int]
    ) -> None:
        """What came from a broker, by what it was, and when the last of it did; 0: nothing did."""
        if heard_at:
            self.last_message.labels(subscription, broker).set(heard_at)
        for outcome, n in counts.items():
            reason = _bounded(outcome, self._reasons)
            self.received.labels(subscription, broker, reason).set(n)

    def messages_lost(self, subscription: str, gaps: int) -> None:
        """So many times are known of which messages may be lost."""
        self.gaps.labels(subscription).set(gaps)

    def judged(
        self,
        readings: Mapping[str, int],
        rejects: Iterable[Reject],
        entries: Iterable[LogEntry],
        seconds: float,
    ) -> None:
        """One batch: readings by source, what could not be read, and what was told."""
        for source, n in readings.items():
            self.readings.labels(self._source(source)).inc(n)
        for reject in rejects:
            reason = _bounded(reject.reason, self._reasons)
            self.rejects.labels(self._source(reject.source), reason).inc()
        for entry in entries:
            alert = entry.alert
            self.alerts.labels(alert.hazard, alert.level, alert.type).inc()
        self.step_seconds.observe(seconds)

    def open_now(self, hazards: Iterable[str]) -> None:
        """The hazard of each incident that is going on."""
        self.incidents_open.clear()
        for hazard, n in Count(hazards).items():
            self.incidents_open.labels(hazard).set(n)

    def tried(self, tries: Iterable[Sent]) -> None:
        """Tries to send, once they are kept."""
        came: Count[tuple[str, str]] = Count()
        capped: Count[str] = Count()
        seconds: defaultdict[str, list[float]] = defaultdict(list)
        for one in tries:
            channel, verdict = one.message.channel, one.outcome.verdict
            came[channel, verdict] += 1
            if one.outcome.is_capped:
                capped[channel] += 1
            if verdict == "sent":
                seconds[channel].append(one.seconds)
        # What a label leads to costs as much to look up as all else here: once for all of them.
        for names, n in came.items():
            self.deliveries.labels(*names).inc(n)
        for channel, n in capped.items():
            self.capped.labels(channel).inc(n)
        for channel, each in seconds.items():
            observe = self.delivery_seconds.labels(channel).observe
            for one_s in each:
                observe(one_s)

    def outbox_now(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Messages by channel and status."""
        self.messages.clear()
        for (channel, status), n in counts.items():
            self.messages.labels(channel, status).set(n)

    def waits_unknown(self) -> None:
        """Forget for how long anything waits: it is looked for anew."""
        self.waiting_seconds.clear()
        self.consumer_lag.clear()

    def waits(self, what: str, since: int | None, now: int) -> None:
        """The oldest `entry`, `message` or `payload` waits since then (Unix seconds); None: there
        is none."""
        self.waiting_seconds.labels(what).set(0 if since is None else max(0, now - since))

    def families(self) -> Iterable[Metric]:
        """Each figure with its samples, as they are now."""
        return self._registry.collect()

    def before_reading(self, set_gauges: Callable[[Metrics], None]) -> bytes:
        """The page, after `set_gauges` has filled in what is only asked for when it is read."""
        set_gauges(self)
        return bytes(generate_latest(self._registry))

    def _source(self, name: str) -> str:
        return _bounded(name, self._sources)


def _bounded(word: str, known: set[str]) -> str:
    """The word itself while there are few, so that no one can fill the memory with labels."""
    if word not in known:
        if len(known) >= MOST_LABELS:
            return OTHER
        known.add(word)
    return word


def _outcome(payload: Payload) -> str:
    if payload.failure is not None:
        return "failure"
    return "answer" if payload.status < 300 else "error"
