"""The job of AWS Glue, on local Spark over the emulator: what one function makes, many make."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from atalaia.batch.learn import learn
from atalaia.batch.spark import open_spark
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.homes.aws import HOLD_S, holding
from atalaia.homes.aws.holding import held_for_long
from atalaia.homes.aws.local import LocalLake
from atalaia.lake import gold, raw
from atalaia.lake.norms import known
from atalaia.people.bodies import seal_body
from atalaia.people.vault import Vault
from atalaia.run.aws import archive, deployment, detect, rebuild, refine
from atalaia.sources import readings_csv
from aws import moto
from aws.mapper import Context, Mapper

DAYS, HOUR = 64, 3600
FIRST = 1_704_067_200  # 2024-01-01

SETTINGS = """
rules = "{rules}"
[sources.open-meteo]
enabled = false
[[place]]
id = "poa"
name = "Porto Alegre"
latitude = -30.0
longitude = -51.2
timezone = "America/Sao_Paulo"
[[place]]
id = "são paulo"
name = "São Paulo"
latitude = -23.5
longitude = -46.6
timezone = "America/Sao_Paulo"
"""


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    pytest.importorskip("pyspark", reason="the job is not tested: install atalaia[spark] (pyspark)")
    if shutil.which("java") is None:
        pytest.skip("the job is not tested: there is no Java here; install a JRE of 17 or newer")
    with open_spark("local[2]") as context:
        yield context


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A deployment whose functions made RAW and GOLD of 64 days; its settings file."""
    server, url = moto.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in moto.ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", url)
        config = moto.deploy(url)
        settings = tmp_path_factory.mktemp("settings") / "atalaia.toml"
        settings.write_text(SETTINGS.format(rules="inmet"), "utf-8")
        for name, value in moto.variables(config, str(settings)).items():
            patch.setenv(name, value)
        deployment.forget()
        detect.forget()
        deployment.home().stream.append(list(payloads()))
        for part in (detect, archive):
            Mapper(config.stream, part.handle, config.queue("dead")).run()
        refine.handle({}, Context())
        yield settings
    server.stop()
    deployment.forget()


def payloads() -> Iterator[Payload]:
    """A day each, of hours; some come late, some twice, one is none, and one a person sealed."""
    for day in range(DAYS):
        rows = [
            f"{place},{at(hour)},3600,observed,station,{rain},{18 + 6 * (hour % 24) / 24},{gust}"
            for hour in range(24 * day, 24 * day + 24 + day % 3)  # late ones tell two days
            for place in ("poa", "são paulo")
            for rain in [35.0 if hour == 200 else 0.2]
            for gust in [30.0 if 500 < hour < 503 else 4.0]
        ]
        yield csv(day, "\n".join(rows))
    vault = Vault(deployment.home().keys)
    vault.make_key("somebody")
    own = csv(1, f"poa,{at(30)},0,observed,garden,1.5,20.5,")
    yield Payload(
        source=own.source,
        content=own.content,
        places=("poa",),
        received_at=own.received_at,
        body=seal_body(vault, "somebody", own.body),
        is_recorded=True,
    )
    yield csv(3, "poa,never,0,observed,station,,,")


def csv(day: int, rows: str) -> Payload:
    head = "place_id,valid_at,period_s,kind,source,rain_mm,temperature_c,wind_gust_m_s\n"
    return Payload(
        source=readings_csv.NAME,
        content=readings_csv.CSV,
        places=("poa", "são paulo"),
        received_at=FIRST + (day + 1) * 24 * HOUR,
        body=(head + rows + "\n").encode(),
        is_recorded=True,
    )


def at(hour: int) -> str:
    day, of_day = divmod(hour, 24)
    month, of_month = (1, day) if day < 31 else (2, day - 31) if day < 60 else (3, day - 60)
    return f"2024-{month:02d}-{of_month + 1:02d}T{of_day:02d}:00:00+00:00"


def rows(*datasets: str) -> dict[str, list[tuple[Any, ...]]]:
    """GOLD's rows, sorted."""
    lake = LocalLake(deployment.home().lake)
    found = {}
    with duckdb.connect() as con:
        con.execute("SET TimeZone='UTC'")
        for dataset, keys in gold.partition_files(lake, datasets).items():
            files = [lake.path(key) for key in keys]
            sql = f"SELECT COLUMNS(*)::VARCHAR FROM ({gold.rows(dataset, files)}) ORDER BY ALL"
            found[dataset] = con.execute(sql).fetchall()
    lake.close()
    return found


def glue(*more: str) -> list[str]:
    """Arguments as Glue gives them: the deployment's, the run's, and some of its own."""
    return ["--JOB_ID", "j_1", "--job-bookmark-option", "job-bookmark-disable", *more]


