"""A registry over an embedded home, and requests to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from atalaia.domain.contact import Contact, read_contact
from atalaia.domain.delivery import Message
from atalaia.domain.subscription import Circle, Person
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.homes.embedded.keys import FolderKeys, default_folder, open_keys
from atalaia.people.admission import admit
from atalaia.people.consent import Controller
from atalaia.people.manage import Signed
from atalaia.people.registry import Held, Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import Confirmation, Enrolled, confirm, subscribe
from atalaia.settings import load

CONTROLLER = Controller("Defesa Civil de Recife", "dados@example.org")
NOW = 1_700_000_000
DAY = 86_400

RECIFE = Circle(name="Recife", latitude=-8.05, longitude=-34.88)
OLINDA = Circle(name="Olinda", latitude=-8.01, longitude=-34.86)


@dataclass
class World:
    path: Path
    home: EmbeddedHome
    keys: FolderKeys
    registry: Registry

    @property
    def folders(self) -> tuple[Path, Path]:
        return self.path, default_folder(self.path)

    def admit(self, asked: Request, contacts: Sequence[Contact], now: int) -> None:
        """The limits of codes, as the settings have them by themselves."""
        admit(self.registry, load(None, {}), asked, contacts, now)

    def subscribe(self, *contacts: str, now: int = NOW, **wishes: object) -> Enrolled:
        return subscribe(self.registry, request(*contacts, **wishes), now, self.admit)

    def told(self, *contacts: str, now: int = NOW, **wishes: object) -> str:
        """Somebody whose contacts are confirmed; their pseudonym."""
        wishes.setdefault("proof", "form 12")
        return self.subscribe(*contacts, now=now, **wishes).pseudonym

    def code(self, ask: Message, now: int = NOW) -> str:
        """What the message that asks has in it."""
        question = self.registry.question(ask.person, ask.channel, now)
        assert question is not None
        return question.code

    def confirm(
        self, person: str, code: str, now: int = NOW, *, is_theirs: bool = False
    ) -> Confirmation | None:
        """The code is given; whatever message it came in went out."""
        return confirm(
            self.registry, person, code, now, lambda _: True, is_theirs=lambda *_: is_theirs
        )

    def person(self, pseudonym: str) -> Person:
        person = self.registry.person(pseudonym)
        assert person is not None
        return person

    def link(self, pseudonym: str, *channels: str) -> Signed:
        """A link of theirs as things are, earned by these channels."""
        return Signed(pseudonym, channels, self.held(pseudonym).kept.epoch)

    def held(self, pseudonym: str) -> Held:
        held = self.registry.held(pseudonym)
        assert held is not None
        return held

    def places(self, pseudonym: str) -> list[str]:
        return [a.name for s in self.person(pseudonym).subscriptions for a in s.where]


def request(*contacts: str, **wishes: object) -> Request:
    given = {"where": (RECIFE,), "is_operators": True, **wishes}
    return Request(contacts=tuple(read_contact(text) for text in contacts), **given)


@contextmanager
def world(path: Path) -> Iterator[World]:
    with open_home(path, exclusive=False) as home:
        keys = open_keys(path)
        yield World(path, home, keys, Registry(home.people, keys, CONTROLLER))
