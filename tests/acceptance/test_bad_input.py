"""Damaged answers and files: no traceback, and no alert from a value that cannot be weather.

Every recorded file is cut at random places and has bytes changed, and is then given to each
decoder that it could have come to, and on through the watch. ATALAIA_FUZZ=long does it far more
often, and cuts whole files (`make fuzz`).
"""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from atalaia import rules
from atalaia.detect.watch import Watch
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.errors import AtalaiaError
from atalaia.ports import Record
from atalaia.sources import decode_all, decoders
from atalaia.sources.recorded import read_files, read_places
from stories import assert_plausible, atalaia, here, weather

IS_LONG = os.environ.get("ATALAIA_FUZZ") == "long"
CUTS, CHANGES, AT_MOST = (50, 1000, 60_000) if IS_LONG else (8, 30, 8_000)

RECEIVED_AT = 1_714_500_000
STATIONS = ("A801", "B807", "A329", "A301")
WHERE = Places(
    Place(id=i, name=i, latitude=-30, longitude=-51, timezone="America/Sao_Paulo", area="Sul")
    for i in (*STATIONS, "JFK", "EWR")
)
CONTENTS = {
    "tomorrow-io": (
        "realtime", "realtime-imperial", "forecast", "forecast-imperial", "timelines",
        "timelines-imperial",
    ),
    "open-meteo": ("forecast", "archive"),
    "inmet": ("station-csv",),
    "csv": ("readings-csv",),
    "station": ("readings-csv", "readings-json"),
    "cap": ("feed",),
}  # fmt: skip
FOLDERS = {
    "tomorrowio": ("tomorrow-io",),
    "open_meteo": ("open-meteo",),
    "inmet": ("inmet",),
    "cap": ("cap",),
}
"""Whose answers the files of a folder are; all others could come from anyone."""

FILES = sorted(
    str(path.relative_to(folder))
    for folder in [Path(__file__).resolve().parents[3] / "shared" / "data"]
    for path in folder.glob("*/*")
    if path.is_file()
)
OWN = "made here/readings.csv", "made here/readings.ndjson"
READINGS = b"""place_id,valid_at,period_s,kind,issued_at,wind_gust_m_s,rain_mm,temperature_c
JFK,2024-04-30T10:00:00Z,3600,observed,,21.5,31.2,25
JFK,2024-04-30T11:00:00Z,3600,observed,,29.5,,25
EWR,2024-04-30T11:00:00Z,3600,analysis,,12.5,61.0,26
EWR,2024-04-30T18:00:00Z,3600,forecast,2024-04-30T12:00:00Z,40,80,26
"""
PUSHED = b"""{"place_id":"JFK","valid_at":"2024-04-30T10:00:00Z","wind_gust_m_s":21.5,"rain_mm":31}
{"place_id":"JFK","valid_at":"2024-04-30T17:00:00Z","period_s":900,"rain_rate_mm_h":80.0}
"""


def body_of(name: str, request: pytest.FixtureRequest) -> bytes:
    if name in OWN:
        return READINGS if name.endswith("csv") else PUSHED
    path = request.getfixturevalue("shared") / name
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            return archive.read(archive.namelist()[0])
    return path.read_bytes()


def trimmed(body: bytes, chance: random.Random) -> bytes:
    """At most AT_MOST bytes: the beginning, or now and then the end joined to it."""
    if len(body) <= AT_MOST:
        return body
    half = AT_MOST // 2
    return body[:AT_MOST] if chance.random() < 0.8 else body[:half] + body[-half:]


def damaged(body: bytes, chance: random.Random) -> Iterator[bytes]:
    """The body cut short, and with a byte or a few changed."""
    yield b""
    for _ in range(CUTS):
        yield body[: chance.randrange(len(body) + 1)]
    for _ in range(CHANGES):
        changed = bytearray(trimmed(body, chance))
        # Most of them where the structure is: a change far into the figures is like another.
        reach = len(changed) if chance.random() < 0.5 else min(len(changed), 2500)
        for _ in range(chance.choice([1, 1, 1, 2, 8])):
            at = chance.randrange(reach)
            changed[at] = chance.choice([chance.randrange(256), *b'9-.,e{}[];\n"0'])
        yield bytes(changed)


def fitting(name: str) -> list[tuple[str, str]]:
    sources = FOLDERS.get(
        name.split("/", maxsplit=1)[0], tuple(CONTENTS) if name not in OWN else ("csv", "station")
    )
    return [(source, content) for source in sources for content in CONTENTS[source]]


ELSEWHERE = {"ana", "cemaden", "http", "metar", "nws", "plugin", "pws", "wis2"}
"""Damaged in test_damaged_instruments.py, tests/sources/test_live.py and test_described.py, and in
tests/plugins."""


def test_every_decoder_is_fed_here_or_by_a_test_of_its_own() -> None:
    assert set(CONTENTS) | {"clock"} | ELSEWHERE == set(decoders(WHERE))


