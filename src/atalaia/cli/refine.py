"""GOLD brought up to date with RAW."""

from __future__ import annotations

from typing import Annotated

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    OnOption,
    SettingsOption,
    answers,
    existing,
    settings_of,
    slow,
)
from atalaia.translated import translated

app = typer.Typer()


@app.command()
@slow
def refine(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Derive all of GOLD again from RAW.")
    ] = False,
    on: OnOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring GOLD up to date with RAW, or derive all of it again; make few files of many."""
    import time
    from contextlib import ExitStack

    import msgspec

    from atalaia.batch import refine as batch
    from atalaia.batch.counted import counting
    from atalaia.batch.mend import mend_raw
    from atalaia.batch.tidy import tidy
    from atalaia.lake import raw
    from atalaia.lake.days import keep_days
    from atalaia.lake.places import places_of
    from atalaia.replay.readings import REPLAY
    from atalaia.run.opened import home_of

    kept = settings_of(settings, home)
    existing(kept.home)
    with ExitStack() as stack:
        opened = stack.enter_context(home_of(kept, exclusive=False))
        stack.enter_context(opened.hold("refine"))
        places = places_of(opened.state)
        workers = None
        if on:
            from atalaia.batch.spark import open_spark
            from atalaia.cli.workers import workers_of

            workers = workers_of(stack.enter_context(open_spark(on)), kept, places)
        decode = counting(opened.lake, opened, kept.rules, places)
        state, lake, outbox = opened.state, opened.lake, opened.outbox
        now = int(time.time())
        if rebuild:
            mend_raw(state, lake, opened.stream, lake.keys(raw.PAYLOADS))
            report = batch.rebuild(state, lake, decode, places, outbox, workers)
        else:
            stream = opened.stream
            report = batch.refine(state, lake, decode, places, outbox, workers, now, stream)
        compacted = batch.compact(opened.lake, now)
        # A replay's home keeps what it is of: the past.
        if opened.state.note(REPLAY) is None:
            keys = opened.keys if opened.people.changes(0, 1) else None
            tidy(opened.state, lake, keys, opened.stream, now, kept.channels.keep_s)
        keep_days(opened.lake, places, now)
    answers()
    if as_json:
        typer.echo(msgspec.json.encode(report._asdict() | {"compacted": compacted._asdict()}))
    else:
        said = (
            f"{report.rows} rows in {report.partitions} partitions, "
            f"{report.rejects} rejects, {report.seconds:.1f} s"
        )
        typer.echo(translated(said))
