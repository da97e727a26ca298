"""One source's say by one rule: what it said, and what of a level it enters, holds and lets go.

A track rises when a level's entry limit has held for the rule's `for`, and falls when what it says
has been past the level's exit limit for `keep_firing_for`; a gap of three expected intervals starts
both clocks again. What a value is not known to be is neither: it holds nothing, ends nothing, and
leaves the clocks alone. A forecast speaks of hours.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.domain.hazard import Level
from atalaia.domain.reading import Kind
from atalaia.domain.rule import LEVELS, Rule

BLIND_AFTER = 3
"""Expected intervals without a usable value after which a source cannot see."""

WITHDRAWN_AFTER_S = 3600
"""Two revisions of a forecast, so far apart, must fail to hold it before it is withdrawn."""

NEVER = -(1 << 62)
"""Before every instant."""

Span = tuple[int, int]
"""(first, last) hour that a forecast gives a level; (0, 0): none."""

Terms = Sequence[Sequence[float]]
"""Of a score the terms that added most: (term, amount, member of the area or -1) each."""

NO_SPANS: tuple[Span, ...] = ((0, 0),) * len(LEVELS)

FORECAST = int(Kind.FORECAST)
"""To look up a member of an enum takes longer than what is done with it."""

MOST_COUNTED = 64
"""Instants of a run that are told apart: more readings in a row no rule asks for."""


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """What one source says by one rule at one time.

    known_at   when it became known: the order of evidence
    order      position of the rule in its set: decides between equals
    at         the clock of holds: valid_at; for a forecast its issue
    valid_at   of the value (a forecast: of the hour that reaches the highest level)
    entered    highest level whose entry limit the value passes for certain
    holding    highest level whose exit limit the value still passes for certain
    held       highest level whose exit limit cannot be excluded; a level above it is past
    onset_at   when the condition began: valid_at; for a forecast the first hour that passes
    until      last valid time that passes (a forecast's last hour), else valid_at
    expected_s how often its source speaks
    is_late    older than what its source had already said: it may raise, and lowers nothing
    norm       what the rule's limits are relative to, in the value's unit; 0: they are fixed
    is_after_gap    nothing was seen for three intervals before it
    spans      of a forecast: the hours to come that hold each level (watch … red)
    kept       of a forecast: value and valid time of the first hour that holds the highest level
    is_stand_in    it is of the rule's stand-in, the variable itself being unknown
    has_holes      a sum over a time of which not all was told: it may be more
    is_alone       it enters a higher level that one instrument alone does not raise
    because        of a score: the terms that added most, each with its amount, and whose it is
    reached        of an ensemble: what 10, 20 … 90 of 100 runs reach in their worst hour to come,
                   and which that is; NaN where no run's word is of use
    """

    known_at: int
    order: int
    rule: str
    source: str
    kind: int
    at: int
    valid_at: int
    value: float
    entered: int
    holding: int
    held: int
    onset_at: int
    until: int
    expected_s: int
    is_late: bool = False
    norm: float = 0.0
    is_after_gap: bool = False
    spans: Sequence[Sequence[int]] = NO_SPANS
    kept: Sequence[float] | None = None
    is_stand_in: bool = False
    has_holes: bool = False
    is_alone: bool = False
    because: Terms = ()
    reached: Terms = ()

    @property
    def is_doubted(self) -> bool:
        """Whether it may raise and holds nothing: a suspect value."""
        return self.entered > self.holding

    @property
    def is_calm(self) -> bool:
        """Whether it is now past every exit limit, for certain."""
        return self.held == 0 and not self.is_late and self.kind != FORECAST

    @property
    def is_known(self) -> bool:
        """Whether it says anything: an unknown value is neither calm nor does it hold."""
        return self.held == 0 or self.holding > 0 or self.entered > 0


class Track(msgspec.Struct, gc=False):
    """One source's say by one rule; forecasts apart from what is measured or estimated.

    level      that it holds now
    kind       of the value that last held it
    above      by level (watch … red): since when the entry limit has been passed without a
               break, and in how many readings; 0: it is not
    below      by level: since when it has been past the exit limit; 0: it is not
    counted    instants of the readings that are counted: one reading told twice is one
    broken_at  newest valid time at which the lowest level was not entered: late values from before
               that lengthen no run
    value, valid_at, norm    newest; `holding` is the highest level that it enters or still passes,
               `entered` the one that it enters
    best, best_at      at the peak of this track's life in the incident
    onset_at   of the newest rise from calm
    held_until, held_value    last valid time of a value that still held it, and that value
    seen_at    newest valid_at of which anything is known
    calm_since since when all that is known is past every exit limit; 0: it is not
    spans      of a forecast: the hours that hold each level, as last told; those that passed stand
    raised_by  (when it became known, value, valid_at, norm) of the newest value that entered the
               level that is held: what comes with it in one message may be calm again
    calmed_by  the same of the value by which it fell to calm
    is_stand_in, held_by_stand_in, raised_by_stand_in    whether value, held_value and the value of
               raised_by are of the rule's stand-in
    is_alone   the value of raised_by entered a higher level, which one instrument alone does not
               raise
    has_holes, raised_with_holes    of value, and of the value of raised_by: see Evidence
    because, raised_because    what made up value and the value of raised_by, of a score
    """

    rule: str
    source: str
    kind: int
    order: int
    expected_s: int
    level: int = 0
    above: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0, 0])
    count: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0, 0])
    below: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0, 0])
    value: float = 0.0
    valid_at: int = 0
    holding: int = 0
    best: float = 0.0
    best_at: int = 0
    onset_at: int = 0
    held_until: int = NEVER
    held_value: float = 0.0
    seen_at: int = 0
    is_late: bool = False
    norm: float = 0.0
    entered: int = 0
    counted: list[int] = []
    broken_at: int = 0
    calm_since: int = 0
    spans: list[Span] = msgspec.field(default_factory=lambda: [*NO_SPANS])
    raised_by: tuple[int, float, int, float] = (NEVER, 0.0, 0, 0.0)
    calmed_by: tuple[int, float, int, float] = (NEVER, 0.0, 0, 0.0)
    is_stand_in: bool = False
    held_by_stand_in: bool = False
    raised_by_stand_in: bool = False
    is_alone: bool = False
    has_holes: bool = False
    raised_with_holes: bool = False
    because: Terms = ()
    raised_because: Terms = ()

    @property
    def is_forecast(self) -> bool:
        """Whether it speaks of a time to come."""
        return self.kind == FORECAST

    @property
    def is_past(self) -> bool:
        """Whether its newest value no longer passes the exit limit of the level that it holds."""
        return self.holding < self.level

    def can_see(self, now: int) -> bool:
        """Whether its last word still counts: not silent for three intervals. A forecast's word
        counts until its hours have passed in calm, or it is taken back."""
        return self.is_forecast or now - self.seen_at < BLIND_AFTER * self.expected_s

    def hear(self, said: Evidence, rule: Rule) -> None:
        """Take one more piece of evidence into account."""
        if self._goes_on(said, rule):
            return
        if said.is_after_gap and not self.is_forecast:
            self._forget_clocks()
        fired = self._rise(said, rule)
        if self.is_forecast:
            kept = self._keep_hours(said)
        elif said.is_late:
            kept = self.level
        else:
            kept = self._keep(said, rule)
        self._note(said, rule, max(fired, kept))

    def _goes_on(self, said: Evidence, rule: Rule) -> bool:
        """Take into account what neither raises nor lowers and only lets clocks run on that run,
        said for certain and of a later time: as nearly always, in hours of calm and of rain. It
        comes to what `_rise`, `_keep` and `_note` would make of it. False: it is none of that."""
        entered, held, level, at = said.entered, said.held, self.level, said.at
        above, below = self.above, self.below
        if (
            not entered <= said.holding == held
            or entered > level
            or said.is_late
            or at <= self.seen_at
            or (level > held and at - below[level - 1] >= rule.keep_s)
            or said.is_after_gap
            or self.kind == FORECAST
            # Levels from the lowest on are entered, and those from the highest on are past.
            or above.count(0) != len(LEVELS) - entered
            or (entered and 0 in above[:entered])
            or below.count(0) != held
            or (held and any(below[:held]))
            or bool(self.calm_since) == bool(held)
        ):
            return False
        if entered:
            # Later than all that was seen, it has not been counted.
            for i in range(entered):
                self.count[i] += 1
            self.counted.append(at)
            del self.counted[: -MOST_COUNTED - 1]
        else:
            self.broken_at = at
            if self.counted:
                self.counted = []
        self.value, self.valid_at, self.norm = said.value, said.valid_at, said.norm
        self.kind, self.entered, self.holding = said.kind, entered, held
        self.is_late, self.is_stand_in = False, said.is_stand_in
        self.has_holes, self.because = said.has_holes, said.because
        self.seen_at, self.expected_s = at, said.expected_s
        if level:
            self._hold(said, rule, level)
        return True

    def _hold(self, said: Evidence, rule: Rule, level: int) -> None:
        """Note what holds a level that is held, and what enters it once more."""
        if said.holding:
            if rule.sign * said.value > rule.sign * self.best:
                self.best, self.best_at = said.value, said.valid_at
            if said.until >= self.held_until:
                self.held_until, self.held_value = said.until, said.value
        if said.entered >= level:
            self._note_raised(said)

    def _note_raised(self, said: Evidence) -> None:
        self.raised_by = (said.known_at, said.value, said.valid_at, said.norm)
        self.raised_by_stand_in, self.is_alone = said.is_stand_in, said.is_alone
        self.raised_with_holes = said.has_holes
        self.raised_because = said.because

    def _forget_clocks(self) -> None:
        self.above, self.count, self.below = [0] * 4, [0] * 4, [0] * 4
        self.counted, self.calm_since = [], 0

    def _rise(self, said: Evidence, rule: Rule) -> int:
        """The highest level whose entry limit has been passed for long enough."""
        lowest = rule.lowest
        if said.entered < lowest and not said.is_late and said.is_known:
            self.broken_at = max(self.broken_at, said.at)
        is_again = said.at in self.counted
        is_before_a_break = said.is_late and said.at <= self.broken_at
        fired = Level.NONE
        for i, level in enumerate(LEVELS):
            if said.entered >= level:
                if is_before_a_break:
                    # Its run, if it was one, is over: it counts for itself alone.
                    is_long, count = not self._for_s(rule), 1
                else:
                    since = self.above[i] or said.at
                    self.above[i] = min(since, said.at)
                    self.count[i] += not is_again
                    is_long = max(since, said.at) - self.above[i] >= self._for_s(rule)
                    count = self.count[i]
                if is_long or 0 < rule.for_readings <= count:
                    fired = level
                    if level > self.level:
                        self.below[i] = 0
            elif not said.is_late and (said.holding >= level or said.held < level):
                self.above[i] = self.count[i] = 0
        if said.entered < lowest and not any(self.count):
            self.counted = []
        elif said.entered and not is_again and not is_before_a_break:
            self.counted = [*self.counted[-MOST_COUNTED:], said.at]
        return fired

    def _for_s(self, rule: Rule) -> int:
        return 0 if self.is_forecast else rule.for_s

    def _keep(self, said: Evidence, rule: Rule) -> int:
        """The level that a value of now leaves it."""
        kept = Level.NONE
        for i, level in enumerate(LEVELS):
            if said.holding >= level:
                self.below[i] = 0
            elif said.held < level:
                self.below[i] = self.below[i] or said.at
            has_ended = said.held < level and said.at - self.below[i] >= rule.keep_s
            if self.level >= level and not has_ended:
                kept = level
        if said.held == 0:
            self.calm_since = self.calm_since or said.at
        elif said.holding:
            self.calm_since = 0
        return kept

    def _keep_hours(self, said: Evidence) -> int:
        """The level that a revision leaves it: what is still ahead can be taken back, and what has
        passed stands."""
        kept = Level.NONE
        for i, level in enumerate(LEVELS):
            first, last = self.spans[i]
            told_first, told_last = said.spans[i]
            has_ended = False
            if told_last:
                stands = 0 < first <= said.at and not self.below[i]
                self.spans[i] = (min(first, told_first) if stands else told_first, told_last)
                self.below[i] = 0
            elif 0 < first <= said.at and not self.below[i]:
                # The rest of its hours is taken back, if there is any.
                self.spans[i] = (first, min(last, said.at))
            else:
                self.below[i] = self.below[i] or said.at
                has_ended = said.at - self.below[i] >= WITHDRAWN_AFTER_S
                if has_ended:
                    self.spans[i] = (0, 0)
            if self.level >= level and not has_ended:
                kept = level
        return kept

    def _note(self, said: Evidence, rule: Rule, level: int) -> None:
        is_forecast, is_known, holding = self.is_forecast, said.is_known, said.holding
        if level and not self.level:
            begun = min((since for since in self.above if since), default=said.onset_at)
            self.onset_at = said.onset_at if is_forecast else min(begun, said.onset_at)
            self.best, self.best_at = said.value, said.valid_at
        if (is_known and not said.is_late) or level > self.level:
            self.value, self.valid_at, self.is_late = said.value, said.valid_at, said.is_late
            if said.kept is not None and level > said.entered:
                self.value, self.valid_at = said.kept[0], int(said.kept[1])
            self.norm, self.is_stand_in = said.norm, said.is_stand_in
            self.has_holes = said.has_holes
            self.because = said.because
            self.holding, self.entered = max(holding, said.entered), said.entered
            if not is_forecast:
                self.kind = said.kind
        if level and holding and rule.sign * said.value > rule.sign * self.best:
            self.best, self.best_at = said.value, said.valid_at
        if is_forecast:
            self.held_until = max((last for _, last in self.spans if last), default=NEVER)
            if holding:
                self.held_value, self.held_by_stand_in = said.value, said.is_stand_in
            if said.entered and self.onset_at > said.at:
                self.onset_at = said.onset_at
        elif level and (holding or level > self.level) and said.until >= self.held_until:
            # A doubted value holds nothing, but what it raised counts from it.
            self.held_until, self.held_value = said.until, said.value
        if self.level and not level:
            self.calmed_by = (said.known_at, said.value, said.valid_at, said.norm)
            self.held_by_stand_in = said.is_stand_in
        self.level = level
        if level and said.entered >= level:
            self._note_raised(said)
        if is_known and said.at > self.seen_at:
            self.seen_at = said.at
        self.expected_s = said.expected_s

    def as_raised(self, now: int) -> Track:
        """With the value that raised it now, where a later one of the same message is calm."""
        known_at, value, valid_at, norm = self.raised_by
        if known_at != now or self.entered >= self.level:
            return self
        return msgspec.structs.replace(
            self,
            value=value,
            valid_at=valid_at,
            norm=norm,
            entered=self.level,
            holding=self.level,
            is_stand_in=self.raised_by_stand_in,
            has_holes=self.raised_with_holes,
            because=self.raised_because,
        )

    def as_calmed(self) -> Track:
        """With the value by which it fell to calm, where a later one of the same message is not."""
        _, value, valid_at, norm = self.calmed_by
        return msgspec.structs.replace(self, value=value, valid_at=valid_at, norm=norm, because=())

    def first_of(self, level: int) -> int:
        """The first hour of a forecast that holds a level."""
        return self.spans[level - 1][0] or self.valid_at

    def take_up(self, said: Evidence, level: int, onset_at: int) -> None:
        """Hold again what still passes the exit limit, in an incident that expired.

        `level` is the highest that this track can go on with.
        """
        if min(said.holding, level) > self.level:
            self.level = min(said.holding, level)
            self.onset_at = onset_at
            self.best, self.best_at = said.value, said.valid_at
            if said.until >= self.held_until:
                self.held_until, self.held_value = said.until, said.value
            self.held_by_stand_in = said.is_stand_in

    def lapsed_to(self, keep_s: int, others: Sequence[Track]) -> int:
        """The level of a forecast that is left, where hours have passed and what was seen in their
        place, for `keep_s` since, was past the exit limit.

        `others` are measured or estimated, and can see. The same rule says it level by level; where
        it has no word, all others must be past all of their limits.
        """
        same = [track for track in others if track.rule == self.rule]
        if not same and not all(track.calm_since for track in others):
            return self.level
        level = self.level
        while level:
            last = self.spans[level - 1][1] or self.held_until
            if not any(
                track._has_seen_off(self.rule, level, last, keep_s) for track in same or others
            ):
                break
            level -= 1
        return level

    def _has_seen_off(self, rule: str, level: int, last: int, keep_s: int) -> bool:
        """Whether what a forecast gave a level up to `last` was seen to be past it for so long."""
        since = self.below[level - 1] if self.rule == rule else self.calm_since
        return bool(since) and self.seen_at > last and self.seen_at - max(since, last) >= keep_s

    def rest(self) -> None:
        """Forget all clocks: the incident is over, and what held it holds no later one."""
        self.level, self.held_until = 0, NEVER
        self._forget_clocks()
        self.spans = [*NO_SPANS]
