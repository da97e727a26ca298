"""Hazards, levels and how sure one can be: the words of CAP 1.2 and of INMET."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from atalaia.domain.reading import Kind


class Hazard(StrEnum):
    """What can happen. `CANNOT_SEE` is the watch's own: a source that fell silent."""

    HEAVY_RAIN = "heavy_rain"
    WIND = "wind"
    HEAT = "heat"
    COLD = "cold"
    FROST = "frost"
    DRY_AIR = "dry_air"
    TEMPERATURE_DROP = "temperature_drop"
    SNOW = "snow"
    STORM = "storm"
    THUNDERSTORM = "thunderstorm"
    UV = "uv"
    FOG = "fog"
    FLOOD = "flood"
    LANDSLIDE = "landslide"
    RIVER_FLOOD = "river_flood"
    SEA = "sea"
    FIRE_WEATHER = "fire_weather"
    AIR_QUALITY = "air_quality"
    CANNOT_SEE = "cannot_see"


class Level(IntEnum):
    """How bad. NONE is calm; WATCH is recorded and sent to no one who did not ask."""

    NONE = 0
    WATCH = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def word(self) -> str:
        """As it stands in files, tables and alerts."""
        return self.name.lower()

    @property
    def severity(self) -> str:
        """CAP severity: yellow Moderate, orange Severe, red Extreme (INMET's three levels)."""
        return ("Unknown", "Minor", "Moderate", "Severe", "Extreme")[self]


LEVEL_OF = {level.word: level for level in Level}

CERTAINTY = {Kind.OBSERVED: "Observed", Kind.ANALYSIS: "Likely", Kind.FORECAST: "Possible"}
"""CAP certainty by what stands behind an alert; a smaller Kind is surer."""
