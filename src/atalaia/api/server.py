"""The socket and the server of the API, beside the watch in one process."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.concurrency import run_in_threadpool

from atalaia.api.connections import bounded
from atalaia.api.events import MOST_CLIENTS
from atalaia.errors import SettingsInvalid

_MOST_FILES = 8_192


def allow_files() -> None:
    """Who listens holds a connection each, and the usual limit is 1,024 files: allow more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """A bound socket for the API; SettingsInvalid says why there is none."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)  # who knocks before the API is up waits, and is not refused
        except OSError:
            listener.close()
            raise
    except OSError as error:
        problem = f"api: {host}:{port}: {error.strerror}; use another --port or api.host"
        raise SettingsInvalid([problem]) from error
    return listener


def serving(application: Any) -> uvicorn.Server:
    """A server that leaves signals to us, and ends with its clients where they do not end."""
    return _Server(
        uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            http=bounded(),
            limit_concurrency=200 + MOST_CLIENTS,
            timeout_graceful_shutdown=1,
        )
    )


class _Server(uvicorn.Server):
    """Uvicorn, which leaves signals to us."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """With all that requests need of threads: the first push waited for it to be loaded."""
        await run_in_threadpool(int)
        await super().startup(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
