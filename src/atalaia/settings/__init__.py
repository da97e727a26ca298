"""Settings: one TOML file, checked as a whole. The environment goes before it, defaults after it.

Every key has a variable of the environment: ``ATALAIA_`` and the key in capitals, with ``_`` for
dots and hyphens (``sources.open-meteo.interval`` is ``ATALAIA_SOURCES_OPEN_METEO_INTERVAL``).
Tomorrow.io's key is also read from ``TOMORROW_API_KEY`` or ``TOMORROW_API_KEY_FILE``.
`atalaia.example.toml` explains every key to those who write settings.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from atalaia import rules
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.domain.words import LANGUAGES, duration
from atalaia.errors import SettingsInvalid
from atalaia.given import meant, read_given
from atalaia.settings import channels, feeds, instruments, open_meteo, page
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
from atalaia.settings.open_meteo import minutes
from atalaia.settings.places import CAPITALS, read_places
from atalaia.sources import tomorrow_io
from atalaia.sources.schedule import PollCadence, arithmetic, intervals, most_a_day

DEFAULT_FILE = "atalaia.toml"

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LOOPBACK_HOSTS = ("127.0.0.1", "[::1]", "localhost")

KEYS = (
    "home",
    "rules",
    "language",
    "places",
    *open_meteo.KEYS,
    "sources.tomorrow-io.enabled",
    "sources.tomorrow-io.interval",
    "sources.tomorrow-io.forecast_interval",
    "sources.tomorrow-io.adaptive",
    "sources.tomorrow-io.base_url",
    "sources.tomorrow-io.key",
    "sources.tomorrow-io.key_file",
    *instruments.KEYS,
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


class TomorrowIo(msgspec.Struct, frozen=True, kw_only=True):
    """Tomorrow.io, whose calls go first to the places near a limit.

    key            None: the source is off
    interval_s     between two calls for a place at a limit
    forecast_interval_s   between two forecasts for a place
    is_adaptive    False: every place at interval_s, near a limit or not
    """

    enabled: bool
    interval_s: int
    forecast_interval_s: int
    is_adaptive: bool
    base_url: str
    key: Secret | None


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
    rules, places, language    what is dangerous, where to look, what the terminal speaks
    cap         who speaks in the feeds, and whose official warnings are passed on
    page        what the page shows besides the outline map
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
    tomorrow_io: TomorrowIo
    metar: instruments.Metar
    cemaden: instruments.StationNetwork
    nws: instruments.StationNetwork
    wis2: instruments.Wis2
    mqtt: instruments.Mqtt
    api: Api
    cap: feeds.Cap
    page: page.Page
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


def load_brought(bring: Callable[[Path], Path], env: Mapping[str, str]) -> Settings:
    """The settings of a file that has to be brought to where it is read: `bring` puts it, and what
    is `beside` it, into a folder, which goes again. Raises SettingsInvalid, as `load` does."""
    with tempfile.TemporaryDirectory(prefix="atalaia-settings-") as folder:
        file = bring(Path(folder))
        try:
            return load(file, env)
        except SettingsInvalid as error:
            problems = [problem.replace(f"{folder}/", "") for problem in error.problems]
            raise SettingsInvalid(problems) from error


def beside(text: str) -> list[str]:
    """Paths of the files that a settings file or a rule file names and `load` reads, as they stand
    in it.

    For who has to bring them to where it is read; files of keys are none of them. What is no TOML
    names none: `load` says what is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return []
    rule_set, places = document.get("rules"), document.get("places")
    extended = document.get("extends", [])
    named = [
        one
        for one in (rule_set, *([extended] if isinstance(extended, str) else extended))
        if isinstance(one, str) and _is_rule_file(one)
    ]
    return named + ([places] if isinstance(places, str) and places not in ("", CAPITALS) else [])


def describe(settings: Settings) -> list[str]:
    """What is in force, for `config check`: where things are, and the arithmetic of the calls."""
    push = "on" if settings.api.key else "off; set api.key_file"
    return [
        f"settings: {settings.file or 'none; defaults and environment'}",
        f"home: {settings.home}",
        f"rules: {settings.rules.name} ({len(settings.rules.rules)} rules)",
        f"places: {len(settings.places)}",
        *settings.open_meteo.described(len(settings.places)),
        *_describe_tomorrow_io(settings),
        *instruments.describe(settings.metar, settings.wis2, settings.mqtt),
        *instruments.describe_networks(settings.cemaden, settings.nws),
        *(
            f"official warnings: {feed.url} every {duration(feed.interval_s)}"
            for feed in settings.cap.feeds
        ),
        f"api: http://{settings.api.host}:{settings.api.port}, push is {push}",
        f"channels: {', '.join(settings.channels.names)}",
        f"archive every {duration(settings.archive_interval_s)}, "
        f"refine every {duration(settings.refine_interval_s)}",
        *(f"ignored: {name}" for name in settings.ignored),
    ]


