"""Messages to Prometheus's Alertmanager, which routes them on as it does a metric's alerts.

Alertmanager knows an alert by its labels: what comes with the same ones replaces what it had, and
an `endsAt` that has passed resolves it. Labels therefore hold what it is routed by and what stays,
and annotations all that is read. A level is a label, so that a red alert can go another way than a
yellow one: where it changes, the alert of the level before is resolved in the same request.

An alert without an end is resolved by Alertmanager after minutes, unless it is told again and
again. An incident is told when it changes: its alerts stand for `STANDS_S`, or until it ends.

Reference: https://prometheus.io/docs/alerting/latest/alerts_api, `POST /api/v2/alerts`.
"""

from __future__ import annotations

import base64

import msgspec
from aiohttp.abc import AbstractResolver

from atalaia.channels.guard import STRICT, Rules, Target, TargetRefused, read_url
from atalaia.channels.outside import REFUSED, Outside, by_table
from atalaia.domain.alert import Alert, instant
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import HeldAlert, Letter, Limits, Outcome
from atalaia.domain.drill import KIND

# One row a status or a class of statuses; the first that fits holds.
OUTCOMES: tuple[tuple[range, Outcome], ...] = (
    (range(200, 300), Outcome("sent")),
    (range(400, 401), Outcome("never", "HTTP 400: Alertmanager does not take it")),
    # All else may pass: a wrong path or password is put right, a proxy comes back.
    (range(600), Outcome("again", "HTTP {status}")),
)
_meaning = by_table(OUTCOMES)

PATH = "/api/v2/alerts"
STANDS_S = 7 * 86_400
"""For so long an alert stands that nothing more is told of: a wrong "resolved" would be worse than
one that stays when its end was lost."""
BEHIND_S = 300
"""By so much may Alertmanager's clock be behind this one. An end that has not passed by its clock
is none to it: it keeps the later one that it has, and the alert would stand for all that week."""

_SEVERITIES = {"red": "critical", "orange": "warning"}
_LONGEST_TEXT = 4_000


class PostableAlert(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An alert as Alertmanager's v2 API takes it; instants in RFC 3339."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str


class Alertmanager:
    """POSTs each message to its contact's Alertmanager."""

    name = "alertmanager"

    def __init__(
        self,
        *,
        rules: Rules = STRICT,
        timeout_s: float = 15.0,
        at_once: int = 16,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.limits = Limits(at_once=at_once, is_apart=True)
        self._rules = rules
        self._outside = Outside(rules, timeout_s, resolver)

    async def send(self, letter: Letter) -> Outcome:
        """Try once: one POST, no redirection followed, all of it within the time-out."""
        try:
            target = check(letter.contact, self._rules)
        except TargetRefused:
            return REFUSED
        headers = {"Content-Type": "application/json"}
        if letter.contact.secret:
            login = base64.b64encode(letter.contact.secret.encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        answer = await self._outside.post(target, headers, encode(letter))
        return answer if isinstance(answer, Outcome) else _meaning(answer)

    async def close(self) -> None:
        """Close all connections."""
        await self._outside.close()


def check(contact: Contact, rules: Rules = STRICT) -> Target:
    """Where its alerts go, if its writing does not forbid it. Raises `TargetRefused`, a ValueError,
    without any address."""
    try:
        return read_url(f"{contact.address}{PATH}", rules)
    except TargetRefused as error:
        raise TargetRefused(f"alertmanager{str(error).removeprefix('webhook')}") from None


def encode(letter: Letter) -> bytes:
    """The body, the same over all tries: what stands, and what does so no more."""
    read = {
        "summary": letter.content.subject,
        "description": letter.content.text(_LONGEST_TEXT),
    }
    if letter.held:
        return msgspec.json.encode([_posted(one, read) for one in letter.held])
    return msgspec.json.encode([_apart(letter, read)])


def _posted(one: HeldAlert, read: dict[str, str]) -> PostableAlert:
    alert = one.alert
    ends_at = alert.sent_at + (-BEHIND_S if one.is_over else STANDS_S)
    return PostableAlert(
        labels={
            "alertname": alert.hazard,
            "service": "atalaia",
            "incident": alert.incident,
            "place": one.place_id,
            "level": one.level,
            "severity": _severity(one.level),
            "status": "Actual",
        },
        annotations=read | _facts(alert),
        starts_at=instant(min(_began_at(alert), ends_at)),
        ends_at=instant(ends_at),
    )


def _severity(level: str) -> str:
    """As rules of Prometheus commonly have it."""
    return _SEVERITIES.get(level, "info")


def _began_at(alert: Alert) -> int:
    """When it began, but not later than it was told: a start to come keeps nothing back there."""
    return alert.sent_at if alert.onset_at is None else min(alert.onset_at, alert.sent_at)


def _facts(alert: Alert) -> dict[str, str]:
    """The rest of what is known, for templates; empty values are no annotation."""
    facts = {
        "type": alert.type,
        "reason": alert.reason,
        "urgency": alert.urgency,
        "certainty": alert.certainty,
        "source": alert.source,
        "rule": alert.rule,
        "onset": instant(alert.onset_at) if alert.onset_at is not None else "",
        "expires": instant(alert.expires_at) if alert.expires_at is not None else "",
        "variable": alert.variable or "",
        "value": f"{alert.value:g}" if alert.value is not None else "",
        "limit": f"{alert.limit:g}" if alert.limit is not None else "",
        "unit": alert.unit or "",
    }
    return {name: fact for name, fact in facts.items() if fact}


def _apart(letter: Letter, read: dict[str, str]) -> PostableAlert:
    """What is no weather: a drill, a code, word of what was changed."""
    content = letter.content
    kind = content.kind.partition(":")[0]
    labels = {
        "alertname": kind,
        "service": "atalaia",
        "message": letter.id,
        "level": content.level,
        "severity": _severity(content.level),
        "status": "Exercise" if kind == KIND else "Actual",
    }
    return PostableAlert(
        labels={name: label for name, label in labels.items() if label},
        annotations=read | ({"code": content.code} if content.code else {}),
        starts_at=instant(letter.sent_at),
        ends_at=instant(letter.expires_at or letter.sent_at + 3600),
    )
