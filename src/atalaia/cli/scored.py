"""The options of every command that scores a past: which days count, in whose calendar, of which
home, and how it is answered."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from atalaia.cli.options import (
    FromOption,
    HomeOption,
    JsonOption,
    MinEventsOption,
    SettingsOption,
    TimezoneOption,
    ToOption,
    zone_of,
)

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Scoring:
    """What was asked for by them."""

    min_events: MinEventsOption = 1
    timezone: TimezoneOption = "UTC"
    since: FromOption = None
    until: ToOption = None
    home: HomeOption = None
    settings: SettingsOption = None
    as_json: JsonOption = False

    @property
    def zone(self) -> ZoneInfo:
        """Whose days are counted. Raises typer.BadParameter."""
        return zone_of(self.timezone)

    @property
    def first_day(self) -> date | None:
        """None: the first on record."""
        return self.since.date() if self.since else None

    @property
    def last_day(self) -> date | None:
        """None: the last on record."""
        return self.until.date() if self.until else None


def scored(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these options after its own; it is handed them together, as its first."""
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    shared = inspect.signature(Scoring, eval_str=True).parameters.values()

    def run(**given: Any) -> None:
        command(
            Scoring(**{field.name: given.pop(field.name) for field in fields(Scoring)}), **given
        )

    options = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared)]
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run
