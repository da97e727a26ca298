"""A report as one HTML page: no script, no other file, no network; it explains itself when printed.

Comes from `report.gather` as plain data (`report.reported`). Every picture says in its title what
it shows and has a table behind it, and a level is told by its shape and word as well as its colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from atalaia.domain.alert import is_last
from atalaia.domain.signs import css
from atalaia.report.pictures.calendar import months
from atalaia.report.pictures.places import places_map
from atalaia.report.pictures.skill import key_mark, performance, point_name, reliability
from atalaia.report.pictures.timeline import NARROW, WIDE, timeline
from atalaia.report.reported import IncidentReport, Report, Scored, ScorePoint
from atalaia.report.sections import LevelCell, Section, about, period_of, sections_of, title_of
from atalaia.report.svg import Markup, Numbers, join, mark, picture, tag
from atalaia.report.words import SHOWN, Say

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A page that can load nothing cannot tell anyone that it is read."""

Row = Sequence[str | Markup]


def page(report: Report, language: str, colours: str = "ordinary") -> str:
    """The page in one of `words.LANGUAGES`, in one of `signs.VERSIONS`."""
    return _ReportPage(report, Say(language), colours).html()


class _ReportPage:
    def __init__(self, report: Report, say: Say, version: str) -> None:
        self._report, self._say, self._version = report, say, version
        self._numbers = Numbers()

    def html(self) -> str:
        say, report = self._say, self._report
        period, title = period_of(report, say), title_of(report, say)
        which = about(report.scope, say) if report.scope else ""
        style = (files(__package__) / "report.css").read_text("utf-8") + css(self._version)
        head = tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", f"Atalaia · {title} · {period}"),
            tag("style", Markup(style)),
        )
        main = tag(
            "main",
            tag(
                "header",
                tag("p", "Atalaia", class_="brand"),
                tag("h1", title),
                tag("p", " · ".join(filter(None, (which, period, report.home))), class_="meta"),
            ),
            self._figures(),
            *map(self._section, sections_of(report, say)),
            self._storm() if report.storm or not report.scope else None,
            self._calendar(),
            self._map(),
            None if report.scope else self._skill(),
            self._sources(),
            tag(
                "footer",
                tag("p", say("not_official")),
                tag("p", f"Atalaia, {say('made', at=say.day(report.made_at))}"),
            ),
        )
        body = tag("html", head, tag("body", main), lang=say.language)
        return f"<!doctype html>\n{body}\n"

    # What happened

    def _figures(self) -> Markup:
        say, report = self._say, self._report
        items: list[tuple[int, str, Markup | None]] = [
            (sum(report.levels), say("incidents"), None),
            (report.alerts, say("alerts"), None),
        ]
        items += [
            (count, say.level(level), self._mark(level, "inline big"))
            for level, count in reversed(list(zip(SHOWN, report.levels, strict=True)))
            if count or level > SHOWN[0]
        ]
        return tag(
            "ul",
            *(
                tag("li", tag("b", shape, say.count(count)), tag("span", name))
                for count, name, shape in items
            ),
            class_="figures",
        )

    def _section(self, section: Section) -> Markup:
        rows = [
            [
                join([self._mark(cell.level), Markup(self._say.level(cell.level))])
                if isinstance(cell, LevelCell)
                else cell
                for cell in row
            ]
            for row in section.rows
        ]
        table = self._table(section.head, rows, section.numbers_from) if rows else None
        return tag(
            "section",
            tag("h2", section.title),
            *(tag("p", note, class_="note") for note in section.notes),
            tag("div", table, class_="scroll", tabindex="0") if table else None,
        )

    def _storm(self) -> Markup:
        say, storm = self._say, self._report.storm
        if storm is None:
            return tag(
                "section",
                tag("h2", say("storm")),
                tag("p", say.no_storm(self._report.days), class_="note"),
            )
        notes = []
        if storm.variable is not None and not storm.is_same_rule:
            notes.append(say("other_rule"))
        if storm.variable is not None and not storm.lines:
            notes.append(say("nothing_measured"))
        hazard = say.hazard(storm.hazard)
        return tag(
            "section",
            tag("h2", f"{hazard[0].upper()}{hazard[1:]} · {storm.place}"),
            self._facts(storm),
            *(tag("p", note, class_="note") for note in notes),
            tag(
                "figure",
                timeline(storm, say, WIDE, self._numbers.new()),
                timeline(storm, say, NARROW, self._numbers.new()),
            ),
            self._courses(storm),
            tag("h3", say("told")),
            self._told(storm),
        )

    def _facts(self, storm: IncidentReport) -> Markup:
        say = self._say
        facts = [tag("li", self._mark(storm.level), " ", tag("b", say.level(storm.level)))]
        if storm.peak is not None and storm.peak_at is not None:
            value = say.figure(storm.peak, storm.unit, storm.measure)
            at = say.clock(storm.peak_at, storm.zone)
            what = say.measured(storm.variable, storm.measure, storm.window_s)
            worst = say.worst(storm.measure, is_below=storm.is_below)
            facts.append(tag("li", f"{worst} ", tag("b", value), f" · {what} · {at}"))
        if storm.ended_at is None:
            facts.append(tag("li", say("open")))
        else:
            hours = max(round((storm.ended_at - storm.opened_at) / 3600), 1)
            facts.append(
                tag("li", f"{say('lasted')} ", tag("b", f"{hours} h"), f" · {say(storm.status)}")
            )
        facts.append(tag("li", say("local", zone=storm.zone), class_="meta"))
        return tag("ul", *facts, class_="facts")

    def _told(self, storm: IncidentReport) -> Markup:
        say = self._say
        items = []
        for entry in storm.entries:
            is_over = is_last(entry.type)
            value = ""
            if entry.value is not None:
                value = f" · {say.figure(entry.value, storm.unit, entry.measure)}"
                if entry.limit is not None:
                    limit = say.figure(entry.limit, storm.unit, entry.measure)
                    value += f" ({say('limit')} {limit})"
            head = f"{entry.version} · {say.clock(entry.sent_at, storm.zone)} · {say(entry.reason)}"
            if not is_over:
                head += f" · {say.level(entry.level)}"
            items.append(
                tag(
                    "li",
                    self._mark(0 if is_over else entry.level, "inline big"),
                    tag("time", head + value),
                    tag("p", entry.text[say.i]),
                )
            )
        return tag("ol", *items, class_="told")

    def _courses(self, storm: IncidentReport) -> Markup:
        """What the timeline draws, in numbers: a column a source."""
        say = self._say
        if not storm.lines and not storm.bars:
            return Markup("")
        times = sorted({at for one in storm.lines for at in one.at} | {b.ends for b in storm.bars})
        courses = [dict(zip(one.at, one.value, strict=True)) for one in storm.lines]
        fell = {bar.ends: bar.value for bar in storm.bars}
        head = [say("at")]
        measured = say.measured(storm.variable, storm.measure, storm.window_s)
        head += [f"{measured}, {one.label} ({storm.unit})" for one in storm.lines]
        if fell:
            head.append(f"{say.variable(storm.variable or '')}, {say('amounts')} ({storm.unit})")
        rows: list[Row] = []
        for at in times:
            row = [say.clock(at, storm.zone)]
            row += [say.number(course.get(at)) for course in courses]
            rows.append([*row, say.number(fell.get(at))] if fell else row)
        return self._hidden(head, rows, numbers_from=1)

    def _calendar(self) -> Markup:
        say, days = self._say, self._report.days
        with_some = [day for day in days if day.incidents or day.is_blind]
        rows = [
            [
                day.date,
                join([self._mark(day.level), Markup(say.level(day.level))]) if day.level else "–",
                str(day.incidents),
                ", ".join([*map(say.hazard, day.hazards), *[say("blind")] * day.is_blind]),
            ]
            for day in with_some
        ]
        head = [say("day"), say("level"), say("incidents"), say("hazards")]
        return tag(
            "section",
            tag("h2", say("calendar")),
            tag("p", say("calendar_note"), class_="note"),
            self._legend(),
            tag("div", *months(days, say, self._numbers), class_="months"),
            self._hidden(head, rows),
        )

    def _legend(self) -> Markup:
        say = self._say
        items = [tag("li", self._mark(level), say.level(level)) for level in SHOWN]
        return tag("ul", *items, class_="legend")

    def _map(self) -> Markup:
        say, report, spots = self._say, self._report, self._report.spots
        if not spots or (report.scope and report.scope.kind == "place"):
            return Markup("")
        rows = [
            [
                spot.place.name,
                join([self._mark(spot.level), Markup(say.spot(spot))]),
                say.count(spot.incidents),
                ", ".join(f"{say.hazard(name)} {count}" for name, count in spot.counts) or "–",
            ]
            for spot in sorted(spots, key=lambda spot: -spot.incidents)
        ]
        head = [say("place"), say("level"), say("incidents"), say("hazards")]
        return tag(
            "section",
            tag("h2", say("map")),
            tag("p", say("map_note"), class_="note"),
            tag(
                "div",
                tag("figure", places_map(spots, say, self._numbers.new())),
                tag("div", self._table(head, rows), class_="scroll", tabindex="0"),
                class_="two",
            ),
        )

    # How right it was

    def _skill(self) -> Markup:
        report, say = self._report, self._say
        return tag(
            "section",
            tag("h2", say("skill")),
            tag("div", self._performance(report.scored), self._reliability(), class_="two"),
        )

    def _performance(self, scored: Scored | None) -> Markup:
        say, report = self._say, self._report
        scores = [*(scored.scores if scored else ()), *report.sources_scored]
        parts = [tag("h3", say("performance"))]
        if not scores:
            return tag("div", *parts, tag("p", say("no_performance"), class_="note"))
        if scored:
            said = say(
                "performance_events",
                n=scored.occurrences,
                first=scored.first_day,
                last=scored.last_day,
                zone=scored.timezone,
                least=scored.min_events,
            )
            parts.append(tag("p", said, class_="note"))
        if report.sources_scored:
            parts.append(tag("p", say("performance_record"), class_="note"))
        parts.append(tag("figure", performance(scores, say, self._numbers.new())))
        parts.append(tag("p", say("performance_note"), class_="note"))
        known = [s for s in scores if s.pod is not None and s.far is not None]
        rows = [[*self._named(s, known), *_numbers(s, say)] for s in scores]
        head = [
            "",
            "POD",
            "FAR",
            "CSI",
            say("bias"),
            say("hits"),
            say("misses"),
            say("false_alarms"),
        ]
        table = self._table(head, rows, numbers_from=1)
        return tag("div", *parts, tag("div", table, class_="scroll", tabindex="0"))

    def _named(self, score: ScorePoint, known: Sequence[ScorePoint]) -> Row:
        said = tag("span", point_name(score, self._say))
        if score not in known:
            return [said]
        return [join([key_mark(known.index(score), self._numbers.new()), said])]

    def _reliability(self) -> Markup:
        say, rows = self._say, self._report.foretold
        parts = [tag("h3", say("reliability"))]
        if not rows:
            return tag("div", *parts, tag("p", say("no_reliability"), class_="note"))
        told = [
            [
                row.source,
                say(row.lead),
                str(row.told),
                str(row.came_true),
                str(row.false_alarms),
                str(row.not_verifiable),
                say.number(row.ratio, 2),
                "–" if row.interval is None else " … ".join(say.number(v, 2) for v in row.interval),
            ]
            for row in rows
        ]
        head = [say("source"), say("lead"), say("forecasts"), say("came_true"), say("false_alarms")]
        head += [say("not_verifiable"), "1 − FAR", "95 %"]
        return tag(
            "div",
            *parts,
            tag("p", say("reliability_note"), class_="note"),
            tag("figure", reliability(rows, say, self._numbers.new())),
            self._hidden(head, told, numbers_from=2),
        )

    def _sources(self) -> Markup:
        say = self._say
        rows = [
            [
                source.source,
                say.count(source.readings),
                say.count(source.places),
                "–" if source.answers is None else say.count(source.answers),
                "–" if source.faults is None else say.count(source.faults),
                "–" if source.last_reading_at is None else say.clock(source.last_reading_at),
            ]
            for source in self._report.sources
        ]
        keys = ("source", "readings", "places", "answers", "faults", "last_reading")
        table = self._table([say(key) for key in keys], rows, numbers_from=1)
        return tag(
            "section", tag("h2", say("sources")), tag("div", table, class_="scroll", tabindex="0")
        )

    # Tables and marks

    def _mark(self, level: int, class_: str = "inline") -> Markup:
        name = self._say.level(level) if level else "–"
        return picture([mark(9, 9, 6, level)], 18, 18, name, self._numbers.new(), class_)

    def _hidden(self, head: Sequence[str], rows: Sequence[Row], numbers_from: int = 99) -> Markup:
        table = self._table(head, rows, numbers_from)
        return tag(
            "details",
            tag("summary", self._say("table")),
            tag("div", table, class_="scroll", tabindex="0"),
        )

    def _table(self, head: Sequence[str], rows: Sequence[Row], numbers_from: int = 99) -> Markup:
        def cells(name: str, row: Row, **more: str) -> Markup:
            return tag(
                "tr",
                *(
                    tag(name, cell, class_="n" if i >= numbers_from else None, **more)
                    for i, cell in enumerate(row)
                ),
            )

        return tag(
            "table",
            tag("thead", cells("th", head, scope="col")),
            tag("tbody", *(cells("td", row) for row in rows)),
        )


def _numbers(score: ScorePoint, say: Say) -> list[str]:
    shares = [say.number(value, 2) for value in (score.pod, score.far, score.csi, score.bias)]
    return [*shares, *(str(n) for n in (score.hits, score.misses, score.false_alarms))]
