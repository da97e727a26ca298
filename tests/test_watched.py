"""The files for Grafana and Prometheus: what they ask for is there, and each can read them."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import alerting, dashboard, expr, prometheus

from atalaia.metrics import Metrics
from prometheus import needs_prometheus, promtool

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
DASHBOARDS = sorted((EXAMPLES / "grafana/dashboards").glob("*.json"))
ONLY_ON_AWS = {"atalaia_mails_returned"}
"""Figures of functions: they are in CloudWatch, and no Prometheus reads them."""


def read(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text("utf-8"))


def rules() -> list[dict[str, Any]]:
    (group,) = read("prometheus/atalaia.rules.yml")["groups"]
    return list(group["rules"])


def grafana_rules() -> list[dict[str, Any]]:
    (group,) = read("grafana/provisioning/alerting/atalaia.yaml")["groups"]
    return list(group["rules"])


def panels(file: Path) -> list[dict[str, Any]]:
    return list(json.loads(file.read_text("utf-8"))["panels"])


def queries(file: Path) -> list[str]:
    """What the panels of a dashboard ask, with Grafana's own words put in."""
    return [
        one["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
        for panel in panels(file)
        for one in panel.get("targets", ())
    ]


def asked(said: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that an expression selects, and the labels that it names of it."""
    tree = promql_parser.parse(said)
    named: set[str] = set()
    found: list[tuple[str, set[str]]] = []

    def look(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node.name, {one.name for one in node.matchers.matchers}))
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            named.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier:
            named.update(node.modifier.matching.labels if node.modifier.matching else ())

    promql_parser.walk(tree, pre_visit=look)
    for metric, labels in found:
        yield metric, labels | named


def declared() -> dict[str, set[str]]:
    """The labels of each series that `/metrics` can have, and those that Prometheus puts on it."""
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for collector in Metrics()._registry._collector_to_names:
        name, labels = collector._name, {*collector._labelnames, "job", "instance"}  # type: ignore[attr-defined]
        kind = collector._type  # type: ignore[attr-defined]
        if kind == "histogram":
            found[f"{name}_bucket"] = labels | {"le"}
        else:
            found[f"{name}_total" if kind == "counter" else name] = labels
    return found


ASKED = sorted(
    {said for file in DASHBOARDS for said in queries(file)} | {one["expr"] for one in rules()}
)


@pytest.mark.parametrize("said", ASKED)
def test_every_metric_and_label_that_is_asked_for_is_exported(said: str) -> None:
    known = declared()
    names = [*asked(said)]
    assert names
    for metric, labels in names:
        assert metric in known
        assert labels <= known[metric], metric


def test_a_metric_or_label_that_is_not_there_would_be_found() -> None:
    (metric, labels) = next(asked('sum by (town) (rate(atalaia_nothing{street="x"}[5m]))'))
    assert metric not in declared()
    assert labels == {"town", "street"}


def test_every_metric_is_on_the_dashboard() -> None:
    (file, *_) = DASHBOARDS
    shown = {metric for said in queries(file) for metric, _ in asked(said)}
    for name in {family.name for family in Metrics()._registry.collect()} - ONLY_ON_AWS:
        assert {name, f"{name}_total", f"{name}_bucket"} & shown, name


def test_all_is_as_the_tool_writes_it() -> None:
    for name, text in runpy.run_path(str(ROOT / "tools/grafana.py"))["files"]().items():
        assert (EXAMPLES / name).read_text("utf-8") == text, f"{name}: run `make watched`"


def told(what: Any) -> Any:
    return json.loads(JSONEncoder(sort_keys=True).encode(what))


def has_all(ours: Any, theirs: Any, at: str = "") -> None:
    """Whether nothing of ours is lost: what their types do not know they leave out."""
    if isinstance(ours, dict):
        assert isinstance(theirs, dict), at
        for key, value in ours.items():
            assert key in theirs, f"{at}.{key}"
            has_all(value, theirs[key], f"{at}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), at
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            has_all(one, other, f"{at}[{i}]")
    else:
        assert ours == theirs, at


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_grafanas_own_types_know_every_field_of_a_dashboard(file: Path) -> None:
    register_default_plugins()
    ours = json.loads(file.read_text("utf-8"))
    has_all(ours, told(dashboard.Dashboard.from_json(ours)))


def test_a_field_that_grafana_does_not_know_would_be_found() -> None:
    register_default_plugins()
    for wrong in ({"panels": [{"type": "stat", "colour": 1}]}, {"tiltle": "x"}):
        with pytest.raises(AssertionError, match=r"colour|tiltle"):
            has_all(wrong, told(dashboard.Dashboard.from_json(wrong)))
    wrong = {"panels": [{"type": "stat", "options": {"graphMood": "area"}}]}
    with pytest.raises(AssertionError, match="graphMood"):
        has_all(wrong, told(dashboard.Dashboard.from_json(wrong)))


def test_the_dashboards_differ_in_words_alone() -> None:
    assert [file.stem for file in DASHBOARDS] == ["atalaia.en", "atalaia.es", "atalaia.pt-BR"]
    titles = [{panel["title"] for panel in panels(file)} for file in DASHBOARDS]
    for one in DASHBOARDS[1:]:
        assert queries(one) == queries(DASHBOARDS[0])
    assert {len(one) for one in titles} == {len(panels(DASHBOARDS[0]))}, "each has its own words"
    assert set.intersection(*titles) == {"Brokers"}


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_no_panel_lies_on_another_or_beside_the_grid(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(file):
        where = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(where["x"], where["x"] + where["w"])
            for y in range(where["y"], where["y"] + where["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels(file)}) == len(panels(file))


def test_grafanas_alerts_ask_what_prometheus_asks_and_say_what_it_says() -> None:
    theirs = grafana_rules()
    assert [one["title"] for one in theirs] == [one["alert"] for one in rules()]
    for ours, one in zip(rules(), theirs, strict=True):
        assert one["data"][0]["model"]["expr"] == ours["expr"]
        assert (one["for"], one["labels"]) == (ours["for"], ours["labels"])
        said = {k: v.replace("$values.A.Value", "$value") for k, v in one["annotations"].items()}
        assert said == ours["annotations"]
        assert {*said} == {"summary", "summary_pt_br", "summary_es"}


def test_grafanas_own_types_know_every_field_of_an_alert_rule() -> None:
    (source,) = read("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    for one in grafana_rules():
        has_all(one, told(alerting.Rule.from_json(one)))
        asks, judges = one["data"]
        assert asks["datasourceUid"] == source["uid"]
        has_all(asks["model"], told(prometheus.Dataquery.from_json(asks["model"])))
        assert judges["datasourceUid"] == "__expr__"
        has_all(judges["model"], told(expr.TypeThreshold.from_json(judges["model"])))
        assert (one["condition"], judges["model"]["expression"]) == ("B", asks["refId"])
        assert re.fullmatch(r"[a-z-]{1,40}", one["uid"]), "as Grafana has them"


def test_each_alert_says_of_which_it_is_by_labels_that_it_has() -> None:
    known = declared()
    for one in rules():
        labels = set.union(*(known[metric] for metric, _ in asked(one["expr"])))
        for text in one["annotations"].values():
            assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels


def test_operations_has_each_alert_and_none_that_is_not_there() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8").partition("## What to watch")[2]
    named = re.findall(r"`(Atalaia\w+)`", page.partition("\n## ")[0])
    assert sorted(named) == sorted(one["alert"] for one in rules())


@needs_prometheus
def test_promtool_takes_the_settings_and_each_alert_fires_where_it_has_to() -> None:
    promtool("check", "config", EXAMPLES / "prometheus/prometheus.yml")
    cases = ROOT / "tests/data/atalaia.rules.test.yml"
    for one in rules():
        assert one["alert"] in cases.read_text("utf-8")
    promtool("test", "rules", cases)
