"""INMET's RSS items: a table of what the CAP message behind an item's link says."""

from __future__ import annotations

import html
from typing import Any

from atalaia.domain.issued import hazard_of
from atalaia.domain.official import Official, OfficialArea, OfficialText
from atalaia.sources.cap.fields import Fields
from atalaia.sources.cap.found import TYPES, WarningsFound, parts_of
from atalaia.sources.cap.tree import text_of

_SEVERITIES = {
    "perigo potencial": "Moderate",
    "perigo": "Severe",
    "grande perigo": "Extreme",
}


def take_item(item: Any, found: WarningsFound, fields: Fields) -> bool:
    """An item, which says all that its CAP message does, but for the polygon.

    Returns whether it was one.
    """
    rows = _table(text_of(item, "description"))
    type_, event = rows.get("Status", ""), rows.get("Evento", "")
    if type_ not in TYPES or not event:
        return False
    link = text_of(item, "link")
    begins, ends = (fields.local(rows.get(name, "")) for name in ("Início", "Fim"))
    official = Official(
        identifier=text_of(item, "guid") or link,
        sender=parts_of(link).hostname or "inmet",
        issuer="INMET",
        type=type_,
        sent_at=begins or found.received_at,
        hazard=hazard_of([event]),
        severity=_SEVERITIES.get(rows.get("Severidade", "").casefold(), "Unknown"),
        onset_at=begins,
        expires_at=ends,
        texts=(OfficialText("pt-BR", event, text_of(item, "title"), rows.get("Descrição", "")),),
        areas=(OfficialArea(rows.get("Área", "")),),
        web=rows.get("Link Gráfico", "") or link,
    )
    # Where it holds is in the message behind its link.
    found.keep(official, is_whole=not link)
    return True


def _table(text: str) -> dict[str, str]:
    """Of HTML the first cell of each row, a heading, with the text of the next. In linear time."""
    rows: dict[str, str] = {}
    heading, cell, kind = "", [""], ""
    for piece in text.split("<")[1:]:
        tag, _, after = piece.partition(">")
        name = tag.split(maxsplit=1)[0].casefold() if tag.split() else ""
        if name in ("th", "td"):
            cell, kind = [], name
        elif name == "/th" and kind == "th":
            heading, kind = _plain(cell), ""
        elif name == "/td" and kind == "td":
            if heading:
                rows[heading] = _plain(cell)
            heading, kind = "", ""
        cell.append(after)
    return rows


def _plain(pieces: list[str]) -> str:
    text = "".join(pieces)
    try:
        return html.unescape(text).strip()
    except ValueError:  # a number of thousands of digits
        return text.strip()
