"""What a command cannot do is told in a sentence with the next step, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.cli.options import existing, hazard_of, settings_of, zone_of
from atalaia.errors import AtalaiaError
from atalaia.homes.embedded import open_home

HERE = ("--place", "-8.05,-34.88")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home."""
    open_home(tmp_path / "home").close()
    return tmp_path / "home"


def refused(*words: str) -> str:
    """What is said; never a traceback of something else than was meant."""
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code != 0, done.output
    if done.exit_code == 2:
        return " ".join(done.output.replace("│", " ").split())
    assert isinstance(done.exception, AtalaiaError), repr(done.exception)
    return str(done.exception)


@pytest.mark.parametrize(
    "words",
    [
        ("sql", "SELECT 1"),
        ("alerts",),
        ("refine",),
        ("confirm", "p_x", "123456"),
        ("preview", *HERE),
        ("stop", "p_x"),
        ("export", "p_x"),
        ("erase", "p_x", "--yes"),
        ("key", "p_x"),
        ("deliveries",),
        ("deliveries", "retry", "msg_x"),
        ("backup", "copy"),
    ],
)
def test_where_there_is_no_home_none_is_made_and_the_way_to_one_is_told(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = refused(*words, "--home", str(tmp_path / "nowhere"))
    assert "no home at" in said
    assert "give --home, or make one with `atalaia run`" in said
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        (
            ("confirm", "p_x", "123456"),
            "it may have run out (30 minutes, 5 tries): subscribe again",
        ),
        (("confirm", "email:a@example.org", "1"), "subscribe again"),
        (("preview", "p_x"), "confirm a contact first"),
        (("stop", "p_x"), "was not told by any channel"),
        (("stop", "p_x", "--channel", "sms"), "was not told by sms"),
        (("stop", "email:a@example.org"), "give a pseudonym (p_…) or channel:address"),
        (("export", "p_x"), "they may have been erased"),
        (("erase", "p_x", "--yes"), "they may have been erased"),
        (("erase", "pigeon:x", "--yes"), "write channel:address with one of"),
        (("key", "p_x"), "p_x"),
        (("deliveries", "--status", "lost"), "give one of waiting, due"),
        (("deliveries", "retry"), "give ids, or --all where some are dead"),
        (("deliveries", "retry", "--all"), "give ids, or --all where some are dead"),
        (("deliveries", "acknowledge", "p_x", "msg_x"), "`atalaia deliveries` lists them"),
        (("restore", "nothing-here"), "holds no copy of a home"),
        (("sql", "SELECT * FROM nowhere"), "nowhere"),
    ],
)
def test_what_an_empty_home_cannot_do_is_told_with_the_next_step(
    home: Path, words: tuple[str, ...], next_step: str
) -> None:
    assert next_step in refused(*words, "--home", str(home))


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        ((*HERE,), "name at least one contact"),
        (("--contact", "inbox:"), "say where"),
        (("--contact", "inbox:", "--place", "-8.05,-34.88", "--radius", "0"), "above 0"),
        (("--contact", "pigeon:x", *HERE), "write channel:address"),
        (("--contact", "inbox:", *HERE, "--hazard", "frogs"), "hazards are all"),
        (("--contact", "inbox:", *HERE, "--threshold", "much"), "write for example"),
        (("--contact", "inbox:", *HERE, "--language", "fr"), "languages are"),
        (("--contact", "email:a@b.example", *HERE), "sets people.controller and people.contact"),
        (("--contact", "inbox:", *HERE, "--quiet", "late"), "such as 22:00-07:00"),
        (("--contact", "inbox:", *HERE, "--timezone", "Mars", "--quiet", "22:00-07:00"), "IANA"),
        (("--contact", "inbox:", *HERE, "--escalate-after", "2d"), "between 0 (never)"),
        (("--contact", "inbox:", "--area", "missing.geojson"), "give a GeoJSON file"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused_and_nobody_is_kept(
    home: Path, words: tuple[str, ...], next_step: str
) -> None:
    assert next_step in refused("subscribe", *words, "--home", str(home))
    with open_home(home) as opened:
        assert opened.people.changes(0, 99) == []


def test_an_area_file_that_is_no_area_is_named(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "area.geojson"
    for text, next_step in (("{", "give a GeoJSON file"), ('{"type": "Point"}', "Polygon")):
        file.write_text(text)
        said = refused("subscribe", "--contact", "inbox:", "--area", str(file), "--home", str(home))
        assert str(file) in said
        assert next_step in said


def test_alerts_that_could_not_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    said = refused("replay", "x.csv", "--places", "y.csv", "--alerts", str(tmp_path / "no" / "a"))
    assert said.endswith("its folder is not there; make it first")


# Options


def test_an_option_goes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "atalaia.toml"
    file.write_text('home = "/from/file"\n')
    assert settings_of(file, None).home == Path("/from/file")
    monkeypatch.setenv("ATALAIA_HOME", "/from/environment")
    assert settings_of(file, None).home == Path("/from/environment")
    assert settings_of(file, tmp_path).home == tmp_path


def test_a_folder_is_a_home_when_it_holds_one(home: Path, tmp_path: Path) -> None:
    assert existing(home) == home
    for other in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(AtalaiaError, match="no home at"):
            existing(other)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "\x00", "America"])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(typer.BadParameter, match="use an IANA name"):
        zone_of(name)
    assert zone_of("America/Recife").key == "America/Recife"


@pytest.mark.parametrize("word", ["frogs", "", "cannot_see", "Wind"])
def test_a_hazard_that_is_no_weather_is_refused_with_those_that_are(word: str) -> None:
    with pytest.raises(typer.BadParameter, match="give one of heavy_rain, wind"):
        hazard_of(word)
    assert hazard_of(None) is None
    assert hazard_of("wind") == "wind"
