"""The settings of Tomorrow.io, and what its calls come to."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from atalaia.settings.document import Document, Secret, duration_of, flag, url
from atalaia.settings.open_meteo import minutes
from atalaia.sources.schedule import Arithmetic, PollCadence, arithmetic, intervals, most_a_day
from atalaia.sources.tomorrow_io import BASE_URL, NAME

KEYS = (
    "sources.tomorrow-io.enabled",
    "sources.tomorrow-io.interval",
    "sources.tomorrow-io.forecast_interval",
    "sources.tomorrow-io.adaptive",
    "sources.tomorrow-io.base_url",
    "sources.tomorrow-io.key",
    "sources.tomorrow-io.key_file",
)

_AT = "sources.tomorrow-io"


class TomorrowIo(msgspec.Struct, frozen=True, kw_only=True):
    """Tomorrow.io, whose calls go first to the places near a limit.

    key            None: the source is off
    interval_s     between two calls for a place at a limit
    forecast_interval_s   between two forecasts for a place
    is_adaptive    False: every place at interval_s, near a limit or not
    """

    enabled: bool
    interval_s: int
    forecast_interval_s: int
    is_adaptive: bool
    base_url: str
    key: Secret | None

    def costs(self, places: int) -> Arithmetic:
        """The arithmetic of fixed polling: of each place what is now, and a share of a forecast."""
        a_place = 1 + self.interval_s / self.forecast_interval_s
        return arithmetic(NAME, places, self.interval_s, a_place)

    def described(self, places: int) -> Iterator[str]:
        """For `config check`: what is asked, and what that comes to."""
        if not self.enabled:
            why = "" if self.key else ": no key; set TOMORROW_API_KEY or TOMORROW_API_KEY_FILE"
            yield f"tomorrow-io: off{why}"
            return
        yield self.costs(places).sentence
        if self.is_adaptive:
            every = intervals(
                places,
                0,
                most_a_day(NAME),
                PollCadence(near_s=self.interval_s),
                self.forecast_interval_s,
            )
            yield (
                f"tomorrow-io: adaptive: calm places every {minutes(every.calm_s)}, those near a "
                f"limit every {minutes(self.interval_s)} as far as the calls go, forecasts every "
                f"{minutes(every.forecast_s)}"
            )


def read_tomorrow_io(document: Document) -> TomorrowIo:
    """The table ``[sources.tomorrow-io]``."""
    before = len(document.problems)
    key = document.secret(f"{_AT}.key", ("TOMORROW_API_KEY", "TOMORROW_API_KEY_FILE"))
    enabled = document.get(f"{_AT}.enabled", flag, key is not None)
    if enabled and key is None and len(document.problems) == before:
        document.add(f"{_AT}.enabled", "there is no key; set TOMORROW_API_KEY_FILE or key_file")
    return TomorrowIo(
        enabled=enabled,
        interval_s=document.get(f"{_AT}.interval", duration_of(60), 180),
        forecast_interval_s=document.get(f"{_AT}.forecast_interval", duration_of(3600), 6 * 3600),
        is_adaptive=document.get(f"{_AT}.adaptive", flag, True),
        base_url=document.get(f"{_AT}.base_url", url, BASE_URL),
        key=key,
    )
