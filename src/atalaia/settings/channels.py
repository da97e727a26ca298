"""The settings of the channels and of the people who are told by them."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from atalaia.domain.contact import Brought
from atalaia.settings.document import (
    Document,
    EnvText,
    Secret,
    duration_of,
    flag,
    one_of,
    text_of,
    texts,
    url,
    whole,
)

if TYPE_CHECKING:
    from atalaia.settings.plugged import BrokenPlugin, PluggedChannel

    PluginsRead: TypeAlias = tuple[tuple[PluggedChannel, ...], tuple[BrokenPlugin, ...]]

KEYS = (
    "people.keys",
    "people.master_key_file",
    "people.controller",
    "people.contact",
    "people.codes_a_day",
    "people.countries",
    "channels.telegram.token",
    "channels.telegram.token_file",
    "channels.telegram.base_url",
    "channels.telegram.bot",
    "channels.telegram.webhook_secret",
    "channels.telegram.webhook_secret_file",
    "channels.whatsapp.token",
    "channels.whatsapp.token_file",
    "channels.whatsapp.phone_number_id",
    "channels.whatsapp.template",
    "channels.whatsapp.confirm_template",
    "channels.whatsapp.people_a_day",
    "channels.whatsapp.app_secret",
    "channels.whatsapp.app_secret_file",
    "channels.whatsapp.verify_token",
    "channels.whatsapp.verify_token_file",
    "channels.whatsapp.base_url",
    "channels.email.via",
    "channels.email.host",
    "channels.email.port",
    "channels.email.security",
    "channels.email.user",
    "channels.email.password",
    "channels.email.password_file",
    "channels.email.sender",
    "channels.email.region",
    "channels.email.base_url",
    "channels.sms.enabled",
    "channels.sms.region",
    "channels.sms.sender",
    "channels.sms.price_usd",
    "channels.sms.usd_a_month",
    "channels.sms.codes_usd_a_month",
    "channels.sms.base_url",
    "channels.webhook.enabled",
    "channels.webhook.allow",
    "channels.webpush.enabled",
    "channels.webpush.allow",
    "channels.apprise.enabled",
    "channels.alertmanager.enabled",
    "channels.alertmanager.allow",
    "deliveries.keep",
)

_SECURITY: dict[str, Literal["starttls", "implicit", "none"]] = {
    "starttls": "starttls",
    "tls": "implicit",
    "none": "none",
}

_OF_A_SERVER = ("host", "user", "password", "password_file")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class PeopleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who is responsible for people's data, and where their keys lie.

    keys        folder of the keys, apart from the home; None: beside it (``<home>.keys``)
    master_key_file    what wraps the keys; None: a file in that folder, made at first use
    controller, contact    who is told in the words of consent, and how they are reached
    codes_a_day    how many codes are sent a day to all who ask without a key
    countries      calling codes (``+55``) of phone numbers that may ask without a key; none: all
    """

    keys: Path | None
    master_key_file: Path | None
    controller: str
    contact: str
    codes_a_day: int
    countries: tuple[str, ...]

    @property
    def is_answered_for(self) -> bool:
        """Whether the words of consent can say who answers: before, no address is taken."""
        return bool(self.controller and self.contact)

    @property
    def described(self) -> str:
        """Who may subscribe, for `config check` and `doctor`, with the next step."""
        if self.is_answered_for:
            return f"{self.controller} ({self.contact}) answers for their data"
        return "nobody can subscribe; set people.controller and people.contact: consent names both"


class TelegramSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A bot of one's own.

    is_bot          whether it is talked to
    webhook_secret  what Telegram's calls must carry; None: it is asked by long polling instead
    """

    token: Secret
    base_url: str
    is_bot: bool
    webhook_secret: Secret | None


class WhatsAppSettings(msgspec.Struct, frozen=True, kw_only=True):
    """WhatsApp's Cloud API. Without app_secret and verify_token nobody can answer."""

    token: Secret
    phone_number_id: str
    template: str
    confirm_template: str
    people_a_day: int
    app_secret: Secret | None
    verify_token: Secret | None
    base_url: str


class EmailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """An SMTP server, or Amazon SES.

    via       which of them: host to password are the server's, region and base_url SES's
    region    empty: as Amazon's tools are set; `base_url` None: Amazon's own
    """

    via: Literal["smtp", "ses"]
    sender: str
    host: str
    port: int
    security: Literal["starttls", "implicit", "none"]
    user: str
    password: Secret | None
    region: str
    base_url: str | None


class SmsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Amazon SNS. `base_url` None: Amazon's own; keys come from where its tools find them.

    usd_a_month, codes_usd_a_month    what alerts, and what codes, may cost in a month: apart
    """

    region: str
    sender: str
    price_usd: float
    usd_a_month: float
    codes_usd_a_month: float
    base_url: str | None


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`allow`: networks inside of which targets may lie although the guard would refuse them."""

    allow: tuple[Network, ...]


class AlertmanagerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`allow`: networks inside of which one may stand although the guard would refuse it."""

    allow: tuple[Network, ...]


class WebPushSettings(msgspec.Struct, frozen=True, kw_only=True):
    """To browsers.

    subject  whom their makers' push services write to about trouble (`mailto:…`, `https://…`)
    allow    networks inside of which a push service may lie although the guard would refuse it
    """

    subject: str
    allow: tuple[Network, ...]


class Channels(msgspec.Struct, frozen=True, kw_only=True):
    """The channels that are set up; None: this one is not. The inbox always is.

    plugged   those that plug-ins bring; `broken` ones cannot be used
    keep_s    how long messages and deliveries are kept
    """

    telegram: TelegramSettings | None
    whatsapp: WhatsAppSettings | None
    email: EmailSettings | None
    sms: SmsSettings | None
    webhook: WebhookSettings | None
    webpush: WebPushSettings | None
    apprise: bool
    alertmanager: AlertmanagerSettings | None
    plugged: tuple[PluggedChannel, ...]
    broken: tuple[BrokenPlugin, ...]
    keep_s: int

    @property
    def brought(self) -> Brought:
        """By channel of a plug-in: an address as it is written → the one form of it."""
        return {one.name: one.address for one in self.plugged}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys of plug-ins' settings that are secrets."""
        return tuple(key for one in self.plugged for key in one.secrets)

    @property
    def names(self) -> tuple[str, ...]:
        """Those through which people can be reached."""
        named = (
            "webpush",
            "telegram",
            "whatsapp",
            "email",
            "sms",
            "webhook",
            "apprise",
            "alertmanager",
        )
        brought = (one.name for one in self.plugged)
        return (*(name for name in named if getattr(self, name)), *brought, "inbox")

    @property
    def webhook_allow(self) -> tuple[Network, ...]:
        """Networks that a webhook may be in although they are not public."""
        return self.webhook.allow if self.webhook is not None else ()

    @property
    def alertmanager_allow(self) -> tuple[Network, ...]:
        """Networks that an Alertmanager may be in although they are not public."""
        return self.alertmanager.allow if self.alertmanager is not None else ()

    @property
    def webpush_allow(self) -> tuple[Network, ...]:
        """Networks that a push service may be in although they are not public."""
        return self.webpush.allow if self.webpush is not None else ()


def read_people(document: Document) -> PeopleSettings:
    """The table ``[people]``."""

    def path(key: str) -> Path | None:
        given = document.get(key, text_of, "")
        if not given:
            return None
        found = Path(given).expanduser()
        return found if document.is_from_env(key) else document.base / found

    return PeopleSettings(
        keys=path("people.keys"),
        master_key_file=path("people.master_key_file"),
        controller=document.get("people.controller", text_of, ""),
        contact=document.get("people.contact", text_of, ""),
        codes_a_day=document.get("people.codes_a_day", whole(0, 10_000), 200),
        countries=document.get("people.countries", _countries, ("+55",)),
    )


def read_plugged(document: Document) -> PluginsRead:
    """The tables ``[channels.NAME]`` of plug-ins."""
    if not (names := document.strangers("channels")):
        return (), ()
    # Who has no plug-in loads nothing of them.
    from atalaia.settings import plugged  # noqa: PLC0415

    return plugged.read_channels(document, names)


def read_channels(document: Document, brought: PluginsRead) -> Channels:
    """The tables ``[channels.…]``; `brought` are those of plug-ins."""
    return Channels(
        telegram=_telegram(document),
        whatsapp=_whatsapp(document),
        email=_email(document),
        sms=_sms(document),
        webhook=_webhook(document),
        webpush=_webpush(document),
        apprise=document.get("channels.apprise.enabled", flag, False),
        alertmanager=_alertmanager(document),
        plugged=brought[0],
        broken=brought[1],
        keep_s=document.get("deliveries.keep", duration_of(86_400), 90 * 86_400),
    )


def _telegram(document: Document) -> TelegramSettings | None:
    at = "channels.telegram"
    token = document.secret(f"{at}.token")
    base_url = document.get(f"{at}.base_url", url, "https://api.telegram.org")
    is_bot = document.get(f"{at}.bot", flag, True)
    secret = document.secret(f"{at}.webhook_secret")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", secret.reveal()):
        document.add(f"{at}.webhook_secret", "not 16 to 256 letters, digits, _ and -; write such")
    if token is None:
        return None
    return TelegramSettings(token=token, base_url=base_url, is_bot=is_bot, webhook_secret=secret)


