"""What the doctor asks a running watch, as any other program does; and whether one could listen."""

from __future__ import annotations

import json
import os
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from atalaia.cli.signs import Sign, well, wrong
from atalaia.ports import State
from atalaia.replay.readings import REPLAY
from atalaia.settings import Settings

_ANSWER_S = 10


def of_watch(settings: Settings, holder: str) -> Iterator[Sign]:
    """What the watch says of itself, asked as any other program asks it."""
    url = f"http://{_address(settings)}:{settings.api.port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        told = json.load(error) if error.code == 503 else {}
        fault = told.get("store", {}).get("fault") or f"HTTP {error.code}"
        yield wrong("watch", f"process {holder} is not ready: {fault}", "look at its log")
    except (OSError, ValueError) as error:
        says = f"process {holder} watches, and does not answer at {url}: {error}"
        do_next = "restart it if it stands; if it was started with --port, set api.port"
        yield wrong("watch", says, do_next)
        return
    else:
        yield well("watch", f"process {holder} watches, and is ready")
    yield from _told(told)


def _told(told: dict[str, Any]) -> Iterator[Sign]:
    """Of the clock and the sources, as `/readyz` has them."""
    behind_s = told.get("clock", {}).get("behind_s", 0)
    if behind_s:
        yield wrong("clock", f"it is {behind_s} s slow", "set it, and keep it right by NTP")
    for name, one in told.get("sources", {}).items():
        if fault := one.get("fault"):
            yield wrong("source", f"{name} does not answer: {fault}", _next_step(fault))


def _next_step(fault: str) -> str:
    """What one can do about a source that was asked in vain: an answer came by the network."""
    status = int(said[1]) if (said := re.match(r"HTTP (\d{3})", fault)) else 0
    if status in (401, 402, 403):
        return "look at its key, and at what that may ask for"
    if status == 429:
        return "it is asked too often: set longer intervals, or a key that may ask more"
    if 300 <= status < 500 and status != 408:
        return "look at its address: there is nothing at it, or not any more"
    if status >= 500:
        return "its own server has trouble; it is tried again for ever"
    return "look at the network and the name service; it is tried again for ever"


def of_nobody(settings: Settings, state: State) -> Iterator[Sign]:
    """Of a home that nobody watches: only one that a replay made is meant to be so."""
    if state.note(REPLAY) is not None:
        yield well("watch", "none: a replay made this home, to be asked; a watch needs another")
        return
    yield wrong("watch", "nobody watches", "start it: atalaia run")
    yield from of_port(settings)


def of_port(settings: Settings) -> Iterator[Sign]:
    """Whether the API can have its port: something else may listen there."""
    host, port = settings.api.host, settings.api.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            says = f"{host}:{port} cannot be had: {os.strerror(error.errno or 0)}"
            yield wrong("port", says, "end what listens there, or set another: api.port")


def _address(settings: Settings) -> str:
    """Where the API is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.api.host, settings.api.host)  # noqa: S104
    return f"[{host}]" if ":" in host else host
