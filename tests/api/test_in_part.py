"""What changes at some of its places is shown at each as it stands there, everywhere.

Sequences of messages as services send them (`acceptance.test_cap_sequences`) make a log. After each
step what lists, feeds and events show of every place is what the log's last word on it is; and so
is what a plain reader of our CAP makes of it, who lets a message go once another refers to it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest
from lxml import etree

from acceptance.test_cap_sequences import CELLS, RULES, WHERE, Office, answer_of, answers
from atalaia.api.alert_view import AlertView
from atalaia.api.cap import NAMESPACE, Issuer, to_cap
from atalaia.api.geojson import of_alerts
from atalaia.api.ical import CalendarEvent, calendar
from atalaia.api.incidents import with_entries
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.in_part import Numbered
from atalaia.ports import Record
from atalaia.sources import decode_all
from oracles import cases
from telling import news

NS = {"c": NAMESPACE}
BY_ID = {place.id: place for place in WHERE}
OURS = Issuer("atalaia@example.org")
LEVELS = {"Minor": 1, "Moderate": 2, "Severe": 3, "Extreme": 4}

Stands = dict[str, dict[str, int]]
"""By incident, the level at each place over which it stands."""


@dataclass
class Log:
    """The alert log, and what its last words say."""

    entries: list[Numbered] = field(default_factory=list)
    lives: dict[str, list[Numbered]] = field(default_factory=dict)
    stands: Stands = field(default_factory=dict)

    def take(self, entry: LogEntry) -> None:
        key, numbered = entry.alert.incident, (len(self.entries) + 1, entry)
        self.entries.append(numbered)
        self.lives.setdefault(key, []).append(numbered)
        levels = self.stands.setdefault(key, {})
        for place in entry.places:
            levels.pop(place, None)
            if not entry.alert.is_over:
                levels[place] = int(LEVEL_OF[entry.alert.level])
        if not levels:
            del self.stands[key]

    @property
    def gravest(self) -> dict[str, int]:
        return {key: max(levels.values()) for key, levels in self.stands.items()}

    @property
    def places(self) -> dict[str, set[str]]:
        return {key: set(levels) for key, levels in self.stands.items()}


class CapReader:
    """Who follows our CAP and nothing else: each message until another refers to it."""

    def __init__(self) -> None:
        self.messages: dict[str, etree._Element] = {}

    def read(self, xml: bytes) -> None:
        root = etree.fromstring(xml)
        for reference in (root.findtext("c:references", "", NS)).split():
            self.messages.pop(reference.split(",")[1], None)
        if root.findtext("c:msgType", "", NS) != "Cancel":
            self.messages[root.findtext("c:identifier", "", NS)] = root

    def levels(self, place: str) -> set[int]:
        return {
            LEVELS[info.findtext("c:severity", "", NS)]
            for root in self.messages.values()
            for info in root.findall("c:info", NS)
            if info.findtext("c:urgency", "", NS) != "Past"
            and any(_is_in(area, place) for area in info.findall("c:area", NS))
        }


def _is_in(area: etree._Element, place: str) -> bool:
    if place in [node.text for node in area.findall("c:geocode/c:value", NS)]:
        return True
    x = CELLS.index(place) + 0.5
    for polygon in area.findall("c:polygon", NS):
        xs = [float(point.split(",")[1]) for point in (polygon.text or "").split()]
        if min(xs) < x < max(xs):
            return True
    return False


def days(seed: int) -> Iterator[list[LogEntry]]:
    """Step by step, what the watch tells of warnings."""
    chance = random.Random(seed)
    sent = Office(chance).messages(chance.randint(3, 14))
    watch = Watch(RULES, WHERE, decode_all(WHERE))
    for number, (at, some) in enumerate(answers(chance, sent), 1):
        step, _ = watch.step([Record(number, answer_of(at, some))])
        yield [entry for entry in step.entries if entry.official]


def _of_places(view: AlertView) -> dict[str, set[str]]:
    """By place the incidents that stand there, each by one of its parts."""
    found: dict[str, list[str]] = {place: [] for place in CELLS}
    for part in view.now.parts:
        for place in part.places:
            found[place].append(part.alert.incident)
    assert all(len(keys) == len(set(keys)) for keys in found.values())
    return {place: set(keys) for place, keys in found.items()}


@pytest.mark.parametrize("seed", range(cases(40)))
def test_lists_and_feeds_show_a_warning_at_each_place_as_it_stands_there(seed: int) -> None:
    log, view, reader = Log(), AlertView(), CapReader()
    for entries in days(seed):
        for entry in entries:
            earlier = [one for _, one in log.lives.get(entry.alert.incident, ())]
            log.take(entry)
            view.take(log.entries[-1:])
            reader.read(to_cap(entry, earlier, BY_ID, OURS))
        shown = {row.key: row for row in view.rows(is_open=True)}
        assert {key: row.level for key, row in shown.items()} == log.gravest
        assert {key: set(row.places) for key, row in shown.items()} == log.places
        for key, row in shown.items():
            body = json.loads(row.body)
            assert int(LEVEL_OF[body["level"]]) == log.gravest[key]
            assert set(body["places"]) == log.places[key]
            at = {place: body["levels"].get(place, body["level"]) for place in body["places"]}
            assert {place: LEVEL_OF[level] for place, level in at.items()} == log.stands[key]
            assert body["level"] not in body["levels"].values()
            assert body["status"] == "open"
            assert body["versions"] == len(log.lives[key])
            told = json.loads(with_entries(log.lives[key]))
            assert {name: told[name] for name in body} == body
        features = json.loads(of_alerts(view.now, BY_ID))["features"]
        said = {one["id"]: int(LEVEL_OF[one["properties"]["level"]]) for one in features}
        assert said == log.gravest
        shown_at = {one["id"]: set(one["properties"]["places"]) for one in features}
        assert shown_at == log.places
        of_places = _of_places(view)
        for place in CELLS:
            assert of_places[place] == {key for key, at in log.stands.items() if place in at}
            levels = {key: at[place] for key, at in log.stands.items() if place in at}
            rows = view.rows(is_open=True, place=place)
            assert {row.key: row.level for row in rows} == levels
            assert max(reader.levels(place), default=0) >= max(levels.values(), default=0)
        if not log.stands:
            assert not any(reader.levels(place) for place in CELLS)
    assert not log.stands


def silences(seed: int) -> Iterator[tuple[LogEntry, set[str]]]:
    """The entries of a source that turns blind and sees again, each with where it then is blind."""
    chance, blind, version = random.Random(seed), set[str](), 0
    while True:
        version += 1
        turns = set(chance.sample(CELLS, chance.randint(1, len(CELLS))))
        is_eased = bool(blind) and chance.random() < 0.5
        turns = turns & blind if is_eased else turns - blind
        if not turns:
            version -= 1
            continue
        blind = blind - turns if is_eased else blind | turns
        type_ = "alert" if version == 1 else "update" if blind else "end"
        reason = "eased" if is_eased else "onset" if version == 1 else "escalated"
        entry = news(
            "blind", version, type_, hazard="cannot_see", level="yellow", source="inmet",
            reason=reason if blind else "ended", urgency="Immediate" if blind else "Past",
        )  # fmt: skip
        told = {"places": tuple(sorted(turns)), "still_blind": tuple(sorted(blind - turns))}
        yield msgspec.structs.replace(entry, **told), blind
        if not blind:
            return


@pytest.mark.parametrize("seed", range(cases(40)))
def test_lists_and_feeds_show_a_source_as_blind_where_it_is_and_nowhere_else(seed: int) -> None:
    view, reader, life = AlertView(), CapReader(), list[LogEntry]()
    for entry, blind in silences(seed):
        view.take([(len(life) + 1, entry)])
        reader.read(to_cap(entry, life, BY_ID, OURS))
        life.append(entry)
        assert {place for row in view.rows(is_open=True) for place in row.places} == blind
        features = json.loads(of_alerts(view.now, BY_ID))["features"]
        assert {place for one in features for place in one["properties"]["places"]} == blind
        points = [one["geometry"]["coordinates"] for one in features]
        assert np.array(points).size == 2 * len(blind)
        shown = [CalendarEvent(one, one) for _, one in view.now.open]
        events = calendar(shown, "en", BY_ID, "a@example.org").decode()
        where = re.findall(r"LOCATION:(.*)\r", events)
        assert {name for one in where for name in re.findall(r"p\d", one)} == blind
        for place in CELLS:
            assert bool(list(view.rows(is_open=True, place=place))) == (place in blind)
            assert bool(reader.levels(place)) == (place in blind)
