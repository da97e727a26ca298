"""Official warnings over the watched places: one incident, the issuer's words, and an end only by
Cancel, successor or time."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from atalaia.detect.mentions import FORGET_AFTER_S
from atalaia.detect.official import SPLIT_S
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.decoded import Decoded
from atalaia.domain.message import compose
from atalaia.domain.official import Official, OfficialArea, OfficialText
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import Readings
from atalaia.ports import Record
from stories import HOUR, T0, Memory, places, rows, rule_set, series, told

RULES = rule_set({"name": "gust"})
SENDER = "met@example.org"


def ring(west: float, south: float, east: float, north: float) -> OfficialArea:
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return OfficialArea("Aqui", polygons=(corners,))


ALL = ring(-10, -10, 10, 10)
FIRST = ring(-0.5, -0.5, 0.5, 0.5)
NOWHERE = ring(50, 50, 51, 51)


def warning(name: str = "1", type_: str = "Alert", *refers: str, **more: Any) -> Official:
    known: dict[str, Any] = {
        "identifier": name, "sender": SENDER, "issuer": "Met", "type": type_, "sent_at": T0,
        "references": tuple(f"{SENDER},{one}" for one in refers), "hazard": "wind",
        "severity": "Severe", "urgency": "Expected", "certainty": "Likely",
        "onset_at": T0 + HOUR, "expires_at": T0 + 10 * HOUR, "areas": (ALL,),
        "texts": (OfficialText("pt-BR", "Vendaval", "Aviso de Vendaval!",
                               "Rajadas de até 100 km/h.\nRisco de queda de árvores", "Abrigue-se"),
                  OfficialText("en", "Gale", "Gale warning", "Gusts up to 100 km/h")),
    }  # fmt: skip
    return Official(**(known | more))


class Post:
    """A watch that is told of warnings, poll by poll, and can be restarted."""

    def __init__(self, where: Places | None = None) -> None:
        self.memory = Memory()
        self.places = where or places(3)
        self.polls: list[tuple[Official, ...]] = []
        self.log: list[LogEntry] = []
        self.restart()

    def restart(self) -> None:
        self.watch = Watch(
            RULES,
            self.places,
            lambda payloads, _wanted: Decoded(
                Readings.empty(),
                officials=[
                    (p.received_at, one) for p in payloads for one in self.polls[int(p.body)]
                ],
            ),
        )
        self.watch.load(self.memory)  # type: ignore[arg-type]

    def poll(self, at: int, *officials: Official) -> list[LogEntry]:
        self.polls.append(officials)
        number = len(self.polls)
        payload = Payload(source="cap", content="feed", received_at=at, body=b"%d" % (number - 1))
        step, commit = self.watch.step([Record(number, payload)])
        self.memory.keep(commit)
        self.log += step.entries
        return step.entries


def test_a_warning_over_many_places_is_one_entry_in_its_issuers_words() -> None:
    (entry,) = Post().poll(T0, warning())
    alert = entry.alert
    assert (alert.type, alert.reason, alert.level, alert.rule) == (
        "alert", "onset", "orange", "official",
    )  # fmt: skip
    assert entry.places == ("p0", "p1", "p2")
    assert (alert.source, alert.place_id, alert.hazard) == ("Met", "Met", "wind")
    assert (alert.urgency, alert.certainty) == ("Expected", "Likely")
    assert alert.onset_at == T0 + HOUR
    assert alert.expires_at == T0 + 10 * HOUR
    assert "Rajadas de até 100 km/h.\nRisco de queda de árvores" in alert.text["pt-BR"]
    assert "Gusts up to 100 km/h" in alert.text["en"]
    assert "Gusts up to 100 km/h" in alert.text["es"]
    assert "Official warning of Met, passed on word for word" in alert.text["en"]
    assert entry.official == warning()


@pytest.mark.parametrize(
    ("area", "covered"),
    [
        (FIRST, ("p0",)),
        (OfficialArea(circles=((-1.0, 1.0, 50.0),)), ("p1",)),
        (OfficialArea(circles=((-1.0, 1.0, 160.0),)), ("p0", "p1", "p2")),
        (OfficialArea(geocodes=(("IBGE", "4314902"),)), ("4314902",)),
        (OfficialArea(geocodes=(("X", "p0"),)), ()),  # too short to name a place
        (OfficialArea("Em toda parte"), ()),
        (NOWHERE, ()),
        (ring(170, -20, 190, -10), ("fiji",)),
        (ring(-190, -20, -175, -10), ("fiji",)),
    ],
)
def test_it_covers_places_by_polygon_circle_or_geocode(
    area: OfficialArea, covered: tuple[str, ...]
) -> None:
    from atalaia.domain.place import Place

    more = [
        Place(id="4314902", name="Porto Alegre", latitude=-30, longitude=-51),
        Place(id="fiji", name="Fiji", latitude=-17.0, longitude=178.0),
    ]
    entries = Post(Places([*places(3), *more])).poll(T0, warning(areas=(area,)))
    assert [entry.places for entry in entries] == ([covered] if covered else [])


def test_a_feed_that_blinks_or_repeats_ends_and_tells_nothing() -> None:
    post = Post()
    post.poll(T0, warning())
    for i in range(1, 8):
        assert post.poll(T0 + i * HOUR, *([warning()] if i % 2 else [])) == []
    post.restart()
    assert post.poll(T0 + 9 * HOUR, warning()) == []
    assert told(post.poll(T0 + 10 * HOUR)) == [("end", "ended", "orange")]
    # And it stays over, though the feed still lists it.
    assert post.poll(T0 + 11 * HOUR, warning()) == []
    assert post.poll(T0 + 12 * HOUR, warning(expires_at=T0 + 20 * HOUR)) == []


def test_a_cancel_ends_it_with_its_own_words_or_those_of_the_warning() -> None:
    post = Post()
    post.poll(T0, warning())
    bare = warning("2", "Cancel", "1", texts=(), areas=(), sent_at=T0 + 60, severity="Unknown")
    (entry,) = post.poll(T0 + 60, bare)
    assert told([entry]) == [("cancel", "withdrawn", "orange")]
    assert entry.places == ("p0", "p1", "p2")
    assert entry.alert.text["en"].startswith("Met has withdrawn the official warning: Gale warning")
    assert post.poll(T0 + 120, bare, warning()) == []


def test_a_cancel_that_comes_first_keeps_the_warning_from_being_told() -> None:
    post = Post()
    assert post.poll(T0, warning("2", "Cancel", "1", sent_at=T0 + 60)) == []
    post.restart()
    assert post.poll(T0 + 60, warning("1")) == []
    assert told(post.poll(T0 + 60, warning("3"))) == [("alert", "onset", "orange")]


def test_updates_are_told_for_what_is_new_in_them() -> None:
    post = Post()
    post.poll(T0, warning("1", areas=(FIRST,)))
    texts = (OfficialText("pt-BR", "Vendaval", "Outro"),)
    steps: list[tuple[dict[str, Any], list[tuple[str, str, str]]]] = [
        ({}, []),  # the same again under a new name
        ({"texts": texts}, [("update", "revised", "orange")]),
        ({"texts": texts, "severity": "Extreme"}, [("update", "escalated", "red")]),
        ({"texts": texts, "severity": "Moderate"}, [("update", "eased", "yellow")]),
        ({"texts": texts, "severity": "Moderate", "areas": (ALL,)},
         [("update", "escalated", "yellow")]),
        # What it leaves out is held for a while: it may be half of a split.
        ({"texts": texts, "severity": "Moderate", "areas": (NOWHERE,)}, []),
    ]  # fmt: skip
    for i, (more, expected) in enumerate(steps, 2):
        at = T0 + 60 * i
        said = {"areas": (FIRST,), "sent_at": at, **more}
        assert told(post.poll(at, warning(str(i), "Update", str(i - 1), **said))) == expected, i
        post.restart()
    assert post.poll(at + SPLIT_S - 1) == []
    assert told(post.poll(at + SPLIT_S)) == [("cancel", "withdrawn", "yellow")]
    incidents = {entry.alert.incident for entry in post.log}
    assert len(incidents) == 1
    assert [entry.alert.version for entry in post.log] == [1, 2, 3, 4, 5, 6]


def test_an_update_of_a_warning_that_was_not_heard_opens_it_once() -> None:
    post = Post()
    update = warning("2", "Update", "1", sent_at=T0 + 60)
    assert told(post.poll(T0 + 60, update)) == [("alert", "onset", "orange")]
    # What it replaced comes late, and says nothing new.
    assert post.poll(T0 + 120, warning("1"), update) == []


def test_messages_of_one_poll_are_lived_in_the_order_in_which_they_were_sent() -> None:
    messages = [
        warning("1"),
        warning("2", "Update", "1", sent_at=T0 + 60, severity="Extreme"),
        warning("3", "Cancel", "2", sent_at=T0 + 120),
    ]
    logs = []
    for order in itertools.permutations(messages):
        logs.append(told(Post().poll(T0 + 200, *order)))
    assert all(log == logs[0] for log in logs)
    assert logs[0] == [
        ("alert", "onset", "orange"),
        ("update", "escalated", "red"),
        ("cancel", "withdrawn", "orange"),
    ]  # fmt: skip


def test_what_has_run_out_before_it_is_heard_is_not_told() -> None:
    assert Post().poll(T0 + 11 * HOUR, warning()) == []


def test_a_successor_that_merges_two_warnings_is_read_at_the_places_of_both() -> None:
    post = Post()
    west = ring(-2.5, 0.5, -0.5, 2.5)
    post.poll(T0, warning("1", areas=(west,)), warning("2", areas=(FIRST,)))
    merged = warning("3", "Update", "1", "2", sent_at=T0 + 60, severity="Extreme")
    entries = post.poll(T0 + 60, merged)
    assert sorted((*told([e])[0], e.places) for e in entries) == [
        ("update", "escalated", "red", ("p0",)), ("update", "escalated", "red", ("p1", "p2")),
    ]  # fmt: skip
    assert told(post.poll(T0 + 10 * HOUR)) == [("end", "ended", "red")] * 2


def test_a_message_reads_two_warnings_that_became_one_once() -> None:
    post = Post()
    post.poll(T0, warning("1"), warning("2", areas=(FIRST,)))
    merged = warning("3", "Update", "1", "2", sent_at=T0 + 60, severity="Extreme")
    content = compose(post.poll(T0 + 60, merged), {}, "en", T0 + 60)
    (part,) = content.parts
    assert "has changed the official warning" in content.subject
    assert "p0, p1, p2" in part.when


def test_a_warning_that_is_split_goes_on_in_all_its_parts() -> None:
    post = Post()
    post.poll(T0, warning("1"))
    west = ring(-2.5, 0.5, -0.5, 2.5)
    parts = (
        warning("2", "Update", "1", sent_at=T0 + 60, areas=(FIRST,), severity="Extreme"),
        warning("3", "Update", "1", sent_at=T0 + 60, areas=(west,)),
    )
    (entry,) = post.poll(T0 + 60, *parts)  # at the others it goes on in the same words
    assert (entry.alert.type, entry.places, entry.still) == ("update", ("p0",), ("p1", "p2"))
    assert post.poll(T0 + 120, *parts) == []
    ends = post.poll(T0 + 10 * HOUR)
    assert [(e.places, e.is_over) for e in ends] == [(("p0",), False), (("p1", "p2"), True)]


def test_a_part_that_is_cancelled_ends_there_alone() -> None:
    for order in itertools.permutations(range(2)):
        for apart in (0, 30):
            post = Post()
            post.poll(T0, warning("1"))
            west = ring(-2.5, 0.5, -0.5, 2.5)
            parts = (
                warning("2", "Update", "1", sent_at=T0 + 60, areas=(FIRST,)),
                warning("3", "Cancel", "1", sent_at=T0 + 60, areas=(west,), severity="Minor"),
            )
            entries = []
            for n, i in enumerate(order):
                entries += post.poll(T0 + 60 + n * apart, parts[i])
            (over,) = [e for e in entries if e.alert.is_over]
            assert (over.places, over.still, over.is_over) == (("p1", "p2"), ("p0",), False)
            (end,) = post.poll(T0 + 10 * HOUR)
            assert (end.alert.type, end.places, end.is_over) == ("end", ("p0",), True)


def test_parts_of_a_message_have_lives_of_their_own() -> None:
    west = ring(-2.5, 0.5, -0.5, 2.5)
    post = Post()
    entries = post.poll(
        T0,
        warning("1", areas=(FIRST,), severity="Extreme"),
        warning("1", areas=(west,), severity="Minor", expires_at=T0 + 2 * HOUR, part=1),
    )
    assert sorted((e.alert.level, e.places) for e in entries) == [
        ("red", ("p0",)), ("watch", ("p1", "p2")),
    ]  # fmt: skip
    assert [e.places for e in post.poll(T0 + 2 * HOUR)] == [("p1", "p2")]
    assert [e.places for e in post.poll(T0 + 10 * HOUR)] == [("p0",)]


def test_an_all_clear_ends_and_opens_nothing() -> None:
    post = Post()
    clear = warning("2", "Update", "1", sent_at=T0 + 60, is_all_clear=True, severity="Minor")
    assert post.poll(T0 + 60, clear) == []
    assert post.poll(T0 + 90, warning("1")) == []  # it is over already
    post = Post()
    post.poll(T0, warning("1"))
    (entry,) = post.poll(T0 + 60, clear)
    assert (entry.alert.type, entry.alert.reason) == ("end", "ended")
    assert entry.alert.text["en"].startswith("Met has ended the official warning: Gale warning")
    assert post.poll(T0 + 10 * HOUR) == []


def test_a_warning_is_never_over_before_it_begins() -> None:
    post = Post()
    post.poll(T0, warning("1", onset_at=T0 + 20 * HOUR, expires_at=T0 + 10 * HOUR))
    assert post.poll(T0 + 43 * HOUR) == []
    assert told(post.poll(T0 + 44 * HOUR)) == [("end", "ended", "orange")]


def test_lines_that_break_elsewhere_are_no_news() -> None:
    post = Post()
    post.poll(T0, warning("1"))
    first = warning("1").texts
    wrapped = (
        OfficialText("pt-BR", "Vendaval", "Aviso de\nVendaval!",
                     "Rajadas de até 100\nkm/h. Risco de queda  de árvores", "Abrigue-se"),
        first[1],
    )  # fmt: skip
    assert post.poll(T0 + 60, warning("2", "Update", "1", sent_at=T0 + 60, texts=wrapped)) == []


def test_a_place_in_a_hole_is_not_covered() -> None:
    from msgspec.structs import replace

    (entry,) = Post().poll(T0, warning(areas=(replace(ALL, excluded=FIRST.polygons),)))
    assert entry.places == ("p1", "p2")


def test_a_message_names_the_places_the_area_and_the_heights() -> None:
    from msgspec.structs import replace

    high = replace(ALL, description="Serra\nGeral", altitude_ft=3280.84, ceiling_ft=9842.5)
    (entry,) = Post().poll(T0, warning(areas=(high,)))
    for text in (entry.alert.text["en"], compose([entry], {}, "en", T0).text(4000)):
        assert "For p" in text or "For Place 0, Place 1, Place 2." in text
        assert "Area, in its issuer's words: Serra Geral." in text
        assert "Only between 1000 and 3000 m of altitude." in text
    low = OfficialArea("Vale", high.polygons, altitude_ft=0, ceiling_ft=1968.5)
    (entry,) = Post().poll(T0, warning(areas=(low,)))
    assert "Só abaixo de 600 m de altitude." in entry.alert.text["pt-BR"]


def test_an_issuer_who_refers_to_the_first_message_alone_is_understood() -> None:
    post = Post()
    post.poll(T0, warning("1"))
    post.poll(T0 + 60, warning("2", "Update", "1", sent_at=T0 + 60, severity="Extreme"))
    third = warning("3", "Update", "1", sent_at=T0 + 90, severity="Moderate")
    assert told(post.poll(T0 + 90, third)) == [("update", "eased", "yellow")]
    assert told(post.poll(T0 + 99, warning("4", "Cancel", "1", sent_at=T0 + 99)))[0][0] == "cancel"


def test_what_is_over_is_forgotten_in_time() -> None:
    post = Post()
    post.poll(T0, warning())
    post.poll(T0 + 10 * HOUR)
    assert post.memory.load("official:")
    post.poll(T0 + 10 * HOUR + FORGET_AFTER_S + 1)
    assert post.memory.load("official:") == {}
    assert post.watch.officials.standing == {}


def test_any_restarts_and_any_polling_that_hears_the_same_tell_the_same() -> None:
    chance = random.Random(5)
    for _ in range(20):
        story = []
        for i in range(1, 12):
            type_ = chance.choice(["Alert", "Update", "Update", "Cancel"])
            refers = [str(chance.randint(1, i))] if type_ != "Alert" and i > 1 else []
            severity = chance.choice(["Moderate", "Severe", "Extreme"])
            area = chance.choice([ALL, FIRST, NOWHERE])
            expires = T0 + (i + chance.randint(0, 5)) * HOUR
            at = T0 + i * HOUR
            story.append(
                (at, warning(str(i), type_, *refers, sent_at=at, severity=severity,
                             areas=(area,), expires_at=expires))
            )  # fmt: skip
        steady, shaky = Post(), Post()
        for at, official in story:
            steady.poll(at, official)
            shaky.poll(at, official)
            shaky.restart()
            assert shaky.poll(at, official) == []
        assert shaky.log == steady.log
        lives: dict[str, list[LogEntry]] = {}
        for entry in steady.log:
            lives.setdefault(entry.alert.incident, []).append(entry)
        for life in lives.values():
            assert [entry.alert.version for entry in life] == list(range(1, len(life) + 1))
            assert life[0].alert.type == "alert"
            assert not any(entry.is_over for entry in life[:-1])


# One thread with our own


def test_our_own_incident_is_linked_where_hazard_area_and_time_agree() -> None:
    post = Post()
    (first,) = post.poll(T0, warning(areas=(FIRST,), onset_at=T0))
    key = first.alert.incident
    own = post.watch.live(
        rows(series([25], start=T0 + HOUR), series([25], start=T0 + HOUR, place=2))
    )
    links = {entry.alert.place_id: entry.linked for entry in own.entries}
    assert links == {"p0": (key,), "p2": ()}
    # The other way round: what was open when the warning came.
    mine = next(entry.alert.incident for entry in own.entries if entry.alert.place_id == "p2")
    (other,) = post.poll(T0 + HOUR, warning("2", areas=(ring(-2.5, 1.5, -1.5, 2.5),)))
    assert other.places == ("p2",)
    assert other.linked == (mine,)
    (heat,) = post.poll(T0 + HOUR, warning("3", hazard="heat"))
    (later,) = post.poll(
        T0 + HOUR, warning("4", onset_at=T0 + 90 * HOUR, expires_at=T0 + 99 * HOUR)
    )
    (unknown,) = post.poll(T0 + HOUR, warning("5", hazard=""))
    assert (heat.linked, later.linked, unknown.linked) == ((), (), ())
    assert unknown.alert.hazard == "storm"


def test_a_message_names_the_issuer_and_does_not_say_that_it_is_not_official() -> None:
    (entry,) = Post().poll(T0, warning())
    where = {place.id: place for place in places(3)}
    content = compose([entry], where, "pt-BR", T0)
    text = content.text(4096)
    assert content.subject == "Met, aviso oficial: Aviso de Vendaval!"
    assert "Rajadas de até 100 km/h.\nRisco de queda de árvores." in text
    assert "O que fazer: Abrigue-se." in text
    assert "Vale de 01/01 01:00 até 01/01 10:00." in text
    assert "Aviso oficial de Met, transmitido palavra por palavra." in text
    assert "não é um aviso oficial" not in text
    own = Post().watch.live(rows(series([25])))
    mixed = compose([entry, *own.entries], where, "en", T0)
    assert mixed.closing == "What names no issuer is not an official warning."


def test_an_issuers_long_text_is_shortened_and_not_left_out() -> None:
    long = OfficialText("en", "Gale", "Gale warning", "Gusts. " * 2000, "Stay inside.")
    (entry,) = Post().poll(T0, warning(texts=(long,)))
    text = compose([entry], {}, "en", T0).text(1000)
    assert len(text) <= 1000
    assert "Gusts. Gusts. Gusts" in text
    assert "Stay inside." in text
    assert "Official warning of Met" in text
