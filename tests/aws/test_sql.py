"""Athena as the home asks it: waiting, pages, types, cost, and ending what nobody waits for.

What plays Athena on loopback answers any SQL with what it was given, so that SQL itself is not
tested here.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.errors import QueryInvalid, StateConflict
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.sql import AthenaSql, Cost
from atalaia.ports import Sql
from aws import moto


class Athena:
    """A client that goes through the given states, and answers in the given pages."""

    def __init__(self, states: list[str], pages: list[list[list[str | None]]] | None = None):
        self.states, self.pages = states, pages or []
        self.asked: dict[str, Any] = {}
        self.stopped: list[str] = []
        self.reason = "line 1:8: no such column"

    def get(self, service: str) -> Athena:
        assert service == "athena"
        return self

    def start_query_execution(self, **asked: Any) -> Any:
        self.asked = asked
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, **_: Any) -> Any:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        about = {"DataScannedInBytes": 2_500_000_000, "TotalExecutionTimeInMillis": 1200}
        status = {"State": state, "StateChangeReason": self.reason}
        return {"QueryExecution": {"Status": status, "Statistics": about}}

    def get_query_results(self, **asked: Any) -> Any:
        at = int(asked.get("NextToken", "0"))
        names = [("place_id", "varchar"), ("n", "bigint"), ("mm", "double"), ("ok", "boolean")]
        names += [("day", "date"), ("at", "timestamp(3)")]
        rows = [
            {"Data": [{} if text is None else {"VarCharValue": text} for text in row]}
            for row in self.pages[at]
        ]
        about = {"ColumnInfo": [{"Name": name, "Type": kind} for name, kind in names]}
        page: dict[str, Any] = {"ResultSet": {"ResultSetMetadata": about, "Rows": rows}}
        return page | ({"NextToken": str(at + 1)} if at + 1 < len(self.pages) else {})

    def stop_query_execution(self, **asked: Any) -> None:
        self.stopped.append(asked["QueryExecutionId"])


NAMES: list[str | None] = ["place_id", "n", "mm", "ok", "day", "at"]
ROW: list[str | None] = ["poa", "3", "1.5", "true", "2024-05-01", "2024-05-01 12:00:00.000"]
NONE: list[str | None] = [None] * 6


def sql(athena: Any, **options: Any) -> AthenaSql:
    waits: list[float] = options.pop("waits", [])
    return AthenaSql(athena, "prod", "prod_gold", sleep=waits.append, **options)


def test_an_answer_comes_page_by_page_with_types_and_cost() -> None:
    costs: list[Cost] = []
    waits: list[float] = []
    athena = Athena(
        ["QUEUED", "RUNNING", "RUNNING", "RUNNING", "RUNNING", "SUCCEEDED"],
        [[NAMES, ROW], [NONE], [ROW]],
    )
    result = sql(athena, on_cost=costs.append, waits=waits).run("SELECT 1", {})
    assert result.columns == tuple(NAMES)
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    row = ("poa", 3, 1.5, True, date(2024, 5, 1), noon)
    assert list(result.rows) == [row, (None,) * 6, row]
    assert waits == [0.2, 0.4, 0.8, 1.6, 2.0]
    assert athena.asked["WorkGroup"] == "prod"
    assert athena.asked["QueryExecutionContext"]["Database"] == "prod_gold"
    assert costs[0].usd == pytest.approx(0.0125)
    assert costs[0].in_words() == "2,500.0 MB read in 1.2 s: US$ 0.01250"


def test_what_is_wrong_is_told_in_the_engine_s_own_words() -> None:
    with pytest.raises(QueryInvalid, match="no such column"):
        sql(Athena(["FAILED"])).run("SELECT x", {})


def test_a_query_that_nobody_waits_for_is_cancelled() -> None:
    athena = Athena(["RUNNING"])
    clock = iter(range(100))
    late = sql(athena, timeout_s=5, now=lambda: next(clock))
    with pytest.raises(StateConflict, match="fewer days"):
        late.run("SELECT 1", {})
    assert athena.stopped == ["q1"]

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    athena = Athena(["RUNNING"])
    with pytest.raises(KeyboardInterrupt):
        AthenaSql(athena, "prod", "prod_gold", sleep=interrupted).run("SELECT 1", {})  # type: ignore[arg-type]
    assert athena.stopped == ["q1"]


def test_a_query_that_reads_nothing_is_free_and_one_that_reads_little_is_not() -> None:
    assert Cost("q", 0, 0.1).usd == 0
    assert Cost("q", 1, 0.1).usd == pytest.approx(0.00005)


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server, url = moto.start()
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    yield url
    server.stop()


def canned(url: str) -> None:
    """A work group, and what its next query is answered."""
    boto3.client("athena").create_work_group(Name="prod", Tags=[{"Key": "a", "Value": "b"}])
    rows = [{"Data": [{"VarCharValue": "n"}]}, {"Data": [{"VarCharValue": "7"}]}]
    answer = {"rows": rows, "column_info": [{"Name": "n", "Type": "bigint"}]}
    body = json.dumps({"results": [answer], "region": moto.REGION}).encode()
    request = urllib.request.Request(
        f"{url}/moto-api/static/athena/query-results",
        body,
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()


def test_athena_is_asked_over_http(url: str) -> None:
    canned(url)
    athena: Sql = AthenaSql(Clients(), "prod", "prod_gold", sleep=lambda _: None)
    result = athena.run("SELECT count(*) AS n FROM readings", {})
    assert result.columns == ("n",)
    assert list(result.rows) == [(7,)]


def test_the_command_asks_athena_and_says_what_it_cost(url: str) -> None:
    canned(url)
    asked = ["sql", "--aws", "prod", "--format", "csv", "SELECT count(*) AS n FROM readings"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == ["n", "7"]
    assert re.fullmatch(r"[\d.,]+ MB read in [\d.]+ s: US\$ [\d.]+\n", done.stderr)


def test_a_deployment_that_is_not_there_is_told_with_the_next_step(url: str) -> None:
    done = CliRunner().invoke(app, ["sql", "--aws", "elsewhere", "SELECT 1"])
    assert "Athena cannot be used" in str(done.exception)
    assert "see the function's role" in str(done.exception)


def test_what_the_role_refuses_is_told_as_athena_says_it() -> None:
    """Athena starts such a query, and fails it."""
    refused = Athena(["FAILED"])
    refused.reason = "Insufficient permissions: not authorized to perform glue:GetTable"
    with pytest.raises(QueryInvalid, match="Insufficient permissions"):
        sql(refused).run("SELECT person FROM prod_people.deliveries", {})
