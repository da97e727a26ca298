"""What a query sees besides GOLD's own datasets: SQL over these, the same in every home.

`VIEWS` is in the order in which they are made: a later one may use an earlier one.
"""

# The SQL here is put together from the catalogue alone.
# ruff: noqa: S608

from __future__ import annotations

from atalaia.domain.variable import CATALOGUE, Variable
from atalaia.lake.gold import DATASETS

NOT_AVERAGED = ("wind_direction_deg", "wind_gust_direction_deg", "weather_code")
"""Neither `hourly` nor `daily` has these: a direction is no number on a line, a code is none."""

SUMMARISED = [variable for name, variable in CATALOGUE.items() if name not in NOT_AVERAGED]

_HOUR_US = 3_600_000_000

# Integers: on a zoned time the same by DATE_TRUNC takes seven times as long.
_HOUR = (
    f"make_timestamptz((epoch_us(valid_at) + {_HOUR_US - 1}) // {_HOUR_US} * {_HOUR_US})"
    " AS hour_ends_at"
)


def _of_instants(variable: Variable) -> str:
    return f"""
SELECT
    place_id, source, kind, '{variable.name}' AS variable, '{variable.unit}' AS unit, {_HOUR},
    min({variable.name}) AS minimum,
    max({variable.name}) AS maximum,
    CAST(NULL AS DOUBLE) AS sum,
    avg({variable.name}) AS mean
FROM readings
WHERE kind <> 'forecast'
    AND {variable.name} BETWEEN {variable.lowest} AND {variable.highest}
GROUP BY place_id, source, kind, hour_ends_at
"""


def _of_amounts(variable: Variable) -> str:
    """The hour's sum from periods that do not overlap.

    Periods of one length stand in slots of that length, and count once a slot. A source that
    tells the same rain by the hour and by the quarter is added up once: by the length that
    covers most of the hour, of equals by the longest.
    """
    return f"""
SELECT
    place_id, source, kind, '{variable.name}' AS variable, '{variable.unit}' AS unit, hour_ends_at,
    CAST(NULL AS DOUBLE) AS minimum,
    CAST(NULL AS DOUBLE) AS maximum,
    arg_max(total, least(slots * period, 3600) * 4000 + period) AS sum,
    CAST(NULL AS DOUBLE) AS mean
FROM (
    SELECT
        place_id, source, kind, hour_ends_at, period, count(*) AS slots, sum(amount) AS total
    FROM (
        SELECT
            place_id, source, kind, {_HOUR}, coalesce(period_s, 0) AS period,
            (epoch_us(valid_at) // 1000000 - 1) // greatest(coalesce(period_s, 0), 1) AS slot,
            max({variable.name}) AS amount
        FROM readings
        WHERE kind <> 'forecast' AND coalesce(period_s, 0) <= 3600
            AND {variable.name} BETWEEN {variable.lowest} AND {variable.highest}
        GROUP BY place_id, source, kind, hour_ends_at, period, slot
    )
    GROUP BY place_id, source, kind, hour_ends_at, period
)
GROUP BY place_id, source, kind, hour_ends_at
"""


def hourly(variable: Variable) -> str:
    """The rows of one variable in `hourly`, from the view `readings`."""
    return _of_amounts(variable) if variable.is_sum else _of_instants(variable)


HOURLY = "UNION ALL".join(map(hourly, SUMMARISED))
"""One row a place, source, kind, variable and hour. Naming the variable reads its column alone."""

_DAY_US = 86_400_000_000

