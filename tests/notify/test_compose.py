"""Messages become letters: words from the log, an address from the vault, a thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from atalaia.clock import Clock
from atalaia.domain.alert import Moved
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, Outcome, settled
from atalaia.domain.subscription import Person, Threshold
from atalaia.errors import StateConflict
from atalaia.notify.compose import Composer
from atalaia.notify.together import bound, bundles
from atalaia.people.answering import Ways
from atalaia.people.registry import Question
from telling import HERE, NOON, PLACES, THERE, Crowd, message, news, person, text_of

HOUR = 3600


class Directory:
    """Addresses at hand; `shut` are those that cannot be opened."""

    def __init__(self, people: dict[str, Person]) -> None:
        self.people = people
        self.shut: set[str] = set()
        self.gone: set[str] = set()
        self.opened: list[str] = []
        self.asked: Question | None = None

    def person(self, pseudonym: str, *, if_limited: bool = False) -> Person | None:
        self.opened.append(pseudonym)
        return self.people.get(pseudonym)

    def contact(self, pseudonym: str, channel: str) -> Contact | None:
        if pseudonym in self.shut:
            raise StateConflict("damaged")
        return None if pseudonym in self.gone else Contact(channel, f"at {pseudonym}")

    def question(self, _pseudonym: str, _channel: str, _now: int) -> Question | None:
        return self.asked


class Desk(Crowd):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.directory = Directory(self.people)
        self.composer = Composer(
            self.home.state,
            self.home.outbox,
            PLACES,
            self.people,
            self.directory,
            Clock(lambda: NOON + 60),
        )

    def letters(self) -> dict[str, Letter]:
        """The newest letter to each."""
        newest = {m.person: m for m in self.all()}
        found = self.composer.write(list(newest.values()))
        assert all(isinstance(one, Letter) for one in found), found
        return dict(zip(newest, found, strict=True))  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.home.close()


def test_a_letter_has_the_address_the_words_and_when_it_was_decided(desk: Desk) -> None:
    desk.join(person("p_ana", language="pt-BR"), person("p_bia", "email", language="es"))
    desk.tell(news())
    letters = desk.letters()
    ana, bia = letters["p_ana"], letters["p_bia"]
    assert ana.contact == Contact("telegram", "at p_ana")
    assert bia.contact == Contact("email", "at p_bia")
    assert "chuva forte em Recife" in text_of(ana.content)
    assert "lluvia fuerte en Recife" in text_of(bia.content)
    assert (ana.sent_at, ana.reply_to, ana.thread, ana.asks) == (NOON, "", (), False)


def test_red_asks_for_an_acknowledgement(desk: Desk) -> None:
    desk.join(person("p_ana"))
    desk.tell(news(level="red"))
    assert desk.letters()["p_ana"].asks


def test_the_next_change_goes_on_with_the_thread_of_its_channel(desk: Desk) -> None:
    desk.join(person("p_ana"), person("p_bia", "email"))
    first = desk.tell(news())
    desk.send_all(NOON + 1)
    second = desk.tell(news(version=2, level="red", at=NOON + HOUR))
    desk.send_all(NOON + HOUR)
    desk.tell(news(version=3, type="end", at=NOON + 2 * HOUR))
    ana = desk.letters()["p_ana"]
    assert ana.reply_to == f"at {NOON + HOUR}"
    assert ana.thread == (first[0].id, second[0].id)
    assert desk.letters()["p_bia"].thread == (first[1].id, second[1].id)


def test_what_went_in_one_letter_is_one_thread_by_that_letters_id(desk: Desk) -> None:
    desk.join(person("p_ana", "email", where=[HERE, THERE]))
    desk.tell(news("i1"), news("i2", at=NOON + 1, place="natal"))
    now = NOON + 60
    outbox, room = desk.home.outbox, {"email": 9}
    claimed = outbox.claim(now, now + 90, room, together=("email",))
    letters = desk.composer.write(claimed)
    assert all(isinstance(one, Letter) for one in letters)
    [bundle] = map(bound, bundles(zip(claimed, letters, strict=True), 9_000))  # type: ignore[arg-type]
    by = claimed[1].id
    sent = Outcome("sent", provider_id="<x>")
    outbox.settle([(m, m) for m, _ in bundle])
    outbox.settle([(m, settled(m, sent, (5,), now)) for m, _ in bundle])
    desk.tell(news("i1", 2, level="red", at=NOON + HOUR))
    letter = desk.letters()["p_ana"]
    assert (letter.thread, letter.reply_to) == ((by,), "<x>")


def test_a_message_that_is_bound_to_a_letter_has_that_letters_id_and_links(desk: Desk) -> None:
    desk.join(person("p_ana"))
    [m] = desk.tell(news())
    composer = Composer(
        desk.home.state,
        desk.home.outbox,
        PLACES,
        desk.people,
        desk.directory,
        Clock(lambda: NOON + 60),
        ways=lambda one: Ways(f"leave {one.id}", f"answer {one.id}"),
    )
    [letter] = composer.write([msgspec.structs.replace(m, letter="msg_last")])
    assert isinstance(letter, Letter)
    assert (letter.id, letter.leave, letter.answer) == (
        "msg_last",
        "leave msg_last",
        "answer msg_last",
    )


def test_what_did_not_go_out_is_no_thread(desk: Desk) -> None:
    desk.join(person("p_ana"))
    desk.tell(news())
    desk.tell(news(version=2, level="red", at=NOON + HOUR))
    assert (desk.letters()["p_ana"].thread, desk.letters()["p_ana"].reply_to) == ((), "")


def test_an_own_limit_is_told_to_those_alone_who_are_told_for_it(desk: Desk) -> None:
    limits = (Threshold("rain_mm", 3600, 33.0, "heavy_rain"),)
    desk.join(
        person("p_own", thresholds=limits, hazards={}),
        person("p_both", thresholds=limits),
        person("p_level"),
    )
    desk.tell(news(moved=(Moved("rain_mm", 3600, is_below=False, low=None, high=36.0),)))
    texts = {name: text_of(letter.content) for name, letter in desk.letters().items()}
    assert "The limit you asked for: 33 mm" in texts["p_own"]
    assert "you asked for" not in texts["p_both"], "the level that they chose says enough"
    assert "you asked for" not in texts["p_level"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("pt-BR", "O limite que você pediu: 50 mm, chance de 30 %"),
        ("en", "The limit you asked for: 50 mm, chance of 30 %"),
        ("es", "El límite que pidió: 50 mm, probabilidad de 30 %"),
    ],
)
def test_a_chance_of_ones_own_is_told_with_its_limit(desk: Desk, language: str, said: str) -> None:
    limits = (Threshold("rain_mm", 86_400, 50.0, "heavy_rain", 30),)
    desk.join(person("p_own", thresholds=limits, hazards={}, language=language))
    reached = Moved("rain_mm", 86_400, is_below=False, low=None, high=56.0, chance=30)
    desk.tell(news(moved=(reached,)))
    assert said in text_of(desk.letters()["p_own"].content)


def test_without_own_limits_in_it_nobody_is_opened_for_the_words(desk: Desk) -> None:
    desk.join(*(person(f"p_{i}") for i in range(3)))
    desk.tell(news())
    letters = desk.letters()
    assert desk.directory.opened == []
    assert len({id(letter.content) for letter in letters.values()}) == 1, "written once for all"


def test_who_has_no_address_any_more_or_left_is_never_written_to(desk: Desk) -> None:
    desk.join(person("p_ana"), person("p_bia"), person("p_cid"))
    messages = desk.tell(news())
    desk.directory.gone.add("p_ana")
    desk.people.pop("p_bia")
    said = desk.composer.write(messages)
    assert [isinstance(one, Outcome) and one.verdict for one in said] == ["never", "never", False]


def test_one_who_cannot_be_opened_silences_nobody_else(desk: Desk) -> None:
    desk.join(person("p_ana"), person("p_bia"))
    messages = desk.tell(news())
    desk.directory.shut.add("p_ana")
    ana, bia = desk.composer.write(messages)
    assert isinstance(ana, Outcome)
    assert (ana.verdict, ana.reason) == (
        "given_back",
        "what is kept of the person cannot be opened",
    )
    assert isinstance(bia, Letter)


def test_alerts_that_are_no_longer_kept_end_the_message(desk: Desk) -> None:
    desk.join(person("p_ana"))
    [one] = desk.composer.write([message(seqs=(99,))])
    assert one == Outcome("never", "its alerts are no longer in the log")


def test_a_question_is_written_in_the_language_of_whom_it_asks(desk: Desk) -> None:
    ask = message(kind="confirm", seqs=(), rank=0)
    [one] = desk.composer.write([ask])
    assert one == Outcome("never", "there is nothing left to confirm")
    desk.directory.asked = Question(Contact("telegram", "77"), "482913", "es")
    [one] = desk.composer.write([ask])
    assert isinstance(one, Letter)
    assert one.contact.address == "77"
    assert one.content.code == "482913"
    assert "con el código 482913" in text_of(one.content)


def test_a_letter_shows_no_address(desk: Desk) -> None:
    desk.join(person("p_ana"))
    desk.tell(news())
    assert "at p_ana" not in repr(desk.letters()["p_ana"])
    assert msgspec.structs.asdict(desk.letters()["p_ana"])["contact"].address == "at p_ana"
