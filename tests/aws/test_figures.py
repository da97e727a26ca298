"""What functions write for CloudWatch: the figures of /metrics, each once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from atalaia.domain.payload import Payload
from atalaia.homes.aws.figures import MOST_VALUES, WATCHED, Figures
from atalaia.metrics import Metrics

NOW = 1_768_046_400.5


def told(figures: Figures) -> list[dict[str, Any]]:
    return [json.loads(line) for line in figures.lines(NOW)]


def named(lines: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [line for line in lines if name in line]


def payload(status: int) -> Payload:
    return Payload(
        source="open-meteo", content="forecast", received_at=int(NOW), body=b"{}", status=status
    )


def test_a_line_is_in_the_embedded_metric_format() -> None:
    figures = Figures("Atalaia/prod", Metrics())
    figures.metrics.kept([payload(200), payload(200), payload(503)])
    lines = named(told(figures), "atalaia_payloads_total")
    assert lines[0] == {
        "_aws": {
            "Timestamp": 1_768_046_400_500,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Atalaia/prod",
                    "Dimensions": [["source", "outcome"]],
                    "Metrics": [{"Name": "atalaia_payloads_total", "Unit": "Count"}],
                }
            ],
        },
        "source": "open-meteo",
        "outcome": "answer",
        "atalaia_payloads_total": 2,
    }
    assert lines[1]["outcome"] == "error"


def test_a_counter_is_told_by_what_was_added() -> None:
    figures = Figures("x", Metrics())
    figures.metrics.kept([payload(200)])
    told(figures)
    assert named(told(figures), "atalaia_payloads_total") == []
    figures.metrics.kept([payload(200)] * 3)
    assert [line["atalaia_payloads_total"] for line in told(figures) if "outcome" in line] == [3]


def test_a_gauge_is_told_as_it_stands_and_not_before_it_is_set() -> None:
    figures = Figures("x", Metrics())
    assert told(figures) == []
    figures.metrics.budget_calls_left.labels("tomorrow-io", "day").set(24)
    for _ in range(2):
        [line] = told(figures)
        assert (line["source"], line["window"]) == ("tomorrow-io", "day")
        assert line["atalaia_budget_calls_left"] == 24


def test_observations_are_told_by_their_buckets_once() -> None:
    figures = Figures("x", Metrics())
    for seconds in (0.003, 0.02, 0.02, 99):
        figures.metrics.step_seconds.observe(seconds)
    [line] = told(figures)
    assert line["atalaia_step_seconds"] == [0.005, 0.025, 0.025, 30]
    assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] == "Seconds"
    assert told(figures) == []
    figures.metrics.step_seconds.observe(0.02)
    assert told(figures)[0]["atalaia_step_seconds"] == [0.025]


def test_of_many_observations_some_stand_for_all() -> None:
    figures = Figures("x", Metrics())
    for _ in range(1000):
        figures.metrics.delivery_seconds.labels("sms").observe(0.3)
    [line] = told(figures)
    assert line["channel"] == "sms"
    assert line["atalaia_delivery_seconds"] == [0.5] * MOST_VALUES


def test_alarms_and_dashboard_look_where_the_figures_are() -> None:
    files = sorted((Path(__file__).resolve().parents[2] / "infra").rglob("*.tf"))
    text = re.sub(" +", " ", "".join(file.read_text("utf-8") for file in files))
    assert 'namespace = "Atalaia/${var.environment}"' in text
    assert 'dimensions = { source = each.key, outcome = "answer" }' in text
    assert 'dimensions = { source = "tomorrow-io", window = "day" }' in text


def test_those_alone_that_alarms_look_at_are_those_that_alarms_look_at() -> None:
    alarms = (Path(__file__).resolve().parents[2] / "infra/watch/alarms.tf").read_text("utf-8")
    ours = re.findall(r"namespace\s+= var\.namespace\s+metric_name\s+= \"(\w+)\"", alarms)
    assert set(ours) == WATCHED
    figures = Figures("x", Metrics(), is_all=False)
    figures.metrics.kept([payload(200)])
    figures.metrics.step_seconds.observe(0.02)
    assert [line["atalaia_payloads_total"] for line in told(figures)] == [1]


def test_an_alarm_costs_what_the_tool_counts() -> None:
    """AWS bills an alarm by the metrics that it looks at."""
    alarms = (Path(__file__).resolve().parents[2] / "infra/watch/alarms.tf").read_text("utf-8")
    tool = (Path(__file__).resolve().parents[2] / "tools/growth.py").read_text("utf-8")
    names = re.findall(r'resource "aws_cloudwatch_metric_alarm" "(\w+)"', alarms)
    counted = re.findall(r'"(\w+)": [\d*]', tool.partition("ALARMS = {")[2].partition("SECRETS")[0])
    assert {*counted, "quota"} == set(names), "quota is there with Tomorrow.io alone"
    assert '{ errors = "Errors", throttles = "Throttles", runs = "Invocations" }' in alarms
