"""detect takes up a climate that was learnt since, between two batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from atalaia.domain.payload import Payload
from atalaia.homes.aws import AwsHome
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.local import LocalLake
from atalaia.lake import laid
from atalaia.lake.climate import Months, write_climate
from atalaia.lake.laid import Followed
from atalaia.lake.norms import note_learnt
from atalaia.run.aws import deployment, detect, poll, refine
from atalaia.sources import readings_csv
from aws import moto
from aws.dynalite import dynalite  # noqa: F401  a fixture
from aws.mapper import Mapper

RULES = """
name = "warm"
[[rule]]
name = "warm"
hazard = "heat"
variable = "temperature_c"
norm = "monthly_mean"
limits = { yellow = 5 }
exit = { yellow = 3 }
origin = "a test"
"""
SETTINGS = """
rules = "warm.toml"
[sources.open-meteo]
enabled = false
[[place]]
id = "poa"
name = "Porto Alegre"
latitude = -30.0
longitude = -51.2
timezone = "America/Sao_Paulo"
"""


@pytest.fixture
def deployed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dynalite: str,  # noqa: F811
) -> Iterator[Config]:
    server, url = moto.start()
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    config = moto.deploy(url)
    (tmp_path / "warm.toml").write_text(RULES, "utf-8")
    (tmp_path / "atalaia.toml").write_text(SETTINGS, "utf-8")
    for name, value in moto.variables(config, str(tmp_path / "atalaia.toml")).items():
        monkeypatch.setenv(name, value)
    for part in (deployment, detect):
        part.forget()
    yield config
    for part in (deployment, detect):
        part.forget()
    server.stop()


def look_again() -> None:
    detect._followed()._looked_at -= Followed._LOOK_S


def learn() -> None:
    """A January of 10 °C."""
    lake = LocalLake(deployment.home().lake)
    january = Months(
        place_id="poa",
        variable="temperature_c",
        unit="°C",
        month=1,
        hour=None,
        source="station",
        kind="observed",
        first_year=2000,
        last_year=2020,
        years=21,
        hours=15_000,
        is_norm=True,
        mean=10.0,
        mean_minimum=None,
        mean_maximum=None,
        percentiles=[10.0] * 99,
    )
    write_climate(lake, "poa", [january], [])
    lake.close()
    note_learnt(deployment.home().state, 1, is_new=True)
    refine.handle({}, None)


def missing(home: AwsHome, at: laid.Laid) -> Mapping[str, tuple[str, ...]]:
    settings = deployment.settings()
    return laid.read(home.lake, at, settings.rules, settings.places).missing


def test_detect_takes_up_a_new_climate_between_two_batches(deployed: Config) -> None:
    mapper = Mapper(deployed.stream, detect.handle, deployed.queue("dead"))
    state = deployment.home().state

    def told(hour: int) -> list[tuple[str, float | None]]:
        at = f"2026-01-10T{hour:02d}:00:00Z"
        head = "place_id,valid_at,period_s,kind,temperature_c"
        body = f"{head}\npoa,{at},0,observed,20\n".encode()
        seconds = 1_768_003_200 + hour * 3600
        payload = Payload(
            source=readings_csv.NAME,
            content=readings_csv.CSV,
            places=("poa",),
            received_at=seconds,
            body=body,
            is_recorded=True,
        )
        deployment.home().stream.append([payload])
        mapper.run()
        return [(entry.alert.type, entry.alert.limit) for _, entry in state.alerts()]

    assert told(1) == []
    learn()
    assert told(2) == [], "it was looked at a moment ago"
    look_again()
    assert told(3) == [("alert", 15.0)]
    look_again()
    lanes = dict(detect._lanes()._consumers)
    assert told(4) == [("alert", 15.0)]
    now = 1_768_003_200 + 4 * 3600
    assert poll._nearness(now).now.tolist() == [1.0], "an incident is open there: detect told poll"
    assert poll._nearness(now + 4 * 3600).now.tolist() == [0.0]
    assert detect._lanes()._consumers == lanes, "nothing is new: nothing is loaded again"


def test_norms_of_other_rules_are_not_gone_by(deployed: Config, tmp_path: Path) -> None:
    home, settings = deployment.home(), deployment.settings()
    shown = Followed(settings.rules, settings.places)
    assert shown.latest(home.state, home.lake).missing == {"warm": ("poa",)}
    learn()
    assert shown.latest(home.state, home.lake).missing == {"warm": ("poa",)}
    shown._looked_at -= Followed._LOOK_S
    assert shown.latest(home.state, home.lake).missing == {"warm": ()}
    at = laid.laid(home.state)
    assert laid.read(
        home.lake, at, deployment.settings().rules, deployment.settings().places
    ).missing == {"warm": ()}
    (tmp_path / "warm.toml").write_text(RULES.replace("yellow = 5", "yellow = 6"), "utf-8")
    deployment.settings.cache_clear()
    assert laid.read(
        home.lake, at, deployment.settings().rules, deployment.settings().places
    ).missing == {"warm": ("poa",)}
    before = home.lake.keys(laid.FOLDER)
    refine.handle({}, None)
    found = laid.laid(home.state)
    assert laid.read(
        home.lake, found, deployment.settings().rules, deployment.settings().places
    ).missing == {"warm": ()}
    assert home.lake.keys(laid.FOLDER) == before, "the same norms, now of these rules"
