"""Hazards of the further APIs, from a provider's answer to what people read in three languages.

The answers are made up, in the provider's shape: no recording of such a day was at hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atalaia import rules
from atalaia.batch.gev import return_levels
from atalaia.batch.learn import learn_from
from atalaia.cli.replays import replay_payloads
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Place, Places
from atalaia.homes.embedded import open_home
from stories import came

AT = 1_789_416_000  # 2026-09-14T20:00:00Z
HOUR, DAY = 3600, 86_400
MANAUS = Places(
    [Place(id="mao", name="Manaus", latitude=-3.1, longitude=-60.0, timezone="America/Manaus")]
)


def lived(
    tmp_path: Path,
    api: str,
    rule_set: str,
    answers: Sequence[tuple[int, dict[str, Any]]],
    home: Path | None = None,
) -> list[LogEntry]:
    """What the watch told of answers of an API, each received when it says, in a home."""
    content = "fire-weather" if api == "fire-weather" else "forecast"
    lines = [came(at, "mao", f"open-meteo:{api}", content, body) for at, body in answers]
    return replayed(tmp_path, rule_set, lines, home)


def replayed(
    tmp_path: Path, rule_set: str, lines: Sequence[dict[str, Any]], home: Path | None = None
) -> list[LogEntry]:
    """What the watch told of payloads, in their order."""
    file = tmp_path / "payloads.ndjson"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = replay_payloads(MANAUS, [file], rules.load(rule_set), home=home)
    assert done.rejected == []
    return done.entries


def hours(
    at: int, since: int, until: int, value: dict[str, Callable[[int], float | None]], unit: str
) -> dict[str, Any]:
    """An answer by the hour; `value` has a function of the hours since AT by field."""
    times = [at + i * HOUR for i in range(since, until + 1)]
    told = [datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%dT%H:%M") for one in times]
    return {
        "latitude": -3.2,
        "longitude": -60.0,
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601"} | dict.fromkeys(value, unit),
        "hourly": {"time": told}
        | {name: [of((one - AT) // HOUR) for one in times] for name, of in value.items()},
    }


def test_smoke_is_foretold_lived_through_and_ended_in_three_languages(tmp_path: Path) -> None:
    def smoke(hour: int) -> float:
        return 300.0 if 12 <= hour < 36 else 8.0

    def polls() -> Iterator[tuple[int, dict[str, Any]]]:
        for poll in range(0, 96, 2):
            at = AT + poll * HOUR
            yield at, hours(at, -24, 48, {"pm2_5": smoke}, "\u03bcg/m\u00b3")

    entries = lived(tmp_path, "air-quality", "air-quality", list(polls()))
    told = [(e.alert.type, e.alert.level, e.alert.certainty, e.alert.reason) for e in entries]
    assert told == [
        ("alert", "red", "Possible", "onset"),
        ("update", "red", "Likely", "certainty"),
        ("end", "red", "Likely", "ended"),
    ]
    first, _, last = (entry.alert.text for entry in entries)
    assert first == {
        "pt-BR": "Vermelho (grande perigo): ar poluído em Manaus, a partir de 15/09 06:00. "
        "Partículas finas (MP2,5), média de 24 h: 129,7 µg/m³ (previsto, 15/09 13:00), limite "
        "125,5 µg/m³. Fonte: open-meteo:air-quality. Fique dentro, com janelas fechadas; evite "
        "esforço; fora, use máscara PFF2 ou N95. Isto não é um aviso oficial.",
        "en": "Red (extreme): polluted air at Manaus, from 15 Sep 06:00. Fine particles (PM2.5), "
        "average over 24 h: 129.7 µg/m³ (forecast, 15 Sep 13:00), limit 125.5 µg/m³. Source: "
        "open-meteo:air-quality. Stay inside with windows shut; avoid effort; outside wear an FFP2 "
        "or N95 mask. This is not an official warning.",
        "es": "Rojo (extremo): aire contaminado en Manaus, a partir de 15/09 06:00. Partículas "
        "finas (PM2,5), promedio de 24 h: 129,7 µg/m³ (previsto, 15/09 13:00), límite 125,5 µg/m³. "
        "Fuente: open-meteo:air-quality. Quédese dentro, con ventanas cerradas; evite esfuerzos; "
        "fuera use mascarilla FFP2 o N95. Esto no es un aviso oficial.",
    }
    assert last["en"].startswith("Over: polluted air at Manaus. Fine particles (PM2.5), average ")
    assert "peak 300 µg/m³" in last["en"]


def test_thunder_that_could_become_severe_is_foretold_in_three_languages(tmp_path: Path) -> None:
    def fields(thunder: Callable[[int], bool]) -> dict[str, Callable[[int], float | None]]:
        return {
            "weather_code": lambda hour: 95 if thunder(hour) else 2,
            "cape": lambda _hour: 3000.0,
            "wind_speed_10m": lambda _hour: 5.0,
            "wind_direction_10m": lambda _hour: 90.0,
            "wind_speed_500hPa": lambda _hour: 25.0,
            "wind_direction_500hPa": lambda _hour: 270.0,
        }

    units = {"weather_code": "wmo code", "cape": "J/kg"}
    units |= dict.fromkeys(("wind_speed_10m", "wind_speed_500hPa"), "m/s")
    units |= dict.fromkeys(("wind_direction_10m", "wind_direction_500hPa"), "\u00b0")
    lines = []
    for poll in range(20):
        at = AT + poll * HOUR
        body = hours(at, -6, 48, fields(lambda hour: 8 <= hour < 11), "")
        body["hourly_units"] |= units
        lines.append(came(at, "mao", "open-meteo:storms", "storms", body))
    entries = replayed(tmp_path, "thunderstorm-severe", lines)
    assert [(e.alert.type, e.alert.level, e.alert.certainty) for e in entries] == [
        ("alert", "orange", "Possible"),
        ("update", "orange", "Likely"),
        ("end", "orange", "Likely"),
    ]
    first = entries[0].alert.text
    assert (
        "trovoada em Manaus, a partir de 15/09 00:00. Energia da trovoada vezes" in first["pt-BR"]
    )
    assert "thunderstorm at Manaus, from 15 Sep 00:00. The thunderstorm's energy" in first["en"]
    assert (
        ": 90000 m\u00b3/s\u00b3 (forecast, 15 Sep 00:00), limit 20000 m\u00b3/s\u00b3"
        in first["en"]
    )
    assert "tormenta el\u00e9ctrica en Manaus" in first["es"]
    assert "límite 20000 m\u00b3/s\u00b3. Fuente: open-meteo:storms. Entre en casa" in first["es"]


RIO = Places(
    [
        Place(id="rocinha", name="Rocinha", latitude=-22.99, longitude=-43.25,
              timezone="America/Sao_Paulo"),
        Place(id="petropolis", name="Petrópolis", latitude=-22.51, longitude=-43.18,
              timezone="America/Sao_Paulo"),
    ]
)  # fmt: skip


def test_a_slope_is_foretold_to_slide_and_is_told_in_its_region_alone(tmp_path: Path) -> None:
    """The same rain at two places: the limit was found in one of the cities."""

    def cloudburst(hour: int) -> float:
        return 46.0 if hour == 5 else 2.0 if 0 < hour < 10 else 0.0

    lines = []
    for poll in range(30):
        at = AT + poll * HOUR
        body = [
            hours(at, -24, 48, {"precipitation": cloudburst}, "mm")
            | {"latitude": place.latitude, "longitude": place.longitude}
            for place in RIO
        ]
        line = came(at, "rocinha", "open-meteo", "forecast", body)
        lines.append(line | {"places": [place.id for place in RIO]})
    file = tmp_path / "payloads.ndjson"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = replay_payloads(RIO, [file], rules.load("landslide-rio"))
    assert done.rejected == []
    told = [
        (e.alert.place_id, e.alert.type, e.alert.level, e.alert.certainty) for e in done.entries
    ]
    assert told == [
        ("rocinha", "alert", "red", "Possible"),
        ("rocinha", "update", "red", "Likely"),
        ("rocinha", "end", "red", "Likely"),
    ]
    assert done.entries[0].alert.rule == "rio-slopes-1h"
    assert done.entries[0].alert.text == {
        "pt-BR": "Vermelho (grande perigo): risco de deslizamento em Rocinha, a partir de 14/09 "
        "22:00. Chuva em 1 h: 46 mm (previsto, 14/09 22:00), limite 40 mm. Fonte: open-meteo. Em "
        "encosta, saia já para um lugar seguro; atenção a trincas, estalos, árvores e postes "
        "inclinados; emergência: 199 ou 193. Isto não é um aviso oficial.",
        "en": "Red (extreme): risk of landslides at Rocinha, from 14 Sep 22:00. Rain in 1 h: 46 mm "
        "(forecast, 14 Sep 22:00), limit 40 mm. Source: open-meteo. On a slope, leave now for a "
        "safe place; watch for cracks, cracking sounds, leaning trees and poles. This is not an "
        "official warning.",
        "es": "Rojo (extremo): riesgo de deslizamientos en Rocinha, a partir de 14/09 22:00. "
        "Lluvia en 1 h: 46 mm (previsto, 14/09 22:00), límite 40 mm. Fuente: open-meteo. En una "
        "ladera, salga ya hacia un lugar seguro; atención a grietas, crujidos, árboles y postes "
        "inclinados. Esto no es un aviso oficial.",
    }


SEATTLE = Places(
    [
        Place(id="sea", name="Seattle", latitude=47.61, longitude=-122.33,
              timezone="America/Los_Angeles")
    ]
)  # fmt: skip


def test_weeks_of_rain_that_soaked_a_slope_are_told_though_the_last_days_alone_are_not_much(
    tmp_path: Path,
) -> None:
    """5 mm a day for 18 days, then 20 mm a day: neither passes alone what both pass together."""

    def lines(of_last_days: float, before: float) -> Iterator[dict[str, Any]]:
        for poll in range(-20 * 24, 1, 12):
            body = hours(
                AT + poll * HOUR,
                -12,
                0,
                {"precipitation": lambda hour: (of_last_days if hour > -72 else before) / 24},
                "mm",
            )
            where = {"latitude": 47.6, "longitude": -122.3}
            yield came(AT + poll * HOUR, "sea", "open-meteo", "archive", body | where)

    def told(of_last_days: float, before: float) -> list[tuple[str, str]]:
        file = tmp_path / "payloads.ndjson"
        file.write_text("".join(json.dumps(one) + "\n" for one in lines(of_last_days, before)))
        done = replay_payloads(SEATTLE, [file], rules.load("landslide-seattle"))
        assert done.rejected == []
        return [(one.alert.rule, one.alert.level) for one in done.entries]

    assert told(20.0, 0.0) == told(0.0, 5.0) == []
    assert told(20.0, 5.0) == [("seattle-slopes-antecedent", "yellow")]


def test_a_further_api_that_falls_silent_is_told_and_nothing_is_called_over(tmp_path: Path) -> None:
    thick = hours(AT, -24, 0, {"pm2_5": lambda _hour: 200.0}, "\u03bcg/m\u00b3")
    empty = hours(AT, -24, 0, {"pm2_5": lambda _hour: None}, "\u03bcg/m\u00b3")
    polls = [(AT, thick), *((AT + poll * HOUR, empty) for poll in range(1, 12))]
    entries = lived(tmp_path, "air-quality", "air-quality", polls)
    assert [(e.alert.hazard, e.alert.type) for e in entries] == [
        ("air_quality", "alert"),
        ("cannot_see", "alert"),
    ]
    assert "open-meteo:air-quality" in entries[1].alert.text["en"]


def days(first_at: int, discharge: Sequence[float | None]) -> dict[str, Any]:
    """An answer by the day, from the day that begins at an instant on."""
    times = [datetime.fromtimestamp(first_at + i * DAY, UTC) for i in range(len(discharge))]
    return {
        "latitude": -3.125,
        "longitude": -60.025,
        "utc_offset_seconds": 0,
        "daily_units": {"time": "iso8601", "river_discharge": "m\u00b3/s"},
        "daily": {
            "time": [f"{one:%Y-%m-%d}" for one in times],
            "river_discharge": list(discharge),
        },
    }


PEAKS = [800, 950, 700, 1200, 1500, 850, 900, 1100, 1000, 2200, 760, 1300, 980, 1050, 1400]
"""The greatest discharge of each of fifteen years, 2000 to 2014, in m³/s; made up."""


def river_of_old() -> tuple[int, list[float]]:
    """A river that carries 100 m³/s and floods once a year; from when on, and by the day."""
    first, last = date(2000, 1, 1), date(2014, 12, 31)
    known = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    told = [
        float(PEAKS[day.year - 2000]) if (day.month, day.day) == (3, 15) else 100.0 for day in known
    ]
    return int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), told


def test_a_river_is_judged_by_its_own_past_days_ahead_and_until_it_has_fallen(
    tmp_path: Path,
) -> None:
    history = tmp_path / "river.json"
    history.write_text(json.dumps(days(*river_of_old())))
    home = tmp_path / "home"
    with open_home(home) as opened:
        (learnt,), rejects = learn_from(opened.lake, MANAUS, [history])
    assert rejects == []
    levels = {
        row.return_years: row.level for row in learnt.climate.levels if row.extreme == "maximum"
    }
    expected, _, _ = return_levels(np.array(PEAKS, float), np.array([2.0, 5.0, 25.0]))
    assert [levels[years] for years in (2, 5, 25)] == pytest.approx(expected.tolist(), abs=0.01)

    midnight = AT - AT % DAY
    wave = [100.0, 100, 100, 100, 1500, 2600, 1500, 300, 100, 100, 100, 100, 100]

    def polls() -> Iterator[tuple[int, dict[str, Any]]]:
        for day in range(10):
            at = midnight + day * DAY + 13 * HOUR
            yield at, days(midnight + (day - 2) * DAY, [*wave[day : day + 6], None])

    entries = lived(tmp_path, "flood", "river-flood", list(polls()), home)
    assert [(e.alert.type, e.alert.level, e.alert.certainty, e.alert.reason) for e in entries] == [
        ("alert", "red", "Possible", "onset"),
        ("update", "red", "Likely", "certainty"),
        ("end", "red", "Likely", "ended"),
    ]
    assert (entries[0].alert.valid_at - entries[0].alert.sent_at) / DAY > 3
    assert entries[0].alert.text == {
        "pt-BR": "Vermelho (grande perigo): cheia de rio em Manaus, a partir de 16/09 20:00. Vazão "
        "do maior rio da célula de 5 km do lugar: 2600 m³/s (previsto, 17/09 20:00), limite 1972,3 "
        "m³/s. Fonte: open-meteo:flood. Saia da beira do rio; leve pessoas, animais e documentos "
        "para o alto; emergência: 199. Isto não é um aviso oficial.",
        "en": "Red (extreme): river flood at Manaus, from 16 Sep 20:00. Discharge of the largest "
        "river in the place's 5 km cell: 2600 m³/s (forecast, 17 Sep 20:00), limit 1972.3 m³/s. "
        "Source: open-meteo:flood. Leave the riverbank; bring people, animals and papers to high "
        "ground. This is not an official warning.",
        "es": "Rojo (extremo): crecida de río en Manaus, a partir de 16/09 20:00. Caudal del mayor "
        "río de la celda de 5 km del lugar: 2600 m³/s (previsto, 17/09 20:00), límite 1972,3 m³/s. "
        "Fuente: open-meteo:flood. Aléjese de la orilla; lleve personas, animales y documentos a "
        "un lugar alto. Esto no es un aviso oficial.",
    }


def test_without_its_past_a_river_is_not_judged(tmp_path: Path) -> None:
    answer = days(AT - AT % DAY, [90_000.0, 90_000, 90_000])
    assert lived(tmp_path, "flood", "river-flood", [(AT, answer)]) == []


def test_a_dry_season_is_told_until_rain_puts_an_end_to_it(tmp_path: Path) -> None:
    def answer(at: int) -> dict[str, Any]:
        first, noon = at - at % DAY - 92 * DAY, 16 * HOUR
        times = range(first, first + 96 * DAY, HOUR)
        falls = AT + 60 * HOUR
        columns = {
            "temperature_2m": [33.0 if one % DAY == noon else 24.0 for one in times],
            "relative_humidity_2m": [25.0 if one % DAY == noon else 70.0 for one in times],
            "wind_speed_10m": [4.0] * len(times),
            "precipitation": [15.0 if 0 <= one - falls < 48 * HOUR else 0.0 for one in times],
        }
        told = [datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%dT%H:%M") for one in times]
        units = dict(zip(columns, ("°C", "%", "m/s", "mm"), strict=True))
        return {
            "latitude": -3.125,
            "longitude": -60.0,
            "utc_offset_seconds": 0,
            "hourly_units": {"time": "iso8601", **units},
            "hourly": {"time": told, **columns},
        }

    polls = [(AT + i * 12 * HOUR, answer(AT + i * 12 * HOUR)) for i in range(11)]
    entries = lived(tmp_path, "fire-weather", "fire-weather", polls)
    assert [(e.alert.type, e.alert.level, e.alert.certainty, e.alert.reason) for e in entries] == [
        ("alert", "red", "Likely", "onset"),
        ("end", "red", "Likely", "ended"),
    ]
    assert entries[0].alert.text == {
        "pt-BR": "Vermelho (grande perigo): risco de incêndio em Manaus, desde 14/09 12:00. "
        "Índice de perigo de incêndio (FWI): 61,8 (estimado, 14/09 12:00), limite 50. Fonte: "
        "open-meteo:fire-weather. Não faça fogo nem queime lixo; se vir fogo, saia cedo e avise; "
        "bombeiros: 193. Isto não é um aviso oficial.",
        "en": "Red (extreme): fire weather at Manaus, since 14 Sep 12:00. Fire weather index "
        "(FWI): 61.8 (estimated, 14 Sep 12:00), limit 50. Source: open-meteo:fire-weather. Light "
        "no fire and burn no waste; if you see fire, leave early and report it. This is not an "
        "official warning.",
        "es": "Rojo (extremo): riesgo de incendio en Manaus, desde 14/09 12:00. Índice de peligro "
        "de incendio (FWI): 61,8 (estimado, 14/09 12:00), límite 50. Fuente: "
        "open-meteo:fire-weather. No encienda fuego ni queme basura; si ve fuego, salga pronto y "
        "avise. Esto no es un aviso oficial.",
    }


def test_a_swell_is_foretold_lived_through_and_ended_in_three_languages(tmp_path: Path) -> None:
    def polls() -> Iterator[tuple[int, dict[str, Any]]]:
        for poll in range(0, 72, 3):
            at = AT + poll * HOUR
            answer = hours(at, -24, 48, {"wave_height": swell, "wave_period": period}, "m")
            answer["hourly_units"]["wave_period"] = "s"
            yield at, answer

    def swell(hour: int) -> float:
        return 4.6 if 24 <= hour < 48 else 1.2

    def period(hour: int) -> float:
        return 14.0 if 24 <= hour < 48 else 7.0

    entries = lived(tmp_path, "marine", "sea", list(polls()))
    assert [(e.alert.type, e.alert.level, e.alert.certainty, e.alert.reason) for e in entries] == [
        ("alert", "orange", "Possible", "onset"),
        ("update", "orange", "Likely", "certainty"),
        ("end", "orange", "Likely", "ended"),
    ]
    assert (entries[0].alert.onset_at - entries[0].alert.sent_at) / HOUR >= 23
    assert entries[0].alert.text == {
        "pt-BR": "Laranja (perigo): ressaca em Manaus, a partir de 15/09 16:00. Altura das ondas: "
        "4,6 m (previsto, 15/09 16:00), limite 4 m. Fonte: open-meteo:marine. Saia da praia, das "
        "pedras e do calçadão; não entre no mar nem vá de barco; bombeiros: 193. Isto não é um "
        "aviso oficial.",
        "en": "Orange (severe): rough sea at Manaus, from 15 Sep 16:00. Height of the waves: 4.6 m "
        "(forecast, 15 Sep 16:00), limit 4 m. Source: open-meteo:marine. Leave the beach, the "
        "rocks and the promenade; do not swim, nor go out by boat. This is not an official "
        "warning.",
        "es": "Naranja (severo): oleaje fuerte en Manaus, a partir de 15/09 16:00. Altura de las "
        "olas: 4,6 m (previsto, 15/09 16:00), límite 4 m. Fuente: open-meteo:marine. Aléjese de "
        "la playa, las rocas y el paseo; no se bañe ni salga en barco. Esto no es un aviso "
        "oficial.",
    }


def test_a_long_swell_is_told_by_a_rule_of_ones_own_that_no_height_alone_would_tell(
    tmp_path: Path,
) -> None:
    """2.3 m, below the shipped set's lowest limit: of 15 s, and before and after it of 5 s."""
    own = tmp_path / "own.toml"
    own.write_text(
        'name = "own"\nextends = "sea"\n[[rule]]\nname = "long-swell"\nhazard = "sea"\n'
        'variable = "wave_power_kw_m"\nlimits = { yellow = 30, orange = 60 }\nfor = "1h"\n'
    )

    def polls() -> Iterator[tuple[int, dict[str, Any]]]:
        for poll in range(0, 72, 3):
            at = AT + poll * HOUR
            answer = hours(at, -24, 48, {"wave_height": lambda _: 2.3, "wave_period": period}, "m")
            answer["hourly_units"]["wave_period"] = "s"
            yield at, answer

    def period(hour: int) -> float:
        return 15.0 if 24 <= hour < 48 else 5.0

    entries = lived(tmp_path, "marine", str(own), list(polls()))
    assert [(e.alert.type, e.alert.level, e.alert.certainty, e.alert.rule) for e in entries] == [
        ("alert", "yellow", "Possible", "long-swell"),
        ("update", "yellow", "Likely", "long-swell"),
        ("end", "yellow", "Likely", "long-swell"),
    ]
    for language, said in (
        ("pt-BR", "Potência das ondas: 38,9 kW/m (previsto, 15/09 16:00), limite 30 kW/m"),
        ("en", "Power of the waves: 38.9 kW/m (forecast, 15 Sep 16:00), limit 30 kW/m"),
        ("es", "Potencia de las olas: 38,9 kW/m (previsto, 15/09 16:00), límite 30 kW/m"),
    ):
        assert said in entries[0].alert.text[language]


