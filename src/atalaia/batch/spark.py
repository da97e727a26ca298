"""The batch work on Apache Spark: many processes, and what one would have made.

Nothing is computed in another way. A task decodes parts of RAW by the same `refine_steps.steps`;
its rows are shuffled by the partition of GOLD that they belong to, and whoever gets a partition
folds all of it by the same `merge_readings`, or `merge_ensembles`. Two tasks never write one file,
and a task that is run again writes what it wrote. State, alerts, answers and deliveries stay with
the driver, as they are small; and so do rows of stations, decoded by the tasks: a correction may be
of any day.

On a cluster every worker needs Atalaia installed, and the lake under the same path (or a lake that
is opened by address). In AWS Glue, the context is there already: give no master.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from atalaia.batch.refine import Scratch, replace
from atalaia.batch.refine_steps import STEP_ROWS, Folded, steps
from atalaia.domain.decoded import Decode
from atalaia.domain.place import Places
from atalaia.domain.reading import Readings
from atalaia.domain.rule_counts import RuleCounts
from atalaia.errors import AtalaiaError, SettingsInvalid
from atalaia.lake import gold, raw
from atalaia.lake.compact import compact_months
from atalaia.lake.ensembles import key_of, merge_ensembles
from atalaia.lake.merge import RowRefused, by_partition, merge_all_but
from atalaia.ports import Lake

if TYPE_CHECKING:
    from pyspark import SparkContext

_PARTS_A_TASK = 24
"""So many parts of RAW, about a day of a source, are decoded by one task."""

_TASKS_A_CORE = 3
"""More tasks than cores: the one with the largest partitions does not keep all others waiting."""

_TOLD = ""
"""The key under which a task's counts are shuffled, beside partitions."""

_MASTER = re.compile(r"local(\[|$)|spark://|yarn$|k8s://")

T = TypeVar("T")
U = TypeVar("U")


@contextmanager
def open_spark(master: str | None) -> Iterator[SparkContext]:
    """A context on this master (``local[2]``, ``spark://host:7077``); None: the one that is there.

    Raises SettingsInvalid where PySpark or Java is missing, or the master cannot be used, and
    AtalaiaError where what is done on it fails.
    """
    try:
        from py4j.protocol import Py4JError  # noqa: PLC0415
        from pyspark import SparkConf, SparkContext  # noqa: PLC0415
        from pyspark.errors import PySparkException  # noqa: PLC0415
    except ImportError:
        raise SettingsInvalid(
            ["--on needs PySpark, which is not installed; install atalaia[spark]"]
        ) from None
    if master is None:
        yield SparkContext.getOrCreate()
        return
    if not _MASTER.match(master):
        raise SettingsInvalid(
            [f"--on {master!r} is no master of Spark's; give local[2], or spark://host:7077"]
        )
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise SettingsInvalid(["--on needs Java 17 or newer, which is not here; install a JRE"])
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = SparkConf().setAppName("atalaia").setMaster(master)
    conf = conf.set("spark.ui.enabled", "false").set("spark.ui.showConsoleProgress", "false")
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        conf = conf.set("spark.driver.host", "127.0.0.1")
    try:
        context = SparkContext(conf=conf)
    except (PySparkException, OSError, ValueError) as error:
        raise SettingsInvalid([f"Spark at {master} cannot be used: {error}"]) from error
    try:
        context.setLogLevel("ERROR")
        yield context
    except Py4JError as error:
        raise AtalaiaError(
            f"Spark at {master} failed: {_in_a_line(error)}; run it again, nothing is lost"
        ) from error
    finally:
        context.stop()


def _in_a_line(error: Exception) -> str:
    """The deepest error that a worker or the Java side tells of, without their stacks."""
    lines = [line.strip() for line in str(error).splitlines()]
    named = [
        line for line in lines if re.match(r"[\w.]+(Error|Exception|Invalid|Conflict): ", line)
    ]
    caused = [line for line in lines if "Job aborted" in line or line.startswith("Caused by: ")]
    return (named or caused or lines)[-1]


