"""The page: a few files of our own and the libraries beside them, from memory.

Every file but the page itself has the contents' version in its address and may be kept for ever;
the page is asked for again each time, and answered by 304 while it is the same. Nothing comes from
another host, and the Content-Security-Policy lets nothing: no inline script, no inline style. Only
where detail tiles (`page.tiles_url`) or layers (`page.layers`) are set may images come from there.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import mimetypes
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

import msgspec
from fastapi import APIRouter, Request, Response

from atalaia.api.problem import Problem
from atalaia.page.shapes import FILE
from atalaia.settings.page import Page

FOLDER = files(__package__) / "files"
INDEX = "index.html"
AT_THE_TOP = {
    "/worker.js": "worker.js",  # whose scope is the folder of its address
    "/manifest.webmanifest": "manifest.webmanifest",
    "/favicon.ico": "icon.svg",
    **{
        f"/icons/{name}.png": f"icons/{name}.png"
        for name in ("180", "192", "512", "maskable", "badge")
    },
}
"""Files whose addresses must stay the same, as browsers keep them where the page is installed."""

MAP = "vendor/leaflet.js"
"""Without this file the libraries were not built, and the page does without a map."""

_TYPES = {
    ".js": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}
_COMMENTS = re.compile(rb"^[ \t]*(?://.*|/\*\*(?s:.*?)\*/[ \t]*)\n", re.MULTILINE)
_COMPRESSED_ALREADY = (".woff2", ".png")
PARTS = ("text/javascript", "text/css", "application/json", "font/woff2")
"""What is no page by itself: browsers hold the page that asked for it to the page's own policy."""

Head = Callable[[Request, Literal["all", "place", "system"], str], Awaitable[tuple[int, str]]]
"""What an address leads to → the status, and what more its head says, as HTML (`share.py`)."""

OF_PARTS = {"X-Content-Type-Options": "nosniff"}

