"""The summary of a replay: each incident in a line that a person can believe."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.place import Places
from atalaia.replay.summary import Story, counts, show, stories
from stories import DAY, HOUR, T0, rows, rule_set, series, watched
from stories import places as some_places
from telling import PLACES, news

WHERE = some_places(1)


def why(variable: str, values: list[float], **rule: Any) -> str:
    """The reason that is told of the one incident of such a rule."""
    rules = rule_set({"variable": variable, "keep_firing_for": "1h", **rule})
    told = stories(watched(rows(series(values, variable)), rules, WHERE))
    assert len(told) == 1
    return told[0].why


@pytest.mark.parametrize(
    ("said", "variable", "values", "rule"),
    [
        ("gust reached 25 m/s (limit 20 m/s)", "wind_gust_m_s", [5, 12, 25, 5], {}),
        (
            "rain in 3 h reached 35 mm (limit 30 mm)",
            "rain_mm",
            [0, 0, 0, 10, 20, 5, 0, 0, 0, 0, 0],
            {"hazard": "heavy_rain", "measure": "sum", "window": "3h", "limits": {"yellow": 30}},
        ),
        (
            "relative humidity went down to 11.5 % (limit 12 %)",
            "relative_humidity_pct",
            [50, 25, 11.5, 50],
            {"hazard": "dry_air", "when": "below", "limits": {"yellow": 30, "orange": 12}},
        ),
        (
            "temperature fell by 9 °C in 6 h (limit a fall of 8 °C)",
            "temperature_c",
            [21, 21, 21, 21, 20, 18, 15, 13, 12, *[12] * 9],
            {
                "hazard": "temperature_drop",
                "measure": "change",
                "window": "6h",
                "when": "below",
                "limits": {"yellow": -8},
                "exit": {"yellow": -4},
            },
        ),
        (
            "mean wind, average over 3 h reached 12 m/s (limit 10 m/s)",
            "wind_speed_m_s",
            [2, 2, 12, 12, 12, 1],
            {"measure": "mean", "window": "3h", "limits": {"yellow": 10}},
        ),
    ],
)  # fmt: skip
def test_what_was_measured_is_told_in_words(
    said: str, variable: str, values: list[float], rule: dict[str, Any]
) -> None:
    assert why(variable, [float(one) for one in values], **rule) == said


def test_a_story_is_one_incident_from_its_onset_to_its_end() -> None:
    log = watched(
        rows(series([5.0, 12.0, 25.0, 15.0, *[3.0] * 8])),
        rule_set({"keep_firing_for": "2h"}),
        WHERE,
    )
    (story,) = stories(log)
    assert (story.place_id, story.hazard, story.level) == ("p0", "wind", "orange")
    assert (story.onset_at, story.peak, story.peak_at) == (T0 + HOUR, 25.0, T0 + 2 * HOUR)
    assert (story.ended_at, story.ending) == (log[-1].alert.sent_at, "ended")
    assert story.messages == len(log)


def test_stories_stand_in_the_order_of_their_onset_however_the_log_mixed_them() -> None:
    log = [
        news("b", at=T0 + 60, onset_at=T0 + 60),
        news("a", at=T0 + 120, onset_at=T0),
        news("b", 2, "end", at=T0 + 180, onset_at=T0 + 60),
        news("c", at=T0 + 200, onset_at=T0 + 60, place="natal"),
    ]
    told = stories(log)
    assert [story.incident for story in told] == ["a", "c", "b"]
    assert [story.ended_at for story in told] == [None, None, T0 + 180]
    assert [story.messages for story in told] == [1, 1, 2]


def test_an_incident_is_as_grave_as_it_ever_was() -> None:
    life = [news(level="yellow"), news(version=2, level="red"), news(version=3, level="orange")]
    bare = [entry_without_peak(entry) for entry in life]
    (story,) = stories(bare)
    assert story.level == "red"


def entry_without_peak(entry: LogEntry) -> LogEntry:
    from msgspec.structs import replace

    return replace(entry, peak_level=None, peak=None, peak_at=None)


def test_what_has_no_value_tells_the_first_sentence_of_its_text() -> None:
    text = {"en": "Nothing is heard of inmet. It fell silent", "pt-BR": "…", "es": "…"}
    entry = news(hazard="cannot_see", variable=None, value=None, unit=None, limit=None, text=text)
    (story,) = stories([entry])
    assert story.why == "Nothing is heard of inmet"


# How it looks


def story(incident: str, **changes: Any) -> Story:
    base: dict[str, Any] = {
        "incident": incident, "place_id": "recife", "hazard": "wind", "level": "yellow",
        "onset_at": T0, "peak": 12.0, "peak_at": T0 + HOUR, "ended_at": T0 + 2 * HOUR,
        "ending": "ended", "messages": 2, "is_below": False, "why": f"why {incident}",
    }  # fmt: skip
    return Story(**(base | changes))


def shown(told: list[Story], where: Places = PLACES, **more: Any) -> list[str]:
    out = io.StringIO()
    show(told, where, Console(file=out, width=100), "Nothing.", **more)
    return out.getvalue().splitlines()


def test_a_story_is_three_lines_in_the_time_of_its_place() -> None:
    assert shown([story("a", level="red", hazard="heavy_rain", onset_at=T0 + 3 * HOUR)]) == [
        "▲▲▲ red    heavy rain   Recife",
        "            2024-01-01 00:00 → 2023-12-31 23:00",
        "            why a at 2023-12-31 22:00",
        "Times are local to each place.",
    ]


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"ended_at": None, "ending": None}, "still open at the end of the record"),
        ({"ending": "expired"}, "2023-12-31 23:00, could no longer be seen"),
        ({"ending": "withdrawn"}, "2023-12-31 23:00, withdrawn"),
        ({"ending": "rule changed"}, "2023-12-31 23:00, rule changed"),
    ],
)
def test_an_end_says_what_kind_of_end_it_is(changes: dict[str, Any], end: str) -> None:
    assert shown([story("a", **changes)])[1].endswith("→ " + end)


def test_a_place_that_is_no_longer_known_is_told_by_its_id_in_utc() -> None:
    lines = shown([story("a", place_id="gone", peak_at=None)])
    assert lines[0].endswith("gone")
    assert lines[1].split(" → ")[0].strip() == "2024-01-01 00:00"
    assert lines[2].strip() == "why a"


def test_where_nothing_happened_that_is_said() -> None:
    assert shown([]) == ["Nothing."]
    assert counts([]) == "none"


def whys(lines: list[str]) -> list[str]:
    return [line.split()[1] for line in lines if line.strip().startswith("why ")]


def test_of_many_what_was_red_is_shown_and_the_gravest_of_each_hazard() -> None:
    told = [story(f"w{i}", peak=float(i), onset_at=T0 + i * DAY) for i in range(20)]
    told += [
        story(f"d{i}", hazard="dry_air", peak=30.0 - i, is_below=True, onset_at=T0 + i * DAY)
        for i in range(20)
    ]
    told += [story("r", level="red", hazard="heat", peak=41.0, onset_at=T0 + 99 * DAY)]
    lines = shown(told, at_most=7)
    assert whys(lines) == ["d18", "w18", "d19", "w19", "r"]
    assert lines[-2] == "… and 36 more; these are the gravest of each hazard."


@pytest.mark.parametrize("hazard", ["fog", "temperature_drop", "dry_air", "cold", "frost", "flood"])
def test_where_small_values_are_the_dangerous_ones_the_smallest_is_the_gravest(
    hazard: str,
) -> None:
    """Whatever the hazard: a rule says on which side danger lies, and not the hazard's name."""
    told = [
        story(f"{i}", hazard=hazard, peak=peak, is_below=True, onset_at=T0 + i)
        for i, peak in enumerate((-3.0, -9.0, 5.0, -1.0))
    ]
    assert whys(shown(told, at_most=1)) == ["1"]
    above = [s for s in told if s.incident in "02"]
    assert whys(shown([story(s.incident, peak=s.peak) for s in above], at_most=1)) == ["2"]


def test_no_more_are_shown_than_fit_even_where_all_were_red() -> None:
    told = [story(f"{i}", level="red", peak=float(i), onset_at=T0 - i) for i in range(9)]
    assert whys(shown(told, at_most=3)) == ["8", "7", "6"]


def test_counts_are_by_hazard_with_how_many_were_grave() -> None:
    told = [story(f"{i}", level=level) for i, level in enumerate(("red", "orange", "watch", "red"))]
    told.append(story("x", hazard="heavy_rain"))
    assert counts(told) == "heavy_rain 1, wind 4 (2 red, 1 orange)"
    assert set(LEVEL_OF) >= {s.level for s in told}
