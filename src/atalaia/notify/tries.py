"""What tries came to, told to who counts them; and what a fault of ours kept from being tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from atalaia.domain.delivery import Sent, Status
from atalaia.errors import StateConflict
from atalaia.notify.settle import Result


class Tries:
    """Of one run. `on_sent` is told of each, once it is written down."""

    def __init__(self, on_sent: Callable[[Sequence[Sent]], None]) -> None:
        self._on_sent = on_sent
        self.forget()

    def forget(self) -> None:
        """Another run begins."""
        self._given_back: dict[str, str] = {}

    def tell(self, results: Sequence[Result]) -> None:
        """Of what was tried or given back; that is remembered until it comes to something else."""
        for _, after, outcome, _ in results:
            if outcome and outcome.is_given_back:
                self._given_back[after.id] = outcome.reason
            elif outcome or after.status != Status.DUE:
                self._given_back.pop(after.id, None)
        self._on_sent([Sent(m, outcome, age_s) for _, m, outcome, age_s in results if outcome])

    @property
    def fault(self) -> StateConflict | None:
        """What was given back and not tried since: it is not due for a moment, so that a run would
        end as if all had gone."""
        for reason in self._given_back.values():
            n = len(self._given_back)
            return StateConflict(f"{n} messages were given back: {reason}; they are tried again")
        return None
