"""An official warning as its issuer sent it: passed on word for word, never rewritten.

The words are CAP 1.2's. What it says is kept by language; what it is about (hazard, level, times,
areas) is read out of it so that it can be matched and ordered, and changes nothing in the words.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.words import LANGUAGES

RULE = "official"
"""Stands in an alert where a rule of ours would."""

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

_KIN = (
    {Hazard.STORM, Hazard.THUNDERSTORM, Hazard.HEAVY_RAIN, Hazard.WIND},
    {Hazard.HEAVY_RAIN, Hazard.FLOOD, Hazard.LANDSLIDE},
    {Hazard.FLOOD, Hazard.RIVER_FLOOD},
    {Hazard.DRY_AIR, Hazard.FIRE_WEATHER},
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
    excluded     rings of what its polygons and circles cover, and it does not
    altitude_ft, ceiling_ft   feet above mean sea level from which and up to which it holds; None:
                 not said
    """

    description: str = ""
    polygons: tuple[Ring, ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()
    excluded: tuple[Ring, ...] = ()
    altitude_ft: float | None = None
    ceiling_ft: float | None = None

    @property
    def where(self) -> tuple[object, ...]:
        """All but the description, which languages word in their own way."""
        heights = (self.altitude_ft, self.ceiling_ft)
        return (self.polygons, self.circles, self.geocodes, self.excluded, *heights)


class OfficialText(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a warning says in one language, word for word. `language` is an IETF tag."""

    language: str
    event: str
    headline: str = ""
    description: str = ""
    instruction: str = ""


class Official(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part of a message about a warning. All times are Unix seconds.

    A message has a part for each of its events, areas, levels and times; languages are no parts.

    identifier, sender    together they name the message
    part         which of its parts this is, from 0
    is_all_clear    it says that it is over: response AllClear, or urgency Past
    issuer       who warns, as people know them
    type         Alert, Update, Cancel
    references   names (`name_of`) of earlier messages that this one changes or cancels
    hazard       what it is about; empty: none that is known here
    severity, urgency, certainty    CAP's words
    sent_at, onset_at, expires_at   0: not said. The last is the end of what it warns of, where the
                 issuer says that, else of the message
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
    part: int = 0
    is_all_clear: bool = False

    @property
    def name(self) -> str:
        """What other messages refer to it by."""
        return name_of(self.sender, self.identifier)

    @property
    def is_end(self) -> bool:
        """Whether it says that something is over, and so opens nothing."""
        return self.type == "Cancel" or self.is_all_clear

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
        """Until when it stands, if nothing else is said: never over before it begins."""
        is_told = self.expires_at > self.begins_at
        return self.expires_at if is_told else self.begins_at + STANDS_S

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
_OVER = (
    "{issuer} deu por encerrado o aviso oficial: {title}",
    "{issuer} has ended the official warning: {title}",
    "{issuer} dio por terminado el aviso oficial: {title}",
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
_FOR = ("Para {places}", "For {places}", "Para {places}")
_AREA = (
    "Área, como o emissor a descreve: {areas}",
    "Area, in its issuer's words: {areas}",
    "Área, en palabras del emisor: {areas}",
)
_MORE = ("{names} e mais {n}", "{names} and {n} more", "{names} y {n} más")
_ABOVE = (
    "Só acima de {low} m de altitude",
    "Only above {low} m of altitude",
    "Solo por encima de {low} m de altitud",
)
_BELOW = (
    "Só abaixo de {high} m de altitude",
    "Only below {high} m of altitude",
    "Solo por debajo de {high} m de altitud",
)
_BETWEEN = (
    "Só entre {low} e {high} m de altitude",
    "Only between {low} and {high} m of altitude",
    "Solo entre {low} y {high} m de altitud",
)
_METRES_A_FOOT = 0.3048
_HIGHEST_M = 3000
"""A ceiling from here on bounds nothing where it stands alone: DWD's profile always writes it."""
_MOST_NAMED = 8
_LONGEST_AREA = 300


def title(official: Official, type_: str, i: int) -> str:
    """One line about a change (`type_` as in `Alert.type`): the issuer, and their headline."""
    text = official.text(LANGUAGES[i])
    ended = _OVER if official.is_end else _EXPIRED
    heads = {"alert": _FIRST, "update": _UPDATED, "end": ended, "cancel": _WITHDRAWN}
    return heads[type_][i].format(issuer=official.issuer, title=text.headline or text.event)


def words(official: Official, type_: str, i: int) -> tuple[str, str]:
    """The issuer's description and instruction; what ran out by itself needs neither."""
    own = official.text(LANGUAGES[i])
    has_run_out = type_ == "end" and not official.is_end
    return ("", "") if has_run_out else (own.description, own.instruction)


def where(official: Official, places: Sequence[str], i: int) -> list[str]:
    """Whom it is for, as sentences without a full stop: the watched places by their names, the
    area as its issuer describes it, and the altitudes between which it holds."""
    found = [_FOR[i].format(places=_named(places, i))] if places else []
    areas = "; ".join(dict.fromkeys(" ".join(a.description.split()) for a in official.areas))
    if areas.strip("; "):
        short = areas if len(areas) <= _LONGEST_AREA else areas[: _LONGEST_AREA - 1] + "…"
        found.append(_AREA[i].format(areas=short))
    bounds = [_heights(area, i) for area in official.areas]
    if len(set(bounds)) <= 1:
        return found + bounds[:1] if any(bounds) else found
    named = (
        f"{' '.join(area.description.split())}: {bound}"
        for area, bound in zip(official.areas, bounds, strict=True)
        if bound
    )
    return [*found, *dict.fromkeys(named)]


def _named(places: Sequence[str], i: int) -> str:
    names = ", ".join(places[:_MOST_NAMED])
    more = len(places) - _MOST_NAMED
    return _MORE[i].format(names=names, n=more) if more > 0 else names


def _heights(area: OfficialArea, i: int) -> str:
    """Between which altitudes an area lies; empty: at all of them."""
    low = round((area.altitude_ft or 0) * _METRES_A_FOOT)
    high = round((area.ceiling_ft or 0) * _METRES_A_FOOT)
    if low > 0:
        return (_BETWEEN if high > low else _ABOVE)[i].format(low=low, high=high)
    return _BELOW[i].format(high=high) if 0 < high < _HIGHEST_M else ""


def official_text(official: Official, type_: str, places: Sequence[str] = ()) -> dict[str, str]:
    """A change as a paragraph by language, with the issuer's own words in it untouched.

    `places` are the names of the watched places that it is about.
    """
    texts = {}
    for i, language in enumerate(LANGUAGES):
        said = [f"{sentence}." for sentence in where(official, places, i)]
        closing = PASSED_ON[i].format(issuer=official.issuer) + "."
        parts = (title(official, type_, i), *said, *words(official, type_, i), closing)
        texts[language] = "\n".join(part for part in parts if part)
    return texts
