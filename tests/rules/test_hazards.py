"""The limits of the shipped sets against the tables that they come from."""

from __future__ import annotations

import pytest

from atalaia import rules
from atalaia.domain.hazard import Level
from atalaia.domain.place import Place
from atalaia.domain.rule import Rule
from atalaia.sources import thunder, violent_wind

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


def test_squalls_and_tornadoes_are_judged_by_their_class() -> None:
    """No level of a report's own: a tornado is no less than the gravest thunderstorm."""
    rule = by_name("inmet")["violent-wind"]
    assert rule.enter == (
        *(None, violent_wind.SQUALL),
        *(violent_wind.FUNNEL_CLOUD, violent_wind.TORNADO),
    )
    assert rule.leave[Level.YELLOW - 1] == violent_wind.VICINITY
    assert rule.leave[Level.ORANGE - 1] == violent_wind.FUNNEL_CLOUD


def test_slopes_are_judged_by_published_curves_over_the_windows_of_their_rules() -> None:
    def caine_mm(hours: float) -> float:
        """Caine, Geografiska Annaler 62 A (1980): I = 14.82 D^-0.39 mm an hour."""
        return 14.82 * hours**-0.39 * hours

    def seattle_mm(hours: float) -> float:
        """USGS Open-File Report 2006-1064: I = 3.257 D^-1.13 inches an hour."""
        return 3.257 * 25.4 * hours**-1.13 * hours

    world = rules.load("landslide-world").rules
    assert [rule.window_s // 3600 for rule in world] == [3, 6, 12, 24, 48, 72]
    for rule in world:
        assert rule.limit(Level.YELLOW) == pytest.approx(caine_mm(rule.window_s / 3600), abs=0.05)
    seattle = by_name("landslide-seattle")
    for hours in (24, 48):
        rule = seattle[f"seattle-slopes-{hours}h"]
        assert rule.limit(Level.ORANGE) == pytest.approx(seattle_mm(hours), abs=0.05)


@pytest.mark.parametrize(("three", "fifteen"), [(3.5, 0.0), (1.49, 3.0), (0.15, 5.0)])
def test_seattles_antecedent_rain_is_the_line_of_the_usgs(three: float, fifteen: float) -> None:
    """USGS Open-File Report 2006-1064: P3 = 3.5 - 0.67 P15, in inches."""
    rule = by_name("landslide-seattle")["seattle-slopes-antecedent"]
    assert rule.score is not None
    assert [one.window_s for one in rule.score.amounts] == [3 * 86_400, 18 * 86_400]
    last, all_of_them = (term.weight for term in rule.score.terms)
    assert three == pytest.approx(3.5 - 0.67 * fifteen)
    score = 25.4 * (last * three + all_of_them * (three + fifteen))
    assert score == pytest.approx(rule.limit(Level.YELLOW), abs=0.05)


def test_cities_slopes_are_judged_where_their_civil_defences_act_and_nowhere_else() -> None:
    rio = by_name("landslide-rio")
    assert {name: one.limit(Level.RED) for name, one in rio.items()} == {
        "rio-slopes-1h": 40,  # Agência Brasil, 11 December 2013; O Dia, 22 October 2024
        "rio-slopes-24h": 150,  # Centro de Operações Rio
    }
    (paulo,) = rules.load("landslide-sao-paulo").rules
    assert (paulo.window_s, paulo.limit(Level.YELLOW)) == (72 * 3600, 60)
    where = {
        "Rocinha": (-22.99, -43.25),
        "Niterói": (-22.88, -43.10),
        "Petrópolis": (-22.51, -43.18),
        "São Paulo": (-23.55, -46.63),
        "Santos": (-23.96, -46.33),
        "Seattle": (47.61, -122.33),
    }
    for rule, inside in ((rio["rio-slopes-1h"], "Rocinha"), (paulo, "São Paulo")):
        found = [
            name
            for name, (latitude, longitude) in where.items()
            if rule.judges_at(Place(id="x", name=name, latitude=latitude, longitude=longitude))
        ]
        assert found == [inside]
    sets = [name for name in rules.SHIPPED if name.startswith("landslide")]
    assert all(rule.region for name in sets for rule in rules.load(name).rules)


def test_severe_storms_are_judged_by_the_product_of_the_storm_prediction_center() -> None:
    """Craven and Brooks (2004): the majority of significant severe events from 20,000 m³/s³."""
    rule = by_name("thunderstorm-severe")["severe-thunder"]
    assert rule.enter == (None, None, 20_000, None)
    assert rule.hazard == by_name("thunderstorm")["thunder"].hazard


def test_rivers_are_judged_by_the_severities_of_glofas() -> None:
    """GloFAS, reporting points: floods of 2, 5 and 20 years; of 20 the climate has the next, 25."""
    norms = [(rule.norm, rule.lowest) for rule in rules.load("river-flood").rules]
    assert norms == [
        ("return_level(2 years)", Level.YELLOW),
        ("return_level(5 years)", Level.ORANGE),
        ("return_level(25 years)", Level.RED),
    ]
