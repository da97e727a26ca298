"""What providers' codes of the weather say of thunderstorms → `thunderstorm_class`.

A code is a name, and no limit on it means anything. The class is an order, so that rules can have
limits: 0 none, 1 in the vicinity (of METARs alone), 2 present, 3 heavy or with hail, 4 heavy with
hail. It is filled only by who looks, or reckons, whether there is thunder: what says nothing of it
has no class, never 0. A storm of the hour before that is over is none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from atalaia.domain.reading import Floats

VARIABLE = "thunderstorm_class"

NONE, VICINITY, PRESENT, HEAVY_OR_HAIL, HEAVY_WITH_HAIL = range(5)

OBSERVED = {
    17: PRESENT,  # and no precipitation
    95: PRESENT,
    96: HEAVY_OR_HAIL,
    97: HEAVY_OR_HAIL,
    98: PRESENT,  # with a duststorm or a sandstorm
    99: HEAVY_WITH_HAIL,
    217: PRESENT,  # of table 4687, with 200 more: a dry one
}
"""WMO-No. 306, code table 4677, where a person looks: all its other codes are no thunderstorm now
(29 and 91 to 94 are one of the hour before, 13 is lightning too far off to be heard)."""

_HIDE_THUNDER = (18, 19)
"""But for squalls and funnel clouds: of what there is the highest code is told, and thunder without
rain is 17."""

AUTOMATIC = {
    190: PRESENT,
    191: PRESENT,
    192: PRESENT,
    193: HEAVY_OR_HAIL,
    194: HEAVY_OR_HAIL,
    195: HEAVY_OR_HAIL,
    196: HEAVY_WITH_HAIL,
    126: NONE,  # of the hour before
}
"""The same of table 4680, as BUFR has it (100 more). Most such stations cannot hear thunder, so
that their other codes say nothing of it."""

OPEN_METEO = {95: PRESENT, 96: PRESENT, 99: HEAVY_OR_HAIL}
"""Its documentation calls 96 and 99 hail, of Central Europe alone. Elsewhere 96 is 95 where its
formula of CAPE, lifted index and rain is surer (`WeatherCode.swift` of open-meteo/open-meteo, and
its issue 287): no hail. 99 comes only from the ICON models' own codes, as heavy."""

TOMORROW_IO = {8000: PRESENT}
"""Its only code with thunder."""
TOMORROW_IO_UNKNOWN = 0


def classes(codes: Floats, known: Mapping[int, int], unknown: float = np.nan) -> Floats:
    """The class of each code, of the same shape: NaN where there is no code, or it is `unknown`."""
    told = np.where(np.isnan(codes) | (codes == unknown), np.nan, float(NONE))
    for code, value in known.items():
        told[codes == code] = value
    return told


def observed_class(code: int, *, is_manned: bool) -> int | None:
    """The class of a BUFR report's present weather (0 20 003); None: it says nothing of thunder."""
    if code in AUTOMATIC:
        return AUTOMATIC[code]
    if code in OBSERVED:
        return OBSERVED[code]
    has_looked = is_manned and (code < 100 or code == NO_SIGNIFICANT_WEATHER)
    return NONE if has_looked and code not in _HIDE_THUNDER else None


NO_SIGNIFICANT_WEATHER = 508
"""Of 0 20 003: nothing worth telling, and so left out of the report."""
