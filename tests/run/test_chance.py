"""A chance, from an ensemble's answer to what people read: a day ahead, then a forecast, then rain.

The answers are made up, in the provider's shape; of a recorded one see `tests/sources`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from atalaia.cli.replays import replay_payloads
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.norm_tables import Norms
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import RuleSet
from atalaia.ports import Record
from atalaia.rules import load
from atalaia.settings.open_meteo import OpenMeteo
from atalaia.sources import decode_all
from atalaia.sources.open_meteo_apis import BASE_URL, asked_by
from ensembles import DAY, HOUR, answer, payload, storm
from run.world import latitude, refuse, watching
from stories import came, rule_set

AT = 1_789_387_200  # 2026-09-14T12:00:00Z
MANAUS = Places(
    [Place(id="mao", name="Manaus", latitude=-3.1, longitude=-60.0, timezone="America/Manaus")]
)
RAIN = rule_set(
    {
        "name": "rain-24h",
        "hazard": "heavy_rain",
        "variable": "rain_mm",
        "measure": "sum",
        "window": "24h",
        "limits": {"yellow": 30, "orange": 50, "red": 100},
        "keep_firing_for": "6h",
        "chance": {"yellow": 0.3, "orange": 0.3, "red": 0.2},
    }
)
STORM = AT + 30 * HOUR


def runs(at: int, passing: int, mm: float = 60.0) -> dict[str, Any]:
    """Of 51 runs so many bring a storm of so many mm."""
    said = storm(STORM, lambda run: mm if run < passing else 4.0)
    return came(at, "mao", "open-meteo:ensemble", "ensemble", answer(at, said))


def forecast(at: int, mm: float) -> dict[str, Any]:
    """The one forecast by the hour; hours that have passed are its analysis."""
    said = storm(STORM, lambda _run: mm)
    return came(at, "mao", "open-meteo", "forecast", answer(at, said, runs=1, ahead=48))


def lived(tmp_path: Path, lines: Sequence[dict[str, Any]], rules: RuleSet = RAIN) -> list[LogEntry]:
    file = tmp_path / "payloads.ndjson"
    file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    done = replay_payloads(MANAUS, [file], rules)
    assert done.rejected == []
    return done.entries


def test_a_chance_becomes_a_forecast_and_then_rain_and_stays_one_incident(tmp_path: Path) -> None:
    entries = lived(
        tmp_path,
        [
            runs(AT, 10),  # 20 %: not enough
            runs(AT + 6 * HOUR, 17),
            runs(AT + 12 * HOUR, 40),
            forecast(AT + 13 * HOUR, 55.0),
            *(forecast(AT + hour * HOUR, 55.0) for hour in range(14, 80)),
        ],
    )
    told = [(e.alert.type, e.alert.reason, e.alert.level, e.alert.source) for e in entries]
    assert told == [
        ("alert", "onset", "orange", "open-meteo:ensemble"),
        ("update", "certainty", "orange", "open-meteo"),
        ("end", "ended", "orange", "open-meteo"),
    ]
    assert len({e.alert.incident for e in entries}) == 1
    first = entries[0].alert
    assert first.sent_at == AT + 6 * HOUR
    assert (first.certainty, first.urgency, first.evidence) == ("Possible", "Future", "forecast")
    assert (first.value, first.limit, first.valid_at) == (60.0, 50.0, STORM + 6 * HOUR)
    assert first.text == {
        "pt-BR": "Laranja (perigo): chuva forte em Manaus, a partir de 15/09 17:00. Chuva em 24 h: "
        "50 mm ou mais em 3 de 10 rodadas dos modelos (previsto, 15/09 20:00); chance bruta, que "
        "nosso histórico ainda não corrige. Fonte: open-meteo:ensemble. Não atravesse ruas "
        "alagadas; afaste-se de encostas e margens; emergência: 199 ou 193. Isto não é um aviso "
        "oficial.",
        "en": "Orange (severe): heavy rain at Manaus, from 15 Sep 17:00. Rain in 24 h: 50 mm or "
        "more in 3 of 10 model runs (forecast, 15 Sep 20:00); a raw chance, which our record "
        "cannot correct yet. Source: open-meteo:ensemble. Do not cross flooded roads; keep away "
        "from slopes and riverbanks. This is not an official warning.",
        "es": "Naranja (severo): lluvia fuerte en Manaus, a partir de 15/09 17:00. Lluvia en 24 h: "
        "50 mm o más en 3 de 10 corridas de los modelos (previsto, 15/09 20:00); probabilidad "
        "bruta, que nuestro historial aún no corrige. Fuente: open-meteo:ensemble. No cruce calles "
        "inundadas; aléjese de laderas y riberas. Esto no es un aviso oficial.",
    }


def test_a_recorded_answer_becomes_a_chance(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the recorded answer three runs are kept, fewer than a chance is told of otherwise."""
    said = json.loads((shared / "live/open_meteo/ensemble_ecmwf_slice.json").read_bytes())
    body = said | {"latitude": -3.25, "longitude": -60.0}
    told = came(1_787_558_400, "mao", "open-meteo:ensemble", "ensemble", body)
    assert lived(tmp_path, [told]) == []
    monkeypatch.setattr("atalaia.detect.ensembles.FEWEST_RUNS", 3)
    rules = rule_set(
        {
            "hazard": "heavy_rain",
            "variable": "rain_mm",
            "measure": "sum",
            "window": "24h",
            "limits": {"yellow": 15},
            "forecast_within": "5d",
            "chance": 0.3,
        }
    )
    (entry,) = lived(tmp_path, [told], rules)
    assert "15 mm or more in 3 of 10 model runs (forecast, 28 Aug" in entry.alert.text["en"]


