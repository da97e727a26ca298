"""Settings: one TOML file, checked as a whole. The environment goes before it, defaults after it.

Every key has a variable of the environment: ``ATALAIA_`` and the key in capitals, with ``_`` for
dots and hyphens (``sources.open-meteo.interval`` is ``ATALAIA_SOURCES_OPEN_METEO_INTERVAL``).
Tomorrow.io's key is also read from ``TOMORROW_API_KEY`` or ``TOMORROW_API_KEY_FILE``.
`atalaia.example.toml` explains every key to those who write settings.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from atalaia import rules
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import RuleSet, seconds
from atalaia.domain.words import LANGUAGES, duration
from atalaia.errors import SettingsInvalid
from atalaia.sources import open_meteo, tomorrow_io
from atalaia.sources.recorded import read_places
from atalaia.sources.schedule import Pace, arithmetic, intervals, most_a_day

DEFAULT_FILE = "atalaia.toml"
FILE_VARIABLE = "ATALAIA_SETTINGS"
"""Names another settings file than ./atalaia.toml."""

_PREFIX = "ATALAIA_"
_PLACE_KEYS = ("id", "name", "latitude", "longitude", "timezone", "area")
_NEEDED = ("id", "name", "latitude", "longitude")

KEYS = (
    "home",
    "rules",
    "language",
    "places",
    "sources.open-meteo.enabled",
    "sources.open-meteo.interval",
    "sources.open-meteo.calm_interval",
    "sources.open-meteo.adaptive",
    "sources.open-meteo.base_url",
    "sources.tomorrow-io.enabled",
    "sources.tomorrow-io.interval",
    "sources.tomorrow-io.forecast_interval",
    "sources.tomorrow-io.adaptive",
    "sources.tomorrow-io.base_url",
    "sources.tomorrow-io.key",
    "sources.tomorrow-io.key_file",
    "api.host",
    "api.port",
    "api.key",
    "api.key_file",
    "archive.interval",
    "archive.keep",
    "refine.interval",
    "limits.max_body",
)
"""Every key of a settings file, besides the tables ``[[place]]``."""

T = TypeVar("T")


class Secret:
    """A text that is shown to nobody: not in a `repr`, a log, an error or a file."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one request or comparison that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "***"


