"""The key that addresses are found by is replaced while people come, confirm, stop and are told."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from atalaia.domain.contact import read_contact
from atalaia.errors import StateConflict
from atalaia.homes.embedded.backup import backup, restore
from atalaia.homes.embedded.keys import default_folder
from atalaia.people import manage
from atalaia.people.codes import rows_waiting
from atalaia.people.lookups import Lookup
from atalaia.people.manage import make_key, who
from atalaia.people.registry import PersonChange, Registry
from atalaia.people.rotation import KEPT_S, go_on, lookup_again, rotate_lookups
from atalaia.people.rows import CONFIRMED, KEY, Address, contact_row
from atalaia.people.subscribe import confirm_contact
from atalaia.people.tally import CODES_A_DAY
from atalaia.ports import ContactRow
from people.world import DAY, NOW, World, world

ANA, BIA, CIDA = "email:ana@example.org", "sms:+5581999990000", "telegram:77000111222"
LATER = NOW + KEPT_S


class Killed(BaseException):
    """The process is gone."""


def find(w: World, contact: str) -> str | None:
    return w.registry.find(read_contact(contact))


def every(w: World) -> list[ContactRow]:
    return list(w.home.people.every_contact())


def test_all_are_found_by_the_new_key_and_the_old_look_ups_are_in_no_file(w: World) -> None:
    ana, bia = w.told(ANA, "inbox:"), w.told(BIA, CIDA)
    before = {row.lookup for row in every(w)}
    assert rotate_lookups(w.registry, NOW)[:2] == (4, False)
    assert [find(w, one) for one in (ANA, BIA, CIDA)] == [ana, bia, bia]
    assert {row.key for row in every(w)} == {2}
    assert not before & {row.lookup for row in every(w)}
    assert w.told(ANA) == ana, "who asks again is who they were"
    assert go_on(w.registry, LATER) == 1
    stored = b"".join(f.read_bytes() for f in w.path.glob("atalaia.sqlite3*"))
    assert not [lookup for lookup in before if lookup in stored]
    assert [find(w, one) for one in (ANA, BIA, CIDA)] == [ana, bia, bia]


def test_the_old_key_is_destroyed_after_thirty_days_and_never_before(w: World) -> None:
    ana, folder = w.told(ANA), default_folder(w.path)
    old = (folder / "lookup.key").read_bytes()
    rotate_lookups(w.registry, NOW)
    assert go_on(w.registry, LATER - 1) == 0
    assert (folder / "lookup.key").read_bytes() == old
    assert go_on(w.registry, LATER) == 1
    assert sorted(f.name for f in folder.glob("lookup*")) == ["lookup.2.key"]
    with world(w.path) as again:
        assert find(again, ANA) == ana
    assert rotate_lookups(w.registry, LATER)[:2] == (1, False)
    assert find(w, ANA) == ana


@pytest.mark.parametrize("is_after", [False, True])
def test_killed_anywhere_all_are_found_and_the_upkeep_finishes_it(
    w: World, monkeypatch: pytest.MonkeyPatch, is_after: bool
) -> None:
    """Every write to the store and to the keys is a place to die at."""
    have = {one: w.told(one) for one in (ANA, BIA, CIDA)}
    steps, fatal, kills = 0, 0, 0

    def deadly(target: object, name: str) -> None:
        do = getattr(target, name)

        def call(*args: Any, **more: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == fatal and not is_after:
                raise Killed
            done = do(*args, **more)
            if steps == fatal:
                raise Killed
            return done

        monkeypatch.setattr(target, name, call)

    for name in ("put", "set_lookup_keys", "drop_outdated"):
        deadly(w.home.people, name)
    for name in ("make_lookup_key", "destroy_lookup_keys"):
        deadly(w.keys, name)
    for at in itertools.count(1):
        steps, fatal = 0, at
        now = NOW + at * 2 * KEPT_S
        try:
            rotate_lookups(w.registry, now)
            go_on(w.registry, now + KEPT_S)
        except Killed:
            kills += 1
            fatal = 0
            with world(w.path) as other:  # somebody who knows nothing of it
                for one, pseudonym in have.items():
                    assert find(other, one) == pseudonym
                    assert other.told(one) == pseudonym
            go_on(w.registry, now + KEPT_S)
            go_on(w.registry, now + 2 * KEPT_S)
            known = w.home.people.lookup_keys()
            assert not known.old
            assert {row.key for row in every(w) if row.status == CONFIRMED} == {known.current}
            assert w.keys.lookup_numbers() in ([known.current], [known.current, known.current + 1])
            continue
        break
    assert kills > 6
    assert {one: find(w, one) for one in have} == have


def test_a_key_that_goes_after_the_store_was_asked_is_not_missed(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked just before an old key is destroyed is found by the keys that are known then; one
    that the store still names, and is not there, is said to be lost."""
    ana = w.told(ANA)
    rotate_lookups(w.registry, NOW)
    asked = [w.home.people.lookup_keys()]
    go_on(w.registry, LATER)
    with world(w.path) as mine:
        now = mine.home.people.lookup_keys
        monkeypatch.setattr(
            mine.home.people, "lookup_keys", lambda: asked.pop() if asked else now()
        )
        assert mine.registry.find(read_contact(ANA)) == ana
        assert not asked, "what was asked first was of before"
        (default_folder(w.path) / "lookup.2.key").rename(w.path / "put away")
        mine.registry.lookups._held.clear()
        with pytest.raises(StateConflict, match=r"lookup\.2\.key is not there"):
            mine.registry.find(read_contact(ANA))


