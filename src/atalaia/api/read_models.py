"""What the read endpoints answer, as OpenAPI describes it. Instants are ISO 8601 with an offset.

The answers themselves are encoded elsewhere, from the structs that hold them: an incident's and an
alert's fields are taken from those, and a test holds the others against them.
"""

from __future__ import annotations

from types import GenericAlias
from typing import Any, Literal, get_args

import msgspec
from pydantic import BaseModel, Field, computed_field, create_model

from atalaia.api.incidents import MEASURED, SHOWN, IncidentState
from atalaia.domain.alert import Alert, LogEntry, instants_of
from atalaia.domain.words import LANGUAGES
from atalaia.translated import translated_for

Level = Literal["watch", "yellow", "orange", "red"]
"""From calm to worst; calm has none."""


class PlaceItem(BaseModel):
    """A watched place. `levels`: the highest level of each hazard that is going on there.

    `has_data`: its newest value, of whichever source, is younger than three of the intervals that
    were learned of that source there. Without it no `levels` are not calm: nothing is known.
    """

    id: str
    name: str
    latitude: float
    longitude: float
    timezone: str
    area: str | None
    elevation_m: float | None
    levels: dict[str, Level]
    has_data: bool


class StationItem(BaseModel):
    """A station as a place sees it. `km`: how far away; `height_m`: how much above the place, where
    both heights are known; `speaks_for`: variables that it tells and is evidence of there."""

    id: str
    name: str
    kind: Literal["official", "aerodrome", "private"]
    latitude: float
    longitude: float
    km: float
    height_m: float | None
    interval_s: int | None
    last_valid_at: str | None
    speaks_for: list[str]


class StationsItem(BaseModel):
    """The stations within reach of a place, the nearest first."""

    place_id: str
    items: list[StationItem]


class KnownStationItem(BaseModel):
    """A station that some watched place lies near to. `interval_s`: as learned of its reports."""

    id: str
    name: str
    kind: Literal["official", "aerodrome", "private"]
    latitude: float
    longitude: float
    interval_s: int | None
    last_valid_at: str | None


class KnownStationsItem(BaseModel):
    """The stations within a box, by their ids. `is_cut`: there are more than are told."""

    items: list[KnownStationItem]
    is_cut: bool


class RuleItem(BaseModel):
    """A rule that judges a place. `limits` are in `unit`; relative to the norm where it has one.
    `in_words`: the same by language, as an alert's `text`."""

    name: str
    hazard: str
    variable: str
    measure: str
    window_s: int
    unit: str
    is_below: bool
    limits: dict[Level, float]
    exits: dict[Level, float]
    norm: str | None
    in_words: dict[str, str]


class RulesItem(BaseModel):
    """The rules in force, and what their set is called."""

    name: str
    items: list[RuleItem]
    next: str | None


class MonthItem(BaseModel):
    """A month of a place's climate. `percentiles`: of hourly values, by their number."""

    month: int
    mean: float
    mean_minimum: float | None
    mean_maximum: float | None
    percentiles: dict[str, float]


class BandItem(BaseModel):
    """The climate of one variable."""

    variable: str
    unit: str
    source: str
    first_year: int
    last_year: int
    is_norm: bool
    months: list[MonthItem]


class ReturnLevelItem(BaseModel):
    """What is reached once in so many years, with its 95 % interval."""

    variable: str
    unit: str
    window_s: int
    extreme: str
    return_years: int
    level: float
    low: float | None
    high: float | None


class ClimateItem(BaseModel):
    """A place's climate, as the batch layer last computed it."""

    bands: list[BandItem]
    return_levels: list[ReturnLevelItem]


class PlaceDetail(PlaceItem):
    """A place with the rules that judge it. `climate` is null where none was computed.

    `newest_at`: valid time of its newest value; null: it never had one.
    """

    newest_at: str | None
    rules: list[RuleItem]
    climate: ClimateItem | None


class PlacePage(BaseModel):
    """Places in the order of the settings."""

    items: list[PlaceItem]
    next: str | None


class SeriesItem(BaseModel):
    """One variable of one source, oldest first; null is missing.

    `period_s`: of amounts, how long each covers (a source may tell them by more than one length);
    0 for instants.
    """

    source: str
    kind: Literal["observed", "analysis", "forecast"]
    variable: str
    unit: str
    period_s: int
    times: list[str]
    values: list[float | None]


class ReadingsItem(BaseModel):
    """The last hours of a place, and the hours to come as newest forecast."""

    place_id: str
    hours: int
    series: list[SeriesItem]


class _OfRule(BaseModel):
    """What is told of a place by one rule and one source."""

    rule: str
    hazard: str
    variable: str
    measure: str
    window_s: int
    unit: str
    is_below: bool
    limits: dict[Level, float]
    source: str


class MeasureItem(_OfRule):
    """What one rule made of one source's readings there, and makes of its hours to come: the values
    that are held against its limits, as one line, oldest first.

    `ahead`: position of the first value that is foretold; there are as many before it. `limits`
    are in `unit`, of a rule that is relative to a norm those of the newest value.
    """

    kind: Literal["observed", "analysis", "forecast"]
    times: list[str]
    values: list[float]
    ahead: int


class MeasuresItem(BaseModel):
    """The last hours of a place, and the hours to come, as its rules see them."""

    place_id: str
    hours: int
    measures: list[MeasureItem]


class RunsItem(_OfRule):
    """What one rule makes of the newest answer of an ensemble there: its hours to come, oldest
    first, each list with a value for each of `times`.

    `runs`: how many runs have a value. `quantiles`: by percent of these runs, which are at most so
    much, in `unit`, by the rule's measure. `chances`: by level the share of them that pass its
    limit, uncorrected. `limits` is empty of a rule that is relative to a norm.
    """

    received_at: str
    times: list[str]
    runs: list[int]
    quantiles: dict[str, list[float]]
    chances: dict[Level, list[float]]


