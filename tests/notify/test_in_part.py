"""Of a warning that lives at each of its places by itself everybody hears what stands at theirs.

Lives of one warning over two towns, in which entries speak of one or both, by night and by day,
and people who want to hear of either or both, some not at night. In the end each was told the
entry that is the last word on each of their towns where it stands.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Letter, settled
from atalaia.notify.together import bound
from oracles import cases
from telling import HERE, MIDNIGHT, NIGHT, THERE, news, person

from .test_still import HOUR, MORNING, TAKEN, Desk

TOWNS = {"recife": HERE, "natal": THERE}
LEVELS = ("yellow", "orange", "red")


def life(chance: random.Random) -> Iterator[LogEntry]:
    """Entries an hour apart, from before the night on; the warning stands somewhere in the end."""
    stands: dict[str, str] = {}
    for version in range(1, chance.randint(2, 6)):
        said = (
            set(TOWNS) if version == 1 else set(chance.sample(sorted(TOWNS), chance.randint(1, 2)))
        )
        still = set(stands) - said
        is_over = version > 1 and bool(still) and said <= set(stands) and chance.random() < 0.4
        level = chance.choice(LEVELS)
        before = max((stands.get(town, "") for town in said), key=("", *LEVELS).index)
        reason = (
            "eased" if ("", *LEVELS).index(level) < ("", *LEVELS).index(before) else "escalated"
        )
        type_ = (
            "alert" if version == 1 else chance.choice(["end", "cancel"]) if is_over else "update"
        )
        at = MIDNIGHT + (version - 3) * HOUR
        told = {} if version == 1 or is_over else {"reason": reason}
        entry = news("w", version, type_, level=level, rule="official", at=at, **told)
        for town in said:
            stands.pop(town, None)
            if not is_over:
                stands[town] = level
        places = tuple(sorted(said))
        yield msgspec.structs.replace(entry, places=places, still=tuple(sorted(still)))


@pytest.mark.parametrize("seed", range(cases(40)))
def test_everybody_hears_the_last_word_on_each_of_their_towns(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    people = {
        f"p_{''.join(town[0] for town in some)}{'q' * is_quiet}": (some, is_quiet)
        for some in (("recife",), ("natal",), ("natal", "recife"))
        for is_quiet in (False, True)
    }
    desk = Desk(tmp_path)
    for name, (some, is_quiet) in people.items():
        where = [TOWNS[town] for town in some]
        desk.join(person(name, where=where, quiet=NIGHT if is_quiet else None))
    heard: set[tuple[str, int]] = set()

    def send(now: int) -> None:
        desk.now, outbox = now, desk.home.outbox
        claimed = outbox.claim(now, now + 90, {"telegram": 99})
        for m, letter in zip(claimed, desk.composer.write(claimed), strict=True):
            assert isinstance(letter, Letter) or letter.verdict != "sent"
            kept, result = m, TAKEN if isinstance(letter, Letter) else letter
            if isinstance(letter, Letter):
                [(kept, _)] = bound(((m, letter),))
                heard.update((m.person, alert.version) for alert in letter.content.alerts)
            outbox.settle([(m, settled(kept, result, (5, 30), now))])

    last: dict[str, LogEntry] = {}
    for entry in life(chance):
        now = entry.alert.sent_at
        desk.say(entry, now=now)
        last |= dict.fromkeys(entry.places, entry)
        if chance.random() < 0.8:
            send(now)
    for later in (0, 60, 600):
        send(MORNING + later)
    desk.home.close()
    for name, (some, _) in people.items():
        for town in some:
            if not last[town].alert.is_over:
                assert (name, last[town].alert.version) in heard, (name, town)
