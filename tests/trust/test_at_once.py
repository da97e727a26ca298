"""Whatever two people do at the same moment comes to what it would one after the other.

In the middle of what the one does, before any of its calls to the store, the other does theirs
whole, as from another process; and who is then told of what, what each was answered, and what each
link opens, has to be as if one had waited for the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, product
from typing import Any, NamedTuple

import pytest

from atalaia.domain.contact import Contact, read_contact
from atalaia.errors import StateConflict
from atalaia.people import registry
from atalaia.people.changing import ChangeWanted, SubscriptionWanted
from atalaia.people.erase import erase
from atalaia.people.manage import Signed
from atalaia.people.registry import Registry
from atalaia.people.rows import CONFIRMED, PENDING
from atalaia.people.service import PeopleService
from atalaia.people.subscribe import Confirmation, Enrolled
from atalaia.settings import load
from people.world import CONTROLLER, NOW, OLINDA, RECIFE, World, request, world

EVERY = "ATALAIA_ORACLES" in os.environ
"""Each two acts, and each moment; or else the sharpest, before the writes of the one."""

_WRITES = {"put", "erase", "destroy"}


@dataclass
class Interruption:
    """Counts calls, and lets something happen before one of them."""

    at: int = -1
    then: Callable[[], None] = lambda: None
    calls: list[str] = field(default_factory=list)

    def tick(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) - 1 == self.at:
            self.then()


class Watched:
    """A part of a home whose calls are counted."""

    def __init__(self, part: object, interruption: Interruption) -> None:
        self._part, self._interruption = part, interruption

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if name == "lookup_keys":
            return found

        def called(*given: Any) -> Any:
            self._interruption.tick(name)
            return found(*given)

        return called


class Desk:
    """What people ask for, over a home that holds nobody yet: addresses are new each time."""

    number = count()

    def __init__(self, w: World, interruption: Interruption | None = None) -> None:
        self.w = w
        self.n = next(self.number)
        self.since = w.home.people.newest_change()
        one = interruption or Interruption()
        self.one = self._service(Watched(w.home.people, one), Watched(w.keys, one))
        self.other = self._service(w.home.people, w.keys)
        self.known: dict[str, Any] = {}

    def _service(self, people: Any, keys: Any) -> PeopleService:
        settings = load(None, {"ATALAIA_HOME": str(self.w.path)})
        return PeopleService(Registry(people, keys, CONTROLLER), self.w.home, settings)

    def address(self, channel: str) -> str:
        made = {
            "whatsapp": f"+55819{self.n:08d}",
            "sms": f"+55819{self.n:08d}",
            "telegram": str(10_000_000 + self.n),
            "email": f"a{self.n}@example.org",
            "webhook": f"https://h{self.n}.example.org/h",
        }
        return f"{channel}:{made[channel]}"

    def contact(self, channel: str) -> Contact:
        return read_contact(self.address(channel))

    def ask(self, name: str, *channels: str, **wishes: Any) -> Enrolled:
        """A request; its codes were sent."""
        given = {"is_operators": False} | wishes
        done = self.other.subscribe(request(*map(self.address, channels), **given), NOW)
        self.known[name] = done
        self.known |= {f"{name} {ask.channel}": self.w.code(ask) for ask in done.asks}
        self.known[f"{name} link"] = Signed(done.pseudonym, (), done.epoch)
        return done

    def everybody(self) -> dict[str, tuple[Any, ...]]:
        """Who is kept, by pseudonym: contacts, and places."""
        kept = {}
        for row in self.w.home.people.changes(self.since, 999):
            held = self.w.registry.held(row.pseudonym)
            if held is None:
                continue
            by = {status: _channels(held.with_status(status)) for status in (CONFIRMED, PENDING)}
            person = held.kept.person
            assert sorted(person.channels) == by[CONFIRMED]
            places = sorted(area.name for s in person.subscriptions for area in s.where)
            if any(by.values()):
                kept[row.pseudonym] = (tuple(by[CONFIRMED]), tuple(by[PENDING]), tuple(places))
        return kept

    def outcome(self, *answers: Any) -> Any:
        """Who is told of what, and what each of the two can do from now on."""
        kept = self.everybody()
        links = [one for one in self.known.values() if isinstance(one, Signed)]
        links += [link for one in answers for link in _link(one)]
        opens = [kept.get(link.pseudonym) for link in links if self._is_good(link)]
        return sorted(kept.values()), [_said(one) for one in answers], opens

    def _is_good(self, link: Signed) -> bool:
        held = self.w.registry.held(link.pseudonym)
        return held is not None and link.is_good(held)


def _channels(entries: Sequence[Any]) -> list[str]:
    return sorted(entry.row.channel for entry in entries)


def _link(answer: Any) -> Iterator[Signed]:
    if isinstance(answer, Confirmation):
        yield Signed(answer.pseudonym, (answer.channel,), answer.epoch)
    if isinstance(answer, Enrolled):
        yield Signed(answer.pseudonym, (), answer.epoch)
    if isinstance(answer, Signed):
        yield answer


def _said(answer: Any) -> Any:
    if isinstance(answer, Enrolled):
        return sorted(answer.confirmed), sorted(ask.channel for ask in answer.asks)
    if isinstance(answer, Exception):
        return type(answer).__name__
    return answer if isinstance(answer, bool) else answer is not None


Do = Callable[[PeopleService, Desk], Any]


def shown(people: PeopleService, d: Desk, link: str) -> Signed | None:
    """A link, as whoever shows its token is let in by it; None: it opens nothing any more."""
    found = people.whose(people.manage(d.known[link], NOW), NOW)
    assert not isinstance(found, str)
    return found


class Act(NamedTuple):
    """What somebody does.

    less    what it may come to as well where the other came in between
    """

    do: Do
    less: tuple[Do, ...] = ()


def confirms(name: str, channel: str, *, by: str = "", chat: bool = False) -> Act:
    """A code is given: by the request's name, from the chat itself, or with a link. It may be spent
    for nothing where who has the contact ends that in the same moment, and a link may count for
    none."""

    def act(people: PeopleService, d: Desk) -> Any:
        who = d.contact(channel) if chat else d.known[name].pseudonym
        link = shown(people, d, by) if by else None
        if by and not link:
            return None
        return people.confirm(who, d.known[f"{name} {channel}"], NOW, is_theirs=link or False)

    def spent(people: PeopleService, d: Desk) -> None:
        d.w.registry.gone(d.known[name].pseudonym, channel, NOW)

    without = (confirms(name, channel).do,) if by else ()
    return Act(act, (spent, *without))


def erases(who: str) -> Act:
    """By a link, or a contact; first nobody is told any more, and then nothing is kept."""

    def act(people: PeopleService, d: Desk) -> bool | str:
        if who in d.known:
            link = shown(people, d, who)
            return link is not None and people.erase(link, NOW)
        people.erase(d.contact(who), NOW)
        return "erased"  # whoever of two it was

    def stopped(people: PeopleService, d: Desk) -> bool | str:
        done = stops(who).do(people, d)
        return done is not None if who in d.known else "erased"

    return Act(act, (stopped,))


def removes(name: str) -> Act:
    """The operator erases a request."""

    def act(people: PeopleService, d: Desk) -> str:
        people.erase(d.known[name].pseudonym, NOW)
        return "erased"

    return Act(act)


def stops(who: str) -> Act:
    """By a link, or a contact."""

    def act(people: PeopleService, d: Desk) -> Any:
        if who not in d.known:
            return people.stop(d.contact(who), NOW)
        link = shown(people, d, who)
        return people.stop_by(link, None, NOW) if link else None

    return Act(act)


def changes(link: str) -> Act:
    """By a link: a wish is ended, and another begun."""

    def act(people: PeopleService, d: Desk) -> bool:
        shown_link = shown(people, d, link)
        if shown_link is None:
            return False
        held = d.w.registry.held(shown_link.pseudonym)
        ended = held.kept.person.subscriptions if held else ()
        new = SubscriptionWanted(where=(RECIFE,), hazards={"wind": "red"})
        wanted = ChangeWanted(subscriptions={one.id: None for one in ended}, added=(new,))
        return people.change(shown_link, wanted, NOW)

    def refused(people: PeopleService, d: Desk) -> Any:
        """What it would end was ended in between: nothing is done, and they are told."""
        return ValueError() if shown(people, d, link) else False

    return Act(act, (refused,))


def writes_down(*channels: str, **wishes: Any) -> Act:
    """Paper is shown for these contacts."""

    def act(people: PeopleService, d: Desk) -> Any:
        given = {"proof": "form 12", "where": (OLINDA,)} | wishes
        return people.subscribe(request(*map(d.address, channels), **given), NOW)

    return Act(act)


def a_request(d: Desk) -> None:
    """A stranger asked for somebody's phone beside a chat of their own."""
    d.ask("P", "whatsapp", "telegram")


