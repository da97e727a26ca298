from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.contact import Contact
from atalaia.domain.conversation import LONGEST_DATA, Button, Incoming, Reply
from atalaia.domain.subscription import WEATHER, Circle, Person, Subscription
from atalaia.domain.words import LANGUAGES
from atalaia.errors import StateConflict
from atalaia.homes.embedded.talks import MemoryTalks
from atalaia.people import bot_words
from atalaia.people.bot_own import language_of
from atalaia.people.bot_turn import TownChoice, Towns
from atalaia.people.changing import ChangeWanted
from atalaia.people.conversation import Conversation, command_of
from atalaia.people.lookups import Lookups
from atalaia.people.request import Request
from atalaia.people.service import Named, PeopleService
from atalaia.people.subscribe import Confirmation, Enrolled
from atalaia.people.talks import SealedTalks
from atalaia.ports import LookupKeys, Talks

NOW = 1_790_000_000
ANA, BEA = Contact("telegram", "1001"), Contact("telegram", "1002")
RECIFE = TownChoice("Recife, Pernambuco, Brasil", -8.05389, -34.88111)
SANTA_MARIAS = [
    TownChoice("Santa Maria, Rio Grande do Sul, Brasil", -29.68417, -53.80694),
    TownChoice("Santa Maria, Distrito Federal, Brasil", -16.02, -48.01),
    TownChoice("Santa María, Catamarca, Argentina", -26.7, -66.05),
]


@dataclass
class Notebook(PeopleService, Towns):
    """What bots ask of people and of the gazetteer, in dicts by contact."""

    is_open: bool = True
    told: dict[Contact, Person] = field(default_factory=dict)
    consents: dict[Contact, str] = field(default_factory=dict)
    stopped: set[Contact] = field(default_factory=set)
    erased: list[Contact] = field(default_factory=list)
    acknowledged: list[tuple[Contact, str, int]] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    def person(self, who: Named) -> Person | None:
        return None if who in self.stopped else self.told.get(contact(who))

    def search(self, name: str, limit: int) -> list[TownChoice]:
        self.searched.append(name)
        found = [t for t in (RECIFE, *SANTA_MARIAS) if t.label.lower().startswith(name.lower())]
        return found[:limit]

    def nearest(self, latitude: float, longitude: float) -> TownChoice | None:
        return RECIFE if abs(latitude + 8) < 1 else None

    def words(self, language: str) -> str:
        return f"words in {language}, which tell of /forget"

    def subscribe(self, request: Request, now: int) -> Enrolled:
        assert (request.is_own, request.how) == (True, request.contacts[0].channel)
        [who] = request.contacts
        before = self.told[who].subscriptions if who in self.told else ()
        if len(before) == 2:
            raise ValueError("too many")
        new = Subscription(id=f"s{now}", where=request.where, hazards=request.hazards, since=now)
        self.told[who] = Person(
            pseudonym="p_1",
            language=request.language,
            channels=(who.channel,),
            subscriptions=(*before, new),
        )
        self.consents[who] = request.shown
        self.stopped.discard(who)
        return Enrolled("p_1", 1, (who.channel,), (), {})

    def confirm(self, who: Named, code: str, now: int) -> Confirmation | None:
        return Confirmation("p_1", 1, contact(who).channel) if code == "123 456" else None

    def change(self, who: Named, wanted: ChangeWanted, _now: int) -> None:
        if who in self.told and wanted.language:
            person = self.told[contact(who)]
            self.told[contact(who)] = Person(
                pseudonym=person.pseudonym,
                language=wanted.language,
                channels=person.channels,
                subscriptions=person.subscriptions,
            )

    def stop(self, who: Named, now: int, channel: str | None = None) -> bool:
        was_told = self.person(who) is not None
        if who in self.told:
            self.stopped.add(contact(who))
        return was_told

    def export(self, who: Named) -> bytes | None:
        person = self.told.get(contact(who))
        return json.dumps({"language": person.language}).encode() if person else None

    def is_kept(self, who: Named) -> bool:
        return contact(who) in self.told

    def erase(self, who: Named, now: int) -> bool:
        self.erased.append(contact(who))
        return self.told.pop(contact(who), None) is not None

    def acknowledge(self, who: Named, message: str, now: int) -> bool:
        self.acknowledged.append((contact(who), message, now))
        return message == "msg_theirs"