@dataclass(frozen=True, slots=True)
class SparkWorkers:
    """Fills `refine.Workers`.

    spark         an open context
    open_lake     opens the lake in a worker; picklable
    make_decode   makes the decoder of all sources there; picklable
    """

    spark: SparkContext
    open_lake: Callable[[], Lake]
    make_decode: Callable[[], Decode]
    places: Places

    def fold(self, keys: Sequence[str]) -> Folded:
        """See `refine.Workers.fold`."""
        return self._run(keys, _merge)

    def make(self, keys: Sequence[str]) -> Folded:
        """See `refine.Workers.make`."""
        return self._run(keys, _make)

    def _run(self, keys: Sequence[str], write: _Write) -> Folded:
        if not keys:
            return Folded(0, 0, [], [], [], 0)
        cores = self.spark.defaultParallelism
        tasks = max(min(len(keys), cores * _TASKS_A_CORE), -(-len(keys) // _PARTS_A_TASK))
        told = (
            self.spark.parallelize(list(keys), tasks)
            .mapPartitions(partial(_decode, self.open_lake, self.make_decode))
            .groupByKey(cores * _TASKS_A_CORE)
            .mapPartitions(partial(_gather, self.open_lake, self.places, write))
            .collect()
        )
        return _together(told, keys)


class _Written(NamedTuple):
    """How many files were written, which were put in place, and rows that cannot be written."""

    partitions: int
    placed: list[str]
    refused: list[RowRefused]


class _Rows(NamedTuple):
    """All rows of some partitions: readings, or what rules made of ensembles, as answers came."""

    readings: Readings
    counts: list[RuleCounts]


_Turn = tuple[int, int]
"""Where rows stand in the order of RAW: a task's first part, and the number of rows before them."""

_Write = Callable[[Lake, _Rows, Places, Sequence[str]], _Written]
"""Writes all rows of some partitions."""


def _decode(
    open_lake: Callable[[], Lake], make_decode: Callable[[], Decode], keys: Iterable[str]
) -> Iterator[tuple[str, Readings | tuple[_Turn, RuleCounts] | Folded]]:
    """A task's parts of RAW as rows by partition, and what they came to besides."""
    lake, mine = open_lake(), list(keys)
    turn = 0
    for step in steps(lake, mine, make_decode()):
        parts, refused = by_partition(lake, step.readings)
        yield from parts
        for told in step.counts:
            turn += 1
            yield key_of(told), ((raw.first_of(mine[0]), turn), told)
        rejects = step.rejects + len(refused)
        counts = (step.rows, 0, step.done, step.damaged, step.answers, rejects)
        yield _TOLD, Folded(*counts, stations=step.stations, refused=tuple(refused))


def _gather(
    open_lake: Callable[[], Lake],
    places: Places,
    write: _Write,
    groups: Iterable[tuple[str, Iterable[Any]]],
) -> Iterator[Folded]:
    """A task's partitions, written whole and a bounded number of rows at a time."""
    lake = open_lake()
    held: list[Readings] = []
    counts: list[RuleCounts] = []
    keys: list[str] = []
    rows = 0

    def written() -> Folded:
        of_keys = _Rows(Readings.concat(held), counts)
        partitions, placed, refused = write(lake, of_keys, places, keys)
        aside = tuple(refused)
        return Folded(0, partitions, [], [], [], len(aside), tuple(placed), refused=aside)

    for key, values in groups:
        if key == _TOLD:
            yield from values
            continue
        some = list(values)
        told = []
        if key.startswith(gold.ENSEMBLES):
            told = [each for _, each in sorted(some, key=itemgetter(0))]
            some = []
        count = sum(map(len, [*some, *told]))
        if keys and rows + count > STEP_ROWS:
            yield written()
            held, counts, keys, rows = [], [], [], 0
        held, counts, rows = held + some, counts + told, rows + count
        keys.append(key)
    if keys:
        yield written()


def _merge(lake: Lake, rows: _Rows, places: Places, _keys: Sequence[str]) -> _Written:
    done, refused = merge_all_but(lake, rows.readings, places)
    counted, unwritten = merge_ensembles(lake, rows.counts, places)
    return _Written(done.partitions + counted.partitions, [], refused + unwritten)


def _make(lake: Lake, rows: _Rows, places: Places, keys: Sequence[str]) -> _Written:
    """Made beside the lake, without what GOLD holds, and then put in its place."""
    with tempfile.TemporaryDirectory(prefix="atalaia-spark-") as folder:
        made = Scratch(Path(folder))
        done, _, refused = _merge(made, rows, places, keys)
        compact_months(made, [key for key in keys if key.startswith(gold.READINGS)])
        placed = [*made.keys(gold.READINGS), *made.keys(gold.ENSEMBLES)]
        for key in placed:
            replace(lake, key, made.read(key))
    return _Written(done, placed, refused)


def _together(told: Sequence[Folded], keys: Sequence[str]) -> Folded:
    """What all tasks came to, in the order of RAW."""
    position = {key: i for i, key in enumerate(keys)}

    def in_order(some: Iterable[str]) -> list[str]:
        return sorted(some, key=position.__getitem__)

    def first(part: Folded) -> int:
        return min((position[key] for key in part.done), default=0)

    return Folded(
        rows=sum(part.rows for part in told),
        partitions=sum(part.partitions for part in told),
        done=in_order(key for part in told for key in part.done),
        damaged=in_order(key for part in told for key in part.damaged),
        answers=sorted(
            (each for part in told for each in part.answers), key=lambda each: each.first_offset
        ),
        rejects=sum(part.rejects for part in told),
        placed=tuple(key for part in told for key in part.placed),
        stations=[each for part in sorted(told, key=first) for each in part.stations],
        refused=tuple(sorted(row for part in told for row in part.refused)),
    )


def by_key(
    spark: SparkContext,
    read: Callable[[Iterable[str]], Iterator[tuple[str, T]]],
    keys: Sequence[str],
    work: Callable[[tuple[str, Iterable[T]]], list[U]],
) -> list[U]:
    """What `work` makes of all that `read` found under each name, in the order of these names.

    `read` turns some of the `keys` into pairs of a name and what is of it; both are picklable.
    """
    if not keys:
        return []
    cores = spark.defaultParallelism
    tasks = max(min(len(keys), cores * _TASKS_A_CORE), -(-len(keys) // _PARTS_A_TASK))
    found: list[tuple[str, list[U]]] = (
        spark.parallelize(list(keys), tasks)
        .mapPartitions(read)
        .groupByKey(cores * _TASKS_A_CORE)
        .map(partial(_with_name, work))
        .collect()
    )
    return [one for _, some in sorted(found, key=itemgetter(0)) for one in some]


def _with_name(
    work: Callable[[tuple[str, Iterable[T]]], list[U]], found: tuple[str, Iterable[T]]
) -> tuple[str, list[U]]:
    return found[0], work(found)
