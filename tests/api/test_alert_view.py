"""The alert log at hand shows what the log says last, however it was taken up."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.api import alert_view
from atalaia.api.alert_view import AlertView
from atalaia.api.incidents import SHOWN, alert_line, incident_body, with_entries
from atalaia.domain.alert import LogEntry, from_line
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.in_part import places_under
from telling import NOON, news

Numbered = tuple[int, LogEntry]

FEW = settings(max_examples=30)

LEVELS = ("watch", "yellow", "orange", "red")
PLACES = ("recife", "natal", "poa")


def weather(incident: str, version: int, kind: str, level: str, place: str) -> LogEntry:
    hazard = "wind" if incident in "bd" else "heavy_rain"
    reason = {"end": "ended", "cancel": "withdrawn", "expired": "expired"}.get(kind, "escalated")
    type_ = "end" if kind == "expired" else "alert" if version == 1 else kind
    return news(
        incident, version, type_, level=level, place=place, hazard=hazard, reason=reason,
        at=NOON + version,
    )  # fmt: skip


@st.composite
def logs(draw: st.DrawFn) -> list[Numbered]:
    """A log of up to five incidents, each at one place; what expired may go on."""
    lives: dict[str, tuple[int, bool]] = {}
    log: list[Numbered] = []
    seq = 0
    for incident in draw(st.lists(st.sampled_from("abcde"), max_size=30)):
        version, is_finished = lives.get(incident, (0, False))
        if is_finished:
            continue
        kind = draw(st.sampled_from(("update", "step", "end", "cancel", "expired")))
        version += 1
        place = PLACES["abcde".index(incident) % 3]
        entry = weather(incident, version, kind, draw(st.sampled_from(LEVELS)), place)
        lives[incident] = version, entry.alert.is_over and entry.alert.reason != "expired"
        seq += draw(st.integers(1, 3))
        log.append((seq, entry))
    return log


def last_words(log: Sequence[Numbered]) -> dict[str, tuple[int, Numbered]]:
    """By incident, the oldest number and the newest entry; the plainest way."""
    found: dict[str, tuple[int, Numbered]] = {}
    for seq, entry in log:
        first = found[entry.alert.incident][0] if entry.alert.incident in found else seq
        found[entry.alert.incident] = first, (seq, entry)
    return found


def taken(log: Sequence[Numbered], cuts: Sequence[int] = (), **more: int) -> AlertView:
    """A view that took the log up in parts, each of them twice, as a restarted follower does."""
    view = AlertView(**more)
    edges = [0, *sorted(cut % (len(log) + 1) for cut in cuts), len(log)]
    for begin, end in itertools.pairwise(edges):
        view.take(log[begin:end])
        view.take(log[begin:end])
    return view


@FEW
@given(logs(), st.lists(st.integers(0, 40), max_size=4))
def test_rows_are_the_last_words_of_each_incident_newest_first(
    log: list[Numbered], cuts: list[int]
) -> None:
    view, words = taken(log, cuts), last_words(log)
    newest_first = sorted(words.items(), key=lambda one: -one[1][0])
    rows = list(view.rows())
    assert [(row.key, row.number, row.seq) for row in rows] == [
        (key, first, seq) for key, (first, (seq, _)) in newest_first
    ]
    for row in rows:
        seq, entry = words[row.key][1]
        assert row.body == incident_body(seq, entry)
        assert row.is_open == (not entry.alert.is_over)
        assert view.get(row.key) == row


@FEW
@given(
    logs(),
    st.sampled_from((None, True, False)),
    st.sampled_from((None, *PLACES, "nowhere")),
    st.sampled_from((None, "wind", "heavy_rain", "fog")),
    st.integers(0, 4),
    st.one_of(st.none(), st.integers(0, 60)),
)
def test_a_list_holds_what_was_asked_for_and_all_of_it(
    log: list[Numbered],
    is_open: bool | None,
    place: str | None,
    hazard: str | None,
    level: int,
    before: int | None,
) -> None:
    wanted = [
        key
        for key, (first, (_, e)) in sorted(last_words(log).items(), key=lambda one: -one[1][0])
        if is_open in (None, not e.alert.is_over)
        and place in (None, e.alert.place_id)
        and hazard in (None, e.alert.hazard)
        and LEVEL_OF[e.alert.level] >= level
        and (before is None or first < before)
    ]
    asked = {"is_open": is_open, "place": place, "hazard": hazard, "level": level, "before": before}
    assert [row.key for row in taken(log).rows(**asked)] == wanted  # type: ignore[arg-type]


@FEW
@given(logs())
def test_pages_of_a_list_make_the_whole_list_however_the_log_grows_meanwhile(
    log: list[Numbered],
) -> None:
    """A cursor is the number of an incident's first entry, which nothing changes."""
    half = len(log) // 2
    view = taken(log[:half])
    first_page = [row.key for row in view.rows()][:2]
    at = next((row.number for row in view.rows() if row.key == first_page[-1:][0]), None)
    view.take(log[half:])
    rest = [row.key for row in view.rows(before=at)] if at is not None else []
    known = [key for key, _ in sorted(last_words(log[:half]).items(), key=lambda o: -o[1][0])]
    assert first_page + rest == known


