"""Rule files that extend others and give single places limits of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia import rules
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Readings
from atalaia.domain.rule import Rule, RuleSet
from atalaia.domain.rule_words import in_words
from atalaia.errors import SettingsInvalid
from atalaia.rules.read import parse
from stories import forecast, rows, rule, rule_set, series, watched

BASE = """
name = "base"
[[rule]]
name = "gust"
hazard = "wind"
variable = "wind_gust_m_s"
limits = { yellow = 10, orange = 20, red = 30 }
keep_firing_for = "1h"

[[rule]]
name = "rain-1h"
hazard = "heavy_rain"
variable = "rain_mm"
measure = "sum"
window = "1h"
limits = { yellow = 10, red = 30 }

[[rule]]
name = "rain-3h"
hazard = "heavy_rain"
variable = "rain_mm"
measure = "sum"
window = "3h"
limits = { yellow = 25 }
"""


def read(text: str, **beside: str) -> RuleSet:
    """A file's set, with the files beside it by their names."""
    known = {"base": BASE, **beside}

    def extended(name: str) -> tuple[str, str]:
        if name not in known:
            raise SettingsInvalid([f"no file {name}"])
        return known[name], name

    return parse(text, "mine", extended)


def problems(text: str, **beside: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        read(text, **beside)
    return caught.value.problems


def named(rule_set: RuleSet) -> dict[str, Rule]:
    return {rule.name: rule for rule in rule_set.rules}


def test_a_file_that_extends_another_says_what_that_one_says() -> None:
    assert read('extends = "base"').rules == parse(BASE, "base").rules


def test_what_a_file_says_of_a_rule_stands_in_place_of_what_it_extends_and_only_that() -> None:
    found = named(read('extends = "base"\n[[rule]]\nname = "gust"\nlimits = { red = 35 }\n'))
    assert list(found) == ["gust", "rain-1h", "rain-3h"], "in its old place"
    assert found["gust"].enter == (None, None, None, 35)
    assert found["gust"].keep_s == 3600, "as it was"


def test_a_rule_is_switched_off_by_who_extends_it() -> None:
    text = 'extends = "base"\n[[rule]]\nname = "rain-3h"\nenabled = false\n'
    assert list(named(read(text))) == ["gust", "rain-1h"]


def test_of_several_files_the_last_word_counts() -> None:
    other = '[[rule]]\nname = "gust"\nlimits = { red = 40 }\n'
    text = 'extends = ["base", "other"]\n[[rule]]\nname = "rain-3h"\nlimits = { yellow = 26 }\n'
    found = named(read(text, other=other))
    assert found["gust"].enter[3] == 40
    assert found["rain-3h"].enter[1] == 26


def test_files_extend_files_that_extend_files() -> None:
    middle = 'extends = "base"\n[[rule]]\nname = "gust"\nexit = 0.5\n'
    assert named(read('extends = "middle"', middle=middle))["gust"].leave[1] == 5


def test_files_that_extend_each_other_are_refused_with_the_way() -> None:
    told = problems('extends = "a"', a='extends = "b"', b='\nextends = "a"')
    assert told == ["b:2: files extend each other: a → b → a"]


def test_a_file_that_is_not_there_is_named_with_the_line_that_names_it() -> None:
    assert problems('name = "x"\nextends = "nobody"') == ["mine:2: extends: no file nobody"]


def test_a_fault_is_told_where_it_was_written_and_in_whichever_file() -> None:
    middle = 'extends = "base"\n[[rule]]\nname = "gust"\nfor = "soon"\n'
    told = problems('extends = "middle"\n[[rule]]\nname = "rain-1h"\nwindow = 1\n', middle=middle)
    assert told == [
        "middle:4: rule 'gust': for: 'soon' is not a duration; write for example 15min, 3h or 2d",
        "mine:4: rule 'rain-1h': window: not a text; put it in quotes",
    ]


def test_every_fault_of_a_rule_is_told_at_once() -> None:
    text = '[[rule]]\nname = "x"\nhazard = "meteor"\nvariable = 3\nlimit = 1\n'
    keys = [line.split(": ")[2] for line in problems(text)]
    assert sorted(keys) == ["hazard", "limit", "limits", "variable"]


# A place's own limits


def test_a_places_own_limit_stands_beside_the_others_of_its_rule() -> None:
    found = named(read('extends = "base"\n[limits.r1.gust]\nyellow = 12\n'))
    assert list(found) == ["gust", "gust@r1", "rain-1h", "rain-3h"]
    assert found["gust@r1"].enter == (None, 12, 20, 30)
    assert found["gust@r1"].leave == (None, 9.6, 16, 24), "the exit follows"
    assert [found["gust"].judges(place) for place in ("r1", "r2")] == [False, True]
    assert [found["gust@r1"].judges(place) for place in ("r1", "r2")] == [True, False]


def test_a_hazard_with_one_rule_names_that_rule() -> None:
    assert "gust@r1" in named(read('extends = "base"\n[limits.r1.wind]\nred = 35\n'))


def test_a_hazard_with_several_rules_is_refused_and_they_are_named() -> None:
    told = problems('extends = "base"\n[limits.r1.heavy_rain]\nyellow = 12\n')
    assert told == [
        "mine:2: limits.r1.heavy_rain: heavy_rain has several rules; name one: rain-1h, rain-3h"
    ]


def test_an_unknown_rule_is_refused_and_what_was_meant_is_named() -> None:
    (told,) = problems('extends = "base"\n[limits.r1]\nguts = { red = 3 }\n')
    assert told.startswith("mine:3: limits.r1.guts: no rule is called 'guts' (did you mean gust?)")


def test_a_places_own_limits_must_make_sense_beside_the_rules() -> None:
    (told,) = problems('extends = "base"\n[limits.r1.gust]\nyellow = 22\n')
    assert told == "mine:2: limits.r1.gust: limits must get more extreme from watch to red"


def test_a_star_changes_the_rule_for_all() -> None:
    found = named(
        read('extends = "base"\n[limits."*".gust]\nyellow = 12\n[limits.r1.gust]\nred = 31\n')
    )
    assert found["gust"].enter == (None, 12, 20, 30)
    assert list(found) == ["gust", "gust@r1", "rain-1h", "rain-3h"]


def test_one_place_goes_before_many_and_the_later_of_many_before_the_earlier() -> None:
    text = 'extends = "base"\n' + "\n".join(
        f'[limits."{place}".gust]\nyellow = {limit}\n'
        for place, limit in (("r11", 11), ("r*", 12), ("r1*", 13), ("r12", 14))
    )
    found = read(text)
    judged = {
        place: [r.enter[1] for r in found.rules if r.hazard == "wind" and r.judges(place)]
        for place in ("r11", "r12", "r13", "r2", "q")
    }
    assert judged == {"r11": [11], "r12": [14], "r13": [13], "r2": [12], "q": [10]}


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "ab", "abc", "a*", "ab*", "*c", "b?"]), st.integers(1, 19)),
        max_size=8,
        unique_by=lambda one: one[0],
    )
)
@settings(max_examples=200)
def test_whatever_places_are_named_each_is_judged_once_by_each_rule(
    named_places: list[tuple[str, int]],
) -> None:
    text = 'extends = "base"\n' + "".join(
        f'[limits."{place}".gust]\nyellow = {limit}\n' for place, limit in named_places
    )
    found = read(text)
    own = dict(named_places)
    for place in ("a", "ab", "abc", "abd", "bx", "xc", "z"):
        mine = [rule for rule in found.rules if rule.hazard == "wind" and rule.judges(place)]
        assert len(mine) == 1
        if place in own:
            assert mine[0].enter[1] == own[place], "what is said of it alone"


