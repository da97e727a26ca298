"""Who asks, and what their key opens.

A key has a role, and a role has scopes; a route names the scope that it needs. What a person's own
key opens besides is theirs alone. `Gate` is asked by the routes; how keys are kept is others' work.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from atalaia.api.problem import Problem
from atalaia.people.manage import Signed

OPERATOR = "operator"


class Scope(StrEnum):
    """What a route can ask for."""

    READ = "read"
    """Places, readings, incidents, alerts, sources: nothing of any person."""
    PUSH = "push"
    """Readings of one's own stations."""
    PAYLOADS = "payloads"
    """Providers' answers."""
    SUBSCRIBE = "subscribe"
    """Subscribing others, and previews of any length."""
    OPERATE = "operate"
    """Everybody's objects, deliveries, silences, drills, lag."""


class Role(StrEnum):
    """What a key was made for."""

    READER = "reader"
    STATION = "station"
    REGISTRAR = "registrar"
    OPERATOR = "operator"


SCOPES: dict[Role, frozenset[Scope]] = {
    Role.READER: frozenset({Scope.READ}),
    Role.STATION: frozenset({Scope.READ, Scope.PUSH}),
    Role.REGISTRAR: frozenset({Scope.READ, Scope.SUBSCRIBE}),
    Role.OPERATOR: frozenset(Scope),
}

OWN_KEY = frozenset({Scope.READ, Scope.PUSH})
"""Of a person's own key, besides what is theirs."""

SIGNED_LINK = frozenset({Scope.READ})
"""Of the signed token by which a person manages what is theirs."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key it is. `name` says so in logs; `person` is a pseudonym, where it is a person's.

    link        what the token of a signed link says; None: it is a key
    source      what all that it pushes is called; empty: as its rows say (the operator's)
    places      ids of those that it may push for; none: all
    """

    name: str
    scopes: frozenset[Scope]
    person: str | None = None
    link: Signed | None = None
    source: str = ""
    places: tuple[str, ...] = ()

    @property
    def is_operator(self) -> bool:
        """Whether everybody's objects are open."""
        return Scope.OPERATE in self.scopes

    def owns(self, person: str) -> bool:
        """Whether this person's objects are open."""
        return self.is_operator or self.person == person


Who = Callable[[str], Caller | None]
"""A key as it was sent → whose it is; None: nobody's. It may block."""

_MOST_KNOWN = 10_000


class Gate:
    """Lets in who may. Its methods may block: dependencies that use them are plain functions.

    at_once    whose key it is, where nothing needs to be read to know; it never blocks
    """

    def __init__(self, who: Who, *, is_public: bool, at_once: Who = lambda _key: None) -> None:
        self._who = who
        self._is_public = is_public
        self._at_once = at_once
        self._known: OrderedDict[str, Caller] = OrderedDict()
        self._lock = Lock()

    def caller(self, request: Request) -> Caller:
        """Who asks; a Problem (401) where no known key was sent."""
        given = bearer(request.headers.get("authorization", ""))
        who = self._who(given) if given else None
        self._note(given, who)
        if who is None:
            raise Problem(
                401,
                "send a key that is known: Authorization: Bearer …",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return who

    def needs(self, scope: Scope) -> Callable[[Request], Caller]:
        """A dependency: who asks, if their key has this scope."""

        def allowed(request: Request) -> Caller:
            return _with(scope, self.caller(request))

        return allowed

    async def admit(self, scope: Scope, request: Request) -> Caller:
        """Who asks, if their key has this scope: on the event loop, which it does not block."""
        given = bearer(request.headers.get("authorization", ""))
        who = self._at_once(given) if given else None
        if who is None:
            return await run_in_threadpool(self.needs(scope), request)
        self._note(given, who)
        return _with(scope, who)

    @property
    def readers(self) -> list[Callable[[Request], Caller]]:
        """Dependencies of what holds nothing personal: none where reading is open to all."""
        return [] if self._is_public else [self.needs(Scope.READ)]

    def known(self, given: str) -> Caller | None:
        """Whose key it was when it was last asked about; it asks nobody, and never blocks."""
        with self._lock:
            return self._known.get(_digest(given))

    def _note(self, given: str, who: Caller | None) -> None:
        if not given:
            return
        with self._lock:
            if who is None:
                self._known.pop(_digest(given), None)
                return
            self._known[_digest(given)] = who
            self._known.move_to_end(_digest(given))
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)


def _with(scope: Scope, who: Caller) -> Caller:
    if scope not in who.scopes:
        raise Problem(403, f"this needs a key with the scope {scope}; see docs/api.md")
    return who


def bearer(header: str) -> str:
    """The key in an ``Authorization`` header; empty: none."""
    scheme, _, given = header.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
