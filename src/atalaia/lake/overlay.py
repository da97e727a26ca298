"""What GOLD lacks, laid over it for one question: merged as refine would, into a scratch folder."""

from __future__ import annotations

from pathlib import Path

from atalaia.domain.decoded import Decode
from atalaia.domain.place import Places
from atalaia.lake import gold
from atalaia.lake.ensembles import merge_ensembles
from atalaia.lake.merge import (
    merge_alerts,
    merge_all_but,
    merge_answers,
    merge_deliveries,
    write_places,
)
from atalaia.lake.newest import Newest
from atalaia.lake.settled import settled_after
from atalaia.lake.stations import merge_stations
from atalaia.lake.systems import merge_systems
from atalaia.ports import Home, Lake


class Overlay(Lake):
    """A lake over another: what is written here hides what lies below, which stays as it is."""

    def __init__(self, below: Lake, folder: Path) -> None:
        self._below = below
        self._folder = folder
        self._written: set[str] = set()

    def write(self, key: str, body: bytes) -> None:
        """See `ports.Lake.write`; gone with the folder."""
        file = self._folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        self._written.add(key)

    def read(self, key: str) -> bytes:
        """See `ports.Lake.read`."""
        return (self._folder / key).read_bytes() if key in self._written else self._below.read(key)

    def keys(self, prefix: str) -> list[str]:
        """See `ports.Lake.keys`."""
        here = {key for key in self._written if key.startswith(prefix)}
        return sorted(here.union(self._below.keys(prefix)))

    def delete(self, key: str) -> None:
        """Forget what was written here; what lies below cannot be deleted from here."""
        self._written.discard(key)

    def path(self, key: str) -> Path | str:
        """See `ports.Lake.path`; not for globs."""
        return self._folder / key if key in self._written else self._below.path(key)


def lay_over(over: Overlay, home: Home, decode: Decode, places: Places, wanted: set[str]) -> None:
    """Merge into the overlay what GOLD lacks of the tables that are wanted."""
    if wanted & {"readings", "answers", "stations", "station_readings", "ensembles"}:
        newest = Newest(home, decode)
        for readings, stations, counts in newest.told():
            merge_all_but(over, readings, places)
            merge_stations(over, stations)
            merge_ensembles(over, counts, places)
        merge_answers(over, newest.answers)
    if wanted & {"alerts", "systems"}:
        after = home.state.offset(gold.ALERTS_REFINED)
        entries = [entry for _, entry in home.state.alerts(after)]
        if "alerts" in wanted:
            merge_alerts(over, entries)
        if "systems" in wanted:
            merge_systems(over, entries, places)
    if "deliveries" in wanted:
        after = home.state.offset(gold.DELIVERIES_REFINED)
        for _, settled in settled_after(home.outbox, home.state, after):
            merge_deliveries(over, settled)
    if "places" in wanted:
        write_places(over, places)