# Judged

WHERE = Places(
    Place(id=name, name=name, latitude=i, longitude=i) for i, name in enumerate(("r1", "r2", "s1"))
)
OWN = 'extends = "base"\n[limits.r1.gust]\nyellow = 15\n[limits."s*".rain-1h]\nyellow = 5\n'
ALONE = {
    "r1": BASE.replace("yellow = 10, orange = 20", "yellow = 15, orange = 20"),
    "r2": BASE,
    "s1": BASE.replace("yellow = 10, red = 30 }", "yellow = 5, red = 30 }"),
}


def told(log: list[LogEntry]) -> list[tuple[object, ...]]:
    return [
        (a.place_id, a.sent_at, a.hazard, a.level, a.type, a.reason, a.value, a.limit)
        for a in (entry.alert for entry in log)
    ]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_place_with_limits_of_its_own_is_told_what_a_set_of_them_alone_would_tell(
    seed: int,
) -> None:
    draw = np.random.default_rng(seed)
    parts: list[Readings] = []
    for place in range(3):
        gusts = draw.gamma(2, 7, 24).round(1).tolist()
        parts.append(series(gusts, place=place, rain_mm=draw.gamma(0.5, 12, 24).round(1).tolist()))
        parts.append(
            forecast(int(parts[0].valid_at[4]), draw.gamma(2, 7, 30).tolist(), place=place)
        )
    readings = rows(*parts)
    log = told(watched(readings, read(OWN), WHERE))
    for place, text in ALONE.items():
        expected = told(watched(readings, parse(text, "alone"), WHERE))
        assert [one for one in log if one[0] == place] == [o for o in expected if o[0] == place]
    assert {one[0] for one in log}


