"""Every sentence about a measured value: hazard × what was measured × entry × language.

`make wording` prints each hazard at each moment of its life, and each variable and index by each
measure at its onset and its end, in three languages, to be read by a person.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.reading import Kind
from atalaia.domain.rule import INDICES
from atalaia.domain.score import UNITS, Because
from atalaia.domain.variable import CATALOGUE
from atalaia.domain.words import Said, change_text

NOON = 1_704_888_000
HOUR = 3600
REASONS = (
    *("onset", "escalated", "eased", "certainty", "sooner", "step"),
    *("ended", "expired", "withdrawn", "rule changed"),
)
HAZARDS = tuple(hazard for hazard in Hazard if hazard is not Hazard.CANNOT_SEE)


def measured() -> Iterator[Said]:
    """What rules can measure, each once and told at its onset: variables and indices by the value
    itself, above and below; each catalogue variable by every window; sums of what adds up; and a
    mean wind in place of a gust."""
    said = Said(
        reason="onset",
        hazard=Hazard.WIND,
        level=Level.ORANGE,
        place="Alfa",
        zone="America/Sao_Paulo",
        source="gauge",
        kind=Kind.OBSERVED,
        sent_at=NOON,
        onset_at=NOON - HOUR,
        valid_at=NOON,
        variable="wind_speed_m_s",
        unit="m/s",
        window_s=0,
        value=18.25,
        limit=10.0,
        peak=21.5,
        peak_at=NOON - HOUR,
    )

    def of(name: str, unit: str, **changes: object) -> Said:
        return msgspec.structs.replace(said, variable=name, unit=unit, **changes)

    for name, (unit, _) in INDICES.items():
        yield of(name, unit)
        yield of(name, unit, is_below=True)
    for name, variable in CATALOGUE.items():
        unit = variable.unit
        yield of(name, unit)
        yield of(name, unit, is_below=True, value=-0.04, limit=0.0, peak=-0.06)
        yield of(name, unit, measure="mean", window_s=24 * HOUR)
        for value in (-8.1, 6.0, -0.004, -0.04):
            fall = {"value": value, "limit": -5.0, "peak": -8.1, "is_below": True}
            yield of(name, unit, measure="change", window_s=24 * HOUR, **fall)
        yield of(name, unit, measure="day_change", window_s=24 * HOUR, value=-8.1, limit=-5.0)
        for days in (1.0, 4.0):
            yield of(name, "d", measure="days_in_a_row", value=days, limit=days, peak=days)
        if variable.is_sum:
            yield of(name, unit, measure="sum", window_s=HOUR)
            heard = {"station": "Jardim Botânico", "station_km": 3.2, "is_alone": True}
            yield of(name, unit, measure="sum", window_s=24 * HOUR, has_holes=True, **heard)
    yield msgspec.structs.replace(said, stands_for="wind_gust_m_s")
    terms = (
        Because("rain_mm", "sum", HOUR // 4, 24.0, "mm", 1, "Riocentro"),
        Because("rain_mm", "sum", 6 * HOUR, 41.25, "mm", 0),
        Because("rain_mm", "sum", HOUR, 12.0, "mm", 2),
        Because("pressure_hpa", "change", 3 * HOUR, -2.5, "hPa"),
        Because("dew_point_c", "value", 0, 23.5, "°C"),
        Because("hour"),
        Because("month"),
    )
    for runs in (0, 1, 15, 50, 51):
        limit = Because("rain_mm", "sum", 24 * HOUR, 50.0, "mm", runs=runs, of_runs=51)
        chance = {"measure": "sum", "window_s": 24 * HOUR, "kind": Kind.FORECAST}
        yield of("rain_mm", "mm", because=(limit,), **chance)
        corrected = msgspec.structs.replace(limit, record=0.236)
        yield of("rain_mm", "mm", because=(corrected,), **chance)
    dry = Because("relative_humidity_pct", "value", 0, 20.0, "%", runs=26, of_runs=51)
    yield of("relative_humidity_pct", "%", because=(dry,), is_below=True, kind=Kind.FORECAST)
    for name, unit in UNITS.items():
        score = {"measure": "score", "value": 62.4, "limit": 40.0, "peak": 71.0}
        yield of(name, unit, because=terms[:2], **score)
        yield of(name, unit, because=terms[2:], **score)
        yield of(name, unit, **score)


def entries() -> Iterator[Said]:
    """All that `measured` has, at every moment of an incident's life."""
    for said in measured():
        for reason in REASONS:
            yield msgspec.structs.replace(said, reason=reason)


def main() -> None:
    """Print the table."""
    for hazard in HAZARDS:
        for reason in REASONS:
            _print(msgspec.structs.replace(next(measured()), hazard=hazard, reason=reason))
    for said in measured():
        for reason in ("onset", "ended"):
            _print(msgspec.structs.replace(said, reason=reason))


def _print(said: Said) -> None:
    print(f"\n{said.hazard} · {said.variable} · {said.measure} · {said.reason}")
    for language, text in change_text(said).items():
        print(f"  {language:5}  {text}")


if __name__ == "__main__":
    main()
