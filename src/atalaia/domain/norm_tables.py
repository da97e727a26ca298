"""What is usual at each place, looked up for rows of readings: fills `detect.values.Usual`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from atalaia.domain.chance_record import NO_RECORD, ChanceRecord
from atalaia.domain.local import local_month_and_hour
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints
from atalaia.domain.rule import Rule


class Norms:
    """The norms that a rule set names, in memory.

    tables   by the rule's name, shape (places, 12 months, 24 local hours), in the variable's unit;
             NaN where a place has no such norm
    missing  by the rule's name: ids of the places at which it says nothing
    chances  what became of the home's chances
    """

    def __init__(
        self, places: Places, tables: Mapping[str, Floats], chances: ChanceRecord = NO_RECORD
    ) -> None:
        self._places = places
        self.tables = tables
        self.chances = chances
        self._zones: dict[str, Ints] = {}
        zones = [place.timezone for place in places]
        for zone in dict.fromkeys(zones):
            self._zones[zone] = np.array([i for i, z in enumerate(zones) if z == zone])
        self.missing = {
            name: tuple(
                places[i].id for i in np.flatnonzero(np.isnan(table).all(axis=(1, 2))).tolist()
            )
            for name, table in tables.items()
        }

    def __call__(self, rule: Rule, place: Ints, valid_at: Ints) -> Floats:
        """See `detect.values.Usual`."""
        norm = np.full(len(place), np.nan)
        table = self.tables[rule.name]
        for zone, members in self._zones.items():
            rows = np.flatnonzero(np.isin(place, members)) if len(self._zones) > 1 else slice(None)
            month, hour = local_month_and_hour(valid_at[rows], zone)
            norm[rows] = table[place[rows], month, hour]
        return norm

    def in_words(self) -> list[str]:
        """A line for each rule that says nothing at some places, and which these are."""
        lines = []
        for name, ids in self.missing.items():
            if ids:
                more = f" and {len(ids) - 10} more" if len(ids) > 10 else ""
                lines.append(
                    f"rule {name} says nothing at {', '.join(ids[:10])}{more}: no norm of it is "
                    "known there; see `atalaia climate`"
                )
        return lines