def test_a_place_without_a_sea_or_a_river_is_not_unseen(tmp_path: Path) -> None:
    inland = hours(AT, -24, 48, {"wave_height": lambda _hour: None}, "m")
    dry = days(AT - AT % DAY, [None, None, None])
    for api, rule_set, answer, step in (
        ("marine", "sea", inland, 3 * HOUR),
        ("flood", "river-flood", dry, DAY),
    ):
        assert lived(tmp_path, api, rule_set, [(AT + i * step, answer) for i in range(9)]) == []


def test_a_sea_that_was_seen_and_is_no_more_is_told(tmp_path: Path) -> None:
    calm = hours(AT, -24, 48, {"wave_height": lambda _hour: 1.0}, "m")
    gone = hours(AT, -24, 48, {"wave_height": lambda _hour: None}, "m")
    polls = [(AT, calm), *((AT + i * 3 * HOUR, gone) for i in range(1, 9))]
    entries = lived(tmp_path, "marine", "sea", polls)
    assert [(e.alert.hazard, e.alert.type) for e in entries] == [("cannot_see", "alert")]


def metar(at: int, weather: str) -> dict[str, Any]:
    """A report of Ponta Pelada, an aerodrome 5 km from Manaus, as it came five minutes before."""
    when = datetime.fromtimestamp(at, UTC)
    report = {
        "icaoId": "SBMN", "obsTime": at, "name": "Ponta Pelada",
        "lat": -3.146, "lon": -59.986, "elev": 81,
        "rawOb": f"METAR SBMN {when:%d%H%M}Z 05006KT 9999 {weather} SCT020CB 26/24 Q1011",
    }  # fmt: skip
    return came(at - 300, "mao", "metar", "metar-json", [report])


