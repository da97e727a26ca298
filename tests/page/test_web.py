"""How the page's files are sent; no browser is needed for that."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from atalaia.api import problem
from atalaia.errors import SettingsInvalid
from atalaia.page import web
from atalaia.settings import load
from atalaia.settings.page import Page
from patience import LIMIT_S

from .stage import served


class Client:
    """Asks as a browser does, and follows nothing."""

    def __init__(self, address: str) -> None:
        self._address = address.removeprefix("http://")

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(self._address, timeout=LIMIT_S)
        connection.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), body


@contextmanager
def client(**options: Any) -> Iterator[Client]:
    app = FastAPI()
    problem.install(app)
    app.include_router(web.page(Page(**options)))
    with served(app) as address:
        yield Client(address)


def test_the_policy_lets_nothing_from_elsewhere_and_nothing_inline() -> None:
    with client() as browser:
        _, headers, body = browser.get("/")
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(rb"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", body)
    assert headers["referrer-policy"] == "no-referrer"


def test_detail_tiles_are_let_in_from_their_host_alone() -> None:
    template = "https://{s}.tiles.example.org/{z}/{x}/{y}.png"
    with client(tiles_url=template) as browser:
        _, headers, body = browser.get("/")
    policy = headers["content-security-policy"]
    assert "img-src 'self' https://*.tiles.example.org;" in policy
    assert "script-src 'self';" in policy
    assert f'data-tiles="{template}"'.encode() in body


def test_the_page_is_asked_for_again_and_its_files_are_kept() -> None:
    with client() as browser:
        _, headers, body = browser.get("/")
        assert headers["cache-control"] == "no-cache"
        status, _, nothing = browser.get("/", If_None_Match=headers["etag"])
        assert (status, nothing) == (304, b"")
        script = re.search(rb'src="(/static/\w{12}/main\.js)"', body)
        assert script is not None
        path = script[1].decode()
        status, headers, _ = browser.get(path)
        assert status == 200
        assert "immutable" in headers["cache-control"]
        assert headers["content-type"].startswith("text/javascript")
        assert browser.get(re.sub(r"\w{12}/", "0123456789ab/", path))[0] == 404


def test_files_are_sent_by_gzip_to_who_reads_it() -> None:
    with client() as browser:
        _, headers, packed = browser.get("/", Accept_Encoding="gzip")
        _, plainly, plain = browser.get("/")
    assert headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plainly
    assert gzip.decompress(packed) == plain


def test_scripts_are_sent_without_their_comments_and_with_all_else() -> None:
    script = b"""// Of a file.

/** Of a function,
    in two lines. */
export const a = "https://example.org"; // of a line
  // Why.
  b(`/** not one */`);
"""
    told = b"""
export const a = "https://example.org"; // of a line
  b(`/** not one */`);