@FEW
@given(logs())
def test_levels_and_counts_are_of_what_is_open(log: list[Numbered]) -> None:
    view = taken(log)
    standing = [e.alert for _, (_, e) in last_words(log).values() if not e.alert.is_over]
    for place in PLACES:
        worst: dict[str, str] = {}
        for alert in (a for a in standing if a.place_id == place):
            worst[alert.hazard] = max(
                alert.level, worst.get(alert.hazard, "none"), key=LEVEL_OF.__getitem__
            )
        assert view.levels(place) == worst
    levels = [alert.level for alert in standing]
    assert view.counts() == {word: levels.count(word) for word in LEVELS}


@FEW
@given(logs(), st.lists(st.integers(0, 40), max_size=4))
def test_a_snapshot_holds_what_is_open_by_its_newest_entry_and_the_newest_of_all(
    log: list[Numbered], cuts: list[int]
) -> None:
    now = taken(log, cuts).now
    words = [one for _, one in last_words(log).values() if not one[1].alert.is_over]
    assert list(now.open) == sorted(words, key=lambda one: one[0])
    assert list(now.recent) == log[::-1]
    assert now.seq == (log[-1][0] if log else 0)


@FEW
@given(logs(), st.one_of(st.none(), st.integers(0, 100)), st.integers(1, 10))
def test_the_log_is_followed_by_number(log: list[Numbered], after: int | None, limit: int) -> None:
    view = taken(log)
    lines = [(seq, alert_line(seq, entry)) for seq, entry in log]
    wanted = lines[-limit:] if after is None else [one for one in lines if one[0] > after][:limit]
    found = view.alerts(after, limit)
    if after is not None and log and log[0][0] > after + 1:
        assert found is None, "what was before the first at hand is not known: the log is asked"
    else:
        assert found == wanted


def test_who_asks_for_more_than_is_at_hand_is_sent_to_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alert_view, "MOST_LINES", 3)
    view = AlertView()
    view.take([(seq, news(f"i{seq}")) for seq in range(1, 7)])
    assert view.alerts(2, 10) is None
    assert [seq for seq, _ in view.alerts(3, 10) or ()] == [4, 5, 6]
    assert view.alerts(6, 10) == view.alerts(99, 10) == []


def test_every_take_is_a_new_version_and_tells_the_places_that_it_touched() -> None:
    view = AlertView()
    assert view.take([(1, news("i1")), (2, news("i2", place="natal"))]) == {"recife", "natal"}
    before = view.version
    assert view.take([(2, news("i2", place="natal"))]) == set(), "it was known"
    assert view.take([(3, news("i1", 2))]) == {"recife"}
    assert view.version == before + 2
    assert view.seq == 3


# What is bounded


@FEW
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 4))
def test_only_so_many_that_are_over_are_at_hand_and_everything_open_is(
    ends: list[bool], most: int
) -> None:
    log: list[Numbered] = []
    for i, has_ended in enumerate(ends):
        log.append((2 * i + 1, news(f"i{i}")))
        if has_ended:
            log.append((2 * i + 2, news(f"i{i}", 2, "end")))
    view = AlertView(most_over=most)
    for one in log:
        view.take([one])
    over = [f"i{i}" for i, has_ended in enumerate(ends) if has_ended]
    assert {row.key for row in view.rows(is_open=True)} == {
        f"i{i}" for i, has_ended in enumerate(ends) if not has_ended
    }
    assert [row.key for row in view.rows(is_open=False)] == (over[-most:] if most else [])[::-1]
    assert [row.key for row in view.rows(place="recife")] == [row.key for row in view.rows()]
    assert all(view.get(key) is None for key in (over[:-most] if most else over))


