"""Official warnings as services publish them: read whole, and nothing let in but warnings."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from atalaia.clock import Clock
from atalaia.domain.official import Official
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.sources.cap import decoder as cap
from atalaia.sources.cap.found import Found, forms_of
from atalaia.sources.cap.tree import MOST_BYTES
from atalaia.sources.feed import FeedPoller, _own_address

NOW = 1_768_046_400
CAP = "urn:oasis:names:tc:emergency:cap:1.2"


def payload(body: bytes | str, **more: Any) -> Payload:
    known: dict[str, Any] = {"source": "cap", "content": "feed", "received_at": NOW}
    return Payload(body=body.encode() if isinstance(body, str) else body, **(known | more))


def found(body: bytes | str) -> Found:
    return cap.read(payload(body))


def only(body: bytes | str) -> Official:
    read = found(body)
    assert read.rejects == ()
    (official,) = read.officials
    return official


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def message(**more: str) -> str:
    """A small CAP message; `more` replaces elements by name."""
    known = {
        "identifier": "a-1",
        "sender": "met@example.org",
        "sent": "2026-01-10T12:00:00-03:00",
        "status": "Actual",
        "msgType": "Alert",
        "scope": "Public",
        "references": "",
        "info": info(),
    }
    said = known | more
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in said.items() if value)
    return f'<alert xmlns="{CAP}">{inner}</alert>'


def info(area: str = "<polygon>-30,-52 -30,-51 -29,-51 -30,-52</polygon>", **more: str) -> str:
    known = {
        "language": "pt-BR",
        "category": "Met",
        "event": "Tempestade",
        "urgency": "Future",
        "severity": "Severe",
        "certainty": "Likely",
        "onset": "2026-01-10T15:00:00-03:00",
        "expires": "2026-01-10T23:00:00-03:00",
        "senderName": "Met",
        "headline": "Aviso",
        "description": "Chuva & vento".replace("&", "&amp;"),
    }
    said = known | more
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in said.items() if value)
    return f"{inner}<area><areaDesc>Aqui</areaDesc>{area}</area>"


def test_dwds_recorded_message_is_read_whole(shared: Path) -> None:
    body = (shared / "cap" / "dwd_cap12_wind_2023-06-23.xml").read_text("utf-8")
    official = only(body)
    assert official.identifier.endswith("0d1a4fb5-251a-46fc-aae3-a688d2021e71.MUL")
    assert (official.sender, official.issuer) == ("opendata@dwd.de", "Deutscher Wetterdienst")
    assert official.type == "Update"
    assert official.references == (
        "opendata@dwd.de,2.49.0.0.276.0.DWD.PVW.1687503060000"
        ".fc4f7fd9-80e7-4d71-969a-254be3e27e83.MUL",
    )
    assert official.sent_at == at("2023-06-23T11:14:00+02:00")
    assert (official.onset_at, official.expires_at) == (
        at("2023-06-23T11:14:00+02:00"),
        at("2023-06-23T15:00:00+02:00"),
    )
    assert (official.hazard, official.level.word) == ("heavy_rain", "yellow")
    assert [t.language for t in official.texts] == [
        "de-DE", "en", "fr", "es", "ar", "ru", "tr", "pl",
    ]  # fmt: skip
    assert official.text("en").headline == "Official WARNING of HEAVY RAIN"
    assert official.text("es-AR").event == "Lluvia intensa"
    assert official.text("pt-BR").language == "en"
    assert official.texts[0].instruction.startswith("ACHTUNG! Hinweis auf mögliche Gefahren")
    polygon, *codes = official.areas
    written = body.partition("<polygon>")[2].partition("</polygon>")[0].split()
    assert len(polygon.polygons[0]) == len(written)
    assert polygon.polygons[0][0] == (12.172358, 52.625569)
    assert [area.geocodes for area in codes] == [
        (("WARNCELLID", "812069270"),),
        (("WARNCELLID", "812063189"),),
        (("WARNCELLID", "812069018"),),
    ]


def test_inmets_recorded_item_is_read_whole_and_leads_to_its_message(shared: Path) -> None:
    body = (shared / "cap" / "inmet_rss_item_2026-09-06.xml").read_bytes()
    official = only(body)
    (text,) = official.texts
    assert text.event == "Ventos Costeiros"
    assert text.headline == "Aviso de Ventos Costeiros. Severidade Grau: Perigo Potencial"
    assert text.description.startswith("INMET publica aviso iniciando em: 06/09/2026 11:20.")
    assert text.description.endswith("movimentando dunas de areia sobre construções na orla.")
    assert (official.type, official.hazard, official.level.word) == ("Alert", "wind", "yellow")
    assert official.onset_at == at("2026-09-06T11:20:00-03:00")  # Brasília's clock, not named
    assert official.expires_at == at("2026-09-07T11:00:00-03:00")
    assert official.areas[0].description.endswith("Sul Fluminense, Baixadas")
    assert official.web == "https://avisos.inmet.gov.br/55632"
    assert not any(one.polygons or one.circles or one.geocodes for one in official.areas)
    (link,) = found(body).links
    assert link.url == "https://apiprevmet3.inmet.gov.br/avisos/rss/55632"


def as_xml(told: Any, names: dict[str, str]) -> str:
    """INMET's message, recorded as JSON, as the XML that it was."""
    parts = []
    for key, value in told.items():
        if key in ("_note", "url"):
            continue
        name = names.get(key, key)
        for one in value if isinstance(value, list) else [value]:
            inner = as_xml(one, names) if isinstance(one, dict) else escape(str(one))
            parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


