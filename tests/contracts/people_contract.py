"""What every home's people must do. A home's test subclasses this and says how to make one."""

from __future__ import annotations

from abc import ABC, abstractmethod

import msgspec
import pytest

from atalaia.errors import StateConflict
from atalaia.ports import Consent, ContactRow, LookupKeys, People, PersonRow

ANA, BIA = "p_ana", "p_bia"


def person(pseudonym: str = ANA, *, confirmed_at: int = 20, created_at: int = 10) -> PersonRow:
    return PersonRow(
        pseudonym=pseudonym,
        sealed=b"sealed " + pseudonym.encode(),
        created_at=created_at,
        confirmed_at=confirmed_at,
    )


def contact(pseudonym: str = ANA, name: str = "a", **changes: object) -> ContactRow:
    row = ContactRow(
        pseudonym=pseudonym,
        channel="email",
        lookup=b"lookup " + name.encode(),
        sealed=b"\x00\xff",
        status="confirmed",
        since=20,
    )
    return msgspec.structs.replace(row, **changes)


def forget(people: People, pending_before: int, consents_before: int, now: int) -> list[str]:
    """All that retention comes to."""
    steps = people.forget(pending_before, consents_before, now)
    return [pseudonym for some in steps for pseudonym in some]


def consent(pseudonym: str = ANA, **changes: object) -> Consent:
    row = Consent(
        pseudonym=pseudonym,
        purpose="alerts",
        channel="email",
        text_hash="ab" * 32,
        version="1",
        how="cli, code",
        given_at=20,
    )
    return msgspec.structs.replace(row, **changes)


