"""Commands that ask a home, in this process: lines for people and JSON for programs, all of it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec
import pytest
from typer.testing import CliRunner, Result

from atalaia import ports
from atalaia.api.keys import caller_of, keys_of
from atalaia.cli import app
from atalaia.domain.delivery import Status
from atalaia.domain.hazard import Hazard
from atalaia.domain.place import Places
from atalaia.domain.rule import INDICES
from atalaia.domain.variable import CATALOGUE
from atalaia.errors import QueryInvalid
from atalaia.homes.embedded import open_home
from atalaia.homes.embedded.sql import DuckSql
from atalaia.lake.columns import distinct
from atalaia.lake.query import query
from atalaia.lake.tables import tables
from atalaia.ports import Commit
from atalaia.report.parquet import write_parquet
from atalaia.report.table import _harmless, _timed, render
from atalaia.rules import SHIPPED
from atalaia.sources import decode_all
from patience import LIMIT_S
from stories import objects
from telling import NOON, delivery, message, news


def run(*words: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=stdin)


def said(*words: str | Path, stdin: str | None = None) -> str:
    done = run(*words, stdin=stdin)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that has told of three things, and sent some messages about them."""
    path = tmp_path_factory.mktemp("asked") / "home"
    text = {"pt-BR": "chuva", "en": "[b]rain[/b]", "es": "lluvia"}
    entries = [news(f"i{n}", at=NOON + n, text=text, level="red") for n in range(3)]
    with open_home(path) as opened:
        assert opened.state.commit(Commit("speed", 1, entries=entries))
        for n, (status, reason) in enumerate(
            [(Status.SENT, ""), (Status.DEAD, "blocked"), (Status.DUE, "")]
        ):
            one = message(
                str(n), seqs=(n + 1,), status=status, reason=reason, attempts=1,
                settled_at=NOON + n if status is not Status.DUE else 0,
                channel="sms" if n == 1 else "telegram",
            )  # fmt: skip
            assert opened.outbox.put(one, [delivery(one, f"i{n}")])
    return path


# What was told


def test_the_newest_alerts_stand_last_in_the_language_asked_for(home: Path) -> None:
    lines = said("alerts", "--home", home, "--last", "2", "--language", "en").splitlines()
    assert lines == [
        "2026-01-10T12:00:01+00:00  [b]rain[/b]",
        "2026-01-10T12:00:02+00:00  [b]rain[/b]",
    ]
    assert said("alerts", "--home", home).splitlines()[0].endswith("chuva")
    assert len(said("alerts", "--home", home).splitlines()) == 3


def test_for_programs_an_alert_is_a_line_of_json(home: Path) -> None:
    told = [json.loads(line) for line in said("alerts", "--home", home, "--json").splitlines()]
    assert [one["incident"] for one in told] == ["i0", "i1", "i2"]
    assert set(told[0]["text"]) == {"pt-BR", "en", "es"}


def test_where_nothing_was_told_that_is_said_beside_the_answer(tmp_path: Path) -> None:
    open_home(tmp_path / "home").close()
    done = run("alerts", "--home", tmp_path / "home")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nothing has been told yet" in done.stderr
    assert "give one of pt-BR, en, es" in run("alerts", "--language", "fr").output


# SQL


def test_the_same_question_is_answered_from_an_argument_from_stdin_and_from_a_file(
    home: Path, tmp_path: Path
) -> None:
    query = "SELECT incident, level FROM alerts ORDER BY incident"
    file = tmp_path / "q.sql"
    file.write_text("\ufeff" + query, "utf-8")
    answers = [
        said("sql", query, "--home", home, "--json"),
        said("sql", "-", "--home", home, "--json", stdin=query),
        said("sql", "--file", file, "--home", home, "--format", "json"),
    ]
    assert len(set(answers)) == 1
    assert objects(answers[0])[0] == {"incident": "i0", "level": "red"}


@pytest.mark.parametrize("words", [(), ("SELECT 1", "--file", "x.sql")])
def test_a_question_is_asked_once(home: Path, words: tuple[str, ...]) -> None:
    done = run("sql", *words, "--home", home)
    assert done.exit_code == 2
    assert "give the SQL, - for stdin, or --file; one of them" in " ".join(
        done.output.replace("│", " ").split()
    )


