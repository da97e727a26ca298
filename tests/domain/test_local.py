"""The clock of a place, whenever it was put, and whatever machine this is."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
import pytest
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.domain.local import clock_days, local_seconds


def plain(at: int, zone: str) -> int:
    local = datetime.fromtimestamp(at, UTC).astimezone(zoneinfo.ZoneInfo(zone))
    return int(local.replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("Asia/Tehran", "2022-09-21T19:30:00+00:00"),
        ("America/St_Johns", "2009-11-01T02:31:00+00:00"),
        ("Australia/Lord_Howe", "2024-10-05T15:30:00+00:00"),
        ("America/Recife", "2000-10-11T00:00:00+00:00"),
        ("Europe/London", "1968-10-27T00:00:00+00:00"),
        ("America/Sao_Paulo", "1963-12-09T03:00:00+00:00"),
        ("Pacific/Apia", "2011-12-30T10:00:00+00:00"),
    ],
)
def test_the_local_clock_is_pythons_minute_by_minute(zone: str, around: str) -> None:
    middle = int(datetime.fromisoformat(around).timestamp())
    at = middle + np.arange(-7 * 1440, 7 * 1440, 7) * 60
    assert local_seconds(at, zone).tolist() == [plain(int(one), zone) for one in at]


def test_days_of_a_clock_say_when_it_is_put() -> None:
    first = int(datetime(2022, 9, 20, tzinfo=UTC).timestamp()) // 86_400
    days = clock_days("Asia/Tehran", first, first + 3)
    assert days.offset_s.tolist() == [16_200, 16_200, 12_600, 12_600]
    assert days.then_s.tolist() == [16_200, 12_600, 12_600, 12_600]
    assert days.changes_at[1] == int(datetime(2022, 9, 21, 19, 30, tzinfo=UTC).timestamp())


def test_zones_are_those_of_the_package_and_not_the_machines() -> None:
    assert zoneinfo.TZPATH == ()
    told = CliRunner().invoke(app, ["--version"]).stdout
    assert f"tzdata {version('tzdata')}" in told
