"""One entry of an incident's life in the alert log, and its form as a line of NDJSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, get_args

import msgspec

from atalaia.domain.official import Official
from atalaia.domain.score import Because

Instant = Annotated[int, msgspec.Meta(extra={"format": "date-time"})]
"""Unix seconds; what is written for others has it in ISO 8601."""

AlertType = Literal["alert", "update", "step", "end", "cancel"]


class Alert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What changed in one incident, why, and the value that decided it.

    incident    key of the incident: hash of hazard, place or area, and opened_at
    version     1, 2, 3 … within the incident
    type        alert (exactly one an incident), update, step, end, cancel
    place_id    the place; the area's name for area rules; for cannot_see the one place, or the
                source's name where several places are listed
    hazard, level, severity    level that holds from now on; on end and cancel, that it had
    urgency     CAP: Immediate, Expected (within an hour), Future, Past
    certainty   CAP: Observed, Likely (analysis), Possible (forecast)
    sent_at     when it was decided; in a replay, the known time of the row that decided it
    onset_at    when the condition began, or is forecast to
    expires_at  when the incident turns expired if nothing more is seen; None for cannot_see
    evidence    observed, analysis, forecast: of the value below
    source      whose value
    valid_at    of the value (cannot_see: of the last usable value); never None
    variable, window_s, value, unit, limit    what was measured over how long (0: an instant),
                and the limit it passed; None for cannot_see
    rule        the rule that decided
    reason      onset, escalated, eased, certainty, step, ended, expired, withdrawn, rule changed
    text        for people, by language
    """

    incident: str
    version: int
    type: AlertType
    place_id: str
    hazard: str
    level: str
    severity: str
    urgency: str
    certainty: str
    sent_at: Instant
    onset_at: Instant | None
    expires_at: Instant | None
    evidence: str
    source: str
    valid_at: Instant
    variable: str | None
    window_s: int | None
    value: float | None
    unit: str | None
    limit: float | None
    rule: str
    reason: str
    text: dict[str, str]

    @property
    def is_over(self) -> bool:
        """Whether nothing of its incident stands any more."""
        return is_last(self.type)

    @property
    def status(self) -> str:
        """How its incident stands: open, ended, cancelled, or expired (nobody can see it)."""
        if self.reason == "expired":
            return "expired"
        return {"end": "ended", "cancel": "cancelled"}.get(self.type, "open")


def is_last(type_: str) -> bool:
    """Whether an entry of this type ends its incident."""
    return type_ in ("end", "cancel")


