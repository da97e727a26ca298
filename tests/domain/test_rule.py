from __future__ import annotations

import re

import pytest

from atalaia import rules as shipped
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.reading import Kind
from atalaia.domain.rule import Rule, seconds
from atalaia.errors import SettingsInvalid
from atalaia.rules.read import parse
from stories import DAY, HOUR, rule, rule_set, rule_text

GOOD = [
    ({}, {"measure": "value", "window_s": 0, "is_below": False, "unit": "m/s"}),
    ({"exit": 0.5}, {"leave": (None, 5.0, 10.0, 15.0)}),
    ({"exit": {"yellow": 9, "orange": 19, "red": 30}}, {"leave": (None, 9.0, 19.0, 30.0)}),
    ({"limits": {"red": 30}}, {"enter": (None, None, None, 30.0), "lowest": Level.RED}),
    ({"limits": {"watch": 5, "red": 30}}, {"lowest": Level.WATCH}),
    ({"for": "15min", "for_readings": 2}, {"for_s": 900, "for_readings": 2}),
    ({"keep_firing_for": "90s", "expires_after": "2d"}, {"keep_s": 90, "expires_after_s": 2 * DAY}),
    ({"evidence": ["forecast", "observed"]}, {"kinds": (Kind.OBSERVED, Kind.FORECAST)}),
    ({"evidence": ["analysis", "analysis"]}, {"kinds": (Kind.ANALYSIS,)}),
    ({"forecast_within": "6h"}, {"forecast_within_s": 6 * HOUR}),
    ({"area": {"places": 2, "within": "2h"}}, {"places": 2, "within_s": 2 * HOUR}),
    (
        {"variable": "rain_mm", "measure": "sum", "window": "24h"},
        {"measure": "sum", "window_s": DAY, "unit": "mm", "inputs": ("rain_mm",)},
    ),
    ({"measure": "mean", "window": "10min"}, {"window_s": 600}),
    ({"measure": "change", "window": "24h"}, {"window_s": DAY}),
    (
        {
            "variable": "relative_humidity_pct",
            "when": "below",
            "limits": {"yellow": 30, "orange": 20},
        },
        {"is_below": True, "sign": -1, "leave": (None, 37.5, 25.0, None)},
    ),
    (
        {"variable": "heat_index_c", "limits": {"yellow": 32}},
        {"unit": "°C", "inputs": ("temperature_c", "relative_humidity_pct")},
    ),
    (
        {
            "variable": "temperature_c",
            "measure": "day_change",
            "when": "below",
            "limits": {"yellow": -3, "orange": -5},
            "exit": {"yellow": -2.4, "orange": -4},
        },
        {"reach_s": 2 * DAY, "leave": (None, -2.4, -4.0, None)},
    ),
    (
        {
            "variable": "temperature_c",
            "measure": "days_in_a_row",
            "day_limit": 35,
            "limits": {"yellow": 2, "orange": 4},
        },
        {"unit": "d", "day_limit": 35, "reach_s": 5 * DAY},
    ),
    (
        {"stand_in": {"variable": "wind_speed_m_s", "margin": 2.57}},
        {"inputs": ("wind_gust_m_s", "wind_speed_m_s"), "stand_in_margin": 2.57},
    ),
]


@pytest.mark.parametrize(("written", "read"), GOOD)
def test_a_rule_says_what_is_written(written: dict, read: dict) -> None:
    one = rule(**written)
    assert {name: getattr(one, name) for name in read} == read


