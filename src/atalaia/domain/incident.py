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
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import msgspec

from atalaia.domain.alert import AlertType, Moved
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.peaks import (
    Peak,
    may_be_high,
    new_highs,
    passed,
    rule_of,
    runs_reaching,
    told_peaks,
)
from atalaia.domain.reading import Kind
from atalaia.domain.rule import Rule
from atalaia.domain.track import NEVER, Evidence, Track
from atalaia.domain.tracks import (
    as_told,
    calmed_by,
    deciding_of,
    expiry_of,
    hold_against,
    lapse,
    last_expiry_of,
    longest_held,
    onset_of,
    track_of,
)

CONTINUES_WITHIN_S = 86400
"""How long after it expired an incident can be continued by data that still hold it."""

FORGET_AFTER_S = 86400
"""How long a closed incident is remembered, so that late data do not open it again."""

SOONER_S = 6 * 3600
"""A forecast that begins so much earlier than was told is news."""

SOONER_BY_HALF_S = 3600
"""So is one that begins so much earlier, where that leaves half of the time or less."""


_NO_COUNT = [0, 0, 0, 0]

Asked = Mapping[str, Sequence[float]]
"""Limits that people asked for, by the peak that passes them (`peaks.named`); ascending, each
once."""

NOBODY_ASKED: Asked = MappingProxyType({})


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
            if self.status != "active" and self.is_idle:
                # Calm is nothing to who waits for nothing: it is heard from what enters a level on.
                i = _first_that_enters(evidence, i)
                if i == len(evidence):
                    break
            now = evidence[i].known_at
            j = i
            while j < len(evidence) and evidence[j].known_at == now:
                j += 1
            if self.status == "active" and self.expires_at < now:
                changes += self._expire(instants, now, rules)
            # At the instant before, as if a batch had ended there.
            if self.status != "active" and (earlier := bisect_left(instants, now)):
                self._settle(instants[earlier - 1])
            changes += self._instant(now, evidence[i:j], rules, asked)
            i = j
        if self.status == "active" and self.expires_at <= end:
            changes += self._expire(instants, end + 1, rules)
        self._settle(end)
        return changes

    def _settle(self, now: int) -> None:
        """Close and forget what is over by now: what follows finds it as if it had never been."""
        self._give_up(now)
        if self.is_idle and self.forgotten_at <= now:
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
        status, tracks, peaks = self.status, self.tracks, self.peaks
        for one in said:
            is_old_news = status == "closed" and one.at <= self.closed_at
            if is_old_news or (status == "expired" and one.is_doubted):
                continue
            track = track_of(tracks, one)
            rule = rules[one.rule]
            track.hear(one, rule)
            heard.append(track)
            if status == "expired":
                track.take_up(one, rule.up_to(self.level), self.onset_at)
            if one.holding and track.level and may_be_high(peaks, one, rule):
                highs.update(new_highs(peaks, one, rule))
        if status == "active":
            if known := as_told(tracks, self.level, self.kind, now, rules):
                holder, self.expires_at = known
                self._remember_peak(holder, rules)
                changes = []
            else:
                changes = self._go_on(now, heard, rules)
            return changes or (self._step(now, highs, rules, asked) if highs and asked else [])
        deciding = deciding_of(self.tracks, self.level, now)
        if deciding is None:
            if self.status == "expired" and any(one.is_calm for one in said):
                # It is calm now. That it could no longer be seen was the last word.
                self._close(said[-1].at)
            return []
        if self.status == "expired":
            return [self._continue(now, deciding, rules)]
        return [self._open(now, deciding, rules)]

    def _step(
        self, now: int, highs: dict[str, Evidence], rules: dict[str, Rule], asked: Asked
    ) -> list[Change]:
        """A step, if a peak that has just risen came through a limit that somebody asked for.

        It names the most extreme of these limits; of several rules the first one decides.
        """
        names = sorted(highs.keys() & asked.keys(), key=lambda name: (highs[name].order, name))
        for name in names:
            said = highs[name]
            rule = rules[said.rule]
            limit = passed(asked[name], self.peaks[name], is_below=rule.is_below)
            if limit is None:
                continue
            is_chance = name != said.rule
            track = msgspec.structs.replace(
                track_of(self.tracks, said),
                kind=said.kind,
                value=said.value,
                valid_at=said.valid_at,
                is_late=said.is_late,
                because=runs_reaching(said, limit, rule) if is_chance else said.because,
            )
            return [self._change(now, "step", "step", track, rules, limit)]
        return []

    def _give_up(self, now: int) -> None:
        """Close what expired too long ago to be continued."""
        if self.status == "expired" and now > self.expires_at + CONTINUES_WITHIN_S:
            self._close(self.expires_at)

    def _open(self, now: int, track: Track, rules: dict[str, Rule]) -> Change:
        self.status, self.version, self.peak_level = "active", 0, 0
        self.opened_at = now if track.is_forecast else track.valid_at
        words = f"{self.hazard}|{self.subject}|{self.opened_at}"
        self.key = hashlib.sha256(words.encode()).hexdigest()[:16]
        return self._tell(now, "alert", "onset", track.as_raised(now), track.level, rules)

    def _go_on(self, now: int, heard: Sequence[Track], rules: dict[str, Rule]) -> list[Change]:
        lapse(self.tracks, now, rules)
        expired = [t for t in self.tracks if t.level and now >= expiry_of(t, rules)]
        for track in expired:
            track.level = 0
        deciding = deciding_of(self.tracks, self.level, now)
        if deciding is None:
            ended_by = calmed_by(self.tracks, now, heard)
            is_unseen = bool(expired) and ended_by is None
            change = self._expired(now, rules) if is_unseen else self._end(now, ended_by, rules)
            return [change]
        self._remember_peak(deciding, rules)
        self.expires_at = last_expiry_of(self.tracks, rules)
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

    def _ease(self, now: int, deciding: Track, rules: dict[str, Rule]) -> Change:
        """Tell a lower level. Those that cannot be seen are no longer believed to hold more than
        what is there now: where they come back, they must enter it."""
        measured = [t.level for t in self.tracks if not t.is_forecast and t.can_see(now)]
        level = max(measured, default=0) or deciding.level
        for track in self.tracks:
            if track.level > level and not track.can_see(now):
                track.level = rules[track.rule].up_to(level)
        return self._tell(now, "update", "eased", deciding, deciding.level, rules)

    def _is_sooner(self, now: int, deciding: Track) -> bool:
        """Whether what is still only forecast begins much earlier than was told."""
        if not deciding.is_forecast or self.kind != Kind.FORECAST or self.onset_at <= now:
            return False
        earlier = self.onset_at - onset_of(self.tracks, deciding, deciding.level)
        is_by_half = 2 * (self.onset_at - earlier - now) <= self.onset_at - now
        return earlier >= SOONER_S or (earlier >= SOONER_BY_HALF_S and is_by_half)

    def _continue(self, now: int, deciding: Track, rules: dict[str, Rule]) -> Change:
        """Data came back within a day and still pass the exit limit: the incident goes on."""
        self.status = "active"
        reason = "escalated" if deciding.level > self.level else "certainty"
        return self._tell(now, "update", reason, deciding, deciding.level, rules)

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
        self.onset_at = onset_of(self.tracks, track, level)
        self._remember_peak(track, rules)
        self.expires_at = last_expiry_of(self.tracks, rules)
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
        track = calmed or longest_held(self.tracks)
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
        track = longest_held(self.tracks)
        if not track.is_forecast:
            # What came since, if anything, could not say that it is over: told is what was seen.
            track = msgspec.structs.replace(
                track,
                value=track.held_value,
                valid_at=track.held_until,
                is_stand_in=track.held_by_stand_in,
                because=(),
            )
        rule = rules[track.rule]
        change = self._change(now, "end", "expired", track, rules, rule.exit_limit(rule.lowest))
        self.status = "expired"
        for each in self.tracks:
            each.rest()
        return change

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
            moved=tuple(told_peaks(self.peaks, rules)),
        )

    def _close(self, at: int) -> None:
        self.status, self.closed_at, self.level = "closed", at, 0
        self.peaks = {}
        for track in self.tracks:
            track.rest()

    def judge_again(
        self, now: int, rules: dict[str, Rule], edited: Collection[str]
    ) -> list[Change]:
        """Rules were edited, or have gone: they judge from now on, and what none covers is
        cancelled.

        Each edited rule's newest values are held against its limits as they now stand.
        """
        held_last = longest_held(self.tracks) if self.tracks else None
        seen_at = max((track.seen_at for track in self.tracks), default=now)
        self.tracks = [track for track in self.tracks if track.rule in rules]
        self.peaks = {
            name: peak for name, peak in self.peaks.items() if rule_of(name, rules)[0] in rules
        }
        order = list(rules)
        for track in self.tracks:
            track.order = order.index(track.rule)
            if track.rule in edited:
                hold_against(track, rules[track.rule])
        if any(track.level for track in self.tracks):
            return []
        if self.status == "active" and held_last is not None:
            change = self._change(now, "cancel", "rule changed", held_last, rules, None)
            self._close(min(seen_at, now))  # what comes with the edit is news
            return [change]
        if self.status == "expired" and not self.tracks:
            self._close(now)
        return []


def _first_that_enters(evidence: Sequence[Evidence], i: int) -> int:
    """Where, from [i] on, the first instant begins at which a level is entered; len: at none."""
    entering = next((k for k in range(i, len(evidence)) if evidence[k].entered), len(evidence))
    while (
        i < entering < len(evidence)
        and evidence[entering - 1].known_at == evidence[entering].known_at
    ):
        entering -= 1
    return entering
