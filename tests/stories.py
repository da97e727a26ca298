"""Builders for tests that tell of weather: places, rules, readings, a watch and its restarts."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from atalaia.cli import main
from atalaia.cli.replays import replay
from atalaia.detect.watch import Watch
from atalaia.domain.alert import Alert, LogEntry, instant, to_line
from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import NO_TIME, Kind, Readings
from atalaia.domain.rule import Rule, RuleSet
from atalaia.domain.variable import CATALOGUE
from atalaia.ports import Commit, Record
from atalaia.replay.readings import Replayed
from atalaia.rules.read import parse
from atalaia.sources import readings_csv
from patience import LIMIT_S

HOUR = 3600
DAY = 86_400
T0 = 1_704_067_200
"""2024-01-01T00:00:00Z"""


def places(n: int = 3, area: str | None = None, zone: str = "UTC") -> Places:
    """n places p0, p1 …"""
    return Places(
        Place(id=f"p{i}", name=f"Place {i}", latitude=i, longitude=-i, timezone=zone, area=area)
        for i in range(n)
    )


def rule_text(*rules: dict[str, Any]) -> str:
    """A rule file; what a rule does not say is a wind rule for gusts. None: not said, either."""
    lines = ['name = "story"']
    for number, rule in enumerate(rules):
        table = {
            "name": f"rule-{number}",
            "hazard": "wind",
            "variable": "wind_gust_m_s",
            "limits": {"yellow": 10, "orange": 20, "red": 30},
            **rule,
        }
        said = {key: value for key, value in table.items() if value is not None}
        lines += ["[[rule]]", *(f"{key} = {_toml(value)}" for key, value in said.items())]
    return "\n".join(lines) + "\n"


def rule_set(*rules: dict[str, Any]) -> RuleSet:
    return parse(rule_text(*rules), "story.toml")


def rule(**keys: Any) -> Rule:
    return rule_set(keys).rules[0]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def series(
    values: Iterable[float | None],
    variable: str = "wind_gust_m_s",
    *,
    place: int = 0,
    source: str = "station",
    kind: Kind = Kind.OBSERVED,
    start: int = T0,
    step: int = HOUR,
    period_s: int | None = None,
    **more: Iterable[float | None],
) -> Readings:
    """One row a step of one place and source; None is missing."""
    columns = {
        name: np.array([np.nan if v is None else v for v in column], float)
        for name, column in ({variable: values} | more).items()
    }
    n = len(columns[variable])
    return Readings.build(
        place=[place] * n,
        source=source,
        kind=kind,
        valid_at=[start + i * step for i in range(n)],
        period_s=step if period_s is None else period_s,
        values=columns,
    )


def forecast(
    issued_at: int,
    values: Iterable[float | None],
    variable: str = "wind_gust_m_s",
    *,
    place: int = 0,
    source: str = "model",
    has_run_time: bool = True,
) -> Readings:
    """One revision: a value for each of the full hours after `issued_at`."""
    step = HOUR
    first = (issued_at // step + 1) * step
    column = np.array([np.nan if v is None else v for v in values], float)
    n = len(column)
    return Readings.build(
        place=[place] * n,
        source=source,
        kind=Kind.FORECAST,
        valid_at=[first + i * step for i in range(n)],
        issued_at=issued_at if has_run_time else NO_TIME,
        known_at=issued_at,
        period_s=step,
        values={variable: column},
    )


def rows(*parts: Readings) -> Readings:
    """All rows as a watch takes them."""
    return Readings.concat(parts).in_order()


def cut(readings: Readings, at: Iterable[int]) -> list[Readings]:
    """Ordered rows in batches: a new one begins with the first row known at each instant."""
    bounds = np.unique(np.searchsorted(readings.known_at, sorted(at)))
    edges = [0, *(int(b) for b in bounds if 0 < b < len(readings)), len(readings)]
    return [readings.take(slice(a, b)) for a, b in itertools.pairwise(edges)]


def watched(
    readings: Readings, rules: RuleSet, where: Places, at: Iterable[int] = ()
) -> list[LogEntry]:
    """The log of one watch that lives through the rows in batches cut at the given instants."""
    watch = Watch(rules, where, _nothing)
    return in_log_order(e for part in cut(readings, at) for e in watch.live(part).entries)


def in_log_order(entries: Iterable[LogEntry]) -> list[LogEntry]:
    return sorted(entries, key=lambda e: (e.alert.sent_at, e.alert.incident, e.alert.version))


def _nothing(_payloads: Sequence[Payload], _wanted: frozenset[str] | None) -> Decoded:
    return Decoded()


def objects(text: str) -> list[Any]:
    """What a command says for programs: an object a line."""
    return [json.loads(line) for line in text.splitlines()]


class Memory:
    """State items in a dictionary: what a watch needs of a home."""

    def __init__(self) -> None:
        self.items: dict[str, bytes] = {}

    def load(self, prefix: str = "") -> dict[str, bytes]:
        return {k: v for k, v in self.items.items() if k.startswith(prefix)}

    def keep(self, commit: Commit) -> None:
        for key, body in commit.items.items():
            if body is None:
                self.items.pop(key, None)
            else:
                self.items[key] = body


class Shift:
    """A watch that is restarted from its state items whenever it is told to be.

    Each batch of readings stands for a payload, so that the whole of `Watch.step` is lived.
    """

    def __init__(self, rules: RuleSet, where: Places) -> None:
        self.memory = Memory()
        self.batches: list[Readings] = []
        self.log: list[LogEntry] = []
        self.restart(rules, where)

    def restart(self, rules: RuleSet | None = None, where: Places | None = None) -> Watch:
        self.rules = rules or self.rules
        self.places = where or self.places
        self.watch = Watch(self.rules, self.places, self._decode)
        self.watch.load(self.memory)  # type: ignore[arg-type]
        return self.watch

    def _decode(self, payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        parts = []
        for payload in payloads:
            batch = self.batches[int(payload.body)]
            kept = {n: c for n, c in batch.values.items() if wanted is None or n in wanted}
            parts.append(_with_values(batch, kept))
        return Decoded(Readings.concat(parts))

    def live(self, batch: Readings, received_at: int | None = None) -> list[LogEntry]:
        """`received_at`: live, also by the clock; None: recorded."""
        self.batches.append(batch)
        number = len(self.batches)
        payload = Payload(
            source="story",
            content="rows",
            received_at=received_at or 0,
            body=str(number - 1).encode(),
            is_recorded=received_at is None,
        )
        step, commit = self.watch.step([Record(number, payload)])
        self.memory.keep(commit)
        self.log += step.entries
        return step.entries


def _with_values(batch: Readings, values: dict[str, Any]) -> Readings:
    return Readings(
        place=batch.place,
        source=batch.source,
        kind=batch.kind,
        valid_at=batch.valid_at,
        issued_at=batch.issued_at,
        known_at=batch.known_at,
        period_s=batch.period_s,
        values=values,
        sources=batch.sources,
    )


def told(entries: Iterable[LogEntry]) -> list[tuple[str, str, str]]:
    """What a person would retell: type, reason, level."""
    return [(e.alert.type, e.alert.reason, e.alert.level) for e in entries]


def lines(entries: Iterable[LogEntry]) -> list[bytes]:
    return [to_line(e.alert) for e in entries]


def of_hazard(entries: Iterable[LogEntry], hazard: str, place: str | None = None) -> list[LogEntry]:
    return [
        e
        for e in entries
        if e.alert.hazard == hazard and (place is None or e.alert.place_id == place)
    ]


def weather(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """All but `cannot_see`."""
    return [e for e in entries if e.alert.hazard != "cannot_see"]


def lives(entries: Iterable[LogEntry]) -> dict[str, list[Alert]]:
    """The alerts of each incident, in the order of the log."""
    out: dict[str, list[Alert]] = {}
    for entry in entries:
        out.setdefault(entry.alert.incident, []).append(entry.alert)
    return out


def assert_sane(entries: Sequence[LogEntry]) -> None:
    """What holds of every alert log, whatever the weather was."""
    assert entries == in_log_order(entries)
    for life in lives(entries).values():
        assert [a.version for a in life] == list(range(1, len(life) + 1))
        assert [a.type for a in life].count("alert") == 1
        assert life[0].type == "alert"
        assert life[0].reason == "onset"
        assert len({(a.hazard, a.place_id if a.hazard != "cannot_see" else "") for a in life}) == 1
        sent = [a.sent_at for a in life]
        assert len(set(sent)) == len(sent), "two entries at one instant"
        for before, after in itertools.pairwise(life):
            assert before.type not in ("end", "cancel") or before.reason == "expired"
            assert after.type != "alert"
        for a in life:
            assert a.valid_at is not None
            if a.hazard != "cannot_see":
                assert_plausible(a)
                assert a.limit is not None or a.reason == "rule changed"
                assert a.expires_at is not None
                if a.type not in ("end", "cancel"):
                    assert a.expires_at > a.sent_at
            assert all("oficial" in t or "official" in t for t in a.text.values())


def assert_few_a_day(entries: Sequence[LogEntry], most: int = 4) -> None:
    """No incident of the weather speaks more often than that on any day (UTC)."""
    per_day = Counter((e.alert.incident, instant(e.alert.sent_at)[:10]) for e in weather(entries))
    crowded = {key: n for key, n in per_day.items() if n > most}
    assert not crowded, f"more than {most} messages a day: {crowded}"


def assert_plausible(alert: Alert) -> None:
    """The value that decided lies within the catalogue's limits."""
    variable = CATALOGUE.get(alert.variable or "")
    assert alert.value is not None
    if variable is not None and not variable.is_sum and alert.rule not in ("day-change",):
        assert variable.lowest - 1e-3 <= alert.value <= variable.highest + 1e-3, alert
    elif alert.variable == "rain_mm":
        assert 0 <= alert.value <= 24 * 2000, alert


