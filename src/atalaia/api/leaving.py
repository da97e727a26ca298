"""Where a mail's own link leads: one click, and no more come (RFC 8058).

A mail program posts there by itself. Who opens the link sees a button first: what looks through
mail for harm opens links as well, and must stop nothing.
"""

# Without postponed annotations: routes name their dependencies in them.

import base64
import hashlib
from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from atalaia.api.problem import Problem

_STYLE = (
    ":root{color-scheme:light dark;font:1.05rem/1.45 system-ui,sans-serif}"
    "body{margin:0;padding:2rem 1rem;background:#f4f4f0;color:#16211f}"
    "main{max-width:30rem;margin:auto;display:grid;gap:1rem}"
    "h1{margin:0;font-size:1.3rem;color:#0e5a5d}p{margin:0}form{display:grid;gap:.8rem}"
    "button{font:inherit;display:grid;gap:.1rem;padding:.9rem 1rem;border-radius:12px;"
    "border:1px solid #6b7a78;background:#fff;color:inherit;text-align:start;cursor:pointer}"
    "span{display:block}"
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


def page(inside: str) -> str:
    """A page of its own, that loads nothing."""
    return (
        '<!doctype html><html lang="pt-BR"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>Atalaia</title><style>{_STYLE}</style>'
        f"<main><h1>Atalaia</h1>{inside}</main></html>"
    )


def said(pt: str, en: str, es: str) -> str:
    """The same in three languages: who opens it may read any of them."""
    told = zip(("pt-BR", "en", "es"), (pt, en, es), strict=True)
    return "".join(f'<span lang="{language}">{text}</span>' for language, text in told)


_WHAT = said("Não receber mais por e-mail", "No more by e-mail", "No recibir más por correo")
_ASKED = page(
    '<form method="post"><button name="List-Unsubscribe" value="One-Click">' + _WHAT + "</button>"
    "</form>"
)
_DONE = page(
    "<p>"
    + said(
        "Pronto: nada mais vem por e-mail.",
        "Done: nothing more comes by e-mail.",
        "Listo: nada más llega por correo.",
    )
    + "</p>"
)


def routes(leave: Callable[[str], bool]) -> APIRouter:
    """The routes. They need no key: the link is one.

    leave   ends what a token is for; False: it is none of ours
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/leave/{token}")
    def ask(token: str) -> HTMLResponse:  # noqa: ARG001  said when the button is pressed
        """A button."""
        return HTMLResponse(_ASKED, headers=HEADERS)

    @router.post("/leave/{token}")
    def end(token: str) -> HTMLResponse:
        """No more by this channel. What the body says is not looked at: to post is to mean it."""
        if not leave(token):
            raise Problem(404, "this link is none of ours, or was cut; copy all of it")
        return HTMLResponse(_DONE, headers=HEADERS)

    return router