class Moved(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How far an incident's peak by one rule came since the last entry: from `low` up to `high`.

    `is_below`: small values are the dangerous ones, and `low` is above `high`. `low` is None in
    the incident's first entry by this rule. `chance`: of what so many of 100 runs of an ensemble
    reach; 0: of what the rule goes by.
    """

    variable: str
    window_s: int
    is_below: bool
    low: float | None
    high: float
    chance: int = 0

    @property
    def what(self) -> str:
        """What it is the peak of."""
        return limited(self.variable, self.chance)


def moved_through(before: Sequence[Moved], then: Sequence[Moved]) -> tuple[Moved, ...]:
    """How far each peak came by both, the one after the other."""
    found = {(one.what, one.window_s, one.is_below): one for one in before}
    for one in then:
        key = one.what, one.window_s, one.is_below
        low = found[key].low if key in found else one.low
        found[key] = msgspec.structs.replace(one, low=low)
    return tuple(found.values())


def limited(variable: str, chance: int) -> str:
    """What people's own limits are of: a variable, or what so many of 100 runs reach of it
    (``rain_mm 30%``)."""
    return f"{variable} {chance}%" if chance else variable


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An alert as the log keeps it: with what a line of NDJSON has no room for.

    places      ids that this entry concerns: one for a weather incident, an area's places for
                an area rule, and for cannot_see those that turned blind (alert, update) or can
                be seen again (update, end)
    opened_at   event time at which the incident left pending
    rule_hash   of the rule that decided, as it then stood
    peak_level, peak, peak_at    the running peak of the incident; None for cannot_see
    moved       the peak of each rule that passed somebody's own limit, or could have
    official    the warning that it passes on, in its issuer's words; None: it is our own
    is_late     the value came after newer ones of its source
    still_blind    of cannot_see: places that its source was and stays silent for
    still       of an official warning: other places over which it stands after this entry, which
                speaks of `places` alone
    measure, is_below    of the rule that decided: what was measured (`domain.rule.Measure`), and
                whether small values are the dangerous ones
    stands_for  the variable that the alert's was judged in place of; empty: none
    station, station_km    name of the instrument whose value it is, and how far from the place it
                stands; empty: the source is no instrument
    is_alone    one instrument alone says so, and would otherwise raise a higher level
    has_holes   a sum of an instrument over a time of which not all was told: it may be more
    because     of a score: the terms that weighed most in its value
    linked      incidents about the same weather at one of these places, official or our own, that
                were open when this was decided: who was told of one reads this in its thread
    """

    alert: Alert
    places: tuple[str, ...]
    opened_at: Instant
    rule_hash: str = ""
    peak_level: str | None = None
    peak: float | None = None
    peak_at: Instant | None = None
    moved: tuple[Moved, ...] = ()
    official: Official | None = None
    linked: tuple[str, ...] = ()
    is_late: bool = False
    still_blind: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    measure: str = "value"
    is_below: bool = False
    stands_for: str = ""
    station: str = ""
    station_km: float | None = None
    is_alone: bool = False
    has_holes: bool = False
    because: tuple[Because, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether its incident stands nowhere any more."""
        return self.alert.is_over and not self.still


@lru_cache(maxsize=4096)
def instant(seconds: int) -> str:
    """Unix seconds as ISO 8601 in UTC with a numeric offset, as CAP wants: never ``Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@lru_cache(maxsize=65_536)
def seconds_of(text: str) -> int:
    """The inverse of `instant`, for any ISO 8601 with an offset; ValueError where it has none.

    Many entries share one.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        # It would be of the zone of the machine that happens to read it.
        raise ValueError(f"{text!r} has no offset from UTC; write 2018-02-15T00:40:00-02:00")
    return int(moment.timestamp())


@cache
def instants_of(struct: type[msgspec.Struct]) -> frozenset[str]:
    """The fields of a struct that are an `Instant`."""
    fields = msgspec.structs.fields(struct)
    return frozenset(f.name for f in fields if Instant in (f.type, *get_args(f.type)))


def iso_fields(struct: msgspec.Struct) -> dict[str, Any]:
    """The fields in their order, as JSON has them: instants in ISO 8601."""
    fields = msgspec.structs.asdict(struct)
    for name in instants_of(type(struct)):
        if fields[name] is not None:
            fields[name] = instant(fields[name])
    return fields


def to_line(alert: Alert) -> bytes:
    """One line of NDJSON without the newline, keys in the order of the fields."""
    return msgspec.json.encode(iso_fields(alert))


def entry_line(entry: LogEntry) -> bytes:
    """A line of an alerts file: `to_line`, and last `places`, the ids that the entry speaks of."""
    return b'%b,"places":%b}' % (to_line(entry.alert)[:-1], msgspec.json.encode(entry.places))


def from_line(line: bytes) -> Alert:
    """The inverse of `to_line`. Raises msgspec.MsgspecError, ValueError."""
    fields = msgspec.json.decode(line, type=dict[str, Any])
    return msgspec.convert(_with_seconds(fields, Alert), Alert)


_RARE = {
    "is_late": False,
    "still_blind": (),
    "still": (),
    "measure": "value",
    "is_below": False,
    "stands_for": "",
    "station": "",
    "station_km": None,
    "is_alone": False,
    "has_holes": False,
    "because": (),
}
"""What is written of an entry only where there is something to say."""


def encode_entry(entry: LogEntry) -> bytes:
    """An entry as the log and RAW keep it: JSON, instants in ISO 8601."""
    fields = iso_fields(entry) | {"alert": iso_fields(entry.alert)}
    for name, usual in _RARE.items():
        if fields[name] == usual:
            del fields[name]
    return msgspec.json.encode(fields)


def decode_entry(body: bytes | str) -> LogEntry:
    """The inverse of `encode_entry`. Raises msgspec.MsgspecError, ValueError."""
    fields = msgspec.json.decode(body, type=dict[str, Any])
    alert = msgspec.convert(fields.get("alert"), dict[str, Any])
    fields["alert"] = _with_seconds(alert, Alert)
    return msgspec.convert(_with_seconds(fields, LogEntry), LogEntry)


def _with_seconds(fields: dict[str, Any], struct: type[msgspec.Struct]) -> dict[str, Any]:
    for name in instants_of(struct):
        if isinstance(fields.get(name), str):
            fields[name] = seconds_of(fields[name])
    return fields
