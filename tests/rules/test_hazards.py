"""The limits of the shipped sets against the tables that they come from."""

from __future__ import annotations

import pytest

from atalaia import rules
from atalaia.domain.hazard import Level
from atalaia.domain.rule import Rule
from atalaia.sources import thunder

WHO_2021 = {
    "pm2_5-24h": (15, 50, 75),
    "pm10-24h": (45, 100, 150),
    "ozone-8h": (100, 120, 160),
}
"""WHO global air quality guidelines, 2021: short-term AQG level, interim targets 2 and 1, µg/m³."""

US_AQI = {
    # Lowest concentration of: Unhealthy for Sensitive Groups, Unhealthy, Very Unhealthy.
    # EPA, Final Updates to the Air Quality Index for Particulate Matter (February 2024), µg/m³
    "pm2_5-24h": (35.5, 55.5, 125.5),
    "pm10-24h": (155, 255, 355),
    # 40 CFR part 58, appendix G, ppm
    "ozone-8h": (0.071, 0.086, 0.106),
}

CONAMA_PM10 = (250, 420, 500)
"""Atenção, Alerta, Emergência: CONAMA 491/2018, kept by 506/2024, µg/m³ over 24 h."""

UG_M3_A_PPM = 48.0 / 24.45 * 1000
"""Ozone weighs 48 g a mole, and at 25 °C and 1,013 hPa a mole of air is 24.45 litres."""


def by_name(name: str) -> dict[str, Rule]:
    return {rule.name: rule for rule in rules.load(name).rules}


@pytest.mark.parametrize("name", US_AQI)
def test_the_air_is_judged_by_the_bands_of_the_epa_or_by_the_guidelines_of_the_who(
    name: str,
) -> None:
    rule, strict = by_name("air-quality")[name], by_name("air-quality-who")[name]
    bands = [one * (UG_M3_A_PPM if "ozone" in name else 1) for one in US_AQI[name]]
    assert rule.enter[1:] == tuple(pytest.approx(one, abs=0.5) for one in bands)
    assert strict.enter[1:] == WHO_2021[name]
    for one in (rule, strict):
        assert (one.measure, one.window_s) == ("mean", (8 if "ozone" in name else 24) * 3600)
        assert one.variable == name.split("-", maxsplit=1)[0] + "_ug_m3"


def test_episodes_in_brazil_are_those_that_are_declared_there() -> None:
    found = by_name("air-quality-br")
    assert found["pm10-episode"].enter == (None, *CONAMA_PM10)
    # São Paulo, decreto 59.113/2013, artigo 21
    assert found["pm2_5-episode"].limit(Level.RED) == 250
    assert found["ozone-episode"].limit(Level.RED) == 600


def test_fire_weather_is_judged_by_the_classes_of_effis() -> None:
    """EFFIS, fire danger forecast: High from 21.3, Very high from 38.0, Extreme from 50.0."""
    assert by_name("fire-weather")["fire-weather-index"].enter == (None, 21.3, 38.0, 50.0)


def test_waves_are_judged_by_the_wmos_degrees_of_the_state_of_the_sea() -> None:
    """WMO-No. 306, code table 3700: rough from 2.5 m, very rough from 4 m, high from 6 m."""
    assert by_name("sea")["high-waves"].enter == (None, 2.5, 4.0, 6.0)


def test_thunder_is_judged_by_its_class_and_held_by_thunder_in_the_vicinity() -> None:
    """WMO-No. 306, code table 4677: 95, then 96 and 97, then 99."""
    rule = by_name("thunderstorm")["thunder"]
    assert rule.enter == (None, thunder.PRESENT, thunder.HEAVY_OR_HAIL, thunder.HEAVY_WITH_HAIL)
    assert rule.leave[Level.YELLOW - 1] == thunder.VICINITY
    assert rule.keep_s == 30 * 60  # US NWS, lightning safety: after the last thunder


def test_rivers_are_judged_by_the_severities_of_glofas() -> None:
    """GloFAS, reporting points: floods of 2, 5 and 20 years; of 20 the climate has the next, 25."""
    norms = [(rule.norm, rule.lowest) for rule in rules.load("river-flood").rules]
    assert norms == [
        ("return_level(2 years)", Level.YELLOW),
        ("return_level(5 years)", Level.ORANGE),
        ("return_level(25 years)", Level.RED),
    ]
