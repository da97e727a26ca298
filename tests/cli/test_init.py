"""`atalaia init`: what somebody who sets up a watch is asked, and what is written for them."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.domain.geo import distance_km
from atalaia.errors import AtalaiaError
from atalaia.settings import load
from atalaia.settings.first import First, told_apart, written
from atalaia.sources.gazetteer import find_town, table
from atalaia.sources.municipalities import all_of
from channels.servers import says, serving
from patience import LIMIT_S
from stories import command, here


def init(tmp_path: Path, *options: str) -> Path:
    """The file that it wrote; raises what a person would be told."""
    file = tmp_path / "atalaia.toml"
    done = CliRunner().invoke(app, ["init", "--file", str(file), *options])
    if done.exception is not None:
        raise done.exception
    return file


def test_towns_by_name_become_places_with_all_that_is_known_of_them(tmp_path: Path) -> None:
    file = init(tmp_path, "--place", "Recife, PE", "--place", "Lisboa", "--language", "es")
    found = load(file, {})
    assert [(place.id, place.name, place.timezone) for place in found.places] == [
        ("recife-pe", "Recife", "America/Recife"),
        ("lisbon-pt", "Lisbon", "Europe/Lisbon"),
    ]
    assert found.language == "es"


@pytest.mark.parametrize("state", ["Pernambuco", "26", "IBGE 26"])
def test_all_municipalities_of_a_state_near_a_town_are_taken_and_no_others(
    tmp_path: Path, state: str
) -> None:
    file = init(tmp_path, "--all-of", state, "--within", "60km", "--of", "Recife")
    middle = find_town("Recife")
    near = {
        town.slug
        for town in all_of("Pernambuco")
        if distance_km(town.latitude, town.longitude, middle.latitude, middle.longitude) <= 60
    }
    places = list(load(file, {}).places)
    assert {place.id for place in places} == near
    assert places[0].id == "2611606", "the nearest first"


def test_who_answers_for_the_data_is_written_and_else_only_shown(tmp_path: Path) -> None:
    file = init(
        tmp_path, "--place", "Recife", "--controller", 'Defesa "Civil"', "--contact", "a@b.example"
    )
    people = load(file, {}).people
    assert (people.controller, people.contact) == ('Defesa "Civil"', "a@b.example")
    assert "# [people]" in init(tmp_path, "--place", "Recife", "--force").read_text()


@pytest.mark.parametrize(
    ("options", "next_step"),
    [
        ((), "give --place 'Recife, PE', or --all-of Pernambuco"),
        (("--place", "Santa Cruz"), "name the state"),
        (("--place", "Nowhere at all"), "give latitude,longitude"),
        (("--all-of", "PE"), "write one of: Pernambuco, BR; PE"),
        (("--all-of", "Atlantis"), "write for example Pernambuco"),
        (("--place", "Recife", "--within", "60km"), "go together"),
        (("--within", "far", "--of", "Recife"), "write for example 60km"),
        (("--place", "Recife", "--language", "fr"), "give one of pt-BR, en, es"),
        (("--place", "Recife", "--controller", "X"), "needs --contact"),
        (("--place", "Recife", "--rules", "inmett"), "did you mean inmet?"),
    ],
)
def test_what_cannot_be_written_says_the_next_step_and_writes_nothing(
    tmp_path: Path, options: tuple[str, ...], next_step: str
) -> None:
    with pytest.raises(AtalaiaError, match=next_step.replace("?", r"\?")):
        init(tmp_path, *options)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_written_over_unasked(tmp_path: Path) -> None:
    before = init(tmp_path, "--place", "Recife").read_text()
    with pytest.raises(AtalaiaError, match="--force"):
        init(tmp_path, "--place", "Lisboa")
    assert (tmp_path / "atalaia.toml").read_text() == before
    assert init(tmp_path, "--place", "Recife").read_text() == before, "the same is written again"
    assert init(tmp_path, "--place", "Lisboa", "--force").read_text() != before


def test_a_rule_file_beside_the_settings_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "inmet-quiet"\nname = "mine"\n')
    assert (
        load(init(tmp_path, "--place", "Recife", "--rules", "mine.toml"), {}).rules.name == "mine"
    )


@given(st.lists(st.integers(0, 170_000), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_whatever_towns_are_chosen_each_is_one_place_of_a_file_that_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int]
) -> None:
    towns = [table().town(number) for number in numbers]
    file = tmp_path_factory.mktemp("init") / "atalaia.toml"
    file.write_text(written(First(language="en", rules="inmet", towns=towns)), "utf-8")
    places = load(file, {}).places
    assert len(places) == len(set(numbers))
    assert {(p.latitude, p.longitude) for p in places} == {(t.latitude, t.longitude) for t in towns}


def test_towns_of_one_name_in_one_state_have_an_id_each_and_keep_it_in_their_order() -> None:
    one = find_town("Recife")
    other = type(one)(**{name: getattr(one, name) for name in one.__struct_fields__} | {"id": 7})
    assert [id_ for id_, _ in told_apart([one, other, one])] == ["recife-pe", "recife-pe-7"]


@pytest.mark.parametrize("more", [("--all-of", "26"), ("--place", "2611606")])
def test_a_town_that_is_named_and_there_by_its_code_is_one_place(
    tmp_path: Path, more: tuple[str, str]
) -> None:
    places = load(init(tmp_path, "--place", "Recife, PE", *more), {}).places
    assert [place.id for place in places if place.name == "Recife"] == ["2611606"]


def test_at_a_terminal_it_asks_in_the_language_that_was_chosen(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command(), "init"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"ATALAIA_SOURCES_OPEN_METEO_BASE_URL": "http://127.0.0.1:9"},
    )
    answers = ["pt-BR", "Recife, PE", "20", "Qualquer Lugar", "", "Defesa Civil", "a@b.example"]
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    said, _ = process.communicate(timeout=LIMIT_S)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, said
    assert "Que lugar vigiar?" in said
    assert "nenhum município se chama 'Qualquer Lugar'" in said, "asked again, not ended"
    places = load(tmp_path / "atalaia.toml", {}).places
    assert "2611606" in places.position
    assert "2609600" in places.position, "Olinda"
    assert "open-meteo: não responde agora" in said, "the sources are asked, and it goes on"


@pytest.mark.parametrize(
    ("answer", "said", "fault"),
    [
        ('{{"current": {{"time": "{now}", "interval": 900, "temperature_2m": 21.5}}, '
         '"current_units": {{"time": "iso8601", "temperature_2m": "°C"}}, "latitude": -8.0, '
         '"longitude": -34.9, "utc_offset_seconds": 0}}', "open-meteo: responde", None),
        ("<html>maintenance</html>", "open-meteo: não responde agora", "no value came"),
    ],
)  # fmt: skip
def test_asked_to_it_says_of_each_source_whether_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, said: str, fault: str | None
) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M")
    place = ("--place", "IBGE 2611606", "--ask", "--language", "pt-BR")

    async def story() -> tuple[str, dict[str, object]]:
        async with serving(says(answer.format(now=now))) as provider:
            monkeypatch.setenv("ATALAIA_SOURCES_OPEN_METEO_BASE_URL", provider.url)
            told = await asyncio.to_thread(here, "init", *place, "--file", tmp_path / "a.toml")
            assert provider.asked, "the source itself is asked"
            typed = await asyncio.to_thread(
                here, "init", *place, "--file", tmp_path / "b.toml", "--json"
            )
            return told.stdout, json.loads(typed.stdout)

    told, typed = asyncio.run(story())
    assert said in told, told
    sources = typed["sources"]
    assert isinstance(sources, dict)
    assert (sources["open-meteo"] is None) is (fault is None)
