"""Where a broker is: ``mqtts://user:password@host:8883`` as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}

_ADDRESS = re.compile(
    r"(?P<scheme>mqtts?|wss?)://"
    r"(?:(?P<user>[^\s:@/?#]*)(?::(?P<password>[^\s@/?#]*))?@)?"
    r"(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[^\s?#]*)?"
)


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker, and as whom it is asked.

    path   of websockets; ignored by plain MQTT
    user   empty: it is asked as nobody
    """

    host: str
    port: int
    transport: Literal["tcp", "websockets"]
    is_tls: bool
    path: str = "/mqtt"
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """As logs, metrics and notes call it: without user and password."""
        return f"{self.host}:{self.port}"


def broker_of(address: str) -> Broker:
    """Raises ValueError, which does not repeat the address: it may hold a password."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError("not a broker's address; write for example mqtts://host.example.org:8883")
    scheme = found["scheme"]
    port = int(found["port"] or _PORTS[scheme])
    if not 0 < port < 65_536:
        raise ValueError("not a broker's address: no such port")
    return Broker(
        host=found["host"].strip("[]").lower(),
        port=port,
        transport="websockets" if scheme.startswith("ws") else "tcp",
        is_tls=scheme.endswith("s") and scheme != "ws",
        path=found["path"] or "/mqtt",
        user=unquote(found["user"] or ""),
        password=unquote(found["password"] or ""),
    )
