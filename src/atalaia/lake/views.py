"""What a query sees besides GOLD's own datasets: SQL over these, the same in every home.

`VIEWS` is in the order in which they are made: a later one may use an earlier one.
"""

# The SQL here is put together from the catalogue alone.
# ruff: noqa: S608

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import duckdb

from atalaia.domain.local import DAY_S, clock_days
from atalaia.domain.variable import CATALOGUE, Variable
from atalaia.lake.gold import DATASETS

NOT_AVERAGED = (
    "wind_direction_deg",
    "wind_gust_direction_deg",
    "weather_code",
    "thunderstorm_class",
    "violent_wind_class",
)
"""Neither `hourly` nor `daily` has these: a direction is no number on a line, codes and classes are
none."""

SUMMARISED = [variable for name, variable in CATALOGUE.items() if name not in NOT_AVERAGED]

FROM_YEAR_1_S = 62_135_596_800
"""Seconds from the year 1 to 1970. Times are counted from there: the engines' integer division cuts
towards zero, and would put what was before 1970 into the hour after its own."""

_HOUR_US = 3_600_000_000


class Dialect(NamedTuple):
    """What engines write differently. `{0}`, `{1}` stand for what it is of.

    seconds   of an instant, whole ones since the year 1
    divided   one integer by another, rounded down (neither is negative)
    hour_end  the instant at which an hour ends, by its number since the year 1
    """

    seconds: str
    divided: str
    hour_end: str


DUCKDB = Dialect(
    seconds=f"(epoch_us({{0}}) // 1000000 + {FROM_YEAR_1_S})",
    divided="({0}) // ({1})",
    # Integers: on a zoned time the same by DATE_TRUNC takes seven times as long.
    hour_end=f"make_timestamptz((({{0}}) + 1) * {_HOUR_US} - {FROM_YEAR_1_S} * 1000000)",
)


def _heading(variable: Variable) -> str:
    return f"place_id, source, kind, '{variable.name}' AS variable, '{variable.unit}' AS unit"


def usable(variable: Variable) -> str:
    """Of which rows the variable counts, as a condition."""
    name = variable.name
    return f"kind <> 'forecast' AND {name} BETWEEN {variable.lowest} AND {variable.highest}"


def of_instants(variable: Variable, rows: str = "readings", dialect: Dialect = DUCKDB) -> str:
    """An hour's extremes and mean; what falls on its stroke belongs to it.

    `rows` is what stands after FROM.
    """
    hour = dialect.divided.format(f"{dialect.seconds.format('valid_at')} - 1", 3600)
    return f"""
SELECT
    {_heading(variable)}, {dialect.hour_end.format("hour")} AS hour_ends_at,
    min({variable.name}) AS minimum,
    max({variable.name}) AS maximum,
    CAST(NULL AS DOUBLE) AS sum,
    avg({variable.name}) AS mean,
    3600 AS covered_s
FROM (
    SELECT place_id, source, kind, {variable.name}, {hour} AS hour
    FROM {rows} WHERE {usable(variable)}
) AS usable
GROUP BY place_id, source, kind, hour
"""


def amounts(variable: Variable, hours: str, dialect: Dialect = DUCKDB) -> str:
    """The rows of an amount in `hourly`, from what `of_amounts` found of it."""
    return f"""
SELECT
    {_heading(variable)}, {dialect.hour_end.format("hour")} AS hour_ends_at,
    CAST(NULL AS DOUBLE) AS minimum, CAST(NULL AS DOUBLE) AS maximum, sum,
    CAST(NULL AS DOUBLE) AS mean, covered_s
FROM ({hours}) AS hours
"""