def test_inmets_recorded_cancel_is_read_whole(shared: Path) -> None:
    told = json.loads(
        (shared / "cap" / "inmet_cap_2023-08-24_onda_de_calor_cancel.json").read_text("utf-8")
    )
    names = {
        "msg_type": "msgType", "sender_name": "senderName", "value_name": "valueName",
        "area_desc": "areaDesc", "response_type": "responseType",
    }  # fmt: skip
    official = only(f'<alert xmlns="{CAP}">{as_xml(told, names)}</alert>')
    assert official.type == "Cancel"
    assert official.references == ("info.aviso@inmet.gov.br,urn:oid:2.49.0.0.76.0.2023.20926.1",)
    assert official.name == "info.aviso@inmet.gov.br,urn:oid:2.49.0.0.76.0.2023.20926.2"
    assert official.issuer == "Instituto Nacional de Meteorologia"
    assert (official.hazard, official.level.word) == ("heat", "orange")
    assert official.texts[0].description.endswith("por período de 03 até 05 dias.")
    assert official.texts[0].instruction == "Contate a Defesa Civil (telefone: 199)."
    codes, areas = (
        [code for area in official.areas for code in area.geocodes],
        [area for area in official.areas if area.polygons],
    )
    assert ("IBGE", "2900207") in codes
    assert len(codes) == 10
    written = told["info"][0]["area"][0]["polygon"].split()
    assert len(areas[0].polygons[0]) == len(written)


def test_nws_recorded_collection_is_read_whole(shared: Path) -> None:
    body = (shared / "cap" / "nws_alerts_featurecollection_2017-12-05.json").read_bytes()
    read = found(body)
    (official,) = read.officials
    # It names zones alone, of which none has the form of a watched place's id.
    assert [reject.reason for reject in read.rejects] == ["could not be placed"]
    assert official.identifier == "NWS-IDP-PROD-2587691"
    assert official.issuer == "NWS Albuquerque NM"
    assert official.texts[0].event == "Special Weather Statement"
    assert official.texts[0].headline.startswith("Special Weather Statement issued December 5")
    assert official.expires_at == at("2017-12-06T11:00:00+00:00")
    assert official.hazard == ""
    assert ("UGC", "NMZ508") in official.areas[0].geocodes
    assert ("SAME", "035053") in official.areas[0].geocodes


