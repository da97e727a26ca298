"""What is shown outside the page: the widget, words and picture of a shared link. No browser."""

from __future__ import annotations

import asyncio
import base64
import re
import struct
import zlib
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI

from atalaia.api.access import Gate
from atalaia.api.gateway import respond
from atalaia.api.limits import _LIMITED, _cost
from atalaia.domain.place import Places
from atalaia.domain.words import LANGUAGES
from atalaia.errors import SettingsInvalid
from atalaia.page import picture, share
from atalaia.page.glance import Glance, Glances
from atalaia.page.glance_words import GlanceWords
from atalaia.page.served import page_of
from atalaia.settings import load
from telling import NOON, news

from .outside import HOUR, ORIGIN, Watch, place
from .test_web import Client

EVIL = """"><script>alert(1)</script>&'"""
CALM = {"pt-BR": "Nenhum aviso em vigor", "en": "No alert in force", "es": "Ningún aviso vigente"}


class Metas(HTMLParser):
    """The meta tags of a page, as a browser understands them, and whatever else it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.told: dict[str, str] = {}
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        name = given.get("property") or given.get("name")
        if tag == "meta" and name:
            self.told[name] = given.get("content") or ""


def glance(watch: Watch, kind: Any = "all", id_: str = "") -> Glance:
    return asyncio.run(watch.glances().of(kind, id_))


# How it stands


def test_calm_is_only_what_can_be_seen() -> None:
    watch = Watch()
    assert glance(watch).how == glance(watch, "place", "recife").how == "calm"
    watch.loses("natal")
    assert (glance(watch).how, glance(watch).unseen) == ("partly", 1)
    assert glance(watch, "place", "natal").how == "unseen"
    watch.loses("recife", ever=False)
    assert glance(watch).how == "unseen"
    assert glance(watch, "place", "recife").how == "never"
    assert glance(watch, "place", "recife").newest_at is None


def test_a_source_that_cannot_see_a_place_is_told_and_its_calm_is_not() -> None:
    watch = Watch()
    watch.tell(news("b", hazard="cannot_see", source="sonda", level="watch"))
    seen = glance(watch, "place", "recife")
    assert (seen.how, seen.blind, seen.goings) == ("partly", ("sonda",), ())
    assert glance(watch, "place", "natal").how == "calm"
    assert "sonda" in " ".join(GlanceWords("en").doubts(seen))


def test_what_goes_on_is_told_the_gravest_first_and_a_hazard_once_a_place() -> None:
    watch = Watch()
    watch.tell(
        news("a", level="yellow"),
        news("b", level="orange", rule="rain-24h"),
        news("c", level="red", hazard="wind", place="natal"),
        news("d", level="yellow", hazard="uv", certainty="Possible", onset_at=NOON + 5 * HOUR),
    )
    watch.loses("recife")
    found = glance(watch)
    assert [(one.hazard, one.level, one.where) for one in found.goings] == [
        ("wind", 4, "Natal"),
        ("heavy_rain", 3, "Recife"),
        ("uv", 2, "Recife"),
    ]
    assert (found.how, found.level, found.unseen) == ("going on", 4, 1)
    say = GlanceWords("pt-BR")
    assert say.when(found.goings[2], found.zone) == "previsto a partir de 10 jan 14:00 (UTC−3)"
    here = glance(watch, "place", "recife")
    assert say.doubts(here) == ["Sem dados agora: pode ter mudado"]


def test_a_system_ends_is_lost_or_goes_on_in_another_and_is_never_calm() -> None:
    watch = Watch()
    watch.tell(news("a"))
    assert (glance(watch, "system", "a").how, glance(watch, "system", "a").level) == ("going on", 3)
    watch.tell(news("a", 2, "end", at=NOON + HOUR))
    assert glance(watch, "system", "a").how == "over"
    watch.tell(news("b", place="natal"), news("b", 2, "end", reason="expired", at=NOON + HOUR))
    lost = glance(watch, "system", "b")
    assert lost.how == "lost"
    assert "não se sabe" in GlanceWords("pt-BR").state(lost)
    assert glance(watch, "system", "other").how == "unknown"


def test_all_of_it_is_looked_at_again_when_something_is_new_or_after_some_seconds() -> None:
    watch = Watch()
    looks = watch.glances()
    assert looks.all().how == "calm"
    watch.tell(news())
    assert looks.all().how == "going on"
    watch.loses("natal")
    watch.now += 11
    assert looks.all().unseen == 1


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/Recife", "UTC"])
def test_an_instant_is_told_with_its_zone(zone: str) -> None:
    offset = {"Asia/Kathmandu": "+5:45", "America/Recife": "−3", "UTC": ""}[zone]
    assert GlanceWords("en").clock(NOON, zone).endswith(f"(UTC{offset})")


# The widget


def test_there_is_no_widget_unless_somebody_may_frame_it() -> None:
    with Watch().served("") as address:
        assert Client(address).get("/widget")[0] == 404


def test_the_widget_alone_may_be_framed_and_by_those_origins_alone() -> None:
    with Watch().served(f"{ORIGIN}, https://*.example.org") as address:
        browser = Client(address)
        _, headers, body = browser.get("/widget?place=recife")
        policy = headers["content-security-policy"]
        assert policy.endswith(f"frame-ancestors {ORIGIN} https://*.example.org")
        assert "unsafe" not in policy
        assert "x-frame-options" not in headers
        assert len(body) < 8_000
        for path in ("/", "/place/recife", "/system/a", "/manage", "/worker.js"):
            _, headers, _ = browser.get(path)
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_widget_says_without_a_script_how_it_stands_in_each_language(language: str) -> None:
    watch = Watch()
    with watch.served() as address:
        browser = Client(address)
        status, _, body = browser.get(f"/widget?place=recife&lang={language}")
        assert status == 200
        assert CALM[language] in body.decode()
        assert f'<html lang="{language}">'.encode() in body
        by_browser = browser.get("/widget?place=recife", Accept_Language=f"{language};q=0.9, fr")
        assert by_browser[2] == body
        watch.loses("recife")
        told = browser.get(f"/widget?place=recife&lang={language}")[2].decode()
        assert CALM[language] not in told
        assert "is-calm" not in told.split("<main>")[1].split("</main>")[0]


def test_the_widget_is_sent_again_only_when_it_says_something_else() -> None:
    watch = Watch()
    with watch.served() as address:
        browser = Client(address)
        _, headers, _ = browser.get("/widget?place=recife")
        assert headers["cache-control"] == "no-cache"
        tag = headers["etag"]
        watch.now += 60
        assert browser.get("/widget?place=recife", If_None_Match=tag)[0] == 304
        watch.now += 3 * HOUR  # time alone makes it fall silent
        status, headers, _ = browser.get("/widget?place=recife", If_None_Match=tag)
        assert (status, headers["etag"] != tag) == (200, True)
        watch.tell(news())
        assert browser.get("/widget?place=recife", If_None_Match=headers["etag"])[0] == 200


def test_a_widget_of_what_is_not_there_says_so_and_cannot_be_taken_for_calm() -> None:
    with Watch().served() as address:
        browser = Client(address)
        for path in ("/widget?place=none", "/widget?system=none"):
            status, headers, body = browser.get(f"{path}&lang=en")
            assert status == 404
            assert headers["content-type"].startswith("text/html")
            assert b"here" in body
            assert browser.get(f"{path}&lang=en", If_None_Match=headers["etag"])[0] == 404
        for path in (
            "place=recife&system=a",
            "lang=fr",
            "theme=pink",
            "place=",
            "place=" + "x" * 201,
        ):
            assert browser.get(f"/widget?{path}")[0] == 422


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "'self'", "https:", "https://", "https://a.example/path", "ftp://a.example"),
        *("https://a.example; script-src *", "https://a.example https://b.example", "https://*"),
        *("a.example", "https://a.example/", "https://a.example:port", "null"),
    ],
)
def test_what_is_no_origin_and_would_loosen_the_policy_is_refused(origin: str) -> None:
    with pytest.raises(SettingsInvalid, match="not origins"):
        load(None, {"ATALAIA_PAGE_FRAME_ORIGINS": origin})


def test_origins_are_taken_from_the_settings_once_each() -> None:
    given = "https://A.example, https://a.example, http://localhost:8080, https://*.b.example"
    origins = load(None, {"ATALAIA_PAGE_FRAME_ORIGINS": given}).page.frame_origins
    assert origins == ("https://a.example", "http://localhost:8080", "https://*.b.example")
    many = ",".join(f"https://a{i}.example" for i in range(51))
    with pytest.raises(SettingsInvalid, match="more than 50"):
        load(None, {"ATALAIA_PAGE_FRAME_ORIGINS": many})


# A link that is shared


def test_a_shared_place_is_told_in_the_head_of_the_page() -> None:
    watch = Watch()
    watch.tell(news())
    with watch.served() as address:
        status, _, body = Client(address).get("/place/recife?lang=en")
        told = Metas(body.decode()).told
    assert status == 200
    assert told["og:title"] == "Recife"
    assert told["og:description"].startswith(
        "Orange (severe): heavy rain. since 10 Jan 09:00 (UTC−3)"
    )
    assert told["og:url"] == f"{address}/place/recife"
    assert re.fullmatch(
        rf"{address}/share/place/recife\.png\?lang=en&v=[0-9a-f]{{12}}", told["og:image"]
    )
    assert told["twitter:card"] == "summary_large_image"
    assert (told["og:image:width"], told["og:image:height"]) == ("1200", "630")


def test_a_name_with_markup_stays_a_name_wherever_it_is_shown() -> None:
    watch = Watch(Places([place("evil/ \"'<id>", EVIL), place("b", "B")]))
    watch.tell(news(place="evil/ \"'<id>"))
    path = "evil%2F%20%22%27%3Cid%3E"
    with watch.served() as address:
        browser = Client(address)
        plain = Metas(browser.get("/manage")[2].decode())
        shared = Metas(browser.get(f"/place/{path}")[2].decode())
        assert shared.told["og:title"] == EVIL
        assert shared.told["og:url"] == f"{address}/place/{path}"
        assert [t for t in shared.tags if t != "meta"] == [t for t in plain.tags if t != "meta"]
        widget = browser.get(f"/widget?place={path}")[2].decode()
        assert Metas(widget).tags.count("script") == 1
        assert browser.get("/widget")[2].decode().count("<script") == 1
        assert browser.get(shared.told["og:image"].removeprefix(address))[0] == 200
    drawn = picture.svg(glance(watch, "place", "evil/ \"'<id>"), GlanceWords("en"), NOON)
    assert "<script" not in drawn


def test_a_shared_system_leads_to_the_page_and_to_a_picture() -> None:
    watch = Watch()
    watch.tell(news("a1b2"))
    with watch.served() as address:
        browser = Client(address)
        told = Metas(browser.get("/system/a1b2", Accept_Language="es-AR")[2].decode()).told
        assert told["og:locale"] == "es_ES"
        assert told["og:title"].startswith("Lluvia fuerte")
        assert size(browser.get(told["og:image"].removeprefix(address))[2]) == (1200, 630)


def test_what_is_not_there_has_no_words_and_no_picture() -> None:
    with Watch().served() as address:
        browser = Client(address)
        for kind in ("place", "system"):
            status, headers, body = browser.get(f"/{kind}/none")
            assert (status, "etag" in headers) == (404, True)
            assert b"og:title" not in body
            assert b"main.js" in body
            assert browser.get(f"/share/{kind}/none.png")[0] == 404
        assert browser.get("/share/place/recife.png?lang=fr")[0] == 422


def test_where_a_key_is_needed_to_read_a_shared_link_says_nothing() -> None:
    with Watch().served("", is_public=False) as address:
        browser = Client(address)
        assert browser.get("/place/recife")[2] == browser.get("/place/none")[2]
        assert b"og:" not in browser.get("/place/recife")[2]
        assert browser.get("/share/place/recife.png")[0] == 401
        assert browser.get("/share/all.png")[0] == 401


def test_the_first_page_says_the_same_to_all_whatever_goes_on() -> None:
    watch = Watch()
    with watch.served("", ATALAIA_API_PUBLIC_URL="https://atalaia.example") as address:
        browser = Client(address)
        _, headers, body = browser.get("/")
        told = Metas(body.decode()).told
        assert told["og:image"] == "https://atalaia.example/share/all.png?lang=pt-BR"
        watch.tell(news())
        assert browser.get("/", If_None_Match=headers["etag"])[0] == 304
        assert size(browser.get("/share/all.png")[2]) == (1200, 630)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


# The picture


def test_a_picture_is_drawn_once_for_all_until_it_shows_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []

    def png(glance: Glance, say: GlanceWords, at: int) -> bytes:
        drawn.append(f"{glance.how} {say.language}")
        return f"{glance.how} {at}".encode()

    monkeypatch.setattr(share, "png", png)
    watch = Watch()
    watch.now -= watch.now % share.DRAWN_AGAIN_S

    async def tell() -> None:
        kept = share.Pictures(watch.glances(), lambda: watch.now)
        for _ in range(3):
            await kept.of("place", "recife", "en")
        watch.newest += 60  # shows the same
        await kept.of("place", "recife", "en")
        assert drawn == ["calm en"]
        watch.now += share.DRAWN_AGAIN_S  # else the instant in it would be of long ago
        await kept.of("place", "recife", "en")
        watch.tell(news())
        await kept.of("place", "recife", "en")
        assert drawn == ["calm en", "calm en", "going on en"]
        for i in range(200):
            await kept.of("place", "natal", f"{LANGUAGES[i % 3]}")
        assert len(drawn) == 6
        assert len(kept._kept) <= share._MOST_KEPT

    asyncio.run(tell())


def test_of_many_who_ask_for_a_picture_at_once_few_have_it_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, drawn = Watch(), []

    def draw(*_: object) -> bytes:
        drawn.append(1)
        return b"png"

    monkeypatch.setattr(share, "png", draw)

    async def ask() -> list[bytes]:
        kept = share.Pictures(watch.glances(), lambda: watch.now)
        return await asyncio.gather(*(kept.of("place", "recife", "en") for _ in range(40)))

    assert asyncio.run(ask()) == [b"png"] * 40
    assert len(drawn) <= share._AT_ONCE


@pytest.mark.parametrize("how", ["calm", "unseen", "never", "going on", "lost", "over"])
def test_the_signs_of_a_picture_differ_also_in_grey(how: str) -> None:
    """Each way to stand has a sign of its own: what is black and white of it says which."""
    watch = Watch()
    if how == "unseen":
        watch.loses("recife")
    if how == "never":
        watch.loses("recife", ever=False)
    if how in ("going on", "lost", "over"):
        watch.tell(news("a"))
    if how in ("lost", "over"):
        reason = {"reason": "expired"} if how == "lost" else {}
        watch.tell(news("a", 2, "end", at=NOON + HOUR, **reason))
    kind, id_ = ("system", "a") if how in ("lost", "over") else ("place", "recife")
    found = glance(watch, kind, id_)
    assert found.how == how
    drawn = picture.svg(found, GlanceWords("en"), NOON)
    assert ("M-.5 .05" in drawn) == (how == "calm")
    assert ('class="ring"' in drawn) == (how in ("unseen", "never", "lost"))
    assert ("<polygon" in drawn) == (how == "going on")
    assert "As it stood on 10 Jan 2026 09:00 (UTC−3)" in drawn


@pytest.mark.parametrize(
    "name",
    [
        "Recife",
        "São José do Vale do Rio Preto de Nossa Senhora da Conceição do Mato Dentro",
        "W" * 200,
        "Wwwwww Mmmmmm " * 20,
        "Ñ…ß漢字",
    ],
)
def test_nothing_of_a_picture_goes_beyond_its_margin(name: str) -> None:
    watch = Watch(Places([place("a", name)]))
    lines = picture.wrapped(name, 68, 2)
    assert len(lines) <= 2
    assert all(picture._width(one, 68) <= picture._RIGHT - picture._LEFT for one in lines)
    rows = pixels(picture.png(glance(watch, "place", "a"), GlanceWords("pt-BR"), NOON))
    assert {bytes(row[4 * 1150 : 4 * 1151]) for row in rows[:500]} == {rows[0][4 * 1150 : 4 * 1151]}


def pixels(png: bytes) -> list[bytes]:
    """The rows of an image in RGBA, by PNG's own filters."""
    width, height = size(png)
    at, packed = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + length]
        at += 12 + length
    flat, rows, before = zlib.decompress(packed), [], bytes(4 * width)
    for y in range(height):
        start = y * (4 * width + 1)
        kind, row = flat[start], bytearray(flat[start + 1 : start + 1 + 4 * width])
        if kind == 1:
            changes = np.frombuffer(row, np.uint8).reshape(width, 4)
            row = bytearray(changes.cumsum(axis=0, dtype=np.uint8).tobytes())
        elif kind == 2:
            above = np.frombuffer(before, np.uint8)
            row = bytearray((np.frombuffer(row, np.uint8) + above).tobytes())
        for x in range(4 * width) if kind > 2 else ():
            left, up = row[x - 4] if x > 3 else 0, before[x]
            if kind == 3:
                row[x] = (row[x] + (left + up) // 2) & 255
            else:
                corner = before[x - 4] if x > 3 else 0
                by_left, by_up = abs(up - corner), abs(left - corner)
                by_corner = abs(left + up - 2 * corner)
                near = up if by_up <= by_corner else corner
                near = left if by_left <= by_up and by_left <= by_corner else near
                row[x] = (row[x] + near) & 255
        before = bytes(row)
        rows.append(before)
    return rows


def test_these_routes_are_counted_by_address_and_a_picture_costs_more() -> None:
    assert _cost("GET", "/share/place/recife.png", b"") == 5
    assert _cost("GET", "/report/place/recife.pdf", b"") == 20
    assert _cost("GET", "/widget", b"") == 1
    for path in ("/widget", "/share/all.png", "/report/all.html", "/place/recife", "/system/a"):
        assert path.startswith(_LIMITED), path


def test_all_states_have_words_in_every_language() -> None:
    watch = Watch()
    looks: Glances = watch.glances()
    for how in ("calm", "partly", "unseen", "never", "over", "lost", "joined"):
        said = {GlanceWords(each)(how) for each in LANGUAGES}
        assert len(said) == len(LANGUAGES), how
    assert looks.place("recife").path == "/place/recife"


def test_behind_a_gateway_the_widget_is_text_and_the_picture_is_bytes() -> None:
    app = FastAPI()
    settings = load(None, {"ATALAIA_PAGE_FRAME_ORIGINS": ORIGIN})
    watch = Watch()
    gate = Gate(lambda _key: None, is_public=True)
    app.include_router(page_of(settings, watch.shown(), watch.systems, gate))

    def asked(path: str) -> Any:
        event = {
            "rawPath": path,
            "requestContext": {"http": {"method": "GET"}, "domainName": "a.example"},
        }
        return asyncio.run(respond(app, event, 10.0))

    answer = asked("/widget")
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert CALM["pt-BR"] in answer["body"]
    drawn = asked("/share/place/recife.png")
    assert drawn["isBase64Encoded"]
    assert size(base64.b64decode(drawn["body"])) == (1200, 630)
    assert "https://a.example/share/place/recife.png" in asked("/place/recife")["body"]