def contact(who: Named) -> Contact:
    """Bots know people by the contact that they write from, and by nothing else."""
    assert isinstance(who, Contact)
    return who


class Keys:
    """A home's key of look-ups."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)

    def lookup_key(self, number: int) -> bytes:
        assert number == 1
        return self.key

    def lookup_keys(self) -> LookupKeys:
        return LookupKeys()


def sealed(kept: Talks) -> SealedTalks:
    keys: object = Keys()
    return SealedTalks(Lookups(keys, keys), kept)  # type: ignore[arg-type]


def bot_of(desk: Notebook, kept: Talks) -> Conversation:
    return Conversation(desk, sealed(kept), towns=desk)


class Talk:
    """One person at the bot."""

    def __init__(
        self, desk: Notebook, who: Contact = ANA, app: str = "", bot: Conversation | None = None
    ) -> None:
        self.kept = MemoryTalks()
        self.bot = bot or bot_of(desk, self.kept)
        self.who, self.app = who, app
        self.last: list[Reply] = []

    def _say(self, **what: object) -> Reply:
        incoming = Incoming(contact=self.who, language=self.app, **what)  # type: ignore[arg-type]
        self.last = self.bot.answer(incoming, NOW)
        for reply in self.last:
            assert len(reply.text) <= 4000
            for button in buttons(reply):
                assert len(button.data.encode()) <= LONGEST_DATA
                assert button.label
        return self.last[0] if self.last else Reply(text="")

    def write(self, text: str) -> Reply:
        return self._say(text=text)

    def press(self, data: str) -> Reply:
        return self._say(pressed=data)

    def press_label(self, label: str) -> Reply:
        [data] = [b.data for reply in self.last for b in buttons(reply) if label in b.label]
        return self.press(data)

    def share(self, latitude: float, longitude: float) -> Reply:
        return self._say(position=(latitude, longitude))

    def block(self) -> None:
        self._say(is_gone=True)
        assert self.last == []


def buttons(reply: Reply) -> list[Button]:
    return [button for row in reply.buttons for button in row]


STORIES = [
    ("pt-br", "Laranja", "Concordo", "Pronto", "De que lugar?"),
    ("en-GB", "Orange", "I agree", "Done", "Which place?"),
    ("es", "Naranja", "Estoy de acuerdo", "Listo", "¿De qué lugar?"),
    ("de", "Laranja", "Concordo", "Pronto", "De que lugar?"),
]


@pytest.mark.parametrize(("app", "level", "agree", "done", "where"), STORIES)
def test_four_steps_make_a_subscription_in_the_persons_language(
    app: str, level: str, agree: str, done: str, where: str
) -> None:
    desk = Notebook()
    talk = Talk(desk, app=app)
    hello = talk.write("/start")
    assert where in hello.text
    assert hello.asks_position
    assert "1001" in hello.text  # the chat's number, by which others may enter it
    assert len(buttons(talk.write("recife"))) == 3
    consent = talk.press_label(level)
    assert "Recife, Pernambuco, Brasil" in consent.text
    assert "/forget" in consent.text
    assert desk.told == {}  # nothing is kept before they agree
    assert done in talk.press_label(agree).text
    [subscription] = desk.told[ANA].subscriptions
    assert subscription.where == (
        Circle(name=RECIFE.label, latitude=-8.05389, longitude=-34.88111, radius_km=25),
    )
    assert subscription.hazards == dict.fromkeys(WEATHER, "orange")
    language = desk.told[ANA].language
    assert language == language_of(app, "pt-BR")
    assert desk.consents[ANA] == desk.words(language)
    assert desk.consents[ANA] in consent.text


def test_where_nobody_answers_for_data_the_bot_says_so_before_it_asks_anything() -> None:
    desk = Notebook(is_open=False)
    talk = Talk(desk, app="en")
    for reply in (talk.write("/start"), talk.write("recife"), talk.share(-8.06, -34.87)):
        assert "who answers for your data" in reply.text
        assert (reply.buttons, reply.asks_position) == ((), "")
    assert "/stop" in talk.write("/help").text
    assert desk.told == {}


def test_a_shared_position_is_blurred_and_named_after_the_nearest_town() -> None:
    desk = Notebook()
    talk = Talk(desk)
    assert "Recife" in talk.share(-8.0634321, -34.8711234).text
    talk.press_label("Vermelho")
    talk.press_label("Concordo")
    [circle] = desk.told[ANA].subscriptions[0].where
    assert isinstance(circle, Circle)
    assert (circle.latitude, circle.longitude) == (-8.06, -34.87)


def test_a_position_far_from_any_town_is_named_by_itself() -> None:
    assert "-33.10, -20.00" in Talk(Notebook()).share(-33.1, -20).text


@pytest.mark.parametrize("position", [(91, 0), (0, 181), (float("nan"), 0), (float("inf"), 0)])
def test_a_position_that_is_none_is_asked_for_again(position: tuple[float, float]) -> None:
    assert Talk(Notebook()).share(*position).asks_position


def test_towns_of_the_same_name_are_told_apart_by_buttons_or_numbers() -> None:
    desk = Notebook()
    talk = Talk(desk)
    which = talk.write("Santa Mar")
    assert "1. Santa Maria, Rio Grande do Sul, Brasil" in which.text
    assert [b.label for b in buttons(which)] == [town.label for town in SANTA_MARIAS]
    assert "Distrito Federal" in talk.write("2").text
    talk.write("Santa Mar")
    assert "Catamarca" in talk.press_label("Catamarca").text
    talk.press_label("Amarelo")
    talk.press_label("Concordo")
    assert desk.told[ANA].subscriptions[0].where[0].name == SANTA_MARIAS[2].label


def test_a_number_without_a_list_is_no_choice() -> None:
    talk = Talk(Notebook())
    assert "Não conheço" in talk.write("2").text
    talk.write("Santa Mar")
    assert "Não conheço" in talk.write("9").text


def test_a_button_of_an_older_talk_is_never_taken_for_another() -> None:
    desk = Notebook()
    talk = Talk(desk)
    talk.write("recife")
    old = talk.last
    talk.press_label("Laranja")
    [agree] = [b.data for b in buttons(talk.last[0]) if b.label == "Concordo"]
    talk.write("Santa Maria, R")  # they think again
    talk.last = old
    assert "recomeçar" in talk.press_label("Vermelho").text
    assert "recomeçar" in talk.press(agree).text
    assert desk.told == {}


def test_agreeing_to_one_level_is_not_agreeing_to_another() -> None:
    desk = Notebook()
    talk = Talk(desk)
    levels = talk.write("recife")
    talk.press_label("Laranja")
    [agree] = [b.data for b in buttons(talk.last[0]) if b.label == "Concordo"]
    talk.press(buttons(levels)[2].data)
    assert "recomeçar" in talk.press(agree).text
    assert desk.told == {}


@pytest.mark.parametrize(
    "data", ["agree:", "level:red:", "level:watch:x", "town:0", "?", "lang:xx"]
)
def test_a_button_that_was_never_shown_begins_again(data: str) -> None:
    desk = Notebook()
    assert Talk(desk).press(data).asks_position
    assert desk.told == {}


def test_a_press_can_be_repeated_where_the_desk_broke() -> None:
    desk = Notebook()
    talk = Talk(desk)
    talk.write("recife")
    [agree] = [b.data for b in buttons(talk.press_label("Laranja")) if b.label == "Concordo"]
    keep = desk.subscribe

    def broken(*_: object) -> None:
        raise StateConflict("locked")

    desk.subscribe = broken  # type: ignore[assignment,method-assign]
    with pytest.raises(StateConflict):
        talk.press(agree)
    desk.subscribe = keep  # type: ignore[method-assign]
    assert "Pronto" in talk.press(agree).text


def test_who_refuses_is_not_kept() -> None:
    desk = Notebook()
    talk = Talk(desk)
    talk.write("recife")
    agree = talk.press_label("Laranja")
    assert "Nada foi guardado" in talk.press_label("Não").text
    assert "recomeçar" in talk.press(buttons(agree)[0].data).text
    assert desk.told == {}


def subscribed(desk: Notebook, who: Contact = ANA, app: str = "") -> Talk:
    talk = Talk(desk, who, app)
    talk.write("recife")
    talk.press(buttons(talk.last[0])[0].data)
    talk.press(buttons(talk.last[0])[0].data)
    assert who in desk.told
    return talk


def test_a_second_place_is_added_to_the_first() -> None:
    desk = Notebook()
    talk = subscribed(desk)
    assert "Recife, Pernambuco, Brasil" in talk.write("/start").text
    talk.write("Santa Maria, R")
    talk.press_label("Vermelho")
    talk.press_label("Concordo")
    names = [one.where[0].name for one in desk.told[ANA].subscriptions]
    assert names == [RECIFE.label, SANTA_MARIAS[0].label]
    talk.write("Santa María, C")
    talk.press_label("Vermelho")
    assert "lugares demais" in talk.press_label("Concordo").text


def test_words_that_changed_meanwhile_are_shown_again_before_they_are_agreed_to() -> None:
    desk = Notebook()
    talk = Talk(desk)
    talk.write("recife")
    talk.press_label("Laranja")
    desk.words = lambda language: "other words"  # type: ignore[method-assign]
    assert "recomeçar" in talk.press_label("Concordo").text
    assert desk.told == {}


@pytest.mark.parametrize("words", ["/stop", "/stop@AtalaiaBot", "PARAR", "Stop", "/detener"])
def test_stopping_is_one_word_and_keeps_the_rest(words: str) -> None:
    desk = Notebook()
    talk = subscribed(desk)
    assert "não receberá mais" in talk.write(words).text
    assert desk.stopped == {ANA}
    assert ANA in desk.told
    assert "não recebe avisos" in talk.write(words).text


def test_blocking_the_bot_is_stopping() -> None:
    desk = Notebook()
    subscribed(desk).block()
    assert desk.stopped == {ANA}


def test_who_stopped_comes_back_by_agreeing_again() -> None:
    desk = Notebook()
    talk = subscribed(desk)
    talk.write("/stop")
    assert "Olá" in talk.write("/start").text
    subscribed(desk)
    assert desk.stopped == set()


@pytest.mark.parametrize(
    ("app", "words", "name"),
    [
        ("pt", "/meusdados", "meus-dados.json"),
        ("en", "/mydata", "my-data.json"),
        ("es", "/misdatos", "mis-datos.json"),
    ],
)
def test_my_data_hands_over_everything_as_a_file(app: str, words: str, name: str) -> None:
    desk = Notebook()
    reply = subscribed(desk, app=app).write(words)
    assert reply.file_name == name
    assert json.loads(reply.file) == {"language": language_of(app, "")}
    assert "file" not in Talk(desk, BEA).write(words).file_name


@pytest.mark.parametrize(
    ("app", "sure", "no"),
    [
        ("pt", "Sim, apagar tudo", "Não"),
        ("en", "Yes, erase it all", "No"),
        ("es", "Sí, borrarlo todo", "No"),
    ],
)
def test_forgetting_asks_once_and_then_erases(app: str, sure: str, no: str) -> None:
    desk = Notebook()
    talk = subscribed(desk, app=app)
    talk.write("/forget")
    assert desk.erased == []
    talk.press_label(no)
    assert desk.erased == []
    assert ANA in desk.told
    talk.write("/forget")
    talk.press_label(sure)
    assert desk.erased == [ANA]
    assert desk.told == {}
    assert talk.kept._held == {}


def test_of_whom_nothing_is_kept_nothing_is_erased() -> None:
    desk = Notebook()
    reply = Talk(desk, app="en").write("/forget")
    assert (reply.text, reply.buttons) == ("We keep nothing about you.", ())


def test_the_language_can_be_chosen_and_stays() -> None:
    desk = Notebook()
    talk = Talk(desk, app="pt-br")
    talk.write("/language")
    assert talk.press_label("English").text == "I speak English now."
    assert "Which place?" in talk.write("/start").text
    subscribed_ = subscribed(desk)
    assert "Ahora hablo español" in subscribed_.write("/idioma es").text
    assert desk.told[ANA].language == "es"
    assert "¿De qué lugar?" in Talk(desk, app="pt").write("/start").text


def test_a_read_alert_is_noted_in_passing() -> None:
    desk = Notebook()
    talk = Talk(desk, app="en")
    reply = talk.press("ack:msg_theirs")
    assert (reply.text, reply.is_passing) == ("Noted, thank you.", True)
    assert "no longer" in talk.press("ack:msg_another").text
    assert desk.acknowledged[0] == (ANA, "msg_theirs", NOW)


def test_a_code_confirms_by_button_or_by_hand() -> None:
    talk = Talk(Notebook(), app="en")
    assert "Confirmed" in talk.press("confirm:123 456").text
    assert "Confirmed" in talk.write("/confirm 123 456").text
    assert "not valid" in talk.write("/confirm 000000").text
    assert "not valid" in talk.write("/confirm").text
    assert "Confirmed" in talk.write(" 123 456 ").text
    assert "not valid" in talk.write("654321").text


@pytest.mark.parametrize("words", ["/help", "ajuda", "/nosuchcommand", "/"])
def test_help_names_every_command(words: str) -> None:
    text = Talk(Notebook()).write(words).text
    for command in ("/start", "/stop", "/mydata", "/forget", "/language"):
        assert command in text


def test_what_is_not_understood_is_answered_by_what_can_be_done() -> None:
    reply = Talk(Notebook(), app="en").write("will it rain tomorrow?")
    assert "/help" in reply.text
    assert reply.asks_position


@pytest.mark.parametrize(
    "text",
    [
        "x" * 4096,
        "Recife " * 500,
        "🌧" * 2000,
        "/start" + "9" * 4000,
        "1" * 4096,
        "a\n\0\u202e" * 900,
    ],
)
def test_a_long_hostile_text_reaches_no_search_and_is_not_echoed(text: str) -> None:
    desk = Notebook()
    reply = Talk(desk).write(text)
    assert desk.searched == []
    assert text[:20] not in reply.text
    assert len(reply.text) < 500


def test_words_that_look_like_commands_inside_a_name_are_none() -> None:
    assert command_of("Parar do Sul") == ""
    assert command_of("  /STOP@AtalaiaBot now ") == "stop"
    assert command_of("") == ""
    assert command_of("@stop") == ""


def test_half_done_talks_are_bounded_and_the_oldest_is_forgotten() -> None:
    kept = MemoryTalks(most=3)
    bot = bot_of(Notebook(), kept)
    talks = [Talk(Notebook(), Contact("telegram", str(i)), bot=bot) for i in range(5)]
    for talk in talks:
        talk.write("recife")
    assert len(kept._held) == 3
    assert "recomeçar" in talks[0].press_label("Laranja").text
    assert "Recife" in talks[4].press_label("Laranja").text


def test_nothing_of_a_person_is_in_a_repr() -> None:
    desk = Notebook()
    talk = subscribed(desk)
    replies = [talk.write("/start"), talk.write("/mydata")]
    incoming = Incoming(contact=ANA, text="Recife", position=(-8.0, -34.0))
    said = f"{replies!r} {incoming!r} {talk.bot!r}"
    assert "Recife" not in said
    assert "1001" not in said
    assert "34.0" not in said


@given(st.lists(st.tuples(st.sampled_from(["write", "press"]), st.text(max_size=200)), max_size=8))
def test_whatever_is_said_is_answered(steps: list[tuple[str, str]]) -> None:
    desk = Notebook()
    talk = Talk(desk)
    for how, what in steps:
        getattr(talk, how)(what)
        assert len(talk.last) == 1
    assert desk.consents == {}


def test_all_words_have_three_languages_and_the_same_gaps() -> None:
    for name, words in vars(bot_words).items():
        if name.isupper():
            assert len(words) == len(LANGUAGES), name
            assert len({tuple(sorted(re.findall(r"{\w+}", text))) for text in words}) == 1, name
