"""What somebody asks a report of. It stands alone: who takes wishes does without DuckDB until a
report is made."""

from __future__ import annotations

from datetime import date

import msgspec


class ReportWish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks a report of.

    place, system   at most one of them; a place by its id, or by its name where only one has it
    first, until    local days, half open; None: `days` before `until`; the end of the newest day
    zone            whose midnights, where neither is given
    """

    place: str | None = None
    system: str | None = None
    first: date | None = None
    until: date | None = None
    days: int = 365
    zone: str = "UTC"

    @property
    def is_of_all(self) -> bool:
        """Whether it asks for nothing but the last days of all."""
        asked = (self.place, self.system, self.first, self.until)
        return all(one is None for one in asked)