BAD = [
    (
        {"variable": "rain"},
        "unknown variable 'rain' (did you mean rain_mm?); `atalaia variables` lists them",
    ),
    ({"stand_in": {"variable": "breeze"}}, "unknown variable 'breeze'"),
    ({"limits": {"yellow": 10, "purple": 20}}, "no level 'purple'"),
    ({"exit": {"yellow": 9, "orange": 19, "red": 29, "pink": 1}}, "no level 'pink'"),
    ({"limits": {}}, "limits is empty"),
    ({"limits": {"yellow": 20, "orange": 10}}, "more extreme"),
    ({"limits": {"yellow": 20, "orange": 20}}, "more extreme"),
    (
        {"variable": "relative_humidity_pct", "when": "below", "limits": {"yellow": 20, "red": 30}},
        "more extreme",
    ),
    ({"exit": 0}, "between 0 and 1"),
    ({"exit": 1.2}, "between 0 and 1"),
    ({"exit": {"yellow": 9}}, "no limit for orange"),
    ({"exit": {"yellow": 11, "orange": 15, "red": 20}}, "beyond the entry limit"),
    ({"variable": "temperature_c", "limits": {"yellow": 0, "red": 5}}, "limits of 0 or less"),
    ({"measure": "sum", "variable": "rain_mm"}, 'needs a window, for example window = "1h"'),
    ({"measure": "mean"}, "needs a window"),
    ({"measure": "change"}, "needs a window"),
    ({"window": "1h"}, 'a window needs measure = "sum", "mean" or "change"'),
    ({"measure": "sum", "window": "1h"}, "wind_gust_m_s cannot be added up"),
    ({"variable": "heat_index_c", "measure": "sum", "window": "1h"}, "cannot be added up"),
    ({"measure": "days_in_a_row"}, "needs day_limit"),
    ({"hazard": "cannot_see"}, "takes no rule"),
    ({"hazard": "meteor"}, "'meteor' is not known; give heavy_rain, "),
    ({"hazard": "floods"}, "(did you mean flood?)"),
    ({"measure": "median"}, "(did you mean mean?)"),
    ({"when": "beyond"}, "beyond"),
    ({"evidence": ["rumour"]}, "rumour"),
    ({"for": "soon"}, "'soon' is not a duration; write for example 15min, 3h or 2d"),
    ({"window": "-1h"}, "is not a duration"),
    ({"keep_firing_for": "1.5h"}, "is not a duration"),
    ({"for_readings": -1}, ">= 0"),
    ({"area": {"places": 0}}, ">= 1"),
    ({"area": {"places": 2, "inside": "1h"}}, "unknown key inside; remove it"),
    ({"area": {"within": "1h"}}, "places is missing; add it"),
    ({"places": "r1"}, "not a list"),
    ({"places": [3]}, "not a text"),
    ({"name": "a@b"}, "leave it out"),
    ({"limits": {"yellow": "ten"}}, "not a number; write one without quotes"),
    ({"colour": "red"}, "colour"),
    ({"name": ""}, "not a text; give it one, in quotes"),
]


@pytest.mark.parametrize(("written", "problem"), BAD)
def test_a_bad_key_is_named_with_its_own_line(written: dict, problem: str) -> None:
    text = rule_text({}, written)
    with pytest.raises(SettingsInvalid) as caught:
        parse(text, "mine.toml")
    assert len(caught.value.problems) == 1
    told = re.fullmatch(r"mine\.toml:(\d+): rule .+?: (\w+): (.+)", caught.value.problems[0])
    assert told is not None
    assert problem in told[3]
    lines = dict(enumerate(text.splitlines(), 1))
    header = [number for number, line in lines.items() if line == "[[rule]]"][1]
    own = [n for n, line in lines.items() if n > header and line.startswith(f"{told[2]} =")]
    assert int(told[1]) == (own[0] if own else header)