def test_csv_is_read_back_whatever_is_in_it_and_holds_no_formula(home: Path) -> None:
    query = "SELECT 'a,\"b\"' AS x, NULL AS y, '=1+1' AS z, -1 AS n, 'é' AS e"
    (header, row) = list(
        csv.reader(io.StringIO(said("sql", query, "--home", home, "--format", "csv")))
    )
    assert header == ["x", "y", "z", "n", "e"]
    assert row == ['a,"b"', "", "'=1+1", "-1", "é"]


def test_every_table_that_is_described_can_be_asked(home: Path) -> None:
    asked = " UNION ALL ".join(
        f"SELECT '{name}' AS t, count(*) AS n FROM {name}" for name in tables()
    )
    told = objects(said("sql", asked, "--home", home, "--json"))
    assert {one["t"] for one in told} == set(tables())
    assert {one["t"]: one["n"] for one in told}["alerts"] == 3


def test_tables_are_described_with_unit_meaning_and_what_null_means() -> None:
    text = said("tables")
    told = json.loads(said("tables", "--json"))
    assert list(told) == list(tables())
    for name, columns in told.items():
        assert name in text.splitlines()
        for column, about in columns.items():
            assert about["meaning"], (name, column)
    (one,) = json.loads(said("tables", "readings", "--json")).values()
    assert one["rain_mm"]["unit"] == "mm"
    assert "  rain_mm" in said("tables", "readings")
    assert "give one of" in run("tables", "nowhere").output


# What is in force


def test_the_catalogue_is_shown_with_its_reasons() -> None:
    text = said("variables")
    assert len(text.splitlines()) == len(CATALOGUE) + len(INDICES)
    for variable in CATALOGUE.values():
        assert variable.because in text
    assert [one["name"] for one in objects(said("variables", "--json"))] == list(CATALOGUE)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_rule_set_is_shown_in_words_as_json_and_as_it_is_written(
    name: str, tmp_path: Path
) -> None:
    text = said("rules", name)
    told = json.loads(said("rules", name, "--json"))
    assert told["name"] == name
    assert len(text.splitlines()) == len(told["rules"]) + 1
    assert all(rule["hazard"] in set(Hazard) for rule in told["rules"])
    copy = tmp_path / "mine.toml"
    copy.write_text(said("rules", name, "--print"), "utf-8")
    again = json.loads(said("rules", copy, "--json"))
    assert [rule["name"] for rule in again["rules"]] == [rule["name"] for rule in told["rules"]]


@pytest.mark.parametrize(
    ("language", "head", "level"),
    [
        ("pt-BR", "inmet: regras: ", "laranja"),
        ("en", "inmet: rules: ", "orange"),
        ("es", "inmet: reglas: ", "naranja"),
    ],
)
def test_rules_are_shown_in_the_language_that_was_asked_for_or_set(
    language: str, head: str, level: str, tmp_path: Path
) -> None:
    settings = tmp_path / "mine.toml"
    settings.write_text(f'language = "{language}"\n')
    asked = said("rules", "--language", language)
    assert asked == said("rules", "--settings", settings)
    assert asked.startswith(head)
    assert level in asked


def test_a_language_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    done = run("rules", "--language", "fr")
    assert done.exit_code == 2
    assert "pt-BR, en, es" in done.stderr


# Deliveries


def test_messages_are_listed_with_what_became_of_them(home: Path) -> None:
    done = run("deliveries", "--home", home)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    (dead,) = [line for line in lines if "dead" in line]
    assert dead.split()[1:] == ["dead", "sms", "p_ana", "msg_1", "blocked"]
    assert "sms dead: 1" in done.stderr
    assert "telegram sent: 1" in done.stderr


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ("pt-BR", "SMTP 550 5.1.1: essa caixa de correio não existe"),
        ("en", "SMTP 550 5.1.1: no such mailbox"),
        ("es", "SMTP 550 5.1.1: ese buzón no existe"),
    ],
)
def test_why_a_message_did_not_go_is_told_in_the_language_asked_for_or_set(
    language: str, why: str, tmp_path: Path
) -> None:
    home, settings = tmp_path / "home", tmp_path / "mine.toml"
    settings.write_text(f'language = "{language}"\n')
    with open_home(home) as opened:
        reason = "SMTP 550 5.1.1: no such mailbox"
        one = message("1", seqs=(1,), status=Status.DEAD, reason=reason, settled_at=NOON)
        assert opened.outbox.put(one, [delivery(one, "i1")])
    asked = said("deliveries", "--home", home, "--language", language)
    assert asked.rstrip().endswith(f"msg_1  {why}")
    assert asked == said("deliveries", "--home", home, "--settings", settings)
    (told,) = objects(said("deliveries", "--home", home, "--settings", settings, "--json"))
    assert told["reason"] == reason


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (("--status", "dead"), ["msg_1"]),
        (("--channel", "telegram"), ["msg_0", "msg_2"]),
        (("--person", "p_ana", "--status", "sent"), ["msg_0"]),
        (("--channel", "email"), []),
    ],
)
def test_and_only_those_that_are_asked_for(
    home: Path, asked: tuple[str, ...], ids: list[str]
) -> None:
    lines = said("deliveries", "--home", home, "--json", *asked).splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == ids


