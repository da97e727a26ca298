"""A river at its gauge, from ANA's answer to what people read: the token, the limits, the words.

ANA is a server on loopback that answers as its manual and its users say; nobody's account was used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from atalaia.clock import Clock
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.payload import Payload
from atalaia.errors import SettingsInvalid
from atalaia.homes.embedded import open_home
from atalaia.settings import Settings, describe, load
from atalaia.settings.plans import plans
from atalaia.sources import decode_all
from atalaia.sources.rounds import go_round
from atalaia.sources.schedule import Nearness

AT = 1_789_416_000  # 2026-09-14T20:00:00Z, 17:00 in Brasilia
HOUR = 3600
USER, PASSWORD, TOKEN = "12345678000195", "a-s3nha-of-ana", "eyJh.t0ken.of-ana"

SECRETS = (PASSWORD.encode(), TOKEN.encode())

TABLE = """
[[place]]
id = "cais"
name = "Porto Alegre"
latitude = -30.03
longitude = -51.23
timezone = "America/Sao_Paulo"

[[place]]
id = "far"
name = "Pelotas"
latitude = -31.77
longitude = -52.34

[sources.open-meteo]
enabled = false

[sources.ana]
user = "{user}"
password = "{password}"
base_url = "{url}"

[[sources.ana.stations]]
code = "87450004"
name = "Cais Mauá"
places = ["cais"]
attention = 2.5
alert = 3.0
overflow = 3.6
"""


class Ana:
    """ANA on loopback: tokens that end, and levels in centimetres by the hour."""

    def __init__(self, *levels_cm: float | None) -> None:
        self.levels_cm = list(levels_cm)
        self.others_cm: list[float | None] = []
        self.now = AT
        self.tokens: list[str] = []
        self.is_locked = False
        self.revoked: set[str] = set()
        self.asked: list[dict[str, str]] = []

    async def sign_in(self, request: web.Request) -> web.Response:
        told = (request.headers.get("Identificador"), request.headers.get("Senha"))
        if self.is_locked or told != (USER, PASSWORD):
            return web.json_response({"status": "UNAUTHORIZED", "items": None}, status=401)
        self.tokens.append(f"{TOKEN}{len(self.tokens)}")
        items = {"sucesso": True, "validade": "…", "tokenautenticacao": self.tokens[-1]}
        return web.json_response({"status": "OK", "code": 200, "items": items})

    async def series(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given not in self.tokens or given in self.revoked:
            return web.json_response({"status": "UNAUTHORIZED"}, status=401)
        self.asked.append(dict(request.query))
        code = request.query["Codigos_Estacoes"]
        levels_cm = self.levels_cm if code == "87450004" else self.others_cm
        items = [self._item(code, len(levels_cm) - 1 - i, cm) for i, cm in enumerate(levels_cm)]
        told = {"status": "OK", "code": 200, "token": given, "items": items}
        return web.json_response(told)

    def _item(self, code: str, hours_ago: int, cm: float | None) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.now - (3 + hours_ago) * HOUR, UTC)
        return {
            "codigoestacao": code, "Data_Hora_Medicao": f"{at:%Y-%m-%d %H:%M:%S}.0",
            "Cota_Adotada": None if cm is None else f"{cm:.2f}", "Cota_Adotada_Status": "0",
            "Cota_Sensor": "9999.00", "Cota_Sensor_Status": "2", "Chuva_Adotada": "0.40",
        }  # fmt: skip


def lived(
    tmp_path: Path, ana: Ana, *rounds: Sequence[float | None], rules: str = "", more: str = ""
) -> tuple[list[LogEntry], list[Payload], list[str | None]]:
    """What is told of rounds in which ANA answers so, of a service that is started anew for each;
    what was kept; and how the source did."""
    health: list[str | None] = []

    async def tell() -> None:
        offset = 0
        app = web.Application()
        app.router.add_get("/hidrowebservice/EstacoesTelemetricas/OAUth/v1", ana.sign_in)
        series = "HidroinfoanaSerieTelemetricaAdotada/v2"
        app.router.add_get(f"/hidrowebservice/EstacoesTelemetricas/{series}", ana.series)
        async with TestServer(app) as server:
            settings = given(
                tmp_path, url=str(server.make_url("")).rstrip("/"), rules=rules, more=more
            )
            for levels in rounds:
                ana.levels_cm = list(levels)
                went = await go_round(
                    plans(settings), [], settings.places, home.stream, home.state,
                    replace(Clock(lambda: ana.now), jitter=lambda: 1.0),
                    nearness=Nearness.unknown(2), on_kept=lambda _: None,
                )  # fmt: skip
                health.extend(one.health.reason for one in went.sources)
                watch = Watch(settings.rules, settings.places, decode_all(settings.places))
                watch.load(home.state)
                records = home.stream.read(offset, 100)
                offset = records[-1].offset
                home.state.commit(watch.step(records)[1])
                ana.now += HOUR

    with open_home(tmp_path / "home") as home:
        asyncio.run(tell())
        kept = [record.payload for record in home.stream.read(0, 1000)]
        for file in filter(Path.is_file, (tmp_path / "home").rglob("*")):
            assert not any(secret in file.read_bytes() for secret in SECRETS), file
        return [entry for _, entry in home.state.alerts()], kept, health


def given(
    tmp_path: Path, *, url: str = "http://127.0.0.1:9", rules: str = "", more: str = ""
) -> Settings:
    file = tmp_path / "atalaia.toml"
    file.write_text(rules + TABLE.format(user=USER, password=PASSWORD, url=url) + more)
    return load(file, {})


def told(entries: Sequence[LogEntry]) -> list[tuple[str, str, str]]:
    return [(e.alert.place_id, e.alert.level, e.alert.reason) for e in entries]


def test_a_river_over_its_alert_level_is_told_in_metres_in_three_languages(tmp_path: Path) -> None:
    ana = Ana()
    entries, kept, health = lived(tmp_path, ana, [210, 240, None], [240, 262, 312])
    assert told(entries) == [("cais", "orange", "onset")]
    (entry,) = entries
    assert (entry.alert.value, entry.alert.limit, entry.alert.rule) == (3.12, 3.0, "river-87450004")
    assert entry.alert.source == "ana:87450004"
    assert entry.alert.text == {
        "pt-BR": "Laranja (perigo): cheia de rio em Porto Alegre, desde 14/09 17:00. Nível do "
        "rio: 3,12 m (medido em Cais Mauá, 14/09 18:00), limite 3 m. Fonte: ana:87450004. Saia da "
        "beira do rio; leve pessoas, animais e documentos para o alto; emergência: 199. Isto não "
        "é um aviso oficial.",
        "en": "Orange (severe): river flood at Porto Alegre, since 14 Sep 17:00. River level: "
        "3.12 m (measured at Cais Mauá, 14 Sep 18:00), limit 3 m. Source: ana:87450004. Leave the "
        "riverbank; bring people, animals and papers to high ground. This is not an official "
        "warning.",
        "es": "Naranja (severo): crecida de río en Porto Alegre, desde 14/09 17:00. Nivel del río: "
        "3,12 m (medido en Cais Mauá, 14/09 18:00), límite 3 m. Fuente: ana:87450004. Aléjese de "
        "la orilla; lleve personas, animales y documentos a un lugar alto. Esto no es un aviso "
        "oficial.",
    }
    assert health == [None, None]
    assert ana.asked[0] == {
        "Codigos_Estacoes": "87450004", "Tipo Filtro Data": "DATA_LEITURA",
        "Range Intervalo de busca": "HORA_24",
    }  # fmt: skip
    assert all(TOKEN.encode() not in one.body for one in kept)
    assert b'"token": "***"' in kept[0].body, "a token that is echoed is struck out"


UPSTREAM = """
[[sources.ana.stations]]
code = "87399000"
name = "Ilha da Pintada"
places = ["island", "cais"]
attention = 1.8
overflow = 2.2

