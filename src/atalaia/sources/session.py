"""The HTTP client of everything that asks providers or tells people."""

from __future__ import annotations

import aiohttp

from atalaia import __version__


def open_session(connector: aiohttp.BaseConnector | None = None) -> aiohttp.ClientSession:
    """To be made on the event loop that uses it. It goes without the proxies that an environment
    may name: requests carry keys."""
    headers = {"User-Agent": f"atalaia/{__version__}"}
    return aiohttp.ClientSession(headers=headers, connector=connector)