def test_those_that_shared_a_letter_name_it_and_no_other_does(tmp_path: Path) -> None:
    path = tmp_path / "home"
    # "d" was refused with others, and went by itself.
    letters = {"a": "msg_c", "b": "msg_c", "c": "", "d": "msg_d", "e": ""}
    with open_home(path) as opened:
        entries = [news(f"i{name}", at=NOON) for name in letters]
        assert opened.state.commit(Commit("speed", 1, entries=entries))
        for n, (name, letter) in enumerate(letters.items()):
            one = message(
                name, seqs=(n + 1,), status=Status.SENT, settled_at=NOON + n, letter=letter
            )
            assert opened.outbox.put(one, [delivery(one, f"i{name}")])
    lines = sorted(line.split()[4:] for line in said("deliveries", "--home", path).splitlines())
    assert lines == [
        ["msg_a", "in", "msg_c"],
        ["msg_b", "in", "msg_c"],
        ["msg_c", "in", "msg_c"],
        ["msg_d"],
        ["msg_e"],
    ]
    told = objects(said("deliveries", "--home", path, "--json"))
    by_letter = {one["id"][4:]: one["letter"][4:] for one in told}
    assert by_letter == {"a": "c", "b": "c", "c": "c", "d": "d", "e": "e"}


def test_what_is_dead_is_sent_again_when_it_is_asked_for(home: Path) -> None:
    assert said("deliveries", "retry", "msg_none", "--home", home) == "0 of 1 will be sent again\n"
    assert said("deliveries", "retry", "--all", "--home", home) == "1 of 1 will be sent again\n"
    assert said("deliveries", "--status", "dead", "--home", home) == ""


# Keys of programs


def test_a_key_is_shown_once_listed_without_it_and_ended_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run("api-key", "add", "station", "--label", "roof", "--place", "2611606", "--home", home)
    assert done.exit_code == 0, done.output
    text = done.stdout.strip()
    with open_home(home, exclusive=False) as opened:
        (key,) = keys_of(opened.state)
        caller = caller_of(opened.state, text)
        assert caller is not None
        assert (caller.name, caller.source, caller.places) == (key.id, "roof", ("2611606",))
    assert f"{key.id} has the role station; it is not shown again" in done.stderr
    listed = said("api-key", "list", "--home", home)
    assert listed.split()[:2] == [key.id, "station"]
    assert listed.rstrip().endswith("roof")
    assert text not in listed
    assert said("api-key", "remove", key.id, "--home", home) == ""
    assert said("api-key", "list", "--home", home) == ""
    gone = run("api-key", "remove", key.id, "--home", home)
    assert "`atalaia api-key list` shows them" in str(gone.exception)


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        (("boss",), "give one of reader, station, registrar, operator"),
        (("station", "--place", "atlantis"), "`atalaia config check` lists them"),
        (("station", "--source", "open-meteo"), "give the station a name of its own"),
        (("reader", "--label", "x" * 61), "at most 60 printable letters"),
        (("reader", "--label", "a\nb"), "printable letters"),
    ],
)
def test_a_key_that_cannot_be_is_refused_with_the_next_step(
    tmp_path: Path, words: tuple[str, ...], next_step: str
) -> None:
    done = run("api-key", "add", *words, "--home", tmp_path / "home")
    assert done.exit_code == 1
    assert next_step in str(done.exception)
    assert done.stdout == "", "no key is shown that is none"


