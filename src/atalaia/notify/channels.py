"""The channels that the settings switch on."""

from __future__ import annotations

import aiohttp

from atalaia.channels.alertmanager import Alertmanager
from atalaia.channels.apprise import Apprise
from atalaia.channels.guard import Rules
from atalaia.channels.inbox import Inbox
from atalaia.channels.sms import Sms
from atalaia.channels.telegram import Telegram
from atalaia.channels.webhook import Webhook
from atalaia.channels.webpush import WebPush
from atalaia.channels.whatsapp import WhatsApp
from atalaia.domain.delivery import Channel
from atalaia.notify.mailing import mailer
from atalaia.ports import Keys
from atalaia.settings import Settings


def open_channels(
    settings: Settings, session: aiohttp.ClientSession, keys: Keys
) -> dict[str, Channel]:
    """By name; the inbox is always there. Raises SettingsInvalid where a package is missing."""
    chosen = settings.channels
    found: list[Channel] = [Inbox()]
    if (telegram := chosen.telegram) is not None:
        token = telegram.token.reveal()
        found.append(Telegram(session, token, base_url=telegram.base_url))
    if (whatsapp := chosen.whatsapp) is not None:
        found.append(
            WhatsApp(
                session,
                whatsapp.token.reveal(),
                whatsapp.phone_number_id,
                template=whatsapp.template,
                confirm_template=whatsapp.confirm_template,
                base_url=whatsapp.base_url,
                a_day=whatsapp.people_a_day,
            )
        )
    if (email := chosen.email) is not None:
        found.append(mailer(email, settings.people.contact))
    if (sms := chosen.sms) is not None:
        found.append(
            Sms(
                region=sms.region,
                endpoint_url=sms.base_url or "",
                sender_id=sms.sender,
                price_usd=sms.price_usd,
                usd_a_month=sms.usd_a_month,
            )
        )
    if chosen.webhook is not None:
        found.append(Webhook(rules=Rules(allow=chosen.webhook_allow)))
    if (webpush := chosen.webpush) is not None:
        rules = Rules(allow=webpush.allow)
        found.append(WebPush(keys.vapid_key, webpush.subject, rules=rules))
    if chosen.apprise:
        found.append(Apprise())
    if chosen.alertmanager is not None:
        found.append(Alertmanager(rules=Rules(allow=chosen.alertmanager_allow)))
    if chosen.plugged or chosen.broken:
        # Who has no plug-in loads nothing of them.
        from atalaia.notify.plugged import plugged  # noqa: PLC0415

        found += plugged(chosen, session)
    return {channel.name: channel for channel in found}
