"""The alarms of ``infra/watch`` on the program's own figures, judged by what functions write.

CloudWatch is played by no emulator: what an alarm is made of is read from Terraform's files, and
one look at one period decides.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

INFRA = Path(__file__).resolve().parents[2] / "infra"


class Alarm(NamedTuple):
    """One on a metric of ours: what it looks at, and from where on it rings."""

    metric: str
    labels: dict[str, str]
    above: float


def alarms() -> dict[str, Alarm]:
    """Those on how long something waits, by the name behind the environment's."""
    text = (INFRA / "watch" / "alarms.tf").read_text("utf-8")
    waiting = text.partition('"waiting"')[2].partition("alarm_name")[0]
    found = {
        f"waiting-{what}": Alarm("atalaia_waiting_seconds", {"what": what}, float(limit))
        for what, limit in re.findall(r"(\w+)\s+= \{ period_s = \d+, limit_s = (\d+)", waiting)
    }
    behind = text.partition('"behind"')[2]
    limit = float(re.findall(r"threshold\s+= (\d+)", behind)[0])
    return found | {"behind-fan-out": Alarm("atalaia_consumer_lag", {"consumer": "fan-out"}, limit)}


def ringing(log: str) -> set[str]:
    """Names of the alarms that what functions wrote sets off; the newest value of each counts."""
    lines: list[dict[str, Any]] = []
    for line in log.splitlines():
        if line.startswith('{"_aws"'):
            lines.append(json.loads(line))
    found = set()
    for name, alarm in alarms().items():
        values = [
            line[alarm.metric]
            for line in lines
            if alarm.metric in line and alarm.labels.items() <= line.items()
        ]
        if not values or values[-1] > alarm.above:
            found.add(name)
    return found
