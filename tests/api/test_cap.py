"""The alert log as CAP 1.2: valid, referring, honest about what is over and what is official."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from atalaia.api.cap import NAMESPACE, Issuer, identifier, incident_of, to_cap
from atalaia.domain.alert import Alert, LogEntry
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.official import Official, OfficialArea, OfficialText, official_text
from atalaia.domain.place import Place
from oracles import cases

SCHEMA = Path(__file__).parents[1] / "data" / "cap-1.2.xsd"
NS = {"c": NAMESPACE}
T0 = 1_768_046_400
OURS = Issuer("atalaia@example.org")
PLACES = {
    "4314902": Place(id="4314902", name="Porto Alegre", latitude=-30.0318, longitude=-51.2065),
    "<&,": Place(id="<&,", name="A & <B>, \x07C", latitude=-89.5, longitude=179.1234567),
    "p": Place(id="p", name="Ólafsfjörður", latitude=66.0, longitude=-18.65),
}


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMA))


def an_alert(**more: object) -> Alert:
    known = {
        "incident": "00ff00ff00ff00ff", "version": 1, "type": "alert", "place_id": "4314902",
        "hazard": "heavy_rain", "level": "orange", "severity": "Severe", "urgency": "Immediate",
        "certainty": "Observed", "sent_at": T0, "onset_at": T0 - 600,
        "expires_at": T0 + 86_400, "evidence": "observed", "source": "station",
        "valid_at": T0 - 60, "variable": "rain_mm", "window_s": 3600, "value": 35.2,
        "unit": "mm", "limit": 30.0, "rule": "rain-1h", "reason": "onset",
        "text": {"pt-BR": "Chuva. Fim.", "en": "Rain. More.", "es": "Lluvia. Fin."},
    }  # fmt: skip
    return Alert(**(known | more))  # type: ignore[arg-type]


def entry_of(alert: Alert, *places: str, **more: object) -> LogEntry:
    known: dict[str, object] = {"places": places or ("4314902",), "opened_at": T0 - 600}
    return LogEntry(alert=alert, **(known | more))  # type: ignore[arg-type]


def an_official(**more: object) -> Official:
    ring = ((-51.5, -30.5), (-51.0, -30.5), (-51.0, -29.5), (-51.5, -30.5))
    known = {
        "identifier": "urn:oid:2.49.0.0.76.0.2023.20926.1", "sender": "info.aviso@inmet.gov.br",
        "issuer": "Instituto Nacional de Meteorologia", "type": "Alert", "sent_at": T0 - 300,
        "hazard": "heavy_rain", "severity": "Severe", "urgency": "Future", "certainty": "Likely",
        "onset_at": T0, "expires_at": T0 + 7200,
        "texts": (
            OfficialText("pt-BR", "Chuvas Intensas", "Aviso de Chuvas Intensas & mais",
                         "INMET publica aviso <iniciando>.", "Não se abrigue debaixo de árvores."),
        ),
        "areas": (
            OfficialArea("Leste", (ring,), ((-51.2, -30.0, 25.0),), (("IBGE", "4314902"),)),
        ),
        "web": "https://avisos.inmet.gov.br/44474",
    }  # fmt: skip
    return Official(**(known | more))  # type: ignore[arg-type]


def read(xml: bytes, path: str) -> list[str]:
    return [node.text for node in etree.fromstring(xml).findall(path, NS)]


def test_whatever_an_alert_says_it_validates_against_the_schema(schema: etree.XMLSchema) -> None:
    chance = random.Random(12)
    for _ in range(cases(200)):
        entry = anything(chance)
        earlier = [
            entry_of(msgspec.structs.replace(entry.alert, version=i, sent_at=T0 - 9 * i))
            for i in range(1, entry.alert.version)
        ]
        status = chance.choice(["Actual", "Exercise", "Test"])
        xml = to_cap(entry, earlier, PLACES, Issuer(OURS.sender, status))  # type: ignore[arg-type]
        assert schema.validate(etree.fromstring(xml)), schema.error_log
        assert b"Z</" not in xml


def anything(chance: random.Random) -> LogEntry:
    """An entry such as the watch could make, and texts such as it had better not."""
    words = [
        "Chuva",
        "<b>",
        "&amp;",
        "]]>",
        "\x00\x0b",
        "🌧",
        "São Luís",
        "\ud7ff",
        "\ufffe",
        "%s",
        "\n",
    ]

    def text() -> str:
        return " ".join(chance.choices(words, k=chance.randint(1, 80)))

    level = LEVEL_OF[chance.choice(["watch", "yellow", "orange", "red"])]
    is_measured = chance.random() < 0.7
    type_ = chance.choice(["alert", "update", "step", "end", "cancel"])
    sent = T0 + chance.randint(0, 10**8)
    alert = an_alert(
        incident=f"{chance.getrandbits(64):016x}",
        version=1 if type_ == "alert" else chance.randint(2, 6),
        type=type_,
        hazard=chance.choice([str(hazard) for hazard in Hazard]),
        level=level.word,
        severity=level.severity,
        urgency=chance.choice(["Immediate", "Expected", "Future", "Past"]),
        certainty=chance.choice(["Observed", "Likely", "Possible"]),
        sent_at=sent,
        onset_at=chance.choice([None, sent - 5000]),
        expires_at=chance.choice([None, sent - 1, sent + 90_000]),
        reason=chance.choice(["onset", "ended", "expired", "withdrawn"]),
        text={language: text() for language in ("pt-BR", "en", "es")},
        source=chance.choice(["open-meteo", "my <station> & co"]),
        **({} if is_measured else dict.fromkeys(("variable", "value", "unit", "limit"))),
    )
    places = chance.sample([*PLACES, "gone"], k=chance.randint(1, 4)) * chance.choice([1, 1, 200])
    official = None
    if chance.random() < 0.3:
        severity = chance.choice(["Extreme", "Severe", "Moderate", "Minor", "Unknown"])
        texts = tuple(
            OfficialText(tag, text(), text(), text(), chance.choice(["", text()]))
            for tag in chance.sample(["pt-BR", "en", "de-DE"], k=chance.randint(1, 3))
        )
        official = an_official(severity=severity, texts=texts)
    return entry_of(alert, *places, official=official, linked=chance.choice([(), ("abc",)]))


def test_the_life_of_an_incident_is_alert_update_all_clear_and_each_refers_to_all_before() -> None:
    alerts = [
        an_alert(version=i, type=type_, reason=reason, sent_at=T0 + 600 * i)
        for i, (type_, reason) in enumerate(
            [("alert", "onset"), ("update", "escalated"), ("step", "step"), ("end", "ended")], 1
        )
    ]
    life = [entry_of(alert) for alert in alerts]
    written = [to_cap(one, life[:i], PLACES, OURS) for i, one in enumerate(life)]
    assert [read(xml, "c:msgType")[0] for xml in written] == ["Alert", "Update", "Update", "Update"]
    assert [set(read(xml, "c:info/c:responseType")) for xml in written] == [
        {"Execute"}, {"Execute"}, {"Execute"}, {"AllClear"},
    ]  # fmt: skip
    assert read(written[0], "c:references") == []
    assert read(written[2], "c:references") == [
        "atalaia@example.org,atalaia.00ff00ff00ff00ff.1,2026-01-10T12:10:00+00:00 "
        "atalaia@example.org,atalaia.00ff00ff00ff00ff.2,2026-01-10T12:20:00+00:00"
    ]
    assert all(read(xml, "c:incidents") == ["00ff00ff00ff00ff"] for xml in written)


def test_what_can_no_longer_be_seen_is_no_all_clear() -> None:
    xml = to_cap(entry_of(an_alert(version=2, type="end", reason="expired")), [], PLACES, OURS)
    assert set(read(xml, "c:info/c:responseType")) == {"Monitor"}


def test_a_cancelled_incident_is_a_cancel() -> None:
    first = an_alert()
    cancelled = an_alert(version=2, type="cancel", reason="withdrawn")
    xml = to_cap(entry_of(cancelled), [entry_of(first)], PLACES, OURS)
    assert read(xml, "c:msgType") == ["Cancel"]
    assert identifier(first) in read(xml, "c:references")[0]


def test_it_speaks_three_languages_and_says_place_value_limit_and_rule() -> None:
    xml = to_cap(entry_of(an_alert()), [], PLACES, OURS)
    assert read(xml, "c:info/c:language") == ["pt-BR", "en", "es"]
    assert read(xml, "c:info/c:event") == ["Chuva forte", "Heavy rain", "Lluvia fuerte"]
    assert "This is not an official warning" in read(xml, "c:note")[0]
    info = etree.fromstring(xml).findall("c:info", NS)[1]
    told = {
        pair.findtext("c:valueName", namespaces=NS): pair.findtext("c:value", namespaces=NS)
        for pair in info.findall("c:parameter", NS)
    }
    assert told == {
        "atalaia:hazard": "heavy_rain", "atalaia:level": "orange", "atalaia:rule": "rain-1h",
        "atalaia:reason": "onset", "atalaia:source": "station", "atalaia:evidence": "observed",
        "atalaia:valid_at": "2026-01-10T11:59:00+00:00", "atalaia:variable": "rain_mm",
        "atalaia:value": "35.2", "atalaia:unit": "mm", "atalaia:limit": "30",
        "atalaia:window_s": "3600",
    }  # fmt: skip
    assert info.findtext("c:area/c:areaDesc", namespaces=NS) == "Porto Alegre"
    assert info.findtext("c:area/c:circle", namespaces=NS) == "-30.0318,-51.2065 10"
    assert info.findtext("c:area/c:geocode/c:value", namespaces=NS) == "4314902"


def test_a_drill_says_that_it_is_one() -> None:
    xml = to_cap(entry_of(an_alert()), [], PLACES, Issuer("atalaia@example.org", "Exercise"))
    assert read(xml, "c:status") == ["Exercise"]


def test_an_official_warning_keeps_its_words_and_names_its_issuer() -> None:
    official = an_official()
    alert = an_alert(
        rule="official", variable=None, value=None, unit=None, limit=None, window_s=None,
        text=official_text(official, "alert"), source=official.issuer,
    )  # fmt: skip
    xml = to_cap(entry_of(alert, official=official), [], PLACES, OURS)
    assert read(xml, "c:info/c:language") == ["pt-BR"]
    assert read(xml, "c:info/c:headline") == ["Aviso de Chuvas Intensas & mais"]
    assert read(xml, "c:info/c:description") == ["INMET publica aviso <iniciando>."]
    assert read(xml, "c:info/c:instruction") == ["Não se abrigue debaixo de árvores."]
    assert read(xml, "c:info/c:senderName") == ["Instituto Nacional de Meteorologia"]
    assert read(xml, "c:info/c:area/c:polygon") == ["-30.5,-51.5 -30.5,-51 -29.5,-51 -30.5,-51.5"]
    note = read(xml, "c:note")[0]
    assert "info.aviso@inmet.gov.br,urn:oid:2.49.0.0.76.0.2023.20926.1,2026-01-10T11:55" in note
    assert "not an official" not in note


def test_an_identifier_leads_back_to_its_entry_and_strange_ones_lead_nowhere() -> None:
    assert incident_of(identifier(an_alert(version=12))) == ("00ff00ff00ff00ff", 12)
    for name in ("", "atalaia", "atalaia.x", "atalaia.a b.1", "atalaia.x.-1", "atalaia.../../x.1"):
        assert incident_of(name) is None
