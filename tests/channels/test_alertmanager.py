"""Alertmanager's v2 API over real sockets: a server that keeps alerts by labels, as it does."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web

from atalaia.channels.alertmanager import BEHIND_S, PATH, STANDS_S, Alertmanager, check, encode
from atalaia.channels.guard import Rules, TargetRefused, networks
from atalaia.domain.alert import Alert
from atalaia.domain.contact import Contact, contact_of
from atalaia.domain.delivery import HeldAlert, Letter, Outcome
from atalaia.domain.drill import Drill, exercise
from patience import LIMIT_S, brief

from .letters import NOON, alert, confirm, content, letter
from .servers_webhook import rude_target, target, unused_port

OPEN = Rules(allow=networks(["127.0.0.0/8"]))
Labels = frozenset[tuple[str, str]]


class Kept:
    """What an Alertmanager makes of what is posted: by labels the newest words, or a refusal.

    Of two ends it keeps the later one, unless the one posted has passed by its clock `now`.
    """

    def __init__(self, now: int = NOON) -> None:
        self.now = now
        self.alerts: dict[Labels, dict[str, Any]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.headers)))
        for one in await request.json():
            is_over = _at(one["endsAt"]) < _at(one["startsAt"])
            strings = (*one["labels"].values(), *one["annotations"].values())
            if is_over or not one["labels"] or not all(isinstance(x, str) for x in strings):
                return web.Response(status=400)
            known = self.alerts.get(frozenset(one["labels"].items()), one)
            if self.now < _at(one["endsAt"]) < _at(known["endsAt"]):
                one |= {"endsAt": known["endsAt"]}
            self.alerts[frozenset(one["labels"].items())] = one
        return web.Response()

    def firing(self, now: int) -> dict[str, str]:
        """Level → summary, of those that have not ended."""
        return {
            one["labels"].get("level", ""): one["annotations"]["summary"]
            for one in self.alerts.values()
            if _at(one["endsAt"]) > now
        }


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def telling(*held: HeldAlert, **changes: object) -> Letter:
    standing = [one.alert for one in held if not one.is_over] or [held[0].alert]
    said = content(standing[-1], language="en")
    return letter("alertmanager", "http://x.example", said, held=held, **changes)


def sent(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
    *letters: Letter,
    login: str = "",
) -> list[Outcome]:
    async def run() -> list[Outcome]:
        channel = Alertmanager(rules=OPEN, timeout_s=LIMIT_S)
        async with target(answer) as server:
            url = str(server.make_url("/am")).replace("://", f"://{login}")
            to = contact_of("alertmanager", url)
            outcomes = [await channel.send(_to(one, to)) for one in letters]
            await channel.close()
        return outcomes

    return asyncio.run(run())


def _to(one: Letter, contact: Contact) -> Letter:
    return Letter(
        id=one.id, contact=contact, content=one.content, sent_at=one.sent_at, held=one.held
    )


def test_an_incident_fires_is_replaced_by_its_next_level_and_is_resolved() -> None:
    orange = alert(level="orange", incident="i1")
    red = alert(level="red", incident="i1", version=2, type="update", sent_at=NOON + 60)
    over = alert(level="red", incident="i1", version=3, type="end", sent_at=NOON + 120)
    kept, stands = Kept(), []

    def story(*held: HeldAlert) -> None:
        assert sent(kept.take, telling(*held)) == [Outcome("sent")]
        stands.append(kept.firing(held[0].alert.sent_at))

    story(HeldAlert(orange, "recife", "orange", is_over=False))
    story(
        HeldAlert(red, "recife", "orange", is_over=True),
        HeldAlert(red, "recife", "red", is_over=False),
    )
    story(
        HeldAlert(over, "recife", "orange", is_over=True),
        HeldAlert(over, "recife", "red", is_over=True),
    )
    assert stands == [
        {"orange": "Orange (severe): heavy rain at Recife"},
        {"red": "Red (extreme): heavy rain at Recife"},
        {},
    ]
    assert [path for path, _ in kept.asked] == [f"/am{PATH}"] * 3


def test_labels_are_what_stays_and_annotations_what_is_read() -> None:
    first = alert(incident="i1", level="red")
    later = alert(incident="i1", level="red", version=2, value=90.5, source="radar", unit=None)
    [one], [two] = (posted(a) for a in (first, later))
    assert one["labels"] == two["labels"] == {
        "alertname": "heavy_rain",
        "service": "atalaia",
        "incident": "i1",
        "place": "recife",
        "level": "red",
        "severity": "critical",
        "status": "Actual",
    }  # fmt: skip
    assert "71.2 mm" in one["annotations"]["description"]
    assert (one["annotations"]["value"], two["annotations"]["value"]) == ("71.2", "90.5")
    assert "unit" not in two["annotations"], "an empty one is none"


def posted(one: Alert, *, is_over: bool = False) -> list[dict[str, Any]]:
    held = HeldAlert(one, one.place_id, one.level, is_over=is_over)
    return json.loads(encode(telling(held)))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("level", "severity"),
    [("red", "critical"), ("orange", "warning"), ("yellow", "info"), ("watch", "info")],
)
def test_a_level_has_the_severity_that_rules_of_prometheus_have(level: str, severity: str) -> None:
    assert posted(alert(level=level))[0]["labels"]["severity"] == severity


@pytest.mark.parametrize("expires_at", [NOON + 3600, None])
def test_what_goes_on_without_news_is_not_resolved_by_the_hour(expires_at: int | None) -> None:
    [one] = posted(alert(expires_at=expires_at))
    assert _at(one["endsAt"]) == NOON + STANDS_S


def test_what_was_foretold_and_is_withdrawn_ends_no_earlier_than_it_began() -> None:
    [one] = posted(alert(onset_at=NOON + 7200, type="cancel"), is_over=True)
    assert _at(one["startsAt"]) == _at(one["endsAt"]) <= NOON


@pytest.mark.parametrize("behind_s", [0, 2, BEHIND_S - 1])
def test_an_end_is_one_too_where_the_other_clock_is_behind(behind_s: int) -> None:
    started = alert(incident="i1", level="red")
    over = alert(incident="i1", level="red", version=2, type="end", sent_at=NOON + 60)
    kept = Kept()
    assert sent(kept.take, telling(HeldAlert(started, "recife", "red", is_over=False)))
    assert kept.firing(NOON)
    kept.now = NOON + 60 - behind_s
    assert sent(kept.take, telling(HeldAlert(over, "recife", "red", is_over=True)))
    assert not kept.firing(kept.now)


def test_a_drill_and_a_code_are_alerts_of_their_own_and_end_by_themselves() -> None:
    drill = Drill(
        id="d", hazard="wind", level="red", place_id="recife", place="Recife", at=NOON, by="me"
    )
    to = ("alertmanager", "http://x.example")
    [one] = json.loads(encode(letter(*to, exercise(drill, "en"), expires_at=NOON + 600)))
    assert (one["labels"]["alertname"], one["labels"]["status"]) == ("exercise", "Exercise")
    assert _at(one["endsAt"]) == NOON + 600
    [asks] = json.loads(encode(confirm(*to)))
    assert asks["annotations"]["code"] == "482913"
    assert "level" not in asks["labels"]


def test_a_login_goes_in_its_header_and_in_no_url() -> None:
    kept = Kept()
    one = telling(HeldAlert(alert(), "recife", "red", is_over=False))
    assert sent(kept.take, one, login="ana:s%3Acret@") == [Outcome("sent")]
    [(path, headers)] = kept.asked
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"ana:s:cret"
    assert path == f"/am{PATH}"


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Outcome("sent")),
        (400, {}, Outcome("never", "HTTP 400: Alertmanager does not take it")),
        (401, {}, Outcome("again", "HTTP 401")),
        (404, {}, Outcome("again", "HTTP 404")),
        (302, {"Location": "/x"}, Outcome("again", "HTTP 302")),
        (503, {"Retry-After": "7"}, Outcome("again", "HTTP 503", after_s=7)),
    ],
)
def test_a_status_means(status: int, headers: dict[str, str], outcome: Outcome) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    assert sent(answer, telling(HeldAlert(alert(), "recife", "red", is_over=False))) == [outcome]


def test_where_nothing_listens_it_goes_again_and_where_nobody_answers_it_is_unknown() -> None:
    async def run() -> list[Outcome]:
        channel = Alertmanager(rules=OPEN, timeout_s=brief())
        one = telling(HeldAlert(alert(), "recife", "red", is_over=False))
        outcomes = [await channel.send(_to(one, Contact("alertmanager", closed)))]
        async with rude_target(resets=False) as url:
            outcomes.append(await channel.send(_to(one, Contact("alertmanager", url))))
        await channel.close()
        return outcomes

    closed = f"http://127.0.0.1:{unused_port()}"
    outcomes = asyncio.run(run())
    assert [one.verdict for one in outcomes] == ["again", "unknown"]


def test_one_that_stands_inside_is_refused_unless_its_network_is_allowed() -> None:
    inside = Contact("alertmanager", "http://127.0.0.1:9093")
    with pytest.raises(TargetRefused, match="alertmanager: the target is inside"):
        check(inside)
    assert check(inside, OPEN).path == PATH
    assert check(Contact("alertmanager", "http://alertmanager:9093"), OPEN).path == PATH