def _whatsapp(document: Document) -> WhatsAppSettings | None:
    at = "channels.whatsapp"
    token = document.secret(f"{at}.token")
    number = document.get(f"{at}.phone_number_id", text_of, "")
    if token and not number:
        document.add(f"{at}.phone_number_id", "missing; Meta's page of the app shows it")
    settings = WhatsAppSettings(
        token=token or Secret(""),
        phone_number_id=number,
        template=document.get(f"{at}.template", text_of, "atalaia_alert"),
        confirm_template=document.get(f"{at}.confirm_template", text_of, "atalaia_confirm"),
        people_a_day=document.get(f"{at}.people_a_day", whole(1, 10_000_000), 250),
        app_secret=document.secret(f"{at}.app_secret"),
        verify_token=document.secret(f"{at}.verify_token"),
        base_url=document.get(f"{at}.base_url", url, "https://graph.facebook.com"),
    )
    return settings if token else None


def _email(document: Document) -> EmailSettings | None:
    at = "channels.email"
    host = document.get(f"{at}.host", text_of, "")
    sender = document.get(f"{at}.sender", text_of, "")
    is_ses = document.get(f"{at}.via", one_of(("smtp", "ses")), "smtp") == "ses"
    if (host or is_ses) and not sender:
        document.add(f"{at}.sender", "missing; give the address that the messages come from")
    for name in _OF_A_SERVER if is_ses else ():
        if document.raw(f"{at}.{name}") is not None:
            document.add(f"{at}.{name}", 'via = "ses" speaks to no server of yours; keep one')
    chosen = document.get(f"{at}.security", one_of(tuple(_SECURITY)), "starttls")
    security = _SECURITY[chosen]
    settings = EmailSettings(
        via="ses" if is_ses else "smtp",
        host=host,
        port=document.get(f"{at}.port", whole(1, 65_535), 465 if security == "implicit" else 587),
        security=security,
        user=document.get(f"{at}.user", text_of, ""),
        password=document.secret(f"{at}.password"),
        sender=sender,
        region=document.get(f"{at}.region", text_of, ""),
        base_url=document.get(f"{at}.base_url", url, "") or None,
    )
    return settings if host or is_ses else None


def _sms(document: Document) -> SmsSettings | None:
    at = "channels.sms"
    is_on = document.get(f"{at}.enabled", flag, False)
    settings = SmsSettings(
        region=document.get(f"{at}.region", text_of, "us-east-1"),
        sender=document.get(f"{at}.sender", text_of, ""),
        price_usd=document.get(f"{at}.price_usd", _number(0, 10), 0.05),
        usd_a_month=document.get(f"{at}.usd_a_month", _number(0, 1e6), 1.0),
        codes_usd_a_month=document.get(f"{at}.codes_usd_a_month", _number(0, 1e6), 1.0),
        base_url=document.get(f"{at}.base_url", url, "") or None,
    )
    return settings if is_on else None


def _webhook(document: Document) -> WebhookSettings | None:
    is_on = document.get("channels.webhook.enabled", flag, True)
    nowhere: tuple[Network, ...] = ()
    allow = document.get("channels.webhook.allow", networks, nowhere)
    return WebhookSettings(allow=allow) if is_on else None


def _alertmanager(document: Document) -> AlertmanagerSettings | None:
    is_on = document.get("channels.alertmanager.enabled", flag, False)
    nowhere: tuple[Network, ...] = ()
    allow = document.get("channels.alertmanager.allow", networks, nowhere)
    return AlertmanagerSettings(allow=allow) if is_on else None


def _webpush(document: Document) -> WebPushSettings | None:
    """On wherever a push service can be told whom to write to."""
    is_on = document.get("channels.webpush.enabled", flag, True)
    nowhere: tuple[Network, ...] = ()
    allow = document.get("channels.webpush.allow", networks, nowhere)
    contact = document.get("people.contact", text_of, "")
    if re.fullmatch(r"[^@\s:/]+@[^@\s:/]+", contact):
        contact = f"mailto:{contact}"
    either = (contact, document.get("api.url", url, ""))
    subject = next((one for one in either if one.startswith(("mailto:", "https://"))), "")
    return WebPushSettings(subject=subject, allow=allow) if is_on and subject else None


def _number(lowest: float, highest: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        is_number = type(value) in (int, float) or isinstance(value, EnvText)
        try:
            number = float(value) if is_number else math.nan
        except ValueError:
            number = math.nan
        if not lowest <= number <= highest:
            raise ValueError(f"not a number from {lowest:g} to {highest:g}; write one")
        return number

    return read


def _countries(value: Any) -> tuple[str, ...]:
    found = texts(value)
    if not all(re.fullmatch(r"\+[1-9]\d{0,6}", text) for text in found):
        raise ValueError("not calling codes; write + and digits, for example +55")
    return found


def networks(value: Any) -> tuple[Network, ...]:
    """A list of networks."""
    texts = value.split(",") if isinstance(value, EnvText) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('not a list of networks; write for example ["10.1.0.0/16"]')
    try:
        return tuple(ipaddress.ip_network(text.strip()) for text in texts)
    except ValueError as error:
        raise ValueError(f"{error}; write for example 10.1.0.0/16") from None
