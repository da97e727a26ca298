"""By which server mail goes, as the settings have it."""

from __future__ import annotations

from atalaia.channels.email import Email
from atalaia.channels.ses import Ses
from atalaia.domain.delivery import Channel
from atalaia.settings.channels import EmailSettings


def mailer(chosen: EmailSettings, unsubscribe: str) -> Channel:
    """The channel; `unsubscribe` is whom one writes to who wants no more."""
    if chosen.via == "ses":
        return Ses(
            sender=chosen.sender,
            unsubscribe=unsubscribe,
            region=chosen.region,
            endpoint_url=chosen.base_url or "",
        )
    return Email(
        host=chosen.host,
        port=chosen.port,
        tls=chosen.security,
        user=chosen.user,
        password=chosen.password.reveal() if chosen.password else "",
        sender=chosen.sender,
        unsubscribe=unsubscribe,
    )
