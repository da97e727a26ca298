"""How the page's files are sent; no browser is needed for that."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest
from fastapi import FastAPI

from atalaia.api import problem
from atalaia.errors import SettingsInvalid
from atalaia.page import web
from atalaia.settings import load
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
def client(**options: str) -> Iterator[Client]:
    app = FastAPI()
    problem.install(app)
    app.include_router(web.page(**options))
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