@pytest.mark.parametrize("passing", [5, 15])
def test_fewer_runs_than_the_rule_asks_for_tell_nothing(tmp_path: Path, passing: int) -> None:
    assert lived(tmp_path, [runs(AT, passing), runs(AT + 6 * HOUR, passing)]) == []


def test_a_chance_that_goes_is_withdrawn_by_two_other_answers_and_not_by_the_same_again(
    tmp_path: Path,
) -> None:
    def then(*more: dict[str, Any]) -> list[str]:
        return [e.alert.reason for e in lived(tmp_path, [runs(AT, 30), *more])]

    calm = [runs(AT + hour * HOUR, passing) for hour, passing in ((6, 2), (12, 1))]
    assert then(*calm) == ["onset", "withdrawn"]
    again = {**calm[0], "received_at": calm[1]["received_at"]}
    assert then(calm[0], again) == ["onset"], "the same words are no revision"


def test_a_chance_once_more_is_no_news(tmp_path: Path) -> None:
    entries = lived(tmp_path, [runs(AT + hour * HOUR, 20 + hour) for hour in (0, 6, 12)])
    assert [e.alert.reason for e in entries] == ["onset"]


def test_what_a_run_brings_in_parts_of_two_days_is_no_day_of_50_mm(tmp_path: Path) -> None:
    """Windows are made run by run: half of the runs have their storm on each of two days."""

    def said(run: int, at: int) -> float:
        begins = STORM + (0 if run % 2 else 30 * HOUR)
        return 26.0 / 6 if begins < at <= begins + 6 * HOUR else 0.0

    told = came(AT, "mao", "open-meteo:ensemble", "ensemble", answer(AT, said))
    assert lived(tmp_path, [told]) == []


GUSTS = """
name = "gusts"

[[rule]]
name = "gust"
hazard = "wind"
variable = "wind_gust_m_s"
limits = { orange = 20, red = 30 }
chance = 0.3
"""


