"""Porto Alegre in 2023 and 2024, and a station of Recife that reported nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from atalaia import rules
from atalaia.cli.replays import replay
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.place import Place, Places
from atalaia.replay.readings import Replayed
from stories import assert_few_a_day, assert_sane, lives, of_hazard, told, weather

PORTO_ALEGRE = Places(
    Place(id=i, name=n, latitude=lat, longitude=-51.17, timezone="America/Sao_Paulo")
    for i, n, lat in (("A801", "Jardim Botânico", -30.05), ("B807", "Belém Novo", -30.19))
)


@pytest.fixture(scope="module")
def two_years(shared: Path) -> Replayed:
    files = [
        shared / "inmet" / f"{station}_{year}.csv"
        for station in ("A801_porto_alegre", "B807_belem_novo")
        for year in (2023, 2024)
    ]
    return replay(PORTO_ALEGRE, files, rules.load("inmet"))


def rain_at_a801(done: Replayed, since: str, until: str) -> list[LogEntry]:
    return [
        e
        for e in of_hazard(done.entries, "heavy_rain", "A801")
        if since <= instant(e.alert.sent_at) < until
    ]


def test_every_hour_of_both_stations_is_read(two_years: Replayed) -> None:
    assert two_years.readings == 2 * (365 + 366) * 24
    assert two_years.rejected == []


def test_the_flood_of_april_and_may_2024_is_one_red_incident(two_years: Replayed) -> None:
    flood = rain_at_a801(two_years, "2024-04-29T12", "2024-05-04")
    assert len(lives(flood)) == 1
    assert told(flood)[0][:2] == ("alert", "onset")
    assert instant(flood[0].alert.sent_at)[:10] == "2024-04-29"
    assert ("update", "escalated", "orange") in told(flood)
    assert ("update", "escalated", "red") in told(flood)
    assert told(flood)[-1] == ("end", "ended", "red")
    assert instant(flood[-1].alert.sent_at)[:10] == "2024-05-03"
    assert Counter(e.alert.type for e in flood) == {"alert": 1, "update": len(flood) - 2, "end": 1}
    assert len(flood) <= 8, "four days of flood, not a message an hour"
    assert (flood[-1].peak or 0) > 109.0, "109.0 mm fell on 2024-04-30 (UTC); running sums see more"


def test_the_rain_of_2024_05_23_is_red_within_the_day(two_years: Replayed) -> None:
    rain = rain_at_a801(two_years, "2024-05-23", "2024-05-26")
    assert [level for _, _, level in told(rain)[:3]] == ["yellow", "orange", "red"]
    assert {instant(e.alert.sent_at)[:10] for e in rain[:3]} == {"2024-05-23"}
    assert told(rain)[-1] == ("end", "ended", "red")


def test_two_years_have_no_storm_of_messages(two_years: Replayed) -> None:
    assert_sane(two_years.entries)
    assert_few_a_day(two_years.entries, most=4)
    red = {
        e.alert.incident
        for e in weather(two_years.entries)
        if LEVEL_OF[e.alert.level] == LEVEL_OF["red"] and e.alert.hazard == "heavy_rain"
    }
    assert 2 <= len(red) <= 30, "red is rare: 100 mm in a day or 60 mm in an hour"


def test_what_the_alert_says_is_what_fell(two_years: Replayed) -> None:
    red = next(
        e.alert
        for e in rain_at_a801(two_years, "2024-04-30", "2024-05-01")
        if e.alert.level == "red"
    )
    assert (red.rule, red.variable, red.window_s, red.unit, red.limit) == (
        "rain-24h", "rain_mm", 86_400, "mm", 100.0,
    )  # fmt: skip
    assert red.severity == "Extreme"
    assert red.evidence == "observed"
    assert red.source == "inmet"
    assert "100 mm" in red.text["pt-BR"]
    assert "Jardim Botânico" in red.text["pt-BR"]
    assert "08:00" in red.text["pt-BR"], "11:00 UTC is 8 in the morning there"


def test_a_dead_station_cannot_see_and_is_not_calm(shared: Path) -> None:
    where = Places(
        Place(id=i, name=f"Recife {i}", latitude=-8.06, longitude=-34.96)
        for i in ("A301", "nowhere")
    )
    done = replay(where, [shared / "inmet" / "recife_2022_all_missing.csv"], rules.load("inmet"))
    assert done.readings == 8760
    (entry,) = done.entries
    assert (entry.alert.type, entry.alert.hazard) == ("alert", "cannot_see")
    assert entry.alert.place_id == "A301"
    assert instant(entry.alert.sent_at) == "2022-01-01T03:00:00+00:00"
    assert entry.alert.value is None
    assert "não quer dizer tempo calmo" in entry.alert.text["pt-BR"]
    assert done.silent == ["nowhere"], "a place of which nothing was said is named"


def test_a_station_with_gaps_and_repeated_gusts_is_told_with_care(shared: Path) -> None:
    file = shared / "inmet" / "caruaru_2022.csv"
    code = next(
        line.split(";")[1].strip()
        for line in file.read_text("latin-1").splitlines()[:8]
        if line.startswith("CODIGO")
    )
    where = Places([Place(id=code, name="Caruaru", latitude=-8.24, longitude=-35.99)])
    done = replay(where, [file], rules.load("inmet"))
    assert_sane(done.entries)
    assert_few_a_day(done.entries)
    assert of_hazard(done.entries, "cannot_see"), "its gaps are told"
