"""What all functions of a deployment have: its names, its settings, its home; once a container.

ATALAIA_SETTINGS   the settings file: ``s3://bucket/key``, or a path in the package; files that it
                   names (rules, places) lie below ``beside/`` in the same folder of the bucket
ATALAIA_SECRETS    names of secrets, with commas between; each is a JSON object of variables, as
                   ``{"TOMORROW_API_KEY": "…"}``; one without a value yet is passed over
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from atalaia.clock import Clock
from atalaia.domain.contact import CHANNELS
from atalaia.homes.aws import AwsHome, open_home
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.config import from_environment
from atalaia.homes.aws.figures import Figures
from atalaia.homes.aws.secrets import brought, secret
from atalaia.metrics import Metrics
from atalaia.run.services import Services
from atalaia.settings import Settings, load
from atalaia.settings.brought import beside, load_brought

if TYPE_CHECKING:
    from atalaia.notify.notifier import Notifier

CLOCK = Clock()

_FILE = "ATALAIA_SETTINGS"
_SECRETS = "ATALAIA_SECRETS"


@lru_cache(1)
def clients() -> Clients:
    """Of AWS's services."""
    return Clients()


@lru_cache(1)
def settings() -> Settings:
    """As the deployment's file and secrets say. Raises SettingsInvalid."""
    environment = dict(os.environ)
    for name in filter(None, environment.pop(_SECRETS, "").split(",")):
        environment |= dict(secret(clients(), name))
    address = environment.get(_FILE, "")
    if not address.startswith("s3://"):
        return load(None, environment)
    return load_brought(lambda into: brought(clients(), address, into, beside), environment)


@lru_cache(1)
def home() -> AwsHome:
    """The deployment's home."""
    return open_home(from_environment(), settings().places, clients())


@lru_cache(1)
def figures() -> Figures:
    """Of this container."""
    config = home().config
    return Figures(f"Atalaia/{config.env}", Metrics(), is_all=config.figures == "all")


@lru_cache(1)
def services() -> Services:
    """The program, put together for this deployment: its gateway takes whole answers alone."""
    return Services(
        home(),
        settings(),
        CLOCK,
        figures().metrics,
        lanes=home().config.lanes,
        can_stream=False,
    )


@lru_cache(1)
def notifier() -> Notifier:
    """Who tells people; to be made on the loop. A channel whose key is not here is off."""
    here = services()
    return here.notifier(off=[n for n in CHANNELS if n not in here.channels], by_need=True)


@lru_cache(1)
def loop() -> asyncio.AbstractEventLoop:
    """The one loop of a container: connections live as long as it."""
    return asyncio.new_event_loop()


def forget() -> None:
    """Begin anew, as a new container does."""
    for each in (clients, settings, home, figures, services, notifier, loop):
        each.cache_clear()


def has_time(context: Any, margin_s: int) -> Callable[[], bool]:
    """Asks whether a function's run has more than this left of its time."""
    return lambda: bool(context.get_remaining_time_in_millis() > 1000 * margin_s)
