"""What `/metrics` shows: each figure is of what happened, and nobody fills the memory with them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from atalaia.domain.delivery import Outcome, Sent
from atalaia.domain.payload import Payload, Reject
from atalaia.metrics import MOST_LABELS, OTHER, Metrics
from stories import T0
from telling import message, news

ORDER = ("source", "subscription", "broker", "consumer", "what", "channel", "hazard", "level",
         "type", "outcome", "reason", "status", "window", "le")  # fmt: skip


def shown(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample of the page: its name, and its labels' values in `ORDER` → its value."""
    page = metrics.before_reading(lambda _: None).decode()
    return {
        (sample.name, tuple(sample.labels[name] for name in ORDER if name in sample.labels)): (
            sample.value
        )
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def payload(
    source: str = "inmet", status: int = 200, failure: str | None = None, at: int = T0
) -> Payload:
    return Payload(
        source=source, content="c", received_at=at, body=b"", status=status, failure=failure
    )


@pytest.mark.parametrize(
    ("status", "failure", "outcome"),
    [
        (200, None, "answer"),
        (204, None, "answer"),
        (304, None, "error"),
        (429, None, "error"),
        (500, None, "error"),
        (200, "timed out", "failure"),
        (0, "refused", "failure"),
    ],
)
def test_a_payload_is_an_answer_an_error_or_a_failure(
    status: int, failure: str | None, outcome: str
) -> None:
    metrics = Metrics()
    metrics.kept([payload(status=status, failure=failure)] * 3)
    found = shown(metrics)
    assert found["atalaia_payloads_total", ("inmet", outcome)] == 3
    is_fresh = ("atalaia_source_last_success_timestamp_seconds", ("inmet",)) in found
    assert is_fresh == (outcome == "answer"), "what does not answer is not fresh"


def test_a_source_is_as_fresh_as_its_last_answer() -> None:
    metrics = Metrics()
    metrics.kept([payload(at=T0), payload(at=T0 + 60), payload(status=500, at=T0 + 120)])
    assert shown(metrics)["atalaia_source_last_success_timestamp_seconds", ("inmet",)] == T0 + 60


def test_a_batch_counts_readings_rejects_entries_and_its_seconds() -> None:
    metrics = Metrics()
    rejects = [Reject(source="csv", reason="not a time")] * 2
    entries = [news(), news("i2", 2, "end"), news("i3", level="red")]
    metrics.judged({"inmet": 7, "gauge": 1}, rejects, entries, 0.2)
    metrics.judged({"inmet": 3}, [], [], 20.0)
    found = shown(metrics)
    assert found["atalaia_readings_total", ("inmet",)] == 10
    assert found["atalaia_rejects_total", ("csv", "not a time")] == 2
    assert found["atalaia_alerts_total", ("heavy_rain", "orange", "alert")] == 1
    assert found["atalaia_alerts_total", ("heavy_rain", "orange", "end")] == 1
    assert found["atalaia_step_seconds_count", ()] == 2
    assert found["atalaia_step_seconds_sum", ()] == pytest.approx(20.2)
    assert found["atalaia_step_seconds_bucket", ("0.25",)] == 1


def test_how_things_stand_is_as_they_stand_now_and_not_as_they_stood() -> None:
    metrics = Metrics()
    metrics.open_now(["wind", "wind", "heat"])
    metrics.outbox_now({("sms", "dead"): 2})
    metrics.open_now(["heat"])
    metrics.outbox_now({("email", "due"): 1})
    found = shown(metrics)
    assert found["atalaia_incidents_open", ("heat",)] == 1
    assert ("atalaia_incidents_open", ("wind",)) not in found
    assert ("atalaia_messages", ("sms", "dead")) not in found
    assert found["atalaia_messages", ("email", "due")] == 1


@pytest.mark.parametrize(("since", "seconds"), [(None, 0), (T0 - 90, 90), (T0, 0), (T0 + 50, 0)])
def test_what_waits_waits_since_its_oldest_and_never_less_than_nothing(
    since: int | None, seconds: int
) -> None:
    metrics = Metrics()
    metrics.waits("message", since, T0)
    assert shown(metrics)["atalaia_waiting_seconds", ("message",)] == seconds
    metrics.consumer_lag.labels("speed").set(5)
    metrics.waits_unknown()
    found = shown(metrics)
    assert not any(name in ("atalaia_waiting_seconds", "atalaia_consumer_lag") for name, _ in found)


def sent(verdict: str, seconds: float = 3.0, **more: bool) -> Sent:
    one = message("a")
    return Sent(message=one, outcome=Outcome(verdict, **more), seconds=seconds)  # type: ignore[arg-type,call-arg]


def test_only_what_went_says_how_long_it_took() -> None:
    metrics = Metrics()
    metrics.tried([sent("sent", 0.3), sent("sent", 400), sent("again"), sent("never")])
    found = shown(metrics)
    assert found["atalaia_delivery_tries_total", ("telegram", "sent")] == 2
    assert found["atalaia_delivery_tries_total", ("telegram", "again")] == 1
    assert found["atalaia_delivery_seconds_count", ("telegram",)] == 2
    assert found["atalaia_delivery_seconds_bucket", ("telegram", "0.5")] == 1
    assert ("atalaia_delivery_capped_total", ("telegram",)) not in found
    metrics.tried([sent("again", is_capped=True)])
    assert shown(metrics)["atalaia_delivery_capped_total", ("telegram",)] == 1


def test_a_hundred_times_as_many_sources_are_counted_as_others() -> None:
    metrics = Metrics()
    for i in range(100 * MOST_LABELS):
        metrics.kept([payload(f"s{i}")])
        metrics.judged({f"s{i}": 1}, [Reject(source=f"s{i}", reason=f"r{i}")], [], 0.1)
    found = shown(metrics)
    sources = {labels[0] for name, labels in found if name == "atalaia_payloads_total"}
    reasons = {labels[1] for name, labels in found if name == "atalaia_rejects_total"}
    assert len(sources) == MOST_LABELS + 1
    assert len(reasons) == MOST_LABELS + 1
    assert found["atalaia_payloads_total", (OTHER, "answer")] == 99 * MOST_LABELS
    assert found["atalaia_readings_total", ("s0",)] == 1, "who was there first keeps their own"


def test_what_is_asked_for_when_the_page_is_read_is_asked_each_time() -> None:
    metrics = Metrics()
    asked = []

    def set_gauges(of: Metrics) -> None:
        asked.append(1)
        of.stream_offset.set(len(asked))

    for n in (1, 2):
        assert f"atalaia_stream_offset {n}.0".encode() in metrics.before_reading(set_gauges)


def test_what_a_broker_sent_is_shown_as_it_came() -> None:
    metrics = Metrics()
    metrics.heard("wis2", "globalbroker.example", 0, {"kept": 0})
    assert not any(name.endswith("last_message_timestamp_seconds") for name, _ in shown(metrics))
    metrics.heard("wis2", "globalbroker.example", T0, {"kept": 4, "again": 1})
    metrics.messages_lost("wis2", 2)
    metrics.left("tomorrow-io", {"hour": 24, "day": 480})
    found = shown(metrics)
    at = ("wis2", "globalbroker.example")
    assert found["atalaia_subscription_last_message_timestamp_seconds", at] == T0
    assert found["atalaia_subscription_messages", (*at, "kept")] == 4
    assert found["atalaia_subscription_gaps", ("wis2",)] == 2
    assert found["atalaia_budget_calls_left", ("tomorrow-io", "day")] == 480


def test_figures_of_one_watch_are_not_those_of_another() -> None:
    one, other = Metrics(), Metrics()
    one.kept([payload()])
    assert ("atalaia_payloads_total", ("inmet", "answer")) not in shown(other)
    assert {family.name for family in one.families()} == {f.name for f in other.families()}
