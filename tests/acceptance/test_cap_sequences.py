"""Sequences of CAP messages as services send them, in any order, against a plain reader.

Warnings are issued, updated, split, merged, cancelled in part or whole, and ended by an all clear;
their messages come late, twice, in one answer or in many, and the watch is restarted between. At
every instant what the alert log says of a place is what a reader of all messages so far would say.
ATALAIA_FUZZ=long reads ten times as many (`make fuzz`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from atalaia import rules
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.ports import Record
from atalaia.sources import decode_all
from detect.official_reader import Note, standing
from stories import Memory

SEQUENCES = 2000 if os.environ.get("ATALAIA_FUZZ") == "long" else 200
T0 = 1_780_000_000
SENDER = "office@example.org"
CELLS = tuple(f"p{i}" for i in range(6))
WHERE = Places(
    Place(id=name, name=name, latitude=0.5, longitude=i + 0.5) for i, name in enumerate(CELLS)
)
RULES = rules.load("inmet")
SEVERITIES = ("Minor", "Moderate", "Severe", "Extreme")


def cap(note: Note, type_: str, severity: str, headline: str) -> str:
    """The message as XML; an end that is no Cancel is an all clear."""
    references = " ".join(
        f"{SENDER},{name.partition(',')[2]},{instant(T0)}" for name in note.refers
    )
    clear = "<responseType>AllClear</responseType>" * (note.is_end and type_ != "Cancel")
    polygons = "".join(
        f"<polygon>0,{x} 0,{x + 1} 1,{x + 1} 1,{x} 0,{x}</polygon>"
        for x in sorted(CELLS.index(place) for place in note.covers or ())
    )
    info = (
        f"<info><language>en</language><event>Gale</event>{clear}<urgency>Expected</urgency>"
        f"<severity>{severity}</severity><certainty>Likely</certainty>"
        f"<onset>{instant(T0)}</onset><expires>{instant(note.ends_at)}</expires>"
        f"<headline>{headline}</headline><area><areaDesc>a</areaDesc>{polygons}</area></info>"
    )
    return (
        f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        f"<identifier>{note.name.partition(',')[2]}</identifier><sender>{SENDER}</sender>"
        f"<sent>{instant(note.sent_at)}</sent><status>Actual</status><msgType>{type_}</msgType>"
        f"<scope>Public</scope><references>{references}</references>"
        f"{info if note.covers is not None else ''}</alert>"
    )


class Office:
    """Issues warnings and changes them, as a service does: each change refers to messages of the
    families that it changes."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = T0
        self.sent: list[tuple[Note, str]] = []
        self.families: list[list[Note]] = []

    def messages(self, n: int) -> list[tuple[Note, str]]:
        while len(self.sent) < n:
            self.now += self.chance.choice([1, 60, 600, 3600])
            acts = [self.issue, self.update, self.split, self.merge, self.cancel, self.clear]
            self.chance.choice(acts if self.families else [self.issue])()
        return self.sent

    def some(self, of: frozenset[str] | None = None) -> frozenset[str]:
        cells = sorted(of or CELLS)
        return frozenset(self.chance.sample(cells, self.chance.randint(1, len(cells))))

    def issue(self) -> None:
        self.families.append([])
        self.send("Alert", self.some(), self.families[-1], frozenset())

    def update(self) -> None:
        family = self.chance.choice(self.families)
        self.send("Update", self.some(), family, self.refers(family))

    def split(self) -> None:
        family = self.chance.choice(self.families)
        refers, one = self.refers(family), self.some()
        other = frozenset(CELLS) - one
        self.send("Update", one, family, refers)
        if other:
            self.send(self.chance.choice(["Update", "Cancel"]), self.some(other), family, refers)

    def merge(self) -> None:
        one, other = self.chance.choice(self.families), self.chance.choice(self.families)
        if one is not other:
            refers = frozenset(note.name for note in one + other)
            one += other
            self.families = [family for family in self.families if family is not other]
            self.send("Update", self.some(), one, refers)

    def cancel(self) -> None:
        family = self.chance.choice(self.families)
        area = self.chance.choice([None, self.some()])
        self.send("Cancel", area, family, self.refers(family))

    def clear(self) -> None:
        family = self.chance.choice(self.families)
        self.send("Update", self.some(), family, self.refers(family), is_end=True)

    def refers(self, family: list[Note]) -> frozenset[str]:
        names = [note.name for note in family]
        return frozenset(self.chance.choice([names, names, names[-2:]]))

    def send(
        self,
        type_: str,
        covers: frozenset[str] | None,
        family: list[Note],
        refers: frozenset[str],
        *,
        is_end: bool = False,
    ) -> None:
        number = len(self.sent)
        severity = self.chance.choice(SEVERITIES)
        ends_at = self.now + self.chance.choice([600, 7200, 86_400])
        headline = self.chance.choice(["One", "Other"])
        is_end = is_end or type_ == "Cancel"
        content = (severity, ends_at, headline)
        note = Note(
            f"{SENDER},m{number}", self.now, is_end, covers, refers, ends_at, content
        )  # fmt: skip
        family.append(note)
        self.sent.append((note, cap(note, type_, severity, headline)))


