"""By which rules, places and norms a home's stream is lived through again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from atalaia.detect.starts import Terms, note_start, starts_of
from atalaia.domain.norm_tables import Norms
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.errors import AtalaiaError, PayloadInvalid, StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake.norms import digest, keep, kept, key_of
from atalaia.lake.places import note_places
from atalaia.ports import Commit
from atalaia.replay.cut import PAYLOADS, PLACES, cut
from atalaia.replay.lines import read_payloads
from atalaia.replay.terms import everywhere, norms_by, starts_by
from atalaia.sources.recorded import read_places
from stories import T0, places, rule_set

RULES = rule_set({})
OTHER = rule_set({"limits": {"yellow": 11}})


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def begun(home: EmbeddedHome, at: int, offset: int, where: Places, norms: str = "") -> None:
    """A watch that starts when the speed layer has lived up to this offset."""
    if offset:
        assert home.state.commit(Commit("speed", offset))
    note_start(home.state, at, Terms(RULES, tuple(where), {"open-meteo": 900}), norms)


def test_starts_come_again_in_their_order_the_first_from_the_beginning(home: EmbeddedHome) -> None:
    """What was pushed before the first watch began it lived through, too."""
    begun(home, T0, 3, places(1))
    begun(home, T0 + 60, 9, places(2))
    assert [s.offset for s in starts_of(home.state)] == [3, 9]
    again = starts_by(home, None)
    assert [(s.offset, s.at, len(s.terms.places)) for s in again] == [(0, T0, 1), (9, T0 + 60, 2)]
    assert all(s.terms.rules.digest == RULES.digest for s in again)
    assert again[0].terms.expected_s == {"open-meteo": 900}


def test_rules_that_are_given_go_before_those_of_each_start_with_todays_norms(
    home: EmbeddedHome,
) -> None:
    begun(home, T0, 3, places(1), norms="abc")
    begun(home, T0 + 60, 9, places(2), norms="abd")
    for start in starts_by(home, OTHER):
        assert start.terms.rules is OTHER
        assert start.norms is None
    assert [len(s.terms.places) for s in starts_by(home, OTHER)] == [1, 2]


def test_a_home_without_starts_goes_by_the_rules_that_are_given_at_its_places(
    home: EmbeddedHome,
) -> None:
    note_places(home.state, places(3))
    with pytest.raises(AtalaiaError, match="has noted no rules; give --rules"):
        starts_by(home, None)
    (start,) = starts_by(home, OTHER)
    assert (start.offset, len(start.terms.places), start.terms.rules) == (0, 3, OTHER)


def test_terms_that_cannot_be_read_need_rules(home: EmbeddedHome) -> None:
    begun(home, T0, 3, places(1))
    (noted,) = starts_of(home.state)
    assert noted
    key = next(k for k in ("starts",) if home.state.note(k))
    home.state.set_note(key, '[[3, 5, "gone", ""]]')
    with pytest.raises(AtalaiaError, match="has lost the terms gone of a start; or give --rules"):
        starts_by(home, None)
    assert [s.offset for s in starts_by(home, OTHER)] == [0]


def test_every_place_that_was_ever_watched_is_there_as_it_was_last_described(
    home: EmbeddedHome,
) -> None:
    begun(home, T0, 1, places(2))
    moved = Place(id="p1", name="Moved", latitude=5, longitude=5, timezone="UTC")
    begun(home, T0 + 60, 2, Places([moved]))
    found = everywhere(starts_by(home, None))
    assert [(p.id, p.name) for p in found] == [("p0", "Place 0"), ("p1", "Moved")]


# Norms


def some_norms(where: Places) -> Norms:
    table = np.arange(len(where) * 12 * 24, dtype=float).reshape(len(where), 12, 24)
    table[0, 0, 0] = np.nan
    return Norms(where, {"rule-0": table})


def test_norms_that_a_watch_went_by_are_kept_and_come_again_to_the_last_bit(
    home: EmbeddedHome,
) -> None:
    where = places(2)
    name = keep(home.lake, some_norms(where))
    assert name == digest(some_norms(where))
    assert keep(home.lake, some_norms(where)) == name, "kept once"
    assert home.lake.keys("raw/norms/") == [key_of(name)]
    found = kept(home.lake, name, where)
    np.testing.assert_array_equal(found.tables["rule-0"], some_norms(where).tables["rule-0"])
    begun(home, T0, 1, where, norms=name)
    (start,) = starts_by(home, None)
    again = norms_by(home, start)
    assert digest(again if isinstance(again, Norms) else Norms(where, {})) == name


def test_norms_that_judge_otherwise_have_another_digest() -> None:
    where = places(2)
    one, other = some_norms(where), some_norms(where)
    other.tables["rule-0"][1, 5, 7] += 1e-9
    assert digest(one) == digest(some_norms(where)) != digest(other)
    assert digest(Norms(where, {})) == ""


def test_no_norms_are_none(home: EmbeddedHome) -> None:
    assert keep(home.lake, Norms(places(1), {})) == ""
    assert kept(home.lake, "", places(1)).tables == {}
    assert home.lake.keys("") == []


def test_norms_that_are_lost_are_named_with_the_next_step(home: EmbeddedHome) -> None:
    begun(home, T0, 1, places(1), norms="0123456789abcdef")
    (start,) = starts_by(home, None)
    with pytest.raises(StateConflict, match=r"norms 0123456789abcdef.*restore them from a backup"):
        norms_by(home, start)


# A piece of the past to hand on


def arrived(home: EmbeddedHome, *names: str) -> None:
    home.stream.append(
        [
            Payload(source=name, content="c", received_at=T0 + i, body=str(i).encode())
            for i, name in enumerate(names)
        ]
    )


@pytest.mark.parametrize(
    ("since", "until", "source", "bodies"),
    [
        (0, 99, None, "0 1 2 3"),
        (1, 3, None, "1 2"),  # from the first second on, and before the last
        (0, 99, "b", "1 3"),
        (2, 99, "b", "3"),
        (3, 4, None, "3"),
    ],
)
def test_a_cut_has_what_arrived_in_its_time_of_its_source(
    home: EmbeddedHome, tmp_path: Path, since: int, until: int, source: str | None, bodies: str
) -> None:
    arrived(home, "a", "b", "a", "b")
    note_places(home.state, places(2))
    n = cut(home, tmp_path / "out", T0 + since, T0 + until, source)
    found = list(read_payloads([tmp_path / "out" / PAYLOADS]))
    assert [p.body.decode() for p in found if isinstance(p, Payload)] == bodies.split()
    assert n == len(found)
    assert list(read_places(tmp_path / "out" / PLACES)) == list(places(2))


@pytest.mark.parametrize(("since", "source"), [(4, None), (0, "nobody")])
def test_a_cut_of_nothing_says_so(
    home: EmbeddedHome, tmp_path: Path, since: int, source: str | None
) -> None:
    arrived(home, "a", "b")
    with pytest.raises(AtalaiaError, match="nothing arrived then; give other times"):
        cut(home, tmp_path / "out", T0 + since, T0 + 99, source)


def test_a_cut_that_cannot_be_written_says_so(home: EmbeddedHome, tmp_path: Path) -> None:
    arrived(home, "a")
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(AtalaiaError, match="give another folder"):
        cut(home, tmp_path / "taken", T0, T0 + 1)


def test_the_places_of_a_cut_are_read_back_whole(home: EmbeddedHome, tmp_path: Path) -> None:
    odd = Place(
        id="são-josé", name='São "José", do Sul', latitude=-1.25, longitude=0.0,
        timezone="America/Recife", area="Várzea, norte", elevation_m=0.0,
    )  # fmt: skip
    note_places(home.state, Places([odd]))
    arrived(home, "a")
    cut(home, tmp_path / "out", T0, T0 + 1)
    assert list(read_places(tmp_path / "out" / PLACES)) == [odd]


def test_a_damaged_part_of_raw_stops_a_cut(home: EmbeddedHome, tmp_path: Path) -> None:
    from atalaia.batch.archive import archive

    arrived(home, "a", "b")
    archive(home.stream, home.state, home.lake)
    home.stream.drop(2)
    (key, *_) = home.lake.keys("raw/payloads/")
    home.lake.write(key, b"damaged")
    with pytest.raises(PayloadInvalid):
        cut(home, tmp_path / "out", T0, T0 + 99)
