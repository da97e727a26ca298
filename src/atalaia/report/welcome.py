"""What `atalaia run` says first, to who started it: which page to open, and what comes next."""

from __future__ import annotations

from ipaddress import ip_address

from atalaia.plurals import filled
from atalaia.settings import Settings

_WORDS = {
    "pt-BR": (
        "A página: {page}\n"
        "{places} {places|lugar, que não|lugares, nenhum} respondeu ainda; a primeira rodada "
        "leva cerca de um minuto. "
        "Aqui só aparece o que passa de um limite: com tempo calmo, nada, por horas. "
        "Uma fonte que não responde é dita. Ctrl-C encerra."
    ),
    "en": (
        "The page: {page}\n"
        "{places} {places|place, which has not|places, none has} answered yet; the first round "
        "takes a minute or so. "
        "Here you see what passes a limit, and nothing else: in calm weather nothing, for hours. "
        "A source that does not answer is told. Ctrl-C stops it."
    ),
    "es": (
        "La página: {page}\n"
        "{places} {places|lugar, que no|lugares, ninguno} ha respondido aún; la primera vuelta "
        "tarda cerca de un minuto. "
        "Aquí solo aparece lo que pasa de un límite: con tiempo en calma, nada, durante horas. "
        "Una fuente que no responde se dice. Ctrl-C lo detiene."
    ),
}


def welcome(settings: Settings, port: int) -> str:
    """Two lines, in the terminal's language."""
    words = _WORDS[settings.language]
    return filled(words, page=page_of(settings, port), places=len(settings.places))


def page_of(settings: Settings, port: int) -> str:
    """The page's address, as a browser on this machine opens it."""
    host = settings.api.host
    if _is_everywhere(host):
        host = "localhost"
    elif ":" in host:
        host = f"[{host}]"
    return settings.cap.public_url or f"http://{host}:{port}"


def _is_everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False  # a name
