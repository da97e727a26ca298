"""How right: the performance diagram, and how much of what was forecast came true."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from atalaia.domain.hazard import LEVEL_OF
from atalaia.report.reported import LeadTimeScore, ScorePoint
from atalaia.report.svg import Markup, line, path, picture, tag, text
from atalaia.report.words import Say

_SIDE, _LEFT, _TOP, _RIGHT, _FOOT = 344, 52, 34, 34, 48

_CSI = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_BIAS = (0.3, 0.5, 0.8, 1.0, 1.3, 2.0, 4.0)
_SHAPES = 5


def _x(ratio: float) -> float:
    return _LEFT + ratio * _SIDE


def _y(pod: float) -> float:
    return _TOP + (1 - pod) * _SIDE


def performance(scores: Sequence[ScorePoint], say: Say, name: str) -> Markup:
    """POD against success ratio with curves of CSI and rays of bias.

    After Roebber 2009, Weather and Forecasting 24, 601-608. Scores without a POD or FAR are not
    in it.
    """
    parts = [*_curves(say), *_rays(say), *_frame(say)]
    known = [s for s in scores if s.pod is not None and s.far is not None]
    # The whole comes last, above its parts.
    for i, score in reversed(list(enumerate(known))):
        parts += _point(score, i)
    title = f"{say('performance')}: " + "; ".join(
        f"{point_name(s, say)} POD {say.number(s.pod, 2)}, FAR {say.number(s.far, 2)}"
        for s in known
    )
    return picture(parts, _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _FOOT, title, name, "square")


def key_mark(position: int, name: str) -> Markup:
    """The shape of a point of the performance diagram, for its table."""
    return picture([_shape(8, 8, position)], 16, 16, str(position + 1), name, "inline")


def point_name(score: ScorePoint, say: Say) -> str:
    """What a point is of, in words."""
    if score.group == "hazard":
        return say.hazard(score.of)
    if score.group == "level":
        return f"≥ {say.level(LEVEL_OF[score.of])}"
    return say("all") if score.group == "all" else score.of


def _curves(say: Say) -> Iterator[Markup]:
    """Filled, the better the deeper, so that the eye finds up and right."""
    for csi in _CSI:
        # 1 / CSI = 1 / SR + 1 / POD - 1, from where POD is 1 to where SR is 1.
        ratios = [csi + (1 - csi) * i / 60 for i in range(61)]
        pods = [1 / (1 / csi - 1 / ratio + 1) for ratio in ratios]
        points = [(_x(r), _y(p)) for r, p in zip(ratios, pods, strict=True)]
        yield path([*points, (_x(1), _y(1))], "csi-area")
    for csi in _CSI:
        ratios = [csi + (1 - csi) * i / 60 for i in range(61)]
        pods = [1 / (1 / csi - 1 / ratio + 1) for ratio in ratios]
        points = [(_x(r), _y(p)) for r, p in zip(ratios, pods, strict=True)]
        yield path(points, "csi")
        # Named on the diagonal between the ray of bias 1 and the corner.
        equal = 2 * csi / (1 + csi)
        yield text(_x(equal), _y(equal) + 4, say.number(csi), "tiny halo", "middle")


def _rays(say: Say) -> Iterator[Markup]:
    for bias in _BIAS:
        ratio, pod = (1.0, bias) if bias <= 1 else (1 / bias, 1.0)
        yield line(_x(0), _y(0), _x(ratio), _y(pod), "ray")
        said = say.number(bias)
        if bias <= 1:
            yield text(_x(1) + 5, _y(pod) + 4, said, "tiny")
        else:
            yield text(_x(ratio), _y(1) - 6, said, "tiny", "middle")


def _frame(say: Say) -> Iterator[Markup]:
    for i in range(0, 11, 2):
        share = i / 10
        yield text(_x(share), _y(0) + 17, say.number(share, 1), "tick", "middle")
        yield text(_x(0) - 8, _y(share) + 4, say.number(share, 1), "tick", "end")
    yield path([(_x(0), _y(1)), (_x(0), _y(0)), (_x(1), _y(0))], "axis")
    yield text(_x(0.5), _y(0) + 38, say("success_ratio"), "tick b", "middle")
    yield tag(
        "text",
        say("pod"),
        transform=f"translate(14 {_y(0.5):.0f}) rotate(-90)",
        text_anchor="middle",
        class_="tick b",
    )
    yield text(_x(1) + 12, _y(1) - 20, say("bias"), "tiny", "middle")


def _point(score: ScorePoint, position: int) -> Iterator[Markup]:
    assert score.pod is not None  # noqa: S101 - for the type checker; `performance` left them out
    assert score.far is not None  # noqa: S101
    x, y = _x(1 - score.far), _y(score.pod)
    if score.pod_interval:
        low, high = score.pod_interval
        yield line(x, _y(low), x, _y(high), f"whisker c{position % _SHAPES}")
    if score.far_interval:
        low, high = score.far_interval
        yield line(_x(1 - low), y, _x(1 - high), y, f"whisker c{position % _SHAPES}")
    yield _shape(x, y, position)


def _shape(x: float, y: float, position: int) -> Markup:
    """Points are told apart by shape, and their colour only helps."""
    class_ = f"point c{position % _SHAPES}"
    outlines: tuple[Sequence[tuple[float, float]], ...] = (
        ((0, -6.5), (6, 4.5), (-6, 4.5)),
        ((-5, -5), (5, -5), (5, 5), (-5, 5)),
        ((0, -7), (7, 0), (0, 7), (-7, 0)),
        ((0, 6.5), (6, -4.5), (-6, -4.5)),
    )
    if position % _SHAPES == 0:
        return tag("circle", cx=x, cy=y, r=6.5, class_=class_)
    outline = outlines[position % _SHAPES - 1]
    corners = "L".join(f"{x + dx:.1f} {y + dy:.1f}" for dx, dy in outline)
    return tag("path", d=f"M{corners}Z", class_=class_)


_ROW, _WIDTH = 34, 430


def reliability(rows: Sequence[LeadTimeScore], say: Say, name: str) -> Markup:
    """A row a source and lead time: the share that came true, with its interval."""
    begins, ends = 150, _WIDTH - 64
    parts: list[Markup] = []
    height = 30.0

    def x(share: float) -> float:
        return begins + share * (ends - begins)

    body: list[Markup] = []
    for source in dict.fromkeys(row.source for row in rows):
        body.append(text(0, height + 4, source, "tick b"))
        height += 26
        for row in (row for row in rows if row.source == source):
            body += _row(row, say, x, height)
            height += _ROW
        height += 6
    for i in range(0, 5):
        share = i / 4
        parts.append(line(x(share), 18, x(share), height - 10, "grid"))
        parts.append(text(x(share), 11, f"{share:.0%}", "tick", "middle"))
    return picture([*parts, *body], _WIDTH, height, say("reliability"), name, "square")


def _row(row: LeadTimeScore, say: Say, x: Callable[[float], float], y: float) -> Iterator[Markup]:
    yield text(12, y + 4, say(row.lead), "tick")
    known = row.came_true + row.false_alarms
    yield line(x(0), y, x(1), y, "track")
    if row.ratio is None:
        yield text(x(0.5), y + 4, say("not_verifiable"), "tiny halo", "middle")
    else:
        if row.interval:
            yield line(x(row.interval[0]), y, x(row.interval[1]), y, "whisker thick c0")
        yield tag("circle", cx=x(row.ratio), cy=y, r=6, class_="point c0")
    said = say("came_true_of", n=row.came_true, of=known)
    yield text(_WIDTH - 2, y + 4, said, "tick", "end")
