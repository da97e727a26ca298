"""One question, answered from both layers: GOLD, and what is newer than GOLD.

What GOLD does not hold yet (parts of RAW that wait for refine, payloads that wait for archive,
alerts of the last minutes) is merged exactly as refine would, but into a scratch folder that lies
over GOLD for one query. So the answer is what it would be after the next refine, and the last
second counts as much as the last year.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from atalaia.domain.place import Places
from atalaia.domain.reading import Decode, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.errors import PayloadInvalid
from atalaia.homes import gold, raw
from atalaia.homes.merge import merge_alerts, merge_readings
from atalaia.homes.ports import Lake, Result, Sql, State, Stream

_ROWS_AT_ONCE = 250_000
_PAYLOADS_AT_ONCE = 2_000


class Home(Protocol):
    """What a query needs of a home."""

    @property
    def stream(self) -> Stream:
        """For what is not yet in RAW."""
        ...

    @property
    def state(self) -> State:
        """For how far archive and refine are, and the alert log."""
        ...

    @property
    def lake(self) -> Lake:
        """For RAW and GOLD."""
        ...

    @property
    def sql(self) -> Sql:
        """For the query itself."""
        ...


def query(home: Home, decode: Decode, places: Places, sql: str) -> Result:
    """Run one SELECT over `readings`, `alerts` and `incidents`.

    Take all rows, or close them: they hold a scratch folder and a database. Raises QueryInvalid.
    """
    folder = tempfile.TemporaryDirectory(prefix="atalaia-sql-")
    try:
        over = Overlay(home.lake, Path(folder.name))
        for readings in _newer_readings(home, decode):
            merge_readings(over, readings, places)
        after = home.state.offset(gold.ALERTS_REFINED)
        merge_alerts(over, (entry for _, entry in home.state.alerts(after)))
        files = {
            dataset: [over.path(key) for key in keys]
            for dataset, keys in gold.partition_files(over).items()
        }
        result = home.sql.run(sql, files)
    except BaseException:
        folder.cleanup()
        raise
    return Result(result.columns, _then_clean(result.rows, folder))


def tables() -> dict[str, dict[str, str]]:
    """What can be queried: columns of each view with a word on each, for help and docs."""
    return {
        "readings": {name: _WORDS.get(name) or _unit(name) for name in gold.DATASETS["readings"]},
        "alerts": {name: _WORDS.get(name, "") for name in gold.DATASETS["alerts"]},
        "incidents": dict(_INCIDENT_WORDS),
    }


class Overlay:
    """A lake over another: what is written here hides what lies below, which stays as it is."""

    def __init__(self, below: Lake, folder: Path) -> None:
        self._below = below
        self._folder = folder
        self._written: set[str] = set()

    def write(self, key: str, body: bytes) -> None:
        """See `ports.Lake.write`; gone with the folder."""
        file = self._folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        self._written.add(key)

    def read(self, key: str) -> bytes:
        """See `ports.Lake.read`."""
        return (self._folder / key).read_bytes() if key in self._written else self._below.read(key)

    def keys(self, prefix: str) -> list[str]:
        """See `ports.Lake.keys`."""
        here = {key for key in self._written if key.startswith(prefix)}
        return sorted(here.union(self._below.keys(prefix)))

    def delete(self, key: str) -> None:
        """Forget what was written here; what lies below cannot be deleted from here."""
        self._written.discard(key)

    def path(self, key: str) -> Path | str:
        """See `ports.Lake.path`; not for globs."""
        return self._folder / key if key in self._written else self._below.path(key)


def _newer_readings(home: Home, decode: Decode) -> Iterator[Readings]:
    """Rows that GOLD may lack, a bounded number at a time, in the order of the stream."""
    pending: list[Readings] = []
    rows = 0
    for payloads in _newer_payloads(home):
        readings = decode(payloads, None).readings
        pending.append(readings)
        rows += len(readings)
        if rows >= _ROWS_AT_ONCE:
            yield Readings.concat(pending)
            pending, rows = [], 0
    yield Readings.concat(pending)


def _newer_payloads(home: Home) -> Iterator[list[Any]]:
    # In this order: what archive or refine move on meanwhile is then seen twice, never missed.
    waiting = home.state.load(gold.UNREFINED)
    after = home.state.offset(raw.ARCHIVED)
    for _, key in sorted(waiting.items()):
        try:
            yield from raw.payload_blocks(home.lake.read(key.decode()))
        except (PayloadInvalid, KeyError):
            continue  # refine counts it
    while records := home.stream.read(after, _PAYLOADS_AT_ONCE):
        after = records[-1].offset
        yield [record.payload for record in records]


def _then_clean(
    rows: Iterator[tuple[Any, ...]], folder: tempfile.TemporaryDirectory[str]
) -> Iterator[tuple[Any, ...]]:
    with folder:
        yield from rows


def _unit(variable: str) -> str:
    return CATALOGUE[variable].unit


_WORDS = {
    "place_id": "the place (alerts: or the area)",
    "source": "who said it",
    "kind": "observed, analysis or forecast",
    "valid_at": "the instant, or the end of the period, that the values are of",
    "issued_at": "when a forecast was made; where the source does not say: first received",
    "has_run_time": "of a forecast: whether the source said when it was made",
    "received_at": "when the values became known",
    "period_s": "length of the period of sums, in seconds",
    "date": "UTC day of valid_at (alerts: of sent_at); name it in WHERE to read less",
    "incident": "key of the incident",
    "version": "1, 2, 3 … within the incident",
    "type": "alert, update, step, end or cancel",
    "hazard": "what kind of weather, or cannot_see",
    "level": "watch, yellow, orange or red",
    "severity": "the level in CAP's words",
    "urgency": "CAP: Immediate, Expected, Future, Past",
    "certainty": "CAP: Observed, Likely, Possible",
    "sent_at": "when it was decided",
    "onset_at": "when the condition began, or is forecast to",
    "expires_at": "when it expires if nothing more is seen",
    "evidence": "observed, analysis or forecast",
    "variable": "what was measured",
    "window_s": "over how many seconds; 0: an instant",
    "value": "the value that decided",
    "unit": "its unit",
    "limit": 'the limit it passed (a word of SQL: write it as "limit")',
    "rule": "the rule that decided",
    "reason": "onset, escalated, eased, certainty, step, ended, expired, withdrawn, rule changed",
    "text_pt_br": "what people are told, in Portuguese",
    "text_en": "in English",
    "text_es": "in Spanish",
    "places": "ids of the places that it concerns",
    "opened_at": "event time at which the incident first passed a limit",
    "rule_hash": "of the rule that decided, as it then stood",
    "peak_level": "the highest level of the incident so far",
    "peak": "its worst value so far",
    "peak_at": "when that was",
}

_INCIDENT_WORDS = {
    "incident": "key of the incident",
    "hazard": "what kind of weather, or cannot_see",
    "place_id": "the place or area",
    "opened_at": "event time at which it first passed a limit",
    "level": "the level of its last entry",
    "peak_level": "the highest level it had",
    "peak_value": "the value at its worst",
    "unit": "the unit of that",
    "peak_at": "when that was",
    "onset_at": "when the condition began, as last told",
    "last_sent_at": "sent_at of its last entry",
    "ended_at": "sent_at of its end; null while it is open",
    "status": "open, ended, cancelled or expired",
    "versions": "how many entries it has",
}
