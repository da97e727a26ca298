"""The signs of a glance, as SVG: a level's own, that of calm, or of what cannot be seen."""

from __future__ import annotations

from atalaia.domain.hazard import Level
from atalaia.domain.signs import SIGNS
from atalaia.page.glance import Glance
from atalaia.report.svg import Markup, tag

_CALM = "M-.5 .05-.15 .4.5-.4"


def sign_of(glance: Glance) -> Markup:
    """How it stands, in a square from -1.2 to 1.2."""
    if glance.level:
        return level_sign(glance.level)
    if glance.how == "calm":
        return tag("g", tag("circle", r=1), tag("path", d=_CALM), class_="calm")
    if glance.how in ("over", "joined"):
        return tag("g", tag("circle", r=1), class_="calm")
    # A dashed ring is what cannot be seen on the map, too. The mark is drawn: no font has a say.
    mark = "M-.28-.28C-.28-.62.28-.62.28-.25 .28.02 0 0 0 .28"
    return tag(
        "g",
        tag("circle", r=1, class_="ring"),
        tag("path", d=mark),
        tag("circle", cx=0, cy=0.55, r=0.09, class_="point"),
        class_="unseen",
    )


def level_sign(level: int) -> Markup:
    """A level's, in the same square."""
    sign = SIGNS[Level(level)]
    name = f"l{level}"
    if not sign.corners:
        return tag("circle", r=sign.radius, class_=name)
    points = " ".join(f"{x:.2f},{y:.2f}" for x, y in sign.corners)
    return tag("polygon", points=points, class_=name)