def test_nws_polygons_and_references_are_read() -> None:
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[-97, 30], [-96, 30], [-96, 31]]]},
        "properties": {
            "id": "urn:oid:2.49.0.1.840.0.b.001.1", "sender": "w-nws.webmaster@noaa.gov",
            "senderName": "NWS Austin", "sent": "2026-01-10T06:00:00-06:00", "status": "Actual",
            "messageType": "Update", "severity": "Extreme", "event": "Flash Flood Warning",
            "ends": "2026-01-10T09:00:00-06:00", "expires": "2026-01-10T07:00:00-06:00",
            "references": [{"identifier": "urn:oid:2.49.0.1.840.0.a.001.1",
                            "sender": "w-nws.webmaster@noaa.gov"}],
        },
    }  # fmt: skip
    test = {**feature, "properties": {**feature["properties"], "status": "Test"}}  # type: ignore[dict-item]
    broken = {"properties": {"status": "Actual", "messageType": "Alert"}}
    read = found(json.dumps({"features": [feature, test, broken, 7]}))
    (official,) = read.officials
    assert official.areas[0].polygons[0][0] == (-97.0, 30.0)
    assert official.expires_at == at("2026-01-10T09:00:00-06:00")
    assert official.references == ("w-nws.webmaster@noaa.gov,urn:oid:2.49.0.1.840.0.a.001.1",)
    assert (official.hazard, official.level.word) == ("flood", "red")
    assert [reject.reason for reject in read.rejects] == ["not a warning", "not a warning"]


BOMB = """<!DOCTYPE alert [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (BOMB + message(identifier="&d;"), "document type in XML"),
        (
            '<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + message(sender="&x;"),
            "document type in XML",
        ),
        (
            '<!DOCTYPE alert SYSTEM "http://127.0.0.1:9/evil.dtd">' + message(),
            "document type in XML",
        ),
        ((BOMB + message(identifier="&d;")).encode("utf-16"), "document type in XML"),
        (message(identifier="&undefined;"), "not XML"),
        (message()[:-30], "not XML"),
        ("<a>" * 5000 + "</a>" * 5000, "not XML"),
        ("<html><body>Wartung</body></html>", "neither CAP nor an index of it"),
        ("<html><body>Wartung<br></body></html>", "HTML instead of XML"),
        ("<alert><identifier>x</identifier></alert>", "neither CAP nor an index of it"),
        ("", "empty body"),
        ("null", "not XML"),
        ("[1]", "neither CAP nor an index of it"),
        ("{" * 100_000, "not JSON"),
        (b"<?xml version='1.0' encoding='nonsense'?><a/>", "not XML"),
        (b"<" + b" " * (MOST_BYTES + 1), "too large"),
    ],
)  # fmt: skip
def test_what_is_no_warning_or_a_bomb_is_refused_with_its_reason(
    body: bytes | str, reason: str
) -> None:
    read = found(body)
    assert (read.officials, read.links) == ((), ())
    assert [reject.reason for reject in read.rejects] in ([reason], ["nested too deeply"])


@pytest.mark.parametrize(
    "more",
    [{"status": "Exercise"}, {"status": "Test"}, {"status": "Draft"}, {"scope": "Restricted"},
     {"msgType": "Ack"}, {"msgType": "Error"}],
)  # fmt: skip
def test_what_is_not_for_the_public_is_passed_over(more: dict[str, str]) -> None:
    assert found(message(**more)) == Found()


@pytest.mark.parametrize(
    "written",
    ["2026-01-10T12:00:00-03:00", "2026-01-10T15:00:00Z", "2026-01-10 15:00:00+00:00",
     "2026-01-10T15:00:00.123+00:00"],
)  # fmt: skip
def test_times_are_read_with_any_offset(written: str) -> None:
    assert only(message(sent=written)).sent_at == at("2026-01-10T15:00:00+00:00")


@pytest.mark.parametrize("written", ["2026-01-10T24:00:00-03:00", "2026-01-10T24:00:00.0-03:00"])
def test_the_end_of_a_day_is_the_start_of_the_next(written: str) -> None:
    """Valid by CAP's schema, and refused by `fromisoformat` before Python 3.14."""
    read = found(message(info=info(expires=written)))
    (official,) = read.officials
    assert official.expires_at == at("2026-01-11T00:00:00-03:00")
    assert not read.rejects


