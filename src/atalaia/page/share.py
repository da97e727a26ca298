"""What a link to a place or to a system says where it is shared: words in the page's head, and a
picture.

    /place/ID, /system/ID   the page itself, with Open Graph's words for that address
    /share/….png            the picture that they name

A glance → here. What was drawn is kept for who asks next, a few at a time, until it shows something
else or is `DRAWN_AGAIN_S` old; at most `_AT_ONCE` are drawn at the same time.
"""

# Without postponed annotations: routes name their dependencies in them.

import hashlib
import html
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from msgspec.structs import replace

from atalaia.api.problem import Problem
from atalaia.api.speaking import Language, language_of
from atalaia.page.glance import Glance, Glances, Kind
from atalaia.page.glance_words import GlanceWords
from atalaia.page.made import Made, tagged
from atalaia.page.picture import HEIGHT, WIDTH, png

DRAWN_AGAIN_S = 600
"""A picture that shows the same is drawn again after so long: the instant in it is that old."""

_MOST_KEPT = 64
_AT_ONCE = 2
_FRESH_S = 60
_LOCALES = {"pt-BR": "pt_BR", "en": "en_US", "es": "es_ES"}
_ID = Annotated[str, Path(min_length=1, max_length=200)]


class Pictures:
    """Draws them, and keeps the newest. On the event loop alone."""

    def __init__(self, glances: Glances, now: Callable[[], float]) -> None:
        self._glances, self._now = glances, now
        self._kept = Made(_AT_ONCE, _MOST_KEPT)

    async def of(self, kind: Kind, id_: str, language: str) -> bytes:
        """The picture of how it stands. Raises Problem where there is no such thing."""
        glance = await self._glances.of(kind, id_)
        if glance.how == "unknown":
            raise Problem(404, "nothing of this id is known; there is no picture of it")
        at = int(self._now())
        asked, version = (kind, id_, language), (_seen(glance), at // DRAWN_AGAIN_S)
        draw = partial(png, glance, GlanceWords(language), at)
        return await self._kept.made(asked, version, draw)


def pictures(kept: Pictures, language: str, readers: list[Any]) -> APIRouter:
    """The routes of the pictures. `language` is spoken to who wants none that there is."""
    router = APIRouter(include_in_schema=False, dependencies=readers)

    async def sent(request: Request, kind: Kind, id_: str, lang: Language | None) -> Response:
        body = await kept.of(kind, id_, lang or language_of(request, language))
        headers = {
            "Cache-Control": f"public, max-age={_FRESH_S}" if not readers else "private, no-cache",
            "Vary": "Accept-Language",
            # Pages of others show it, as they show what they were told of the link.
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        return tagged(request, body, "image/png", headers)

    @router.api_route("/share/all.png", methods=["GET", "HEAD"])
    async def of_all(request: Request, lang: Language | None = None) -> Response:
        return await sent(request, "all", "", lang)

    @router.api_route("/share/place/{id_:path}.png", methods=["GET", "HEAD"])
    async def of_place(request: Request, id_: _ID, lang: Language | None = None) -> Response:
        return await sent(request, "place", id_, lang)

    @router.api_route("/share/system/{id_:path}.png", methods=["GET", "HEAD"])
    async def of_system(request: Request, id_: _ID, lang: Language | None = None) -> Response:
        return await sent(request, "system", id_, lang)

    return router


Told = tuple[int, str]
"""A status, and what stands in the head of the page."""


def heads(
    glances: Glances, language: str, public_url: str, *, is_public: bool
) -> Callable[[Request, Kind, str], Awaitable[Told]]:
    """What the page's head says at an address. Where a key is needed to read, it says nothing of
    what goes on, nor whether there is such a place."""

    async def told(request: Request, kind: Kind, id_: str) -> Told:
        spoken = request.query_params.get("lang", "")
        if spoken not in _LOCALES:
            spoken = language_of(request, language)
        say, base = GlanceWords(spoken), public_url or str(request.base_url).rstrip("/")
        if not is_public:
            return 200, _description(say("about"))
        if kind == "all":  # it stays the same, as the page's file does
            return 200, _lines(say, base, "/", "Atalaia", say("about"), say("about"), "")
        glance = await glances.of(kind, id_)
        if glance.how == "unknown":
            return 404, ""
        return 200, head(glance, say, base)

    return told


def head(glance: Glance, say: GlanceWords, base: str) -> str:
    """Open Graph's words of a place or a system, as HTML; `base` is the service's address."""
    name, state = say.name(glance), say.state(glance)
    when = [say.when(one, glance.zone) for one in glance.goings[:1]]
    words = [state, *when, *say.doubts(glance), say.newest(glance), say("not official")]
    description = ". ".join(word for word in words if word)
    # Who keeps pictures by their address asks for another one when it shows something else.
    more = f"&v={_seen(glance)}"
    return _lines(say, base, glance.path, name, description, f"{name}: {state}", more)


def _lines(
    say: GlanceWords, base: str, path: str, title: str, description: str, alt: str, more: str
) -> str:
    drawn = "/share/all.png" if path == "/" else f"/share{path}.png"
    said = {
        "og:type": "website",
        "og:site_name": "Atalaia",
        "og:locale": _LOCALES[say.language],
        "og:url": f"{base}{path}",
        "og:title": title,
        "og:description": description,
        "og:image": f"{base}{drawn}?lang={say.language}{more}",
        "og:image:type": "image/png",
        "og:image:width": str(WIDTH),
        "og:image:height": str(HEIGHT),
        "og:image:alt": alt,
    }
    lines = [f'<meta property="{key}" content="{html.escape(one)}">' for key, one in said.items()]
    return "\n  ".join(
        [
            _description(description),
            *lines,
            '<meta name="twitter:card" content="summary_large_image">',
        ]
    )


def _description(text: str) -> str:
    return f'<meta name="description" content="{html.escape(text)}">'


def _seen(glance: Glance) -> str:
    """Twelve letters that change with what is shown; the newest value is, where not all is seen."""
    shown = glance if glance.unseen else replace(glance, newest_at=None)
    return hashlib.blake2b(repr(shown).encode(), digest_size=6).hexdigest()