def answers(
    chance: random.Random, sent: list[tuple[Note, str]]
) -> Iterator[tuple[int, list[tuple[Note, str]]]]:
    """When which messages are received: each late by its own measure, some of them twice, those of
    one instant in one answer, in any order; and time that passes."""
    by_time: dict[int, list[tuple[Note, str]]] = {}
    slack = chance.choice([0, 0, 300, 7200])
    for one in sent:
        for _ in range(chance.choice([1, 1, 2])):
            late = chance.randint(0, slack) if slack else 0
            by_time.setdefault((one[0].sent_at + late + 59) // 60 * 60, []).append(one)
    last = max(by_time)
    for at in (*range(T0, last, 1800), last + 700, last + 90_000):
        by_time.setdefault(at // 60 * 60, [])
    for at, some in sorted(by_time.items()):
        chance.shuffle(some)
        yield at, some


def answer_of(at: int, some: list[tuple[Note, str]]) -> Payload:
    """A feed with these messages."""
    entries = "".join(f"<entry><content>{body}</content></entry>" for _, body in some)
    body = f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'.encode()
    return Payload(source="cap", content="feed", received_at=at, body=body)


def in_the_log(log: list[LogEntry]) -> dict[str, set[tuple[object, ...]]]:
    """By place what stands, as its last entries say."""
    last: dict[tuple[str, str], LogEntry] = {}
    for entry in log:
        for place in entry.places:
            last[entry.alert.incident, place] = entry
    found: dict[str, set[tuple[object, ...]]] = {place: set() for place in CELLS}
    for (_, place), entry in last.items():
        official = entry.official
        if not entry.alert.is_over and official is not None:
            found[place].add((official.severity, official.expires_at, official.texts[0].headline))
    return found


def is_alike(entry: LogEntry, earlier: LogEntry) -> bool:
    return (entry.alert.type, entry.places, entry.official) == (
        earlier.alert.type, earlier.places, earlier.official,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_what_stands_is_what_a_reader_of_all_messages_so_far_would_name(seed: int) -> None:
    chance = random.Random(seed)
    sent = Office(chance).messages(chance.randint(3, 14))
    memory, log, heard = Memory(), [], []
    watch = Watch(RULES, WHERE, decode_all(WHERE))
    for number, (at, some) in enumerate(answers(chance, sent), 1):
        step, commit = watch.step([Record(number, answer_of(at, some))])
        memory.keep(commit)
        log += [entry for entry in step.entries if entry.official]
        heard += [(at, note) for note, _ in sorted(some, key=lambda one: one[0].sent_at)]
        told = in_the_log(log)
        for place in CELLS:
            surely, perhaps = standing(place, heard, at)
            assert surely <= told[place] <= surely | perhaps, (seed, number, at - T0, place)
        if chance.random() < 0.2:
            watch = Watch(RULES, WHERE, decode_all(WHERE))
            watch.load(memory)  # type: ignore[arg-type]
    assert not any(told.values())
    lives: dict[str, list[LogEntry]] = {}
    for entry in log:
        lives.setdefault(entry.alert.incident, []).append(entry)
    for life in lives.values():
        assert [entry.alert.version for entry in life] == list(range(1, len(life) + 1))
        assert life[0].alert.type == "alert"
        assert [entry.is_over for entry in life] == [False] * (len(life) - 1) + [True]
        assert not any(is_alike(*pair) for pair in zip(life[1:], life, strict=False))