def of_amounts(variable: Variable, rows: str = "readings", dialect: Dialect = DUCKDB) -> str:
    """An hour's sum: what periods that do not overlap are known to have brought.

    `rows` is what stands after FROM. The columns are place_id, source, kind, the hour's number
    since the year 1, sum and covered_s.

    - A period is of the hour that its middle is in, and lies in it if it juts out by a twentieth
      at most: two neighbours then overlap by a tenth of the shorter one, and count in full.
    - Of periods of one length that overlap by more (an hour's rain that is told every ten minutes)
      those count that stand one period apart, give or take a twentieth: of such choices the one
      that covers most of the hour, of equals the one that is nearest to the clock.
    - Of lengths in an hour the one with most rain counts, as the same rain is told in both.
    - A period that juts out (of a station that tells its hour at half past) counts where it
      overlaps nothing that lies in an hour, and no such period before it. Of several over one
      stroke the longest counts, of equals the one that juts out least.
    - Without a period an amount counts in full, and covers the time since the one before it, an
      hour at most.
    """

    def divided(one: str, other: object) -> str:
        return dialect.divided.format(one, other)

    series = "place_id, source, kind"
    seconds = dialect.seconds.format("valid_at")
    begins, ends = "hour * 3600", "hour * 3600 + 3600"
    middle = divided(f"CASE WHEN told = 0 THEN t - 1 ELSE t - {divided('told + 1', 2)} END", 3600)
    choice = f"{series}, hour, told, chain, is_wide, phase"
    # Phases of a period: twentieths of it, counted from a fortieth before its grid on the clock.
    length = "greatest(told, 1)"
    step = f"greatest({divided('told', 20)}, 1)"
    shifted = f"t + {divided('told', 40)}"
    phases = divided(length, step)
    phase = f"least({divided(f'mod({shifted}, {length})', step)}, {phases} - 1)"
    return f"""
SELECT {series}, hour, sum(amount) AS sum, CAST(least(sum(covered), 3600) AS INTEGER) AS covered_s
FROM (
    WITH told AS (
        SELECT {series}, t, told, max(amount) AS amount
        FROM (
            SELECT {series}, {seconds} AS t, coalesce(period_s, 0) AS told,
                {variable.name} AS amount
            FROM {rows}
            WHERE {usable(variable)} AND coalesce(period_s, 0) <= 3600
        ) AS usable
        GROUP BY {series}, t, told
    ),
    beside AS (
        SELECT *, t - lag(t) OVER (PARTITION BY {series}, told ORDER BY t) AS since FROM told
    ),
    placed AS (
        SELECT *, {middle} AS hour,
            CASE WHEN told = 0 THEN least(coalesce(since, 0), 3600) ELSE told END AS covers,
            sum(CASE WHEN since < told AND (told - since) * 10 >= told THEN 0 ELSE 1 END)
                OVER (PARTITION BY {series}, told ORDER BY t) AS chain
        FROM beside
    ),
    judged AS (
        SELECT *,
            CASE WHEN told = 0 THEN covers
                ELSE least(t, {ends}) - greatest(t - told, {begins}) END AS covered,
            told = 0 OR (t - told >= {begins} - {divided("told", 20)}
                AND t <= {ends} + {divided("told", 20)}) AS lies_in
        FROM placed
    ),
    -- Choices are the rows of one phase, and those of two neighbours: jitter may lie on both sides.
    phased AS (
        SELECT judged.*, is_wide, mod({phase} + {phases} - earlier, {phases}) AS phase
        FROM judged CROSS JOIN (
            SELECT 0 AS earlier, 0 AS is_wide UNION ALL SELECT 0, 1 UNION ALL SELECT 1, 1
        ) AS choices
        WHERE lies_in
    ),
    turns AS (
        SELECT *, row_number() OVER (
            PARTITION BY {choice}, {divided(f"{shifted} - phase * {step}", length)}
            ORDER BY covered DESC, t
        ) AS turn
        FROM phased
    ),
    slots AS (
        SELECT *, covered - greatest(coalesce(
            lag(t) OVER (PARTITION BY {choice} ORDER BY t) - (t - told), 0), 0) AS adds
        FROM turns WHERE turn = 1
    ),
    weighed AS (
        SELECT *, sum(adds) OVER (PARTITION BY {choice}) AS weight FROM slots
    ),
    ranked AS (
        SELECT *, rank() OVER (
            PARTITION BY {series}, hour, told, chain
            ORDER BY weight DESC, is_wide, least(phase, {phases} - phase), phase
        ) AS place
        FROM weighed
    ),
    lengths AS (
        SELECT {series}, hour, sum(amount) AS amount, sum(adds) AS covered,
            min(t - covers) AS opens, max(t) AS closes
        FROM ranked WHERE place = 1 GROUP BY {series}, hour, told
    ),
    inside AS (
        SELECT {series}, hour, max(amount) AS amount, max(covered) AS covered,
            min(opens) AS opens, max(closes) AS closes
        FROM lengths GROUP BY {series}, hour
    ),
    jutting AS (
        SELECT *, {divided("t", 3600)} AS stroke,
            row_number() OVER (
                PARTITION BY {series}, {divided("t", 3600)}
                ORDER BY told DESC, least(mod(t, 3600), told - mod(t, 3600)), t
            ) AS turn
        FROM judged WHERE NOT lies_in
    ),
    free AS (
        SELECT jutting.*,
            lag(jutting.t) OVER (
                PARTITION BY jutting.place_id, jutting.source, jutting.kind ORDER BY jutting.t
            ) AS before
        FROM jutting
        LEFT JOIN inside AS earlier ON earlier.place_id = jutting.place_id
            AND earlier.source = jutting.source AND earlier.kind = jutting.kind
            AND earlier.hour = jutting.stroke - 1
        LEFT JOIN inside AS later ON later.place_id = jutting.place_id
            AND later.source = jutting.source AND later.kind = jutting.kind
            AND later.hour = jutting.stroke
        WHERE jutting.turn = 1
            AND coalesce(earlier.closes <= jutting.t - told + {divided("told", 10)}, true)
            AND coalesce(later.opens >= jutting.t - {divided("told", 10)}, true)
    )
    SELECT {series}, hour, amount, covered FROM inside
    UNION ALL
    SELECT {series}, hour, amount, told AS covered FROM free
    WHERE before IS NULL OR before <= t - told + {divided("told", 10)}
) AS hours
GROUP BY {series}, hour
"""