def test_what_expired_and_went_on_is_not_forgotten_as_what_is_over() -> None:
    view = AlertView(most_over=1)
    view.take([(1, news("a")), (2, news("a", 2, "end", reason="expired"))])
    view.take([(3, news("a", 3, "update"))])
    for i in range(4):
        view.take([(10 + 2 * i, news(f"b{i}")), (11 + 2 * i, news(f"b{i}", 2, "end"))])
    assert [(row.key, row.is_open) for row in view.rows()] == [("b3", False), ("a", True)]
    assert view.levels("recife") == {"heavy_rain": "orange"}


# Beginning in the middle


def shown(view: AlertView, since: int) -> dict[str, object]:
    """What is open or goes on since then."""
    rows = [row for row in view.rows() if row.is_open or row.seq > since]
    return {
        "rows": rows,
        "levels": {place: view.levels(place) for place in PLACES},
        "counts": view.counts(),
        "blind": view.blind,
        "open": view.now.open,
        "seq": view.seq,
        "lines": [one for one in view.alerts(None, 100) or [] if one[0] > since],
    }


@FEW
@given(logs(), st.integers(0, 40), st.integers(0, 90))
def test_who_begins_behind_the_beginning_shows_what_who_read_everything_shows(
    log: list[Numbered], cut: int, after: int
) -> None:
    """Whoever noted where to begin had read up to some entry; more came since."""
    noted = taken(log[:cut])
    after = min(after, noted.seq)
    older = set(noted.older(after))
    view = AlertView()
    view.begin([one for one in log if one[0] in older], after)
    view.take([one for one in log if one[0] > after])
    assert shown(view, after) == shown(taken(log), after)


def test_a_source_that_was_blind_long_ago_and_a_warning_that_stands_in_part_are_begun_with() -> (
    None
):
    blind = news("x", hazard="cannot_see", at=NOON)
    standing = passed_on(2, "end", "yellow", "recife", still=("natal", "poa"))
    log = [(1, blind), (2, passed_on(1, "alert", "red", *PLACES)), (3, standing)]
    log += [(4 + i, news(f"n{i}", at=NOON + i)) for i in range(9)]
    noted = taken(log)
    view = AlertView()
    view.begin([one for one in log if one[0] in noted.older(8)], 8)
    view.take(log[8:])
    assert shown(view, 8) == shown(noted, 8)
    assert view.levels("natal")["heavy_rain"] == "red"
    assert view.alerts(2, 9) is None, "what is older than is at hand is read from the log"


# Official warnings, which are over here and stand there


def passed_on(version: int, type_: str, level: str, *at: str, still: tuple[str, ...] = ()) -> Any:
    entry = news("w", version, type_, level=level, at=NOON + version)
    return msgspec.structs.replace(entry, places=at, still=still)


def test_a_warning_that_is_over_at_some_of_its_places_stands_at_the_others_as_it_was() -> None:
    view = AlertView()
    view.take([(1, passed_on(1, "alert", "red", *PLACES))])
    touched = view.take([(2, passed_on(2, "end", "yellow", "recife", still=("natal", "poa")))])
    assert touched == {"recife"}
    assert view.levels("recife") == {}
    assert view.levels("natal") == view.levels("poa") == {"heavy_rain": "red"}
    row = view.get("w")
    assert row is not None
    assert (row.is_open, row.level, row.places) == (True, 4, ("natal", "poa"))
    assert json.loads(row.body)["status"] == "open"
    ((_, standing),) = view.now.open
    assert standing.places == ("natal", "poa")
    assert standing.alert.type == "alert", "what stands is what was said of it, and no end"
    assert view.counts()["red"] == 1

    assert view.take([(3, passed_on(3, "end", "red", "natal", "poa"))]) == {"natal", "poa"}
    assert view.now.open == ()
    assert all(view.levels(place) == {} for place in PLACES)
    assert [row.is_open for row in view.rows()] == [False]
    assert view.counts()["red"] == 0


def test_a_warning_that_changes_at_one_place_is_at_each_at_the_level_said_of_it() -> None:
    view = AlertView()
    view.take([(1, passed_on(1, "alert", "orange", "recife", "natal"))])
    view.take([(2, passed_on(2, "update", "red", "recife", still=("natal",)))])
    assert view.levels("recife") == {"heavy_rain": "red"}
    assert view.levels("natal") == {"heavy_rain": "orange"}
    row = view.get("w")
    assert row is not None
    assert set(row.places) == {"recife", "natal"}


