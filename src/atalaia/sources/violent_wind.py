"""What reports say of squalls and funnel clouds → `violent_wind_class`.

A station that reports a squall or a tornado names it, and most often measures nothing of it. The
class is an order, so that rules can have limits, and goes on where that of thunderstorms ends, so
that a number has one name in both: 0 none, 1 in the vicinity, 5 squall, 6 funnel cloud, 7 tornado
or waterspout. What says nothing of them has no class, never 0. What was before and is over is none.
"""

from __future__ import annotations

from atalaia.sources.thunder import NO_SIGNIFICANT_WEATHER

VARIABLE = "violent_wind_class"

NONE, VICINITY = 0, 1
SQUALL, FUNNEL_CLOUD, TORNADO = 5, 6, 7

OBSERVED = {18: SQUALL, 19: FUNNEL_CLOUD, 219: TORNADO}
"""WMO-No. 306, code table 4677, and 4687 with 200 more, where a person looks: within sight, now or
in the hour before, which the code does not tell apart."""

AUTOMATIC = {118: SQUALL, 199: TORNADO}
"""The same of table 4680, as BUFR has it (100 more)."""


def observed_class(code: int, *, is_manned: bool) -> int | None:
    """The class of a BUFR report's present weather (0 20 003); None: it says nothing of them.

    A person tells the highest code of what there is: a shower (80) hides a squall, and only a lower
    code than theirs says that there is none.
    """
    told = OBSERVED.get(code, AUTOMATIC.get(code))
    if told is not None:
        return told
    is_none = code < min(OBSERVED) or code == NO_SIGNIFICANT_WEATHER
    return NONE if is_manned and is_none else None
