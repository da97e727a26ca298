"""All that is held on a person, as one JSON document that they can read and take along."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.delivery import Message
from atalaia.people.bodies import pushed_by
from atalaia.people.manage import is_whole
from atalaia.people.registry import Held, Registry
from atalaia.people.rows import CONFIRMED, KEY
from atalaia.ports import Home, Notice, State

HIDDEN = "not told here: nobody proved by this link or contact to have it"

_ALL = 1_000_000
_AT_ONCE = 500


def export(
    registry: Registry,
    home: Home,
    held: Held,
    channels: Sequence[str] | None = None,
) -> bytes:
    """Everything of this person, indented JSON in UTF-8.

    channels    where somebody confirmed more than these, the addresses of others are not told
                (None: all are)

    person         choices and subscriptions, as they are kept
    contacts       each with its address and status; a key of their own without the key, which
                   is not kept; a webhook's secret
    consents       what was agreed to, when, in which words
    messages       what was sent or is to be, and the alerts in it by their keys
    deliveries     one row an alert and channel
    pushed         what they sent under a key of their own, as it came: to whom all is told

    Times are ISO 8601 in UTC. Alerts themselves are not personal; `atalaia alerts` has them.
    """
    outbox, pseudonym = home.outbox, held.row.pseudonym
    messages = outbox.messages(person=pseudonym, limit=_ALL)
    alerts = _alerts(home.state, messages)
    incidents = list(dict.fromkeys(entry.alert.incident for entry in alerts.values()))
    told = [
        one
        for start in range(0, len(incidents), _AT_ONCE)
        for one in outbox.told(incidents[start : start + _AT_ONCE], [pseudonym])
    ]
    document = {
        "person": _person(held),
        "contacts": _contacts(held, channels),
        "consents": [_times(msgspec.to_builtins(c)) for c in registry.people.consents(pseudonym)],
        "messages": [_message(message, alerts) for message in messages],
        "deliveries": [_delivery(one) for one in told],
    }
    if channels is None or is_whole(held, channels):
        document |= _pushed(registry, home, held)
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _person(held: Held) -> dict[str, Any]:
    person: dict[str, Any] = msgspec.to_builtins(held.kept.person)
    person["channels wanted"] = list(held.kept.wanted)
    person["created_at"] = held.row.created_at
    person["confirmed_at"] = held.row.confirmed_at
    person["subscriptions"] = [_times(one) for one in person["subscriptions"]]
    return _times(person)


def _contacts(held: Held, channels: Sequence[str] | None) -> list[dict[str, Any]]:
    shown = []
    told = bool(held.with_status(CONFIRMED))
    # A contact that only waits was asked for by whoever: they see it, and not what else was named.
    is_all = channels is None or (is_whole(held, channels) and (told or not channels))
    for row, address in held.contacts:
        contact = address.contact
        one: dict[str, Any] = {"channel": row.channel, "status": row.status, "since": row.since}
        is_open = is_all or (
            row.channel in (channels or ()) and (row.status == CONFIRMED or not told)
        )
        if row.channel != KEY and contact is not None and not is_open:
            one |= {"address": HIDDEN}
        elif row.channel != KEY and contact is not None:
            one |= {"address": contact.address, "asked by": address.how}
            one |= {"secret": contact.secret} if contact.secret else {}
        shown.append(_times(one))
    return shown


def _message(message: Message, alerts: dict[int, LogEntry]) -> dict[str, Any]:
    one: dict[str, Any] = msgspec.to_builtins(message)
    carried = (alerts[seq].alert for seq in one.pop("seqs") if seq in alerts)
    one["alerts"] = [
        {
            "incident": alert.incident,
            "version": alert.version,
            "place_id": alert.place_id,
            "hazard": alert.hazard,
            "level": alert.level,
        }
        for alert in carried
    ]
    return _times(one)


def _pushed(registry: Registry, home: Home, held: Held) -> dict[str, Any]:
    """What they pushed. Who never had a key of their own pushed nothing: nothing is looked for."""
    if all(entry.row.channel != KEY for entry in held.contacts):
        return {"pushed": []}
    payloads, unread = pushed_by(home, registry.vault, held.row.pseudonym)
    pushed = [
        {
            "received_at": instant(payload.received_at),
            "body": payload.body.decode("utf-8", "replace"),
        }
        for payload in payloads
    ]
    return {"pushed": pushed} | ({"files that cannot be read now": unread} if unread else {})


def _delivery(told: Notice) -> dict[str, Any]:
    return {
        "incident": told.incident,
        "version": told.version,
        "channel": told.channel,
        "message": told.message,
        "status": str(told.status),
    }


def _alerts(state: State, messages: Sequence[Message]) -> dict[int, LogEntry]:
    """The entries of the alert log that these messages carry, by their numbers."""
    wanted = sorted({seq for message in messages for seq in message.seqs})
    found: dict[int, LogEntry] = {}
    runs: dict[int, int] = defaultdict(int)  # first number of a run without gaps → its length
    first = None
    for seq in wanted:
        first = first if first is not None and seq == first + runs[first] else seq
        runs[first] += 1
    for first, length in runs.items():
        # An entry that the log has no more shifts what comes after it: hence the look at `wanted`.
        found.update(state.alerts(first - 1, limit=length))
    return {seq: found[seq] for seq in wanted if seq in found}


def _times(one: dict[str, Any]) -> dict[str, Any]:
    """The same with instants as people read them; 0 is none."""
    return {
        name: (instant(value) if value else None) if _is_time(name) else value
        for name, value in one.items()
    }


def _is_time(name: str) -> bool:
    return name.endswith("_at") or name in ("since", "lease_until")