def test_every_problem_is_named_at_once() -> None:
    text = rule_text({"variable": "rain"}, {}, {"limits": {}}) + "[[rule]]\nname = 3\n"
    with pytest.raises(SettingsInvalid) as caught:
        parse('colour = "red"\n' + text, "mine.toml")
    assert len(caught.value.problems) == 4
    assert "unknown key 'colour'" in caught.value.problems[0]


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsInvalid, match="another rule of this name"):
        rule_set({"name": "gust"}, {"name": "gust"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no [[rule]] in it"),
        ('name = "empty"', "no [[rule]] in it"),
        ("[[rule]\n", "not valid TOML"),
        ("rule = 3\n", "rule"),
        ('rule = ["wind"]\n', "rule"),
        ("[rule]\nname = 'x'\n", "rule"),
        (rule_text({"enabled": False}), "every rule in it is switched off"),
    ],
)
def test_a_file_without_rules_is_refused_in_words(text: str, problem: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        parse(text, "mine.toml")
    assert problem in str(caught.value)
    assert str(caught.value).startswith("mine.toml")


@pytest.mark.parametrize("value", ["inf", "nan", "-inf"])
def test_a_limit_is_a_number_that_can_be_passed(value: str) -> None:
    text = rule_text({}).replace("yellow = 10", f"yellow = {value}")
    with pytest.raises(SettingsInvalid):
        parse(text, "mine.toml")


def test_a_rule_that_is_switched_off_is_not_used_but_checked() -> None:
    assert [r.name for r in rule_set({"name": "a"}, {"name": "b", "enabled": False}).rules] == ["a"]
    with pytest.raises(SettingsInvalid):
        rule_set({"name": "a"}, {"name": "b", "enabled": False, "variable": "rain"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("15min", 900), (" 3 h ", 10_800), ("2d", 172_800), ("0s", 0)],
)
def test_durations(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "h", "3", "3 weeks", "3H", "-3h", "1e3s", "3h 2min"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


def test_an_edited_rule_has_another_digest() -> None:
    assert rule().digest == rule().digest
    assert rule().digest != rule(limits={"yellow": 10.5}).digest
    assert rule_set({}).digest != rule_set({}, {}).digest


def by_name(name: str) -> dict[str, Rule]:
    return {one.name: one for one in shipped.load(name).rules}


def test_the_shipped_set_inmet_has_the_limits_of_inmet() -> None:
    rules = by_name("inmet")
    assert rules["rain-1h"].enter == (None, 20, 30, 60)
    assert rules["rain-24h"].enter == (None, 30, 50, 100)
    assert (rules["rain-1h"].keep_s, rules["rain-24h"].keep_s) == (3 * HOUR, 6 * HOUR)
    km_h = [round(limit * 3.6) for limit in rules["gust"].enter[1:] if limit]
    assert km_h == [40, 60, 100]
    assert rules["dry-air"].enter == (None, 30, 20, 12)
    assert rules["heat-index"].enter == (None, 32, 39, 51)
    rate = rules["rain-rate"]
    assert rate.enter == rules["rain-1h"].enter
    assert (rate.for_s, rate.for_readings) == (900, 2)
    assert "temperature-drop" not in rules, "off by default"
    for one in rules.values():
        assert one.origin, f"{one.name} says where its limits come from"
        for level in (Level.YELLOW, Level.ORANGE, Level.RED):
            enter, leave = one.limit(level), one.exit_limit(level)
            assert enter is not None
            assert leave is not None
            if one.name != "violent-wind":  # its limits are names, of which no share is one
                assert leave == pytest.approx(enter / 0.8 if one.is_below else enter * 0.8)


def test_inmet_quiet_tells_yellow_of_rain_only_and_the_rest_as_inmet_does() -> None:
    loud, quiet = by_name("inmet"), by_name("inmet-quiet")
    assert quiet.keys() == loud.keys()
    for name, one in quiet.items():
        assert one.enter[2:] == loud[name].enter[2:]
        assert (one.limit(Level.YELLOW) is None) == (one.hazard is not Hazard.HEAVY_RAIN)


def test_the_shipped_set_basic_has_the_four_plain_limits() -> None:
    rules = shipped.load("basic").rules
    limits = {(r.variable, next(v for v in r.enter if v is not None)) for r in rules}
    assert limits >= {
        ("precipitation_probability_pct", 80),
        ("wind_gust_m_s", 22.2),
        ("wind_speed_m_s", 13.9),
    }
    assert {r.enter[r.lowest - 1] for r in rules if r.variable.startswith("rain_")} == {20}
    assert {r.hazard for r in rules} == {Hazard.HEAVY_RAIN, Hazard.WIND}


def test_a_set_that_is_neither_shipped_nor_a_file_is_named_with_those_that_are() -> None:
    with pytest.raises(SettingsInvalid, match="inmet, inmet-quiet, basic"):
        shipped.load("no-such-set")


def test_the_speed_layer_decodes_what_rules_need_and_what_checks_it() -> None:
    assert rule_set({}).variables == {"wind_gust_m_s", "wind_speed_m_s"}
    heat = rule_set({"variable": "heat_index_c", "limits": {"yellow": 32}}).variables
    assert heat == {"temperature_c", "relative_humidity_pct", "pressure_hpa"}
