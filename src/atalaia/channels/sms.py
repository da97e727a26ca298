"""SMS by Amazon SNS: one segment of 160 septets, the gravest alert first.

SNS takes a message for a number that has opted out, drops it, and tells that to its log alone; so
the number is asked for before each message, and the next channel has its turn. The credentials
need `sns:Publish` and `sns:CheckIfPhoneNumberIsOptedOut`.

Reference: Amazon SNS API (2010-03-31), Publish, common errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from atalaia.channels.amazon import Amazon, Row, code_of, no_answer, refused
from atalaia.channels.gsm7 import SEGMENT, cut, plain, septets
from atalaia.domain.delivery import Letter, Limits, Outcome
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.message import Content, Part
from atalaia.domain.words import LANGUAGES, LEVELS

DEFAULT_PRICE_USD = 0.05
"""A segment's price where the settings name none: a careful guess, not a price list."""

_OPTED_OUT = Outcome("never", "the number has opted out", is_gone=True)
OUTCOMES: tuple[Row, ...] = ((r"OptedOut(Exception)?", _OPTED_OUT),)
"""What SNS says besides what `amazon.COMMON` knows."""

_NOT_OFFICIAL = ("Aviso nao oficial", "Not official", "Aviso no oficial")
STOP = ("Pare: responda STOP", "Stop: reply STOP", "Parar: responda STOP")
_MORE = ("E mais {n}", "And {n} more", "Y {n} mas")
_CONFIRM = (
    "Atalaia: para receber avisos de tempo extremo, confirme com o codigo {code}. "
    "Se nao foi voce, ignore",
    "Atalaia: to get alerts of extreme weather, confirm with the code {code}. "
    "If it was not you, ignore this",
    "Atalaia: para recibir avisos de tiempo extremo, confirme con el codigo {code}. "
    "Si no fue usted, ignore esto",
)
_SHORTEST_PLACE = 20
"""Septets that a name keeps at least: the advice and all words about the message go first."""


class Sms:
    """Sends by SNS, in threads of its own.

    price_usd     of a segment, counted for each message that SNS took
    usd_a_month   what may be spent; a new SNS account has 1 US$
    sender_id     what phones show as the sender, where the country has that
    stop          how to get no more of these, by language; what phones can do depends on the number
                  that SNS sends from
    region, endpoint_url, access_key, secret_key    see `amazon.Amazon`
    """

    name = "sms"

    def __init__(
        self,
        *,
        region: str = "",
        endpoint_url: str = "",
        access_key: str = "",
        secret_key: str = "",
        sender_id: str = "",
        price_usd: float = DEFAULT_PRICE_USD,
        usd_a_month: float = 1.0,
        stop: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        at_once: int = 4,
    ) -> None:
        # 20 a second is what a new account may publish.
        self.limits = Limits(
            a_second=20.0, usd_a_month=usd_a_month, usd_each=price_usd, at_once=at_once
        )
        self._amazon = Amazon(
            self.name,
            "sns",
            region=region,
            endpoint_url=endpoint_url,
            access_key=access_key,
            secret_key=secret_key,
            timeout_s=timeout_s,
            at_once=at_once,
        )
        self._sender_id = sender_id
        self._price_usd = price_usd
        self._stop = dict(zip(LANGUAGES, STOP, strict=True)) | dict(stop or {})

    async def send(self, letter: Letter) -> Outcome:
        """Try once: ask whether the number has opted out, then publish."""
        stop = self._stop.get(letter.content.language, "")
        message = text(letter.content, stop, answer_of(letter))
        return await self._amazon.run(lambda: self._publish(letter.contact.address, message))

    async def close(self) -> None:
        """End the threads."""
        self._amazon.close()

    def _publish(self, number: str, message: str) -> Outcome:
        from botocore.exceptions import (  # noqa: PLC0415
            ClientError,
        )

        is_asked = False
        try:
            client = self._amazon.client()
            if client.check_if_phone_number_is_opted_out(phoneNumber=number)["isOptedOut"]:
                return _OPTED_OUT
            is_asked = True
            answer = client.publish(
                PhoneNumber=number, Message=message, MessageAttributes=self._attributes()
            )
        except ClientError as error:
            return _outcome(error.response)
        except Exception as error:  # its parser's errors share no root with its others
            return _no_answer(error, is_asked)
        return Outcome("sent", provider_id=answer["MessageId"], cost_usd=self._price_usd)

    def _attributes(self) -> dict[str, dict[str, str]]:
        said = {"AWS.SNS.SMS.SMSType": "Transactional"}
        if self._sender_id:
            said["AWS.SNS.SMS.SenderID"] = self._sender_id
        return {key: {"DataType": "String", "StringValue": value} for key, value in said.items()}


