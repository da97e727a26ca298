"""A storm, and 60 people who asked: each is told the story once, in order, in their language.

The watch runs with real sockets: readings are pushed over HTTP as they were made, and messages go
to servers on loopback that answer as Telegram, WhatsApp, SMTP, Amazon SNS and webhooks do.
"""

from __future__ import annotations

import asyncio
import csv
import itertools
import json
import logging
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from moto.server import ThreadedMotoServer
from moto.sns.models import sns_backends
from standardwebhooks import Webhook

from atalaia.channels.gsm7 import plain
from atalaia.domain.contact import read_contact
from atalaia.domain.message import ICONS, OVER
from atalaia.domain.subscription import Circle
from atalaia.domain.words import NOT_OFFICIAL
from atalaia.notify.sender import TRY_S
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from channels.servers import Provider, serve
from channels.servers_mail import Mailbox, mail_server
from channels.servers_webhook import target
from patience import patient
from run.world import PUSH_KEY, Clock, World, watching

PEOPLE = 60
LANGUAGES = ("pt-BR", "en", "es")
CHANNELS = ("telegram", "whatsapp", "email", "sms", "webhook")
EVE = 1_370_476_800  # 2013-06-06T00:00Z
TOKEN = "123456:canary-token"

AIRPORTS = {
    "JFK": ("Kennedy (JFK)", 40.64, -73.78),
    "LGA": ("LaGuardia (LGA)", 40.78, -73.87),
    "EWR": ("Newark (EWR)", 40.69, -74.17),
}
LEVELS = {
    "yellow": ("Amarelo (perigo potencial)", "Yellow (moderate)", "Amarillo (moderado)"),
    "orange": ("Laranja (perigo)", "Orange (severe)", "Naranja (severo)"),
    "red": ("Vermelho (grande perigo)", "Red (extreme)", "Rojo (extremo)"),
}
HEADS = {
    "onset": (
        "{level}: chuva forte em {place}",
        "{level}: heavy rain at {place}",
        "{level}: lluvia fuerte en {place}",
    ),
    "escalated": (
        "Subiu para {level}: chuva forte em {place}",
        "Raised to {level}: heavy rain at {place}",
        "Sube a {level}: lluvia fuerte en {place}",
    ),
    "eased": (
        "Baixou para {level}: chuva forte em {place}",
        "Eased to {level}: heavy rain at {place}",
        "Baja a {level}: lluvia fuerte en {place}",
    ),
    "ended": (
        "Terminou: chuva forte em {place}",
        "Over: heavy rain at {place}",
        "Terminó: lluvia fuerte en {place}",
    ),
}

Told = tuple[tuple[str, str, str], ...]
"""What one message tells, the gravest first: (reason, level, airport) each."""


def alone(*changes: tuple[str, str, str]) -> list[Told]:
    return [(change,) for change in changes]


# Tropical storm Andrea, by who asked for what: (airports, from which level) and what they hear.
STORIES: dict[tuple[str, str], list[Told]] = {
    ("JFK", "yellow"): alone(
        ("onset", "yellow", "JFK"),
        ("escalated", "orange", "JFK"),
        ("escalated", "red", "JFK"),
        ("ended", "red", "JFK"),
    ),
    ("LGA", "red"): alone(
        ("escalated", "red", "LGA"), ("eased", "orange", "LGA"), ("ended", "orange", "LGA")
    ),
    ("EWR", "orange"): alone(("escalated", "orange", "EWR"), ("ended", "orange", "EWR")),
    ("JFK LGA EWR", "yellow"): [
        (("onset", "yellow", "EWR"),),
        (("onset", "yellow", "LGA"),),
        (("escalated", "orange", "EWR"), ("onset", "yellow", "JFK")),
        (("escalated", "orange", "JFK"),),
        (("escalated", "orange", "LGA"),),
        (("escalated", "red", "JFK"),),
        (("escalated", "red", "LGA"),),
        (("eased", "orange", "LGA"),),
        (("ended", "orange", "EWR"),),
        (("ended", "red", "JFK"),),
        (("ended", "orange", "LGA"),),
    ],
}


