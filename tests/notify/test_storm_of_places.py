"""A storm over a coast: twelve places pass the limit within two minutes, and everybody there
follows all of them. The channel is busy, as it is on such a night."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Letter, Outcome
from atalaia.domain.place import Place, Places
from atalaia.domain.subscription import Circle
from atalaia.notify.audience import Audience
from atalaia.notify.compose import Composer
from atalaia.notify.fanout import Fan
from atalaia.ports import Commit
from notify.test_compose import Directory
from notify.test_deliver import Office, story
from telling import NOON, Post, news, person

EVERY_S = 10
"""So often another place passes the limit: the twelfth after 110 s."""
PEOPLE, A_SECOND = 24, 1.0
"""An alert for all of them takes the channel 24 s; of a thousand people Telegram takes 33 s."""

COAST = Places(
    Place(
        id=f"town-{i:02}",
        name=f"Town {i}",
        latitude=-8.0 - i / 20,
        longitude=-35.0,
        timezone="America/Recife",
    )
    for i in range(12)
)
EVERYWHERE = [
    Circle(name=place.name, latitude=place.latitude, longitude=place.longitude) for place in COAST
]


class Told(NamedTuple):
    """letters  by person; late_s: by person and place, after the place passed its limit"""

    letters: Counter[str]
    late_s: dict[tuple[str, str], float]


def storm() -> list[LogEntry]:
    levels = ("orange", "yellow", "orange", "red")
    return [
        news(f"i{i:02}", at=NOON + EVERY_S * i, place=place.id, level=levels[i % 4])
        for i, place in enumerate(COAST)
    ]


def lived_through(
    folder: Path, letter_chars: int, people: int, answers: Sequence[Outcome] = ()
) -> Told:
    """The storm, a second at a time; until all is told."""
    post = Post(
        answers=answers, a_second=A_SECOND, contact_s=1, at_once=1, letter_chars=letter_chars
    )
    refused = len(answers)
    crowd = {
        one.pseudonym: one for one in (person(f"p_{i:02}", where=EVERYWHERE) for i in range(people))
    }
    composers: list[Composer] = []

    async def tell(o: Office) -> None:
        state, outbox = o.home.state, o.home.outbox
        audience = Audience()
        for one in crowd.values():
            audience.put(one)
        fan = Fan(state, outbox, audience, crowd, COAST)
        composers.append(Composer(state, outbox, COAST, crowd, Directory(crowd), o.clock))
        for number, entry in enumerate(storm(), 1):
            assert state.commit(Commit("speed", number, entries=[entry]))
            while fan.step(o.clock.second()):
                pass
            await o.turn(EVERY_S)
        while outbox.oldest_due(o.clock.second() + 1_000) is not None:
            await o.turn(5)

    story(folder, tell, post, write=lambda some: composers[0].write(some))  # noqa: PLW0108
    began = {entry.alert.place_id: entry.alert.sent_at for entry in storm()}
    late_s: dict[tuple[str, str], float] = {}
    for at, letter in list(zip(post.at, post.letters, strict=True))[refused:]:
        for place in _places(letter):
            assert (letter.contact.address, place) not in late_s, "told twice"
            late_s[letter.contact.address, place] = at - began[place]
    return Told(Counter(letter.contact.address for letter in post.letters[refused:]), late_s)


def _places(letter: Letter) -> list[str]:
    return [alert.place_id for alert in letter.content.alerts]


def test_on_a_busy_night_twelve_places_are_few_letters_and_nothing_is_told_later(
    tmp_path: Path,
) -> None:
    before = lived_through(tmp_path / "one by one", 0, PEOPLE)
    after = lived_through(tmp_path / "together", 3_900, PEOPLE)
    assert before.late_s.keys() == after.late_s.keys()
    assert len(after.late_s) == 12 * PEOPLE, "everybody is told of every place"
    assert set(before.letters.values()) == {12}
    letters, longest = after.letters.values(), max(after.late_s.values())
    print(
        f"\n{PEOPLE} people, twelve places each: {sum(before.letters.values())} letters one by one,"
        f" {sum(letters)} together ({min(letters)} to {max(letters)} each); the latest word came"
        f" after {max(before.late_s.values()):.0f} s and after {longest:.0f} s"
    )
    assert sum(letters) < sum(before.letters.values()) / 2
    assert longest < max(before.late_s.values()) / 2
    by_place: dict[str, list[float]] = defaultdict(list)
    for key, late_s in after.late_s.items():
        by_place[key[1]].append(late_s - before.late_s[key])
    assert all(sum(more) <= 0 for more in by_place.values()), "no place is told later, on average"


def test_where_nothing_has_to_wait_nothing_waits_to_be_told_together(tmp_path: Path) -> None:
    told = lived_through(tmp_path, 3_900, 1)
    assert max(told.late_s.values()) <= 1


def test_what_came_while_the_provider_wanted_nothing_is_one_letter_after_it(
    tmp_path: Path,
) -> None:
    for_s = Outcome("again", "rate limit", after_s=125, pauses=True)
    before = lived_through(tmp_path / "one by one", 0, 1, [for_s])
    after = lived_through(tmp_path / "together", 3_900, 1, [for_s])
    assert (list(before.letters.values()), list(after.letters.values())) == ([12], [1])
    assert all(after.late_s[key] <= before.late_s[key] for key in before.late_s)
