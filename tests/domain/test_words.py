from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.reading import Kind
from atalaia.domain.words import (
    HAZARDS,
    LANGUAGES,
    Said,
    cannot_see_text,
    change_text,
    clock,
    duration,
    figure,
    measured_name,
    number,
)
from stories import HOUR, T0

NOT_OFFICIAL = {
    "pt-BR": "não é um aviso oficial",
    "en": "not an official warning",
    "es": "no es un aviso oficial",
}
REASONS = (
    "onset",
    "escalated",
    "eased",
    "certainty",
    "step",
    "ended",
    "expired",
    "withdrawn",
    "rule changed",
)
SAID = {
    Kind.OBSERVED: ("medido", "measured", "medido"),
    Kind.ANALYSIS: ("estimado", "estimated", "estimado"),
    Kind.FORECAST: ("previsto", "forecast", "previsto"),
}


def text(**changes: object) -> dict[str, str]:
    told = {
        "reason": "onset",
        "hazard": Hazard.WIND,
        "level": Level.ORANGE,
        "place": "São José",
        "zone": "America/Sao_Paulo",
        "source": "open-meteo",
        "kind": Kind.OBSERVED,
        "sent_at": T0,
        "onset_at": T0 - HOUR,
        "valid_at": T0,
        "variable": "wind_gust_m_s",
        "unit": "m/s",
        "window_s": 0,
        "value": 21.25,
        "limit": 16.7,
        "peak": 25.5,
        "peak_at": T0 - HOUR,
        "is_late": False,
    }
    return change_text(Said(**(told | changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("hazard", [h for h in Hazard if h is not Hazard.CANNOT_SEE])
@pytest.mark.parametrize("reason", REASONS)
def test_every_text_says_what_where_how_much_the_limit_the_source_and_what_it_is_not(
    reason: str, hazard: Hazard, kind: Kind
) -> None:
    texts = text(reason=reason, hazard=hazard, kind=kind)
    assert tuple(texts) == LANGUAGES
    for i, language in enumerate(LANGUAGES):
        told = texts[language]
        comma = "." if language == "en" else ","
        assert HAZARDS[hazard][i] in told
        assert "São José" in told
        assert "open-meteo" in told
        assert f"16{comma}7 m/s" in told, "the limit"
        assert f"21{comma}3 m/s" in told, "21.25, half up"
        assert SAID[kind][i] in told
        assert "31" in told, "the value's time, local: the evening before"
        assert NOT_OFFICIAL[language] in told
        assert "{" not in told
        assert told.endswith(".")
        assert ".." not in told


def test_an_outage_is_never_told_as_over() -> None:
    texts = text(reason="expired")
    assert "can no longer see" in texts["en"]
    assert "não vemos mais" in texts["pt-BR"].lower()
    assert "ya no podemos ver" in texts["es"].lower()
    assert "Over:" not in texts["en"]


def test_a_level_is_told_in_words_until_it_is_over() -> None:
    for level, words in (
        (Level.YELLOW, ("perigo potencial", "moderate", "moderado")),
        (Level.ORANGE, ("perigo", "severe", "severo")),
        (Level.RED, ("grande perigo", "extreme", "extremo")),
    ):
        for reason in ("onset", "escalated", "eased", "certainty", "step"):
            texts = text(reason=reason, level=level)
            assert all(w in t for w, t in zip(words, texts.values(), strict=True))


def test_what_is_to_do_is_told_while_there_is_something_to_do() -> None:
    assert "Shelter" in text(reason="onset")["en"]
    assert "Shelter" not in text(reason="ended")["en"]


def test_a_forecast_says_from_when() -> None:
    told = text(kind=Kind.FORECAST, onset_at=T0 + 6 * HOUR)["en"]
    assert "from 01 Jan 03:00" in told
    assert "since" not in told


def test_a_late_value_says_so() -> None:
    assert "Late data" in text(is_late=True)["en"]
    assert "atrasado" in text(is_late=True)["pt-BR"]


def test_an_ending_tells_the_peak() -> None:
    assert "peak 25.5 m/s" in text(reason="ended")["en"]
    assert "máximo 25,5 m/s" in text(reason="ended")["pt-BR"]


def test_a_window_is_told() -> None:
    assert (
        "Rain in 24 h: 109 mm"
        in text(variable="rain_mm", unit="mm", window_s=24 * HOUR, value=109.0)["en"]
    )


@pytest.mark.parametrize("is_over", [False, True])
def test_blindness_names_source_and_places_and_is_not_calm(is_over: bool) -> None:
    where = [f"Town {i}" for i in range(8)]
    texts = cannot_see_text("inmet", where, "UTC", T0 - HOUR, is_over=is_over)
    assert tuple(texts) == LANGUAGES
    for told in texts.values():
        assert "inmet" in told
        assert "Town 0" in told
        assert "3" in told, "and three more"
    assert ("does not mean calm" in texts["en"]) is not is_over
    assert "não é um aviso oficial" in texts["pt-BR"]


def test_numbers_and_times_are_those_of_the_language() -> None:
    assert [number(1234.56, i) for i in range(3)] == ["1234,6", "1234.6", "1234,6"]
    assert number(20.0, 0) == "20"
    assert clock(T0, "America/Sao_Paulo", 0) == "31/12 21:00"
    assert clock(T0, "America/Sao_Paulo", 1) == "31 Dec 21:00"


@given(st.integers(-(2**31), 2**32), st.sampled_from(["America/Sao_Paulo", "Asia/Kathmandu"]))
def test_a_time_is_what_the_clocks_of_its_zone_show(at: int, zone: str) -> None:
    shown = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    assert clock(at, zone, 0) == clock(at, zone, 2) == shown.strftime("%d/%m %H:%M")
    assert clock(at, zone, 1) == shown.strftime("%d %b %H:%M")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (30, "30 s"),
        (90, "90 s"),
        (60, "1 min"),
        (900, "15 min"),
        (HOUR, "1 h"),
        (86_400, "24 h"),
        (172_800, "2 d"),
    ],
)
def test_lengths_of_time(seconds: int, told: str) -> None:
    assert duration(seconds) == told


def test_a_figure_alone_is_worded_as_in_the_sentence_about_it() -> None:
    assert [figure(-6.0, "°C", "change", i) for i in range(3)] == [
        "queda de 6 °C",
        "a fall of 6 °C",
        "descenso de 6 °C",
    ]
    assert figure(0.04, "°C", "day_change", 1) == "no change"
    assert figure(105.5, "mm", "sum", 1) == "105.5 mm"
    assert figure(-6.0, "°C", "value", 1) == "-6 °C"
    assert measured_name("temperature_c", "change", 86_400, 1) == "temperature"
    assert measured_name("rain_mm", "sum", 86_400, 1) == "rain in 24 h"