def test_an_area_rule_for_some_places_counts_no_others() -> None:
    area = """
    [[rule]]
    name = "two"
    hazard = "flood"
    variable = "rain_mm"
    measure = "sum"
    window = "1h"
    limits = { yellow = 10 }
    places = ["p0", "p1"]
    area = { places = 2 }
    """
    where = Places(
        Place(id=f"p{i}", name="", latitude=0, longitude=0, area="town") for i in range(4)
    )
    wet = [series([20.0], "rain_mm", place=place) for place in range(3)]
    both = watched(rows(wet[0], wet[1]), parse(area, "area"), where)
    assert [entry.alert.level for entry in both] == ["yellow"]
    assert watched(rows(wet[0], wet[2]), parse(area, "area"), where) == []
    then_dry = [series([20.0] + [0.0] * 8, "rain_mm", place=place) for place in range(2)]
    told_of = watched(rows(*then_dry), parse(area, "area"), where)
    assert told_of[-1].alert.type == "end", "who is not counted is not waited for"


# Files on a disk


LANDSLIDE = """
name = "slopes"

[[rule]]
name = "slope"
hazard = "landslide"
variable = "rain_mm"
measure = "sum"
window = "24h"
limits = { orange = 100 }
"""


def test_a_limit_of_landslides_is_refused_without_the_region_in_which_it_holds() -> None:
    with pytest.raises(SettingsInvalid, match="'slope': region: is missing: rain that moves one"):
        parse(LANDSLIDE, "slopes.toml")
    box = 'region = { name = "Serra", south = -24.5, west = -47, north = -23, east = -44.5 }'
    (rule,) = parse(LANDSLIDE + box, "slopes.toml").rules
    assert in_words(rule, "en").endswith("100 orange mm, only in Serra")
    serra = Place(id="cub", name="Cubatão", latitude=-23.9, longitude=-46.4)
    lagos = Place(id="los", name="Lagos", latitude=6.5, longitude=3.4)
    assert parse(LANDSLIDE + box, "slopes.toml").nowhere([lagos, serra]) == []
    assert parse(LANDSLIDE + box, "slopes.toml").nowhere([lagos]) == [
        "rules are for Serra, where no place is watched"
    ]
    upside_down = box.replace("south = -24.5", "south = -22")
    with pytest.raises(SettingsInvalid, match="its south lies north of its north"):
        parse(LANDSLIDE + upside_down, "slopes.toml")


def test_a_file_extends_a_shipped_set_and_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/pe.toml").write_text('extends = "inmet"\n[limits."26*".gust]\nyellow = 12\n')
    (tmp_path / "city.toml").write_text('extends = "state/pe.toml"\n')
    names = [rule.name for rule in rules.load(str(tmp_path / "city.toml")).rules]
    assert names == [
        name
        for rule in rules.load("inmet").rules
        for name in ([rule.name, "gust@26*"] if rule.name == "gust" else [rule.name])
    ]


def test_places_that_nobody_watches_are_named() -> None:
    found = read('extends = "base"\n[limits.r1.gust]\nred = 31\n[limits."s*".gust]\nred = 32\n')
    assert found.strangers(["r1", "r2"]) == ["rule gust@s* is for place 's*', which is not watched"]


POSSIBLE = {
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "24h",
    "limits": {"yellow": 30, "red": 100},
}


def test_a_chance_is_of_each_level_or_of_all() -> None:
    assert rule(**POSSIBLE, chance={"red": 0.2}).chance == (None, None, None, 0.2)
    one = rule(**POSSIBLE, chance=0.3)
    assert one.chance == (None, 0.3, None, 0.3)
    assert in_words(one, "en").endswith("30 yellow, 100 red mm; or in 30 % of model runs")
    two = rule(**POSSIBLE, chance={"yellow": 0.3, "red": 0.2})
    assert in_words(two, "en").endswith("or in 30 % yellow, 20 % red of model runs")
    assert rule_set(POSSIBLE | {"chance": 0.3}, {}).by_chance == {"rain_mm"}
    assert rule(**POSSIBLE).digest != one.digest


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window": "1h"}, "models step by 3h; use a window of 3h or longer"),
        ({"measure": "value", "window": None}, 'told by steps of hours; use measure = "sum"'),
        ({"chance": 30}, "a share of model runs, above 0 and up to 1"),
        ({"chance": {"orange": 0.3}}, "there is no limit orange"),
        ({"chance": {}}, "a share of model runs"),
        ({"evidence": ["observed"]}, 'add "forecast" to evidence'),
        ({"given": {"window": "72h", "limit": 30}}, "without area, given and station"),
        ({"area": {"places": 2}}, "without area, given and station"),
        ({"station": "ana:87450004"}, "without area, given and station"),
        ({"variable": "river_level_m", "measure": "mean"}, "no ensemble tells river_level_m"),
    ],
)
def test_a_chance_that_no_ensemble_can_tell_is_refused_and_says_why(
    changes: Any, said: str
) -> None:
    with pytest.raises(SettingsInvalid, match=re.escape(said)):
        rule(**({**POSSIBLE, "chance": 0.3} | changes))