def thunder_foretold(at: int) -> dict[str, Any]:
    """Open-Meteo's hours: thunder from 12 to 14 hours after AT."""

    def code(hour: int) -> float:
        return 96 if 12 <= hour < 15 else 61

    return came(
        at, "mao", "open-meteo", "forecast", hours(at, -24, 48, {"weather_code": code}, "wmo code")
    )


def test_thunder_is_foretold_heard_and_over_half_an_hour_after_the_last_in_three_languages(
    tmp_path: Path,
) -> None:
    heard = {12: "-TSRA", 13: "TSGR", 14: "-RA VCTS", 15: "-RA VCTS", 16: "-RA", 17: ""}
    lines = [thunder_foretold(AT + hour * HOUR) for hour in range(0, 20)]
    lines += [metar(AT + hour * HOUR, heard.get(hour, "")) for hour in range(0, 20)]
    lines.sort(key=lambda line: line["received_at"])
    entries = replayed(tmp_path, "thunderstorm", lines)
    told = [(e.alert.type, e.alert.level, e.alert.certainty, e.alert.reason) for e in entries]
    assert told == [
        ("alert", "yellow", "Possible", "onset"),
        ("update", "yellow", "Observed", "certainty"),
        ("update", "orange", "Observed", "escalated"),
        ("update", "yellow", "Observed", "eased"),
        ("end", "yellow", "Observed", "ended"),
    ]
    assert entries[0].alert.onset_at == AT + 12 * HOUR
    foretold, _, hail, _, over = (entry.alert.text for entry in entries)
    assert foretold["en"] == (
        "Yellow (moderate): thunderstorm at Manaus, from 15 Sep 04:00. Thunderstorm: present "
        "(forecast, 15 Sep 04:00), limit present. Source: open-meteo. Go indoors or into a closed "
        "car; keep off water, trees and open fields until 30 min after the last thunder. This is "
        "not an official warning."
    )
    assert hail == {
        "pt-BR": "Subiu para Laranja (perigo): trovoada em Manaus, desde 15/09 03:55. Trovoada: "
        "forte ou com granizo (medido em Ponta Pelada, a 5 km, 15/09 04:55), limite forte ou com "
        "granizo. Fonte: metar:SBMN. Entre em casa ou em carro fechado; longe de água, árvores e "
        "campo aberto até 30 min após o último trovão. Isto não é um aviso oficial.",
        "en": "Raised to Orange (severe): thunderstorm at Manaus, since 15 Sep 03:55. "
        "Thunderstorm: heavy or with hail (measured at Ponta Pelada, 5 km away, 15 Sep 04:55), "
        "limit heavy or with hail. Source: metar:SBMN. Go indoors or into a closed car; keep off "
        "water, trees and open fields until 30 min after the last thunder. This is not an official "
        "warning.",
        "es": "Sube a Naranja (severo): tormenta eléctrica en Manaus, desde 15/09 03:55. Tormenta "
        "eléctrica: fuerte o con granizo (medido en Ponta Pelada, a 5 km, 15/09 04:55), límite "
        "fuerte o con granizo. Fuente: metar:SBMN. Entre en casa o en un auto cerrado; lejos de "
        "agua, árboles y campo abierto hasta 30 min tras el último trueno. Esto no es un aviso "
        "oficial.",
    }
    assert over["en"] == (
        "Over: thunderstorm at Manaus. Thunderstorm: none (measured at Ponta Pelada, 5 km away, 15 "
        "Sep 08:55), limit in the vicinity; peak heavy or with hail at 15 Sep 04:55. Source: "
        "metar:SBMN. This is not an official warning."
    )


