"""A report as PDF or as one PNG: the same words, tables and pictures as the page's, set by Typst.

Typst is the extra `report`: one library that sets text, draws our SVG as it is, and makes tagged
PDF (PDF/UA-1: title, language, headings, tables, a text for each picture). What a report says comes
to it as JSON and is text there whatever it says: no name of a place is ever read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from importlib import import_module
from importlib.resources import files
from typing import Any, Literal

import msgspec

from atalaia.domain.alert import is_last
from atalaia.domain.signs import COLOURS, VERSIONS
from atalaia.errors import AtalaiaError
from atalaia.report.pictures.calendar import months
from atalaia.report.pictures.places import places_map
from atalaia.report.pictures.skill import performance, reliability
from atalaia.report.pictures.timeline import WIDE, timeline
from atalaia.report.reported import IncidentReport, Report
from atalaia.report.sections import (
    LevelCell,
    TableCell,
    about,
    period_of,
    sections_of,
    title_of,
)
from atalaia.report.svg import Markup, Numbers, mark, picture
from atalaia.report.words import SHOWN, Say

Format = Literal["pdf", "png"]

MOST_ROWS = 200
"""Of a table on paper."""

_PPI = 120
_MOST_PIXELS = 30_000
"""Of a picture's height: what is longer is drawn with fewer an inch."""

_FONTS = str(files("atalaia") / "data" / "fonts")
_RULES = re.compile(r"([^{}]+)\{([^{}]*)\}")
_VARIABLE = re.compile(r"var\(--([a-z0-9-]+)\)")
_OF_SCREENS = re.compile(r"svg\.|^svg$")
_LOCALES = {"pt-BR": ("pt", "BR"), "en": ("en", "US"), "es": ("es", "ES")}

Block = dict[str, Any]


def printed(report: Report, language: str, format_: Format, colours: str = "ordinary") -> bytes:
    """The file. Raises AtalaiaError where Typst is not installed."""
    try:
        typst: Any = import_module("typst")  # its own types leave several files out
    except ImportError as error:
        raise AtalaiaError(
            f"{format_.upper()} needs the extra `report`: pip install 'atalaia[report]'; "
            "--format html needs nothing more"
        ) from error
    is_paper = format_ == "pdf"
    told = _Printed(report, Say(language), colours, is_paper=is_paper).told()
    source = {
        "main": (files(__package__) / "report.typ").read_bytes(),
        "report.json": msgspec.json.encode(told | {"is_long": not is_paper}),
    }
    common = {"font_paths": [_FONTS], "format": format_, "timestamp": report.made_at}
    if format_ == "png":
        return _whole(typst, source, common)
    try:
        pdf = typst.compile(source, ignore_system_fonts=True, pdf_standards="ua-1", **common)
    except typst.TypstError:
        # Letters that no font here has: the machine's fonts may, and without them a sign is drawn.
        pdf = typst.compile(source, **common)
    return bytes(pdf)


def _whole(typst: Any, source: dict[str, bytes], common: dict[str, Any]) -> bytes:
    """One picture, however long the page is."""
    drawn = bytes(typst.compile(source, ppi=_PPI, **common))
    height = int.from_bytes(drawn[20:24])
    if height > _MOST_PIXELS:
        ppi = max(1.0, _PPI * _MOST_PIXELS / height)
        drawn = bytes(typst.compile(source, ppi=ppi, **common))
    return drawn


