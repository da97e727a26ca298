"""The batch work of a deployment on Spark, as a job of AWS Glue runs it.

    aws glue start-job-run --job-name prod-rebuild
    aws glue start-job-run --job-name prod-rebuild --arguments '{"--work": "climate"}'

The first derives GOLD again from RAW. The work is `batch.refine.rebuild` and `batch.learn.learn`,
by partition and by place (`batch.spark`). Workers are sent names and never what lies under them:
each opens buckets and keys for itself. While the job lasts, GOLD is its alone, as it replaces whole
files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from atalaia.batch.came_true import learn_chances
from atalaia.batch.counted import counting
from atalaia.batch.learn import learn_on
from atalaia.batch.refine import rebuild
from atalaia.batch.spark import SparkWorkers, open_spark
from atalaia.domain.decoded import Decode
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.homes.aws import open_home
from atalaia.homes.aws.config import from_environment
from atalaia.homes.aws.holding import held_for_long
from atalaia.homes.aws.job import asked
from atalaia.homes.aws.local import LocalLake
from atalaia.homes.aws.refining import refining
from atalaia.lake.norms import go_by_learnt, note_learnt
from atalaia.logs import Logger
from atalaia.run.aws import deployment

if TYPE_CHECKING:
    from pyspark import SparkContext

log = Logger()


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the job's arguments say, in the Spark that is there."""
    work = asked(arguments)
    sent = work.enter()
    with open_spark(None) as spark:
        if work.work == "rebuild":
            _rebuild(spark, sent)
        else:
            _learn(spark, sent, work.least_years, only_if_named=work.only_if_named)


def _rebuild(spark: SparkContext, sent: Mapping[str, str]) -> None:
    home, settings = deployment.home(), deployment.settings()
    lake, places, rules = LocalLake(home.lake), settings.places, settings.rules
    make_decode = partial(_decoder, sent, places, rules)
    workers = SparkWorkers(spark, partial(_lake, sent), make_decode, places)
    with held_for_long(home, "refine"):
        report = rebuild(refining(home), lake, make_decode(), places, home.outbox, workers)
    lake.close()
    log.info("rebuilt", **report._asdict())


def _learn(
    spark: SparkContext, sent: Mapping[str, str], least_years: int, *, only_if_named: bool
) -> None:
    home, settings = deployment.home(), deployment.settings()
    if only_if_named and not go_by_learnt(settings.rules):
        log.info("nothing learnt: no rule goes by the climate, or by a chance")
        return
    with held_for_long(home, "refine"):
        learnt = learn_on(spark, partial(_lake, sent), settings.places, least_years)
        new = learn_chances(_lake(sent), settings.rules, settings.places)
        note_learnt(home.state, int(time.time()), is_new=new or any(one.is_kept for one in learnt))
    log.info("learnt", places=len(learnt), kept=sum(one.is_kept for one in learnt))


def _lake(sent: Mapping[str, str]) -> LocalLake:
    """The lake, opened in a worker, which need not have this process's environment."""
    os.environ.update(sent)
    return LocalLake(open_home(from_environment(sent)).lake)


def _decoder(sent: Mapping[str, str], places: Places, rules: RuleSet) -> Decode:
    """The decoder of all sources, which also opens what people sealed and counts ensembles."""
    return counting(_lake(sent), open_home(from_environment(sent)), rules, places)
