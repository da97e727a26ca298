"""Files of requests: the good rows are taken, the bad ones told without anybody's address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atalaia.domain.contact import Contact
from atalaia.domain.rule import RuleSet
from atalaia.domain.subscription import Circle, Quiet, Threshold
from atalaia.errors import SettingsInvalid
from atalaia.people.importing import COLUMNS, Row, read_requests
from atalaia.people.subscribe import subscribe
from atalaia.rules import load
from people.world import NOW, World

TOWNS = {
    "Recife": Circle(name="Recife", latitude=-8.05, longitude=-34.88),
    "Olinda": Circle(name="Olinda", latitude=-8.01, longitude=-34.86),
}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load("inmet")


def find(name: str) -> Circle:
    if name not in TOWNS:
        raise ValueError(f"no town is called {name!r}")
    return TOWNS[name]


def read(tmp_path: Path, text: str | bytes, rules: RuleSet, proof: str = "") -> list[Row | str]:
    file = tmp_path / "people.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    rows = read_requests(file, rules, find, proof=proof)
    return [row.replace(f"{file}:", "") if isinstance(row, str) else row for row in rows]


def test_a_row_says_all_that_a_person_can_ask_for(tmp_path: Path, rules: RuleSet) -> None:
    text = (
        "sms,email,place,radius_km,hazards,thresholds,language,quiet,timezone,organisation,"
        "escalate_after_min,proof\n"
        '+55 81 99999-0000,canary@Mail.org,"Recife | -8.5,-35",10,heavy_rain=orange|wind,'
        "rain_mm over 1h >= 35,es,22:00-07:00,America/Recife,sim,5,form 12\n"
    )
    (row,) = read(tmp_path, text, rules)
    assert isinstance(row, Row)
    asked = row.request
    assert asked.contacts == (
        Contact("sms", "+5581999990000"),
        Contact("email", "canary@mail.org"),
    )
    assert [(a.name, a.radius_km) for a in asked.where] == [("Recife", 10), ("-8.5, -35", 10)]
    assert asked.hazards == {"heavy_rain": "orange", "wind": "yellow"}
    assert asked.thresholds == (Threshold("rain_mm", 3600, 35.0, "heavy_rain"),)
    assert asked.quiet == Quiet(1320, 420, "America/Recife")
    assert (asked.language, asked.is_organisation, asked.escalate_after_s) == ("es", True, 300)
    assert (asked.how, asked.proof) == ("import", "form 12")


def test_json_lines_say_the_same_and_areas_too(tmp_path: Path, rules: RuleSet) -> None:
    ring = [[-35, -9], [-34, -9], [-34, -8], [-35, -9]]
    area = {"type": "Polygon", "coordinates": [ring]}
    rows = [
        {"telegram": 123456789, "place": ["Recife", "Olinda"], "hazards": ["wind=red"]},
        {"inbox": True, "area": {"type": "Feature", "properties": {}, "geometry": area}},
    ]
    text = "\n".join(json.dumps(row) for row in rows)
    one, two = read(tmp_path, text, rules, proof="list of May")
    assert isinstance(one, Row)
    assert isinstance(two, Row)
    assert one.request.contacts == (Contact("telegram", "123456789"),)
    assert [a.name for a in one.request.where] == ["Recife", "Olinda"]
    assert one.request.proof == "list of May"
    assert two.request.contacts == (Contact("inbox", ""),)
    assert two.line == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_spreadsheet_s_own_way_of_writing_is_read(
    tmp_path: Path, rules: RuleSet, encoding: str
) -> None:
    text = "Email;Place;Organisation\r\ncanary@mail.org;Recife;não\r\n;;\r\n"
    (row,) = read(tmp_path, text.encode(encoding), rules)
    assert isinstance(row, Row)
    assert not row.request.is_organisation


SECRETS = ("mail.org", "99999", "81999", "7712345678", "canary")

BAD = [
    ("no-at.canary.org,Recife,", "email: this is not an address"),
    ("canary@mail.org,,", "say where"),
    (",Recife,", "name at least one contact"),
    ("canary@mail.org,Atlantis,", "place: no town is called 'Atlantis'"),
    ("canary@mail.org,canary@mail.org,", "place: this cannot be read; write a town"),
    ("canary@mail.org,+55 81 99999-0000,", "place: this cannot be read"),
    ("canary@mail.org,7712345678,", "place: this cannot be read"),
    ("canary@mail.org,https://canary.org/x,", "place: this cannot be read"),
    ("canary@mail.org,Recife,storms", "hazards: there is no hazard 'storms'"),
    ("canary@mail.org,Recife,canary@mail.org", "hazards: this cannot be read; write for example"),
    ("canary@mail.org,Recife,wind,7712345678", "4 cells under 3 columns"),
]


@pytest.mark.parametrize(("line", "said"), BAD)
def test_a_bad_row_is_told_by_its_line_without_an_address_and_the_others_go_on(
    tmp_path: Path, rules: RuleSet, line: str, said: str
) -> None:
    good = "bia@example.org,Olinda,"
    one, bad, two = read(tmp_path, f"email,place,hazards\n{good}\n{line}\n{good}\n", rules)
    assert isinstance(one, Row)
    assert isinstance(two, Row)
    assert isinstance(bad, str)
    assert bad.startswith(f"3: {said}")
    assert not any(secret in bad for secret in SECRETS)
    assert two.line == 4


@pytest.mark.parametrize(
    "line",
    [
        "{broken",
        '{"email": "canary@mail.org", "who": "canary"}',
        '{"email": "canary@mail.org", "place": "Recife", "radius_km": "canary"}',
        '{"email": "canary@mail.org", "place": "Recife", "radius_km": NaN}',
        '{"email": "canary@mail.org", "place": "Recife", "radius_km": 1e999}',
        '{"email": "canary@mail.org", "place": "Recife", "quiet": [1, "canary@x.org"]}',
        '{"email": "canary@mail.org", "area": {"type": "Point", "canary": 1}}',
        '{"email": "a@canary.org", "area": {"type": "Polygon", "coordinates": [[["canary"]]]}}',
        '{"email": ["canary@mail.org"], "place": "Recife"}',
        '{"email": "canary@mail.org", "place": "Recife", "organisation": "7712345678"}',
        '{"email": "canary@mail.org", "place": "Recife", "thresholds": "canary@x >= 3"}',
        '{"email": "canary@mail.org", "place": "Recife", "language": "canary"}',
        "[" * 2000,
        "[1]",
    ],
)
def test_a_bad_object_is_told_by_its_line_without_an_address(
    tmp_path: Path, rules: RuleSet, line: str
) -> None:
    good = '{"email": "bia@example.org", "place": "Olinda"}'
    one, bad = read(tmp_path, f"{good}\n{line}\n", rules)
    assert isinstance(one, Row)
    assert isinstance(bad, str)
    assert bad.startswith("2: ")
    assert not any(secret in bad for secret in SECRETS)


def test_a_file_without_a_header_is_refused_without_quoting_it(
    tmp_path: Path, rules: RuleSet
) -> None:
    (told,) = read(tmp_path, "canary@mail.org,Recife\nbia@example.org,Recife\n", rules)
    assert isinstance(told, str)
    assert told.startswith("1: column 1, 2 has no name of its own; columns are webpush")
    assert "canary" not in told


def test_a_quote_that_is_not_closed_is_a_bad_row(tmp_path: Path, rules: RuleSet) -> None:
    rows = read(tmp_path, 'email,place\n"canary@mail.org,Recife\n', rules)
    assert all(isinstance(row, str) and "canary" not in row for row in rows)
    assert rows


def test_an_empty_file_has_nobody_in_it(tmp_path: Path, rules: RuleSet) -> None:
    assert read(tmp_path, "email,place\n", rules) == []
    with pytest.raises(SettingsInvalid, match="No such file"):
        list(read_requests(tmp_path / "none.csv", rules, find))


def test_every_column_is_explained() -> None:
    from atalaia.people import importing

    assert importing.__doc__ is not None
    assert all(name in importing.__doc__ for name in COLUMNS)


def test_many_rows_with_proof_are_told_at_once(w: World, tmp_path: Path, rules: RuleSet) -> None:
    lines = "".join(f"n{i}@example.org,Recife\n" for i in range(50))
    for row in read(tmp_path, "email,place\n" + lines, rules, proof="list of May"):
        assert isinstance(row, Row)
        assert subscribe(w.registry, row.request, NOW, w.admit).confirmed == ("email",)
    assert sum(one.person is not None for one in w.registry.load()) == 50
