"""What one person reads: the alerts that changed together, in their language, for any channel.

A message says what, where, since when and until when, what was measured against which limit, how
sure that is, the source and the data's age, what to do, that it is not an official warning, and
how to stop. Channels take from it what fits them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from atalaia.domain.alert import Alert, LogEntry
from atalaia.domain.hazard import LEVEL_OF, Hazard, Level
from atalaia.domain.official import PASSED_ON, Official
from atalaia.domain.official import title as official_title
from atalaia.domain.official import where as official_where
from atalaia.domain.official import words as official_words
from atalaia.domain.place import Place
from atalaia.domain.reading import KIND_OF, Kind
from atalaia.domain.signs import SIGNS
from atalaia.domain.words import (
    HAZARDS,
    LANGUAGES,
    LEVELS,
    NOT_OFFICIAL,
    Said,
    cannot_see,
    clock,
    listed,
    one_line,
)

ICONS = {level.word: sign.emoji for level, sign in SIGNS.items()}
OVER = "⚪"

_SURE = {
    Kind.OBSERVED: (
        "medido por instrumento",
        "measured by an instrument",
        "medido por instrumento",
    ),
    Kind.ANALYSIS: ("estimado por modelo", "estimated by a model", "estimado por modelo"),
    Kind.FORECAST: ("previsto, pode mudar", "forecast, may change", "pronosticado, puede cambiar"),
}
_SOURCE = (
    "Fonte: {source}, dado de {at} ({age} antes deste aviso); {sure}",
    "Source: {source}, value of {at} ({age} before this message); {sure}",
    "Fuente: {source}, dato de {at} ({age} antes de este aviso); {sure}",
)
_FORECAST_SOURCE = (
    "Fonte: {source}, valor para {at}; {sure}",
    "Source: {source}, value for {at}; {sure}",
    "Fuente: {source}, valor para {at}; {sure}",
)
_UNTIL = (
    "Sem novos dados, vale até {at}",
    "Without new data it stands until {at}",
    "Sin nuevos datos, vale hasta {at}",
)
_OWN = (
    "O limite que você pediu: {limit}",
    "The limit you asked for: {limit}",
    "El límite que pidió: {limit}",
)
_MISSED = (
    "A mensagem de que isto começou não pôde ser entregue",
    "The message that it began could not be delivered",
    "El mensaje de que comenzó no pudo entregarse",
)
_DO = ("O que fazer: {advice}", "What to do: {advice}", "Qué hacer: {advice}")
_MORE = ("e mais {n}", "and {n} more", "y {n} más")
_MANY = (
    "{n} avisos, o mais grave: {head}",
    "{n} alerts, the worst: {head}",
    "{n} avisos, el más grave: {head}",
)
_STANDS = (
    "Vale de {begins} até {ends}",
    "It stands from {begins} until {ends}",
    "Rige desde {begins} hasta {ends}",
)
_SOME_OFFICIAL = (
    "O que não nomeia quem avisa não é um aviso oficial",
    "What names no issuer is not an official warning",
    "Lo que no nombra a quien avisa no es un aviso oficial",
)
_SUBJECT = 78
_LEAST_OF_WORDS = 80
"""Letters of an issuer's words that are worth their place."""
_MOMENTS = ("menos de 1 min", "under 1 min", "menos de 1 min")

_CONFIRM = (
    (
        "Atalaia: confirme os avisos",
        "Alguém pediu para este endereço avisos de tempo extremo da Atalaia. Para recebê-los, "
        "confirme em 30 minutos com o código {code}. Se não foi você, não faça nada: nada mais "
        "será enviado, e este endereço será apagado em 7 dias.",
    ),
    (
        "Atalaia: confirm the alerts",
        "Somebody asked for Atalaia's alerts of extreme weather for this address. To get them, "
        "confirm within 30 minutes with the code {code}. If it was not you, do nothing: nothing "
        "more is sent, and this address is erased within 7 days.",
    ),
    (
        "Atalaia: confirme los avisos",
        "Alguien pidió para esta dirección avisos de tiempo extremo de Atalaia. Para recibirlos, "
        "confirme en 30 minutos con el código {code}. Si no fue usted, no haga nada: no se "
        "enviará nada más, y esta dirección se borrará en 7 días.",
    ),
)