def a_request_to_somebody(d: Desk) -> None:
    """The same for the phone of somebody who is told already."""
    person = d.ask("O", "whatsapp", "email", proof="form 12", is_operators=True).pseudonym
    d.known["O link"] = d.w.link(person, "whatsapp")
    d.known["whole link"] = d.w.link(person, "whatsapp", "email")
    d.ask("P", "whatsapp", "telegram", where=(OLINDA,))


def two_requests(d: Desk) -> None:
    """Two strangers asked for one phone."""
    d.ask("P", "whatsapp")
    d.ask("Q", "whatsapp", where=(OLINDA,))


Pairs = list[tuple[str, str]]

CASES: list[tuple[Callable[[Desk], None], dict[str, Act], Pairs]] = [
    (
        a_request,
        {
            "the phone confirms": confirms("P", "whatsapp", chat=True),
            "the stranger confirms their chat": confirms("P", "telegram"),
            "… by the link of the request": confirms("P", "telegram", by="P link"),
            "the link erases": erases("P link"),
            "the link stops": stops("P link"),
            "the chat forgets": erases("telegram"),
            "the phone forgets": erases("whatsapp"),
            "the phone stops": stops("whatsapp"),
            "the operator erases": removes("P"),
        },
        [
            ("the stranger confirms their chat", "the phone confirms"),
            ("… by the link of the request", "the phone confirms"),
            ("the link erases", "the phone confirms"),
            ("the link stops", "the phone confirms"),
            ("the chat forgets", "the phone confirms"),
            ("the phone confirms", "the operator erases"),
        ],
    ),
    (
        a_request_to_somebody,
        {
            "the phone confirms": confirms("P", "whatsapp", chat=True),
            "the stranger confirms their chat": confirms("P", "telegram"),
            "a link erases": erases("whole link"),
            "a link stops": stops("O link"),
            "a link changes": changes("O link"),
            "the phone stops": stops("whatsapp"),
            "the phone forgets": erases("whatsapp"),
            "the mail stops": stops("email"),
            "the operator adds": writes_down("whatsapp", "sms"),
            "the operator erases": removes("O"),
        },
        [
            ("the phone confirms", "a link erases"),
            ("a link erases", "the phone confirms"),
            ("a link stops", "the phone confirms"),
            ("a link stops", "the mail stops"),
            ("a link changes", "the mail stops"),
            ("a link changes", "the operator erases"),
            ("the mail stops", "a link changes"),
            ("the mail stops", "a link stops"),
            ("the operator adds", "the phone stops"),
            ("the phone forgets", "the stranger confirms their chat"),
            ("the phone confirms", "the stranger confirms their chat"),
        ],
    ),
    (
        two_requests,
        {
            "one is confirmed": confirms("P", "whatsapp"),
            "the other is confirmed": confirms("Q", "whatsapp"),
            "… in the chat": confirms("Q", "whatsapp", chat=True),
            "the operator writes down": writes_down("whatsapp", "sms"),
            "… once more": writes_down("whatsapp", "email"),
            "the phone stops": stops("whatsapp"),
            "one is erased": removes("P"),
        },
        [
            ("one is confirmed", "one is confirmed"),
            ("one is confirmed", "the other is confirmed"),
            ("one is confirmed", "one is erased"),
            ("… once more", "the operator writes down"),
            ("the operator writes down", "one is confirmed"),
            ("the operator writes down", "the phone stops"),
        ],
    ),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("at-once") / "home") as made:
        yield made