def test_an_aerodrome_alone_makes_no_red_of_hail_and_its_neighbour_bears_it_out(
    tmp_path: Path,
) -> None:
    neighbour = metar(AT + 1800, "VCTS")
    neighbour["body"] = neighbour["body"].replace("SBMN", "SBEG").replace("-3.146", "-3.05")
    alone = replayed(tmp_path, "thunderstorm", [metar(AT, "+TSRAGR")])
    assert [e.alert.level for e in alone] == ["orange"]
    assert "One instrument alone says so" in alone[0].alert.text["en"]
    both = replayed(tmp_path, "thunderstorm", [metar(AT, "+TSRAGR"), neighbour])
    assert [e.alert.level for e in both] == ["orange", "red"]


def test_thunder_that_a_machine_says_no_more_of_is_never_over_but_expires(tmp_path: Path) -> None:
    lines = [metar(AT, "TS"), *(metar(AT + i * HOUR, "") for i in range(1, 8))]
    for line in lines[1:]:
        line["body"] = line["body"].replace("Z 05006KT", "Z AUTO 05006KT")
    entries = replayed(tmp_path, "thunderstorm", lines)
    assert [(e.alert.type, e.alert.reason) for e in entries] == [
        ("alert", "onset"),
        ("end", "expired"),
    ]
    assert entries[1].alert.sent_at - entries[0].alert.sent_at >= 3 * HOUR