def test_the_watch_asks_the_ensemble_each_time_where_its_forecast_comes_near_a_limit(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "gusts.toml"
    rules.write_text(GUSTS)

    async def tell() -> None:
        async with watching(tmp_path, ATALAIA_RULES=str(rules)) as world:
            asked = Counter[str]()

            async def hours(n: int) -> Counter[str]:
                await world.turn(n * HOUR, step=900)
                told = [one[2] for one in world.providers.asked if "ensemble" in one[1]]
                new = Counter(told) - asked
                asked.update(new)
                return new

            calm, rising, other = (latitude(i) for i in range(3))
            assert await hours(1) == {calm: 1, rising: 1, other: 1}, "all at the start"
            world.providers.foretold[rising] = 12.0
            assert await hours(6) == {rising: 1}
            assert await hours(6) == {rising: 1}
            world.providers.answers["open-meteo"] = partial(refuse, 503)
            blind = await hours(12)
            assert min(blind[calm], blind[other]) >= 1, "no forecast is no calm"
            assert blind[rising] == 2

    asyncio.run(tell())


RIVER = {
    "name": "river",
    "hazard": "river_flood",
    "variable": "river_discharge_m3_s",
    "limits": {"yellow": 500, "orange": 900},
    "chance": 0.2,
    "forecast_within": "5d",
    "keep_firing_for": "2d",
    "expires_after": "4d",
}


def river_runs(at: int, passing: int) -> dict[str, Any]:
    """The provider's shape: days, the control run without a number, 50 more. Of 51 runs so many
    bring 600 m³/s in three days; openly made up."""
    days = [datetime.fromtimestamp(at + i * DAY, UTC).strftime("%Y-%m-%d") for i in range(-2, 8)]
    series = {
        f"river_discharge{f'_member{run:02d}' if run else ''}": [
            600.0 if i == 5 and run < passing else 100.0 for i in range(10)
        ]
        for run in range(51)
    }
    body = {
        "latitude": -3.125,
        "longitude": -60.025,
        "utc_offset_seconds": 0,
        "daily_units": {"time": "iso8601"} | dict.fromkeys(series, "m³/s"),
        "daily": {"time": days, **series},
    }
    return came(at, "mao", "open-meteo:flood-ensemble", "ensemble", body)


def test_a_rivers_runs_are_counted_day_by_day_and_the_cell_is_said(tmp_path: Path) -> None:
    told = lived(tmp_path, [river_runs(AT, 5), river_runs(AT + 6 * HOUR, 12)], rule_set(RIVER))
    (alert,) = (entry.alert for entry in told)
    assert (alert.level, alert.source) == ("yellow", "open-meteo:flood-ensemble")
    assert (alert.value, alert.limit) == (600.0, 500.0)
    assert alert.valid_at == (AT // DAY + 4) * DAY, "the end of the day of which it is the mean"
    assert (
        "Discharge of the largest river in the place's 5 km cell: 500 m³/s or more in 2 of 10 "
        "model runs (forecast, 17 Sep 20:00); a raw chance"
    ) in alert.text["en"]
    assert "vazão do maior rio da célula de 5 km" in alert.text["pt-BR"].lower()
    assert "2 de 10 corridas de los modelos" in alert.text["es"]


def test_a_rivers_chance_may_be_of_what_it_does_once_in_so_many_years(tmp_path: Path) -> None:
    """The shipped set's limits, relative to the place's own past, with a chance beside them."""
    file = tmp_path / "quiet.toml"
    file.write_text(
        'name = "own"\nextends = "river-flood"\n[[rule]]\nname = "river-2-years"\nchance = 0.2\n'
    )
    rules = load(str(file))
    assert rules.by_chance == {"river_discharge_m3_s"}
    tables = {rule.name: np.full((1, 12, 24), 500.0) for rule in rules.rules}
    watch = Watch(rules, MANAUS, decode_all(MANAUS), Norms(MANAUS, tables))
    body = json.loads(river_runs(AT, 12)["body"])
    record = Record(1, payload(AT, body, source="open-meteo:flood-ensemble"))
    (entry,) = watch.step([record])[0].entries
    assert "500 m³/s or more in 2 of 10 model runs" in entry.alert.text["en"], "and not 0"
    assert entry.alert.limit == 500.0


def test_config_check_counts_what_the_ensemble_costs() -> None:
    of_rain = asked_by((), RAIN.by_chance)
    source = OpenMeteo(
        enabled=True,
        interval_s=300,
        calm_interval_s=900,
        is_adaptive=True,
        base_url=BASE_URL,
        further=of_rain,
    )
    (told,) = (line for line in source.described(27) if line.startswith("open-meteo:ensemble"))
    assert "of 51 runs each: 138 calls a day while no forecast comes near a limit" in told
    assert "(each place every 1440 min), 551 where all do (every 360 min)" in told
    four = replace(source, further=asked_by((), RAIN.by_chance, ("ecmwf", "icon", "gfs", "gem")))
    (many,) = (line for line in four.described(27) if line.startswith("open-meteo:ensemble"))
    assert "of 143 runs each: 387 calls a day" in many, "14.3 a place"
    fixed = replace(source, is_adaptive=False)
    (told,) = (line for line in fixed.described(27) if line.startswith("open-meteo:ensemble"))
    assert "of 51 runs each: 138 calls every 360 min" in told
    assert source.costs(27).calls_per_day > replace(source, further=()).costs(27).calls_per_day