@pytest.mark.parametrize(("begin", "acts", "sharpest"), CASES)
def test_two_at_once_are_one_after_the_other(
    shared: World,
    begin: Callable[[Desk], None],
    acts: dict[str, Act],
    sharpest: Pairs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("atalaia.people.service.may_have_gone", lambda _message, _now: True)
    w, wrong = shared, []
    for first, second in product(acts, repeat=2) if EVERY else sharpest:
        one, other = acts[first], acts[second]
        right = []
        for do in (one.do, *one.less):
            right.append(in_turn(w, begin, do, other.do))
            right.append(in_turn(w, begin, other.do, do, is_turned=True))
        right.append(in_steps(w, begin, one.do, other.do, monkeypatch))
        for at in moments(w, begin, one.do):
            found = at_once(w, begin, one.do, other.do, at)
            if found is not None and found not in right:
                wrong.append((first, second, at, found, right))
    assert wrong == []


def in_turn(
    w: World, begin: Callable[[Desk], None], first: Do, then: Do, *, is_turned: bool = False
) -> Any:
    """What it comes to when one waits for the other; answers are in the order of the test's."""
    d = Desk(w)
    begin(d)
    answers = [done(first, d.one, d), done(then, d.other, d)]
    return d.outcome(*(reversed(answers) if is_turned else answers))


def in_steps(
    w: World, begin: Callable[[Desk], None], one: Do, other: Do, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """What it comes to where the other comes between the two steps of an erasure: nobody is told
    any more, and nothing is kept."""
    d = Desk(w)
    begin(d)
    begun: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(registry, "erase", lambda *who: begun.append(who))
        answer = done(one, d.one, d)
    said = done(other, d.other, d)
    for who in begun:
        erase(*who)
    return d.outcome(answer, said)


def at_once(w: World, begin: Callable[[Desk], None], one: Do, other: Do, at: int) -> Any:
    """The same where the other comes in before a call of the one; None: it made fewer calls."""
    said: list[Any] = []
    d = Desk(w, interruption := Interruption(at))
    begin(d)
    interruption.then = lambda: said.append(done(other, d.other, d))
    answer = done(one, d.one, d)
    return d.outcome(answer, *said) if said else None


def moments(w: World, begin: Callable[[Desk], None], act: Do) -> list[int]:
    """Before which of its calls an act is broken into: its writes, unless every one is tried."""
    d = Desk(w, interruption := Interruption())
    begin(d)
    done(act, d.one, d)
    calls = interruption.calls
    return [n for n, name in enumerate(calls) if EVERY or name in _WRITES]


def done(act: Do, people: PeopleService, d: Desk) -> Any:
    try:
        return act(people, d)
    except (StateConflict, ValueError) as error:
        return error
