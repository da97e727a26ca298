"""The settings of plug-ins: a table ``[sources.NAME]`` or ``[channels.NAME]`` each, whose keys are
those of the plug-in's own type, and a few of ours.

What a person wrote wrongly is a problem of the settings as any other. A plug-in that is broken
itself is none: it is told wherever the settings are looked at, and all else goes on.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from atalaia.domain.place import Places
from atalaia.plugins import AnyChannel, AnySource, ChannelPlugin, Secret, SourcePlugin
from atalaia.plugins.found import (
    CHANNELS,
    OF_CHANNELS,
    OF_SOURCES,
    SOURCES,
    Plugin,
    PluginBroken,
    channel,
    is_installed,
    source,
)
from atalaia.redact import MASK
from atalaia.settings.calls import windows_of
from atalaia.settings.document import Document, EnvText, duration_of, flag
from atalaia.sources.plugged.asked import PluggedSource

_LONGEST = 2048


class BrokenPlugin(msgspec.Struct, frozen=True):
    """A plug-in that the settings name and that cannot be used: its table, and what to do."""

    key: str
    says: str

    @property
    def sentence(self) -> str:
        """As it is told to a person."""
        return f"{self.key}: {self.says}"


class PluggedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A plug-in's channel that is switched on. `secrets`: keys of the settings that are ones."""

    name: str
    package: str
    made: AnyChannel
    settings: Any
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without its settings."""
        return f"PluggedChannel({self.name!r})"

    def address(self, text: str) -> str:
        """An address in the one form in which it is kept. Raises ValueError, without it."""
        try:
            written = self.made.address(text)
        except ValueError as error:
            says = str(error).replace(text, MASK) if text else str(error)
            raise ValueError(f"{self.name}: {says}") from None
        except Exception as error:  # it is somebody else's: it may raise anything
            fault = type(error).__name__  # whose words may repeat the address
            raise ValueError(f"{self.name}: {self.package} broke ({fault}); mend it") from None
        if not isinstance(written, str) or not written.isprintable() or len(written) > _LONGEST:
            raise ValueError(f"{self.name}: {self.package} makes no address of this; mend it")
        return written


def read_sources(
    document: Document, names: list[str], places: Places
) -> tuple[tuple[PluggedSource, ...], tuple[BrokenPlugin, ...]]:
    """The tables of these names that installed plug-ins are called as."""
    found, broken = [], []
    for name, at in _tables(SOURCES, names):
        try:
            plugin = source(name)
        except PluginBroken as error:
            broken.append(_broken(document, at, error))
            continue
        one = _source(document, at, plugin)
        if document.get(f"{at}.enabled", flag, True) and one.settings is not None:
            found.append(one)
            costs = one.costs(len(places))
            if not costs.fits:
                document.add(f"{at}.interval", f"{costs.sentence}; lengthen interval")
    return tuple(found), tuple(broken)


def _source(document: Document, at: str, plugin: Plugin[AnySource]) -> PluggedSource:
    secrets = _know(document, at, plugin, OF_SOURCES)
    return PluggedSource(
        name=plugin.name,
        package=plugin.package,
        made=plugin.made,
        settings=_typed(document, at, plugin.made),
        interval_s=document.get(f"{at}.interval", duration_of(60), plugin.made.interval_s),
        windows=tuple(windows_of(document, at)),
        secrets=secrets,
    )


def read_channels(
    document: Document, names: list[str]
) -> tuple[tuple[PluggedChannel, ...], tuple[BrokenPlugin, ...]]:
    """The tables of these names that installed plug-ins are called as."""
    found, broken = [], []
    for name, at in _tables(CHANNELS, names):
        try:
            plugin = channel(name)
        except PluginBroken as error:
            broken.append(_broken(document, at, error))
            continue
        secrets = _know(document, at, plugin, OF_CHANNELS)
        settings = _typed(document, at, plugin.made)
        if document.get(f"{at}.enabled", flag, True) and settings is not None:
            found.append(
                PluggedChannel(
                    name=name,
                    package=plugin.package,
                    made=plugin.made,
                    settings=settings,
                    secrets=secrets,
                )
            )
    return tuple(found), tuple(broken)


def _tables(group: str, names: list[str]) -> Iterator[tuple[str, str]]:
    """Names and keys of the tables that a plug-in is installed for."""
    of = group.partition(".")[2]
    for name in names:
        if is_installed(group, name):
            yield name, f"{of}.{name}"


def _broken(document: Document, at: str, error: PluginBroken) -> BrokenPlugin:
    """Its keys are not looked at: nobody knows what they may be."""
    document.also([at])
    return BrokenPlugin(at, str(error))


def _know(
    document: Document, at: str, plugin: Plugin[Any], ours: tuple[str, ...]
) -> tuple[str, ...]:
    """Know its keys, and name all others; return those that are secrets."""
    keys, secrets = [*ours], []
    for each in msgspec.structs.fields(plugin.made.settings):
        keys.append(each.encode_name)
        if _is_secret(each.type):
            keys.append(f"{each.encode_name}_file")
            secrets.append(f"{at}.{each.encode_name}")
    document.also(f"{at}.{key}" for key in keys)
    return tuple(secrets)


def _typed(document: Document, at: str, made: SourcePlugin[Any] | ChannelPlugin[Any]) -> Any:
    """Its own settings, each checked by its type; None where there is a problem."""
    before = len(document.problems)
    given: dict[str, Any] = {}
    for each in msgspec.structs.fields(made.settings):
        key, faults = f"{at}.{each.encode_name}", len(document.problems)
        if _is_secret(each.type):
            value = document.secret(key)
            is_said = value is not None
        else:
            value = document.get(key, partial(_converted, each.type), None)
            is_said = document.raw(key) is not None
        if is_said:
            given[each.name] = value
        elif each.required and len(document.problems) == faults:
            what = f" or {each.encode_name}_file" if _is_secret(each.type) else ""
            document.add(key, f"missing; the plug-in needs it{what}")
    if len(document.problems) > before:
        return None
    try:
        return made.settings(**given)
    except ValueError as error:
        document.add(at, str(error))
    return None


def _is_secret(kind: Any) -> bool:
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return Secret in typing.get_args(kind)
    return kind is Secret


def _converted(kind: Any, value: Any) -> Any:
    """A value of the file as its type; of the environment, where all is text, as that reads."""
    is_text = isinstance(value, EnvText)
    try:
        if not is_text:
            return msgspec.convert(value, kind)
        try:
            return msgspec.convert(str(value), kind, strict=False)
        except msgspec.ValidationError:  # lists and tables are JSON there
            return msgspec.convert(msgspec.json.decode(str(value).encode()), kind)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{error}; mend it") from None
