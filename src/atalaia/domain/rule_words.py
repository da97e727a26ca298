"""A rule as its own line in words, in Portuguese, English and Spanish, for who writes rules or goes
by them: what is measured, its limits by level, and where and by what it is judged.

What stands in a rule's file under a name keeps it: variables, norms, ids of places and stations.
"""

from __future__ import annotations

from collections.abc import Iterator

from atalaia.domain.hazard import Level
from atalaia.domain.rule import LEVELS, Measure, Rule
from atalaia.domain.score import Clock, Term
from atalaia.domain.words import LANGUAGES, duration
from atalaia.plurals import filled

MEASURES: dict[Measure, tuple[str, str, str]] = {
    "value": ("{variable}", "{variable}", "{variable}"),
    "sum": ("soma de {variable}", "sum of {variable}", "suma de {variable}"),
    "mean": ("média de {variable}", "mean of {variable}", "promedio de {variable}"),
    "change": ("mudança de {variable}", "change of {variable}", "cambio de {variable}"),
    "day_change": (
        "mudança de {variable} de um dia para o outro",
        "change of {variable} from day to day",
        "cambio de {variable} de un día a otro",
    ),
    "days_in_a_row": (
        "dias seguidos de {variable}",
        "days in a row of {variable}",
        "días seguidos de {variable}",
    ),
    "score": ("{variable}", "{variable}", "{variable}"),
}
LEVEL_WORDS: dict[Level, tuple[str, str, str]] = {
    Level.WATCH: ("atenção", "watch", "vigilancia"),
    Level.YELLOW: ("amarelo", "yellow", "amarillo"),
    Level.ORANGE: ("laranja", "orange", "naranja"),
    Level.RED: ("vermelho", "red", "rojo"),
}
CLOCKS: dict[Clock, tuple[str, str, str]] = {
    "hour": ("hora", "hour", "hora"),
    "month": ("mês", "month", "mes"),
}
UNITS = {"1": ("", "", ""), "class": (" (classe)", " (class)", " (clase)")}
"""Of what has no unit to be written as it is."""

_OVER = (" em {length}", " over {length}", " en {length}")
_PLACES = (
    ", em {n} {n|lugar|lugares} de uma área",
    ", at {n} {n|place|places} of an area",
    ", en {n} {n|lugar|lugares} de un área",
)
_CHANCES = (
    "; ou em {chances} das rodadas dos modelos",
    "; or in {chances} of model runs",
    "; o en {chances} de las corridas de los modelos",
)
_MADE_OF = (", feito de {terms}", ", made of {terms}", ", hecho de {terms}")
_OF_AN_AREA = (
    ", dos lugares de uma área",
    ", of the places of an area",
    ", de los lugares de un área",
)
_NEAR = (
    " a até {km} km de {latitude}; {longitude}",
    " within {km} km of {latitude}, {longitude}",
    " a no más de {km} km de {latitude}; {longitude}",
)
_GIVEN = (
    ", dado que houve {limit} em {length}{at}",
    ", given {limit} over {length}{at}",
    ", dado que hubo {limit} en {length}{at}",
)
_AT_SOME = (" em {n} de seus lugares", " at {n} of its places", " en {n} de sus lugares")
_ONLY_AT = (", só em {ids}", ", only at {ids}", ", solo en {ids}")
_NOT_AT = (", menos em {ids}", ", not at {ids}", ", salvo en {ids}")
_ONLY_IN = (", só em {region}", ", only in {region}", ", solo en {region}")
_STATION = (", pelo que diz {id}", ", by what {id} says", ", según lo que dice {id}")
_SPAN = ("({clock} {first} a {last})", "({clock} {first} to {last})", "({clock} {first} a {last})")
_ABOVE = (", acima de {knot}", ", above {knot}", ", por encima de {knot}")
_UNKNOWN = (
    ", {value} onde não se conhece",
    ", {value} where it is not known",
    ", {value} donde no se conoce",
)
_OF_PLACES = (" de {ids}", " of {ids}", " de {ids}")
_MEAN = ("média", "mean", "promedio")
_LARGEST = ("o maior", "largest", "el mayor")
_K_TH_LARGEST = ("o {k}º maior", "{k}{th} largest", "el {k}.º mayor")
_TH = {2: "nd", 3: "rd"}


def by_language(rule: Rule) -> dict[str, str]:
    """The line in every language, by its name."""
    return {language: in_words(rule, language) for language in LANGUAGES}


