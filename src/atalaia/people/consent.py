"""What people agree to, word for word, and how it can be proved later what the words were.

The words change only together with VERSION: a consent keeps the version and the hash of exactly
what was shown, with the controller's name in it and in the person's language.
"""

from __future__ import annotations

import hashlib

import msgspec

from atalaia.domain.words import LANGUAGES
from atalaia.people.retention import DAY_S, RETENTION, Retention
from atalaia.plurals import filled
from atalaia.ports import Consent

VERSION = "1"
PURPOSE = "alerts"

_WORDS = (
    "Avisos de tempo extremo: para que e como seus dados são usados\n"
    "Para quê: só para enviar a você os avisos de tempo extremo que pediu.\n"
    "O que fica guardado: o endereço por onde recebe os avisos, os lugares, perigos, limites, "
    "idioma e horários que escolheu, este consentimento e o que lhe foi enviado. Nenhum nome.\n"
    "Como: endereço e escolhas, cifrados com uma chave só sua, que é destruída quando pedir para "
    "ser apagado.\n"
    "Por quanto tempo: enquanto quiser os avisos; o que foi enviado, {messages} "
    "{messages|dia|dias}; depois que "
    "parar tudo, {pending} {pending|dia|dias}; a prova deste consentimento, sem endereço, "
    "{consents} {consents|ano|anos} depois "
    "que o retirar.\n"
    "Quem responde: {controller}\n"
    "Seus direitos: parar, ver, corrigir, levar ou apagar seus dados, a qualquer hora e de graça, "
    "pelo mesmo canal ou com quem responde. Parar é tão fácil quanto começar.\n"
    "Não são avisos oficiais e podem falhar ou atrasar: siga também a Defesa Civil.",
    "Alerts of extreme weather: what your data are used for, and how\n"
    "What for: only to send you the alerts of extreme weather that you asked for.\n"
    "What is kept: the address that alerts go to, the places, hazards, limits, language and hours "
    "that you chose, this consent, and what was sent to you. No name.\n"
    "How: address and choices are encrypted with a key of your own, which is destroyed when you "
    "ask to be erased.\n"
    "How long: as long as you want the alerts; what was sent, {messages} {messages|day|days}; "
    "once you stopped "
    "everything, {pending} {pending|day|days}; the proof of this consent, without an address, "
    "{consents} {consents|year|years} "
    "after you withdraw it.\n"
    "Who answers for it: {controller}\n"
    "Your rights: to stop, to see, correct, take along or erase your data, at any time and free "
    "of charge, by the same channel or with who answers for it. Stopping is as easy as starting.\n"
    "These are not official warnings, and may fail or be late: heed civil defence, too.",
    "Avisos de tiempo extremo: para qué y cómo se usan sus datos\n"
    "Para qué: solo para enviarle los avisos de tiempo extremo que pidió.\n"
    "Qué se guarda: la dirección por la que recibe los avisos, los lugares, peligros, límites, "
    "idioma y horarios que eligió, este consentimiento y lo que se le envió. Ningún nombre.\n"
    "Cómo: dirección y elecciones, cifradas con una clave solo suya, que se destruye cuando pide "
    "que le borren.\n"
    "Cuánto tiempo: mientras quiera los avisos; lo enviado, {messages} {messages|día|días}; "
    "cuando haya detenido "
    "todo, {pending} {pending|día|días}; la prueba de este consentimiento, sin dirección, "
    "{consents} {consents|año|años} "
    "después de retirarlo.\n"
    "Quién responde: {controller}\n"
    "Sus derechos: detener, ver, corregir, llevarse o borrar sus datos, en cualquier momento y "
    "gratis, por el mismo canal o con quien responde. Detener es tan fácil como empezar.\n"
    "No son avisos oficiales y pueden fallar o demorarse: siga también a la protección civil.",
)


class Controller(msgspec.Struct, frozen=True):
    """Who answers for the data under the law (LGPD: *controlador*), and how to reach them."""

    name: str = ""
    contact: str = ""

    @property
    def is_named(self) -> bool:
        """Whether somebody answers: before, nobody can agree to anything."""
        return bool(self.name and self.contact)


UNNAMED = Controller()
"""Until the settings name one: what is for an inbox of one's own is kept, and no address."""


class Words(msgspec.Struct, frozen=True):
    """Words to agree to. `digest` is the SHA-256 of `text` in UTF-8, in hexadecimal digits."""

    text: str
    digest: str
    version: str
    language: str


def consent_words(language: str, controller: Controller, keep: Retention = RETENTION) -> Words:
    """What somebody who reads `language` agrees to."""
    who = ", ".join(x for x in (controller.name, controller.contact) if x) or "-"
    text = filled(
        _WORDS[LANGUAGES.index(language)],
        messages=keep.messages_s // DAY_S,
        pending=keep.pending_s // DAY_S,
        consents=keep.consents_s // (365 * DAY_S),
        controller=who,
    )
    return Words(text, hashlib.sha256(text.encode()).hexdigest(), VERSION, language)


def shown_words(text: str, ours: Words) -> Words:
    """The words that somebody was shown, which may be others than `ours`; none: ours."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return (
        ours
        if not text or digest == ours.digest
        else Words(text, digest, "as shown", ours.language)
    )


def agreed(pseudonym: str, channel: str, words: Words, how: str, now: int) -> Consent:
    """The record that these words were agreed to for this channel. `how` says what proves it."""
    return Consent(
        pseudonym=pseudonym,
        purpose=PURPOSE,
        channel=channel,
        text_hash=words.digest,
        version=words.version,
        how=how,
        given_at=now,
        text=words.text,
        language=words.language,
    )
