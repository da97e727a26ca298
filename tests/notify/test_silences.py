"""Silences in a home that several processes share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.notify.silences import MOST, Silences

NOON = 1_768_046_400  # 2026-01-10T12:00Z

# As a home's note had them before they were typed.
EARLIER = (
    '[{"id":"sil_1","hazard":"heavy_rain","place":null,"since":1768046000,"until":1768049600,'
    '"reason":"a gauge is broken","by":"k_1"}]'
)


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[EmbeddedHome, EmbeddedHome]]:
    """One home, opened by two processes."""
    path = tmp_path / "home"
    with open_home(path, exclusive=False) as one, open_home(path, exclusive=False) as other:
        yield one, other


def test_a_silence_of_another_process_is_seen_at_once(
    homes: tuple[EmbeddedHome, EmbeddedHome],
) -> None:
    one, other = (Silences(home.state) for home in homes)
    assert one.all() == other.all() == ()
    new = one.add("heavy_rain", None, 60, "why", "k", NOON)
    assert list(other.all()) == [new]
    assert other.end(new.id, NOON + 1)
    assert [silence.until for silence in one.all()] == [NOON + 1]
    assert not one.end(new.id, NOON + 2), "it is over already"
    assert not one.end("sil_other", NOON + 2)


def test_of_silences_that_two_processes_add_at_once_none_is_lost(
    homes: tuple[EmbeddedHome, EmbeddedHome],
) -> None:
    def add(home: EmbeddedHome) -> list[str]:
        silences = Silences(home.state)
        return [silences.add(None, f"p{i}", 60, "", "k", NOON).id for i in range(20)]

    with ThreadPoolExecutor() as threads:
        added = [one for each in threads.map(add, homes) for one in each]
    assert sorted(one.id for one in Silences(homes[0].state).all()) == sorted(added)


def test_too_many_are_refused_over_all_processes(
    homes: tuple[EmbeddedHome, EmbeddedHome],
) -> None:
    one, other = (Silences(home.state) for home in homes)
    for i in range(MOST):
        (one if i % 2 else other).add(None, f"p{i}", 60, "", "k", NOON)
    with pytest.raises(ValueError, match="end some first"):
        one.add(None, "p", 60, "", "k", NOON)
    assert one.add(None, "p", 60, "", "k", NOON + 60)


def test_silences_of_an_earlier_version_go_on(
    homes: tuple[EmbeddedHome, EmbeddedHome],
) -> None:
    homes[0].state.set_note("silences", EARLIER)
    silences = Silences(homes[0].state)
    assert [one.id for one in silences.all()] == ["sil_1"]
    silences.add(None, "p1", 60, "", "k", NOON)
    assert silences.all()[0].id == "sil_1"
    assert silences.end("sil_1", NOON)


def test_silences_that_cannot_be_read_keep_nobody_from_being_told(
    homes: tuple[EmbeddedHome, EmbeddedHome],
) -> None:
    homes[0].state.set_note("silences", '{"of": "a newer version"}')
    assert Silences(homes[0].state).all() == ()
