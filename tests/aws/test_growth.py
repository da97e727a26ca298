"""docs/growth.md has what tools/growth.py prints, measures and goes by."""

from __future__ import annotations

import math
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from aws.test_load import tool

ROOT = Path(__file__).resolve().parents[2]
GROWTH = tool()
PAGE = (ROOT / "docs" / "growth.md").read_text("utf-8")


def printed(*arguments: str) -> str:
    command = [sys.executable, ROOT / "tools" / "growth.py", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def without_sms(text: str) -> list[float]:
    row = next(line for line in text.splitlines() if "without SMS" in line)
    return [float(cell.strip(" *").replace(",", "")) for cell in row.split("|")[2:-1]]


def test_the_page_has_what_the_tool_prints() -> None:
    assert printed().strip() in PAGE


def test_asking_more_often_and_dearer_prices_cost_more() -> None:
    usual = without_sms(printed())
    assert all(a < b for a, b in zip(usual, without_sms(printed("--interval", "300")), strict=True))
    dear = without_sms(printed("--prices-times", "2"))
    assert all(abs(b - 2 * a) <= 2 for a, b in zip(usual, dear, strict=True))


def test_what_the_arithmetic_counts_with_is_the_pages_table() -> None:
    """Which `test_load` holds against what it counts."""
    assert GROWTH.of_the_page() == GROWTH.Counted()


def test_sizes_are_what_is_measured_here_and_what_the_page_says() -> None:
    said = vars(GROWTH.Measured())
    found = vars(GROWTH.measure(places_n=100, polls=32))
    times = {name for name in said if name.endswith("_ms")}
    for name in said.keys() - times:
        # Not to the byte: zstd and Parquet may come in another version.
        assert found[name] == pytest.approx(said[name], rel=0.02), (
            f"{name}: --measure prints others"
        )
    one = GROWTH.Measured()
    for row in (
        f"decoded, judged and turned into a commit | {one.detect_ms:.1f} ms",
        f"in the stream | {one.stream_bytes:,.0f} bytes",
        f"in RAW, alone in its file, as the archive leaves it | {one.raw_alone_bytes:,.0f} bytes",
        f"which it is in a week later | {one.raw_day_bytes:,.0f} bytes",
        f"state items that it changes | {one.state_items:.0f}",
        f"one such item, packed | {one.state_bytes:,.0f} bytes",
        f"from RAW into GOLD | {one.refine_ms:.1f} ms",
        f"GOLD's `readings`, a place and day | {one.gold_bytes:,.0f} bytes",
        "an ensemble's rain of one place in RAW, alone in its file"
        f" | {one.ensemble_raw_bytes:,.0f} bytes",
        f"GOLD's `ensembles`, a place, rule and day | {one.ensemble_gold_bytes:,.0f} bytes",
    ):
        assert f"{row} |" in PAGE


def test_the_words_of_the_page_have_the_figures_of_its_tables() -> None:
    price = {name: usd for name, (usd, _) in GROWTH.PRICES.items()}
    needs = partial(
        GROWTH.needs,
        load=GROWTH.Load(),
        found=GROWTH.Measured(),
        counted=GROWTH.Counted(),
        price=price,
    )
    few, towns, world = (needs(places) for _, places in GROWTH.SCALES)
    calm = sum(few.usd.values()) - few.usd["SMS"]
    two_minutes = 120 / 0.005 / GROWTH.Counted().subscriber_calls
    for said in (
        f"27 places come to about\n{round(1.6 * calm, -1):.0f} US$ a month",
        f"almost all of the {calm:.0f} US$",
        f"| the provider | {towns.calls_a_day / 1e6:.2f} million calls a day",
        f"| DynamoDB's writes | {towns.usd['DynamoDB']:,.0f} US$",
        f"| SMS | {towns.usd['SMS']:,.0f} US$, more than all the rest |",
        f"| {100 * towns.detect_busy:.0f} % of one copy's time |",
        f"{1000 * towns.day_gb:.0f} MB a day's partition",
        f"| the provider | {world.calls_a_day / 1e6:.1f} million calls a day |",
        f"| {world.state_bytes / 1e6:,.0f} MB of packed state do not fit",
        f"| {world.lanes} lanes; lanes are chosen",
        f"{world.stream_bytes_s / 1e6:.1f} MB/s and {world.detect_busy:.1f} busy copies"
        f" instead of {world.stream_bytes_s / world.lanes / 1e6:.1f}"
        f" and {world.detect_busy / world.lanes:.1f} |",
        f"| DynamoDB | {world.usd['DynamoDB']:,.0f} US$ |",
        f"two minutes are enough for {math.floor(two_minutes / 10_000) * 10_000:,}",
        f"a day's partition is {world.day_gb:.1f} GB",
        f"| the climate | {world.climate_hours:.0f} hours on two workers",
        f"| SMS | {world.usd['SMS']:,.0f} US$ |",
    ):
        assert said in PAGE, said