def test_nobody_is_there_twice_however_many_come_while_keys_are_replaced(w: World) -> None:
    addresses = [f"email:a{n}@example.org" for n in range(12)]
    is_over, wrong = threading.Event(), []

    def come(turn: int) -> None:
        with world(w.path) as mine:
            for n, one in enumerate(itertools.cycle(addresses[turn:] + addresses[:turn])):
                if is_over.is_set() and n > 2 * len(addresses):
                    return
                try:
                    mine.told(one)
                except StateConflict as error:
                    if "try again" not in str(error) and "another's" not in str(error):
                        wrong.append(str(error))

    threads = [threading.Thread(target=come, args=(turn,)) for turn in (0, 4, 8)]
    for thread in threads:
        thread.start()
    for n in range(6):
        rotate_lookups(w.registry, NOW + n * 2 * KEPT_S)
        go_on(w.registry, NOW + (n * 2 + 1) * KEPT_S)
    is_over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    live: dict[str, set[str]] = {}
    for row in every(w):
        held = w.registry.held(row.pseudonym)
        assert held is not None
        for entry in held.with_status(CONFIRMED):
            assert entry.address.contact is not None
            live.setdefault(entry.address.contact.address, set()).add(row.pseudonym)
    assert {len(people) for people in live.values()} == {1}
    assert len(live) == len(addresses)


