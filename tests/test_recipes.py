"""The recipes of the documentation for a source, a channel and a hazard, followed as they stand.

What a page tells to write is written, what it tells to run is run, and what it shows is what comes.
The one thing that is another is where a service answers: on loopback.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import duckdb

from channels.servers import says, serving
from stories import here

ROOT = Path(__file__).resolve().parents[1]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section(text: str, title: str) -> str:
    _, _, found = text.partition(f"\n## {title}\n")
    assert found, title
    return found.partition("\n## ")[0]


def tried(part: str, answer: str, folder: Path, command: tuple[str, ...]) -> str:
    """What `sources try` shows of a service that answers so, by the settings of this part."""
    (written,) = blocks(part, "toml")

    async def story() -> str:
        async with serving(says(answer)) as provider:
            file = folder / "atalaia.toml"
            file.write_text(written.replace("https://api.example.org", provider.url), "utf-8")
            done = await asyncio.to_thread(here, *command, "--settings", file)
            assert done.returncode == 0, done.stderr + done.stdout
            return str(done.stdout.replace(provider.url, "https://api.example.org"))

    return asyncio.run(story())


def test_a_source_of_places_is_described_as_the_page_says(tmp_path: Path) -> None:
    part = section(page("described.md"), "Of each place")
    (answer,) = blocks(part, "json")
    (shown,) = blocks(part, "text")
    (typed,) = re.findall(r"^atalaia (sources try .*)$", part, re.MULTILINE)
    key = tmp_path / "city.key"
    key.touch(mode=0o600)
    key.write_text("a-key")
    assert tried(part, answer, tmp_path, tuple(typed.split())) == shown


def test_a_source_of_stations_is_described_as_the_page_says(tmp_path: Path) -> None:
    part = section(page("described.md"), "Of stations")
    (answer,) = blocks(part, "text")
    told = tried(part, answer, tmp_path, ("sources", "try", "gauges"))
    assert "http:gauges:G7" in told
    assert "2026-09-21T14:00:00+00:00  rain_mm 4.5 mm (600 s)" in told
    assert "refused" not in told


def test_the_query_for_a_panel_is_answered_from_golds_files(tmp_path: Path) -> None:
    (query,) = blocks(section(page("grafana.md"), "SQL, by way of Parquet"), "sql")
    examples, home = ROOT / "examples", tmp_path / "home"
    replayed = here(
        "replay", examples / "readings.csv", "--places", examples / "places.csv", "--home", home
    )
    assert replayed.returncode == 0, replayed.stderr
    assert here("refine", "--home", home).returncode == 0
    asked = "SELECT count(*) AS n FROM alerts WHERE type = 'alert'"
    told = json.loads(here("sql", asked, "--home", home, "--json").stdout)
    files = query.replace("/var/lib/atalaia/home", str(home))
    [(n, first)] = duckdb.sql(f"SELECT sum(alerts), min(time)::DATE FROM ({files})").fetchall()
    assert (n, str(first)) == (told["n"], "2013-06-07")
    assert n > 0
