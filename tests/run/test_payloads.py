"""Payloads in a file lived through as they arrived, and a home's past cut to such a file."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from atalaia import rules as rule_sets
from atalaia.batch.archive import archive
from atalaia.cli import app
from atalaia.cli.replays import replay_payloads
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.errors import AtalaiaError, PayloadInvalid, StateConflict
from atalaia.homes.embedded import open_home
from atalaia.people.bodies import MAGIC
from atalaia.replay.cut import cut
from atalaia.replay.lines import lines_of, read_payloads
from atalaia.sources.recorded import read_places
from stories import PLACES_HEADER

AT = 1_789_416_000  # 2026-09-14T20:00:00Z


def pushed(at: int, gust: float | None, place: str = "alfa", minute: int = 0) -> dict[str, Any]:
    row = {"place_id": place, "valid_at": told(at), "wind_gust_m_s": gust}
    return {
        "received_at": told(at + minute * 60),
        "source": "station",
        "content": "readings-json",
        "body": json.dumps([row]),
    }


def told(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def written(path: Path, *lines: dict[str, Any] | str) -> Path:
    text = (one if isinstance(one, str) else json.dumps(one) for one in lines)
    path.write_text("\n".join(text) + "\n")
    return path


@pytest.fixture
def where(tmp_path: Path) -> Places:
    path = tmp_path / "places.csv"
    path.write_text(PLACES_HEADER + "alfa,Alfa,-22.9,-43.2,UTC,\nbeta,Beta,-23,-44,UTC,\n")
    return Places(read_places(path))


WARNING = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>W1</identifier>
<sender>office@example.org</sender><sent>2026-09-14T20:00:00+00:00</sent><status>Actual</status>
<msgType>Alert</msgType><scope>Public</scope><info><event>Wind</event><urgency>Expected</urgency>
<severity>Severe</severity><certainty>Likely</certainty><expires>2026-09-15T20:00:00+00:00</expires>
<area><areaDesc>Here</areaDesc><circle>-22.9,-43.2 5</circle></area></info></alert>"""


def test_payloads_are_lived_through_in_their_order_on_their_clock(
    tmp_path: Path, where: Places
) -> None:
    lines = [
        pushed(AT, 25.0),
        {"received_at": told(AT + 30), "source": "cap:example", "content": "feed", "body": WARNING},
        {"received_at": told(AT + 4 * 3600)},
    ]
    file = written(tmp_path / "payloads.ndjson", *lines)
    done = replay_payloads(where, [file], rule_sets.load("inmet"))
    assert [(e.alert.hazard, e.alert.rule, e.alert.sent_at, e.places) for e in done.entries] == [
        ("wind", "gust", AT, ("alfa",)),
        ("wind", "official", AT + 30, ("alfa",)),
        ("cannot_see", "cannot_see", AT + 4 * 3600, ("alfa",)),
    ]
    assert (done.readings, done.silent, done.sources) == (1, ["beta"], ["station"])


def test_a_line_that_is_no_payload_costs_itself_alone(tmp_path: Path, where: Places) -> None:
    base = {"received_at": told(AT), "source": "station", "content": "readings-json"}
    file = written(
        tmp_path / "payloads.ndjson",
        "{",
        {"received_at": "yesterday", "source": "station"},
        {"received_at": "2026-09-14T20:00:00", "source": "station"},
        {"received_at": told(AT), "content": "readings-json", "body": "[]"},
        base | {"body": "a", "body_text": "b"},
        base | {"body_file": "nowhere.json"},
        base | {"body_file": "../etc/passwd"},
        base | {"source": "nobody", "body": "[]"},
        "",
        pushed(AT, 25.0),
    )
    done = replay_payloads(where, [file], rule_sets.load("inmet"))
    assert [(r.reason, r.detail.split(" ")[0]) for r in done.rejected] == [
        ("not JSON", "payloads.ndjson:1:"),
        ("not a payload", "payloads.ndjson:2:"),
        ("not a payload", "payloads.ndjson:3:"),
        ("not a payload", "payloads.ndjson:4:"),
        ("not a payload", "payloads.ndjson:5:"),
        ("no body file", "payloads.ndjson:6:"),
        ("not a payload", "payloads.ndjson:7:"),
        ("unknown source", "'nobody'"),
    ]
    assert [e.alert.hazard for e in done.entries] == ["wind"]
    with pytest.raises(PayloadInvalid, match="no payload could be read"):
        replay_payloads(where, [written(tmp_path / "bad.ndjson", "{")], rule_sets.load("inmet"))


