"""Which language somebody is spoken to who may have said so: in the address, or by the browser."""

from __future__ import annotations

from typing import Literal

from starlette.requests import HTTPConnection

from atalaia.domain.words import LANGUAGES

Language = Literal["pt-BR", "en", "es"]


def language_of(request: HTTPConnection, otherwise: str) -> str:
    """The first of the browser's that there is, as it lists them; without any `otherwise`."""
    for part in request.headers.get("accept-language", "")[:200].split(","):
        wanted = part.partition(";")[0].strip().lower()[:2]
        for language in LANGUAGES:
            if wanted == language[:2].lower():
                return language
    return otherwise
