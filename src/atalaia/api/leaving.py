"""Where a mail's own link leads: one click, and no more come (RFC 8058).

A mail program posts there by itself. Who opens the link sees a button first: what looks through
mail for harm opens links as well, and must stop nothing.
"""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from atalaia.api.problem import Problem

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
}
PAGE = (
    '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta name="robots" content="noindex"><title>Atalaia</title>{}'
)
_ASKED = PAGE.format(
    '<form method="post"><p>Não receber mais por e-mail · No more by e-mail · No recibir más por '
    'correo</p><button name="List-Unsubscribe" value="One-Click">Parar · Stop · Detener</button>'
    "</form>"
)
_DONE = PAGE.format(
    "<p>Pronto: nada mais vem por e-mail. · Done: nothing more comes by e-mail. · Listo: nada más "
    "llega por correo.</p>"
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
