"""Where a mail's own link leads: one click, and no more come (RFC 8058).

A mail program posts there by itself. Who opens the link sees a button first: what looks through
mail for harm opens links as well, and must stop nothing.
"""

# Without postponed annotations: routes name their dependencies in them.

import base64
import hashlib
from collections.abc import Callable
from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from atalaia.api.problem import Problem
from atalaia.api.speaking import language_of
from atalaia.domain.words import LANGUAGES

_STYLE = (
    ":root{color-scheme:light dark;font:1.05rem/1.45 system-ui,sans-serif}"
    "body{margin:0;padding:2rem 1rem;background:#f4f4f0;color:#16211f}"
    "main{max-width:30rem;margin:auto;display:grid;gap:1rem}"
    "h1{margin:0;font-size:1.3rem;color:#0e5a5d}p{margin:0}form{display:grid;gap:.8rem}"
    "button{font:inherit;padding:.9rem 1rem;border-radius:12px;"
    "border:1px solid #6b7a78;background:#fff;color:inherit;text-align:start;cursor:pointer}"
    "nav{display:flex;gap:1.2rem;font-size:.95rem}a{color:inherit;padding:.4rem 0}"
    "@media(prefers-color-scheme:dark){body{background:#101817;color:#eaf2f0}h1{color:#7fd1c7}"
    "button{background:#1c2725;border-color:#7d8d8a}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}


Words = dict[str, str]
"""The same in each of `LANGUAGES`."""


def said(pt: str, en: str, es: str) -> Words:
    """As they are listed."""
    return dict(zip(LANGUAGES, (pt, en, es), strict=True))


_NAMES = said("Português", "English", "Español")
_OTHER = said("Outro idioma", "Another language", "Otro idioma")


class Reader:
    """Who opened a link: in which language they read, and whether they see pages, or are a program.

    otherwise   spoken to who names no language that there is
    """

    def __init__(self, request: Request, lang: str, otherwise: str) -> None:
        self.language = lang if lang in LANGUAGES else language_of(request, otherwise)
        self._sees_pages = "text/html" in request.headers.get("accept", "")
        self._may_choose = request.method == "GET"  # what was done is not done again

    def page(self, inside: str, status: int = 200) -> HTMLResponse:
        """A page of its own, that loads nothing, with links to the same in other languages."""
        language = self.language
        others = "".join(
            f'<a href="?lang={one}" lang="{one}" hreflang="{one}">{name}</a>'
            for one, name in _NAMES.items()
            if one != language
        )
        more = f'<nav aria-label="{_OTHER[language]}">{others}</nav>' if self._may_choose else ""
        return HTMLResponse(
            f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<meta name="robots" content="noindex"><title>Atalaia</title><style>{_STYLE}</style>'
            f"<main><h1>Atalaia</h1>{inside}{more}</main></html>",
            status,
            {**HEADERS, "Content-Language": language, "Vary": "Accept, Accept-Language"},
        )

    def refused(self, problem: Problem) -> HTMLResponse:
        """Why it was not done, as a page; to a program the problem itself is raised."""
        if not self._sees_pages:
            raise problem
        detail = escape(problem.told(self.language)["detail"])
        return self.page(f"<p>{detail[0].upper()}{detail[1:]}.</p>", problem.status)


def reader(otherwise: str) -> Callable[[Request, str], Reader]:
    """What finds out who asks, for a route to depend on."""

    def asked(request: Request, lang: str = "") -> Reader:
        return Reader(request, lang, otherwise)

    return asked


_WHAT = said("Não receber mais por e-mail", "No more by e-mail", "No recibir más por correo")
_DONE = said(
    "Pronto: nada mais vem por e-mail.",
    "Done: nothing more comes by e-mail.",
    "Listo: nada más llega por correo.",
)


def routes(leave: Callable[[str], bool], language: str) -> APIRouter:
    """The routes. They need no key: the link is one.

    leave      ends what a token is for; False: it is none of ours
    language   spoken to who names none that there is
    """
    router = APIRouter(include_in_schema=False)
    who = reader(language)

    @router.get("/leave/{token}")
    def ask(token: str, by: Annotated[Reader, Depends(who)]) -> HTMLResponse:  # noqa: ARG001  said when the button is pressed
        """A button."""
        name = 'name="List-Unsubscribe" value="One-Click"'
        return by.page(f'<form method="post"><button {name}>{_WHAT[by.language]}</button></form>')

    @router.post("/leave/{token}")
    def end(token: str, by: Annotated[Reader, Depends(who)]) -> HTMLResponse:
        """No more by this channel. What the body says is not looked at: to post is to mean it."""
        if not leave(token):
            return by.refused(Problem(404, "this link is none of ours, or was cut; copy all of it"))
        return by.page(f"<p>{_DONE[by.language]}</p>")

    return router
