"""Ensembles in columns: what many runs of weather models say of the same places and hours.

    an answer ──► `Ensemble` ──► the chance that a rule's limit is passed (`detect.ensembles`)

Runs do not speak of single hours. Models step by three hours and more, and a provider that tells
their rain by the hour has divided it: here it is whole again, of periods of `STEP_S` or longer.
"""

from __future__ import annotations

from dataclasses import dataclass

from atalaia.domain.reading import Bools, Floats, Ints

STEP_S = 3 * 3600
"""Of shorter windows of amounts no chance is told: no global model has steps so short."""

FEWEST_RUNS = 10
"""Of fewer runs with a value no chance is told: one of three is no chance of a third."""

TENTHS = tuple(range(10, 100, 10))
"""Chances, in %, that people can ask for: a few dozen runs tell no more."""

TOLD_OF = frozenset(
    {
        "temperature_c",
        "apparent_temperature_c",
        "dew_point_c",
        "relative_humidity_pct",
        "wind_speed_m_s",
        "wind_gust_m_s",
        "rain_mm",
        "snow_cm",
        "pressure_hpa",
        "pressure_sea_level_hpa",
        "cloud_cover_pct",
        "cape_j_kg",
        "river_discharge_m3_s",
    }
)
"""Variables of the catalogue that runs of models tell: of the weather, and of rivers."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """One answer: n rows, each of a place and a time to come or lately gone, sorted by place, then
    time; of m runs, the control run among them.

    source    whose answer
    known_at  Unix seconds at which it came
    place     int32 (n,), position in `Places`
    valid_at  int64 (n,), Unix seconds: the instant, or the end of the period, that is spoken of
    period_s  int32 (n,), length of the period that ends at valid_at: of amounts what fell in it
    values    float64 (m, n) by variable, in the catalogue's unit; NaN: this run says nothing of it
    """

    source: str
    known_at: int
    place: Ints
    valid_at: Ints
    period_s: Ints
    values: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.place)

    def take(self, rows: Ints | Bools | slice) -> Ensemble:
        """The chosen rows, of all runs."""
        return Ensemble(
            self.source,
            self.known_at,
            self.place[rows],
            self.valid_at[rows],
            self.period_s[rows],
            {name: column[:, rows] for name, column in self.values.items()},
        )