class PeopleContract(ABC):
    crowd = 25
    """People of whom retention lets go, some at a time."""

    @abstractmethod
    def reopened(self) -> People:
        """The same people, opened anew."""

    @pytest.fixture
    def people(self) -> People:
        return self.reopened()

    def read(self, people: People, pseudonym: str = ANA) -> PersonRow:
        row = people.person(pseudonym)
        assert row is not None
        return row

    def test_some_are_read_together_and_the_erased_are_not_among_them(self, people: People) -> None:
        people.put(person(ANA))
        people.put(person(BIA))
        assert {row.pseudonym for row in people.some([BIA, "p_no", ANA, ANA])} == {ANA, BIA}
        assert people.some([ANA]) == [people.person(ANA)]
        people.erase(ANA, 100)
        assert people.some([ANA]) == people.some([]) == []

    def test_of_those_who_name_a_snapshot_one_goes_on_from_what_it_read(
        self, people: People
    ) -> None:
        assert people.snapshot() == ""
        assert people.set_snapshot("", "a")
        assert not people.set_snapshot("", "b")
        assert self.reopened().snapshot() == "a"
        assert people.set_snapshot("a", "b")
        assert not people.set_snapshot("a", "c")
        assert self.reopened().snapshot() == "b"

    def test_at_first_there_is_nobody(self, people: People) -> None:
        assert people.person(ANA) is None
        assert people.changes(0, 10) == []
        assert people.contacts(ANA) == []
        assert people.find("email", b"lookup a") is None
        assert people.consents(ANA) == []

    def test_a_person_is_there_as_a_whole_after_reopening(self, people: People) -> None:
        people.put(person(), [contact(), contact(name="b", status="pending")], [consent()])
        again = self.reopened()
        assert self.read(again) == msgspec.structs.replace(person(), changed=1)
        assert [c.status for c in again.contacts(ANA)] == ["confirmed", "pending"]
        assert again.find("email", b"lookup a") == contact()
        assert again.find("sms", b"lookup a") is None
        assert again.consents(ANA) == [consent()]

    def test_some_people_are_read_together_with_all_their_contacts(self, people: People) -> None:
        assert people.newest_change() == 0
        people.put(person(ANA), [contact(), contact(name="b", status="pending")])
        people.put(person(BIA))
        people.put(self.read(people, ANA), [contact(name="c"), contact(status="stopped")])
        people.put(self.read(people, ANA))
        found = dict(people.with_contacts([BIA, ANA, "p_no", ANA]))
        assert set(found) == {self.read(people, ANA), self.read(people, BIA)}
        mine = found[self.read(people, ANA)]
        assert sorted(mine, key=lambda c: c.lookup) == people.contacts(ANA)
        assert [c.status for c in people.contacts(ANA)] == ["stopped", "pending", "confirmed"]
        assert found[self.read(people, BIA)] == []
        assert people.newest_change() == self.read(people, ANA).changed
        people.put(self.read(people, BIA), [contact(BIA)])  # an address that ANA had given up
        assert people.with_contacts([BIA])[0][1] == [contact(BIA)]
        assert {c.lookup for c in people.with_contacts([ANA])[0][1]} == {b"lookup b", b"lookup c"}
        people.erase(ANA, 30)
        assert people.with_contacts([ANA]) == []
        assert people.with_contacts([]) == []

    def test_changes_come_once_in_their_order_with_the_newest_only(self, people: People) -> None:
        people.put(person(ANA))
        people.put(person(BIA))
        people.put(self.read(people, ANA))
        rows = people.changes(0, 10)
        assert [row.pseudonym for row in rows] == [BIA, ANA]
        assert [row.pseudonym for row in people.changes(0, 1)] == [BIA]
        assert people.changes(rows[-1].changed, 10) == []

    def test_what_was_changed_in_between_is_not_overwritten(self, people: People) -> None:
        people.put(person())
        read = self.read(people)
        people.put(msgspec.structs.replace(read, sealed=b"newer"))
        with pytest.raises(StateConflict, match="in between"):
            people.put(msgspec.structs.replace(read, sealed=b"older"), [contact()])
        with pytest.raises(StateConflict):
            people.put(person())  # as if they were new
        assert self.read(people).sealed == b"newer"
        assert people.contacts(ANA) == []

    def test_a_contact_of_somebody_else_is_refused_with_all_that_came_with_it(
        self, people: People
    ) -> None:
        people.put(person(ANA), [contact()])
        with pytest.raises(StateConflict, match="another"):
            people.put(person(BIA), [contact(BIA, "b"), contact(BIA, "a")], [consent(BIA)])
        assert people.person(BIA) is None
        assert people.find("email", b"lookup b") is None
        assert people.consents(BIA) == []
        assert people.find("email", b"lookup a") == contact()

    def test_a_stopped_contact_may_become_somebody_else_s(self, people: People) -> None:
        people.put(person(ANA), [contact(status="stopped")])
        people.put(person(BIA), [contact(BIA, "a")])
        assert people.find("email", b"lookup a") == contact(BIA, "a")
        assert people.contacts(ANA) == []

    def test_the_words_are_kept_with_the_consent_and_outlive_everything(
        self, people: People
    ) -> None:
        words = consent(text="What for: …", language="en")
        other = consent(text="Para quê: …", language="pt-BR", text_hash="cd" * 32, channel="sms")
        people.put(person(), [contact()], [words, other])
        people.put(person(BIA), [contact(BIA, "b")], [consent(BIA, text="What for: …")])
        withdrawn = msgspec.structs.replace(words, withdrawn_at=40)
        people.put(self.read(people), [], [withdrawn])
        assert people.consents(ANA) == [withdrawn, other]
        people.erase(BIA, 50)
        forget(people, 0, 30, 60)
        [kept] = self.reopened().consents(BIA)
        assert (kept.text, kept.withdrawn_at) == ("What for: …", 50)

    def test_contacts_and_consents_are_replaced_by_their_keys(self, people: People) -> None:
        people.put(person(), [contact()], [consent()])
        stopped = contact(status="stopped", sealed=b"new", tries=3)
        withdrawn = consent(withdrawn_at=99)
        people.put(self.read(people), [stopped], [withdrawn])
        assert people.contacts(ANA) == [stopped]
        assert people.consents(ANA) == [withdrawn]

    def test_an_erased_person_leaves_consents_that_are_withdrawn(self, people: People) -> None:
        earlier = consent(channel="sms", withdrawn_at=30)
        people.put(person(ANA), [contact()], [consent(), earlier])
        people.put(person(BIA), [contact(BIA, "b")], [consent(BIA)])
        seen = people.changes(0, 10)[-1].changed
        people.erase(ANA, 77)
        again = self.reopened()
        assert again.person(ANA) is None
        assert again.contacts(ANA) == []
        assert again.find("email", b"lookup a") is None
        assert sorted(c.withdrawn_at for c in again.consents(ANA)) == [30, 77]
        assert [(row.pseudonym, row.sealed) for row in again.changes(seen, 10)] == [(ANA, None)]
        assert again.contacts(BIA) == [contact(BIA, "b")]
        assert again.consents(BIA) == [consent(BIA)]

    def test_erasing_again_or_nobody_changes_nothing(self, people: People) -> None:
        people.put(person(), [], [consent()])
        people.erase(ANA, 77)
        before = people.changes(0, 10)
        people.erase(ANA, 88)
        people.erase("p_nobody", 88)
        assert people.changes(0, 10) == before
        assert [c.withdrawn_at for c in people.consents(ANA)] == [77]

    def test_an_erased_person_does_not_come_back_by_what_was_read_before(
        self, people: People
    ) -> None:
        people.put(person(), [contact()])
        read = self.read(people)
        people.erase(ANA, 77)
        for row in (read, person()):
            with pytest.raises(StateConflict):
                people.put(row, [contact()])
        assert people.find("email", b"lookup a") is None

    def test_retention_names_who_never_confirmed(self, people: People) -> None:
        people.put(person("p_old", confirmed_at=0))
        people.put(person("p_new", confirmed_at=0, created_at=90))
        people.put(person("p_confirmed"))
        stopped = contact("p_stopped", "s", status="stopped", since=90)
        people.put(person("p_stopped", confirmed_at=0), [stopped])
        people.put(person("p_erased", confirmed_at=0))
        people.erase("p_erased", 50)
        assert forget(people, 50, 0, 0) == ["p_old"]
        assert sorted(forget(people, 95, 0, 0)) == ["p_new", "p_old", "p_stopped"]

    def test_retention_that_is_stopped_in_between_goes_on_where_it_stood(
        self, people: People
    ) -> None:
        for i in range(self.crowd):
            waiting = contact(f"p_{i}", str(i), status="pending", since=10)
            people.put(person(f"p_{i}", confirmed_at=0), [waiting])
            people.set_tally(b"%d" % i, None, b"1", 90)
        people.put(person(), [contact()])
        named: list[str] = []
        for _ in range(4 * self.crowd):
            some = next(people.forget(50, 0, 100), None)
            if some is None:
                break
            for pseudonym in some:
                people.erase(pseudonym, 100)
            named += some
            if not some and len(named) == self.crowd:
                break
        assert sorted(named) == sorted(f"p_{i}" for i in range(self.crowd))
        assert forget(people, 50, 0, 100) == []
        assert [people.tally(b"%d" % i) for i in (0, self.crowd - 1)] == [None, None]
        assert people.contacts(ANA) == [contact()]

    def test_retention_removes_unconfirmed_contacts_also_of_those_who_stay(
        self, people: People
    ) -> None:
        old = contact(name="old", status="pending", since=10)
        new = contact(name="new", status="pending", since=90)
        people.put(person(), [contact(), old, new])
        assert forget(people, 50, 0, 0) == []
        assert {c.lookup for c in people.contacts(ANA)} == {b"lookup a", b"lookup new"}

    def test_retention_removes_consents_long_withdrawn(self, people: People) -> None:
        old = consent(withdrawn_at=30)
        new = consent(channel="sms", withdrawn_at=60)
        standing = consent(channel="telegram")
        people.put(person(), [], [old, new, standing])
        forget(people, 0, 50, 0)
        assert people.consents(ANA) == [new, standing]

    def test_a_tally_is_written_where_nobody_counted_in_between(self, people: People) -> None:
        name = b"an HMAC"
        assert people.tally(name) is None
        assert people.set_tally(name, None, b"1", 100)
        assert not people.set_tally(name, None, b"2", 100)
        assert not people.set_tally(name, b"other", b"2", 100)
        assert people.set_tally(name, b"1", b"2", 200)
        again = self.reopened()
        assert again.tally(name) == b"2"
        assert again.tally(b"another HMAC") is None

    def test_a_contact_that_is_gone_goes_with_what_is_put_and_is_found_no_more(
        self, people: People
    ) -> None:
        people.put(person(), [contact(), contact(name="b")])
        people.put(self.read(people), [contact(name="c")], gone=[contact()])
        assert {c.lookup for c in people.contacts(ANA)} == {b"lookup b", b"lookup c"}
        assert people.find("email", b"lookup a") is None
        people.put(person(BIA), [contact(BIA, "a")])
        people.put(self.read(people), [], gone=[msgspec.structs.replace(contact(), lookup=b"no")])

    def test_look_up_keys_are_set_by_who_knew_them(self, people: People) -> None:
        assert people.lookup_keys() == LookupKeys()
        second, third = LookupKeys(2, {1: 0}), LookupKeys(3, {1: 50, 2: 0})
        assert people.set_lookup_keys(LookupKeys(), second)
        assert not people.set_lookup_keys(LookupKeys(), third)
        assert people.set_lookup_keys(second, third)
        assert self.reopened().lookup_keys() == third

    def test_a_new_contact_is_made_with_the_current_key_and_an_old_one_may_change(
        self, people: People
    ) -> None:
        people.put(person(), [contact()])
        people.set_lookup_keys(LookupKeys(), LookupKeys(2, {1: 0}))
        for number in (1, 3):
            with pytest.raises(StateConflict, match="another key"):
                people.put(person(BIA), [contact(BIA, "b", key=number)])
        assert people.person(BIA) is None
        people.put(self.read(people), [contact(status="stopped")])
        people.put(person(BIA), [contact(BIA, "b", key=2), contact(BIA, "c", key=0)])
        assert [c.key for c in people.contacts(BIA)] == [2, 0]

    def test_nobody_gets_a_contact_that_another_has_by_an_older_key(self, people: People) -> None:
        people.put(person(), [contact(), contact(name="b", status="stopped")])
        people.set_lookup_keys(LookupKeys(), LookupKeys(2, {1: 0}))
        new = contact(BIA, "new", key=2, others=(b"lookup a",))
        with pytest.raises(StateConflict, match="another's"):
            people.put(person(BIA), [new])
        assert people.find("email", b"lookup new") is None
        mine = contact(ANA, "new", key=2, others=(b"lookup a",))
        people.put(self.read(people), [mine], gone=[contact()])
        assert people.find("email", b"lookup new") == contact(ANA, "new", key=2)
        free = contact(BIA, "newer", key=2, others=(b"lookup b", b"lookup none"))
        people.put(person(BIA), [free])
        assert people.find("email", b"lookup newer") == contact(BIA, "newer", key=2)

    def test_what_older_keys_made_is_listed_and_dropped(self, people: People) -> None:
        people.put(
            person(), [contact(), contact(name="b", channel="sms"), contact(name="k", key=0)]
        )
        people.set_lookup_keys(LookupKeys(), LookupKeys(2, {1: 0}))
        people.put(person(BIA), [contact(BIA, "n", key=2)])
        assert {c.lookup for c in people.outdated(2)} == {b"lookup a", b"lookup b"}
        assert people.drop_outdated({1, 2}) == 0
        assert people.drop_outdated({2}) == 2
        again = self.reopened()
        assert list(again.outdated(2)) == []
        assert {c.lookup for p in (ANA, BIA) for c in again.contacts(p)} == {
            b"lookup k",
            b"lookup n",
        }

    def test_a_count_is_kept_under_the_current_key_alone(self, people: People) -> None:
        assert people.set_tally(b"name", None, b"1", 100)
        people.set_lookup_keys(LookupKeys(), LookupKeys(2, {1: 0}))
        assert not people.set_tally(b"name", b"1", b"2", 100, 1)
        assert people.set_tally(b"new name", None, b"2", 100, 2)
        assert not people.set_tally(b"new name", None, b"3", 100, 2)
        assert (people.tally(b"name"), people.tally(b"new name")) == (b"1", b"2")

    def test_a_tally_outlives_whoever_is_erased_and_goes_in_its_time(self, people: People) -> None:
        people.put(person(), [contact()])
        people.set_tally(b"lookup a", None, b"1", 100)
        people.erase(ANA, 50)
        forget(people, 0, 0, 99)
        assert people.tally(b"lookup a") == b"1"
        forget(people, 0, 0, 100)
        assert people.tally(b"lookup a") is None
