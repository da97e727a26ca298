"""Recorded weather gives the alerts file that it gave: byte for byte, until a change is meant.

SUMS is the one place to edit when what is told changes on purpose. Write the reason beside the
new sum; a sum that changes without one is a fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from atalaia import rules
from atalaia.batch.history import recorded, watched
from atalaia.cli.replays import replay, replay_stream
from atalaia.domain.alert import LogEntry, to_line
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.homes.embedded import open_home
from atalaia.lake.places import note_places
from atalaia.ports import Commit
from atalaia.replay.readings import write_alerts
from atalaia.sources import CLOCK
from atalaia.sources.cap import decoder as cap
from atalaia.sources.recorded import read_places

SUMS = {
    # Each as of commit f5522e7, before the rooms were moved, unless a reason says otherwise.
    # The first four: evidence is what it is (P1 to P4 of docs/incidents.md), and words: values are
    # rounded half up, the worst of what is dangerous when small is its lowest, a change is told as
    # a fall or a rise, and a mean wind that stood in for a gust is named in text and `variable`.
    # All but the last: Spanish says «el 07/06 18:00», where it said «a las 07/06 18:00».
    "new-york-inmet": "356af6f5a5aefb95f4d0a2d0c9cb0cca93f91d763d9e61fff4d5d6c29fcaf254",
    "new-york-basic": "57dca201a2e83bf79d827b60819d4d9485149084a524f51107920cb349409b10",
    "porto-alegre": "63fdc1ce0eb6d80d60e5ffdc4e19a84e683b4530b0faa821bd47ea9b978f2e34",
    # These limits were called rio-flood; what is called so now adds up, and was learned later.
    "rio-flood-limits": "5485d97c3dda861a85952187ecf47aa68d42c7f77c265869aaf54c15455f255e",
    "rio-flood": "923b2ed7584112cb6aa65ed87051f3ba3e158febb76702237aa3a01a8ad4bf1e",
    # Each part of a warning goes by its own areas, level and times, hazards by the issuer's codes
    # first, and a warning of zones without a geometry is a reject.
    "official": "727a77d97a0990d7bfad4435087ca0a89bf553d087d9e5a2728c413536c9a256",
}
"""SHA-256 of the alerts file of each record; that of Rio is tried in test_rio.py."""

PORTO_ALEGRE = """place_id,name,latitude,longitude,timezone
A801,Jardim Botânico,-30.05,-51.17,America/Sao_Paulo
B807,Belém Novo,-30.19,-51.17,America/Sao_Paulo
"""


def sum_of(entries: Iterable[LogEntry]) -> str:
    return hashlib.sha256(b"".join(to_line(entry.alert) + b"\n" for entry in entries)).hexdigest()


def test_a_replay_of_new_yorks_year_writes_the_alerts_file_that_it_wrote(
    nyc: Path, tmp_path: Path
) -> None:
    where = Places(read_places(nyc / "places.csv"))
    done = replay(where, [nyc / "readings.csv"], rules.load("inmet"))
    file = tmp_path / "alerts.ndjson"
    write_alerts(done.entries, file)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == SUMS["new-york-inmet"]


def test_new_yorks_year_is_told_as_it_was_by_the_plainest_rules(nyc: Path) -> None:
    rows, where = recorded([nyc / "readings.csv"], nyc / "places.csv")
    assert sum_of(watched(rows, rules.load("basic"), where)) == SUMS["new-york-basic"]


def test_two_years_of_porto_alegre_are_told_as_they_were(shared: Path, tmp_path: Path) -> None:
    places_file = tmp_path / "places.csv"
    places_file.write_text(PORTO_ALEGRE, "utf-8")
    files = sorted([*(shared / "inmet").glob("A801*"), *(shared / "inmet").glob("B807*")])
    assert len(files) == 4
    rows, where = recorded(files, places_file)
    assert sum_of(watched(rows, rules.load("inmet"), where)) == SUMS["porto-alegre"]


# Official warnings: what services published, received in the order in which it was sent.

WARNED = Places(
    Place(id=i, name=n, latitude=lat, longitude=lon, timezone=zone)
    for i, n, lat, lon, zone in (
        ("brandenburg", "Brandenburg an der Havel", 52.44, 12.44, "Europe/Berlin"),
        ("berlin", "Berlin", 52.52, 13.40, "Europe/Berlin"),
        ("NMZ508", "Upper Tularosa Valley", 33.4, -105.9, "America/Denver"),
        ("aldabra", "Aldabra", -9.42, 46.4, "Indian/Mahe"),
        ("vitoria", "Vitória", -20.32, -40.34, "America/Sao_Paulo"),
    )
)
PUBLISHED = (
    ("cap/nws_alerts_featurecollection_2017-12-05.json", 1_512_515_400),
    ("cap/dwd_cap12_wind_2023-06-23.xml", 1_687_512_000),
    ("live/cap/cap_example.xml", 1_716_125_000),
    ("cap/inmet_rss_item_2026-09-06.xml", 1_788_694_000),
)
"""Files of the recorded data, and when each is taken to have been received (Unix seconds)."""
REPEATED_S = 600
OVER_S = 5 * 86_400


def arrivals(shared: Path) -> list[Payload]:
    """Each warning twice, as a feed repeats it; DWD's is then withdrawn, the rest run out."""
    found = []
    for name, at in PUBLISHED:
        body = (shared / name).read_bytes()
        found += [_said(body, at), _said(body, at + REPEATED_S)]
        if b"@dwd.de" in body:
            found.append(_said(_withdrawal_of(body), at + 2 * REPEATED_S))
        found.append(Payload(source=CLOCK, content="tick", received_at=at + OVER_S, body=b""))
    return found


def _said(body: bytes, at: int) -> Payload:
    return Payload(source=cap.NAME, content=cap.FEED, received_at=at, body=body)


def _withdrawal_of(body: bytes) -> bytes:
    """The same message as a Cancel of itself."""
    text = body.decode("utf-8")
    name, sender, sent = (
        text.partition(f"<{tag}>")[2].partition("<")[0] for tag in ("identifier", "sender", "sent")
    )
    references = text.partition("<references>")[2].partition("<")[0]
    return (
        text.replace(f"<identifier>{name}<", "<identifier>withdrawal<")
        .replace("<msgType>Update<", "<msgType>Cancel<")
        .replace(f"<sent>{sent}<", f"<sent>{sent.replace('T11:14', 'T11:30')}<")
        .replace(f"<references>{references}<", f"<references>{sender},{name},{sent}<")
        .encode()
    )


def test_official_warnings_are_told_as_they_were(shared: Path, tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        note_places(home.state, WARNED)
        payloads = arrivals(shared)
        home.stream.append(payloads)
        home.state.commit(Commit("speed", len(payloads)))
    done, _, _ = replay_stream(tmp_path / "home", rules.load("inmet"))
    assert {entry.alert.type for entry in done.entries} == {"alert", "end", "cancel"}
    assert {entry.alert.place_id for entry in done.entries} == {"brandenburg", "NMZ508", "aldabra"}
    assert sum_of(done.entries) == SUMS["official"]
