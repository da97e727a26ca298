"""The settings of described sources: a table ``[sources.http.NAME]`` each.

What is wrong is told with the line of its own key. A key of the service's goes into a header or
into the query, from the environment or a file as all secrets do, and becomes part of nothing that
is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from atalaia.domain.place import Places
from atalaia.domain.rule import seconds
from atalaia.settings.calls import WINDOWS, windows_of
from atalaia.settings.document import (
    Document,
    EnvText,
    duration_of,
    flag,
    one_of,
    text_of,
)
from atalaia.sources.described.asked import SLOTS, DescribedSource, SourceAddress, address_of
from atalaia.sources.described.description import (
    DescribedStation,
    DescribedValue,
    Description,
    is_name,
)
from atalaia.sources.schedule import Arithmetic, arithmetic

if TYPE_CHECKING:
    from atalaia.settings.plugged import BrokenPlugin
    from atalaia.sources.plugged.asked import PluggedSource

AT = "sources.http"
KEYS = (
    "enabled",
    "url",
    "interval",
    "key",
    "key_file",
    "key_header",
    "key_param",
    *WINDOWS,
    "format",
    "rows",
    "kind",
    "time",
    "time_format",
    "zone",
    "place",
    "place_id",
    "station",
    "missing",
    "delimiter",
    "decimal",
    "values",
)
"""Of each table, below ``sources.http.NAME``."""

_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_NOWHERE = SourceAddress("", {})


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """The sources that the settings describe or that plug-ins bring, and that are switched on.

    broken   plug-ins that cannot be used: all else goes on without them
    """

    sources: tuple[DescribedSource, ...] = ()
    plugged: tuple[PluggedSource, ...] = ()
    broken: tuple[BrokenPlugin, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys of the settings that are secrets."""
        return (
            *(f"{AT}.{one.name}.key" for one in self.sources),
            *(key for one in self.plugged for key in one.secrets),
        )

    def described(self, places: int) -> Iterator[str]:
        """What is asked, and what that comes to, for `config check`."""
        for one in self.sources:
            yield _costs(one, places).sentence
            told, url = ", ".join(one.description.values), one.address.url
            if one.description.station is None:
                yield f"{one.source}: of places {told}, from {url}"
            else:
                yield f"{one.source}: of stations {told}, from {url}"
        for brought in self.plugged:
            yield brought.costs(places).sentence
            yield f"{brought.source}: {brought.told}"


def read_described(document: Document, places: Places) -> Described:
    """The tables ``[sources.http.NAME]``, and ``[sources.NAME]`` of plug-ins, of sources that are
    switched on."""
    sources = _read_tables(document, places)
    if not (names := document.strangers("sources")):
        return Described(sources=sources)
    # Who has no plug-in loads nothing of them.
    from atalaia.settings import plugged  # noqa: PLC0415

    found, broken = plugged.read_sources(document, names, places)
    return Described(sources=sources, plugged=found, broken=broken)


def _read_tables(document: Document, places: Places) -> tuple[DescribedSource, ...]:
    tables = document.in_file(AT)
    document.also((AT,))
    if not isinstance(tables, dict):
        if tables is not None:
            document.add(AT, f"not a table; write [{AT}.my-network]")
        return ()
    found = []
    for name, table in tables.items():
        if not is_name(name) or not isinstance(table, dict):
            says = f"no source of this name; write [{AT}.my-network], with letters, digits and -"
            document.add((*AT.split("."), name), says)
            continue
        document.also(f"{AT}.{name}.{key}" for key in KEYS)
        document.name_unknown(table, (*AT.split("."), name))
        one = _read(document, name, places)
        if document.get(f"{AT}.{name}.enabled", flag, True):
            found.append(one)
            plan = _costs(one, len(places))
            if not plan.fits:
                document.add(f"{AT}.{name}.interval", f"{plan.sentence}; lengthen interval")
    return tuple(found)


def _costs(source: DescribedSource, places: int) -> Arithmetic:
    """The arithmetic of asking it of so many places."""
    calls = source.rounds(places)
    return arithmetic(source.source, calls, source.interval_s, windows=source.windows)


def _read(document: Document, name: str, places: Places) -> DescribedSource:
    at = f"{AT}.{name}"
    before = len(document.problems)
    address = document.get(f"{at}.url", _address, _NOWHERE)
    if document.raw(f"{at}.url") is None:
        document.add(f"{at}.url", 'missing; write for example "https://api.example.org/v1/now"')
    key = document.secret(f"{at}.key")
    header = document.get(f"{at}.key_header", _header, "")
    param = document.get(f"{at}.key_param", text_of, "")
    if header and param:
        document.add(f"{at}.key_param", "key_header is set too; keep one of them")
    text = key.reveal() if key is not None else ""
    in_header = {header or "Authorization": text if header else f"Bearer {text}"}
    place = document.get(f"{at}.place", _place(places), "")
    source = DescribedSource(
        name=name,
        address=address,
        interval_s=document.get(f"{at}.interval", duration_of(60), 900),
        description=_description(document, at),
        place=place,
        credentials=in_header if key is not None and not param else {},
        secret_params={param: text} if key is not None and param else {},
        windows=tuple(windows_of(document, at)),
    )
    if len(document.problems) == before:
        _check_whose(document, at, source)
    return source


