"""Columns without any value, put into a Parquet file that DuckDB wrote without them.

    DuckDB's file of the columns that have values ──► `with_absent` ──► the file of all columns

DuckDB writes nulls row by row, as it does values: of readings, of which a source has a few of some
forty variables, they were up to two thirds of writing a file. All that such a column comes to is
one run of "nothing here", some thirty bytes for any number of rows. The pages that are there stay
as they are, and where they are; the footer is written anew, with the schema of an empty file of all
columns, which DuckDB writes too.

Reference: Apache Parquet 2.11, `parquet.thrift`, in Thrift's compact protocol: a field is a byte
with its type and how much larger its number is than the last one's, and then its value; a struct
ends with a zero. Raises ValueError for what is no such file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

_MAGIC = b"PAR1"

_SCHEMA, _ROW_GROUPS, _COLUMN_ORDERS = 2, 4, 7
"""Fields of a file's metadata."""

_COLUMNS, _SIZE, _ROWS, _PACKED_SIZE = 1, 2, 3, 6
"""Fields of a row group's."""

_BOOLEANS, _INTEGERS, _BINARY, _LISTS, _STRUCT = (1, 2), (4, 5, 6), 8, (9, 10), 12
"""Types of values. (Parquet has no maps.)"""

_SIZES = {1: 0, 2: 0, 3: 1, 7: 8}
"""Bytes of a value, where they are always as many. A field's boolean is in its type."""

_LONG = 15
"""In place of a list's length: it follows."""


class _Span(NamedTuple):
    """A field of a struct: its number, and where it begins, its value begins, and it ends."""

    number: int
    begin: int
    value: int
    end: int


class _Page(NamedTuple):
    """The one page of a column without values: so many nulls."""

    rows: int
    body: bytes


def with_absent(body: bytes, empty: bytes, columns: Sequence[str], there: Sequence[str]) -> bytes:
    """A file with all `columns`, of which the rows have values in those that are `there` alone.

    body     a file of the columns that are `there`, in the order of `columns`
    empty    a file of all columns, without rows
    """
    data, footer = _parted(body)
    model = _parted(empty)[1]
    told, of_all = _fields(footer, 0), _fields(model, 0)
    leaves = _elements(model, of_all[_SCHEMA].value)[1:]  # the first one is their root
    absent = {
        # Of a leaf the first field is its type.
        name: _number(model, begin + 1)[0]
        for name, (begin, _) in zip(columns, leaves, strict=True)
        if name not in there
    }
    pages = bytearray(data)
    groups = [
        _row_group(footer[begin:end], columns, absent, pages)
        for begin, end in _elements(footer, told[_ROW_GROUPS].value)
    ]
    new = {
        number: model[of_all[number].value : of_all[number].end]
        for number in (_SCHEMA, _COLUMN_ORDERS)
    }
    whole = _changed(footer, told, new | {_ROW_GROUPS: _list_of(groups)})
    return b"".join((pages, whole, len(whole).to_bytes(4, "little"), _MAGIC))


def _row_group(
    group: bytes, columns: Sequence[str], absent: Mapping[str, int], pages: bytearray
) -> bytes:
    """A row group with all columns; the types of those that are `absent` are Parquet's. Puts the
    pages of these behind all others."""
    told = _fields(group, 0)
    page = _page(_number(group, told[_ROWS].value)[0] >> 1)
    there = iter(_elements(group, told[_COLUMNS].value))
    chunks = []
    for name in columns:
        if name in absent:
            chunks.append(_chunk(name, absent[name], page, len(pages)))
            pages += page.body
        else:
            begin, end = next(there)
            chunks.append(group[begin:end])
    more = len(page.body) * len(absent)
    sizes = {
        number: _integer((_number(group, told[number].value)[0] >> 1) + more)
        for number in (_SIZE, _PACKED_SIZE)
    }
    return _changed(group, told, sizes | {_COLUMNS: _list_of(chunks)})