# Parquet


def test_an_answer_as_parquet_has_its_types_and_its_rows(home: Path, tmp_path: Path) -> None:
    asked = (
        "SELECT incident, level, sent_at, version, value, NULL::INTEGER AS none, "
        "[1.5, NULL] AS many, "
        "{'a': 1, 'b': 'é'} AS both, sum(version) OVER () AS total, 12.30::DECIMAL(9, 2) AS price, "
        "sent_at::DATE AS day, true AS is_so, 'x' AS \"it's\" "
        "FROM alerts ORDER BY incident, version"
    )
    file = tmp_path / "answer.parquet"
    with file.open("wb") as out:
        subprocess.run(
            [sys.executable, "-m", "atalaia", "sql", asked, "--format", "parquet", "--home", home],
            stdout=out, check=True, timeout=LIMIT_S,
        )  # fmt: skip
    lines = tmp_path / "answer.ndjson"
    lines.write_text(said("sql", asked, "--home", home, "--json"), "utf-8")
    with duckdb.connect(":memory:") as con:
        con.execute("SET TimeZone = 'UTC'")
        of_file = con.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
        kinds = {name: kind for name, kind, *_ in of_file}
        assert kinds["sent_at"] == "TIMESTAMP WITH TIME ZONE"
        assert kinds["none"] == "INTEGER"
        assert kinds["many"].endswith("[]")
        assert kinds["both"] == "STRUCT(a INTEGER, b VARCHAR)"
        assert kinds["price"] == "DECIMAL(9,2)"
        assert (kinds["day"], kinds["is_so"], kinds["it's"]) == ("DATE", "BOOLEAN", "VARCHAR")
        rows = con.execute(f"SELECT incident, version, epoch(sent_at) FROM '{file}'").fetchall()
    told = objects(lines.read_text("utf-8"))
    assert [(row[0], row[1]) for row in rows] == [(o["incident"], o["version"]) for o in told]
    assert [row[2] for row in rows] == [
        datetime.fromisoformat(one["sent_at"]).timestamp() for one in told
    ]
    assert rows


def test_an_answer_without_rows_is_parquet_too(home: Path, tmp_path: Path) -> None:
    with open_home(home, exclusive=False) as opened:
        nothing = query(opened, decode_all(Places([])), Places([]), "SELECT * FROM alerts LIMIT 0")
        assert write_parquet(nothing, tmp_path / "none.parquet") == 0
    with duckdb.connect(":memory:") as con:
        kinds = con.execute(f"DESCRIBE SELECT * FROM '{tmp_path}/none.parquet'").fetchall()
    assert "incident" in [kind[0] for kind in kinds]


EVERY_TYPE = """
SELECT * FROM (VALUES
    (1::TINYINT, 9007199254740993::BIGINT, 18446744073709551615::UBIGINT, 1.1::FLOAT, 0.1::DOUBLE,
     12.30::DECIMAL(9, 2), 123456789.891::DECIMAL(38, 3), true, 'it''s "x", ⛈' || chr(10),
     DATE '2024-02-29', TIMESTAMP '2024-02-29 01:02:03.456',
     TIMESTAMPTZ '2024-02-29 01:02:03.456-03', [TIMESTAMPTZ '2024-02-29 01:02:03-03', NULL],
     {'a': 1, 'at': TIMESTAMPTZ '2024-02-29 00:00:00Z'}, [[1.5], []], 'b'::ENUM ('a', 'b')),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) AS t(tiny, big, vast, single, twofold, price, wide, is_so, said, day, here, told_at, many,
       pair, nested, word)
"""
"""Of every kind of column a value and none."""

SHAPES = {
    "every type": EVERY_TYPE,
    "no rows": f"SELECT * FROM ({EVERY_TYPE}) WHERE false",
    "pages": "SELECT i, CASE WHEN i < 700 THEN i END AS n, "
    "CASE WHEN i > 600 THEN 'é' || i END AS t, i % 7 = 0 AS is_so, "
    "CASE i WHEN 900 THEN TIMESTAMPTZ '2024-01-01' END AS told_at "
    "FROM range(1200) AS r(i)",
    "names twice": 'SELECT 1 AS a, 2 AS a, 3 AS "it\'s ""so""" -- and a comment',
    "a semicolon": "SELECT sent_at, * FROM alerts ORDER BY incident, version;",
    "no SELECT word": "FROM range(3)",
    "one column": "SELECT NULL AS x UNION ALL SELECT NULL",
    "formulas": "SELECT * FROM (VALUES ('=1+1', -1.5::DOUBLE, '-1'), (NULL, 0, '@'))",
}