def in_words(rule: Rule, language: str) -> str:
    """``sum of rain_mm over 1 h ≥ 20 yellow, 30 orange, 60 red mm``"""
    i = LANGUAGES.index(language)
    what = MEASURES[rule.measure][i].format(variable=rule.variable)
    over = _over(rule.window_s, i)
    norm = rule.norm
    if rule.measure == "days_in_a_row":
        over = f" {_sign(rule.day_is_below)} {_relative(norm, rule.day_limit or 0.0, i)}"
        norm = None
    limits = ", ".join(
        f"{_relative(norm, limit, i)} {LEVEL_WORDS[level][i]}"
        for level in LEVELS
        if (limit := rule.limit(level)) is not None
    )
    unit = UNITS[rule.unit][i] if rule.unit in UNITS else f" {rule.unit}"
    return f"{what}{over} {_sign(rule.is_below)} {limits}{unit}{''.join(_where(rule, i))}"


def _where(rule: Rule, i: int) -> Iterator[str]:
    """Of what, where and by what it is judged."""
    if rule.score:
        yield _MADE_OF[i].format(terms=", ".join(_term(rule, one, i) for one in rule.score.terms))
        if rule.places:
            yield _OF_AN_AREA[i]
    elif rule.places:
        yield filled(_PLACES[i], n=rule.places)
    if rule.chance and not rule.score:
        yield _CHANCES[i].format(chances=_chances(rule, i))
    if near := rule.near:
        numbers = [_number(one, i) for one in (near.km, near.latitude, near.longitude)]
        yield _NEAR[i].format(**dict(zip(("km", "latitude", "longitude"), numbers, strict=True)))
    if given := rule.given:
        at = _AT_SOME[i].format(n=given.places) if given.places else ""
        limit = f"{_number(given.limit, i)} {rule.unit}"
        yield _GIVEN[i].format(limit=limit, length=duration(given.window_s), at=at)
    if rule.only:
        yield _ONLY_AT[i].format(ids=", ".join(rule.only))
    if rule.without:
        yield _NOT_AT[i].format(ids=", ".join(rule.without))
    if rule.region:
        yield _ONLY_IN[i].format(region=rule.region.name)
    if rule.station:
        yield _STATION[i].format(id=rule.station)


def _chances(rule: Rule, i: int) -> str:
    """``30 %``, or by level ``30 % yellow, 20 % red``"""
    chance = zip(rule.chance or (), LEVELS, strict=True)
    shares = [(f"{_number(100 * share, i)} %", level) for share, level in chance if share]
    if len({share for share, _ in shares}) == 1:
        return shares[0][0]
    return ", ".join(f"{share} {LEVEL_WORDS[level][i]}" for share, level in shares)


def _term(rule: Rule, term: Term, i: int) -> str:
    """``0.8 x log1p(sum of rain_mm over 15 min, largest)``"""
    weight = _number(term.weight, i)
    if term.clock or rule.score is None:
        clock = CLOCKS[term.clock or "hour"][i]
        return f"{weight} x {_SPAN[i].format(clock=clock, first=term.first, last=term.last)}"
    amount = rule.score.amounts[term.amount]
    what = MEASURES[amount.measure][i].format(variable=amount.variable) + _over(amount.window_s, i)
    if rule.places:
        what += f", {_rank(term.of, i)}"
        what += _OF_PLACES[i].format(ids=", ".join(term.places)) if term.places else ""
    if term.unknown is not None:
        what += _UNKNOWN[i].format(value=_number(term.unknown, i))
    if term.shape == "hinge":
        what += _ABOVE[i].format(knot=_number(term.knot, i))
    return f"{weight} x {'log1p' if term.shape == 'log1p' else ''}({what})"


def _rank(of: int, i: int) -> str:
    if of < 2:
        return (_LARGEST if of else _MEAN)[i]
    return _K_TH_LARGEST[i].format(k=of, th=_TH.get(of, "th"))


def _over(window_s: int, i: int) -> str:
    return _OVER[i].format(length=duration(window_s)) if window_s else ""


def _sign(is_below: bool) -> str:
    return "≤" if is_below else "≥"


def _relative(norm: str | None, limit: float, i: int) -> str:
    """A limit as it is written in words: ``5``, ``percentile(1)``, ``monthly_mean + 5``."""
    if norm is None:
        return _number(limit, i)
    return f"{norm} {'-' if limit < 0 else '+'} {_number(abs(limit), i)}" if limit else norm


def _number(value: float, i: int) -> str:
    """All its digits, as a rule's file has them; with a comma where people write one."""
    text = f"{value:g}"
    return text if LANGUAGES[i] == "en" else text.replace(".", ",")