def answer_of(letter: Letter) -> str:
    """Where to answer, in what asks for it; and what only tells of a change has room for it."""
    if letter.asks and letter.answer:
        return f"OK: {letter.answer}"
    return "" if letter.content.parts else letter.answer


def text(content: Content, stop: str = "", answer: str = "") -> str:
    """One segment of GSM-7: level, hazard, place, value, time always; then what still fits.

    In the order of its worth: how many more alerts there are, where to answer, that it is not
    official, how to stop (for these a long name is cut), what to do (as many clauses as fit).
    """
    i = LANGUAGES.index(content.language)
    if content.kind == "confirm":
        return cut(plain(_CONFIRM[i].format(code=content.code)) + ".", SEGMENT)
    if not content.parts:
        return _notice(plain(content.closing), [word for word in (answer, plain(stop)) if word])
    first, others = content.parts[0], len(content.parts) - 1
    tail = [_MORE[i].format(n=others)] if others else []
    not_official = "" if first.is_official else _NOT_OFFICIAL[i]
    words = [word for word in (answer, not_official, plain(stop)) if word]
    core = ""
    while not core:
        room = SEGMENT - septets(_joined("", [], [*tail, *words]))
        core = _core(first, i, room, is_last=not words)
        if core:
            tail += words
        else:
            words.pop()
    advice: list[str] = []
    for clause in filter(None, plain(first.advice).split("; ")):
        if septets(_joined(core, [*advice, clause], tail)) > SEGMENT:
            break
        advice.append(clause)
    return _joined(core, advice, tail)


def _notice(closing: str, words: list[str]) -> str:
    """As many of its sentences, one at least, as fit with where to change it and how to stop."""
    said = closing.removesuffix(".").split(". ")
    for n in range(len(said), 0, -1):
        text = _joined(". ".join(said[:n]), [], words)
        if septets(text) <= SEGMENT:
            return text
    return _joined(cut(said[0], SEGMENT - septets(_joined("", [], words)) - 2), [], words)


def _joined(core: str, advice: list[str], tail: list[str]) -> str:
    return "".join(f"{x}. " for x in (core, "; ".join(advice), *tail) if x)[:-1]


def _core(part: Part, i: int, room: int, *, is_last: bool) -> str:
    """What must be there, with its full stop within `room`; the place's name is cut if it must be.

    Empty if too little of the name would be left, unless it is the last try.
    """
    room -= 2
    before, place, after = _around_place(part)
    level = plain(LEVELS[LEVEL_OF[part.level]][i].partition(" (")[0]).lower()
    if level not in f"{before}{after}".lower():
        after += f" ({level})"
    # "Rain in 1 h: 35 mm (measured, 23 Jul 18:00), limit 30 mm": without room, the limit goes.
    measured = plain(part.measured) if part.is_over else ""
    value, closed, _ = measured.partition("), ")
    for said in dict.fromkeys((measured, value + closed[:1])):
        rest = f"{after}. {said}" if said else after
        if septets(before + place + rest) <= room:
            return before + place + rest
    space = room - septets(before + rest)
    if space < _SHORTEST_PLACE and not is_last:
        return ""
    return cut(f"{before}{cut(place, max(space, _SHORTEST_PLACE))}{rest}", room)


def _around_place(part: Part) -> tuple[str, str, str]:
    """A brief as what stands before the place's name, the name, and what stands behind it."""
    brief, place = plain(part.brief), plain(part.place)
    return brief.partition(place) if place else (brief, "", "")


def _outcome(response: Mapping[str, Any]) -> Outcome:
    code = code_of(response)
    said = str(response.get("Error", {}).get("Message", ""))
    if re.search(r"opted[ -]?out", said, re.IGNORECASE):
        code = "OptedOut"
    return refused("SNS", code, OUTCOMES)


def _no_answer(error: Exception, is_asked: bool) -> Outcome:
    found = no_answer(error)
    if found.verdict == "unknown" and not is_asked:
        return Outcome("again", found.reason)  # it was the question that had no answer
    return found
