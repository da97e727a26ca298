"""Of a warning that lives at each of its places by itself everybody hears what stands at theirs.

Lives of one warning over two towns, in which entries speak of one or both, by night and by day,
and people who want to hear of either or both, some not at night. In the end each was told the
entry that is the last word on each of their towns where it stands.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from atalaia.channels.webhook import encode
from atalaia.domain.alert import LogEntry
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, settled
from atalaia.domain.message import compose, merged
from atalaia.notify.together import bound
from oracles import cases
from telling import MIDNIGHT, NIGHT, TOWNS, life, person

from .test_still import MORNING, TAKEN, Desk


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


@pytest.mark.parametrize("seed", range(cases(40)))
def test_a_program_that_only_reads_webhooks_knows_where_the_warning_stands(seed: int) -> None:
    """It takes what an alert says of its places, and what `still` says stands besides."""
    entries = list(life(random.Random(seed)))
    truth: dict[str, int] = {}
    for n in range(len(entries)):
        for town in entries[n].places:
            truth.pop(town, None)
            if not entries[n].alert.is_over:
                truth[town] = entries[n].alert.version
        at_once = entries[max(0, n - seed % 3) : n + 1]  # the newest alone, or some in one message
        said = merged([compose([entry], {}, "en", MIDNIGHT) for entry in at_once])
        contact = Contact(channel="webhook", address="https://x.example/", secret="whsec_YWJj")
        letter = Letter(id="m", contact=contact, content=said, sent_at=MIDNIGHT)
        data = json.loads(encode(letter))["data"]
        is_over = data["alerts"][-1]["type"] in ("end", "cancel")
        where = data.get("where", [{"places": [one["place_id"]]} for one in data["alerts"]])
        assert len(where) == len(data["alerts"])
        known = set(where[-1].get("still", []))
        known |= set() if is_over else set(where[-1]["places"])
        assert known == set(truth)
        assert set(where[-1]["places"]) == set(entries[n].places)
