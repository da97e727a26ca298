"""Sources that the settings describe: asked, kept with how they are read, and read."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from atalaia.clock import Clock
from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind
from atalaia.settings import Settings, load
from atalaia.settings.plans import plans
from atalaia.sources import decode_all
from atalaia.sources.described.asked import address_of
from atalaia.sources.described.description import Description, head_of
from atalaia.sources.fetch import fetch
from atalaia.sources.rounds import go_round
from atalaia.sources.schedule import Nearness
from atalaia.sources.trying import TriedSource, try_source
from channels.servers import says, serving
from kept import Kept, Log
from stories import here, rule_set, watched

AT = 1_790_000_000  # 2026-09-21T14:13:20Z
PLACES = Places(
    [
        Place(id="recife", name="Recife", latitude=-8.05, longitude=-34.9),
        Place(id="2611606", name="Another", latitude=-9, longitude=-35),
    ]
)
TEMPERATURE = {"temperature_c": {"path": "main.temp", "unit": "°F"}}


def decoded(
    answer: object, at: int = AT, *, asked: str | None = "recife", is_recorded: bool = False, **keys
) -> Decoded:
    description = msgspec.convert({"values": TEMPERATURE} | keys, Description)
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    payload = Payload(
        source="http:mine",
        content=description.content,
        places=(asked,) if asked else (),
        received_at=at,
        body=head_of(description) + body,
        is_recorded=is_recorded,
    )
    return decode_all(PLACES)([payload], None)


def reasons(told: Decoded) -> list[str]:
    parts = [reject.reason for part in told.stations for reject in part.rejects]
    return sorted({reject.reason for reject in told.rejects} | set(parts))


def test_a_value_is_found_by_its_path_and_converted_by_its_unit() -> None:
    told = decoded({"main": {"temp": 95}})
    assert told.readings.values["temperature_c"].tolist() == [35.0]
    assert told.readings.sources == ("http:mine",)
    assert told.readings.valid_at.tolist() == told.readings.known_at.tolist() == [AT]
    assert told.readings.kind.tolist() == [Kind.OBSERVED]
    assert told.rejects == []


@pytest.mark.parametrize(
    ("written", "keys", "seconds"),
    [
        ("2026-09-21T14:00:00Z", {}, AT - 800),
        ("2026-09-21T11:00:00-03:00", {}, AT - 800),
        ("2026-09-21 11:00", {"zone": "America/Sao_Paulo"}, AT - 800),
        ("21/09/2026 11h00", {"zone": "America/Recife", "time_format": "%d/%m/%Y %Hh%M"}, AT - 800),
        (AT - 800, {}, AT - 800),
        (1000 * (AT - 800) + 1, {}, AT - 800),
        (f"{AT - 800}", {}, AT - 800),
    ],
)
def test_times_are_read_as_they_are_written(written: object, keys: dict, seconds: int) -> None:
    told = decoded({"main": {"temp": 50}, "at": written}, time="at", **keys)
    assert told.readings.valid_at.tolist() == [seconds]
    assert told.rejects == []


@pytest.mark.parametrize(
    ("written", "zone", "reason"),
    [
        ("2026-09-21T14:00:00", "", "time without offset"),
        ("2026-10-25T02:30:00", "Europe/Berlin", "time that is there twice"),
        ("2026-03-29T02:30:00", "Europe/Berlin", "time that there is not"),
        ("tomorrow", "", "not a time"),
        (True, "", "not a time"),
        (None, "", "not a time"),
        ({"a": 1}, "", "not a time"),
        ("0001-01-01T00:00:00Z", "", "time out of range"),
    ],
)
def test_a_time_that_is_none_is_refused_and_not_guessed(
    written: object, zone: str, reason: str
) -> None:
    told = decoded({"main": {"temp": 50}, "at": written}, AT + 86_400 * 60, time="at", zone=zone)
    assert len(told.readings) == 0
    assert reasons(told) == [reason]


def test_each_bad_value_costs_itself_alone() -> None:
    cells = [20, None, -999, "n/a", "21.5", "warm", True, 1e999, "-999.0"]
    rows = [{"at": AT + i, "main": {"temp": cell}} for i, cell in enumerate(cells)]
    keys = {"time": "at", "rows": "list", "values": {"temperature_c": {"path": "main.temp"}}}
    body = json.dumps({"list": rows}).encode()
    told = decoded(body, AT + 100, missing=[-999, "n/a"], **keys)
    column = told.readings.values["temperature_c"]
    assert [None if np.isnan(each) else each for each in column] == [20, *[None] * 3, 21.5] + [
        None
    ] * 4
    assert reasons(told) == ["not a number", "not finite"]
    assert any(reject.detail.startswith("row 6: main.temp is 'warm'") for reject in told.rejects)


def test_lists_side_by_side_are_rows_and_a_forecasts_past_is_analysis() -> None:
    answer = {"hourly": {"time": [AT - 60, AT + 60], "t": [1, 2], "short": [1]}}
    values = {"temperature_c": {"path": "t"}, "dew_point_c": {"path": "short"}}
    told = decoded(answer, rows="hourly", time="time", kind="forecast", values=values)
    assert told.readings.kind.tolist() == [Kind.ANALYSIS, Kind.FORECAST]
    assert told.readings.values.keys() == {"temperature_c"}
    assert reasons(told) == ["lists of several lengths"]


def test_csv_is_read_by_its_header_with_its_own_letters() -> None:
    body = (
        '\n\ncode;at;"t;C";rain\nrecife;14:00;"1.021,5";0,2\nnowhere;14:00;2;1\nx;y\n;14:00;3;1\n'
    )
    told = decoded(
        body.replace("14:00", "21/09/2026 14:00").encode("utf-8-sig"),
        asked=None,
        format="csv",
        delimiter=";",
        decimal=",",
        place="code",
        time="at",
        time_format="%d/%m/%Y %H:%M",
        zone="UTC",
        values={
            "pressure_hpa": {"path": "t;C"},
            "rain_mm": {"path": "rain", "period_s": 3600},
            "uv_index": {"path": "uv"},
        },
    )
    assert told.readings.values["pressure_hpa"].tolist() == [1021.5]
    assert told.readings.values["rain_mm"].tolist() == [0.2]
    assert told.readings.period_s.tolist() == [3600]
    assert reasons(told) == ["another width", "no such column", "unknown place"]


def test_numbers_are_ids_of_places_too() -> None:
    told = decoded([{"id": 2611606, "main": {"temp": 50}}], asked=None, place="id")
    assert told.readings.place.tolist() == [1]


def test_stations_say_who_and_where_they_are() -> None:
    rows = [
        {"code": 7, "lat": "-8.1", "lon": -34.9, "main": {"temp": 50}, "at": AT - 60, "mm": 1.5},
        {"code": None, "main": {"temp": 50}, "at": AT - 60},
        {"code": "B", "lat": 100, "lon": "x", "main": {"temp": None}, "at": AT + 7200},
    ]
    told = decoded(
        rows,
        asked=None,
        time="at",
        station={"id": "code", "latitude": "lat", "longitude": "lon", "elevation_m": 12},
        values=TEMPERATURE | {"rain_mm": {"path": "mm", "period_s": 600}},
    )
    (part,) = told.stations
    first, second = part.stations
    assert (first.id, first.kind, first.latitude, first.longitude) == (
        "http:mine:7",
        "private",
        -8.1,
        -34.9,
    )
    assert (first.elevation_m, second.latitude, second.longitude) == (12, None, None)
    assert part.readings.stations == ("http:mine:7",)
    assert sorted(part.readings.period_s.tolist()) == [0, 600]
    assert reasons(told) == ["no station"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty body"),
        (b"<html>busy</html>", "HTML instead of JSON"),
        (b'{"main": {"te', "truncated JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1, 2]", "not a row"),
    ],
)
def test_what_is_no_answer_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    told = decoded(body)
    assert len(told.readings) == 0
    assert reasons(told) == [reason]


def test_a_body_without_its_description_is_read_by_no_guess() -> None:
    for body in (b'{"main": {"temp": 95}}', b"", b'{"values": {}}\n{}', b'{"values": 1}\n{}'):
        payload = Payload(source="http:mine", content="places", received_at=AT, body=body)
        told = decode_all(PLACES)([payload], None)
        assert reasons(told) == ["no description"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("main", "temp", "at", "list", "x")), inner, max_size=3)
    ),
    max_leaves=12,
)


@few(max_examples=40)
@given(JSON, st.sampled_from(("", "list", "list.0", "main")), st.sampled_from(("", "at")))
def test_no_answer_breaks_the_decoder(answer: object, rows: str, time: str) -> None:
    for station in (None, {"id": "x", "latitude": "main", "name": "temp"}):
        told = decoded(answer, rows=rows, time=time, station=station)
        assert "fault in the decoder" not in reasons(told)


@few(max_examples=40)
@given(st.binary(max_size=60) | st.text('a,b;"\n\r.0', max_size=40).map(str.encode))
def test_no_csv_breaks_the_decoder(answer: bytes) -> None:
    told = decoded(answer, format="csv", values={"temperature_c": {"path": "a"}}, time="b")
    assert "fault in the decoder" not in reasons(told)


# Asked


def test_slots_are_filled_in_and_nothing_gets_out_of_them() -> None:
    address = address_of("https://a.example/{place}/now?at={latitude},{longitude}&u=m")
    place = Place(id="../x?y", name="X", latitude=-8.05, longitude=-34.9)
    url, params = address.of(place)
    assert url == "https://a.example/..%2Fx%3Fy/now"
    assert params == {"at": "-8.05,-34.9", "u": "m"}
    for wrong in ("ftp://a", "https://{place}.example/", "https://a/{lat}", "https://a/?b=1&b=2"):
        with pytest.raises(ValueError, match=r"write|there are|keep"):
            address_of(wrong)


def settings(folder: Path, text: str, **env: str) -> Settings:
    file = folder / "atalaia.toml"
    file.write_text(
        '[[place]]\nid = "recife"\nname = "Recife"\nlatitude = -8.05\nlongitude = -34.9\n'
        "[sources.open-meteo]\nenabled = false\n" + text
    )
    return load(file, env)


def described(url: str, more: str = "", values: str = 'temperature_c = "main.temp"') -> str:
    head = f'[sources.http.mine]\nurl = "{url}"\n{more}\n'
    return f"{head}[sources.http.mine.values]\n{values}\n"


def tried(chosen: Settings) -> TriedSource:
    (plan,) = plans(chosen)
    return asyncio.run(try_source(plan, chosen.places, 0, Clock()))


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ('key_header = "X-Key"', "X-Key"),
        ("", "Authorization"),
        ('key_param = "appid"', "query"),
    ],
)
def test_a_key_goes_out_and_becomes_part_of_nothing(tmp_path: Path, more: str, where: str) -> None:
    async def story() -> None:
        async with serving(says({"main": {"temp": 30}, "you": "c4nary key%2F"})) as provider:
            text = described(f"{provider.url}/now?at={{latitude}}", more)
            chosen = settings(tmp_path, text, ATALAIA_SOURCES_HTTP_MINE_KEY="c4nary")
            (plan,) = plans(chosen)
            assert "c4nary" not in repr(chosen) + repr(plan.requests([])) + repr(vars(plan))
            (due,) = plan.due(AT, {"places": np.full(1, -(2**63))}, np.zeros(1), {})
            ((request, _),) = plan.requests([due])
            assert "c4nary" not in repr(request)
            payload, _ = await fetch(provider.session, request, lambda: AT)
            assert b"c4nary" not in payload.body
            assert b"***" in payload.body
            (seen,) = provider.headers
            assert seen.get(where, "c4nary").endswith("c4nary")

    asyncio.run(story())


def test_what_came_is_read_as_it_was_described_when_it_came_whatever_is_described_now(
    tmp_path: Path,
) -> None:
    """Two rounds with two descriptions; both payloads are then read by a program that knows
    neither, as a replay and `refine` are, and the watch alerts of what came."""
    stream, notes, clock = Log(), Kept(), [float(AT)]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds

    async def story() -> None:
        async with serving(says({"main": {"temp": 42, "t2": 100}})) as provider:
            for values in ('temperature_c = "main.temp"',
                           'temperature_c = { path = "main.t2", unit = "°F" }'):  # fmt: skip
                url = f"{provider.url}/{{place}}"
                chosen = settings(tmp_path, described(url, "calls_a_day = 100", values))
                went = await go_round(
                    plans(chosen), [], chosen.places, stream, notes,
                    Clock(lambda: clock[0], sleep, lambda: 0.5),
                    nearness=Nearness.unknown(1), on_kept=lambda _: None,
                )  # fmt: skip
                assert went.sources[0].source == "http:mine"
                assert went.sources[0].health.reason is None
                clock[0] += 900
            assert went.sources[0].calls_left == {"day": 98}
            assert [path for path, _ in provider.asked] == ["/recife", "/recife"]

    asyncio.run(story())
    kept = [one for one in stream.kept if one.source == "http:mine"]
    told = decode_all(settings(tmp_path, "").places)(kept, None).readings
    assert told.values["temperature_c"].tolist() == [42.0, pytest.approx(37.7778)]
    rules = rule_set({"variable": "temperature_c", "hazard": "heat", "limits": {"orange": 40}})
    log = watched(told, rules, settings(tmp_path, "").places)
    assert [(one.alert.type, one.alert.source) for one in log][:1] == [("alert", "http:mine")]


def test_trying_one_shows_what_came_and_what_was_refused_and_why(tmp_path: Path) -> None:
    async def story() -> None:
        rows = [{"t": 21.5, "at": "2026-09-21T14:00:00Z"}, {"t": "x", "at": "never"}]
        async with serving(says(rows)) as provider:
            text = described(provider.url, 'place = "recife"\ntime = "at"', 'temperature_c = "t"')
            settings(tmp_path, text)
            ask = ("sources", "try", "mine", "--settings", tmp_path / "atalaia.toml")
            shown = await asyncio.to_thread(here, *ask)
            assert shown.returncode == 0
            assert "recife" in shown.stdout
            assert "temperature_c 21.5 °C" in shown.stdout
            assert "refused: not a time (1), first: row 2: at is 'never'" in shown.stdout
            provider.answers = [says("busy", 500)]
            nothing = await asyncio.to_thread(here, *ask, "--json")
            assert nothing.returncode == 1
            told = json.loads(nothing.stdout)
            assert (told["source"], told["values"]) == ("http:mine", [])
            assert [one["status"] for one in told["asked"]] == [500]
            assert [one["reason"] for one in told["rejects"]] == ["error 500"]

    asyncio.run(story())
