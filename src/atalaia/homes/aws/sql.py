"""Athena over GOLD in the Glue catalogue: a person's SQL, with what it cost.

The work group says where results go and how many bytes a query may read; the role says which
tables. The views of `lake.views` are kept in the catalogue, in Athena's dialect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

from atalaia.errors import QueryInvalid, StateConflict
from atalaia.homes.aws.clients import Clients, translated
from atalaia.ports import Result, Sql

USD_A_TERABYTE = 5.0
"""Athena's list price in most regions."""

LEAST_BYTES = 10_000_000
"""What a query is billed for at least."""

_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.2, 2.0
_CANCELLED = {"FAILED", "CANCELLED"}


_READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("double", "float", "real"), float),
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
}


@dataclass(frozen=True)
class Cost:
    """What a query came to. `scanned` is in bytes, and `usd` by Athena's list price."""

    query: str
    scanned: int
    seconds: float

    @property
    def usd(self) -> float:
        """A query that reads nothing (a DESCRIBE) is free."""
        return max(self.scanned, LEAST_BYTES) / 1e12 * USD_A_TERABYTE if self.scanned else 0.0

    def in_words(self) -> str:
        """One line for whoever asked."""
        return f"{self.scanned / 1e6:,.1f} MB read in {self.seconds:.1f} s: US$ {self.usd:.5f}"


class AthenaSql(Sql):
    """Fills `ports.Sql`. Ended before its answer came (Ctrl-C), it cancels the query.

    on_cost    told of each query that was answered
    """

    def __init__(
        self,
        clients: Clients,
        workgroup: str,
        database: str,
        *,
        on_cost: Callable[[Cost], None] = lambda _: None,
        timeout_s: float = 600.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clients = clients
        self._workgroup = workgroup
        self._database = database
        self._on_cost = on_cost
        self._timeout_s = timeout_s
        self._now, self._sleep = now, sleep

    @property
    def _client(self) -> Any:
        return self._clients.get("athena")

    def run(self, sql: str, files: Mapping[str, Sequence[Path | str]]) -> Result:
        """The catalogue knows the files. StateConflict: Athena is not there,
        or had not answered in time."""
        del files
        with translated("Athena"):
            query: str = self._client.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": self._database, "Catalog": "AwsDataCatalog"},
                WorkGroup=self._workgroup,
            )["QueryExecutionId"]
        try:
            self._wait(query)
        except BaseException:
            self.cancel(query)
            raise
        pages = self._pages(query)
        first = next(pages)
        about = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        columns = tuple(str(column["Name"]) for column in about)
        kinds = [str(column["Type"]) for column in about]
        return Result(columns, _rows(chain([first], pages), columns, kinds))

    def cancel(self, query: str) -> None:
        """End a query; one that is over stays so."""
        with translated("Athena"):
            self._client.stop_query_execution(QueryExecutionId=query)

    def _wait(self, query: str) -> None:
        pause_s = _FIRST_LOOK_S
        until = self._now() + self._timeout_s
        while True:
            with translated("Athena"):
                said = self._client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            state = said["Status"]["State"]
            if state in _CANCELLED:
                reason = said["Status"].get("StateChangeReason", f"the query was {state.lower()}")
                raise QueryInvalid(reason)
            if state == "SUCCEEDED":
                about = said.get("Statistics", {})
                scanned = int(about.get("DataScannedInBytes", 0))
                took_s = about.get("TotalExecutionTimeInMillis", 0) / 1000
                self._on_cost(Cost(query, scanned, took_s))
                return
            if self._now() >= until:
                raise StateConflict(
                    f"Athena has not answered in {self._timeout_s:g} s, and the query was "
                    "cancelled; ask for fewer days"
                )
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_LOOK_S)

    def _pages(self, query: str) -> Iterator[Any]:
        arguments = {"QueryExecutionId": query}
        while True:
            with translated("Athena"):
                page = self._client.get_query_results(**arguments)
            yield page
            if not page.get("NextToken"):
                return
            arguments["NextToken"] = page["NextToken"]


def _rows(
    pages: Iterator[Any], columns: tuple[str, ...], kinds: list[str]
) -> Iterator[tuple[Any, ...]]:
    is_first = True
    for page in pages:
        for row in page["ResultSet"]["Rows"]:
            texts = tuple(cell.get("VarCharValue") for cell in row["Data"])
            # The first row of a SELECT's answer has the columns' names.
            if is_first and texts == columns:
                is_first = False
                continue
            is_first = False
            yield tuple(_value(text, kind) for text, kind in zip(texts, kinds, strict=True))


def _value(text: str | None, kind: str) -> Any:
    """Athena answers in text alone. What is of a kind that is not named here stays text."""
    if text is None:
        return None
    if kind.startswith("timestamp"):
        return datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC)
    return _READ.get(kind, str)(text)
