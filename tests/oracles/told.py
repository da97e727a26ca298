"""What must have gone out in a night, and must not: from its log and its people alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import (
    HOUR,
    Status,
    key_of,
    letter_of,
)
from atalaia.domain.drill import KIND
from atalaia.domain.official import RULE
from atalaia.domain.silence import Silence
from atalaia.domain.subscription import Person
from oracles.nights import (
    CHANNELS,
    ESCALATE_S,
    LIMITS,
    WAITS_S,
    Night,
    Went,
    is_asked,
    is_of_use,
    is_quiet,
    is_red,
    towns_of,
)


def must_go(night: Night, one: Person) -> list[tuple[int, str, int]]:
    """Where nothing fails: at each step, of each incident the newest entry, if it is news to who
    knows of it or asks for it, is of use yet, is not silenced, and is red or outside of quiet
    hours; and what changed together with what is red goes with it."""
    known: dict[str, int] = defaultdict(int)
    due: set[str] = set()  # what they were to be told, and was put off
    found = []
    lives, before = night.lives(), 0
    for at in night.steps:
        if at < one.since:
            before = at
            continue
        newest = [
            life[-1]
            for each in lives.values()
            if (life := [e for e in each if night.came_by(e, at)])
        ]
        due |= {  # also where something newer came with it
            e.alert.incident
            for e in night.log
            if night.came_by(e, at)
            and not night.came_by(e, before)
            and is_asked(one, e)
            and _is_news_to(night, one, e, before, at)
            and not night.is_silenced(e, at)
        }
        wanted = [
            e
            for e in newest
            if e.alert.version > known[e.alert.incident]
            and (known[e.alert.incident] or is_asked(one, e))
            and (
                known[e.alert.incident]
                or e.alert.incident in due
                or _is_news_to(night, one, e, before, at)
            )
            and is_of_use(e, at)
            and not night.is_silenced(e, at)
        ]
        due |= {e.alert.incident for e in wanted}
        is_night = is_quiet(one.quiet, at)
        together = {
            e.alert.incident: _released(night, one, e, before, at, known) or e.alert.sent_at
            for e in wanted
        }
        before = at
        with_red = {
            together[e.alert.incident] for e in wanted if is_red(e) and one.channels[0] != "webhook"
        }
        # What is older and due within a minute goes before it, but to programs.
        ends_soon = is_night and not is_quiet(one.quiet, at + 60) and one.channels[0] != "webhook"
        for e in wanted:
            if ends_soon and _waits_for_older(night, e, wanted, with_red, together):
                continue
            if not is_night or is_red(e) or together[e.alert.incident] in with_red:
                known[e.alert.incident] = e.alert.version
                found.append((at, e.alert.incident, e.alert.version))
    return sorted(found)


def _waits_for_older(
    night: Night,
    entry: LogEntry,
    wanted: Sequence[LogEntry],
    with_red: Set[object],
    together: Mapping[str, object],
) -> bool:
    """Whether something that quiet hours hold back came to the log before it."""
    of = _place_in_log(night, entry)
    return any(
        _place_in_log(night, one) < of and together[one.alert.incident] not in with_red
        for one in wanted
    )


def _place_in_log(night: Night, entry: LogEntry) -> int:
    return night.number((entry.alert.incident, entry.alert.version))


def _is_news_to(night: Night, one: Person, entry: LogEntry, before: int, at: int) -> bool:
    """Whether it begins something for who was never to be told of it: it got worse since they are
    there, it is red, or a silence that kept it back is over."""
    alert = entry.alert
    is_worse = alert.reason != "eased" and (alert.sent_at >= one.since or is_red(entry))
    return is_worse or bool(_ended(night, entry, before, at))


def _ended(night: Night, entry: LogEntry, before: int, at: int) -> list[Silence]:
    """Silences about it that ended since."""
    return [
        silence
        for silence in night.silences
        if before < silence.until <= at
        and silence.hazard in (None, entry.alert.hazard)
        and silence.place in (None, entry.alert.place_id)
    ]


def _released(
    night: Night, one: Person, entry: LogEntry, before: int, at: int, known: dict[str, int]
) -> str:
    """The silence that ended since and had kept it back: all that it kept is told together."""
    alert = entry.alert
    if alert.is_over:  # which no silence keeps back
        return ""
    is_no_news = alert.reason == "eased" or alert.sent_at < one.since
    never_told = is_no_news and not known[alert.incident]
    was_there = night.came_by(entry, before)
    return next(
        (
            silence.id
            for silence in _ended(night, entry, before, at)
            if never_told or (was_there and silence.since <= alert.sent_at < silence.until)
        ),
        "",
    )


def disagreements(night: Night) -> list[str]:
    """What went out and must not have, and what did not and must."""
    found = night.wrong + _by_several_ids(night) + _sent_and_not_told(night) + _of_drills(night)
    if night.is_calm:
        for one in night.people:
            must = must_go(night, one)
            went = sorted(
                (w.at, *each) for w in night.went if w.who == one.pseudonym for each in w.told
            )
            found += _several_of_one_instant(night, one) + _several_at_once(night, one)
            if went != must:
                extra, missing = set(went) - set(must), set(must) - set(went)
                found.append(f"{one.pseudonym}: {sorted(extra)} too much, {sorted(missing)} not")
        return found
    found += _untrue(night) + _not_told(night) + _of_warnings(night)
    return found + (_not_handed_on(night) if night.is_mild else [])


def _several_at_once(night: Night, one: Person) -> list[str]:
    """What is due together goes in one letter, by a channel that can carry it."""
    if not LIMITS[one.channels[0]].letter_chars:
        return []
    letters = Counter(w.at for w in night.went if w.who == one.pseudonym)
    return [f"{one.pseudonym}: {n} letters at {at}" for at, n in letters.items() if n > 1]


def _by_several_ids(night: Night) -> list[str]:
    """What may have gone goes again by its own id alone, with what it was told with and nothing
    else; and by one id nothing goes again that is known to have gone."""
    found = []
    by: dict[tuple[str, str, str, int], str] = {}
    at: Counter[tuple[int, str, str, str]] = Counter()
    before: dict[tuple[str, str, str], Went] = {}
    for went in night.went:
        label = f"{went.who} {went.channel} {went.id} at {went.at}"
        at[went.at, went.who, went.channel, went.id] += 1
        first = before.get((went.who, went.channel, went.id))
        if first is not None and not set(went.told) <= set(first.told):
            found.append(f"{label}: {went.told} by the id of {first.told}")
        if first is not None and first.verdict == "sent" and went.who not in night.in_flight:
            found.append(f"{label}: again by the same id")
        for incident, version in went.told:
            name = by.get((went.who, went.channel, incident, version), went.id)
            if name != went.id:
                found.append(f"{label}: {incident}/{version}, which went by {name}")
        if went.verdict in ("sent", "unknown"):
            before.setdefault((went.who, went.channel, went.id), went)
            by |= {(went.who, went.channel, *alert): went.id for alert in went.told}
    return found + [f"{label}: in {n} parts" for label, n in at.items() if n > 1]


def _sent_and_not_told(night: Night) -> list[str]:
    """What the outbox says was sent was told by the letter that it names."""
    numbered = dict(night.state.alerts())
    told: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for went in night.went:
        told[went.who, went.channel, went.id] |= {key_of(*alert) for alert in went.told}
    found = []
    for message in night.kept.messages(status=Status.SENT, limit=10_000):
        if message.unknowns:  # nobody knows what it may have told before
            continue
        alerts = [numbered[seq].alert for seq in message.seqs]
        must = {key_of(a.incident, a.version) for a in alerts} - set(message.left_out)
        went_by = told[message.person, message.channel, letter_of(message)]
        if lost := must - went_by:
            found.append(f"{message.person}: {sorted(lost)} sent as {letter_of(message)}, not told")
    return found


def _several_of_one_instant(night: Night, one: Person) -> list[str]:
    """What changed at one instant goes in one message. To a program each incident goes by itself;
    what a silence held back comes when that ends."""
    if night.silences or one.channels[0] == "webhook":
        return []
    lives = night.lives()
    parts = Counter(
        (w.at, sent_at)
        for w in night.went
        if w.who == one.pseudonym
        for sent_at in {lives[i][v - 1].alert.sent_at for i, v in w.told}
    )
    return [f"{one.pseudonym}: {n} of {at} at {when}" for (when, at), n in parts.items() if n > 1]


def _heard(night: Night) -> dict[tuple[str, str, str], list[int]]:
    """Versions by person, channel and incident that may have arrived."""
    heard: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for w in night.went:
        if w.verdict in ("sent", "unknown"):
            for incident, version in w.told:
                heard[w.who, w.channel, incident].append(version)
    return heard


def _untrue(night: Night) -> list[str]:
    lives, found = night.lives(), []
    heard: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    tried: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, who, channel, told, verdict, _ in night.went:
        if who in night.left and at >= night.left[who]:
            found.append(f"{who} had left")
        entries = [lives[i][v - 1] for i, v in told]
        if not any(map(is_red, entries)) and night.was_quiet(who, at):
            found.append(f"{who} was told in quiet hours at {at}")
        for entry in entries:
            incident, version = entry.alert.incident, entry.alert.version
            label = f"{who} {channel}: {incident}/{version} at {at}"
            if night.was_silenced(entry, at):
                found.append(f"{label}, silenced")
            before = heard[who, channel, incident]
            if entry.alert.rule == RULE:
                continue
            if before and version < max(before):
                found.append(f"{label} after {max(before)}")
            if (
                version in before
                and who not in night.in_flight
                and "unknown" not in {w.verdict for w in night.went if w.who == who}
            ):
                found.append(f"{label}, twice")
            last = [e for e in lives[incident] if night.came_by(e, at - 1800)][-1:]
            if last and last[0].alert.is_over and not entry.alert.is_over:
                found.append(f"{label} as going on, half an hour after its end")
            is_known = any(v < version for v in tried[who, incident])
            # Of what had gone to an address that was lost they hear that it is over.
            is_lost = any(name == who for name, _ in night.lost)
            if entry.alert.is_over and not (is_known or is_lost) and who not in night.in_flight:
                found.append(f"{label}: the end of what was never told before")
            found += [f"{label}, {why}" for why in _not_theirs(night, who, entry, at, is_known)]
            tried[who, incident].append(version)
            if verdict in ("sent", "unknown"):
                before.append(version)
    return found


def _not_theirs(night: Night, who: str, entry: LogEntry, at: int, is_known: bool) -> Iterator[str]:
    """Why it is nothing to tell to who knows of its incident, or does not."""
    if not is_of_use(entry, at - night.slack_s):
        yield "which had expired"
    if not is_known and entry.alert.version == 1 and not night.asked(who, entry):
        yield "which nobody asked for"
    is_before = entry.alert.sent_at < _of(night, who).since and not is_red(entry)
    if is_before and not is_known and not night.silences:
        yield "which was before they asked"


def _of(night: Night, who: str) -> Person:
    return next(one for one in night.people if one.pseudonym == who)


def _not_told(night: Night) -> list[str]:
    """Who heard that something began must hear how it stands in the end, by each channel by which
    they heard of it; and who asked for what stands must have been told of it: unless every channel
    failed them, or it is of no more use."""
    lives, heard, found = night.lives(), _heard(night), []
    for one in night.people:
        who = one.pseudonym
        if who in night.left:
            continue
        for incident, whole in lives.items():
            life = night.life_to(who, whole)
            last = life[-1].alert
            if last.rule == RULE:
                continue
            if not is_of_use(life[-1], night.steps[-1] + night.slack_s):
                continue
            failed = {
                w.channel
                for w in night.went
                if w.who == who and w.verdict == "never" and any(i == incident for i, _ in w.told)
            } | {name for lost_by, name in night.lost if lost_by == who}
            mine = {name: heard[who, name, incident] for name in CHANNELS}
            # What a silence kept back is told once more to who has not heard it by any channel.
            is_known = any(last.version in versions for versions in mine.values())
            was_held = any(night.may_have_been_silenced(life[-1], at) for at in night.steps)
            found += [
                f"{who} {name}: heard {incident} up to {max(versions)} of {last.version}"
                for name, versions in mine.items()
                if versions and name not in failed and max(versions) < last.version
                if not (is_known and was_held)
            ]
            if failed or any(mine.values()):
                continue
            if _must_have_heard(night, who, life):
                found.append(f"{who}: never heard of {incident}, which stands")
    return found


def _must_have_heard(night: Night, who: str, life: Sequence[LogEntry]) -> bool:
    """Whether it is what they asked for, and asked for when it came, or red."""
    last = life[-1]
    if is_red(last) and is_asked(night.wishes[who][-1][1], last):
        return True
    news = [entry for entry in life if entry.alert.reason != "eased"][-1]
    came_at = night.came_at[news.alert.incident, news.alert.version]
    return night.always_asked(who, last, came_at) and night.always_asked(who, news, came_at)


def _of_warnings(night: Night) -> list[str]:
    """An official warning is told town by town: to who follows a town the last word on it, and no
    word on it half an hour after a newer one."""
    life, found = night.lives().get("w", []), list[str]()
    for one in night.people:
        who, wishes = one.pseudonym, night.wishes[one.pseudonym]
        if who in night.left or len(wishes) > 1:
            continue
        mine = towns_of(one)
        heard: dict[tuple[str, str], set[int]] = defaultdict(set)
        for n, went in enumerate(night.went):
            for incident, version in went.told if went.who == who else ():
                if incident != "w":
                    continue
                entry, said = life[version - 1], night.said[n, "w", version]
                newer = {
                    town
                    for e in life[version:]
                    if night.came_by(e, went.at - 1800)
                    for town in e.places
                }
                if not said & mine or not said <= set(entry.places):
                    found.append(f"{who}: {version} of a warning elsewhere: {said}")
                elif said & newer and not entry.alert.is_over:
                    found.append(f"{who}: {version} of a warning at {went.at}: it is old")
                for town in said if went.verdict in ("sent", "unknown") else ():
                    heard[went.channel, town].add(version)
        failed = {
            w.channel
            for w in night.went
            if w.who == who and w.verdict == "never" and any(i == "w" for i, _ in w.told)
        } | {name for lost_by, name in night.lost if lost_by == who}
        for town in mine if life else ():
            of_it = [e for e in life if town in e.places]
            last = of_it[-1]
            by = {name: heard[name, town] for name in CHANNELS}
            was_held = any(night.may_have_been_silenced(last, at) for at in night.steps)
            is_known = any(last.alert.version in each for each in by.values())
            found += [
                f"{who} {name}: heard of {town} {sorted(each)}, not {last.alert.version}"
                for name, each in by.items()
                if each and name not in failed and max(each) < last.alert.version
                if not (is_known and was_held)
            ]
            if not failed and not any(by.values()) and one.since == 0 and is_asked(one, last):
                found.append(f"{who}: never heard of the warning over {town}, which stands")
    return found


def _of_drills(night: Night) -> list[str]:
    """A drill goes to whom such an alert would concern, and is marked as one; like all that is no
    alert, it never goes by an id of what is real, nor again once it is known to have gone."""
    found, ids = [], {went.id for went in night.went}
    gone: set[str] = set()
    for at, who, channel, kind, verdict, id_ in night.aside:
        label = f"{who} {channel}: {kind} {id_} at {at}"
        if id_ in ids:
            found.append(f"{label}, as what is real")
        if id_ in gone and who not in night.in_flight:
            found.append(f"{label}, twice")
        gone |= {id_} if verdict == "sent" else set()
        if who in night.left and at >= night.left[who]:
            found.append(f"{label}, who had left")
        if kind != KIND:
            continue
        drilled = [
            one
            for one in night.drills
            # A letter that was claimed within its hour may be waiting for its turn.
            if 0 <= at - one.alert.sent_at <= HOUR + WAITS_S + night.slack_s
        ]
        if not any(night.asked(who, one) for one in drilled):
            found.append(f"{label}, who would not be told")
        if night.was_quiet(who, at) and not any(map(is_red, drilled)):
            found.append(f"{label}, in quiet hours")
    return found


def _not_handed_on(night: Night) -> list[str]:
    """What is red, stands, and nobody answered within the time goes by another channel."""
    lives, found = night.lives(), []
    for went in night.went:
        one = _of(night, went.who)
        if went.channel != one.channels[0] or not one.channels[1:] or went.who in night.left:
            continue
        latest = [at for at in night.steps if at >= went.at + ESCALATE_S][:2][-1]
        if any(at <= latest for at in night.answered[went.who]):
            continue
        for incident, version in went.told:
            entry, life = lives[incident][version - 1], lives[incident]
            if entry.alert.rule == RULE:
                continue
            has_changed = len(life) > version and night.came_by(life[version], latest)
            is_silenced = any(
                night.is_silenced(entry, at) for at in night.steps if went.at <= at <= latest
            )
            if not is_red(entry) or has_changed or is_silenced or not is_of_use(entry, latest):
                continue
            if not any(
                other.who == went.who and other.channel != went.channel and other.at <= latest
                for other in night.went
                if any(i == incident and v >= version for i, v in other.told)
            ):
                found.append(f"{went.who}: {incident}/{version} at {went.at} was not handed on")
    return found
