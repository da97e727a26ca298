"""The life of an incident: one hazard at one place or area, from onset to end.

    pending ──► active ──► ended        no source holds it any more
                  │  ▲ └─► cancelled    only forecast, and withdrawn; or its rule has gone
                  ▼  │
                expired                 nothing was seen for `expires_after`: not "over", but
                                        "we can no longer see"; data within a day continue it

Evidence comes in the order in which it became known, grouped by instant. Each source's say by
each rule is a `Track` with a level of its own. A track rises when a level's entry limit has held
for the rule's `for`, and falls when what it says has been past the level's exit limit for
`keep_firing_for`; a gap of three expected intervals starts both clocks again, so an outage
neither raises nor ends. What a value is not known to be is neither: it holds nothing, ends nothing,
and leaves the clocks alone. The incident has the highest level among the tracks that can see.

A forecast speaks of hours. It is taken back by a later revision of hours that are still ahead;
hours that have passed stand as they were foretold, until what was measured in their place says
otherwise.

At most one entry an instant comes out of an incident, whatever number of sources and rules
stand behind it. Where there is nothing else to tell, and the peak by a rule has come through a
limit that somebody asked for, that entry is a `step`.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from atalaia.domain.alert import AlertType, Moved
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.reading import Kind
from atalaia.domain.rule import LEVELS, Rule
from atalaia.domain.subscription import can_step

BLIND_AFTER = 3
"""Expected intervals without a usable value after which a source cannot see."""

CONTINUES_WITHIN_S = 86400
"""How long after it expired an incident can be continued by data that still hold it."""

WITHDRAWN_AFTER_S = 3600
"""Two revisions of a forecast, so far apart, must fail to hold it before it is withdrawn."""

FORGET_AFTER_S = 86400
"""How long a closed incident is remembered, so that late data do not open it again."""

SOONER_S = 6 * 3600
"""A forecast that begins so much earlier than was told is news."""

SOONER_BY_HALF_S = 3600
"""So is one that begins so much earlier, where that leaves half of the time or less."""


NEVER = -(1 << 62)
"""Before every instant."""

_NO_COUNT = [0, 0, 0, 0]

Span = tuple[int, int]
"""(first, last) hour that a forecast gives a level; (0, 0): none."""

NO_SPANS: tuple[Span, ...] = ((0, 0),) * len(LEVELS)

MOST_COUNTED = 64
"""Instants of a run that are told apart: more readings in a row no rule asks for."""

Asked = Mapping[str, Sequence[float]]
"""Limits that people asked for, by the rule that sees them; ascending, each once."""

NOBODY_ASKED: Asked = MappingProxyType({})


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

    @property
    def is_doubted(self) -> bool:
        """Whether it may raise and holds nothing: a suspect value."""
        return self.entered > self.holding

    @property
    def is_calm(self) -> bool:
        """Whether it is now past every exit limit, for certain."""
        return self.held == 0 and not self.is_late and self.kind != Kind.FORECAST

    @property
    def is_known(self) -> bool:
        """Whether it says anything: an unknown value is neither calm nor does it hold."""
        return self.held == 0 or max(self.holding, self.entered) > 0


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

    @property
    def is_forecast(self) -> bool:
        """Whether it speaks of a time to come."""
        return self.kind == Kind.FORECAST

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
        if level and not self.level:
            begun = min((since for since in self.above if since), default=said.onset_at)
            self.onset_at = said.onset_at if self.is_forecast else min(begun, said.onset_at)
            self.best, self.best_at = said.value, said.valid_at
        if (not said.is_late and said.is_known) or level > self.level:
            self.value, self.valid_at, self.is_late = said.value, said.valid_at, said.is_late
            if said.kept is not None and level > said.entered:
                self.value, self.valid_at = said.kept[0], int(said.kept[1])
            self.norm = said.norm
            self.norm, self.is_stand_in = said.norm, said.is_stand_in
            self.holding, self.entered = max(said.holding, said.entered), said.entered
            if not self.is_forecast:
                self.kind = said.kind
        if level and said.holding and rule.sign * said.value > rule.sign * self.best:
            self.best, self.best_at = said.value, said.valid_at
        if self.is_forecast:
            self.held_until = max((last for _, last in self.spans if last), default=NEVER)
            if said.holding:
                self.held_value, self.held_by_stand_in = said.value, said.is_stand_in
            if said.entered and self.onset_at > said.at:
                self.onset_at = said.onset_at
        elif level and (said.holding or level > self.level) and said.until >= self.held_until:
            # A doubted value holds nothing, but what it raised counts from it.
            self.held_until, self.held_value = said.until, said.value
        if self.level and not level:
            self.calmed_by = (said.known_at, said.value, said.valid_at, said.norm)
            self.held_by_stand_in = said.is_stand_in
        self.level = level
        if level and said.entered >= level:
            self.raised_by = (said.known_at, said.value, said.valid_at, said.norm)
            self.raised_by_stand_in = said.is_stand_in
        if said.is_known:
            self.seen_at = max(self.seen_at, said.at)
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
        )

    def as_calmed(self) -> Track:
        """With the value by which it fell to calm, where a later one of the same message is not."""
        _, value, valid_at, norm = self.calmed_by
        return msgspec.structs.replace(self, value=value, valid_at=valid_at, norm=norm)

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


class Peak(msgspec.Struct, gc=False, array_like=True):
    """The worst value by one rule in an incident's life, and as it was when last told.

    Doubted values do not count. `told` is None before the first entry that told it.
    """

    value: float
    told: float | None = None


class Change(msgspec.Struct, frozen=True):
    """What has just happened to an incident, for the alert log. All times are Unix seconds.

    `track` is the one that decided; `rule` is its rule, None if that has gone. `moved` has the
    rules, in the order of their set, whose peak is beyond what the last entry told.
    """

    incident: str
    version: int
    type: AlertType
    reason: str
    hazard: str
    subject: str
    level: int
    kind: int
    opened_at: int
    sent_at: int
    onset_at: int
    expires_at: int
    track: Track
    limit: float | None
    rule: Rule | None
    peak_level: int
    peak: float
    peak_at: int
    moved: tuple[Moved, ...] = ()


class Incident(msgspec.Struct):
    """One hazard at one place or area. `subject` is the place's id or the area's name.

    status     pending, active, expired; closed: kept for a while so that old news stay old
    opened_at  event time at which it first left pending; 0 before
    level, kind, onset_at, version    as last told
    expires_at    last held + expires_after
    closed_at     valid time that ended it
    peaks         by rule: of those on which limits of one's own can be set
    """

    hazard: Hazard
    subject: str
    status: str = "pending"
    opened_at: int = 0
    key: str = ""
    level: int = 0
    kind: int = Kind.FORECAST
    onset_at: int = 0
    version: int = 0
    expires_at: int = 0
    peak_level: int = 0
    peak: float = 0.0
    peak_at: int = 0
    closed_at: int = 0
    tracks: list[Track] = msgspec.field(default_factory=list)
    peaks: dict[str, Peak] = msgspec.field(default_factory=dict)

    def advance(
        self,
        evidence: Sequence[Evidence],
        instants: Sequence[int],
        rules: dict[str, Rule],
        asked: Asked = NOBODY_ASKED,
    ) -> list[Change]:
        """Live through a batch: evidence sorted by known_at, and all instants of the batch.

        `instants` (sorted, unique) are the times at which anything at all became known: the
        clock. Silence is noticed at the first of them that is late enough. `asked` are the limits
        at which there is a step.
        """
        changes: list[Change] = []
        i = 0
        end = instants[-1]
        while i < len(evidence):
            now = evidence[i].known_at
            j = i
            while j < len(evidence) and evidence[j].known_at == now:
                j += 1
            if self.status == "active" and self.expires_at < now:
                changes += self._expire(instants, now, rules)
            self._pass_time(instants, now)
            # Calm is nothing to who waits for nothing: it is heard from what enters a level on.
            if not self.is_idle or any(one.entered for one in evidence[i:j]):
                changes += self._instant(now, evidence[i:j], rules, asked)
            i = j
        if self.status == "active" and self.expires_at <= end:
            changes += self._expire(instants, end + 1, rules)
        self._give_up(end)
        return changes

    def _pass_time(self, instants: Sequence[int], now: int) -> None:
        """Close and forget what was over at an instant before this one, as if it came alone."""
        earlier = bisect_left(instants, now)
        if earlier:
            self._give_up(instants[earlier - 1])
            if self.is_idle and self.forgotten_at <= instants[earlier - 1]:
                self.tracks, self.closed_at, self.status = [], 0, "pending"

    @property
    def forgotten_at(self) -> int:
        """When nothing needs to be known any more of an incident that is idle."""
        return self.closed_at + FORGET_AFTER_S if self.closed_at else 0

    @property
    def is_idle(self) -> bool:
        """Nothing is open, and nothing is about to."""
        if self.status not in ("pending", "closed"):
            return False
        return not any(track.count != _NO_COUNT for track in self.tracks)

    def _instant(
        self, now: int, said: Sequence[Evidence], rules: dict[str, Rule], asked: Asked
    ) -> list[Change]:
        if self.status == "active" and now > self.expires_at + CONTINUES_WITHIN_S:
            # Nothing at all became known for so long: it had expired, and can go on no more.
            expired = self._expired(now, rules)
            self._give_up(now)
            return [expired, *self._instant(now, said, rules, asked)]
        self._give_up(now)
        heard = []
        highs: dict[str, Evidence] = {}
        for one in said:
            if self._is_old_news(one) or (self.status == "expired" and one.is_doubted):
                continue
            track = self._track(one)
            rule = rules[one.rule]
            track.hear(one, rule)
            heard.append(track)
            if self.status == "expired":
                track.take_up(one, rule.up_to(self.level), self.onset_at)
            if one.holding and track.level and self._is_new_high(one, rule):
                highs[one.rule] = one
        deciding = self._deciding(now)
        if self.status == "active":
            changes = self._go_on(now, deciding, heard, rules)
            return changes or self._step(now, highs, rules, asked)
        if deciding is None:
            if self.status == "expired" and any(one.is_calm for one in said):
                # It is calm now. That it could no longer be seen was the last word.
                self._close(said[-1].at)
            return []
        if self.status == "expired":
            return [self._continue(now, deciding, rules)]
        return [self._open(now, deciding, rules)]

    def _is_new_high(self, said: Evidence, rule: Rule) -> bool:
        """Whether it is worse than all that the rule has seen of this incident; note it."""
        peak = self.peaks.get(rule.name)
        if peak is None:
            if not can_step(rule):
                return False
            self.peaks[rule.name] = Peak(said.value)
            return True
        if rule.sign * said.value <= rule.sign * peak.value:
            return False
        peak.value = said.value
        return True

    def _step(
        self, now: int, highs: dict[str, Evidence], rules: dict[str, Rule], asked: Asked
    ) -> list[Change]:
        """A step, if a peak that has just risen came through a limit that somebody asked for.

        It names the most extreme of these limits; of several rules the first one decides.
        """
        for name in sorted(highs.keys() & asked.keys(), key=lambda name: highs[name].order):
            said = highs[name]
            limit = _passed(asked[name], self.peaks[name], is_below=rules[name].is_below)
            if limit is None:
                continue
            track = msgspec.structs.replace(
                self._track(said),
                kind=said.kind,
                value=said.value,
                valid_at=said.valid_at,
                is_late=said.is_late,
            )
            return [self._change(now, "step", "step", track, rules, limit)]
        return []

    def _give_up(self, now: int) -> None:
        """Close what expired too long ago to be continued."""
        if self.status == "expired" and now > self.expires_at + CONTINUES_WITHIN_S:
            self._close(self.expires_at)

    def _is_old_news(self, said: Evidence) -> bool:
        return self.status == "closed" and said.at <= self.closed_at

    def _track(self, said: Evidence) -> Track:
        is_forecast = said.kind == Kind.FORECAST
        for track in self.tracks:
            if (track.rule, track.source, track.is_forecast) == (
                said.rule,
                said.source,
                is_forecast,
            ):
                return track
        track = Track(said.rule, said.source, said.kind, said.order, said.expected_s)
        self.tracks.append(track)
        self.tracks.sort(key=lambda t: (t.order, t.source, t.is_forecast))
        return track

    def _deciding(self, now: int) -> Track | None:
        """The track that gives the level: the highest that can see, the surest among equals.

        Where those that gave the level as it was told cannot be seen, another one takes their place
        only if it speaks of now: what is forecast for tonight says nothing of what was measured.
        """
        holding = [track for track in self.tracks if track.level]
        seeing = [track for track in holding if track.can_see(now)]
        highest = max((track.level for track in seeing), default=0)
        if highest < self.level and any(track.level >= self.level for track in holding):
            seeing = [track for track in seeing if not track.is_forecast]
        return max(seeing or holding, key=lambda t: (t.level, -t.kind, -t.order), default=None)

    def _open(self, now: int, track: Track, rules: dict[str, Rule]) -> Change:
        self.status, self.version, self.peak_level = "active", 0, 0
        self.opened_at = now if track.is_forecast else track.valid_at
        words = f"{self.hazard}|{self.subject}|{self.opened_at}"
        self.key = hashlib.sha256(words.encode()).hexdigest()[:16]
        return self._tell(now, "alert", "onset", track.as_raised(now), track.level, rules)

    def _go_on(
        self, now: int, deciding: Track | None, heard: Sequence[Track], rules: dict[str, Rule]
    ) -> list[Change]:
        has_lapsed = self._lapse(now, rules)
        expired = [t for t in self.tracks if t.level and now >= self._expiry(t, rules)]
        for track in expired:
            track.level = 0
        if has_lapsed or expired:
            deciding = self._deciding(now)
        if deciding is None:
            ended_by = self._calmed(now, heard)
            is_unseen = bool(expired) and ended_by is None
            change = self._expired(now, rules) if is_unseen else self._end(now, ended_by, rules)
            return [change]
        self._remember_peak(deciding, rules)
        self.expires_at = self._expires_at(rules)
        # What others were eased from, unseen since, is no news when these others fall silent.
        is_news = deciding.can_see(now) or any(track is deciding for track in heard)
        # The value that is told passes the limit that is told.
        raised = deciding.as_raised(now)
        if deciding.level > self.level and is_news and raised.entered > self.level:
            return [self._tell(now, "update", "escalated", raised, deciding.level, rules)]
        if deciding.level < self.level and deciding.can_see(now) and not deciding.is_past:
            # Easing is told once, where it settles.
            return [self._ease(now, deciding, rules)]
        # A lower level that is measured does not confirm a higher one that is forecast.
        reaching = [t for t in self.tracks if t.level >= self.level and not t.is_past]
        surest = min(reaching, key=lambda t: (t.kind, -t.level, t.order), default=deciding)
        if surest.kind < self.kind and surest.level >= self.level:
            return [self._tell(now, "update", "certainty", surest, self.level, rules)]
        if self._is_sooner(now, deciding):
            return [self._tell(now, "update", "sooner", deciding, self.level, rules)]
        return []

    def _lapse(self, now: int, rules: dict[str, Rule]) -> bool:
        """Lower forecasts whose hours are over, where calm was seen in their place since."""
        seeing = [t for t in self.tracks if not t.is_forecast and t.can_see(now)]
        has_lapsed = False
        for track in self.tracks:
            if track.is_forecast and track.level and seeing:
                rule = rules[track.rule]
                level = rule.up_to(track.lapsed_to(rule.keep_s, seeing))
                has_lapsed |= level < track.level
                track.level = level
        return has_lapsed

    def _ease(self, now: int, deciding: Track, rules: dict[str, Rule]) -> Change:
        """Tell a lower level. Those that cannot be seen are no longer believed to hold a higher
        one: where they come back, they must enter it."""
        for track in self.tracks:
            if track.level > deciding.level and not track.can_see(now):
                track.level = rules[track.rule].up_to(deciding.level)
        return self._tell(now, "update", "eased", deciding, deciding.level, rules)

    def _is_sooner(self, now: int, deciding: Track) -> bool:
        """Whether what is still only forecast begins much earlier than was told."""
        if not deciding.is_forecast or self.kind != Kind.FORECAST or self.onset_at <= now:
            return False
        earlier = self.onset_at - self._onset(deciding, deciding.level)
        is_by_half = 2 * (self.onset_at - earlier - now) <= self.onset_at - now
        return earlier >= SOONER_S or (earlier >= SOONER_BY_HALF_S and is_by_half)

    def _onset(self, track: Track, level: int) -> int:
        """When what is told began, or is forecast to."""
        holding = [t for t in self.tracks if t.level]
        measured = [t for t in holding if not t.is_forecast]
        if track.is_forecast and measured and all(t.level < level for t in measured):
            return track.first_of(level)  # what is there now is less than what is to come
        return min(t.onset_at for t in measured or holding)

    def _calmed(self, now: int, heard: Sequence[Track]) -> Track | None:
        """The track whose value shows that it is over: past every exit limit, and seen now."""
        calm = [t for t in self.tracks if not t.is_forecast and t.calm_since and t.can_see(now)]

        def weight(track: Track) -> tuple[bool, bool, int, int]:
            was_heard = any(one is track for one in heard)
            return was_heard, track.held_until > NEVER, track.seen_at, -track.order

        fallen = [t for t in self.tracks if not t.is_forecast and t.calmed_by[0] == now]
        if not calm and fallen:
            return max(fallen, key=weight).as_calmed()
        return max(calm, key=weight, default=None)

    def _continue(self, now: int, deciding: Track, rules: dict[str, Rule]) -> Change:
        """Data came back within a day and still pass the exit limit: the incident goes on."""
        self.status = "active"
        reason = "escalated" if deciding.level > self.level else "certainty"
        return self._tell(now, "update", reason, deciding, deciding.level, rules)

    def _expiry(self, track: Track, rules: dict[str, Rule]) -> int:
        return track.held_until + rules[track.rule].expires_after_s

    def _expires_at(self, rules: dict[str, Rule]) -> int:
        return max(self._expiry(t, rules) for t in self.tracks if t.level)

    def _remember_peak(self, track: Track, rules: dict[str, Rule]) -> None:
        sign = rules[track.rule].sign
        if track.level > self.peak_level or (
            track.level == self.peak_level and sign * track.best > sign * self.peak
        ):
            self.peak_level, self.peak, self.peak_at = track.level, track.best, track.best_at

    def _tell(
        self,
        now: int,
        type_: AlertType,
        reason: str,
        track: Track,
        level: int,
        rules: dict[str, Rule],
    ) -> Change:
        """Bring what was told up to what is, and say so."""
        rule = rules[track.rule]
        holding = [t for t in self.tracks if t.level]
        # Of what reaches this level: that less is measured does not make more of it certain. What
        # was told of it stays: certainty never falls at one level.
        kind = min((t.kind for t in holding if t.level >= level), default=track.kind)
        self.kind = min(self.kind, kind) if level == self.level and type_ != "alert" else kind
        self.level = level
        self.onset_at = self._onset(track, level)
        self._remember_peak(track, rules)
        self.expires_at = self._expires_at(rules)
        told = Level(track.level)
        limit = rule.limit(told) if track.entered >= told else rule.exit_limit(told)
        return self._change(now, type_, reason, track, rules, limit)

    def _end(self, now: int, calmed: Track | None, rules: dict[str, Rule]) -> Change:
        """What was only ever forecast, and is taken back, is withdrawn. All else is over, by the
        value that shows it; what was seen before an outage, and only forecast to go on after it, is
        over by what the forecast now says."""
        measured = [t for t in self.tracks if not t.is_forecast and t.held_until > NEVER]
        taken_back = [t for t in self.tracks if t.is_forecast and not t.held_until > NEVER]
        is_withdrawn = not measured and bool(taken_back) and self.kind == Kind.FORECAST
        is_withdrawn &= not any(t.is_forecast and t.held_until > NEVER for t in self.tracks)
        track = calmed or self._held_last()
        if is_withdrawn:
            track = max(taken_back, key=lambda t: (t.seen_at, -t.order))
        rule = rules[track.rule]
        change = self._change(
            now,
            "cancel" if is_withdrawn else "end",
            "withdrawn" if is_withdrawn else "ended",
            track,
            rules,
            rule.exit_limit(rule.lowest),
        )
        self._close(now if track.is_forecast else track.valid_at)
        return change

    def _expire(self, instants: Sequence[int], before: int, rules: dict[str, Rule]) -> list[Change]:
        """Turn expired at the first instant after `expires_at`, if that is before `before`."""
        at = instants[bisect_left(instants, self.expires_at)]
        return [self._expired(at, rules)] if at < before else []

    def _expired(self, now: int, rules: dict[str, Rule]) -> Change:
        track = self._held_last()
        if not track.is_forecast:
            # What came since, if anything, could not say that it is over: told is what was seen.
            track = msgspec.structs.replace(
                track,
                value=track.held_value,
                valid_at=track.held_until,
                is_stand_in=track.held_by_stand_in,
            )
        rule = rules[track.rule]
        change = self._change(now, "end", "expired", track, rules, rule.exit_limit(rule.lowest))
        self.status = "expired"
        for each in self.tracks:
            each.rest()
        return change

    def _held_last(self) -> Track:
        """The track that held it longest: what its ending is explained by."""
        measured = [t for t in self.tracks if not t.is_forecast and t.held_until > NEVER]
        return max(measured or self.tracks, key=lambda t: (t.held_until, -t.order))

    def _change(
        self,
        now: int,
        type_: AlertType,
        reason: str,
        track: Track,
        rules: dict[str, Rule],
        limit: float | None,
    ) -> Change:
        self.version += 1
        return Change(
            incident=self.key,
            version=self.version,
            type=type_,
            reason=reason,
            hazard=self.hazard,
            subject=self.subject,
            level=self.level,
            kind=self.kind,
            opened_at=self.opened_at,
            sent_at=now,
            onset_at=self.onset_at,
            expires_at=self.expires_at,
            track=msgspec.structs.replace(track),
            limit=round(limit + track.norm, 3) if limit is not None and track.norm else limit,
            rule=rules.get(track.rule),
            peak_level=self.peak_level,
            peak=self.peak,
            peak_at=self.peak_at,
            moved=tuple(self._told_peaks(rules)),
        )

    def _told_peaks(self, rules: dict[str, Rule]) -> Iterator[Moved]:
        """How far each rule's peak came since it was last told; it is told now."""
        for name, rule in rules.items():
            peak = self.peaks.get(name)
            if peak is not None and peak.value != peak.told:
                yield Moved(rule.variable, rule.window_s, rule.is_below, peak.told, peak.value)
                peak.told = peak.value

    def _close(self, at: int) -> None:
        self.status, self.closed_at, self.level = "closed", at, 0
        self.peaks = {}
        for track in self.tracks:
            track.rest()

    def judge_again(self, now: int, rules: dict[str, Rule]) -> list[Change]:
        """Rules were edited: they judge from now on, and what none covers is cancelled.

        Each track's newest value is held against the exit limits as they now stand.
        """
        held_last = self._held_last() if self.tracks else None
        self.tracks = [track for track in self.tracks if track.rule in rules]
        self.peaks = {name: peak for name, peak in self.peaks.items() if name in rules}
        order = list(rules)
        for track in self.tracks:
            track.order = order.index(track.rule)
            rule = rules[track.rule]
            track.level = rule.up_to(min(track.level, _still_holds(track, rule)))
        if any(track.level for track in self.tracks):
            return []
        if self.status == "active" and held_last is not None:
            change = self._change(now, "cancel", "rule changed", held_last, rules, None)
            self._close(now)
            return [change]
        if self.status == "expired" and not self.tracks:
            self._close(now)
        return []


def _still_holds(track: Track, rule: Rule) -> int:
    """The highest level whose exit limit the newest value passes."""
    for level in reversed(LEVELS):
        limit = rule.exit_limit(level)
        if limit is not None and rule.sign * (track.value - track.norm) >= rule.sign * limit:
            return level
    return 0


def _passed(asked: Sequence[float], peak: Peak, *, is_below: bool) -> float | None:
    """The most extreme of the ascending limits that the peak came through since it was told."""
    if is_below:
        i = bisect_left(asked, peak.value)
        is_new = i < len(asked) and (peak.told is None or asked[i] < peak.told)
    else:
        i = bisect_right(asked, peak.value) - 1
        is_new = i >= 0 and (peak.told is None or asked[i] > peak.told)
    return float(asked[i]) if is_new else None