_CONFIRM_ADDED = (
    "Alguém pediu para receber os seus avisos de tempo extremo da Atalaia também neste endereço. "
    "Para isso, dê em 30 minutos o código {code} na página em que foi pedido. Se não foi você, não "
    "faça nada: nada mais será enviado, e este endereço será apagado em 7 dias.",
    "Somebody asked to get their alerts of extreme weather from Atalaia at this address, too. For "
    "that, give the code {code} within 30 minutes on the page where it was asked. If it was not "
    "you, do nothing: nothing more is sent, and this address is erased within 7 days.",
    "Alguien pidió recibir sus avisos de tiempo extremo de Atalaia también en esta dirección. Para "
    "ello, dé en 30 minutos el código {code} en la página donde se pidió. Si no fue usted, no haga "
    "nada: no se enviará nada más, y esta dirección se borrará en 7 días.",
)
"""Of an address that is to come beside others: the code serves on the page alone."""


ADDED = "added"
"""The kind of a message, with the channel behind it (``added:sms``), that tells somebody that an
address was added to theirs."""

CHANGED = "changed"
"""The same (``changed:sms``) where what they get was changed by whoever has another address of
theirs."""

LINK = "link"
"""The kind of a message that brings a fresh link, which was asked for, to see and change what one
gets."""

_NOTICES = {
    LINK: (
        (
            "Atalaia: seu link",
            "Aqui está o link para ver, mudar ou apagar o que você recebe; vale por 7 dias. Se não "
            "foi você que pediu, não faça nada.",
        ),
        (
            "Atalaia: your link",
            "Here is the link by which you see, change or erase what you get; it holds for 7 days. "
            "If it was not you who asked, do nothing.",
        ),
        (
            "Atalaia: su enlace",
            "Este es el enlace para ver, cambiar o borrar lo que recibe; vale 7 días. Si no fue "
            "usted quien lo pidió, no haga nada.",
        ),
    ),
    ADDED: (
        (
            "Atalaia: um endereço foi acrescentado aos seus",
            "Seus avisos passam a ir também por {channel}. Se não foi você, pare todos os seus "
            "avisos e peça-os de novo.",
        ),
        (
            "Atalaia: an address was added to yours",
            "Your alerts now go by {channel}, too. If it was not you, stop all your alerts, and "
            "ask for them anew.",
        ),
        (
            "Atalaia: se añadió una dirección a las suyas",
            "Sus avisos van ahora también por {channel}. Si no fue usted, detenga todos sus avisos "
            "y pídalos de nuevo.",
        ),
    ),
    CHANGED: (
        (
            "Atalaia: mudou o que você recebe",
            "O que você recebe foi mudado com um link que veio por {channel}. Se não foi você, "
            "mude-o de volta, ou pare todos os seus avisos e peça-os de novo.",
        ),
        (
            "Atalaia: what you get was changed",
            "What you get was changed with a link that came by {channel}. If it was not you, "
            "change it back, or stop all your alerts, and ask for them anew.",
        ),
        (
            "Atalaia: cambió lo que recibe",
            "Lo que recibe se cambió con un enlace que llegó por {channel}. Si no fue usted, "
            "cámbielo de nuevo, o detenga todos sus avisos y pídalos otra vez.",
        ),
    ),
}
NOTICES = tuple(_NOTICES)
_CHANNEL_NAMES = {
    "telegram": "Telegram",
    "whatsapp": "WhatsApp",
    "sms": "SMS",
    "email": "e-mail",
    "apprise": "Apprise",
    "webpush": "web push",
    "alertmanager": "Alertmanager",
}


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One alert of a message, as sentences without a full stop; empty where there is none.

    title     what and where, with the level: ``Orange (severe): heavy rain at Recife``
    head      the same in fewer words, with the place last
    place     its name, as it stands in title, head and brief; empty: none does
    when      since when, and until when it stands
    measured  the value and the limit it passed
    late      that the value came after newer ones
    missed    that what was said before could not be delivered
    own       the person's own limit, where that is why they are told
    source    who says so, of when, and how sure that is
    advice    what to do
    brief     all of it in under a hundred letters
    is_official    it is a warning that is passed on, in its issuer's words
    """

    level: str
    is_over: bool
    title: str
    head: str = ""
    place: str = ""
    when: str = ""
    measured: str = ""
    late: str = ""
    missed: str = ""
    own: str = ""
    source: str = ""
    advice: str = ""
    brief: str = ""
    is_official: bool = False

    @property
    def icon(self) -> str:
        """The level's shape in its colour: for the eye, beside the word for it."""
        return OVER if self.is_over else ICONS.get(self.level, OVER)

    def lines(self) -> list[str]:
        """The part as lines to read, the advice aside."""
        head = f"{self.icon} {self.title}"
        rest = (self.when, self.measured, self.late, self.missed, self.own, self.source)
        return [head, *map(_ended, filter(None, rest))]


