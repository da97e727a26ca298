"""Letters that tests send: heavy rain at Recife, in three languages and at all its moments."""

from __future__ import annotations

import msgspec

from atalaia.domain.alert import Alert, LogEntry
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter
from atalaia.domain.message import Content, compose, confirmation
from atalaia.domain.place import Place

NOON = 1_768_046_400  # 2026-01-10T12:00Z


def alert(place_id: str = "recife", level: str = "red", **changes: object) -> Alert:
    base = Alert(
        incident=f"inc-{place_id}-{level}",
        version=1,
        type="alert",
        place_id=place_id,
        hazard="heavy_rain",
        level=level,
        severity="Extreme",
        urgency="Immediate",
        certainty="Observed",
        sent_at=NOON,
        onset_at=NOON - 3600,
        expires_at=NOON + 86400,
        evidence="observed",
        source="station",
        valid_at=NOON - 720,
        variable="rain_mm",
        window_s=3600,
        value=71.2,
        unit="mm",
        limit=60.0,
        rule="rain_1h",
        reason="onset",
        text={"pt-BR": "…", "en": "…", "es": "…"},
    )
    return msgspec.structs.replace(base, **changes)


def content(
    *alerts: Alert, language: str = "pt-BR", place: str = "Recife", others: str = "Olinda"
) -> Content:
    alerts = alerts or (alert(),)
    entries = [
        LogEntry(
            alert=one,
            places=(one.place_id,),
            opened_at=NOON - 3600,
            peak_level=one.level,
            peak=71.2,
            peak_at=NOON - 720,
        )
        for one in alerts
    ]
    places = {
        key: Place(id=key, name=name, latitude=-8.05, longitude=-34.9, timezone="America/Recife")
        for key, name in (("recife", place), ("olinda", others))
    }
    return compose(entries, places, language, NOON)


def letter(channel: str, address: str, said: Content | None = None, **changes: object) -> Letter:
    secret = str(changes.pop("secret", ""))
    base = Letter(
        id="msg_abcdefghijklmnop",
        contact=Contact(channel, address, secret),
        content=said or content(),
        sent_at=NOON,
    )
    return msgspec.structs.replace(base, **changes)


def confirm(channel: str, address: str, language: str = "pt-BR", **changes: object) -> Letter:
    return letter(channel, address, confirmation("482913", language), **changes)
