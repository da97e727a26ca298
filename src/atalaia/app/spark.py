"""The batch work of a home on Spark: what is sent to the workers so that they can do their share.

Paths are sent, and never what lies under them: a worker opens lake and keys for itself.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from atalaia.app.climate import Learnt, learn
from atalaia.app.people import opening_with
from atalaia.batch.climate import LEAST_YEARS
from atalaia.batch.spark import SparkWorkers, spread
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Decode
from atalaia.homes.embedded.keys import default_folder
from atalaia.homes.embedded.lake import FolderLake
from atalaia.settings import Settings
from atalaia.sources import decode_all

if TYPE_CHECKING:
    from pyspark import SparkContext

_PLACES_A_TASK = 8


def workers_of(spark: SparkContext, settings: Settings, places: Places) -> SparkWorkers:
    """Workers that refine the settings' home."""
    home = settings.home.resolve()
    asked = settings.people
    keys = (asked.keys or default_folder(home)).resolve()
    master_key_file = asked.master_key_file.resolve() if asked.master_key_file else None
    return SparkWorkers(
        spark,
        partial(FolderLake, home / "lake"),
        partial(_decoder, places, home, keys, master_key_file),
        places,
    )


def learn_on(
    spark: SparkContext, home: Path, places: Places, least_years: int = LEAST_YEARS
) -> list[Learnt]:
    """`app.climate.learn`, some places a task."""
    every = list(places)
    at_once = min(_PLACES_A_TASK, -(-len(every) // spark.defaultParallelism) or 1)
    groups = [every[i : i + at_once] for i in range(0, len(every), at_once)]
    work = partial(_learn, home.resolve() / "lake", least_years)
    return [one for some in spread(spark, work, groups) for one in some]


def _decoder(places: Places, home: Path, keys: Path, master_key_file: Path | None) -> Decode:
    return opening_with(decode_all(places), home, keys, master_key_file)


def _learn(lake: Path, least_years: int, places: list[Place]) -> list[Learnt]:
    return learn(FolderLake(lake), Places(places), least_years)