class AlertPlaces(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Where an alert holds, as ids: `places` of which it speaks, and `still`, others over which its
    incident stands besides, as was said before."""

    places: tuple[str, ...]
    still: tuple[str, ...] = ()


class Content(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a message says, in one language.

    kind      alert or confirm
    level     the highest that it tells of, if not all is over; empty for confirm
    subject   one line of at most 78 characters (RFC 5322, 2.1.1)
    parts     one an alert, the gravest first
    closing   that it is not an official warning, or whose it is; for confirm: what to do with
              the code
    alerts    the same for programs, in the order of the log
    where     of each of `alerts`, where it holds; empty: each at its `place_id` alone
    is_in_part    it tells of a warning at some of its places alone: what was said of the others
              stands besides
    code, terms    of a confirmation: what confirms it, and what is agreed to by that
    is_typed  of a confirmation: the code serves where it was asked for, and nowhere else
    """

    kind: str
    language: str
    level: str
    subject: str
    parts: tuple[Part, ...]
    closing: str
    alerts: tuple[Alert, ...] = ()
    where: tuple[AlertPlaces, ...] = ()
    is_in_part: bool = False
    code: str = ""
    terms: str = ""
    is_typed: bool = False

    @property
    def is_over(self) -> bool:
        """Whether all that it tells is at its end."""
        return bool(self.parts) and all(part.is_over for part in self.parts)

    def advices(self) -> list[str]:
        """What to do, each advice once."""
        i = LANGUAGES.index(self.language)
        each = dict.fromkeys(part.advice for part in self.parts if part.advice)
        return [_ended(_DO[i].format(advice=advice)) for advice in each]

    def text(self, longest: int, stop: str = "") -> str:
        """As plain text of at most `longest` characters: fewer alerts, never half of one, and where
        there is no room for one its subject: never words that say nothing.

        `stop` says how to get no more of these.
        """
        for n in range(len(self.parts), -1, -1):
            text = self._text(n, stop)
            if len(text) <= longest:
                return text
            if n == 1 and (text := self._shortened(longest, stop)):
                return text
        return self.subject[:longest]

    def _shortened(self, longest: int, stop: str) -> str:
        """With less of what the gravest says: an issuer's text may be long. Empty: no room."""
        first = self.parts[0]

        def text(measured: str) -> str:
            part = msgspec.structs.replace(first, measured=measured)
            return msgspec.structs.replace(self, parts=(part, *self.parts[1:]))._text(1, stop)

        room = longest - len(text("…")) - 1
        return text(first.measured[:room].rstrip() + "…") if room >= _LEAST_OF_WORDS else ""

    def _text(self, n: int, stop: str) -> str:
        blocks = ["\n".join(part.lines()) for part in self.parts[:n]]
        if not n and self.parts:
            blocks.append(_ended(self.subject))
        elif n < len(self.parts):
            i = LANGUAGES.index(self.language)
            blocks.append(_MORE[i].format(n=len(self.parts) - n) + ".")
        blocks += ["\n".join(self.advices())] if n else []
        last = " ".join(x for x in (self.closing, stop) if x)
        return "\n\n".join(block for block in (*blocks, last, self.terms) if block)


def compose(
    entries: Sequence[LogEntry],
    places: dict[str, Place],
    language: str,
    now: int,
    own: Sequence[str] = (),
    failed: Sequence[bool] = (),
) -> Content:
    """The message that tells these alerts (one at least) at `now` (Unix seconds).

    `places` has those that the alerts name, where they are known; `own` has by alert the limit of
    the person's own that it passed, as ``35 mm``, or an empty string; `failed` whether nothing that
    was said of its incident before could be delivered.
    """
    i = LANGUAGES.index(language)
    own = own or [""] * len(entries)
    missed = failed or [False] * len(entries)
    told = _joined(zip(entries, own, missed, strict=True))
    parts = [
        msgspec.structs.replace(part, missed=_MISSED[i]) if is_missed else part
        for entry, limit, is_missed in told
        for part in [_part(entry, places, i, now, limit)]
    ]
    parts.sort(key=_gravest_first)
    level = max((part.level for part in parts if not part.is_over), key=_grade, default="")
    return Content(
        kind="alert",
        language=language,
        level=level,
        subject=subject_of(parts, i),
        parts=tuple(parts),
        closing=_closing(entries, i) + ".",
        alerts=tuple(entry.alert for entry in entries),
        where=_where(entries),
        is_in_part=any(entry.still for entry in entries),
    )


def merged(contents: Sequence[Content]) -> Content:
    """What several messages of alerts say in one language, in their order, as one: the gravest
    first, and an issuer's words once."""
    first = contents[0]
    if len(contents) == 1:
        return first
    i = LANGUAGES.index(first.language)
    parts: list[Part] = []
    for part in (part for content in contents for part in content.parts):
        if not (part.is_official and part in parts):
            parts.append(part)
    parts.sort(key=_gravest_first)
    closings = list(dict.fromkeys(content.closing for content in contents))
    if len(closings) > 1 and not all(part.is_official for part in parts):
        closings = [f"{_SOME_OFFICIAL[i]}."]
    return msgspec.structs.replace(
        first,
        level=max((content.level for content in contents if content.level), key=_grade, default=""),
        subject=subject_of(parts, i),
        parts=tuple(parts),
        closing=" ".join(closings),
        alerts=tuple(alert for content in contents for alert in content.alerts),
        where=_where_of_all(contents),
        is_in_part=any(content.is_in_part for content in contents),
    )


def _where(entries: Sequence[LogEntry]) -> tuple[AlertPlaces, ...]:
    if all(entry.places == (entry.alert.place_id,) and not entry.still for entry in entries):
        return ()
    return tuple(AlertPlaces(places=entry.places, still=entry.still) for entry in entries)


def _where_of_all(contents: Sequence[Content]) -> tuple[AlertPlaces, ...]:
    if not any(content.where for content in contents):
        return ()
    return tuple(
        one
        for content in contents
        for one in content.where
        or [AlertPlaces(places=(alert.place_id,)) for alert in content.alerts]
    )


def _grade(level: str) -> int:
    return LEVEL_OF[level]


def _gravest_first(part: Part) -> tuple[bool, int]:
    return part.is_over, -LEVEL_OF[part.level]


_Told = tuple[LogEntry, str, bool]


def _joined(told: Iterable[_Told]) -> Iterable[_Told]:
    """Each once: an issuer who made one warning of several says the same of all."""
    found: dict[object, _Told] = {}
    for n, (entry, own, is_missed) in enumerate(told):
        official = entry.official
        key = n if official is None else (entry.alert.type, official.name, official.part)
        first, limit, _ = found.get(key, (entry, own, is_missed))
        places = tuple(dict.fromkeys(first.places + entry.places))
        found[key] = msgspec.structs.replace(first, places=places), limit, is_missed
    return found.values()


def confirmation(code: str, language: str, terms: str = "", *, is_added: bool = False) -> Content:
    """The message that asks whether these alerts are wanted, on these terms; where it `is_added`:
    beside others that somebody gets."""
    i = LANGUAGES.index(language)
    subject, text = _CONFIRM[i]
    if is_added:
        text = _CONFIRM_ADDED[i]
    return Content(
        kind="confirm",
        language=language,
        level="",
        subject=subject,
        parts=(),
        closing=text.format(code=code),
        code=code,
        terms=terms,
        is_typed=is_added,
    )


def notice(kind: str, channel: str, language: str) -> Content:
    """The message that tells somebody what was done with another address of theirs (`ADDED`,
    `CHANGED`), or brings the link that was asked for (`LINK`)."""
    subject, text = _NOTICES[kind][LANGUAGES.index(language)]
    return Content(
        kind="alert",
        language=language,
        level="",
        subject=subject,
        parts=(),
        closing=text.format(channel=_CHANNEL_NAMES.get(channel, channel)),
    )


def _part(entry: LogEntry, places: dict[str, Place], i: int, now: int, own: str) -> Part:
    alert = entry.alert
    is_over = alert.is_over
    if entry.official is not None:
        return _official_part(entry, entry.official, places, i)
    if alert.hazard == Hazard.CANNOT_SEE:
        return _blind_part(entry, places, i)
    said = _said(entry, places)
    valid_at = said.valid_at
    source = (_FORECAST_SOURCE if valid_at > now else _SOURCE)[i].format(
        source=alert.source,
        at=clock(valid_at, said.zone, i),
        age=_age(now - valid_at, i),
        sure=_SURE[said.kind][i],
    )
    since = said.since(i)
    until = ""
    if not is_over and alert.expires_at:
        until = _UNTIL[i].format(at=clock(alert.expires_at, said.zone, i))
    when = ". ".join(x for x in (since[:1].upper() + since[1:], until) if x)
    return Part(
        level=alert.level,
        is_over=is_over,
        title=said.head(i),
        head=said.short_head(i),
        place=said.place,
        when=when,
        measured=". ".join(filter(None, (said.measured(i), said.holes(i), said.alone(i)))),
        late=said.late(i),
        own=_OWN[i].format(limit=own) if own else "",
        source=source,
        advice=said.advice(i),
        brief=_brief(said, i),
    )


def _blind_part(entry: LogEntry, places: dict[str, Place], i: int) -> Part:
    """That a source cannot be seen at some places, or is seen again."""
    alert = entry.alert
    names = _names(entry.places, places)
    told = cannot_see(
        alert.source,
        names,
        _zone(entry, places),
        min(alert.valid_at, alert.sent_at),
        is_over=alert.is_over or alert.reason == "eased",
        others=_names(entry.still_blind, places),
    )[i]
    place = listed(names, i)
    return Part(
        level=alert.level,
        is_over=alert.is_over,
        title=told,
        head=told.partition(place)[0] + place,
        place=place,
        brief=told,
    )


def _zone(entry: LogEntry, places: dict[str, Place]) -> str:
    return next((places[id_].timezone for id_ in entry.places if id_ in places), "UTC")


def _official_part(entry: LogEntry, official: Official, places: dict[str, Place], i: int) -> Part:
    """An official warning: the issuer's words as they are, and ours around them."""
    alert = entry.alert
    is_over = alert.is_over
    description, instruction = official_words(official, alert.type, i)
    zone = _zone(entry, places)
    title = one_line(official_title(official, alert.type, i))
    where = official_where(official, _names(entry.places, places), i)
    stands = _STANDS[i].format(
        begins=clock(official.begins_at, zone, i), ends=clock(official.ends_at, zone, i)
    )
    return Part(
        level=alert.level,
        is_over=is_over,
        title=title,
        head=title,
        when=". ".join(where if is_over else [*where, stands]),
        measured=description,
        source=PASSED_ON[i].format(issuer=official.issuer),
        advice="" if is_over else instruction,
        brief=title,
        is_official=True,
    )


def subject_of(parts: Sequence[Part], i: int) -> str:
    """One line: with fewer words where it would be too long, and then with less of the place."""
    first, n = parts[0], len(parts)
    told, tail = [first.title, first.head], ""
    if n > 1:
        told = [_MANY[i].format(n=n, head=head) for head in told]
        tail = f" (+{n - 1})"
    found = (text for text in (*told, first.head + tail) if len(text) <= _SUBJECT)
    return next(found, _cut(first.head, _SUBJECT - len(tail)) + tail)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _names(ids: Iterable[str], places: dict[str, Place]) -> list[str]:
    """Places as people read them, each in one line."""
    return [one_line(places[id_].name) if id_ in places else id_ for id_ in ids]


def _closing(entries: Sequence[LogEntry], i: int) -> str:
    issuers = dict.fromkeys(entry.official.issuer for entry in entries if entry.official)
    if not issuers:
        return NOT_OFFICIAL[i]
    if all(entry.official for entry in entries):
        return PASSED_ON[i].format(issuer=", ".join(issuers))
    return _SOME_OFFICIAL[i]


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def _said(entry: LogEntry, places: dict[str, Place]) -> Said:
    alert = entry.alert
    place = places.get(alert.place_id)
    [name] = _names([alert.place_id], places)
    return Said(
        reason=alert.reason,
        hazard=alert.hazard,
        level=LEVEL_OF[alert.level],
        place=name,
        zone=place.timezone if place else _zone(entry, places),
        source=alert.source,
        kind=KIND_OF[alert.evidence],
        sent_at=alert.sent_at,
        onset_at=alert.onset_at or alert.sent_at,
        valid_at=alert.valid_at,
        variable=alert.variable,
        unit=alert.unit,
        window_s=alert.window_s or 0,
        value=alert.value or 0.0,
        limit=alert.limit,
        peak=entry.peak or 0.0,
        peak_at=entry.peak_at or alert.valid_at,
        is_late=entry.is_late,
        measure=entry.measure,
        is_below=entry.is_below,
        stands_for=entry.stands_for,
        station=entry.station,
        station_km=entry.station_km,
        is_alone=entry.is_alone,
        has_holes=entry.has_holes,
        because=entry.because,
    )


def _brief(said: Said, i: int) -> str:
    """For a channel that counts letters: ``Red: heavy rain at Recife, 71 mm/1 h 23 Jul 18:00``."""
    word = LEVELS[Level(said.level)][i].partition(" (")[0].upper()
    head = f"{word}: {HAZARDS[said.hazard][i]}, {said.place}"
    if said.reason in ("ended", "expired", "withdrawn", "rule changed"):
        return said.head(i)
    return f"{head}, {said.short(i)} {clock(said.valid_at, said.zone, i)}"


def _age(seconds: int, i: int) -> str:
    """How old a value is, in words: ``12 min``, ``3 h 05 min``."""
    if seconds < 60:
        return _MOMENTS[i]
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
