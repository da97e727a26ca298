"""What is told goes by what was known when it was told, however payloads are cut into batches."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF, Level
from atalaia.domain.reading import Readings
from stories import Shift, assert_sane, cut, in_log_order, places, watched

from . import HISTORIES
from .histories import RULES, history, rough

WHERE = places(2, area="Valley")


def restarted(readings: Readings, at: Sequence[int]) -> list[LogEntry]:
    """The log of a watch that is made anew from its state items before each batch."""
    shift = Shift(RULES, WHERE)
    entries: list[LogEntry] = []
    for part in cut(readings, at):
        shift.restart()
        entries += shift.live(part)
    return in_log_order(entries)


def plain(entries: Sequence[LogEntry]) -> list[str]:
    return [
        f"{e.alert.sent_at} {e.alert.hazard} {e.alert.place_id} {e.alert.type} {e.alert.reason} "
        f"{e.alert.level} {e.alert.certainty} {e.alert.value} {e.alert.limit} {e.alert.valid_at} "
        f"{e.alert.onset_at} {e.alert.expires_at}"
        for e in entries
    ]


# Each is lived through four times, once with a restart a batch: few of them here.
FEW = range(0, HISTORIES, 30)


@pytest.mark.parametrize("seed", FEW)
def test_any_cut_of_a_sequence_of_payloads_gives_the_same_alerts(seed: int) -> None:
    told = rough(seed) if seed % 60 else history(seed)
    one_by_one = np.unique(told.known_at)
    chance = random.Random(seed)
    cuts = [at for at in one_by_one.tolist() if chance.random() < 0.3]
    expected = plain(watched(told, RULES, WHERE, one_by_one))
    assert plain(watched(told, RULES, WHERE)) == expected
    assert plain(watched(told, RULES, WHERE, cuts)) == expected
    assert plain(restarted(told, cuts)) == expected


@pytest.mark.parametrize("seed", FEW[:2])
def test_a_long_batch_tells_what_its_instants_tell_one_by_one_steps_included(seed: int) -> None:
    told = history(seed, 250)

    def lived(at: Sequence[int]) -> list[bytes]:
        watch = Watch(RULES, WHERE)
        asked = {"gust": [9.0, 14.0, 18.0], "gust-now": [11.0], "rain-1h": [5.0, 9.0]}
        watch.incidents.steps = dict.fromkeys(range(len(WHERE) + 1), asked)
        entries = (entry for part in cut(told, at) for entry in watch.live(part).entries)
        return [msgspec.json.encode(entry) for entry in in_log_order(entries)]

    by_instant = np.unique(told.known_at).tolist()
    assert len(by_instant) > 200
    whole = lived(())
    assert any(b'"step"' in entry for entry in whole)
    assert whole == lived(by_instant)


@pytest.mark.parametrize("seed", FEW)
def test_nothing_that_comes_later_changes_what_was_told(seed: int) -> None:
    told = history(seed)
    until = int(told.known_at[len(told) // 2])
    early = told.take(told.known_at <= until)
    before = [e for e in watched(told, RULES, WHERE) if e.alert.sent_at <= until]
    assert plain(before) == plain(watched(early, RULES, WHERE))


@pytest.mark.parametrize("seed", range(0, HISTORIES, 10))
def test_every_entry_is_what_its_value_says(seed: int) -> None:
    log = watched(history(seed), RULES, WHERE)
    assert_sane(log)
    rules = {rule.name: rule for rule in RULES.rules}
    for entry in log:
        alert = entry.alert
        rule = rules.get(alert.rule)
        if rule is None or alert.value is None or alert.limit is None:
            continue
        beyond = rule.sign * (alert.value - alert.limit)
        if alert.reason in ("onset", "escalated"):
            assert beyond >= -1e-6, (alert.reason, alert.value, alert.limit)
        if alert.reason == "eased":  # a level is left a little later than it is entered
            leave = rule.leave[LEVEL_OF[alert.level] - Level.YELLOW + 1]
            assert leave is not None
            assert rule.sign * (alert.value - leave) >= -1e-6, (alert.value, leave)
        if alert.reason in ("ended", "withdrawn"):
            assert beyond < 1e-6, (alert.reason, alert.value, alert.limit)
        if alert.evidence == "observed" and alert.type != "end":
            assert alert.valid_at <= alert.sent_at, "measured, and still to come"
        if alert.reason == "withdrawn":
            assert alert.certainty == "Possible"
