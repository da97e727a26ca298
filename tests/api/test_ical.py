"""The calendar of what is going on or foretold, read as a calendar program reads it."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.api.alert_view import AlertView
from atalaia.api.ical import LONGEST, CalendarEvent, calendar, escaped, folded
from atalaia.domain.alert import LogEntry
from oracles import cases
from telling import life

from .test_cap import PLACES, T0, an_alert, entry_of

SENDER = "alerts@example.org"


def unfolded(body: bytes) -> list[str]:
    """RFC 5545, 3.1: a line that begins with a space goes on from the one before."""
    text = body.decode()
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def plain(text: str) -> str:
    """RFC 5545, 3.3.11, read by hand."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], text)


def shown(entry: LogEntry) -> CalendarEvent:
    return CalendarEvent(entry, entry)


def events(body: bytes) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for line in unfolded(body):
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found:
            found[-1].setdefault(name, value)
    return found


def test_an_incident_is_an_event_from_its_onset_to_its_expiry_at_its_place() -> None:
    alert = an_alert(evidence="forecast", onset_at=T0 + 7200, expires_at=T0 + 10_800)
    (event,) = events(calendar([shown(entry_of(alert))], "en", PLACES, SENDER))
    assert event["UID"] == "00ff00ff00ff00ff@example.org"
    assert (event["DTSTAMP"], event["DTSTART"], event["DTEND"]) == (
        "20260110T120000Z",
        "20260110T140000Z",
        "20260110T150000Z",
    )
    assert event["SUMMARY"] == "Rain"
    assert plain(event["DESCRIPTION"]) == "Rain. More."
    assert (event["LOCATION"], event["GEO"]) == ("Porto Alegre", "-30.03180;-51.20650")
    assert (event["STATUS"], event["PRIORITY"]) == ("TENTATIVE", "3")


def test_what_is_seen_is_confirmed_and_a_later_version_replaces_the_event() -> None:
    first, then = an_alert(evidence="forecast"), an_alert(version=2, type="update")
    one, other = (
        events(calendar([shown(entry_of(a))], "en", PLACES, SENDER))[0] for a in (first, then)
    )
    assert one["UID"] == other["UID"]
    assert (one["SEQUENCE"], other["SEQUENCE"]) == ("1", "2")
    assert (one["STATUS"], other["STATUS"]) == ("TENTATIVE", "CONFIRMED")


@pytest.mark.parametrize("seed", range(cases(60)))
def test_a_later_revision_has_a_higher_sequence_whatever_part_of_it_is_shown(seed: int) -> None:
    """RFC 5545, 3.8.7.4: it is never less, and of each revision of significance it is more."""
    view, before = AlertView(), ("0", "")
    for seq, entry in enumerate(life(random.Random(seed)), start=1):
        view.take([(seq, entry)])
        now = view.now
        found = [CalendarEvent(one[1], new) for one, new in zip(now.open, now.newest, strict=True)]
        (event,) = events(calendar(found, "en", PLACES, SENDER))
        after = event["SEQUENCE"], event["DTSTAMP"]
        assert (int(after[0]), after[1]) > (int(before[0]), before[1])
        assert after[1] > before[1]
        before = after


def test_an_event_without_a_known_end_or_onset_still_has_a_length() -> None:
    alert = an_alert(onset_at=None, expires_at=None)
    (event,) = events(calendar([shown(entry_of(alert))], "en", PLACES, SENDER))
    assert (event["DTSTART"], event["DTEND"]) == ("20260110T120000Z", "20260110T130000Z")


def test_an_area_names_its_places_and_has_no_single_point() -> None:
    (event,) = events(
        calendar([shown(entry_of(an_alert(), "4314902", "p", "gone"))], "en", PLACES, SENDER)
    )
    assert plain(event["LOCATION"]) == "Porto Alegre, Ólafsfjörður"
    assert "GEO" not in event


def test_no_incident_is_a_calendar_all_the_same() -> None:
    lines = unfolded(calendar([], "pt-BR", PLACES, SENDER))
    assert lines[:2] == ["BEGIN:VCALENDAR", "VERSION:2.0"]
    assert lines[-1] == "END:VCALENDAR"
    assert not any("VEVENT" in line for line in lines)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=300))
def test_whatever_is_written_no_line_is_too_long_and_nothing_is_lost(text: str) -> None:
    line = f"SUMMARY:{escaped(text)}"
    pieces = folded(line).split("\r\n")
    assert all(len(piece.encode()) <= LONGEST for piece in pieces)
    assert pieces[0] + "".join(piece[1:] for piece in pieces[1:]) == line
    assert plain(line.removeprefix("SUMMARY:")) == text


@given(st.text(max_size=100))
def test_no_text_can_begin_a_line_of_its_own(text: str) -> None:
    texts = {"en": f"{text}\r\nEND:VEVENT\nBEGIN:VEVENT"}
    body = calendar([shown(entry_of(an_alert(text=texts)))], "en", PLACES, SENDER)
    assert len(events(body)) == 1
