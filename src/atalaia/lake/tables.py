"""What can be queried, column by column: type, unit, meaning, and what a null means.

`atalaia tables` prints it, and a test holds it against what a query gives.
"""

from __future__ import annotations

import msgspec

from atalaia.domain.rule_counts import QUANTILES
from atalaia.domain.variable import CATALOGUE
from atalaia.lake.alert_rows import ALERT_COLUMNS, NULLABLE
from atalaia.lake.gold import DATASETS
from atalaia.lake.views import NOT_AVERAGED


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column of one table.

    type     as DuckDB names it
    meaning  in a few words
    unit     of its values; None: it has none
    null     what a null means; None: it is never null
    """

    type: str
    meaning: str
    unit: str | None = None
    null: str | None = None


_TIME = "TIMESTAMPTZ"
_TEXT = "VARCHAR"
_PLACE = Column(_TEXT, "the place's id")
_SOURCE = Column(_TEXT, "who said it")
_STATION = Column(_TEXT, "the station's id")
_KIND = Column(_TEXT, "observed, analysis or forecast")
_HAZARD = Column(_TEXT, "what kind of weather, or cannot_see")
_FOR_CANNOT_SEE = "cannot_see, where nothing is measured"


def _readings() -> dict[str, Column]:
    told = {
        "place_id": _PLACE,
        "source": _SOURCE,
        "valid_at": Column(_TIME, "the instant, or the end of the period, that the values are of"),
        "kind": _KIND,
        "issued_at": Column(
            _TIME,
            "when a forecast was made; where the source does not say: first received",
            null="no forecast",
        ),
        "has_run_time": Column(
            "BOOLEAN", "whether the source said when the forecast was made", null="no forecast"
        ),
        "received_at": Column(_TIME, "when the values became known"),
        "period_s": Column(
            "INTEGER", "length of the period of sums, ending at valid_at", "s", "not stated"
        ),
        "date": Column("DATE", "UTC day of valid_at; name it in WHERE to read less"),
    }
    return {
        name: told.get(name) or _value(name, "missing: never calm, never 0")
        for name in DATASETS["readings"]
    }


def _value(name: str, null: str) -> Column:
    variable = CATALOGUE[name]
    return Column("DOUBLE", variable.meaning, variable.unit, null)


def _summary(when: str, of: Column, per: str) -> dict[str, Column]:
    names = f"any variable but {', '.join(NOT_AVERAGED)}"
    amount = "an amount, which has only a sum" if per == "hour" else None
    unit = "unit"
    return {
        "place_id": _PLACE,
        "source": _SOURCE,
        "kind": Column(_TEXT, "observed or analysis; forecasts are not in it"),
        "variable": Column(_TEXT, f"{names}; name it in WHERE to read it alone"),
        "unit": Column(_TEXT, "of the four values"),
        when: of,
        "minimum": Column("DOUBLE", f"smallest value of the {per}", unit, amount),
        "maximum": Column("DOUBLE", f"largest value of the {per}", unit, amount),
        "sum": Column(
            "DOUBLE", f"what fell in the {per}, from periods that do not overlap", unit,
            "no amount: it cannot be added up",
        ),
        "mean": Column("DOUBLE", f"mean of the {per}", unit, amount),
    }  # fmt: skip


def _hourly() -> dict[str, Column]:
    hour = Column(_TIME, "the end of the hour; what falls on it belongs to it")
    covered = (
        "how much of the hour the periods of an amount cover; a value at an instant: all of it"
    )
    return _summary("hour_ends_at", hour, "hour") | {"covered_s": Column("INTEGER", covered, "s")}


def _daily() -> dict[str, Column]:
    day = Column("DATE", "local day, in the place's time zone; of the hours that end in it")
    columns = _summary("day", day, "day")
    columns["minimum"] = Column("DOUBLE", "smallest value; of amounts the driest hour's", "unit")
    columns["maximum"] = Column("DOUBLE", "largest value; of amounts the wettest hour's", "unit")
    columns["mean"] = Column("DOUBLE", "mean of the hours; of amounts, of their sums", "unit")
    return columns | {
        "hours": Column(
            "BIGINT", "hours of the day with data for three quarters of the hour or more", "h"
        )
    }


_OF_ALERTS = {
    "incident": "key of the incident",
    "version": "1, 2, 3 … within the incident",
    "type": "alert, update, step, end or cancel",
    "place_id": "the place; an area rule's area; a silent source",
    "hazard": _HAZARD.meaning,
    "level": "watch, yellow, orange or red",
    "severity": "the level in CAP's words",
    "urgency": "CAP: Immediate, Expected, Future, Past",
    "certainty": "CAP: Observed, Likely, Possible",
    "sent_at": "when it was decided",
    "onset_at": "when the condition began, or is forecast to",
    "expires_at": "when it expires if nothing more is seen",
    "evidence": "observed, analysis or forecast: of the value",
    "source": _SOURCE.meaning,
    "valid_at": "of the value; for cannot_see of the last usable one",
    "variable": "what was measured",
    "window_s": "over how long; 0: an instant",
    "value": "the value that decided",
    "unit": "of value, limit and peak",
    "limit": 'the limit it passed (a word of SQL: write it as "limit")',
    "rule": "the rule that decided",
    "reason": "onset, escalated, eased, certainty, sooner, step, ended, expired, withdrawn, "
    "rule changed",
    "text_pt_br": "what people are told, in Portuguese",
    "text_en": "in English",
    "text_es": "in Spanish",
    "places": "ids of the places that it concerns",
    "opened_at": "event time at which the incident first passed a limit",
    "rule_hash": "of the rule that decided, as it then stood",
    "peak_level": "the highest level of the incident so far",
    "peak": "its worst value so far",
    "peak_at": "when that was",
    "measure": "what the rule made of the variable: value, sum, mean, change, day_change, "
    "days_in_a_row, score",
    "is_below": "whether small values are the dangerous ones",
    "stands_for": "the variable in whose place it was judged; empty: none",
}
"""What each column means; all else of them is what the structs of the log say."""

_EARLIER = "written by an earlier Atalaia"

_NULL_IN_ALERTS = {
    **dict.fromkeys(("measure", "is_below", "stands_for"), _EARLIER),
    "onset_at": "not known",
    "expires_at": "cannot_see",
    "limit": f"{_FOR_CANNOT_SEE}; or the rule has gone",
}
"""What a null means where it is not `_FOR_CANNOT_SEE`."""


def _alerts() -> dict[str, Column]:
    units = {"window_s": "s"} | dict.fromkeys(("value", "limit", "peak"), "unit")
    columns = {
        name: Column(
            type_,
            _OF_ALERTS[name],
            units.get(name),
            _NULL_IN_ALERTS.get(name, _FOR_CANNOT_SEE) if name in NULLABLE else None,
        )
        for name, type_ in ALERT_COLUMNS.items()
    }
    return columns | {"date": Column("DATE", "UTC day of sent_at; name it in WHERE to read less")}


def _incidents() -> dict[str, Column]:
    return {
        "incident": Column(_TEXT, "key of the incident"),
        "hazard": _HAZARD,
        "place_id": Column(_TEXT, "the place or area"),
        "opened_at": Column(_TIME, "event time at which it first passed a limit"),
        "level": Column(_TEXT, "the level of its last entry"),
        "peak_level": Column(_TEXT, "the highest level it had", null=_FOR_CANNOT_SEE),
        "peak_value": Column("DOUBLE", "the value at its worst", "unit", _FOR_CANNOT_SEE),
        "unit": Column(_TEXT, "of peak_value", null=_FOR_CANNOT_SEE),
        "peak_at": Column(_TIME, "when that was", null=_FOR_CANNOT_SEE),
        "onset_at": Column(_TIME, "when the condition began, as last told", null="not known"),
        "last_sent_at": Column(_TIME, "sent_at of its last entry"),
        "ended_at": Column(_TIME, "sent_at of its end", null="it is open"),
        "status": Column(_TEXT, "open, ended, cancelled or expired"),
        "versions": Column("INTEGER", "how many entries it has"),
    }


def _ensembles() -> dict[str, Column]:
    of_runs = "of the runs with a value: {0} % of them are at most so much; by the rule's measure"
    passing = "share of these runs that pass the rule's {0} limit, uncorrected"
    told = {
        "place_id": _PLACE,
        "source": Column(_TEXT, "whose ensemble it is"),
        "rule": Column(_TEXT, "the rule that it was held against"),
        "valid_at": Column(_TIME, "the instant, or the end of the window, that it is of"),
        "received_at": Column(_TIME, "when the answer came"),
        "variable": Column(_TEXT, "what the rule measures"),
        "window_s": Column("INTEGER", "over how long, run by run; 0: an instant", "s"),
        "runs": Column("INTEGER", "how many runs have a value; fewer than ten have no row"),
        "rule_hash": Column(_TEXT, "of the rule, as it stood when this was counted"),
        "date": Column("DATE", "UTC day of received_at; name it in WHERE to read less"),
    }
    told |= {f"q{each}": Column("DOUBLE", of_runs.format(each), "unit") for each in QUANTILES}
    for level in ("yellow", "orange", "red"):
        null = "the rule has no such limit"
        told[f"chance_{level}"] = Column("DOUBLE", passing.format(level), None, null)
    return {name: told[name] for name in DATASETS["ensembles"]}


def _systems() -> dict[str, Column]:
    before = "three hours before"
    not_yet = f"it did not stand yet {before}"
    return {
        "system": Column(_TEXT, "its id: the key of its oldest incident"),
        "family": Column(_TEXT, "which hazards can be of it"),
        "hazards": Column("VARCHAR[]", "those of its incidents, the most frequent first"),
        "name_pt_br": Column(_TEXT, "what it is called, in Portuguese"),
        "name_en": Column(_TEXT, "in English"),
        "name_es": Column(_TEXT, "in Spanish"),
        "status": Column(_TEXT, "open, over, or joined: it met an older one"),
        "joined": Column(_TEXT, "the system that it joined", null="it joined none"),
        "joined_by": Column("VARCHAR[]", "younger systems that joined it, also by way of others"),
        "started_at": Column(_TIME, "when the first of it was told"),
        "last_sent_at": Column(_TIME, "when the newest of it was told"),
        "ended_at": Column(_TIME, "when it was over, or joined another", null="it is open"),
        "level": Column(_TEXT, "the highest that stands, or at last stood"),
        "peak_level": Column(_TEXT, "the highest that any of its incidents came to"),
        "incidents": Column("VARCHAR[]", "keys of its incidents, the oldest first"),
        "places": Column("VARCHAR[]", "ids of all places that it came to"),
        "standing": Column("VARCHAR[]", "ids of those at which it stands, or at last stood"),
        "standing_before": Column("INTEGER", f"at how many it stood {before}"),
        "latitude": Column("DOUBLE", "middle of the places at which it stands", "°"),
        "longitude": Column("DOUBLE", "middle of the places at which it stands", "°"),
        "moved_km": Column("DOUBLE", f"how far that middle is from where it was {before}", "km",
                           not_yet),
        "bearing_deg": Column("DOUBLE", "whither: 0 is north, 90 east", "°", not_yet),
        "outline": Column(_TEXT, "round the places at which it stands: a geometry of GeoJSON"),
        "date": Column("DATE", "UTC day of started_at; name it in WHERE to read less"),
    }  # fmt: skip


def _sources() -> dict[str, Column]:
    never = "never"
    asked = "it was never asked: its rows came in a file"
    heard = "no row of it was ever read"
    return {
        "source": Column(_TEXT, "who was asked, or who said it"),
        "last_answer_at": Column(_TIME, "when it last answered", null=never),
        "last_fault_at": Column(_TIME, "when it last failed", null=never),
        "last_fault": Column(_TEXT, "why", null=never),
        "answers": Column("BIGINT", "how many payloads were answers", null=asked),
        "errors": Column("BIGINT", "how many had an error's status", null=asked),
        "failures": Column("BIGINT", "how often no answer came", null=asked),
        "rejects": Column("BIGINT", "places in answers that could not be decoded", null=asked),
        "places": Column("BIGINT", "of how many places it spoke", null=heard),
        "readings": Column("BIGINT", "rows of it in readings", null=heard),
        "last_reading_at": Column(_TIME, "when a value of it last was news", null=heard),
        "last_valid_at": Column(_TIME, "of its newest value that is no forecast", null="none"),
        "forecast_until": Column(_TIME, "the last hour that it forecasts", null="no forecasts"),
    }


def _answers() -> dict[str, Column]:
    return {
        "source": Column(_TEXT, "who was asked"),
        "first_offset": Column("BIGINT", "of the part of RAW: its first payload's offset"),
        "first_received_at": Column(_TIME, "of the part's first payload"),
        "last_received_at": Column(_TIME, "of its last"),
        "answers": Column("INTEGER", "payloads with a status under 300"),
        "errors": Column("INTEGER", "payloads with another status"),
        "failures": Column("INTEGER", "requests that no answer came to"),
        "rejects": Column("INTEGER", "places in answers that could not be decoded"),
        "last_answer_at": Column(_TIME, "when the last answer came", null="none in this part"),
        "last_fault_at": Column(_TIME, "when the last error or failure was", null="none"),
        "last_fault": Column(_TEXT, "what it was", null="none"),
        "date": Column("DATE", "UTC day of first_received_at"),
    }


def _places() -> dict[str, Column]:
    return {
        "place_id": _PLACE,
        "name": Column(_TEXT, "as people read it"),
        "latitude": Column("DOUBLE", "WGS 84", "°"),
        "longitude": Column("DOUBLE", "WGS 84", "°"),
        "timezone": Column(_TEXT, "IANA name"),
        "area": Column(_TEXT, "the area whose rules judge it with others", null="none"),
    }


def _stations() -> dict[str, Column]:
    return {
        "station_id": _STATION,
        "wigos_id": Column(_TEXT, "its WIGOS identifier", null="not known"),
        "name": Column(_TEXT, "as people read it", null="not known"),
        "latitude": Column("DOUBLE", "WGS 84", "°", "not known: it speaks for no place"),
        "longitude": Column("DOUBLE", "WGS 84", "°", "not known: it speaks for no place"),
        "elevation_m": Column("DOUBLE", "of the ground above sea level", "m", "not known"),
        "kind": Column(_TEXT, "official, aerodrome or private"),
        "interval_s": Column(
            "INTEGER", "how often it reports, learned of its last reports", "s", "too few reports"
        ),
        "clock_offset_s": Column(
            "INTEGER",
            "smallest delay of its last reports; below 0 they come before their own time",
            "s",
            "never heard",
        ),
        "last_valid_at": Column(_TIME, "of its newest report", null="never heard"),
    }


def _station_readings() -> dict[str, Column]:
    told = {
        "station_id": _STATION,
        "source": Column(_TEXT, "by which way it came: wis2:br-inmet, metar, pws"),
        "valid_at": Column(_TIME, "the instant, or the end of the period, that the values are of"),
        "period_s": Column(
            "INTEGER", "of which period, ending at valid_at; 0: an instant, or not stated", "s"
        ),
        "date": Column("DATE", "UTC day of valid_at; name it in WHERE to read less"),
    }
    return {
        name: told.get(name) or _value(name, "missing: never calm, never 0")
        for name in DATASETS["station_readings"]
    }


def _climate() -> dict[str, Column]:
    one_hour = "a row of one hour of the day"
    return {
        "place_id": _PLACE,
        "variable": Column(_TEXT, "what it is the climate of"),
        "unit": Column(_TEXT, "of the values"),
        "month": Column("INTEGER", "1 … 12, local"),
        "hour": Column(
            "INTEGER", "0 … 23, local: the hour that began then", "h", "all hours of the month"
        ),
        "source": Column(_TEXT, "whose record it was computed from"),
        "kind": Column(_TEXT, "of that record: observed or analysis"),
        "first_year": Column("INTEGER", "the first year with enough data of this month"),
        "last_year": Column("INTEGER", "the last"),
        "years": Column("INTEGER", "how many years have enough data of this month"),
        "hours": Column("INTEGER", "how many hourly values", "h"),
        "is_norm": Column("BOOLEAN", "whether rules may use it: it has enough years"),
        "mean": Column("DOUBLE", "of the hourly values", "unit"),
        "mean_minimum": Column("DOUBLE", "mean of the days' minima", "unit", one_hour),
        "mean_maximum": Column("DOUBLE", "mean of the days' maxima", "unit", one_hour),
        "percentiles": Column("DOUBLE[]", "99 of them: percentiles[1] … percentiles[99]", "unit"),
    }


def _return_levels() -> dict[str, Column]:
    return {
        "place_id": _PLACE,
        "variable": Column(_TEXT, "what it is the extreme of"),
        "unit": Column(_TEXT, "of level, low and high"),
        "window_s": Column("INTEGER", "of the sum; 0: an hourly value", "s"),
        "extreme": Column(_TEXT, "maximum or minimum, of the year"),
        "return_years": Column("INTEGER", "2, 5, 10, 25 or 50", "a"),
        "source": Column(_TEXT, "whose record it was computed from"),
        "kind": Column(_TEXT, "of that record: observed or analysis"),
        "first_year": Column("INTEGER", "the first year that counts", null="none does"),
        "last_year": Column("INTEGER", "the last", null="none does"),
        "years": Column("INTEGER", "how many years count: those with enough data"),
        "level": Column("DOUBLE", "reached once in so many years", "unit", "refused"),
        "low": Column("DOUBLE", "lower bound of its 95 % interval", "unit", "refused"),
        "high": Column("DOUBLE", "upper bound of its 95 % interval", "unit", "refused"),
        "refusal": Column(_TEXT, "why there is no level", null="there is one"),
    }


def _deliveries() -> dict[str, Column]:
    return {
        "person": Column(_TEXT, "a pseudonym"),
        "channel": Column(
            _TEXT,
            "webpush, telegram, whatsapp, email, sms, webhook, inbox, apprise, alertmanager, "
            "or a plug-in's",
        ),
        "message": Column(_TEXT, "id of the message that carried it"),
        "incident": Column(_TEXT, "key of the incident"),
        "version": Column("INTEGER", "of the alert, within the incident"),
        "place_id": Column(_TEXT, "the watched place (or area) that the alert was for"),
        "hazard": _HAZARD,
        "level": Column(_TEXT, "of the alert"),
        "status": Column(_TEXT, "sent, unknown, late, dropped or dead"),
        "reason": Column(_TEXT, "why, where it was not simply sent"),
        "attempts": Column("INTEGER", "how often it was tried"),
        "sent_at": Column(_TIME, "when the alert was decided"),
        "settled_at": Column(_TIME, "when this became of it"),
        "number": Column("BIGINT", "grows as messages are settled"),
        "letter": Column(
            _TEXT,
            "id of the last message of the letter that it went in: the same for all that shared it",
            null="kept before this was noted (or empty)",
        ),
        "date": Column("DATE", "UTC day of sent_at; name it in WHERE to read less"),
    }


def tables() -> dict[str, dict[str, Column]]:
    """Every table that can be queried, its columns in order."""
    return {
        "readings": _readings(),
        "hourly": _hourly(),
        "daily": _daily(),
        "alerts": _alerts(),
        "incidents": _incidents(),
        "ensembles": _ensembles(),
        "systems": _systems(),
        "deliveries": _deliveries(),
        "sources": _sources(),
        "answers": _answers(),
        "places": _places(),
        "stations": _stations(),
        "station_readings": _station_readings(),
        "climate": _climate(),
        "return_levels": _return_levels(),
    }
