"""Write the files for Grafana and Prometheus into a folder (examples): tools/watched.py's panels
and alerts, in the forms of each."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))

from watched import ALERTS, ROWS, Alert, Panel

LANGUAGES = ("en", "pt-BR", "es")
SOURCE = "atalaia-prometheus"
WIDTH = 24
HOW = {
    "en": "the watch over extreme weather",
    "pt-BR": "a vigia do tempo extremo",
    "es": "la vigía del tiempo extremo",
}
INSTANCE = {"en": "Instance", "pt-BR": "Instância", "es": "Instancia"}
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}


def files() -> dict[str, str]:
    """Each file's text, by its path."""
    rules = {"groups": [{"name": "atalaia", "rules": [*map(_rule, ALERTS)]}]}
    group = {
        "orgId": 1,
        "name": "atalaia",
        "folder": "Atalaia",
        "interval": "1m",
        "rules": [*map(_grafana_rule, ALERTS)],
    }
    return {
        "prometheus/atalaia.rules.yml": _yaml(rules),
        "grafana/provisioning/alerting/atalaia.yaml": _yaml({"apiVersion": 1, "groups": [group]}),
    } | {
        f"grafana/dashboards/atalaia.{language}.json": json.dumps(
            dashboard(language), ensure_ascii=False, indent=1
        )
        + "\n"
        for language in LANGUAGES
    }


def dashboard(language: str) -> dict[str, Any]:
    """The dashboard in a language, as Grafana 11 keeps one (schema version 39)."""
    return {
        "uid": f"atalaia-{language.lower()}",
        "title": f"Atalaia: {HOW[language]}",
        "tags": ["atalaia"],
        "timezone": "browser",
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": _variables(language)},
        "annotations": {"list": []},
        "links": [],
        "panels": _panels(LANGUAGES.index(language)),
    }


def _variables(language: str) -> list[dict[str, Any]]:
    return [
        {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus"},
        {
            "type": "query",
            "name": "instance",
            "label": INSTANCE[language],
            "datasource": PROMETHEUS,
            "query": "label_values(atalaia_stream_offset, instance)",
            "refresh": 2,
            "sort": 1,
            "includeAll": True,
            "multi": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _panels(said: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    y = 0
    for row in ROWS:
        grid = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        head = {"type": "row", "title": row.title[said], "collapsed": False, "panels": []}
        found.append({"id": len(found) + 1, **head, "gridPos": grid})
        y += 1
        width, height = (4, 4) if row.panels[0].kind == "stat" else (12, 8)
        for i, panel in enumerate(row.panels):
            x = i * width % WIDTH
            grid = {"x": x, "y": y + i * width // WIDTH * height, "w": width, "h": height}
            found.append({"id": len(found) + 1, **_panel(panel, said), "gridPos": grid})
        y += -(-len(row.panels) * width // WIDTH) * height
    return found


def _panel(panel: Panel, said: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"value": None, "color": "green"}]
    if panel.red is not None:
        steps.append({"value": panel.red, "color": "red"})
    return {
        "type": panel.kind,
        "title": panel.title[said],
        "datasource": PROMETHEUS,
        "targets": [
            {
                "refId": chr(ord("A") + i),
                "datasource": PROMETHEUS,
                "editorMode": "code",
                "expr": of_instance(expr),
                "legendFormat": legend or panel.title[said],
                "range": True,
            }
            for i, (expr, legend) in enumerate(panel.queries)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "options": _STAT if panel.kind == "stat" else _SERIES,
    }


_STAT = {
    "graphMode": "area",
    "colorMode": "value",
    "justifyMode": "auto",
    "textMode": "auto",
    "wideLayout": True,
    "showPercentChange": False,
    "percentChangeColorMode": "standard",
    "orientation": "auto",
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
}
_SERIES = {
    "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
    "tooltip": {"mode": "multi", "sort": "desc"},
}


def of_instance(expr: str) -> str:
    """The expression for the instances that the dashboard shows."""
    one = 'instance=~"$instance"'
    return re.sub(
        r"\b(atalaia_\w+)(\{)?", lambda m: f"{m[1]}{{{one}" + (", " if m[2] else "}"), expr
    )


def _words(alert: Alert) -> dict[str, str]:
    en, pt, es = alert.summary
    return {"summary": en, "summary_pt_br": pt, "summary_es": es}


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.lasts,
        "labels": {"severity": alert.severity},
        "annotations": _words(alert),
    }


def _grafana_rule(alert: Alert) -> dict[str, Any]:
    """A: what the expression gives. B: is there anything? (No figure of ours is below 0.)"""
    window = {"from": 600, "to": 0}
    anything = {
        "refId": "B",
        "type": "threshold",
        "expression": "A",
        "conditions": [{"evaluator": {"type": "gt", "params": [-1]}}],
    }
    # Grafana has the value by the query's letter, where Prometheus has it alone.
    words = {k: v.replace("$value", "$values.A.Value") for k, v in _words(alert).items()}
    return {
        "uid": re.sub(r"(?<=.)([A-Z])", r"-\1", alert.name).lower(),
        "title": alert.name,
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": window,
                "datasourceUid": SOURCE,
                "model": {"refId": "A", "expr": alert.expr, "instant": True},
            },
            {
                "refId": "B",
                "relativeTimeRange": window,
                "datasourceUid": "__expr__",
                "model": anything,
            },
        ],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": alert.lasts,
        "annotations": words,
        "labels": {"severity": alert.severity},
        "isPaused": False,
    }


class _Plain(yaml.SafeDumper):
    """Without anchors, which neither reads well."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _yaml(what: Any) -> str:
    head = "# Written by tools/grafana.py (make watched).\n"
    told = yaml.dump(what, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return head + str(told)


if __name__ == "__main__":
    for name, text in files().items():
        path = Path(sys.argv[1]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