@pytest.mark.parametrize(
    "written",
    ["9999-12-31T23:59:59-03:00", "9999-12-31T24:00:00-03:00", "0001-01-01T00:00:00+14:00",
     "2026-01-10T24:00:01-03:00", "2026-01-10T24:30:00-03:00", "2026-01-10T25:00:00-03:00"],
)  # fmt: skip
def test_a_time_beyond_the_calendar_costs_itself_alone(written: str) -> None:
    read = found(message(info=info(expires=written)))
    (official,) = read.officials
    assert official.onset_at == at("2026-01-10T15:00:00-03:00")
    assert official.expires_at == 0
    assert [reject.reason for reject in read.rejects] == ["not a time"]


def test_a_time_beyond_the_calendar_in_inmets_table_costs_itself_alone() -> None:
    said = {"Status": "Alert", "Evento": "Chuva", "Fim": "9999-12-31 23:59:59.0"}
    rows = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in said.items())
    item = (
        f"<link>https://apiprevmet3.inmet.gov.br/1</link><description>{escape(rows)}</description>"
    )
    read = found(f"<rss><channel><item>{item}</item></channel></rss>")
    (official,) = read.officials
    assert official.expires_at == 0
    assert "not a time" in [reject.reason for reject in read.rejects]


def test_a_time_without_offset_is_not_guessed_and_the_warning_stays() -> None:
    read = found(message(sent="2026-01-10T12:00:00", info=info(expires="soon", onset="")))
    (official,) = read.officials
    assert official.sent_at == official.begins_at == NOW
    assert official.ends_at == NOW + 86_400
    assert sorted(reject.reason for reject in read.rejects) == ["not a time", "time without offset"]


def test_bad_areas_cost_themselves_alone() -> None:
    areas = (
        "<polygon>1,2 3</polygon><polygon>1,2 1,2</polygon><polygon>95,0 1,2 3,4 95,0</polygon>"
        "<polygon>0,0 0,1 1,1</polygon><circle>0,0 5</circle><circle>nowhere</circle>"
        "<circle>0,0 -5</circle><geocode><valueName>X</valueName><value>12345</value></geocode>"
    )
    read = found(message(info=info(areas)))
    (area,) = read.officials[0].areas
    assert area.polygons == (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)),)
    assert area.circles == ((0.0, 0.0, 5.0),)
    assert area.geocodes == (("X", "12345"),)
    assert len(read.rejects) == 5


def test_each_info_is_a_part_and_languages_are_merged() -> None:
    elsewhere = "<polygon>-20,-52 -20,-51 -19,-51 -20,-52</polygon>"
    infos = (
        info(severity="Minor"),
        info(severity="Minor", language="en", description="Rain"),
        info(elsewhere, severity="Extreme", description="Granizo"),
        info(elsewhere, severity="Extreme", language="en", description="Hail"),
        info(severity="Minor", description="Outro"),  # the same facts, and this language has words
    )
    read = found(message(info="</info><info>".join(infos)))
    assert read.rejects == ()
    assert [(o.part, o.level.word, [t.description for t in o.texts]) for o in read.officials] == [
        (0, "watch", ["Chuva & vento", "Rain"]),
        (1, "red", ["Granizo", "Hail"]),
        (2, "watch", ["Outro"]),
    ]