def _page(rows: int) -> _Page:
    """A data page: a run of the level 0, which is what a null has, and no values."""
    run = _varint(rows << 1) + b"\0"
    levels = len(run).to_bytes(4, "little") + run
    size = b"\x15" + _integer(len(levels))
    # Page type DATA_PAGE; both sizes; of the page how many values, PLAIN, and levels as RLE.
    header = b"\x15\0" + size + size + b"\x2c\x15" + _integer(rows) + b"\x15\0\x15\6\x15\6\0\0"
    return _Page(rows, header + levels)


def _chunk(name: str, kind: int, page: _Page, at: int) -> bytes:
    """What a row group says of such a column, whose page begins at this byte of the file."""
    rows, size, path = _integer(page.rows), _integer(len(page.body)), name.encode()
    return b"".join(
        (
            b"\x26\0\x1c",  # no metadata elsewhere; here they are
            b"\x15" + _varint(kind),
            b"\x19\x15\0",  # one encoding: PLAIN
            b"\x19\x18" + _varint(len(path)) + path,
            b"\x15\0",  # not compressed
            b"\x16" + rows,
            b"\x16" + size,
            b"\x16" + size,
            b"\x26" + _integer(at),
            b"\x3c\x36" + rows + b"\0",  # statistics: so many nulls
            b"\0\0",
        )
    )


def _parted(file: bytes) -> tuple[bytes, bytes]:
    """What stands before a file's footer, and the footer."""
    end = len(file) - 8
    begin = end - int.from_bytes(file[end : end + 4], "little")
    if file[-4:] != _MAGIC or begin < 4:
        raise ValueError("no Parquet file")
    return file[:begin], file[begin:end]


def _changed(struct: bytes, told: Mapping[int, _Span], new: Mapping[int, bytes]) -> bytes:
    """A struct with other values of some of its fields."""
    parts = []
    for each in told.values():
        parts.append(struct[each.begin : each.value])
        parts.append(new.get(each.number, struct[each.value : each.end]))
    return b"".join((*parts, b"\0"))


def _fields(text: bytes, at: int) -> dict[int, _Span]:
    """The fields of the struct that begins there, by their numbers."""
    found: dict[int, _Span] = {}
    number = 0
    while head := text[at]:
        begin, at = at, at + 1
        if head >> 4:
            number += head >> 4
        else:
            told, at = _number(text, at)
            number = told >> 1
        value, at = at, _end(text, head & 15, at)
        found[number] = _Span(number, begin, value, at)
    return found


def _elements(text: bytes, at: int) -> list[tuple[int, int]]:
    """Where each element of the list begins and ends that begins there."""
    kind, size, at = _list(text, at)
    found = []
    for _ in range(size):
        begin, at = at, at + 1 if kind in _BOOLEANS else _end(text, kind, at)
        found.append((begin, at))
    return found


def _list(text: bytes, at: int) -> tuple[int, int, int]:
    """Of the list that begins there: the type of its elements, how many, and where they begin."""
    kind, size = text[at] & 15, text[at] >> 4
    if size == _LONG:
        return kind, *_number(text, at + 1)
    return kind, size, at + 1


def _end(text: bytes, kind: int, at: int) -> int:
    """Where the value ends that begins there."""
    if kind in _SIZES:
        return at + _SIZES[kind]
    if kind in _INTEGERS:
        return _number(text, at)[1]
    if kind == _BINARY:
        size, at = _number(text, at)
        return at + size
    if kind in _LISTS:
        of_list = _elements(text, at)
        return of_list[-1][1] if of_list else _list(text, at)[2]
    if kind == _STRUCT:
        fields = _fields(text, at)
        return 1 + max((each.end for each in fields.values()), default=at)
    raise ValueError(f"{kind} is no type of a value in Parquet's metadata")


def _number(text: bytes, at: int) -> tuple[int, int]:
    """The number of any length that begins there, as it stands, and where it ends. Integers have
    their sign in the last bit."""
    number = shift = 0
    while (byte := text[at]) > 127:
        number |= (byte & 127) << shift
        shift += 7
        at += 1
    return number | byte << shift, at + 1


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _integer(number: int) -> bytes:
    return _varint(number << 1)


def _list_of(structs: Sequence[bytes]) -> bytes:
    size = len(structs)
    head = bytes([size << 4 | _STRUCT]) if size < _LONG else b"\xfc" + _varint(size)
    return b"".join((head, *structs))