PLACES_HEADER = "place_id,name,latitude,longitude,timezone,area\n"


def came(at: int, place: str, source: str, content: str, body: object) -> dict[str, Any]:
    """A payload as a line of a file for `atalaia replay --payloads`: what came of a place, when."""
    return {
        "received_at": instant(at),
        "source": source,
        "content": content,
        "places": [place],
        "body": json.dumps(body),
    }


def write_places(path: Path, *ids: str, zone: str = "UTC", area: str = "") -> Path:
    path.write_text(PLACES_HEADER + "".join(f"{i},{i} town,1,2,{zone},{area}\n" for i in ids))
    return path


def replayed(
    where: Places, files: Sequence[Path], rules: RuleSet, home: Path | None = None
) -> Replayed:
    """A replay whose log is sane."""
    done = replay(where, files, rules, home=home)
    assert_sane(done.entries)
    return done


def write_readings(path: Path, readings: Readings, where: Places) -> Path:
    """The rows as a READINGS.csv."""
    path.write_bytes(readings_csv.write(readings, where))
    return path


def atalaia(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "100"} | environment,
        timeout=LIMIT_S,
        check=False,
    )


def here(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in this process, to the end: a process of its own costs seconds."""
    words = [str(one) for one in arguments]
    written = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(each, "utf-8", write_through=True) for each in written)
    status: object = 0
    with (
        patch.object(sys, "argv", ["atalaia", *words]),
        patch.dict(os.environ, {"COLUMNS": "100"} | environment),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
    texts = [each.getvalue().decode() for each in written]
    return subprocess.CompletedProcess(words, int(str(status or 0)), *texts)


def command(*arguments: str | Path) -> list[str]:
    start = "from atalaia.cli import main; main()"
    return [sys.executable, "-c", start, *(str(one) for one in arguments)]