def test_a_body_is_the_same_however_it_is_given(tmp_path: Path) -> None:
    body = b'[{"a": "\xc3\xa9"}]'
    (tmp_path / "body.json").write_bytes(body)
    base = {"received_at": told(AT), "source": "station", "content": "c"}
    file = written(
        tmp_path / "p.ndjson",
        base | {"body": body.decode()},
        '{"body": %b, "received_at": "%b", "source": "station", "content": "c"}'.replace(
            "%b", body.decode(), 1
        ).replace("%b", told(AT), 1),
        base | {"body_base64": base64.b64encode(body).decode()},
        base | {"body_text": body.decode()},
        base | {"body_file": "body.json"},
    )
    found = list(read_payloads([file]))
    assert [one.body if isinstance(one, Payload) else one for one in found] == [body] * 5


def test_parts_of_raw_and_their_lines_are_read_and_merged_in_time(tmp_path: Path) -> None:
    payloads = [
        Payload(source=name, content="c", received_at=AT + i * 900, body=body, places=("alfa",))
        for i, (name, body) in enumerate(
            [("a", b'"a JSON text"'), ("b", b"\xff\x00"), ("a", b"<x>\n</x>"), ("b", b"[1]")]
        )
    ]
    with open_home(tmp_path / "home") as home:
        home.stream.append(payloads)
        archive(home.stream, home.state, home.lake)
        parts = [
            Path(home.lake.path(key)) for key in reversed(home.lake.keys("raw/payloads/"))
        ]  # fmt: skip
    assert len(parts) == 2
    assert list(read_payloads(parts)) == payloads
    lines = tmp_path / "lines.ndjson"
    lines.write_bytes(b"".join(lines_of(payloads)))
    assert list(read_payloads([lines])) == payloads


def test_a_cut_of_a_home_tells_what_the_home_told_and_nobodys_data(
    tmp_path: Path, where: Places
) -> None:
    lines = written(tmp_path / "p.ndjson", *(pushed(AT + i * 3600, 25.0 - i) for i in range(6)))
    first = replay_payloads(where, [lines], rule_sets.load("inmet"), home=tmp_path / "home")
    sealed = Payload(source="station", content="c", received_at=AT + 7200, body=MAGIC + b"\x01pXX")
    with open_home(tmp_path / "home") as home:
        home.stream.append([sealed])
        assert cut(home, tmp_path / "report", AT - 60, AT + 3 * 3600) == 4
        with pytest.raises(AtalaiaError, match="nothing arrived then"):
            cut(home, tmp_path / "none", AT - 60, AT)
    report = tmp_path / "report"
    assert Places(read_places(report / "places.csv"))[0] == where[0]
    body = (report / "payloads.ndjson").read_bytes()
    assert b"sealed" not in body
    again = replay_payloads(where, [report / "payloads.ndjson"], rule_sets.load("inmet"))
    assert again.entries == [e for e in first.entries if e.alert.sent_at < AT + 3 * 3600]
    assert first.entries


def test_a_home_that_is_in_use_is_refused(tmp_path: Path, where: Places) -> None:
    file = written(tmp_path / "p.ndjson", pushed(AT, 5.0))
    replay_payloads(where, [file], rule_sets.load("inmet"), home=tmp_path / "home")
    with pytest.raises(StateConflict, match="new --home"):
        replay_payloads(where, [file], rule_sets.load("inmet"), home=tmp_path / "home")
    assert not list(read_payloads([written(tmp_path / "empty", "")]))


def test_the_commands_write_the_alerts_and_the_cut(tmp_path: Path, where: Places) -> None:
    run = CliRunner().invoke
    file = written(tmp_path / "p.ndjson", pushed(AT, 25.0), "{")
    arguments = ["replay", "--payloads", str(file), "--places", str(tmp_path / "places.csv")]
    out, home = tmp_path / "alerts.ndjson", str(tmp_path / "home")
    done = run(app, [*arguments, "--alerts", str(out), "--home", home, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rejected"] == {"not JSON": 1}
    assert [json.loads(line)["places"] for line in out.read_text().splitlines()] == [["alfa"]]
    assert run(app, [*arguments, "x.csv"]).exit_code == 2
    of_no_place = run(app, ["replay", "--payloads", str(file), "--json"])
    assert of_no_place.exit_code == 1, "nobody is watched: nothing was read, which is not calm"
    assert json.loads(of_no_place.stdout)["rejected"] == {"not JSON": 1, "unknown place": 1}
    metar = {"received_at": told(AT), "source": "metar", "content": "metar-raw"}
    stations = written(
        tmp_path / "s.ndjson", metar | {"body": "SBGL 142000Z 12005KT 9999 30/20 Q1012"}
    )
    for_stations_alone = run(app, ["replay", "--payloads", str(stations), "--json"])
    assert for_stations_alone.exit_code == 0, for_stations_alone.output
    assert json.loads(for_stations_alone.stdout)["alerts"] == 0
    report = tmp_path / "report"
    cut_it = ["cut", str(report), "--home", home, "--from", "2026-09-14", "--to"]
    assert run(app, [*cut_it, "2026-09-14T20:01"]).exit_code == 0
    assert [isinstance(one, Reject) for one in read_payloads([report / "payloads.ndjson"])] == [
        False
    ]