[[place]]
id = "island"
name = "Ilha da Pintada"
latitude = -30.02
longitude = -51.26
"""


def test_what_one_gauge_alone_calls_red_waits_for_another_of_the_river(tmp_path: Path) -> None:
    ana = Ana()
    ana.others_cm = [100]
    alone, _, _ = lived(tmp_path, ana, [300, 400], more=UPSTREAM)
    assert [(e.alert.level, e.is_alone) for e in alone if e.alert.place_id == "cais"] == [
        ("orange", True)
    ]
    (tmp_path / "two").mkdir()
    ana = Ana()
    ana.others_cm = [150, 190]
    borne_out, _, _ = lived(tmp_path / "two", ana, [300, 400], more=UPSTREAM)
    last = [e for e in borne_out if e.alert.place_id == "cais"][-1]
    assert (last.alert.level, last.is_alone, last.alert.source) == ("red", False, "ana:87450004")


def test_a_gauges_metres_are_held_against_its_own_limits_and_no_others(tmp_path: Path) -> None:
    rules = tmp_path / "mine.toml"
    rules.write_text(
        '[[rule]]\nname = "any"\nhazard = "flood"\nvariable = "river_level_m"\n'
        "limits = { yellow = 1.0 }\n"
    )
    entries, _, _ = lived(tmp_path, Ana(), [240, 245], rules='rules = "mine.toml"\n')
    assert entries == [], "a metre at one gauge is a flood, and at the next the river's bed"


def test_a_river_falls_below_its_limit_and_the_flood_is_over(tmp_path: Path) -> None:
    falls = [[250, 255], *([255 - 15 * hour] for hour in range(1, 7))]
    entries, _, _ = lived(tmp_path, Ana(), *falls)
    assert told(entries) == [("cais", "yellow", "onset"), ("cais", "yellow", "ended")]


def test_all_gauges_are_asked_with_one_token(tmp_path: Path) -> None:
    ana = Ana()
    ana.others_cm = [100]
    _, _, health = lived(tmp_path, ana, [200], more=UPSTREAM)
    assert len(ana.asked) == 2
    assert len(ana.tokens) == 1
    assert health == [None]


def test_an_account_that_is_refused_is_said_and_no_answer_of_a_sign_in_is_kept(
    tmp_path: Path,
) -> None:
    ana = Ana()
    ana.is_locked = True
    entries, kept, health = lived(tmp_path, ana, [400], [400])
    assert entries == []
    assert health == ["sign-in: user or password not accepted"] * 2
    failures = [one for one in kept if one.source == "ana"]
    assert {(one.failure, one.body) for one in failures} == {(health[0], b"")}


def problems(tmp_path: Path, more: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        given(tmp_path, more=more)
    return caught.value.problems


def test_a_gauge_that_cannot_be_asked_or_judged_is_refused_by_name(tmp_path: Path) -> None:
    assert "ana: 1 gauges of rivers, each every 15 min" in describe(given(tmp_path))
    again = '[[sources.ana.stations]]\ncode = "87450004"\nplaces = ["cais"]\nalert = 1\n'
    assert "there twice" in problems(tmp_path, again)[0]
    other = again.replace("87450004", "1")
    assert "no place 'x' is watched" in problems(tmp_path, other.replace("cais", "x"))[0]
    assert "1: limits must get more extreme" in problems(tmp_path, other + "overflow = 0.5\n")[0]
    assert "limits is empty" in problems(tmp_path, other.replace("alert = 1", ""))[0]


def test_who_has_no_account_judges_what_another_asked(tmp_path: Path) -> None:
    text = TABLE.format(user=USER, password=PASSWORD, url="http://127.0.0.1:9")
    text = text.replace(f'password = "{PASSWORD}"\n', "")
    file = tmp_path / "atalaia.toml"
    file.write_text(text)
    settings = load(file, {})
    assert "ana: off: no account; set password_file" in describe(settings)
    assert settings.rules.rules[-1].station == "ana:87450004"
    for said in ("true", "false"):
        file.write_text(text.replace("user = ", f"enabled = {said}\nuser = "))
        if said == "true":
            with pytest.raises(SettingsInvalid, match="ANA wants an account"):
                load(file, {})
        else:
            assert not any(rule.station for rule in load(file, {}).rules.rules)