def _of_amounts(variable: Variable, rows: str) -> str:
    """`of_amounts` where it is needed, and what is quick where that gives the same.

    A series whose periods all end on the clock (an hour's on the hour, a quarter's on the quarter)
    needs none of it: periods of one length do not overlap then.
    """
    series = "place_id, source, kind"
    # Joins that a condition on the place goes through, to the rows of both sides.
    odd = f"(SELECT {series}, true AS known FROM quick WHERE is_odd GROUP BY {series}) AS odd"
    is_same = "odd.place_id = {0}.place_id AND odd.source = {0}.source AND odd.kind = {0}.kind"
    of_odd = f"SELECT told.* FROM {rows} AS told JOIN {odd} ON {is_same.format('told')}"
    return f"""
    WITH quick AS MATERIALIZED (
        SELECT {series}, hour, bool_or(is_odd) AS is_odd,
            -- What is told twice of one slot counts once.
            greatest(sum(amount) - (count(*) - bit_count(bit_or(slot))) * max(amount), max(amount))
                AS amount,
            bit_count(bit_or(slot)) * period AS covered
        FROM (
            SELECT {series}, period, amount,
                (t - (period + 1) // 2) // 3600 AS hour,
                1::BIGINT << least((t - (period + 1) // 2) % 3600 // period, 62) AS slot,
                period < 60 OR 3600 % period <> 0
                    OR (t % period > period // 20 AND t % period < period - period // 20) AS is_odd
            FROM (
                SELECT {series}, {variable.name} AS amount,
                    {DUCKDB.seconds.format("valid_at")} AS t,
                    greatest(coalesce(period_s, 0), 1) AS period
                FROM {rows}
                WHERE {usable(variable)} AND coalesce(period_s, 0) <= 3600
            )
        )
        GROUP BY {series}, hour, period
    )
    SELECT quick.place_id, quick.source, quick.kind, hour,
        max(amount) AS sum, max(covered)::INTEGER AS covered_s
    FROM quick LEFT JOIN {odd} ON {is_same.format("quick")}
    WHERE odd.known IS NULL
    GROUP BY quick.place_id, quick.source, quick.kind, hour
    UNION ALL
    {of_amounts(variable, f"({of_odd}) AS rows")}
"""


