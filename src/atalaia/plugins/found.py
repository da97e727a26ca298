"""Which plug-ins are installed, and what they lead to. Asked by name alone, when a name is met that
is none of ours: no start looks for packages, and a package that nothing names is never imported.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from atalaia.domain.contact import CHANNELS as CONTACTS
from atalaia.errors import AtalaiaError
from atalaia.plugins import AnyChannel, AnySource, ChannelPlugin, SourcePlugin

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SOURCES, CHANNELS = "atalaia.sources", "atalaia.channels"
"""The groups of entry points."""

OF_SOURCES = ("enabled", "interval", "calls_a_minute", "calls_an_hour", "calls_a_day")
OF_CHANNELS = ("enabled",)
"""Keys of a plug-in's table that are Atalaia's own."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")

_RESERVED = {*CONTACTS, "key"}

P = TypeVar("P", AnySource, AnyChannel)


class PluginBroken(AtalaiaError):
    """An installed plug-in cannot be used. The message names it, its package and the next step."""


class Plugin(msgspec.Struct, Generic[P], frozen=True):
    """A plug-in that can be used.

    package    what brings it, with its version
    """

    name: str
    package: str
    made: P


def is_installed(group: str, name: str) -> bool:
    """Whether a package brings one of this name, which is none of ours; it is not imported."""
    return name not in _RESERVED and name in _names(group)


@cache
def source(name: str) -> Plugin[AnySource]:
    """The source of this name. Raises PluginBroken."""
    plugin = Plugin(name, *_loaded(SOURCES, name, SourcePlugin))
    _check_settings(plugin, OF_SOURCES)
    return plugin


@cache
def channel(name: str) -> Plugin[AnyChannel]:
    """The channel of this name. Raises PluginBroken."""
    plugin = Plugin(name, *_loaded(CHANNELS, name, ChannelPlugin))
    _check_settings(plugin, OF_CHANNELS)
    return plugin


@cache
def _names(group: str) -> dict[str, list[EntryPoint]]:
    # Who has no plug-in does not load what looks for packages.
    from importlib.metadata import entry_points  # noqa: PLC0415

    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        if _NAME.fullmatch(entry.name):
            found.setdefault(entry.name, []).append(entry)
    return found


def _loaded(group: str, name: str, kind: type[Any]) -> tuple[str, Any]:
    """The package and what its entry point leads to."""
    entries = _names(group).get(name, [])
    if not entries:
        raise PluginBroken(f"no plug-in {name!r} is installed; install the package that brings it")
    package = _package(entries[0])
    if len({entry.value for entry in entries}) > 1:
        both = " and ".join(sorted({_package(entry) for entry in entries}))
        raise PluginBroken(f"plug-in {name!r}: {both} bring it; uninstall one of them")
    try:
        made = entries[0].load()
    except (Exception, SystemExit) as error:  # it is somebody else's: it may raise anything
        raise PluginBroken(
            f"plug-in {name!r} of {package} cannot be loaded: {fault_of(error)}; mend the package, "
            "or uninstall it"
        ) from error
    if not isinstance(made, kind):
        raise PluginBroken(
            f"plug-in {name!r} of {package}: {entries[0].value} is no {kind.__name__} of "
            "atalaia.plugins; mend the package"
        )
    return package, made


def fault_of(error: BaseException) -> str:
    """An error of somebody else's program, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:150]}" if text else type(error).__name__


def _package(entry: EntryPoint) -> str:
    made = entry.dist
    return f"{made.name} {made.version}" if made is not None else "a package without a name"


def _check_settings(plugin: Plugin[Any], ours: tuple[str, ...]) -> None:
    says = ""
    try:
        fields = {each.encode_name for each in msgspec.structs.fields(plugin.made.settings)}
    except Exception as error:  # a type that cannot be looked up, too
        says = f"its settings are no struct of msgspec ({fault_of(error)})"
    else:
        if taken := sorted(fields & set(ours)):
            says = f"its settings have {taken[0]}, which is a key of Atalaia's own"
    if says:
        raise PluginBroken(f"plug-in {plugin.name!r} of {plugin.package}: {says}; mend the package")