def test_a_place_that_a_warning_reaches_later_lists_it_by_its_first_number() -> None:
    view = AlertView()
    view.take([(1, passed_on(1, "alert", "orange", "natal")), (2, news("i2"))])
    view.take([(3, passed_on(2, "update", "orange", "recife", still=("natal",)))])
    assert [row.key for row in view.rows(place="recife")] == ["i2", "w"]
    assert [row.key for row in view.rows()] == ["i2", "w"]


# Who cannot be seen


def silent(version: int, type_: str, reason: str, *at: str, source: str = "inmet") -> LogEntry:
    entry = news(
        f"blind-{source}", version, type_, hazard="cannot_see", source=source, reason=reason,
        at=NOON + version, expires_at=None,
    )  # fmt: skip
    return msgspec.structs.replace(entry, places=at, opened_at=NOON)


def test_a_source_is_blind_where_it_was_said_to_be_and_no_longer_where_it_can_be_seen() -> None:
    view = AlertView()
    view.take([(1, silent(1, "alert", "onset", "recife", "natal"))])
    assert (view.blind["inmet"].since, view.blind["inmet"].places) == (NOON, {"recife", "natal"})
    view.take([(2, silent(2, "update", "escalated", "poa"))])
    assert view.blind["inmet"].places == set(PLACES)
    view.take([(3, silent(3, "update", "eased", "natal"))])
    assert (view.blind["inmet"].since, view.blind["inmet"].places) == (NOON, {"recife", "poa"})
    view.take([(4, silent(1, "alert", "onset", "recife", source="gauge"))])
    view.take([(5, silent(4, "end", "ended", "recife", "poa"))])
    assert view.blind.keys() == {"gauge"}


def test_blindness_is_no_weather() -> None:
    view = AlertView()
    view.take([(1, silent(1, "alert", "onset", "recife")), (2, news("i1", level="red"))])
    assert view.levels("recife") == {"heavy_rain": "red"}
    assert view.counts() == {"watch": 0, "yellow": 0, "orange": 0, "red": 1}


# As it is shown


STANDS: list[tuple[LogEntry, str, bool]] = [
    (news(), "open", False),
    (news(version=2, type="end"), "ended", True),
    (news(version=2, type="cancel"), "cancelled", True),
    (news(version=2, type="end", reason="expired"), "expired", True),
    (passed_on(2, "end", "red", "recife", still=("natal",)), "open", False),
]


@pytest.mark.parametrize(("entry", "status", "has_ended"), STANDS)
def test_an_incident_is_shown_with_all_its_fields_as_it_stands(
    entry: LogEntry, status: str, has_ended: bool
) -> None:
    shown = json.loads(incident_body(7, entry))
    assert tuple(shown) == SHOWN
    assert (shown["status"], shown["seq"], shown["versions"]) == (status, 7, entry.alert.version)
    assert (shown["ended_at"] is not None) == has_ended
    assert shown["places"] == list(places_under(entry))
    assert shown["last_sent_at"].endswith("+00:00")


def test_a_life_is_the_incident_with_each_of_its_entries_as_the_log_tells_them() -> None:
    life = [(1, news()), (4, news(version=2)), (9, news(version=3, type="end"))]
    told = json.loads(with_entries(life))
    entries = told.pop("entries")
    assert told == json.loads(incident_body(*life[-1]))
    assert entries == [json.loads(alert_line(*one)) for one in life]
    assert [e["seq"] for e in entries] == [1, 4, 9]


def test_a_line_of_the_log_is_the_alert_with_its_number_and_what_its_value_is_in_words() -> None:
    entry = msgspec.structs.replace(news(), measure="change", is_below=True, stands_for="dew_c")
    line = json.loads(alert_line(12, entry))
    assert line.pop("seq") == 12
    said = [line.pop(name) for name in ("measure", "is_below", "stands_for")]
    assert said == ["change", True, "dew_c"]
    assert from_line(json.dumps(line).encode()) == entry.alert


Asked = Callable[[AlertView], object]


@pytest.mark.parametrize(
    "asked",
    [
        lambda view: view.get("i9"),
        lambda view: list(view.rows(place="atlantis")),
        lambda view: view.levels("atlantis"),
        lambda view: view.alerts(0, 5),
    ],
)
def test_of_what_was_never_told_nothing_is_shown(asked: Asked) -> None:
    assert not asked(AlertView())