"""
    assert web.without_comments(script) == told
    assets, _ = web._ours()
    ours = [n for n in assets if n.endswith(".js") and not n.startswith("vendor/")]
    assert len(ours) > 20
    for name in ours:
        assert not re.search(rb"(?m)^\s*(//|/\*\*)", assets[name].body), name


@pytest.mark.parametrize(
    "path", ["/static/x/main.js", "/static/../web.py", "/static/%2e%2e/web.py"]
)
def test_no_other_file_can_be_had(path: str) -> None:
    with client() as browser:
        assert browser.get(path)[0] == 404


@pytest.mark.parametrize(
    "template",
    [
        "https://tiles.example.org/map.png",
        "https://tiles.example.org/{z}/{x}/{y}.png; script-src *",
        "javascript:alert(1)/{z}/{x}/{y}",
        "tiles/{z}/{x}/{y}.png",
        "https://* 'unsafe-inline'/{z}/{x}/{y}.png",
    ],
)
def test_a_template_of_tiles_that_would_loosen_the_policy_is_refused(template: str) -> None:
    with pytest.raises(SettingsInvalid, match="not a template"):
        load(None, {"ATALAIA_PAGE_TILES_URL": template})


def test_a_template_of_tiles_is_taken_from_the_settings() -> None:
    template = "https://{s}.tiles.example.org/{z}/{x}/{y}.png"
    assert load(None, {"ATALAIA_PAGE_TILES_URL": template}).page.tiles_url == template
    assert load(None, {}).page.tiles_url == ""


LAYERS = """
[page.layers.radar]
label = "Radar meteorológico"
url = "https://radar.example.org:8443/{time}/{z}/{x}/{y}.png"
attribution = "© Radar"
step = "5min"
delay = "10min"
[page.layers.model-rain]
url = "https://models.example.org/{z}/{x}/{y}.png"
min_zoom = 2
max_zoom = 6
opacity = 0.5
"""


def layers_of(folder: Path, text: str) -> Page:
    file = folder / "atalaia.toml"
    file.write_text(text, "utf-8")
    return load(file, {}).page


def test_layers_are_read_and_the_policy_lets_in_images_of_exactly_their_hosts(
    tmp_path: Path,
) -> None:
    page = layers_of(tmp_path, LAYERS)
    assert [(one.name, one.label, one.step_s, one.opacity) for one in page.layers] == [
        ("radar", "Radar meteorológico", 300, 0.7), ("model-rain", "model-rain", 600, 0.5)
    ]  # fmt: skip
    with client(layers=page.layers) as browser:
        _, headers, body = browser.get("/")
    policy = headers["content-security-policy"]
    hosts = "https://radar.example.org:8443 https://models.example.org"
    assert f"img-src 'self' {hosts};" in policy
    assert "connect-src 'self';" in policy
    assert policy.count("example.org") == 2
    assert headers["referrer-policy"] == "origin"
    assert b"&quot;radar&quot;" in body
    with client() as browser:
        assert b'data-layers=""' in browser.get("/")[2]


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        ('label = "x"', 1, "page.layers.radar.url: missing; write for example"),
        ('url = "https://*/{z}/{x}/{y}"', 2, "not a template of one host"),
        ('url = "https://a.org; script-src */{z}/{x}/{y}"', 2, "not a template of one host"),
        ('url = "https://a.org/{z}/{x}/{y}.png\' *"', 2, "not a template of one host"),
        ('url = "https://u:p@a.org/{z}/{x}/{y}"', 2, "not a template of one host"),
        ('url = "https://{s}.a.org/{z}/{x}/{y}"', 2, "not a template of one host"),
        ('url = "ftp://a.org/{z}/{x}/{y}"', 2, "not a template of one host"),
        ('url = "https://a.org:99999/{z}/{x}/{y}"', 2, "the host's port is none"),
        ('url = "https://a.org/{z}/{x}/{y}/{date}"', 2, "{date} is unknown; there are {z}, {x}"),
        ('url = "https://a.org/{z}/{x}/y"', 2, "{y} is missing"),
        ('url = "https://a.org/{z}/{x}/{y}"\nstep = "5min"', 3, "url has no {time}"),
        ('url = "https://a.org/{z}/{x}/{y}"\nopacity = 7', 3, "not from 0.1 to 1"),
        ('url = "https://a.org/{z}/{x}/{y}"\nopacity = "x"', 3, "not a number from 0.1 to 1"),
        ('url = "https://a.org/{z}/{x}/{y}"\nmax_zoom = 30', 3, "not a whole number from 0 to 18"),
        (
            'url = "https://a.org/{z}/{x}/{y}"\nmin_zoom = 9\nmax_zoom = 5',
            3,
            "larger than max_zoom",
        ),
        ('url = "https://a.org/{z}/{x}/{y}"\ncolour = "red"', 3, "unknown key"),
    ],
)
def test_a_layer_that_cannot_be_is_refused_with_its_line_and_what_to_write(
    tmp_path: Path, lines: str, line: int, says: str
) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        layers_of(tmp_path, f"[page.layers.radar]\n{lines}\n")
    [problem] = refused.value.problems
    assert f"atalaia.toml:{line}: " in problem
    assert says in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[page]\nlayers = "radar"', "not a table; write [page.layers.radar]"),
        ('[page.layers."a b"]\nurl = "x"', "no layer of this name"),
        ("[page.layers]\nradar = 1", "no layer of this name"),
    ],
)
def test_layers_that_are_no_tables_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        layers_of(tmp_path, text)
    assert says in refused.value.problems[0]


def test_only_what_is_a_page_by_itself_carries_a_pages_policy() -> None:
    with client() as browser:
        _, _, body = browser.get("/")
        script = re.search(rb'src="(/static/\w{12}/)main\.js"', body)
        assert script is not None
        static = script[1].decode()
        for path in ("/", "/manage", "/worker.js", static + "icon.svg"):
            assert "default-src 'self'" in browser.get(path)[1]["content-security-policy"], path
        for path in (static + "main.js", static + "style/base.css"):
            _, headers, _ = browser.get(path)
            assert headers["x-content-type-options"] == "nosniff"
            assert "content-security-policy" not in headers


def test_polygons_are_had_only_where_some_were_imported() -> None:
    with client() as browser:
        assert browser.get("/map/shapes")[0] == 404
        assert b'data-shapes=""' in browser.get("/")[2]