_HEAD = b"<!-- head -->"

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    media_type: str
    body: bytes
    is_text: bool

    @cached_property
    def packed(self) -> bytes:
        """The body by gzip, made at the first request for it."""
        return gzip.compress(self.body, 9, mtime=0)

    @cached_property
    def tag(self) -> str:
        """ETag: of the contents."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


def page(
    settings: Page | None = None,
    home: Path | None = None,
    head: Head | None = None,
    reports: Sequence[str] = (),
) -> APIRouter:
    """The routes of the page: ``/``, ``/place/ID`` and ``/system/ID`` (which lead to the same, for
    who shares them), ``/manage``, ``/static/…``, ``/map/shapes``, and `AT_THE_TOP`.

    `settings` say what is upon and beneath the outline map; None: nothing. `home` may have polygons
    of places (`shapes.py`). `head` says more of what an address leads to. `reports`: in which forms
    there are reports (`reports.py`).
    """
    settings = settings or Page()
    shapes = _shapes(home)
    assets, version = _ours()
    told = {
        "static": f"/static/{version}",
        "tiles": settings.tiles_url,
        "attribution": settings.attribution,
        "layers": msgspec.json.encode(settings.layers).decode() if settings.layers else "",
        "libraries": "yes" if MAP in assets else "no",
        "reports": " ".join(reports),
        "shapes": shapes.tag.strip('"') if shapes else "",
    }
    index = _index(assets[INDEX], told)
    headers = security_headers(settings.origins)
    router = APIRouter(include_in_schema=False)

    def sent(request: Request, asset: Asset, keep: str, status: int = 200) -> Response:
        policy = OF_PARTS if keep == _FOR_EVER and asset.media_type in PARTS else headers
        kept = keep if status == 200 else "no-store"
        told = {**policy, "Cache-Control": kept, "ETag": asset.tag, "Vary": "Accept-Encoding"}
        if status == 200 and asset.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=told)
        if asset.is_text and "gzip" in request.headers.get("accept-encoding", ""):
            told["Content-Encoding"] = "gzip"
            return Response(asset.packed, status, told, asset.media_type)
        return Response(asset.body, status, told, asset.media_type)

    async def led(request: Request, kind: Literal["all", "place", "system"], id_: str) -> Response:
        status, more = (200, "") if head is None else await head(request, kind, id_)
        return sent(request, _with_head(index, more), _ASK_AGAIN, status)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def shown(request: Request) -> Response:
        return await led(request, "all", "")

    @router.api_route("/place/{id_:path}", methods=["GET", "HEAD"])
    async def place(request: Request, id_: str) -> Response:
        return await led(request, "place", id_)

    @router.api_route("/system/{id_:path}", methods=["GET", "HEAD"])
    async def system(request: Request, id_: str) -> Response:
        return await led(request, "system", id_)

    @router.api_route("/manage", methods=["GET", "HEAD"])
    async def manage(request: Request) -> Response:
        return sent(request, _with_head(index, ""), _ASK_AGAIN)

    def always(asset: Asset) -> Callable[[Request], Response]:
        return lambda request: sent(request, asset, _ASK_AGAIN)

    for path, name in AT_THE_TOP.items():
        router.add_route(path, always(assets[name]), methods=["GET", "HEAD"])

    @router.api_route("/static/{asked}/{name:path}", methods=["GET", "HEAD"])
    async def static(request: Request, asked: str, name: str) -> Response:
        asset = assets.get(name)
        if asset is None or asked != version or name == INDEX:
            raise Problem(404, "no such file; load the page again")
        return sent(request, asset, _FOR_EVER)

    @router.api_route("/map/shapes", methods=["GET", "HEAD"])
    async def polygons(request: Request) -> Response:
        if shapes is None:
            raise Problem(404, "no polygons of places were imported (atalaia map import)")
        return sent(request, shapes, _ASK_AGAIN)

    return router


def security_headers(origins: Sequence[str] = ()) -> dict[str, str]:
    """What a browser is to hold the page to. `origins`: from where images may come, too."""
    images = " ".join(("'self'", *origins))
    policy = (
        "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"font-src 'self'; img-src {images}; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "geolocation=(self), camera=(), microphone=(), payment=()",
        # Servers of tiles want to know the site, and are told no more than that.
        "Referrer-Policy": "origin" if origins else "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def read_assets(folder: Traversable, under: str = "") -> dict[str, Asset]:
    """Every file below, by its path."""
    found: dict[str, Asset] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= read_assets(entry, f"{under}{entry.name}/")
        else:
            found[under + entry.name] = _asset(entry, is_ours=not under.startswith("vendor/"))
    return found


def version_of(assets: dict[str, Asset]) -> str:
    """Twelve letters that change with any file."""
    digest = hashlib.sha256()
    for name in sorted(assets):
        digest.update(f"{name}\n{assets[name].tag}\n".encode())
    return digest.hexdigest()[:12]


@cache
def _ours() -> tuple[dict[str, Asset], str]:
    """The page's files, read once, and their version."""
    assets = read_assets(FOLDER)
    return assets, version_of(assets)


def _asset(entry: Traversable, *, is_ours: bool) -> Asset:
    suffix = entry.name[entry.name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(entry.name)[0] or "text/plain"
    body = entry.read_bytes()
    if is_ours and suffix == ".js":
        body = without_comments(body)
    return Asset(kind, body, suffix not in _COMPRESSED_ALREADY)


def without_comments(script: bytes) -> bytes:
    """A script of ours without whole lines that are for who reads its source: a phone is not sent
    them."""
    return _COMMENTS.sub(b"", script)


def _shapes(home: Path | None) -> Asset | None:
    """Polygons of places, where some were imported."""
    if home is None or not (home / FILE).is_file():
        return None
    return Asset("application/json", (home / FILE).read_bytes(), is_text=True)


def _with_head(index: Asset, more: str) -> Asset:
    """The page, with this in its head."""
    return Asset(index.media_type, index.body.replace(_HEAD, more.encode()), is_text=True)


def _index(asset: Asset, told: dict[str, str]) -> Asset:
    text = asset.body.decode()
    for name, value in told.items():
        text = text.replace("{" + name + "}", html.escape(value))
    return Asset(asset.media_type, text.encode(), is_text=True)