@dataclass
class Somebody:
    """One subscriber: what they asked for, and how they are reached."""

    number: int
    channel: str
    language: str
    wish: tuple[str, str]
    address: str = ""
    secret: str = ""
    pseudonym: str = ""

    @property
    def key(self) -> str:
        """What their server knows them by."""
        return self.address.rpartition("/")[2] if self.channel == "webhook" else self.address

    @property
    def heads(self) -> list[list[str]]:
        """The titles of each message of their story."""
        i = LANGUAGES.index(self.language)
        return [
            [
                HEADS[reason][i].format(level=LEVELS[level][i], place=AIRPORTS[place][0])
                for reason, level, place in told
            ]
            for told in STORIES[self.wish]
        ]


@dataclass
class City:
    """All servers, and what each address received: texts in order."""

    clock: Clock
    received: dict[str, dict[str, list[Any]]] = field(
        default_factory=lambda: {name: defaultdict(list) for name in CHANNELS}
    )
    settings: dict[str, str] = field(default_factory=dict)
    mailbox: Mailbox = field(default_factory=Mailbox)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def telegram(self, request: web.Request) -> web.StreamResponse:
        assert request.path == f"/bot{TOKEN}/sendMessage"
        body = await request.json()
        number = next(self._ids)
        self.received["telegram"][body["chat_id"]].append((self.clock.now(), number, body))
        return web.json_response({"ok": True, "result": {"message_id": number}})

    async def whatsapp(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.received["whatsapp"][body["to"]].append(body)
        return web.json_response({"messages": [{"id": f"wamid.{next(self._ids)}"}]})

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        said = (dict(request.headers), await request.read())
        self.received["webhook"][request.path.strip("/")].append(said)
        return web.Response()


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@asynccontextmanager
async def city(clock: Clock, sns: str) -> AsyncIterator[City]:
    made = City(clock)
    async with (
        serve(Provider(made.telegram)) as telegram,
        serve(Provider(made.whatsapp)) as whatsapp,
        target(made.webhook) as hook,
        mail_server(made.mailbox) as port,
    ):
        at = "ATALAIA_CHANNELS_"
        made.settings = {
            at + "TELEGRAM_TOKEN": TOKEN,
            at + "TELEGRAM_BASE_URL": telegram.url,
            at + "TELEGRAM_BOT": "false",
            at + "WHATSAPP_TOKEN": "canary-whatsapp",
            at + "WHATSAPP_PHONE_NUMBER_ID": "1",
            at + "WHATSAPP_PEOPLE_A_DAY": "10000",
            at + "WHATSAPP_BASE_URL": whatsapp.url,
            at + "EMAIL_HOST": "127.0.0.1",
            at + "EMAIL_PORT": str(port),
            at + "EMAIL_SECURITY": "none",
            at + "EMAIL_SENDER": "Atalaia <atalaia@example.org>",
            at + "SMS_ENABLED": "true",
            at + "SMS_BASE_URL": sns,
            at + "SMS_USD_A_MONTH": "1000",
            at + "WEBHOOK_ALLOW": "127.0.0.0/8",
            "HOOK": str(hook.make_url("")).rstrip("/"),
        }
        yield made


def crowd(hook: str) -> list[Somebody]:
    """60 people: all channels, all languages, all wishes, in every combination."""
    every = itertools.cycle(itertools.product(CHANNELS, LANGUAGES, STORIES))
    people = []
    for number, (channel, language, wish) in zip(range(PEOPLE), every, strict=False):
        address = {
            "telegram": f"77000{number:06d}",
            "whatsapp": f"+55819{number:08d}",
            "sms": f"+1212{number:06d}0",  # moto: a number that ends in 99 has opted out
            "email": f"canary{number}@example.org",
            "webhook": f"{hook}/canary-{number}",
        }[channel]
        people.append(Somebody(number, channel, language, wish, address))
    return people


def enrol(world: World, everybody: list[Somebody]) -> None:
    for one in everybody:
        airports, level = one.wish
        done = subscribe(
            world.live.services.registry,
            Request(
                contacts=(read_contact(f"{one.channel}:{one.address}"),),
                where=tuple(
                    Circle(name=name, latitude=lat, longitude=lon, radius_km=5)
                    for name, lat, lon in map(AIRPORTS.__getitem__, airports.split())
                ),
                hazards={"heavy_rain": level},
                language=one.language,
                proof="form 12",
            ),
            int(world.clock.now()),
            lambda *_: None,  # a form on paper: no code is sent
        )
        assert done.confirmed == (one.channel,)
        one.pseudonym, one.secret = done.pseudonym, done.secrets.get(one.channel, "")


def storm(nyc: Path) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """What the three airports measured in four days: by hour, as it is pushed."""
    by_hour: dict[int, list[dict[str, Any]]] = defaultdict(list)
    with (nyc / "readings.csv").open() as file:
        for row in csv.DictReader(file):
            at = int(datetime.fromisoformat(row["valid_at"]).timestamp())
            if EVE <= at < EVE + 4 * 86_400:
                texts = ("place_id", "valid_at", "kind", "source")
                by_hour[at].append(
                    {k: v if k in texts else float(v) for k, v in row.items() if v}
                    | {"period_s": int(row["period_s"])}
                )
    yield from sorted(by_hour.items())


async def all_told(world: World) -> None:
    """Until all that the log holds has gone out; time passes as the channels' paces want it."""
    live, outbox = world.live, world.home.outbox
    await live.settled()
    last = max((seq for seq, _ in world.home.state.alerts()), default=0)
    async with patient():
        while True:
            live.notifier.wake()
            await asyncio.sleep(0.002)
            text = outbox.position()
            if last and (not text or json.loads(text).get("done", 0) < last):
                continue
            if not {status for _, status in outbox.counts()} & {"due", "leased"}:
                return
            world.clock.turn(0.1)


async def lived(world: World, nyc: Path) -> None:
    for at, rows in storm(nyc):
        world.clock.turn(at - world.clock.now())
        status, *_ = await world.post("/v1/readings", json.dumps(rows))
        assert status == 202
        await all_told(world)


def heads_of(one: Somebody, town: City, texts: dict[str, list[str]]) -> list[list[str]]:
    """The titles of all that they received, message by message."""
    got = town.received[one.channel][one.key]
    match one.channel:
        case "telegram":
            said = [body["text"] for _, _, body in got]
        case "email":
            said = texts[one.key]
        case "webhook":
            said = []
            for headers, body in got:
                event = Webhook(one.secret).verify(body, headers)
                said.append(event["data"]["text"])
        case _:
            raise AssertionError
    assert all(NOT_OFFICIAL[LANGUAGES.index(one.language)] in text for text in said)
    return [
        [
            rest
            for icon, _, rest in (line.partition(" ") for line in text.splitlines())
            if icon in (*ICONS.values(), OVER)
        ]
        for text in said
    ]


def messages_of(one: Somebody) -> int:
    """A program is told of each incident by itself, people of all that came together."""
    return sum(map(len, one.heads)) if one.channel == "webhook" else len(one.heads)


def by_airport(heads: list[list[str]]) -> dict[str, list[str]]:
    """The titles of each airport's incident, in their order."""
    found = defaultdict(list)
    for title in itertools.chain(*heads):
        (name,) = (name for name, *_ in AIRPORTS.values() if name in title)
        found[name].append(title)
    return found


def test_each_has_exactly_the_messages_of_the_story_in_their_language_in_order(
    nyc: Path, sns: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(EVE)
    shown: list[str] = []

    async def run() -> tuple[City, list[Somebody]]:
        async with city(clock, sns) as town:
            hook = town.settings.pop("HOOK")
            everybody = crowd(hook)
            env = {
                "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
                "ATALAIA_API_KEY": PUSH_KEY,
                "ATALAIA_PLACES": str(nyc / "places.csv"),
                **town.settings,
            }
            async with watching(tmp_path, clock=clock, **env) as world:
                # Amazon is played by threads that share a busy machine with the watch: what is
                # given up at ten seconds of its time went out all the same, and goes out again.
                world.live.services.channels["sms"]._amazon._timeout_s = TRY_S
                enrol(world, everybody)
                await lived(world, nyc)
                counts = world.home.outbox.counts()
                told = sum(map(messages_of, everybody))
                assert {status for _, status in counts} == {"sent"}, {
                    (m.channel, m.reason) for m in world.home.outbox.messages(limit=9_999)
                }
                assert sum(counts.values()) == told
                shown.extend([(await world.get("/metrics"))[1], world.said.getvalue()])
            return town, everybody

    for theirs in ("mail.log", "werkzeug"):  # the servers' own
        caplog.set_level(logging.ERROR, theirs)
    with structlog.testing.capture_logs() as logs, caplog.at_level(logging.INFO):
        town, everybody = asyncio.run(run())

    mails = defaultdict(list)
    for mail in town.mailbox.mails:
        mails[mail["To"]].append(mail)
    texts = {
        key: [mail.get_body(("plain",)).get_content() for mail in each]  # type: ignore[union-attr]
        for key, each in mails.items()
    }
    messages = defaultdict(list)
    for number, said in _published():
        messages[number].append(said)

    for one in everybody:
        if one.channel == "sms":
            assert_sms(one, messages[one.key])
        elif one.channel == "whatsapp":
            assert_whatsapp(one, town.received["whatsapp"][one.key])
        elif one.channel == "webhook":
            told = heads_of(one, town, texts)
            assert {len(message) for message in told} == {1}
            assert by_airport(told) == by_airport(one.heads), one
        else:
            assert heads_of(one, town, texts) == one.heads, one
        if one.channel == "telegram":
            assert_thread(town.received["telegram"][one.key], one)
        if one.channel == "email":
            subjects = [mail["Subject"] for mail in mails[one.key]]
            assert [s for s, heads in zip(subjects, one.heads, strict=True) if len(heads) == 1] == [
                heads[0] for heads in one.heads if len(heads) == 1
            ]
            assert [bool(mail["References"]) for mail in mails[one.key]] == continues(one)

    # Nobody's address is anywhere but at the servers.
    lines = [*shown, *map(str, logs)]
    lines += [r.getMessage() for r in caplog.records if not r.name.startswith("aiohttp.access")]
    said = "\n".join(lines)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for one in everybody:
        assert one.address not in said
        assert one.address.encode() not in kept
    assert TOKEN not in said


def assert_sms(one: Somebody, got: list[str]) -> None:
    i = LANGUAGES.index(one.language)
    assert len(got) == len(one.heads)
    for text, told in zip(got, STORIES[one.wish], strict=True):
        reason, level, place = told[0]
        assert AIRPORTS[place][0] in text
        assert plain(("chuva forte", "heavy rain", "lluvia fuerte")[i]) in text
        if reason != "ended":
            assert LEVELS[level][i].partition(" (")[0].upper() in text
        else:
            assert plain(("Terminou", "Over", "Terminó")[i]) in text
        assert len(text) <= 160


def assert_whatsapp(one: Somebody, got: list[dict[str, Any]]) -> None:
    code = {"pt-BR": "pt_BR"}.get(one.language, one.language)
    assert {body["template"]["language"]["code"] for body in got} == {code}
    firsts = [body["template"]["components"][0]["parameters"][0]["text"] for body in got]
    assert len(firsts) == len(one.heads)
    for first, heads in zip(firsts, one.heads, strict=True):
        # A subject is of 78 letters at most: the level's own word gives way first.
        shorter = re.sub(r" \([^)]*\)(?=:)", "", heads[0])
        is_cut = not first.endswith(heads[0]) and len(first) + len(heads[0]) - len(shorter) > 78
        assert first.endswith(shorter if is_cut else heads[0])


def continues(one: Somebody) -> list[bool]:
    """By message: whether it goes on with an incident that they were told of."""
    known: set[str] = set()
    found = []
    for told in STORIES[one.wish]:
        places = {place for *_, place in told}
        found.append(bool(places & known))
        known |= places
    return found


def assert_thread(got: list[tuple[float, int, dict[str, Any]]], one: Somebody) -> None:
    """A message replies to the last one on the same rain, and none comes within a second."""
    by_place: dict[str, int] = {}
    for (_, number, body), told in zip(got, STORIES[one.wish], strict=True):
        before = {by_place[place] for *_, place in told if place in by_place}
        replied = body.get("reply_parameters", {}).get("message_id")
        assert (replied in before) if before else replied is None
        by_place |= dict.fromkeys((place for *_, place in told), number)
    at = [moment for moment, *_ in got]
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(at))


def _published() -> list[tuple[str, str]]:
    """What Amazon was given: numbers and texts."""
    backend = next(iter(sns_backends.values()))["us-east-1"]
    return [(number, text) for number, text, *_ in backend.sms_messages.values()]