def test_an_all_clear_or_an_urgency_of_past_is_an_end() -> None:
    clear = info(responseType="AllClear")
    assert only(message(info=clear)).is_end
    assert only(message(info=info(urgency="Past"))).is_end
    assert not only(message()).is_end


def test_an_event_ends_when_its_issuer_says_and_else_with_the_message() -> None:
    end = "<valueName>eventEndingTime</valueName><value>2026-01-11T10:00:00-03:00</value>"
    assert only(message(info=info(parameter=end))).expires_at == at("2026-01-11T10:00:00-03:00")
    read = found(message(info=info(parameter=end.replace("2026", "9999").replace("-03", "-99"))))
    assert read.officials[0].expires_at == at("2026-01-10T23:00:00-03:00")
    assert [reject.reason for reject in read.rejects] == ["not a time"]


def test_what_expired_before_it_was_sent_is_named_and_stands_a_day() -> None:
    read = found(message(info=info(expires="2025-11-10T23:00:00-03:00")))
    (official,) = read.officials
    assert official.ends_at == official.begins_at + 86_400
    assert [reject.reason for reject in read.rejects] == ["expires before it was sent"]


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
def test_a_time_before_1970_is_an_empty_field(written: str) -> None:
    read = found(message(info=info(expires=written)))
    assert read.officials[0].expires_at == 0
    assert [reject.reason for reject in read.rejects] == ["not a time"]


def test_the_last_instant_of_the_calendar_can_be_said_anywhere() -> None:
    from atalaia.domain.words import clock

    until = only(message(info=info(expires="9999-12-31T23:59:59Z"))).ends_at
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert clock(until, zone, 0)


@pytest.mark.parametrize("written", ["extreme", "EXTREME", " Extreme "])
def test_a_severity_is_read_in_any_letters(written: str) -> None:
    assert only(message(info=info(severity=written))).level.word == "red"


def test_a_severity_that_is_none_is_told() -> None:
    read = found(message(info=info(severity="Deadly")))
    assert read.officials[0].severity == "Unknown"
    assert [reject.reason for reject in read.rejects] == ["not a severity"]


@pytest.mark.parametrize(
    "written",
    ["0, 0 0, 1 1, 1", "0,0,0 0,1,0 1,1,0", "0 , 0\n0 , 1\n1 , 1", "0.0,0.0,12 0,1 1,1"],
)  # fmt: skip
def test_a_polygon_is_read_with_spaces_and_with_heights(written: str) -> None:
    (area,) = only(message(info=info(f"<polygon>{written}</polygon>"))).areas
    assert area.polygons == (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)),)


def test_holes_heights_and_listed_codes_are_read() -> None:
    (area,) = only(
        message(info=info(
            "<polygon>0,0 0,9 9,9 0,0</polygon><altitude>3280.84</altitude>"
            "<geocode><valueName>EXCLUDE_POLYGON</valueName>"
            "<value>1,2 1,3 2,3 1,2</value></geocode>"
            "<geocode><valueName>ANY</valueName><value>12345, 23456;34567</value></geocode>"
            "<geocode><valueName>name</valueName><value>Porto Alegre</value></geocode>"
        ))
    ).areas  # fmt: skip
    assert area.excluded == (((2.0, 1.0), (3.0, 1.0), (3.0, 2.0), (2.0, 1.0)),)
    assert (area.altitude_ft, area.ceiling_ft) == (3280.84, None)
    assert area.geocodes == (
        ("ANY", "12345"), ("ANY", "23456"), ("ANY", "34567"), ("name", "Porto Alegre"),
    )  # fmt: skip


