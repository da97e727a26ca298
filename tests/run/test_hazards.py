"""Hazards of the further APIs, from a provider's answer to what people read in three languages.

The answers are made up, in the provider's shape: no recording of such a day was at hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from atalaia import rules
from atalaia.cli.replays import replay_payloads
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Place, Places

AT = 1_789_416_000  # 2026-09-14T20:00:00Z
HOUR = 3600
MANAUS = Places(
    [Place(id="mao", name="Manaus", latitude=-3.1, longitude=-60.0, timezone="America/Manaus")]
)


def lived(
    tmp_path: Path, api: str, rule_set: str, answers: Sequence[tuple[int, dict[str, Any]]]
) -> list[LogEntry]:
    """What the watch told of answers of an API, each received when it says."""
    file = tmp_path / "payloads.ndjson"
    lines = (
        {
            "received_at": datetime.fromtimestamp(at, UTC).isoformat(),
            "source": f"open-meteo:{api}",
            "content": "forecast",
            "places": ["mao"],
            "body": json.dumps(body),
        }
        for at, body in answers
    )
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = replay_payloads(MANAUS, [file], rules.load(rule_set))
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