@pytest.mark.usefixtures("filled")
def test_a_rebuild_on_spark_gives_the_rows_that_the_function_gave(spark: Any) -> None:
    home = deployment.home()
    datasets = ("readings", "alerts", "answers", "places")
    before = rows(*datasets)
    assert len(before["readings"]) == 2 * DAYS * 24 + 1, "what was sealed is among them"
    assert {row[4] for row in before["alerts"]} >= {"heavy_rain", "wind"}
    # What a decoder of today would make otherwise: a day lost, one damaged, one of nothing.
    files = home.lake.keys(gold.READINGS)
    home.lake.delete(files[3])
    home.lake.write(files[5], home.lake.read(files[6]))
    stray = f"{gold.READINGS}source=gone/date=2020-01-01/readings.parquet"
    home.lake.write(stray, home.lake.read(files[0]))
    assert rows(*datasets) != before
    rebuild.main(glue())
    assert rows(*datasets) == before
    assert stray not in home.lake.keys(gold.READINGS)
    assert home.state.load(gold.UNREFINED) == {}
    assert len(home.lake.keys(raw.PAYLOADS)) > DAYS / 2, "by parts, and not in one"
    with home.hold("refine"):
        pass  # it let go


@pytest.mark.usefixtures("filled")
def test_what_came_meanwhile_is_refined_afterwards(spark: Any) -> None:
    home = deployment.home()
    before = rows("readings")["readings"]
    home.stream.append([csv(70, "poa,2024-03-12T00:00:00Z,0,observed,station,0.1,20.0,5.0")])
    Mapper(home.config.stream, archive.handle, home.config.queue("dead")).run()
    [part] = home.state.load(gold.UNREFINED).values()
    rebuild.main(glue())
    now = rows("readings")["readings"]
    assert len(now) == len(before) + 1, part
    assert refine.handle({}, Context())["rows"] == 0, "the rebuild had it"
    assert rows("readings")["readings"] == now


@pytest.mark.usefixtures("filled")
def test_the_climate_is_what_one_process_learns(spark: Any) -> None:
    home = deployment.home()
    rebuild.main(glue("--work", "climate", "--least-years", "1"))
    many = rows("climate", "return_levels")
    assert {row[0] for row in many["climate"]} == {"poa", "são paulo"}
    assert known(home.state).version == 1
    for key in home.lake.keys(gold.CLIMATE) + home.lake.keys(gold.RETURN_LEVELS):
        home.lake.delete(key)
    lake = LocalLake(home.lake)
    learn(lake, deployment.settings().places, least_years=1)
    lake.close()
    assert rows("climate", "return_levels") == many


def test_by_schedule_nothing_is_learnt_where_no_rule_goes_by_it(spark: Any, filled: Path) -> None:
    before = known(deployment.home().state)
    rebuild.main(glue("--work", "climate", "--only-if-named", "true"))
    assert known(deployment.home().state) == before
    filled.write_text(SETTINGS.format(rules="climate"), "utf-8")
    deployment.settings.cache_clear()
    rebuild.main(glue("--work", "climate", "--only-if-named", "true"))
    assert known(deployment.home().state).learnt_at > before.learnt_at


@pytest.mark.usefixtures("filled")
def test_a_round_of_refining_is_waited_for_and_none_begins_meanwhile() -> None:
    home = deployment.home()
    waited: list[float] = []
    with home.hold("refine") as prolong:
        with pytest.raises(StateConflict), held_for_long(home, "refine", waited.append):
            pass
        assert sum(waited) >= HOLD_S
        assert prolong()
    with held_for_long(home, "refine"), pytest.raises(StateConflict), home.hold("refine"):
        pass
    with home.hold("refine", lambda: 1_000_000) as prolong, home.hold("refine"):
        assert not prolong(), "its time was over, and another has it"


def test_who_has_lost_its_hold_stops() -> None:
    codes: list[int] = []
    holding._keep(lambda: False, threading.Event(), 0.001, codes.append)
    assert codes == [1]


@pytest.mark.usefixtures("filled")
def test_the_functions_need_no_key_where_nothing_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has subscribed: there is no key, and refine may make none."""
    url = boto3.client("dynamodb").meta.endpoint_url
    config = moto.deploy(url)
    monkeypatch.setenv("ATALAIA_ENV", config.env)
    deployment.forget()
    deployment.home().stream.append([csv(0, "poa,2024-01-01T00:00:00Z,0,observed,station,1,20,3")])
    Mapper(config.stream, archive.handle, config.queue("dead")).run()
    assert refine.handle({}, Context())["rows"] == 1
    table = boto3.client("dynamodb").scan(TableName=config.table("keys"))
    assert table["Count"] == 0
    deployment.forget()
