"""The recipes of the documentation for a source, a channel and a hazard, followed as they stand.

What a page tells to write is written, what it tells to run is run, and what it shows is what comes.
The one thing that is another is where a service answers: on loopback.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from aiohttp import web

from atalaia.domain.hazard import Hazard
from channels.servers import says, serving
from patience import LIMIT_S, until
from stories import here

ROOT = Path(__file__).resolve().parents[1]
ADD_HAZARD = "How to add a hazard"
HAZARD_FILE, WORDS_FILE = "src/atalaia/domain/hazard.py", "src/atalaia/domain/words.py"
FAMILY_FILE = "src/atalaia/domain/spells.py"


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


def test_the_page_names_each_file_in_which_all_hazards_stand() -> None:
    every = [hazard for hazard in Hazard if hazard is not Hazard.CANNOT_SEE]
    files = [one for kind in ("py", "js") for one in (ROOT / "src").rglob(f"*.{kind}")]
    texts = {str(one.relative_to(ROOT)): one.read_text("utf-8") for one in files}
    found = {
        name
        for name, text in texts.items()
        if all(re.search(rf"\b({one}|Hazard\.{one.name})\b", text) for one in every)
    }
    assert found
    assert found <= set(re.findall(r"`(src/\S+)`", section(page("rules.md"), ADD_HAZARD)))


def test_a_hazard_is_added_as_the_page_says(tmp_path: Path) -> None:
    named = set(re.findall(r"`(src/\S+|[A-Z]{4,}|Hazard)`", section(page("rules.md"), ADD_HAZARD)))
    assert {
        "Hazard",
        "HAZARDS",
        "ADVICE",
        "FAMILIES",
        HAZARD_FILE,
        WORDS_FILE,
        FAMILY_FILE,
    } <= named
    for part in ("src", "examples"):
        ignored = shutil.ignore_patterns("__pycache__", "vendor")
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    put(tmp_path / HAZARD_FILE, r"^class Hazard\(.*?\n\n", '    HAIL = "hail"\n')
    words = tmp_path / WORDS_FILE
    put(words, r"^HAZARDS: .*?= \{\n", '    Hazard.HAIL: ("granizo", "hail", "granizo"),\n')
    put(words, r"^ADVICE: .*?= \{\n", '    Hazard.HAIL: ("Entre", "Go inside", "Entre"),\n')
    put(tmp_path / FAMILY_FILE, r"^FAMILIES: .*?= \{\n", '    "hail": (Hazard.HAIL,),\n')
    rules = tmp_path / "hail.toml"
    rules.write_text(
        'name = "hail"\n[[rule]]\nname = "hail"\nhazard = "hail"\nvariable = "wind_gust_m_s"\n'
        'limits = { yellow = 10, orange = 20, red = 30 }\norigin = "a test"\n'
    )
    alerts = tmp_path / "alerts.ndjson"
    # Another program than the one that runs the tests: it is ours with a hazard more.
    done = subprocess.run(
        [sys.executable, "-m", "atalaia", "replay", "examples/readings.csv", "--places",
         "examples/places.csv", "--rules", rules, "--alerts", alerts],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in alerts.read_text("utf-8").splitlines()]
    assert {one["hazard"] for one in told} == {"hail"}
    first = next(one for one in told if one["type"] == "alert")
    assert "hail" in first["text"]["en"]
    assert "Go inside" in first["text"]["en"]
    assert "granizo" in first["text"]["pt-BR"]


MY_PROVIDER = '''
"""Gusts of a provider of our own."""

import os
from collections.abc import Sequence
from functools import partial

import msgspec
import numpy as np

from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.decoded import Decode
from atalaia.domain.reading import Kind, Readings
from atalaia.sources.decoding import Wanted, by_content, plain_error, times_of_rows
from atalaia.sources.rejects import Rejects, Unreadable
from atalaia.sources.request import SourceRequest
from atalaia.sources.times import utc_seconds
from atalaia.sources.units import conversion

NAME = "my-provider"
CONTENT = "gusts"


class Answer(msgspec.Struct):
    at: list[str]
    unit: str
    gust: list[float | None]


_decode = msgspec.json.Decoder(Answer).decode


def request(place: Place) -> SourceRequest:
    return SourceRequest(
        source=NAME, content=CONTENT, places=(place.id,), url=os.environ["MY_PROVIDER"],
        params={"lat": f"{place.latitude}", "lon": f"{place.longitude}"},
        credentials={"X-Key": "a-secret"},
    )


def decoder(places: Places) -> Decode:
    return by_content({CONTENT: partial(_read, places)}, plain_error)


def _read(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    try:
        answer = _decode(payload.body)
    except msgspec.MsgspecError as error:
        raise Unreadable("not an answer", str(error)) from error
    convert = conversion(answer.unit, "wind_gust_m_s")
    if convert is None:
        raise Unreadable("unknown unit", answer.unit)
    valid_at = utc_seconds(answer.at)
    kind = np.full(len(valid_at), Kind.OBSERVED, np.int8)
    issued_at, known_at = times_of_rows(kind, valid_at, payload.received_at, payload.is_recorded)
    gust = np.array([np.nan if one is None else one for one in answer.gust])
    return Readings.build(
        place=np.full(len(valid_at), places.position[payload.places[0]], np.int32),
        source=NAME, kind=kind, valid_at=valid_at, issued_at=issued_at, known_at=known_at,
        values={"wind_gust_m_s": convert[0] * gust + convert[1]},
    )
'''
"""What the page says that a provider needs: a name, `requests`, `decoder`."""


def with_my_provider(folder: Path) -> Path:
    """A copy of the program in this folder, with the source where the page says that it goes."""
    package = folder / "src" / "atalaia"
    ignored = shutil.ignore_patterns("__pycache__", "vendor")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    (package / "sources" / "my_provider.py").write_text(MY_PROVIDER, "utf-8")
    file = package / "sources" / "__init__.py"
    put(
        file,
        r"^def decoders\(.*?\n\n?    # Who.*?\n",
        "    from atalaia.sources import my_provider\n",
    )
    put(file, r"^    return \{\n", "        my_provider.NAME: my_provider.decoder(places),\n")
    put(
        package / "sources" / "budget.py",
        r"^LIMITS: .*? = \{\n",
        '    "my-provider": (CallWindow("minute", 10, 60),),\n',
    )
    plans = package / "settings" / "plans.py"
    put(
        plans,
        r"^from functools import partial\n",
        "from atalaia.sources import budget, my_provider\n"
        "from atalaia.sources.plan import EachPlacePlan\n",
    )
    put(
        plans,
        r"^    found: list\[Plan\] = \[\]\n",
        "    found.append(EachPlacePlan(settings.places, my_provider.NAME, my_provider.CONTENT,"
        " 300, my_provider.request, budget.limits_of(my_provider.NAME), expected_s=300))\n",
    )
    return package


def test_a_source_is_added_as_the_page_says(tmp_path: Path) -> None:
    part = section(page("sources.md"), "How to add a source")
    named = set(re.findall(r"`([\w/.]+(?:\(\))?|[A-Z]+)`", part))
    assert {"decoders()", "LIMITS", "plan.py", "settings/plans.py"} <= named
    assert {"sources/__init__.py", "budget.py", "decoding.by_content", "units.conversion"} <= named
    with_my_provider(tmp_path)
    answers = [
        ('{"at": ["2026-09-21T14:00:00Z", "2026-09-21T14:10:00Z"], "unit": "km/h",'
         ' "gust": [90.0, null]}', 0, "wind_gust_m_s 25 m/s"),
        ('{"at": ["2026-09-21T14:00:00Z"], "unit": "furlongs", "gust": [90.0]}', 1, "unknown unit"),
        ("<html>maintenance</html>", 1, "not an answer"),
    ]  # fmt: skip

    async def story() -> None:
        for answer, code, told in answers:
            async with serving(says(answer)) as provider:
                done = await asyncio.to_thread(
                    subprocess.run,
                    [sys.executable, "-m", "atalaia", "sources", "try", "my-provider"],
                    cwd=tmp_path,
                    env=os.environ
                    | {"PYTHONPATH": str(tmp_path / "src"), "MY_PROVIDER": provider.url},
                    capture_output=True, text=True, check=False,
                )  # fmt: skip
                assert done.returncode == code, done.stdout + done.stderr
                assert told in done.stdout
                assert "a-secret" not in done.stdout + done.stderr
                assert provider.headers[0]["X-Key"] == "a-secret"

    asyncio.run(story())


MY_PAGER = '''
"""Pagers of our own."""

import aiohttp

from atalaia.channels.outcomes import post
from atalaia.domain.delivery import Letter, Limits, Outcome

OUTCOMES = {
    200: Outcome("sent"),
    410: Outcome("never", "no such pager", is_gone=True),
    503: Outcome("again", "the tower is busy"),
}


class Pager:
    name = "pager"
    limits = Limits(at_once=2)

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def send(self, letter: Letter) -> Outcome:
        told = {"id": letter.id, "to": letter.contact.address, "text": letter.content.text(300)}
        answer = await post(self._session, f"{self._url}/page", timeout_s=10.0, json=told)
        if isinstance(answer, Outcome):
            return answer
        return OUTCOMES.get(answer.status, Outcome("again", f"status {answer.status}"))
'''
"""What the page says that a channel needs: its name, its limits, one try, a table of outcomes."""


def test_a_channel_is_added_as_the_page_says(tmp_path: Path) -> None:
    """It is busy at first: the message waits, and goes under the same id."""
    part = section(page("channels.md"), "How to add a channel")
    named = set(re.findall(r"`([\w/.]+)`", part))
    assert {"domain/contact.py", "settings/channels.py", "notify/channels.py"} <= named
    assert {"CHANNELS", "KEYS", "Channels", "channels/outcomes.py"} <= named
    package = with_my_provider(tmp_path)
    (package / "channels" / "pager.py").write_text(MY_PAGER, "utf-8")
    contact = package / "domain" / "contact.py"
    put(contact, r"^CHANNELS = \(\n", '    "pager",\n')
    put(contact, r"^_NORMAL = \{\n", '    "pager": _phone,\n')
    read = package / "settings" / "channels.py"
    put(read, r"^KEYS.*?= \(\n", '    "channels.pager.base_url",\n')
    put(read, r"^    alertmanager: AlertmanagerSettings \| None\n", "    pager: str | None\n")
    put(read, r"^        named = \(\n", '            "pager",\n')
    value = '        pager=document.get("channels.pager.base_url", url, "") or None,\n'
    put(read, r"^        alertmanager=_alertmanager\(document\),\n", value)
    opened = package / "notify" / "channels.py"
    put(opened, r"^import aiohttp\n\n", "from atalaia.channels.pager import Pager\n")
    put(
        opened,
        r"^    found: list\[Channel\] = \[Inbox\(\)\]\n",
        "    if chosen.pager is not None:\n        found.append(Pager(session, chosen.pager))\n",
    )
    now = datetime.now(UTC)
    times = [(now - timedelta(minutes=m)).strftime("%Y-%m-%dT%H:%M:%SZ") for m in (20, 10, 0)]
    gusts = {"at": times, "unit": "km/h", "gust": [150.0, 150.0, 150.0]}
    paged: list[dict[str, str]] = []

    async def story() -> None:
        async with serving(says(gusts)) as provider:
            env = os.environ | {"PYTHONPATH": str(tmp_path / "src"), "MY_PROVIDER": provider.url}
            (tmp_path / "atalaia.toml").write_text(
                f'home = "home"\n[api]\nport = 0\n[sources.open-meteo]\nenabled = false\n'
                f'[people]\ncontroller = "Us"\ncontact = "us@example.org"\n'
                f'[channels.pager]\nbase_url = "{provider.url}"\n[[place]]\nid = "2611606"\n'
            )

            def atalaia(*words: str) -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    [sys.executable, "-m", "atalaia", *words], cwd=tmp_path, env=env,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )  # fmt: skip

            joins = atalaia(
                *("subscribe", "--contact", "pager:+5581999990000", "--place", "2611606"),
                *("--proof", "asked at the gate"),
            )
            said, _ = await asyncio.to_thread(joins.communicate, None, LIMIT_S)
            assert b"pager: told from now on" in said, said

            async def answers(request: web.Request) -> web.StreamResponse:
                if request.path != "/page":
                    return await says(gusts)(request)
                body = await request.json()
                paged.append(body)
                return await says({}, 503 if len(paged) == 1 else 200)(request)

            provider.usual = answers
            run = atalaia("run")
            try:
                await until(lambda: len(paged) > 1 or run.poll() is not None)
            finally:
                run.send_signal(signal.SIGINT)
                out, _ = await asyncio.to_thread(run.communicate, None, LIMIT_S)
            assert len(paged) > 1, out
            assert paged[0] == paged[1], "the same message, under the same id"
            assert paged[0]["to"] == "+5581999990000"
            assert "Recife" in paged[0]["text"]
            assert b"81999990000" not in out

    asyncio.run(story())


def put(file: Path, after: str, line: str) -> None:
    """This line, behind the only place of the file that this pattern fits."""
    text, n = re.subn(
        after, lambda found: found[0] + line, file.read_text("utf-8"), flags=re.M | re.S
    )
    assert n == 1, after
    file.write_text(text, "utf-8")


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
