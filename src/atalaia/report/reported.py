"""What a report shows, as plain data: `report.gather` gathers it, `report.render` draws it.

Instants are Unix seconds (UTC); local time appears only where people read it, in the zone that
stands beside it. A level is a `domain.hazard.Level`.
"""

from __future__ import annotations

import msgspec

from atalaia.domain.place import Place


class Line(msgspec.Struct, frozen=True):
    """One course over time: of a source, or of a limit. `at` ascends; both are of one length."""

    label: str
    at: tuple[int, ...]
    value: tuple[float, ...]


class Limit(msgspec.Struct, frozen=True):
    """The entry limit of a level; it has a course where it is relative to a norm."""

    level: int
    line: Line


class Bar(msgspec.Struct, frozen=True):
    """An amount that fell between two instants."""

    begins: int
    ends: int
    value: float


class AlertEntry(msgspec.Struct, frozen=True):
    """One alert of the storm. `text` is by language, in the order of `words.LANGUAGES`."""

    version: int
    type: str
    reason: str
    level: int
    sent_at: int
    valid_at: int
    value: float | None
    limit: float | None
    is_forecast: bool
    source: str
    text: tuple[str, ...]
    measure: str


class Stretch(msgspec.Struct, frozen=True):
    """A time in which an incident held one level."""

    begins: int
    ends: int
    level: int


class LevelTrack(msgspec.Struct, frozen=True):
    """One incident beside others: what it was, where, and its levels over time."""

    incident: str
    hazard: str
    place: str
    stretches: tuple[Stretch, ...]


class IncidentReport(msgspec.Struct, frozen=True, kw_only=True):
    """One incident from before its onset to after its end.

    begins, ends   what the timeline shows
    zone           IANA name of the place's time zone
    status         open, ended, cancelled, expired
    peak           worst value by its rule; None: of cannot_see
    is_below       small values are the dangerous ones: the peak is the lowest
    variable, measure, window_s, unit   what its rule measures; None: of cannot_see
    lines          what the rule judged, one course a source
    limits         of the rule in force; of another rule than then: those that were told
    bars           the amounts behind a sum, of the source that decided
    is_same_rule   False: the rule in force is not the one that decided then
    lanes          incidents at the same place or in its area meanwhile, this one first
    """

    incident: str
    hazard: str
    place: str
    zone: str
    status: str
    level: int
    begins: int
    ends: int
    opened_at: int
    ended_at: int | None
    peak: float | None
    peak_at: int | None
    variable: str | None
    measure: str
    is_below: bool
    window_s: int
    unit: str
    lines: tuple[Line, ...]
    limits: tuple[Limit, ...]
    bars: tuple[Bar, ...]
    is_same_rule: bool
    entries: tuple[AlertEntry, ...]
    lanes: tuple[LevelTrack, ...]


class Day(msgspec.Struct, frozen=True):
    """A local day: its highest level, how many incidents were active, and of which hazards.

    is_blind    a source could not be seen
    has_data    some reading is of it; False: nothing is known of this day
    """

    date: str
    level: int
    incidents: int
    hazards: tuple[str, ...]
    is_blind: bool
    has_data: bool


class Spot(msgspec.Struct, frozen=True):
    """A place, or an area at the middle of its places: incidents in it, and the highest level.

    counts    by hazard, the most frequent first
    has_data  some reading of these days is of it; False: that nothing was told is not calm
    """

    place: Place
    level: int
    has_data: bool
    incidents: int
    counts: tuple[tuple[str, int], ...]


class LeadTimeScore(msgspec.Struct, frozen=True):
    """What became of a source's forecasts at one class of lead time (`atalaia record`).

    ratio, interval    came true, of what could be verified, and its 95 % interval
    """

    source: str
    lead: str
    told: int
    came_true: int
    false_alarms: int
    not_verifiable: int
    ratio: float | None
    interval: tuple[float, float] | None


Interval = tuple[float, float] | None


class ScorePoint(msgspec.Struct, frozen=True):
    """A point of the performance diagram: alerts, or a source's forecasts, against what happened.

    of       all, or the name of a group: a hazard, a level, a source
    group    all, hazard, level, source
    far, pod, csi, bias    None: there was nothing to score
    """

    of: str
    group: str
    hits: int
    misses: int
    false_alarms: int
    pod: float | None
    far: float | None
    csi: float | None
    bias: float | None
    pod_interval: Interval = None
    far_interval: Interval = None


class Scored(msgspec.Struct, frozen=True):
    """Alerts against outside events: over which days, what an event was, and the scores."""

    first_day: str
    last_day: str
    timezone: str
    occurrences: int
    min_events: int
    scores: tuple[ScorePoint, ...]


class Source(msgspec.Struct, frozen=True):
    """How a source kept: what came of it, and how often it did not answer; None: not told."""

    source: str
    readings: int
    places: int
    answers: int | None
    faults: int | None
    last_reading_at: int | None


class ReportScope(msgspec.Struct, frozen=True, kw_only=True):
    """Of what a report is, where it is not of all that a home heard of in its last days.

    kind           all, place, system
    name           by language, in the order of `words.LANGUAGES`; empty: of all
    places         ids; incidents: keys of a system's; None: all of those places
    zone           IANA name of the zone whose midnights bound it
    begins, ends   Unix seconds, half open: both are midnights there
    """

    kind: str
    id: str
    name: tuple[str, ...]
    places: tuple[str, ...]
    incidents: tuple[str, ...] | None
    zone: str
    begins: int
    ends: int


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One incident of a scope in a line; it may have begun before it. `ends`: None: it is open.

    peak           worst value by its rule, with its unit; None: there is none
    """

    incident: str
    hazard: str
    place: str
    zone: str
    level: int
    begins: int
    ends: int | None
    status: str
    peak: float | None
    unit: str | None
    measure: str


class UnseenSpell(msgspec.Struct, frozen=True):
    """When a source could not be seen at a scope's places; None: it still cannot."""

    source: str
    begins: int
    ends: int | None


class SeenExtreme(msgspec.Struct, frozen=True, kw_only=True):
    """What a source told of one variable at one place: on how many days, and its extremes.

    highest, lowest        None: of amounts, and days on which they were
    most, total            of amounts in a day, and in all days; None: of all others
    """

    place: str
    source: str
    variable: str
    unit: str
    days: int
    highest: float | None
    highest_on: str
    lowest: float | None
    lowest_on: str
    most: float | None
    most_on: str
    total: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that a page shows of `days` up to `ends`, which is when the newest answer came.

    levels     number of incidents by highest level, WATCH … RED
    alerts     entries of the alert log
    storm      None: there was none
    scored     None: no outside events were given
    scope            None: of all of it, and what follows is empty
    sources_scored   sources that forecast, against instruments; as are `foretold`
    """

    home: str
    made_at: int
    begins: int
    ends: int
    levels: tuple[int, int, int, int]
    alerts: int
    storm: IncidentReport | None
    days: tuple[Day, ...]
    spots: tuple[Spot, ...]
    foretold: tuple[LeadTimeScore, ...]
    sources_scored: tuple[ScorePoint, ...]
    scored: Scored | None
    sources: tuple[Source, ...]
    scope: ReportScope | None = None
    episodes: tuple[Episode, ...] = ()
    unseen: tuple[UnseenSpell, ...] = ()
    extremes: tuple[SeenExtreme, ...] = ()