def test_who_computed_with_the_old_key_and_wrote_after_it_was_replaced_is_tried_anew(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that slept between looking an address up and writing it, while another rotated and
    somebody else got that very address."""
    of, slept = w.registry.lookups.of, []

    def sleepy(*parts: str) -> Lookup:
        found = of(*parts)
        if parts[0] == "email" and not slept:
            slept.append(1)
            with world(w.path) as other:
                rotate_lookups(other.registry, NOW)
                slept.append(other.told(ANA))
        return found

    monkeypatch.setattr(w.registry.lookups, "of", sleepy)
    pseudonym = w.told(ANA)
    owners = {row.pseudonym for row in every(w) if row.status == CONFIRMED}
    assert owners == {slept[1]}
    assert find(w, ANA) == slept[1]
    assert pseudonym == slept[1] or w.registry.person(pseudonym) is None, "asked for a code"


def test_counts_of_codes_are_not_reset_whoevers_address_it_is(w: World) -> None:
    for _ in range(CODES_A_DAY):
        w.registry.erase(w.subscribe(ANA, is_operators=False).pseudonym, NOW)
    rotate_lookups(w.registry, NOW)
    with pytest.raises(ValueError, match="ask again tomorrow"):
        w.subscribe(ANA, is_operators=False)
    tomorrow = NOW + DAY
    w.registry.erase(w.subscribe(ANA, now=tomorrow).pseudonym, tomorrow)
    rotate_lookups(w.registry, tomorrow)  # once more, with two older keys
    sent = 0
    for hour in range(24 * 28):
        try:
            made = w.subscribe(ANA, now=tomorrow + 3600 * hour)
        except ValueError:
            continue
        w.registry.erase(made.pseudonym, NOW)
        sent += 1
    assert sent == 10 - CODES_A_DAY - 1, "ten in thirty days, whatever key they were counted by"


def test_a_code_that_was_asked_for_before_confirms_after(w: World) -> None:
    asked = w.subscribe(ANA, is_operators=False)
    code = w.code(asked.asks[0])
    rotate_lookups(w.registry, NOW)
    done = confirm_contact(w.registry, read_contact(ANA), code, NOW + 60, lambda _: True)
    assert done is not None
    assert find(w, ANA) == done.pseudonym
    assert [row.key for row in every(w) if row.status == CONFIRMED] == [2]


def test_requests_that_wait_are_no_more_than_three_by_all_keys_together(w: World) -> None:
    for _ in range(3):
        w.subscribe(ANA, is_operators=False)
    rotate_lookups(w.registry, NOW)
    w.subscribe(ANA, now=NOW + DAY, is_operators=False)
    assert len(rows_waiting(w.registry.lookups, read_contact(ANA))) == 4
    waiting = [row for row in every(w) if row.status == "pending"]
    assert len(waiting) == 3


def test_paper_does_not_wake_who_has_stopped_while_the_old_key_finds_them(w: World) -> None:
    ana = w.told(ANA, BIA)
    w.registry.stop(ana, "email", NOW)
    rotate_lookups(w.registry, NOW)
    assert w.subscribe(ANA, proof="a list", is_operators=False).confirmed == ()
    assert find(w, BIA) == ana


def test_links_of_before_open_nothing_and_the_old_key_signs_none(w: World) -> None:
    ana = w.told(ANA)
    link = manage.sign(w.registry, w.link(ana, "email"), NOW)
    assert manage.whose(w.registry, link, NOW)
    rotate_lookups(w.registry, NOW)
    assert manage.whose(w.registry, link, NOW) is None
    assert manage.whose(w.registry, manage.sign(w.registry, w.link(ana, "email"), NOW), NOW)


def test_a_persons_own_key_opens_on_also_one_that_was_looked_up_as_addresses_are(w: World) -> None:
    ana, bia = w.told(ANA), w.told(BIA)
    key = make_key(w.registry, ana, NOW)
    old = w.registry.lookups.of(KEY, "atk_of_before")

    def as_before(held: Any) -> PersonChange:
        row = contact_row(w.registry.vault, bia, KEY, old, Address(), CONFIRMED, NOW)
        return PersonChange(held.kept, [row])

    w.registry.change(bia, as_before)
    rotate_lookups(w.registry, NOW)
    for _ in range(2):
        assert who(w.registry, key) == ana
        assert who(w.registry, "atk_of_before") == bia
    go_on(w.registry, LATER)
    assert (who(w.registry, key), who(w.registry, "atk_of_before")) == (ana, bia)
    assert [row.key for row in every(w) if row.channel == KEY] == [0, 0]


def test_a_row_that_does_not_open_keeps_the_old_key_and_no_other_row(w: World) -> None:
    ana, bia = w.told(ANA), w.told(BIA)
    database = w.home.people._database
    [[sealed]] = database.rows("SELECT sealed FROM people WHERE pseudonym = ?", (ana,))
    set_sealed: Callable[[bytes], None] = partial(_set_sealed, database, ana)
    set_sealed(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(StateConflict, match=f"1 people, of {ana} first"):
        rotate_lookups(w.registry, NOW)
    assert find(w, BIA) == bia
    with pytest.raises(StateConflict):
        go_on(w.registry, LATER)
    assert w.keys.lookup_numbers() == [1, 2]
    set_sealed(sealed)
    assert rotate_lookups(w.registry, NOW)[:2] == (1, True)
    assert find(w, ANA) == ana


def _set_sealed(database: Any, pseudonym: str, sealed: bytes) -> None:
    with database.transaction() as cursor:
        cursor.execute("UPDATE people SET sealed = ? WHERE pseudonym = ?", (sealed, pseudonym))


def test_a_copy_of_before_is_restored_with_the_keys_of_after(w: World) -> None:
    ana = w.told(ANA, "inbox:")
    stopped = w.told(BIA, CIDA)
    w.registry.stop(stopped, "sms", NOW)
    key = make_key(w.registry, ana, NOW)
    copy = w.path.with_name("copy")
    backup(w.path, copy)
    rotate_lookups(w.registry, NOW)
    go_on(w.registry, LATER)
    w.home.close()
    w.path.rename(w.path.with_name("lost"))
    lookup_in = lambda opened: partial(lookup_again, Registry(opened.people, w.keys))  # noqa: E731
    restore(copy, w.path, w.keys, lookup_in, LATER)
    with world(w.path) as back:
        assert find(back, ANA) == ana
        assert find(back, CIDA) == stopped
        assert who(back.registry, key) == ana
        assert {row.key for row in every(back)} == {0, 2}
        assert back.told(ANA) == ana
        assert go_on(back.registry, LATER) == 0


def test_a_store_whose_key_is_missing_among_older_ones_is_not_opened(w: World) -> None:
    w.told(ANA)
    rotate_lookups(w.registry, NOW)
    (default_folder(w.path) / "lookup.2.key").unlink()
    with world(w.path) as again, pytest.raises(StateConflict, match="their keys are not there"):
        _ = again.home.keys