def test_holes_of_geojson_are_read() -> None:
    outer, hole = [[0, 0], [9, 0], [9, 9], [0, 0]], [[2, 1], [3, 1], [3, 2], [2, 1]]
    feature = {
        "geometry": {"type": "MultiPolygon", "coordinates": [[outer, hole], [outer]]},
        "properties": {"id": "1", "sender": "s", "event": "Wind", "status": "Actual",
                       "messageType": "Alert"},
    }  # fmt: skip
    whole, holed = only(json.dumps(feature)).areas
    assert (len(whole.polygons), whole.excluded) == (1, ())
    assert holed.excluded[0][0] == (2.0, 1.0)


@pytest.mark.parametrize(
    ("area", "reasons"),
    [("", ["could not be placed"]),
     ("<geocode><valueName>UGC</valueName><value>TXZ119</value></geocode>",
      ["could not be placed"]),
     ("<geocode><valueName>X</valueName><value>4314902</value></geocode>", [])],
)  # fmt: skip
def test_what_cannot_be_placed_is_told(area: str, reasons: list[str]) -> None:
    forms = forms_of(Places([Place(id="2611606", name="Recife", latitude=-8, longitude=-35)]))
    read = cap.read(payload(message(info=info(area))), forms)
    assert [reject.reason for reject in read.rejects] == reasons
    assert cap.lost(read) == len(reasons)
    assert len(read.officials) == 1


@pytest.mark.parametrize("kind", ["Update", "Cancel"])
def test_a_change_that_refers_to_nothing_is_told(kind: str) -> None:
    read = found(message(msgType=kind))
    assert [reject.reason for reject in read.rejects] == ["refers to nothing"]


def test_characters_that_xml_does_not_have_cost_themselves_alone() -> None:
    bad = message(identifier="b", info=info(headline="Half \x10 &#xD800; &#16; of it"))
    feed = f"<feed xmlns='http://www.w3.org/2005/Atom'><entry>{message()}</entry><entry>{bad}</entry></feed>"
    read = found(feed)
    assert [o.identifier for o in read.officials] == ["a-1", "b"]
    assert read.officials[1].texts[0].headline == "Half \ufffd \ufffd \ufffd of it"
    assert [reject.reason for reject in read.rejects] == ["not a character of XML"]
    assert len(found(feed.encode().replace(b"Half", b"H\xe4lf")).officials) == 2


def test_half_a_letter_costs_itself_alone() -> None:
    feature = {
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]},
        "properties": {"id": "1", "sender": "s", "event": "Wind", "status": "Actual",
                       "messageType": "Alert", "headline": "Half \ud83d of it"},
    }  # fmt: skip
    assert only(json.dumps({"features": [feature]})).texts[0].headline == "Half ? of it"


@pytest.mark.parametrize("piece", ["<th>", "<td>", "<", "<th><td>", "&#9", "&", "</th>", " <th"])
def test_a_description_of_any_shape_is_read_in_linear_time(piece: str) -> None:
    def seconds(n: int) -> float:
        description = escape(piece * n)
        body = f"<rss><item><link>x.xml</link><description>{description}</description></item></rss>"
        began = time.process_time()
        found(body)
        return time.process_time() - began

    seconds(1000)
    assert seconds(200_000) < 4 + 60 * seconds(20_000)


@pytest.mark.parametrize(
    ("entry", "url"),
    [("<item><link>/page</link><enclosure url='/a' type='application/cap+xml'/></item>", "/a"),
     ("<item><link>/page</link><enclosure url='/a.CAP'/></item>", "/a.CAP"),
     ("<item><link>/page</link></item>", "/page"),
     ("<entry><link href='/page' type='text/html'/><link href='/a.xml'/></entry>", "/a.xml"),
     ("<entry><link href='/page'/></entry>", None), ("<item><title>x</title></item>", None)],
)  # fmt: skip
def test_an_entry_leads_to_its_message_or_is_told_not_to(entry: str, url: str | None) -> None:
    read = found(f"<rss>{entry}</rss>")
    assert [link.url for link in read.links] == ([url] if url else [])
    assert [r.reason for r in read.rejects] == ([] if url else ["no link to a message"])
    assert cap.lost(read) == (not url)