def read_back(file: Path) -> tuple[list[object], list[object]]:
    with duckdb.connect(":memory:") as con:
        con.execute("SET TimeZone = 'UTC'")
        kinds = con.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
        # Zoned times as text: they are handed out only with another package for zones.
        rows_ = con.execute(f"SELECT COLUMNS(*)::VARCHAR FROM '{file}'").fetchall()
    return [kind[:2] for kind in kinds], list(rows_)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_engine_writes_the_parquet_that_rows_one_by_one_would_be(
    home: Path, tmp_path: Path, shape: str
) -> None:
    by_rows, by_engine = tmp_path / "rows.parquet", tmp_path / "engine.parquet"
    asked = (decode_all(Places([])), Places([]), SHAPES[shape])
    with open_home(home, exclusive=False) as opened:
        write_parquet(query(opened, *asked), by_rows)
        assert list(query(opened, *asked, DuckSql(into=by_engine)).rows) == []
    assert read_back(by_engine) == read_back(by_rows)


def test_what_lines_of_json_cannot_say_is_in_parquet_too(home: Path, tmp_path: Path) -> None:
    """What is no number was missing by way of them, and long decimals lost digits."""
    with open_home(home, exclusive=False) as opened:
        asked = (
            "SELECT 'nan'::DOUBLE AS n, '-inf'::DOUBLE AS i, INTERVAL 3 DAY AS w, "
            "12345678901234567.891::DECIMAL(38, 3) AS d"
        )
        file = tmp_path / "answer.parquet"
        query(opened, decode_all(Places([])), Places([]), asked, DuckSql(into=file))
    assert read_back(file)[1] == [("nan", "-inf", "3 days", "12345678901234567.891")]


@pytest.mark.parametrize("shape", SHAPES)
def test_csv_and_json_by_column_are_those_of_each_cell(home: Path, shape: str) -> None:
    asked = (decode_all(Places([])), Places([]), SHAPES[shape])
    with open_home(home, exclusive=False) as opened:
        found = query(opened, *asked)
        names, rows_ = found.columns, list(found.rows)
    encode = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode
    lines, table = [], io.StringIO()
    plain = csv.writer(table, lineterminator="\n")
    plain.writerow(map(_harmless, names))
    for row in rows_:
        lines.append(encode(dict(zip(distinct(names), map(_timed, row), strict=True))).decode())
        plain.writerow([_harmless(value) for value in row])
    for form, told in (("json", "".join(f"{line}\n" for line in lines)), ("csv", table.getvalue())):
        out = io.StringIO()
        assert render(ports.Result(names, iter(rows_)), form, out) == len(rows_)
        assert out.getvalue() == told


@pytest.mark.parametrize(
    "asked",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_text('{secret}')",
        "COPY (SELECT 1) TO '{other}'",
        "SELECT 1) TO '{other}'; COPY (SELECT 1",
        "SELECT 1) AS t(a)) TO '{other}' --",
    ],
)
def test_what_is_written_as_parquet_opens_no_other_file(
    home: Path, tmp_path: Path, asked: str
) -> None:
    (tmp_path / "secret").write_text("a\n1\n")
    words = asked.format(secret=tmp_path / "secret", other=tmp_path / "other")
    done = run("sql", words, "--format", "parquet", "--home", home)
    assert done.exit_code == 1
    assert isinstance(done.exception, QueryInvalid)
    assert (done.stdout, (tmp_path / "other").exists()) == ("", False)


def test_a_mistake_is_told_the_same_where_parquet_is_asked_for(home: Path) -> None:
    for asked in ("SELECT nothing FROM alerts", "SELEC 1", "SELECT 1; SELECT 2", "DELETE FROM x"):
        told = [
            str(run("sql", asked, "--format", form, "--home", home).exception)
            for form in ("csv", "parquet")
        ]
        assert told[0] == told[1]
        assert told[0]