class _Printed:
    def __init__(self, report: Report, say: Say, version: str, *, is_paper: bool) -> None:
        self._report, self._say = report, say
        self._numbers = Numbers()
        self._style = _style(version, is_paper=is_paper)

    def told(self) -> dict[str, Any]:
        """All that `report.typ` lays out."""
        report, say = self._report, self._say
        scope = report.scope
        lang, region = _LOCALES[say.language]
        lines = [period_of(report, say), about(scope, say) if scope else "", report.home]
        return {
            "lang": lang,
            "region": region,
            "title": title_of(report, say),
            "kind": say("title"),
            "lines": [line for line in lines if line],
            "foot": say("not_official"),
            "made": f"Atalaia, {say('made', at=say.day(report.made_at))}",
            "page": say("page_of"),
            "blocks": list(self._blocks()),
        }

    def _blocks(self) -> Iterator[Block]:
        report, say = self._report, self._say
        yield self._figures()
        for section in sections_of(report, say):
            yield _heading(section.title)
            yield from (_note(note) for note in section.notes)
            if section.rows:
                yield from self._table(section.head, section.rows, section.numbers_from)
        if report.storm is not None:
            yield from self._storm(report.storm)
        elif report.scope is None:
            yield from (_heading(say("storm")), _note(say.no_storm(report.days)))
        yield _heading(say("calendar"))
        yield _note(say("calendar_note"))
        yield {"kind": "legend", "items": [self._level(level) for level in SHOWN]}
        shown = months(report.days, say, self._numbers)
        yield {"kind": "months", "pictures": [self._picture(one) for one in shown]}
        if report.spots and not (report.scope and report.scope.kind == "place"):
            yield _heading(say("map"))
            yield _note(say("map_note"))
            yield self._drawn(places_map(report.spots, say, self._numbers.new()), 0.62)
        if report.scope is None:
            yield from self._skill()
        if not report.sources:
            return
        yield _heading(say("sources"))
        keys = ("source", "readings", "places", "answers", "faults", "last_reading")
        rows = [
            (
                one.source,
                *("–" if n is None else say.count(n) for n in (one.readings, one.places)),
                *("–" if n is None else say.count(n) for n in (one.answers, one.faults)),
                "–" if one.last_reading_at is None else say.clock(one.last_reading_at),
            )
            for one in report.sources
        ]
        yield from self._table([say(key) for key in keys], rows, 1)

    def _figures(self) -> Block:
        report, say = self._report, self._say
        items = [
            {"sign": None, "n": say.count(sum(report.levels)), "name": say("incidents")},
            {"sign": None, "n": say.count(report.alerts), "name": say("alerts")},
        ]
        for level, count in reversed(list(zip(SHOWN, report.levels, strict=True))):
            if count or level > SHOWN[0]:
                told = self._level(level)
                items.append({"sign": told["sign"], "n": say.count(count), "name": told["name"]})
        return {"kind": "figures", "items": items}

    def _storm(self, storm: IncidentReport) -> Iterator[Block]:
        say = self._say
        yield _heading(f"{say.capital(say.hazard(storm.hazard))} · {storm.place}")
        facts = [say.level(storm.level)]
        if storm.peak is not None and storm.peak_at is not None:
            worst = say.worst(storm.measure, is_below=storm.is_below)
            value = say.figure(storm.peak, storm.unit, storm.measure)
            what = say.measured(storm.variable, storm.measure, storm.window_s)
            facts.append(f"{worst} {value} · {what} · {say.minute(storm.peak_at, storm.zone)}")
        facts.append(say(storm.status))
        yield {"kind": "facts", "sign": self._level(storm.level)["sign"], "text": " · ".join(facts)}
        if storm.variable is not None and not storm.is_same_rule:
            yield _note(say("other_rule"))
        if storm.variable is not None and not storm.lines:
            yield _note(say("nothing_measured"))
        yield self._drawn(timeline(storm, say, WIDE, self._numbers.new()), 1.0)
        yield {"kind": "heading", "level": 3, "text": say("told")}
        yield {
            "kind": "told",
            "items": [
                {
                    "sign": self._level(0 if is_last(one.type) else one.level)["sign"],
                    "at": f"{one.version}. {say.minute(one.sent_at, storm.zone)}",
                    "text": one.text[say.i],
                }
                for one in storm.entries[:MOST_ROWS]
            ],
        }
        if len(storm.entries) > MOST_ROWS:
            yield _note(say("more_rows", n=len(storm.entries) - MOST_ROWS))

    def _skill(self) -> Iterator[Block]:
        report, say = self._report, self._say
        yield _heading(say("skill"))
        scores = [*(report.scored.scores if report.scored else ()), *report.sources_scored]
        if scores:
            yield self._drawn(performance(scores, say, self._numbers.new()), 0.62)
        else:
            yield _note(say("no_performance"))
        if report.foretold:
            yield self._drawn(reliability(report.foretold, say, self._numbers.new()), 0.62)
        else:
            yield _note(say("no_reliability"))

    def _table(
        self, head: Sequence[str], rows: Sequence[Sequence[TableCell]], numbers_from: int
    ) -> Iterator[Block]:
        shown = [
            [self._level(cell.level) if isinstance(cell, LevelCell) else cell for cell in row]
            for row in rows[:MOST_ROWS]
        ]
        yield {"kind": "table", "head": list(head), "rows": shown, "numbers_from": numbers_from}
        if len(rows) > MOST_ROWS:
            yield _note(self._say("more_rows", n=len(rows) - MOST_ROWS))

    def _level(self, level: int) -> Block:
        name = self._say.level(level) if level else "–"
        shape = picture([mark(9, 9, 6, level)], 18, 18, name, self._numbers.new())
        return {"sign": self._picture(shape)["svg"], "name": name}

    def _drawn(self, drawn: Markup, width: float) -> Block:
        return {"kind": "picture", "width": width, **self._picture(drawn)}

    def _picture(self, drawn: Markup) -> Block:
        """An SVG that stands alone, and what it says in words."""
        alt = re.search(r"<title[^>]*>(.*?)</title>", drawn)
        told = unescape(alt[1]) if alt else ""
        head = '<svg xmlns="http://www.w3.org/2000/svg" font-family="Public Sans" '
        svg = drawn.replace("<svg ", head, 1).replace(">", f"><style>{self._style}</style>", 1)
        return {"svg": svg, "alt": told}


def _heading(text: str) -> Block:
    return {"kind": "heading", "level": 2, "text": text}


def _note(text: str) -> Block:
    return {"kind": "note", "text": text}


def _style(version: str, *, is_paper: bool) -> str:
    """The page's rules for what is drawn, on white, without variables, which only browsers know.
    On paper a level is lighter or darker than another also in grey."""
    page = (files(__package__) / "report.css").read_text("utf-8")
    paper = page[page.index("@media print") :]
    known = dict(re.findall(r"--([a-z0-9-]+):\s*([^;]+);", page[: page.index("@media")]))
    known |= dict(re.findall(r"--([a-z0-9-]+):\s*([^;]+);", paper))
    known |= COLOURS["print" if is_paper else VERSIONS[version][0]]
    drawn = page[page.index("svg { display") : page.index("@media (min-width")]
    rules = [
        f"{selector.strip()} {{{body.strip()}}}"
        for selector, body in _RULES.findall(drawn)
        if not _OF_SCREENS.search(selector.strip())
    ]
    return _VARIABLE.sub(lambda found: known[found[1]].strip(), "".join(rules))
