"""What a plug-in imports of Atalaia: all that is here, and nothing else.

A package brings a source or a channel by an entry point of the group ``atalaia.sources`` or
``atalaia.channels``: its name is that of the table of settings, ``[sources.NAME]`` or
``[channels.NAME]``, and it leads to a `SourcePlugin` or a `ChannelPlugin`.

    settings ─► request ─► PluginRequest ─► asked by Atalaia ─► RAW ─► decode ─► PluginRows
    message  ─► outbox  ─► PluginMessage ─► send             ─► Outcome ─► outbox

These are not the program's own ports: those change as the program does. What stands here is kept.
A name is never taken away and never means something else before the next major version; what is
added has a default. What a plug-in is given and gives is small and plain, so that it can be kept.

`docs/plugins.md` has an example, and what is done with each of these.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import msgspec

from atalaia.domain.delivery import Limits, Outcome
from atalaia.domain.place import Place
from atalaia.redact import Secret

if TYPE_CHECKING:
    import aiohttp

__all__ = (
    "ChannelPlugin",
    "Limits",
    "Outcome",
    "Place",
    "PluginAnswer",
    "PluginMessage",
    "PluginRequest",
    "PluginRows",
    "Secret",
    "SourcePlugin",
)

S = TypeVar("S", bound=msgspec.Struct)
"""A plug-in's own settings. Each field is a key of its table, checked by its type; one of the type
`Secret` may also stand in a file of its own (``token_file``) and is shown to nobody. A
``__post_init__`` may raise ValueError for what does not go together."""


@dataclass(frozen=True, kw_only=True)
class PluginRequest:
    """What to ask, by GET.

    url             http or https; without a query
    params          the query
    secret_headers, secret_params    what holds secrets: it is in no log, and is struck out of the
                    answer
    note            kept before the answer, in RAW, and given back with it: what `decode` has to
                    know of the settings, which it never sees
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class PluginAnswer:
    """An answer with a status below 300, as it came.

    body         as it was received
    note         the request's
    place        the watched place that it was asked of; None: it was asked of none
    places       all that are watched
    received_at  Unix seconds
    """

    body: bytes
    note: str
    place: Place | None
    places: Sequence[Place]
    received_at: int


@dataclass(frozen=True, kw_only=True)
class PluginRows:
    """Rows that an answer tells, as columns of one length.

    place     id of the watched place that each is of
    valid_at  Unix seconds; a sum's period ends then
    values    by variable of the catalogue (`atalaia variables`) a column; None: no value
    units     by variable, where a column is not in the catalogue's
    kind      observed by an instrument, an analysis (a model's value for now), or a forecast; a
              forecast up to the receipt is analysis
    period_s  of the sums among the values: the seconds that each is over
    """

    place: Sequence[str]
    valid_at: Sequence[int]
    values: Mapping[str, Sequence[float | None]]
    units: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["observed", "analysis", "forecast"] = "observed"
    period_s: int = 0


@dataclass(frozen=True, kw_only=True)
class SourcePlugin(Generic[S]):
    """A source of places.

    settings    a struct of msgspec, for the table ``[sources.NAME]``. Atalaia adds keys of its
                own: enabled, interval, calls_a_minute, calls_an_hour, calls_a_day
    variables   what it tells: where a rule in force needs any, its silence is told
    request     what to ask of a place; of None where `each_place` is false
    decode      an answer → its rows, by the answer alone: it is called again in years, from RAW.
                Raises ValueError where an answer cannot be read
    each_place  it is asked of every watched place, one a call; else once, for all
    interval_s  between two calls, of a place or in all, unless the settings say otherwise
    """

    settings: type[S]
    variables: frozenset[str]
    request: Callable[[S, Place | None], PluginRequest]
    decode: Callable[[PluginAnswer], Iterable[PluginRows]]
    each_place: bool = True
    interval_s: int = 900


@dataclass(frozen=True, kw_only=True)
class PluginMessage:
    """What somebody is to be told.

    id          the same over all tries: by it a provider may know one that it has
    address     theirs, in the form that `ChannelPlugin.address` gave it; nothing may keep or log it
    subject     one line of at most 78 characters
    text        all of it, with how to get no more of these
    level       watch, yellow, orange or red; empty where all is over, or it is no alert
    language    pt-BR, en or es
    is_over     all that it tells is at its end
    is_drill    it is an exercise
    expires_at  until when it is of use, Unix seconds; 0: nobody knows
    link        to answer it: seen, change, stop. Nobody else is to have it; empty: there is none
    """

    id: str
    address: str = field(repr=False)
    subject: str
    text: str
    level: str
    language: str
    is_over: bool
    is_drill: bool
    expires_at: int
    link: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class ChannelPlugin(Generic[S]):
    """A channel. People have contacts ``NAME:address`` with it, which an operator enters.

    settings  a struct of msgspec, for the table ``[channels.NAME]``. Atalaia adds a key: enabled
    address   an address as somebody wrote it → the one form in which it is kept. Raises ValueError
              that says what to write, without the address
    send      try once, within 45 s, on the event loop: it blocks nothing. What is sure not to have
              gone is ``again``, what may have gone is ``unknown``; a reason has no address in it
    limits    how many a second, a day and at once, and how long to wait after a failed try
    longest   letters that a message may have
    """

    settings: type[S]
    address: Callable[[str], str]
    send: Callable[[S, PluginMessage, aiohttp.ClientSession], Awaitable[Outcome]]
    limits: Limits = field(default_factory=Limits)
    longest: int = 4000


AnySource = SourcePlugin[Any]
AnyChannel = ChannelPlugin[Any]