def hourly(variable: Variable, rows: str = "readings") -> str:
    """The rows of one variable in `hourly`, from a view of readings."""
    if variable.is_sum:
        return amounts(variable, _of_amounts(variable, rows))
    return of_instants(variable, rows)


def hourly_of(variables: Iterable[Variable], rows: str = "readings") -> str:
    """The view `hourly`, of these variables alone."""
    return "UNION ALL".join(hourly(variable, rows) for variable in variables)


def outlines_of(variables: Iterable[Variable]) -> str:
    """The view `hourly` for a plan alone: its columns, without all that makes its sums right."""
    seconds = DUCKDB.seconds.format("valid_at")
    return "UNION ALL".join(
        amounts(
            one,
            f"SELECT place_id, source, kind, {DUCKDB.divided.format(seconds, 3600)} AS hour,"
            f" sum({one.name}) AS sum, CAST(count(*) AS INTEGER) AS covered_s"
            f" FROM readings WHERE {usable(one)} GROUP BY place_id, source, kind, hour",
        )
        if one.is_sum
        else of_instants(one)
        for one in variables
    )


HOURLY = hourly_of(SUMMARISED)
"""One row a place, source, kind, variable and hour. Naming the variable reads its column alone."""

COVERED_S = 2700
"""An hour of which so much is covered is an hour with data: three quarters."""


# Asking the engine for the local time of each hour would take ten times as long as all the rest,
# and it has rules of its own. The clock of each zone on each UTC day stands in `zone_rules.clocks`.
def parts_of_days(hours: str, condition: str = "true") -> str:
    """What hours add to the local days of their places; a day's parts make it (`whole_days`).

    `hours` is what stands after FROM, with the columns of `hourly`. The condition may name
    `told.source` and `told.utc_day`, the UTC day in which the hour begins, counted from the year 1.
    """
    ended_s = f"{DUCKDB.seconds.format('hour_ends_at')} - 1"
    return f"""
SELECT
    place_id, source, kind, variable, unit, timezone, day,
    min(coalesce(minimum, sum)) AS minimum,
    max(coalesce(maximum, sum)) AS maximum,
    sum(sum) AS sum,
    sum(coalesce(mean, sum)) AS total,
    count(*) AS counted,
    count(*) FILTER (covered_s >= {COVERED_S}) AS hours
FROM (
    SELECT
        told.*, clocks.timezone,
        DATE '1970-01-01' + CAST((
            ended_s + CASE WHEN ended_s < changes_at THEN offset_s ELSE then_s END
        ) // {DAY_S} - {FROM_YEAR_1_S // DAY_S} AS INTEGER) AS day
    FROM (SELECT *, {ended_s} AS ended_s, ({ended_s}) // {DAY_S} AS utc_day FROM {hours}) AS told
    LEFT JOIN places USING (place_id)
    JOIN zone_rules.clocks AS clocks
        ON clocks.timezone = coalesce(places.timezone, 'UTC') AND clocks.day = utc_day
    WHERE {condition}
)
GROUP BY place_id, source, kind, variable, unit, timezone, day
"""


def whole_days(parts: str) -> str:
    """The rows of `daily`, from all that adds to them."""
    return f"""
SELECT
    place_id, source, kind, variable, unit, day,
    min(minimum) AS minimum, max(maximum) AS maximum, sum(sum) AS sum,
    sum(total) / sum(counted) AS mean, CAST(sum(hours) AS BIGINT) AS hours
FROM ({parts})
GROUP BY place_id, source, kind, variable, unit, day
"""


DAILY = whole_days(parts_of_days("hourly"))
"""One row a place, source, kind, variable and day of the place's time zone. (A home that has kept
days makes of them what it can: `lake.days`.)"""


