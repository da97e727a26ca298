"""The batch work of a home on Spark: what is sent to the workers so that they can do their share.

Paths are sent, and never what lies under them: a worker opens lake and keys for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from atalaia.batch.counted import counted
from atalaia.batch.spark import SparkWorkers
from atalaia.domain.decoded import Decode
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.homes.embedded.keys import default_folder, open_keys
from atalaia.homes.embedded.lake import FolderLake
from atalaia.people.bodies import unsealed
from atalaia.people.vault import Vault
from atalaia.ports import Lake
from atalaia.settings import Settings
from atalaia.sources import decode_all

if TYPE_CHECKING:
    from pyspark import SparkContext


def workers_of(spark: SparkContext, settings: Settings, places: Places) -> SparkWorkers:
    """Workers that refine the settings' home."""
    home = settings.home.resolve()
    asked = settings.people
    keys = (asked.keys or default_folder(home)).resolve()
    master_key_file = asked.master_key_file.resolve() if asked.master_key_file else None
    return SparkWorkers(
        spark,
        lake_of(home),
        partial(_decoder, places, settings.rules, home, keys, master_key_file),
        places,
    )


def lake_of(home: Path) -> Callable[[], Lake]:
    """What opens the lake of a home in a worker."""
    return partial(FolderLake, home.resolve() / "lake")


def _decoder(
    places: Places, rules: RuleSet, home: Path, keys: Path, master_key_file: Path | None
) -> Decode:
    decode = unsealed(decode_all(places), lambda: Vault(open_keys(home, keys, master_key_file)))
    return counted(decode, rules, places, lake_of(home)())