def test_a_tornado_that_a_person_sees_is_told_in_three_languages_and_one_nearby_or_before_is_not(
    tmp_path: Path,
) -> None:
    seen = {2: "VCFC", 4: "SQ", 5: "+TSRA +FC", 6: "VCFC", 7: "VCFC", 9: "REFC"}
    lines = [metar(AT + hour * HOUR, seen.get(hour, "")) for hour in range(0, 12)]
    entries = replayed(tmp_path, "inmet", lines)
    told = [(e.alert.hazard, e.alert.type, e.alert.level, e.alert.reason) for e in entries]
    assert told == [
        ("wind", "alert", "yellow", "onset"),
        ("wind", "update", "orange", "escalated"),  # red with a witness alone
        ("wind", "update", "yellow", "eased"),
        ("wind", "end", "yellow", "ended"),
    ]
    squall, tornado = (entry.alert.text for entry in entries[:2])
    assert "Violent wind: squall (measured at Ponta Pelada, 5 km away, " in squall["en"]
    for language, said in {
        "pt-BR": "Subiu para Laranja (perigo): vento forte em Manaus, desde 14/09 19:55. Ventania "
        "violenta: tornado ou tromba-d'água (medido em Ponta Pelada, a 5 km, 14/09 20:55), limite "
        "nuvem-funil. ",
        "en": "Raised to Orange (severe): strong wind at Manaus, since 14 Sep 19:55. Violent wind: "
        "tornado or waterspout (measured at Ponta Pelada, 5 km away, 14 Sep 20:55), limit funnel "
        "cloud. ",
        "es": "Sube a Naranja (severo): viento fuerte en Manaus, desde 14/09 19:55. Racha "
        "violenta: tornado o tromba marina (medido en Ponta Pelada, a 5 km, 14/09 20:55), límite "
        "nube embudo. ",
    }.items():
        assert said in tornado[language]