# Asking for the local time of each hour would take ten times as long as all the rest: it is asked
# at the ends of each UTC day, and of hours only where the clocks were changed in between.
DAILY = f"""
WITH zones AS (SELECT DISTINCT timezone FROM places UNION SELECT 'UTC'),
days AS (
    SELECT CAST(unnest(generate_series(
        (SELECT min(date) FROM readings) - INTERVAL 1 DAY,
        (SELECT max(date) FROM readings) + INTERVAL 1 DAY,
        INTERVAL 1 DAY
    )) AS TIMESTAMPTZ) AS begins_at
),
offsets AS (
    SELECT
        timezone,
        epoch_us(begins_at) // {_DAY_US} AS utc_day,
        epoch_us(timezone(timezone, begins_at)) - epoch_us(begins_at) AS first,
        epoch_us(timezone(timezone, begins_at + INTERVAL 24 HOUR))
            - epoch_us(begins_at + INTERVAL 24 HOUR) AS last
    FROM zones, days
),
local AS (
    SELECT
        hourly.*,
        CASE
            WHEN first = last THEN
                DATE '1970-01-01'
                    + CAST((epoch_us(hour_ends_at) - 1 + first) // {_DAY_US} AS INTEGER)
            ELSE CAST(timezone(offsets.timezone, hour_ends_at - INTERVAL 1 SECOND) AS DATE)
        END AS day
    FROM hourly
    LEFT JOIN places USING (place_id)
    JOIN offsets
        ON offsets.timezone = coalesce(places.timezone, 'UTC')
        AND utc_day = (epoch_us(hour_ends_at) - 1) // {_DAY_US}
)
SELECT
    place_id, source, kind, variable, unit, day,
    min(coalesce(minimum, sum)) AS minimum,
    max(coalesce(maximum, sum)) AS maximum,
    sum(sum) AS sum,
    avg(coalesce(mean, sum)) AS mean,
    count(*) AS hours
FROM local
GROUP BY place_id, source, kind, variable, unit, day
"""
"""One row a place, source, kind, variable and day of the place's time zone."""

INCIDENTS = """
SELECT
    incident,
    arg_max(hazard, version) AS hazard,
    arg_max(place_id, version) AS place_id,
    arg_max(opened_at, version) AS opened_at,
    arg_max(level, version) AS level,
    arg_max(peak_level, version) AS peak_level,
    arg_max(peak, version) AS peak_value,
    arg_max(unit, version) AS unit,
    arg_max(peak_at, version) AS peak_at,
    arg_max(onset_at, version) AS onset_at,
    arg_max(sent_at, version) AS last_sent_at,
    CASE WHEN arg_max(type, version) IN ('end', 'cancel') THEN arg_max(sent_at, version) END
        AS ended_at,
    CASE
        WHEN arg_max(reason, version) = 'expired' THEN 'expired'
        WHEN arg_max(type, version) = 'end' THEN 'ended'
        WHEN arg_max(type, version) = 'cancel' THEN 'cancelled'
        ELSE 'open'
    END AS status,
    max(version) AS versions
FROM alerts
GROUP BY incident
"""
"""One row an incident."""

SOURCES = """
SELECT
    source, last_answer_at, last_fault_at, last_fault, answers, errors, failures, rejects,
    places, readings, last_reading_at, last_valid_at, forecast_until
FROM (
    SELECT
        source,
        max(last_answer_at) AS last_answer_at,
        max(last_fault_at) AS last_fault_at,
        arg_max(last_fault, last_fault_at) AS last_fault,
        CAST(sum(answers) AS BIGINT) AS answers,
        CAST(sum(errors) AS BIGINT) AS errors,
        CAST(sum(failures) AS BIGINT) AS failures,
        CAST(sum(rejects) AS BIGINT) AS rejects
    FROM answers
    WHERE source <> 'clock'
    GROUP BY source
)
FULL JOIN (
    SELECT
        source,
        count(DISTINCT place_id) AS places,
        count(*) AS readings,
        max(received_at) AS last_reading_at,
        max(valid_at) FILTER (kind <> 'forecast') AS last_valid_at,
        max(valid_at) FILTER (kind = 'forecast') AS forecast_until
    FROM readings
    GROUP BY source
) USING (source)
"""
"""One row a source: how fresh it is, and how often it failed. (The clock is none.)"""

VIEWS: dict[str, str] = {
    "hourly": HOURLY,
    "daily": DAILY,
    "incidents": INCIDENTS,
    "sources": SOURCES,
}

_MADE_OF = {
    "hourly": {"readings"},
    "daily": {"hourly", "readings", "places"},
    "incidents": {"alerts"},
    "sources": {"answers", "readings"},
}


def named(sql: str) -> set[str]:
    """The tables that a query may read: those it names, and what they are made of.

    It looks for the names as letters anywhere, so it may find too many and never too few. Where
    it finds none (``SHOW TABLES``), it is all of them.
    """
    text = sql.lower()
    known = {*DATASETS, *VIEWS}
    found = {name for name in known if name in text} or known
    return found.union(*(_MADE_OF.get(name, set()) for name in found))