def _check_whose(document: Document, at: str, source: DescribedSource) -> None:
    """Whether exactly one thing says what a row speaks of."""
    told = source.description
    said = {
        "url": source.address.is_of_each_place,
        "place": bool(source.place),
        "place_id": bool(told.place),
        "station": told.station is not None,
    }
    keys = [key for key, is_said in said.items() if is_said]
    if not keys:
        slots = ", ".join(f"{{{slot}}}" for slot in SLOTS)
        document.add(
            f"{at}.url",
            f"nothing says what it speaks of; write {slots} into it, or give place, place_id or "
            "station",
        )
    elif len(keys) > 1:
        document.add(f"{at}.{keys[1]}", f"{keys[0]} says what it speaks of; keep one of them")


def _description(document: Document, at: str) -> Description:
    none: dict[str, DescribedValue] = {}
    found = Description(
        values=document.get(f"{at}.values", _values, none),
        format=document.get(f"{at}.format", one_of(("json", "csv")), "json"),  # type: ignore[arg-type]
        rows=document.get(f"{at}.rows", text_of, ""),
        kind=document.get(f"{at}.kind", one_of(("observed", "analysis", "forecast")), "observed"),  # type: ignore[arg-type]
        time=document.get(f"{at}.time", text_of, ""),
        time_format=document.get(f"{at}.time_format", text_of, ""),
        zone=document.get(f"{at}.zone", text_of, ""),
        place=document.get(f"{at}.place_id", text_of, ""),
        station=document.get(f"{at}.station", _station, None),
        missing=document.get(f"{at}.missing", _missing, ()),
        delimiter=document.get(f"{at}.delimiter", _letter, ","),
        decimal=document.get(f"{at}.decimal", one_of((".", ",")), "."),  # type: ignore[arg-type]
    )
    is_read = not any(f": {at}.values: " in problem for problem in document.problems)
    for key, fault in found.faults():
        if is_read or key[0] != "values":
            document.add((*at.split("."), *key), fault)
    return found


def _address(value: Any) -> SourceAddress:
    return address_of(text_of(value))


def _header(value: Any) -> str:
    text = text_of(value)
    if not _HEADER.fullmatch(text):
        raise ValueError("not the name of a header; write for example X-Api-Key")
    return text


def _place(places: Places) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = text_of(value)
        if places.get(text) is None:
            raise ValueError(f"no place {text!r} is watched; give the id of one")
        return text

    return read


def _values(value: Any) -> dict[str, DescribedValue]:
    table = _of_environment(value)
    if not isinstance(table, dict):
        raise ValueError('not a table; write for example temperature_c = "main.temp" in it')  # noqa: TRY004
    return {name: _value(name, said) for name, said in table.items()}


def _value(name: str, said: Any) -> DescribedValue:
    if isinstance(said, str):
        return DescribedValue(path=said)
    if not isinstance(said, dict) or set(said) - {"path", "unit", "period"} or "path" not in said:
        raise ValueError(
            f'{name}: neither a path nor a table; write for example {name} = "main.temp", or '
            f'{name} = {{ path = "main.temp", unit = "°F", period = "1h" }}'
        )
    period = said.get("period")
    if period is not None and not isinstance(period, str):
        raise ValueError(f'{name}: period is no duration; write for example "1h", in quotes')
    try:
        return msgspec.convert(
            {
                "path": said["path"],
                "unit": said.get("unit", ""),
                "period_s": 0 if period is None else seconds(period),
            },
            DescribedValue,
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None


def _station(value: Any) -> DescribedStation | None:
    table = _of_environment(value)
    example = 'station = { id = "code", latitude = "lat", longitude = "lon" }'
    try:
        return msgspec.convert(table, DescribedStation)
    except msgspec.ValidationError as error:
        raise ValueError(f"{error}; write for example {example}") from None


def _missing(value: Any) -> tuple[str | float, ...]:
    listed = value
    if isinstance(value, EnvText):  # it has texts alone: what is a number stands for that
        listed = [_as_number(text.strip()) for text in value.split(",")]
    if not isinstance(listed, list) or any(type(one) not in (str, int, float) for one in listed):
        raise ValueError('not a list of numbers and texts; write for example [-999, "n/a"]')
    return tuple(float(one) if type(one) is int else one for one in listed)


def _as_number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _letter(value: Any) -> str:
    text = text_of(value)
    if len(text) != 1:
        raise ValueError('not one letter; write for example ";"')
    return text


def _of_environment(value: Any) -> Any:
    """A table; of the environment, as JSON."""
    if not isinstance(value, EnvText):
        return value
    try:
        return msgspec.json.decode(str(value).encode())
    except msgspec.MsgspecError as error:
        raise ValueError(f"not JSON: {error}") from None
