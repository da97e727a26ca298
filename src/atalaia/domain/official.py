"""An official warning as its issuer sent it: passed on word for word, never rewritten.

The words are CAP 1.2's. What it says is kept by language; what it is about (hazard, level, times,
areas) is read out of it so that it can be matched and ordered, and changes nothing in the words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import msgspec

from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.words import LANGUAGES

LEVELS = {
    "Extreme": Level.RED,
    "Severe": Level.ORANGE,
    "Moderate": Level.YELLOW,
    "Minor": Level.WATCH,
    "Unknown": Level.YELLOW,
}
"""CAP severity as a level. An issuer who gives none is taken for Moderate: missing is not calm."""

STANDS_S = 86_400
"""How long a warning stands that does not say until when, from when it was sent."""

# Names of events as services write them, in Portuguese, Spanish, English, German and French,
# without accents. The first that fits decides, so the particular goes before the general.
_EVENTS: tuple[tuple[Hazard, str], ...] = (
    (
        Hazard.FLOOD,
        r"flood|inunda|alagament|enchente|enxurrad|hochwasser|uberflut|crue|crecida|desborde",
    ),
    (Hazard.DRY_AIR, r"umidade|low humidity|dry air|humedad baja|baja humedad|red flag|fire weath"),
    (Hazard.TEMPERATURE_DROP, r"declinio de temp|queda de temp|temperature drop|descenso .*temp"),
    (Hazard.FROST, r"geada|frost|freeze|helada|\bgel\b|glatteis|verglas"),
    (Hazard.SNOW, r"\bneve\b|nevada|snow|blizzard|winter storm|nieve|schnee|neige|\bice storm"),
    (Hazard.HEAT, r"calor|\bheat|hitze|canicule|chaleur|altas temperaturas|high temperature"),
    (Hazard.COLD, r"\bfrio\b|\bcold|wind chill|kalte|\bfroid|low temperature|bajas temperaturas"),
    (Hazard.FOG, r"nevoeiro|neblina|\bfog\b|niebla|nebel|brouillard"),
    (Hazard.UV, r"ultraviolet|\buv\b"),
    (
        Hazard.STORM,
        r"tempestade|thunder|tornado|hurricane|tropical|cyclone|ciclone|furacao|granizo|hail"
        r"|tormenta|gewitter|orage|raios|severe weather|storm(?! surge)",
    ),
    (Hazard.WIND, r"vento|vendaval|\bwind|gale|viento|sturm|boen|\bvents?\b|rajad"),
    (Hazard.HEAVY_RAIN, r"chuva|\brain|lluvia|precipita|starkregen|dauerregen|pluie"),
)
_PATTERNS = tuple((hazard, re.compile(pattern)) for hazard, pattern in _EVENTS)

_KIN = (
    {Hazard.STORM, Hazard.HEAVY_RAIN, Hazard.WIND},
    {Hazard.HEAVY_RAIN, Hazard.FLOOD},
    {Hazard.COLD, Hazard.FROST, Hazard.TEMPERATURE_DROP, Hazard.SNOW},
)
"""Hazards that one weather brings together: what is told of one is no news beside the other."""

Ring = tuple[tuple[float, float], ...]


class OfficialArea(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a warning holds: all that any of these covers.

    description  in the issuer's words
    polygons     rings of (longitude, latitude) pairs in degrees, closed
    circles      (longitude, latitude, radius in km)
    geocodes     (name of the code, code), as ``("IBGE", "2900207")``
    """

    description: str = ""
    polygons: tuple[Ring, ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()


class OfficialText(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a warning says in one language, word for word. `language` is an IETF tag."""

    language: str
    event: str
    headline: str = ""
    description: str = ""
    instruction: str = ""


class Official(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message about a warning. All times are Unix seconds.

    identifier, sender    together they name the message
    issuer       who warns, as people know them
    type         Alert, Update, Cancel
    references   names (`name_of`) of earlier messages that this one changes or cancels
    hazard       what it is about; empty: none that is known here
    severity, urgency, certainty    CAP's words
    sent_at, onset_at, expires_at   0: not said
    texts        one a language, the issuer's first language first
    areas        as many as it names; those with a description alone cannot be matched
    web          where its issuer says more
    """

    identifier: str
    sender: str
    issuer: str
    type: str
    sent_at: int
    references: tuple[str, ...] = ()
    hazard: str = ""
    severity: str = "Unknown"
    urgency: str = "Unknown"
    certainty: str = "Unknown"
    onset_at: int = 0
    expires_at: int = 0
    texts: tuple[OfficialText, ...] = ()
    areas: tuple[OfficialArea, ...] = ()
    web: str = ""

    @property
    def name(self) -> str:
        """What other messages refer to it by."""
        return name_of(self.sender, self.identifier)

    @property
    def level(self) -> Level:
        """How bad its issuer says it is."""
        return LEVELS.get(self.severity, Level.YELLOW)

    @property
    def begins_at(self) -> int:
        """When what it warns of begins."""
        return self.onset_at or self.sent_at

    @property
    def ends_at(self) -> int:
        """Until when it stands, if nothing else is said."""
        return self.expires_at or self.begins_at + STANDS_S

    @property
    def is_placed(self) -> bool:
        """Whether it says where it holds in a way that can be matched."""
        return any(area.polygons or area.circles or area.geocodes for area in self.areas)

    def text(self, language: str) -> OfficialText:
        """The words for a reader of this language: theirs, else English, else the issuer's own."""
        for wanted in (language.partition("-")[0].lower(), "en"):
            for text in self.texts:
                if text.language.partition("-")[0].lower() == wanted:
                    return text
        return self.texts[0] if self.texts else OfficialText(language, "")


def name_of(sender: str, identifier: str) -> str:
    """The name of a message: ``sender,identifier``, as CAP's references write it."""
    return f"{sender},{identifier}"


def hazard_of(events: Iterable[str]) -> str:
    """What a warning is about, by the names of its event in any language; empty: not known."""
    for event in events:
        plain = "".join(
            letter
            for letter in unicodedata.normalize("NFKD", event.lower())
            if not unicodedata.combining(letter)
        )
        for hazard, pattern in _PATTERNS:
            if pattern.search(plain):
                return hazard.value
    return ""


def told_as(official: Official) -> str:
    """The hazard that people must have asked for to be told: what is not known here is weather of
    some kind, and goes to who asked for storms."""
    return official.hazard or Hazard.STORM.value


def are_kin(one: str, other: str) -> bool:
    """Whether two hazards are one weather to who is told of both."""
    return one == other or any(one in kin and other in kin for kin in _KIN)


PASSED_ON = (
    "Aviso oficial de {issuer}, transmitido palavra por palavra",
    "Official warning of {issuer}, passed on word for word",
    "Aviso oficial de {issuer}, transmitido palabra por palabra",
)
_EXPIRED = (
    "Deixou de valer o aviso oficial de {issuer}: {title}",
    "The official warning of {issuer} has run out: {title}",
    "Dejó de regir el aviso oficial de {issuer}: {title}",
)
_WITHDRAWN = (
    "{issuer} retirou o aviso oficial: {title}",
    "{issuer} has withdrawn the official warning: {title}",
    "{issuer} retiró el aviso oficial: {title}",
)
_UPDATED = (
    "{issuer} mudou o aviso oficial: {title}",
    "{issuer} has changed the official warning: {title}",
    "{issuer} cambió el aviso oficial: {title}",
)
_FIRST = (
    "{issuer}, aviso oficial: {title}",
    "{issuer}, official warning: {title}",
    "{issuer}, aviso oficial: {title}",
)


def title(official: Official, type_: str, i: int) -> str:
    """One line about a change (`type_` as in `Alert.type`): the issuer, and their headline."""
    text = official.text(LANGUAGES[i])
    heads = {"alert": _FIRST, "update": _UPDATED, "end": _EXPIRED, "cancel": _WITHDRAWN}
    return heads[type_][i].format(issuer=official.issuer, title=text.headline or text.event)


def official_text(official: Official, type_: str) -> dict[str, str]:
    """A change as a paragraph by language, with the issuer's own words in it untouched."""
    texts = {}
    for i, language in enumerate(LANGUAGES):
        own = official.text(language)
        words: Sequence[str] = (own.description, own.instruction) if type_ != "end" else ()
        closing = PASSED_ON[i].format(issuer=official.issuer) + "."
        parts = (title(official, type_, i), *words, closing)
        texts[language] = "\n".join(part for part in parts if part)
    return texts
