"""The sources that are asked, and what one answers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia.cli.options import JsonOption, SettingsOption, settings_of, slow, while_read
from atalaia.errors import AtalaiaError
from atalaia.given import meant
from atalaia.translated import translated

if TYPE_CHECKING:
    from atalaia.sources.plan import Plan
    from atalaia.sources.trying import TriedSource

app = typer.Typer()
sources = typer.Typer(help="The sources that are asked.", no_args_is_help=True)
app.add_typer(sources, name="sources")

_MOST_SHOWN = 40


@sources.command("try")
@slow
def try_one(
    name: Annotated[
        str, typer.Argument(help="As config check names it: http:NAME, plugin:NAME, or NAME.")
    ],
    place: Annotated[
        str | None, typer.Option("--place", help="Id of the place to ask for; else the first.")
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a source once, and show what came, what was refused and why (exit code 1: nothing came).

    Nothing is kept. The call counts for the service that is asked, and for nothing here.
    """
    import asyncio

    import msgspec

    from atalaia.clock import Clock
    from atalaia.settings.plans import plans
    from atalaia.sources.trying import try_source

    chosen = settings_of(settings, None)
    plan = _plan_of(name, plans(chosen))
    where = chosen.places.position.get(place, -1) if place is not None else 0
    if not 0 <= where < len(chosen.places):
        raise AtalaiaError(f"no place {place!r} is watched; give the id of one")
    tried = asyncio.run(try_source(plan, chosen.places, where, Clock()))
    with while_read():
        typer.echo(msgspec.json.encode(tried).decode() if as_json else translated(_shown(tried)))
    if not tried.is_of_use:
        raise typer.Exit(1)


def _plan_of(name: str, known: list[Plan]) -> Plan:
    found = {plan.name: plan for plan in known}
    plan = found.get(name) or found.get(f"http:{name}") or found.get(f"plugin:{name}")
    if plan is None:
        names = ", ".join(found) or "none"
        raise AtalaiaError(
            f"no source {name!r} is switched on{meant(name, found)}; there are {names}"
        )
    return plan


def _shown(tried: TriedSource) -> str:
    from atalaia.domain.variable import CATALOGUE

    lines = []
    for one in tried.asked:
        went = one.failure or f"HTTP {one.status}, {one.size:,} bytes"
        lines.append(f"{tried.source}: {one.url}: {went}")
    lines += [
        f"  {one.where:24} {one.kind:9} {one.valid_at}  {one.variable} {one.value:g} {one.unit}"
        + (f" ({one.period_s} s)" if CATALOGUE[one.variable].is_sum else "")
        for one in tried.values[:_MOST_SHOWN]
    ]
    if len(tried.values) > _MOST_SHOWN:
        lines.append(f"  … and {len(tried.values) - _MOST_SHOWN} more; --json has all")
    if not tried.values:
        lines.append("  no value came")
    of = Counter(one.reason for one in tried.rejects)
    for reason, many in of.items():
        first = next(one.detail for one in tried.rejects if one.reason == reason)
        lines.append(f"  refused: {reason} ({many}), first: {first}")
    return "\n".join(lines)