def make_clocks(
    con: duckdb.DuckDBPyConnection, dates: tuple[date | None, date | None] | None = None
) -> None:
    """Make what `daily` needs besides the views `places` and `readings`: the zones' clocks.

    dates   from the first to the last of the readings' UTC days, where they are known without a
            look at all files; two None: there are none
    """
    first, last = dates or con.execute("SELECT min(date), max(date) FROM readings").fetchall()[0]
    zones = con.execute("SELECT DISTINCT timezone FROM places UNION SELECT 'UTC'").fetchall()
    con.execute("CREATE SCHEMA IF NOT EXISTS zone_rules")
    con.execute(
        "CREATE OR REPLACE TABLE zone_rules.clocks"
        " (timezone VARCHAR, day BIGINT, offset_s BIGINT, changes_at BIGINT, then_s BIGINT)"
    )
    if first is None or last is None:
        return
    # An hour that ends at midnight is of the day before; one that is put forward, of the day after.
    days = [(day - date(1970, 1, 1)).days for day in (first, last)]
    for (zone,) in zones:
        clock = clock_days(zone, days[0] - 1, days[1] + 1)
        con.register("clock", clock._asdict())
        con.execute(
            f"INSERT INTO zone_rules.clocks SELECT ?, day + {FROM_YEAR_1_S // DAY_S}, offset_s,"
            f" changes_at + {FROM_YEAR_1_S}, then_s FROM clock",
            [zone],
        )
    con.unregister("clock")


INCIDENTS = """
WITH parts AS (
    SELECT
        incident,
        place,
        arg_max(type, version) AS last_type,
        arg_max(level, version) AS last_level
    FROM (
        SELECT incident, type, level, version, rule, place
        FROM alerts CROSS JOIN UNNEST(places) AS p(place)
    )
    WHERE rule = 'official'
    GROUP BY incident, place
),
standing AS (
    SELECT
        incident,
        arg_max(
            last_level, list_position(['watch', 'yellow', 'orange', 'red'], last_level)
        ) AS stands_at
    FROM parts
    WHERE last_type NOT IN ('end', 'cancel')
    GROUP BY incident
)
SELECT
    incident,
    arg_max(hazard, version) AS hazard,
    arg_max(place_id, version) AS place_id,
    arg_max(opened_at, version) AS opened_at,
    coalesce(any_value(stands_at), arg_max(level, version)) AS level,
    arg_max(peak_level, version) AS peak_level,
    arg_max(peak, version) AS peak_value,
    arg_max(unit, version) AS unit,
    arg_max(peak_at, version) AS peak_at,
    arg_max(onset_at, version) AS onset_at,
    arg_max(sent_at, version) AS last_sent_at,
    CASE
        WHEN any_value(stands_at) IS NOT NULL THEN NULL
        WHEN arg_max(type, version) IN ('end', 'cancel') THEN arg_max(sent_at, version)
    END AS ended_at,
    CASE
        WHEN any_value(stands_at) IS NOT NULL THEN 'open'
        WHEN arg_max(reason, version) = 'expired' THEN 'expired'
        WHEN arg_max(type, version) = 'end' THEN 'ended'
        WHEN arg_max(type, version) = 'cancel' THEN 'cancelled'
        ELSE 'open'
    END AS status,
    max(version) AS versions
FROM alerts LEFT JOIN standing USING (incident)
GROUP BY incident
"""
"""One row an incident. An official warning that is over at some of its places stands while it does
at one, and at the highest level there: each place has the last entry that spoke of it."""

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


_MAY_LIST = re.compile(r"from|show|desc")
"""As letters anywhere, too. All views together take half a second to make."""


def named(sql: str) -> set[str]:
    """The tables that a query may read: those it names, and what they are made of."""
    return made_of(asked(sql))


def asked(sql: str) -> set[str]:
    """The tables that a query names, or may list.

    It looks for the names as letters anywhere, so it may find too many and never too few. Where
    it finds none, it is all of them if the query may ask which there are (``SHOW TABLES``).
    """
    text = sql.lower()
    known = {*DATASETS, *VIEWS}
    found = {name for name in known if name in text}
    return known if not found and _MAY_LIST.search(text) else found


def made_of(tables: set[str]) -> set[str]:
    """These tables, and what they are made of."""
    return tables.union(*(_MADE_OF.get(name, set()) for name in tables))
