"""Settings: one TOML file, checked as a whole. The environment goes before it, defaults after it.

Every key has a variable of the environment: ``ATALAIA_`` and the key in capitals, with ``_`` for
dots and hyphens (``sources.open-meteo.interval`` is ``ATALAIA_SOURCES_OPEN_METEO_INTERVAL``).
Tomorrow.io's key is also read from ``TOMORROW_API_KEY`` or ``TOMORROW_API_KEY_FILE``.
`atalaia.example.toml` explains every key to those who write settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from atalaia import rules
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.domain.words import LANGUAGES, duration
from atalaia.given import meant, read_given
from atalaia.settings import (
    channels,
    described,
    feeds,
    gauges,
    instruments,
    open_meteo,
    page,
    tomorrow_io,
)
from atalaia.settings.document import (
    FILE_VARIABLE,
    Document,
    Secret,
    duration_of,
    flag,
    one_of,
    size,
    text_of,
    texts,
    url,
    whole,
)
from atalaia.settings.places import read_places

DEFAULT_FILE = "atalaia.toml"

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LOOPBACK_HOSTS = ("127.0.0.1", "[::1]", "localhost")

KEYS = (
    "home",
    "rules",
    "language",
    "places",
    *open_meteo.KEYS,
    *tomorrow_io.KEYS,
    *instruments.KEYS,
    *gauges.KEYS,
    "api.host",
    "api.port",
    "api.key",
    "api.key_file",
    "api.public",
    "api.rate_limit",
    "api.hosts",
    "api.url",
    "archive.interval",
    "archive.keep",
    "refine.interval",
    "limits.max_body",
    "limits.bytes_a_day",
    *feeds.KEYS,
    *page.KEYS,
    "watchdog.url",
    *channels.KEYS,
)
"""Every key of a settings file, besides the tables ``[[place]]``."""


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """The service's own HTTP.

    key         the operator's; None: pushing is off
    is_public   whether reading what is of no person needs no key
    rate_limit  requests a minute that a key, or an address, may make; 0: as many as they like
    hosts       names that a request's Host may have; none: any
    url         where it is reached from outside; mails have a link to it by which one gets no more
    """

    host: str
    port: int
    key: Secret | None
    is_public: bool
    rate_limit: int
    hosts: tuple[str, ...]
    url: str

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in _LOOPBACK


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a person can set, checked.

    home        the home's folder
    described   the sources that are described here, and those that plug-ins bring
    rules, places, language    what is dangerous, where to look, what the terminal speaks
    cap         who speaks in the feeds, and whose official warnings are passed on
    page        what the page shows besides the outline map
    home_assistant  where it listens
    watchdog_url    what is asked by GET every minute as a sign of life; empty: nothing
    people, channels    who is told, and how they are reached
    archive_interval_s, refine_interval_s    between two runs of each
    keep_s      how long payloads stay in the stream once they are in RAW and GOLD
    max_body, bytes_a_day    bytes that a push, and all pushes of a key in a day, may have
    file        the settings file; None: there is none
    ignored     variables of the environment that look like ours and are not
    """

    home: Path
    rules: RuleSet
    places: Places
    language: str
    open_meteo: open_meteo.OpenMeteo
    tomorrow_io: tomorrow_io.TomorrowIo
    metar: instruments.Metar
    cemaden: instruments.StationNetwork
    nws: instruments.StationNetwork
    ana: gauges.Ana
    described: described.Described
    wis2: instruments.Wis2
    mqtt: instruments.Mqtt
    api: Api
    cap: feeds.Cap
    page: page.Page
    home_assistant: feeds.HomeAssistant
    watchdog_url: str
    people: channels.PeopleSettings
    channels: channels.Channels
    archive_interval_s: int
    refine_interval_s: int
    keep_s: int
    max_body: int
    bytes_a_day: int
    file: Path | None
    ignored: tuple[str, ...]

    @property
    def broken_plugins(self) -> list[str]:
        """Which plug-ins cannot be used, why, and what to do; all else goes on without them."""
        return [one.sentence for one in (*self.described.broken, *self.channels.broken)]

    def on_port(self, port: int) -> Settings:
        """The same, with the API at another port."""
        return msgspec.structs.replace(self, api=msgspec.structs.replace(self.api, port=port))


def load(path: Path | None, env: Mapping[str, str]) -> Settings:
    """The settings of a file (None: ``ATALAIA_SETTINGS``, or else ./atalaia.toml if it is there).

    Raises SettingsInvalid that names every problem: ``file:line: what is wrong; what to do``.
    """
    if path is None:
        named = env.get(FILE_VARIABLE)
        path = Path(named) if named else Path(DEFAULT_FILE)
        if not named and not path.is_file():
            return _Reader("", None, env, KEYS).settings()
    text = read_given(path)
    return _Reader(text, path, env, KEYS).settings()


