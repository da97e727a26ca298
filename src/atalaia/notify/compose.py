"""Messages become letters: words from the alert log, an address from the vault, a thread.

This is the one place where what is said and to whom come together, for as long as a try takes. What
is said is decided here, and not before: by what the person has heard, and what the log has since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import NamedTuple

from atalaia.clock import Clock
from atalaia.domain.delivery import Letter, Message, Outcome
from atalaia.domain.drill import drill_of
from atalaia.domain.hazard import Level
from atalaia.domain.place import Places
from atalaia.domain.silence import Silence
from atalaia.domain.subscription import Person
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.notify.alert_log import AlertLog
from atalaia.notify.drills import drill_in
from atalaia.notify.fanout import Profiles, rank_of
from atalaia.notify.letters import Directory, Letters, unaddressed
from atalaia.notify.past import Past
from atalaia.people.answering import Ways, WaysOf
from atalaia.ports import Outbox, State

_DRAFTS_KEPT = 100_000

_FAULT_S = 10.0

log = Logger()


class _Draft(NamedTuple):
    """What a letter was written by: it is looked at again where any of this has changed.

    person    as they then were; seq: of the newest entry of the log
    silences  that went on
    """

    person: Person | None
    seq: int
    incidents: tuple[str, ...]
    silences: tuple[Silence, ...]


class Composer:
    """Writes letters, a batch at a time. Threads take turns by a lock.

    profiles    who is to be told, at hand; `people` opens what is sealed
    silences    what is told to nobody
    refresh     takes up who changed, for `profiles`
    fetch       has these people at hand for `profiles` and `people`, read together
    ways        the links by which who gets a message answers it
    """

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        places: Places,
        profiles: Profiles,
        people: Directory,
        clock: Clock,
        *,
        silences: Callable[[], Iterable[Silence]] = tuple,
        refresh: Callable[[], object] = lambda: None,
        fetch: Callable[[Iterable[str]], object] = lambda _: None,
        ways: WaysOf = lambda _: Ways(),
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._at = places
        self._places = {place.id: place for place in places}
        self._profiles = profiles
        self._people = people
        self._clock = clock
        self._silences = silences
        self._refresh = refresh
        self._fetch = fetch
        self._ways = ways
        self._lock = Lock()
        self._log = AlertLog(state)
        self._drafts: dict[str, _Draft] = {}
        self._held: tuple[Silence, ...] = ()

    def write(self, messages: Sequence[Message]) -> list[Letter | Outcome]:
        """A letter each; or what became of a message that can no longer be written, or tells
        nothing that is news, or has to wait for the end of quiet hours."""
        if not messages:
            return []
        with self._lock:
            self.look()
            self._fetch(message.person for message in messages)
            past = self._past(messages)
            letters = Letters(self._people, self._places, past, self._ways)
            return [self._written(message, past, letters) for message in messages]

    def look(self) -> None:
        """Take up who changed, what the log has since, and what is silenced."""
        self._refresh()
        self._log.follow()
        now = self._clock.second()
        self._held = tuple(one for one in self._silences() if one.since <= now < one.until)

    def is_stale(self, message: Message) -> bool:
        """Whether its letter was written by what is so no more: it is to be written anew."""
        if message.kind == "confirm":
            return False
        draft = self._drafts.pop(message.id, None)
        person = self._profiles.get(message.person)
        if draft is None or person is not draft.person or draft.silences != self._held:
            return True
        has_quiet = person is not None and person.quiet is not None
        if has_quiet and _waits_until(person, message.rank, self._clock.second()) is not None:
            return True
        return self._log.has_newer(draft.incidents, draft.seq)

    def _past(self, messages: Sequence[Message]) -> Past:
        return Past(
            messages,
            self._log,
            self._outbox,
            self._held,
            self._at,
            self._people.person,
            self._clock.second(),
        )

    def _written(self, message: Message, past: Past, letters: Letters) -> Letter | Outcome:
        try:
            return self._letter(message, past, letters)
        except StateConflict:  # what is kept of one person must not silence all others
            log.warning("what is kept of a person cannot be opened", message=message.id)
            return Outcome("given_back", "what is kept of the person cannot be opened", _FAULT_S)

    def _letter(self, message: Message, past: Past, letters: Letters) -> Letter | Outcome:
        if message.kind == "confirm":
            return letters.question(message, past.now)
        person = self._profiles.get(message.person)
        self._note_draft(message, person, past)
        if person is None:
            return unaddressed(message)
        if (id_ := drill_of(message.kind)) and (drill := drill_in(self._state, id_)):
            letter = letters.drill(message, drill, person)
            return _when_awake(drill.rank, person, past.now) or letter
        return letters.notice(message, person) or _news(message, person, past, letters)

    def _note_draft(self, message: Message, person: Person | None, past: Past) -> None:
        if len(self._drafts) >= _DRAFTS_KEPT:  # those of messages that others sent
            self._drafts.clear()
        draft = _Draft(person, past.seq, past.incidents(message), past.silences)
        self._drafts[message.id] = draft


def _news(message: Message, person: Person, past: Past, letters: Letters) -> Letter | Outcome:
    if not past.entries(message):
        return Outcome("never", "its alerts are no longer in the log")
    told, left_out, reason = past.still(message, person)
    if not told:
        return Outcome("dropped", reason)
    if person.quiet is not None and (
        waits := _when_awake(max(map(rank_of, told)), person, past.now)
    ):
        return waits
    return letters.alert(message, told, left_out, person)


def _when_awake(rank: int, person: Person, now: int) -> Outcome | None:
    until = _waits_until(person, rank, now)
    return None if until is None else Outcome("waits", "quiet hours", after_s=until - now)


def _waits_until(person: Person | None, rank: int, now: int) -> int | None:
    """When the quiet hours end for which a message of this rank has to wait; None: it may go."""
    if person is None or person.quiet is None or rank >= Level.RED:
        return None
    return person.quiet.ends_at(now)
