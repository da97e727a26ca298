"""What an issuer's warning is about: codes first, then words in six languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from atalaia.domain.hazard import Hazard
from atalaia.domain.issued import DWD, METEOALARM, SAME, VTEC, WORDS, hazard_of

DOCS = Path(__file__).resolve().parents[2] / "docs" / "warnings.md"
LANGUAGES = ("pt", "en", "es", "de", "fr", "it")


@pytest.mark.parametrize(
    ("event", "hazard"),
    [("Chuvas Intensas", "heavy_rain"), ("Acumulado de Chuva", "heavy_rain"),
     ("Tempestade", "storm"), ("Vendaval", "wind"), ("Ventos Costeiros", "wind"),
     ("Baixa Umidade", "dry_air"), ("Onda de Calor", "heat"), ("Onda de Frio", "cold"),
     ("Geada", "frost"), ("Declínio de Temperatura", "temperature_drop"), ("Nevoeiro", "fog"),
     ("Severe Thunderstorm Warning", "storm"), ("Winter Storm Warning", "snow"),
     ("Excessive Heat Warning", "heat"), ("Wind Chill Advisory", "cold"),
     ("High Wind Watch", "wind"),
     ("Flash Flood Warning", "flood"), ("STARKREGEN", "heavy_rain"), ("STURMBÖEN", "wind"),
     ("GEWITTER", "storm"), ("Special Weather Statement", ""), ("AMBER Alert", ""),
     ("Tsunami Warning", "")],
)  # fmt: skip
def test_events_of_many_services_are_known_by_their_names(event: str, hazard: str) -> None:
    assert hazard_of([event]) == hazard


@pytest.mark.parametrize(
    ("event", "hazard"),
    [("Orange High-Temperature Warning", "heat"), ("Yellow Low-Temperature Warning", "cold"),
     ("Aviso de temperaturas máximas de nivel rojo", "heat"), ("Aviso de nevadas", "snow"),
     ("Aviso de temperaturas mínimas", "cold"), ("STARKE WÄRMEBELASTUNG", "heat"),
     ("ÜBERFLUTUNG", "flood"), ("GLÄTTE", "frost"), ("STRENGER FROST", "frost"),
     ("Winter Weather Advisory", "snow"), ("Freezing Rain Warning", "frost"),
     ("Freezing Fog Advisory", "fog"), ("Storm Surge Warning", "flood"),
     ("Red Flag Warning", "dry_air"), ("Vigilance orange orages", "storm"),
     ("Vigilance jaune vent violent", "wind"), ("Grand froid", "cold"), ("Canicule", "heat"),
     ("Pluie-inondation", "flood"), ("Neige-verglas", "snow"), ("Allerta temporali", "storm"),
     ("Ondata di calore", "heat"), ("Nebbia", "fog"), ("Rip Current Statement", ""),
     ("Notice of policy and service", "")],
)  # fmt: skip
def test_words_of_six_languages_are_known(event: str, hazard: str) -> None:
    assert hazard_of([event]) == hazard
    assert hazard_of([event.upper()]) == hazard


@pytest.mark.parametrize(
    ("name", "value", "hazard"),
    [("awareness_type", "5; high-temperature", "heat"), ("awareness_type", "12;flooding", "flood"),
     ("Awareness_Type", "1; Wind", "wind"), ("II", "61", "heavy_rain"), ("ii", "247", "heat"),
     ("SAME", "TOR", "storm"), ("NationalWeatherService", "FFW", "flood"),
     ("VTEC", "/O.NEW.KXXX.FW.A.0007.260602T1600Z-260603T0000Z/", "dry_air"),
     ("II", "999", "fog"), ("awareness_type", "9; avalanches", "fog"), ("VTEC", "/O.NEW", "fog"),
     ("NationalWeatherService", "SPS", "fog")],
)  # fmt: skip
def test_a_code_goes_before_words_and_an_unknown_one_leaves_it_to_them(
    name: str, value: str, hazard: str
) -> None:
    assert hazard_of(["Dense Fog"], [("other", "x"), (name, value)]) == hazard


def test_no_code_has_two_meanings() -> None:
    for table in (METEOALARM, VTEC, SAME, DWD):
        codes = [code for row in table.values() for code in row.split()]
        assert len(codes) == len(set(codes))


def test_the_tables_of_the_docs_are_those_of_the_code() -> None:
    text = DOCS.read_text("utf-8")
    for line in (*code_rows(), *word_rows()):
        assert line in text


def code_rows() -> list[str]:
    """The rows of the docs' table of codes."""
    tables = (METEOALARM, VTEC, SAME, DWD)
    return [
        f"| `{hazard}` | {' | '.join(table.get(hazard, '–') for table in tables)} |"
        for hazard in Hazard
        if any(hazard in table for table in tables)
    ]


def word_rows() -> list[str]:
    """The rows of the docs' table of words, in the order in which they are looked for."""
    return [
        f"| `{hazard}` | "
        + " | ".join(", ".join(f"`{w.strip()}`" for w in by[lang].split("|")) for lang in LANGUAGES)
        + " |"
        for hazard, by in WORDS.items()
    ]
