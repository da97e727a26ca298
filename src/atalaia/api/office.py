"""People over HTTP and by bot, joined to the registry, the outbox and the alert log.

Everything here blocks, and is called in threads; what changes people wakes the outreach.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Iterator
from threading import BoundedSemaphore

import msgspec
import structlog
from fastapi import Request

from atalaia.api import people as served
from atalaia.api.access import OPERATOR, OWN_KEY, SCOPES, SIGNED_LINK, Caller, Role
from atalaia.api.keys import caller_of
from atalaia.api.problem import Problem
from atalaia.channels import whatsapp_webhook
from atalaia.domain.contact import Contact, read_contact
from atalaia.domain.conversation import Incoming, Reply
from atalaia.domain.subscription import (
    Circle,
    Person,
    Polygon,
    Subscription,
    read_hazards,
    read_threshold,
)
from atalaia.errors import StateConflict
from atalaia.notify.preview import previewed
from atalaia.people import manage
from atalaia.people import request as asked
from atalaia.people.conversation import Conversation, command_of
from atalaia.people.desk import FrontDesk
from atalaia.people.export import export
from atalaia.people.gazetteer import find
from atalaia.people.registry import Registry
from atalaia.people.subscribe import confirm
from atalaia.people.subscribing import closed_channels, subscribe_and_ask, unwatched
from atalaia.people.talks import SealedTalks
from atalaia.ports import Outbox, State
from atalaia.settings import Settings

_MOST_BODY = 1_000_000
_PREVIEWS, _PREVIEW_WAIT_S = 2, 5.0
"""Each goes through a month of alerts: two at a time leave the machine to the watch."""

log = structlog.get_logger()


class Office:
    """What can be asked of the people of a running watch.

    wake    called when there is something new to be told
    talks   where half-done talks go on that another process began; None: in memory alone
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        outbox: Outbox,
        registry: Registry,
        *,
        now: Callable[[], float],
        wake: Callable[[], None],
        talks: SealedTalks | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._outbox = outbox
        self._registry = registry
        self._now, self._wake = now, wake
        self._talks = talks
        self._telegram = Conversation(
            FrontDesk(registry, outbox, state, "telegram"), language=settings.language
        )
        self._whatsapp = FrontDesk(registry, outbox, state, "whatsapp")
        self._one_at_a_time = asyncio.Lock()
        self._previews = BoundedSemaphore(_PREVIEWS)

    def desk(self, telegram: served.Heard) -> served.PeopleDesk:
        """For the API; `telegram` takes what its webhook sends (`api.telegram_hook`)."""
        return served.PeopleDesk(
            subscribe=self._subscribe,
            subscribe_openly=self._subscribe_openly,
            confirm=self._confirm,
            manage=self._manage,
            preview=self._preview,
            export=lambda person: export(self._registry, self._outbox, self._state, person),
            erase=self._erase,
            stop=lambda person, channel: self._registry.stop(person, channel, int(self._now())),
            acknowledge=lambda person, message: self._outbox.acknowledge(
                person, message, int(self._now())
            ),
            whatsapp=self._heard,
            telegram=telegram,
        )

    async def talk(self, incoming: Incoming) -> list[Reply]:
        """What the bot answers."""
        async with self._one_at_a_time:
            replies = await asyncio.to_thread(self._answer, incoming, int(self._now()))
        self._wake()
        return replies

    def _answer(self, incoming: Incoming, now: int) -> list[Reply]:
        talks, bot, contact = self._talks, self._telegram, incoming.contact
        if talks is None:
            return bot.answer(incoming, now)
        before = talks.get(contact, now)
        bot.recall(contact, before)
        replies = bot.answer(incoming, now)
        if before or bot.held(contact):
            talks.put(contact, bot.held(contact), now)
        return replies

    def who(self, key: str) -> Caller | None:
        """Whose key this is: the operator's, a program's, a person's, or nobody's."""
        ours = self._settings.api.key
        if ours is not None and hmac.compare_digest(_digest(key), _digest(ours.reveal())):
            return Caller(OPERATOR, SCOPES[Role.OPERATOR])
        program = caller_of(self._state, key)
        if program is not None:
            return program
        person = manage.whose(self._registry, key, int(self._now()))
        if person is not None:
            return Caller(person, SIGNED_LINK, person)
        person = self._registry.who(key)
        return None if person is None else Caller(person, OWN_KEY, person)

    # The API

    def _subscribe(self, wanted: served.Subscribing, how: str = "api") -> served.Subscribed:
        request = msgspec.structs.replace(
            self._wish(wanted),
            contacts=tuple(read_contact(text) for text in wanted.contacts),
            is_organisation=wanted.organisation,
            escalate_after_s=wanted.escalate_after_s,
            how=how,
            proof=wanted.proof,
        )
        done = subscribe_and_ask(
            self._settings, self._registry, self._outbox, request, int(self._now())
        )
        self._wake()
        notes = [
            *closed_channels(self._settings, request),
            *unwatched(request.where, self._settings.places),
        ]
        return served.Subscribed(
            person=done.pseudonym,
            confirmed=list(done.confirmed),
            to_confirm=[message.channel for message in done.asks],
            secrets=done.secrets,
            notes=notes,
            consent=self._registry.words(wanted.language).text,
        )

    def _subscribe_openly(self, wanted: served.OpenSubscribing) -> served.OpenlySubscribed:
        contacts = [read_contact(text) for text in wanted.contacts]
        closed = sorted({c.channel for c in contacts} - set(served.OPEN_CHANNELS))
        if closed:
            known = ", ".join(served.OPEN_CHANNELS)
            raise ValueError(f"{closed[0]} is not for who comes by the page; give one of {known}")
        done = self._subscribe(served.Subscribing(**wanted.model_dump()), how="page")
        return served.OpenlySubscribed(
            person=done.person,
            to_confirm=done.to_confirm,
            secrets=done.secrets,
            notes=done.notes,
            consent=done.consent,
            manage=self._manage(done.person),
        )

    def _manage(self, person: str) -> str:
        """Where they manage what is theirs. After a #, so that no server is told of the token."""
        return "/manage#" + manage.sign(self._registry, person, int(self._now()))

    def _confirm(self, person: str, code: str) -> str | None:
        done = confirm(self._registry, person, code, int(self._now()))
        if done is None:
            return None
        for message in done.asks:
            self._outbox.put(message)
        self._wake()
        return done.pseudonym

    def _preview(self, wanted: served.Wish, days: int) -> served.Previewed:
        request = self._wish(wanted)
        asked.check(request)
        wish = Subscription(
            id="preview",
            where=request.where,
            hazards=request.levels,
            thresholds=request.thresholds,
        )
        person = Person(
            pseudonym="p_preview",
            language=wanted.language,
            channels=("inbox",),
            quiet=request.quiet,
            subscriptions=(wish,),
        )
        if not self._previews.acquire(timeout=_PREVIEW_WAIT_S):
            raise Problem(
                503, "too many ask for a preview at once; come again", headers={"Retry-After": "5"}
            )
        try:
            found = previewed(self._state, person, self._settings.places, days, int(self._now()))
        finally:
            self._previews.release()
        return served.Previewed(
            messages=[served.Told(at=m.at, level=m.level, text=m.text) for m in found.messages],
            days=days,
        )

    def _wish(self, wanted: served.Wish) -> asked.Request:
        """What is wanted, of whoever it is."""
        return asked.Request(
            contacts=(Contact("inbox", ""),),
            where=tuple(_where(wanted)),
            hazards=read_hazards(tuple(f"{h}={level}" for h, level in wanted.hazards.items())),
            thresholds=tuple(
                read_threshold(text, self._settings.rules) for text in wanted.thresholds
            ),
            language=wanted.language,
            quiet=asked.read_quiet(wanted.quiet, wanted.timezone),
        )

    def _erase(self, person: str) -> bool:
        is_gone = self._registry.erase(person, int(self._now()))
        self._wake()
        return is_gone

    # WhatsApp

    async def _heard(self, request: Request) -> tuple[int, str]:
        """Meta's webhook: set up by GET, told by signed POSTs."""
        chosen = self._settings.channels.whatsapp
        if chosen is None or chosen.app_secret is None or chosen.verify_token is None:
            return 404, "WhatsApp's webhook is off; see channels.whatsapp in the settings"
        if request.method == "GET":
            answer = whatsapp_webhook.challenge(request.query_params, chosen.verify_token.reveal())
            return (403, "refused") if answer is None else (200, answer)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BODY:
                return 413, "too long"
        signature = request.headers.get("x-hub-signature-256", "")
        if not whatsapp_webhook.is_signed(bytes(body), signature, chosen.app_secret.reveal()):
            return 403, "refused"
        try:
            await asyncio.to_thread(self._take, whatsapp_webhook.heard(bytes(body)))
        except StateConflict as error:
            log.warning("an answer cannot be kept; Meta sends it again", reason=str(error))
            return 503, "later"
        self._wake()
        return 200, "ok"

    def _take(self, news: whatsapp_webhook.News) -> None:
        now = int(self._now())
        for said in news.heard:
            for address in said.addresses:
                if self._answered(Contact("whatsapp", address), said, now):
                    break
        for failed in news.undelivered:
            self._outbox.fail(failed.message, failed.outcome.reason, now)

    def _answered(self, contact: Contact, said: whatsapp_webhook.Heard, now: int) -> bool:
        """Do what a reply asks for; False: this address is not known, or it asks for nothing."""
        verb, _, what = said.pressed.partition(":")
        if verb == "ack":
            return self._whatsapp.acknowledge(contact, what, now)
        if verb == "confirm":
            return self._whatsapp.confirm(contact, what, now)
        if command_of(said.text) == "stop":
            return self._whatsapp.stop(contact, now)
        return False


def _where(wanted: served.Wish) -> Iterator[Circle | Polygon]:
    for area in wanted.where:
        if area.geojson is not None:
            yield from asked.read_geojson(area.geojson, area.name)
        elif area.latitude is not None and area.longitude is not None:
            yield Circle(
                name=area.name or f"{area.latitude:g}, {area.longitude:g}",
                latitude=area.latitude,
                longitude=area.longitude,
                radius_km=area.radius_km,
            )
        elif area.place:
            yield asked.read_where(area.place, area.radius_km, find)
        else:
            raise ValueError("say where: place, latitude and longitude, or geojson")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