class OpenMeteo(msgspec.Struct, frozen=True, kw_only=True):
    """Open-Meteo, which watches all places.

    interval_s, calm_interval_s   between two calls for a place at a limit, and when all is calm
    is_adaptive   False: every place at interval_s, near a limit or not
    """

    enabled: bool
    interval_s: int
    calm_interval_s: int
    is_adaptive: bool
    base_url: str


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
    """The service's own HTTP. `key` is what pushes must carry; None: pushing is off."""

    host: str
    port: int
    key: Secret | None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a person can set, checked.

    home        the home's folder
    rules, places, language    what is dangerous, where to look, what the terminal speaks
    archive_interval_s, refine_interval_s    between two runs of each
    keep_s      how long payloads stay in the stream once they are in RAW and GOLD
    max_body    bytes that a push may have
    file        the settings file; None: there is none
    ignored     variables of the environment that look like ours and are not
    """

    home: Path
    rules: RuleSet
    places: Places
    language: str
    open_meteo: OpenMeteo
    tomorrow_io: TomorrowIo
    api: Api
    archive_interval_s: int
    refine_interval_s: int
    keep_s: int
    max_body: int
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
            return _Reader("", None, env).settings()
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsInvalid([f"{path}:1: {reason}; give a file that can be read"]) from error
    except UnicodeDecodeError as error:
        problem = f"{path}:1: not UTF-8 at byte {error.start}; save it as UTF-8"
        raise SettingsInvalid([problem]) from error
    return _Reader(text, path, env).settings()


def describe(settings: Settings) -> list[str]:
    """What is in force, for `config check`: where things are, and the arithmetic of the calls."""
    push = "on" if settings.api.key else "off; set api.key_file"
    return [
        f"settings: {settings.file or 'none; defaults and environment'}",
        f"home: {settings.home}",
        f"rules: {settings.rules.name} ({len(settings.rules.rules)} rules)",
        f"places: {len(settings.places)}",
        *_describe_open_meteo(settings),
        *_describe_tomorrow_io(settings),
        f"api: http://{settings.api.host}:{settings.api.port}, push is {push}",
        f"archive every {duration(settings.archive_interval_s)}, "
        f"refine every {duration(settings.refine_interval_s)}",
        *(f"ignored: {name}" for name in settings.ignored),
    ]


def _describe_open_meteo(settings: Settings) -> list[str]:
    source = settings.open_meteo
    if not source.enabled:
        return ["open-meteo: off"]
    round_s = source.calm_interval_s if source.is_adaptive else source.interval_s
    costs = arithmetic(open_meteo.NAME, len(settings.places), round_s, open_meteo.calls_per_place())
    lines = [costs.sentence]
    if source.is_adaptive:
        calm_s = max(round_s, math.ceil(costs.shortest_interval_s))
        lines.append(
            f"open-meteo: adaptive: calm places every {_minutes(calm_s)}, those at a limit "
            f"every {_minutes(source.interval_s)} as far as the calls go"
        )
    return lines


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
            Pace(near_s=source.interval_s),
            source.forecast_interval_s,
        )
        lines.append(
            f"tomorrow-io: adaptive: calm places every {_minutes(every.calm_s)}, those near a "
            f"limit every {_minutes(source.interval_s)} as far as the calls go, forecasts every "
            f"{_minutes(every.forecast_s)}"
        )
    return lines


def _tomorrow_costs(source: TomorrowIo, places: int) -> Any:
    """The arithmetic of fixed polling: of each place what is now, and a share of a forecast."""
    a_place = 1 + source.interval_s / source.forecast_interval_s
    return arithmetic(tomorrow_io.NAME, places, source.interval_s, a_place)


def _minutes(seconds_: float) -> str:
    return f"{math.ceil(seconds_ / 60)} min"


class _Reader:
    """Reads one document key by key, and collects every problem on the way."""

    def __init__(self, text: str, path: Path | None, env: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self._path = path
        self._base = path.parent if path else Path()
        self._env = env
        self._document = self._parsed(text)
        self._lines = _lines_of(text)

    def settings(self) -> Settings:
        """All of it; SettingsInvalid if there was any problem."""
        self._name_unknown(self._document, ())
        home = self._home()
        rule_set = self._get("rules", self._rules, rules.load("inmet"))
        places = self._places()
        language = self._get("language", _one_of(LANGUAGES), LANGUAGES[0])
        source, other = self._open_meteo(), self._tomorrow_io()
        settings = Settings(
            home=home,
            rules=rule_set,
            places=places,
            language=language,
            open_meteo=source,
            tomorrow_io=other,
            api=Api(
                host=self._get("api.host", _text, "127.0.0.1"),
                port=self._get("api.port", _whole(0, 65_535), 8420),
                key=self._secret("api", self._env_names("api")),
            ),
            archive_interval_s=self._get("archive.interval", _duration(60), 300),
            refine_interval_s=self._get("refine.interval", _duration(60), 900),
            keep_s=self._get("archive.keep", _duration(86_400), 7 * 86_400),
            max_body=self._get("limits.max_body", _size, 8_000_000),
            file=self._path,
            ignored=tuple(self._ignored()),
        )
        self._check_calls(settings)
        if self.problems:
            raise SettingsInvalid(self.problems)
        return settings

    # Parts

    def _home(self) -> Path:
        given = self._get("home", _text, "")
        if not given:
            data = self._env.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
            return Path(data) / "atalaia"
        path = Path(given).expanduser()
        # What stands in a file is meant from there; what a shell says, from where it stands.
        return path if self._is_from_env("home") else self._base / path

    def _rules(self, value: Any) -> RuleSet:
        name = _text(value)
        if name in rules.SHIPPED:
            return rules.load(name)
        is_file = name.endswith(".toml") or "/" in name
        if not is_file:
            near = _meant(name, rules.SHIPPED)
            known = ", ".join(rules.SHIPPED)
            raise ValueError(
                f"no rule set is called {name!r}{near}; give one of {known}, or a .toml file"
            )
        path = Path(name).expanduser()
        return rules.load(str(path if self._is_from_env("rules") else self._base / path))

    def _open_meteo(self) -> OpenMeteo:
        at = "sources.open-meteo"
        interval_s = self._get(f"{at}.interval", _duration(60), 300)
        calm_s = self._get(f"{at}.calm_interval", _duration(60), max(900, interval_s))
        if calm_s < interval_s:
            self._add(f"{at}.calm_interval", "shorter than interval; make it as long or longer")
        return OpenMeteo(
            enabled=self._get(f"{at}.enabled", _flag, True),
            interval_s=interval_s,
            calm_interval_s=calm_s,
            is_adaptive=self._get(f"{at}.adaptive", _flag, True),
            base_url=self._get(f"{at}.base_url", _url, open_meteo.BASE_URL),
        )

    def _tomorrow_io(self) -> TomorrowIo:
        at = "sources.tomorrow-io"
        names = (*self._env_names(at), ("TOMORROW_API_KEY", "TOMORROW_API_KEY_FILE"))
        before = len(self.problems)
        key = self._secret(at, names)
        enabled = self._get(f"{at}.enabled", _flag, key is not None)
        if enabled and key is None and len(self.problems) == before:
            self._add(f"{at}.enabled", "there is no key; set TOMORROW_API_KEY_FILE or key_file")
        return TomorrowIo(
            enabled=enabled,
            interval_s=self._get(f"{at}.interval", _duration(60), 180),
            forecast_interval_s=self._get(f"{at}.forecast_interval", _duration(3600), 6 * 3600),
            is_adaptive=self._get(f"{at}.adaptive", _flag, True),
            base_url=self._get(f"{at}.base_url", _url, tomorrow_io.BASE_URL),
            key=key,
        )

    def _check_calls(self, settings: Settings) -> None:
        """Adaptive polling stays within the calls by itself; a fixed plan must fit."""
        n = len(settings.places)
        source, other = settings.open_meteo, settings.tomorrow_io
        plans = []
        if source.enabled and not source.is_adaptive:
            a_place = open_meteo.calls_per_place()
            plans.append(arithmetic(open_meteo.NAME, n, source.interval_s, a_place))
        if other.enabled and not other.is_adaptive:
            plans.append(_tomorrow_costs(other, n))
        for plan in plans:
            if not plan.fits:
                key = f"sources.{plan.source}.interval"
                self._add(key, f"{plan.sentence}; lengthen interval, or set adaptive = true")

    # Places

    def _places(self) -> Places:
        tables = self._document.get("place")
        named = self._raw("places")
        if named is not None and tables is not None and not self._is_from_env("places"):
            self._add("places", "places and [[place]] cannot go together; keep one of them")
        if named is not None:
            return self._get("places", self._places_file, Places([]))
        if tables is None:
            shipped = (files("atalaia") / "data" / "capitals.toml").read_text("utf-8")
            tables = tomllib.loads(shipped)["place"]
        if not isinstance(tables, list):
            self._add("place", "not a list of places; write [[place]] above each")
            return Places([])
        found: dict[str, Place] = {}
        for i, table in enumerate(tables):
            place = self._place(i, table)
            if place is None:
                continue
            if place.id in found:
                self._add(("place", i), f"place {place.id} is there twice; give each its own id")
            found[place.id] = place
        if not tables:
            self._add("place", "no place in it; add a [[place]], or leave it out for the capitals")
        return Places(found.values())

    def _places_file(self, value: Any) -> Places:
        path = Path(_text(value)).expanduser()
        return Places(read_places(path if self._is_from_env("places") else self._base / path))

    def _place(self, i: int, table: Any) -> Place | None:
        if not isinstance(table, dict):
            self._add(("place", i), "not a table; write id, name, latitude, longitude")
            return None
        name = table.get("id", i + 1)
        faults = [(key, f"place {name}: {problem}") for key, problem in _faults_of_place(table)]
        for key, problem in faults:
            self._add(("place", i, key), problem)
        if faults:
            return None
        place = Place(
            id=table["id"],
            name=table["name"],
            latitude=float(table["latitude"]),
            longitude=float(table["longitude"]),
            timezone=table.get("timezone", "UTC"),
            area=table.get("area"),
        )
        wrong = place.faults()
        for fault in wrong:
            keys = (key for key in _PLACE_KEYS[2:5] if key.replace("zone", " zone") in fault)
            self._add(("place", i, next(keys, "id")), f"{fault}; mend it")
        return None if wrong else place

    # Secrets

    def _env_names(self, section: str) -> tuple[tuple[str, str], ...]:
        return ((_variable(f"{section}.key"), _variable(f"{section}.key_file")),)

    def _secret(self, section: str, names: tuple[tuple[str, str], ...]) -> Secret | None:
        """A key from the environment, or else from the file: given itself, or in a file of its own.

        No problem ever shows what was given as a key.
        """
        for name, file_name in names:
            key, file = self._env.get(name), self._env.get(file_name)
            if key and file:
                self._say(name, f"{file_name} is set too; keep one of them")
            if file:
                return self._key_of_file(file_name, Path(file).expanduser())
            if key:
                return self._clean_key(name, key)
        key, file = (self._in_file(f"{section}.{name}") for name in ("key", "key_file"))
        if key is not None and file is not None:
            self._add(f"{section}.key", "key_file is set too; keep one of them")
        for value, name in ((key, "key"), (file, "key_file")):
            if value is not None and not isinstance(value, str):
                self._add(f"{section}.{name}", "not a text; put it in quotes")
                return None
        if file is not None:
            path = self._base / Path(file).expanduser()
            return self._key_of_file(self._where(f"{section}.key_file"), path)
        return None if key is None else self._clean_key(self._where(f"{section}.key"), key)

    def _key_of_file(self, where: str, path: Path) -> Secret | None:
        try:
            text = path.read_text("ascii")
        except UnicodeDecodeError:
            self._say(where, f"{path} does not look like a key; it must be ASCII")
            return None
        except OSError as error:
            self._say(where, f"{path}: {error.strerror}; give a file that can be read")
            return None
        return self._clean_key(f"{where}: {path}", text)

    def _clean_key(self, where: str, text: str) -> Secret | None:
        key = text.strip()
        if not key:
            self._say(where, "the key is empty; put one in, or leave it out")
        elif not key.isascii() or not key.isprintable() or " " in key:
            self._say(where, "this is no key: it has spaces or letters that no header can carry")
        else:
            return Secret(key)
        return None

    # Keys

    def _get(self, key: str, read: Callable[[Any], T], default: T) -> T:
        """A key's value, checked; the default if it is absent or faulty."""
        value = self._raw(key)
        if value is None:
            return default
        try:
            return read(value)
        except ValueError as error:
            self._add(key, str(error))
        except SettingsInvalid as error:  # of a file that the key names
            where = self._where(key)
            self.problems += [f"{where}: {problem}" for problem in error.problems]
        return default

    def _raw(self, key: str) -> Any:
        if self._is_from_env(key):
            return _EnvText(self._env[_variable(key)])
        return self._in_file(key)

    def _is_from_env(self, key: str) -> bool:
        return bool(self._env.get(_variable(key)))

    def _in_file(self, key: str) -> Any:
        found: Any = self._document
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    # Problems

    def _add(self, key: str | tuple[str | int, ...], problem: str) -> None:
        path = tuple(key.split(".")) if isinstance(key, str) else key
        words = ".".join(part for part in path if isinstance(part, str))
        is_place = path[0] == "place"
        self._say(self._where(key), problem if is_place else f"{words}: {problem}")

    def _say(self, where: str, problem: str) -> None:
        self.problems.append(f"{where}: {problem}")

    def _where(self, key: str | tuple[str | int, ...]) -> str:
        if isinstance(key, str) and self._is_from_env(key):
            return _variable(key)
        path = tuple(key.split(".")) if isinstance(key, str) else key
        while path and path not in self._lines:
            path = path[:-1]
        return f"{self._path or 'settings'}:{self._lines.get(path, 1)}"

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"\(at line (\d+), column \d+\)", str(error))
            line = found[1] if found else max(1, text.count("\n"))
            problem = f"{self._path}:{line}: not TOML: {error}; mend this line"
            raise SettingsInvalid([problem]) from error

    def _name_unknown(self, table: dict[str, Any], path: tuple[str, ...]) -> None:
        known = {key.split(".")[len(path)] for key in KEYS if _is_below(key, path)}
        if not path:
            known.add("place")
        for name, value in table.items():
            here = (*path, name)
            if name not in known:
                near = _meant(name, known)
                self._say(
                    self._where(here),
                    f"unknown key {'.'.join(here)}{near}; here go {', '.join(sorted(known))}",
                )
            elif here == ("place",):
                continue
            elif ".".join(here) not in KEYS:
                if isinstance(value, dict):
                    self._name_unknown(value, here)
                else:
                    self._say(self._where(here), f"{name} is a table; write [{'.'.join(here)}]")

    def _ignored(self) -> Iterator[str]:
        """Variables that begin like ours: named, not refused, for a cluster sets some by itself."""
        ours = {_variable(key) for key in KEYS} | {FILE_VARIABLE}
        for name in sorted(self._env):
            if name.startswith(_PREFIX) and name not in ours:
                yield f"{name} is no setting{_meant(name, ours)}"


