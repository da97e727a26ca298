"""A glance in words: Portuguese, English, Spanish, in the order of `words.LANGUAGES`."""

from __future__ import annotations

from atalaia.domain.words import HAZARDS, LANGUAGES, LEVELS
from atalaia.page.glance import Glance, GoingOn
from atalaia.report.words import Say, offset_of

_WORDS: dict[str, tuple[str, str, str]] = {
    "about": (
        "Vigia do tempo extremo: o que acontece agora, e avisos para quem pede.",
        "A watch over extreme weather: what is going on now, and alerts for who asks for them.",
        "Vigía del tiempo extremo: lo que pasa ahora, y avisos para quien los pide.",
    ),
    "all": ("Todos os lugares", "All places", "Todos los lugares"),
    "unknown place": (
        "Este lugar não é vigiado aqui",
        "This place is not watched here",
        "Este lugar no se vigila aquí",
    ),
    "unknown system": (
        "Deste sistema não se sabe (mais) nada aqui",
        "Of this system nothing is known here (any more)",
        "De este sistema no se sabe (más) nada aquí",
    ),
    "calm": (
        "Nenhum aviso em vigor",
        "No alert in force",
        "Ningún aviso vigente",
    ),
    "partly": (
        "Nenhum aviso onde há dados; nem tudo pode ser visto",
        "No alert where there are data; not all of it can be seen",
        "Ningún aviso donde hay datos; no todo puede verse",
    ),
    "unseen": (
        "Sem dados agora: não se sabe como está",
        "No data now: how it stands is not known",
        "Sin datos ahora: no se sabe cómo está",
    ),
    "never": (
        "Nenhum dado ainda: não se sabe como está",
        "No data yet: how it stands is not known",
        "Ningún dato todavía: no se sabe cómo está",
    ),
    "over": ("Terminou", "Over", "Terminó"),
    "lost": (
        "Deixamos de ver: não se sabe se terminou",
        "We can no longer see: whether it is over is not known",
        "Dejamos de ver: no se sabe si terminó",
    ),
    "joined": (
        "Uniu-se a outro sistema e continua nele",
        "It joined another system and goes on in it",
        "Se unió a otro sistema y sigue en él",
    ),
    "since": ("desde {at}", "since {at}", "desde {at}"),
    "ahead": ("previsto a partir de {at}", "forecast from {at}", "previsto desde {at}"),
    "more": ("e mais {n}", "and {n} more", "y {n} más"),
    "places unseen": (
        "Sem dados em {n} de {of} lugares",
        "No data from {n} of {of} places",
        "Sin datos en {n} de {of} lugares",
    ),
    "place unseen": (
        "Sem dados agora: pode ter mudado",
        "No data now: it may have changed",
        "Sin datos ahora: puede haber cambiado",
    ),
    "blind": (
        "Não se pode ver: {sources}",
        "Cannot be seen: {sources}",
        "No se puede ver: {sources}",
    ),
    "newest": ("Último dado: {at}", "Newest value: {at}", "Último dato: {at}"),
    "no newest": ("Nunca houve um dado", "There never was a value", "Nunca hubo un dato"),
    "as at": ("Como estava em {at}", "As it stood on {at}", "Como estaba el {at}"),
    "not official": (
        "Não é um aviso oficial",
        "Not an official warning",
        "No es un aviso oficial",
    ),
    "late": (
        "Sem atualização desde {at}: pode ter mudado.",
        "Not updated since {at}: it may have changed.",
        "Sin actualización desde {at}: puede haber cambiado.",
    ),
    "details": ("Ver em Atalaia", "See at Atalaia", "Ver en Atalaia"),
}


class GlanceWords:
    """What is said of a glance in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._i = LANGUAGES.index(language)
        self._say = Say(language)

    def __call__(self, key: str, **parts: object) -> str:
        """The words for a key."""
        return _WORDS[key][self._i].format(**parts)

    def name(self, glance: Glance) -> str:
        """Of what it is."""
        if glance.how == "unknown":
            return self(f"unknown {glance.kind}")
        return _capital(glance.name[self._i] if glance.name else self("all"))

    def state(self, glance: Glance) -> str:
        """How it stands, in one line."""
        if glance.how == "unknown":
            return self.name(glance)
        if glance.how != "going on":
            return self(glance.how)
        hazards = dict.fromkeys(one.hazard for one in glance.goings if one.level == glance.level)
        said = ", ".join(HAZARDS[hazard][self._i] for hazard in hazards)
        return f"{self.level(glance.level)}: {said}"

    def hazard(self, one: GoingOn) -> str:
        """``Heavy rain``"""
        return _capital(HAZARDS[one.hazard][self._i])

    def level(self, level: int) -> str:
        """``Orange (severe)``"""
        return LEVELS[level][self._i]

    def when(self, one: GoingOn, zone: str) -> str:
        """Since when, or from when on."""
        return self("ahead" if one.is_ahead else "since", at=self.clock(one.at, zone))

    def doubts(self, glance: Glance) -> list[str]:
        """What of it cannot be seen; what its state says already is left out."""
        found = []
        if glance.how in ("going on", "partly") and glance.unseen:
            of = {"n": glance.unseen, "of": glance.places}
            found.append(self("places unseen", **of) if glance.places > 1 else self("place unseen"))
        if glance.blind:
            found.append(self("blind", sources=", ".join(glance.blind)))
        return found

    def newest(self, glance: Glance) -> str:
        """When the newest value was; empty where there is nothing that it could be of."""
        if not glance.places:
            return ""
        if glance.newest_at is None:
            return self("no newest")
        return self("newest", at=self.clock(glance.newest_at, glance.zone))

    def clock(self, at: int, zone: str, *, has_year: bool = False) -> str:
        """``30 Nov 18:40 (UTC-3)``: with its zone, as who reads it may be in another."""
        if has_year:
            return self._say.minute(at, zone)
        return f"{self._say.clock(at, zone)} (UTC{offset_of(at, zone)})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