def describe(settings: Settings) -> list[str]:
    """What is in force, for `config check`: where things are, and the arithmetic of the calls."""
    push = "on" if settings.api.key else "off; set api.key_file"
    return [
        f"settings: {settings.file or 'none; defaults and environment'}",
        f"home: {settings.home}",
        f"rules: {settings.rules.name} ({len(settings.rules.rules)} rules)",
        f"places: {len(settings.places)}",
        *settings.open_meteo.described(len(settings.places)),
        *settings.tomorrow_io.described(len(settings.places)),
        *instruments.describe(settings.metar, settings.wis2, settings.mqtt),
        *instruments.describe_networks(settings.cemaden, settings.nws),
        *gauges.describe(settings.ana),
        *settings.described.described(len(settings.places)),
        *(
            f"official warnings: {feed.url} every {duration(feed.interval_s)}"
            for feed in settings.cap.feeds
        ),
        f"api: http://{settings.api.host}:{settings.api.port}, push is {push}",
        f"channels: {', '.join(settings.channels.names)}",
        f"people: {settings.people.described}",
        *settings.home_assistant.described,
        *settings.page.described,
        f"archive every {duration(settings.archive_interval_s)}, "
        f"refine every {duration(settings.refine_interval_s)}",
        *(f"ignored: {name}" for name in settings.ignored),
        *(f"BROKEN {line}" for line in settings.broken_plugins),
    ]


class _Reader(Document):
    """The document as settings."""

    def settings(self) -> Settings:
        """All of it; SettingsInvalid if there was any problem."""
        home = self._home()
        rule_set = self.get("rules", self._rules, rules.load("inmet"))
        places = read_places(self)
        ana = gauges.read_ana(self, places)
        rule_set = gauges.with_levels(self, rule_set, ana)
        own, brought = described.read_described(self, places), channels.read_plugged(self)
        shown = page.read_page(self)
        self.name_unknown(self.document, ())
        for stranger in rule_set.strangers(places.position):
            self.add("rules", f"{stranger}; mend its id, or watch that place")
        for nowhere in rule_set.nowhere(places):
            self.add("rules", f"{nowhere}; watch one there, or leave them out")
        language = self.get("language", one_of(LANGUAGES), LANGUAGES[0])
        source = open_meteo.read_open_meteo(self, rule_set.variables, rule_set.by_chance)
        other = tomorrow_io.read_tomorrow_io(self)
        settings = Settings(
            home=home,
            rules=rule_set,
            places=places,
            language=language,
            open_meteo=source,
            tomorrow_io=other,
            metar=instruments.read_metar(self, is_of_capitals=self._is_of_capitals),
            cemaden=instruments.read_cemaden(self),
            nws=instruments.read_nws(self),
            ana=ana,
            described=own,
            wis2=instruments.read_wis2(self, places, is_of_capitals=self._is_of_capitals),
            mqtt=instruments.read_mqtt(self, places),
            api=self._api(),
            cap=feeds.read_cap(self),
            page=shown,
            home_assistant=feeds.read_home_assistant(self),
            watchdog_url=self.get("watchdog.url", url, ""),
            people=channels.read_people(self),
            channels=channels.read_channels(self, brought),
            archive_interval_s=self.get("archive.interval", duration_of(60), 300),
            refine_interval_s=self.get("refine.interval", duration_of(60), 900),
            keep_s=self.get("archive.keep", duration_of(86_400), 7 * 86_400),
            max_body=self.get("limits.max_body", size(64), 8_000_000),
            bytes_a_day=self.get("limits.bytes_a_day", size(1_000_000), 256_000_000),
            file=self._path,
            ignored=tuple(self._ignored()),
        )
        self._check_calls(settings)
        self.checked()
        return settings

    # Parts

    def _home(self) -> Path:
        given = self.get("home", text_of, "")
        if not given:
            data = self._env.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
            return Path(data) / "atalaia"
        path = Path(given).expanduser()
        # What stands in a file is meant from there; what a shell says, from where it stands.
        return path if self.is_from_env("home") else self.base / path

    def _api(self) -> Api:
        host = self.get("api.host", text_of, "127.0.0.1")
        return Api(
            host=host,
            port=self.get("api.port", whole(0, 65_535), 8420),
            key=self.secret("api.key"),
            is_public=self.get("api.public", flag, host in _LOOPBACK),
            rate_limit=self.get("api.rate_limit", whole(0, 10_000_000), 1200),
            hosts=self.get("api.hosts", texts, _LOOPBACK_HOSTS if host in _LOOPBACK else ()),
            url=self.get("api.url", url, ""),
        )

    def _rules(self, value: Any) -> RuleSet:
        name = text_of(value)
        if name in rules.SHIPPED:
            return rules.load(name)
        if not rules.is_file(name):
            near = meant(name, rules.SHIPPED)
            known = ", ".join(rules.SHIPPED)
            raise ValueError(
                f"no rule set is called {name!r}{near}; give one of {known}, or a .toml file"
            )
        path = Path(name).expanduser()
        return rules.load(str(path if self.is_from_env("rules") else self.base / path))

    @property
    def _is_of_capitals(self) -> bool:
        """Whether nobody says which places are watched."""
        return self.raw("places") is None and self.document.get("place") is None

    def _check_calls(self, settings: Settings) -> None:
        """Adaptive polling stays within the calls by itself; a fixed plan must fit."""
        n = len(settings.places)
        source, other = settings.open_meteo, settings.tomorrow_io
        plans = []
        if source.enabled and not source.is_adaptive:
            plans.append(source.costs(n))
        if other.enabled and not other.is_adaptive:
            plans.append(other.costs(n))
        for plan in plans:
            if not plan.fits:
                key = f"sources.{plan.source}.interval"
                self.add(key, f"{plan.sentence}; lengthen interval, or set adaptive = true")