class _EnvText(str):
    """A value of the environment: numbers and flags come as texts there."""

    __slots__ = ()


def _variable(key: str) -> str:
    return _PREFIX + key.upper().replace(".", "_").replace("-", "_")


def _is_below(key: str, path: tuple[str, ...]) -> bool:
    parts = tuple(key.split("."))
    return len(parts) > len(path) and parts[: len(path)] == path


def _meant(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def _faults_of_place(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, problem) of a ``[[place]]`` table that can be no place."""
    for key in table.keys() - set(_PLACE_KEYS):
        yield key, f"unknown key {key}{_meant(key, _PLACE_KEYS)}; remove it"
    for key in _NEEDED:
        if key not in table:
            yield key, f"{key} is missing; add it"
    for key in _PLACE_KEYS:
        value = table.get(key)
        if value is None:
            continue
        is_degrees = key in ("latitude", "longitude")
        if is_degrees and (type(value) not in (int, float) or not math.isfinite(value)):
            yield key, f"{key} is not a number; write degrees, for example -30.03"
        elif not is_degrees and (not isinstance(value, str) or not value):
            yield key, f"{key} is not a text; put it in quotes"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text; put it in quotes")
    return str(value)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, _EnvText) and value.lower() in ("true", "1", "yes", "false", "0", "no"):
        return value.lower() in ("true", "1", "yes")
    raise ValueError("neither true nor false; write one of them, without quotes")


def _url(value: Any) -> str:
    text = _text(value).rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("not an address; write for example https://api.example.org")
    return text


def _whole(lowest: int, highest: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(value) if isinstance(value, _EnvText) and value.isdecimal() else value
        if type(number) is not int or not lowest <= number <= highest:
            raise ValueError(f"not a whole number from {lowest} to {highest}; write one")
        return number

    return read


def _duration(shortest_s: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, str):
            raise ValueError('not a duration; write for example "15min", in quotes')  # noqa: TRY004
        length_s = seconds(value)
        if length_s < shortest_s:
            raise ValueError(f"{value} is too short; write {duration(shortest_s)} or longer")
        return length_s

    return read


def _size(value: Any) -> int:
    """Bytes, or ``8MB``, from a kilobyte to 64 MB."""
    text = str(value)
    match = re.fullmatch(r"(\d+)\s*(kB|MB)?", text)
    size = int(match[1]) * {"kB": 1000, "MB": 1_000_000, None: 1}[match[2]] if match else 0
    if isinstance(value, bool) or not 1000 <= size <= 64_000_000:
        raise ValueError('not a size from 1 kB to 64 MB; write for example "8MB"')
    return size


def _one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"not known{_meant(str(value), words)}; give {', '.join(words)}")
        return str(value)

    return read


_HEADER = re.compile(r"(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"((?:\"[^\"]*\"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[\w-]+))*)\s*=")


def _lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """The line on which each table and key stands; tomllib does not tell.

    It need not be right inside of texts over several lines: a problem there is told by its key.
    """
    lines: dict[tuple[str | int, ...], int] = {}
    seen: dict[tuple[str, ...], int] = {}
    path: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line.strip()):
            names = _names(header[2])
            path = names
            if header[1] == "[[":
                path = (*names, seen.get(names, 0))
                seen[names] = seen.get(names, 0) + 1
            for depth in range(1, len(path) + 1):
                lines.setdefault(path[:depth], number)
        elif key := _KEY.match(line.strip()):
            whole = (*path, *_names(key[1]))
            for depth in range(len(path) + 1, len(whole) + 1):
                lines.setdefault(whole[:depth], number)
    return lines


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
