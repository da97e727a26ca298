"""What a silence keeps from people, and what it does not."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from atalaia.domain.silence import Silence, is_muted
from contracts.state_contract import entry

AT = int(datetime.fromisoformat("2024-04-30T12:00:00+00:00").timestamp())
SILENCE = Silence(
    id="sil_1", hazard="heavy_rain", place="poa", since=AT - 60, until=AT + 60, reason="", by="k_1"
)


@pytest.mark.parametrize(
    ("change", "is_told"),
    [
        ({}, False),
        ({"hazard": None}, False),
        ({"place": None}, False),
        ({"hazard": "wind"}, True),
        ({"place": "rec"}, True),
        ({"since": AT + 1}, True),
        ({"until": AT}, True),
    ],
)
def test_a_silence_holds_for_its_hazard_place_and_time(change: dict[str, object], is_told: bool):
    assert is_muted(entry("i"), [replace(SILENCE, **change)]) is not is_told


def test_that_it_is_over_is_told_all_the_same() -> None:
    for type_ in ("end", "cancel"):
        one = entry("i")
        assert not is_muted(replace(one, alert=replace(one.alert, type=type_)), [SILENCE])


def test_what_concerns_other_places_too_is_told() -> None:
    assert not is_muted(replace(entry("i"), places=("poa", "rec")), [SILENCE])