@pytest.mark.parametrize("name", [*FILES, *OWN])
def test_a_damaged_file_costs_itself_and_nothing_else(
    name: str, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(crc32(name.encode()))
    body = body_of(name, request)
    pairs = fitting(name)
    decode = decode_all(WHERE)
    watch = Watch(rules.load("inmet"), WHERE, decode)
    variants = [trimmed(body, chance), *damaged(body if IS_LONG else trimmed(body, chance), chance)]
    for number, variant in enumerate(variants):
        # Files of no known provider go to every decoder once, and then to one at a time.
        chosen = pairs if number == 0 or len(pairs) <= 2 else [chance.choice(pairs)]
        for source, content in chosen:
            payload = Payload(
                source=source,
                content=content,
                places=tuple(chance.sample(STATIONS, chance.randint(0, 2))) or ("A801",),
                received_at=RECEIVED_AT + number * 60,
                body=variant,
                is_recorded=chance.random() < 0.5,
            )
            everything = decode([payload], None)
            for reject in everything.rejects:
                assert reject.reason != "fault in the decoder", (
                    name,
                    number,
                    source,
                    content,
                    reject,
                )
            step, _ = watch.step([Record(number + 1, payload)])
            for entry in weather(step.entries):
                if entry.alert.reason != "rule changed":
                    assert_plausible(entry.alert)


def test_an_answer_that_is_no_answer_costs_itself_only() -> None:
    decode = decode_all(WHERE)
    bodies = [
        b"", b"null", b"0", b"[]", b"{}", b'""', b"[[[[", b"\xff\xfe\x00", b"\x00" * 100,
        b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        b'{"data":null}', b'{"data":{"time":null,"values":null}}', b'{"timelines":{}}',
        b'{"hourly":{"time":[],"rain":null}}', b"[" * 20_000, b'{"a":' * 5_000,
        b'{"data":{"time":"2024-04-30T10:00:00Z","values":{"windGust":1e400}}}',
        b'{"data":{"time":"2024-04-30T10:00:00Z","values":{"windGust":"NaN"}}}',
        b'{"data":{"time":"9999999-04-30T10:00:00Z","values":{"windGust":30}}}',
    ]  # fmt: skip
    for source, contents in CONTENTS.items():
        for content in (*contents, "no-such-content"):
            for body in bodies:
                for status in (200, 404, 500):
                    payload = Payload(
                        source=source, content=content, places=("JFK",), received_at=RECEIVED_AT,
                        body=body, status=status,
                    )  # fmt: skip
                    found = decode([payload], None)
                    assert all(r.reason != "fault in the decoder" for r in found.rejects), (
                        content,
                        body,
                    )
                    assert len(found.readings) == 0 or body.startswith(b'{"data"')


def read_as_recording(file: Path) -> None:
    read_files([file], Places([]))


@pytest.mark.parametrize("name", [*FILES, *OWN])
def test_a_damaged_file_as_a_recording_or_a_list_of_places_is_refused_in_words(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    chance = random.Random(crc32(name.encode()) + 1)
    file = tmp_path / "damaged.csv"
    body = trimmed(body_of(name, request), chance)
    for variant in [body, *list(damaged(body, chance))[:: 1 if IS_LONG else 3]]:
        file.write_bytes(variant)
        for read in (read_as_recording, read_places):
            assert refusal(read, file) in (None, "named")


def test_a_date_that_is_none_among_many_costs_one_row(tmp_path: Path) -> None:
    places, file = tmp_path / "places.csv", tmp_path / "readings.csv"
    places.write_text("place_id,name,latitude,longitude,timezone\nJFK,JFK,1,2,UTC\n")
    days = [f"2024-{month:02}-{day:02}" for month in range(1, 4) for day in range(1, 29)]
    instants = [f"{day}T{hour:02}:00:00Z" for day in days for hour in range(24)]
    instants[700] = "2024-02-30T00:00:00Z"
    rows = "".join(f"JFK,{instant},3600,observed,3\n" for instant in instants)
    file.write_text(f"place_id,valid_at,period_s,kind,wind_gust_m_s\n{rows}")
    found = atalaia("replay", "--places", places, file, "--json")
    # A crash of the process would be a negative number here.
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["readings"] == len(instants) - 1


def refusal(read: Callable[[Path], object], file: Path) -> str | None:
    """None: it was read; "named": refused with the file's name; else what was said."""
    try:
        read(file)
    except AtalaiaError as error:
        return "named" if file.name in str(error) else str(error)
    return None


COMMAND_LINE = [
    "inmet/A801_porto_alegre_2024.csv",
    "tomorrowio/realtime_toronto_2024-09-21.json",
    "cap/dwd_cap12_wind_2023-06-23.xml",
    "geo/municipios.csv",
    *OWN,
]


@pytest.mark.parametrize("name", FILES if IS_LONG else COMMAND_LINE)
def test_the_command_line_refuses_a_damaged_file_without_a_traceback(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    chance = random.Random(crc32(name.encode()) + 2)
    places = tmp_path / "places.csv"
    places.write_text(
        "place_id,name,latitude,longitude,timezone\n"
        + "".join(f"{place.id},{place.id},1,2,UTC\n" for place in WHERE)
    )
    file = tmp_path / "readings.csv"
    body = trimmed(body_of(name, request), chance)
    for variant in [body, chance.choice(list(damaged(body, chance)))]:
        file.write_bytes(variant)
        run = atalaia if IS_LONG else here
        found = run("replay", "--places", places, file, "--alerts", tmp_path / "a.ndjson")
        assert found.returncode in (0, 1), found.stderr
        assert "Traceback" not in found.stderr
        if found.returncode:
            assert "readings.csv" in found.stderr
