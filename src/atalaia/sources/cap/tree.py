"""XML from strangers as a tree, and what is read of its nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from atalaia.sources.body import shown_start
from atalaia.sources.rejects import Rejects, Unreadable

MOST_BYTES = 16_000_000

_NO_CHARACTER = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,8}));|[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""A reference to a character, or one that XML does not have."""
_CAP = re.compile(r"urn:oasis:names:tc:emergency:cap:1\.[012]|http://www\.incident\.com/cap/1\.0")


def parsed(body: bytes, rejects: Rejects) -> Any:
    """`_parse`; characters that XML does not have, or that are none, cost themselves alone."""
    try:
        return _parse(body)
    except Unreadable as error:
        mended = _with_characters(body) if error.reason == "not XML" else body
        if mended == body:
            raise
        root = _parse(mended)
        rejects.add("not a character of XML", error.detail)
        return root


def _with_characters(body: bytes) -> bytes:
    """UTF-8 in which what is no character of XML is U+FFFD; another encoding as it was."""
    head = body[:200].partition(b"?>")[0].lower()
    if b"encoding" in head and b"utf-8" not in head:
        return body

    def mended(match: re.Match[str]) -> str:
        code = int(match[1], 16) if match[1] else int(match[2] or 0)
        is_one = (
            code in (9, 10, 13)
            or 32 <= code <= 0xD7FF
            or 0xE000 <= code <= 0xFFFD
            or 0x10000 <= code <= 0x10FFFF
        )
        return match[0] if is_one else "\ufffd"

    return _NO_CHARACTER.sub(mended, body.decode("utf-8-sig", "replace")).encode()


def _parse(body: bytes) -> Any:
    """The root of an XML document from a stranger. Raises Unreadable.

    A document type is refused outright: CAP has none, and what entities can do needs one.
    """
    if len(body) > MOST_BYTES:
        raise Unreadable("too large", f"{len(body)} bytes, at most {MOST_BYTES}")
    if not body.strip():
        raise Unreadable("empty body")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Unreadable("document type in XML", shown_start(body))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        is_html = b"<html" in body[:500].lower()
        reason = "HTML instead of XML" if is_html else "not XML"
        raise Unreadable(reason, f"{error}; it begins {shown_start(body)}") from None
    # An encoding that hides it from the search above does not hide it from here.
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("document type in XML", shown_start(body))
    return root


def name_of(node: Any) -> str:
    """Its name without the namespace."""
    return str(etree.QName(node).localname)


def space_of(node: Any) -> str:
    """Its namespace."""
    return str(etree.QName(node).namespace or "")


def is_cap(node: Any) -> bool:
    """Whether it is of a CAP that is read: 1.0 to 1.2."""
    return _CAP.fullmatch(space_of(node)) is not None


def all_of(node: Any, *names: str) -> list[Any]:
    """What has one of these names within it, however deep."""
    return [one for one in node.iter(*(f"{{*}}{name}" for name in names)) if one is not node]


def children(node: Any, name: str) -> list[Any]:
    """Its children of this name."""
    return list(node.iterchildren(f"{{*}}{name}"))


def own_text(node: Any) -> str:
    """Its text, without the space around it."""
    return (node.text or "").strip()


def text_of(node: Any, name: str) -> str:
    """The text of the first child of this name, without the space around it."""
    child = next(node.iterchildren(f"{{*}}{name}"), None)
    return "" if child is None else own_text(child)


def pairs(node: Any, name: str) -> Iterator[tuple[str, str]]:
    """Names and values of the children of this name."""
    for pair in children(node, name):
        yield text_of(pair, "valueName"), text_of(pair, "value")
