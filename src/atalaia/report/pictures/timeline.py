"""A storm over time: what was measured, the limits, the alerts, and what else was open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from atalaia.domain.alert import is_last
from atalaia.domain.hazard import Level
from atalaia.report.reported import IncidentReport, LevelTrack, Line
from atalaia.report.svg import Markup, line, mark, path, picture, tag, text, ticks
from atalaia.report.words import Say

WIDE, NARROW = 960, 420
"""Widths at which it is drawn: text keeps its size, and the page shows the one that fits."""

_TOP, _PLOT, _LANE = 58, 260, 44
_STEPS_H = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336)
_GAP_S = 3 * 3600
"""A course is broken where nothing is known of it for longer, and for four times its step."""


@dataclass(frozen=True)
class _Axes:
    x: Callable[[float], float]
    y: Callable[[float], float]
    left: float
    right: float
    bottom: float


def timeline(storm: IncidentReport, say: Say, width: int, name: str) -> Markup:
    """The storm at this width."""
    has_plot = bool(storm.lines or storm.limits)
    plot = _PLOT if has_plot else 8
    left, right = (52.0, 66.0) if has_plot else (12.0, 12.0)
    bottom = _TOP + plot
    begins, ends = storm.begins, max(storm.ends, storm.begins + 3600)
    span, across = ends - begins, width - left - right
    low, high = _range(storm)
    axes = _Axes(
        x=lambda at: left + (at - begins) / span * across,
        y=lambda value: bottom - (value - low) / (high - low) * plot,
        left=left,
        right=width - right,
        bottom=bottom,
    )
    parts: list[Markup] = [*_hours(storm, say, axes, across)]
    if has_plot:
        parts += [*_values(storm, say, axes, low, high), *_limits(storm, say, axes)]
        parts += [*_bars(storm, axes), *_lines(storm, axes)]
    parts += _alerts(storm, say, axes, has_plot=has_plot)
    lanes_at = bottom + 48
    if len(storm.lines) > 1:
        columns = 3 if width >= WIDE else 1
        parts += _key(storm, axes, bottom + 44, columns)
        lanes_at += 10 + 18 * -(-len(storm.lines) // columns)
    for i, lane in enumerate(storm.lanes):
        parts += _lane(lane, say, axes, lanes_at + i * _LANE)
    title = say(
        "storm_title",
        hazard=say.hazard(storm.hazard),
        place=storm.place,
        variable=say.measured(storm.variable, storm.measure, storm.window_s),
        first=say.clock(begins, storm.zone),
        last=say.clock(ends, storm.zone),
    )
    height = lanes_at + len(storm.lanes) * _LANE
    return picture(parts, width, height, title, name, "wide" if width >= WIDE else "narrow")


def _range(storm: IncidentReport) -> tuple[float, float]:
    values = [v for one in storm.lines for v in one.value]
    values += [v for one in storm.limits for v in one.line.value] + [b.value for b in storm.bars]
    values += [entry.value for entry in storm.entries if entry.value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low >= 0 and low < 0.5 * high:
        low = 0.0
    room = 0.08 * ((high - low) or 1.0)
    return low - (room if low else 0.0), high + room


def _hours(storm: IncidentReport, say: Say, axes: _Axes, across: float) -> Iterator[Markup]:
    """Local midnights and hours along the foot, with lines up through the picture."""
    zone = ZoneInfo(storm.zone)
    room = max(across // 52, 2)
    hours = (storm.ends - storm.begins) / 3600
    step = next((h for h in _STEPS_H if hours / h <= room), _STEPS_H[-1])
    first = datetime.fromtimestamp(storm.begins, UTC).astimezone(zone)
    at = first.replace(hour=0, minute=0, second=0, microsecond=0)
    last_day = -1e9
    while at.timestamp() <= storm.ends:
        seconds, is_day = at.timestamp(), at.hour == 0
        if seconds >= storm.begins:
            x = axes.x(seconds)
            yield line(x, _TOP, x, axes.bottom, "grid day" if is_day else "grid")
            if not is_day:
                yield text(x, axes.bottom + 17, f"{at:%H}h", "tick", "middle")
            if is_day and x - last_day > 44:
                last_day = x
                yield text(
                    x, axes.bottom + 17, f"{at.day} {say.month(at.month)}", "tick b", "middle"
                )
        at += timedelta(hours=step)  # of the local clock


def _values(
    storm: IncidentReport, say: Say, axes: _Axes, low: float, high: float
) -> Iterator[Markup]:
    for value in ticks(low, high, 5):
        y = axes.y(value)
        yield line(axes.left, y, axes.right, y, "grid")
        yield text(axes.left - 8, y + 4, say.number(value), "tick", "end")
    yield line(axes.left, axes.bottom, axes.right, axes.bottom, "axis")
    yield text(axes.left - 8, _TOP - 10, storm.unit, "tick b", "end")


def _limits(storm: IncidentReport, say: Say, axes: _Axes) -> Iterator[Markup]:
    free_below = _TOP - 20.0
    for limit in sorted(storm.limits, key=lambda one: -one.line.value[-1]):
        points = [
            (axes.x(at), axes.y(value))
            for at, value in zip(limit.line.at, limit.line.value, strict=True)
        ]
        yield path(points, f"limit l{limit.level}")
        value = limit.line.value[-1]
        # Labels that would lie on each other are moved down, each beside its own mark.
        y = max(axes.y(value), free_below + 17)
        free_below = y
        yield mark(axes.right + 13, y, 5, limit.level)
        yield text(axes.right + 25, y + 4, say.number(value), "tick b")


def _bars(storm: IncidentReport, axes: _Axes) -> Iterator[Markup]:
    for bar in storm.bars:
        if bar.value > 0 and bar.ends > storm.begins:
            x1, x2 = axes.x(max(bar.begins, storm.begins)), axes.x(bar.ends)
            y = axes.y(bar.value)
            gap = 1 if x2 - x1 > 4 else 0
            yield tag(
                "rect",
                x=x1 + gap / 2,
                y=y,
                width=max(x2 - x1 - gap, 0.5),
                height=axes.bottom - y,
                class_="bar",
            )


def _lines(storm: IncidentReport, axes: _Axes) -> Iterator[Markup]:
    for i, course in enumerate(storm.lines):
        for part in _unbroken(course):
            points = [(axes.x(at), axes.y(value)) for at, value in part]
            if len(points) == 1:
                yield tag("circle", cx=points[0][0], cy=points[0][1], r=2, class_=f"dot s{i % 4}")
            else:
                yield path(points, f"course s{i % 4}")


def _key(storm: IncidentReport, axes: _Axes, y: float, columns: int) -> Iterator[Markup]:
    """Which course is whose."""
    for i, course in enumerate(storm.lines):
        row, column = divmod(i, columns)
        x = axes.left + column * (axes.right - axes.left) / columns
        yield line(x, y + 18 * row - 4, x + 22, y + 18 * row - 4, f"course s{i % 4}")
        yield text(x + 28, y + 18 * row, course.label, "tick")


def _unbroken(course: Line) -> Iterator[list[tuple[int, float]]]:
    """The parts of a course between its gaps: what is missing is not drawn as if it were known."""
    points = list(zip(course.at, course.value, strict=True))
    steps = sorted(b - a for a, b in pairwise(course.at))
    gap = max(_GAP_S, 4 * steps[len(steps) // 2]) if steps else _GAP_S
    part: list[tuple[int, float]] = []
    for point in points:
        if part and point[0] - part[-1][0] > gap:
            yield part
            part = []
        part.append(point)
    if part:
        yield part


def _alerts(storm: IncidentReport, say: Say, axes: _Axes, *, has_plot: bool) -> Iterator[Markup]:
    """A flag a message, at the instant of sending, with the value that decided it."""
    taken: list[tuple[float, int]] = []
    for entry in storm.entries:
        x = min(max(axes.x(entry.sent_at), axes.left), axes.right)
        row = next(r for r in range(99) if all(abs(x - other) > 24 or r != s for other, s in taken))
        row = min(row, 1)
        taken.append((x, row))
        y = 16 + row * 26
        is_over = is_last(entry.type)
        level = Level.NONE if is_over else entry.level
        said = f"{say.clock(entry.sent_at, storm.zone)}: {entry.text[say.i]}"
        yield line(x, y + 9, x, axes.bottom, "stem" if is_over else f"stem l{entry.level}")
        yield mark(x, y, 9, level, said)
        yield text(x, y + 4, str(entry.version), f"flag l{level}", "middle")
        if has_plot and entry.value is not None and not is_over:
            at = axes.x(entry.valid_at)
            if axes.left <= at <= axes.right:
                yield mark(at, axes.y(entry.value), 4.5, entry.level, said)


def _lane(lane: LevelTrack, say: Say, axes: _Axes, y: float) -> Iterator[Markup]:
    """An incident as a bar under its name: the higher the level, the thicker, with its word."""
    label = f"{say.hazard(lane.hazard)} · {lane.place}"
    first = max(axes.x(lane.stretches[0].begins), axes.left)
    yield text(min(first, axes.right - 7 * len(label)), y, label, "tick")
    for stretch in lane.stretches:
        x1 = min(max(axes.x(stretch.begins), axes.left), axes.right)
        x2 = min(max(axes.x(stretch.ends), x1 + 2), axes.right)
        thick, middle = 5 + 3 * stretch.level, y + 16
        word = say.level(stretch.level)
        yield tag(
            "rect",
            tag("title", f"{label}: {word}"),
            x=x1,
            y=middle - thick / 2,
            width=max(x2 - x1, 2),
            height=thick,
            rx=2,
            class_=f"m l{stretch.level}",
        )
        if x2 - x1 > 8 * len(word) and stretch.level > Level.WATCH:
            yield text((x1 + x2) / 2, middle + 4, word, f"flag l{stretch.level}", "middle")