def _describe_tomorrow_io(settings: Settings) -> list[str]:
    source = settings.tomorrow_io
    if not source.enabled:
        why = "" if source.key else ": no key; set TOMORROW_API_KEY or TOMORROW_API_KEY_FILE"
        return [f"tomorrow-io: off{why}"]
    lines = [_tomorrow_costs(source, len(settings.places)).sentence]
    if source.is_adaptive:
        every = intervals(
            len(settings.places),
            0,
            most_a_day(tomorrow_io.NAME),
            PollCadence(near_s=source.interval_s),
            source.forecast_interval_s,
        )
        lines.append(
            f"tomorrow-io: adaptive: calm places every {minutes(every.calm_s)}, those near a "
            f"limit every {minutes(source.interval_s)} as far as the calls go, forecasts every "
            f"{minutes(every.forecast_s)}"
        )
    return lines


def _tomorrow_costs(source: TomorrowIo, places: int) -> Any:
    """The arithmetic of fixed polling: of each place what is now, and a share of a forecast."""
    a_place = 1 + source.interval_s / source.forecast_interval_s
    return arithmetic(tomorrow_io.NAME, places, source.interval_s, a_place)


class _Reader(Document):
    """The document as settings."""

    def settings(self) -> Settings:
        """All of it; SettingsInvalid if there was any problem."""
        self._name_unknown(self.document, ())
        home = self._home()
        rule_set = self.get("rules", self._rules, rules.load("inmet"))
        places = read_places(self)
        for stranger in rule_set.strangers(places.position):
            self.add("rules", f"{stranger}; mend its id, or watch that place")
        language = self.get("language", one_of(LANGUAGES), LANGUAGES[0])
        source = open_meteo.read_open_meteo(self, rule_set.variables)
        other = self._tomorrow_io()
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
            wis2=instruments.read_wis2(self, places, is_of_capitals=self._is_of_capitals),
            mqtt=instruments.read_mqtt(self, places),
            api=self._api(),
            cap=feeds.read_cap(self),
            page=page.read_page(self),
            watchdog_url=self.get("watchdog.url", url, ""),
            people=channels.read_people(self),
            channels=channels.read_channels(self),
            archive_interval_s=self.get("archive.interval", duration_of(60), 300),
            refine_interval_s=self.get("refine.interval", duration_of(60), 900),
            keep_s=self.get("archive.keep", duration_of(86_400), 7 * 86_400),
            max_body=self.get("limits.max_body", size(64), 8_000_000),
            bytes_a_day=self.get("limits.bytes_a_day", size(1_000_000), 256_000_000),
            file=self._path,
            ignored=tuple(self._ignored()),
        )
        self._check_calls(settings)
        if self.problems:
            raise SettingsInvalid(self.problems)
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
        if not _is_rule_file(name):
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

    def _tomorrow_io(self) -> TomorrowIo:
        at = "sources.tomorrow-io"
        before = len(self.problems)
        key = self.secret(f"{at}.key", ("TOMORROW_API_KEY", "TOMORROW_API_KEY_FILE"))
        enabled = self.get(f"{at}.enabled", flag, key is not None)
        if enabled and key is None and len(self.problems) == before:
            self.add(f"{at}.enabled", "there is no key; set TOMORROW_API_KEY_FILE or key_file")
        return TomorrowIo(
            enabled=enabled,
            interval_s=self.get(f"{at}.interval", duration_of(60), 180),
            forecast_interval_s=self.get(f"{at}.forecast_interval", duration_of(3600), 6 * 3600),
            is_adaptive=self.get(f"{at}.adaptive", flag, True),
            base_url=self.get(f"{at}.base_url", url, tomorrow_io.BASE_URL),
            key=key,
        )

    def _check_calls(self, settings: Settings) -> None:
        """Adaptive polling stays within the calls by itself; a fixed plan must fit."""
        n = len(settings.places)
        source, other = settings.open_meteo, settings.tomorrow_io
        plans = []
        if source.enabled and not source.is_adaptive:
            plans.append(source.costs(n))
        if other.enabled and not other.is_adaptive:
            plans.append(_tomorrow_costs(other, n))
        for plan in plans:
            if not plan.fits:
                key = f"sources.{plan.source}.interval"
                self.add(key, f"{plan.sentence}; lengthen interval, or set adaptive = true")


def _is_rule_file(name: str) -> bool:
    """Whether `rules` is a path, and no name of a shipped set."""
    return name not in rules.SHIPPED and (name.endswith(".toml") or "/" in name)
