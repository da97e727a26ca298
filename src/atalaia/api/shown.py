"""What is shown of a running watch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from atalaia.api.alert_view import AlertView
from atalaia.api.history import PlaceHistory
from atalaia.api.read_models import SourceItem
from atalaia.detect.sight import Sight
from atalaia.detect.values import Usual
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.ports import State


@dataclass(frozen=True)
class Shown:
    """All of it, at hand or to be asked.

    view        what the alert log tells; followed on the event loop's thread
    history     what was at each place
    state       for an incident's whole life, and the log further back; may block
    sources     how each source is doing
    sight       until when each place can be seen
    norms       what is usual, as the watch goes by it; may block
    expected_s  by source that is polled: how often
    channels    those that people can choose
    """

    places: Places
    rules: RuleSet
    view: AlertView
    history: PlaceHistory
    state: State
    sources: Callable[[], list[SourceItem]]
    sight: Callable[[], Sight]
    norms: Callable[[], Usual]
    expected_s: dict[str, int]
    channels: Sequence[str]
    now: Callable[[], float]