class ChancesItem(BaseModel):
    """What ensembles say of a place: the newest by rule that names a chance, and by source."""

    place_id: str
    chances: list[RunsItem]


def _fields(struct: type[msgspec.Struct], **narrower: Any) -> dict[str, Any]:
    """A struct's fields for a model, as JSON has them; `narrower` has types that say more."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        kind: Any = field.type
        if field.name in instants_of(struct):
            kind = str | None if type(None) in get_args(kind) else str
        elif kind == tuple[str, ...]:
            kind = list[str]
        found[field.name] = (narrower.get(field.name, kind), ...)
    return found


def _many(model: type[BaseModel]) -> Any:
    return GenericAlias(list, (model,))


_INCIDENT = (
    _fields(LogEntry)
    | _fields(Alert, level=Level)
    | _fields(IncidentState, status=Literal["open", "ended", "cancelled", "expired"])
)
IncidentModel = create_model(
    "IncidentModel",
    __doc__="An incident as it stands; see `docs/api.md` for each field.",
    __module__=__name__,
    **{name: _INCIDENT[name] for name in SHOWN},
)
IncidentPage = create_model(
    "IncidentPage",
    __doc__="Incidents, the newest first.",
    __module__=__name__,
    items=(_many(IncidentModel), ...),
    next=(str | None, ...),
)
AlertModel = create_model(
    "AlertModel",
    __doc__="One entry of the alert log, with its number; the keys are those of the alerts file, "
    "and what its value and limit are: `measure` (value, sum, mean, change, day_change, "
    "days_in_a_row, score), `is_below`, `stands_for`.",
    __module__=__name__,
    seq=(int, ...),
    **_fields(Alert, level=Level),
    **{name: _INCIDENT[name] for name in MEASURED},
)
IncidentDetail = create_model(
    "IncidentDetail",
    __base__=IncidentModel,
    __doc__="An incident with its life, oldest first.",
    __module__=__name__,
    entries=(_many(AlertModel), ...),
)
AlertPage = create_model(
    "AlertPage",
    __doc__="Entries, the newest last. `next`: the cursor of what comes after; null: nothing yet.",
    __module__=__name__,
    items=(_many(AlertModel), ...),
    next=(str | None, ...),
)


class SourceItem(BaseModel):
    """A source that is polled. `calls_left`: by window; empty where its calls are not counted.
    `unused`: official warnings of its newest answer that could not be used. `in_words`: the fault
    by language, as an alert's `text`; empty without one."""

    source: str
    fresh: bool
    last_success_at: str | None
    age_s: int | None
    fault: str | None
    next_try_at: str | None
    unused: int
    calls_left: dict[str, int]

    @computed_field
    def in_words(self) -> dict[str, str]:
        """The fault as people read it."""
        fault = self.fault
        return {one: translated_for(one, fault) for one in LANGUAGES} if fault else {}


class BlindItem(BaseModel):
    """A source that cannot be seen at some places, and since when."""

    source: str
    since: str
    places: list[str]


class SourcePage(BaseModel):
    """The sources, and who of them is silent where."""

    items: list[SourceItem]
    next: str | None
    blind: list[BlindItem]


class SummaryItem(BaseModel):
    """How things stand, in a line. `active`: open weather incidents by level.

    `answered`: places that ever had a value. `no_data`: ids of those of which nothing is known now,
    as `has_data` of a place says; `calm`: the places with data and without an incident.
    """

    now: str
    places: int
    answered: int
    calm: int
    no_data: list[str]
    active: dict[Level, int]
    blind: list[BlindItem]
    subscribers_channels: list[str]
    languages: list[str]
    rules: str
    version: str
    seq: int


class StoodColumns(BaseModel):
    """A row an incident, place and level. `incident` and `place`: positions in the lists beside.

    `since`, `until`: Unix seconds, of what stood when it was told; `until` is null while it stands.
    `is_ahead`: announced instead, of the hours from `since` to `until`: a forecast, or an official
    warning.
    """

    incident: list[int]
    place: list[int]
    hazard: list[str]
    level: list[Level]
    since: list[int]
    until: list[int | None]
    is_ahead: list[bool]


class UnseenColumns(BaseModel):
    """Of which places nothing was known at which full hours, `first` to `last`, both included."""

    place: list[int]
    first: list[int]
    last: list[int]


class HoursItem(BaseModel):
    """How things stood at each of so many full hours from `begins_at` on, and what is announced for
    `hours_ahead` more. Before `known_since` the alert log was not read: every place is unseen."""

    now: str
    begins_at: str
    known_since: str
    hours: int
    hours_ahead: int
    places: list[str]
    incidents: list[str]
    stood: StoodColumns
    unseen: UnseenColumns


class ValuesItem(BaseModel):
    """The newest value at each place that has one, column by column. `valid_at`: Unix seconds.
    `period_s`: what each value covers; 0: an instant."""

    now: str
    variable: str
    unit: str
    period_s: int
    place: list[str]
    value: list[float]
    valid_at: list[int]
    source: list[str]
    kind: list[Literal["observed", "analysis"]]


class NearestItem(BaseModel):
    """The watched place nearest to a town."""

    place_id: str
    name: str
    km: float


class TownItem(BaseModel):
    """A town by name. Data: GeoNames, CC BY 4.0.

    `within_reach`: whether its nearest watched place is so near that anything of there can be told;
    else `POST /v1/wishes` asks the operator.
    """

    id: int
    label: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    timezone: str
    nearest: NearestItem | None
    within_reach: bool


class TownPage(BaseModel):
    """Towns, the likeliest first."""

    items: list[TownItem]
    next: str | None