def test_an_index_leads_to_messages_or_holds_them() -> None:
    atom = f"""<feed xmlns="http://www.w3.org/2005/Atom">
      <entry><title>A</title><link href="/page.html"/>
        <link type="application/cap+xml" href="https://met.example/a.xml"/></entry>
      <entry><link href="b.cap"/></entry>
      <entry><link href="https://met.example/page"/></entry>
      <entry><content type="text/xml">{message(identifier="within")}</content>
        <link type="application/cap+xml" href="never.xml"/></entry></feed>"""
    read = found(atom)
    assert [link.url for link in read.links] == ["https://met.example/a.xml", "b.cap"]
    assert [official.identifier for official in read.officials] == ["within"]
    again = found(atom.replace("<title>A<", "<title>B<"))
    assert again.links[0].digest != read.links[0].digest
    assert again.links[1] == read.links[1]


def test_an_error_answer_is_a_reject_and_a_failure_is_nothing() -> None:
    refused = cap.read(payload(b"no", status=503))
    assert [reject.reason for reject in refused.rejects] == ["error 503"]
    assert cap.read(payload(b"", failure="time-out")) == Found()


# Polling


class Host:
    """A service on loopback. `pages`: status and body by path; `asked`: paths in order."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, str]] = {}
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        status, body = self.pages.get(request.path, (404, ""))
        return web.Response(status=status, text=body)


def polled(tell: Callable[[Host, FeedPoller, list[Payload]], Any]) -> None:
    async def run() -> None:
        host, kept = Host(), []
        application = web.Application()
        application.router.add_get("/{path:.*}", host.answer)

        async def keep(payloads: list[Payload]) -> None:
            kept.extend(payloads)

        async def sleep(_seconds: float) -> None:
            await asyncio.sleep(0)

        async with TestServer(application) as server, aiohttp.ClientSession() as session:
            poller = FeedPoller(
                str(server.make_url("/rss")), 120, session, keep,
                clock=Clock(lambda: NOW, sleep, lambda: 0.0),
            )  # fmt: skip
            await tell(host, poller, kept)

    asyncio.run(run())


def rss(*links: str, text: str = "") -> str:
    items = "".join(f"<item><title>{text}</title><link>{link}</link></item>" for link in links)
    return f"<rss><channel>{items}</channel></rss>"


def test_each_message_of_an_index_is_fetched_once_and_what_is_unchanged_is_not_kept_again() -> None:
    async def tell(host: Host, poller: FeedPoller, kept: list[Payload]) -> None:
        host.pages = {
            "/rss": (200, rss("/2", "/1")),
            "/1": (200, message()),
            "/2": (200, message()),
        }
        await poller.round()
        assert host.asked == ["/rss", "/1", "/2"]  # the newest is listed first, and goes last
        assert [p.content for p in kept] == ["feed", "message", "message"]
        await poller.round()
        assert host.asked[3:] == ["/rss"]
        assert len(kept) == 3
        host.pages["/rss"] = (200, rss("/3", "/2", "/1"))
        await poller.round()
        assert host.asked[4:] == ["/rss", "/3"]
        host.pages["/3"] = (200, message())
        await poller.round()
        assert host.asked[6:] == ["/rss"]  # it was gone once, and the index has not changed
        host.pages["/rss"] = (200, rss("/3", text="changed"))
        await poller.round()
        assert host.asked[7:] == ["/rss", "/3"]

    polled(tell)


def test_a_feed_sends_nobody_to_another_host() -> None:
    async def tell(host: Host, poller: FeedPoller, kept: list[Payload]) -> None:
        links = (
            "http://127.0.0.1:1/x",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "//evil/x",
        )
        host.pages = {"/rss": (200, rss(*links))}
        await poller.round()
        assert host.asked == ["/rss"]
        feed, told = kept  # what is not followed is told, in a payload of our own
        assert (feed.content, told.content) == ("feed", "unfollowed")
        reasons = sorted(reject.reason for reject in cap.read(told).rejects)
        assert reasons == ["link to another host"] * 3 + ["not a link"]
        assert poller.shown()["unused"] == 4
        await poller.round()
        assert len(kept) == 2

    polled(tell)


@pytest.mark.parametrize(
    ("link", "url"),
    [("http://met.example/1", "https://met.example/1"),
     ("https://www.met.example/1?a=b", "https://met.example/1?a=b"),
     ("HTTPS://MET.Example/1", "https://met.example/1"),
     ("https://met.example:443/1", "https://met.example/1"),
     ("//met.example/1", "https://met.example/1"), ("1", "https://met.example/1"),
     ("https://met.example:8443/1", ""), ("https://met.example.evil/1", ""),
     ("ftp://met.example/1", ""), ("http://[::1", "")],
)  # fmt: skip
def test_the_feeds_own_host_is_known_in_any_form(link: str, url: str) -> None:
    assert _own_address("https://met.example/rss", link)[0] == url


def test_messages_that_cannot_be_had_are_counted_until_they_are_gone() -> None:
    async def tell(host: Host, poller: FeedPoller, kept: list[Payload]) -> None:
        host.pages = {"/rss": (200, rss("/1", "/2", "/3")), "/1": (200, message()),
                      "/3": (200, "<html/>")}  # fmt: skip
        await poller.round()
        assert poller.shown()["unused"] == 2
        await poller.round()
        assert poller.shown()["unused"] == 2
        host.pages["/rss"] = (200, rss("/1"))
        await poller.round()
        assert poller.shown()["unused"] == 0
        failed = payload(b"", content="message", failure="time-out")
        assert [r.reason for r in cap.read(failed).rejects] == ["message could not be had"]

    polled(tell)


def test_a_feed_that_fails_is_asked_less_and_says_why() -> None:
    async def tell(host: Host, poller: FeedPoller, kept: list[Payload]) -> None:
        host.pages = {"/rss": (200, rss("/1")), "/1": (500, "")}
        await poller.round()
        await poller.round()
        assert host.asked.count("/1") == 2  # a message that failed is asked for again
        assert poller.shown()["fresh"] is True
        host.pages["/rss"] = (503, "")
        for _ in range(9):
            await poller.round()
        assert poller.shown()["fault"] == "HTTP 503"
        assert poller._pause_s() == 900
        assert [p.status for p in kept[-2:]] == [503, 503]
        host.pages["/rss"] = (200, rss())
        await poller.round()
        assert poller.shown()["fault"] is None
        assert poller._pause_s() == 120

    polled(tell)


@pytest.mark.parametrize(
    "name",
    ["dwd_cap12_wind_2023-06-23.xml", "inmet_rss_item_2026-09-06.xml",
     "nws_alerts_featurecollection_2017-12-05.json"],
)  # fmt: skip
def test_no_damage_to_a_recorded_warning_makes_its_decoder_raise(shared: Path, name: str) -> None:
    whole = (shared / "cap" / name).read_bytes()
    chance = random.Random(3)
    for _ in range(150):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            at = chance.randrange(len(body))
            body[at : at + chance.choice([0, 1, 1, 9])] = chance.randbytes(chance.choice([0, 1, 4]))
        if chance.random() < 0.2:
            del body[chance.randrange(len(body)) :]
        read = found(bytes(body))
        assert read.officials or read.links or read.rejects or b"Actual" not in body


@given(st.text())
def test_the_form_of_a_code_is_told_letter_by_letter(code: str) -> None:
    form = "".join("0" if each.isdigit() else "a" if each.isalpha() else each for each in code)
    places = Places([Place(id=code, name="A", latitude=0, longitude=0)])
    assert forms_of(places) == {form}
