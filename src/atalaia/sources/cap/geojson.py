"""Warnings of the US National Weather Service: GeoJSON, with the words of CAP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from atalaia.domain.issued import hazard_of
from atalaia.domain.official import Official, OfficialArea, OfficialText, name_of
from atalaia.sources.cap.fields import Fields
from atalaia.sources.cap.found import MOST_WARNINGS, WarningsFound
from atalaia.sources.rejects import Rejects, Unreadable, shown


class GeojsonReader:
    """Reads one document."""

    def __init__(self, found: WarningsFound, fields: Fields, rejects: Rejects) -> None:
        self._found = found
        self._fields = fields
        self._rejects = rejects

    def read(self, value: Any) -> None:
        """A collection of features, or one."""
        features = value.get("features", [value]) if isinstance(value, dict) else None
        if not isinstance(features, list):
            raise Unreadable("neither CAP nor an index of it", "JSON without features")
        for feature in features[:MOST_WARNINGS]:
            try:
                self._feature(feature)
            except (AttributeError, TypeError, ValueError, KeyError) as error:
                self._rejects.add("not a warning", f"{type(error).__name__} in a feature")
        if len(features) > MOST_WARNINGS:
            self._rejects.add("too many warnings", f"{len(features)}, at most {MOST_WARNINGS}")

    def _feature(self, feature: Any) -> None:
        told = feature["properties"]
        type_ = str(told.get("messageType"))
        if not self._found.is_warning(str(told.get("status")), type_):
            return
        sender, identifier = str(told["sender"]), str(told["id"])
        parameters = told.get("parameters") or {}
        headline = parameters.get("NWSheadline") or [""]
        text = OfficialText(
            str(told.get("language") or "en-US"),
            str(told["event"]),
            str(told.get("headline") or headline[0]),
            str(told.get("description") or ""),
            str(told.get("instruction") or ""),
        )
        codes = [*_listed(told.get("eventCode")), *_listed(parameters)]
        ending = (value for name, value in codes if name.casefold() == "eventendingtime")
        urgency = str(told.get("urgency") or "Unknown")
        response = str(told.get("response") or "")
        references = tuple(
            name_of(str(one.get("sender", sender)), str(one["identifier"]))
            for one in told.get("references") or ()
        )
        official = Official(
            identifier=identifier,
            sender=sender,
            issuer=str(told.get("senderName") or sender),
            type=type_,
            sent_at=self._fields.time(told.get("sent"), "sent") or self._found.received_at,
            references=self._found.refers(type_, identifier, references),
            hazard=hazard_of([text.event], codes),
            severity=self._fields.severity(str(told.get("severity") or "")),
            urgency=urgency,
            certainty=str(told.get("certainty") or "Unknown"),
            onset_at=self._fields.time(told.get("onset"), "onset"),
            # `expires` is of the text; `ends`, where it is known, of what it warns of.
            expires_at=self._fields.time(told.get("ends"), "ends")
            or self._fields.time(next(ending, ""), "eventEndingTime")
            or self._fields.time(told.get("expires"), "expires"),
            texts=(text,),
            areas=self._areas_of(feature, told),
            web=str(told.get("@id") or ""),
            is_all_clear=urgency.casefold() == "past" or response.casefold() == "allclear",
        )
        self._found.keep(official)

    def _areas_of(self, feature: Any, told: Any) -> tuple[OfficialArea, ...]:
        """What has no hole as one area, and each polygon that has some as one of its own."""
        geometry = feature.get("geometry") or {}
        kind = geometry.get("type")
        if kind not in ("Polygon", "MultiPolygon", None):
            self._rejects.add("not a polygon", shown(str(kind)))
        coordinates = geometry["coordinates"] if kind in ("Polygon", "MultiPolygon") else []
        polygons = [
            [ring for each in polygon if (ring := self._fields.ring_of(each))]
            for polygon in ([coordinates] if kind == "Polygon" else coordinates)
        ]
        description = str(told.get("areaDesc") or "")
        area = OfficialArea(
            description=description,
            polygons=tuple(rings[0] for rings in polygons if len(rings) == 1),
            geocodes=tuple(_listed(told.get("geocode"))),
        )
        holed = tuple(
            OfficialArea(description, polygons=(rings[0],), excluded=tuple(rings[1:]))
            for rings in polygons
            if len(rings) > 1
        )
        return (area, *holed) if area.polygons or area.geocodes or not holed else holed


def _listed(value: Any) -> Iterator[tuple[str, str]]:
    """An object of lists as pairs, where it is one."""
    for name, each in value.items() if isinstance(value, dict) else ():
        for one in each if isinstance(each, list) else [each]:
            yield str(name), str(one)
