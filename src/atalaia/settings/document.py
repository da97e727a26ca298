"""One TOML document read key by key: environment before file, every problem with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from atalaia import redact
from atalaia.domain.rule import seconds
from atalaia.domain.words import duration
from atalaia.errors import SettingsInvalid
from atalaia.given import line_of, lines_of, meant
from atalaia.open_files import is_open_to_others

PREFIX = "ATALAIA_"
FILE_VARIABLE = "ATALAIA_SETTINGS"
"""Names another settings file than ./atalaia.toml."""

_OF_PLUGINS = (("sources",), ("channels",))

T = TypeVar("T")

Secret: TypeAlias = redact.Secret


class Document:
    """Reads one document key by key, and collects every problem on the way."""

    def __init__(
        self, text: str, path: Path | None, env: Mapping[str, str], keys: tuple[str, ...]
    ) -> None:
        self._keys = keys
        self.problems: list[str] = []
        self._path = path
        self.base = path.parent if path else Path()
        self._env = env
        self.document = self._parsed(text)
        self._lines = lines_of(text)

    # Secrets

    def secret(self, key: str, *others: tuple[str, str]) -> Secret | None:
        """A key from the environment, or else from the file: given itself, or in a file of its own.

        `key` is where it stands, as ``api.key``; ``api.key_file`` names a file. `others` are pairs
        of variables of the environment that are read as well. No problem ever shows what was
        given as a key.
        """
        for name, file_name in ((variable_of(key), variable_of(f"{key}_file")), *others):
            given, file = self._env.get(name), self._env.get(file_name)
            if given and file:
                self.say(name, f"{file_name} is set too; keep one of them")
            if file:
                return self._key_of_file(file_name, Path(file).expanduser())
            if given:
                return self._clean_key(name, given)
        given, file = (self.in_file(name) for name in (key, f"{key}_file"))
        if given is not None and file is not None:
            last = key.rpartition(".")[2]
            self.add(key, f"{last}_file is set too; keep one of them")
        for value, name in ((given, key), (file, f"{key}_file")):
            if value is not None and not isinstance(value, str):
                self.add(name, "not a text; put it in quotes")
                return None
        if file is not None:
            path = self.base / Path(file).expanduser()
            return self._key_of_file(self.where(f"{key}_file"), path)
        return None if given is None else self._clean_key(self.where(key), given)

    def _key_of_file(self, where: str, path: Path) -> Secret | None:
        try:
            is_open, text = is_open_to_others(path), path.read_text("ascii")
        except UnicodeDecodeError:
            self.say(where, f"{path} does not look like a key; it must be ASCII")
            return None
        except OSError as error:
            self.say(where, f"{path}: {error.strerror}; give a file that can be read")
            return None
        if is_open:
            self.say(where, f"{path}: others may use it; run chmod 600 on it")
            return None
        return self._clean_key(f"{where}: {path}", text)

    def _clean_key(self, where: str, text: str) -> Secret | None:
        key = text.strip()
        if not key:
            self.say(where, "the key is empty; put one in, or leave it out")
        elif not key.isascii() or not key.isprintable() or " " in key:
            self.say(where, "this is no key: it has spaces or letters that no header can carry")
        else:
            return Secret(key)
        return None

    # Keys

    def get(self, key: str, read: Callable[[Any], T], default: T) -> T:
        """A key's value, checked; the default if it is absent or faulty."""
        value = self.raw(key)
        if value is None:
            return default
        try:
            return read(value)
        except ValueError as error:
            self.add(key, str(error))
        except SettingsInvalid as error:  # of a file that the key names
            where = self.where(key)
            self.problems += [f"{where}: {problem}" for problem in error.problems]
        return default

    def raw(self, key: str) -> Any:
        """The value of the environment, or else of the file; None: there is none."""
        if self.is_from_env(key):
            return EnvText(self._env[variable_of(key)])
        return self.in_file(key)

    def is_from_env(self, key: str) -> bool:
        """Whether the environment says it."""
        return bool(self._env.get(variable_of(key)))

    def in_file(self, key: str) -> Any:
        """The value in the file; None: there is none."""
        found: Any = self.document
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    # Problems

    def add(self, key: str | tuple[str | int, ...], problem: str) -> None:
        """Note a problem of a key."""
        path = tuple(key.split(".")) if isinstance(key, str) else key
        words = ".".join(part for part in path if isinstance(part, str))
        is_place = path[0] == "place"
        self.say(self.where(key), problem if is_place else f"{words}: {problem}")

    def checked(self) -> None:
        """SettingsInvalid if there was any problem."""
        if self.problems:
            raise SettingsInvalid(self.problems)

    def say(self, where: str, problem: str) -> None:
        """Note a problem at a place."""
        self.problems.append(f"{where}: {problem}")

    def where(self, key: str | tuple[str | int, ...]) -> str:
        """``file:line`` of a key, or its variable."""
        if isinstance(key, str) and self.is_from_env(key):
            return variable_of(key)
        path = tuple(key.split(".")) if isinstance(key, str) else key
        return f"{self._path or 'settings'}:{line_of(self._lines, path)}"

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"\(at line (\d+), column \d+\)", str(error))
            line = found[1] if found else max(1, text.count("\n"))
            problem = f"{self._path}:{line}: not TOML: {error}; mend this line"
            raise SettingsInvalid([problem]) from error

    def also(self, keys: Iterable[str]) -> None:
        """Know further keys: of tables whose names are the writer's own."""
        self._keys = (*self._keys, *keys)

    def strangers(self, at: str) -> list[str]:
        """Names of the file's tables right below a key that are none of the known ones."""
        tables = self.in_file(at)
        path = tuple(at.split("."))
        known = {key.split(".")[len(path)] for key in self._keys if _is_below(key, path)}
        found = tables.items() if isinstance(tables, dict) else ()
        return [name for name, of in found if name not in known and isinstance(of, dict)]

    def name_unknown(self, table: dict[str, Any], path: tuple[str, ...]) -> None:
        """Note each key of a table, and of those in it, that is none of the known ones."""
        known = {key.split(".")[len(path)] for key in self._keys if _is_below(key, path)}
        if not path:
            known.add("place")
        for name, value in table.items():
            here = (*path, name)
            if name not in known:
                near = meant(name, known)
                more = ", and what installed plug-ins bring" if path in _OF_PLUGINS else ""
                self.say(
                    self.where(here),
                    f"unknown key {'.'.join(here)}{near}; here go {', '.join(sorted(known))}{more}",
                )
            elif here == ("place",):
                continue
            elif ".".join(here) not in self._keys:
                if isinstance(value, dict):
                    self.name_unknown(value, here)
                else:
                    self.say(self.where(here), f"{name} is a table; write [{'.'.join(here)}]")

    def _ignored(self) -> Iterator[str]:
        """Variables that begin like ours: named, not refused, for a cluster sets some by itself."""
        ours = {variable_of(key) for key in self._keys} | {FILE_VARIABLE}
        for name in sorted(self._env):
            if name.startswith(PREFIX) and name not in ours:
                yield f"{name} is no setting{meant(name, ours)}"


