"""Merging what stations said into GOLD: each report's rows, and what counts of all of them.

Two datasets have the same partitions (a network and a UTC day). `station_reports` keeps what each
report said, with its revision and with the counters of consoles: a correction, a deletion or an
upload that comes late needs them. `station_readings` is made of it: one row a station, source,
instant and period, what was withdrawn is gone, and counters have become rain. Merging the same rows
twice, or in another order, changes nothing.
"""

# The SQL here is put together from GOLD's own names, and ids are quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from atalaia.domain.alert import instant
from atalaia.domain.fold import DAY_S
from atalaia.domain.reading import Ints
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReadings, StationsDecoded, Withdrawal
from atalaia.domain.variable import CATALOGUE
from atalaia.lake.gold import (
    STATION_COLUMNS,
    STATION_READING_COLUMNS,
    STATION_READINGS,
    STATION_REPORTS,
    STATIONS,
)
from atalaia.lake.merge import (
    PARQUET,
    Merged,
    RowRefused,
    UnreadableGold,
    Workshop,
    all_but,
    enum_of,
    from_rows,
    workshop,
)
from atalaia.lake.raw import folder_name
from atalaia.ports import Lake
from atalaia.sources.pws import rain

_VALUES = (*CATALOGUE, *rain.COLUMNS)

