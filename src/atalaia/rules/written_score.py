"""The table ``[rule.score]`` as people write it: what adds up, and what it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from atalaia.domain.rule import INDICES, seconds
from atalaia.domain.score import MOST_OCCURRENCES, AddedUp, Amount, Chance, Clock, Shape, Term
from atalaia.domain.variable import CATALOGUE
from atalaia.given import meant

_RANKS = {"mean": 0, "largest": 1}
_LAST = {"hour": (0, 24), "month": (1, 12)}

_OF_AMOUNTS = ("variable", "measure", "window", "shape", "knot", "unknown", "of", "places")
_OF_CLOCKS = ("first", "last")


class WrittenTerm(msgspec.Struct, forbid_unknown_fields=True):
    """One of ``terms``; docs/rules.md explains each key."""

    weight: float
    variable: str | None = None
    measure: Literal["value", "sum", "mean", "change"] = "value"
    window: str = "0s"
    shape: Shape = "identity"
    knot: float = 0.0
    unknown: float | None = None
    of: Annotated[int, Meta(ge=1)] | Literal["mean", "largest"] = 1
    places: list[Annotated[str, Meta(min_length=1)]] = []
    clock: Clock | None = None
    first: int = 0
    last: int = 0


class WrittenScore(msgspec.Struct, forbid_unknown_fields=True):
    """``[rule.score]``."""

    terms: Annotated[list[WrittenTerm], Meta(min_length=1)]
    intercept: float = 0.0
    chance_of: Annotated[int, Meta(ge=1, le=MOST_OCCURRENCES)] | None = None
    dispersion: Annotated[float, Meta(gt=0)] = 1.0


def faults_of_score(score: WrittenScore, *, is_area: bool) -> Iterator[str]:
    """What fits the schema and cannot be, each with the number of its term."""
    if not isfinite(score.intercept) or not isfinite(score.dispersion):
        yield "intercept and dispersion must be finite numbers"
    for number, term in enumerate(score.terms):
        for fault in _of_clock(term) if term.clock else _of_amount(term, is_area=is_area):
            yield f"terms[{number}].{fault}"
        if not isfinite(term.weight) or not term.weight:
            yield f"terms[{number}].weight: a number other than 0; leave out what has no weight"
    if all(term.clock for term in score.terms):
        yield "no term has a variable: the clock alone is no evidence"


def _of_clock(term: WrittenTerm) -> Iterator[str]:
    for name in _OF_AMOUNTS:
        if getattr(term, name) != _USUAL[name]:
            yield f"{name}: a term of the clock has none; write two terms"
    assert term.clock is not None  # noqa: S101 - asked for terms of the clock alone
    low, high = _LAST[term.clock]
    if not (low <= term.first <= high and low <= term.last <= high):
        yield f"first, last: a {term.clock} is from {low} to {high}"
    elif term.clock == "hour" and term.first == term.last:
        yield 'first, last: the same hour; "from 17 to 20" is first = 17, last = 20'


def _of_amount(term: WrittenTerm, *, is_area: bool) -> Iterator[str]:
    name = term.variable
    if name is None:
        yield 'variable: is missing; add it, or clock = "hour" or "month"'
        return
    if name not in CATALOGUE and name not in INDICES:
        yield (
            f"variable: unknown variable {name!r}{meant(name, [*CATALOGUE, *INDICES])}; "
            "`atalaia variables` lists them"
        )
        return
    for key in _OF_CLOCKS:
        if getattr(term, key) != _USUAL[key]:
            yield f'{key}: is for the clock; give clock = "hour" or "month", or leave it out'
    try:
        window_s = seconds(term.window)
    except ValueError as error:
        yield f"window: {error}"
        return
    if term.measure == "sum" and not getattr(CATALOGUE.get(name), "is_sum", False):
        yield f"measure: {name} cannot be added up; only sums over a period can"
    elif term.measure != "value" and name in INDICES:
        yield f"measure: {name} is an index and is judged as it stands (measure value)"
    elif term.measure != "value" and not window_s:
        yield f'window: measure {term.measure!r} needs a window, for example window = "1h"'
    elif term.measure == "value" and window_s:
        yield 'window: a window needs measure = "sum", "mean" or "change"'
    yield from _of_numbers(term)
    if not is_area and (term.of != 1 or term.places):
        yield "of, places: are for areas; leave them out, or give the rule an area"


def _of_numbers(term: WrittenTerm) -> Iterator[str]:
    if term.knot and term.shape != "hinge":
        yield 'knot: is for shape = "hinge"; leave it out'
    if not isfinite(term.knot):
        yield "knot: must be a finite number"
    if term.unknown is not None and term.measure == "sum":
        yield "unknown: is not for sums, of which silence may hide anything; leave it out"
    elif term.unknown is not None and not isfinite(term.unknown):
        yield "unknown: must be a finite number"


_USUAL = {
    field.name: field.default if field.default is not msgspec.NODEFAULT else []
    for field in msgspec.structs.fields(WrittenTerm)
}


def score_of(text: WrittenScore) -> AddedUp:
    """The score that a table without faults says."""
    amounts: list[Amount] = []
    terms = []
    for term in text.terms:
        position = -1
        if term.variable is not None:
            amount = Amount(term.variable, term.measure, seconds(term.window))
            if amount not in amounts:
                amounts.append(amount)
            position = amounts.index(amount)
        terms.append(
            Term(
                weight=term.weight,
                amount=position,
                shape=term.shape,
                knot=term.knot,
                unknown=term.unknown,
                of=term.of if isinstance(term.of, int) else _RANKS[term.of],
                places=tuple(term.places),
                clock=term.clock,
                first=term.first,
                last=term.last,
            )
        )
    chance = Chance(text.chance_of, text.dispersion) if text.chance_of else None
    return AddedUp(text.intercept, tuple(amounts), tuple(terms), chance)