class EnvText(str):
    """A value of the environment: numbers and flags come as texts there."""

    __slots__ = ()


def variable_of(key: str) -> str:
    """The variable of the environment of a key."""
    return PREFIX + key.upper().replace(".", "_").replace("-", "_")


def _is_below(key: str, path: tuple[str, ...]) -> bool:
    parts = tuple(key.split("."))
    return len(parts) > len(path) and parts[: len(path)] == path


def text_of(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("not a text; put it in quotes")
    return str(value)


def flag(value: Any) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, EnvText) and value.lower() in ("true", "1", "yes", "false", "0", "no"):
        return value.lower() in ("true", "1", "yes")
    raise ValueError("neither true nor false; write one of them, without quotes")


def url(value: Any) -> str:
    """An address without query, and without the slash at its end."""
    text = text_of(value).rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("not an address; write for example https://api.example.org")
    return text


def whole(lowest: int, highest: int) -> Callable[[Any], int]:
    """A whole number between these."""

    def read(value: Any) -> int:
        number = int(value) if isinstance(value, EnvText) and _is_whole(value) else value
        if type(number) is not int or not lowest <= number <= highest:
            raise ValueError(f"not a whole number from {lowest} to {highest}; write one")
        return number

    return read


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def duration_of(shortest_s: int) -> Callable[[Any], int]:
    """A duration of at least so many seconds, in seconds."""

    def read(value: Any) -> int:
        if not isinstance(value, str):
            raise ValueError('not a duration; write for example "15min", in quotes')  # noqa: TRY004
        length_s = seconds(value)
        if length_s < shortest_s:
            raise ValueError(f"{value} is too short; write {duration(shortest_s)} or longer")
        return length_s

    return read


def size(most_mb: int) -> Callable[[Any], int]:
    """Bytes, or ``8MB``, from a kilobyte to so many megabytes."""

    def read(value: Any) -> int:
        match = re.fullmatch(r"(\d{1,15})\s*(kB|MB)?", str(value))
        size = int(match[1]) * {"kB": 1000, "MB": 1_000_000, None: 1}[match[2]] if match else 0
        if isinstance(value, bool) or not 1000 <= size <= most_mb * 1_000_000:
            raise ValueError(f'not a size from 1 kB to {most_mb} MB; write for example "8MB"')
        return size

    return read


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts; of the environment, with commas between them."""
    found = value.split(",") if isinstance(value, EnvText) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ValueError('not a list of texts; write for example ["one", "two"]')
    return tuple(text.strip() for text in found if text.strip())


def one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    """One of these words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"not known{meant(str(value), words)}; give {', '.join(words)}")
        return str(value)

    return read
