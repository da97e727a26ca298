"""Where a message's own link leads: it was read, what else is wanted of it.

Who opens it sees buttons first, and each does what it says when it is pressed: what looks through
messages for harm, and what shows a preview of a link, opens it as well, and must do nothing.
"""

# Without postponed annotations: routes name their dependencies in them.

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from atalaia.api.leaving import HEADERS, Reader, reader, said
from atalaia.api.problem import Problem
from atalaia.people.answering import Answering

_BUTTONS = {
    "received": said("Recebi", "Received", "Recibido"),
    "change": said(
        "Ver ou mudar o que recebo", "See or change what I get", "Ver o cambiar lo que recibo"
    ),
    "stop": said("Não receber mais por aqui", "No more this way", "No recibir más por aquí"),
}
_DONE = {
    "received": said("Anotado: você recebeu.", "Noted: you got it.", "Anotado: lo recibió."),
    "stop": said(
        "Pronto: nada mais vem por aqui.",
        "Done: nothing more comes this way.",
        "Listo: nada más llega por aquí.",
    ),
}
_GONE = "this link is of no message that is kept, or was cut; copy all of it, or take a newer one"
_OLD = "this link is older than a week; open that of a newer message, or subscribe again"


def routes(answers: Answering, language: str) -> APIRouter:
    """The routes. They need no key: the link is one. `language`: where none there is is named."""
    router = APIRouter(include_in_schema=False)
    who = reader(language)

    @router.get("/m/{token}")
    def ask(token: str, by: Annotated[Reader, Depends(who)]) -> HTMLResponse:
        """Buttons."""
        if answers.message(token) is None:
            return by.refused(Problem(404, _GONE))
        # A relative address: the page may lie below another one's.
        buttons = "".join(
            f'<button formaction="{token}/{what}?lang={by.language}">{words[by.language]}</button>'
            for what, words in _BUTTONS.items()
        )
        return by.page(f'<form method="post">{buttons}</form>')

    @router.post("/m/{token}/{what}")
    def act(
        token: str,
        what: Literal["received", "change", "stop"],
        by: Annotated[Reader, Depends(who)],
    ) -> Response:
        """Do what a button says."""
        if what == "change":
            link = answers.change(token)
            if link is None and answers.message(token) is not None:
                return by.refused(Problem(404, _OLD))
            if link is None:
                return by.refused(Problem(404, _GONE))
            return RedirectResponse(f"/manage#{link}", 303, HEADERS)
        is_done = answers.received(token) if what == "received" else answers.stop(token)
        if not is_done:
            return by.refused(Problem(404, _GONE))
        return by.page(f"<p>{_DONE[what][by.language]}</p>")

    return router
