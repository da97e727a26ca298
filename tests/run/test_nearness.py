from __future__ import annotations

import numpy as np
import pytest

from atalaia import rules
from atalaia.detect.detect import Detector
from atalaia.detect.incidents import Incidents
from atalaia.detect.nearness import nearness
from atalaia.detect.series import SeriesTable
from atalaia.domain.hazard import Hazard
from atalaia.domain.incident import Incident
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.rules.read import parse

NOW = 1_768_046_400
RULES = rules.load("inmet")
PLACES = Places(
    Place(id=name, name=name, latitude=0.0, longitude=0.0, area="a" if name < "c" else None)
    for name in "abc"
)


def judged(values: dict[str, list[float]], at: int = NOW) -> tuple[SeriesTable, Incidents]:
    table = SeriesTable(PLACES)
    rows = Readings.build(
        place=[0, 1, 2],
        source="x",
        kind=Kind.OBSERVED,
        valid_at=[at] * 3,
        values={name: np.array(column, float) for name, column in values.items()},
    )
    list(Detector(RULES, table).detect(rows))
    return table, Incidents(RULES, table)


def test_it_grows_evenly_to_1_at_the_first_limit() -> None:
    table, incidents = judged({"wind_gust_m_s": [0.0, 5.5, 20.0]})
    assert nearness(RULES, table, incidents, NOW) == pytest.approx([0.009, 0.5, 1.0], abs=0.001)


def test_small_values_count_where_they_are_dangerous() -> None:
    table, incidents = judged({"relative_humidity_pct": [80.0, 40.0, 25.0]})
    assert nearness(RULES, table, incidents, NOW) == pytest.approx([0.0, 0.5, 1.0])


def test_heat_is_judged_by_its_index() -> None:
    table, incidents = judged(
        {"temperature_c": [20.0, 29.0, 36.0], "relative_humidity_pct": [60.0, 70.0, 60.0]}
    )
    cool, warm, hot = nearness(RULES, table, incidents, NOW)
    assert cool < 0.3 < warm <= hot == 1.0


def test_old_values_and_missing_ones_say_nothing() -> None:
    table, incidents = judged({"wind_gust_m_s": [20.0, np.nan, 20.0]}, at=NOW - 4 * 3600)
    assert nearness(RULES, table, incidents, NOW).tolist() == [0, 0, 0]


def test_an_open_incident_counts_as_1_and_so_do_all_places_of_an_area() -> None:
    table, incidents = judged({"wind_gust_m_s": [0.0, 0.0, 0.0]})
    incidents.put(2, Incident(Hazard.WIND, "c", status="active"))
    assert nearness(RULES, table, incidents, NOW)[2] == 1.0
    incidents.put(3, Incident(Hazard.HEAVY_RAIN, "a", status="active"))
    assert nearness(RULES, table, incidents, NOW).tolist() == [1.0, 1.0, 1.0]


def test_limits_at_or_below_zero_have_a_nearness_too() -> None:
    frost = parse(
        """
        [[rule]]
        name = "frost"
        hazard = "frost"
        variable = "temperature_c"
        when = "below"
        limits = { yellow = 2, orange = 0 }
        exit = { yellow = 4, orange = 2 }
        """,
        "frost.toml",
    )
    table, incidents = judged({"temperature_c": [10.0, 4.0, -1.0]})
    assert nearness(frost, table, incidents, NOW) == pytest.approx([0.0, 0.5, 1.0])