_REACHES_DAYS = -(-rain.LONGEST_S // DAY_S)
"""A counter is held against one of so many days before, at most."""

_Withdrawn = dict[int, int]
"""By the number of a report: up to which revision its rows no longer hold."""

_decode_withdrawn = msgspec.json.Decoder(_Withdrawn).decode
_decode_station = msgspec.json.Decoder(Station).decode


def merge_stations(lake: Lake, parts: Sequence[StationsDecoded]) -> tuple[Merged, list[RowRefused]]:
    """Fold what instruments said into GOLD, partition by partition; set aside, and return, what
    cannot be written of it."""
    told = StationsDecoded.concat(parts)
    done, refused = all_but(told, lambda some: _merge_told(lake, some), _halves, _refused)
    return Merged.sum(done), refused


def _merge_told(lake: Lake, told: StationsDecoded) -> Merged:
    if not (len(told.readings) or told.stations or told.withdrawn):
        return Merged(0, 0)
    done = []
    with workshop(lake) as shop:
        _merge_known(shop, told)
        for network, readings, withdrawn in _by_network(told):
            done.append(_merge_network(shop, network, readings, withdrawn))
    return Merged.sum(done)


def _halves(told: StationsDecoded) -> list[StationsDecoded]:
    """Stations, what is withdrawn and rows apart, and then each of these in halves: none of one."""
    rows, no_rows = told.readings, StationReadings.empty()
    kinds = [
        *([StationsDecoded(no_rows, stations=told.stations)] if told.stations else []),
        *([StationsDecoded(no_rows, withdrawn=told.withdrawn)] if told.withdrawn else []),
        *([StationsDecoded(rows)] if len(rows) else []),
    ]
    if len(kinds) > 1:
        return kinds
    half = (len(told.stations) + len(told.withdrawn) + len(rows)) // 2
    if half == 0:
        return []
    at = np.arange(len(rows))
    return [
        StationsDecoded(part, told.stations[some], [], told.withdrawn[some])
        for part, some in (
            (_named(rows.take(at < half)), slice(half)),
            (_named(rows.take(at >= half)), slice(half, None)),
        )
    ]


def _named(rows: StationReadings) -> StationReadings:
    """The same rows without the names of others: one of those may be what cannot be written."""
    stations, station = np.unique(rows.station, return_inverse=True)
    sources, source = np.unique(rows.source, return_inverse=True)
    return replace(
        rows,
        station=station.astype(np.int32),
        source=source.astype(np.int16),
        stations=tuple(rows.stations[code] for code in stations.tolist()),
        sources=tuple(rows.sources[code] for code in sources.tolist()),
    )


def _refused(told: StationsDecoded, error: Exception) -> RowRefused:
    """What cannot be written: a row by its time, a station, or what is withdrawn."""
    why = type(error).__name__
    for station in told.stations:
        return RowRefused(station.id.partition(":")[0], f"a station: {why}")
    for each in told.withdrawn:
        return RowRefused(each.source, f"what is withdrawn: {why}")
    rows = told.readings
    return RowRefused(rows.sources[int(rows.source[0])], f"valid at {int(rows.valid_at[0])}: {why}")


# Stations


def _known(shop: Workshop, key: str) -> dict[str, Station]:
    if not shop.lake.keys(key):
        return {}
    file = str(shop.lake.path(key)).replace("'", "''")
    with _told(key):
        rows = shop.con.execute(f"SELECT station FROM read_parquet('{file}')").fetchall()
        stations = [_decode_station(text) for (text,) in rows]
    return {station.id: station for station in stations}


def _merge_known(shop: Workshop, told: StationsDecoded) -> None:
    """Put what is new of stations into their file."""
    key = f"{STATIONS}stations.parquet"
    before = _known(shop, key)
    known = learnt(before, told)
    if known == before:
        return
    columns = {**STATION_COLUMNS, "station": "VARCHAR"}
    rows = [_station_row(known[name]) for name in sorted(known)]
    out = shop.folder / "stations.parquet"
    names = ", ".join(f'"{name}"' for name in columns)
    source = from_rows(shop, columns, rows)
    shop.con.execute(f"COPY (SELECT {names} FROM {source}) TO '{out}' {PARQUET}")
    shop.lake.write(key, out.read_bytes())


def learnt(known: dict[str, Station], told: StationsDecoded) -> dict[str, Station]:
    """The stations with what was told of them, and what their reports teach."""
    stations = dict(known)
    for each in told.stations:
        before = stations.get(each.id)
        stations[each.id] = each if before is None else before.told(each)
    rows = told.readings.take(told.readings.is_newest_word())
    reports = np.unique(np.stack((rows.station, rows.valid_at, rows.known_at), 1), axis=0)
    for number, valid_at, known_at in reports.tolist():
        name = rows.stations[number]
        if name in stations:
            stations[name] = stations[name].heard(valid_at, known_at)
    return stations


def _station_row(station: Station) -> dict[str, Any]:
    last = station.last_valid_at
    return {
        "station_id": station.id,
        "wigos_id": station.wigos_id,
        "name": station.name or None,
        "latitude": station.latitude,
        "longitude": station.longitude,
        "elevation_m": station.elevation_m,
        "kind": station.kind,
        "interval_s": station.interval_s,
        "clock_offset_s": station.clock_offset_s,
        "last_valid_at": None if last is None else instant(last),
        "station": msgspec.json.encode(station).decode(),
    }


# Readings


def _by_network(told: StationsDecoded) -> Iterable[tuple[str, StationReadings, _Withdrawn]]:
    """The rows of each network, and what is withdrawn of it."""
    rows = told.readings
    networks = [source.partition(":")[0] for source in rows.sources]
    names = sorted(set(networks)) if len(rows) else []
    withdrawn: dict[str, _Withdrawn] = {}
    for each in told.withdrawn:
        known = withdrawn.setdefault(each.source.partition(":")[0], {})
        known[each.report] = max(each.revision, known.get(each.report, each.revision))
    names = sorted({*names, *withdrawn})
    of_source = np.array([names.index(name) if name in names else -1 for name in networks])
    for number, name in enumerate(names):
        yield name, rows.take(of_source[rows.source] == number), withdrawn.get(name, {})


def _merge_network(
    shop: Workshop, network: str, new: StationReadings, withdrawn: _Withdrawn
) -> Merged:
    held = _withdraw(shop, network, withdrawn)
    days = set(np.unique(new.valid_at // DAY_S).tolist()) | _days_of(shop, network, withdrawn)
    changed = set()
    for day in sorted(days):
        mine = new.take(new.valid_at // DAY_S == day)
        before = _read(shop, _key(STATION_REPORTS, network, day))
        rows = StationReadings.concat([before, mine]).told()
        if not _is_same(rows, before):
            _write(shop, _key(STATION_REPORTS, network, day), rows, is_report=True)
            changed.add(day)
        elif withdrawn:
            changed.add(day)
    done = Merged(0, 0)
    for day in sorted({day + after for day in changed for after in range(_REACHES_DAYS + 1)}):
        seen = _seen(shop, network, day, held)
        key = _key(STATION_READINGS, network, day)
        if seen is None or _is_same(seen, _read(shop, key)):
            continue
        _write(shop, key, seen, is_report=False)
        done = Merged(done.rows + len(seen), done.partitions + 1)
    return done


def _seen(shop: Workshop, network: str, day: int, withdrawn: _Withdrawn) -> StationReadings | None:
    """What counts of a day's reports; None: there are none."""
    told = _read(shop, _key(STATION_REPORTS, network, day))
    if len(told) == 0:
        return None
    gone = [Withdrawal(network, report, revision) for report, revision in withdrawn.items()]
    counts = told.without(gone).settled()
    if any(name in told.values for name in rain.COLUMNS):
        days = [day - back for back in range(_REACHES_DAYS, 0, -1)]
        before = [_read(shop, _key(STATION_REPORTS, network, each)) for each in days]
        earlier = StationReadings.concat(before).without(gone).settled()
        rows, _ = rain.Gauges().rain(StationReadings.concat([earlier, counts]))
        counts = rows.take(rows.valid_at // DAY_S == day).settled()
    station = _words(counts.stations, counts.station)
    source = _words(counts.sources, counts.source)
    order = np.lexsort((counts.period_s, counts.valid_at, source, station))
    nothing = np.zeros(len(counts), np.int64)
    known_at = counts.valid_at[order]
    return replace(counts.take(order), report=nothing, revision=nothing, known_at=known_at)


def _withdraw(shop: Workshop, network: str, new: _Withdrawn) -> _Withdrawn:
    """All that was ever withdrawn of a network, what is new kept with it."""
    key = f"{STATION_REPORTS}network={folder_name(network)}/withdrawn.json"
    known = _decode_withdrawn(shop.lake.read(key)) if shop.lake.keys(key) else {}
    all_of_it = {**known, **{n: max(r, known.get(n, r)) for n, r in new.items()}}
    if all_of_it != known:
        shop.lake.write(key, msgspec.json.encode(all_of_it))
    return all_of_it


def _days_of(shop: Workshop, network: str, withdrawn: _Withdrawn) -> set[int]:
    """The days of which the network has rows of these reports."""
    prefix = f"{STATION_REPORTS}network={folder_name(network)}/date="
    files = shop.lake.keys(prefix) if withdrawn else []
    if not files:
        return set()
    listed = ", ".join(_quoted(str(shop.lake.path(key))) for key in files)
    reports = ", ".join(str(report) for report in withdrawn)
    with _told(prefix):
        rows = shop.con.execute(
            f"SELECT DISTINCT epoch_us(valid_at) // {DAY_S * 1_000_000}"
            f" FROM read_parquet([{listed}], union_by_name=true) WHERE report IN ({reports})"
        ).fetchall()
    return {int(day) for (day,) in rows}


def _key(prefix: str, network: str, day: int) -> str:
    date = datetime.fromtimestamp(day * DAY_S, UTC)
    name = prefix.strip("/").rpartition("/")[2]
    return f"{prefix}network={folder_name(network)}/{date:date=%Y-%m-%d}/{name}.parquet"


def _read(shop: Workshop, key: str) -> StationReadings:
    """A file of reports or of readings; what it has no column of is absent."""
    if not shop.lake.keys(key):
        return StationReadings.empty()
    with _told(key):
        return _rows_of(shop, key)


@contextmanager
def _told(key: str) -> Iterator[None]:
    """What cannot be read of GOLD says nothing of the rows that are new."""
    try:
        yield
    except (duckdb.Error, msgspec.MsgspecError) as error:
        raise UnreadableGold(f"{key}: {error}") from error


def _rows_of(shop: Workshop, key: str) -> StationReadings:
    file = _quoted(str(shop.lake.path(key)))
    there = {row[0] for row in shop.con.execute(f"DESCRIBE FROM read_parquet({file})").fetchall()}
    names = [name for name in _VALUES if name in there]
    reported = (
        "epoch_us(received_at) // 1000000 AS known_at, report, revision"
        if "report" in there
        else "epoch_us(valid_at) // 1000000 AS known_at, 0::BIGINT AS report, 0::BIGINT AS revision"
    )
    columns = shop.con.execute(
        f"SELECT station_id, source, epoch_us(valid_at) // 1000000 AS valid_at, period_s,"
        f" {reported}, {', '.join(names)} FROM read_parquet({file}, hive_partitioning = false)"
    ).fetchnumpy()
    stations, station = np.unique(columns["station_id"].astype(str), return_inverse=True)
    sources, source = np.unique(columns["source"].astype(str), return_inverse=True)
    values = {name: np.ma.filled(columns[name], np.nan) for name in names}
    return StationReadings(
        station=station.astype(np.int32),
        source=source.astype(np.int16),
        valid_at=columns["valid_at"].astype(np.int64),
        known_at=columns["known_at"].astype(np.int64),
        period_s=columns["period_s"].astype(np.int32),
        report=columns["report"].astype(np.int64),
        revision=columns["revision"].astype(np.int64),
        values={name: column for name, column in values.items() if not np.isnan(column).all()},
        stations=tuple(stations.tolist()),
        sources=tuple(sources.tolist()),
    )


def _write(shop: Workshop, key: str, rows: StationReadings, *, is_report: bool) -> None:
    con, folder, lake = shop
    out = folder / "out.parquet"
    enum_of(con, "station", rows.stations)
    enum_of(con, "origin", rows.sources)
    con.register("part", _columns(rows))
    con.execute(f"COPY (SELECT {_select(rows, is_report)} FROM part) TO '{out}' {PARQUET}")
    con.unregister("part")
    lake.write(key, out.read_bytes())


def _columns(rows: StationReadings) -> dict[str, NDArray[Any]]:
    return {
        "station": rows.station,
        "origin": rows.source,
        "valid_at": rows.valid_at,
        "period_s": rows.period_s,
        "known_at": rows.known_at,
        "report": rows.report,
        "revision": rows.revision,
        **{f"v_{name}": np.ascontiguousarray(column) for name, column in rows.values.items()},
    }


def _select(rows: StationReadings, is_report: bool) -> str:
    expressions = {
        "station_id": "enum_range(NULL::station)[station + 1]::VARCHAR",
        "source": "enum_range(NULL::origin)[origin + 1]::VARCHAR",
        "valid_at": "make_timestamptz(valid_at * 1000000)",
        "period_s": "period_s",
        "received_at": "make_timestamptz(known_at * 1000000)",
        "report": "report",
        "revision": "revision",
    }
    of_values = {
        name: f"v_{name}" if name in rows.values else "NULL::DOUBLE"
        for name in (_VALUES if is_report else CATALOGUE)
    }
    names = [*expressions, *of_values] if is_report else list(STATION_READING_COLUMNS)
    return ", ".join(f'{(expressions | of_values)[name]} AS "{name}"' for name in names)


def _is_same(a: StationReadings, b: StationReadings) -> bool:
    """Whether two batches have the same rows in the same order."""
    return (
        len(a) == len(b)
        and np.array_equal(_words(a.stations, a.station), _words(b.stations, b.station))
        and np.array_equal(_words(a.sources, a.source), _words(b.sources, b.source))
        and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for name in ("valid_at", "period_s", "report", "revision", "known_at")
        )
        and all(
            np.array_equal(a.value(name), b.value(name), equal_nan=True)
            for name in {*a.values, *b.values}
        )
    )


def _words(names: tuple[str, ...], codes: Ints) -> NDArray[np.str_]:
    return np.array(names, np.str_)[codes]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
