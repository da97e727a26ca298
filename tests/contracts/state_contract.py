"""What every home's state must do. A home's test subclasses this and says how to make one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from atalaia.domain.alert import Alert, LogEntry
from atalaia.domain.payload import Reject
from atalaia.errors import StateConflict
from atalaia.notes import Note
from atalaia.ports import Commit, State

NOON = 1_714_478_400
"""2024-04-30T12:00Z."""


def entry(incident: str, version: int = 1, sent_at: int = NOON) -> LogEntry:
    alert = Alert(
        incident=incident,
        version=version,
        type="alert" if version == 1 else "update",
        place_id="poa",
        hazard="heavy_rain",
        level="orange",
        severity="Severe",
        urgency="Immediate",
        certainty="Observed",
        sent_at=sent_at,
        onset_at=None,
        expires_at=None,
        evidence="observed",
        source="inmet",
        valid_at=NOON,
        variable="rain_mm",
        window_s=86_400,
        value=109.0,
        unit="mm",
        limit=50.0,
        rule="rain-day",
        reason="onset",
        text={"pt-BR": "Chuva forte", "en": "Heavy rain", "es": "Lluvia fuerte"},
    )
    return LogEntry(alert=alert, places=("poa",), opened_at=NOON - 2 * 3600)


def whole(offset: int, consumer: str = "speed") -> Commit:
    """A commit that changes a little of everything."""
    return Commit(
        consumer,
        offset,
        items={"place:poa": b"%d" % offset, f"area:{offset}": b"\x00\xff"},
        entries=[entry(f"incident-{offset}")],
        rejects=[(offset, Reject(source="inmet", reason="bad number", detail="line 9"))],
    )


class StateContract(ABC):
    long = 2500
    """Entries of a log that is read in pieces."""

    @abstractmethod
    def reopened(self) -> State:
        """The same state, opened anew."""

    @pytest.fixture
    def state(self) -> State:
        return self.reopened()

    def test_a_new_state_is_empty(self, state: State) -> None:
        assert state.load() == {}
        assert state.offset("speed") == 0
        assert list(state.alerts()) == []
        assert list(state.rejects()) == []
        assert state.note("budget") is None

    def test_a_commit_is_there_as_a_whole_after_reopening(self, state: State) -> None:
        assert state.commit(whole(7))
        again = self.reopened()
        assert again.offset("speed") == 7
        assert again.load() == {"place:poa": b"7", "area:7": b"\x00\xff"}
        assert [e for _, e in again.alerts()] == [entry("incident-7")]
        assert [(o, r.reason) for _, o, r in again.rejects()] == [(7, "bad number")]

    def test_a_redelivered_commit_changes_nothing(self, state: State) -> None:
        assert state.commit(whole(7))
        assert not state.commit(whole(7))
        older = Commit("speed", 6, items={"place:poa": b"old"}, entries=[entry("other")])
        assert not state.commit(older)
        assert state.load("place:") == {"place:poa": b"7"}
        assert len(list(state.alerts())) == len(list(state.rejects())) == 1
        assert state.offset("speed") == 7

    def test_a_commit_at_offset_zero_is_none(self, state: State) -> None:
        assert not state.commit(whole(0))
        assert state.load() == {}
        assert list(state.alerts()) == []

    def test_a_commit_that_fails_keeps_nothing_of_it(self, state: State) -> None:
        state.commit(whole(1))
        twice = Commit("speed", 2, items={"place:new": b"x"}, entries=[entry("incident-1")])
        with pytest.raises(StateConflict):
            state.commit(twice)  # the alert log has this incident and version already
        assert state.offset("speed") == 1
        assert "place:new" not in state.load()
        assert len(list(state.alerts())) == 1
        assert state.commit(Commit("speed", 2))

    def test_consumers_have_their_own_offsets(self, state: State) -> None:
        state.commit(Commit("speed", 5))
        assert state.offset("archive") == 0
        assert state.commit(Commit("archive", 2))
        assert (state.offset("speed"), state.offset("archive")) == (5, 2)

    def test_none_deletes_an_item(self, state: State) -> None:
        state.commit(Commit("speed", 1, items={"a": b"1", "b": b"2"}))
        state.commit(Commit("speed", 2, items={"a": None, "absent": None}))
        assert state.load() == {"b": b"2"}

    def test_a_prefix_is_taken_letter_by_letter(self, state: State) -> None:
        items = {"place:a": b"1", "place_a": b"2", "places": b"3", "place:é": b"4", "q": b"5"}
        state.commit(Commit("speed", 1, items=items))
        assert state.load("place:") == {"place:a": b"1", "place:é": b"4"}
        assert state.load("place_") == {"place_a": b"2"}
        assert state.load("x") == {}

    def test_the_log_is_read_on_from_a_number(self, state: State) -> None:
        entries = [entry("i", version) for version in range(1, self.long + 1)]
        state.commit(Commit("speed", 1, entries=entries))
        log = list(state.alerts())
        assert [e.alert.version for _, e in log] == list(range(1, self.long + 1))
        assert [seq for seq, _ in log] == sorted({seq for seq, _ in log})
        at = self.long * 3 // 5
        middle = log[at - 1][0]
        assert list(state.alerts(after=middle)) == log[at:]
        assert list(state.alerts(after=middle, limit=3)) == log[at : at + 3]
        assert list(state.alerts(limit=0)) == []
        assert state.latest(3) == log[-3:]

    def test_the_newest_entries_of_a_short_log_are_all_of_it(self, state: State) -> None:
        assert state.latest(5) == []
        state.commit(whole(7))
        assert state.latest(5) == list(state.alerts())

    def test_entries_are_found_by_their_numbers_where_they_are_there(self, state: State) -> None:
        entries = [entry("i", version) for version in range(1, 151)]
        state.commit(Commit("speed", 1, entries=entries))
        log = dict(state.alerts())
        assert state.entries([*log, 0, 999]) == log
        assert state.entries([3, 150, 3]) == {3: log[3], 150: log[150]}
        assert state.entries([]) == {}

    def test_the_life_of_an_incident_is_all_of_it_by_version(self, state: State) -> None:
        later = [entry("a", 2), entry("b", 2)]
        state.commit(Commit("speed", 1, entries=[entry("a"), entry("b")]))
        state.commit(Commit("speed", 2, entries=later))
        assert [(seq, e.alert.version) for seq, e in state.life("a")] == [(1, 1), (3, 2)]
        assert state.life("c") == []

    def test_rejects_are_read_on_from_a_number(self, state: State) -> None:
        rejects = [(9, Reject(source="s", reason=f"r{i}")) for i in range(5)]
        state.commit(Commit("speed", 9, rejects=rejects))
        found = list(state.rejects())
        assert [(offset, reject) for _, offset, reject in found] == rejects
        assert list(state.rejects(after=found[1][0], limit=2)) == found[2:4]

    def test_notes_outlive_the_process(self, state: State) -> None:
        state.set_note("budget", "1")
        state.set_note("budget", "2 — dois")
        assert self.reopened().note("budget") == "2 — dois"

    def test_a_note_is_swapped_only_for_the_text_that_is_kept(self, state: State) -> None:
        assert not state.swap_note("silences", "[]", "[1]"), "nothing is kept yet"
        assert state.swap_note("silences", None, "[1]")
        assert not state.swap_note("silences", None, "[2]")
        assert not state.swap_note("silences", "[ 1]", "[2]")
        assert self.reopened().note("silences") == "[1]"
        assert state.swap_note("silences", "[1]", "[1, 2]")
        assert self.reopened().note("silences") == "[1, 2]"

    def test_of_two_writers_neither_loses_what_the_other_added(self) -> None:
        def add(note: Note[list[str]], names: list[str]) -> None:
            for name in names:
                note.change(lambda was, name=name: [*(was or []), name])  # type: ignore[misc]

        names = [[f"{writer}{i}" for i in range(10)] for writer in "ab"]
        notes = [Note(self.reopened(), "names", list[str]) for _ in names]
        with ThreadPoolExecutor() as threads:
            for done in [threads.submit(add, *each) for each in zip(notes, names, strict=True)]:
                done.result()
        kept = Note(self.reopened(), "names", list[str]).get()
        assert kept is not None
        assert sorted(kept) == sorted(names[0] + names[1])
        for each in names:
            assert [name for name in kept if name in each] == each
