"""The widget: how a place, a system or all of it stands, as a page that others frame.

A glance → here → one HTML file with its style and its script within, a few kB, which says all of it
without the script, and goes on asking by its ETag with it. Only the origins of `page.frame_origins`
may frame it; without any there is none. A page of others shows it to everybody: no key is asked
for, as of the open feeds.
"""

# Without postponed annotations: the route names its dependencies in them.

import base64
import gzip
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from atalaia.api.cached import tag_of
from atalaia.api.problem import Problem
from atalaia.api.speaking import Language, language_of
from atalaia.page.glance import Glance, Glances
from atalaia.page.glance_signs import level_sign, sign_of
from atalaia.page.glance_words import GlanceWords
from atalaia.report.svg import Markup, tag

MOST_SHOWN = 4
"""Of what goes on: the gravest; of the others it is said how many they are."""

AGAIN_S = 120
"""After so long a browser without the script asks anew."""

_STYLE = Markup((files(__package__) / "widget.css").read_text("utf-8"))
_SCRIPT = Markup((files(__package__) / "widget.js").read_text("utf-8"))

_ID = Annotated[str | None, Query(min_length=1, max_length=200)]


def routes(glances: Glances, origins: Sequence[str], language: str) -> APIRouter:
    """The route ``/widget``. `language` is spoken to who wants none that there is."""
    router = APIRouter(include_in_schema=False)
    headers = _headers(origins)

    @router.api_route("/widget", methods=["GET", "HEAD"])
    async def widget(
        request: Request,
        place: _ID = None,
        system: _ID = None,
        lang: Language | None = None,
        theme: Literal["light", "dark"] | None = None,
    ) -> Response:
        if place is not None and system is not None:
            raise Problem(422, "either place=ID or system=ID; without both it shows all of it")
        if place is not None:
            glance = await glances.of("place", place)
        else:
            glance = await glances.of("all" if system is None else "system", system or "")
        spoken = lang or language_of(request, language)
        body = html(glance, spoken, theme).encode()
        status = 404 if glance.how == "unknown" else 200
        return _sent(request, body, headers, status)

    return router


def html(glance: Glance, language: str, theme: str | None) -> str:
    """The whole of it. `theme`: light or dark; None: as the reader's system is."""
    say = GlanceWords(language)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("title", f"{say.name(glance)} · Atalaia"),
        tag("noscript", tag("meta", http_equiv="refresh", content=str(AGAIN_S))),
        tag("style", _STYLE),
    )
    late = tag("p", id="late", role="status", hidden="", data_said=say("late", at="{at}"))
    body = tag("body", late, _main(glance, say), tag("script", _SCRIPT))
    return f"<!doctype html>\n{tag('html', head, body, lang=language, data_theme=theme)}\n"


def _main(glance: Glance, say: GlanceWords) -> Markup:
    address, name = glance.path, say.name(glance)
    if glance.how == "unknown":
        address, name = "/", "Atalaia"
    newest = say.newest(glance)
    foot = [f"{newest} · " if newest else None, say("not official"), " · "]
    return tag(
        "main",
        tag("h1", _link(address, name)),
        _state(glance, say),
        *(tag("p", doubt, class_="doubt") for doubt in say.doubts(glance)),
        tag("p", *foot, _link(address, say("details")), class_="foot"),
    )


def _state(glance: Glance, say: GlanceWords) -> Markup:
    if not glance.goings:
        # Calm is shown while it is known to be so: `widget.js` takes it away when that is old.
        is_calm = glance.how in ("calm", "partly", "over")
        kind = "state is-calm" if is_calm else "state"
        said = tag("span", tag("b", say.state(glance)))
        return tag("div", _picture(sign_of(glance)), said, class_=kind)
    lines = [
        tag(
            "li",
            _picture(level_sign(one.level)),
            tag(
                "span",
                tag(
                    "b", f"{say.hazard(one)}" + ("" if glance.kind == "place" else f", {one.where}")
                ),
                tag("span", say.level(one.level)),
                tag("small", f" · {say.when(one, glance.zone)}"),
            ),
        )
        for one in glance.goings[:MOST_SHOWN]
    ]
    more = len(glance.goings) - MOST_SHOWN
    rest = tag("p", say("more", n=more)) if more > 0 else None
    return tag("div", tag("ul", *lines), rest)


def _picture(shape: Markup) -> Markup:
    return tag("svg", shape, viewBox="-1.2 -1.2 2.4 2.4", aria_hidden="true")


def _link(address: str, said: str) -> Markup:
    return tag("a", said, href=address, target="_blank", rel="noopener")


def _headers(origins: Sequence[str]) -> dict[str, str]:
    policy = (
        f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {' '.join(origins)}"
    )
    return {
        "Content-Security-Policy": policy,
        # So that pages that ask this of all that they load may frame it, too.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Permissions-Policy": "geolocation=(), camera=(), microphone=(), payment=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding, Accept-Language",
    }


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _sent(request: Request, body: bytes, headers: dict[str, str], status: int) -> Response:
    told = {**headers, "ETag": tag_of(body)}
    # What is not there is told each time: a 304 would say that it is.
    if status == 200 and told["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=told)
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 6, mtime=0)
        told["Content-Encoding"] = "gzip"
    return Response(body, status, told, media_type="text/html")
