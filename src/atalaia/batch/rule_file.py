"""Calibrated rules as a rule file, with the score that is to be expected of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.batch.adding_up import AddingUp, Weighed
from atalaia.batch.beside import AreaAmount
from atalaia.batch.calibrate import MONTH_DAYS, Calibration
from atalaia.batch.clocks import ClockSpan
from atalaia.batch.raised import Candidate
from atalaia.batch.score import Score
from atalaia.domain.rule import Near

_RULE = """
[[rule]]
name = {name}
hazard = {hazard}
variable = {variable}
measure = "sum"
window = {window}
limits = {{ yellow = {limit:g} }}
exit = 1.0
keep_firing_for = "0s"
expires_after = "1h"
area = {{ places = {places}, within = {within}{near} }}
{given}origin = {origin}
"""
"""It ends with the sum itself, as it was scored: whether a day was warned of is all that counts."""


_SCORE = """
[[rule]]
name = "chance"
hazard = {hazard}
measure = "score"
limits = {{ yellow = {limit:g} }}
exit = 1.0
keep_firing_for = {keep}
expires_after = {expires}
area = {{ places = 1, within = {within}{near} }}
origin = {origin}

[rule.score]
intercept = {intercept!r}
chance_of = {chance_of}
dispersion = {dispersion!r}
terms = [
{terms}
]
"""

_ORIGIN = "calibrated; the description has the score that is to be expected"


def rule_file(
    found: Calibration, name: str, hazard: str, variable: str, within_s: int, description: str
) -> str:
    """The text of a rule file. `within_s`: how long a place's newest value counts."""
    parts = [_head(name, f"{description} {expected(found.cross_validated)}.")]
    for label, window_s, limit, places, near, given in _rules(found.chosen):
        parts.append(
            _RULE.format(
                name=_text(label),
                hazard=_text(hazard),
                variable=_text(variable),
                window=_text(duration(window_s)),
                limit=limit,
                places=places,
                within=_text(duration(within_s)),
                near=_near(near),
                given=given,
                origin=_text(_ORIGIN),
            )
        )
    return "".join(parts)


def score_file(
    found: AddingUp,
    name: str,
    hazard: str,
    near: Near | None,
    within_s: int,
    min_events: int,
    description: str,
) -> str:
    """The text of a rule file with a rule that adds up."""
    terms = (f"  {{ {_term(term)} }}," for term in found.terms)
    return _head(name, f"{description} {expected(found.cross_validated)}.") + _SCORE.format(
        hazard=_text(hazard),
        limit=found.limit,
        keep=_text(duration(found.keep_s) if found.keep_s else "0s"),
        expires=_text(duration(max(found.keep_s, 3600))),
        within=_text(duration(within_s)),
        near=_near(near),
        origin=_text(_ORIGIN),
        intercept=found.intercept,
        chance_of=min_events,
        dispersion=found.dispersion,
        terms="\n".join(terms),
    )


def _term(term: Weighed) -> str:
    amount = term.amount
    keys = _clock(amount) if isinstance(amount, ClockSpan) else _amount(amount)
    return ", ".join(
        f"{key} = {value}" for key, value in (*keys.items(), ("weight", repr(term.weight)))
    )


def _clock(span: ClockSpan) -> dict[str, str]:
    return {"clock": _text(span.clock), "first": str(span.first), "last": str(span.last)}


def _amount(amount: AreaAmount) -> dict[str, str]:
    return {
        "variable": _text(amount.variable),
        "measure": _text(amount.measure),
        "window": _text(duration(amount.window_s)),
        "of": str(amount.of or _text("mean")),
        "shape": _text(amount.shape),
        **({"knot": repr(amount.knot)} if amount.shape == "hinge" else {}),
        **({} if amount.unknown is None else {"unknown": repr(amount.unknown)}),
    }


def _head(name: str, description: str) -> str:
    return f"name = {_text(name)}\ndescription = {_text(description)}\n"


def expected(score: Score) -> str:
    """The cross-validated score in a few words."""
    lead = f"{score.lead_h.median:.1f} h" if score.lead_h else "none"
    warned = score.hits + score.false_alarms + score.partial[0]
    days = warned + score.misses + (score.correct_quiet or 0) + score.partial[1]
    a_month = f"it warns on {warned / days * MONTH_DAYS:.1f} days a month"
    figures = {
        "POD": score.pod,
        "FAR": score.far,
        "CSI": score.csi,
        "strict CSI": score.strict.csi,
    }
    told = ", ".join(f"{name} {value or 0:.2f}" for name, value in figures.items())
    return f"expected, from years that did not choose it: {told}, median lead {lead}; {a_month}"


def _rules(
    chosen: Candidate,
) -> list[tuple[str, int, float, int, Near | None, str]]:
    given = ""
    if chosen.given_window_s:
        given = (
            f"given = {{ window = {_text(duration(chosen.given_window_s))}, "
            f"limit = {chosen.given_limit:g}, places = 1 }}\n"
        )
    circles: Sequence[Near | None] = chosen.circles or (None,)
    out: list[tuple[str, int, float, int, Near | None, str]] = [
        (
            f"burst-{i}" if len(circles) > 1 else "burst",
            chosen.window_s,
            chosen.limit,
            1,
            near,
            given,
        )
        for i, near in enumerate(circles, 1)
    ]
    windows = [wide.window_s for wide in chosen.wide]
    for wide in chosen.wide:
        label = f"wide-{duration(wide.window_s)}"
        if windows.count(wide.window_s) > 1:
            label = f"{label}-{wide.places}-places"
        out.append((label, wide.window_s, wide.limit, wide.places, None, ""))
    return out


def _near(near: Near | None) -> str:
    if near is None:
        return ""
    return (
        f", near = {{ latitude = {near.latitude!r}, longitude = {near.longitude!r}, "
        f"km = {near.km:g} }}"
    )


def duration(seconds: int) -> str:
    """``15min``, ``3h``, as rules have it."""
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds // 60}min"


def _text(text: str) -> str:
    # A JSON string is a TOML basic string.
    return msgspec.json.encode(text).decode()
